"""How much error rounding explains.

A sum of n products of numbers of size s, computed in a precision with unit roundoff u, is off by
at most about n·u·s (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
Every tolerance of the course is such a bound: a dtype, a length and a scale, with a factor of
``SAFETY`` for the constant. No tolerance is a number somebody liked.
"""

from __future__ import annotations

import numpy as np

from ..observing import Case

SAFETY = 8.0
Arrays = dict[str, np.ndarray]


def unit_roundoff(case: Case) -> float:
    """The unit roundoff of the least precise floating-point input; float64's if there is none."""
    arrays = [v for v in (*case.inputs.values(), *case.given.values()) if _is_float(v)]
    return max((float(np.finfo(v.dtype).eps) / 2 for v in arrays), default=2.0**-53)


def rounding(case: Case, length: float, scale: np.ndarray | float) -> np.ndarray:
    """The error of a reduction of ``length`` terms whose sizes add up to at most ``scale``."""
    tiny = float(np.finfo(np.float64).tiny)
    return SAFETY * unit_roundoff(case) * length * np.maximum(np.asarray(scale, float), tiny)


def root(squared_budget: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The error of √v when v is off by ``squared_budget``, given the root itself.

    |√(v+e) − √v| ≤ min(√e, e/√v): near zero a root magnifies the error of what is under it.
    """
    near_zero = np.sqrt(squared_budget)
    return squared_budget / np.maximum(np.abs(value), near_zero)


def default_budget(case: Case, expected: Arrays) -> Arrays:
    """Reductions over every axis of the inputs, at the size of the largest expected entry."""
    shapes = [v.shape for v in case.inputs.values() if isinstance(v, np.ndarray)]
    length = max((sum(shape) for shape in shapes), default=1)
    return {name: rounding(case, length + 1, _largest(v)) for name, v in expected.items()}


def _largest(array: np.ndarray) -> float:
    if array.dtype.kind not in "fc" or not array.size:
        return 0.0
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0.0))


def _is_float(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
