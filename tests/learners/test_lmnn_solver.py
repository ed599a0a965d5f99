"""How LMNN is solved: the certificate is honest, the gap closes, changes of view change nothing."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import scale

from dmlcourse.learners import LMNN, lmnn_loss, lmnn_solver, target_neighbours
from dmlcourse.learners.certificate import Bounds
from dmlcourse.learners.coordinates import Coordinates
from dmlcourse.learners.history import Log
from dmlcourse.learners.impostors import Margins
from dmlcourse.learners.lmnn_solver import (
    WIDTHS,
    Look,
    Step,
    _starts,
    descend,
    first_map,
    leading_rows,
    objective,
    polish,
)

quick = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32 - 1)
ROUNDING = 1e-9


def draw(seed, n=24, d=2, classes=2):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(size=(n, d)) + 0.7 * y[:, None], y


def margins_of(X, y, k=2, mu=0.5):
    """What ``solve`` makes of the data: margins in the new coordinates, and those."""
    x, labels = torch.from_numpy(X), torch.from_numpy(y)
    targets = target_neighbours(x, labels, k)
    anchor, slot = (targets >= 0).nonzero(as_tuple=True)
    coordinates = Coordinates(x, anchor, targets[anchor, slot])
    return Margins(coordinates.X, labels, targets, mu), coordinates


@pytest.fixture(scope="module", params=["iris", "wine"])
def solved(request):
    X, y = {"iris": load_iris, "wine": load_wine}[request.param](return_X_y=True)
    X = scale(X)
    return X, y, LMNN().fit(X, y), LMNN(solver="convex").fit(X, y)


# ---------------------------------------------------------------- the certificate


def triplets(X, y, targets):
    """The differences of all target pairs (p, d), and of all triplets: to target, to impostor."""
    i, place = np.nonzero(targets >= 0)
    j = targets[i, place]
    apart = [np.flatnonzero(y != y[a]) for a in i]
    a, p = (np.repeat(end, [len(them) for them in apart]) for end in (i, j))
    return X[i] - X[j], X[a] - X[p], X[a] - X[np.concatenate(apart)]


def lowest(X, y, model):
    """The lowest ε that SciPy's descents on L reach from three starts: nothing of the solver's."""
    d, mu = X.shape[1], model.mu
    pull, near, far = triplets(X, y, model.targets_)

    def value_and_gradient(flat):
        L = flat.reshape(d, d)
        hinges = 1 + ((near @ L.T) ** 2).sum(1) - ((far @ L.T) ** 2).sum(1)
        on = hinges > 0
        G = (1 - mu) * pull.T @ pull + mu * (near[on].T @ near[on] - far[on].T @ far[on])
        value = (1 - mu) * ((pull @ L.T) ** 2).sum() + mu * hinges[on].sum()
        return value, 2 * (L @ G).ravel()

    starts = [model.components_, np.eye(d), 0.3 * np.eye(d)]
    found = [
        minimize(value_and_gradient, L.ravel(), jac=True, method="L-BFGS-B").fun for L in starts
    ]
    assert value_and_gradient(starts[0].ravel())[0] == pytest.approx(model.objective_, rel=1e-9)
    return min(found)


@quick
@given(
    seed=seeds,
    d=st.integers(1, 3),
    mu=st.sampled_from([0.1, 0.5, 0.9]),
    solver=st.sampled_from(["lbfgs", "convex"]),
    max_iter=st.sampled_from([1, 10, 1000]),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_independent_search_gets_below_the_bound(seed, d, mu, solver, max_iter):
    """Stopped early or not, whatever the solver: (1 − gap)·ε is below what SciPy finds."""
    X, y = draw(seed, d=d)
    model = LMNN(2, mu=mu, solver=solver, max_iter=max_iter).fit(X, y)
    bound = (1 - model.gap_) * model.objective_
    assert 0 <= bound <= model.objective_
    assert lowest(X, y, model) >= bound * (1 - ROUNDING)


def on_a_grid(X, y, targets, mu):
    """The least ε over a grid of 2 × 2 PSD matrices, each triplet listed."""
    pull, near, far = (
        np.stack([D[:, 0] ** 2, 2 * D[:, 0] * D[:, 1], D[:, 1] ** 2])
        for D in triplets(X, y, targets)
    )
    ends = np.concatenate([[0], np.geomspace(1e-2, 30, 30)])
    M = np.array(
        [(u, c * np.sqrt(u * v), v) for u in ends for v in ends for c in np.linspace(-1, 1, 15)]
    )
    push = near - far
    parts = [
        (1 - mu) * m @ pull.sum(1) + mu * np.maximum(0, 1 + m @ push).sum(1)
        for m in np.array_split(M, 50)
    ]
    return np.concatenate(parts).min()


@pytest.mark.parametrize("seed", range(2))
def test_a_grid_over_all_metrics_of_the_plane_finds_none_better(seed):
    X, y = draw(seed)
    model = LMNN(2, solver="convex").fit(X, y)
    least = on_a_grid(X, y, model.targets_, 0.5)
    assert (1 - model.gap_) * model.objective_ <= least * (1 + ROUNDING)
    assert model.objective_ <= least * (1 + 1e-3)  # and the solution is as good as promised
    assert least <= 1.15 * model.objective_  # the grid is fine enough to mean something


@quick
@given(seed=seeds, d=st.integers(1, 4), spread=st.floats(0.05, 3))
def test_any_shares_of_the_hinges_prove_a_bound(seed, d, spread):
    """Not those near the optimum alone: the shares at a random L bound ε at every other L."""
    X, y = draw(seed, d=d, classes=3)
    margins, coordinates = margins_of(X, y)
    rng = np.random.default_rng(seed)
    L, other = (torch.from_numpy(spread * rng.normal(size=(d, d))) for _ in range(2))
    bounds = Bounds(coordinates.X, coordinates.pull, margins.mu)
    margins.look_around(L, slack=0.1)
    bound = bounds.add(margins, margins.measure(margins.squares(margins.X @ L.T), 0.1))
    for rival in (L, other, 0 * L, first_map(margins, d)):
        assert bound <= objective(margins, rival) * (1 + ROUNDING)


def test_a_bound_that_is_not_the_best_is_forgotten():
    X, y = draw(0, n=40, d=3)
    margins, coordinates = margins_of(X, y)
    bounds = Bounds(coordinates.X, coordinates.pull, margins.mu)
    L, _ = descend(margins, first_map(margins, 3), bounds, 1e-3, Log(1000, Step))
    best = bounds.best
    assert best > 0
    margins.look_around(0 * L, slack=1.0)
    assert bounds.add(margins, margins.measure(margins.squares(0 * margins.X), 0.1)) == best


@pytest.mark.parametrize("seed", range(3))
def test_what_is_free_to_stretch_is_never_left_out_of_the_proof(seed):
    """Many hinges are active, but a feature that is the class pushes everybody out for nothing."""
    X, y = draw(seed)
    margins, coordinates = margins_of(np.column_stack([X, y]), y)
    bounds, L = (
        Bounds(coordinates.X, coordinates.pull, margins.mu),
        1e-5 * torch.eye(3, dtype=torch.float64),
    )
    margins.look_around(L, slack=0.1)
    measure = margins.measure(margins.squares(margins.X @ L.T), 0.1)
    assert measure.shares.sum() > 100
    assert bounds.add(margins, measure) == 0


def test_where_targets_agree_and_impostors_do_not_nothing_is_proved():
    """A second feature that is the class: stretched, it costs nothing and pushes everybody out."""
    X, y = draw(1)
    model = LMNN(2).fit(np.column_stack([X, y]), y)
    assert model.gap_ == 1
    assert model.objective_ < 1e-3 * 2 * len(y)


# ---------------------------------------------------------------- both solvers


def test_the_convex_solver_closes_the_gap(solved):
    X, y, _, convex = solved
    assert 0 <= convex.gap_ <= 1e-3
    finer = LMNN(solver="convex", tol=2e-4, max_iter=400).fit(X, y)  # without momentum over 600
    assert finer.gap_ <= 2e-4
    assert finer.objective_ <= convex.objective_ * (1 + 2e-4)


def test_a_smaller_tolerance_never_proves_less(solved):
    X, y, _, convex = solved
    with pytest.warns(match=r"\(max_iter=200\) before tol=1e-08"):
        greedy = LMNN(solver="convex", tol=1e-8, max_iter=200).fit(X, y)
    assert greedy.gap_ <= convex.gap_ * 1.01


def test_descent_on_the_map_ends_near_the_convex_optimum(solved):
    """Within 0.5 % of it (measured: 0.02 %), and what it says of itself is true."""
    _, _, lbfgs, convex = solved
    bound = (1 - convex.gap_) * convex.objective_
    assert bound <= lbfgs.objective_ * (1 + ROUNDING)
    assert lbfgs.objective_ <= 1.005 * bound
    assert (1 - lbfgs.gap_) * lbfgs.objective_ <= convex.objective_ * (1 + ROUNDING)
    assert lbfgs.gap_ < 0.05


def test_the_objective_is_that_of_the_map(solved):
    X, y, *models = solved
    for model in models:
        again = lmnn_loss(model.components_, X, y, model.targets_, model.mu)
        assert again == pytest.approx(model.objective_, rel=1e-10)
        assert model.targets_.tolist() == target_neighbours(X, y, 3).tolist()


def test_polish_mends_a_bad_start():
    X, y = draw(2, n=40, d=3)
    margins, coordinates = margins_of(X, y)
    bounds, log = Bounds(coordinates.X, coordinates.pull, margins.mu), Log(2000, Step)
    L, done = polish(margins, 3 * torch.eye(3, dtype=torch.float64), bounds, 1e-3, log)
    assert done
    assert objective(margins, L) - bounds.best <= 1.001e-3 * objective(margins, L)
    best = LMNN(2, solver="convex").fit(X, y).objective_
    assert objective(margins, L) == pytest.approx(best, rel=2e-3)


def test_descent_rests_only_where_more_rounds_change_little():
    """A round that seems to rise, because a new list adds impostors, is no end."""
    X, y = (a for a in load_wine(return_X_y=True))
    X = scale(X)
    margins, coordinates = margins_of(X, y, k=3)
    bounds = Bounds(coordinates.X, coordinates.pull, margins.mu)
    ends = {}
    for tol in (1e-3, 1e-6):
        log = Log(2000, Step)
        L, done = descend(margins, first_map(margins, 13), bounds, tol, log)
        assert done
        margins.look_around(L, slack=WIDTHS[-1])
        ends[tol] = margins.value_and_gradient(L, WIDTHS[-1])[0].smooth, log.steps
    assert ends[1e-6][0] < ends[1e-3][0] < ends[1e-6][0] * 1.002
    assert ends[1e-6][1] > 1.2 * ends[1e-3][1]


@pytest.mark.parametrize("rank", [2, 13])
def test_where_there_are_many_points_a_sample_is_solved_first(monkeypatch, rank):
    """The start differs, the end does not; steps of the sample count, its ε is no history."""
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    alone = LMNN(n_components=rank).fit(X, y)
    monkeypatch.setattr(lmnn_solver, "SAMPLE", 60)
    model = LMNN(n_components=rank).fit(X, y)
    assert model.objective_ == pytest.approx(alone.objective_, rel=2e-3)
    assert model.history_[0].iteration > 0
    assert model.history_[0].objective < alone.history_[0].objective
    with pytest.warns(match=r"\(max_iter=3\)"):
        assert LMNN(max_iter=3).fit(X, y).n_iter_ == 3


def test_a_start_with_a_crowd_of_impostors_is_not_scaled_down(monkeypatch):
    X, y = draw(9, n=40, d=3)
    margins, _ = margins_of(X, y)
    free = first_map(margins, 3)
    assert len(margins.point) > 0
    monkeypatch.setattr(lmnn_solver, "CROWD", 0)
    crowded = first_map(margins, 3)
    ratio = float(crowded.norm() / free.norm())
    assert ratio == pytest.approx(2 ** (round(2 * np.log2(ratio)) / 2), rel=1e-6)
    assert ratio > 1


# ---------------------------------------------------------------- low rank


def test_a_low_rank_is_bounded_by_the_full_one_and_more_rows_are_no_worse():
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    values, full = {}, LMNN().fit(X, y)
    for rank in (2, 4, 13):
        model = LMNN(n_components=rank).fit(X, y)
        assert np.linalg.matrix_rank(model.components_) <= rank
        assert model.components_.shape == (rank, 13)
        assert (1 - model.gap_) * model.objective_ <= full.objective_
        values[rank] = model.objective_
    assert values[2] > values[4] > full.objective_ * (1 - 1e-3)
    assert values[13] == full.objective_


@pytest.mark.parametrize("seed", [0, 7])
def test_with_few_rows_two_starts_are_tried_and_the_lower_end_is_kept(seed):
    """One row for three clusters: the ends may differ much (by more than half for seed 7)."""
    y = np.arange(36) % 3
    X = np.random.default_rng(seed).normal(size=(36, 4))
    X = X + 3 * np.random.default_rng(seed + 99).normal(size=(3, 4))[y]
    margins, coordinates = margins_of(X, y)
    bounds, ends = Bounds(coordinates.X, coordinates.pull, margins.mu), []
    for start in _starts(margins, 1, bounds, 1e-3, Log(1000, Step)):
        L, _ = descend(margins, start, bounds, 1e-3, Log(1000, Step))
        ends.append(objective(margins, L))
    assert len(ends) == 2
    assert LMNN(2, n_components=1).fit(X, y).objective_ == pytest.approx(min(ends), rel=1e-6)
    assert len(list(_starts(margins, 4, bounds, 1e-3, Log(1000, Step)))) == 1


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_descent_does_not_run_in_circles(rank, monkeypatch):
    """With iris on two rows a step over a list leaves so many pairs off it that ε rises again and
    again: undone and repeated over both lists, the descent comes to rest, and lower."""
    X, y = load_iris(return_X_y=True)
    margins, coordinates = margins_of(scale(X), y, k=3)
    bounds, log = Bounds(coordinates.X, coordinates.pull, margins.mu), Log(400, Step)
    L, done = descend(margins, first_map(margins, rank), bounds, 1e-3, log)
    assert done
    assert log.steps < 200
    assert objective(margins, L) < {1: 492, 2: 302, 3: 235}[rank]
    assert log.history[-1].objective == min(step.objective for step in log.history)
    seen = []
    monkeypatch.setattr(lmnn_solver, "Look", lambda *a: (seen.append(a[1]), Look(*a))[1])
    descend(margins, first_map(margins, rank), bounds, 1e-3, Log(400, Step))
    rises = [b - a for a, b in pairwise(seen) if b < np.inf]  # ∞ is where a width begins
    assert len(rises) >= 3 * 2
    assert max(rises) <= 1e-9 * seen[-1]


def test_leading_rows_keep_as_much_scatter_as_that_many_rows_can():
    X, y = draw(3, n=30, d=4)
    margins, _ = margins_of(X, y)
    L = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    Z, part = margins.X @ L.T, margins.X @ leading_rows(margins, L, 2).T
    sizes = torch.linalg.svdvals(Z) ** 2
    assert float(part.square().sum()) == pytest.approx(float(sizes[:2].sum()), rel=1e-10)


# ---------------------------------------------------------------- coordinates


@quick
@given(seed=seeds, d=st.integers(1, 4))
def test_a_map_there_and_back_measures_the_same(seed, d):
    X, y = draw(seed, d=d)
    margins, coordinates = margins_of(X, y)
    L = np.random.default_rng(seed).normal(size=(2, d))
    inward = coordinates.inward(torch.from_numpy(L))
    assert coordinates.outward(inward).numpy() == pytest.approx(L, rel=1e-8, abs=1e-8)
    images = X @ L.T
    found = margins.X @ inward.T
    assert found.numpy() == pytest.approx(images - images.mean(0), rel=1e-8, abs=1e-8)


def test_in_them_the_pull_is_a_multiple_of_the_trace():
    X, y = draw(4, d=3)
    X = X @ np.diag([1e-3, 1, 1e4])
    _, coordinates = margins_of(X, y)
    pull = coordinates.pull.numpy()
    assert pull == pytest.approx(pull[0, 0] * np.eye(3), rel=1e-4, abs=1e-4 * pull[0, 0])


def test_directions_in_which_all_points_agree_are_left_out():
    X, y = draw(5, d=2)
    copies = np.column_stack([X, X, np.ones(len(X)), X @ [1.0, 2.0]])
    margins, coordinates = margins_of(copies, y)
    assert margins.X.shape == (24, 2)
    assert coordinates.outward(torch.eye(2)).shape == (2, 6)
    few, labels = draw(6, n=5, d=9)
    assert margins_of(few, labels, k=1)[0].X.shape == (5, 4)


# ---------------------------------------------------------------- changes of view


def turned(d):
    Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))
    return Q


ORDER = np.random.default_rng(2).permutation(24)
VIEWS = {
    "samples in another order": (lambda X: X[ORDER], lambda y: y[ORDER], lambda M: M),
    "classes named otherwise": (lambda X: X, lambda y: np.array(["z", "m", "a"])[y], lambda M: M),
    "features in another order": (lambda X: X[:, ::-1], lambda y: y, lambda M: M[::-1, ::-1]),
    "turned": (lambda X: X @ turned(3).T, lambda y: y, lambda M: turned(3).T @ M @ turned(3)),
    "moved": (lambda X: X + 1e3, lambda y: y, lambda M: M),
    "scaled up": (lambda X: 1e6 * X, lambda y: y, lambda M: 1e12 * M),
    "scaled down": (lambda X: X / 3e5, lambda y: y, lambda M: M / 9e10),
}


@pytest.mark.parametrize("solver", ["lbfgs", "convex"])
@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_a_change_of_view_changes_neither_objective_nor_metric(view, solver):
    """Squared distances depend on X through LX alone and the same targets stay nearest, so the two
    problems are one. The solver works in coordinates in which they are equal up to a rotation; what
    is left is rounding, which the descent enlarges (measured: 10⁻¹² of ε, 10⁻⁶ of M)."""
    X, y = draw(7, d=3, classes=3)
    points, labels, back = view
    model = LMNN(2, solver=solver).fit(X, y)
    seen = LMNN(2, solver=solver).fit(points(X), labels(y))
    assert seen.objective_ == pytest.approx(model.objective_, rel=1e-5)
    M = model.get_mahalanobis_matrix()
    assert back(seen.get_mahalanobis_matrix()) == pytest.approx(M, abs=1e-3 * np.abs(M).max())


@pytest.mark.parametrize("powers", [(-6, 0, 6), (3, -3, 0)])
def test_features_may_differ_in_scale_by_twelve_decades(powers):
    """Units that differ change who is near, so the targets are given: with them ε is the same."""
    X, y = draw(8, d=3)
    units = 10.0 ** np.array(powers)
    model, seen = LMNN(2).fit(X, y), LMNN(2).fit(X * units, y)
    assert lmnn_loss(seen.components_, X * units, y, seen.targets_) == pytest.approx(
        seen.objective_, rel=1e-9
    )
    assert seen.gap_ < 0.05
    # in the units of the second problem the map of the first is no better than the bound says
    rival = lmnn_loss(model.components_ / units, X * units, y, seen.targets_)
    assert rival >= (1 - seen.gap_) * seen.objective_ * (1 - ROUNDING)
