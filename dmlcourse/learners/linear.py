"""What every learner of a linear metric is: an estimator whose result is a map L, with M = LᵀL.

A learner's ``fit`` takes data through ``labelled``, solves its problem on tensors and hands L to
``keep``. Everything that can be done with a metric afterwards is here.
"""

import warnings
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from ..geometry.arrays import Array, take
from ..geometry.traces import labels_of
from .history import Log, Solution

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class LinearMetric(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the learners: d(x, y) = ‖Lx − Ly‖ with L in ``components_``, shape (k, d).

    Subclasses have the parameters

    solver : one of their ``SOLVERS``.
    tol, max_iter : when to stop: where it is good enough, and after how many steps at the latest.
    device : "auto" (CUDA if there is one, else the CPU) or a name that torch knows.
    dtype : "auto" (float32 for float32 data, float64 for all other), "float32" or "float64".

    NumPy in, NumPy out. A tensor may be given too: then ``components_`` is a tensor on its device,
    and "auto" means that device.
    """

    components_: Any
    device: Any
    dtype: Any
    solver: Any
    tol: Any
    max_iter: Any
    SOLVERS: tuple[str, ...] = ()

    def transform(self, X: Array) -> Array:
        """The images Lx of the rows of X: (n, d) → (n, k), in the dtype of X (float64 for ints)."""
        check_is_fitted(self, "components_")
        x = self._same_columns(X)
        return x @ self._map_for(x).T

    def get_mahalanobis_matrix(self) -> Any:
        """M = LᵀL, shape (d, d), in the kind of ``components_``."""
        check_is_fitted(self, "components_")
        return self.components_.T @ self.components_

    def pair_distance(self, pairs: Array) -> Array:
        """The distances (not squared) of n pairs of points, shape (n, 2, d) → (n,)."""
        check_is_fitted(self, "components_")
        pairs = pairs if isinstance(pairs, Tensor) else np.asarray(pairs)
        if pairs.ndim != 3 or pairs.shape[1] != 2:
            raise ValueError(
                f"pairs has shape {tuple(pairs.shape)}: expected (n, 2, {self.n_features_in_}), "
                f"the two points of each pair."
            )
        gap = self._same_columns(pairs[:, 0]) - self._same_columns(pairs[:, 1])
        return ((gap @ self._map_for(gap).T) ** 2).sum(1) ** 0.5

    def expect_steps(self) -> None:
        """Raise ``ValueError`` for a solver, tol or max_iter out of range."""
        if self.solver not in self.SOLVERS:
            names = " or ".join(f'"{name}"' for name in self.SOLVERS)
            raise ValueError(f"solver is {self.solver!r}: expected {names}.")
        if not isinstance(self.tol, Real) or not float(self.tol) > 0:
            raise ValueError(f"tol is {self.tol!r}: expected a number above 0.")
        if not isinstance(self.max_iter, Integral) or int(self.max_iter) < 1:
            raise ValueError(f"max_iter is {self.max_iter!r}: expected a whole number, 1 or more.")

    def labelled(self, X: Any, y: Any) -> tuple[Tensor, Tensor]:
        """Points (n, d) on the device and labels (n,) as 0, 1, …; sets ``classes_``.

        The points keep their dtype: a learner takes differences before it rounds to ``dtype``.
        Raises ``ValueError`` for NaN, infinity, other shapes, other lengths, labels that are not
        classes, a single class.
        """
        if isinstance(X, Tensor):
            (x,), _ = take(X=X)
            self.n_features_in_ = x.shape[1]
            labels = labels_of(y, x)
        else:
            array, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
            x = take(X=array)[0][0]
        if not len(x):
            raise ValueError("X has no rows: expected points of two or more classes.")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has 1 class, {self.classes_.tolist()[0]!r}: expected two or more, because the "
                f"metric is learned from what to keep apart."
            )
        device = self._device(X)
        return x.detach().to(device), torch.from_numpy(codes).to(device)

    def keep(self, L: Tensor, X: Any) -> None:
        """Set ``components_`` from L (k, d): of X's kind; each row's largest entry is positive."""
        if not torch.isfinite(L).all():
            raise ValueError(
                f"The result has entries beyond {L.dtype}: multiply X by a large number, or use "
                f'dtype="float64".'
            )
        largest = L.gather(1, L.abs().argmax(1, keepdim=True))
        L = L * torch.where(largest < 0, -1, 1)
        self.components_ = L.to(X.device) if isinstance(X, Tensor) else L.cpu().numpy()

    def finish(self, found: Solution, log: Log, rows: int, dtype: torch.dtype, X: Any) -> None:
        """Keep what a solver found, as L with so many rows, and warn where it is unfinished."""
        self.keep(longest_first(found.L, rows).to(dtype), X)
        self.objective_, self.gap_ = found.objective, found.gap
        self.history_, self.n_iter_ = log.history, log.steps
        if not found.done:
            warnings.warn(self._unfinished(log.spent), ConvergenceWarning, stacklevel=4)

    def _unfinished(self, spent: bool) -> str:
        proved = (
            f"no metric is better by more than {100 * self.gap_:.2g} % of it"
            if isfinite(self.gap_)
            else "nothing is proved about better ones"
        )
        advice = (
            "Raise max_iter or tol; standardising the features makes the problem easier."
            if spent
            else "It makes no more progress: standardise the features, or raise tol."
        )
        return (
            f"{type(self).__name__} stopped after {self.n_iter_} steps (max_iter={self.max_iter}) "
            f"before tol={self.tol} was reached: objective {self.objective_:.6g}, and {proved}. "
            f"{advice}"
        )

    def _say(self, line: str) -> None:
        print(f"[{type(self).__name__}] {line}")

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def _same_columns(self, X: Any) -> Any:
        if not isinstance(X, Tensor):
            return validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        (x,), _ = take(X=X)
        if x.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {x.shape[1]} features, but {type(self).__name__} was fitted with "
                f"{self.n_features_in_}."
            )
        return x

    def _map_for(self, x: Any) -> Any:
        """L in the kind, dtype and device of x."""
        L = self.components_
        if isinstance(x, Tensor):
            return torch.as_tensor(L, dtype=x.dtype, device=x.device)
        return (L.cpu().numpy() if isinstance(L, Tensor) else L).astype(x.dtype)

    def _device(self, X: Any) -> torch.device:
        if self.device == "auto":
            usual = "cuda" if torch.cuda.is_available() else "cpu"
            return X.device if isinstance(X, Tensor) else torch.device(usual)
        try:
            torch.zeros(1, device=self.device).cpu()
        except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
            raise ValueError(
                f'device is {self.device!r}, which cannot be used here: {error} Expected "auto", '
                f'"cpu" or the name of a device of this machine.'
            ) from error
        return torch.device(self.device)

    def precision(self, x: Tensor) -> torch.dtype:
        """The dtype to solve in: ``dtype``, or by the rule for "auto" that of x."""
        if self.dtype == "auto":
            return x.dtype if x.dtype in DTYPES.values() else torch.float64
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES:
            raise ValueError(f'dtype is {self.dtype!r}: expected "auto", "float32" or "float64".')
        return DTYPES[self.dtype]


def longest_first(L: Tensor, rank: int) -> Tensor:
    """The map with orthogonal rows, longest first, that measures the same distances, (rank, d)."""
    _, sizes, directions = torch.linalg.svd(L, full_matrices=False)
    rows = sizes[:, None] * directions
    return torch.cat([rows, rows.new_zeros(rank - len(rows), L.shape[1])])


def square_root(M: Tensor) -> Tensor:
    """A square L with LᵀL = M, (d, d); eigenvalues that rounding made negative count as 0."""
    values, vectors = torch.linalg.eigh(M)
    return (vectors * values.clamp(min=0).sqrt()).T
