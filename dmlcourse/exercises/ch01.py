"""Chapter 01, distances, divergences and the axioms."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from ..observing import Case, Function
from .budget import Arrays, root, rounding
from .making import Rng, cases_of, ways
from .spec import Complaint, Exercise, Mistake, Variant

Measure = Callable[[np.ndarray, np.ndarray], Any]

# What people add to a bin so that no logarithm meets a zero.
_SMALL = (*(10.0**-k for k in (3, 5, 6, 7, 8, 9, 10, 12, 15, 16)), 2.0**-52)
_OTHER_LOGS = (np.log2, np.log10)

_NATS = (
    "Your logarithm has another base than e: the result is a constant factor away from nats, "
    "which are asked."
)
_NOT_NORMALISED = (
    "You compare the counts themselves. Two histograms of one distribution, one made from twice "
    "as many samples, then lie apart."
)
_OTHER_SCALE = (
    "You scaled the counts, and after your scaling a histogram does not sum to 1. Only shares of "
    "the whole are probabilities."
)


# ---------------------------------------------------------------- 01.1 find_triangle_violation

# A difference of this size, times the largest distance, counts as rounding.
SHORT = 1e-10

NONE, BREAKS, OBEYS = "there is none", "breaks the inequality", "obeys the inequality"
EQUAL, REORDERED = "both sides are equal up to rounding", "breaks it only in another order"
TWICE, RETURNS = "j is the same point as i or k", "i and k are the same point"


def _euclidean(points: np.ndarray) -> np.ndarray:
    difference = points[:, None] - points[None]
    return np.sqrt((difference**2).sum(axis=2))


def _on_a_line(*points: float) -> np.ndarray:
    x = np.array(points)
    return np.abs(x[:, None] - x)


def _metric(rng: Rng, n: int) -> np.ndarray:
    """Distances between 1 and 1.9: two of them always add up to more than a third."""
    upper = np.triu(rng.uniform(1, 1.9, size=(n, n)), 1)
    return upper + upper.T


def _with_one_shortcut(rng: Rng, n: int) -> np.ndarray:
    """A metric but for one pair, and but for one point on its way."""
    D = _metric(rng, n)
    i, j, k = rng.permutation(n)[:3]
    others = np.setdiff1d(np.arange(n), [i, j, k])
    for end in (i, k):
        D[end, others] = D[others, end] = rng.uniform(1.4, 1.9, len(others))
        D[end, j] = D[j, end] = 1.1
    D[i, k] = D[k, i] = 2.5
    return D


def _violation_cases(rng: Rng, variant: Variant) -> list[Case]:
    # Along a slanted line, so that the distances are roots and rounding touches most of them.
    slanted = _euclidean(rng.uniform(0, 10, size=(12, 1)) * rng.uniform(0.5, 1, size=2))
    matrices = {
        "squared distances of 0, 1, 2": _on_a_line(0, 1, 2) ** 2,
        "distances of 0, 1, 2": _on_a_line(0, 1, 2),
        "squared distances of 0, 2, 1": _on_a_line(0, 2, 1) ** 2,
        "squared distances of 1, 0, 2": _on_a_line(1, 0, 2) ** 2,
        "two points": _on_a_line(0, 3),
        "six points in the plane": _euclidean(rng.normal(size=(6, 2))),
        "eight points, one violation": _with_one_shortcut(rng, 8),
        "thirty points, one violation": _with_one_shortcut(rng, 30),
    }
    units = {
        "twelve points on a line": slanted,
        # A power of two, so that the rounding is the same in both units.
        "twelve points on a line, in small units of length": 2.0**50 * slanted,
        "squared distances of 0, 1, 3, in large units of length": (
            2.0**-70 * _on_a_line(0, 1, 3) ** 2
        ),
    }
    return [
        *(Case(name, {"D": D}) for name, D in matrices.items()),
        *(Case(name, {"D": D}, group="rounding") for name, D in units.items()),
        Case("Fortran order", {"D": _with_one_shortcut(rng, 8)}, group="rounding", layout="F"),
    ]


def _excess(D: np.ndarray) -> np.ndarray:
    """At [i, j, k], how much longer the direct way from i to k is than the one over j."""
    return D[:, None, :] - D[:, :, None] - D[None, :, :]


def _find_violation(D: np.ndarray) -> tuple[int, ...]:
    excess = _excess(D)
    if excess.max() <= SHORT * D.max():
        return ()
    return tuple(int(i) for i in np.unravel_index(excess.argmax(), excess.shape))


def _violation_digest(case: Case, values: Arrays) -> Arrays:
    triple = values["result"]
    relation = NONE if triple.size == 0 else _relation(case.inputs["D"], *_indices(case, triple))
    return {"your triple": np.array(relation)}


def _indices(case: Case, triple: np.ndarray) -> list[int]:
    n = len(case.inputs["D"])
    if triple.dtype.kind == "b":
        raise Complaint("Your answer holds True or False; expected three indices, or ().")
    if triple.ndim == 2:
        raise Complaint("Your answer is a table of triples; expected one triple, or ().")
    if triple.shape != (3,):
        raise Complaint("Your answer does not hold three numbers; expected (i, j, k), or ().")
    if triple.dtype.kind not in "iuf" or (triple != np.floor(triple)).any():
        raise Complaint("Your answer holds numbers that are not indices of points.")
    if triple.min() < 0 or triple.max() >= n:
        raise Complaint(f"An index of your triple is outside of 0 to {n - 1}.")
    return [int(i) for i in triple]


def _relation(D: np.ndarray, i: int, j: int, k: int) -> str:
    """What a triple does, in words: the same words for all triples that do the same."""
    if j in (i, k):
        return TWICE
    if i == k:
        return RETURNS
    limit = SHORT * D.max()
    excess = D[i, k] - D[i, j] - D[j, k]
    if excess > limit:
        return BREAKS
    if 2 * max(D[i, j], D[j, k]) - (D[i, j] + D[j, k] + D[i, k]) > limit:
        return REORDERED
    return EQUAL if excess >= -limit else OBEYS


def _violation_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def first(D, triples, breaks):
        return next(((i, j, k) for i, j, k in triples if breaks(D[i, k], D[i, j] + D[j, k])), ())

    def longer(direct, detour):
        return direct > detour * (1 + 1e-12)

    def distinct(D):
        return permutations(range(len(D)), 3)

    def every(D):
        return product(range(len(D)), repeat=3)

    def degenerate(D):
        return first(D, every(D), np.greater_equal)

    def equality(D):
        return first(D, distinct(D), np.greater_equal)

    def equality_and_the_end(D):
        return equality(D) or None

    def noise(D):
        return first(D, distinct(D), np.greater)

    def fixed(D):
        return first(D, distinct(D), lambda direct, detour: direct > detour + 1e-9)

    def numpys_fixed(D):
        def breaks(direct, detour):
            return direct > detour and not np.isclose(direct, detour)

        return first(D, distinct(D), breaks)

    def wrong_way(D):
        return first(D, distinct(D), np.less)

    def wrong_way_or_equal(D):
        return first(D, distinct(D), np.less_equal)

    def wrong_way_and_back(D):
        return first(D, every(D), np.less)

    def changed(change):
        return lambda D: change(D, *found) if (found := _find_violation(D)) else ()

    def in_order(D):
        return tuple(sorted(_find_violation(D)))

    def increasing(D):
        return first(D, combinations(range(len(D)), 3), longer)

    def increasing_ends(D):
        return first(D, (t for t in distinct(D) if t[0] < t[1]), longer)

    def middle_at_the_end(D):
        return first(D, (t for t in distinct(D) if t[0] < t[2] < t[1]), longer)

    def middle_at_the_start(D):
        return first(D, (t for t in distinct(D) if t[1] < t[0] < t[2]), longer)

    def consecutive(D):
        return first(D, ((i, i + 1, i + 2) for i in range(len(D) - 2)), longer)

    def says_whether(D):
        return bool(_find_violation(D))

    def says_metric(D):
        return not _find_violation(D)

    def all_of_them(D):
        return np.argwhere(_excess(D) > SHORT * D.max())

    def runs_out(D):
        return _find_violation(D) or None

    def false_for_none(D):
        return _find_violation(D) or False

    def minus_ones(D):
        return _find_violation(D) or (-1, -1, -1)

    def largest_excess(D):
        return np.unravel_index(_excess(D).argmax(), (len(D),) * 3)

    order = (
        "The three points break the inequality, in another order than yours. The way over a point "
        "has that point in the middle of the triple."
    )
    missed = (
        "Your answer misses a violation: it does not ask every way. The point on the way may have "
        "a smaller index than both ends, a larger one, or one between."
    )
    backwards = (
        "In your triple the direct way is no longer than the way over j. That is how a metric "
        "behaves; you return the triples that obey."
    )
    same = (
        "In your triple both sides are equal. That is allowed: the middle point lies on the way, "
        "as 1 does between 0 and 2."
    )
    units = (
        "Your tolerance does not follow the units of D (`isclose` has such a fixed part too, "
        "`atol`). In other units of length the same points get another answer."
    )
    nothing = (
        "Where no triple breaks the inequality, your answer is not the empty tuple. A function "
        "that runs to its end without a return gives None."
    )
    yes_or_no = (
        "You say whether there is a violation. Asked is where: three indices that anyone can look "
        "up in D."
    )
    return (
        Mistake(
            "degenerate triple",
            degenerate,
            "Your triple names a point twice. From a point to itself it is no way at all: both "
            "sides are equal there, in every metric.",
        ),
        *ways("equality taken for a violation", same, equality, equality_and_the_end),
        Mistake(
            "float noise taken for a violation",
            noise,
            "In your triple both sides are equal up to the last digit. A point on a line gives "
            "0.1 + 0.2 against 0.3: that is rounding, and no shortcut.",
        ),
        *ways("tolerance of a fixed size", units, fixed, numpys_fixed),
        *ways(
            "inequality the wrong way round",
            backwards,
            wrong_way,
            wrong_way_or_equal,
            wrong_way_and_back,
        ),
        *ways(
            "middle point in the wrong place",
            order,
            changed(lambda D, i, j, k: (i, k, j)),
            changed(lambda D, i, j, k: (j, i, k)),
            in_order,
        ),
        *ways(
            "not every order of the points",
            missed,
            increasing,
            increasing_ends,
            middle_at_the_end,
            middle_at_the_start,
            consecutive,
        ),
        *ways("says whether, not where", yes_or_no, says_whether, says_metric),
        Mistake(
            "every triple",
            all_of_them,
            "You return every triple that breaks the inequality, as a table. Asked is one.",
        ),
        Mistake(
            "distances for indices",
            changed(lambda D, i, j, k: (D[i, j], D[j, k], D[i, k])),
            "You return the three distances. Asked are the indices of the three points.",
        ),
        *ways("not the empty tuple", nothing, runs_out, false_for_none, minus_ones),
        Mistake(
            "always a triple",
            largest_excess,
            "Your answer returns a triple in every case. Even in a metric one triple comes nearest "
            "to breaking the inequality; that does not mean that it does.",
        ),
    )


TRIANGLE = Exercise(
    number="01.1",
    name="find_triangle_violation",
    title="A violation of the triangle inequality",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "`D` holds what somebody calls the distances of $n$ points: it is symmetric, zero on the "
        "diagonal and nowhere negative. Write a function that returns three indices `(i, j, k)` "
        "with\n\n$$D_{ik} > D_{ij} + D_{jk}$$\n\n"
        "so that the direct way from $i$ to $k$ is longer than the way over $j$. Any such triple "
        "is right. If there is none, return the empty tuple `()`.\n\n"
        "Rounding is no violation: a difference below $10^{-10}$ times the largest entry of `D` "
        "counts as zero."
    ),
    skeleton='''def find_triangle_violation(D):
    """Return indices (i, j, k) with D[i, k] > D[i, j] + D[j, k], or () if there are none.

    D: (n, n), symmetric, zeros on the diagonal. Returns: three indices, or the empty tuple.
    """''',
    hints=(
        "How many triples are there for n = 3 points, if the order counts? Write down the "
        "inequality for each with the squared distances of 0, 1 and 2.",
        "Three nested loops are enough here. Ask of each of them whether it may skip a point: "
        "does the middle one have to lie between the others in index?",
        "Compute the difference of the two sides, and look at it for points on a line, such as "
        "0, 0.1 and 0.3. With what should a difference of 1e-17 be compared?",
    ),
    groups={"values": 2, "rounding": 1},
    cases=_violation_cases,
    reference=lambda variant: _find_violation,
    mistakes=_violation_mistakes,
    digest=_violation_digest,
)


# ---------------------------------------------------------------- 01.2 kl_gaussian


def _covariance(rng: Rng, d: int, scale: float = 1.0) -> np.ndarray:
    """A covariance with eigenvalues between a half and four, times ``scale``."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    values = scale * np.linspace(0.5, 4, d + 1)[1:] * rng.uniform(0.9, 1, d)
    S = (vectors * values) @ vectors.T
    return (S + S.T) / 2


def _gaussian_cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, *arrays: np.ndarray, **more: str) -> Case:
        # Worked out once: at d = 200 the eigenvalues take longer than the answer.
        return named(name, *arrays, given={"size": _gaussian_size(*arrays)}, **more)

    named = cases_of("m0", "S0", "m1", "S1")

    def drawn(d: int, scale: float = 1.0) -> list[np.ndarray]:
        size = np.sqrt(scale)
        pairs = ((size * rng.normal(size=d), _covariance(rng, d, scale)) for _ in range(2))
        return [array for pair in pairs for array in pair]

    m0, S0, m1, S1 = drawn(3)
    return [
        case("one dimension", *map(np.array, ([0.0], [[1.0]], [1.0], [[4.0]]))),
        case("the same Gaussian twice", m0, S0, m0, S0),
        case("equal covariances", m0, S0, m1, S0),
        case("equal means", m0, S0, m0, S1),
        case("three dimensions", m0, S0, m1, S1),
        case("six dimensions", *drawn(6)),
        case("200 dimensions, small variances", *drawn(200, 1e-4), group="edge"),
        case("200 dimensions, large variances", *drawn(200, 1e4), group="edge"),
        case("float32", *(a.astype(np.float32) for a in drawn(3)), group="edge"),
        case("Fortran order", *drawn(4), group="edge", layout="F"),
        case("every second row of a larger array", *drawn(4), group="edge", layout="strided"),
    ]


def _gaussian_parts(m0, S0, m1, S1) -> tuple:
    """The trace, the quadratic form, the dimension and the difference of the log-determinants."""
    trace = np.trace(np.linalg.solve(S1, S0))
    quadratic = (m1 - m0) @ np.linalg.solve(S1, m1 - m0)
    return trace, quadratic, len(m0), _logdet(S1) - _logdet(S0)


def _logdet(S):
    return np.linalg.slogdet(S)[1]


def _kl_gaussian(m0, S0, m1, S1):
    trace, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
    return 0.5 * (trace + quadratic - d + logdets)


def _gaussian_size(m0, S0, m1, S1) -> float:
    """The size of the terms, times what solving with a covariance magnifies.

    Solving with S is good to cond(S) roundoffs, and so is each pivot under a logarithm.
    """
    spectra = [np.linalg.eigvalsh(np.asarray(S, np.float64)) for S in (S0, S1)]
    worst = max(values[-1] / values[0] for values in spectra)
    trace = np.linalg.norm(spectra[0]) * np.linalg.norm(1 / spectra[1])
    quadratic = np.sum((m1 - m0) ** 2) / spectra[1][0]
    logs = np.abs(np.log(spectra)).sum()
    return float(worst * (trace + quadratic + len(m0)) + logs)


def _gaussian_budget(case: Case, expected: Arrays) -> Arrays:
    length = 4 * len(case.inputs["m0"]) + 8
    return {"result": rounding(case, length, case.given["size"])}


def _gaussian_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    inverse = np.linalg.inv

    def swapped(m0, S0, m1, S1):
        return _kl_gaussian(m1, S1, m0, S0)

    def both(m0, S0, m1, S1):
        return _kl_gaussian(m0, S0, m1, S1) + _kl_gaussian(m1, S1, m0, S0)

    def no_dimension(m0, S0, m1, S1):
        return _kl_gaussian(m0, S0, m1, S1) + len(m0) / 2

    def plus_dimension(m0, S0, m1, S1):
        return _kl_gaussian(m0, S0, m1, S1) + len(m0)

    def no_half(m0, S0, m1, S1):
        return 2 * _kl_gaussian(m0, S0, m1, S1)

    def half_without_logs(m0, S0, m1, S1):
        trace, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d) + logdets

    def half_at_the_trace(m0, S0, m1, S1):
        trace, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * trace + quadratic - d + logdets

    def whole_dimension(m0, S0, m1, S1):
        return _kl_gaussian(m0, S0, m1, S1) - len(m0) / 2

    def two_values(m0, S0, m1, S1):
        trace, quadratic, d, _ = _gaussian_parts(m0, S0, m1, S1)
        logdets = np.array(np.linalg.slogdet(S1)) - np.array(np.linalg.slogdet(S0))
        return 0.5 * (trace + quadratic - d + logdets)

    def determinants(m0, S0, m1, S1):
        trace, quadratic, d, _ = _gaussian_parts(m0, S0, m1, S1)
        ratio = np.linalg.det(S1) / np.linalg.det(S0)
        return 0.5 * (trace + quadratic - d + np.log(ratio))

    def other_inverse(m0, S0, m1, S1):
        difference = m1 - m0
        trace = np.trace(inverse(S0) @ S1)
        quadratic = difference @ inverse(S0) @ difference
        return 0.5 * (trace + quadratic - len(m0) + _logdet(S1) - _logdet(S0))

    def other_inverse_in_the_trace(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S0) @ S1) + quadratic - d + logdets)

    def other_inverse_in_the_form(m0, S0, m1, S1):
        trace, _, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (trace + (m1 - m0) @ inverse(S0) @ (m1 - m0) - d + logdets)

    def log_sign(m0, S0, m1, S1):
        trace, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d - logdets)

    def no_logs(m0, S0, m1, S1):
        trace, quadratic, d, _ = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d)

    def ruler(S):
        return np.eye(len(S))

    def form(middle):
        def other_form(m0, S0, m1, S1):
            trace, _, d, logdets = _gaussian_parts(m0, S0, m1, S1)
            return 0.5 * (trace + (m1 - m0) @ middle(S1) @ (m1 - m0) - d + logdets)

        return other_form

    def root_of_form(m0, S0, m1, S1):
        trace, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (trace + np.sqrt(quadratic) - d + logdets)

    def no_means(m0, S0, m1, S1):
        return _kl_gaussian(m0, S0, m0, S1)

    def no_trace(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (quadratic - d + logdets)

    def elementwise(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S1) * S0) + quadratic - d + logdets)

    def whole_product(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (np.sum(inverse(S1) @ S0) + quadratic - d + logdets)

    def divided(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(S0 / S1) + quadratic - d + logdets)

    def traces_apart(m0, S0, m1, S1):
        _, quadratic, d, logdets = _gaussian_parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S1)) * np.trace(S0) + quadratic - d + logdets)

    def variances_alone(m0, S0, m1, S1):
        return _kl_gaussian(m0, np.diag(np.diag(S0)), m1, np.diag(np.diag(S1)))

    halves = (
        "Your ½ stands before some of the terms and not before all. The normalising constant holds "
        "a square root, and a logarithm makes a ½ of it."
    )
    wrong_one = (
        "The inverse of S0 stands in your formula. Under N0 the exponent of N0 itself has a mean "
        "that depends on d alone; it is the other exponent whose mean needs an inverse."
    )
    not_the_form = (
        "Your term for the means is not a quadratic form of the inverse. The wider the second "
        "Gaussian is, the smaller this term has to be."
    )
    not_the_trace = (
        "Your trace is not that of a matrix product: `*` and `/` work entry by entry, a sum over "
        "all entries is no trace, and the trace of a product is not the product of the traces."
    )
    dimension = (
        "Your result is not zero for a Gaussian against itself. What is left over grows with the "
        "dimension d, and does not depend on anything else."
    )
    return (
        Mistake(
            "arguments swapped",
            swapped,
            "You computed KL(N1‖N0). The two directions differ: the mean is taken under the "
            "distribution that is named first.",
        ),
        Mistake(
            "both directions added",
            both,
            "You added both directions. That is Jeffrey's divergence; asked is the one from N0 "
            "to N1.",
        ),
        *ways("missing −d", dimension, no_dimension, plus_dimension),
        Mistake(
            "missing ½",
            no_half,
            "Your result is twice too large. The exponent of a Gaussian has a factor, and so does "
            "the logarithm of its normalising constant.",
        ),
        *ways("½ not everywhere", halves, half_without_logs, half_at_the_trace, whole_dimension),
        Mistake(
            "both values of slogdet",
            two_values,
            "Your result holds two numbers. `slogdet` returns the sign of the determinant and the "
            "logarithm of its size, and both went into your sum.",
        ),
        Mistake(
            "det for logdet",
            determinants,
            "In 200 dimensions your determinants leave the range of floating-point numbers: they "
            "become 0 or infinite, and what is made of them is NaN. Their logarithms are of "
            "moderate size.",
        ),
        *ways(
            "inverse of the wrong covariance",
            wrong_one,
            other_inverse,
            other_inverse_in_the_trace,
            other_inverse_in_the_form,
        ),
        Mistake(
            "sign of the log-determinants",
            log_sign,
            "Your two log-determinants have each other's sign. Your result can then be negative, "
            "and a divergence never is.",
        ),
        Mistake(
            "log-determinants left out",
            no_logs,
            "The log-determinants have no part in your result. `slogdet` returns two things, the "
            "sign and the logarithm; the sign of a covariance is always 1.",
        ),
        *ways("quadratic form not with the inverse", not_the_form, form(lambda S: S), form(ruler)),
        Mistake(
            "root of the quadratic form",
            root_of_form,
            "You took the Mahalanobis distance of the means. In the exponent of a Gaussian stands "
            "its square.",
        ),
        Mistake(
            "means left out",
            no_means,
            "The means have no part in your result: two Gaussians of one shape are at zero "
            "wherever they lie.",
        ),
        Mistake(
            "trace left out",
            no_trace,
            "Your result is negative for a Gaussian against itself. How far samples of N0 spread, "
            "measured by N1, has no part in it.",
        ),
        *ways(
            "trace of something else",
            not_the_trace,
            elementwise,
            divided,
            whole_product,
            traces_apart,
        ),
        Mistake(
            "only the variances",
            variances_alone,
            "Your result depends on the diagonals of the covariances alone. The correlations of "
            "the coordinates belong to the two Gaussians too.",
        ),
    )


KL_GAUSSIAN = Exercise(
    number="01.2",
    name="kl_gaussian",
    title="Kullback–Leibler between Gaussians",
    points=3,
    minutes=20,
    kind=Function(),
    statement=(
        "Write a function that returns the Kullback–Leibler divergence from $N_0 = N(m_0, S_0)$ "
        "to $N_1 = N(m_1, S_1)$ in nats:\n\n"
        "$$\\mathrm{KL}(N_0 \\Vert N_1) = E_{x \\sim N_0}\\left[\\log \\frac{N_0(x)}{N_1(x)}"
        "\\right], \\qquad N(x) = \\frac{\\exp\\left(-\\frac12 (x - m)^\\top S^{-1} (x - m)"
        "\\right)}{\\sqrt{\\det(2 \\pi S)}}$$\n\n"
        "Use its closed form, which has a trace, a quadratic form of the means, the dimension $d$ "
        "and the log-determinants. Both covariances are positive definite, and $d$ may be 200: "
        "the determinant itself can then be too small or too large for a float."
    ),
    skeleton='''def kl_gaussian(m0, S0, m1, S1):
    """Return KL(N0 ‖ N1) in nats, for N0 = N(m0, S0) and N1 = N(m1, S1).

    m0, m1: (d,), means. S0, S1: (d, d), positive definite covariances. Returns: a number.
    """''',
    hints=(
        "Write down log N0(x) − log N1(x). Which parts depend on x, and which are constants?",
        "For x from N0, the mean of (x − m)ᵀ A (x − m) is trace(A·S0) plus the same form with x "
        "replaced by m0. Use it twice: once for each exponent. One of the two gives d.",
        "Check your formula by hand for d = 1, m0 = 0, S0 = 1, m1 = 1, S1 = 4: the result is "
        "(log 4)/2 − 1/4. Then look up what `numpy.linalg.slogdet` returns.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_gaussian_cases,
    reference=lambda variant: _kl_gaussian,
    mistakes=_gaussian_mistakes,
    budget=_gaussian_budget,
)


# ---------------------------------------------------------------- histograms


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum()


def _kl_terms(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p·log(p/q) bin by bin: 0 where p is 0, infinite where only q is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(p / q), 0.0)


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _kl_terms(p, q).sum()


def _kl_of(logarithm: Callable) -> Measure:
    """The divergence with another logarithm in place of the natural one."""
    return lambda p, q: _kl(p, q) * logarithm(np.e)


def _log_sizes(p: np.ndarray) -> np.ndarray:
    return 1 + np.abs(np.log(np.where(p > 0, p, 1.0)))


def _kl_budget(case: Case, expected: Arrays) -> Arrays:
    """p·log(p/q) and p·log p − p·log q are both allowed: this is the size of their terms."""
    p, q = (_shares(np.asarray(a, np.float64)) for a in case.inputs.values())
    sizes = np.sum((p + q) * (_log_sizes(p) + _log_sizes(q)))
    return {"result": rounding(case, len(p) + 8, sizes)}


def _counts(rng: Rng, bins: int) -> np.ndarray:
    return rng.integers(1, 20, bins).astype(np.float64)


def _histogram_pairs(rng: Rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Counts without an empty bin, by the name of their case."""
    return {
        "two bins": (np.array([1.0, 3.0]), np.array([3.0, 2.0])),
        "three bins": (np.array([2.0, 3.0, 5.0]), np.array([6.0, 1.0, 1.0])),
        "the same histogram twice": (np.array([1.0, 1.0]), np.array([1.0, 1.0])),
        "eight bins": (_counts(rng, 8), _counts(rng, 8)),
        # Shares that are exact, so that no rounding decides between 0 and the root of -2e-16.
        "a histogram and three times the same": (
            np.array([2.0, 1.0, 4.0, 1.0]),
            np.array([6.0, 3.0, 12.0, 3.0]),
        ),
        "fifty bins": (_counts(rng, 50), _counts(rng, 50)),
    }


def _empty_bin_pairs(rng: Rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Counts with empty bins, by the name of their case."""
    p, q = _counts(rng, 9), _counts(rng, 9)
    p[[1, 4]] = q[[1, 4]] = 0
    return {
        "a bin that is empty in both": (np.array([1.0, 0.0, 3.0]), np.array([3.0, 0.0, 2.0])),
        "a bin that is empty in p": (np.array([0.0, 2.0, 3.0]), np.array([2.0, 1.0, 1.0])),
        "a bin that is empty in q": (np.array([2.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])),
        "no bin in common": (np.array([2.0, 0.0]), np.array([0.0, 3.0])),
        "nine bins, two empty in both": (p, q),
    }


def _histogram_cases(rng: Rng, scaled: Callable = lambda counts: counts) -> list[Case]:
    def case(name: str, p: np.ndarray, q: np.ndarray, **more: str) -> Case:
        return named(name, scaled(p), scaled(q), **more)

    named = cases_of("p", "q")
    single = [_counts(rng, 5) for _ in range(2)]
    return [
        *(case(name, *pair) for name, pair in _histogram_pairs(rng).items()),
        *(case(name, *pair, group="edge") for name, pair in _empty_bin_pairs(rng).items()),
        case("float32", *(a.astype(np.float32) for a in single), group="edge"),
        case("every second entry of a larger array", *single, group="edge", layout="strided"),
    ]


def _drawn_histograms(rng: Rng, variant: Variant) -> list[Case]:
    return _histogram_cases(rng)


def _otherwise_scaled(measure: Measure) -> tuple[Measure, ...]:
    """The measure of counts that somebody divided by something else than their sum."""

    def by(size: Callable) -> Measure:
        return lambda p, q: measure(p / size(p), q / size(q))

    def together(p, q):
        return measure(p / (p.sum() + q.sum()), q / (p.sum() + q.sum()))

    return by(np.max), by(np.linalg.norm), by(len), together


def _lifted(measure: Measure) -> list[Measure]:
    """The measure with a small number added to each bin, or put where a bin is smaller."""

    def after(amount: float) -> Measure:
        return lambda p, q: measure(p + amount, q + amount)

    def at_least(amount: float) -> Measure:
        return lambda p, q: measure(np.maximum(p, amount), np.maximum(q, amount))

    return [lift(amount) for amount in _SMALL for lift in (after, at_least)]


def _on_shares(measure: Measure) -> Measure:
    return lambda p, q: measure(_shares(p), _shares(q))


# ---------------------------------------------------------------- 01.2b kl_discrete


def _kl_discrete_cases(rng: Rng, variant: Variant) -> list[Case]:
    return _histogram_cases(rng, scaled=_shares)


def _kl_discrete_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def ratio_of_logs(p, q):
        return np.sum(p * np.log(p) / np.log(q))

    def plain(p, q):
        return np.sum(p * np.log(p / q))

    def plain_loop(p, q):
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))

    def infinite_for_any_zero(p, q):
        return np.inf if (q == 0).any() else _kl(p, q)

    def infinite_or_plain(p, q):
        return np.inf if (q == 0).any() else plain(p, q)

    def bins_of_q(p, q):
        return np.sum(np.where(q > 0, p * np.log(p / q), 0))

    def common_bins(p, q):
        kept = (p > 0) & (q > 0)
        return np.sum(p[kept] * np.log(p[kept] / q[kept]))

    def large_number(p, q):
        return np.sum(np.nan_to_num(p * np.log(p / q)))

    def zero_for_infinite(p, q):
        terms = p * np.log(p / q)
        return np.sum(np.where(np.isfinite(terms), terms, 0))

    def swapped(p, q):
        return _kl(q, p)

    def negative(p, q):
        return -_kl(p, q)

    def absolute(p, q):
        return np.abs(_kl_terms(p, q)).sum()

    def unweighted(p, q):
        return np.sum(np.log(p / q))

    def weighted_by_q(p, q):
        return np.sum(q * np.log(p / q))

    def average(p, q):
        return _kl(p, q) / len(p)

    def cross_entropy(p, q):
        return -np.sum(np.where(p > 0, p * np.log(q), 0))

    def both(p, q):
        return _kl(p, q) + _kl(q, p)

    def inside(amount: float) -> Measure:
        return lambda p, q: np.sum(p * np.log((p + amount) / (q + amount)))

    def after_the_ratio(amount: float) -> Measure:
        return lambda p, q: np.sum(p * np.log(p / q + amount))

    def below(amount: float) -> Measure:
        return lambda p, q: _kl(p, q + amount)

    def q_at_least(amount: float) -> Measure:
        return lambda p, q: _kl(p, np.maximum(q, amount))

    zeros = (
        "A bin with p = 0 spoils the sum. In floating point, zero times the logarithm of zero is "
        "NaN, and `math.log` stops there; by convention it is 0."
    )
    too_soon = (
        "Your result is infinite as soon as one bin of q is empty. If p is zero in that bin too, q "
        "calls nothing impossible that happens under p."
    )
    finite = (
        "One bin has q = 0 and p > 0, and your result stays finite: you leave such bins out. What "
        "q calls impossible happens under p, and the divergence says so."
    )
    small = (
        "You add a small number to the bins, or put it where one is empty. Your result is then "
        "finite where q calls something impossible that p does, and depends on that number."
    )
    lifts = [
        *_lifted(_kl),
        *_lifted(_on_shares(_kl)),
        *(
            lift(amount)
            for amount in _SMALL
            for lift in (inside, after_the_ratio, below, q_at_least)
        ),
    ]
    return (
        Mistake(
            "ratio of logs",
            ratio_of_logs,
            "You divide the logarithm of p by that of q. This form stands in print, and it gives 1 "
            "where p and q are the same; a divergence gives 0 there.",
        ),
        *ways("zero bins give NaN", zeros, plain, plain_loop),
        *ways("infinite for any zero", too_soon, infinite_for_any_zero, infinite_or_plain),
        *ways("bins with q = 0 left out", finite, common_bins, bins_of_q, zero_for_infinite),
        Mistake(
            "a large number for infinity",
            large_number,
            "`nan_to_num` replaces NaN by 0, and infinity by the largest float too. Where q calls "
            "something impossible that p does, the divergence is infinite.",
        ),
        *ways("another base", _NATS, *(_kl_of(log) for log in _OTHER_LOGS)),
        Mistake(
            "arguments swapped",
            swapped,
            "You computed KL(q‖p). The two directions differ: the weights are those of the "
            "distribution that is named first.",
        ),
        Mistake(
            "weighted by q",
            weighted_by_q,
            "Your sum weighs each bin with q. The mean is taken under p.",
        ),
        Mistake(
            "no weights",
            unweighted,
            "Your sum gives each bin the same weight, a rare one as much as a frequent one. The "
            "mean is taken under p.",
        ),
        Mistake(
            "the sign",
            negative,
            "Your result has the other sign: it is never above zero, and a divergence is never "
            "below.",
        ),
        Mistake(
            "absolute values",
            absolute,
            "You took absolute values bin by bin. Single terms may be negative; the sum of them "
            "all never is, and needs no help.",
        ),
        Mistake(
            "the mean over bins",
            average,
            "You divide by the number of bins. The weights of the mean are the p, and they are in "
            "the sum already.",
        ),
        Mistake(
            "the cross-entropy",
            cross_entropy,
            "Your result is the cross-entropy −Σ p log q. For p = q it is the entropy of p, where "
            "a divergence is 0.",
        ),
        Mistake(
            "both directions added",
            both,
            "You added both directions. That is Jeffrey's divergence; asked is the one from p "
            "to q.",
        ),
        *ways("a small number added", small, *lifts),
    )


KL_DISCRETE = Exercise(
    number="01.2b",
    name="kl_discrete",
    title="Kullback–Leibler between histograms",
    points=2,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that returns the Kullback–Leibler divergence of two histograms that sum "
        "to 1, in nats:\n\n$$\\mathrm{KL}(p \\Vert q) = \\sum_b p_b \\log \\frac{p_b}{q_b}$$\n\n"
        "A bin with $p_b = 0$ adds 0, whatever $q_b$ is. If a bin has $p_b > 0$ and $q_b = 0$, the "
        "result is infinite (`np.inf`)."
    ),
    skeleton='''def kl_discrete(p, q):
    """Return KL(p ‖ q) in nats for two histograms that sum to 1.

    p, q: (bins,), not negative. Returns: a number, infinite where p > 0 meets q = 0.
    """''',
    hints=(
        "What should the divergence of a histogram from itself be? Try your function on it first.",
        "Compute the terms for p = (0, 1) and q = (0.5, 0.5) by hand, then let NumPy do it. Which "
        "product is not what the convention says?",
        "One kind of empty bin adds nothing, the other makes the sum infinite. Decide for which "
        "of them your function does not need to compute a logarithm at all.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_kl_discrete_cases,
    reference=lambda variant: _kl,
    mistakes=_kl_discrete_mistakes,
    budget=_kl_budget,
)


# ---------------------------------------------------------------- 01.3 jeffrey


def _jeffrey_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _kl(p, q) + _kl(q, p)


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2


def _jeffrey_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def plain_terms(p, q):
        return np.sum((p - q) * np.log(p / q))

    def plain_sums(p, q):
        return np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p))

    def plain_loop(p, q):
        return sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))

    def common_bins(p, q):
        kept = (p > 0) & (q > 0)
        return plain_terms(p[kept], q[kept])

    def large_number(p, q):
        return np.sum(np.nan_to_num((p - q) * np.log(p / q)))

    def large_numbers(p, q):
        terms = np.nan_to_num(p * np.log(p / q)) + np.nan_to_num(q * np.log(q / p))
        return np.sum(terms)

    def logarithm(log: Callable) -> Measure:
        return lambda p, q: _jeffrey_of_shares(p, q) * log(np.e)

    def before(amount: float) -> Measure:
        return lambda p, q: _on_shares(_jeffrey_of_shares)(p + amount, q + amount)

    one_way = (
        "Your result has one direction only. It changes when p and q change places, and Jeffrey's "
        "divergence does not."
    )
    zeros = (
        "An empty bin spoils the sum. In floating point, zero times the logarithm of zero is NaN, "
        "and `math.log` stops there."
    )
    shannon = (
        "You compare p and q with their average: that is Jensen–Shannon (or its root). It stays "
        "finite where Jeffrey's divergence is infinite."
    )
    finite = (
        "A bin is empty in one histogram and not in the other, and your result stays finite: you "
        "leave such bins out. One of the two directions is infinite there."
    )
    large = (
        "`nan_to_num` replaces NaN by 0, and infinity by the largest float too. A bin that is "
        "empty in one histogram only makes the divergence infinite."
    )
    small = (
        "You add a small number to the bins, or put it where one is empty. Your result is then "
        "finite where one histogram alone has an empty bin, and depends on that number."
    )
    lifts = [of(lift) for lift in _lifted(_jeffrey_of_shares)]
    lifts += [before(amount) for amount in (1.0, 0.5, *_SMALL)]
    scales = _otherwise_scaled(_jeffrey_of_shares)
    return (
        Mistake("not normalised", _jeffrey_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        *ways("one direction only", one_way, of(_kl), of(lambda p, q: _kl(q, p))),
        Mistake(
            "half of it",
            of(lambda p, q: _jeffrey_of_shares(p, q) / 2),
            "Your result is half of what is asked: the mean of the two directions. Jeffrey's "
            "divergence is their sum.",
        ),
        Mistake("Jensen–Shannon in its place", of(_jensen_shannon), shannon),
        Mistake(
            "Jensen–Shannon in its place",
            of(lambda p, q: np.sqrt(np.maximum(_jensen_shannon(p, q), 0))),
            shannon,
        ),
        *ways("another base", _NATS, *(of(logarithm(log)) for log in _OTHER_LOGS)),
        *ways("zero bins give NaN", zeros, of(plain_terms), of(plain_sums), of(plain_loop)),
        Mistake("bins with one zero left out", of(common_bins), finite),
        *ways("a large number for infinity", large, of(large_number), of(large_numbers)),
        Mistake(
            "the sign",
            of(lambda p, q: -_jeffrey_of_shares(p, q)),
            "Your result has the other sign: it is never above zero, and a divergence is never "
            "below.",
        ),
        Mistake(
            "one direction subtracted",
            of(lambda p, q: _kl(p, q) - _kl(q, p)),
            "You subtract one direction from the other. The result changes its sign when p and q "
            "change places.",
        ),
        *ways("a small number added", small, *lifts),
    )


JEFFREY = Exercise(
    number="01.3",
    name="jeffrey",
    title="Jeffrey's divergence",
    points=2,
    minutes=12,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$J(\\hat p, \\hat q) = \\mathrm{KL}(\\hat p \\Vert \\hat q) + "
        "\\mathrm{KL}(\\hat q \\Vert \\hat p)$$\n\n"
        "in nats. A bin that is empty in both adds 0. If a bin is empty in one of them only, the "
        "result is infinite (`np.inf`)."
    ),
    skeleton='''def jeffrey(p, q):
    """Return Jeffrey's divergence in nats between two histograms of counts.

    p, q: (bins,), not negative, of any total. Returns: a number, infinite where one is zero.
    """''',
    hints=(
        "Two histograms of the same die, from 100 and from 300 throws, should be at zero. What "
        "has to happen to the counts before they can be compared?",
        "Write both divergences bin by bin and take out the common factor log(p/q). Which factor "
        "stands in front of it?",
        "There are four kinds of bins: p and q each zero or not. Write down what each adds, then "
        "ask NumPy for all four. One of them does not come out as it should.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_drawn_histograms,
    reference=lambda variant: _on_shares(_jeffrey_of_shares),
    mistakes=_jeffrey_mistakes,
    budget=_kl_budget,
)


# ---------------------------------------------------------------- 01.4 bhattacharyya


def _coefficient(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(p * q).sum()


def _minus_log(value: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return -np.log(value)


def _bhattacharyya_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _minus_log(_coefficient(p, q))


def _bhattacharyya_budget(case: Case, expected: Arrays) -> Arrays:
    """All terms are positive, so the coefficient is good to a few roundoffs of itself."""
    p, q = (_shares(np.asarray(a, np.float64)) for a in case.inputs.values())
    coefficient = _coefficient(p, q)
    size = 1 + abs(np.log(coefficient)) if coefficient > 0 else 1.0
    return {"result": rounding(case, len(p) + 8, size)}


def _bhattacharyya_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def root_over_the_sum(p, q):
        return _minus_log(np.sqrt(np.sum(p * q)))

    def roots_apart(p, q):
        return _minus_log(np.sqrt(p).sum() * np.sqrt(q).sum())

    def logs_inside(p, q):
        return np.sum(_minus_log(np.sqrt(p * q)))

    def hellinger(p, q):
        return np.sqrt(np.maximum(1 - _coefficient(p, q), 0))

    def average(p, q):
        return _minus_log(np.mean(np.sqrt(p * q)))

    def logarithm(log: Callable) -> Measure:
        return lambda p, q: _bhattacharyya_of_shares(p, q) * log(np.e)

    def raised(amount: float) -> Measure:
        return lambda p, q: -np.log(_coefficient(p, q) + amount)

    def at_least(amount: float) -> Measure:
        return lambda p, q: -np.log(np.maximum(_coefficient(p, q), amount))

    def zero_for_infinite(p, q):
        value = _bhattacharyya_of_shares(p, q)
        return value if np.isfinite(value) else np.zeros_like(value)

    def large_number(p, q):
        return np.nan_to_num(_bhattacharyya_of_shares(p, q))

    finite = (
        "Where the histograms have no bin in common, your result is finite: it depends on what you "
        "put in place of a logarithm of zero. Nothing lies farther apart than these two."
    )
    over = (
        "Your root covers the whole sum. The geometric mean √(pq) is taken in each bin, before the "
        "sum."
    )
    lifts = [lift(amount) for amount in _SMALL for lift in (raised, at_least)]
    lifts += [*_lifted(_bhattacharyya_of_shares), zero_for_infinite, large_number]
    scales = _otherwise_scaled(_bhattacharyya_of_shares)
    return (
        Mistake(
            "root forgotten",
            of(lambda p, q: _minus_log(np.sum(p * q))),
            "You sum the products p·q without their root. A histogram then does not lie at zero "
            "from itself.",
        ),
        Mistake(
            "the coefficient itself",
            of(_coefficient),
            "You return the coefficient: 1 for equal histograms, 0 for those with no bin in "
            "common. It measures likeness; asked is the distance that is made of it.",
        ),
        Mistake(
            "one minus the coefficient",
            of(lambda p, q: 1 - _coefficient(p, q)),
            "You subtract the coefficient from 1, so that no result is above 1. It is the square "
            "of the Hellinger distance; Bhattacharyya's has no such bound.",
        ),
        Mistake(
            "Hellinger in its place",
            of(hellinger),
            "Your result is the Hellinger distance. It is made of the same coefficient, in another "
            "way, and is never above 1.",
        ),
        Mistake("not normalised", _bhattacharyya_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        *ways("another base", _NATS, *(of(logarithm(log)) for log in _OTHER_LOGS)),
        Mistake("root over the sum", of(root_over_the_sum), over),
        Mistake(
            "sums of roots multiplied",
            of(roots_apart),
            "You multiply two sums of roots. The product is taken bin by bin; otherwise every bin "
            "of p meets every bin of q.",
        ),
        Mistake(
            "logarithm inside the sum",
            of(logs_inside),
            "You take a logarithm in each bin and sum those. There is one logarithm, of the whole "
            "sum.",
        ),
        Mistake(
            "the sign",
            of(lambda p, q: -_bhattacharyya_of_shares(p, q)),
            "Your result has the other sign: the coefficient is never above 1, so its logarithm is "
            "never above zero.",
        ),
        Mistake(
            "the mean over bins",
            of(average),
            "You take the mean over the bins. The p and q are shares already, and their sum over "
            "the bins is 1.",
        ),
        Mistake(
            "the angle in its place",
            of(lambda p, q: np.arccos(np.clip(_coefficient(p, q), -1, 1))),
            "You return the angle whose cosine is the coefficient. It is never above π/2; "
            "Bhattacharyya's distance has no such bound.",
        ),
        Mistake(
            "math.log of zero",
            of(lambda p, q: -math.log(_coefficient(p, q))),
            "Where the histograms have no bin in common, `math.log` stops with an error. Its "
            "argument is 0 there, and asked is an infinite distance.",
        ),
        *ways("finite where nothing is shared", finite, *map(of, lifts)),
    )


BHATTACHARYYA = Exercise(
    number="01.4",
    name="bhattacharyya",
    title="The Bhattacharyya distance",
    points=2,
    minutes=10,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$B(\\hat p, \\hat q) = -\\log \\sum_b \\sqrt{\\hat p_b \\, \\hat q_b}$$\n\n"
        "in nats. For histograms with no bin in common the sum is 0 and the result is infinite "
        "(`np.inf`)."
    ),
    skeleton='''def bhattacharyya(p, q):
    """Return the Bhattacharyya distance in nats between two histograms of counts.

    p, q: (bins,), not negative, of any total. Returns: a number, infinite if they share nothing.
    """''',
    hints=(
        "The geometric mean of p and p is p. So which value does the sum have for equal "
        "histograms, and which the distance?",
        "Work from the inside out, one step a line: shares, products, roots, sum, logarithm.",
        "NumPy's logarithm of 0 is minus infinity, with a warning. That is the value you want; "
        "ask whether your function needs to treat this case at all.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_drawn_histograms,
    reference=lambda variant: _on_shares(_bhattacharyya_of_shares),
    mistakes=_bhattacharyya_mistakes,
    budget=_bhattacharyya_budget,
)


# ---------------------------------------------------------------- 01.4b matusita


def _matusita_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2))


def _matusita_budget(case: Case, expected: Arrays) -> Arrays:
    """The form √(2 − 2·Σ√(pq)) is allowed: its terms have the size 2, whatever is left of them."""
    squared = rounding(case, len(case.inputs["p"]) + 8, 4.0)
    return {name: root(squared, value) for name, value in expected.items()}


def _matusita_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def cancelled(p, q):
        return np.sqrt(2 - 2 * np.sum(np.sqrt(p) * np.sqrt(q)))

    def roots_scaled(p, q):
        return np.linalg.norm(_shares(np.sqrt(p)) - _shares(np.sqrt(q)))

    def no_factor(p, q):
        return np.sqrt(2 - np.sum(np.sqrt(p * q)))

    scales = _otherwise_scaled(_matusita_of_shares)
    return (
        Mistake(
            "root forgotten",
            of(lambda p, q: np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)),
            "Your result is the square of what is asked. The square of a distance need not obey "
            "the triangle inequality.",
        ),
        Mistake(
            "Hellinger's factor",
            of(lambda p, q: _matusita_of_shares(p, q) / np.sqrt(2)),
            "Your result is the Hellinger distance, which is smaller by the factor √2 so that its "
            "largest value is 1. Matusita's largest value is √2.",
        ),
        Mistake(
            "inner roots forgotten",
            of(lambda p, q: np.linalg.norm(p - q)),
            "You measure the Euclidean distance of p and q themselves. It hardly sees a "
            "difference between rare bins, however large the ratio.",
        ),
        Mistake("not normalised", _matusita_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        Mistake(
            "roots scaled in place of the counts",
            roots_scaled,
            "You take the roots first and scale them to a sum of 1. It is the counts that are "
            "shares of a whole; the squares of the roots have to sum to 1.",
        ),
        Mistake(
            "sum of absolute values",
            of(lambda p, q: np.sum(np.abs(np.sqrt(p) - np.sqrt(q)))),
            "You sum the absolute differences of the roots. That is the city-block distance "
            "between them, and asked is the straight one.",
        ),
        *ways(
            "root of the differences",
            "You take the root of the differences of p and q. Asked are the differences of the "
            "roots.",
            of(lambda p, q: np.sqrt(np.sum(np.abs(p - q)))),
            of(lambda p, q: np.linalg.norm(np.sqrt(p - q))),
        ),
        Mistake(
            "the mean over bins",
            of(lambda p, q: np.sqrt(np.mean((np.sqrt(p) - np.sqrt(q)) ** 2))),
            "You take the mean over the bins under the root. The same two dice, in a histogram "
            "with an extra empty bin, then lie closer together.",
        ),
        Mistake(
            "half of the cross term",
            of(no_factor),
            "You expanded the square and lost a factor: √p·√q appears in it twice. A histogram "
            "does not lie at zero from itself.",
        ),
        Mistake(
            "NaN from cancellation",
            of(cancelled),
            "For equal histograms 2 − 2·Σ√p√q comes out as −4e-16: rounding. Its square root "
            "is NaN.",
        ),
    )


MATUSITA = Exercise(
    number="01.4b",
    name="matusita",
    title="Matusita's distance",
    points=2,
    minutes=10,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$d(\\hat p, \\hat q) = \\sqrt{\\sum_b \\left(\\sqrt{\\hat p_b} - "
        "\\sqrt{\\hat q_b}\\right)^2}$$"
    ),
    skeleton='''def matusita(p, q):
    """Return Matusita's distance between two histograms of counts.

    p, q: (bins,), not negative, of any total. Returns: a number between 0 and the root of 2.
    """''',
    hints=(
        "Work from the inside out, one step a line: shares, roots, differences, squares, sum, "
        "root.",
        "Call u and v the vectors of the roots. You know a name for the distance that is asked "
        "between u and v.",
        "Two values to check: 0 for a histogram and three times the same, and √2 for two "
        "histograms with no bin in common.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_drawn_histograms,
    reference=lambda variant: _on_shares(_matusita_of_shares),
    mistakes=_matusita_mistakes,
    budget=_matusita_budget,
)


# ---------------------------------------------------------------- 01.5 cosine_to_euclidean


def _cosine_cases(rng: Rng, variant: Variant) -> list[Case]:
    def rows(n: int, d: int) -> np.ndarray:
        # Away from the axes, so that no column is zero and no row is short.
        return rng.uniform(0.3, 2, size=(n, d)) * rng.choice([-1.0, 1.0], size=(n, d))

    case = cases_of("X", "Y")
    X, Y, ray = rows(4, 3), rows(5, 3), rows(100, 5)
    lengths = rng.uniform(0.5, 20, size=(100, 1))
    single = [a.astype(np.float32) for a in (rows(4, 3), rows(2, 3))]
    return [
        case("one point against one", np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])),
        case("two short vectors", np.array([[0.3, 0.4]]), np.array([[0.5, -0.2]])),
        case("three points against two", rows(3, 2), rows(2, 2)),
        case("four points against five", X, Y),
        case("three points against three, in space", rows(3, 3), rows(3, 3)),
        case("four short vectors against five", X / 10, Y / 10),
        case("opposite directions", X[:1], -2 * X, group="edge"),
        case("the same directions at other lengths", ray, lengths * ray, group="edge"),
        case("float32", *single, group="edge"),
        case("Fortran order", X, Y, group="edge", layout="F"),
        case("every second row of a larger array", X, Y, group="edge", layout="strided"),
    ]


def _unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _cosines(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return _unit(X) @ _unit(Y).T


def _chords(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.array([np.linalg.norm(x - Y, axis=1) for x in X])


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

    def forms(scale: Callable) -> tuple[Measure, ...]:
        keeps = (lambda value: value, _not_negative, np.abs)
        return (*(by_formula(scale, keep) for keep in keeps), by_difference(scale))

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

    def longer(amount: float) -> Measure:
        def by_more(X):
            return X / (np.linalg.norm(X, axis=1, keepdims=True) + amount)

        return by_formula(by_more, _not_negative)

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
    amounts = [amount for amount in _SMALL if 1e-12 <= amount < 2e-6]
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
            *(lift(amount) for amount in amounts for lift in (longer, longer_together)),
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

EXERCISES = (TRIANGLE, KL_GAUSSIAN, KL_DISCRETE, JEFFREY, BHATTACHARYYA, MATUSITA, COSINE)
