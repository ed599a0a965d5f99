"""04.1, as many similar pairs as dissimilar ones, drawn from labels."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays
from ..making import Rng, cases_of, ways
from ..spec import Complaint, Exercise, Mistake, Variant
from .shared import Answer

KINDS = ("similar", "dissimilar")
# Large, so that no label is an index, too; and short ones for the few points that are printed.
LABELS = 300 + 7 * np.arange(100)
SHORT = np.arange(20, 100, 5)
# So many of the points that are used most are looked at, and what share of the pairs they touch.
HUBS, SHARE = 4, 0.55
# Seeds that people write down where they do not use the one they get.
HABITS = (0, 1, 42, 123)

FINE = "right"
# What can be wrong with a table of pairs, and what is said of it.
FAULTS = {
    "no table": "is no table of two columns",
    "transposed": "has two rows: a row is to be one pair",
    "no index": "holds numbers that are not indices",
    "outside": "holds an index outside of y",
    "itself": "pairs a point with itself",
    "other kind": "holds pairs of the other kind only",
    "some of the other kind": "holds some pairs of the other kind",
    "order": "holds pairs with i > j",
    "twice": "holds a pair twice",
    "hardly any": "has far too few pairs",
    "none": "has no pairs",
    "one short": "has too few pairs",
    "half": "has too few pairs",
    "few": "has too few pairs",
    "every": "has too many pairs",
    "one more": "has too many pairs",
    "many": "has too many pairs",
    "front": "takes its pairs from a few points",
    "small classes": "takes its pairs from the small classes far more often than chance would",
    "habit": "is the table of another seed than the one that was given",
}


def _all_pairs(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs i < j of each kind, in ascending order."""
    i, j = np.triu_indices(len(y), 1)
    pairs, same = np.stack([i, j], axis=1), y[i] == y[j]
    return pairs[same], pairs[~same]


def _drawing(variant: Variant) -> Answer:
    def pairs_from_labels(y, n, seed):
        rng = np.random.default_rng(seed)
        similar, dissimilar = _all_pairs(y)
        return rng.permutation(similar)[:n], rng.permutation(dissimilar)[: variant["ratio"] * n]

    return pairs_from_labels


# ---------------------------------------------------------------- cases


def _labelled(rng: Rng, *sizes: int, labels: np.ndarray = LABELS) -> np.ndarray:
    """Labels of classes of these sizes, in random order."""
    names = rng.choice(labels, len(sizes), replace=False)
    return rng.permutation(np.repeat(names, sizes))


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    ratio = variant["ratio"]
    case = cases_of("y", "n", "seed")

    def seed() -> int:
        return int(rng.integers(1000, 10**6))

    def asked(name: str, y: np.ndarray, n: int, group: str = "values", **tests: Any) -> Case:
        return case(name, y, n, seed(), group=group, given={"ratio": ratio, **tests})

    # Classes in which n and ratio·n are all pairs there are: then only one set of pairs is right.
    # So many pairs that a wrong draw shows its fault, whatever its luck.
    whole, all_of_them = {1: ((6, 3), 18), 2: ((5, 2, 2), 12)}[ratio]
    # Four points are read at a glance, and too few to name a mistake: there luck hides most.
    least, all_of_least = {1: ((3, 1), 3), 2: ((2, 2), 2)}[ratio]
    lopsided = _labelled(rng, 40, *[2] * 60)
    few = {"group": "few"}
    return [
        asked("four points, all pairs", _labelled(rng, *least, labels=SHORT), all_of_least, **few),
        asked("nine points, all pairs", _labelled(rng, *whole, labels=SHORT), all_of_them),
        asked("25 classes of six", _labelled(rng, *[6] * 25), 360, crowded=True),
        asked("two classes of 40", _labelled(rng, 40, 40), 60, "draw", spread=True),
        asked("one class of 40 and 60 of two", lopsided, 150, "draw", lopsided=True),
        asked("three points, five pairs asked", _labelled(rng, 2, 1), 5, **few),
        asked("no two of a class", _labelled(rng, 1, 1, 1), 2, **few),
        asked("one class", _labelled(rng, 4), 3, **few),
        asked("fewer similar pairs than asked", _labelled(rng, 2, 2, 3, 8), 60, **few),
    ]


def _there(case: Case, kind: str) -> int:
    """How many pairs of a kind there are."""
    n, sizes = len(case.inputs["y"]), np.unique(case.inputs["y"], return_counts=True)[1]
    similar = int(np.sum(sizes * (sizes - 1) // 2))
    return similar if kind == "similar" else n * (n - 1) // 2 - similar


def _count(case: Case, kind: str) -> int:
    """How many pairs of a kind are right."""
    there = _there(case, kind)
    factor = case.given["ratio"] if kind == "dissimilar" else 1
    return min(there, factor * case.inputs["n"])


def _faults(case: Case, kind: str, found: np.ndarray) -> list[str]:
    """The words for what is wrong with one table."""
    y = case.inputs["y"]
    found = found.reshape(0, 2) if not found.size else found
    if found.ndim != 2 or found.shape[1] != 2:
        return ["transposed" if found.ndim == 2 and found.shape[0] == 2 else "no table"]
    if found.dtype.kind not in "iuf" or np.any(found != np.floor(found)):
        return ["no index"]
    if len(found) and (found.min() < 0 or found.max() >= len(y)):
        return ["outside"]
    i, j = found.astype(int).T
    turned, proper = np.any(i > j), i != j
    codes = np.minimum(i, j) * len(y) + np.maximum(i, j)
    strange = ((y[i] == y[j]) != (kind == "similar"))[proper]
    words = {
        "itself": not proper.all(),
        "other kind": strange.any() and strange.all(),
        "some of the other kind": strange.any() and not strange.all(),
        "order": turned,
        # With both orders allowed, whether a pair comes twice is a matter of luck.
        "twice": not turned and len(set(codes[proper])) < proper.sum(),
        _how_many(case, kind, len(found)): len(found) != _count(case, kind),
    }
    wrong = [word for word, holds in words.items() if holds]
    return wrong or _unlikely(case, kind, i, j)


def _how_many(case: Case, kind: str, found: int) -> str:
    """The word for a wrong number of pairs.

    Of 25 classes of six one pair in 30 is similar: a draw from all pairs at once finds less than
    a quarter of the similar ones, and one that shares n out among the kinds a third or a half.
    """
    count = _count(case, kind)
    if found < count:
        crowded = bool(case.given.get("crowded"))
        words = {
            "hardly any": crowded and found < 0.28 * count,
            "none": found == 0,
            "one short": found == count - 1,
            "half": crowded and 2 * found <= count,
        }
        return next((word for word, holds in words.items() if holds), "few")
    every = _there(case, kind)
    return {every: "every", count + 1: "one more"}.get(found, "many")


def _unlikely(case: Case, kind: str, i: np.ndarray, j: np.ndarray) -> list[str]:
    """What a fair draw does less often than once in 10⁹ times.

    One class of 40 and 60 of two have 840 similar pairs, 60 of them in the small classes. Of 150
    drawn about 11 lie there, and more than 36 with a chance below 10⁻¹⁴ (hypergeometric). Of the
    dissimilar ones about 60 touch the large class, and 20 or fewer with a chance below 10⁻¹².
    For pairs that belong to a few points see ``_crowded``.
    """
    y, given = case.inputs["y"], case.given
    if (given.get("lopsided") or given.get("spread")) and _crowded(case, i, j):
        return ["front"]
    if given.get("lopsided"):
        names, sizes = np.unique(y, return_counts=True)
        large = (y == names[sizes.argmax()])[np.stack([i, j])].any(axis=0)
        few = (~large).sum() > 36 if kind == "similar" else large.sum() <= 20
        return ["small classes"] if few else []
    if given.get("spread"):
        return ["habit"] if set(zip(i, j, strict=True)) in _habits(case, kind) else []
    return []


def _crowded(case: Case, i: np.ndarray, j: np.ndarray) -> bool:
    """Whether the pairs belong to a few points, as in a list in the order of the points.

    The pairs that come first in such a list share their first points: a few points touch them
    all. If the list goes by the second point, they are all pairs among a few points. Shuffled
    points change which points these are, so what counts is how the pairs hang together.

    In two classes of 40 four points touch a tenth of the pairs of a kind. Of 60 pairs they touch
    33 or more with a chance below 10⁻¹⁶, and there are 1.6·10⁶ choices of four. At most 435 of
    1,560 pairs lie among 30 given points, so that 60 pairs use no more than 30 with a chance below
    9·10²¹·(435/1560)⁶⁰ < 10⁻¹⁰. At most 15·40 of them have their first point among 15 given ones:
    fewer than 16 first points have a chance below 7·10¹⁵·(600/1560)⁶⁰ < 10⁻⁹.
    In the lopsided case four points touch at most 156 of 840 similar pairs.
    """
    uses = np.bincount(np.concatenate([i, j]), minlength=len(case.inputs["y"]))
    hubs = np.argsort(-uses, kind="stable")[:HUBS]
    touched = (np.isin(i, hubs) | np.isin(j, hubs)).sum()
    few = case.given.get("spread") and (np.count_nonzero(uses) <= 30 or len(set(i)) < 16)
    return bool(touched >= SHARE * len(i) or few)


def _habits(case: Case, kind: str) -> list[set]:
    """The tables of the seeds that people write down, drawn in two usual ways."""
    y, n = case.inputs["y"], case.inputs["n"]
    drawn = _tables_of_habits(y.tobytes(), str(y.dtype), (n, case.given["ratio"] * n))
    return [tables[KINDS.index(kind)] for tables in drawn]


@lru_cache(maxsize=4)
def _tables_of_habits(y: bytes, dtype: str, counts: tuple[int, int]) -> list[list[set]]:
    lists = _all_pairs(np.frombuffer(y, dtype))
    found = []
    for seed in HABITS:
        for choose in (_permuted, _chosen):
            rng = np.random.default_rng(seed)
            tables = [choose(rng, p, count) for p, count in zip(lists, counts, strict=True)]
            found.append([set(map(tuple, table.tolist())) for table in tables])
    return found


def _permuted(rng: Rng, pairs: np.ndarray, count: int) -> np.ndarray:
    return rng.permutation(pairs)[:count]


def _chosen(rng: Rng, pairs: np.ndarray, count: int) -> np.ndarray:
    return rng.choice(pairs, min(count, len(pairs)), replace=False)


def _digest(case: Case, values: Arrays) -> Arrays:
    """What is wrong with each table, in words: two answers with one fault draw other pairs."""
    return {kind: np.array(", ".join(_faults(case, kind, values[kind])) or FINE) for kind in KINDS}


def _judge(case: Case, digest: Arrays, expected: Arrays) -> None:
    for kind in KINDS:
        said = str(digest[kind])
        if said != FINE:
            says = FAULTS[said.split(", ")[0]]
            count = f" There are to be {_count(case, kind)}." if says.endswith("pairs") else ""
            raise Complaint(f"Your {kind} table {says}.{count}")


# ---------------------------------------------------------------- mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    ratio = variant["ratio"]
    right = _drawing(variant)

    def from_lists(lists: Callable, counts: Callable = lambda n: (n, ratio * n)) -> Answer:
        """Draws without replacement from other lists of all pairs, or other numbers of them."""

        def answer(y, n, seed):
            rng = np.random.default_rng(seed)
            drawn = zip(lists(y), counts(n), strict=True)
            return tuple(rng.permutation(pairs)[:count] for pairs, count in drawn)

        return answer

    def by_mask(mask: Callable) -> Callable:
        """All pairs whose place in the table of points ``mask`` allows."""

        def lists(y):
            allowed, same = mask(len(y)), y[:, None] == y
            return np.argwhere(same & allowed), np.argwhere(~same & allowed)

        return lists

    def every(n):
        return np.ones((n, n), bool)

    def not_itself(n):
        return ~np.eye(n, dtype=bool)

    def with_itself(n):
        return np.triu(every(n))

    def any_kind(y, n, seed, share=1 + ratio):
        i, j = np.triu_indices(len(y), 1)
        chosen = np.random.default_rng(seed).permutation(len(i))[: share * n]
        pairs, same = np.stack([i, j], axis=1)[chosen], y[i[chosen]] == y[j[chosen]]
        return pairs[same], pairs[~same]

    def with_replacement(y, n, seed):
        rng = np.random.default_rng(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(p[rng.integers(len(p), size=c)] if len(p) else p for p, c in lists)

    def repeated_where_few(y, n, seed):
        rng = np.random.default_rng(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(rng.choice(p, c, replace=len(p) < c) if len(p) else p for p, c in lists)

    def weighed(y, n, seed, weights):
        rng = np.random.default_rng(seed)
        tables = []
        for pairs, count in zip(_all_pairs(y), (n, ratio * n), strict=True):
            p = weights(y, pairs)
            chosen = rng.choice(len(p), min(count, len(p)), replace=False, p=p) if len(p) else []
            tables.append(pairs[np.array(chosen, int)])
        return tuple(tables)

    def class_first(y, pairs):
        kinds = np.unique(np.sort(y[pairs], axis=1), axis=0, return_inverse=True)[1].ravel()
        p = 1 / np.bincount(kinds)[kinds] if len(pairs) else np.zeros(0)
        return p / p.sum()

    def point_first(y, pairs):
        if not len(pairs):
            return np.zeros(0)
        p = (1 / np.bincount(pairs.ravel(), minlength=len(y)))[pairs].sum(axis=1)
        return p / p.sum()

    def similar_only(weights):
        def answer(y, n, seed):
            return weighed(y, n, seed, weights)[0], right(y, n, seed)[1]

        return answer

    def first_of_the_list(y, n, seed):
        similar, dissimilar = _all_pairs(y)
        return similar[:n], dissimilar[: ratio * n]

    def last_of_the_list(y, n, seed):
        similar, dissimilar = _all_pairs(y)
        return similar[::-1][:n], dissimilar[::-1][: ratio * n]

    def shuffled_points(order):
        """The first pairs in ``order`` of the points after a shuffle."""

        def answer(y, n, seed):
            points = np.random.default_rng(seed).permutation(len(y))
            tables = zip(_all_pairs(y[points]), (n, ratio * n), strict=True)
            return tuple(np.sort(points[pairs[order(pairs)][:c]], axis=1) for pairs, c in tables)

        return answer

    def by_the_first(pairs):
        return np.arange(len(pairs))

    def by_the_second(pairs):
        return np.lexsort((pairs[:, 0], pairs[:, 1]))

    def habitual(seed):
        return lambda y, n, given: right(y, n, seed)

    def chosen_by_habit(seed):
        def answer(y, n, given):
            rng = np.random.default_rng(seed)
            lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
            return tuple(_chosen(rng, pairs, count) for pairs, count in lists)

        return answer

    def strict_choice(y, n, seed):
        rng = np.random.default_rng(seed)
        similar, dissimilar = _all_pairs(y)
        take = [
            rng.choice(len(p), c, replace=False) for p, c in ((similar, n), (dissimilar, ratio * n))
        ]
        return similar[take[0]], dissimilar[take[1]]

    def strict_rows(y, n, seed):
        rng = np.random.default_rng(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(rng.choice(pairs, count, replace=False) for pairs, count in lists)

    def strict_legacy(y, n, seed):
        rng = np.random.RandomState(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(p[rng.choice(len(p), count, replace=False)] for p, count in lists)

    def strict_sample(y, n, seed):
        rng = random.Random(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(rng.sample(pairs.tolist(), count) for pairs, count in lists)

    def both_cut(y, n, seed):
        most = min(n, *map(len, _all_pairs(y)))
        return right(y, most, seed)

    def labels(y, n, seed):
        return tuple(y[pairs] for pairs in right(y, n, seed))

    def counted_classes(y, n, seed):
        found = [
            pair
            for label in range(len(np.unique(y)))
            for pair in combinations(np.flatnonzero(y == label), 2)
        ]
        return np.array(found).reshape(-1, 2), right(y, n, seed)[1]

    def places(y):
        similar, dissimilar = _all_pairs(y)
        place = np.array([np.sum(y[:i] == y[i]) for i in range(len(y))])
        return place[similar], dissimilar

    def pairs_and_kinds(y, n, seed):
        similar, dissimilar = right(y, n, seed)
        return np.concatenate([similar, dissimilar]), np.arange(len(similar) + len(dissimilar)) < n

    def pairs_and_signs(y, n, seed):
        pairs, same = pairs_and_kinds(y, n, seed)
        return pairs, np.where(same, 1, -1)

    def places_of_pairs(y, n, seed):
        rng = np.random.default_rng(seed)
        lists = zip(_all_pairs(y), (n, ratio * n), strict=True)
        return tuple(rng.permutation(len(pairs))[:count] for pairs, count in lists)

    other = 3 - ratio
    asked = {1: "as many dissimilar pairs as similar ones", 2: "two dissimilar pairs for each one"}
    return (
        *ways(
            "a point with itself",
            "Your similar table pairs points with themselves. Their difference is zero and costs "
            "nothing under any metric.",
            from_lists(by_mask(with_itself)),
            from_lists(by_mask(every)),
            from_lists(by_mask(lambda n: np.tril(every(n)))),
        ),
        *ways(
            "both orders",
            "Your lists hold each pair in both orders, (i, j) and (j, i). They are one pair, and "
            "may both be drawn.",
            from_lists(by_mask(not_itself)),
        ),
        *ways(
            "i above j",
            "In each of your rows the larger index comes first.",
            lambda y, n, seed: tuple(pairs[:, ::-1] for pairs in right(y, n, seed)),
        ),
        *ways(
            "any kind of pair",
            "You draw from all pairs at once and sort them into the two kinds afterwards. Most "
            "pairs are dissimilar, so the similar ones are crowded out.",
            any_kind,
            lambda y, n, seed: any_kind(y, n, seed, 1),
            lambda y, n, seed: any_kind(y, n, seed, 2 * (1 + ratio)),
        ),
        *ways(
            "drawn with replacement",
            "Your draw puts each pair back before the next: some pairs come twice.",
            with_replacement,
        ),
        *ways(
            "the class drawn first",
            "You draw a class or a point first, and then a pair that belongs to it. A pair of a "
            "small class comes far more often than one of a large class.",
            lambda y, n, seed: weighed(y, n, seed, class_first),
            similar_only(class_first),
            similar_only(point_first),
        ),
        *ways(
            "always the first pairs",
            "You take pairs that follow each other in a list made point by point, shuffled points "
            "or not. They all belong to a few points: most sets of pairs can never be drawn.",
            first_of_the_list,
            last_of_the_list,
            shuffled_points(by_the_first),
            shuffled_points(by_the_second),
        ),
        *ways(
            "a seed of its own",
            "Your draw is the same for every seed. The generator is to be made from `seed`.",
            *map(habitual, HABITS),
            *map(chosen_by_habit, HABITS),
        ),
        *ways(
            "all pairs",
            "You return all pairs there are. `n` has no influence on how many.",
            lambda y, n, seed: _all_pairs(y),
            lambda y, n, seed: right(y, len(y) ** 2, seed),
        ),
        *ways(
            "stops where there are fewer",
            "Your answer stops with an error where a kind has fewer pairs than asked. There all of "
            "them are to be returned.",
            strict_choice,
            strict_rows,
            strict_legacy,
            strict_sample,
        ),
        *ways(
            "repeats where there are fewer",
            "Where a kind has fewer pairs than asked, you repeat some of them. No pair may come "
            "twice.",
            repeated_where_few,
        ),
        *ways(
            "both kinds cut",
            "Where one kind has fewer pairs than asked, you cut the other one, too. Each kind has "
            "its own limit.",
            both_cut,
        ),
        *ways(
            "labels for indices",
            "Your tables hold labels. Asked are the indices of the points in y.",
            labels,
        ),
        *ways(
            "labels taken for 0, 1, 2",
            "You look for the labels 0, 1, 2 and so on. Labels may be any whole numbers.",
            counted_classes,
        ),
        *ways(
            "places within the class",
            "The numbers in your similar table count within the class. Asked are positions in y.",
            from_lists(places),
        ),
        *ways(
            "kinds exchanged",
            "You return the dissimilar pairs first and the similar ones second.",
            lambda y, n, seed: right(y, n, seed)[::-1],
            from_lists(lambda y: _all_pairs(y)[::-1]),
        ),
        *ways(
            "n pairs in all",
            "You share n out among the two kinds. Each kind has a number of its own.",
            lambda y, n, seed: right(y, n // (1 + ratio), seed),
        ),
        *ways(
            "another number of dissimilar pairs",
            f"You draw another number of dissimilar pairs than asked. Asked are {asked[ratio]}.",
            from_lists(_all_pairs, lambda n: (n, other * n)),
        ),
        *ways(
            "rows and columns exchanged",
            "Your tables are transposed: a row is one pair.",
            lambda y, n, seed: tuple(pairs.T for pairs in right(y, n, seed)),
        ),
        *ways(
            "pairs and their kinds",
            "You return all pairs in one table, and what kind each is. Asked are two tables.",
            pairs_and_kinds,
            pairs_and_signs,
        ),
        *ways(
            "places in a list of pairs",
            "You return which entries of your list of pairs were drawn. Asked are the pairs.",
            places_of_pairs,
        ),
    )


def _statement(variant: Variant) -> str:
    numbers = {1: "up to $n$ pairs of each kind", 2: "up to $n$ similar and up to $2n$ dissimilar"}
    pairs = {1: "", 2: " pairs"}[variant["ratio"]]
    return (
        "Two points are a similar pair if their labels are equal, and a dissimilar pair if not. "
        f"Write a function that draws {numbers[variant['ratio']]}{pairs} **without replacement**. "
        "Every **set** of so many pairs of a kind is to be equally likely, not only every pair.\n\n"
        "A pair is a row $(i, j)$ of two indices with $i < j$, and no pair comes twice. Where a "
        "kind has fewer pairs than asked, return all of them. The order of the rows is free. Draw "
        "with a generator made from `seed`, such as `numpy.random.default_rng(seed)`: another seed "
        "gives other pairs."
    )


def _skeleton(variant: Variant) -> str:
    number = {1: "n", 2: "2n"}[variant["ratio"]]
    return f'''def pairs_from_labels(y, n, seed):
    """Return similar pairs (n_s, 2) and dissimilar pairs (n_d, 2), drawn without replacement.

    y: (m,), whole numbers. n: how many similar pairs, at least 1; dissimilar ones: {number}.
    Returns: two tables of indices i < j; all pairs of a kind where there are fewer than asked.
    """'''


PAIRS_FROM_LABELS = Exercise(
    number="04.1",
    name="pairs_from_labels",
    title="Pairs from labels",
    points=3,
    minutes=20,
    kind=Function(returns=KINDS),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Four points, labels 3, 3, 3, 8: write down all pairs. How many are similar? Which rows "
        "would you cross out if you had written a full table of i and j?",
        "List all pairs i < j first and split the list by the labels. What does a draw without "
        "replacement do with each list, and what if the list is short?",
        "`numpy.triu_indices(len(y), 1)` lists the pairs. A shuffled list, cut off at a length, "
        "is a draw without replacement; a slice that is too long gives what is there.",
    ),
    variants={"ratio": (1, 2)},
    groups={"values": 1, "draw": 1, "few": 1},
    cases=_cases,
    reference=_drawing,
    mistakes=_mistakes,
    digest=_digest,
    judge=_judge,
)
