"""Balls, neighbours and labels in the plane, against their formulas."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Ellipse, Polygon, Rectangle

from dmlcourse.figures import (
    CLASSES,
    axes_equal,
    canvas,
    classes,
    ellipse,
    labelled_points,
    level_set,
    metric_balls,
    neighbours,
)
from dmlcourse.figures.draw import _label_offsets

eigenvalues = st.floats(0.01, 100)
angles = st.floats(0, np.pi)
# The first neighbours import torch, and a canvas takes 20 ms.
few = settings(max_examples=20, deadline=None)


@pytest.fixture
def ax():
    return canvas()[1]


def matrix(first: float, second: float, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    Q = np.array([[c, -s], [s, c]])
    return Q * [first, second] @ Q.T


def form(M: np.ndarray, steps: np.ndarray) -> np.ndarray:
    return np.einsum("ni,ij,nj->n", steps, M, steps)


@few
@given(eigenvalues, eigenvalues, angles, st.floats(0.1, 3))
def test_the_edge_of_a_ball_is_at_distance_r(first, second, angle, radius):
    M, centre = matrix(first, second, angle), np.array([1.0, -2.0])
    _, ax = canvas()
    ellipse(ax, M, centre, radius)
    (ball,) = ax.patches
    edge = ball.get_patch_transform().transform(ball.get_path().vertices[::3]) - centre
    np.testing.assert_allclose(form(M, edge), radius**2, rtol=1e-3)


@few
@given(eigenvalues, angles, st.floats(0.1, 3))
def test_a_flat_ball_is_an_endless_strip_of_width_two_r(value, angle, radius):
    M, centre = matrix(value, 0, angle), np.array([1.0, -2.0])
    _, ax = canvas()
    ellipse(ax, M, centre, radius)
    (strip,) = ax.patches
    assert isinstance(strip, Polygon)
    corners = strip.get_xy() - centre
    np.testing.assert_allclose(form(M, corners), radius**2, rtol=1e-4)
    assert np.linalg.norm(corners, axis=1).min() > 1000


def test_the_ball_of_zero_is_the_whole_plane(ax):
    ellipse(ax, np.zeros((2, 2)))
    (everything,) = ax.patches
    assert isinstance(everything, Rectangle)
    assert everything.get_transform() != ax.transData


def test_the_ball_around_each_centre_looks_the_same(ax):
    metric_balls(ax, np.diag([4.0, 1.0]), np.array([[0, 0], [3, 1]]), radius=2)
    assert [type(ball) for ball in ax.patches] == [Ellipse, Ellipse]
    assert {(ball.width, ball.height) for ball in ax.patches} == {(4.0, 2.0)}
    assert [ball.center for ball in ax.patches] == [(0, 0), (3, 1)]


def test_a_negative_eigenvalue_has_no_ball(ax):
    with pytest.raises(
        ValueError, match=r"negative eigenvalue -1, so it has no ball; use level_set"
    ):
        ellipse(ax, np.diag([1.0, -1.0]))


@pytest.mark.parametrize(
    "M", [np.eye(3), np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[np.nan, 0.0], [0.0, 1.0]])]
)
def test_what_is_no_symmetric_matrix_of_the_plane_is_refused(ax, M):
    with pytest.raises(ValueError, match="symmetric, finite matrix of shape"):
        ellipse(ax, M)


@pytest.mark.parametrize("M", [np.diag([1.0, -1.0]), np.diag([-1.0, -2.0]), np.diag([0.0, -1.0])])
def test_a_level_set_draws_without_warnings(ax, M):
    axes_equal(ax, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        level_set(ax, M)
        ax.figure.canvas.draw()


def test_a_circle_looks_like_a_circle(ax):
    axes_equal(ax, 2, centre=(1, 0))
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == (-1, 3)
    assert ax.get_ylim() == (-2, 2)


@few
@given(eigenvalues, eigenvalues, angles)
def test_neighbours_are_those_of_brute_force(first, second, angle):
    X = np.random.default_rng(0).normal(size=(9, 2))
    M = matrix(first, second, angle)
    _, ax = canvas()
    expected = sorted(set(range(9)) - {4}, key=lambda i: form(M, X[[i]] - X[4])[0])[:3]
    assert neighbours(ax, X, query=4, k=3, M=M).tolist() == expected


def test_labels_keep_clear_of_points_and_of_each_other(ax):
    axes_equal(ax, 2)
    X = np.array([[0, 0], [0.15, 0.15], [0.3, 0.3], [-0.15, -0.15]])
    offsets = _label_offsets(ax, X)
    at = ax.transData.transform(X) * 72 / ax.figure.dpi
    labels = at + offsets
    others = [np.linalg.norm(labels - label, axis=1) for label in labels]
    assert min(np.partition(gaps, 1)[1] for gaps in others) > 8
    assert min(np.linalg.norm(at - label, axis=1).min() for label in labels) > 8


def test_every_point_has_its_name(ax):
    labelled_points(ax, np.eye(2), ["x", "y"], roles=["anchor", "near"])
    assert [text.get_text() for text in ax.texts] == ["x", "y"]


@pytest.mark.parametrize(("names", "roles"), [("xyz", "near"), ("xy", ["near"]), ("xy", "nearest")])
def test_a_wrong_count_or_role_is_refused(ax, names, roles):
    with pytest.raises(ValueError, match=r"2 points need as many names and roles"):
        labelled_points(ax, np.eye(2), names, roles)


def test_classes_have_a_legend_and_a_limit(ax):
    classes(ax, np.zeros((4, 2)), np.array([0, 0, 1, 2]), names=["setosa", "other", "last"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["setosa", "other", "last"]
    many = np.arange(len(CLASSES) + 1)
    with pytest.raises(ValueError, match="can be told apart"):
        classes(ax, np.zeros((len(many), 2)), many)
