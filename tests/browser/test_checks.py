"""A learner at work in the built exercise notebook: a wrong answer, a right one, none at all."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

EXERCISES = Path(__file__).parents[2] / "exercises" / "02_mahalanobis.ipynb"
SQUARED = """\
def mahalanobis(X, Y, M):
    return np.array([[(x - y) @ M @ (x - y) for y in Y] for x in X])"""
RIGHT = SQUARED.replace("return np.array(", "return np.sqrt(").replace("])", "])")


def index_of(notebook, name):
    return [cell.id for cell in notebook.cells].index(name)


def test_run_all_on_an_untouched_notebook_is_calm_to_the_end(lab):
    notebook = nbformat.read(EXERCISES, as_version=4)
    lab.open(notebook).run_all()
    last = index_of(notebook, "check-02-5")
    assert "02.5 Two factors of one metric: not attempted yet." in lab.cell_text(last)
    kinds = {
        o["output_type"] for i in range(len(notebook.cells)) for o in outputs(lab, notebook, i)
    }
    assert kinds == {"display_data"}
    assert not lab.journal.exists()
    lab.screenshot("exercises-untouched")


def outputs(lab, notebook, index):
    return lab.cell_outputs(index) if notebook.cells[index].cell_type == "code" else []


def test_a_wrong_answer_gets_its_sentence_and_the_corrected_one_passes(lab):
    notebook = nbformat.read(EXERCISES, as_version=4)
    lab.open(notebook)
    given, answer, check = (
        index_of(notebook, name) for name in ("given-imports", "answer-02-1", "check-02-1")
    )
    lab.run_cell(given)
    lab.type_into_cell(answer, SQUARED)
    lab.run_cell(answer)
    lab.run_cell(check)
    lab.output(check).get_by_text("Your distances are squared.").wait_for()
    words = lab.cell_text(check)
    assert "Two points on a line: X = [[0]], Y = [[3]], M = [[4]]." in words
    assert "Expected 6, got 36." in words
    assert "Traceback" not in words
    lab.screenshot("check-wrong")
    lab.theme("JupyterLab Dark")
    lab.screenshot("check-wrong-dark")

    lab.type_into_cell(answer, RIGHT)
    lab.run_cell(answer)
    lab.run_cell(check)
    lab.output(check).get_by_text("02.1 Mahalanobis distance: passed (3 points).").wait_for()
    assert "squared" not in lab.cell_text(check)
    lab.screenshot("check-passed")
    assert [line.count('"attempt"') for line in lab.journal.read_text().splitlines()] == [1, 1]
