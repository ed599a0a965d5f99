"""The objectives of MMC and the steps of its paper, for pairs given by their differences.

S (m_S, d) holds the differences of similar pairs, D (m_D, d) those of dissimilar ones; A = SᵀS, so
that ⟨A, M⟩ = Σ_S d_M². Distances of D are not squared.

NumPy in, NumPy out; tensor in, tensor out, same device and dtype, computed in float64.
Source: Xing, Ng, Jordan & Russell (2002), Advances in Neural Information Processing Systems 15,
Distance metric learning, with application to clustering with side-information. Chapter 04.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry import project_budget, project_psd
from ..geometry.arrays import Array, expect_columns, take, take_any

ROUNDS, BUDGET_SLACK = 1000, 1e-9


def mmc_diagonal_objective(w: Array, S: Array, D: Array) -> tuple[Array, Array]:
    """f(w) = Σ_S Σⱼ wⱼsⱼ² − log Σ_D √(Σⱼ wⱼdⱼ²) and ∂f/∂w, for M = diag(w).

    w: (d,), above 0; S: (m_S, d), D: (m_D, d). Its minimum is, up to a positive factor of w, the
    maximum of Σ_D d_M under Σ_S d_M² ≤ 1 among diagonal M. Raises ``ValueError`` where columns
    differ, and where no dissimilar pair is at a distance under w.
    """
    (weights, similar, dissimilar), give_back = _weights_and_pairs(w, S, D)
    value, gradient, _ = diagonal_parts(weights, similar.square().sum(0), dissimilar.square())
    return give_back(value), give_back(gradient)


def mmc_newton_step(w: Array, S: Array, D: Array) -> Array:
    """w after one Newton–Raphson step on f, shortened until it is one downhill inside w > 0.

    The step is −t·(∇²f)⁻¹∇f with the largest t of 1, ½, ¼, … (30 halvings at most, else w comes
    back) for which all weights stay positive and f falls. Arguments as for
    ``mmc_diagonal_objective``; the Hessian must be invertible.
    """
    (weights, similar, dissimilar), give_back = _weights_and_pairs(w, S, D)
    a, squares = similar.square().sum(0), dissimilar.square()
    value, gradient, hessian = diagonal_parts(weights, a, squares)
    step = -torch.linalg.solve(hessian, gradient)
    for halvings in range(31):
        moved = weights + step / 2**halvings
        if (moved > 0).all() and diagonal_parts(moved, a, squares)[0] < value:
            return give_back(moved)
    return give_back(weights)


def diagonal_parts(w: Tensor, a: Tensor, squares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """f, its gradient (d,) and its Hessian (d, d), from a = Σ_S s² (d,) and the d² of D (m_D, d).

    With s(w) = Σ √q, q = Σⱼ wⱼdⱼ²: f = ⟨a, w⟩ − log s, ∇f = a − ∇s/s and
    ∇²f = ∇s ∇sᵀ/s² − ∇²s/s, which is PSD because s is concave.
    """
    q = squares @ w
    roots = q.clamp(min=torch.finfo(q.dtype).tiny).sqrt()
    s = roots.sum()
    slope = squares.T @ (0.5 / roots)
    bend = (squares.T * (-0.25 / roots**3)) @ squares
    return a @ w - s.log(), a - slope / s, torch.outer(slope, slope) / s**2 - bend / s


def mmc_step(M: Array, S: Array, D: Array, rate: float) -> Array:
    """M after one step of the full case: ascend on Σ_D d_M, then return to the two sets.

    M + rate·G⊥, where G = Σ_D vvᵀ/(2 d_M) and G⊥ is its part orthogonal to A, the gradient of the
    budget. Then nearest points of {⟨A, M⟩ ≤ 1} and of the PSD cone in turn, until a point of the
    cone keeps the budget to 10⁻⁹ (1,000 rounds at most): alternating projections (chapter 03).

    M: (d, d) PSD; S: (m_S, d), D: (m_D, d). A pair of D at distance 0 under M adds nothing to G.
    """
    (matrix, similar, dissimilar), give_back = take(M=M, S=S, D=D)
    for name, differences in (("S", similar), ("D", dissimilar)):
        expect_columns(name, differences, len(matrix))
    return give_back(projected_step(matrix.double(), similar.double(), dissimilar.double(), rate))


def projected_step(M: Tensor, S: Tensor, D: Tensor, rate: float) -> Tensor:
    """The mathematics of ``mmc_step``, on float64 tensors."""
    A, G = S.T @ S, separation_gradient(M, D)
    M = M + rate * (G - (G * A).sum() / (A * A).sum() * A)
    for _ in range(ROUNDS):
        M = project_psd(project_budget(M, A))
        if (A * M).sum() <= 1 + BUDGET_SLACK:
            break
    return M


def separation_gradient(M: Tensor, D: Tensor) -> Tensor:
    """∂/∂M Σ_D √(vᵀMv) = Σ_D vvᵀ/(2√(vᵀMv)), (d, d)."""
    q = ((D @ M) * D).sum(1)
    weights = torch.where(q > 0, 0.5 / q.clamp(min=torch.finfo(q.dtype).tiny).sqrt(), 0)
    return (D.T * weights) @ D


def _weights_and_pairs(w: Array, S: Array, D: Array):  # type: ignore[no-untyped-def]
    (similar, dissimilar), _ = take(S=S, D=D)
    (weights,), give_back = take_any(w=w)
    if weights.ndim != 1:
        raise ValueError(
            f"w has shape {tuple(weights.shape)}: expected (d,), one weight a feature."
        )
    for name, differences in (("S", similar), ("D", dissimilar)):
        expect_columns(name, differences, len(weights))
    if not (dissimilar.double().square() @ weights.double()).sum() > 0:
        raise ValueError("All pairs of D are at distance 0 under w: their logarithm is −∞.")
    return (weights.double(), similar.double(), dissimilar.double()), give_back
