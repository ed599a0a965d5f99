"""05.5, how many impostors each target has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import CLEAR, dealt, find_targets, squares

Answer = Callable[..., Any]


def _mapped(
    rng: Rng, sizes: tuple[int, ...], k: int, d: int, margin: float, clear: float = CLEAR / 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, some of them impostors and all ``clear`` of the edge of the margin, and targets.

    The targets are those before the map, so that they need not be the nearest after it.
    """
    y = dealt(rng, *sizes)
    while True:
        X = rng.normal(size=(len(y), d))
        Z = 2 * X @ rng.uniform(-1, 1, size=(d, d))
        targets, D = find_targets(X, y, k), squares(Z)
        i, place = np.nonzero(targets >= 0)
        excess = D[i, targets[i, place]][:, None] + margin - D[i]
        excess = excess[y[i][:, None] != y]
        if np.abs(excess).min() > clear and 0.1 < (excess > 0).mean() < 0.9:
            return Z, y, targets


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    margin = variant["margin"]

    def case(name: str, Z: np.ndarray, y: np.ndarray, targets: np.ndarray, **more: Any) -> Case:
        inputs = {"Z": Z, "y": y, "targets": targets}
        return Case(name, inputs, given={"margin": margin}, **more)

    # Whole numbers on a line; a is where the margin ends beyond a target at the same place, so
    # that squares, roots and the expanded form all find a tie there.
    a = float(np.sqrt(margin))
    line = np.array([[0.0], [2.0], [-2.0], [9.0]])
    full = np.array([[0.0], [1.0], [3.0], [2.0]])
    tied = np.array([[0.0], [0.0], [a], [-a], [a / 2], [3 * a], [3 * a]])
    few = np.array([[0.0], [3.0], [1.0], [9.0], [10.0]])
    X = _mapped(rng, (6, 6), 2, 2, margin)
    Z, y, targets = _mapped(rng, (5, 4, 5), 3, 3, margin)
    # So many triplets have some near the edge; that is clear enough for float64.
    crowd = _mapped(rng, (60, 20), 59, 2, margin, clear=1e-7)
    one = np.array([5, 5, 5]), np.array([[1], [0], [1]])
    none = np.array([4, 4, 1, 2, 2]), np.array([[1, -1], [0, -1], [-1, -1], [4, -1], [3, -1]])
    return [
        case("four points on a line", line, np.array([0, 0, 1, 1]), np.array([[1], [0], [3], [2]])),
        case(
            "four points on a line, two targets",
            full,
            np.array([0, 0, 0, 1]),
            np.array([[1, 2], [0, 2], [1, 0], [-1, -1]]),
        ),
        case("twelve points in the plane", *X),
        case("three classes, three targets", Z, y, targets),
        case("float32", Z.astype(np.float32), y, targets),
        case("Fortran order", *X, layout="F"),
        case("every second row of a larger array", *X, layout="strided"),
        case("five points, places without a target", few, *none, group="edge"),
        case(
            "points on the edge of the margin",
            tied,
            np.array([0, 0, 1, 1, 1, 2, 2]),
            np.array([[1, -1], [0, -1], [4, 3], [4, 2], [2, 3], [6, -1], [5, -1]]),
            group="edge",
        ),
        case("one class", line[:3], *one, group="edge"),
        case(
            "three classes of one, two and six",
            *_mapped(rng, (6, 2, 1), 3, 2, margin),
            group="edge",
        ),
        case("eighty points, up to 59 targets", *crowd, group="edge", weigh=True),
    ]


def _counted(
    Z: np.ndarray, y: np.ndarray, targets: np.ndarray, reach: Callable, strictly: bool = True
) -> np.ndarray:
    """Points of another class nearer than ``reach(d²)``, in one column of targets at a time."""
    D, rows = squares(Z), np.arange(len(y))
    near = np.less if strictly else np.less_equal
    counts = np.zeros(targets.shape, dtype=int)
    for place, j in enumerate(targets.T):
        inside = near(D, reach(D[rows, j])[:, None]) & (y != y[:, None])
        counts[:, place] = inside.sum(axis=1)
    return counts


def _known(targets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.where(targets >= 0, counts, 0)


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    margin = variant["margin"]

    def right(Z, y, targets):
        return _known(targets, _counted(Z, y, targets, lambda d2: d2 + margin))

    def reaching(reach: Callable, strictly: bool = True) -> Answer:
        return lambda Z, y, targets: _known(targets, _counted(Z, y, targets, reach, strictly))

    def rooted(Z, y, targets):
        D, rows = np.sqrt(squares(Z)), np.arange(len(y))
        reach = D[rows[:, None], targets] + margin
        inside = [(r[:, None] > D) & (y != y[:, None]) for r in reach.T]
        return _known(targets, np.stack([table.sum(axis=1) for table in inside], axis=1))

    def admitting(others: Callable) -> Answer:
        """The answer that counts the points ``others(y, i, j)``, tables of (n, n, k)."""

        def answer(Z, y, targets):
            D, rows = squares(Z), np.arange(len(y))
            reach = D[rows[:, None], targets] + margin
            inside = (D[:, :, None] < reach[:, None]) & others(y, targets)
            return _known(targets, inside.sum(axis=1))

        return answer

    def itself(y: np.ndarray) -> np.ndarray:
        return np.eye(len(y), dtype=bool)[:, :, None]

    def is_target(y: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.arange(len(y))[None, :, None] == targets[:, None]

    def changed(change: Callable[[np.ndarray, np.ndarray], Any]) -> Answer:
        return lambda Z, y, targets: change(right(Z, y, targets), targets)

    def last_point(Z, y, targets):
        return _counted(Z, y, targets, lambda d2: d2 + margin)

    def everything_there(Z, y, targets):
        others = (y != y[:, None]).sum(axis=1)
        return np.where(targets >= 0, right(Z, y, targets), others[:, None])

    def minus_one_there(Z, y, targets):
        return np.where(targets >= 0, right(Z, y, targets), -1)

    def outside(Z, y, targets):
        others = (y != y[:, None]).sum(axis=1)
        return _known(targets, others[:, None] - right(Z, y, targets))

    def from_the_target(Z, y, targets):
        D, rows = squares(Z), np.arange(len(y))
        counts = np.zeros(targets.shape, dtype=int)
        for place, j in enumerate(targets.T):
            inside = (D[j] < (D[rows, j] + margin)[:, None]) & (y != y[:, None])
            counts[:, place] = inside.sum(axis=1)
        return _known(targets, counts)

    def ring_by_ring(Z, y, targets):
        D, rows = squares(Z), np.arange(len(y))
        reach = np.where(targets >= 0, D[rows[:, None], targets], -np.inf)
        order = np.argsort(reach, axis=1, kind="stable")
        counts = np.take_along_axis(right(Z, y, targets), order, axis=1)
        rings = np.diff(counts, axis=1, prepend=0)
        found = np.empty_like(rings)
        np.put_along_axis(found, order, rings, axis=1)
        return found

    def searched(prepare: Callable) -> Answer:
        """For each point a search among the distances to the other classes."""

        def answer(Z, y, targets):
            D, counts = squares(Z), np.zeros(targets.shape, dtype=int)
            for i in range(len(y)):
                far = prepare(D[i, y != y[i]])
                counts[i] = np.searchsorted(far, D[i, targets[i]] + margin)
            return _known(targets, counts)

        return answer

    def indices(Z, y, targets):
        D = squares(Z)
        order = np.argsort(np.where(y != y[:, None], D, np.inf), axis=1, kind="stable")
        return _known(targets, order[:, : targets.shape[1]])

    def whether(Z, y, targets):
        return right(Z, y, targets) > 0

    def slack(Z, y, targets):
        D, rows = squares(Z), np.arange(len(y))
        excess = D[rows[:, None], targets][:, None] + margin - D[:, :, None]
        excess = np.where((y != y[:, None])[:, :, None], np.maximum(excess, 0), 0)
        return _known(targets, excess.sum(axis=1))

    def lists_triplets(Z, y, targets):
        D, rows = squares(Z), np.arange(len(y))
        reach = D[rows[:, None], targets] + margin
        inside = D[:, None] < reach[:, :, None]
        return _known(targets, (inside & (y != y[:, None])[:, None]).sum(axis=2))

    shown = f"{margin:g}"
    return (
        *ways(
            "margin on the wrong side",
            f"You subtract the margin from the target's squared distance. An impostor is nearer "
            f"than that distance plus {shown}: the margin makes the circle larger.",
            reaching(lambda d2: d2 - margin),
        ),
        *ways(
            "margin missing",
            "You count the points of other classes that are nearer than the target. The margin "
            "around it belongs to the circle.",
            reaching(lambda d2: d2),
            reaching(lambda d2: d2, strictly=False),
        ),
        *ways(
            "root distances",
            f"You add the margin to a distance. It is {shown} in squared distances: far out, the "
            "ring between the two circles is much thinner than you drew it.",
            rooted,
        ),
        *ways(
            "squares against roots",
            "Your two sides have different powers: a squared distance is compared with a root, or "
            "with the square of a square.",
            reaching(lambda d2: np.sqrt(np.maximum(d2, 0)) + margin),
            reaching(lambda d2: d2**2 + margin),
        ),
        *ways(
            "counts the same class",
            "You count points of the anchor's own class too. Only a point of another class can be "
            "an impostor.",
            admitting(lambda y, targets: np.ones((1, 1, 1), dtype=bool)),
            admitting(lambda y, targets: ~itself(y)),
            admitting(lambda y, targets: ~itself(y) & ~is_target(y, targets)),
            admitting(lambda y, targets: ~is_target(y, targets)),
        ),
        *ways(
            "the own class only",
            "You count points of the anchor's own class. An impostor is of another one.",
            admitting(lambda y, targets: (y == y[:, None])[:, :, None]),
            admitting(lambda y, targets: (y == y[:, None])[:, :, None] & ~itself(y)),
        ),
        *ways(
            "−1 read as the last point",
            "Where there is no target you count as if the last point were one: NumPy reads −1 from "
            "the end. Such a place has the count 0.",
            last_point,
        ),
        *ways(
            "a count where there is no target",
            "Where targets holds −1 your result is not 0. Nobody intrudes where nobody is to be "
            "kept.",
            everything_there,
            minus_one_there,
        ),
        *ways(
            "sums over targets or points",
            "You add up the counts: one number for each point, or one for all. Asked is a table "
            "with a count for each point and each of its targets.",
            changed(lambda c, t: c.sum(axis=1)),
            changed(lambda c, t: c.sum()),
            changed(lambda c, t: c.sum(axis=0)),
            changed(lambda c, t: np.cumsum(c, axis=1)),
        ),
        *ways(
            "rows and columns exchanged",
            "Your table is transposed: a row belongs to a point, a column to a place among its "
            "targets.",
            changed(lambda c, t: c.T),
        ),
        *ways(
            "one count for all targets",
            "All targets of a point get the same count in your table. Each has its own circle.",
            changed(lambda c, t: np.where(t >= 0, c.max(axis=1)[:, None], 0)),
            changed(lambda c, t: np.where(t >= 0, c[:, :1], 0)),
        ),
        *ways(
            "counts those outside",
            "You count the points of other classes that keep their distance. Impostors are the "
            "ones that do not.",
            outside,
        ),
        *ways(
            "measured from the target",
            "You draw the circle around the target. Its centre is the anchor.",
            from_the_target,
        ),
        *ways(
            "ring by ring",
            "You count an impostor for one target only, for the first circle that holds it. It "
            "lies in all larger circles too, and counts for each.",
            ring_by_ring,
        ),
        *ways(
            "a search without an order",
            "`searchsorted` believes that its first argument is in order. You gave it distances as "
            "they came.",
            searched(lambda far: far),
            searched(lambda far: np.sort(far)[::-1]),
        ),
        *ways(
            "who, and not how many",
            "Your table holds indices of points of other classes. Asked is how many are too near.",
            indices,
        ),
        *ways(
            "whether, and not how many",
            "Your table says whether there is an impostor. Asked is how many there are.",
            whether,
            changed(lambda c, t: np.minimum(c, 1)),
        ),
        *ways(
            "hinges for counts",
            "You add up by how much the margin is missed. Asked is by how many.",
            slack,
        ),
        Mistake(
            "counts the edge",
            reaching(lambda d2: d2 + margin, strictly=False),
            "Right, and worth knowing: you also count the points exactly on the edge. Their hinge "
            "is zero, so the loss is the same with and without them.",
            severity="note",
        ),
        Mistake(
            "lists every triplet",
            lists_triplets,
            "Right, and worth knowing: your answer holds a number for every triplet at once. With "
            "60,000 points and 3 targets that is 10.8 billion of them. An array of n×n, or one row "
            "of it at a time, is enough.",
            severity="note",
            weighs=True,
        ),
    )


def _reference(variant: Variant) -> Answer:
    def impostors_fast(Z, y, targets):
        return _known(targets, _counted(Z, y, targets, lambda d2: d2 + variant["margin"]))

    return impostors_fast


def _statement(variant: Variant) -> str:
    margin = f"{variant['margin']:g}"
    return (
        "`Z` holds points after the map. Write a function that counts, for every point $i$ and "
        "every target $j$ of it, the points $l$ of another class with\n\n"
        f"$$d_{{il}}^2 < d_{{ij}}^2 + {margin}, \\qquad d_{{ij}} = \\lVert z_i - z_j \\rVert.$$\n\n"
        f"These are the impostors of $j$ with a margin of {margin}. Where `targets` holds $-1$ "
        "there is no target, and the count is 0.\n\n"
        "Do without an array of all triplets, of which there are $n \\cdot k \\cdot n$: with "
        "60,000 points it would not fit into memory."
    )


def _skeleton(variant: Variant) -> str:
    margin = f"{variant['margin']:g}"
    return f'''def impostors_fast(Z, y, targets):
    """Return for each target how many points of another class come within a margin of {margin}.

    Z: (n, r), y: (n,), targets: (n, k) indices with -1 for none.
    Returns: (n, k), whole numbers; 0 where there is no target.
    """'''


IMPOSTORS_FAST = Exercise(
    number="05.5",
    name="impostors_fast",
    title="Impostors without a list of triplets",
    points=3,
    minutes=20,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take one anchor. What do you need to know of the other classes, and what of its targets, "
        "so that one comparison decides?",
        "The points of other classes lie on a half-line of squared distances, and each target is "
        "a mark on it. Counting what lies before a mark is a search, once the line is in order.",
        "A loop over anchors holds one row of distances at a time; a loop over the k columns of "
        "the targets holds n×n. Either is enough. What does NumPy do with an index of −1?",
    ),
    variants={"margin": (1.0, 4.0)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
)
