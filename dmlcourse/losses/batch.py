"""Sums over all pairs or triplets of a batch: exact, differentiable, in bounded memory.

A loss of this house is a sum over anchors of something that depends on the anchor's distances to
the whole batch. Its gradient needs no list of tuples: with W = ∂(sum)/∂(d²), (B, B),

    ∂(sum)/∂xᵢ = 2 Σⱼ (Wᵢⱼ + Wⱼᵢ)(xᵢ − xⱼ)

which is a graph Laplacian applied to the batch: a gradient for each sample, not for each tuple
(Ding et al. 2015, Pattern Recognition 48, 2993-3003). ``weighed_sum`` walks over the anchors in
tiles; a loss brings a ``Rule`` that says, for the distances of a few anchors, what they add to the
sum and what its derivative is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..geometry.pairwise import root, row_blocks

HALVES = (torch.float16, torch.bfloat16)
WIDE = (torch.uint16, torch.uint32, torch.uint64)
AVERAGES = ("all", "active")


class Share(NamedTuple):
    """What some anchors add. value: () float64. weights: (r, B), its derivative by the distances.

    terms, active: () int64, how many terms the sum has, and how many of them are positive.
    by_parameter: the derivative of ``value`` by the rule's parameter, if it has one.
    """

    value: Tensor
    weights: Tensor
    terms: Tensor
    active: Tensor
    by_parameter: Tensor | None = None


Rule = Callable[[slice, Tensor], Share]


class Sums(NamedTuple):
    """A loss before it is averaged.

    total: () the sum of its terms, differentiable. terms, active: () int64, the number of pairs or
    triplets, and of those with a positive loss. A total of 0 with 0 terms is not a success: there
    was nothing to learn from.
    """

    total: Tensor
    terms: Tensor
    active: Tensor

    def mean(self, average: str) -> Tensor:
        """The total per term, or per active term; 0, with gradient 0, where there is none."""
        count = self.active if average == "active" else self.terms
        return self.total / count.clamp(min=1)


def weighed_sum(
    embeddings: Tensor,
    rule: Rule,
    squared: bool,
    *,
    symmetric: bool = False,
    parameter: Tensor | None = None,
    max_bytes: int | None = None,
) -> Sums:
    """The sum that ``rule`` describes over all anchors of a batch, as ``Sums``.

    embeddings: (B, d) float32 or float64. The rule gets a slice of the anchors and their distances
    to the batch (r, B), squared or not, in the dtype of the embeddings; it reads ``parameter`` as a
    constant and hands back the derivative by it. ``symmetric`` says that W is, which halves the
    work. Distances are formed in float64, with exact zeros between equal points. Working memory is
    max_bytes (64 MiB on the CPU, 1 GiB on a GPU) beside a few copies of the embeddings, for any B.
    NaN, infinity or distances beyond the dtype make the total NaN. Differentiable once, and not by
    ``torch.func``.
    """
    moved = embeddings - embeddings.mean(0)
    if not torch.isfinite(4 * moved.square().sum(1) if squared else moved).all():
        none = torch.zeros((), dtype=torch.int64, device=embeddings.device)
        return Sums((embeddings * torch.nan).sum(), none, none)
    with torch.autocast(embeddings.device.type, enabled=False):
        settings = (rule, squared, symmetric, max_bytes)
        return Sums(*_WeighedSum.apply(embeddings, parameter, *settings))


class _WeighedSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        parameter: Tensor | None,
        rule: Rule,
        squared: bool,
        symmetric: bool,
        max_bytes: int | None,
    ):
        total = torch.zeros((), dtype=torch.float64, device=x.device)
        terms = active = torch.zeros((), dtype=torch.int64, device=x.device)
        pulled = _Pulled(x, squared, symmetric) if ctx.needs_input_grad[0] else None
        by_parameter = None if parameter is None else torch.zeros_like(parameter)
        for rows, squares in row_blocks(x, max_bytes):
            distances = (squares if squared else root(squares)).to(x.dtype)
            share = rule(rows, distances)
            total, terms, active = total + share.value, terms + share.terms, active + share.active
            if by_parameter is not None and share.by_parameter is not None:
                by_parameter += share.by_parameter
            if pulled is not None:
                pulled.add(rows, share.weights, distances)
        ctx.save_for_backward(None if pulled is None else pulled.gradient, by_parameter)
        ctx.dtype = x.dtype
        ctx.mark_non_differentiable(terms, active)
        return total.to(x.dtype), terms, active

    @staticmethod
    def backward(ctx: Any, by_total: Tensor, *_: Any):
        if torch.is_grad_enabled():
            raise RuntimeError(
                "A loss over a whole batch can be differentiated once, and create_graph=True asks "
                "for more. List the tuples (indices_tuple): then it can be differentiated twice."
            )
        gradient, by_parameter = ctx.saved_tensors
        if gradient is not None:
            gradient = (by_total * gradient).to(ctx.dtype)
        if by_parameter is not None:
            by_parameter = by_total.to(by_parameter.dtype) * by_parameter
        return gradient, by_parameter, None, None, None, None


class _Pulled:
    """The gradient (B, d) in float64, collected tile by tile.

    Where distances are not squared, W is divided by them, and near distance 0 the products cancel:
    they are formed in float64 then, otherwise in the dtype of the embeddings.
    """

    def __init__(self, x: Tensor, squared: bool, symmetric: bool) -> None:
        points = x.double() - x.double().mean(0)
        self.gradient = torch.zeros_like(points)
        self.points = points.to(x.dtype) if squared else points
        self.squared, self.symmetric = squared, symmetric

    def add(self, rows: slice, weights: Tensor, distances: Tensor) -> None:
        """Add Σⱼ Wᵢⱼ ∂d(i, j) to each anchor i of the rows, and what that does to each j."""
        if not self.squared:  # at d = 0 nothing: two points that coincide have no direction to go
            weights = (weights / distances).masked_fill_(distances == 0, 0)
        weights, scale = weights.to(self.points.dtype), 2 if self.squared else 1
        anchors = self.points[rows]
        pull = weights.sum(1, keepdim=True) * anchors - weights @ self.points
        self.gradient[rows] += (2 * scale if self.symmetric else scale) * pull
        if not self.symmetric:
            self.gradient += scale * (weights.sum(0)[:, None] * self.points - weights.T @ anchors)


# ---------------------------------------------------------------- what may come in


def expect_batch(embeddings: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """The embeddings, and the class of each as a number from 0 on, (B,) int64.

    Raises ``TypeError`` or ``ValueError`` for anything but a float tensor (B, d) and B labels, a
    tensor of any dtype on the same device or something that ``torch.as_tensor`` reads.
    """
    if not isinstance(embeddings, Tensor) or not embeddings.is_floating_point():
        raise TypeError(f"embeddings is {_kind(embeddings)}: expected a tensor of floats (B, d).")
    if embeddings.ndim != 2:
        raise ValueError(
            f"embeddings has shape {tuple(embeddings.shape)}: expected two dimensions, (B, d)."
        )
    if not isinstance(labels, Tensor):
        labels = torch.as_tensor(labels, device=embeddings.device)
    if labels.dtype in WIDE:
        labels = labels.to(torch.int64)  # torch sorts no unsigned numbers of more than 8 bits
    if labels.shape != (len(embeddings),):
        raise ValueError(
            f"labels has shape {tuple(labels.shape)} and embeddings {tuple(embeddings.shape)}: "
            f"expected one label for each embedding, ({len(embeddings)},)."
        )
    if labels.device != embeddings.device:
        raise ValueError(
            f"labels is on {labels.device} and embeddings on {embeddings.device}: move one of them."
        )
    if labels.dtype.is_complex or (labels.is_floating_point() and not labels.isfinite().all()):
        raise ValueError("labels holds complex numbers, NaN or infinity: expected class numbers.")
    return embeddings, torch.unique(labels, return_inverse=True)[1]


def expect_rows(**rows: Any) -> list[Tensor]:
    """Float tensors of one shape (n, d) on one device; half precision becomes float32."""
    for name, value in rows.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise TypeError(f"{name} is {_kind(value)}: expected a tensor of floats (n, d).")
    first, value = next(iter(rows.items()))
    for name, other in rows.items():
        if other.ndim != 2 or other.shape != value.shape:
            shapes = " and ".join(f"{n} {tuple(v.shape)}" for n, v in rows.items())
            raise ValueError(f"The shapes are {shapes}: expected the same (n, d) for each.")
        if other.device != value.device:
            raise ValueError(f"{first} is on {value.device} and {name} on {other.device}.")
    return [widened(value) for value in rows.values()]


def expect_same(same: Any, x: Tensor) -> Tensor:
    """Which pairs are of one class: booleans (n,)."""
    same = torch.as_tensor(same, device=None if isinstance(same, Tensor) else x.device)
    if same.dtype != torch.bool or same.shape != (len(x),):
        raise ValueError(
            f"same has dtype {same.dtype} and shape {tuple(same.shape)}: expected booleans "
            f"({len(x)},), True for a pair of one class. Published conventions for 0 and 1 "
            f"contradict each other, so numbers are not taken."
        )
    return same


def expect_indices(indices_tuple: Any, length: int, lengths: tuple[int, ...]) -> list[Tensor]:
    """Index vectors such as (a, p, n), within a batch of ``length``: all of one length if three."""
    parts = [torch.as_tensor(part) for part in indices_tuple]
    parts = [part if len(part) else part.long() for part in parts]
    if len(parts) not in lengths or any(part.ndim != 1 for part in parts):
        raise ValueError(
            f"indices_tuple holds {len(parts)} parts: expected {' or '.join(map(str, lengths))} "
            f"index vectors, (a, p, n) for triplets."
        )
    sizes = [len(part) for part in parts]
    if len(set(sizes[:2])) > 1 or len(set(sizes[-2:])) > 1:
        raise ValueError(f"The parts of indices_tuple have lengths {sizes}: pairs do not fit.")
    for part in parts:
        if part.is_floating_point() or part.dtype == torch.bool:
            raise ValueError(f"indices_tuple has dtype {part.dtype}: expected whole numbers.")
        if len(part) and not 0 <= int(part.min()) <= int(part.max()) < length:
            raise ValueError(
                f"indices_tuple reaches from {int(part.min())} to {int(part.max())}: the batch "
                f"has {length} embeddings, numbered from 0."
            )
    return [part.long() for part in parts]


def expect_number(name: str, value: Any, low: float = 0.0) -> float:
    """A finite number that is at least ``low``."""
    number = float(value)
    if not low <= number < float("inf"):
        raise ValueError(f"{name} is {value}: expected a finite number, at least {low:g}.")
    return number


def expect_one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    """One of the known words."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}: expected one of {', '.join(map(repr, known))}.")
    return value


def _kind(value: Any) -> str:
    return f"of dtype {value.dtype}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


# ---------------------------------------------------------------- what the tuple forms share


def row_distances(x: Tensor, y: Tensor, squared: bool) -> Tensor:
    """‖xᵢ − yᵢ‖ or its square, (n,), from the difference; the root's derivative at 0 is 0."""
    squares = (x - y).square().sum(1)
    return squares if squared else root(squares)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean (of none: 0), the sum, or the losses themselves."""
    expect_one_of("reduction", reduction, ("mean", "sum", "none"))
    if reduction == "none":
        return losses
    return losses.sum() / (max(len(losses), 1) if reduction == "mean" else 1)


def listed_sums(losses: Tensor) -> Sums:
    """The sums of tuples that were listed, from the loss of each, (n,)."""
    return Sums(losses.sum(), torch.tensor(len(losses), device=losses.device), (losses > 0).sum())


def number_of_others(codes: Tensor, rows: slice) -> Tensor:
    """With how many others the anchors of some rows form a pair, all together."""
    anchors = len(codes[rows])
    return torch.tensor(anchors * (len(codes) - 1), device=codes.device)


def widened(embeddings: Tensor) -> Tensor:
    """Half precision as float32: a loss needs more digits than a network."""
    return embeddings.float() if embeddings.dtype in HALVES else embeddings


def unit_rows(embeddings: Tensor) -> Tensor:
    """Rows scaled to length 1; a row of zeros stays, with gradient 0."""
    if not embeddings.numel():
        return embeddings
    largest = embeddings.detach().abs().amax(1, keepdim=True)  # first, for the sake of the squares
    scaled = embeddings / torch.where(largest > 0, largest, 1)
    lengths = root(scaled.square().sum(1, keepdim=True))
    return scaled / torch.where(lengths > 0, lengths, 1)
