"""LMNN beside its peers: time, objective reached, accuracy, memory.

Run ``python benchmarks/lmnn.py`` (about ten minutes, half of them pyDML on digits until its limit):
metric-learn, PyLMNN and pyDML. ``beside.py`` says how everyone is measured.

Wine, breast cancer and digits from scikit-learn: 70 % for training (``train_test_split`` with seed
0), standardised on that part, k = 3. One function here, which shares no code with anyone, evaluates
all results:

    F(M) = ½ Σ_{j⇝i} d²(xᵢ, xⱼ) + ½ Σ_{j⇝i} Σ_{l: yₗ≠yᵢ} [1 + d²(xᵢ, xⱼ) − d²(xᵢ, xₗ)]₊

"Above bound" is F over the bound below which no metric is, as proved by our certified solver;
"accuracy" is that of 3 nearest neighbours on the other 30 %; "ours is there" the seconds until our
default solver had an F of at most the peer's.
"""

from __future__ import annotations

import numpy as np
from beside import OURS, Benchmark, Problem, accuracy, main, split

K = 3


def problem(name: str) -> Problem:
    task = split(name)
    task.extra = {"k": K}
    return task


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


def quality(M: np.ndarray, task: Problem, bound: float) -> list[str]:
    """The cells F, above bound, accuracy."""
    value = objective(M, task.X, task.y)
    above = f"{100 * (value / bound - 1):.2f} %" if bound > 0 else ""
    return [f"{value:.2f}", above, f"{accuracy(M, task):.3f}"]


BENCHMARK = Benchmark(
    about=__doc__,
    learner="lmnn",
    usual=(OURS, "metric-learn", "ours, certified", "pylmnn", "pydml"),
    patient=("metric-learn, 10,000 steps", "pylmnn, 1,000 steps", "pydml, 1,000 steps"),
    problem=problem,
    columns=("F", "above bound", "accuracy"),
    quality=quality,
    objective=lambda M, task: objective(M, task.X, task.y),
    note=f", k = {K}",
)

if __name__ == "__main__":
    main(BENCHMARK)
