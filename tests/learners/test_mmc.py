"""MMC: the budget, closed forms, optima that other solvers find, and odd data.

What it shares with ITML, and scikit-learn's own checks, stand in ``test_pairs.py``; its objectives
and steps in ``test_mmc_objective.py``.
"""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.datasets import load_iris, load_wine

from dmlcourse.geometry import trace_maximiser
from dmlcourse.learners import MMC
from dmlcourse.learners.mmc_solver import diagonal_proof, pose, proof, white

quick = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
SOLVERS = {
    "power": {"solver": "power"},
    "projections": {"solver": "projections"},
    "newton": {"diagonal": True},
}


def problem(seed, d=2, m=12):
    """Differences of similar and of dissimilar pairs, none of them round."""
    rng = np.random.default_rng(seed)
    shape = np.eye(d) + 0.4 * rng.normal(size=(d, d))
    return rng.normal(size=(m, d)), rng.normal(size=(m, d)) @ shape


def fit(S, D, **parameters):
    """Learned from these differences: of the points s and 0, and of 2d and d."""
    similar, dissimilar = np.stack([S, 0 * S], axis=1), np.stack([2 * D, D], axis=1)
    same = np.arange(len(S) + len(D)) < len(S)
    return MMC(**parameters).fit_pairs(np.concatenate([similar, dissimilar]), same)


def separation(M, D):
    return np.sqrt(((D @ M) * D).sum(1).clip(0)).sum()


def budget(M, S):
    return ((S @ M) * S).sum()


def on_budget(M, S, D):
    """Σ_D d once M is scaled to spend the budget."""
    return separation(M, D) / np.sqrt(budget(M, S))


# ---------------------------------------------------------------- the result


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(3))
def test_the_budget_is_spent_and_the_objective_is_what_it_buys(solver, seed):
    S, D = problem(seed)
    model = fit(S, D, **SOLVERS[solver])
    M = model.get_mahalanobis_matrix()
    assert budget(M, S) == pytest.approx(1, rel=1e-8)
    assert separation(M, D) == pytest.approx(model.objective_, rel=1e-8)
    assert model.gap_ >= 0
    if solver == "newton":
        assert pytest.approx(np.diag(np.diag(M))) == M


@quick
@given(seed=seeds)
def test_no_metric_of_a_fine_grid_passes_the_bound(seed):
    """In two dimensions every M on the budget is a scaled [[1 + a, b], [b, 1 − a]], a² + b² ≤ 1."""
    S, D = problem(seed)
    model = fit(S, D)
    radius, angle = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 2 * np.pi, 181))
    a, b = radius * np.cos(angle), radius * np.sin(angle)
    grid = np.stack([np.stack([1 + a, b], -1), np.stack([b, 1 - a], -1)], -1).reshape(-1, 2, 2)
    far = np.sqrt(np.einsum("ni,gij,nj->gn", D, grid, D).clip(0)).sum(1)
    near = np.einsum("ni,gij,nj->g", S, grid, S)
    best = (far / np.sqrt(near)).max()
    assert best <= model.objective_ * (1 + model.gap_) * (1 + 1e-9)
    assert best >= model.objective_ * (1 - 1e-3)  # the grid is fine


@pytest.mark.parametrize("seed", range(6))
def test_another_solver_over_the_map_ends_at_the_same_value(seed):
    """Five starts; the best of them is never above the bound, and reaches the objective."""
    S, D = problem(seed, d=3)
    model = fit(S, D, tol=1e-9)
    rng = np.random.default_rng(0)

    def loss(x):
        L = x.reshape(3, 3)
        return -on_budget(L.T @ L, S, D)

    best = max(-minimize(loss, rng.normal(size=9)).fun for _ in range(3))
    assert best <= model.objective_ * (1 + model.gap_) * (1 + 1e-9)
    assert best == pytest.approx(model.objective_, rel=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_another_solver_over_the_weights_ends_at_the_same_value(seed):
    S, D = problem(seed, d=4)
    model = fit(S, D, diagonal=True, tol=1e-9)

    def loss(w):
        return -on_budget(np.diag(w), S, D)

    best = -minimize(loss, np.ones(4), bounds=[(1e-12, 10)] * 4, options={"ftol": 1e-14}).fun
    assert best <= model.objective_ * (1 + model.gap_) * (1 + 1e-9)
    assert best == pytest.approx(model.objective_, rel=1e-4)


@pytest.mark.parametrize("lengths", [(3.0, 4.0), (1.0, 2.0, 2.0), (5.0, 5.0, 5.0, 5.0)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_orthogonal_dissimilar_pairs_have_a_closed_form(solver, lengths):
    """S = I: maximise Σ aⱼ√mⱼ with Σ mⱼ = 1, so mⱼ = aⱼ²/Σa² and the value is √Σa²."""
    a = np.array(lengths)
    tight = {"tol": 1e-12} if solver == "projections" else {"tol": 1e-10}
    model = fit(np.eye(len(a)), np.diag(a), **SOLVERS[solver], **tight)
    assert model.objective_ == pytest.approx(np.linalg.norm(a), rel=1e-6)
    expected = np.diag(a**2 / (a @ a))
    assert model.get_mahalanobis_matrix() == pytest.approx(expected, abs=2e-3)


def test_with_squares_on_both_sides_the_optimum_has_rank_1_and_with_a_root_here_rank_2():
    """Twenty pairs along one feature, five along the other: the root makes the five worth some."""
    S = np.eye(2)
    D = np.diag([3.0, 1.0])[[0] * 20 + [1] * 5]
    line = trace_maximiser(D.T @ D, 1, S.T @ S)
    squared = ((D @ line.T) ** 2).sum()
    both = fit(S, D, tol=1e-10)
    M = both.get_mahalanobis_matrix()
    assert squared > ((D @ M) * D).sum()  # with squares nothing beats the line
    assert separation(line.T @ line, D) < both.objective_  # with the root, the plane does
    assert np.linalg.matrix_rank(line) == 1
    assert np.linalg.eigvalsh(M)[0] == pytest.approx(25 / 3625, rel=1e-4)


def test_on_iris_nearly_all_of_it_is_one_direction():
    X, y = load_iris(return_X_y=True)
    sizes = np.linalg.svd(MMC(random_state=0).fit(X, y).components_)[1]
    assert sizes[1] < 1e-3 * sizes[0]


def test_one_dissimilar_pair_is_put_on_its_best_line():
    """M = A⁻¹vvᵀA⁻¹ scaled, of value √(vᵀA⁻¹v); diagonal: the feature of the best vⱼ²/aⱼ."""
    S, _ = problem(1, d=3)
    v = np.array([1.0, 2.0, 3.0])
    A = S.T @ S
    model = fit(S, v[None])
    assert model.objective_ == pytest.approx(np.sqrt(v @ np.linalg.solve(A, v)), rel=1e-6)
    along = np.linalg.solve(A, v)
    M = model.get_mahalanobis_matrix()
    assert pytest.approx(np.outer(along, along) / (along @ v), rel=1e-5) == M
    model = fit(S, v[None], diagonal=True)
    ratios = v**2 / np.diag(A)
    assert model.objective_ == pytest.approx(np.sqrt(ratios.max()), rel=1e-5)


# ---------------------------------------------------------------- the solvers


@quick
@given(seed=seeds, diagonal=st.booleans())
def test_the_objective_rises_from_look_to_look_and_the_gap_falls(seed, diagonal):
    S, D = problem(seed, d=4, m=8)
    steps = fit(S, D, tol=1e-10, diagonal=diagonal).history_
    objectives = np.array([step.objective for step in steps])
    bounds = np.array([step.objective * (1 + step.gap) for step in steps])
    assert (np.diff(objectives) >= -1e-9 * objectives[-1]).all()
    assert (np.diff(bounds) <= 1e-9 * objectives[-1]).all()


@pytest.mark.parametrize("seed", range(4))
def test_each_step_of_the_power_method_raises_the_objective(seed):
    S, D = problem(seed, d=4, m=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [fit(S, D, max_iter=n, tol=1e-15).objective_ for n in range(1, 12)]
    assert (np.diff(values) >= -1e-12 * values[-1]).all()
    assert values[0] < values[-1]


@pytest.mark.parametrize("seed", range(3))
def test_the_ascent_of_the_paper_ends_near_the_optimum(seed):
    S, D = problem(seed)
    power, paper = fit(S, D), fit(S, D, solver="projections", tol=1e-9)
    assert paper.objective_ <= power.objective_ * (1 + power.gap_)
    assert paper.objective_ >= power.objective_ * (1 - 1e-3)
    assert paper.objective_ * (1 + paper.gap_) >= power.objective_ * (1 - 1e-9)
    objectives = [step.objective for step in paper.history_]
    assert objectives == sorted(objectives)


def test_the_diagonal_optimum_is_not_above_the_full_one():
    for seed in range(5):
        S, D = problem(seed, d=3)
        full, diagonal = fit(S, D), fit(S, D, diagonal=True)
        assert diagonal.objective_ <= full.objective_ * (1 + full.gap_)


@pytest.mark.parametrize("eps", [1.0, 1e-1, 1e-3])
@pytest.mark.parametrize("diagonal", [False, True])
def test_a_dissimilar_pair_that_hardly_counts_is_never_pressed_to_distance_zero(eps, diagonal):
    """20 pairs (10, 0) and one (0, ε): m is in proportion to 200² and ε²."""
    D = np.concatenate([np.tile([[10.0, 0]], (20, 1)), [[0, eps]]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(np.eye(2), D, diagonal=diagonal)
    assert model.objective_ == pytest.approx(np.hypot(200, eps), rel=1e-6)
    assert ((D @ model.components_.T) ** 2).sum(1).min() > 0


def test_a_pair_in_the_null_space_of_the_map_proves_nothing():
    D = torch.eye(2).double()
    assert proof(D @ torch.diag(torch.tensor([1.0, 0.0])).double(), D) == (1.0, torch.inf)
    assert diagonal_proof(torch.tensor([1.0, 0.0]).double(), D) == (1.0, torch.inf)


@quick
@given(seed=seeds)
def test_no_metric_is_above_the_proof_of_any_other(seed):
    rng = np.random.default_rng(seed)
    D = torch.tensor(rng.normal(size=(9, 3)))
    L, N = (torch.tensor(rng.normal(size=(3, 3))) for _ in range(2))
    value, bound = proof(D @ (L / L.norm()).T, D)
    assert value <= bound
    assert float((D @ (N / N.norm()).T).norm(dim=1).sum()) <= bound
    w, u = (torch.tensor(rng.random(3)) for _ in range(2))
    value, bound = diagonal_proof(w, D.square())
    assert value <= bound
    assert float((D.square() @ (u / u.sum())).sqrt().sum()) <= bound


# ---------------------------------------------------------------- what does not matter


@pytest.mark.parametrize("solver", ["power", "newton"])
def test_the_units_of_the_features_do_not_matter(solver):
    S, D = problem(2, d=3)
    units = np.array([1e-6, 1.0, 1e5])
    plain = fit(S, D, **SOLVERS[solver], tol=1e-9)
    scaled = fit(S * units, D * units, **SOLVERS[solver], tol=1e-9)
    assert scaled.objective_ == pytest.approx(plain.objective_, rel=1e-8)
    expected = np.linalg.norm(D @ plain.components_.T, axis=1)
    found = np.linalg.norm((D * units) @ scaled.components_.T, axis=1)
    assert found == pytest.approx(expected, rel=1e-3)


def test_of_the_full_case_no_invertible_map_of_the_data_matters():
    S, D = problem(3, d=3)
    B = np.array([[1.0, 2, 0], [0, 1, -3], [4, 0, 1]])
    plain, mapped = fit(S, D, tol=1e-10), fit(S @ B.T, D @ B.T, tol=1e-10)
    assert mapped.objective_ == pytest.approx(plain.objective_, rel=1e-8)
    expected = np.linalg.norm(D @ plain.components_.T, axis=1)
    assert np.linalg.norm(D @ B.T @ mapped.components_.T, axis=1) == pytest.approx(
        expected, rel=1e-3
    )


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_nor_does_the_size_of_the_numbers(size):
    S, D = problem(4)
    model = fit(size * S, size * D)
    assert model.objective_ == pytest.approx(fit(S, D).objective_, rel=1e-9)


def test_similar_pairs_count_by_their_squares_and_dissimilar_ones_by_their_number():
    """S twice halves M; D twice doubles the objective."""
    S, D = problem(5)
    plain, more = fit(S, D), fit(np.concatenate([S, S]), D)
    half = plain.get_mahalanobis_matrix() / 2
    assert more.get_mahalanobis_matrix() == pytest.approx(half, rel=1e-4, abs=1e-6)
    assert more.objective_ == pytest.approx(plain.objective_ / np.sqrt(2), rel=1e-6)
    assert fit(S, np.concatenate([D, D])).objective_ == pytest.approx(
        2 * plain.objective_, rel=1e-6
    )


# ---------------------------------------------------------------- odd data


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_flat_directions_are_counted_warned_of_and_survived(solver):
    """Similar pairs differ in the first feature only; the others are flat."""
    S, D = problem(6, d=3)
    S[:, 1:] = 0
    told = r"Similar pairs agree in 2 directions in which dissimilar ones do not.*0.1% of what"
    with pytest.warns(UserWarning, match=told) as caught:
        model = fit(S, D, **SOLVERS[solver], max_iter=3 if solver == "projections" else 200)
    assert np.isfinite(model.components_).all()
    assert {w.filename for w in caught} == {__file__}
    assert budget(model.get_mahalanobis_matrix(), S) <= 1


def test_with_fewer_similar_pairs_than_dimensions_it_warns():
    S, D = problem(7, d=6, m=4)
    with pytest.warns(UserWarning, match="agree in 2 directions"):
        assert np.isfinite(fit(S, D).objective_)


def test_a_direction_in_which_nothing_differs_is_left_alone():
    """No warning: neither kind of pair says anything about it, and the map ignores it."""
    S, D = problem(8)
    wide = [np.column_stack([pairs, np.zeros(12), pairs[:, 0]]) for pairs in (S, D)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(*wide)
    assert model.components_.shape == (4, 4)
    assert not model.components_[:, 2].any()
    assert model.objective_ == pytest.approx(fit(S, D).objective_, rel=1e-6)


def test_pairs_at_distance_zero_change_nothing():
    S, D = problem(9)
    plain = fit(S, D)
    nothing = np.zeros((3, 2))
    model = fit(np.concatenate([S, nothing]), D)
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-6)
    with pytest.warns(UserWarning, match="given as similar and as dissimilar"):
        model = fit(np.concatenate([S, nothing]), np.concatenate([D, nothing]))
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-6)


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_direction_with_little_scatter_is_no_flat_one(diagonal):
    """Similar pairs a thousandth as wide there: no warning, and the optimum stretches it."""
    S, D = problem(10)
    S[:, 1] *= 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(S, D, diagonal=diagonal)
    M = model.get_mahalanobis_matrix()
    assert budget(M, S) == pytest.approx(1, rel=1e-6)
    assert M[1, 1] > 1e4 * M[0, 0]


def test_what_is_left_out_of_the_whitening_is_what_was_found_flat():
    """One wide direction among sixty must not make a narrow one look flat."""
    rng = np.random.default_rng(0)
    S, D = rng.normal(size=(2, 200, 60))
    S[:, 1:] = S[:, :1] + 3e-4 * S[:, 1:]
    problem_ = pose(torch.tensor(S), torch.tensor(D), False, np.finfo(float).eps)
    assert problem_.flat == 0
    assert white(problem_)[0].shape == (60, 60)


@pytest.mark.parametrize("eps", [1e-3, 1e-4, 1e-5, 1e-6, 1e-8])
def test_a_direction_in_which_all_pairs_are_short_is_not_lost(eps):
    """The problem is the same after any invertible map, so its optimum is."""
    rng = np.random.default_rng(0)
    S = np.c_[rng.normal(size=50), 0.1 * rng.normal(size=50)]
    D = np.c_[rng.normal(size=50), 5 + rng.normal(size=50)]
    oblique = np.array([[1, 1], [0, eps]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain, bent = fit(S, D), fit(S @ oblique, D @ oblique)
    assert bent.objective_ == pytest.approx(plain.objective_, rel=1e-5)


# ---------------------------------------------------------------- bad input


def test_both_kinds_of_pairs_are_needed():
    S, D = problem(11)
    with pytest.raises(ValueError, match="There are 12 similar and 0 dissimilar pairs: MMC needs"):
        fit(S, D[:0])
    with pytest.raises(ValueError, match="There are 0 similar and 12 dissimilar pairs"):
        fit(S[:0], D)
    with pytest.raises(ValueError, match="There are 0 similar and 3 dissimilar pairs"):
        MMC().fit(np.eye(3), [0, 1, 2])


def test_something_must_differ_in_dissimilar_pairs():
    S, D = problem(12)
    with pytest.raises(ValueError, match="All dissimilar pairs are at distance 0"):
        fit(S, 0 * D)


def test_wine_in_its_own_units():
    """Features from 0.1 to 1,000 wide; the optimum is proved."""
    X, y = load_wine(return_X_y=True)
    model = MMC(random_state=0).fit(X, y)
    assert model.gap_ <= 1e-6
    assert model.components_.shape == (13, 13)
    with pytest.raises(ValueError, match=r'solver is \'sgd\': expected "power" or "projections"'):
        MMC(solver="sgd").fit(X, y)
