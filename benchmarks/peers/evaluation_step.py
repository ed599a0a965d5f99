"""One evaluation, measured: ``python evaluation_step.py WHO TASK POINTS CLASSES RESULT.npz``.

POINTS embeddings with 128 dimensions, float32, in CLASSES overlapping classes, each sought among
the others. It runs in the environment of the library that it measures and needs that library, torch
and NumPy only. RESULT gets the measures, the seconds on the clock and of the processor, and the
memory that the evaluation added, in MB.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import torch
from fit import measured

DIMENSIONS = 128
NAMES = ("precision_at_1", "r_precision", "map_at_r", "mean_average_precision")
Task = Callable[[torch.Tensor, torch.Tensor], dict[str, float]]


def ours(task: str) -> Task:
    from dmlcourse.evaluation import precision_at_1, retrieval_report

    def everything(X: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
        report = retrieval_report(X, y)
        return {name: getattr(report, name) for name in NAMES}

    if task == "all measures":
        return everything
    return lambda X, y: {"precision_at_1": precision_at_1(X, y)}


def pml(task: str) -> Task:
    """pytorch-metric-learning with the least k that these measures allow, which is its fastest."""
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    theirs = {"map_at_r": "mean_average_precision_at_r"}
    names = NAMES if task == "all measures" else NAMES[:1]
    calculator = AccuracyCalculator(
        include=tuple(theirs.get(name, name) for name in names),
        k="max_bin_count" if task == "all measures" else 1,
        device=torch.device("cpu"),
    )

    def calculate(X: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
        found = calculator.get_accuracy(X, y)
        return {name: float(found[theirs.get(name, name)]) for name in names}

    return calculate


PEOPLE = {"ours": (ours, "dmlcourse"), "pytorch-metric-learning": (pml, "pytorch-metric-learning")}


def embeddings(points: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for everyone: classes so close that no measure is near 0 or 1."""
    rng = np.random.default_rng(0)
    y = np.arange(points) % classes
    X = rng.normal(size=(classes, DIMENSIONS))[y] + 2 * rng.normal(size=(points, DIMENSIONS))
    return torch.from_numpy(X.astype(np.float32)), torch.from_numpy(y)


def main(who: str, task: str, points: str, classes: str, result: str) -> None:
    make, package = PEOPLE[who]
    evaluate = make(task)
    evaluate(*embeddings(200, 10))  # what is loaded at the first call is not counted
    X, y = embeddings(int(points), int(classes))
    found: dict[str, float] = {}
    costs = measured(lambda: found.update(evaluate(X, y)))
    versions = f"{package} {version(package)}, torch {torch.__version__}"
    np.savez(result, versions=versions, **costs, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
