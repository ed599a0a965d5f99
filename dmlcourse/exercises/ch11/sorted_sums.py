"""11.4, the triplet loss of a whole batch and its gradient, by a sort and a search per anchor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]
# A quantity, made of those before it: k holds the inputs and what has been computed so far.
Quantity = Callable[[Any], Any]


def _own(k: Any) -> np.ndarray:
    return (k.y == k.y[:, None]) & ~np.eye(len(k.y), dtype=bool)


def _other(k: Any) -> np.ndarray:
    return k.y != k.y[:, None]


def _divisor(k: Any) -> Any:
    return max(1, k.active if k.over == "active" else k.triplets)


MASKS: dict[str, Quantity] = {"own": _own, "other": _other}
RESULTS: dict[str, Quantity] = {
    "divisor": _divisor,
    "loss": lambda k: k.total / k.divisor,
    "W": lambda k: k.counts / k.divisor,
}
# Every triplet in a table: anchor, positive, negative.
TABLE: dict[str, Quantity] = {
    **MASKS,
    "formed": lambda k: k.own[:, :, None] & k.other[:, None],
    "excess": lambda k: k.margin + k.D[:, :, None] - k.D[:, None],
    "open": lambda k: k.formed & (k.excess > 0),
    "hinges": lambda k: np.where(k.open, k.excess, 0),
    "triplets": lambda k: k.formed.sum(),
    "active": lambda k: k.open.sum(),
    "total": lambda k: k.hinges.sum(),
    "at_positives": lambda k: k.open.sum(axis=2),
    "at_negatives": lambda k: k.open.sum(axis=1),
    "counts": lambda k: k.at_positives - k.at_negatives,
    **RESULTS,
}


def _made(quantities: dict[str, Quantity], over: str) -> Answer:
    def batch_all_sorted(D, y, margin):
        k = SimpleNamespace(D=D, y=y, margin=margin, over=over)
        for name, compute in quantities.items():
            setattr(k, name, compute(k))
        return k.loss, k.W

    return batch_all_sorted


# One anchor: its thresholds and the distances of its negatives, and a search each way.
ANCHOR: dict[str, Quantity] = {
    "limits": lambda k: k.margin + k.near,
    "under": lambda k: np.searchsorted(np.sort(k.far), k.limits),
    "kept": lambda k: np.searchsorted(np.sort(k.limits), k.far, side="right"),
    "at_positives": lambda k: k.under,
    "at_negatives": lambda k: len(k.near) - k.kept,
}


def _searched(changes: dict[str, Quantity]) -> Quantity:
    """The table of counts, filled anchor by anchor."""
    quantities = ANCHOR | changes

    def fill(k: Any) -> np.ndarray:
        counts = np.zeros(k.D.shape)
        for a, row in enumerate(k.D):
            one = SimpleNamespace(margin=k.margin, near=row[k.own[a]], far=row[k.other[a]])
            for name, compute in quantities.items():
                setattr(one, name, compute(one))
            counts[a, k.own[a]] = one.at_positives
            counts[a, k.other[a]] = -one.at_negatives
        return counts

    return fill


def _by_search(over: str, anchor: dict[str, Quantity], **changes: Quantity) -> Answer:
    """The answer by searches, with some quantities of an anchor or of the batch exchanged."""
    quantities: dict[str, Quantity] = {
        **MASKS,
        "counts": _searched(anchor),
        "triplets": lambda k: (k.own.sum(axis=1) * k.other.sum(axis=1)).sum(),
        "active": lambda k: np.maximum(k.counts, 0).sum(),
        "total": lambda k: (k.counts * k.D).sum() + k.margin * k.active,
        **RESULTS,
    }
    return _made(quantities | changes, over)


# ---------------------------------------------------------------- the cases

LABELS = (3, 7, 9, 4)


def _squares(X: np.ndarray) -> np.ndarray:
    difference = X[:, None] - X
    return np.einsum("ijk,ijk->ij", difference, difference)


def _excess(D: np.ndarray, y: np.ndarray, margin: float) -> np.ndarray:
    """What stands in the hinge, for every triplet."""
    k = SimpleNamespace(y=y)
    formed = _own(k)[:, :, None] & _other(k)[:, None]
    return (margin + D[:, :, None] - D[:, None])[formed]


def _clear(
    rng: Rng, sizes: tuple[int, ...], d: int, margin: float, gap: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, float]:
    """Squared distances and labels, with triplets on both sides of the hinge and none at it."""
    y = rng.permutation(np.repeat(LABELS[: len(sizes)], sizes))
    while True:
        D = _squares(rng.normal(size=(len(y), d)) + 0.5 * (y == 3)[:, None])
        excess = _excess(D, y, margin)
        if np.abs(excess).min() > gap and 0.15 < (excess > 0).mean() < 0.85:
            return D, y, margin


def _line(*places: float) -> np.ndarray:
    return _squares(np.array(places, float)[:, None])


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, D: np.ndarray, y: Any, margin: Any, **more: Any) -> Case:
        drawn = named(name, D, np.asarray(y), margin, **more)
        return replace(drawn, given={"errors": _errors(drawn, variant["over"])})

    named, edge = cases_of("D", "y", "margin"), dict[str, Any](group="edge")
    some, lonely = _clear(rng, (4, 5), 2, 1.0), _clear(rng, (4, 2, 1), 2, 0.6)
    small = _clear(rng, (4, 4), 2, 0.8)
    single = small[0].astype(np.float32), *small[1:]
    # So many triplets have some near the edge; that is clear enough for float64.
    crowd = _clear(rng, (14, 12), 3, 0.5, gap=1e-6)
    return [
        case("two points of one class", _line(0, 1), [5, 5], 1.0, **edge),
        case("three points on a line", _line(0, 1, 3), [0, 0, 1], 5.0),
        case("three points, the first alone in its class", _line(1, 0, 2), [2, 1, 1], 1.5),
        case("five points on a line", _line(0, 3, 1, 4, 2), [1, 1, 0, 0, 1], 2.5),
        case("nine points, two classes", *some),
        case("twelve points, three classes", *_clear(rng, (5, 4, 3), 3, 0.5)),
        case("eight points, a wide margin", *_clear(rng, (3, 5), 2, 4.0)),
        case("ten points, four classes, a narrow margin", *_clear(rng, (3, 3, 2, 2), 2, 0.1)),
        case("classes of four, two and one", *lonely, **edge),
        case("on the threshold", _line(0, 1, 2, 3, 1), [0, 0, 1, 1, 0], 3.0, **edge),
        case("points at one place", _line(2, 2, 0, 0, 2), [6, 6, 4, 4, 4], 1.25, **edge),
        case("every negative far enough", _line(0, 1, 9, 10), [0, 0, 1, 1], 0.5, **edge),
        case("one class", _line(0, 2, 3), [1, 1, 1], 1.0, **edge),
        case("one point", _line(1), [8], 1.0, **edge),
        case("float32, every second row of a larger array", *single, layout="strided", **edge),
        case("26 points", *crowd, weigh=True, **edge),
    ]


def _errors(case: Case, over: str) -> Arrays:
    """The error of a sum over all open triplets, and of counts that are divided at last."""
    D, y, margin = (np.asarray(value, float) for value in case.inputs.values())
    k = SimpleNamespace(D=D, y=y, margin=margin, over=over)
    for name in ("own", "other", "formed", "excess", "open", "triplets", "active", "divisor"):
        setattr(k, name, TABLE[name](k))
    sizes = np.where(k.open, margin + D[:, :, None] + D[:, None], 0)
    loss = rounding(case, k.triplets + 2 * len(y), sizes.sum() / k.divisor)
    # A count of at most B, perhaps added up in parts that are divided already.
    return {"loss": loss, "W": rounding(case, len(y), len(y) / k.divisor)}


def _budget(case: Case, expected: Arrays) -> Arrays:
    """The errors worked out with the case."""
    return case.given["errors"]


# ---------------------------------------------------------------- the mistakes


def _wrong_triplets(table: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in which triplets are formed."""

    def forming(formed: Quantity) -> Answer:
        return table(formed=formed)

    def itself(k: Any) -> np.ndarray:
        return np.eye(len(k.y), dtype=bool)

    def same(k: Any) -> np.ndarray:
        return k.y == k.y[:, None]

    def everybody(k: Any) -> np.ndarray:
        return np.ones(k.D.shape, dtype=bool)

    def not_the_positive(k: Any) -> np.ndarray:
        """Whoever is neither the anchor nor the positive, as a table of triplets."""
        return (k.own[:, :, None] & ~itself(k)[:, None]) & ~itself(k)[None]

    def anybody_near(k: Any) -> np.ndarray:
        return (~itself(k)[:, :, None] & k.other[:, None]) & ~itself(k)[None]

    def hardest(k: Any) -> np.ndarray:
        """For each pair the nearest negative only."""
        far = np.where(k.other, k.D, np.inf)
        first = np.arange(len(k.y)) == far.argmin(axis=1)[:, None]
        return k.own[:, :, None] & (k.other & first)[:, None]

    def farthest(k: Any) -> np.ndarray:
        near = np.where(k.own, k.D, -np.inf)
        return k.own & (np.arange(len(k.y)) == near.argmax(axis=1)[:, None])

    return [
        *ways(
            "the anchor as its own positive",
            "Each anchor is its own positive in your triplets, at the distance 0. A positive is "
            "another point of the class.",
            table(own=same),
            table(own=same, triplets=lambda k: (_own(k)[:, :, None] & k.other[:, None]).sum()),
        ),
        *ways(
            "the anchor as its own negative",
            "Each anchor is its own negative in your triplets, at the distance 0. A negative is "
            "of another class.",
            table(other=lambda k: ~k.own),
            table(other=lambda k: _other(k) | itself(k)),
        ),
        *ways(
            "negatives of the same class",
            "Your negatives are points of the anchor's own class too. A negative is of another "
            "class.",
            table(other=everybody),
            table(other=lambda k: ~itself(k)),
            forming(not_the_positive),
        ),
        *ways(
            "positives of any class",
            "Your positives are points of other classes too. A positive is of the anchor's class.",
            table(own=lambda k: ~itself(k)),
            table(own=everybody),
            forming(anybody_near),
        ),
        *ways(
            "each pair once",
            "Of two points of a class only one is an anchor in your sum. Both are: each has "
            "negatives of its own.",
            table(own=lambda k: np.triu(_own(k))),
            table(own=lambda k: np.tril(_own(k))),
        ),
        *ways(
            "only the hardest",
            "Only the nearest negative or the farthest positive enters your sum. All triplets of "
            "the batch do.",
            forming(hardest),
            table(own=farthest),
            table(own=farthest, formed=hardest),
        ),
    ]


def _wrong_hinges(table: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in the hinge."""

    def exceeding(change: Callable[[Any], tuple[Any, Any]]) -> Answer:
        """With other terms in the hinge: ``change`` gives what stands for D, and the margin."""

        def excess(k: Any) -> np.ndarray:
            D, margin = change(k)
            return margin + D[:, :, None] - D[:, None]

        return table(excess=excess)

    return [
        *ways(
            "margin on the wrong side",
            "You subtract the margin. A triplet has to keep it on top: its hinge is open until the "
            "negative is farther than the positive by the margin.",
            exceeding(lambda k: (k.D, -k.margin)),
        ),
        *ways(
            "margin missing",
            "The margin has no part in your loss and in your W.",
            exceeding(lambda k: (k.D, 0)),
        ),
        *ways(
            "positive and negative exchanged",
            "Your hinge is open where the negative is far and the positive near. That is the order "
            "which a triplet asks for.",
            table(
                excess=lambda k: k.margin + k.D[:, None] - k.D[:, :, None],
                counts=lambda k: k.at_negatives - k.at_positives,
            ),
            exceeding(lambda k: (-k.D, k.margin)),
            table(own=_other, other=_own),
        ),
        *ways(
            "other powers of the distances",
            "You take squares or roots of D. Its entries enter the hinge as they are given.",
            exceeding(lambda k: (k.D**2, k.margin)),
            exceeding(lambda k: (np.sqrt(k.D), k.margin)),
        ),
        *ways(
            "no hinge",
            "Triplets that are satisfied enter your sum, as negative numbers or with a weight. "
            "Their hinge is 0, and so is its derivative.",
            table(open=lambda k: k.formed),
            table(hinges=lambda k: np.where(k.formed, k.excess, 0)),
            table(at_positives=lambda k: k.formed.sum(2), at_negatives=lambda k: k.formed.sum(1)),
        ),
        *ways(
            "squared hinges",
            "You add squares of hinges. Asked is the mean of the hinges themselves.",
            table(total=lambda k: (k.hinges**2).sum()),
            table(
                total=lambda k: (k.hinges**2).sum(),
                at_positives=lambda k: 2 * k.hinges.sum(axis=2),
                at_negatives=lambda k: 2 * k.hinges.sum(axis=1),
            ),
        ),
    ]


def _wrong_means(table: Callable[..., Answer], over: str) -> list[Mistake]:
    """The mistakes in what the sums are divided by."""

    def divided(by: Quantity) -> list[Answer]:
        """Both results, or one of them, divided by something else."""
        return [
            table(divisor=by),
            table(loss=lambda k: k.total / by(k)),
            table(W=lambda k: k.counts / by(k)),
        ]

    def other_mean(k: Any) -> Any:
        return max(1, k.triplets if over == "active" else k.active)

    def by_anchor(k: Any) -> np.ndarray:
        """For each anchor its triplets, times the number of anchors that have any."""
        counted = (k.open if over == "active" else k.formed).sum(axis=(1, 2))
        return np.maximum(counted, 1) * max(1, (counted > 0).sum())

    def of_means(k: Any) -> Any:
        return (k.hinges.sum(axis=(1, 2)) / by_anchor(k)).sum()

    def bare(k: Any) -> Any:
        return k.active if over == "active" else k.triplets

    def raising(k: Any) -> float:
        return float(k.total) / int(bare(k))

    if over == "all":
        other = ways(
            "mean over the active",
            "You divide by the number of active triplets. Asked is the mean over all, those with "
            "hinge 0 among them.",
            *divided(other_mean),
        )
    else:
        other = ways(
            "mean over all",
            "You divide by the number of all triplets. Asked is the mean over the active ones.",
            *divided(other_mean),
        )
    return [
        *other,
        *ways(
            "not divided",
            "Your loss, your W or both belong to the sum over triplets. Asked is the mean, and the "
            "derivative of the mean.",
            *divided(lambda k: 1),
        ),
        *ways(
            "divided by another number",
            "You divide by the number of points, of pairs, or of all threes of indices. Divide by "
            "the number of triplets that you add up.",
            table(divisor=lambda k: len(k.y)),
            table(divisor=lambda k: max(1, k.own.sum())),
            table(divisor=lambda k: len(k.y) ** 3),
            table(divisor=lambda k: max(1, len(k.y) * (len(k.y) - 1) * (len(k.y) - 2))),
        ),
        *ways(
            "a mean of means",
            "You take the mean of each anchor, and then the mean of these. Anchors with few "
            "triplets then weigh as much as those with many; asked is one mean over all.",
            table(loss=of_means),
            table(loss=of_means, W=lambda k: k.counts / by_anchor(k)[:, None]),
        ),
        *ways(
            "0 divided by 0",
            "Where there is nothing to take a mean of you divide 0 by 0. Asked are 0 and a table "
            "of zeros.",
            table(divisor=bare),
            table(loss=lambda k: k.total / bare(k)),
            table(W=lambda k: k.counts / bare(k)),
            table(loss=raising),
        ),
    ]


def _wrong_weights(table: Callable[..., Answer], over: str) -> list[Mistake]:
    """The mistakes in W alone, and in how the results come back."""
    right = table()

    def weighing(**changes: Quantity) -> Answer:
        return table(**changes)

    def afterwards(change: Callable[[np.ndarray], np.ndarray]) -> Answer:
        return table(W=lambda k: change(k.counts / k.divisor))

    def exchanged(*inputs):
        loss, W = right(*inputs)
        return W, loss

    return [
        *ways(
            "signs of the weights",
            "Your W has a wrong sign. When a positive moves away the loss grows, and when a "
            "negative does so it shrinks.",
            weighing(counts=lambda k: k.at_negatives - k.at_positives),
            weighing(counts=lambda k: k.at_positives + k.at_negatives),
        ),
        *ways(
            "only half of the weights",
            "Your W has weights for the positives only, or for the negatives only. Each open hinge "
            "holds one distance of either kind.",
            weighing(counts=lambda k: k.at_positives),
            weighing(counts=lambda k: -k.at_negatives),
        ),
        *ways(
            "transposed",
            "Your W is transposed. Entry [a, j] belongs to the anchor a: anchors are rows.",
            afterwards(np.transpose),
        ),
        *ways(
            "both orders in one",
            "You add W and its transpose. D[a, j] and D[j, a] are equal numbers, but two entries: "
            "the first is measured from the anchor a, and each has a weight of its own.",
            afterwards(lambda W: W + W.T),
            afterwards(lambda W: (W + W.T) / 2),
        ),
        *ways(
            "hinges for counts",
            "Your W adds up hinges. However far a hinge is open, its slope is 1: what counts is "
            "how many are open.",
            weighing(
                at_positives=lambda k: k.hinges.sum(axis=2),
                at_negatives=lambda k: k.hinges.sum(axis=1),
            ),
        ),
        *ways(
            "whether, and not how many",
            "Your W says whether a point is in an active triplet. Asked is in how many.",
            weighing(counts=lambda k: k.open.any(axis=2) * 1.0 - k.open.any(axis=1)),
        ),
        *ways(
            "one result for each anchor",
            "Your loss is an array. Asked is one number for the batch.",
            table(loss=lambda k: k.hinges.sum(axis=(1, 2)) / k.divisor),
            table(loss=lambda k: k.hinges / k.divisor),
        ),
        *ways(
            "W before the loss",
            "You returned W before the loss. The order is: loss, W.",
            exchanged,
        ),
    ]


def _wrong_searches(searched: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in the two searches of an anchor, and in the sum made from the counts."""

    def anchor(**changes: Quantity) -> Answer:
        return searched(changes)

    def ties_under(k: Any) -> Any:
        return np.searchsorted(np.sort(k.far), k.limits, side="right")

    def ties_over(k: Any) -> Any:
        return np.searchsorted(np.sort(k.limits), k.far, side="left")

    def limits_above(k: Any) -> Any:
        return len(k.near) - np.searchsorted(np.sort(k.limits), k.limits)

    return [
        *ways(
            "the threshold counts",
            "A triplet exactly on its threshold has a weight in your W. Its hinge is 0, and the "
            "derivative there is taken as 0.",
            anchor(under=ties_under, kept=ties_over),
            anchor(under=ties_under),
            anchor(kept=ties_over),
        ),
        *ways(
            "weights in sorted order",
            "Your counts stand in the order of the distances, and not at the points that they "
            "belong to. Sort what you search in, and not what you search for.",
            anchor(under=lambda k: np.searchsorted(np.sort(k.far), np.sort(k.limits))),
            anchor(
                kept=lambda k: np.searchsorted(np.sort(k.limits), np.sort(k.far), side="right"),
            ),
            anchor(
                under=lambda k: np.searchsorted(np.sort(k.far), np.sort(k.limits)),
                kept=lambda k: np.searchsorted(np.sort(k.limits), np.sort(k.far), side="right"),
            ),
        ),
        *ways(
            "a search without an order",
            "`searchsorted` believes that its first argument is in order. You gave it distances "
            "as they came.",
            anchor(
                under=lambda k: np.searchsorted(k.far, k.limits),
                kept=lambda k: np.searchsorted(k.limits, k.far, side="right"),
            ),
            anchor(under=lambda k: np.searchsorted(k.far, k.limits)),
            anchor(kept=lambda k: np.searchsorted(k.limits, k.far, side="right")),
        ),
        *ways(
            "positives counted at a positive",
            "At a positive your W counts thresholds. A positive is in as many active triplets as "
            "there are negatives under its threshold.",
            anchor(at_positives=limits_above),
            anchor(at_positives=lambda k: np.searchsorted(np.sort(k.limits), k.limits)),
            anchor(at_positives=lambda k: len(k.near)),
        ),
        *ways(
            "negatives counted at a negative",
            "At a negative your W counts negatives. A negative is in as many active triplets as "
            "there are thresholds above it.",
            anchor(at_negatives=lambda k: np.searchsorted(np.sort(k.far), k.far)),
            anchor(at_negatives=lambda k: len(k.far) - np.searchsorted(np.sort(k.far), k.far)),
            anchor(at_negatives=lambda k: len(k.far)),
        ),
        *ways(
            "the satisfied counted",
            "Your W counts the triplets that keep the margin, at the positives, at the negatives "
            "or at both. The others are active.",
            anchor(
                at_positives=lambda k: len(k.far) - k.under,
                at_negatives=lambda k: k.kept,
            ),
            anchor(at_positives=lambda k: len(k.far) - k.under),
            anchor(at_negatives=lambda k: k.kept),
        ),
        *ways(
            "searched without the margin",
            "Your counts ask who is nearer than the positive, without the margin. The hinge is "
            "open within the margin too.",
            anchor(
                under=lambda k: np.searchsorted(np.sort(k.far), k.near),
                kept=lambda k: np.searchsorted(np.sort(k.near), k.far, side="right"),
            ),
            anchor(under=lambda k: np.searchsorted(np.sort(k.far), k.near)),
            anchor(kept=lambda k: np.searchsorted(np.sort(k.near), k.far, side="right")),
        ),
        *ways(
            "the margin missing in the loss",
            "Your loss holds the distances of the active triplets and not their margins, or one "
            "margin for each pair. Each active triplet adds a margin.",
            searched({}, total=lambda k: (k.counts * k.D).sum()),
            searched({}, total=lambda k: (k.counts * k.D).sum() + k.margin),
            searched({}, total=lambda k: (k.counts * k.D).sum() + k.margin * (k.counts > 0).sum()),
        ),
        *ways(
            "distances once for each pair",
            "In your loss each distance stands once. It stands in as many hinges as your W has "
            "counted.",
            searched({}, total=lambda k: (np.sign(k.counts) * k.D).sum() + k.margin * k.active),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    over = variant["over"]

    def table(**changes: Quantity) -> Answer:
        return _made(TABLE | changes, over)

    def searched(anchor: dict[str, Quantity], **changes: Quantity) -> Answer:
        return _by_search(over, anchor, **changes)

    return (
        *_wrong_triplets(table),
        *_wrong_hinges(table),
        *_wrong_means(table, over),
        *_wrong_weights(table, over),
        *_wrong_searches(searched),
        Mistake(
            "a table of all triplets",
            table(),
            "Right, and worth knowing: your answer holds all triplets at once. For a batch of "
            "1,024 an array of all threes has a billion entries, 8.6 GB in float64. Anchor by "
            "anchor, nothing is larger than D.",
            severity="note",
            weighs=True,
        ),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["over"] == "all":
        which = "over all triplets, active or not"
        none = "Without any triplet"
        by = "the number of triplets"
    else:
        which = "over the active triplets, those with a hinge above 0"
        none = "Without any active triplet"
        by = "the number of active triplets, which counts as a constant"
    return (
        "Now the whole batch. `D[a, j]` is the distance from anchor $a$ to point $j$, and `y` "
        "holds the labels. A triplet is an anchor $a$, a positive $p \\ne a$ of its class and a "
        "negative $n$ of another class; its hinge is $[m + D_{ap} - D_{an}]_+$. Write a function "
        f"that returns the mean of the hinges {which}, and the table $W$ of its derivatives by "
        "the entries of $D$. At a hinge of exactly 0 the derivative is taken as 0.\n\n"
        "Anchor by anchor, without a list of triplets:\n\n"
        "1. Find its positives, with thresholds $m + D_{ap}$, and its negatives.\n"
        "2. For each positive, count the negatives below its threshold. A search among the sorted "
        "negatives does it.\n"
        "3. For each negative, count the thresholds above it. A search among the sorted thresholds "
        "does it.\n"
        "4. These counts, with a sign, are the row $a$ of $W$, before the division.\n\n"
        "From the counts, $D$ and $m$ you get the sum of all hinges as well. In the end divide "
        f"both by {by}. {none} the loss is 0 and $W$ is full of zeros."
    )


def _skeleton(variant: Variant) -> str:
    which = "all" if variant["over"] == "all" else "all active"
    return f'''def batch_all_sorted(D, y, margin):
    """Return the mean hinge over {which} triplets of the batch, and its derivative by D.

    D: (B, B), a row for each anchor. y: (B,) labels. margin: above 0.
    Returns: the loss, a number, and W, (B, B), with W[a, j] the derivative by D[a, j].
    """'''


BATCH_ALL_SORTED = Exercise(
    number="11.4",
    name="batch_all_sorted",
    title="A whole batch, sorted",
    points=4,
    minutes=30,
    kind=Function(returns=("loss", "W")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take one open hinge: m + D[a, p] − D[a, n]. What is its derivative by D[a, p], and by "
        "D[a, n]? How many open hinges hold the same D[a, p]?",
        "`np.searchsorted(np.sort(u), v)` counts, for each entry of v, the entries of u below it; "
        'with `side="right"` also those equal to it. v stays in its order, so the counts can be '
        "written back by the mask or the indices that v was taken with.",
        "The sum of the open hinges is a sum of entries of D, each as often as W says and with its "
        "sign, and one margin for each open triplet. How many are open? Add up the counts at the "
        "positives.",
    ),
    variants={"over": ("all", "active")},
    groups={"values": 3, "edge": 1},
    cases=_cases,
    reference=lambda variant: _by_search(variant["over"], {}),
    mistakes=_mistakes,
    budget=_budget,
)
