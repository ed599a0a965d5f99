"""What every exercise of the course must stand, whichever it is."""

import functools
import inspect
import os
import subprocess

import numpy as np
import pytest
import torch

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge
from dmlcourse.observing import observe


def fresh_seeds():
    """A few seeds that change with each commit; `make deep` asks for a hundred."""
    count = int(os.environ.get("DMLCOURSE_SEEDS", "4"))
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    first = int(head[:6], 16) if head.strip() and head[:6].isalnum() else 0
    return range(first, first + count)


SEEDS = fresh_seeds()
ALL = [exercises.find(number) for number in exercises.numbers()]
VARIANTS = [(e, v) for e in ALL for v in e.all_variants()]


def name(value):
    if isinstance(value, exercises.Exercise):
        return value.number
    return "-".join(f"{k}={v}" for k, v in value.items()) or "published"


each_variant = pytest.mark.parametrize(("exercise", "variant"), VARIANTS, ids=name)


def verdict(key, answer):
    return judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


@functools.cache
def _key(number, variant, seed):
    return Key(exercises.find(number), dict(variant), seed)


@pytest.fixture
def keys():
    """One key for each exercise, variant and seed, worked out once for all tests."""
    return lambda exercise, variant, seed: _key(exercise.number, tuple(variant.items()), seed)


@each_variant
def test_the_stub_is_not_attempted(exercise, variant, keys):
    namespace = {"np": np, "torch": torch, "nn": torch.nn}
    exec(exercise.text("skeleton", variant) + "\n    ...\n", namespace)
    answer = namespace[exercise.name]
    assert verdict(keys(exercise, variant, SEEDS[0]), answer).outcome == NOT_ATTEMPTED


@each_variant
def test_the_reference_passes_without_a_note(exercise, variant, keys):
    for seed in SEEDS:
        found = verdict(keys(exercise, variant, seed), exercise.reference(variant))
        assert (found.outcome, found.earned, found.notes) == (PASSED, exercise.points, ()), seed


@each_variant
def test_every_mistake_is_named_as_itself(exercise, variant, keys):
    for seed in SEEDS:
        key = keys(exercise, variant, seed)
        for mistake in exercise.mistakes(variant):
            found = verdict(key, mistake.answer)
            if mistake.severity == "note":
                assert found.outcome == PASSED, (seed, mistake.name)
                assert mistake.sentence in found.notes, (seed, mistake.name)
            else:
                assert found.outcome == FAILED, (seed, mistake.name)
                assert found.mistake is not None, (seed, mistake.name, found.finding)
                assert found.mistake.name == mistake.name, (seed, mistake.name)
                assert found.earned < exercise.points


@each_variant
def test_a_small_perturbation_of_the_reference_fails(exercise, variant, keys):
    right = exercise.reference(variant)
    rng = np.random.default_rng(len(exercise.number))
    key = keys(exercise, variant, SEEDS[0])
    found = verdict(key, beside(right, rng))
    assert found.outcome == FAILED
    assert found.earned == 0


def beside(right, rng):
    """An answer whose results are moved: those of its calls, or of its ``forward``."""
    if not inspect.isclass(right):
        return lambda *inputs: moved(right(*inputs), rng)

    class Beside(right):
        def forward(self, *inputs):
            return moved(super().forward(*inputs), rng)

    return Beside


def moved(value, rng):
    """A value a little beside the right one: real numbers by 0.1%, whole ones by one."""
    if isinstance(value, torch.Tensor):
        return value * (1 + 1e-3 * rng.uniform(0.5, 1))
    if isinstance(value, tuple):
        return tuple(moved(part, rng) for part in value)
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return f"{value}?"
    if array.dtype == bool:
        return ~array if array.ndim else not value
    if array.dtype.kind in "iu":
        return array + 1
    return array * (1 + 1e-3 * rng.uniform(0.5, 1, array.shape))


@each_variant
def test_answers_that_know_nothing_earn_nothing(exercise, variant, keys):
    key = keys(exercise, variant, SEEDS[0])
    guesses = [
        lambda *inputs: 0.0,
        lambda *inputs: 1,
        lambda *inputs: True,
        lambda *inputs: False,
        lambda *inputs: (),
        lambda *inputs: (0, 1, 2),
        lambda *inputs: inputs[0],
        lambda *inputs: inputs[-1],
        lambda *inputs: inputs[min(1, len(inputs) - 1)],
        lambda *inputs: np.zeros_like(inputs[0]),
        lambda *inputs: np.zeros(len(inputs[0]), int),
        lambda *inputs: np.zeros((len(inputs[0]), len(inputs[-1]))),
        lambda *inputs: np.eye(len(inputs[0])),
    ]
    assert [verdict(key, guess).earned for guess in guesses] == [0] * len(guesses)


@each_variant
def test_the_reference_leaves_its_inputs_alone(exercise, variant, keys):
    key = keys(exercise, variant, SEEDS[0])
    answer = exercise.reference(variant)
    assert all(not observe(exercise.kind, answer, case).modified for case in key.cases)


@each_variant
def test_cases_are_the_same_for_the_same_seed_and_differ_between_seeds(exercise, variant):
    one, again, other = (exercise.draw(seed, variant) for seed in (7, 7, 8))

    def flat(cases):
        return np.concatenate([np.ravel(v) for c in cases for v in c.inputs.values()])

    assert np.array_equal(flat(one), flat(again))
    assert not np.array_equal(flat(one), flat(other))


@pytest.mark.parametrize("exercise", ALL, ids=name)
def test_an_entry_is_complete(exercise):
    assert exercise.number[:2] in exercises.chapters()
    assert len(exercise.hints) >= 2
    assert all(len(hint) > 20 for hint in exercise.hints)
    # The first exercise of the course warms up: its number ends in ".0".
    least = 5 if exercise.number.endswith(".0") else 10
    assert least <= exercise.minutes <= 30
    names = {m.name for m in exercise.mistakes(exercise.variant())}
    assert len(names) >= 3
    assert all(m.sentence.endswith((".", "?")) for m in exercise.mistakes(exercise.variant()))


@pytest.mark.parametrize("exercise", ALL, ids=name)
def test_the_first_case_is_small_enough_to_print(exercise):
    first = exercise.draw(0)[0]
    assert sum(np.size(value) for value in first.inputs.values()) <= 12
