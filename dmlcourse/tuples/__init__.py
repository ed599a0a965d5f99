"""Who is compared with whom: tuples from labels, and sums of hinges over all of them.

Read ``constraints.py`` (pairs, triplets and quadruplets from labels) and ``hinges.py`` (the sum
over all triplets, exact, without listing one).
"""

from .constraints import (
    TupleCounts,
    class_codes,
    count_tuples,
    neighbour_triplets,
    pairs_from_labels,
    quadruplets_from_labels,
    triplets_from_labels,
)
from .hinges import HingeSums, hinge_sums, positive_columns

__all__ = [
    "HingeSums",
    "TupleCounts",
    "class_codes",
    "count_tuples",
    "hinge_sums",
    "neighbour_triplets",
    "pairs_from_labels",
    "positive_columns",
    "quadruplets_from_labels",
    "triplets_from_labels",
]
