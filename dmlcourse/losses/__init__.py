"""Deep losses: each in its tuple form, the paper's equation, and as a Module over a whole batch.

Read ``contrastive.py`` (pairs, chapter 10), ``triplet.py`` and ``margin.py`` (chapter 11), then
``batch.py``, which sums over all pairs or triplets of a batch without listing them.

What is what: ``same`` is True for one class, never a number. ``ContrastiveLoss`` and ``MarginLoss``
use distances, ``TripletLoss`` squared distances unless told otherwise. Nothing is scaled to length
1 unless ``normalize=True``. Means run over all pairs or triplets (``average="all"``) or over those
whose loss is positive ("active").
"""

from .batch import Sums
from .contrastive import ContrastiveLoss, contrastive_loss
from .margin import MarginLoss, margin_loss
from .triplet import TripletLoss, triplet_loss

__all__ = [
    "ContrastiveLoss",
    "MarginLoss",
    "Sums",
    "TripletLoss",
    "contrastive_loss",
    "margin_loss",
    "triplet_loss",
]
