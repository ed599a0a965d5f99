"""Linear maps that maximise a trace: PCA, LDA, and the eigenproblem behind both (chapter 03).

    maximise tr(L A Lᵀ) over L: (k, d) with L B Lᵀ = I

For B = I the rows of L are the eigenvectors of A's largest eigenvalues; for another B they solve
A l = λ B l. A is what shall be large after the map, B what shall be one: PCA takes the covariance
and I, LDA the scatter between the classes and the scatter within.

NumPy in, NumPy out; tensor in, tensor out, same device and dtype (integers give float64), computed
in float64 and not differentiated. An eigenvector has no sign of its own: here the entry of each row
that is largest in size is positive (the first, where several are).
"""

from operator import index as whole_number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .arrays import Array, expect_square, take
from .cone import asymmetry, spectrum, symmetric_part, tolerance

# Which share of a feature's spread within the classes, squared, may be explained by other features
# before LDA leaves the direction out: the limit of scikit-learn's solver "svd", 10⁻⁴, squared.
UNEXPLAINED = 1e-8

# What a mean of equal numbers may differ from them, as a share of the largest number of a feature.
ROUNDING = 1e-14


def trace_maximiser(A: Array, k: int, B: Array | None = None) -> Array:
    """The map L (k, d) with L B Lᵀ = I for which tr(L A Lᵀ) is largest; B = I if not given.

    The maximum is the sum of the k largest λ of A l = λ B l, and the rows of L are their solutions,
    largest λ first. Any QL with an orthogonal Q reaches the same trace; these rows also make
    L A Lᵀ diagonal. Where eigenvalues coincide their rows may be turned among themselves.

    A: (d, d), symmetric; B: (d, d), symmetric positive definite; 1 ≤ k ≤ d. Raises ``ValueError``
    where a matrix is not square or not symmetric, and where B is singular up to rounding: along a
    direction l with lᵀBl = 0 the constraint says nothing, so there is no maximum. Source: Fan
    (1949), Proceedings of the National Academy of Sciences 35, 652-655. Chapter 03.
    """
    (matrix, constraint), give_back = take(A=A, B=B)
    _expect_symmetric("A", matrix)
    k = _expect_rows(k, len(matrix), "A has no more rows")
    if constraint is None:
        return give_back(_signed(_largest(matrix, k)))
    _expect_symmetric("B", constraint)
    if constraint.shape != matrix.shape:
        raise ValueError(
            f"B has shape {tuple(constraint.shape)} and A has shape {tuple(matrix.shape)}: "
            f"expected one shape for both."
        )
    W = _whitening(constraint, tolerance(constraint))
    if len(W) < len(matrix):
        raise ValueError(
            f"B is not positive definite beyond rounding: it says nothing about "
            f"{len(matrix) - len(W)} of {len(matrix)} directions, along which the trace has no "
            f"maximum. Leave those directions out, or add a small multiple of the identity to B."
        )
    return give_back(_signed(_largest(W @ symmetric_part(matrix) @ W.T, k) @ W))


def pca(X: Array, k: int) -> Array:
    """Principal directions: the orthonormal L (k, d) that keeps most of the variance tr(L C Lᵀ).

    C = Σ (x − x̄)(x − x̄)ᵀ/(n − 1), the covariance of the rows of X. The rows of L are ordered by the
    variance they keep; they are scikit-learn's ``PCA(k).components_`` up to sign. Directions
    without variance come last, in no particular order.

    X: (n, d), n ≥ 2; 1 ≤ k ≤ d. Raises ``ValueError`` for another k or n and as ``arrays.take``
    does. Sources: Pearson (1901), Philosophical Magazine 2, 559-572; Hotelling (1933), Journal of
    Educational Psychology 24, 417-441. Chapter 03.
    """
    (points,), give_back = take(X=X)
    if len(points) < 2:
        raise ValueError(f"X has {len(points)} rows: expected two or more, to have a variance.")
    k = _expect_rows(k, points.shape[1], "X has no more columns")
    centred = _centred(points)
    return give_back(_signed(_largest(centred.T @ centred / (len(points) - 1), k)))


def lda(X: Array, y: Any, k: int) -> Array:
    """Fisher's discriminant directions: the L (k, d) with L S_w Lᵀ = I that maximises tr(L S_b Lᵀ).

    The scatter within the classes and the scatter between them are

        S_w = Σ (x − m_c)(x − m_c)ᵀ / n    and    S_b = Σ n_c (m_c − m)(m_c − m)ᵀ / n,

    where class c has n_c rows and the mean m_c, and m is the mean of all. For C classes S_b has
    rank C − 1 at most, so there are no more directions than that.

    Where S_w is singular (a constant pixel, more features than points) L looks only at directions
    in which it is not: measured in each feature's own spread within the classes, those whose
    variance exceeds 10⁻⁸. Directions without spread within are left out even if they separate the
    classes. This is what scikit-learn's ``LinearDiscriminantAnalysis(solver="svd")`` does; X @ L.T
    is its transform up to a shift, signs and, in releases that divide S_w by n − C, the scale. The
    rows of L are the columns of ``scalings_`` of its solver "eigen", which refuses a singular S_w.

    X: (n, d), y: (n,) labels of any kind. Raises ``ValueError`` for fewer than two classes, for
    labels that do not fit X, where no class has two different points, and for a k outside 1 to the
    number of directions. Sources: Fisher (1936), Annals of Eugenics 7, 179-188; Rao (1948), Journal
    of the Royal Statistical Society B 10, 159-203. Chapter 03.
    """
    (points,), give_back = take(X=X)
    classes, sizes = _classes(y, points)
    rounding, points = ROUNDING * points.detach().abs().amax(0), _centred(points)
    means = points.new_zeros(len(sizes), points.shape[1])
    means = means.index_add(0, classes, points) / sizes[:, None]
    within = points - means[classes]
    within = torch.where(within.abs() > rounding, within, 0)
    W = _whitening(within.T @ within / len(points), UNEXPLAINED)
    most = min(len(sizes) - 1, len(W))
    if not most:
        raise ValueError(
            "No class has two different points, so the scatter within is zero: expected several "
            "points of a class. pca(X, k) needs no labels."
        )
    k = _expect_rows(k, most, f"{len(sizes)} classes differ in no more directions with spread")
    spread = (sizes / len(points)).sqrt()[:, None] * means @ W.T
    return give_back(_signed(_largest(spread.T @ spread, k) @ W))


# ---------------------------------------------------------------- the mathematics


def _largest(A: Tensor, k: int) -> Tensor:
    """The eigenvectors (k, d) of the k largest eigenvalues, as rows, largest first."""
    _, vectors = spectrum(A)
    return vectors.T.flip(0)[:k]


def _whitening(B: Tensor, share: float) -> Tensor:
    """W (r, d) with W B Wᵀ = I, for the r directions in which B exceeds ``share``.

    Each feature first gets its own unit √Bⱼⱼ, so that neither r nor the accuracy depends on the
    units of the data.
    """
    B = symmetric_part(B)
    unit = B.diagonal().clamp(min=0).sqrt()
    unit = torch.where(unit > 0, unit, 1)
    values, vectors = spectrum(B / unit / unit[:, None])
    kept = values > share
    return vectors.T[kept] / values[kept].sqrt()[:, None] / unit


def _signed(L: Tensor) -> Tensor:
    """L with the sign of each row turned so that its largest entry is positive.

    Entries that are largest up to a billionth count as equal, and the first of them decides, so
    that no rounding does.
    """
    sizes = L.abs()
    large = sizes >= (1 - 1e-9) * sizes.amax(1, keepdim=True)
    first = large & (large.cumsum(1) == 1)
    return L * torch.where(first, L.sign(), 0).sum(1, keepdim=True)


def _centred(X: Tensor) -> Tensor:
    X = X.detach().double()
    return X - X.mean(0)


# ---------------------------------------------------------------- what may come in


def labels_of(y: Any, X: Tensor) -> np.ndarray:
    """The labels as a NumPy array (n,), one for each row of X; ``ValueError`` where they differ."""
    if isinstance(y, Tensor):  # NumPy has no bfloat16, and float64 holds every smaller float
        y = (y.double() if y.is_floating_point() else y).detach().cpu()
    labels = np.asarray(y)
    if labels.shape != (len(X),):
        raise ValueError(
            f"y has shape {labels.shape} and X has {len(X)} rows: expected one label for each row."
        )
    return labels


def _classes(y: Any, X: Tensor) -> tuple[Tensor, Tensor]:
    """The class of each row of X as a number from 0 (n,), and the sizes of the classes (C,)."""
    labels = labels_of(y, X)
    names, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"y holds {len(names)} class: expected two or more, to tell them apart.")
    counts = torch.as_tensor(sizes, dtype=torch.float64, device=X.device)
    return torch.as_tensor(numbers, device=X.device), counts


def _expect_symmetric(name: str, A: Tensor) -> None:
    expect_square(name, A)
    lopsided = asymmetry(name, A, tolerance(A) * A.detach().abs().max())
    if lopsided:
        raise ValueError(lopsided)


def _expect_rows(k: int, most: int, why: str) -> int:
    k = whole_number(k)
    if not 1 <= k <= most:
        raise ValueError(f"k is {k}: expected 1 to {most}, because {why}.")
    return k
