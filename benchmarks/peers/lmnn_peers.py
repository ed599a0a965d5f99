"""LMNN in each library: how it is started on points and labels, and how its result is read.

An entry of LIBRARIES imports its library and answers with a function of the problem (X, y and k).
That one gives two more: the fit, which is measured, and the reading, which is not.
"""

import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from fitted import Fitted
from fitted import ours as read_ours

Given = dict[str, Any]
Started = tuple[Callable[[], object], Callable[[], Fitted]]


def started(model: Any, read: Callable[[Any], Fitted], given: Given) -> Started:
    return partial(model.fit, given["X"], given["y"]), partial(read, model)


def ours(solver: str) -> Callable[[Given], Started]:
    from dmlcourse.learners import LMNN

    def read(model: Any) -> Fitted:
        return read_ours(model, model.objective_ * (1 - model.gap_))

    def start(given: Given) -> Started:
        k = int(given["k"])
        model = LMNN(n_neighbors=k, mu=0.5, solver=solver, device="cpu", random_state=0)
        return started(model, read, given)

    return start


def metric_learn(**settings: Any) -> Callable[[Given], Started]:
    from metric_learn import LMNN

    def read(model: Any) -> Fitted:
        # Its loop ends at max_iter - 1 whether it has converged there or not.
        limit = model.n_iter_ >= model.max_iter - 1
        remark = f"{model.n_iter_} steps; {'their limit' if limit else 'converged'}"
        return Fitted(model.get_mahalanobis_matrix(), remark)

    def start(given: Given) -> Started:
        k = int(given["k"])
        model = LMNN(n_neighbors=k, regularization=0.5, random_state=0, **settings)
        return started(model, read, given)

    return start


def pylmnn(**settings: Any) -> Callable[[Given], Started]:
    # GPyOpt is only for its search of hyperparameters, which is not used here; it no longer builds.
    search = types.ModuleType("GPyOpt.methods")
    search.BayesianOptimization = None  # type: ignore[attr-defined]
    sys.modules.update({"GPyOpt": types.ModuleType("GPyOpt"), "GPyOpt.methods": search})
    from pylmnn import LargeMarginNearestNeighbor

    def read(model: Any) -> Fitted:
        end = model.opt_result_
        remark = f"{end.nit} steps; {'converged' if end.success else 'their limit'}"
        return Fitted(model.components_.T @ model.components_, f"{remark}; squared hinge")

    def start(given: Given) -> Started:
        settings_ = {"store_opt_result": True, "random_state": 0, **settings}
        return started(LargeMarginNearestNeighbor(int(given["k"]), **settings_), read, given)

    return start


def pydml(**settings: Any) -> Callable[[Given], Started]:
    from dml import LMNN

    def read(model: Any) -> Fitted:
        steps = model.metadata()["num_iters"]
        end = "their limit" if steps >= model.max_it_ else "stopped by itself"
        return Fitted(model.metric(), f"{steps} steps; {end}")

    return lambda given: started(LMNN(k=int(given["k"]), mu=0.5, **settings), read, given)


LIBRARIES: dict[str, Callable[[], Callable[[Given], Started]]] = {
    "ours": lambda: ours("lbfgs"),
    "ours, certified": lambda: ours("convex"),
    "metric-learn": metric_learn,
    "metric-learn, 10,000 steps": lambda: metric_learn(max_iter=10_000),
    "pylmnn": pylmnn,
    "pylmnn, 1,000 steps": lambda: pylmnn(max_iter=1000),
    "pydml": pydml,
    "pydml, 1,000 steps": lambda: pydml(max_iter=1000),
}
