"""The ITML bench: 16 pairs, their bounds, and a small solver beside that of the library."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from dmlcourse.benches.itml import (
    BENCH,
    BROKEN,
    DISSIMILAR,
    EXPONENT,
    HEIGHT,
    HUB,
    OPTIMUM,
    REACH,
    SIDE,
    SIMILAR,
    SWEEPS,
    ItmlState,
    L,
    U,
    describe,
    differences,
    draw,
    itml_bench,
    pose,
    project,
    read,
    sheets,
)
from dmlcourse.figures import png
from dmlcourse.learners import ITML, itml_dual, itml_primal, itml_sweep, itml_update

HALF = len(SIMILAR)
CORNERS = [*product(U, L, EXPONENT)]
GRID = [*product((0.5, 1.0, 2.75, 4.0), (4.0, 6.5, 11.0, 16.0))]
SOME = [(2.0, 6.0, 0.0), (1.0, 8.0, 1.0), (4.0, 4.0, 2.0), (0.5, 16.0, -1.0)]
START, INSISTING, FREE = ItmlState(), ItmlState(exponent=3), ItmlState(exponent=-2)
AT_ODDS = ItmlState(0.5, 16, 3)


def gap(metric) -> float:
    return (metric.primal - metric.dual) / metric.primal


def test_the_data_are_three_sheets_and_pairs_within_and_between_them():
    X, y = sheets()
    assert X.shape == (30, 2)
    assert np.bincount(y).tolist() == [10, 10, 10]
    assert (abs(X) < [REACH - 0.1, HEIGHT - 0.1]).all()
    assert all(y[i] == y[j] for i, j in SIMILAR)
    assert all(y[i] != y[j] for i, j in DISSIMILAR)
    assert len({frozenset(pair) for pair in SIMILAR + DISSIMILAR}) == 16
    assert sum(HUB in pair for pair in SIMILAR + DISSIMILAR) == 4


def test_the_pairs_are_their_differences_nearest_first_under_the_ruler():
    X, (V, delta) = sheets()[0], differences()
    for v, sign, (i, j) in zip(V, delta, SIMILAR + DISSIMILAR, strict=True):
        np.testing.assert_array_equal(v, X[i] - X[j])
        assert sign == (1 if (i, j) in SIMILAR else -1)
    squares = (V**2).sum(axis=1)
    assert (np.diff(squares[:HALF]) > 0).all()
    assert (np.diff(squares[HALF:]) > 0).all()


def test_the_ruler_misleads():
    squares = (differences()[0] ** 2).sum(axis=1)
    assert np.median(squares[:HALF]) > 2 * np.median(squares[HALF:])


@pytest.mark.parametrize(("u", "l"), GRID)
def test_the_optimum_proves_itself(u, l):
    for exponent in np.arange(-2, 3.1, 0.5):
        best = ItmlState(u, l, exponent).best
        assert -1e-9 < gap(best) < 1e-9
        assert np.linalg.eigvalsh(best.M)[0] > 0
        np.testing.assert_array_equal(best.M, best.M.T)


@pytest.mark.parametrize(("u", "l", "exponent"), SOME + CORNERS)
def test_both_values_are_those_of_the_library(u, l, exponent):
    state = ItmlState(u, l, exponent)
    V, delta, xi0, gamma = state.problem
    lam = delta * gamma * (1 / xi0 - 1 / state.best.xi)
    assert state.best.primal == pytest.approx(itml_primal(state.best.M, V, delta, xi0, gamma))
    assert state.best.dual == pytest.approx(itml_dual(lam.clip(0), V, delta, xi0, gamma), rel=1e-6)


@pytest.mark.parametrize(("u", "l", "exponent"), [*SOME, (0.5, 16.0, 2.0)])
def test_the_optimum_is_that_of_the_learner(u, l, exponent):
    state, pairs = ItmlState(u, l, exponent), np.array(SIMILAR + DISSIMILAR)
    learner = ITML(gamma=state.gamma, bounds=(u, l), tol=1e-10)
    learner.fit_pairs(sheets()[0][pairs], differences()[1] > 0)
    assert learner.objective_ == pytest.approx(state.best.primal, rel=1e-8)
    np.testing.assert_allclose(learner.get_mahalanobis_matrix(), state.best.M, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("u", "l", "exponent"), SOME)
def test_no_other_search_finds_a_better_metric(u, l, exponent):
    state = ItmlState(u, l, exponent)

    def value(numbers):
        root = np.array([[np.exp(numbers[0]), 0], [numbers[2], np.exp(numbers[1])]])
        return state.problem.primal(root @ root.T)

    found = minimize(value, np.zeros(3), method="Nelder-Mead", options={"fatol": 1e-10})
    assert state.best.primal <= found.fun + 1e-9
    assert found.fun == pytest.approx(state.best.primal, rel=1e-4)


def test_off_the_cone_nothing_is_optimal():
    problem = START.problem
    assert problem.primal(np.diag([1.0, -1.0])) == np.inf
    assert problem.primal(-np.eye(2)) == np.inf
    assert problem.primal(np.zeros((2, 2))) == np.inf
    assert problem.dual(np.full(16, -1.0)) == -np.inf
    assert problem.dual(np.full(16, 1e6)) == -np.inf
    assert problem.dual(np.zeros(16)) == 0


@pytest.mark.parametrize("i", [0, 7, 8, 15])
@pytest.mark.parametrize(("xi", "lam", "gamma"), [(0.3, 0.0, 0.1), (20.0, 0.01, 1.0), (2, 5.0, 50)])
def test_a_projection_is_that_of_the_library(i, xi, lam, gamma):
    problem, M = pose(2, 6, gamma), np.array([[1.5, 0.3], [0.3, 0.7]])
    ours = project(problem, i, M, xi, lam)
    theirs = itml_update(M, problem.V[i], problem.delta[i], xi, lam, gamma)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


@pytest.mark.parametrize(("u", "l", "exponent"), [*SOME, (0.5, 16.0, 3.0)])
def test_the_sweeps_are_those_of_the_library(u, l, exponent):
    V, delta, xi0, gamma = ItmlState(u, l, exponent).problem
    M, xi, lam = np.eye(2), xi0, np.zeros(16)
    for sweep in range(1, 13):
        M, xi, lam = itml_sweep(M, V, delta, xi, lam, gamma)
        shown = ItmlState(u, l, exponent, sweep).metric
        np.testing.assert_allclose(shown.M, M, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(shown.xi, xi, rtol=1e-8)
        assert shown.dual == pytest.approx(itml_dual(lam, V, delta, xi0, gamma), abs=1e-8)


@pytest.mark.parametrize(("u", "l", "exponent"), SOME + CORNERS)
def test_sweeps_start_at_the_prior_raise_the_dual_and_never_pass_the_optimum(u, l, exponent):
    state = ItmlState(u, l, exponent)
    shown = [ItmlState(u, l, exponent, sweep).metric for sweep in range(SWEEPS + 1)]
    np.testing.assert_array_equal(shown[0].M, np.eye(2))
    np.testing.assert_array_equal(shown[0].xi, state.problem.xi0)
    duals = np.array([metric.dual for metric in shown])
    assert duals[0] == 0
    assert (np.diff(duals) >= -1e-9).all()
    assert duals[-1] <= state.best.primal * (1 + 1e-9)
    assert min(metric.primal for metric in shown) >= state.best.primal * (1 - 1e-9)


@pytest.mark.parametrize(("u", "l", "exponent"), SOME + CORNERS)
def test_at_the_optimum_every_bound_that_moved_has_met_its_pair(u, l, exponent):
    state = ItmlState(u, l, exponent)
    p, xi0 = state.problem.squares(state.best.M), state.problem.xi0
    np.testing.assert_array_equal(state.best.xi[state.broken], p[state.broken])
    np.testing.assert_allclose(state.best.xi[~state.broken], xi0[~state.broken], rtol=BROKEN)
    by_hand = [p[i] > u if i < HALF else p[i] < l for i in range(16)]
    assert (state.broken <= by_hand).all()
    assert abs(p / xi0 - 1)[state.broken != by_hand].max(initial=0) < 2 * BROKEN


def test_the_lowest_price_leaves_the_ruler_and_the_highest_insists():
    shown = [ItmlState(exponent=e) for e in np.arange(-2, 3.01, 0.25)]
    eigenvalues = np.array([np.linalg.eigvalsh(state.best.M) for state in shown])
    assert abs(eigenvalues[0] - 1).max() < 0.2
    assert eigenvalues[-1, 1] > 40 * eigenvalues[-1, 0]
    costs = np.array([state.best.primal for state in shown])
    assert (np.diff(costs) > 0).all()
    worst = [
        abs(np.log(s.problem.squares(s.best.M) / s.problem.xi0))[s.broken].max() for s in shown
    ]
    assert worst[0] > np.log(5)
    assert worst[-1] < np.log(1.01)


def test_where_bounds_contradict_no_price_meets_them_and_sweeps_crawl():
    assert AT_ODDS.broken.sum() == 8
    assert "beyond its bound by a factor of 1.976" in read(AT_ODDS)
    assert gap(ItmlState(0.5, 16, 3, SWEEPS).metric) > 0.9
    assert gap(ItmlState(2, 6, 3, SWEEPS).metric) < 0.01
    assert gap(ItmlState(2, 6, 0, 4).metric) < 0.01


def test_the_numbers_of_the_start_are_those_that_the_chapter_names():
    assert "Bounds broken: 7 of 16 (1 similar, 6 dissimilar); under M₀ = I: 14" in read(START)
    assert "Eigenvalues of M: 2.85 and 0.222" in read(START)
    assert "Primal value 2.295 = D_ld 1.530 + price of slack 0.765; dual value 2.295" in read(START)
    assert "Bounds broken: 14 of 16" in read(FREE)
    assert "Bounds broken: 3 of 16 (1 similar, 2 dissimilar)" in read(INSISTING)


@pytest.mark.parametrize(
    ("u", "l", "exponent", "sweeps"),
    [(*bounds, sweeps) for bounds in CORNERS for sweeps in (0, 1, 7.0, SWEEPS, OPTIMUM)],
)
def test_every_state_is_described_with_the_same_count(u, l, exponent, sweeps):
    state = ItmlState(u, l, exponent, sweeps)
    similar, dissimilar = state.broken[:HALF].sum(), state.broken[HALF:].sum()
    for text in (describe(state), read(state)):
        assert f"({similar} similar, {dissimilar} dissimilar)" in text
        assert "nan" not in text
        assert "inf" not in text
    assert ("The optimum is" in read(state)) == (sweeps != OPTIMUM)
    assert ("before any sweep" in describe(state)) == (sweeps == 0)


@pytest.mark.parametrize(
    "state", [START, AT_ODDS, FREE, ItmlState(0.5, 16, 3, 50), ItmlState(4, 4)]
)
def test_the_panels_show_every_pair_once_and_a_cross_where_a_bound_is_broken(state):
    figure = draw(state)
    png(figure)
    plane, side = figure.axes
    crosses = next(line for line in plane.lines if line.get_marker() == "X")
    assert len(crosses.get_xdata()) == state.broken.sum()
    marks = [line for line in side.lines if line.get_marker() in "oX<>"]
    rows = np.concatenate([line.get_ydata() for line in marks if line.get_mfc() != "none"])
    assert len(set(rows[rows >= 0])) == (rows >= 0).sum() == 16  # below 0 is the key
    assert set(_labels(side)) == {"M₀ = I", "M, met", "M, broken", "bound ξ"}


def _labels(ax) -> list[str]:
    return [str(line.get_label()) for line in ax.lines if not str(line.get_label()).startswith("_")]


def test_broken_pairs_are_always_on_the_axis():
    for u, l, exponent in CORNERS:
        for sweeps in (0, 1, 2, 10, SWEEPS, OPTIMUM):
            state = ItmlState(u, l, exponent, sweeps)
            p = state.problem.squares(state.metric.M)[state.broken]
            assert ((p > SIDE[0]) & (p < SIDE[1])).all()


@pytest.mark.parametrize(
    "given",
    [
        {"u": 5},
        {"u": 0},
        {"l": 3.5},
        {"u": 4, "l": 2},
        {"l": float("nan")},
        {"gamma": 0.001},
        {"gamma": 1e4},
        {"sweeps": -1},
        {"sweeps": 52},
    ],
)
def test_a_state_out_of_range_is_refused_in_words(given):
    with pytest.raises(ValueError, match=r"expected u from 0\.5 to 4, l from 4 to 16, γ from"):
        itml_bench(**given)


@pytest.mark.parametrize("gamma", [0, -1, float("nan")])
def test_a_price_without_a_logarithm_is_refused_in_words(gamma):
    with pytest.raises(ValueError, match=r"expected a number from 0\.01 to 1000"):
        itml_bench(gamma=gamma)


def test_the_sliders_never_let_u_pass_l():
    u, l, exponent, sweeps = BENCH.sliders
    assert (u.low, u.high) == U
    assert (l.low, l.high) == L
    assert u.high <= l.low
    assert (exponent.low, exponent.high) == (-2, 3)
    assert (sweeps.low, sweeps.high, sweeps.step) == (0, SWEEPS + 1, 1)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    itml_bench(gamma=100, sweeps=3)
    picture, _, numbers = displayed
    assert picture.alt == describe(ItmlState(exponent=2, sweeps=3))
    assert numbers.html == read(ItmlState(exponent=2, sweeps=3))


@pytest.mark.usefixtures("a_person")
def test_a_number_moves_the_picture(displayed):
    itml_bench()
    (widget,) = displayed
    *rows, picture, text = widget.children
    rows[2].children[0].value = 3
    assert "Bounds broken: 3 of 16" in text.value
    assert "γ is 1000" in picture.value
    rows[3].children[0].value = 0
    assert "No ξ has moved" in text.value
    rows[0].children[0].value = 9
    assert "u = 4," in picture.value
