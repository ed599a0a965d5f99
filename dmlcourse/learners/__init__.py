"""Learners of a linear metric: scikit-learn estimators on tensors, one algorithm a file.

Read ``linear.py`` (what all of them share), then ``lmnn.py`` beside its paper; ``impostors.py`` is
its list of active pairs and ``lmnn_solver.py`` how it is minimised and certified. ``energy.py``
classifies by the LMNN objective in place of a vote.
"""

from .energy import EnergyClassifier
from .linear import LinearMetric
from .lmnn import LMNN, impostor_counts, lmnn_gradient, lmnn_loss, lmnn_step, target_neighbours

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
