"""PCA, LDA and the trace problem: maxima against competitors, and scikit-learn as the peer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from dmlcourse.geometry import lda, pca, trace_maximiser

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
DATA = {"iris": load_iris, "wine": load_wine, "digits": load_digits}


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def symmetric(seed, d):
    (A,) = draw(seed, (d, d))
    return A + A.T


def positive_definite(seed, d):
    (A,) = draw(seed, (d, d))
    return A @ A.T / d + np.eye(d) / 10


@pytest.fixture(params=DATA, scope="module")
def labelled(request):
    return DATA[request.param](return_X_y=True)


def up_to_sign(rows):
    """Rows (k, n), each with the sign that makes its largest entry positive."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    return rows * np.sign(largest)


# ---------------------------------------------------------------- the trace problem


@quick
@given(seed=seeds, d=st.integers(1, 7), data=st.data())
def test_no_feasible_competitor_has_a_larger_trace(seed, d, data):
    k, general = data.draw(st.integers(1, d)), data.draw(st.booleans())
    A, B = symmetric(seed, d), positive_definite(seed + 1, d) if general else np.eye(d)
    L = trace_maximiser(A, k, B if general else None)
    assert pytest.approx(np.eye(k), abs=1e-9) == L @ B @ L.T
    most = np.trace(L @ A @ L.T)
    root = np.linalg.cholesky(B)
    for near in (0.01, 0.3, 100.0):
        (N,) = draw(seed + 2, (d, k))
        Q, _ = np.linalg.qr((L @ root).T + near * N)
        rival = np.linalg.solve(root.T, Q).T  # any orthonormal Q gives rival B rivalᵀ = I
        assert rival @ B @ rival.T == pytest.approx(np.eye(k), abs=1e-9)
        assert np.trace(rival @ A @ rival.T) <= most + 1e-9 * abs(most) + 1e-9


@quick
@given(seed=seeds, d=st.integers(1, 7), data=st.data())
def test_the_rows_solve_the_generalised_eigenproblem_largest_first(seed, d, data):
    k = data.draw(st.integers(1, d))
    A, B = symmetric(seed, d), positive_definite(seed + 1, d)
    L = trace_maximiser(A, k, B)
    values = eigh(A, B, eigvals_only=True)[::-1][:k]
    assert pytest.approx(np.diag(values), abs=1e-8) == L @ A @ L.T
    assert pytest.approx(B @ L.T * values, abs=1e-8) == A @ L.T


def test_a_diagonal_matrix_by_hand():
    L = trace_maximiser(np.diag([1.0, 3.0, 2.0]), 2)
    assert np.array_equal(L, [[0, 1, 0], [0, 0, 1]])
    L = trace_maximiser(np.diag([1.0, 3.0, 2.0]), 2, np.diag([0.01, 4.0, 1.0]))
    assert pytest.approx(np.array([[10.0, 0, 0], [0, 0, 1]])) == L


def test_eigenvalues_are_ordered_by_value_not_by_size():
    assert np.array_equal(trace_maximiser(np.diag([-5.0, 1.0]), 1), [[0, 1]])


@quick
@given(seed=seeds, d=st.integers(1, 7))
def test_the_largest_entry_of_each_row_is_positive(seed, d):
    L = trace_maximiser(symmetric(seed, d), d)
    assert np.array_equal(L, up_to_sign(L))
    negated = trace_maximiser(-symmetric(seed, d), d)[::-1]
    assert negated == pytest.approx(L, abs=1e-6)


def test_of_entries_equally_large_the_first_is_positive():
    """The eigenvector (1, −1)/√2: no rounding decides which of the two is larger."""
    for tilt in (0.0, 1e-13, -1e-13):
        (row,) = trace_maximiser(np.array([[1.0 + tilt, -1.0], [-1.0, 1.0]]), 1)
        assert row == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)], abs=1e-12)


@pytest.mark.parametrize("decades", [4, 20, 100])
def test_the_units_of_the_features_do_not_matter(decades):
    units = np.logspace(-decades / 2, decades / 2, 5)
    A, B = symmetric(0, 5), positive_definite(1, 5)
    L = trace_maximiser(A / units / units[:, None], 5, B / units / units[:, None])
    plain = trace_maximiser(A, 5, B)
    assert np.abs(L / units) == pytest.approx(np.abs(plain), rel=1e-7)


@pytest.mark.parametrize("B", [np.diag([1.0, 0.0]), np.ones((2, 2)), np.diag([1.0, -1.0])])
def test_a_constraint_that_leaves_a_direction_free_is_refused(B):
    with pytest.raises(
        ValueError, match=r"B is not positive definite.*1 of 2 directions.*identity"
    ):
        trace_maximiser(np.eye(2), 1, B)
    assert trace_maximiser(np.eye(2), 1, B @ B + 0.1 * np.eye(2)).shape == (1, 2)


@pytest.mark.parametrize(
    ("A", "k", "B", "said"),
    [
        (np.eye(2), 0, None, "k is 0: expected 1 to 2"),
        (np.eye(2), 3, None, "k is 3: expected 1 to 2"),
        (np.ones((2, 3)), 1, None, "A has shape .2, 3.: expected a square"),
        (np.array([[1.0, 1.0], [0.0, 1.0]]), 1, None, "A is not symmetric"),
        (np.eye(2), 1, np.array([[1.0, 1.0], [0.0, 1.0]]), "B is not symmetric"),
        (np.eye(2), 1, np.eye(3), "B has shape .3, 3. and A has shape .2, 2."),
        (np.array([[np.nan]]), 1, None, "is nan"),
    ],
)
def test_what_the_trace_problem_refuses(A, k, B, said):
    with pytest.raises(ValueError, match=said):
        trace_maximiser(A, k, B)


def test_a_fraction_of_a_row_is_refused():
    with pytest.raises(TypeError):
        trace_maximiser(np.eye(2), 1.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kind_dtype_and_device_are_kept(device, dtype):
    A = torch.diag(torch.tensor([1.0, 3.0], dtype=dtype, device=device)).requires_grad_()
    X = torch.tensor([[0, 0], [0, 1], [2, 0], [2, 1.0]], dtype=dtype, device=device)
    y = torch.tensor([0, 0, 1, 1], device=device)
    for L in (trace_maximiser(A, 1), trace_maximiser(A, 1, 2 * A), pca(X, 1), lda(X + A[0], y, 1)):
        assert (L.dtype, L.device, L.requires_grad) == (dtype, A.device, False)
        assert L.shape == (1, 2)


# ---------------------------------------------------------------- PCA


def test_pca_is_that_of_scikit_learn(labelled):
    X, _ = labelled
    peer = PCA(3, svd_solver="full").fit(X)
    L = pca(X, 3)
    assert pytest.approx(up_to_sign(peer.components_), abs=1e-8) == L
    variances = np.diag(L @ np.cov(X.T) @ L.T)
    assert variances == pytest.approx(peer.explained_variance_, rel=1e-9)


def test_a_shift_does_not_change_the_principal_directions():
    X, _ = load_iris(return_X_y=True)
    assert pca(X + 1e6, 2) == pytest.approx(pca(X, 2), abs=1e-6)


def test_directions_without_variance_complete_the_map():
    X = np.array([[0.0, 0, 0], [1, 1, 0], [2, 2, 0]])
    L = pca(X, 3)
    assert L[0] == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0])
    assert pytest.approx(np.eye(3)) == L @ L.T


def test_what_pca_refuses():
    with pytest.raises(ValueError, match="X has 1 rows: expected two or more"):
        pca(np.ones((1, 2)), 1)
    with pytest.raises(ValueError, match="k is 3: expected 1 to 2"):
        pca(np.ones((4, 2)), 3)
    with pytest.raises(ValueError, match=r"X\[0, 1\] is nan"):
        pca(np.array([[0, np.nan], [0, 0]]), 1)


# ---------------------------------------------------------------- LDA


def scatters(X, y):
    """S_w and S_b by their definitions, one class after the other."""
    within = between = np.zeros((X.shape[1], X.shape[1]))
    for c in np.unique(y):
        gap = X[y == c] - X[y == c].mean(0)
        step = (X[y == c].mean(0) - X.mean(0))[:, None]
        within = within + gap.T @ gap
        between = between + (y == c).sum() * step @ step.T
    return within / len(X), between / len(X)


def test_lda_is_that_of_scikit_learns_svd_solver(labelled):
    """Iris and wine, and digits, of which some pixels are constant."""
    X, y = labelled
    peer = LinearDiscriminantAnalysis(solver="svd", n_components=2).fit_transform(X, y)
    images = (X - X.mean(0)) @ lda(X, y, 2).T
    # Its releases before 1.9 divide the scatter by n − C, later ones by n.
    ratio = np.linalg.norm(peer) / np.linalg.norm(images)
    scales = {1.0, np.sqrt((len(X) - len(set(y))) / len(X))}
    assert any(ratio == pytest.approx(scale, rel=1e-9) for scale in scales)
    assert up_to_sign(ratio * images.T) == pytest.approx(up_to_sign(peer.T), abs=1e-7)


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_lda_is_that_of_scikit_learns_eigen_solver(name):
    X, y = DATA[name](return_X_y=True)
    peer = LinearDiscriminantAnalysis(solver="eigen").fit(X, y)
    assert lda(X, y, 2) == pytest.approx(up_to_sign(peer.scalings_.T[:2]), rel=1e-8)


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_lda_solves_the_trace_problem_of_its_scatters(name):
    X, y = DATA[name](return_X_y=True)
    within, between = scatters(X, y)
    L = lda(X, y, 2)
    assert L @ within @ L.T == pytest.approx(np.eye(2), abs=1e-10)
    assert pytest.approx(trace_maximiser(between, 2, within), rel=1e-8) == L


def test_the_eigenvectors_of_the_scatter_between_alone_are_worse():
    X, y = load_wine(return_X_y=True)
    within, between = scatters(X, y)

    def ratio(L):
        return np.trace(np.linalg.solve(L @ within @ L.T, L @ between @ L.T))

    assert ratio(lda(X, y, 2)) > 2 * ratio(trace_maximiser(between, 2))


def test_two_classes_give_the_direction_of_fisher():
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0], y[y > 0]
    within, _ = scatters(X, y)
    w = np.linalg.solve(within, X[y == 2].mean(0) - X[y == 1].mean(0))
    (row,) = lda(X, y, 1)
    assert abs(row @ w) == pytest.approx(np.linalg.norm(row) * np.linalg.norm(w))


@quick
@given(seed=seeds)
def test_an_invertible_map_of_the_data_changes_no_distance_after_lda(seed):
    X, y = load_iris(return_X_y=True)
    (T,) = draw(seed, (4, 4))
    T = T + 3 * np.eye(4)
    plain, turned = X @ lda(X, y, 2).T, X @ T @ lda(X @ T, y, 2).T
    gaps = [image[:20] - image[-20:] for image in (plain, turned)]
    assert np.linalg.norm(gaps[0], axis=1) == pytest.approx(np.linalg.norm(gaps[1], axis=1))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_feature_is_left_out(constant):
    X, y = load_iris(return_X_y=True)
    more = np.insert(X, 2, constant, axis=1)
    assert lda(more, y, 2) == pytest.approx(np.insert(lda(X, y, 2), 2, 0, axis=1), abs=1e-9)


def test_a_feature_that_is_the_sum_of_two_others_changes_no_image():
    X, y = load_iris(return_X_y=True)
    more = np.column_stack([X, X[:, 0] + X[:, 1]])
    gaps = [np.diff(Z @ lda(Z, y, 2).T, axis=0) for Z in (X, more)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-7)


def test_more_features_than_points_do_no_harm():
    X, y = draw(0, (12, 40))[0], np.repeat([0, 1, 2], 4)
    L = lda(X, y, 2)
    within, _ = scatters(X, y)
    assert L @ within @ L.T == pytest.approx(np.eye(2), abs=1e-8)


@pytest.mark.parametrize(
    "labels", [["a", "b", "c"], [10, -3, 7], [0.5, 1.5, 2.5], [True, False, 2]]
)
def test_labels_are_names_only(labels):
    X, y = load_iris(return_X_y=True)
    assert lda(X, np.array(labels, dtype=object if True in labels else None)[y], 2) == (
        pytest.approx(lda(X, y, 2))
    )


@pytest.mark.parametrize(
    ("X", "y", "k", "said"),
    [
        (np.eye(3), [0, 1], 1, "y has shape .2,. and X has 3 rows"),
        (np.eye(3), [[0], [1], [1]], 1, "y has shape .3, 1."),
        (np.eye(3), [1, 1, 1], 1, "y holds 1 class: expected two or more"),
        (np.eye(3), [0, 1, 2], 1, "No class has two different points"),
        (np.eye(4), [0, 0, 1, 1], 2, "k is 2: expected 1 to 1, because 2 classes"),
        (np.eye(4), [0, 0, 1, 1], 0, "k is 0: expected 1 to 1"),
        (np.array([[np.inf], [0]]), [0, 1], 1, r"X\[0, 0\] is inf"),
    ],
)
def test_what_lda_refuses(X, y, k, said):
    with pytest.raises(ValueError, match=said):
        lda(X, y, k)
