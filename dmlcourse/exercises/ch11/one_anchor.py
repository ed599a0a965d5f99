"""11.3, all hinges of one anchor, without a table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]
# A quantity, made of those before it: k holds the inputs and what has been computed so far.
Quantity = Callable[[Any], Any]


def _powers(k: Any, thresholds: np.ndarray) -> list[np.ndarray]:
    """Cumulative sums of the powers 0, 1, … of the thresholds, each with a zero before it."""
    return [np.append(0.0, np.cumsum(thresholds**j)) for j in range(k.power + 1)]


def _expanded(k: Any, above: list[np.ndarray]) -> Any:
    """Σ (t − far)^power over thresholds of which ``above[j]`` is the sum of t^j."""
    if k.power == 1:
        return (above[1] - k.far * above[0]).sum()
    return (above[2] - 2 * k.far * above[1] + k.far**2 * above[0]).sum()


SORTED: dict[str, Quantity] = {
    "ordered": lambda k: np.sort(k.margin + k.near),
    "place": lambda k: np.searchsorted(k.ordered, k.far, side="right"),
    "sums": lambda k: _powers(k, k.ordered),
    "above": lambda k: [c[-1] - c[k.place] for c in k.sums],
    "total": lambda k: _expanded(k, k.above),
    "active": lambda k: (len(k.near) - k.place).sum(),
}
TABLE: dict[str, Quantity] = {
    "excess": lambda k: (k.margin + k.near)[:, None] - k.far,
    "hinges": lambda k: np.maximum(k.excess, 0) ** k.power,
    "total": lambda k: k.hinges.sum(),
    "active": lambda k: (k.excess > 0).sum(),
}


def _made(quantities: dict[str, Quantity], power: int) -> Answer:
    def anchor_sum(near, far, margin):
        k = SimpleNamespace(near=near, far=far, margin=margin, power=power)
        for name, compute in quantities.items():
            setattr(k, name, compute(k))
        return k.total, k.active

    return anchor_sum


# ---------------------------------------------------------------- the cases


def _clear(
    rng: Rng, positives: int, negatives: int, margin: float, shift: float = 1.0, gap: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, float]:
    """Distances in no order, the negatives ``shift`` farther, and no hinge within ``gap`` of 0."""
    while True:
        near = rng.uniform(0.5, 4, positives)
        far = shift + rng.uniform(0.2, 4.5, negatives)
        excess = margin + near[:, None] - far
        if np.abs(excess).min() > gap and 0.15 < (excess > 0).mean() < 0.85:
            return near, far, margin


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, near: Any, far: Any, margin: float, **more: Any) -> Case:
        drawn = named(name, np.asarray(near), np.asarray(far), margin, **more)
        return replace(drawn, given={"error": _error(drawn, variant["power"])})

    named, edge = cases_of("near", "far", "margin"), dict[str, Any](group="edge")
    some = _clear(rng, 5, 8, 0.7)
    single = some[0].astype(np.float32), some[1].astype(np.float32), 0.7
    # So many hinges have some near zero; that is clear enough for float64.
    crowd = _clear(rng, 120, 150, 0.4, gap=1e-7)
    return [
        case("one positive, one negative", [2.0], [2.5], 1.0),
        case("two positives, one negative", [3.0, 1.0], [2.0], 0.5),
        case("one positive, two negatives", [2.0], [5.0, 1.5], 1.0),
        case("three positives, three negatives", [4.0, 1.0, 2.0], [6.0, 2.25, 3.5], 1.0),
        case("five positives, eight negatives", *some),
        case("nine positives, four negatives, a narrow margin", *_clear(rng, 9, 4, 0.05)),
        case("six of each, a wide margin", *_clear(rng, 6, 6, 2.5, shift=2.0)),
        case("four of each, far apart", *_clear(rng, 4, 4, 0.3, shift=2.5)),
        case("every negative too near", [5.0, 3.0, 4.0], [1.5, 0.5, 1.0, 2.0], 0.5),
        case("on the threshold", [2.0, 1.0, 3.0], [2.5, 3.5, 1.0], 0.5, **edge),
        case("equal distances", [2.0, 3.0, 2.0], [1.0, 2.25, 1.0, 4.0], 0.5, **edge),
        case("every negative far enough", [1.0, 2.0], [4.0, 3.0], 0.5, **edge),
        case("no negative", [2.0, 1.0], [], 1.0, **edge),
        case("no positive", [], [1.0, 3.0, 2.0], 1.0, **edge),
        case("float32, every second entry of a longer array", *single, layout="strided", **edge),
        case("120 positives, 150 negatives", *crowd, weigh=True, **edge),
    ]


def _error(case: Case, power: int) -> np.ndarray:
    """The error of a sum over all active pairs, each of the size of its parts.

    (t − f)^p may be expanded, so the size of a term is (|t| + |f|)^p.
    """
    near, far = (np.asarray(case.inputs[name], np.float64) for name in ("near", "far"))
    reach = case.inputs["margin"] + near
    active = reach[:, None] > far
    sizes = np.where(active, reach[:, None] + far, 0) ** power
    # A loop adds one hinge after the other; cumulative sums pass over all thresholds.
    length = len(near) * len(far) + len(near) + len(far)
    return rounding(case, length, sizes.sum() + np.abs(reach**power).sum())


def _budget(case: Case, expected: Arrays) -> Arrays:
    """The error worked out with the case; counts are exact."""
    return {"sum": case.given["error"], "active": np.array(0.0)}


# ---------------------------------------------------------------- the mistakes


def _wrong_hinges(table: Callable[..., Answer], power: int) -> list[Mistake]:
    """The mistakes in what stands in the hinge, and in the hinge itself."""

    def exceeding(excess: Quantity) -> Answer:
        return table(excess=excess)

    def closed_late(k: Any) -> Any:
        return np.maximum(k.excess.sum(), 0) ** power

    def by_negative(k: Any) -> Any:
        return (np.maximum(k.excess.sum(axis=0), 0) ** power).sum()

    if power == 1:
        powers = ways(
            "squared hinges",
            "You add the squares of the hinges. Asked is the sum of the hinges themselves.",
            table(total=lambda k: (k.hinges**2).sum()),
        )
    else:
        powers = [
            *ways(
                "hinges not squared",
                "You add the hinges. Asked is the sum of their squares.",
                table(total=lambda k: np.maximum(k.excess, 0).sum()),
            ),
            *ways(
                "squares of sums",
                "You square a sum of hinges. Each hinge is squared before it is added.",
                table(total=lambda k: np.maximum(k.excess, 0).sum() ** 2),
                table(total=lambda k: (np.maximum(k.excess, 0).sum(axis=0) ** 2).sum()),
                table(total=lambda k: (np.maximum(k.excess, 0).sum(axis=1) ** 2).sum()),
            ),
        ]
    return [
        *powers,
        *ways(
            "margin on the wrong side",
            "You subtract the margin. A negative has to be farther than the positive by the "
            "margin, so the threshold lies beyond the positive.",
            exceeding(lambda k: (k.near - k.margin)[:, None] - k.far),
        ),
        *ways(
            "margin missing",
            "The margin has no part in your result.",
            exceeding(lambda k: k.near[:, None] - k.far),
        ),
        *ways(
            "margin outside of the hinge",
            "You add the margin outside of the hinge. A triplet that keeps its distance adds "
            "nothing, and not the margin.",
            table(
                excess=lambda k: k.near[:, None] - k.far,
                total=lambda k: k.margin + k.hinges.sum(),
            ),
            table(
                excess=lambda k: k.near[:, None] - k.far,
                total=lambda k: (k.margin + k.hinges).sum(),
            ),
        ),
        *ways(
            "near and far exchanged",
            "Your hinge is open where the negative is far and the positive near. That is the order "
            "which a triplet asks for.",
            exceeding(lambda k: k.margin + k.far - k.near[:, None]),
        ),
        *ways(
            "other powers of the distances",
            "You take squares or roots of the distances. They enter the hinge as they are given.",
            exceeding(lambda k: k.margin + (k.near**2)[:, None] - k.far**2),
            exceeding(lambda k: k.margin + np.sqrt(k.near)[:, None] - np.sqrt(k.far)),
        ),
        *ways(
            "no hinge",
            "You add what stands in the brackets without the hinge, or its size. A negative that "
            "is far enough must not add anything, nor take anything away.",
            table(hinges=lambda k: k.excess**power),
            table(hinges=lambda k: k.excess**power, active=lambda k: k.excess.size),
            table(hinges=lambda k: np.abs(k.excess) ** power),
            table(hinges=lambda k: np.abs(k.excess) ** power, active=lambda k: k.excess.size),
        ),
        *ways(
            "one hinge over a sum",
            "You add first and take the hinge afterwards: triplets that are satisfied make up for "
            "others that are not. Each triplet has a hinge of its own.",
            table(total=closed_late),
            table(total=closed_late, active=lambda k: (k.excess.sum() > 0) * 1),
            table(total=by_negative),
            table(total=by_negative, active=lambda k: (k.excess.sum(axis=0) > 0).sum()),
        ),
    ]


def _wrong_pairs(table: Callable[..., Answer], power: int) -> list[Mistake]:
    """The mistakes in the pairs that are formed, and in what is done with their hinges."""
    right = table()

    def among(positives: Callable, negatives: Callable) -> Answer:
        return lambda near, far, margin: right(positives(near), negatives(far), margin)

    def everyone(values: np.ndarray) -> np.ndarray:
        return values

    def least(values: np.ndarray) -> np.ndarray:
        return values.min(keepdims=True)

    def most(values: np.ndarray) -> np.ndarray:
        return values.max(keepdims=True)

    def zipped(near, far, margin):
        K = min(len(near), len(far))
        excess = margin + near[:K] - far[:K]
        return (np.maximum(excess, 0) ** power).sum(), (excess > 0).sum()

    def exchanged(*inputs):
        total, active = right(*inputs)
        return active, total

    return [
        *ways(
            "only the hardest",
            "Only the nearest negative or the farthest positive enters your result. All pairs of "
            "a positive and a negative count.",
            among(most, least),
            among(everyone, least),
            among(most, everyone),
        ),
        *ways(
            "only the easiest",
            "Only the nearest positive or the farthest negative enters your result. All pairs of "
            "a positive and a negative count.",
            among(least, everyone),
            among(everyone, most),
        ),
        *ways(
            "one positive to one negative",
            "You match the first positive with the first negative, and so on. Each positive meets "
            "each negative.",
            zipped,
            lambda near, far, margin: zipped(np.sort(near), np.sort(far), margin),
            table(excess=lambda k: (k.margin + k.near - k.far)[:, None]),
        ),
        *ways(
            "equal distances once",
            "You drop distances that occur a second time. Two positives at the same distance are "
            "two positives.",
            among(np.unique, everyone),
            among(everyone, np.unique),
            among(np.unique, np.unique),
        ),
        *ways(
            "a mean",
            "You divide the sum by a number of hinges. Asked is the sum.",
            table(total=lambda k: k.hinges.mean()),
            table(total=lambda k: k.hinges.sum() / (k.excess > 0).sum()),
            table(total=lambda k: k.hinges.sum() / max(1, (k.excess > 0).sum())),
            table(total=lambda k: k.hinges.mean(axis=0).sum()),
            table(total=lambda k: k.hinges.mean(axis=1).sum()),
        ),
        *ways(
            "not added up",
            "Your results are arrays. Asked are two numbers: everything is added up.",
            table(total=lambda k: k.hinges.sum(axis=0), active=lambda k: (k.excess > 0).sum(0)),
            table(total=lambda k: k.hinges.sum(axis=1), active=lambda k: (k.excess > 0).sum(1)),
            table(total=lambda k: k.hinges.sum(axis=0)),
            table(total=lambda k: k.hinges.sum(axis=1)),
            table(total=lambda k: k.hinges, active=lambda k: k.excess > 0),
        ),
        *ways(
            "count before sum",
            "You returned the number of active hinges before the sum. The order is: sum, active.",
            exchanged,
        ),
    ]


def _wrong_counts(table: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in the second result alone."""

    def counting(active: Quantity) -> Answer:
        return table(active=active)

    return [
        *ways(
            "the threshold counts",
            "Your count takes in triplets that stand exactly on their threshold. Their hinge is "
            "0, and active is what is above 0.",
            counting(lambda k: (k.excess >= 0).sum()),
        ),
        *ways(
            "the satisfied counted",
            "Your count is that of the triplets whose hinge is 0. Asked are the others.",
            counting(lambda k: (k.excess <= 0).sum()),
            counting(lambda k: (k.excess < 0).sum()),
        ),
        *ways(
            "all pairs counted",
            "Your count is that of all pairs, active or not.",
            counting(lambda k: k.excess.size),
        ),
        *ways(
            "points counted, not pairs",
            "You count the negatives, or the positives, that have an active hinge. One of them "
            "may have several: each counts.",
            counting(lambda k: (k.excess > 0).any(axis=0).sum()),
            counting(lambda k: (k.excess > 0).any(axis=1).sum()),
        ),
        *ways(
            "whether, and not how many",
            "Your second result says whether there is an active hinge. Asked is how many there "
            "are.",
            counting(lambda k: (k.excess > 0).any()),
            counting(lambda k: (k.excess > 0).any() * 1),
        ),
    ]


def _wrong_searches(ordered: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in the search and in the cumulative sums."""

    def unordered(k: Any) -> Any:
        return k.margin + k.near

    def reaching(below: Callable[[Any, np.ndarray], Any]) -> Answer:
        """With sums of thresholds above a negative that are the total minus ``below``."""
        return ordered(
            above=lambda k: [
                len(k.near) - k.place,
                *(c[-1] - below(k, np.diff(c).cumsum()) for c in k.sums[1:]),
            ]
        )

    def from_above(k: Any) -> Any:
        sums = [np.diff(c)[::-1].cumsum()[::-1] for c in k.sums[1:]]
        return [len(k.near) - k.place, *(c[k.place] for c in sums)]

    def weighing_far(often: Callable[[Any], Any]) -> Answer:
        return ordered(total=lambda k: _expanded(k, [often(k), *k.above[1:]]))

    def falling(side: Literal["left", "right"]) -> Answer:
        """As many above a negative as its place among thresholds that fall."""
        return ordered(
            ordered=lambda k: np.sort(unordered(k))[::-1],
            place=lambda k: np.searchsorted(k.ordered, k.far, side=side),
            above=lambda k: [c[k.place] for c in k.sums],
            active=lambda k: k.place.sum(),
        )

    def without_margin(k: Any) -> Any:
        return _powers(k, k.ordered - k.margin)

    return [
        *ways(
            "a search without an order",
            "`searchsorted` believes that its first argument is in order. You gave it thresholds "
            "as they came, or from the largest to the smallest.",
            ordered(ordered=unordered),
            ordered(ordered=lambda k: np.sort(unordered(k))[::-1]),
            falling("left"),
            falling("right"),
        ),
        *ways(
            "sums in another order",
            "You search among sorted thresholds, and your cumulative sums run through them in "
            "another order. A place found in one list means nothing in the other.",
            ordered(sums=lambda k: _powers(k, unordered(k))),
            ordered(sums=lambda k: _powers(k, k.ordered[::-1])),
        ),
        *ways(
            "the wrong end",
            "For each negative you add up the thresholds below it. They are the ones that it "
            "keeps; it pays for those above.",
            ordered(above=lambda k: [c[k.place] for c in k.sums], active=lambda k: k.place.sum()),
            ordered(above=lambda k: [c[k.place] for c in k.sums]),
            ordered(above=lambda k: [len(k.near) - k.place, *(c[k.place] for c in k.sums[1:])]),
        ),
        *ways(
            "−1 read as the last entry",
            "A negative below all thresholds has none before it, and you look up the entry before "
            "the first: NumPy reads −1 from the end.",
            reaching(lambda k, c: c[k.place - 1]),
        ),
        *ways(
            "one threshold too many",
            "Your cumulative sum goes one threshold too far. At place i the first i thresholds "
            "lie below, and entry i of a `cumsum` has added i + 1.",
            reaching(lambda k, c: c[np.minimum(k.place, len(c) - 1)]),
            reaching(lambda k, c: c[k.place]),
        ),
        *ways(
            "no entry for the last place",
            "A negative beyond all thresholds finds the place K, and your cumulative sums have K "
            "entries. K thresholds have K + 1 places between and around them.",
            ordered(above=from_above),
        ),
        *ways(
            "the negatives forgotten",
            "You add up thresholds, and do not take away the distances of the negatives.",
            ordered(total=lambda k: k.above[-1].sum()),
        ),
        *ways(
            "each negative once",
            "You take away the distance of each negative once, whatever the number of thresholds "
            "above it. It stands in as many hinges.",
            weighing_far(lambda k: np.minimum(k.above[0], 1)),
            weighing_far(lambda k: np.ones(len(k.far))),
        ),
        *ways(
            "as often as there are positives",
            "You take away the distance of each negative for all positives. It stands in the "
            "active hinges only.",
            weighing_far(lambda k: np.full(len(k.far), len(k.near))),
        ),
        *ways(
            "the margin in one place only",
            "The margin enters your search and not your sum, or the sum and not the search. Both "
            "speak of the same thresholds.",
            ordered(sums=without_margin),
            ordered(
                place=lambda k: np.searchsorted(k.ordered - k.margin, k.far, side="right"),
            ),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    power = variant["power"]

    def table(**changes: Quantity) -> Answer:
        return _made(TABLE | changes, power)

    def ordered(**changes: Quantity) -> Answer:
        return _made(SORTED | changes, power)

    return (
        *_wrong_hinges(table, power),
        *_wrong_pairs(table, power),
        *_wrong_counts(table),
        *_wrong_searches(ordered),
        Mistake(
            "a table of all pairs",
            table(),
            "Right, and worth knowing: your answer holds a number for every pair of a positive and "
            "a negative. In a batch of 8,192 with two classes that is 17 million for one anchor. "
            "A sort and a search need K + N.",
            severity="note",
            weighs=True,
        ),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    square = "" if variant["power"] == 1 else "^2"
    what = "the sum of all hinges" if variant["power"] == 1 else "the sum of all squared hinges"
    return (
        "An anchor has $K$ positives at the distances `near` and $N$ negatives at the distances "
        "`far`, in no order. Each positive $p$ with each negative $n$ makes a triplet. Write a "
        f"function that returns {what} and the number of those that are active:\n\n"
        "$$\\sum_{p} \\sum_{n} \\big[\\, m + \\text{near}_p - \\text{far}_n \\big]_+"
        f"{square}, \\qquad \\#\\{{(p, n) : m + \\text{{near}}_p - \\text{{far}}_n > 0\\}}.$$\n\n"
        "Do without a table of all $K \\cdot N$ pairs. A positive has a threshold, $m + "
        "\\text{near}_p$, and a negative pays for each threshold above it: how many are there, and "
        "what do they add up to? Of the order of $K \\log K + N \\log K$ steps are enough. Without "
        "positives or without negatives both results are 0."
    )


def _skeleton(variant: Variant) -> str:
    what = "sum of all hinges" if variant["power"] == 1 else "sum of all squared hinges"
    return f'''def anchor_sum(near, far, margin):
    """Return the {what} of one anchor, and the number of active ones.

    near: (K,) distances to its positives; far: (N,) to its negatives; in no order.
    Returns: the sum, a number, and how many hinges are above 0, a whole number.
    """'''


ANCHOR_SUM = Exercise(
    number="11.3",
    name="anchor_sum",
    title="All hinges of one anchor",
    points=3,
    minutes=20,
    kind=Function(returns=("sum", "active")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Draw a line of distances. Mark the thresholds m + near on it, and put one negative down. "
        "Which marks does it pay for, and how much for each?",
        "Once the thresholds are in order, `np.searchsorted` says how many lie below a negative. "
        "Which `side` counts a threshold at the negative's own place as kept?",
        "A negative with c thresholds above it, which add up to S, pays S − c·far in hinges. S is "
        "the difference of two cumulative sums; let them begin with 0, so that every place from 0 "
        "to K has its entry.",
    ),
    variants={"power": (1, 2)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _made(SORTED, variant["power"]),
    mistakes=_mistakes,
    budget=_budget,
)
