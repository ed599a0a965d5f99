"""Plain nbval on the folders of the course, as a reader or a classroom's CI would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).resolve().parents[2]
EXERCISES = sorted((COURSE / "exercises").glob("*.ipynb"))


def nbval(*places, folder=COURSE, workers=0):
    """Run nbval from a folder: the exit status, and the cells that fail as (notebook, place)."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--color=no"]
    command += ["--nbval-cell-timeout=120", "-p", "no:cacheprovider", "-q", *map(str, places)]
    # Two at a time need one thread each, as when the notebooks were built.
    parallel = ["-n", str(workers), "--dist", "loadfile"] if workers else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        command + parallel, cwd=folder, env=environment, capture_output=True, text=True
    )
    failed = re.findall(r"^FAILED (?:.*/)?(\S+\.ipynb)::Cell (\d+)", ran.stdout, re.MULTILINE)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.returncode, {(name, int(place)) for name, place in failed}


def graded(path):
    """The places of a notebook's graded cells among its code cells."""
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return {
        (path.name, place)
        for place, cell in enumerate(code)
        if cell.metadata.get("nbgrader", {}).get("grade")
    }


@pytest.fixture
def completed(tmp_path):
    """The exercise notebooks with the answers of the solutions, without outputs."""
    for path in EXERCISES:
        notebook = nbformat.read(path, as_version=4)
        right = nbformat.read(COURSE / "solutions" / path.name, as_version=4)
        sources = {cell.id: cell.source for cell in right.cells}
        for cell in notebook.cells:
            cell.source = sources[cell.id]
        nbformat.write(notebook, tmp_path / path.name)
    return tmp_path


def test_chapters_and_solutions_show_what_is_stored():
    assert nbval("chapters", "solutions", workers=2) == (0, set())


def test_every_graded_cell_of_an_untouched_notebook_fails_and_no_other():
    expected = set().union(*map(graded, EXERCISES))
    assert expected
    assert nbval("exercises") == (1, expected)


def test_a_completed_notebook_passes(completed):
    assert nbval(".", folder=completed) == (0, set())
