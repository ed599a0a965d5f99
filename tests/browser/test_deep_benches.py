"""A reader drags the points of the benches of chapters 10 and 11, by mouse and by keyboard."""

import contextlib
import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.browser

PAIR = "contrastive_bench(distance=0.4, margin=1.0)"
TRIPLET = "triplet_bench(anchor=(0, 0), positive=(0.6, 0), negative=(0, 0.5))"
# One notebook for all tests, and a bench of its own for each: a notebook takes seconds to open.
CELLS = [
    "from dmlcourse.benches import contrastive_bench, triplet_bench",
    *(PAIR, PAIR),
    *(TRIPLET, TRIPLET, TRIPLET),
]


@pytest.fixture(scope="module")
def opened(lab_page):
    lab_page.open(new_notebook(cells=[*map(new_code_cell, CELLS)])).run_all()
    for index in range(1, len(CELLS)):
        lab_page.output(index).locator("img").wait_for()
    yield lab_page
    lab_page.close()


def point(area, name):
    return area.get_by_role("button", name=re.compile(f"^{name}"))


def says(area, text):
    area.get_by_role("status").filter(has_text=text).wait_for()


def shows(area, words):
    """Wait for the picture of this description, and return the picture."""
    image = area.locator(f'img[alt*="{words}"]')
    image.wait_for()
    return image.get_attribute("src")


def drag(lab, area, name, right, down):
    """Drag a point by so many pixels."""
    point(area, name).scroll_into_view_if_needed()
    box = point(area, name).bounding_box()
    x, y, mouse = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, lab.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + right, y + down, steps=12)
    mouse.up()


def types(lab, area, label, number, text):
    """Type a number and wait for what the bench says of it.

    While the kernel still answers a drag, its answer overwrites the number: then it is typed again.
    """
    for _ in range(6):
        area.get_by_label(label).fill(number)
        lab.page.keyboard.press("Enter")
        with contextlib.suppress(playwright.TimeoutError):
            return area.get_by_role("status").filter(has_text=text).wait_for(timeout=15_000)
    return says(area, text)


def unit(area, first, second):
    """How many pixels apart two points are."""
    one, other = (point(area, name).bounding_box() for name in (first, second))
    return ((one["x"] - other["x"]) ** 2 + (one["y"] - other["y"]) ** 2) ** 0.5


def test_a_negative_is_dragged_from_hard_to_easy_and_back_by_arrow_keys(opened):
    area, keyboard = opened.output(3), opened.page.keyboard
    says(area, "The negative is hard")
    hard = shows(area, "The negative is hard")
    drag(opened, area, "negative", 0, -unit(area, "anchor", "positive"))
    says(area, "No arrows: the hinge is closed")
    easy = shows(area, "negative at (0.00, 1.1")
    assert opened.page.evaluate("document.activeElement.ariaLabel").startswith("negative at")
    for _ in range(6):
        keyboard.press("ArrowDown")
    says(area, "The negative is semi-hard")
    semi_hard = shows(area, "The negative is semi-hard")
    keyboard.press("Shift+ArrowDown")
    says(area, "The negative is hard")
    assert len({hard, easy, semi_hard}) == 3
    opened.screenshot("bench-triplet")


def test_the_anchor_moves_both_circles_and_a_step_moves_all_three(opened):
    area = opened.output(4)
    before = shows(area, "radius 0.60")
    point(area, "anchor").focus()
    opened.page.keyboard.press("Shift+ArrowLeft")
    says(area, "d(a, p) = 1.09")
    moved = shows(area, "anchor at (−0.49, 0.00)")
    area.get_by_role("button", name="Take a step down").click()
    area.locator('img:not([alt*="anchor at (−0.49, 0.00)"])').wait_for()
    assert len({before, moved, area.locator("img").get_attribute("src")}) == 3


def test_on_the_unit_circle_a_point_stays_there_and_a_margin_of_four_is_the_end(opened):
    area = opened.output(5)
    area.get_by_label("on the unit circle").check()
    says(area, "squared distances end at 4")
    one = unit(area, "anchor", "negative") / 2**0.5
    drag(opened, area, "negative", -one, one / 2)
    says(area, re.compile(r"d\(a, n\) = 1\.9[45];"))
    x, y = re.search(r"negative at \((.*?), (.*?)\)", _alt(area)).groups()
    x, y = (float(number.replace("−", "-")) for number in (x, y))
    assert y / x == pytest.approx(-0.5, abs=0.1)
    assert x**2 + y**2 == pytest.approx(1, abs=0.02)
    sentence = "A margin of 4.10 is more than 4: no triplet can ever meet it."
    types(opened, area, "margin m", "4.1", sentence)
    opened.screenshot("bench-triplet-circle")


def test_a_pair_is_dragged_and_its_number_follows(opened):
    area = opened.output(1)
    first = shows(area, "away from each other")
    says(area, "Slope dℓ/dd = −0.60")
    drag(opened, area, "second point", 200, 0)
    says(area, "left alone")
    far = shows(area, "There are no arrows")
    types(opened, area, "distance d", "0.1", "d = 0.10")
    area.get_by_label("d²", exact=True).check()
    says(area, "with a force of 0.20")
    opened.screenshot("bench-contrastive")
    area.get_by_label("same class", exact=True).check()
    assert len({first, far, shows(area, "towards each other")}) == 3


def test_arrow_keys_move_the_point_and_the_slider_leaves_its_distance_as_it_is(opened):
    area = opened.output(2)
    types(opened, area, "distance d", "0.1", "d = 0.10")
    point(area, "second point").focus()
    opened.page.keyboard.press("ArrowRight")
    says(area, "d = 0.18")
    opened.page.keyboard.press("ArrowRight")
    says(area, "d = 0.27")  # it would be 0.29, had the slider made 0.20 of 0.18
    assert area.get_by_label("distance d").input_value() == "0.27"


def _alt(area) -> str:
    return area.locator("img").get_attribute("alt")
