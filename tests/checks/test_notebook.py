"""``dmlcourse check``: what it prints and returns for notebooks as learners leave them."""

import importlib.util
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import nbformat
import pytest

from dmlcourse import exercises
from dmlcourse.checks.notebook import check_notebook
from dmlcourse.errors import UserError

COURSE = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"
CHAPTER = exercises.chapter("02")
SQUARED = """
def mahalanobis(X, Y, M):
    return np.array([[(x - y) @ M @ (x - y) for y in Y] for x in X])
"""


def solved():
    """The learner's notebook with every answer right, without outputs."""
    notebook = nbformat.read(COURSE / "exercises" / NAME, as_version=4)
    right = nbformat.read(COURSE / "solutions" / NAME, as_version=4)
    sources = {cell.id: cell.source for cell in right.cells}
    for cell in notebook.cells:
        cell.source = sources[cell.id]
    return notebook


def at(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def put(notebook, folder):
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / "mine.ipynb")
    return folder / "mine.ipynb"


def passed(number):
    exercise = exercises.find(number)
    return f"{number} {exercise.title}: passed ({exercise.points} points)."


def begins(number, outcome):
    """How the part about one exercise begins."""
    return f"{number} {exercises.find(number).title}: {outcome}\n"


def test_an_untouched_notebook_is_not_attempted_anywhere(capsys):
    assert check_notebook(COURSE / "exercises" / NAME) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [f"{e.number} {e.title}: not attempted yet." for e in CHAPTER]
    assert last == f"0 of {len(CHAPTER)} exercises passed."


def test_a_copy_elsewhere_passes_whatever_lies_beside_it(tmp_path, capsys):
    notebook = solved()
    for cell in notebook.cells:
        # As from an editor that gives fresh ids: the grade ids remain.
        cell.id = f"fresh-{cell.id}"
    for file in ("conftest.py", "numpy.py", "pytest.ini"):
        (tmp_path / file).write_text("raise SystemExit(1)")
    assert check_notebook(put(notebook, tmp_path)) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [passed(e.number) for e in CHAPTER]
    assert last == f"{len(CHAPTER)} of {len(CHAPTER)} exercises passed."


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """One notebook with a different fate for each exercise."""
    notebook = solved()
    at(notebook, "answer-02-1").source = SQUARED
    notebook.cells.remove(at(notebook, "check-02-2"))
    at(notebook, "check-02-3").source = "pass"
    at(notebook, "answer-02-3").source = "def project_psd(A)\n    return A"
    at(notebook, "answer-02-4").source += "\n_is_psd = is_psd\ndef is_psd(A):\n    print(A)\n"
    at(notebook, "answer-02-4").source += "    return _is_psd(A)"
    at(notebook, "check-02-5").metadata["tags"] = ["nbval-skip"]
    at(notebook, "answer-02-5").source = "def aligning_isometry(L1, L2):\n    return L3"
    return put(notebook, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def said(mixed):
    """What the command prints about that notebook."""
    with redirect_stdout(StringIO()) as printed:
        assert check_notebook(mixed) == 1
    return printed.getvalue()


def test_a_wrong_answer_gets_the_sentences_of_its_check(said):
    assert said.startswith(begins("02.1", "not yet."))
    assert "\n  Your distances are squared." in said
    assert "Traceback" not in said


def test_a_deleted_check_is_put_back_below_its_answer(said):
    assert passed("02.2") in said


def test_an_edited_check_is_put_back_and_the_broken_cell_above_is_named(said):
    broken = "The cell that begins `def project_psd(A)`: SyntaxError: expected ':'\n"
    assert broken + begins("02.3", "not yet.") + "  NameError" in said


def test_an_answer_that_prints_is_told_so(said):
    assert "02.4 In the cone or not: not yet.\n  The check shows more than its one line." in said


def test_a_check_tagged_to_be_skipped_runs_all_the_same(said):
    assert begins("02.5", "your answer stopped with an error.") in said
    assert "in the line `return L3`" in said


def test_the_count_comes_last(said):
    assert said.endswith("\n1 of 5 exercises passed.\n")


def test_checking_leaves_the_notebook_as_it_is(mixed, said):
    stored = nbformat.read(mixed, as_version=4)
    assert not any(cell.get("outputs") for cell in stored.cells)
    assert [file.name for file in mixed.parent.iterdir()] == [mixed.name]


def test_an_endless_loop_is_stopped_at_the_limit(tmp_path, capsys):
    notebook = solved()
    at(notebook, "answer-02-2").source = "while True:\n    pass"
    assert check_notebook(put(notebook, tmp_path), seconds=2) == 1
    printed = capsys.readouterr().out
    assert passed("02.1") in printed
    assert "`while True:`: Stopped at the limit of 2 seconds for one cell." in printed
    assert begins("02.2", "not yet.") + "  Not checked" in printed


class TestRefuses:
    def refused(self, path, words):
        with pytest.raises(UserError, match=words):
            check_notebook(path)

    def test_a_file_that_is_not_there(self, tmp_path):
        self.refused(tmp_path / "no.ipynb", r"There is no .*no\.ipynb")

    def test_a_folder(self, tmp_path):
        self.refused(tmp_path, "is a folder")

    @pytest.mark.parametrize(
        "text",
        ["", "not JSON", "[]", '{"cells": 3}', '{"nbformat": 4, "cells": [{"cell', "\x89PNG"],
    )
    def test_a_broken_file(self, tmp_path, text):
        (tmp_path / "half.ipynb").write_text(text, encoding="latin-1")
        self.refused(tmp_path / "half.ipynb", "saved half-way")

    def test_a_notebook_saved_half_way(self, tmp_path):
        text = (COURSE / "exercises" / NAME).read_text()
        (tmp_path / "half.ipynb").write_text(text[: len(text) // 2])
        self.refused(tmp_path / "half.ipynb", "saved half-way")

    @pytest.mark.parametrize("folder", ["chapters", "elsewhere"])
    def test_a_notebook_without_exercises_of_the_course(self, tmp_path, folder):
        other = tmp_path / "other.ipynb"
        other.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
        path = COURSE / "chapters" / NAME if folder == "chapters" else other
        self.refused(path, "holds no exercise of this course")

    def test_a_machine_without_nbval(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        self.refused(COURSE / "exercises" / NAME, "needs nbval.*`make setup`")
