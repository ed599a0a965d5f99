"""The bench of chapter 00: a weight between two measurements, and who is near."""

import numpy as np
import pytest

from dmlcourse.benches.units import BENCH, WEIGHTS, UnitsState, describe, draw, read, share, wines
from dmlcourse.figures import png
from dmlcourse.geometry import nearest

MILLIGRAMS, GRAMS = UnitsState(1, 98), UnitsState(1001, 98)


@pytest.mark.parametrize("weight", [1.0, 121.0, 1001.0])
def test_the_neighbours_are_those_of_geometry(weight):
    X, y = wines()
    distances, index = nearest(X * [weight, 1.0], k=1)
    steps = (X - X[[UnitsState(weight, wine).nearest for wine in range(178)]]) * [weight, 1.0]
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), distances[:, 0])
    assert share(weight) == pytest.approx((y[index[:, 0]] == y).mean(), abs=3 / 178)


def test_the_unit_changes_the_answer_as_the_chapter_says():
    _, y = wines()
    assert (MILLIGRAMS.nearest, GRAMS.nearest) == (172, 65)
    assert y[MILLIGRAMS.nearest] != y[98] == y[GRAMS.nearest]


def test_between_the_units_lies_a_plateau():
    assert share(WEIGHTS[0]) < 0.8
    plateau = [share(weight) for weight in WEIGHTS if 180 < weight < 900]
    assert len(plateau) == 36
    assert 0.93 < min(plateau) < max(plateau) < 0.955


@pytest.mark.parametrize(
    "state", [MILLIGRAMS, GRAMS, UnitsState(1, 130), UnitsState(1, 0), UnitsState(1001, 177)]
)
def test_every_state_is_drawn_and_described(state):
    png(draw(state))
    assert f"Nearest to wine {state.query} " in describe(state)
    assert f"{state.share:.1%} have a nearest neighbour" in read(state)


def test_the_sliders_reach_both_units_and_every_wine():
    weight, wine = BENCH.sliders
    assert (weight.low, weight.high) == (MILLIGRAMS.weight, GRAMS.weight)
    assert (weight.high - weight.low) % weight.step == 0
    assert (wine.low, wine.high, wine.step) == (0, len(wines()[0]) - 1, 1)
