"""Chapter 11, triplet networks: one module an exercise."""

from .batch_all import BATCH_ALL
from .one_anchor import ANCHOR_SUM
from .runs import NAME_THE_RUN
from .sorted_sums import BATCH_ALL_SORTED
from .triplet import TRIPLET_LOSS

EXERCISES = (TRIPLET_LOSS, BATCH_ALL, ANCHOR_SUM, BATCH_ALL_SORTED, NAME_THE_RUN)
