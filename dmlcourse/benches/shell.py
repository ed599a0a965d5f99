"""What every bench needs: a pure function from a state to a figure, and what moves the state.

A bench is data. Its state is a frozen dataclass; `draw`, `describe` and `read` are pure functions
of the state, and a press of a point or of a button is a pure function from a state to the next, so
that tests, the still twin and the widget all use the same ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from ..figures import inline, show
from ..figures.pictures import Html
from ..session import is_interactive
from .surface import Surface, Target

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
class Choice:
    """A field of the state that holds one of a few texts, as radio buttons."""

    field: str
    label: str
    options: tuple[str, ...]

    def radio(self, value: str) -> widgets.RadioButtons:
        """Return the radio buttons."""
        return widgets.RadioButtons(
            options=self.options,
            value=value,
            description=self.label,
            style={"description_width": "auto"},
            layout={"width": "auto", "margin": "2px 2em 2px 0"},
        )


@dataclass(frozen=True)
class Button(Generic[State]):
    """What one press makes of a state."""

    label: str
    act: Callable[[State], State]


@dataclass(frozen=True)
class Bench(Generic[State]):
    """A figure that the reader can move.

    ``draw`` makes the figure of a state, ``describe`` its description, ``read`` the numbers of the
    state as HTML. ``sliders`` and ``choices`` name the fields of the state that move. With
    ``targets`` points of the figure can be pressed: ``press(state, index)`` is the state after it;
    ``drag(state, index, x, y)`` that after a target was moved there.
    """

    sliders: tuple[Slider, ...]
    draw: Callable[[State], Figure]
    describe: Callable[[State], str]
    read: Callable[[State], str]
    choices: tuple[Choice, ...] = ()
    buttons: tuple[Button[State], ...] = ()
    targets: Callable[[State], Sequence[Target]] | None = None
    press: Callable[[State, int], State] | None = None
    drag: Callable[[State, int, float, float], State] | None = None

    def show(self, state: State) -> None:
        """Display the widget to a reader; to a program its still twin, the figure of ``state``."""
        if is_interactive():
            display(self.widget(state))
        else:
            show(self.draw(state), self.describe(state))
            display(Html(self.read(state)))

    def widget(self, state: State) -> widgets.VBox:
        """Return what moves the state, with its picture and its numbers below."""
        return self.live(state).box()

    def live(self, state: State) -> "Live[State]":
        """Return the bench at work."""
        return Live(self, state)


class Live(Generic[State]):
    """A bench at work: the state that it is in, and the widgets that show and change it.

    The picture and its description are one element, replaced at once: nothing flickers, and the
    description always belongs to the picture.
    """

    def __init__(self, bench: Bench[State], state: State) -> None:
        self.bench, self.state = bench, state
        self.numbers = {s.field: s.number(getattr(state, s.field)) for s in bench.sliders}
        self.radios = {c.field: c.radio(getattr(state, c.field)) for c in bench.choices}
        self.fields: dict[str, Any] = {**self.numbers, **self.radios}
        for name, field in self.fields.items():
            field.observe(partial(self._field_moved, name), names="value")
        self.buttons = [self._button(button) for button in bench.buttons]
        self.picture = Surface(self.press, self.drag) if bench.targets else widgets.HTML()
        self.text = widgets.HTML()
        # A number out of bounds has been cut by its field.
        inside = {name: field.value for name, field in self.fields.items()}
        self.become(replace(state, **inside))  # type: ignore[type-var]

    def box(self) -> widgets.VBox:
        """Return the widgets, one below the other."""
        rows = [s.row(self.numbers[s.field]) for s in self.bench.sliders]
        beside = [*self.radios.values(), *self.buttons]
        if beside:
            rows.append(widgets.HBox(beside, layout=_WRAPPED))
        return widgets.VBox([*rows, self.picture, self.text])

    def become(self, state: State) -> None:
        """Take on a state: its numbers, its picture, its text."""
        self.state = state
        for name, field in self.fields.items():
            field.value = getattr(self.state, name)
        self._draw()

    def press(self, index: int) -> None:
        """Take on the state after a target was pressed."""
        if self.bench.press:
            self.become(self.bench.press(self.state, index))

    def drag(self, index: int, x: float, y: float) -> None:
        """Take on the state after a target was moved to (x, y), in data coordinates."""
        if self.bench.drag:
            self.become(self.bench.drag(self.state, index, x, y))

    def _button(self, button: Button[State]) -> widgets.Button:
        made = widgets.Button(description=button.label, layout={"width": "auto"})
        made.on_click(lambda _: self.become(button.act(self.state)))
        return made

    def _field_moved(self, name: str, change: dict) -> None:
        if getattr(self.state, name) != change["new"]:
            self.become(replace(self.state, **{name: change["new"]}))  # type: ignore[type-var]

    def _draw(self) -> None:
        figure, alt = self.bench.draw(self.state), self.bench.describe(self.state)
        if isinstance(self.picture, Surface):
            targets = self.bench.targets(self.state) if self.bench.targets else ()
            self.picture.show(figure, alt, targets)
        else:
            self.picture.value = inline(figure, alt)
        self.text.value = live(self.bench.read(self.state))


_WRAPPED = {"flex_flow": "row wrap", "align_items": "center"}


def live(html: str) -> str:
    """Mark HTML whose changes a screen reader should speak when it is quiet."""
    return f'<div role="status" aria-live="polite">{html}</div>'
