"""All pairs of points: squared distances tile by tile, accurate near zero, in bounded memory.

The fast way to all squared distances is one matrix product, ‖x‖² + ‖y‖² − 2xᵀy. It is also a trap:
near zero distance, or far from the origin, large numbers cancel and the leading digits go. Three
things keep them here, on every device:

1. the points are moved to their common centre, and the product is formed in float64;
2. where ‖x‖² + ‖y‖² exceeds the result so far that the digits left do not cover the result's dtype,
   that one entry is computed again from the difference x − y (``_spare`` states the rule);
3. neighbours are proposed by the product and decided by the difference (``neighbours.py``).

So every squared distance has a relative error of at most eps for float32 and half precision, and of
32(d + 4)·eps for float64, where the dtype holds the value at all (no overflow, no subnormal
number). Under a map L, an entry from the product also carries the float64 rounding of Lx.
"""

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .arrays import Array, expect_columns, take

# A tile's entry costs 8 bytes for the product; the rest is room for the case that every entry has
# to be looked at again (many points nearly equal): indices, copies and, for neighbours, a sort.
BYTES_PER_ENTRY = 160

# Rows gathered for a recomputation stay in a processor's cache.
CACHE_BYTES = 2**22

# Rows and columns of a matrix product that are treated alike, whatever the library.
BLOCK = 64

# Columns that share one minimum when few entries of a tile are looked for.
GROUP = 32

FLOAT64_EPS = torch.finfo(torch.float64).eps


def pairwise_distances(
    X: Array, Y: Array | None = None, squared: bool = False, max_bytes: int | None = None
) -> Array:
    """Euclidean distances between the rows of X and of Y: Dᵢⱼ = ‖xᵢ − yⱼ‖, squared if asked.

    X: (n, d), Y: (m, d), D: (n, m). ``Y=None`` means X against itself: D is then exactly symmetric
    with an exact zero diagonal. Each entry is accurate near zero and far from the origin; the
    bounds stand at the head of this file. NumPy in, NumPy out; tensor in, tensor out, same device
    and dtype (integers give float64). Gradients flow to X and Y; at distance zero the root's is
    zero. Without a gradient, working memory is max_bytes (64 MiB on the CPU, 1 GiB on a GPU) beside
    D and a float64 copy of the points. Raises as ``arrays.take`` does, and ``ValueError`` where Y's
    columns differ from X's.
    """
    (x, y), give_back = take(X=X, Y=Y)
    if y is not None:
        expect_columns("Y", y, x.shape[1])
    return give_back(all_pairs(x, y, None, give_back.dtype, squared, max_bytes))


def distance_blocks(
    X: Tensor, Y: Tensor | None = None, L: Tensor | None = None, max_bytes: int | None = None
) -> Iterator[tuple[slice, slice, Tensor]]:
    """Squared distances tile by tile: yields (rows of X, rows of Y, float64 block).

    All tiles of the first rows come first, in the order of the columns, so a statistic of a row is
    complete when its last tile has come. X: (n, d), Y: (m, d), L: (k, d) or None; tensors that have
    passed ``arrays.take``. Working memory as for ``pairwise_distances``.
    """
    max_bytes = max_bytes or default_bytes(X.device)
    a, b = clouds(X, Y, L)
    spare = _spare(X.dtype, a.image.shape[1])
    for rows, cols in tiles(len(a.points), len(b.points), max_bytes // BYTES_PER_ENTRY):
        yield rows, cols, _squares(a.part(rows), b.part(cols), L, spare, max_bytes)


def row_blocks(X: Tensor, max_bytes: int | None = None) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of X (n, d) to itself, whole rows at a time: (rows, float64 block (r, n)).

    For sums over each point's distances to all others. Working memory is max_bytes as for
    ``pairwise_distances``, but one row at least. X has passed ``arrays.take``.
    """
    max_bytes = max_bytes or default_bytes(X.device)
    cloud, _ = clouds(X, None, None)
    spare = _spare(X.dtype, X.shape[1])
    for rows in spans(len(X), max(1, max_bytes // (BYTES_PER_ENTRY * max(1, len(X))))):
        yield rows, _squares(cloud.part(rows), cloud, None, spare, max_bytes)


def all_pairs(
    X: Tensor,
    Y: Tensor | None,
    L: Tensor | None,
    dtype: torch.dtype,
    squared: bool,
    max_bytes: int | None = None,
) -> Tensor:
    """Distances (n, m) under the map L in ``dtype``; with ``Y=None`` each pair is visited once."""
    max_bytes = max_bytes or default_bytes(X.device)
    a, b = clouds(X, Y, L)
    n, m, spare = len(a.points), len(b.points), _spare(dtype, a.image.shape[1])
    if n == 0 or m == 0:
        return (a.image @ b.image.T).to(dtype)
    if torch.is_grad_enabled() and (a.image.requires_grad or b.image.requires_grad):
        block = _squares(a, b, L, spare, max_bytes)
        block = _mirror(block) if Y is None else block
        return (block if squared else root(block)).to(dtype)
    D = torch.empty(n, m, dtype=dtype, device=X.device)
    for rows, cols in tiles(n, m, max_bytes // BYTES_PER_ENTRY):
        if Y is None and cols.start < rows.start:
            continue
        block = _squares(a.part(rows), b.part(cols), L, spare, max_bytes)
        block = block if squared else root(block)
        D[rows, cols] = _mirror(block) if Y is None and rows == cols else block
        if Y is None and rows != cols:
            D[cols, rows] = block.T
    return D


def matched_squares(
    x: Tensor, y: Tensor, i: Tensor, j: Tensor, L: Tensor | None, max_bytes: int
) -> Tensor:
    """‖L(x[i] − y[j])‖² in float64 for the listed pairs (p,), from the differences themselves."""
    width = x.shape[1] + (0 if L is None else len(L))
    step = max(1, min(max_bytes, CACHE_BYTES) // (32 * max(1, width)))
    parts = []
    for i_part, j_part in zip(i.split(step), j.split(step), strict=True):
        gap = x.index_select(0, i_part).double() - y.index_select(0, j_part).double()
        gap = gap if L is None else gap @ L.T
        parts.append(gap.square().sum(1))
    return torch.cat(parts)


def root(squares: Tensor) -> Tensor:
    """√, with derivative 0 at 0: two points that coincide have no direction to be moved in."""
    if not squares.requires_grad:
        return squares.sqrt_()
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


def default_bytes(device: torch.device) -> int:
    """64 MiB keeps a tile in a processor's cache; a GPU needs larger tiles to be busy."""
    return 2**26 if device.type == "cpu" else 2**30


def tiles(n: int, m: int, entries: int) -> Iterator[tuple[slice, slice]]:
    """Cut an (n, m) matrix into tiles of at most ``entries`` entries, row by row.

    For n = m the tiles are square blocks of one grid, so each is on the diagonal or off it.
    """
    height, width = tile_shape(n, m, entries)
    for rows in spans(n, height):
        for cols in spans(m, width):
            yield rows, cols


def tile_shape(n: int, m: int, entries: int) -> tuple[int, int]:
    """Height and width of a tile: near a square, wider or taller where the matrix is thin."""
    side = _whole_groups(isqrt(max(1, entries)))
    width = max(1, min(m, max(side, _whole_groups(side**2 // max(1, n)))))
    return max(1, min(n, side**2 // width)), width


def _whole_groups(columns: int) -> int:
    return columns // GROUP * GROUP or columns


def spans(length: int, step: int) -> Iterator[slice]:
    """Consecutive slices of ``step`` that cover range(length)."""
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


class Cloud(NamedTuple):
    """Points as given (n, d), their centred images under L (n, k) in float64, ‖image‖² (n,)."""

    points: Tensor
    image: Tensor
    norms: Tensor

    def part(self, rows: slice) -> "Cloud":
        return Cloud(self.points[rows], self.image[rows], self.norms[rows])


def clouds(X: Tensor, Y: Tensor | None, L: Tensor | None) -> tuple[Cloud, Cloud]:
    """Both sets around their common centre; the second is the first where Y is None."""
    x, y = images(X, Y, L)
    a = Cloud(X, x, _norms(x))
    return a, a if Y is None else Cloud(Y, y, _norms(y))


def images(X: Tensor, Y: Tensor | None, L: Tensor | None) -> tuple[Tensor, Tensor]:
    """Centred float64 images under L, all in one product: equal points get equal images."""
    points = torch.cat([X] if Y is None else [X, Y]).double()
    points = points - _centre(points.detach())
    image = points if L is None else _mapped(points, L)
    return image[: len(X)], image if Y is None else image[len(X) :]


def _mapped(points: Tensor, L: Tensor) -> Tensor:
    """points @ L.T, so that no row's result depends on its place.

    A matrix product treats the rows left over at its edges, and rows at odd addresses, in another
    order of additions, which shows in the last digit. In whole blocks there are none.
    """
    (n, d), k = points.shape, len(L)
    rows = pad(points, (0, -d % BLOCK, 0, -n % BLOCK))
    return (rows @ pad(L, (0, -d % BLOCK, 0, -k % BLOCK)).T)[:n, :k]


def _centre(points: Tensor) -> Tensor:
    """A point near the mean (d,), on a binary grid 2¹⁶ times finer than the data's range.

    On such a grid the subtraction is exact for most data, and whole numbers keep so few bits that
    their products stay exact too.
    """
    if not len(points):
        return points.new_zeros(points.shape[1])
    low, high = points.aminmax(dim=0)
    step = (high - low).log2().floor().sub(16).exp2()
    return torch.where(step > 0, (points.mean(0) / step).round() * step, low)


def _norms(image: Tensor) -> Tensor:
    norms = image.square().sum(1)
    if not (norms < 1e300).all():
        raise ValueError("Squared distances overflow float64: divide the data by a large number.")
    return norms


def _squares(a: Cloud, b: Cloud, L: Tensor | None, spare: float, max_bytes: int) -> Tensor:
    """One block of squared distances in float64: the product, and the difference where it fails.

    Entries computed again keep the derivative of the product form, which loses nothing: it is
    2Σⱼ gᵢⱼ(xᵢ − yⱼ), two matrix products for the whole block.
    """
    squares = torch.addmm(b.norms, a.image, b.image.T, alpha=-2).add_(a.norms[:, None])
    with torch.no_grad():
        i, j = entries_up_to((a.norms + b.norms.max()) / spare, squares)
        lost = squares[i, j] < (a.norms[i] + b.norms[j]) / spare
        i, j = i[lost], j[lost]
        exact = matched_squares(a.points, b.points, i, j, L, max_bytes)
    if squares.requires_grad:
        exact = exact + (squares[i, j] - squares[i, j].detach())
    squares[i, j] = exact
    return squares


def _spare(dtype: torch.dtype, k: int) -> float:
    """How many times the result ‖x‖² + ‖y‖² may be before too few of float64's digits are left.

    The product form errs by at most (k + 4)·eps64·(‖x‖² + ‖y‖²). A quarter of eps is allowed to
    float32 and half precision; float64 itself has no digits to spare and may lose five bits.
    """
    return max(32.0, torch.finfo(dtype).eps / (4 * (k + 4) * FLOAT64_EPS))


def entries_up_to(limit: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
    """Where block (r, c) ≤ limit (r,), row by row; most groups are ruled out by their minimum."""
    size = GROUP if block.shape[1] % GROUP == 0 else block.shape[1]
    groups, in_row = block.view(-1, size), block.shape[1] // size
    hit = (groups.amin(1) <= limit.repeat_interleave(in_row)).nonzero().squeeze(1)
    within = groups.index_select(0, hit) <= limit[hit // in_row, None]
    found, j = within.nonzero(as_tuple=True)
    hit = hit[found]
    return hit // in_row, hit % in_row * size + j


def _mirror(block: Tensor) -> Tensor:
    upper = block.triu(1)
    return upper + upper.T
