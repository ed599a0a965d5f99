"""Learners on KEEL's ten folds, beside the numbers that were published for them.

    python benchmarks/keel.py [--sets iris wine] [--learners LMNN] [--draws 20] [--write FILE]

The published numbers are the 3-NN test accuracies of pyDML-Stats 0.0.1: J. L. Suárez, S. García,
F. Herrera, pyDML: a Python library for distance metric learning, Journal of Machine Learning
Research 21(96), 2020. The recipe is theirs: for each of ten folds, scale each feature to [0, 1] by
the least and the largest value of the training part; learn; classify the test part by its three
nearest neighbours in the training part; the mean of the ten accuracies counts.

Euclidean distance and LDA leave nothing open, so these two must agree to the last digit, and the
status is 1 where they do not. LMNN is the same objective (k = 3, μ = 0.5) with another solver: the
published column stops after at most 100 steps, far from the optimum, and ours goes on. The rows
"LMNN, pyDML's steps" re-enact those steps, which agrees to the last digit: all that "LMNN" differs
by comes from where the solver stops.

For ITML and MMC the rows "pyDML's steps" do the same. ITML there draws 40·c·(c − 1) pairs for c
classes, similar ones as they come, takes its bounds from 100 distances, and stops after about
100,000 projections onto one pair; their scripts set NumPy's seed to 28 before each fold, so that
even the draw can be repeated. On three sets pyDML with that seed gives our number and not the
published one. MMC, there called LSI, takes all pairs and at most 100 steps, and its result is the
point after the last step, before it is projected; on ionosphere, sonar, vehicle, vowel and wdbc its
projections take minutes. Ours draw pairs with seed 0 and go on to the optimum. ``--draws N`` shows
what the draw does: the least, mean and largest accuracy for the seeds 0 to N − 1.

The column ± is half a 95 % interval of the mean: t with nine degrees of freedom over the ten folds.
It is a rough guide, since two training parts share eight ninths of their samples and accuracies
that share training samples are not independent. The column "fit" has the seconds of ten fits on one
thread, and "limit" the number of fits that reached the limit of steps before they converged.

The archives must be in the folder keel of the data folder (DMLCOURSE_DATA, else the user's cache
folder); where one is missing, the message says where to get it.
"""

from __future__ import annotations

import argparse
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import t as student
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from threadpoolctl import threadpool_limits

from dmlcourse.data import Fold, keel_folds, keel_names
from dmlcourse.errors import UserError
from dmlcourse.geometry import factor, project_psd

# What pyDML-Stats calls LSI is MMC: Xing, Ng, Jordan, Russell, Distance metric learning with
# application to clustering with side-information, NeurIPS 2002.
PUBLISHED_TABLE = """
set          Euclidean      LDA            LMNN           ITML           MMC
appendicitis 0.833939393939 0.852272727273 0.842272727273 0.860454545455 0.863030303030
hepatitis    0.832539682540 0.860912698413 0.841865079365 0.881547619048 0.913095238095
ionosphere   0.855000000000 0.839472455649 0.885961718021 0.886204481793 0.876806722689
iris         0.953333333333 0.953333333333 0.940000000000 0.973333333333 0.980000000000
newthyroid   0.953896103896 0.958658008658 0.972510822511 0.939826839827 0.963419913420
sonar        0.837012987013 0.778225108225 0.874242424242 0.812056277056 0.850670995671
vehicle      0.712581987889 0.762329325979 0.675791761449 0.751621280855 0.666690300815
vowel        0.978787878788 0.977777777778 0.977777777778 0.953535353535 0.947474747475
wdbc         0.971679197995 0.966446288134 0.963028260306 0.966414959813 0.968292498488
wine         0.960674664603 0.988888888889 0.983298933609 0.977375730994 0.966230220158
"""
EXACT, CLOSE = ("Euclidean", "LDA"), 1e-9
HEAD = "| learner | set | 3-NN | ± | published | difference | fit, s | limit |"
RULE = "|---|---|---:|---:|---:|---:|---:|---:|"


def lmnn() -> Any:
    from dmlcourse.learners import LMNN

    return LMNN(n_neighbors=3, mu=0.5, device="cpu")


def itml(seed: int = 0) -> Any:
    from dmlcourse.learners import ITML

    return ITML(device="cpu", random_state=seed)


def mmc(seed: int = 0) -> Any:
    from dmlcourse.learners import MMC

    return MMC(device="cpu", random_state=seed)


class PydmlSteps:
    """LMNN as pyDML does it, k = 3 and μ = 0.5: at most 100 projected steps on M, from identity.

    A step that does not lower the objective is not taken, and halves the rate; any other raises it
    by 1 %. The direction is not quite the gradient: whoever is an impostor for the farthest target
    of a point counts for all its targets, also where the hinge of a nearer one is zero.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> PydmlSteps:
        targets, rate = target_neighbours(X, y), 0.3
        M = np.eye(X.shape[1])
        error, direction = lmnn_error(M, X, y, targets)
        for _ in range(100):
            step = project_psd(M - rate * direction)
            reached, onward = lmnn_error(step, X, y, targets)
            lower = reached < error
            moved = np.abs(step - M).max()
            rate *= 1.01 if lower else 0.5
            if lower:
                M, error, direction = step, reached, onward
            if rate < 1e-14 or (lower and min(moved, np.abs(direction).max()) < 1e-8):
                break
        self.components_ = factor(M)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X @ self.components_.T


def target_neighbours(X: np.ndarray, y: np.ndarray, k: int = 3) -> np.ndarray:
    """For each point the indices of the k nearest others of its class, (n, k)."""
    distances = np.where(y[:, None] == y, cdist(X, X), np.inf)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1, kind="stable")[:, :k]


def lmnn_error(
    M: np.ndarray, X: np.ndarray, y: np.ndarray, targets: np.ndarray
) -> tuple[float, np.ndarray]:
    """The objective of LMNN under M, and the direction in which pyDML goes down."""
    XM = X @ M
    norms = (XM * X).sum(1)
    squares = norms[:, None] + norms - 2 * XM @ X.T
    near = np.take_along_axis(squares, targets, axis=1)
    impostor = (y[:, None] != y) & (squares < 1 + near.max(1, keepdims=True))
    error, weights = near.sum(), -float(targets.shape[1]) * impostor
    for j, square in zip(targets.T, near.T, strict=True):
        error += (1 + square[:, None] - squares)[impostor].clip(0).sum()
        weights[np.arange(len(X)), j] += 1 + impostor.sum(1)
    weights += weights.T
    return error / 2, X.T @ (weights.sum(1)[:, None] * X - weights @ X) / 2


class PydmlProjections:
    """ITML as pyDML does it, γ = 1, from identity: about 100,000 projections, whatever they reach.

    All numbers are drawn in pyDML's order from one generator. The bounds are no percentiles: they
    are 5 % and 95 % of the way from the least to the largest of 100 squared distances.
    """

    LEAST = 100_000

    def __init__(self, seed: int = 28) -> None:
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> PydmlProjections:
        V, signs, bounds = self.drawn(X, y)
        signs, bounds = signs.tolist(), bounds.tolist()
        M, duals = np.eye(X.shape[1]), [0.0] * len(V)
        # It begins with the second pair, and counts only when it comes to the first one.
        rounds = -(-(self.LEAST + 2) // len(V))
        for i in (number % len(V) for number in range(1, rounds * len(V) + 1)):
            image = M @ V[i]
            p = float(V[i] @ image)
            alpha = min(duals[i], signs[i] / 2 * (1 / p - 1 / bounds[i]))
            if alpha == 0:
                continue  # nothing changes
            duals[i] -= alpha
            bounds[i] = 1 / (1 / bounds[i] + signs[i] * alpha)
            M += np.outer(signs[i] * alpha / (1 - signs[i] * alpha * p) * image, image)
        self.metric, self.components_ = M, factor(M)
        return self

    def drawn(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Differences (m, d), signs and bounds (m,); pairs of equal points are left out."""
        random, classes = np.random.RandomState(self.seed), len(np.unique(y))
        sample = random_pairs(random, len(X), min(100, len(X) * (len(X) - 1) // 2))
        least, *_, most = np.sort(((X[sample[:, 0]] - X[sample[:, 1]]) ** 2).sum(1))
        u, l = least + 0.05 * (most - least), least + 0.95 * (most - least)
        i, j = random_pairs(random, len(X), 40 * classes * (classes - 1)).T
        apart = np.abs(X[i] - X[j]).max(1) > 1e-10
        i, j = i[apart], j[apart]
        same = y[i] == y[j]
        return X[i] - X[j], np.where(same, 1, -1), np.where(same, u, l)

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X @ self.components_.T


def random_pairs(random: np.random.RandomState, n: int, count: int) -> np.ndarray:
    """Pairs of numbers below n, one number after the other, with repetition, (count, 2)."""
    return np.array([random.randint(0, n) for _ in range(2 * count)]).reshape(-1, 2)


class PydmlAscent:
    """MMC as pyDML does it: at most 100 steps of the ascent on all pairs, from identity.

    The budget is a hundred times what the identity uses, and the first direction alone is made
    orthogonal to its gradient. A step that does not raise Σ_D d_M is taken back and halves the
    rate, any other raises it by 5 %. What comes back is the point after one more step.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> PydmlAscent:
        apart = y[:, None] != y
        A = scatter(X, (~apart).astype(float))
        M, rate, budget = np.eye(X.shape[1]), 0.1, 100 * A.trace()
        direction = orthogonal(separation(M, X, apart)[1], A)
        kept, best = M, -np.inf
        for _ in range(100):
            M, inside = into_both(M, A, budget)
            value, gradient = separation(M, X, apart)
            better = inside and value > best
            rate *= 1.05 if better else 0.5
            if better:
                kept, best, direction = M, value, gradient
            M = kept + rate * direction
            if rate * np.linalg.norm(direction) < 1e-3 * np.linalg.norm(kept):
                break
        self.metric = M / budget
        self.components_ = factor(project_psd(self.metric))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X @ self.components_.T


def scatter(X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Σᵢⱼ wᵢⱼ (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ over ordered pairs, for symmetric weights (n, n)."""
    return 2 * X.T @ (weights.sum(1)[:, None] * X - weights @ X)


def separation(M: np.ndarray, X: np.ndarray, apart: np.ndarray) -> tuple[float, np.ndarray]:
    """Σ d_M over the ordered pairs that are apart, and its gradient."""
    XM = X @ M
    norms = (XM * X).sum(1)
    distances = np.sqrt((norms[:, None] + norms - 2 * XM @ X.T)[apart])
    weights = np.zeros(apart.shape)
    weights[apart] = 0.5 / distances
    return float(distances.sum()), scatter(X, weights)


def orthogonal(G: np.ndarray, A: np.ndarray) -> np.ndarray:
    """The part of G that is orthogonal to A, of length 1."""
    rest = G - (G * A).sum() / (A * A).sum() * A
    return rest / np.linalg.norm(rest)


def into_both(M: np.ndarray, A: np.ndarray, budget: float) -> tuple[np.ndarray, bool]:
    """M after projections onto ⟨A, M⟩ ≤ budget and the cone in turn; whether it got there."""
    a, size, m = A.ravel(), float((A * A).sum()), M.ravel()
    for _ in range(5000):
        values, vectors = np.linalg.eigh((m - max(0, a @ m - budget) / size * a).reshape(A.shape))
        m = ((vectors * values.clip(0)) @ vectors.T).ravel()
        if a @ m <= budget * (1 + 1e-3):
            return m.reshape(A.shape), True
    return m.reshape(A.shape), False


# A further learner joins by one line. Its name, up to a comma, is that of its column above.
LEARNERS: dict[str, Callable[[], Any]] = {
    "Euclidean": FunctionTransformer,
    "LDA": LinearDiscriminantAnalysis,
    "LMNN": lmnn,
    "LMNN, pyDML's steps": PydmlSteps,
    "ITML": itml,
    "ITML, pyDML's steps": PydmlProjections,
    "MMC": mmc,
    "MMC, pyDML's steps": PydmlAscent,
}
# Those whose result depends on a draw, by its seed.
DRAWN: dict[str, Callable[[int], Any]] = {
    "ITML": itml,
    "ITML, pyDML's steps": PydmlProjections,
    "MMC": mmc,
}


class Measured(NamedTuple):
    """Ten accuracies, the seconds of ten fits, and how many of them did not converge."""

    accuracies: np.ndarray
    seconds: float
    at_limit: int

    @property
    def mean(self) -> float:
        return float(self.accuracies.mean())


def published() -> dict[str, dict[str, float]]:
    """The published accuracy of each learner on each set: ``published()["LDA"]["iris"]``."""
    head, *lines = (line.split() for line in PUBLISHED_TABLE.strip().splitlines())
    return {
        learner: {line[0]: float(line[column]) for line in lines}
        for column, learner in enumerate(head[1:], start=1)
    }


def measure(make: Callable[[], Any], folds: Iterable[Fold]) -> Measured:
    """A fresh learner on each fold."""
    results = [one_fold(make(), fold) for fold in folds]
    accuracies, seconds, at_limit = zip(*results, strict=True)
    return Measured(np.array(accuracies), sum(seconds), sum(at_limit))


def one_fold(learner: Any, fold: Fold) -> tuple[float, float, bool]:
    """Accuracy on the test part, seconds of the fit, and whether it gave up at its limit."""
    scaler = MinMaxScaler().fit(fold.train.X)
    X, X_test = scaler.transform(fold.train.X), scaler.transform(fold.test.X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = perf_counter()
        learner.fit(X, fold.train.y)
        seconds = perf_counter() - start
    neighbours = KNeighborsClassifier(3).fit(learner.transform(X), fold.train.y)
    accuracy = neighbours.score(learner.transform(X_test), fold.test.y)
    return accuracy, seconds, any(w.category is ConvergenceWarning for w in caught)


def half_width(values: np.ndarray) -> float:
    """Half the 95 % interval of a mean by Student's t."""
    return float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)


def row(learner: str, name: str, found: Measured, expected: float) -> str:
    return (
        f"| {learner} | {name} | {found.mean:.4f} | {half_width(found.accuracies):.4f} "
        f"| {expected:.4f} | {difference(found.mean, expected)} | {found.seconds:.2f} "
        f"| {found.at_limit or ''} |"
    )


def summary(learner: str, means: list[tuple[float, float]]) -> str:
    ours, theirs = np.mean(means, axis=0)
    return (
        f"| {learner} | mean of {len(means)} | {ours:.4f} | | {theirs:.4f} "
        f"| {difference(ours, theirs)} | | |"
    )


def difference(found: float, expected: float) -> str:
    return "exact" if abs(found - expected) < CLOSE else f"{found - expected:+.4f}"


def table(learners: list[str], folds: dict[str, list[Fold]], wrong: list[str]) -> Iterator[str]:
    """The lines of the table as they are measured; those that had to agree go to ``wrong``."""
    yield from (HEAD, RULE)
    for learner in learners:
        means = []
        for name, parts in folds.items():
            found = measure(LEARNERS[learner], parts)
            expected = published()[learner.partition(",")[0]][name]
            means.append((found.mean, expected))
            if learner in EXACT and not abs(found.mean - expected) < CLOSE:
                wrong.append(f"{learner} on {name}: {found.mean!r}, published {expected!r}")
            yield row(learner, name, found, expected)
        yield summary(learner, means)


def spread(learners: list[str], folds: dict[str, list[Fold]], draws: int) -> Iterator[str]:
    """The lines of the table that shows what the draw of pairs does."""
    yield from ("", f"| learner | set | least of {draws} | mean | most | published |")
    yield "|---|---|---:|---:|---:|---:|"
    for learner in (learner for learner in learners if learner in DRAWN):
        for name, parts in folds.items():
            means = [measure(partial(DRAWN[learner], seed), parts).mean for seed in range(draws)]
            told = " | ".join(f"{f(means):.4f}" for f in (min, np.mean, max))
            expected = published()[learner.partition(",")[0]][name]
            yield f"| {learner} | {name} | {told} | {expected:.4f} |"


def machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "torch"))
    system = f"{platform.system()} {platform.machine()}"
    return f"{date.today()}, {system}, one thread, Python {platform.python_version()}, {versions}."


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learners on KEEL's ten folds.")
    parser.add_argument("--sets", nargs="+", choices=keel_names(), default=keel_names())
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--draws", type=int, default=0, help="seeds for a second table (0: none)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="Markdown, as it is printed")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    try:
        folds = {name: keel_folds(name) for name in options.sets}
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    lines, wrong = [machine(), ""], []
    print(*lines, sep="\n")
    torch.set_num_threads(1)
    with threadpool_limits(1):
        more = spread(options.learners, folds, options.draws) if options.draws > 0 else ()
        for line in chain(table(options.learners, folds, wrong), more):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        options.write.write_text("\n".join([*lines, ""]), encoding="utf-8")
    for case in wrong:
        print(f"Not as published: {case}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
