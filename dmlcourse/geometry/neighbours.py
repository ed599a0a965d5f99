"""Nearest neighbours in bounded memory: proposed by a product, decided by a difference.

The product form of the squared distance is fast and nearly right. With a certified bound on its
error it rules out almost every candidate; the few that are left are compared by ‖x − y‖² computed
from x − y, which gives equal points equal distances. So ties are true ties, broken by index.
"""

from math import ceil, log2
from operator import index as whole_number

import torch
from torch import Tensor
from torch.nn.functional import pad

from .arrays import Array, expect_columns, take
from .factors import linear_map
from .pairwise import (
    BYTES_PER_ENTRY,
    FLOAT64_EPS,
    Cloud,
    clouds,
    default_bytes,
    entries_up_to,
    images,
    matched_squares,
    root,
    spans,
    tile_shape,
)


def nearest(
    X: Array,
    Y: Array | None = None,
    k: int = 1,
    M: Array | None = None,
    L: Array | None = None,
    max_bytes: int | None = None,
) -> tuple[Array, Array]:
    """The k nearest rows of Y for each row of X: distances (n, k), ascending, and indices (n, k).

    Euclidean distance, or that of a metric M (d, d) or a map L (k', d) as in ``mahalanobis``; then
    neighbours are sought among the images Lx in float64. Equal distances are ordered by index. With
    ``Y=None`` the neighbours of X's rows come from X and row i is not its own neighbour: it is left
    out by its index, so a second point at the same place stays.

    NumPy in, NumPy out; tensor in, tensor out, same device and dtype; indices are int64. Gradients
    flow through the distances to X, Y and L; M counts as a constant. Working memory is max_bytes
    (64 MiB on the CPU, 1 GiB on a GPU) beside the result and float64 images of the points. Raises
    ``ValueError`` where k is not from 1 to the number of candidates, where both M and L are given,
    and as ``mahalanobis`` does.
    """
    (x, y, metric, linear), give_back = take(X=X, Y=Y, M=M, L=L)
    if metric is not None and linear is not None:
        raise ValueError("both of M and L given: pass the one that defines the distance.")
    if y is not None:
        expect_columns("Y", y, x.shape[1])
    alone, k = y is None, whole_number(k)
    candidates = len(x) - 1 if alone else len(y)
    if not 1 <= k <= candidates:
        raise ValueError(f"k is {k}: there are {candidates} candidates for each row of X.")
    linear = linear_map(metric, linear, x.shape[1])
    if linear is not None:
        x, image_y = images(x, y, linear)
        y = None if alone else image_y
    max_bytes = max_bytes or default_bytes(x.device)
    with torch.no_grad():
        index = _nearest_index(*clouds(x, y, None), k, alone, max_bytes)
    rows = torch.arange(len(x), device=x.device).repeat_interleave(k)
    squares = matched_squares(x, x if alone else y, rows, index.flatten(), None, max_bytes)
    return give_back(root(squares).view_as(index)), give_back(index)


def _nearest_index(a: Cloud, b: Cloud, k: int, alone: bool, max_bytes: int) -> Tensor:
    """Indices (n, k) of the nearest points of b, by running top-k over tiles; ties by index."""
    n, m = len(a.points), len(b.points)
    height, width = tile_shape(n, m, max_bytes // BYTES_PER_ENTRY)
    slack = _slack(a, b)
    index = torch.empty(n, k, dtype=torch.int64, device=a.points.device)
    for rows in spans(n, height):
        part = a.part(rows)
        best = part.norms.new_full((len(part.norms), k), torch.finfo(torch.float64).max)
        chosen = torch.zeros_like(best, dtype=torch.int64)
        for cols in spans(m, width):
            others = b.part(cols)
            bound = _lower_bounds(part, others, slack)
            if alone:
                bound.diagonal(rows.start - cols.start).fill_(torch.inf)
            limit = _just_below(best[:, -1])
            if cols.start == 0 and k + alone <= width:
                kth = bound.topk(k, largest=False).values[:, -1]
                limit = kth + 2 * slack * (part.norms + others.norms.max())
            i, j = entries_up_to(limit, bound)
            if slack:
                squares = matched_squares(part.points, others.points, i, j, None, max_bytes)
            else:
                squares = bound[i, j]
            best, chosen = _merge(best, chosen, i, j + cols.start, squares)
        index[rows] = chosen
    return index


def _lower_bounds(a: Cloud, b: Cloud, slack: float) -> Tensor:
    """(1 − slack)(‖x‖² + ‖y‖²) − 2xᵀy, which is never above d² as it comes from x − y."""
    keep = 1 - slack
    bound = torch.addmm(keep * b.norms, a.image, b.image.T, alpha=-2)
    return bound.add_(keep * a.norms[:, None])


def _slack(a: Cloud, b: Cloud) -> float:
    """The share of ‖x‖² + ‖y‖² that rounding can move the product form and the difference apart."""
    return 0.0 if _product_is_exact(a, b) else 8 * (a.image.shape[1] + 4) * FLOAT64_EPS


def _product_is_exact(a: Cloud, b: Cloud) -> bool:
    """Whether all coordinates lie on a grid so coarse that no product or sum is rounded.

    Counts, pixels, one-hot and binary codes do, and it is they that have many ties to settle. In
    units of the grid every sum in the product form is a whole number, at most 4·max ‖x‖², and
    float64 holds those below 2⁵³.
    """
    norms = torch.cat([a.norms, b.norms]).detach()
    longest = float(norms.max()) if len(norms) else 0.0
    unit = 2.0 ** (ceil(log2(longest) / 2) - 25) if longest else 1.0
    return all(_on_grid(t, unit) for t in (a.image, b.image, a.points, b.points))


def _on_grid(points: Tensor, unit: float) -> bool:
    return bool((points.detach().double() / unit).frac().eq(0).all())


def _just_below(farthest: Tensor) -> Tensor:
    """What a later candidate may reach at most: a tie loses to the smaller index, 0 is final."""
    below = farthest.nextafter(farthest.new_tensor(-torch.inf))
    return below.where(below >= 0, -torch.inf)


def _merge(
    best: Tensor, chosen: Tensor, i: Tensor, j: Tensor, exact: Tensor
) -> tuple[Tensor, Tensor]:
    """The k best of each row, from the best so far (r, k) and new pairs (i, j) in order of j.

    Old ones stand before new ones and a stable sort keeps that order, so ties go to the smaller j.
    """
    if not len(i):
        return best, chosen
    r, k = best.shape
    count = i.bincount(minlength=r)
    place = k + torch.arange(len(i), device=i.device) - (count.cumsum(0) - count)[i]
    room = int(count.max())
    best = pad(best, (0, room), value=torch.finfo(best.dtype).max)
    chosen = pad(chosen, (0, room))
    best[i, place], chosen[i, place] = exact, j
    order = best.argsort(dim=1, stable=True)[:, :k]
    return best.gather(1, order), chosen.gather(1, order)
