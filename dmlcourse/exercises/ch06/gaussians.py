"""06.1, the Kullback–Leibler divergence between the Gaussians of two metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..ch03.shared import once
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import positive

Answer = Callable[..., Any]
Places = Callable[[Answer], Answer]


class Parts(NamedTuple):
    """tr(AB⁻¹), log det(AB⁻¹) and d, of which half a LogDet divergence is made."""

    trace: Any
    logdet: Any
    d: int


def _log_det(A: Any) -> Any:
    return np.linalg.slogdet(A)[1]


def _parts(A: Any, B: Any) -> Parts:
    return Parts(np.trace(np.linalg.solve(B, A)), _log_det(A) - _log_det(B), len(A))


def _half(parts: Parts) -> Any:
    return (parts.trace - parts.logdet - parts.d) / 2


def _places(variant: Variant) -> Places:
    """From a function of A and B = the inverted matrix to one of M0 and M.

    The mean is taken under the Gaussian that is named first. Its precision is inverted: that
    is its covariance.
    """
    if variant["back"]:
        return lambda of: lambda M0, M: of(M0, M)
    return lambda of: lambda M0, M: of(M, M0)


def _reference(variant: Variant) -> Answer:
    return _places(variant)(lambda A, B: _half(_parts(A, B)))


# ---------------------------------------------------------------- the cases


def _size(M0: np.ndarray, M: np.ndarray) -> float:
    """The size of the terms, times what two inversions magnify.

    Whoever goes back to the covariances inverts both matrices, and one of these once more.
    """
    spectra = [np.linalg.eigvalsh(np.asarray(S, np.float64)) for S in (M0, M)]
    worst = max(values[-1] / values[0] for values in spectra)
    (small, large), (other_small, other_large) = ((v[0], np.linalg.norm(v)) for v in spectra)
    trace = math.sqrt(len(M)) * max(large / other_small, other_large / small)
    return float(worst**2 * (trace + len(M)) + np.abs(np.log(spectra)).sum()) / 2


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, M0: np.ndarray, M: np.ndarray, **more: str) -> Case:
        # Worked out once: at d = 200 the eigenvalues take longer than the answer.
        return named(name, M0, M, given={"size": _size(M0, M)}, **more)

    named = cases_of("M0", "M")
    leaning, narrow = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[3.0, -1.0], [-1.0, 1.0]])
    M0, M = positive(rng, 3), positive(rng, 3)
    small, other, wide = (positive(rng, 200, scale) for scale in (1e-3, 1e-3, 1e3))
    single, edge = np.float32, {"group": "edge"}
    return [
        case("one number", np.array([[1.0]]), np.array([[4.0]])),
        case("two diagonal matrices", np.diag([1.0, 6.0]), np.diag([2.0, 2.0])),
        case("M0 is the identity", np.eye(2), leaning),
        case("M is the identity", leaning, np.eye(2)),
        case("two by two", leaning, narrow),
        case("the same metric twice", M, M),
        case("three by three", M0, M),
        case("six by six", positive(rng, 6), positive(rng, 6)),
        case("200 by 200, both small", small, other, **edge),
        case("200 by 200, M0 small and M large", small, wide, **edge),
        case("200 by 200, M0 large and M small", wide, small, **edge),
        case("float32", M0.astype(single), M.astype(single), **edge),
        case("Fortran order", M0, M, layout="F", **edge),
        case("every second row of a larger array", M0, M, layout="strided", **edge),
    ]


def _budget(case: Case, expected: Arrays) -> Arrays:
    length = 4 * len(case.inputs["M"]) + 8
    return {"result": rounding(case, length, case.given["size"])}


# ---------------------------------------------------------------- the mistakes


def _wrong_terms(made_of: Callable[[Callable[[Any, Any, int], Any]], Answer]) -> list[Mistake]:
    """The mistakes in how trace, log-determinant and d are put together."""
    return [
        Mistake(
            "½ missing",
            made_of(lambda trace, logdet, d: trace - logdet - d),
            "Your result is the whole LogDet divergence, twice what is asked. The exponent of a "
            "Gaussian has a ½, and so has the logarithm of its normalising constant.",
        ),
        *ways(
            "½ not everywhere",
            "Your ½ stands before some of the terms and not before all.",
            made_of(lambda trace, logdet, d: trace / 2 - logdet - d),
            made_of(lambda trace, logdet, d: trace - logdet / 2 - d),
            made_of(lambda trace, logdet, d: (trace - logdet) / 2 - d),
            made_of(lambda trace, logdet, d: (trace - d) / 2 - logdet),
            made_of(lambda trace, logdet, d: trace - (logdet + d) / 2),
        ),
        *ways(
            "−d missing",
            "Your result is not zero for a metric and itself. What is left over depends on the "
            "dimension d and on nothing else.",
            made_of(lambda trace, logdet, d: (trace - logdet) / 2),
            made_of(lambda trace, logdet, d: (trace - logdet + d) / 2),
            made_of(lambda trace, logdet, d: (trace - logdet - d * d) / 2),
            made_of(lambda trace, logdet, d: trace - logdet),
        ),
        *ways(
            "sign of the log-determinant",
            "Your log-determinant has the wrong sign. Your result can then be negative, and a "
            "divergence never is.",
            made_of(lambda trace, logdet, d: (trace + logdet - d) / 2),
            made_of(lambda trace, logdet, d: trace + logdet - d),
        ),
        *ways(
            "log-determinant left out",
            "The log-determinant has no part in your result. `slogdet` returns two things, the "
            "sign and the logarithm; the sign is 1 for every positive definite matrix.",
            made_of(lambda trace, logdet, d: (trace - d) / 2),
            made_of(lambda trace, logdet, d: (trace - 1 - d) / 2),
        ),
        Mistake(
            "trace left out",
            made_of(lambda trace, logdet, d: (-logdet - d) / 2),
            "The trace has no part in your result. It says how far samples of one Gaussian lie "
            "from the mean, measured by the other.",
        ),
        Mistake(
            "half of the log-determinant",
            made_of(lambda trace, logdet, d: (trace - logdet / 2 - d) / 2),
            "Your log-determinant is half of what it should be. The diagonal of a Cholesky factor "
            "has the root of the determinant as its product.",
        ),
        *ways(
            "another logarithm",
            "Your logarithm has another base than e, or the whole result is in bits. Asked are "
            "nats.",
            made_of(lambda trace, logdet, d: (trace - logdet / math.log(2) - d) / 2),
            made_of(lambda trace, logdet, d: (trace - logdet / math.log(10) - d) / 2),
            made_of(lambda trace, logdet, d: (trace - logdet - d) / 2 / math.log(2)),
        ),
        *ways(
            "log 2π left over",
            "A multiple of d·log 2π stands in your result. Both densities have this constant, and "
            "in their ratio it cancels.",
            made_of(lambda trace, logdet, d: (trace - logdet - d + d * math.log(2 * math.pi)) / 2),
            made_of(lambda trace, logdet, d: (trace - logdet - d) / 2 + d * math.log(2 * math.pi)),
        ),
        *ways(
            "divided by d",
            "Your result is a mean over the dimensions: it is divided by d. A divergence of "
            "densities adds them up.",
            made_of(lambda trace, logdet, d: (trace - logdet - d) / 2 / d),
        ),
        Mistake(
            "both values of slogdet",
            made_of(lambda trace, logdet, d: (trace - np.array([0, logdet]) - d) / 2),
            "Your result holds two numbers. `slogdet` returns the sign of the determinant and the "
            "logarithm of its size, and both went into your sum.",
        ),
        Mistake(
            "determinant without a logarithm",
            made_of(lambda trace, logdet, d: (trace - np.exp(logdet) - d) / 2),
            "You subtract the determinant itself. The logarithm of a density holds its logarithm.",
        ),
    ]


def _wrong_matrices(
    place: Places, parts: Callable, inverse: Callable, direction: tuple[str, str]
) -> list[Mistake]:
    """The mistakes in which matrix stands where."""
    first, second = direction

    def both(A, B):
        return _half(parts(A, B)) + _half(parts(B, A))

    def other_inverse(A, B):
        return _half(parts(A, B)._replace(trace=parts(B, A).trace))

    def no_inverse(A, B):
        return (np.sum(A * B) - _log_det(A) - _log_det(B) - len(A)) / 2

    def no_inverse_in_the_trace(A, B):
        return _half(parts(A, B)._replace(trace=np.sum(A * B)))

    def alone(A, B):
        return (np.trace(A) - _log_det(A) - len(A)) / 2

    def other_alone(A, B):
        return (np.trace(inverse(B)) + _log_det(B) - len(A)) / 2

    def variances(A, B):
        ratio = np.diag(A) / np.diag(B)
        return np.sum(ratio - np.log(ratio) - 1) / 2

    return [
        Mistake(
            "the other direction",
            place(lambda A, B: _half(parts(B, A))),
            f"You computed the divergence from p(·; {second}) to p(·; {first}). The same number "
            "comes out where the matrices are read as covariances, which a printed survey does. "
            "They are precisions: the larger the matrix, the narrower its Gaussian.",
        ),
        Mistake(
            "the other direction, ½ missing",
            place(lambda A, B: 2 * _half(parts(B, A))),
            f"Your result is twice the divergence from p(·; {second}) to p(·; {first}): the whole "
            "LogDet divergence, with its arguments in the other order.",
        ),
        *ways(
            "both directions",
            "You added both directions, or took their mean. That is symmetric, and another "
            "divergence.",
            place(both),
            place(lambda A, B: both(A, B) / 2),
            place(lambda A, B: both(A, B) * 2),
        ),
        Mistake(
            "two directions mixed",
            place(other_inverse),
            "Your trace belongs to one direction and your log-determinant to the other. Both are "
            "of one matrix, a product with one inverse.",
        ),
        *ways(
            "no inverse",
            "No matrix is inverted in your trace. For two equal metrics a product with an inverse "
            "is the identity, and M·M is not.",
            place(no_inverse),
            place(no_inverse_in_the_trace),
        ),
        *ways(
            "one metric only",
            "One of the two matrices has no part in your result. It is a divergence from or to the "
            "identity.",
            place(alone),
            place(other_alone),
        ),
        Mistake(
            "only the diagonals",
            place(variances),
            "Your result depends on the diagonals alone. The entries off the diagonal belong to "
            "both metrics too.",
        ),
    ]


def _wrong_products(place: Places, parts: Callable, inverse: Callable) -> list[Mistake]:
    """The mistakes in the product under the trace, and in the determinant."""
    det = once(np.linalg.det)

    def traced(trace: Callable[[Any, Any], Any]) -> Answer:
        return place(lambda A, B: _half(parts(A, B)._replace(trace=trace(A, B))))

    def by_determinants(logdet: Callable[[Any, Any], Any]) -> Answer:
        return place(lambda A, B: _half(parts(A, B)._replace(logdet=logdet(A, B))))

    return [
        *ways(
            "trace of something else",
            "Your trace is not that of a matrix product: `*` and `/` work entry by entry, a sum "
            "over all entries is no trace, and the trace of a product is not the product of the "
            "traces.",
            traced(lambda A, B: np.trace(A * inverse(B))),
            traced(lambda A, B: np.trace(A / B)),
            traced(lambda A, B: np.sum(A @ inverse(B))),
            traced(lambda A, B: np.trace(A) * np.trace(inverse(B))),
            traced(lambda A, B: np.trace(A) / np.trace(B)),
            traced(lambda A, B: np.trace(A - B)),
        ),
        Mistake(
            "entries inverted",
            traced(lambda A, B: np.trace(A @ (1 / B))),
            "You inverted the entries of a matrix one by one. The covariance is the inverse of a "
            "matrix.",
        ),
        Mistake(
            "the whole product",
            traced(lambda A, B: A @ inverse(B)),
            "Your result is a matrix: the trace is missing.",
        ),
        *ways(
            "logarithms of the diagonal",
            "You added up logarithms of entries on the diagonal. That is the log-determinant of a "
            "triangular matrix; of others it is something else.",
            by_determinants(lambda A, B: np.log(np.diag(A @ inverse(B))).sum()),
            by_determinants(lambda A, B: np.log(np.diag(A)).sum() - np.log(np.diag(B)).sum()),
        ),
        *ways(
            "det for slogdet",
            "In 200 dimensions your determinants leave the range of floating-point numbers: they "
            "become 0 or infinite, and what is made of them is NaN, infinite or an error. Their "
            "logarithms are of moderate size.",
            by_determinants(lambda A, B: np.log(det(A) / det(B))),
            by_determinants(lambda A, B: np.log(det(A)) - np.log(det(B))),
            by_determinants(lambda A, B: np.log(det(A @ inverse(B)))),
            by_determinants(lambda A, B: -np.log(det(B @ inverse(A)))),
            by_determinants(lambda A, B: math.log(det(A @ inverse(B)))),
            by_determinants(lambda A, B: math.log(det(A) / det(B))),
            by_determinants(lambda A, B: math.log(det(A)) - math.log(det(B))),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    place, parts, inverse = _places(variant), once(_parts), once(np.linalg.inv)

    def made_of(total: Callable[[Any, Any, int], Any]) -> Answer:
        return place(lambda A, B: total(*parts(A, B)))

    return (
        *_wrong_matrices(place, parts, inverse, _direction(variant)),
        *_wrong_terms(made_of),
        *_wrong_products(place, parts, inverse),
    )


# ---------------------------------------------------------------- the texts


def _direction(variant: Variant) -> tuple[str, str]:
    """Under which metric the mean is taken, and the other one."""
    return ("M", "M0") if variant["back"] else ("M0", "M")


def _statement(variant: Variant) -> str:
    first, second = (name.replace("0", "_0") for name in _direction(variant))
    return (
        "Every metric has its Gaussian. With a mean $\\mu$, which will not matter, it is\n\n"
        "$$p(x; M) = \\sqrt{\\det \\tfrac{M}{2 \\pi}} \\; \\exp\\left(-\\tfrac12 "
        "(x - \\mu)^\\top M (x - \\mu)\\right).$$\n\n"
        "$M$ is its *precision*, the inverse of the covariance: where the metric is large, the "
        "Gaussian is narrow. Write a function that returns the Kullback–Leibler divergence **from "
        f"$p(\\cdot; {first})$ to $p(\\cdot; {second})$**, in nats:\n\n"
        f"$$\\mathrm{{KL}} = E_{{x \\sim p(\\cdot; {first})}} \\left[\\log "
        f"\\frac{{p(x; {first})}}{{p(x; {second})}}\\right]$$\n\n"
        "It is half of a LogDet divergence (03.6) between the two matrices. In which order they "
        "stand is for you to find out. $d$ may be 200: a determinant can then be too small or too "
        "large for a float."
    )


def _skeleton(variant: Variant) -> str:
    first, second = _direction(variant)
    return f'''def kl_between_metrics(M0, M):
    """Return KL(p(·; {first}) ‖ p(·; {second})) in nats, for Gaussians with these precisions.

    M0, M: (d, d), symmetric positive definite. Returns: a number.
    """'''


KL_BETWEEN_METRICS = Exercise(
    number="06.1",
    name="kl_between_metrics",
    title="The Gaussians of two metrics",
    points=3,
    minutes=15,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Write down the logarithm of the ratio of the two densities. Which parts depend on x, and "
        "under which of the two Gaussians is their mean taken?",
        "For x with covariance S, the mean of (x − μ)ᵀA(x − μ) is trace(A·S). Use it twice. What "
        "is S here, and in which of the two cases is A·S the identity?",
        "Check your formula with d = 1: from precision 1 to precision 4 it is 3/2 − log 2, from "
        "precision 4 to precision 1 it is log 2 − 3/8. Then look up `numpy.linalg.slogdet`.",
    ),
    variants={"back": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    budget=_budget,
)
