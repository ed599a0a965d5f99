"""10.1, the contrastive loss of a batch of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...observing import Case, Gradient
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import (
    Measure,
    bare_roots,
    distances,
    softened_measures,
    softened_roots,
    squares,
    wrong_measures,
)

Answer = Callable[..., Any]
# What a pair of one kind costs at distance d, for a margin.
Cost = Callable[[Any, float], Any]
Reduce = Callable[[Any], Any]


def _hinge(a: Any) -> Any:
    return a.clamp(min=0)


def _pull(d: Any, margin: float) -> Any:
    return d.square() / 2


def _push(d: Any, margin: float) -> Any:
    return _hinge(margin - d).square() / 2


def _mean(terms: Any) -> Any:
    return terms.mean()


def _sum(terms: Any) -> Any:
    return terms.sum()


def _whole(variant: Variant) -> Reduce:
    return _mean if variant["mean"] else _sum


def _answer(
    reduce: Reduce,
    *,
    pull: Cost = _pull,
    push: Cost = _push,
    measured: Measure = distances,
) -> Answer:
    """Measure each pair, look up its cost by its label, and reduce the costs to a number."""

    def answer(x1, x2, same, margin):
        d = measured(x1, x2)
        return reduce(pull(d, margin).where(same, push(d, margin)))

    return answer


def _labelled(answer: Answer, variant: Variant) -> Answer:
    """The answer for labels that say which pairs are different, where the variant has those."""
    if not variant["different"]:
        return answer
    return lambda x1, x2, different, margin: answer(x1, x2, ~different, margin)


def _reference(variant: Variant) -> Answer:
    right = _labelled(_answer(_whole(variant)), variant)

    def contrastive_loss(x1, x2, labels, margin):
        return right(x1, x2, labels, margin)

    return contrastive_loss


# ---------------------------------------------------------------- the cases

ALIKE, APART = True, False


def _pairs(rng: Rng, k: int, lengths: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points of k coordinates at these distances, in random places and directions."""
    x1, way = rng.normal(size=(2, len(lengths), k))
    unit = way / np.linalg.norm(way, axis=1, keepdims=True)
    return x1, x1 + np.array(lengths)[:, None] * unit


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    named = cases_of("x1", "x2", "different" if variant["different"] else "same", "margin")

    def case(name: str, *batch: Any, group: str = "values") -> Case:
        x1, x2, alike = map(np.asarray, batch[:3])
        labels = alike ^ variant["different"]
        found = named(name, x1, x2, labels, batch[3], group=group)
        found.given["errors"] = _error_sizes(found, variant)
        return found

    def drawn(k: int, margin: float, alike: int, near: int, far: int) -> tuple:
        """Similar pairs, and dissimilar ones within the margin and beyond it, in random order."""
        lengths = [
            *rng.uniform(0.3, 2, alike),
            *margin * rng.uniform(0.2, 0.9, near),
            *margin * rng.uniform(1.2, 2.5, far),
        ]
        order = rng.permutation(len(lengths))
        x1, x2 = _pairs(rng, k, lengths)
        return x1[order], x2[order], (np.arange(len(lengths)) < alike)[order], margin

    line = [[1.0], [1.0]], [[1.5], [4.0]], [APART, APART], 2.0
    plane = [[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.3, 1.4]], [ALIKE, APART], 2.0
    some, twins = drawn(3, 1.5, 2, 2, 1), drawn(2, 1.5, 3, 3, 1)
    twins[1][::2] = twins[0][::2]
    single = some[0].astype(np.float32), some[1].astype(np.float32), *some[2:]
    return [
        case("a similar pair on a line, 2 apart", [[1.0]], [[3.0]], [ALIKE], 3.0),
        case("two dissimilar pairs on a line, one beyond the margin", *line),
        case("a similar and a dissimilar pair in the plane", *plane),
        case("eleven pairs, margin 3/2", *drawn(5, 1.5, 4, 4, 3)),
        case("only similar pairs", *drawn(2, 1.0, 4, 0, 0), group="edge"),
        case("a dissimilar pair beyond the margin", [[1.0]], [[4.0]], [APART], 2.0, group="edge"),
        case("a similar pair at one place", [[1.0, 2.0]], [[1.0, 2.0]], [ALIKE], 2.0, group="edge"),
        case(
            "a dissimilar pair at one place", [[1.0, 2.0]], [[1.0, 2.0]], [APART], 2.0, group="edge"
        ),
        case("some pairs at one place", *twins, group="edge"),
        case("float32", *single, group="edge"),
    ]


def _error_sizes(case: Case, variant: Variant) -> Arrays:
    """How far the loss and its two gradients may be off.

    A difference of two given numbers is off by one roundoff, so a distance of k coordinates is by
    about k of its own size, and m − d by as many of m + d. The gradient of a pair is a share of
    m + d along a vector of length 1.
    """
    x1, x2, _, margin = (np.asarray(v, float) for v in case.inputs.values())
    (n, k), size = x1.shape, margin + np.linalg.norm(x1 - x2, axis=1)
    share = n if variant["mean"] else 1
    pairs = rounding(case, k + n + 8, size[:, None] / share)
    gradient = np.broadcast_to(pairs, x1.shape)
    value = rounding(case, k + n + 8, np.square(size).sum() / share)
    return {"value": value, "gradient by x1": gradient, "gradient by x2": gradient}


def _budget(case: Case, expected: Arrays) -> Arrays:
    return case.given["errors"]


# ---------------------------------------------------------------- the mistakes


def _kind_by_kind(average: Callable[[Any, Any], Any]) -> Answer:
    """The sum of one average for the similar pairs and one for the dissimilar ones."""

    def answer(x1, x2, same, margin):
        d = distances(x1, x2)
        return average(_pull(d, margin), same) + average(_push(d, margin), ~same)

    return answer


def _mean_of(terms: Any, chosen: Any) -> Any:
    return terms[chosen].mean()


def _mean_if_any(terms: Any, chosen: Any) -> Any:
    return terms[chosen].sum() / chosen.sum().clamp(min=1)


def _mean_of_active(terms: Any, chosen: Any) -> Any:
    return _mean_if_any(terms, chosen & (terms > 0))


def _over_active(terms: Any) -> Any:
    return terms.sum() / (terms > 0).sum().clamp(min=1)


def _wrong_labels(reduce: Reduce, variant: Variant) -> list[Mistake]:
    """The mistakes in which pairs are pulled and which pushed."""
    right = _answer(reduce)
    true = "the points have two classes" if variant["different"] else "both points have one class"

    def labels_ignored(x1, x2, same, margin):
        d = distances(x1, x2)
        return reduce(_pull(d, margin) + _push(d, margin))

    return [
        *ways(
            "labels turned round",
            "Your labels are turned round: pairs of one class are pushed apart to the margin, and "
            f"the others pulled together. True says that {true}. Papers use 0 and 1 for this, and "
            "not all in the same way.",
            lambda x1, x2, same, margin: right(x1, x2, ~same, margin),
        ),
        *ways(
            "labels ignored",
            "Every pair is both pulled and pushed in your sum: the labels have no influence.",
            labels_ignored,
        ),
        *ways(
            "one half only",
            "Only one kind of pairs costs anything in your loss. Without the push everything may "
            "collapse to a point; without the pull nothing brings a class together.",
            _answer(reduce, push=lambda d, m: 0 * d),
            _answer(reduce, pull=lambda d, m: 0 * d),
        ),
        *ways(
            "push subtracted",
            "The cost of a dissimilar pair is subtracted in your loss. It falls when such a pair "
            "comes nearer.",
            _answer(reduce, push=lambda d, m: -_push(d, m)),
        ),
    ]


def _wrong_hinges(reduce: Reduce) -> list[Mistake]:
    """The mistakes in what a dissimilar pair costs."""

    def pushing(push: Cost, pull: Cost = _pull) -> Answer:
        return _answer(reduce, pull=pull, push=push)

    def square(d: Any, m: float) -> Any:
        return d.square()

    return [
        *ways(
            "square in the hinge",
            "Your hinge is m − d², and it is not squared: a form that stands in print, and that a "
            "widely used program had at first. It ends at distance √m, and it does not push at all "
            "where two points coincide.",
            pushing(lambda d, m: _hinge(m - d.square()) / 2),
            pushing(lambda d, m: _hinge(m - d.square())),
            pushing(lambda d, m: _hinge(m - d.square()), square),
        ),
        *ways(
            "square in the hinge, and outside",
            "In your hinge d² is taken from the margin, and the whole is squared. The margin is "
            "one for d: with d² in its place the push ends at distance √m.",
            pushing(lambda d, m: _hinge(m - d.square()).square() / 2),
            pushing(lambda d, m: _hinge(m - d.square()).square(), square),
        ),
        *ways(
            "squared one by one",
            "You square margin and distance one by one, m² − d². The square of a difference is "
            "another number.",
            pushing(lambda d, m: _hinge(m**2 - d.square()) / 2),
            pushing(lambda d, m: _hinge(m**2 - d.square())),
            pushing(lambda d, m: _hinge(m**2 - d.square()), square),
            pushing(lambda d, m: _hinge(m**2 - d.square()).square() / 2),
        ),
        *ways(
            "hinge not squared",
            "What comes out of your hinge is not squared.",
            pushing(lambda d, m: _hinge(m - d) / 2),
            pushing(lambda d, m: _hinge(m - d)),
            pushing(lambda d, m: _hinge(m - d), square),
        ),
        *ways(
            "pull not squared",
            "The distance of a similar pair is not squared in your loss. It then pulls as hard "
            "between neighbours as from far away.",
            pushing(_push, lambda d, m: d / 2),
            pushing(_push, lambda d, m: d),
        ),
        *ways(
            "nothing squared",
            "Nothing is squared in your loss: d for a similar pair, m − d for a dissimilar one. A "
            "widely used library has this form; the formula here has squares.",
            pushing(lambda d, m: _hinge(m - d), lambda d, m: d),
            pushing(lambda d, m: _hinge(m - d) / 2, lambda d, m: d / 2),
        ),
        *ways(
            "no hinge",
            "Nothing is clipped in your loss: a dissimilar pair beyond the margin is pulled back. "
            "Such a pair is far enough, and costs nothing.",
            pushing(lambda d, m: (m - d).square() / 2),
            pushing(lambda d, m: (m - d).square(), square),
        ),
        *ways(
            "hinge the wrong way round",
            "Your hinge is d − m: it charges the dissimilar pairs beyond the margin, and those "
            "within it nothing.",
            pushing(lambda d, m: _hinge(d - m).square() / 2),
        ),
        *ways(
            "margin for similar pairs too",
            "A similar pair costs nothing within the margin in your loss. The margin belongs to "
            "dissimilar pairs; similar ones are pulled together from every distance.",
            pushing(_push, lambda d, m: _hinge(d - m).square() / 2),
        ),
        *ways(
            "margin ignored",
            "Your margin is 1, whatever is asked.",
            pushing(lambda d, m: _push(d, 1.0)),
        ),
        *ways(
            "½ missing",
            "Your loss is twice as large: the ½ is missing in both parts. The minima stay where "
            "they are. Numbers and step sizes do not.",
            pushing(lambda d, m: 2 * _push(d, m), square),
        ),
        *ways(
            "½ on one side only",
            "The ½ is missing in one of the two parts. The balance between pull and push is then "
            "another one.",
            pushing(lambda d, m: 2 * _push(d, m)),
            pushing(_push, square),
        ),
    ]


def _wrong_sums(reduce: Reduce, variant: Variant) -> list[Mistake]:
    """The mistakes in how the costs of the pairs become one number."""

    def as_a_table(x1, x2, same, margin):
        d = (x1 - x2).norm(dim=1, keepdim=True)
        return reduce(_pull(d, margin).where(same, _push(d, margin)))

    def all_against_all(x1, x2, same, margin):
        d = (x1[:, None] - x2).norm(dim=2)
        return reduce(_pull(d, margin).where(same, _push(d, margin)))

    if variant["mean"]:
        scale = Mistake(
            "sum for mean",
            _answer(_sum),
            "Your loss grows with the number of pairs: it is their sum, not their mean.",
        )
        asked = "Asked is the mean over all pairs, whatever they are."
    else:
        scale = Mistake(
            "mean for sum",
            _answer(_mean),
            "Your loss is divided by the number of pairs: it is their mean, not their sum.",
        )
        asked = "Asked is the sum over all pairs."
    return [
        scale,
        *ways(
            "each kind averaged apart",
            "You average the similar pairs by themselves and the dissimilar ones by themselves. "
            f"{asked}",
            _kind_by_kind(_mean_of),
            _kind_by_kind(_mean_if_any),
        ),
        *ways(
            "mean over the active pairs",
            f"Pairs that cost nothing are not counted in your mean. {asked}",
            _answer(_over_active),
            _kind_by_kind(_mean_of_active),
        ),
        *ways(
            "one number for each pair",
            "Your result holds one number for each pair. The loss is one number for the batch.",
            _answer(lambda terms: terms),
        ),
        *ways(
            "a table of pairs and labels",
            "Your distances are a column, (B, 1), and the labels a row. Between the two torch "
            "makes a table: each pair meets the labels of all others.",
            as_a_table,
        ),
        *ways(
            "all against all",
            "You measured every row of x1 against every row of x2. A pair is one row of each, at "
            "the same place.",
            all_against_all,
        ),
    ]


def _wrong_gradients(reduce: Reduce) -> list[Mistake]:
    """The mistakes that only the gradient shows."""
    right = _answer(reduce)

    def chosen_first(x1, x2, same, margin):
        """A root of the dissimilar pairs alone."""
        d = bare_roots(x1[~same], x2[~same])
        costs = squares(x1[same], x2[same]).sum() / 2 + _push(d, margin).sum()
        return costs if reduce is _sum else costs / len(x1)

    bare = _answer(reduce, measured=bare_roots)

    def constant(loss: Answer) -> Answer:
        """A zero made anew where no pair is similar, or near enough to cost anything."""

        def answer(x1, x2, same, margin):
            costs = same | (distances(x1, x2) < margin)
            return loss(x1, x2, same, margin) if costs.any() else x1.new_zeros(())

        return answer

    def constant_zero(x1, x2, same, margin):
        found = right(x1, x2, same, margin)
        return found if found > 0 else x1.new_zeros(())

    return [
        *ways(
            "NaN at distance zero",
            "Where two points coincide your gradient is NaN. The slope of a root at zero is "
            "infinite, and infinity times zero is NaN, also where a mask sets the pair to zero "
            "afterwards. One such pair spoils every weight of a network.",
            bare,
            chosen_first,
            constant(bare),
        ),
        *ways(
            "no gradient",
            "No gradient reaches x1, x2 or both: something cuts your result off from them, such as "
            "detach, .item(), NumPy, or a tensor made anew.",
            lambda x1, x2, same, margin: right(x1, x2, same, margin).detach(),
            lambda x1, x2, same, margin: right(x1, x2.detach(), same, margin),
        ),
        *ways(
            "a constant where nothing is to be learnt",
            "Where no pair costs anything your zero is a constant, as Python's max or an if gives "
            "it, and depends on no point. Training calls backward on it, and that stops with an "
            "error.",
            constant(right),
            constant_zero,
        ),
    ]


def _softened_push(reduce: Reduce, measure: Measure) -> Answer:
    """Exact squares for the pull, and another distance for the push."""

    def answer(x1, x2, same, margin):
        push = _push(measure(x1, x2), margin)
        return reduce((squares(x1, x2) / 2).where(same, push))

    return answer


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    reduce = _whole(variant)
    found = [
        *_wrong_labels(reduce, variant),
        *_wrong_hinges(reduce),
        *_wrong_sums(reduce, variant),
        *_wrong_gradients(reduce),
        *wrong_measures(lambda measure: _answer(reduce, measured=measure)),
        *softened_measures(lambda measure: _answer(reduce, measured=measure)),
        *softened_roots(partial(_softened_push, reduce)),
    ]
    return tuple(replace(m, answer=_labelled(m.answer, variant)) for m in found)


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    share, name = ("\\frac1B ", "mean") if variant["mean"] else ("", "sum")
    if variant["different"]:
        labels = "`different` is True where a pair has two classes"
    else:
        labels = "`same` is True where both points of a pair have one class"
    return (
        "A batch holds $B$ pairs: row $i$ of `x1` and row $i$ of `x2`, at the Euclidean distance "
        f"$d_i$. {labels}. Write a function that returns the {name} of what the pairs cost:\n\n"
        f"$${share}\\sum_i \\begin{{cases}} \\frac12 d_i^2 & \\text{{one class}} \\\\ "
        "\\frac12 [m - d_i]_+^2 & \\text{two classes} \\end{cases}$$\n\n"
        "$[a]_+$ is $\\max(a, 0)$, and $m$ the margin. The check looks at the value and at its "
        "gradients by `x1` and `x2`. Two points may coincide: take the gradient of their distance "
        "for zero."
    )


def _skeleton(variant: Variant) -> str:
    name = "different" if variant["different"] else "same"
    classes = "two classes" if variant["different"] else "one class"
    return f'''def contrastive_loss(x1, x2, {name}, margin):
    """Return the contrastive loss of a batch of pairs.

    x1, x2: (B, d) tensors, the points of each pair. {name}: (B,) booleans, True for {classes}.
    margin: a number above 0. Returns: a tensor that holds one number.
    """'''


CONTRASTIVE_LOSS = Exercise(
    number="10.1",
    name="contrastive_loss",
    title="The contrastive loss",
    points=3,
    minutes=20,
    kind=Gradient(wrt=("x1", "x2")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Draw what one pair costs against its distance, once for each kind. One curve starts at "
        "zero, the other ends there, at the margin.",
        "Compute one cost for every pair as if it were similar and one as if it were dissimilar, "
        "and choose by the label. torch.where does this for a whole batch, and torch.clamp keeps a "
        "difference from falling below zero.",
        "If a gradient is NaN, look for a square root at zero, also for pairs that you masked "
        "afterwards. Which function of torch measures the length of a row without one of yours?",
    ),
    variants={"mean": (True, False), "different": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    budget=_budget,
)
