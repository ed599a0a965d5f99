"""What MMC and ITML share: they learn from pairs, some similar and some dissimilar.

``fit`` draws pairs from labels, and ``fit_pairs`` takes them as they are. Both hand differences
v = xᵢ − xⱼ to the learner's ``solve``: more than those a metric vᵀMv never sees.
"""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from sklearn.utils.validation import validate_data
from torch import Tensor

from ..geometry.arrays import Array, take
from ..tuples import count_tuples, pairs_from_labels
from .history import Log, Solution
from .linear import LinearMetric


class Pairs(NamedTuple):
    """The differences of m pairs, (m, d) in float64, and which are similar, (m,) bool.

    eps: the rounding of the points as they came.
    """

    V: Tensor
    same: Tensor
    eps: float


class Step(NamedTuple):
    """One line of the history: the objective after so many steps, and the proved gap there."""

    iteration: int
    seconds: float
    objective: float
    gap: float


class PairMetric(LinearMetric):
    """Base of the learners from pairs.

    Subclasses have the methods ``solve`` and ``usual_pairs``, and the parameters

    n_pairs : how many similar and how many dissimilar pairs ``fit`` draws, fewer where there are
        fewer; None for ``usual_pairs`` of each kind.
    random_state : the seed, or the generator, of that draw.
    """

    n_pairs: Any
    random_state: Any
    verbose: Any

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from points X (n, d) and labels y (n,): from pairs drawn by the labels.

        They are kept: ``pairs_`` (m, 2) are indices of rows of X, ``same_`` (m,) says which are of
        one class.
        """
        self.expect_parameters()
        x, labels = self.labelled(X, y)
        index, same = self._drawn(labels)
        index, same = self.usable(x, index, same)
        points = x.double()
        pairs = Pairs(points[index[:, 0]] - points[index[:, 1]], same, rounding(x))
        self._learn(points, pairs, self.precision(x), X)
        tensors = isinstance(X, Tensor)
        self.pairs_: Any = index.to(X.device) if tensors else index.cpu().numpy()
        self.same_: Any = same.to(X.device) if tensors else same.cpu().numpy()
        return self

    def fit_pairs(self, pairs: Array, same: Array) -> Self:
        """Learn from pairs of points, shape (n, 2, d), and whether each is similar, (n,) bool.

        Raises ``ValueError`` for other shapes, NaN, infinity, a ``same`` that is not boolean, and
        where there are no pairs.
        """
        self.expect_parameters()
        points = self._points_of(pairs)
        kinds = _kinds(same, len(points), points.device)
        _warn_of_contradictions(points, kinds)
        given = points.double()
        differences = Pairs(given[:, 0] - given[:, 1], kinds, rounding(points))
        self._learn(given.flatten(0, 1), differences, self.precision(points), pairs)
        for name in ("classes_", "pairs_", "same_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        return self

    def expect_parameters(self) -> None:
        """Raise ``ValueError`` for a parameter out of range."""
        if self.n_pairs is not None and (
            not isinstance(self.n_pairs, Integral) or self.n_pairs < 1
        ):
            raise ValueError(
                f"n_pairs is {self.n_pairs!r}: expected None or a whole number, 1 or more."
            )
        self.expect_steps()

    def usual_pairs(self, classes: int) -> int:
        """How many pairs of each kind are drawn from so many classes where nobody says."""
        raise NotImplementedError

    def usable(self, x: Tensor, index: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
        """The drawn pairs (m, 2) of rows of x that can be learned from, and their kinds."""
        return index, same

    def solve(self, points: Tensor, pairs: Pairs, log: Log) -> Solution:
        """The best map for these pairs; points (n, d) are those that they join, in float64."""
        raise NotImplementedError

    def _learn(self, points: Tensor, pairs: Pairs, dtype: torch.dtype, given: Any) -> None:
        """Solve, and keep the result in this dtype and the kind of ``given``."""
        log = Log(self.max_iter, Step, self._say if self.verbose else None)
        found = self.solve(points, pairs, log)
        self.finish(found, log, points.shape[1], dtype, given)

    def _drawn(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        there = count_tuples(labels)
        most = self.n_pairs or self.usual_pairs(len(self.classes_))
        similar, dissimilar = min(most, there.similar), min(most, there.dissimilar)
        return pairs_from_labels(labels, similar, dissimilar, self.random_state)

    def _points_of(self, pairs: Any) -> Tensor:
        """The pairs as a tensor (n, 2, d) on the device; sets ``n_features_in_``."""
        pairs = pairs if isinstance(pairs, Tensor) else np.asarray(pairs)
        if pairs.ndim != 3 or pairs.shape[1] != 2 or 0 in pairs.shape:
            raise ValueError(
                f"pairs has shape {tuple(pairs.shape)}: expected (n, 2, d), the two points of each "
                f"of n pairs, with n and d at least 1."
            )
        rows = pairs.reshape(-1, pairs.shape[2])
        if isinstance(pairs, Tensor):
            (x,), _ = take(pairs=rows)
            self.n_features_in_ = x.shape[1]
        else:
            x = take(pairs=validate_data(self, rows, dtype=[np.float64, np.float32]))[0][0]
        return x.detach().to(self._device(pairs)).unflatten(0, (-1, 2))


def rounding(x: Tensor) -> float:
    """eps of float32 for points in float32 or less, else that of float64."""
    short = x.is_floating_point() and x.dtype != torch.float64
    return torch.finfo(torch.float32 if short else torch.float64).eps


def _kinds(same: Any, n: int, device: torch.device) -> Tensor:
    """``same`` as a boolean tensor (n,)."""
    kinds = same if isinstance(same, Tensor) else np.asarray(same)
    if tuple(kinds.shape) != (n,):
        raise ValueError(
            f"same has shape {tuple(kinds.shape)}: expected ({n},), one answer for each pair."
        )
    if kinds.dtype not in (torch.bool, np.bool_):
        raise ValueError(
            f"same has dtype {kinds.dtype}: expected booleans, True for similar pairs. For labels "
            f"1 and −1 write same > 0."
        )
    return torch.as_tensor(kinds, device=device)


def _warn_of_contradictions(points: Tensor, same: Tensor) -> None:
    """Warn where two points are called similar by one pair and dissimilar by another."""
    ends = [end.double().cpu().numpy() for end in points.unbind(1)]
    first, second = (np.unique(np.concatenate(ends), axis=0, return_inverse=True)[1]).reshape(2, -1)
    codes = np.sort([first, second], axis=0)
    kinds = same.cpu().numpy()
    similar, other = (set(map(tuple, codes[:, k].T.tolist())) for k in (kinds, ~kinds))
    both = len(similar & other)
    if both:
        warnings.warn(
            f"{both} pairs of points are given as similar and as dissimilar too: no metric can "
            f"meet both. The result is a compromise.",
            UserWarning,
            stacklevel=3,
        )
