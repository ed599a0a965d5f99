"""What the exercises of chapter 11 share: distances of tensors, hinges, and how both go wrong.

A measure takes tensors whose last axis holds the coordinates, and broadcasts over the others: rows
against rows, or all against all. No function here imports torch; the tensors bring what is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..making import ways
from ..spec import Mistake

Answer = Callable[..., Any]
Measure = Callable[[Any, Any], Any]
# A quantity, made of those before it: k holds the inputs and what has been computed so far.
Quantity = Callable[[Any], Any]

# So far from the edge of the hinge is every drawn triplet, so that rounding switches none.
CLEAR = 0.02


def squares(x: Any, y: Any) -> Any:
    return (x - y).square().sum(-1)


def distances(x: Any, y: Any) -> Any:
    """The Euclidean distances; torch takes the gradient of a norm at zero for zero."""
    return (x - y).norm(dim=-1)


def bare_roots(x: Any, y: Any) -> Any:
    """Right, but for the gradient at zero, where the slope of the root is infinite."""
    return squares(x, y).sqrt()


def shifted(x: Any, y: Any) -> Any:
    """As torch's pairwise_distance does it."""
    return (x - y + 1e-6).norm(dim=-1)


def hinge(z: Any) -> Any:
    return z.relu()


def softplus(z: Any) -> Any:
    """log(1 + eᶻ), without overflow."""
    return z.logaddexp(z.new_zeros(()))


def lengths_one(x: Any) -> Any:
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def dots(x: Any, y: Any) -> Any:
    return (x * y).sum(-1)


def cosines(x: Any, y: Any) -> Any:
    return dots(lengths_one(x), lengths_one(y))


def _sizes(x: Any, y: Any) -> Any:
    return (x - y).abs()


def wrong_measures(make: Callable[[Measure], Answer], squared: bool) -> list[Mistake]:
    """The mistakes in a distance, or in its square; ``make`` puts a measure into the answer."""
    right = squares if squared else distances

    def over_coordinates(x: Any, y: Any) -> Any:
        return squares(x, y) / x.shape[-1]

    if squared:
        power = ways(
            "root distances",
            "Your distances have a root. The formula has squares: its margin is one of squared "
            "distances, and the gradient of a square grows with the distance.",
            make(distances),
            make(bare_roots),
            make(shifted),
        )
        averaged = [over_coordinates]
        absolute = [lambda x, y: _sizes(x, y).sum(-1), lambda x, y: _sizes(x, y).sum(-1).square()]
    else:
        power = ways(
            "squared distances",
            "Your distances are squared. Asked is the triplet loss of distances, with their root.",
            make(squares),
        )
        averaged = [
            lambda x, y: distances(x, y) / x.shape[-1] ** 0.5,
            lambda x, y: distances(x, y) / x.shape[-1],
            over_coordinates,
        ]
        absolute = [lambda x, y: _sizes(x, y).sum(-1), lambda x, y: _sizes(x, y).amax(-1)]
    return [
        *power,
        *ways(
            "mean over the coordinates",
            "You took a mean over the coordinates where the distance has a sum. The margin then "
            "means something else in every dimension.",
            *map(make, averaged),
        ),
        *ways(
            "absolute differences",
            "Your distances are made of absolute differences, coordinate by coordinate. Asked is "
            "the Euclidean distance.",
            *map(make, absolute),
        ),
        *ways(
            "scaled to length 1",
            "You scaled the embeddings to length 1 before you measured. Asked is the distance of "
            "the points as they are.",
            make(lambda x, y: right(lengths_one(x), lengths_one(y))),
        ),
        *ways(
            "a similarity",
            "A similarity, such as a dot product or a cosine, stands where a distance belongs. It "
            "grows as points come nearer; and with its sign turned it still is no distance.",
            make(dots),
            make(lambda x, y: -dots(x, y)),
            make(cosines),
            make(lambda x, y: 1 - cosines(x, y)),
        ),
    ]


def bare_root(answer: Answer) -> Mistake:
    """The mistake of an ``answer`` that takes a root at distance zero."""
    return Mistake(
        "root at zero",
        answer,
        "Your gradient is NaN where two points coincide. There the slope of a square root is "
        "infinite, and infinity times zero is NaN, also where a square or a mask follows.",
    )


def a_little_off(answer: Answer) -> Mistake:
    """The note on an ``answer`` that measures as torch's pairwise_distance does."""
    return Mistake(
        "a small number in the difference",
        answer,
        "Right, up to about 1e-6: torch's pairwise_distance adds that to every coordinate of a "
        "difference unless its eps is 0. Two equal points are then pushed apart.",
        severity="note",
    )
