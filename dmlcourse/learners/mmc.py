"""MMC: the metric that pulls dissimilar pairs apart on a budget for the similar ones.

    maximise  Σ_D d_M(xᵢ, xⱼ)    under  Σ_S d_M²(xᵢ, xⱼ) ≤ 1  and  M ⪰ 0

D are the dissimilar pairs, S the similar ones. Similar pairs pay with squared distances, dissimilar
ones earn distances that are not squared. With squares on both sides the objective would be linear
in M, and its maximum always a matrix of rank 1: the whole space on one line. The root makes it
concave: what is gained by a direction shrinks as it grows. That pays for further directions, though
not always: on data that one direction separates well, the optimum still has rank 1.

Source: Xing, Ng, Jordan & Russell (2002), Advances in Neural Information Processing Systems 15,
Distance metric learning, with application to clustering with side-information. Chapter 04. How it
is solved, and why the gap is a proof, is in ``mmc_solver.py``; the steps of the paper are in
``mmc_objective.py``.
"""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor

from .history import Log, Solution
from .mmc_solver import RIDGE, Problem, pose, solve
from .pairs import PairMetric, Pairs


class MMC(PairMetric):
    """Learn L so that dissimilar pairs are far from each other while Σ_S ‖L(xᵢ − xⱼ)‖² = 1.

    Parameters
    ----------
    diagonal : learn M = diag(w), one weight a feature, by Newton–Raphson, as in section 2.1 of the
        paper.
    n_pairs : how many similar and how many dissimilar pairs ``fit`` draws, fewer where there are
        fewer; None for 10,000 of each kind: the paper takes all. ``fit_pairs`` takes yours.
    solver : "power" (fixed-point steps on L without a step size, to a proved optimum) or
        "projections" (the paper's gradient ascent with iterated projections: slower, and it may
        stop before the optimum). With ``diagonal`` it plays no part.
    tol : the proved gap, as a share of the objective, at which the solver stops. "projections" ends
        with a warning, too, where a step raises the objective by less than this share of it.
    max_iter : the most steps.
    device : where to solve; see ``LinearMetric``.
    dtype : of the result; the pairs are few, so everything is solved in float64.
    random_state : the seed of the draw of pairs.
    verbose : 1 prints a line for every round.

    Attributes
    ----------
    components_ : L, (d, d). Its rows are orthogonal, longest first; rows that are not needed are 0.
    objective_ : Σ_D d_M at the result, where Σ_S d_M² = 1.
    gap_ : b/objective_ − 1, where b is proved to be above Σ_D d_N for every N ⪰ 0 (every diagonal
        one, with ``diagonal``) with Σ_S d_N² ≤ 1: 0.001 says that no metric is better by more than
        0.1 %.
    pairs_, same_ : after ``fit``: the pairs that were drawn, indices (m, 2), and their kinds (m,).
    history_ : a list of Step(iteration, seconds, objective, gap), one for each round.
    n_iter_, classes_, n_features_in_ : as in scikit-learn; ``classes_`` after ``fit`` only.

    Notes
    -----
    Distances do not depend on the units of the features. Their scale means nothing: Σ_S d_M² = 1
    makes all of them small when there are many similar pairs. The optimum often has low rank (1 to
    3 on the sets of scikit-learn; more where S and D spread alike), and neighbours in so few
    dimensions can cost accuracy. ``max_iter=1`` stops a step after the whitening of the similar
    pairs' scatter, where most directions are still there.

    L is zero in directions in which all pairs agree up to rounding; gap_ speaks of all others.
    Where the similar pairs agree in a direction in which dissimilar ones do not (fewer pairs than
    dimensions, for instance), stretching it costs nothing and there is no optimum. Then a warning
    says so, and similar pairs pay there for 0.1 % of what all pairs spread; objective_ and gap_ are
    those of this problem.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> mmc = MMC(random_state=0).fit(X, y)
    >>> mmc.transform(X).shape
    (178, 13)
    """

    SOLVERS = ("power", "projections")

    def __init__(
        self,
        *,
        diagonal: bool = False,
        n_pairs: int | None = None,
        solver: str = "power",
        tol: float = 1e-6,
        max_iter: int = 1000,
        device: str = "auto",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.diagonal = diagonal
        self.n_pairs = n_pairs
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def solve(self, points: Tensor, pairs: Pairs, log: Log) -> Solution:
        """The best map for these pairs."""
        return solve(self._problem(pairs), self.solver, self.diagonal, self.tol, log)

    def usual_pairs(self, classes: int) -> int:
        """10,000, however many classes there are."""
        return 10_000

    def _problem(self, pairs: Pairs) -> Problem:
        S, D = pairs.V[pairs.same], pairs.V[~pairs.same]
        if not len(S) or not len(D):
            raise ValueError(
                f"There are {len(S)} similar and {len(D)} dissimilar pairs: MMC needs both kinds, "
                f"one to pull apart and one to pay for it."
            )
        problem = pose(S, D, self.diagonal, pairs.eps)
        if problem.flat:
            warnings.warn(
                f"Similar pairs agree in {problem.flat} directions in which dissimilar ones do "
                f"not: without a limit there, the objective has no maximum. As a limit similar "
                f"pairs pay there for {RIDGE**0.5:.1%} of what all pairs spread. More similar "
                f"pairs or fewer features (PCA) make the question well posed.",
                UserWarning,
                stacklevel=5,
            )
        return problem
