"""One submission to its marks: the right notebook, the sentences, and no way to end the others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from notebooks import FULL, NAME, RIGHT, Book

from dmlcourse.checks.judging import NOT_ATTEMPTED, PASSED
from dmlcourse.grading import marking
from dmlcourse.grading.jail import JailError
from dmlcourse.grading.marking import Config, Graded, grade_one, modules_of
from dmlcourse.grading.notebook import Cell
from dmlcourse.grading.release import Release
from dmlcourse.grading.submission import Submission

Grader = Callable[..., Graded]


@pytest.fixture
def graded(config: Config, jailed: None, tmp_path: Path) -> Grader:
    """Grades a book, or several of them by file name."""

    def graded(book: Book | None = None, **books: Book) -> Graded:
        named = {NAME: book} if book else {f"{name}.ipynb": one for name, one in books.items()}
        paths = [one.save(tmp_path / name) for name, one in named.items()]
        return grade_one(Submission("ada", paths), config)

    return graded


def sentences(one: Graded, number: str = "02.1") -> str:
    return "\n".join(next(mark for mark in one.marks if mark.exercise == number).sentences)


@pytest.mark.jail
class TestMarks:
    def test_of_a_perfect_notebook(self, graded: Grader, book: Book) -> None:
        one = graded(book.solve())
        assert (one.score, one.remarks, one.failure) == (FULL, (), "")
        assert {mark.outcome for mark in one.marks} == {PASSED}

    def test_of_an_untouched_one(self, graded: Grader, book: Book) -> None:
        one = graded(book)
        assert (one.score, one.remarks) == (0, ())
        assert sentences(one) == "02.1 Mahalanobis distance: not attempted yet."

    def test_name_the_mistake_and_show_the_smallest_case(self, graded: Grader, book: Book) -> None:
        squared = (
            "def mahalanobis(X, Y, M):\n    D = X[:, None] - Y\n    return ((D @ M) * D).sum(-1)"
        )
        one = graded(book.answer("02.1", squared))
        assert one.marks[0].mistake == "root forgotten"
        assert "Your distances are squared." in sentences(one)
        assert "Two points on a line: X = [[0]], Y = [[3]], M = [[4]]." in sentences(one)

    def test_give_the_points_of_the_groups_that_pass(self, graded: Grader, book: Book) -> None:
        book.answer("02.2", "def factor(M):\n    return np.linalg.cholesky(M).T")
        assert graded(book).score == 1

    def test_show_the_learners_own_line(self, graded: Grader, book: Book) -> None:
        book.answer("02.1", "def mahalanobis(X, Y, M):\n    return X.distance(Y)")
        assert "in the line `return X.distance(Y)`" in sentences(graded(book))

    def test_say_why_there_is_no_answer(self, graded: Grader, book: Book) -> None:
        one = graded(book.answer("02.1", "def mahalanobis(X, Y, M:\n    pass"))
        assert "SyntaxError" in sentences(one)
        one = graded(book.answer("02.1", "def distance(X, Y, M):\n    return 1"))
        assert "the notebook defines no `mahalanobis`" in sentences(one)

    def test_are_none_for_a_missing_cell(self, graded: Grader, book: Book) -> None:
        one = graded(book.solve().remove("answer-02-1"))
        assert (one.marks[0].points, one.marks[0].outcome) == (0, NOT_ATTEMPTED)
        assert one.score == FULL - 3
        assert "is not in the notebook" in one.remarks[0]

    def test_tell_about_an_added_cell_that_fails(self, graded: Grader, book: Book) -> None:
        one = graded(book.solve().add("import pandas_of_mine", behind="given-imports"))
        assert one.score == FULL
        assert one.remarks[0].startswith("The added cell 3 stopped with an error. ModuleNotFound")

    def test_tell_what_ended_the_process(self, graded: Grader, book: Book) -> None:
        one = graded(book.solve().answer("02.1", "import os; os._exit(3)"))
        assert one.remarks == (
            "The answer cell of 02.1 was left out: it ended its process (exit status 3).",
        )
        assert sentences(one).startswith("02.1 Mahalanobis distance: stopped")

    def test_do_not_depend_on_the_place_in_the_queue(self, graded: Grader, book: Book) -> None:
        assert graded(book.solve()) == graded(book)

    def test_hold_no_text_that_plays_tricks(self, graded: Grader, book: Book) -> None:
        text = r"'\udc80 \x1b[2J \u202e' + 'x' * 10_000"
        one = graded(
            book.answer("02.1", f"def mahalanobis(X, Y, M):\n    raise ValueError({text})")
        )
        assert sentences(one).replace("\n", "").isprintable()
        assert len(sentences(one)) < 2000


@pytest.mark.jail
class TestNotebooks:
    def test_of_the_released_name_go_first(self, graded: Grader, released: NotebookNode) -> None:
        books = {"a_copy": Book(released), Path(NAME).stem: Book(released).solve()}
        one = graded(**books)
        assert one.score == FULL
        assert one.remarks == (f"a_copy.ipynb was left out: {NAME} was graded.",)

    def test_of_something_else_are_named(self, graded: Grader, released: NotebookNode) -> None:
        other = Book(released)
        other.cells[:] = other.cells[:1]
        one = graded(other=other)
        assert "it holds no answer cell of 02_mahalanobis.ipynb" in one.remarks[0]
        assert {mark.outcome for mark in one.marks} == {NOT_ATTEMPTED}

    def test_that_are_broken_do_not_hide_others(
        self, graded: Grader, config: Config, released: NotebookNode, tmp_path: Path
    ) -> None:
        good = Book(released).solve().save(tmp_path / "good.ipynb")
        (tmp_path / NAME).write_text("{")
        one = grade_one(Submission("ada", [tmp_path / NAME, good]), config)
        assert one.score == FULL
        assert "it is broken" in one.remarks[0]


class TestFailures:
    """Of the grader, not of the submission: there are no marks then, and the others go on."""

    @pytest.mark.parametrize("error", [JailError("no room"), RuntimeError("a fault of ours")])
    def test_are_reported(self, error, config: Config, book: Book, tmp_path, monkeypatch) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(marking, "_jail", fail)
        one = grade_one(Submission("ada", [book.save(tmp_path / NAME)]), config)
        assert one.marks == ()
        assert str(error) in one.failure

    @pytest.mark.jail
    def test_of_the_judge_earn_nothing(self, graded: Grader, book: Book, monkeypatch) -> None:
        def fail(*_: object) -> None:
            raise KeyError("result")

        monkeypatch.setattr(marking, "judge", fail)
        one = graded(book.solve())
        assert one.score == 0
        assert "cannot be judged (KeyError)" in sentences(one)


class TestConfig:
    def test_travels_between_processes(self, config: Config) -> None:
        assert pickle.loads(pickle.dumps(config)) == config

    def test_knows_the_points(self, config: Config) -> None:
        assert config.max_score == FULL
        assert [exercise.number for exercise in config.exercises] == list(RIGHT)


def test_what_given_cells_import_is_loaded_before() -> None:
    source = (
        "%matplotlib inline\nimport numpy as np, scipy.linalg\nfrom dmlcourse.checks import check"
    )
    release = Release("02.ipynb", (Cell("given-imports", "code", source, role="given"),))
    assert modules_of([release]) == ("numpy", "scipy.linalg")
