"""The bench of chapter 06: ITML's bounds u and ℓ, the price γ, and what becomes of each pair.

On the left the points, 16 given pairs and two balls of the metric; on the right the squared
distance of each pair beside its bound. The data are generated: they show the method, not how well
it does in the field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..figures import CLASSES, ROLES, canvas, ellipse
from ..figures.style import GRID, INK, QUIET
from .parts import fixed_title, key, unit_grid
from .shell import Bench, Slider

SHEETS, MEMBERS, SLANT, SEED = "ABC", 10, 35.0, 3
HALF_LENGTH, HALF_WIDTH, JITTER, GAP = 2.3, 0.22, 0.12, 1.25
HUB = 14  # the middle of the balls; four pairs join it with others
SIMILAR = ((1, 3), (11, 14), (24, 28), (14, 19), (4, 9), (0, 5), (20, 25), (21, 29))
DISSIMILAR = ((15, 25), (18, 28), (3, 13), (14, 24), (5, 17), (2, 14), (1, 10), (2, 18))
U, L, EXPONENT, SWEEPS = (0.5, 4.0), (4.0, 16.0), (-2.0, 3.0), 50
OPTIMUM = SWEEPS + 1  # the end of the slider
BROKEN, MOVED = 1e-6, 0.01  # shares of the bound: a bound is broken, a tick for ξ is worth drawing
REACH, HEIGHT = 3.3, 2.75
SIDE = (0.03, 60.0)  # the squared distances that the right panel shows, on a logarithmic axis
LEAP = 1.8  # rows between the two kinds of pairs
BASIS = np.array([[[1.0, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]]])
STEPS, TOLERANCE, SLOPE = 60, 1e-13, 1e-4


class Problem(NamedTuple):
    """V (m, 2), δ (m,), ξ⁰ (m,) and γ; the prior is I."""

    V: np.ndarray
    delta: np.ndarray
    xi0: np.ndarray
    gamma: float

    def squares(self, M: np.ndarray) -> np.ndarray:
        """The squared distances p = vᵀMv, (m,)."""
        return ((self.V @ M) * self.V).sum(axis=1)

    def broken(self, M: np.ndarray, share: float = 0.0) -> np.ndarray:
        """Which bounds are broken by more than this share of themselves, (m,)."""
        return self.delta * (self.squares(M) - self.xi0) > share * self.xi0

    def primal(self, M: np.ndarray) -> float:
        """D_ld(M, I) + γ Σ (r − log r − 1) over the broken bounds, r = p/ξ⁰; ∞ off the cone."""
        if M[0, 0] <= 0 or np.linalg.det(M) <= 0 or (self.squares(M) <= 0).any():
            return np.inf
        r = (self.squares(M) / self.xi0)[self.broken(M)]
        return divergence(M) + self.gamma * float((r - np.log(r) - 1).sum())

    def dual(self, lam: np.ndarray) -> float:
        """log det B + γ Σ log(1 − δλξ⁰/γ), B = I + Σ δλvvᵀ; −∞ outside the domain."""
        B = np.eye(2) + (self.V.T * (self.delta * lam)) @ self.V
        shares = 1 - self.delta * lam * self.xi0 / self.gamma
        if np.linalg.eigvalsh(B)[0] <= 0 or (shares <= 0).any() or (lam < 0).any():
            return -np.inf
        return float(np.log(np.linalg.det(B)) + self.gamma * np.log(shares).sum())


class Metric(NamedTuple):
    """One metric with the bounds ξ (m,) as they have moved, and its values on both sides."""

    M: np.ndarray
    xi: np.ndarray
    primal: float
    dual: float


@dataclass(frozen=True)
class ItmlState:
    """The bounds u and ℓ, log₁₀ γ, and the sweeps: 0 is the prior, 51 the optimum."""

    u: float = 2.0
    l: float = 6.0
    exponent: float = 0.0
    sweeps: float = OPTIMUM

    def __post_init__(self) -> None:
        low, high = 10 ** EXPONENT[0], 10 ** EXPONENT[1]
        inside = U[0] <= self.u <= U[1] and L[0] <= self.l <= L[1]
        inside &= EXPONENT[0] <= self.exponent <= EXPONENT[1] and 0 <= self.sweeps <= OPTIMUM
        if not inside:
            raise ValueError(
                f"u is {self.u}, l is {self.l}, γ is {_number(self.gamma)} and sweeps is "
                f"{self.sweeps}: expected u from {U[0]:g} to {U[1]:g}, l from {L[0]:g} to "
                f"{L[1]:g}, γ from {low:g} to {high:g}, and sweeps from 0 to {SWEEPS}, or "
                f"{OPTIMUM} for the optimum."
            )

    @property
    def gamma(self) -> float:
        """The price of slack."""
        return float(10.0**self.exponent)

    @property
    def problem(self) -> Problem:
        """The bounds of all pairs, the similar ones first."""
        return pose(self.u, self.l, self.gamma)

    @property
    def at_optimum(self) -> bool:
        """Whether the metric shown is the best one, and not that after some sweeps."""
        return int(self.sweeps) == OPTIMUM

    @property
    def best(self) -> Metric:
        """The optimum."""
        return _solved(self.u, self.l, self.gamma)

    @property
    def metric(self) -> Metric:
        """The metric that is shown."""
        if self.at_optimum:
            return self.best
        return _swept(self.u, self.l, self.gamma)[int(self.sweeps)]

    @property
    def broken(self) -> np.ndarray:
        """Which pairs break their first bounds, (16,)."""
        return self.problem.broken(self.metric.M, BROKEN)


@cache
def sheets() -> tuple[np.ndarray, np.ndarray]:
    """30 points in three slanted sheets, (30, 2), and their classes: generated data."""
    rng = np.random.default_rng(SEED)
    places = np.linspace(-HALF_LENGTH, HALF_LENGTH, MEMBERS)
    along = places + rng.uniform(-JITTER, JITTER, (3, MEMBERS))
    across = rng.uniform(-HALF_WIDTH, HALF_WIDTH, (3, MEMBERS)) + GAP * np.arange(3)[:, None]
    flat = np.stack([along.ravel(), across.ravel()], axis=1)
    c, s = np.cos(np.radians(SLANT)), np.sin(np.radians(SLANT))
    return (flat - flat.mean(axis=0)) @ np.array([[c, s], [-s, c]]), np.repeat(range(3), MEMBERS)


@cache
def differences() -> tuple[np.ndarray, np.ndarray]:
    """V (16, 2) and δ (16,)."""
    X, pairs = sheets()[0], np.array(SIMILAR + DISSIMILAR)
    return X[pairs[:, 0]] - X[pairs[:, 1]], np.repeat([1.0, -1.0], [len(SIMILAR), len(DISSIMILAR)])


def pose(u: float, l: float, gamma: float) -> Problem:
    """The problem of ITML with these bounds and this price."""
    V, delta = differences()
    return Problem(V, delta, np.where(delta > 0, float(u), float(l)), gamma)


@lru_cache(maxsize=512)
def _solved(u: float, l: float, gamma: float) -> Metric:
    return optimum(pose(u, l, gamma))


@lru_cache(maxsize=512)
def _swept(u: float, l: float, gamma: float) -> list[Metric]:
    return list(swept(pose(u, l, gamma)))


def divergence(M: np.ndarray) -> float:
    """D_ld(M, I) = tr M − log det M − 2."""
    return float(np.trace(M) - np.log(np.linalg.det(M)) - 2)


def optimum(problem: Problem) -> Metric:
    """The metric with the least primal value, by Newton's method on its three numbers.

    The price rises to γ in steps of √10, each from the optimum of the one before: from I the
    largest γ would be too far. Every bound that pushes is broken, so ξ = p there; the weights
    λ = δγ(1/ξ⁰ − 1/p) give the dual value.
    """
    M = np.eye(2)
    for price in np.append(0.01 * 10 ** np.arange(0, 5, 0.5), problem.gamma):
        if price <= problem.gamma:
            M = newton(problem._replace(gamma=float(price)), M)
    p, broken = problem.squares(M), problem.broken(M)
    xi = np.where(broken, p, problem.xi0)
    lam = problem.delta * problem.gamma * (1 / problem.xi0 - 1 / xi)
    return Metric(M, xi, problem.primal(M), problem.dual(lam))


def newton(problem: Problem, M: np.ndarray) -> np.ndarray:
    """The minimum of the primal value, which is convex in M, from this M on."""
    for _ in range(STEPS):
        slope, step = _direction(problem, M)
        value, share = problem.primal(M), 1.0
        if -slope <= TOLERANCE * (1 + value):
            break
        while (
            problem.primal(M + share * step) > value + SLOPE * share * slope and share > TOLERANCE
        ):
            share /= 2
        M = M + share * step
    return M


def _direction(problem: Problem, M: np.ndarray) -> tuple[float, np.ndarray]:
    """Newton's step for M, and the slope of the primal value along it."""
    inverse, broken, g = np.linalg.inv(M), problem.broken(M), problem.gamma
    p, V = problem.squares(M)[broken], problem.V[broken]
    W = np.stack([V[:, 0] ** 2, V[:, 1] ** 2, 2 * V[:, 0] * V[:, 1]], axis=1)  # p = W (a, b, c)
    turned = inverse @ BASIS
    gradient = np.trace(BASIS - turned, axis1=1, axis2=2)
    gradient = gradient + g * (1 / problem.xi0[broken] - 1 / p) @ W
    hessian = np.einsum("kij,lji->kl", turned, turned) + g * (W.T / p**2) @ W
    step = -np.linalg.solve(hessian, gradient)
    return float(gradient @ step), np.tensordot(step, BASIS, axes=1)


def swept(problem: Problem) -> Iterator[Metric]:
    """The prior, and the metric after each sweep of projections onto one bound after the other."""
    M, xi, lam = np.eye(2), problem.xi0.copy(), np.zeros(len(problem.V))
    for _ in range(SWEEPS + 1):
        yield Metric(M, xi.copy(), problem.primal(M), problem.dual(lam))
        for i in range(len(problem.V)):
            M, xi[i], lam[i] = project(problem, i, M, xi[i], lam[i])


def project(
    problem: Problem, i: int, M: np.ndarray, xi: float, lam: float
) -> tuple[np.ndarray, float, float]:
    """M, ξ and λ after the projection onto bound i, exact for every γ."""
    delta, gamma, image = problem.delta[i], problem.gamma, M @ problem.V[i]
    p = problem.V[i] @ image
    alpha = min(lam, delta * gamma / (gamma + 1) * (1 / p - 1 / xi))
    beta = delta * alpha / (1 - delta * alpha * p)
    M = M + beta * image[:, None] * image
    return M, gamma * xi / (gamma + delta * alpha * xi), lam - alpha


def itml_bench(u: float = 2.0, l: float = 6.0, gamma: float = 1.0, sweeps: int = OPTIMUM) -> None:
    """Show the bench, starting from these bounds, this price and so many sweeps.

    ``u`` from 0.5 to 4, ``l`` from 4 to 16, ``gamma`` from 0.01 to 1000; ``sweeps`` from 0, the
    prior, to 50, and 51 is the optimum, where endless sweeps would arrive.
    """
    if not gamma > 0:
        raise ValueError(f"γ is {gamma}: expected a number from 0.01 to 1000.")
    BENCH.show(ItmlState(u, l, round(float(np.log10(gamma)), 9), sweeps))


def draw(state: ItmlState) -> Figure:
    """Draw the points with the pairs and the balls, and the squared distance of each pair."""
    fig, (plane, side) = canvas(2, size=(9.6, 4.5), layout=None)
    plane.set_position((0.01, 0.15, 0.52, 0.78))
    side.set_position((0.57, 0.15, 0.42, 0.78))
    _draw_plane(plane, state)
    _draw_side(side, state)
    return fig


def _draw_plane(ax: Axes, state: ItmlState) -> None:
    unit_grid(ax, REACH)
    ax.set_ylim(-HEIGHT, HEIGHT)
    _draw_balls(ax, state)
    _draw_pairs(ax, state)
    for c, name in enumerate(SHEETS):
        look, own = CLASSES[c], sheets()[0][sheets()[1] == c]
        ax.plot(*own.T, look.marker, color=look.colour, ms=6, label=f"class {name}", zorder=4)
    ax.plot(*sheets()[0][HUB], "o", mfc="none", mec=INK, ms=13, mew=1.5, zorder=5)
    key(ax, (0.0, 0.2, 0.4))
    fixed_title(ax, f"Balls of M: {_when(state)} (generated data)")


def _draw_balls(ax: Axes, state: ItmlState) -> None:
    """The balls d² ≤ u and, with dashes, d² ≤ ℓ; that of the prior, dotted."""
    hub, near, M = sheets()[0][HUB], ROLES["near"].colour, state.metric.M
    outline: dict[str, Any] = {"facecolor": "none", "zorder": 2}
    ellipse(ax, M, hub, np.sqrt(state.u))
    ellipse(ax, M, hub, np.sqrt(state.l), edgecolor=near, linestyle="--", **outline)
    ellipse(ax, np.eye(2), hub, np.sqrt(state.u), edgecolor=QUIET, linestyle=":", **outline)


def _draw_pairs(ax: Axes, state: ItmlState) -> None:
    """Solid lines for similar pairs, dashed for dissimilar ones, crosses on broken bounds."""
    X, pairs = sheets()[0], np.array(SIMILAR + DISSIMILAR)
    ends, half, cross = X[pairs], len(SIMILAR), ROLES["refused"]
    for chosen, place, similar in ((ends[:half], 0.59, True), (ends[half:], 0.785, False)):
        ax.add_collection(LineCollection(chosen, zorder=3, **_line(similar)))
        _draw_sample(ax, place, similar)
    middles = ends[state.broken].mean(axis=1)
    ax.plot(*middles.T, cross.marker, color=cross.colour, mec=INK, mew=0.8, ms=9, zorder=5)


def _line(similar: bool) -> dict[str, Any]:
    """How a similar pair looks, and how a dissimilar one."""
    if similar:
        return {"colors": INK, "linewidths": 1.8}
    return {"colors": ROLES["refused"].colour, "linewidths": 1.8, "linestyles": "--"}


def _draw_sample(ax: Axes, place: float, similar: bool) -> None:
    """A line in the key below the axes."""
    sample = [[(place, -0.06), (place + 0.05, -0.06)]]
    look: dict[str, Any] = {"clip_on": False, "transform": ax.transAxes, **_line(similar)}
    ax.add_collection(LineCollection(sample, **look), autolim=False)
    name = "similar" if similar else "dissimilar"
    ax.text(place + 0.065, -0.06, name, transform=ax.transAxes, va="center", fontsize=10.5)


def _draw_side(ax: Axes, state: ItmlState) -> None:
    """A row for each pair, the similar ones above, on a logarithmic axis."""
    half = len(SIMILAR)
    _frame(ax, half)
    _draw_bounds(ax, state, half)
    _draw_marks(ax, state, np.r_[0:half, half + LEAP : 2 * half + LEAP])
    key(ax, (0.01, 0.22, 0.46, 0.77))
    fixed_title(ax, f"Squared distances for γ = {_number(state.gamma)}")


def _frame(ax: Axes, half: int) -> None:
    """Lines and numbers without ticks: much faster to draw, and nothing jumps."""
    marks, bottom = (0.1, 1, 10), 2 * half + LEAP
    ax.set_axis_off()
    ax.set(xlim=np.log10(SIDE), ylim=(bottom + 0.9, -1.8))
    ax.vlines(np.log10(marks), -0.6, bottom, color=GRID, linewidth=0.8, zorder=0)
    for mark in marks:
        ax.text(np.log10(mark), bottom, f"{mark:g}", ha="center", va="top", fontsize=10)


def _draw_bounds(ax: Axes, state: ItmlState, half: int) -> None:
    """The two bounds, and shaded the side on which a pair may be."""
    ball, near = ROLES["ball"].colour, ROLES["near"].colour
    left, right = np.log10(SIDE)
    for bound, end, row, sign, kind in (
        (state.u, left, 0.0, "u", "similar"),
        (state.l, right, half + LEAP, "ℓ", "dissimilar"),
    ):
        x, top, bottom = np.log10(bound), row - 0.6, row + half - 0.4
        ax.fill_between([x, end], top, bottom, color=ball + "30", linewidth=0, zorder=0)
        ax.vlines(x, top, bottom, color=near, linewidth=1.8, zorder=1)
        ax.text(x, top - 0.1, sign, ha="center", va="bottom", fontsize=12)
        ax.text(left, top - 0.1, kind, va="bottom", fontsize=11)


def _draw_marks(ax: Axes, state: ItmlState, rows: np.ndarray) -> None:
    """Where each pair was and is, its way beyond the bound, and how far the bound has moved."""
    problem, broken, role = state.problem, state.broken, ROLES["refused"]
    first, xi = np.log10(problem.xi0), np.log10(state.metric.xi)
    p, ruler = np.log10(problem.squares(state.metric.M)), np.log10(problem.squares(np.eye(2)))
    ax.hlines(rows[broken], first[broken], p[broken], color=role.colour, linewidth=3, zorder=2)
    ax.plot(ruler, rows, "o", ms=6, mfc="none", mec=QUIET, label="M₀ = I")
    _draw_met(ax, p[~broken], rows[~broken])
    look: dict[str, Any] = {"color": role.colour, "mec": INK, "mew": 0.8, "zorder": 4}
    ax.plot(p[broken], rows[broken], role.marker, ms=9, label="M, broken", **look)
    moved = abs(xi - first) > np.log10(1 + MOVED)
    ax.plot(xi[moved], rows[moved], "|", color=INK, ms=13, mew=2, label="bound ξ", zorder=3)


def _draw_met(ax: Axes, p: np.ndarray, rows: np.ndarray) -> None:
    """The pairs whose bounds are met; those too near or too far for the axis as arrows."""
    look: dict[str, Any] = {"color": ROLES["near"].colour, "ms": 7, "zorder": 3, "ls": "none"}
    low, high = np.log10(SIDE[0]) + 0.04, np.log10(SIDE[1]) - 0.04
    inside = (p >= low) & (p <= high)
    ax.plot(p[inside], rows[inside], "o", label="M, met", **look)
    for out, edge, marker in ((p < low, low, "<"), (p > high, high, ">")):
        ax.plot(np.full(out.sum(), edge), rows[out], marker, **look)


def _when(state: ItmlState) -> str:
    """Say which metric is shown."""
    if state.at_optimum:
        return "the optimum"
    done = int(state.sweeps)
    return f"after {done} sweep{'' if done == 1 else 's'}" if done else "the prior M₀ = I"


def describe(state: ItmlState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: 30 generated points of three classes in slanted sheets, long and close to each "
        f"other; solid lines join {len(SIMILAR)} similar pairs, dashed lines {len(DISSIMILAR)} "
        f"dissimilar ones. Around one point, for {_which(state)}, the ball d² ≤ u is "
        f"{_ball(state)}; dashed the ball d² ≤ ℓ of the same shape, dotted the circle of M₀ = I. "
        f"Right: the squared distance of each pair on a logarithmic axis, under M₀ and under M; "
        f"similar pairs above, allowed left of u = {_number(state.u)}, dissimilar ones below, "
        f"allowed right of ℓ = {_number(state.l)}; γ is {_number(state.gamma)}. Crosses in both "
        f"panels mark broken bounds. {_counted(state)} {_slack(state)}"
    )


def _which(state: ItmlState) -> str:
    """Name the metric that is shown, for a sentence."""
    if state.at_optimum:
        return "M at the optimum"
    return f"M {_when(state)}" if int(state.sweeps) else "M = M₀ = I, before any sweep"


def _ball(state: ItmlState) -> str:
    low, high = np.linalg.eigvalsh(state.metric.M)
    aspect = np.sqrt(high / low)
    return "a circle" if aspect < 1.05 else f"an ellipse {_number(aspect)} times as long as wide"


def _counted(state: ItmlState) -> str:
    """Count the broken bounds of each kind, before and now, and say how bad the worst is."""
    before, half = int(state.problem.broken(np.eye(2), BROKEN).sum()), len(SIMILAR)
    similar, dissimilar = int(state.broken[:half].sum()), int(state.broken[half:].sum())
    said = (
        f"Bounds broken: {similar + dissimilar} of {len(state.broken)} ({similar} similar, "
        f"{dissimilar} dissimilar); under M₀ = I: {before}."
    )
    return f"{said} {_worst(state)}" if state.broken.any() else said


def _worst(state: ItmlState) -> str:
    """Say by which factor the worst pair is beyond its bound."""
    factor = np.exp(abs(np.log(state.problem.squares(state.metric.M) / state.problem.xi0)))
    return f"The worst is beyond its bound by a factor of {factor[state.broken].max():.3f}."


def _slack(state: ItmlState) -> str:
    """Say how many bounds have moved, and the most that one has."""
    factor = np.exp(abs(np.log(state.metric.xi / state.problem.xi0)))
    moved = int((factor > 1 + BROKEN).sum())
    if not moved:
        return "No ξ has moved."
    where = " At the optimum each broken bound has ξ = d²." if state.at_optimum else ""
    return (
        f"{moved} of the ξ {'has' if moved == 1 else 'have'} moved from u or ℓ, by a factor of up "
        f"to {factor.max():.3f}.{where}"
    )


def read(state: ItmlState) -> str:
    """Return the numbers of the state as HTML."""
    lines = [
        f"γ = {_number(state.gamma)}; {_which(state)}. {_counted(state)}",
        _slack(state),
        _change(state),
        _values(state),
    ]
    return "<br>".join(escape(line) for line in lines)


def _change(state: ItmlState) -> str:
    """Say how far M is from the prior."""
    low, high = np.linalg.eigvalsh(state.metric.M)
    return (
        f"Eigenvalues of M: {_number(high)} and {_number(low)}; the ball is {_ball(state)}. "
        f"D_ld(M, I) = {divergence(state.metric.M):.3f}."
    )


def _values(state: ItmlState) -> str:
    """Say what both sides prove: no metric has a primal value below a dual one."""
    _, _, primal, dual = state.metric
    share = max(0.0, 100 * (primal - dual) / primal)
    optimal = "" if state.at_optimum else f" The optimum is {state.best.primal:.3f}."
    return (
        f"Primal value {primal:.3f} = D_ld {divergence(state.metric.M):.3f} + price of slack "
        f"{primal - divergence(state.metric.M):.3f}; dual value {dual:.3f}; gap {share:.2f} % of "
        f"the primal.{optimal}"
    )


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")


BENCH = Bench(
    sliders=(
        Slider("u", "u, similar", *U, 0.25),
        Slider("l", "ℓ, dissimilar", *L, 0.5),
        Slider("exponent", "log₁₀ γ", *EXPONENT, 0.25),
        Slider("sweeps", "sweeps (51 = ∞)", 0, OPTIMUM, 1),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
