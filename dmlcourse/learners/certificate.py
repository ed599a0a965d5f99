"""What no metric can beat: a lower bound on the LMNN objective, and so the duality gap.

Write ε(M) = (1 − μ)⟨C, M⟩ + μ Σₜ [1 + ⟨Aₜ, M⟩]₊ with C = Σ (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ over target pairs
and Aₜ = (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ − (xᵢ − xₗ)(xᵢ − xₗ)ᵀ for triplet t. As [z]₊ ≥ αz for 0 ≤ α ≤ 1,

    ε(M) ≥ μ Σ αₜ + ⟨(1 − μ)C + μ Σ αₜAₜ, M⟩ ≥ μ Σ αₜ    for every M ⪰ 0, if the matrix is PSD.

The derivatives of hinges that are rounded off near their kink are such α, but for some slightly
negative eigenvalues. Multiplied by the largest θ ≤ 1 that makes the matrix PSD they are a proof.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .impostors import Margins, Measure

_FLAT = 1e-9


class Bounds:
    """The best of the lower bounds that shares of the hinges have proved so far.

    X: the points (n, r) in float64; ``pull`` is C for them. ``best``: the bound on ε, 0 at first.
    """

    def __init__(self, X: Tensor, pull: Tensor, mu: float) -> None:
        self.X, self.pull, self.mu, self.best = X, (1 - mu) * pull, mu, 0.0
        values, vectors = torch.linalg.eigh(self.pull)
        self._rounding = _FLAT * float(values[-1])
        there = values > self._rounding
        self._frame = vectors[:, there] / values[there].sqrt()

    def add(self, margins: Margins, measure: Measure) -> float:
        """The best bound so far, with what these shares prove: μθ Σα."""
        push = self.push(margins, measure)
        values = torch.linalg.eigvalsh(self._frame.T @ push @ self._frame)
        theta = 1 / max([1.0, *(-values[:1]).tolist()])
        rest = torch.linalg.eigvalsh(self.pull + theta * push)
        if rest[0] >= -self._rounding:  # else it is negative where the pull term is flat
            shares = float(measure.shares.sum(dtype=torch.float64))
            self.best = max(self.best, self.mu * theta * shares)
        return self.best

    def push(self, margins: Margins, measure: Measure) -> Tensor:
        """μ Σ αₜAₜ, (r, r): the derivative of the push term by M. ``measure`` is of ``margins``."""
        push = self.X.T @ margins.laplacian(self.X, measure)
        return (push + push.T) / 2
