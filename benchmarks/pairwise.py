"""Pairwise distances and neighbours beside scikit-learn, SciPy and torch: time and error near zero.

Run ``python benchmarks/pairwise.py`` (about two minutes). Everyone gets one thread and is measured
in processor seconds, best of two, in this one run; a ratio above 1 means that the peer takes longer
than we do. The error is the worst relative error of a distance between near-duplicates far from the
origin, against extended precision.
"""

from collections.abc import Callable
from functools import partial
from time import process_time

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics import euclidean_distances, pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from dmlcourse.geometry import nearest, pairwise_distances

ROW = "{:<26}{:<9}{:>4}  {:<34}{:>9}{:>7}{:>10}"


def seconds(task: Callable[[], object], repeats: int = 2) -> float:
    """Best processor time of a few calls, after one that is not counted."""
    task()
    times = []
    for _ in range(repeats):
        start = process_time()
        task()
        times.append(process_time() - start)
    return min(times)


def torch_cdist(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return torch.cdist(torch.from_numpy(X), torch.from_numpy(Y)).numpy()


def sklearn_neighbours(X: np.ndarray, Y: np.ndarray, k: int) -> np.ndarray:
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(Y).kneighbors(X)[0]


def our_neighbours(X: np.ndarray, Y: np.ndarray, k: int) -> np.ndarray:
    return nearest(X, Y, k=k)[0]


def near_duplicates(d: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Points around 1,000 in every coordinate, each with a twin one part in 10⁵ of that away."""
    generator = np.random.default_rng(0)
    X = (1e3 + generator.normal(size=(500, d))).astype(dtype)
    return X, (X + 1e-2 * generator.normal(size=X.shape)).astype(dtype)


def worst_error(distances: np.ndarray, X: np.ndarray, Y: np.ndarray) -> float:
    """Worst relative error of the distances between twins."""
    gap = X.astype(np.longdouble) - Y.astype(np.longdouble)
    exact = np.sqrt((gap**2).sum(1))
    return float((np.abs(distances - exact) / exact).max())


def random_points(n: int, d: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return tuple(generator.normal(size=(n, d)).astype(dtype) for _ in range(2))


def all_pairs(n: int, d: int, dtype: type) -> None:
    """One block of the table: the full matrix of distances."""
    peers = {
        "ours": pairwise_distances,
        "sklearn euclidean_distances": euclidean_distances,
        "scipy cdist": cdist,
        "torch.cdist": torch_cdist,
    }
    twins = near_duplicates(d, dtype)
    errors = {name: worst_error(np.diag(peer(*twins)), *twins) for name, peer in peers.items()}
    compare(f"all pairs {n} x {n}", peers, errors, random_points(n, d, dtype))


def neighbours(n: int, d: int, dtype: type, k: int) -> None:
    """One block of the table: the k nearest neighbours."""
    peers = {
        "ours": partial(our_neighbours, k=k),
        "sklearn NearestNeighbors(brute)": partial(sklearn_neighbours, k=k),
    }
    twins = near_duplicates(d, dtype)
    errors = {name: worst_error(peer(*twins)[:, 0], *twins) for name, peer in peers.items()}
    if k == 1:
        peers["sklearn pairwise_distances_argmin"] = pairwise_distances_argmin
    compare(f"{k} nearest, {n} x {n}", peers, errors, random_points(n, d, dtype))


def compare(task: str, peers: dict, errors: dict, points: tuple[np.ndarray, np.ndarray]) -> None:
    times = {name: seconds(partial(peer, *points)) for name, peer in peers.items()}
    dtype, d = points[0].dtype.name, points[0].shape[1]
    for name, time in times.items():
        error = f"{errors[name]:.1e}" if name in errors else "-"
        ratio = f"{time / times['ours']:.2f}"
        print(ROW.format(task, dtype, d, name, f"{1e3 * time:.0f} ms", ratio, error))


def main() -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)
    print(ROW.format("task", "dtype", "d", "who", "time", "ratio", "error"))
    for dtype in (np.float32, np.float64):
        for d in (8, 64, 512):
            all_pairs(3000, d, dtype)
        for d, k in ((32, 1), (32, 10), (256, 1)):
            neighbours(10_000, d, dtype, k)


if __name__ == "__main__":
    main()
