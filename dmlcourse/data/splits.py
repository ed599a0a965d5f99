"""Train and test parts that share no class, or no writer.

A metric that is to serve unseen classes is judged on unseen classes. For parts that share all
classes use scikit-learn's ``train_test_split`` with ``stratify=y``.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np


def class_disjoint_split(
    y: Any, test_size: float | int = 0.5, random_state: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a training and a test part, so that no class of y (n,) is in both.

    ``test_size`` is the share of the classes that go to the test part (a number between 0 and 1,
    rounded to whole classes, at least one on each side) or how many (a whole number). The classes
    are drawn at random: ``random_state`` is a seed, a ``numpy.random.Generator``, or None for other
    classes each time. Returns (train_index, test_index), int64, each in ascending order; together
    they hold every sample once.

    Raises:
        ValueError: fewer than two classes, or a ``test_size`` that leaves a part without any.
    """
    return _split(y, test_size, random_state, "y", "class")


def group_disjoint_split(
    groups: Any, test_size: float | int = 0.5, random_state: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a training and a test part, so that no group is in both.

    ``groups`` (n,) says for instance who wrote each sample. Otherwise as ``class_disjoint_split``.
    """
    return _split(groups, test_size, random_state, "groups", "group")


def _split(
    labels: Any, test_size: float | int, random_state: Any, name: str, one: str
) -> tuple[np.ndarray, np.ndarray]:
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"{name} has shape {labels.shape}: expected one label for each sample.")
    there = np.unique(labels)
    count = _test_count(test_size, len(there), name, one)
    drawn = np.random.default_rng(random_state).permutation(there)[:count]
    in_test = np.isin(labels, drawn)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _test_count(test_size: float | int, there: int, name: str, one: str) -> int:
    several = {"class": "classes", "group": "groups"}[one]
    if there < 2:
        raise ValueError(f"{name} has {there} {one}: two parts need at least two {several}.")
    if isinstance(test_size, Integral) and not isinstance(test_size, bool):
        if 1 <= test_size < there:
            return int(test_size)
    elif isinstance(test_size, Real) and 0 < test_size < 1 and not isinstance(test_size, bool):
        return min(max(round(float(test_size) * there), 1), there - 1)
    raise ValueError(
        f"test_size is {test_size!r} and {name} has {there} {several}: expected a share between "
        f"0 and 1, or a whole number from 1 to {there - 1}."
    )
