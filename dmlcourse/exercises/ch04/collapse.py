"""04.4, the maximum when both sides are squared: everything on one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Complaint, Exercise, Mistake, Variant
from .shared import Answer, Part, computing, differences, single, table

INPUTS = ("S", "D")


def _spectrum(A: Any, B: Any) -> tuple[Any, Any]:
    """λ and the columns z of B z = λ A z with zᵀAz = 1, in ascending order."""
    inverse = np.linalg.inv(np.linalg.cholesky(A))
    values, vectors = np.linalg.eigh(inverse @ B @ inverse.T)
    return values, inverse.T @ vectors


def _parts(mean: bool) -> dict[str, Part]:
    return {
        "A": (lambda k: k.S.T @ k.S / len(k.S)) if mean else (lambda k: k.S.T @ k.S),
        "B": lambda k: k.D.T @ k.D,
        "pairs": lambda k: _spectrum(k.A, k.B),
        "z": lambda k: k.pairs[1][:, -1],
        "M": lambda k: np.outer(k.z, k.z),
    }


def _making(variant: Variant, **changes: Part) -> Answer:
    """The maximiser with some of its parts changed; with none, the right one."""
    return computing(INPUTS, _parts(variant["mean"]), **changes)


# ---------------------------------------------------------------- cases


def _drawn(rng: Rng, d: int, similar: int, other: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose largest λ is clearly alone, and whose A is well conditioned."""
    while True:
        S, D = differences(rng, similar, d), differences(rng, other, d, 2.5)
        values, _ = _spectrum(S.T @ S, D.T @ D)
        if values[-2] < 0.6 * values[-1] and np.linalg.cond(S.T @ S) < 50:
            return S, D


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, S: np.ndarray, D: np.ndarray, **more: Any) -> Case:
        return Case(name, {"S": S, "D": D}, given=_size(S, D, variant), **more)

    some = _drawn(rng, 3, 6, 8)
    edge: dict[str, Any] = {"group": "edge"}
    return [
        case("one pair of each kind on a line", table([2]), table([3])),
        case("two axes", table([1, 0], [0, 2]), table([2, 0], [0, 3])),
        case("one dissimilar pair, oblique", table([1, 0], [0, 2]), table([1, 4])),
        case("two features, A not diagonal", table([1, 1], [1, 0]), table([2, 0], [1, 3])),
        case("two axes, the second is better", table([2, 0], [0, 1]), table([3, 0], [0, 2])),
        case("two features", *_drawn(rng, 2, 5, 6)),
        case("three features", *_drawn(rng, 3, 7, 6)),
        case("five features", *_drawn(rng, 5, 12, 9)),
        case("fewer dissimilar pairs than features", *_drawn(rng, 4, 9, 2), **edge),
        case("differences of a thousand", 1e3 * some[0], 1e3 * some[1], **edge),
        case("float32", *single(*some), **edge),
        case("Fortran order", *some, layout="F", **edge),
        case("every second row of a larger array", *some, layout="strided", **edge),
    ]


def _size(S: np.ndarray, D: np.ndarray, variant: Variant) -> dict[str, float]:
    """How far one rounding of the scatters turns the eigenvector, times what M is.

    As in 03.5b: a rounding of A over its smallest eigenvalue, and the gap of the spectrum.
    """
    S, D = S.astype(float), D.astype(float)
    A, B = S.T @ S, D.T @ D
    values, _ = _spectrum(A, B)
    gap = values[-1] - values[-2] if len(values) > 1 else values[-1]
    M = np.linalg.norm(_making(variant)(S, D))
    return {"size": float(M * np.linalg.cond(A) * (1 + 2 * values[-1] / gap))}


def _budget(case: Case, expected: Arrays) -> Arrays:
    S, D = case.inputs["S"], case.inputs["D"]
    bound = rounding(case, len(S) + len(D) + 4 * S.shape[1], case.given["size"])
    return {name: np.broadcast_to(bound, value.shape) for name, value in expected.items()}


def _digest(case: Case, values: Arrays) -> Arrays:
    d = case.inputs["S"].shape[1]
    M = values["result"]
    if M.shape == (d,) or (M.ndim == 2 and 1 in M.shape and d > 1):
        raise Complaint("Your answer is one vector; asked is the matrix M, (d, d).")
    return values


# ---------------------------------------------------------------- mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    mean = variant["mean"]

    def make(**changes: Part) -> Answer:
        return _making(variant, **changes)

    def spent(matrix: Callable[[Any], Any]) -> Answer:
        """A matrix scaled so that the whole budget is spent."""
        return make(M=lambda k: (N := matrix(k)) / np.sum(N * k.A))

    def leading(matrix: Callable[[Any], Any]) -> Part:
        """The eigenvector of length 1 that belongs to the largest eigenvalue."""

        def vector(k: Any) -> Any:
            values, vectors = np.linalg.eig(matrix(k))
            return vectors.real[:, np.argmax(values.real)]

        return vector

    def scaled(vector: Part) -> Part:
        """The same vector with zᵀAz = 1."""
        return lambda k: (z := vector(k)) / np.sqrt(z @ k.A @ z)

    def both(vector: Part) -> list[Answer]:
        return [make(z=vector), make(z=scaled(vector))]

    def everything(k: Any) -> Any:
        return np.concatenate([k.S, k.D])

    def scatter(k: Any) -> Any:
        return everything(k).T @ everything(k)

    def covariance(k: Any) -> Any:
        return np.atleast_2d(np.cov(everything(k), rowvar=False))

    def of_ratio(k: Any) -> Any:
        return np.linalg.solve(k.A, k.B)

    def of_product(k: Any) -> Any:
        """The same up to rounding, and rounding may turn the order in which eig returns."""
        return np.linalg.inv(k.A) @ k.B

    def column_of_eig(matrix: Part, number: int) -> Part:
        return lambda k: np.linalg.eig(matrix(k))[1].real[:, number]

    def rows(k: Any) -> Any:
        """The last row of the eigenvectors that belong to z."""
        inverse = np.linalg.inv(np.linalg.cholesky(k.A))
        return inverse.T @ np.linalg.eigh(inverse @ k.B @ inverse.T)[1][-1]

    def rows_of_ratio(k: Any) -> Any:
        values, vectors = np.linalg.eig(of_ratio(k))
        return vectors.real[np.argmax(values.real)]

    def white(k: Any) -> Any:
        inverse = np.linalg.inv(np.linalg.cholesky(k.A))
        return np.linalg.eigh(inverse @ k.B @ inverse.T)[1][:, -1]

    def white_by_root(k: Any) -> Any:
        values, vectors = np.linalg.eigh(k.A)
        root = (vectors / np.sqrt(values)) @ vectors.T
        return np.linalg.eigh(root @ k.B @ root)[1][:, -1]

    def wrong_side(k: Any) -> Any:
        return np.linalg.inv(np.linalg.cholesky(k.A)) @ white(k)

    def swapped(S, D):
        return make()(D, S)

    def opposite(k: Any) -> Any:
        """The direction in which similar pairs are long and dissimilar ones short."""
        return np.linalg.solve(k.B + 1e-12 * np.trace(k.B) * np.eye(len(k.B)), k.A)

    m = len  # for the numbers of pairs
    has, not_has = ("sum", "mean") if mean else ("mean", "sum")
    return (
        *ways(
            "the inverse covariance",
            "Your metric never saw a label: it is made from all differences together, whichever "
            "kind they are.",
            make(M=lambda k: np.linalg.inv(scatter(k))),
            make(M=lambda k: np.linalg.inv(scatter(k) / len(everything(k)))),
            make(M=lambda k: np.linalg.inv(covariance(k))),
            spent(lambda k: np.linalg.inv(scatter(k))),
            spent(lambda k: np.linalg.inv(covariance(k))),
        ),
        *ways(
            "never looked at the dissimilar pairs",
            "Your metric never looked at the dissimilar pairs: it is the inverse of the similar "
            "pairs' scatter, up to a factor, whatever is in D. All z zᵀ added up give it, too.",
            make(M=lambda k: np.linalg.inv(k.A)),
            make(M=lambda k: np.linalg.inv(k.A) / len(k.A)),
            make(M=lambda k: np.linalg.inv(k.S.T @ k.S) * (1 if mean else m(k.S))),
            make(M=lambda k: np.linalg.inv(k.S.T @ k.S) / len(k.A) * (1 if mean else m(k.S))),
            make(M=lambda k: np.linalg.inv(np.atleast_2d(np.cov(k.S, rowvar=False)))),
            make(M=lambda k: k.pairs[1] @ k.pairs[1].T),
        ),
        *ways(
            "every eigenvector",
            "Your M is the sum of z zᵀ over all eigenvectors, each times its eigenvalue: the same "
            "as A⁻¹BA⁻¹. The maximum takes one of them.",
            make(M=lambda k: (k.pairs[1] * k.pairs[0]) @ k.pairs[1].T),
            spent(lambda k: (k.pairs[1] * k.pairs[0]) @ k.pairs[1].T),
        ),
        *ways(
            "the scatter of D",
            "Your M is the scatter of D, scaled or as it is. Its directions never looked at the "
            "similar pairs.",
            make(M=lambda k: k.B),
            make(M=lambda k: k.B / m(k.D)),
            make(M=lambda k: k.B / np.trace(k.B)),
            spent(lambda k: k.B),
        ),
        *ways(
            "never looked at the similar pairs",
            "You took the direction in which dissimilar pairs are longest. Whether similar pairs "
            "are long there, too, was not asked.",
            *both(lambda k: np.linalg.eigh(k.B)[1][:, -1]),
        ),
        *ways(
            "a vector of length 1",
            "Your direction is right, and your vector has the length 1. The budget sets its "
            "length.",
            make(z=leading(of_ratio)),
            make(z=lambda k: k.pairs[1][:, -1] / np.linalg.norm(k.pairs[1][:, -1])),
        ),
        *ways(
            "the smallest eigenvalue",
            "Your vector belongs to the smallest eigenvalue: there dissimilar pairs are as near as "
            "the budget allows.",
            make(z=lambda k: k.pairs[1][:, 0]),
        ),
        *ways(
            "the next eigenvector",
            "Your vector belongs to the second largest eigenvalue.",
            make(z=lambda k: k.pairs[1][:, max(len(k.A) - 2, 0)]),
        ),
        *ways(
            "eig does not sort",
            "`eig` does not sort: neither its first column nor its last need belong to the largest "
            "eigenvalue.",
            *both(column_of_eig(of_ratio, 0)),
            *both(column_of_eig(of_ratio, -1)),
            *both(column_of_eig(of_product, 0)),
            *both(column_of_eig(of_product, -1)),
        ),
        *ways(
            "vectors read as rows",
            "The eigenvectors that NumPy returns are columns. You used a row.",
            *both(rows_of_ratio),
            *both(rows),
        ),
        *ways(
            "eigh of a matrix that is not symmetric",
            "You gave eigh a matrix that is not symmetric. It reads one half of it and takes the "
            "other half for the mirror image.",
            *both(lambda k: np.linalg.eigh(of_ratio(k))[1][:, -1]),
            *both(lambda k: np.linalg.eigh(of_ratio(k).T)[1][:, -1]),
        ),
        *ways(
            "not mapped back",
            "Your vector lives in the coordinates in which A is the identity. It has to be carried "
            "back to the features.",
            make(z=white),
            make(z=scaled(white)),
            make(z=white_by_root),
            make(z=scaled(white_by_root)),
            make(z=wrong_side),
            make(z=scaled(wrong_side)),
        ),
        *ways(
            "S and D exchanged",
            "In your answer similar and dissimilar pairs have changed places: in the budget, in "
            "the objective, or in the quotient of the two.",
            swapped,
            make(z=leading(opposite)),
            make(z=lambda k: (z := k.pairs[1][:, -1]) / np.sqrt(z @ k.B @ z)),
        ),
        *ways(
            "a difference for a ratio",
            "You took the direction in which the difference of the two scatters is largest. It "
            "depends on how many pairs of each kind there are.",
            *both(lambda k: np.linalg.eigh(k.B - k.A)[1][:, -1]),
            *both(lambda k: np.linalg.eigh(k.B / m(k.D) - k.S.T @ k.S / m(k.S))[1][:, -1]),
        ),
        *ways(
            "a product for a ratio",
            "You multiply the two scatters where one belongs under the other: similar pairs that "
            "are long would count in favour of a direction.",
            *both(leading(lambda k: k.A @ k.B)),
        ),
        *ways(
            "scaled by the eigenvalue",
            "Your matrix is multiplied by the eigenvalue, or by its root. Then it spends more or "
            "less than the budget.",
            make(M=lambda k: k.pairs[0][-1] * np.outer(k.z, k.z)),
            make(M=lambda k: np.sqrt(k.pairs[0][-1]) * np.outer(k.z, k.z)),
        ),
        *ways(
            "length scaled once too little",
            "Your direction is right, and the budget is not spent exactly: a root is missing or "
            "stands once too often where the length of z is set.",
            make(z=lambda k: (u := leading(of_ratio)(k)) / (u @ k.A @ u)),
            make(z=lambda k: (u := leading(of_ratio)(k)) / (u @ k.A @ u) ** 0.25),
        ),
        *ways(
            f"{has} for {not_has}",
            f"Your budget is for the {has} of the similar pairs' squared distances, where the "
            f"statement has the {not_has}.",
            make(A=_parts(not mean)["A"]),
        ),
        *ways(
            "centred differences",
            "You centre the differences before you multiply them. A difference has its own zero.",
            make(
                A=lambda k: (
                    (C := k.S - k.S.mean(axis=0)).T @ C / (m(k.S) if mean else 1)
                    + 1e-12 * np.eye(k.S.shape[1])
                )
            ),
            make(B=lambda k: (C := k.D - k.D.mean(axis=0)).T @ C),
        ),
        *ways(
            "the best single feature",
            "Your matrix is diagonal: it takes the best feature. An oblique direction is better.",
            make(
                z=lambda k: (
                    np.eye(len(k.A))[np.argmax(np.diag(k.B) / np.diag(k.A))]
                    / np.sqrt(np.diag(k.A)[np.argmax(np.diag(k.B) / np.diag(k.A))])
                )
            ),
        ),
        *ways(
            "the vector alone",
            "You return z. Asked is the metric, M = z zᵀ.",
            make(M=lambda k: k.z),
            make(M=lambda k: k.z[:, None]),
            make(M=lambda k: k.z[None]),
        ),
        *ways(
            "the inner product",
            "You return one number: zᵀz, an eigenvalue or the objective. Asked is the matrix.",
            make(M=lambda k: k.z @ k.z),
            make(M=lambda k: k.pairs[0][-1]),
        ),
    )


def _statement(variant: Variant) -> str:
    weight = "\\frac{1}{m_S} " if variant["mean"] else ""
    says = ", with $m_S$ the number of similar pairs" if variant["mean"] else ""
    return (
        "MMC adds up distances of dissimilar pairs. Suppose that it squared them:\n\n"
        "$$\\max_{M \\succeq 0} \\; \\sum_{d \\in D} d^\\top M d \\quad \\text{where} \\quad "
        f"{weight}\\sum_{{s \\in S}} s^\\top M s \\le 1$$\n\n"
        f"The rows of `S` and `D` are differences of similar and dissimilar pairs{says}. Write a "
        "function that returns the $M$ of the maximum. The rows of `S` span the space, and the "
        "maximum is unique. Look at its rank: this is the collapse that the root is there to "
        "prevent."
    )


def _skeleton(variant: Variant) -> str:
    of = "mean" if variant["mean"] else "sum"
    return f'''def collapse(S, D):
    """Return the M that maximises the sum of squared distances of the dissimilar pairs.

    S: (m_S, d), of rank d, D: (m_D, d). The {of} of the similar pairs' squared distances is at
    most 1. Returns: (d, d), positive semidefinite.
    """'''


COLLAPSE = Exercise(
    number="04.4",
    name="collapse",
    title="The collapse",
    points=3,
    minutes=15,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Write both sums as ⟨ , ⟩ with a scatter matrix. Where is a linear function of M largest, "
        "if both scatters are diagonal and M is, too?",
        "M is a sum of terms z zᵀ, and each has a price and a gain. Which z has the most gain for "
        "its price? It solves an eigenvalue problem with two matrices.",
        "In coordinates in which A is the identity, the leading eigenvector of B does it. Carry it "
        "back, and check that zᵀAz is 1. What is M made of z?",
    ),
    variants={"mean": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _making(variant),
    mistakes=_mistakes,
    digest=_digest,
    budget=_budget,
)
