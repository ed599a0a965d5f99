"""``dmlcourse start`` and ``update``: nothing that a learner wrote is ever lost."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.checks.notebook import check_notebook
from dmlcourse.errors import UserError
from dmlcourse.grading.notebook import read_cells
from dmlcourse.grading.plan import Run, plan
from dmlcourse.grading.release import held, read_releases
from dmlcourse.grading.submission import find_submissions
from dmlcourse.workbooks import command, is_asked, start, update
from dmlcourse.workbooks.identity import identify
from dmlcourse.workbooks.merge import Merged, merge
from dmlcourse.workbooks.notebook import Unusable, digest, read_notebook, record, written

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"


# ---------------------------------------------------------------- small notebooks


def cell(name: str, source: str, kind: str = "", exercise: str = "") -> dict:
    """A released cell as the builder makes it; its role is the first word of its name."""
    role = name.partition("-")[0]
    ours = {"role": role} | ({"exercise": exercise} if exercise else {})
    metadata: dict = {"dmlcourse": ours}
    if role in ("given", "answer", "check"):
        metadata["nbgrader"] = {"grade_id": name, "schema_version": 3}
    return bare(source, kind or ("markdown" if role == "text" else "code"), name) | {
        "metadata": metadata
    }


def bare(source: str, kind: str = "code", name: str | None = None) -> dict:
    """A cell of the learner's own."""
    made = {"cell_type": kind, "metadata": {}, "source": source}
    made |= {"outputs": [], "execution_count": None} if kind == "code" else {}
    return made | ({"id": name} if name else {})


def exercise(number: str, statement: str, skeleton: str) -> list[dict]:
    place = number.replace(".", "-")
    return [
        cell(f"text-{place}", statement, exercise=number),
        cell(f"answer-{place}", skeleton, exercise=number),
        cell(f"check-{place}", f'check("{number}", f)', exercise=number),
    ]


def release(*cells: dict, lesson: str = "05_toy") -> dict:
    metadata = {"dmlcourse": {"lesson": lesson, "source": "0" * 16}}
    tree = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return copy.deepcopy(tree)


def first() -> dict:
    """The first release of a lesson."""
    return release(
        cell("text-title", "# Toy"),
        cell("given-imports", "import numpy as np"),
        *exercise("05.1", "Add.", "def f(x):\n    ..."),
        *exercise("05.2", "Multiply.", "def g(x):\n    ..."),
    )


def begun(released: dict, by_hand: bool = False) -> dict:
    """The learner's copy of a release, before anything is written in it."""
    made = copy.deepcopy(released)
    if not by_hand:
        made["metadata"]["dmlcourse"] = record(released)
    return made


def at(notebook: dict, name: str) -> dict:
    return next(each for each in notebook["cells"] if each.get("id") == name)


def place(notebook: dict, name: str) -> int:
    return notebook["cells"].index(at(notebook, name))


def sources(notebook: dict) -> list[str]:
    return [each["source"] for each in notebook["cells"]]


def ids(notebook: dict) -> list[str]:
    return [each["id"] for each in notebook["cells"]]


def carried(mine: dict, new: dict) -> Merged:
    """The merge, which must be valid, leave its inputs alone, and have nothing left to do."""
    before = copy.deepcopy((mine, new))
    merged = merge(mine, new)
    assert (mine, new) == before
    if merged.notebook is not mine:
        written(merged.notebook)
        assert len(set(ids(merged.notebook))) == len(merged.notebook["cells"])
    assert merge(merged.notebook, new).notebook is merged.notebook
    return merged


# ---------------------------------------------------------------- one cell, three texts


class TestAnswers:
    def test_an_untouched_stub_becomes_the_new_stub(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "answer-05-1")["source"] += "\n  \n"
        at(new, "answer-05-1")["source"] = "def f(x, y):\n    ..."
        merged = carried(mine, new)
        assert sources(merged.notebook) == sources(new)
        assert merged.remarks == ("05.1: not begun, so it has the new skeleton.",)

    def test_a_written_answer_stays_with_its_output_when_others_change(self) -> None:
        mine, new = begun(first()), first()
        output = {"output_type": "stream", "name": "stdout", "text": "3\n"}
        at(mine, "answer-05-1").update(source="def f(x): return x", outputs=[output])
        at(new, "text-05-2")["source"] = "Multiply all."
        merged = carried(mine, new).notebook
        assert at(merged, "answer-05-1") == at(mine, "answer-05-1")
        assert ids(merged) == ids(new)

    @pytest.mark.parametrize("part", ["text", "answer"])
    @pytest.mark.parametrize("by_hand", [False, True])
    def test_an_exercise_changed_beneath_an_answer_is_noted(self, part, by_hand) -> None:
        mine, new = begun(first(), by_hand), first()
        at(mine, "answer-05-1")["source"] = "def f(x): return x"
        at(new, f"{part}-05-1")["source"] += " # and more"
        merged = carried(mine, new)
        if by_hand and part == "answer":
            # Its old skeleton is nowhere to be found, so nothing can be said.
            assert merged.notebook is mine
            return
        behind = merged.notebook["cells"][place(merged.notebook, "answer-05-1") + 1]
        assert at(merged.notebook, "answer-05-1")["source"] == "def f(x): return x"
        assert behind["cell_type"] == "markdown"
        assert f"```python\n{at(new, 'answer-05-1')['source']}\n```" in behind["source"]
        (remark,) = [each for each in merged.remarks if each.startswith("05.1: ")]
        assert remark.startswith("05.1: the exercise changed. Your answer is kept")

    def test_a_skeleton_with_a_fence_in_it_is_shown_whole(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "answer-05-1")["source"] = "mine"
        at(new, "answer-05-1")["source"] = 'def f():\n    """```x```"""'
        (note,) = [c for c in carried(mine, new).notebook["cells"] if c["id"].startswith("note-")]
        assert '````python\ndef f():\n    """```x```"""\n````' in note["source"]

    def test_the_next_change_replaces_the_note_unless_somebody_wrote_in_it(self) -> None:
        mine, second, third = begun(first()), first(), first()
        at(mine, "answer-05-1")["source"] = "mine"
        at(second, "answer-05-1")["source"] = "second"
        at(third, "answer-05-1")["source"] = "third"
        merged = carried(mine, second).notebook
        (note,) = [c for c in merged["cells"] if c["id"].startswith("note-")]
        again = carried(merged, third).notebook
        assert len(again["cells"]) == len(merged["cells"])
        assert "third" in sources(again)[place(again, "answer-05-1") + 1]
        note["source"] += "\nMy thoughts."
        both = carried(merged, third).notebook
        assert len(both["cells"]) == len(merged["cells"]) + 1
        assert note["source"] in sources(both)

    def test_a_new_exercise_comes_in_its_place(self) -> None:
        mine, new = begun(first()), first()
        new["cells"][5:5] = exercise("05.3", "Divide.", "def h(x):\n    ...")
        merged = carried(mine, new)
        assert ids(merged.notebook) == ids(new)
        assert merged.remarks[0] == "05.3: a new exercise."

    def test_of_a_removed_exercise_only_a_written_answer_stays(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "answer-05-2")["source"] = "def g(x): return x"
        del new["cells"][2:]
        merged = carried(mine, new)
        assert ids(merged.notebook)[:3] == ["text-title", "given-imports", "answer-05-2"]
        assert len(merged.notebook["cells"]) == 4, "and a note"
        assert merged.remarks[:2] == (
            "05.1: the course has this exercise no more.",
            "05.2: the course has this exercise no more. Your answer is kept.",
        )

    def test_an_exercise_that_comes_back_finds_its_answer(self) -> None:
        mine, without = begun(first()), first()
        at(mine, "answer-05-2")["source"] = "def g(x): return x"
        del without["cells"][5:]
        back = carried(carried(mine, without).notebook, first()).notebook
        assert sources(back).count("def g(x): return x") == 1
        assert [name for name in ids(back) if name in ids(first())] == ids(first())

    def test_an_answer_turned_into_text_stays_as_it_is(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "text-05-1")["cell_type"] = "raw"
        mine["cells"][3] = bare("not now", "raw", "answer-05-1")
        at(new, "given-imports")["source"] += "\nimport torch"
        merged = carried(mine, new).notebook
        assert at(merged, "answer-05-1")["cell_type"] == "raw"
        assert at(merged, "text-05-1")["cell_type"] == "markdown", "its text is the course's"


class TestOtherCells:
    def test_untouched_ones_become_the_new_ones(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "text-title")["metadata"]["editable"] = True
        for each in new["cells"]:
            each["source"] += " (new)"
        merged = carried(mine, new)
        assert sources(merged.notebook) == sources(new)
        assert at(merged.notebook, "text-title")["metadata"]["editable"] is True
        assert merged.remarks[-1] == "6 other cells of the course: brought up to date."

    def test_outputs_stay_where_the_source_is_the_same(self) -> None:
        mine, new = begun(first()), first()
        for name in ("given-imports", "check-05-1"):
            at(mine, name).update(execution_count=3)
        at(new, "given-imports")["source"] += " # new"
        merged = carried(mine, new).notebook
        assert at(merged, "check-05-1")["execution_count"] == 3
        assert at(merged, "given-imports")["execution_count"] is None

    def test_changed_only_by_the_learner_stays(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "given-imports")["source"] += "\nimport scipy"
        at(new, "text-title")["source"] = "# Toys"
        merged = carried(mine, new).notebook
        assert at(merged, "given-imports")["source"] == "import numpy as np\nimport scipy"
        assert at(merged, "text-title")["source"] == "# Toys"

    def test_changed_by_both_is_the_new_one_with_the_learners_below(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "given-imports")["source"] = "mine"
        at(new, "given-imports")["source"] = "theirs"
        merged = carried(mine, new)
        assert sources(merged.notebook)[1:3] == ["theirs", "mine"]
        assert "Kept by the update" in sources(merged.notebook)[3]
        below = merged.notebook["cells"][2]
        assert below["metadata"] == {"dmlcourse": {"role": "yours", "of": "given-imports"}}
        assert merged.remarks == (
            "The cell that begins `theirs`: changed by you and by the course. "
            "Yours stands below the new one.",
        )

    def test_changed_by_both_in_the_same_way_is_one_cell(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "given-imports")["source"] = at(new, "given-imports")["source"] = "same"
        assert sources(carried(mine, new).notebook) == sources(new)

    def test_gone_but_written_in_is_kept_at_its_place(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "given-imports")["source"] = "mine"
        del new["cells"][1]
        merged = carried(mine, new)
        assert sources(merged.notebook)[1] == "mine"
        assert merged.remarks[0].endswith("the course has it no more. Yours is kept.")

    def test_deleted_ones_stay_away_until_the_course_changes_them(self) -> None:
        mine, second = begun(first()), first()
        del mine["cells"][0]
        at(second, "text-05-2")["source"] = "Multiply all."
        kept = carried(mine, second).notebook
        assert "text-title" not in ids(kept)
        third = copy.deepcopy(second)
        at(third, "text-title")["source"] = "# Toys"
        merged = carried(kept, third)
        assert ids(merged.notebook) == ids(third)
        assert merged.remarks == (
            "The cell that begins `# Toys`: you had deleted it; the course changed it.",
        )

    def test_the_course_changes_its_own_metadata(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "check-05-1")["metadata"]["tags"] = ["mine"]
        at(new, "check-05-1")["metadata"]["nbgrader"]["points"] = 4
        merged = carried(mine, new).notebook
        assert at(merged, "check-05-1")["metadata"] == {
            **at(new, "check-05-1")["metadata"],
            "tags": ["mine"],
        }


class TestAddedCells:
    def test_stay_behind_the_cell_that_they_follow(self) -> None:
        mine, new = begun(first()), first()
        mine["cells"].insert(4, bare("helper()", name="one"))
        mine["cells"].insert(0, bare("a thought", "markdown", "zero"))
        mine["cells"].append(bare("last()", name="two"))
        new["cells"][5:5] = exercise("05.3", "Divide.", "def h(x):\n    ...")
        new["cells"] += exercise("05.4", "Root.", "def r(x):\n    ...")
        merged = carried(mine, new).notebook
        assert ids(merged)[0] == "zero"
        assert place(merged, "one") == place(merged, "answer-05-1") + 1
        assert place(merged, "two") == place(merged, "check-05-2") + 1

    def test_behind_a_cell_that_is_gone_keep_their_order(self) -> None:
        mine, new = begun(first()), first()
        mine["cells"].insert(2, bare("b", name="b"))
        mine["cells"].insert(1, bare("a", name="a"))
        del new["cells"][1]
        assert ids(carried(mine, new).notebook)[:3] == ["text-title", "a", "b"]

    def test_a_pasted_copy_of_an_answer_is_the_learners_own(self) -> None:
        mine, new = begun(first()), first()
        pasted = copy.deepcopy(at(mine, "answer-05-1")) | {"id": "fresh", "source": "second try"}
        mine["cells"].insert(3, pasted)
        at(new, "answer-05-1")["source"] = "def f(x, y):\n    ..."
        merged = carried(mine, new).notebook
        assert "second try" in sources(merged)
        assert at(merged, "answer-05-1")["source"] == "def f(x, y):\n    ..."

    @pytest.mark.parametrize("name", ["text-title", "not valid!", "x" * 65, "", None])
    def test_ids_that_cannot_stand_are_replaced(self, name) -> None:
        mine, new = begun(first()), first()
        mine["cells"] += [bare("one") | ({} if name is None else {"id": name}), bare("two")]
        at(new, "text-05-1")["source"] = "new"
        merged = carried(mine, new).notebook
        assert sources(merged)[-2:] == ["one", "two"]
        assert len(set(ids(merged))) == len(merged["cells"])


class TestOtherCopies:
    def test_moved_cells_are_left_alone_until_there_is_a_new_release(self) -> None:
        mine, new = begun(first()), first()
        mine["cells"].reverse()
        assert merge(mine, new).notebook is mine
        new["cells"][0]["source"] = "# Toys"
        merged = carried(mine, new)
        assert ids(merged.notebook) == ids(new)
        assert "Some cells stood in another order" in merged.remarks[0]

    def test_a_release_in_another_order_is_followed(self) -> None:
        mine, new = begun(first()), first()
        new["cells"][2:] = new["cells"][5:] + new["cells"][2:5]
        mine["cells"].insert(4, bare("helper()", name="one"))
        merged = carried(mine, new).notebook
        assert [name for name in ids(merged) if name != "one"] == ids(new)
        assert place(merged, "one") == place(merged, "answer-05-1") + 1

    @pytest.mark.parametrize("metadata_too", [False, True])
    def test_lost_ids_are_found_again(self, metadata_too) -> None:
        """As Colab leaves them: fresh ids or none, with nbgrader's names or, at worst, without."""
        mine, new = begun(first()), first()
        at(mine, "answer-05-1")["source"] = "mine"
        for each in mine["cells"]:
            del each["id"]
            if metadata_too and each["source"] != "mine":
                each["metadata"] = {}
        at(new, "text-title")["source"] = "# Toys"
        merged = carried(mine, new).notebook
        assert ids(merged) == ids(new)
        assert sources(merged)[:5] == [*sources(new)[:3], "mine", sources(new)[4]]

    def test_made_by_hand_whatever_differs_is_the_learners(self) -> None:
        mine, new = begun(first(), by_hand=True), first()
        at(mine, "text-title")["source"] = "# Toy, old or mine"
        at(mine, "answer-05-2")["source"] = "mine"
        at(new, "given-imports")["source"] += " # new"
        merged = carried(mine, new).notebook
        assert sources(merged)[:2] == ["# Toy", "# Toy, old or mine"]
        assert at(merged, "answer-05-2")["source"] == "mine"
        assert merged["metadata"]["dmlcourse"] == record(new)

    def test_made_by_hand_and_current_there_is_nothing_to_do(self) -> None:
        mine = begun(first(), by_hand=True)
        at(mine, "answer-05-2")["source"] = "mine"
        assert merge(mine, first()).notebook is mine

    @pytest.mark.parametrize("memory", [3, [], {"text-title": 7}, {"text-title": ["x"]}])
    def test_a_damaged_memory_loses_nothing(self, memory) -> None:
        mine, new = begun(first()), first()
        mine["metadata"]["dmlcourse"] = {"lesson": "05_toy", "started": memory}
        at(mine, "text-title")["source"] = "mine"
        assert "mine" in sources(carried(mine, new).notebook)


# ---------------------------------------------------------------- any edits on both sides

LEARNER = st.lists(
    st.tuples(
        st.sampled_from(["append", "replace", "empty", "delete", "insert", "paste", "move"]),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    max_size=8,
)
COURSE = st.lists(
    st.tuples(
        st.sampled_from(["change", "remove", "add", "move", "metadata"]),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    max_size=6,
)


def lesson_of(number: int) -> dict:
    made = [cell("text-title", "course title"), cell("given-one", "course given")]
    for k in range(number):
        made += exercise(f"05.{k}", f"course text {k}", f"course skeleton {k}")
    return release(*made)


def edit(mine: dict, edits: list[tuple[str, int, int]]) -> None:
    """A learner at work."""
    for count, (what, where, to) in enumerate(edits):
        cells, word = mine["cells"], f"<mine {count}>"
        here = where % len(cells) if cells else 0
        if what == "insert" or not cells:
            cells.insert(here, bare(word, name=f"own-{count}"))
        elif what == "append":
            cells[here]["source"] += f"\n{word}"
        elif what in ("replace", "empty"):
            cells[here]["source"] = word if what == "replace" else ""
        elif what == "paste":
            twin = copy.deepcopy(cells[here]) | {"id": f"own-{count}"}
            cells.insert(to % len(cells), twin | {"source": f"{twin['source']}{word}"})
        else:
            taken = cells.pop(here)
            if what == "move":
                cells.insert(to % (len(cells) + 1), taken)


def revise(new: dict, edits: list[tuple[str, int, int]], tag: str) -> dict:
    """The course's next release."""
    for count, (what, where, to) in enumerate(edits):
        cells = new["cells"]
        here = where % len(cells) if cells else 0
        if what == "add" or not cells:
            cells[here:here] = exercise(f"05.{tag}{count}", f"{tag} text", f"{tag} skeleton")
        elif what == "change":
            cells[here]["source"] = f"course {tag} {count}"
        elif what == "metadata":
            cells[here]["metadata"]["points"] = count
        else:
            taken = cells.pop(here)
            if what == "move":
                cells.insert(to % (len(cells) + 1), taken)
    return new


def touched(notebook: dict) -> list[str]:
    """The texts in which the learner wrote."""
    return [text for text in sources(notebook) if "<mine" in text]


@settings(max_examples=100, deadline=None)
@given(
    number=st.integers(0, 3),
    edits=LEARNER,
    changes=COURSE,
    later=COURSE,
    kind=st.sampled_from(["started", "by hand", "without ids"]),
)
def test_whatever_both_sides_do_no_text_is_lost(number, edits, changes, later, kind) -> None:
    released = lesson_of(number)
    mine = begun(released, by_hand=kind == "by hand")
    edit(mine, edits)
    if kind == "without ids":
        for each in mine["cells"]:
            each.pop("id", None)
    texts = touched(mine)
    for tag, revision in (("second", changes), ("third", later)):
        released = revise(copy.deepcopy(released), revision, tag)
        mine = carried(mine, released).notebook
        assert sorted(touched(mine)) == sorted(texts)


@settings(max_examples=100, deadline=None)
@given(number=st.integers(0, 3), edits=LEARNER, changes=COURSE)
def test_the_result_is_the_new_release_with_the_learners_words(number, edits, changes) -> None:
    old, mine = lesson_of(number), begun(lesson_of(number))
    edit(mine, edits)
    new = revise(copy.deepcopy(old), changes, "second")
    merged = carried(mine, new).notebook
    if merged is mine:
        return
    here = [name for name in ids(merged) if name in ids(new)]
    assert here == [name for name in ids(new) if name in here], "in the release's order"
    texts = dict(zip(ids(old), sources(old), strict=True))
    deleted = {name for name in ids(old) if name not in ids(mine)}
    for each in new["cells"]:
        name = each["id"]
        if name not in texts or name not in deleted:
            assert name in here, "only what the learner deleted may be absent"
        if name in ids(mine) and at(mine, name)["source"] == texts.get(name):
            assert at(merged, name)["source"] == each["source"], "untouched follows the release"
    without = copy.deepcopy(merged)
    del without["metadata"]["dmlcourse"]["release"]
    assert merge(without, new).notebook is without, "laid again, cell by cell, nothing is to do"


def test_a_copy_without_edits_becomes_the_release_itself() -> None:
    new = revise(first(), [("change", 1, 0), ("add", 2, 0), ("remove", 5, 0)], "second")
    merged = carried(begun(first()), new).notebook
    assert merged["cells"] == new["cells"]


def test_digests_ignore_line_ends_and_space_at_the_ends_only() -> None:
    same = {digest(bare(text)) for text in ("a\n b", "a\r\n b", " a\n b\n\n", "a\r b\t")}
    assert len(same) == 1
    assert digest(bare("a\nb")) not in same


def test_released_cells_are_found_by_their_ids_first() -> None:
    cells = [cell("answer-05-1", "x") | {"id": "fresh"}, cell("answer-05-1", "y")]
    assert identify(cells, first()["cells"], {}) == ["", "answer-05-1"]


# ---------------------------------------------------------------- files


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


def files(course: Path) -> dict[str, bytes]:
    """All files of the learner."""
    found = sorted((course / "work").rglob("*"))
    return {p.relative_to(course / "work").as_posix(): p.read_bytes() for p in found if p.is_file()}


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


# ---------------------------------------------------------------- a release in mid-course


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Course", "-c", "user.email=course@example.org"]
    quiet = ["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(
        ["git", *who, *quiet, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


HELPER = "def my_helper(x):\n    return x"
KEPT = {
    "given-imports": "import numpy as np\nimport scipy\n\nfrom dmlcourse.checks import check, hint",
    "text-02-2": "My note: a factor is not unique.",
}
SOLVED = ("answer-02-1", "answer-02-2", "answer-02-5")


@pytest.fixture(scope="class")
def replay(tmp_path_factory):
    """A learner half-way, a new release, a pull and an update; then what there is."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    upstream, clone = (tmp_path_factory.mktemp(name) for name in ("upstream", "clone"))
    for folder in ("exercises", "chapters", "solutions"):
        (upstream / folder).mkdir()
        shutil.copy(REPOSITORY / folder / NAME, upstream / folder / NAME)
    shutil.copy(REPOSITORY / ".gitignore", upstream)
    git(upstream, "init", "--quiet")
    commit(upstream, "First release")
    git(clone, "clone", "--quiet", str(upstream), ".")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(clone)
        assert start(["02"]) == 0
        learn(clone)
        status = git(clone, "status", "--porcelain")
        release_again(upstream)
        git(clone, "pull", "--quiet", "--ff-only")
        before = read_notebook(clone / "work" / NAME)
        assert update() == 0
        yield clone, status, before


def learn(clone: Path) -> None:
    """Half of the answers, a helper, a changed given cell, notes in the text."""
    path = clone / "work" / NAME
    mine, right = read_notebook(path), read_notebook(REPOSITORY / "solutions" / NAME)
    for name in SOLVED:
        at(mine, name)["source"] = at(right, name)["source"]
    for name, source in KEPT.items():
        at(mine, name)["source"] = source
    mine["cells"].insert(place(mine, "answer-02-1"), bare(HELPER, name="0a1b2c3d"))
    path.write_bytes(written(mine))
    path = clone / "work" / "reading" / NAME
    mine = read_notebook(path)
    at(mine, "text-summary")["source"] += "\n\nMy own summary."
    path.write_bytes(written(mine))


def release_again(upstream: Path) -> None:
    """One exercise changed, one removed, one added, texts edited."""
    path = upstream / "exercises" / NAME
    new = read_notebook(path)
    at(new, "text-title")["source"] += "\n\nSecond edition."
    at(new, "given-imports")["source"] += "\n\nSECOND = 2"
    at(new, "text-02-1")["source"] += "\n\nMind the root."
    at(new, "answer-02-1")["source"] += "\n    # and the root"
    at(new, "answer-02-3")["source"] += "\n    # symmetrise first"
    new["cells"] = [c for c in new["cells"] if not c["id"].endswith("-02-5")]
    behind = place(new, "check-02-2") + 1
    new["cells"][behind:behind] = exercise("02.6", "A new one.", "def sixth(x):\n    ...")
    path.write_bytes(written(new))
    path = upstream / "chapters" / NAME
    new = read_notebook(path)
    at(new, "text-title")["source"] += "\n\nSecond edition."
    path.write_bytes(written(new))
    commit(upstream, "Second release")


class TestReleaseInMidCourse:
    def test_git_sees_nothing_of_the_learners_work(self, replay) -> None:
        clone, status, _ = replay
        assert status == ""
        assert git(clone, "status", "--porcelain") == ""
        assert git(clone, "log", "-1", "--format=%s") == "Second release\n"

    def test_every_character_of_the_learner_is_there(self, replay) -> None:
        clone, _, before = replay
        after = read_notebook(clone / "work" / NAME)
        for name in SOLVED:
            assert at(after, name)["source"] == at(before, name)["source"]
        assert {HELPER, *KEPT.values()} <= set(sources(after))
        read = read_notebook(clone / "work" / "reading" / NAME)
        assert at(read, "text-summary")["source"].endswith("\n\nMy own summary.")

    def test_the_new_release_is_there_in_its_order(self, replay) -> None:
        clone, _, _ = replay
        new, after = (read_notebook(clone / f / NAME) for f in ("exercises", "work"))
        assert [name for name in ids(after) if name in ids(new)] == ids(new)
        for name in ("text-title", "given-imports", "text-02-1", "answer-02-3", "answer-02-6"):
            assert at(after, name)["source"] == at(new, name)["source"]
        nbformat.validate(nbformat.read(clone / "work" / NAME, as_version=4))

    def test_what_belongs_together_stands_together(self, replay) -> None:
        after = read_notebook(replay[0] / "work" / NAME)
        where = place(after, "answer-02-1")
        assert sources(after)[where - 1] == HELPER
        assert "# and the root" in sources(after)[where + 1]
        assert sources(after)[place(after, "given-imports") + 1] == KEPT["given-imports"]
        assert place(after, "answer-02-5") == place(after, "check-02-4") + 1

    def test_a_second_update_does_nothing(self, replay) -> None:
        before = files(replay[0])
        assert update() == 0
        assert files(replay[0]) == before

    def test_the_check_works_on_the_learners_file(self, replay, capsys) -> None:
        assert check_notebook(replay[0] / "work" / NAME) == 1
        said = capsys.readouterr().out
        assert said.count(": passed (") == 3
        assert said.endswith("\n3 of 5 exercises passed.\n")

    def test_the_grader_runs_the_learners_file(self, replay) -> None:
        """The first release, before exercise 02.6, which only this test's course has."""
        (first_release,) = read_releases(REPOSITORY / "exercises" / NAME)
        (submission,), _ = find_submissions(handed_in(replay[0]))
        found = [read_cells(path) for path in submission.notebooks]
        assert [held(cells, [first_release]) for cells in found] == [first_release, None]
        steps = plan(first_release, found[0])
        ran = {step.cell for step in steps.steps if isinstance(step, Run)}
        assert steps.missing == frozenset()
        assert set(SOLVED) <= ran
        assert HELPER in {step.source for step in steps.steps if isinstance(step, Run)}


def handed_in(clone: Path) -> Path:
    """The folder work/ as one student's submission."""
    folder = clone.parent / "hand-ins"
    shutil.copytree(clone / "work", folder / "student", dirs_exist_ok=True)
    return folder


def test_json_stays_as_notebook_editors_write_it(course) -> None:
    start(["05"])
    text = (course / "work" / "05_toy.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text
