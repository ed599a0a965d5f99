"""The contrastive loss: a pair of one class attracts, any other repels up to a margin.

    ℓ(x₁, x₂) = ½ d²           if the two are of one class
                ½ [m − d]₊²    otherwise,            d = ‖x₁ − x₂‖

The hinge is on d, not on d²: near d = 0 the push of a dissimilar pair is m, as strong as it ever
gets. With [m − d²]₊ in its place, as it stands in some printed sources and in an early Caffe layer,
that push would be zero where it is needed most.

Source: Hadsell, Chopra and LeCun (2006), Dimensionality reduction by learning an invariant mapping,
CVPR, equation 4 (there Y = 0 means similar). Chapter 10.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .batch import (
    AVERAGES,
    Share,
    Sums,
    expect_batch,
    expect_indices,
    expect_number,
    expect_one_of,
    expect_rows,
    expect_same,
    listed_sums,
    number_of_others,
    reduced,
    row_distances,
    unit_rows,
    weighed_sum,
    widened,
)


def contrastive_loss(
    x1: Tensor, x2: Tensor, same: Any, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """½ d² for pairs of one class, ½ [margin − d]₊² for the others.

    x1, x2: (n, d) embeddings; same: (n,) booleans, True for one class. reduction: "mean", "sum" or
    "none", which gives (n,). Nothing is normalised; distances are not squared inside the hinge.
    Half precision is computed in float32. A dissimilar pair at distance 0 has the largest loss and
    the gradient 0, because it has no direction to leave in. Raises ``TypeError`` or ``ValueError``
    for other shapes or dtypes, and for ``same`` in numbers. Source: at the head of this file.
    """
    x1, x2 = expect_rows(x1=x1, x2=x2)
    same, margin = expect_same(same, x1), expect_number("margin", margin)
    squares = row_distances(x1, x2, squared=True)
    gap = margin - row_distances(x1, x2, squared=False)
    return reduced(torch.where(same, squares, gap.clamp(min=0).square()) / 2, reduction)


class ContrastiveLoss(nn.Module):
    """The contrastive loss over all pairs of a batch, exactly.

    margin: m above. average: "all" divides by the number of pairs (the paper sums), "active" by the
    number of pairs whose loss is not zero. normalize: scale embeddings to length 1 first;
    dissimilar pairs are then at most 2 apart.

    In a batch of many classes nearly all pairs are dissimilar, and most of these soon cost nothing.
    """

    def __init__(
        self, margin: float = 1.0, *, average: str = "all", normalize: bool = False
    ) -> None:
        super().__init__()
        self.margin = expect_number("margin", margin)
        self.average = expect_one_of("average", average, AVERAGES)
        self.normalize = normalize

    def forward(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Tensor:
        """The mean loss, a scalar: float32, or float64 for float64 embeddings.

        embeddings: (B, d); labels: (B,) of any dtype. indices_tuple: None for all B(B − 1)/2 pairs,
        or (a, p, n) or (a1, p, a2, n), index vectors of the similar and the dissimilar pairs.
        A batch without pairs gives 0 with gradient 0.
        """
        return self.sums(embeddings, labels, indices_tuple).mean(self.average)

    def sums(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Sums:
        """The sum over the pairs, how many pairs there are, and how many cost something."""
        embeddings, codes = expect_batch(embeddings, labels)
        x = widened(embeddings)
        x = unit_rows(x) if self.normalize else x
        if indices_tuple is not None:
            return self._listed(x, indices_tuple)

        def rule(rows: slice, distances: Tensor) -> Share:
            return _share(codes, self.margin, rows, distances)

        total, terms, active = weighed_sum(x, rule, squared=False, symmetric=True)
        return Sums(total, terms // 2, active // 2)

    def _listed(self, x: Tensor, indices_tuple: Any) -> Sums:
        first, second, same = listed_pairs(x, indices_tuple)
        losses = contrastive_loss(x[first], x[second], same, self.margin, "none")
        return listed_sums(losses)

    def extra_repr(self) -> str:
        return f"margin={self.margin}, average={self.average!r}, normalize={self.normalize}"


def listed_pairs(x: Tensor, indices_tuple: Any) -> tuple[Tensor, Tensor, Tensor]:
    """First and second of each pair, and whether they are similar, from (a, p, n) or four parts."""
    parts = [part.to(x.device) for part in expect_indices(indices_tuple, len(x), (3, 4))]
    a1, p, a2, n = parts if len(parts) == 4 else (parts[0], parts[1], parts[0], parts[2])
    same = torch.arange(len(a1) + len(a2), device=x.device) < len(a1)
    return torch.cat([a1, a2]), torch.cat([p, n]), same


def _share(codes: Tensor, margin: float, rows: slice, distances: Tensor) -> Share:
    """What the pairs of some anchors add: each is met from both sides and counts half each time.

    The anchor itself is at distance 0 in its own class and adds nothing.
    """
    gap = (distances - margin).clamp_(max=0)
    pulls = torch.where(codes[rows, None] == codes, distances, gap)  # ∂ℓ/∂d
    value = torch.linalg.vecdot(pulls, pulls).double().sum() / 4
    active = pulls.count_nonzero()
    return Share(value, pulls.div_(2), number_of_others(codes, rows), active)
