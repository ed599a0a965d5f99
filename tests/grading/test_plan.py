"""Which cells run, in which order, and what the student is told about the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from notebooks import IMPORTS, NAME, Book

from dmlcourse.grading.notebook import read_cells
from dmlcourse.grading.plan import Observe, Plan, Run, plan
from dmlcourse.grading.release import Release

Planner = Callable[[Book], Plan]


@pytest.fixture
def planned(release: Release, tmp_path: Path) -> Planner:
    return lambda book: plan(release, read_cells(book.save(tmp_path / NAME)))


def order(planned: Plan) -> list[str]:
    return [step.cell if isinstance(step, Run) else step.exercise for step in planned.steps]


def sources(planned: Plan) -> dict[str, str]:
    return {step.cell: step.source for step in planned.steps if isinstance(step, Run)}


def test_given_cells_answers_and_an_observation_after_each(planned: Planner, book: Book) -> None:
    found = planned(book.solve())
    assert order(found)[:5] == ["given-imports", "answer-02-1", "02.1", "answer-02-2", "02.2"]
    assert found.steps[2] == Observe("02.1")
    assert found.remarks == ()


def test_no_text_demonstration_or_check_cell_runs(planned: Planner, book: Book) -> None:
    assert not [name for name in order(planned(book)) if name.startswith(("text", "demo", "check"))]


class TestGivenCells:
    def test_run_as_they_were_handed_out(self, planned: Planner, book: Book) -> None:
        book["given-imports"]["source"] = "import numpy as np\nnp.array_equal = lambda *_: True"
        found = planned(book)
        assert sources(found)["given-imports"] == IMPORTS
        assert found.remarks == (
            "The given cell given-imports was changed; the original was run in its place.",
        )

    def test_run_even_when_deleted(self, planned: Planner, book: Book) -> None:
        assert order(planned(book.remove("given-imports")))[0] == "given-imports"


class TestAddedCells:
    def test_run_behind_the_cell_that_they_follow(self, planned: Planner, book: Book) -> None:
        book.add("after = 1", behind="check-02-1").add("before = 1", behind="text-02-1")
        steps = order(planned(book))
        assert steps[1:5] == ["cell 5", "answer-02-1", "02.1", "cell 8"]

    def test_run_first_when_they_stand_first(self, planned: Planner, book: Book) -> None:
        book.add("x = 1", behind="text-title")
        book.cells.insert(0, book.cells.pop(1))
        assert order(planned(book))[:2] == ["cell 1", "given-imports"]

    def test_run_where_a_copied_answer_has_a_new_id(self, planned: Planner, book: Book) -> None:
        book.solve().add("x = 1", behind="answer-02-1", name="copy")
        book["copy"].metadata = book["answer-02-1"].metadata
        assert order(planned(book))[1:4] == ["answer-02-1", "cell 6", "02.1"]

    def test_come_before_the_observation_when_the_check_is_gone(
        self, planned: Planner, book: Book
    ) -> None:
        book.add("x = 1", behind="check-02-1").remove("check-02-1")
        assert order(planned(book))[1:4] == ["answer-02-1", "cell 6", "02.1"]

    def test_of_text_do_not_run(self, planned: Planner, book: Book) -> None:
        book.add("x = 1", behind="answer-02-1", name="mine")
        book["mine"]["cell_type"] = "markdown"
        assert "cell 6" not in order(planned(book))


class TestAnswerCells:
    def test_missing(self, planned: Planner, book: Book) -> None:
        found = planned(book.remove("answer-02-2"))
        assert found.missing == {"02.2"}
        assert found.remarks == ("The answer cell of 02.2 (answer-02-2) is not in the notebook.",)
        assert "02.2" in order(found)

    def test_twice(self, planned: Planner, book: Book) -> None:
        book.solve().add("second = 1", behind="check-02-1", name="answer-02-1")
        found = planned(book)
        assert order(found).count("answer-02-1") == 2
        assert found.remarks == ("The notebook has 2 answer cells of 02.1; all were run.",)

    def test_turned_into_text(self, planned: Planner, book: Book) -> None:
        book["answer-02-1"]["cell_type"] = "markdown"
        found = planned(book)
        assert found.missing == {"02.1"}
        assert found.remarks == ("The answer cell of 02.1 is not a code cell any more.",)

    def test_cut_and_pasted_with_a_new_id(self, planned: Planner, book: Book) -> None:
        book["answer-02-1"]["id"] = "b2f0c1"
        assert planned(book) == planned(Book(book.tree))
        assert order(planned(book))[1:3] == ["answer-02-1", "02.1"]

    def test_without_any_id_as_colab_writes_it(self, planned: Planner, book: Book) -> None:
        book.solve().add("helper = 1", behind="text-02-1")
        expected = sources(planned(book))
        for cell in book.cells:
            del cell["id"]
            cell.metadata["id"] = "Xy12"
        found = planned(book)
        assert found.missing == frozenset()
        assert set(sources(found).values()) == set(expected.values())

    def test_in_another_order(self, planned: Planner, book: Book) -> None:
        expected = order(planned(book.solve()))
        book.cells.reverse()
        assert order(planned(book)) == expected
