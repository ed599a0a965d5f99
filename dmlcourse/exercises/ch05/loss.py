"""05.2, the loss of large margin nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import (
    Indices,
    Terms,
    hinge,
    pairs_of,
    problem_cases,
    sum_budget,
    terms_of,
    the_terms,
    triplets_of,
)

Answer = Callable[..., Any]

FORMULA = (
    r"\varepsilon(L) = (1 - \mu) \sum_i \sum_{j \in T_i} d_{ij}^2 \;+\; "
    r"\mu \sum_i \sum_{j \in T_i} \sum_{l:\, y_l \neq y_i} \left[\, 1 + d_{ij}^2 - d_{il}^2 "
    r"\,\right]_+ , \qquad d_{ij} = \lVert L (x_i - x_j) \rVert"
)


def shared_out(mean: bool, n: int) -> int:
    """What the sum is divided by."""
    return n if mean else 1


# ---------------------------------------------------------------- other lists of pairs


def without_some(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    """The pairs of the points that have all their targets."""
    whole = targets.min(axis=1) >= 0
    return pairs_of(np.where(whole[:, None], targets, -1))


def last_point(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    """The pairs with −1 read as NumPy reads it."""
    i = np.repeat(np.arange(len(y)), targets.shape[1])
    return i, targets.ravel() % len(y)


def whole_class(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    same = y[:, None] == y[None]
    return np.nonzero(same & ~np.eye(len(y), dtype=bool))


def first_target(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    return pairs_of(targets[:, :1])


def farthest_target(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    last = (targets >= 0).sum(axis=1) - 1
    found = targets[np.arange(len(y)), last]
    return pairs_of(np.where(last < 0, -1, found)[:, None])


def both_ways(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    i, j = pairs_of(targets)
    return np.concatenate([i, j]), np.concatenate([j, i])


def once(X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Indices:
    pairs = {(min(i, j), max(i, j)) for i, j in zip(*pairs_of(targets), strict=True)}
    i, j = np.array(sorted(pairs), dtype=int).reshape(-1, 2).T
    return i, j


# ---------------------------------------------------------------- other lists of triplets


def wrong_targets(listing: Callable[..., Any]) -> list[Mistake]:
    """The mistakes in reading the targets, for a ``listing`` that makes answers of their pairs."""
    return [
        *ways(
            "−1 read as the last point",
            "A −1 in your targets became the last point: NumPy counts −1 from the end. Here it "
            "says that there is no target.",
            listing(last_point, last_point),
            listing(pull_pairs=last_point),
        ),
        *ways(
            "points without all targets left out",
            "You leave out the points whose row has a −1. A point with one target in place of two "
            "still has that one.",
            listing(without_some, without_some),
        ),
        *ways(
            "only one target",
            "Only one target of each point enters your sums. A row of the targets has k of them.",
            listing(first_target, first_target),
            listing(farthest_target, farthest_target),
        ),
    ]


def everybody(y: np.ndarray, i: np.ndarray, j: np.ndarray) -> Indices:
    t, k = np.nonzero(np.arange(len(y)) != i[:, None])
    return i[t], j[t], k


def everybody_and_itself(y: np.ndarray, i: np.ndarray, j: np.ndarray) -> Indices:
    t, k = np.nonzero(np.ones((len(i), len(y)), dtype=bool))
    return i[t], j[t], k


def everybody_else(y: np.ndarray, i: np.ndarray, j: np.ndarray) -> Indices:
    points = np.arange(len(y))
    t, k = np.nonzero((points != i[:, None]) & (points != j[:, None]))
    return i[t], j[t], k


def own_class(y: np.ndarray, i: np.ndarray, j: np.ndarray) -> Indices:
    points = np.arange(len(y))
    t, k = np.nonzero((y[i][:, None] == y) & (points != i[:, None]) & (points != j[:, None]))
    return i[t], j[t], k


def by_group(index: Indices, values: np.ndarray, reduce: Any, n: int) -> np.ndarray:
    """``reduce`` (np.add, np.maximum) of the values that share their indices; 0 where none do."""
    found = np.full((n,) * len(index), 0.0 if reduce is np.add else -np.inf)
    reduce.at(found, index, values)
    return np.where(np.isfinite(found), found, 0)


# ---------------------------------------------------------------- the mistakes


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def finish(value: Any, n: int) -> Any:
        return value / shared_out(variant["mean"], n)

    def of(value: Callable[[Terms, float], Any], mapped=lambda X, L: X @ L.T) -> Answer:
        """The answer that makes another value of the right terms."""

        def answer(L, X, y, targets, mu):
            return finish(value(the_terms(mapped(X, L), y, targets), mu), len(X))

        return answer

    def pushing(push: Callable[[Terms], Any]) -> Answer:
        return of(lambda t, mu: (1 - mu) * t.pull.sum() + mu * push(t))

    def listing(
        pull_pairs=None, push_pairs=None, triplets=triplets_of, mapped=lambda X, L: X @ L.T
    ) -> Answer:
        """The answer with other lists of pairs or triplets."""

        def answer(L, X, y, targets, mu):
            pairs = pairs_of(targets)
            pulled = pull_pairs(X, y, targets) if pull_pairs else pairs
            pushed = push_pairs(X, y, targets) if push_pairs else pairs
            t = terms_of(mapped(X, L), pulled, triplets(y, *pushed))
            return finish(_weighted(t, mu), len(X))

        return answer

    def grouped(reduce: Any, *which: int) -> Answer:
        """The push from one number for each anchor, or for each pair."""

        def push(t: Terms) -> float:
            n = 1 + int(max(map(np.max, t.triplets))) if len(t.near) else 1
            index = tuple(t.triplets[w] for w in which)
            return hinge(by_group(index, t.excess, reduce, n)).sum()

        return pushing(push)

    def rooted(pull: bool, push: bool) -> Answer:
        def value(t: Terms, mu: float) -> float:
            near, far = (np.sqrt(t.near), np.sqrt(t.far)) if push else (t.near, t.far)
            pulled = np.sqrt(t.pull) if pull else t.pull
            return (1 - mu) * pulled.sum() + mu * hinge(1 + near - far).sum()

        return of(value)

    def from_the_target(L, X, y, targets, mu):
        t = the_terms(X @ L.T, y, targets)
        _, j, k = t.triplets
        far = np.square((X[j] - X[k]) @ L.T).sum(axis=1)
        return finish(_weighted(t._replace(far=far), mu), len(X))

    def as_a_metric(L, X, y, targets, mu):
        def squared(i, j):
            difference = X[i] - X[j]
            return np.einsum("ij,jk,ik->i", difference, L, difference)

        pairs, triplets = pairs_of(targets), triplets_of(y, *pairs_of(targets))
        near, far = squared(*triplets[:2]), squared(triplets[0], triplets[2])
        return finish(_weighted(Terms(squared(*pairs), near, far, pairs, triplets), mu), len(X))

    def divided(by_pull: Callable, by_push: Callable) -> Answer:
        def answer(L, X, y, targets, mu):
            t = the_terms(X @ L.T, y, targets)
            pull = t.pull.sum() / max(by_pull(t, len(X)), 1)
            return (1 - mu) * pull + mu * hinge(t.excess).sum() / max(by_push(t, len(X)), 1)

        return answer

    def averaged(pull: bool, push: bool, of_all: bool) -> Answer:
        """The sum over the targets of a point as a mean: over its own, or over all k places."""

        def answer(L, X, y, targets, mu):
            t = the_terms(X @ L.T, y, targets)
            count = np.full(len(X), targets.shape[1]) if of_all else (targets >= 0).sum(axis=1)
            near = t.pull / (count[t.pairs[0]] if pull else 1)
            hinges = hinge(t.excess) / (count[t.triplets[0]] if push else 1)
            return finish((1 - mu) * near.sum() + mu * hinges.sum(), len(X))

        return answer

    def undivided(t: Terms, n: int) -> int:
        return 1

    def points(t: Terms, n: int) -> int:
        return n

    def number_of_pairs(t: Terms, n: int) -> int:
        return len(t.pull)

    def number_of_triplets(t: Terms, n: int) -> int:
        return len(t.near)

    if variant["mean"]:
        scale = Mistake(
            "sum for mean",
            divided(undivided, undivided),
            "Your result grows with the number of points: the sum was not divided by n.",
        )
        divisors = "Asked is the sum over everything, divided by the number of points once."
    else:
        scale = Mistake(
            "divided by the number of points",
            divided(points, points),
            "Your result is divided by the number of points. The formula has sums and no mean.",
        )
        divisors = "The formula has sums and no mean."
    return (
        *ways(
            "one hinge for a sum",
            "You add first and clip afterwards, so that triplets that are satisfied pay for those "
            "that are not. Each triplet has a hinge of its own.",
            pushing(lambda t: hinge(t.excess.sum())),
            grouped(np.add, 0),
            grouped(np.add, 0, 1),
        ),
        *ways(
            "no hinge",
            "Nothing is clipped in your sum: a triplet that is satisfied by far makes it smaller. "
            "With the hinge it adds nothing.",
            pushing(lambda t: t.excess.sum()),
        ),
        *ways(
            "margin missing",
            "Your hinge opens when the impostor is nearer than the target; the margin of 1 is not "
            "in it. L = 0 would then cost nothing at all. It costs nothing either under the "
            "constraint ≥ ξ that stands in print in place of ≥ 1 − ξ.",
            pushing(lambda t: hinge(t.near - t.far).sum()),
        ),
        *ways(
            "margin with the other sign",
            "In your hinge 1 is subtracted. An impostor then counts only when it is nearer than "
            "the target by more than 1, and the margin protects nobody.",
            pushing(lambda t: hinge(t.near - t.far - 1).sum()),
        ),
        *ways(
            "margin outside the hinge",
            "You add 1 after the clipping. Every triplet then pays at least 1, the satisfied ones "
            "too.",
            pushing(lambda t: (1 + hinge(t.near - t.far)).sum()),
        ),
        *ways(
            "hinge the wrong way round",
            "The signs in your hinge are exchanged: you charge the triplets whose point of another "
            "class is far away.",
            pushing(lambda t: hinge(1 + t.far - t.near).sum()),
            pushing(lambda t: hinge(t.far - t.near).sum()),
            pushing(lambda t: hinge(-t.excess).sum()),
        ),
        *ways(
            "only points nearer than the target",
            "Only points that are nearer than the target enter your push, each with the right "
            "amount. Those between the target and the end of the margin have a hinge that is open, "
            "too.",
            pushing(lambda t: t.excess[t.far < t.near].sum()),
        ),
        *ways(
            "hinge squared",
            "You squared the hinge. The distances in it are squares already; what comes out of the "
            "hinge is added as it is.",
            pushing(lambda t: np.square(hinge(t.excess)).sum()),
        ),
        *ways(
            "counts for distances",
            "Your push counts the active triplets. Each of them enters with the amount by which "
            "it misses the margin.",
            pushing(lambda t: (t.excess > 0).sum()),
        ),
        *ways(
            "root distances",
            "There is a root in your sums where the formula has d². The margin of 1 is one in "
            "squared distances.",
            rooted(True, True),
            rooted(True, False),
            rooted(False, True),
        ),
        *ways(
            "impostors of the same class",
            "Your push runs over points of the anchor's own class too. Only a point of another "
            "class can be an impostor.",
            listing(triplets=everybody),
            listing(triplets=everybody_else),
            listing(triplets=everybody_and_itself),
            listing(triplets=own_class),
        ),
        *ways(
            "weights exchanged",
            "Your weights are exchanged: μ belongs to the push, 1 − μ to the pull.",
            of(lambda t, mu: mu * t.pull.sum() + (1 - mu) * hinge(t.excess).sum()),
        ),
        *ways(
            "a weight left out",
            "A weight is missing. The pull has the weight 1 − μ and the push μ; other papers print "
            "1 and c, and their numbers cannot be compared with these.",
            of(lambda t, mu: t.pull.sum() + mu * hinge(t.excess).sum()),
            of(lambda t, mu: (1 - mu) * t.pull.sum() + hinge(t.excess).sum()),
            of(lambda t, mu: t.pull.sum() + hinge(t.excess).sum()),
        ),
        *ways(
            "one half only",
            "One of the two sums does not enter: your result is the pull alone, or the push alone. "
            "Without the push everything would collapse to a point; without the pull nothing "
            "draws a point to its targets.",
            of(lambda t, mu: (1 - mu) * t.pull.sum()),
            of(lambda t, mu: mu * hinge(t.excess).sum()),
            of(lambda t, mu: t.pull.sum()),
            of(lambda t, mu: hinge(t.excess).sum()),
        ),
        scale,
        *ways(
            "averaged over pairs or triplets",
            f"You took means of pairs or of triplets. {divisors}",
            divided(number_of_pairs, number_of_triplets),
            divided(number_of_pairs, undivided),
            divided(undivided, number_of_triplets),
        ),
        *ways(
            "averaged over targets",
            f"You took the mean over the targets of a point, not the sum. {divisors}",
            *(
                averaged(pull, push, of_all)
                for pull, push in ((True, True), (True, False), (False, True))
                for of_all in (True, False)
            ),
        ),
        *ways(
            "L used as M",
            "You computed xᵀLx, as if L were the metric. The metric is LᵀL: points are mapped "
            "first and measured with the ruler then.",
            as_a_metric,
        ),
        *ways(
            "L on the wrong side",
            "Your distances belong to L·Lᵀ: the points were multiplied by L from the other side. "
            "A point is a row of X here, and x ↦ Lx.",
            of(_weighted, lambda X, L: X @ L),
        ),
        *ways(
            "L ignored",
            "These are the distances of the ruler: L has no influence on your result.",
            of(_weighted, lambda X, L: X),
        ),
        *ways(
            "M used as L",
            "You mapped the points by LᵀL. That is the metric; the map is L.",
            of(_weighted, lambda X, L: X @ (L.T @ L)),
        ),
        *wrong_targets(listing),
        *ways(
            "only the nearest impostor",
            "Only the impostor that is nearest enters your push. The sum runs over all points of "
            "other classes, and each that comes within the margin adds to it.",
            grouped(np.maximum, 0, 1),
            grouped(np.maximum, 0),
        ),
        *ways(
            "impostors once for each anchor",
            "Your push counts the impostors of a point once, with one of its targets. The sum runs "
            "over the targets too: an impostor is charged for each of them.",
            listing(push_pairs=first_target),
            listing(push_pairs=farthest_target),
        ),
        *ways(
            "both directions",
            "You count each pair from both of its ends. Being a target is not symmetric: j may be "
            "a target of i while i is none of j, and the table lists what enters.",
            listing(both_ways, both_ways),
            listing(pull_pairs=both_ways),
        ),
        *ways(
            "each pair once",
            "Where two points are targets of each other you count them once. The sum runs over the "
            "rows of the table: the pair is in two of them.",
            listing(once, once),
            listing(pull_pairs=once),
        ),
        *ways(
            "the whole class as targets",
            "Your pull runs over all pairs of the same class. Only the targets of a point are "
            "pulled; the rest of its class may stay where it is.",
            listing(whole_class, whole_class),
            listing(pull_pairs=whole_class),
        ),
        *ways(
            "measured from the target",
            "In your hinge the impostor is measured from the target. Both distances start at the "
            "anchor x_i.",
            from_the_target,
        ),
        *ways(
            "pull and push apart",
            "Your result holds two numbers, the pull and the push. The loss is their sum.",
            lambda L, X, y, targets, mu: _halves(the_terms(X @ L.T, y, targets), mu),
        ),
    )


def _halves(t: Terms, mu: float) -> tuple[float, float]:
    return (1 - mu) * t.pull.sum(), mu * hinge(t.excess).sum()


def _weighted(t: Terms, mu: float) -> float:
    return sum(_halves(t, mu))


def _reference(variant: Variant) -> Answer:
    def lmnn_loss(L, X, y, targets, mu):
        whole = _weighted(the_terms(X @ L.T, y, targets), mu)
        return whole / shared_out(variant["mean"], len(X))

    return lmnn_loss


def _budget(case: Case, expected: Arrays) -> Arrays:
    return {"result": np.asarray(case.given["error"])}


def drawn(rng: Rng, variant: Variant) -> list[Case]:
    """The cases, each with the error that rounding explains: it is asked for many times."""
    cases = problem_cases(rng)
    for case in cases:
        n = shared_out(variant["mean"], len(case.inputs["y"]))
        case.given["error"] = sum_budget(case) / n
    return cases


def _statement(variant: Variant) -> str:
    what = "$\\varepsilon(L) / n$, where" if variant["mean"] else "the loss"
    return (
        f"Write a function that returns {what}\n\n$${FORMULA}$$\n\n"
        "$T_i$ are the targets of $x_i$: row `targets[i]`, in which $-1$ means *none*. The first "
        "sum pulls each point to its targets. The second pushes away every point of another class "
        "that comes within a margin of 1 of a target's squared distance. $[a]_+$ is $\\max(a, 0)$."
    )


def _skeleton(variant: Variant) -> str:
    what = "LMNN loss of the map L, divided by n" if variant["mean"] else "LMNN loss of the map L"
    return f'''def lmnn_loss(L, X, y, targets, mu):
    """Return the {what}.

    L: (r, d), X: (n, d), y: (n,), targets: (n, k) indices with -1 for none, mu: between 0 and 1.
    Returns: a number.
    """'''


LMNN_LOSS = Exercise(
    number="05.2",
    name="lmnn_loss",
    title="The loss of LMNN",
    points=4,
    minutes=25,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Map the points first: with Z = X·Lᵀ every d is a distance of the ruler. Then write the "
        "pull for one point and one target.",
        "Keep one pair (i, j) fixed. Which points l enter the second sum, and what does each of "
        "them add? Draw them around x_i, with the circle of the target and the one a margin "
        "further out.",
        "Three loops are fine: over points, over targets, over points of other classes. Where in "
        "them does the maximum with zero belong, and what happens in them at a −1?",
    ),
    variants={"mean": (False, True)},
    groups={"values": 3, "edge": 1},
    cases=drawn,
    reference=_reference,
    mistakes=_mistakes,
    budget=_budget,
)
