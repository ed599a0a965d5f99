"""The LMNN benchmark judges rightly: its objective is the definition, and what we minimise."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dmlcourse.learners import lmnn_loss, target_neighbours

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    yield import_module("lmnn")
    sys.path.remove(str(BENCHMARKS))


def squared(M: np.ndarray, x: np.ndarray, z: np.ndarray) -> float:
    return float((x - z) @ M @ (x - z))


def by_loops(M: np.ndarray, X: np.ndarray, y: np.ndarray, k: int) -> float:
    """F with three loops: anchors, targets, impostors."""
    total = 0.0
    for i in range(len(X)):
        same = [j for j in range(len(X)) if j != i and y[j] == y[i]]
        for j in sorted(same, key=lambda j: float(((X[i] - X[j]) ** 2).sum()))[:k]:
            pull = squared(M, X[i], X[j])
            others = (squared(M, X[i], X[l]) for l in range(len(X)) if y[l] != y[i])
            total += 0.5 * pull + 0.5 * sum(max(0.0, 1 + pull - other) for other in others)
    return total


def some_points(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M, X, y: full rank for even seeds, rank one for odd ones; the classes overlap."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(3 if seed % 2 == 0 else 1, 3)) / 2
    return root.T @ root, generator.normal(size=(18, 3)), generator.permutation(np.arange(18) % 3)


class TestObjective:
    def test_by_hand(self, benchmark) -> None:
        X, y = np.array([[0.0], [1.0], [3.0], [1.5]]), np.array([0, 0, 1, 1])
        # pull 1 + 1 + 2.25 + 2.25; push of the pairs (0,1), (1,0), (3,1.5), (1.5,3) in this order:
        push = 0 + (2 - 0.25) + 0 + ((3.25 - 2.25) + (3.25 - 0.25))
        value = benchmark.objective(np.eye(1), X, y, k=1)
        assert value == pytest.approx(0.5 * 6.5 + 0.5 * push, rel=1e-15)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("k", [1, 3])
    def test_is_the_definition(self, benchmark, seed: int, k: int) -> None:
        M, X, y = some_points(seed)
        assert benchmark.objective(M, X, y, k) == pytest.approx(by_loops(M, X, y, k), rel=1e-12)

    @pytest.mark.parametrize("seed", range(2))
    def test_is_what_the_library_minimises(self, benchmark, seed: int) -> None:
        M, X, y = some_points(seed)
        L = np.linalg.svd(M)[1][:, None] ** 0.5 * np.linalg.svd(M)[2]
        theirs = lmnn_loss(L, X, y, target_neighbours(X, y, 3), 0.5)
        assert benchmark.objective(M, X, y) == pytest.approx(float(theirs), rel=1e-9)

    @pytest.mark.parametrize(("name", "value"), [("wine", 1127.81), ("breast cancer", 6467.27)])
    def test_of_euclid_on_the_splits(self, benchmark, name: str, value: float) -> None:
        task = benchmark.problem(name)
        euclid = np.eye(task.X.shape[1])
        assert benchmark.objective(euclid, task.X, task.y) == pytest.approx(value, abs=0.01)

    def test_is_shown_with_its_distance_from_the_bound(self, benchmark) -> None:
        task = benchmark.problem("wine")
        value, above, _ = benchmark.quality(np.eye(13), task, 1000.0)
        assert (value, above) == ("1127.81", "12.78 %")
