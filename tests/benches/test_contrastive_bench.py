"""The contrastive bench: loss and force of a pair, held to the library's loss and to autograd."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle
from matplotlib.quiver import Quiver

from dmlcourse.benches.contrastive import (
    BENCH,
    DIFFERENT,
    FARTHEST,
    PLAIN,
    RATE,
    SAME,
    SQUARED,
    ContrastiveState,
    contrastive_bench,
    describe,
    drag,
    draw,
    pair_loss,
    pair_slope,
    read,
    targets,
    towards,
)
from dmlcourse.figures.style import raster
from dmlcourse.losses import contrastive_loss

PLACES = [(0.4, 30.0), (0.05, 250.0), (0.95, -120.0), (1.0, 90.0), (1.7, 180.0)]
STATES = [
    ContrastiveState(distance, angle, margin, kind, hinge)
    for (distance, angle), margin, (kind, hinge) in product(
        PLACES, (0.5, 1.0, 1.6), ((SAME, PLAIN), (DIFFERENT, PLAIN), (DIFFERENT, SQUARED))
    )
]
TOGETHER = [replace(state, distance=0.0) for state in STATES[:3]]


def by_torch(state: ContrastiveState) -> tuple[float, np.ndarray]:
    """Loss and minus its gradients, by the library; by the printed formula for the hinge on d²."""
    pair = torch.tensor(np.array([[0, 0], state.second]), requires_grad=True)
    x1, x2 = pair[:1], pair[1:]
    if state.hinge == PLAIN:
        loss = contrastive_loss(x1, x2, torch.tensor([state.kind == SAME]), state.margin)
    else:
        loss = (state.margin - (x1 - x2).square().sum()).clamp(min=0).square() / 2
    loss.backward()
    return loss.item(), -pair.grad.numpy()


@pytest.mark.parametrize("state", STATES + TOGETHER)
def test_loss_and_arrows_are_those_of_the_library_and_of_autograd(state):
    loss, descent = by_torch(state)
    assert state.loss == pytest.approx(loss, abs=1e-12)
    np.testing.assert_allclose(state.descent, descent, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "hinge"), [(SAME, PLAIN), (DIFFERENT, PLAIN), (DIFFERENT, SQUARED)]
)
def test_the_slope_is_that_of_the_loss_by_finite_differences(kind, hinge):
    d, h = np.linspace(0.013, 1.93, 40), 1e-6
    rise = pair_loss(d + h, kind, 0.9, hinge) - pair_loss(d - h, kind, 0.9, hinge)
    np.testing.assert_allclose(pair_slope(d, kind, 0.9, hinge), rise / (2 * h), atol=1e-6)


def test_near_nothing_the_paper_pushes_with_m_and_the_hinge_on_squares_not_at_all():
    for m in (0.5, 1.0, 2.0):
        assert pair_slope(1e-9, DIFFERENT, m, PLAIN) == pytest.approx(-m)
        assert pair_slope(1e-9, DIFFERENT, m, SQUARED) == pytest.approx(0, abs=1e-8)
        assert pair_loss(0.0, DIFFERENT, m, PLAIN) == pair_loss(0.0, DIFFERENT, m, SQUARED)


@pytest.mark.parametrize(("hinge", "edge"), [(PLAIN, 0.64), (SQUARED, 0.8)])
def test_the_push_ends_at_m_or_at_its_root(hinge, edge):
    state = ContrastiveState(margin=0.64, hinge=hinge)
    assert state.edge == pytest.approx(edge)
    assert replace(state, distance=edge - 0.01).descent.any()
    beyond = replace(state, distance=edge + 0.01)
    assert (beyond.loss, beyond.descent.any()) == (0, False)
    assert "left alone" in read(beyond)
    assert "no arrows" in describe(beyond)
    (circle,) = [patch for patch in draw(state).axes[2].patches if isinstance(patch, Circle)]
    assert circle.radius == pytest.approx(edge)


def test_one_class_has_no_circle():
    assert not draw(ContrastiveState(kind=SAME)).axes[2].patches
    assert "circle" not in describe(ContrastiveState(kind=SAME))


@pytest.mark.parametrize("state", STATES[3:6])
def test_the_arrows_end_where_a_step_takes_the_points(state):
    (quiver,) = [part for part in draw(state).axes[2].collections if isinstance(part, Quiver)]
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), RATE * state.descent)
    np.testing.assert_allclose(quiver.XY, [[0, 0], state.second], atol=1e-12)


@pytest.mark.parametrize("state", STATES[:3])
def test_the_pair_is_marked_on_its_curve_of_loss_and_of_force(state):
    loss, force, _ = draw(state).axes
    marks = [
        [(*line.get_xdata(), *line.get_ydata()) for line in ax.lines if line.get_markersize() == 11]
        for ax in (loss, force)
    ]
    assert marks == [[(state.distance, state.loss)], [(state.distance, abs(state.slope))]]


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        (0, "right"),
        (44, "up and right"),
        (-90, "down"),
        (180, "left"),
        (-170, "left"),
        (338, "right"),
    ],
)
def test_a_direction_is_one_of_eight(degrees, words):
    assert towards(np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])) == words


def test_a_dragged_point_keeps_two_decimals_of_its_distance():
    state = drag(ContrastiveState(), 0, -0.3, 0.4004)
    assert state.distance == 0.5
    np.testing.assert_allclose(state.second, [-0.3, 0.4], atol=1e-3)


def test_the_slider_can_stand_at_every_dragged_distance():
    slider = BENCH.sliders[0]
    assert (slider.field, slider.step) == ("distance", 0.01)
    assert slider.high == FARTHEST


def test_a_point_dragged_too_far_stops_in_that_direction():
    state = drag(ContrastiveState(), 0, 2.1, -1.6)
    assert state.distance == FARTHEST
    assert state.second[1] / state.second[0] == pytest.approx(-1.6 / 2.1)


def test_a_point_dragged_onto_the_other_remembers_its_direction():
    state = drag(ContrastiveState(angle=70.0), 0, 0.001, -0.001)
    assert (state.distance, state.angle) == (0, 70)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (TOGETHER[0], "nothing is left to pull"),
        (TOGETHER[1], "the gradient is taken as 0"),
        (TOGETHER[2], "they stay"),
    ],
)
def test_two_points_in_one_place_have_no_arrows_and_the_reason_is_said(state, words):
    assert words in read(state)
    assert "in the same place" in describe(state)
    assert "no arrows" in describe(state)
    assert not [part for part in draw(state).axes[2].collections if isinstance(part, Quiver)]


def test_what_the_two_forms_do_nearby_stands_side_by_side():
    assert "the push is 0.90 with [m − d]₊" in read(ContrastiveState(0.1))
    assert "and 0.20 with [m − d²]₊" in read(ContrastiveState(0.1))


def test_the_words_give_the_numbers_of_the_picture():
    text = describe(ContrastiveState(1.2, 180.0, kind=SAME))
    assert "marked at d = 1.20, on the curve of one class, with loss 0.72" in text
    assert "the second 1.20 away, left" in text
    assert "towards each other: left at the first, right at the second" in text
    assert "away from each other: right at the first" in describe(ContrastiveState(angle=180.0))
    assert "Slope dℓ/dd = −0.60" in read(ContrastiveState())


def test_every_state_has_a_picture_of_its_own_and_nothing_jumps():
    shown = [STATES[0], STATES[1], STATES[2], TOGETHER[1], ContrastiveState(FARTHEST, margin=2.0)]
    figures = [draw(state) for state in shown]
    assert len({raster(figure, 40) for figure in figures}) == len(shown)
    boxes = {
        tuple((ax.get_position().bounds, ax.get_xlim(), ax.get_ylim()) for ax in figure.axes)
        for figure in figures
    }
    assert len(boxes) == 1


def test_the_target_is_the_second_point_and_can_be_dragged():
    (target,) = targets(ContrastiveState(1.0, 90.0))
    assert (target.label, target.panel, target.drag) == ("second point at 0.00, 1.00", 2, True)
    np.testing.assert_allclose([target.x, target.y], [0, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"distance": 2.5}, "a distance from 0 to 2"),
        ({"distance": -0.1}, "a distance from 0 to 2"),
        ({"margin": 0}, "a margin from 0.1 to 2"),
        ({"distance": float("nan")}, "distance is nan"),
        ({"hinge": "d2"}, "hinge is 'd2': expected 'd' or 'd²'"),
    ],
)
def test_what_the_bench_cannot_show_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        contrastive_bench(**arguments)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    contrastive_bench(0.7, 1.5, same=True)
    picture, _, numbers = displayed
    state = ContrastiveState(0.7, margin=1.5, kind=SAME)
    assert (picture.alt, numbers.html) == (describe(state), read(state))


def test_the_live_bench_follows_the_numbers_the_choices_and_the_pointer():
    live = BENCH.live(ContrastiveState())
    live.numbers["distance"].value = 0.1
    live.radios["hinge"].value = SQUARED
    assert live.state == ContrastiveState(0.1, hinge=SQUARED)
    assert "Slope dℓ/dd = −0.20" in live.text.value
    live.drag(0, 0.0, -0.63)
    assert live.numbers["distance"].value == 0.63
    assert "second 0.63 away, down" in live.picture.scene["alt"]
    live.radios["kind"].value = SAME
    assert "½d² = 0.20" in live.text.value
