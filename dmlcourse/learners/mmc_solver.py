"""How MMC is solved, and the proof that comes with each result.

In coordinates z in which the similar pairs have scatter I, the budget is tr(M) ≤ 1, and the map L
of a metric at its limit is a point of a sphere, ‖L‖ = 1. The objective is Σ_D ‖Lv‖, which is convex
in L. A convex function lies above its tangents, and on the sphere a tangent is largest where L is
parallel to its gradient. So

    L ← ∇/‖∇‖,    ∇ = Σ_D (Lv/‖Lv‖) vᵀ,

never lowers the objective, has no step to choose, and costs two products of matrices: the
generalised power method (Journée, Nesterov, Richtárik & Sepulchre 2010, Journal of Machine Learning
Research 11, 517-553).

The proof: in M the objective g is concave, so g(N) ≤ g(M) + ⟨G, N − M⟩ for every N, with G = ∂g/∂M.
⟨G, M⟩ = g(M)/2, because g(tM) = √t g(M), and ⟨G, N⟩ ≤ λ_max(G) where tr(N) ≤ 1. So no metric
within the budget passes g(M)/2 + λ_max(G), which equals g(M) at the optimum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .history import Log, Solution
from .linear import square_root
from .mmc_objective import diagonal_parts, projected_step

RIDGE = 1e-6  # of the scatter of all pairs, where the similar ones do not span the space
FLAT = 1e-10
LOOK = 10  # steps of the power method between two looks at the proof


class Problem:
    """Differences S (m_S, d) and D (m_D, d) of similar and dissimilar pairs, and how to measure.

    ``unit`` (d,): each feature's own unit, the root mean square of all differences in it. Features
    without differences are left out (``there``), and so are pairs of D at distance 0. ``flat``: in
    how many directions the similar pairs agree and dissimilar ones do not, so that nothing limits
    the objective there. Then S gets more rows, small ones, one for each feature.
    """

    def __init__(self, S: Tensor, D: Tensor, diagonal: bool) -> None:
        D = D[D.any(1)]  # a pair at distance 0 adds nothing, whatever the metric
        if not len(D):
            raise ValueError(
                "All dissimilar pairs are at distance 0: there is nothing to pull apart."
            )
        largest = torch.cat([S, D]).abs().amax(0)
        self.there = largest > 0
        largest = largest[self.there]
        S, D = (pairs[:, self.there] / largest for pairs in (S, D))
        spread = torch.cat([S, D]).square().mean(0).sqrt()
        self.S, self.D, self.unit = S / spread, D / spread, largest * spread
        self.flat = self._flat_directions(diagonal)
        if self.flat:
            ridge = torch.eye(len(self.unit)).to(S) * (RIDGE * len(S)) ** 0.5
            self.S = torch.cat([self.S, ridge])

    def _flat_directions(self, diagonal: bool) -> int:
        values, vectors = torch.linalg.eigh(self.S.T @ self.S)
        if diagonal:
            values, vectors = self.S.square().sum(0), torch.eye(len(self.unit)).to(self.S)
        flat = vectors[:, values <= FLAT * len(self.S)]
        return int(((self.D @ flat).square().mean(0) > FLAT).sum())

    def whitened(self) -> tuple[Tensor, Tensor]:
        """W (d, r) with WᵀAW = I, and the differences DW of the dissimilar pairs."""
        values, vectors = torch.linalg.eigh(self.S.T @ self.S)
        kept = values > FLAT * len(self.S)  # the others are flat for dissimilar pairs too
        W = vectors[:, kept] / values[kept].sqrt()
        return W, self.D @ W

    def outward(self, L: Tensor) -> Tensor:
        """The map of the points as they came, for a map of features in their own units."""
        full = L.new_zeros(len(L), len(self.there))
        full[:, self.there] = L / self.unit
        return full


def solve(problem: Problem, solver: str, diagonal: bool, tol: float, log: Log) -> Solution:
    """The best map, by the method that is asked for."""
    if diagonal:
        found = newton(problem, tol, log)
    elif solver == "power":
        found = power(problem, tol, log)
    else:
        found = projections(problem, tol, log)
    return found._replace(L=problem.outward(found.L))


def power(problem: Problem, tol: float, log: Log) -> Solution:
    """L ← ∇/‖∇‖ from the identity, until the gap is below tol of the objective."""
    W, D = problem.whitened()
    L, limit = torch.eye(D.shape[1]).to(D) / D.shape[1] ** 0.5, torch.inf
    while True:
        Z = D @ L.T
        if log.steps % LOOK == 0 or log.spent:
            value, bound = proof(Z, D)
            limit = max(value, min(limit, bound))  # not below it by rounding
            log.add(value, limit / value - 1)
            if limit - value <= tol * value or log.spent:
                return Solution(L @ W.T, value, limit / value - 1, limit - value <= tol * value)
        directions = torch.nn.functional.normalize(Z, dim=1, eps=torch.finfo(Z.dtype).tiny)
        L = directions.T @ D
        L = L / L.norm()
        log.steps += 1


def proof(Z: Tensor, D: Tensor) -> tuple[float, float]:
    """Σ_D ‖Lv‖ for images Z = D Lᵀ with ‖L‖ = 1, and a number that no metric passes.

    Both for the budget tr(M) ≤ 1. A dissimilar pair that L has brought to distance 0 has no
    gradient there; then nothing is proved.
    """
    distances = Z.norm(dim=1)
    value = float(distances.sum())
    if not distances.min() > 0:
        return value, torch.inf
    G = (D.T * (0.5 / distances)) @ D
    return value, value / 2 + float(torch.linalg.eigvalsh(G)[-1])


def projections(problem: Problem, tol: float, log: Log) -> Solution:
    """The paper's ascent: ``mmc_step`` with a rate that grows by 5 % after a success, else halves.

    It ends where a success raises the objective by less than tol of it; the gap is measured, not
    waited for.
    """
    W, whitened = problem.whitened()
    S, D, inward = problem.S, problem.D, torch.linalg.pinv(W)
    A = S.T @ S
    M = torch.eye(len(A)).to(A) / A.trace()
    value, rate, limit, done = _separation(M, D), 0.1 * float(M.norm()) / len(D), torch.inf, False
    while not done and not log.spent:
        candidate = projected_step(M, S, D, rate)
        candidate = candidate / (A * candidate).sum()
        reached = _separation(candidate, D)
        log.steps += 1
        if reached > value:
            done, rate = reached - value <= tol * value, rate * 1.05
            M, value = candidate, reached
        else:
            rate /= 2
            done = rate * len(D) < torch.finfo(M.dtype).eps * float(M.norm())
        if log.steps % LOOK == 0 or done or log.spent:
            L = square_root(M)
            bound = proof(whitened @ (L @ inward.T).T, whitened)[1]
            limit = max(value, min(limit, bound))
            log.add(value, limit / value - 1)
    return Solution(square_root(M), value, limit / value - 1, done)


def newton(problem: Problem, tol: float, log: Log) -> Solution:
    """Newton–Raphson on f for a diagonal M, in units in which Σ_S wⱼsⱼ² is Σ wⱼ.

    A weight that a step would make negative is set to 0, and stays there while f rises with it
    (projected Newton; Bertsekas 1982, SIAM Journal on Control and Optimization 20, 221-246).
    """
    unit = problem.S.square().sum(0).sqrt()
    squares, price = (problem.D / unit).square(), torch.ones_like(unit)
    w, limit = price / (2 * len(price)), torch.inf
    while True:
        at = diagonal_parts(w, price, squares)
        value, bound = diagonal_proof(w, squares)
        limit = max(value, min(limit, bound))
        log.add(value, limit / value - 1)
        moved = None if limit - value <= tol * value or log.spent else _newton_step(w, squares, *at)
        if moved is None:
            L = (w / w.sum()).sqrt() / unit
            return Solution(L.diag(), value, limit / value - 1, limit - value <= tol * value)
        w, log.steps = moved / (2 * moved.sum()), log.steps + 1  # the best scale has Σ w = ½


def _newton_step(
    w: Tensor, squares: Tensor, value: Tensor, gradient: Tensor, hessian: Tensor
) -> Tensor | None:
    """w after one projected step downhill, with no pair at distance 0, where f has no gradient.

    None where rounding leaves no such step.
    """
    free, price = (w > 0) | (gradient < 0), torch.ones_like(w)
    inner = hessian[free][:, free]
    inner = inner + torch.eye(len(inner)).to(w) * (1e-12 * inner.trace())
    step = torch.zeros_like(w)
    step[free] = -torch.linalg.solve(inner, gradient[free])
    for halvings in range(40):
        moved = (w + step / 2**halvings).clamp(min=0)
        fall, apart = gradient @ (moved - w), (squares @ moved).min() > 0
        if apart and fall < 0 and diagonal_parts(moved, price, squares)[0] <= value + 1e-4 * fall:
            return moved
    return None


def diagonal_proof(w: Tensor, squares: Tensor) -> tuple[float, float]:
    """Σ_D d_M for w with Σ wⱼ = 1, and a number that no weights pass: g/2 + max ∂g/∂wⱼ."""
    roots = (squares @ (w / w.sum())).sqrt()
    value = float(roots.sum())
    if not roots.min() > 0:
        return value, torch.inf
    return value, value / 2 + float((squares.T @ (0.5 / roots)).max())


def _separation(M: Tensor, D: Tensor) -> float:
    return float(((D @ M) * D).sum(1).clamp(min=0).sqrt().sum())
