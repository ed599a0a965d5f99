"""11.2, the triplet loss over all triplets of a batch."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...observing import Case, Gradient
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import (
    CLEAR,
    Answer,
    Measure,
    Quantity,
    a_little_off,
    bare_root,
    bare_roots,
    hinge,
    shifted,
    softplus,
    squares,
    wrong_measures,
)

# Tables of a batch of B: (B, B) for pairs, (B, B, B) for anchor, positive and negative.
QUANTITIES: dict[str, Quantity] = {
    "near": lambda k: k.measure(k.Z[:, None], k.Z),
    "far": lambda k: k.near,
    "same": lambda k: k.y[:, None] == k.y,
    "positives": lambda k: k.same & others(k),
    "negatives": lambda k: ~k.same,
    "valid": lambda k: pairs(k.positives, k.negatives),
    "excess": lambda k: (k.margin + k.near[:, :, None] - k.far[:, None])[k.valid],
    # One number for each triplet there is, in a row.
    "losses": lambda k: hinge(k.excess),
    "count": lambda k: (k.losses > 0).sum() if k.active else k.valid.sum(),
    "divisor": lambda k: k.count.clamp(min=1),
    "result": lambda k: k.losses.sum() / k.divisor,
}


def pairs(positives: Any, negatives: Any) -> Any:
    """Triplets whose two pairs stand in two tables."""
    return positives[:, :, None] & negatives[:, None]


def others(k: Any) -> Any:
    """Who is not the point itself: (B, B)."""
    return k.same.new_ones(k.same.shape).fill_diagonal_(False)


def made(active: bool, measure: Measure = squares, **changes: Quantity) -> Answer:
    """The loss with its measure or some of its quantities exchanged; with none, the right one."""
    quantities = QUANTITIES | changes

    def batch_all(Z, y, margin):
        k = SimpleNamespace(Z=Z, y=y, margin=margin, measure=measure, active=active)
        for name, compute in quantities.items():
            setattr(k, name, compute(k))
        return k.result

    return batch_all


# ---------------------------------------------------------------- the cases


def _triplets(y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The indices of anchor, positive and negative of every triplet."""
    same = y[:, None] == y
    positives = same & ~np.eye(len(y), dtype=bool)
    return np.nonzero(positives[:, :, None] & ~same[:, None])


def _excess(Z: np.ndarray, y: np.ndarray, margin: float) -> np.ndarray:
    a, p, n = _triplets(y)
    return margin + np.square(Z[a] - Z[p]).sum(axis=1) - np.square(Z[a] - Z[n]).sum(axis=1)


def _move_together(Z: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """In place: two points of the first class at one place, and one of each class at another."""
    Z[first[1]] = Z[first[0]]
    Z[second[0]] = Z[first[2]]


def _drawn(
    rng: Rng, sizes: tuple[int, ...], d: int, margin: float, twins: bool = False
) -> tuple[np.ndarray, np.ndarray, float]:
    """Labelled points with triplets on both sides of the hinge, and none near its edge."""
    labels = (3, 7, 0, 9)
    y = rng.permutation(np.repeat(labels[: len(sizes)], sizes))
    while True:
        Z = rng.normal(size=(len(y), d))
        if twins:
            _move_together(Z, *(np.flatnonzero(y == label) for label in labels[:2]))
        excess = _excess(Z, y, margin)
        if np.abs(excess).min() > CLEAR and 0.3 < (excess > 0).mean() < 0.8:
            return Z, y, margin


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    named = cases_of("Z", "y", "margin")
    edge: dict[str, Any] = {"group": "edge"}

    def case(name: str, Z: Any, y: Any, margin: float, **more: Any) -> Case:
        found = named(name, np.asarray(Z), np.asarray(y), margin, **more)
        return replace(found, given={"errors": _error_sizes(found, variant["active"])})

    Z, y, margin = _drawn(rng, (4, 3), 3, 1.5)
    single = Z.astype(np.float32), y, margin
    plane = [[0.0, 0.0], [1.0, 1.0], [1.5, -0.5]]
    five = [[0.0], [1.0], [3.5], [2.5], [5.25]]
    apart = [[0.0, 0.0], [0.5, 0.0], [4.0, 1.0], [4.0, 1.5]]
    return [
        case("three points on a line", [[0.0], [3.0], [5.0]], [0, 0, 1], 0.5),
        case("three points in the plane", plane, [1, 1, 0], 2.0),
        case("five points on a line, classes of three and two", five, [0, 0, 0, 1, 1], 0.75),
        case("classes of four, three, two and one", *_drawn(rng, (4, 3, 2, 1), 3, 0.3)),
        case("every triplet satisfied", apart, [0, 0, 1, 1], 0.5, **edge),
        case("one class", plane, [2, 2, 2], 0.5, **edge),
        case("every class once", plane, [2, 0, 1], 0.5, **edge),
        case("one point", [[1.0, 2.0]], [1], 0.5, **edge),
        case("all points at one place", np.tile([[0.5, 2.0]], (4, 1)), [0, 1, 1, 0], 0.75, **edge),
        case("some points at one place", *_drawn(rng, (4, 3), 2, 1.5, twins=True), **edge),
        case("float32, every second row of a larger array", *single, layout="strided", **edge),
    ]


def _error_sizes(case: Case, active: bool) -> Arrays:
    """How far the loss and its gradient may be off.

    A squared distance may be expanded as ‖x‖² + ‖y‖² − 2xᵀy, so the size of its terms is that of
    its parts. The gradient of a point has a share of every triplet that holds it.
    """
    Z, y, margin = case.inputs["Z"].astype(float), case.inputs["y"], case.inputs["margin"]
    reach, index = np.linalg.norm(Z, axis=1), _triplets(y)
    a, p, n = (reach[i] for i in index)
    share = max(1, (_excess(Z, y, margin) > 0).sum() if active else len(a))
    length = 2 * Z.shape[1] + len(a) + 8
    value = (margin + (a + p) ** 2 + (a + n) ** 2).sum() / share
    pulls = 2 * (2 * a + p + n) / share
    rows = np.sum([np.bincount(i, pulls, minlength=len(Z)) for i in index], axis=0)
    gradient = np.broadcast_to(rounding(case, length, rows[:, None]), Z.shape)
    return {"value": rounding(case, length, value), "gradient by Z": gradient}


def _budget(case: Case, expected: Arrays) -> Arrays:
    return case.given["errors"]


# ---------------------------------------------------------------- the mistakes


def _at_two_places(k: Any) -> Any:
    return k.near > 0


def _neither(k: Any) -> Any:
    """Triplets whose positive and negative are other points than the anchor, and than another."""
    return others(k)[:, None] & others(k)


def _wrong_triplets(active: bool) -> list[Mistake]:
    """The mistakes in what counts as a triplet."""
    return [
        *ways(
            "itself as a positive",
            "Each point is a positive of its own in your loss: the diagonal counts as a pair. Such "
            "a triplet has a near distance of zero, whatever the embedding is.",
            made(active, positives=lambda k: k.same),
        ),
        *ways(
            "negatives of the same class",
            "Points of the anchor's own class are among your negatives. Only a point of another "
            "class can be one.",
            made(active, valid=lambda k: pairs(k.positives, others(k)) & _neither(k)),
            made(active, negatives=others),
            made(active, negatives=lambda k: k.same | ~k.same),
            made(active, valid=lambda k: pairs(k.positives, k.positives) & _neither(k)),
        ),
        *ways(
            "positives of every class",
            "Points of other classes are among your positives. A positive is another point of the "
            "anchor's own class.",
            made(active, positives=others),
        ),
        *ways(
            "each pair once",
            "Of two points of one class only one is an anchor in your loss. The pair is in two "
            "kinds of triplets: each of the two meets negatives at distances of its own.",
            made(active, positives=lambda k: k.same.triu(1)),
            made(active, positives=lambda k: k.same.tril(-1)),
        ),
        *ways(
            "points at one place left out",
            "You leave out pairs at distance zero. Two points of a batch may coincide; what is to "
            "be left out is a point with itself.",
            made(active, positives=lambda k: k.same & _at_two_places(k)),
            made(
                active,
                positives=lambda k: k.same & _at_two_places(k),
                negatives=lambda k: ~k.same & _at_two_places(k),
            ),
        ),
    ]


def _one(k: Any, chosen: Any, among: Any) -> Any:
    """The table that holds the chosen point of each row, where it is among those allowed."""
    return k.same.new_zeros(k.same.shape).scatter(1, chosen[:, None], True) & among


def _nearest(k: Any, among: Any) -> Any:
    return _one(k, k.near.detach().masked_fill(~among, float("inf")).argmin(dim=1), among)


def _farthest(k: Any, among: Any) -> Any:
    return _one(k, k.near.detach().masked_fill(~among, -1).argmax(dim=1), among)


def _first(k: Any, among: Any) -> Any:
    return among & (among.cumsum(dim=1) == 1)


def _wrong_choices(active: bool) -> list[Mistake]:
    """The mistakes in which only some of the triplets enter."""

    def positive(choose: Any) -> Quantity:
        return lambda k: choose(k, k.same & others(k))

    def negative(choose: Any) -> Quantity:
        return lambda k: choose(k, ~k.same)

    def semi_hard(k: Any) -> Any:
        return pairs(k.positives, k.negatives) & (k.far[:, None] > k.near[:, :, None])

    def not_hard(k: Any) -> Any:
        """The losses of all triplets, with zeros for the hard ones."""
        table = k.margin + k.near[:, :, None] - k.far[:, None]
        return hinge(table * semi_hard(k))[k.valid]

    return [
        *ways(
            "only the hardest triplet of each anchor",
            "One triplet for each anchor enters: its farthest positive with its nearest negative. "
            "That is a loss of its own, batch-hard. Asked are all triplets.",
            made(active, positives=positive(_farthest), negatives=negative(_nearest)),
        ),
        *ways(
            "one negative for each pair",
            "Each pair meets one negative in your loss. It meets every point of another class.",
            made(active, negatives=negative(_nearest)),
            made(active, negatives=negative(_first)),
        ),
        *ways(
            "one positive for each anchor",
            "Each anchor has one positive in your loss. Every other point of its class is one.",
            made(active, positives=positive(_farthest)),
            made(active, positives=positive(_first)),
        ),
        *ways(
            "only semi-hard triplets",
            "Triplets whose negative is nearer than the positive do not enter: you kept the "
            "semi-hard ones. Asked are all triplets.",
            made(active, valid=semi_hard),
            made(active, losses=not_hard),
        ),
    ]


def _wrong_hinges(active: bool) -> list[Mistake]:
    """The mistakes in what stands in the hinge, and in the hinge itself."""

    def exceeding(near: float = 1, far: float = -1, margin: Any = lambda m: m) -> Answer:
        def excess(k: Any) -> Any:
            table = near * k.near[:, :, None] + far * k.far[:, None]
            return (margin(k.margin) + table)[k.valid]

        return made(active, excess=excess)

    def by_anchor(k: Any) -> Any:
        """One hinge for each anchor, of the mean distances to its positives and negatives."""
        near, far = (k.near * k.positives).sum(1), (k.far * k.negatives).sum(1)
        near = near / k.positives.sum(1).clamp(min=1)
        excess = k.margin + near - far / k.negatives.sum(1).clamp(min=1)
        return hinge(excess[k.positives.any(1) & k.negatives.any(1)])

    def by_pair(k: Any) -> Any:
        far = (k.far * k.negatives).sum(1) / k.negatives.sum(1).clamp(min=1)
        excess = k.margin + k.near - far[:, None]
        return hinge(excess[k.positives & k.negatives.any(1)[:, None]])

    def averaging(losses: Quantity) -> Answer:
        def entries(k: Any) -> Any:
            return (k.losses > (0 if active else -1)).sum()

        return made(active, losses=losses, count=entries)

    def masked(count: Quantity) -> Answer:
        """The answer that sets what is no triplet to zero before it adds the margin."""

        def losses(k: Any) -> Any:
            return hinge(k.margin + (k.near[:, :, None] - k.far[:, None]) * k.valid)

        return made(active, losses=losses, count=count)

    entries = [lambda k: (k.losses > 0).sum(), lambda k: (k.losses > 0)[k.valid].sum()]
    if not active:
        entries = [lambda k: k.valid.sum(), lambda k: k.y.new_tensor(k.valid.numel())]
    return [
        *ways(
            "mask before the margin",
            "Entries that are no triplets still pay the margin in your sum.",
            *map(masked, entries),
        ),
        *ways(
            "signs exchanged",
            "Your signs are exchanged, or your two kinds of pairs: you charge the triplets whose "
            "negative is far away and whose positive is near.",
            exceeding(-1, 1),
            made(active, positives=lambda k: ~k.same, negatives=lambda k: k.same),
            exceeding(-1, 1, lambda m: -m),
            exceeding(-1, 1, lambda m: 0),
        ),
        *ways(
            "margin subtracted",
            "You subtract the margin. A triplet then costs something only when its negative is "
            "nearer than the positive by more than the margin.",
            exceeding(margin=lambda m: -m),
        ),
        *ways(
            "margin missing",
            "The margin is not in your loss. With all points at one place it is then zero, as if "
            "there were nothing left to learn.",
            exceeding(margin=lambda m: 0),
        ),
        *ways(
            "margin squared",
            "You squared the margin. It is one of squared distances, and enters as it is.",
            exceeding(margin=lambda m: m**2),
        ),
        *ways(
            "margin ignored",
            "Your margin is a fixed number, whatever is asked.",
            exceeding(margin=lambda m: 1.0),
            exceeding(margin=lambda m: 0.2),
        ),
        *ways(
            "margin outside the hinge",
            "You add the margin after the hinge. Every triplet then pays it, the satisfied ones "
            "too, and it has no influence on any gradient.",
            made(active, losses=lambda k: k.margin + hinge(k.excess - k.margin)),
            made(
                active,
                losses=lambda k: hinge(k.excess - k.margin),
                result=lambda k: k.margin + k.losses.sum() / k.divisor,
            ),
        ),
        *ways(
            "no hinge",
            "Nothing is clipped in your loss: a triplet that is satisfied by far makes it smaller. "
            "With the hinge it adds nothing.",
            made(active, losses=lambda k: k.excess),
        ),
        *ways(
            "hinge the wrong way round",
            "You keep what is below zero and clip what is above. A triplet pays when its excess is "
            "positive.",
            made(active, losses=lambda k: k.excess.clamp(max=0)),
        ),
        *ways(
            "hinge squared",
            "You squared the hinge. What comes out of it is averaged as it is.",
            made(active, losses=lambda k: hinge(k.excess).square()),
        ),
        *ways(
            "softplus for hinge",
            "Your loss has log(1 + eᶻ) where a hinge is asked: a triplet that is satisfied still "
            "pays a little.",
            made(active, losses=lambda k: softplus(k.excess)),
        ),
        *ways(
            "averaged before the hinge",
            "You average first and clip afterwards, so that satisfied triplets pay for those that "
            "are not. Each triplet has a hinge of its own.",
            averaging(lambda k: hinge(k.excess.sum() / k.valid.sum().clamp(min=1)).reshape(1)),
            averaging(by_anchor),
            averaging(by_pair),
        ),
    ]


# Numbers of table entries, anchors and pairs that people divide by.
OTHER_COUNTS: tuple[Quantity, ...] = (
    lambda k: k.y.new_tensor(len(k.y) ** 3),
    lambda k: k.y.new_tensor(len(k.y)),
    lambda k: k.positives.sum(),
    lambda k: k.valid.any(2).sum(),
    lambda k: pairs(k.same, k.negatives).sum(),
)


def _table(k: Any) -> Any:
    """The loss of each triplet in its place in a table (B, B, B), and zeros elsewhere."""
    return k.near.new_zeros(k.valid.shape).masked_scatter(k.valid, k.losses)


def _by_rows(k: Any, dim: int | tuple[int, ...]) -> Any:
    """Means over the triplets of an anchor, or of a pair, and the mean of those there are."""
    counted = (_table(k) > 0) if k.active else k.valid
    count = counted.sum(dim)
    means = _table(k).sum(dim) / count.clamp(min=1)
    return means.sum() / k.valid.sum(dim).clamp(max=1).sum().clamp(min=1)


def _wrong_means(active: bool) -> list[Mistake]:
    """The mistakes in how the losses of the triplets become one number."""

    def ending(result: Quantity) -> Answer:
        return made(active, result=result)

    if active:
        other = ways(
            "mean over all",
            "You divide by the number of all triplets. Those without a loss are counted too, and "
            "the mean shrinks as more of them are satisfied. Asked is the mean over the active.",
            ending(lambda k: k.losses.sum() / k.valid.sum().clamp(min=1)),
        )
        asked = "the number of triplets with a positive loss"
    else:
        other = ways(
            "mean over the active",
            "You divide by the number of triplets with a positive loss: the mean over the active. "
            "It stays near the margin while more and more are satisfied. Asked is the mean over "
            "all.",
            ending(lambda k: k.losses.sum() / (k.losses > 0).sum().clamp(min=1)),
            ending(lambda k: k.losses[k.losses > 0].mean()),
        )
        asked = "the number of all triplets"
    return [
        *other,
        *ways(
            "sum for mean",
            "Your loss is the sum over the triplets, and grows with the size of the batch.",
            ending(lambda k: k.losses.sum()),
        ),
        *ways(
            "divided by another number",
            "You divide by a number of pairs, of anchors, or of entries in a table. Divide the sum "
            f"by {asked}.",
            *(made(active, count=count) for count in OTHER_COUNTS),
        ),
        *ways(
            "mean of means",
            "You average for each anchor or pair first, and then over these. Not all of them have "
            "as many triplets, and a triplet then counts more where there are few.",
            ending(lambda k: _by_rows(k, (1, 2))),
            ending(lambda k: _by_rows(k, 2)),
        ),
        *ways(
            "only the largest",
            "Only the largest loss enters. Asked is a mean.",
            ending(lambda k: _table(k).amax()),
            ending(lambda k: _table(k).amax((1, 2)).mean()),
        ),
        *ways(
            "one number for each triplet",
            "You returned more than one number. Asked is their mean.",
            ending(lambda k: k.losses),
            ending(_table),
        ),
        *ways(
            "nothing divided by nothing",
            "You return NaN where there is nothing to average: 0 divided by 0. A batch without "
            "such a triplet has the loss 0, and one NaN spoils every weight of a network.",
            made(active, divisor=lambda k: k.count),
            ending(lambda k: (k.losses[k.losses > 0] if active else k.losses).mean()),
        ),
    ]


def _wrong_gradients(active: bool) -> list[Mistake]:
    """The mistakes that leave the value as it is."""
    right = made(active)

    def constant(Z, y, margin):
        found = right(Z, y, margin)
        return found if found > 0 else Z.new_zeros(())

    return [
        bare_root(made(active, lambda x, y: bare_roots(x, y).square())),
        *ways(
            "no gradient",
            "No gradient reaches Z: the result was cut off by detach, .item(), no_grad or NumPy, "
            "or it counts triplets. A count has no slope.",
            lambda Z, y, margin: right(Z.detach(), y, margin),
            made(active, result=lambda k: (k.losses > 0).sum() / k.valid.sum().clamp(min=1)),
        ),
        *ways(
            "a constant where nothing is to be learnt",
            "Your zero is a constant that does not depend on Z. Training calls backward on it, and "
            "that stops with an error; a sum over no triplets is a zero with a gradient.",
            constant,
            lambda Z, y, margin: right(Z, y, margin) if _triplets_there(y) else Z.new_zeros(()),
        ),
        *ways(
            "part of the gradient cut off",
            "Your value is right and your gradient is not: anchors, positives or negatives come "
            "from a detached copy of Z. The loss moves all three.",
            made(active, lambda x, y: squares(x, y.detach())),
            made(active, lambda x, y: squares(x.detach(), y)),
            made(active, far=lambda k: k.near.detach()),
        ),
    ]


def _triplets_there(y: Any) -> bool:
    same = y[:, None] == y
    return bool((~same).any() and same.sum() > len(y))


# Small numbers that people add to a divisor to keep it from zero. A whole number plus a float is
# float32 in torch, where the smaller ones are lost.
SMALL = (1e-6, 1e-8, 1e-12)


def _notes(active: bool) -> list[Mistake]:
    def plus(small: float) -> Quantity:
        return lambda k: k.count.to(k.Z.dtype) + small

    divisors = [lambda k: k.count + SMALL[0], *map(plus, SMALL)]
    return [
        a_little_off(made(active, lambda x, y: shifted(x, y).square())),
        *(
            Mistake(
                "a small number in the divisor",
                made(active, divisor=divisor),
                "Right, up to the small number in your divisor. A divisor of at least 1 keeps 0/0 "
                "away too, and changes nothing where there are triplets.",
                severity="note",
            )
            for divisor in divisors
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    active = variant["active"]
    return (
        *_wrong_triplets(active),
        *_wrong_choices(active),
        *_wrong_hinges(active),
        *_wrong_means(active),
        *_wrong_gradients(active),
        *wrong_measures(lambda measure: made(active, measure), squared=True),
        *_notes(active),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["active"]:
        share = "\\frac{1}{|T_+|}"
        divisor = (
            "$T_+$ are those of them with a loss above zero: a mean over the *active* triplets. If "
            "there is none, the loss is 0."
        )
    else:
        share = "\\frac{1}{|T|}"
        divisor = (
            "It is a mean over all of them, also those whose loss is zero. If there is none, the "
            "loss is 0."
        )
    return (
        "A batch holds $B$ embeddings, the rows $z_i$ of `Z`, with the classes `y`. Write a "
        "function that returns\n\n"
        f"$${share} \\sum_{{(a, p, n) \\in T}} \\left[\\, m + \\lVert z_a - z_p \\rVert^2 - "
        "\\lVert z_a - z_n \\rVert^2 \\,\\right]_+$$\n\n"
        "$T$ are all triplets of the batch: $p$ is another sample of the class of $a$, and $n$ a "
        f"sample of another class, $y_a = y_p \\neq y_n$. {divisor} Training calls "
        "`backward` then too: the gradient by `Z` is zero, not NaN and not missing."
    )


def _skeleton(variant: Variant) -> str:
    over = "the active triplets" if variant["active"] else "all triplets"
    return f'''def batch_all(Z, y, margin):
    """Return the mean triplet loss over {over} of a batch, of squared distances.

    Z: (B, d) embeddings, y: (B,) whole numbers, margin: a number above 0; tensors.
    Returns: a tensor that holds one number; 0 where there is no such triplet.
    """'''


BATCH_ALL = Exercise(
    number="11.2",
    name="batch_all",
    title="All triplets of a batch",
    points=4,
    minutes=25,
    kind=Gradient(wrt=("Z",)),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "List by hand the triplets of a batch with classes 0, 0, 1. There are two of them. How "
        "many are there for 0, 0, 0, 1, 1, and what does a third axis of a table stand for?",
        "Two tables of B×B say all about classes: who is a positive of whom, and who a negative. "
        "One more axis in each, in different places, and they say who is a triplet.",
        "The distances need the same two axes. Then pick the entries that are triplets, clip, add "
        "and divide. What do you divide by when there is none, and what is `D` on its diagonal?",
    ),
    variants={"active": (False, True)},
    groups={"values": 3, "edge": 1},
    cases=_cases,
    reference=lambda variant: made(variant["active"]),
    mistakes=_mistakes,
    budget=_budget,
)
