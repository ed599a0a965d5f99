"""The triplet bench: regions and gradients, held to the library's loss and to autograd."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle
from matplotlib.quiver import Quiver

from dmlcourse.benches.triplet import (
    BENCH,
    CIRCLE,
    EASY,
    HARD,
    HINGE,
    LARGEST,
    PLAIN,
    RATE,
    SEMI_HARD,
    SIDE,
    SOFTPLUS,
    SQUARED,
    TOP,
    TripletState,
    describe,
    drag,
    draw,
    read,
    step,
    targets,
    triplet_bench,
)
from dmlcourse.figures.style import raster
from dmlcourse.losses import triplet_loss

KINDS = [*product((SQUARED, PLAIN), (HINGE, SOFTPLUS))]
A = (-0.6, -0.3)
POSITIVE_ON_ANCHOR = TripletState(A, A, (0.2, 0.1))
NEGATIVE_ON_ANCHOR = TripletState(A, (0.2, 0.1), A)
ALL_IN_ONE_PLACE = TripletState(A, A, A)
PLACES = [
    TripletState(),
    TripletState(negative=(-0.4, 0.1)),
    TripletState(negative=(2.0, 1.0)),
    TripletState(margin=0.0),
    POSITIVE_ON_ANCHOR,
    NEGATIVE_ON_ANCHOR,
    ALL_IN_ONE_PLACE,
    *(
        TripletState(*map(tuple, points), margin=1.0)
        for points in np.random.default_rng(0).uniform(-1.4, 1.4, (5, 3, 2))
    ),
]
OPPOSITE = TripletState((1.0, 0.0), (1.0, 0.0), (-1.0, 0.0), margin=4.5, space=CIRCLE)


def around(state: TripletState, distance: float, count: int = 24) -> list[TripletState]:
    """The state with its negative at so many places this far from the anchor."""
    angles = 2 * np.pi * np.arange(count) / count
    ring = state.points[0] + distance * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [replace(state, negative=tuple(place)) for place in ring]


def by_autograd(state: TripletState) -> tuple[float, np.ndarray]:
    """The library's loss and its gradient; on the circle through the normalisation."""
    points = torch.tensor(state.points, requires_grad=True)
    z = points / points.norm(dim=1, keepdim=True) if state.space == CIRCLE else points
    loss = triplet_loss(
        *z.split(1),
        margin=state.margin,
        squared=state.power == SQUARED,
        soft=state.bend == SOFTPLUS,
    )
    loss.backward()
    return loss.item(), points.grad.numpy()


@pytest.mark.parametrize(("power", "bend"), KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_loss_and_arrows_are_those_of_the_library_and_of_autograd(place, power, bend):
    state = replace(place, power=power, bend=bend)
    loss, gradient = by_autograd(state)
    assert state.loss == pytest.approx(loss, abs=1e-11)
    np.testing.assert_allclose(state.descent, -gradient, atol=1e-11)


@pytest.mark.parametrize(("power", "bend"), KINDS)
@pytest.mark.parametrize("place", [*PLACES[:4], *PLACES[-5:]])
def test_on_the_circle_the_arrows_are_those_of_normalised_points(place, power, bend):
    state = replace(place, power=power, bend=bend, space=CIRCLE)
    loss, gradient = by_autograd(state)
    assert state.loss == pytest.approx(loss, abs=1e-11)
    np.testing.assert_allclose(state.descent, -gradient, atol=1e-11)
    np.testing.assert_allclose((state.descent * state.points).sum(axis=1), 0, atol=1e-11)


@pytest.mark.parametrize(("power", "bend"), KINDS)
def test_a_shift_of_all_three_changes_no_distance_so_the_arrows_sum_to_zero(power, bend):
    state = replace(PLACES[-1], power=power, bend=bend)
    assert state.descent.any()
    np.testing.assert_allclose(state.descent.sum(axis=0), 0, atol=1e-11)


def test_without_squares_the_pull_on_the_positive_is_one_at_every_distance():
    for x in (0.1, 0.5, 1.4):
        state = TripletState((0.0, 0.0), (x, 0.0), (0.0, 0.05), power=PLAIN)
        np.testing.assert_allclose(state.descent[1], [-1, 0])
        np.testing.assert_allclose(replace(state, power=SQUARED).descent[1], [-2 * x, 0])


@pytest.mark.parametrize("power", [SQUARED, PLAIN])
@pytest.mark.parametrize("place", [PLACES[0], PLACES[-1], POSITIVE_ON_ANCHOR])
def test_the_circles_separate_the_regions_and_the_dashed_one_is_where_the_loss_ends(place, power):
    state = replace(place, power=power)
    near, border = state.near, state.border
    rings = {near - 1e-3: HARD, near + 1e-3: SEMI_HARD, border - 1e-3: SEMI_HARD}
    for distance, region in {**rings, border + 1e-3: EASY}.items():
        if distance > 0:
            assert {other.region for other in around(state, distance)} == {region}
    assert all(other.loss > 0 for other in around(state, border - 1e-3))
    assert all(other.loss == 0 for other in around(state, border + 1e-3))


def test_the_dashed_circle_adds_the_margin_to_what_the_loss_compares():
    state = TripletState((0.0, 0.0), (0.6, 0.0), margin=0.28)
    assert state.border == pytest.approx(0.8), "0.36 + 0.28 = 0.64"
    assert replace(state, power=PLAIN).border == pytest.approx(0.88)


def test_the_picture_has_both_circles_around_the_anchor():
    state = TripletState(anchor=(0.5, 0.25), margin=1.2)
    circles = [patch for patch in draw(state).axes[0].patches if isinstance(patch, Circle)]
    assert [circle.radius for circle in circles] == [state.border, state.near]
    assert [circle.center for circle in circles] == 2 * [(0.5, 0.25)]
    *_, circle = draw(replace(state, space=CIRCLE)).axes[0].patches
    assert (circle.radius, circle.center) == (1, (0, 0))


def test_a_negative_as_far_as_the_positive_is_hard_and_one_on_the_margin_is_easy():
    tie = TripletState((0.0, 0.0), (0.6, 0.8), (-1.0, 0.0))
    assert tie.region == HARD
    edge = TripletState((0.0, 0.0), (0.1, 0.0), (0.3, 0.0), margin=0.2, power=PLAIN)
    assert (edge.region, edge.loss, edge.descent.any()) == (EASY, 0, False)
    assert TripletState((0.0, 0.0), (0.5, 0.0), (0.6, 0.0), margin=0.0).region == EASY


@pytest.mark.parametrize(("power", "wall"), [(SQUARED, 4.0), (PLAIN, 2.0)])
def test_on_the_circle_distances_end_so_a_larger_margin_is_never_met(power, wall):
    angles = np.linspace(-np.pi, np.pi, 73)
    places = [(float(np.cos(t)), float(np.sin(t))) for t in angles]
    base = TripletState((1.0, 0.0), power=power, space=CIRCLE)
    assert base.wall == wall
    pairs = [*product(places[::6], places)]
    for margin, met in ((wall - 0.2, True), (wall + 0.1, False)):
        states = (replace(base, positive=p, negative=n, margin=margin) for p, n in pairs)
        assert any(state.region == EASY for state in states) is met
        assert ("no triplet can ever meet it" in read(replace(base, margin=margin))) is not met


def test_on_the_circle_the_words_say_what_is_within_reach():
    state = TripletState((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), margin=1.9, space=CIRCLE)
    assert "squared distances end at 4. The dashed circle is within reach" in read(state)
    assert "no negative can be easy" in read(replace(state, margin=2.1))
    assert "no negative can be easy" in read(replace(state, power=PLAIN))
    assert "end at" not in read(replace(state, space="anywhere"))


def test_a_point_at_the_origin_has_a_place_on_the_circle_too():
    state = TripletState((0.0, 0.0), (0.0, 1.0), (0.0, -2.0), space=CIRCLE)
    np.testing.assert_allclose(state.points, [[1, 0], [0, 1], [0, -1]], atol=1e-12)


def test_every_region_and_its_arrows_are_said_in_words():
    semi, hard, easy = PLACES[:3]
    assert [state.region for state in (semi, hard, easy)] == [SEMI_HARD, HARD, EASY]
    for state in (semi, hard, easy):
        for text in (describe(state), read(state)):
            assert f"The negative is {state.region}" in text
    assert "anchor 2.72 down, positive 1.90 left, negative 2.24 up and right" in read(semi)
    assert "No arrows: the hinge is closed" in read(easy)
    assert "softplus gives them: below 0.01" in read(replace(easy, bend=SOFTPLUS))
    assert "every direction is level here" in read(OPPOSITE)
    assert "positive none" in read(replace(POSITIVE_ON_ANCHOR, margin=1.0))


def test_the_loss_is_written_out():
    assert "The loss [0.50 + 0.90 − 1.25]₊ is 0.15." in read(TripletState())
    soft = TripletState(power=PLAIN, bend=SOFTPLUS)
    assert "log(1 + exp(0.50 + 0.95 − 1.12)) is 0.87" in read(soft)
    assert "never reaches 0" in describe(soft)


def test_the_arrows_end_where_a_step_takes_the_points():
    state = TripletState()
    (quiver,) = [part for part in draw(state).axes[0].collections if isinstance(part, Quiver)]
    ends = quiver.XY + np.stack([quiver.U, quiver.V], axis=1)
    np.testing.assert_allclose(ends, step(state).points, atol=1e-12)
    np.testing.assert_allclose(ends - state.points, RATE * state.descent, atol=1e-12)


@pytest.mark.parametrize("state", [PLACES[2], OPPOSITE, ALL_IN_ONE_PLACE])
def test_there_is_no_arrow_where_there_is_no_slope_and_a_step_changes_nothing(state):
    assert not [part for part in draw(state).axes[0].collections if isinstance(part, Quiver)]
    np.testing.assert_allclose(step(state).points, state.points, atol=1e-12)


@pytest.mark.parametrize("space", ["anywhere", CIRCLE])
def test_steps_down_make_the_negative_easy_and_then_end(space):
    state, losses = TripletState(margin=1.5, space=space), []
    for _ in range(12):
        losses.append(state.loss)
        state = step(state)
    assert losses[1] < losses[0]
    assert (state.region, state.loss) == (EASY, 0)
    np.testing.assert_allclose(step(state).points, state.points, atol=1e-12)


def test_a_step_never_leaves_the_picture():
    state = step(TripletState((2.0, 1.0), (-2.4, -1.0), (2.4, 1.4), margin=4.5))
    assert (abs(state.points) <= LARGEST).all()


def test_the_side_panel_marks_the_negative_on_the_curve():
    for state in (TripletState(), TripletState(power=PLAIN, bend=SOFTPLUS)):
        curve, mark = draw(state).axes[1].lines
        assert (*mark.get_xdata(), *mark.get_ydata()) == (state.far, state.loss)
        at = np.interp(state.far, curve.get_xdata(), curve.get_ydata())
        assert at == pytest.approx(state.loss, abs=2e-3)


def test_a_negative_off_the_scale_is_marked_at_its_edge_and_said():
    state = TripletState((2.4, 1.4), (-2.4, -1.4), (-2.4, 1.4))
    mark = draw(state).axes[1].lines[1]
    assert (*mark.get_xdata(), *mark.get_ydata()) == (SIDE, TOP)
    assert mark.get_marker() != draw(TripletState()).axes[1].lines[1].get_marker()
    assert "off the scale" in describe(state)
    assert "off the scale" not in describe(TripletState())


@pytest.mark.parametrize(("index", "name"), [*enumerate(["anchor", "positive", "negative"])])
def test_a_dragged_point_has_two_decimals_and_the_others_stay(index, name):
    state = drag(TripletState(), index, 0.1249, -0.001)
    assert state == replace(TripletState(), **{name: (0.12, 0.0)})


def test_on_the_circle_a_dragged_point_stays_on_it_and_the_plane_is_not_forgotten():
    state = drag(TripletState(space=CIRCLE), 2, 2.0, 0.0)
    np.testing.assert_allclose(state.points[2], [1, 0])
    np.testing.assert_allclose(np.linalg.norm(state.points, axis=1), 1)
    np.testing.assert_allclose(replace(state, space="anywhere").points[0], TripletState.anchor)


def test_the_targets_are_the_three_points_and_name_their_places():
    found = targets(TripletState())
    assert [target.label for target in found] == [
        "anchor at −0.60, −0.30",
        "positive at 0.30, −0.60",
        "negative at −0.10, 0.70",
    ]
    assert all(target.drag for target in found)
    moved = targets(TripletState(space=CIRCLE))
    np.testing.assert_allclose([target.x**2 + target.y**2 for target in moved], 1)


def test_every_state_has_a_picture_of_its_own_and_nothing_jumps():
    shown = [*PLACES[:4], ALL_IN_ONE_PLACE, OPPOSITE, TripletState(bend=SOFTPLUS)]
    figures = [draw(state) for state in shown]
    assert len({raster(figure, 40) for figure in figures}) == len(shown)
    boxes = {
        tuple((ax.get_position().bounds, ax.get_xlim(), ax.get_ylim()) for ax in figure.axes)
        for figure in figures
    }
    assert len(boxes) == 1
    assert not any("nan" in describe(state) + read(state) for state in shown)


def test_the_key_names_the_points_and_the_regions():
    plane = draw(TripletState()).axes[0]
    names = ["anchor", "positive", "negative", "hard", "semi-hard", "easy"]
    assert [text.get_text() for text in plane.texts] == names
    handles, labels = plane.get_legend_handles_labels()
    assert labels == names
    assert len({handle.get_marker() + str(handle.get_mfc()) for handle in handles}) == len(names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"negative": (3.0, 0.0)}, r"negative is \(3.0, 0.0\): expected two numbers .* to 2.4"),
        ({"anchor": (0.0, float("nan"))}, "anchor is .* to 1.4"),
        ({"positive": (1.0, 1.0, 1.0)}, "positive is .*expected two numbers"),
        ({"margin": 4.6}, "margin is 4.6: expected a number from 0 to 4.5"),
        ({"margin": -0.1}, "margin is -0.1"),
    ],
)
def test_what_the_bench_cannot_show_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        triplet_bench(**arguments)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    triplet_bench(negative=(1, 1), margin=1, squared=False, soft=True, circle=True)
    picture, _, numbers = displayed
    state = TripletState(negative=(1.0, 1.0), margin=1.0, power=PLAIN, bend=SOFTPLUS, space=CIRCLE)
    assert (picture.alt, numbers.html) == (describe(state), read(state))


def test_the_live_bench_follows_the_pointer_the_margin_the_choices_and_the_button():
    live = BENCH.live(TripletState())
    live.drag(2, 2.0, 1.0)
    assert "No arrows" in live.text.value
    assert "negative at (2.00, 1.00)" in live.picture.scene["alt"]
    live.drag(2, -0.4, 0.1)
    live.numbers["margin"].value = 1.0
    live.radios["power"].value = PLAIN
    assert live.state == TripletState(negative=(-0.4, 0.1), margin=1.0, power=PLAIN)
    before = live.state
    live.buttons[0].click()
    assert live.state == step(before)
    live.radios["space"].value = CIRCLE
    assert "distances end at 2" in live.text.value
