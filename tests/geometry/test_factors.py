"""From M to L and back: rank, tolerance, and L's freedom of an isometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.geometry import aligning_isometry, factor

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 8)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


@quick
@given(seed=seeds, d=sizes, k=sizes)
def test_the_factor_gives_the_matrix_back_and_has_its_rank(seed, d, k):
    (A,) = draw(seed, (k, d))
    M = A.T @ A
    L = factor(M)
    product = L.T @ L
    assert L.shape == (np.linalg.matrix_rank(A), d)
    assert product == pytest.approx(M, abs=1e-12 * np.abs(M).max())


def test_the_rows_are_orthogonal_longest_first():
    L = factor(np.diag([1.0, 9.0, 4.0]))
    products = L @ L.T
    assert products == pytest.approx(np.diag([9.0, 4.0, 1.0]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_low_rank_matrix_rounded_to_a_dtype_keeps_its_rank(dtype):
    for seed in range(20):
        (A,) = draw(seed, (3, 10))
        assert factor((A.T @ A).astype(dtype)).shape == (3, 10)


def test_the_zero_matrix_has_a_factor_without_rows():
    assert factor(np.zeros((3, 3))).shape == (0, 3)


def test_one_by_one():
    assert factor(np.array([[4.0]])) ** 2 == pytest.approx(np.array([[4.0]]))


def test_a_given_rank_is_the_best_approximation_of_that_rank():
    M = np.diag([9.0, 4.0, 1.0])
    L = factor(M, rank=2)
    product = L.T @ L
    assert product == pytest.approx(np.diag([9.0, 4.0, 0.0]))


def test_a_given_rank_above_the_matrix_rank_adds_rows_of_zeros():
    L = factor(np.diag([4.0, 0.0]), rank=2)
    assert np.abs(L) == pytest.approx(np.array([[2.0, 0.0], [0.0, 0.0]]))


def test_tiny_negative_eigenvalues_are_rounding():
    L = factor(np.diag([1.0, -1e-17]))
    assert np.isfinite(L).all()
    assert L.shape == (1, 2)


def test_a_wider_tolerance_drops_small_eigenvalues():
    assert factor(np.diag([1.0, 1e-3, 1e-6]), tol=1e-4).shape == (2, 3)


def test_a_negative_eigenvalue_is_refused():
    with pytest.raises(ValueError, match=r"most negative eigenvalue is -1e-05\. project_psd"):
        factor(np.diag([1.0, -1e-5]))


def test_a_non_negative_determinant_is_not_enough():
    with pytest.raises(ValueError, match="most negative eigenvalue is -1"):
        factor(np.diag([-1.0, -1.0]))


@pytest.mark.parametrize("rank", [0, 3, -1])
def test_a_rank_out_of_range_is_refused(rank):
    with pytest.raises(ValueError, match=rf"rank is {rank}: expected 1 to 2"):
        factor(np.eye(2), rank=rank)


def residual(L1, L2):
    return np.linalg.norm(aligning_isometry(L1, L2) @ L1 - L2)


def is_orthogonal(Q):
    return np.allclose(Q @ Q.T, np.eye(len(Q)), rtol=0, atol=1e-12)


@quick
@given(seed=seeds, d=sizes, k=sizes)
def test_two_maps_with_one_metric_are_joined_by_an_isometry(seed, d, k):
    L1, A = draw(seed, (k, d), (k, k))
    L2 = np.linalg.qr(A)[0] @ L1
    assert is_orthogonal(aligning_isometry(L1, L2))
    assert residual(L1, L2) <= 1e-7 * np.linalg.norm(L1)


def test_a_reflection_is_legal():
    L, mirror = np.array([[1.0, 2.0], [3.0, 4.0]]), np.diag([1.0, -1.0])
    assert aligning_isometry(L, mirror @ L) == pytest.approx(mirror)
    assert np.linalg.det(aligning_isometry(L, mirror @ L)) == pytest.approx(-1)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_rank_deficient_maps_are_aligned(rank):
    L1, A, B = draw(1, (rank, 5), (4, rank), (4, 4))
    L1 = A @ L1
    L2 = np.linalg.qr(B)[0] @ L1
    assert is_orthogonal(aligning_isometry(L1, L2))
    assert residual(L1, L2) == pytest.approx(0, abs=1e-12)


@quick
@given(seed=seeds)
def test_different_metrics_leave_a_residual(seed):
    L1, L2 = draw(seed, (3, 4), (3, 4))
    # ‖L2ᵀL2 − L1ᵀL1‖ ≤ (‖QL1‖ + ‖L2‖)·‖QL1 − L2‖, so the residual cannot vanish.
    gap = np.linalg.norm(L2.T @ L2 - L1.T @ L1)
    assert residual(L1, L2) >= 0.99 * gap / (np.linalg.norm(L1) + np.linalg.norm(L2))


@quick
@given(seed=seeds)
def test_no_other_orthogonal_matrix_aligns_better(seed):
    L1, L2, A = draw(seed, (3, 4), (3, 4), (3, 3))
    Q = np.linalg.qr(A)[0]
    assert residual(L1, L2) <= np.linalg.norm(Q @ L1 - L2) + 1e-12


def test_maps_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"L1 has shape \(2, 3\) and L2 has shape \(1, 3\)"):
        aligning_isometry(np.ones((2, 3)), np.ones((1, 3)))
