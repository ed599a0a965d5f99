"""Batches of an epoch: a few classes with several samples each, listed pairs, or all at random.

A pair or triplet loss finds its tuples inside the batch. Of 1,000 classes a random batch of 100
hardly holds two of a kind, so classes are drawn first, then samples of each (the P × K batch of
Hermans, Beyer and Leibe 2017, arXiv 1703.07737). Chapters 10 to 12.

The functions give what ``dmlcourse.training.train`` wants: a callable that gets the random numbers
of an epoch and yields its batches. No data is copied beyond the batch at hand; batches are of the
kind of ``X``, on its device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Sampler

from ..scores.plain import plain

Batches = Callable[[Generator], Iterator[tuple[Any, Any]]]


class BalancedBatchSampler(Sampler[list[int]]):
    """Batches of ``classes`` different classes with ``samples`` different samples of each.

    labels: (n,) of any dtype. Each batch draws its classes anew, all with the same chance whatever
    their size, and yields classes · samples indices, class by class. A class with fewer than
    ``samples`` samples is left out: to draw one twice would make pairs at distance 0. batches: how
    many an epoch has; by default as many as use up the samples of the classes that take part.

    Give it to ``DataLoader(dataset, batch_sampler=...)``. An epoch depends on random_state and its
    number alone: every pass moves on to the next one, and ``set_epoch`` chooses one. Raises
    ``ValueError`` where fewer than ``classes`` classes are large enough.
    """

    def __init__(
        self,
        labels: Any,
        classes: int,
        samples: int,
        batches: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.members = members_of_classes(labels, classes, samples)
        self.classes, self.samples = classes, samples
        self.batches = _number_of_batches(self.members, classes * samples, batches)
        self.random_state, self.epoch = random_state, 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.random_state, self.epoch])
        self.epoch += 1
        for _ in range(self.batches):
            yield balanced_indices(self.members, self.classes, self.samples, rng).tolist()

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of this epoch, a number from 0 on."""
        self.epoch = epoch


def balanced_batches(
    X: Any, y: Any, classes: int, samples: int, batches: int | None = None
) -> Batches:
    """A callable: random numbers → batches (inputs, labels) as ``BalancedBatchSampler`` draws them.

    X: (n, …) and y: (n,), tensors or NumPy arrays. Raises ``ValueError`` as the sampler does.
    """
    _expect_rows("y", X, y)
    members = members_of_classes(y, classes, samples)
    count = _number_of_batches(members, classes * samples, batches)

    def epoch(rng: Generator) -> Iterator[tuple[Any, Any]]:
        for _ in range(count):
            index = balanced_indices(members, classes, samples, rng)
            yield _rows(X, index), _rows(y, index)

    return epoch


def pair_batches(X: Any, pairs: Any, same: Any, size: int) -> Batches:
    """A callable: random numbers → batches ((x1, x2), same) of all pairs, in a new order.

    X: (n, …); pairs: (m, 2) rows of X; same: (m,) booleans, True for one class. The epoch is cut
    into batches of nearly the same length, at most ``size`` pairs.
    """
    _expect_rows("same", pairs, same)
    _parts_possible(len(pairs), size)
    if isinstance(pairs, Tensor):
        pairs = pairs.cpu().numpy()
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise ValueError(
            f"pairs has shape {pairs.shape} and dtype {pairs.dtype}: expected whole numbers (m, 2)."
        )
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < len(X):
        raise ValueError(
            f"pairs reaches from {pairs.min()} to {pairs.max()}: X has {len(X)} rows, numbered "
            f"from 0."
        )

    def epoch(rng: Generator) -> Iterator[tuple[Any, Any]]:
        for index in _parts(len(pairs), size, rng):
            first, second = pairs[index].T
            yield (_rows(X, first), _rows(X, second)), _rows(same, index)

    return epoch


def shuffled_batches(X: Any, y: Any, size: int) -> Batches:
    """A callable: random numbers → batches (inputs, labels) of all samples, in a new order.

    X: (n, …); y: (n,). The epoch is cut into batches of nearly the same length, at most ``size``
    samples: a last batch of one sample would be too small for BatchNorm.
    """
    _expect_rows("y", X, y)
    _parts_possible(len(X), size)

    def epoch(rng: Generator) -> Iterator[tuple[Any, Any]]:
        for index in _parts(len(X), size, rng):
            yield _rows(X, index), _rows(y, index)

    return epoch


def members_of_classes(labels: Any, classes: int, samples: int) -> list[np.ndarray]:
    """The indices of each class that has at least ``samples`` samples.

    Raises ``ValueError`` where fewer than ``classes`` of them are left.
    """
    _expect_count("classes", classes)
    _expect_count("samples", samples)
    labels = plain("labels", labels)
    if labels.ndim != 1:
        raise ValueError(f"labels has shape {labels.shape}: expected one label a sample, (n,).")
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    groups = np.split(np.argsort(codes, kind="stable"), sizes.cumsum()[:-1]) if len(labels) else []
    large = [group for group in groups if len(group) >= samples]
    if len(large) < classes:
        raise ValueError(
            f"{len(large)} of {len(groups)} classes have {samples} samples or more, and a batch "
            f"needs {classes} such classes. Ask for fewer classes, or for fewer samples of each."
        )
    return large


def balanced_indices(
    members: list[np.ndarray], classes: int, samples: int, rng: Generator
) -> np.ndarray:
    """One batch: different classes, and different members of each, (classes · samples,) int64."""
    chosen = rng.choice(len(members), classes, replace=False)
    return np.concatenate([rng.choice(members[c], samples, replace=False) for c in chosen])


def _number_of_batches(members: list[np.ndarray], length: int, batches: int | None) -> int:
    if batches is not None:
        _expect_count("batches", batches)
        return batches
    return max(1, sum(map(len, members)) // length)


def _parts(n: int, size: int, rng: Generator) -> list[np.ndarray]:
    """All of 0 … n − 1 in a random order, cut into parts of at most ``size``."""
    return np.array_split(rng.permutation(n), -(-n // size))


def _parts_possible(n: int, size: int) -> None:
    _expect_count("size", size)
    if not n:
        raise ValueError("There are no samples: expected at least one.")


def _rows(X: Any, index: np.ndarray) -> Any:
    if isinstance(X, Tensor):
        return X[torch.from_numpy(index).to(X.device)]
    return np.asarray(X)[index]


def _expect_rows(name: str, X: Any, y: Any) -> None:
    if len(X) != len(y):
        raise ValueError(
            f"{name} has {len(y)} entries for {len(X)} rows: expected one for each row."
        )


def _expect_count(name: str, count: Any) -> None:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} is {count!r}: expected a whole number, at least 1.")
