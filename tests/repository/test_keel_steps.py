"""The steps of pyDML that benchmarks/keel.py re-enacts, each against its definition."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import permutations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dmlcourse.data import keel_names
from dmlcourse.learners import itml_update

PATH = Path(__file__).parents[2] / "benchmarks" / "keel.py"


@pytest.fixture(scope="module")
def keel() -> ModuleType:
    spec = spec_from_file_location("keel_benchmark", PATH)
    module = sys.modules["keel_benchmark"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_up(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M, X and y of two classes that overlap."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(3, 3))
    return root.T @ root + 0.1 * np.eye(3), random.normal(size=(16, 3)), np.arange(16) % 2


class TestProjections:
    def test_are_those_of_the_library_pair_after_pair(self, keel, monkeypatch) -> None:
        _, X, y = made_up()
        monkeypatch.setattr(keel.PydmlProjections, "LEAST", 200)
        model = keel.PydmlProjections(seed=3)
        V, signs, bounds = model.drawn(X, y)
        M, xi, duals = np.eye(3), list(bounds), [0.0] * len(V)
        # Rounds begin with the second pair. The first one ends them if over 200 came before it.
        order = [*range(1, len(V)), 0] * (201 // len(V) + 1)
        for i in order:
            M, xi[i], duals[i] = itml_update(M, V[i], signs[i], xi[i], duals[i], 1.0)
        assert np.allclose(model.fit(X, y).metric, M, rtol=1e-9)
        assert np.allclose(model.transform(X) @ model.transform(X).T, X @ M @ X.T)

    def test_draw_numbers_in_the_order_of_the_published_run(self, keel) -> None:
        """One number after the other from the old generator: distances first, then the pairs."""
        _, X, y = made_up()
        old = np.random.RandomState(28)
        numbers = [[old.randint(0, 16), old.randint(0, 16)] for _ in range(100 + 80)]
        squares = [((X[i] - X[j]) ** 2).sum() for i, j in numbers[:100]]
        pairs = [(i, j) for i, j in numbers[100:] if i != j]
        V, signs, bounds = keel.PydmlProjections().drawn(X, y)
        assert np.array_equal(V, [X[i] - X[j] for i, j in pairs])
        assert signs.tolist() == [1 if y[i] == y[j] else -1 for i, j in pairs]
        edges = np.histogram(squares, 100)[1]
        assert np.allclose(bounds, np.where(signs == 1, edges[5], edges[95]))

    def test_depend_on_the_seed(self, keel, monkeypatch) -> None:
        _, X, y = made_up()
        monkeypatch.setattr(keel.PydmlProjections, "LEAST", 100)
        one, same, other = (keel.PydmlProjections(seed).fit(X, y).metric for seed in (1, 1, 2))
        assert np.array_equal(one, same)
        assert not np.allclose(one, other)


class TestAscent:
    def test_scatter_is_a_sum_over_ordered_pairs(self, keel) -> None:
        _, X, _ = made_up()
        weights = np.random.default_rng(1).random((16, 16))
        weights += weights.T
        pairs = list(permutations(range(16), 2))
        expected = sum(weights[i, j] * np.outer(X[i] - X[j], X[i] - X[j]) for i, j in pairs)
        assert np.allclose(keel.scatter(X, weights), expected)

    def test_separation_is_a_sum_of_distances(self, keel) -> None:
        M, X, y = made_up()
        apart = [(i, j) for i, j in permutations(range(16), 2) if y[i] != y[j]]
        expected = sum(((X[i] - X[j]) @ M @ (X[i] - X[j])) ** 0.5 for i, j in apart)
        assert keel.separation(M, X, y[:, None] != y)[0] == pytest.approx(expected, rel=1e-12)

    def test_direction_is_its_gradient(self, keel) -> None:
        M, X, y = made_up()
        apart, change = y[:, None] != y, np.diag([1.0, -2.0, 0.5])
        values = [keel.separation(M + t * change, X, apart)[0] for t in (-1e-6, 1e-6)]
        slope = (keel.separation(M, X, apart)[1] * change).sum()
        assert (values[1] - values[0]) / 2e-6 == pytest.approx(slope, rel=1e-6)

    def test_first_direction_costs_no_budget(self, keel) -> None:
        M, X, _ = made_up()
        A = X.T @ X
        direction = keel.orthogonal(M, A)
        assert (direction * A).sum() == pytest.approx(0, abs=1e-12)
        assert np.linalg.norm(direction) == pytest.approx(1)

    def test_projections_end_in_both_sets(self, keel) -> None:
        _, X, _ = made_up()
        A, M = X.T @ X, np.diag([5.0, -1.0, 2.0])
        found, inside = keel.into_both(M, A, 3.0)
        assert inside
        assert (A * found).sum() <= 3.0 * 1.001
        assert np.linalg.eigvalsh(found)[0] > -1e-12

    def test_projections_leave_a_point_of_both_sets(self, keel) -> None:
        M, X, _ = made_up()
        A = X.T @ X
        found, inside = keel.into_both(M, A, 2 * (A * M).sum())
        assert inside
        assert np.allclose(found, M)

    def test_raises_separation_on_the_budget(self, keel) -> None:
        """From the identity; and what comes back is a metric, in units of the budget."""
        _, X, y = made_up()
        model = keel.PydmlAscent().fit(X, y)
        A = keel.scatter(X, (y[:, None] == y).astype(float))
        assert np.linalg.eigvalsh(model.metric)[0] > -1e-12
        ratios = [
            keel.separation(M, X, y[:, None] != y)[0] / (A * M).sum() ** 0.5
            for M in (np.eye(3), model.metric)
        ]
        assert ratios[1] > ratios[0]


class Drawn:
    """A learner that is right as often as its seed says."""

    def __init__(self, seed: int) -> None:
        self.seed = seed


class TestSpread:
    def test_shows_least_mean_and_most_of_those_that_draw(self, keel, monkeypatch) -> None:
        def measure(make, folds):
            values = np.full(10, make().seed / 10)
            return keel.Measured(values, 1.0, 0)

        monkeypatch.setattr(keel, "measure", measure)
        monkeypatch.setitem(keel.DRAWN, "ITML", Drawn)
        lines = list(keel.spread(["LDA", "ITML"], {"iris": []}, 3))
        assert lines[1].startswith("| learner | set | least of 3 ")
        assert lines[3:] == ["| ITML | iris | 0.0000 | 0.1000 | 0.2000 | 0.9733 |"]

    def test_is_for_learners_of_the_table(self, keel) -> None:
        assert set(keel.DRAWN) <= set(keel.LEARNERS)
        assert set(keel.published()["MMC"]) == set(keel_names())
