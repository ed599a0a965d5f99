"""LMNN: large margin nearest neighbours.

Each point xᵢ has k target neighbours j ⇝ i, the nearest points of its own class, fixed beforehand.
An impostor xₗ is a point of another class that is nearer than a target plus a margin of one. The
metric pulls targets near and pushes impostors out:

    ε(M) = (1 − μ) Σ_{j⇝i} d²(xᵢ, xⱼ) + μ Σ_{j⇝i} Σ_{l: yₗ≠yᵢ} [1 + d²(xᵢ, xⱼ) − d²(xᵢ, xₗ)]₊

with d²(x, y) = (x − y)ᵀM(x − y) and M ⪰ 0. In M this is a linear function plus hinges of linear
functions: convex. In L, where M = LᵀL, it is not, but L needs no projection and may have few rows.

Source: Weinberger & Saul (2009), Journal of Machine Learning Research 10, 207-244, section 3.
Chapter 05. The sums are in ``lmnn_objective.py``, how ε is minimised is in ``lmnn_solver.py``, and
how near the result is to the optimum in ``certificate.py``.
"""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from ..geometry.arrays import Array, take
from .history import Log
from .linear import LinearMetric
from .lmnn_objective import expect_neighbours_and_weight, target_neighbours
from .lmnn_solver import Step, solve


class LMNN(LinearMetric):
    """Learn L so that every point has its target neighbours near and impostors a margin away.

    Parameters
    ----------
    n_neighbors : k, how many target neighbours a point has. Where a class has k or fewer members,
        its points have all the others of the class, and a warning names the class.
    mu : the weight of the push term, above 0 and below 1.
    n_components : the rows of L; None for d. With fewer than d, ε may have local minima.
    solver : "lbfgs" (L-BFGS on L: fast, ends near the optimum and says how near) or "convex"
        (goes on with projected gradient steps on M until the duality gap is below tol; in float64,
        n_components must be None).
    tol : "lbfgs" ends when ten steps lower ε by less than this share of it, "convex" when the
        duality gap is below this share of it.
    max_iter : the most steps, of both kinds together.
    init : None, or an L of shape (n_components, d) to start from; where another scale of it has a
        smaller ε, from there.
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
    L is zero in directions in which the points agree up to rounding; gap_ speaks of all others.
    Where target neighbours coincide in some directions and impostors do not (fewer points than
    dimensions, duplicates), stretching those directions costs nothing; if they separate the
    classes, ε = 0 is reached. The solver stops when ε is below a thousandth of a margin for each
    target pair, and gap_ may be 1. A gap of 1e-3 takes seconds, 1e-4 minutes; much less is beyond
    the convex solver. With n_components below d the history tells of all starts, one after another.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True)
    >>> lmnn = LMNN(n_neighbors=3).fit(scale(X), y)
    >>> lmnn.transform(scale(X)).shape
    (178, 13)
    """

    SOLVERS = ("lbfgs", "convex")

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
        self.expect_parameters()
        x, labels = self.labelled(X, y)
        rank, dtype = self._rank(x.shape[1]), self.precision(x)
        targets = self._targets(x, labels)
        log = Log(self.max_iter, Step, self._say if self.verbose else None)
        init = None if self.init is None else self._expect_init(rank, x)
        convex = self.solver == "convex"
        found = solve(x, labels, targets, self.mu, rank, init, convex, self.tol, log, dtype)
        tensors = isinstance(X, Tensor)
        self.targets_: Any = targets.to(X.device) if tensors else targets.cpu().numpy()
        self.finish(found, log, rank, dtype, X)
        return self

    def expect_parameters(self) -> None:
        """Raise ``ValueError`` for a parameter out of range."""
        expect_neighbours_and_weight(self.n_neighbors, self.mu)
        self.expect_steps()

    def _rank(self, d: int) -> int:
        """The rows of L."""
        rank = d if self.n_components is None else self.n_components
        if not isinstance(rank, Integral) or not 1 <= rank <= d:
            raise ValueError(
                f"n_components is {rank!r}: expected a whole number from 1 to {d}, the features "
                f"of X."
            )
        if self.solver == "convex" and rank < d:
            raise ValueError(
                'solver="convex" works on M, whose rank it cannot fix: leave n_components out, or '
                'use solver="lbfgs".'
            )
        return int(rank)

    def _targets(self, x: Tensor, labels: Tensor) -> Tensor:
        """The target neighbours, after a look at the sizes of the classes."""
        counts = torch.bincount(labels)
        self._expect_targets(counts.tolist())
        return target_neighbours(x, labels, min(self.n_neighbors, int(counts.max()) - 1))

    def _expect_targets(self, counts: list[int]) -> None:
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
                stacklevel=4,
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
        return init.detach().to(x.device)
