"""06.3, one projection of ITML: onto the bound of one pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import positive

Answer = Callable[..., Any]
# A quantity, made of those before it: k holds the inputs and what has been computed so far.
Quantity = Callable[[Any], Any]


def _step(k: Any) -> Any:
    """α where both sides meet, if nothing limits it."""
    return k.delta * (1 / k.p - 1 / k.xi) / (1 + k.c)


QUANTITIES: dict[str, Quantity] = {
    "image": lambda k: k.M @ k.v,
    "p": lambda k: k.v @ k.image,
    "alpha": lambda k: min(k.lam, _step(k)),
    "beta": lambda k: k.delta * k.alpha / (1 - k.delta * k.alpha * k.p),
    "metric": lambda k: k.M + k.beta * np.outer(k.image, k.image),
    "bound": lambda k: k.xi / (1 + k.c * k.delta * k.alpha * k.xi),
    "dual": lambda k: k.lam - k.alpha,
}


def updating(soft: bool = False, **changes: Quantity) -> Answer:
    """The update with some of its quantities computed otherwise; with none, the right one.

    The last argument of the answer is γ, or 1/γ where ``soft``; c is 1/γ in both.
    """
    quantities = QUANTITIES | changes

    def bregman_update(M, v, delta, xi, lam, price):
        c = price if soft else 1 / price
        k = SimpleNamespace(M=M, v=v, delta=delta, xi=xi, lam=lam, price=price, c=c)
        for name, compute in quantities.items():
            setattr(k, name, compute(k))
        return k.metric, k.bound, k.dual

    return bregman_update


update = updating()


def single(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same inputs with real arrays in float32."""
    return {
        name: value.astype(np.float32) if _is_real_array(value) else value
        for name, value in inputs.items()
    }


def _is_real_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


# ---------------------------------------------------------------- the budget


def error_sizes(
    M: np.ndarray, V: Any, delta: Any, xi: Any, lam: Any, c: float, order: Any
) -> Arrays:
    """How far M, ξ and λ may be off after one update for each entry of ``order``, in roundoffs.

    The error is measured in M⁻¹, relative to it: each update adds that of a product or an inverse,
    its length times the condition of M. The projection itself does not magnify what was there, but
    a direction v in which M grows from p to p' makes it p'/p times as large a share.
    """
    xi, lam = np.array(xi, float), np.array(lam, float)
    relative, of_xi, of_lam, length = 0.0, 0 * xi, 0 * lam, 4 * len(M) + 8
    for i in order:
        v, p = V[i], V[i] @ M @ V[i]
        relative += length * np.linalg.cond(M)
        step = relative / ((1 + c) * p) + 4 * (1 / p + 1 / xi[i])
        of_lam[i] += step + 8 * lam[i]
        M, xi[i], lam[i] = updating(soft=True)(M, v, delta[i], xi[i], lam[i], c)
        of_xi[i] += c * xi[i] ** 2 * step + 8 * xi[i]
        of_lam[i] += 8 * lam[i]
        relative *= max(1.0, v @ M @ v / p)
    total = (relative + length * np.linalg.cond(M)) * np.linalg.norm(M, 2)
    return {"M": np.array(total), "xi": of_xi, "lam": of_lam}


def with_errors(case: Case, sizes: Arrays) -> Case:
    """The case with its budget, worked out once: sizes in roundoffs, times that of its inputs."""
    errors = {name: rounding(case, 1, size) for name, size in sizes.items()}
    return replace(case, given={"errors": errors})


def given_errors(case: Case, expected: Arrays) -> Arrays:
    """The budget that ``with_errors`` put into the case."""
    return case.given["errors"]


# ---------------------------------------------------------------- the cases

# A bound as a share of p that a similar pair breaks and a dissimilar one keeps, and the reverse.
BELOW, ABOVE = (0.2, 0.6), (1.7, 4.0)


def _short(number: float) -> float:
    """The number with three digits, so that a case can be read."""
    return float(f"{number:.3g}")


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    name_of_price = "c" if variant["soft"] else "gamma"

    def case(name: str, *pair: Any, group: str = "values", layout: str = "C") -> Case:
        M, v, delta, xi, lam, gamma = np.asarray(pair[0]), np.asarray(pair[1]), *pair[2:]
        price = 1 / gamma if variant["soft"] else gamma
        inputs = {"M": M, "v": v, "delta": delta, "xi": xi, "lam": lam, name_of_price: price}
        exact = M.astype(float), v.astype(float)[None]
        sizes = error_sizes(*exact, [delta], [xi], [lam], 1 / gamma, [0])
        sizes = {key: size.reshape(()) for key, size in sizes.items()}
        return with_errors(Case(name, inputs, group, layout), sizes)

    def drawn(d: int, delta: int, share: tuple[float, float], held: float, gamma: float) -> tuple:
        """A pair whose bound is such a share of p, and λ so many times the step to it."""
        M, v = positive(rng, d), rng.uniform(0.5, 2) * rng.normal(size=d)
        p = float(v @ M @ v)
        xi = _short(p * rng.uniform(*share))
        lam = _short(held * abs(1 / p - 1 / xi) / (1 + 1 / gamma))
        return M, v, delta, xi, lam, gamma

    lean = [[2.0, 1.0], [1.0, 3.0]]
    back, price = "taken back", "price"
    M, v, *rest = drawn(3, 1, BELOW, 0.5, 3.0)
    in_single = M.astype(np.float32), v.astype(np.float32), *rest
    found = [
        case("a similar pair on a line, too far", [[2.0]], [1.0], 1, 1.0, 0.0, 1.0),
        case("a dissimilar pair on a line, too near", [[2.0]], [1.0], -1, 6.0, 0.0, 1.0),
        case("a similar pair in the plane, too far", lean, [1.0, -2.0], 1, 2.0, 0.25, 1.0),
        case("a similar pair, too far", *drawn(4, 1, BELOW, 0.7, 1.0)),
        case("a dissimilar pair, too near", *drawn(3, -1, ABOVE, 0.7, 1.0)),
        case(
            "similar, on a line, near enough, λ = 1", [[2.0]], [1.0], 1, 6.0, 1.0, 1.0, group=back
        ),
        case("similar, on a line, λ = 1/8", [[2.0]], [1.0], 1, 6.0, 0.125, 1.0, group=back),
        case("similar, near enough, some λ taken back", *drawn(3, 1, ABOVE, 2.0, 1.0), group=back),
        case("similar, near enough, all λ taken back", *drawn(3, 1, ABOVE, 0.5, 1.0), group=back),
        case(
            "dissimilar, far enough, some λ taken back", *drawn(2, -1, BELOW, 2.0, 1.0), group=back
        ),
        case(
            "dissimilar, far enough, all λ taken back", *drawn(4, -1, BELOW, 0.5, 1.0), group=back
        ),
        case("similar, near enough, λ = 0", *drawn(2, 1, ABOVE, 0.0, 1.0), group=back),
        case("dissimilar, far enough, λ = 0", *drawn(3, -1, BELOW, 0.0, 1.0), group=back),
        case("a similar pair on a line, γ = 3", [[2.0]], [1.0], 1, 1.0, 0.0, 3.0, group=price),
        case(
            "a dissimilar pair on a line, γ = 1/4", [[2.0]], [1.0], -1, 6.0, 0.0, 0.25, group=price
        ),
        case("a similar pair, a high price", *drawn(3, 1, BELOW, 0.5, 8.0), group=price),
        case("a dissimilar pair, a low price", *drawn(4, -1, ABOVE, 0.5, 0.2), group=price),
        case("some λ taken back, a low price", *drawn(3, 1, ABOVE, 2.0, 0.3), group=price),
        case("float32", *in_single, group=price),
        case("every second row of a larger array", M, v, *rest, layout="strided", group=price),
    ]
    if variant["soft"]:
        hard = [[2.0]], [1.0], 1, 1.0, 0.0, np.inf
        found.append(case("a bound that does not move, c = 0", *hard, group=price))
    return found


# ---------------------------------------------------------------- the mistakes


def _wrong_sides(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in δ: which of the two kinds of pairs is handled."""

    def everywhere(delta: Callable[[Any], int]) -> Answer:
        right = make()
        return lambda M, v, d, *rest: right(M, v, delta(d), *rest)

    return [
        Mistake(
            "all pairs similar",
            everywhere(lambda delta: 1),
            "δ has no part in your result: a dissimilar pair is moved as if it were similar.",
        ),
        Mistake(
            "δ turned round",
            everywhere(lambda delta: -delta),
            "Your δ has the wrong sign everywhere: a similar pair is treated as dissimilar, and "
            "the reverse. Its bound says that the distance may not be larger.",
        ),
        *ways(
            "δ missing in the step",
            "δ is missing in your α, or stands there twice. For a dissimilar pair the signs of "
            "violated and satisfied are then exchanged.",
            make(alpha=lambda k: min(k.lam, k.delta * _step(k))),
            make(alpha=lambda k: k.delta * min(k.lam, _step(k))),
        ),
        Mistake(
            "δ outside of the minimum",
            make(alpha=lambda k: k.delta * min(k.lam, k.delta * _step(k))),
            "In your α the minimum is taken first and multiplied by δ afterwards. For a dissimilar "
            "pair λ then limits the pushes, and nothing limits what is taken back.",
        ),
        Mistake(
            "sign of the step",
            make(alpha=lambda k: min(k.lam, -_step(k))),
            "Your α has the wrong sign, for pairs of both kinds. A bound that is broken is to "
            "make λ larger.",
        ),
        Mistake(
            "the size of the step",
            make(alpha=lambda k: min(k.lam, abs(_step(k)))),
            "Your α is never negative: you use the size of the step, without its sign. A bound "
            "that is broken is then handled like one that holds.",
        ),
        *ways(
            "δ missing in M",
            "δ is missing where you change M. For dissimilar pairs your M moves the wrong way, or "
            "another way than ξ.",
            make(beta=lambda k: k.alpha / (1 - k.alpha * k.p)),
            make(beta=lambda k: k.alpha / (1 - k.delta * k.alpha * k.p)),
        ),
        *ways(
            "δ wrong in ξ",
            "In your ξ the sign δ is missing or turned round. The bound then moves away from the "
            "distance, and the two do not meet.",
            make(bound=lambda k: k.xi / (1 + k.c * k.alpha * k.xi)),
            make(bound=lambda k: k.xi / (1 - k.c * k.delta * k.alpha * k.xi)),
        ),
    ]


def _wrong_steps(make: Callable[..., Answer], price: str) -> list[Mistake]:
    """The mistakes in α."""

    def stepping(step: Quantity) -> Answer:
        return make(alpha=lambda k: min(k.lam, step(k)))

    def gap(k: Any) -> Any:
        return k.delta * (1 / k.p - 1 / k.xi)

    printed = "δ/2·(1/p − γ/ξ)" if price == "γ" else "δ/2·(1/p − γ/ξ) with γ = 1/c"
    return [
        *ways(
            "not limited by λ",
            "You take back more than was given: a pair whose bound holds is moved until the bound "
            "is met exactly, however small its λ was.",
            make(alpha=_step),
            make(alpha=_step, dual=lambda k: max(0.0, k.lam - k.alpha)),
        ),
        Mistake(
            "nothing where λ limits",
            make(alpha=lambda k: _step(k) if _step(k) <= k.lam else 0.0),
            "Where λ limits the step you take nothing back. Take back all there is.",
        ),
        *ways(
            "nothing taken back",
            "A pair whose bound holds is left alone in your answer. If its λ is above zero it was "
            "pushed before, and as much of that is to be taken back as is no longer needed.",
            make(alpha=lambda k: min(0, _step(k))),
            make(alpha=lambda k: _step(k) if k.delta * (k.p - k.xi) > 0 else 0.0),
        ),
        *ways(
            "maximum for minimum",
            "Your α is never below λ: the limit works from the other side.",
            make(alpha=lambda k: max(k.lam, _step(k))),
        ),
        *ways(
            "all of λ taken back",
            "Where the bound holds you take back all of λ at once, also where a part of it is "
            "still needed to hold it.",
            make(alpha=lambda k: _step(k) if _step(k) < 0 else k.lam),
        ),
        *ways(
            "limited from both sides",
            "You limit the size of α by λ in both directions. A bound that is broken may be "
            "pushed as far as needed; only taking back has a limit.",
            make(alpha=lambda k: max(-k.lam, min(k.lam, _step(k)))),
        ),
        Mistake(
            "the printed step",
            stepping(lambda k: k.delta / 2 * (1 / k.p - np.float64(1) / (k.c * k.xi))),
            f"Your α is {printed}, as the paper's Algorithm 1 is printed. For {price} = 1 the "
            f"distance and the bound meet after it; for another {price} compare the two.",
        ),
        *ways(
            "half a step at every price",
            f"Your α does not depend on {price}: it is half of the difference of the inverses. "
            "Distance and bound meet in the middle only if both move equally easily.",
            stepping(lambda k: gap(k) / 2),
        ),
        *ways(
            "a step as if the bound were fixed",
            f"Your α does not depend on {price}: it brings the distance to the old bound. The "
            "bound moves too, and passes the distance on its way.",
            stepping(gap),
        ),
        *ways(
            "the bound's share of the step",
            "Your α has the wrong share of the difference. Of the two shares, which add up to 1, "
            "you took the one by which the bound moves.",
            stepping(lambda k: gap(k) * k.c / (1 + k.c)),
        ),
        *ways(
            "a whole multiple of the difference",
            f"Your α is the difference of the inverses times {price} or 1/{price}. Distance and "
            "bound share this difference: the factor is below 1.",
            stepping(lambda k: gap(k) / np.float64(k.c)),
            stepping(lambda k: gap(k) * k.c),
        ),
        *ways(
            "difference of the distances",
            "Your α comes from the difference between p and ξ, or from their ratio. It is the "
            "inverses that move by multiples of α.",
            stepping(lambda k: k.delta * (k.xi - k.p) / (1 + k.c)),
            stepping(lambda k: k.delta * (1 - k.p / k.xi) / (1 + k.c)),
        ),
    ]


def _wrong_metrics(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in the distance p and in the new M."""

    def signed(k: Any) -> Any:
        return k.delta * k.alpha

    def outer(product: Quantity) -> Answer:
        return make(metric=lambda k: k.M + k.beta * product(k))

    return [
        *ways(
            "v for Mv",
            "Your M changes by a multiple of vvᵀ. It is the inverse of M that does so; M itself "
            "changes along another vector.",
            outer(lambda k: np.outer(k.v, k.v)),
        ),
        *ways(
            "only one side multiplied",
            "On one side of your outer product stands v, on the other Mv. The result is not even "
            "symmetric.",
            outer(lambda k: np.outer(k.image, k.v)),
            outer(lambda k: np.outer(k.v, k.image)),
        ),
        *ways(
            "inner for outer product",
            "You add a number to every entry of M, or a multiple of M to M. The change of M is an "
            "outer product of a vector with itself.",
            outer(lambda k: k.p),
            outer(lambda k: k.p * k.M),
        ),
        *ways(
            "denominator missing",
            "You add δα(Mv)(Mv)ᵀ to M. To subtract δα·vvᵀ from the inverse does that in the first "
            "order only: a denominator is missing.",
            make(beta=signed),
        ),
        *ways(
            "another denominator",
            "In your change of M the denominator is not the one that belongs to M⁻¹ − δα·vvᵀ: its "
            "sign is wrong, p is missing, or something else stands there.",
            make(beta=lambda k: signed(k) / (1 + signed(k) * k.p)),
            make(beta=lambda k: signed(k) / (1 - signed(k))),
            make(beta=lambda k: signed(k) / (1 - signed(k) * k.xi)),
        ),
        *ways(
            "sign of the change",
            "Your M moves the wrong way: where a similar pair is too far, its distance grows.",
            make(beta=lambda k: -signed(k) / (1 - signed(k) * k.p)),
            make(beta=lambda k: -signed(k) / (1 + signed(k) * k.p)),
        ),
        *ways(
            "the inverse returned",
            "Your first result is the inverse of M, not M.",
            make(metric=lambda k: np.linalg.inv(k.M) - signed(k) * np.outer(k.v, k.v)),
        ),
        *ways(
            "M for its inverse",
            "You subtracted δα·vvᵀ from M itself. It is the inverse of M from which it is taken.",
            make(metric=lambda k: k.M - signed(k) * np.outer(k.v, k.v)),
        ),
        *ways(
            "M as it was",
            "Your first result is M as it came in.",
            make(metric=lambda k: k.M),
        ),
        *ways(
            "root of p",
            "You work with the root of vᵀMv. The bounds of ITML are about squared distances.",
            make(p=lambda k: np.sqrt(k.v @ k.image)),
        ),
        *ways(
            "another distance",
            "Your p is not vᵀMv: it is the squared length of v or of Mv, or the distance under the "
            "inverse of M.",
            make(p=lambda k: k.v @ k.v),
            make(p=lambda k: k.image @ k.image),
            make(p=lambda k: k.v @ np.linalg.solve(k.M, k.v)),
        ),
    ]


def _wrong_numbers(make: Callable[..., Answer], price: str) -> list[Mistake]:
    """The mistakes in the new ξ and λ, and in what is returned."""
    right = make()

    def exchanged(*inputs):
        metric, bound, dual = right(*inputs)
        return metric, dual, bound

    def other_price(M, v, delta, xi, lam, price):
        return right(M, v, delta, xi, lam, np.float64(1) / price)

    other = "1/γ" if price == "γ" else "1/c"
    return [
        *ways(
            "ξ as it was",
            "Your ξ does not move. The bound goes towards the distance and stays there: the next "
            "visit to this pair starts from it.",
            make(bound=lambda k: k.xi),
        ),
        *ways(
            "ξ and step of a fixed bound",
            "Your bound is fixed: M is brought to the old ξ, as if there were no slack.",
            make(
                alpha=lambda k: min(k.lam, k.delta * (1 / k.p - 1 / k.xi)),
                bound=lambda k: k.xi,
            ),
        ),
        *ways(
            "ξ set to the distance",
            "Your ξ is the new distance in every case. The two do not meet where λ limits the "
            "step: there each moves as far as α says.",
            make(bound=lambda k: k.v @ k.metric @ k.v),
        ),
        *ways(
            "ξ set to the old distance",
            "Your ξ is the distance before the update. It moves, too.",
            make(bound=lambda k: k.p),
        ),
        *ways(
            "price missing in ξ",
            f"{price} has no part in your ξ, or it stands there upside down. The higher the price, "
            "the less the bound moves.",
            make(bound=lambda k: k.xi / (1 + k.delta * k.alpha * k.xi)),
            make(bound=lambda k: k.xi / (1 + k.delta * k.alpha * k.xi / np.float64(k.c))),
        ),
        *ways(
            "ξ moved by a sum",
            "You add a multiple of α to ξ itself. It is 1/ξ that moves by a multiple of α.",
            make(bound=lambda k: k.xi - k.c * k.delta * k.alpha),
            make(bound=lambda k: k.xi - k.c * k.delta * k.alpha * k.xi**2),
        ),
        *ways(
            "the inverse of ξ",
            "Your second result is 1/ξ, not ξ.",
            make(bound=lambda k: 1 / k.xi + k.c * k.delta * k.alpha),
        ),
        *ways(
            "α added to λ",
            "Your λ grows where pushes are taken back, and falls where a bound is broken.",
            make(dual=lambda k: k.lam + k.alpha),
        ),
        *ways(
            "the size of α taken from λ",
            "Your λ never grows: you subtract the size of α, without its sign. Where a bound is "
            "broken, the push is to be added to the account.",
            make(dual=lambda k: k.lam - abs(k.alpha)),
            make(dual=lambda k: max(0.0, k.lam - abs(k.alpha))),
        ),
        *ways(
            "λ as it was",
            "Your λ is the old one. It keeps account of all pushes so far, this one included.",
            make(dual=lambda k: k.lam),
        ),
        *ways(
            "α for λ",
            "Your third result is α, or −α. λ is the sum over all updates of this pair.",
            make(dual=lambda k: -k.alpha),
            make(dual=lambda k: k.alpha),
        ),
        *ways(
            "δ in λ",
            "A δ stands in your λ. λ is never negative, for pairs of both kinds: δ says to which "
            "side the push goes, λ how strong it is.",
            make(dual=lambda k: k.lam - k.delta * k.alpha),
            make(dual=lambda k: k.delta * (k.lam - k.alpha)),
        ),
        *ways(
            "price upside down",
            f"You use {other} where {price} is meant, everywhere.",
            other_price,
        ),
        *ways(
            "λ and ξ exchanged",
            "You returned λ before ξ. The order is: M, xi, lam.",
            exchanged,
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def make(**changes: Quantity) -> Answer:
        return updating(variant["soft"], **changes)

    price = "c" if variant["soft"] else "γ"
    return (
        *_wrong_sides(make),
        *_wrong_steps(make, price),
        *_wrong_metrics(make),
        *_wrong_numbers(make, price),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["soft"]:
        push = "c\\,\\delta\\alpha"
        price = (
            "The bound may move, at a price: $c \\ge 0$ says how easily. For $c = 0$ it stays "
            "where it is."
        )
    else:
        push = "\\frac{\\delta\\alpha}{\\gamma}"
        price = "The bound may move, at a price $\\gamma > 0$: the higher the price, the less."
    return (
        "ITML goes from pair to pair. A pair is known by its difference $v$ and by $\\delta$: for "
        "a similar pair, $\\delta = 1$, the squared distance $v^\\top M v$ shall be at most "
        "$\\xi$; for a dissimilar one, $\\delta = -1$, at least $\\xi$. "
        f"{price} One update moves both sides, and remembers in $\\lambda \\ge 0$ how much this "
        "pair has pushed:\n\n"
        "$$M_{\\text{new}}^{-1} = M^{-1} - \\delta\\alpha\\, v v^\\top, \\qquad "
        f"\\frac{{1}}{{\\xi_{{\\text{{new}}}}}} = \\frac{{1}}{{\\xi}} + {push}, \\qquad "
        "\\lambda_{\\text{new}} = \\lambda - \\alpha.$$\n\n"
        "$\\alpha$ is the number for which both sides meet, $v^\\top M_{\\text{new}} v = "
        "\\xi_{\\text{new}}$. A bound that is broken makes $\\alpha$ negative, and $\\lambda$ "
        "larger. Where the bound holds, $\\alpha$ is positive: then earlier pushes are taken back, "
        "but never more than there were. So if that number is larger than $\\lambda$, take "
        "$\\alpha = \\lambda$.\n\n"
        "Write a function that returns the new $M$, $\\xi$ and $\\lambda$, in this order. It can "
        "be done without inverting a matrix."
    )


def _skeleton(variant: Variant) -> str:
    price = "c: at least 0" if variant["soft"] else "gamma: above 0"
    name = "c" if variant["soft"] else "gamma"
    return f'''def bregman_update(M, v, delta, xi, lam, {name}):
    """Return M, xi and lam after the projection onto the bound of one pair.

    M: (d, d), symmetric positive definite. v: (d,), not zero. delta: 1 (similar) or -1.
    xi: above 0. lam: at least 0. {price}. Returns: the new M, (d, d), xi and lam.
    """'''


BREGMAN_UPDATE = Exercise(
    number="06.3",
    name="bregman_update",
    title="One projection with slack",
    points=4,
    minutes=25,
    kind=Function(returns=("M", "xi", "lam")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Forget the matrix first: with p = vᵀMv, how does 1/p change when M⁻¹ changes by a "
        "multiple of vvᵀ? Try d = 1, where M⁻¹ is 1/M; the answer is the same in every d.",
        "Two inverse numbers move towards each other, 1/p by −δα and 1/ξ by its own multiple of "
        "δα. For which α are they equal? Then compare that number with λ.",
        "M + β(Mv)(Mv)ᵀ has the inverse that is asked for, by the formula of Sherman and Morrison. "
        "On a line M, p and v² are numbers: from 1/M_new = 1/M − δα·v² you can read off β.",
    ),
    variants={"soft": (False, True)},
    groups={"values": 2, "taken back": 1, "price": 1},
    cases=_cases,
    reference=lambda variant: updating(variant["soft"]),
    mistakes=_mistakes,
    budget=given_errors,
)
