"""03.4, gradient steps that stay in the set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]

# Moves below which people take a point for one that stands still.
_STILL = tuple(10.0**-k for k in range(2, 10))
# More steps than any case needs until nothing moves any more.
_MANY = 400


def _clip(x: Any) -> Any:
    return np.maximum(x, 0)


def _steps(step: Callable) -> Answer:
    """The answer that makes ``step(x, Q, c, s)`` again and again."""

    def answer(Q, c, x, s, rounds):
        for _ in range(rounds):
            x = step(x, Q, c, s)
        return x

    return answer


def _step(x: Any, Q: Any, c: Any, s: float) -> Any:
    return _clip(x - s * (Q @ x - c))


def _descent(Q: Any, c: Any, x: Any, s: float, rounds: int) -> Any:
    return _steps(_step)(Q, c, x, s, rounds)


# ---------------------------------------------------------------- the cases


def _drawn(rng: Rng, d: int, rounds: int) -> tuple:
    """A positive definite Q, a step below 1/λ, and a minimum on the edge of the set."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    values = np.linspace(0.5, 3, d) * rng.uniform(0.9, 1, d)
    Q = (vectors * values) @ vectors.T
    Q = (Q + Q.T) / 2
    # Where x* is zero the gradient is positive, and nowhere else: x* is the minimum.
    place = np.where(np.arange(d) % 2, rng.uniform(1, 2, d), 0)
    gradient = np.where(place > 0, 0, rng.uniform(1, 3, d))
    x, order = rng.uniform(0, 3, d), rng.permutation(d)
    c = Q[np.ix_(order, order)] @ place - gradient
    return Q[np.ix_(order, order)], c, x, 0.9 / 3, rounds


def _descent_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("Q", "c", "x", "step", "rounds")
    coupled = np.array([[2.0, 1.0], [1.0, 2.0]])
    Q, c, x, s, _ = _drawn(rng, 4, 0)
    single = [array.astype(np.float32) for array in (Q, c, x)]
    flat = np.diag([2.0, 0.75])
    one, edge = np.array([[1.0]]), {"group": "edge"}
    return [
        case("a minimum inside, on a line", np.array([[2.0]]), *_vectors([4.0], [0.0]), 0.25, 2),
        case("a minimum at zero, on a line", one, *_vectors([-1.0], [2.0]), 0.5, 3),
        case("two numbers, one step", np.diag([1.0, 4.0]), *_vectors([2, -2], [1, 2]), 0.25, 1),
        case("two numbers, three steps", np.diag([1.0, 4.0]), *_vectors([2, -2], [3, 2]), 0.2, 3),
        case("a start at zero", coupled, *_vectors([1, 3], [0, 0]), 0.25, 4),
        case("Q not diagonal", coupled, *_vectors([3, -1], [0, 2]), 0.25, 5),
        case("one that reaches zero and leaves it", coupled, *_vectors([4, 3], [0.5, 4]), 0.5, 3),
        case("four numbers", *_drawn(rng, 4, 8)),
        case("five numbers", *_drawn(rng, 5, 12)),
        case("no step at all", Q, c, x, s, 0, **edge),
        case("a slow valley, 60 steps", flat, *_vectors([1, 1.5], [3, 0]), 0.5, 60, **edge),
        case("float32", *single, s, 5, **edge),
        case("Fortran order", Q, c, x, s, 6, layout="F", **edge),
        case("every second row of a larger array", Q, c, x, s, 6, layout="strided", **edge),
    ]


def _vectors(c: list, x: list) -> tuple[np.ndarray, np.ndarray]:
    return np.array(c, float), np.array(x, float)


def _descent_budget(case: Case, expected: Arrays) -> Arrays:
    """Steps no longer than 2/λ do not enlarge an error: one rounding for each, added up."""
    Q, c, x, s, rounds = (np.asarray(value, np.float64) for value in case.inputs.values())
    reach = np.linalg.norm(c) / np.linalg.eigvalsh(Q)[0] + np.linalg.norm(x)
    size = reach * (1 + s * np.linalg.norm(Q)) + s * np.linalg.norm(c)
    return {"result": rounding(case, max(int(rounds), 1) * (len(x) + 4), float(size))}


# ---------------------------------------------------------------- the mistakes


def _with_gradient(gradient: Callable) -> Answer:
    return _steps(lambda x, Q, c, s: _clip(x - s * gradient(x, Q, c)))


def _misplaced() -> list[Mistake]:
    """The mistakes in what is projected, and when."""

    def slope(x, Q, c):
        return Q @ x - c

    def free(x, Q, c, s):
        return x - s * slope(x, Q, c)

    def before(x, Q, c, s):
        return free(_clip(x), Q, c, s)

    def frozen(x, Q, c, s):
        return np.where(x > 0, _step(x, Q, c, s), x)

    def masked(x, Q, c, s):
        return np.where(free(x, Q, c, s) < 0, x, free(x, Q, c, s))

    def one_by_one(x, Q, c, s):
        x = x.copy()
        for j in range(len(x)):
            x[j] = max(x[j] - s * (Q[j] @ x - c[j]), 0)
        return x

    def shortened(x, Q, c, s):
        move = free(x, Q, c, s) - x
        with np.errstate(all="ignore"):
            room = np.where(move < 0, x / -move, np.inf)
        return x + min(1, room.min()) * move

    return [
        *ways(
            "projects the gradient",
            "You made the entries of the gradient positive. Where the gradient is negative the "
            "point should go up, and yours stays where it is.",
            _steps(lambda x, Q, c, s: x - s * _clip(slope(x, Q, c))),
            _steps(lambda x, Q, c, s: _clip(x - s * _clip(slope(x, Q, c)))),
        ),
        *ways(
            "negative part of the gradient",
            "You kept the negative entries of the gradient alone: your point never goes down.",
            _steps(lambda x, Q, c, s: x - s * np.minimum(slope(x, Q, c), 0)),
        ),
        Mistake(
            "projects before the step",
            _steps(before),
            "You project and then step. The last thing that happens is a step, and it may lead out "
            "of the set.",
        ),
        Mistake(
            "projects at the end",
            lambda Q, c, x, s, rounds: _clip(_steps(free)(Q, c, x, s, rounds)),
            "You project once, after the last step. On the way your point was outside, and its "
            "gradients there were those of other points.",
        ),
        Mistake(
            "never projects",
            _steps(free),
            "Your steps go wherever the gradient leads, out of the set as well.",
        ),
        Mistake(
            "absolute value",
            _steps(lambda x, Q, c, s: np.abs(free(x, Q, c, s))),
            "You take the absolute value of what is negative. For −3 that gives 3: which number "
            "that is at least zero is nearest to −3?",
        ),
        Mistake(
            "the other side",
            _steps(lambda x, Q, c, s: np.minimum(free(x, Q, c, s), 0)),
            "Your points have no positive entries. You projected onto the set of x ≤ 0.",
        ),
        Mistake(
            "stuck at zero",
            _steps(frozen),
            "An entry that is zero stays zero for ever in your answer. It may leave zero again "
            "when the gradient there is negative.",
        ),
        Mistake(
            "leaves out a step that is too long",
            _steps(masked),
            "Where the step would lead below zero you leave the entry as it was. It should go as "
            "far as it may.",
        ),
        Mistake(
            "shortens the whole step",
            _steps(shortened),
            "You shorten the step of all entries until none of them falls below zero. Each entry "
            "has its own bound, and the others need not wait.",
        ),
        Mistake(
            "one entry after another",
            _steps(one_by_one),
            "You change the entries one after another, and the gradient of the second knows the "
            "new value of the first. A gradient step computes all of the gradient first.",
        ),
    ]


def _wrong_gradients() -> list[Mistake]:
    gradients: list[tuple[str, str, list[Callable]]] = [
        (
            "wrong sign",
            "Your steps go up: you add the gradient, or its negative is subtracted.",
            [lambda x, Q, c: c - Q @ x],
        ),
        (
            "factor of the gradient",
            "A factor stands in your gradient that does not belong there, at one of its terms or "
            "at both. Differentiate ½ q x² − c x for a number x.",
            [
                lambda x, Q, c: Q @ x / 2 - c,
                lambda x, Q, c: 2 * Q @ x - c,
                lambda x, Q, c: 2 * (Q @ x - c),
                lambda x, Q, c: (Q @ x - c) / 2,
                lambda x, Q, c: Q @ x - 2 * c,
            ],
        ),
        (
            "c with the other sign",
            "In your gradient c has the other sign: it belongs to the objective with + cᵀx.",
            [lambda x, Q, c: Q @ x + c],
        ),
        (
            "c left out",
            "c has no part in your gradient. Without it the minimum is zero.",
            [lambda x, Q, c: Q @ x],
        ),
        (
            "product entry by entry",
            "Your Q·x is a product entry by entry. The gradient needs the product of a matrix and "
            "a vector.",
            [
                lambda x, Q, c: Q * x - c,
                lambda x, Q, c: np.diag(Q) * x - c,
                lambda x, Q, c: (Q * x).sum(axis=0) - c,
            ],
        ),
        (
            "gradient of length one",
            "You scaled the gradient to length 1. Then the steps do not become shorter near the "
            "minimum.",
            [lambda x, Q, c: (Q @ x - c) / max(np.linalg.norm(Q @ x - c), 1e-300)],
        ),
    ]
    return [
        mistake
        for name, sentence, wrong in gradients
        for mistake in ways(name, sentence, *map(_with_gradient, wrong))
    ]


def _wrong_counts() -> list[Mistake]:
    def with_rounds(change: Callable[[int], int]) -> Answer:
        return lambda Q, c, x, s, rounds: _descent(Q, c, x, s, change(rounds))

    def shrinking(size: Callable[[int], float]) -> Answer:
        def answer(Q, c, x, s, rounds):
            for k in range(rounds):
                x = _step(x, Q, c, s * size(k))
            return x

        return answer

    def stopping(small: float) -> Answer:
        def until_still(Q, c, x, s, rounds):
            for _ in range(rounds):
                old, x = x, _step(x, Q, c, s)
                if np.linalg.norm(x - old) < small:
                    break
            return x

        return until_still

    def trail(Q, c, x, s, rounds):
        return np.array([_descent(Q, c, x, s, done) for done in range(rounds + 1)])

    def mean(Q, c, x, s, rounds):
        return trail(Q, c, x, s, rounds)[-max(rounds, 1) :].mean(axis=0)

    return [
        Mistake(
            "a single step",
            with_rounds(lambda rounds: 1),
            "Your result is that of one step, whatever `rounds` says.",
        ),
        *ways(
            "one step more or less",
            "You make one step more or one less than `rounds` says.",
            with_rounds(lambda rounds: rounds + 1),
            with_rounds(lambda rounds: max(rounds - 1, 0)),
        ),
        Mistake(
            "steps without end",
            with_rounds(lambda rounds: _MANY),
            "Your result is the minimum itself, and `rounds` has no influence. Asked is where the "
            "point is after that many steps.",
        ),
        *ways(
            "stops where the point stands still",
            "You end when a step moves the point by little. `rounds` says how many steps there "
            "are.",
            *map(stopping, _STILL),
        ),
        *ways(
            "the step shrinks",
            "Your steps become shorter from one to the next. Here `step` is the same number every "
            "time.",
            shrinking(lambda k: 1 / (k + 1)),
            shrinking(lambda k: 1 / (k + 2)),
            shrinking(lambda k: 1 / np.sqrt(k + 1)),
            shrinking(lambda k: 0.5**k),
            shrinking(lambda k: 0.9**k),
            shrinking(lambda k: 0.95**k),
            shrinking(lambda k: 0.99**k),
        ),
        *ways(
            "returns every point",
            "You returned the points of the whole way. Asked is the last one.",
            trail,
            lambda Q, c, x, s, rounds: trail(Q, c, x, s, rounds)[1:],
        ),
        Mistake(
            "mean of the points",
            mean,
            "You returned the mean of the points on the way. Asked is the last one.",
        ),
    ]


def _other_problems() -> list[Mistake]:
    def free_minimum(Q, c, x, s, rounds):
        return _clip(np.linalg.solve(Q, c))

    def value(Q, c, x, s, rounds):
        x = _descent(Q, c, x, s, rounds)
        return x @ Q @ x / 2 - c @ x

    def momentum(share: float) -> Answer:
        def answer(Q, c, x, s, rounds):
            move = np.zeros_like(x)
            for _ in range(rounds):
                new = _clip(x + share * move - s * (Q @ x - c))
                x, move = new, new - x
            return x

        return answer

    return [
        Mistake(
            "the free minimum, projected",
            free_minimum,
            "You solved for the minimum without the constraint and projected that. Where Q couples "
            "the entries, the minimum over the set lies elsewhere.",
        ),
        Mistake(
            "returns the objective",
            value,
            "You returned the value of the objective. Asked is the point.",
        ),
        *ways(
            "momentum",
            "Your steps remember the step before. Each step here depends on the present point "
            "alone.",
            momentum(0.5),
            momentum(0.9),
        ),
    ]


def _descent_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (*_misplaced(), *_wrong_gradients(), *_wrong_counts(), *_other_problems())


PROJECTED_GRADIENT = Exercise(
    number="03.4",
    name="projected_gradient",
    title="Gradient steps that stay in the set",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "To be minimised is\n\n"
        "$$f(x) = \\tfrac12 \\, x^\\top Q x - c^\\top x \\quad \\text{over all } x \\text{ with } "
        "x_j \\ge 0 \\text{ for every } j$$\n\n"
        "This set is the positive semidefinite cone in small: that of the diagonal matrices. Write "
        "a function that makes exactly `rounds` steps from $x$ and returns the last point. One "
        "step goes against the gradient of $f$, by `step` times the gradient, and then to the "
        "nearest point of the set. $Q$ is symmetric and positive definite, and $x$ lies in the "
        "set."
    ),
    skeleton='''def projected_gradient(Q, c, x, step, rounds):
    """Return x after `rounds` projected gradient steps on x @ Q @ x / 2 - c @ x over x >= 0.

    Q: (d, d). c, x: (d,). step: a number. rounds: a whole number, maybe 0. Returns: (d,).
    """''',
    hints=(
        "Two things are needed: the gradient of f, a vector, and the point with no negative entry "
        "that is nearest to a given vector.",
        "Write f for one number: ½qx² − cx. Its derivative has two terms. With vectors, which of "
        "the products becomes one of a matrix and a vector?",
        "Check by hand: Q = 1, c = −1, x = 2, step = ½. The points are 2, then ½, and after that "
        "0. The last step would have led to −¼.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_descent_cases,
    reference=lambda variant: _descent,
    mistakes=_descent_mistakes,
    budget=_descent_budget,
)
