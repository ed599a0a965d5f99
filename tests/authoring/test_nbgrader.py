"""nbgrader takes the notebooks as they are: it makes the release, validates it and grades it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

COURSE = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"
# nbgrader calls alembic by its bare name.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SKIPPED = ("answer-02-1", "answer-02-3")


def nbgrader(folder, *arguments):
    """Run nbgrader in the folder of its course; what it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def cells(path):
    return nbformat.read(path, as_version=4).cells


def contents(path):
    return [(cell.cell_type, cell.id, cell.source) for cell in cells(path)]


def hand_in(folder, student, template, skipped=()):
    """A submission with the answers of the solution in a copy of the template."""
    notebook = nbformat.read(template, as_version=4)
    right = {cell.id: cell.source for cell in cells(COURSE / "solutions" / NAME)}
    for cell in notebook.cells:
        if cell.metadata["dmlcourse"]["role"] == "answer" and cell.id not in skipped:
            cell.source = right[cell.id]
    place = folder / "submitted" / student / "ch02" / NAME
    place.parent.mkdir(parents=True)
    nbformat.write(notebook, place)
    return str(place.relative_to(folder))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of nbgrader's with one released assignment."""
    folder = tmp_path_factory.mktemp("nbgrader")
    (folder / "source" / "ch02").mkdir(parents=True)
    shutil.copy(COURSE / "docs" / "nbgrader_config.py", folder)
    shutil.copy(COURSE / "solutions" / NAME, folder / "source" / "ch02")
    nbgrader(folder, "generate_assignment", "ch02")
    return folder


@pytest.fixture(scope="module")
def released(course):
    return course / "release" / "ch02" / NAME


@pytest.fixture(scope="module")
def submissions(course, released):
    """All answers in nbgrader's release, and some in a notebook of ``exercises/``."""
    whole = hand_in(course, "whole", released)
    return whole, hand_in(course, "half", COURSE / "exercises" / NAME, SKIPPED)


def test_the_release_is_what_learners_find_in_exercises(released):
    assert contents(released) == contents(COURSE / "exercises" / NAME)


def test_the_release_holds_no_solution_no_remark_and_no_output(released):
    assert "SOLUTION" not in released.read_text()
    assert all(cell.metadata["dmlcourse"]["role"] != "remark" for cell in cells(released))
    assert not any(cell.get("outputs") for cell in cells(released))


def test_answers_can_be_edited_and_checks_cannot(released):
    for cell in cells(released):
        if cell.metadata["dmlcourse"]["role"] in ("answer", "check"):
            editable = cell.metadata.get("editable", True)
            assert editable == (cell.metadata["dmlcourse"]["role"] == "answer"), cell.id


def test_validate_passes_the_good_copy_and_names_each_failing_check(course, submissions):
    whole, half = nbgrader(course, "validate", *submissions).split("VALIDATION FAILED")
    assert whole.strip() == "Success! Your notebook passes all the tests."
    assert half.startswith(" ON 2 CELL(S)!")
    assert "02.1 Mahalanobis distance: not attempted yet." in half
    assert "02.3 Projection onto the cone: not attempted yet." in half


def test_autograde_gives_the_points_of_what_passes(course, submissions, monkeypatch):
    nbgrader(course, "autograde", "ch02")
    monkeypatch.setenv("PATH", PATH)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = gradebook.assignment_submissions("ch02")
        scores = {one.student.id: (one.score, one.max_score) for one in found}
    assert scores == {"whole": (14, 14), "half": (8, 14)}
