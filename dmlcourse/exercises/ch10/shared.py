"""What the exercises of chapter 10 share: distances row by row, and how they go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..spec import Mistake

# The distance of each row of one table from the same row of another.
Measure = Callable[[Any, Any], Any]


def squares(x1: Any, x2: Any) -> Any:
    return (x1 - x2).square().sum(dim=1)


def distances(x1: Any, x2: Any) -> Any:
    """The Euclidean distances; torch takes the gradient of a norm at zero for zero."""
    return (x1 - x2).norm(dim=1)


def bare_roots(x1: Any, x2: Any) -> Any:
    """Right, but for the gradient at zero, where the slope of the root is infinite."""
    return squares(x1, x2).sqrt()


def _added(eps: float, x1: Any, x2: Any) -> Any:
    return (squares(x1, x2) + eps).sqrt()


def _clipped(eps: float, x1: Any, x2: Any) -> Any:
    return squares(x1, x2).clamp(min=eps).sqrt()


def _shifted(x1: Any, x2: Any) -> Any:
    """As torch's pairwise_distance does it."""
    return (x1 - x2 + 1e-6).norm(dim=1)


def _sizes(x1: Any, x2: Any) -> Any:
    return (x1 - x2).abs()


def _scaled(x: Any) -> Any:
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)


def _cosines(x1: Any, x2: Any) -> Any:
    return (_scaled(x1) * _scaled(x2)).sum(dim=1)


WRONG: dict[str, tuple[str, tuple[Measure, ...]]] = {
    "another distance": (
        "Your distances are not Euclidean: a sum of absolute differences, or the largest of them.",
        (
            lambda x1, x2: _sizes(x1, x2).sum(dim=1),
            lambda x1, x2: _sizes(x1, x2).amax(dim=1),
        ),
    ),
    "mean over the coordinates": (
        "Your distances are divided by the number of coordinates, or by its root: a mean stands "
        "where the Euclidean distance has a sum.",
        (
            lambda x1, x2: distances(x1, x2) / x1.shape[1] ** 0.5,
            lambda x1, x2: distances(x1, x2) / x1.shape[1],
        ),
    ),
    "scaled to length 1": (
        "You scaled the vectors to length 1 before you measured. The distance is one of the "
        "vectors as they are.",
        (lambda x1, x2: distances(_scaled(x1), _scaled(x2)),),
    ),
    "a similarity": (
        "Your number grows when two vectors become more alike, or is made of their angle: a "
        "cosine, a dot product, or exp(−d). Asked is a distance.",
        (
            _cosines,
            lambda x1, x2: 1 - _cosines(x1, x2),
            lambda x1, x2: (x1 * x2).sum(dim=1),
            lambda x1, x2: (-distances(x1, x2)).exp(),
        ),
    ),
    "added along the batch": (
        "You add along the batch: one number for each coordinate is left. A distance adds along "
        "the coordinates.",
        (lambda x1, x2: (x1 - x2).norm(dim=0),),
    ),
    "one distance for the batch": (
        "You measured both tables as one long vector each: one distance for the whole batch. Each "
        "row is a pair with a distance of its own.",
        (lambda x1, x2: (x1 - x2).norm().expand(len(x1)),),
    ),
}

_ADDED = (
    "A small number stands under your root, and your distances are off by it. It keeps the "
    "gradient finite at distance zero; so does a norm of torch's, which needs no such number."
)
_SHIFTED = (
    "Your distances are off by about 1e-6, as those of torch's pairwise_distance are unless its "
    "eps is 0. Two equal points are then pushed apart along the diagonal."
)
# What people take; 1e-16 matters at distance zero alone.
ADDED = (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16)
LEAST = (1e-6, 1e-7, 1e-8, 1e-12)


def wrong_measures(make: Callable[[Measure], Any]) -> list[Mistake]:
    """The mistakes in a distance; ``make`` puts one into the answer."""
    return [
        Mistake(name, make(measure), sentence)
        for name, (sentence, measures) in WRONG.items()
        for measure in measures
    ]


def softened_measures(make: Callable[[Measure], Any]) -> list[Mistake]:
    """The notes on distances that are off by a small number which was put in on purpose."""
    return [
        *softened_roots(make, ADDED, LEAST),
        Mistake("a small number in the difference", make(_shifted), _SHIFTED, "note"),
    ]


def softened_roots(
    make: Callable[[Measure], Any],
    added: Iterable[float] = (1e-8, 1e-12),
    least: Iterable[float] = (1e-8, 1e-12),
) -> list[Mistake]:
    """The notes on roots of more than the square, or of at least a small number."""
    under = [*(partial(_added, eps) for eps in added), *(partial(_clipped, eps) for eps in least)]
    return [Mistake("a small number in the root", make(m), _ADDED, "note") for m in under]
