"""LMNN: large margin nearest neighbours.

Each point xᵢ has k target neighbours j ⇝ i, the nearest points of its own class, fixed beforehand.
An impostor xₗ is a point of another class that is nearer than a target plus a margin of one. The
metric pulls targets near and pushes impostors out:

    ε(M) = (1 − μ) Σ_{j⇝i} d²(xᵢ, xⱼ) + μ Σ_{j⇝i} Σ_{l: yₗ≠yᵢ} [1 + d²(xᵢ, xⱼ) − d²(xᵢ, xₗ)]₊

with d²(x, y) = (x − y)ᵀM(x − y) and M ⪰ 0. In M this is a linear function plus hinges of linear
functions: convex. In L, where M = LᵀL, it is not, but L needs no projection and may have few rows.

Source: Weinberger & Saul (2009), Journal of Machine Learning Research 10, 207-244, section 3.
Chapter 05. How ε is minimised, and how near the result is to the optimum, is in ``lmnn_solver.py``.
"""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from ..geometry import nearest, project_psd
from ..geometry.arrays import Array, expect_columns, take
from ..geometry.factors import linear_map
from ..geometry.pairwise import all_pairs, default_bytes, spans
from ..tuples import hinge_sums
from .linear import LinearMetric
from .lmnn_solver import Log, solve


def target_neighbours(X: Array, y: Array, k: int) -> Array:
    """The k nearest other points of each point's own class: indices (n, k), nearest first.

    Rows of classes with k or fewer members end in −1. Distances are Euclidean, ties go to the
    smaller index. X: (n, d), y: (n,); int64 in X's kind, on its device. Raises ``ValueError`` where
    k is below 1 or the lengths of X and y differ, and as ``geometry.nearest`` does.
    """
    (x,), give_back = take(X=X)
    labels = _labels(y, x)
    if k < 1:
        raise ValueError(f"k is {k}: a point needs at least one target neighbour.")
    targets = torch.full((len(x), k), -1, dtype=torch.int64, device=x.device)
    for label in labels.unique():
        members = (labels == label).nonzero().squeeze(1)
        count = min(k, len(members) - 1)
        if count:
            targets[members, :count] = members[nearest(x[members], k=count)[1]]
    return give_back(targets)


def lmnn_loss(L: Array, X: Array, y: Array, targets: Array, mu: float = 0.5) -> Array:
    """ε at M = LᵀL: the sum of the equation above, over all triplets, in float64.

    L: (r, d), X: (n, d), y: (n,), targets: (n, k) indices with −1 for none. A scalar of the kind
    and dtype of L and X, without gradient (``lmnn_gradient`` has it). Memory is bounded: no list of
    triplets and no (n, n) matrix is made.
    """
    (linear, x), give_back = take(L=L, X=X)
    expect_columns("L", linear, x.shape[1])
    value, _ = _value_and_gradient(linear, x, _labels(y, x), _indices(targets, x), mu)
    return give_back(value)


def lmnn_gradient(L: Array, X: Array, y: Array, targets: Array, mu: float = 0.5) -> Array:
    """∂ε/∂L = 2L [(1 − μ) Σ Cᵢⱼ + μ Σ_active (Cᵢⱼ − Cᵢₗ)], Cᵢⱼ = (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ, shape (r, d).

    Active are the triplets with a positive hinge; at a kink this is one of the subgradients.
    Arguments as for ``lmnn_loss``.
    """
    (linear, x), give_back = take(L=L, X=X)
    expect_columns("L", linear, x.shape[1])
    _, G = _value_and_gradient(linear, x, _labels(y, x), _indices(targets, x), mu)
    return give_back(2 * linear.detach().double() @ G)


def lmnn_step(
    M: Array, X: Array, y: Array, targets: Array, mu: float, step: float
) -> tuple[Array, float]:
    """One projected subgradient step on M: the new M, and the step that was short enough.

    M − step·∂ε/∂M is projected onto the cone; while ε has risen there, the step is halved, at most
    30 times. If nothing helps, M comes back with the step 0. Arguments as for ``lmnn_loss``.
    """
    (matrix, x), give_back = take(M=M, X=X)
    labels, indices = _labels(y, x), _indices(targets, x)

    def measure(M: Tensor) -> tuple[Tensor, Tensor]:
        L = linear_map(M, None, x.shape[1])
        assert L is not None
        return _value_and_gradient(L, x, labels, indices, mu)

    matrix = matrix.double()
    value, G = measure(matrix)
    for _ in range(31):
        candidate = project_psd(matrix - step * G)
        if measure(candidate)[0] <= value:
            return give_back(candidate), step
        step = step / 2
    return give_back(matrix), 0.0


def impostor_counts(Z: Array, y: Array, targets: Array) -> Array:
    """How many points of other classes lie within d²(zᵢ, zⱼ) + 1 of zᵢ: (n, k), 0 where j is −1.

    Z: (n, r) points after the map L. A point exactly on the border is no impostor.
    """
    (z,), give_back = take(Z=Z)
    labels, indices = _labels(y, z), _indices(targets, z)
    counts = torch.zeros_like(indices)
    for rows, D in _row_blocks(z):
        weights = hinge_sums(D, indices[rows], labels[rows, None] != labels).weights
        counts[rows] = weights.gather(1, indices[rows].clamp(min=0)).long()
    return give_back(counts.masked_fill(indices < 0, 0))


@torch.no_grad()
def _value_and_gradient(
    L: Tensor, X: Tensor, y: Tensor, targets: Tensor, mu: float
) -> tuple[Tensor, Tensor]:
    """ε and ∂ε/∂M (d, d), some rows of the distance matrix at a time."""
    X = X.double() - X.double().mean(0)
    Z = X @ L.double().T
    value, G = X.new_zeros(()), X.new_zeros(X.shape[1], X.shape[1])
    for rows, D in _row_blocks(Z):
        push = hinge_sums(D, targets[rows], y[rows, None] != y)
        there = (targets[rows] >= 0).double()
        pull = torch.zeros_like(D).scatter_add_(1, targets[rows].clamp(min=0), there)
        value += (1 - mu) * (pull * D).sum() + mu * push.values.sum()
        G += _scatter(X[rows], X, (1 - mu) * pull + mu * push.weights)
    return value, G


def _scatter(A: Tensor, B: Tensor, W: Tensor) -> Tensor:
    """Σ wᵢⱼ (aᵢ − bⱼ)(aᵢ − bⱼ)ᵀ by matrix products: no outer product is made."""
    cross = A.T @ (W @ B)
    return (A.T * W.sum(1)) @ A + (B.T * W.sum(0)) @ B - cross - cross.T


def _row_blocks(Z: Tensor) -> Any:
    """Rows of the matrix of squared distances, as many at a time as the memory bound allows."""
    step = max(1, default_bytes(Z.device) // (64 * max(1, len(Z))))
    for rows in spans(len(Z), step):
        yield rows, all_pairs(Z[rows].double(), Z.double(), None, torch.float64, squared=True)


class LMNN(LinearMetric):
    """Learn L so that every point has its target neighbours near and impostors a margin away.

    Parameters
    ----------
    n_neighbors : k, how many target neighbours a point has. Where a class has k or fewer members,
        its points have all the others of the class, and a warning names the class.
    mu : the weight of the push term, above 0 and below 1.
    n_components : the rows of L; None for d. With fewer than d, ε has local minima.
    solver : "lbfgs" (L-BFGS on L: fast, ends near the optimum and says how near) or "convex"
        (goes on with projected gradient steps on M until the duality gap is below tol; in float64,
        n_components must be None).
    tol : "lbfgs" ends when ten steps lower ε by less than this share of it, "convex" when the
        duality gap is below this share of it.
    max_iter : the most steps, of both kinds together.
    init : None, or an L of shape (n_components, d) to start from.
    device, dtype : where and in what precision to solve; see ``LinearMetric``.
    random_state : accepted, as by all learners of the course; LMNN draws no random number.
    verbose : 1 prints a line for every round of ten steps.

    Attributes
    ----------
    components_ : L, (k, d). Its rows are orthogonal, longest first; rows that are not needed are 0.
    objective_ : ε at the result.
    gap_ : (ε − b)/ε, where b is proved to be below ε(M) for every M ⪰ 0 of any rank: 0.001 says
        that no metric is better by more than 0.1 %. It is 1 where nothing could be proved.
    targets_ : (n, k) indices of the target neighbours, −1 for none.
    history_ : a list of Step(iteration, seconds, objective, impostors), one for each round.
    n_iter_, classes_, n_features_in_ : as in scikit-learn.

    Notes
    -----
    Target neighbours are the nearest under the ruler: standardise features whose units differ.
    L is zero in directions in which all points agree. Where target neighbours coincide in some
    direction and impostors do not (fewer points than dimensions, duplicates), stretching that
    direction costs nothing: ε can come as near to 0 as one likes, and gap_ may stay 1. The solver
    then stops when ε is below a thousandth of a margin for each target pair.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True)
    >>> lmnn = LMNN(n_neighbors=3).fit(scale(X), y)
    >>> lmnn.transform(scale(X)).shape
    (178, 13)
    """

    def __init__(
        self,
        n_neighbors: int = 3,
        *,
        mu: float = 0.5,
        n_components: int | None = None,
        solver: str = "lbfgs",
        tol: float = 1e-3,
        max_iter: int = 1000,
        init: Any = None,
        device: str = "auto",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.mu = mu
        self.n_components = n_components
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.init = init
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Array, y: Array) -> LMNN:
        """Learn from points X (n, d) and their labels y (n,)."""
        x, labels = self.labelled(X, y)
        rank, dtype = self._expect_parameters(x.shape[1]), self.precision(x)
        targets = target_neighbours(x, labels, self.n_neighbors)
        self._expect_targets(targets, labels)
        log = Log(self.max_iter, self._say if self.verbose else None)
        init = None if self.init is None else self._expect_init(rank, x)
        convex = self.solver == "convex"
        found = solve(x, labels, targets, self.mu, rank, init, convex, self.tol, log, dtype)
        self.keep(_longest_first(found.L, rank).to(dtype), X)
        self.targets_: Any = (
            targets.to(X.device) if isinstance(X, Tensor) else targets.cpu().numpy()
        )
        self.objective_ = found.objective
        self.gap_ = (found.objective - found.bound) / found.objective if found.objective else 0.0
        self.history_, self.n_iter_ = log.history, log.steps
        if not found.done:
            warnings.warn(self._unfinished(), ConvergenceWarning, stacklevel=2)
        return self

    def _expect_parameters(self, d: int) -> int:
        """The rows of L; ``ValueError`` for a parameter that cannot be used."""
        if not isinstance(self.n_neighbors, Integral) or self.n_neighbors < 1:
            raise ValueError(
                f"n_neighbors is {self.n_neighbors!r}: expected a whole number, 1 or more."
            )
        if not 0 < self.mu < 1:
            raise ValueError(
                f"mu is {self.mu}: expected a number above 0 and below 1. At 0 nothing pushes and "
                f"at 1 nothing pulls."
            )
        if self.solver not in ("lbfgs", "convex"):
            raise ValueError(f'solver is {self.solver!r}: expected "lbfgs" or "convex".')
        if not self.tol > 0 or self.max_iter < 1:
            raise ValueError(
                f"tol is {self.tol} and max_iter is {self.max_iter}: expected tol above 0 and "
                f"max_iter of 1 or more."
            )
        rank = d if self.n_components is None else self.n_components
        if not 1 <= rank <= d:
            raise ValueError(f"n_components is {rank}: expected 1 to {d}, the features of X.")
        if self.solver == "convex" and rank < d:
            raise ValueError(
                'solver="convex" works on M, whose rank it cannot fix: leave n_components out, or '
                'use solver="lbfgs".'
            )
        return rank

    def _expect_targets(self, targets: Tensor, labels: Tensor) -> None:
        counts = torch.bincount(labels).tolist()
        sizes = zip(self.classes_.tolist(), counts, strict=True)
        small = [f"{label!r} ({n})" for label, n in sizes if n <= self.n_neighbors]
        if max(counts) < 2:
            raise ValueError("no class has two members: there is no target neighbour to pull.")
        if small:
            more = f" and {len(small) - 5} more" if len(small) > 5 else ""
            warnings.warn(
                f"classes with {self.n_neighbors} members or fewer: {', '.join(small[:5])}{more}. "
                f"Their points have all the others of their class as target neighbours, fewer than "
                f"n_neighbors={self.n_neighbors}.",
                UserWarning,
                stacklevel=3,
            )

    def _expect_init(self, rank: int, x: Tensor) -> Tensor:
        (init,), _ = take(init=self.init)
        if init.shape != (rank, x.shape[1]):
            raise ValueError(
                f"init has shape {tuple(init.shape)}: expected ({rank}, {x.shape[1]}), a map L."
            )
        if not init.any():
            raise ValueError(
                "init is 0 everywhere: from there no direction leads downhill. Leave it out, or "
                "start from a map such as the identity."
            )
        return init.to(x.device)

    def _say(self, line: str) -> None:
        print(f"[LMNN] {line}")

    def _unfinished(self) -> str:
        return (
            f"LMNN stopped at max_iter={self.max_iter} steps before tol={self.tol} was reached: "
            f"objective {self.objective_:.6g}, proved to be within {self.gap_:.2%} of the optimum. "
            f"Raise max_iter or tol; standardising the features makes the problem easier."
        )


def _longest_first(L: Tensor, rank: int) -> Tensor:
    """The map with orthogonal rows, longest first, that measures the same distances, (rank, d)."""
    _, sizes, directions = torch.linalg.svd(L, full_matrices=False)
    rows = sizes[:, None] * directions
    return torch.cat([rows, rows.new_zeros(rank - len(rows), L.shape[1])])


def _labels(y: Any, X: Tensor) -> Tensor:
    """Labels as 0, 1, … on X's device."""
    labels = y.cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    if labels.shape != (len(X),):
        raise ValueError(
            f"y has shape {labels.shape}: expected ({len(X)},), one label for each row."
        )
    return torch.from_numpy(np.unique(labels, return_inverse=True)[1]).to(X.device)


def _indices(targets: Any, X: Tensor) -> Tensor:
    """Target neighbours as int64 (n, k) on X's device."""
    indices = torch.as_tensor(targets, device=X.device)
    if indices.ndim != 2 or len(indices) != len(X) or indices.is_floating_point():
        raise ValueError(
            f"targets has shape {tuple(indices.shape)} and dtype {indices.dtype}: expected whole "
            f"numbers of shape ({len(X)}, k), as target_neighbours gives."
        )
    if indices.numel() and not -1 <= int(indices.min()) <= int(indices.max()) < len(X):
        raise ValueError(f"targets has indices outside -1 to {len(X) - 1}.")
    return indices.long()
