"""Plain nbval on the folders of the course, as a reader or a classroom's CI would run it."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

COURSE = Path(__file__).resolve().parents[2]
EXERCISES = sorted((COURSE / "exercises").glob("*.ipynb"))


def complete(folder):
    """The exercise notebooks with the answers of the solutions, without outputs."""
    for path in EXERCISES:
        notebook = nbformat.read(path, as_version=4)
        right = nbformat.read(COURSE / "solutions" / path.name, as_version=4)
        sources = {cell.id: cell.source for cell in right.cells}
        for cell in notebook.cells:
            cell.source = sources[cell.id]
        nbformat.write(notebook, folder / path.name)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """By folder, each cell that nbval ran, as (notebook, place), and whether it passed.

    One run for all folders, two notebooks at a time, with one thread each as in the build.
    """
    completed, report = tmp_path_factory.mktemp("completed"), tmp_path_factory.mktemp("report")
    complete(completed)
    options = "--nbval --nbval-current-env --nbval-cell-timeout=120 -p no:cacheprovider"
    options += f" -n 2 --dist loadfile --junitxml={report}/nbval.xml"
    places = ["chapters", "solutions", "exercises", str(completed)]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), *places],
        cwd=COURSE,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1, found.stdout + found.stderr
    by_folder = {}
    for case in ElementTree.parse(report / "nbval.xml").iter("testcase"):
        *inside, name, ending = case.attrib["classname"].split(".")
        # A place outside of the course has no folder here.
        folder = inside[0] if inside else "completed"
        place = int(case.attrib["name"].removeprefix("Cell "))
        by_folder.setdefault(folder, {})[f"{name}.{ending}", place] = case.find("*") is None
    return by_folder


def code_cells(folder):
    """The code cells of a folder's notebooks by (notebook, place)."""
    found = {}
    for path in sorted((COURSE / folder).glob("*.ipynb")):
        code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        found |= {(path.name, place): cell for place, cell in enumerate(code)}
    return found


def is_graded(cell):
    return cell.metadata.get("nbgrader", {}).get("grade", False)


@pytest.mark.parametrize("folder", ["chapters", "solutions"])
def test_every_cell_shows_what_is_stored(ran, folder):
    assert ran[folder] == dict.fromkeys(code_cells(folder), True)


def test_each_graded_cell_of_an_untouched_notebook_fails_and_no_other_does(ran):
    cells = code_cells("exercises")
    graded = {where for where, cell in cells.items() if is_graded(cell)}
    assert graded
    assert ran["exercises"] == {where: where not in graded for where in cells}


def test_a_completed_notebook_passes(ran):
    assert ran["completed"] == dict.fromkeys(code_cells("exercises"), True)
