"""The LMNN benchmark judges rightly: its objective, its split, its lists and its failures."""

import argparse
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from packaging.requirements import Requirement

from dmlcourse.learners import lmnn_loss, target_neighbours

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
OPTIONS = argparse.Namespace(threads=1, limit=60.0, repeats=1, who=["ours"], missing={})


def load(path: str, name: str) -> ModuleType:
    spec = spec_from_file_location(name, BENCHMARKS / path)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


benchmark = load("lmnn.py", "lmnn_benchmark")
peers = load("peers/fit.py", "lmnn_peers")
LISTS = sorted((BENCHMARKS / "peers").glob("*.txt"))


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
    def test_by_hand(self) -> None:
        X, y = np.array([[0.0], [1.0], [3.0], [1.5]]), np.array([0, 0, 1, 1])
        # pull 1 + 1 + 2.25 + 2.25; push of the pairs (0,1), (1,0), (3,1.5), (1.5,3) in this order:
        push = 0 + (2 - 0.25) + 0 + ((3.25 - 2.25) + (3.25 - 0.25))
        value = benchmark.objective(np.eye(1), X, y, k=1)
        assert value == pytest.approx(0.5 * 6.5 + 0.5 * push, rel=1e-15)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("k", [1, 3])
    def test_is_the_definition(self, seed: int, k: int) -> None:
        M, X, y = some_points(seed)
        assert benchmark.objective(M, X, y, k) == pytest.approx(by_loops(M, X, y, k), rel=1e-12)

    @pytest.mark.parametrize("seed", range(2))
    def test_is_what_the_library_minimises(self, seed: int) -> None:
        M, X, y = some_points(seed)
        L = np.linalg.svd(M)[1][:, None] ** 0.5 * np.linalg.svd(M)[2]
        theirs = lmnn_loss(L, X, y, target_neighbours(X, y, 3), 0.5)
        assert benchmark.objective(M, X, y) == pytest.approx(float(theirs), rel=1e-9)

    @pytest.mark.parametrize(("name", "value"), [("wine", 1127.81), ("breast cancer", 6467.27)])
    def test_of_euclid_on_the_splits(self, name: str, value: float) -> None:
        task = benchmark.problem(name)
        euclid = np.eye(task.X.shape[1])
        assert benchmark.objective(euclid, task.X, task.y) == pytest.approx(value, abs=0.01)

    def test_accuracy_uses_the_metric(self) -> None:
        """The label is the sign of the first coordinate; the second is loud."""
        X = np.array([[x, 100.0 * t] for t in range(4) for x in (-1.0, 1.0)])
        task = benchmark.Problem(X, X[:, 0] > 0, X + np.array([0, 50]), X[:, 0] > 0)
        assert benchmark.accuracy(np.diag([1.0, 0.0]), task) == 1.0
        assert benchmark.accuracy(np.diag([0.0, 1.0]), task) < 1.0


class TestReached:
    @pytest.mark.parametrize(
        ("goal", "seconds"), [(9.0, "1.50"), (5.0, "2.50"), (4.9, "3.50"), (2.0, "never")]
    )
    def test_counts_what_the_history_leaves_out(self, goal: float, seconds: str) -> None:
        history = np.array([[1.0, 9.0], [2.0, 5.0], [3.0, 3.0]])
        runs = benchmark.Runs([{"wall": 3.5, "history": history}])
        assert benchmark.reached(runs, goal) == seconds


class TestLists:
    def test_are_those_of_the_libraries(self) -> None:
        named = {who.partition(",")[0] for who in benchmark.USUAL + benchmark.PATIENT} - {"ours"}
        assert named == {path.stem for path in LISTS}
        assert set(benchmark.USUAL + benchmark.PATIENT) == set(peers.LIBRARIES)

    @pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
    def test_are_pinned_and_name_no_index(self, path: Path) -> None:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        required = [Requirement(line) for line in lines]
        assert all(str(each.specifier).startswith("==") and not each.url for each in required)
        assert required[-1].name.lower() == peers.PACKAGES[path.stem].lower()


class TestWatched:
    def test_without_end_is_over_the_limit(self) -> None:
        endless = "import threading; print('ready', flush=True); threading.Event().wait()"
        options = argparse.Namespace(threads=1, limit=0.1)
        assert benchmark.watched([sys.executable, "-c", endless], options) == "> 0"

    def test_error_is_told(self) -> None:
        told = benchmark.watched([sys.executable, "-c", "raise ValueError('no')"], OPTIONS)
        assert told == "failed: ValueError: no"

    def test_signal_is_told(self) -> None:
        killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert benchmark.watched([sys.executable, "-c", killed], OPTIONS) == "ended by signal 9"

    def test_threads_are_the_same_for_all(self) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        ask = f"import os, sys; sys.exit(' '.join(os.environ[name] for name in {names}))"
        options = argparse.Namespace(threads=3, limit=60.0)
        assert benchmark.watched([sys.executable, "-c", ask], options) == "failed: 3 3 3"


class TestPeerThatCannotBeInstalled:
    @pytest.fixture
    def nowhere(self, monkeypatch, tmp_path) -> Path:
        def refuse(*command: str) -> None:
            raise benchmark.NotInstalledError("no compiler")

        monkeypatch.setattr(benchmark, "run_or_refuse", refuse)
        monkeypatch.setattr(benchmark, "ENVIRONMENTS", tmp_path)
        return tmp_path

    def test_is_told_once_with_the_reason(self, nowhere) -> None:
        reasons = benchmark.missing(["ours", "pydml", "pydml, 1,000 steps"])
        assert reasons == {"pydml": "not installed: no compiler"}

    def test_has_a_row_that_says_so(self) -> None:
        _, X, y = some_points(0)
        task = benchmark.Problem(X, y, X, y)
        changed = {"who": ["pydml"], "missing": {"pydml": "not installed: no compiler"}}
        everyone = benchmark.all_runs(task, argparse.Namespace(**{**vars(OPTIONS), **changed}))
        cells = benchmark.row("pydml", {"ours": benchmark.Runs(), **everyone}, task, bound=0.0)
        assert (cells[0], cells[-1]) == ("pydml", "not installed: no compiler")
        assert len(cells) + 1 == len(benchmark.TABLE)

    def test_is_tried_again_after_an_installation_that_broke(self, nowhere) -> None:
        (nowhere / "pydml").mkdir()
        assert benchmark.missing(["pydml"])
        (nowhere / "pydml").mkdir(exist_ok=True)
        (nowhere / "pydml" / "installed.txt").write_text("numpy==1.0")
        assert benchmark.missing(["pydml"])

    def test_is_left_alone_where_it_is_installed(self, nowhere) -> None:
        (nowhere / "pydml").mkdir()
        listed = (BENCHMARKS / "peers" / "pydml.txt").read_text()
        (nowhere / "pydml" / "installed.txt").write_text(listed)
        assert benchmark.missing(["pydml"]) == {}


class TestRunOrRefuse:
    def test_tells_the_error_and_not_the_last_line(self) -> None:
        told = "import sys; sys.exit('WARNING: old\\nERROR: No matching distribution\\nbye')"
        with pytest.raises(
            benchmark.NotInstalledError, match=r": ERROR: No matching distribution$"
        ):
            benchmark.run_or_refuse(sys.executable, "-c", told)


class TestOurs:
    def test_is_measured_and_fills_its_row(self) -> None:
        _, X, y = some_points(0)
        task = benchmark.Problem(X, y, X, y)
        everyone = benchmark.all_runs(task, OPTIONS)
        (fit,) = everyone["ours"].fits
        seconds, value = fit["history"][-1]
        assert benchmark.objective(fit["M"], X, y) == pytest.approx(value, rel=1e-9)
        assert 0 < fit["bound"] <= value * (1 + 1e-12)
        assert fit["wall"] >= seconds
        cells = benchmark.row("ours", everyone, task, bound=float(fit["bound"]))
        assert cells[2] == cells[4] == "1.00"
        table = benchmark.markdown([benchmark.TABLE, ["x", *cells]])
        assert {line.count("|") for line in table.splitlines()} == {len(benchmark.TABLE) + 1}
