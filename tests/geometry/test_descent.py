"""Projected gradients and subgradients: known minima, and what a wrong gradient leads to."""

from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from sklearn.exceptions import ConvergenceWarning

from dmlcourse.geometry import (
    project_halfspace,
    project_psd,
    projected_gradient,
    subgradient_method,
)

quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def anywhere(x):
    return x


def box(x):
    return np.clip(x, 0, 1)


def quadratic(seed, d, condition=20.0):
    """½(x − c)ᵀH(x − c), its gradient, H and c."""
    A, c = draw(seed, (d, d), d)
    Q, _ = np.linalg.qr(A)
    H = (Q * np.geomspace(1, condition, d)) @ Q.T
    return (lambda x: (x - c) @ H @ (x - c) / 2), (lambda x: H @ (x - c)), H, c


# ---------------------------------------------------------------- known minima


@quick
@given(seed=seeds, d=st.integers(1, 6))
def test_without_a_set_a_quadratic_leads_to_its_centre(seed, d):
    value, gradient, _, c = quadratic(seed, d)
    found = projected_gradient(value, gradient, anywhere, np.zeros(d))
    assert found.converged
    assert found.x == pytest.approx(c, abs=1e-5)


@quick
@given(seed=seeds, d=st.integers(1, 6))
def test_a_quadratic_on_a_box_meets_scipy(seed, d):
    """An active-set method, which ends at the optimum itself: the norm of R(x − c) with H = RᵀR."""
    value, gradient, H, c = quadratic(seed, d)
    found = projected_gradient(value, gradient, box, np.full(d, 0.5))
    R = np.linalg.cholesky(H).T
    peer = lsq_linear(R, R @ c, bounds=(0, 1), method="bvls", tol=1e-14)
    assert found.converged
    assert found.value <= value(peer.x) + 1e-9
    assert found.x == pytest.approx(peer.x, abs=1e-4)


@quick
@given(seed=seeds, d=st.integers(2, 6))
def test_a_quadratic_on_a_half_space_in_closed_form(seed, d):
    """Outside the half-space x = c − H⁻¹a (⟨a, c⟩ − b)/(aᵀH⁻¹a); inside x = c."""
    value, gradient, H, c = quadratic(seed, d)
    (a,) = draw(seed + 1, d)
    back = np.linalg.solve(H, a)
    expected = c - max(0, a @ c - 0.1) / (a @ back) * back
    found = projected_gradient(
        value, gradient, lambda x: project_halfspace(x, a, 0.1), np.zeros(d), tol=1e-10
    )
    assert found.x == pytest.approx(expected, abs=1e-5)


@quick
@given(seed=seeds, d=st.integers(1, 5))
def test_the_nearest_psd_matrix_is_a_minimum_over_the_cone(seed, d):
    (A,) = draw(seed, (d, d))
    found = projected_gradient(
        lambda M: np.square(M - A).sum(), lambda M: 2 * (M - A), project_psd, np.eye(d)
    )
    assert found.x == pytest.approx(project_psd(A), abs=1e-6)


def test_a_weighted_fit_over_the_cone_meets_the_conditions_of_its_optimum():
    """At a minimum X over the cone the gradient G is PSD and ⟨G, X⟩ = 0."""
    A, W = draw(0, (4, 4), (4, 4))
    A, W = A + A.T, np.exp(W + W.T)
    found = projected_gradient(
        lambda M: (W * np.square(M - A)).sum() / 2, lambda M: W * (M - A), project_psd, np.eye(4)
    )
    G = W * (found.x - A)
    assert found.converged
    assert np.linalg.eigvalsh(G)[0] > -1e-5
    assert (G * found.x).sum() == pytest.approx(0, abs=1e-5)


def test_a_linear_objective_ends_in_a_corner():
    found = projected_gradient(
        lambda x: x @ [1.0, -2.0], lambda x: np.array([1.0, -2.0]), box, [0.5, 0.5]
    )
    assert found.converged
    assert found.x.tolist() == [0, 1]


def test_a_start_outside_is_projected_first():
    found = projected_gradient(lambda x: x.sum(), np.ones_like, box, np.array([5.0, -5.0]))
    assert found.history[0] == 1
    assert found.x.tolist() == [0, 0]


def test_a_start_at_the_minimum_stays():
    found = projected_gradient(lambda x: x @ x, lambda x: 2 * x, box, np.zeros(2))
    assert (found.x.tolist(), found.value, found.converged) == ([0, 0], 0, True)


# ---------------------------------------------------------------- steps


@quick
@given(seed=seeds, step=st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_value_never_rises_whatever_the_first_step(seed, step):
    value, gradient, _, _ = quadratic(seed, 4)
    found = projected_gradient(value, gradient, box, np.full(4, 0.5), step=step)
    assert found.converged
    assert (np.diff(found.history) <= 0).all()
    assert found.history[-1] == found.value == value(found.x)
    assert len(found.history) == found.steps + 1


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_a_change_of_units_changes_neither_the_point_nor_the_verdict(scale):
    value, gradient, _, c = quadratic(0, 4)
    found = projected_gradient(
        lambda x: scale * value(x), lambda x: scale * gradient(x), anywhere, np.zeros(4)
    )
    assert found.converged
    assert found.x == pytest.approx(c, abs=1e-5)
    found = projected_gradient(
        lambda x: value(x / scale), lambda x: gradient(x / scale) / scale, anywhere, np.zeros(4)
    )
    assert found.converged
    assert found.x / scale == pytest.approx(c, abs=1e-5)


def test_a_step_that_is_cut_at_a_bend_grows_again():
    """f bends sharply near zero only: √(10⁻⁶ + x²) + x²/2000. The start is far off."""

    def value(x):
        return float(np.sqrt(1e-6 + x @ x) + (x @ x) / 2000)

    def gradient(x):
        return x / np.sqrt(1e-6 + x @ x) + x / 1000

    found = projected_gradient(value, gradient, lambda x: np.maximum(x, -900), np.array([900.0]))
    assert found.converged
    assert found.x == pytest.approx([0], abs=1e-4)


def test_a_large_constant_does_not_stop_it_from_converging():
    value, gradient, _, c = quadratic(0, 3)
    found = projected_gradient(lambda x: 1e9 + value(x), gradient, anywhere, np.zeros(3))
    assert found.converged
    assert found.x == pytest.approx(c, abs=1e-2)


def test_a_value_that_is_nan_beyond_its_domain_shortens_the_step():
    """−log x + x has its minimum at 1, and no value below zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = projected_gradient(
            lambda x: float((x - np.log(x)).sum()), lambda x: 1 - 1 / x, anywhere, [5.0], step=100
        )
    assert found.x == pytest.approx([1], abs=1e-6)


# ---------------------------------------------------------------- what may go wrong


@pytest.mark.parametrize("factor", [-1.0, -1e-3, -1e3])
def test_a_gradient_of_the_wrong_sign_warns(factor):
    value, gradient, _, _ = quadratic(0, 3)
    with pytest.warns(ConvergenceWarning, match=r"not converged.*compare gradient.*sign"):
        found = projected_gradient(value, lambda x: factor * gradient(x), anywhere, np.zeros(3))
    assert not found.converged


def test_too_few_steps_warn_at_the_line_that_called():
    value, gradient, _, _ = quadratic(0, 3, condition=1e4)
    with pytest.warns(ConvergenceWarning, match=r"ended after 3 steps.*raise max_iter") as caught:
        found = projected_gradient(value, gradient, anywhere, np.zeros(3), max_iter=3)
    assert (found.steps, found.converged) == (3, False)
    assert caught[0].filename == __file__


def test_what_is_refused():
    value, gradient, _, _ = quadratic(0, 2)
    with pytest.raises(ValueError, match="value is infinite or NaN at the projected start"):
        projected_gradient(lambda x: np.nan, gradient, anywhere, np.zeros(2))
    with pytest.raises(
        ValueError, match=r"gradient returned a NumPy array of shape .1,.: expected"
    ):
        projected_gradient(value, lambda x: x[:1], anywhere, np.zeros(2))
    with pytest.raises(ValueError, match="project returned NaN"):
        projected_gradient(value, gradient, lambda x: x * np.nan, np.zeros(2))
    with pytest.raises(TypeError, match="project returned None"):
        projected_gradient(value, gradient, lambda x: None, np.zeros(2))
    with pytest.raises(TypeError, match="subgradient returned None"):
        subgradient_method(value, lambda x: None, anywhere, np.zeros(2))
    with pytest.raises(ValueError, match=r"x\[1\] is nan"):
        projected_gradient(value, gradient, anywhere, [0, np.nan])
    with pytest.raises(ValueError, match="step is 0"):
        projected_gradient(value, gradient, anywhere, np.zeros(2), step=0)
    with pytest.raises(ValueError, match="length is -1"):
        subgradient_method(value, gradient, anywhere, np.zeros(2), length=-1)


def test_functions_that_write_to_their_argument_do_no_harm():
    value, gradient, _, _ = quadratic(0, 3)

    def spoilt(function):
        def call(x):
            result = function(x.copy())
            x[:] = 99
            return result

        return call

    start = np.zeros(3)
    rough = projected_gradient(spoilt(value), spoilt(gradient), spoilt(box), start)
    assert rough.history == projected_gradient(value, gradient, box, start).history
    assert not start.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_go_through_tensors(device, dtype):
    c = torch.tensor([2.0, -0.5], dtype=torch.float64, device=device)
    for method in (projected_gradient, subgradient_method):
        found = method(
            lambda x: (x - c).square().sum(),
            lambda x: 2 * (x - c),
            lambda x: x.clamp(0, 1),
            torch.full((2,), 0.5, dtype=dtype, device=device),
        )
        assert (found.x.dtype, found.x.device.type) == (dtype, device)
        assert found.x.cpu().numpy() == pytest.approx([1, 0], abs=1e-6)
        assert isinstance(found.value, float)


# ---------------------------------------------------------------- subgradients


def absolute(x):
    return np.abs(x - [3.0, -2.0]).sum()


def sign(x):
    return np.sign(x - [3.0, -2.0])


def test_polyak_steps_reach_a_known_minimum():
    found = subgradient_method(absolute, sign, anywhere, np.zeros(2), target=0.0, steps=200)
    assert found.value == pytest.approx(0, abs=1e-9)
    assert found.x == pytest.approx([3, -2], abs=1e-9)


def test_polyak_steps_on_a_box_reach_the_constrained_minimum():
    """The minimum over the box is at (1, 0), where f = 2 + 2."""
    found = subgradient_method(absolute, sign, box, np.full(2, 0.25), target=4.0)
    assert found.converged
    assert found.x == pytest.approx([1, 0], abs=1e-12)


@quick
@given(seed=seeds)
def test_polyak_steps_come_nearer_to_the_minimum_every_time(seed):
    value, gradient, _, c = quadratic(seed, 3)
    ends = [
        subgradient_method(value, gradient, anywhere, np.zeros(3), steps=k, target=0.0).x
        for k in (1, 2, 4, 8, 16)
    ]
    distances = [np.linalg.norm(x - c) for x in [np.zeros(3), *ends]]
    assert (np.diff(distances) <= 1e-12).all()


def test_shrinking_steps_keep_their_promise():
    """After k steps of length ℓ/√i the best value is within G(R² + ℓ²Σ1/i)/(2ℓΣ1/√i)."""
    found = subgradient_method(absolute, sign, anywhere, np.zeros(2), steps=400, length=2.0)
    i = np.arange(1, 401)
    bound = sqrt(2) * (13 + 4 * (1 / i).sum()) / (2 * 2 * (1 / np.sqrt(i)).sum())
    assert found.value <= bound
    assert (found.steps, found.converged) == (400, False)


def test_the_best_point_is_returned_not_the_last():
    found = subgradient_method(absolute, sign, anywhere, np.zeros(2), steps=50, length=3.0)
    assert found.value == min(found.history) == absolute(found.x)
    assert found.history[-1] > found.value
    assert (np.diff(found.history) > 0).any()


def test_a_subgradient_of_zero_is_a_minimum():
    found = subgradient_method(absolute, sign, anywhere, np.array([3.0, -2.0]))
    assert (found.steps, found.value, found.converged) == (0, 0.0, True)


def test_the_first_steps_by_hand():
    found = subgradient_method(lambda x: abs(x[0]), np.sign, anywhere, [2.5], steps=3)
    assert found.history == pytest.approx((2.5, 1.5, 1.5 - 1 / sqrt(2), 1.5 - 1.284457), abs=1e-6)


def test_a_value_without_a_lower_bound_is_told():
    with pytest.warns(ConvergenceWarning, match="no lower bound"):
        found = projected_gradient(
            lambda x: float(x[0]), lambda x: np.array([1.0, 0.0]), lambda x: x, np.zeros(2)
        )
    assert not found.converged
