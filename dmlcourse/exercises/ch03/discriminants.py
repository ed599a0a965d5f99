"""03.5b, Fisher's linear discriminants: the same trace with another constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant
from .shared import once
from .traces import ONES, expect_map

Answer = Callable[..., Any]


class Scatter(NamedTuple):
    """What labelled points give: within, between, and their means and sizes by class."""

    within: Any
    between: Any
    means: Any
    sizes: Any
    centre: Any
    number: int


@once
def _scatter(X: Any, y: Any) -> Scatter:
    names, classes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    means = np.array([X[y == name].mean(axis=0) for name in names])
    centre, n = X.mean(axis=0), len(X)
    inner, outer = X - means[classes], means - centre
    weights = (sizes / n).astype(X.dtype)[:, None]
    return Scatter(inner.T @ inner / n, outer.T @ (weights * outer), means, sizes, centre, n)


def _solve(within: Any, between: Any, k: int) -> Any:
    """The rows l of the k largest λ of S_b l = λ S_w l, with L S_w Lᵀ = I."""
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    _, vectors = np.linalg.eigh(inverse @ between @ inverse.T)
    return vectors[:, ::-1][:, :k].T @ inverse


def _lda(X: Any, y: Any, k: int) -> Any:
    found = _scatter(X, y)
    return _solve(found.within, found.between, k)


# ---------------------------------------------------------------- the cases


def _spectrum(X: np.ndarray, y: np.ndarray) -> tuple[Scatter, np.ndarray]:
    """The scatters, and the λ of S_b l = λ S_w l, largest first."""
    found = _scatter(X.astype(np.float64), y)
    inverse = np.linalg.inv(np.linalg.cholesky(found.within))
    return found, np.linalg.eigvalsh(inverse @ found.between @ inverse.T)[::-1]


_case = cases_of("X", "y", "k")


def _lda_case(name: str, X: np.ndarray, y: np.ndarray, k: int, **more: Any) -> Case:
    """A case that knows how far its spectrum magnifies a rounding."""
    found, values = _spectrum(X, y)
    thinnest = float(np.linalg.eigvalsh(found.within)[0])
    reach = float((X.astype(np.float64) ** 2).sum(axis=1).max())
    gap = float(values[k - 1] - values[k]) if k < len(values) else np.inf
    given = {
        "loss": 1 + reach / thinnest,
        "turn": 1 + float(values[0]) / gap,
        "trace": float(values[:k].sum()),
        "size": 1 / thinnest,
    }
    return _case(name, X, y, k, given=given, **more)


_NAMES = np.array([3, 7, 9, 4, 1])


def _cloud(rng: Rng, sizes: tuple[int, ...], d: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes of one oblique shape around means of their own, the points in random order."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    shape = vectors * np.linspace(0.5, 2, d)
    y = rng.permutation(np.repeat(_NAMES[: len(sizes)], sizes))
    means = 1.5 * rng.normal(size=(len(_NAMES), d))
    place = np.argmax(y[:, None] == _NAMES, axis=1)
    return means[place] + rng.normal(size=(len(y), d)) @ shape.T, y


def _drawn(rng: Rng, sizes: tuple[int, ...], d: int, k: int) -> tuple[np.ndarray, np.ndarray, int]:
    """A cloud whose λ are clearly apart, and whose classes differ in shape from their means."""
    for _ in range(200):
        X, y = _cloud(rng, sizes, d)
        found, values = _spectrum(X, y)
        most = min(d, len(sizes) - 1)
        ratios = values[1:most] / values[: most - 1]
        spread = np.linalg.eigvalsh(found.within)
        if spread[0] > 0.1 and values[most - 1] > 0.05 and np.all(ratios < 0.75):
            return X, y, k
    return X, y, k


def _lda_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = _lda_case
    line = np.array([[0.0], [2.0], [5.0], [7.0]]), np.array([0, 0, 1, 1])
    # The means differ along the first axis; the classes are long in an oblique direction.
    oblique = np.array([[0.0, 0], [2, 2], [1, 2], [3, 0], [5, 2], [4, 2]])
    uneven = np.array([[0.0, 0], [2, 0], [1, 3], [6, 1], [8, 1], [7, 5], [5, 3], [2, 6], [3, 8]])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    X, y, _ = _drawn(rng, (9, 6, 7), 2, 2)
    edge: dict[str, Any] = {"group": "edge"}
    return [
        case("two classes on a line", *line, 1),
        case("two classes in the plane", oblique, np.array([2, 2, 2, 5, 5, 5]), 1),
        case("three classes in the plane", uneven, labels, 1),
        case("the same, two rows", uneven, labels, 2),
        case("three classes of very different size", *_drawn(rng, (14, 4, 7), 2, 1)),
        case("four classes in the plane", *_drawn(rng, (6, 9, 4, 8), 2, 1)),
        case("four classes in space", *_drawn(rng, (12, 5, 8, 6), 3, 2)),
        case("five classes in space", *_drawn(rng, (5, 9, 4, 8, 6), 3, 1)),
        case("three classes in four dimensions", *_drawn(rng, (12, 7, 9), 4, 2)),
        case("far from zero", 30 + X, y, 2, **edge),
        case("a class of one point", *_drawn(rng, (6, 1, 7), 2, 1), **edge),
        case("float32", X.astype(np.float32), y, 2, **edge),
        case("Fortran order", X, y, 1, layout="F", **edge),
        case("every second row of a larger array", X, y, 1, layout="strided", **edge),
    ]


def _lda_digest(case: Case, values: Arrays) -> Arrays:
    X, L = np.asarray(case.inputs["X"], np.float64), values["result"]
    expect_map(L, case.inputs["k"], X.shape[1])
    found = _scatter(X, case.inputs["y"])
    return {
        ONES.format("L·S_w·Lᵀ"): np.linalg.eigvalsh(L @ found.within @ L.T),
        "tr(L·S_b·Lᵀ)": np.trace(L @ found.between @ L.T),
        "LᵀL": L.T @ L,
    }


def _lda_budget(case: Case, expected: Arrays) -> Arrays:
    """A scatter is a sum over points at their distance from zero, and S_w is inverted.

    The first magnifies a rounding by max‖x‖² over the smallest eigenvalue of S_w ("loss"), the
    directions turn by it over the gap between the eigenvalues ("turn"), and LᵀL has "size".
    """
    n, d = case.inputs["X"].shape
    given = case.given
    sizes = {
        ONES.format("L·S_w·Lᵀ"): given["loss"],
        "tr(L·S_b·Lᵀ)": given["loss"] * (1 + given["trace"]),
        "LᵀL": given["loss"] * given["turn"] * given["size"],
    }
    bounds = {name: rounding(case, n + 4 * d, sizes[name]) for name in expected}
    return {name: np.broadcast_to(bounds[name], value.shape) for name, value in expected.items()}


# ---------------------------------------------------------------- the mistakes


def _with(scatters: Callable[[Any, Any, Scatter], tuple]) -> Answer:
    """The answer that is right but for its two matrices (within, between)."""

    def answer(X, y, k):
        within, between = scatters(X, y, _scatter(X, y))
        return _solve(within, between, k)

    return answer


def _scaled(L: Any, S: Any) -> Any:
    """L with rows whose lᵀSl is 1."""
    return L / np.sqrt(np.einsum("ij,jk,ik->i", L, S, L))[:, None]


def _ratio(found: Scatter) -> tuple[Any, Any]:
    """The eigenvalues and eigenvectors of S_w⁻¹S_b, largest first, of length 1."""
    values, vectors = np.linalg.eig(np.linalg.solve(found.within, found.between))
    order = np.argsort(-values.real, kind="stable")
    return values.real[order], vectors.real[:, order]


def _of(rows: Callable[[Scatter, int], Any]) -> Answer:
    return lambda X, y, k: rows(_scatter(X, y), k)


def _top(S: Any, k: int) -> Any:
    return np.linalg.eigh(S)[1][:, ::-1][:, :k].T


def _class_by_class(weight: Callable[[int, int], float]) -> Answer:
    """The answer whose S_w adds up one scatter for each class, times a weight of its own."""

    def scatters(X: Any, y: Any, found: Scatter) -> tuple:
        within = np.zeros((X.shape[1], X.shape[1]), X.dtype)
        for name in np.unique(y):
            inner = X[y == name] - X[y == name].mean(axis=0)
            factor = np.asarray(weight(len(inner), len(found.sizes)), X.dtype)
            within += factor * (inner.T @ inner)
        return within, found.between

    return _with(scatters)


def _divided(by: Callable[[Scatter], float]) -> Answer:
    """The answer whose S_w is divided by another number than n."""

    def scatters(X: Any, y: Any, found: Scatter) -> tuple:
        return found.within * (found.number / by(found)), found.between

    return _with(scatters)


def _around(centre: Callable[[Any, Scatter], Any], weighted: bool = True) -> Answer:
    """The answer whose scatter between the classes is one of other differences."""

    def between(X: Any, y: Any, found: Scatter) -> tuple:
        outer = found.means - centre(X, found)
        weights = found.sizes[:, None] if weighted else 1
        return found.within, outer.T @ (weights * outer).astype(X.dtype)

    return _with(between)


def _wrong_matrices() -> list[Mistake]:
    def of_within(found: Scatter, k: int) -> Any:
        return _scaled(_top(found.within, k), found.within)

    def exchanged(inverse: Callable) -> Answer:
        def answer(X, y, k):
            found = _scatter(X, y)
            values, vectors = np.linalg.eig(inverse(found.between) @ found.within)
            rows = vectors.real[:, np.argsort(-values.real, kind="stable")[:k]].T
            return _scaled(rows, found.between)

        return answer

    def blind(X, y, k):
        return _top(np.cov(X, rowvar=False).reshape(X.shape[1], X.shape[1]), k)

    def blind_scaled(X, y, k):
        return _scaled(blind(X, y, k), _scatter(X, y).within)

    def total(X, y, found):
        return found.within + found.between, found.between

    alike = (
        "Every class has the same weight in your S_w, however many points it has. In the "
        "definition every point counts alike."
    )
    return [
        *ways(
            "the within-class scatter ignored",
            "Your directions are those of S_b alone: you ignored the within-class scatter. Means "
            "that lie far apart help little in a direction in which the classes themselves are "
            "wide.",
            _of(lambda found, k: _top(found.between, k)),
            _of(lambda found, k: _scaled(_top(found.between, k), found.within)),
        ),
        Mistake(
            "the between-class scatter ignored",
            _of(of_within),
            "Your directions are those in which the classes are widest. Where the means lie has no "
            "part in them.",
        ),
        *ways(
            "labels ignored",
            "Your directions are those of PCA: the labels have no part in them.",
            blind,
            blind_scaled,
        ),
        *ways(
            "total scatter",
            "The total scatter stands where S_w belongs: you took the differences to the mean of "
            "all points. The directions are the same, and L·S_w·Lᵀ is not the identity.",
            _with(total),
        ),
        *ways(
            "scatters exchanged",
            "Your S_w and S_b have changed places: the largest direction of your result is the one "
            "in which the classes are worst told apart.",
            exchanged(np.linalg.pinv),
            exchanged(np.linalg.inv),
        ),
        *ways(
            "classes not weighted",
            "In your S_b every class counts alike. In the definition a class counts with the "
            "number of its points.",
            _around(lambda X, found: found.centre, weighted=False),
            _around(lambda X, found: found.means.mean(axis=0), weighted=False),
        ),
        Mistake(
            "mean of the means",
            _around(lambda X, found: found.means.mean(axis=0)),
            "Your m is the mean of the class means. It is the mean of all points only where the "
            "classes have one size.",
        ),
        Mistake(
            "means not centred",
            _around(lambda X, found: 0),
            "Your S_b holds the class means themselves and not their differences to the mean of "
            "all points. It changes when all points move together.",
        ),
        *ways(
            "S_w by classes",
            alike,
            _class_by_class(lambda n, classes: 1 / max(n - 1, 1)),
            _class_by_class(lambda n, classes: 1 / n),
            _class_by_class(lambda n, classes: 1 / max(n - 1, 1) / classes),
            _class_by_class(lambda n, classes: 1 / n / classes),
        ),
        *ways(
            "another divisor",
            "Your directions are right, and L·S_w·Lᵀ is a multiple of the identity. By which "
            "number is the sum in S_w divided?",
            _divided(lambda found: found.number - len(found.sizes)),
            _divided(lambda found: found.number - 1),
            _divided(lambda found: 1),
            _divided(lambda found: len(found.sizes)),
        ),
    ]


def _wrong_rows() -> list[Mistake]:
    def unscaled(found: Scatter, k: int) -> Any:
        return _ratio(found)[1][:, :k].T

    def smallest(found: Scatter, k: int) -> Any:
        inverse = np.linalg.inv(np.linalg.cholesky(found.within))
        return np.linalg.eigh(inverse @ found.between @ inverse.T)[1][:, :k].T @ inverse

    def smallest_unscaled(found: Scatter, k: int) -> Any:
        return _ratio(found)[1][:, ::-1][:, :k].T

    def as_rows(found: Scatter, k: int) -> Any:
        return _ratio(found)[1][:k]

    def symmetric(scale: bool) -> Callable[[Scatter, int], Any]:
        def rows(found: Scatter, k: int) -> Any:
            L = _top(np.linalg.solve(found.within, found.between), k)
            return _scaled(L, found.within) if scale else L

        return rows

    def one_sided(found: Scatter, k: int) -> Any:
        return _top(np.linalg.inv(np.linalg.cholesky(found.within)) @ found.between, k)

    def pieces(found: Scatter, k: int) -> tuple[Any, Any]:
        factor = np.linalg.cholesky(found.within)
        inverse = np.linalg.inv(factor)
        return factor, _top(inverse @ found.between @ inverse.T, k)

    def in_units_of_between(found: Scatter, k: int) -> Any:
        return _scaled(unscaled(found, k), found.between)

    def by_values(found: Scatter, k: int) -> Any:
        values, vectors = _ratio(found)
        return (vectors * np.sqrt(np.maximum(values, 0)))[:, :k].T

    def columns(found: Scatter, k: int) -> Any:
        return _solve(found.within, found.between, k).T

    def whole(found: Scatter, k: int) -> Any:
        L = _solve(found.within, found.between, k)
        return L.T @ L

    def root_pieces(found: Scatter, k: int) -> tuple[Any, Any]:
        values, vectors = np.linalg.eigh(found.within)
        white = (vectors / np.sqrt(values)) @ vectors.T
        return white, _top(white @ found.between @ white, k)

    return [
        *ways(
            "not scaled",
            "Your directions are right and their lengths are not: L·S_w·Lᵀ is not the identity. "
            "`eig` returns vectors of length 1, whatever S_w is.",
            _of(unscaled),
        ),
        *ways(
            "scaled by something else",
            "Your directions are right and their lengths are not: you scaled the rows by the "
            "eigenvalues, or by S_b. Asked is L·S_w·Lᵀ = I.",
            _of(in_units_of_between),
            _of(by_values),
        ),
        *ways(
            "the smallest eigenvalues",
            "Your rows belong to the smallest eigenvalues: the directions in which the means "
            "differ least, measured by the width of the classes.",
            _of(smallest),
            _of(smallest_unscaled),
        ),
        *ways(
            "eigenvectors read as rows",
            "The eigenvectors that NumPy returns are columns. You took rows of that matrix.",
            _of(as_rows),
            _of(lambda found, k: _scaled(as_rows(found, k), found.within)),
        ),
        *ways(
            "eigh of a matrix that is not symmetric",
            "You gave `eigh` a matrix that is not symmetric: a product of two symmetric ones is "
            "not. `eigh` reads one triangle and believes it.",
            _of(symmetric(scale=False)),
            _of(symmetric(scale=True)),
            _of(one_sided),
        ),
        *ways(
            "whitening left out of the map",
            "Your rows are directions for the whitened points, those in which the classes are "
            "round. Asked is a map of the points as they are given.",
            _of(lambda found, k: pieces(found, k)[1]),
            _of(lambda found, k: root_pieces(found, k)[1]),
        ),
        *ways(
            "whitening on the wrong side",
            "You come back from the whitened points by a wrong matrix: by the transpose of the "
            "right one, or by its inverse.",
            _of(lambda found, k: pieces(found, k)[1] @ np.linalg.inv(pieces(found, k)[0]).T),
            _of(lambda found, k: pieces(found, k)[1] @ pieces(found, k)[0]),
            _of(lambda found, k: pieces(found, k)[1] @ pieces(found, k)[0].T),
            _of(
                lambda found, k: root_pieces(found, k)[1] @ np.linalg.inv(root_pieces(found, k)[0])
            ),
        ),
        Mistake(
            "columns for rows",
            _of(columns),
            "Your L is (d, k): the vectors stand in its columns. A map x ↦ Lx has them as rows.",
        ),
        Mistake(
            "the metric",
            _of(whole),
            "You returned LᵀL, a (d, d) matrix. Asked is L.",
        ),
        Mistake(
            "the points",
            lambda X, y, k: X @ _lda(X, y, k).T,
            "You returned the points after the map. Asked is the map L.",
        ),
    ]


def _lda_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    return (*_wrong_matrices(), *_wrong_rows())


LDA = Exercise(
    number="03.5b",
    name="lda",
    title="Linear discriminants",
    points=3,
    minutes=25,
    kind=Function(),
    statement=(
        "Class $c$ of the labelled points has $n_c$ points with the mean $m_c$; there are $n$ "
        "points in $C$ classes, and $m$ is the mean of all points. The scatter within the classes "
        "and the scatter between them are\n\n"
        "$$S_w = \\frac{1}{n} \\sum_c \\sum_{i \\in c} (x_i - m_c)(x_i - m_c)^\\top, \\qquad "
        "S_b = \\frac{1}{n} \\sum_c n_c \\, (m_c - m)(m_c - m)^\\top$$\n\n"
        "Write a function that returns the matrix $L$ of $k$ rows with\n\n"
        "$$L S_w L^\\top = I \\quad \\text{and} \\quad \\mathrm{tr}(L S_b L^\\top) \\text{ as "
        "large as possible.}$$\n\n"
        "$S_w$ is invertible, and $k$ is at most $C - 1$. Where more than one $L$ is right, any of "
        "them is. Two steps lead there: find a matrix $W$ with $W S_w W^\\top = I$, and look for "
        "$L = R W$. You may call your `trace_maximiser`."
    ),
    skeleton='''def lda(X, y, k):
    """Return the L with L @ S_w @ L.T = I for which the trace of L @ S_b @ L.T is largest.

    X: (n, d). y: (n,), labels, whole numbers. k: a whole number, 1 <= k <= C − 1. Returns: (k, d).
    """''',
    hints=(
        "Compute both scatters first and check them: S_w + S_b has to be Σ (xᵢ − m)(xᵢ − m)ᵀ, "
        "divided by the same n.",
        "Put L = RW into both conditions. What does the first one ask of R, and of which matrix "
        "does the second one want the trace?",
        "For W, take S_w apart: by `numpy.linalg.cholesky`, or by its eigenvalues and "
        "eigenvectors. Then W·S_b·Wᵀ is symmetric, and R has orthonormal rows.",
    ),
    groups={"values": 2, "edge": 1},
    cases=_lda_cases,
    reference=lambda variant: _lda,
    mistakes=_lda_mistakes,
    digest=_lda_digest,
    budget=_lda_budget,
    needs=("03.5",),
)
