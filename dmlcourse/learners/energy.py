"""Classification by energy: which label would fit best into the LMNN objective?

A new point x is given each label c in turn, and the terms of ε that would involve it are added up:

    E(x, c) = (1 − μ) Σ_{j⇝x} d²(x, xⱼ)                                     its targets of class c
            + μ Σ_{j⇝x} Σ_{l: yₗ≠c} [1 + d²(x, xⱼ) − d²(x, xₗ)]₊            impostors of x
            + μ Σ_{j⇝i, yᵢ≠c} [1 + d²(xᵢ, xⱼ) − d²(xᵢ, x)]₊                 x as an impostor

The label with the least energy wins. A vote of k neighbours ignores the second and third line.

Source: Weinberger & Saul (2009), Journal of Machine Learning Research 10, 207-244, energy-based
classification. Chapter 05.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from ..geometry.arrays import take
from ..geometry.pairwise import all_pairs, default_bytes, spans
from ..tuples import hinge_sums
from .lmnn_objective import expect_neighbours_and_weight, target_neighbours


class EnergyClassifier(ClassifierMixin, BaseEstimator):
    """Classify points that an LMNN metric has mapped: give it ``lmnn.transform(X)``.

    n_neighbors, mu: as in ``LMNN``. All target neighbours are chosen anew among the mapped training
    points; those of classes with n_neighbors members or fewer are fewer, and so are their terms.
    NumPy in, NumPy out; float64 on the CPU, in bounded memory.
    """

    def __init__(self, n_neighbors: int = 3, *, mu: float = 0.5) -> None:
        self.n_neighbors = n_neighbors
        self.mu = mu

    def fit(self, X: Any, y: Any) -> EnergyClassifier:
        """Keep the mapped training points X (n, r), their labels y (n,) and their thresholds."""
        expect_neighbours_and_weight(self.n_neighbors, self.mu)
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._points, self._codes = take(X=X)[0][0], torch.from_numpy(codes)
        targets = target_neighbours(self._points, self._codes, self.n_neighbors)
        near = [(self._points - self._points[j]).square().sum(1) for j in targets.clamp(min=0).T]
        self._limits = (1 + torch.stack(near, 1)).masked_fill(targets < 0, -torch.inf)
        return self

    def energy(self, X: Any) -> np.ndarray:
        """E(x, c), equation above, for mapped points X (m, r): shape (m, number of classes)."""
        check_is_fitted(self, "classes_")
        x = take(X=validate_data(self, X, dtype=np.float64, reset=False))[0][0]
        step = max(1, default_bytes(x.device) // (64 * len(self._points)))
        blocks = [self._energy(x[rows]) for rows in spans(len(x), step)]
        return torch.cat(blocks).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The label of least energy for each of the mapped points X (m, r)."""
        check_is_fitted(self, "classes_")
        return self.classes_[self.energy(X).argmin(1)]

    def _energy(self, x: Tensor) -> Tensor:
        D = all_pairs(x, self._points, None, torch.float64, squared=True)
        as_impostor = sum((limit - D).clamp(min=0) for limit in self._limits.T)
        columns = [self._of_label(D, as_impostor, self._codes == c) for c in self._codes.unique()]
        return torch.stack(columns, dim=1)

    def _of_label(self, D: Tensor, as_impostor: Tensor, own: Tensor) -> Tensor:
        members = own.nonzero().squeeze(1)
        count = min(self.n_neighbors, len(members))
        near, place = D[:, members].topk(count, largest=False)
        impostors = hinge_sums(D, members[place], (~own).expand_as(D)).values
        push = impostors + as_impostor[:, ~own].sum(1)
        return (1 - self.mu) * near.sum(1) + self.mu * push
