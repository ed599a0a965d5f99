"""Chapter 04, supervision and the first learned metric: one module an exercise."""

from .collapse import COLLAPSE
from .full_step import MMC_STEP
from .newton import NEWTON_STEP
from .objective import DIAGONAL_OBJECTIVE
from .pairs import PAIRS_FROM_LABELS

EXERCISES = (PAIRS_FROM_LABELS, DIAGONAL_OBJECTIVE, NEWTON_STEP, MMC_STEP, COLLAPSE)
