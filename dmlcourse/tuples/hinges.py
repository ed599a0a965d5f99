"""Sums of hinges over all triplets, exact, without listing a triplet.

    h = Σ_a Σ_{p ∈ P(a)} Σ_{n ∈ N(a)} [m + D(a, p) − D(a, n)]₊

Anchor a has a threshold m + D(a, p) for each of its positives. A negative at distance D(a, n) pays
once for each threshold above it. So one sorted list of thresholds, one search for each negative and
one histogram over the places found give everything: n·m·log K steps in place of n·m·K. A short list
is not searched but compared, threshold by threshold, a row at a time. With target neighbours as
positives h is the push term of LMNN; with all points of a class it is the triplet loss over a whole
batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor

BYTES_PER_ENTRY = 50

# Up to so many thresholds a comparison with each is faster than a search; below 256, for uint8.
SHORT = 32


class HingeSums(NamedTuple):
    """For each anchor its share of the sum, and its number of active triplets; the derivative.

    values: (n,) float64; h is their sum. weights: (n, m) in the dtype of D, ∂h/∂D: at (a, p) the
    number of negatives under the threshold of p, at (a, n) minus the number of thresholds above n.
    active: (n,) int64, the number of positive hinges.
    """

    values: Tensor
    weights: Tensor
    active: Tensor


def hinge_sums(
    D: Tensor,
    positives: Tensor,
    negatives: Tensor,
    margin: float = 1.0,
    max_bytes: int | None = None,
) -> HingeSums:
    """Values, weights and numbers of active triplets of h, above.

    D: (n, m) distances, squared or not, of any floating dtype and device; row a belongs to anchor
    a. positives: (n, K) int64, the columns of each anchor's positives, −1 where a row has fewer;
    a row names a column once. negatives: (n, m) bool. A triplet exactly at its threshold has hinge
    0 and weight 0. Thresholds and weights have the digits of D: bfloat16 counts exactly up to 256,
    float16 up to 2048, so give float32 or more. A negative at ∞ is never active, a positive at ∞
    makes the value ∞ where there are negatives; NaN is not looked for. Working memory is max_bytes
    (256 MiB on the CPU, 4 GiB on a GPU) beside D and the weights, but one row at least.
    """
    _expect(D, positives, negatives)
    room = max_bytes or (2**28 if D.device.type == "cpu" else 2**32)
    height = max(1, room // (BYTES_PER_ENTRY * max(1, D.shape[1] + positives.shape[1])))
    tiles = zip(D.split(height), positives.split(height), negatives.split(height), strict=True)
    parts = [_of_rows(*tile, margin) for tile in tiles]
    return HingeSums(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _of_rows(D: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> HingeSums:
    there = positives >= 0
    columns = positives.clamp(min=0)
    limits = (margin + D.gather(1, columns)).masked_fill(~there, -torch.inf)
    at = D.masked_fill(~negatives, torch.inf)
    over, counts = (_compared if limits.shape[1] <= SHORT else _searched)(limits, at)
    wide = torch.promote_types(D.dtype, torch.float32)
    pushed = over.to(wide) * at.to(wide).masked_fill(over == 0, 0)
    values = (counts * limits.double().masked_fill(counts == 0, 0)).sum(1)
    values = values - pushed.sum(1, dtype=torch.float64)
    weights = over.to(D.dtype).neg_().scatter_add_(1, columns, counts.to(D.dtype))
    return HingeSums(values, weights, counts.sum(1))


def _compared(limits: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Above each negative the number of thresholds (n, m), under each threshold that of negatives.

    One comparison of the whole row for each threshold: for a short list faster than any search.
    """
    over = torch.zeros_like(at, dtype=torch.uint8)
    counts = torch.empty_like(limits, dtype=torch.int64)
    for k in range(limits.shape[1]):
        under = (at < limits[:, k, None]).view(torch.uint8)
        over += under
        counts[:, k] = under.sum(1, dtype=torch.int32)
    return over, counts


def _searched(limits: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The same by a sort of the thresholds, a search for each negative and a histogram."""
    ordered, order = limits.sort(1)
    below = torch.searchsorted(ordered, at, right=True)  # thresholds that n does not violate
    found = torch.zeros(len(at), limits.shape[1] + 1, dtype=torch.int64, device=at.device)
    found.scatter_add_(1, below, torch.ones_like(below))
    reached = found[:, :-1].cumsum(1)  # of each threshold, in order: the negatives under it
    counts = torch.zeros_like(reached).scatter_(1, order, reached)
    return limits.shape[1] - below, counts.masked_fill(limits == -torch.inf, 0)


def positive_columns(mask: Tensor) -> Tensor:
    """The columns where each row of a mask is true, (n, K) int64, filled up with −1."""
    count = mask.sum(1)
    width = int(count.max()) if len(mask) else 0
    rows, columns = mask.nonzero(as_tuple=True)
    place = torch.arange(len(rows), device=mask.device) - (count.cumsum(0) - count)[rows]
    found = torch.full((len(mask), width), -1, dtype=torch.int64, device=mask.device)
    found[rows, place] = columns
    return found


def _expect(D: Tensor, positives: Tensor, negatives: Tensor) -> None:
    if D.ndim != 2 or not D.is_floating_point():
        raise ValueError(
            f"D has shape {tuple(D.shape)} and dtype {D.dtype}: expected floats (n, m)."
        )
    if positives.ndim != 2 or len(positives) != len(D) or positives.dtype != torch.int64:
        raise ValueError(
            f"positives has shape {tuple(positives.shape)} and dtype {positives.dtype}: expected a "
            f"row of columns, int64, for each row of D, {tuple(D.shape)}."
        )
    if negatives.shape != D.shape or negatives.dtype != torch.bool:
        raise ValueError(
            f"negatives has shape {tuple(negatives.shape)} and dtype {negatives.dtype}: expected a "
            f"boolean mask of the shape of D, {tuple(D.shape)}."
        )
