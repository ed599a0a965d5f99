"""The margins of LMNN: nothing that can matter is left off the list, and the numbers are right."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.learners import impostors
from dmlcourse.learners.impostors import Margins, Squares, soft_hinge
from dmlcourse.learners.lmnn import target_neighbours

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def problem(seed, n=24, d=3, classes=3, k=2, mu=0.3, device="cpu", dtype=torch.float64):
    """Margins of random points, and a map L of two rows less than square."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator, dtype=torch.float64)
    y = torch.randint(classes, (n,), generator=generator)
    targets = target_neighbours(X, y, k)
    L = torch.randn(max(1, d - 1), d, generator=generator, dtype=torch.float64)
    X, L = X.to(device, dtype), L.to(device, dtype)
    return Margins(X, y.to(device), targets.to(device), mu), L


def distances(margins, L):
    Z = margins.X @ L.T
    return (Z[:, None] - Z[None]).square().sum(2)


def within_reach(margins, L, slack):
    """The pairs (i, l) as a set, found one by one."""
    D, found = distances(margins, L).tolist(), set()
    for i, row in enumerate(margins.targets.tolist()):
        for j in row:
            for other in range(len(D)):
                apart = margins.y[other] != margins.y[i]
                if j >= 0 and apart and D[i][other] < 1 + D[i][j] + slack:
                    found.add((i, other))
    return found


def listed(margins):
    return list(zip(margins.point.tolist(), margins.impostor.tolist(), strict=True))


# ---------------------------------------------------------------- the list


@quick
@given(seed=seeds, slack=st.sampled_from([0.0, 0.3, 2.0]), k=st.integers(1, 4))
def test_the_list_is_what_trying_every_pair_finds(seed, slack, k):
    margins, L = problem(seed, k=k)
    margins.look_around(L, slack)
    found = listed(margins)
    assert len(found) == len(set(found))
    assert set(found) == within_reach(margins, L, slack)


def test_the_list_is_the_same_in_however_many_parts(monkeypatch, device):
    margins, L = problem(1, device=device)
    margins.look_around(L, 0.1)
    whole, value = listed(margins), margins.value_and_gradient(L, 0.1)
    assert len(whole) > 20
    for room in (1, 2000, 5000):
        monkeypatch.setattr(impostors, "default_bytes", lambda device, room=room: room)
        margins.look_around(L, 0.1)
        assert listed(margins) == whole
        measure, gradient = margins.value_and_gradient(L, 0.1)
        assert measure.smooth == pytest.approx(value[0].smooth, rel=1e-12)
        assert torch.allclose(gradient, value[1], rtol=1e-10, atol=1e-10)


def test_with_slack_every_pair_stays_listed_while_squares_change_by_less_than_half_of_it():
    margins, L = problem(2)
    before = distances(margins, L)
    margins.look_around(L, slack=0.5)
    kept = set(listed(margins))
    moved = L + 0.003
    assert 0 < float((distances(margins, moved) - before).abs().max()) < 0.25
    assert within_reach(margins, moved, 0.0) <= kept


def test_a_point_without_a_target_has_no_impostor():
    X = torch.zeros(3, 1, dtype=torch.float64)
    y, targets = torch.tensor([0, 0, 1]), torch.tensor([[1], [0], [-1]])
    margins = Margins(X, y, targets, 0.5)
    margins.look_around(torch.eye(1, dtype=torch.float64))
    assert listed(margins) == [(0, 2), (1, 2)]


def test_pairs_that_are_added_join_the_list_once():
    margins, L = problem(6)
    margins.look_around(L, slack=2.0)
    wide, numbers = listed(margins), margins.pairs
    assert numbers.tolist() == [24 * i + l for i, l in wide]
    margins.look_around(L)
    narrow = listed(margins)
    margins.add(numbers)
    assert set(narrow) < set(wide)
    assert listed(margins) == sorted(wide)


@pytest.mark.parametrize("most", [6, 10, 24, 100])
def test_thinned_about_so_many_points_keep_their_targets_evenly_by_class(most):
    margins, _ = problem(7, k=2)
    few = margins.thinned(most)
    kept = (few.targets >= 0).any(1)
    assert min(most, 24) / 2 <= int(kept.sum()) <= most
    assert torch.equal(few.targets[kept], margins.targets[kept])
    assert few.X is margins.X
    sizes, all_sizes = (torch.bincount(y, minlength=3) for y in (margins.y[kept], margins.y))
    assert (sizes - all_sizes * kept.double().mean()).abs().max() <= 1


# ---------------------------------------------------------------- the numbers


def objective(margins, L, hinge):
    """(1 − μ)·pull + μ·push over every triplet, with autograd."""
    D = distances(margins, L)
    there = margins.targets >= 0
    pull = D.gather(1, margins.targets.clamp(min=0))
    hinges = hinge(1 + pull[:, :, None] - D[:, None, :])
    counted = there[:, :, None] & (margins.y[:, None] != margins.y)[:, None, :]
    return (1 - margins.mu) * (pull * there).sum() + margins.mu * (hinges * counted).sum()


@quick
@given(seed=seeds, width=st.sampled_from([0.02, 0.5, 2.0]), k=st.integers(1, 3))
def test_value_and_gradient_are_those_of_the_sum_over_every_triplet(seed, width, k):
    margins, L = problem(seed, k=k)
    margins.look_around(L, slack=width)
    measure, gradient = margins.value_and_gradient(L, width)
    L.requires_grad_()
    smooth = objective(margins, L, lambda z: soft_hinge(z, width)[0])
    exact = objective(margins, L, lambda z: z.clamp(min=0))
    assert measure.exact == pytest.approx(exact.item(), rel=1e-12)
    assert measure.smooth == pytest.approx(smooth.item(), rel=1e-12)
    (expected,) = torch.autograd.grad(smooth, L)
    assert torch.allclose(gradient, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_every_device_and_in_both_dtypes(device, dtype):
    expected, L = problem(3)
    expected.look_around(L, 0.1)
    value, gradient = expected.value_and_gradient(L, 0.1)
    margins, L = problem(3, device=device, dtype=dtype)
    margins.look_around(L, 0.1)
    measure, found = margins.value_and_gradient(L, 0.1)
    assert (found.dtype, found.device.type) == (dtype, device)
    assert measure.smooth == pytest.approx(value.smooth, rel=1e-5)
    assert torch.allclose(found.cpu().double(), gradient, rtol=1e-4, atol=1e-4)


def test_squares_are_linear_in_the_metric():
    """What ``polish`` relies on: the squares of a mixture of metrics are the mixture of squares."""
    margins, L = problem(4)
    other = torch.eye(3, dtype=torch.float64)
    margins.look_around(L, slack=5.0)
    M = 0.25 * L.T @ L + 0.75 * other
    mixed = margins.squares(margins.X @ torch.linalg.cholesky(M))
    ends = [margins.squares(margins.X @ end.T) for end in (L, other)]
    for name in Squares._fields:
        one, two = (getattr(end, name) for end in ends)
        assert torch.allclose(getattr(mixed, name), 0.25 * one + 0.75 * two, rtol=1e-12)


def test_shares_and_pulls_are_the_derivatives_by_the_squares():
    margins, L = problem(5)
    margins.look_around(L, slack=0.5)
    squares = margins.squares(margins.X @ L.T)
    measure = margins.measure(squares, 0.5)
    step = 1e-6
    for at in range(0, len(margins.point), 7):
        push = squares.push.clone()
        push[at] += step
        change = margins.measure(Squares(squares.pull, push), 0.5).smooth - measure.smooth
        assert change / step == pytest.approx(
            -margins.mu * float(measure.shares[at].sum()), abs=1e-5
        )
    for at in range(0, len(margins.anchor), 5):
        pull = squares.pull.clone()
        pull[at] += step
        change = margins.measure(Squares(pull, squares.push), 0.5).smooth - measure.smooth
        caused = float(measure.pulls[margins.anchor[at], margins.slot[at]])
        assert change / step == pytest.approx(1 - margins.mu + margins.mu * caused, abs=1e-5)


# ---------------------------------------------------------------- the rounded hinge


def test_the_rounded_hinge_by_hand():
    z = torch.tensor([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0], dtype=torch.float64)
    value, share = soft_hinge(z, 1.0)
    assert value.tolist() == [0, 0, 0.25, 0.5625, 1, 3]
    assert share.tolist() == [0, 0, 0.5, 0.75, 1, 1]


@quick
@given(z=st.floats(-5, 5), width=st.floats(1e-3, 2))
def test_the_rounded_hinge_is_above_the_hinge_by_a_quarter_of_the_width_at_most(z, width):
    value, share = (float(t) for t in soft_hinge(torch.tensor([z], dtype=torch.float64), width))
    assert -1e-12 <= value - max(z, 0) <= width / 4 + 1e-12
    assert 0 <= share <= 1
    assert max(z, 0) >= share * z  # what the lower bound uses


@quick
@given(z=st.floats(-3, 3), width=st.floats(0.05, 2))
def test_its_share_is_its_derivative(z, width):
    z = torch.tensor([z], dtype=torch.float64)
    _, share = soft_hinge(z, width)
    ahead, behind = (soft_hinge(z + h, width)[0].item() for h in (1e-7, -1e-7))
    assert share.item() == pytest.approx((ahead - behind) / 2e-7, abs=1e-5)
