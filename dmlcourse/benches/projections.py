"""The bench of chapter 03: two eigenvalues dragged through zero, and two sets to come back to.

A = diag(λ₁, λ₂) is projected onto the cone of PSD matrices and onto the budget λ₁ + wλ₂ ≤ 1. On the
left the plane of the eigenvalues, with the way of alternating projections and that of Dykstra; in
the middle the level set of A and what the cone makes of it, on the right the two results.

Nothing is lost by staying with diagonal matrices: both sets contain with M also M with the signs
of its other entries changed, so the mean of the two, and the nearest matrix is diagonal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from ..figures import CLASSES, ROLES, canvas, ellipse, level_set
from ..figures.style import INK, PAPER, QUIET
from .parts import fixed_title, key, two, unit_grid
from .shell import Bench, Slider

REACH, VIEW = 3.3, 2.3
ROUNDS = 60
NEAR = 1e-3  # projections are counted until the point is so near to where it ends
_GREEN = CLASSES[2].colour
_BEHIND = {"fc": PAPER, "ec": "none", "alpha": 0.8, "pad": 1}
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 12}
_FAR = 50.0
_ZERO = 1e-9


@dataclass(frozen=True)
class ProjectionsState:
    """A by its two eigenvalues, and the weight w of the second in the budget λ₁ + wλ₂ ≤ 1."""

    first: float = 2.0
    second: float = -2.0
    budget: float = -0.5

    @property
    def A(self) -> np.ndarray:
        """The eigenvalues of A; what is zero but for rounding is zero."""
        return _clean(np.array([self.first, self.second], dtype=float))

    @property
    def C(self) -> np.ndarray:
        """The diagonal of C, so that the budget is ⟨C, M⟩ ≤ 1."""
        return _clean(np.array([1.0, self.budget]))

    @property
    def P(self) -> np.ndarray:
        """The eigenvalues of the nearest matrix of the cone: the negative ones become zero."""
        return np.maximum(self.A, 0)

    def way(self, method: str) -> tuple[np.ndarray, np.ndarray]:
        """A and the point after each projection, (n, 2), and where that ends."""
        walk = _walk(method, *self.A, self.C[1])
        return walk, (self.nearest if method == "dykstra" else _clean(walk[-1]))

    @property
    def nearest(self) -> np.ndarray:
        """The nearest point of the intersection, by trying its inside, its edges and corners."""
        allowed = [z for z in _candidates(self.A, self.C) if _inside(z, self.C)]
        return _clean(min(allowed, key=lambda z: float(np.linalg.norm(z - self.A))))

    @property
    def end(self) -> np.ndarray:
        """Where the alternating projections end."""
        return self.way("alternating")[1]

    @property
    def agree(self) -> bool:
        """Whether alternating projections end at the nearest point."""
        return bool(np.linalg.norm(self.end - self.nearest) < NEAR)


def _clean(values: np.ndarray) -> np.ndarray:
    return np.where(abs(values) < _ZERO, 0.0, values)


def _candidates(a: np.ndarray, c: np.ndarray) -> Iterator[np.ndarray]:
    """The points of which one is nearest: a, its projections onto the edges, and the corners."""
    yield from (a, np.maximum(a, 0), np.zeros(2))
    yield a - (c @ a - 1) / (c @ c) * c
    yield from (corner for corner in np.eye(2) / np.where(c > 0, c, np.inf)[:, None])


def _inside(z: np.ndarray, c: np.ndarray) -> bool:
    return bool((z >= -_ZERO).all() and c @ z <= 1 + _ZERO)


@cache
def _walk(method: str, first: float, second: float, weight: float) -> np.ndarray:
    # Torch, which geometry needs, takes seconds to import; the other benches do without it.
    from ..geometry import alternating_steps, dykstra_steps, project_halfspace

    A, C = np.array([first, second]), np.array([1.0, weight])
    steps: Callable = alternating_steps if method == "alternating" else dykstra_steps
    sets = [lambda z: project_halfspace(z, C, 1.0), lambda z: np.maximum(z, 0)]
    walk = [A]
    for point in islice(steps(A, sets), 2 * ROUNDS):
        walk.append(point)
        # Without a memory, a round that moves nothing is the last one. Dykstra has a memory.
        if method == "alternating" and len(walk) > 2 and abs(walk[-3:] - point).max() == 0:
            break
    return np.array(walk)


def count(walk: np.ndarray, end: np.ndarray) -> int:
    """How many projections it takes until the walk stays within ``NEAR`` of its end."""
    away = np.flatnonzero(np.linalg.norm(walk - end, axis=1) > NEAR)
    return int(away[-1]) + 1 if len(away) else 0


def projections_bench(first: float = 2.0, second: float = -2.0, budget: float = -0.5) -> None:
    """Show the bench, starting from these eigenvalues of A and this weight in the budget."""
    BENCH.show(ProjectionsState(first, second, budget))


def draw(state: ProjectionsState) -> Figure:
    """Draw the plane of the eigenvalues, A with its projection, and the two results."""
    fig, (plane, before, after) = canvas(3, size=(9.6, 4.1), layout=None)
    plane.set_position((0.01, 0.11, 0.36, 0.82))
    before.set_position((0.39, 0.11, 0.29, 0.82))
    after.set_position((0.7, 0.11, 0.29, 0.82))
    _draw_sets(plane, state)
    _draw_ways(plane, state)
    _draw_before(before, state)
    _draw_after(after, state)
    key(plane, (0.1, 0.3, 1.0, 1.75))
    return fig


def _draw_sets(ax: Axes, state: ProjectionsState) -> None:
    """The cone shaded, the budget dotted, what both allow shaded more, and the axes."""
    unit_grid(ax, REACH)
    blue, edge = ROLES["ball"].colour, ROLES["near"].colour
    quarter = [(0, 0), (_FAR, 0), (_FAR, _FAR), (0, _FAR)]
    ax.add_patch(Polygon(quarter, fc=blue + "40", ec="none"))
    look: dict[str, Any] = {"fc": "none", "ec": QUIET, "hatch": "..", "linewidth": 1.2}
    ax.add_patch(Polygon(_budget_side(state.C), **look))
    ax.add_patch(Polygon(both_sets(state.C), fc=blue + "80", ec=edge, linewidth=1.5))
    ax.axhline(0, color=QUIET, linewidth=1)
    ax.axvline(0, color=QUIET, linewidth=1)
    for x, y, name in [
        (3.0, -0.4, "λ₁"),
        (-0.4, 3.0, "λ₂"),
        (2.7, 3.0, "cone"),
        (-2.6, -0.4, "budget"),
    ]:
        ax.text(x, y, name, bbox=_BEHIND, **_CENTRED)
    fixed_title(ax, "The plane of the eigenvalues")


def _budget_side(c: np.ndarray) -> np.ndarray:
    """The corners of a square far larger than the picture, one side of which is ⟨c, z⟩ = 1."""
    foot, unit = c / (c @ c), _FAR * c / np.linalg.norm(c)
    along = np.array([-unit[1], unit[0]])
    return np.array([foot + along, foot - along, foot - along - unit, foot + along - unit])


def both_sets(c: np.ndarray) -> list[tuple[float, float]]:
    """The corners of the cone within the budget; where it has no end, far outside the picture."""
    if c[1] > 0:
        return [(0, 0), (1, 0), (0, 1 / c[1])]
    return [(0, 0), (1, 0), (1 - c[1] * _FAR, _FAR), (0, _FAR)]


def _draw_ways(ax: Axes, state: ProjectionsState) -> None:
    """A, A in the cone, and both ways with their ends and the numbers of projections."""
    star = ROLES["anchor"]
    ax.plot(*state.A, star.marker, ls="none", color=star.colour, ms=15, label="A", zorder=6)
    frame: dict[str, Any] = {"mfc": "none", "mec": _GREEN, "mew": 2.5, "ls": "none", "zorder": 7}
    ax.plot(*state.P, "s", ms=15, label="P, nearest in the cone", **frame)
    _draw_way(ax, *state.way("alternating"), "far", "alternating projections")
    _draw_way(ax, *state.way("dykstra"), "near", "Dykstra: the nearest point")


def _draw_way(ax: Axes, walk: np.ndarray, end: np.ndarray, name: str, label: str) -> None:
    """The way to the end, the end, and how many projections it took."""
    role, steps, ours = ROLES[name], count(walk, end), name == "far"
    path, size, shift = walk[: steps + 1], (9 if ours else 14), ((-16, -15) if ours else (16, 15))
    line = "--" if ours else "-"
    ax.plot(*path.T, line, color=role.colour, marker=role.marker, ms=3.5, zorder=4 + ours)
    look: dict[str, Any] = {"color": role.colour, "mec": INK, "ls": "none", "zorder": 4 + ours}
    ax.plot(*end, role.marker, ms=size, label=label, **look)
    number = {"color": role.colour, "textcoords": "offset points", "zorder": 8, **_CENTRED}
    ax.annotate(f"{steps}", tuple(end), shift, bbox=_BEHIND, **number)


def _draw_before(ax: Axes, state: ProjectionsState) -> None:
    unit_grid(ax, VIEW)
    ellipse(ax, np.diag(state.P), facecolor=_GREEN + "30", edgecolor=_GREEN, linewidth=2.5)
    if (state.A < 0).any():
        level_set(ax, np.diag(state.A))
    else:
        ellipse(ax, np.diag(state.A), facecolor="none", linestyle="--")
    fixed_title(ax, "A, and the ball of P")


def _draw_after(ax: Axes, state: ProjectionsState) -> None:
    unit_grid(ax, VIEW)
    near, far = ROLES["near"].colour, ROLES["far"].colour
    ellipse(ax, np.diag(state.nearest), facecolor=ROLES["ball"].colour + "40", edgecolor=near)
    look: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": far,
        "linestyle": "--",
        "linewidth": 2,
    }
    ellipse(ax, np.diag(state.end), **look)
    fixed_title(ax, "The balls of the two results")


def describe(state: ProjectionsState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: the plane of the eigenvalues of A = diag({_pair(state.A, ', ')}). The cone is the "
        f"quarter where neither is negative; the budget {_budget(state)} is a half-plane; both "
        f"meet in {_meeting(state.C)}. {_alternating(state)} {_dykstra(state)} Middle: "
        f"{_level(state)} Right: the ball of the nearest point is {_ball(state.nearest)}; "
        f"{_other_ball(state)}"
    )


def _pair(values: np.ndarray, between: str = " and ") -> str:
    return between.join(map(two, values))


def _budget(state: ProjectionsState) -> str:
    weight = state.C[1]
    if weight == 0:
        return "λ₁ ≤ 1"
    return f"λ₁ {'+' if weight > 0 else '−'} {two(abs(weight))} λ₂ ≤ 1"


def _meeting(c: np.ndarray) -> str:
    """Say where the cone and the budget meet, and the angle at the corner (1, 0)."""
    angle = np.degrees(np.arctan2(1, c[1]))
    shape = "a triangle" if c[1] > 0 else "a region without an end"
    return f"{shape}, with an angle of {angle:.0f}° at the corner (1, 0)"


def _alternating(state: ProjectionsState) -> str:
    return f"Alternating projections, the budget first, end at {_end(state, 'alternating')}."


def _dykstra(state: ProjectionsState) -> str:
    """The way of Dykstra, whose end is the nearest point of both sets."""
    return f"Dykstra's algorithm ends at the nearest point, {_end(state, 'dykstra')}."


def _end(state: ProjectionsState, method: str) -> str:
    """Say where a way ends, how far from A, and after how many projections."""
    walk, end = state.way(method)
    steps = count(walk, end)
    times = f"{steps} projection{'' if steps == 1 else 's'}"
    return f"{_pair(end)}, at distance {_distance(state, end)} from A, after {times}"


def _distance(state: ProjectionsState, z: np.ndarray) -> str:
    return two(float(np.linalg.norm(z - state.A)))


def _level(state: ProjectionsState) -> str:
    """Describe where zᵀAz is 1, and the ball of P."""
    low, high = sorted(state.A)
    if low >= 0:
        return f"A is in the cone, so P = A; its ball is {_ball(state.P)}."
    if high > 0:
        return (
            f"the level set of A is a hyperbola around a hatched region where d² is negative; the "
            f"ball of P is {_ball(state.P)}."
        )
    return (
        f"d² of A is nowhere positive, negative where hatched; the ball of P is {_ball(state.P)}."
    )


def _other_ball(state: ProjectionsState) -> str:
    if state.agree:
        return "that of the other end, dashed, is the same."
    return f"that of the other end, dashed, is {_ball(state.end)}."


def _ball(values: np.ndarray) -> str:
    """Name the ball of the diagonal matrix with these eigenvalues, none of them negative."""
    axes = values[values > 0] ** -0.5
    if len(axes) == 2:
        return f"an ellipse with half axes {_pair(axes)}"
    return f"an endless strip of half width {two(axes[0])}" if len(axes) else "the whole plane"


def read(state: ProjectionsState) -> str:
    """Return the numbers of the state as HTML."""
    lines = [
        f"A: eigenvalues {_pair(state.A)}. P, the nearest in the cone: {_pair(state.P)}, at "
        f"distance {_distance(state, state.P)}.",
        _alternating(state),
        _dykstra(state),
        f"{_verdict(state)} (Counted until the point stays within {NEAR:g} of its end.)",
    ]
    return "<br>".join(escape(line) for line in lines)


def _verdict(state: ProjectionsState) -> str:
    """Say whether both ends agree."""
    where = f"The budget is {_budget(state)}."
    if state.agree:
        return f"{where} Both ends agree."
    apart = two(float(np.linalg.norm(state.end - state.nearest)))
    return (
        f"{where} The ends are {apart} apart: alternating projections stop at a point of both "
        "sets that is not the nearest."
    )


BENCH = Bench(
    sliders=(
        Slider("first", "first eigenvalue", -3, 3, 0.25),
        Slider("second", "second eigenvalue", -3, 3, 0.25),
        Slider("budget", "weight in the budget", -1.5, 1.5, 0.25),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
