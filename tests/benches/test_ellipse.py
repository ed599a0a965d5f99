"""The ellipse bench: one M, and the ball, the mapped plane and the neighbours that follow."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dmlcourse.benches.ellipse import BENCH, NAMES, POINTS, EllipseState, describe, draw, read
from dmlcourse.figures import png
from dmlcourse.geometry import factor, mahalanobis

CIRCLE = EllipseState(first=1, second=1, angle=0)
metrics = st.builds(EllipseState, st.floats(0, 5), st.floats(0, 5), st.floats(0, 180))


def names_in_order(state: EllipseState) -> str:
    return "".join(NAMES[i] for i in state.order)


@settings(deadline=None)
@given(metrics)
def test_distances_and_order_are_those_of_geometry(state):
    distances = mahalanobis(POINTS[:1], POINTS, M=state.M)[0]
    np.testing.assert_allclose(np.sqrt(state.squares), distances, atol=1e-6)
    assert (np.diff(state.squares[state.order]) >= 0).all()


@settings(deadline=None)
@given(metrics)
def test_the_mapped_plane_has_a_factor_of_m(state):
    np.testing.assert_allclose(state.L.T @ state.L, state.M, atol=1e-12)
    other = factor(state.M)
    np.testing.assert_allclose(other.T @ other, state.M, atol=1e-9)


@pytest.mark.parametrize(
    ("eigenvalues", "rank", "metric"),
    [((2, 1), 2, True), ((2, 0), 1, True), ((0, 0), 0, True), ((2, -1), 2, False)],
)
def test_rank_and_whether_it_is_a_metric(eigenvalues, rank, metric):
    state = EllipseState(*eigenvalues, angle=25)
    assert (state.rank, state.is_metric) == (rank, metric)


def test_what_is_zero_but_for_rounding_is_zero():
    state = EllipseState(first=0.1 * 3 - 0.3, second=1)
    assert state.first != 0
    assert state.rank == 1


def test_the_neighbours_change_as_the_ellipse_turns():
    flat = EllipseState(first=3, second=0.25)
    assert len({names_in_order(replace(flat, angle=angle)) for angle in range(0, 180, 15)}) > 5
    assert len({names_in_order(replace(CIRCLE, angle=angle)) for angle in range(0, 180, 15)}) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (EllipseState(4, 0.25, 0), "an ellipse with half axes 2.00 and 0.50"),
        (EllipseState(4, 0, 0), "an endless strip. Middle: after L all points lie on one line"),
        (EllipseState(0, 0, 0), "the whole plane"),
        (EllipseState(4, -1, 0), "no ball around A but a hyperbola"),
        (EllipseState(0, -1, 0), "no ball, d² is nowhere positive"),
        (EllipseState(-1, -1, 0), "no ball, d² is nowhere positive"),
    ],
)
def test_every_kind_of_matrix_is_drawn_and_described(state, words):
    png(draw(state))
    assert words in describe(state)
    assert describe(state).count("nearest first") == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CIRCLE, "M = [[1.00, 0.00], [0.00, 1.00]]"),
        (CIRCLE, "rank 2: a metric"),
        (EllipseState(3, 0, 0), "rank 1: a pseudo-metric"),
        (
            EllipseState(3, -0.5, 0),
            "Eigenvalues 3.00 and −0.50; one below zero, so M is not a metric",
        ),
        (EllipseState(3, -0.5, 90), "M = [[−0.50, 0.00], [0.00, 3.00]]"),
        (EllipseState(-1, -1, 0), "both below zero, so M is not a metric"),
    ],
)
def test_the_numbers_stand_beside_the_picture(state, words):
    assert words in read(state)


def test_no_number_is_minus_zero():
    for angle in range(0, 181, 5):
        assert "−0.00" not in read(EllipseState(1, 1, angle)) + describe(EllipseState(1, 0, angle))


def test_the_sliders_reach_zero_and_below_in_exact_steps():
    for slider in BENCH.sliders[:2]:
        values = slider.low + slider.step * np.arange(
            round((slider.high - slider.low) / slider.step)
        )
        assert slider.low < 0
        assert 0 in values.tolist()


def test_the_picture_of_the_readme_is_the_bench_as_it_starts():
    """After a change: write png(draw(EllipseState())) to docs/ellipse.png."""
    path = Path(__file__).parents[2] / "docs" / "ellipse.png"
    stored, drawn = (
        np.asarray(Image.open(file).convert("L"), dtype=float)
        for file in (path, BytesIO(png(draw(EllipseState()))))
    )
    assert path.stat().st_size < 60_000
    assert stored.shape == drawn.shape
    assert abs(stored - drawn).mean() < 1
