"""Running a plan: in a secret order, and again without the step that ended the worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from notebooks import NAME, SEED, Book

from dmlcourse.checks.judging import GONE, Key
from dmlcourse.grading.jail import Jail, Limits
from dmlcourse.grading.marking import Config, key_of
from dmlcourse.grading.notebook import read_cells
from dmlcourse.grading.plan import plan
from dmlcourse.grading.running import Running

pytestmark = pytest.mark.jail


@pytest.fixture(scope="module")
def keys(config: Config) -> dict[str, Key]:
    return {exercise.number: key_of(exercise.number, SEED) for exercise in config.exercises}


@pytest.fixture(scope="module")
def jail(config: Config, jailed: None) -> Iterator[Jail]:
    with Jail(limits=config.limits) as jail:
        yield jail


@pytest.fixture
def running(config: Config, keys: dict[str, Key], jail: Jail, tmp_path: Path):
    def running(book: Book, seed: int = SEED, jail: Jail = jail) -> Running:
        planned = plan(config.releases[0], read_cells(book.save(tmp_path / NAME)))
        return Running(planned, keys, jail, seed)

    return running


class TestSecrets:
    """What of a case is not its inputs could tell the right answer."""

    def places(self, run: Running) -> list[int]:
        seen = run.observations["02.1"]
        return [int(one.values["result"].array) for one in seen]  # type: ignore[arg-type]

    def test_cases_come_in_an_order_of_the_seeds(self, running, book: Book) -> None:
        counts = "calls = []\ndef mahalanobis(X, Y, M):\n    calls.append(1)\n    return len(calls)"
        orders = [self.places(running(book.answer("02.1", counts), seed)) for seed in (1, 2, 2)]
        assert orders[1] == orders[2] != orders[0]
        assert sorted(orders[0]) == list(range(1, len(orders[0]) + 1)) != orders[0]

    def test_cases_come_without_their_names(self, running, book: Book) -> None:
        source = """
            import sys
            def mahalanobis(X, Y, M):
                frame = sys._getframe()
                while "case" not in frame.f_locals:
                    frame = frame.f_back
                case = frame.f_locals["case"]
                return f"{case.name}, {case.group}"
            """
        seen = running(book.answer("02.1", source)).observations["02.1"]
        assert {one.values["result"].text for one in seen} == {"a case, values"}

    def test_observations_find_their_way_back(self, running, keys, book: Book) -> None:
        seen = running(book.answer("02.1", "def mahalanobis(X, Y, M):\n    return X")).observations
        for case, one in zip(keys["02.1"].cases, seen["02.1"], strict=True):
            array = one.values["result"].array
            assert array is not None
            np.testing.assert_array_equal(array, case.inputs["X"])


class TestEndings:
    def test_of_a_cell_leave_the_rest(self, running, book: Book) -> None:
        book.solve().add("import os; os._exit(1)", behind="text-02-3")
        run = running(book)
        assert run.remarks == [
            "The added cell 11 was left out: it ended its process (exit status 1)."
        ]
        assert not any(
            one.fault or one.stopped for seen in run.observations.values() for one in seen
        )

    def test_of_an_answer_keep_what_was_seen(self, running, book: Book) -> None:
        source = """
            import os
            calls = []
            def mahalanobis(X, Y, M):
                calls.append(1)
                return os._exit(1) if len(calls) == 4 else 0.0
            """
        run = running(book.solve().answer("02.1", source))
        seen = run.observations["02.1"]
        assert sum(not one.stopped for one in seen) == 3
        assert run.remarks == ["Exercise 02.1 was stopped: it ended its process (exit status 1)."]
        left = [seen for seen in run.observations["02.1"] if seen is GONE]
        assert left, "what came after the end is not told from a time limit"
        assert not any(one.stopped for one in run.observations["02.2"])

    def test_without_end_come_to_an_end(self, running, config: Config, book: Book) -> None:
        limits = Limits(cell=1, case=1, grace=0.5, submission=30, restarts=2)
        for number in range(4):
            book.add(f"import os; os._exit({number})", behind="text-title")
        with Jail(limits=limits) as jail:
            run = running(book.solve(), jail=jail)
        assert run.observations == {}
        assert len(run.remarks) == 4
        assert run.remarks[-1] == "The rest was not run: the limits were used up."
