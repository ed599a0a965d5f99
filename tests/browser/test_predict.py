"""A reader commits to an answer, and only then learns it."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

ASK = """\
predict(
    "02.nearest", "Which point is nearest to A now?", ["C", "D"], answer="D",
    why="The metric shrinks the direction of D.", reveal=reveal,
)"""
GIVEN = """\
from dmlcourse.benches import calibration, predict
from dmlcourse.figures import canvas
def reveal():
    fig, ax = canvas()
    ax.plot([0, 1], [0, 1])
    return fig, "A line from A to D, the nearest of the points under the metric." """
WHY = "shrinks the direction"


def test_the_answer_comes_after_commit_and_the_keyboard_is_enough(lab):
    hidden = {"jupyter": {"source_hidden": True}}
    cells = [new_code_cell(GIVEN), new_code_cell(ASK, metadata=hidden)]
    lab.open(new_notebook(cells=[*cells, new_code_cell('calibration("02")')])).run_all()
    area, keyboard = lab.output(1), lab.page.keyboard
    commit = area.get_by_role("button", name="Commit")
    commit.wait_for()
    assert WHY not in lab.page.content()
    assert area.locator("img").count() == 0
    assert commit.is_disabled()
    assert "No predictions recorded" in lab.cell_text(2)

    area.get_by_role("radio").first.focus()
    keyboard.press("Space")
    for _ in range(4):
        keyboard.press("Tab")
    keyboard.press("Space")
    area.locator("button:enabled").wait_for()
    keyboard.press("Tab")
    keyboard.press("Enter")
    area.get_by_text("You said C. It is D.").wait_for()
    assert WHY in area.inner_text()
    assert "nearest of the points" in area.locator("img").get_attribute("alt")
    _read_the_journal(lab)
    lab.run_cell(2)
    lab.output(2).get_by_text("Sure, and wrong: nearest").wait_for()
    lab.screenshot("predict-revealed")


def _read_the_journal(lab) -> None:
    (line,) = lab.journal.read_text().splitlines()
    entry = json.loads(line)
    del entry["at"]
    assert entry == {
        "kind": "prediction",
        "key": "02.nearest",
        "choice": "C",
        "confidence": "sure",
        "correct": False,
    }
