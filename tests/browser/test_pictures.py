"""The description of a picture reaches whoever cannot see it: live, stored, and exported."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

ALT = 'A line that rises from one to two, drawn in blue on a "white" ground.'
SHOW = f"""\
from dmlcourse.figures import canvas, show
from dmlcourse.session import is_interactive
fig, ax = canvas()
ax.plot([1, 2])
show(fig, alt={ALT!r})
print("interactive:", is_interactive())"""


@pytest.fixture(scope="module")
def stored(server) -> str:
    """The name of a notebook that a program has executed; nobody has told Jupyter to trust it."""
    notebook = new_notebook(cells=[new_code_cell(SHOW)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server["course"] / "stored.ipynb")
    subprocess.run(
        [*(sys.executable, "-m", "nbconvert"), *("--to", "notebook", "--execute", "--inplace")]
        + ["stored.ipynb"],
        cwd=server["course"],
        env=server["environment"],
        check=True,
        capture_output=True,
    )
    return "stored.ipynb"


def test_a_stored_picture_that_is_not_trusted_has_its_description(lab, stored):
    lab.open(stored)
    assert lab.output(0).locator("img").get_attribute("alt") == ALT
    words = lab.output(0).get_by_text(ALT)
    assert not words.is_visible()
    lab.output(0).get_by_text("The picture in words").click()
    assert words.is_visible()
    assert "interactive: False" in lab.cell_text(0)


def test_a_live_picture_has_its_description(lab, stored):
    lab.open(stored).run_all()
    assert "interactive: True" in lab.cell_text(0)
    assert lab.output(0).locator("img").get_attribute("alt") == ALT
    picture = lab.cell_outputs(0)[0]
    assert picture["metadata"] == {"image/png": {"alt": ALT}}
    lab.theme("JupyterLab Dark")
    lab.screenshot("picture-dark")


def test_a_page_exported_from_the_menu_has_the_description(browser, server, stored):
    page = browser.new_page()
    page.goto(f"{server['address']}/nbconvert/html/{stored}", referer=server["address"])
    assert page.locator("img").get_attribute("alt") == ALT
    page.close()
