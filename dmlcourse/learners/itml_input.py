"""What ITML is given, made ready: its prior, its bounds, and the span of its pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..geometry.arrays import expect_square, take


def prior_root(prior: Any, points: Tensor) -> Tensor:
    """L₀ with L₀ᵀL₀ = M₀, (d, d), for "identity", "covariance" or a matrix."""
    d = points.shape[1]
    if isinstance(prior, str) and prior == "identity":
        return torch.eye(d).to(points)
    if isinstance(prior, str) and prior == "covariance":
        return _root_of_precision(points)
    if isinstance(prior, str) or prior is None:
        raise ValueError(
            f'prior is {prior!r}: expected "identity", "covariance" or a matrix ({d}, {d}).'
        )
    return _root_of_matrix(take(prior=prior)[0][0].detach().double().to(points.device), d)


def _root_of_matrix(M0: Tensor, d: int) -> Tensor:
    """The triangular L₀ with L₀ᵀL₀ = M₀."""
    expect_square("prior", M0)
    if len(M0) != d:
        raise ValueError(f"prior has shape {tuple(M0.shape)}: expected ({d}, {d}).")
    if not torch.allclose(M0, M0.T, rtol=1e-6, atol=1e-9 * float(M0.abs().max())):
        raise ValueError("prior is not symmetric: (M + M.T)/2 is the nearest matrix that is.")
    factor, bad = torch.linalg.cholesky_ex((M0 + M0.T) / 2)
    if bad:
        raise ValueError(
            "prior is not positive definite: from it every metric is infinitely far. Add a small "
            "multiple of the identity."
        )
    return factor.T


def _root_of_precision(points: Tensor) -> Tensor:
    """L₀ with L₀ᵀL₀ the inverse covariance of the points."""
    centred = points - points.mean(0)
    scale = centred.abs().amax(0)
    scale = torch.where(scale > 0, scale, 1)  # so that the units of the features play no part
    _, sizes, rows = torch.linalg.svd(centred / scale, full_matrices=False)
    flat = int((sizes <= np.sqrt(np.finfo(float).eps) * sizes[0]).sum()) + len(rows.T) - len(rows)
    if flat:
        raise ValueError(
            f"The points do not vary in {flat} of {points.shape[1]} directions, so their "
            f'covariance has no inverse: reduce the features (PCA), or use prior="identity".'
        )
    return rows * ((len(points) - 1) ** 0.5 / sizes)[:, None] / scale


def two(name: str, value: Any) -> tuple[float, float]:
    """A pair of numbers."""
    try:
        low, high = (float(part) for part in ([value] if isinstance(value, str) else value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is {value!r}: expected two numbers.") from error
    return low, high


def expect_bounds(u: float, l: float) -> None:
    if not 0 < u < float("inf") or not 0 < l < float("inf"):
        raise ValueError(
            f"bounds is ({u:g}, {l:g}): expected (u, ℓ), two finite squared distances above 0."
        )
    if u > l:
        raise ValueError(
            f"bounds is ({u:g}, {l:g}): similar pairs would be allowed farther than dissimilar "
            f"ones must be. Expected (u, ℓ) with u ≤ ℓ: the bound of the similar pairs first."
        )


def expect_apart(squares: Tensor, same: Tensor) -> None:
    """Raise ``ValueError`` for a dissimilar pair at distance 0, or one beyond float64."""
    if not torch.isfinite(squares).all():
        raise ValueError("The squared distances overflow float64: divide the data by a number.")
    together = (~same & (squares == 0)).nonzero().flatten()
    if len(together):
        raise ValueError(
            f"Pair {int(together[0])} is dissimilar and its two points are at distance 0 "
            f"({len(together)} such pairs): no metric can part them. Leave these pairs out."
        )


def span_of(V: Tensor) -> Tensor:
    """An orthonormal basis (d, r) of the directions in which the differences (m, d) lie.

    The identity where they fill the space, as they do with enough pairs.
    """
    if len(V) >= V.shape[1]:
        return torch.eye(V.shape[1]).to(V)
    lengths = V.norm(dim=1, keepdim=True).clamp(min=torch.finfo(V.dtype).tiny)
    _, sizes, rows = torch.linalg.svd(V / lengths, full_matrices=False)
    return rows[sizes > torch.finfo(V.dtype).eps * max(V.shape) * sizes[0]].T
