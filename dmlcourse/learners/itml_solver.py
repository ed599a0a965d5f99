"""How ITML is solved: by the paper's sweeps, or by L-BFGS on L; either way with a proof.

Coordinates first. With M₀ = L₀ᵀL₀ and z = L₀x the prior is I. The constraints speak of the span of
the differences only, and M stays I outside it: all work is done in that span, of at most m
dimensions.

``lbfgs`` minimises the primal over L, M = LᵀL, where it has no constraint:

    ‖L‖² − 2 log|det L| − r + γ Σ_{violated} (r − log r − 1)

It has a continuous gradient, 2L − 2L⁻ᵀ + 2 Σ wᵢ Lvᵢvᵢᵀ with wᵢ = γ(1/ξ⁰ᵢ − 1/pᵢ). It is convex in
M, and a minimum over square L is one over M. The weights are λᵢ = δᵢwᵢ of the dual, which prove how
near the end is.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from ..geometry.quasi_newton import LBFGS
from .history import Log, Solution, until_proved
from .itml_objective import divergence, dual_values, price, sweep
from .linear import square_root

BORDER = 1e10  # ‖L‖‖L⁻¹‖: beyond it rounding decides what log det is
LOOK = 10  # steps between two looks at the proof
SHARES = torch.cat([torch.ones(1), 1 - 0.5 ** torch.arange(1.0, 31.0)]).double()


class Problem(NamedTuple):
    """Constraints in coordinates in which M₀ = I: V (m, r), δ (m,), ξ⁰ (m,), γ."""

    V: Tensor
    delta: Tensor
    xi0: Tensor
    gamma: float

    def value(self, L: Tensor) -> tuple[float, Tensor]:
        """The primal value of LᵀL, and the weights wᵢ (m,), 0 where the bound is met."""
        p = (self.V @ L.T).square().sum(1)
        value = divergence(L) + price(p / self.xi0, self.delta, self.gamma)
        violated = self.delta * (p - self.xi0) > 0
        return float(value), torch.where(violated, self.gamma * (1 / self.xi0 - 1 / p), 0)

    def value_and_gradient(self, L: Tensor) -> tuple[float, Tensor]:
        """The primal value of LᵀL and its gradient by L, (r, r).

        Where L is singular up to rounding the value counts as infinite, as it is at the border of
        the cone.
        """
        value, w = self.value(L)
        inverse, singular = torch.linalg.inv_ex(L)
        if not isfinite(value) or singular or not L.norm() * inverse.norm() < BORDER:
            return inf, torch.zeros_like(L)
        return value, 2 * (L - inverse.T + ((L @ self.V.T) * w) @ self.V)

    def bound(self, lam: Tensor) -> float:
        """What λ ≥ 0 proves: no metric has a primal value below. Where λ leaves the domain of the
        dual, the best of its shares does the proof.
        """
        values = dual_values(lam, self.V, self.delta, self.xi0, self.gamma, SHARES)
        return max(0.0, float(values.max()))


def solve(problem: Problem, solver: str, tol: float, log: Log) -> Solution:
    """The best map L (r, r), by the method that is asked for."""
    return (lbfgs if solver == "lbfgs" else cyclic)(problem, tol, log)


def lbfgs(problem: Problem, tol: float, log: Log) -> Solution:
    """L-BFGS from M₀, until the gap is below tol of the objective."""
    search = LBFGS(torch.eye(problem.V.shape[1]).to(problem.V))
    search.look(problem.value_and_gradient)

    def look() -> tuple[float, float]:
        value, w = problem.value(search.x)
        return value, problem.bound(problem.delta * w)

    value, gap = until_proved(
        lambda: search.step(problem.value_and_gradient), look, max, tol, log, LOOK
    )
    return Solution(search.x, value, gap, gap <= tol)


def cyclic(problem: Problem, tol: float, log: Log) -> Solution:
    """The paper's sweeps over all constraints, until the gap is below tol of the objective."""
    M = torch.eye(problem.V.shape[1]).to(problem.V)
    delta, xi, lam = problem.delta.tolist(), problem.xi0.tolist(), [0.0] * len(problem.V)

    def step() -> bool:
        nonlocal M
        M = sweep(M, problem.V, delta, xi, lam, problem.gamma)
        return True

    def look() -> tuple[float, float]:
        duals = torch.tensor(lam, dtype=torch.float64).to(problem.V)
        return problem.value(square_root(M))[0], problem.bound(duals)

    value, gap = until_proved(step, look, max, tol, log, LOOK)
    return Solution(square_root(M), value, gap, gap <= tol)
