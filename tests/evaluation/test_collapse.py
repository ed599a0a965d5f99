"""Numbers that tell a collapse: listed pair by pair, in closed form, exactly 0 where they must."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.evaluation import (
    alignment,
    collapse_report,
    effective_rank,
    mean_distances,
    uniformity,
)

quick = settings(max_examples=60, deadline=None)
POINT = [0.1, -1 / 3, 1e3 + 0.7]


@st.composite
def embeddings(draw):
    n = draw(st.integers(2, 12))
    seed, centre = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 50.0]))
    Z = centre + np.random.default_rng(seed).normal(size=(n, 3))
    return Z, draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))


def squares(Z, y, same=None):
    """‖z − z'‖² of all pairs, or of those of one class, or of two."""
    pairs = combinations(range(len(Z)), 2)
    chosen = [(i, j) for i, j in pairs if same is None or (y[i] == y[j]) == same]
    return [math.dist(Z[i], Z[j]) ** 2 for i, j in chosen]


def mean(values):
    return sum(values) / len(values) if values else math.nan


# ---------------------------------------------------------------- pair by pair


@quick
@given(embeddings())
def test_alignment_is_the_mean_over_pairs_of_one_class(given_embeddings):
    Z, y = given_embeddings
    listed = squares(Z, y, same=True)
    if not listed:
        with pytest.raises(ValueError, match="Every class has one sample"):
            alignment(Z, y)
        return
    assert alignment(Z, y) == pytest.approx(mean(listed), rel=1e-10)


@quick
@given(embeddings(), st.sampled_from([0.5, 2.0, 40.0]))
def test_uniformity_is_the_logarithm_of_the_mean_over_all_pairs(given_embeddings, t):
    exponents = [-t * square for square in squares(*given_embeddings)]
    top = max(exponents)
    expected = top + math.log(mean([math.exp(exponent - top) for exponent in exponents]))
    Z, _ = given_embeddings
    assert uniformity(Z, t) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@quick
@given(embeddings())
def test_mean_distances_are_those_of_the_list(given_embeddings):
    Z, y = given_embeddings
    expected = [mean([math.sqrt(s) for s in squares(Z, y, same)]) for same in (True, False)]
    assert mean_distances(Z, y) == pytest.approx(expected, rel=1e-10, nan_ok=True)


def test_worked_examples():
    square = [[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]]
    assert mean_distances(square, [1, 1, 2]) == (5, 6.5)
    assert alignment(square, [1, 1, 2]) == pytest.approx(25)
    # On the circle at ±1: one pair, ‖z − z'‖² = 4.
    assert uniformity([[1.0], [-1.0]]) == -8


def test_far_points_give_a_number():
    assert uniformity(1e6 * np.arange(5.0)[:, None]) == pytest.approx(-2e12 + math.log(8 / 20))


# ---------------------------------------------------------------- collapse


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_one_point_is_exactly_zero(dtype, device):
    Z = torch.tensor([POINT] * 7, dtype=dtype, device=device)
    y = [0, 0, 0, 1, 1, 2, 2]
    assert (alignment(Z, y), uniformity(Z), effective_rank(Z)) == (0, 0, 0)
    assert mean_distances(Z, y) == (0, 0)
    report = collapse_report(Z, y)
    assert report.collapsed
    assert report.spread == 0


def test_good_clusters_have_alignment_zero_and_are_apart():
    Z, y = np.repeat(np.eye(3), 4, axis=0), np.repeat(range(3), 4)
    assert alignment(Z, y) == 0
    assert uniformity(Z) < -0.5
    assert not collapse_report(Z, y).collapsed


def test_a_network_that_trembles_around_one_point_has_collapsed():
    rng = np.random.default_rng(0)
    y = np.arange(50) % 5
    apart, near = rng.normal(size=(50, 8)), 3 + 1e-5 * rng.normal(size=(50, 8))
    assert not collapse_report(apart, y).collapsed
    assert collapse_report(near, y).collapsed
    assert collapse_report(np.zeros((4, 2)), [0, 0, 1, 1]).collapsed


def test_the_report_says_what_the_functions_say():
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(40, 6)), np.arange(40) % 4
    report = collapse_report(Z, y)
    assert report.alignment == alignment(Z, y)
    assert report.uniformity == uniformity(Z)
    assert report.effective_rank == effective_rank(Z)
    expected = math.sqrt(Z.var(axis=0).sum() / (Z**2).sum(1).mean())
    assert report.spread == pytest.approx(expected)
    assert str(report).startswith("not collapsed: spread ")
    assert "of 6 directions" in str(report)
    assert math.isnan(collapse_report(Z, range(40)).alignment)


# ---------------------------------------------------------------- directions


def test_effective_rank_counts_directions():
    cross = np.vstack([np.eye(5), -np.eye(5)])
    assert effective_rank(cross) == pytest.approx(5)
    assert effective_rank(np.outer(np.arange(9.0), POINT)) == pytest.approx(1, abs=1e-6)
    assert effective_rank(cross @ np.diag([1.0, 1, 1, 0, 0])) == pytest.approx(3)
    assert effective_rank([[1.0, 2.0]]) == 0


def test_effective_rank_is_the_exponential_of_an_entropy():
    Z = np.random.default_rng(0).normal(size=(30, 4)) * [1, 2, 3, 4]
    values = np.linalg.svd(Z - Z.mean(0), compute_uv=False)
    shares = values / values.sum()
    assert effective_rank(Z) == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))
    assert effective_rank(7 * Z + 5) == pytest.approx(effective_rank(Z))


# ---------------------------------------------------------------- what does not matter


def test_memory_changes_nothing():
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(60, 4)), rng.integers(0, 5, size=60)
    assert uniformity(Z, max_bytes=1) == pytest.approx(uniformity(Z), rel=1e-13)
    assert mean_distances(Z, y, max_bytes=1) == pytest.approx(mean_distances(Z, y), rel=1e-13)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_dtype_is_measured_in_float64(dtype, device):
    Z = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    y = torch.arange(30) % 3
    expected = collapse_report(Z.double().numpy(), y.numpy())
    found = collapse_report(Z.to(device).requires_grad_(), y.to(device))
    assert found.alignment == pytest.approx(expected.alignment, rel=1e-12)
    assert found.uniformity == pytest.approx(expected.uniformity, rel=1e-6)
    assert found.effective_rank == pytest.approx(expected.effective_rank, rel=1e-9)


def test_labels_of_any_kind():
    Z, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 3
    for labels in (torch.from_numpy(y), [f"class {c}" for c in y], y.astype(float)):
        assert alignment(Z, labels) == alignment(Z, y)
        assert mean_distances(Z, labels) == mean_distances(Z, y)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("measure", [alignment, mean_distances, collapse_report])
def test_one_label_for_each_row(measure):
    with pytest.raises(ValueError, match="labels has 2 entries and Z 3 rows"):
        measure(np.eye(3), [0, 1])
    with pytest.raises(ValueError, match=r"Z\[0, 1\] is nan"):
        measure([[0.0, math.nan], [0.0, 1.0]], [0, 0])


def test_what_has_no_pair_is_refused():
    with pytest.raises(ValueError, match="Z has 1 rows: expected two or more"):
        uniformity([[1.0]])
    with pytest.raises(ValueError, match="t is 0: expected a positive number"):
        uniformity(np.eye(2), t=0)
    with pytest.raises(ValueError, match="Z has no rows"):
        effective_rank(np.empty((0, 3)))
