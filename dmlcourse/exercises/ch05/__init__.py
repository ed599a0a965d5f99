"""Chapter 05, large margin nearest neighbours: one module an exercise."""

from .gradient import LMNN_GRADIENT
from .impostors import IMPOSTORS_FAST
from .loss import LMNN_LOSS
from .step import LMNN_STEP
from .targets import TARGET_NEIGHBOURS

EXERCISES = (TARGET_NEIGHBOURS, LMNN_LOSS, LMNN_GRADIENT, LMNN_STEP, IMPOSTORS_FAST)
