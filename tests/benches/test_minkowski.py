"""The Minkowski bench: the order p, its ball, its neighbours and the detour."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import minkowski as scipys

from dmlcourse.benches.minkowski import (
    BENCH,
    DETOUR,
    NAMES,
    MinkowskiState,
    describe,
    draw,
    minkowski,
    read,
)
from dmlcourse.figures import png

steps = st.lists(st.floats(-3, 3), min_size=2, max_size=2).map(np.array)


@settings(deadline=None)
@given(steps, st.floats(0.25, 8))
def test_the_distance_is_scipys(step, order):
    expected = scipys(step, np.zeros(2), order)
    assert minkowski(step, order) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(steps, steps, st.floats(1, 8))
def test_from_one_on_no_detour_is_shorter(one, other, order):
    direct = minkowski(one + other, order)
    assert direct <= minkowski(one, order) + minkowski(other, order) + 1e-9


@pytest.mark.parametrize(
    ("order", "metric"), [(0.25, False), (0.75, False), (1, True), (2, True), (8, True)]
)
def test_below_one_the_detour_is_shorter_and_it_is_said(order, metric):
    state = MinkowskiState(order)
    assert (state.direct <= DETOUR + 1e-12) == state.is_metric == metric
    assert ("no metric" in read(state)) != metric


def test_only_order_two_does_not_care_for_a_turn():
    turned = [MinkowskiState(2, angle).lengths for angle in (0, 25, 90)]
    np.testing.assert_allclose(turned[1:], [turned[0]] * 2)
    assert not np.allclose(MinkowskiState(1, 25).lengths, MinkowskiState(1, 0).lengths)


def test_the_task_of_the_chapter_can_be_done():
    """D can be made the nearest point."""
    first, second = BENCH.sliders
    orders = np.arange(first.low, first.high + 0.1, first.step)
    angles = np.arange(second.low, second.high + 1, second.step)
    states = [MinkowskiState(order, angle) for order in orders for angle in angles]
    assert any(NAMES[state.ranking[0]] == "D" for state in states)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (0.5, "a star"),
        (1, "a square that stands on a corner"),
        (1.5, "between a square on a corner and a circle"),
        (2, "a circle"),
        (4, "between a circle and a square on its side"),
    ],
)
def test_every_ball_is_drawn_and_described(order, words):
    state = MinkowskiState(order, 30)
    png(draw(state))
    assert words in describe(state)
    assert "nearest first" in describe(state)
