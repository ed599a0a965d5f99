"""A reader moves the benches of chapters 03, 05 and 06 by keyboard, and the picture follows."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

CELLS = {
    "projections": "projections_bench(first=2, second=-2, budget=-0.5)",
    "lmnn": "lmnn_bench(step=0, anchor=1)",
    "itml": "itml_bench(u=2, l=6, gamma=1)",
}
NOTEBOOK = new_notebook(
    cells=[
        new_code_cell("from dmlcourse.benches import itml_bench, lmnn_bench, projections_bench"),
        *map(new_code_cell, CELLS.values()),
    ]
)


@pytest.fixture(scope="module")
def opened(lab_page):
    lab_page.open(NOTEBOOK).run_all()
    for index in (1, 2, 3):
        lab_page.output(index).locator("img").wait_for()
    yield lab_page
    lab_page.close()


def press(lab, area, label, key, says):
    """Press a key in a number field, and wait for what the bench then says."""
    area.get_by_label(label).focus()
    lab.page.keyboard.press(key)
    area.get_by_role("status").filter(has_text=says).wait_for()
    image = area.locator("img")
    return image.get_attribute("src"), image.get_attribute("alt")


def test_an_eigenvalue_goes_through_zero(opened):
    area = opened.output(1)
    before = area.locator("img").get_attribute("src")
    area.get_by_label("second eigenvalue").fill("-0.25")
    opened.page.keyboard.press("Enter")
    area.get_by_role("status").filter(has_text="2.00 and −0.25").wait_for()
    at_zero = press(opened, area, "second eigenvalue", "ArrowUp", "A: eigenvalues 2.00 and 0.00")
    above = press(opened, area, "second eigenvalue", "ArrowUp", "A: eigenvalues 2.00 and 0.25")
    assert len({before, at_zero[0], above[0]}) == 3
    assert "strip" in at_zero[1]
    assert "ellipse" in above[1]
    opened.screenshot("bench-projections")


def test_impostors_leave_while_training_goes_on(opened):
    area = opened.output(2)
    first = area.locator("img").get_attribute("src")
    after = press(opened, area, "step of training", "ArrowUp", "Step 1:")
    area.get_by_label("step of training").fill("40")
    opened.page.keyboard.press("Enter")
    area.get_by_role("status").filter(has_text="Step 40:").wait_for()
    assert "none" in area.get_by_role("status").inner_text()
    assert len({first, after[0], area.locator("img").get_attribute("src")}) == 3
    opened.screenshot("bench-lmnn")


def test_a_higher_price_of_slack_breaks_fewer_bounds(opened):
    area = opened.output(3)
    first = area.locator("img").get_attribute("src")
    after = press(opened, area, "log₁₀ γ", "ArrowUp", "γ = 1.78; M at the optimum")
    area.get_by_label("log₁₀ γ").fill("3")
    opened.page.keyboard.press("Enter")
    area.get_by_role("status").filter(has_text="Bounds broken: 3 of 16").wait_for()
    fewer = press(opened, area, "sweeps", "ArrowDown", "M after 50 sweeps")
    assert len({first, after[0], fewer[0]}) == 3
    assert "γ is 1000" in fewer[1]
    opened.screenshot("bench-itml")
