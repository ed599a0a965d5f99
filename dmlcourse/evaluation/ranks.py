"""The ranks of all matches of all queries: one pass over the distances, a few whole rows at a time.

Every measure of retrieval follows from the ranks of a query's matches (``scores.ranking``), and for
those a row of distances has to be sorted once. To know afterwards where the matches went, each
number carries a mark: floats that are not negative keep their order when they are read as whole
numbers, and the last bit of those is worth no more than a rounding. That bit says whether the item
matches.

**Ties are counted against the embedding.** An item of another class at the same distance as a match
comes first. "The same" means that the two agree within the rounding of a squared distance, so
matches are moved outward by the bound of that when they are marked: a few steps from one number of
the dtype to the next. An embedding that puts all points at one place so gets what it knows:
nothing. Code that sorts by distance and takes ties as they come gives it credit for the order of
the file.
"""

from collections.abc import Iterator
from math import ceil, frexp
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..geometry.pairwise import (
    FLOAT64_EPS,
    Cloud,
    clouds,
    default_bytes,
    matched_squares,
    spans,
)

# An entry's square, its comparison and key, and room for a block of near-duplicates, where every
# entry is computed twice.
BYTES_PER_ENTRY = 64

WHOLE = {torch.float32: torch.int32, torch.float64: torch.int64}


class Candidates(NamedTuple):
    """Queries, gallery, and what is known of them: tensors on one device.

    query: (n, d), gallery: (m, d) or None for the queries themselves, float32 or float64.
    query_codes: (n,), gallery_codes: (m,), the class of each as a number. own: (n,) int64, the
    place of each query in the gallery, which is not to be found; −1 for none.
    """

    query: Tensor
    gallery: Tensor | None
    query_codes: Tensor
    gallery_codes: Tensor
    own: Tensor


class _Space(NamedTuple):
    """Both sets around their common centre, and how their squared distances are to be computed.

    factor: the images are scaled, and with them all squares by this power of 4; so squares fit into
    float32 for points of any size. spare: how much smaller than ‖x‖² + ‖y‖² the product may be
    before the difference is needed. steps: by how many numbers of ``dtype`` a match is moved, and
    marked (an odd number). gap: by how much before that, where rows were scaled to length 1.
    """

    a: Cloud
    b: Cloud
    dtype: torch.dtype
    factor: float
    spare: float
    steps: int
    gap: float


def match_ranks(
    candidates: Candidates, cosine: bool = False, max_bytes: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ranks (t,) of all matches of a few queries, and how many each has (r,); then the next few.

    Ranks count from 1 and ascend within each query. Distances are Euclidean, those of the rows
    scaled to length 1 where ``cosine`` says so (a row of zeros stays). In float32, those below
    10⁻¹⁹ of the largest count as 0. Working memory is max_bytes (64 MiB on the CPU, 1 GiB on a GPU)
    beside float64 copies of the points, but one row at least.
    """
    space = _space(candidates, cosine)
    max_bytes = max_bytes or default_bytes(candidates.query.device)
    height = max(1, max_bytes // (BYTES_PER_ENTRY * len(space.b.points)))
    for rows in spans(len(space.a.points), height):
        codes, own = candidates.query_codes[rows], candidates.own[rows]
        squares = _squares(space._replace(a=space.a.part(rows)), own, max_bytes)
        yield _ranks(squares, codes[:, None] == candidates.gallery_codes, own, space)


def _space(candidates: Candidates, cosine: bool) -> _Space:
    """The bounds are those of ``pairwise.py``, in units of the dtype's eps for a squared distance.

    A square errs by 1/4, and by 1/2 when it is rounded to float32; in float64 by 32(d + 4). Two
    equal ones differ by twice that, where a step is at least half an eps; clearing the last bit
    takes one step more, and the mark is one. Rows of length 1 have moved by g ≤ (d + 4)·eps64 each,
    and (a + 2g)² ≤ (1 + r)a² + (1 + 1/r)(2g)² for the share r that the steps are worth.
    """
    x, y, dtype = candidates.query, candidates.gallery, candidates.query.dtype
    if cosine:
        x, y = unit_rows(x), None if y is None else unit_rows(y)
    eps, d = torch.finfo(dtype).eps, x.shape[1]
    steps = 2 * ceil(2 * (32 * (d + 4) if dtype == torch.float64 else 0.75)) + 3
    gap = (2 * (d + 4) * FLOAT64_EPS) ** 2 * (1 + 2 / (steps * eps)) if cosine else 0.0
    spare = max(32.0, eps / (4 * (d + 4) * FLOAT64_EPS))
    a, b = clouds(x, y, None)
    scale = 1.0 if cosine else _scale(a, b)
    return _Space(_scaled(a, scale), _scaled(b, scale), dtype, scale**2, spare, steps, gap)


def unit_rows(x: Tensor) -> Tensor:
    """Rows scaled to length 1, in float64; a row of zeros stays."""
    x = x.double()
    x = x / x.abs().amax(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    return x / x.square().sum(1, keepdim=True).sqrt().clamp(min=1)


def _scale(a: Cloud, b: Cloud) -> float:
    """The power of 2 that brings the longest image to a length between ½ and 1, 2⁵⁰⁰ at most."""
    longest = float(torch.cat([a.norms, b.norms]).max().sqrt())
    return 2.0 ** min(500, -frexp(longest)[1])


def _scaled(cloud: Cloud, scale: float) -> Cloud:
    return cloud._replace(image=cloud.image * scale, norms=cloud.norms * scale**2)


def _squares(space: _Space, own: Tensor, max_bytes: int) -> Tensor:
    """Squared distances (r, m) in float64, ∞ to the query itself.

    As in ``pairwise.py``: the product, and the difference where too few of its digits are left.
    """
    a, b = space.a, space.b
    squares = torch.addmm(b.norms, a.image, b.image.T, alpha=-2).add_(a.norms[:, None])
    there = (own >= 0).nonzero().squeeze(1)
    squares[there, own[there]] = torch.inf
    limits = (a.norms + b.norms.max()) / space.spare
    hit = (squares.amin(1) < limits).nonzero().squeeze(1)
    row, j = (squares[hit] < limits[hit, None]).nonzero(as_tuple=True)
    i = hit[row]
    squares[i, j] = matched_squares(a.points, b.points, i, j, None, max_bytes).mul_(space.factor)
    return squares


def _ranks(
    squares: Tensor, matches: Tensor, own: Tensor, space: _Space
) -> tuple[np.ndarray, np.ndarray]:
    """Marks the matches, sorts the rows, and reads where the marks are."""
    if space.gap:
        squares.add_(matches, alpha=space.gap)
    keys = squares.to(space.dtype).view(WHOLE[space.dtype]).bitwise_and_(-2)
    keys.add_(matches, alpha=space.steps)
    there = (own >= 0).nonzero().squeeze(1)
    keys[there, own[there]] = torch.iinfo(keys.dtype).max - 1  # behind all others, no match
    marks, columns = _marks(keys), keys.shape[1]
    ends = np.searchsorted(marks, columns * np.arange(1, len(keys) + 1))
    sizes = np.diff(ends, prepend=0)
    return marks - np.repeat(columns * np.arange(len(keys)) - 1, sizes), sizes


def _marks(keys: Tensor) -> np.ndarray:
    """Sorts each row; where marks stand then, counted row by row through the whole block, (t,)."""
    if keys.device.type != "cpu":
        return (keys.sort(dim=1).values & 1).flatten().nonzero().squeeze(1).cpu().numpy()
    rows = keys.numpy()  # NumPy's sort is many times as fast as torch's on a CPU
    rows.sort(axis=1)
    return np.flatnonzero((rows & 1).astype(bool))
