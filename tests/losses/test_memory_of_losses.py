"""A loss over a large batch keeps to a bound: the matrix of its distances would not fit into it."""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="no measure of memory on this system")

SCRIPT = """
import resource, sys, torch
from dmlcourse.losses import batch, {name} as Loss

blocks = batch.row_blocks
batch.row_blocks = lambda x, _: blocks(x, 2**22)

def peak():
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

def step(n):
    z = torch.randn(n, 4, requires_grad=True)
    Loss()(z, torch.arange(n) {classes}).backward()

step(64)
before = peak()
step(2500)
print(peak() - before)
"""
MATRIX = 2500**2 * 4 / 2**20  # MB, in float32; in float64, as distances are formed, twice that
CASES = [("TripletLoss", "// 4"), ("TripletLoss", "> 3"), ("ContrastiveLoss", "// 4")]


@pytest.mark.parametrize(("name", "classes"), CASES, ids=["small classes", "a large one", "pairs"])
def test_peak(name, classes):
    script = SCRIPT.format(name=name, classes=classes)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 0.8 * MATRIX
