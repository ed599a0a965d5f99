"""The description of a picture reaches whoever cannot see it: live, stored, and exported."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from dmlcourse.benches.predictions import Question
from dmlcourse.figures import canvas
from dmlcourse.figures.pictures import Picture

pytestmark = pytest.mark.browser

ALT = 'A line that rises from one to two, drawn in blue on a "white" ground.'
SHOW = f"""\
from dmlcourse.figures import canvas, show
from dmlcourse.session import is_interactive
fig, ax = canvas()
ax.plot([1, 2])
show(fig, alt={ALT!r})
print("interactive:", is_interactive())"""


def line() -> tuple:
    """A figure with its description."""
    fig, ax = canvas()
    ax.plot([1, 2])
    return fig, ALT


QUESTION = Question("02.line", "Does the line rise?", ("yes", "no"), "yes", "It does.", line)


@pytest.fixture
def stored() -> nbformat.NotebookNode:
    """A notebook with stored outputs, which nobody has told Jupyter to trust."""
    return new_notebook(cells=[cell_with(Picture(*line())), cell_with(QUESTION.still())])


def cell_with(picture: Picture) -> nbformat.NotebookNode:
    """A cell whose stored output is the picture."""
    data, metadata = picture._repr_mimebundle_()
    return new_code_cell(outputs=[new_output("display_data", data, metadata=metadata)])


def test_a_stored_picture_that_is_not_trusted_has_its_description(lab, stored):
    lab.open(stored)
    assert lab.output(0).locator("img").get_attribute("alt") == ALT


def test_a_stored_answer_unfolds_together_with_its_picture(lab, stored):
    lab.open(stored)
    answer, picture = lab.output(1).get_by_text("yes. It does."), lab.output(1).locator("img")
    assert not answer.is_visible()
    assert not picture.is_visible()
    lab.output(1).get_by_text("Show the answer").click()
    assert answer.is_visible()
    assert picture.is_visible()
    assert picture.get_attribute("alt") == ALT


def test_a_live_picture_has_its_description_below_and_in_its_alt(lab):
    lab.open(new_notebook(cells=[new_code_cell(SHOW)])).run_all()
    assert "interactive: True" in lab.cell_text(0)
    assert lab.output(0).locator("img").get_attribute("alt") == ALT
    words = lab.output(0).get_by_text(ALT)
    assert not words.is_visible()
    lab.output(0).get_by_text("The picture in words").click()
    assert words.is_visible()
    lab.theme("JupyterLab Dark")
    lab.screenshot("picture-dark")


def test_a_page_exported_from_the_menu_has_the_description(browser, server, stored):
    nbformat.write(stored, server["course"] / "export.ipynb")
    page = browser.new_page()
    page.goto(f"{server['address']}/nbconvert/html/export.ipynb", referer=server["address"])
    assert [image.get_attribute("alt") for image in page.locator("img").all()] == [ALT, ALT]
    page.close()
