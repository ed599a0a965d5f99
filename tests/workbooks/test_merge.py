"""One cell, three texts: as it was released, as the learner left it, as it is released now."""

from __future__ import annotations

import copy

import pytest
from toy_notebooks import (
    at,
    bare,
    begun,
    carried,
    cell,
    exercise,
    first,
    ids,
    place,
    sources,
)

from dmlcourse.workbooks.merge import Laying, merge
from dmlcourse.workbooks.notebook import record


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

    def test_a_deleted_answer_cell_whose_exercise_changed_is_a_note_and_no_stub(self) -> None:
        """A stub behind the answer, which stands in a cell of its own, would run last and win."""
        mine, new = begun(first()), first()
        mine["cells"].remove(at(mine, "answer-05-1"))
        mine["cells"].insert(3, bare("f = sum", name="own"))
        at(new, "answer-05-1")["source"] = "def f(x, y):\n    ..."
        merged = carried(mine, new)
        assert "answer-05-1" not in ids(merged.notebook)
        assert "f = sum" in sources(merged.notebook)
        assert merged.remarks == (
            "05.1: you had deleted its answer cell; the exercise changed, see the note.",
        )
        behind = merged.notebook["cells"][place(merged.notebook, "own") + 1]
        assert behind["source"].startswith("**The answer cell of this exercise is not in your")
        assert "```python\ndef f(x, y):\n    ...\n```" in behind["source"]

    def test_a_fresh_cell_that_defines_the_function_is_the_answer(self) -> None:
        mine, new = begun(first()), first()
        mine["cells"].remove(at(mine, "answer-05-1"))
        mine["cells"].insert(3, bare("def f(x):\n    return x", name="own"))
        at(new, "answer-05-1")["source"] = "def f(x, y):\n    ..."
        merged = carried(mine, new).notebook
        assert at(merged, "answer-05-1")["source"] == "def f(x):\n    return x"

    def test_one_that_stands_elsewhere_stays_there(self) -> None:
        """Another answer may need it: what it defines must not come later than before."""
        mine, new = begun(first()), first()
        mine["cells"].remove(at(mine, "answer-05-2"))
        mine["cells"].insert(2, bare("def g(x):\n    return x", name="own"))
        at(new, "answer-05-2")["source"] = "def g(x, y):\n    ..."
        merged = carried(mine, new).notebook
        assert place(merged, "own") == 2
        assert "answer-05-2" not in ids(merged)

    def test_a_new_exercise_takes_no_cell_of_the_learners(self) -> None:
        """Whatever their cells define, they did not answer what was not asked yet."""
        mine, new = begun(first()), first()
        mine["cells"].append(bare("def h(x):\n    return x", name="helper"))
        new["cells"] += exercise("05.3", "Divide.", "def h(x):\n    ...")
        merged = carried(mine, new)
        assert at(merged.notebook, "answer-05-3")["source"] == "def h(x):\n    ..."
        assert at(merged.notebook, "helper")["source"] == "def h(x):\n    return x"
        assert merged.remarks[0] == "05.3: a new exercise."

    @pytest.mark.parametrize("begun_with", [False, True])
    def test_an_answer_cell_of_another_name_is_said_once(self, begun_with) -> None:
        mine, new = begun(first()), first()
        if begun_with:
            at(mine, "answer-05-1")["source"] = "mine"
        at(new, "answer-05-1")["id"] = "Answer-05-1"
        at(new, "Answer-05-1")["metadata"]["nbgrader"]["grade_id"] = "Answer-05-1"
        at(new, "Answer-05-1")["metadata"]["dmlcourse"]["role"] = "answer"
        merged = carried(mine, new)
        kept = " Yours is kept: copy your answer into the new one if it still fits."
        (said,) = [each for each in merged.remarks if each.startswith("05.1: ")]
        assert said == f"05.1: the course has a new answer cell for it.{kept * begun_with}"
        assert ("mine" in sources(merged.notebook)) == begun_with

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

    def test_pictures_in_a_text_stay_when_the_course_changes_it(self) -> None:
        mine, new = begun(first()), first()
        yours, theirs = ({"image/png": data} for data in ("bWluZQ==", "dGhlaXJz"))
        at(mine, "text-title")["attachments"] = {"mine.png": yours, "both.png": yours}
        at(new, "text-title").update(source="# New", attachments={"both.png": theirs})
        merged = carried(mine, new).notebook
        assert at(merged, "text-title")["attachments"] == {"mine.png": yours, "both.png": theirs}

    def test_pictures_stay_in_the_learners_version_where_there_is_one(self) -> None:
        mine, new = begun(first()), first()
        picture = {"mine.png": {"image/png": "bWluZQ=="}}
        at(mine, "text-title").update(source="mine", attachments=picture)
        at(new, "text-title")["source"] = "# New"
        merged = carried(mine, new).notebook
        assert [each.get("attachments") for each in merged["cells"][:2]] == [None, picture]

    def test_pictures_do_not_go_into_code(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "text-title")["attachments"] = {"mine.png": {"image/png": "bWluZQ=="}}
        new["cells"][0] = cell("text-title", "1 + 1", "code")
        assert "attachments" not in carried(mine, new).notebook["cells"][0]

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

    def test_many_without_ids_are_named_in_few_steps(self) -> None:
        class Counted(set):
            asked = 0

            def __contains__(self, name: object) -> bool:
                self.asked += 1
                return super().__contains__(name)

        mine, new = begun(first()), first()
        mine["cells"] += [bare(f"cell {k}") for k in range(200)]
        laying = Laying(mine, new)
        laying.used = used = Counted(laying.used)
        names = [each["id"] for each in laying.cells()]
        assert len(set(names)) == len(names) == len(new["cells"]) + 200
        assert used.asked < 3 * 200


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

    def test_without_ids_and_metadata_keeps_its_answers_in_their_place(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "answer-05-1")["source"] = "def f(x):\n    return x"
        at(mine, "answer-05-2")["source"] = "def g(x):\n    return 2 * x"
        mine["metadata"] = {}
        mine["cells"] = [bare(c["source"], c["cell_type"]) for c in mine["cells"]]
        at(new, "text-title")["source"] = "# New"
        merged = carried(mine, new).notebook
        assert at(merged, "answer-05-1")["source"] == "def f(x):\n    return x"
        assert at(merged, "answer-05-2")["source"] == "def g(x):\n    return 2 * x"
        assert sum("def f" in text for text in sources(merged)) == 1

    def test_without_any_name_an_answer_out_of_place_is_not_run_over(self) -> None:
        mine, new = begun(first()), first()
        at(mine, "answer-05-2")["source"] = "def g(x):\n    return 2 * x"
        mine["cells"].insert(3, mine["cells"].pop(place(mine, "answer-05-2")))
        mine["metadata"] = {}
        mine["cells"] = [bare(c["source"], c["cell_type"]) for c in mine["cells"]]
        at(new, "text-title")["source"] = "# New"
        merged = carried(mine, new)
        (only,) = [text for text in sources(merged.notebook) if text.startswith("def g")]
        assert only == "def g(x):\n    return 2 * x"
        assert (
            "05.2: a cell of yours defines `g`, so it has no answer cell; see the note."
            in merged.remarks
        )

    @pytest.mark.parametrize("stub", ["class f:\n    ...", "import math\n\nf: float = ..."])
    def test_answers_that_are_no_function_are_found_as_well(self, stub) -> None:
        new = first()
        at(new, "answer-05-1")["source"] = stub
        mine = begun(new, by_hand=True)
        at(mine, "answer-05-1")["source"] = answer = stub.replace("...", "3")
        mine["cells"] = [bare(c["source"], c["cell_type"]) for c in mine["cells"]]
        merged = carried(mine, new).notebook
        assert at(merged, "answer-05-1")["source"] == answer
        assert ids(merged) == ids(new)

    @pytest.mark.parametrize("memory", [3, [], {"text-title": 7}, {"text-title": ["x"]}])
    def test_a_damaged_memory_loses_nothing(self, memory) -> None:
        mine, new = begun(first()), first()
        mine["metadata"]["dmlcourse"] = {"lesson": "05_toy", "started": memory}
        at(mine, "text-title")["source"] = "mine"
        assert "mine" in sources(carried(mine, new).notebook)
