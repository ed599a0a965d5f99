"""The promise on working memory, measured: by how much one call raises the peak of a process."""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="peak memory is read through the resource module")

BOUND = 16 * 2**20

SCRIPT = """
import resource, sys
import numpy as np
from dmlcourse.geometry import nearest, pairwise_distances

generator = np.random.default_rng(0)
X = generator.normal(size=(1200, 32)).astype(np.float32)
Y = generator.normal(size=(50_000, 32)).astype(np.float32)
pile = np.full((1200, 8), 0.1) + 1e-9 * generator.normal(size=(1200, 8))
pile[0] = 1e3
tasks = {
    "neighbours": lambda bound: nearest(X, Y, k=5, max_bytes=bound),
    "a pile of near-duplicates, neighbours": lambda bound: nearest(pile, k=5, max_bytes=bound),
    "a pile of near-duplicates, distances": lambda bound: pairwise_distances(pile, max_bytes=bound),
}
task, bound = tasks[sys.argv[1]], int(sys.argv[2])
nearest(X[:50], k=5), pairwise_distances(X[:50])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
task(bound)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown if sys.platform == "darwin" else 1024 * grown)
"""

POINTS = 8 * 51_200 * 32
RESULT = 8 * 1200 * 1200


@pytest.mark.parametrize(
    ("task", "beside"),
    [
        ("neighbours", 4 * POINTS),
        ("a pile of near-duplicates, neighbours", 0),
        ("a pile of near-duplicates, distances", RESULT),
    ],
)
def test_working_memory_stays_below_its_bound(task, beside):
    """``beside``: float64 copies of the points (and what makes them), or the result itself.

    All pairs of the first task would take 480 MB in float64.
    """
    command = [sys.executable, "-c", SCRIPT, task, str(BOUND)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(output) < BOUND + beside
