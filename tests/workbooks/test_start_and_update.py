"""``dmlcourse start`` and ``update`` on files: what they say, what they keep, what they refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy_notebooks import (
    at,
    bare,
    cell,
    files,
    first,
    release,
    sources,
)

from dmlcourse.errors import UserError
from dmlcourse.workbooks import command, is_asked, start, update
from dmlcourse.workbooks.notebook import Unusable, digest, read_notebook, written

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one whole lesson, a chapter in two notebooks, and two halves of lessons."""
    folder = tmp_path / "course"
    for place_, lessons in {
        "chapters": ("05_toy", "17a_one", "17b_two", "18_read"),
        "exercises": ("05_toy", "17a_one", "19_do"),
    }.items():
        (folder / place_).mkdir(parents=True)
        for lesson in lessons:
            save(release(*chapter_or_exercises(place_), lesson=lesson), folder, place_, lesson)
    monkeypatch.chdir(folder)
    return folder


def chapter_or_exercises(folder: str) -> list[dict]:
    if folder == "exercises":
        return first()["cells"]
    return [cell("text-title", "# Toy, to read"), cell("demo-plot", "plot()")]


def save(notebook: dict, course: Path, folder: str, lesson: str = "05_toy") -> Path:
    path = course / folder / f"{lesson}.ipynb"
    path.write_bytes(written(notebook))
    return path


def write_answer(course: Path, number: str, source: str) -> Path:
    path = course / "work" / "05_toy.ipynb"
    mine = read_notebook(path)
    at(mine, f"answer-{number.replace('.', '-')}")["source"] = source
    return save(mine, course, "work")


def publish(course: Path, name: str = "text-title", source: str = "# New") -> None:
    """A newer release of the exercises."""
    new = first()
    at(new, name)["source"] = source
    save(new, course, "exercises")


HOSTILE = [
    "",
    "[]",
    "3",
    '{"cells": 3}',
    '{"cells": [3], "nbformat": 4}',
    '{"cells": [], "nbformat": 3}',
    '{"nbformat": 4, "cells": [{"cell_type": "code"}]}',
    '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
    "[" * 10**5,
    "\x89PNG",
]


class TestStart:
    def test_copies_the_exercises_and_the_chapter(self, course, capsys) -> None:
        assert start(["5"]) == 0
        assert list(files(course)) == ["05_toy.ipynb", "reading/05_toy.ipynb"]
        assert capsys.readouterr().out.splitlines() == [
            "work/05_toy.ipynb is your copy of exercises/05_toy.ipynb.",
            "work/reading/05_toy.ipynb is your copy of chapters/05_toy.ipynb.",
        ]

    def test_a_copy_is_its_template_with_a_memory(self, course) -> None:
        start(["05"])
        released, mine = (read_notebook(course / f / "05_toy.ipynb") for f in ("exercises", "work"))
        assert mine["cells"] == released["cells"]
        assert mine["metadata"]["dmlcourse"]["started"]["given-imports"] == digest(
            at(released, "given-imports")
        )
        assert mine["metadata"]["dmlcourse"]["lesson"] == "05_toy"

    def test_a_copy_that_exists_is_never_touched(self, course, capsys) -> None:
        start(["05"])
        path = course / "work" / "05_toy.ipynb"
        path.write_text("half a notebook")
        before = path.stat()
        assert start(["05"]) == 0
        assert (path.read_text(), path.stat()) == ("half a notebook", before)
        assert "work/05_toy.ipynb was there before and stays as it is.\n" in capsys.readouterr().out

    def test_an_older_copy_is_told_of_the_update(self, course, capsys) -> None:
        start(["05"])
        publish(course)
        before = files(course)
        start(["05"])
        assert files(course) == before
        assert "a newer release of it: run `dmlcourse update`." in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("asked", "made"),
        [
            (["17"], ["17a_one.ipynb", "reading/17a_one.ipynb", "reading/17b_two.ipynb"]),
            (["17b"], ["reading/17b_two.ipynb"]),
            (["17a_one"], ["17a_one.ipynb", "reading/17a_one.ipynb"]),
            (["18", "19"], ["19_do.ipynb", "reading/18_read.ipynb"]),
            (["19", "19_do"], ["19_do.ipynb"]),
        ],
    )
    def test_finds_chapters_whole_or_in_parts(self, course, asked, made) -> None:
        assert start(asked) == 0
        assert list(files(course)) == made

    @pytest.mark.parametrize("asked", ["99", "toy", "", "../05"])
    def test_an_unknown_chapter_copies_nothing(self, course, asked) -> None:
        with pytest.raises(UserError, match=r"There is no chapter .*05_toy, 17a_one, 17b_two"):
            start(["05", asked])
        assert files(course) == {}

    def test_a_place_that_cannot_be_written_is_named(self, course) -> None:
        (course / "work").write_text("a file")
        with pytest.raises(UserError, match=r"work/05_toy\.ipynb cannot be written"):
            start(["05"])

    @pytest.mark.parametrize("broken", ['{"cells": [', '{"cells": [], "nbformat": 3}'])
    def test_a_broken_template_is_named(self, course, broken) -> None:
        (course / "exercises" / "05_toy.ipynb").write_text(broken)
        with pytest.raises(UserError, match=r"exercises/05_toy\.ipynb is "):
            start(["05"])
        assert files(course) == {}

    def test_works_from_below_the_course(self, course, monkeypatch) -> None:
        monkeypatch.chdir(course / "exercises")
        start(["05"])
        monkeypatch.chdir(course / "work" / "reading")
        assert start(["18"]) == 0
        assert (course / "work" / "reading" / "18_read.ipynb").exists()


def test_chapters_are_asked_for_by_number_or_name() -> None:
    for asked in ("2", "02", "02_mahalanobis"):
        assert is_asked("02_mahalanobis", asked)
    for asked in ("", "0", "mahalanobis", "12", "02a"):
        assert not is_asked("02_mahalanobis", asked)
    assert not is_asked("00_start", "")


class TestUpdate:
    def test_without_a_newer_release_no_file_changes(self, course, capsys) -> None:
        start(["05"])
        path = write_answer(course, "05.1", "mine")
        before, stamp = files(course), path.stat()
        capsys.readouterr()
        assert update() == 0
        assert (files(course), path.stat()) == (before, stamp)
        assert capsys.readouterr().out.splitlines() == [
            "work/05_toy.ipynb is up to date.",
            "work/reading/05_toy.ipynb is up to date.",
        ]

    def test_carries_over_keeps_the_file_as_it_was_and_says_so(self, course, capsys) -> None:
        start(["05"])
        path = write_answer(course, "05.1", "mine")
        before = path.read_bytes()
        publish(course, "text-05-1", "Add all.")
        capsys.readouterr()
        assert update() == 0
        said = capsys.readouterr().out
        kept = course / "work" / ".before-update" / "05_toy.1.ipynb"
        assert kept.read_bytes() == before
        assert said.splitlines()[0] == (
            "work/05_toy.ipynb is updated. As it was before: work/.before-update/05_toy.1.ipynb."
        )
        assert "05.1: the exercise changed. Your answer is kept" in said
        assert "File → Reload Notebook from Disk" in said
        assert {"mine", "Add all."} <= set(sources(read_notebook(path)))

    def test_twice_changes_nothing_the_second_time(self, course, capsys) -> None:
        start(["05"])
        write_answer(course, "05.1", "mine")
        publish(course, "text-05-1", "Add all.")
        update()
        before = files(course)
        capsys.readouterr()
        assert update() == 0
        assert files(course) == before
        assert "Reload" not in capsys.readouterr().out

    def test_earlier_files_are_all_kept(self, course) -> None:
        start(["05"])
        for count in (1, 2, 3):
            publish(course, source=f"# Release {count}")
            update()
        kept = [name for name in files(course) if name.startswith(".before-update/")]
        assert kept == [f".before-update/05_toy.{count}.ipynb" for count in (1, 2, 3)]

    def test_chapters_are_updated_and_kept_apart(self, course) -> None:
        start(["05"])
        new = release(cell("text-title", "# New"), cell("demo-plot", "plot()"))
        save(new, course, "chapters")
        before = files(course)
        assert update() == 0
        after = files(course)
        assert after.pop(".before-update/reading/05_toy.1.ipynb") == before["reading/05_toy.ipynb"]
        assert after["05_toy.ipynb"] == before["05_toy.ipynb"]
        assert b"# New" in after["reading/05_toy.ipynb"]

    def test_what_cannot_be_updated_is_left_and_the_others_go_on(self, course, capsys) -> None:
        start(["05", "17a", "18", "19"])
        work = course / "work"
        (work / "17a_one.ipynb").write_text('{"cells": [{"cell')
        save(release(bare("own", name="x"), lesson="05_toy"), course, "work", "aside")
        tree = release(bare("own", name="x"))
        tree["metadata"] = {}
        save(tree, course, "work", "own")
        (course / "exercises" / "19_do.ipynb").unlink()
        (course / "chapters" / "18_read.ipynb").write_text("<<<<<<< HEAD")
        publish(course)
        before = files(course)
        capsys.readouterr()
        assert update() == 1
        said = capsys.readouterr().out.splitlines()
        left = "It is left as it is."
        for start_, end in {
            "work/17a_one.ipynb is broken (": f"perhaps saved half-way. {left}",
            "work/19_do.ipynb is a copy of 19_do, which": f"the course has no more. {left}",
            "work/aside.ipynb belongs to no lesson": left,
            "work/own.ipynb belongs to no lesson": left,
            "work/reading/18_read.ipynb waits: the course's chapters/18_read.ipynb is": left,
        }.items():
            (line,) = [line for line in said if line.startswith(start_)]
            assert line.endswith(end)
        after = files(course)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == {"05_toy.ipynb", ".before-update/05_toy.1.ipynb"}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_hostile_file_is_left(self, course, capsys, text) -> None:
        start(["05"])
        publish(course)
        path = course / "work" / "05_toy.ipynb"
        path.write_text(text, encoding="latin-1")
        before = files(course)
        capsys.readouterr()
        assert update() == 1
        assert files(course) == before
        said = capsys.readouterr().out.splitlines()[0]
        assert said.startswith("work/05_toy.ipynb ")
        assert said.endswith(" It is left as it is.")

    def test_half_a_character_is_left(self, course) -> None:
        start(["05"])
        publish(course)
        path = course / "work" / "05_toy.ipynb"
        path.write_text(path.read_text().replace("Multiply", "\\ud800"))
        before = files(course)
        assert update() == 1
        assert files(course) == before

    def test_a_renamed_or_second_copy_is_updated_too(self, course) -> None:
        start(["05"])
        shutil.copy(course / "work" / "05_toy.ipynb", course / "work" / "second try.ipynb")
        publish(course)
        assert update() == 0
        assert b"# New" in files(course)["second try.ipynb"]

    def test_a_copy_that_names_no_lesson_is_known_by_its_exercises(self, course) -> None:
        tree = first()
        tree["metadata"] = {}
        (course / "work").mkdir()
        save(tree, course, "work", "from elsewhere")
        publish(course)
        (course / "exercises" / "17a_one.ipynb").unlink()
        (course / "exercises" / "19_do.ipynb").unlink()
        assert update() == 0
        assert b"# New" in files(course)["from elsewhere.ipynb"]

    def test_a_chapter_in_the_wrong_folder_stays_a_chapter(self, course) -> None:
        start(["05"])
        work = course / "work"
        (work / "reading" / "05_toy.ipynb").replace(work / "05_toy.ipynb")
        publish(course)
        assert update() == 0
        assert list(files(course)) == ["05_toy.ipynb"]

    def test_saved_meanwhile_is_left(self, course, capsys, monkeypatch) -> None:
        start(["05"])
        publish(course)
        path = course / "work" / "05_toy.ipynb"

        def saves(notebook: dict) -> bytes:
            path.write_text("saved by JupyterLab")
            return written(notebook)

        monkeypatch.setattr(command, "written", saves)
        assert update() == 1
        assert path.read_text() == "saved by JupyterLab"
        assert "was saved by another program" in capsys.readouterr().out

    def test_nowhere_to_keep_the_old_file_changes_nothing(self, course, capsys) -> None:
        start(["05"])
        publish(course)
        (course / "work" / ".before-update").write_text("a file")
        before = files(course)
        assert update() == 1
        assert files(course) == before
        assert "cannot be updated" in capsys.readouterr().out

    def test_without_notebooks_says_how_to_get_some(self, course, capsys) -> None:
        assert update() == 0
        assert "no notebook in work: `dmlcourse start`" in capsys.readouterr().out

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
    def test_a_link_stays_a_link(self, course, tmp_path) -> None:
        start(["05"])
        path, target = course / "work" / "05_toy.ipynb", tmp_path / "disk.ipynb"
        path.replace(target)
        path.symlink_to(target)
        publish(course)
        assert update() == 0
        assert path.is_symlink()
        assert b"# New" in target.read_bytes()


def test_invalid_metadata_is_refused_before_anything_is_written() -> None:
    with pytest.raises(Unusable, match="not a valid notebook"):
        written(release(bare("x", name="x") | {"unknown": 1}))


def test_the_commands_start_without_nbformat() -> None:
    script = "import sys, dmlcourse.cli, dmlcourse.workbooks; print('nbformat' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=REPOSITORY)
    assert ran.stdout.split() == [b"False"], ran.stderr


def test_json_stays_as_notebook_editors_write_it(course) -> None:
    start(["05"])
    text = (course / "work" / "05_toy.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text
