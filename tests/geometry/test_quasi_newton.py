"""L-BFGS: quadratics, a curved valley, a kink, and functions that lie or change."""

import math

import pytest
import torch

from dmlcourse.geometry.quasi_newton import LBFGS


def minimise(function, x, steps=500, memory=20):
    """The search after it has come to rest, and how many steps it took."""
    search = LBFGS(x, memory)
    search.look(function)
    for step in range(steps):
        if not search.step(function):
            return search, step
    return search, steps


def with_gradient(function):
    """The value and autograd's gradient of a function of one tensor."""

    def both(x):
        x = x.detach().requires_grad_()
        value = function(x)
        return float(value.detach()), torch.autograd.grad(value, x)[0]

    return both


def quadratic(seed, d):
    """½ (x − c)ᵀA(x − c) + 3 with eigenvalues from 1 to 100; also its minimiser c."""
    generator = torch.Generator().manual_seed(seed)
    Q, _ = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
    A = Q @ torch.diag(torch.logspace(0, 2, d, dtype=torch.float64)) @ Q.T
    c = torch.randn(d, generator=generator, dtype=torch.float64)

    def function(x):
        gap = (x - c.to(x)).reshape(-1)
        return float(gap @ A.to(x) @ gap) / 2 + 3, (A.to(x) @ gap).reshape(x.shape)

    return function, c


@with_gradient
def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@with_gradient
def kinked(x):
    """w|a² − b| + (1 − a)² with w = 8: the nonsmooth Rosenbrock function of Lewis & Overton."""
    return 8 * (x[0] ** 2 - x[1]).abs() + (1 - x[0]) ** 2


def squares(x):
    return float((x * x).sum()), 2 * x


# ---------------------------------------------------------------- where it ends


@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_a_quadratic_is_solved_in_a_few_times_its_dimension(d, device):
    function, c = quadratic(d, d)
    search, steps = minimise(function, torch.zeros(d, dtype=torch.float64, device=device))
    assert steps <= 6 * d + 10  # how long rounding makes it wander at the end differs by machine
    assert search.x.cpu() == pytest.approx(c, abs=1e-6)
    assert search.value == pytest.approx(3, abs=1e-10)


def test_curvature_makes_it_far_faster_than_straight_descent():
    """With no memory each step goes along −∇f, of length at most 1: it zigzags in the valley."""
    function, _ = quadratic(0, 20)
    start = torch.zeros(20, dtype=torch.float64)
    with_memory, _ = minimise(function, start, steps=40)
    without, _ = minimise(function, start, steps=40, memory=0)
    assert with_memory.value - 3 < 1e-6 < 1e-3 < without.value - 3


def test_a_curved_valley_is_followed_to_its_end():
    search, steps = minimise(rosenbrock, torch.tensor([-1.2, 1.0], dtype=torch.float64))
    assert search.x.tolist() == pytest.approx([1, 1], abs=1e-7)
    assert steps < 60


def test_a_kink_does_not_stop_it_short():
    """At the minimum (1, 1) the function has a kink across the valley and is smooth along it."""
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(2, generator=generator, dtype=torch.float64)
        search, _ = minimise(kinked, start)
        assert search.value < 1e-6
        assert search.x.tolist() == pytest.approx([1, 1], abs=2e-3)


def test_a_pure_kink_is_bracketed():
    search, _ = minimise(with_gradient(lambda x: x.abs().sum()), torch.tensor([0.3, -7.1]).double())
    assert search.value < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 2, 1)])
def test_shape_and_dtype_stay(shape, dtype):
    target = torch.arange(6).reshape(shape).to(dtype)

    def function(x):
        assert (x.shape, x.dtype) == (shape, dtype)
        return float((x - target).square().sum()), 2 * (x - target)

    search, _ = minimise(function, torch.full(shape, 9.0, dtype=dtype))
    assert (search.x.shape, search.x.dtype) == (shape, dtype)
    assert search.x.flatten().tolist() == pytest.approx(range(6), abs=1e-3)


# ---------------------------------------------------------------- what each step promises


@pytest.mark.parametrize("function", [rosenbrock, kinked], ids=["smooth", "kinked"])
def test_every_step_falls_enough_and_value_and_gradient_belong_to_x(function):
    search = LBFGS(torch.tensor([-1.2, 1.0], dtype=torch.float64))
    search.look(function)
    for _ in range(30):
        before, slopes = (search.x, search.value, search.gradient), search.gradient
        moved = search.step(function)
        value, gradient = function(search.x)
        assert search.value == value
        assert torch.equal(search.gradient, gradient)
        if not moved:
            assert torch.equal(search.x, before[0])
            break
        along = float((slopes * (search.x - before[0])).sum())
        assert along < 0
        assert value <= before[1] + 1e-4 * along
        assert float((gradient * (search.x - before[0])).sum()) >= 0.9 * along


def test_the_first_step_has_length_at_most_one_unless_the_line_is_still_steep():
    tried = []

    def steep(x):
        tried.append(x.clone())
        return 1e6 * float((x * x).sum()), 2e6 * x

    search = LBFGS(torch.tensor([3.0, 4.0], dtype=torch.float64))
    search.look(steep)
    search.step(steep)
    assert float((tried[1] - tried[0]).norm()) == pytest.approx(1)


def test_the_start_is_not_written_to():
    start = torch.tensor([3.0, 4.0])
    minimise(squares, start)
    assert start.tolist() == [3, 4]


def test_at_a_minimum_nothing_moves():
    asked = []
    search, steps = minimise(lambda x: (asked.append(x), squares(x))[1], torch.zeros(3))
    assert (steps, search.value, search.x.tolist()) == (0, 0, [0, 0, 0])
    assert len(asked) == 1


def test_a_value_that_is_not_a_number_is_never_accepted():
    """√ of a negative number: the first trial of the line search lands where f is NaN."""

    def function(x):
        value = float(x) - math.log(float(x)) if float(x) > 0 else math.nan
        return value, 1 - 1 / x

    search, _ = minimise(function, torch.tensor([0.4], dtype=torch.float64))
    assert float(search.x) == pytest.approx(1, abs=1e-6)

    def cliff(x):
        return (float(x) if float(x) > 2 else math.nan), torch.ones_like(x)

    search, _ = minimise(cliff, torch.tensor([2.5], dtype=torch.float64), steps=60)
    assert 2 < float(search.x) < 2.01
    assert search.value == float(search.x)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_where_nothing_is_lower_it_says_so_and_stays(bad):
    start = torch.ones(2)
    search = LBFGS(start)
    search.look(squares)
    assert not search.step(lambda x: (bad, torch.ones_like(x)))
    assert torch.equal(search.x, start)
    assert search.value == 2


def test_a_function_without_a_bottom_ends_each_step():
    search, _ = minimise(lambda x: (-float(x.sum()), -torch.ones_like(x)), torch.zeros(1), steps=3)
    assert math.isfinite(search.value)
    assert search.value < -1000


# ---------------------------------------------------------------- a function that changes


def test_look_measures_the_new_function_where_x_is():
    search, _ = minimise(squares, torch.tensor([3.0, 4.0], dtype=torch.float64))

    def moved(x):
        return squares(x - 5)

    before = search.x
    search.look(moved)
    assert torch.equal(search.x, before)
    assert search.value == pytest.approx(50)
    while search.step(moved):
        pass
    assert search.x.tolist() == pytest.approx([5, 5], abs=1e-6)


def test_misleading_memory_is_forgotten():
    """After a plain nearly without slope the first try is so long that thirty halvings are in
    vain; straight downhill still works."""

    def plain(x):
        value, gradient = squares(x)
        return 1e-16 * value, 1e-16 * gradient

    search = LBFGS(torch.tensor([3.0, 4.0], dtype=torch.float64))
    search.look(plain)
    assert search.step(plain)
    search.look(squares)
    before = search.value
    assert search.step(squares)
    assert search.value < before
    assert minimise(squares, search.x)[0].value < 1e-12
