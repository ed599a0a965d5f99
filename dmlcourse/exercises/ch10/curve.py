"""10.3, the two numbers of an embedding's curve: mean distances of both kinds of pairs."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, root, rounding
from ..making import Rng, cases_of, ways
from ..spec import Complaint, Exercise, Mistake, Variant

Answer = Callable[..., Any]
# All rows of one array against all rows of another.
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]
# The two numbers, from the table of all distances and the labels.
Average = Callable[[np.ndarray, np.ndarray], Any]
Values = np.ndarray

KINDS = ("similar", "dissimilar")


def _squares(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.square(X[:, None] - Y).sum(axis=2)


def _roots(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.sqrt(_squares(X, Y))


def _unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _one_minus_cosine(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return 1 - _unit(X) @ _unit(Y).T


MEASURES: dict[str, Measure] = {
    "euclidean": _roots,
    "squared": _squares,
    "cosine": _one_minus_cosine,
}


def _mean(values: Values) -> float:
    """The mean, and NaN of nothing without a word."""
    return values.mean() if len(values) else np.nan


def _pairs(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All i < j, and which of them are similar."""
    i, j = np.triu_indices(len(y), 1)
    return i, j, y[i] == y[j]


def _by_kind(summary: Callable[[Values], Any]) -> Average:
    """A summary of the distances of the similar pairs, and of those of the dissimilar ones."""

    def average(D, y):
        i, j, same = _pairs(y)
        return summary(D[i, j][same]), summary(D[i, j][~same])

    return average


def _answer(measured: Measure, averaged: Average) -> Answer:
    def means_of_pairs(Z, y):
        return averaged(measured(Z, Z), y)

    return means_of_pairs


def _reference(variant: Variant) -> Answer:
    return _answer(MEASURES[variant["distance"]], _by_kind(_mean))


# ---------------------------------------------------------------- the cases


def _rows(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, float)


def _clouds(rng: Rng, d: int, **sizes: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes around places of their own, one wider than the other, in random order."""
    labels = {"threes": 3, "eights": 8, "fives": 5, "nines": 9}
    Z, y = [], []
    for wide, (name, size) in enumerate(sizes.items()):
        Z.append(rng.normal(size=d) + (0.4 + 0.5 * wide) * rng.normal(size=(size, d)))
        y += [labels[name]] * size
    mixed = rng.permutation(len(y))
    return np.concatenate(Z)[mixed], np.array(y)[mixed]


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    named, edge = cases_of("Z", "y"), {"group": "edge"}

    def case(name: str, Z: np.ndarray, y: Any, **more: Any) -> Case:
        plain = named(name, Z, np.asarray(y), **more)
        return replace(plain, given={"errors": _errors(plain, variant["distance"])})

    # Its distances are 3, 4 and 5.
    triangle = _rows((3, 4), (3, 0), (0, 4))
    five = _rows((3, 4), (6, 8), (0, 5), (4, 3), (5, 1))
    six = _rows((1, 1), (4, 5), (2, 1), (7, 0), (5, 3), (1, 4))
    few, few_labels = _clouds(rng, 2, threes=4, eights=2)
    three_and_eight = _clouds(rng, 3, threes=7, eights=4)
    Z, y = _clouds(rng, 4, threes=2, eights=4, fives=7)
    place = rng.normal(size=3)
    twins = np.stack([place, rng.normal(size=3), place, place, rng.normal(size=3)])
    return [
        case("three points in the plane", triangle, [3, 8, 3]),
        case("five points in the plane", five, [3, 8, 8, 3, 3]),
        case("six points, three classes", six, [8, 3, 8, 5, 3, 8]),
        case("threes and eights", *three_and_eight),
        case("three classes, in four dimensions", Z, y),
        case("four classes", *_clouds(rng, 5, threes=6, eights=2, fives=3, nines=4)),
        case("no two of a class", triangle, [3, 8, 5], **edge),
        case("one class", triangle, [8, 8, 8], **edge),
        case("one point", _rows((3, 4)), [3], **edge),
        case("a class of one point", six, [8, 3, 8, 5, 3, 3], **edge),
        case("three points at one place", twins, [3, 8, 3, 8, 3], **edge),
        case("float32, Fortran order", few.astype(np.float32), few_labels, layout="F", **edge),
        case("every second row of a larger array", Z, y, layout="strided", **edge),
    ]


def _errors(case: Case, distance: str) -> dict[str, float]:
    """For each kind that has a pair: the mean of the errors of its distances, and that of a sum.

    Distances may be expanded as ‖z‖² + ‖z'‖² − 2zᵀz', so the size of one is that of its parts.
    """
    Z = np.asarray(case.inputs["Z"], np.float64)
    i, j, same = _pairs(case.inputs["y"])
    D = MEASURES[distance](Z, Z)[i, j]
    size = 2.0 if distance == "cosine" else 4 * np.square(Z).sum(axis=1).max()
    error = rounding(case, 2 * Z.shape[1] + 8, size) * np.ones(D.shape)
    if distance == "euclidean":
        error = root(error, D)
    chosen = {name: kind for name, kind in zip(KINDS, (same, ~same), strict=True) if kind.any()}
    return {
        name: float(error[kind].mean() + rounding(case, kind.sum(), D[kind].max()))
        for name, kind in chosen.items()
    }


def _digest(case: Case, values: Arrays) -> Arrays:
    """The two means. Where NaN is right, it is told apart first: NaN equals nothing."""
    found: Arrays = {}
    for name in KINDS:
        value = values[name]
        if value.dtype.kind not in "biuf":
            raise Complaint(f"{name}: expected a number, got {value!s}.")
        if name not in case.given["errors"]:
            found[f"{name} is NaN"] = np.isnan(value)
            value = np.nan_to_num(value.astype(float), nan=0)
        found[name] = value.astype(float)
    return found


def _budget(case: Case, expected: Arrays) -> Arrays:
    errors = case.given["errors"]
    return {name: np.full(value.shape, errors.get(name, 0.0)) for name, value in expected.items()}


# ---------------------------------------------------------------- the mistakes


def _wrong_power(variant: Variant) -> list[Mistake]:
    """The mistakes that take another of the usual distances: a set for each variant."""
    plain = _by_kind(_mean)

    def finished(measured: Measure, finish: Callable[[Any], Any]) -> Answer:
        return _answer(measured, _by_kind(lambda values: finish(_mean(values))))

    def scaled(measured: Measure) -> Answer:
        return _answer(lambda X, Y: measured(_unit(X), _unit(Y)), plain)

    scaled_first = (
        "You scaled the embeddings to length 1 before you measured. The distances of the "
        "embeddings as they are were asked for."
    )
    if variant["distance"] == "euclidean":
        return [
            Mistake(
                "squared distances",
                _answer(_squares, plain),
                "Your means are those of squared distances.",
            ),
            Mistake(
                "root of the mean square",
                finished(_squares, np.sqrt),
                "You took the mean of the squared distances and its root. The root of a mean is "
                "not the mean of the roots: far pairs weigh more in yours.",
            ),
            *ways("scaled first", scaled_first, scaled(_roots)),
            *ways(
                "cosine for distance",
                "You compare directions: your numbers do not change when an embedding is "
                "multiplied by 2. A Euclidean distance was asked for.",
                _answer(_one_minus_cosine, plain),
                _answer(lambda X, Y: _unit(X) @ _unit(Y).T, plain),
            ),
        ]
    if variant["distance"] == "squared":
        return [
            Mistake(
                "root distances",
                _answer(_roots, plain),
                "Your means are those of distances. Asked are those of squared distances.",
            ),
            Mistake(
                "square of the mean",
                finished(_roots, np.square),
                "You took the mean of the distances and squared it. The square of a mean is not "
                "the mean of the squares.",
            ),
            *ways("scaled first", scaled_first, scaled(_squares), scaled(_roots)),
        ]
    return [
        Mistake(
            "the cosine itself",
            _answer(lambda X, Y: _unit(X) @ _unit(Y).T, plain),
            "Your means are those of cosines. A cosine is large for similar pairs; a distance is "
            "small for them.",
        ),
        *ways(
            "no cosine",
            "The length of an embedding changes your numbers: you took Euclidean distances. A "
            "cosine compares directions only.",
            _answer(_roots, plain),
            _answer(_squares, plain),
        ),
        *ways(
            "norms forgotten",
            "You subtract a product of the embeddings from 1, and the product is not divided by "
            "both of their lengths.",
            _answer(lambda X, Y: 1 - X @ Y.T, plain),
            _answer(lambda X, Y: 1 - _unit(X) @ Y.T, plain),
            _answer(lambda X, Y: 1 - X @ Y.T / (np.linalg.norm(X) * np.linalg.norm(Y)), plain),
        ),
        *ways(
            "a chord",
            "You scaled the embeddings to length 1, and took the Euclidean distance after that. It "
            "has the order of the cosine distance, and other values.",
            scaled(_roots),
        ),
        *ways(
            "an angle",
            "Your means are those of angles. The cosine distance is 1 minus the cosine.",
            _answer(_angles, plain),
            _answer(lambda X, Y: _angles(X, Y) / np.pi, plain),
        ),
        Mistake(
            "centred first",
            _answer(lambda X, Y: 1 - _unit(_centred(X)) @ _unit(_centred(Y)).T, plain),
            "You subtract from each embedding the mean of its entries. That is a correlation, and "
            "not a cosine.",
        ),
    ]


def _angles(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.arccos(np.clip(_unit(X) @ _unit(Y).T, -1, 1))


def _centred(X: np.ndarray) -> np.ndarray:
    return X - X.mean(axis=1, keepdims=True)


def _wrong_distances(variant: Variant) -> list[Mistake]:
    """The mistakes in how the differences are put together; a cosine has no differences."""
    if variant["distance"] == "cosine":
        return []
    power = np.square if variant["distance"] == "squared" else np.asarray

    def stepping(distance: Callable[[np.ndarray], np.ndarray]) -> Answer:
        """A distance made of the absolute differences."""
        return _answer(lambda X, Y: distance(np.abs(X[:, None] - Y)), _by_kind(_mean))

    finish = np.asarray if variant["distance"] == "squared" else np.sqrt
    return [
        *ways(
            "another distance",
            "Your distances are not Euclidean: sums of absolute differences, or the largest one.",
            stepping(lambda steps: power(steps.sum(axis=2))),
            stepping(lambda steps: power(steps.max(axis=2))),
        ),
        *ways(
            "mean over the coordinates",
            "Your distances are divided by the number of coordinates: a mean stands where the "
            "Euclidean distance has a sum.",
            stepping(lambda steps: finish(np.square(steps).mean(axis=2))),
        ),
        *ways(
            "distance zero left out",
            "You leave out whatever is at distance zero. Two embeddings may lie at one place, and "
            "they are a pair like any other.",
            _answer(
                MEASURES[variant["distance"]],
                _by_kind(lambda values: _mean(values[values > 0])),
            ),
            _answer(MEASURES[variant["distance"]], _similar_apart),
        ),
    ]


def _similar_apart(D: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """Right, but that similar pairs at one place are taken for the diagonal."""
    same = y[:, None] == y
    return _mean(D[same & (D > 0)]), _mean(D[~same])


def _tables(choose: Callable[[np.ndarray], np.ndarray]) -> Average:
    """The means over those entries of the whole table that ``choose`` keeps of each kind."""

    def average(D, y):
        same = y[:, None] == y
        return _mean(D[choose(same)]), _mean(D[choose(~same)])

    return average


def _weighed(weight: Callable[[np.ndarray, int], Any]) -> Average:
    """The sum over the pairs of each kind, divided by something: ``weight(kind, n)``."""

    def average(D, y):
        i, j, same = _pairs(y)
        sums = (D[i, j][kind].sum() for kind in (same, ~same))
        return tuple(
            total / np.float64(weight(kind, len(y)))
            for total, kind in zip(sums, (same, ~same), strict=True)
        )

    return average


def _wrong_counts(variant: Variant, make: Callable[[Average], Answer]) -> list[Mistake]:
    """The mistakes in which entries of the table of distances are averaged."""
    chords, and_chords = [], ""
    if variant["distance"] == "cosine":
        chords = [_answer(lambda X, Y: _squares(_unit(X), _unit(Y)), _by_kind(_mean))]
        and_chords = " A squared chord is twice the cosine distance, too."
    return [
        *ways(
            "the diagonal among the similar pairs",
            "The distance of each point to itself is among your similar pairs. It is zero whatever "
            "the embedding, and a point is no pair.",
            make(_tables(lambda kind: kind)),
            make(_tables(np.triu)),
        ),
        *ways(
            "divided by all pairs",
            "You divide the sum of each kind by the number of all pairs, or of all entries of the "
            "table. A mean over the similar pairs is divided by the number of similar pairs.",
            make(_weighed(lambda kind, n: n * n / 2)),
            make(_weighed(lambda kind, n: n * n)),
            make(_weighed(lambda kind, n: n * (n - 1) / 2)),
            make(_weighed(lambda kind, n: n * (n - 1))),
        ),
        *ways(
            "divided by the number of points",
            "You divide the sum of each kind by the number of points. It is the pairs that are "
            "averaged.",
            make(_weighed(lambda kind, n: n)),
            make(_weighed(lambda kind, n: n / 2)),
        ),
        *ways(
            "zeros of an empty triangle",
            "Zeros are among your distances that belong to no pair: one half of the table was left "
            "empty, and its places are averaged, too.",
            make(lambda D, y: _tables(lambda kind: kind)(np.triu(D), y)),
        ),
        *ways(
            "half or double",
            "Your means are half or twice what they should be: a pair is counted once in the sum "
            f"and twice in the number of pairs, or the reverse.{and_chords}",
            make(_weighed(lambda kind, n: 2 * kind.sum())),
            make(_weighed(lambda kind, n: kind.sum() / 2)),
            *chords,
        ),
        *ways(
            "sums for means",
            "Your numbers are sums. They grow with the number of pairs, so similar and dissimilar "
            "pairs cannot be compared, nor two epochs with other samples.",
            make(_by_kind(np.sum)),
            make(_by_kind(lambda values: 2 * values.sum())),
        ),
        Mistake(
            "distances for means",
            make(_by_kind(np.asarray)),
            "You return the distances of all pairs. Asked are two numbers.",
        ),
    ]


def _of_class(D: np.ndarray, y: np.ndarray, label: Any, other: Any) -> float:
    """The mean distance within a class or between two."""
    block = D[np.ix_(y == label, y == other)]
    return _mean(block[np.triu_indices(len(block), 1)] if label == other else block.ravel())


def _of_classes(D: np.ndarray, y: np.ndarray, same: bool) -> float:
    labels = np.unique(y)
    pairs = [(a, b) for a in labels for b in labels if (a == b) == same and a <= b]
    values = np.array([_of_class(D, y, a, b) for a, b in pairs])
    return _mean(values[~np.isnan(values)])


def _class_by_class(D: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    return _of_classes(D, y, same=True), _by_kind(_mean)(D, y)[1]


def _pair_of_classes_by_pair(D: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    return _of_classes(D, y, same=True), _of_classes(D, y, same=False)


def _against_the_rest(D: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    values = np.array([_mean(D[np.ix_(y == c, y != c)].ravel()) for c in np.unique(y)])
    return _of_classes(D, y, same=True), _mean(values[~np.isnan(values)])


def _point_by_point(itself: bool) -> Average:
    """The mean over the points of each one's own mean."""

    def average(D, y):
        same = y[:, None] == y
        similar = same if itself else same & ~np.eye(len(y), dtype=bool)
        found = []
        for kind in (similar, ~same):
            means = [_mean(D[i, row]) for i, row in enumerate(kind) if row.any()]
            found.append(_mean(np.array(means)))
        return tuple(found)

    return average


def _in_list(keep: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Average:
    """The means over those pairs i < j that ``keep(i, j)`` leaves."""

    def average(D, y):
        i, j, same = _pairs(y)
        kept = keep(i, j)
        d = D[i, j]
        return _mean(d[same & kept]), _mean(d[~same & kept])

    return average


def _wrong_weights(make: Callable[[Average], Answer]) -> list[Mistake]:
    """The mistakes that average in steps, or only some of the pairs."""
    return [
        *ways(
            "class by class",
            "You took the mean of each class, and then the mean of those. A small class weighs as "
            "much as a large one in that; asked is the mean over the pairs.",
            make(_class_by_class),
            make(_pair_of_classes_by_pair),
            make(_against_the_rest),
        ),
        *ways(
            "point by point",
            "You took a mean for each point, and then the mean of those. A point of a small class "
            "has few similar pairs, and they weigh more in your number than others.",
            make(_point_by_point(itself=False)),
            make(_point_by_point(itself=True)),
        ),
        *ways(
            "only some pairs",
            "Only some pairs are among your distances: rows that follow each other, or those with "
            "the first row. Every pair of rows counts.",
            make(_in_list(lambda i, j: j == i + 1)),
            make(_in_list(lambda i, j: (j == i + 1) & (i % 2 == 0))),
            make(_in_list(lambda i, j: i == 0)),
        ),
        *ways(
            "nearest and farthest",
            "You took one extreme pair of each kind, or the pair in the middle. Asked are means "
            "over all pairs.",
            make(lambda D, y: _extremes(D, y, np.max, np.min)),
            make(lambda D, y: _extremes(D, y, np.min, np.max)),
            make(_by_kind(lambda values: np.median(values) if len(values) else np.nan)),
        ),
    ]


def _extremes(D: np.ndarray, y: np.ndarray, *of_kinds: Callable) -> tuple[Any, ...]:
    i, j, same = _pairs(y)
    d = D[i, j]
    return tuple(
        extreme(d[kind]) if kind.any() else np.nan
        for extreme, kind in zip(of_kinds, (same, ~same), strict=True)
    )


def _wrong_labels(make: Callable[[Average], Answer]) -> list[Mistake]:
    """The mistakes in what the labels say."""
    right = _by_kind(_mean)

    def of_all(D, y):
        return _mean(D[np.triu_indices(len(y), 1)])

    def two_classes(D, y):
        first, *others = np.unique(y)
        other = others[0] if others else first
        return _of_class(D, y, first, first), _of_class(D, y, first, other)

    def pooled(D, y):
        chosen = np.isin(y, np.unique(y)[:2])
        return right(D[np.ix_(chosen, chosen)], y[chosen])

    def zero_and_one(D, y):
        return _of_class(D, y, 1, 1), _of_class(D, y, 0, 1)

    def next_to_each_other(D, y):
        steps = np.abs(y[:, None] - y)
        return right(D, y)[0], _mean(D[steps == 1])

    return [
        *ways(
            "exchanged",
            "Your two numbers are exchanged. The similar pairs come first.",
            make(lambda D, y: right(D, y)[::-1]),
        ),
        *ways(
            "labels without a part",
            "Your second number, or both, is the mean over all pairs. The labels say which pairs "
            "are dissimilar.",
            make(lambda D, y: (right(D, y)[0], of_all(D, y))),
            make(lambda D, y: (of_all(D, y), of_all(D, y))),
        ),
        *ways(
            "two classes only",
            "Pairs of one or two classes count in your numbers, and the others are left out. There "
            "may be more than two classes.",
            make(two_classes),
            make(pooled),
        ),
        *ways(
            "labels taken for 0 and 1",
            "You read the labels as 0 and 1, or compare them by a difference of 1. Labels are "
            "names: two of them are equal, or they are not.",
            make(zero_and_one),
            make(next_to_each_other),
        ),
    ]


def _wrong_centres(variant: Variant) -> list[Mistake]:
    """The mistakes that measure to the centres of the classes."""
    measured = MEASURES[variant["distance"]]

    def table(Z, y):
        labels = np.unique(y)
        centres = np.stack([Z[y == label].mean(axis=0) for label in labels])
        return measured(Z, centres), y[:, None] == labels, centres

    def to_all_centres(Z, y):
        D, own, _ = table(Z, y)
        return _mean(D[own]), _mean(D[~own])

    def between_centres(Z, y):
        D, own, centres = table(Z, y)
        apart = measured(centres, centres)[np.triu_indices(len(centres), 1)]
        return _mean(D[own]), _mean(apart)

    def only_the_dissimilar(Z, y):
        return _reference(variant)(Z, y)[0], between_centres(Z, y)[1]

    return ways(
        "distances to centres",
        "You measured to the centres of the classes, or between them. A pair is two points: the "
        "distance of two centres hides how wide their classes are.",
        to_all_centres,
        between_centres,
        only_the_dissimilar,
    )


def _no_pairs(make: Callable[[Average], Answer]) -> list[Mistake]:
    """The mistakes where there is no pair of a kind."""

    def zero(values):
        return values.mean() if len(values) else 0.0

    def summed(values):
        return sum(values.tolist()) / len(values)

    def summed_from_zero(values):
        return sum(values.tolist(), 0.0) / len(values)

    def of_the_library(values):
        return statistics.fmean(values.tolist())

    def counted_at_least_once(values):
        return values.sum() / max(1, len(values))

    return [
        *ways(
            "zero for a mean of nothing",
            "Where there is no pair of a kind you return 0. Zero is a distance: it would say that "
            "all similar points lie at one place. NaN says that there is none.",
            make(_by_kind(zero)),
            make(_by_kind(counted_at_least_once)),
        ),
        *ways(
            "another sign for none",
            "Where there is no pair of a kind, your number is not NaN, which was agreed on.",
            make(_by_kind(lambda values: values.mean() if len(values) else -1.0)),
            make(_by_kind(lambda values: values.mean() if len(values) else np.inf)),
            make(_by_kind(lambda values: values.mean() if len(values) else None)),
        ),
        *ways(
            "stops where there is no pair",
            "Your answer is right while there are pairs of both kinds, and stops with an error "
            "where there are none: it divides by their number, which may be zero.",
            make(_by_kind(summed)),
            make(_by_kind(summed_from_zero)),
            make(_by_kind(of_the_library)),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def make(averaged: Average) -> Answer:
        return _answer(MEASURES[variant["distance"]], averaged)

    return (
        *_wrong_power(variant),
        *_wrong_counts(variant, make),
        *_wrong_weights(make),
        *_wrong_labels(make),
        *_wrong_centres(variant),
        *_wrong_distances(variant),
        *_no_pairs(make),
    )


# ---------------------------------------------------------------- the texts

DISTANCES = {
    "euclidean": ("Euclidean distance", "$\\lVert z_i - z_j \\rVert$", "3 and 4.5"),
    "squared": ("squared Euclidean distance", "$\\lVert z_i - z_j \\rVert^2$", "9 and 20.5"),
    "cosine": ("cosine distance", "$1 - \\cos(z_i, z_j)$", "0.2 and 0.7"),
}


def _statement(variant: Variant) -> str:
    name, formula, example = DISTANCES[variant["distance"]]
    return (
        "Does a network learn to tell similar from dissimilar? Two curves show it: after each "
        "epoch, the mean distance of the similar pairs and the mean distance of the dissimilar "
        "ones. Write a function that returns these two numbers for one epoch, from the embeddings "
        f"$z_i$ and their labels. The distance is the {name}, {formula}.\n\n"
        "A pair is two rows $i < j$, and it is similar where their labels are equal. Each mean is "
        "one over **all** pairs of its kind, and every pair counts the same. A mean over no pair "
        "is `nan`: the first number where no two points share a class, the second where all do."
        "\n\n"
        "For the points (3, 4), (3, 0) and (0, 4) with the labels 3, 8 and 3 the two numbers are "
        f"{example}."
    )


def _skeleton(variant: Variant) -> str:
    name = DISTANCES[variant["distance"]][0]
    return f'''def mean_distances(Z, y):
    """Return the mean {name} of all similar and of all dissimilar pairs.

    Z: (n, d), one embedding a row. y: (n,), whole numbers. Returns: two numbers, not an array;
    NaN for a kind without a pair.
    """'''


MEAN_DISTANCES = Exercise(
    number="10.3",
    name="mean_distances",
    title="Two curves of distances",
    points=3,
    minutes=15,
    kind=Function(returns=KINDS),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Three points have three pairs. How many entries has a table of all their distances, and "
        "which of them belong to no pair?",
        "Compare the labels of all points with the labels of all points: that is a table of True "
        "and False, of the same shape as the table of distances. On its diagonal every point is "
        "similar to itself.",
        "Make a list of all pairs first: `numpy.triu_indices(n, 1)` gives the index of the one "
        "and of the other. Distances and labels of all pairs then stand in two arrays of one "
        "length. What is left are two selections, and a mean of each.",
    ),
    variants={"distance": ("euclidean", "squared", "cosine")},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    digest=_digest,
    budget=_budget,
)
