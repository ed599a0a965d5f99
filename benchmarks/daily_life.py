"""How long a learner waits: the command line, an import, a verdict, a chapter.

    python benchmarks/daily_life.py [RUNS]

Each figure is the median of RUNS fresh processes (default 5), start-up included, except where the
table says "within". Nothing is enforced: the table is for reading and for notes on a change.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]

IMPORT = "import sys, dmlcourse; print('torch' in sys.modules)"
# A wrong answer: to name its mistake, the check has to run the known wrong answers too.
VERDICT = """
import time
begin = time.perf_counter()
import numpy as np
from dmlcourse.checks import NotYet, check
def mahalanobis(X, Y, M):
    difference = X[:, None] - Y[None]
    return np.einsum("ijk,kl,ijl->ij", difference, M, difference, optimize=True)
for turn in range(2):
    try:
        check("02.1", mahalanobis)
    except NotYet as verdict:
        assert "squared" in str(verdict)
    end = time.perf_counter()
    print(end - begin)
    begin = end
"""
CHAPTER = """
import sys
import nbformat
from nbclient import NotebookClient
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, resources={"metadata": {"path": path.rpartition("/")[0]}}).execute()
"""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(machine(), end="\n\n")
    print(f"{'what a learner waits for':<42} {'median':>8} {'slowest':>8}")
    helps = [measure("-m", "dmlcourse.cli", "--help") for _ in range(runs)]
    row("dmlcourse --help", [seconds for seconds, _ in helps])
    imports = [measure("-c", IMPORT) for _ in range(runs)]
    row("import dmlcourse", [seconds for seconds, _ in imports])
    verdicts = [measure("-c", VERDICT)[1].split() for _ in range(runs)]
    row("within: first verdict with its imports", [float(first) for first, _ in verdicts])
    row("within: second verdict", [float(second) for _, second in verdicts])
    for chapter in sorted((COURSE / "chapters").glob("*.ipynb")):
        seconds = [measure("-c", CHAPTER, str(chapter))[0] for _ in range(min(runs, 3))]
        row(f"chapter {chapter.stem}", seconds)
    loaded = any(printed.strip() == "True" for _, printed in imports)
    print(f"\nimport dmlcourse imports torch: {'yes, a defect' if loaded else 'no'}")


def measure(*arguments: str) -> tuple[float, str]:
    """Seconds that one Python process takes, and what it prints."""
    begin = time.perf_counter()
    command = [sys.executable, *arguments]
    printed = subprocess.check_output(command, cwd=COURSE, stdin=subprocess.DEVNULL, text=True)
    return time.perf_counter() - begin, printed


def row(name: str, seconds: list[float]) -> None:
    print(f"{name:<42} {statistics.median(seconds):7.2f}s {max(seconds):7.2f}s", flush=True)


def machine() -> str:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, {device}, Python {python}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
