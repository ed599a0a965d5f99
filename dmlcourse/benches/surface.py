"""A picture on which points can be pressed, and dragged where a bench allows it.

The picture is a figure like any other. Over it lies one real button for each point, so that Tab,
Enter, the arrow keys and a screen reader reach it; the places of the buttons come from the axes.
The half that runs in the browser is ``surface.js`` beside this file.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Transform
from traitlets import Dict

from ..figures.pictures import described
from ..figures.style import raster

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """A point of the picture that can be pressed.

    ``x`` and ``y`` are data coordinates in the axes ``figure.axes[panel]``; ``label`` is what a
    screen reader says. ``pressed`` says whether the point is chosen now; None where pressing it
    chooses nothing. With ``drag`` the pointer and the arrow keys move it.
    """

    x: float
    y: float
    label: str
    panel: int = 0
    pressed: bool | None = None
    drag: bool = False


class Surface(anywidget.AnyWidget):
    """The widget: a picture with buttons, which says what is pressed and where points are moved to.

    ``on_press(index)`` and ``on_move(index, x, y)`` are called with the index of a target, and with
    data coordinates of its panel that lie within its limits.
    """

    _esm = HERE / "surface.js"
    _css = HERE / "surface.css"
    # All that is shown is one value, so that picture, description and buttons change together.
    scene = Dict().tag(sync=True)
    # Of several moves that wait for Python only the last counts, which a value says. Presses are
    # messages: none may be lost.
    moved = Dict().tag(sync=True)

    def __init__(
        self,
        on_press: Callable[[int], None] | None = None,
        on_move: Callable[[int, float, float], None] | None = None,
    ) -> None:
        super().__init__()
        self.on_press, self.on_move = on_press, on_move
        self.targets: list[Target] = []
        self._data_of: list[Transform] = []
        self.on_msg(self._receive)
        self.observe(self._move, names="moved")

    def show(self, figure: Figure, alt: str, targets: Sequence[Target]) -> None:
        """Replace the picture, its description and its buttons, all at once.

        Raises:
            ValueError: the description describes nothing, or a target lies outside the picture.
        """
        source = f"data:image/png;base64,{b64encode(raster(figure)).decode()}"
        self.targets = list(targets)
        self._data_of = [_fraction_of(figure, panel).inverted() for panel in range(_count(figure))]
        self.scene = {
            "source": source,
            "alt": described(alt),
            "targets": [_placed(figure, target) for target in targets],
            "moves": self.moved.get("count", 0),
        }

    def _receive(self, _: Any, content: dict, buffers: Any) -> None:
        index = content.get("press")
        if self.on_press and isinstance(index, int) and 0 <= index < len(self.targets):
            self.on_press(index)

    def _move(self, change: dict) -> None:
        """Turn a place in the picture, counted from its top left corner, into data coordinates."""
        index, (x, y) = change["new"]["target"], change["new"]["place"]
        if self.on_move and 0 <= index < len(self.targets):
            inverse = self._data_of[self.targets[index].panel]
            self.on_move(index, *map(float, inverse.transform((x, 1 - y))))


def _count(figure: Figure) -> int:
    return len(figure.axes)


def _fraction_of(figure: Figure, panel: int) -> Transform:
    """The map from the data of a panel to shares of the figure, counted from below."""
    return figure.axes[panel].transData - figure.transFigure


def _placed(figure: Figure, target: Target) -> dict:
    """What the browser has to know of a target: its place, and the box in which it may move."""
    if not 0 <= target.panel < _count(figure):
        raise ValueError(
            f"The target {target.label!r} is in panel {target.panel}, and the figure has "
            f"{_count(figure)}: count its axes from 0."
        )
    x, y = _fraction_of(figure, target.panel).transform((target.x, target.y))
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(
            f"The target {target.label!r} at ({target.x:g}, {target.y:g}) lies outside the "
            "picture: set the limits of the axes so that every target is seen."
        )
    return {
        "x": float(x),
        "y": float(1 - y),
        "label": target.label,
        "pressed": target.pressed,
        "drag": target.drag,
        "box": _box(figure, target.panel),
    }


def _box(figure: Figure, panel: int) -> list[float]:
    """Left, top, right and bottom of a panel, as shares of the picture from its top left."""
    left, bottom, right, top = figure.axes[panel].get_position().extents
    return [float(edge) for edge in np.clip([left, 1 - top, right, 1 - bottom], 0, 1)]
