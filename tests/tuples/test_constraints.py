"""Tuples from labels: complete lists as enumeration finds them, samples that are uniform."""

import tracemalloc
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from dmlcourse.tuples.constraints import (
    ascending,
    count_tuples,
    neighbour_triplets,
    pairs_from_labels,
    quadruplets_from_labels,
    triangle,
    triplets_from_labels,
)
from dmlcourse.tuples.hinges import hinge_sums

quick = settings(max_examples=60, deadline=None)
labels = st.lists(st.integers(0, 3), min_size=1, max_size=8)
UNEVEN = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3]
CLOUDS = np.random.default_rng(0).integers(0, 10, size=60_000)


# Every tuple, by trying them all.


def pairs_of(y, same):
    return [(i, j) for i, j in combinations(range(len(y)), 2) if (y[i] == y[j]) == same]


def triplets_of(y):
    every = permutations(range(len(y)), 3)
    return [(a, p, n) for a, p, n in every if y[a] == y[p] and y[a] != y[n]]


def quadruplets_of(y):
    every = permutations(range(len(y)), 4)
    return [t for t in every if y[t[0]] == y[t[1]] and len({y[i] for i in t}) == 3]


# The functions, as lists of tuples.


def similar_pairs(y, n=None, random_state=None):
    pairs, same = pairs_from_labels(y, n, 0, random_state)
    assert same.all()
    return [tuple(pair) for pair in pairs.tolist()]


def dissimilar_pairs(y, n=None, random_state=None):
    pairs, same = pairs_from_labels(y, 0, n, random_state)
    assert not same.any()
    return [tuple(pair) for pair in pairs.tolist()]


def triplets(y, n=None, random_state=None):
    return rows(triplets_from_labels(y, n, random_state))


def quadruplets(y, n, random_state=None):
    return rows(quadruplets_from_labels(y, n, random_state))


def rows(columns):
    return list(zip(*(column.tolist() for column in columns), strict=True))


KINDS = {
    "similar": (similar_pairs, lambda y: pairs_of(y, True)),
    "dissimilar": (dissimilar_pairs, lambda y: pairs_of(y, False)),
    "triplets": (triplets, triplets_of),
    "quadruplets": (quadruplets, quadruplets_of),
}
every_kind = pytest.mark.parametrize(("draw", "every"), KINDS.values(), ids=KINDS)


# Complete lists.


def test_the_pairs_of_three_samples():
    pairs, same = pairs_from_labels(["cat", "dog", "cat"])
    assert pairs.tolist() == [[0, 2], [0, 1], [1, 2]]
    assert same.tolist() == [True, False, False]
    assert pairs.dtype == np.int64
    assert same.dtype == bool


def test_the_triplets_of_three_samples():
    assert triplets(["cat", "dog", "cat"]) == [(0, 2, 1), (2, 0, 1)]


@quick
@given(labels)
def test_complete_lists_hold_every_tuple_once_in_ascending_order(y):
    assert similar_pairs(y) == pairs_of(y, True)
    assert dissimilar_pairs(y) == pairs_of(y, False)
    assert triplets(y) == triplets_of(y)


@quick
@given(labels)
def test_counts_are_those_of_enumeration(y):
    assert count_tuples(y) == tuple(len(every(y)) for _, every in KINDS.values())


@quick
@given(labels, st.randoms(use_true_random=False))
def test_reordering_the_samples_reorders_the_tuples(y, random):
    order = random.sample(range(len(y)), len(y))
    moved = [y[i] for i in order]
    back = [[order[i] for i in t] for t in triplets(moved)]
    assert sorted(map(tuple, back)) == triplets(y)
    for kind in (similar_pairs, dissimilar_pairs):
        assert sorted(tuple(sorted(order[i] for i in t)) for t in kind(moved)) == kind(y)


def test_one_sample_has_no_tuples():
    assert count_tuples([7]) == (0, 0, 0, 0)
    pairs, same = pairs_from_labels([7])
    assert pairs.shape == (0, 2)
    assert same.shape == (0,)
    assert triplets([7]) == quadruplets([7], 0) == []


def test_one_class_has_nothing_dissimilar():
    assert count_tuples([5] * 4) == (6, 0, 0, 0)
    assert pairs_from_labels([5] * 4)[1].tolist() == [True] * 6
    assert triplets([5] * 4) == []


def test_classes_of_one_sample_have_nothing_similar():
    assert count_tuples(range(5)) == (0, 10, 0, 0)
    assert pairs_from_labels(range(5))[1].tolist() == [False] * 10
    assert triplets(range(5)) == []


def test_two_classes_have_no_quadruplets():
    assert count_tuples([0, 0, 1, 1]).quadruplets == 0
    with pytest.raises(ValueError, match="n is 1: y has 0 quadruplets"):
        quadruplets_from_labels([0, 0, 1, 1], 1)


# Counts by closed forms.


def test_counts_of_balanced_classes():
    n, s = 60_000, 6_000
    counts = count_tuples(np.arange(n) % 10)
    assert counts.similar == 10 * s * (s - 1) // 2
    assert counts.similar + counts.dissimilar == n * (n - 1) // 2
    assert counts.triplets == n * (s - 1) * (n - s)
    assert counts.quadruplets == n * (s - 1) * 9 * s * 8 * s


def test_counts_do_not_wrap_around():
    n, s = 400_000, 40_000
    counts = count_tuples(np.arange(n, dtype=np.int32) % 10)
    assert counts.quadruplets == n * (s - 1) * 9 * s * 8 * s > 2**64
    assert {type(count) for count in counts} == {int}


# Samples.


@every_kind
@pytest.mark.parametrize("y", [UNEVEN, [0, 1, 1, 2, 0, 1, 3], [2, 1, 0, 0, 0, 0, 0, 0]], ids=str)
def test_a_sample_of_any_size_holds_different_tuples_of_the_kind(draw, every, y):
    there = every(y)
    for n in sorted({0, 1, len(there) // 3, len(there) // 2, len(there) - 1, len(there)} - {-1}):
        sample = draw(y, n, random_state=n)
        assert len(sample) == len(set(sample)) == min(n, len(there))
        assert set(sample) <= set(there)


@quick
@given(labels, st.integers(0, 2**32 - 1))
def test_asking_for_all_quadruplets_gives_each_once(y, seed):
    there = quadruplets_of(y)
    assert sorted(quadruplets(y, len(there), seed)) == there


@every_kind
@pytest.mark.parametrize("share", [0.05, 0.4, 0.7])
def test_samples_are_uniform(draw, every, share):
    there = every(UNEVEN)
    n, rng = max(1, round(share * len(there))), np.random.default_rng(1)
    times = 1 + 20 * len(there) // n
    found = [draw(UNEVEN, n, rng) for _ in range(times)]
    assert chance(there, found, n) > 1e-3


@every_kind
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_the_first_of_a_sample_is_uniform_too(draw, every, share):
    y = [0, 0, 1, 1, 2, 2, 2]
    there = every(y)
    n, rng = round(share * len(there)), np.random.default_rng(2)
    found = [draw(y, n, rng)[:1] for _ in range(20 * len(there))]
    assert chance(there, found, 1) > 1e-3


def chance(there, found, n):
    """How likely uniform samples of n without replacement stray so far from equal counts."""
    place = {t: i for i, t in enumerate(there)}
    counts = np.bincount([place[t] for sample in found for t in sample], minlength=len(there))
    expected = len(found) * n / len(there)
    # Without replacement the counts vary less, by (T − n)/(T − 1).
    stray = ((counts - expected) ** 2).sum() / expected * (len(there) - 1) / (len(there) - n)
    return chi2.sf(stray, len(there) - 1)


def test_all_of_one_kind_beside_a_sample_of_the_other():
    pairs, same = pairs_from_labels(UNEVEN, None, 10, random_state=0)
    assert [tuple(pair) for pair in pairs[same].tolist()] == pairs_of(UNEVEN, True)
    assert (~same).sum() == 10


@every_kind
def test_a_seed_repeats_a_sample(draw, every):
    assert draw(UNEVEN, 8, 3) == draw(UNEVEN, 8, 3) == draw(UNEVEN, 8, np.random.default_rng(3))
    assert draw(UNEVEN, 8, 3) != draw(UNEVEN, 8, 4)


@every_kind
def test_a_generator_goes_on(draw, every):
    rng = np.random.default_rng(3)
    assert draw(UNEVEN, 8, rng) != draw(UNEVEN, 8, rng)


@every_kind
def test_more_than_there_are_is_refused_with_their_number(draw, every):
    there = len(every(UNEVEN))
    with pytest.raises(ValueError, match=rf"n\w* is {there + 1}: y has {there} \w+.*0 to {there}"):
        draw(UNEVEN, there + 1)
    with pytest.raises(ValueError, match=r"is -1: y has"):
        draw(UNEVEN, -1)
    with pytest.raises(TypeError):
        draw(UNEVEN, 1.5)


def test_quadruplets_want_a_number():
    with pytest.raises(TypeError):
        quadruplets_from_labels(UNEVEN, None)


# Large data.


@pytest.mark.parametrize(
    "y",
    [CLOUDS, np.arange(60_000) // 2, np.maximum(np.arange(60_000) - 59_000, 0)],
    ids=["ten classes", "pairs", "one large class"],
)
def test_sampling_from_60_000_samples_takes_little_memory(y):
    tracemalloc.start()
    pairs, same = pairs_from_labels(y, 20_000, 20_000, random_state=0)
    abc = np.stack(triplets_from_labels(y, 20_000, random_state=0))
    abcd = np.stack(quadruplets_from_labels(y, 20_000, random_state=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20, "a list of pairs would take gigabytes"
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert ((y[pairs[:, 0]] == y[pairs[:, 1]]) == same).all()
    assert len(np.unique(pairs, axis=0)) == 40_000
    for a, p, n in (abc, abcd[[0, 1, 2]], abcd[[0, 1, 3]]):
        assert (a != p).all()
        assert (y[a] == y[p]).all()
        assert (y[a] != y[n]).all()
    assert (y[abcd[2]] != y[abcd[3]]).all()
    assert len(np.unique(abc, axis=1).T) == len(np.unique(abcd, axis=1).T) == 20_000


def test_large_classes_are_drawn_from_evenly():
    """Thirds of the samples, in each role, as often as their share of the tuples says."""
    y = np.repeat([0, 1, 2], 20_000)
    pairs, _ = pairs_from_labels(np.zeros(60_000, int), 9_000, 0, random_state=5)
    assert even(np.bincount(pairs.ravel() // 20_000))
    for column in quadruplets_from_labels(y, 9_000, random_state=6):
        assert even(np.bincount(column // 20_000))


def even(counts):
    expected = counts.sum() / len(counts)
    return chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1) > 1e-3


def test_more_quadruplets_than_int64_holds_are_drawn_from():
    y = np.arange(400_000) % 10
    a, p, n1, n2 = quadruplets_from_labels(y, 1_000, random_state=0)
    assert (y[a] == y[p]).all()
    assert (np.diff(np.sort([y[a], y[n1], y[n2]], axis=0), axis=0) > 0).all()
    assert even(np.bincount(y[n2]))


def test_pairs_are_numbered_without_rounding():
    first = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    assert rows(triangle(np.arange(6))) == first
    late = np.array([2**k + e for k in range(3, 32) for e in (-1, 0, 1)] + [3 * 10**8 + 7])
    late = late[late < 2**31]
    begin, end = late * (late - 1) // 2, late * (late + 1) // 2 - 1
    assert rows(triangle(begin)) == [(0, j) for j in late.tolist()]
    assert rows(triangle(end)) == [(j - 1, j) for j in late.tolist()]


@pytest.mark.parametrize("points", [50, 3_000_000])
def test_tuples_are_sorted_however_large_their_indices(points):
    columns = np.random.default_rng(0).integers(points - 50, points, size=(3, 200))
    assert rows(ascending(columns, points)) == sorted(rows(columns))


# Labels of every kind.

SAME = {
    "uint8": np.array([255, 255, 0, 1, 0, 1, 7], dtype=np.uint8),
    "int8": np.array([-128, -128, 127, 0, 127, 0, 1], dtype=np.int8),
    "int64": np.array([-(2**63), -(2**63), 2**63 - 1, 0, 2**63 - 1, 0, 1]),
    "uint64": np.array([2**64 - 1, 2**64 - 1, 2**64 - 2, 0, 2**64 - 2, 0, 1], dtype=np.uint64),
    "float16": np.array([3, 3, -1, 0, -1, 0, 9], dtype=np.float16),
    "big-endian": np.array([3, 3, -1, 0, -1, 0, 9], dtype=">i4"),
    "strings": np.array(["b", "b", "a", "", "a", "", "nan"]),
    "bytes": np.array([b"b", b"b", b"a", b"c", b"a", b"c", b"d"]),
    "dates": np.array([3, 3, 1, 0, 1, 0, 9], dtype="datetime64[D]"),
    "objects": np.array(["b", "b", 1, (), 1, (), "1"], dtype=object),
    "mixed list": ["b", "b", 1, 2.0, 1, 2, "1"],
    "large numbers": [2**63, 2**63, -1, 2**63 + 1, -1, 2**63 + 1, 0],
    "huge numbers": [2**70, 2**70, 1, 2**70 + 1, 1, 2**70 + 1, 0],
    "scalar tensors": [torch.tensor(v) for v in (3.0, 3.0, -1.0, 0.0, -1.0, 0.0, 9.0)],
    "strided": np.array([3, 0, 3, 0, 1, 0, 2, 0, 1, 0, 2, 0, 0, 0])[::2],
}


@pytest.mark.parametrize("y", SAME.values(), ids=SAME)
def test_only_equality_of_labels_matters(y):
    """Neither the names of the classes nor their order change a list or a sample."""
    plain = [0, 0, 1, 2, 1, 2, 3]
    assert triplets(y) == triplets_of(plain)
    for draw, _ in KINDS.values():
        assert draw(y, 3, 1) == draw(plain, 3, 1)


def test_booleans_are_two_classes():
    assert similar_pairs(np.array([True, False, True])) == [(0, 2)]
    assert similar_pairs(torch.tensor([True, False, True])) == [(0, 2)]


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int16, torch.int64, torch.uint32, torch.bfloat16, torch.float64]
)
def test_tensors_and_arrays_agree(device, dtype):
    array = np.array([3, 1, 3, 0, 1, 3, 2])
    y = torch.tensor(array.tolist(), dtype=dtype, device=device)
    targets = np.array([[2, 5], [4, -1], [0, -1], [-1, -1], [-1, 1], [2, 0], [-1, -1]])
    near = torch.tensor(targets, device=device)
    for ours, theirs in (
        (pairs_from_labels(y), pairs_from_labels(array)),
        (pairs_from_labels(y, 2, 3, 0), pairs_from_labels(array, 2, 3, 0)),
        (triplets_from_labels(y), triplets_from_labels(array)),
        (triplets_from_labels(y, 5, 0), triplets_from_labels(array, 5, 0)),
        (quadruplets_from_labels(y, 5, 0), quadruplets_from_labels(array, 5, 0)),
        (neighbour_triplets(near, y), neighbour_triplets(targets, array)),
    ):
        for tensor, expected in zip(ours, theirs, strict=True):
            assert tensor.device.type == device
            assert tensor.dtype == (torch.bool if expected.dtype == bool else torch.int64)
            assert tensor.is_contiguous()
            assert np.array_equal(tensor.cpu().numpy(), expected)
    assert count_tuples(y) == count_tuples(array)


def test_labels_are_left_as_they_are():
    y = np.array(UNEVEN)
    y.flags.writeable = False
    pairs, _ = pairs_from_labels(y, 3, 3, 0)
    pairs += 1
    weighted = torch.tensor([0.0, 0.0, 1.0], requires_grad=True)
    assert triplets(weighted) == [(0, 1, 2), (1, 0, 2)]
    assert weighted.grad is None


BAD = {
    "NaN": ([0.0, 1.0, np.nan], ValueError, r"y\[2\] is nan: leave samples without a label out"),
    "NaN in a tensor": (torch.tensor([0.0, torch.nan]), ValueError, r"y\[1\] is nan"),
    "NaN among strings": (["a", "b", np.nan], ValueError, r"y\[2\] is nan: leave"),
    "NaN among objects": (np.array(["a", np.nan], dtype=object), ValueError, r"y\[1\] is nan"),
    "None": (["a", None], ValueError, r"y\[1\] is None: leave"),
    "no date": (np.array(["2020", "NaT"], dtype="M8[D]"), ValueError, r"y\[1\] is NaT: leave"),
    "fractions": ([1.0, 1.5], ValueError, r"y\[1\] is 1.5: expected classes.*np.digitize"),
    "fractions among objects": (["a", "b", 1.5], ValueError, r"y\[2\] is 1.5: expected classes"),
    "infinity": (np.array([1.0, np.inf]), ValueError, r"y\[1\] is inf: expected classes"),
    "complex": (np.array([1, 1j]), TypeError, "complex"),
    "one-hot": (np.eye(3), ValueError, r"y has shape \(3, 3\).*y.argmax\(1\)"),
    "a column": (torch.zeros(3, 1), ValueError, r"y has shape \(3, 1\).*y.ravel\(\)"),
    "a number": (5, ValueError, r"y has shape \(\)"),
    "a word": ("label", ValueError, r"y has shape \(\)"),
    "empty": ([], ValueError, "y is empty"),
    "empty tensor": (torch.zeros(0, dtype=torch.int64), ValueError, "y is empty"),
    "ragged": ([[1, 2], [3]], TypeError, "y cannot be read as an array"),
    "no equality": ([{}, 1], TypeError, "cannot be compared"),
}


@pytest.mark.parametrize(("y", "error", "said"), BAD.values(), ids=BAD)
def test_what_is_no_label_is_refused(y, error, said):
    for function in (
        count_tuples,
        pairs_from_labels,
        triplets_from_labels,
        lambda y: quadruplets_from_labels(y, 1),
        lambda y: neighbour_triplets(y if isinstance(y, torch.Tensor) else [[0]], y),
    ):
        with pytest.raises(error, match=said):
            function(y)


class Unknown:
    """As pandas.NA: what it is equal to is neither true nor false."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


def test_an_unknown_label_is_missing():
    with pytest.raises(ValueError, match=r"y\[1\] is .*leave samples without a label out"):
        count_tuples(np.array(["a", Unknown()], dtype=object))


# Triplets of target neighbours.


def test_triplets_of_target_neighbours():
    y = ["a", "a", "b", "a"]
    targets = np.array([[3, 1], [0, -1], [-1, -1], [-1, 0]], dtype=np.int8)
    assert rows(neighbour_triplets(targets, y)) == [(0, 3, 2), (0, 1, 2), (1, 0, 2), (3, 0, 2)]


@quick
@given(labels, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_neighbour_triplets_are_those_of_enumeration(y, k, seed):
    targets = some_targets(y, k, seed)
    every = [
        (a, p, n) for a in range(len(y)) for p in targets[a] if p >= 0
        for n in range(len(y)) if y[n] != y[a]
    ]  # fmt: skip
    assert rows(neighbour_triplets(targets, y)) == every


def some_targets(y, k, seed):
    """Up to k random points of each point's class, −1 where it has fewer."""
    rng, y = np.random.default_rng(seed), np.array(y)
    targets = np.full((len(y), k), -1)
    for i in range(len(y)):
        others = rng.permutation(np.setdiff1d(np.flatnonzero(y == y[i]), i))[:k]
        targets[i, : len(others)] = others
    return targets


def test_all_of_the_class_as_targets_give_all_triplets():
    targets = some_targets(UNEVEN, 3, 0)
    assert sorted(rows(neighbour_triplets(targets, UNEVEN))) == triplets_of(UNEVEN)


def test_hinges_over_the_list_add_up_to_the_sums_without_it():
    y = np.random.default_rng(0).integers(0, 4, size=40)
    targets = some_targets(y, 3, 0)
    D = torch.rand(40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, p, n = neighbour_triplets(torch.tensor(targets), torch.tensor(y))
    hinges = (0.2 + D[a, p] - D[a, n]).clamp(min=0)
    values, _, active = hinge_sums(
        D, torch.tensor(targets), torch.tensor(y[:, None] != y), margin=0.2
    )
    assert values.sum().item() == pytest.approx(hinges.sum().item())
    assert active.sum().item() == (hinges > 0).sum().item() > 0


def test_no_targets_give_no_triplets():
    for targets in (np.full((3, 2), -1), np.empty((3, 0), int)):
        assert rows(neighbour_triplets(targets, [0, 0, 1])) == []


WRONG = {
    "too large": ([[3], [0], [-1]], ValueError, r"targets\[0, 0\] is 3: expected an index below 3"),
    "too small": ([[1], [-2], [-1]], ValueError, r"targets\[1, 0\] is -2: .*−1 for none"),
    "itself": ([[1], [1], [-1]], ValueError, r"targets\[1, 0\] is 1: a point is no neighbour"),
    "another class": ([[1], [2], [-1]], ValueError, r"targets\[1, 0\] is 2: .*another label"),
    "unsigned": (np.array([[1], [0], [255]], np.uint8), ValueError, r"targets\[2, 0\] is 255"),
    "wrapped": (np.array([[1], [0], [2**64 - 1]], np.uint64), ValueError, r"\[2, 0\] is 184467"),
    "flat": ([1, 0, -1], ValueError, r"targets has shape \(3,\) and y 3 labels: expected \(n, k\)"),
    "rows": ([[1], [0]], ValueError, r"targets has shape \(2, 1\) and y 3 labels"),
    "floats": ([[1.0], [0.0], [-1.0]], TypeError, "targets has dtype float64: expected indices"),
    "a mask": (np.eye(3, dtype=bool), TypeError, "targets has dtype bool"),
    "mixed kinds": (torch.tensor([[1], [0], [-1]]), TypeError, "one of targets and y is a torch"),
}


@pytest.mark.parametrize(("targets", "error", "said"), WRONG.values(), ids=WRONG)
def test_wrong_targets_are_refused_with_their_place(targets, error, said):
    with pytest.raises(error, match=said):
        neighbour_triplets(targets, [0, 0, 1])
