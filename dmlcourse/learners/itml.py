"""ITML: the metric nearest to a prior one under which similar pairs are near and others far.

A metric M is the precision matrix of a Gaussian, and the divergence between two such Gaussians of
one mean is KL(p(x; M₀)‖p(x; M)) = ½ D_ld(M, M₀), with D_ld(M, M₀) = tr(MM₀⁻¹) − log det(MM₀⁻¹) − d.

    minimise  D_ld(M, M₀) + γ D_ld(diag ξ, diag ξ⁰)

    under     d_M² ≤ ξᵢ for similar pairs, ξ⁰ᵢ = u;  d_M² ≥ ξᵢ for dissimilar ones, ξ⁰ᵢ = ℓ

Without the slack ξ there might be no metric that meets all bounds. With it there is one, and only
one best, unless a dissimilar pair is at distance 0. M stays positive definite without any
projection onto the cone: at its border D_ld is infinite.

Source: Davis, Kulis, Jain, Sra & Dhillon (2007), International Conference on Machine Learning,
209-216, Information-theoretic metric learning. Chapter 06. The problem, its dual and one projection
are in ``itml_objective.py``, how it is solved is in ``itml_solver.py``, and what is made of the
parameters in ``itml_input.py``.
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .history import Log, Solution
from .itml_input import expect_apart, expect_bounds, prior_root, span_of, two
from .itml_objective import percentiles
from .itml_solver import Problem, solve
from .pairs import PairMetric, Pairs


class ITML(PairMetric):
    """Learn L so that similar pairs are within √u, dissimilar ones beyond √ℓ, and M is near M₀.

    Parameters
    ----------
    gamma : γ > 0, the price of slack: small leaves M near M₀, large insists on the bounds.
    bounds : (u, ℓ), squared distances with 0 < u ≤ ℓ; None for two percentiles of the squared
        distances under M₀ between the points of ``fit``, or the points that the pairs join.
    percentiles : which two.
    prior : M₀: "identity", "covariance" (the inverse covariance of those points, which must have
        full rank), or a symmetric positive definite matrix (d, d).
    n_pairs : how many similar and how many dissimilar pairs ``fit`` draws, fewer where there are
        fewer; None for 20·c² of each kind with c classes, about as in the authors' code.
        ``fit_pairs`` takes yours.
    solver : "lbfgs" (L-BFGS on L, to a proved optimum) or "cyclic" (the paper's projections onto
        one constraint after the other; exact to it, and far slower).
    tol : the proved gap, as a share of the objective, at which the solver stops.
    max_iter : the most steps of L-BFGS, or sweeps.
    device : where to solve; see ``LinearMetric``.
    dtype : of the result; the pairs are few, so everything is solved in float64.
    random_state : the seed of the draw of pairs.
    verbose : 1 prints a line for every ten steps.

    Attributes
    ----------
    components_ : L, (d, d). Its rows are orthogonal, longest first.
    bounds_ : (u, ℓ), squared distances under M₀ as used.
    objective_ : D_ld(M, M₀) + γ Σ (r − log r − 1) over the violated pairs, r = d_M²/ξ⁰.
    gap_ : (objective_ − b)/objective_, where b is proved to be below the objective of every metric.
    pairs_, same_ : after ``fit``: the pairs that were used, indices (m, 2), and their kinds (m,).
    history_ : a list of Step(iteration, seconds, objective, gap), one for every ten steps.
    n_iter_, classes_, n_features_in_ : as in scikit-learn; ``classes_`` after ``fit`` only.

    Notes
    -----
    The identity as M₀ takes all features as equally important in their present units: standardise
    first, or use "covariance". A dissimilar pair at distance 0 can never be pulled apart:
    ``fit_pairs`` refuses it, and ``fit`` leaves it out with a warning.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True)
    >>> itml = ITML(random_state=0).fit(scale(X), y)
    >>> itml.gap_ < 1e-6
    True
    """

    SOLVERS = ("lbfgs", "cyclic")

    def __init__(
        self,
        *,
        gamma: float = 1.0,
        bounds: Any = None,
        percentiles: tuple[float, float] = (5, 95),
        prior: Any = "identity",
        n_pairs: int | None = None,
        solver: str = "lbfgs",
        tol: float = 1e-6,
        max_iter: int = 1000,
        device: str = "auto",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.gamma = gamma
        self.bounds = bounds
        self.percentiles = percentiles
        self.prior = prior
        self.n_pairs = n_pairs
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def expect_parameters(self) -> None:
        """Raise ``ValueError`` for a parameter out of range."""
        super().expect_parameters()
        if not isinstance(self.gamma, Real) or not 0 < float(self.gamma) < float("inf"):
            raise ValueError(
                f"gamma is {self.gamma!r}: expected a finite number above 0. To insist on the "
                f"bounds take a large one, such as 1e4."
            )
        low, high = two("percentiles", self.percentiles)
        if not 0 <= low <= high <= 100:
            raise ValueError(
                f"percentiles is {self.percentiles!r}: expected two numbers from 0 to 100, the "
                f"smaller one first."
            )
        if self.bounds is not None:
            expect_bounds(*two("bounds", self.bounds))

    def solve(self, points: Tensor, pairs: Pairs, log: Log) -> Solution:
        """The best map for these pairs."""
        root = prior_root(self.prior, points)
        V = pairs.V @ root.T
        squares = V.square().sum(1)
        expect_apart(squares, pairs.same)
        u, l = self._bounds_of(points @ root.T)
        self.bounds_ = (u, l)
        one = torch.ones_like(squares)
        delta, xi0 = torch.where(pairs.same, one, -one), torch.where(pairs.same, u * one, l * one)
        span = span_of(V)
        problem = Problem(V @ span, delta, xi0, float(self.gamma))
        found = solve(problem, self.solver, self.tol, log)
        eye = torch.eye(len(span)).to(V)
        inside = found.L - torch.eye(len(found.L)).to(V)
        return found._replace(L=(eye + span @ inside @ span.T) @ root)

    def usual_pairs(self, classes: int) -> int:
        """20·c²: the authors' code draws 40·c(c − 1) pairs of both kinds together."""
        return 20 * classes**2

    def usable(self, x: Tensor, index: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
        """The drawn pairs without those of two classes at one point, which nothing can part."""
        apart = (x[index[:, 0]] != x[index[:, 1]]).any(1)
        useful = same | apart
        if not useful.all():
            warnings.warn(
                f"{int((~useful).sum())} dissimilar pairs are at distance 0, as equal points "
                f"have different labels: no metric can part them, and they are left out.",
                UserWarning,
                stacklevel=3,
            )
        if not useful.any():
            raise ValueError(
                "No pairs are left: all are dissimilar and at distance 0. Remove equal rows with "
                "different labels."
            )
        return index[useful], same[useful]

    def _bounds_of(self, z: Tensor) -> tuple[float, float]:
        """(u, ℓ), from the points after the map of M₀ where they are not given."""
        if self.bounds is not None:
            u, l = two("bounds", self.bounds)
            return u, l
        u, l = percentiles(z, *two("percentiles", self.percentiles))
        if not 0 < u <= l < float("inf"):
            raise ValueError(
                f"The percentiles {self.percentiles} of the squared distances are {u:.6g} and "
                f"{l:.6g}: expected numbers above 0 that float64 holds. Give bounds=(u, ℓ), or "
                f"higher percentiles."
            )
        return u, l
