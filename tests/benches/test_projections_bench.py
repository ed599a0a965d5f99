"""The projections bench: two sets in the plane of the eigenvalues, and two ways back to them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.benches.projections import (
    BENCH,
    NEAR,
    ProjectionsState,
    both_sets,
    count,
    describe,
    draw,
    projections_bench,
    read,
)
from dmlcourse.figures import png
from dmlcourse.geometry import dykstra, project_budget, project_psd

START = ProjectionsState()
eigenvalues = st.floats(-3, 3, width=16)
states = st.builds(ProjectionsState, eigenvalues, eigenvalues, st.floats(-1.5, 1.5, width=16))
GRID = [ProjectionsState(*at) for at in product((-3, -1.25, 0, 0.75, 3), (-3, 0, 2), (-1, 0, 0.5))]


def in_both(z: np.ndarray, state: ProjectionsState, slack: float = 1e-9) -> bool:
    return bool((z >= -slack).all() and state.C @ z <= 1 + slack)


@settings(deadline=None, max_examples=50)
@given(states)
def test_the_nearest_point_obeys_the_projection_theorem(state):
    """⟨A − N, z − N⟩ ≤ 0 for the corners of the intersection is enough: it is their hull."""
    nearest = state.nearest
    assert in_both(nearest, state)
    for corner in both_sets(state.C):
        size = 1 + np.linalg.norm(corner)
        assert (state.A - nearest) @ (np.array(corner) - nearest) <= 1e-7 * size


@settings(deadline=None, max_examples=30)
@given(eigenvalues, eigenvalues)
def test_p_is_the_projection_onto_the_cone_of_geometry(first, second):
    state = ProjectionsState(first, second)
    np.testing.assert_allclose(np.diag(state.P), project_psd(np.diag(state.A)), atol=1e-12)


@pytest.mark.parametrize("state", [START, ProjectionsState(2, 2, 0.5), ProjectionsState(1, -3, -1)])
def test_no_matrix_beside_the_diagonal_ones_is_nearer(state):
    sets = [lambda M: project_budget(M, np.diag(state.C)), project_psd]
    nearest = dykstra(np.diag(state.A), sets, max_iter=2000, tol=1e-9)
    np.testing.assert_allclose(nearest, np.diag(state.nearest), atol=1e-6)


@pytest.mark.parametrize("state", GRID, ids=str)
def test_both_ways_have_arrived_when_the_picture_ends(state):
    walk, end = state.way("alternating")
    assert in_both(end, state, 1e-6)
    np.testing.assert_allclose(walk[-1], walk[-3], atol=1e-6)
    walk, end = state.way("dykstra")
    np.testing.assert_allclose(walk[-1], end, atol=1e-5)
    assert np.linalg.norm(state.end - state.A) >= np.linalg.norm(end - state.A) - 1e-6


@pytest.mark.parametrize("state", GRID, ids=str)
def test_a_corner_that_is_not_obtuse_makes_both_ends_agree(state):
    assert state.agree or state.budget < 0
    assert ("Both ends agree" in read(state)) == state.agree


def test_the_bench_starts_where_both_ends_differ():
    np.testing.assert_allclose(START.end, [0.4, 0])
    np.testing.assert_allclose(START.nearest, [1, 0])
    assert not START.agree
    assert "The ends are 0.60 apart" in read(START)
    assert "end at 0.40 and 0.00, at distance 2.56 from A, after 2 projections" in read(START)
    assert "nearest point, 1.00 and 0.00, at distance 2.24 from A, after 10 proj" in read(START)


@pytest.mark.parametrize(
    "state",
    [ProjectionsState(2, -2, 0), ProjectionsState(2, 0.5, -0.5), ProjectionsState(-1, -2, -0.5)],
)
def test_from_other_places_they_agree(state):
    assert state.agree


def test_projections_are_counted_until_the_point_stays_near():
    """A walk that passes its end and comes back has not arrived the first time."""
    end = np.zeros(2)
    walk = np.array([[3, 0], [0, 0], [1, 0], [NEAR / 2, 0], [0, 0]])
    assert count(walk, end) == 3
    assert count(walk[3:], end) == 0


def test_what_is_zero_but_for_rounding_is_zero():
    state = ProjectionsState(first=1, second=0.1 * 3 - 0.3)
    assert state.second != 0
    assert (state.A == [1, 0]).all()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (START, "A is a hyperbola around a hatched region where d² is negative; the ball of P is "),
        (START, "an endless strip of half width 1.00; that of the other end, dashed, is an endl"),
        (START, "a region without an end, with an angle of 117° at the corner (1, 0)"),
        (ProjectionsState(2, 1, 1), "both meet in a triangle, with an angle of 45°"),
        (ProjectionsState(1, 0.25, 1.5), "P = A; its ball is an ellipse with half axes 1.00 and 2"),
        (ProjectionsState(0.5, 0, 0), "λ₁ ≤ 1 is a half-plane"),
        (ProjectionsState(0.5, 0, 0), "P = A; its ball is an endless strip of half width 1.41."),
        (ProjectionsState(0, -1, -1), "d² of A is nowhere positive"),
        (ProjectionsState(-1, -2, 1), "the ball of the nearest point is the whole plane; that of"),
        (ProjectionsState(3, 3, -1.5), "at distance 0.00 from A, after 0 projections"),
    ],
)
def test_every_kind_of_matrix_is_drawn_and_described(state, words):
    png(draw(state))
    assert words in describe(state)


def test_no_number_is_minus_zero():
    for state in GRID:
        assert "−0.00" not in read(state) + describe(state)


def test_the_sliders_reach_zero_and_below_in_exact_steps():
    for slider in BENCH.sliders:
        steps = round((slider.high - slider.low) / slider.step)
        assert 0 in (slider.low + slider.step * np.arange(steps + 1)).tolist()
        assert slider.low <= getattr(START, slider.field) <= slider.high


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    projections_bench(second=1)
    picture, _, numbers = displayed
    assert picture.alt == describe(ProjectionsState(second=1))
    assert numbers.html == read(ProjectionsState(second=1))


@pytest.mark.usefixtures("a_person")
def test_a_number_moves_the_picture(displayed):
    projections_bench()
    (widget,) = displayed
    *rows, picture, text = widget.children
    rows[2].children[0].value = 0.5
    assert "Both ends agree" in text.value
    assert "with an angle of 63°" in picture.value
