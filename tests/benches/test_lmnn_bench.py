"""The LMNN bench: a short training, and for each step who is an impostor of whom."""

from itertools import product

import numpy as np
import pytest

from dmlcourse.benches.lmnn import (
    ANCHORS,
    BENCH,
    FIRST_STEP,
    HEIGHT,
    MU,
    REACH,
    STEPS,
    TARGETS,
    LmnnState,
    describe,
    draw,
    lmnn_bench,
    moments,
    path,
    read,
    sheets,
    stretches,
)
from dmlcourse.figures import png
from dmlcourse.geometry import factor, is_psd
from dmlcourse.learners import impostor_counts, lmnn_loss, lmnn_step, target_neighbours

SOME = [0, 1, 11, 25, STEPS]


def objectives() -> np.ndarray:
    return np.array([m.pull + m.push for m in moments()])


def test_the_data_are_three_classes_of_fifteen_around_zero():
    X, y = sheets()
    assert X.shape == (45, 2)
    assert np.bincount(y).tolist() == [15, 15, 15]
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)


def test_training_starts_from_the_ruler_and_its_targets():
    X, y = sheets()
    metrics, targets = path()
    assert (metrics[0] == np.eye(2)).all()
    assert (targets == target_neighbours(X, y, TARGETS)).all()
    assert (y[targets] == y[:, None]).all()


def test_each_step_is_that_of_the_library_and_never_raises_the_objective():
    X, y = sheets()
    metrics, targets = path()
    first, _ = lmnn_step(np.eye(2), X, y, targets, MU, FIRST_STEP)
    np.testing.assert_array_equal(metrics[1], first)
    assert len(metrics) == STEPS + 1
    assert all(is_psd(M) for M in metrics)
    assert (np.diff(objectives()) <= 1e-9).all()


@pytest.mark.parametrize("step", SOME)
def test_the_objective_and_the_triplets_are_those_of_the_library(step):
    X, y = sheets()
    metrics, targets = path()
    L, moment = factor(metrics[step]), moments()[step]
    assert moment.pull + moment.push == pytest.approx(lmnn_loss(L, X, y, targets, MU), rel=1e-9)
    assert moment.triplets == impostor_counts(X @ L.T, y, targets).sum()


@pytest.mark.parametrize("step", SOME)
def test_the_root_is_symmetric_and_gives_the_distances_of_m(step):
    X, _ = sheets()
    M, moment = path()[0][step], moments()[step]
    steps = X[:, None] - X
    np.testing.assert_allclose(moment.D, np.einsum("ijk,kl,ijl->ij", steps, M, steps), atol=1e-9)
    L = np.linalg.lstsq(X, moment.Z, rcond=None)[0]
    np.testing.assert_allclose(L, L.T, atol=1e-12)


def test_the_points_move_smoothly_and_stay_in_the_picture():
    Z = np.array([m.Z for m in moments()])
    assert np.linalg.norm(np.diff(Z, axis=0), axis=2).max() < 0.35
    assert (abs(Z) < [REACH - 0.1, HEIGHT - 0.1]).all()


@pytest.mark.parametrize(("step", "anchor"), [*product(SOME, range(1, 6))])
def test_impostors_are_the_strangers_inside_the_dashed_circle(step, anchor):
    state, (_, y) = LmnnState(step, anchor), sheets()
    away = np.linalg.norm(state.moment.Z - state.moment.Z[state.point], axis=1)
    assert state.radius == pytest.approx(away[state.targets].max())
    assert state.border == pytest.approx(np.hypot(state.radius, 1))
    strangers = np.flatnonzero((away < state.border) & (y != y[state.point]))
    assert state.impostors.tolist() == strangers.tolist()
    assert set(state.impostors) <= set(state.of_others)


@pytest.mark.parametrize("step", SOME)
def test_who_is_an_impostor_of_someone_by_three_loops(step):
    _, y = sheets()
    D, targets, found, triplets = moments()[step].D, path()[1], set(), 0
    for i, j, l in product(range(45), range(TARGETS), range(45)):
        if y[l] != y[i] and D[i, l] < 1 + D[i, targets[i, j]]:
            found.add(l)
            triplets += 1
    assert LmnnState(step).of_others.tolist() == sorted(found)
    assert moments()[step].triplets == triplets


def test_the_ruler_has_impostors_and_training_removes_most_of_them():
    before, after = LmnnState(0, 1), LmnnState(STEPS, 1)
    assert (len(before.impostors), len(after.impostors)) == (10, 0)
    assert len(before.of_others) == 45
    assert len(after.of_others) < 32
    assert moments()[0].triplets == 610
    assert moments()[STEPS].triplets < 150
    assert objectives()[0] > 15 * objectives()[STEPS]


def test_one_anchor_gets_more_impostors_on_the_way():
    counts = [len(LmnnState(step, 2).impostors) for step in range(STEPS + 1)]
    assert counts[0] == 8
    assert min(counts[:12]) < max(counts[12:])


def test_the_triplets_rise_for_a_while_although_the_objective_falls():
    triplets = np.array([m.triplets for m in moments()])
    rises = np.diff(triplets) > 0
    assert rises.any()
    assert (np.diff(objectives())[rises] < 0).all()


def test_the_sheets_become_shorter_and_the_gaps_wider():
    both = np.array([stretches(M) for M in path()[0]])
    np.testing.assert_allclose(both[0], 1)
    assert both[STEPS, 0] < 0.4
    assert both[STEPS, 1] > 1.4


@pytest.mark.parametrize("anchor", [1, 2, 3, 4, 5])
def test_the_anchors_differ(anchor):
    assert len(set(ANCHORS)) == 5
    assert LmnnState(0, anchor).point == ANCHORS[anchor - 1]


@pytest.mark.parametrize(("step", "anchor"), [(0, 1), (14, 2), (STEPS, 3), (STEPS, 5), (7.5, 4.0)])
def test_every_state_is_drawn_and_described(step, anchor):
    state = LmnnState(step, anchor)
    png(draw(state))
    assert f"after the map L of step {int(step)}." in describe(state)
    count = f"inside the dashed circle: {len(state.impostors) or 'none'}"
    for text in (describe(state), read(state)):
        assert count in text
        assert f"from {state.moment.triplets} active triplets" in text


def test_the_numbers_of_the_start_are_those_that_the_chapter_names():
    assert "10 (5 of class A, 5 of class C). Impostors of some point: 45 of 45" in read(LmnnState())
    assert "pull 38.8 + push 212.9 = 251.7, from 610 active triplets" in read(LmnnState())
    assert "nearest neighbour is of their own class: 43 of 45" in read(LmnnState())
    assert "nearest neighbour is of their own class: 45 of 45" in read(LmnnState(STEPS))


@pytest.mark.parametrize(("step", "anchor"), [(-1, 1), (STEPS + 1, 1), (0, 0), (0, 6)])
def test_a_state_outside_the_training_is_refused_in_words(step, anchor):
    with pytest.raises(ValueError, match="a step from 0 to 40 and an anchor from 1 to 5"):
        lmnn_bench(step, anchor)


def test_the_sliders_reach_every_step_and_anchor():
    step, anchor = BENCH.sliders
    assert (step.low, step.high, step.step) == (0, STEPS, 1)
    assert (anchor.low, anchor.high, anchor.step) == (1, len(ANCHORS), 1)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    lmnn_bench()
    picture, _, numbers = displayed
    assert picture.alt == describe(LmnnState())
    assert numbers.html == read(LmnnState())


@pytest.mark.usefixtures("a_person")
def test_a_number_moves_the_picture(displayed):
    lmnn_bench()
    (widget,) = displayed
    *rows, picture, text = widget.children
    rows[0].children[0].value = STEPS
    rows[1].children[0].value = 3
    assert "inside the dashed circle: none" in text.value
    assert f"after the map L of step {STEPS}." in picture.value


def test_the_key_names_every_kind_of_point():
    plane = draw(LmnnState(0, 1)).axes[0]
    handles, labels = plane.get_legend_handles_labels()
    assert labels[:2] == ["impostor of the anchor", "impostor of another"]
    assert labels[2:] == ["class A", "class B", "class C", "anchor"]
    assert [text.get_text() for text in plane.texts] == labels
    assert len({handle.get_marker() + handle.get_mfc() for handle in handles}) == len(labels)
    marks = plane.lines[-len(labels) :]
    assert [mark.get_marker() for mark in marks] == [handle.get_marker() for handle in handles]
