"""One fit, measured: ``python fit.py LEARNER WHO DATA.npz RESULT.npz``.

LEARNER is lmnn, itml or mmc: the module ``LEARNER_peers`` beside this file knows how each library
is started on the problem in DATA and how its result is read. It runs in the environment of the
library that it measures, so it needs that library and NumPy only. RESULT gets M, the seconds of the
fit on the clock and of the processor (all threads), the largest memory during the fit beyond what
was there before, in MB, and what the library says about its end. Imports are not counted: the line
"ready" is printed between them and the fit.
"""

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


PACKAGES = {
    "ours": "dmlcourse",
    "metric-learn": "metric-learn",
    "pylmnn": "pylmnn",
    "pydml": "pyDML",
    "pytorch-metric-learning": "pytorch-metric-learning",
}


def memory(line: str) -> float:
    """A line of this process's status in MB: VmRSS is in use now, VmHWM the most so far."""
    (found,) = (each for each in STATUS.read_text().splitlines() if each.startswith(line))
    return int(found.split()[1]) / 1024


def memory_before() -> float:
    """MB in use now; the mark of the most so far starts again from here, where the system can."""
    try:
        CLEAR.write_text("5")
        return memory("VmRSS")
    except OSError:
        return memory_most()


def memory_most() -> float:
    """The most MB in use so far."""
    if STATUS.exists():
        return memory("VmHWM")
    import resource  # there is none on Windows

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def versions(package: str) -> str:
    """The library and what it computes with, as installed here."""
    named = [
        package,
        "numpy",
        "scipy",
        "scikit-learn",
        *(["torch"] if package == "dmlcourse" else []),
    ]
    python = ".".join(map(str, sys.version_info[:3]))
    return ", ".join([*(f"{name} {version(name)}" for name in named), f"Python {python}"])


def measured(fit: Callable[[], object]) -> dict[str, float]:
    """Fits, and what it cost."""
    before = memory_before()
    cpu, start = process_time(), perf_counter()
    fit()
    wall, cpu = perf_counter() - start, process_time() - cpu
    return {"wall": wall, "cpu": cpu, "memory": memory_most() - before}


def main(learner: str, who: str, data: str, result: str) -> None:
    warnings.simplefilter("ignore")
    start = import_module(f"{learner}_peers").LIBRARIES[who]()
    with np.load(data) as given:
        fit, read = start(dict(given))
    print("ready", flush=True)
    costs = measured(fit)
    np.savez(
        result, versions=versions(PACKAGES[who.partition(",")[0]]), **costs, **read()._asdict()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
