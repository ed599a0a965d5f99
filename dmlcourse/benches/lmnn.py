"""The bench of chapter 05: LMNN while it learns, one step of training after the other.

On the left the points after the map L of a step, with the target neighbours and the impostors of
one anchor. On the right the two parts of the objective, and the number of active triplets, over
all steps. The data are generated: they show the method, not how well it does in the field.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ..figures import CLASSES, ROLES, canvas
from ..figures.style import GRID, INK, QUIET
from .parts import fixed_title, key, two, unit_grid
from .shell import Bench, Slider

SHEETS = "ABC"
MEMBERS, HALF_LENGTH, HALF_WIDTH, JITTER, GAP, SLANT = 15, 3.4, 0.2, 0.4, 0.8, 35.0
TARGETS, MU, FIRST_STEP, STEPS = 3, 0.5, 0.0006, 40
ANCHORS = (25, 20, 14, 0, 34)
REACH, HEIGHT = 3.8, 2.8


@dataclass(frozen=True)
class Moment:
    """What one metric M makes of the points.

    Z: (n, 2) after the map; D: (n, n) squared distances; borders: (n, k), the squared distance to
    each target plus the margin; strangers: (n, n), who is an impostor of whom, by rows.
    """

    Z: np.ndarray
    D: np.ndarray
    borders: np.ndarray
    strangers: np.ndarray
    pull: float
    push: float
    triplets: int


@dataclass(frozen=True)
class LmnnState:
    """``step``: 0 is the ruler, before any training. ``anchor``: 1 to 5, which of five points."""

    step: float = 0
    anchor: float = 1

    def __post_init__(self) -> None:
        if not 0 <= self.step <= STEPS or not 1 <= self.anchor <= len(ANCHORS):
            raise ValueError(
                f"step is {self.step} and anchor is {self.anchor}: expected a step from 0 to "
                f"{STEPS} and an anchor from 1 to {len(ANCHORS)}."
            )

    @property
    def moment(self) -> Moment:
        """The metric of this step, measured."""
        return moments()[int(self.step)]

    @property
    def point(self) -> int:
        """The index of the anchor."""
        return ANCHORS[int(self.anchor) - 1]

    @property
    def targets(self) -> np.ndarray:
        """The indices of the anchor's target neighbours, which no step changes."""
        return path()[1][self.point]

    @property
    def radius(self) -> float:
        """The distance of the anchor's farthest target neighbour."""
        return float(np.sqrt(self.moment.D[self.point, self.targets].max()))

    @property
    def border(self) -> float:
        """√(radius² + 1): how far the margin reaches."""
        return float(np.sqrt(self.moment.borders[self.point].max()))

    @property
    def impostors(self) -> np.ndarray:
        """The indices of the anchor's impostors."""
        return np.flatnonzero(self.moment.strangers[self.point])

    @property
    def of_others(self) -> np.ndarray:
        """The indices of the points that are impostors of some point, whichever it is."""
        return np.flatnonzero(self.moment.strangers.any(axis=0))


@cache
def sheets() -> tuple[np.ndarray, np.ndarray]:
    """45 points in three slanted sheets, shape (45, 2), and their classes: generated data."""
    rng = np.random.default_rng(8)
    places = np.linspace(-HALF_LENGTH, HALF_LENGTH, MEMBERS)
    along = places + rng.uniform(-JITTER, JITTER, (3, MEMBERS))
    across = rng.uniform(-HALF_WIDTH, HALF_WIDTH, (3, MEMBERS)) + GAP * np.arange(3)[:, None]
    flat = np.stack([along.ravel(), across.ravel()], axis=1)
    c, s = np.cos(np.radians(SLANT)), np.sin(np.radians(SLANT))
    return (flat - flat.mean(axis=0)) @ np.array([[c, s], [-s, c]]), np.repeat(range(3), MEMBERS)


@cache
def path() -> tuple[np.ndarray, np.ndarray]:
    """M before the first step and after each, shape (41, 2, 2), and the targets, (45, 3)."""
    # Torch, which the learners need, takes seconds to import; the other benches do without it.
    from ..learners import lmnn_step, target_neighbours

    X, y = sheets()
    targets = target_neighbours(X, y, TARGETS)
    M, step, found = np.eye(2), FIRST_STEP, [np.eye(2)]
    for _ in range(STEPS):
        M, taken = lmnn_step(M, X, y, targets, MU, step)
        step = taken or step
        found.append(M)
    return np.array(found), targets


@cache
def moments() -> list[Moment]:
    """Every step, measured."""
    found, targets = path()
    return [measure(M, targets) for M in found]


def measure(M: np.ndarray, targets: np.ndarray) -> Moment:
    """Map the points by the symmetric root of M, and measure the objective there."""
    X, y = sheets()
    values, vectors = np.linalg.eigh(M)
    Z = X @ (vectors * np.sqrt(values.clip(0))) @ vectors.T
    D = ((Z[:, None] - Z) ** 2).sum(axis=-1)
    near = np.take_along_axis(D, targets, axis=1)
    hinges = (1 + near[:, :, None] - D[:, None]) * (y[:, None] != y)[:, None]
    active = hinges > 0
    pull, push = (1 - MU) * near.sum(), MU * hinges[active].sum()
    return Moment(Z, D, 1 + near, active.any(axis=1), pull, push, int(active.sum()))


def lmnn_bench(step: int = 0, anchor: int = 1) -> None:
    """Show the bench, starting after so many steps of training and with this anchor, 1 to 5."""
    BENCH.show(LmnnState(step, anchor))


def draw(state: LmnnState) -> Figure:
    """Draw the points after the map of this step, and what has become of the objective."""
    fig, (plane, parts, triplets) = canvas(3, size=(9.6, 4.7), layout=None)
    plane.set_position((0.01, 0.14, 0.55, 0.8))
    parts.set_position((0.62, 0.58, 0.36, 0.35))
    triplets.set_position((0.62, 0.12, 0.36, 0.35))
    _draw_plane(plane, state)
    _draw_parts(parts, state)
    _draw_triplets(triplets, state)
    return fig


def _draw_plane(ax: Axes, state: LmnnState) -> None:
    unit_grid(ax, REACH)
    ax.set_ylim(-HEIGHT, HEIGHT)
    _draw_circles(ax, state)
    _draw_impostors(ax, state)
    _draw_points(ax, state)
    key(ax, (0.08, 0.53, 0.78), rows=2)
    when = "the ruler" if int(state.step) == 0 else f"step {int(state.step)}"
    fixed_title(ax, f"After L: {when} (generated data)")


def _draw_circles(ax: Axes, state: LmnnState) -> None:
    """The circle through the farthest target, and with dashes the one with the margin."""
    at = tuple(state.moment.Z[state.point])
    ball, edge = ROLES["ball"].colour, ROLES["near"].colour
    ax.add_patch(Circle(at, state.border, facecolor=ball + "26", edgecolor=edge, linestyle="--"))
    ax.add_patch(Circle(at, state.radius, facecolor=ball + "40", edgecolor=edge))


def _draw_impostors(ax: Axes, state: LmnnState) -> None:
    """Crosses behind the anchor's impostors, rings around those of others."""
    Z, role = state.moment.Z, ROLES["refused"]
    cross: dict[str, Any] = {"color": role.colour, "mec": INK, "mew": 0.8, "zorder": 3}
    ax.plot(*Z[state.impostors].T, role.marker, ms=16, label="impostor of the anchor", **cross)
    ring: dict[str, Any] = {"mfc": "none", "mec": QUIET, "mew": 1.2, "zorder": 3}
    others = np.setdiff1d(state.of_others, state.impostors)
    ax.plot(*Z[others].T, "o", ms=12, label="impostor of another", **ring)


def _draw_points(ax: Axes, state: LmnnState) -> None:
    """The classes, the anchor, and a line to each of its target neighbours."""
    Z, y, anchor = state.moment.Z, sheets()[1], ROLES["anchor"]
    for c, name in enumerate(SHEETS):
        look = CLASSES[c]
        ax.plot(*Z[y == c].T, look.marker, color=look.colour, ms=6, label=f"class {name}", zorder=4)
    for target in state.targets:
        ax.plot(*Z[[state.point, target]].T, "-", color=INK, linewidth=1.8, zorder=5)
    look = CLASSES[y[state.point]]
    ax.plot(*Z[state.targets].T, look.marker, color=look.colour, mec=INK, ms=8, zorder=6)
    ax.plot(*Z[state.point], anchor.marker, ms=15, color=anchor.colour, label="anchor", zorder=7)


def _draw_parts(ax: Axes, state: LmnnState) -> None:
    _frame(ax, 240, (0, 100, 200))
    _curve(ax, [m.push for m in moments()], "far", state)
    _curve(ax, [m.pull for m in moments()], "near", state)
    ax.text(6, 100, "push", fontsize=11)
    ax.text(2, 44, "pull", fontsize=11)
    fixed_title(ax, "The objective is pull + push")


def _draw_triplets(ax: Axes, state: LmnnState) -> None:
    _frame(ax, 660, (0, 300, 600))
    _curve(ax, [m.triplets for m in moments()], "refused", state)
    for step in range(0, STEPS + 1, 10):
        ax.text(step, -0.06 * 660, f"{step}", ha="center", va="top")
    ax.text(STEPS / 2, -0.2 * 660, "step of training", ha="center", va="top", fontsize=11)
    fixed_title(ax, "Active triplets")


def _curve(ax: Axes, values: list, name: str, state: LmnnState) -> None:
    """One number over all steps, and where it stands now."""
    role, now = ROLES[name], int(state.step)
    ax.plot(values, "-", color=role.colour, marker=role.marker, ms=3)
    ax.plot(now, values[now], role.marker, color=role.colour, mec=INK, ms=10, zorder=4)
    ax.axvline(now, color=INK, linestyle=":", linewidth=1.2)


def _frame(ax: Axes, top: float, marks: tuple[int, ...]) -> None:
    """Lines and numbers without ticks: much faster to draw, and nothing jumps."""
    ax.set_axis_off()
    ax.set(xlim=(-1, STEPS + 1), ylim=(-0.02 * top, top))
    ax.hlines(marks, -1, STEPS + 1, color=GRID, linewidth=0.8, zorder=0)
    ax.vlines(range(0, STEPS + 1, 10), -0.02 * top, top, color=GRID, linewidth=0.8, zorder=0)
    for mark in marks:
        ax.text(-1.6, mark, f"{mark}", ha="right", va="center")


def describe(state: LmnnState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: {len(sheets()[1])} generated points of three classes after the map L of step "
        f"{int(state.step)}. {_seen(state)} Lines join the anchor, a point of class "
        f"{_sheet(state.point)}, to its {TARGETS} target neighbours. A circle of radius "
        f"{two(state.radius)} reaches the farthest of them, a dashed one of radius "
        f"{two(state.border)} the margin. {_impostors(state)} Right, over {STEPS} steps of "
        f"training: pull and push, whose sum never rises, and the number of active triplets. "
        f"Here: {_objective(state)}"
    )


def _seen(state: LmnnState) -> str:
    """Say how long the sheets are beside the gaps between them."""
    if int(state.step) == 0:
        return "They lie in three slanted sheets, long and close to each other."
    along, across = stretches(path()[0][int(state.step)])
    return (
        f"The sheets are {100 * along:.0f} % as long as under the ruler, and the gaps between "
        f"them {100 * across:.0f} % as wide."
    )


def stretches(M: np.ndarray) -> tuple[float, float]:
    """How many times as long M makes the sheets, and how many times as wide their gaps.

    A gap is measured at a right angle to the sheets as they are after L, where they are parallel
    as before. Areas grow by √(det M), which is the product of both.
    """
    direction = np.array([np.cos(np.radians(SLANT)), np.sin(np.radians(SLANT))])
    along = float(np.sqrt(direction @ M @ direction))
    return along, float(np.sqrt(np.linalg.det(M))) / along


def _sheet(point: int) -> str:
    return SHEETS[sheets()[1][point]]


def _impostors(state: LmnnState) -> str:
    """Count the impostors: of the anchor by class, and of all points."""
    here, all_of_them = len(state.impostors), len(state.of_others)
    listed = [f"{n} of class {c}" for c in SHEETS if (n := _members(state.impostors, c))]
    found = f"{here} ({', '.join(listed)})" if listed else "none"
    return (
        f"Impostors of this anchor, inside the dashed circle: {found}. Impostors of some point: "
        f"{all_of_them} of {len(sheets()[1])}."
    )


def _members(points: np.ndarray, sheet: str) -> int:
    return sum(_sheet(point) == sheet for point in points)


def _objective(state: LmnnState) -> str:
    now = state.moment
    return (
        f"pull {now.pull:.1f} + push {now.push:.1f} = {now.pull + now.push:.1f}, from "
        f"{now.triplets} active triplets."
    )


def read(state: LmnnState) -> str:
    """Return the numbers of the state as HTML."""
    low, high = np.linalg.eigvalsh(path()[0][int(state.step)])
    lines = [
        f"Step {int(state.step)}: eigenvalues of M {two(high)} and {two(low)}. {_seen(state)}",
        f"Objective: {_objective(state)}",
        _impostors(state),
        f"Points whose nearest neighbour is of their own class: {_right(state)} of "
        f"{len(sheets()[1])}.",
    ]
    return "<br>".join(lines)


def _right(state: LmnnState) -> int:
    """How many points have a nearest neighbour of their own class."""
    y, others = sheets()[1], state.moment.D + np.diag(np.full(len(sheets()[1]), np.inf))
    return int((y[others.argmin(axis=1)] == y).sum())


BENCH = Bench(
    sliders=(
        Slider("step", "step of training", 0, STEPS, 1),
        Slider("anchor", "which anchor", 1, len(ANCHORS), 1),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
