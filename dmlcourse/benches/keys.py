"""The key below a picture that is redrawn while the reader moves a slider."""

from collections.abc import Sequence

from matplotlib.axes import Axes

_LOOK = ("marker", "color", "mfc", "mec", "mew")
_LARGEST = 12.0


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
