"""The public edge: NumPy arrays or torch tensors come in, results of the same kind go out.

A public function calls ``take`` once. Behind it there are only tensors that are finite, real and
on one device, so the mathematics needs no further test of its input.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SIGNED = (torch.int8, torch.int16, torch.int32, torch.int64)
UNSIGNED = (torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


@dataclass(frozen=True)
class GiveBack:
    """Turns tensors into what the caller gave: NumPy or torch, floats in the caller's dtype."""

    numpy: bool
    dtype: torch.dtype

    def __call__(self, result: Tensor) -> Any:
        if result.is_floating_point():
            result = result.to(self.dtype)
        # Indexed with (), an array without dimensions becomes a scalar, as NumPy's own results are.
        return result.numpy()[()] if self.numpy else result


def take(**arrays: Any) -> tuple[list[Any], GiveBack]:
    """Tensors for the named matrices, and the function that gives results back in their kind.

    NumPy arrays (and lists, read by ``np.asarray``) share their memory where torch allows it;
    nothing is ever written to them. ``None`` stays ``None``. Integers and booleans become float64;
    the result's dtype is the promotion of all the given ones. Raises ``TypeError`` where NumPy and
    torch are mixed or values are not real numbers, ``ValueError`` for two devices, an array that is
    not two-dimensional, NaN or infinity.
    """
    tensors, give_back = take_any(**arrays)
    for name, tensor in zip(arrays, tensors, strict=True):
        if tensor is not None:
            expect_matrix(name, tensor)
            expect_finite(name, tensor)
    return tensors, give_back


def take_any(**arrays: Any) -> tuple[list[Any], GiveBack]:
    """As ``take``, for arrays of any shape and any real values: the caller tests those."""
    given = {name: value for name, value in arrays.items() if value is not None}
    numpy = _one_kind(given)
    tensors = {name: _tensor(name, value) for name, value in given.items()}
    _one_device(tensors)
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in tensors.values()))
    return [tensors.get(name) for name in arrays], GiveBack(numpy, dtype)


def expect_matrix(name: str, tensor: Tensor) -> None:
    """Raise ``ValueError`` unless ``tensor`` has two dimensions."""
    if tensor.ndim == 2:
        return
    remedy = f" For one row write {name}[None, :]." if tensor.ndim == 1 else ""
    raise ValueError(f"{name} has shape {_shape(tensor)}: expected two dimensions.{remedy}")


def expect_finite(name: str, tensor: Tensor) -> None:
    """Raise ``ValueError`` for NaN or infinity, with its place."""
    finite = torch.isfinite(tensor)
    if finite.all():
        return
    where, value = first(name, tensor, ~finite)
    what = "rows" if tensor.ndim == 2 else "values"
    raise ValueError(
        f"{where} is {value}: every value must be finite. "
        f"Remove such {what}, or fill them in, before you measure distances."
    )


def first(name: str, tensor: Tensor, mask: Tensor) -> tuple[str, float]:
    """The first entry that the mask marks: its place, such as ``"X[3, 1]"``, and its value."""
    index = mask.nonzero()[0].tolist()
    return f"{name}{index or ''}", tensor[tuple(index)].item()


def expect_columns(name: str, tensor: Tensor, columns: int) -> None:
    """Raise ``ValueError`` unless ``tensor`` has as many columns as X."""
    if tensor.shape[1] != columns:
        raise ValueError(
            f"{name} has shape {_shape(tensor)} and X has {columns} columns: "
            f"{name} needs {columns} columns too."
        )


def expect_square(name: str, tensor: Tensor) -> None:
    """Raise ``ValueError`` unless ``tensor`` is square and not empty."""
    if tensor.shape[0] != tensor.shape[1] or not len(tensor):
        raise ValueError(f"{name} has shape {_shape(tensor)}: expected a square matrix (d, d).")


def _one_kind(given: dict[str, Any]) -> bool:
    tensors = [name for name, value in given.items() if isinstance(value, Tensor)]
    others = [name for name in given if name not in tensors]
    if tensors and others:
        raise TypeError(
            f"{tensors[0]} is a torch tensor and {others[0]} is not: pass both as tensors "
            f"(torch.as_tensor) or both as NumPy arrays."
        )
    return not tensors


def _one_device(tensors: dict[str, Tensor]) -> None:
    (first, tensor), *rest = tensors.items()
    for name, other in rest:
        if other.device != tensor.device:
            raise ValueError(
                f"{first} is on {tensor.device} and {name} is on {other.device}: "
                f"move {name} with .to({str(tensor.device)!r})."
            )


def _tensor(name: str, value: Any) -> Tensor:
    tensor = value if isinstance(value, Tensor) else _from_numpy(name, value)
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} is sparse: expected a dense tensor, as .to_dense() gives.")
    if tensor.dtype in SIGNED + UNSIGNED:
        return tensor.double()
    if tensor.dtype not in FLOATS:
        raise TypeError(_not_real(name, tensor.dtype))
    return tensor


def _from_numpy(name: str, value: Any) -> Tensor:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from error
    # torch refuses negative strides and foreign byte orders, and warns about read-only memory.
    if not (array.flags.forc and array.flags.behaved and array.dtype.isnative):
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    try:
        return torch.from_numpy(array)
    except TypeError as error:
        raise TypeError(_not_real(name, array.dtype)) from error


def _not_real(name: str, dtype: Any) -> str:
    return (
        f"{name} has dtype {dtype}: expected real numbers "
        f"(float16, bfloat16, float32, float64, integers or booleans)."
    )


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
