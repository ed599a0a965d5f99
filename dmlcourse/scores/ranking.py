"""Measures of a ranked list, from nothing but the ranks of the items that match.

A query has R matches in a gallery. Sorted by distance to the query, the gallery's items have ranks
1, 2, 3, …, and the matches among them the ranks r₁ < r₂ < … < r_R. That is enough:

    first rank          r₁                                  recall@K asks: is r₁ ≤ K?
    R-precision         #{j : rⱼ ≤ R} / R                   how many of the first R match
    MAP@R               1/R Σ_{j : rⱼ ≤ R} j / rⱼ           the same, and early ones count more
    average precision   1/R Σ_j j / rⱼ                      precision where each match stands

Every function takes the ranks of all queries in one row, and how many each query has: ``ranks``
(t,) and ``sizes`` (n,) whole numbers, Σ sizes = t, ascending within each query. It gives float64
(n,), NaN for a query without a match. Raises ``TypeError`` or ``ValueError`` for anything else.

Sources: Musgrave, Belongie and Lim (2020), A metric learning reality check, ECCV, for MAP@R;
Manning, Raghavan and Schütze (2008), Introduction to information retrieval, section 8.4, for
the others. Chapter 16.
"""

from typing import Any, NamedTuple

import numpy as np

from .plain import counts, like


class _Matches(NamedTuple):
    """The matches of all queries: rank and place (1, 2, …, R) of each, and how many a query has."""

    ranks: np.ndarray
    sizes: np.ndarray
    places: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean over each query's matches of a value for each match, (n,)."""
        means = np.full(len(self.sizes), np.nan)
        found = self.sizes > 0
        if found.any():
            starts = (self.sizes.cumsum() - self.sizes)[found]
            means[found] = np.add.reduceat(values, starts) / self.sizes[found]
        return means

    @property
    def first(self) -> np.ndarray:
        """The rank of each query's first match, (n,)."""
        first = np.full(len(self.sizes), np.nan)
        first[self.sizes > 0] = self.ranks[self.places == 1]
        return first

    @property
    def early(self) -> np.ndarray:
        """Whether a match is among the first R, (t,)."""
        return self.ranks <= np.repeat(self.sizes, self.sizes)


class RankMeasures(NamedTuple):
    """All four measures, (n,) each: see the head of this file."""

    first_ranks: Any
    r_precisions: Any
    maps_at_r: Any
    average_precisions: Any


def rank_measures(ranks: Any, sizes: Any) -> RankMeasures:
    """All four measures for each query, in one pass."""
    matches = _matches(ranks, sizes)
    precisions, early = matches.places / matches.ranks, matches.early
    measures = (
        matches.first,
        matches.mean(early.astype(np.float64)),
        matches.mean(early * precisions),
        matches.mean(precisions),
    )
    return RankMeasures(*(like(ranks, measure) for measure in measures))


def first_ranks(ranks: Any, sizes: Any) -> Any:
    """The rank of each query's first match, r₁."""
    return rank_measures(ranks, sizes).first_ranks


def r_precisions(ranks: Any, sizes: Any) -> Any:
    """The share of matches among the first R items of each query, R the number of its matches."""
    return rank_measures(ranks, sizes).r_precisions


def maps_at_r(ranks: Any, sizes: Any) -> Any:
    """1/R Σ j / rⱼ over the matches among the first R items, for each query."""
    return rank_measures(ranks, sizes).maps_at_r


def average_precisions(ranks: Any, sizes: Any) -> Any:
    """1/R Σ j / rⱼ over all matches: the mean of the precision at each of them, for each query."""
    return rank_measures(ranks, sizes).average_precisions


def _matches(ranks: Any, sizes: Any) -> _Matches:
    ranks, sizes = counts("ranks", ranks), counts("sizes", sizes)
    if (sizes < 0).any() or sizes.sum() != len(ranks):
        raise ValueError(
            f"sizes adds up to {sizes.sum()} and ranks has {len(ranks)} entries: expected the "
            f"number of matches of each query, 0 or more, and a rank for each match."
        )
    places = np.arange(1, len(ranks) + 1) - np.repeat(sizes.cumsum() - sizes, sizes)
    if (ranks < places).any() or (np.diff(ranks)[places[1:] > 1] <= 0).any():
        raise ValueError(
            "ranks is not ascending from 1 on: expected whole numbers, 1 or more, in ascending "
            "order within each query, each rank once."
        )
    return _Matches(ranks, sizes, places)
