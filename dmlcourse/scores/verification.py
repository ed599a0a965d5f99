"""Same or different? Error rates of a threshold on distances, and the choice of one.

A pair is accepted as "the same" where its distance is at most the threshold, d ≤ t. Two things can
go wrong:

    false accepts   FAR(t) = share of the different pairs with d ≤ t      grows with t, 0 to 1
    false rejects   FRR(t) = share of the same pairs with d > t           falls with t, 1 to 0

Both are steps: they change only at a distance that occurs, and pairs at one distance change sides
together. So n different distances t₁ < … < tₙ give n + 1 operating points, one from −∞ to t₁, one
from each distance to the next, one from tₙ on. The curve of all of them is the ROC curve
(1 − FRR against FAR).

``distances`` (n,): real numbers, smaller for more alike; give similarities with a minus sign.
``same`` (n,): booleans, True for one class. Nothing depends on the order of the pairs, and only
``verification_accuracy`` and ``best_threshold`` on how many there are of each kind. A threshold
chosen on pairs is to be judged on others. Chapter 10.
"""

from typing import Any, NamedTuple

import numpy as np

from .plain import like, numbers, plain, vector


class ErrorRates(NamedTuple):
    """Thresholds, and for each the shares of false accepts and rejects: three of one shape."""

    thresholds: Any
    false_accepts: Any
    false_rejects: Any


class EqualErrorRate(NamedTuple):
    """The rate at which both errors are equal, and the threshold where one passes the other."""

    rate: float
    threshold: float


def error_rates(distances: Any, same: Any, thresholds: Any = None) -> ErrorRates:
    """FAR(t) and FRR(t) at thresholds of any shape; with None at every operating point, ascending.

    Operating points are given by their lowest threshold, so the first is −∞. float64, in the kind
    of ``distances``. Raises ``ValueError`` where pairs of one kind are missing.
    """
    d, mask = _both_kinds(distances, same)
    points = np.append(-np.inf, np.unique(d)) if thresholds is None else thresholds
    t = numbers("thresholds", points, infinite=True)
    accepted, rejected = _up_to(d[~mask], t), mask.sum() - _up_to(d[mask], t)
    rates = (t, accepted / (~mask).sum(), rejected / mask.sum())
    return ErrorRates(*(like(distances, np.asarray(rate)) for rate in rates))


def equal_error_rate(distances: Any, same: Any) -> EqualErrorRate:
    """The error rate (EER) where FAR = FRR.

    Where no operating point has equal rates, the rate is interpolated on the straight line between
    the two points around, and the threshold is the distance at which the one becomes the other:
    below it FAR < FRR, from it on FAR > FRR. Where one has, as at perfect separation, the threshold
    is the middle of the gap that belongs to it. The rate depends on the order of the distances
    alone. Raises ``ValueError`` where pairs of one kind are missing.
    """
    d, mask = _both_kinds(distances, same)
    thresholds, accepts, rejects = error_rates(d, mask)
    i = int((accepts >= rejects).argmax())  # the first point is (0, 1), the last is (1, 0)
    if accepts[i] == rejects[i]:
        return EqualErrorRate(float(accepts[i]), _middle(thresholds[i], thresholds[i + 1]))
    before, after = rejects[i - 1] - accepts[i - 1], accepts[i] - rejects[i]
    rate = (after * accepts[i - 1] + before * accepts[i]) / (before + after)
    return EqualErrorRate(float(rate), float(thresholds[i]))


def verification_accuracy(distances: Any, same: Any, threshold: float) -> float:
    """The share of pairs that the threshold puts on the right side: (d ≤ t) = same.

    It depends on how many pairs there are of each kind: with one same pair in a hundred, accepting
    none is right 99 times.
    """
    d, mask = _pairs(distances, same)
    t = numbers("threshold", threshold, infinite=True)
    if t.ndim:
        raise ValueError(f"threshold has shape {t.shape}: expected one number.")
    return float(((d <= t) == mask).mean())


def best_threshold(distances: Any, same: Any) -> float:
    """The threshold with the largest accuracy on these pairs, in the middle of a gap.

    Of several equally good ones, that in the widest gap, then the lowest. Where it is best to
    accept all pairs it is the largest distance, where to accept none a number just below the
    smallest. Raises ``ValueError`` where pairs of one kind are missing.
    """
    d, mask = _both_kinds(distances, same)
    ends = np.unique(d)
    right = _up_to(d[mask], ends) + (~mask).sum() - _up_to(d[~mask], ends)
    if (~mask).sum() > right.max():
        return float(np.nextafter(ends[0], -np.inf))
    gaps = np.append(np.diff(ends), 0)
    i = int(np.where(right == right.max(), gaps, -1).argmax())
    return _middle(ends[i], ends[min(i + 1, len(ends) - 1)])


def _middle(low: float, high: float) -> float:
    """Halfway, but below ``high``: between neighbouring numbers there is only the lower one."""
    middle = low / 2 + high / 2
    return float(middle if low <= middle < high else low)


def _up_to(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """How many of the values are at most each threshold."""
    return np.searchsorted(np.sort(values), thresholds, side="right")


def _both_kinds(distances: Any, same: Any) -> tuple[np.ndarray, np.ndarray]:
    d, mask = _pairs(distances, same)
    if mask.all() or not mask.any():
        kind = "same" if mask.all() else "different"
        raise ValueError(
            f"All {len(mask)} pairs are {kind}: an error rate of each kind needs pairs of both."
        )
    return d, mask


def _pairs(distances: Any, same: Any) -> tuple[np.ndarray, np.ndarray]:
    d, mask = vector("distances", distances), plain("same", same)
    if mask.dtype != np.bool_ or mask.shape != d.shape:
        raise ValueError(
            f"same has dtype {mask.dtype} and shape {mask.shape}: expected booleans {d.shape}, "
            f"True for a pair of one class. Published conventions for 0 and 1 contradict each "
            f"other, so numbers are not taken."
        )
    if not len(d):
        raise ValueError("distances is empty: expected at least one pair.")
    return d, mask
