"""The log of a fit: counts steps, keeps lines with their time, tells them where asked."""

from typing import NamedTuple

import pytest
import torch

from dmlcourse.learners.history import Log, Solution


class Line(NamedTuple):
    iteration: int
    seconds: float
    objective: float
    gap: float


def test_a_line_holds_the_steps_the_time_and_the_values():
    log = Log(10, Line)
    log.add(3.0, 0.5)
    log.steps += 4
    log.add(2.0, 0.25)
    first, second = log.history
    assert (first.iteration, first.objective, first.gap) == (0, 3.0, 0.5)
    assert (second.iteration, second.objective, second.gap) == (4, 2.0, 0.25)
    assert 0 <= first.seconds <= second.seconds


def test_it_is_spent_when_as_many_steps_were_counted_as_allowed():
    log = Log(2, Line)
    told = []
    for _ in range(4):
        told.append(log.spent)
        log.steps += 1
    assert told == [False, False, True, True]


def test_it_says_each_line_in_words_without_the_time():
    said = []
    log = Log(3, Line, said.append)
    log.add(1 / 3, 2e-9)
    log.steps = 2
    log.add(1234567.0, 0.0)
    assert said == [
        "step 0: objective 0.333333, gap 2e-09",
        "step 2: objective 1.23457e+06, gap 0",
    ]


def test_silent_it_keeps_the_same_lines():
    loud, silent = Log(3, Line, lambda line: None), Log(3, Line)
    for log in (loud, silent):
        log.add(1.0, 0.1)
    assert [line._replace(seconds=0) for line in loud.history] == [
        line._replace(seconds=0) for line in silent.history
    ]


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 2.0, 3.0)])
@pytest.mark.parametrize("say", [None, lambda line: None], ids=["silent", "loud"])
def test_a_line_of_another_length_is_refused(values, say):
    with pytest.raises((TypeError, ValueError)):
        Log(1, Line, say).add(*values)


def test_two_logs_share_nothing():
    one, two = Log(1, Line), Log(1, Line)
    one.add(1.0, 2.0)
    assert two.history == []


def test_a_solution_can_be_moved_to_other_coordinates():
    found = Solution(torch.eye(2), 1.0, 0.0, True)._replace(L=2 * torch.eye(2))
    assert found == (found.L, 1.0, 0.0, True)
    assert float(found.L.trace()) == 4
