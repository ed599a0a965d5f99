"""The bench of chapter 04: press two points, and MMC learns the metric from the pairs so far.

On the left the plane with the pairs and a ball of the learned metric, on the right the points after
L. The data are generated: they show the method, not how well it does in the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..figures import CLASSES, ROLES, axes_equal, canvas, ellipse
from ..figures.style import GRID, INK
from .parts import fixed_title, key
from .shell import Bench, Button, Choice
from .surface import Target

CLUSTERS, MEMBERS, SLANT = "ABC", 8, 30.0
CENTRES = np.array([[-2.1, 0.0], [0.0, 0.42], [2.1, 0.0]])
HALF_LENGTH, HALF_WIDTH, JITTER, SEED = 1.6, 0.1, 0.1, 2
NAMES = [f"{c}{i}" for c in CLUSTERS for i in range(1, MEMBERS + 1)]
NEAREST = MEMBERS - 1  # as many as a point has companions in its class
REACH, HEIGHT = 3.45, 2.3
MUST, CANNOT = "must-link", "cannot-link"
PLAIN, SQUARED = "d", "d²"
RIDGE, FLAT, STEPS, TOLERANCE = 1e-6, 1e-10, 500, 1e-9
STRIP = 1e-6  # eigenvalues so far apart: no screen shows the ends of the ball


class Pair(NamedTuple):
    """Two points, the one with the smaller index first, and whether they belong together."""

    first: int
    second: int
    same: bool


START = (
    Pair(3, 5, True),
    Pair(9, 10, True),
    Pair(16, 17, True),
    Pair(7, 15, False),
    Pair(14, 20, False),
    Pair(0, 18, False),
)


@dataclass(frozen=True)
class PairsState:
    """The pairs so far, what the next one will be, and what MMC sums over the dissimilar ones.

    ``picked`` is the point that waits for its partner; ``centre`` the middle of the ball.
    """

    pairs: tuple[Pair, ...] = START
    kind: str = MUST
    power: str = PLAIN
    picked: int | None = None
    centre: int = 11

    @property
    def similar(self) -> np.ndarray:
        """The differences of the must-link pairs, (m, 2)."""
        return _differences(self.pairs, True)

    @property
    def dissimilar(self) -> np.ndarray:
        """The differences of the cannot-link pairs, (m, 2)."""
        return _differences(self.pairs, False)

    @property
    def missing(self) -> list[str]:
        """The kinds of which there is no pair."""
        there = {pair.same for pair in self.pairs}
        return [name for name, same in ((MUST, True), (CANNOT, False)) if same not in there]

    @property
    def M(self) -> np.ndarray:
        """The metric: that of MMC, or I before there is a pair of each kind."""
        return _metric(self.pairs, self.power == SQUARED)[0]

    @property
    def ridge(self) -> bool:
        """Whether the must-link pairs leave a direction free, and a small cost was added there."""
        return _metric(self.pairs, self.power == SQUARED)[1]

    @property
    def distances(self) -> np.ndarray:
        """The learned distances between all points, (24, 24)."""
        return _distances(self.M)

    @property
    def radius(self) -> float:
        """The distance of the seventh nearest point to the centre, which its ball just reaches."""
        return float(np.sort(self.distances[self.centre])[NEAREST])


@cache
def points() -> tuple[np.ndarray, np.ndarray]:
    """24 points, (24, 2), and their classes: A and C end to end on one line, B beside both."""
    rng = np.random.default_rng(SEED)
    places, clusters = np.linspace(-HALF_LENGTH, HALF_LENGTH, MEMBERS), []
    for centre in CENTRES:
        along = places + rng.uniform(-JITTER, JITTER, MEMBERS)
        across = rng.uniform(-HALF_WIDTH, HALF_WIDTH, MEMBERS)
        clusters.append(centre + np.stack([along, across], axis=1))
    flat = np.concatenate(clusters)
    c, s = np.cos(np.radians(SLANT)), np.sin(np.radians(SLANT))
    return (flat - flat.mean(axis=0)) @ np.array([[c, s], [-s, c]]), np.repeat(range(3), MEMBERS)


def _differences(pairs: tuple[Pair, ...], same: bool) -> np.ndarray:
    X, _ = points()
    return np.array([X[p.first] - X[p.second] for p in pairs if p.same == same]).reshape(-1, 2)


@cache
def _metric(pairs: tuple[Pair, ...], squared: bool) -> tuple[np.ndarray, bool]:
    S, D = _differences(pairs, True), _differences(pairs, False)
    return learn(S, D, squared) if len(S) and len(D) else (np.eye(2), False)


def learn(S: np.ndarray, D: np.ndarray, squared: bool = False) -> tuple[np.ndarray, bool]:
    """M that maximises Σ_D d, or Σ_D d², where Σ_S d² ≤ 1; and whether a ridge was needed.

    S (m_S, 2) and D (m_D, 2) are differences of similar and dissimilar pairs. In coordinates in
    which all pairs together have variance 1 each way, S may leave a direction free: then similar
    pairs pay there for 0.1 % of what all pairs spread, as in `dmlcourse.learners.MMC`.
    """
    scatter = np.concatenate([S, D]).T @ np.concatenate([S, D]) / (len(S) + len(D))
    spreads, vectors = np.linalg.eigh(scatter)
    there = spreads > FLAT * spreads[-1]
    into = vectors[:, there] / np.sqrt(spreads[there])
    S, D = S @ into, D @ into
    values, vectors = np.linalg.eigh(S.T @ S)
    ridge = bool(values[0] <= FLAT * len(S))
    W = vectors / np.sqrt(values.clip(0) + ridge * RIDGE * len(S))  # here the budget is tr M ≤ 1
    L = (leading(D @ W) if squared else climb(D @ W)) @ W.T @ into.T
    return L.T @ L, ridge


def leading(D: np.ndarray) -> np.ndarray:
    """The row L, (1, k), of length 1 with the largest Σ_D (Lv)²."""
    return np.linalg.eigh(D.T @ D)[1][:, -1:].T


def climb(D: np.ndarray) -> np.ndarray:
    """L with ‖L‖ = 1 and the largest Σ_D ‖Lv‖: L ← N/‖N‖ with N = Σ_D (Lv/‖Lv‖)vᵀ.

    It ends at a proved optimum (see ``learners/mmc_solver.py``), to one part in 10⁹.
    """
    L = np.eye(D.shape[1]) / np.sqrt(D.shape[1])
    for _ in range(STEPS):
        Z = D @ L.T
        lengths = np.linalg.norm(Z, axis=1).clip(np.finfo(float).tiny)
        top = np.linalg.eigvalsh((D.T * (0.5 / lengths)) @ D)[-1]
        if top <= (0.5 + TOLERANCE) * lengths.sum():
            break
        L = (Z / lengths[:, None]).T @ D
        L = L / np.linalg.norm(L)
    return L


def root(M: np.ndarray) -> np.ndarray:
    """The symmetric root of M: of all L with LᵀL = M the one that turns the plane least."""
    values, vectors = np.linalg.eigh(M)
    return vectors * np.sqrt(values.clip(0)) @ vectors.T


def _distances(M: np.ndarray) -> np.ndarray:
    Z = points()[0] @ root(M)
    return np.linalg.norm(Z[:, None] - Z, axis=-1)


def neighbours_right(M: np.ndarray) -> tuple[int, float]:
    """How many nearest neighbours are of the own class, and which share of the 7 nearest."""
    y = points()[1]
    D = _distances(M) + np.diag(np.full(len(y), np.inf))
    own = y[D.argsort(axis=1, kind="stable")[:, :NEAREST]] == y[:, None]
    return int(own[:, 0].sum()), float(own.mean())


def pairs_bench(power: str = PLAIN, pairs: Sequence[tuple[int, int, bool]] = START) -> None:
    """Show the bench, with these pairs (index, index, same) and MMC's sum of "d" or of "d²"."""
    BENCH.show(PairsState(tuple(_pair(*pair) for pair in pairs), power=power))


def _pair(one: int, other: int, same: bool) -> Pair:
    return Pair(min(one, other), max(one, other), same)


def press(state: PairsState, index: int) -> PairsState:
    """Pick a point; or pair it with the one picked before, or part them if they are a pair."""
    if state.picked is None:
        return replace(state, picked=index, centre=index)
    if state.picked == index:
        return replace(state, picked=None)
    pair = _pair(state.picked, index, state.kind == MUST)
    others = tuple(p for p in state.pairs if p[:2] != pair[:2])
    is_new = len(others) == len(state.pairs)
    return replace(state, picked=None, pairs=(*others, pair) if is_new else others)


def remove_last(state: PairsState) -> PairsState:
    """Take the last pair back."""
    return replace(state, picked=None, pairs=state.pairs[:-1])


def remove_all(state: PairsState) -> PairsState:
    """Take all pairs back."""
    return replace(state, picked=None, pairs=())


def targets(state: PairsState) -> list[Target]:
    """Every point, with its pairs in words."""
    X, _ = points()
    return [
        Target(x, y, NAMES[i] + _partners(state, i), pressed=i == state.picked)
        for i, (x, y) in enumerate(X)
    ]


def _partners(state: PairsState, point: int) -> str:
    return "".join(
        f", {MUST if pair.same else CANNOT} with {NAMES[sum(pair[:2]) - point]}"
        for pair in state.pairs
        if point in pair[:2]
    )


def draw(state: PairsState) -> Figure:
    """Draw the plane and the plane after L, both with the pairs and the ball."""
    fig, (plane, mapped) = canvas(2, size=(9.6, 3.95), layout=None)
    plane.set_position((0.005, 0.13, 0.49, 0.79))
    mapped.set_position((0.505, 0.13, 0.49, 0.79))
    _draw_plane(plane, state)
    _draw_mapped(mapped, state)
    return fig


def _draw_plane(ax: Axes, state: PairsState) -> None:
    X, _ = points()
    _window(ax, np.eye(2))
    ellipse(ax, state.M, X[state.centre], state.radius)
    _draw_points(ax, X, state)
    _draw_key(ax)
    fixed_title(ax, f"Ball around {NAMES[state.centre]}: its {NEAREST} nearest points")


def _draw_mapped(ax: Axes, state: PairsState) -> None:
    """The points after L, as large as the panel allows: the scale of M means nothing."""
    Z = points()[0] @ root(state.M)
    size = 0.9 * (np.array([REACH, HEIGHT]) / abs(Z).max(axis=0).clip(1e-12)).min()
    _window(ax, size * root(state.M))
    ellipse(ax, np.eye(2), size * Z[state.centre], size * state.radius)
    _draw_points(ax, size * Z, state)
    fixed_title(ax, "After L: the ball is a circle")


def _window(ax: Axes, L: np.ndarray) -> None:
    """Fixed limits without ticks, and what L makes of a grid of unit squares."""
    axes_equal(ax, REACH)
    ax.set_ylim(-HEIGHT, HEIGHT)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    units = np.arange(-5, 6)
    ends = np.array([[[u, -5], [u, 5]] for u in units] + [[[-5, u], [5, u]] for u in units])
    ax.add_collection(LineCollection(ends @ L, colors=GRID, linewidths=0.8, zorder=0))


def _draw_points(ax: Axes, Z: np.ndarray, state: PairsState) -> None:
    """The pairs, the classes above them, and rings around the centre and the point picked."""
    for same in (True, False):
        chosen = [Z[[p.first, p.second]] for p in state.pairs if p.same == same]
        ax.add_collection(LineCollection(chosen, zorder=3, **_line(same)))
    for c, name in enumerate(CLUSTERS):
        look, label = CLASSES[c], name if c else f"class {name}"
        own = Z[c * MEMBERS : (c + 1) * MEMBERS]
        ax.plot(*own.T, look.marker, color=look.colour, ms=7, label=label, zorder=4)
    ring: dict[str, Any] = {"mfc": "none", "mec": INK, "zorder": 5}
    ax.plot(*Z[state.centre], "o", ms=14, mew=1.2, **ring)
    if state.picked is not None:
        ax.plot(*Z[state.picked], "o", ms=18, mew=2.4, **ring)


def _line(same: bool) -> dict[str, Any]:
    """How a must-link pair looks, and how a cannot-link pair."""
    if same:
        return {"colors": INK, "linewidths": 2.2}
    return {"colors": ROLES["refused"].colour, "linewidths": 2.2, "linestyles": "--"}


def _draw_key(ax: Axes) -> None:
    """Say below the axes what the markers mean, and what the two lines."""
    key(ax, (0.03, 0.22, 0.31))
    for place, same in ((0.43, True), (0.7, False)):
        segment = [[(place, -0.06), (place + 0.06, -0.06)]]
        ax.add_collection(
            LineCollection(segment, clip_on=False, transform=ax.transAxes, **_line(same)),
            autolim=False,
        )
        ax.text(
            place + 0.075,
            -0.06,
            MUST if same else CANNOT,
            transform=ax.transAxes,
            va="center",
            fontsize=10.5,
        )


def describe(state: PairsState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: 24 generated points of three classes, A, B and C, in slanted strips: A and C end "
        f"to end on one line, B close beside both. {_listed(state)} The ball around "
        f"{NAMES[state.centre]} that reaches its {NEAREST} nearest points is {_ball(state)}; "
        f"{_inside(state)} Right: {_after(state)}"
    )


def _listed(state: PairsState) -> str:
    """Name the pairs of each kind."""
    said = []
    for same, name, line in ((True, MUST, "solid"), (False, CANNOT, "dashed")):
        found = [f"{NAMES[p.first]}–{NAMES[p.second]}" for p in state.pairs if p.same == same]
        said.append(f"{name.capitalize()} pairs, {line} lines: {', '.join(found) or 'none'}.")
    return " ".join(said)


def _ball(state: PairsState) -> str:
    low, high = np.linalg.eigvalsh(state.M)
    if low <= STRIP * high:
        return "a strip whose ends are not in sight"
    aspect = np.sqrt(high / low)
    return "a circle" if aspect < 1.05 else f"an ellipse {_number(aspect)} times as long as wide"


def _inside(state: PairsState) -> str:
    y = points()[1]
    near = np.delete(state.distances[state.centre], state.centre).argsort(kind="stable")[:NEAREST]
    own = int((np.delete(y, state.centre)[near] == y[state.centre]).sum())
    return f"{own} of the {NEAREST} are of its class."


def _after(state: PairsState) -> str:
    """Say what the map does to the points."""
    low, high = np.linalg.eigvalsh(state.M)
    if len(state.missing):
        return "the same, because M = I."
    if low <= STRIP * high:
        return "after L all points lie on one line."
    return "after L the ball is a circle; the pairs are drawn as on the left."


def read(state: PairsState) -> str:
    """Return the numbers of the state as HTML."""
    lines = [_so_far(state), _metric_in_words(state), _sums(state), _neighbours(state)]
    return "<br>".join(escape(line) for line in lines)


def _so_far(state: PairsState) -> str:
    """Count the pairs, and say what a press will do."""
    similar, dissimilar = len(state.similar), len(state.dissimilar)
    counted = f"Must-link pairs: {similar}; cannot-link pairs: {dissimilar}."
    if state.picked is None:
        return f"{counted} Press two points: the next pair is {state.kind}."
    name = NAMES[state.picked]
    return f"{counted} {name} is picked: press its partner ({state.kind}), or {name} again."


def _metric_in_words(state: PairsState) -> str:
    if state.missing:
        return f"M = I, the ruler: there is no {' and no '.join(state.missing)} pair yet."
    low, high = np.linalg.eigvalsh(state.M)
    said = f"Eigenvalues of M: {_number(high)} and {_number(low if low > STRIP * high else 0)}; "
    said += f"the ball is {_ball(state)}."
    if state.ridge:
        said += (
            " The must-link pairs point in one direction only. To stretch across it would cost "
            "nothing, and no M would be best; so they pay for 0.1 % of what all pairs spread, "
            "and nearly the whole budget goes there."
        )
    return said


def _sums(state: PairsState) -> str:
    spent = ((state.similar @ root(state.M)) ** 2).sum()
    apart = np.linalg.norm(state.dissimilar @ root(state.M), axis=1)
    goal = "" if state.missing else f" MMC maximised the sum of {state.power}."
    return (
        f"Must-link: sum of d² {_number(spent)}. Cannot-link: sum of d {_number(apart.sum())}, sum "
        f"of d² {_number((apart**2).sum())}.{goal}"
    )


def _neighbours(state: PairsState) -> str:
    (right, share), (before, _) = neighbours_right(state.M), neighbours_right(np.eye(2))
    return (
        f"Nearest neighbour of the own class: {right} of 24 points (ruler: {before}); of the "
        f"{NEAREST} nearest, {share:.0%}."
    )


def _number(value: float) -> str:
    """Three significant digits, without an exponent; what is zero but for rounding is 0."""
    if abs(value) < 1e-9:
        return "0"
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")


BENCH = Bench(
    sliders=(),
    draw=draw,
    describe=describe,
    read=read,
    choices=(
        Choice("kind", "the next pair is", (MUST, CANNOT)),
        Choice("power", "MMC maximises the sum of", (PLAIN, SQUARED)),
    ),
    buttons=(
        Button("Remove last pair", remove_last),
        Button("Remove all pairs", remove_all),
    ),
    targets=targets,
    press=press,
)
