"""The cone of positive semi-definite matrices: which M give a distance, and the nearest that does.

A symmetric M is positive semi-definite (PSD) when zᵀMz ≥ 0 for every z, that is, when no eigenvalue
is negative. These matrices form a closed convex cone, so every matrix has exactly one nearest point
in it. Only M with all eigenvalues positive tells any two different points apart; a singular M gives
a pseudo-metric. The determinant decides nothing: diag(-1, -1) has determinant 1.

Everything here is computed in float64 and is not differentiated: eigenvectors turn freely where
eigenvalues coincide.
"""

from math import sqrt

import torch
from torch import Tensor

from .arrays import Array, expect_square, take


def is_psd(A: Array, tol: float | None = None) -> bool:
    """Whether A is symmetric with no negative eigenvalue, up to rounding.

    With s = max |λᵢ|, A passes when |Aᵢⱼ − Aⱼᵢ| ≤ tol·s for all i, j and λ_min ≥ −tol·s. The
    default tol = 10·√d·eps, eps of A's dtype, is about twenty times the most by which storing a PSD
    matrix in that dtype moves an eigenvalue. A: (d, d). Raises ``ValueError`` where A is not square
    or not finite. Chapter 02.
    """
    (matrix,), _ = take(A=A)
    expect_square("A", matrix)
    return flaw("A", matrix, spectrum(matrix)[0], tol) is None


def project_psd(A: Array) -> Array:
    """The PSD matrix nearest to A in Frobenius norm: symmetrise, then cut negative eigenvalues.

    (A + Aᵀ)/2 = V diag(λ) Vᵀ gives P = V diag(max(λ, 0)) Vᵀ. The skew part of A is orthogonal to
    all symmetric matrices, so dropping it first loses nothing. P is exactly symmetric; a symmetric
    A without negative eigenvalues comes back as it is. A: (d, d), same dtype and device out. Raises
    ``ValueError`` where A is not square or not finite. Source: Higham (1988), Linear Algebra and
    its Applications 103, Theorem 2.1. Chapter 02.
    """
    (matrix,), give_back = take(A=A)
    expect_square("A", matrix)
    values, vectors = spectrum(matrix)
    if values[0] >= 0:
        return give_back(symmetric_part(matrix))
    return give_back(symmetric_part((vectors * values.clamp(min=0)) @ vectors.T))


def symmetric_part(A: Tensor) -> Tensor:
    """(A + Aᵀ)/2 in float64."""
    A = A.detach().double()
    return (A + A.T) / 2


def spectrum(A: Tensor) -> tuple[Tensor, Tensor]:
    """Ascending eigenvalues (d,) and eigenvectors (columns) of A's symmetric part, in float64."""
    values, vectors = torch.linalg.eigh(symmetric_part(A))
    return values, vectors


def tolerance(A: Tensor) -> float:
    """10·√d·eps: how large a share of the largest eigenvalue still counts as rounding.

    Storing A moves its entries by at most eps/2 of each, and so its eigenvalues by at most
    √d·eps/2 of the largest; the factor 10 leaves room for how A was computed.
    """
    return 10 * sqrt(len(A)) * torch.finfo(A.dtype).eps


def flaw(name: str, A: Tensor, values: Tensor, tol: float | None = None) -> str | None:
    """What keeps A, with ascending eigenvalues ``values``, out of the cone; None if nothing."""
    allowed = (tolerance(A) if tol is None else tol) * values.abs().max()
    lopsided = asymmetry(name, A, allowed)
    if lopsided or values[0] >= -allowed:
        return lopsided
    return (
        f"{name} is not positive semi-definite: its most negative eigenvalue is "
        f"{values[0]:.6g}. project_psd({name}) gives the nearest matrix that is."
    )


def asymmetry(name: str, A: Tensor, allowed: Tensor) -> str | None:
    """Where A differs from its transpose by more than ``allowed``; None if nowhere."""
    skew = (A - A.T).detach().abs()
    if skew.max() <= allowed:
        return None
    i, j = divmod(int(skew.argmax()), len(A))
    return (
        f"{name} is not symmetric: {name}[{i}, {j}] = {A[i, j]:.6g} but "
        f"{name}[{j}, {i}] = {A[j, i]:.6g}. Use ({name} + {name}.T) / 2 if you mean its "
        f"symmetric part."
    )
