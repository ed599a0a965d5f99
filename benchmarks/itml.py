"""ITML beside its peers: time, objective reached, bounds kept, accuracy, memory.

Run ``python benchmarks/itml.py`` (about ten minutes): metric-learn and pyDML. ``beside.py`` says
how everyone is measured.

Wine, breast cancer and digits from scikit-learn: 70 % for training (``train_test_split`` with seed
0), standardised on that part. All solve one problem: 20·c² similar and as many dissimilar pairs of
training points for c classes, drawn once without replacement; u and ℓ are the 5th and the 95th
percentile of the squared distances between training points; γ = 1, M₀ = I. pyDML draws its own
pairs, without a seed; the draw is replaced by one that answers with these. metric-learn's ``fit``
also sets a threshold for pairs, some milliseconds of its time. One function here, which shares no
code with anyone, evaluates all results:

    F(M) = tr M − log det M − d + Σ_{violated} (r − log r − 1),    r = d_M²/(u or ℓ)

"Above bound" is F/b − 1 for the largest b below which no metric is, as proved by our solvers;
"violated" the number of pairs beyond their bound; "accuracy" is that of 3 nearest neighbours on the
other 30 %; "ours is there" the seconds until our default solver had an F of at most the peer's.

``--plot FILE`` draws what a fit costs instead, on five generated Gaussian classes, against the
number of pairs, of dimensions and of points. In the third panel everyone starts from labels, and
draws 500 pairs of each kind and two percentiles; once they are there, the number of points plays no
part. With ``--repeats 1 --limit 60`` it takes about six minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from beside import (
    OURS,
    Benchmark,
    Problem,
    Runs,
    accuracy,
    choices,
    fit,
    missing,
    parser_of,
    run,
    split,
)
from scipy.spatial.distance import pdist

PERCENTILES, GAMMA = (5, 95), 1.0
PEERS = ("metric-learn", "metric-learn, 100 sweeps", "pydml")
SWEEPS = ("ours, 10 sweeps", "ours, 100 sweeps", "ours, 1,000 sweeps")
PLOTTED = {
    OURS: "ours, to a gap of 1e-6",
    "ours, sweeps to 1e-3": "ours, sweeps to 1e-3, 1,000 at most",
    "metric-learn": "metric-learn, 1,000 sweeps at most",
}
PAIRS, DIMENSIONS = (125, 250, 500, 1000, 2000, 4000), (5, 10, 20, 40, 80, 160)
SAMPLES = (250, 1000, 4000, 8000)
MIDDLE = (500, 20)  # pairs of each kind and dimensions where the other one varies
CLASSES, POINTS = 5, 1000


# The problem, and one evaluation for all


def problem(name: str) -> Problem:
    return with_pairs(split(name))


def with_pairs(task: Problem, count: int | None = None) -> Problem:
    """Adds what is asked of the metric: ``count`` pairs of each kind (20·c²), and bounds."""
    count = count or 20 * len(np.unique(task.y)) ** 2
    index, same = drawn_pairs(task.y, count, np.random.default_rng(0))
    bounds = np.percentile(pdist(task.X, "sqeuclidean"), PERCENTILES)
    task.extra = {"index": index, "same": same, "bounds": bounds, "gamma": GAMMA}
    return task


def drawn_pairs(
    y: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Similar pairs, then as many dissimilar ones, (2·count, 2), and which are similar."""
    i, j = np.triu_indices(len(y), 1)
    alike = y[i] == y[j]
    kinds = [np.flatnonzero(alike == kind) for kind in (True, False)]
    chosen = np.concatenate([random.choice(kind, count, replace=False) for kind in kinds])
    return np.column_stack([i[chosen], j[chosen]]), alike[chosen]


def ratios(M: np.ndarray, task: Problem) -> np.ndarray:
    """Squared distance over its bound, for each pair."""
    differences = task.X[task.extra["index"][:, 0]] - task.X[task.extra["index"][:, 1]]
    u, l = task.extra["bounds"]
    return ((differences @ M) * differences).sum(1) / np.where(task.extra["same"], u, l)


def violated(M: np.ndarray, task: Problem) -> np.ndarray:
    """Which pairs are beyond their bound."""
    r, same = ratios(M, task), task.extra["same"]
    return np.where(same, r > 1, r < 1)


def objective(M: np.ndarray, task: Problem) -> float:
    """F, from the definition; infinite where M is not positive definite."""
    values = np.linalg.eigvalsh((M + M.T) / 2)
    r = ratios(M, task)[violated(M, task)]
    if not values[0] > 0 or not (r > 0).all():
        return float("inf")
    divergence = (values - np.log(values) - 1).sum()
    return float(divergence + GAMMA * (r - np.log(r) - 1).sum())


def quality(M: np.ndarray, task: Problem, bound: float) -> list[str]:
    """The cells F, above bound, violated, accuracy."""
    value = objective(M, task)
    above = f"{max(value / bound - 1, 0):.1e}" if bound > 0 else ""
    beyond = f"{violated(M, task).sum()} of {len(task.extra['same'])}"
    return [f"{value:.4f}", above, beyond, f"{accuracy(M, task):.3f}"]


BENCHMARK = Benchmark(
    about=__doc__,
    learner="itml",
    usual=(OURS, *PEERS, *SWEEPS),
    patient=("ours, sweeps to 1e-3",),
    problem=problem,
    columns=("F", "above bound", "violated", "accuracy"),
    quality=quality,
    objective=objective,
)


# The plot


def generated(pairs: int, dimensions: int) -> Problem:
    """``classes_of`` some points, with pairs and bounds."""
    return with_pairs(classes_of(POINTS, dimensions), pairs)


def classes_of(points: int, dimensions: int) -> Problem:
    """Gaussian classes around centres two standard deviations from the origin."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLASSES, dimensions))
    centres *= 2 / np.linalg.norm(centres, axis=1, keepdims=True)
    y = np.arange(points) % CLASSES
    X = centres[y] + random.normal(size=(points, dimensions))
    return Problem(X, y, X, y)


AXES: dict[str, tuple[tuple[int, ...], Callable[[int], Problem]]] = {
    "pairs": (PAIRS, lambda number: generated(number, MIDDLE[1])),
    "dimensions": (DIMENSIONS, lambda number: generated(MIDDLE[0], number)),
    "points": (SAMPLES, lambda number: classes_of(number, MIDDLE[1])),
}


def costs(axis: str, options: argparse.Namespace) -> dict[str, list[tuple[int, float]]]:
    """By name, (number, CPU seconds): each line ends at the first fit that passes the limit."""
    lines: dict[str, list[tuple[int, float]]] = {who: [] for who in PLOTTED}
    stopped: set[str] = set()
    numbers, make = AXES[axis]
    for number in numbers:
        task = make(number)
        for who in (who for who in PLOTTED if who not in stopped):
            runs = Runs(failure=options.missing.get(who, ""))
            started = f"{who}, from labels" if axis == "points" else who
            for _ in range(0 if runs.failure else options.repeats):
                fit("itml", started, task, options, runs)
            print(f"{number} {axis}, {who}: {runs.failure or runs.text}", file=sys.stderr)
            if runs.failure:
                stopped.add(who)
            else:
                lines[who].append((2 * number if axis == "pairs" else number, runs.cost("cpu")))
    return lines


def plot(file: Path, options: argparse.Namespace) -> None:
    """Draws the three sweeps side by side, on logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    pairs, dimensions = f"{2 * MIDDLE[0]:,} pairs", f"{MIDDLE[1]} dimensions"
    fixed = (dimensions, pairs, f"from labels, {pairs}, {dimensions}")
    for axes, axis, title in zip(panels, AXES, fixed, strict=True):
        draw(axes, costs(axis, options))
        axes.set(xlabel=axis)
        axes.set_title(title, fontsize="medium")
    panels[0].set_ylabel("processor seconds of a fit")
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=3, fontsize="small")
    figure.savefig(file, dpi=110)


def draw(axes: Any, lines: dict[str, list[tuple[int, float]]]) -> None:
    for (who, points), marker in zip(lines.items(), "os^", strict=True):
        across, up = zip(*points, strict=True) if points else ((), ())
        axes.plot(across, up, marker=marker, label=PLOTTED[who])
    numbers = sorted({number for points in lines.values() for number, _ in points})
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(numbers, map(str, numbers))
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def main(given: list[str] | None = None) -> None:
    parser = parser_of(BENCHMARK)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the costs instead")
    options = choices(BENCHMARK, parser, given)
    if not options.plot:
        run(BENCHMARK, options)
        return
    options.missing = missing(list(PLOTTED))
    plot(options.plot, options)


if __name__ == "__main__":
    main()
