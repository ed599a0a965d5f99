"""The course is found from within, and from elsewhere by the clone that runs."""

from pathlib import Path

import pytest

from dmlcourse import places
from dmlcourse.errors import UserError
from dmlcourse.places import course_folder


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "course" / "chapters").mkdir(parents=True)
    return tmp_path / "course"


@pytest.mark.parametrize("below", [".", "chapters", "deep/down"])
def test_it_is_found_at_or_above_the_current_folder(course, monkeypatch, below):
    (course / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(course / below)
    assert course_folder() == course


def test_it_is_the_clone_when_called_from_elsewhere(course, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setattr(places, "__file__", str(course / "dmlcourse" / "places.py"))
    assert course_folder() == course


def test_a_folder_without_what_is_wanted_is_not_it(course, monkeypatch):
    monkeypatch.chdir(course)
    monkeypatch.setattr(places, "__file__", str(course / "dmlcourse" / "places.py"))
    with pytest.raises(UserError, match=r"one that holds lessons/.*Get the course with git"):
        course_folder("lessons")
