"""The bench of two Gaussians: its numbers are those of the library, its words are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse import geometry
from dmlcourse.benches.gaussians import LABELS, GaussiansState, describe, draw, read
from dmlcourse.figures import png

states = st.builds(
    GaussiansState, st.floats(0, 4), st.floats(0.5, 3, width=16), st.floats(0.5, 3, width=16)
)


@settings(deadline=None)
@given(states)
def test_the_numbers_are_those_of_geometry(state):
    p = np.zeros(1), np.array([[state.first**2]])
    q = np.array([state.gap]), np.array([[state.second**2]])
    expected = [
        geometry.kl_gaussian(*p, *q),
        geometry.kl_gaussian(*q, *p),
        geometry.jeffrey_gaussian(*p, *q),
        geometry.bhattacharyya_gaussian(*p, *q),
        geometry.matusita_gaussian(*p, *q),
    ]
    np.testing.assert_allclose(state.values, expected, rtol=1e-6, atol=1e-7)


@settings(deadline=None)
@given(states)
def test_kl_is_larger_in_the_direction_that_averages_over_the_wider_one(state):
    forward, backward, *_ = state.values
    if state.first != state.second:
        assert (backward > forward) == (state.second > state.first)
        assert f"{'q' if state.second > state.first else 'p'} is the wider one" in read(state)


def test_all_are_zero_where_p_is_q():
    state = GaussiansState(0, 1.5, 1.5)
    np.testing.assert_allclose(state.values, 0, atol=1e-15)
    assert "all five are zero" in read(state)


def test_matusita_is_the_one_that_stops_growing():
    near, far = GaussiansState(3, 0.5, 0.5).values, GaussiansState(4, 0.5, 0.5).values
    assert far[-1] < np.sqrt(2)
    assert (far[:-1] > near[:-1] + 1).all()
    assert far[-1] - near[-1] < 0.02


@pytest.mark.parametrize(
    "state", [GaussiansState(), GaussiansState(0, 1, 1), GaussiansState(4, 0.5, 3)]
)
def test_every_state_is_drawn_and_described(state):
    png(draw(state))
    assert all(label in describe(state) for label in LABELS)
