"""10.4, a classifier for classes that the network has never seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]
# All rows of one array against all rows of another.
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]
# What stands for the classes, from the support: rows, and the label of each.
Standing = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
# The result, from the distances of the queries to the rows that stand for classes, and the labels.
Decision = Callable[[np.ndarray, np.ndarray], Any]


def _squares(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.square(X[:, None] - Y).sum(axis=2)


def _unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=-1, keepdims=True)


def _one_minus_cosine(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    # Entry by entry, so that equal rows of the support have the same bits in every column.
    return 1 - (_unit(X)[:, None] * _unit(Y)).sum(axis=2)


def _as_they_are(Z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return Z, y


def _summed_up(summary: Callable[[np.ndarray], np.ndarray]) -> Standing:
    """One row for each class, in the order of the labels."""

    def standing(Z, y):
        labels = np.unique(y)
        return np.stack([summary(Z[y == label]) for label in labels]), labels

    return standing


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0)


def _median(rows: np.ndarray) -> np.ndarray:
    return np.median(rows, axis=0)


def _halfway(rows: np.ndarray) -> np.ndarray:
    """Each example moves what was there halfway to itself."""
    place = rows[0]
    for row in rows[1:]:
        place = (place + row) / 2
    return place


def _nearest(D: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return labels[D.argmin(axis=1)]


MEASURES: dict[str, Measure] = {"euclidean": _squares, "cosine": _one_minus_cosine}
STANDING: dict[str, Standing] = {"example": _as_they_are, "mean": _summed_up(_mean)}


def _answer(measured: Measure, standing: Standing, decided: Decision = _nearest) -> Answer:
    def labels_of_queries(Z_support, y_support, Z_query):
        rows, labels = standing(Z_support, y_support)
        return decided(measured(Z_query, rows), labels)

    return labels_of_queries


class Making(NamedTuple):
    """The parts of the right answer of a variant, and that answer with one of them exchanged."""

    measured: Measure
    standing: Standing
    cosine: bool
    means: bool

    def answer(self, **changes: Any) -> Answer:
        return _answer(**{"measured": self.measured, "standing": self.standing, **changes})

    def deciding(self, *decisions: Decision) -> list[Answer]:
        return [self.answer(decided=decided) for decided in decisions]

    def standing_in(self, *standing: Standing) -> list[Answer]:
        return [self.answer(standing=one) for one in standing]

    def voted(self, k: int) -> Answer:
        """The most frequent label of the k nearest examples; the smallest of several."""

        def decided(D, labels):
            near = labels[D.argsort(axis=1, kind="stable")[:, :k]]
            classes = np.unique(labels)
            return classes[(near[:, :, None] == classes).sum(axis=1).argmax(axis=1)]

        return _answer(self.measured, _as_they_are, decided)


def _making(variant: Variant) -> Making:
    metric, nearest = variant["metric"], variant["nearest"]
    return Making(MEASURES[metric], STANDING[nearest], metric == "cosine", nearest == "mean")


# ---------------------------------------------------------------- the cases

# As far from a tie is each query, as a share of the distance, so that rounding decides nothing.
CLEAR = 0.02


class Episode(NamedTuple):
    """A few labelled examples, and queries of the same classes."""

    Z: np.ndarray
    y: np.ndarray
    queries: np.ndarray


def _clear(episode: Episode, making: Making) -> np.ndarray:
    """Which queries are far from a tie between two classes."""
    rows, labels = making.standing(episode.Z, episode.y)
    D = making.measured(episode.queries, rows)
    best = np.stack([D[:, labels == label].min(axis=1) for label in np.unique(labels)], axis=1)
    first, second = np.sort(best, axis=1)[:, :2].T
    return second - first > CLEAR * second


def _rivals(making: Making, singles: bool) -> list[Answer]:
    """Nearly right answers, which an episode has to tell from each other and from the right one.

    With one example a class the example is the mean, and they differ in the distance only.
    """
    measures = (_squares, _one_minus_cosine, _manhattan, _largest_step, _no_norms)
    if singles:
        return [_answer(measured, _as_they_are) for measured in measures]
    both = [_answer(measured, one) for measured in measures for one in STANDING.values()]
    several = [_mean_distance(making, summary) for summary in (np.mean, np.max)]
    if making.means:
        return [*both, *several, *making.standing_in(_summed_up(_median), _summed_up(_halfway))]
    return [*both, *several, making.voted(3)]


def _episode(rng: Rng, d: int, sizes: tuple[int, ...], n: int, making: Making) -> Episode:
    """Classes of these sizes in random order; the queries tell the rivals from each other."""
    singles = max(sizes) == 1
    names = rng.choice([3, 8, 12, 17, 25, 40], len(sizes), replace=False)
    y = rng.permutation(np.repeat(names, sizes))
    while True:
        centres = {name: rng.normal(size=d) * rng.uniform(0.5, 3) for name in names}
        Z = np.stack([centres[label] for label in y]) + 0.7 * rng.normal(size=(len(y), d))
        start = np.stack([centres[label] for label in rng.choice(names, 4 * n)])
        drawn = Episode(
            Z, y, start * rng.uniform(0.4, 2, (4 * n, 1)) + rng.normal(size=start.shape)
        )
        drawn = drawn._replace(queries=drawn.queries[_clear(drawn, making)][:n])
        if len(drawn.queries) == n and _tells(drawn, making, singles):
            return drawn


def _tells(episode: Episode, making: Making, singles: bool) -> bool:
    """Whether no two rivals give all queries the same labels."""
    found: set[tuple[int, ...]] = set()
    for number, rival in enumerate(_rivals(making, singles)):
        found.add(tuple(rival(*episode).tolist()))
        if len(found) == number:
            return False
    return True


def _rows(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, float)


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    making = _making(variant)
    case, edge = cases_of("Z_support", "y_support", "Z_query"), {"group": "edge"}
    two, three = _rows((1, 1), (0, 4)), _rows((5, 1), (2, 1), (1, 3))
    several = _episode(rng, 3, (4, 2, 3), 24, making)
    single = (several.Z.astype(np.float32), several.y, several.queries.astype(np.float32))
    # Of equal length and at right angles: the queries between them are equally near to both.
    between = _rows((1, 1), (3, 3), (-1, 1))
    ties = _rows((0, 2), (2, 0), (0, 2), (2, 0))
    return [
        case("two classes, two queries", two, np.array([7, 4]), _rows((1, 3), (4, 3))),
        case("three classes", three, np.array([8, 3, 5]), _rows((1, 2), (4, 2), (6, 3))),
        case("one query", three, np.array([8, 3, 5]), _rows((1, 2))),
        case(
            "two examples of a class, one of another",
            _rows((0, 4), (6, 1), (2, 6)),
            np.array([9, 2, 9]),
            _rows((5, 3), (1, 1), (2, 4)),
        ),
        case("five classes, one example each", *_episode(rng, 4, (1,) * 5, 24, making)),
        case("three classes, several examples", *several),
        case("a class of many, and a new one", *_episode(rng, 4, (9, 2, 1), 24, making)),
        case("more queries than examples", *_episode(rng, 2, (3, 4), 30, making)),
        case("one class", two, np.array([7, 7]), _rows((1, 3), (4, 3), (2, 0)), **edge),
        case("one example", _rows((1, 1)), np.array([6]), _rows((1, 3), (4, 3)), **edge),
        case("equally near to two", ties, np.array([6, 4, 9, 4]), between, **edge),
        case("two classes at one place", *_one_place(), **edge),
        case("negative labels", two, np.array([-2, -5]), _rows((1, 3), (4, 3)), **edge),
        case("float32, Fortran order", *single, layout="F", **edge),
        case("every second row of a larger array", *several, layout="strided", **edge),
    ]


def _one_place() -> Episode:
    return Episode(
        _rows((3, 1), (0, 5), (0, 5), (0, 5)), np.array([1, 8, 5, 6]), _rows((3, 2), (1, 4))
    )


# ---------------------------------------------------------------- the mistakes


def _manhattan(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.abs(X[:, None] - Y).sum(axis=2)


def _largest_step(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.abs(X[:, None] - Y).max(axis=2)


def _signed(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.abs((X[:, None] - Y).sum(axis=2))


def _all_in_one(rows: np.ndarray) -> np.ndarray:
    return np.full(rows.shape[1], rows.mean())


def _no_norms(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return -(X @ Y.T)


def _mean_distance(making: Making, summary: Callable) -> Answer:
    """The class whose examples are near on average, or by another summary of their distances."""

    def answer(Z_support, y_support, Z_query):
        D, labels = making.measured(Z_query, Z_support), np.unique(y_support)
        found = [summary(D[:, y_support == label], axis=1) for label in labels]
        return labels[np.argmin(found, axis=0)]

    return answer


def _mean_root(D: np.ndarray, axis: int) -> np.ndarray:
    return np.sqrt(np.maximum(D, 0)).mean(axis=axis)


def _wrong_results(making: Making) -> list[Mistake]:
    """The mistakes in what is made of the right distances."""
    thing = "class mean" if making.means else "example"
    return [
        *ways(
            "index for label",
            f"Your result holds positions: which {thing} is the nearest. Asked is its label.",
            *making.deciding(lambda D, labels: D.argmin(axis=1)),
            *making.deciding(lambda D, labels: _positions(labels)[D.argmin(axis=1)]),
            _places_in_support(making),
        ),
        *ways(
            "labels in another order",
            f"You look the nearest {thing} up in a list of labels that has another order.",
            *_misaligned(making),
        ),
        *ways(
            "distances for labels",
            "Your result holds distances, or those of all classes. Asked is one label a query.",
            *making.deciding(lambda D, labels: D.min(axis=1)),
            *making.deciding(lambda D, labels: np.sqrt(np.maximum(D.min(axis=1), 0))),
            *making.deciding(lambda D, labels: D),
        ),
        *ways(
            "the farthest",
            "Your labels are those of the farthest. A distance is small where two embeddings are "
            "alike, and a cosine is large there.",
            *making.deciding(lambda D, labels: labels[D.argmax(axis=1)]),
        ),
        *ways(
            "the second nearest",
            "You pass over the nearest, as if it were the query itself. The queries are not among "
            "the examples.",
            *making.deciding(lambda D, labels: labels[D.argsort(axis=1)[:, 1]]),
        ),
        *ways(
            "minimum over the queries",
            "You took the minimum along the wrong axis: your result says which query is the "
            f"nearest to each {thing}. Asked is the reverse.",
            *making.deciding(lambda D, labels: labels[D.argmin(axis=0)]),
            *making.deciding(lambda D, labels: D.argmin(axis=0)),
        ),
        *ways(
            "one label for all queries",
            "You took one minimum of the whole table. Each query has its own.",
            *making.deciding(
                lambda D, labels: np.full(len(D), labels[D.argmin() % len(labels)]),
                lambda D, labels: labels[D.argmin() % len(labels)],
                lambda D, labels: labels[D.argmin()],
                lambda D, labels: np.full(len(D), labels[D.sum(axis=0).argmin()]),
            ),
        ),
    ]


def _positions(labels: np.ndarray) -> np.ndarray:
    """The place of each label among the sorted labels."""
    return np.unique(labels, return_inverse=True)[1]


def _places_in_support(making: Making) -> Answer:
    """The first example that has the right label."""

    def answer(Z_support, y_support, Z_query):
        labels = making.answer()(Z_support, y_support, Z_query)
        return np.array([np.flatnonzero(y_support == label)[0] for label in labels])

    return answer


def _misaligned(making: Making) -> list[Answer]:
    if making.means:

        def by_appearance(Z_support, y_support, Z_query):
            rows, _ = making.standing(Z_support, y_support)
            labels = np.array(list(dict.fromkeys(y_support.tolist())))
            return labels[making.measured(Z_query, rows).argmin(axis=1)]

        def in_support(Z_support, y_support, Z_query):
            rows, _ = making.standing(Z_support, y_support)
            return y_support[making.measured(Z_query, rows).argmin(axis=1)]

        return [by_appearance, in_support]
    return making.deciding(
        lambda D, labels: np.unique(labels)[D.argmin(axis=1)],
        lambda D, labels: np.sort(labels)[D.argmin(axis=1)],
    )


def _wrong_measures(making: Making) -> list[Mistake]:
    """The mistakes in the distance."""
    found = ways(
        "another distance",
        "You compare by something else than was asked: sums of absolute differences, the largest "
        "one, or the first coordinate.",
        making.answer(measured=_manhattan),
        making.answer(measured=_largest_step),
        making.answer(measured=lambda X, Y: np.abs(X[:, None, 0] - Y[:, 0])),
    )
    found += ways(
        "an embedding as one number",
        "In your distance an embedding, or the mean of a class, counts as one number: its sum or "
        "its mean. Differences of two coordinates then cancel.",
        making.answer(measured=_signed),
        *(making.standing_in(_summed_up(_all_in_one)) if making.means else ()),
    )
    if making.cosine:
        return [
            *found,
            *ways(
                "distances for cosines",
                "You compare by Euclidean distance. A long embedding and a short one of the same "
                "direction are far apart in that, and their cosine is 1.",
                making.answer(measured=_squares),
            ),
            *ways(
                "norms forgotten",
                "You compare by products of the embeddings. Such a product grows with the length "
                "of what stands for a class; a cosine does not.",
                making.answer(measured=_no_norms),
            ),
        ]
    return [
        *found,
        *ways(
            "scaled first",
            "You compare directions: what stands for a class is scaled to length 1, or a cosine is "
            "taken. The distance of the embeddings as they are was asked for.",
            making.answer(measured=_one_minus_cosine),
            making.answer(measured=lambda X, Y: _squares(X, _unit(Y))),
        ),
        *ways(
            "only the queries scaled",
            "You scaled the queries to length 1, and what they are compared with not.",
            making.answer(measured=lambda X, Y: _squares(_unit(X), Y)),
        ),
        *ways(
            "products for distances",
            "You compare by products of the embeddings. The largest product need not be at the "
            "smallest distance: it grows with the length of the embedding.",
            making.answer(measured=_no_norms),
        ),
    ]


def _for_one_query(making: Making) -> list[Mistake]:
    """The mistakes of answers that know one query only."""

    def parts(Z_support, y_support):
        return making.standing(Z_support, y_support)

    def minus_query(Z_support, y_support, Z_query):
        rows, labels = parts(Z_support, y_support)
        return labels[np.linalg.norm(rows - Z_query, axis=1).argmin()]

    def query_minus(Z_support, y_support, Z_query):
        rows, labels = parts(Z_support, y_support)
        return labels[np.linalg.norm(Z_query - rows, axis=1).argmin()]

    def products(Z_support, y_support, Z_query):
        rows, labels = parts(Z_support, y_support)
        cosines = rows @ Z_query / np.linalg.norm(rows, axis=1) / np.linalg.norm(Z_query)
        return labels[cosines.argmax()]

    def the_first(Z_support, y_support, Z_query):
        return making.answer()(Z_support, y_support, Z_query[:1])[0]

    return ways(
        "written for one query",
        "Your answer is written for a single query. Z_query has one query a row, and the result "
        "one label a row, also where there is only one.",
        *([products] if making.cosine else [minus_query, query_minus]),
        the_first,
        lambda *inputs: np.squeeze(making.answer()(*inputs)),
    )


def _left_out(making: Making) -> list[Mistake]:
    """The mistakes in which part of the support has no say."""

    def without(choose: Callable[[np.ndarray], np.ndarray]) -> Answer:
        right = making.answer()

        def answer(Z_support, y_support, Z_query):
            kept = choose(y_support)
            return right(Z_support[kept], y_support[kept], Z_query)

        return answer

    def among_queries(first: bool) -> Answer:
        def answer(Z_support, y_support, Z_query):
            rows, labels = making.standing(Z_support, y_support)
            everyone = (Z_query, rows) if first else (rows, Z_query)
            return labels[making.measured(Z_query, np.concatenate(everyone)).argmin(axis=1)]

        return answer

    return [
        *ways(
            "one example of each class",
            "You keep one example of each class, the first or the last, and forget the others. A "
            "dictionary with labels for keys does that.",
            without(lambda y: np.unique(y, return_index=True)[1]),
            without(lambda y: len(y) - 1 - np.unique(y[::-1], return_index=True)[1]),
        ),
        *ways(
            "a class of one left out",
            "A class with a single example is never your answer. One example is all there is of a "
            "new class.",
            without(lambda y: np.flatnonzero((y[:, None] == y).sum(axis=1) > 1)),
        ),
        *ways(
            "an example left out",
            "Your answer never looks at the last example, or at the first. Every row of Z_support "
            "counts, also one that has been added at the end.",
            without(lambda y: np.arange(len(y) - 1)),
            without(lambda y: np.arange(1, len(y))),
        ),
        *ways(
            "queries among the examples",
            "The queries are among the rows that you search. The nearest to a query is then the "
            "query itself, and it has no label.",
            among_queries(first=True),
            among_queries(first=False),
        ),
    ]


def _wrong_nearest(making: Making) -> list[Mistake]:
    """The mistakes where a class has several examples, if the nearest example decides."""
    return [
        *ways(
            "means of the classes",
            "You compare with the mean of each class. Asked is the label of the nearest example.",
            *making.standing_in(_summed_up(_mean), _summed_up(_median)),
        ),
        *ways(
            "all examples of a class",
            "You compare with all examples of a class at once: by the mean, the sum or the largest "
            "of their distances. The nearest one decides alone.",
            *(_mean_distance(making, summary) for summary in (np.mean, np.max, np.sum, _mean_root)),
        ),
        *ways(
            "a vote",
            "You let several near examples vote. The nearest one decides alone: a new class has a "
            "single vote, and would never win.",
            making.voted(3),
            making.voted(5),
        ),
        *ways(
            "another one of equals",
            "Where two examples are equally near, your answer is not the one that stands first: it "
            "is the last one, or the one with the smallest label.",
            *making.deciding(
                lambda D, labels: labels[D.shape[1] - 1 - D[:, ::-1].argmin(axis=1)],
                _smallest_label,
                lambda D, labels: -_smallest_label(D, -labels),
            ),
        ),
    ]


def _smallest_label(D: np.ndarray, labels: np.ndarray) -> np.ndarray:
    order = np.argsort(labels, kind="stable")
    return labels[order][D[:, order].argmin(axis=1)]


def _wrong_means(making: Making) -> list[Mistake]:
    """The mistakes where a class has several examples, if the mean of each class decides."""

    def numbered(Z, y):
        rows = [Z[y == c].mean(axis=0) for c in range(len(np.unique(y)))]
        return np.stack(rows), np.arange(len(rows))

    def of_scaled(Z, y):
        return _summed_up(_mean)(_unit(Z), y)

    sums = (
        _summed_up(lambda rows: rows.sum(axis=0)),
        lambda Z, y: (_summed_up(lambda rows: rows.sum(axis=0))(Z, y)[0] / len(y), np.unique(y)),
    )
    found = [
        *ways(
            "the nearest example",
            "You compare with each example. Asked is the nearest mean: the examples of a class are "
            "put together before you compare.",
            *making.standing_in(_as_they_are),
        ),
        *ways(
            "means of distances",
            "You compare with all examples of a class, by the mean, the sum or the largest of "
            "their distances. It is the embeddings that are averaged: a mean of distances also "
            "grows with the width of a class.",
            *(_mean_distance(making, s) for s in (np.mean, np.max, np.sum, _mean_root)),
        ),
        *ways(
            "mean along the wrong axis",
            "Your mean of a class has one number for each example. It is over the examples that "
            "the mean is taken: one number for each coordinate is left.",
            *making.standing_in(_summed_up(lambda rows: rows.mean(axis=1))),
        ),
        *ways(
            "classes counted from zero",
            "You take the classes to be 0, 1, 2 and so on. Labels are names, and a new one may be "
            "any number.",
            *making.standing_in(numbered),
        ),
        *ways(
            "another middle",
            "What stands for a class in your answer is not the mean of its examples: it is the "
            "median, or a mean in which the last example weighs most.",
            *making.standing_in(_summed_up(_median), _summed_up(_halfway)),
        ),
        *ways(
            "another one of equals",
            "Where two means are equally near, your answer is not the smallest label.",
            *making.deciding(lambda D, labels: -_smallest_label(D, -labels)),
            *making.standing_in(_in_order_of_appearance),
        ),
    ]
    if making.cosine:
        return [
            *found,
            *ways(
                "scaled before the mean",
                "You scaled each example to length 1 before you took the mean of a class. Asked is "
                "the mean of the embeddings as they are.",
                *making.standing_in(of_scaled),
            ),
        ]
    return [
        *found,
        *ways(
            "sums for means",
            "What stands for a class in your answer is a sum, or is divided by the number of all "
            "examples. The mean of a class is divided by the size of that class.",
            *making.standing_in(*sums),
        ),
    ]


def _in_order_of_appearance(Z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array(list(dict.fromkeys(y.tolist())))
    return np.stack([Z[y == label].mean(axis=0) for label in labels]), labels


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    making = _making(variant)
    return (
        *_wrong_results(making),
        *_wrong_measures(making),
        *_for_one_query(making),
        *_left_out(making),
        *(_wrong_means(making) if making.means else _wrong_nearest(making)),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["metric"] == "euclidean":
        near = "Near means: at the smallest Euclidean distance, of the embeddings as they are."
    else:
        near = "Near means: at the largest cosine, so that only directions count."
    if variant["nearest"] == "example":
        rule = (
            "The label of a query is that of the **nearest example**. Where several are equally "
            "near, the one that stands first in `Z_support` decides."
        )
    else:
        rule = (
            "Each class is represented by the **mean of its examples** (of the rows of `Z_support` "
            "as they are), and a query gets the label of the nearest mean. Where several are "
            "equally near, the smallest label is right."
        )
    return (
        "A classifier has one output for each class, and has to be trained again for a new one. A "
        "metric does not: labelled examples of the new class, its *support*, are enough, and one "
        "of them may do. Write a "
        f"function that labels queries by their embeddings. {rule} {near}\n\n"
        "`Z_support` holds one example a row, in any order, and a class has one example or more. "
        "A label is any whole number. Nothing else is known of the classes: they are those that "
        "occur in `y_support`. `Z_query` holds one query a row; the result has one label for each."
    )


def _skeleton(variant: Variant) -> str:
    rule = "nearest example" if variant["nearest"] == "example" else "nearest class mean"
    return f'''def one_shot(Z_support, y_support, Z_query):
    """Return the label of the {rule}, for each row of Z_query.

    Z_support: (n, d), embeddings with the labels y_support: (n,). Z_query: (m, d).
    Returns: (m,), labels.
    """'''


ONE_SHOT = Exercise(
    number="10.4",
    name="one_shot",
    title="A class from one example",
    points=3,
    minutes=15,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Begin with one query. Which shape has the list of its distances, and what do you look up "
        "with the position of the smallest?",
        "For all queries at once a table of distances is needed, one row a query and one column "
        "for everything it is compared with. `Z_query[:, None] - rows` has three axes: over which "
        "one is summed, and along which one is searched?",
        "Keep two arrays side by side: the rows that you compare with, and the label of each row. "
        "Whatever you do to the one (sort, average, drop), do to the other. A position found in "
        "the first is then looked up in the second.",
    ),
    variants={"metric": ("euclidean", "cosine"), "nearest": ("example", "mean")},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _making(variant).answer(),
    mistakes=_mistakes,
)
