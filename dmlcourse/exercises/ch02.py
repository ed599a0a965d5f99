"""Chapter 02, Mahalanobis distances and the cone of positive semidefinite matrices."""

from __future__ import annotations

import numpy as np

from ..observing import Case, Function
from .budget import Arrays, root, rounding
from .making import Rng, cases_of
from .spec import Complaint, Exercise, Mistake, Variant

# What people add to the diagonal, or clip to, so that a singular matrix becomes invertible.
_SMALL = tuple(10.0**-k for k in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12))
_LIFTED = (
    "Your result belongs to M plus a small multiple of the identity. That makes M invertible, and "
    "makes another metric of it. A zero eigenvalue may stay what it is."
)


def _psd(rng: Rng, d: int, rank: int | None = None) -> np.ndarray:
    """A well-conditioned PSD matrix of a rank: eigenvalues between 1/2 and 4, none repeated."""
    rank = d if rank is None else rank
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    values = np.zeros(d)
    values[:rank] = np.linspace(0.5, 4, rank + 1)[1:] * rng.uniform(0.9, 1, rank)
    return (vectors * values) @ vectors.T


def _flat(rng: Rng, d: int) -> np.ndarray:
    """A matrix of rank one in whole numbers, so that no rounding hides its zero eigenvalues."""
    v = rng.choice([-3.0, -2.0, 1.0, 2.0, 3.0], size=d)
    return np.outer(v, v)


def _size(A: np.ndarray) -> float:
    return float(np.linalg.norm(A, 2))


# ---------------------------------------------------------------- 02.1 mahalanobis


def _mahalanobis_statement(variant: Variant) -> str:
    asked = "d_M(x, y)^2" if variant["squared"] else "d_M(x, y)"
    formula = r"d_M(x, y) = \sqrt{(x - y)^\top M (x - y)}"
    return (
        f"Write a function that returns ${asked}$ for every pair of a row $x$ of `X` and a row "
        f"$y$ of `Y`, where\n\n$${formula}$$\n\n"
        "$M$ is symmetric and positive semidefinite, and it may be singular. Use array "
        "operations; no loop over pairs is needed."
    )


def _mahalanobis_skeleton(variant: Variant) -> str:
    what = "squared Mahalanobis distances" if variant["squared"] else "Mahalanobis distances"
    return f'''def mahalanobis(X, Y, M):
    """Return the {what} between rows of X and rows of Y.

    X: (n, d), Y: (m, d), M: (d, d). Returns: (n, m), entry [i, j] for X[i] and Y[j].
    """'''


def _mahalanobis_cases(rng: Rng, variant: Variant) -> list[Case]:
    def points(n: int, d: int) -> np.ndarray:
        return rng.normal(size=(n, d))

    X, Y, M = points(4, 3), points(5, 3), _psd(rng, 3)
    single = [a.astype(np.float32) for a in (points(4, 3), points(3, 3), _psd(rng, 3))]
    far = 50 + points(6, 3)
    case = cases_of("X", "Y", "M")
    return [
        case("two points on a line", np.zeros((1, 1)), np.array([[3.0]]), np.array([[4.0]])),
        case(
            "two points in the plane, M not diagonal",
            np.zeros((1, 2)),
            np.array([[1.0, 2.0]]),
            np.array([[2.0, 1.0], [1.0, 3.0]]),
        ),
        case("four points against five", X, Y, M),
        case("one point against many", points(1, 4), points(3, 4), _psd(rng, 4)),
        case("a singular M", points(3, 3), points(2, 3), _flat(rng, 3), group="edge"),
        case("the same points twice, far from the origin", far, far, _psd(rng, 3), group="edge"),
        case("float32", *single, group="edge"),
        case("Fortran order", X, Y, M, group="edge", layout="F"),
        case("every second row of a larger array", X, Y, M, group="edge", layout="strided"),
        case("120 points against 120", points(120, 24), points(120, 24), _psd(rng, 24), weigh=True),
    ]


def _squared(X: np.ndarray, Y: np.ndarray, M: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(M)
    mapping = vectors * np.sqrt(np.maximum(values, 0))
    difference = (X @ mapping)[:, None] - (Y @ mapping)[None]
    return np.einsum("ijk,ijk->ij", difference, difference)


def _loop_squared(X: np.ndarray, Y: np.ndarray, M: np.ndarray) -> np.ndarray:
    # A row at a time: no (n, m, d) array, so that memory can be weighed against this.
    rows = [np.einsum("jk,jk->j", (x - Y) @ M, x - Y) for x in X]
    return np.array(rows)


def _distance(squared: np.ndarray, variant: Variant) -> np.ndarray:
    return squared if variant["squared"] else np.sqrt(np.maximum(squared, 0))


def _mahalanobis_budget(case: Case, expected: Arrays) -> Arrays:
    X, Y, M = (np.asarray(a, np.float64) for a in case.inputs.values())
    # The expanded form x'Mx + y'My - 2x'My is allowed: its terms have the size of this scale.
    reach = np.linalg.norm(X, axis=1)[:, None] + np.linalg.norm(Y, axis=1)[None]
    squared = rounding(case, 2 * X.shape[1] + 4, _size(M) * reach**2)
    value = expected["result"]
    is_squared = bool(case.given.get("squared"))
    return {"result": squared if is_squared else root(squared, value)}


def _mahalanobis_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def finish(squared: np.ndarray) -> np.ndarray:
        return _distance(squared, variant)

    def inverse(X, Y, M):
        return finish(_loop_squared(X, Y, np.linalg.inv(M)))

    def other_power(X, Y, M):
        return _distance(_loop_squared(X, Y, M), {"squared": not variant["squared"]})

    def wrong_side(X, Y, M):
        values, vectors = np.linalg.eigh(M)
        L = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
        return finish(_loop_squared(X, Y, L @ L.T))

    def cholesky_wrong_side(X, Y, M):
        C = np.linalg.cholesky(M)
        return finish(_loop_squared(X, Y, C.T @ C))

    def cholesky(X, Y, M):
        np.linalg.cholesky(M)
        return finish(_loop_squared(X, Y, M))

    def diagonal_only(X, Y, M):
        return finish(_loop_squared(X, Y, np.diag(np.diag(M))))

    def transposed(X, Y, M):
        return finish(_loop_squared(Y, X, M))

    def ruler(X, Y, M):
        return finish(_loop_squared(X, Y, np.eye(len(M))))

    def twice(X, Y, M):
        return finish(_loop_squared(X, Y, M.T @ M))

    def half_expanded(X, Y, M):
        norms = [np.einsum("ij,jk,ik->i", Z, M, Z) for Z in (X, Y)]
        return finish(norms[0][:, None] + norms[1] - X @ M @ Y.T)

    def lifted(amount: float):
        def cholesky_of_more(X, Y, M):
            return finish(_loop_squared(X, Y, M + amount * np.eye(len(M), dtype=M.dtype)))

        return cholesky_of_more

    def all_differences(X, Y, M):
        difference = X[:, None, :] - Y[None, :, :]
        return finish(np.einsum("ijk,ijk->ij", difference @ M, difference))

    if variant["squared"]:
        power = Mistake(
            "root taken",
            other_power,
            "Your result is the square root of what is asked. The question asks for d², not d.",
        )
    else:
        power = Mistake(
            "root forgotten",
            other_power,
            "Your distances are squared. The formula under the root gives d²; "
            "the question asks for d.",
        )
    side = (
        "Your distances belong to L·Lᵀ, not to LᵀL. Look at which side of the factor "
        "the points are multiplied on."
    )
    return (
        power,
        Mistake(
            "M inverse used",
            inverse,
            "Your distances belong to the inverse of M. Here M itself stands between the "
            "differences; the inverse appears only when the matrix you are given is a covariance.",
        ),
        Mistake("L·Lᵀ for LᵀL", wrong_side, side),
        Mistake("L·Lᵀ for LᵀL", cholesky_wrong_side, side),
        Mistake(
            "Cholesky on a singular M",
            cholesky,
            "Your answer is right while M is invertible, and stops on a singular M. A metric may "
            "be flat in some direction; Cholesky needs every eigenvalue to be above zero.",
        ),
        Mistake(
            "only the diagonal of M",
            diagonal_only,
            "Your distances use the diagonal of M and nothing else. The entries off the diagonal "
            "couple two coordinates; they belong to the distance too.",
        ),
        Mistake(
            "M ignored",
            ruler,
            "These are the distances of the ruler: M has no influence on your result.",
        ),
        Mistake(
            "M applied twice",
            twice,
            "You measured the length of M(x − y). That is the distance under MᵀM; to be measured "
            "is the length of L(x − y), where LᵀL is M.",
        ),
        Mistake(
            "half of the cross term",
            half_expanded,
            "You expanded the square and lost a factor: xᵀMy appears in it twice.",
        ),
        *(Mistake("adds to the diagonal", lifted(a), _LIFTED) for a in _SMALL),
        Mistake(
            "rows and columns exchanged",
            transposed,
            "Your table is transposed: the rows of the result belong to X, the columns to Y.",
        ),
        Mistake(
            "builds n×m×d",
            all_differences,
            "Right, and worth knowing: your answer holds all n×m differences of d numbers at once. "
            "For 10,000 points against 10,000 in 100 dimensions that is 80 GB.",
            severity="note",
            weighs=True,
        ),
    )


def _mahalanobis_drawn(rng: Rng, variant: Variant) -> list[Case]:
    cases = _mahalanobis_cases(rng, variant)
    for case in cases:
        case.given["squared"] = variant["squared"]
    return cases


MAHALANOBIS = Exercise(
    number="02.1",
    name="mahalanobis",
    title="Mahalanobis distance",
    points=3,
    minutes=12,
    kind=Function(),
    statement=_mahalanobis_statement,
    skeleton=_mahalanobis_skeleton,
    hints=(
        "Start with one pair: the difference x − y is a vector of d numbers, and the formula is "
        "a row times a matrix times a column.",
        "Write the quadratic form as a sum over coordinates. Then ask what changes when x and y "
        "become rows of X and Y: which axis is summed, and which two remain?",
        "You know how to compute Euclidean distances between all rows of two arrays. M = LᵀL "
        "turns this exercise into that one. Keep a possible zero eigenvalue in mind.",
    ),
    variants={"squared": (False, True)},
    groups={"values": 2, "edge": 1},
    cases=_mahalanobis_drawn,
    reference=lambda variant: lambda X, Y, M: _distance(_loop_squared(X, Y, M), variant),
    mistakes=_mahalanobis_mistakes,
    budget=_mahalanobis_budget,
)


# ---------------------------------------------------------------- 02.2 factor


def _factor_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("M")
    single = _psd(rng, 3).astype(np.float32)
    return [
        case("one number", np.array([[9.0]])),
        case("a diagonal M", np.diag([4.0, 1.0])),
        case("two by two", np.array([[2.0, 1.0], [1.0, 3.0]])),
        case("four by four", _psd(rng, 4)),
        case("one eigenvalue twice", np.ones((3, 3)) + np.eye(3)),
        case("a diagonal M with a zero", np.diag([4.0, 0.0]), group="singular"),
        case(
            "an eigenvalue of -1e-17, left by rounding",
            np.diag([4.0, 1.0, -1e-17]),
            group="singular",
        ),
        case("rank two of five", _psd(rng, 5, 2), group="singular"),
        case("the zero metric", np.zeros((2, 2)), group="singular"),
        case("a small scale", 1e-8 * _psd(rng, 3)),
        case("float32", (single + single.T) / 2),
        case("Fortran order", _psd(rng, 3), layout="F"),
    ]


def _eigen_factor(M: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(M)
    return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T


def _factor_digest(case: Case, values: Arrays) -> Arrays:
    L, d = values["result"], len(case.inputs["M"])
    if L.ndim != 2 or L.shape[1] != d:
        raise Complaint(
            f"M is {d}×{d}, and your L has shape {L.shape}; expected (k, {d}): "
            f"L maps points with {d} coordinates."
        )
    return {"LᵀL": L.T @ L}


def _matrix_budget(case: Case, expected: Arrays) -> Arrays:
    """A few d×d products and an eigendecomposition: an error of d·u·‖A‖."""
    A = np.asarray(next(iter(case.inputs.values())), np.float64)
    bound = rounding(case, 4 * len(A), _size(A))
    return {name: np.broadcast_to(bound, value.shape) for name, value in expected.items()}


def _factor_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def cholesky(M):
        return np.linalg.cholesky(M).T

    def cholesky_transposed(M):
        return np.linalg.cholesky(M)

    def eigen_transposed(M):
        return _eigen_factor(M).T

    def unclipped(M):
        values, vectors = np.linalg.eigh(M)
        return np.sqrt(values)[:, None] * vectors.T

    def sorted_alone(M):
        values, vectors = np.linalg.eigh(M)
        return np.sqrt(np.maximum(np.sort(values)[::-1], 0))[:, None] * vectors.T

    def no_root(M):
        values, vectors = np.linalg.eigh(M)
        return values[:, None] * vectors.T

    def vectors_alone(M):
        return np.linalg.eigh(M)[1].T

    def svd_transposed(M):
        left, sizes, _ = np.linalg.svd(M)
        return left * np.sqrt(sizes)

    def vectors_in_rows(M):
        values, vectors = np.linalg.eigh(M)
        return np.sqrt(np.maximum(values, 0))[:, None] * vectors

    def general(M):
        values, vectors = np.linalg.eig(M)
        return np.sqrt(np.maximum(values.real, 0))[:, None] * vectors.real.T

    def lifted(amount: float):
        return lambda M: _eigen_factor(M + amount * np.eye(len(M), dtype=M.dtype))

    def floored(amount: float):
        def clipped_above_zero(M):
            values, vectors = np.linalg.eigh(M)
            return np.sqrt(np.maximum(values, amount))[:, None] * vectors.T

        return clipped_above_zero

    transposed = (
        "Your factor is transposed: L·Lᵀ gives M, and LᵀL does not. Points are columns x ↦ Lx, "
        "so that d_M(x, y) = ‖Lx − Ly‖."
    )
    return (
        Mistake(
            "Cholesky on a singular matrix",
            cholesky,
            "Cholesky stops when an eigenvalue is zero. This M is flat in one direction and still "
            "a fine metric: it has a factor, and Cholesky does not find it.",
        ),
        Mistake("transposed factor", cholesky_transposed, transposed),
        Mistake("transposed factor", eigen_transposed, transposed),
        Mistake("transposed factor", svd_transposed, transposed),
        Mistake(
            "eigenvectors read as rows",
            vectors_in_rows,
            "The eigenvectors that NumPy returns are columns. You used the rows of that matrix.",
        ),
        Mistake(
            "eig for eigh",
            general,
            "Your eigenvectors are not orthogonal where an eigenvalue appears twice. `eig` knows "
            "nothing of symmetry; `eigh` does, and then the vectors are orthogonal.",
        ),
        *(Mistake("adds to the diagonal", lifted(a), _LIFTED) for a in _SMALL),
        *(Mistake("adds to the diagonal", floored(a), _LIFTED) for a in _SMALL),
        Mistake(
            "root of a negative eigenvalue",
            unclipped,
            "One eigenvalue came out as −1e-17: rounding, not a fault of M. "
            "Its square root is NaN, and the NaN spreads over L.",
        ),
        Mistake(
            "eigenvalues sorted without their vectors",
            sorted_alone,
            "Your eigenvalues and eigenvectors no longer belong together. Whoever sorts the "
            "values has to carry the vectors along.",
        ),
        Mistake(
            "root forgotten",
            no_root,
            "LᵀL gives M·M and not M. In LᵀL each eigenvalue of L appears twice.",
        ),
        Mistake(
            "eigenvalues left out",
            vectors_alone,
            "LᵀL gives the identity: your L holds the directions of M, and not how far M "
            "stretches along each.",
        ),
    )


FACTOR = Exercise(
    number="02.2",
    name="factor",
    title="A factor of the metric",
    points=3,
    minutes=15,
    kind=Function(),
    statement=(
        "Write a function that returns a matrix $L$ with\n\n$$L^\\top L = M$$\n\n"
        "for every symmetric positive semidefinite $M$, singular ones included. Any number of "
        "rows is right as long as the product is $M$. Eigenvalues that are negative only by "
        "rounding, such as $-10^{-17}$, count as zero."
    ),
    skeleton='''def factor(M):
    """Return L with L.T @ L equal to M.

    M: (d, d), symmetric positive semidefinite. Returns: (k, d), for any k.
    """''',
    hints=(
        "Which decompositions of a symmetric matrix do you know, and which of them exist for "
        "every symmetric matrix?",
        "Write M as a sum of λ v vᵀ. Where does the square root of λ have to go so that LᵀL gives "
        "the sum back?",
        "Before you take a root, look at the smallest eigenvalue of a matrix of low rank.",
    ),
    groups={"values": 1, "singular": 2},
    cases=_factor_cases,
    reference=lambda variant: _eigen_factor,
    mistakes=_factor_mistakes,
    digest=_factor_digest,
    budget=_matrix_budget,
)


# ---------------------------------------------------------------- 02.3 project_psd


def _project_cases(rng: Rng, variant: Variant) -> list[Case]:
    def symmetric(d: int) -> np.ndarray:
        vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
        size = np.linspace(0.5, 3, d) * rng.uniform(0.9, 1, d)
        return (vectors * np.where(np.arange(d) % 2, size, -size)) @ vectors.T

    case = cases_of("A")
    lopsided = np.array([[1.0, 4.0], [0.0, 1.0]])
    return [
        case("one negative number", np.array([[-3.0]])),
        case("diagonal, one eigenvalue negative", np.diag([2.0, -1.0])),
        case("a negative entry, eigenvalues 3 and 1", np.array([[2.0, -1.0], [-1.0, 2.0]])),
        case("positive entries, eigenvalues 3 and -1", np.array([[1.0, 2.0], [2.0, 1.0]])),
        case("symmetric, four by four", symmetric(4)),
        case("already in the cone", _psd(rng, 4)),
        case("negative definite", -_psd(rng, 3)),
        case("not symmetric", lopsided, group="asymmetric"),
        case("not symmetric, five by five", rng.normal(size=(5, 5)), group="asymmetric"),
        case("float32", symmetric(3).astype(np.float32), group="asymmetric"),
        case("Fortran order", rng.normal(size=(4, 4)), group="asymmetric", layout="F"),
    ]


def _clip(A: np.ndarray, change) -> np.ndarray:
    values, vectors = np.linalg.eigh((A + A.T) / 2)
    return (vectors * change(values)) @ vectors.T


def _positive_part(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def _project_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def absolute(A):
        return _clip(A, np.abs)

    def entries(A):
        return np.maximum(A, 0)

    def symmetric_entries(A):
        return np.maximum((A + A.T) / 2, 0)

    def unsymmetrised(A):
        values, vectors = np.linalg.eigh(A)
        return (vectors * np.maximum(values, 0)) @ vectors.T

    def upper_triangle(A):
        return unsymmetrised(A.T)

    def doubled(A):
        values, vectors = np.linalg.eigh(A + A.T)
        return (vectors * np.maximum(values, 0)) @ vectors.T

    def vectors_in_rows(A):
        values, vectors = np.linalg.eigh((A + A.T) / 2)
        return (vectors.T * np.maximum(values, 0)) @ vectors

    def shifted(A):
        return _clip(A, lambda values: values - min(values.min(), 0))

    def negative_part(A):
        return _clip(A, lambda values: np.minimum(values, 0))

    def above(floor: float):
        return lambda A: _clip(A, lambda values: np.maximum(values, floor))

    clipped_entries = (
        "You clipped the entries of the matrix. Being positive semidefinite is about eigenvalues: "
        "[[2, −1], [−1, 2]] has negative entries and is in the cone; [[1, 2], [2, 1]] has none and "
        "is outside."
    )
    one_triangle = (
        "Your answer is right for symmetric input. For the others, `eigh` reads one triangle and "
        "ignores the rest, so half of A never entered your result."
    )
    floor_sentence = (
        "Your eigenvalues stop at a small positive number and not at zero. The nearest point of "
        "the cone lies on its boundary; yours is a little inside."
    )
    floors = [Mistake("clips to a positive number", above(a), floor_sentence) for a in _SMALL]
    return (
        Mistake(
            "absolute values",
            absolute,
            "You took absolute values. A cone is not a mirror: the nearest matrix has eigenvalue "
            "zero where A is negative, and yours is as far inside as A is outside.",
        ),
        Mistake("clips entries", entries, clipped_entries),
        Mistake("clips entries", symmetric_entries, clipped_entries),
        Mistake("not symmetrised", unsymmetrised, one_triangle),
        Mistake("not symmetrised", upper_triangle, one_triangle),
        Mistake(
            "symmetric part doubled",
            doubled,
            "Your result is twice too large: A + Aᵀ is two times the symmetric part of A.",
        ),
        Mistake(
            "eigenvectors read as rows",
            vectors_in_rows,
            "The eigenvectors that NumPy returns are columns. You used the rows of that matrix.",
        ),
        Mistake(
            "shifts every eigenvalue",
            shifted,
            "You moved all eigenvalues up until the smallest one was zero. That lands in the cone, "
            "but not at its nearest point: the eigenvalues that were fine moved too.",
        ),
        Mistake(
            "the other cone",
            negative_part,
            "You kept the negative eigenvalues and dropped the positive ones: this is the "
            "projection onto the opposite cone.",
        ),
        *floors,
    )


PROJECT_PSD = Exercise(
    number="02.3",
    name="project_psd",
    title="Projection onto the cone",
    points=3,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that returns the symmetric positive semidefinite matrix nearest to $A$ "
        "in the Frobenius norm:\n\n"
        "$$\\Pi(A) = \\arg\\min_{P \\succeq 0} \\; \\lVert P - A \\rVert_F$$\n\n"
        "$A$ is square, and need not be symmetric."
    ),
    skeleton='''def project_psd(A):
    """Return the positive semidefinite matrix nearest to A in the Frobenius norm.

    A: (d, d), any square matrix. Returns: (d, d), symmetric.
    """''',
    hints=(
        "A sum of squares over the entries is the Frobenius norm. Every square matrix is a "
        "symmetric part plus an antisymmetric part: how do their norms add?",
        "The Frobenius norm does not change when you rotate into the eigenvectors. There the "
        "question is one about d separate numbers.",
        "For one number: which number that is at least zero is nearest to −3? And to 2?",
    ),
    groups={"values": 2, "asymmetric": 1},
    cases=_project_cases,
    reference=lambda variant: lambda A: _clip(A, _positive_part),
    mistakes=_project_mistakes,
    budget=_matrix_budget,
)


# ---------------------------------------------------------------- 02.4 is_psd

ZERO = 1e-10


def _rotated(rng: Rng, values: list[float]) -> np.ndarray:
    vectors, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    A = (vectors * values) @ vectors.T
    return (A + A.T) / 2


def _is_psd_cases(rng: Rng, variant: Variant) -> list[Case]:
    matrices = {
        "one positive number": np.array([[2.0]]),
        "one negative number": np.array([[-1.0]]),
        "minus the identity, determinant 1": -np.eye(2),
        "leading minors 0 and 0, an eigenvalue of -1": np.diag([0.0, -1.0]),
        "a zero eigenvalue": np.diag([2.0, 0.0]),
        "negative entries": np.array([[2.0, -1.0], [-1.0, 2.0]]),
        "positive entries, an eigenvalue of -1": np.array([[1.0, 2.0], [2.0, 1.0]]),
        "not symmetric": np.array([[2.0, 1.0], [0.0, 2.0]]),
        "not symmetric, upper triangle large": np.array([[1.0, 5.0], [0.0, 1.0]]),
        "symmetric but for rounding": np.array([[2.0, 1.0], [1.0 + 2.0**-52, 2.0]]),
        "small numbers, not symmetric": 1e-12 * np.array([[2.0, 1.0], [0.0, 2.0]]),
        "an eigenvalue of -1e-17": np.diag([1.0, 1.0, -1e-17]),
        "large numbers, an eigenvalue of -1e-17 times the largest": np.diag([1e9, 1.0, -1e-8]),
        "small numbers, a negative eigenvalue": 1e-12 * np.diag([1.0, -1.0]),
        "small numbers, in the cone": 1e-12 * np.array([[2.0, 1.0], [1.0, 2.0]]),
        "four by four, in the cone": _rotated(rng, [0.5, 1.0, 2.0, 3.0]),
        "four by four, two negative eigenvalues": _rotated(rng, [-0.5, -1.0, 2.0, 3.0]),
        "four by four, one slightly negative": _rotated(rng, [-1e-4, 1.0, 2.0, 3.0]),
    }
    # Drawn by a coin, so that nobody passes by a list of matrices and their answers.
    for number in range(12):
        values = rng.uniform(0.1, 3, size=3 + number % 3)
        values[:2] *= rng.choice([-1.0, 1.0])
        matrices[f"drawn by a coin, number {number + 1}"] = _rotated(rng, list(values))
    return [Case(name, {"A": A}) for name, A in matrices.items()]


def _is_psd(A: np.ndarray) -> bool:
    size = np.abs(A).max()
    if np.abs(A - A.T).max() > ZERO * size:
        return False
    values = np.linalg.eigvalsh((A + A.T) / 2)
    return bool(values[0] >= -ZERO * np.abs(values).max())


def _is_psd_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def is_symmetric(A):
        return np.abs(A - A.T).max() <= ZERO * np.abs(A).max()

    def determinant(A):
        return bool(is_symmetric(A) and np.linalg.det(A) >= 0)

    def leading_minors(A):
        minors = [np.linalg.det(A[:k, :k]) for k in range(1, len(A) + 1)]
        return bool(is_symmetric(A) and min(minors) >= 0)

    def no_tolerance(A):
        return bool(is_symmetric(A) and np.linalg.eigvalsh(A)[0] >= 0)

    def asymmetric(A):
        values = np.linalg.eigvalsh(A)
        return bool(values[0] >= -ZERO * np.abs(values).max())

    def symmetrised(A):
        return _is_psd((A + A.T) / 2)

    def strict(A):
        return bool(is_symmetric(A) and np.linalg.eigvalsh(A)[0] > ZERO * np.abs(A).max())

    def absolute(A):
        return bool(is_symmetric(A) and np.linalg.eigvalsh(A)[0] >= -ZERO)

    def bare(A):
        return bool(np.linalg.eigvalsh(A)[0] >= 0)

    def bare_absolute(amount: float):
        return lambda A: bool(np.linalg.eigvalsh(A)[0] >= -amount)

    def exact_symmetry(A):
        return bool((A == A.T).all() and _is_psd(A))

    def absolute_symmetry(A):
        return bool(np.allclose(A, A.T) and asymmetric(A))

    def positive_entries(A):
        return bool(is_symmetric(A) and A.min() >= 0)

    ignores = (
        "You never asked whether A is symmetric. `eigvalsh` reads one triangle and believes it; "
        "a metric needs d(x, y) = d(y, x) from the matrix itself."
    )
    fixed = (
        "Two things are missing. You never asked whether A is symmetric, and your tolerance is a "
        "fixed number: what is the size of an eigenvalue to be compared with?"
    )
    return (
        Mistake(
            "determinant test",
            determinant,
            "The determinant is the product of the eigenvalues. Two negative ones give a positive "
            "product: minus the identity has determinant 1 in the plane.",
        ),
        Mistake(
            "leading minors only",
            leading_minors,
            "Leading minors decide whether a matrix is positive definite, not whether it is "
            "semidefinite: diag(0, −1) has leading minors 0 and 0 and an eigenvalue of −1.",
        ),
        Mistake(
            "no tolerance",
            no_tolerance,
            "An eigenvalue of −1e-17 is a zero that rounding has touched. Your test takes it for "
            "a negative one.",
        ),
        Mistake(
            "neither symmetry nor rounding",
            bare,
            "Two things are missing. You never asked whether A is symmetric (`eigvalsh` reads one "
            "triangle and believes it), and you take an eigenvalue of −1e-17 for a negative one.",
        ),
        *(Mistake("no symmetry, fixed tolerance", bare_absolute(a), fixed) for a in _SMALL),
        Mistake(
            "exact symmetry",
            exact_symmetry,
            "You compare A with Aᵀ bit by bit. A product such as LᵀL can differ from its "
            "transpose in the last digit, and it is still a metric.",
        ),
        Mistake(
            "absolute symmetry",
            absolute_symmetry,
            "Your test of symmetry has a fixed tolerance, as `allclose` has. A matrix of numbers "
            "around 1e-12 passes it whatever its entries are.",
        ),
        Mistake("ignores asymmetry", asymmetric, ignores),
        Mistake("ignores asymmetry", symmetrised, ignores),
        Mistake(
            "definite for semidefinite",
            strict,
            "Your test asks for eigenvalues above zero. A semidefinite matrix may have zeros: "
            "those are the directions in which the metric is flat.",
        ),
        Mistake(
            "absolute tolerance",
            absolute,
            "Your tolerance is a fixed number. Multiply a matrix by 1e-12 and its negative "
            "eigenvalues hide under it; multiply by 1e9 and rounding sticks out. What is the "
            "size of an eigenvalue to be compared with?",
        ),
        Mistake(
            "entries for eigenvalues",
            positive_entries,
            "You looked at the entries. [[2, −1], [−1, 2]] has negative entries and eigenvalues 1 "
            "and 3.",
        ),
    )


IS_PSD = Exercise(
    number="02.4",
    name="is_psd",
    title="In the cone or not",
    points=2,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that says whether a square matrix is symmetric and positive "
        "semidefinite. Rounding must not change the answer: a number counts as zero when its "
        "size is below $10^{-10}$ times that of the largest eigenvalue (or of the largest entry, "
        "where you compare entries)."
    ),
    skeleton='''def is_psd(A):
    """Return True if A is symmetric positive semidefinite up to rounding, else False.

    A: (d, d). Returns: bool.
    """''',
    hints=(
        "Two questions are hidden in one: is A symmetric, and is xᵀAx never negative?",
        "Which numbers that belong to A tell you the smallest value of xᵀAx on the unit sphere?",
        "Try your function on −I, on diag(0, −1), and on 1e-12 times a matrix you trust.",
    ),
    cases=_is_psd_cases,
    reference=lambda variant: _is_psd,
    mistakes=_is_psd_mistakes,
)


# ---------------------------------------------------------------- 02.5 aligning_isometry


def _orthogonal(rng: Rng, k: int, reflect: bool) -> np.ndarray:
    Q, _ = np.linalg.qr(rng.normal(size=(k, k)))
    if (np.linalg.det(Q) < 0) != reflect:
        Q[:, 0] = -Q[:, 0]
    return Q


def _factor_of_rank(rng: Rng, k: int, d: int, rank: int) -> np.ndarray:
    left, right = _orthogonal(rng, k, False)[:, :rank], _orthogonal(rng, d, False)[:, :rank]
    return (left * np.linspace(1, 2, rank)) @ right.T


def _isometry_cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, k: int, d: int, rank: int, reflect: bool, **more: object) -> Case:
        L1 = _factor_of_rank(rng, k, d, rank)
        L2 = _orthogonal(rng, k, reflect) @ L1
        group = "values" if rank == k else "low rank"
        return Case(name, {"L1": L1, "L2": L2}, **{"group": group, **more})  # type: ignore[arg-type]

    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    flip = np.diag([1.0, -1.0])
    stretch = np.diag([2.0, 1.0])
    return [
        Case("a quarter turn", {"L1": stretch, "L2": quarter @ stretch}),
        Case("a reflection", {"L1": stretch, "L2": flip @ stretch}),
        case("three by three, a rotation", 3, 3, 3, False),
        case("three by three, a reflection", 3, 3, 3, True),
        case("two rows, four columns", 2, 4, 2, True),
        case("three rows of rank two", 3, 3, 2, False),
        case("more rows than columns", 4, 2, 2, True),
        case("Fortran order", 3, 3, 3, True, layout="F"),
    ]


def _procrustes(L1: np.ndarray, L2: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(L2 @ L1.T)
    return left @ right


def _isometry_digest(case: Case, values: Arrays) -> Arrays:
    Q, k = values["result"], len(case.inputs["L1"])
    if Q.shape != (k, k):
        raise Complaint(f"Your Q has shape {Q.shape}; expected ({k}, {k}): L1 has {k} rows.")
    return {"Q·L1": Q @ case.inputs["L1"], "QᵀQ": Q.T @ Q}


def _isometry_budget(case: Case, expected: Arrays) -> Arrays:
    L1 = np.asarray(case.inputs["L1"], np.float64)
    sizes = np.linalg.svd(L1, compute_uv=False)
    smallest = sizes[sizes > 1e-6 * sizes[0]][-1]
    # The polar factor of L2·L1ᵀ is known to u·(largest / smallest singular value)².
    spread = (sizes[0] / smallest) ** 2
    length = 4 * sum(L1.shape)
    return {
        "Q·L1": np.broadcast_to(rounding(case, length, spread * sizes[0]), L1.shape),
        "QᵀQ": np.broadcast_to(rounding(case, length, spread), (len(L1), len(L1))),
    }


def _isometry_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def rotation_only(L1, L2):
        left, _, right = np.linalg.svd(L2 @ L1.T)
        last = np.ones(len(left))
        last[-1] = np.sign(np.linalg.det(left @ right))
        return (left * last) @ right

    def other_way(L1, L2):
        return _procrustes(L1, L2).T

    def column_side(L1, L2):
        left, _, right = np.linalg.svd(L1.T @ L2)
        return left @ right

    def right_transposed(L1, L2):
        left, _, right = np.linalg.svd(L2 @ L1.T)
        return left @ right.T

    def inverse(L1, L2):
        return L2 @ np.linalg.inv(L1)

    def pseudo_inverse(L1, L2):
        return L2 @ np.linalg.pinv(L1)

    invertible = (
        "Your answer needs an invertible L1. Where L1 is singular or not square, the equation "
        "Q·L1 = L2 leaves part of Q free, and that part still has to make Q orthogonal."
    )
    return (
        Mistake(
            "forces a rotation",
            rotation_only,
            "Your Q always has determinant +1. A reflection keeps all distances too, so it is a "
            "legal answer, and here it is the only one.",
        ),
        Mistake(
            "from L2 to L1",
            other_way,
            "Your Q goes the other way: it takes L2 to L1. Asked is the one with Q·L1 = L2.",
        ),
        Mistake(
            "wrong side",
            column_side,
            "Your Q stands on the right: it solves L1·Q = L2, which turns the input space. "
            "The points have been mapped already; Q turns what comes after L1.",
        ),
        Mistake(
            "Vᵀ read as V",
            right_transposed,
            "NumPy's `svd` returns U, the singular values and Vᵀ. You transposed Vᵀ again.",
        ),
        Mistake("assumes an invertible factor", inverse, invertible),
        Mistake("assumes an invertible factor", pseudo_inverse, invertible),
    )


ALIGNING_ISOMETRY = Exercise(
    number="02.5",
    name="aligning_isometry",
    title="Two factors of one metric",
    points=3,
    minutes=20,
    kind=Function(),
    statement=(
        "`L1` and `L2` are two factors of the same metric: $L_1^\\top L_1 = L_2^\\top L_2$. Write "
        "a function that returns an orthogonal matrix $Q$ with\n\n$$Q L_1 = L_2, \\qquad "
        "Q^\\top Q = I.$$\n\nThe factors may have any shape and any rank. Where more than one "
        "$Q$ is right, any of them is."
    ),
    skeleton='''def aligning_isometry(L1, L2):
    """Return an orthogonal Q with Q @ L1 equal to L2.

    L1, L2: (k, d) with L1.T @ L1 == L2.T @ L2. Returns: (k, k).
    """''',
    hints=(
        "Think of the columns of L1 as points and of those of L2 as the same points after a turn. "
        "Which problem of statistics asks for the turn?",
        "‖Q·L1 − L2‖² is smallest where the trace of Qᵀ·L2·L1ᵀ is largest, over orthogonal Q. The "
        "singular value decomposition of L2·L1ᵀ answers that.",
        "If a step of yours divides by a singular value, ask what happens when it is zero.",
    ),
    groups={"values": 2, "low rank": 1},
    cases=_isometry_cases,
    reference=lambda variant: _procrustes,
    mistakes=_isometry_mistakes,
    digest=_isometry_digest,
    budget=_isometry_budget,
)

EXERCISES = (MAHALANOBIS, FACTOR, PROJECT_PSD, IS_PSD, ALIGNING_ISOMETRY)
