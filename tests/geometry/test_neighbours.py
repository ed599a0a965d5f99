"""Nearest neighbours: the same as sorting all distances, ties by index, oneself left out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from dmlcourse.geometry import mahalanobis, nearest

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def sorted_neighbours(X, Y, k, alone=False):
    """The definition: sort each row of exact distances by (distance, index)."""
    gap = X.astype(np.longdouble)[:, None] - Y.astype(np.longdouble)
    D = np.sqrt((gap**2).sum(-1))
    if alone:
        np.fill_diagonal(D, np.inf)
    index = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, index, axis=1).astype(X.dtype), index


def test_neighbours_on_a_line():
    distances, index = nearest(np.array([[0.0], [1.0], [3.0], [7.0]]), k=2)
    assert index.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert distances.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("max_bytes", [5_000, 100_000, None])
def test_the_same_as_sorting_all_distances(max_bytes, dtype):
    X, Y = (array.astype(dtype) for array in draw(0, (60, 4), (90, 4)))
    distances, index = nearest(X, Y, k=7, max_bytes=max_bytes)
    expected, expected_index = sorted_neighbours(X, Y, 7)
    assert np.array_equal(index, expected_index)
    assert distances == pytest.approx(expected, rel=2 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("max_bytes", [5_000, 100_000, None])
def test_a_point_is_not_its_own_neighbour(max_bytes):
    (X,) = draw(1, (70, 3))
    _, index = nearest(X, k=5, max_bytes=max_bytes)
    assert np.array_equal(index, sorted_neighbours(X, X, 5, alone=True)[1])


def test_duplicates_stay_neighbours():
    distances, index = nearest(np.array([[0.0], [5.0], [0.0]]), k=1)
    assert index.tolist() == [[2], [0], [0]]
    assert distances.tolist() == [[0], [5], [0]]


@quick
@given(
    seed=seeds,
    n=st.integers(2, 30),
    d=st.integers(1, 3),
    max_bytes=st.sampled_from([2_000, 10_000, 2**20]),
    shift=st.sampled_from([0.0, 0.1, 1e3]),
    data=st.data(),
)
def test_ties_go_to_the_smallest_index(seed, n, d, max_bytes, shift, data):
    """Points on a small grid: many ties, exact ones, in sums that are exact or rounded alike."""
    X = np.random.default_rng(seed).integers(0, 3, size=(n, d)) + shift
    k = data.draw(st.integers(1, n - 1))
    _, index = nearest(X, k=k, max_bytes=max_bytes)
    gap = X[:, None] - X
    squares = (gap**2).sum(-1)
    np.fill_diagonal(squares, np.inf)
    assert np.array_equal(index, np.argsort(squares, axis=1, kind="stable")[:, :k])


@pytest.mark.parametrize("max_bytes", [20_000, None])
@pytest.mark.parametrize("under_a_map", [False, True])
def test_copies_of_one_point_come_in_the_order_of_their_indices(max_bytes, under_a_map, device):
    points, L = (torch.tensor(array, device=device) for array in draw(2, (5, 13), (7, 13)))
    Y = points.repeat(60, 1)
    distances, index = nearest(points, Y, k=60, L=L if under_a_map else None, max_bytes=max_bytes)
    assert torch.equal(index.cpu(), torch.arange(5)[:, None] + 5 * torch.arange(60))
    assert not distances.any()


def test_scikit_learn_agrees():
    X, Y = draw(3, (80, 6), (200, 6))
    distances, index = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(Y).kneighbors(X)
    assert np.array_equal(nearest(X, Y, k=4)[1], index)
    assert nearest(X, Y, k=4)[0] == pytest.approx(distances)


def test_close_clusters_far_apart_are_told_from_each_other_in_float32():
    centres, step = draw(4, (3, 8), (60, 8))
    X = (1e4 * centres[np.arange(60) % 3] + step).astype(np.float32)
    assert np.array_equal(nearest(X, k=10)[1], sorted_neighbours(X, X, 10, alone=True)[1])


def test_neighbours_under_a_metric_are_euclidean_neighbours_of_the_images():
    X, Y, L = draw(5, (40, 5), (50, 5), (3, 5))
    distances, index = nearest(X, Y, k=3, L=L)
    D = mahalanobis(X, Y, L=L)
    assert np.array_equal(index, np.argsort(D, axis=1)[:, :3])
    assert distances == pytest.approx(np.sort(D, axis=1)[:, :3])
    assert np.array_equal(nearest(X, Y, k=3, M=L.T @ L)[1], index)


def test_all_candidates_may_be_asked_for():
    X, Y = draw(6, (5, 2), (7, 2))
    assert (np.sort(nearest(X, Y, k=7)[1], axis=1) == np.arange(7)).all()
    assert nearest(X, k=4)[1].shape == (5, 4)


def test_no_queries_give_empty_results():
    distances, index = nearest(np.zeros((0, 2)), np.zeros((3, 2)), k=2)
    assert distances.shape == index.shape == (0, 2)


@pytest.mark.parametrize("k", [0, -1, 4])
def test_more_neighbours_than_candidates_are_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}: there are 3 candidates"):
        nearest(np.zeros((4, 2)), k=k)
    with pytest.raises(ValueError, match=f"k is {k}: there are 3 candidates"):
        nearest(np.zeros((9, 2)), np.zeros((3, 2)), k=k)


def test_k_is_a_whole_number():
    with pytest.raises(TypeError, match="float"):
        nearest(np.zeros((4, 2)), k=1.5)


def test_matrix_and_map_together_are_refused():
    with pytest.raises(ValueError, match="both of M and L given"):
        nearest(np.zeros((4, 2)), M=np.eye(2), L=np.eye(2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_devices_agree_with_the_cpu(dtype, device):
    X = torch.randn(300, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    distances, index = nearest(X.to(device), k=5, max_bytes=50_000)
    assert index.device.type == device
    assert index.dtype == torch.int64
    assert torch.equal(index.cpu(), nearest(X, k=5)[1])
    assert torch.allclose(distances.cpu(), nearest(X, k=5)[0])


def test_gradients_flow_through_the_distances():
    x, y, L = (torch.tensor(array, requires_grad=True) for array in draw(7, (5, 3), (8, 3), (2, 3)))
    assert torch.autograd.gradcheck(lambda x, y: nearest(x, y, k=2)[0], (x, y))
    assert torch.autograd.gradcheck(lambda x, L: nearest(x, k=2, L=L)[0], (x, L))


def test_a_duplicate_neighbour_has_a_zero_gradient():
    x = torch.ones(3, 2, requires_grad=True)
    nearest(x, k=2)[0].sum().backward()
    assert not x.grad.any()
