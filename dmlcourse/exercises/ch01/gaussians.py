"""01.2, the Kullback–Leibler divergence between Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant


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
    small = drawn(200, 1e-4)
    # Each determinant leaves the range of floats, and so does that of one against the other.
    narrow, wide = small[:2], [1e3 * small[2], 1e6 * small[3]]
    return [
        case("one dimension", *map(np.array, ([0.0], [[1.0]], [1.0], [[4.0]]))),
        case("the same Gaussian twice", m0, S0, m0, S0),
        case("equal covariances", m0, S0, m1, S0),
        case("equal means", m0, S0, m0, S1),
        case("three dimensions", m0, S0, m1, S1),
        case("six dimensions", *drawn(6)),
        case("200 dimensions, small variances", *small, group="edge"),
        case("200 dimensions, N0 narrow and N1 wide", *narrow, *wide, group="edge"),
        case("200 dimensions, N0 wide and N1 narrow", *wide, *narrow, group="edge"),
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


def _once(compute: Callable) -> Callable:
    """The same function of arrays, worked out once for each set: the mistakes share their parts."""
    known: dict[tuple, Any] = {}

    def looked_up(*arrays: np.ndarray) -> Any:
        key = tuple((a.dtype, a.shape, hash(a.tobytes())) for a in arrays)
        if key not in known:
            known[key] = compute(*arrays)
        return known[key]

    return looked_up


def _gaussian_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    inverse, det = _once(np.linalg.inv), _once(np.linalg.det)
    parts, kl = _once(_gaussian_parts), _once(_kl_gaussian)

    def swapped(m0, S0, m1, S1):
        return kl(m1, S1, m0, S0)

    def both(m0, S0, m1, S1):
        return kl(m0, S0, m1, S1) + kl(m1, S1, m0, S0)

    def no_dimension(m0, S0, m1, S1):
        return kl(m0, S0, m1, S1) + len(m0) / 2

    def plus_dimension(m0, S0, m1, S1):
        return kl(m0, S0, m1, S1) + len(m0)

    def no_half(m0, S0, m1, S1):
        return 2 * kl(m0, S0, m1, S1)

    def half_without_logs(m0, S0, m1, S1):
        trace, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d) + logdets

    def half_at_the_trace(m0, S0, m1, S1):
        trace, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * trace + quadratic - d + logdets

    def whole_dimension(m0, S0, m1, S1):
        return kl(m0, S0, m1, S1) - len(m0) / 2

    def two_values(m0, S0, m1, S1):
        trace, quadratic, d, _ = parts(m0, S0, m1, S1)
        logdets = np.array(np.linalg.slogdet(S1)) - np.array(np.linalg.slogdet(S0))
        return 0.5 * (trace + quadratic - d + logdets)

    def by_determinants(logdets):
        def answer(m0, S0, m1, S1):
            trace, quadratic, d, _ = parts(m0, S0, m1, S1)
            return 0.5 * (trace + quadratic - d + logdets(S0, S1))

        return answer

    def half_of_the_logs(m0, S0, m1, S1):
        trace, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d + logdets / 2)

    def two_pi(times):
        return lambda m0, S0, m1, S1: kl(m0, S0, m1, S1) + times * len(m0) * np.log(2 * np.pi)

    def two_terms(m0, S0, m1, S1):
        trace, quadratic, *_ = parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic)

    def with_form(form):
        def other_product(m0, S0, m1, S1):
            trace, _, d, logdets = parts(m0, S0, m1, S1)
            return 0.5 * (trace + form(m1 - m0, inverse(S1)) - d + logdets)

        return other_product

    def other_inverse(m0, S0, m1, S1):
        difference = m1 - m0
        trace = np.trace(inverse(S0) @ S1)
        quadratic = difference @ inverse(S0) @ difference
        return 0.5 * (trace + quadratic - len(m0) + _logdet(S1) - _logdet(S0))

    def other_inverse_in_the_trace(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S0) @ S1) + quadratic - d + logdets)

    def other_inverse_in_the_form(m0, S0, m1, S1):
        trace, _, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (trace + (m1 - m0) @ inverse(S0) @ (m1 - m0) - d + logdets)

    def log_sign(m0, S0, m1, S1):
        trace, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d - logdets)

    def no_logs(m0, S0, m1, S1):
        trace, quadratic, d, _ = parts(m0, S0, m1, S1)
        return 0.5 * (trace + quadratic - d)

    def ruler(S):
        return np.eye(len(S))

    def form(middle):
        def other_form(m0, S0, m1, S1):
            trace, _, d, logdets = parts(m0, S0, m1, S1)
            return 0.5 * (trace + (m1 - m0) @ middle(S1) @ (m1 - m0) - d + logdets)

        return other_form

    def root_of_form(m0, S0, m1, S1):
        trace, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (trace + np.sqrt(quadratic) - d + logdets)

    def no_means(m0, S0, m1, S1):
        return kl(m0, S0, m0, S1)

    def no_trace(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (quadratic - d + logdets)

    def elementwise(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S1) * S0) + quadratic - d + logdets)

    def whole_product(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (np.sum(inverse(S1) @ S0) + quadratic - d + logdets)

    def divided(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(S0 / S1) + quadratic - d + logdets)

    def traces_apart(m0, S0, m1, S1):
        _, quadratic, d, logdets = parts(m0, S0, m1, S1)
        return 0.5 * (np.trace(inverse(S1)) * np.trace(S0) + quadratic - d + logdets)

    def variances_alone(m0, S0, m1, S1):
        return kl(m0, np.diag(np.diag(S0)), m1, np.diag(np.diag(S1)))

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
            "You added both directions. That is Jeffreys' divergence; asked is the one from N0 "
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
        *ways(
            "det for logdet",
            "In 200 dimensions your determinants leave the range of floating-point numbers: they "
            "become 0 or infinite, and what is made of them is NaN, infinite or an error. Their "
            "logarithms are of moderate size.",
            by_determinants(lambda S0, S1: np.log(det(S1) / det(S0))),
            by_determinants(lambda S0, S1: math.log(det(S1) / det(S0))),
            by_determinants(lambda S0, S1: math.log(det(S1)) - math.log(det(S0))),
            by_determinants(lambda S0, S1: np.log(det(inverse(S0) @ S1))),
            by_determinants(lambda S0, S1: math.log(det(inverse(S0) @ S1))),
        ),
        Mistake(
            "half of the log-determinants",
            half_of_the_logs,
            "Your log-determinants are half of what they should be. The diagonal of a Cholesky "
            "factor has the root of the determinant as its product.",
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
        *ways(
            "log 2π left over",
            "A multiple of d·log 2π stands in your result. Both densities have this constant, and "
            "in their ratio it cancels.",
            two_pi(0.5),
            two_pi(1),
        ),
        Mistake(
            "dimension and log-determinants left out",
            two_terms,
            "Trace and quadratic form are all of your result. For a Gaussian against itself d/2 "
            "is left over, and the normalising constants have no part in it.",
        ),
        *ways("quadratic form not with the inverse", not_the_form, form(lambda S: S), form(ruler)),
        *ways(
            "quadratic form entry by entry",
            "Your quadratic form is not made of two matrix products: `*` multiplies entry by "
            "entry. What comes out is a table, a list or a sum of other products.",
            with_form(lambda m, inverse: m * inverse * m),
            with_form(lambda m, inverse: m[:, None] * inverse * m),
            with_form(lambda m, inverse: m @ inverse * m),
            with_form(lambda m, inverse: np.sum(m * inverse * m)),
            with_form(lambda m, inverse: np.sum(m**2 * np.diag(inverse))),
        ),
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
