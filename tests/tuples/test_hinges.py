"""Sums of hinges: triplets listed one by one say what every number must be."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.tuples import HingeSums, hinge_sums, hinges, positive_columns

quick = settings(max_examples=80, deadline=None)
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(
    scope="module", params=[0, hinges.SHORT], ids=["searched", "compared"], autouse=True
)
def short(request):
    """Both ways in turn: a search of the thresholds, and a comparison with each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hinges, "SHORT", request.param)
        yield


def listed(D, positives, negatives, margin=1.0):
    """Values, weights and numbers of active triplets, one triplet after the other, in Python."""
    values, active = [0.0] * len(D), [0] * len(D)
    weights = [[0.0] * D.shape[1] for _ in D]
    for a, row in enumerate(D.double().tolist()):
        for p in positives[a].tolist():
            for n in negatives[a].nonzero().flatten().tolist():
                hinge = margin + row[p] - row[n]
                if p >= 0 and hinge > 0:
                    values[a] += hinge
                    active[a] += 1
                    weights[a][p] += 1
                    weights[a][n] -= 1
    return values, weights, active


def problem(seed, n, m, K, ties=False, device="cpu"):
    """Distances, positives with −1 here and there, negatives that are no positives."""
    generator = torch.Generator().manual_seed(seed)
    D = 4 * torch.rand(n, m, generator=generator, dtype=torch.float64)
    D = (2 * D).round() / 2 if ties else D  # halves: with a margin of 1 many are at a threshold
    positives = torch.rand(n, m, generator=generator).argsort(1)[:, :K]
    positives[torch.rand(n, K, generator=generator) < 0.3] = -1
    mask = torch.zeros(n, m + 1, dtype=torch.bool).scatter_(1, positives + 1, True)[:, 1:]
    negatives = (torch.rand(n, m, generator=generator) < 0.6) & ~mask
    return D.to(device), positives.to(device), negatives.to(device)


def as_listed(found, D, positives, negatives, margin=1.0):
    values, weights, active = listed(D, positives, negatives, margin)
    assert found.values.tolist() == pytest.approx(values, rel=1e-12, abs=1e-12)
    assert found.weights.tolist() == weights
    assert found.active.tolist() == active
    return sum(active)


# ---------------------------------------------------------------- beside the list


@quick
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 5),
    m=st.integers(1, 9),
    ties=st.booleans(),
    margin=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    data=st.data(),
)
def test_every_number_is_that_of_the_list(seed, n, m, ties, margin, data):
    D, positives, negatives = problem(seed, n, m, data.draw(st.integers(0, m)), ties)
    as_listed(hinge_sums(D, positives, negatives, margin), D, positives, negatives, margin)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_every_device(device, dtype, ties):
    D, positives, negatives = problem(5, 20, 30, 6, ties, device)
    D = D.to(dtype)
    found = hinge_sums(D, positives, negatives)
    assert {t.device.type for t in found} == {torch.device(device).type}
    assert [t.dtype for t in found] == [torch.float64, dtype, torch.int64]
    values, weights, active = listed(D, positives, negatives)
    assert found.values.tolist() == pytest.approx(values, rel=1e-6)
    assert found.weights.tolist() == weights
    assert found.active.tolist() == active
    assert sum(active) > 500


def test_a_triplet_exactly_at_its_threshold_is_not_active():
    D = torch.tensor([[1.0, 2.0, 1.75, 2.25]])
    found = hinge_sums(D, torch.tensor([[0]]), torch.tensor([[False, True, True, True]]))
    assert found.values.tolist() == [0.25]
    assert found.weights.tolist() == [[1, 0, -1, 0]]
    assert found.active.tolist() == [1]


def test_equal_thresholds_count_each():
    D = torch.tensor([[1.0, 1.0, 1.0, 1.5]])
    found = hinge_sums(D, torch.tensor([[0, 2, 1]]), torch.tensor([[False, False, False, True]]))
    assert found.values.tolist() == [1.5]
    assert found.weights.tolist() == [[1, 1, 1, -3]]


def test_all_points_of_a_class_as_positives_are_the_batch_all_triplet_loss():
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    D = torch.rand(8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    same = (labels[:, None] == labels) & ~torch.eye(8, dtype=torch.bool)
    positives, negatives = positive_columns(same), labels[:, None] != labels
    assert as_listed(hinge_sums(D, positives, negatives, 0.2), D, positives, negatives, 0.2) > 20


def test_the_order_of_positives_and_columns_does_not_matter():
    D, positives, negatives = problem(1, 6, 12, 5)
    found = hinge_sums(D, positives, negatives)
    flipped = hinge_sums(D, positives.flip(1), negatives)
    assert torch.allclose(flipped.values, found.values, rtol=1e-14)
    assert torch.equal(flipped.weights, found.weights)
    moved = torch.where(positives < 0, -1, 11 - positives)
    mirrored = hinge_sums(D.flip(1), moved, negatives.flip(1))
    assert torch.equal(mirrored.weights, found.weights.flip(1))


# ---------------------------------------------------------------- the derivative


@quick
@given(seed=st.integers(0, 2**32 - 1), K=st.integers(1, 6))
def test_weights_are_autograds_derivative_of_the_listed_sum(seed, K):
    D, positives, negatives = problem(seed, 4, 8, K)
    D.requires_grad_()
    there = positives >= 0
    hinges = 1 + D.gather(1, positives.clamp(min=0))[:, :, None] - D[:, None, :]
    counted = hinges.clamp(min=0) * there[:, :, None] * negatives[:, None, :]
    (gradient,) = torch.autograd.grad(counted.sum(), D)
    assert torch.equal(hinge_sums(D.detach(), positives, negatives).weights, gradient)


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_pulls_and_pushes_balance_in_each_row(seed):
    D, positives, negatives = problem(seed, 5, 9, 4, ties=True)
    found = hinge_sums(D, positives, negatives)
    assert not found.weights.sum(1).any()
    assert torch.equal(found.weights.clamp(min=0).sum(1), found.active.double())


# ---------------------------------------------------------------- parts, layouts, dtypes


def test_parts_of_the_rows_add_up():
    D, positives, negatives = problem(2, 11, 7, 3)
    whole = hinge_sums(D, positives, negatives)
    parts = [
        hinge_sums(*(t[rows] for t in (D, positives, negatives)))
        for rows in (slice(0, 4), slice(4, 5), slice(5, 11))
    ]
    for name in HingeSums._fields:
        assert torch.equal(torch.cat([getattr(p, name) for p in parts]), getattr(whole, name))


@pytest.mark.parametrize("max_bytes", [1, 5000, 10**9])
def test_the_working_memory_changes_nothing(max_bytes):
    D, positives, negatives = problem(3, 9, 12, 4)
    whole = hinge_sums(D, positives, negatives)
    for part, same in zip(
        hinge_sums(D, positives, negatives, max_bytes=max_bytes), whole, strict=True
    ):
        assert torch.equal(part, same)


def test_strided_input_gives_the_same_and_nothing_is_written():
    D, positives, negatives = problem(3, 6, 8, 3)
    expected = hinge_sums(D, positives, negatives)
    strided = [t.T.contiguous().T for t in (D, positives, negatives)]
    assert not any(t.is_contiguous() for t in strided)
    before = [t.clone() for t in strided]
    found = hinge_sums(*strided)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(strided, before, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_every_dtype_holds_give_exact_results(dtype, device):
    D, positives, negatives = problem(4, 10, 12, 4, ties=True, device=device)
    assert as_listed(hinge_sums(D.to(dtype), positives, negatives), D, positives, negatives) > 50


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_are_off_by_no_more_than_the_thresholds_are_rounded(dtype):
    """Each active triplet carries the rounding of its threshold, below 8: half a unit, 2 eps."""
    D, positives, negatives = problem(6, 10, 12, 4)
    D = D.to(dtype)
    found = hinge_sums(D, positives, negatives)
    values, _, active = listed(D, positives, negatives)
    most = 2 * torch.finfo(dtype).eps * torch.tensor(active).maximum(found.active) + 1e-13
    assert (found.values - torch.tensor(values, dtype=torch.float64)).abs().le(most).all()


def test_half_precision_counts_exactly_only_up_to_its_last_whole_number():
    m = 300
    D = torch.zeros(1, m + 1, dtype=torch.bfloat16)
    negatives = torch.arange(m + 1)[None] > 0
    found = hinge_sums(D, torch.tensor([[0]]), negatives)
    assert (found.active.item(), found.values.item()) == (m, m)
    assert torch.equal(found.weights[0, :1], torch.tensor([m]).bfloat16())
    assert hinge_sums(D.float(), torch.tensor([[0]]), negatives).weights[0, 0] == m


def test_large_distances_are_summed_in_float64():
    """10,000 hinges of 1 beside distances of 10⁵: a float32 sum of D would be off by hundreds."""
    D = torch.full((1, 10_001), 1e5)
    found = hinge_sums(D, torch.tensor([[0]]), torch.arange(10_001)[None] > 0)
    assert found.values.item() == pytest.approx(10_000, rel=1e-9)


# ---------------------------------------------------------------- edges


def test_no_positives_and_no_negatives_give_zero():
    D, positives, negatives = problem(7, 4, 6, 3)
    empty = torch.full_like(positives, -1)
    nobody = torch.zeros_like(negatives)
    for p, n in ((empty, negatives), (positives, nobody), (positives[:, :0], negatives)):
        found = hinge_sums(D, p, n)
        assert not any(t.any() for t in found)
        assert found.weights.shape == D.shape
    found = hinge_sums(D[:0], positives[:0], negatives[:0])
    assert [tuple(t.shape) for t in found] == [(0,), (0, 6), (0,)]


def test_an_infinite_distance_is_far():
    """A negative at ∞ is never active; a positive at ∞ costs ∞ where a negative is nearer."""
    D = torch.tensor([[0.5, math.inf, 1.0, math.inf]] * 3)
    positives = torch.tensor([[0, -1], [0, 1], [0, 1]])
    negatives = torch.tensor([[False, False, True, True]] * 2 + [[False, False, False, True]])
    found = hinge_sums(D, positives, negatives)
    assert found.values.tolist() == [0.5, math.inf, 0]
    assert found.active.tolist() == [1, 2, 0]
    assert found.weights.tolist() == [[1, 0, -1, 0], [1, 1, -2, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"D": torch.zeros(6)}, r"D has shape \(6,\) and dtype torch.float32: expected floats"),
        ({"D": torch.zeros(2, 3, dtype=torch.int64)}, "dtype torch.int64: expected floats"),
        ({"positives": torch.zeros(3, 1, dtype=torch.int64)}, r"\(3, 1\).* each row of D"),
        ({"positives": torch.zeros(2, dtype=torch.int64)}, r"positives has shape \(2,\)"),
        ({"positives": torch.zeros(2, 1)}, "dtype torch.float32.*int64"),
        ({"negatives": torch.zeros(2, 3)}, "boolean mask"),
        ({"negatives": torch.zeros(3, 2, dtype=torch.bool)}, r"shape of D, \(2, 3\)"),
    ],
)
def test_what_cannot_be_used_is_named(change, said):
    given_ = {
        "D": torch.zeros(2, 3),
        "positives": torch.zeros(2, 1, dtype=torch.int64),
        "negatives": torch.ones(2, 3, dtype=torch.bool),
    }
    hinge_sums(**given_)
    with pytest.raises(ValueError, match=said):
        hinge_sums(**(given_ | change))


# ---------------------------------------------------------------- columns of a mask


@quick
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 5), m=st.integers(1, 7))
def test_positive_columns_are_those_of_each_row_in_order(seed, n, m):
    mask = torch.rand(n, m, generator=torch.Generator().manual_seed(seed)) < 0.4
    rows = [row.nonzero().flatten().tolist() for row in mask]
    width = max(map(len, rows), default=0)
    found = positive_columns(mask)
    assert (found.dtype, tuple(found.shape)) == (torch.int64, (n, width))
    assert found.tolist() == [row + [-1] * (width - len(row)) for row in rows]
