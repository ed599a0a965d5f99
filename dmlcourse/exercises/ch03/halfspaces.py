"""03.1 and 03.1b, the nearest point of one half-space: of vectors, and of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]

# What people add to ‖a‖², so that they never divide by zero.
_SMALL = tuple(10.0**-k for k in (3, 6, 7, 8, 9, 10, 12, 15, 16))


def _excess(x: Any, a: Any, b: float) -> Any:
    """By how much ⟨a, x⟩ is above b."""
    return np.sum(a * x) - b


def _nearest_point(x: Any, a: Any, b: float) -> Any:
    """The nearest point of {z : ⟨a, z⟩ ≤ b}, for arrays of any shape."""
    return x - np.maximum(_excess(x, a, b), 0) / np.sum(a * a) * a


def _along(amount: Answer) -> Answer:
    """The answer that subtracts ``amount(x, a, b)`` times a."""
    return lambda x, a, b: x - amount(x, a, b) * a


def _outside(move: Answer) -> Answer:
    """The answer that leaves a point inside alone, and else returns ``move(x, a, b)``."""
    return lambda x, a, b: move(x, a, b) if _excess(x, a, b) > 0 else x


def _nearest_budget(x: np.ndarray, a: np.ndarray, b: float, case: Case) -> np.ndarray:
    """⟨a, x⟩ − b is a sum of size ‖a‖‖x‖ + |b|; a step along a divides it by ‖a‖."""
    size = np.linalg.norm(x) + abs(b) / np.linalg.norm(a)
    return rounding(case, x.size + 4, float(size))


def _distances(x: str, a: str, b: str) -> list[Mistake]:
    """The mistakes in how far to go, in words for a point x and the half-space ⟨a, z⟩ ≤ b."""

    def divided(by: Answer) -> Answer:
        return _along(lambda x, a, b: np.maximum(_excess(x, a, b), 0) / by(a))

    def normalised(x, a, b):
        unit = a / np.sqrt(np.sum(a * a))
        return x - np.maximum(_excess(x, unit, b), 0) * unit

    return [
        Mistake(
            f"divides by ‖{a}‖",
            divided(lambda a: np.sqrt(np.sum(a * a))),
            f"The direction of your step is right and its length is not: you divided by ‖{a}‖. "
            f"Measure how long a step along {a} is whose factor is the excess divided by ‖{a}‖.",
        ),
        Mistake(
            "does not divide",
            divided(lambda a: 1),
            f"Your step is the excess times {a}. If {a} were twice as long and {b} twice as large, "
            "the half-space would be the same, and your step four times as long.",
        ),
        Mistake(
            f"divides by ‖{x}‖²",
            _along(lambda x, a, b: np.maximum(_excess(x, a, b), 0) / np.sum(x * x)),
            f"The direction of your step is right and its length is not: you divided by ‖{x}‖². "
            f"The step is a multiple of {a}, and how far the plane lies from {x} does not depend "
            "on where zero is.",
        ),
        *ways(
            "divides by another size",
            f"Your step has the right direction and another length: what you divide by is neither "
            f"the length of {a} nor the square of that length.",
            divided(np.sum),
            divided(lambda a: np.sum(np.abs(a))),
            divided(lambda a: np.sum(np.abs(a)) ** 2),
            divided(lambda a: np.max(np.abs(a)) ** 2),
            divided(lambda a: np.sum(a * a) ** 2),
            divided(np.size),
        ),
        Mistake(
            f"normalises {a} and not {b}",
            normalised,
            f"You scaled {a} to length 1 and kept {b} as it was. That is another half-space: its "
            "plane lies elsewhere.",
        ),
        *ways(
            "not the whole step",
            "Your step has the right direction, and you go half or twice as far as the plane.",
            divided(lambda a: np.sum(a * a) / 2),
            divided(lambda a: np.sum(a * a) * 2),
        ),
        *ways(
            f"adds to ‖{a}‖²",
            f"You add a small number to ‖{a}‖². Whether it is small depends on the unit of {a}: "
            f"where {a} itself is tiny, your point stays outside the half-space.",
            *(divided(lambda a, s=s: np.sum(a * a) + s) for s in _SMALL),
        ),
    ]


def _sides(x: str, a: str, b: str) -> list[Mistake]:
    """The mistakes in when to go, and to which side."""

    def share(x: Any, a: Any, b: float) -> Any:
        return _excess(x, a, b) / np.sum(a * a)

    return [
        Mistake(
            "moves what is inside",
            _along(share),
            f"You also move {x} where it lies inside: your result is the nearest point of the "
            "plane that bounds the half-space.",
        ),
        Mistake(
            "absolute value",
            _along(lambda x, a, b: np.abs(share(x, a, b))),
            f"You take the absolute value of the excess: where {x} lies inside, you move it as "
            "well, away from the plane.",
        ),
        Mistake(
            "does not move",
            _along(lambda x, a, b: 0 * share(x, a, b)),
            f"You give {x} back as it is, also where it lies outside the half-space.",
        ),
        Mistake(
            "the other side",
            _along(lambda x, a, b: np.minimum(share(x, a, b), 0)),
            f"You move {x} where it lies inside, and leave it where it lies outside. Your "
            "half-space is the other side of the plane.",
        ),
        Mistake(
            "wrong sign",
            _along(lambda x, a, b: -np.maximum(share(x, a, b), 0)),
            f"Where {x} lies outside, your step goes away from the half-space: ⟨{a}, {x}⟩ is "
            "larger after it than before.",
        ),
    ]


def _moves(x: str, a: str, b: str) -> list[Mistake]:
    """The mistakes in which way to go, and in what to return."""

    def scaled(x, a, b):
        return x * (b / np.sum(a * x))

    def by_entries(x, a, b):
        return x - np.maximum(a * x - b, 0) / np.sum(a * a) * a

    def by_own_entries(x, a, b):
        return x - np.maximum(a * x - b, 0) / np.where(a == 0, 1, a)

    def the_move(x, a, b):
        return np.maximum(_excess(x, a, b), 0) / np.sum(a * a) * a

    return [
        *ways(
            f"scales {x}",
            f"You scale {x} until it meets the plane. That point may lie in the half-space, and "
            f"the way to it leads towards zero: there are nearer points.",
            scaled,
            _outside(scaled),
            _outside(lambda x, a, b: x * (b / np.abs(np.sum(a * x)))),
        ),
        *ways(
            "entry by entry",
            f"You compare every entry by itself with {b}. The half-space says something of the sum "
            "of the products alone, and each of its entries may be large.",
            by_entries,
            by_own_entries,
            lambda x, a, b: np.where(a * x > b, b / np.where(a == 0, 1, a), x),
        ),
        *ways(
            "returns the move",
            "You returned the step and not the place it leads to.",
            the_move,
            lambda x, a, b: -the_move(x, a, b),
        ),
        *ways(
            f"forgets {x}",
            f"Where {x} lies outside, your result does not depend on {x}: it is one point of the "
            "plane, always the same.",
            _outside(lambda x, a, b: b / np.sum(a * a) * a),
        ),
        *ways(
            f"onto the line of {a}",
            f"You projected {x} onto the line through zero in the direction of {a}. That line is "
            "orthogonal to the plane, and what is asked lies on the plane.",
            _outside(lambda x, a, b: np.sum(a * x) / np.sum(a * a) * a),
            lambda x, a, b: np.sum(a * x) / np.sum(a * a) * a,
        ),
    ]


def _without_bound(b: str, sentence: str) -> list[Mistake]:
    """The mistakes of answers that know no b, whether in the test, in the step or in both."""

    def share(x: Any, a: Any, b: float) -> Any:
        return _excess(x, a, b) / np.sum(a * a)

    return ways(
        b,
        sentence,
        _along(lambda x, a, b: np.maximum(share(x, a, 0), 0)),
        _outside(_along(lambda x, a, b: share(x, a, 0))),
        lambda x, a, b: x - share(x, a, b) * a if np.sum(a * x) > 0 else x,
    )


# ---------------------------------------------------------------- 03.1 project_halfspace


def _halfspace_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("x", "a", "b")

    def drawn(d: int, depth: float) -> tuple[np.ndarray, np.ndarray, float]:
        """x lies ``depth`` outside the half-space, measured in its own unit."""
        x, a = rng.normal(size=d), rng.uniform(0.5, 2) * rng.normal(size=d)
        return x, a, float(a @ x - depth * np.linalg.norm(a))

    x, a, b = drawn(3, rng.uniform(0.5, 2))
    single = x.astype(np.float32), a.astype(np.float32), float(np.float32(b))
    return [
        case("a point outside, on a line", np.array([3.0]), np.array([2.0]), 2.0),
        case("a point outside, in the plane", np.array([4.0, 1.0]), np.array([3.0, 4.0]), 6.0),
        case("a point inside", np.array([1.0, 1.0]), np.array([3.0, 4.0]), 12.0),
        case("a point inside, b below zero", np.array([-2.0, 0.0]), np.array([3.0, 4.0]), -5.0),
        case("zero outside the half-space", np.array([1.0, 1.0]), np.array([1.0, -2.0]), -3.0),
        case("five coordinates, outside", *drawn(5, rng.uniform(0.5, 2))),
        case("six coordinates, inside", *drawn(6, -rng.uniform(0.5, 2))),
        case("four coordinates, far outside", *drawn(4, rng.uniform(5, 9))),
        case("a point on the plane", np.array([2.0, 1.0]), np.array([1.0, 2.0]), 4.0, group="edge"),
        case("a tiny a and b", x, 1e-9 * a, 1e-9 * b, group="edge"),
        case("float32", *single, group="edge"),
        case("every second entry of a larger array", x, a, b, group="edge", layout="strided"),
    ]


def _halfspace_budget(case: Case, expected: Arrays) -> Arrays:
    x, a, b = (np.asarray(value, np.float64) for value in case.inputs.values())
    return {"result": _nearest_budget(x, a, float(b), case)}


def _halfspace_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    names = ("x", "a", "b")
    forgotten = (
        "b has no part in your result, or not in all of it. A plane with another b is parallel to "
        "this one and lies elsewhere: where is x compared with it, and how far is the way to it?"
    )
    return (
        *_sides(*names),
        *_distances(*names),
        *_without_bound("forgets b", forgotten),
        *_moves(*names),
    )


PROJECT_HALFSPACE = Exercise(
    number="03.1",
    name="project_halfspace",
    title="The nearest point of a half-space",
    points=3,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that returns the point nearest to $x$ of a half-space:\n\n"
        "$$\\Pi(x) = \\arg\\min_z \\; \\lVert z - x \\rVert \\quad \\text{where} \\quad "
        "\\langle a, z \\rangle \\le b$$\n\n"
        "$x$ and $a$ are vectors, $a$ is not zero, and $b$ is a number. A point of the half-space "
        "is its own nearest point."
    ),
    skeleton='''def project_halfspace(x, a, b):
    """Return the point nearest to x of the half-space of all z with a @ z <= b.

    x, a: (d,), a is not zero. b: a number. Returns: (d,).
    """''',
    hints=(
        "Draw the plane (a line, on paper), the vector a, and a point outside. In which direction "
        "does the shortest way to the plane lead?",
        "Write the result as x − t·a. For which t does it lie on the plane? For which x is t "
        "zero, whatever that equation says?",
        "Check by hand: x = 3, a = 2, b = 2 on a line. The half-space is everything up to 1, and "
        "your result has to be 1.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_halfspace_cases,
    reference=lambda variant: _nearest_point,
    mistakes=_halfspace_mistakes,
    budget=_halfspace_budget,
)


# ---------------------------------------------------------------- 03.1b project_budget


def _budget_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("M", "A")

    def symmetric(d: int) -> np.ndarray:
        S = rng.normal(size=(d, d))
        return S + S.T

    def drawn(d: int, inner: float) -> tuple[np.ndarray, np.ndarray]:
        """M is shifted along A until ⟨A, M⟩ is ``inner``."""
        M, A = symmetric(d), symmetric(d)
        return M + (inner - np.sum(A * M)) / np.sum(A * A) * A, A

    def lopsided(d: int) -> tuple[np.ndarray, np.ndarray]:
        """A and its transpose both exclude M, so that each of them moves it."""
        while True:
            A, M = rng.normal(size=(2, d, d))
            M = M + (rng.uniform(3, 6) - np.sum(A * M)) / np.sum(A * A) * A
            if np.sum(A.T * M) > 2:
                return M, A

    M, A = drawn(3, rng.uniform(3, 6))
    spread = np.array([[1.0, -1.0], [-1.0, 2.0]])
    lower, upper = np.array([[2.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 2.0], [0.0, 1.0]])
    edge = {"group": "edge"}
    return [
        case("one number", np.array([[3.0]]), np.array([[2.0]])),
        case("M = diag(2, 1), A the identity", np.diag([2.0, 1.0]), np.eye(2)),
        case("two by two, above the budget", np.array([[2.0, 1.0], [1.0, 3.0]]), spread),
        case("two by two, within the budget", np.diag([0.25, 0.5]), np.eye(2)),
        case("within the budget, ⟨A, M⟩ below zero", np.array([[1.0, 2.0], [2.0, 1.0]]), spread),
        case("M = diag(3, 0), A the identity", np.diag([3.0, 0.0]), np.eye(2)),
        case("four by four, above the budget", *drawn(4, rng.uniform(3, 6))),
        case("four by four, far above", *drawn(4, rng.uniform(12, 20))),
        case("three by three, within the budget", *drawn(3, rng.uniform(-4, 0))),
        case("neither M nor A symmetric", lower, upper, **edge),
        case("exactly at the budget", np.diag([0.5, 0.5]), np.eye(2), **edge),
        case("a tiny A and a large M", 1e9 * M, 1e-9 * A, **edge),
        case("float32", M.astype(np.float32), A.astype(np.float32), **edge),
        case("Fortran order", *lopsided(3), layout="F", **edge),
    ]


def _budget_budget(case: Case, expected: Arrays) -> Arrays:
    M, A = (np.asarray(value, np.float64) for value in case.inputs.values())
    return {"result": _nearest_budget(M, A, 1.0, case)}


def _within_one(answer: Answer) -> Answer:
    return lambda M, A: answer(M, A, 1.0)


def _inner_products() -> list[Mistake]:
    """The mistakes that measure with something else than the sum of products of entries."""

    def measured(inner: Answer, length: Answer = lambda A: np.sum(A * A)) -> Answer:
        return lambda M, A: M - np.maximum(inner(A, M) - 1, 0) / length(A) * A

    def entries(A: Any, M: Any) -> Any:
        return np.sum(A * M)

    def spectral(A: Any) -> Any:
        return np.linalg.norm(A, 2)

    def transposed(M, A):
        return _nearest_point(M, A.T, 1.0)

    def symmetrised(M, A):
        return _nearest_point(M, (A + A.T) / 2, 1.0)

    return [
        *ways(
            "spectral norm",
            "You measure A by its largest singular value. That is how far A stretches a vector; "
            "the distance between matrices is measured here by the sum of the squared entries.",
            measured(entries, lambda A: spectral(A) ** 2),
            measured(entries, spectral),
        ),
        *ways(
            "a trace for the squared norm",
            "You divide by a trace. Compare the trace of A and ⟨A, A⟩ for A = diag(1, −1).",
            measured(entries, np.trace),
            measured(entries, lambda A: np.trace(A) ** 2),
            measured(entries, lambda A: A @ A),
        ),
        *ways(
            "tr(A·M) for tr(Aᵀ·M)",
            "Your result belongs to the transpose of A: tr(A·M) multiplies entry [i, j] by entry "
            "[j, i]. Where A and M are both symmetric nobody sees it.",
            measured(lambda A, M: np.trace(A @ M)),
            transposed,
        ),
        Mistake(
            "A made symmetric",
            symmetrised,
            "You replaced A by its symmetric part. Where A is not symmetric that is another "
            "half-space, and the nearest matrix is another.",
        ),
        *ways(
            "all entries of a matrix product",
            "You added up all entries of a matrix product. ⟨A, M⟩ multiplies every entry of M by "
            "the entry of A in the same place.",
            measured(lambda A, M: np.sum(A @ M)),
            measured(lambda A, M: np.sum(A.T @ M)),
            measured(lambda A, M: A @ M),
            measured(lambda A, M: A.T @ M),
        ),
        *ways(
            "only the diagonals",
            "Only the diagonals of A and M enter your inner product. The entries off the diagonal "
            "belong to it too.",
            measured(lambda A, M: np.diag(A) @ np.diag(M)),
            measured(lambda A, M: np.diag(A) @ np.diag(M), lambda A: np.diag(A) @ np.diag(A)),
        ),
    ]


def _other_sets() -> list[Mistake]:
    """The mistakes that end in the half-space, and not at its nearest point."""

    def clipped(M: Any) -> Any:
        values, vectors = np.linalg.eigh((M + M.T) / 2)
        return (vectors * np.maximum(values, 0)) @ vectors.T

    def along_identity(M, A):
        excess = np.maximum(np.sum(A * M) - 1, 0)
        return M - excess / np.trace(A) * np.eye(len(M), dtype=M.dtype)

    def along_point(M, A):
        return M - np.maximum(np.sum(A * M) - 1, 0) / np.sum(M * M) * M

    return [
        *ways(
            "the cone as well",
            "Your result has no negative eigenvalues: you projected onto the cone as well. Asked "
            "is the half-space alone; a matrix of the cone may well leave the cone on the way.",
            lambda M, A: clipped(_nearest_point(M, A, 1.0)),
            lambda M, A: _nearest_point(clipped(M), A, 1.0),
        ),
        Mistake(
            "moves along the identity",
            along_identity,
            "You subtract a multiple of the identity. The half-space is reached, and the way to it "
            "is longer than it has to be.",
        ),
        Mistake(
            "moves along M",
            along_point,
            "You subtract a multiple of M. The direction in which ⟨A, M⟩ falls fastest does not "
            "depend on M.",
        ),
    ]


def _budget_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    names = ("M", "A", "1")
    zero = (
        "Your half-space is ⟨A, M⟩ ≤ 0, or you go as far as if it were. The budget is 1: a matrix "
        "with ⟨A, M⟩ between 0 and 1 is within it."
    )
    found = [
        *_sides(*names),
        *_distances(*names),
        *_without_bound("a budget of zero", zero),
        *_moves(*names),
    ]
    shared = [Mistake(m.name, _within_one(m.answer), m.sentence) for m in found]
    return (*shared, *_inner_products(), *_other_sets())


PROJECT_BUDGET = Exercise(
    number="03.1b",
    name="project_budget",
    title="A budget for a matrix",
    points=2,
    minutes=10,
    kind=Function(),
    statement=(
        "The inner product of two matrices is the sum over all entries, $\\langle A, M \\rangle = "
        "\\sum_{ij} A_{ij} M_{ij}$, and $\\lVert M \\rVert_F^2 = \\langle M, M \\rangle$. Write a "
        "function that returns the matrix nearest to $M$ that keeps to a budget of 1:\n\n"
        "$$\\Pi(M) = \\arg\\min_Z \\; \\lVert Z - M \\rVert_F \\quad \\text{where} \\quad "
        "\\langle A, Z \\rangle \\le 1$$\n\n"
        "$A$ is square and not zero; neither $A$ nor $M$ need be symmetric. The result may have "
        "negative eigenvalues."
    ),
    skeleton='''def project_budget(M, A):
    """Return the matrix nearest to M, in the Frobenius norm, whose inner product with A is <= 1.

    M, A: (d, d), A is not zero. Returns: (d, d).
    """''',
    hints=(
        "A matrix of d×d entries is a vector of d² numbers in another order. Which exercise asked "
        "the same of vectors?",
        "Two numbers are needed: the inner product of A with M, and that of A with itself. Both "
        "are sums over all entries of a product entry by entry.",
        "Check by hand: M = diag(2, 1) and A the identity. ⟨A, M⟩ is 3, and the nearest matrix is "
        "diag(1, 0).",
    ),
    groups={"values": 1, "edge": 1},
    cases=_budget_cases,
    reference=lambda variant: _within_one(_nearest_point),
    mistakes=_budget_mistakes,
    budget=_budget_budget,
)
