"""The surface: places come from the axes, presses and moves go back as indices and data."""

from base64 import b64decode
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dmlcourse.benches.shell import Bench, Button, Choice, Slider
from dmlcourse.benches.surface import HERE, Surface, Target
from dmlcourse.figures import axes_equal, canvas

ALT = "Two empty panels beside each other, from zero to ten."


def panels(reach: float = 10.0, scale: str = "linear"):
    """Two panels; the left one fills the left half of the figure, the right one has equal axes."""
    fig, (left, right) = canvas(2, size=(8, 4), layout=None)
    left.set_position((0, 0, 0.5, 1))
    right.set_position((0.5, 0, 0.5, 1))
    left.set(xlim=(1, reach), ylim=(1, reach), xscale=scale)
    axes_equal(right, 2.0)
    return fig


def shown(*targets: Target, **how) -> tuple[Surface, list]:
    """A surface that shows the panels, and what it hears."""
    heard: list = []
    surface = Surface(heard.append, lambda *where: heard.append(where))
    surface.show(panels(**how), ALT, targets)
    return surface, heard


def test_a_place_is_a_share_of_the_picture_from_its_top_left():
    surface, _ = shown(Target(1, 10, "corner"), Target(10, 1, "other"), Target(0, 0, "right", 1))
    places = [(t["x"], t["y"]) for t in surface.scene["targets"]]
    np.testing.assert_allclose(places, [(0, 0), (0.5, 1), (0.75, 0.5)], atol=1e-12)


def test_the_picture_is_a_png_with_its_description():
    surface, _ = shown()
    kind, data = surface.scene["source"].split(",")
    assert kind == "data:image/png;base64"
    assert b64decode(data)[:8] == b"\x89PNG\r\n\x1a\n"
    assert surface.scene["alt"] == ALT


def test_what_a_screen_reader_says_reaches_the_page():
    surface, _ = shown(Target(2, 2, "A1", pressed=True), Target(3, 3, "A2", drag=True))
    first, second = surface.scene["targets"]
    assert (first["label"], first["pressed"], first["drag"]) == ("A1", True, False)
    assert (second["label"], second["pressed"], second["drag"]) == ("A2", None, True)
    np.testing.assert_allclose(first["box"], [0, 0, 0.5, 1], atol=1e-12)


@pytest.mark.parametrize("content", [{}, {"press": 2}, {"press": -1}, {"press": "0"}])
def test_a_press_of_no_target_is_not_heard(content):
    surface, heard = shown(Target(2, 2, "A1"), Target(3, 3, "A2"))
    surface._receive(surface, content, [])
    assert heard == []


def test_a_press_says_which_target():
    surface, heard = shown(Target(2, 2, "A1"), Target(3, 3, "A2"))
    for index in (1, 1, 0):
        surface._receive(surface, {"press": index}, [])
    assert heard == [1, 1, 0]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_move_comes_back_in_the_data_of_its_panel(scale):
    targets = Target(2, 3, "A1", drag=True), Target(-1, 1.5, "B1", panel=1, drag=True)
    surface, heard = shown(*targets, scale=scale)
    for index, place in enumerate(surface.scene["targets"]):
        place = [place["x"], place["y"]]
        surface.moved = {"target": index, "place": place, "count": index + 1}
    np.testing.assert_allclose(heard, [(0, 2, 3), (1, -1, 1.5)], atol=1e-9)


def test_a_scene_says_which_move_it_knows_of():
    surface, _ = shown(Target(2, 3, "A1", drag=True))
    assert surface.scene["moves"] == 0
    surface.moved = {"target": 0, "place": [0.2, 0.2], "count": 7}
    surface.show(panels(), ALT, surface.targets)
    assert surface.scene["moves"] == 7


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(11, 5, "A1", panel=1), "outside the picture"),
        (Target(float("nan"), 5, "A1"), "outside the picture"),
        (Target(2, 2, "A1", panel=2), "count its axes from 0"),
        (Target(2, 2, "A1", panel=-1), "count its axes from 0"),
    ],
)
def test_a_target_that_cannot_be_seen_is_refused(target, said):
    with pytest.raises(ValueError, match=said):
        shown(target)


def test_an_empty_description_is_refused():
    with pytest.raises(ValueError, match="Say what the picture shows"):
        Surface().show(panels(), "a picture", [])


def test_the_half_in_the_browser_asks_the_network_for_nothing():
    for name in ("surface.js", "surface.css"):
        text = (HERE / name).read_text(encoding="utf-8")
        assert not any(word in text for word in ("http", "import(", "import ", "fetch", "url("))


@dataclass(frozen=True)
class State:
    """A toy state: a point that can be dragged, how often it was pressed, its name."""

    x: float = 0.0
    y: float = 0.0
    presses: int = 0
    kind: str = "one"


def draw(state: State):
    fig, ax = canvas(size=(3, 3), layout=None)
    axes_equal(ax, 2.0)
    ax.plot(state.x, state.y, "o")
    return fig


BENCH = Bench(
    sliders=(Slider("x", "the first coordinate", -1, 1, 0.5),),
    draw=draw,
    describe=lambda state: f"A point at ({state.x:.1f}, {state.y:.1f}), of kind {state.kind}.",
    read=lambda state: f"Pressed {state.presses} times",
    choices=(Choice("kind", "its kind", ("one", "two")),),
    buttons=(Button("Back to the middle", lambda state: replace(state, x=0.0, y=0.0)),),
    targets=lambda state: [Target(state.x, state.y, "the point", drag=True)],
    press=lambda state, _: replace(state, presses=state.presses + 1),
    drag=lambda state, _, x, y: replace(state, x=x, y=y),
)


def test_a_press_and_a_move_change_the_state_and_all_that_is_shown():
    live = BENCH.live(State())
    live.picture._receive(None, {"press": 0}, [])
    assert live.state.presses == 1
    assert "Pressed 1 times" in live.text.value
    place = live.picture.scene["targets"][0]
    live.picture.moved = {"target": 0, "place": [place["x"] + 0.1, place["y"]], "count": 1}
    assert 0.1 < live.state.x < 1
    assert live.state.y == pytest.approx(0)
    before = live.picture.scene["source"]
    live.drag(0, 0.5, -1.0)
    assert live.picture.scene["alt"] == "A point at (0.5, -1.0), of kind one."
    assert live.picture.scene["source"] != before
    assert live.numbers["x"].value == 0.5, "the slider follows"


def test_a_state_out_of_a_sliders_bounds_is_cut_to_them():
    live = BENCH.live(State())
    live.drag(0, 1.7, 0.0)
    assert live.state.x == live.numbers["x"].value == 1
    assert "(1.0, 0.0)" in live.picture.scene["alt"]


def test_choices_sliders_and_buttons_keep_what_was_pressed():
    live = BENCH.live(State())
    live.press(0)
    live.radios["kind"].value = "two"
    live.numbers["x"].value = -1
    assert live.state == State(-1.0, 0.0, 1, "two")
    live.buttons[0].click()
    assert live.state == State(0.0, 0.0, 1, "two")
    assert live.numbers["x"].value == 0


def test_a_bench_without_press_and_drag_ignores_them():
    live = replace(BENCH, press=None, drag=None).live(State())
    live.press(0)
    live.drag(0, 1.0, 1.0)
    assert live.state == State()
