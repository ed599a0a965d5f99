"""03.5, the orthonormal map that makes a trace largest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Complaint, Exercise, Mistake, Variant

Answer = Callable[..., Any]


# What is compared of L·S·Lᵀ = I. Unlike the entries, the eigenvalues do not depend on the order and
# the signs of the rows, which are free.
ONES = "eigenvalues of {}"


def expect_map(L: np.ndarray, k: int, d: int) -> None:
    """A Complaint where L is not of shape (k, d)."""
    if L.shape != (k, d):
        raise Complaint(
            f"k is {k} and points have {d} coordinates, and your L has shape {L.shape}; "
            f"expected ({k}, {d}): L maps points with {d} coordinates to {k}."
        )


def _trace_case(name: str, A: np.ndarray, k: int, **more: Any) -> Case:
    """A case that knows its gap: where the k-th eigenvalue is repeated, LᵀL is not decided."""
    values = np.linalg.eigvalsh(np.asarray(A, np.float64))[::-1]
    gap = np.inf if k == len(A) else float(values[k - 1] - values[k])
    size = float(np.abs(values).max())
    given = {"size": size, "spread": 1 + size / gap if gap > 1e-6 * size else None}
    return Case(name, {"A": A, "k": k}, given=given, **more)


def _turned(rng: Rng, values: list[float]) -> np.ndarray:
    vectors, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    A = (vectors * values) @ vectors.T
    return (A + A.T) / 2


def _spectrum(rng: Rng, d: int, low: float, high: float) -> list[float]:
    """d numbers between low and high, none near another."""
    step = (high - low) / d
    return list(low + step * (np.arange(d) + rng.uniform(0.3, 0.7, d)))


def _trace_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = _trace_case
    A = _turned(rng, _spectrum(rng, 4, 0.5, 6))
    edge = {"group": "edge"}
    return [
        case("a diagonal A", np.diag([1.0, 3.0]), 1),
        case("three on the diagonal, in no order", np.diag([2.0, 1.0, 3.0]), 1),
        case("the same, two rows", np.diag([2.0, 1.0, 3.0]), 2),
        case("two by two", np.array([[2.0, 2.0], [2.0, 5.0]]), 1),
        case("two by two, the larger entry first", np.array([[3.0, -4.0], [-4.0, -3.0]]), 1),
        case("an eigenvalue of -5", np.diag([1.0, -5.0, 2.0]), 1),
        case("all eigenvalues negative", np.diag([-1.0, -2.0, -3.0]), 2),
        case("four by four", A, 2),
        case("five by five, three rows", _turned(rng, _spectrum(rng, 5, 0.5, 6)), 3),
        case("five by five, two eigenvalues below zero", _turned(rng, [-6, -4, 0.5, 2, 3.5]), 2),
        case("six by six, one row", _turned(rng, _spectrum(rng, 6, 1, 9)), 1),
        case("as many rows as columns", _turned(rng, _spectrum(rng, 3, 1, 4)), 3, **edge),
        case("the largest eigenvalue twice", 4 * np.eye(3) - np.ones((3, 3)), 2, **edge),
        case(
            "the last one kept is as large as the first left out", np.diag([1.0, 3, 1]), 2, **edge
        ),
        case("the identity", np.eye(3), 2, **edge),
        case("float32", A.astype(np.float32), 2, **edge),
        case("Fortran order", A, 3, layout="F", **edge),
    ]


def _trace_maximiser(A: Any, k: int) -> Any:
    _, vectors = np.linalg.eigh(A)
    return vectors[:, ::-1][:, :k].T


def _trace_digest(case: Case, values: Arrays) -> Arrays:
    A, k = np.asarray(case.inputs["A"], np.float64), case.inputs["k"]
    L = values["result"]
    expect_map(L, k, len(A))
    found = {ONES.format("L·Lᵀ"): np.linalg.eigvalsh(L @ L.T), "tr(L·A·Lᵀ)": np.trace(L @ A @ L.T)}
    return found if case.given["spread"] is None else found | {"LᵀL": L.T @ L}


def _trace_budget(case: Case, expected: Arrays) -> Arrays:
    """An eigenvector is off by a rounding of A over the gap to the next eigenvalue."""
    length, given = 4 * len(case.inputs["A"]), case.given
    sizes = {
        ONES.format("L·Lᵀ"): 1.0,
        "tr(L·A·Lᵀ)": case.inputs["k"] * given["size"],
        "LᵀL": given["spread"],
    }
    bounds = {name: rounding(case, length, sizes[name]) for name in expected}
    return {name: np.broadcast_to(bounds[name], value.shape) for name, value in expected.items()}


# ---------------------------------------------------------------- the mistakes


def _chosen(order: Callable[[Any], Any], read: Callable = lambda A: A) -> Answer:
    """The answer that takes the first k eigenvectors in the order of their eigenvalues."""

    def answer(A, k):
        values, vectors = np.linalg.eigh(read(A))
        return vectors[:, np.argsort(order(values), kind="stable")][:, :k].T

    return answer


def _scaled(size: Callable[[Any], Any]) -> Answer:
    def answer(A, k):
        values, vectors = np.linalg.eigh(A)
        return (vectors * size(values))[:, ::-1][:, :k].T

    return answer


def _wrong_vectors() -> list[Mistake]:
    def first_columns(A, k):
        return np.linalg.eigh(A)[1][:, :k].T

    def unsorted(A, k):
        return np.linalg.eig(A)[1].real[:, :k].T

    def left_out(A, k):
        return np.linalg.eigh(A)[1][:, ::-1][:, 1 : k + 1].T

    def left_singular(A, k):
        return np.linalg.svd(A)[0][:, :k].T

    def right_singular(A, k):
        return np.linalg.svd(A)[2][:k]

    def axes(A, k):
        return np.eye(len(A), dtype=A.dtype)[np.argsort(-np.diag(A), kind="stable")[:k]]

    def first_axes(A, k):
        return np.eye(k, len(A), dtype=A.dtype)

    magnitude = (
        "You went by the size of the eigenvalues without their sign: the square of A and its "
        "singular values do not know it. An eigenvalue of −5 makes the trace small, not large."
    )
    return [
        *ways(
            "the smallest eigenvalues",
            "Your rows belong to the smallest eigenvalues. `eigh` returns them in ascending order, "
            "and whoever sorts the values has to carry the vectors along.",
            first_columns,
            _chosen(lambda values: values),
        ),
        *ways(
            "by size without the sign",
            magnitude,
            _chosen(lambda values: -np.abs(values)),
            left_singular,
            right_singular,
            _chosen(lambda values: -values, lambda A: A.T @ A),
        ),
        Mistake(
            "eigenvalues in no order",
            unsorted,
            "You took the first eigenvectors that `eig` returns. Its eigenvalues come in no order.",
        ),
        Mistake(
            "the largest left out",
            left_out,
            "You begin at the second largest eigenvalue. The slice leaves out the largest.",
        ),
        *ways(
            "A read as data",
            "You treat the rows of A as data points and compute their scatter. A is that matrix "
            "already: the trace is one of L·A·Lᵀ.",
            _chosen(lambda values: -values, lambda A: np.cov(A, rowvar=False)),
            _chosen(lambda values: -values, lambda A: (A - A.mean(0)).T @ (A - A.mean(0))),
        ),
        *ways(
            "coordinate axes",
            "Your rows are coordinate axes. They are orthonormal; where A is not diagonal, turned "
            "ones give a larger trace.",
            axes,
            first_axes,
        ),
    ]


def _wrong_shapes() -> list[Mistake]:
    def columns(A, k):
        return np.linalg.eigh(A)[1][:, ::-1][:, :k]

    def rows(pick: Callable[[Any, int], Any]) -> Answer:
        return lambda A, k: pick(np.linalg.eigh(A)[1], k)

    def any_eigenvectors(A, k):
        values, vectors = np.linalg.eig(A)
        return vectors.real[:, np.argsort(-values.real, kind="stable")[:k]].T

    def whole(A, k):
        L = _trace_maximiser(A, k)
        return L.T @ L

    def value(A, k):
        return np.sort(np.linalg.eigvalsh(A))[::-1][:k].sum()

    def values_alone(A, k):
        return np.linalg.eigvalsh(A)[::-1][:k]

    return [
        Mistake(
            "columns for rows",
            columns,
            "Your L is (d, k): the vectors stand in its columns. A map x ↦ Lx has them as rows.",
        ),
        *ways(
            "rows of the eigenvector matrix",
            "The eigenvectors that NumPy returns are columns. You took rows of that matrix.",
            rows(lambda vectors, k: vectors[-k:]),
            rows(lambda vectors, k: vectors[::-1][:k]),
            rows(lambda vectors, k: vectors[:k]),
            rows(lambda vectors, k: vectors[:, ::-1][:k]),
        ),
        *ways(
            "scaled rows",
            "Your rows have the right directions and not the length 1: you scaled them by the "
            "eigenvalues. L·Lᵀ has to be the identity.",
            _scaled(lambda values: np.sqrt(np.abs(values))),
            _scaled(lambda values: np.sqrt(np.maximum(values, 0))),
            _scaled(np.sqrt),
            _scaled(lambda values: values),
            _scaled(lambda values: 1 / np.sqrt(np.abs(values))),
            _scaled(lambda values: 1 / np.sqrt(values)),
            _scaled(lambda values: 1 / values),
        ),
        Mistake(
            "eig for eigh",
            any_eigenvectors,
            "Your rows are not orthogonal where an eigenvalue appears twice. `eig` knows nothing "
            "of symmetry; `eigh` does, and then the vectors are orthogonal.",
        ),
        Mistake(
            "the projection",
            whole,
            "You returned LᵀL, a (d, d) matrix. Asked is L.",
        ),
        *ways(
            "the trace",
            "You returned the largest value that the trace has. Asked is the map that reaches it.",
            value,
            values_alone,
        ),
    ]


def _trace_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (*_wrong_vectors(), *_wrong_shapes())


TRACE_MAXIMISER = Exercise(
    number="03.5",
    name="trace_maximiser",
    title="The map that keeps the largest trace",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "Write a function that returns a matrix $L$ of $k$ rows with\n\n"
        "$$L L^\\top = I \\quad \\text{and} \\quad \\mathrm{tr}(L A L^\\top) \\text{ as large as "
        "possible.}$$\n\n"
        "$A$ is symmetric, and its eigenvalues may be negative. Where more than one $L$ is right, "
        "any of them is. With the covariance of the data for $A$, this is PCA."
    ),
    skeleton='''def trace_maximiser(A, k):
    """Return the L with orthonormal rows for which the trace of L @ A @ L.T is largest.

    A: (d, d), symmetric. k: a whole number from 1 to d. Returns: (k, d).
    """''',
    hints=(
        "Begin with one row l of length 1: which l makes lᵀAl largest? And with a diagonal A?",
        "In the basis of the eigenvectors of A, the trace is a mean of eigenvalues with weights, "
        "times k. No weight is above 1/k. How are they best distributed?",
        "Look up in which order `numpy.linalg.eigh` returns its eigenvalues, and whether its "
        "eigenvectors are rows or columns.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_trace_cases,
    reference=lambda variant: _trace_maximiser,
    mistakes=_trace_mistakes,
    digest=_trace_digest,
    budget=_trace_budget,
)
