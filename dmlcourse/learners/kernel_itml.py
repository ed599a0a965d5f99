"""ITML in the feature space of a kernel, where points need no coordinates.

With features φ(x), κ(x, y) = φ(x)ᵀφ(y), and M₀ the identity of the feature space, the optimal M is
the identity outside the span of the training points: every constraint lies in that span. With an
orthonormal basis of it, z(x) are the coordinates of φ(x) there, and for the metric N of the z

    d²(x, y) = κ(x, x) + κ(y, y) − 2κ(x, y) + (z(x) − z(y))ᵀ (N − I) (z(x) − z(y)).

So linear ITML on the z of the training points solves the kernel problem, exactly, and the learned
kernel is κ(x, y) + z(x)ᵀ(N − I)z(y).

Source: Davis, Kulis, Jain, Sra & Dhillon (2007), International Conference on Machine Learning,
209-216, section 4.2, there in terms of a low-rank matrix between kernel values. Chapter 06.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.utils.validation import check_is_fitted, validate_data

from .itml import ITML

KERNELS = ("rbf", "laplacian", "linear", "poly", "polynomial", "sigmoid", "cosine")
FLAT = 1e-10  # of the largest eigenvalue of the kernel matrix
EQUAL = 1e-12  # of the largest κ(x, x): points with equal features, but for rounding
BLOCK = 256


class KernelITML(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """ITML for a kernel: non-linear in x, with the same problem, proof and parameters.

    Parameters
    ----------
    kernel : one of "rbf", "laplacian", "linear", "poly", "sigmoid", "cosine" (of
        ``sklearn.metrics.pairwise``), or a function of two points that gives a number.
    kernel_params : a dict for it, such as {"gamma": 0.1} or {"degree": 2}; None for its defaults.
    gamma, bounds, percentiles, n_pairs, solver, tol, max_iter, device, random_state, verbose : of
        ``ITML``. gamma is the price of slack and not a parameter of the kernel.

    Attributes
    ----------
    itml_ : the fitted ``ITML`` of the coordinates z, with its objective_, gap_, bounds_, history_.
    basis_ : (n, r), so that z(x) = basis_ᵀ (κ(x, x₁), …, κ(x, xₙ)).
    X_fit_ : (n, d), the points whose kernel values are needed.
    n_iter_, n_features_in_, classes_ : as in scikit-learn; ``classes_`` after ``fit`` only.

    Notes
    -----
    NumPy in, NumPy out, float64. Fitting takes n² memory and n³ time for n points. The kernel must
    be positive semi-definite ("sigmoid" may not be: ``ValueError``).

    Examples
    --------
    >>> from sklearn.datasets import make_circles
    >>> X, y = make_circles(100, factor=0.5, noise=0.05, random_state=0)
    >>> learned = KernelITML(kernel_params={"gamma": 2.0}, random_state=0).fit(X, y)
    >>> learned.squared_distances(X[:3], X).shape
    (3, 100)
    """

    def __init__(
        self,
        *,
        kernel: Any = "rbf",
        kernel_params: dict[str, Any] | None = None,
        gamma: float = 1.0,
        bounds: Any = None,
        percentiles: tuple[float, float] = (5, 95),
        n_pairs: int | None = None,
        solver: str = "lbfgs",
        tol: float = 1e-6,
        max_iter: int = 1000,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.gamma = gamma
        self.bounds = bounds
        self.percentiles = percentiles
        self.n_pairs = n_pairs
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from points X (n, d) and labels y (n,): from pairs drawn by the labels."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        itml = self._linear()
        self._keep(itml.fit(self._coordinates_of(X), y))
        self.classes_ = itml.classes_
        return self

    def fit_pairs(self, pairs: Any, same: Any) -> Self:
        """Learn from pairs of points, shape (n, 2, d), and whether each is similar, (n,) bool."""
        pairs = np.asarray(pairs)
        if pairs.ndim != 3 or pairs.shape[1] != 2 or 0 in pairs.shape:
            raise ValueError(
                f"pairs has shape {pairs.shape}: expected (n, 2, d), the two points of each of n "
                f"pairs, with n and d at least 1."
            )
        X = validate_data(self, pairs.reshape(-1, pairs.shape[2]), dtype=np.float64)
        points, place = np.unique(X, axis=0, return_inverse=True)
        Z = self._coordinates_of(points)
        self._keep(self._linear().fit_pairs(Z[place.reshape(-1, 2)], same))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """L z(x) for the rows of X: (n, d) → (n, r), N = LᵀL.

        Between training points the Euclidean distances of these are the learned ones; for new
        points the part of φ(x) outside the span is missing, which ``squared_distances`` has.
        """
        return self._coordinates(X) @ self.itml_.components_.T

    def learned_kernel(self, X: Any, Y: Any = None) -> np.ndarray:
        """κ(x, y) + z(x)ᵀ(N − I)z(y) for rows of X and of Y (X itself if left out): (n, m)."""
        check_is_fitted(self, "itml_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        Y = X if Y is None else validate_data(self, Y, dtype=np.float64, reset=False)
        N = self.itml_.get_mahalanobis_matrix()
        changed = self._coordinates(X) @ (N - np.eye(len(N))) @ self._coordinates(Y).T
        return self._kernel(X, Y) + changed

    def squared_distances(self, X: Any, Y: Any) -> np.ndarray:
        """d²(x, y) for rows of X and of Y, the equation above: (n, m)."""
        squares = self._own(X)[:, None] + self._own(Y) - 2 * self.learned_kernel(X, Y)
        return squares.clip(0)

    def _own(self, X: Any) -> np.ndarray:
        """The learned κ(x, x) of each row, (n,), a block of rows at a time."""
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.concatenate([self.learned_kernel(rows).diagonal() for rows in _blocks(X)])

    @property
    def _n_features_out(self) -> int:
        return self.basis_.shape[1]

    def _linear(self) -> ITML:
        """The learner of the coordinates: this one's parameters, without those of the kernel."""
        given = self.get_params(deep=False)
        return ITML(**{name: v for name, v in given.items() if not name.startswith("kernel")})

    def _keep(self, itml: ITML) -> None:
        self.itml_, self.n_iter_ = itml, itml.n_iter_

    def _coordinates_of(self, X: np.ndarray) -> np.ndarray:
        """z of the training points, (n, r); sets ``basis_`` and ``X_fit_``."""
        K = self._kernel(X, X)
        values, vectors = np.linalg.eigh((K + K.T) / 2)
        if not np.isfinite(values).all() or values[0] < -1e-6 * abs(values[-1]):
            raise ValueError(
                f"The kernel matrix has an eigenvalue of {values[0]:.3g} beside its largest, "
                f"{values[-1]:.3g}: expected a positive semi-definite kernel, such as "
                f'kernel="rbf".'
            )
        kept = values > FLAT * values[-1]
        self.X_fit_, self.basis_ = X, vectors[:, kept] / np.sqrt(values[kept])
        return (vectors[:, kept] * np.sqrt(values[kept]))[_first_equal(K)]

    def _coordinates(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "itml_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._kernel(X, self.X_fit_) @ self.basis_

    def _kernel(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        if not callable(self.kernel) and self.kernel not in KERNELS:
            raise ValueError(
                f"kernel is {self.kernel!r}: expected a function of two points, or one of "
                f"{', '.join(KERNELS)}."
            )
        return pairwise_kernels(X, Y, metric=self.kernel, **(self.kernel_params or {}))


def _blocks(X: np.ndarray) -> list[np.ndarray]:
    return np.split(X, range(BLOCK, len(X), BLOCK))


def _first_equal(K: np.ndarray) -> np.ndarray:
    """For each point the first that has the same features φ(x), but for rounding: (n,)."""
    own = K.diagonal()
    return (own[:, None] + own - 2 * K <= EQUAL * own.max()).argmax(1)
