"""Between the two faces of a linear metric: M (d, d), and L (k, d) with LᵀL = M.

(x − y)ᵀM(x − y) = ‖L(x − y)‖², so M measures distances as Euclid does after the map L. M is unique;
L is not: QL gives the same distances for every orthogonal Q, rotation or reflection.
"""

import torch
from torch import Tensor

from .arrays import Array, expect_columns, expect_square, take
from .cone import flaw, spectrum, tolerance


def factor(M: Array, rank: int | None = None, tol: float | None = None) -> Array:
    """A matrix L with LᵀL = M, by eigendecomposition: M = V diag(λ) Vᵀ gives L = diag(√λ) Vᵀ.

    The rows of L are orthogonal, longest first. Without ``rank`` there is one row for each
    eigenvalue above tol·λ_max: k is the numerical rank (0 for M = 0). With ``rank`` there are
    exactly that many, and LᵀL is the PSD matrix of this rank nearest to M. The default tol is
    10·√d·eps, eps of M's dtype (see ``is_psd``).

    M: (d, d); the result (k, d) has M's dtype and device and carries no gradient. Raises
    ``ValueError`` where M is not symmetric or has an eigenvalue below −tol·λ_max; negative ones
    nearer to zero are rounding and count as zero. Chapter 02.
    """
    (matrix,), give_back = take(M=M)
    expect_square("M", matrix)
    tol = tolerance(matrix) if tol is None else tol
    values, vectors = _psd_spectrum(matrix, tol)
    if rank is None:
        rank = int((values > tol * values[-1]).sum())
    elif not 1 <= rank <= len(values):
        raise ValueError(f"rank is {rank}: expected 1 to {len(values)}, the size of M.")
    values, vectors = values.flip(0)[:rank], vectors.flip(1)[:, :rank]
    return give_back(values.clamp(min=0).sqrt()[:, None] * vectors.T)


def aligning_isometry(L1: Array, L2: Array) -> Array:
    """The orthogonal Q for which ‖Q L1 − L2‖ (Frobenius) is least.

    With the singular value decomposition L2 L1ᵀ = U diag(σ) Vᵀ, Q = U Vᵀ. Reflections are legal
    (det Q may be −1) and rank-deficient maps are allowed. The residual vanishes if and only if
    L1ᵀL1 = L2ᵀL2: two maps give the same distances exactly when an isometry joins them.

    L1, L2: (k, d) of one shape; Q: (k, k), computed in float64, without gradient. Raises
    ``ValueError`` where the shapes differ: add zero rows to the shorter map. Source: Schönemann
    (1966), Psychometrika 31, 1-10. Chapter 02.
    """
    (source, target), give_back = take(L1=L1, L2=L2)
    if source.shape != target.shape:
        raise ValueError(
            f"L1 has shape {tuple(source.shape)} and L2 has shape {tuple(target.shape)}: expected "
            f"one shape (k, d). A map with fewer rows may be filled up with rows of zeros."
        )
    U, _, Vt = torch.linalg.svd(target.detach().double() @ source.detach().double().T)
    return give_back(U @ Vt)


def linear_map(M: Tensor | None, L: Tensor | None, columns: int) -> Tensor | None:
    """L in float64, from whichever of M and L is given, checked against the columns of X."""
    if M is not None:
        expect_square("M", M)
        expect_columns("M", M, columns)
        return _exact_factor(M)
    if L is not None:
        expect_columns("L", L, columns)
        return L.double()
    return None


def _exact_factor(M: Tensor) -> Tensor:
    """A factor of M as stored, whose only error is that of a float64 eigendecomposition.

    An inverse covariance of raw features spans many decades, and an eigenvalue far below the
    largest is lost in its rounding. So each feature first gets its own unit. Where M is so near the
    cone's border that the change of units brings out a negative eigenvalue, M keeps its units.
    """
    tol = tolerance(M)
    values, vectors = _psd_spectrum(M, tol)
    unit = _own_units(M)
    own_values, own_vectors = spectrum(M.double() / unit / unit[:, None])
    if own_values[0] >= -tol * own_values[-1]:
        values, vectors = own_values, own_vectors
    else:
        unit = torch.ones_like(unit)
    kept = values > tolerance(values) * values[-1]
    return values[kept].sqrt()[:, None] * vectors.T[kept] * unit


def _own_units(M: Tensor) -> Tensor:
    """Powers of two near √Mⱼⱼ (dividing by them is exact), with a floor far below the largest."""
    diagonal = M.detach().diagonal().double()
    real = torch.finfo(diagonal.dtype)
    floor = (diagonal.max() * real.eps**2).clamp(min=real.tiny)
    return diagonal.maximum(floor).log2().div(2).round().exp2()


def _psd_spectrum(M: Tensor, tol: float) -> tuple[Tensor, Tensor]:
    values, vectors = spectrum(M)
    complaint = flaw("M", M, values, tol)
    if complaint:
        raise ValueError(complaint)
    return values, vectors
