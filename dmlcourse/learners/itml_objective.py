"""The problem of ITML: its bounds, one projection, one sweep, and the values on both sides.

Constraint i is vᵢᵀMvᵢ ≤ ξᵢ for a similar pair (δᵢ = 1) and ≥ ξᵢ for a dissimilar one (δᵢ = −1),
where ξᵢ may move away from its bound ξ⁰ᵢ at a price γ. V (m, d) holds the differences.

    primal   D_ld(M, M₀) + γ Σ_{violated} (r − log r − 1),   r = vᵢᵀMvᵢ/ξ⁰ᵢ
    dual     log det(B M₀) + γ Σ log(1 − δᵢλᵢξ⁰ᵢ/γ),          B = M₀⁻¹ + Σ δᵢλᵢvᵢvᵢᵀ

Every dual value with λ ≥ 0 lies below every primal value; at the optimum they meet, and M = B⁻¹.
The dual comes from the Lagrangian D_ld(M, M₀) + γ Σ (ξᵢ/ξ⁰ᵢ − log(ξᵢ/ξ⁰ᵢ) − 1) +
Σ λᵢδᵢ(vᵢᵀMvᵢ − ξᵢ): its minimum over M is at B⁻¹, that over ξᵢ at ξ⁰ᵢ/(1 − δᵢλᵢξ⁰ᵢ/γ). In the
primal the best ξᵢ has been put in: ξ⁰ᵢ where the bound is met, else vᵢᵀMvᵢ.

NumPy in, NumPy out; tensor in, tensor out, same device and dtype, computed in float64.
Source: Davis, Kulis, Jain, Sra & Dhillon (2007), International Conference on Machine Learning,
209-216, Information-theoretic metric learning. Chapter 06.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..geometry.arrays import Array, expect_columns, expect_square, take, take_any
from ..geometry.pairwise import default_bytes, spans
from ..tuples.constraints import triangle

PAIRS, SAMPLE = 2_000_000, 200_000  # distances for a percentile: all, or so many of more


def itml_bounds(X: Array, low: float = 5, high: float = 95) -> tuple[float, float]:
    """(u, ℓ): two percentiles of the squared distances between different points of X (n, d).

    Over all n(n − 1)/2 pairs up to two million; where there are more, over 200,000 that are
    drawn with a fixed seed. Raises ``ValueError`` for fewer than two points, and unless
    0 ≤ low ≤ high ≤ 100.
    """
    (x,), _ = take(X=X)
    if len(x) < 2:
        raise ValueError(f"X has {len(x)} rows: expected two or more, to have a distance.")
    if not 0 <= low <= high <= 100:
        raise ValueError(f"The percentiles are {low} and {high}: expected 0 ≤ low ≤ high ≤ 100.")
    return percentiles(x.detach().double(), low, high)


def percentiles(x: Tensor, low: float, high: float) -> tuple[float, float]:
    """The percentiles of ``itml_bounds``, for points in float64."""
    count = len(x) * (len(x) - 1) // 2
    if count <= PAIRS:
        squares = torch.nn.functional.pdist(x).square()
    else:
        squares = _sampled_squares(x, np.random.default_rng(0).integers(count, size=SAMPLE))
    u, l = np.percentile(squares.cpu().numpy(), [low, high])
    return float(u), float(l)


def _sampled_squares(x: Tensor, numbers: np.ndarray) -> Tensor:
    """The squared distances of the pairs with these numbers, some of them at a time."""
    first, second = (torch.from_numpy(end).to(x.device) for end in triangle(numbers))
    squares = x.new_empty(len(numbers))
    for at in spans(len(numbers), max(1, default_bytes(x.device) // (32 * x.shape[1]))):
        squares[at] = (x[first[at]] - x[second[at]]).square().sum(1)
    return squares


def itml_update(
    M: Array, v: Array, delta: float, xi: float, lam: float, gamma: float
) -> tuple[Array, float, float]:
    """(M, ξ, λ) after the projection onto one constraint, corrected by its dual variable λ.

    With p = vᵀMv:  α = min(λ, δ γ/(γ+1) (1/p − 1/ξ)),  β = δα/(1 − δαp),
    ξ ← γξ/(γ + δαξ),  λ ← λ − α,  M ← M + β M v vᵀ M.

    If the minimum is the second, vᵀMv = ξ afterwards; if λ, a part of earlier projections is taken
    back. The paper's Algorithm 1 prints α = δ/2 (1/p − γ/ξ), which is the projection for γ = 1
    only; this one is it for every γ > 0. M: (d, d), v: (d,).
    """
    (matrix, difference), give_back = take_any(M=M, v=v)
    expect_square("M", matrix)
    if difference.shape != matrix.shape[:1]:
        raise ValueError(
            f"v has shape {tuple(difference.shape)}: expected ({len(matrix)},), as M has columns."
        )
    image = matrix.double() @ difference.double()
    p = float(difference.double() @ image)
    if not p > 0:
        raise ValueError(
            f"vᵀMv is {p:.6g}: expected a positive number. Either v is zero, or M is not positive "
            f"definite."
        )
    beta, xi, lam = projection(p, float(delta), float(xi), float(lam), gamma)
    return give_back(matrix.double() + beta * torch.outer(image, image)), xi, lam


def projection(
    p: float, delta: float, xi: float, lam: float, gamma: float
) -> tuple[float, float, float]:
    """(β, ξ, λ) of one projection, in numbers: the formulas of ``itml_update``."""
    alpha = min(lam, delta * gamma / (gamma + 1) * (1 / p - 1 / xi))
    beta = delta * alpha / (1 - delta * alpha * p)
    return beta, gamma * xi / (gamma + delta * alpha * xi), lam - alpha


def itml_sweep(
    M: Array, V: Array, delta: Array, xi: Array, lam: Array, gamma: float
) -> tuple[Array, Array, Array]:
    """(M, ξ, λ) after ``itml_update`` for each constraint in turn: one sweep of Algorithm 1.

    M: (d, d); V: (m, d); delta, xi, lam: (m,).
    """
    given, give_back = take_any(M=M, V=V, delta=delta, xi=xi, lam=lam)
    matrix, differences, *numbers = given
    expect_square("M", matrix)
    expect_columns("V", differences, len(matrix))
    _expect_numbers(differences, delta=numbers[0], xi=numbers[1], lam=numbers[2])
    signs, bounds, duals = (values.double().tolist() for values in numbers)
    result = sweep(matrix.double(), differences.double(), signs, bounds, duals, gamma)
    ends = [torch.tensor(v, dtype=torch.float64, device=matrix.device) for v in (bounds, duals)]
    return give_back(result), give_back(ends[0]), give_back(ends[1])


def sweep(
    M: Tensor, V: Tensor, delta: list[float], xi: list[float], lam: list[float], gamma: float
) -> Tensor:
    """M after one sweep; the lists of ξ and λ are changed in place.

    One small update after the other is work for the CPU, wherever M and V are.
    """
    metric = M.cpu().numpy().copy()
    for i, v in enumerate(V.cpu().numpy()):
        image = metric @ v
        p = float(v @ image)
        if not p > 0 or (lam[i] == 0 and delta[i] * (xi[i] - p) >= 0):
            continue  # the bound is met, and there is nothing to take back
        beta, xi[i], lam[i] = projection(p, delta[i], xi[i], lam[i], gamma)
        metric += np.outer(beta * image, image)
    return torch.from_numpy(metric).to(M)


def itml_primal(
    M: Array, V: Array, delta: Array, xi0: Array, gamma: float, M0: Array | None = None
) -> float:
    """The primal value of the metric M (d, d), positive definite; M₀ is the identity if left out.

    V: (m, d); delta, xi0: (m,). Infinite where M is not positive definite, or puts a dissimilar
    pair at distance 0.
    """
    prior, (V_, signs, bounds, matrix) = _prior_and(M0, V=V, delta=delta, xi0=xi0, M=M)
    expect_square("M", matrix)
    expect_columns("M", matrix, V_.shape[1])
    chol, bad = torch.linalg.cholesky_ex(matrix)
    if bad:
        return torch.inf
    L = chol.T @ torch.linalg.inv(torch.linalg.cholesky(prior)).T
    ratio = (V_ @ chol).square().sum(1) / bounds
    return float(divergence(L) + price(ratio, signs, gamma))


def itml_dual(
    lam: Array, V: Array, delta: Array, xi0: Array, gamma: float, M0: Array | None = None
) -> float:
    """The dual value of λ (m,), −∞ outside its domain; M₀ is the identity if left out.

    Inside are λ ≥ 0 with B positive definite and 1 − δλξ⁰/γ > 0. V: (m, d); delta, xi0: (m,).
    """
    prior, (V_, duals, signs, bounds) = _prior_and(M0, V=V, lam=lam, delta=delta, xi0=xi0)
    if (duals < 0).any():
        return -torch.inf
    whitened = V_ @ torch.linalg.cholesky(prior)  # M₀ = CCᵀ, so that z = Cᵀx
    return float(dual_values(duals, whitened, signs, bounds, gamma, torch.ones(1))[0])


def divergence(L: Tensor) -> Tensor:
    """D_ld(LᵀL, I) = ‖L‖² − 2 log|det L| − d."""
    return L.square().sum() - 2 * torch.linalg.slogdet(L).logabsdet - len(L)


def price(ratio: Tensor, delta: Tensor, gamma: float) -> Tensor:
    """γ Σ (r − log r − 1) over the violated constraints, r = vᵀMv/ξ⁰."""
    r = torch.where(delta * (ratio - 1) > 0, ratio, 1)
    return gamma * (r - r.log() - 1).sum()


def dual_values(
    lam: Tensor, V: Tensor, delta: Tensor, xi0: Tensor, gamma: float, shares: Tensor
) -> Tensor:
    """The dual values of sλ for some shares s (k,), with M₀ = I: −∞ outside the domain, (k,).

    With the eigenvalues e of Σ δλvvᵀ the first term is Σ log(1 + se), for every s at once.
    """
    e = torch.linalg.eigvalsh((V.T * (delta * lam)) @ V)
    inside = 1 + shares.to(e)[:, None] * e
    slack = 1 - shares.to(e)[:, None] * (delta * lam * xi0 / gamma)
    value = inside.log().sum(1) + gamma * slack.log().sum(1)
    return torch.where((inside > 0).all(1) & (slack > 0).all(1), value, -torch.inf)


def _prior_and(M0: Any, V: Any, **others: Any) -> tuple[Tensor, list[Tensor]]:
    """M₀, and all others as float64 tensors of fitting shapes: M, or a number for each v."""
    given = {"V": V, **others, **({} if M0 is None else {"M0": M0})}
    tensors = dict(zip(given, (t.detach().double() for t in take_any(**given)[0]), strict=True))
    eye = torch.eye(tensors["V"].shape[-1]).to(tensors["V"])
    prior = tensors.pop("M0", eye)
    expect_square("M0", prior)
    expect_columns("V", tensors["V"], len(prior))
    _expect_numbers(tensors["V"], **{k: t for k, t in tensors.items() if k not in ("V", "M")})
    if torch.linalg.cholesky_ex(prior).info:
        raise ValueError("M0 is not positive definite: the LogDet divergence from it is infinite.")
    return prior, list(tensors.values())


def _expect_numbers(V: Tensor, **numbers: Tensor) -> None:
    """Raise ``ValueError`` unless there is one number for each row of V."""
    for name, values in numbers.items():
        if values.shape != V.shape[:1]:
            raise ValueError(
                f"{name} has shape {tuple(values.shape)}: expected ({len(V)},), one number for "
                f"each row of V."
            )
