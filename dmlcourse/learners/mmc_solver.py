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

from typing import NamedTuple

import torch
from torch import Tensor

from .coordinates import whitening
from .history import Log, Solution, until_proved
from .linear import square_root
from .mmc_objective import diagonal_parts, projected_step

RIDGE = 1e-6  # of the scatter of all pairs, where the similar ones do not span the space
FLAT = 1e-10
LOOK = 10  # steps of the power method between two looks at the proof


class Problem(NamedTuple):
    """Differences S (m_S, r) and D (m_D, r) of similar and dissimilar pairs, z = into·x.

    In these coordinates all pairs together have variance 1 in every direction (in every feature,
    for a diagonal M). Directions in which all pairs agree up to rounding are left out, and so are
    pairs of D at distance 0. into: (r, d); back: (d, r), x = back·z for every difference x.
    flat: in how many directions the similar pairs agree, so that nothing limits the objective
    there. Then S has r more rows, small ones, one for each direction.
    """

    S: Tensor
    D: Tensor
    into: Tensor
    back: Tensor
    flat: int


def pose(S: Tensor, D: Tensor, diagonal: bool, eps: float) -> Problem:
    """The problem of these differences, (m_S, d) and (m_D, d); eps is the rounding of the data."""
    together = torch.cat([S, D])
    scale = together.abs().amax(0)
    scale = torch.where(scale > 0, scale, 1)
    into, back = (_features if diagonal else whitening)(together / scale, eps)
    S, D = S / scale @ into, D / scale @ into
    D = D[D.any(1)]
    if not len(D):
        raise ValueError("All dissimilar pairs are at distance 0: there is nothing to pull apart.")
    spread = S.square().sum(0) if diagonal else torch.linalg.svdvals(S).square()
    r = into.shape[1]
    flat = r - int((spread > FLAT * len(S)).sum())
    if flat:
        S = torch.cat([S, torch.eye(r).to(S) * (RIDGE * len(S)) ** 0.5])
    return Problem(S, D, into.T / scale, back * scale[:, None], flat)


def _features(X: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """As ``whitening``, each feature by itself."""
    spread = X.square().mean(0).sqrt()
    there = torch.eye(len(spread)).to(X)[:, spread > eps * spread.amax()]
    return there / spread[:, None].clamp(min=1e-300), there * spread[:, None]


def solve(problem: Problem, solver: str, diagonal: bool, tol: float, log: Log) -> Solution:
    """The best map, by the method that is asked for."""
    if diagonal:
        found = newton(problem, tol, log)
    elif solver == "power":
        found = power(problem, tol, log)
    else:
        found = projections(problem, tol, log)
    return found._replace(L=found.L @ problem.into)


def white(problem: Problem) -> tuple[Tensor, Tensor]:
    """W (r, r) with WᵀAW = I, and the differences DW of the dissimilar pairs."""
    _, sizes, rows = torch.linalg.svd(problem.S, full_matrices=False)
    W = rows.T / sizes
    return W, problem.D @ W


def power(problem: Problem, tol: float, log: Log) -> Solution:
    """L ← ∇/‖∇‖ from the identity, until the gap is below tol of the objective."""
    W, D = white(problem)
    L = torch.eye(len(W)).to(D) / len(W) ** 0.5

    def step() -> bool:
        nonlocal L
        Z = D @ L.T
        directions = torch.nn.functional.normalize(Z, dim=1, eps=torch.finfo(Z.dtype).tiny)
        L = directions.T @ D
        L = L / L.norm()
        return True

    value, gap = until_proved(step, lambda: proof(D @ L.T, D), min, tol, log, LOOK)
    return Solution(L @ W.T, value, gap, gap <= tol)


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

    In each feature's own unit, and with a step more than the paper: the result of each is scaled up
    to spend the whole budget. It ends, too, where a success raises the objective by less than tol
    of it, and where no rate raises it any more.
    """
    unit = problem.back.square().sum(1).sqrt()
    unit = torch.where(unit > 0, unit, 1)
    out = problem.back / unit[:, None]
    S, D = problem.S @ out.T, problem.D @ out.T
    A = S.T @ S
    W, whitened = white(problem)
    inward = torch.linalg.inv(W).T
    M = torch.eye(len(A)).to(A) / A.trace()
    rate, eps = 0.1 * float(M.norm()) / len(D), torch.finfo(M.dtype).eps

    def step() -> bool:
        nonlocal M, rate
        candidate = projected_step(M, S, D, rate)
        candidate = candidate / (A * candidate).sum()
        gain = separation(candidate, D) / separation(M, D) - 1
        M, rate = (candidate, 1.05 * rate) if gain > 0 else (M, rate / 2)
        return gain > tol or (gain <= 0 and rate * len(D) > eps * float(M.norm()))

    def look() -> tuple[float, float]:
        return proof(whitened @ (square_root(M) @ out @ inward).T, whitened)

    value, gap = until_proved(step, look, min, tol, log, LOOK)
    return Solution(square_root(M) @ out, value, gap, gap <= tol)


def separation(M: Tensor, D: Tensor) -> float:
    """Σ_D d_M."""
    return float(((D @ M) * D).sum(1).clamp(min=0).sqrt().sum())


def newton(problem: Problem, tol: float, log: Log) -> Solution:
    """Newton–Raphson on f for a diagonal M, in units in which Σ_S wⱼsⱼ² is Σ wⱼ.

    A weight that a step would make negative is set to 0, and stays there while f rises with it
    (projected Newton; Bertsekas 1982, SIAM Journal on Control and Optimization 20, 221-246).
    """
    unit = problem.S.square().sum(0).sqrt()
    squares = (problem.D / unit).square()
    w = torch.full_like(unit, 1 / (2 * len(unit)))

    def step() -> bool:
        nonlocal w
        moved = _newton_step(w, squares)
        if moved is not None:
            w = moved / (2 * moved.sum())  # the best scale has Σ w = ½
        return moved is not None

    value, gap = until_proved(step, lambda: diagonal_proof(w, squares), min, tol, log)
    return Solution(((w / w.sum()).sqrt() / unit).diag(), value, gap, gap <= tol)


def _newton_step(w: Tensor, squares: Tensor) -> Tensor | None:
    """w after one projected step downhill, with no pair at distance 0, where f has no gradient.

    None where rounding leaves no such step.
    """
    a = torch.ones_like(w)
    value, gradient, hessian = diagonal_parts(w, a, squares)
    free = (w > 0) | (gradient < 0)
    inner = hessian[free][:, free]
    inner = inner + torch.eye(len(inner)).to(w) * (1e-12 * inner.trace())
    step = torch.zeros_like(w)
    step[free] = -torch.linalg.solve(inner, gradient[free])
    for halvings in range(40):
        moved = (w + step / 2**halvings).clamp(min=0)
        fall, apart = gradient @ (moved - w), (squares @ moved).min() > 0
        if apart and fall < 0 and diagonal_parts(moved, a, squares)[0] <= value + 1e-4 * fall:
            return moved
    return None


def diagonal_proof(w: Tensor, squares: Tensor) -> tuple[float, float]:
    """Σ_D d_M for w with Σ wⱼ = 1, and a number that no weights pass: g/2 + max ∂g/∂wⱼ."""
    roots = (squares @ (w / w.sum())).sqrt()
    value = float(roots.sum())
    if not roots.min() > 0:
        return value, torch.inf
    return value, value / 2 + float((squares.T @ (0.5 / roots)).max())
