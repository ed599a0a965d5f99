"""Learners of a linear metric: scikit-learn estimators on tensors, one algorithm a file.

Read ``linear.py`` (what all of them share), then ``lmnn.py`` beside its paper. Its parts:
``lmnn_objective.py`` (the loss and its gradient, exact), ``impostors.py`` (the list of pairs that
matter), ``lmnn_solver.py`` (how it is minimised, in the ``coordinates.py`` of the pull term) and
``certificate.py`` (how near the optimum is). ``energy.py`` classifies by the LMNN objective in
place of a vote.
"""

from .energy import EnergyClassifier
from .linear import LinearMetric
from .lmnn import LMNN
from .lmnn_objective import (
    impostor_counts,
    lmnn_gradient,
    lmnn_loss,
    lmnn_step,
    target_neighbours,
)

__all__ = [
    "LMNN",
    "EnergyClassifier",
    "LinearMetric",
    "impostor_counts",
    "lmnn_gradient",
    "lmnn_loss",
    "lmnn_step",
    "target_neighbours",
]
