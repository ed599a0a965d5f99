"""The public edge of this room: anything array-like comes in, and is computed on as NumPy."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def numbers(name: str, values: Any, infinite: bool = False) -> np.ndarray:
    """The values as float64, of any shape. Raises for NaN, and for ∞ unless that is allowed."""
    array = plain(name, values)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {array.dtype}: expected real numbers.")
    array = array.astype(np.float64)
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f"{name}[{', '.join(map(str, where))}]" if where else name
        wanted = "NaN is no number" if infinite else "every value must be finite"
        raise ValueError(f"{place} is {array[where]}: {wanted}.")
    return array


def vector(name: str, values: Any) -> np.ndarray:
    """Real, finite numbers (n,) as float64."""
    array = numbers(name, values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}: expected one dimension, (n,).")
    return array


def counts(name: str, values: Any) -> np.ndarray:
    """Whole numbers (n,), as int64."""
    array = plain(name, values)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name} has dtype {array.dtype}: expected whole numbers.")
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}: expected one dimension, (n,).")
    return array.astype(np.int64, copy=False)


def plain(name: str, values: Any) -> np.ndarray:
    """The values as a NumPy array; a tensor without its gradient, bfloat16 as float32."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from error


def like(given: Any, result: np.ndarray) -> Any:
    """The result in the kind of what was given: a tensor on its device, or NumPy."""
    return torch.from_numpy(result).to(given.device) if isinstance(given, Tensor) else result
