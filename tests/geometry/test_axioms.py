"""The axioms of a metric on a matrix of distances: violations found, rounding forgiven."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from itertools import permutations
from math import inf, nan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from dmlcourse.geometry import (
    axiom_report,
    find_triangle_violation,
    jeffrey,
    kl_discrete,
    mahalanobis,
    matusita,
    pairwise_distances,
)

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def points(seed, n=12, d=3):
    return np.random.default_rng(seed).normal(size=(n, d))


def shares(seed, n=12, bins=4):
    weights = np.random.default_rng(seed).exponential(size=(n, bins))
    return weights / weights.sum(1, keepdims=True)


def excess(D, triple):
    i, j, k = triple
    return D[i, k] - (D[i, j] + D[j, k])


def worst_by_brute_force(D):
    return max((excess(D, triple) for triple in permutations(range(len(D)), 3)), default=-inf)


# ---------------------------------------------------------------- the triangle inequality


@quick
@given(seed=seeds, n=st.integers(1, 8), is_symmetric=st.booleans())
def test_the_largest_excess_is_found_as_by_brute_force(seed, n, is_symmetric):
    generator = np.random.default_rng(seed)
    # From 0.3 upwards a detour is often, but not always, longer than the direct way.
    D = generator.uniform(0.3, 1, size=(n, n))
    D = D + D.T if is_symmetric else D
    found, worst = find_triangle_violation(D), worst_by_brute_force(D)
    assert (found == ()) == (worst <= 0)
    if found:
        assert len(set(found)) == 3
        assert excess(D, found) == pytest.approx(worst, rel=1e-9, abs=1e-15)


def test_one_violation_among_many_points_is_found_in_its_direction():
    D = pairwise_distances(points(0, n=40))
    i, j, k = 31, 4, 17
    D[i, k] = D[i, j] + D[j, k] + 1
    # The shortest detour from 31 to 17 may lead over another point than 4.
    found = find_triangle_violation(D)
    assert (found[0], found[2]) == (31, 17)
    assert excess(D, found) == worst_by_brute_force(D) >= 1


def test_squares_on_a_line():
    x = np.array([0.0, 1.0, 2.0])
    assert find_triangle_violation((x[:, None] - x) ** 2) == (0, 1, 2)


def test_of_equal_violations_the_first_is_named_even_if_rounding_makes_it_smaller():
    D = np.array([[0, 1, 4.0], [1, 0, 1], [np.nextafter(4, 5), 1, 0]])
    assert find_triangle_violation(D) == (0, 1, 2)
    D = np.array([[0, np.nextafter(1, 2), 1, 4], [1, 0, 1, 1], [1, 1, 0, 1], [4, 1, 1, 0]])
    assert find_triangle_violation(D) == (0, 1, 3)


def test_the_result_is_three_plain_integers(device):
    D = torch.tensor([[0, 1, 4], [1, 0, 1], [4, 1, 0]], device=device)
    found = find_triangle_violation(D)
    assert found == (0, 1, 2)
    assert [type(index) for index in found] == [int, int, int]


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_points_violate_nothing(n):
    assert find_triangle_violation(np.full((n, n), -1.0)) == ()


@quick
@given(seed=seeds, exponent=st.integers(-100, 100))
def test_points_on_a_line_violate_nothing(seed, exponent):
    """Their distances add up exactly but for rounding: half of the triples exceed by a little."""
    x = np.sort(np.random.default_rng(seed).normal(size=15)) * 10.0**exponent
    for D in (np.abs(x[:, None] - x), cdist(x[:, None], x[:, None])):
        assert find_triangle_violation(D) == ()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_to_a_dtype_is_forgiven(dtype):
    for seed in range(20):
        x, direction = points(seed, 15, 1), points(seed, 1, 3)
        D = pairwise_distances(x * direction).astype(dtype)
        assert worst_by_brute_force(D.astype(float)) > 0
        assert find_triangle_violation(D) == ()


def test_just_above_rounding_is_a_violation():
    D = np.array([[0, 1, 2.0], [1, 0, 1], [2, 1, 0]])
    D[0, 2] = 2 * (1 + 31 * 2.0**-52)
    assert find_triangle_violation(D) == ()
    D[0, 2] = 2 * (1 + 34 * 2.0**-52)
    assert find_triangle_violation(D) == (0, 1, 2)


def test_a_tolerance_is_a_share_of_the_largest_finite_entry():
    D = np.array([[0, 50, 101.0], [50, 0, 50], [101.0, 50, 0]])
    assert find_triangle_violation(D, tol=0.011) == ()
    assert find_triangle_violation(D, tol=0.009) == (0, 1, 2)
    assert find_triangle_violation(D, tol=0) == (0, 1, 2)


def test_half_precision_is_added_up_without_loss():
    """1025 + 1026 = 2051 lies between two numbers of float16, and would be rounded to 2052."""
    D = np.array([[0, 1025, 2052], [1025, 0, 1026], [2052, 1026, 0]], dtype=np.float16)
    assert find_triangle_violation(D, tol=0) == (0, 1, 2)


def test_the_diagonal_does_not_take_part():
    D = np.array([[0, 1, 2.0], [1, 0, 1], [2, 1, 0]])
    np.fill_diagonal(D, [-9.0, 9.0, inf])
    assert find_triangle_violation(D) == ()


def test_infinity_exceeds_what_is_finite_and_nothing_exceeds_infinity():
    assert find_triangle_violation([[0, 1, inf], [1, 0, 1], [inf, 1, 0]]) == (0, 1, 2)
    assert find_triangle_violation([[0, 1, inf], [1, 0, inf], [inf, inf, 0]]) == ()
    assert find_triangle_violation([[0, inf, 9], [inf, 0, inf], [9, inf, 0]]) == ()
    assert find_triangle_violation(np.full((4, 4), inf)) == ()


@pytest.mark.parametrize("check", [find_triangle_violation, axiom_report])
def test_what_is_no_matrix_of_distances_is_refused(check):
    D = np.zeros((3, 3))
    D[1, 2] = nan
    with pytest.raises(ValueError, match=r"D\[1, 2\] is nan: expected a number, or inf"):
        check(D)
    D[1, 2] = -inf
    with pytest.raises(ValueError, match=r"D\[1, 2\] is -inf"):
        check(D)
    for shape in [(2, 3), (3,), (0, 0), (2, 2, 2)]:
        with pytest.raises(ValueError, match="expected a square matrix"):
            check(np.ones(shape))
    with pytest.raises(TypeError, match=r"D has dtype torch\.complex128: expected real"):
        check(np.ones((3, 3), dtype=complex))


@pytest.mark.parametrize("check", [find_triangle_violation, axiom_report])
def test_the_input_is_never_modified(check):
    D = points(1, 5, 5)
    before = D.copy()
    check(D)
    check(torch.from_numpy(D))
    assert np.array_equal(D, before)


def test_a_matrix_that_carries_a_gradient_is_read_as_it_is():
    D = pairwise_distances(torch.tensor(points(2), requires_grad=True), squared=True)
    assert find_triangle_violation(D) == find_triangle_violation(D.detach())


SCRIPT = """
import resource, sys
import numpy as np
from dmlcourse.geometry import axiom_report

def peak():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

x = np.random.default_rng(0).normal(size=500)
D = np.abs(x[:, None] - x)
axiom_report(D[:50, :50])
start = peak()
axiom_report(D)
print(peak() - start)
"""


def test_memory_is_a_few_matrices_and_not_a_cube():
    pytest.importorskip("resource", reason="peak memory is read through the resource module")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True, env=environment)
    matrix = 8 * 500**2
    assert int(output) < 15 * matrix  # a cube has 500


# ---------------------------------------------------------------- the report

METRICS = {
    "Euclid": lambda seed: pairwise_distances(points(seed)),
    "Euclid in float32": lambda seed: pairwise_distances(points(seed).astype(np.float32)),
    "the sum of absolute differences": lambda seed: cdist(points(seed), points(seed), "cityblock"),
    "the largest difference": lambda seed: cdist(points(seed), points(seed), "chebyshev"),
    "Mahalanobis": lambda seed: mahalanobis(points(seed), L=points(seed + 1, 3)),
    "the angle": lambda seed: angles(points(seed)),
    "Matusita": lambda seed: matusita(shares(seed)[:, None], shares(seed)),
    "the root of a metric": lambda seed: np.sqrt(pairwise_distances(points(seed))),
    "equal or not": lambda seed: 1 - np.eye(8),
}


def angles(X):
    """atan2 of sine and cosine keeps its digits at every angle, unlike an arc cosine."""
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    return 2 * np.arctan2(pairwise_distances(X), pairwise_distances(X, -X))


@pytest.mark.parametrize("name", METRICS)
def test_metrics_obey_every_axiom(name):
    for seed in range(5):
        report = axiom_report(METRICS[name](seed))
        assert report.is_metric
        assert report.is_pseudo_metric


def one_minus_cosine(X):
    return cdist(X, X, "cosine") * (1 - np.eye(len(X)))


plane = np.array([[1.0, 0], [1, 1], [0, 1]])
coins = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
SYMMETRIC_NON_METRICS = {
    "squared Euclid": np.array([[0.0, 1, 4], [1, 0, 1], [4, 1, 0]]),
    "one minus the cosine": one_minus_cosine(plane),
    "Jeffrey": jeffrey(coins[:, None], coins),
    # (|1|^½ + |1|^½)² = 4 from (0, 0) to (1, 1), and 1 for each of the two steps over (1, 0).
    "Minkowski, p = ½": cdist(
        np.array([[0, 0], [1, 0], [1, 1]]), [[0, 0], [1, 0], [1, 1]], "minkowski", p=0.5
    ),
}


@pytest.mark.parametrize("name", SYMMETRIC_NON_METRICS)
def test_non_metrics_break_the_triangle_inequality_alone(name):
    report = axiom_report(SYMMETRIC_NON_METRICS[name])
    assert report.triangle_inequality.witness == (0, 1, 2)
    assert not report.is_metric
    assert not report.is_pseudo_metric
    for other in ("never_negative", "zero_diagonal", "zero_only_there", "symmetric"):
        assert getattr(report, other).holds


def test_kullback_and_leibler_breaks_two_axioms():
    coins = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    D = kl_discrete(coins[:, None], coins)
    report = axiom_report(D)
    assert report.symmetric.witness == (2, 0)
    assert report.triangle_inequality.witness == (2, 1, 0)
    assert report.never_negative.holds
    assert report.zero_only_there.holds


def test_a_singular_map_gives_a_pseudo_metric():
    X = points(3)
    X[7, :2] = X[2, :2]
    report = axiom_report(mahalanobis(X, L=np.eye(2, 3)))
    assert report.zero_only_there.witness == (2, 7)
    assert report.is_pseudo_metric
    assert not report.is_metric


def test_each_witness_is_where_the_axiom_fails_most():
    D = [[1.0, -1, 9], [-2, 0.5, 3], [4, 3, 0]]
    report = axiom_report(D)
    assert report.never_negative.witness == (1, 0)
    assert report.zero_diagonal.witness == (0, 0)
    assert report.zero_only_there.holds
    assert report.symmetric.witness == (0, 2)
    assert report.triangle_inequality.witness == (0, 1, 2)


@quick
@given(seed=seeds, n=st.integers(1, 6))
def test_the_report_says_what_the_definitions_say(seed, n):
    """Small whole numbers, so that each axiom often holds and often fails."""
    generator = np.random.default_rng(seed)
    D = generator.integers(-1, 9, size=(n, n))
    D = D if generator.random() < 0.5 else np.abs(D + D.T)
    if generator.random() < 0.5:
        np.fill_diagonal(D, 0)
    off = D[~np.eye(n, dtype=bool)]
    report = axiom_report(D)
    assert report.never_negative.holds == (D >= 0).all()
    assert report.zero_diagonal.holds == (not np.diag(D).any())
    assert report.zero_only_there.holds == off.all()
    assert report.symmetric.holds == np.array_equal(D, D.T)
    assert report.triangle_inequality.holds == (worst_by_brute_force(D) <= 0)
    assert report.triangle_inequality.witness == find_triangle_violation(D)


def test_rounding_is_forgiven_to_every_axiom():
    D = pairwise_distances(points(4, 6))
    noise = np.random.default_rng(4).uniform(-1, 1, D.shape) * 2.0**-50 * D.max()
    assert axiom_report(D + noise).is_metric
    assert not axiom_report(D + 1e3 * noise).is_pseudo_metric


def test_a_distance_as_small_as_rounding_counts_as_zero():
    X = points(6, 3)
    X[2] = np.nextafter(X[0], inf)
    D = pairwise_distances(X)
    assert D[0, 2] > 0
    assert axiom_report(D).zero_only_there.witness == (0, 2)
    assert axiom_report(D, tol=0).zero_only_there.holds


def test_infinite_distances_may_obey_every_axiom():
    assert axiom_report([[0, 1, inf], [1, 0, inf], [inf, inf, 0]]).is_metric
    assert axiom_report([[0, 1], [inf, 0]]).symmetric.witness in [(0, 1), (1, 0)]
    assert axiom_report([[inf]]).zero_diagonal.witness == (0, 0)


def test_one_point():
    assert axiom_report([[0.0]]).is_metric
    assert not axiom_report([[1.0]]).is_pseudo_metric


def test_the_zero_matrix_is_a_pseudo_metric():
    report = axiom_report(np.zeros((3, 3)))
    assert report.is_pseudo_metric
    assert report.zero_only_there.witness == (0, 1)


def test_a_report_cannot_be_changed():
    report = axiom_report([[0.0]])
    with pytest.raises(FrozenInstanceError):
        report.symmetric = None


def test_a_tensor_on_a_device_gives_the_same_report(device):
    D = kl_discrete(shares(5)[:, None], shares(5))
    on_device = torch.tensor(D, device=device)
    assert axiom_report(on_device) == axiom_report(D)
    assert find_triangle_violation(on_device) == find_triangle_violation(D)


def test_the_text_of_a_metric():
    assert str(axiom_report([[0, 3], [3, 0]])).splitlines() == [
        "never negative       holds",
        "zero diagonal        holds",
        "zero only there      holds",
        "symmetric            holds",
        "triangle inequality  holds",
        "On these points: a metric.",
    ]


def test_the_text_of_what_breaks_every_axiom():
    assert str(axiom_report([[1, 0, 9], [-2, 0, 3], [4, 3, 0]])).splitlines() == [
        "never negative       fails: D[1, 0] = -2",
        "zero diagonal        fails: D[0, 0] = 1",
        "zero only there      fails: D[0, 1] = 0",
        "symmetric            fails: D[0, 2] = 9, but D[2, 0] = 4",
        "triangle inequality  fails: D[0, 2] = 9, but D[0, 1] + D[1, 2] = 0 + 3",
        "On these points: no metric.",
    ]


def test_the_text_of_a_pseudo_metric_and_of_numbers_with_many_digits():
    text = str(axiom_report([[0, 0, 1], [0, 0, 1], [1, 1, 0]]))
    assert text.endswith("On these points: a pseudo-metric.")
    text = str(axiom_report(kl_discrete(coins[:, None], coins)))
    assert "fails: D[0, 2] = 1.758, but D[0, 1] + D[1, 2] = 0.3681 + 0.5108" in text
