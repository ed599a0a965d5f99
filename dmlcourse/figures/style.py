"""The house style: colours with a role, a canvas to draw on, and small sharp PNGs.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), chosen so that people with
any common kind of colour vision tell them apart. Every role also has a marker of its own: no figure
depends on colour alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal, NamedTuple

import matplotlib
import matplotlib.style
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DPI = 110
LIVE_DPI = 96

INK = "#1a1a1a"
QUIET = "#6b6b6b"
PAPER = "#ffffff"
GRID = "#e3e3e3"


class Role(NamedTuple):
    """How one kind of thing looks in every figure."""

    colour: str
    marker: str


ROLES = {
    "anchor": Role("#000000", "*"),
    "near": Role("#0072b2", "o"),
    "far": Role("#d55e00", "^"),
    "refused": Role("#cc79a7", "X"),
    "plain": Role(QUIET, "s"),
    "ball": Role("#56b4e9", "."),
}

CLASSES = (
    Role("#0072b2", "o"),
    Role("#d55e00", "^"),
    Role("#009e73", "s"),
    Role("#cc79a7", "D"),
    Role("#e69f00", "v"),
    Role("#56b4e9", "P"),
    Role("#000000", "X"),
    Role(QUIET, "<"),
)

# Only what axes take over when they are made. What matplotlib asks for at each later call (line
# widths, the size of a text) stays at its default, so that drawing needs no block around it.
_HOUSE = {
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(
        color=[role.colour for role in CLASSES], linestyle=["-", "--", "-.", ":"] * 2
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}


@contextmanager
def house() -> Iterator[None]:
    """Draw in the house style inside this block; the reader's own settings return after it.

    It starts from matplotlib's defaults, so that a figure is the same on every machine, whatever
    style the reader has chosen.
    """
    with matplotlib.style.context(["default", _HOUSE]):
        yield


def canvas(
    columns: int = 1,
    rows: int = 1,
    size: tuple[float, float] | None = None,
    layout: Literal["constrained"] | None = "constrained",
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Make an empty figure in the house style and return it with its axes, as plt.subplots does.

    ``size`` is in inches; the default is 4.4 by 3.8 for each panel. ``layout`` None is faster and
    leaves the margins to the caller. Further arguments go to `matplotlib.figure.Figure.subplots`.
    The figure is unknown to pyplot, so no notebook draws it a second time.
    """
    size = size or (4.4 * columns, 3.8 * rows)
    with house():
        figure = Figure(figsize=size, layout=layout)
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, **subplots)


def png(figure: Figure) -> bytes:
    """Render a figure as a PNG to be stored: opaque, small, the same on every run.

    A palette of 256 colours makes a drawing about half as large. White paper keeps it readable on
    a dark theme. Only pixels are stored, no date and no version.
    """
    small = BytesIO()
    pixels = Image.open(BytesIO(raster(figure, DPI))).convert("RGB")
    pixels.quantize(colors=256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def raster(figure: Figure, dpi: int = LIVE_DPI) -> bytes:
    """Render a figure as a PNG quickly, for a picture that lives until the next one."""
    target = BytesIO()
    with house():
        figure.savefig(
            target,
            format="png",
            dpi=dpi,
            facecolor=PAPER,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 1},
        )
    return target.getvalue()
