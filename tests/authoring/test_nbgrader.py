"""nbgrader takes the notebooks as they are: it makes the release, validates it and grades it."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.validator import Validator
from traitlets.config.loader import PyFileConfigLoader

COURSE = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"
# nbgrader calls alembic by its bare name.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SKIPPED = ("answer-02-1", "answer-02-3")

# nbgrader's own way with its database.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """nbgrader with the configuration of ``docs/``, in a course of its own."""
    config = PyFileConfigLoader("nbgrader_config.py", str(COURSE / "docs")).load_config()
    config.CourseDirectory.root = str(tmp_path_factory.mktemp("nbgrader"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", PATH)
        yield NbGraderAPI(CourseDirectory(config=config), config=config)


@pytest.fixture(scope="module")
def course(nbgrader):
    return Path(nbgrader.coursedir.root)


def done(answer):
    assert answer["success"], answer.get("error") or answer["log"]


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
    return str(place)


@pytest.fixture(scope="module")
def released(nbgrader, course):
    """The notebook of one released assignment."""
    (course / "source" / "ch02").mkdir(parents=True)
    shutil.copy(COURSE / "solutions" / NAME, course / "source" / "ch02")
    done(nbgrader.generate_assignment("ch02"))
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


def test_validate_passes_the_good_copy_and_names_each_failing_check(nbgrader, submissions):
    whole, half = (Validator(config=nbgrader.config).validate(path) for path in submissions)
    assert whole == {}
    first, second = half["failed"]
    assert "02.1 Mahalanobis distance: not attempted yet." in first["raw_error"]
    assert "02.3 Projection onto the cone: not attempted yet." in second["raw_error"]


def test_autograde_gives_the_points_of_what_passes(nbgrader, submissions):
    scores = {}
    for student in ("whole", "half"):
        done(nbgrader.autograde("ch02", student))
        found = nbgrader.get_submission("ch02", student)
        scores[student] = found["score"], found["max_score"]
    assert scores == {"whole": (14, 14), "half": (8, 14)}
