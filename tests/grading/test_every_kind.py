"""Every kind of answer through the jail: the same verdict as in the notebook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dmlcourse.checks.judging import FAILED, PASSED, Key, Verdict, judge
from dmlcourse.grading.jail import Jail

pytestmark = pytest.mark.jail


@pytest.fixture(scope="module")
def jail(jailed: None) -> Iterator[Jail]:
    with Jail(modules=("torch",)) as jail:
        yield jail


def graded(jail: Jail, toy, source: str) -> Verdict:
    key = Key(toy.exercise, seed=2)
    with jail.session() as session:
        assert session.run("answer", source).fault is None
        return judge(key, list(session.observe("answer", toy.kind, key.cases)))


def test_the_right_answer_passes(jail: Jail, toy) -> None:
    assert graded(jail, toy, toy.right).outcome == PASSED


def test_the_known_mistake_is_named(jail: Jail, toy) -> None:
    found = graded(jail, toy, toy.wrong)
    assert (found.outcome, found.mistake and found.mistake.name) == (FAILED, "known")
