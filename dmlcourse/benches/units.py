"""The bench of chapter 00: two measurements of wine, and how much one counts beside the other.

On the left the wines, the ball around one of them that reaches its nearest neighbour, and that
neighbour. On the right the share of wines whose nearest neighbour is of the same cultivar, for
every weight.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.datasets import load_wine

from ..figures import CLASSES, ROLES, canvas, ellipse
from .parts import fixed_title
from .shell import Bench, Slider

COLOUR, PROLINE = 9, 12  # columns of the wine data: colour intensity, and proline in mg per litre
CULTIVARS = "ABC"
WEIGHTS = np.arange(1, 1002, 20.0)


@dataclass(frozen=True)
class UnitsState:
    """``weight``: so many mg of proline count as much as one unit of colour. ``wine``: 0 to 177."""

    weight: float = 1.0
    wine: float = 98

    @property
    def query(self) -> int:
        """The wine as a whole number."""
        return int(self.wine)

    @property
    def nearest(self) -> int:
        """The wine nearest to it; of several at the same distance the first."""
        return int(_distances(self.weight)[self.query].argmin())

    @property
    def share(self) -> float:
        """The share of wines whose nearest neighbour is of the same cultivar."""
        return share(self.weight)


@cache
def wines() -> tuple[np.ndarray, np.ndarray]:
    """Colour and proline of the 178 wines, shape (178, 2), and the cultivar of each."""
    X, y = load_wine(return_X_y=True)
    return X[:, [COLOUR, PROLINE]], y


@cache
def _distances(weight: float) -> np.ndarray:
    """Squared distances between all wines; from a wine to itself infinite."""
    X, _ = wines()
    steps = (X[:, None] - X[None]) * [weight, 1.0]
    squared = (steps**2).sum(axis=-1)
    np.fill_diagonal(squared, np.inf)
    return squared


@cache
def share(weight: float) -> float:
    """The share of wines whose nearest neighbour, at this weight, is of the same cultivar."""
    _, y = wines()
    return float((y[_distances(weight).argmin(axis=1)] == y).mean())


def units_bench(weight: float = 1.0, wine: int = 98) -> None:
    """Show the bench, starting from this weight and this wine."""
    BENCH.show(UnitsState(weight, wine))


def draw(state: UnitsState) -> Figure:
    """Draw the plane of the wines, and the curve of the shares."""
    fig, (plane, curve) = canvas(2, size=(9.6, 3.9), layout=None)
    fig.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.25)
    _draw_plane(plane, state)
    _draw_curve(curve, state)
    return fig


def _draw_plane(ax: Axes, state: UnitsState) -> None:
    X, y = wines()
    ax.set(xlim=(0, 14), ylim=(200, 1750), xlabel="colour intensity", ylabel="proline in mg/l")
    reach = np.sqrt(_distances(state.weight)[state.query, state.nearest])
    ellipse(ax, np.diag([state.weight**2, 1.0]), X[state.query], reach)
    for c, name in enumerate(CULTIVARS):
        ax.plot(*X[y == c].T, CLASSES[c].marker, color=CLASSES[c].colour, ms=5, label=name)
    pair = X[[state.query, state.nearest]]
    ax.plot(*pair.T, color=ROLES["anchor"].colour, linewidth=1.5)
    ax.plot(*pair[0], ROLES["anchor"].marker, color=ROLES["anchor"].colour, markersize=15)
    ax.plot(*pair[1], "o", mfc="none", mec=ROLES["anchor"].colour, markersize=13, mew=1.5)
    ax.legend(title="cultivar", loc="upper right")
    fixed_title(ax, f"Wine {state.query} and its nearest neighbour")


def _draw_curve(ax: Axes, state: UnitsState) -> None:
    ax.plot(WEIGHTS, [100 * share(w) for w in WEIGHTS], color=ROLES["near"].colour)
    ax.plot(state.weight, 100 * state.share, ROLES["anchor"].marker, color="black", markersize=15)
    ax.set(xlabel="mg of proline that one unit of colour counts for", ylim=(60, 100))
    fixed_title(ax, "Nearest neighbour of the same cultivar, in %")


def describe(state: UnitsState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: 178 wines of three cultivars by colour and proline. {_pair(state)} Right: the "
        f"share of wines whose nearest neighbour is of the same cultivar, over the weight of "
        f"colour. It rises steeply from {share(WEIGHTS[0]):.0%} to a plateau near "
        f"{max(map(share, WEIGHTS)):.0%}. Here it is {state.share:.0%}."
    )


def read(state: UnitsState) -> str:
    """Return the numbers of the state as HTML."""
    return (
        f"One unit of colour counts as much as {state.weight:.0f} mg of proline.<br>"
        f"{_pair(state)}<br>Over all wines, {state.share:.1%} have a nearest neighbour of their "
        "own cultivar."
    )


def _pair(state: UnitsState) -> str:
    X, y = wines()
    one, other = state.query, state.nearest
    (a, b), (c, d) = X[[one, other]]
    same = "the same cultivar" if y[one] == y[other] else "another cultivar"
    return (
        f"Nearest to wine {one} (cultivar {CULTIVARS[y[one]]}, colour {a:.1f}, proline {b:.0f}) is "
        f"wine {other} (cultivar {CULTIVARS[y[other]]}, colour {c:.1f}, proline {d:.0f}), "
        f"of {same}."
    )


BENCH = Bench(
    sliders=(
        Slider("weight", "weight of colour", 1, 1001, 20),
        Slider("wine", "which wine", 0, 177, 1),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
