"""04.2b, one Newton step on the diagonal objective."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import Answer, differences, single, table

MOST = 30
INPUTS = ("w", "S", "D")
# So clearly does every try pass or fail: no rounding decides.
CLEAR = 0.01


class Local(NamedTuple):
    """What f is near w: value, gradient, and what its Hessian is made of.

    s = Σ √q, q = ⟨d², w⟩; ``slope`` is ∇s and ``bend`` is ∇²s, negative semidefinite.
    """

    value: Any
    gradient: Any
    s: Any
    slope: Any
    bend: Any


def _near(w: Any, S: Any, D: Any) -> Local:
    a, squares = (S**2).sum(axis=0), D**2
    q = squares @ w
    root = np.sqrt(q)
    s, slope = root.sum(), squares.T @ (0.5 / root)
    bend = -(squares.T * (0.25 / root**3)) @ squares
    return Local(a @ w - np.log(s), a - slope / s, s, slope, bend)


def _value(w: Any, S: Any, D: Any) -> Any:
    return (S**2).sum(axis=0) @ w - np.log(np.sqrt(D**2 @ w).sum())


def _hessian(k: Local) -> Any:
    return np.outer(k.slope, k.slope) / k.s**2 - k.bend / k.s


def _newton(k: Local) -> Any:
    return -np.linalg.solve(_hessian(k), k.gradient)


def _direct(hessian: Callable[[Local], Any]) -> Callable[[Local], Any]:
    """The direction with another Hessian."""
    return lambda k: -np.linalg.solve(hessian(k), k.gradient)


def _accepts(moved: Any, new: Any, old: Any) -> bool:
    return bool(np.all(moved > 0) and new < old)


def _searching(
    variant: Variant,
    *,
    direction: Callable[[Local], Any] = _newton,
    moves: Callable = lambda w, p, t: w + t * p,
    accepts: Callable = _accepts,
    gives: Callable = lambda w, moved, p, t: moved,
    gives_up: Callable = lambda w, moved: w,
    shrink: float | None = None,
    most: int = MOST,
) -> Answer:
    """The step with one of its parts exchanged; with none, the reference.

    direction   p, from what f is near w.
    moves       the candidate of a step t.
    accepts     of the candidate, its objective and the old one.
    gives       what is returned after an acceptance; ``gives_up`` after the last try.
    """
    factor = shrink or variant["shrink"]

    def newton_step(w, S, D):
        k = _near(w, S, D)
        p, moved = direction(k), w
        for number in range(most + 1):
            t = 1 / factor**number
            moved = moves(w, p, t)
            with np.errstate(all="ignore"):
                if accepts(moved, _value(moved, S, D), k.value):
                    return gives(w, moved, p, t)
        return gives_up(w, moved)

    return newton_step


# ---------------------------------------------------------------- cases


def _tries(w: Any, S: Any, D: Any, shrink: float) -> tuple[list[tuple[bool, bool]], bool]:
    """For each try whether weights stay positive and f falls, and whether all that is clear."""
    k = _near(w, S, D)
    p, found, clear = _newton(k), [], True
    for number in range(MOST + 1):
        moved = w + p / shrink**number
        with np.errstate(all="ignore"):
            change = _value(moved, S, D) - k.value
        inside, falls = bool(np.all(moved > 0)), bool(change < 0)
        unclear = np.abs(moved / w).min() < CLEAR or abs(change) < CLEAR
        # Where a weight is negative nobody needs to know whether f falls.
        clear = clear and not (unclear if inside else np.abs(moved / w).min() < CLEAR)
        found.append((inside, falls))
        if inside and falls:
            return found, clear
    return found, False


def _drawn(
    rng: Rng,
    variant: Variant,
    d: int,
    ratios: Callable[[], np.ndarray],
    wanted: Callable[[list[tuple[bool, bool]]], bool],
) -> tuple[np.ndarray, ...]:
    """A start whose Hessian is well conditioned and whose tries go as ``wanted``.

    ``ratios`` draws the two parts of each entry of the gradient as a quotient: 1 at the minimum,
    and 2 where Newton's step leads to a weight of about 0.
    """
    while True:
        S, D = differences(rng, d + 3, d), differences(rng, 2 * d + 2, d, 3.0)
        w = rng.uniform(0.2, 2, d)
        k = _near(w, S, D)
        S = S * np.sqrt(ratios() * (k.slope / k.s) / (S**2).sum(axis=0))
        tries, clear = _tries(w, S, D, variant["shrink"])
        if clear and wanted(tries) and np.linalg.cond(_hessian(_near(w, S, D))) < 200:
            return w, S, D


def _at_once(tries: list[tuple[bool, bool]]) -> bool:
    return len(tries) == 1


def _leaves(tries: list[tuple[bool, bool]]) -> bool:
    """A weight would be negative, and f would fall all the same."""
    return 2 <= len(tries) <= 5 and any(falls and not inside for inside, falls in tries)


def _rises(tries: list[tuple[bool, bool]]) -> bool:
    """All weights are positive at some try, and f is larger."""
    return any(inside and not falls for inside, falls in tries)


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, w: Any, S: np.ndarray, D: np.ndarray, **more: str) -> Case:
        inputs = dict(zip(INPUTS, (np.asarray(w), S, D), strict=True))
        return Case(name, inputs, given={"size": _size(inputs, variant)}, **more)  # type: ignore[arg-type]

    def near(d: int) -> tuple[np.ndarray, ...]:
        """The whole step is right."""
        return _drawn(rng, variant, d, lambda: rng.uniform(0.5, 0.8, d), _at_once)

    def beyond(d: int) -> tuple[np.ndarray, ...]:
        """One weight would be negative."""
        large = np.arange(d) == rng.integers(d)
        return _drawn(
            rng, variant, d, lambda: np.where(large, 3, 1) * rng.uniform(0.8, 1.2, d), _leaves
        )

    def along(d: int) -> tuple[np.ndarray, ...]:
        """All weights would be near zero, where f is large."""
        return _drawn(rng, variant, d, lambda: rng.uniform(1.78, 1.9, d), _rises)

    one = table([1])
    some = beyond(3)
    limits = {"group": "limits"}
    return [
        # Powers of two, so that rounding hides no Hessian that is zero.
        case("one pair of each kind on a line", [0.25], one, one),
        case("on a line, the whole step is too long", [0.25], table([2], [2]), one),
        case("on a line, f would rise", [0.0625], table([3], [2], [1]), one),
        case("on a line, beyond the minimum", [0.0625], table([3], [2]), one),
        case("two features, the whole step", [0.25, 0.125], np.eye(2), table([1, 1], [0, 2])),
        case("two features, a step too long", *beyond(2)),
        case("three features, the whole step", *near(3)),
        case("three features, a step too long", *some),
        case("three features, f would rise", *along(3)),
        case("five features, a step too long", *beyond(5)),
        case("float32", *single(*near(3))),
        case("Fortran order", *some, layout="F"),
        case("a minimum, where the gradient is zero", [0.25], table([1], [1]), one, **limits),
        case("a step that shrinks often", [2.0**18], table([1], [1], [1]), one, **limits),
    ]


def _size(inputs: dict[str, np.ndarray], variant: Variant) -> float:
    """Sizes of w and its step, and what the solution of the system makes of a rounding."""
    w, S, D = (np.asarray(v, float) for v in inputs.values())
    k, H = _near(w, S, D), _hessian(_near(w, S, D))
    p = np.linalg.norm(_newton(k))
    gradient = np.linalg.norm((S**2).sum(axis=0)) + np.linalg.norm(k.slope / k.s)
    tries, _ = _tries(w, S, D, variant["shrink"])
    # Near a minimum any step may seem to fall or not: its size is then that of its error.
    t = variant["shrink"] ** -(len(tries) - 1.0) if any(all(try_) for try_ in tries) else 1.0
    solved = np.linalg.norm(np.linalg.inv(H), 2) * (gradient + np.linalg.norm(H) * p)
    return float(np.linalg.norm(w) + t * (p + solved))


def _budget(case: Case, expected: Arrays) -> Arrays:
    length = len(case.inputs["S"]) + len(case.inputs["D"]) + 4 * len(case.inputs["w"]) + 8
    size = rounding(case, length, case.given["size"])
    return {name: np.broadcast_to(size, value.shape) for name, value in expected.items()}


# ---------------------------------------------------------------- mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    own = variant["shrink"]

    def search(**parts: Any) -> Answer:
        return _searching(variant, **parts)

    def hessian(change: Callable[[Local], Any], **parts: Any) -> Answer:
        return search(direction=_direct(change), **parts)

    def least_squares(change: Callable[[Local], Any]) -> Answer:
        return search(direction=lambda k: -np.linalg.pinv(change(k)) @ k.gradient)

    def square(k: Local) -> Any:
        return np.outer(k.slope, k.slope) / k.s**2

    def curved(k: Local) -> Any:
        return -k.bend / k.s

    def always(moved: Any, new: Any, old: Any) -> bool:
        return True

    def positive(moved: Any, new: Any, old: Any) -> bool:
        return bool(np.all(moved > 0))

    def falls(moved: Any, new: Any, old: Any) -> bool:
        return bool(new < old)

    def clipped(floor: float) -> Callable:
        return lambda w, p, t: np.maximum(w + t * p, floor)

    def each_weight(w, p, t):
        steps = np.ones_like(w)
        while np.any(w + steps * p <= 0):
            steps = np.where(w + steps * p <= 0, steps / own, steps)
        return w + t * steps * p

    def frozen(w, p, t):
        return np.where(w + t * p > 0, w + t * p, w)

    def shrinks_once(w, S, D):
        k = _near(w, S, D)
        p = _newton(k)
        with np.errstate(all="ignore"):
            fine = _accepts(w + p, _value(w + p, S, D), k.value)
        return w + p if fine else w + p / own

    def compares_with_the_last_try(w, S, D):
        k = _near(w, S, D)
        p, old = _newton(k), k.value
        for number in range(MOST + 1):
            moved = w + p / own**number
            with np.errstate(all="ignore"):
                new = _value(moved, S, D)
            if _accepts(moved, new, old):
                return moved
            old = new
        return w

    def goes_on(w, S, D):
        k = _near(w, S, D)
        p, moved = _newton(k), w
        for number in range(MOST + 1):
            moved = moved + p / own**number
            with np.errstate(all="ignore"):
                if _accepts(moved, _value(moved, S, D), k.value):
                    return moved
        return w

    def lowest(w, S, D):
        k = _near(w, S, D)
        p, tries = _newton(k), []
        with np.errstate(all="ignore"):
            for number in range(MOST + 1):
                moved = w + p / own**number
                if _accepts(moved, _value(moved, S, D), k.value):
                    tries.append((_value(moved, S, D), -number))
        return w + p / own ** -min(tries)[1] if tries else w

    def two_steps(w, S, D):
        return search()(search()(w, S, D), S, D)

    def nearly_to_the_border(share: float) -> Answer:
        def answer(w, S, D):
            p = _newton(_near(w, S, D))
            with np.errstate(all="ignore"):
                room = np.where(p < 0, -w / p, np.inf).min()
            return w + min(1.0, share * room) * p

        return answer

    name = {2.0: "half", 4.0: "a quarter of"}[own]
    others = tuple(factor for factor in (2.0, 4.0, 10.0, 3.0, 1 / 0.9) if factor != own)
    return (
        *ways(
            "uphill",
            "Your direction leads uphill: the step, the gradient or the whole Hessian has the "
            "wrong sign. Then no try lowers f, or the step goes the wrong way.",
            search(direction=lambda k: -_newton(k)),
            search(direction=lambda k: -_newton(k), accepts=positive),
            search(direction=lambda k: k.gradient),
        ),
        *ways(
            "sign inside the Hessian",
            "One of the two parts of your Hessian has the wrong sign. The Hessian of a convex "
            "function has no negative eigenvalue.",
            hessian(lambda k: square(k) - curved(k)),
            hessian(lambda k: curved(k) - square(k)),
        ),
        *ways(
            "only the diagonal of the Hessian",
            "You use the diagonal of the Hessian alone. Newton's step needs its other entries, "
            "too.",
            hessian(lambda k: np.diag(np.diag(_hessian(k)))),
        ),
        *ways(
            "only the diagonal of a part",
            "Of one part of the Hessian, ∇²s or the product of the slopes, you use the diagonal "
            "alone. Both parts have other entries, too.",
            hessian(lambda k: square(k) + np.diag(np.diag(curved(k)))),
            hessian(lambda k: np.diag(np.diag(square(k))) + curved(k)),
        ),
        *ways(
            "one part of the Hessian",
            "Your Hessian has one of its two parts. The logarithm of a sum of roots bends because "
            "of the logarithm and because of the roots.",
            hessian(curved),
            least_squares(square),
        ),
        *ways(
            "a factor in the Hessian",
            "A factor stands in your Hessian that does not belong there. The second derivative of "
            "√q by q is −1/(4 q^{3/2}).",
            hessian(lambda k: square(k) + 2 * curved(k)),
            hessian(lambda k: square(k) + curved(k) / 2),
            hessian(lambda k: 4 * square(k) + curved(k)),
            hessian(lambda k: _hessian(k) / 2),
            hessian(lambda k: 2 * _hessian(k)),
        ),
        *ways(
            "not divided by the square of the sum",
            "In your Hessian the product of the slopes is not divided by the square of s, or the "
            "other part not by s.",
            hessian(lambda k: square(k) * k.s + curved(k)),
            hessian(lambda k: square(k) * k.s**2 + curved(k)),
            hessian(lambda k: square(k) + curved(k) * k.s),
        ),
        *ways(
            "the gradient multiplied with itself",
            "Your Hessian is made of the gradient of f, where the slopes of s belong.",
            hessian(lambda k: np.outer(k.gradient, k.gradient) + curved(k)),
        ),
        *ways(
            "a gradient step",
            "Your step goes along the gradient. Newton's step multiplies it with the inverse of "
            "the Hessian.",
            search(direction=lambda k: -k.gradient),
        ),
        *ways(
            "the Hessian not inverted",
            "You multiply the gradient with the Hessian and not with its inverse.",
            search(direction=lambda k: -_hessian(k) @ k.gradient),
        ),
        *ways(
            "the step never shrinks",
            "You take the whole step in every case. It may lead to negative weights or to a larger "
            "f.",
            search(accepts=always),
        ),
        *ways(
            "accepts a step that raises f",
            "You ask only whether the weights stay positive. A step inside may still raise f.",
            search(accepts=positive),
        ),
        *ways(
            "accepts negative weights",
            "You ask only whether f falls. A negative weight gives negative squared distances, and "
            "f may fall there all the same.",
            search(accepts=falls),
        ),
        *ways(
            "clips negative weights",
            "You set negative weights to zero or to a small number. Then the step is another one: "
            "here all of it is shortened.",
            *(
                search(moves=clipped(floor), accepts=test)
                for floor in (0.0, 1e-12, 1e-8, 1e-6, 1e-3)
                for test in (falls, always)
            ),
        ),
        *ways(
            "absolute values of weights",
            "You take the absolute value of a weight that would be negative. Then the step is "
            "another one: here all of it is shortened.",
            *(search(moves=lambda w, p, t: np.abs(w + t * p), accepts=a) for a in (falls, always)),
        ),
        *ways(
            "each weight its own step",
            "You shorten the step of those weights alone that would be negative. The whole step "
            "is shortened, so that its direction stays.",
            search(moves=each_weight),
            search(moves=frozen),
        ),
        *ways(
            "nearly to the border",
            "You go a fixed share of the way to the border. Asked is the first of the listed "
            "lengths that is allowed.",
            *map(nearly_to_the_border, (0.9, 0.95, 0.99, 0.5)),
        ),
        *ways(
            "another factor",
            f"Your step shrinks by another factor. Each try has {name} the step before.",
            *(search(shrink=factor) for factor in others),
        ),
        *ways(
            "the step shrinks once",
            "Your step shrinks once and is then taken, whatever f says.",
            shrinks_once,
        ),
        *ways(
            "compared with the last try",
            "You compare f with that of the try before. Every try is compared with f at w.",
            compares_with_the_last_try,
        ),
        *ways(
            "goes on from a rejected try",
            "After a try that failed you went on from its weights. Each try starts at w again.",
            goes_on,
        ),
        *ways(
            "the lowest of all tries",
            "You make all tries and return the lowest. Asked is the longest that is allowed.",
            lowest,
        ),
        *ways(
            "two steps",
            "You made two steps. Asked is one.",
            two_steps,
        ),
        *ways(
            "the step alone",
            "You return the step, or its length. Asked are the new weights.",
            search(gives=lambda w, moved, p, t: t * p),
            search(gives=lambda w, moved, p, t: p),
            search(gives=lambda w, moved, p, t: t),
        ),
        *ways(
            "the accepted step changed",
            "The step that you return is not the one that was accepted: it shrank once more.",
            search(gives=lambda w, moved, p, t: w + t / own * p),
        ),
        *ways(
            "stops too early",
            "You give up long before the step has shrunk 30 times.",
            *(search(most=most) for most in (5, 7, 9)),
        ),
        *ways(
            "nothing at the minimum",
            "Where no try is accepted your answer ends without a return. There w is to be returned "
            "as it was.",
            search(gives_up=lambda w, moved: None),
        ),
    )


def _statement(variant: Variant) -> str:
    name = {2.0: "½, ¼", 4.0: "¼, 1⁄16"}[variant["shrink"]]
    most = {2.0: "halvings", 4.0: "divisions by 4"}[variant["shrink"]]
    return (
        "Newton's step solves a linear system: $p = -(\\nabla^2 f)^{-1} \\nabla f$, with $f(w) = "
        "\\sum_S \\sum_j w_j s_j^2 - \\log s$ and $s = \\sum_{d \\in D} \\sqrt{q_d}$, $q_d = "
        "\\sum_j w_j d_j^2$. The Hessian is\n\n"
        "$$\\nabla^2 f = \\frac{\\nabla s \\, \\nabla s^\\top}{s^2} - \\frac{\\nabla^2 s}{s}$$\n\n"
        "and $\\nabla s$ and $\\nabla^2 s$ are yours to find. Write a function that returns $w + "
        f"t\\,p$ with the largest $t$ of $1$, {name} and so on (at most 30 {most}) "
        "for which **every weight is above zero and $f$ is smaller than at $w$**. If there is "
        "none, return $w$ as it is. The Hessian can be inverted.\n\n"
        "The cell above holds a finished function: `value_and_gradient(w, S, D)` returns $f(w)$ "
        "and $\\nabla f$. Call it."
    )


def _skeleton(variant: Variant) -> str:
    most = {2.0: "30 halvings", 4.0: "30 divisions by 4"}[variant["shrink"]]
    return f'''def newton_step(w, S, D):
    """Return the weights after one Newton step, shortened until f falls and they are positive.

    w: (d,), above zero, S: (m_S, d), D: (m_D, d). The whole step is tried first, then shorter
    ones: at most {most}. Returns: (d,), or w as it is where no step is allowed.
    """'''


NEWTON_STEP = Exercise(
    number="04.2b",
    name="newton_step",
    title="A Newton step that keeps the weights positive",
    points=4,
    minutes=25,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take one pair and one weight: s = √(w d²). What are its first and second derivatives, "
        "and which sign has the second?",
        "∇s adds d²/(2√q) over the pairs, as in 04.2. Differentiate that once more by the "
        "weights: each pair gives an outer product of d² with itself. Which factor stands before?",
        "Build H from two matrices, solve H p = −∇f with `numpy.linalg.solve`, then loop over "
        "the lengths t. Two questions decide a try; ask both of w + t p, and never change w.",
    ),
    variants={"shrink": (2.0, 4.0)},
    groups={"values": 3, "limits": 1},
    cases=_cases,
    reference=lambda variant: _searching(variant),
    mistakes=_mistakes,
    budget=_budget,
)
