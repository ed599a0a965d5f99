"""LMNN's objective as functions: triplets listed one by one, autograd and finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.geometry import is_psd
from dmlcourse.learners import (
    impostor_counts,
    lmnn_gradient,
    lmnn_loss,
    lmnn_objective,
    lmnn_step,
    target_neighbours,
)

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def problem(seed, n=20, d=3, r=3, k=2, classes=3):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), rng.integers(0, classes, n)
    return rng.normal(size=(r, d)), X, y, target_neighbours(X, y, k)


def listed(L, X, y, targets, mu):
    """ε and the impostors of each target, one triplet after the other."""
    Z, pull, push = X @ L.T, 0.0, 0.0
    counts = np.zeros_like(targets)

    def square(i, j):
        return float(((Z[i] - Z[j]) ** 2).sum())

    for i in range(len(X)):
        for place, j in enumerate(targets[i]):
            if j < 0:
                continue
            pull += square(i, j)
            hinges = [1 + square(i, j) - square(i, l) for l in np.flatnonzero(y != y[i])]
            counts[i, place] = sum(h > 0 for h in hinges)
            push += sum(max(0.0, h) for h in hinges)
    return (1 - mu) * pull + mu * push, counts


def differentiable(L, X, y, targets, mu):
    """ε from the tensor of all triplets, with autograd."""
    Z = X @ L.T
    D = (Z[:, None] - Z[None]).square().sum(2)
    pull = D.gather(1, targets.clamp(min=0))
    hinges = (1 + pull[:, :, None] - D[:, None, :]).clamp(min=0)
    counted = (targets >= 0)[:, :, None] & (y[:, None] != y)[:, None, :]
    return (1 - mu) * (pull * (targets >= 0)).sum() + mu * (hinges * counted).sum()


# ---------------------------------------------------------------- target neighbours


@quick
@given(seed=seeds, k=st.integers(1, 5), grid=st.booleans())
def test_targets_are_the_nearest_of_the_class_ties_to_the_smaller_index(seed, k, grid):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, (14, 2)) if grid else rng.normal(size=(14, 2))
    y = rng.integers(0, 4, 14)
    found = target_neighbours(X, y, k)
    for i, row in enumerate(found):
        own = [j for j in np.flatnonzero(y == y[i]) if j != i]
        own.sort(key=lambda j: (((X[i] - X[j]) ** 2).sum(), j))
        assert row.tolist() == (own + [-1] * k)[:k]


def test_a_duplicate_is_a_target_and_a_point_is_none_of_its_own():
    X = np.array([[0.0], [0.0], [0.0], [5.0]])
    assert target_neighbours(X, [1, 1, 1, 1], 3).tolist() == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]


@pytest.mark.parametrize(
    "y", [["b", "a", "b", "a"], [True, False, True, False], [1.0, -1.0, 1.0, -1.0]], ids=str
)
def test_labels_of_any_kind(y):
    X = np.arange(4.0)[:, None]
    assert target_neighbours(X, np.array(y), 1).tolist() == [[2], [3], [0], [1]]


def test_targets_stay_in_the_kind_and_on_the_device(device):
    _, X, y, targets = problem(0)
    assert isinstance(targets, np.ndarray)
    assert targets.dtype == np.int64
    found = target_neighbours(torch.tensor(X, device=device), torch.tensor(y, device=device), 2)
    assert (found.device.type, found.dtype) == (device, torch.int64)
    assert found.cpu().tolist() == targets.tolist()


def test_targets_of_what_cannot_be_used():
    X = np.zeros((3, 1))
    with pytest.raises(ValueError, match="k is 0: a point needs at least one target"):
        target_neighbours(X, [0, 0, 1], 0)
    with pytest.raises(ValueError, match=r"y has 2 labels and X has 3 rows"):
        target_neighbours(X, [0, 0], 1)
    with pytest.raises(ValueError, match=r"X\[1, 0\] is nan"):
        target_neighbours(np.array([[0.0], [np.nan]]), [0, 0], 1)


# ---------------------------------------------------------------- the loss


@quick
@given(
    seed=seeds,
    r=st.integers(1, 5),
    k=st.integers(1, 4),
    mu=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
def test_the_loss_is_the_sum_over_listed_triplets(seed, r, k, mu):
    L, X, y, targets = problem(seed, r=r, k=k, classes=5)
    expected, _ = listed(L, X, y, targets, mu)
    assert lmnn_loss(L, X, y, targets, mu) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_by_hand():
    """On a line: 0 and 1 are targets of each other, an impostor at 1.5; squares 1, 2.25, 0.25."""
    X, y = np.array([[0.0], [1.0], [1.5]]), ["a", "a", "b"]
    targets = np.array([[1], [0], [-1]])
    one = np.eye(1)
    assert lmnn_loss(one, X, y, targets, mu=0.0) == 2
    assert lmnn_loss(one, X, y, targets, mu=1.0) == 1.75
    assert lmnn_loss(one, X, y, targets) == 1.875
    assert impostor_counts(X, y, targets).tolist() == [[0], [1], [0]]
    # ∂/∂L at L = 1: 2 (2 (1 − μ) + μ (1 − 1/4)) with the one active triplet
    assert lmnn_gradient(one, X, y, targets).tolist() == [[2 * (0.5 * 2 + 0.5 * 0.75)]]


def test_under_the_zero_map_every_triplet_costs_its_margin():
    _, X, y, targets = problem(1)
    triplets = sum((y != y[i]).sum() * (targets[i] >= 0).sum() for i in range(len(y)))
    assert lmnn_loss(np.zeros((2, 3)), X, y, targets, 0.25) == 0.25 * triplets
    assert not lmnn_gradient(np.zeros((2, 3)), X, y, targets, 0.25).any()


def test_rotations_of_the_image_and_translations_of_the_points_change_nothing():
    L, X, y, targets = problem(2)
    Q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    value = lmnn_loss(L, X, y, targets)
    assert lmnn_loss(Q @ L, X, y, targets) == pytest.approx(value, rel=1e-12)
    assert lmnn_loss(np.vstack([L, 0 * L]), X, y, targets) == pytest.approx(value, rel=1e-12)
    assert lmnn_loss(L, X + 1e6, y, targets) == pytest.approx(value, rel=1e-8)
    assert lmnn_loss(L / 7, 7 * X, y, targets) == pytest.approx(value, rel=1e-12)
    gradient = lmnn_gradient(L, X, y, targets)
    moved = lmnn_gradient(L, X + 1e6, y, targets)
    assert moved == pytest.approx(gradient, abs=1e-7 * np.abs(gradient).max())


@quick
@given(seed=seeds, t=st.floats(0, 1))
def test_in_the_matrix_the_loss_is_convex(seed, t):
    L, X, y, targets = problem(seed)
    other = np.random.default_rng(seed + 1).normal(size=(3, 3))
    M = t * L.T @ L + (1 - t) * other.T @ other
    between = lmnn_loss(np.linalg.cholesky(M).T, X, y, targets)
    chord = t * lmnn_loss(L, X, y, targets) + (1 - t) * lmnn_loss(other, X, y, targets)
    assert between <= chord * (1 + 1e-9)


def test_in_the_map_the_loss_is_not_convex():
    """L and −L are one metric, better than the zero map half way between them."""
    X, y = np.array([[0.0], [0.1], [2.0], [2.1]]), [0, 0, 1, 1]
    targets = target_neighbours(X, y, 1)
    ends = [lmnn_loss(np.array([[sign]]), X, y, targets) for sign in (1.0, -1.0)]
    assert ends[0] == ends[1] < lmnn_loss(np.zeros((1, 1)), X, y, targets)


# ---------------------------------------------------------------- the gradient


@quick
@given(seed=seeds, r=st.integers(1, 5), k=st.integers(1, 3), mu=st.sampled_from([0.1, 0.5, 1.0]))
def test_the_gradient_is_autograds(seed, r, k, mu):
    L, X, y, targets = (torch.from_numpy(a) for a in problem(seed, r=r, k=k, classes=4))
    L.requires_grad_()
    (expected,) = torch.autograd.grad(differentiable(L, X, y, targets, mu), L)
    found = lmnn_gradient(L.detach(), X, y, targets, mu)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("r", "seed"), [(2, 0), (3, 1), (5, 2)])
def test_the_gradient_is_that_of_central_differences(r, seed):
    L, X, y, targets = problem(seed, r=r)
    gradient = lmnn_gradient(L, X, y, targets, 0.4)
    assert gradient.shape == (r, 3)
    h = 1e-6
    for place in np.ndindex(L.shape):
        step = np.zeros_like(L)
        step[place] = h
        ahead, behind = (lmnn_loss(L + s, X, y, targets, 0.4) for s in (step, -step))
        assert gradient[place] == pytest.approx((ahead - behind) / (2 * h), rel=1e-5, abs=1e-5)


@quick
@given(seed=seeds)
def test_it_is_a_subgradient_in_the_matrix_kinks_included(seed):
    """ε(N) ≥ ε(M) + ⟨G, N − M⟩ for all PSD N, with 2LG = ∂ε/∂L; points on a grid make kinks."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 3, (15, 2)).astype(float), rng.integers(0, 2, 15)
    targets = target_neighbours(X, y, 2)
    L, N = np.eye(2), rng.normal(size=(2, 2))
    G = lmnn_gradient(L, X, y, targets) / 2
    bound = lmnn_loss(L, X, y, targets) + (G * (N.T @ N - np.eye(2))).sum()
    assert lmnn_loss(N, X, y, targets) >= bound - 1e-9 * (1 + abs(bound))


# ---------------------------------------------------------------- kinds, dtypes, memory


def test_tensors_give_what_arrays_give(device):
    arrays = problem(4)
    tensors = [torch.from_numpy(a).to(device) for a in arrays]
    for function in (lmnn_loss, lmnn_gradient):
        expected, found = function(*arrays), function(*tensors)
        assert isinstance(expected, (np.ndarray, np.float64))
        assert (found.dtype, found.device.type) == (torch.float64, device)
        assert found.cpu().numpy() == pytest.approx(expected, rel=1e-12)
    L, X, y, targets = arrays
    counts = impostor_counts(*(torch.from_numpy(a).to(device) for a in (X @ L.T, y, targets)))
    assert counts.cpu().numpy().tolist() == impostor_counts(X @ L.T, y, targets).tolist()


def test_float32_comes_back_as_float32_and_is_summed_in_float64():
    L, X, y, targets = problem(5, n=60)
    L, X = L.astype(np.float32), X.astype(np.float32)
    expected = lmnn_loss(L.astype(float), X.astype(float), y, targets)
    found = lmnn_loss(L, X, y, targets)
    assert found.dtype == np.float32
    assert found == np.float32(expected)
    gradient = lmnn_gradient(L, X, y, targets)
    assert gradient.dtype == np.float32
    double = lmnn_gradient(L.astype(float), X.astype(float), y, targets)
    assert np.array_equal(gradient, double.astype(np.float32))


def test_nothing_is_recorded_for_autograd():
    L, X, y, targets = (torch.from_numpy(a) for a in problem(6))
    L.requires_grad_()
    assert not lmnn_loss(L, X, y, targets).requires_grad
    assert not lmnn_gradient(L, X, y, targets).requires_grad


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_the_rows_may_come_in_parts(monkeypatch, rows):
    L, X, y, targets = problem(7, n=23)
    D = X @ L.T
    whole = lmnn_loss(L, X, y, targets), lmnn_gradient(L, X, y, targets)
    counts = impostor_counts(D, y, targets)
    seen = []
    monkeypatch.setattr(lmnn_objective, "default_bytes", lambda device: rows * 64 * 23)
    pairs = lmnn_objective.all_pairs
    monkeypatch.setattr(
        lmnn_objective,
        "all_pairs",
        lambda a, *rest, **how: (seen.append(len(a)), pairs(a, *rest, **how))[1],
    )
    assert lmnn_loss(L, X, y, targets) == pytest.approx(whole[0], rel=1e-13)
    assert max(seen) == rows
    assert lmnn_gradient(L, X, y, targets) == pytest.approx(whole[1], rel=1e-11)
    assert impostor_counts(D, y, targets).tolist() == counts.tolist()


@pytest.mark.parametrize("function", [lmnn_loss, lmnn_gradient])
def test_what_cannot_be_used_is_named(function):
    L, X, y, targets = problem(8)
    with pytest.raises(ValueError, match=r"L has shape \(3, 2\) and X has 3 columns"):
        function(L[:, :2], X, y, targets)
    with pytest.raises(ValueError, match=r"y has 19 labels and X has 20 rows"):
        function(L, X, y[:-1], targets)
    with pytest.raises(ValueError, match=r"targets has shape \(19, 2\)"):
        function(L, X, y, targets[:-1])
    with pytest.raises(ValueError, match="float64: expected whole numbers"):
        function(L, X, y, targets.astype(float))
    for outside in (20, -2):
        with pytest.raises(ValueError, match="indices outside -1 to 19"):
            function(L, X, y, np.full_like(targets, outside))
    with pytest.raises(TypeError, match="torch tensor"):
        function(torch.from_numpy(L), X, y, targets)
    with pytest.raises(ValueError, match=r"X\[0, 0\] is inf"):
        function(L, np.full_like(X, np.inf), y, targets)


# ---------------------------------------------------------------- impostors


@quick
@given(seed=seeds, grid=st.booleans())
def test_impostors_are_counted_as_listed_the_border_outside(seed, grid):
    """On a grid whole squares differ by exactly 1 often: those points are on the border."""
    rng = np.random.default_rng(seed)
    Z = rng.integers(0, 4, (18, 2)).astype(float) if grid else rng.normal(size=(18, 2))
    y = rng.integers(0, 3, 18)
    targets = target_neighbours(Z, y, 3)
    _, counts = listed(np.eye(2), Z, y, targets, 0.5)
    assert impostor_counts(Z, y, targets).tolist() == counts.tolist()


# ---------------------------------------------------------------- a projected step


def test_a_step_goes_against_the_gradient_and_onto_the_cone():
    L, X, y, targets = problem(9)
    M = L.T @ L
    G = np.linalg.solve(L, lmnn_gradient(L, X, y, targets, 0.5)) / 2  # as 2LG = ∂ε/∂L
    new, step = lmnn_step(M, X, y, targets, 0.5, 1e-5)
    assert step == 1e-5
    assert new == pytest.approx(M - step * G, abs=1e-9)


@quick
@given(seed=seeds, step=st.sampled_from([1e-3, 1.0, 1e4]), rank=st.integers(1, 3))
def test_a_step_is_psd_and_never_higher(seed, step, rank):
    L, X, y, targets = problem(seed, r=rank)
    M = L.T @ L
    new, taken = lmnn_step(M, X, y, targets, 0.5, step)
    assert is_psd(new)
    assert np.array_equal(new, new.T)
    assert np.log2(step / taken) in range(31) if taken else np.array_equal(new, M)
    before, after = (lmnn_loss(factor(N), X, y, targets) for N in (M, new))
    assert after <= before * (1 + 1e-9)


def factor(M):
    values, vectors = np.linalg.eigh(M)
    return np.sqrt(values.clip(min=0))[:, None] * vectors.T


def test_a_step_that_is_too_long_is_halved_as_often_as_it_takes_and_no_more():
    L, X, y, targets = problem(10)
    M = L.T @ L
    _, taken = lmnn_step(M, X, y, targets, 0.5, 1e3)
    assert 0 < taken < 1e3
    again, same = lmnn_step(M, X, y, targets, 0.5, taken)
    assert same == taken
    # twice the step, projected by hand, was refused because it is higher
    G = np.linalg.solve(L, lmnn_gradient(L, X, y, targets, 0.5)) / 2
    twice = factor(M - 2 * taken * G)
    assert lmnn_loss(twice, X, y, targets) > lmnn_loss(L, X, y, targets)
    assert lmnn_loss(factor(again), X, y, targets) <= lmnn_loss(L, X, y, targets)


def test_steps_lead_down_to_the_minimum():
    """On a line M is a number, ε = (1 − μ)2M + μ([1 − 5M/4]₊ + 1 + 3M/4): here least at 0.8."""
    X, y = np.array([[0.0], [1.0], [1.5]]), [0, 0, 1]
    targets, M = np.array([[1], [0], [-1]]), np.array([[3.0]])
    for _ in range(60):
        M, _ = lmnn_step(M, X, y, targets, 0.9, 1.0)
    assert pytest.approx(0.8, abs=1e-6) == M
    assert lmnn_loss(np.sqrt(M), X, y, targets, 0.9) == pytest.approx(1.6, abs=1e-6)


def test_a_step_keeps_kind_and_dtype(device):
    L, X, y, targets = problem(11)
    M = torch.from_numpy(L.T @ L).float().to(device)
    new, step = lmnn_step(M, torch.from_numpy(X).float().to(device), y, targets, 0.5, 1e-4)
    assert (new.dtype, new.device.type, step) == (torch.float32, device, 1e-4)


def test_a_step_from_what_is_no_metric():
    L, X, y, targets = problem(12)
    with pytest.raises(ValueError, match="eigenvalue"):
        lmnn_step(-L.T @ L, X, y, targets, 0.5, 1.0)
    with pytest.raises(ValueError, match="M has shape"):
        lmnn_step(np.eye(2), X, y, targets, 0.5, 1.0)
