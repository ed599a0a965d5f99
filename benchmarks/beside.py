"""What the benchmarks beside other libraries share: environments, fits as processes, the table.

A benchmark (``lmnn.py``, ``itml.py``, ``mmc.py``) is a problem for each data set, one evaluation
for everyone, and the names of those who take part; ``Benchmark`` holds the three. How a library is
called is in ``peers/LEARNER_peers.py``.

The first run makes one virtual environment for each peer in ``build/peers``, from the pinned lists
in ``benchmarks/peers``; they need Python 3.11 and, for pyDML, a C compiler and some minutes more.
Every fit is a process of its own with the same number of threads, imports not counted; the
repetitions alternate (ours, peer, ours, peer, …).

Columns of every table: "wall s" is the best, then the median, of the repetitions; "CPU s" the least
processor time, the fairer of the two where other programs run; "× ours", after both, how many times
that of our default solver; "MB" the memory that the fit added; "ours is there" the seconds until
our default solver was as good as the peer in the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isfinite, nan
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

COURSE = Path(__file__).resolve().parents[1]
PEERS = COURSE / "benchmarks" / "peers"
ENVIRONMENTS = COURSE / "build" / "peers"

DATA = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
OURS = "ours"
LONG = 60.0  # seconds: a fit that takes longer is not repeated
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "VECLIB_MAXIMUM")


class NotInstalledError(Exception):
    """A peer's environment could not be made; the message says why."""


# The problem, and what is asked of its solutions


@dataclass
class Problem:
    """Training and test part, standardised on the training part.

    ``extra``: what else a fit is given, by name.
    """

    X: np.ndarray
    y: np.ndarray
    test_X: np.ndarray
    test_y: np.ndarray
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """What makes one benchmark differ from another.

    about : the module's docstring; its first line is the title.
    learner : the name of its peers' module.
    usual, patient : who takes part always, and who with ``--patient`` only.
    problem : of a data set's name.
    columns : the heads of the cells that ``quality`` gives for M, a problem and the bound.
    objective : of M and a problem; ``largest`` says whether more is better.
    standard : with which of ours somebody is compared.
    note : ends the line about the machine.
    """

    about: str
    learner: str
    usual: Sequence[str]
    patient: Sequence[str]
    problem: Callable[[str], Problem]
    columns: Sequence[str]
    quality: Callable[[np.ndarray, Problem, float], list[str]]
    objective: Callable[[np.ndarray, Problem], float]
    largest: bool = False
    standard: Callable[[str], str] = lambda who: OURS
    note: str = ""

    @property
    def everyone(self) -> tuple[str, ...]:
        return (*self.usual, *self.patient)

    @property
    def head(self) -> list[str]:
        costs = ["data", "who", "wall s", "× ours", "CPU s", "× ours"]
        return [*costs, *self.columns, "MB", "ours is there", "remark"]

    def bound(self, who: str, everyone: dict[str, Runs]) -> float:
        """The best bound that anyone has proved for metrics like those of ``who``; or nan."""
        alike = [runs for other, runs in everyone.items() if self.alike(who, other)]
        proved = [float(fit["bound"]) for runs in alike for fit in runs.fits]
        proved = [bound for bound in proved if isfinite(bound)]
        return (min if self.largest else max)(proved, default=nan)

    def alike(self, who: str, other: str) -> bool:
        return self.standard(who) == self.standard(other)


def split(name: str) -> Problem:
    """A data set, 70 % of it for training, standardised on that part."""
    X, test_X, y, test_y = train_test_split(
        *DATA[name](return_X_y=True), test_size=0.3, random_state=0
    )
    scaler = StandardScaler().fit(X)
    return Problem(scaler.transform(X), y, scaler.transform(test_X), test_y)


def accuracy(M: np.ndarray, task: Problem, k: int = 3) -> float:
    """Share of the test part that k nearest neighbours under M classify rightly."""
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    root = vectors * np.sqrt(values.clip(0))
    judge = KNeighborsClassifier(k).fit(task.X @ root, task.y)
    return float(judge.score(task.test_X @ root, task.test_y))


# The peers' environments


def missing(everyone: list[str]) -> dict[str, str]:
    """Makes the environments that are needed; by library, why one could not be made."""
    reasons = {}
    for name in dict.fromkeys(map(library, everyone)):
        try:
            make_environment(name)
        except NotInstalledError as reason:
            reasons[name] = f"not installed: {reason}"
            print(f"{name} is {reasons[name]}", file=sys.stderr)
    return reasons


def library(who: str) -> str:
    return who.partition(",")[0]


def make_environment(name: str) -> None:
    """The virtual environment of a peer, where there is none from the list as it is now."""
    folder, listed = ENVIRONMENTS / name, PEERS / f"{name}.txt"
    done = folder / "installed.txt"
    if name == OURS or (done.exists() and done.read_text() == listed.read_text()):
        return
    print(f"making the environment of {name} in {folder} …", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    install(folder, listed)
    shutil.copy(listed, done)


def python_of(who: str) -> Path:
    return Path(sys.executable) if library(who) == OURS else python_in(ENVIRONMENTS / library(who))


def python_in(folder: Path) -> Path:
    windows = os.name == "nt"
    return folder / ("Scripts" if windows else "bin") / ("python.exe" if windows else "python")


def install(folder: Path, listed: Path) -> None:
    """Everything of the list but its last line, then all of it, built with what is there."""
    lines = [line for line in listed.read_text().splitlines() if line and not line.startswith("#")]
    pip = [str(python_in(folder)), "-m", "pip", "install"]
    run_or_refuse(old_python(), "-m", "venv", str(folder))
    run_or_refuse(*pip, *lines[:-1])
    run_or_refuse(*pip, "--no-build-isolation", "-r", str(listed))


def old_python() -> str:
    """A Python 3.11, for which all three peers have packages; else the one that runs this."""
    print_version = "import sys; print(*sys.version_info[:2])"
    for candidate in filter(None, (sys.executable, shutil.which("python3.11"))):
        answer = subprocess.run([candidate, "-c", print_version], capture_output=True, text=True)
        if answer.stdout.split() == ["3", "11"]:
            return candidate
    return sys.executable


def run_or_refuse(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise NotInstalledError(f"{command[2]}: {errors[-1].strip()[:120]}")


# One fit, and all of them


@dataclass
class Runs:
    """What the fits of one library on one problem gave; ``failure`` where there is nothing else."""

    fits: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""

    @property
    def best(self) -> dict[str, Any]:
        return min(self.fits, key=lambda fit: float(fit["wall"]))

    @property
    def finished(self) -> bool:
        """Whether there is no point in another repetition."""
        return bool(self.failure) or (bool(self.fits) and self.best["wall"] > LONG)

    @property
    def text(self) -> str:
        """The best and the median of the seconds."""
        walls = [float(fit["wall"]) for fit in self.fits]
        return f"{min(walls):.2f}" + (f", {median(walls):.2f}" if len(walls) > 1 else "")

    def cost(self, kind: str) -> float:
        """The least seconds of the repetitions, "wall" or "cpu"."""
        return min(float(fit[kind]) for fit in self.fits)

    def ratio(self, other: Runs, kind: str) -> str:
        return f"{self.cost(kind) / other.cost(kind):.2f}" if other.fits else ""


def fit(learner: str, who: str, task: Problem, options: argparse.Namespace, runs: Runs) -> None:
    """Adds one fit to the runs of a library, or says there why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "data.npz", Path(folder) / "result.npz"
        np.savez(given, X=task.X, y=task.y, **task.extra)
        command = [python_of(who), PEERS / "fit.py", learner, who, given, result]
        runs.failure = watched(list(map(str, command)), options)
        if not runs.failure:
            with np.load(result) as saved:
                runs.fits.append(dict(saved))


def watched(command: list[str], options: argparse.Namespace) -> str:
    """Runs a fit; the limit counts from the line that says that all is imported."""
    threads = {f"{name}_NUM_THREADS": str(options.threads) for name in THREADS}
    with subprocess.Popen(
        command,
        env={**os.environ, **threads, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=COURSE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            process.stdout.readline()
            _, errors = process.communicate(timeout=options.limit)
        except BaseException as stopped:
            process.kill()
            if isinstance(stopped, subprocess.TimeoutExpired):
                return f"> {options.limit:.0f}"
            raise
    if process.returncode < 0:
        return f"ended by signal {-process.returncode}"
    last = (errors.strip().splitlines() or ["no message"])[-1]
    return f"failed: {last[:120]}" if process.returncode else ""


def all_runs(learner: str, task: Problem, options: argparse.Namespace) -> dict[str, Runs]:
    """Every library in turn, and again, until each has its repetitions."""
    everyone = {who: Runs(failure=options.missing.get(library(who), "")) for who in options.who}
    for _ in range(options.repeats):
        for who, runs in everyone.items():
            if not runs.finished:
                fit(learner, who, task, options, runs)
                print(f"  {who}: {runs.failure or runs.text}", file=sys.stderr)
    return everyone


# The table


def rows(
    benchmark: Benchmark, name: str, options: argparse.Namespace
) -> tuple[list[list[str]], set[str]]:
    """The lines of the table for one data set, and the versions that they come from."""
    task = benchmark.problem(name)
    euclid = np.eye(task.X.shape[1])
    print(f"{name}: {task.X.shape[0]} × {task.X.shape[1]}", file=sys.stderr)
    everyone = all_runs(benchmark.learner, task, options)
    quality = benchmark.quality(euclid, task, benchmark.bound(OURS, everyone))
    judged = [["Euclidean", *[""] * 4, *quality, "", "", ""]]
    judged += [row(benchmark, who, everyone, task) for who in everyone]
    used = {str(fit["versions"]) for runs in everyone.values() for fit in runs.fits}
    return [[name, *cells] for cells in judged], used


def row(benchmark: Benchmark, who: str, everyone: dict[str, Runs], task: Problem) -> list[str]:
    runs, standard = everyone[who], everyone.get(benchmark.standard(who), Runs())
    if not runs.fits:
        late, empty = runs.failure.startswith(">"), [""] * (len(benchmark.head) - 4)
        return [who, runs.failure if late else "", *empty, "" if late else runs.failure]
    M = runs.best["M"]
    quality = benchmark.quality(M, task, benchmark.bound(who, everyone))
    there = "" if library(who) == OURS else reached(benchmark, standard, M, task)
    most = max(float(fit["memory"]) for fit in runs.fits)
    told = f"{runs.best['remark']}{'; then ' + runs.failure if runs.failure else ''}"
    wall = [runs.text, runs.ratio(standard, "wall")]
    cpu = [f"{runs.cost('cpu'):.2f}", runs.ratio(standard, "cpu")]
    return [who, *wall, *cpu, *quality, f"{most:.0f}", there, told]


def reached(benchmark: Benchmark, standard: Runs, M: np.ndarray, task: Problem) -> str:
    """Seconds until our history was as good as M."""
    sign = -1 if benchmark.largest else 1
    return first_time(standard, sign * benchmark.objective(M, task), sign)


def first_time(standard: Runs, goal: float, sign: int = 1) -> str:
    """Seconds until ``sign`` × our history was at most ``goal``, all that it does not cover added.

    ``sign`` is −1 where more is better.
    """
    if not standard.fits:
        return ""
    seconds, values = standard.best["history"].T
    outside = float(standard.best["wall"]) - seconds[-1]
    there = np.flatnonzero(sign * values <= goal)
    return f"{seconds[there[0]] + outside:.2f}" if len(there) else "never"


def markdown(table: list[list[str]]) -> str:
    """The table, its columns padded so that it can be read as it is."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, cells, widths)) + " |" for cells in table]
    return "\n".join(
        [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
    )


def processor() -> str:
    """The date, the processor and the system."""
    cpu, information = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if information.exists():
        named = [line for line in information.read_text().splitlines() if "model name" in line]
        cpu = named[0].partition(":")[2].strip() if named else cpu
    return f"{date.today().isoformat()}, {cpu}, {os.cpu_count()} cores, {platform.system()}"


def machine(options: argparse.Namespace, note: str) -> str:
    return (
        f"{processor()}; {options.threads} thread(s) each, limit {options.limit:.0f} s, "
        f"{options.repeats} repetitions (a fit above {LONG:.0f} s is not repeated){note}."
    )


def report(
    benchmark: Benchmark, table: list[list[str]], used: set[str], options: argparse.Namespace
) -> str:
    title = benchmark.about.partition(":")[0]
    lines, notes = (
        markdown([benchmark.head, *table]),
        "\n".join(f"- {each}" for each in sorted(used)),
    )
    return f"# {title}\n\n{machine(options, benchmark.note)}\n\n{lines}\n\n{notes}\n"


# The command


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is given: expected a whole number, 1 or more")
    return int(text)


def seconds_above_zero(text: str) -> float:
    """A time, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is given: expected seconds, more than 0")
    return seconds


def parser_of(benchmark: Benchmark) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=benchmark.about.splitlines()[0])
    sets, everyone = "; ".join(DATA), "; ".join(benchmark.everyone)
    parser.add_argument(
        "--data", nargs="+", choices=DATA, default=list(DATA), metavar="SET", help=f"of: {sets}"
    )
    parser.add_argument(
        "--who", nargs="+", choices=benchmark.everyone, metavar="NAME", help=f"of: {everyone}"
    )
    parser.add_argument("--patient", action="store_true", help="peers with more steps too")
    parser.add_argument("--threads", type=positive, default=1, help="threads for everyone (1)")
    parser.add_argument(
        "--limit", type=seconds_above_zero, default=300.0, help="seconds a fit may take (300)"
    )
    parser.add_argument("--repeats", type=positive, default=3, help="fits of each (3)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown")
    return parser


def choices(benchmark: Benchmark, parser: argparse.ArgumentParser, given: list[str] | None) -> Any:
    """The options as given, everyone in the table's order, ours always among them."""
    options = parser.parse_args(given)
    named = options.who or (*benchmark.usual, *(benchmark.patient if options.patient else ()))
    wanted = {*named, *map(benchmark.standard, named)}
    options.who = [who for who in benchmark.everyone if who in wanted]
    return options


def main(benchmark: Benchmark, given: list[str] | None = None) -> None:
    run(benchmark, choices(benchmark, parser_of(benchmark), given))


def run(benchmark: Benchmark, options: argparse.Namespace) -> None:
    """Measures, prints the table, and writes it where asked."""
    options.missing = missing(options.who)
    table: list[list[str]] = []
    used: set[str] = set()
    for name in options.data:
        lines, found = rows(benchmark, name, options)
        table, used = table + lines, used | found
    text = report(benchmark, table, used, options)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
