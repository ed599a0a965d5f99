"""What the verdicts of 04.1 to 04.2b owe to no luck, and what their answers have in common."""

import functools
import math
import random

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, PASSED, Key, judge
from dmlcourse.observing import observe


@functools.cache
def key_of(number, seed, **variant):
    exercise = exercises.find(number)
    return Key(exercise, exercise.variant(**variant), seed)


def verdict(key, answer):
    return judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def reference(number, **variant):
    exercise = exercises.find(number)
    return exercise.reference(exercise.variant(**variant))


# ---------------------------------------------------------------- 04.1


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_mistake_in_the_draw_is_named_with_any_luck(ratio):
    """The same mistakes from other random numbers than those that the course drew."""
    for seed in range(2):
        key = key_of("04.1", seed, ratio=ratio)
        for mistake in key.exercise.mistakes(key.variant):
            found = verdict(key, lambda y, n, seed, m=mistake: m.answer(y, n, seed + 1))
            assert found.outcome == FAILED, mistake.name
            assert found.mistake is not None, (mistake.name, found.finding)
            assert found.mistake.name == mistake.name


def at_least(k, good, bad, drawn):
    """The chance of k or more good ones among so many drawn without replacement."""
    ways = sum(math.comb(good, i) * math.comb(bad, drawn - i) for i in range(k, drawn + 1))
    return ways / math.comb(good + bad, drawn)


def test_a_fair_draw_is_never_called_unlikely():
    # One class of 40 and 60 of two: similar pairs, and dissimilar ones that touch the large class.
    within, small = math.comb(40, 2), 60
    assert at_least(37, small, within, 150) < 1e-14
    beside = 40 * 120
    others = math.comb(160, 2) - within - small - beside
    for drawn in (150, 300):
        assert at_least(drawn - 20, others, beside, drawn) < 1e-12
    # Four points that touch so many of the pairs, in both cases and for both kinds.
    four = math.comb(160, 4)
    assert four * at_least(83, 4 * 39, within + small - 4 * 39, 150) < 1e-9
    for drawn in (150, 300):
        assert four * at_least(math.ceil(0.55 * drawn), 4 * 158, others + beside, drawn) < 1e-9
    assert math.comb(80, 4) * at_least(33, 4 * 39, 2 * within - 4 * 39, 60) < 1e-9
    for drawn in (60, 120):
        assert math.comb(80, 4) * at_least(math.ceil(0.55 * drawn), 160, 1440, drawn) < 1e-9
    # Two classes of 40: 60 pairs among some 30 points, or with first points among some 15.
    assert math.comb(80, 30) * (math.comb(30, 2) / (2 * within)) ** 60 < 1e-9
    assert math.comb(80, 15) * (15 * 40 / (2 * within)) ** 60 < 1e-9


def by_samples(y, n, seed, ratio=1):
    """Lists of tuples, drawn by the standard library; empty lists where there is nothing."""
    rng, lists = random.Random(seed), ([], [])
    for j in range(len(y)):
        for i in range(j):
            lists[int(y[i] != y[j])].append((i, j))
    counts = n, ratio * n
    return [rng.sample(p, min(c, len(p))) for p, c in zip(lists, counts, strict=True)]


def by_random_keys(y, n, seed, ratio=1):
    """The pairs with the smallest of random numbers, both kinds from one table."""
    i, j = np.triu_indices(len(y), 1)
    keys, same = np.random.default_rng(seed).random(len(i)), y[i] == y[j]
    tables = []
    for kind, count in ((same, n), (~same, ratio * n)):
        chosen = np.flatnonzero(kind)[np.argsort(keys[kind])[:count]]
        tables.append(np.column_stack([i[chosen], j[chosen]]))
    return tables


def by_first_and_second(y, n, seed, ratio=1):
    """Single pairs in the order of a shuffled list, until each kind is full; as real numbers."""
    pairs = [(i, j) for i in range(len(y)) for j in range(i + 1, len(y))]
    found, most = ([], []), (n, ratio * n)
    for k in np.random.RandomState(seed).permutation(len(pairs)):
        i, j = pairs[k]
        kind = int(y[i] != y[j])
        if len(found[kind]) < most[kind]:
            found[kind].append(pairs[k])
    return tuple(np.array(table, float).reshape(-1, 2) for table in found)


@pytest.mark.parametrize("answer", [by_samples, by_random_keys, by_first_and_second])
@pytest.mark.parametrize("ratio", [1, 2])
def test_other_honest_draws_are_right(answer, ratio):
    for seed in range(2):
        found = verdict(key_of("04.1", seed, ratio=ratio), functools.partial(answer, ratio=ratio))
        assert (found.outcome, found.notes) == (PASSED, ()), found.finding


@pytest.mark.parametrize(
    ("number", "variant", "name", "earned"),
    [
        ("04.1", {}, "stops where there are fewer", 2),
        ("04.1", {}, "both kinds cut", 2),
        ("04.1", {}, "the class drawn first", 2),
        ("04.1", {}, "always the first pairs", 2),
        ("04.1", {}, "both orders", 0),
        ("04.2b", {}, "nothing at the minimum", 3),
        ("04.2b", {}, "stops too early", 3),
        ("04.2b", {}, "clips negative weights", 0),
    ],
)
def test_what_is_right_all_the_same_is_paid(number, variant, name, earned):
    key = key_of(number, 0, **variant)
    known = [m for m in key.exercise.mistakes(key.variant) if m.name == name]
    assert {verdict(key, m.answer).earned for m in known} == {earned}


# ---------------------------------------------------------------- 04.2 and 04.2b


def problems(number, **variant):
    """The cases in double precision, but for the tall step, whose scale is extreme by design."""
    for seed in range(2):
        for case in key_of(number, seed, **variant).cases:
            if case.name != "a step that shrinks often":
                yield case.name, [np.asarray(v, float) for v in case.inputs.values()]


@pytest.mark.parametrize("mean", [False, True])
def test_a_factor_of_all_weights_moves_the_objective_by_a_known_amount(mean):
    """f(cw) = f(w) + (c − 1)⟨a, w⟩ − ½ log c, and ⟨∇f, w⟩ = ⟨a, w⟩ − ½."""
    f = reference("04.2", mean=mean)
    for name, (w, S, D) in problems("04.2", mean=mean):
        spent = np.sum(S**2 @ w) / (len(S) if mean else 1)
        value, gradient = f(w, S, D)
        assert gradient @ w == pytest.approx(spent - 0.5, rel=1e-10, abs=1e-10), name
        assert f(3 * w, S, D)[0] == pytest.approx(value + 2 * spent - math.log(3) / 2), name


@pytest.mark.parametrize("mean", [False, True])
def test_the_objective_knows_neither_sign_nor_order_and_grows_with_copies_as_it_should(mean):
    f = reference("04.2", mean=mean)
    for name, (w, S, D) in problems("04.2", mean=mean):
        value, gradient = f(w, S, D)
        again, slope = f(w, -S[::-1], -D[::-1])
        assert (again, slope) == (pytest.approx(value), pytest.approx(gradient)), name
        twice, _ = f(w, S, np.tile(D, (2, 1)))
        assert twice == pytest.approx(value - (0 if mean else math.log(2)), rel=1e-12), name


@pytest.mark.parametrize("number", ["04.2", "04.2b"])
def test_the_units_of_a_feature_do_not_matter(number):
    """S and D in other units and w in their inverse squares: the same distances, f and step."""
    answer = reference(number)
    for name, (w, S, D) in problems(number):
        units = 1.5 ** np.arange(1, len(w) + 1)
        one, other = answer(w, S, D), answer(w / units**2, S * units, D * units)
        if number == "04.2":
            assert other[0] == pytest.approx(one[0]), name
            assert other[1] == pytest.approx(one[1] * units**2, rel=1e-9, abs=1e-9), name
        else:
            assert other == pytest.approx(one / units**2, rel=1e-7), name


@pytest.mark.parametrize("shrink", [2.0, 4.0])
def test_newtons_step_goes_down_inside_and_stays_at_the_minimum(shrink):
    f, step = reference("04.2"), reference("04.2b", shrink=shrink)
    for name, (w, S, D) in problems("04.2b", shrink=shrink):
        moved = step(w, S, D)
        assert np.all(moved > 0), name
        at_rest = name.startswith("a minimum")
        assert np.array_equal(moved, w) == at_rest, name
        assert at_rest or f(moved, S, D)[0] < f(w, S, D)[0], name


@pytest.mark.parametrize(("w", "expected"), [(0.25, 0.375), (0.75, 0.375), (0.125, 0.21875)])
def test_one_weight_by_hand(w, expected):
    """f = w − ½ log w: the whole step leads to 2w − 2w²."""
    one = np.array([[1.0]])
    assert reference("04.2b")(np.array([w]), one, one) == pytest.approx([expected])
    assert expected == 2 * w - 2 * w**2


def test_steps_end_at_the_closed_form_of_one_weight():
    """With pairs on a line the minimum is at w = 1/(2 Σ s²), whatever D is."""
    step, S, D = reference("04.2b"), np.array([[1.0], [2.0]]), np.array([[1.0], [5.0]])
    w = np.array([1.0])
    for _ in range(30):
        w = step(w, S, D)
    assert w == pytest.approx([0.1], rel=1e-7)
