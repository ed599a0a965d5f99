"""The objective of LMNN and its gradient, exact, over all triplets and without listing one.

    ε(L) = (1 − μ) Σ_{j⇝i} ‖L(xᵢ − xⱼ)‖²
         + μ Σ_{j⇝i} Σ_{l: yₗ≠yᵢ} [1 + ‖L(xᵢ − xⱼ)‖² − ‖L(xᵢ − xₗ)‖²]₊

These functions take all points at once, a block of rows at a time. The solver, which asks many
times, keeps a list of the pairs that matter (``impostors.py``).

Source: Weinberger & Saul (2009), Journal of Machine Learning Research 10, 207-244, section 3.
Chapter 05.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..geometry import nearest, project_psd
from ..geometry.arrays import SIGNED, UNSIGNED, Array, expect_columns, take
from ..geometry.factors import linear_map
from ..geometry.pairwise import all_pairs, default_bytes, spans
from ..tuples import class_codes, hinge_sums

WHOLE = set(SIGNED + UNSIGNED) - {torch.bool}


def target_neighbours(X: Array, y: Array, k: int) -> Array:
    """The k nearest other points of each point's own class: indices (n, k), nearest first.

    Rows of classes with k or fewer members end in −1. Distances are Euclidean, ties go to the
    smaller index. X: (n, d), y: (n,); int64 in X's kind, on its device. Raises ``ValueError`` where
    k is below 1 or the lengths of X and y differ, and as ``geometry.nearest`` does.
    """
    (x,), give_back = take(X=X)
    labels = _labels(y, x)
    if k < 1:
        raise ValueError(f"k is {k}: a point needs at least one target neighbour.")
    targets = torch.full((len(x), k), -1, dtype=torch.int64, device=x.device)
    for label in labels.unique():
        members = (labels == label).nonzero().squeeze(1)
        count = min(k, len(members) - 1)
        if count:
            targets[members, :count] = members[nearest(x[members], k=count)[1]]
    return give_back(targets)


def lmnn_loss(L: Array, X: Array, y: Array, targets: Array, mu: float = 0.5) -> Array:
    """ε at M = LᵀL: the sum of the equation above, over all triplets, in float64.

    L: (r, d), X: (n, d), y: (n,), targets: (n, k) indices with −1 for none. A scalar of the kind
    and dtype of L and X, without gradient (``lmnn_gradient`` has it). Memory is bounded: no list of
    triplets and no (n, n) matrix is made.
    """
    (linear, x), give_back = take(L=L, X=X)
    expect_columns("L", linear, x.shape[1])
    value, _ = _value_and_gradient(linear, x, _labels(y, x), _indices(targets, x), mu)
    return give_back(value)


def lmnn_gradient(L: Array, X: Array, y: Array, targets: Array, mu: float = 0.5) -> Array:
    """∂ε/∂L = 2L [(1 − μ) Σ Cᵢⱼ + μ Σ_active (Cᵢⱼ − Cᵢₗ)], Cᵢⱼ = (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ, shape (r, d).

    Active are the triplets with a positive hinge; at a kink this is one of the subgradients.
    Arguments as for ``lmnn_loss``.
    """
    (linear, x), give_back = take(L=L, X=X)
    expect_columns("L", linear, x.shape[1])
    _, G = _value_and_gradient(linear, x, _labels(y, x), _indices(targets, x), mu)
    return give_back(2 * linear.detach().double() @ G)


def lmnn_step(
    M: Array, X: Array, y: Array, targets: Array, mu: float, step: float
) -> tuple[Array, float]:
    """One projected subgradient step on M: the new M, and the step that was short enough.

    M − step·∂ε/∂M is projected onto the cone; while ε has risen there, the step is halved, at most
    30 times. If nothing helps, M comes back with the step 0; that is no proof of a minimum, because
    at a kink no step along one subgradient may help. Arguments as for ``lmnn_loss``.
    """
    (matrix, x), give_back = take(M=M, X=X)
    labels, indices = _labels(y, x), _indices(targets, x)

    def measure(M: Tensor) -> tuple[Tensor, Tensor]:
        L = linear_map(M, None, x.shape[1])
        assert L is not None
        return _value_and_gradient(L, x, labels, indices, mu)

    value, G = measure(matrix)  # in its own dtype, whose rounding may leave it outside the cone
    for _ in range(31):
        candidate = project_psd(matrix.double() - step * G)
        if measure(candidate)[0] <= value:
            return give_back(candidate), step
        step = step / 2
    return give_back(matrix), 0.0


def impostor_counts(Z: Array, y: Array, targets: Array) -> Array:
    """How many points of other classes lie within d²(zᵢ, zⱼ) + 1 of zᵢ: (n, k), 0 where j is −1.

    Z: (n, r) points after the map L. A point exactly on the border is no impostor
    here; the paper counts it, which changes no hinge.
    """
    (z,), give_back = take(Z=Z)
    labels, indices = _labels(y, z), _indices(targets, z)
    counts = torch.zeros_like(indices)
    for rows, D in _row_blocks(z):
        weights = hinge_sums(D, indices[rows], labels[rows, None] != labels).weights
        counts[rows] = weights.gather(1, indices[rows].clamp(min=0)).long()
    return give_back(counts.masked_fill(indices < 0, 0))


@torch.no_grad()
def _value_and_gradient(
    L: Tensor, X: Tensor, y: Tensor, targets: Tensor, mu: float
) -> tuple[Tensor, Tensor]:
    """ε and ∂ε/∂M (d, d), some rows of the distance matrix at a time."""
    X = X.double() - X.double().mean(0)
    Z = X @ L.double().T
    value, G = X.new_zeros(()), X.new_zeros(X.shape[1], X.shape[1])
    for rows, D in _row_blocks(Z):
        push = hinge_sums(D, targets[rows], y[rows, None] != y)
        there = (targets[rows] >= 0).double()
        pull = torch.zeros_like(D).scatter_add_(1, targets[rows].clamp(min=0), there)
        value += (1 - mu) * (pull * D).sum() + mu * push.values.sum()
        G += _scatter(X[rows], X, (1 - mu) * pull + mu * push.weights)
    return value, G


def _scatter(A: Tensor, B: Tensor, W: Tensor) -> Tensor:
    """Σ wᵢⱼ (aᵢ − bⱼ)(aᵢ − bⱼ)ᵀ by matrix products: no outer product is made."""
    cross = A.T @ (W @ B)
    return (A.T * W.sum(1)) @ A + (B.T * W.sum(0)) @ B - cross - cross.T


def _row_blocks(Z: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of the matrix of squared distances, as many at a time as the memory bound allows."""
    step = max(1, default_bytes(Z.device) // (64 * max(1, len(Z))))
    for rows in spans(len(Z), step):
        yield rows, all_pairs(Z[rows].double(), Z.double(), None, torch.float64, squared=True)


def expect_neighbours_and_weight(n_neighbors: Any, mu: Any) -> None:
    """Raise ``ValueError`` unless k is a whole number from 1 and μ lies between 0 and 1."""
    if not isinstance(n_neighbors, Integral) or n_neighbors < 1:
        raise ValueError(f"n_neighbors is {n_neighbors!r}: expected a whole number, 1 or more.")
    if not isinstance(mu, Real) or not 0 < float(mu) < 1:
        raise ValueError(
            f"mu is {mu!r}: expected a number above 0 and below 1. At 0 nothing pushes and at 1 "
            f"nothing pulls."
        )


def _labels(y: Any, X: Tensor) -> Tensor:
    """Labels as 0, 1, … on X's device."""
    codes = class_codes(y)
    if len(codes) != len(X):
        raise ValueError(f"y has {len(codes)} labels and X has {len(X)} rows: expected one each.")
    return torch.from_numpy(codes).to(X.device)


def _indices(targets: Any, X: Tensor) -> Tensor:
    """Target neighbours as int64 (n, k) on X's device."""
    tensor = isinstance(targets, Tensor)
    given = targets if tensor else np.asarray(targets)
    whole = given.dtype in WHOLE if tensor else given.dtype.kind in "iu"
    if given.ndim != 2 or len(given) != len(X) or not whole:
        raise ValueError(
            f"targets has shape {tuple(given.shape)} and dtype {given.dtype}: expected whole "
            f"numbers of shape ({len(X)}, k), as target_neighbours gives."
        )
    indices = torch.as_tensor(given if tensor else given.astype(np.int64), device=X.device).long()
    if indices.numel() and not -1 <= int(indices.min()) <= int(indices.max()) < len(X):
        raise ValueError(f"targets has indices outside -1 to {len(X) - 1}.")
    return indices
