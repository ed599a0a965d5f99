"""All pairs: right, accurate where cancellation lurks, differentiable, in bounded memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from dmlcourse.geometry import pairwise_distances
from dmlcourse.geometry.pairwise import distance_blocks, tiles

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def exact_squares(X, Y):
    """Pair by pair, from the differences, in extended precision."""
    gap = X.astype(np.longdouble)[:, None] - Y.astype(np.longdouble)
    return (gap**2).sum(-1)


def test_a_triangle_with_sides_three_four_five():
    D = pairwise_distances(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]))
    assert D.tolist() == [[0, 3, 5], [3, 0, 4], [5, 4, 0]]


@quick
@given(seed=seeds, n=sizes, m=sizes, d=sizes)
def test_scipy_agrees(seed, n, m, d):
    X, Y = draw(seed, (n, d), (m, d))
    assert pairwise_distances(X, Y) == pytest.approx(cdist(X, Y), rel=1e-12)
    squares = pairwise_distances(X, Y, squared=True)
    assert squares == pytest.approx(cdist(X, Y, "sqeuclidean"), rel=1e-12)


def test_whole_numbers_give_whole_squares():
    X = np.random.default_rng(0).integers(-50, 50, size=(60, 9)).astype(float)
    assert np.array_equal(pairwise_distances(X, squared=True), exact_squares(X, X).astype(float))


@quick
@given(seed=seeds, n=st.integers(2, 8), d=sizes)
def test_axioms_of_a_metric(seed, n, d):
    (X,) = draw(seed, (n, d))
    D = pairwise_distances(X)
    assert np.array_equal(D, D.T)
    assert not np.diag(D).any()
    assert (D[~np.eye(n, dtype=bool)] > 0).all()
    assert (D[:, None, :] <= (D[:, :, None] + D[None, :, :]) * (1 + 1e-14)).all()


@quick
@given(seed=seeds, shift=st.floats(-10, 10))
def test_rotation_and_translation_change_nothing(seed, shift):
    X, A = draw(seed, (6, 3), (3, 3))
    moved = pairwise_distances(X @ np.linalg.qr(A)[0] + shift)
    assert moved == pytest.approx(pairwise_distances(X), rel=1e-11, abs=1e-13)


@quick
@given(seed=seeds, power=st.integers(-200, 200))
def test_scaling_the_points_scales_the_distances(seed, power):
    X, Y = draw(seed, (4, 3), (5, 3))
    scaled = pairwise_distances(X * 2.0**power, Y * 2.0**power)
    assert np.array_equal(scaled, pairwise_distances(X, Y) * 2.0**power)


def spread(generator, n, d):
    return generator.normal(size=(n, d))


def far_from_the_origin(generator, n, d):
    return 1e4 + generator.normal(size=(n, d))


def near_duplicates(generator, n, d):
    centres = generator.normal(size=(5, d))
    return centres[np.arange(n) % 5] + 1e-6 * generator.normal(size=(n, d))


def far_clusters(generator, n, d):
    centres = 1e3 * generator.normal(size=(5, d))
    return centres[np.arange(n) % 5] + generator.normal(size=(n, d))


def many_scales(generator, n, d):
    return generator.normal(size=(n, d)) * 10.0 ** generator.integers(-8, 3, size=(n, 1))


def one_far_point(generator, n, d):
    X = generator.normal(size=(n, d))
    X[0] = 3e4
    return X


CLOUDS = [
    spread,
    far_from_the_origin,
    near_duplicates,
    far_clusters,
    many_scales,
    one_far_point,
]


def allowed_error(dtype, d):
    eps = torch.finfo(dtype).eps
    return 32 * (d + 4) * eps if dtype == torch.float64 else eps


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 3, 50])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_squared_distance_keeps_its_digits(cloud, d, dtype, device):
    generator = np.random.default_rng(d)
    X, Y = (torch.tensor(cloud(generator, 90, d), device=device).to(dtype) for _ in range(2))
    given = torch.cat([X[:30], Y])
    exact = exact_squares(X.cpu().double().numpy(), given.cpu().double().numpy())
    got = pairwise_distances(X, given, squared=True).cpu().double().numpy()
    finfo = torch.finfo(dtype)
    holds = (exact == 0) | ((exact > finfo.tiny) & (exact < 0.99 * finfo.max))
    error = np.abs(got - exact)[holds]
    assert (error <= allowed_error(dtype, d) * exact[holds]).all()


def test_the_plain_product_form_fails_where_ours_holds():
    """What the accuracy tests guard against: float32 twins at 1e4 lose every digit."""
    X = far_from_the_origin(np.random.default_rng(0), 50, 8).astype(np.float32)
    Y = X + np.float32(1e-2)
    exact = np.diag(exact_squares(X, Y))
    plain = (X**2).sum(1) + (Y**2).sum(1) - 2 * (X * Y).sum(1)
    ours = np.diag(pairwise_distances(X, Y, squared=True))
    assert (np.abs(plain - exact) / exact).max() > 1
    assert (np.abs(ours - exact) / exact).max() < 1.2e-7


def test_coordinates_far_below_the_rounding_of_the_centre_still_count():
    X = np.array([[0.0], [1e-20], [1.0]])
    assert pairwise_distances(X)[0].tolist() == [0, 1e-20, 1]


def test_equal_points_are_at_distance_zero_exactly():
    (X,) = draw(1, (200, 7))
    X = (X + 1e4).astype(np.float32)
    assert not np.diag(pairwise_distances(X, X.copy())).any()


def test_a_root_survives_where_its_square_leaves_the_dtype():
    X = torch.tensor([[0.0], [1e3], [1e-5]], dtype=torch.float16)
    D = pairwise_distances(X)
    assert D[0, 1] == X[1, 0]
    assert D[0, 2] == X[2, 0]
    assert pairwise_distances(X, squared=True)[0, 1] == torch.inf


def test_autocast_does_not_lower_the_precision(device):
    X = torch.randn(20, 5, device=device)
    with torch.autocast(device, dtype=torch.bfloat16):
        lowered = pairwise_distances(X)
    assert torch.equal(lowered, pairwise_distances(X))


def test_squares_beyond_float64_are_refused():
    with pytest.raises(ValueError, match="overflow float64"):
        pairwise_distances(np.array([[0.0], [1e200]]))


@pytest.mark.parametrize("shapes", [((0, 3), (4, 3)), ((4, 3), (0, 3)), ((0, 3), (0, 3))])
def test_no_rows_give_an_empty_block(shapes):
    X, Y = (np.zeros(shape) for shape in shapes)
    assert pairwise_distances(X, Y).shape == (len(X), len(Y))


def test_points_without_coordinates_coincide():
    assert pairwise_distances(np.zeros((2, 0))).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("max_bytes", [5_000, 100_000, 2**26])
def test_the_tile_size_does_not_change_the_result(max_bytes):
    X, Y = draw(2, (70, 4), (90, 4))
    assert pairwise_distances(X, Y, max_bytes=max_bytes) == pytest.approx(cdist(X, Y), rel=1e-12)
    D = pairwise_distances(X, max_bytes=max_bytes)
    assert pytest.approx(cdist(X, X), rel=1e-12) == D
    assert np.array_equal(D, D.T)


@quick
@given(n=st.integers(0, 300), m=st.integers(0, 300), entries=st.integers(1, 20_000))
def test_tiles_cover_each_entry_once_and_keep_to_their_size(n, m, entries):
    seen = np.zeros((n, m), dtype=int)
    for rows, cols in tiles(n, m, entries):
        seen[rows, cols] += 1
        assert seen[rows, cols].size <= entries
    assert (seen == 1).all()


def test_blocks_come_row_by_row_and_are_squared_distances():
    X, Y, L = (torch.tensor(array) for array in draw(3, (50, 3), (80, 3), (2, 3)))
    blocks = list(distance_blocks(X, Y, L, max_bytes=100_000))
    assert len(blocks) > 4
    starts = [(rows.start, cols.start) for rows, cols, _ in blocks]
    assert starts == sorted(starts)
    expected = torch.cdist(X @ L.T, Y @ L.T) ** 2
    for rows, cols, block in blocks:
        assert torch.allclose(block, expected[rows, cols])


def tensors(seed, *shapes):
    return [torch.tensor(array, requires_grad=True) for array in draw(seed, *shapes)]


@pytest.mark.parametrize("squared", [False, True])
def test_gradients_of_all_pairs(squared):
    x, y = tensors(4, (5, 3), (4, 3))

    def distances(x, y=None):
        return pairwise_distances(x, y, squared=squared)

    assert torch.autograd.gradcheck(distances, (x, y))
    assert torch.autograd.gradcheck(distances, (x,))
    assert torch.autograd.gradgradcheck(distances, (x, y))


def test_the_gradient_at_distance_zero_is_zero():
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]], requires_grad=True)
    pairwise_distances(x)[0].sum().backward()
    assert torch.allclose(x.grad, torch.tensor([[-0.6, -0.8], [0, 0], [0.6, 0.8]]))


def test_the_gradient_of_a_tiny_distance_is_a_unit_vector(device):
    x = torch.full((1, 3), 1e4, device=device, requires_grad=True)
    twin = x.detach() + torch.tensor([0.0, 0.0, 2.0**-9], device=device)
    distances = pairwise_distances(x, torch.cat([twin, -x.detach()]))
    distances[0, 0].backward()
    assert distances[0, 0].item() == 2.0**-9
    assert torch.allclose(x.grad, torch.tensor([[0.0, 0.0, -1.0]], device=device))


def test_gradients_far_from_the_origin_keep_their_digits():
    """2⁴⁰ + x is exact for x on a grid of 2⁻⁵, so both clouds have the same gradients."""
    (x,) = draw(6, (9, 4))
    near = torch.tensor(np.round(32 * x) / 32, requires_grad=True)
    far = (near.detach() + 2.0**40).requires_grad_()
    (pairwise_distances(near).sum() + pairwise_distances(far).sum()).backward()
    assert torch.allclose(far.grad, near.grad, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_gradients_have_the_dtype_of_their_points(dtype, device):
    x = torch.randn(6, 4, device=device).to(dtype).requires_grad_()
    pairwise_distances(x).float().sum().backward()
    assert x.grad.dtype == dtype
    assert torch.isfinite(x.grad).all()


def test_distances_with_and_without_a_gradient_are_equal():
    x, y = tensors(5, (40, 6), (30, 6))
    assert torch.equal(pairwise_distances(x, y), pairwise_distances(x.detach(), y.detach()))
    with torch.no_grad():
        assert not pairwise_distances(x, y).requires_grad
