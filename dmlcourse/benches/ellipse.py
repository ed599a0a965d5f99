"""The ellipse bench of chapter 02: one matrix M, and three things that change with it.

On the left the ball around A in the plane as it is, in the middle the plane after L (where the
ball is a circle), on the right the other points in the order of their distance from A.
"""

from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import ROLES, canvas, ellipse, labelled_points, level_set
from .parts import bars, fixed_title, two, unit_grid
from .shell import Bench, Slider

NAMES = "ABCDEF"
POINTS = np.array([[0, 0], [1.5, 0.2], [0.5, 1.2], [-0.9, 0.8], [-1.5, -0.9], [0.4, -1.7]])
REACH = 2.3
_ZERO = 1e-9
_NO_FACTOR = "LᵀL has no negative\neigenvalue, so no L\ngives this M."


@dataclass(frozen=True)
class EllipseState:
    """M by its eigenvalues and the direction of the first, in degrees from the x-axis."""

    first: float = 3.0
    second: float = 0.25
    angle: float = 30.0

    @property
    def eigenvalues(self) -> np.ndarray:
        """The two eigenvalues; what is zero but for rounding is zero."""
        values = np.array([self.first, self.second])
        return np.where(abs(values) < _ZERO, 0.0, values)

    @property
    def directions(self) -> np.ndarray:
        """The unit eigenvectors as columns, shape (2, 2)."""
        c, s = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        return np.array([[c, -s], [s, c]])

    @property
    def M(self) -> np.ndarray:
        """The matrix Q Λ Qᵀ."""
        return self.directions * self.eigenvalues @ self.directions.T

    @property
    def is_metric(self) -> bool:
        """Whether no eigenvalue is negative (a zero one gives a pseudo-metric)."""
        return bool((self.eigenvalues >= 0).all())

    @property
    def rank(self) -> int:
        """The number of eigenvalues that are not zero."""
        return int(np.count_nonzero(self.eigenvalues))

    @property
    def L(self) -> np.ndarray:
        """The symmetric root Q √Λ Qᵀ, of all factors the one that turns the plane least."""
        return self.directions * np.sqrt(self.eigenvalues) @ self.directions.T

    @property
    def squares(self) -> np.ndarray:
        """(x − a)ᵀ M (x − a) for each point x; negative where M is no metric."""
        steps = POINTS - POINTS[0]
        return np.einsum("ni,ij,nj->n", steps, self.M, steps).round(12) + 0.0

    @property
    def order(self) -> np.ndarray:
        """The indices of the other points, nearest to A first."""
        return 1 + np.argsort(self.squares[1:], kind="stable")


def ellipse_bench(first: float = 3.0, second: float = 0.25, angle: float = 30.0) -> None:
    """Show the bench, starting from these eigenvalues and this angle in degrees."""
    BENCH.show(EllipseState(first, second, angle))


def draw(state: EllipseState) -> Figure:
    """Draw the plane, the mapped plane and the neighbours of A."""
    fig, (plane, mapped, ranks) = canvas(3, size=(9.6, 3.5), layout=None)
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.91, wspace=0.06)
    _draw_plane(plane, state)
    _draw_mapped(mapped, state)
    _draw_ranks(ranks, state)
    return fig


def _draw_plane(ax: Axes, state: EllipseState) -> None:
    unit_grid(ax, REACH)
    if state.is_metric:
        ellipse(ax, state.M)
        fixed_title(ax, "The ball d ≤ 1 around A")
    else:
        level_set(ax, state.M)
        fixed_title(ax, "No ball: d² < 0 where hatched")
    labelled_points(ax, POINTS, NAMES, _roles(state))


def _draw_mapped(ax: Axes, state: EllipseState) -> None:
    if not state.is_metric:
        ax.set_axis_off()
        fixed_title(ax, "No plane after L")
        ax.text(0.5, 0.5, _NO_FACTOR, ha="center", fontsize=11)
        return
    points = POINTS @ state.L.T
    unit_grid(ax, max(REACH, 1.2 * abs(points).max()))
    ellipse(ax, np.eye(2))
    labelled_points(ax, points, NAMES, _roles(state))
    fixed_title(ax, "After L: the ball is a circle")


def _draw_ranks(ax: Axes, state: EllipseState) -> None:
    fixed_title(
        ax, "From A, nearest first: d" if state.is_metric else "From A: d², and no distance"
    )
    lengths, roles = _lengths(state)[state.order], np.array(_roles(state))[state.order]
    bars(ax, [NAMES[i] for i in state.order], lengths, [ROLES[role].colour for role in roles])


def _roles(state: EllipseState) -> list[str]:
    """Inside the ball, outside it, or where no distance exists; the anchor for A."""
    inside = np.where(state.squares <= 1, "near", "far")
    roles = np.where(state.squares < 0, "refused", inside).tolist()
    return ["anchor", *roles[1:]]


def _lengths(state: EllipseState) -> np.ndarray:
    """Distances from A, or their squares where a square is negative."""
    return np.sqrt(state.squares) if state.is_metric else state.squares


def describe(state: EllipseState) -> str:
    """Describe the figure in words."""
    seen = _shape(*sorted(state.eigenvalues))
    return f"Six points, A to F, in three panels. {seen} Right: {_in_order(state)}"


def _shape(low: float, high: float) -> str:
    """Describe the left and the middle panel, by the smaller and the larger eigenvalue."""
    if high <= 0 and low < 0:
        return "Left: no ball, d² is nowhere positive. Middle: no map L exists."
    if low < 0:
        return (
            "Left: no ball around A but a hyperbola. A dashed line through A marks the direction "
            "of the negative eigenvalue; around it is a hatched region where d² is negative. "
            "Middle: no map L exists."
        )
    if high == 0:
        return "Left: the ball around A is the whole plane. Middle: after L all points lie on A."
    if low == 0:
        return (
            "Left: the ball d ≤ 1 around A is an endless strip. Middle: after L all points lie on "
            "one line, and the ball is a circle."
        )
    return (
        f"Left: the ball d ≤ 1 around A is an ellipse with half axes {two(low**-0.5)} and "
        f"{two(high**-0.5)}. Middle: after L the ball is a circle."
    )


def read(state: EllipseState) -> str:
    """Return the numbers of the state as HTML."""
    (a, b), (c, d) = state.M
    lines = [
        f"M = [[{two(a)}, {two(b)}], [{two(c)}, {two(d)}]]",
        f"Eigenvalues {two(state.first)} and {two(state.second)}; {_verdict(state)}",
        _in_order(state),
    ]
    return "<br>".join(escape(line) for line in lines)


def _verdict(state: EllipseState) -> str:
    if not state.is_metric:
        which = "both" if (state.eigenvalues < 0).all() else "one"
        return f"{which} below zero, so M is not a metric any more: d² can be negative."
    if state.rank == 2:
        return "rank 2: a metric."
    return f"rank {state.rank}: a pseudo-metric, different points can be at distance 0."


def _in_order(state: EllipseState) -> str:
    lengths = _lengths(state)
    listed = ", ".join(f"{NAMES[i]} {two(lengths[i])}" for i in state.order)
    what = "d" if state.is_metric else "d²"
    return f"From A, nearest first ({what}): {listed}."


BENCH = Bench(
    sliders=(
        Slider("first", "first eigenvalue", -1, 3, 0.25),
        Slider("second", "second eigenvalue", -1, 3, 0.25),
        Slider("angle", "angle in degrees", 0, 180, 5),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
