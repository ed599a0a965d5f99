"""The first bench of chapter 01: Minkowski distances of every order p.

On the left the ball around A, in the middle the other points in the order of their distance, on the
right a detour: from the corner (0, 0) over (1, 0) to (1, 1), against the direct way.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import ROLES, canvas, labelled_points
from .parts import bars, fixed_title, two, unit_grid
from .shell import Bench, Slider

NAMES = "ABCDEF"
POINTS = np.array([[0, 0], [1.0, 0.0], [0.75, 0.75], [-0.4, 1.1], [-1.3, -0.5], [0.5, -1.4]])
REACH = 2.3
DETOUR = 2.0  # two steps of length 1, which every order p agrees on


@dataclass(frozen=True)
class MinkowskiState:
    """The order p, and the angle in degrees by which the points are turned about A."""

    order: float = 2.0
    angle: float = 0.0

    @property
    def points(self) -> np.ndarray:
        """The six points after the turn, shape (6, 2)."""
        c, s = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        return POINTS @ np.array([[c, s], [-s, c]])

    @property
    def lengths(self) -> np.ndarray:
        """The distance of each point from A."""
        return minkowski(self.points - self.points[0], self.order)

    @property
    def ranking(self) -> np.ndarray:
        """The indices of the other points, nearest to A first."""
        return 1 + np.argsort(self.lengths[1:].round(9), kind="stable")

    @property
    def direct(self) -> float:
        """The distance from (0, 0) to (1, 1)."""
        return float(minkowski(np.ones(2), self.order))

    @property
    def is_metric(self) -> bool:
        """Whether the triangle inequality holds."""
        return self.order >= 1


def minkowski(steps: np.ndarray, order: float) -> np.ndarray:
    """(Σ |step|ᵖ)^(1/p) over the last axis."""
    return (np.abs(steps) ** order).sum(axis=-1) ** (1 / order)


def minkowski_bench(order: float = 2.0, angle: float = 0.0) -> None:
    """Show the bench, starting from this order and this angle in degrees."""
    BENCH.show(MinkowskiState(order, angle))


def draw(state: MinkowskiState) -> Figure:
    """Draw the ball, the order of the neighbours, and the detour."""
    fig, (plane, ranks, detour) = canvas(3, size=(9.6, 3.5), layout=None)
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.91, wspace=0.08)
    _draw_plane(plane, state)
    fixed_title(ranks, "From A, nearest first")
    ranked = state.ranking
    roles = [ROLES["near" if state.lengths[i] <= 1 + 1e-9 else "far"].colour for i in ranked]
    bars(ranks, [NAMES[i] for i in ranked], state.lengths[ranked], roles)
    fixed_title(detour, "From (0, 0) to (1, 1)")
    colours = [ROLES["near"].colour, ROLES["far"].colour]
    bars(detour, ["direct", "detour"], np.array([state.direct, DETOUR]), colours, room=0.5)
    return fig


def _draw_plane(ax: Axes, state: MinkowskiState) -> None:
    unit_grid(ax, REACH)
    turn = np.linspace(0, 2 * np.pi, 721)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    ball = circle / minkowski(circle, state.order)[:, None]
    ax.fill(*ball.T, facecolor=ROLES["ball"].colour + "40", edgecolor=ROLES["near"].colour)
    roles = np.where(state.lengths <= 1 + 1e-9, "near", "far").tolist()
    labelled_points(ax, state.points, NAMES, ["anchor", *roles[1:]])
    fixed_title(ax, f"The ball d ≤ 1 around A, p = {two(state.order)}")


def describe(state: MinkowskiState) -> str:
    """Describe the figure in words."""
    return (
        f"Three panels. Left: the ball around A is {_shape(state.order)}. Middle: {_ranked(state)} "
        f"Right: the direct way has length {two(state.direct)}, the detour {two(DETOUR)}."
    )


def _shape(order: float) -> str:
    if order < 1:
        return "a star with four points along the axes; it bends inwards"
    if order == 1:
        return "a square that stands on a corner"
    if order < 2:
        return "between a square on a corner and a circle"
    return "a circle" if order == 2 else "between a circle and a square on its side"


def read(state: MinkowskiState) -> str:
    """Return the numbers of the state as HTML."""
    way = f"From (0, 0) to (1, 1): direct {two(state.direct)}, over (1, 0) {two(DETOUR)}."
    return f"p = {two(state.order)}. {_verdict(state)}<br>{way}<br>{_ranked(state)}"


def _verdict(state: MinkowskiState) -> str:
    if state.is_metric:
        return "The triangle inequality holds: a metric."
    return "The detour is shorter than the direct way: no metric."


def _ranked(state: MinkowskiState) -> str:
    listed = ", ".join(f"{NAMES[i]} {two(state.lengths[i])}" for i in state.ranking)
    return f"From A, nearest first: {listed}."


BENCH = Bench(
    sliders=(
        Slider("order", "order p", 0.25, 8, 0.25),
        Slider("angle", "turn in degrees", 0, 180, 5),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
