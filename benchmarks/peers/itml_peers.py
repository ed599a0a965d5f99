"""ITML in each library: how it is started on pairs and bounds, and how its result is read.

An entry of LIBRARIES imports its library and answers with a function of the problem: X, the pairs
as index (m, 2) with same (m,), the squared bounds (u, ℓ) and γ. That one gives two more: the fit,
which is measured, and the reading, which is not.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from fitted import Fitted
from fitted import ours as read_ours

Given = dict[str, Any]
Started = tuple[Callable[[], object], Callable[[], Fitted]]
DRAWN = 500  # pairs of each kind that are drawn from labels


def ours(**settings: Any) -> Callable[[Given], Started]:
    from dmlcourse.learners import ITML

    def start(given: Given) -> Started:
        gamma, bounds = float(given["gamma"]), tuple(given["bounds"].tolist())
        model = ITML(gamma=gamma, bounds=bounds, device="cpu", **settings)
        fit = partial(model.fit_pairs, given["X"][given["index"]], given["same"])
        return fit, lambda: read_ours(model, model.objective_ * (1 - model.gap_))

    return start


def metric_learn(**settings: Any) -> Callable[[Given], Started]:
    from metric_learn import ITML

    def start(given: Given) -> Started:
        model = ITML(gamma=float(given["gamma"]), **settings)
        signs = np.where(given["same"], 1, -1)
        bounds = given["bounds"].copy()  # squared: its constraints are on squared distances
        fit = partial(model.fit, given["X"][given["index"]], signs, bounds=bounds)

        def read() -> Fitted:
            # n_iter_ is the number of the last sweep, from 0, converged or not.
            end = "their limit" if model.n_iter_ >= model.max_iter - 1 else "converged"
            return Fitted(model.get_mahalanobis_matrix(), f"{model.n_iter_ + 1} sweeps; {end}")

        return fit, read

    return start


def labelled(make: Callable[[], Any], read: Callable[[Any], Fitted]) -> Callable[[Given], Started]:
    """A learner that draws its own pairs and bounds from labels."""

    def start(given: Given) -> Started:
        model = make()
        return partial(model.fit, given["X"], given["y"]), lambda: read(model)

    return start


def ours_labelled(**settings: Any) -> Callable[[Given], Started]:
    from dmlcourse.learners import ITML

    settings = {"n_pairs": DRAWN, "random_state": 0, "device": "cpu", **settings}
    return labelled(lambda: ITML(**settings), lambda m: read_ours(m, m.objective_ * (1 - m.gap_)))


def metric_learn_labelled() -> Callable[[Given], Started]:
    from metric_learn import ITML_Supervised

    return labelled(
        lambda: ITML_Supervised(n_constraints=DRAWN, random_state=0),
        lambda m: Fitted(m.get_mahalanobis_matrix(), f"{m.n_iter_ + 1} sweeps"),
    )


def pydml(**settings: Any) -> Callable[[Given], Started]:
    from dml import ITML

    def start(given: Given) -> Started:
        u, l = given["bounds"].tolist()
        index, same = given["index"], given["same"]
        # It draws its pairs itself, without a seed. Here the draw answers with ours.
        drawn = np.column_stack([index, np.where(same, 1, -1), np.where(same, u, l)])
        ITML._get_constraints_y = staticmethod(lambda *_: drawn.astype(float))
        model = ITML(
            lower_bound=u,
            upper_bound=l,
            num_constraints=len(index),
            gamma=float(given["gamma"]),
            **settings,
        )
        labels = np.arange(len(given["X"])) % 2  # what it draws from, so not looked at
        fit = partial(model.fit, given["X"], labels)
        sweeps = -(-model.max_its_ // len(index))
        remark = f"{sweeps} sweeps; its limit, whatever its tolerance; the same pairs"
        return fit, lambda: Fitted(model.metric(), remark)

    return start


LIBRARIES: dict[str, Callable[[], Callable[[Given], Started]]] = {
    "ours": ours,
    "ours, 10 sweeps": lambda: ours(solver="cyclic", max_iter=10),
    "ours, 100 sweeps": lambda: ours(solver="cyclic", max_iter=100),
    "ours, 1,000 sweeps": lambda: ours(solver="cyclic", max_iter=1000),
    "ours, sweeps to 1e-3": lambda: ours(solver="cyclic", tol=1e-3),
    "ours, from labels": ours_labelled,
    "ours, sweeps to 1e-3, from labels": lambda: ours_labelled(solver="cyclic", tol=1e-3),
    "metric-learn, from labels": metric_learn_labelled,
    "metric-learn": metric_learn,
    "metric-learn, 100 sweeps": lambda: metric_learn(max_iter=100),
    "pydml": pydml,
}
