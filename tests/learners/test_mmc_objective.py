"""The objectives of MMC and the steps of its paper: autograd, finite differences, both limits."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dmlcourse.geometry import is_psd
from dmlcourse.learners import mmc_diagonal_objective, mmc_newton_step, mmc_objective, mmc_step
from dmlcourse.learners.mmc_objective import diagonal_parts, separation_gradient

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def problem(seed, d=3):
    """Weights, and differences of 10 similar and 12 dissimilar pairs."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 2, d), rng.normal(size=(10, d)), 2 * rng.normal(size=(12, d))


def separation(M, D):
    return np.sqrt(((D @ M) * D).sum(1).clip(0)).sum()


def budget(M, S):
    return ((S @ M) * S).sum()


# ---------------------------------------------------------------- the diagonal case


@quick
@given(seed=seeds)
def test_f_is_the_equation(seed):
    w, S, D = problem(seed)
    near = sum(w[j] * s[j] ** 2 for s in S for j in range(3))
    far = sum(np.sqrt(sum(w[j] * v[j] ** 2 for j in range(3))) for v in D)
    assert mmc_diagonal_objective(w, S, D)[0] == pytest.approx(near - np.log(far), rel=1e-12)


@quick
@given(seed=seeds)
def test_the_gradient_is_autograds(seed):
    w, S, D = problem(seed)
    weights = torch.tensor(w, requires_grad=True)
    similar, dissimilar = torch.tensor(S), torch.tensor(D)
    far = (dissimilar.square() @ weights).sqrt().sum()
    (similar.square() @ weights).sum().sub(far.log()).backward()
    found = mmc_diagonal_objective(w, S, D)[1]
    assert found == pytest.approx(weights.grad.numpy(), rel=1e-9, abs=1e-10)


@quick
@given(seed=seeds)
def test_the_hessian_is_the_difference_of_gradients_and_psd(seed):
    w, S, D = problem(seed)
    a, squares = (S**2).sum(0), D**2
    _, _, hessian = diagonal_parts(*(torch.tensor(t) for t in (w, a, squares)))
    h = 1e-6
    for j in range(3):
        ends = [mmc_diagonal_objective(w + sign * h * np.eye(3)[j], S, D)[1] for sign in (1, -1)]
        assert hessian[j].numpy() == pytest.approx(
            (ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-6
        )
    assert is_psd(hessian.numpy())


@quick
@given(seed=seeds)
def test_a_newton_step_goes_down_inside(seed):
    w, S, D = problem(seed)
    for _ in range(4):
        moved = mmc_newton_step(w, S, D)
        assert (moved > 0).all()
        values = [mmc_diagonal_objective(at, S, D)[0] for at in (w, moved)]
        assert values[1] <= values[0]
        w = moved


@quick
@given(seed=seeds)
def test_the_newton_step_is_the_longest_of_the_halvings_that_goes_down(seed):
    w, S, D = problem(seed)
    value, gradient, hessian = (
        t.numpy() for t in diagonal_parts(*(torch.tensor(t) for t in (w, (S**2).sum(0), D**2)))
    )
    step = -np.linalg.solve(hessian, gradient)
    trials = (w + step / 2**k for k in range(31))
    good = (t for t in trials if (t > 0).all() and mmc_diagonal_objective(t, S, D)[0] < value)
    assert mmc_newton_step(w, S, D) == pytest.approx(next(good), rel=1e-9)


def test_newton_steps_end_where_the_gradient_is_zero():
    """Correlated features that all help: the minimum is inside."""
    w, S, D = np.ones(3), np.eye(3), np.array([[2.0, 0, 0], [0, 3, 0], [0, 0, 1], [1, 1, 1]])
    for _ in range(30):
        w = mmc_newton_step(w, S, D)
    value, gradient = mmc_diagonal_objective(w, S, D)
    assert np.abs(gradient).max() < 1e-6
    again = mmc_newton_step(w, S, D)
    assert mmc_diagonal_objective(again, S, D)[0] == pytest.approx(value, abs=1e-12)


def test_by_hand_in_one_dimension():
    """f = 4w − log √w: its minimum is at w = 1/8, where Newton stays."""
    S, D = np.array([[2.0]]), np.array([[1.0]])
    value, gradient = mmc_diagonal_objective(np.array([0.25]), S, D)
    assert value == pytest.approx(1 - np.log(0.5))
    assert gradient == pytest.approx([4 - 2])
    assert mmc_newton_step(np.array([0.125]), S, D) == pytest.approx([0.125])


@quick
@given(seed=seeds, size=st.floats(1e-3, 1e3))
def test_its_minimum_over_the_scale_is_the_separation_on_the_budget(seed, size):
    """min over t of f(tw) is 1/2 − log(Σ_D d/√(2 Σ_S d²)): the same order as of the maximum."""
    w, S, D = problem(seed)
    M = np.diag(w)
    best = 0.5 - np.log(separation(M, D) / np.sqrt(2 * budget(M, S)))
    at_best = w / (2 * budget(M, S))
    assert mmc_diagonal_objective(at_best, S, D)[0] == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert mmc_diagonal_objective(size * w, S, D)[0] >= best - 1e-9


def test_the_diagonal_functions_refuse():
    w, S, D = problem(0)
    for function in (mmc_diagonal_objective, mmc_newton_step):
        with pytest.raises(ValueError, match=r"w has shape \(3, 1\): expected \(d,\)"):
            function(w[:, None], S, D)
        with pytest.raises(ValueError, match=r"S has shape \(10, 2\)"):
            function(w, S[:, :2], D)
        with pytest.raises(ValueError, match=r"D has shape \(12, 2\)"):
            function(w, S, D[:, :2])
        with pytest.raises(ValueError, match="All pairs of D are at distance 0 under w"):
            function(w, S, np.zeros((4, 3)))
        with pytest.raises(ValueError, match=r"S\[1, 2\] is nan"):
            function(w, np.where(np.arange(30).reshape(10, 3) == 5, np.nan, S), D)


# ---------------------------------------------------------------- the full case


def start(S):
    """The multiple of the identity that spends the budget."""
    return np.eye(3) / (S**2).sum()


@quick
@given(seed=seeds)
def test_the_gradient_of_the_separation_is_autograds(seed):
    _, _, D = problem(seed)
    A = np.random.default_rng(seed).normal(size=(3, 3))
    M = torch.tensor(A @ A.T + 0.1 * np.eye(3), requires_grad=True)
    dissimilar = torch.tensor(D)
    ((dissimilar @ M) * dissimilar).sum(1).sqrt().sum().backward()
    found = separation_gradient(M.detach(), dissimilar)
    assert found.numpy() == pytest.approx(M.grad.numpy(), rel=1e-9, abs=1e-10)


def test_a_pair_at_distance_zero_adds_nothing_to_the_gradient():
    M, D = torch.diag(torch.tensor([1.0, 0.0])).double(), torch.eye(2).double()
    assert separation_gradient(M, D).tolist() == [[0.5, 0], [0, 0]]


@quick
@given(seed=seeds, share=st.sampled_from([1e-3, 1e-2, 0.1]))
def test_after_a_step_both_limits_hold(seed, share):
    """The length of the step is a share of M; for far longer ones 1,000 rounds may not suffice."""
    _, S, D = problem(seed)
    M = start(S)
    for _ in range(3):
        G = separation_gradient(torch.tensor(M), torch.tensor(D)).numpy()
        M = mmc_step(M, S, D, share * np.linalg.norm(M) / np.linalg.norm(G))
        assert is_psd(M)
        assert np.abs(M - M.T).max() <= 1e-12
        assert budget(M, S) <= 1 + 1e-8


@quick
@given(seed=seeds)
def test_a_small_step_raises_the_separation(seed):
    _, S, D = problem(seed)
    A, M = S.T @ S, start(S)
    G = separation_gradient(torch.tensor(M), torch.tensor(D)).numpy()
    along = G - (G * A).sum() / (A * A).sum() * A
    assume(np.linalg.norm(along) > 1e-3 * np.linalg.norm(G))
    moved = mmc_step(M, S, D, 1e-4 * np.linalg.norm(M) / np.linalg.norm(G))
    assert separation(moved, D) > separation(M, D)


def test_the_step_is_orthogonal_to_the_budget():
    """Inside both limits a step is M + rate·G⊥: the part of G along A is not even tried."""
    _, S, D = problem(3)
    A, M, rate = S.T @ S, 0.5 * start(S), 1e-5
    G = separation_gradient(torch.tensor(M), torch.tensor(D)).numpy()
    change = mmc_step(M, S, D, rate) - M
    assert (change * A).sum() == pytest.approx(0, abs=1e-12)
    expected = rate * (G - (G * A).sum() / (A * A).sum() * A)
    assert change == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_without_rate_a_metric_within_both_limits_stays():
    _, S, D = problem(4)
    assert mmc_step(0.5 * start(S), S, D, 0.0) == pytest.approx(0.5 * start(S), rel=1e-12)
    assert budget(mmc_step(9 * start(S), S, D, 0.0), S) == pytest.approx(1, rel=1e-6)


def test_the_rounds_of_projections_are_limited(monkeypatch):
    _, S, D = problem(5)
    monkeypatch.setattr(mmc_objective, "ROUNDS", 1)
    assert is_psd(mmc_step(start(S), S, D, 5.0))  # the cone comes last, whatever the budget


def test_kinds_dtypes_and_devices(device):
    w, S, D = problem(6)
    M = start(S)
    tensors = [torch.tensor(a, device=device) for a in (w, S, D)]
    value, gradient = mmc_diagonal_objective(*tensors)
    expected = mmc_diagonal_objective(w, S, D)
    assert (value.device.type, gradient.device.type) == (device, device)
    assert float(value) == pytest.approx(float(expected[0]), rel=1e-12)
    assert gradient.cpu().numpy() == pytest.approx(expected[1], rel=1e-10)
    moved = mmc_newton_step(*tensors)
    assert moved.cpu().numpy() == pytest.approx(mmc_newton_step(w, S, D), rel=1e-8)
    stepped = mmc_step(torch.tensor(M, device=device), *tensors[1:], 0.01)
    assert stepped.device.type == device
    assert stepped.cpu().numpy() == pytest.approx(mmc_step(M, S, D, 0.01), rel=1e-6, abs=1e-8)
    narrow = [a.astype(np.float32) for a in (w, S, D)]
    assert mmc_newton_step(*narrow).dtype == np.float32
    assert mmc_step(M.astype(np.float32), *narrow[1:], 0.01).dtype == np.float32


def test_the_step_refuses_other_columns():
    _, S, D = problem(7)
    with pytest.raises(ValueError, match=r"S has shape \(10, 2\)"):
        mmc_step(np.eye(3), S[:, :2], D, 0.1)
    with pytest.raises(ValueError, match=r"D has shape \(12, 2\)"):
        mmc_step(np.eye(3), S, D[:, :2], 0.1)
