"""The stamp changes with what a notebook depends on, and with nothing else."""

import pytest

from dmlcourse.authoring import stamp as stamping

PACKAGE = {
    "__init__.py": "",
    "authoring/__init__.py": "",
    "authoring/notebooks.py": "",
    "geometry/__init__.py": "",
    "geometry/cone.py": "from .arrays import kind\nfrom ..errors import UserError\n",
    "geometry/arrays.py": "import numpy\n\ndef kind():\n    from dmlcourse import journal\n",
    "geometry/pairwise.py": "",
    "errors.py": "",
    "journal.py": "",
    "exercises/__init__.py": "",
    "exercises/ch02.py": "from . import budget\n",
    "exercises/ch03.py": "",
    "exercises/budget.py": "",
    "grading/__init__.py": "",
}
LESSONS = {
    "chapter.py": "import numpy as np\nfrom dmlcourse.geometry.cone import project\n",
    "exercises.py": "import numpy as np\n",
}


@pytest.fixture
def stamp(tmp_path_factory, monkeypatch):
    """The stamp of a lesson in a small library, with ``changes`` to some of its files."""

    def stamp_of(lesson, **changes):
        root = tmp_path_factory.mktemp("library")
        monkeypatch.setattr(stamping, "PACKAGE", root / "dmlcourse")
        files = {f"dmlcourse/{name}": text for name, text in PACKAGE.items()}
        files |= {f"lessons/02_lesson/{name}": text for name, text in LESSONS.items()}
        for name, text in (files | changes).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, newline="")
        return stamping.stamp(root / "lessons" / "02_lesson" / lesson)

    return stamp_of


ALWAYS = ["authoring/notebooks.py"]
CHAPTER = [
    "geometry/cone.py",
    "geometry/__init__.py",
    "geometry/arrays.py",
    "errors.py",
    "journal.py",
]
EXERCISES = ["exercises/ch02.py", "exercises/budget.py", "exercises/__init__.py"]
NEVER = ["geometry/pairwise.py", "exercises/ch03.py", "grading/__init__.py"]


def changed(stamp, lesson, name):
    touched = {f"dmlcourse/{name}": PACKAGE[name] + "x = 1\n"}
    return stamp(lesson, **touched) != stamp(lesson)


@pytest.mark.parametrize("name", CHAPTER + ALWAYS)
def test_a_chapter_depends_on_what_it_imports_and_what_that_imports(stamp, name):
    assert changed(stamp, "chapter.py", name)


@pytest.mark.parametrize("name", EXERCISES + ALWAYS)
def test_exercises_depend_on_the_specifications_of_their_chapter(stamp, name):
    assert changed(stamp, "exercises.py", name)


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("lesson", LESSONS)
def test_neither_depends_on_what_it_does_not_reach(stamp, lesson, name):
    assert not changed(stamp, lesson, name)


@pytest.mark.parametrize("name", EXERCISES)
def test_a_chapter_does_not_depend_on_the_exercises(stamp, name):
    assert not changed(stamp, "chapter.py", name)


def test_the_lesson_itself_counts(stamp):
    longer = LESSONS["chapter.py"] + "1 + 1\n"
    assert stamp("chapter.py", **{"lessons/02_lesson/chapter.py": longer}) != stamp("chapter.py")


def test_neither_place_nor_line_ends_count(stamp):
    text = LESSONS["chapter.py"].replace("\n", "\r\n")
    assert stamp("chapter.py", **{"lessons/02_lesson/chapter.py": text}) == stamp("chapter.py")
