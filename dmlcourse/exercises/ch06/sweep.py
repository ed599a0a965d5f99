"""06.4, one sweep of ITML over all pairs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import positive
from .update import error_sizes, given_errors, single, update, updating, with_errors

Answer = Callable[..., Any]
INPUTS = ("M", "V", "delta", "xi", "lam", "gamma")
# Which pairs are visited, one after the other: ``order(delta)``.
Order = Callable[[np.ndarray], Any]


def _forward(delta: np.ndarray) -> np.ndarray:
    return np.arange(len(delta))


def _backward(delta: np.ndarray) -> np.ndarray:
    return _forward(delta)[::-1]


def _there_and_back(delta: np.ndarray) -> np.ndarray:
    return np.concatenate([_forward(delta), _backward(delta)])


def _order(variant: Variant) -> Order:
    return _there_and_back if variant["back"] else _forward


def _walk(
    order: Order,
    visit: Callable[..., Any] = update,
    before: Callable[..., Any] = lambda M, xi, lam: (M, xi, lam),
    after: Callable[..., Any] = lambda found, given: found,
) -> Answer:
    """The sweep with one of its parts exchanged: in this order, with another visit of a pair.

    before, after   what is made of M, ξ and λ before the first visit; of them and of those that
                    were given, after the last.
    """

    def itml_sweep(M, V, delta, xi, lam, gamma):
        given = M, xi, lam
        M, xi, lam = before(M, xi.copy(), lam.copy())
        for i in order(delta):
            M, xi[i], lam[i] = visit(M, V[i], delta[i], xi[i], lam[i], gamma)
        return after((M, xi, lam), given)

    return itml_sweep


# ---------------------------------------------------------------- the cases


def _state(rng: Rng, d: int, m: int, gamma: float, held: float) -> dict[str, Any]:
    """Pairs of both kinds, bounds around the distances, and λ up to so many times 1/p.

    The first pair is dissimilar, the second similar, the third dissimilar: an order by kind is
    another one, whichever kind comes first.
    """
    M, V = positive(rng, d), rng.normal(size=(m, d))
    p = np.einsum("ia,ab,ib->i", V, M, V)
    delta = np.concatenate([[-1, 1, -1], rng.choice([-1, 1], size=m)])[:m]
    xi = p * np.exp(rng.uniform(0.5, 1.4, size=m) * rng.permuted(_alternating(m)))
    lam = held * rng.uniform(0.2, 1, size=m) / p
    return dict(zip(INPUTS, (M, V, delta, xi, lam, gamma), strict=True))


def _alternating(m: int) -> np.ndarray:
    return np.where(np.arange(m) % 2, 1.0, -1.0)


def _held_back(rng: Rng, d: int, m: int, held: float) -> dict[str, Any]:
    """Similar pairs that are near and dissimilar ones that are far: every bound holds.

    So clearly that no projection of one pair breaks the bound of another.
    """
    state = _state(rng, d, m, 2.0, held)
    p = np.einsum("ia,ab,ib->i", state["V"], state["M"], state["V"])
    return state | {"xi": np.where(state["delta"] > 0, 50 * p, p / 50)}


def _after_sweeps(state: dict[str, Any], count: int) -> dict[str, Any]:
    """The state after some sweeps, as the next one finds it."""
    for _ in range(count):
        M, xi, lam = _walk(_forward)(*state.values())
        state = state | {"M": (M + M.T) / 2, "xi": xi, "lam": lam}
    return state


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, state: dict[str, Any], group: str = "values", layout: str = "C") -> Case:
        M, V, delta, xi, lam, gamma = (np.asarray(value, float) for value in state.values())
        sizes = error_sizes(M, V, delta, xi, lam, 1 / float(gamma), _order(variant)(delta))
        return with_errors(Case(name, state, group, layout), sizes)

    def by_hand(M: Any, V: Any, delta: Any, xi: Any, lam: Any, gamma: float) -> dict[str, Any]:
        values = [np.array(value, float) for value in (M, V, delta, xi, lam)]
        values[2] = np.array(delta)
        return dict(zip(INPUTS, (*values, gamma), strict=True))

    line = by_hand([[1]], [[2], [1]], [1, -1], [1, 2], [0, 0], 1.0)
    later = by_hand([[1]], [[2], [1]], [1, -1], [6, 2], [0.25, 0.5], 1.0)
    plane = by_hand([[2, 1], [1, 3]], [[1, 1], [1, -2]], [-1, 1], [12, 4], [0, 0], 2.0)
    some = _state(rng, 3, 6, 2.0, 0.5)
    edge = "edge"
    return [
        case("two pairs on a line", line),
        case("two pairs on a line, λ above zero", later),
        case("two pairs in the plane", plane),
        case("five pairs, the first sweep", _state(rng, 3, 5, 1.0, 0.0)),
        case("six pairs, λ above zero", some),
        case("seven pairs, a low price", _state(rng, 2, 7, 0.3, 1.0)),
        case("six pairs, the third sweep", _after_sweeps(_state(rng, 3, 6, 1.5, 0.0), 2)),
        case("one pair", _state(rng, 2, 1, 2.0, 0.5), edge),
        case("every bound holds, everything is taken back", _held_back(rng, 3, 4, 0.3), edge),
        case("every bound holds, and every λ is zero", _held_back(rng, 2, 3, 0.0), edge),
        case("float32", single(_state(rng, 2, 3, 2.0, 0.5)), edge),
        case("Fortran order", some, edge, layout="F"),
        case("every second row of a larger array", some, edge, layout="strided"),
    ]


# ---------------------------------------------------------------- the mistakes


def _first_metric(combine: Callable[..., Any], order: Order) -> Answer:
    """Every projection made from the first M, and the results combined: ``combine(M, found)``."""

    def itml_sweep(M, V, delta, xi, lam, gamma):
        xi, lam, found = xi.copy(), lam.copy(), []
        for i in order(delta):
            metric, xi[i], lam[i] = update(M, V[i], delta[i], xi[i], lam[i], gamma)
            found.append(metric)
        return combine(M, found), xi, lam

    return itml_sweep


def _fixed(value: Any, k: Any) -> Any:
    """A quantity of the update that is known beforehand."""
    return value


def _first_distances(order: Order) -> Answer:
    """The distances under the first M, all at once before the loop."""

    def itml_sweep(M, V, delta, xi, lam, gamma):
        xi, lam, p = xi.copy(), lam.copy(), np.einsum("ia,ab,ib->i", V, M, V)
        for i in order(delta):
            visit = updating(p=partial(_fixed, p[i]))
            M, xi[i], lam[i] = visit(M, V[i], delta[i], xi[i], lam[i], gamma)
        return M, xi, lam

    return itml_sweep


def _handed_on(names: str, order: Order) -> Answer:
    """ξ or λ of a pair used for the next pair as well."""

    def itml_sweep(M, V, delta, xi, lam, gamma):
        xi, lam = xi.copy(), lam.copy()
        bound, dual = xi[0], lam[0]
        for i in order(delta):
            bound = bound if "xi" in names else xi[i]
            dual = dual if "lam" in names else lam[i]
            M, bound, dual = update(M, V[i], delta[i], bound, dual, gamma)
            xi[i], lam[i] = bound, dual
        return M, xi, lam

    return itml_sweep


def _only_if(wanted: Callable[..., bool]) -> Callable[..., Any]:
    """The visit that leaves a pair alone unless it is ``wanted(p, delta, xi, lam)``."""

    def visit(M, v, delta, xi, lam, gamma):
        is_wanted = wanted(v @ M @ v, delta, xi, lam)
        return update(M, v, delta, xi, lam, gamma) if is_wanted else (M, xi, lam)

    return visit


def _by_kind(first: int, delta: np.ndarray) -> np.ndarray:
    return np.argsort(-first * delta, kind="stable")


def _by_kind_and_back(delta: np.ndarray) -> np.ndarray:
    return np.concatenate([_by_kind(1, delta), _by_kind(1, delta)[::-1]])


def _rounds(order: Order, count: int, delta: np.ndarray) -> np.ndarray:
    return np.tile(order(delta), count)


def _wrong_orders(variant: Variant) -> list[Mistake]:
    order = _order(variant)
    only = Mistake(
        "one way only",
        _walk(_forward),
        "Your sweep ends at the last pair. Asked is the way back as well.",
    )
    there = Mistake(
        "there and back",
        _walk(_there_and_back),
        "Your sweep visits the pairs from the first to the last and then back. One way is asked.",
    )
    return [
        only if variant["back"] else there,
        *ways(
            "from the last to the first",
            "Your sweep begins with the last pair. Each projection starts from what the one before "
            "left, so that another order gives another M.",
            _walk(_backward),
            *([_walk(lambda d: [*_backward(d), *_forward(d)])] if variant["back"] else []),
        ),
        *ways(
            "sorted by kind",
            "Your sweep visits the pairs of one kind before those of the other. Asked is the order "
            "of the rows.",
            *(_walk(partial(_by_kind, first)) for first in (1, -1)),
            *([_walk(_by_kind_and_back)] if variant["back"] else []),
        ),
        *ways(
            "a pair left out",
            "Your sweep leaves out the first or the last pair.",
            _walk(lambda delta: order(delta)[order(delta) > 0]),
            _walk(lambda delta: order(delta)[order(delta) < len(delta) - 1]),
        ),
        *ways(
            "one kind only",
            "Your sweep visits the pairs of one kind only.",
            _walk(lambda delta: [i for i in order(delta) if delta[i] > 0]),
            _walk(lambda delta: [i for i in order(delta) if delta[i] < 0]),
        ),
        *ways(
            "more than one sweep",
            "Your answer goes round more than once. One sweep is asked; whoever calls it decides "
            "how many there are.",
            *(_walk(partial(_rounds, order, count)) for count in (2, 3, 10)),
        ),
        *ways(
            "only one pair",
            "Your answer returns after the first pair: the return stands inside the loop, or there "
            "is no loop.",
            _walk(lambda delta: [0]),
        ),
    ]


def _wrong_metrics(variant: Variant) -> list[Mistake]:
    order = _order(variant)
    return [
        *ways(
            "only the last result",
            "Every projection in your sweep starts from the first M, so that only that of the "
            "last pair is left in your result.",
            _first_metric(lambda M, found: found[-1], order),
        ),
        *ways(
            "all from the first M",
            "Every projection in your sweep starts from the first M, and their changes are put "
            "together at the end. Each should start from the M that the one before left.",
            _first_metric(lambda M, found: M + sum(new - M for new in found), order),
            _first_metric(lambda M, found: sum(found) / len(found), order),
            _first_metric(lambda M, found: sum(found), order),
        ),
        *ways(
            "distances computed once",
            "Your distances are those under the first M. After every projection they are others.",
            _first_distances(order),
        ),
        *ways(
            "M as it was",
            "Your first result is M as it came in.",
            _walk(order, after=lambda found, given: (given[0], *found[1:])),
        ),
        *ways(
            "the identity first",
            "Your sweep starts from the identity and not from M. The prior entered before the "
            "first sweep; M holds what all sweeps so far have made of it.",
            _walk(order, before=lambda M, xi, lam: (np.eye(len(M), dtype=M.dtype), xi, lam)),
        ),
    ]


def _wrong_memory(variant: Variant) -> list[Mistake]:
    order = _order(variant)

    def starting(before: Callable[..., Any]) -> Answer:
        return _walk(order, before=before)

    def ending(after: Callable[..., Any]) -> Answer:
        return _walk(order, after=after)

    def forgetting(M, v, delta, xi, lam, gamma):
        return update(M, v, delta, xi, 0.0, gamma)

    return [
        *ways(
            "λ reset",
            "Your sweep begins with every λ at zero. They are the memory of the sweeps before: "
            "without them nothing can be taken back.",
            starting(lambda M, xi, lam: (M, xi, 0 * lam)),
            _walk(order, visit=forgetting),
        ),
        *ways(
            "λ as it was",
            "You return the λ that came in. The next sweep needs those that this one leaves.",
            ending(lambda found, given: (*found[:2], given[2])),
        ),
        *ways(
            "ξ as it was",
            "You return the ξ that came in. The bounds have moved, and the next sweep starts from "
            "where they are.",
            ending(lambda found, given: (found[0], given[1], found[2])),
        ),
        *ways(
            "ξ and λ as they were",
            "You return ξ and λ as they came in. Both belong to the state that the next sweep "
            "starts from.",
            ending(lambda found, given: (found[0], *given[1:])),
        ),
        *ways(
            "changes for values",
            "You return by how much ξ or λ changed, not what they are now.",
            ending(lambda found, given: (*found[:2], found[2] - given[2])),
            ending(lambda found, given: (found[0], found[1] - given[1], found[2] - given[2])),
        ),
        *ways(
            "handed on to the next pair",
            "ξ or λ of one pair is used for the next one. Every pair has its own.",
            *(_handed_on(names, order) for names in ("xi", "lam", "xi lam")),
        ),
        *ways(
            "only broken bounds visited",
            "Your sweep leaves out the pairs whose bound holds. Where their λ is above zero, a "
            "push is to be taken back.",
            _walk(order, visit=_only_if(lambda p, delta, xi, lam: delta * (p - xi) > 0)),
        ),
        *ways(
            "only pairs with λ above zero visited",
            "Your sweep leaves out the pairs whose λ is zero. A bound that is broken now may never "
            "have been broken before.",
            _walk(order, visit=_only_if(lambda p, delta, xi, lam: lam > 0)),
        ),
        *ways(
            "only bounds that hold visited",
            "Your sweep leaves out the pairs whose bound is broken.",
            _walk(order, visit=_only_if(lambda p, delta, xi, lam: delta * (p - xi) <= 0)),
        ),
        *ways(
            "numbers of one pair",
            "You return ξ and λ of the last pair alone. Asked are those of all pairs.",
            ending(lambda found, given: (found[0], found[1][-1], found[2][-1])),
            ending(lambda found, given: (found[0], found[1][0], found[2][0])),
        ),
        *ways(
            "in the order of visits",
            "Your ξ and λ stand in another order than the pairs.",
            ending(lambda found, given: (found[0], found[1][::-1], found[2][::-1])),
        ),
        *ways(
            "λ and ξ exchanged",
            "You returned λ before ξ, or gave them to the update in that order. The order is: "
            "M, xi, lam.",
            ending(lambda found, given: (found[0], found[2], found[1])),
        ),
        *ways(
            "γ ignored",
            "Your sweep works with a price of 1, whatever γ is.",
            _walk(order, visit=lambda M, v, delta, xi, lam, gamma: update(M, v, delta, xi, lam, 1)),
        ),
        *ways(
            "δ ignored",
            "Your sweep treats every pair as similar.",
            _walk(order, visit=lambda M, v, delta, *rest: update(M, v, 1, *rest)),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (*_wrong_metrics(variant), *_wrong_memory(variant), *_wrong_orders(variant))


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["back"]:
        way = (
            "A sweep goes **there and back**: from the first pair to the last, and then from the "
            "last to the first."
        )
    else:
        way = "A sweep visits all pairs once, in the order of the rows of $V$."
    return (
        f"{way} Each visit is the update of 06.3, and starts from the $M$ that the visit before "
        "left. Every pair has its own bound $\\xi_i$ and its own $\\lambda_i$, and keeps them from "
        "sweep to sweep. Write a function that returns $M$, all $\\xi$ and all $\\lambda$ after "
        "one sweep.\n\n"
        "The cell above holds a finished update of one pair, `itml_update(M, v, delta, xi, lam, "
        "gamma)`, where `xi` and `lam` are numbers. It returns the new `M`, `xi` and `lam`. Call "
        "it. The arrays that come in stay as they are: whoever calls may need them again."
    )


def _skeleton(variant: Variant) -> str:
    way = (
        "first to last, then last to first" if variant["back"] else "each pair once, first to last"
    )
    return f'''def itml_sweep(M, V, delta, xi, lam, gamma):
    """Return M, xi and lam after one sweep over all pairs: {way}.

    M: (d, d). V: (m, d), the differences. delta: (m,), 1 (similar) or -1. xi, lam: (m,).
    gamma: above 0. The inputs stay as they are. Returns: M, (d, d), xi, (m,), and lam, (m,).
    """'''


ITML_SWEEP = Exercise(
    number="06.4",
    name="itml_sweep",
    title="A sweep over all pairs",
    points=3,
    minutes=20,
    kind=Function(returns=("M", "xi", "lam")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Which of the three results of an update does the next pair need, and which are needed "
        "only when this pair is visited again?",
        "A pair whose bound holds may still have something to do. What would be lost if it were "
        "left out, or if λ began at zero in every sweep?",
        "Copy xi and lam before the loop and write into the copies at [i]. The new M takes the "
        "place of the old one, in the same name.",
    ),
    variants={"back": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _walk(_order(variant)),
    mistakes=_mistakes,
    budget=given_errors,
)
