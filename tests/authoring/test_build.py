"""``dmlcourse build`` in a small course: what it builds, leaves, compares and refuses."""

import json
import re
import shutil
import socket
import sys
from pathlib import Path

import nbformat
import pytest

from dmlcourse.authoring.command import build
from dmlcourse.errors import UserError

COURSE = Path(__file__).resolve().parents[2]
FIRST = """\
# %% [markdown] title
# # A small lesson

# %% sum
print(1 + 1)

# %% product
2 * 3
"""
SECOND = FIRST.replace("small", "second")
CHAPTER = "chapters/01_first.ipynb"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course of two small chapters and the exercises of chapter 02, built once."""
    folder = tmp_path_factory.mktemp("course")
    for lesson, text in (("01_first", FIRST), ("03_second", SECOND)):
        (folder / "lessons" / lesson).mkdir(parents=True)
        (folder / "lessons" / lesson / "chapter.py").write_text(text)
    (folder / "lessons" / "02_mahalanobis").mkdir()
    exercises = Path("lessons", "02_mahalanobis", "exercises.py")
    shutil.copy(COURSE / exercises, folder / exercises)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert build() == 0
    return folder


@pytest.fixture
def course(built, tmp_path, monkeypatch):
    """A fresh copy of the built course, to be changed; the current folder."""
    folder = tmp_path / "course"
    shutil.copytree(built, folder)
    monkeypatch.chdir(folder)
    return folder


def notebooks(folder):
    return sorted(folder.glob("*/*.ipynb"))


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_each_lesson_gives_its_notebooks_with_outputs(built):
    assert [str(path.relative_to(built)) for path in notebooks(built)] == [
        CHAPTER,
        "chapters/03_second.ipynb",
        "exercises/02_mahalanobis.ipynb",
        "solutions/02_mahalanobis.ipynb",
    ]
    _, total, product = nbformat.read(built / CHAPTER, as_version=4).cells
    assert total.outputs[0]["text"] == "2\n"
    assert product.outputs[0]["data"] == {"text/plain": "6"}


def test_exercises_are_stored_without_outputs_and_solutions_have_passed(built):
    name = "02_mahalanobis.ipynb"
    mine = nbformat.read(built / "exercises" / name, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in mine.cells)
    right = nbformat.read(built / "solutions" / name, as_version=4)
    checks = [cell for cell in right.cells if cell.metadata["dmlcourse"]["role"] == "check"]
    assert len(checks) == 5
    assert all(": passed (" in cell.outputs[0]["data"]["text/plain"] for cell in checks)


def test_a_second_run_changes_nothing(course, capsys):
    before = {path: path.stat().st_mtime_ns for path in notebooks(course)}
    assert build() == 0
    assert {path: path.stat().st_mtime_ns for path in notebooks(course)} == before
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"unchanged"}
    assert build(check=True) == 0
    assert capsys.readouterr().out == "4 notebooks are what their lessons give.\n"


def test_what_a_system_or_a_killed_build_left_is_no_matter(course, capsys):
    for name in (".DS_Store", ".dmlcourse-0123456789abcdef.part", ".ipynb_checkpoints"):
        (course / "chapters" / name).write_text("half")
    assert (build(), build(check=True)) == (0, 0)


def test_a_touched_lesson_rebuilds_itself_alone(course, capsys):
    rewrite(course / "lessons" / "01_first" / "chapter.py", "1 + 1", "1 + 2")
    assert build() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["built", *["unchanged"] * 3]
    assert nbformat.read(course / CHAPTER, as_version=4).cells[1].outputs[0]["text"] == "3\n"


def test_two_executed_builds_are_identical_to_the_byte(course):
    before = {path: path.read_bytes() for path in notebooks(course)}
    assert build(["01", "02_mahalanobis"], force=True) == 0
    assert {path: path.read_bytes() for path in notebooks(course)} == before


class TestCheckNames:
    def said(self, capsys):
        assert build(check=True) == 1
        return capsys.readouterr().out.strip()

    def test_the_notebook_and_the_first_cell_that_differs(self, course, capsys):
        for old, new in (("print(1 + 1)", "print(2)"), ("2 * 3", "6")):
            rewrite(course / CHAPTER, f'"{old}"', f'"{new}"')
        assert self.said(capsys) == f"{CHAPTER}: the cell demo-sum is not what the lesson gives."

    def test_a_cell_too_many(self, course, capsys):
        notebook = nbformat.read(course / CHAPTER, as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell("1"))
        nbformat.write(notebook, course / CHAPTER)
        assert self.said(capsys) == f"{CHAPTER} has 4 cells; the lesson gives 3."

    def test_a_lesson_that_changed_where_no_cell_shows_it(self, course, capsys):
        rewrite(course / "lessons" / "01_first" / "chapter.py", "# %% sum", "# %%  sum")
        assert "was built from another state of the lesson" in self.said(capsys)

    def test_a_notebook_that_is_missing(self, course, capsys):
        (course / CHAPTER).unlink()
        assert self.said(capsys) == f"{CHAPTER} is not built yet; run `dmlcourse build`."

    def test_a_notebook_that_is_broken(self, course, capsys):
        (course / CHAPTER).write_text("{")
        assert self.said(capsys).startswith(f"{CHAPTER} cannot be read (")

    def test_a_file_that_belongs_to_no_lesson(self, course, capsys):
        (course / "exercises" / "09_old.ipynb").write_text("{}")
        assert self.said(capsys) == "exercises/09_old.ipynb belongs to no lesson; remove it."


class TestRefuses:
    def refused(self, words, lessons=()):
        with pytest.raises(UserError, match=words):
            build(lessons)

    def test_a_file_that_belongs_to_no_lesson(self, course):
        (course / "chapters" / "notes.txt").write_text("mine")
        self.refused(r"chapters/notes\.txt belongs to no lesson; remove it\.")

    def test_a_notebook_of_a_lesson_that_gives_none_there(self, course):
        shutil.copy(course / CHAPTER, course / "solutions")
        self.refused(r"solutions/01_first\.ipynb belongs to no lesson; remove it\.")

    def test_an_unknown_lesson_and_names_those_there_are(self, course):
        self.refused("no lesson '07'; there are 01_first, 02_mahalanobis, 03_second", ["07"])

    @pytest.mark.parametrize(
        ("cell", "said"),
        [("1 / 0", "ZeroDivisionError"), ("import os\nos._exit(1)", "Kernel died")],
    )
    def test_a_failing_cell_and_keeps_what_was_built_before(self, course, cell, said):
        before = (course / CHAPTER).read_bytes()
        rewrite(course / "lessons" / "01_first" / "chapter.py", "2 * 3", cell)
        where = r"^01_first/chapter\.py, line 7: the cell demo-product of chapters/01_first\.ipynb"
        self.refused(f"{where} fails\n(?s:.*){said}")
        assert (course / CHAPTER).read_bytes() == before
        assert sorted(path.name for path in (course / "chapters").iterdir()) == [
            "01_first.ipynb",
            "03_second.ipynb",
        ]

    def test_a_solution_that_its_check_does_not_pass(self, course):
        lesson = course / "lessons" / "02_mahalanobis" / "exercises.py"
        rewrite(lesson, "(A + A.T) / 2", "-(A + A.T) / 2")
        line = lesson.read_text().splitlines().index("# %% exercise 02.3") + 1
        where = rf"^02_mahalanobis/exercises\.py, line {line}: the cell check-02-3 of solutions/"
        self.refused(rf"{where}(?s:.*)02\.3 Projection onto the cone: not yet\.")


def test_nothing_stored_tells_of_the_machine_or_the_time(built):
    words = [str(built), str(Path.home()), sys.prefix, sys.version.split()[0]]
    machine = rf"\b{re.escape(socket.gethostname())}\b"
    for path in [*notebooks(built), *notebooks(COURSE)]:
        text = json.dumps(without_pictures(nbformat.read(path, as_version=4)))
        assert not any(word in text for word in words), path
        assert not re.search(r"/tmp/|/home/|\d\d:\d\d:\d\d|0x[0-9a-f]{6,}", text), path
        assert not re.search(machine, text), path
        assert "widgets" not in json.loads(path.read_text())["metadata"], path


def without_pictures(notebook):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)
    return notebook
