"""Search without gradients: annealing, a swarm, and an evolution strategy (chapter 03).

The error of a 1-nearest-neighbour classifier is a step function of the map L: its gradient is zero
wherever it exists. These three minimisers need values only. They differ in what they remember:

    simulated annealing   one point, which may also go uphill, less and less often
    particle swarm        many points, each with a velocity, drawn to the best that was met
    evolution strategy    a Gaussian, whose mean, size and shape follow the better half of its draws

All of them stop after ``evaluations`` values, return the best point they met and are repeatable by
``random_state``. They promise no minimum. value gets a point in float64, as a NumPy array or a
tensor of x's shape; NaN counts as infinite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, nan
from operator import index as whole_number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .arrays import Array, GiveBack, expect_finite, take, take_any
from .neighbours import nearest
from .traces import labels_of

# How cold the last step of an annealing is beside its first.
COOLING = 1e-4

# The constriction of Clerc and Kennedy, table I, for attraction 4.1: the swarm neither explodes nor
# stops. Each of the two attractors gets half.
CONSTRICTION, ATTRACTION = 0.72984, 2.05


@dataclass(frozen=True)
class Search:
    """The best point that a search met, its value, how many values were asked for, and the course.

    history holds the lowest value so far, after each evaluation.
    """

    x: Any
    value: float
    evaluations: int
    history: tuple[float, ...]


def simulated_annealing(
    value: Callable,
    x: Array,
    sigma: float = 0.5,
    evaluations: int = 400,
    temperature: float | None = None,
    random_state: int | None = None,
) -> Search:
    """The best point of a random walk that goes uphill by Δ with probability exp(−Δ/T), T → 0.

    A step adds Gaussian noise to every coordinate. The temperature T falls by the same factor at
    every step, to 10⁻⁴ of the first; the noise falls as √T, from ``sigma`` to a hundredth of it. If
    not given, the first T is the standard deviation of f at ten points around x, which count as
    evaluations.

    x: an array of any shape, the start. Raises ``ValueError`` where sigma, evaluations or
    temperature is not positive, or x not finite. Source: Kirkpatrick, Gelatt and Vecchi (1983),
    Science 220, 671-680. Chapter 03.
    """
    if temperature is not None:
        _expect_positive("temperature", temperature)
    tally, here, rng = _begin(value, x, sigma, evaluations, random_state)
    height = tally(here)
    hot = temperature or _spread(tally, here, sigma, rng)
    while tally.left:
        cold = COOLING ** (tally.used / evaluations)
        there = here + sigma * cold**0.5 * rng.standard_normal(here.size)
        other = tally(there)
        if other <= height or rng.random() < exp((height - other) / (hot * cold)):
            here, height = there, other
    return tally.result()


def particle_swarm(
    value: Callable,
    x: Array,
    sigma: float = 0.5,
    evaluations: int = 400,
    particles: int = 16,
    random_state: int | None = None,
) -> Search:
    """The best point of a swarm: v ← χ(v + c u₁(own best − x) + c u₂(best of all − x)), x ← x + v.

    u₁ and u₂ are uniform in [0, 1], drawn anew for every coordinate; χ = 0.72984 and c = 2.05 keep
    the swarm together. One particle starts at x, the others at Gaussian distance sigma from it, all
    at rest.

    x: an array of any shape. Raises ``ValueError`` where sigma, evaluations or particles is not
    positive, or x not finite. Sources: Kennedy and Eberhart (1995), International Conference on
    Neural Networks, 1942-1948; Clerc and Kennedy (2002), IEEE Transactions on Evolutionary
    Computation 6, 58-73. Chapter 03.
    """
    _expect_positive("particles", particles)
    tally, start, rng = _begin(value, x, sigma, evaluations, random_state)
    swarm: np.ndarray = start + sigma * rng.standard_normal((particles, start.size))
    swarm[0] = start
    velocity, own, lowest = np.zeros_like(swarm), swarm.copy(), np.full(len(swarm), inf)
    while tally.left:
        for i in range(min(len(swarm), tally.left)):
            height = tally(swarm[i])
            if height < lowest[i]:
                own[i], lowest[i] = swarm[i], height
        to_own, to_best = ATTRACTION * rng.random((2, *swarm.shape))
        pull = to_own * (own - swarm) + to_best * (tally.best - swarm)
        velocity = CONSTRICTION * (velocity + pull)
        swarm = swarm + velocity
    return tally.result()


def evolution_strategy(
    value: Callable,
    x: Array,
    sigma: float = 0.5,
    evaluations: int = 400,
    random_state: int | None = None,
) -> Search:
    """The best point of CMA-ES: draws from a Gaussian that moves to its better draws and adapts.

    Step size and covariance are learned, so badly scaled and turned valleys cost it little. The
    algorithm is that of the package ``cma``; it may end before the budget does, when its draws no
    longer differ in x or in value. The first Gaussian is N(x, sigma²I).

    x: an array of any shape. Raises ``ValueError`` where sigma or evaluations is not positive, or x
    not finite. Nothing is printed or written, and NumPy's global random numbers are left alone.
    Source: Hansen and Ostermeier (2001), Evolutionary Computation 9, 159-195. Chapter 03.
    """
    import cma  # it brings matplotlib along

    tally, start, rng = _begin(value, x, sigma, evaluations, random_state)
    tally(start)
    quiet = {"verbose": -10, "verb_log": 0, "verb_disp": 0}
    # A seed that is not a number is the package's way to leave NumPy's global generator alone.
    drawn = {"seed": nan, "randn": lambda *shape: rng.standard_normal(shape)}
    strategy = cma.CMAEvolutionStrategy(start, sigma, quiet | drawn)
    while tally.left and not strategy.stop():
        points = strategy.ask()
        heights = [tally(point) for point in points[: tally.left]]
        if len(heights) == len(points):
            strategy.tell(points, heights)
    return tally.result()


def one_nn_error(L: Array, X: Array, y: Any) -> float:
    """The share of rows of X whose nearest other row, after the map L, has another label.

    The leave-one-out error of the 1-nearest-neighbour classifier. It does not change when L is
    multiplied by a number or by an orthogonal matrix. L: (k, d), X: (n, d), n ≥ 2, y: (n,) labels
    of any kind. Ties go to the smaller index. Raises ``ValueError`` as ``nearest`` does, and where
    y does not fit X. Source: Cover and Hart (1967), IEEE Transactions on Information Theory 13,
    21-27. Chapter 03.
    """
    (points, linear), _ = take(X=X, L=L)
    labels = labels_of(y, points)
    _, index = nearest(points, k=1, L=linear)
    return float((labels[index[:, 0].cpu().numpy()] != labels).mean())


# ---------------------------------------------------------------- what all three share


class _Tally:
    """The caller's function, of flat points; it counts, and keeps the best point it met."""

    def __init__(self, value: Callable, x: Tensor, back: GiveBack, budget: int) -> None:
        self.value, self.back, self.budget = value, back, budget
        self.hand = GiveBack(back.numpy, torch.float64)
        self.like = x
        self.best = x.cpu().numpy().ravel().copy()
        self.history: list[float] = []

    def __call__(self, point: np.ndarray) -> float:
        height = float(self.value(self.hand(self._shaped(point))))
        height = inf if isnan(height) else height
        if not self.history or height < self.history[-1]:
            self.best = point.copy()
        self.history.append(min([height, *self.history[-1:]]))
        return height

    @property
    def used(self) -> int:
        return len(self.history)

    @property
    def left(self) -> int:
        return self.budget - self.used

    def result(self) -> Search:
        x = self.back(self._shaped(self.best))
        return Search(x, self.history[-1], self.used, tuple(self.history))

    def _shaped(self, point: np.ndarray) -> Tensor:
        return torch.from_numpy(point.copy()).to(self.like.device).view(self.like.shape)


def _begin(
    value: Callable, x: Array, sigma: float, evaluations: int, random_state: int | None
) -> tuple[_Tally, np.ndarray, np.random.Generator]:
    """The counted function, the start as a flat array, and the source of random numbers."""
    (point,), back = take_any(x=x)
    expect_finite("x", point)
    if not point.numel():
        raise ValueError(f"x has shape {tuple(point.shape)}: expected at least one number.")
    _expect_positive("sigma", sigma)
    _expect_positive("evaluations", evaluations)
    tally = _Tally(value, point.detach().double(), back, whole_number(evaluations))
    return tally, tally.best.copy(), np.random.default_rng(random_state)


def _spread(tally: _Tally, x: np.ndarray, sigma: float, rng: np.random.Generator) -> float:
    """The standard deviation of the finite values at ten points around x; 1 where there is none."""
    count = min(10, tally.left)
    heights = [tally(x + sigma * rng.standard_normal(x.size)) for _ in range(count)]
    finite = [height for height in heights if isfinite(height)]
    return float(np.std(finite)) if len(set(finite)) > 1 else 1.0


def _expect_positive(name: str, number: float) -> None:
    if not 0 < number < inf:
        raise ValueError(f"{name} is {number}: expected a positive, finite number.")
