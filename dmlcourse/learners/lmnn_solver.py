"""How LMNN is minimised: L-BFGS on L, then, where a proof is wanted, projected steps on M.

1. A start: the directions of most scatter per pull, at the best simple scale.
2. ``descend``: L-BFGS on L over a list of possible impostors, renewed every ``ROUND`` steps, with
   hinges that are rounded off on narrower and narrower widths.
3. ``polish``: accelerated projected gradient steps on M until the duality gap of
   ``certificate.py`` closes.

All of it happens in the coordinates of ``coordinates.py``.
Sources of 3: Beck & Teboulle (2009), SIAM Journal on Imaging Sciences 2, 183-202, with a step that
may grow again, and a momentum that starts anew where ε rises (O'Donoghue & Candès 2015, Foundations
of Computational Mathematics 15, 715-732).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from ..geometry.quasi_newton import LBFGS
from .certificate import Bounds
from .coordinates import Coordinates
from .history import Log, Solution, relative_gap
from .impostors import Margins, Measure, Squares

WIDTHS = (0.5, 0.1, 0.02)
ROUND = 10
SLACK = 0.25  # how much nearer than now an impostor may come before the next look
GROWTH = 1.2
SAMPLE = 4000  # points whose targets give a first idea, where there are more
CROWD = 30  # impostors for each target pair: at half the scale the list would be too long


class Step(NamedTuple):
    """One line of the history: the objective ε after so many steps, and the listed impostors."""

    iteration: int
    seconds: float
    objective: float
    impostors: int


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

    Everything runs on X's device; the descent in ``dtype``, all else in float64.
    """
    anchor, slot = (targets >= 0).nonzero(as_tuple=True)
    coordinates = Coordinates(X, anchor, targets[anchor, slot])
    exact = Margins(coordinates.X, y, targets, mu)
    margins = exact if dtype == torch.float64 else Margins(exact.X.to(dtype), y, targets, mu)
    bounds = Bounds(exact.X, coordinates.pull, mu)
    if init is None:
        starts = _starts(margins, rank, bounds, tol, log)
    else:
        starts = iter([_better_scale(margins, coordinates.inward(init).to(dtype))])
    ends = [descend(margins, L, bounds, tol, log) for L in starts]
    L, done = min(ends, key=lambda end: objective(exact, end[0].double()))
    L = L.double()
    if convex:
        L, done = polish(exact, L, bounds, tol, log)
    reached = objective(exact, L)
    log.add(reached, len(exact.point))
    return Solution(coordinates.outward(L), reached, relative_gap(reached, bounds.best), done)


def objective(margins: Margins, L: Tensor) -> float:
    """ε at L, over a new list of impostors; infinite where distances overflow."""
    margins.look_around(L)
    reached = margins.measure(margins.squares(margins.X @ L.T), WIDTHS[-1]).exact
    return reached if isfinite(reached) else inf


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
    few, aside = (
        margins.thinned(SAMPLE),
        Log(log.most - log.steps, Step),
    )  # another ε: not our history
    L, _ = _descend_at(WIDTHS[0], few, first_map(few, rank), 10 * tol, aside)
    log.steps += aside.steps
    return L


def leading_rows(margins: Margins, L: Tensor, rank: int) -> Tensor:
    """The map onto the ``rank`` directions in which the images of the points vary most."""
    Z = (margins.X @ L.T).double()
    directions = torch.linalg.eigh(Z.T @ Z).eigenvectors.flip(1)[:, :rank]
    return directions.T.to(L.dtype) @ L


def first_map(margins: Margins, rank: int) -> Tensor:
    """The ``rank`` directions of most scatter per pull, at the best simple scale."""
    X = margins.X.double()
    L = torch.linalg.eigh(X.T @ X).eigenvectors.flip(1)[:, :rank].T
    return _simple_scale(margins, L.to(margins.X.dtype))


def _better_scale(margins: Margins, L: Tensor) -> Tensor:
    """L, or L at the best simple scale where ε is smaller there."""
    scaled = _simple_scale(margins, L)
    return L if objective(margins, L) <= objective(margins, scaled) else scaled


def _simple_scale(margins: Margins, L: Tensor) -> Tensor:
    """L times the scale of least ε among: a mean d² of targets of 16, 8, 4, …

    From the largest down while ε falls: at large scales there are few impostors, and looking is
    cheap.
    """
    L = L / L.abs().max()
    gaps = margins.squares(margins.X @ L.T).pull
    L = L * (float(gaps.mean()) or 1.0) ** -0.5
    best = inf
    for halvings in range(12):
        candidate = L * sqrt(16 / 2**halvings)
        now = objective(margins, candidate)
        if now >= best:
            return L * sqrt(32 / 2**halvings)
        if len(margins.point) > CROWD * len(margins.anchor):
            break
        best = now
    return candidate


def descend(
    margins: Margins, L: Tensor, bounds: Bounds, tol: float, log: Log
) -> tuple[Tensor, bool]:
    """L after L-BFGS at each width, and whether it came to rest at the last.

    The bounds learn from the end of each width: rounder hinges prove less, but sooner.
    """
    done = False
    for width in WIDTHS:
        L, done = _descend_at(width, margins, L, tol, log)
        bounds.add(margins, margins.measure(margins.squares(margins.X @ L.T), width))
    return L, done


def _descend_at(
    width: float, margins: Margins, L: Tensor, tol: float, log: Log
) -> tuple[Tensor, bool]:
    """L after rounds of L-BFGS at one width, and whether the last lowered ε by less than tol of it.

    Before each round the list of impostors is made anew. Where ε turns out to have risen, the list
    was too short for that round, which is undone and repeated over both lists. The first round
    does not count as the last: its steps begin without a memory of curvature.
    """
    search, kept, rounds = LBFGS(L), Look(L, inf, margins.pairs), 0
    while True:
        margins.look_around(search.x, slack=width + SLACK)
        measure = _look(search, margins, width)
        change = abs(kept.value - search.value)
        if search.value > kept.value:
            search.x = kept.x
            margins.add(kept.pairs)
            measure = _look(search, margins, width)
        done = rounds > 1 and change <= tol * max(search.value, margins.small)
        if done or log.spent:
            return search.x, done
        log.add(measure.exact, len(margins.point))
        kept, rounds = Look(search.x, search.value, margins.pairs), rounds + 1
        _a_round(search, margins, width, log)


class Look(NamedTuple):
    """Where ε was measured over a new list of pairs, its value there, and the list."""

    x: Tensor
    value: float
    pairs: Tensor


def _look(search: LBFGS, margins: Margins, width: float) -> Measure:
    """The measure at the search's point, which learns its value and gradient."""
    measure, gradient = margins.value_and_gradient(search.x, width)
    search.look(lambda L: (measure.smooth, gradient))
    return measure


def _a_round(search: LBFGS, margins: Margins, width: float, log: Log) -> None:
    """``ROUND`` steps over one list of impostors."""

    def function(L: Tensor) -> tuple[float, Tensor]:
        measure, gradient = margins.value_and_gradient(L, width)
        return measure.smooth, gradient

    for _ in range(ROUND):
        if log.spent or not search.step(function):
            break
        log.steps += 1


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
        log.add(measure.exact, len(margins.point))
        gap = measure.exact - bounds.add(margins, measure)
        if gap <= tol * max(measure.exact, margins.small):
            return L, True
        if measure.smooth - measure.exact > gap / 2:  # the rounding is what keeps the gap open
            width /= 2
        now, step = _projected_round(margins, now, bounds, width, step, log)
        M, L = now.M, now.L
    return L, False


def _projected_round(
    margins: Margins, now: Metric, bounds: Bounds, width: float, step: float, log: Log
) -> tuple[Metric, float]:
    """Some steps of FISTA over one list of impostors; the momentum starts anew where ε rises."""
    before, momentum, value = now, 1.0, inf
    for _ in range(2 * ROUND):
        following = (1 + sqrt(1 + 4 * momentum**2)) / 2
        ahead = _extrapolate(now, before, (momentum - 1) / following)
        new, reached, step = _projected_step(margins, ahead, bounds, width, GROWTH * step)
        momentum = following if reached <= value else 1.0
        before, now, value = now, new, reached
        log.steps += 1
        if log.spent:
            break
    return now, step


def _projected_step(
    margins: Margins, at: Metric, bounds: Bounds, width: float, step: float
) -> tuple[Metric, float, float]:
    """The PSD matrix nearest to M − step·∇ε, ε there, and the step, halved until ε falls enough."""
    measure = margins.measure(at.squares, width)
    gradient = bounds.pull + bounds.push(margins, measure)
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
