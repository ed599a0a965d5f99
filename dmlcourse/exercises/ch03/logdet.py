"""03.6, the LogDet divergence between positive definite matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import once

Answer = Callable[..., Any]


class Parts(NamedTuple):
    """tr(MN⁻¹), log det(MN⁻¹) and d."""

    trace: Any
    logdet: Any
    d: int


def _log_det(M: Any) -> Any:
    return np.linalg.slogdet(M)[1]


def _parts(M: Any, N: Any) -> Parts:
    return Parts(np.trace(np.linalg.solve(N, M)), _log_det(M) - _log_det(N), len(M))


def _divergence(M: Any, N: Any) -> Any:
    trace, logdet, d = _parts(M, N)
    return trace - logdet - d


# ---------------------------------------------------------------- the cases


def _positive(rng: Rng, d: int, scale: float = 1.0) -> np.ndarray:
    """A matrix with eigenvalues between a half and four, times ``scale``."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    values = scale * np.linspace(0.5, 4, d + 1)[1:] * rng.uniform(0.9, 1, d)
    M = (vectors * values) @ vectors.T
    return (M + M.T) / 2


def _size(M: np.ndarray, N: np.ndarray) -> float:
    """The size of the terms, times what solving with a matrix magnifies."""
    spectra = [np.linalg.eigvalsh(np.asarray(S, np.float64)) for S in (M, N)]
    worst = max(values[-1] / values[0] for values in spectra)
    trace = np.linalg.norm(spectra[0]) * np.linalg.norm(1 / spectra[1])
    return float(worst * (trace + len(M)) + np.abs(np.log(spectra)).sum())


def _logdet_cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, M: np.ndarray, N: np.ndarray, **more: str) -> Case:
        # Worked out once: at d = 200 the eigenvalues take longer than the answer.
        return named(name, M, N, given={"size": _size(M, N)}, **more)

    named = cases_of("M", "N")
    M, N = _positive(rng, 3), _positive(rng, 3)
    small, other, wide = (_positive(rng, 200, scale) for scale in (1e-3, 1e-3, 1e3))
    single, edge = np.float32, {"group": "edge"}
    return [
        case("one number", np.array([[2.0]]), np.array([[4.0]])),
        case("two diagonal matrices", np.diag([1.0, 6.0]), np.diag([2.0, 3.0])),
        case("N is the identity", np.array([[2.0, 1.0], [1.0, 3.0]]), np.eye(2)),
        case("M is the identity", np.eye(2), np.array([[2.0, 1.0], [1.0, 3.0]])),
        case(
            "two by two", np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[3.0, -1.0], [-1.0, 1.0]])
        ),
        case("the same matrix twice", M, M),
        case("three by three", M, N),
        case("six by six", _positive(rng, 6), _positive(rng, 6)),
        case("200 by 200, both small", small, other, **edge),
        case("200 by 200, M small and N large", small, wide, **edge),
        case("200 by 200, M large and N small", wide, small, **edge),
        case("float32", M.astype(single), N.astype(single), **edge),
        case("Fortran order", M, N, layout="F", **edge),
        case("every second row of a larger array", M, N, layout="strided", **edge),
    ]


def _logdet_budget(case: Case, expected: Arrays) -> Arrays:
    length = 4 * len(case.inputs["M"]) + 8
    return {"result": rounding(case, length, case.given["size"])}


# ---------------------------------------------------------------- the mistakes


def _terms(parts: Callable) -> list[Mistake]:
    """The mistakes in how the three terms are put together."""

    def made_of(total: Callable[[Any, Any, int], Any]) -> Answer:
        return lambda M, N: total(*parts(M, N))

    return [
        *ways(
            "missing −d",
            "Your result is not zero for a matrix and itself. What is left over depends on the "
            "size d of the matrices and on nothing else.",
            made_of(lambda trace, logdet, d: trace - logdet),
            made_of(lambda trace, logdet, d: trace - logdet + d),
            made_of(lambda trace, logdet, d: trace - logdet - d * d),
            made_of(lambda trace, logdet, d: trace - logdet - 1),
        ),
        Mistake(
            "sign of the log-determinant",
            made_of(lambda trace, logdet, d: trace + logdet - d),
            "Your log-determinant has the wrong sign. Your result can then be negative, and a "
            "divergence never is.",
        ),
        Mistake(
            "half of it",
            made_of(lambda trace, logdet, d: (trace - logdet - d) / 2),
            "Your result is half of what is asked. With the ½ it is the Kullback–Leibler "
            "divergence of two Gaussians; the LogDet divergence has none.",
        ),
        *ways(
            "log-determinant left out",
            "The log-determinant has no part in your result. `slogdet` returns two things, the "
            "sign and the logarithm; the sign is 1 for every positive definite matrix.",
            made_of(lambda trace, logdet, d: trace - d),
            made_of(lambda trace, logdet, d: trace - 1 - d),
        ),
        Mistake(
            "trace left out",
            made_of(lambda trace, logdet, d: -logdet - d),
            "The trace has no part in your result.",
        ),
        *ways(
            "half or twice the log-determinant",
            "A factor stands at your log-determinant. The diagonal of a Cholesky factor has the "
            "root of the determinant as its product.",
            made_of(lambda trace, logdet, d: trace - logdet / 2 - d),
            made_of(lambda trace, logdet, d: trace - logdet * 2 - d),
        ),
        *ways(
            "another logarithm",
            "Your logarithm has another base. Here it is the natural one.",
            made_of(lambda trace, logdet, d: trace - logdet / math.log(2) - d),
            made_of(lambda trace, logdet, d: trace - logdet / math.log(10) - d),
        ),
        Mistake(
            "both values of slogdet",
            lambda M, N: parts(M, N).trace - np.array([0, parts(M, N).logdet]) - len(M),
            "Your result holds two numbers. `slogdet` returns the sign of the determinant and the "
            "logarithm of its size, and both went into your sum.",
        ),
        *ways(
            "divided by d",
            "Your result is a mean over the dimensions: it is divided by d. The formula has sums.",
            made_of(lambda trace, logdet, d: (trace - logdet - d) / d),
            made_of(lambda trace, logdet, d: trace / d - logdet / d - d),
        ),
        *ways(
            "determinant without a logarithm",
            "You subtract the determinant itself. Its logarithm stands in the formula.",
            made_of(lambda trace, logdet, d: trace - np.exp(logdet) - d),
        ),
    ]


def _wrong_arguments(parts: Callable, inverse: Callable) -> list[Mistake]:
    """The mistakes in which matrix stands where, and which is inverted."""

    def swapped(M, N):
        trace, logdet, d = parts(N, M)
        return trace - logdet - d

    def both(M, N):
        return parts(M, N).trace + parts(N, M).trace - 2 * len(M)

    def other_inverse(M, N):
        _, logdet, d = parts(M, N)
        return np.trace(inverse(M) @ N) - logdet - d

    def no_inverse(M, N):
        return np.sum(M * N.T) - _log_det(M) - _log_det(N) - len(M)

    def no_inverse_in_the_trace(M, N):
        return np.sum(M * N.T) - parts(M, N).logdet - len(M)

    def alone(M, N):
        return np.trace(M) - _log_det(M) - len(M)

    def difference(M, N):
        return np.trace(M - N) - parts(M, N).logdet - len(M)

    def variances(M, N):
        M, N = np.diag(M), np.diag(N)
        return np.sum(M / N - np.log(M / N)) - len(M)

    return [
        Mistake(
            "arguments swapped",
            swapped,
            "You computed D(N, M). The two directions differ: it is the second matrix whose "
            "inverse stands in the formula.",
        ),
        Mistake(
            "both directions added",
            both,
            "You added both directions. That is symmetric, and another divergence.",
        ),
        Mistake(
            "inverse of the wrong one",
            other_inverse,
            "In your trace the inverse of M stands, and in the log-determinant that of N. Both "
            "terms are of one matrix, M·N⁻¹.",
        ),
        *ways(
            "no inverse",
            "N stands in your formula where its inverse belongs. For two equal matrices M·N⁻¹ is "
            "the identity, and M·N is not.",
            no_inverse,
            no_inverse_in_the_trace,
        ),
        Mistake(
            "N left out",
            alone,
            "N has no part in your result: it is the divergence from the identity.",
        ),
        Mistake(
            "a difference of traces",
            difference,
            "You took the trace of M − N, or a difference of traces. The formula has the trace of "
            "a product.",
        ),
        Mistake(
            "only the diagonals",
            variances,
            "Your result depends on the diagonals alone. The entries off the diagonal belong to "
            "both matrices too.",
        ),
    ]


def _wrong_products(parts: Callable, inverse: Callable) -> list[Mistake]:
    """The mistakes in the product under the trace, and in the determinant."""

    def traced(trace: Callable[[Any, Any], Any]) -> Answer:
        def answer(M, N):
            _, logdet, d = parts(M, N)
            return trace(M, N) - logdet - d

        return answer

    det = once(np.linalg.det)

    def by_determinants(logdet: Callable[[Any, Any], Any]) -> Answer:
        def answer(M, N):
            trace, _, d = parts(M, N)
            return trace - logdet(M, N) - d

        return answer

    return [
        *ways(
            "trace of something else",
            "Your trace is not that of a matrix product: `*` and `/` work entry by entry, a sum "
            "over all entries is no trace, and the trace of a product is not the product of the "
            "traces.",
            traced(lambda M, N: np.trace(M * inverse(N))),
            traced(lambda M, N: np.trace(M / N)),
            traced(lambda M, N: np.sum(M @ inverse(N))),
            traced(lambda M, N: np.trace(M) * np.trace(inverse(N))),
            traced(lambda M, N: np.trace(M) / np.trace(N)),
        ),
        Mistake(
            "entries inverted",
            traced(lambda M, N: np.trace(M @ (1 / N))),
            "You inverted the entries of N one by one. N⁻¹ is the inverse of a matrix.",
        ),
        Mistake(
            "the whole product",
            traced(lambda M, N: M @ inverse(N)),
            "Your result is a matrix: the trace is missing.",
        ),
        *ways(
            "logarithms of the diagonal",
            "You added up logarithms of entries on the diagonal. That is the log-determinant of a "
            "triangular matrix; of others it is something else.",
            by_determinants(lambda M, N: np.log(np.diag(M @ inverse(N))).sum()),
            by_determinants(lambda M, N: np.log(np.diag(M)).sum() - np.log(np.diag(N)).sum()),
        ),
        *ways(
            "det for slogdet",
            "In 200 dimensions your determinants leave the range of floating-point numbers: they "
            "become 0 or infinite, and what is made of them is NaN, infinite or an error. Their "
            "logarithms are of moderate size.",
            by_determinants(lambda M, N: np.log(det(M) / det(N))),
            by_determinants(lambda M, N: np.log(det(M)) - np.log(det(N))),
            by_determinants(lambda M, N: np.log(det(M @ inverse(N)))),
            by_determinants(lambda M, N: math.log(det(M @ inverse(N)))),
            by_determinants(lambda M, N: math.log(det(M) / det(N))),
            by_determinants(lambda M, N: math.log(det(M)) - math.log(det(N))),
        ),
    ]


def _logdet_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    parts, inverse = once(_parts), once(np.linalg.inv)
    return (
        *_terms(parts),
        *_wrong_arguments(parts, inverse),
        *_wrong_products(parts, inverse),
    )


LOGDET_DIVERGENCE = Exercise(
    number="03.6",
    name="logdet_divergence",
    title="The LogDet divergence",
    points=3,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that returns the LogDet divergence of two symmetric positive definite "
        "$d \\times d$ matrices, with the natural logarithm:\n\n"
        "$$D(M, N) = \\mathrm{tr}(M N^{-1}) - \\log \\det(M N^{-1}) - d$$\n\n"
        "$d$ may be 200: the determinant itself can then be too small or too large for a float."
    ),
    skeleton='''def logdet_divergence(M, N):
    """Return tr(M N⁻¹) − log det(M N⁻¹) − d.

    M, N: (d, d), symmetric positive definite. Returns: a number.
    """''',
    hints=(
        "Three terms, and two of them are of one matrix. For d = 1, M = 2 and N = 4 the result is "
        "½ + log 2 − 1.",
        "For M = N every term is known without a computer: what are the trace and the determinant "
        "of the identity?",
        "Multiply 200 numbers of 10⁻³: what does a float make of the product? Then look up what "
        "`numpy.linalg.slogdet` returns.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_logdet_cases,
    reference=lambda variant: _divergence,
    mistakes=_logdet_mistakes,
    budget=_logdet_budget,
)
