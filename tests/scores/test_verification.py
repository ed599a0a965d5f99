"""Error rates, the point where they meet, and the best threshold: counted pair by pair."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from dmlcourse.scores import (
    best_threshold,
    equal_error_rate,
    error_rates,
    verification_accuracy,
)

quick = settings(max_examples=60, deadline=None)
# Few values, so that many pairs are at one distance; and any values.
values = st.one_of(st.integers(0, 5).map(float), st.floats(-1e6, 1e6))


@st.composite
def pairs(draw):
    same = [True, False, *draw(st.lists(st.booleans(), max_size=12))]
    distances = draw(st.lists(values, min_size=len(same), max_size=len(same)))
    return np.array(distances), np.array(same)


def counted(distances, same, t):
    """FAR and FRR by counting."""
    wrong_accepts = sum(d <= t for d, s in zip(distances, same, strict=True) if not s)
    wrong_rejects = sum(d > t for d, s in zip(distances, same, strict=True) if s)
    return wrong_accepts / sum(~same), wrong_rejects / sum(same)


def continuous(seed=0, n=200):
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.4
    return rng.normal(size=n) + 1.5 * ~same, same


# ---------------------------------------------------------------- error rates


@quick
@given(pairs(), st.lists(values, max_size=4))
def test_error_rates_are_counts(given_pairs, thresholds):
    found = error_rates(*given_pairs, thresholds)
    expected = [counted(*given_pairs, t) for t in thresholds]
    assert list(zip(found.false_accepts, found.false_rejects, strict=True)) == expected


@quick
@given(pairs())
def test_operating_points_are_all_there_are(given_pairs):
    found = error_rates(*given_pairs)
    assert found.thresholds[0] == -math.inf
    assert found.thresholds[1:].tolist() == sorted(set(given_pairs[0]))
    assert (found.false_accepts[0], found.false_rejects[0]) == (0, 1)
    assert (found.false_accepts[-1], found.false_rejects[-1]) == (1, 0)
    again = error_rates(*given_pairs, found.thresholds)
    assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_the_curve_is_scikit_learns():
    distances, same = continuous()
    found = error_rates(distances, same)
    accepts, hits, _ = roc_curve(same, -distances, drop_intermediate=False)
    assert found.false_accepts == pytest.approx(accepts)
    assert 1 - found.false_rejects == pytest.approx(hits)


def test_thresholds_of_any_shape():
    distances, same = continuous()
    grid = np.linspace(-1, 2, 6).reshape(2, 3)
    found = error_rates(distances, same, grid)
    assert [rates.shape for rates in found] == [(2, 3)] * 3
    assert error_rates(distances, same, 0.5).false_accepts.shape == ()


def test_a_tensor_gives_tensors(device):
    distances, same = (torch.tensor(part, device=device) for part in continuous())
    found = error_rates(distances.float(), same)
    assert {(rates.dtype, rates.device.type) for rates in found} == {(torch.float64, device)}
    expected = error_rates(distances.float().cpu().numpy(), same.cpu().numpy())
    assert found.false_rejects.cpu().numpy() == pytest.approx(expected.false_rejects)
    assert equal_error_rate(distances.bfloat16(), same).rate < 0.5


# ---------------------------------------------------------------- the equal error rate


def test_perfect_separation_costs_nothing():
    found = equal_error_rate([0.1, 0.3, 0.7, 2.0], [True, True, False, False])
    assert found == (0, 0.5)


def test_a_worked_example():
    # At 0.4 one of three different pairs is accepted and one of three same pairs rejected.
    distances = [0.1, 0.3, 0.8, 0.4, 0.6, 0.9]
    rate, threshold = equal_error_rate(distances, [True] * 3 + [False] * 3)
    assert rate == 1 / 3
    assert threshold == pytest.approx(0.5)


def test_between_two_points_the_rate_is_interpolated():
    # (FAR, FRR) goes from (0, 1/2) at 1 to (1, 1/2) at 2: the straight line is at 1/2 there.
    assert equal_error_rate([1.0, 3.0, 2.0], [True, True, False]) == (0.5, 2.0)
    # From (1/3, 1) to (1/3, 0) at 2.
    found = equal_error_rate([2.0, 1.0, 3.0, 4.0], [True, False, False, False])
    assert found == (pytest.approx(1 / 3), 2.0)


def test_pairs_at_one_distance_change_sides_together():
    assert equal_error_rate(np.ones(5), [True, True, False, False, False]) == (0.5, 1.0)


@quick
@given(pairs())
def test_the_rate_is_where_the_curve_meets_the_diagonal(given_pairs):
    distances, same = given_pairs
    points = [counted(distances, same, t) for t in [-math.inf, *sorted(set(distances))]]
    accepts, rejects = np.array(points).T
    # Along the curve, one step for each point, the difference goes from −1 to 1.
    steps = np.arange(len(points))
    meets = brentq(lambda s: np.interp(s, steps, accepts - rejects), 0, steps[-1], xtol=1e-13)
    rate, threshold = equal_error_rate(distances, same)
    assert rate == pytest.approx(np.interp(meets, steps, accepts), abs=1e-9)
    accepted, rejected = counted(distances, same, threshold)
    below = counted(distances, same, np.nextafter(threshold, -math.inf))
    assert below[0] <= below[1]
    assert accepted >= rejected


@quick
@given(pairs())
def test_growing_maps_do_not_change_the_rate(given_pairs):
    distances, same = given_pairs
    order = np.unique(distances, return_inverse=True)[1]
    rate = equal_error_rate(distances, same).rate
    assert equal_error_rate(order**3.0, same).rate == rate
    assert equal_error_rate(-distances, ~same).rate == pytest.approx(rate, abs=1e-12)


def test_the_order_and_number_of_pairs_do_not_matter():
    distances, same = continuous()
    found = equal_error_rate(distances, same)
    order = np.random.default_rng(1).permutation(len(same))
    assert equal_error_rate(distances[order], same[order]) == found
    assert equal_error_rate(np.tile(distances, 3), np.tile(same, 3)) == pytest.approx(found)


# ---------------------------------------------------------------- one threshold


@quick
@given(pairs())
def test_the_best_threshold_is_the_best_of_all(given_pairs):
    distances, same = given_pairs
    levels = [-math.inf, *distances]
    best = max(verification_accuracy(distances, same, t) for t in levels)
    assert verification_accuracy(distances, same, best_threshold(distances, same)) == best


def test_it_lies_in_the_middle_of_the_gap():
    assert best_threshold([1.0, 2.0, 4.0, 5.0], [True, True, False, False]) == 3.0


def test_of_equally_good_gaps_the_widest_then_the_lowest():
    # After 1 and after 5 three of four are right.
    assert best_threshold([1.0, 2.0, 5.0, 9.0], [True, False, True, False]) == 7.0
    assert best_threshold([1.0, 2.0, 3.0, 4.0], [True, False, True, False]) == 1.5


def test_at_the_ends_it_accepts_none_or_all():
    assert best_threshold([1.0, 2.0, 3.0], [False, False, True]) == np.nextafter(1.0, 0.0)
    assert best_threshold([1.0, 2.0, 3.0], [False, True, True]) == 3.0


def test_between_neighbouring_numbers_the_lower_one():
    low, high = 1.0, np.nextafter(1.0, 2.0)
    assert best_threshold([low, high], [True, False]) == low
    assert equal_error_rate([low, high], [True, False]) == (0, low)


def test_accuracy_counts_both_kinds():
    distances, same = [0.2, 0.6, 0.5, 0.9], [True, True, False, False]
    assert verification_accuracy(distances, same, 0.5) == 0.5
    assert verification_accuracy(distances, same, 0.4) == 0.75
    assert verification_accuracy([0.2], [True], 0.2) == 1.0


# ---------------------------------------------------------------- what is refused

both = pytest.mark.parametrize("function", [error_rates, equal_error_rate, best_threshold])


@both
@pytest.mark.parametrize(("same", "kind"), [([True] * 2, "same"), ([False] * 2, "different")])
def test_pairs_of_both_kinds_are_needed(function, same, kind):
    with pytest.raises(ValueError, match=f"All 2 pairs are {kind}"):
        function([1.0, 2.0], same)


@both
def test_numbers_are_no_kinds(function):
    with pytest.raises(ValueError, match=r"same has dtype int64.*numbers are not taken"):
        function([1.0, 2.0], np.array([0, 1]))


WRONG = {
    "lengths": ([1.0], [True, False], ValueError, r"shape \(2,\): expected booleans \(1,\)"),
    "NaN": ([1.0, math.nan], [True, False], ValueError, r"distances\[1\] is nan"),
    "infinity": ([math.inf, 1.0], [True, False], ValueError, r"distances\[0\] is inf"),
    "words": (["a", "b"], [True, False], TypeError, "distances has dtype <U1"),
    "a table": ([[1.0, 2.0]], [True, False], ValueError, r"distances has shape \(1, 2\)"),
    "nothing": (np.empty(0), np.empty(0, bool), ValueError, "distances is empty"),
}


@both
@pytest.mark.parametrize(("distances", "same", "error", "said"), WRONG.values(), ids=WRONG)
def test_other_input_is_refused(function, distances, same, error, said):
    with pytest.raises(error, match=said):
        function(distances, same)


def test_a_threshold_is_one_number():
    with pytest.raises(ValueError, match=r"threshold has shape \(2,\)"):
        verification_accuracy([1.0], [True], [0.1, 0.2])
    with pytest.raises(ValueError, match="thresholds is nan: NaN is no number"):
        error_rates([1.0, 2.0], [True, False], math.nan)
