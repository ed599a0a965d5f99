"""How good is an embedding? Measured from embeddings and labels of classes never trained on.

Read ``retrieval.py`` (is the nearest item of the same class: recall@K, R-precision, MAP@R, mAP,
with intervals), ``ranks.py`` (the one pass over all distances behind it) and ``collapse.py`` (are
the points still apart). For pairs, same or different, distances are all that counts: the equal
error rate and its kin come from ``dmlcourse.scores``.

Nothing is scaled to length 1 unless ``metric="cosine"`` says so. Results are Python numbers and
NumPy arrays, whatever the embeddings were.
"""

from ..scores import (
    EqualErrorRate,
    ErrorRates,
    best_threshold,
    equal_error_rate,
    error_rates,
    spearman,
    verification_accuracy,
)
from .collapse import (
    CollapseReport,
    MeanDistances,
    alignment,
    collapse_report,
    effective_rank,
    mean_distances,
    uniformity,
)
from .retrieval import (
    Interval,
    RetrievalReport,
    cmc,
    map_at_r,
    mean_average_precision,
    precision_at_1,
    r_precision,
    recall_at_k,
    retrieval_report,
)

__all__ = [
    "CollapseReport",
    "EqualErrorRate",
    "ErrorRates",
    "Interval",
    "MeanDistances",
    "RetrievalReport",
    "alignment",
    "best_threshold",
    "cmc",
    "collapse_report",
    "effective_rank",
    "equal_error_rate",
    "error_rates",
    "map_at_r",
    "mean_average_precision",
    "mean_distances",
    "precision_at_1",
    "r_precision",
    "recall_at_k",
    "retrieval_report",
    "spearman",
    "uniformity",
    "verification_accuracy",
]
