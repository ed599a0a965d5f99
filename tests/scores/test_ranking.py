"""Measures from ranks: loops over a ranked list say what each must be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from dmlcourse.scores import average_precisions, first_ranks, maps_at_r, r_precisions

quick = settings(max_examples=60, deadline=None)
MEASURES = [first_ranks, r_precisions, maps_at_r, average_precisions]
every_measure = pytest.mark.parametrize("measure", MEASURES)


def by_loops(ranked):
    """All four for one query, from a list that says of each item whether it matches."""
    R, found = sum(ranked), 0
    if not R:
        return [np.nan] * 4
    at_r, whole = 0.0, 0.0
    for rank, matches in enumerate(ranked, start=1):
        if matches:
            found += 1
            whole += found / rank
            at_r += found / rank if rank <= R else 0
    return [ranked.index(True) + 1, sum(ranked[:R]) / R, at_r / R, whole / R]


@quick
@given(st.lists(st.lists(st.booleans(), max_size=12), max_size=6))
def test_every_measure_is_that_of_the_loops(lists):
    ranks = [rank for ranked in lists for rank, hit in enumerate(ranked, start=1) if hit]
    sizes = [sum(ranked) for ranked in lists]
    found = np.array([measure(ranks, sizes) for measure in MEASURES])
    expected = np.array([by_loops(ranked) for ranked in lists]).reshape(-1, 4).T
    assert found == pytest.approx(expected, rel=1e-14, nan_ok=True)


def test_a_worked_example():
    # 1 and 4 of five items match: R = 2, one of the first two, precisions 1/1 and 2/4.
    measured = [measure([1, 4], [2]).tolist() for measure in MEASURES]
    assert measured == [[1], [0.5], [0.5], [0.75]]


def test_average_precision_is_scikit_learns():
    rng = np.random.default_rng(0)
    hits, scores = rng.random((20, 30)) < 0.3, rng.normal(size=(20, 30))
    ranked = np.take_along_axis(hits, (-scores).argsort(1), 1)
    found = average_precisions(ranked.nonzero()[1] + 1, ranked.sum(1))
    expected = [average_precision_score(*query) for query in zip(hits, scores, strict=True)]
    assert found == pytest.approx(expected, rel=1e-12)


@every_measure
def test_the_kind_that_comes_in_goes_out(measure, device):
    ranks, sizes = torch.tensor([1, 3, 2], device=device), torch.tensor([2, 0, 1], device=device)
    found = measure(ranks, sizes)
    assert (found.dtype, found.device.type) == (torch.float64, device)
    array = measure(ranks.cpu().numpy(), sizes.cpu().numpy())
    assert isinstance(array, np.ndarray)
    assert found.cpu().numpy() == pytest.approx(array, nan_ok=True)


@every_measure
def test_no_query_gives_no_value(measure):
    assert measure([], []).shape == (0,)


WRONG = {
    "not ascending": ([2, 1], [2], ValueError, "ascending"),
    "a rank twice": ([2, 2], [2], ValueError, "each rank once"),
    "from 0": ([0, 1], [2], ValueError, "ascending from 1 on"),
    "another number": ([1, 2], [3], ValueError, "sizes adds up to 3 and ranks has 2 entries"),
    "negative": ([1, 2], [3, -1], ValueError, "0 or more"),
    "fractions": ([1.0, 2.0], [2], TypeError, "ranks has dtype float64"),
    "a table": ([[1, 2]], [2], ValueError, "ranks has shape"),
}


@every_measure
@pytest.mark.parametrize(("ranks", "sizes", "error", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_ranks_is_refused(measure, ranks, sizes, error, said):
    with pytest.raises(error, match=said):
        measure(ranks, sizes)


def test_ranks_may_restart_lower_at_the_next_query():
    assert first_ranks([5, 6, 1], [2, 1]).tolist() == [5, 1]
