"""06.5, the value of the dual of ITML, and where it is −∞."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import positive
from .update import Quantity, given_errors, single, with_errors

Answer = Callable[..., Any]


def _price(k: Any) -> Any:
    """The least of the slack's part, with the price γ Σ (r − log r − 1), r = ξ/ξ⁰."""
    return k.gamma * np.sum(np.log(k.slack))


def _square_price(k: Any) -> Any:
    """The same with the price γ/2 Σ (r − 1)²."""
    return -k.gamma * np.sum(k.share + k.share**2 / 2)


def _outer_products(k: Any) -> Any:
    """Σ δλ vvᵀ."""
    return (k.V.T * (k.delta * k.lam)) @ k.V


def _eigenvalues(B: Any) -> Any:
    return np.linalg.eigvalsh((B + B.T) / 2)


QUANTITIES: dict[str, Quantity] = {
    "inverse": lambda k: np.linalg.inv(k.M0),
    "pushes": _outer_products,
    "B": lambda k: k.inverse + k.pushes,
    "share": lambda k: k.delta * k.lam * k.xi0 / k.gamma,
    "slack": lambda k: 1 - k.share,
    "logdet": lambda k: np.linalg.slogdet(k.B)[1] + np.linalg.slogdet(k.M0)[1],
    "value": lambda k: k.logdet + k.price,
    "B_inside": lambda k: np.all(_eigenvalues(k.B) > 0),
    "outside": lambda k: -np.inf,
    "result": lambda k: k.value if k.B_inside and k.slack_inside else k.outside,
}
# The parts that the price of the slack decides: which is where r = 1 − δλξ⁰/γ may lie, too.
PRICES: dict[bool, dict[str, Quantity]] = {
    False: {"price": _price, "slack_inside": lambda k: np.all(k.slack > 0)},
    True: {"price": _square_price, "slack_inside": lambda k: True},
}
ORDER = (
    *("inverse", "pushes", "B", "share", "slack", "logdet", "price", "value"),
    *("B_inside", "slack_inside", "outside", "result"),
)


def _valuing(variant: Variant, **changes: Quantity) -> Answer:
    """The dual with some of its quantities computed otherwise; with none, the right one."""
    quantities = QUANTITIES | PRICES[variant["square"]] | changes

    def dual_value(lam, V, delta, xi0, gamma, M0):
        k = SimpleNamespace(lam=lam, V=V, delta=delta, xi0=xi0, gamma=gamma, M0=M0)
        for name in ORDER:
            setattr(k, name, quantities[name](k))
        return k.result

    return dual_value


def _reference(variant: Variant) -> Answer:
    right = _valuing(variant)

    def dual_value(*inputs):
        # Outside the domain there are logarithms of negative numbers, which are then not used.
        with np.errstate(all="ignore"):
            return right(*inputs)

    return dual_value


# ---------------------------------------------------------------- the cases


def _pairs(rng: Rng, d: int, m: int, kinds: Any = (-1, 1)) -> dict[str, Any]:
    """Pairs of these kinds, bounds near their distances under the prior, λ of size 1, and γ."""
    M0, V = positive(rng, d), rng.normal(size=(m, d))
    delta = rng.permutation(np.resize(kinds, m))
    xi0 = np.einsum("ia,ab,ib->i", V, M0, V) * rng.uniform(0.5, 1.5, size=m)
    lam, gamma = rng.uniform(0.2, 1, size=m), float(rng.uniform(1.5, 4))
    return {"lam": lam, "V": V, "delta": delta, "xi0": xi0, "gamma": gamma, "M0": M0}


def _in_its_own_unit(state: dict[str, Any]) -> np.ndarray:
    """The eigenvalues e of Σ δλvvᵀ where the prior is the identity: those of B·M0 are 1 + e."""
    root = np.linalg.cholesky(state["M0"])
    W = state["V"] @ root
    return np.linalg.eigvalsh((W.T * (state["delta"] * state["lam"])) @ W)


def _inside(rng: Rng, d: int, m: int, prior: bool) -> dict[str, Any]:
    """λ scaled to three quarters of the way to the border of the domain."""
    state = _pairs(rng, d, m)
    if not prior:
        state["M0"] = np.eye(d)
    shares = state["delta"] * state["lam"] * state["xi0"] / state["gamma"]
    reach = max(-_in_its_own_unit(state)[0], shares.max())
    return state | {"lam": state["lam"] * 0.75 / reach}


def _outside(rng: Rng, d: int, negative: int) -> dict[str, Any]:
    """Dissimilar pairs, and λ so large that so many eigenvalues of B are clearly negative."""
    while True:
        state = _pairs(rng, d, d, (-1,))
        e = -_in_its_own_unit(state)
        following = e[negative] if negative < d else 0.3 * e[negative - 1]
        if e[negative - 1] > 3 * following:
            scale = (e[negative - 1] * following) ** -0.5
            return state | {"lam": scale * state["lam"]}


def _beyond(rng: Rng, d: int, m: int, count: int) -> dict[str, Any]:
    """λ so large that so many of the 1 − δλξ⁰/γ are clearly negative; B is positive definite."""
    state = _inside(rng, d, m, prior=True)
    share = state["lam"] * state["xi0"] / state["gamma"]
    similar = np.flatnonzero(state["delta"] > 0)[:count]
    state["lam"][similar] *= rng.uniform(1.5, 2.5, size=count) / share[similar]
    return state


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, state: dict[str, Any], group: str = "values", layout: str = "C") -> Case:
        return with_errors(Case(name, state, group, layout), {"result": _size(state)})

    def by_hand(lam: Any, V: Any, delta: Any, xi0: Any, gamma: float, M0: Any) -> dict[str, Any]:
        real = [np.array(value, float) for value in (lam, V, xi0, M0)]
        values = real[0], real[1], np.array(delta), real[2], gamma, real[3]
        return dict(zip(("lam", "V", "delta", "xi0", "gamma", "M0"), values, strict=True))

    identity = np.eye(2)
    prior, outside = "prior", "outside"
    two = [1, -1]
    lean = [[2, 1], [1, 2]]
    some = _inside(rng, 3, 6, prior=True)
    return [
        case("one similar pair on a line", by_hand([0.25], [[1]], [1], [2], 1.0, [[1]])),
        case("one dissimilar pair on a line", by_hand([0.25], [[1]], [-1], [2], 1.0, [[1]])),
        case("a pair on a line, γ = 4", by_hand([0.5], [[2]], [1], [3], 4.0, [[1]])),
        case(
            "two pairs in the plane",
            by_hand([0.25, 0.1], [[1, 1], [1, -2]], two, [2, 4], 2, identity),
        ),
        case("eight pairs", _inside(rng, 4, 8, prior=False)),
        case("one pair on a line, M0 = 2", by_hand([0.25], [[1]], [1], [2], 1.0, [[2]]), prior),
        case(
            "two pairs in the plane, M0 not diagonal",
            by_hand([0.25, 0.1], [[1, 1], [1, 0]], two, [2, 4], 2, lean),
            prior,
        ),
        case("every λ zero", by_hand([0, 0], [[1, 1], [1, -2]], two, [2, 4], 2, lean), prior),
        case("float32", single(_inside(rng, 2, 4, prior=True)), prior),
        case("every second row of a larger array", some, prior, layout="strided"),
        case(
            "a dissimilar pair on a line, B = −1",
            by_hand([2], [[1]], [-1], [2], 1.0, [[1]]),
            outside,
        ),
        case("B = diag(−1/2, 1)", by_hand([1.5], [[1, 0]], [-1], [1], 1, identity), outside),
        case(
            "B = −I in the plane",
            by_hand([2, 2], identity, [-1, -1], [1, 2], 1.0, identity),
            outside,
        ),
        case(
            "B indefinite with a positive diagonal",
            by_hand([0.75], [[1, 1]], [-1], [1], 1.0, identity),
            outside,
        ),
        case("one negative eigenvalue", _outside(rng, 3, 1), outside),
        case("two negative eigenvalues", _outside(rng, 3, 2), outside),
        case(
            "a similar pair on a line, λξ⁰ = 2γ", by_hand([2], [[1]], [1], [1], 1, [[1]]), outside
        ),
        case("one of six pairs with λξ⁰ > γ", _beyond(rng, 3, 6, 1), outside),
        case("two of six pairs with λξ⁰ > γ", _beyond(rng, 3, 6, 2), outside),
    ]


def _size(state: dict[str, Any]) -> np.ndarray:
    """The error of both parts, in roundoffs.

    A log-determinant moves by tr(B⁻¹ dB). The error dB is that of an inverse and of a sum of
    outer products; that of the product B·M0 is the same, seen by the prior. A logarithm of
    1 − share moves by the error of the share over that difference.
    """
    lam, V, delta, xi0, gamma, M0 = (np.asarray(value, float) for value in state.values())
    share = np.abs(delta * lam * xi0 / gamma)
    slack = np.abs(1 - delta * lam * xi0 / gamma)
    prior, e = np.linalg.eigvalsh(M0), 1 + _in_its_own_unit(state)
    condition = prior[-1] / prior[0]
    pushed = np.sum(lam * np.square(V).sum(axis=1)) * prior[-1]
    moved = np.sum(1 / np.abs(e)) * condition * (condition + pushed)
    logs = np.abs(np.log(np.abs(e))).sum() + 2 * np.abs(np.log(prior)).sum()
    priced = (1 + share + share**2) / np.minimum(slack, 1) + np.abs(np.log(slack))
    return (4 * sum(V.shape) + 8) * (moved + logs + gamma * priced.sum())


# ---------------------------------------------------------------- the mistakes


def _wrong_matrices(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in B and in the log-determinant."""

    def both_logs(k: Any) -> tuple[Any, Any]:
        return np.linalg.slogdet(k.B)[1], np.linalg.slogdet(k.M0)[1]

    return [
        *ways(
            "δ forgotten in B",
            "δ has no part in your B: dissimilar pairs are added where they should be subtracted.",
            make(pushes=lambda k: (k.V.T * k.lam) @ k.V),
        ),
        *ways(
            "δ turned round in B",
            "In your B the outer products of similar pairs are subtracted, those of dissimilar "
            "ones added.",
            make(pushes=lambda k: -_outer_products(k)),
        ),
        *ways(
            "λ forgotten in B",
            "λ has no part in your B: every pair has the weight 1 or −1.",
            make(pushes=lambda k: (k.V.T * k.delta) @ k.V),
        ),
        *ways(
            "inner for outer products",
            "Your B holds squared lengths of the differences, or the numbers δλ alone: they are "
            "added to the diagonal, or to all entries. Each pair adds an outer product.",
            make(pushes=lambda k: np.sum(k.delta * k.lam) * np.eye(len(k.M0))),
            make(pushes=lambda k: np.sum(k.delta * k.lam)),
            make(
                pushes=lambda k: (
                    np.sum(k.delta * k.lam * np.square(k.V).sum(axis=1)) * np.eye(len(k.M0))
                )
            ),
        ),
        *ways(
            "only the diagonal",
            "You squared the differences coordinate by coordinate: your B differs from the prior's "
            "inverse on the diagonal alone.",
            make(pushes=lambda k: np.diag(np.diag(_outer_products(k)))),
        ),
        *ways(
            "M0 for its inverse",
            "M0 itself stands in your B, where its inverse belongs.",
            make(inverse=lambda k: k.M0),
        ),
        *ways(
            "the identity for the prior",
            "M0 has no part in your B: the identity stands in the place of its inverse.",
            make(inverse=lambda k: np.eye(len(k.M0))),
            make(
                inverse=lambda k: np.eye(len(k.M0)),
                logdet=lambda k: np.linalg.slogdet(k.B)[1],
            ),
        ),
        *ways(
            "log det M0 forgotten",
            "Your log-determinant is that of B, not that of B·M0. With every λ at zero the dual is "
            "zero.",
            make(logdet=lambda k: both_logs(k)[0]),
        ),
        *ways(
            "log det M0 subtracted",
            "You subtract the log-determinant of M0. That of a product is the sum of two.",
            make(logdet=lambda k: both_logs(k)[0] - both_logs(k)[1]),
        ),
        *ways(
            "M0 for its inverse, and log det M0 subtracted",
            "You work with the inverse of M0 in the place of M0, everywhere.",
            make(inverse=lambda k: k.M0, logdet=lambda k: both_logs(k)[0] - both_logs(k)[1]),
        ),
        *ways(
            "sign of the log-determinant",
            "Your log-determinant has the wrong sign.",
            make(logdet=lambda k: -sum(both_logs(k))),
        ),
        *ways(
            "half or twice the log-determinant",
            "A factor of ½ or 2 stands at your log-determinant. The diagonal of a Cholesky factor "
            "has the root of the determinant as its product.",
            make(logdet=lambda k: sum(both_logs(k)) / 2),
            make(logdet=lambda k: 2 * sum(both_logs(k))),
            make(logdet=lambda k: both_logs(k)[0] / 2 + both_logs(k)[1]),
        ),
        *ways(
            "a determinant without its logarithm",
            "You took the determinant of B·M0, not its logarithm.",
            make(logdet=lambda k: np.exp(sum(both_logs(k)))),
        ),
        *ways(
            "a trace for the log-determinant",
            "You took a trace of B·M0 or the sum of its logarithms on the diagonal. The "
            "log-determinant is the sum of the logarithms of all eigenvalues.",
            make(logdet=lambda k: np.trace(k.B @ k.M0) - len(k.M0)),
            make(logdet=lambda k: np.log(np.diag(k.B @ k.M0)).sum()),
        ),
        *ways(
            "d left over",
            "A multiple of the dimension d stands in your result, or a whole divergence where only "
            "its logarithm is left. With every λ at zero the dual is zero.",
            make(logdet=lambda k: sum(both_logs(k)) - len(k.M0)),
            make(logdet=lambda k: np.trace(k.B @ k.M0) - sum(both_logs(k)) - len(k.M0)),
        ),
    ]


def _wrong_prices(make: Callable[..., Answer], square: bool) -> list[Mistake]:
    """The mistakes in the slack's part, which both prices allow."""
    price = _square_price if square else _price

    def sharing(share: Quantity) -> Answer:
        return make(share=share)

    def other_gamma(gamma: Callable[[float], float]) -> Answer:
        right = make()
        return lambda lam, V, delta, xi0, g, M0: right(lam, V, delta, xi0, gamma(g), M0)

    return [
        *ways(
            "slack left out",
            "The slack has no part in your value: ξ⁰ and γ do not enter.",
            make(price=lambda k: 0.0),
        ),
        *ways(
            "sign of the slack's part",
            "Your sum over the slack has the wrong sign.",
            make(price=lambda k: -price(k)),
        ),
        *ways(
            "γ missing before the sum",
            "γ is missing before your sum over the slack.",
            make(price=lambda k: price(k) / k.gamma),
        ),
        *ways(
            "γ missing at λξ⁰",
            "In your sum over the slack λξ⁰ is not divided by γ.",
            sharing(lambda k: k.delta * k.lam * k.xi0),
        ),
        *ways(
            "γ ignored",
            "Your value does not depend on γ.",
            other_gamma(lambda g: 1.0),
        ),
        *ways(
            "γ upside down",
            "You use 1/γ where γ is meant.",
            other_gamma(lambda g: 1.0 / g),
            sharing(lambda k: k.delta * k.lam * k.xi0 * k.gamma),
        ),
        *ways(
            "δ forgotten in the slack",
            "δ has no part in your slack: the bound of a dissimilar pair moves the wrong way.",
            sharing(lambda k: k.lam * k.xi0 / k.gamma),
        ),
        *ways(
            "δ turned round in the slack",
            "In your slack δ has the wrong sign: 1 + δλξ⁰/γ is how far the bound of the other kind "
            "would move.",
            sharing(lambda k: -k.delta * k.lam * k.xi0 / k.gamma),
        ),
        *ways(
            "δ forgotten",
            "δ has no part in your value: dissimilar pairs are treated as similar.",
            make(pushes=lambda k: (k.V.T * k.lam) @ k.V, share=lambda k: k.lam * k.xi0 / k.gamma),
        ),
        *ways(
            "bound forgotten",
            "ξ⁰ has no part in your slack, or it divides where it should multiply.",
            sharing(lambda k: k.delta * k.lam / k.gamma),
            sharing(lambda k: k.delta * k.lam / (k.xi0 * k.gamma)),
        ),
        *ways(
            "distance for the bound",
            "In your slack a squared distance stands where the bound ξ⁰ belongs.",
            sharing(lambda k: k.delta * k.lam * np.einsum("ia,ab,ib->i", k.V, k.M0, k.V) / k.gamma),
        ),
        *ways(
            "a mean for the sum",
            "Your part of the slack is a mean over the pairs. Each of them has its own price.",
            make(price=lambda k: price(k) / len(k.lam)),
        ),
        *ways(
            "a price for no slack",
            "You subtract Σ δλξ⁰, as if the bounds could not move. With slack there is more to it.",
            make(
                price=lambda k: -np.sum(k.delta * k.lam * k.xi0),
                slack_inside=lambda k: True,
            ),
            *([] if square else [make(price=lambda k: -np.sum(k.delta * k.lam * k.xi0))]),
        ),
        *ways(
            "the negative of the value",
            "Your value has the wrong sign: it is what one would minimise. A dual is maximised, "
            "and bounds the primal from below.",
            make(result=lambda k: -k.value if k.B_inside and k.slack_inside else np.inf),
            make(result=lambda k: -k.value if k.B_inside and k.slack_inside else -np.inf),
        ),
    ]


def _clipped(k: Any) -> Any:
    """The log-determinant of B with eigenvalues that end at a small positive number."""
    e = np.maximum(_eigenvalues(k.B), 1e-12)
    return np.log(e).sum() + np.linalg.slogdet(k.M0)[1]


def _wrong_domains(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in where the value is −∞, which both prices allow."""

    def yes(k: Any) -> bool:
        return True

    def testing(inside: Quantity) -> Answer:
        return make(B_inside=inside)

    def fails(k: Any) -> Any:
        factor = np.linalg.cholesky(k.B)
        return 2 * np.log(np.diag(factor)).sum() + np.linalg.slogdet(k.M0)[1]

    return [
        *ways(
            "B not tested",
            "You return a number where B is not positive definite. A log-determinant taken from "
            "`slogdet` is that of the size of the determinant, whatever its sign.",
            testing(yes),
        ),
        *ways(
            "determinant for definite",
            "You take B for positive definite if its determinant is positive. Two negative "
            "eigenvalues make it positive again.",
            testing(lambda k: np.linalg.slogdet(k.B)[0] > 0),
            testing(lambda k: np.linalg.slogdet(k.B @ k.M0)[0] > 0),
        ),
        *ways(
            "diagonal for definite",
            "You take B for positive definite if its diagonal is positive. A matrix with a "
            "positive diagonal can have a negative eigenvalue.",
            testing(lambda k: np.all(np.diag(k.B) > 0)),
        ),
        *ways(
            "trace for definite",
            "You take B for positive definite if its trace is positive, or its largest eigenvalue. "
            "Every eigenvalue has to be.",
            testing(lambda k: np.trace(k.B) > 0),
            testing(lambda k: _eigenvalues(k.B)[-1] > 0),
        ),
        *ways(
            "eigenvalues clipped",
            "You raised the eigenvalues of B to a small positive number before their logarithm. "
            "Where B is not positive definite the minimum is −∞, not a finite number.",
            make(logdet=_clipped, B_inside=yes),
            make(
                logdet=lambda k: (
                    np.log(np.maximum(_eigenvalues(k.B), 1e-10)).sum() + np.linalg.slogdet(k.M0)[1]
                ),
                B_inside=yes,
            ),
        ),
        *ways(
            "another value outside",
            "Outside the domain your answer is not −∞. A dual that is maximised must never prefer "
            "such a λ, and a large number or zero can be above the values inside.",
            make(outside=lambda k: 0.0),
            make(outside=lambda k: np.inf),
            make(outside=lambda k: -1e10),
            make(outside=lambda k: -1e300),
        ),
        *ways(
            "nan outside",
            "Outside the domain your answer is not a number: the logarithm of a negative number "
            "is nan. Whoever compares with nan gets False, whichever way.",
            make(outside=lambda k: np.nan),
            make(
                logdet=lambda k: np.log(np.linalg.det(k.B @ k.M0)),
                B_inside=yes,
                slack_inside=yes,
            ),
            make(
                logdet=lambda k: np.log(_eigenvalues(k.B)).sum() + np.linalg.slogdet(k.M0)[1],
                B_inside=yes,
                slack_inside=yes,
            ),
        ),
        *ways(
            "None outside",
            "Outside the domain your answer returns None. Asked is −∞, a number.",
            make(outside=lambda k: None),
        ),
        *ways(
            "Cholesky stops",
            "Your answer stops with an error where B is not positive definite: Cholesky's "
            "factorisation does not exist there.",
            make(logdet=fails),
        ),
        *ways(
            "log stops",
            "Your answer stops with an error outside the domain: the logarithm of a negative "
            "number does not exist.",
            make(logdet=lambda k: math.log(np.linalg.det(k.B @ k.M0))),
            make(
                logdet=lambda k: sum(map(math.log, _eigenvalues(k.B))) + np.linalg.slogdet(k.M0)[1]
            ),
        ),
    ]


def _wrong_slack_domains(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in where the slack has a value, with the logarithmic price."""

    def testing(inside: Quantity, **more: Quantity) -> Answer:
        return make(slack_inside=inside, **more)

    def yes(k: Any) -> bool:
        return True

    def product(k: Any) -> Any:
        return k.gamma * np.log(np.prod(k.slack))

    return [
        *ways(
            "nothing tested",
            "You return a number, or nan, for every λ. Neither minimum exists everywhere: in your "
            "answer it does, whatever B and 1 − δλξ⁰/γ are.",
            testing(yes, B_inside=yes),
            testing(yes, B_inside=yes, price=lambda k: k.gamma * np.sum(np.log(np.abs(k.slack)))),
        ),
        *ways(
            "slack not tested",
            "You return a number, or nan, where 1 − δλξ⁰/γ is not positive. There the minimum "
            "over ξ is −∞.",
            testing(yes),
            testing(yes, price=lambda k: k.gamma * np.sum(np.log(np.abs(k.slack)))),
            testing(yes, price=lambda k: k.gamma * np.sum(np.log(k.slack[k.slack > 0]))),
        ),
        *ways(
            "product of the slacks",
            "You test the product of all 1 − δλξ⁰/γ, or some of them, and not each. Two negative "
            "ones have a positive product.",
            testing(lambda k: np.prod(k.slack) > 0, price=product),
            testing(lambda k: np.any(k.slack > 0)),
            testing(lambda k: np.sum(k.slack) > 0),
        ),
        *ways(
            "the price of a square",
            "Your slack enters with λξ⁰ and its square. That belongs to the price γ/2·(r − 1)².",
            make(price=_square_price, slack_inside=yes),
            make(price=_square_price),
        ),
    ]


def _wrong_squares(make: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes that the square price allows."""

    def priced(price: Quantity) -> Answer:
        return make(price=price)

    return [
        *ways(
            "a border for the slack",
            "You answer −∞ where 1 − δλξ⁰/γ is not positive. The square has no border: ξ may be "
            "any number there, and the minimum exists.",
            make(slack_inside=lambda k: np.all(k.slack > 0)),
        ),
        *ways(
            "the price of a logarithm",
            "A logarithm stands in your part of the slack. It belongs to the price r − log r − 1.",
            make(price=_price, slack_inside=lambda k: np.all(k.slack > 0)),
            make(price=_price),
        ),
        *ways(
            "½ missing at the square",
            "The ½ is missing at the square in your part of the slack, or it stands before the "
            "whole sum.",
            priced(lambda k: -k.gamma * np.sum(k.share + k.share**2)),
            priced(lambda k: -k.gamma * np.sum(k.share + k.share**2) / 2),
        ),
        *ways(
            "sign of the square",
            "The square in your part of the slack has the wrong sign: it is the price alone, "
            "without what the moved bound gains.",
            priced(lambda k: -k.gamma * np.sum(k.share - k.share**2 / 2)),
        ),
        *ways(
            "δ at the square",
            "A δ stands at the square in your part of the slack. The square of δ is 1.",
            priced(lambda k: -k.gamma * np.sum(k.share + k.delta * k.share**2 / 2)),
        ),
        *ways(
            "the square alone",
            "Only the square stands in your part of the slack: Σ δλξ⁰ is missing.",
            priced(lambda k: -k.gamma * np.sum(k.share**2) / 2),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def make(**changes: Quantity) -> Answer:
        return _valuing(variant, **changes)

    square = variant["square"]
    return (
        *_wrong_matrices(make),
        *_wrong_prices(make, square),
        *_wrong_domains(make),
        *(_wrong_squares(make) if square else _wrong_slack_domains(make)),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["square"]:
        price = "\\frac{\\gamma}{2} \\sum_i \\Bigl(\\frac{\\xi_i}{\\xi^0_i} - 1\\Bigr)^2"
        domain = "over all positive definite $M$ and **all numbers** $\\xi_i$"
        value = (
            "- \\sum_i \\delta_i \\lambda_i \\xi^0_i - \\frac{1}{2\\gamma} \\sum_i (\\lambda_i "
            "\\xi^0_i)^2"
        )
        best = "\\xi_i = \\xi^0_i (1 + \\delta_i \\lambda_i \\xi^0_i / \\gamma)"
        where = "Unlike that of $\\xi$, the minimum over $M$ does not exist for every $\\lambda$"
        change = (
            "Here the slack has another price than in the chapter, the square of its relative "
            "change. "
        )
    else:
        price = (
            "\\gamma \\sum_i \\Bigl(\\frac{\\xi_i}{\\xi^0_i} - \\log\\frac{\\xi_i}{\\xi^0_i} - "
            "1\\Bigr)"
        )
        domain = "over all positive definite $M$ and all $\\xi_i > 0$"
        value = (
            "+ \\gamma \\sum_i \\log\\Bigl(1 - \\frac{\\delta_i \\lambda_i \\xi^0_i}{\\gamma}"
            "\\Bigr)"
        )
        best = "\\xi_i = \\xi^0_i / (1 - \\delta_i \\lambda_i \\xi^0_i / \\gamma)"
        where = "Neither minimum exists for every $\\lambda$"
        change = ""
    return (
        f"How far is a solver from the optimum? The dual tells. {change}For $\\lambda \\ge 0$ it "
        "is the least value of\n\n"
        f"$$D_{{\\mathrm{{ld}}}}(M, M_0) + {price} + \\sum_i \\lambda_i \\delta_i "
        "(v_i^\\top M v_i - \\xi_i)$$\n\n"
        f"{domain}. The minimum is at $M = B^{{-1}}$ and ${best}$, and its value is\n\n"
        f"$$g(\\lambda) = \\log\\det(B M_0) {value}, \\qquad B = M_0^{{-1}} + \\sum_i \\delta_i "
        "\\lambda_i v_i v_i^\\top.$$\n\n"
        f"{where}: find out where not. There the function falls without end, and its least value "
        "is $-\\infty$. Write a function that returns $g(\\lambda)$, and "
        "`-np.inf` where it is $-\\infty$."
    )


def _skeleton(variant: Variant) -> str:
    price = "the square of (xi/xi0 - 1)" if variant["square"] else "xi/xi0 - log(xi/xi0) - 1"
    return f'''def dual_value(lam, V, delta, xi0, gamma, M0):
    """Return the dual value of ITML at lam, and -inf where there is no minimum.

    lam: (m,), at least 0. V: (m, d), the differences. delta: (m,), 1 (similar) or -1.
    xi0: (m,), above 0. gamma: above 0, the price of {price}.
    M0: (d, d), symmetric positive definite. Returns: a number, or -np.inf.
    """'''


DUAL_VALUE = Exercise(
    number="06.5",
    name="dual_value",
    title="A bound from below",
    points=4,
    minutes=25,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take d = 1 and one dissimilar pair: the function of M is bM − log M + constant, with a "
        "number b. What happens for large M if b is negative?",
        "In d dimensions the same happens along an eigenvector. Which numbers of B have to be "
        "looked at, so that two bad signs do not hide each other? And does ξ have such a border?",
        "(V.T * w) @ V is a sum of weighted outer products. Test the eigenvalues from "
        "`numpy.linalg.eigvalsh` first, and take logarithms only after that; log det(B·M0) is "
        "the sum of two log-determinants.",
    ),
    variants={"square": (False, True)},
    groups={"values": 2, "prior": 1, "outside": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    budget=given_errors,
)
