"""Chapter 02: a mistake keeps its name in every way in which people write it."""

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import Key, judge
from dmlcourse.observing import observe

SEEDS = range(6)


def all_differences(X, Y):
    return X[:, None] - Y[None]


SQUARED = {
    "one product of three": lambda X, Y, M: np.einsum(
        "ijk,kl,ijl->ij", all_differences(X, Y), M, all_differences(X, Y)
    ),
    "a matrix first": lambda X, Y, M: (all_differences(X, Y) @ M * all_differences(X, Y)).sum(-1),
    "pair by pair": lambda X, Y, M: np.array([[(x - y) @ M @ (x - y) for y in Y] for x in X]),
    "expanded": lambda X, Y, M: (
        np.einsum("ij,jk,ik->i", X, M, X)[:, None]
        + np.einsum("ij,jk,ik->i", Y, M, Y)
        - 2 * X @ M @ Y.T
    ),
}


@pytest.mark.parametrize("form", SQUARED)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_forgotten_root_is_named_however_the_square_is_summed(form, seed):
    key = Key(exercises.find("02.1"), seed=seed)
    seen = [observe(key.exercise.kind, SQUARED[form], case) for case in key.cases]
    found = judge(key, seen)
    assert found.mistake is not None
    assert found.mistake.name == "root forgotten"
