"""How LMNN is minimised: coordinates, descent on L, projected steps on M, and a proof of how near.

1. ``Coordinates``: a change of variables that makes the pull term a multiple of tr(M).
2. ``descend``: L-BFGS on L, over a list of possible impostors renewed every ``ROUND`` steps, with
   hinges that are rounded off on narrower and narrower widths.
3. ``lower_bound``: what no metric can beat. Write ε(M) = (1 − μ)⟨C, M⟩ + μ Σₜ [1 + ⟨Aₜ, M⟩]₊ with
   C = Σ (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ over target pairs and Aₜ the same difference of squares for triplet t.
   As [z]₊ ≥ αz for 0 ≤ α ≤ 1,

       ε(M) ≥ μ Σ αₜ + ⟨(1 − μ)C + μ Σ αₜAₜ, M⟩ ≥ μ Σ αₜ    whenever the matrix is PSD.

   The derivatives of the rounded hinges are such α, but for a small negative eigenvalue; multiplied
   by the largest θ ≤ 1 that makes the matrix PSD they are a certificate.
4. ``polish``: accelerated projected gradient steps on M until the gap closes (Beck & Teboulle 2009,
   SIAM Journal on Imaging Sciences 2, 183-202).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from ..geometry.quasi_newton import LBFGS
from .impostors import Margins, Measure, Squares

WIDTHS = (0.5, 0.1, 0.02)
ROUND = 10
SLACK = 0.25  # how much nearer than now an impostor may come before the next look
GROWTH = 1.2
SAMPLE = 4000
_RIDGE = 1e-6
_SPAN = 1e-12
_FLAT = 1e-9


class Step(NamedTuple):
    """One line of the history: the objective ε after so many steps, and the listed impostors."""

    iteration: int
    seconds: float
    objective: float
    impostors: int


@dataclass
class Log:
    """Counts steps, keeps the history, and prints a line a round where asked."""

    most: int
    say: Callable[[str], None] | None = None
    steps: int = 0
    history: list[Step] = field(default_factory=list)
    start: float = field(default_factory=perf_counter)

    @property
    def spent(self) -> bool:
        return self.steps >= self.most

    def add(self, objective: float, margins: Margins) -> None:
        step = Step(self.steps, perf_counter() - self.start, objective, len(margins.point))
        self.history.append(step)
        if self.say:
            told = f"objective {objective:.6g}, {step.impostors} impostors"
            self.say(f"step {step.iteration}: {told}")


class Coordinates:
    """New coordinates z = Bᵀ(x − mean), (r,), in which the pull term is a multiple of tr(M).

    B: (d, r), r the number of directions in which the points differ. A map L of z is the map L·Bᵀ
    of x. The ridge, a millionth of the scatter of all points, keeps B finite where targets agree.
    """

    def __init__(self, X: Tensor, anchor: Tensor, target: Tensor) -> None:
        points = X.double() - X.double().mean(0)
        scale = points.square().mean(0).sqrt()
        if not scale.any():
            raise ValueError("X has the same values in every row: no metric can tell them apart.")
        scale = torch.where(scale > 0, scale, 1)
        basis = _span(points / scale)
        points = (points / scale) @ basis
        gaps = points[anchor] - points[target]
        pull, scatter = gaps.T @ gaps, points.T @ points
        ridge = _RIDGE * float(pull.trace() / scatter.trace()) or 1.0
        values, vectors = torch.linalg.eigh(pull + ridge * scatter)
        stretch = (len(anchor) / (values * len(values))).sqrt()
        self.X = points @ (vectors * stretch)
        self.pull = (vectors * stretch).T @ pull @ (vectors * stretch)
        self._out = (basis @ (vectors * stretch)) / scale[:, None]
        self._in = (basis @ (vectors / stretch)) * scale[:, None]

    def outward(self, L: Tensor) -> Tensor:
        """The map of x for a map of z: (k, r) → (k, d)."""
        return L.double() @ self._out.T

    def inward(self, L: Tensor) -> Tensor:
        """The map of z for a map of x: (k, d) → (k, r)."""
        return L.double() @ self._in


def _span(X: Tensor) -> Tensor:
    """Orthonormal columns (d, r) that span the rows of X."""
    n, d = X.shape
    if n < d:
        _, sizes, rows = torch.linalg.svd(X, full_matrices=False)
        return rows[sizes.square() > _SPAN * sizes[0].square()].T
    values, vectors = torch.linalg.eigh(X.T @ X)
    return vectors[:, values > _SPAN * values[-1]]


class Solution(NamedTuple):
    """L (k, d) for the points as they came, ε there, a lower bound on ε, and whether it is done."""

    L: Tensor
    objective: float
    bound: float
    done: bool


def solve(
    X: Tensor,
    y: Tensor,
    targets: Tensor,
    mu: float,
    rank: int,
    init: Tensor | None,
    convex: bool,
    tol: float,
    log: Log,
    dtype: torch.dtype,
) -> Solution:
    """Minimise ε for points X (n, d), labels y (n,) and targets (n, k), over L with ``rank`` rows.

    Everything runs on X's device; the descent in ``dtype``, coordinates and bound in float64.
    """
    anchor, slot = (targets >= 0).nonzero(as_tuple=True)
    coordinates = Coordinates(X, anchor, targets[anchor, slot])
    margins = Margins(coordinates.X.to(dtype), y, targets, mu)
    bounds = Bounds(margins, coordinates.pull)
    starts = _starts(margins, rank, bounds, tol, log)
    if init is not None:
        starts = iter([coordinates.inward(init).to(dtype)])
    ends = [descend(margins, L, bounds, tol, log) for L in starts]
    L, done = min(ends, key=lambda end: objective(margins, end[0]))
    if convex:  # float32 has too few digits to close the gap
        margins = bounds.margins = Margins(coordinates.X, y, targets, mu)
        L, done = polish(margins, L.double(), bounds, tol, log)
    reached = objective(margins, L)
    log.add(reached, margins)
    return Solution(coordinates.outward(L), reached, bounds.best, done)


def objective(margins: Margins, L: Tensor) -> float:
    """ε at L, over a new list of impostors."""
    margins.look_around(L)
    return margins.measure(margins.squares(margins.X @ L.T), WIDTHS[-1]).exact


def _starts(margins: Margins, rank: int, bounds: Bounds, tol: float, log: Log) -> Iterator[Tensor]:
    """Maps to start from: one for full rank; two for less, where ε has local minima.

    The second comes down from full rank by halves, descending a little after each cut.
    """
    full = margins.X.shape[1]
    yield _near_start(margins, min(rank, full), tol, log)
    if rank < full:
        L = _near_start(margins, full, tol, log)
        while len(L) > rank:
            L, _ = descend(margins, L, bounds, 10 * tol, log)
            L = leading_rows(margins, L, max(rank, len(L) // 2))
        yield L


def _near_start(margins: Margins, rank: int, tol: float, log: Log) -> Tensor:
    """The first map; where there are many points, after a descent over the targets of a few.

    At first there are impostors everywhere. The descent over a sample thins them out, so that the
    list over all points stays short.
    """
    if len(margins.X) <= SAMPLE:
        return first_map(margins, rank)
    few, aside = margins.thinned(SAMPLE), Log(log.most - log.steps)  # another ε: not our history
    search = LBFGS(first_map(few, rank))
    while not aside.spent:
        if _a_round(search, few, WIDTHS[0], aside) <= 10 * tol * search.value:
            break
    log.steps += aside.steps
    return search.x


def leading_rows(margins: Margins, L: Tensor, rank: int) -> Tensor:
    """The map onto the ``rank`` directions in which the images of the points vary most."""
    Z = (margins.X @ L.T).double()
    directions = torch.linalg.eigh(Z.T @ Z).eigenvectors.flip(1)[:, :rank]
    return directions.T.to(L.dtype) @ L


def first_map(margins: Margins, rank: int) -> Tensor:
    """Where to start: the ``rank`` directions of most scatter per pull, at the best simple scale.

    From the scale at which targets are 16 apart, squared, down by halves while ε falls: at the
    larger scales there are few impostors, and looking is cheap.
    """
    X = margins.X.double()
    L = torch.linalg.eigh(X.T @ X).eigenvectors.flip(1)[:, :rank].T.to(margins.X.dtype)
    best = torch.inf
    for halvings in range(12):
        candidate = L * sqrt(16 / 2**halvings)
        margins.look_around(candidate)
        objective = margins.value_and_gradient(candidate, WIDTHS[0])[0].exact
        if objective >= best:
            return L * sqrt(32 / 2**halvings)
        best = objective
    return candidate


def descend(
    margins: Margins, L: Tensor, bounds: Bounds, tol: float, log: Log
) -> tuple[Tensor, bool]:
    """L after L-BFGS, and whether it came to rest: a round lowered ε by less than tol of it.

    The first round at a width does not count: its steps begin without a memory of curvature. The
    bounds learn from the end of each width: rounder hinges prove less, but sooner.
    """
    done = False
    for width in WIDTHS:
        search, done = LBFGS(L), False
        _a_round(search, margins, width, log)
        while not (done or log.spent):
            fall = _a_round(search, margins, width, log)
            enough = tol if width == WIDTHS[-1] else 10 * tol
            done = fall <= enough * max(search.value, margins.small)
        L = search.x
        margins.look_around(L, slack=width)
        bounds.add(margins.measure(margins.squares(margins.X @ L.T), width))
    return L, done


def _a_round(search: LBFGS, margins: Margins, width: float, log: Log) -> float:
    """``ROUND`` steps over one list of impostors, made anew first; how far they lowered the value.

    Values over two lists do not compare: a new list adds what the old one has missed.
    """
    measure: Measure

    def function(L: Tensor) -> tuple[float, Tensor]:
        nonlocal measure
        measure, gradient = margins.value_and_gradient(L, width)
        return measure.smooth, gradient

    margins.look_around(search.x, slack=width + SLACK)
    search.look(function)
    log.add(measure.exact, margins)
    before = search.value
    for _ in range(ROUND):
        if log.spent or not search.step(function):
            break
        log.steps += 1
    return before - search.value


class Bounds:
    """The lower bounds that shares of the hinges prove; ``pull`` is C in the new coordinates."""

    def __init__(self, margins: Margins, pull: Tensor) -> None:
        self.margins, self.pull, self.best = margins, (1 - margins.mu) * pull, 0.0
        values, vectors = torch.linalg.eigh(self.pull)
        there = values > _FLAT * values[-1]
        self._frame = vectors[:, there] / values[there].sqrt()

    def add(self, measure: Measure) -> float:
        """The best bound so far, with what these shares prove: μθ Σα."""
        push = push_matrix(self.margins, measure)
        values = torch.linalg.eigvalsh(self._frame.T @ push @ self._frame)
        theta = 1 / max([1.0, *(-values[:1]).tolist()])
        rest = torch.linalg.eigvalsh(self.pull + theta * push)
        if rest[0] >= -_FLAT * rest.abs().max():  # else negative where the pull term is flat
            shares = float(measure.shares.sum(dtype=torch.float64))
            self.best = max(self.best, self.margins.mu * theta * shares)
        return self.best


def push_matrix(margins: Margins, measure: Measure) -> Tensor:
    """μ Σ αₜAₜ in float64, (r, r): the derivative of the push term by M."""
    X = margins.X.double()
    push = X.T @ margins.laplacian(X, measure)
    return (push + push.T) / 2


class Metric(NamedTuple):
    """A PSD matrix with its factor and the squared distances that it gives."""

    M: Tensor
    L: Tensor
    squares: Squares


def polish(
    margins: Margins, L: Tensor, bounds: Bounds, tol: float, log: Log
) -> tuple[Tensor, bool]:
    """L after accelerated projected gradient steps on M, and whether the gap fell below tol of ε.

    Squared distances are linear in M, so those at the extrapolated point, which need not be PSD,
    come from those at the last two metrics without visiting a point.
    """
    width, step, M = WIDTHS[-1], 1.0, L.double().T @ L.double()
    while not log.spent:
        margins.look_around(L, slack=10 * width)
        now = _metric(margins, M)
        measure = margins.measure(now.squares, width)
        log.add(measure.exact, margins)
        gap = measure.exact - bounds.add(measure)
        if gap <= tol * max(measure.exact, margins.small):
            return L, True
        if measure.smooth - measure.exact > gap / 2:  # the rounding is what keeps the gap open
            width /= 2
        now, step = _projected_round(margins, now, bounds.pull, width, step, log)
        M, L = now.M, now.L
    return L, False


def _projected_round(
    margins: Margins, now: Metric, pull: Tensor, width: float, step: float, log: Log
) -> tuple[Metric, float]:
    """Some steps of FISTA over one list of impostors; the momentum starts anew where ε rises."""
    before, momentum, value = now, 1.0, torch.inf
    for _ in range(2 * ROUND):
        following = (1 + sqrt(1 + 4 * momentum**2)) / 2
        ahead = _extrapolate(now, before, (momentum - 1) / following)
        new, reached, step = _projected_step(margins, ahead, pull, width, GROWTH * step)
        momentum = following if reached <= value else 1.0
        before, now, value = now, new, reached
        log.steps += 1
        if log.spent:
            break
    return now, step


def _projected_step(
    margins: Margins, at: Metric, pull: Tensor, width: float, step: float
) -> tuple[Metric, float, float]:
    """The PSD matrix nearest to M − step·∇ε, ε there, and the step, halved until ε falls enough."""
    measure = margins.measure(at.squares, width)
    gradient = pull + push_matrix(margins, measure)
    while True:
        new = _metric(margins, at.M - step * gradient)
        reached = margins.measure(new.squares, width).smooth
        move = new.M - at.M
        model = measure.smooth + float((gradient * move).sum() + (move * move).sum() / (2 * step))
        if reached <= model + 1e-9 * abs(model) or step < 1e-12:
            return new, reached, step
        step /= 2


def _metric(margins: Margins, M: Tensor) -> Metric:
    """The PSD matrix nearest to M."""
    values, vectors = torch.linalg.eigh(M.double())
    L = (vectors * values.clamp(min=0).sqrt()).T[values > 0]
    return Metric(L.T @ L, L, margins.squares(margins.X @ L.T.to(margins.X)))


def _extrapolate(now: Metric, before: Metric, beyond: float) -> Metric:
    pull, push = (a + beyond * (a - b) for a, b in zip(now.squares, before.squares, strict=True))
    return Metric(now.M + beyond * (now.M - before.M), now.L, Squares(pull, push))
