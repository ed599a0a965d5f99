"""What was handed out, and which of it a submitted notebook belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import NAME, RIGHT, Book

from dmlcourse.errors import UserError
from dmlcourse.grading.notebook import Cell, read_cells
from dmlcourse.grading.release import Release, held, read_releases


def test_its_exercises_come_from_the_check_cells(release: Release) -> None:
    assert release.name == NAME
    assert release.numbers == tuple(RIGHT)
    assert "answer-02-3" in release.answers


def test_a_single_notebook_is_a_release(release_folder: Path) -> None:
    assert read_releases(release_folder / NAME) == read_releases(release_folder)


def test_the_course_itself_is_found_from_within(
    release_folder: Path, tmp_path, monkeypatch
) -> None:
    course = tmp_path / "course"
    (course / "exercises").mkdir(parents=True)
    (course / "deep").mkdir()
    (course / "exercises" / NAME).write_bytes((release_folder / NAME).read_bytes())
    monkeypatch.chdir(course / "deep")
    assert read_releases()[0].name == NAME


class TestRefuses:
    def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="There is no"):
            read_releases(tmp_path / "gone")

    def test_a_folder_without_exercises(self, tmp_path: Path) -> None:
        (tmp_path / "notes.ipynb").write_text('{"cells": []}')
        with pytest.raises(UserError, match="holds no exercise notebook"):
            read_releases(tmp_path)

    def test_a_broken_notebook(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_text("{")
        with pytest.raises(UserError, match="it is broken"):
            read_releases(tmp_path)

    def test_an_exercise_of_another_version(self, book: Book, tmp_path: Path) -> None:
        book["check-02-5"].metadata["dmlcourse"]["exercise"] = "02.9"
        book.save(tmp_path / NAME)
        with pytest.raises(UserError, match=r'no exercise "02.9"; did you mean "02.'):
            read_releases(tmp_path)


class TestBelongs:
    def test_by_ids(self, book: Book, release: Release, tmp_path: Path) -> None:
        assert held(read_cells(book.save(tmp_path / NAME)), [release]) is release

    def test_by_the_names_that_nbgrader_gave(self, release: Release) -> None:
        assert held([Cell("", "code", "", grade_id="answer-02-1")], [release]) is release

    def test_to_the_chapter_of_most_of_its_answers(self, release: Release) -> None:
        other = Release("03.ipynb", (Cell("answer-03-1", "code", "", role="answer"),))
        cells = [Cell(name, "code", "") for name in ("answer-02-1", "answer-02-2", "answer-03-1")]
        assert held(cells, [other, release]) is release

    def test_to_none(self, release: Release) -> None:
        assert held([Cell("text-title", "markdown", "")], [release]) is None
