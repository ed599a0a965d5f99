"""What several benches draw and write alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..figures import axes_equal
from ..figures.style import GRID, INK, PAPER

_LOOK = ("marker", "color", "mfc", "mec", "mew")
_LARGEST = 12.0
SHORTEST = 0.01  # a shorter arrow is a dot
COMPASS = (
    "right",
    "up and right",
    "up",
    "up and left",
    "left",
    "down and left",
    "down",
    "down and right",
)


def unit_grid(ax: Axes, reach: float) -> None:
    """Lines one unit apart, without ticks: much faster to draw, and all that is needed here."""
    axes_equal(ax, reach)
    ax.set_anchor("N")
    ax.set_xticks([])
    ax.set_yticks([])
    units = np.arange(-int(reach), int(reach) + 1)
    ax.vlines(units, -reach, reach, color=GRID, linewidth=0.8, zorder=0)
    ax.hlines(units, -reach, reach, color=GRID, linewidth=0.8, zorder=0)


def fixed_title(ax: Axes, text: str) -> None:
    """A title at a fixed height, which spares matplotlib the search for a free one."""
    ax.set_title(text, y=1.0, pad=6)


def key(ax: Axes, columns: Sequence[float], rows: int = 1) -> None:
    """Say below the axes what its labelled markers mean, column by column.

    ``columns`` are the places of the columns as shares of the width of the axes; each has so many
    ``rows``. A legend of matplotlib looks the same and takes several times as long to draw.
    """
    lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    for place, line in enumerate(lines):
        x, y = columns[place // rows], -0.06 * (1 + place % rows)
        look = {name: getattr(line, f"get_{name}")() for name in _LOOK}
        size = min(line.get_markersize(), _LARGEST)
        ax.plot(x, y, ms=size, ls="none", clip_on=False, transform=ax.transAxes, **look)
        ax.annotate(
            str(line.get_label()),
            (x, y),
            (13, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=10.5,
        )


def arrows(ax: Axes, points: np.ndarray, steps: np.ndarray) -> None:
    """An arrow from each point, (n, 2), by its step; none where no step can be seen."""
    moves = np.linalg.norm(steps, axis=1) > SHORTEST
    if moves.any():
        scale: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1}
        head: dict[str, Any] = {"headwidth": 3.6, "headlength": 4, "headaxislength": 3.6}
        look: dict[str, Any] = {"color": INK, "edgecolor": PAPER, "linewidth": 0.8, "zorder": 8}
        ax.quiver(
            *points[moves].T, *steps[moves].T, units="inches", width=0.055, **scale, **head, **look
        )


def towards(step: np.ndarray) -> str:
    """Say in which of eight directions a vector of the plane points."""
    return COMPASS[round(np.degrees(np.arctan2(step[1], step[0])) / 45) % 8]


def bars(
    ax: Axes, names: Sequence[str], lengths: np.ndarray, colours: Sequence[str], room: float = 0.15
) -> None:
    """Horizontal bars from the first at the top, each with its name and its number.

    Negative lengths go to the left; an infinite one ends at the border and says so. ``room`` is the
    share of the width that the names take.
    """
    ax.set_axis_off()
    finite = lengths[np.isfinite(lengths)]
    low, high = finite.min(initial=0), finite.max(initial=0.1)
    span = high - low
    ax.set_xlim(low - room * span, high + 0.25 * span)
    ax.set_ylim(len(lengths) - 0.4, -0.6)
    ends = np.where(np.isfinite(lengths), lengths, high)
    ax.hlines(range(len(lengths)), 0, ends, color=list(colours), linewidth=16)
    for row, (name, length, end) in enumerate(zip(names, lengths, ends, strict=True)):
        ax.text(low - room / 1.5 * span, row, name, va="center", ha="center", fontsize=12)
        ax.text(max(end, 0) + 0.03 * span, row, two(length), va="center", fontsize=11)


def two(value: float) -> str:
    """Two decimals with a true minus sign, and no minus before zero."""
    if np.isinf(value):
        return "∞"
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")
