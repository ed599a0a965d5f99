"""The promise on working memory, measured: by how much a call raises the peak of its process."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="peak memory is read through the resource module")

BOUND = 16 * 2**20
RESULT = 8 * 700 * 700
POINTS = 8 * 50_500 * 32

SCRIPT = """
import resource, sys
import numpy as np
from dmlcourse.geometry import nearest, pairwise_distances

def peak():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

bound = int(sys.argv[1])
generator = np.random.default_rng(0)
pile = np.full((700, 8), 0.1) + 1e-9 * generator.normal(size=(700, 8))
pile[0] = 1e3
X = generator.normal(size=(500, 32)).astype(np.float32)
Y = generator.normal(size=(50_000, 32)).astype(np.float32)
nearest(X[:50], k=5), pairwise_distances(X[:50])
start = peak()
nearest(pile, k=5, max_bytes=bound)
print(peak() - start)
pairwise_distances(pile, max_bytes=bound)
print(peak() - start)
nearest(X, Y, k=5, max_bytes=bound)
print(peak() - start)
"""


def test_working_memory_stays_below_its_bound():
    """Near-duplicates, where every entry is looked at twice; then 200 MB of pairs in tiles.

    Beside the bound there are the result, or float64 copies of the points and what makes them.
    """
    command = [sys.executable, "-c", SCRIPT, str(BOUND)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.check_output(command, text=True, env=environment)
    near_neighbours, near_distances, neighbours = (int(line) for line in output.split())
    assert near_neighbours < BOUND
    assert near_distances < BOUND + RESULT
    assert neighbours < BOUND + 4 * POINTS
