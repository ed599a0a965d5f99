"""Which samples meet in a batch.

Read ``batches.py``: batches of some classes with several samples each, of pairs, and at random.
"""

from .batches import BalancedBatchSampler, balanced_batches, pair_batches, shuffled_batches

__all__ = ["BalancedBatchSampler", "balanced_batches", "pair_batches", "shuffled_batches"]
