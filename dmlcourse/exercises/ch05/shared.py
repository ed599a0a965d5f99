"""What the exercises of chapter 05 share: target neighbours, triplets, and small problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...observing import Case
from ..budget import rounding
from ..making import Rng

Indices = tuple[np.ndarray, ...]
NONE = -1


def squares(X: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between all rows of X."""
    difference = X[:, None] - X[None]
    return np.einsum("ijk,ijk->ij", difference, difference)


def rows_of(n: int, k: int, choose: Callable[[int], np.ndarray], fill: float = NONE) -> np.ndarray:
    """Row i: the first k entries of ``choose(i)``, filled up where there are fewer."""
    table = np.full((n, k), fill)
    for i in range(n):
        found = choose(i)[:k]
        table[i, : len(found)] = found
    return table


def members(y: np.ndarray, i: int) -> np.ndarray:
    """The other points of the class of point i."""
    return np.flatnonzero((y == y[i]) & (np.arange(len(y)) != i))


def nearest_first(D: np.ndarray, i: int, among: np.ndarray) -> np.ndarray:
    return among[np.argsort(D[i, among], kind="stable")]


def find_targets(X: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    D = squares(X)
    return rows_of(len(X), k, lambda i: nearest_first(D, i, members(y, i)))


def pairs_of(targets: np.ndarray) -> Indices:
    """Point and target, one entry for each target there is."""
    i, place = np.nonzero(targets >= 0)
    return i, targets[i, place]


def triplets_of(y: np.ndarray, i: np.ndarray, j: np.ndarray) -> Indices:
    """Anchor, target and a point of another class: one entry for each triplet."""
    t, k = np.nonzero(y[i][:, None] != y[None])
    return i[t], j[t], k


class Terms(NamedTuple):
    """The squared distances that the loss is made of, under one map.

    pull          to the target, pair by pair.
    near, far     to the target and to the point of another class, triplet by triplet.
    pairs         the indices (i, j) of the pairs; triplets, (i, j, l) of the triplets.
    """

    pull: np.ndarray
    near: np.ndarray
    far: np.ndarray
    pairs: Indices
    triplets: Indices

    @property
    def excess(self) -> np.ndarray:
        """What stands in the hinge."""
        return 1 + self.near - self.far


def terms_of(Z: np.ndarray, pairs: Indices, triplets: Indices) -> Terms:
    """The terms of mapped points, for any lists of pairs and triplets."""

    def squared(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        difference = Z[i] - Z[j]
        return np.einsum("ij,ij->i", difference, difference)

    i, j, k = triplets
    return Terms(squared(*pairs), squared(i, j), squared(i, k), pairs, triplets)


def the_terms(Z: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Terms:
    pairs = pairs_of(targets)
    return terms_of(Z, pairs, triplets_of(y, *pairs))


def hinge(excess: np.ndarray) -> np.ndarray:
    return np.maximum(excess, 0)


def dealt(rng: Rng, *sizes: int) -> np.ndarray:
    """Labels of classes of these sizes, in random order; no label counts from zero."""
    labels = (3, 7, 9, 4)
    return rng.permutation(np.repeat(labels[: len(sizes)], sizes))


# So far from the edge of the hinge is every triplet, so that rounding switches none on or off.
CLEAR = 0.02


class Problem(NamedTuple):
    """A map, labelled points and their targets."""

    L: np.ndarray
    X: np.ndarray
    y: np.ndarray
    targets: np.ndarray


def problem(rng: Rng, sizes: tuple[int, ...], k: int, shape: tuple[int, int]) -> Problem:
    """Points around the origin, a map of ``shape``, and triplets on both sides of the hinge."""
    y = dealt(rng, *sizes)
    while True:
        X = rng.normal(size=(len(y), shape[1]))
        L = rng.uniform(-1.2, 1.2, size=shape)
        targets = find_targets(X, y, k)
        excess = the_terms(X @ L.T, y, targets).excess
        share = (excess > 0).mean()
        if np.abs(excess).min() > CLEAR and 0.2 < share < 0.8:
            return Problem(L, X, y, targets)


def single(drawn: Problem) -> Problem:
    """The same problem in float32."""
    return drawn._replace(L=drawn.L.astype(np.float32), X=drawn.X.astype(np.float32))


# Three points on a line: the first two are each other's target, the third is of another class.
LINE = Problem(
    np.array([[1.0]]),
    np.array([[0.0], [3.0], [5.0]]),
    np.array([0, 0, 1]),
    np.array([[1], [0], [NONE]]),
)
# Three points that are each other's targets, and one of another class between two of them.
FULL = Problem(
    np.array([[1.0]]),
    np.array([[0.0], [1.0], [3.0], [2.0]]),
    np.array([0, 0, 0, 1]),
    np.array([[1, 2], [0, 2], [1, 0], [NONE, NONE]]),
)
# The third point has two impostors, and is nobody's target; the second has one in the margin.
FIVE = Problem(
    np.array([[0.5]]),
    np.array([[0.0], [1.0], [7.0], [3.0], [4.0]]),
    np.array([0, 0, 0, 1, 1]),
    np.array([[1], [0], [1], [4], [3]]),
)
# Two pairs, and two places for targets.
GAPS = Problem(
    np.array([[1.0]]),
    np.array([[0.0], [3.0], [1.0], [6.0]]),
    np.array([0, 0, 1, 1]),
    np.array([[1, NONE], [0, NONE], [3, NONE], [2, NONE]]),
)


def problem_cases(rng: Rng) -> list[Case]:
    """The cases of the loss and of its gradient: the same problems, with a weight each."""

    def case(name: str, drawn: Problem, mu: float, **more: str) -> Case:
        return Case(name, dict(zip(inputs, (*drawn, mu), strict=True)), **more)  # type: ignore[arg-type]

    inputs = ("L", "X", "y", "targets", "mu")
    plane = LINE._replace(
        L=np.array([[1.0, 2.0], [0.0, 1.0]]),
        X=np.array([[0.0, 0.0], [0.0, 1.0], [2.0, -1.0]]),
    )
    some = problem(rng, (4, 5), 2, (3, 3))
    lonely = problem(rng, (4, 2, 1), 2, (2, 2))
    alike = LINE._replace(y=np.array([2, 2, 2]), targets=np.array([[1], [0], [1]]))
    return [
        case("three points on a line", LINE, 0.25),
        case("three points in the plane, L not symmetric", plane, 0.25),
        case("five points on a line", FIVE, 0.25),
        case("four points on a line, two targets", FULL, 0.25),
        case("two classes", some, 0.3),
        case("three classes", problem(rng, (4, 4, 4), 2, (2, 2)), 0.6),
        case("L with fewer rows than columns", problem(rng, (5, 4), 2, (2, 4)), 0.3),
        case("L with more rows than columns", problem(rng, (4, 4), 3, (3, 2)), 0.8),
        case("two classes of two, places without a target", GAPS, 0.25, group="edge"),
        case("a class of two and a class of one, two targets", lonely, 0.4, group="edge"),
        case("one class, and nobody to push away", alike, 0.25, group="edge"),
        case("float32", single(problem(rng, (4, 4), 2, (3, 3))), 0.3, group="edge"),
        case("Fortran order", some, 0.3, group="edge", layout="F"),
        case("every second row of a larger array", some, 0.3, group="edge", layout="strided"),
    ]


def sum_budget(case: Case) -> float:
    """The error of a sum over all pairs and triplets of squared distances.

    Distances may be expanded as ‖z‖² + ‖z'‖² − 2zᵀz', so the size of a term is that of its parts.
    """
    L, X = (np.asarray(case.inputs[name], np.float64) for name in ("L", "X"))
    reach = np.linalg.norm(L, 2) * np.linalg.norm(X, axis=1)
    pairs = pairs_of(case.inputs["targets"])
    anchor, target, other = triplets_of(case.inputs["y"], *pairs)
    pull = np.square(reach[pairs[0]] + reach[pairs[1]]).sum()
    push = np.square(reach[anchor] + reach[target]) + np.square(reach[anchor] + reach[other])
    # The sums over coordinates, then one over the terms, which a loop adds one after the other.
    length = 2 * sum(L.shape) + len(pairs[0]) + len(anchor)
    return float(rounding(case, length, pull + push.sum() + len(anchor)))
