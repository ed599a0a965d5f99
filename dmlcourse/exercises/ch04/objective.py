"""04.2, the objective of the diagonal case and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import Answer, Part, computing, differences, single, table

INPUTS = ("w", "S", "D")


def _total(x: Any) -> Any:
    return x.sum(axis=0)


def _average(x: Any) -> Any:
    return x.mean(axis=0)


def _parts(over_s: Part, over_d: Part) -> dict[str, Part]:
    """The quantities of f in order, with a sum or a mean over each kind of pair."""
    return {
        "weights": lambda k: k.w,
        "s2": lambda k: k.S**2,
        "d2": lambda k: k.D**2,
        # The similar pairs' part is linear: a is its gradient.
        "a": lambda k: over_s(k.s2),
        "q": lambda k: k.d2 @ k.weights,
        "distance": lambda k: np.sqrt(k.q),
        "slopes": lambda k: k.d2 / (2 * k.distance[:, None]),
        "total": lambda k: over_d(k.distance),
        "slope": lambda k: over_d(k.slopes),
        "pull": lambda k: k.a @ k.weights,
        "push": lambda k: np.log(k.total),
        "push_slope": lambda k: k.slope / k.total,
        "value": lambda k: k.pull - k.push,
        "gradient": lambda k: k.a - k.push_slope,
        "result": lambda k: (k.value, k.gradient),
    }


def _making(variant: Variant, **changes: Part) -> Answer:
    """The objective with some of its quantities computed otherwise; with none, the right one."""
    over = _average if variant["mean"] else _total
    return computing(INPUTS, _parts(over, over), **changes)


# ---------------------------------------------------------------- cases


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, w: Any, S: np.ndarray, D: np.ndarray, **more: Any) -> Case:
        inputs = dict(zip(INPUTS, (np.asarray(w), S, D), strict=True))
        return Case(name, inputs, given=_sizes(inputs, variant), **more)

    def drawn(d: int, similar: int, other: int) -> tuple[np.ndarray, ...]:
        return rng.uniform(0.2, 3, d), differences(rng, similar, d), differences(rng, other, d)

    some = drawn(3, 5, 7)
    edge: dict[str, Any] = {"group": "edge"}
    return [
        case("one pair of each kind on a line", [4.0], table([2]), table([3])),
        case("two pairs of each kind on a line", [4.0], table([1], [2]), table([1], [3])),
        case(
            "two pairs of each kind in the plane",
            [1.0, 4.0],
            table([1, 0], [1, 2]),
            table([3, 2], [0, 1]),
        ),
        case("one similar pair, three dissimilar", [0.25], table([3]), table([2], [-4], [6])),
        case("three dimensions", *drawn(3, 4, 6)),
        case("five dimensions", *drawn(5, 12, 8)),
        case("more similar pairs than dissimilar", *drawn(4, 20, 5)),
        case(
            "similar pairs that agree in a feature",
            [2.0, 0.5],
            table([1, 0], [-2, 0]),
            table([1, 2], [3, 0]),
            **edge,
        ),
        case("large differences", some[0], 1e3 * some[1], 1e3 * some[2], **edge),
        case("float32", *single(*drawn(3, 5, 6)), **edge),
        case("Fortran order", *some, layout="F", **edge),
        case("every second row of a larger array", *some, layout="strided", **edge),
    ]


def _sizes(inputs: dict[str, np.ndarray], variant: Variant) -> dict[str, Any]:
    """The sizes of the terms of f and of its gradient: all sums in them are of positive terms."""
    doubles = {name: np.asarray(v, float) for name, v in inputs.items()}

    def both(value: Any, gradient: Any) -> tuple[float, list]:
        return float(value), list(map(float, gradient))

    size, slopes = _making(
        variant,
        value=lambda k: k.pull + 1 + np.abs(k.push),
        gradient=lambda k: k.a + k.push_slope,
        result=lambda k: both(k.value, k.gradient),
    )(*doubles.values())
    return {"value": size, "gradient": slopes}


def _budget(case: Case, expected: Arrays) -> Arrays:
    """Sums over pairs and features; a relative error of a sum is an absolute one of its log."""
    length = len(case.inputs["S"]) + len(case.inputs["D"]) + 2 * len(case.inputs["w"]) + 8
    given = {name: np.array(case.given[name]) for name in ("value", "gradient")}
    return {
        name: np.broadcast_to(rounding(case, length, given[name]), value.shape)
        for name, value in expected.items()
    }


# ---------------------------------------------------------------- mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    own, other = (_average, _total) if variant["mean"] else (_total, _average)
    has, not_has = ("sum", "mean") if variant["mean"] else ("mean", "sum")

    def make(**changes: Part) -> Answer:
        return _making(variant, **changes)

    def sums(over_s: Part, over_d: Part) -> Answer:
        return computing(INPUTS, _parts(over_s, over_d))

    def logs(k: Any) -> Any:
        return own(np.log(k.distance))

    def log_slopes(k: Any) -> Any:
        return own(k.d2 / (2 * k.q[:, None]))

    def roots_of_similar(k: Any) -> Any:
        return own(np.sqrt(k.s2 @ k.weights))

    def root_slopes_of_similar(k: Any) -> Any:
        return own(k.s2 / (2 * np.sqrt(k.s2 @ k.weights)[:, None]))

    return (
        *ways(
            "a logarithm for each pair",
            "You take the logarithm of each distance and add the logarithms. The logarithm stands "
            "before the sum, not inside.",
            make(push=logs, push_slope=log_slopes),
            make(push=logs),
            make(push_slope=log_slopes),
        ),
        *ways(
            "no logarithm",
            "The logarithm is missing from your value: the distances of D are subtracted as they "
            "are.",
            make(push=lambda k: k.total, push_slope=lambda k: k.slope),
            make(push=lambda k: k.total),
        ),
        *ways(
            "root forgotten",
            "Your distances of D are squared. With squares on both sides, one feature takes all "
            "the weight: the space collapses.",
            make(
                distance=lambda k: k.q,
                slopes=lambda k: k.d2,
            ),
            make(
                total=lambda k: own(k.q),
                slope=lambda k: own(k.d2 / (2 * k.distance[:, None])),
                push_slope=lambda k: k.slope / own(k.distance),
            ),
        ),
        *ways(
            "one root of the whole sum",
            "You add the squared distances of D and take one root of the sum. Each distance has a "
            "root of its own.",
            make(
                total=lambda k: np.sqrt(own(k.q)),
                slope=lambda k: own(k.d2) / (2 * np.sqrt(own(k.q))),
            ),
        ),
        *ways(
            "sign of the logarithm",
            "The logarithm has the wrong sign in your answer: it is subtracted in f, and so is its "
            "slope in the gradient.",
            make(value=lambda k: k.pull + k.push, gradient=lambda k: k.a + k.push_slope),
            make(value=lambda k: k.pull + k.push),
            make(gradient=lambda k: k.a + k.push_slope),
        ),
        *ways(
            "½ missing from the gradient",
            "Your value is right, and your gradient is that of another function: the part of D is "
            "twice as large. Differentiate √w for a number w.",
            make(push_slope=lambda k: 2 * k.slope / k.total),
        ),
        *ways(
            "not divided by the sum",
            "Your gradient treats the logarithm as if it were not there. What does log s have as "
            "its derivative?",
            make(push_slope=lambda k: k.slope),
        ),
        *ways(
            "not divided by the distances",
            "In your gradient the terms of D are not divided by their distances: the root has been "
            "left out of the derivative.",
            make(slopes=lambda k: k.d2),
            make(slopes=lambda k: k.d2 / 2),
        ),
        *ways(
            "divided by squared distances",
            "In your gradient the terms of D are divided by squared distances. The derivative of "
            "a root has that root below.",
            make(push_slope=lambda k: own(k.d2 / (2 * k.q[:, None])) / k.total),
        ),
        *ways(
            "divided by the square of the sum",
            "In your gradient the part of D is divided by the square of the sum of distances.",
            make(push_slope=lambda k: k.slope / k.total**2),
        ),
        *ways(
            "differences not squared",
            "Your differences are not squared in one of the two parts, or in both. A weight stands "
            "before the square of a difference.",
            make(s2=lambda k: k.S),
            make(s2=lambda k: np.abs(k.S)),
            make(d2=lambda k: np.abs(k.D)),
            make(s2=lambda k: np.abs(k.S), d2=lambda k: np.abs(k.D)),
            make(s2=lambda k: k.S, d2=lambda k: k.D),
        ),
        *ways(
            "differences not squared in the gradient",
            "Your value is right, and in your gradient the differences are not squared.",
            make(gradient=lambda k: own(k.S) - k.push_slope),
            make(push_slope=lambda k: own(k.D / (2 * k.distance[:, None])) / k.total),
            make(gradient=lambda k: own(k.S) - own(k.D / (2 * k.distance[:, None])) / k.total),
        ),
        *ways(
            "weights squared",
            "Your weights are squared. They stand before the squared differences as they are: w is "
            "the diagonal of M, not of L.",
            make(weights=lambda k: k.w**2),
            make(weights=lambda k: k.w**2, gradient=lambda k: 2 * k.w * (k.a - k.push_slope)),
        ),
        *ways(
            f"{has} for {not_has}",
            f"Your answer has a {has} over the pairs of one kind or of both, where the statement "
            f"has a {not_has}. In the logarithm that moves the value only; at S, the minimum.",
            sums(other, other),
            sums(other, own),
            sums(own, other),
        ),
        *ways(
            "roots over S, too",
            "You take roots of the similar pairs' squared distances. Similar pairs pay with "
            "squares.",
            make(
                pull=roots_of_similar,
                gradient=lambda k: root_slopes_of_similar(k) - k.push_slope,
            ),
            make(pull=roots_of_similar),
        ),
        *ways(
            "S and D exchanged",
            "In your answer similar and dissimilar pairs have changed places.",
            lambda w, S, D: make()(w, D, S),
        ),
        *ways(
            "another logarithm",
            "Your logarithm has another base. `numpy.log` is the natural one.",
            make(push=lambda k: np.log10(k.total)),
            make(push=lambda k: np.log2(k.total)),
            make(push=lambda k: np.log1p(k.total)),
        ),
        *ways(
            "the direction of descent",
            "Your value is right, and your gradient has the opposite sign: it is the direction of "
            "descent.",
            make(gradient=lambda k: k.push_slope - k.a),
        ),
        *ways(
            "half of the gradient",
            "Your value is right, and your gradient holds one of its two parts.",
            make(gradient=lambda k: k.a),
            make(gradient=lambda k: -k.push_slope),
        ),
        *ways(
            "only one part of the value",
            "Your gradient is right, and your value holds one of its two parts.",
            make(value=lambda k: k.pull),
            make(value=lambda k: -k.push),
        ),
        *ways(
            "gradient first",
            "You return the gradient first and the value second.",
            make(result=lambda k: (k.gradient, k.value)),
        ),
        *ways(
            "a slope for each pair",
            "Your gradient is a table with a row for each pair. Asked is one number for each "
            "weight.",
            make(gradient=lambda k: k.a - k.slopes / k.total),
        ),
    )


def _statement(variant: Variant) -> str:
    if variant["mean"]:
        formula = (
            "$$f(w) = \\frac{1}{m_S} \\sum_{s \\in S} \\sum_j w_j s_j^2 \\;-\\; \\log \\Bigl( "
            "\\frac{1}{m_D} \\sum_{d \\in D} \\sqrt{\\textstyle\\sum_j w_j d_j^2} \\Bigr)$$"
        )
        numbers = " Their numbers are $m_S$ and $m_D$."
    else:
        formula = (
            "$$f(w) = \\sum_{s \\in S} \\sum_j w_j s_j^2 \\;-\\; \\log \\Bigl( \\sum_{d \\in D} "
            "\\sqrt{\\textstyle\\sum_j w_j d_j^2} \\Bigr)$$"
        )
        numbers = ""
    return (
        "With $M = \\mathrm{diag}(w)$, MMC minimises\n\n"
        f"{formula}\n\n"
        "over positive weights $w$ (Xing et al. 2002). The rows of `S` are the differences $x_i - "
        f"x_j$ of the similar pairs, those of `D` the differences of the dissimilar ones.{numbers} "
        "Write a function that returns $f(w)$ and its gradient $\\partial f / \\partial w$. No "
        "dissimilar pair is at distance zero."
    )


def _skeleton(variant: Variant) -> str:
    over = {False: "sums", True: "means"}[variant["mean"]]
    return f'''def diagonal_objective(w, S, D):
    """Return f(w), with {over} over the pairs, and its gradient.

    w: (d,), above zero, S: (m_S, d), D: (m_D, d). Returns: a number and an array (d,).
    """'''


DIAGONAL_OBJECTIVE = Exercise(
    number="04.2",
    name="diagonal_objective",
    title="The diagonal objective and its gradient",
    points=3,
    minutes=20,
    kind=Function(returns=("value", "gradient")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Take one feature, one pair of each kind, and write f down for numbers w, s and d. What "
        "is its derivative?",
        "The first part is linear in w: which numbers stand before the weights? For the second, "
        "name the sum inside the logarithm and use the chain rule twice: logarithm, then root.",
        "`D**2 @ w` gives all squared distances of D at once. The slope of one distance by w_j is "
        "d_j² divided by twice that distance; the slope of a logarithm divides by what is in it.",
    ),
    variants={"mean": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _making(variant),
    mistakes=_mistakes,
    budget=_budget,
)
