"""What a list of ranks or of distances is worth: arithmetic on plain arrays.

Read ``ranking.py`` (measures of one query from the ranks of its matches), ``verification.py`` (same
or different: both error rates, where they are equal, the best threshold) and ``correlation.py`` (do
two lists of numbers have the same order). No embeddings here: ``dmlcourse.evaluation`` makes ranks
and distances from those. NumPy arrays and lists give NumPy arrays, a tensor gives a tensor on its
device; single numbers are Python's. All is computed in float64, on the CPU.
"""

from .correlation import spearman
from .ranking import (
    RankMeasures,
    average_precisions,
    first_ranks,
    maps_at_r,
    r_precisions,
    rank_measures,
)
from .verification import (
    EqualErrorRate,
    ErrorRates,
    best_threshold,
    equal_error_rate,
    error_rates,
    verification_accuracy,
)

__all__ = [
    "EqualErrorRate",
    "ErrorRates",
    "RankMeasures",
    "average_precisions",
    "best_threshold",
    "equal_error_rate",
    "error_rates",
    "first_ranks",
    "maps_at_r",
    "r_precisions",
    "rank_measures",
    "spearman",
    "verification_accuracy",
]
