"""The triplet loss: an anchor shall be nearer to its positive than to its negative, by a margin.

    ℓ(a, p, n) = [m + D(a, p) − D(a, n)]₊,            D = d² or d,   d = ‖x − y‖

with the hinge [z]₊ = max(z, 0), or with log(1 + eᶻ), the softplus, in its place. Over a batch it is
summed over every triplet with y(a) = y(p) ≠ y(n), a ≠ p. There are about B²K of them, K positives
for each anchor, and none is listed: for the hinge ``tuples.hinge_sums`` does with B² log K steps;
the softplus needs all B²K values, but only one B×B slice of them at a time.

Sources: Schroff, Kalenichenko and Philbin (2015), FaceNet, CVPR, equation 3 (d², unit vectors,
m = 0.2); Hermans, Beyer and Leibe (2017), arXiv 1703.07737, for the softplus and "batch all".
Chapter 11.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..tuples import hinge_sums
from .batch import (
    AVERAGES,
    Rule,
    Share,
    Sums,
    expect_batch,
    expect_indices,
    expect_number,
    expect_one_of,
    expect_rows,
    listed_sums,
    reduced,
    row_distances,
    unit_rows,
    weighed_sum,
    widened,
)


def triplet_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 0.2,
    *,
    squared: bool = True,
    soft: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """[margin + D(a, p) − D(a, n)]₊ for each row.

    anchor, positive, negative: (n, d) embeddings. D is the squared Euclidean distance, or the
    distance with ``squared=False``. ``soft`` puts log(1 + eᶻ) in place of [z]₊. reduction: "mean",
    "sum" or "none", which gives (n,). Nothing is normalised; on unit vectors d² ends at 4, so a
    margin above that is never met. Half precision is computed in float32. Raises ``TypeError`` or
    ``ValueError`` for other shapes or dtypes. Source: at the head of this file.
    """
    a, p, n = expect_rows(anchor=anchor, positive=positive, negative=negative)
    margin = expect_number("margin", margin)
    excess = margin + row_distances(a, p, squared) - row_distances(a, n, squared)
    return reduced(softplus(excess) if soft else excess.clamp(min=0), reduction)


class TripletLoss(nn.Module):
    """The triplet loss over all triplets of a batch, exactly.

    margin, squared, soft: as for ``triplet_loss``. average: "all" divides by the number of
    triplets, "active" by the number of those with a positive loss (all of them if ``soft``).
    normalize: scale embeddings to length 1 first, as FaceNet does.

    With "all" the loss shrinks as triplets are satisfied, and so does the gradient. With "active"
    neither does: a loss near the margin then says little.
    """

    def __init__(
        self,
        margin: float = 0.2,
        *,
        squared: bool = True,
        soft: bool = False,
        average: str = "all",
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.margin = expect_number("margin", margin)
        self.squared, self.soft, self.normalize = squared, soft, normalize
        self.average = expect_one_of("average", average, AVERAGES)

    def forward(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Tensor:
        """The mean loss, a scalar: float32, or float64 for float64 embeddings.

        embeddings: (B, d); labels: (B,) of any dtype. indices_tuple: None for all triplets of the
        batch, or (a, p, n), index vectors. A batch without triplets gives 0 with gradient 0.
        """
        return self.sums(embeddings, labels, indices_tuple).mean(self.average)

    def sums(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Sums:
        """The sum over the triplets, how many there are, and how many have a positive loss."""
        embeddings, codes = expect_batch(embeddings, labels)
        x = widened(embeddings)
        x = unit_rows(x) if self.normalize else x
        if indices_tuple is not None:
            return self._listed(x, indices_tuple)
        classes = Classes.of(codes)
        if not classes.triplets:
            return Sums(0 * x.sum(), *torch.zeros(2, dtype=torch.int64, device=x.device))
        rule = _soft_rule if self.soft else _hinge_rule
        return weighed_sum(x, rule(classes, self.margin), self.squared)

    def _listed(self, x: Tensor, indices_tuple: Any) -> Sums:
        a, p, n = (part.to(x.device) for part in expect_indices(indices_tuple, len(x), (3,)))
        kind = {"squared": self.squared, "soft": self.soft}
        losses = triplet_loss(x[a], x[p], x[n], self.margin, **kind, reduction="none")
        sums = listed_sums(losses)
        return sums._replace(active=sums.terms) if self.soft else sums

    def extra_repr(self) -> str:
        kind = f"squared={self.squared}, soft={self.soft}"
        return f"margin={self.margin}, {kind}, average={self.average!r}, normalize={self.normalize}"


class Classes(NamedTuple):
    """Who is of whose class. codes: (B,) int64 from 0 on, every number up to the largest in use.

    order: (B,) the samples class by class; starts, sizes: (C,) where each class lies in it; place:
    (B,) that of each sample within its class.
    """

    codes: Tensor
    order: Tensor
    starts: Tensor
    sizes: Tensor
    place: Tensor

    @classmethod
    def of(cls, codes: Tensor) -> "Classes":
        sizes, order = codes.bincount(), codes.argsort(stable=True)
        starts, place = sizes.cumsum(0) - sizes, torch.empty_like(order)
        place[order] = torch.arange(len(codes), device=codes.device) - starts[codes[order]]
        return cls(codes, order, starts, sizes, place)

    @property
    def triplets(self) -> int:
        """How many triplets there are: Σ s(s − 1)(B − s) over the sizes s of the classes."""
        s = self.sizes
        return int((s * (s - 1) * (len(self.codes) - s)).sum())

    def mates(self, rows: slice) -> Tensor:
        """The others of the class of some samples, (r, K) int64, in order, filled up with −1."""
        codes, sizes = self.codes[rows], self.sizes[self.codes[rows]]
        column = torch.arange(int(sizes.max()) - 1, device=codes.device)
        column = column + (column >= self.place[rows, None])  # leaps over the sample itself
        there = column < sizes[:, None]
        members = self.order[(self.starts[codes, None] + column).clamp(max=len(self.order) - 1)]
        return torch.where(there, members, -1)

    def others(self, rows: slice) -> Tensor:
        """Who is of another class, (r, B) bool."""
        return self.codes[rows, None] != self.codes


def _hinge_rule(classes: Classes, margin: float) -> Rule:
    def rule(rows: slice, distances: Tensor) -> Share:
        mates, negatives = classes.mates(rows), classes.others(rows)
        found = hinge_sums(distances, mates, negatives, margin)
        terms = ((mates >= 0).sum(1) * negatives.sum(1)).sum()
        return Share(found.values.sum(), found.weights, terms, found.active.sum())

    return rule


def _soft_rule(classes: Classes, margin: float) -> Rule:
    """One positive of every anchor at a time."""

    def rule(rows: slice, distances: Tensor) -> Share:
        mates, negatives = classes.mates(rows), classes.others(rows)
        there, mates = mates >= 0, mates.clamp(min=0)
        near = margin + distances.gather(1, mates)
        value = torch.zeros((), dtype=torch.float64, device=distances.device)
        weights = torch.zeros_like(distances)
        for k in range(mates.shape[1]):
            excess = near[:, k, None] - distances
            met = negatives & there[:, k, None]
            value = value + softplus(excess).masked_fill(~met, 0).sum(dtype=torch.float64)
            pull = excess.sigmoid().masked_fill(~met, 0)
            weights -= pull
            weights.scatter_add_(1, mates[:, k, None], pull.sum(1, keepdim=True))
        terms = (there.sum(1) * negatives.sum(1)).sum()
        return Share(value, weights, terms, terms)

    return rule
