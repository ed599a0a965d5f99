"""Spearman's correlation beside SciPy's."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dmlcourse.scores import spearman

quick = settings(max_examples=60, deadline=None)
numbers = st.one_of(st.integers(0, 3).map(float), st.floats(-1e9, 1e9))
two_lists = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=15)


@quick
@given(two_lists)
def test_it_is_scipys_with_and_without_ties(rows):
    x, y = np.array(rows).T
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert spearman(y, x) == pytest.approx(spearman(x, y), abs=1e-15)


def test_only_the_order_counts():
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    assert spearman(np.exp(x), y**3) == spearman(x, y)
    assert spearman(-x, y) == pytest.approx(-spearman(x, y))
    assert spearman(x, np.exp(x)) == 1
    assert spearman(x, -x) == -1


def test_a_tensor_gives_a_number(device):
    x = torch.tensor([1.0, 3.0, 2.0, 4.0], device=device)
    assert spearman(x, x.square()) == 1.0


WRONG = {
    "constant": ([1.0, 2.0], [3.0, 3.0], "y is constant, 3: it has no order"),
    "lengths": ([1.0, 2.0], [1.0], "x has 2 values and y 1"),
    "one value": ([1.0], [1.0], "two or more"),
    "NaN": ([1.0, np.nan], [1.0, 2.0], r"x\[1\] is nan"),
    "a table": ([[1.0, 2.0]], [1.0, 2.0], r"x has shape \(1, 2\)"),
}


@pytest.mark.parametrize(("x", "y", "said"), WRONG.values(), ids=WRONG)
def test_what_has_no_order_is_refused(x, y, said):
    with pytest.raises(ValueError, match=said):
        spearman(x, y)
