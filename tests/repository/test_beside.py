"""What the benchmarks beside other libraries share: options, environments, fits, the table."""

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
LISTS = sorted((BENCHMARKS / "peers").glob("*.txt"))


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Benchmarks are scripts: they import their neighbours by name."""
    added = [str(BENCHMARKS), str(BENCHMARKS / "peers")]
    sys.path[:0] = added
    yield
    sys.path[:] = [each for each in sys.path if each not in added]


@pytest.fixture(scope="module")
def beside(importable: None) -> ModuleType:
    return import_module("beside")


@pytest.fixture(scope="module", params=["lmnn", "itml", "mmc"])
def script(request: pytest.FixtureRequest, importable: None) -> ModuleType:
    """A benchmark."""
    return import_module(request.param)


def options(**changed: object) -> argparse.Namespace:
    usual = {"threads": 1, "limit": 60.0, "repeats": 1, "who": ["ours"], "missing": {}}
    return argparse.Namespace(**{**usual, **changed})


class TestEveryBenchmark:
    def test_knows_how_to_call_everyone(self, script) -> None:
        known = import_module(f"{script.BENCHMARK.learner}_peers").LIBRARIES
        drawn = {f"{who}, from labels" for who in getattr(script, "PLOTTED", ())}
        assert set(script.BENCHMARK.everyone) | drawn == set(known)

    def test_has_a_list_for_everyone(self, beside, script) -> None:
        named = {beside.library(who) for who in script.BENCHMARK.everyone} - {"ours"}
        assert named <= {path.stem for path in LISTS}

    def test_compares_with_somebody_of_ours(self, beside, script) -> None:
        standards = {script.BENCHMARK.standard(who) for who in script.BENCHMARK.everyone}
        assert standards <= set(script.BENCHMARK.usual)
        assert {beside.library(who) for who in standards} == {"ours"}

    def test_gives_a_cell_for_every_column(self, script) -> None:
        task = script.BENCHMARK.problem("wine")
        cells = script.BENCHMARK.quality(np.eye(task.X.shape[1]), task, 1.0)
        assert len(cells) == len(script.BENCHMARK.columns)

    def test_says_who_is_missing_in_a_full_row(self, beside, script) -> None:
        task = script.BENCHMARK.problem("wine")
        gone = options(who=["pydml"], missing={"pydml": "not installed: no compiler"})
        everyone = beside.all_runs(script.BENCHMARK.learner, task, gone)
        cells = beside.row(script.BENCHMARK, "pydml", everyone, task)
        assert (cells[0], cells[-1]) == ("pydml", "not installed: no compiler")
        assert len(cells) + 1 == len(script.BENCHMARK.head)

    def test_says_who_took_too_long_in_a_full_row(self, beside, script) -> None:
        task, late = script.BENCHMARK.problem("wine"), beside.Runs(failure="> 300")
        cells = beside.row(script.BENCHMARK, "pydml", {"pydml": late}, task)
        assert cells[:2] == ["pydml", "> 300"]
        assert len(cells) + 1 == len(script.BENCHMARK.head)


class TestSplit:
    @pytest.mark.parametrize(("name", "shape"), [("wine", (124, 13)), ("digits", (1257, 64))])
    def test_is_standardised_on_its_training_part(self, beside, name, shape) -> None:
        task = beside.split(name)
        assert task.X.shape == shape
        assert np.allclose(task.X.mean(0), 0, atol=1e-9)
        deviations = task.X.std(0)
        assert np.allclose(deviations[deviations > 0], 1)
        assert not np.allclose(task.test_X.mean(0), 0, atol=1e-3)

    def test_accuracy_uses_the_metric(self, beside) -> None:
        """The label is the sign of the first coordinate; the second is loud."""
        X = np.array([[x, 100.0 * t] for t in range(4) for x in (-1.0, 1.0)])
        task = beside.Problem(X, X[:, 0] > 0, X + np.array([0, 50]), X[:, 0] > 0)
        assert beside.accuracy(np.diag([1.0, 0.0]), task) == 1.0
        assert beside.accuracy(np.diag([0.0, 1.0]), task) < 1.0


class TestBound:
    def test_is_the_tightest_of_those_alike(self, beside, script) -> None:
        benchmark = script.BENCHMARK
        proofs = {"ours": [3.0, 5.0], "metric-learn": [np.nan], "ours, diagonal": [9.0, 1.0]}
        everyone = {who: beside.Runs([{"bound": b} for b in bs]) for who, bs in proofs.items()}
        expected = {"lmnn": 9.0, "itml": 9.0, "mmc": 3.0}[benchmark.learner]
        assert benchmark.bound("metric-learn", everyone) == expected

    def test_is_nan_where_nobody_proves_anything(self, beside, script) -> None:
        everyone = {"metric-learn": beside.Runs([{"bound": np.nan}]), "ours": beside.Runs()}
        assert np.isnan(script.BENCHMARK.bound("ours", everyone))


class TestFirstTime:
    @pytest.mark.parametrize(
        ("goal", "seconds"), [(9.0, "1.50"), (5.0, "2.50"), (4.9, "3.50"), (2.0, "never")]
    )
    def test_counts_what_the_history_leaves_out(self, beside, goal, seconds) -> None:
        history = np.array([[1.0, 9.0], [2.0, 5.0], [3.0, 3.0]])
        runs = beside.Runs([{"wall": 3.5, "history": history}])
        assert beside.first_time(runs, goal) == seconds
        upward = beside.Runs([{"wall": 3.5, "history": history * [1, -1]}])
        assert beside.first_time(upward, goal, sign=-1) == seconds


class TestOptions:
    @pytest.mark.parametrize(
        "given",
        [
            ["--repeats", "0"],
            ["--repeats", "-1"],
            ["--repeats", "1.5"],
            ["--threads", "0"],
            ["--limit", "0"],
            ["--limit", "-3"],
            ["--limit", "nan"],
            ["--limit", "inf"],
            ["--limit", "soon"],
        ],
    )
    def test_out_of_range_are_refused(self, beside, script, given, capsys) -> None:
        with pytest.raises(SystemExit):
            beside.choices(script.BENCHMARK, beside.parser_of(script.BENCHMARK), given)
        assert f"{given[1]} is given: expected" in capsys.readouterr().err

    def test_ours_is_always_there_and_first(self, beside, script) -> None:
        parser = beside.parser_of(script.BENCHMARK)
        chosen = beside.choices(script.BENCHMARK, parser, ["--who", "pydml", "metric-learn"])
        assert chosen.who == ["ours", "metric-learn", "pydml"]

    def test_everyone_is_compared_with_the_right_one_of_ours(self, beside) -> None:
        mmc = import_module("mmc").BENCHMARK
        chosen = beside.choices(mmc, beside.parser_of(mmc), ["--who", "metric-learn, diagonal"])
        assert chosen.who == ["ours, diagonal", "metric-learn, diagonal"]

    def test_patient_adds_the_others(self, beside, script) -> None:
        parser = beside.parser_of(script.BENCHMARK)
        usual, all_of_them = (
            beside.choices(script.BENCHMARK, parser, given).who for given in ([], ["--patient"])
        )
        assert usual == list(script.BENCHMARK.usual)
        assert all_of_them == list(script.BENCHMARK.everyone)


class TestLists:
    @pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
    def test_are_pinned_and_name_no_index(self, beside, path: Path) -> None:
        packages = import_module("fit").PACKAGES
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        required = [Requirement(line) for line in lines]
        assert all(str(each.specifier).startswith("==") and not each.url for each in required)
        assert required[-1].name.lower() == packages[path.stem].lower()

    def test_are_used(self, beside) -> None:
        scripts = [import_module(name).BENCHMARK for name in ("lmnn", "itml", "mmc")]
        named = {beside.library(who) for each in scripts for who in each.everyone}
        named.add(import_module("losses").PEER)
        assert named == {"ours", *(path.stem for path in LISTS)}


class TestWatched:
    def test_without_end_is_over_the_limit(self, beside) -> None:
        endless = "import threading; print('ready', flush=True); threading.Event().wait()"
        assert beside.watched([sys.executable, "-c", endless], options(limit=0.1)) == "> 0"

    def test_error_is_told(self, beside) -> None:
        told = beside.watched([sys.executable, "-c", "raise ValueError('no')"], options())
        assert told == "failed: ValueError: no"

    def test_signal_is_told(self, beside) -> None:
        killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert beside.watched([sys.executable, "-c", killed], options()) == "ended by signal 9"

    def test_threads_are_the_same_for_all(self, beside) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        ask = f"import os, sys; sys.exit(' '.join(os.environ[name] for name in {names}))"
        told = beside.watched([sys.executable, "-c", ask], options(threads=3))
        assert told == "failed: 3 3 3"


class TestPeerThatCannotBeInstalled:
    @pytest.fixture
    def nowhere(self, beside, monkeypatch, tmp_path) -> Path:
        def refuse(*command: str) -> None:
            raise beside.NotInstalledError("no compiler")

        monkeypatch.setattr(beside, "run_or_refuse", refuse)
        monkeypatch.setattr(beside, "ENVIRONMENTS", tmp_path)
        return tmp_path

    def test_is_told_once_with_the_reason(self, beside, nowhere) -> None:
        reasons = beside.missing(["ours", "pydml", "pydml, 1,000 steps"])
        assert reasons == {"pydml": "not installed: no compiler"}

    def test_is_tried_again_after_an_installation_that_broke(self, beside, nowhere) -> None:
        (nowhere / "pydml").mkdir()
        assert beside.missing(["pydml"])
        (nowhere / "pydml").mkdir(exist_ok=True)
        (nowhere / "pydml" / "installed.txt").write_text("numpy==1.0")
        assert beside.missing(["pydml"])

    def test_is_left_alone_where_it_is_installed(self, beside, nowhere) -> None:
        (nowhere / "pydml").mkdir()
        listed = (BENCHMARKS / "peers" / "pydml.txt").read_text()
        (nowhere / "pydml" / "installed.txt").write_text(listed)
        assert beside.missing(["pydml"]) == {}


class TestRunOrRefuse:
    def test_tells_the_error_and_not_the_last_line(self, beside) -> None:
        told = "import sys; sys.exit('WARNING: old\\nERROR: No matching distribution\\nbye')"
        with pytest.raises(beside.NotInstalledError, match=r": ERROR: No matching distribution$"):
            beside.run_or_refuse(sys.executable, "-c", told)


class TestOurs:
    def test_is_measured_and_fills_its_row(self, beside) -> None:
        """The bound that comes with a fit holds, and the history ends at the metric's objective."""
        benchmark = import_module("lmnn").BENCHMARK
        task = benchmark.problem("wine")
        everyone = beside.all_runs("lmnn", task, options())
        (fit,) = everyone["ours"].fits
        seconds, value = fit["history"][-1]
        assert benchmark.objective(fit["M"], task) == pytest.approx(value, rel=1e-6)
        assert 0 < fit["bound"] <= value * (1 + 1e-12)
        assert fit["wall"] >= seconds
        cells = beside.row(benchmark, "ours", everyone, task)
        assert cells[2] == cells[4] == "1.00"
        table = beside.markdown([benchmark.head, ["x", *cells]])
        assert {line.count("|") for line in table.splitlines()} == {len(benchmark.head) + 1}
