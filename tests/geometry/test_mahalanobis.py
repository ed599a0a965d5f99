"""Distances under M or L: the definition, the axioms, and where each axiom stops to hold."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.datasets import load_breast_cancer

from dmlcourse.geometry import factor, mahalanobis, pairwise_distances

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def brute_force(X, Y, M):
    """The definition, pair by pair, in extended precision."""
    gap = X.astype(np.longdouble)[:, None] - Y.astype(np.longdouble)
    return np.sqrt(((gap @ M.astype(np.longdouble)) * gap).sum(-1)).astype(float)


def test_a_distance_worked_out_by_hand():
    X, Y, M = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.diag([4.0, 0.25])
    assert mahalanobis(X, Y, M=M, squared=True).item() == pytest.approx(4 * 9 + 0.25 * 16)
    assert mahalanobis(X, Y, M=M).item() == pytest.approx(40**0.5)


def test_the_identity_gives_the_euclidean_distance():
    X, Y = draw(0, (6, 3), (4, 3))
    assert mahalanobis(X, Y, M=np.eye(3)) == pytest.approx(pairwise_distances(X, Y))


@quick
@given(seed=seeds, d=sizes, k=sizes)
def test_definition_factor_and_map_agree(seed, d, k):
    X, Y, L = draw(seed, (5, d), (3, d), (k, d))
    M = L.T @ L
    expected = brute_force(X, Y, M)
    assert mahalanobis(X, Y, L=L) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert mahalanobis(X, Y, M=M) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert pairwise_distances(X @ L.T, Y @ L.T) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert mahalanobis(X, Y, L=factor(M)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_scipy_agrees_when_it_is_given_the_matrix_as_inverse_covariance():
    X, Y, L = draw(1, (40, 4), (30, 4), (4, 4))
    M = L.T @ L
    assert mahalanobis(X, Y, M=M) == pytest.approx(cdist(X, Y, "mahalanobis", VI=M), rel=1e-12)


def test_whitened_data_have_a_mean_squared_distance_of_twice_their_dimension():
    (X,) = draw(2, (50, 3))
    X = X @ np.array([[5.0, 0, 0], [1, 1, 0], [0, 2, 0.1]])
    squares = mahalanobis(X, M=np.linalg.inv(np.cov(X.T)), squared=True)
    assert squares.sum() / (50 * 49) == pytest.approx(2 * 3)


def test_an_inverse_covariance_of_raw_features_keeps_its_small_eigenvalues():
    X = load_breast_cancer().data
    M = np.linalg.inv(np.cov(X.T))
    assert np.linalg.cond(M) > 1e11
    assert mahalanobis(X[:60], X[60:90], M=M) == pytest.approx(
        brute_force(X[:60], X[60:90], M), rel=1e-9
    )


def test_no_power_of_two_on_a_feature_changes_a_distance_when_the_metric_follows():
    X, Y, L = draw(3, (8, 3), (5, 3), (3, 3))
    unit = np.array([2.0**-30, 1.0, 2.0**20])
    moved = mahalanobis(X * unit, Y * unit, M=(L.T @ L) / unit / unit[:, None])
    assert moved == pytest.approx(mahalanobis(X, Y, M=L.T @ L), rel=1e-12)


@quick
@given(seed=seeds, d=sizes, k=sizes)
def test_axioms_of_a_pseudo_metric(seed, d, k):
    X, L = draw(seed, (7, d), (k, d))
    D = mahalanobis(X, L=L)
    assert (D >= 0).all()
    assert np.array_equal(D, D.T)
    assert not np.diag(D).any()
    assert (D[:, None, :] <= D[:, :, None] + D[None, :, :] + 1e-12 * D.max()).all()


def test_the_squared_form_breaks_the_triangle_inequality():
    line = np.array([[0.0], [1.0], [2.0]])
    D = mahalanobis(line, M=np.eye(1), squared=True)
    assert D[0, 2] == 4 > D[0, 1] + D[1, 2] == 2


def test_a_singular_matrix_gives_a_pseudo_metric():
    X = np.array([[1.0, 0.0], [1.0, 5.0]])
    assert not mahalanobis(X, M=np.diag([1.0, 0.0])).any()
    assert mahalanobis(X, M=np.diag([1.0, 1e-6]))[0, 1] > 0


def test_the_zero_matrix_puts_every_pair_at_distance_zero():
    (X,) = draw(4, (4, 3))
    assert not mahalanobis(X, M=np.zeros((3, 3))).any()
    assert not mahalanobis(X, L=np.zeros((0, 3))).any()


@quick
@given(seed=seeds, d=sizes)
def test_an_isometry_after_the_map_changes_nothing(seed, d):
    X, L, A = draw(seed, (5, d), (d, d), (d, d))
    Q = np.linalg.qr(A)[0]
    assert mahalanobis(X, L=Q @ L) == pytest.approx(mahalanobis(X, L=L), rel=1e-9, abs=1e-9)


@quick
@given(seed=seeds, shift=st.integers(-(2**30), 2**30))
def test_translation_changes_nothing(seed, shift):
    """Points on a grid of 2⁻²⁰, so that the translation itself rounds nothing."""
    *points, L = draw(seed, (5, 3), (4, 3), (3, 3))
    X, Y = (np.round(array * 2**20) / 2**20 for array in points)
    moved = mahalanobis(X + shift, Y + shift, L=L)
    assert moved == pytest.approx(mahalanobis(X, Y, L=L), rel=1e-11)


def test_equal_points_in_two_sets_are_at_distance_zero_exactly():
    X, L = draw(5, (200, 7), (5, 7))
    assert not np.diag(mahalanobis(X + 100, (X + 100).copy(), L=L)).any()
    assert not np.diag(mahalanobis(X + 100, (X + 100).copy(), M=L.T @ L)).any()


def test_near_duplicates_keep_their_digits_under_a_map():
    X, step, L = draw(6, (50, 4), (50, 4), (3, 4))
    X, Y = X + 1e4, X + 1e4 + 1e-6 * step
    expected = np.diag(brute_force(X, Y, L.T @ L))
    assert np.diag(mahalanobis(X, Y, L=L)) == pytest.approx(expected, rel=1e-12)


def test_no_rows_give_an_empty_block():
    X, L = draw(7, (4, 3), (2, 3))
    assert mahalanobis(X[:0], X, L=L).shape == (0, 4)
    assert mahalanobis(X, X[:0], L=L).shape == (4, 0)
    assert mahalanobis(X[:0], M=np.eye(3)).shape == (0, 0)


def tensors(seed, *shapes):
    return [torch.tensor(array, requires_grad=True) for array in draw(seed, *shapes)]


@pytest.mark.parametrize("squared", [False, True])
def test_gradients_reach_the_points_and_the_map(squared):
    x, y, L = tensors(8, (4, 3), (3, 3), (2, 3))

    def distances(x, y, L):
        return mahalanobis(x, y, L=L, squared=squared)

    assert torch.autograd.gradcheck(distances, (x, y, L))
    assert torch.autograd.gradgradcheck(distances, (x, y, L))


@pytest.mark.parametrize("squared", [False, True])
def test_gradients_reach_the_matrix_even_where_its_eigenvalues_coincide(squared):
    x, y = tensors(9, (4, 3), (3, 3))
    M = torch.eye(3, dtype=torch.float64, requires_grad=True)

    def distances(x, y, M):
        return mahalanobis(x, y, M=(M + M.T) / 2, squared=squared)

    assert torch.autograd.gradcheck(distances, (x, y, M))


def test_the_gradient_of_a_squared_distance_in_the_matrix_is_an_outer_product():
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, -1.0]])
    M = torch.eye(2, requires_grad=True)
    mahalanobis(x, y, M=M, squared=True).sum().backward()
    assert torch.equal(M.grad, (x - y).T @ (x - y))


def test_coincident_points_have_a_zero_gradient():
    x = torch.ones(3, 2, requires_grad=True)
    L = torch.eye(2, requires_grad=True)
    M = torch.eye(2, requires_grad=True)
    (mahalanobis(x, L=L).sum() + mahalanobis(x, M=M).sum()).backward()
    assert not x.grad.any()
    assert not L.grad.any()
    assert not M.grad.any()


def test_exactly_one_of_matrix_and_map_is_asked_for():
    (X,) = draw(10, (4, 2))
    with pytest.raises(ValueError, match="neither of M and L given: pass exactly one"):
        mahalanobis(X)
    with pytest.raises(ValueError, match="both of M and L given: pass exactly one"):
        mahalanobis(X, M=np.eye(2), L=np.eye(2))


def test_a_matrix_outside_the_cone_is_refused_with_its_worst_eigenvalue():
    (X,) = draw(11, (4, 2))
    with pytest.raises(ValueError, match=r"eigenvalue is -0\.5\. project_psd\(M\) gives"):
        mahalanobis(X, M=np.diag([1.0, -0.5]))
    with pytest.raises(ValueError, match=r"M is not symmetric: M\[0, 1\] = 1 but M\[1, 0\] = 0"):
        mahalanobis(X, M=np.array([[1.0, 1.0], [0.0, 1.0]]))


@pytest.mark.parametrize("noise", [1e-17, -1e-17])
def test_rounding_on_the_border_of_the_cone_is_forgiven(noise):
    (X,) = draw(12, (4, 2))
    M = np.array([[1.0, 1e-9], [1e-9, noise]])
    assert mahalanobis(X, M=M) == pytest.approx(np.abs(X[:, :1] - X[:, 0]), abs=1e-7)
