"""Every kind of answer, from its source to a verdict."""

import numpy as np

from dmlcourse.checks import render
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge
from dmlcourse.observing import Observation, Seen, observe


def verdict(toy, answer):
    key = Key(toy.exercise, seed=1)
    return judge(key, [observe(toy.kind, answer, case) for case in key.cases])


def test_the_right_answer_passes(toy):
    assert verdict(toy, toy.answer(toy.right)).outcome == PASSED


def test_the_known_mistake_is_named(toy):
    found = verdict(toy, toy.answer(toy.wrong))
    assert found.outcome == FAILED
    assert found.mistake.name == "known"


def test_no_answer_is_not_attempted(toy):
    assert verdict(toy, None).outcome == NOT_ATTEMPTED


def test_a_result_on_another_device_is_told_so(toy):
    key = Key(toy.exercise, seed=1)
    elsewhere = Observation({"result": Seen("tensor on cuda:0", np.zeros(1))})
    found = judge(key, [elsewhere] * len(key.cases))
    assert "lies on cuda:0; the inputs lie on the CPU" in render.plain(found)
