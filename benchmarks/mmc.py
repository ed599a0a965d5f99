"""MMC beside its peers: time, objective reached, accuracy, memory.

Run ``python benchmarks/mmc.py`` (about ten minutes, half of them pyDML on digits until its limit):
metric-learn and pyDML, which calls it LSI. ``beside.py`` says how everyone is measured.

Data and pairs are those of ``itml.py``, the same for all. One function here, which shares no code
with anyone, evaluates all results. It does not depend on the scale of M, which libraries choose in
different ways:

    g(M) = Σ_D d_M / √(Σ_S d_M²)

"Below bound" is 1 − g/b for the least b that no metric passes, as proved by our solvers; the rows
"diagonal" are compared among each other, with a bound for diagonal metrics. "Accuracy" is that of 3
nearest neighbours on the other 30 %; "ours is there" the seconds until our default solver had a g
of at least the peer's.
"""

from __future__ import annotations

import numpy as np
from beside import OURS, Benchmark, Problem, accuracy, main
from itml import problem

DIAGONAL = ("ours, diagonal", "metric-learn, diagonal")


def objective(M: np.ndarray, task: Problem) -> float:
    """g, from the definition; 0 where the similar pairs are at distance 0."""
    differences = task.X[task.extra["index"][:, 0]] - task.X[task.extra["index"][:, 1]]
    squares, same = ((differences @ M) * differences).sum(1).clip(0), task.extra["same"]
    budget = float(squares[same].sum())
    return float(np.sqrt(squares[~same]).sum()) / budget**0.5 if budget > 0 else 0.0


def quality(M: np.ndarray, task: Problem, bound: float) -> list[str]:
    """The cells g, below bound, accuracy."""
    value = objective(M, task)
    below = f"{max(1 - value / bound, 0):.1e}" if bound > 0 else ""
    return [f"{value:.4f}", below, f"{accuracy(M, task):.3f}"]


BENCHMARK = Benchmark(
    about=__doc__,
    learner="mmc",
    usual=(OURS, "metric-learn", "pydml", "ours, projections", *DIAGONAL),
    patient=("metric-learn, 1,000 steps", "metric-learn, diagonal, to 1e-6"),
    problem=problem,
    columns=("g", "below bound", "accuracy"),
    quality=quality,
    objective=objective,
    largest=True,
    standard=lambda who: DIAGONAL[0] if "diagonal" in who else OURS,
)

if __name__ == "__main__":
    main(BENCHMARK)
