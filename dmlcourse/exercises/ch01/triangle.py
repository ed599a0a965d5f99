"""01.1, three points that break the triangle inequality."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays
from ..making import Rng, ways
from ..spec import Complaint, Exercise, Mistake, Variant

# A difference of this size, times the largest distance, counts as rounding.
SHORT = 1e-10

NONE, BREAKS, OBEYS = "is not there", "breaks the inequality", "obeys the inequality"
EQUAL = "makes both sides equal, up to rounding"
REORDERED = "breaks the inequality only in another order"
TWICE, RETURNS = "has j at one of its ends", "ends where it began"


def _euclidean(points: np.ndarray) -> np.ndarray:
    difference = points[:, None] - points[None]
    return np.sqrt((difference**2).sum(axis=2))


def _on_a_line(*points: float) -> np.ndarray:
    x = np.array(points)
    return np.abs(x[:, None] - x)


def _metric(rng: Rng, n: int) -> np.ndarray:
    """Distances between 1 and 1.9: two of them always add up to more than a third."""
    upper = np.triu(rng.uniform(1, 1.9, size=(n, n)), 1)
    return upper + upper.T


def _with_one_shortcut(rng: Rng, n: int, direct: float = 2.5) -> np.ndarray:
    """A metric but for one pair at distance ``direct``, with a way of 2.2 over one point."""
    D = _metric(rng, n)
    i, j, k = rng.permutation(n)[:3]
    others = np.setdiff1d(np.arange(n), [i, j, k])
    for end in (i, k):
        D[end, others] = D[others, end] = rng.uniform(1.4, 1.9, len(others))
        D[end, j] = D[j, end] = 1.1
    D[i, k] = D[k, i] = direct
    return D


def _violation_cases(rng: Rng, variant: Variant) -> list[Case]:
    # Along a slanted line, so that the distances are roots and rounding touches most of them.
    slanted = _euclidean(rng.uniform(0, 10, size=(12, 1)) * rng.uniform(0.5, 1, size=2))
    matrices = {
        "squared distances of 0, 1, 2": _on_a_line(0, 1, 2) ** 2,
        "distances of 0, 1, 2": _on_a_line(0, 1, 2),
        "squared distances of 0, 2, 1": _on_a_line(0, 2, 1) ** 2,
        "squared distances of 1, 0, 2": _on_a_line(1, 0, 2) ** 2,
        # Long enough to break the inequality under a root too.
        "distances 1, 1 and 9": np.array([[0.0, 1.0, 9.0], [1.0, 0.0, 1.0], [9.0, 1.0, 0.0]]),
        "two points": _on_a_line(0, 3),
        "six points in the plane": _euclidean(rng.normal(size=(6, 2))),
        "eight points, one violation": _with_one_shortcut(rng, 8),
        "thirty points, one violation": _with_one_shortcut(rng, 30),
    }
    units = {
        "twelve points on a line": slanted,
        # A power of two, so that the rounding is the same in both units.
        "twelve points on a line, in small units of length": 2.0**50 * slanted,
        "squared distances of 0, 1, 3, in large units of length": (
            2.0**-70 * _on_a_line(0, 1, 3) ** 2
        ),
        # Five times the size that counts as rounding: no right answer is near the limit.
        "eight points, a violation by half a billionth": (
            _with_one_shortcut(rng, 8, direct=2.2 * (1 + 5 * SHORT))
        ),
    }
    return [
        *(Case(name, {"D": D}) for name, D in matrices.items()),
        *(Case(name, {"D": D}, group="rounding") for name, D in units.items()),
        Case("Fortran order", {"D": _with_one_shortcut(rng, 8)}, group="rounding", layout="F"),
    ]


def _excess(D: np.ndarray) -> np.ndarray:
    """At [i, j, k], how much longer the direct way from i to k is than the one over j."""
    return D[:, None, :] - D[:, :, None] - D[None, :, :]


def _find_violation(D: np.ndarray) -> tuple[int, ...]:
    excess = _excess(D)
    if excess.max() <= SHORT * D.max():
        return ()
    return tuple(int(i) for i in np.unravel_index(excess.argmax(), excess.shape))


def _violation_digest(case: Case, values: Arrays) -> Arrays:
    """What the triple does, by which answers are compared; its indices are only to be shown."""
    triple = values["result"]
    indices = [] if triple.size == 0 else _indices(case, triple)
    relation = _relation(case.inputs["D"], *indices) if indices else NONE
    return {"relation": np.array(relation), "indices": np.array(indices or [0, 0, 0], float)}


def _violation_budget(case: Case, expected: Arrays) -> Arrays:
    return {"relation": np.zeros(()), "indices": np.full(3, np.inf)}


def _violation_judge(case: Case, digest: Arrays, expected: Arrays) -> None:
    got, right = str(digest["relation"]), str(expected["relation"])
    if got == right:
        return
    if got == NONE:
        raise Complaint("Your answer is (). There are triples that break the inequality.")
    D, (i, j, k) = case.inputs["D"], map(int, digest["indices"])
    says = (
        f"Your triple ({i}, {j}, {k}) {got}: D[{i}, {k}] is {D[i, k]:.4g}, and "
        f"D[{i}, {j}] + D[{j}, {k}] is {D[i, j]:.4g} + {D[j, k]:.4g}."
    )
    raise Complaint(says + (" Expected ()." if right == NONE else ""))


def _indices(case: Case, triple: np.ndarray) -> list[int]:
    n = len(case.inputs["D"])
    if triple.dtype.kind == "b":
        raise Complaint("Your answer holds True or False; expected three indices, or ().")
    if triple.ndim == 2:
        raise Complaint("Your answer is a table of triples; expected one triple, or ().")
    if triple.shape != (3,):
        raise Complaint("Your answer does not hold three numbers; expected (i, j, k), or ().")
    if triple.dtype.kind not in "iuf" or (triple != np.floor(triple)).any():
        raise Complaint("Your answer holds numbers that are not indices of points.")
    if triple.min() < 0 or triple.max() >= n:
        raise Complaint(f"An index of your triple is outside of 0 to {n - 1}.")
    return [int(i) for i in triple]


def _relation(D: np.ndarray, i: int, j: int, k: int) -> str:
    """What a triple does, in words: the same words for all triples that do the same."""
    if j in (i, k):
        return TWICE
    if i == k:
        return RETURNS
    limit = SHORT * D.max()
    excess = D[i, k] - D[i, j] - D[j, k]
    if excess > limit:
        return BREAKS
    if 2 * max(D[i, j], D[j, k]) - (D[i, j] + D[j, k] + D[i, k]) > limit:
        return REORDERED
    return EQUAL if excess >= -limit else OBEYS


def _violation_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def first(D, triples, breaks):
        return next(((i, j, k) for i, j, k in triples if breaks(D[i, k], D[i, j] + D[j, k])), ())

    def longer(direct, detour):
        return direct > detour * (1 + 1e-12)

    def distinct(D):
        return permutations(range(len(D)), 3)

    def every(D):
        return product(range(len(D)), repeat=3)

    def degenerate(D):
        return first(D, every(D), np.greater_equal)

    def equality(D):
        return first(D, distinct(D), np.greater_equal)

    def equality_and_the_end(D):
        return equality(D) or None

    def noise(D):
        return first(D, distinct(D), np.greater)

    def fixed(D):
        return first(D, distinct(D), lambda direct, detour: direct > detour + 1e-9)

    def numpys_fixed(D):
        def breaks(direct, detour):
            return direct > detour and not np.isclose(direct, detour)

        return first(D, distinct(D), breaks)

    def tolerant(share):
        def beyond(D):
            limit = share * D.max()
            return first(D, distinct(D), lambda direct, detour: direct - detour > limit)

        return beyond

    def numpys_relative(D):
        def breaks(direct, detour):
            return direct > detour and not np.isclose(direct, detour, atol=0)

        return first(D, distinct(D), breaks)

    def wrong_way(D):
        return first(D, distinct(D), np.less)

    def wrong_way_or_equal(D):
        return first(D, distinct(D), np.less_equal)

    def wrong_way_and_back(D):
        return first(D, every(D), np.less)

    def changed(change):
        return lambda D: change(D, *found) if (found := _find_violation(D)) else ()

    def in_order(D):
        return tuple(sorted(_find_violation(D)))

    def increasing(D):
        return first(D, combinations(range(len(D)), 3), longer)

    def increasing_ends(D):
        return first(D, (t for t in distinct(D) if t[0] < t[1]), longer)

    def middle_at_the_end(D):
        return first(D, (t for t in distinct(D) if t[0] < t[2] < t[1]), longer)

    def middle_at_the_start(D):
        return first(D, (t for t in distinct(D) if t[1] < t[0] < t[2]), longer)

    def consecutive(D):
        return first(D, ((i, i + 1, i + 2) for i in range(len(D) - 2)), longer)

    def says_whether(D):
        return bool(_find_violation(D))

    def says_metric(D):
        return not _find_violation(D)

    def all_of_them(D):
        return np.argwhere(_excess(D) > SHORT * D.max())

    def runs_out(D):
        return _find_violation(D) or None

    def false_for_none(D):
        return _find_violation(D) or False

    def minus_ones(D):
        return _find_violation(D) or (-1, -1, -1)

    def largest_excess(D):
        return np.unravel_index(_excess(D).argmax(), (len(D),) * 3)

    order = (
        "The three points break the inequality, in another order than yours. The way over a point "
        "has that point in the middle of the triple."
    )
    missed = (
        "Your answer misses a violation: it does not ask every way. The point on the way may have "
        "a smaller index than both ends, a larger one, or one between."
    )
    backwards = (
        "In your triple the direct way is no longer than the way over j. That is how a metric "
        "behaves; you return the triples that obey."
    )
    same = (
        "In your triple both sides are equal. That is allowed: the middle point lies on the way, "
        "as 1 does between 0 and 2."
    )
    units = (
        "Your tolerance does not follow the units of D (`isclose` has such a fixed part too, "
        "`atol`). In other units of length the same points get another answer."
    )
    nothing = (
        "Where no triple breaks the inequality, your answer is not the empty tuple. A function "
        "that runs to its end without a return gives None."
    )
    yes_or_no = (
        "You say whether there is a violation. Asked is where: three indices that anyone can look "
        "up in D."
    )
    return (
        Mistake(
            "degenerate triple",
            degenerate,
            "Your triple names a point twice. From a point to itself it is no way at all: both "
            "sides are equal there, in every metric.",
        ),
        *ways("equality taken for a violation", same, equality, equality_and_the_end),
        Mistake(
            "float noise taken for a violation",
            noise,
            "In your triple both sides are equal up to the last digit. For 0, 0.2 and 0.9 on a "
            "line, 0.2 + 0.7 comes out as 0.8999999999999999: that is rounding, and no shortcut.",
        ),
        *ways("tolerance of a fixed size", units, fixed, numpys_fixed),
        *ways(
            "tolerance too large",
            "Your answer misses a violation, because you let too large a difference pass for "
            "rounding. The statement says how small such a difference is.",
            *map(tolerant, (1e-9, 1e-5, 1e-2)),
            numpys_relative,
        ),
        *ways(
            "inequality the wrong way round",
            backwards,
            wrong_way,
            wrong_way_or_equal,
            wrong_way_and_back,
        ),
        *ways(
            "middle point in the wrong place",
            order,
            changed(lambda D, i, j, k: (i, k, j)),
            changed(lambda D, i, j, k: (j, i, k)),
            in_order,
        ),
        *ways(
            "not every order of the points",
            missed,
            increasing,
            increasing_ends,
            middle_at_the_end,
            middle_at_the_start,
            consecutive,
        ),
        *ways("says whether, not where", yes_or_no, says_whether, says_metric),
        Mistake(
            "every triple",
            all_of_them,
            "You return every triple that breaks the inequality, as a table. Asked is one.",
        ),
        Mistake(
            "distances for indices",
            changed(lambda D, i, j, k: (D[i, j], D[j, k], D[i, k])),
            "You return the three distances. Asked are the indices of the three points.",
        ),
        *ways("not the empty tuple", nothing, runs_out, false_for_none, minus_ones),
        *ways(
            "entries changed first",
            "You test other numbers than those in D: its squares or its roots. A metric may break "
            "the inequality after squaring, and a violation may disappear under a root.",
            lambda D: _find_violation(D**2),
            lambda D: _find_violation(np.sqrt(D)),
        ),
        Mistake(
            "never a triple",
            lambda D: (),
            "Your answer is () in every case. A `return` inside a loop ends the function: with "
            "`else: return ()` there, the first triple that obeys decides.",
        ),
        Mistake(
            "always a triple",
            largest_excess,
            "Your answer returns a triple in every case. Even in a metric one triple comes nearest "
            "to breaking the inequality; that does not mean that it does.",
        ),
    )


TRIANGLE = Exercise(
    number="01.1",
    name="find_triangle_violation",
    title="A violation of the triangle inequality",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "`D` holds what somebody calls the distances of $n$ points: it is symmetric, zero on the "
        "diagonal and nowhere negative. Write a function that returns three indices `(i, j, k)` "
        "with\n\n$$D_{ik} > D_{ij} + D_{jk}$$\n\n"
        "so that the direct way from $i$ to $k$ is longer than the way over $j$. Any such triple "
        "is right. If there is none, return the empty tuple `()`.\n\n"
        "Rounding is no violation: a difference below $10^{-10}$ times the largest entry of `D` "
        "counts as zero."
    ),
    skeleton='''def find_triangle_violation(D):
    """Return indices (i, j, k) with D[i, k] > D[i, j] + D[j, k], or () if there are none.

    D: (n, n), symmetric, zeros on the diagonal. Returns: three indices, or the empty tuple.
    """''',
    hints=(
        "How many triples are there for n = 3 points, if the order counts? Write down the "
        "inequality for each with the squared distances of 0, 1 and 2.",
        "Three nested loops are enough here. Ask of each of them whether it may skip a point: "
        "does the middle one have to lie between the others in index?",
        "Compute the difference of the two sides, and look at it for points on a line, such as "
        "0, 0.2 and 0.9. With what should a difference of 1e-16 be compared?",
    ),
    groups={"values": 2, "rounding": 1},
    cases=_violation_cases,
    reference=lambda variant: _find_violation,
    mistakes=_violation_mistakes,
    digest=_violation_digest,
    budget=_violation_budget,
    judge=_violation_judge,
)
