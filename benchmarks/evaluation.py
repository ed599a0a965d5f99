"""Measures of retrieval beside pytorch-metric-learning: time, memory, and the same values.

Run ``python benchmarks/evaluation.py`` (about two minutes). 10,000 embeddings with 128 dimensions,
float32, each sought among the others: all four measures that both have, and precision@1 alone. The
peer has its best setting, k = the size of the largest class, or 1; its default, all neighbours of
each query, takes many times as long and gigabytes. Each measurement is a process of its own,
imports and a small first call not counted; the repetitions alternate. "wall s" and "CPU s" are
the best of the repetitions, "ratio" is their time over ours, "MB" the memory that was added.

"agree to" is the largest difference of a measure. mAP is left out there: the peer cuts the list
after k items, we do not. Their product is in float32, ours in float64, and we sort whole rows; so
we are slower where k is small.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from beside import COURSE, OURS, PEERS, THREADS, markdown, missing, positive, processor, python_of

PEER = "pytorch-metric-learning"
TASKS = ("all measures", "precision@1")
SHARED = ("precision_at_1", "r_precision", "map_at_r")
COSTS = ("wall", "cpu", "memory")
HEAD = ["task", "classes", "ours wall s", "theirs", "ratio", "ours CPU s", "theirs", "ratio"]
HEAD += ["ours MB", "theirs MB", "agree to"]

Found = dict[str, Any]


def measured(who: str, task: str, classes: int, options: argparse.Namespace) -> Found:
    """What one process found."""
    threads = {f"{each}_NUM_THREADS": str(options.threads) for each in THREADS}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        command = [python_of(who), PEERS / "evaluation_step.py", who, task, options.points, classes]
        subprocess.run(
            [*map(str, command), str(result)],
            env={**os.environ, **threads, "PYTHONPATH": str(COURSE), "CUDA_VISIBLE_DEVICES": ""},
            check=True,
        )
        with np.load(result) as saved:
            return dict(saved)


def both(task: str, classes: int, options: argparse.Namespace) -> tuple[list[Found], list[Found]]:
    """All repetitions of ours and of theirs, in turn."""
    ours, theirs = [], []
    for _ in range(options.repeats):
        ours.append(measured(OURS, task, classes, options))
        theirs.append(measured(PEER, task, classes, options))
    return ours, theirs


def row(task: str, classes: int, ours: list[Found], theirs: list[Found]) -> list[str]:
    """One line of the table."""
    best = [
        {cost: min(float(run[cost]) for run in runs) for cost in COSTS} for runs in (ours, theirs)
    ]
    cells = [task, str(classes)]
    for cost in ("wall", "cpu"):
        mine, other = (each[cost] for each in best)
        cells += [f"{mine:.2f}", f"{other:.2f}", f"{other / mine:.2f}"]
    names = [name for name in SHARED if name in ours[0]]
    gap = max(abs(float(ours[0][name]) - float(theirs[0][name])) for name in names)
    return [*cells, *(f"{each['memory']:.0f}" for each in best), f"{gap:.0e}"]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classes", nargs="+", type=positive, default=(10, 500), metavar="C")
    parser.add_argument("--points", type=positive, default=10_000)
    parser.add_argument("--threads", type=positive, default=1, help="threads for everyone (1)")
    parser.add_argument("--repeats", type=positive, default=3, help="processes of each (3)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    absent = missing([PEER])
    if absent:
        sys.exit(f"{PEER} is {absent[PEER]}")
    table, used = [], set()
    for classes in options.classes:
        for task in TASKS:
            ours, theirs = both(task, classes, options)
            table.append(row(task, classes, ours, theirs))
            used |= {str(run["versions"]) for run in (*ours, *theirs)}
            print(*table[-1], sep=" | ", file=sys.stderr)
    notes = "\n".join(f"- {each}" for each in sorted(used))
    where = f"{processor()}; {options.threads} thread(s) each, {options.points} embeddings."
    text = f"# Measures of retrieval\n\n{where}\n\n{markdown([HEAD, *table])}\n\n{notes}\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
