"""ITML as functions: one projection, one sweep, and the two sides of the problem.

One projection is judged by what it is: the nearest pair of M' and ξ' that meet the constraint. The
two values are judged by each other, and by minimising over the slack that was eliminated.
"""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist

from dmlcourse.geometry import logdet_divergence, project_logdet
from dmlcourse.learners import (
    itml_bounds,
    itml_dual,
    itml_objective,
    itml_primal,
    itml_sweep,
    itml_update,
)
from dmlcourse.learners.itml_objective import dual_values

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
gammas = st.sampled_from([0.1, 1.0, 7.0])
signs = st.sampled_from([1, -1])


def metric(rng, d=3):
    """A positive definite matrix."""
    A = rng.normal(size=(d, d))
    return A @ A.T + 0.3 * np.eye(d)


def problem(seed, m=8, d=3):
    """V, δ of both kinds, ξ⁰ of u = 2 and ℓ = 4, and a prior."""
    rng = np.random.default_rng(seed)
    delta = np.where(np.arange(m) % 2, -1, 1)
    return rng.normal(size=(m, d)), delta, np.where(delta > 0, 2.0, 4.0), metric(rng, d)


def excess(ratio):
    return ratio - np.log(ratio) - 1


def square(M, v):
    return v @ M @ v


def dual_matrix(lam, V, delta, M0):
    return np.linalg.inv(M0) + (V.T * (delta * lam)) @ V


# ---------------------------------------------------------------- one projection


def violated(seed, delta):
    """M, v and a ξ that vᵀMv breaks."""
    rng = np.random.default_rng(seed)
    M, v = metric(rng), rng.normal(size=3)
    return M, v, float(square(M, v) * rng.uniform(1.1, 9) ** -delta)


@quick
@given(seed=seeds, delta=signs, gamma=gammas)
def test_after_an_update_the_constraint_holds_as_an_equation(seed, delta, gamma):
    M, v, xi = violated(seed, delta)
    moved, slack, lam = itml_update(M, v, delta, xi, 0.0, gamma)
    assert square(moved, v) == pytest.approx(slack, rel=1e-10)
    assert lam > 0
    assert np.array_equal(moved, moved.T)


@quick
@given(seed=seeds, delta=signs, gamma=gammas)
def test_the_update_obeys_the_conditions_of_the_nearest_point(seed, delta, gamma):
    """One multiplier for both: M'⁻¹ = M⁻¹ − δα vvᵀ and 1/ξ' = 1/ξ + δα/γ."""
    M, v, xi = violated(seed, delta)
    moved, slack, lam = itml_update(M, v, delta, xi, 0.0, gamma)
    alpha = -lam
    expected = np.linalg.inv(M) - delta * alpha * np.outer(v, v)
    assert np.linalg.inv(moved) == pytest.approx(expected, rel=1e-7, abs=1e-8)
    assert 1 / slack == pytest.approx(1 / xi + delta * alpha / gamma, rel=1e-10)


def cost(M, v, xi, gamma, t):
    """D_ld(M', M) + γ D_ld(t, ξ) of the nearest M' with vᵀM'v = t."""
    return logdet_divergence(project_logdet(M, v, t), M) + gamma * excess(t / xi)


@pytest.mark.parametrize("gamma", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("delta", [1, -1])
def test_no_other_slack_is_nearer(delta, gamma):
    """Searched over t = vᵀM'v = ξ'; for a given t, ``project_logdet`` is the nearest metric."""
    for seed in range(5):
        M, v, xi = violated(seed, delta)
        ends = sorted([xi, square(M, v)])
        found = minimize_scalar(
            partial(cost, M, v, xi, gamma),
            bounds=ends,
            method="bounded",
            options={"xatol": 0},
        )
        moved, slack, _ = itml_update(M, v, delta, xi, 0.0, gamma)
        assert slack == pytest.approx(found.x, rel=1e-5)
        spent = logdet_divergence(moved, M) + gamma * excess(slack / xi)
        assert spent == pytest.approx(found.fun, rel=1e-9)


@pytest.mark.parametrize(("gamma", "exact"), [(0.1, False), (1.0, True), (7.0, False)])
@pytest.mark.parametrize("delta", [1, -1])
def test_the_step_that_papers_print_is_the_projection_for_gamma_1_only(delta, gamma, exact):
    M, v, xi = violated(1, delta)
    p = square(M, v)
    alpha = delta / 2 * (1 / p - gamma / xi)
    slack = gamma * xi / (gamma + delta * alpha * xi)
    reached = p / (1 - delta * alpha * p)
    assert (slack == pytest.approx(reached, rel=1e-9)) == exact
    ours = itml_update(M, v, delta, xi, 0.0, gamma)
    assert (-alpha == pytest.approx(ours[2], rel=1e-9)) == exact


@quick
@given(seed=seeds, delta=signs)
def test_a_large_gamma_is_the_projection_without_slack(seed, delta):
    M, v, xi = violated(seed, delta)
    moved, slack, _ = itml_update(M, v, delta, xi, 0.0, 1e9)
    assert slack == pytest.approx(xi, rel=1e-7)
    assert moved == pytest.approx(project_logdet(M, v, xi), rel=1e-5, abs=1e-7)


@quick
@given(seed=seeds, delta=signs, gamma=gammas)
def test_a_bound_that_is_met_with_nothing_to_take_back_changes_nothing(seed, delta, gamma):
    M, v, xi = violated(seed, -delta)
    moved, slack, lam = itml_update(M, v, delta, xi, 0.0, gamma)
    assert np.array_equal(moved, M)
    assert slack == pytest.approx(xi, rel=1e-15)
    assert lam == 0


@quick
@given(seed=seeds, gamma=gammas)
def test_at_most_what_earlier_projections_added_is_taken_back(seed, gamma):
    """Where the constraint is met with room, λ falls to 0 and M is as if it had never been."""
    M, v, xi = violated(seed, 1)
    pushed, slack, lam = itml_update(M, v, 1, xi, 0.0, gamma)
    back, restored, nothing = itml_update(0.01 * pushed, v, 1, slack, lam, gamma)
    assert nothing == 0
    assert restored == pytest.approx(xi, rel=1e-10)
    expected = 100 * np.linalg.inv(pushed) - lam * np.outer(v, v)
    assert np.linalg.inv(back) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@quick
@given(seed=seeds, delta=signs, gamma=gammas, size=st.floats(0.01, 100))
def test_wherever_it_starts_either_the_dual_is_zero_or_the_constraint_is_tight(
    seed, delta, gamma, size
):
    M, v, xi = violated(seed, delta)
    pushed, slack, lam = itml_update(M, v, delta, xi, 0.0, gamma)
    moved, slack, lam = itml_update(size * pushed, v, delta, slack, lam, gamma)
    left = delta * (slack - square(moved, v))
    assert left >= -1e-9 * slack
    assert lam == 0 or left <= 1e-9 * slack


@quick
@given(seed=seeds, gamma=gammas, steps=st.lists(st.integers(0, 7), max_size=30))
def test_in_any_order_everything_stays_in_its_domain(seed, gamma, steps):
    V, delta, xi, M = problem(seed)
    xi, lam = xi.copy(), np.zeros(8)
    for i in steps:
        M, xi[i], lam[i] = itml_update(M, V[i], delta[i], xi[i], lam[i], gamma)
        assert np.linalg.eigvalsh(M)[0] > 0
        assert xi[i] > 0
        assert lam[i] >= 0


def test_one_update_by_hand():
    """p = 4 against ξ = 1 with γ = 1: α = ½(1/4 − 1) = −3/8, ξ' = 1/(1 − 3/8) = 8/5."""
    moved, slack, lam = itml_update(4 * np.eye(2), np.array([1.0, 0.0]), 1, 1.0, 0.0, 1.0)
    assert slack == pytest.approx(8 / 5)
    assert lam == pytest.approx(3 / 8)
    assert moved == pytest.approx(np.diag([8 / 5, 4]))


def test_update_refuses_what_has_no_projection():
    with pytest.raises(ValueError, match="vᵀMv is 0: expected a positive number"):
        itml_update(np.eye(2), np.zeros(2), 1, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"v has shape \(3,\): expected \(2,\)"):
        itml_update(np.eye(2), np.ones(3), 1, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"M has shape \(2, 3\): expected a square"):
        itml_update(np.ones((2, 3)), np.ones(3), 1, 1.0, 0.0, 1.0)


# ---------------------------------------------------------------- one sweep


def swept(V, delta, xi0, M0, gamma, sweeps=1):
    M, xi, lam = M0, xi0, np.zeros(len(V))
    for _ in range(sweeps):
        M, xi, lam = itml_sweep(M, V, delta, xi, lam, gamma)
    return M, xi, lam


@quick
@given(seed=seeds, gamma=gammas)
def test_a_sweep_is_one_update_after_the_other(seed, gamma):
    V, delta, xi0, M = problem(seed)
    xi, lam = xi0.copy(), np.zeros(8)
    for _ in range(2):
        found = itml_sweep(M, V, delta, xi, lam, gamma)
        for i, v in enumerate(V):
            M, xi[i], lam[i] = itml_update(M, v, delta[i], xi[i], lam[i], gamma)
        for ours, looped in zip(found, (M, xi, lam), strict=True):
            assert ours == pytest.approx(looped, rel=1e-9, abs=1e-11)


@quick
@given(seed=seeds, gamma=gammas)
def test_metric_and_slack_are_functions_of_the_dual_after_every_sweep(seed, gamma):
    V, delta, xi0, M0 = problem(seed)
    for sweeps in (1, 2, 5):
        M, xi, lam = swept(V, delta, xi0, M0, gamma, sweeps)
        inverse = dual_matrix(lam, V, delta, M0)
        assert np.linalg.inv(M) == pytest.approx(inverse, rel=1e-6, abs=1e-7)
        assert xi == pytest.approx(xi0 / (1 - delta * lam * xi0 / gamma), rel=1e-8)


@quick
@given(seed=seeds, gamma=gammas)
def test_the_dual_value_rises_from_sweep_to_sweep(seed, gamma):
    V, delta, xi0, M0 = problem(seed)
    values = [
        itml_dual(swept(V, delta, xi0, M0, gamma, n)[2], V, delta, xi0, gamma, M0) for n in range(6)
    ]
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(values) >= -1e-9 * max(1, values[-1])).all()
    assert values[-1] > values[0]


def test_many_sweeps_close_the_gap():
    V, delta, xi0, M0 = problem(3)
    M, _, lam = swept(V, delta, xi0, M0, 1.0, 400)
    primal = itml_primal(M, V, delta, xi0, 1.0, M0)
    dual = itml_dual(lam, V, delta, xi0, 1.0, M0)
    assert primal > 0.1
    assert dual == pytest.approx(primal, rel=1e-6)


def test_a_sweep_skips_pairs_at_distance_zero_and_writes_to_nothing():
    V, delta, xi0, M0 = problem(4)
    V[2] = V[3] = 0  # a similar and a dissimilar pair
    given_arrays = [V, delta, xi0, M0]
    for array in given_arrays:
        array.flags.writeable = False
    _, xi, lam = itml_sweep(M0, V, delta, xi0, np.zeros(8), 1.0)
    assert xi[2:4].tolist() == xi0[2:4].tolist()
    assert lam[2:4].tolist() == [0, 0]


def test_the_sweep_stays_in_kind_dtype_and_device(device):
    V, delta, xi0, M0 = problem(5)
    expected = itml_sweep(M0, V, delta, xi0, np.zeros(8), 1.0)
    tensors = [torch.tensor(a, device=device) for a in (M0, V, delta, xi0, np.zeros(8))]
    for ours, theirs in zip(itml_sweep(*tensors, 1.0), expected, strict=True):
        assert ours.device.type == device
        assert ours.cpu().numpy() == pytest.approx(theirs, rel=1e-12)
    halves = itml_sweep(*(t.float() for t in tensors), 1.0)
    assert {t.dtype for t in halves} == {torch.float32}
    M, xi, lam = itml_update(tensors[0], tensors[1][0], 1, 2.0, 0.0, 1.0)
    assert M.device.type == device
    assert isinstance(xi, float)
    assert isinstance(lam, float)


@pytest.mark.parametrize("name", ["delta", "xi", "lam"])
def test_a_sweep_needs_one_number_for_each_row(name):
    V, delta, xi0, M0 = problem(6)
    numbers = {"delta": delta, "xi": xi0, "lam": np.zeros(8)}
    with pytest.raises(ValueError, match=rf"{name} has shape \(8, 1\): expected \(8,\), one numb"):
        itml_sweep(M0, V, **{**numbers, name: numbers[name][:, None]}, gamma=1.0)
    with pytest.raises(ValueError, match=r"V has shape \(8, 2\)"):
        itml_sweep(M0, V[:, :2], **numbers, gamma=1.0)


# ---------------------------------------------------------------- the two values


@quick
@given(seed=seeds, gamma=gammas)
def test_the_primal_is_the_best_over_the_slack(seed, gamma):
    """Each ξᵢ by a search over what constraint i allows: (0, p] or [p, ∞), seen on a log scale."""
    V, delta, xi0, M0 = problem(seed)
    M = metric(np.random.default_rng([seed, 1]))
    total = logdet_divergence(M, M0)
    for v, sign, bound in zip(V, delta, xi0, strict=True):
        start = np.log(square(M, v) / bound)
        ends = (start, start + 9) if sign > 0 else (start - 9, start)
        total += gamma * min(
            minimize_scalar(lambda s: excess(np.exp(s)), bounds=ends, method="bounded").fun,
            *(excess(np.exp(end)) for end in ends),
        )
    assert itml_primal(M, V, delta, xi0, gamma, M0) == pytest.approx(total, rel=1e-5, abs=1e-7)


@quick
@given(seed=seeds, gamma=gammas)
def test_no_dual_value_is_above_any_primal_value(seed, gamma):
    V, delta, xi0, M0 = problem(seed)
    rng = np.random.default_rng([seed, 2])
    lam = rng.exponential(0.1, 8) * rng.integers(0, 2, 8)
    lam = np.where(delta > 0, np.minimum(lam, 0.9 * gamma / xi0), lam)
    dual = itml_dual(lam, V, delta, xi0, gamma, M0)
    for _ in range(5):
        assert dual <= itml_primal(metric(rng), V, delta, xi0, gamma, M0) + 1e-9
    near = np.linalg.inv(dual_matrix(lam, V, delta, M0))
    if dual > -np.inf:
        assert dual <= itml_primal(near, V, delta, xi0, gamma, M0) + 1e-9


@quick
@given(seed=seeds, gamma=gammas)
def test_the_dual_is_the_lagrangian_at_its_minimum(seed, gamma):
    """At M = B⁻¹ and ξ = ξ⁰/(1 − δλξ⁰/γ); no other M and ξ give less."""
    V, delta, xi0, M0 = problem(seed)
    rng = np.random.default_rng([seed, 3])
    lam = 0.02 * rng.random(8) * gamma

    def lagrangian(M, xi):
        squares = ((V @ M) * V).sum(1)
        slack = gamma * excess(xi / xi0).sum()
        return logdet_divergence(M, M0) + slack + (lam * delta * (squares - xi)).sum()

    B = dual_matrix(lam, V, delta, M0)
    if np.linalg.eigvalsh(B)[0] <= 1e-6:
        return
    M, xi = np.linalg.inv(B), xi0 / (1 - delta * lam * xi0 / gamma)
    value = itml_dual(lam, V, delta, xi0, gamma, M0)
    assert value == pytest.approx(lagrangian(M, xi), rel=1e-7, abs=1e-8)
    for _ in range(3):
        assert lagrangian(metric(rng), xi * rng.uniform(0.5, 2, 8)) >= value


def test_infinite_and_minus_infinite():
    V, delta, xi0, M0 = problem(7)
    assert itml_primal(np.diag([1.0, 1, 0]), V, delta, xi0, 1.0) == np.inf
    assert itml_primal(np.diag([1.0, 1, -1]), V, delta, xi0, 1.0) == np.inf
    at_zero = V.copy()
    at_zero[1] = 0  # dissimilar
    assert itml_primal(M0, at_zero, delta, xi0, 1.0, M0) == np.inf
    at_zero[1], at_zero[0] = V[1], 0  # similar: its bound is met
    assert itml_primal(M0, at_zero, delta, xi0, 1.0, M0) < np.inf
    for lam in (
        -np.eye(8)[0],  # negative
        np.eye(8)[0] * 0.5,  # 1 − λξ⁰/γ = 0 for ξ⁰ = 2
        np.eye(8)[0] * 0.6,  # negative, where a logarithm would be NaN
        np.eye(8)[1] * 1e3,  # B is not positive definite
    ):
        assert itml_dual(lam, V, delta, xi0, 1.0, M0) == -np.inf
    assert itml_dual(np.eye(8)[0] * 0.499, V, delta, xi0, 1.0, M0) > -np.inf


def test_at_the_prior_with_all_bounds_met_both_are_zero():
    V, delta, xi0, M0 = problem(8)
    squares = ((V @ M0) * V).sum(1)
    assert itml_primal(M0, V, delta, squares, 2.0, M0) == pytest.approx(0, abs=1e-12)
    assert itml_dual(np.zeros(8), V, delta, xi0, 2.0, M0) == pytest.approx(0, abs=1e-12)


def test_without_a_prior_it_is_the_identity():
    V, delta, xi0, M = problem(9)
    lam = 0.01 * np.ones(8)
    eye = np.eye(3)
    assert itml_primal(M, V, delta, xi0, 1.0) == itml_primal(M, V, delta, xi0, 1.0, eye)
    assert itml_dual(lam, V, delta, xi0, 1.0) == itml_dual(lam, V, delta, xi0, 1.0, eye)


def test_shares_of_a_dual_are_what_one_value_says_of_each():
    V, delta, xi0, _ = problem(10)
    lam = np.linspace(0, 0.6, 8)
    tensors = [torch.tensor(a, dtype=torch.float64) for a in (lam, V, delta, xi0)]
    shares = torch.tensor([1.0, 0.5, 0.25, 0.01])
    found = dual_values(*tensors, 1.5, shares).tolist()
    each = [itml_dual(s * lam, V, delta, xi0, 1.5) for s in (1.0, 0.5, 0.25)]
    assert found[:3] == pytest.approx(each, rel=1e-9)
    assert found[0] == -np.inf
    assert found[2] > -np.inf


def test_values_of_tensors(device):
    V, delta, xi0, M0 = problem(11)
    lam, M = 0.01 * np.ones(8), 2 * M0
    given_tensors = [torch.tensor(a, device=device) for a in (V, delta, xi0)]
    prior, metric_, duals = (torch.tensor(a, device=device) for a in (M0, M, lam))
    for last, array in ((prior, M0), (None, None)):
        found = itml_primal(metric_, *given_tensors, 1.0, last)
        assert found == pytest.approx(itml_primal(M, V, delta, xi0, 1.0, array), rel=1e-10)
        found = itml_dual(duals, *given_tensors, 1.0, last)
        assert found == pytest.approx(itml_dual(lam, V, delta, xi0, 1.0, array), rel=1e-10)


def test_values_refuse_other_shapes_and_priors():
    V, delta, xi0, M0 = problem(12)
    with pytest.raises(ValueError, match="M0 is not positive definite"):
        itml_primal(M0, V, delta, xi0, 1.0, np.diag([1.0, 1, 0]))
    with pytest.raises(ValueError, match=r"M has shape \(3, 2\): expected a square"):
        itml_primal(np.ones((3, 2)), V, delta, xi0, 1.0)
    with pytest.raises(ValueError, match=r"M has shape \(3, 3\)"):
        itml_primal(M0, V[:, :2], delta, xi0, 1.0)
    with pytest.raises(ValueError, match=r"delta has shape \(8, 1\): expected \(8,\)"):
        itml_primal(M0, V, delta[:, None], xi0, 1.0)
    with pytest.raises(ValueError, match=r"xi0 has shape \(7,\): expected \(8,\)"):
        itml_dual(np.zeros(8), V, delta, xi0[:7], 1.0)
    with pytest.raises(ValueError, match=r"lam has shape \(\): expected \(8,\)"):
        itml_dual(np.array(0.0), V, delta, xi0, 1.0)


# ---------------------------------------------------------------- the bounds


@quick
@given(seed=seeds, ends=st.sampled_from([(5, 95), (0, 100), (50, 50), (12.5, 30)]))
def test_bounds_are_percentiles_of_squared_distances(seed, ends):
    X = np.random.default_rng(seed).normal(size=(12, 2))
    expected = np.percentile(pdist(X) ** 2, ends)
    assert itml_bounds(X, *ends) == pytest.approx(expected, rel=1e-12)


def test_bounds_of_two_points_by_default_and_of_tensors(device):
    assert itml_bounds([[0.0, 0], [3, 4]]) == (25.0, 25.0)
    X = np.random.default_rng(0).normal(size=(30, 3))
    expected = np.percentile(pdist(X) ** 2, [5, 95])
    found = itml_bounds(torch.tensor(X, device=device))
    assert found == pytest.approx(expected, rel=1e-10)
    assert all(type(bound) is float for bound in found)


def test_of_many_pairs_a_fixed_sample_is_taken(monkeypatch):
    X = np.random.default_rng(1).normal(size=(300, 2))
    whole = itml_bounds(X)
    monkeypatch.setattr(itml_objective, "PAIRS", 1000)
    monkeypatch.setattr(itml_objective, "SAMPLE", 20_000)
    sampled = itml_bounds(X)
    assert sampled != whole
    assert sampled == pytest.approx(whole, rel=0.1)
    assert itml_bounds(X) == sampled
    monkeypatch.setattr(itml_objective, "default_bytes", lambda device: 64 * 7)
    monkeypatch.setattr(itml_objective, "SAMPLE", 500)
    few = itml_bounds(X)
    monkeypatch.setattr(itml_objective, "default_bytes", lambda device: 2**28)
    assert itml_bounds(X) == few


def test_bounds_refuse():
    with pytest.raises(ValueError, match="X has 1 rows: expected two or more"):
        itml_bounds([[1.0, 2.0]])
    for low, high in ((-1, 95), (5, 101), (60, 40), (float("nan"), 95)):
        with pytest.raises(ValueError, match=r"percentiles are .*expected 0 ≤ low ≤ high ≤ 100"):
            itml_bounds(np.eye(3), low, high)
