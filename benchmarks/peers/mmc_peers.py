"""MMC in each library: how it is started on pairs, and how its result is read.

An entry of LIBRARIES imports its library and answers with a function of the problem: X, and the
pairs as index (m, 2) with same (m,). That one gives two more: the fit, which is measured, and the
reading, which is not.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from fitted import Fitted
from fitted import ours as read_ours

Given = dict[str, Any]
Started = tuple[Callable[[], object], Callable[[], Fitted]]


def ours(**settings: Any) -> Callable[[Given], Started]:
    from dmlcourse.learners import MMC

    def start(given: Given) -> Started:
        model = MMC(device="cpu", **settings)
        fit = partial(model.fit_pairs, given["X"][given["index"]], given["same"])
        return fit, lambda: read_ours(model, model.objective_ * (1 + model.gap_))

    return start


def metric_learn(**settings: Any) -> Callable[[Given], Started]:
    from metric_learn import MMC

    def start(given: Given) -> Started:
        model = MMC(**settings)
        signs = np.where(given["same"], 1, -1)

        def read() -> Fitted:
            # The diagonal case does not say how it ended.
            steps = f"{model.n_iter_ + 1} steps" if hasattr(model, "n_iter_") else ""
            end = {True: "; converged", False: "; their limit"}
            told = steps + end.get(getattr(model, "converged_", None), "")
            return Fitted(model.get_mahalanobis_matrix(), told)

        return partial(model.fit, given["X"][given["index"]], signs), read

    return start


def pydml(**settings: Any) -> Callable[[Given], Started]:
    from dml import LSI

    def start(given: Given) -> Started:
        model = LSI(supervised=False, **settings)
        sides = []
        for kind in (True, False):
            side = np.zeros((len(given["X"]),) * 2, dtype=bool)
            i, j = given["index"][given["same"] == kind].T
            side[i, j] = side[j, i] = True
            sides.append(side)

        def read() -> Fitted:
            steps = model.metadata()["num_its"]
            end = "its limit" if steps >= model.max_it_ else "stopped by itself"
            return Fitted(model.metric(), f"{steps} steps; {end}")

        return partial(model.fit, given["X"], sides), read

    return start


LIBRARIES: dict[str, Callable[[], Callable[[Given], Started]]] = {
    "ours": ours,
    "ours, projections": lambda: ours(solver="projections"),
    "metric-learn": metric_learn,
    "metric-learn, 1,000 steps": lambda: metric_learn(max_iter=1000),
    "pydml": pydml,
    "ours, diagonal": lambda: ours(diagonal=True),
    "metric-learn, diagonal": lambda: metric_learn(diagonal=True),
    "metric-learn, diagonal, to 1e-6": lambda: metric_learn(diagonal=True, tol=1e-6),
}
