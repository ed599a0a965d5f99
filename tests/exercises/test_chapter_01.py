"""What the cases of chapter 01 promise: honest forms pass, and near misses are named."""

import functools
import math

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, PASSED, Key, judge
from dmlcourse.observing import observe

SEEDS = range(2)


@functools.cache
def key_of(number, seed):
    """One key for all tests: its known mistakes are worked out once."""
    return Key(exercises.find(number), seed=seed)


def verdicts(number, answer):
    for seed in SEEDS:
        key = key_of(number, seed)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer):
    for found in verdicts(number, answer):
        assert found.outcome == PASSED, found


def assert_named(number, answer, mistake, earned=0):
    for found in verdicts(number, answer):
        assert (found.outcome, found.earned) == (FAILED, earned)
        assert found.mistake is not None, found.finding
        assert found.mistake.name == mistake


# ---------------------------------------------------------------- 01.1: what counts as rounding


def search(breaks):
    """The three loops of a learner, with another comparison."""

    def find(D):
        n = range(len(D))
        ways = ((i, j, k) for i in n for j in n for k in n)
        found = (t for t in ways if breaks(D, D[t[0], t[2]], D[t[0], t[1]] + D[t[1], t[2]]))
        return next(found, ())

    return find


RIGHT_TOLERANCES = {
    "as stated": lambda D, direct, detour: direct - detour > 1e-10 * D.max(),
    "smaller": lambda D, direct, detour: direct - detour > 1e-13 * D.max(),
    "relative to the way": lambda D, direct, detour: direct > detour * (1 + 1e-10),
    "isclose": lambda D, direct, detour: (
        direct > detour and not np.isclose(direct, detour, rtol=1e-10, atol=0)
    ),
    "in units of the largest": lambda D, direct, detour: (direct - detour) / D.max() > 1e-10,
}


@pytest.mark.parametrize("form", RIGHT_TOLERANCES)
def test_every_form_of_the_stated_tolerance_is_right(form):
    assert_passes("01.1", search(RIGHT_TOLERANCES[form]))


@pytest.mark.parametrize("share", [1e-9, 1e-8, 1e-5, 1e-2, 0.1])
def test_a_larger_tolerance_is_named(share):
    larger = search(lambda D, direct, detour: direct - detour > share * D.max())
    assert_named("01.1", larger, "tolerance too large", earned=2)


RELATIONS = {
    (0, 1, 2): None,
    (2, 1, 0): None,
    (0, 2, 1): "breaks the inequality only in another order: "
    "D[0, 1] is 1, and D[0, 2] + D[2, 1] is 4 + 1.",
    (0, 0, 2): "has j at one of its ends: D[0, 2] is 4, and D[0, 0] + D[0, 2] is 0 + 4.",
    (0, 1, 0): "ends where it began: D[0, 0] is 0, and D[0, 1] + D[1, 0] is 1 + 1.",
}


@pytest.mark.parametrize("triple", RELATIONS)
def test_a_triple_is_shown_with_its_distances(triple):
    key = key_of("01.1", seed=0)
    found = key.exercise.digest(key.cases[0], {"result": np.array(triple)})
    complaint = key.complaint(0, found)
    said = RELATIONS[triple]
    assert complaint == (said and ("value", f"Your triple {triple} {said}"))


def test_the_points_of_the_third_hint_show_what_rounding_does():
    x = np.array([0, 0.2, 0.9])
    D = np.abs(x[:, None] - x)
    assert D[0, 2] == 0.9
    assert D[0, 1] + D[1, 2] == 0.8999999999999999


# ---------------------------------------------------------------- 01.2: log-determinants


def kl(logdets):
    def answer(m0, S0, m1, S1):
        trace = np.trace(np.linalg.solve(S1, S0))
        quadratic = (m1 - m0) @ np.linalg.solve(S1, m1 - m0)
        return 0.5 * (trace + quadratic - len(m0) + logdets(S0, S1))

    return answer


def by_cholesky(S):
    return 2 * np.log(np.diag(np.linalg.cholesky(S))).sum()


def by_eigenvalues(S):
    return np.log(np.linalg.eigvalsh(S)).sum()


det, solve = np.linalg.det, np.linalg.solve
LOGDETS = {
    "cholesky": lambda S0, S1: by_cholesky(S1) - by_cholesky(S0),
    "eigenvalues": lambda S0, S1: by_eigenvalues(S1) - by_eigenvalues(S0),
    "of the quotient": lambda S0, S1: -np.linalg.slogdet(solve(S1, S0))[1],
}
DETERMINANTS = {
    "quotient of two": lambda S0, S1: np.log(det(S1) / det(S0)),
    "difference of logarithms": lambda S0, S1: np.log(det(S1)) - np.log(det(S0)),
    "of the quotient": lambda S0, S1: -np.log(det(solve(S1, S0))),
    "of the other quotient": lambda S0, S1: np.log(det(solve(S0, S1))),
    "math.log": lambda S0, S1: math.log(det(S1)) - math.log(det(S0)),
}


@pytest.mark.parametrize("form", LOGDETS)
def test_every_form_of_the_log_determinants_is_right(form):
    assert_passes("01.2", kl(LOGDETS[form]))


@pytest.mark.parametrize("form", DETERMINANTS)
def test_no_form_with_a_determinant_is_right(form):
    assert_named("01.2", kl(DETERMINANTS[form]), "det for logdet", earned=2)


# ---------------------------------------------------------------- 01.4b: nothing left under a root


COEFFICIENTS = {
    "root of products": lambda p, q: np.sqrt(p * q).sum(),
    "products of roots": lambda p, q: (np.sqrt(p) * np.sqrt(q)).sum(),
    "inner product": lambda p, q: np.sqrt(p) @ np.sqrt(q),
}


def matusita(coefficient, keep):
    def answer(p, q):
        return np.sqrt(keep(2 - 2 * coefficient(p / p.sum(), q / q.sum())))

    return answer


@pytest.mark.parametrize("form", COEFFICIENTS)
def test_a_bare_root_of_what_cancels_is_named_and_a_maximum_makes_it_right(form):
    assert_passes("01.4b", matusita(COEFFICIENTS[form], lambda left: max(left, 0)))
    for found in verdicts("01.4b", matusita(COEFFICIENTS[form], lambda left: left)):
        assert found.mistake is not None
        assert found.mistake.name == "NaN from cancellation"


# ---------------------------------------------------------------- 01.5: lengths


def chords(length):
    def answer(X, Y):
        X, Y = X / length(X), Y / length(Y)
        return np.sqrt(np.square(X[:, None] - Y).sum(axis=2))

    return answer


def norms(X):
    return np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize("small", [1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6])
def test_a_small_number_beside_a_length_is_named_and_one_below_it_is_right(small):
    assert_passes("01.5", chords(lambda X: np.maximum(norms(X), small)))
    added = chords(lambda X: norms(X) + small)
    assert_named("01.5", added, "a small number added to the lengths")
