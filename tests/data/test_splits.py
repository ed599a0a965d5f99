"""Two parts that share no class (or no writer), and together hold every sample once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlcourse.data import class_disjoint_split, group_disjoint_split

LABELS = st.lists(st.integers(-3, 3), min_size=2, max_size=30).filter(lambda y: len(set(y)) > 1)
SPLITS = [class_disjoint_split, group_disjoint_split]


@pytest.mark.parametrize("split", SPLITS)
class TestSplit:
    @given(y=LABELS, share=st.floats(0.01, 0.99), seed=st.integers(0, 9))
    def test_shares_no_class_and_loses_no_sample(self, split, y, share, seed) -> None:
        train, test = split(y, share, seed)
        y = np.array(y)
        assert set(y[train]).isdisjoint(y[test])
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
        assert np.array_equal(train, np.sort(train))
        assert np.array_equal(test, np.sort(test))
        assert len(train)
        assert len(test)

    @given(y=LABELS, data=st.data())
    def test_a_whole_number_is_the_number_of_test_classes(self, split, y, data) -> None:
        count = data.draw(st.integers(1, len(set(y)) - 1))
        _, test = split(y, count, 0)
        assert len(set(np.array(y)[test])) == count

    @pytest.mark.parametrize(("share", "count"), [(0.5, 5), (0.24, 2), (0.26, 3), (0.9, 9)])
    def test_a_share_is_rounded_to_whole_classes(self, split, share, count) -> None:
        y = np.repeat(np.arange(10), 3)
        assert len(np.unique(y[split(y, share, 0)[1]])) == count

    @pytest.mark.parametrize(("share", "count"), [(0.001, 1), (0.999, 2)])
    def test_a_share_leaves_a_class_on_each_side(self, split, share, count) -> None:
        assert len(split([1, 2, 3], share, 0)[1]) == count

    def test_a_seed_gives_the_same_parts_again(self, split) -> None:
        y = np.arange(40)
        assert np.array_equal(split(y, 0.5, 7)[1], split(y, 0.5, 7)[1])
        assert not np.array_equal(split(y, 0.5, 7)[1], split(y, 0.5, 8)[1])

    def test_a_generator_gives_other_parts_each_time(self, split) -> None:
        y, rng = np.arange(40), np.random.default_rng(0)
        assert not np.array_equal(split(y, 0.5, rng)[1], split(y, 0.5, rng)[1])

    def test_the_classes_drawn_do_not_depend_on_the_order_of_samples(self, split) -> None:
        y = np.repeat(np.arange(9), 2)
        shuffled = np.random.default_rng(0).permutation(y)
        assert set(y[split(y, 4, 3)[1]]) == set(shuffled[split(shuffled, 4, 3)[1]])

    def test_every_class_can_be_drawn(self, split) -> None:
        drawn = {int(split([0, 1, 2, 3], 1, seed)[1][0]) for seed in range(40)}
        assert drawn == {0, 1, 2, 3}

    def test_takes_names_as_labels(self, split) -> None:
        train, test = split(["a", "b", "a"], 1, 0)
        assert {tuple(train), tuple(test)} == {(0, 2), (1,)}

    @pytest.mark.parametrize("size", [0, 3, -1, 0.0, 1.0, 1.5, float("nan"), True, "half", None])
    def test_refuses_a_size_that_leaves_a_part_empty(self, split, size) -> None:
        with pytest.raises(ValueError, match=r"3 (classes|groups).*from 1 to 2"):
            split([0, 1, 2], size)

    @pytest.mark.parametrize("y", [[], [4, 4]])
    def test_refuses_fewer_than_two_classes(self, split, y) -> None:
        with pytest.raises(ValueError, match="two parts need at least two"):
            split(y)

    def test_refuses_a_matrix_of_labels(self, split) -> None:
        with pytest.raises(ValueError, match=r"shape \(2, 2\): expected one label for each sample"):
            split(np.eye(2))
