"""The log of a fit: counts steps, keeps lines with their time, tells them where asked."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from dmlcourse.learners.history import Log, Solution, relative_gap, until_proved


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


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_nothing_is_proved_of_what_is_not_finite(value):
    assert relative_gap(value, 1.0) == np.inf
    assert relative_gap(1.0, value) == np.inf


def test_the_gap_is_a_share_of_the_objective():
    assert relative_gap(4.0, 3.0) == 0.25
    assert relative_gap(4.0, 5.0) == 0.25
    assert relative_gap(0.0, 0.0) == 0.0


def run(bounds, tighter, tol=0.1, most=100, steps=100, every=1):
    """The gap of an objective of 10 with these bounds, one a look, and the log."""
    log, left, seen = Log(most, Line), iter(range(steps)), iter(bounds)
    value, gap = until_proved(
        lambda: next(left, None) is not None, lambda: (10.0, next(seen)), tighter, tol, log, every
    )
    assert value == 10.0
    return gap, log


def test_it_stops_where_the_best_bound_so_far_is_near_enough():
    gap, log = run([0.0, 9.0, 5.0, 9.5], max, tol=0.05)
    assert gap == pytest.approx(0.05)
    assert log.steps == 3
    assert [line[-1] for line in log.history] == pytest.approx([1.0, 0.1, 0.1, 0.05])


def test_it_stops_at_the_limit_and_where_no_step_is_left():
    assert run([30.0] * 9, min, most=4)[1].steps == 4
    assert run([30.0] * 9, min, steps=2)[1].steps == 2


def test_it_looks_once_in_so_many_steps_and_at_the_end():
    _, log = run([30.0] * 9, min, most=7, every=3)
    assert [line[0] for line in log.history] == [0, 3, 6, 7]


@pytest.mark.parametrize(("bound", "tighter"), [(10 + 1e-9, max), (10 - 1e-9, min)])
def test_a_bound_that_rounding_has_pushed_past_the_objective_closes_the_gap(bound, tighter):
    assert run([bound], tighter)[0] == 0.0
