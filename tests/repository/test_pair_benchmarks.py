"""The benchmarks of ITML and MMC: the same pairs for all, judged by the definition."""

import sys
import types
import warnings
from collections.abc import Iterator
from importlib import import_module
from math import inf, log
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from dmlcourse.learners import itml_primal

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    added = [str(BENCHMARKS), str(BENCHMARKS / "peers")]
    sys.path[:0] = added
    yield
    sys.path[:] = [each for each in sys.path if each not in added]


@pytest.fixture(scope="module")
def itml(importable: None) -> ModuleType:
    return import_module("itml")


@pytest.fixture(scope="module")
def mmc(importable: None) -> ModuleType:
    return import_module("mmc")


def some_task(itml: ModuleType, seed: int = 0) -> tuple[np.ndarray, object]:
    """A metric of full rank, and a problem of 24 pairs; classes overlap."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(3, 3))
    X, y = random.normal(size=(15, 3)), np.arange(15) % 3
    problem = import_module("beside").Problem(X, y, X, y)
    return root.T @ root + 0.1 * np.eye(3), itml.with_pairs(problem, 12)


def two_pairs(itml: ModuleType, bounds: tuple[float, float]) -> object:
    """On a line: a similar pair at distance 2, a dissimilar one at distance 1."""
    X, y = np.array([[0.0], [2.0], [5.0], [6.0]]), np.array([0, 0, 1, 2])
    given = {"index": np.array([[0, 1], [2, 3]]), "same": np.array([True, False])}
    extra = {**given, "bounds": np.array(bounds), "gamma": 1.0}
    return import_module("beside").Problem(X, y, X, y, extra)


def pairs_of(task: object) -> Iterator[tuple[np.ndarray, bool]]:
    for (i, j), same in zip(task.extra["index"], task.extra["same"], strict=True):
        yield task.X[i] - task.X[j], bool(same)


class TestPairs:
    def test_are_of_their_kind_and_differ(self, itml) -> None:
        task = itml.problem("wine")
        (first, second), same = task.extra["index"].T, task.extra["same"]
        assert same.tolist() == [True] * 180 + [False] * 180
        assert ((task.y[first] == task.y[second]) == same).all()
        assert (first < second).all()
        assert len(np.unique(task.extra["index"], axis=0)) == 360

    def test_are_drawn_the_same_way_each_time(self, itml, mmc) -> None:
        one, other = (each.BENCHMARK.problem("wine").extra for each in (itml, mmc))
        assert all(np.array_equal(one[name], other[name]) for name in one)

    def test_can_be_all_there_are(self, itml) -> None:
        y = np.array([0, 0, 0, 1])
        index, same = itml.drawn_pairs(y, 3, np.random.default_rng(0))
        assert sorted(index[:3].tolist()) == [[0, 1], [0, 2], [1, 2]]
        assert sorted(index[3:].tolist()) == [[0, 3], [1, 3], [2, 3]]
        assert same.tolist() == [True] * 3 + [False] * 3

    def test_bounds_are_percentiles_of_squared_distances(self, itml) -> None:
        task = itml.problem("wine")
        every = [((a - b) ** 2).sum() for i, a in enumerate(task.X) for b in task.X[:i]]
        assert np.allclose(task.extra["bounds"], np.percentile(every, [5, 95]))


class TestItmlObjective:
    def test_by_hand(self, itml) -> None:
        """M = 2: squared distances 8 and 2. Similar beyond u = 4 by 2; dissimilar by ⅓ of ℓ = 6."""
        task, M = two_pairs(itml, (4.0, 6.0)), np.array([[2.0]])
        divergence = 2 - log(2) - 1
        slack = (2 - log(2) - 1) + (1 / 3 - log(1 / 3) - 1)
        assert itml.objective(M, task) == pytest.approx(divergence + slack, rel=1e-14)
        assert itml.violated(M, task).tolist() == [True, True]

    def test_costs_nothing_where_bounds_are_kept(self, itml) -> None:
        task = two_pairs(itml, (4.0, 1.0))
        assert itml.objective(np.eye(1), task) == 0
        assert not itml.violated(np.eye(1), task).any()

    @pytest.mark.parametrize("seed", range(3))
    def test_is_the_definition(self, itml, seed) -> None:
        M, task = some_task(itml, seed)
        (u, l), total = task.extra["bounds"], np.trace(M) - np.linalg.slogdet(M)[1] - 3
        for v, same in pairs_of(task):
            r = v @ M @ v / (u if same else l)
            total += r - log(r) - 1 if (r > 1) == same else 0
        assert itml.objective(M, task) == pytest.approx(total, rel=1e-12)

    @pytest.mark.parametrize("seed", range(3))
    def test_is_what_the_library_minimises(self, itml, seed) -> None:
        M, task = some_task(itml, seed)
        V, same = np.array([v for v, _ in pairs_of(task)]), task.extra["same"]
        xi = np.where(same, *task.extra["bounds"])
        theirs = itml_primal(M, V, np.where(same, 1.0, -1.0), xi, itml.GAMMA)
        assert itml.objective(M, task) == pytest.approx(theirs, rel=1e-9)

    @pytest.mark.parametrize("M", [np.diag([1.0, 1.0, 0.0]), np.diag([1.0, 1.0, -1.0])])
    def test_is_infinite_at_the_border_and_beyond(self, itml, M) -> None:
        _, task = some_task(itml)
        assert itml.objective(M, task) == inf
        assert itml.quality(M, task, 1.0)[:2] == ["inf", "inf"]

    def test_is_shown_with_its_distance_from_the_bound(self, itml) -> None:
        task = two_pairs(itml, (4.0, 6.0))
        value = itml.objective(np.eye(1), task)
        cells = itml.quality(np.eye(1), task, value / 1.001)[:3]
        assert cells == [f"{value:.4f}", "1.0e-03", "1 of 2"]


class TestMmcObjective:
    def test_by_hand(self, itml, mmc) -> None:
        """One dissimilar distance 1 over the similar distance 2."""
        assert mmc.objective(np.eye(1), two_pairs(itml, (1, 1))) == pytest.approx(0.5, rel=1e-15)

    @pytest.mark.parametrize("seed", range(3))
    def test_is_the_definition(self, itml, mmc, seed) -> None:
        M, task = some_task(itml, seed)
        budget = sum(v @ M @ v for v, same in pairs_of(task) if same)
        gain = sum((v @ M @ v) ** 0.5 for v, same in pairs_of(task) if not same)
        assert mmc.objective(M, task) == pytest.approx(gain / budget**0.5, rel=1e-12)

    @pytest.mark.parametrize("scale", [1e-12, 0.3, 1e9])
    def test_does_not_see_the_scale(self, itml, mmc, scale) -> None:
        M, task = some_task(itml)
        once = mmc.objective(M, task)
        assert mmc.objective(scale * M, task) == pytest.approx(once, rel=1e-12)

    def test_of_no_metric_is_nothing(self, itml, mmc) -> None:
        assert mmc.objective(np.zeros((1, 1)), two_pairs(itml, (1, 1))) == 0

    def test_diagonal_ones_have_their_own_bound(self, mmc) -> None:
        standard = mmc.BENCHMARK.standard
        assert standard("metric-learn, diagonal") == standard("metric-learn, diagonal, to 1e-6")
        assert standard("metric-learn, diagonal") != standard("metric-learn")


class TestOurs:
    @pytest.mark.parametrize("name", ["itml", "mmc"])
    def test_ends_at_the_objective_that_is_judged(self, request, name) -> None:
        """And what it proves is on the right side of it, for every one of ours."""
        benchmark = request.getfixturevalue(name).BENCHMARK
        task, libraries = benchmark.problem("wine"), import_module(f"{name}_peers").LIBRARIES
        for who in ("ours", "ours, 10 sweeps" if name == "itml" else "ours, diagonal"):
            fit, read = libraries[who]()({"X": task.X, "y": task.y, **task.extra})
            with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                fit()
            found, sign = read(), -1 if benchmark.largest else 1
            value = benchmark.objective(found.M, task)
            assert value == pytest.approx(found.history[-1][1], rel=1e-6)
            assert sign * found.bound <= sign * value * (1 + sign * 1e-9)


class Recorded:
    """A learner of somebody else's that writes down what it is given."""

    def __init__(self, **settings: object) -> None:
        self.settings, self.max_its_, self.max_it_ = settings, 100_000, 100
        self.max_iter, self.n_iter_, self.converged_ = 1000, 999, False

    def fit(self, *given: object, **named: object) -> None:
        self.given, self.named = given, named

    def metric(self) -> np.ndarray:
        return np.eye(2)

    def get_mahalanobis_matrix(self) -> np.ndarray:
        return np.eye(2)

    def metadata(self) -> dict[str, int]:
        return {"num_its": 100}


@pytest.fixture
def peer(monkeypatch):
    """The started fit of a learner: what it was given, after one fit, and what is read."""
    made: list[Recorded] = []

    class Learner(Recorded):
        def __init__(self, **settings: object) -> None:
            super().__init__(**settings)
            made.append(self)

    for name in ("dml", "metric_learn"):
        module = types.ModuleType(name)
        module.ITML = module.MMC = module.LSI = Learner
        monkeypatch.setitem(sys.modules, name, module)

    def started(learner: str, who: str) -> tuple[Recorded, object]:
        given = {
            "X": np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]]),
            "index": np.array([[0, 1], [0, 2]]),
            "same": np.array([True, False]),
            "bounds": np.array([4.0, 9.0]),
            "gamma": np.array(2.0),
        }
        fit, read = import_module(f"{learner}_peers").LIBRARIES[who]()(given)
        fit()
        return made[-1], read()

    return started


class TestPeersAreGiven:
    PAIRS = np.array([[[0, 0], [1, 0]], [[0, 0], [0, 3]]])

    @pytest.mark.parametrize("learner", ["itml", "mmc"])
    def test_metric_learn_the_pairs_with_signs(self, peer, learner) -> None:
        model, read = peer(learner, "metric-learn")
        assert np.array_equal(model.given[0], self.PAIRS)
        assert model.given[1].tolist() == [1, -1]
        assert read.remark.startswith("1000 ")
        assert read.remark.endswith("; their limit")

    def test_metric_learn_the_squared_bounds_and_gamma(self, peer) -> None:
        model, _ = peer("itml", "metric-learn")
        assert model.named["bounds"].tolist() == [4.0, 9.0]
        assert model.settings == {"gamma": 2.0}

    def test_pydml_the_pairs_in_place_of_its_draw(self, peer) -> None:
        """Its rows are i, j, 1 for similar or −1, and the bound of that kind."""
        model, read = peer("itml", "pydml")
        drawn = type(model)._get_constraints_y(model.given[1], 2, 4.0, 9.0)
        assert drawn.tolist() == [[0, 1, 1, 4], [0, 2, -1, 9]]
        settings = {"lower_bound": 4.0, "upper_bound": 9.0, "num_constraints": 2, "gamma": 2.0}
        assert model.settings == settings
        assert read.remark.startswith("50000 sweeps")

    def test_pydml_both_kinds_as_tables(self, peer) -> None:
        model, _ = peer("mmc", "pydml")
        similar, dissimilar = model.given[1]
        assert np.argwhere(similar).tolist() == [[0, 1], [1, 0]]
        assert np.argwhere(dissimilar).tolist() == [[0, 2], [2, 0]]


class TestPlot:
    def test_ends_a_line_at_the_first_fit_that_fails(self, itml, monkeypatch) -> None:
        tried: list[tuple[int, str]] = []

        def fit(learner, who, task, options, runs) -> None:
            d = task.X.shape[1]
            tried.append((d, who))
            if who == "metric-learn" and d >= 20:
                runs.failure = "> 3"
            else:
                runs.fits.append({"wall": 2.0 * d, "cpu": float(d)})

        monkeypatch.setattr(itml, "fit", fit)
        options = types.SimpleNamespace(missing={}, repeats=1)
        lines = itml.costs("dimensions", options)
        assert lines["metric-learn"] == [(5, 5.0), (10, 10.0)]
        assert lines["ours"] == [(d, float(d)) for d in itml.DIMENSIONS]
        assert [d for d, who in tried if who == "metric-learn"] == [5, 10, 20]

    def test_is_written(self, itml, monkeypatch, tmp_path) -> None:
        drawn = {"ours": [(1, 1.0), (2, 4.0)], "ours, sweeps to 1e-3": [(1, 2.0)]}
        monkeypatch.setattr(itml, "costs", lambda *_: {**drawn, "metric-learn": []})
        itml.plot(tmp_path / "cost.png", None)
        assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")

    def test_classes_are_generated_around_centres(self, itml) -> None:
        task = itml.generated(40, 30)
        assert task.X.shape == (itml.POINTS, 30)
        assert len(task.extra["index"]) == 80
        centres = np.array([task.X[task.y == c].mean(0) for c in range(itml.CLASSES)])
        assert np.allclose(np.linalg.norm(centres, axis=1), 2, atol=0.6)
