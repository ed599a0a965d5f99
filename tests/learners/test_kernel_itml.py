"""KernelITML: with a linear kernel ITML, with a quadratic one ITML on products of features."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_circles
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from dmlcourse.learners import ITML, KernelITML

BOUNDS = {"bounds": (1.0, 6.0)}


def draw(seed=0, n=24, d=2):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, d)) + y[:, None], y


X, Y = draw()
NEW = np.random.default_rng(9).normal(size=(5, 2)) + 0.5
RBF = KernelITML(kernel_params={"gamma": 0.5}, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return clone(RBF).fit(X, Y)


def squares(A, B, M):
    gaps = A[:, None] - B[None]
    return np.einsum("nmi,ij,nmj->nm", gaps, M, gaps)


def from_kernel(learned, x, y):
    """Squared distances of a kernel matrix as a function."""
    own = [learned(a[None], a[None])[0, 0] for a in x]
    other = [learned(b[None], b[None])[0, 0] for b in y]
    return np.add.outer(own, other) - 2 * learned(x, y)


def quadratic(X):
    """φ(x) with φ(x)ᵀφ(y) = (xᵀy + 1)²: 1, √2 x₁, √2 x₂, x₁², √2 x₁x₂, x₂²."""
    a, b = X.T
    return np.c_[np.ones(len(X)), 2**0.5 * a, 2**0.5 * b, a**2, 2**0.5 * a * b, b**2]


# ---------------------------------------------------------------- beside linear ITML


@pytest.mark.parametrize("gamma", [0.1, 5.0])
def test_with_the_linear_kernel_it_is_itml(gamma):
    kernel = KernelITML(kernel="linear", gamma=gamma, tol=1e-9, random_state=0, **BOUNDS).fit(X, Y)
    linear = ITML(gamma=gamma, tol=1e-9, random_state=0, **BOUNDS).fit(X, Y)
    assert kernel.itml_.objective_ == pytest.approx(linear.objective_, rel=1e-6)
    M = linear.get_mahalanobis_matrix()
    for points in (X, NEW):
        expected = squares(points, X, M)
        found = kernel.squared_distances(points, X)
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-3 * expected.max())
    assert kernel.learned_kernel(NEW, X) == pytest.approx(NEW @ M @ X.T, rel=1e-2, abs=1e-2)


def test_the_usual_bounds_are_those_of_the_feature_space():
    kernel = KernelITML(kernel="linear", random_state=0).fit(X, Y)
    linear = ITML(random_state=0).fit(X, Y)
    assert kernel.itml_.bounds_ == pytest.approx(linear.bounds_, rel=1e-8)


def test_with_the_quadratic_kernel_it_is_itml_on_products_of_features():
    """M₀ is the identity of the feature space: κ is the scalar product of ``quadratic``."""
    assert quadratic(NEW) @ quadratic(X).T == pytest.approx(
        polynomial_kernel(NEW, X, degree=2, gamma=1, coef0=1)
    )
    parameters = {"tol": 1e-9, "random_state": 0}
    kernel = KernelITML(
        kernel="poly", kernel_params={"degree": 2, "gamma": 1, "coef0": 1}, **parameters
    ).fit(X, Y)
    linear = ITML(**parameters).fit(quadratic(X), Y)
    assert kernel.itml_.objective_ == pytest.approx(linear.objective_, rel=1e-6)
    expected = squares(quadratic(NEW), quadratic(X), linear.get_mahalanobis_matrix())
    found = kernel.squared_distances(NEW, X)
    assert found == pytest.approx(expected, rel=1e-2, abs=1e-3 * expected.max())


def test_given_pairs_are_learned_from_like_drawn_ones():
    """Points that come twice, in several pairs, are the same point."""
    model = clone(RBF).set_params(**BOUNDS).fit(X, Y)
    index, same = model.itml_.pairs_, model.itml_.same_
    again = clone(model).fit_pairs(X[index], same)
    assert len(again.X_fit_) == len(np.unique(index))
    assert again.itml_.objective_ == pytest.approx(model.itml_.objective_, rel=1e-6)
    assert again.squared_distances(X, X) == pytest.approx(
        model.squared_distances(X, X), rel=2e-2, abs=5e-3
    )


# ---------------------------------------------------------------- kernel and distances


def test_far_from_all_training_points_the_kernel_is_the_given_one(fitted):
    far = np.array([[1e3, 1e3], [-1e3, 1e3]])
    assert fitted.learned_kernel(far, X) == pytest.approx(np.zeros((2, 24)), abs=1e-12)
    assert fitted.learned_kernel(far) == pytest.approx(np.eye(2), abs=1e-12)


def test_the_learned_kernel_is_symmetric_and_positive_semi_definite(fitted):
    points = np.concatenate([X, NEW])
    K = fitted.learned_kernel(points)
    assert pytest.approx(K.T, abs=1e-9) == K
    assert np.linalg.eigvalsh(K)[0] > -1e-8
    assert fitted.learned_kernel(points, points) == pytest.approx(K, rel=1e-12)


def test_the_squared_distances_are_those_of_the_learned_kernel(fitted):
    points = np.concatenate([X[:4], NEW])
    found = fitted.squared_distances(points, X)
    expected = from_kernel(fitted.learned_kernel, points, X)
    assert found == pytest.approx(expected, abs=1e-9)
    assert (found >= 0).all()
    assert fitted.squared_distances(X, X).diagonal() == pytest.approx(0, abs=1e-8)


def test_they_are_the_equation_with_the_coordinates(fitted):
    """κ(x, x) + κ(y, y) − 2κ(x, y) + (z(x) − z(y))ᵀ(N − I)(z(x) − z(y))."""
    z = [rbf_kernel(points, fitted.X_fit_, gamma=0.5) @ fitted.basis_ for points in (NEW, X)]
    N = fitted.itml_.get_mahalanobis_matrix()
    expected = 2 - 2 * rbf_kernel(NEW, X, gamma=0.5) + squares(*z, N - np.eye(len(N)))
    assert fitted.squared_distances(NEW, X) == pytest.approx(expected, abs=1e-9)


def test_between_training_points_transform_has_the_learned_distances(fitted):
    Z = fitted.transform(X)
    assert Z.shape == (24, fitted.basis_.shape[1])
    expected = fitted.squared_distances(X, X)
    assert squares(Z, Z, np.eye(Z.shape[1])) == pytest.approx(expected, abs=1e-6)


def test_the_bounds_are_better_met_than_before(fitted):
    itml = fitted.itml_
    i, j = itml.pairs_.T

    def excess(d2):
        u, l = itml.bounds_
        return np.where(itml.same_, d2[i, j] - u, l - d2[i, j]).clip(0).sum()

    before = 2 - 2 * rbf_kernel(X, X, gamma=0.5)
    assert excess(fitted.squared_distances(X, X)) < 0.9 * excess(before)
    assert 0 <= itml.gap_ <= 1e-6


def test_circles_that_no_linear_metric_separates():
    points, labels = make_circles(80, factor=0.5, noise=0.08, random_state=0)
    kernel = KernelITML(kernel_params={"gamma": 2.0}, random_state=0).fit(points, labels)
    linear = ITML(random_state=0).fit(points, labels)
    same = labels[:, None] == labels
    np.fill_diagonal(same, False)

    def contrast(d2):
        return d2[labels[:, None] != labels].mean() / d2[same].mean()

    assert contrast(squares(points, points, linear.get_mahalanobis_matrix())) < 1.5
    assert contrast(kernel.squared_distances(points, points)) > 2
    vote = KNeighborsClassifier(3)
    assert cross_val_score(vote, kernel.transform(points), labels).mean() > 0.95


def test_a_function_may_be_the_kernel(fitted):
    def kernel(x, y):
        return np.exp(-0.5 * ((x - y) ** 2).sum())

    model = KernelITML(kernel=kernel, random_state=0).fit(X, Y)
    assert model.squared_distances(NEW, X) == pytest.approx(
        fitted.squared_distances(NEW, X), rel=1e-3, abs=1e-4
    )


def test_large_sets_are_measured_a_block_at_a_time(fitted):
    many = np.random.default_rng(0).normal(size=(600, 2))
    found = fitted.squared_distances(many, NEW)
    assert found.shape == (600, 5)
    assert found[[0, 300, 599]] == pytest.approx(
        fitted.squared_distances(many[[0, 300, 599]], NEW), abs=1e-10
    )


# ---------------------------------------------------------------- equal points


@pytest.mark.parametrize(
    ("kernel", "copies"),
    [("rbf", X[:3]), ("linear", X[:3]), ("cosine", 5 * X[:3])],
    ids=["rbf", "linear", "cosine"],
)
def test_points_of_equal_features_with_two_labels_are_left_out(kernel, copies):
    """Rounding must not make a tiny distance of it, which would be stretched beyond measure."""
    points, labels = np.concatenate([X, copies]), np.append(Y, 1 - Y[:3])
    with pytest.warns(UserWarning, match="3 dissimilar pairs are at distance 0"):
        model = KernelITML(kernel=kernel, n_pairs=10**6, random_state=0).fit(points, labels)
    assert np.abs(model.itml_.components_).max() < 100
    assert model.squared_distances(points[:3], points)[np.arange(3), [24, 25, 26]] == pytest.approx(
        0, abs=1e-6
    )


@pytest.mark.parametrize("kernel", ["rbf", "cosine"])
def test_given_dissimilar_pairs_of_equal_features_are_refused(kernel):
    pairs = np.stack([X[:12], X[12:]], axis=1)
    pairs[3, 1] = pairs[3, 0] * (3 if kernel == "cosine" else 1)
    same = np.arange(12) % 2 == 0
    with pytest.raises(ValueError, match="Pair 3 is dissimilar"):
        KernelITML(kernel=kernel, **BOUNDS).fit_pairs(pairs, same)


# ---------------------------------------------------------------- as an estimator


@parametrize_with_checks([KernelITML()])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


def test_parameters_reach_the_solver():
    model = KernelITML(
        gamma=3.0, percentiles=(20, 70), n_pairs=7, solver="cyclic", tol=1e-2, max_iter=500
    ).fit(X, Y)
    itml = model.itml_
    assert (itml.gamma, itml.percentiles, itml.n_pairs) == (3.0, (20, 70), 7)
    assert (itml.solver, itml.tol, itml.max_iter) == ("cyclic", 1e-2, 500)
    assert itml.same_.sum() == 7
    assert model.n_iter_ == itml.n_iter_
    assert model.classes_.tolist() == [0, 1]
    assert model.n_features_in_ == 2
    r = model.basis_.shape[1]
    assert model.get_feature_names_out().tolist() == [f"kernelitml{i}" for i in range(r)]


def test_pickled_it_measures_the_same(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    expected = fitted.squared_distances(NEW, X)  # up to the order in memory, and so of sums
    assert again.squared_distances(NEW, X) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_seed_is_one_result(fitted):
    again = clone(RBF).fit(X, Y)
    assert np.array_equal(again.transform(NEW), fitted.transform(NEW))


# ---------------------------------------------------------------- bad input


def test_kernels_that_are_none():
    with pytest.raises(
        ValueError, match="kernel is 'gauss': expected a function of two points, or"
    ):
        KernelITML(kernel="gauss").fit(X, Y)
    told = "kernel matrix has an eigenvalue of -.*expected a positive semi-definite kernel"
    with pytest.raises(ValueError, match=told):
        KernelITML(kernel=lambda x, y: -float(x @ y)).fit(X, Y)
    with pytest.raises(ValueError, match=told):
        KernelITML(kernel="sigmoid", kernel_params={"gamma": 2.0, "coef0": -1}).fit(X, Y)


def test_parameters_of_itml_are_judged():
    with pytest.raises(ValueError, match="gamma is 0: expected a finite number above 0"):
        KernelITML(gamma=0).fit(X, Y)
    with pytest.raises(ValueError, match="bounds is"):
        KernelITML(bounds=(2, 1)).fit(X, Y)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 2), (4, 2, 2, 1), (0, 2, 2), (4, 2, 0)])
def test_pairs_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"expected \(n, 2, d\)"):
        KernelITML().fit_pairs(np.zeros(shape), np.ones(shape[0], bool))


def test_pairs_and_answers_that_cannot_be_used(fitted):
    pairs = np.stack([X[:12], X[12:]], axis=1)
    with pytest.raises(ValueError, match=r"same has shape \(3,\): expected \(12,\)"):
        KernelITML().fit_pairs(pairs, [True] * 3)
    pairs[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        KernelITML().fit_pairs(pairs, [True] * 12)
    with pytest.raises(ValueError, match="X has 3 features"):
        fitted.squared_distances(np.ones((2, 3)), X)
    with pytest.raises(NotFittedError):
        KernelITML().transform(X)
