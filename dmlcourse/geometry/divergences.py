"""Divergences: how far apart two histograms, two Gaussians or two matrices are (chapter 01).

Only Matusita's is a metric. Kullback and Leibler's is not symmetric, and like Jeffreys' and
Bhattacharyya's it breaks the triangle inequality: by the histograms (0.9, 0.1), (0.5, 0.5) and
(0.1, 0.9), the middle one is a detour that is shorter than the direct way.

                  KL      Jeffreys  Bhattacharyya   Matusita
    symmetric     no      yes       yes             yes
    triangle      no      no        no              yes
    largest       ∞       ∞         ∞               √2

A divergence of nearly equal arguments is a small difference of large terms in its usual formula,
and its digits cancel. Here every one is a sum of terms none of which is negative, most of them
``_excess``. So a result is never negative, and near equality it keeps its digits.

NumPy in, NumPy out; tensor in, tensor out, same device and dtype (integers give float64), computed
in float64. Logarithms are natural.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .arrays import Array, GiveBack, expect_finite, expect_matrix, expect_square, first, take_any
from .cone import asymmetry, spectrum, symmetric_part, tolerance
from .pairwise import root

# ---------------------------------------------------------------- between histograms


def kl_discrete(p: Array, q: Array) -> Array:
    """Kullback-Leibler divergence of histograms: KL(p‖q) = Σ pᵢ log(pᵢ/qᵢ), in nats.

    A bin with pᵢ = 0 adds nothing; a bin with pᵢ > 0 = qᵢ makes it infinite. Not symmetric, and no
    triangle inequality; zero exactly where p = q.

    p, q: (..., b), weights or counts, none negative; each is divided by its sum along the last
    axis. The other axes broadcast; the result has their shape, one number for two vectors.
    Gradients flow to both; an infinite derivative, as log p and √p have at a zero bin, counts as
    zero. Raises ``ValueError`` for a negative weight, a histogram without weight, different numbers
    of bins, NaN or infinity; ``TypeError`` as ``arrays.take`` does. Source: Kullback and Leibler
    (1951), Annals of Mathematical Statistics 22, 79-86.
    """
    (a, b), give_back = _histograms(p, q)
    return give_back(_kl(a, b))


def jeffrey(p: Array, q: Array) -> Array:
    """Jeffreys' divergence of histograms: KL(p‖q) + KL(q‖p) = Σ (pᵢ − qᵢ) log(pᵢ/qᵢ), in nats.

    Symmetric, but no metric: the triangle inequality fails. Infinite where exactly one of pᵢ and qᵢ
    is zero. Arguments, gradients and errors as for ``kl_discrete``. Source: Jeffreys (1946),
    Proceedings of the Royal Society A 186, 453-461.
    """
    (a, b), give_back = _histograms(p, q)
    return give_back(_kl(a, b) + _kl(b, a))


def bhattacharyya_coefficient(p: Array, q: Array) -> Array:
    """How much two histograms overlap: BC = Σ √(pᵢqᵢ), from 0 (no bin in common) to 1 (p = q).

    A similarity, the cosine of the angle between √p and √q. Arguments, gradients and errors as for
    ``kl_discrete``. Source: Bhattacharyya (1943), Bulletin of the Calcutta Mathematical Society 35,
    99-109.
    """
    (a, b), give_back = _histograms(p, q)
    squares = _matusita_squares(a, b)
    return give_back(torch.where(squares < 1, 1 - squares / 2, _overlap(a, b)))


def bhattacharyya(p: Array, q: Array) -> Array:
    """Bhattacharyya distance of histograms: −log Σ √(pᵢqᵢ); infinite if no bin is in common.

    Symmetric, but no metric: the triangle inequality fails. With BC = 1 − d²/2, d Matusita's, it is
    −log(1 − d²/2). Arguments, gradients, errors and source as for ``bhattacharyya_coefficient``.
    """
    (a, b), give_back = _histograms(p, q)
    squares, overlap = _matusita_squares(a, b), _overlap(a, b)
    # Each formula where it is exact; both are finite everywhere, for the sake of the gradient.
    near = -torch.log1p(-squares.clamp(max=1) / 2)
    far = torch.where(overlap > 0, -torch.where(overlap > 0, overlap, 1).log(), torch.inf)
    return give_back(torch.where(squares < 1, near, far))


def matusita(p: Array, q: Array) -> Array:
    """Matusita's distance of histograms: √Σ (√pᵢ − √qᵢ)² = √(2 − 2·BC), from 0 to √2.

    A metric: the Euclidean distance between √p and √q, two points of the unit sphere. (Divided by
    √2 it is called the Hellinger distance.) At p = q its gradient counts as zero. Arguments,
    gradients and errors as for ``kl_discrete``. Source: Matusita (1955), Annals of Mathematical
    Statistics 26, 631-640.
    """
    (a, b), give_back = _histograms(p, q)
    return give_back(root(_matusita_squares(a, b)))


# ---------------------------------------------------------------- between Gaussians


def kl_gaussian(mean0: Array, cov0: Array, mean1: Array, cov1: Array) -> Array:
    """Kullback-Leibler divergence KL(N(μ₀, Σ₀)‖N(μ₁, Σ₁)) of two Gaussians, in nats.

    ½ [tr(Σ₁⁻¹Σ₀) − d + log(det Σ₁ / det Σ₀) + (μ₁ − μ₀)ᵀΣ₁⁻¹(μ₁ − μ₀)]. Not symmetric, and no
    triangle inequality. It does not change when both Gaussians go through one invertible affine
    map. With equal means it is ½·``logdet_divergence``(Σ₀, Σ₁), or of the inverses the other way
    round: ½·``logdet_divergence``(Σ₁⁻¹, Σ₀⁻¹).

    mean: (d,), cov: (d, d), symmetric positive definite; the result is one number. No determinant
    is formed, only Cholesky factors, so d may be large. Gradients flow to all four arguments.
    Raises ``ValueError`` where shapes disagree, or where a covariance is not symmetric or not
    positive definite: a Gaussian with a singular covariance has no density. Source: Kullback and
    Leibler (1951), Annals of Mathematical Statistics 22, 79-86.
    """
    (a, b), give_back = _gaussians(mean0, cov0, mean1, cov1)
    return give_back(_kl_normal(a, b))


def jeffrey_gaussian(mean0: Array, cov0: Array, mean1: Array, cov1: Array) -> Array:
    """Jeffreys' divergence of two Gaussians: KL in both directions, added.

    ½ [tr(Σ₁⁻¹Σ₀ + Σ₀⁻¹Σ₁) − 2d + (μ₁ − μ₀)ᵀ(Σ₀⁻¹ + Σ₁⁻¹)(μ₁ − μ₀)]: the logarithms cancel.
    Symmetric; the triangle inequality fails. Arguments, gradients and errors as for
    ``kl_gaussian``. Source: Jeffreys (1946), Proceedings of the Royal Society A 186, 453-461.
    """
    (a, b), give_back = _gaussians(mean0, cov0, mean1, cov1)
    return give_back(_kl_normal(a, b) + _kl_normal(b, a))


def bhattacharyya_gaussian(mean0: Array, cov0: Array, mean1: Array, cov1: Array) -> Array:
    """Bhattacharyya distance −log ∫√(p₀p₁) of two Gaussians.

    With Σ = (Σ₀ + Σ₁)/2: ⅛ (μ₁ − μ₀)ᵀΣ⁻¹(μ₁ − μ₀) + ½ log(det Σ / √(det Σ₀ det Σ₁)). Symmetric;
    the triangle inequality fails. Arguments, gradients and errors as for ``kl_gaussian``. Source:
    Kailath (1967), IEEE Transactions on Communication Technology 15, 52-60.
    """
    (a, b), give_back = _gaussians(mean0, cov0, mean1, cov1)
    return give_back(_bhattacharyya_normal(a, b))


def matusita_gaussian(mean0: Array, cov0: Array, mean1: Array, cov1: Array) -> Array:
    """Matusita's distance of two Gaussians: √∫(√p₀ − √p₁)² = √(2 − 2·BC), from 0 to √2.

    A metric. BC = exp(−d), d the Bhattacharyya distance. Arguments, gradients and errors as for
    ``kl_gaussian``. Source: Matusita (1955), Annals of Mathematical Statistics 26, 631-640.
    """
    (a, b), give_back = _gaussians(mean0, cov0, mean1, cov1)
    return give_back(root(-2 * torch.expm1(-_bhattacharyya_normal(a, b))))


# ---------------------------------------------------------------- between matrices


def logdet_divergence(M: Array, M0: Array) -> Array:
    """LogDet divergence D(M, M₀) = tr(M M₀⁻¹) − log det(M M₀⁻¹) − d of positive definite matrices.

    Zero exactly where M = M₀; neither symmetric nor a metric. D(M, M₀) = D(M₀⁻¹, M⁻¹), and
    D(AMAᵀ, AM₀Aᵀ) = D(M, M₀) for every invertible A. For Gaussians of one mean with the inverse
    covariances M₀ and M, KL(p(x; M₀)‖p(x; M)) = ½ D(M, M₀).

    M, M0: (d, d); the result is one number. Gradients flow to both. Raises ``ValueError`` where a
    matrix is not square, not finite, not symmetric or not positive definite (up to rounding).
    Source: Davis et al. (2007), ICML, Information-theoretic metric learning. Chapters 03 and 06.
    """
    (new, old), give_back = take_any(M=M, M0=M0)
    for name, matrix in (("M", new), ("M0", old)):
        expect_matrix(name, matrix)
        expect_square(name, matrix)
    _expect_shape("M0", old, new.shape, "M", new)
    remedy = "The LogDet divergence is finite only where all are positive."
    return give_back(_logdet(_cholesky("M", new, remedy), _cholesky("M0", old, remedy)))


# ---------------------------------------------------------------- the mathematics


def _excess(x: Tensor, y: Tensor) -> Tensor:
    """x log(x/y) − x + y for numbers x, y ≥ 0: never negative, zero exactly at x = y.

    With s = (y − x)/(x + y), log(y/x) = 2(s + s³/3 + s⁵/5 + …). Subtracting the first term by hand
    leaves s(y − x) − 2x s³(1/3 + s²/5 + …), where nothing cancels. For |s| < 1/8 eight terms reach
    float64's last digit.
    """
    gap, total, both = y - x, x + y, (x > 0) & (y > 0)
    s = gap / torch.where(total > 0, total, 1)
    near = s * gap - 2 * x * s**3 * _odd_tail(s.square())
    # Two logarithms, because the ratio of a large and a tiny number may overflow.
    log_ratio = torch.where(both, x, 1).log() - torch.where(both, y, 1).log()
    value = torch.where(s.abs() < 1 / 8, near, gap + x * log_ratio)
    return torch.where((x > 0) & (y == 0), torch.inf, value)


def _odd_tail(u: Tensor) -> Tensor:
    """1/3 + u/5 + u²/7 + …, eight terms."""
    total = torch.zeros_like(u)
    for k in reversed(range(8)):
        total = total * u + 1 / (2 * k + 3)
    return total


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Σ p log(p/q): the excess has −Σp + Σq besides, which is −1 + 1."""
    return _excess(p, q).sum(-1)


def _overlap(p: Tensor, q: Tensor) -> Tensor:
    return (root(p.clone()) * root(q.clone())).sum(-1)


def _matusita_squares(p: Tensor, q: Tensor) -> Tensor:
    """Σ (√p − √q)², with √p − √q = (p − q)/(√p + √q): of close numbers p − q is exact."""
    both = (p > 0) & (q > 0)
    total = root(p.clone()) + root(q.clone())
    gap = (p - q) / torch.where(both, total, 1)
    return torch.where(both, gap.square(), p + q).sum(-1)


def _logdet(L: Tensor, L0: Tensor) -> Tensor:
    """LogDet divergence of LLᵀ and L₀L₀ᵀ, from their Cholesky factors.

    B = L₀⁻¹L is triangular, tr(M M₀⁻¹) = ‖B‖² and det(M M₀⁻¹) = Π bᵢᵢ². So the divergence is
    Σ (bᵢᵢ² − 1 − log bᵢᵢ²), plus the squares below the diagonal.
    """
    B = torch.linalg.solve_triangular(L0, L, upper=False)
    squares = B.diagonal().square()
    return _excess(torch.ones_like(squares), squares).sum() + B.tril(-1).square().sum()


class Normal(NamedTuple):
    """A Gaussian: its mean (d,) and the Cholesky factor of its covariance (d, d)."""

    mean: Tensor
    factor: Tensor


def _kl_normal(a: Normal, b: Normal) -> Tensor:
    gap = (b.mean - a.mean)[:, None]
    steps = torch.linalg.solve_triangular(b.factor, gap, upper=False)
    return (_logdet(a.factor, b.factor) + steps.square().sum()) / 2


def _bhattacharyya_normal(a: Normal, b: Normal) -> Tensor:
    """The mean of the two KL divergences to the Gaussian halfway, N((μ₀ + μ₁)/2, (Σ₀ + Σ₁)/2).

    This equals Kailath's formula: the traces add up to 2d, and each mean is half of the way off.
    """
    cov = a.factor @ a.factor.T / 2 + b.factor @ b.factor.T / 2
    halfway = Normal(a.mean / 2 + b.mean / 2, torch.linalg.cholesky(cov))
    return (_kl_normal(a, halfway) + _kl_normal(b, halfway)) / 2


# ---------------------------------------------------------------- what may come in


def _histograms(p: Any, q: Any) -> tuple[tuple[Tensor, Tensor], GiveBack]:
    """Both histograms in float64 with sum 1 along the last axis, and the way back."""
    (left, right), give_back = take_any(p=p, q=q)
    for name, weights in (("p", left), ("q", right)):
        if weights.ndim == 0 or weights.shape[-1] == 0:
            raise ValueError(
                f"{name} has shape {tuple(weights.shape)}: expected a histogram, at least one bin "
                f"along the last axis."
            )
    _expect_same_bins(left, right)
    return (_shares("p", left), _shares("q", right)), give_back


def _expect_same_bins(p: Tensor, q: Tensor) -> None:
    shapes = f"p has shape {tuple(p.shape)} and q has shape {tuple(q.shape)}"
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"{shapes}: expected the same number of bins, the last axis, in both.")
    try:
        torch.broadcast_shapes(p.shape, q.shape)
    except RuntimeError as error:
        raise ValueError(f"{shapes}: the axes before the last do not broadcast.") from error


def _shares(name: str, weights: Tensor) -> Tensor:
    expect_finite(name, weights)
    if (weights < 0).any():
        where, value = first(name, weights, weights < 0)
        raise ValueError(f"{where} is {value:.6g}: the weights of a histogram are never negative.")
    weights = weights.double()
    totals = weights.sum(-1)
    usable = (totals > 0) & totals.isfinite()
    if not usable.all():
        where, total = first(name, totals, ~usable)
        raise ValueError(
            f"{where} sums to {total:.6g}: a histogram needs a positive, finite sum, by which its "
            f"weights are divided."
        )
    return weights / totals[..., None]


def _gaussians(mean0: Any, cov0: Any, mean1: Any, cov1: Any) -> tuple[list[Normal], GiveBack]:
    """Both Gaussians in float64, and the way back."""
    (m0, c0, m1, c1), give_back = take_any(mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1)
    if m0.ndim != 1 or not len(m0):
        raise ValueError(f"mean0 has shape {tuple(m0.shape)}: expected a vector (d,), d ≥ 1.")
    d = len(m0)
    for name, array, shape in (("cov0", c0, (d, d)), ("mean1", m1, (d,)), ("cov1", c1, (d, d))):
        _expect_shape(name, array, shape, "mean0", m0)
    return [_normal("0", m0, c0), _normal("1", m1, c1)], give_back


def _normal(number: str, mean: Tensor, cov: Tensor) -> Normal:
    expect_finite(f"mean{number}", mean)
    remedy = (
        "A Gaussian has a density only where all are positive: leave out directions without "
        "variance, or add a small multiple of the identity."
    )
    return Normal(mean.double(), _cholesky(f"cov{number}", cov, remedy))


def _expect_shape(
    name: str, array: Tensor, shape: tuple[int, ...], other: str, given: Tensor
) -> None:
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {tuple(array.shape)} and {other} has shape {tuple(given.shape)}: "
            f"expected {name} of shape {tuple(shape)}."
        )


def _cholesky(name: str, A: Tensor, remedy: str) -> Tensor:
    """The Cholesky factor of A in float64; ``ValueError`` unless A is positive definite.

    The square of pivot i is what of Aᵢᵢ the columns before i do not explain. Where that share is
    rounding, A counts as singular. A share does not depend on the units of the features.
    """
    expect_finite(name, A)
    lopsided = asymmetry(name, A, tolerance(A) * symmetric_part(A).abs().max())
    if lopsided:
        raise ValueError(lopsided)
    matrix = (A.double() + A.double().T) / 2
    factor, failed = torch.linalg.cholesky_ex(matrix)
    left = (factor.diagonal().square() / matrix.diagonal()).detach()
    if failed or not (left > tolerance(A)).all():
        raise ValueError(
            f"{name} is not positive definite beyond rounding: its smallest eigenvalue is "
            f"{spectrum(A)[0][0]:.6g}. {remedy}"
        )
    return factor
