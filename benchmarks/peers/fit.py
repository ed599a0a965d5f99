"""One fit of LMNN, measured: ``python fit.py WHO DATA.npz RESULT.npz``.

It runs in the environment of the library that it measures, so it needs that library and NumPy only.
DATA holds X, y and k. RESULT gets M, the seconds of ``fit`` on the clock and of the processor (all
threads), the largest memory during ``fit`` beyond what was there before, in MB, and what the
library says about its end. Imports are not counted: the line "ready" is printed between them and
the fit.
"""

import sys
import types
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Fitted(NamedTuple):
    """M (d, d); what the library says of its end; (seconds, objective) where it keeps them."""

    M: Any
    remark: str
    history: Any = ()
    bound: float = 0.0


def ours(solver: str) -> Any:
    from dmlcourse.learners import LMNN

    def read(model: Any) -> Fitted:
        history = [(step.seconds, step.objective) for step in model.history_]
        remark = f"{model.n_iter_} steps; gap {model.gap_:.1e}"
        bound = model.objective_ * (1 - model.gap_)
        return Fitted(model.get_mahalanobis_matrix(), remark, history, bound)

    def make(k: int) -> Any:
        return LMNN(n_neighbors=k, mu=0.5, solver=solver, device="cpu", random_state=0)

    return make, read


def metric_learn(**settings: Any) -> Any:
    from metric_learn import LMNN

    def read(model: Any) -> Fitted:
        # Its loop ends at max_iter - 1 whether it has converged there or not.
        limit = model.n_iter_ >= model.max_iter - 1
        remark = f"{model.n_iter_} steps; {'their limit' if limit else 'converged'}"
        return Fitted(model.get_mahalanobis_matrix(), remark)

    return lambda k: LMNN(n_neighbors=k, regularization=0.5, random_state=0, **settings), read


def pylmnn(**settings: Any) -> Any:
    # GPyOpt is only for its search of hyperparameters, which is not used here; it no longer builds.
    search = types.ModuleType("GPyOpt.methods")
    search.BayesianOptimization = None  # type: ignore[attr-defined]
    sys.modules.update({"GPyOpt": types.ModuleType("GPyOpt"), "GPyOpt.methods": search})
    from pylmnn import LargeMarginNearestNeighbor

    def make(k: int) -> Any:
        return LargeMarginNearestNeighbor(k, store_opt_result=True, random_state=0, **settings)

    def read(model: Any) -> Fitted:
        end = model.opt_result_
        remark = f"{end.nit} steps; {'converged' if end.success else 'their limit'}"
        return Fitted(model.components_.T @ model.components_, f"{remark}; squared hinge")

    return make, read


def pydml(**settings: Any) -> Any:
    from dml import LMNN

    def read(model: Any) -> Fitted:
        steps = model.metadata()["num_iters"]
        end = "their limit" if steps >= model.max_it_ else "stopped by itself"
        return Fitted(model.metric(), f"{steps} steps; {end}")

    return lambda k: LMNN(k=k, mu=0.5, **settings), read


LIBRARIES: dict[str, Callable[[], Any]] = {
    "ours": lambda: ours("lbfgs"),
    "ours, certified": lambda: ours("convex"),
    "metric-learn": metric_learn,
    "metric-learn, 10,000 steps": lambda: metric_learn(max_iter=10_000),
    "pylmnn": pylmnn,
    "pylmnn, 1,000 steps": lambda: pylmnn(max_iter=1000),
    "pydml": pydml,
    "pydml, 1,000 steps": lambda: pydml(max_iter=1000),
}
PACKAGES = {
    "ours": "dmlcourse",
    "metric-learn": "metric-learn",
    "pylmnn": "pylmnn",
    "pydml": "pyDML",
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


def measured(model: Any, X: Any, y: Any) -> dict[str, Any]:
    """Fits, and what it cost."""
    before = memory_before()
    cpu, start = process_time(), perf_counter()
    model.fit(X, y)
    wall, cpu = perf_counter() - start, process_time() - cpu
    return {"wall": wall, "cpu": cpu, "memory": memory_most() - before}


def main(who: str, data: str, result: str) -> None:
    warnings.simplefilter("ignore")
    make, read = LIBRARIES[who]()
    given = np.load(data)
    model = make(int(given["k"]))
    print("ready", flush=True)
    costs = measured(model, given["X"], given["y"])
    fitted = read(model)._asdict()
    np.savez(result, versions=versions(PACKAGES[who.partition(",")[0]]), **costs, **fitted)


if __name__ == "__main__":
    main(*sys.argv[1:])
