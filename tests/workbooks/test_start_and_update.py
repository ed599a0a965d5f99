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
from dmlcourse.workbooks import command, copies, is_asked, start, update
from dmlcourse.workbooks.notebook import Unusable, digest, parsed, read_notebook, written

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
    '{"cells": [], "nbformat": %s}' % ("4" * 5000),
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

    def test_of_two_at_once_one_makes_the_copy(self, course, capsys, monkeypatch) -> None:
        def other_is_quicker(notebook: dict) -> bytes:
            monkeypatch.setattr(copies, "written", written)
            assert start(["19"]) == 0
            (course / "work" / "19_do.ipynb").write_bytes(b"written in already")
            return written(notebook)

        monkeypatch.setattr(copies, "written", other_is_quicker)
        assert start(["19"]) == 0
        assert files(course) == {"19_do.ipynb": b"written in already"}
        first_, second = capsys.readouterr().out.splitlines()
        assert first_ == "work/19_do.ipynb is your copy of exercises/19_do.ipynb."
        assert second == "work/19_do.ipynb was there before and stays as it is."

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

    def test_exercises_never_become_the_chapter_of_their_lesson(self, course, capsys) -> None:
        start(["05"])
        mine = write_answer(course, "05.1", "def f(x): return x")
        before = mine.read_bytes()
        (course / "exercises" / "05_toy.ipynb").rename(course / "exercises" / "05_renamed.ipynb")
        assert update() == 1
        assert mine.read_bytes() == before
        assert (
            "work/05_toy.ipynb is a copy of exercises/05_toy.ipynb, which the course has no more. "
            "It is left as it is."
        ) in capsys.readouterr().out

    def test_nor_does_a_chapter_become_exercises(self, course, capsys) -> None:
        start(["05"])
        before = files(course)["reading/05_toy.ipynb"]
        (course / "chapters" / "05_toy.ipynb").unlink()
        assert update() == 1
        assert files(course)["reading/05_toy.ipynb"] == before
        assert "is a copy of chapters/05_toy.ipynb, which" in capsys.readouterr().out

    def test_nor_do_exercises_that_were_copied_by_hand(self, course) -> None:
        (course / "work").mkdir()
        copy = course / "work" / "05_toy.ipynb"
        (course / "exercises" / "05_toy.ipynb").replace(copy)
        before = copy.read_bytes()
        assert update() == 1
        assert copy.read_bytes() == before

    @pytest.mark.parametrize("by_hand", [False, True])
    def test_an_answer_pasted_into_a_chapter_makes_it_no_exercises(self, course, by_hand) -> None:
        start(["05"])
        path = course / "work" / "reading" / "05_toy.ipynb"
        mine = read_notebook(path)
        mine["cells"].append(at(first(), "answer-05-1") | {"source": "mine"})
        if by_hand:
            del mine["metadata"]["dmlcourse"]["started"], mine["metadata"]["dmlcourse"]["release"]
        save(mine, course, "work/reading")
        new = release(*chapter_or_exercises("chapters"), cell("demo-more", "more()"))
        save(new, course, "chapters")
        assert update() == 0
        assert sources(read_notebook(path)) == ["# Toy, to read", "plot()", "mine", "more()"]

    def test_a_broken_notebook_holds_up_its_own_copies_only(self, course, capsys) -> None:
        start(["05"])
        (course / "exercises" / "05_toy.ipynb").write_text("<<<<<<< HEAD")
        save(release(cell("text-title", "# New")), course, "chapters")
        capsys.readouterr()
        assert update() == 1
        said = capsys.readouterr().out
        assert "work/05_toy.ipynb waits: the course's exercises/05_toy.ipynb is broken" in said
        assert "work/reading/05_toy.ipynb is updated." in said

    def test_a_notebook_of_their_own_is_no_copy_whatever_it_defines(self, course) -> None:
        (course / "work").mkdir()
        tree = release(bare("def f(x):\n    return x", name="x"))
        tree["metadata"] = {}
        before = save(tree, course, "work", "scratch").read_bytes()
        assert update() == 1
        assert files(course) == {"scratch.ipynb": before}

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_no_notebook(self, course, capsys) -> None:
        start(["05"])
        os.mkfifo(course / "work" / "pipe.ipynb")
        assert update() == 1
        assert "work/pipe.ipynb is not a file. It is left as it is." in capsys.readouterr().out

    @pytest.mark.parametrize("depth", [900, 3000])
    def test_metadata_nested_too_deep_hold_up_no_other_notebook(self, course, depth) -> None:
        """Which depth can be read, and which can be written, differs between Pythons."""
        start(["05"])
        deep = (course / "work" / "05_toy.ipynb").read_text()
        nest = '{"a":' * depth + "1" + "}" * depth
        deep = deep.replace('"metadata": {', f'"metadata": {{"deep": {nest},', 1)
        (course / "work" / "01_deep.ipynb").write_text(deep)
        publish(course)
        update()
        assert b"# New" in files(course)["05_toy.ipynb"]

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

    def test_saved_at_the_last_moment_is_left_too(self, course, monkeypatch) -> None:
        start(["05"])
        publish(course)
        path, sync, synced = course / "work" / "05_toy.ipynb", os.fsync, []

        def saves(number: int) -> None:
            sync(number)
            synced.append(number)
            if len(synced) == 2:  # the file as it was, then the new one
                path.write_text("saved by JupyterLab")

        monkeypatch.setattr(os, "fsync", saves)
        assert update() == 1
        assert path.read_text() == "saved by JupyterLab"
        assert list(files(course)) == ["05_toy.ipynb", "reading/05_toy.ipynb"]

    @pytest.mark.parametrize("moment", ["_keep", "_expect"])
    def test_two_at_once_lose_nothing(self, course, monkeypatch, moment) -> None:
        start(["05"])
        path = write_answer(course, "05.1", "mine")
        publish(course)
        before, ours = path.read_bytes(), getattr(command, moment)

        def other_comes_in(*arguments):
            result = ours(*arguments)
            monkeypatch.setattr(command, moment, ours)
            assert update() == 0
            return result

        monkeypatch.setattr(command, moment, other_comes_in)
        # Between the two moments the second update finds the first one's file, and says so.
        assert update() == (1 if moment == "_keep" else 0)
        assert {"mine", "# New"} <= set(sources(read_notebook(path)))
        kept = [text for name, text in files(course).items() if name.startswith(".before-update/")]
        assert kept
        assert set(kept) == {before}
        after = files(course)
        assert (update(), files(course)) == (0, after)

    @pytest.mark.parametrize("step", ["replace", "fsync"])
    def test_that_fails_keeps_no_second_file(self, course, capsys, monkeypatch, step) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        start(["05"])
        publish(course)
        before = files(course)
        monkeypatch.setattr(os, step, full)
        assert update() == 1
        assert files(course) == before
        assert "cannot be updated (No space left on device)" in capsys.readouterr().out

    def test_what_a_killed_one_left_is_no_notebook(self, course, capsys) -> None:
        start(["05"])
        (course / "work" / ".dmlcourse-0123456789abcdef.part").write_text("half")
        capsys.readouterr()
        assert update() == 0
        assert "half" not in capsys.readouterr().out
        assert (course / "work" / ".dmlcourse-0123456789abcdef.part").read_text() == "half"

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


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[" * 10**5, "too deeply nested"),
        (b"9" * 5000, "a number is too long"),
        (b'"\xe9"', "not UTF-8 text"),
        (b'{"cells": [\n', "line 2"),
    ],
)
def test_what_is_wrong_with_a_broken_file_is_named(content, fault) -> None:
    with pytest.raises(Unusable, match=rf"is broken \(.*{fault}\), perhaps saved half-way"):
        parsed(content)


def test_what_is_nested_too_deep_cannot_be_written() -> None:
    nest: dict = {}
    for _ in range(5000):
        nest = {"a": nest}
    with pytest.raises(Unusable, match=r"cannot be written \(too deeply nested\)"):
        written(release(bare("x", name="x")) | {"metadata": nest})


def test_the_commands_start_without_nbformat() -> None:
    script = "import sys, dmlcourse.cli, dmlcourse.workbooks; print('nbformat' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=REPOSITORY)
    assert ran.stdout.split() == [b"False"], ran.stderr


def test_json_stays_as_notebook_editors_write_it(course) -> None:
    start(["05"])
    text = (course / "work" / "05_toy.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text
