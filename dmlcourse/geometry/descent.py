"""Descent over a convex set: projected gradients, and subgradients where there is a kink (ch. 03).

Both go downhill, leave the set, and come back by its projection P:

    projected gradient   x ← P(x − s ∇f(x)), with a step s that is found, not guessed
    subgradient          x ← P(x − s g), with steps that shrink by a plan: g need not point downhill

value, gradient and project are the caller's functions. They get the point in float64, as a NumPy
array or a tensor as x is, and return a number or an array of x's shape.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, isnan, sqrt
from typing import Any

import torch
from torch import Tensor

from .arrays import Array, GiveBack, expect_finite, take_any
from .projections import handed, warn_not_converged

# The share of the decrease that the gradient promises which a step has to keep. A quarter accepts
# steps up to 1.5/curvature: below 2, where a step begins to overshoot by more than it gains.
ARMIJO = 0.25

# After so many halvings a step is too short to move anything in float64.
HALVINGS = 60

# Shares of f: a decrease below the first is rounding in any f, one below the second may be rounding
# where f is a long sum.
ROUNDING, LONG_SUM = 1e-14, 1e-10

EPS = torch.finfo(torch.float64).eps


# How many times the first step a later one may be before the value counts as without a bound.
UNBOUNDED = 1e30

REMEDY = (
    "raise max_iter or tol. Where value fell by little or not at all, compare gradient with "
    "differences of value: its sign, its factor."
)


@dataclass(frozen=True)
class Descent:
    """Where a descent ended: the point, f there, how many steps, f along the way, if it settled.

    history holds f at the start and after every step, so it is one longer than steps.
    """

    x: Any
    value: float
    steps: int
    history: tuple[float, ...]
    converged: bool


def projected_gradient(
    value: Callable,
    gradient: Callable,
    project: Callable,
    x: Array,
    step: float = 1.0,
    max_iter: int = 1000,
    tol: float = 1e-8,
) -> Descent:
    """A minimum of a smooth f over a convex set: x ← P(x − s ∇f(x)), starting from P(x).

    The step s is halved until f(x⁺) ≤ f(x) − ¼⟨∇f(x), x − x⁺⟩ for x⁺ = P(x − s∇f(x)), Armijo's
    rule along the projection arc; f never rises. Each iteration begins with twice the last step, so
    a step that was too short once grows again. It has converged when a step moves x by at most
    tol times the largest norm met so far, and a longer one was tried; or when the decrease left is
    lost in the rounding of f. For a convex f the point is then a minimum, else a stationary point.

    step: the first to be tried, in units of x²/f. x: an array of any shape, the start. After
    max_iter steps, or where no step lowers f, a ``ConvergenceWarning`` says what to do. Raises
    ``ValueError`` or ``TypeError`` where x, f(P(x)), a gradient or a projection is not finite, or
    has another shape than x. Sources: Goldstein (1964), Bulletin of the AMS 70, 709-710; Bertsekas
    (1976), IEEE Transactions on Automatic Control 21, 174-184. Chapter 03.
    """
    point, back, f, gradient, project = _problem(value, gradient, "gradient", project, x)
    _expect_positive(step=step, max_iter=max_iter)
    history, size, first = [_start(f, point)], float(point.norm()), step
    for _ in range(max_iter):
        slope = gradient(point)
        found, promised = _armijo(f, project, point, history[-1], slope, step)
        if found is None:
            return _ended(point, back, history, promised <= LONG_SUM * abs(history[-1]))
        moved, longest = float((found.x - point).norm()), step
        point, step = found.x, 2 * found.step
        history.append(found.value)
        size = max(size, float(point.norm()))
        if found.step > UNBOUNDED * first:
            return _ended(point, back, history, False, "value seems to have no lower bound there.")
        if moved <= EPS * size or (moved <= tol * size and found.step < longest):
            return _ended(point, back, history, True)
    return _ended(point, back, history, False)


def subgradient_method(
    value: Callable,
    subgradient: Callable,
    project: Callable,
    x: Array,
    steps: int = 1000,
    length: float = 1.0,
    target: float | None = None,
) -> Descent:
    """The best point met by subgradient steps x ← P(x − s g), for a convex f that may have kinks.

    A subgradient g of f at x has f(z) ≥ f(x) + ⟨g, z − x⟩ for every z; −g need not point downhill,
    so f may rise, and no rule on f can choose the step. Two plans: where the minimum ``target`` is
    known, Polyak's s = (f(x) − target)/‖g‖²; else step k moves by length/√k, s = length/(√k ‖g‖).
    Both bring x nearer to every minimum where the step is short enough, whatever f does.

    x: an array of any shape. converged is True where g = 0 or f reached the target; otherwise all
    ``steps`` were made, and nothing tells how near the minimum is: their cost is O(1/ε²) for an
    error ε. Errors as for ``projected_gradient``. Sources: Shor (1985), Minimization Methods for
    Non-Differentiable Functions; Polyak (1969), USSR Computational Mathematics and Mathematical
    Physics 9, 14-29. Chapter 03.
    """
    point, back, f, subgradient, project = _problem(value, subgradient, "subgradient", project, x)
    _expect_positive(steps=steps, length=length)
    goal = -inf if target is None else float(target)
    history, best = [_start(f, point)], point
    lowest = history[0]
    for k in range(1, steps + 1):
        g = subgradient(point)
        slope = float(g.norm())
        if slope == 0 or history[-1] <= goal:
            return _result(point, back, history, True, history[-1])
        reach = length / sqrt(k) if target is None else (history[-1] - goal) / slope
        point = project(point - reach / slope * g)
        history.append(f(point))
        if history[-1] < lowest:
            best, lowest = point, history[-1]
    return _result(best, back, history, lowest <= goal, lowest)


# ---------------------------------------------------------------- the mathematics


@dataclass(frozen=True)
class _Step:
    x: Tensor
    value: float
    step: float


def _armijo(
    f: Callable[[Tensor], float],
    project: Callable[[Tensor], Tensor],
    x: Tensor,
    height: float,
    slope: Tensor,
    step: float,
) -> tuple[_Step | None, float]:
    """The first of step, step/2, step/4, … that keeps its share of the promised decrease, if any.

    And what the longest promised. A decrease that is lost in rounding counts only for the longest:
    a short step that seems to gain says nothing about the gradient.
    """
    promised = 0.0
    for halvings in range(HALVINGS):
        length = step / 2**halvings
        y = project(x - length * slope)
        promise = float((slope * (x - y)).sum())
        if halvings == 0:
            promised = promise
        elif promise <= ROUNDING * abs(height):
            break
        lower = f(y)
        if lower <= height - ARMIJO * promise:
            return _Step(y, lower, length), promised
    return None, promised


def _ended(
    x: Tensor, back: GiveBack, history: list[float], converged: bool, why: str = REMEDY
) -> Descent:
    if not converged:
        warn_not_converged(
            f"projected_gradient ended after {len(history) - 1} steps at the value "
            f"{history[-1]:.6g}, not converged: {why}"
        )
    return _result(x, back, history, converged, history[-1])


def _result(
    x: Tensor, back: GiveBack, history: list[float], converged: bool, value: float
) -> Descent:
    return Descent(back(x), value, len(history) - 1, tuple(history), converged)


# ---------------------------------------------------------------- functions of the caller


def _problem(
    value: Callable, slope: Callable, name: str, project: Callable, x: Array
) -> tuple[Tensor, GiveBack, Callable, Callable, Callable]:
    """The start, projected, the way back, and the caller's functions as ones of float64 tensors."""
    (point,), back = take_any(x=x)
    expect_finite("x", point)
    come_back = handed(project, "project", back)
    start = come_back(point.detach().double())
    return start, back, _number(value, back), handed(slope, name, back), come_back


def _number(value: Callable, back: GiveBack) -> Callable[[Tensor], float]:
    """value as a function of a tensor; NaN counts as infinite, so that no step ends there."""
    hand = GiveBack(back.numpy, torch.float64)

    def f(x: Tensor) -> float:
        height = float(value(hand(x.clone())))
        return inf if isnan(height) else height

    return f


def _start(f: Callable[[Tensor], float], x: Tensor) -> float:
    height = f(x)
    if not isfinite(height):
        raise ValueError(
            f"value is infinite or NaN at the projected start: got {height}, expected a finite "
            f"number. Start where value is defined."
        )
    return height


def _expect_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < inf:
            raise ValueError(f"{name} is {number}: expected a positive, finite number.")
