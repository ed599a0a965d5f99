"""Learners of a linear metric: scikit-learn estimators on tensors, one algorithm a file.

Read ``linear.py`` (what all of them share), then a learner beside its paper. Every learner is told
in the same parts: the estimator, whose docstring is the problem (``mmc.py``, ``lmnn.py``,
``itml.py``), its sums and steps as functions that a reader can try (``…_objective.py``), and how it
is solved (``…_solver.py``). Every result comes with a proof of how near the optimum it is, its
``gap_``.

- All: ``linear.py`` (the estimator's base), ``history.py`` (what a fit leaves, when it stops).
- MMC and ITML learn from pairs: ``pairs.py``. ``itml_input.py`` makes ready what ITML is given,
  ``kernel_itml.py`` is ITML for a kernel.
- LMNN learns from triplets: ``impostors.py`` (the pairs that matter), ``coordinates.py`` (of
  unit pull), ``certificate.py`` (its proof), ``energy.py`` (classification by its objective).
"""

from .energy import EnergyClassifier
from .itml import ITML
from .itml_objective import itml_bounds, itml_dual, itml_primal, itml_sweep, itml_update
from .kernel_itml import KernelITML
from .linear import LinearMetric
from .lmnn import LMNN
from .lmnn_objective import (
    impostor_counts,
    lmnn_gradient,
    lmnn_loss,
    lmnn_step,
    target_neighbours,
)
from .mmc import MMC
from .mmc_objective import mmc_diagonal_objective, mmc_newton_step, mmc_step

__all__ = [
    "ITML",
    "LMNN",
    "MMC",
    "EnergyClassifier",
    "KernelITML",
    "LinearMetric",
    "impostor_counts",
    "itml_bounds",
    "itml_dual",
    "itml_primal",
    "itml_sweep",
    "itml_update",
    "lmnn_gradient",
    "lmnn_loss",
    "lmnn_step",
    "mmc_diagonal_objective",
    "mmc_newton_step",
    "mmc_step",
    "target_neighbours",
]
