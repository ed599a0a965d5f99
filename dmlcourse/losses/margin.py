"""The margin-based loss: pairs of one class within β − α of each other, all others beyond β + α.

    ℓ(i, j) = [α + y (d(i, j) − β)]₊,    y = 1 for a pair of one class, −1 otherwise,   d = ‖x − y‖

Where a triplet loss bounds the difference of two distances, this one bounds each distance, and β,
the boundary between "same" and "different", is learned: ∂ℓ/∂β = −y on active pairs. So β settles
where as many similar pairs lie beyond β − α as dissimilar ones lie within β + α.

Source: Wu, Manmatha, Smola and Krähenbühl (2017), Sampling matters in deep embedding learning,
ICCV, section 4 (d is not squared; unit vectors, α = 0.2, β = 1.2 at the start). Their regulariser
on β is left out: weight decay on the loss's parameters does the same kind of thing. Chapter 11.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .batch import (
    AVERAGES,
    Share,
    Sums,
    expect_batch,
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
from .contrastive import listed_pairs


def margin_loss(
    x1: Tensor,
    x2: Tensor,
    same: Any,
    margin: float = 0.2,
    beta: float | Tensor = 1.2,
    reduction: str = "mean",
) -> Tensor:
    """[margin + y (d − beta)]₊ for each pair, y = 1 for one class and −1 for two.

    x1, x2: (n, d) embeddings; same: (n,) booleans, True for one class; beta: a number, or a tensor
    () or (n,), to which gradients flow. reduction: "mean", "sum" or "none", which gives (n,).
    Nothing is normalised. Half precision is computed in float32; the derivative at distance 0 is 0.
    Raises ``TypeError`` or ``ValueError`` for other shapes or dtypes. Source: at the head of this
    file.
    """
    x1, x2 = expect_rows(x1=x1, x2=x2)
    same, margin = expect_same(same, x1), expect_number("margin", margin)
    beta = beta if isinstance(beta, Tensor) else expect_number("beta", beta)
    beyond = row_distances(x1, x2, squared=False) - beta
    return reduced((margin + torch.where(same, beyond, -beyond)).clamp(min=0), reduction)


class MarginLoss(nn.Module):
    """The margin-based loss over all ordered pairs of a batch, exactly, with a learned boundary.

    margin: α above. beta: where the boundary starts. classes: None for one boundary; a number of
    classes for one each, then labels are whole numbers below it and a pair uses that of its first
    sample. ``beta`` is a parameter: give ``loss.parameters()`` to the optimizer too, or it stays
    where it is. average: "active" divides by the number of pairs with a positive loss, as the
    paper's code does, "all" by the number of pairs. normalize: scale embeddings to length 1 first.
    """

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 1.2,
        *,
        classes: int | None = None,
        average: str = "active",
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.margin = expect_number("margin", margin)
        start = torch.tensor(expect_number("beta", beta))
        if classes is not None and classes < 1:
            raise ValueError(f"classes is {classes}: expected None or a number of classes.")
        self.beta = nn.Parameter(start if classes is None else start.repeat(classes))
        self.average = expect_one_of("average", average, AVERAGES)
        self.normalize = normalize

    def forward(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Tensor:
        """The mean loss, a scalar: float32, or float64 for float64 embeddings.

        embeddings: (B, d); labels: (B,) of any dtype. indices_tuple: None for all pairs, or
        (a, p, n) or (a1, p, a2, n), index vectors of the similar and the dissimilar pairs. A batch
        without pairs gives 0 with gradient 0.
        """
        return self.sums(embeddings, labels, indices_tuple).mean(self.average)

    def sums(self, embeddings: Tensor, labels: Any, indices_tuple: Any = None) -> Sums:
        """The sum over the ordered pairs, how many there are, and how many cost something."""
        embeddings, codes = expect_batch(embeddings, labels)
        x = widened(embeddings)
        x = unit_rows(x) if self.normalize else x
        boundary = self._boundaries(labels, x).to(x.dtype)  # (B,)
        if indices_tuple is not None:
            first, second, same = listed_pairs(x, indices_tuple)
            losses = margin_loss(
                x[first], x[second], same, self.margin, boundary[first], reduction="none"
            )
            return listed_sums(losses)

        def rule(rows: slice, distances: Tensor) -> Share:
            return _share(codes, self.margin, boundary.detach(), rows, distances)

        symmetric = self.beta.ndim == 0
        return weighed_sum(x, rule, squared=False, symmetric=symmetric, parameter=boundary)

    def _boundaries(self, labels: Any, x: Tensor) -> Tensor:
        """β of each sample, (B,)."""
        if self.beta.device != x.device:
            raise ValueError(
                f"beta is on {self.beta.device} and embeddings on {x.device}: move the loss with "
                f".to({str(x.device)!r})."
            )
        if self.beta.ndim == 0:
            return self.beta.expand(len(x))
        labels = torch.as_tensor(labels, device=x.device)
        whole = labels.long()
        broken = labels.is_floating_point() and bool((whole != labels).any())
        if broken or (len(whole) and (whole.min() < 0 or whole.max() >= len(self.beta))):
            raise ValueError(
                f"labels reach from {labels.min().item()} to {labels.max().item()}: with "
                f"classes={len(self.beta)} expected whole numbers from 0 to {len(self.beta) - 1}."
            )
        return self.beta[whole]

    def extra_repr(self) -> str:
        betas = "one" if self.beta.ndim == 0 else f"{len(self.beta)}"
        return (
            f"margin={self.margin}, betas: {betas}, average={self.average!r}, "
            f"normalize={self.normalize}"
        )


def _share(codes: Tensor, margin: float, boundary: Tensor, rows: slice, distances: Tensor) -> Share:
    sign = torch.where(codes[rows, None] == codes, 1, -1).to(distances.dtype)
    excess = (distances - boundary[rows, None]).mul_(sign).add_(margin).clamp_(min=0)
    excess.diagonal(rows.start).zero_()  # the anchor itself is no pair
    weights = sign.mul_(excess > 0)
    by_boundary = torch.zeros_like(boundary)
    by_boundary[rows] = -weights.sum(1)
    value, active = excess.sum(1).double().sum(), weights.count_nonzero()
    return Share(value, weights, number_of_others(codes, rows), active, by_boundary)
