"""Mahalanobis distance between all pairs, under a matrix M or a linear map L (chapter 02)."""

import torch
from torch import Tensor

from .arrays import Array, expect_columns, take
from .factors import linear_map
from .pairwise import all_pairs, root


def mahalanobis(
    X: Array,
    Y: Array | None = None,
    M: Array | None = None,
    L: Array | None = None,
    squared: bool = False,
) -> Array:
    """Distances under M = LᵀL between the rows of X and of Y: Euclidean distances after the map L.

    Dᵢⱼ = √((xᵢ − yⱼ)ᵀM(xᵢ − yⱼ)) = ‖L xᵢ − L yⱼ‖; without the root if ``squared``, which breaks the
    triangle inequality (0, 1, 2 on a line: 4 > 1 + 1). A singular M gives a pseudo-metric: distinct
    points may be at distance zero.

    X: (n, d), Y: (m, d), exactly one of M: (d, d), symmetric PSD, and L: (k, d); D: (n, m).
    ``Y=None`` means X against itself: exactly symmetric, exact zeros on the diagonal. NumPy in,
    NumPy out; tensor in, tensor out, same device and dtype (integers give float64). Gradients flow
    to X, Y and whichever of M and L is given; at distance zero the root's is zero. For the error
    near zero see ``pairwise.py``.

    Raises ``ValueError`` where shapes disagree, where not exactly one of M and L is given, or where
    M is clearly not symmetric PSD (tolerance of ``is_psd``); and as ``arrays.take`` does. Source:
    Xing et al. (2002), NIPS 15, equation 1.
    """
    (x, y, metric, linear), give_back = take(X=X, Y=Y, M=M, L=L)
    if (M is None) == (L is None):
        raise ValueError(
            f"{'neither' if M is None else 'both'} of M and L given: pass exactly one, M (d, d) or "
            f"L (k, d). For the Euclidean distance use pairwise_distances."
        )
    if y is not None:
        expect_columns("Y", y, x.shape[1])
    linear = linear_map(metric, linear, x.shape[1])
    if metric is not None and metric.requires_grad and torch.is_grad_enabled():
        return give_back(_with_gradient_in_M(x, y, metric, linear, squared))
    return give_back(all_pairs(x, y, linear, give_back.dtype, squared))


def _with_gradient_in_M(
    X: Tensor, Y: Tensor | None, M: Tensor, L: Tensor | None, squared: bool
) -> Tensor:
    """Distances whose values come from L and whose derivative in M comes from the quadratic form.

    d² is linear in M, so its derivative needs no factor; that of an eigendecomposition does not
    even exist where eigenvalues coincide, as they do at M = I.
    """
    squares = all_pairs(X, Y, L, torch.float64, squared=True)
    form = _quadratic_form(X.detach(), X.detach() if Y is None else Y.detach(), M)
    squares = squares + (form - form.detach())
    return squares if squared else root(squares)


def _quadratic_form(X: Tensor, Y: Tensor, M: Tensor) -> Tensor:
    X, Y, M = X.double(), Y.double(), (M + M.T).double() / 2
    XM, YM = X @ M, Y @ M
    return (XM * X).sum(1)[:, None] + (YM * Y).sum(1) - 2 * XM @ Y.T
