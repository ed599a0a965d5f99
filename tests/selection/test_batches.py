"""Batches: how many of which class, every sample once, the same for the same random numbers."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from dmlcourse.selection import (
    BalancedBatchSampler,
    balanced_batches,
    pair_batches,
    shuffled_batches,
)

LABELS = np.repeat([7, -2, 40, 3], [5, 3, 4, 9])[np.random.default_rng(0).permutation(21)]


def rng(seed=0):
    return np.random.default_rng(seed)


class TestBalancedBatchSampler:
    @pytest.mark.parametrize(("classes", "samples"), [(4, 3), (2, 4), (3, 1), (1, 9)])
    def test_each_batch_has_different_samples_of_different_classes(self, classes, samples):
        for batch in BalancedBatchSampler(LABELS, classes, samples, batches=20):
            assert len(set(batch)) == classes * samples
            assert list(Counter(LABELS[batch]).values()) == [samples] * classes

    def test_indices_are_python_numbers_for_a_data_loader(self):
        data = TensorDataset(torch.arange(21.0), torch.from_numpy(LABELS))
        loader = DataLoader(data, batch_sampler=BalancedBatchSampler(LABELS, 2, 3, batches=5))
        for x, y in loader:
            assert torch.equal(torch.from_numpy(LABELS)[x.long()], y)
        assert len(loader) == 5

    def test_a_class_that_is_too_small_is_left_out(self):
        drawn = {int(i) for batch in BalancedBatchSampler(LABELS, 3, 4, batches=50) for i in batch}
        assert set(LABELS[sorted(drawn)]) == {7, 40, 3}

    def test_every_class_has_the_same_chance_whatever_its_size(self):
        batches = list(BalancedBatchSampler(LABELS, 1, 3, batches=4000))
        counts = Counter(int(LABELS[batch[0]]) for batch in batches)
        # 4,000 draws of 4 classes: the standard deviation of a count is 27.
        assert all(abs(count - 1000) < 5 * 27 for count in counts.values())
        assert len(counts) == 4

    def test_every_sample_of_a_class_has_the_same_chance(self):
        batches = BalancedBatchSampler(np.zeros(5), 1, 2, batches=2500)
        counts = Counter(index for batch in batches for index in batch)
        assert all(abs(counts[index] - 1000) < 5 * 25 for index in range(5))

    def test_by_default_an_epoch_has_about_as_many_samples_as_there_are(self):
        assert len(BalancedBatchSampler(LABELS, 2, 3)) == 21 // 6
        assert len(BalancedBatchSampler(LABELS, 2, 4)) == 18 // 8  # 3 samples are left out
        assert len(BalancedBatchSampler(LABELS, 4, 3)) == 1
        sampler = BalancedBatchSampler(LABELS, 2, 3)
        assert len(list(sampler)) == len(sampler)

    def test_epochs_differ_and_are_the_same_again(self):
        sampler = BalancedBatchSampler(LABELS, 2, 3)
        first, second = list(sampler), list(sampler)
        assert first != second
        assert [list(BalancedBatchSampler(LABELS, 2, 3)), second] == [first, list_of(sampler, 1)]
        assert list(BalancedBatchSampler(LABELS, 2, 3, random_state=1)) != first

    @pytest.mark.parametrize(
        "labels",
        [
            torch.from_numpy(LABELS),
            torch.from_numpy(LABELS).to(torch.int8),
            torch.from_numpy(LABELS).bfloat16(),
            torch.from_numpy(LABELS).float().requires_grad_(),
            LABELS.astype(float),
            LABELS.tolist(),
            np.array([f"class {label}" for label in LABELS]),
        ],
        ids=["tensor", "int8", "bfloat16", "with a gradient", "float", "list", "text"],
    )
    def test_labels_of_any_kind(self, labels):
        drawn = list(BalancedBatchSampler(labels, 2, 3, batches=4))
        assert all(list(Counter(LABELS[batch]).values()) == [3, 3] for batch in drawn)

    def test_boolean_labels(self):
        (batch,) = BalancedBatchSampler(torch.tensor([True, False, True, False]), 2, 2)
        assert sorted(batch) == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((LABELS, 4, 4), "3 of 4 classes have 4 samples or more, and a batch needs 4"),
            (([], 1, 1), "0 of 0 classes"),
            ((LABELS, 0, 4), "classes is 0"),
            ((LABELS, 2, 1.5), r"samples is 1\.5"),
            ((LABELS, 2, 2, 0), "batches is 0"),
            ((LABELS[:, None], 2, 2), r"\(21, 1\): expected one label a sample"),
        ],
    )
    def test_what_cannot_be_drawn(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            BalancedBatchSampler(*arguments)


def list_of(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


X = np.arange(42.0).reshape(21, 2)
PAIRS = np.array([[0, 1], [2, 3], [0, 20], [5, 4], [9, 9]])
SAME = np.array([True, False, True, True, False])
EPOCHS = {
    "balanced": lambda x, y, size=6: balanced_batches(x, y, 2, 3),
    "shuffled": lambda x, y, size=6: shuffled_batches(x, y, size),
}


@pytest.mark.parametrize("make", EPOCHS.values(), ids=EPOCHS)
class TestBatchesOfSamples:
    def test_labels_stay_with_their_rows(self, make):
        for x, y in make(X, LABELS)(rng()):
            assert np.array_equal(LABELS[(x[:, 0] / 2).astype(int)], y)

    def test_the_same_random_numbers_give_the_same_epoch(self, make):
        batches = make(X, LABELS)
        first, again, other = (
            np.concatenate([x for x, _ in batches(rng(seed))]) for seed in (0, 0, 1)
        )
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_tensors_stay_tensors_on_their_device(self, make, device):
        x, y = torch.from_numpy(X).float().to(device), torch.from_numpy(LABELS).to(device)
        for batch in make(x, y)(rng()):
            for part, whole in zip(batch, (x, y), strict=True):
                assert (part.dtype, part.device) == (whole.dtype, whole.device)

    def test_as_many_labels_as_rows(self, make):
        with pytest.raises(ValueError, match="y has 20 entries for 21 rows"):
            make(X, LABELS[:-1])


def test_balanced_batches_are_those_of_the_sampler():
    drawn = BalancedBatchSampler(LABELS, 2, 3, random_state=0)
    batches = balanced_batches(X, LABELS, 2, 3)(np.random.default_rng([0, 0]))
    assert [x[:, 0].tolist() for x, _ in batches] == [X[batch, 0].tolist() for batch in drawn]


@pytest.mark.parametrize(
    ("size", "lengths"), [(21, [21]), (20, [11, 10]), (7, [7, 7, 7]), (100, [21]), (1, [1] * 21)]
)
def test_shuffled_batches_hold_every_sample_once_in_parts_of_nearly_one_length(size, lengths):
    batches = [x[:, 0] for x, _ in shuffled_batches(X, LABELS, size)(rng())]
    assert [len(batch) for batch in batches] == lengths
    assert sorted(np.concatenate(batches)) == X[:, 0].tolist()


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_pair_batches_hold_every_pair_once(kind):
    batches = pair_batches(kind(X), kind(PAIRS), kind(SAME), 2)
    found = [
        (int(a[0]) // 2, int(b[0]) // 2, bool(same))
        for (x1, x2), alike in batches(rng())
        for a, b, same in zip(x1, x2, alike, strict=True)
    ]
    assert sorted(found) == sorted(zip(*PAIRS.T.tolist(), SAME.tolist(), strict=True))
    assert len(list(batches(rng()))) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pair_batches(X, PAIRS, SAME[:3], 2), "same has 3 entries for 5 rows"),
        (lambda: pair_batches(X, PAIRS[:, :1], SAME, 2), r"expected whole numbers \(m, 2\)"),
        (lambda: pair_batches(X, PAIRS / 2, SAME, 2), "dtype float64"),
        (lambda: pair_batches(X[:5], PAIRS, SAME, 2), "from 0 to 20: X has 5 rows"),
        (lambda: pair_batches(X, PAIRS - 1, SAME, 2), "from -1 to 19"),
        (lambda: pair_batches(X, PAIRS, SAME, 0), "size is 0"),
        (lambda: pair_batches(X, PAIRS[:0], SAME[:0], 2), "no samples"),
        (lambda: shuffled_batches(X, LABELS, 2.5), r"size is 2\.5"),
        (lambda: shuffled_batches(X[:0], LABELS[:0], 2), "no samples"),
    ],
)
def test_what_makes_no_batches_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
