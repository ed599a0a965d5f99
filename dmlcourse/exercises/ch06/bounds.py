"""06.2, the bounds of ITML: percentiles of the squared distances of all pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, root, rounding
from ..making import Rng, cases_of, ways
from ..spec import Complaint, Exercise, Mistake, Variant

Answer = Callable[..., Any]
Values = np.ndarray
Bounds = Callable[[Values, float, float], Any]


def _squares(X: np.ndarray) -> np.ndarray:
    difference = X[:, None] - X[None]
    return np.square(difference).sum(axis=2)


def _pairs(D: np.ndarray) -> Values:
    """Each pair of rows once."""
    return D[np.triu_indices(len(D), 1)]


def _percentiles(values: Values, low: float, high: float) -> tuple[Any, Any]:
    return np.percentile(values, low), np.percentile(values, high)


def _as_it_is(value: Any) -> Any:
    return value


def _answer(
    *,
    measured: Callable[[np.ndarray], np.ndarray] = _squares,
    powered: Callable[[Any], Any] = _as_it_is,
    listed: Callable[[np.ndarray], Values] = _pairs,
    bounds: Bounds = _percentiles,
    finished: Callable[[Any], Any] = _as_it_is,
) -> Answer:
    """Measure all points against all, take a power, list the pairs, and take their percentiles."""

    def distance_bounds(X, low, high):
        u, lower = bounds(listed(powered(measured(X))), low, high)
        return finished(u), finished(lower)

    return distance_bounds


def _power(variant: Variant) -> Callable[[Any], Any]:
    return _as_it_is if variant["squared"] else np.sqrt


def _reference(variant: Variant) -> Answer:
    return _answer(powered=_power(variant))


# ---------------------------------------------------------------- the cases


def _line(*places: float) -> np.ndarray:
    return np.array(places, float)[:, None]


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, X: np.ndarray, low: float, high: float, **more: str) -> Case:
        return named(name, X, low, high, given={"squared": variant["squared"]}, **more)

    named, edge = cases_of("X", "low", "high"), {"group": "edge"}
    rectangle = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
    some, few = rng.normal(size=(9, 3)), rng.normal(size=(6, 2))
    return [
        case("three points on a line", _line(0, 1, 3), 25, 90),
        case("four points on a line", _line(0, 1, 3, 7), 30, 90),
        case("three points in the plane", np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]), 25, 90),
        case("nine points", some, 20, 70),
        case("thirty points away from the origin", 2 + 3 * rng.normal(size=(30, 5)), 5, 95),
        case("thirty points on a line", rng.normal(size=(30, 1)), 10, 80),
        case("percentages that are not whole", rng.normal(size=(12, 2)), 2.5, 72.5),
        case("two points", np.array([[1.0, 2.0], [4.0, 6.0]]), 25, 90, **edge),
        case("the corners of a rectangle", rectangle, 25, 70, **edge),
        case("two points at one place", _line(0, 0, 1, 3), 25, 70, **edge),
        case("from 0 to 100 percent", few, 0, 100, **edge),
        case("one percentage twice", few, 30, 30, **edge),
        case("float32", few.astype(np.float32), 25, 70, **edge),
        case("Fortran order", some, 20, 70, layout="F", **edge),
        case("every second row of a larger array", some, 20, 70, layout="strided", **edge),
    ]


def _digest(case: Case, values: Arrays) -> Arrays:
    """The two numbers, whether they came as a tuple, a list or an array."""
    found = values["result"]
    if found.shape != (2,):
        shape = f"an array of shape {found.shape}" if found.ndim else "one thing"
        raise Complaint(f"Your answer returned {shape}; asked are two numbers, u and l.")
    return {"u": found[0], "l": found[1]}


def _budget(case: Case, expected: Arrays) -> Arrays:
    """The error of a single distance, and that of a place among the sorted ones.

    Where no distance moves by more than e, no percentile does. Distances may be expanded as
    ‖x‖² + ‖x'‖² − 2xᵀx', so the size of one is that of its parts. A place among m sorted
    distances is off by m roundoffs, and the step from one to the next is no longer than the
    largest.
    """
    X = np.asarray(case.inputs["X"], np.float64)
    pairs, size = len(X) * (len(X) - 1) / 2, 4 * np.square(X).sum(axis=1).max()
    size_of_one = rounding(case, 2 * X.shape[1] + 4, size)
    if case.given["squared"]:
        total = size_of_one + rounding(case, pairs, size)
    else:
        nearest = np.sqrt(_pairs(_squares(X)).min())
        total = root(size_of_one, nearest) + rounding(case, pairs, math.sqrt(size))
    return {name: np.broadcast_to(total, value.shape) for name, value in expected.items()}


# ---------------------------------------------------------------- the mistakes


def _off_the_diagonal(D: np.ndarray) -> Values:
    return D[~np.eye(len(D), dtype=bool)]


def _between_two(method: Any) -> Bounds:
    """Percentiles by another rule of NumPy's."""
    return lambda v, low, high: tuple(np.percentile(v, p, method=method) for p in (low, high))


def _at(place: Callable[[float, int], float]) -> Bounds:
    """The sorted value at ``place(share, m)``, cut off to a whole number within the list."""

    def bounds(values, low, high):
        m = len(values)
        index = [min(max(int(place(p / 100, m)), 0), m - 1) for p in (low, high)]
        return tuple(np.sort(values)[index])

    return bounds


def _in_the_range(place: Callable[[float], float]) -> Bounds:
    """Shares of the way from the smallest to the largest value."""

    def bounds(values, low, high):
        start, length = values.min(), np.ptp(values)
        return start + place(low) * length, start + place(high) * length

    return bounds


def _counted(low_place: Callable, high_place: Callable) -> Bounds:
    return lambda v, low, high: _percentiles(v, low_place(low), high_place(high))


def _from_the_top(percentage: float) -> float:
    return 100 - percentage


def _by_hand(X, low, high, power):
    """Interpolated by hand, with the next distance even where there is none."""
    values = np.sort(power(_pairs(_squares(X))))

    def percentile(p):
        place = p / 100 * (len(values) - 1)
        k = int(place)
        return values[k] + (place - k) * (values[k + 1] - values[k])

    return percentile(low), percentile(high)


def _wrong_power(variant: Variant) -> list[Mistake]:
    """The mistakes in squares and roots: two sets, one for each variant."""
    other: Callable[[Any], Any]
    back: Callable[[Any], Any]
    if variant["squared"]:
        other, back = np.sqrt, np.square
        names = "root distances", "root distances, and with itself", "squared afterwards"
        sentences = (
            "Your bounds are percentiles of distances. The constraints of ITML are about squared "
            "distances, and so are its bounds. A widely used library has the same slip.",
            "Your bounds are percentiles of a whole table of distances: they are not squared, and "
            "the zeros of the diagonal are among them. A widely used library computes them so.",
            "You took percentiles of distances and squared them. Where a percentile lies between "
            "two distances it is a weighted mean, and the square of a mean is not the mean of the "
            "squares.",
        )
    else:
        other, back = _as_it_is, np.sqrt
        names = "squared distances", "squared distances, and with itself", "root afterwards"
        sentences = (
            "Your bounds are percentiles of squared distances. Asked are bounds of the distances.",
            "Your bounds are percentiles of a whole table of squared distances: the root is "
            "missing, and the zeros of the diagonal are among them.",
            "You took percentiles of squared distances and their roots. Where a percentile lies "
            "between two distances it is a weighted mean, and the root of a mean is not the mean "
            "of the roots.",
        )
    answers = (
        _answer(powered=other),
        _answer(powered=other, listed=np.ravel),
        _answer(powered=other, finished=back),
    )
    return [Mistake(*parts) for parts in zip(names, answers, sentences, strict=True)]


def _wrong_pairs(variant: Variant) -> list[Mistake]:
    """The mistakes in which pairs are listed."""
    power = _power(variant)

    def listing(listed: Callable[[np.ndarray], Values]) -> Answer:
        return _answer(powered=power, listed=listed)

    return [
        *ways(
            "zeros that are no pair",
            "Zeros are among your distances that belong to no pair: those of each point to itself, "
            "or the places of a table that were left empty. They pull both bounds down.",
            listing(np.ravel),
            listing(lambda D: D[np.triu_indices(len(D))]),
            listing(lambda D: np.triu(D).ravel()),
        ),
        *ways(
            "every pair twice",
            "Every pair is twice among your distances, from i to j and from j to i. Between two "
            "distances the percentile then lies at another place.",
            listing(_off_the_diagonal),
            listing(lambda D: D[D > 0]),
        ),
        *ways(
            "distance zero left out",
            "You leave out whatever is at distance zero. Two rows may be equal, and they are a "
            "pair like any other.",
            listing(lambda D: _above_zero(_pairs(D))),
        ),
        *ways(
            "equal distances once",
            "Equal distances are counted once in your list. Each pair has its own entry, whether "
            "or not another pair is equally far apart.",
            listing(lambda D: np.unique(_pairs(D))),
        ),
        *ways(
            "only some pairs",
            "Only some pairs are among your distances: rows that follow each other, those with the "
            "first row, or each point with its nearest. Every pair of rows counts.",
            listing(lambda D: np.diag(D, 1)),
            listing(lambda D: D[0, 1:]),
            listing(lambda D: (D + np.diag(np.full(len(D), np.inf))).min(axis=1)),
        ),
    ]


def _above_zero(values: Values) -> Values:
    return values[values > 0] if values.any() else values


def _wrong_distances(variant: Variant) -> list[Mistake]:
    """The mistakes in what is measured."""
    power = _power(variant)

    def measuring(measured: Callable[[np.ndarray], np.ndarray]) -> Answer:
        """Something else in the place of the squared distance."""
        return _answer(powered=power, measured=measured)

    def stepping(distance: Callable[[np.ndarray], np.ndarray]) -> Answer:
        """A distance made of the absolute differences: as it is, and squared."""
        return _answer(measured=lambda X: distance(np.abs(X[:, None] - X[None])))

    def to_the_mean(X, low, high):
        return _percentiles(power(np.square(X - X.mean(axis=0)).sum(axis=1)), low, high)

    return [
        *ways(
            "another distance",
            "Your distances are not Euclidean: sums of absolute differences, the largest "
            "difference, or products.",
            stepping(lambda steps: steps.sum(axis=2)),
            stepping(lambda steps: np.square(steps.sum(axis=2))),
            stepping(lambda steps: steps.max(axis=2)),
            stepping(lambda steps: np.square(steps.max(axis=2))),
            _answer(measured=lambda X: X @ X.T),
        ),
        *ways(
            "mean over the coordinates",
            "Your distances are divided by the number of coordinates: a mean stands where the "
            "Euclidean distance has a sum.",
            measuring(lambda X: np.square(X[:, None] - X[None]).mean(axis=2)),
        ),
        *ways(
            "distances to the mean",
            "You measured how far each point is from the mean of all. Asked are the distances "
            "between points.",
            to_the_mean,
        ),
        *ways(
            "columns for points",
            "You compared the columns of X. A point is a row.",
            measuring(lambda X: _squares(X.T)),
        ),
    ]


def _wrong_percentiles(variant: Variant) -> list[Mistake]:
    """The mistakes in what is taken of the right distances."""
    power = _power(variant)

    def taking(bounds: Bounds) -> Answer:
        return _answer(powered=power, bounds=bounds)

    def row_by_row(finish: Callable[[Any], Any]) -> Answer:
        def bounds(D, low, high):
            return tuple(finish(np.percentile(D, p, axis=1)) for p in (low, high))

        return _answer(powered=power, listed=_as_it_is, bounds=bounds)

    return [
        Mistake(
            "exchanged",
            taking(lambda v, low, high: _percentiles(v, high, low)),
            "Your two bounds are exchanged. u comes first, the low percentile: similar pairs are "
            "to stay below it.",
        ),
        *ways(
            "counted from the top",
            "You counted a percentage down from the largest distance. A percentile counts up from "
            "the smallest.",
            taking(_counted(_from_the_top, _from_the_top)),
            taking(_counted(_as_it_is, _from_the_top)),
            taking(_counted(_from_the_top, _as_it_is)),
        ),
        *ways(
            "shares of the range",
            "Your bounds lie at shares of the way from the smallest to the largest distance. A "
            "percentile counts pairs, and most pairs need not lie in the middle. Bins of equal "
            "width, as in the authors' program, do the same.",
            taking(_in_the_range(lambda p: p / 100)),
            taking(_in_the_range(lambda p: (max(int(p), 1) - 0.5) / 100)),
            taking(_in_the_range(lambda p: (min(int(p), 99) + 0.5) / 100)),
        ),
        *ways(
            "fractions for percentages",
            "You read the percentages as fractions: 25 became a quarter of one percent.",
            taking(_counted(lambda p: p / 100, lambda p: p / 100)),
        ),
        *ways(
            "percentages ignored",
            "Your bounds do not depend on low and high: they are the 5th and the 95th percentile, "
            "or the smallest and the largest distance, whatever is asked.",
            taking(lambda v, low, high: _percentiles(v, 5, 95)),
            taking(lambda v, low, high: _percentiles(v, 0, 100)),
        ),
        *ways(
            "nothing between two distances",
            "Your bounds are always distances of the list, or lie halfway between two. A "
            "percentile between two of them is interpolated linearly.",
            *map(taking, map(_between_two, ("lower", "higher", "nearest", "midpoint"))),
            *map(taking, map(_between_two, ("inverted_cdf", "closest_observation"))),
            taking(_at(lambda share, m: share * m)),
            taking(_at(lambda share, m: share * m - 1)),
        ),
        *ways(
            "another rule for percentiles",
            "You interpolate, and by another rule. Here 0 percent is the smallest distance, 100 "
            "percent the largest, and the others stand at equal steps between.",
            *map(taking, map(_between_two, ("hazen", "weibull", "median_unbiased"))),
            *map(taking, map(_between_two, ("normal_unbiased", "interpolated_inverted_cdf"))),
        ),
        *ways(
            "row by row",
            "You took percentiles of each row of the table for itself. Asked are two numbers for "
            "the list of all pairs.",
            row_by_row(_as_it_is),
            row_by_row(np.mean),
        ),
        Mistake(
            "stops at the largest distance",
            lambda X, low, high: _by_hand(X, low, high, power),
            "Your answer stops where a percentile is the largest distance: there is no next one to "
            "interpolate to.",
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (
        *_wrong_power(variant),
        *_wrong_pairs(variant),
        *_wrong_percentiles(variant),
        *_wrong_distances(variant),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["squared"]:
        what, example = "squared Euclidean distances", "1, 4 and 9"
        why = (
            "ITML wants similar pairs below a bound $u$ and dissimilar pairs above a bound "
            "$\\ell$, both of them **squared** distances."
        )
    else:
        what, example = "Euclidean distances", "1, 2 and 3"
        why = (
            "Here similar pairs are wanted below a bound $u$ and dissimilar pairs above a bound "
            "$\\ell$, both of them distances and **not squares**."
        )
    return (
        f"{why} Where nothing else is known, both are read from the data: $u$ is the `low`-th and "
        f"$\\ell$ the `high`-th percentile of the {what} of all pairs, for instance the 5th and "
        "the 95th. Write a function that returns the two.\n\n"
        "A pair is two rows $i < j$ of $X$: there are $n(n-1)/2$, whatever their class, and two "
        "rows with the same entries are a pair too. 0 percent is the smallest distance, 100 "
        "percent the largest, and the sorted distances stand at equal steps between, with straight "
        f"lines from one to the next: for the points 0, 1 and 3 on a line the distances are "
        f"{example}, at 0, 50 and 100 percent."
    )


def _skeleton(variant: Variant) -> str:
    what = "squared Euclidean distances" if variant["squared"] else "Euclidean distances"
    return f'''def distance_bounds(X, low, high):
    """Return the low-th and the high-th percentile of the {what} of all pairs.

    X: (n, d), n at least 2; low and high: between 0 and 100. Returns: two numbers, u and l.
    """'''


DISTANCE_BOUNDS = Exercise(
    number="06.2",
    name="distance_bounds",
    title="Bounds from percentiles",
    points=3,
    minutes=15,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take three points. How many numbers has your list of distances, and is one of them a "
        "distance of a point to itself?",
        "A table of all distances holds every pair twice, and n numbers that belong to no pair. "
        "`numpy.triu_indices` has a second argument.",
        "Percentiles of squares are not squares of percentiles: what has to come first? Then look "
        "up what `numpy.percentile` does between two values, and in what unit it takes its "
        "second argument.",
    ),
    variants={"squared": (True, False)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    digest=_digest,
    budget=_budget,
)
