"""What is read from a library after its fit, and how our learners are read."""

from math import nan
from typing import Any, NamedTuple

import numpy as np


class Fitted(NamedTuple):
    """M (d, d); what the library says of its end; (seconds, objective) where it keeps them.

    ``bound``: what it proves that no metric passes, where it proves anything.
    """

    M: Any
    remark: str
    history: Any = ()
    bound: float = nan


def ours(model: Any, bound: float) -> Fitted:
    history = [(step.seconds, step.objective) for step in model.history_]
    M = np.asarray(model.get_mahalanobis_matrix())
    return Fitted(M, f"{model.n_iter_} steps; gap {model.gap_:.1e}", history, bound)
