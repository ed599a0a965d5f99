"""What a program stores of the benches is complete, holds no widget, and passes nbval."""

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

SOURCES = [
    "from dmlcourse.benches import calibration, ellipse_bench, predict\n"
    "from dmlcourse.figures import canvas, show\n"
    "from dmlcourse.session import is_interactive\n"
    "is_interactive()",
    "fig, ax = canvas()\nshow(fig, alt='An empty pair of axes, from zero to one each way.')",
    "ellipse_bench()",
    "def reveal():\n    return canvas()[0], 'An empty pair of axes, with nothing in it.'\n"
    "predict('02.x', 'Which?', ['C', 'D'], answer='D', why='It is nearer.', reveal=reveal)",
    "calibration('02')",
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The notebook, executed by nbclient as the build does it."""
    path = tmp_path_factory.mktemp("twins") / "twins.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=[new_code_cell(source) for source in SOURCES], metadata=kernel)
    NotebookClient(notebook, timeout=60).execute()
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def bundles(stored) -> list[list[dict]]:
    """For each cell the data of its outputs."""
    return [[out.data for out in cell.outputs] for cell in nbformat.read(stored, 4).cells]


def test_nbclient_is_a_program(bundles):
    assert bundles[0] == [{"text/plain": "False"}]


def test_there_is_a_still_twin_and_no_widget(bundles):
    kinds = [[sorted(data) for data in cell] for cell in bundles[1:]]
    picture, words = ["image/png", "text/plain"], ["text/html"]
    answer = ["image/png", "text/html", "text/plain"]
    assert kinds == [[picture, words], [picture, words, words], [answer], [words]]


def test_nothing_stored_names_an_object_in_memory(stored):
    assert " at 0x" not in stored.read_text()


def test_nbval_passes(stored):
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", stored]
    run = subprocess.run(command, cwd=stored.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert f"{len(SOURCES)} passed" in run.stdout
