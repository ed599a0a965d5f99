"""What the cases of chapter 00 promise: no luck, no order of equals and no machine decides."""

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import Key, judge
from dmlcourse.checks.render import plain
from dmlcourse.observing import observe

SEEDS = range(20)


def vote(labels):
    return np.array([np.bincount(row).argmax() for row in labels])


def order(X, ties):
    """Positions of the others, nearest first; equal distances by position, or against it."""
    D = np.square(X[:, None] - X[None]).sum(axis=2, dtype=X.dtype)
    np.fill_diagonal(D, np.inf)
    place = ties * np.arange(len(X))
    return np.array([np.lexsort((place, row)) for row in D])


@pytest.mark.parametrize("seed", SEEDS)
def test_no_prediction_depends_on_the_order_of_equal_distances(seed):
    exercise = exercises.find("00.2")
    for case in exercise.draw(seed):
        X, y, k = case.inputs.values()
        one, other = (vote(y[order(X, ties)[:, :k]]) for ties in (1, -1))
        assert np.array_equal(one, other), case.name
        assert np.array_equal(one, exercise.expected(case, {})["result"]), case.name


@pytest.mark.parametrize("seed", SEEDS)
def test_every_group_has_what_it_is_named_for(seed):
    for case in exercises.find("00.2").draw(seed):
        X, y, k = case.inputs.values()
        assert 1 <= k < len(X)
        assert (len(np.unique(X, axis=0)) < len(X)) == (case.group == "duplicates"), case.name
        counts = [np.sort(np.bincount(row))[-2:] for row in y[order(X, 1)[:, :k]]]
        tied = any(len(c) == 2 and c[0] == c[1] for c in counts)
        assert tied == (case.group == "ties"), case.name


FORMS = {
    "one product": lambda X, Y: -2 * X @ Y.T,
    "a sum of products": lambda X, Y: -2 * np.einsum("ik,jk->ij", X, Y),
    "a coordinate at a time": lambda X, Y: -2 * sum(map(np.multiply.outer, X.T, Y.T)),
    "scaled before": lambda X, Y: X @ (-2 * Y).T,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_expanded_form_gives_negative_squares_in_whatever_order_it_is_summed(form, seed):
    cases = exercises.find("00.1").draw(seed)
    X, Y = next(c for c in cases if c.name == "points nearly equal").inputs.values()
    norms = np.square(X).sum(axis=1)[:, None] + np.square(Y).sum(axis=1)
    below = norms + FORMS[form](X, Y) < 0
    assert below.sum() > 50


@pytest.mark.parametrize("form", FORMS)
def test_the_points_of_the_third_hint_give_a_negative_square(form):
    X = 10_000 + 1e-6 * np.random.default_rng(0).normal(size=(10, 3))
    norms = np.square(X).sum(axis=1)
    assert (norms[:, None] + norms + FORMS[form](X, X)).min() < 0


@pytest.mark.parametrize("seed", SEEDS)
def test_nan_on_every_pair_is_not_taken_for_signs_that_cancel(seed):
    key = Key(exercises.find("00.0"), seed=seed)
    for answer in (negative_root, lambda x, y: np.sqrt(2 * x @ y - x @ x - y @ y)):
        mistake = judge(key, [observe(key.exercise.kind, answer, c) for c in key.cases]).mistake
        assert mistake is not None
        assert mistake.name == "NaN for every pair"


def negative_root(x, y):
    return np.sqrt(-np.sum((x - y) ** 2))


def test_the_planted_mistake_of_the_chapter_is_shown_on_the_first_case():
    key = Key(exercises.find("00.0"))
    seen = [observe(key.exercise.kind, squared, case) for case in key.cases]
    lines = plain(judge(key, seen)).splitlines()
    assert lines[1:3] == [
        "  Two points in the plane: x = [1, 2], y = [-2, 6].",
        "  Expected 5, got 25.",
    ]
    assert lines[3].startswith("  Your distance is squared: ")


def squared(x, y):
    return np.sum((x - y) ** 2)
