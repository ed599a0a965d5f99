"""A folder of submissions: who handed in what, and clear words for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmlcourse.errors import UserError
from dmlcourse.grading.submission import find_submissions, visible


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path) -> dict[str, list[str]]:
    found, _ = find_submissions(folder)
    return {one.student: [str(path.relative_to(folder)) for path in one.notebooks] for one in found}


def remarks(folder: Path, student: str) -> str:
    found, _ = find_submissions(folder)
    return " ".join(next(one for one in found if one.student == student).remarks)


class TestFinds:
    def test_one_folder_a_student(self, tmp_path: Path) -> None:
        touch(tmp_path / "ada" / "02.ipynb", tmp_path / "bo" / "deep" / "er" / "02.ipynb")
        assert names(tmp_path) == {"ada": ["ada/02.ipynb"], "bo": ["bo/deep/er/02.ipynb"]}

    def test_one_notebook_a_student(self, tmp_path: Path) -> None:
        touch(tmp_path / "ada.ipynb", tmp_path / "bo.ipynb")
        assert names(tmp_path) == {"ada": ["ada.ipynb"], "bo": ["bo.ipynb"]}

    def test_no_hidden_files(self, tmp_path: Path) -> None:
        touch(tmp_path / "ada" / "02.ipynb", tmp_path / "ada" / ".ipynb_checkpoints" / "02.ipynb")
        touch(tmp_path / ".git" / "02.ipynb")
        assert names(tmp_path) == {"ada": ["ada/02.ipynb"]}

    def test_and_names_what_is_no_submission(self, tmp_path: Path) -> None:
        touch(tmp_path / "ada.ipynb", tmp_path / "list.csv")
        assert find_submissions(tmp_path)[1] == ["list.csv"]


class TestReports:
    def test_a_student_twice(self, tmp_path: Path) -> None:
        touch(tmp_path / "ada" / "02.ipynb", tmp_path / "ada.ipynb")
        assert names(tmp_path) == {"ada": ["ada/02.ipynb", "ada.ipynb"]}
        assert "Handed in twice" in remarks(tmp_path, "ada")

    def test_a_folder_without_a_notebook(self, tmp_path: Path) -> None:
        (tmp_path / "ada").mkdir()
        assert "No notebook" in remarks(tmp_path, "ada")

    def test_links_and_does_not_follow_them(self, tmp_path: Path) -> None:
        folder = tmp_path / "submissions"
        touch(folder / "ada" / "02.ipynb", tmp_path / "outside" / "02.ipynb")
        (folder / "bo").symlink_to(tmp_path / "outside")
        (folder / "cy.ipynb").symlink_to(folder / "ada" / "02.ipynb")
        (folder / "di").mkdir()
        (folder / "di" / "up").symlink_to(folder / "ada")
        found = names(folder)
        assert found["bo"] == found["cy"] == found["di"] == []
        assert "is a link" in remarks(folder, "bo")
        assert "is a link" in remarks(folder, "cy")

    def test_very_many_notebooks(self, tmp_path: Path) -> None:
        touch(*(tmp_path / "ada" / f"{number:03}.ipynb" for number in range(60)))
        assert len(names(tmp_path)["ada"]) == 50
        assert "60 notebooks" in remarks(tmp_path, "ada")


class TestRefuses:
    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="holds no submission"):
            find_submissions(tmp_path)

    def test_a_file(self, tmp_path: Path) -> None:
        touch(tmp_path / "all.zip")
        with pytest.raises(UserError, match="is a file"):
            find_submissions(tmp_path / "all.zip")

    def test_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="There is no"):
            find_submissions(tmp_path / "gone")

    def test_a_folder_that_cannot_be_read(self, tmp_path: Path, monkeypatch) -> None:
        def refuse(_: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "iterdir", refuse)
        with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
            find_submissions(tmp_path)


def test_names_that_play_tricks_on_a_screen_become_visible() -> None:
    assert visible("a\x1b[2Jb\u202ec\udc80") == "a\ufffd[2Jb\ufffdc\ufffd"
