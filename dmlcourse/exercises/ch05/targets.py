"""05.1, the target neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import NONE, dealt, find_targets, members, nearest_first, rows_of, squares


def _apart(rng: Rng, n: int, d: int) -> np.ndarray:
    """Points in whole numbers, no two of them equally far from a third.

    Their squared distances are exact even in float32, so rounding exchanges no neighbours.
    """
    while True:
        X = rng.integers(0, 1000, size=(n, d)).astype(np.float64)
        if np.diff(np.sort(squares(X), axis=1), axis=1).min() > 0:
            return X


def _column(*points: float) -> np.ndarray:
    return np.array(points, float)[:, None]


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("X", "y", "k")
    # Two classes far from each other: in one the largest coordinate misleads, in the other the
    # sum of the coordinates.
    corners = np.array([[0, 0], [4, 4], [5, 0], [30, 0], [33, 3], [35, 0]], float)
    X, y = _apart(rng, 12, 2), dealt(rng, 6, 6)
    return [
        case("four points on a line", _column(0, 1, 3, 7), np.array([0, 1, 0, 1]), 1),
        case("six points on a line", _column(0, 1, 4, 9, 15, 22), np.array([0, 1] * 3), 2),
        case("six points in the plane", corners, np.repeat([5, 2], 3), 1),
        case("twelve points", X, y, 2),
        case("three classes", _apart(rng, 30, 4), dealt(rng, 9, 10, 11), 3),
        case("float32", _apart(rng, 14, 3).astype(np.float32), dealt(rng, 7, 7), 3),
        case("Fortran order", X, y, 2, layout="F"),
        case("every second row of a larger array", X, y, 2, layout="strided"),
        case(
            "a class of two points, two neighbours",
            _column(0, 1, 3, 7, 12),
            np.array([0, 0, 1, 1, 1]),
            2,
            group="edge",
        ),
        case("a class of one point", _column(3, 0, 7, 1), np.array([4, 1, 4, 0]), 1, group="edge"),
        case("more neighbours than points", *_small(rng), 5, group="edge"),
        case(
            "classes of one, two and six", _apart(rng, 9, 2), dealt(rng, 2, 1, 6), 3, group="edge"
        ),
        _twins(rng),
    ]


def _small(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    return _apart(rng, 4, 2), dealt(rng, 3, 1)


def _twins(rng: Rng) -> Case:
    """A class of two points at one place, and a class of three with distinct distances.

    The rows of the twins are equal, so that whoever drops the first of each row drops the same
    point from both: one of the two keeps itself, in whatever order equals are sorted.
    """
    X, y, mixed = _column(0, 1, 3, 9, 9), np.array([3, 3, 3, 8, 8]), rng.permutation(5)
    return cases_of("X", "y", "k")("two points at one place", X[mixed], y[mixed], 1, group="edge")


def _among(choose: Callable[[np.ndarray, np.ndarray, int], np.ndarray]) -> Callable:
    """The answer whose row i starts with the points ``choose(D, y, i)``."""

    def answer(X, y, k):
        D = squares(X)
        return rows_of(len(X), k, lambda i: choose(D, y, i))

    return answer


def _measured(distances: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """The answer with other distances."""

    def answer(X, y, k):
        D = distances(X)
        return rows_of(len(X), k, lambda i: nearest_first(D, i, members(y, i)))

    return answer


def _filled(fill: float) -> Callable:
    """The answer with something else where a class has too few members."""

    def answer(X, y, k):
        D = squares(X)
        return rows_of(len(X), k, lambda i: nearest_first(D, i, members(y, i)), fill)

    return answer


def _changed(change: Callable[[np.ndarray, np.ndarray, int], Any]) -> Callable:
    """The answer changed at its end: ``change(targets, X, k)``."""
    return lambda X, y, k: change(find_targets(X, y, k), X, k)


def _everyone(y: np.ndarray) -> np.ndarray:
    return np.arange(len(y))


def _by_steps(distance: Callable[[np.ndarray], np.ndarray]) -> Callable:
    return _measured(lambda X: distance(np.abs(X[:, None] - X[None])))


def _repeat_last(targets: np.ndarray) -> np.ndarray:
    for row in targets:
        known = row[row >= 0]
        row[len(known) :] = known[-1] if len(known) else -1
    return targets


def _itself(targets: np.ndarray) -> np.ndarray:
    return np.where(targets < 0, np.arange(len(targets))[:, None], targets)


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def filtered(X, y, k):
        D = squares(X)

        def choose(i):
            others = np.delete(_everyone(y), i)
            near = nearest_first(D, i, others)[:k]
            return near[y[near] == y[i]]

        return rows_of(len(X), k, choose)

    def filtered_with_itself(X, y, k):
        D = squares(X)

        def choose(i):
            near = nearest_first(D, i, _everyone(y))[: k + 1]
            return near[(y[near] == y[i]) & (near != i)]

        return rows_of(len(X), k, choose)

    def filtered_in_place(X, y, k):
        D = squares(X)
        np.fill_diagonal(D, np.inf)
        near = np.argsort(D, axis=1, kind="stable")[:, :k]
        near = rows_of(len(X), k, lambda i: near[i])
        return np.where((near >= 0) & (y[near] == y[:, None]), near, -1)

    def masked(X, y, k):
        D = np.where(y[:, None] == y, squares(X), np.inf)
        np.fill_diagonal(D, np.inf)
        near = np.argsort(D, axis=1, kind="stable")[:, :k]
        return rows_of(len(X), k, lambda i: near[i])

    def masked_without_width(X, y, k):
        D = np.where(y[:, None] == y, squares(X), np.inf)
        np.fill_diagonal(D, np.inf)
        return np.argsort(D, axis=1, kind="stable")[:, :k]

    def of_the_smallest_class(X, y, k):
        return find_targets(X, y, min(k, np.unique(y, return_counts=True)[1].min() - 1))

    def as_many_as_in_the_smallest(X, y, k):
        targets = of_the_smallest_class(X, y, k)
        return np.pad(targets, ((0, 0), (0, k - targets.shape[1])), constant_values=NONE)

    def stacked(X, y, k):
        D = squares(X)
        rows = [nearest_first(D, i, members(y, i))[:k] for i in range(len(X))]
        return np.stack(rows)

    def array_of_rows(X, y, k):
        D = squares(X)
        rows = [nearest_first(D, i, members(y, i))[:k] for i in range(len(X))]
        return np.array(rows)

    def assigned(X, y, k):
        D = squares(X)
        targets = np.empty((len(X), k), int)
        for i in range(len(X)):
            targets[i] = nearest_first(D, i, members(y, i))[:k]
        return targets

    def entry_by_entry(X, y, k):
        D = squares(X)
        targets = np.empty((len(X), k), int)
        for i in range(len(X)):
            near = nearest_first(D, i, members(y, i))
            for place in range(k):
                targets[i, place] = near[place]
        return targets

    def lists(X, y, k):
        D = squares(X)
        return [nearest_first(D, i, members(y, i))[:k].tolist() for i in range(len(X))]

    def narrow(X, y, k):
        targets = find_targets(X, y, k)
        return targets[:, : (targets >= 0).sum(axis=1).max()]

    def within_class(X, y, k):
        D = squares(X)

        def choose(i):
            own = np.flatnonzero(y == y[i])
            return np.searchsorted(own, nearest_first(D, i, members(y, i)))

        return rows_of(len(X), k, choose)

    def without_itself(X, y, k):
        D = squares(X)

        def choose(i):
            others = members(y, i)
            return np.searchsorted(others, nearest_first(D, i, others))

        return rows_of(len(X), k, choose)

    def first_dropped(X, y, k):
        D = squares(X)
        return rows_of(
            len(X), k, lambda i: nearest_first(D, i, np.flatnonzero(y == y[i]))[1 : k + 1]
        )

    def distances(X, y, k):
        D, targets = squares(X), find_targets(X, y, k)
        return np.where(targets >= 0, np.take_along_axis(D, targets, axis=1), -1)

    def true_distances(X, y, k):
        found = distances(X, y, k)
        return np.where(found >= 0, np.sqrt(np.abs(found)), -1)

    crash = (
        "Your answer is right while every class has more than k points, and stops at a smaller "
        "one. A row with too few members is to be filled with −1."
    )
    # The error is what such answers have in common, and NumPy has a text for each way.
    crashes = (stacked, array_of_rows, assigned, entry_by_entry)
    return (
        *ways(
            "itself among its neighbours",
            "Your rows begin with the point itself. It is at distance zero from itself and of its "
            "own class, and no neighbour.",
            _among(lambda D, y, i: nearest_first(D, i, np.flatnonzero(y == y[i]))),
        ),
        *ways(
            "filtered after the search",
            "You take the k nearest of all points and then keep those of the same class. A point "
            "among strangers is left with too few targets, or none, while its class has enough "
            "members. This order of the two steps stands in print, too.",
            filtered,
            filtered_with_itself,
            filtered_in_place,
        ),
        *ways(
            "any class",
            "Your neighbours are the nearest of all points. The labels do not enter: a target is "
            "of the same class.",
            _among(lambda D, y, i: nearest_first(D, i, np.delete(_everyone(y), i))),
            _among(lambda D, y, i: nearest_first(D, i, _everyone(y))),
        ),
        *ways(
            "the other classes",
            "Your neighbours belong to other classes. Those are the candidates for impostors; a "
            "target is of the same class.",
            _among(lambda D, y, i: nearest_first(D, i, np.flatnonzero(y != y[i]))),
        ),
        *ways(
            "the farthest",
            "Your rows begin with the farthest members of the class, not with the nearest.",
            _among(lambda D, y, i: nearest_first(-D, i, members(y, i))),
        ),
        *ways(
            "not the nearest first",
            "Your neighbours are the right ones in another order. A row begins with the nearest.",
            _changed(lambda t, X, k: _sorted_rows(t, 1)),
            _changed(lambda t, X, k: _sorted_rows(t, -1)),
            _changed(lambda t, X, k: np.array([[*r[r >= 0][::-1], *r[r < 0]] for r in t])),
        ),
        *ways(
            "not chosen by distance",
            "You take the first k members of the class in the order of X. Distances do not enter.",
            _among(lambda D, y, i: members(y, i)),
        ),
        *ways(
            "places within the class",
            "Your numbers count within the class. Asked are positions in X: X[targets[i, 0]] is "
            "the nearest neighbour of X[i].",
            within_class,
            without_itself,
        ),
        *ways(
            "another distance",
            "Your neighbours are the nearest in another distance than the Euclidean one: sums of "
            "absolute differences, the largest difference, the first coordinate, or a product.",
            _by_steps(lambda steps: steps.sum(axis=2)),
            _by_steps(lambda steps: steps.max(axis=2)),
            _by_steps(lambda steps: steps[:, :, 0]),
            _measured(lambda X: -(X @ X.T)),
        ),
        *ways(
            "distances for indices",
            "Your table holds distances. Asked are the indices of the points.",
            distances,
            true_distances,
        ),
        *ways(
            "rows and columns exchanged",
            "Your table is transposed: a row belongs to a point, a column to a rank.",
            _changed(lambda t, X, k: t.T),
        ),
        *(Mistake("stops at a small class", answer, crash) for answer in crashes),
        *ways(
            "filled with strangers",
            "Where a class has too few members, your row goes on with points of other classes, or "
            "with the point itself. A distance set to infinity is the largest, and sorting still "
            "returns its index.",
            masked,
            masked_without_width,
        ),
        *ways(
            "filled with itself",
            "Where a class has too few members, your row holds the point itself. It is at distance "
            "zero and would never be wrong as a target; −1 says that there is none.",
            _changed(lambda t, X, k: _itself(t)),
        ),
        *ways(
            "a neighbour repeated",
            "Where a class has too few members, your row repeats its last neighbour. That target "
            "would count twice in every sum.",
            _changed(lambda t, X, k: _repeat_last(t)),
        ),
        *ways(
            "another sign for none",
            "Where a class has too few members, your row does not hold −1. Zero is the index of a "
            "point; −1 is the sign that was agreed on.",
            _filled(0),
            _filled(np.nan),
            _changed(lambda t, X, k: np.where(t < 0, len(X), t)),
        ),
        *ways(
            "rows of different lengths",
            "Your rows have different lengths where a class has too few members. Asked is one "
            "array with k columns, filled with −1.",
            lists,
        ),
        *ways(
            "fewer columns",
            "Your table has fewer than k columns, because nobody has k neighbours. The width is "
            "k in every case, filled with −1.",
            narrow,
        ),
        *ways(
            "k cut for everybody",
            "You make k smaller for all points, until the smallest class has enough members. The "
            "points of larger classes lose targets that they have.",
            of_the_smallest_class,
            as_many_as_in_the_smallest,
        ),
        *ways(
            "−1 at the front",
            "Your rows begin with −1 where a class has too few members. The neighbours come first, "
            "the nearest before the others, and −1 after them.",
            _changed(lambda t, X, k: np.array([[*r[r < 0], *r[r >= 0]] for r in t])),
        ),
        *ways(
            "the first of each row dropped",
            "You drop the first entry of each sorted row and take it for the point itself. Where "
            "two points lie at one place the first may be the other one, and the point stays.",
            first_dropped,
            _first_masked,
        ),
        *ways(
            "distance zero taken for itself",
            "You leave out whatever is at distance zero and take it for the point itself. Another "
            "point of the class may lie at the same place, and that one is a neighbour.",
            _among(lambda D, y, i: nearest_first(D, i, np.flatnonzero((y == y[i]) & (D[i] > 0)))),
        ),
    )


def _sorted_rows(targets: np.ndarray, sign: int) -> np.ndarray:
    """The neighbours of each row by their index, −1 at the end."""
    rows = [(sign * np.sort(sign * r[r >= 0]), r[r < 0]) for r in targets]
    return np.array([np.concatenate(row) for row in rows])


def _first_masked(X: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Other classes at infinity, the first of each sorted row left out."""
    D = np.where(y[:, None] == y, squares(X), np.inf)
    order = np.argsort(D, axis=1, kind="stable")[:, 1:]
    known = np.take_along_axis(D, order, axis=1) < np.inf
    return rows_of(len(X), k, lambda i: np.where(known[i], order[i], -1))


TARGET_NEIGHBOURS = Exercise(
    number="05.1",
    name="target_neighbours",
    title="Target neighbours",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "Every point has target neighbours: the $k$ nearest points **of its own class**, measured "
        "with the Euclidean distance before anything is learned. LMNN fixes them once and pulls "
        "them closer. Write a function that returns their indices, one row for each point, the "
        "nearest first.\n\n"
        "A point is not its own neighbour. Where a class has fewer than $k$ other members, the "
        "row ends with $-1$: $-1$ stands for *none*."
    ),
    skeleton='''def target_neighbours(X, y, k):
    """Return the indices of the k nearest points of the same class, for each row of X.

    X: (n, d), y: (n,), k: at least 1. Returns: (n, k), whole numbers; row i lists the targets of
    X[i], the nearest first, and ends with -1 where its class has fewer than k other members.
    """''',
    hints=(
        "Take one point first. Which points may be its targets, before any distance is computed?",
        "Choose by label, then sort by distance. What has to be true of k nearest neighbours of "
        "all points so that the other order gives the same?",
        "Make the table first, full of −1, and write into each row as many indices as there are. "
        "After sorting a part of the points, whose positions are the numbers you hold?",
    ),
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: find_targets,
    mistakes=_mistakes,
)
