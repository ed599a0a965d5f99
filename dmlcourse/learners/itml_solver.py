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

from typing import NamedTuple

import torch
from torch import Tensor

from ..geometry.quasi_newton import LBFGS
from .history import Log, Solution
from .itml_objective import divergence, dual_values, price, sweep
from .linear import square_root

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
        """The primal value of LᵀL and its gradient by L, (r, r)."""
        value, w = self.value(L)
        if value == torch.inf or value != value:
            return torch.inf, torch.zeros_like(L)
        inverse = torch.linalg.inv(L)
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
    search, best = LBFGS(torch.eye(problem.V.shape[1]).to(problem.V)), 0.0
    search.look(problem.value_and_gradient)
    moved = True
    while True:
        if log.steps % LOOK == 0 or log.spent or not moved:
            value, w = problem.value(search.x)
            best = max(best, problem.bound(problem.delta * w))
            gap = _gap(value, best)
            log.add(value, gap)
            if gap <= tol or log.spent or not moved:
                return Solution(search.x, value, gap, gap <= tol)
        moved = search.step(problem.value_and_gradient)
        log.steps += moved


def cyclic(problem: Problem, tol: float, log: Log) -> Solution:
    """The paper's sweeps over all constraints, until the gap is below tol of the objective."""
    M, best = torch.eye(problem.V.shape[1]).to(problem.V), 0.0
    delta, xi, lam = problem.delta.tolist(), problem.xi0.tolist(), [0.0] * len(problem.V)
    while True:
        if log.steps % LOOK == 0 or log.spent:
            L = square_root(M)
            value, _ = problem.value(L)
            best = max(best, problem.bound(torch.tensor(lam, dtype=torch.float64).to(problem.V)))
            gap = _gap(value, best)
            log.add(value, gap)
            if gap <= tol or log.spent:
                return Solution(L, value, gap, gap <= tol)
        M = sweep(M, problem.V, delta, xi, lam, problem.gamma)
        log.steps += 1


def _gap(value: float, best: float) -> float:
    """How far the value is above the bound, as a share of it; never negative by rounding."""
    return max(0.0, (value - best) / value) if value > 0 else 0.0
