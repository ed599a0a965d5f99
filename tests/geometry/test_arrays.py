"""What may come in: kinds, dtypes, layouts and shapes, and the errors for everything else."""

import warnings

import numpy as np
import pytest
import torch

from dmlcourse.geometry import (
    aligning_isometry,
    factor,
    is_psd,
    mahalanobis,
    nearest,
    pairwise_distances,
    project_psd,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(5, 3))
Y = rng.normal(size=(4, 3))
L = np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 1.0]])
M = L.T @ L  # exact in every dtype, so it stays on the border of the cone

CALLS = {
    "mahalanobis M": lambda a: mahalanobis(a(X), a(Y), M=a(M)),
    "mahalanobis L": lambda a: mahalanobis(a(X), a(Y), L=a(L)),
    "pairwise_distances": lambda a: pairwise_distances(a(X), a(Y)),
    "nearest": lambda a: nearest(a(X), a(Y), k=2)[0],
    "factor": lambda a: factor(a(M)),
    "project_psd": lambda a: project_psd(a(M)),
    "aligning_isometry": lambda a: aligning_isometry(a(L), a(-L)),
}
TORCH_DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numpy_in_numpy_out_in_the_same_dtype(call, dtype):
    result = call(lambda array: array.astype(dtype))
    assert isinstance(result, np.ndarray)
    assert result.dtype == dtype


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_tensor_in_tensor_out_on_the_same_device_and_dtype(call, dtype, device):
    result = call(lambda array: torch.tensor(array, dtype=dtype, device=device))
    assert isinstance(result, torch.Tensor)
    assert (result.dtype, result.device.type) == (dtype, device)


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_every_dtype_gives_the_float64_result_of_the_same_numbers(call, dtype, device):
    rounded = call(lambda array: torch.tensor(array, dtype=dtype, device=device))
    exact = call(lambda array: torch.tensor(array, dtype=dtype).double())
    # A product of factors rounded to the dtype: a few eps of numbers of order one.
    assert torch.allclose(rounded.cpu().double(), exact, atol=8 * torch.finfo(dtype).eps)


def test_mixed_float_dtypes_are_promoted():
    assert pairwise_distances(X.astype(np.float32), Y).dtype == np.float64
    half, brain = torch.tensor(X).half(), torch.tensor(Y).bfloat16()
    assert pairwise_distances(half, brain).dtype == torch.float32


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.uint16, bool])
def test_integers_and_booleans_count_as_float64(dtype):
    points = np.array([[0, 0], [1, 0], [1, 1]], dtype=dtype)
    expected = [[0, 1, 2**0.5], [1, 0, 1], [2**0.5, 1, 0]]
    assert pairwise_distances(points).dtype == np.float64
    assert pairwise_distances(points) == pytest.approx(np.array(expected))
    assert pairwise_distances(torch.from_numpy(points)).dtype == torch.float64


def test_lists_are_read_as_numpy_arrays():
    assert pairwise_distances([[0.0], [3.0]]).tolist() == [[0, 3], [3, 0]]


LAYOUTS = {
    "fortran order": np.asfortranarray,
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed view": lambda a: a[::-1].copy()[::-1],
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "transposed view": lambda a: a.T.copy().T,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout_does_not_matter(call, layout):
    assert call(LAYOUTS[layout]) == pytest.approx(call(lambda array: array), rel=1e-12, abs=1e-12)


def test_read_only_arrays_are_taken_without_a_warning(call):
    def locked(array):
        array = array.copy()
        array.flags.writeable = False
        return array

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(locked)


def test_inputs_are_never_modified(call):
    given = []

    def remember(array):
        given.append((array.copy(), array))
        return array

    call(lambda array: remember(array.copy()))
    call(lambda array: torch.from_numpy(remember(array.copy())))
    for before, after in given:
        assert np.array_equal(before, after)


def test_the_result_shares_no_memory_with_the_input():
    matrix = np.eye(3)
    project_psd(matrix)[0, 0] = 7
    assert matrix[0, 0] == 1


def test_numpy_and_torch_together_are_refused():
    with pytest.raises(TypeError, match="X is a torch tensor and M is not"):
        mahalanobis(torch.tensor(X), M=M)
    with pytest.raises(TypeError, match="Y is a torch tensor and X is not"):
        pairwise_distances(X, torch.tensor(Y))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_two_devices_are_refused():
    with pytest.raises(ValueError, match=r"X is on cpu and Y is on cuda:0: move Y with"):
        pairwise_distances(torch.tensor(X), torch.tensor(Y, device="cuda"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_place(bad):
    broken = X.copy()
    broken[3, 1] = bad
    with pytest.raises(ValueError, match=rf"Y\[3, 1\] is {bad}: every value must be finite"):
        pairwise_distances(X, broken)
    with pytest.raises(ValueError, match=r"A\[0, 0\] is nan"):
        is_psd(np.array([[np.nan]]))


@pytest.mark.parametrize(
    "value", [X.astype(complex), X.astype(str), X.astype(object), torch.tensor(X).cfloat()]
)
def test_what_is_not_a_real_number_is_refused(value):
    with pytest.raises(TypeError, match=r"X has dtype .*: expected real numbers"):
        pairwise_distances(value)


def test_ragged_lists_and_sparse_tensors_are_refused():
    with pytest.raises(TypeError, match="X cannot be read as an array"):
        pairwise_distances([[1.0], [1.0, 2.0]])
    with pytest.raises(TypeError, match="X is sparse"):
        pairwise_distances(torch.eye(3).to_sparse())


def test_wrong_numbers_of_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"X has shape \(3,\).*For one row write X\[None, :\]"):
        pairwise_distances(X[0])
    with pytest.raises(ValueError, match=r"Y has shape \(1, 4, 3\): expected two dimensions"):
        pairwise_distances(X, Y[None])


def test_mismatched_shapes_are_refused():
    with pytest.raises(ValueError, match=r"Y has shape \(4, 2\) and X has 3 columns"):
        pairwise_distances(X, Y[:, :2])
    with pytest.raises(ValueError, match=r"Y has shape \(4, 2\) and X has 3 columns"):
        nearest(X, Y[:, :2])
    with pytest.raises(ValueError, match=r"L has shape \(3, 2\) and X has 3 columns"):
        mahalanobis(X, Y, L=L.T)
    with pytest.raises(ValueError, match=r"M has shape \(2, 2\) and X has 3 columns"):
        mahalanobis(X, Y, M=np.eye(2))


@pytest.mark.parametrize("shape", [(2, 3), (0, 0)])
@pytest.mark.parametrize("function", [factor, is_psd, project_psd])
def test_a_matrix_of_the_cone_is_square_and_not_empty(function, shape):
    with pytest.raises(ValueError, match="expected a square matrix"):
        function(np.ones(shape))
