"""Whatever a learner or an editor did to the answer cells, an update costs no point.

The notebooks are those of chapter 02. The grader's plan runs here, without its jail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_notebooks import at, bare, place, sources

from dmlcourse import exercises
from dmlcourse.grading.notebook import read_cells
from dmlcourse.grading.plan import Observe, plan
from dmlcourse.grading.release import read_releases
from dmlcourse.workbooks import start, update
from dmlcourse.workbooks.notebook import read_notebook, written

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"
FULL = sum(exercise.points for exercise in exercises.chapter("02"))


def answered(mine: dict) -> None:
    """An answer to every exercise that the test knows again."""
    for each in exercises.chapter("02"):
        name = f"answer-{each.number.replace('.', '-')}"
        at(mine, name)["source"] = f'def {each.name}(*arguments):\n    "mine"'


def retyped_in_place(mine: dict) -> None:
    source = at(mine, "answer-02-1")["source"]
    mine["cells"][place(mine, "answer-02-1")] = bare(source, name="typed")


def retyped_under_another_kind_of_name(mine: dict) -> None:
    source = at(mine, "answer-02-1")["source"].replace("mahalanobis", "first")
    cell = bare(f"{source}\nmahalanobis = first", name="typed")
    mine["cells"][place(mine, "answer-02-1")] = cell


def retyped_at_the_top(mine: dict) -> None:
    answers = [each for each in mine["cells"] if each["id"].startswith("answer-")]
    mine["cells"] = [each for each in mine["cells"] if each not in answers]
    top = bare("\n".join(each["source"] for each in answers), name="typed")
    mine["cells"].insert(place(mine, "given-imports") + 1, top)


def stripped(mine: dict) -> None:
    mine["metadata"] = {}
    mine["cells"] = [bare(each["source"], each["cell_type"]) for each in mine["cells"]]


def stripped_with_the_second_answer_first(mine: dict) -> None:
    cell = mine["cells"].pop(place(mine, "answer-02-2"))
    mine["cells"].insert(place(mine, "answer-02-1"), cell)
    stripped(mine)


def one_cell_stripped(mine: dict) -> None:
    at(mine, "answer-02-1").update(metadata=None, id=None)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("exercises", "chapters"):
        (tmp_path / folder).mkdir()
    released = (REPOSITORY / "exercises" / NAME).read_bytes()
    (tmp_path / "exercises" / NAME).write_bytes(released)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def publish(course: Path) -> None:
    """A release with another skeleton and another statement of 02.1."""
    path = course / "exercises" / NAME
    new = read_notebook(path)
    at(new, "answer-02-1")["source"] += "\n    # and the root"
    at(new, "text-02-1")["source"] += "\n\nMind the root."
    path.write_bytes(written(new))


def points(course: Path) -> int:
    """The points that the answers of this test earn with the grader's plan."""
    (released,) = read_releases(course / "exercises" / NAME)
    space: dict = {}
    earned = 0
    for step in plan(released, read_cells(course / "work" / NAME)).steps:
        if isinstance(step, Observe):
            exercise = exercises.find(step.exercise)
            right = getattr(space.get(exercise.name), "__doc__", None) == "mine"
            earned += exercise.points * right
        else:
            exec(step.source, space)
    return earned


@pytest.mark.parametrize(
    "change",
    [
        retyped_in_place,
        retyped_under_another_kind_of_name,
        retyped_at_the_top,
        stripped,
        stripped_with_the_second_answer_first,
        one_cell_stripped,
    ],
)
def test_an_update_costs_no_point(course: Path, change: Callable[[dict], None]) -> None:
    assert start(["02"]) == 0
    path = course / "work" / NAME
    mine = read_notebook(path)
    answered(mine)
    change(mine)
    path.write_text(json.dumps(mine), encoding="utf-8")
    texts = [text for text in sources(mine) if '"mine"' in text]
    publish(course)
    assert update() == 0
    assert sorted(texts) == sorted(t for t in sources(read_notebook(path)) if '"mine"' in t)
    assert points(course) == FULL
    assert update() == 0
    assert points(course) == FULL


def test_the_plan_tells_a_skeleton_from_an_answer(course: Path) -> None:
    """Otherwise the test above could not fail."""
    start(["02"])
    assert points(course) == 0
