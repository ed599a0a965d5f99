"""Losses over a whole batch beside pytorch-metric-learning: time, memory, and the same value.

Run ``python benchmarks/losses.py`` (about five minutes). Forward and backward over random
embeddings with 128 dimensions, 8 of a class, float32, nothing normalised. Each measurement is a
process of its own, imports and a first small batch not counted. "ms" is the best of all repetitions
in two seconds, "MB" what they added to the process's memory (on a GPU: the most that was
allocated). "ratio" is their time over ours. "gradient differs by" compares the two gradients, the
largest difference over the largest entry, where both define the same loss.

Where they differ on purpose is said in docs/benchmarks.md.
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
from beside import (
    COURSE,
    OURS,
    PEERS,
    THREADS,
    markdown,
    missing,
    positive,
    processor,
    python_of,
    seconds_above_zero,
)

PEER = "pytorch-metric-learning"
LOSSES = (
    "triplet, d",
    "triplet, d²",
    "triplet, d², active",
    "triplet, softplus",
    "margin-based",
    "contrastive",
)
# Theirs uses hinges that are not squared, and averages similar and dissimilar pairs apart.
OTHER_DEFINITION = ("contrastive",)
SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
HEAD = ["loss", "B", "ours ms", "theirs ms", "ratio", "ours MB", "theirs MB", "gradient differs by"]


def measured(who: str, name: str, size: int, options: argparse.Namespace) -> dict[str, Any] | str:
    """What one process found; or why it found nothing."""
    if who in options.missing:
        return options.missing[who]
    threads = {f"{each}_NUM_THREADS": str(options.threads) for each in THREADS}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        command = [python_of(who), PEERS / "loss_step.py", who, name, size, options.device]
        try:
            done = subprocess.run(
                [*map(str, command), str(options.seconds), str(result)],
                env={**os.environ, **threads, "PYTHONPATH": str(COURSE)},
                capture_output=True,
                text=True,
                timeout=options.limit,
            )
        except subprocess.TimeoutExpired:
            return f"> {options.limit:.0f} s"
        if done.returncode:
            return failure(done)
        with np.load(result) as saved:
            return dict(saved)


def failure(done: subprocess.CompletedProcess) -> str:
    """The reason in a few words."""
    if done.returncode < 0 or "can't allocate memory" in done.stderr:
        return "out of memory"
    return (done.stderr.strip().splitlines() or ["no message"])[-1][:60]


def row(name: str, size: int, options: argparse.Namespace) -> tuple[list[str], set[str]]:
    """One line of the table, and the versions behind it."""
    ours = measured(OURS, name, size, options)
    theirs = measured(PEER, name, size, options) if size <= options.peer_until else "not run"
    ratio = differs = ""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        ratio = f"{min(theirs['seconds']) / min(ours['seconds']):.1f}"
        differs = "other loss" if name in OTHER_DEFINITION else difference(ours, theirs)
    found = [each for each in (ours, theirs) if isinstance(each, dict)]
    cells = [name, str(size), time(ours), time(theirs), ratio, memory(ours), memory(theirs)]
    return [*cells, differs], {str(each["versions"]) for each in found}


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    gap = np.abs(ours["gradient"] - theirs["gradient"]).max()
    return f"{gap / np.abs(theirs['gradient']).max():.0e}"


def time(found: dict[str, Any] | str) -> str:
    return found if isinstance(found, str) else f"{1000 * min(found['seconds']):.1f}"


def memory(found: dict[str, Any] | str) -> str:
    return "" if isinstance(found, str) else f"{float(found['memory']):.0f}"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=LOSSES, metavar="LOSS")
    parser.add_argument("--sizes", nargs="+", type=positive, default=SIZES, metavar="B")
    parser.add_argument("--peer-until", type=positive, default=1024, help="largest B for them")
    parser.add_argument("--threads", type=positive, default=2, help="threads for everyone (2)")
    parser.add_argument("--device", default="cpu", help='"cpu" or "cuda" for everyone')
    parser.add_argument("--seconds", type=seconds_above_zero, default=2.0, help="repetitions (2)")
    parser.add_argument("--limit", type=seconds_above_zero, default=120.0, help="a process (120)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    options.missing = missing([PEER])
    table, used = [], set()
    for name in options.losses:
        for size in options.sizes:
            cells, versions = row(name, size, options)
            table.append(cells)
            used |= versions
            print(*cells, sep=" | ", file=sys.stderr)
    notes = "\n".join(f"- {each}" for each in sorted(used))
    where = f"{processor()}; {options.device}, {options.threads} thread(s) each."
    text = f"# Losses over a batch\n\n{where}\n\n{markdown([HEAD, *table])}\n\n{notes}\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
