"""Chapter 06, information-theoretic metric learning: one module an exercise."""

from .bounds import DISTANCE_BOUNDS
from .dual import DUAL_VALUE
from .gaussians import KL_BETWEEN_METRICS
from .sweep import ITML_SWEEP
from .update import BREGMAN_UPDATE

EXERCISES = (KL_BETWEEN_METRICS, DISTANCE_BOUNDS, BREGMAN_UPDATE, ITML_SWEEP, DUAL_VALUE)
