"""The pairs bench: MMC in the plane, checked against search by hand and against the library."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.benches.pairs import (
    BENCH,
    CANNOT,
    MEMBERS,
    MUST,
    NAMES,
    NEAREST,
    REACH,
    SQUARED,
    START,
    Pair,
    PairsState,
    describe,
    draw,
    learn,
    neighbours_right,
    pairs_bench,
    points,
    press,
    read,
    remove_all,
    remove_last,
    root,
    targets,
)
from dmlcourse.figures import png

X, y = points()
ONE_EACH = (Pair(3, 5, True), Pair(3, 11, False))
WRONG = (*START, Pair(3, 11, True))
SETS = {"start": START, "one of each": ONE_EACH, "wrong": WRONG}
STATES = [PairsState(), PairsState(power=SQUARED), PairsState(()), PairsState(ONE_EACH, picked=4)]


def separation(M: np.ndarray, D: np.ndarray, power: float = 0.5) -> float:
    return float((np.einsum("mi,ij,mj->m", D, M, D).clip(0) ** power).sum())


def best_by_search(S: np.ndarray, D: np.ndarray, power: float) -> float:
    """The largest sum over a grid of all M = Q diag(m, 1 − m) Qᵀ, scaled to the budget."""
    found = []
    for angle in np.linspace(0, np.pi, 361):
        q = np.array([np.cos(angle), np.sin(angle)])
        p = np.array([-q[1], q[0]])
        for m in 1 - np.geomspace(1e-5, 0.5, 60):
            M = m * np.outer(q, q) + (1 - m) * np.outer(p, p)
            found.append(separation(M / separation(M, S, 1), D, power))
    return max(found)


def test_the_points_are_three_classes_of_eight_and_the_ruler_misleads():
    assert X.shape == (24, 2)
    assert np.bincount(y).tolist() == [MEMBERS] * 3
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert (abs(X) < REACH - 0.1).all()
    assert neighbours_right(np.eye(2))[0] == 15


@pytest.mark.parametrize(("squared", "power"), [(False, 0.5), (True, 1.0)])
@pytest.mark.parametrize("pairs", [START, WRONG])
def test_no_metric_within_the_budget_does_better(pairs, squared, power):
    state = PairsState(pairs)
    S, D = state.similar, state.dissimilar
    M, ridge = learn(S, D, squared)
    assert not ridge
    assert separation(M, S, 1) == pytest.approx(1)
    best = best_by_search(S, D, power)
    assert best <= separation(M, D, power) * (1 + 1e-8)
    assert best >= separation(M, D, power) * 0.99, "the search comes near"


def test_squares_give_rank_one():
    for pairs in SETS.values():
        low, high = np.linalg.eigvalsh(PairsState(pairs, power=SQUARED).M)
        assert abs(low) < 1e-9 * high


@pytest.mark.parametrize("name", SETS)
def test_the_library_learns_the_same_metric(name):
    learners = pytest.importorskip("dmlcourse.learners")
    pairs = SETS[name]
    given_pairs = np.array([[X[p.first], X[p.second]] for p in pairs])
    mmc = learners.MMC(tol=1e-9, max_iter=5000)
    if name == "one of each":
        with pytest.warns(UserWarning, match="agree in 1 direction"):
            mmc.fit_pairs(given_pairs, np.array([p.same for p in pairs]))
    else:
        mmc.fit_pairs(given_pairs, np.array([p.same for p in pairs]))
    expected = mmc.components_.T @ mmc.components_
    M = PairsState(pairs).M
    np.testing.assert_allclose(M, expected, atol=2e-4 * np.linalg.norm(M))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(0.01, 100))
def test_units_change_nothing_but_the_units(seed, one, other):
    rng = np.random.default_rng(seed)
    S, D = rng.normal(size=(4, 2)), rng.normal(size=(5, 2))
    scale = np.array([one, other])
    for squared in (False, True):
        before, after = learn(S, D, squared)[0], learn(S * scale, D * scale, squared)[0]
        restored = after * np.outer(scale, scale)
        np.testing.assert_allclose(restored, before, atol=1e-3 * np.linalg.norm(before))


def test_parallel_must_links_need_a_ridge_and_make_the_ball_a_strip():
    state = PairsState(ONE_EACH)
    assert state.ridge
    assert "strip" in describe(state)
    assert "0.1 % of what all pairs spread" in read(state)
    across = np.linalg.eigh(state.M)[1][:, 1]
    along = state.similar[0] / np.linalg.norm(state.similar[0])
    assert abs(across @ along) < 1e-3


def test_pairs_that_are_all_parallel_leave_one_line_and_need_no_ridge():
    v = np.array([[0.6, 0.8]])
    M, ridge = learn(v, 3 * v)
    assert not ridge
    assert separation(M, v, 1) == pytest.approx(1)
    assert np.linalg.matrix_rank(M) == 1


def test_the_root_is_symmetric_and_gives_m_back():
    M = PairsState().M
    L = root(M)
    np.testing.assert_allclose(L, L.T, atol=1e-12)
    np.testing.assert_allclose(L @ L, M, atol=1e-10)


@pytest.mark.parametrize(
    ("pairs", "missing"), [((), [MUST, CANNOT]), (START[:3], [CANNOT]), (START[3:], [MUST])]
)
def test_before_there_is_a_pair_of_each_kind_m_is_the_ruler(pairs, missing):
    state = PairsState(pairs)
    assert (np.eye(2) == state.M).all()
    assert state.missing == missing
    assert all(name in read(state).split("<br>")[1] for name in missing)


def test_two_presses_make_a_pair_and_two_more_take_it_back():
    state = PairsState((), kind=CANNOT)
    first = press(state, 9)
    assert (first.picked, first.centre, first.pairs) == (9, 9, ())
    paired = press(first, 2)
    assert paired.pairs == (Pair(2, 9, False),)
    assert paired.picked is None
    again = replace(paired, kind=MUST)
    assert press(press(again, 2), 9).pairs == (), "in the other order, and whatever is chosen now"


def test_a_point_pressed_twice_makes_no_pair():
    state = press(press(PairsState(), 4), 4)
    assert state.picked is None
    assert state.pairs == START


def test_the_buttons_take_back_one_pair_or_all_and_nothing_from_nothing():
    assert remove_last(press(PairsState(), 4)).pairs == START[:-1]
    assert remove_last(PairsState(())).pairs == ()
    assert remove_all(PairsState(picked=3)) == PairsState((), picked=None)


def test_every_point_is_a_target_that_names_its_pairs():
    found = targets(press(PairsState(), 0))
    assert [(t.x, t.y) for t in found] == [tuple(row) for row in X]
    assert found[0].label == "A1, cannot-link with C3"
    assert found[18].label == "C3, cannot-link with A1"
    assert [t.pressed for t in found] == [True] + 23 * [False]
    assert found[1].label == NAMES[1] == "A2"


def test_the_ball_reaches_the_seventh_nearest_point():
    for state in (PairsState(), PairsState(())):
        inside = state.distances[state.centre] <= state.radius * (1 + 1e-9)
        assert inside.sum() == NEAREST + 1


def test_what_the_chapter_says_of_the_start():
    assert neighbours_right(PairsState().M) == (24, pytest.approx(0.875))
    assert neighbours_right(PairsState(power=SQUARED).M)[0] == 9
    assert neighbours_right(PairsState(WRONG).M)[0] == 14
    assert "7 of the 7 are of its class" in describe(PairsState())


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_picture_of_its_own_and_words(state):
    assert png(draw(state)) != png(draw(press(state, 20)))
    assert len(describe(state)) > 100
    assert "nan" not in describe(state) + read(state)


@pytest.mark.usefixtures("a_program")
def test_the_still_twin_takes_pairs_in_any_order(displayed):
    pairs_bench("d²", [(5, 3, True), (11, 3, False)])
    assert "A4–A6" in displayed[0].alt
    assert "A4–B4" in displayed[0].alt


def test_the_live_bench_learns_at_once():
    live = BENCH.live(PairsState(()))
    for index in (3, 5):
        live.press(index)
    assert "no cannot-link pair yet" in live.text.value
    live.radios["kind"].value = CANNOT
    for index in (3, 11):
        live.press(index)
    assert live.state.pairs == ONE_EACH
    assert "A4–B4" in live.picture.scene["alt"]
    live.buttons[1].click()
    assert live.state.pairs == ()
