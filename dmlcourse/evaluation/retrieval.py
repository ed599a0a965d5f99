"""Retrieval: for each query the gallery is sorted by distance. Do items of its class come first?

For a query with R items of its class in the gallery, at the ranks r₁ < … < r_R:

    recall@K        is one of the first K of its class: r₁ ≤ K
    precision@1     is the first of its class; the same as recall@1
    R-precision     the share of its class among the first R
    MAP@R           1/R Σ j / rⱼ over the matches among the first R
    mAP             1/R Σ j / rⱼ over all matches
    CMC             recall@1, recall@2, recall@3, …

and the mean of each over the queries. What is decided here, because published code differs:

- **A query is never its own answer.** Without a gallery each query is left out by its index, so
  a second sample at the same place counts.
- **Ties are counted against the embedding** (``ranks.py``): an item of another class at the same
  distance comes first. Code on top of faiss takes equal distances in the order of the file, and
  drops the first neighbour as "the query itself", whichever of the duplicates that is.
- **A query without a match** can not be answered. It is left out of the means, and counted.
- **Uncertainty is that of classes**: samples of a class are alike, so intervals draw classes anew.

Sources: Oh Song, Xiang, Jegelka and Savarese (2016), Deep metric learning via lifted structured
feature embedding, CVPR, for recall@K; Musgrave, Belongie and Lim (2020), A metric learning reality
check, ECCV, for MAP@R. Chapter 16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import index as whole_number
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..geometry.arrays import take
from ..scores import rank_measures
from ..tuples import class_codes
from .ranks import Candidates, match_ranks

METRICS = ("euclidean", "cosine")
MEASURES = ("r_precision", "map_at_r", "mean_average_precision")

# Resamples are drawn a few at a time, so that many classes fit into memory.
DRAWS = 2**22


class Interval(NamedTuple):
    """From low to high."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class RetrievalReport:
    """Means over the queries, and what they are made of.

    recall: {K: recall@K}. precision_at_1, r_precision, map_at_r, mean_average_precision: as at the
    head of this file. queries: how many the means are over. without_match: how many more were given
    that have no item of their class in the gallery. per_query: by name ("first_rank",
    "r_precision", "map_at_r", "mean_average_precision"), one value for each query given, (n,)
    float64, NaN for those without a match. classes: (n,) the class of each query, as a number.
    """

    recall: dict[int, float]
    precision_at_1: float
    r_precision: float
    map_at_r: float
    mean_average_precision: float
    queries: int
    without_match: int
    per_query: dict[str, np.ndarray]
    classes: np.ndarray

    def values(self, name: str) -> np.ndarray:
        """The measure for each query (n,), NaN without a match.

        name: "precision_at_1", "r_precision", "map_at_r", "mean_average_precision", or "recall@K"
        with any K.
        """
        if name in MEASURES:
            return self.per_query[name]
        word, _, number = ("recall@1" if name == "precision_at_1" else name).partition("@")
        if word != "recall" or not number.isdecimal():
            known = ", ".join(["recall@K", "precision_at_1", *MEASURES])
            raise ValueError(f"name is {name!r}: expected one of {known}.")
        return _found_within(self.per_query["first_rank"], _depth("K", int(number)))

    def interval(
        self,
        name: str,
        confidence: float = 0.95,
        resamples: int = 2000,
        random_state: Any = 0,
    ) -> Interval:
        """A confidence interval of a mean: the bootstrap over classes.

        Classes are drawn anew, with replacement and with all their queries, ``resamples`` times;
        the interval holds the middle ``confidence`` of the means. It answers: what if other classes
        had been collected? It does not cover another training run. With fewer than about 20 classes
        it is too narrow. name: as for ``values``. random_state: a seed, a NumPy generator or None.
        Raises ``ValueError`` where there is one class only. Source: Efron and Tibshirani (1993), An
        introduction to the bootstrap, chapters 8 and 13.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence is {confidence}: expected between 0 and 1, as 0.95.")
        totals, sizes = self._by_class(name)
        if len(sizes) < 2:
            raise ValueError("The queries are of one class: another draw of classes is the same.")
        rng = np.random.default_rng(random_state)
        means = _resampled_means(totals, sizes, _depth("resamples", resamples), rng)
        low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(low), float(high))

    def _by_class(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The sum of a measure over the queries of each class, and how many queries that are."""
        values = self.values(name)
        counted = ~np.isnan(values)
        _, code = np.unique(self.classes[counted], return_inverse=True)
        return np.bincount(code, weights=values[counted]), np.bincount(code)

    def __str__(self) -> str:
        lines = {f"recall@{k}": value for k, value in self.recall.items()}
        lines["precision@1"], lines["R-precision"] = self.precision_at_1, self.r_precision
        lines["MAP@R"], lines["mAP"] = self.map_at_r, self.mean_average_precision
        classes = len(np.unique(self.classes[~np.isnan(self.per_query["first_rank"])]))
        rest = f"; {self.without_match} more without a match" if self.without_match else ""
        head = f"{self.queries} queries of {classes} {'class' if classes == 1 else 'classes'}{rest}"
        return "\n".join([head, *(f"{name:<12}{value:.4f}" for name, value in lines.items())])


def retrieval_report(
    query: Any,
    query_labels: Any,
    gallery: Any = None,
    gallery_labels: Any = None,
    *,
    ks: int | Iterable[int] = (1, 2, 4, 8),
    metric: str = "euclidean",
    own: Any = None,
    max_bytes: int | None = None,
) -> RetrievalReport:
    """All measures of retrieval at the head of this file, in one pass over the distances.

    query: (n, d) and query_labels: (n,). gallery: (m, d) and gallery_labels: (m,), or None: then
    every query is sought among the others. NumPy arrays, or tensors on one device; labels of any
    kind that can be compared (numbers, strings, tensors). Half precision is computed in float32.

    own: (n,) whole numbers, where a gallery is given that holds some of the queries: the place of
    each query in it, −1 for those that are not there. ks: the K of recall@K, one or several.
    metric: "euclidean",
    or "cosine" for 1 − cos, which orders as the Euclidean distance of rows scaled to length 1; a
    row of zeros stays zero, equally far from all others. Working memory is max_bytes (64 MiB on the
    CPU, 1 GiB on a GPU) beside float64 copies of the points, but one row of distances at least.

    Raises ``ValueError`` where the gallery seems to hold all queries (each has an item of its label
    at its very place, and most are alone there) and ``own`` does not say so, where no query has a
    match, for shapes, labels and numbers that do not fit, NaN and infinity;
    ``TypeError`` where kinds are mixed.
    """
    depths = [_depth("ks", k) for k in ((ks,) if isinstance(ks, int | np.integer) else ks)]
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}: expected {' or '.join(map(repr, METRICS))}.")
    candidates = _candidates(query, query_labels, gallery, gallery_labels, own)
    with torch.no_grad():
        per_query = _measured(candidates, metric == "cosine", max_bytes)
    return _report(per_query, candidates.query_codes.cpu().numpy(), depths)


def recall_at_k(
    query: Any,
    query_labels: Any,
    gallery: Any = None,
    gallery_labels: Any = None,
    *,
    k: int = 1,
    **settings: Any,
) -> float:
    """Recall@k: the share of queries with one of their class among the k nearest.

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    _expect_no_ks(settings, "recall_at_k has one depth: write k=4, or ask retrieval_report for ks.")
    report = retrieval_report(query, query_labels, gallery, gallery_labels, ks=(k,), **settings)
    return report.recall[k]


def precision_at_1(
    query: Any, query_labels: Any, gallery: Any = None, gallery_labels: Any = None, **settings: Any
) -> float:
    """Precision@1: the share of queries whose nearest item is of their class.

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    report = retrieval_report(query, query_labels, gallery, gallery_labels, **settings)
    return report.precision_at_1


def r_precision(
    query: Any, query_labels: Any, gallery: Any = None, gallery_labels: Any = None, **settings: Any
) -> float:
    """R-precision: the share of a query's class among its R nearest, R the size of that class.

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    report = retrieval_report(query, query_labels, gallery, gallery_labels, **settings)
    return report.r_precision


def map_at_r(
    query: Any, query_labels: Any, gallery: Any = None, gallery_labels: Any = None, **settings: Any
) -> float:
    """MAP@R: as R-precision, and matches that come early count more.

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    report = retrieval_report(query, query_labels, gallery, gallery_labels, **settings)
    return report.map_at_r


def mean_average_precision(
    query: Any, query_labels: Any, gallery: Any = None, gallery_labels: Any = None, **settings: Any
) -> float:
    """mAP: the mean over queries of the mean precision at each match.

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    report = retrieval_report(query, query_labels, gallery, gallery_labels, **settings)
    return report.mean_average_precision


def cmc(
    query: Any,
    query_labels: Any,
    gallery: Any = None,
    gallery_labels: Any = None,
    *,
    ranks: int = 20,
    **settings: Any,
) -> np.ndarray:
    """The cumulative match characteristic: recall@1, …, recall@ranks, as an array (ranks,).

    Arguments and errors as for ``retrieval_report``; ``settings`` are its metric, own, max_bytes.
    """
    _expect_no_ks(settings, "cmc has all depths up to one: write ranks=20.")
    ks = range(1, _depth("ranks", ranks) + 1)
    report = retrieval_report(query, query_labels, gallery, gallery_labels, ks=ks, **settings)
    return np.array(list(report.recall.values()))


# ---------------------------------------------------------------- from ranks to a report


def _measured(candidates: Candidates, cosine: bool, max_bytes: int | None) -> dict[str, np.ndarray]:
    """Every measure for every query, (n,) each."""
    parts = [rank_measures(*found) for found in match_ranks(candidates, cosine, max_bytes)]
    columns = map(np.concatenate, zip(*parts, strict=True))
    return dict(zip(("first_rank", *MEASURES), columns, strict=True))


def _report(
    per_query: dict[str, np.ndarray], classes: np.ndarray, depths: list[int]
) -> RetrievalReport:
    first = per_query["first_rank"]
    lost = int(np.isnan(first).sum())
    if lost == len(first):
        raise ValueError(
            f"None of the {lost} queries has an item of its class in the gallery: there is nothing "
            f"to find. Are both labelled in the same way?"
        )
    return RetrievalReport(
        recall={k: _mean(_found_within(first, k)) for k in depths},
        precision_at_1=_mean(_found_within(first, 1)),
        **{name: _mean(per_query[name]) for name in MEASURES},
        queries=len(first) - lost,
        without_match=lost,
        per_query=per_query,
        classes=classes,
    )


def _mean(values: np.ndarray) -> float:
    """The mean over the queries that have a match."""
    return float(values[~np.isnan(values)].mean())


def _found_within(first: np.ndarray, k: int) -> np.ndarray:
    return np.where(np.isnan(first), np.nan, first <= k)


def _resampled_means(
    totals: np.ndarray, sizes: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Means over as many classes as there are, drawn with replacement, (resamples,)."""
    count, means = len(totals), []
    for start in range(0, resamples, step := max(1, DRAWS // count)):
        drawn = rng.integers(count, size=(min(step, resamples - start), count))
        means.append(totals[drawn].sum(1) / sizes[drawn].sum(1))
    return np.concatenate(means)


# ---------------------------------------------------------------- what may come in


def _candidates(
    query: Any, query_labels: Any, gallery: Any, gallery_labels: Any, own: Any
) -> Candidates:
    _expect_gallery(gallery, gallery_labels, own)
    (x, y), _ = take(query=query, gallery=gallery)
    if y is None:
        codes = _codes("query_labels", query_labels, x)
        return Candidates(_widened(x), None, codes, codes, torch.arange(len(x), device=x.device))
    if y.shape[1] != x.shape[1]:
        raise ValueError(
            f"query has shape {tuple(x.shape)} and gallery {tuple(y.shape)}: expected as many "
            f"columns in both."
        )
    x_codes, y_codes = _common_codes(query_labels, gallery_labels, x, y)
    x, y = _same_dtype(_widened(x), _widened(y))
    if own is None and _inside(x, x_codes, y, y_codes):
        raise ValueError(
            "gallery seems to hold the queries, and each would find itself. Leave gallery out to "
            "seek each among the others; or say where each stands: own=numpy.arange(len(query)) if "
            "they are its first rows, own=numpy.full(len(query), -1) if none of them is there."
        )
    return Candidates(x, y, x_codes, y_codes, _own(own, x_codes, y_codes))


def _inside(x: Tensor, x_codes: Tensor, y: Tensor, y_codes: Tensor) -> bool:
    """Whether each query has an item of its label at its very place, and most are alone there.

    Alone: one query and one item. Where an embedding puts many points at one place, the item that
    is found there need not be the query.
    """
    if not torch.isin(x[:, 0], y[:, 0]).all():
        return False
    places = torch.unique(torch.cat([x, y]), dim=0, return_inverse=True)[1]
    queries, items = places[: len(x)], places[len(x) :]
    codes = int(torch.cat([x_codes, y_codes]).max()) + 1
    if not torch.isin(queries * codes + x_codes, items * codes + y_codes).all():
        return False
    shared = max(len(queries), int(torch.isin(items, queries).sum()))
    return 2 * len(queries.unique()) > shared


def _expect_no_ks(settings: dict[str, Any], remedy: str) -> None:
    if "ks" in settings:
        raise TypeError(f"ks is {settings['ks']!r}: {remedy}")


def _expect_gallery(gallery: Any, gallery_labels: Any, own: Any) -> None:
    if isinstance(gallery, int | float | np.number):
        raise TypeError(
            f"gallery is the number {gallery}: the third argument is the gallery. "
            f"For recall@{gallery} write k={gallery}."
        )
    if (gallery is None) != (gallery_labels is None):
        given, absent = ("gallery", "gallery_labels")[:: -1 if gallery is None else 1]
        raise TypeError(f"{given} is given without {absent}: pass both, or neither.")
    if gallery is None and own is not None:
        raise TypeError("own is given without a gallery: there each query is left out anyway.")


def _codes(name: str, labels: Any, points: Tensor) -> Tensor:
    """The class of each point as a number, on the points' device."""
    try:
        codes = class_codes(labels)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    if len(codes) != len(points):
        raise ValueError(
            f"{name} has {len(codes)} labels for {len(points)} embeddings: expected one for each."
        )
    return torch.from_numpy(codes).to(points.device, torch.int32)


def _common_codes(
    query_labels: Any, gallery_labels: Any, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """The classes of both, with the same number for the same label."""
    _codes("query_labels", query_labels, x)
    _codes("gallery_labels", gallery_labels, y)
    labels = [*_listed(query_labels), *_listed(gallery_labels)]
    both = class_codes(np.fromiter(labels, dtype=object, count=len(labels)))
    codes = torch.from_numpy(both).to(x.device, torch.int32)
    return codes[: len(x)], codes[len(x) :]


def _listed(labels: Any) -> list[Any]:
    """Python's own values, which compare across kinds: 1 in a tensor with 1 in an array."""
    if hasattr(labels, "tolist"):
        return labels.tolist()
    return [label.item() if isinstance(label, Tensor) else label for label in labels]


def _own(own: Any, query_codes: Tensor, gallery_codes: Tensor) -> Tensor:
    """The place of each query in the gallery, checked: −1, or an item with the query's label."""
    if own is None:
        return torch.full_like(query_codes, -1, dtype=torch.int64)
    own = own if isinstance(own, Tensor) else torch.from_numpy(np.array(own))
    places = own.to(query_codes.device)
    if places.shape != query_codes.shape or places.is_floating_point():
        raise ValueError(
            f"own has shape {tuple(places.shape)} and dtype {places.dtype}: expected a whole "
            f"number for each query, ({len(query_codes)},)."
        )
    places = places.long()
    if not ((places >= -1) & (places < len(gallery_codes))).all():
        raise ValueError(
            f"own reaches from {places.min()} to {places.max()}: expected places in the gallery, "
            f"from 0 to {len(gallery_codes) - 1}, or -1 for a query that is not there."
        )
    wrong = ((places >= 0) & (gallery_codes[places] != query_codes)).nonzero()
    if len(wrong):
        i = int(wrong[0])
        raise ValueError(
            f"own[{i}] is {int(places[i])}, and that item of the gallery has another label than "
            f"query {i}: expected the place of the query itself."
        )
    return places


def _widened(x: Tensor) -> Tensor:
    """Half precision as float32, in which its numbers are exact."""
    x = x.detach()
    return x if x.dtype == torch.float64 else x.float()


def _same_dtype(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)


def _depth(name: str, value: Any) -> int:
    number = whole_number(value)
    if number < 1:
        raise ValueError(f"{name} is {number}: expected a whole number, 1 or more.")
    return number
