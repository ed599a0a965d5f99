"""LMNN beside metric-learn, PyLMNN and pyDML: time, objective reached, accuracy, memory.

Run ``python benchmarks/lmnn.py`` (about ten minutes, half of them pyDML on digits until its limit).
The first run makes one virtual environment for each peer in ``build/peers``, from the pinned lists
in ``benchmarks/peers``; they need Python 3.11 and, for pyDML, a C compiler and some minutes more.

Wine, breast cancer and digits from scikit-learn: 70 % for training (``train_test_split`` with seed
0), standardised on that part, k = 3. Every fit is a process of its own with the same number of
threads, imports not counted; the repetitions alternate (ours, peer, ours, peer, …). One function
here, which shares no code with anyone, evaluates all results:

    F(M) = ½ Σ_{j⇝i} d²(xᵢ, xⱼ) + ½ Σ_{j⇝i} Σ_{l: yₗ≠yᵢ} [1 + d²(xᵢ, xⱼ) − d²(xᵢ, xₗ)]₊

Columns: "wall s" is the best, then the median, of the repetitions; "CPU s" the least processor
time, the fairer of the two where other programs run; "× ours", after both, how many times that of
our default solver; "above bound" is F over the bound below which no metric is, as proved by our
certified solver; "accuracy" is that of 3 nearest neighbours on the other 30 %; "MB" the memory that
the fit added; "ours is there" the seconds until our default solver had an F of at most the peer's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
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
OURS, CERTIFIED = "ours", "ours, certified"
USUAL = (OURS, "metric-learn", CERTIFIED, "pylmnn", "pydml")
PATIENT = ("metric-learn, 10,000 steps", "pylmnn, 1,000 steps", "pydml, 1,000 steps")
K = 3
LONG = 60.0  # seconds: a fit that takes longer is not repeated
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "VECLIB_MAXIMUM")
TABLE = ["data", "who", "wall s", "× ours", "CPU s", "× ours", "F", "above bound"]
TABLE += ["accuracy", "MB", "ours is there", "remark"]


class NotInstalledError(Exception):
    """A peer's environment could not be made; the message says why."""


# The problem, and one evaluation for all


@dataclass
class Problem:
    """Training and test part, standardised on the training part."""

    X: np.ndarray
    y: np.ndarray
    test_X: np.ndarray
    test_y: np.ndarray


def problem(name: str) -> Problem:
    X, test_X, y, test_y = train_test_split(
        *DATA[name](return_X_y=True), test_size=0.3, random_state=0
    )
    scaler = StandardScaler().fit(X)
    return Problem(scaler.transform(X), y, scaler.transform(test_X), test_y)


def objective(M: np.ndarray, X: np.ndarray, y: np.ndarray, k: int = K) -> float:
    """F, row by row from the definition; the targets are the nearest of the class, Euclidean."""
    total = 0.0
    for i, (point, label) in enumerate(zip(X, y, strict=True)):
        gap = X - point
        same = np.flatnonzero((y == label) & (np.arange(len(y)) != i))
        nearest = same[np.argsort((gap[same] ** 2).sum(1), kind="stable")[:k]]
        squared = ((gap @ M) * gap).sum(1)
        pull, others = squared[nearest], squared[y != label]
        push = np.maximum(0, 1 + pull[:, None] - others[None, :])
        total += 0.5 * pull.sum() + 0.5 * push.sum()
    return float(total)


def accuracy(M: np.ndarray, task: Problem) -> float:
    """Share of the test part that 3 nearest neighbours under M classify rightly."""
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    root = vectors * np.sqrt(values.clip(0))
    judge = KNeighborsClassifier(K).fit(task.X @ root, task.y)
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


def fit(who: str, task: Problem, options: argparse.Namespace, runs: Runs) -> None:
    """Adds one fit to the runs of a library, or says there why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "data.npz", Path(folder) / "result.npz"
        np.savez(given, X=task.X, y=task.y, k=K)
        command = [python_of(who), PEERS / "fit.py", who, given, result]
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


def all_runs(task: Problem, options: argparse.Namespace) -> dict[str, Runs]:
    """Every library in turn, and again, until each has its repetitions."""
    everyone = {who: Runs(failure=options.missing.get(library(who), "")) for who in options.who}
    for _ in range(options.repeats):
        for who, runs in everyone.items():
            if not runs.finished:
                fit(who, task, options, runs)
                print(f"  {who}: {runs.failure or runs.text}", file=sys.stderr)
    return everyone


# The table


def rows(name: str, options: argparse.Namespace) -> tuple[list[list[str]], set[str]]:
    """The lines of the table for one data set, and the versions that they come from."""
    task, euclid = problem(name), np.eye(problem(name).X.shape[1])
    print(f"{name}: {task.X.shape[0]} × {task.X.shape[1]}", file=sys.stderr)
    everyone = all_runs(task, options)
    bound = max((float(fit["bound"]) for runs in everyone.values() for fit in runs.fits), default=0)
    judged = [["Euclidean", *[""] * 4, *quality(euclid, task, bound), "", "", ""]]
    judged += [row(who, everyone, task, bound) for who in everyone]
    used = {str(fit["versions"]) for runs in everyone.values() for fit in runs.fits}
    return [[name, *cells] for cells in judged], used


def quality(M: np.ndarray, task: Problem, bound: float) -> list[str]:
    """The cells F, above bound, accuracy."""
    value = objective(M, task.X, task.y)
    above = f"{100 * (value / bound - 1):.2f} %" if bound > 0 else ""
    return [f"{value:.2f}", above, f"{accuracy(M, task):.3f}"]


def row(who: str, everyone: dict[str, Runs], task: Problem, bound: float) -> list[str]:
    runs, standard = everyone[who], everyone[OURS]
    if not runs.fits:
        late = runs.failure.startswith(">")
        return [who, runs.failure if late else "", *[""] * 8, "" if late else runs.failure]
    M = runs.best["M"]
    there = "" if library(who) == OURS else reached(standard, objective(M, task.X, task.y))
    most = max(float(fit["memory"]) for fit in runs.fits)
    told = f"{runs.best['remark']}{'; then ' + runs.failure if runs.failure else ''}"
    wall = [runs.text, runs.ratio(standard, "wall")]
    cpu = [f"{runs.cost('cpu'):.2f}", runs.ratio(standard, "cpu")]
    return [who, *wall, *cpu, *quality(M, task, bound), f"{most:.0f}", there, told]


def reached(standard: Runs, goal: float) -> str:
    """Seconds until our history was at most ``goal``, with all that it does not cover added."""
    if not standard.fits:
        return ""
    seconds, values = standard.best["history"].T
    outside = float(standard.best["wall"]) - seconds[-1]
    there = np.flatnonzero(values <= goal)
    return f"{seconds[there[0]] + outside:.2f}" if len(there) else "never"


def markdown(table: list[list[str]]) -> str:
    """The table, its columns padded so that it can be read as it is."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, cells, widths)) + " |" for cells in table]
    return "\n".join(
        [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
    )


def machine(options: argparse.Namespace) -> str:
    cpu, information = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if information.exists():
        named = [line for line in information.read_text().splitlines() if "model name" in line]
        cpu = named[0].partition(":")[2].strip() if named else cpu
    return (
        f"{date.today().isoformat()}, {cpu}, {os.cpu_count()} cores, {platform.system()}; "
        f"{options.threads} thread(s) each, limit {options.limit:.0f} s, "
        f"{options.repeats} repetitions (a fit above {LONG:.0f} s is not repeated), k = {K}."
    )


def report(table: list[list[str]], used: set[str], options: argparse.Namespace) -> str:
    notes = "\n".join(f"- {each}" for each in sorted(used))
    return (
        f"# LMNN beside its peers\n\n{machine(options)}\n\n{markdown([TABLE, *table])}\n\n{notes}\n"
    )


def choices(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sets, everyone = "; ".join(DATA), "; ".join(USUAL + PATIENT)
    parser.add_argument(
        "--data", nargs="+", choices=DATA, default=list(DATA), metavar="SET", help=f"of: {sets}"
    )
    parser.add_argument(
        "--who", nargs="+", choices=USUAL + PATIENT, metavar="NAME", help=f"of: {everyone}"
    )
    parser.add_argument("--patient", action="store_true", help="peers with more steps too")
    parser.add_argument("--threads", type=int, default=1, help="threads for everyone (1)")
    parser.add_argument("--limit", type=float, default=300, help="seconds a fit may take (300)")
    parser.add_argument("--repeats", type=int, default=3, help="fits of each (3)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown")
    options = parser.parse_args(arguments)
    options.who = options.who or USUAL + (PATIENT if options.patient else ())
    options.who = list(dict.fromkeys([OURS, *options.who]))
    return options


def main(arguments: list[str] | None = None) -> None:
    options = choices(arguments)
    options.missing = missing(options.who)
    table: list[list[str]] = []
    used: set[str] = set()
    for name in options.data:
        lines, found = rows(name, options)
        table, used = table + lines, used | found
    text = report(table, used, options)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
