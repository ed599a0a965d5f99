"""Chapter 00, start here: distances of points, and neighbours that vote."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np

from ..observing import Case, Function
from .budget import Arrays, root, rounding
from .making import Rng, cases_of, ways
from .spec import Exercise, Mistake, Variant


def _squares_budget(case: Case, reach: np.ndarray | float) -> np.ndarray:
    """The error of squared distances between points whose norms add up to ``reach``.

    The expanded form ‖x‖² + ‖y‖² − 2xᵀy is allowed: its terms have the size of reach².
    """
    coordinates = next(iter(case.inputs.values())).shape[-1]
    return rounding(case, 2 * coordinates + 4, np.square(reach))


def _lengths(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.asarray(points, np.float64), axis=-1)


# ---------------------------------------------------------------- 00.0 distance


def _distance_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("x", "y")
    place = rng.normal(size=3)
    single = rng.normal(size=(2, 4)).astype(np.float32)
    return [
        case("two points in the plane", np.array([1.0, 2.0]), np.array([-2.0, 6.0])),
        case("one coordinate", np.array([2.0]), np.array([-6.0])),
        case("three whole numbers", np.array([2, 7, 1]), np.array([0, 1, 4])),
        case("a point and itself", place, place),
        case("five coordinates", *rng.normal(size=(2, 5))),
        case("float32", *single),
        case("every second number of a larger array", *rng.normal(size=(2, 6)), layout="strided"),
        case("two hundred coordinates", *rng.normal(size=(2, 200))),
    ]


def _straight_line(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(x - y).sum())


def _distance_budget(case: Case, expected: Arrays) -> Arrays:
    reach = sum(_lengths(point) for point in case.inputs.values())
    return {"result": root(_squares_budget(case, reach), expected["result"])}


def _distance_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (
        *ways(
            "root forgotten",
            "Your distance is squared: if the coordinates are metres, your answer is in square "
            "metres. Two points twice as far apart get four times your number.",
            lambda x, y: np.sum((x - y) ** 2),
        ),
        *ways(
            "half of the square",
            "Your result is half of the squared distance. Python reads `a ** 1/2` as `(a ** 1) / "
            "2`: the power comes first, the division after it.",
            lambda x, y: np.sum((x - y) ** 2) / 2,
        ),
        *ways(
            "city-block distance",
            "Your result is the sum of the absolute differences: the city-block distance, along "
            "the streets and not in a straight line. A root of each single square, added up, "
            "gives the same number.",
            lambda x, y: np.sum(np.abs(x - y)),
        ),
        *ways(
            "signs cancel",
            "You added the differences with their signs, so that +3 and −3 cancel. Two different "
            "points can come out at distance zero, and where the sum is negative its root is NaN.",
            lambda x, y: np.sum(x - y),
            lambda x, y: np.sum(y - x),
            lambda x, y: np.abs(np.sum(x - y)),
            lambda x, y: np.sum(x - y) ** 2,
            lambda x, y: np.sqrt(np.sum(x - y)),
            lambda x, y: np.sqrt(np.sum(y - x)),
            lambda x, y: np.sum(np.sqrt(x - y) ** 2),
            lambda x, y: np.sum(np.sqrt(x - y)),
        ),
        *ways(
            "NaN for every pair",
            "Your result is NaN for any two points that differ. A root of a negative number is "
            "NaN: which sign has the number under yours?",
            lambda x, y: np.sqrt(-np.sum((x - y) ** 2)),
        ),
        *ways(
            "squares forgotten",
            "Under your root stands the sum of the absolute differences; none of them was "
            "squared. Two points twice as far apart get 1.4 times your number.",
            lambda x, y: np.sqrt(np.sum(np.abs(x - y))),
        ),
        *ways(
            "one number for each coordinate",
            "Your answer keeps the coordinates apart: it returns one number for each of them. The "
            "distance of two points is a single number.",
            lambda x, y: np.sqrt((x - y) ** 2),
            lambda x, y: (x - y) ** 2,
            lambda x, y: x - y,
            lambda x, y: y - x,
            lambda x, y: np.sqrt(x**2 + y**2),
            lambda x, y: np.sqrt(x - y),
        ),
        *ways(
            "mean for sum",
            "You took the mean over the coordinates, not their sum. A distance grows when points "
            "differ in one more coordinate; yours may shrink.",
            lambda x, y: np.sqrt(np.mean((x - y) ** 2)),
            lambda x, y: np.mean((x - y) ** 2),
            lambda x, y: np.mean(np.abs(x - y)),
        ),
        *ways(
            "points added",
            "You added the points, x + y, where their difference was to be taken. A point and "
            "itself are not at distance zero in your answer.",
            lambda x, y: np.sqrt(np.sum((x + y) ** 2)),
            lambda x, y: np.sum((x + y) ** 2),
            lambda x, y: np.sqrt(np.sum(x**2 + y**2)),
            lambda x, y: np.sqrt(np.sum(x**2) + np.sum(y**2)),
        ),
        *ways(
            "largest difference",
            "Your result is the largest of the differences; the other coordinates do not count.",
            lambda x, y: np.max(np.abs(x - y)),
        ),
        *ways(
            "difference of the lengths",
            "You measured how far each point is from the origin and compared these two lengths. "
            "Points on one circle around the origin all get distance zero.",
            lambda x, y: np.abs(np.linalg.norm(x) - np.linalg.norm(y)),
            lambda x, y: np.linalg.norm(x) - np.linalg.norm(y),
            lambda x, y: np.linalg.norm(y) - np.linalg.norm(x),
        ),
        *ways(
            "difference of squares",
            "You squared first and subtracted after: x² − y² where (x − y)² was meant. The result "
            "depends on where the origin lies, and a root of it can be NaN.",
            lambda x, y: np.sqrt(np.sum(x**2 - y**2)),
            lambda x, y: np.sqrt(np.sum(y**2 - x**2)),
            lambda x, y: np.sqrt(np.abs(np.sum(x**2 - y**2))),
            lambda x, y: np.sqrt(np.sum(np.abs(x**2 - y**2))),
            lambda x, y: np.sum(x**2 - y**2),
        ),
        *ways(
            "inner product",
            "Your result is the inner product of the two points. It says how far they point the "
            "same way: for a point and itself it is not zero.",
            lambda x, y: x @ y,
            lambda x, y: np.sqrt(x @ y),
        ),
        *ways(
            "first two coordinates",
            "Your answer reads the coordinates 0 and 1 and no others. Points may have one "
            "coordinate, or two hundred.",
            lambda x, y: np.sqrt((x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2),
        ),
        *ways(
            "one coordinate",
            "One coordinate decides your result, and the others do not enter. A `return` inside "
            "the loop ends the function in its first round; `s = …` in a loop forgets what `s` was "
            "before.",
            lambda x, y: np.abs(x[0] - y[0]),
            lambda x, y: np.abs(x[-1] - y[-1]),
            lambda x, y: (x[0] - y[0]) ** 2,
            lambda x, y: (x[-1] - y[-1]) ** 2,
        ),
        *ways(
            "^ for a power",
            "In Python `^` is not a power: it compares the bits of two whole numbers, and stops "
            "on numbers with a fractional part. The power is written `**`.",
            lambda x, y: np.sqrt(np.sum((x - y) ^ 2)),
            lambda x, y: np.sum((x - y) ^ 2),
        ),
    )


DISTANCE = Exercise(
    number="00.0",
    name="distance",
    title="The distance of two points",
    points=1,
    minutes=5,
    kind=Function(),
    statement=(
        "Write a function that returns the Euclidean distance of two points,\n\n"
        r"$$d(x, y) = \lVert x - y \rVert = \sqrt{\sum_{i=1}^{d} (x_i - y_i)^2}.$$"
        "\n\n`x` and `y` are arrays of $d$ numbers, for any $d$; the result is one number."
    ),
    skeleton='''def distance(x, y):
    """Return the Euclidean distance of two points.

    x, y: (d,). Returns: a number.
    """''',
    hints=(
        "Draw two points of the plane and the right-angled triangle between them. Its short sides "
        "are the differences of the coordinates.",
        "The formula has four steps: a difference, a square, a sum, a root. In which order does "
        "your code take them, and which of them turn d numbers into one?",
        "Try (0, 0) and (3, 4): a ruler says 5. Then put a minus before one of the numbers.",
    ),
    cases=_distance_cases,
    reference=lambda variant: _straight_line,
    mistakes=_distance_mistakes,
    budget=_distance_budget,
)


# ---------------------------------------------------------------- 00.1 pairwise_sqdist


def _pairwise_cases(rng: Rng, variant: Variant) -> list[Case]:
    def points(n: int, d: int) -> np.ndarray:
        return rng.normal(size=(n, d))

    case = cases_of("X", "Y")
    X, Y = points(4, 3), points(5, 3)
    single = [a.astype(np.float32) for a in (points(4, 3), points(3, 3))]
    small = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    # Around one place far away: where the true squares are 1e-12, large numbers cancel in the
    # expanded form, and what is left of 1600 entries is of either sign on every machine.
    place = rng.uniform(1e4, 2e4, size=3)
    near = place + 1e-6 * points(80, 3)
    far = {"group": "far from the origin"}
    return [
        case("two points against three", *small),
        case("one coordinate", np.array([[2.0]]), np.array([[5.0]])),
        case("four points against five", X, Y),
        case("one point against many", points(1, 4), points(3, 4)),
        case("three points against three, in space", points(3, 3), points(3, 3)),
        case("six points against six, in the plane", points(6, 2), points(6, 2)),
        case("float32", *single),
        case("Fortran order", X, Y, layout="F"),
        case("every second row of a larger array", X, Y, layout="strided"),
        case("120 points against 120", points(120, 24), points(120, 24), weigh=True),
        case("the same points twice, far from the origin", place + X, place + X, **far),
        case("points nearly equal", near[:40], np.vstack([near[40:], place + Y]), **far),
    ]


def _row_by_row(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    # A row at a time: no (n, m, d) array, so that memory can be weighed against this.
    return np.array([np.square(x - Y).sum(axis=1) for x in X])


_BELOW = "any entry below zero"


def _pairwise_digest(case: Case, values: Arrays) -> Arrays:
    result = values["result"]
    # An entry of −1e-8 is within the error budget, and still no square.
    below = result.dtype.kind in "fi" and bool(np.any(result < 0))
    return {"result": result, _BELOW: np.array(below)}


def _pairwise_budget(case: Case, expected: Arrays) -> Arrays:
    reach = np.add.outer(*map(_lengths, case.inputs.values()))
    return {"result": _squares_budget(case, reach), _BELOW: np.zeros(())}


def _gaps(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return X[:, None, :] - Y[None, :, :]


def _norms(X: np.ndarray) -> np.ndarray:
    return np.square(X).sum(axis=1)


def _pairwise_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (
        *ways(
            "root taken",
            "Your result holds the distances; asked are their squares. The root is one step too "
            "many.",
            lambda X, Y: np.sqrt(_row_by_row(X, Y)),
        ),
        *ways(
            "summed over the wrong axis",
            "Your sum runs over points, and the coordinates stay apart. The shape of your result "
            "still has d in it; that of the answer is (n, m).",
            lambda X, Y: np.square(_gaps(X, Y)).sum(axis=0),
            lambda X, Y: np.square(_gaps(X, Y)).sum(axis=1),
        ),
        *ways(
            "not summed",
            "Your result has three axes: a square for each pair and each coordinate. Nothing was "
            "added up over the coordinates.",
            lambda X, Y: np.square(_gaps(X, Y)),
            _gaps,
        ),
        *ways(
            "one number for all pairs",
            "Your sum runs over everything, so that all pairs together give one number. Asked is "
            "one number for each pair.",
            lambda X, Y: np.square(_gaps(X, Y)).sum(),
            lambda X, Y: np.linalg.norm(_gaps(X, Y)),
        ),
        *ways(
            "one long list",
            "Your result is one list of n·m numbers. Asked is a table with a row for each point "
            "of X and a column for each point of Y.",
            lambda X, Y: _row_by_row(X, Y).ravel(),
            lambda X, Y: _row_by_row(Y, X).ravel(),
        ),
        *ways(
            "row against row",
            "You subtracted Y from X row by row: X[0] meets Y[0] only, X[1] meets Y[1] only. Every "
            "row of X has to meet every row of Y, also where there are more of one than of the "
            "other.",
            lambda X, Y: np.square(X - Y).sum(axis=1),
            lambda X, Y: np.square(X - Y),
            lambda X, Y: np.square(X - Y).sum(),
            lambda X, Y: np.square(X - Y).sum(axis=0),
            lambda X, Y: np.array([np.square(x - y).sum() for x, y in zip(X, Y, strict=False)]),
        ),
        *ways(
            "n rows and n columns",
            "Your result has as many columns as X has rows. Its columns belong to the points of Y, "
            "and there may be more of them, or fewer.",
            lambda X, Y: _row_by_row(X, Y[np.arange(len(X))]),
        ),
        *ways(
            "rows and columns exchanged",
            "Your result is transposed: entry [i, j] belongs to X[j] and Y[i].",
            lambda X, Y: _row_by_row(Y, X),
        ),
        *ways(
            "negative squares",
            "Some of your squares are negative. In ‖x‖² + ‖y‖² − 2xᵀy large numbers cancel, and "
            "for points nearly equal and far from the origin nothing but rounding is left, of "
            "either sign. A root of that would be NaN.",
            lambda X, Y: _norms(X)[:, None] + _norms(Y) - 2 * X @ Y.T,
            lambda X, Y: (_norms(X)[:, None] - 2 * X @ Y.T) + _norms(Y),
        ),
        *ways(
            "half of the cross term",
            "In your expanded form the product xᵀy is taken once. Multiply out (x − y)ᵀ(x − y) and "
            "count how often it appears.",
            lambda X, Y: _norms(X)[:, None] + _norms(Y) - X @ Y.T,
            lambda X, Y: np.maximum(_norms(X)[:, None] + _norms(Y) - X @ Y.T, 0),
        ),
        *ways(
            "sign of the cross term",
            "Your result is ‖x + y‖²: the points were added, or the product xᵀy entered with the "
            "wrong sign.",
            lambda X, Y: _row_by_row(X, -Y),
        ),
        *ways(
            "cross term left out",
            "Your result is ‖x‖² + ‖y‖²: the product xᵀy is missing. It knows how far each point "
            "is from the origin, and nothing of the direction.",
            lambda X, Y: np.add.outer(_norms(X), _norms(Y)),
        ),
        *ways(
            "both norms along one axis",
            "The norms of X and those of Y lie along the same axis of your sum, so that NumPy "
            "pairs X[0] with Y[0]. Entry [i, j] needs the norm of X[i] and that of Y[j].",
            lambda X, Y: _norms(X) + _norms(Y) - 2 * X @ Y.T,
            lambda X, Y: np.maximum(_norms(X) + _norms(Y) - 2 * X @ Y.T, 0),
            lambda X, Y: (_norms(X) + _norms(Y))[:, None] - 2 * X @ Y.T,
            lambda X, Y: np.maximum((_norms(X) + _norms(Y))[:, None] - 2 * X @ Y.T, 0),
        ),
        *ways(
            "norms exchanged",
            "Entry [i, j] of your sum takes the norm of X[j] and that of Y[i]; the product belongs "
            "to X[i] and Y[j].",
            lambda X, Y: _norms(X) + _norms(Y)[:, None] - 2 * X @ Y.T,
            lambda X, Y: np.maximum(_norms(X) + _norms(Y)[:, None] - 2 * X @ Y.T, 0),
        ),
        *ways(
            "norms over the wrong axis",
            "Your squares are summed down the columns: one number for each coordinate. A norm "
            "belongs to a point, which is a row.",
            lambda X, Y: (X**2).sum(0)[:, None] + (Y**2).sum(0) - 2 * X @ Y.T,
            lambda X, Y: np.maximum((X**2).sum(0)[:, None] + (Y**2).sum(0) - 2 * X @ Y.T, 0),
        ),
        *ways(
            "norms not summed per point",
            "The squares of all points are added up to one number. A norm belongs to one point: X "
            "has n of them.",
            lambda X, Y: (X**2).sum() + (Y**2).sum() - 2 * X @ Y.T,
            lambda X, Y: np.linalg.norm(X) ** 2 + np.linalg.norm(Y) ** 2 - 2 * X @ Y.T,
        ),
        *ways(
            "norms without their squares",
            "In your expanded form the norms are not squared, or are those of no square at all: "
            "‖x‖ stands where ‖x‖² belongs.",
            lambda X, Y: np.add.outer(_norms(X) ** 0.5, _norms(Y) ** 0.5) - 2 * X @ Y.T,
        ),
        *ways(
            "city-block distance",
            "You added absolute differences: the city-block distance. No difference was squared.",
            lambda X, Y: np.abs(_gaps(X, Y)).sum(axis=2),
        ),
        *ways(
            "squared after the sum",
            "You added the differences with their signs, and +3 and −3 cancel before anything is "
            "squared.",
            lambda X, Y: _gaps(X, Y).sum(axis=2) ** 2,
            lambda X, Y: _gaps(X, Y).sum(axis=2),
        ),
        *ways(
            "mean for sum",
            "You took the mean over the coordinates: your numbers are too small by the factor d.",
            lambda X, Y: np.square(_gaps(X, Y)).mean(axis=2),
        ),
        *ways(
            "halved",
            "Your numbers are half of the squared distances. Python reads `a ** 1/2` as `(a ** 1) "
            "/ 2`, and no root is asked here.",
            lambda X, Y: _row_by_row(X, Y) / 2,
        ),
        *ways(
            "squared twice",
            "Your numbers are squares of squares: the fourth power of the distance.",
            lambda X, Y: _row_by_row(X, Y) ** 2,
        ),
        *ways(
            "inner products",
            "Your result holds inner products xᵀy. A point and itself would not be at distance "
            "zero.",
            lambda X, Y: X @ Y.T,
        ),
        *ways(
            "each centred on its own",
            "You subtracted from X its own mean and from Y its own. That moves the two clouds by "
            "different amounts, and the distances between them change.",
            lambda X, Y: _row_by_row(X - X.mean(axis=0), Y - Y.mean(axis=0)),
        ),
        *ways(
            "Y not used",
            "Your result has the distances between the rows of X; Y does not enter.",
            lambda X, Y: _row_by_row(X, X),
        ),
        Mistake(
            "needs n×m×d memory",
            lambda X, Y: np.square(_gaps(X, Y)).sum(axis=2),
            "Your answer is right. It holds all n×m×d differences at once; for 10,000 points "
            "against 10,000 with 100 coordinates that is 80 GB. Can you do without that array?",
            severity="note",
            weighs=True,
        ),
    )


PAIRWISE_SQDIST = Exercise(
    number="00.1",
    name="pairwise_sqdist",
    title="All pairs at once",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "Write a function that returns the squared Euclidean distance "
        r"$\lVert x - y \rVert^2$ for every pair of a row $x$ of `X` and a row $y$ of `Y`. Use "
        "array operations; no loop over pairs is needed. No entry of the result may be negative, "
        "whatever rounding does."
    ),
    skeleton='''def pairwise_sqdist(X, Y):
    """Return the squared Euclidean distances between rows of X and rows of Y.

    X: (n, d), Y: (m, d). Returns: (n, m), entry [i, j] for X[i] and Y[j], none below zero.
    """''',
    hints=(
        "Write it for one point x and all rows of Y first. Which axis holds the coordinates, and "
        "which axis is left after the sum?",
        "Two ways lead there. Either every row of X gets an axis of its own and meets all rows of "
        "Y, or you multiply (x − y)ᵀ(x − y) out and form each of its terms for all pairs. Write "
        "down the shape of every part.",
        "Try ten points that are nearly equal and far from the origin, against themselves: "
        "`10_000 + 1e-6 * np.random.default_rng(0).normal(size=(10, 3))`. Which sign has the "
        "smallest entry?",
    ),
    groups={"values": 2, "far from the origin": 1},
    cases=_pairwise_cases,
    reference=lambda variant: _row_by_row,
    mistakes=_pairwise_mistakes,
    digest=_pairwise_digest,
    budget=_pairwise_budget,
)


# ---------------------------------------------------------------- 00.2 knn_predict


def _apart(rng: Rng, n: int, d: int) -> np.ndarray:
    """Points in whole numbers, no two of them equally far from a third.

    Their squared distances are exact even in float32, so rounding exchanges no neighbours.
    """
    while True:
        X = rng.integers(0, 1000, size=(n, d)).astype(np.float64)
        if np.diff(np.sort(_row_by_row(X, X), axis=1), axis=1).min() > 0:
            return X


def _dealt(rng: Rng, n: int, *labels: int) -> np.ndarray:
    """n labels in random order, each about equally often."""
    return rng.permutation(np.resize(labels, n))


def _knn_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("X", "y", "k")
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    X, y = _apart(rng, 20, 2), _dealt(rng, 20, 3, 7)
    return [
        case("four points on a line", line, np.array([0, 1, 1, 0]), 1),
        case("three neighbours", _apart(rng, 12, 2), _dealt(rng, 12, 0, 1), 3),
        case("labels 3 and 7", X, y, 3),
        case("one neighbour", _apart(rng, 20, 2), _dealt(rng, 20, 1, 2, 4), 1),
        case("forty points, five neighbours", _apart(rng, 40, 3), _dealt(rng, 40, 3, 7), 5),
        case("all others on a line", line, np.array([3, 3, 9, 9]), 3),
        case("all others are neighbours", _apart(rng, 6, 2), _dealt(rng, 6, 2, 9), 5),
        case("float32", _apart(rng, 20, 3).astype(np.float32), _dealt(rng, 20, 0, 5), 3),
        case("Fortran order", X, y, 3, layout="F"),
        case("every second row of a larger array", X, y, 3, layout="strided"),
        *_twins(rng),
        case("a tie on a line", line, np.array([8, 0, 8, 0]), 2, group="ties"),
        case("two neighbours", _apart(rng, 20, 2), _dealt(rng, 20, 0, 1), 2, group="ties"),
        case("three labels", _apart(rng, 30, 3), _dealt(rng, 30, 1, 4, 6), 3, group="ties"),
        case("four neighbours", _apart(rng, 30, 3), _dealt(rng, 30, 0, 2, 8), 4, group="ties"),
    ]


def _twins(rng: Rng) -> list[Case]:
    """Points at one place with different labels, and a crowd too far away to be neighbours.

    Only twins are equally far from a point. No row of the crowd has them among its neighbours,
    and a twin has all its twins, so no answer depends on their order.
    """

    def case(name: str, twins: list[int], crowd: int, k: int) -> Case:
        place = rng.integers(5000, 6000, size=(1, 2)).astype(np.float64)
        X = np.vstack([np.repeat(place, len(twins), axis=0), _apart(rng, crowd, 2)])
        y = np.concatenate([twins, np.full(crowd, 5)])
        mixed = rng.permutation(len(X))
        return cases_of("X", "y", "k")(name, X[mixed], y[mixed], k, group="duplicates")

    return [
        case("two points at one place", [0, 1], 4, 1),
        case("four points at one place", [3, 3, 7, 7], 6, 3),
    ]


def _squares(X: np.ndarray, own: float) -> np.ndarray:
    """Squared distances between the rows of X, with ``own`` on the diagonal."""
    D = _row_by_row(X, X)
    np.fill_diagonal(D, own)
    return D


def _ranked(X: np.ndarray, own: float) -> np.ndarray:
    """For each row the positions of all rows, nearest first; ``own`` is the point's to itself."""
    return np.argsort(_squares(X, own), axis=1, kind="stable")


def _vote(labels: np.ndarray) -> np.ndarray:
    """The most frequent label of each row; the smallest of several."""
    classes = np.unique(labels)
    return classes[np.argmax((labels[:, :, None] == classes).sum(axis=1), axis=1)]


def _others(X: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The labels of the k nearest other rows, nearest first."""
    return y[_ranked(X, np.inf)[:, :k]]


def _leave_one_out(X: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    return _vote(_others(X, y, k))


def _first_seen(labels: np.ndarray) -> np.ndarray:
    """The most frequent label of each row; of several the one that comes first in the row."""
    return np.array([Counter(row).most_common(1)[0][0] for row in labels.tolist()])


def _without_zeros(X: np.ndarray) -> np.ndarray:
    D = _row_by_row(X, X)
    return np.argsort(np.where(D == 0, np.inf, D), axis=1)


def _without_first(X: np.ndarray, kind: Literal["stable"] | None = None) -> np.ndarray:
    return np.argsort(_row_by_row(X, X), axis=1, kind=kind)[:, 1:]


def _knn_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def one_less(alone, vote=_vote):
        # Without any neighbour people's votes end in an error, or in one label or another.
        def answer(X, y, k):
            if k == 1 and isinstance(alone, int):
                return np.full(len(X), alone)
            if k == 1:
                raise alone
            return vote(_others(X, y, k - 1))

        return answer

    def of_a_set(X, y, k):
        rows = _others(X, y, k).tolist()
        return np.array([max(set(row), key=row.count) for row in rows])

    def weighted(power: int):
        def answer(X, y, k):
            weights = np.sort(_squares(X, np.inf), axis=1)[:, :k] ** (-power / 2)
            rows = zip(_others(X, y, k), weights, strict=True)
            return np.array([np.bincount(row, w).argmax() for row, w in rows])

        return answer

    def largest_on_diagonal(X, y, k):
        return _vote(y[_ranked(X, _row_by_row(X, X).max())[:, :k]])

    def fixed_on_diagonal(number):
        return lambda X, y, k: _vote(y[_ranked(X, number)[:, :k]])

    def shifted(X, y, k):
        rows = enumerate(_row_by_row(X, X))
        return _vote(np.array([y[np.argsort(np.delete(d, i))[:k]] for i, d in rows]))

    def positions(X, y, k):
        return np.searchsorted(np.unique(y), _leave_one_out(X, y, k))

    def positions_in_row(X, y, k):
        counts = [np.unique(row, return_counts=True)[1] for row in _others(X, y, k)]
        return np.array([count.argmax() for count in counts])

    def votes_won(X, y, k):
        return np.array([np.bincount(row).max() for row in _others(X, y, k)])

    def first_labels_only(X, y, k):
        classes = np.arange(len(np.unique(y)))
        return (_others(X, y, k)[:, :, None] == classes).sum(axis=1).argmax(axis=1)

    def table(X, y, k):
        votes = np.zeros((len(X), len(np.unique(y))))
        rows = np.arange(len(X))
        for labels in _others(X, y, k).T:
            votes[rows, labels] += 1
        return votes.argmax(axis=1)

    def nearest_class_mean(X, y, k):
        classes = np.unique(y)
        means = np.array([X[y == label].mean(axis=0) for label in classes])
        return classes[_row_by_row(X, means).argmin(axis=1)]

    return (
        *ways(
            "counts the point itself",
            "In your answer each point votes for its own label: it is at distance zero from "
            "itself, and so the first of its neighbours. With k = 1 that repeats y.",
            lambda X, y, k: _vote(y[_ranked(X, -1)[:, :k]]),
            lambda X, y, k: _vote(y[_ranked(X, -1)[:, : k + 1]]),
            lambda X, y, k: y,
        ),
        *ways(
            "removes every zero distance",
            "You removed what lies at distance zero. That removes the point itself, and with it "
            "every other point at the same place: those are its nearest neighbours.",
            lambda X, y, k: _vote(y[_without_zeros(X)[:, :k]]),
        ),
        *ways(
            "takes the first for the point itself",
            "You left out the first of the sorted points, taking it for the point itself. Where "
            "another point lies at the same place, that other one may come first: then it is left "
            "out, and the point votes for itself.",
            lambda X, y, k: _vote(y[_without_first(X, "stable")[:, :k]]),
            lambda X, y, k: _vote(y[_without_first(X)[:, :k]]),
        ),
        *ways(
            "points at one place, and ties",
            "Two things. Where several points lie at one place, you leave out the wrong ones: only "
            "the point itself is to go. And where two labels have as many votes, yours is that of "
            "the nearest neighbour; asked is the smallest.",
            lambda X, y, k: _first_seen(y[_without_zeros(X)[:, :k]]),
            lambda X, y, k: _first_seen(y[_without_first(X, "stable")[:, :k]]),
            lambda X, y, k: _first_seen(y[_without_first(X)[:, :k]]),
        ),
        *ways(
            "largest distance on the diagonal",
            "You gave the point itself the largest of all distances, and that is the distance of "
            "two other points as well. Where k reaches so far, the point may still be chosen.",
            largest_on_diagonal,
        ),
        *ways(
            "fixed number on the diagonal",
            "The number that you put on the diagonal is smaller than some distances. A point whose "
            "neighbours are farther away than that votes for its own label again.",
            *map(fixed_on_diagonal, (99, 100, 999, 1000, 9999, 10000)),
        ),
        *ways(
            "farthest points",
            "Your neighbours are the points farthest away: the order of the distances is turned "
            "around.",
            lambda X, y, k: _vote(y[_ranked(X, -1)[:, ::-1][:, :k]]),
            lambda X, y, k: _vote(y[_ranked(X, np.inf)[:, ::-1][:, :k]]),
        ),
        *ways(
            "positions for labels",
            "Your result holds positions of points: it says which rows are near. Asked is a label, "
            "as y has them.",
            lambda X, y, k: _ranked(X, np.inf)[:, :k],
            lambda X, y, k: _ranked(X, np.inf)[:, 0],
            lambda X, y, k: _vote(_ranked(X, np.inf)[:, :k]),
        ),
        *ways(
            "no vote",
            "Your result holds the labels of the k neighbours of each row. They have not voted "
            "yet: asked is one label a row.",
            _others,
        ),
        *ways(
            "mean for vote",
            "Your labels are means or medians of the neighbours' labels. A label is a name and not "
            "an amount: between 3 and 7 lies 5, and no point is called 5.",
            lambda X, y, k: np.rint(_others(X, y, k).mean(axis=1)).astype(int),
            lambda X, y, k: _others(X, y, k).mean(axis=1).astype(int),
            lambda X, y, k: _others(X, y, k).mean(axis=1),
            lambda X, y, k: np.median(_others(X, y, k), axis=1),
            lambda X, y, k: np.median(_others(X, y, k), axis=1).astype(int),
        ),
        *ways(
            "one neighbour too many",
            "k + 1 neighbours vote in your answer.",
            lambda X, y, k: _leave_one_out(X, y, k + 1),
        ),
        *ways(
            "one neighbour too few",
            "k − 1 neighbours vote in your answer, and with k = 1 none. The end of a slice is the "
            "first position that is left out.",
            one_less(ValueError),
            one_less(IndexError),
            one_less(IndexError, _first_seen),
            one_less(0),
            lambda X, y, k: one_less(int(y.min()))(X, y, k),
        ),
        *ways(
            "k not used",
            "Your answer asks the nearest neighbour alone, whatever k is.",
            lambda X, y, k: _leave_one_out(X, y, 1),
        ),
        *ways(
            "ties to the nearest",
            "Where two labels have as many votes, yours is that of the nearest neighbour, the one "
            "counted first. Asked is the smallest label.",
            lambda X, y, k: _first_seen(_others(X, y, k)),
        ),
        *ways(
            "ties to the largest",
            "Where two labels have as many votes, yours is the largest. Asked is the smallest.",
            lambda X, y, k: -_leave_one_out(X, -y, k),
        ),
        *ways(
            "ties as a set has them",
            "Where two labels have as many votes, yours is whichever a Python set happens to give "
            "first. Asked is the smallest.",
            of_a_set,
        ),
        *ways(
            "sorted along the wrong axis",
            "You sorted along one axis and took the neighbours along the other. Row i of what you "
            "sorted has to hold the distances of point i, nearest first.",
            lambda X, y, k: _vote(y[_ranked(X, np.inf).T[:, :k]]),
            lambda X, y, k: _vote(y[_ranked(X, -1).T[:, :k]]),
            lambda X, y, k: _vote(y[_ranked(X, -1).T[:, 1 : k + 1]]),
            lambda X, y, k: _vote(y[_ranked(X, np.inf)[:k]]),
            lambda X, y, k: _vote(y[_ranked(X, -1)[1 : k + 1]]),
        ),
        *ways(
            "voted along the wrong axis",
            "Your vote runs down the points: it gives k labels, one for each rank. Asked is one "
            "label for each of the n points.",
            lambda X, y, k: _vote(_others(X, y, k).T),
        ),
        *ways(
            "one vote for all",
            "All points share one vote in your answer, and so one label. Each of them has a vote "
            "of its own, among its own neighbours.",
            lambda X, y, k: _vote(_others(X, y, k).reshape(1, -1))[0],
            lambda X, y, k: np.full(len(X), _vote(_others(X, y, k).reshape(1, -1))[0]),
            lambda X, y, k: np.full(len(X), _vote(y[None])[0]),
        ),
        *ways(
            "positions shifted",
            "When the point is taken out of the row of distances, all that stand behind it move up "
            "by one. Your labels are read at the moved positions.",
            shifted,
        ),
        *ways(
            "position of the class",
            "Your votes are right, and the result says which class won by its position: 0 for the "
            "first, 1 for the second. Asked is the label itself, such as 3 or 7.",
            positions,
            positions_in_row,
        ),
        *ways(
            "labels taken for positions",
            "You count votes in a table with one place for each class, and take the label for the "
            "place. Labels need not be 0, 1, 2: two classes called 3 and 7 have places 0 and 1.",
            table,
            first_labels_only,
        ),
        *ways(
            "number of votes",
            "Your result says how many votes the winner has. Asked is the label that won.",
            votes_won,
        ),
        *ways(
            "labels and numbers of votes",
            "Your result has two rows, the labels that won and their numbers of votes. Asked are "
            "the labels alone.",
            lambda X, y, k: np.stack([_leave_one_out(X, y, k), votes_won(X, y, k)]),
        ),
        *ways(
            "weighted votes",
            "Near neighbours have more votes than far ones in your answer. Asked is one vote for "
            "each of the k.",
            weighted(1),
            weighted(2),
        ),
        *ways(
            "coordinates rescaled",
            "You rescaled the coordinates before measuring. The distances asked are those of X as "
            "it stands.",
            lambda X, y, k: _leave_one_out((X - X.mean(axis=0)) / X.std(axis=0), y, k),
        ),
        *ways(
            "nearest class mean",
            "Your answer compares each point with the mean of each class. Asked is a vote of the k "
            "nearest points.",
            nearest_class_mean,
        ),
    )


KNN_PREDICT = Exercise(
    number="00.2",
    name="knn_predict",
    title="The neighbours vote",
    points=3,
    minutes=20,
    kind=Function(),
    statement=(
        "Write a function that predicts the label of every row of `X` from the others: the `k` "
        "nearest **other** rows, by Euclidean distance, vote with their labels. A point has no "
        "vote on itself. Two points may lie at the same place, and then each is a neighbour of the "
        "other.\n\nThe label with most votes wins; where several have most, the smallest of them. "
        "Labels are whole numbers from 0 on, and some numbers may not occur. `k` is at most "
        "$n - 1$. You may call your `pairwise_sqdist`."
    ),
    skeleton='''def knn_predict(X, y, k):
    """Return for each row of X the label that its k nearest other rows vote for.

    X: (n, d), y: (n,) whole numbers, k: from 1 to n - 1. Returns: (n,), labels as in y;
    a tied vote goes to the smallest label.
    """''',
    hints=(
        "Three steps: the distances of all pairs, the positions of the k nearest in each row, and "
        "the vote. Print the result of each step for four points on a line.",
        "How do you keep a point out of its own neighbours when another one lies at the same "
        "place? Their distances are the same; their positions in X are not.",
        "For the vote, count how often each label occurs in a row. `np.argmax` returns the first "
        "of several equal counts: in which order should the labels be counted?",
    ),
    groups={"values": 1, "duplicates": 1, "ties": 1},
    cases=_knn_cases,
    reference=lambda variant: _leave_one_out,
    mistakes=_knn_mistakes,
    needs=("00.1",),
)

EXERCISES = (DISTANCE, PAIRWISE_SQDIST, KNN_PREDICT)
