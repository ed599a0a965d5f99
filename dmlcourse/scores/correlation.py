"""Do two lists of numbers have the same order? Spearman's rank correlation."""

from typing import Any

import numpy as np

from .plain import vector


def spearman(x: Any, y: Any) -> float:
    """Spearman's ρ: the correlation of the ranks of x (n,) with those of y (n,), from −1 to 1.

    Equal values share the mean of their ranks. 1 means the same order, −1 the reverse; no growing
    map of x or y changes it. Raises ``ValueError`` for two lengths, for fewer than two values, and
    where one list is constant: it has no order. Source: Spearman (1904), American Journal of
    Psychology 15, 72-101. Chapter 16.
    """
    x, y = vector("x", x), vector("y", y)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(
            f"x has {len(x)} values and y {len(y)}: expected as many in both, two or more."
        )
    for name, values in (("x", x), ("y", y)):
        if (values == values[0]).all():
            raise ValueError(f"{name} is constant, {values[0]:g}: it has no order to compare.")
    a, b = _centred_ranks(x), _centred_ranks(y)
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (n,), equal values at their mean rank, moved so that their mean is 0."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place] - (len(values) + 1) / 2
