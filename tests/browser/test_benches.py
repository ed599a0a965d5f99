"""A reader moves the ellipse bench, by keyboard and by mouse."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

NOTEBOOK = new_notebook(
    cells=[
        new_code_cell("from dmlcourse.benches import ellipse_bench"),
        new_code_cell("ellipse_bench(first=1, second=1, angle=0)"),
    ]
)


@pytest.fixture(scope="module")
def opened(lab_page):
    """The bench, live. One notebook serves all tests: each sets the numbers it starts from."""
    lab_page.open(NOTEBOOK).run_all()
    lab_page.output(1).locator("img").wait_for()
    yield Bench(lab_page)
    lab_page.close()


@pytest.fixture
def bench(opened):
    """The bench with a circle for a ball."""
    for label in ("first eigenvalue", "second eigenvalue"):
        opened.type(label, "1")
    opened.type("angle", "0")
    opened.says("M = [[1.00, 0.00], [0.00, 1.00]]")
    return opened


class Bench:
    """What a reader sees of the bench, and where the hands go."""

    def __init__(self, lab) -> None:
        self.lab, self.area = lab, lab.output(1)

    @property
    def picture(self) -> tuple[str, str]:
        image = self.area.locator("img")
        return image.get_attribute("src"), image.get_attribute("alt")

    def type(self, label: str, value: str) -> None:
        self.area.get_by_label(label).fill(value)
        self.lab.page.keyboard.press("Enter")

    def says(self, text: str) -> None:
        self.area.get_by_role("status").filter(has_text=text).wait_for()


def test_every_number_has_a_name_and_moves_by_arrow_keys(bench):
    before = bench.picture
    field = bench.area.get_by_label("first eigenvalue")
    field.focus()
    bench.lab.page.keyboard.press("ArrowUp")
    bench.says("M = [[1.25, 0.00], [0.00, 1.00]]")
    after = bench.picture
    assert after[0] != before[0]
    assert "half axes 1.00 and 0.89" in after[1]


def test_the_slider_moves_by_arrow_keys_and_by_mouse(bench):
    handle = bench.area.get_by_role("slider").nth(1)
    handle.focus()
    bench.lab.page.keyboard.press("ArrowRight")
    bench.says("Eigenvalues 1.00 and 1.25")
    before = bench.picture
    box = handle.bounding_box()
    mouse = bench.lab.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] - 200, box["y"], steps=4)
    mouse.up()
    bench.says("Eigenvalues 1.00 and −1.00; one below zero, so M is not a metric any more")
    assert bench.picture != before
    assert "hyperbola" in bench.picture[1]
    bench.lab.screenshot("bench-negative")


def test_the_neighbours_change_as_the_ellipse_turns(bench):
    bench.type("second eigenvalue", "0")
    bench.says("rank 1: a pseudo-metric")
    first = _order(bench)
    bench.type("angle", "90")
    bench.says("M = [[0.00, 0.00], [0.00, 1.00]]")
    assert _order(bench) != first


def test_the_picture_never_vanishes_while_it_changes(bench):
    page = bench.lab.page
    page.evaluate(
        """() => {
            window.frames_without_picture = 0;
            const look = () => {
                const image = document.querySelector('.jupyter-widgets img');
                window.frames_without_picture += !(image?.complete && image.naturalWidth);
                requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        }"""
    )
    bench.area.get_by_label("second eigenvalue").focus()
    for value in ("1.25", "1.50", "1.75"):
        page.keyboard.press("ArrowUp")
        bench.says(f"Eigenvalues 1.00 and {value}")
    assert page.evaluate("window.frames_without_picture") == 0


def _order(bench: Bench) -> list[str]:
    """The letters of the neighbours, nearest first."""
    listed = bench.area.get_by_role("status").inner_text().rpartition(":")[2]
    return re.findall(r"[A-F]", listed)
