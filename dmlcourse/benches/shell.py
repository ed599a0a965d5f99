"""What every bench needs: a pure function from a state to a figure, and sliders around it.

A bench is data. Its state is a frozen dataclass; `draw`, `describe` and `read` are pure functions
of the state, so that tests, the still twin and the widget all use the same ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from ..figures import inline, show
from ..figures.pictures import Html
from ..session import is_interactive

State = TypeVar("State")


@dataclass(frozen=True)
class Slider:
    """One number of the state that the reader may move.

    It appears as a labelled number field with a slider beside it. The arrow keys move both. The
    slider of ipywidgets has no name that a screen reader could speak; the field has.
    """

    field: str
    label: str
    low: float
    high: float
    step: float

    def number(self, value: float) -> widgets.BoundedFloatText:
        """Return the number field."""
        return widgets.BoundedFloatText(
            value=value,
            min=self.low,
            max=self.high,
            step=self.step,
            description=self.label,
            tooltip=f"{self.label}, from {self.low} to {self.high}",
            style={"description_width": "10em"},
            layout={"width": "16em"},
        )

    def row(self, number: widgets.BoundedFloatText) -> widgets.HBox:
        """Return the number field with its slider."""
        handle = widgets.FloatSlider(
            value=number.value, min=self.low, max=self.high, step=self.step, readout=False
        )
        # Joined here and not in the browser, whose slider says 0.9999999999999999 for 1.
        handle.observe(lambda moved: setattr(number, "value", round(moved["new"], 9)), "value")
        number.observe(lambda typed: setattr(handle, "value", typed["new"]), "value")
        return widgets.HBox([number, handle])


@dataclass(frozen=True)
class Bench(Generic[State]):
    """A figure that the reader can move.

    ``draw`` makes the figure of a state, ``describe`` its description, ``read`` the numbers of the
    state as HTML. ``sliders`` name the fields of the state that move.
    """

    sliders: tuple[Slider, ...]
    draw: Callable[[State], Figure]
    describe: Callable[[State], str]
    read: Callable[[State], str]

    def show(self, state: State) -> None:
        """Display the widget to a reader; to a program its still twin, the figure of ``state``."""
        if is_interactive():
            display(self.widget(state))
        else:
            show(self.draw(state), self.describe(state))
            display(Html(self.read(state)))

    def widget(self, state: State) -> widgets.VBox:
        """Return the sliders with the picture and the numbers of the state below them.

        The picture and its description are one element, replaced at once: nothing flickers, and
        the description always belongs to the picture.
        """
        numbers = [s.number(getattr(state, s.field)) for s in self.sliders]
        rows = [s.row(number) for s, number in zip(self.sliders, numbers, strict=True)]
        picture, text = widgets.HTML(), widgets.HTML()

        def redraw(_: Any = None) -> None:
            values = {s.field: n.value for s, n in zip(self.sliders, numbers, strict=True)}
            now = replace(state, **values)  # type: ignore[type-var]
            picture.value = inline(self.draw(now), self.describe(now))
            text.value = live(self.read(now))

        for number in numbers:
            number.observe(redraw, names="value")
        redraw()
        return widgets.VBox([*rows, picture, text])


def live(html: str) -> str:
    """Mark HTML whose changes a screen reader should speak when it is quiet."""
    return f'<div role="status" aria-live="polite">{html}</div>'
