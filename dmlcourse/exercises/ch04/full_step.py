"""04.3, one step of the full case: uphill, and back into both sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import Answer, differences, single, table

INPUTS = ("M", "S", "D", "rate")
ROUNDS, SLACK = 1000, 1e-9
# Cases end within so many rounds: then what a further round would move is of the size of SLACK.
FEW = 30

Alternate = Callable[[Any, Any], Any]


def project_budget(M: Any, A: Any) -> Any:
    """The matrix nearest to M with ⟨A, M⟩ ≤ 1."""
    return M - max(0, np.sum(A * M) - 1) / np.sum(A * A) * A


def project_psd(M: Any) -> Any:
    """The positive semidefinite matrix nearest to M."""
    return _eigen(M, lambda values: np.maximum(values, 0))


def _eigen(M: Any, change: Callable[[Any], Any]) -> Any:
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    return (vectors * change(values)) @ vectors.T


def _squared(M: Any, D: Any) -> Any:
    return np.einsum("ia,ab,ib->i", D, M, D)


def _slope(M: Any, D: Any) -> Any:
    """Σ d dᵀ/(2 d_M)."""
    return D.T @ (D / (2 * np.sqrt(_squared(M, D)))[:, None])


def _across(G: Any, A: Any, M: Any) -> Any:
    """The part of G that is orthogonal to A."""
    return G - np.sum(G * A) / np.sum(A * A) * A


def _until(M: Any, A: Any, slack: float = SLACK, most: int = ROUNDS) -> Any:
    for _ in range(most):
        M = project_psd(project_budget(M, A))
        if np.sum(A * M) <= 1 + slack:
            break
    return M


def _scatter(S: Any) -> Any:
    return S.T @ S


def _mean_scatter(S: Any) -> Any:
    return S.T @ S / len(S)


def _stepping(
    variant: Variant,
    *,
    scatter: Callable[[Any], Any] | None = None,
    start: Callable = lambda M, A: M,
    slope: Callable = _slope,
    across: Callable = _across,
    returns: Alternate = _until,
) -> Answer:
    """The step with one of its parts exchanged; with none, the reference.

    scatter     A, from S.
    start       M before the step.
    slope       G, from M and D; ``across`` its part that is followed.
    returns     the way back into both sets.
    """
    of = scatter or (_mean_scatter if variant["mean"] else _scatter)

    def mmc_step(M, S, D, rate):
        A = of(S)
        M = start(M, A)
        return returns(M + rate * across(slope(M, D), A, M), A)

    return mmc_step


# ---------------------------------------------------------------- cases


def _rounds(M: Any, A: Any) -> int:
    """How many rounds it takes until both hold, if they are few."""
    for number in range(1, FEW + 1):
        M = project_psd(project_budget(M, A))
        if np.sum(A * M) <= 1 + SLACK:
            return number
    return FEW + 1


def _stepped(inputs: dict[str, Any], variant: Variant) -> tuple[Any, Any]:
    """A, and the matrix right after the step."""
    M, S, D, rate = (np.asarray(v, float) for v in inputs.values())
    A = (_mean_scatter if variant["mean"] else _scatter)(S)
    return A, M + rate * _across(_slope(M, D), A, M)


def _drawn(
    rng: Rng,
    variant: Variant,
    d: int,
    rounds: tuple[int, int],
    rank: int | None = None,
    spent: tuple[float, float] = (0.5, 0.9),
) -> list[Any]:
    """A start in the cone that has ``spent`` so much, and a rate that takes so many rounds."""
    while True:
        S, D = differences(rng, d + 4, d, 1.2), differences(rng, d + 2, d)
        half = rng.normal(size=(rank or d, d))
        M, A = half.T @ half, (_mean_scatter if variant["mean"] else _scatter)(S)
        M = rng.uniform(*spent) / np.sum(A * M) * M
        step = _across(_slope(M, D), A, M)
        length = rng.uniform(0.2, 1.5) * np.linalg.norm(M) / np.linalg.norm(step)
        rate = float(f"{length:.3g}")
        moved = M + rate * step
        inside = np.linalg.eigvalsh(moved)[0] / np.linalg.norm(moved)
        reach = np.sqrt(_squared(M, D) / (np.square(D).sum(axis=1) * np.linalg.norm(M)))
        fits = inside > 0.02 if rounds == (1, 1) else inside < -0.1
        if fits and reach.min() > 0.15 and rounds[0] <= _rounds(moved, A) <= rounds[1]:
            return [M, S, D, rate]


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, values: Any, **more: str) -> Case:
        inputs = dict(zip(INPUTS, values, strict=True))
        return Case(name, inputs, given=_sizes(inputs, variant), **more)  # type: ignore[arg-type]

    def drawn(*shape: Any) -> list[Any]:
        return _drawn(rng, variant, *shape)

    # A is the identity: S is given so that the sum or the mean of the outer products is.
    unit = np.sqrt(2.0) if variant["mean"] else 1.0
    axes, quarter = unit * np.eye(2), np.eye(2) / 4
    long = table([3, 0], [0, 2])
    slanted = table([1, 0], [1, 1])
    some = drawn(3, (5, FEW))
    one = drawn(3, (1, 1))
    cone = {"group": "cone"}
    return [
        case("one dissimilar pair, a short step", [quarter, axes, table([4, 0]), 0.0625]),
        case("two features, a short step", [quarter, axes, long, 0.25]),
        case("two features, M beyond the budget", [4 * np.eye(2), axes, long, 1.0]),
        case("two features, A not diagonal", [quarter / 2, slanted, long, 0.0625]),
        case("three features, a short step", one),
        case("four features, a short step", drawn(4, (1, 1))),
        case("every second row of a larger array", one, layout="strided"),
        case("float32", [*single(*one[:3]), one[3]]),
        case("two features, out of the cone and back at once", [quarter, axes, long, 1.0], **cone),
        case("two features, back and forth", [quarter, axes, long, 2.0], **cone),
        case("two features, A not diagonal, back and forth", drawn(2, (3, FEW)), **cone),
        case("three features, back and forth", some, **cone),
        case("three features, M beyond the budget", drawn(3, (4, FEW), None, (2, 3)), **cone),
        case("three features, M of rank two", drawn(3, (4, FEW), 2), **cone),
        case("four features, back and forth", drawn(4, (4, FEW)), **cone),
        case("Fortran order", some, layout="F", **cone),
    ]


def _sizes(inputs: dict[str, Any], variant: Variant) -> dict[str, float]:
    """What one rounding in each of M, its distances and its projections may move.

    A squared distance is off by ‖d‖²‖M‖ roundoffs, its root by that over twice the root.
    """
    A, moved = _stepped(inputs, variant)
    M, _, D, rate = (np.asarray(v, float) for v in inputs.values())
    squares, q = np.square(D).sum(axis=1), _squared(M, D)
    slope = squares / (2 * np.sqrt(q)) * (1 + squares * np.linalg.norm(M) / q)
    return {
        "step": float(np.linalg.norm(M) + 2 * rate * slope.sum()),
        "round": float(np.linalg.norm(moved)) * _rounds(moved, A),
        "slack": SLACK / float(np.linalg.norm(A)),
    }


def _budget(case: Case, expected: Arrays) -> Arrays:
    """Step and projections, and the rest of the way that the rule for the end leaves.

    At the end ⟨A, M⟩ is at most SLACK too large: SLACK/‖A‖ away from the half-space. A round
    more moves M by no more than that, and the rounds after it by less each time.
    """
    given, size = case.given, len(case.inputs["M"])
    length = len(case.inputs["S"]) + len(case.inputs["D"]) + 4 * size + 8
    bound = rounding(case, length, given["step"]) + rounding(case, 6 * size, given["round"])
    return {n: np.broadcast_to(bound + 16 * given["slack"], v.shape) for n, v in expected.items()}


# ---------------------------------------------------------------- mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    own, other = (_mean_scatter, _scatter) if variant["mean"] else (_scatter, _mean_scatter)

    def step(**parts: Any) -> Answer:
        return _stepping(variant, **parts)

    def rounds(most: int) -> Alternate:
        return lambda M, A: _until(M, A, most=most)

    def looser(slack: float) -> Alternate:
        return lambda M, A: _until(M, A, slack=slack)

    def cone_first(M, A):
        for _ in range(ROUNDS):
            M = project_budget(project_psd(M), A)
            if np.linalg.eigvalsh(M)[0] >= -SLACK:
                break
        return M

    def cone_first_until_both(M, A):
        M = project_psd(M)
        while np.sum(A * M) > 1 + SLACK:
            M = project_psd(project_budget(M, A))
        return M

    def asked_first(M, A):
        while np.sum(A * M) > 1 + SLACK:
            M = project_psd(project_budget(M, A))
        return M

    def rescales(M, A):
        M = project_psd(M)
        return M / max(1, np.sum(A * M))

    def rescales_before(M, A):
        return project_psd(M / max(1, np.sum(A * M)))

    def rescales_always(M, A):
        M = project_psd(M)
        return M / np.sum(A * M)

    def rescales_in_the_end(M, A):
        M = project_psd(project_budget(M, A))
        return M / max(1, np.sum(A * M))

    def nearest(M, A):
        """Dykstra's method: the nearest point of both sets."""
        correction = np.zeros_like(M)
        for _ in range(ROUNDS):
            near = project_budget(M, A)
            M = project_psd(near + correction)
            correction = near + correction - M
            if np.sum(A * M) <= 1 + SLACK:
                break
        return M

    def mean_of_both(M, A):
        for _ in range(FEW):
            M = (project_budget(M, A) + project_psd(M)) / 2
        return M

    def before(M, A):
        return _until(M, A)

    def along(other: Callable[[Any, Any], Any]) -> Callable:
        return lambda G, A, M: G - np.sum(G * other(A, M)) / np.sum(other(A, M) ** 2) * other(A, M)

    def slope_with(weights: Callable[[Any], Any]) -> Callable:
        return lambda M, D: D.T @ (D * weights(_squared(M, D))[:, None])

    def euclidean(M, D):
        return D.T @ (D / (2 * np.linalg.norm(D, axis=1))[:, None])

    def diagonal(M, D):
        return D.T @ (D / (2 * np.sqrt(D**2 @ np.diag(M)))[:, None])

    def swapped(M, S, D, rate):
        return step()(M, D, S, rate)

    def again(M, S, D, rate):
        return step()(step()(M, S, D, rate), S, D, rate)

    has, not_has = ("sum", "mean") if variant["mean"] else ("mean", "sum")
    return (
        *ways(
            "one pass only",
            "You visit each set once. After the second projection the first constraint may be "
            "broken again: the two are to be repeated until both hold.",
            step(returns=rounds(1)),
            step(returns=lambda M, A: project_budget(project_psd(M), A)),
        ),
        *ways(
            "stops too early",
            "You stop before both constraints hold: after a fixed number of rounds, or with a "
            "larger tolerance.",
            *(step(returns=rounds(most)) for most in (2, 3, 5, 10)),
            *(step(returns=looser(slack)) for slack in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)),
        ),
        *ways(
            "the cone first",
            "You begin with the cone. That leads to another point of both sets: the budget comes "
            "first.",
            step(returns=cone_first),
            step(returns=cone_first_until_both),
        ),
        *ways(
            "one set only",
            "You project onto one of the two sets, and the other constraint may be broken.",
            step(returns=lambda M, A: project_psd(M)),
            step(returns=project_budget),
        ),
        *ways(
            "no projection after the step",
            "The step comes last in your answer and leaves the sets. What is projected is the "
            "matrix after the step.",
            step(returns=lambda M, A: M),
            step(start=before, returns=lambda M, A: M),
        ),
        *ways(
            "projected before the step, too",
            "You project M before the step and again after it. The step starts from M as it is "
            "given.",
            step(start=_until),
            step(start=project_budget),
        ),
        *ways(
            "no round where the budget holds",
            "Where the budget holds right after the step you project onto neither set. The matrix "
            "may have left the cone: at least one round is asked.",
            step(returns=asked_first),
        ),
        *ways(
            "gradient not made orthogonal",
            "You follow the whole gradient. Its part along A only changes how much of the budget "
            "is spent.",
            step(across=lambda G, A, M: G),
        ),
        *ways(
            "orthogonal to another matrix",
            "The part that you take away lies along another matrix than A, such as the identity "
            "or M.",
            step(across=along(lambda A, M: np.eye(len(A)))),
            step(across=along(lambda A, M: M)),
        ),
        *ways(
            "the identity for A",
            "The identity stands where A belongs, everywhere: your answer never looked at the "
            "similar pairs.",
            step(scatter=lambda S: np.eye(S.shape[1])),
        ),
        *ways(
            "divided by the length, not its square",
            "The part along A is not the one that you subtract: a length stands where its square "
            "belongs, or nothing.",
            step(across=lambda G, A, M: G - np.sum(G * A) / np.linalg.norm(A) * A),
            step(across=lambda G, A, M: G - np.sum(G * A) * A),
            step(across=lambda G, A, M: G - np.sum(G * A) / np.sum(A * A) * G),
            step(across=lambda G, A, M: G - np.sum(G * A) / np.linalg.norm(A, 2) ** 2 * A),
        ),
        *ways(
            "the part along A",
            "You follow the part of the gradient along A. The other part is the one that changes "
            "more than the scale.",
            step(across=lambda G, A, M: np.sum(G * A) / np.sum(A * A) * A),
        ),
        *ways(
            "product of matrices for ⟨ , ⟩",
            "You take the trace of one matrix, or a product of matrices, for the inner product "
            "⟨G, A⟩. It multiplies entry by entry and adds.",
            step(across=lambda G, A, M: G - np.trace(G) / np.trace(A) * A),
            step(across=lambda G, A, M: G - G @ A / np.sum(A * A) * A),
        ),
        *ways(
            "downhill",
            "Your step leads downhill: dissimilar pairs come nearer. The sum of their distances "
            "is to grow.",
            step(across=lambda G, A, M: -_across(G, A, M)),
        ),
        *ways(
            "gradient of squared distances",
            "Your gradient is that of squared distances: no root divides its terms. It is the "
            "same at every M, and the step leads towards rank 1.",
            step(slope=lambda M, D: D.T @ D),
        ),
        *ways(
            "½ missing from the gradient",
            "Your gradient is twice as large. Differentiate √m by the number m.",
            step(slope=slope_with(lambda q: 1 / np.sqrt(q))),
        ),
        *ways(
            "divided by squared distances",
            "The terms of your gradient are divided by squared distances. The derivative of a root "
            "has that root below.",
            step(slope=slope_with(lambda q: 1 / (2 * q))),
        ),
        *ways(
            "multiplied by the distances",
            "The terms of your gradient are multiplied by the distances. The derivative of a root "
            "divides by it.",
            step(slope=slope_with(lambda q: np.sqrt(q) / 2)),
            step(slope=slope_with(np.sqrt)),
        ),
        *ways(
            "distances of another metric",
            "The distances in your gradient are not those of M: the identity or only the diagonal "
            "of M is in use.",
            step(slope=euclidean),
            step(slope=diagonal),
        ),
        *ways(
            "one root of the whole sum",
            "You differentiate the root of a sum of squares. Each dissimilar pair has a root of "
            "its own.",
            step(slope=lambda M, D: D.T @ D / (2 * np.sqrt(_squared(M, D).sum()))),
        ),
        *ways(
            "a mean over D",
            "Your gradient is a mean over the dissimilar pairs, or that of the logarithm of their "
            "sum. Asked is the sum.",
            step(slope=lambda M, D: _slope(M, D) / len(D)),
            step(slope=lambda M, D: _slope(M, D) / np.sqrt(_squared(M, D)).sum()),
        ),
        *ways(
            f"{has} for {not_has}",
            f"Your A is a {has} of outer products, where the statement has a {not_has}.",
            step(scatter=other),
        ),
        *ways(
            "a centred A",
            "You centre the differences before you multiply them: a covariance. A is made of the "
            "differences as they are.",
            step(scatter=lambda S: own(S - S.mean(axis=0))),
        ),
        *ways(
            "rescaled, not projected",
            "You divide M by what it spends. That keeps the budget and is another matrix than the "
            "nearest.",
            step(returns=rescales),
            step(returns=rescales_before),
            step(returns=rescales_always),
            step(returns=rescales_in_the_end),
        ),
        *ways(
            "the nearest point of both",
            "You found the nearest point of both sets, with corrections as in 03.3. Asked is where "
            "projections without corrections end.",
            step(returns=nearest),
        ),
        *ways(
            "both at once",
            "You project onto both sets at once and take the mean. Asked is one after the other.",
            step(returns=mean_of_both),
        ),
        *ways(
            "S and D exchanged",
            "In your answer similar and dissimilar pairs have changed places.",
            swapped,
        ),
        *ways(
            "gradient of length one",
            "You scaled the gradient to length 1. Rate times gradient is asked, as they are.",
            step(across=lambda G, A, M: (g := _across(G, A, M)) / np.linalg.norm(g)),
        ),
        *ways(
            "two steps",
            "You make two steps. Asked is one.",
            again,
        ),
    )


def _statement(variant: Variant) -> str:
    scatter = "\\frac{1}{m_S} " if variant["mean"] else ""
    says = "mean" if variant["mean"] else "sum"
    return (
        "The full case of MMC (Xing et al. 2002): let $g(M) = \\sum_{d \\in D} \\sqrt{d^\\top M "
        "d}$ grow while\n\n"
        f"$$\\langle A, M \\rangle \\le 1, \\quad A = {scatter}\\sum_{{s \\in S}} s\\,s^\\top, "
        "\\quad \\text{and} \\quad M \\succeq 0.$$\n\n"
        f"So the {says} of the similar pairs' squared distances is at most 1. Write one step. Let "
        "$G$ be the gradient of $g$ at $M$ and $G_\\perp$ its part that is orthogonal to $A$ "
        "(for $\\langle \\cdot, \\cdot \\rangle$, the sum over products of entries).\n\n"
        "1. Move to $M + \\texttt{rate} \\cdot G_\\perp$.\n"
        "2. Project onto the budget and then onto the cone, and again, until after the cone "
        "$\\langle A, M \\rangle \\le 1 + 10^{-9}$. At least one round is asked. A limit that "
        "keeps the loop from going on for ever is yours to choose: no case here takes more than "
        f"{FEW} rounds.\n\n"
        "The cell above holds two finished functions: `project_budget(M, A)` returns the nearest "
        "matrix with $\\langle A, M \\rangle \\le 1$, and `project_psd(M)` the nearest positive "
        "semidefinite one. Call them. No dissimilar pair is at distance zero."
    )


def _skeleton(variant: Variant) -> str:
    of = "mean" if variant["mean"] else "sum"
    return f'''def mmc_step(M, S, D, rate):
    """Return the metric after one gradient step and alternating projections.

    M: (d, d), positive semidefinite, S: (m_S, d), D: (m_D, d), rate: a number. A is the {of} of
    s sᵀ over the rows of S. Returns: (d, d), positive semidefinite, with <A, M> at most 1 + 1e-9.
    """'''


MMC_STEP = Exercise(
    number="04.3",
    name="mmc_step",
    title="A step of the full case",
    points=4,
    minutes=30,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "With numbers for M and d, g is √(m d²). What is its derivative by m? For a matrix M, "
        "what takes the place of d²?",
        "G is a sum of outer products, each divided by twice a distance. G⊥ is G without its "
        "shadow on A: which multiple of A leaves ⟨G⊥, A⟩ = 0?",
        "`D.T @ (weights[:, None] * D)` is a weighted sum of outer products. The loop holds two "
        "calls and one question, asked after the second call. Which constraint may be broken then?",
    ),
    variants={"mean": (False, True)},
    groups={"values": 2, "cone": 2},
    cases=_cases,
    reference=lambda variant: _stepping(variant),
    mistakes=_mistakes,
    budget=_budget,
)
