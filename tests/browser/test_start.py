"""The first five minutes: a distance changes an answer, a mistake is made and named, and mended."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

CHAPTER = Path(__file__).parents[2] / "chapters" / "00_start.ipynb"
MENDED = """\
def distance(x, y):
    return np.sqrt(((x - y) ** 2).sum())"""
CITY_BLOCK = """\
def distance(x, y):
    return abs(x - y).sum()"""


def index_of(notebook, name):
    return [cell.id for cell in notebook.cells].index(name)


def test_the_planted_mistake_is_named_and_mended_and_another_one_made(lab):
    notebook = nbformat.read(CHAPTER, as_version=4)
    lab.open(notebook)
    imports, planted, tried = (
        index_of(notebook, name) for name in ("demo-imports", "demo-planted", "demo-try-planted")
    )
    for index in (imports, planted, tried):
        lab.run_cell(index)
    lab.output(tried).get_by_text("Your distance is squared").wait_for()
    lab.screenshot("start-planted")
    for source, said in [(MENDED, "passed (1 point)."), (CITY_BLOCK, "city")]:
        lab.type_into_cell(planted, source)
        lab.run_cell(planted)
        lab.run_cell(tried)
        lab.output(tried).get_by_text(said).first.wait_for()
    assert not lab.journal.exists(), "trying out is not recorded"


def test_the_panel_shows_what_has_been_done_when_it_is_asked_again(lab):
    answer = "import numpy as np\n" + MENDED
    cells = [
        "from dmlcourse.benches import progress_panel\nprogress_panel()",
        f'from dmlcourse.checks import check\n{answer}\ncheck("00.0", distance)',
    ]
    lab.open(new_notebook(cells=[new_code_cell(source) for source in cells]))
    lab.run_cell(0)
    panel = lab.output(0)
    panel.get_by_text("Nothing is recorded yet.").wait_for()
    lab.run_cell(1)
    lab.output(1).get_by_text("passed (1 point).").wait_for()
    panel.get_by_role("button", name="Refresh").focus()
    lab.page.keyboard.press("Enter")
    panel.get_by_text("Next: 00.1").wait_for()
    assert "1 of 3" in panel.inner_text()
    lab.screenshot("start-panel")


BENCHES = [
    ("units_bench()", "weight of colour", "1001", "wine 65", "of the same cultivar"),
    ("minkowski_bench()", "order p", "0.5", "no metric", "a star"),
    ("gaussians_bench()", "mean of q", "4", "KL(p‖q) 2.32", "mean 4.00"),
]


@pytest.mark.parametrize(("call", "label", "value", "said", "shown"), BENCHES)
def test_a_bench_follows_its_numbers_and_its_arrow_keys(lab, call, label, value, said, shown):
    name = call.partition("(")[0]
    cell = new_code_cell(f"from dmlcourse.benches import {name}\n{call}")
    lab.open(new_notebook(cells=[cell])).run_all()
    area = lab.output(0)
    image = area.locator("img")
    image.wait_for()
    before = image.get_attribute("src")
    area.get_by_label(label).fill(value)
    lab.page.keyboard.press("Enter")
    area.get_by_role("status").filter(has_text=said).wait_for()
    assert shown in image.get_attribute("alt")
    moved = image.get_attribute("src")
    assert moved != before
    area.get_by_label(label).focus()
    lab.page.keyboard.press("ArrowDown")
    lab.page.wait_for_function(
        "src => document.querySelector('.jupyter-widgets img').getAttribute('src') !== src",
        arg=moved,
    )
    lab.screenshot(f"bench-{name}")


def test_a_slider_that_reaches_a_whole_number_says_that_number(lab):
    """In the browser it gives 0.9999999999999999 for 1, and below 1 there is no metric."""
    cell = new_code_cell("from dmlcourse.benches import minkowski_bench\nminkowski_bench(1.25, 30)")
    lab.open(new_notebook(cells=[cell])).run_all()
    area = lab.output(0)
    area.locator("img").wait_for()
    assert area.get_by_label("turn in degrees").input_value() == "30"
    area.get_by_role("slider").first.focus()
    lab.page.keyboard.press("ArrowLeft")
    area.get_by_role("status").filter(has_text="p = 1.00. The triangle inequality").wait_for()
    assert area.get_by_label("order p").input_value() == "1"
