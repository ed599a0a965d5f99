"""01.5, from the cosine to a Euclidean distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, root, rounding
from ..making import Rng, cases_of, ways
from ..spec import Complaint, Exercise, Mistake, Variant
from .histograms import SMALL, Measure


def _cosine_cases(rng: Rng, variant: Variant) -> list[Case]:
    def rows(n: int, d: int) -> np.ndarray:
        # Away from the axes, so that no column is zero and no row is short.
        return rng.uniform(0.3, 2, size=(n, d)) * rng.choice([-1.0, 1.0], size=(n, d))

    case = cases_of("X", "Y")
    X, Y, ray = rows(4, 3), rows(5, 3), rows(40, 5)
    # Four lengths of each direction: 160 of the distances are 0, and rounding makes some of the
    # cosines there larger than 1, whatever is drawn.
    longer = rng.uniform(0.5, 20, size=(160, 1)) * np.tile(ray, (4, 1))
    single = [a.astype(np.float32) for a in (rows(4, 3), rows(2, 3))]
    return [
        case("one point against one", np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])),
        case("two short vectors", np.array([[0.3, 0.4]]), np.array([[0.5, -0.2]])),
        case("three points against two", rows(3, 2), rows(2, 2)),
        case("four points against five", X, Y),
        case("three points against three, in space", rows(3, 3), rows(3, 3)),
        case("four short vectors against five", X / 10, Y / 10),
        case("opposite directions", X[:1], -2 * X, group="edge"),
        case("the same directions at other lengths", ray, longer, group="edge"),
        case("float32", *single, group="edge"),
        case("Fortran order", X, Y, group="edge", layout="F"),
        case("every second row of a larger array", X, Y, group="edge", layout="strided"),
    ]


def _unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _cosines(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return _unit(X) @ _unit(Y).T


def _chords(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(X[:, None] - Y, axis=2)


def _not_negative(X: np.ndarray) -> np.ndarray:
    return np.maximum(X, 0)


def _cosine_digest(case: Case, values: Arrays) -> Arrays:
    # Which entries are NaN depends on the last bit, so it is not for comparing.
    if values["result"].dtype.kind == "f" and np.isnan(values["result"]).any():
        raise Complaint("Your result holds NaN; expected distances.")
    return values


def _cosine_budget(case: Case, expected: Arrays) -> Arrays:
    """2 − 2·cos is off by the rounding of a product of d terms, and a root magnifies it near 0."""
    squared = rounding(case, 2 * case.inputs["X"].shape[1] + 8, 4.0)
    return {name: root(squared, value) for name, value in expected.items()}


def _cosine_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def by_formula(scale: Callable, keep: Callable) -> Measure:
        return lambda X, Y: np.sqrt(keep(2 - 2 * scale(X) @ scale(Y).T))

    def by_difference(scale: Callable) -> Measure:
        return lambda X, Y: _chords(scale(X), scale(Y))

    # Where no row is longer than 1, nothing is below zero and the three are one.
    keeps = (lambda value: value, _not_negative, np.abs)

    def forms(scale: Callable) -> tuple[Measure, ...]:
        kept = keeps[:1] if scale in (by_one_number, by_sums) else keeps
        return (*(by_formula(scale, keep) for keep in kept), by_difference(scale))

    def one_side(scale_x: Callable, scale_y: Callable) -> tuple[Measure, ...]:
        def formula(X, Y):
            return 2 - 2 * scale_x(X) @ scale_y(Y).T

        return (
            lambda X, Y: np.sqrt(formula(X, Y)),
            lambda X, Y: np.sqrt(_not_negative(formula(X, Y))),
            lambda X, Y: _chords(scale_x(X), scale_y(Y)),
        )

    def unscaled(X):
        return X

    def by_columns(X):
        return X / np.linalg.norm(X, axis=0)

    def by_one_number(X):
        return X / np.linalg.norm(X)

    def misaligned(X):
        return X / np.linalg.norm(X, axis=1)

    def by_squares(X):
        return X / np.sum(X**2, axis=1, keepdims=True)

    def by_sums(X):
        return X / np.sum(np.abs(X), axis=1, keepdims=True)

    def no_axis(X, Y):
        return np.sqrt(_not_negative(2 - 2 * X @ Y.T / (np.linalg.norm(X) * np.linalg.norm(Y))))

    def longer(amount: float) -> tuple[Measure, Measure]:
        def by_more(X):
            return X / (np.linalg.norm(X, axis=1, keepdims=True) + amount)

        return by_formula(by_more, _not_negative), by_difference(by_more)

    def longer_together(amount: float) -> Measure:
        def distances(X, Y):
            lengths = np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(Y, axis=1))
            return np.sqrt(_not_negative(2 - 2 * X @ Y.T / (lengths + amount)))

        return distances

    def floor(amount: float) -> Measure:
        return lambda X, Y: np.sqrt(np.maximum(2 - 2 * _cosines(X, Y), amount))

    def raised(amount: float) -> Measure:
        return lambda X, Y: np.sqrt(_not_negative(2 - 2 * _cosines(X, Y)) + amount)

    # Smaller ones disappear in the rounding, larger ones are rare.
    amounts = [amount for amount in SMALL if 1e-12 <= amount < 2e-6]
    raw = (
        "Your result depends on the lengths of the rows. 2 − 2·cos is a squared distance between "
        "points of length 1 only."
    )
    columns = (
        "You scaled the columns: each coordinate by its size over all rows. Then a row depends on "
        "which other rows are in the array; asked is each row at length 1."
    )
    one_number = (
        "You divided the whole array by one number. The rows keep their ratios of length; asked is "
        "each row at length 1."
    )
    aligned = (
        "You divide an (n, d) array by n numbers that lie along the wrong axis. Where n and d "
        "differ, NumPy stops; where they are equal, column j is divided by the length of row j."
    )
    other_length = (
        "Your rows do not have length 1 after scaling. The Euclidean length is the root of the sum "
        "of squares; you divided by something else."
    )
    scalings = (
        ("not normalised", unscaled, raw),
        ("normalised along the batch axis", by_columns, columns),
        ("one number for the whole array", by_one_number, one_number),
        ("lengths along the wrong axis", misaligned, aligned),
        ("divided by another length", by_squares, other_length),
        ("divided by another length", by_sums, other_length),
    )
    return (
        *(Mistake(name, form, why) for name, scale, why in scalings for form in forms(scale)),
        Mistake("one number for the whole array", no_axis, one_number),
        *ways(
            "one array not scaled",
            "You scaled the rows of one array, and those of the other kept their lengths. Two rows "
            "of the same direction are then at distance 0 only where both have length 1.",
            *one_side(_unit, unscaled),
            *one_side(unscaled, _unit),
        ),
        Mistake(
            "root forgotten",
            lambda X, Y: 2 - 2 * _cosines(X, Y),
            "Your distances are squared. Angles of 60 and 120 degrees then have a ratio of 3, "
            "where the chords have a ratio of √3.",
        ),
        Mistake(
            "one minus cosine",
            lambda X, Y: 1 - _cosines(X, Y),
            "You return 1 − cos. That is half of the squared distance, and it breaks the triangle "
            "inequality.",
        ),
        Mistake(
            "factor 2 missing",
            lambda X, Y: np.sqrt(_not_negative(1 - _cosines(X, Y))),
            "Your distances are too small by the factor √2: opposite directions lie 2 apart on the "
            "unit sphere.",
        ),
        Mistake(
            "half of the cross term",
            lambda X, Y: np.sqrt(2 - _cosines(X, Y)),
            "You expanded ‖x − y‖² and lost a factor: the product xᵀy appears in it twice. A "
            "direction does not lie at zero from itself.",
        ),
        Mistake(
            "NaN from rounding",
            lambda X, Y: np.sqrt(2 - 2 * _cosines(X, Y)),
            "For rows of one direction the cosine comes out as 1 + 2e-16 now and then, and "
            "2 − 2·cos below zero: rounding. Its square root is NaN.",
        ),
        *ways(
            "a small number added to the lengths",
            "You add a small number to the lengths before you divide. No row is zero here, and "
            "the rows that come out are shorter than 1.",
            *(form for amount in amounts for form in longer(amount)),
            *map(longer_together, amounts),
        ),
        *ways(
            "a small number under the root",
            "Under your root stands a small number even where nothing is left of 2 − 2·cos. Its "
            "root is not small: 1e-12 puts rows of one direction at a distance of 1e-6.",
            *(lift(amount) for amount in amounts for lift in (floor, raised)),
        ),
        Mistake(
            "the angle in its place",
            lambda X, Y: np.arccos(np.clip(_cosines(X, Y), -1, 1)),
            "You return the angle: the way along the sphere. Asked is the straight way, the "
            "Euclidean distance.",
        ),
        Mistake(
            "the cosine itself",
            _cosines,
            "You return the cosine. It is a similarity, largest for equal directions; asked is "
            "the distance that is made of it.",
        ),
        Mistake(
            "rows and columns exchanged",
            lambda X, Y: _chords(_unit(Y), _unit(X)),
            "Your table is transposed: the rows of the result belong to X, the columns to Y.",
        ),
    )


COSINE = Exercise(
    number="01.5",
    name="cosine_to_euclidean",
    title="From cosine to Euclid",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "Write a function that scales each row $x$ of `X` and each row $y$ of `Y` to length 1 and "
        "returns the Euclidean distance of every pair. On the unit sphere the cosine gives it:\n\n"
        "$$\\lVert \\hat x - \\hat y \\rVert^2 = 2 - 2 \\cos(x, y)$$\n\n"
        "No row is zero. Two rows of the same direction and different length are at distance 0."
    ),
    skeleton='''def cosine_to_euclidean(X, Y):
    """Return the Euclidean distances between the rows of X and Y, each scaled to length 1.

    X: (n, d), Y: (m, d), no zero rows. Returns: (n, m), entry [i, j] for X[i] and Y[j].
    """''',
    hints=(
        "Expand ‖x − y‖² for two vectors of length 1. Three terms come out, and two of them you "
        "know.",
        "Print the length of each row after your scaling. Which axis does a length sum over, and "
        "which shape does the result need so that it divides row by row?",
        "Try ten rows against three times the same rows. Every distance on the diagonal is 0; "
        "look at what stands under your root there.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_cosine_cases,
    reference=lambda variant: lambda X, Y: _chords(_unit(X), _unit(Y)),
    mistakes=_cosine_mistakes,
    digest=_cosine_digest,
    budget=_cosine_budget,
)
