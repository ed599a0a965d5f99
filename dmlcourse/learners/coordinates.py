"""Coordinates in which the pull term of LMNN is about a multiple of tr(M)."""

from __future__ import annotations

import torch
from torch import Tensor

_RIDGE = 1e-6  # of the scatter of all points: keeps the coordinates finite where targets agree


class Coordinates:
    """New coordinates z = Bᵀ(x − mean), (r,): of unit pull in every direction, but for the ridge.

    B: (d, r), r the number of directions in which the points differ by more than the rounding of
    their dtype. A map L of z is the map L·Bᵀ of x. A target pair is at squared distance 1 on
    average. ``X``: the points z (n, r); ``pull``: Σ (zᵢ − zⱼ)(zᵢ − zⱼ)ᵀ over target pairs (r, r).
    """

    def __init__(self, X: Tensor, anchor: Tensor, target: Tensor) -> None:
        points = X.double() - X.double().mean(0)
        scale = points.abs().amax(0)
        if not scale.any():
            raise ValueError("X has the same values in every row: no metric can tell them apart.")
        scale = torch.where(scale > 0, scale, 1)
        basis, inverse = whitening(points / scale, torch.finfo(X.dtype).eps)
        points = (points / scale) @ basis
        gaps = points[anchor] - points[target]
        pull = gaps.T @ gaps
        ridge = _RIDGE * float(pull.trace()) / len(pull) or 1.0
        values, vectors = torch.linalg.eigh(pull + ridge * torch.eye(len(pull)).to(pull))
        turn = vectors * (len(anchor) / (values * len(values))).sqrt()
        self.X, self.pull = points @ turn, turn.T @ pull @ turn
        self._out = (basis @ turn) / scale[:, None]
        self._in = scale[:, None] * (inverse @ torch.linalg.inv(turn).T)

    def outward(self, L: Tensor) -> Tensor:
        """The map of x for a map of z: (k, r) → (k, d)."""
        return L.double() @ self._out.T

    def inward(self, L: Tensor) -> Tensor:
        """The map of z for a map of x: (k, d) → (k, r)."""
        return L.double() @ self._in


def whitening(X: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """A basis (d, r) in which the rows of X have variance 1 each way, and its inverse (d, r).

    Directions in which X is smaller than 100·eps of its largest are left out: they are rounding.
    """
    triangle = torch.linalg.qr(X, mode="r").R  # same singular values as X, and never n rows
    _, sizes, rows = torch.linalg.svd(triangle, full_matrices=False)
    there = sizes > 100 * eps * sizes[0]
    spread = sizes[there] / len(X) ** 0.5
    return rows[there].T / spread, rows[there].T * spread
