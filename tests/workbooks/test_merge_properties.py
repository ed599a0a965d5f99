"""Whatever edits both sides make, no text of the learner is lost."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from toy_notebooks import (
    at,
    bare,
    begun,
    carried,
    cell,
    exercise,
    first,
    ids,
    release,
    sources,
)

from dmlcourse.workbooks.identity import identify
from dmlcourse.workbooks.merge import merge
from dmlcourse.workbooks.notebook import digest

LEARNER = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "replace", "empty", "delete", "insert", "define", "retype", "paste", "move"]
        ),
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
        made += exercise(f"05.{k}", f"course text {k}", f"def f{k}(x):\n    ...")
    return release(*made)


def edit(mine: dict, edits: list[tuple[str, int, int]]) -> None:
    """A learner at work."""
    for count, (what, where, to) in enumerate(edits):
        cells, word = mine["cells"], f"<mine {count}>"
        here = where % len(cells) if cells else 0
        if what == "insert" or not cells:
            cells.insert(here, bare(word, name=f"own-{count}"))
        elif what == "define":
            cells.insert(here, bare(f"def f{to % 4}(x):\n    return '{word}'", name=f"own-{count}"))
        elif what == "retype":
            typed = f"{cells[here]['source']}\n    return '{word}'"
            cells[here] = bare(typed, name=f"own-{count}")
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
            cells[here:here] = exercise(f"05.{tag}{count}", f"{tag} text", f"def f{count}(x): ...")
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
    kind=st.sampled_from(["started", "by hand", "without ids", "without metadata"]),
)
def test_whatever_both_sides_do_no_text_is_lost(number, edits, changes, later, kind) -> None:
    released = lesson_of(number)
    mine = begun(released, by_hand=kind == "by hand")
    edit(mine, edits)
    if kind.startswith("without"):
        for each in mine["cells"]:
            each.pop("id", None)
    if kind == "without metadata":
        mine["metadata"] = {}
        for each in mine["cells"]:
            each["metadata"] = {}
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
