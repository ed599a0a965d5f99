"""A bench is a pure function of its state, shown live to a person and still to a program."""

from dataclasses import dataclass

import ipywidgets as widgets
import pytest

from dmlcourse.benches.shell import Bench, Slider
from dmlcourse.figures import canvas
from dmlcourse.figures.pictures import Picture


@dataclass(frozen=True)
class State:
    """A toy state: the height of one bar."""

    height: float


def draw(state: State):
    fig, ax = canvas()
    ax.bar([0], [state.height])
    return fig


BENCH = Bench(
    sliders=(Slider("height", "height of the bar", 0, 4, 0.5),),
    draw=draw,
    describe=lambda state: f"A single bar of height {state.height:.1f} above the axis.",
    read=lambda state: f"Height {state.height:.1f}",
)


@pytest.mark.usefixtures("a_person")
def test_a_person_gets_the_widget(displayed):
    BENCH.show(State(1.0))
    (widget,) = displayed
    assert isinstance(widget, widgets.VBox)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin_and_its_numbers(displayed):
    BENCH.show(State(1.0))
    picture, _, numbers = displayed
    assert isinstance(picture, Picture)
    assert picture.alt == "A single bar of height 1.0 above the axis."
    assert numbers.html == "Height 1.0"


def test_moving_a_number_changes_picture_description_and_text():
    row, picture, text = BENCH.widget(State(1.0)).children
    before = picture.value
    row.children[0].value = 2.5
    assert picture.value != before
    assert 'alt="A single bar of height 2.5 above the axis."' in picture.value
    assert "Height 2.5" in text.value


def test_the_text_is_spoken_when_it_changes():
    *_, text = BENCH.widget(State(1.0)).children
    assert 'role="status" aria-live="polite"' in text.value


def test_the_number_field_is_labelled_and_bounded():
    number, slider = BENCH.widget(State(1.0)).children[0].children
    assert number.description == "height of the bar"
    number.value = 100
    assert number.value == 4
    assert (slider.min, slider.max, slider.step) == (0, 4, 0.5)
