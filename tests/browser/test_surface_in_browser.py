"""A reader presses points of the pairs bench, and drags a point, by mouse and by keyboard."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

DRAG = """\
from dataclasses import dataclass, replace
from dmlcourse.benches.shell import Bench
from dmlcourse.benches.surface import Target
from dmlcourse.figures import axes_equal, canvas

@dataclass(frozen=True)
class State:
    x: float = 0.0
    y: float = 0.0

def draw(state):
    fig, ax = canvas(size=(4, 4), layout=None)
    ax.set_position((0, 0, 1, 1))
    axes_equal(ax, 2.0)
    ax.plot(state.x, state.y, "o")
    return fig

Bench((), draw, lambda s: f"A point at {s.x:.2f} and {s.y:.2f}, alone in the plane.",
      lambda s: f"x = {s.x:.2f}, y = {s.y:.2f}",
      targets=lambda s: [Target(s.x, s.y, "the point", drag=True)],
      drag=lambda s, _, x, y: replace(s, x=x, y=y)).show(State())"""
NOTEBOOK = new_notebook(
    cells=[
        new_code_cell("from dmlcourse.benches import pairs_bench\npairs_bench(pairs=[])"),
        new_code_cell(DRAG),
    ]
)


@pytest.fixture
def opened(lab):
    lab.open(NOTEBOOK).run_all()
    for index in (0, 1):
        lab.output(index).locator("img").wait_for()
    return lab


def point(area, name):
    return area.get_by_role("button", name=re.compile(f"^{name}"))


def says(area, text):
    area.get_by_role("status").filter(has_text=text).wait_for()


def shows(area, words):
    area.locator(f'img[alt*="{words}"]').wait_for()


def test_pairs_are_made_by_mouse_and_taken_back_by_keyboard(opened):
    area, keyboard = opened.output(0), opened.page.keyboard
    before = area.locator("img").get_attribute("src")
    point(area, "A4").click()
    says(area, "A4 is picked")
    assert point(area, "A4").get_attribute("aria-pressed") == "true"
    point(area, "A6").click()
    says(area, "Must-link pairs: 1")
    shows(area, "A4–A6")
    assert area.locator("img").get_attribute("src") != before
    area.get_by_label(CANNOT := "cannot-link").check()
    says(area, f"the next pair is {CANNOT}")
    point(area, "A4").focus()
    keyboard.press("Enter")
    says(area, "A4 is picked")
    point(area, "B4").focus()
    keyboard.press("Space")
    says(area, "cannot-link pairs: 1.")
    shows(area, "A4–B4")
    says(area, "point in one direction only")
    assert _focused(opened) == "B4, cannot-link with A4", "the focus outlives the picture"
    opened.screenshot("bench-pairs")
    keyboard.press("Enter")
    says(area, "B4 is picked")
    point(area, "A4").focus()
    keyboard.press("Enter")
    says(area, "cannot-link pairs: 0.")


def test_arrow_keys_go_from_point_to_point_and_leave_the_notebook_alone(opened):
    area = opened.output(0)
    point(area, "A2").focus()
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    before = opened.page.evaluate(active)
    seen = [_focused(opened)]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        opened.page.keyboard.press(key)
        seen.append(_focused(opened))
    assert seen == ["A2", "A3", "A4", "A3"]
    assert opened.page.evaluate(active) == before


def test_a_point_is_dragged_by_mouse_and_moved_by_arrow_keys(opened):
    area, mouse = opened.output(1), opened.page.mouse
    area.scroll_into_view_if_needed()
    box = area.locator("img").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + box["width"] / 4, y - box["height"] / 8, steps=12)
    mouse.up()
    says(area, "x = 1.00, y = 0.50")
    shows(area, "1.00 and 0.50")
    for _ in range(5):
        opened.page.keyboard.press("ArrowLeft")
    says(area, "x = 0.60, y = 0.50")
    opened.page.keyboard.press("Shift+ArrowDown")
    says(area, "x = 0.60, y = 0.10")
    assert _focused(opened) == "the point"
    mouse.move(x + 0.15 * box["width"], y - 0.025 * box["height"])
    mouse.down()
    mouse.move(x + 3 * box["width"], y, steps=3)
    mouse.up()
    says(area, "x = 2.00, y = 0.00")


def test_on_a_phone_and_in_the_dark_theme_every_point_can_be_pressed(opened):
    opened.theme("JupyterLab Dark")
    size = opened.page.viewport_size
    opened.page.set_viewport_size({"width": 390, "height": 844})
    try:
        area = opened.output(0)
        for button in (point(area, "C3"), point(area, "B7")):
            assert button.bounding_box()["width"] >= 24
            button.scroll_into_view_if_needed()
            button.click()
        says(area, "Must-link pairs: 1")
        shows(area, "B7–C3")
        opened.screenshot("bench-pairs-phone")
    finally:
        opened.page.set_viewport_size(size)


def test_the_picture_never_vanishes_while_points_are_pressed(opened):
    opened.page.evaluate(
        """() => {
            window.bare = 0;
            const look = () => {
                const image = document.querySelector('.dmlcourse-surface img');
                window.bare += !(image?.complete && image.naturalWidth);
                requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        }"""
    )
    for name in ("A1", "A2", "C5"):
        point(opened.output(0), name).click()
        says(opened.output(0), "picked" if name != "A2" else "Must-link pairs: 1")
    assert opened.page.evaluate("window.bare") == 0


def _focused(lab) -> str:
    return lab.page.evaluate("document.activeElement.getAttribute('aria-label')")
