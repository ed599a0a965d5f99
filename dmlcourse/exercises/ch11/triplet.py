"""11.1, the triplet loss of a batch of triplets."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Gradient
from ..budget import Arrays, rounding
from ..ch10.shared import softened_measures
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
    distances,
    hinge,
    shifted,
    softplus,
    squares,
    wrong_measures,
)

INPUTS = ("anchor", "positive", "negative")
QUANTITIES: dict[str, Quantity] = {
    "near": lambda k: k.measure(k.anchor, k.positive),
    "far": lambda k: k.measure(k.anchor, k.negative),
    "excess": lambda k: k.margin + k.near - k.far,
    "losses": lambda k: k.clip(k.excess),
    "result": lambda k: k.reduce(k.losses),
}


class Form(NamedTuple):
    """What a variant asks for: squared distances or not, softplus or hinge, mean or sum."""

    squared: bool
    soft: bool
    mean: bool


# Squared distances, as FaceNet has them; the other two are from Hermans, Beyer and Leibe (2017).
FORMS = {
    "squares": Form(squared=True, soft=False, mean=True),
    "sum of squares": Form(squared=True, soft=False, mean=False),
    "distances": Form(squared=False, soft=False, mean=True),
    "softplus": Form(squared=False, soft=True, mean=True),
}


def _mean(losses: Any) -> Any:
    return losses.mean()


def _sum(losses: Any) -> Any:
    return losses.sum()


def made(form: Form, measure: Measure | None = None, **changes: Quantity) -> Answer:
    """The loss with its measure or some of its quantities exchanged; with none, the right one."""
    parts = {
        "measure": measure or (squares if form.squared else distances),
        "clip": softplus if form.soft else hinge,
        "reduce": _mean if form.mean else _sum,
    }
    quantities = QUANTITIES | changes

    def triplet_loss(anchor, positive, negative, margin):
        tensors = {"anchor": anchor, "positive": positive, "negative": negative}
        k = SimpleNamespace(**tensors, margin=margin, **parts)
        for name, compute in quantities.items():
            setattr(k, name, compute(k))
        return k.result

    return triplet_loss


# ---------------------------------------------------------------- the cases

Triplets = tuple[np.ndarray, np.ndarray, np.ndarray]


def _apart(x: np.ndarray, y: np.ndarray, form: Form) -> np.ndarray:
    d = np.linalg.norm(x - y, axis=1)
    return d**2 if form.squared else d


def _at_one_place(anchor: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> None:
    """In place: every second positive lies on its anchor, and one negative does."""
    positive[::2] = anchor[::2]
    negative[1] = anchor[1]


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    form, named = FORMS[variant["form"]], cases_of(*INPUTS, "margin")
    edge: dict[str, Any] = {"group": "edge"}
    strided = edge | {"layout": "strided"}

    def case(name: str, triplets: Any, margin: float, **more: Any) -> Case:
        found = named(name, *map(np.asarray, triplets), margin, **more)
        return replace(found, given={"errors": _error_sizes(found, form)})

    def drawn(n: int, d: int, margin: float, twins: bool = False) -> tuple[Triplets, float]:
        """Triplets on both sides of the hinge, and none near its edge."""
        while True:
            anchor, positive, negative = 0.8 * rng.normal(size=(3, n, d))
            if twins:
                _at_one_place(anchor, positive, negative)
            near, far = _apart(anchor, positive, form), _apart(anchor, negative, form)
            excess = margin + near - far
            # Beyond 20 torch's softplus is no longer exact.
            clear = np.abs(excess).min() > CLEAR and np.abs(excess).max() < 15
            if clear and 0.3 < (excess > 0).mean() < 0.8 and excess.mean() > CLEAR:
                return (anchor, positive, negative), margin

    some, margin = drawn(6, 3, 1.5)
    single = [x.astype(np.float32) for x in some]
    # No point is the origin: there the cosine, a likely mistake, is a matter of taste.
    plane = [[1.0, 2.0]], [[2.0, 3.0]], [[2.0, 0.5]]
    two = [[1.0], [1.0]], [[2.0], [3.0]], [[4.0], [2.0]]
    far = [[1.0, 1.0]], [[601.0, 801.0]], [[4.0, 5.0]]
    one_place = np.tile([[0.5, 2.0]], (3, 1))
    return [
        case("one triplet on a line", ([[1.0]], [[3.0]], [[2.0]]), 0.5),
        case("the negative is farther, by less than the margin", plane, 2.0),
        case("one negative far enough, one too near", two, 0.75),
        case("six triplets", some, margin),
        case("five triplets in the plane, a narrow margin", *drawn(5, 2, 0.2)),
        case("eight triplets, five coordinates", *drawn(8, 5, 0.5)),
        case("every negative far enough", (one_place, one_place, one_place + 2), 1.0, **edge),
        case("all points at one place", (one_place, one_place, one_place), 0.5, **edge),
        case("the positive at the anchor", ([[1.0]], [[1.0]], [[1.5]]), 1.0, **edge),
        case("the negative at the anchor", ([[1.0]], [[1.5]], [[1.0]]), 1.0, **edge),
        case("some points at one place", *drawn(6, 2, 1.5, twins=True), **edge),
        case("a positive 1,000 away", far, 1.0, **edge),
        case("float32, every second row of a larger array", single, margin, **strided),
    ]


def _error_sizes(case: Case, form: Form) -> Arrays:
    """How far the loss and its three gradients may be off.

    A squared distance may be expanded as ‖x‖² + ‖y‖² − 2xᵀy, so the size of its terms is that of
    its parts. A softplus weighs each gradient by a slope that follows the error in its argument.
    """
    *points, margin = (np.asarray(v, float) for v in case.inputs.values())
    reach = [np.linalg.norm(x, axis=1) for x in points]
    parts = np.stack([reach[0] + reach[1], reach[0] + reach[2]])
    size = margin + (parts**2 if form.squared else parts).sum(axis=0)
    rows = 2 * parts.sum(axis=0) if form.squared else np.full(len(size), 2.0)
    if form.soft:
        rows = rows * (1 + size)
    (n, d), share = points[0].shape, len(size) if form.mean else 1
    length = 2 * d + n + 8
    gradient = np.broadcast_to(rounding(case, length, rows[:, None] / share), (n, d))
    errors = {f"gradient by {name}": gradient for name in INPUTS}
    return {"value": rounding(case, length, size.sum() / share), **errors}


def _budget(case: Case, expected: Arrays) -> Arrays:
    return case.given["errors"]


# ---------------------------------------------------------------- the mistakes


def _wrong_excess(form: Form) -> list[Mistake]:
    """The mistakes in what stands in the hinge."""

    def exceeding(excess: Quantity) -> Answer:
        return made(form, excess=excess)

    def between(near: tuple[str, str], far: tuple[str, str]) -> Answer:
        """The answer with other pairs of points measured."""

        def of(pair: tuple[str, str]) -> Quantity:
            return lambda k: k.measure(getattr(k, pair[0]), getattr(k, pair[1]))

        return made(form, near=of(near), far=of(far))

    ap, an, pn = ("anchor", "positive"), ("anchor", "negative"), ("positive", "negative")
    what = "squared distance" if form.squared else "distance"
    clip = "softplus" if form.soft else "hinge"
    of_squares = ways(
        "margin squared",
        "You squared the margin. It is one of squared distances, and enters as it is.",
        exceeding(lambda k: k.margin**2 + k.near - k.far),
    )
    return [
        *ways(
            "signs exchanged",
            "Your signs are exchanged: you charge the triplets whose negative is far away and "
            "whose positive is near.",
            exceeding(lambda k: k.margin - k.near + k.far),
            exceeding(lambda k: k.far - k.near),
            exceeding(lambda k: k.far - k.near - k.margin),
        ),
        *ways(
            "margin subtracted",
            "You subtract the margin. A triplet then costs something only when its negative is "
            "nearer than the positive by more than the margin.",
            exceeding(lambda k: k.near - k.far - k.margin),
        ),
        *ways(
            "margin missing",
            "The margin is not in your loss. If all points collapse to one, that costs "
            "the margin; in your loss it costs no more than a tie.",
            exceeding(lambda k: k.near - k.far),
        ),
        *ways(
            f"margin outside the {clip}",
            f"You add the margin after the {clip}. Every triplet then pays it, the satisfied ones "
            "too, and it has no influence on any gradient.",
            made(form, losses=lambda k: k.margin + k.clip(k.near - k.far)),
            made(form, result=lambda k: k.margin + k.reduce(k.clip(k.near - k.far))),
        ),
        *(of_squares if form.squared else []),
        *ways(
            "margin ignored",
            "Your margin is a fixed number, whatever is asked.",
            exceeding(lambda k: 1.0 + k.near - k.far),
            exceeding(lambda k: 0.2 + k.near - k.far),
        ),
        *ways(
            "another anchor",
            f"One {what} in your loss does not start at the anchor. Both do: one goes to the "
            "positive, one to the negative.",
            between(ap, pn),
            between(pn, an),
            between(an, pn),
            between(pn, ap),
        ),
        *ways(
            "the nearer of anchor and positive",
            "You measure the negative from the anchor or from the positive, whichever is nearer. "
            "This exists, as `swap` in torch's loss. Asked is the anchor.",
            made(
                form,
                far=lambda k: k.measure(k.anchor, k.negative).minimum(
                    k.measure(k.positive, k.negative)
                ),
            ),
        ),
        *ways(
            "each distance on its own",
            "You pull the positive always, and push the negative until it is the margin away: that "
            "is a loss of pairs. A triplet compares its two distances in one "
            f"{clip}.",
            made(form, losses=lambda k: k.near + k.clip(k.margin - k.far)),
            made(form, losses=lambda k: k.clip(k.near - k.margin) + k.clip(k.margin - k.far)),
        ),
    ]


def _wrong_clips(form: Form) -> list[Mistake]:
    """The mistakes in the hinge, or in the softplus."""

    def losing(losses: Quantity) -> Answer:
        return made(form, losses=losses)

    if form.soft:
        other = [
            *ways(
                "hinge for softplus",
                "Your loss has a hinge. Asked is log(1 + eᶻ), which is never zero: a triplet that "
                "is satisfied still pays a little.",
                losing(lambda k: hinge(k.excess)),
            ),
            *ways(
                "overflow",
                "Your exponential overflows: for a z of some hundreds eᶻ is infinite, and log(1 + "
                "eᶻ) is not. torch has a function for the whole.",
                losing(lambda k: (1 + k.excess.exp()).log()),
                losing(lambda k: k.excess.exp().log1p()),
            ),
            *ways(
                "1 missing in the logarithm",
                "Your logarithm undoes the exponential: without the 1 the loss is z itself.",
                losing(lambda k: k.excess),
            ),
            *ways(
                "softplus squared",
                "You squared the softplus. What comes out of it is averaged or added as it is.",
                losing(lambda k: k.clip(k.excess).square()),
            ),
        ]
    else:
        other = [
            *ways(
                "softplus for hinge",
                "Your loss has log(1 + eᶻ) where a hinge is asked: a triplet that is satisfied "
                "still pays a little.",
                losing(lambda k: softplus(k.excess)),
            ),
            *ways(
                "no hinge",
                "Nothing is clipped in your loss: a triplet that is satisfied by far makes it "
                "smaller. With the hinge it adds nothing.",
                losing(lambda k: k.excess),
            ),
            *ways(
                "hinge the wrong way round",
                "You keep what is below zero and clip what is above. A triplet pays when its "
                "excess is positive.",
                losing(lambda k: k.excess.clamp(max=0)),
            ),
            *ways(
                "hinge squared",
                "You squared the hinge. What comes out of it is averaged or added as it is.",
                losing(lambda k: k.clip(k.excess).square()),
            ),
        ]
    clip = "softplus" if form.soft else "hinge"
    return [
        *other,
        *ways(
            f"one {clip} for the batch",
            f"You add first and apply one {clip} afterwards, so that satisfied triplets pay for "
            f"those that are not. Each triplet has a {clip} of its own.",
            made(form, result=lambda k: k.clip(k.excess.mean())),
            made(form, result=lambda k: k.clip(k.excess.sum())),
            made(form, result=lambda k: k.clip(k.margin + k.near.sum() - k.far.sum())),
        ),
        *ways(
            f"a {clip} for each coordinate",
            f"You apply the {clip} to each coordinate. The distances come first, as sums over the "
            "coordinates; then each triplet has one excess.",
            made(form, lambda x, y: (x - y).square() if form.squared else (x - y).abs()),
        ),
    ]


def _added_along_the_batch(form: Form) -> Measure:
    """One number for each coordinate."""

    def measure(x: Any, y: Any) -> Any:
        added = (x - y).square().sum(0)
        return added if form.squared else added.sqrt()

    return measure


def _of_the_batch(form: Form) -> list[Measure]:
    """One number for all rows, as torch's mse_loss gives it, and as a norm does."""

    def mean_square(x: Any, y: Any) -> Any:
        return (x - y).square().mean()

    return [mean_square] if form.squared else [mean_square, lambda x, y: (x - y).norm()]


def _over_active(k: Any) -> Any:
    return k.losses.sum() / (k.losses > 0).sum().clamp(min=1)


def _wrong_sums(form: Form) -> list[Mistake]:
    """The mistakes in how the losses of the triplets become one number."""

    def ending(result: Quantity) -> Answer:
        return made(form, result=result)

    def across(near: Quantity, far: Quantity) -> Answer:
        return made(form, near=near, far=far)

    asked = "mean over all triplets" if form.mean else "sum over all triplets"
    if form.mean:
        scale = Mistake(
            "sum for mean",
            ending(lambda k: k.losses.sum()),
            "Your loss grows with the number of triplets: it is their sum, not their mean.",
        )
    else:
        scale = Mistake(
            "mean for sum",
            ending(lambda k: k.losses.mean()),
            "Your loss is divided by the number of triplets. Asked is the sum.",
        )
    active = ways(
        "mean over the active triplets",
        "You average over the triplets with a positive loss only. Such a mean exists, and stays "
        f"near the margin while more and more triplets are satisfied. Asked is the {asked}.",
        ending(_over_active),
        ending(lambda k: k.losses[k.losses > 0].mean()),
    )
    return [
        scale,
        *(active if not form.soft else []),
        *ways(
            "only the largest",
            f"Only the triplet with the largest loss enters. Asked is the {asked}.",
            ending(lambda k: k.losses.max()),
        ),
        *ways(
            "one number for each triplet",
            f"You returned one number for each triplet. Asked is the {asked}.",
            ending(lambda k: k.losses),
        ),
        *ways(
            "added along the batch",
            "You add along the batch: one number for each coordinate is left. A distance adds "
            "along the coordinates.",
            made(form, _added_along_the_batch(form)),
        ),
        *ways(
            "one distance for the batch",
            "You measured one distance for the whole batch, as mse_loss and a norm without `dim` "
            "do. Each row is a triplet with two distances of its own.",
            *(made(form, measure) for measure in _of_the_batch(form)),
        ),
        *ways(
            "rows against all rows",
            "You compare a row with all rows of another table. Row i of the three tables is one "
            "triplet, and a table of n×n means that a dimension was added on the way.",
            across(
                lambda k: k.measure(k.anchor[:, None], k.positive),
                lambda k: k.measure(k.anchor[:, None], k.negative),
            ),
            across(
                lambda k: k.measure(k.anchor[:, None], k.positive)[:, :, None],
                lambda k: k.measure(k.anchor[:, None], k.negative)[:, None],
            ),
            across(
                lambda k: k.measure(k.anchor, k.positive)[:, None],
                lambda k: k.measure(k.anchor, k.negative),
            ),
        ),
    ]


def _wrong_gradients(form: Form) -> list[Mistake]:
    """The mistakes that leave the value as it is."""
    right = made(form)

    def partly(near: bool, far: bool) -> Answer:
        def of(cut: bool, other: str) -> Quantity:
            return lambda k: k.measure(k.anchor.detach() if cut else k.anchor, getattr(k, other))

        return made(form, near=of(near, "positive"), far=of(far, "negative"))

    def bare(x: Any, y: Any) -> Any:
        return bare_roots(x, y).square() if form.squared else bare_roots(x, y)

    def constant(anchor, positive, negative, margin):
        found = right(anchor, positive, negative, margin)
        return found if found > 0 else anchor.new_zeros(())

    zero = ways(
        "a constant where nothing is to be learnt",
        "Where every triplet is satisfied your zero is a constant, as Python's max gives it, and "
        "depends on no point. Training calls backward on it, and that stops with an error.",
        constant,
    )
    return [
        bare_root(made(form, bare)),
        *(zero if not form.soft else []),
        *ways(
            "no gradient by the anchor",
            "No gradient reaches the anchor. Either the anchor was cut off, or the whole result "
            "was: by detach, .item(), no_grad, NumPy, or a tensor made anew. A count has no slope.",
            lambda *inputs: right(*inputs).detach(),
            lambda a, p, n, margin: right(a.detach(), p, n, margin),
        ),
        *ways(
            "no gradient by the positive",
            "No gradient reaches the positive: it was cut off by detach or no_grad, or it does not "
            "enter. The loss shall move all three points.",
            lambda a, p, n, margin: right(a, p.detach(), n, margin),
        ),
        *ways(
            "no gradient by the negative",
            "No gradient reaches the negative: it was cut off by detach or no_grad, or it does not "
            "enter. Nothing pushes it away then, and the forces on a triplet no longer cancel.",
            lambda a, p, n, margin: right(a, p, n.detach(), margin),
        ),
        *ways(
            "anchor cut off on one side",
            "Your value is right and the gradient by the anchor is not: it comes from one of the "
            "two distances only. The other one was measured from a detached copy.",
            partly(near=False, far=True),
            partly(near=True, far=False),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    form = FORMS[variant["form"]]

    def make(measure: Measure) -> Answer:
        return made(form, measure)

    if form.squared:
        notes = [a_little_off(make(lambda x, y: shifted(x, y).square()))]
    else:
        notes = softened_measures(make)
    return (
        *_wrong_excess(form),
        *_wrong_clips(form),
        *_wrong_sums(form),
        *_wrong_gradients(form),
        *wrong_measures(make, form.squared),
        *notes,
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    form = FORMS[variant["form"]]
    power = "^2" if form.squared else ""
    excess = f"m + \\lVert a_i - p_i \\rVert{power} - \\lVert a_i - n_i \\rVert{power}"
    term = f"\\log\\left(1 + e^{{\\,{excess}}}\\right)" if form.soft else f"[\\,{excess}\\,]_+"
    share, name = ("\\frac1B ", "mean") if form.mean else ("", "sum")
    zero = "" if form.squared else ": take the gradient of their distance for zero"
    large = " The exponent may be as large as 1,000." if form.soft else ""
    signs = "$m$ is the margin." if form.soft else "$[z]_+$ is $\\max(z, 0)$, $m$ the margin."
    return (
        "A batch holds $B$ triplets: row $i$ of `anchor`, of `positive` and of `negative`. Write a "
        f"function that returns the {name} of what they cost:\n\n"
        f"$${share}\\sum_i {term}$$\n\n"
        f"{signs}{large} The check looks at the value and at its gradients by all three tables. "
        f"Points may coincide{zero}."
    )


def _skeleton(variant: Variant) -> str:
    form = FORMS[variant["form"]]
    name = "mean" if form.mean else "sum"
    kind = "squared distances" if form.squared else "distances"
    clip = "softplus" if form.soft else "hinge"
    return f'''def triplet_loss(anchor, positive, negative, margin):
    """Return the {name} of the triplet loss: a {clip} of {kind}.

    anchor, positive, negative: (B, d) tensors, row i of each is one triplet.
    margin: a number above 0. Returns: a tensor that holds one number.
    """'''


TRIPLET_LOSS = Exercise(
    number="11.1",
    name="triplet_loss",
    title="The triplet loss",
    points=3,
    minutes=15,
    kind=Gradient(wrt=INPUTS),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take one triplet on a line and say in words when it costs something. Which of its two "
        "distances makes it more expensive, and which one cheaper?",
        "Two numbers for each row come first: how far the positive is, and how far the negative "
        "is. Along which axis do you add, and what shape is left?",
        "With one number for each triplet, three things remain: the margin, the curve of the "
        "formula, and one number for the batch. In which order? If a gradient is NaN, look for a "
        "root at zero.",
    ),
    variants={"form": tuple(FORMS)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: made(FORMS[variant["form"]]),
    mistakes=_mistakes,
    budget=_budget,
)
