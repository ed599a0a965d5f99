"""Retrieval: lists sorted in Python say what each number must be, ties and all."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from dmlcourse.evaluation import (
    cmc,
    map_at_r,
    mean_average_precision,
    precision_at_1,
    r_precision,
    recall_at_k,
    retrieval,
    retrieval_report,
)

quick = settings(max_examples=60, deadline=None)
NAMES = ("precision_at_1", "r_precision", "map_at_r", "mean_average_precision")
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
both_metrics = pytest.mark.parametrize("metric", ["euclidean", "cosine"])


def measured(report):
    """Every mean of a report."""
    return [*report.recall.values(), *(getattr(report, name) for name in NAMES)]


def ranked(query, label, gallery, labels, own):
    """Whether each item matches, nearest first; of equal distances the wrong ones first."""
    items = [
        (sum((a - b) ** 2 for a, b in zip(query, point, strict=True)), other == label)
        for i, (point, other) in enumerate(zip(gallery, labels, strict=True))
        if i != own
    ]
    return [matches for _, matches in sorted(items)]


def by_loops(hits, ks):
    """Recall at each K, R-precision, MAP@R and average precision of one ranked list."""
    R = sum(hits)
    precisions = [sum(hits[:rank]) / rank for rank in range(1, len(hits) + 1)]
    at_matches = [p for p, matches in zip(precisions, hits, strict=True) if matches]
    at_r = [p for p, matches in zip(precisions[:R], hits, strict=False) if matches]
    recall = [float(any(hits[:k])) for k in ks]
    return [*recall, float(hits[0]), sum(hits[:R]) / R, sum(at_r) / R, sum(at_matches) / R]


def listed(query, labels, gallery, gallery_labels, own, ks):
    """The means over all queries with a match, and how many have none."""
    everyone = zip(query, labels, own, strict=True)
    lists = [ranked(x, label, gallery, gallery_labels, i) for x, label, i in everyone]
    found = [by_loops(hits, ks) for hits in lists if any(hits)]
    return np.mean(found, axis=0) if found else None, len(lists) - len(found)


def clusters(seed=0, n=60, d=5, classes=4, spread=1.0):
    """Overlapping clusters of uneven sizes."""
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, size=n, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    return rng.normal(size=(classes, d))[y] + spread * rng.normal(size=(n, d)), y


# ---------------------------------------------------------------- beside the lists

points = st.tuples(st.integers(0, 3), st.integers(0, 3))  # so few that many are equally far
labelled = st.lists(st.tuples(points, st.integers(0, 3)), min_size=2, max_size=12)


def split(rows):
    return [point for point, _ in rows], [label for _, label in rows]


def as_listed(expected, lost, *given, **settings):
    if expected is None:
        with pytest.raises(ValueError, match="None of the"):
            retrieval_report(*given, **settings)
        return
    report = retrieval_report(*given, **settings)
    assert measured(report) == pytest.approx(expected, rel=1e-12)
    assert report.without_match == lost
    assert report.queries == len(given[0]) - lost


@quick
@given(labelled)
def test_among_each_other(rows):
    X, y = split(rows)
    as_listed(*listed(X, y, X, y, range(len(X)), (1, 2, 5)), X, y, ks=(1, 2, 5))


@quick
@given(labelled, labelled, st.data())
def test_in_a_gallery_that_may_hold_some_queries(rows, others, data):
    X, y = split(rows)
    places = data.draw(st.lists(st.booleans(), min_size=len(X), max_size=len(X)))
    own = [len(others) + i if there else -1 for i, there in enumerate(places)]
    Y, z = split([*others, *rows])
    expected, lost = listed(X, y, Y, z, own, (1, 3))
    as_listed(expected, lost, X, y, Y, z, ks=(1, 3), own=own)
    expected, lost = listed(X, y, Y[: len(others)], z[: len(others)], [-1] * len(X), (1, 3))
    nowhere = {"ks": (1, 3), "own": [-1] * len(X)}
    as_listed(expected, lost, X, y, Y[: len(others)], z[: len(others)], **nowhere)


@both_metrics
def test_average_precision_is_scikit_learns(metric):
    X, y = clusters()
    report = retrieval_report(X, y, metric=metric)
    Z = X / np.linalg.norm(X, axis=1)[:, None] if metric == "cosine" else X
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        closeness = -np.linalg.norm(Z[others] - Z[i], axis=1)
        expected = average_precision_score(y[others] == y[i], closeness)
        assert report.values("mean_average_precision")[i] == pytest.approx(expected)


def test_a_worked_example():
    # On a line: a at 0, b at 1, a at 3, a at 7.
    X, y = [[0.0], [1.0], [3.0], [7.0]], ["a", "b", "a", "a"]
    report = retrieval_report(X, y)
    assert (report.queries, report.without_match) == (3, 1)
    assert report.values("recall@1").tolist() == pytest.approx([0, np.nan, 0, 1], nan_ok=True)
    # From 0 one meets b, a, a; from 3 b, a, a; from 7 a, b, a.
    assert report.recall == {1: pytest.approx(1 / 3), 2: 1, 4: 1, 8: 1}
    assert report.r_precision == pytest.approx(1 / 2)
    assert report.map_at_r == pytest.approx((1 / 4 + 1 / 4 + 1 / 2) / 3)
    assert report.mean_average_precision == pytest.approx((7 / 12 + 7 / 12 + 5 / 6) / 3)


def test_classes_apart_are_perfect():
    y = np.repeat([0, 1, 2], [2, 7, 20])
    X = 100 * np.eye(3)[y] + np.random.default_rng(0).normal(size=(29, 3))
    assert measured(retrieval_report(X, y)) == [1.0] * 8


def test_one_class_has_nothing_wrong():
    X, _ = clusters(n=9)
    assert measured(retrieval_report(X, np.zeros(9))) == [1.0] * 8


# ---------------------------------------------------------------- ties

PLACES = {"zero": [0, 0, 0], "tenths": [0.1, -0.7, 0.3], "far": [1e6 + 0.1, 7.7, -3e4]}


def knows_nothing(report, sizes):
    """Every wrong item before every match: the measures of that list, in closed form."""
    expected = []
    for size in sizes:
        R, wrong = size - 1, sum(sizes) - size
        expected += [sum(j / (wrong + j) for j in range(1, R + 1)) / R] * size
    assert measured(report)[:-1] == [0] * 7
    assert report.mean_average_precision == pytest.approx(np.mean(expected))


@both_metrics
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_collapsed_embedding_knows_nothing(dtype, place, metric, device):
    place = [min(value, 6e4) for value in place] if dtype == torch.float16 else place
    X = torch.tensor([place] * 29, dtype=dtype, device=device)
    y = [0] * 10 + [1] * 9 + [2] * 10
    knows_nothing(retrieval_report(X, y, metric=metric), [10, 9, 10])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_direction_knows_nothing_by_cosine(dtype):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=40) * np.exp(rng.normal(size=(30, 1)))).astype(dtype)
    if dtype == np.float32:  # on one ray after rounding too
        X = X[:1] * 2.0 ** rng.integers(-9, 9, size=(30, 1)).astype(np.float32)
    knows_nothing(retrieval_report(X, [0] * 15 + [1] * 15, metric="cosine"), [15, 15])


@both_metrics
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_are_found_through_rounding(dtype, metric):
    # Signs and order of the coordinates change: the same distance, computed along other ways.
    rng = np.random.default_rng(1)
    value = rng.normal(size=97)
    Y = np.array([rng.permutation(value) * rng.choice([-1, 1], 97) for _ in range(40)], dtype)
    query = np.zeros((1, 97), dtype)
    if metric == "cosine":  # angles to the first axis
        Y = np.hstack([np.full((40, 1), 3.3), Y]).astype(dtype)
        Y *= 2.0 ** rng.integers(-5, 5, size=(40, 1)).astype(dtype)
        query = np.eye(1, 98, dtype=dtype)
    labels = np.arange(40) % 2
    report = retrieval_report(query, [0], Y, labels, ks=(20, 21), metric=metric)
    assert report.recall == {20: 0, 21: 1}


@quick
@given(labelled, st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(rows, random):
    X, y = split([*rows, ((0, 0), 0), ((0, 0), 0), ((0, 0), 1)])
    order = list(range(len(X)))
    random.shuffle(order)
    report = retrieval_report(X, y)
    shuffled = retrieval_report([X[i] for i in order], [y[i] for i in order])
    assert measured(shuffled) == pytest.approx(measured(report), rel=1e-12)
    for name in NAMES:
        moved = report.values(name)[order]
        assert shuffled.values(name) == pytest.approx(moved, rel=1e-12, nan_ok=True)


def test_a_second_sample_at_the_same_place_is_found():
    X, y = [[0.0], [0.0], [5.0], [5.0]], [0, 0, 1, 1]
    assert precision_at_1(X, y) == 1
    assert precision_at_1(X, [0, 1, 0, 1]) == 0


# ---------------------------------------------------------------- what does not matter


def orthogonal(d):
    return np.linalg.qr(np.random.default_rng(3).normal(size=(d, d)))[0]


ALIKE = {
    "scaled": lambda X: 1e-3 * X,
    "moved": lambda X: X + 100,
    "turned": lambda X: X @ orthogonal(X.shape[1]),
    "in Fortran order": np.asfortranarray,
    "as a tensor": torch.from_numpy,
    "with a gradient": lambda X: torch.tensor(X, requires_grad=True),
}


@pytest.mark.parametrize("change", ALIKE.values(), ids=ALIKE)
def test_changes_that_keep_the_order_of_distances(change):
    X, y = clusters()
    assert measured(retrieval_report(change(X), y)) == measured(retrieval_report(X, y))


@pytest.mark.parametrize("power", [-100, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_of_any_size(dtype, power):
    X, y = clusters()
    X = X.astype(dtype)
    other = X * dtype(2) ** power
    assert measured(retrieval_report(other, y)) == measured(retrieval_report(X, y))


def test_points_too_near_for_squares_are_one():
    X, y = clusters()
    report = retrieval_report(1e-200 * X, y)
    assert measured(report) == measured(retrieval_report(0 * X, y))


LABELS = {
    "words": lambda y: [f"class {c}" for c in y],
    "an array of words": lambda y: np.array([f"class {c}" for c in y]),
    "floats": lambda y: y.astype(float),
    "bytes": lambda y: y.astype(np.uint8),
    "a tensor": torch.from_numpy,
    "other numbers": lambda y: 1000 - 7 * y,
    "objects": lambda y: np.fromiter([(int(c), "x") for c in y], dtype=object),
    "a list of tensors": lambda y: [torch.tensor(c) for c in y],
}


@pytest.mark.parametrize("name", LABELS.values(), ids=LABELS)
def test_names_of_classes_do_not_matter(name):
    X, y = clusters()
    expected = measured(retrieval_report(X, y))
    assert measured(retrieval_report(X, name(y))) == expected
    own = np.arange(len(X))
    assert measured(retrieval_report(X, name(y), X, name(y), own=own)) == expected


def test_labels_of_two_kinds_are_compared_by_value():
    X, y = clusters()
    expected = measured(retrieval_report(X[:20], y[:20], X[20:], y[20:]))
    found = retrieval_report(X[:20], y[:20].tolist(), X[20:], torch.from_numpy(y[20:]).float())
    assert measured(found) == expected
    with pytest.raises(ValueError, match="None of the 20 queries"):
        retrieval_report(X[:20], y[:20], X[20:], y[20:].astype(str))


@both_metrics
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_judged_by_its_own_numbers(dtype, metric, device):
    X, y = clusters(n=50, d=16)
    rounded = torch.tensor(X, dtype=dtype, device=device)
    report = retrieval_report(rounded, torch.tensor(y, device=device), metric=metric)
    exact = retrieval_report(rounded.double().cpu().numpy(), y, metric=metric)
    assert measured(report) == measured(exact)
    assert isinstance(report.values("map_at_r"), np.ndarray)


@both_metrics
@pytest.mark.parametrize("max_bytes", [1, 10_000, 200_000])
def test_memory_changes_nothing(max_bytes, metric):
    X, y = clusters(n=80)
    report = retrieval_report(X, y, metric=metric)
    small = retrieval_report(X, y, metric=metric, max_bytes=max_bytes)
    for name in ("recall@3", *NAMES):
        assert (small.values(name) == report.values(name)).all()


def test_near_duplicates_in_two_places_far_apart_keep_their_order():
    rng = np.random.default_rng(0)
    Y = 1e4 * rng.choice([-1, 1], size=(200, 1)) + 1e-3 * rng.normal(size=(200, 8))
    X, gallery, y = Y[:50], Y[50:], rng.integers(0, 5, size=200)
    report = retrieval_report(X, y[:50], gallery, y[50:])
    expected, _ = listed(X, y[:50], gallery, y[50:], [-1] * 50, (1, 2, 4, 8))
    assert measured(report) == pytest.approx(expected, rel=1e-12)


def test_the_gallery_may_be_larger_in_every_way():
    X, y = clusters(n=300, d=3)
    report = retrieval_report(X[:1], y[:1], X[1:], y[1:], ks=(299, 1000))
    assert report.recall == {299: 1, 1000: 1}
    assert report.classes.shape == (1,)


# ---------------------------------------------------------------- cosine


def test_cosine_is_euclid_on_the_sphere():
    X, y = clusters()
    Z = X / np.linalg.norm(X, axis=1)[:, None]
    found = measured(retrieval_report(X, y, metric="cosine"))
    assert found == measured(retrieval_report(Z, y))
    assert found != measured(retrieval_report(X, y))
    lengths = np.random.default_rng(5).uniform(1e-200, 1e200, size=(len(X), 1))
    assert measured(retrieval_report(X * lengths, y, metric="cosine")) == found


def test_a_row_of_zeros_is_equally_far_from_all_others():
    X = np.vstack([np.zeros((1, 3)), np.random.default_rng(0).normal(size=(6, 3))])
    report = retrieval_report(X, [0, 0, 0, 1, 1, 1, 1], metric="cosine", ks=(4, 5))
    assert report.values("recall@4")[0] == 0
    assert report.values("recall@5")[0] == 1


# ---------------------------------------------------------------- the report


def test_single_measures_are_those_of_the_report():
    X, y = clusters()
    given = (X[:25], y[:25], X[25:], y[25:])
    report = retrieval_report(*given, metric="cosine", ks=range(1, 8))
    functions = (precision_at_1, r_precision, map_at_r, mean_average_precision)
    found = [function(*given, metric="cosine") for function in functions]
    assert found == [getattr(report, name) for name in NAMES]
    assert [recall_at_k(*given, k=k, metric="cosine") for k in report.recall] == list(
        report.recall.values()
    )
    assert cmc(*given, ranks=7, metric="cosine").tolist() == list(report.recall.values())
    assert report.recall[1] == report.precision_at_1


def test_means_are_those_of_the_values():
    X, y = clusters()
    y[0] = 99
    report = retrieval_report(X, y)
    assert (report.queries, report.without_match) == (59, 1)
    for name in NAMES:
        values = report.values(name)
        assert np.isnan(values).nonzero()[0].tolist() == [0]
        assert getattr(report, name) == pytest.approx(np.nanmean(values))
    assert report.recall[4] == pytest.approx(np.nanmean(report.values("recall@4")))


def test_an_unknown_measure_is_named():
    report = retrieval_report(*clusters())
    for name in ("recall", "recall@", "recall@x", "map", ""):
        with pytest.raises(ValueError, match=f"name is '{name}': expected one of recall@K, prec"):
            report.values(name)
    with pytest.raises(ValueError, match="K is 0"):
        report.values("recall@0")


def test_it_reads_well():
    X, y = [[0.0], [1.0], [3.0], [7.0]], ["a", "b", "a", "a"]
    assert str(retrieval_report(X, y, ks=(1, 10))) == (
        "3 queries of 1 class; 1 more without a match\n"
        "recall@1    0.3333\n"
        "recall@10   1.0000\n"
        "precision@1 0.3333\n"
        "R-precision 0.5000\n"
        "MAP@R       0.3333\n"
        "mAP         0.6667"
    )


# ---------------------------------------------------------------- intervals


def of_classes(values, sizes):
    """A report in which every query of a class has one value."""
    report = retrieval_report(np.arange(sum(sizes))[:, None], np.repeat(range(len(sizes)), sizes))
    report.per_query["map_at_r"] = np.repeat(np.asarray(values, dtype=float), sizes)
    return report


def test_an_interval_is_the_bootstrap_over_classes():
    rng = np.random.default_rng(0)
    values, sizes = rng.random(30), rng.integers(2, 9, size=30)
    found = of_classes(values, sizes).interval("map_at_r", resamples=20_000)
    means = []
    for _ in range(4000):
        drawn = rng.integers(30, size=30)
        means.append((values * sizes)[drawn].sum() / sizes[drawn].sum())
    assert found == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)


def test_more_queries_of_the_same_classes_say_nothing_new():
    values = np.random.default_rng(1).random(20)
    few, many = (of_classes(values, [size] * 20).interval("map_at_r") for size in (2, 50))
    assert few == pytest.approx(many)
    of_queries = np.quantile(
        np.random.default_rng(2).choice(np.repeat(values, 50), size=(500, 1000)).mean(1),
        [0.025, 0.975],
    )
    assert many.high - many.low > 4 * (of_queries[1] - of_queries[0])


def test_intervals_hold_the_mean_and_grow_with_confidence():
    report = retrieval_report(*clusters(n=120, classes=12))
    for name in ("recall@2", *NAMES):
        narrow, wide = (report.interval(name, confidence) for confidence in (0.5, 0.99))
        assert wide.low < narrow.low < np.nanmean(report.values(name)) < narrow.high < wide.high
        assert report.interval(name, 0.5) == narrow
    other = report.interval("map_at_r", random_state=1)
    assert other != report.interval("map_at_r")


def test_where_all_classes_are_alike_there_is_no_width():
    assert of_classes([0.5] * 5, [2, 3, 4, 5, 6]).interval("map_at_r") == (0.5, 0.5)


def test_queries_without_a_match_are_not_drawn():
    X, y = clusters(n=40)
    alone = np.append(y, range(100, 110))
    everywhere = np.vstack([X, 1e3 * np.random.default_rng(0).normal(size=(10, X.shape[1]))])
    report = retrieval_report(everywhere, alone)
    assert report.interval("r_precision") == retrieval_report(X, y).interval("r_precision")


def test_resamples_are_drawn_in_parts(monkeypatch):
    report = retrieval_report(*clusters(n=120, classes=12))
    at_once = report.interval("map_at_r", resamples=4001)
    monkeypatch.setattr(retrieval, "DRAWS", 50)
    assert report.interval("map_at_r", resamples=4001) == pytest.approx(at_once, abs=0.01)


def test_what_gives_no_interval_is_refused():
    report = retrieval_report(*clusters())
    with pytest.raises(ValueError, match="confidence is 95: expected between 0 and 1"):
        report.interval("map_at_r", confidence=95)
    with pytest.raises(ValueError, match="resamples is 0"):
        report.interval("map_at_r", resamples=0)
    with pytest.raises(ValueError, match="of one class"):
        retrieval_report([[0.0], [1.0]], [0, 0]).interval("map_at_r")


# ---------------------------------------------------------------- what is refused

X, Y = clusters()
A, B = (X[:20], Y[:20]), (X[20:], Y[20:])
WRONG = {
    "k in third place": ((*A, 1), {}, TypeError, "the number 1: the third .* write k=1"),
    "no gallery labels": ((*A, B[0]), {}, TypeError, "gallery is given without gallery_labels"),
    "labels alone": ((*A, None, B[1]), {}, TypeError, "gallery_labels is given without gallery"),
    "own alone": (A, {"own": [0] * 20}, TypeError, "own is given without a gallery"),
    "the same gallery": ((*A, *A), {}, ValueError, "each would find itself. Leave gallery out"),
    "a copy of it": ((*A, A[0].copy(), A[1]), {}, ValueError, r"own=numpy.arange\(len\(query\)\)"),
    "metric": (A, {"metric": "l1"}, ValueError, "metric is 'l1': expected 'euclidean' or 'cos"),
    "K of 0": (A, {"ks": (1, 0)}, ValueError, "ks is 0: expected a whole number, 1 or more"),
    "K of 1.5": (A, {"ks": (1.5,)}, TypeError, "float"),
    "labels too few": ((X, Y[1:]), {}, ValueError, "query_labels has 59 labels for 60 embedd"),
    "gallery labels": ((*A, B[0], Y), {}, ValueError, "gallery_labels has 60 labels for 40"),
    "columns": ((*A, X[:, 1:], Y), {}, ValueError, r"\(20, 5\) and gallery \(60, 4\): expected as"),
    "a missing label": ((X[:2], [0, None]), {}, ValueError, r"query_labels: y\[1\] is None"),
    "fractions": ((X[:2], [0.5, 1]), {}, ValueError, "query_labels: .* looks like measurements"),
    "no label twice": ((X, range(60)), {}, ValueError, "None of the 60 queries has an item of"),
    "NaN": (([[0.0], [np.nan]], [0, 0]), {}, ValueError, r"query\[1, 0\] is nan"),
    "a vector": ((X[0], Y[:5]), {}, ValueError, "query has shape"),
    "nothing": ((X[:0], []), {}, ValueError, "query_labels: y is empty"),
    "two kinds": ((*A, torch.tensor(B[0]), B[1]), {}, TypeError, "torch tensor"),
    "own too few": ((*A, X, Y), {"own": [0]}, ValueError, r"own has shape \(1,\)"),
    "own fractions": ((*A, X, Y), {"own": np.zeros(20)}, ValueError, "dtype torch.float64"),
    "own too far": ((*A, X, Y), {"own": np.arange(20) + 41}, ValueError, "from 41 to 60: expec"),
    "own below": ((*A, X, Y), {"own": np.arange(20) - 2}, ValueError, "own reaches from -2"),
    "own elsewhere": ((*A, X, Y), {"own": np.arange(20)[::-1]}, ValueError, "another label than"),
}


@pytest.mark.parametrize(("given", "settings", "error", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_measured_is_refused(given, settings, error, said):
    with pytest.raises(error, match=said):
        retrieval_report(*given, **settings)


TURNED = np.random.default_rng(1).permutation(60)
TWICE = np.r_[:60, :9]
INSIDE = {
    "the first rows": (slice(20), slice(60)),
    "all but one": (slice(59), slice(60)),
    "one query": (slice(1), slice(60)),
    "in another order": (slice(60), TURNED),
    "some twice": (slice(60), TWICE),
    "some twice in both": (TWICE, TWICE[::-1]),
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("rows", "others"), INSIDE.values(), ids=INSIDE)
def test_queries_inside_the_gallery_are_found(rows, others, dtype):
    Z = X.astype(dtype)
    given = (Z[rows], Y[rows], Z[others], Y[others])
    with pytest.raises(ValueError, match="gallery seems to hold the queries, and each would find"):
        retrieval_report(*given)
    assert recall_at_k(*given, own=np.full(len(given[0]), -1)) == 1, "whoever insists gets it"


def test_queries_that_merely_look_like_items_are_measured():
    one_hot = np.eye(4)
    shots = np.repeat(np.arange(4), 5)
    collapsed, halves = np.zeros((20, 3)), np.repeat([0, 1], 10)
    honest = {
        "a class at one place": (one_hot, range(4), one_hot[shots], shots),
        "collapsed": (collapsed, halves, collapsed, halves),
        "one of it": (collapsed[:1], [0], collapsed, halves),
        "another label": (X[:20], Y[:20], X, Y + 1),
        "one elsewhere": (np.vstack([X[:20], X[:1] + 1]), [*Y[:20], Y[0]], X, Y),
        "one column alike": (np.c_[0 * X[:20, :1], X[:20]], Y[:20], np.c_[0 * Y, X + 1], Y),
    }
    found = {name: retrieval_report(*given).precision_at_1 for name, given in honest.items()}
    assert found["a class at one place"] == 1
    assert found["collapsed"] == found["one of it"] == found["another label"] == 0


def test_ks_may_be_one_number():
    assert retrieval_report(*A, *B, ks=4).recall == {4: recall_at_k(*A, *B, k=4)}
    assert list(retrieval_report(*A, *B, ks=np.int64(2)).recall) == [2]


def test_ks_for_a_function_with_one_depth():
    with pytest.raises(TypeError, match=r"ks is \(1, 2\): recall_at_k has one depth: write k=4"):
        recall_at_k(*A, ks=(1, 2))
    with pytest.raises(TypeError, match="ks is 5: cmc has all depths up to one: write ranks=20"):
        cmc(*A, ks=5)


def test_k_in_third_place_is_refused_by_every_function():
    for function in (recall_at_k, precision_at_1, r_precision, map_at_r, cmc):
        with pytest.raises(TypeError, match="For recall@4 write k=4"):
            function(X, Y, 4)


# ---------------------------------------------------------------- memory

SCRIPT = """
import resource, sys
import numpy as np
from dmlcourse.evaluation import retrieval_report

def peak():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

rng = np.random.default_rng(0)
y = rng.integers(0, 50, size=20_600)
X = rng.normal(size=(20_600, 8)).astype(np.float32)
retrieval_report(X[:50], y[:50])
start = peak()
retrieval_report(X[:300], y[:300], X[600:], y[600:], max_bytes=int(sys.argv[1]))
print(peak() - start)
"""


def test_working_memory_stays_below_its_bound():
    """Distances of 48 MB in tiles; beside the bound there are float64 copies of the points."""
    pytest.importorskip("resource", reason="peak memory is read through the resource module")
    bound, copies = 8 * 2**20, 6 * 8 * 20_600 * 8
    command = [sys.executable, "-c", SCRIPT, str(bound)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert int(subprocess.check_output(command, text=True, env=environment)) < bound + copies
