"""ITML: optima that other solvers find, what does not change the metric, priors, bounds, bad input.

What it shares with MMC, and scikit-learn's own checks, stand in ``test_pairs.py``; the values and
the projections in ``test_itml_objective.py``.
"""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial.distance import pdist
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import scale

from dmlcourse.learners import ITML, itml_bounds, itml_dual, itml_primal, itml_sweep
from dmlcourse.learners.itml_solver import Problem

quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
BOUNDS = (2.0, 5.0)


def problem(seed=0, m=12, d=3):
    """Pairs of points (m, 2, d), and which are similar."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, 2, d)), np.arange(m) % 2 == 0


def constraints(pairs, same, bounds=BOUNDS):
    """V, δ and ξ⁰ of the functions."""
    V = pairs[:, 0] - pairs[:, 1]
    return V, np.where(same, 1, -1), np.where(same, *bounds)


def fit(pairs, same, **parameters):
    return ITML(**{"bounds": BOUNDS, **parameters}).fit_pairs(pairs, same)


def metric(rng, d=3):
    A = rng.normal(size=(d, d))
    return A @ A.T + 0.3 * np.eye(d)


def matrix(model):
    return model.get_mahalanobis_matrix()


# ---------------------------------------------------------------- the optimum


@pytest.mark.parametrize("gamma", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(3))
def test_another_solver_ends_at_the_same_metric_and_never_below_the_bound(seed, gamma):
    """L-BFGS of scipy on a Cholesky factor, the gradient by finite differences."""
    pairs, same = problem(seed)
    prior = metric(np.random.default_rng(seed))
    model = fit(pairs, same, gamma=gamma, prior=prior, tol=1e-9)
    places = np.tril_indices(3)

    def metric_of(x):
        factor = np.zeros((3, 3))
        factor[places] = x
        return factor @ factor.T

    def value(x):
        return min(1e9, itml_primal(metric_of(x), *constraints(pairs, same), gamma, prior))

    found = minimize(value, np.linalg.cholesky(prior)[places], method="L-BFGS-B")
    assert found.fun >= (1 - model.gap_) * model.objective_ - 1e-9
    assert found.fun == pytest.approx(model.objective_, rel=1e-4)
    assert metric_of(found.x) == pytest.approx(matrix(model), rel=0.02, abs=0.02)


@pytest.mark.parametrize("solver", ["lbfgs", "cyclic"])
def test_the_objective_is_the_primal_value_of_the_metric(solver):
    pairs, same = problem(1)
    prior = metric(np.random.default_rng(1))
    model = fit(pairs, same, prior=prior, solver=solver, tol=1e-4)
    again = itml_primal(matrix(model), *constraints(pairs, same), 1.0, prior)
    assert model.objective_ == pytest.approx(again, rel=1e-8)
    assert 0 <= model.gap_ <= 1e-4


@quick
@given(seed=seeds, gamma=st.sampled_from([0.1, 1.0, 10.0]))
def test_no_metric_is_below_the_bound(seed, gamma):
    """Random metrics, and the neighbours of the optimum."""
    pairs, same = problem(seed)
    model, rng = fit(pairs, same, gamma=gamma), np.random.default_rng(seed)
    bound = (1 - model.gap_) * model.objective_
    tried = [metric(rng) for _ in range(5)]
    for size in (1e-4, 1e-2):
        noise = rng.normal(size=(3, 3))
        tried.append(matrix(model) + size * (noise @ noise.T) * rng.choice([-1, 1]))
    for M in tried:
        assert itml_primal(M, *constraints(pairs, same), gamma) >= bound - 1e-12


@quick
@given(seed=seeds, gamma=st.sampled_from([0.1, 1.0, 10.0]))
def test_the_weights_of_the_violated_pairs_are_the_dual(seed, gamma):
    """λ = γδ(1/ξ⁰ − 1/p): B(λ)⁻¹ is the metric, and its dual value the objective."""
    pairs, same = problem(seed)
    model = fit(pairs, same, gamma=gamma, tol=1e-10)
    V, delta, xi0 = constraints(pairs, same)
    p = ((V @ matrix(model)) * V).sum(1)
    lam = (gamma * delta * (1 / xi0 - 1 / p)).clip(0)
    inverse = np.eye(3) + (V.T * (delta * lam)) @ V
    assert np.linalg.inv(matrix(model)) == pytest.approx(inverse, rel=1e-2, abs=1e-3)
    dual = itml_dual(0.9999 * lam, V, delta, xi0, gamma)
    assert dual == pytest.approx(model.objective_, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_sweeps_of_the_paper_end_at_the_same_metric(seed):
    pairs, same = problem(seed)
    fast, paper = (fit(pairs, same, solver=s, tol=1e-7) for s in ("lbfgs", "cyclic"))
    assert paper.objective_ == pytest.approx(fast.objective_, rel=1e-6)
    assert matrix(paper) == pytest.approx(matrix(fast), rel=1e-2, abs=1e-3)


def test_the_cyclic_solver_is_the_sweep_repeated():
    pairs, same = problem(2)
    V, delta, xi0 = constraints(pairs, same)
    M, xi, lam = np.eye(3), xi0, np.zeros(12)
    for _ in range(7):
        M, xi, lam = itml_sweep(M, V, delta, xi, lam, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit(pairs, same, solver="cyclic", max_iter=7, tol=1e-15)
    assert model.n_iter_ == 7
    assert matrix(model) == pytest.approx(M, rel=1e-9, abs=1e-11)


@quick
@given(seed=seeds, gamma=st.sampled_from([0.1, 1.0, 7.0]))
def test_the_gradient_is_autograds_and_that_of_finite_differences(seed, gamma):
    pairs, same = problem(seed)
    V, delta, xi0 = (torch.tensor(a, dtype=torch.float64) for a in constraints(pairs, same))
    task = Problem(V, delta, xi0, gamma)
    L = torch.tensor(np.random.default_rng(seed).normal(size=(3, 3)), requires_grad=True)
    p = (V @ L.T).square().sum(1)
    r = torch.where(delta * (p - xi0) > 0, p / xi0, 1.0)
    value = L.square().sum() - torch.logdet(L.T @ L) - 3 + gamma * (r - r.log() - 1).sum()
    value.backward()
    found = task.value_and_gradient(L.detach())
    assert found[0] == pytest.approx(float(value.detach()), rel=1e-9)
    size = float(L.grad.abs().max())
    assert found[1].numpy() == pytest.approx(L.grad.numpy(), rel=1e-7, abs=1e-9 * size)
    way = torch.tensor(np.random.default_rng([seed, 1]).normal(size=(3, 3)))
    ends = [task.value(L.detach() + sign * 1e-6 * way)[0] for sign in (1, -1)]
    slope = float((found[1] * way).sum())
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-3, abs=1e-6 * size)


def test_at_a_singular_map_the_value_is_infinite():
    pairs, same = problem(3)
    V, delta, xi0 = (torch.tensor(a, dtype=torch.float64) for a in constraints(pairs, same))
    value, gradient = Problem(V, delta, xi0, 1.0).value_and_gradient(torch.zeros(3, 3).double())
    assert value == torch.inf
    assert not gradient.any()


def test_a_dual_that_leaves_its_domain_still_proves_by_a_share():
    pairs, same = problem(4)
    V, delta, xi0 = (torch.tensor(a, dtype=torch.float64) for a in constraints(pairs, same))
    task = Problem(V, delta, xi0, 1.0)
    best = fit(pairs, same)
    lam = torch.zeros(12).double()
    lam[0] = 0.6  # 1 − λξ⁰ < 0, but not for a half of it
    half = itml_dual(0.5 * lam.numpy(), *constraints(pairs, same), 1.0)
    assert itml_dual(lam.numpy(), *constraints(pairs, same), 1.0) == -np.inf
    assert max(0, half) <= task.bound(lam) <= best.objective_
    assert task.bound(torch.full((12,), 1e6).double()) == 0


# ---------------------------------------------------------------- one pair, by hand


@pytest.mark.parametrize("gamma", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("similar", [True, False])
def test_one_violated_pair_is_one_projection(similar, gamma):
    """Distance p = 4, bound ξ⁰ = 1 or 9: vᵀMv = pξ⁰(γ + 1)/(ξ⁰ + γp), the rest of M stays I."""
    pairs = np.array([[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]])
    model = fit(pairs, [similar], bounds=(1.0, 9.0), gamma=gamma, tol=1e-12)
    bound = 1.0 if similar else 9.0
    reached = 4 * bound * (gamma + 1) / (bound + gamma * 4)
    assert matrix(model) == pytest.approx(np.diag([1, reached / 4, 1]), rel=1e-5, abs=1e-9)


def test_where_all_bounds_are_met_the_prior_stays():
    pairs, same = problem(5)
    prior = metric(np.random.default_rng(5))
    squares = ((pairs[:, 0] - pairs[:, 1]) @ prior * (pairs[:, 0] - pairs[:, 1])).sum(1)
    same = squares < np.median(squares)
    bounds = (squares[same].max(), squares[~same].min())
    for solver in ("lbfgs", "cyclic"):
        model = fit(pairs, same, prior=prior, bounds=bounds, solver=solver)
        assert (model.objective_, model.gap_, model.n_iter_) == (pytest.approx(0, abs=1e-12), 0, 0)
        assert matrix(model) == pytest.approx(prior, rel=1e-9)


@pytest.mark.parametrize("similar", [True, False])
def test_one_kind_of_pairs_is_enough(similar):
    pairs, _ = problem(6)
    model = fit(pairs, np.full(12, similar))
    before = ((pairs[:, 0] - pairs[:, 1]) ** 2).sum()
    after = (model.pair_distance(pairs) ** 2).sum()
    assert (after < before) == similar
    assert model.gap_ <= 1e-6


# ---------------------------------------------------------------- γ


@pytest.mark.parametrize("gamma", [1e-3, 1e-6, 1e-9, 1e-13])
def test_a_small_gamma_leaves_the_prior(gamma):
    """And though the objective is little more than rounding, it ends without a warning."""
    pairs, same = problem(7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(pairs, same, gamma=gamma)
    assert matrix(model) == pytest.approx(np.eye(3), abs=30 * gamma + 1e-7)
    assert model.gap_ >= 0


def test_a_large_gamma_meets_bounds_that_can_be_met():
    pairs, same = problem(8)
    goal = metric(np.random.default_rng(8))
    V = pairs[:, 0] - pairs[:, 1]
    squares = ((V @ goal) * V).sum(1)
    same = squares < np.median(squares)
    bounds = (squares[same].max(), squares[~same].min())
    left = []
    for gamma in (1.0, 100.0, 1e4):
        model = fit(pairs, same, bounds=bounds, gamma=gamma)
        _, delta, xi0 = constraints(pairs, same, bounds)
        excess = delta * (model.pair_distance(pairs) ** 2 / xi0 - 1)
        left.append(excess.max())
    assert left[0] > left[1] > left[2]
    assert left[2] < 1e-3


def test_the_price_of_what_is_violated_falls_and_the_distance_to_the_prior_grows_with_gamma():
    pairs, same = problem(9)
    models = [fit(pairs, same, gamma=g) for g in (0.01, 0.1, 1.0, 10.0, 100.0)]
    nothing = constraints(pairs, same)[0][:0], np.zeros(0), np.zeros(0)
    moved = [itml_primal(matrix(m), *nothing, 1.0) for m in models]
    assert moved == sorted(moved)
    prices = [(m.objective_ - far) / m.gamma for m, far in zip(models, moved, strict=True)]
    assert prices == sorted(prices, reverse=True)


# ---------------------------------------------------------------- what does not matter


def alike(one, two):
    assert one == pytest.approx(two, rel=2e-3, abs=2e-3 * np.abs(two).max())


def test_turned_data_have_the_turned_metric():
    pairs, same = problem(10)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    plain, turned = fit(pairs, same, tol=1e-9), fit(pairs @ Q.T, same, tol=1e-9)
    alike(matrix(turned), Q @ matrix(plain) @ Q.T)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_the_unit_of_the_data_goes_into_the_bounds_or_into_the_prior(size):
    pairs, same = problem(11)
    plain = fit(pairs, same, tol=1e-9)
    bounds = (BOUNDS[0] * size**2, BOUNDS[1] * size**2)
    alike(matrix(fit(size * pairs, same, bounds=bounds, tol=1e-9)), matrix(plain))
    prior = fit(size * pairs, same, prior=np.eye(3) / size**2, tol=1e-9)
    alike(size**2 * matrix(prior), matrix(plain))


def test_a_prior_is_the_identity_of_the_coordinates_that_it_makes():
    pairs, same = problem(12)
    prior = metric(np.random.default_rng(12))
    root = np.linalg.cholesky(prior).T
    plain = ITML(tol=1e-9).fit_pairs(pairs @ root.T, same)
    model = ITML(tol=1e-9, prior=prior).fit_pairs(pairs, same)
    assert model.bounds_ == pytest.approx(plain.bounds_, rel=1e-9)
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-6)
    alike(matrix(model), root.T @ matrix(plain) @ root)


def test_the_covariance_as_prior_is_whitening_first():
    X, y = load_iris(return_X_y=True)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    white = vectors / np.sqrt(values)
    plain = ITML(random_state=0, tol=1e-9).fit(X @ white, y)
    model = ITML(prior="covariance", random_state=0, tol=1e-9).fit(X, y)
    assert model.bounds_ == pytest.approx(plain.bounds_, rel=1e-9)
    alike(matrix(model), white @ matrix(plain) @ white.T)


def test_with_the_covariance_as_prior_no_invertible_map_of_the_data_matters():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    B = rng.normal(size=(4, 4)) + 2 * np.eye(4)
    plain = ITML(prior="covariance", random_state=0, tol=1e-9).fit(X, y)
    mapped = ITML(prior="covariance", random_state=0, tol=1e-9).fit(X @ B.T + 7, y)
    assert mapped.objective_ == pytest.approx(plain.objective_, rel=1e-7)
    alike(pdist(mapped.transform(X @ B.T + 7)), pdist(plain.transform(X)))


def test_of_given_pairs_the_covariance_is_that_of_their_points():
    pairs, same = problem(13)
    prior = np.linalg.inv(np.cov(pairs.reshape(-1, 3).T))
    named, given_matrix = (ITML(prior=p).fit_pairs(pairs, same) for p in ("covariance", prior))
    assert named.objective_ == pytest.approx(given_matrix.objective_, rel=1e-8)


@pytest.mark.parametrize("solver", ["lbfgs", "cyclic"])
def test_fewer_pairs_than_dimensions_are_solved_in_their_span(solver):
    """Beside it M is the prior: as if eight far pairs whose bounds are met filled the space."""
    pairs, same = problem(14, m=4, d=8)
    prior = metric(np.random.default_rng(14), 8)
    few = fit(pairs, same, prior=prior, solver=solver, tol=1e-7)
    content = np.stack([1e3 * np.eye(8), np.zeros((8, 8))], axis=1)
    wide = np.concatenate([pairs, content]), np.append(same, np.zeros(8, bool))
    full = fit(*wide, prior=prior, solver=solver, tol=1e-7)
    assert few.components_.shape == (8, 8)
    assert few.objective_ == pytest.approx(full.objective_, rel=1e-6)
    alike(matrix(few), matrix(full))
    change = np.linalg.inv(matrix(few)) - np.linalg.inv(prior)
    assert np.linalg.matrix_rank(change, tol=1e-6 * np.abs(change).max()) <= 4
    again = itml_primal(matrix(few), *constraints(pairs, same), 1.0, prior)
    assert few.objective_ == pytest.approx(again, rel=1e-7)


def test_pairs_that_are_all_at_distance_zero_leave_the_prior():
    for m in (1, 5):
        model = fit(np.ones((m, 2, 3)), np.ones(m, bool))
        assert matrix(model) == pytest.approx(np.eye(3), abs=1e-12)
        assert (model.objective_, model.gap_) == (0, 0)


# ---------------------------------------------------------------- bounds


def test_the_bounds_are_percentiles_of_squared_distances():
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    model = ITML(random_state=0).fit(X, y)
    assert model.bounds_ == pytest.approx(tuple(np.percentile(pdist(X) ** 2, [5, 95])), rel=1e-10)
    model = ITML(percentiles=(10, 60), random_state=0).fit(X, y)
    assert model.bounds_ == pytest.approx(itml_bounds(X, 10, 60), rel=1e-12)
    assert ITML(bounds=(1, 2), random_state=0).fit(X, y).bounds_ == (1.0, 2.0)


def test_of_given_pairs_they_are_those_of_all_the_points():
    pairs, same = problem(15)
    model = ITML().fit_pairs(pairs, same)
    assert model.bounds_ == pytest.approx(itml_bounds(pairs.reshape(-1, 3)), rel=1e-12)


# ---------------------------------------------------------------- pairs at distance zero


def test_given_dissimilar_pairs_at_distance_zero_are_refused_with_their_place():
    pairs, same = problem(16)
    pairs[[5, 9], 1] = pairs[[5, 9], 0]
    with pytest.raises(ValueError, match=r"Pair 5 is dissimilar .* at distance 0 \(2 such pairs\)"):
        fit(pairs, same)
    pairs, same = problem(16)
    pairs[4, 1] = pairs[4, 0]  # similar: nothing to do
    rest = np.delete(np.arange(12), 4)
    expected = fit(pairs[rest], same[rest], tol=1e-9)
    alike(matrix(fit(pairs, same, tol=1e-9)), matrix(expected))


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["array", "tensor"])
def test_drawn_ones_are_left_out_with_a_warning(kind):
    X, y = load_iris(return_X_y=True)
    X, y = np.concatenate([X[::5], X[:10:5]]), np.append(y[::5], [1, 2])
    told = "2 dissimilar pairs are at distance 0, as equal points have different labels"
    with pytest.warns(UserWarning, match=told) as caught:
        model = ITML(n_pairs=10**6, bounds=BOUNDS).fit(kind(X), kind(y))
    assert [str(w.filename) for w in caught] == [__file__]
    index, same = np.asarray(model.pairs_), np.asarray(model.same_)
    apart = (X[index[:, 0]] != X[index[:, 1]]).any(1)
    assert (same | apart).all()
    assert (~same).sum() == (y[:, None] != y).sum() / 2 - 2
    assert np.isfinite(np.asarray(model.components_)).all()


@pytest.mark.filterwarnings("ignore:1 dissimilar pairs are at distance 0")
def test_where_none_are_left_it_says_so():
    with pytest.raises(ValueError, match="No pairs are left: all are dissimilar and at distance 0"):
        ITML(bounds=BOUNDS).fit([[1.0, 2.0], [1.0, 2.0]], [0, 1])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"gamma": 0}, "gamma is 0: expected a finite number above 0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"gamma": float("inf")}, "gamma is inf.*take a large one"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"gamma": "1"}, "gamma is '1'"),
        ({"gamma": None}, "gamma is None"),
        ({"percentiles": (95, 5)}, r"percentiles is \(95, 5\): .*the smaller one first"),
        ({"percentiles": (-1, 5)}, "two numbers from 0 to 100"),
        ({"percentiles": (5, 101)}, "two numbers from 0 to 100"),
        ({"percentiles": (5, float("nan"))}, "two numbers from 0 to 100"),
        ({"percentiles": 5}, "percentiles is 5: expected two numbers"),
        ({"percentiles": (5, 50, 95)}, "expected two numbers"),
        ({"percentiles": ("low", "high")}, "expected two numbers"),
        ({"bounds": (5, 2)}, r"bounds is \(5, 2\): similar pairs would be allowed farther"),
        ({"bounds": (0, 2)}, r"bounds is \(0, 2\): expected \(u, ℓ\), two finite squared"),
        ({"bounds": (-1, 2)}, "two finite squared distances above 0"),
        ({"bounds": (1, float("inf"))}, "two finite squared distances above 0"),
        ({"bounds": (float("nan"), 2)}, "two finite squared distances above 0"),
        ({"bounds": 3.0}, "bounds is 3.0: expected two numbers"),
        ({"bounds": "12"}, "bounds is '12': expected two numbers"),
        ({"prior": "random"}, r'prior is \'random\': expected "identity", "covariance" or a matr'),
        ({"prior": None}, "prior is None"),
        ({"prior": np.eye(2)}, r"prior has shape \(2, 2\): expected \(3, 3\)"),
        ({"prior": np.ones((3, 2))}, r"prior has shape \(3, 2\): expected a square matrix"),
        ({"prior": np.ones(3)}, r"prior has shape \(3,\): expected two dimensions"),
        ({"prior": np.triu(np.ones((3, 3)))}, "prior is not symmetric"),
        ({"prior": np.diag([1.0, 1.0, 0.0])}, "prior is not positive definite"),
        ({"prior": -np.eye(3)}, "prior is not positive definite"),
        ({"prior": np.diag([1.0, np.nan, 1.0])}, r"prior\[1, 1\] is nan"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(parameters, said):
    pairs, same = problem(17)
    with pytest.raises(ValueError, match=said):
        fit(pairs, same, **parameters)


@pytest.mark.parametrize("flat", [1, 2])
def test_a_covariance_without_an_inverse(flat):
    pairs, same = problem(18)
    pairs[:, :, 3 - flat :] = pairs[:, :, :1]
    with pytest.raises(
        ValueError, match=rf"do not vary in {flat} of 3 directions.*reduce the feat"
    ):
        fit(pairs, same, prior="covariance")
    few = np.random.default_rng(0).normal(size=(1, 2, 3))
    with pytest.raises(ValueError, match="do not vary in 2 of 3 directions"):
        fit(few, [True], prior="covariance")


def test_a_lower_percentile_of_zero():
    with pytest.raises(
        ValueError, match=r"percentiles \(5, 95\) of the squared distances are 0 and"
    ):
        ITML().fit(np.repeat(np.eye(3), 3, axis=0), np.arange(9) // 3)


@pytest.mark.parametrize("bounds", [None, BOUNDS])
def test_data_too_large_to_square(bounds):
    pairs, same = problem(19)
    with pytest.raises(ValueError, match="squared distances overflow float64: divide the data"):
        ITML(bounds=bounds).fit_pairs(1e200 * pairs, same)


def test_a_prior_may_be_a_tensor_a_list_or_of_another_kind_than_the_data():
    pairs, same = problem(20)
    prior = metric(np.random.default_rng(20))
    expected = fit(pairs, same, prior=prior).components_
    for given_prior in (torch.tensor(prior), prior.tolist()):
        for points in (pairs, torch.tensor(pairs)):
            found = fit(points, same, prior=given_prior).components_
            assert np.asarray(found) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------- hard, and solved all the same


def pairs_of(V):
    V = np.array(V, dtype=float)
    return np.stack([V, np.zeros_like(V)], axis=1)


def test_a_first_step_to_the_border_of_the_cone_is_no_dead_end():
    """One long similar pair: a step of length 1 against it makes L singular."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        d, m = rng.integers(2, 5), rng.integers(2, 17)
        V, same = rng.normal(size=(m, d)), rng.random(m) < 0.5
        u = 10 ** rng.uniform(-1.3, 0.7)
        bounds, gamma = (u, u * 10 ** rng.uniform(0, 1.5)), 10.0 ** rng.integers(-1, 4)
        model = ITML(bounds=bounds, gamma=gamma).fit_pairs(pairs_of(V), same)
        assert model.gap_ <= 1e-6


def test_a_very_short_dissimilar_pair_beside_a_long_one_is_not_lost():
    V, same = [[1, 0, 0], [0, 1e-17, 0]], np.array([True, False])
    few = ITML(bounds=(1, 2)).fit_pairs(pairs_of(V), same)
    more = ITML(bounds=(1, 2)).fit_pairs(
        pairs_of([*V, [0, 0, 0], [0, 0, 0]]), np.array([True, False, True, True])
    )
    assert np.isfinite(few.objective_)
    assert few.objective_ == pytest.approx(more.objective_, rel=1e-9)
    assert few.gap_ <= 1e-6


def test_the_covariance_as_prior_takes_the_units_as_they_are():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    units = np.array([1.0, 1e6, 1e-6])
    plain, scaled = (ITML(prior="covariance", random_state=0).fit(Z, y) for Z in (X, X * units))
    assert scaled.objective_ == pytest.approx(plain.objective_, rel=1e-6)
