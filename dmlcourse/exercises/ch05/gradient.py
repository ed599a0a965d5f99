"""05.3, the gradient of that loss with respect to the map."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays
from ..making import ways
from ..spec import Exercise, Mistake, Variant
from .loss import (
    Answer,
    both_ways,
    by_group,
    drawn,
    everybody,
    everybody_else,
    farthest_target,
    first_target,
    once,
    shared_out,
    wrong_targets,
)
from .shared import Indices, Terms, pairs_of, terms_of, triplets_of

Weights = Callable[[Terms], np.ndarray]


def _scatter(X: np.ndarray, i: np.ndarray, j: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Σ w (x_i − x_j)(x_i − x_j)ᵀ."""
    difference = X[i] - X[j]
    return difference.T @ (weight[:, None] * difference)


def _active(t: Terms) -> np.ndarray:
    return (t.excess > 0).astype(t.excess.dtype)


def _parts(
    X: np.ndarray, t: Terms, weights: Weights = _active
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sums of outer products: of the pull, and of the two distances of the push."""
    (i, j), (a, p, n), w = t.pairs, t.triplets, weights(t)
    ones = np.ones(len(t.pull), t.pull.dtype)
    return _scatter(X, i, j, ones), _scatter(X, a, p, w), _scatter(X, a, n, w)


def _matrix(X: np.ndarray, t: Terms, mu: float, weights: Weights = _active) -> np.ndarray:
    """The gradient with respect to M."""
    return _weighed(mu, *_parts(X, t, weights))


def _weighed(mu: float, pull: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    return (1 - mu) * pull + mu * (near - far)


def _mapped_terms(L: np.ndarray, X: np.ndarray, y: np.ndarray, targets: np.ndarray) -> Terms:
    pairs = pairs_of(targets)
    return terms_of(X @ L.T, pairs, triplets_of(y, *pairs))


def _reference(variant: Variant) -> Answer:
    def lmnn_gradient(L, X, y, targets, mu):
        G = _matrix(X, _mapped_terms(L, X, y, targets), mu)
        return 2 * L @ G / shared_out(variant["mean"], len(X))

    return lmnn_gradient


def _budget(case: Case, expected: Arrays) -> Arrays:
    """Twice the map, times a sum of outer products: the terms of the loss over the size of L."""
    L = np.asarray(case.inputs["L"], np.float64)
    size = 4 * case.given["error"] / np.linalg.norm(L, 2)
    return {"result": np.broadcast_to(size, expected["result"].shape)}


# ---------------------------------------------------------------- who is taken for active


def _nearest_only(t: Terms) -> np.ndarray:
    """The most violated triplet of each pair."""
    if not len(t.near):
        return _active(t)
    i, j, _ = t.triplets
    largest = by_group((i, j), t.excess, np.maximum, 1 + int(max(map(np.max, t.triplets))))
    return _active(t) * (t.excess == largest[i, j])


def _whole(t: Terms) -> np.ndarray:
    return np.full_like(t.near, t.excess.sum() > 0)


def _pair_by_pair(t: Terms) -> np.ndarray:
    if not len(t.near):
        return _active(t)
    i, j, _ = t.triplets
    total = by_group((i, j), t.excess, np.add, 1 + int(max(map(np.max, t.triplets))))
    return (total[i, j] > 0).astype(t.near.dtype)


# ---------------------------------------------------------------- a weight for each pair


def _weights_of_pairs(n: int, t: Terms, mu: float, near: bool = True, far: bool = True) -> Any:
    """W with the loss Σ w d² + constant: each pair's weight in the place (i, j).

    With ``near`` or ``far`` False, the triplets of a pair enter there once and not as often as
    they are.
    """
    (a, p, k), W = t.triplets, np.zeros((n, n), t.pull.dtype)
    counts = np.zeros((2, n, n), t.pull.dtype)
    np.add.at(counts[0], (a, p), _active(t))
    np.add.at(counts[1], (a, k), _active(t))
    W[t.pairs] = 1 - mu
    W += mu * (counts[0] if near else np.minimum(counts[0], 1))
    return W - mu * (counts[1] if far else np.minimum(counts[1], 1))


def _replacing(n: int, t: Terms, mu: float) -> np.ndarray:
    """W where whoever comes last stays: an active triplet in place of the pull."""
    open_, W = t.excess > 0, np.zeros((n, n), t.pull.dtype)
    a, p, k = (index[open_] for index in t.triplets)
    W[t.pairs] = 1 - mu
    W[a, p], W[a, k] = mu, -mu
    return W


def _laplacian(X: np.ndarray, W: np.ndarray, sums: np.ndarray) -> np.ndarray:
    return X.T @ (np.diag(sums) - W) @ X


def _both(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    W = W + W.T
    return _laplacian(X, W, W.sum(axis=1))


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(make: Callable[..., Any]) -> Answer:
        """The answer that makes something else of the right terms: ``make(L, X, t, mu)``."""

        def answer(L, X, y, targets, mu):
            found = make(L, X, _mapped_terms(L, X, y, targets), mu)
            return found / shared_out(variant["mean"], len(X))

        return answer

    def of_matrix(make: Callable[[np.ndarray, np.ndarray], Any]) -> Answer:
        return of(lambda L, X, t, mu: make(L, _matrix(X, t, mu)))

    def of_parts(make: Callable[..., np.ndarray]) -> Answer:
        return of(lambda L, X, t, mu: 2 * L @ make(mu, *_parts(X, t)))

    def weighing(weights: Weights) -> Answer:
        return of(lambda L, X, t, mu: 2 * L @ _matrix(X, t, mu, weights))

    def listing(pull_pairs=None, push_pairs=None, triplets=triplets_of) -> Answer:
        def answer(L, X, y, targets, mu):
            def pairs(other: Callable[..., Indices] | None) -> Indices:
                return other(X, y, targets) if other else pairs_of(targets)

            t = terms_of(X @ L.T, pairs(pull_pairs), triplets(y, *pairs(push_pairs)))
            return 2 * L @ _matrix(X, t, mu) / shared_out(variant["mean"], len(X))

        return answer

    def active_under(mapped: Callable[..., np.ndarray]) -> Answer:
        """The hinge asked in another space than the mapped one."""

        def make(L, X, t, mu):
            there = terms_of(mapped(X, L), t.pairs, t.triplets)
            return 2 * L @ _matrix(X, t, mu, lambda _: _active(there))

        return of(make)

    def mapped_first(finish: Callable[..., np.ndarray]) -> Answer:
        """Outer products of mapped differences."""
        return of(lambda L, X, t, mu: finish(L, _matrix(X @ L.T, t, mu)))

    def from_the_target(hinges: bool, slopes: bool) -> Answer:
        """The impostor measured from the target: where it is asked who is active, or after it."""

        def make(L, X, t, mu):
            (_, p, n), Z = t.triplets, X @ L.T
            there = t._replace(far=np.square(Z[p] - Z[n]).sum(axis=1))
            w = _active(there if hinges else t)
            pull, near, far = _parts(X, t, lambda _: w)
            return 2 * L @ _weighed(mu, pull, near, _scatter(X, p, n, w) if slopes else far)

        return of(make)

    def of_weights(make: Callable[..., np.ndarray], fill: Callable = _weights_of_pairs) -> Answer:
        """The gradient from a table of weights, one for each pair: ``make(X, W)``."""
        return of(lambda L, X, t, mu: 2 * L @ make(X, fill(len(X), t, mu)))

    def inner(L, X, t, mu):
        pull, near, far = _parts(X, t)
        return 2 * L * np.trace(_weighed(mu, pull, near, far))

    if variant["mean"]:
        n = Mistake(
            "sum for mean",
            lambda L, X, y, targets, mu: 2 * L @ _matrix(X, _mapped_terms(L, X, y, targets), mu),
            "Your gradient belongs to the sum. The loss is divided by n, and its gradient too.",
        )
    else:
        n = Mistake(
            "divided by the number of points",
            lambda L, X, y, targets, mu: (
                2 * L @ _matrix(X, _mapped_terms(L, X, y, targets), mu) / len(X)
            ),
            "Your gradient is divided by the number of points. The loss has sums and no mean.",
        )
    return (
        *ways(
            "inactive triplets counted",
            "Every triplet enters your sum. One whose hinge is closed adds zero to the loss, and "
            "goes on to do so when L moves a little: it has no gradient.",
            weighing(lambda t: np.ones_like(t.near)),
        ),
        *ways(
            "factor 2 missing",
            "Your result is half of the gradient. The square of a length has the derivative two "
            "times that length.",
            of_matrix(lambda L, G: L @ G),
        ),
        *ways(
            "with respect to M",
            "Your result is the gradient with respect to M = LᵀL, or twice that. Asked is that "
            "with respect to L, which has the shape of L.",
            of_matrix(lambda L, G: G),
            of_matrix(lambda L, G: 2 * G),
        ),
        *ways(
            "L on the wrong side",
            "L stands on the wrong side of your sum of outer products. For a square L that gives "
            "other numbers; for another shape it does not multiply at all.",
            of_matrix(lambda L, G: 2 * G @ L),
        ),
        *ways(
            "transposed",
            "Your gradient is transposed. Entry [a, b] says what happens when L[a, b] grows.",
            of_matrix(lambda L, G: 2 * G @ L.T),
        ),
        *ways(
            "inner for outer product",
            "You multiply L by a number: by squared lengths of differences. The derivative of "
            "‖Lx‖² holds the outer product of x with itself, a d×d matrix.",
            of(inner),
        ),
        *ways(
            "only the diagonal",
            "You squared the differences coordinate by coordinate. An outer product has entries "
            "off the diagonal too: they say that two coordinates move together.",
            of_matrix(lambda L, G: 2 * L * np.diag(G)),
        ),
        *ways(
            "differences mapped first",
            "Your outer products are made of differences that L has mapped on both sides. One of "
            "the two factors is mapped, the other is not.",
            mapped_first(lambda L, G: 2 * G @ L),
            mapped_first(lambda L, G: 2 * G),
        ),
        *ways(
            "sign of the impostor",
            "In your sum the impostor's outer product is added. Its distance enters the hinge with "
            "a minus.",
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull + mu * (near + far)),
        ),
        *ways(
            "the push turned round",
            "The push has the wrong sign as a whole: in your sum it draws impostors in.",
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull - mu * (near - far)),
        ),
        *ways(
            "target missing in the hinge",
            "In an active triplet you differentiate the distance to the impostor only. The one to "
            "the target stands in the same hinge.",
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull - mu * far),
        ),
        *ways(
            "impostor missing in the hinge",
            "In an active triplet you differentiate the distance to the target only. The one to "
            "the impostor stands in the same hinge.",
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull + mu * near),
        ),
        *ways(
            "one half only",
            "One of the two sums does not enter: your gradient is that of the pull alone, or of "
            "the push alone, or of the impostors alone.",
            of_parts(lambda mu, pull, near, far: mu * (near - far)),
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull),
            of_parts(lambda mu, pull, near, far: near - far),
            of_parts(lambda mu, pull, near, far: pull),
            of_parts(lambda mu, pull, near, far: -mu * far),
        ),
        *ways(
            "weights exchanged",
            "Your weights are exchanged: μ belongs to the push, 1 − μ to the pull.",
            of_parts(lambda mu, pull, near, far: mu * pull + (1 - mu) * (near - far)),
        ),
        *ways(
            "a weight left out",
            "A weight is missing. The pull has the weight 1 − μ and the push μ.",
            of_parts(lambda mu, pull, near, far: pull + mu * (near - far)),
            of_parts(lambda mu, pull, near, far: (1 - mu) * pull + near - far),
            of_parts(lambda mu, pull, near, far: pull + near - far),
        ),
        *ways(
            "the direction of descent",
            "Your result is the gradient with the other sign: the way down. A gradient points "
            "uphill, and the step subtracts it.",
            of_matrix(lambda L, G: -2 * L @ G),
        ),
        n,
        *ways(
            "active without the margin",
            "You take for active the triplets whose impostor is nearer than the target. Within "
            "the margin of 1 the hinge is open too.",
            weighing(lambda t: (t.near > t.far).astype(t.near.dtype)),
            weighing(lambda t: (t.near > 1 + t.far).astype(t.near.dtype)),
        ),
        *ways(
            "the closed hinges",
            "Your sum takes the triplets that are satisfied, and leaves out those that are not.",
            weighing(lambda t: 1 - _active(t)),
        ),
        *ways(
            "active in root distances",
            "You asked with roots which triplets are active: 1 + d for 1 + d².",
            weighing(lambda t: (1 + np.sqrt(t.near) > np.sqrt(t.far)).astype(t.near.dtype)),
        ),
        *ways(
            "active before the map",
            "You asked in another space which triplets are active: in that of X as it is given, or "
            "in X·L. The hinge is about points that L has mapped.",
            active_under(lambda X, L: X),
            active_under(lambda X, L: X @ L),
        ),
        *ways(
            "weighted by the excess",
            "Each active triplet enters your sum with the amount by which it misses the margin. "
            "The slope of the hinge is 1, however far it is open; that weight belongs to its "
            "square.",
            weighing(lambda t: np.maximum(t.excess, 0)),
            weighing(lambda t: 2 * np.maximum(t.excess, 0)),
        ),
        *ways(
            "one hinge for a sum",
            "You ask of a whole sum of triplets whether it is active. Each triplet has a hinge of "
            "its own.",
            weighing(_whole),
            weighing(_pair_by_pair),
        ),
        *ways(
            "only the nearest impostor",
            "Only the nearest impostor of each target enters your sum. Every active triplet has "
            "a share in the gradient.",
            weighing(_nearest_only),
        ),
        *ways(
            "impostors of the same class",
            "Your push runs over points of the anchor's own class too. Only a point of another "
            "class can be an impostor.",
            listing(triplets=everybody),
            listing(triplets=everybody_else),
        ),
        *wrong_targets(listing),
        *ways(
            "impostors once for each anchor",
            "Your push counts the impostors of a point once, with one of its targets. The sum runs "
            "over the targets too.",
            listing(push_pairs=first_target),
            listing(push_pairs=farthest_target),
        ),
        *ways(
            "measured from the target",
            "In your gradient the impostor is measured from the target: where you ask which "
            "triplets are active, in the outer product, or in both. The distances of a hinge start "
            "at the anchor x_i.",
            from_the_target(True, True),
            from_the_target(False, True),
            from_the_target(True, False),
        ),
        *ways(
            "by the anchor alone",
            "Your outer products have x_i on one side in place of the difference x_i − x_j: you "
            "move the first point of each pair and hold the second. L moves both.",
            of_weights(lambda X, W: _laplacian(X, W.T, W.sum(axis=1))),
        ),
        *ways(
            "weights in one place only",
            "Your table W holds the weight of a pair in the place (i, j) and not in (j, i). "
            "Xᵀ(D − W)X is a sum over pairs where W is symmetric and D holds the sums of its rows.",
            of_weights(lambda X, W: _laplacian(X, W, W.sum(axis=1))),
            of_weights(lambda X, W: _laplacian(X, W, W.sum(axis=0))),
            of_weights(lambda X, W: _laplacian(X, W + W.T, W.sum(axis=1))),
        ),
        *ways(
            "a weight replaced and not added to",
            "A pair that comes in several triplets has the weight of one of them in your table. "
            "`=` replaces what stood there, and `+=` with arrays of indices takes a repeated index "
            "once.",
            of_weights(_both, _replacing),
            of_weights(_both, partial(_weights_of_pairs, near=False, far=False)),
            of_weights(_both, partial(_weights_of_pairs, near=False)),
            of_weights(_both, partial(_weights_of_pairs, far=False)),
        ),
        *ways(
            "pairs counted twice, or once for two",
            "You count pairs from both of their ends, or once where the table has them twice. The "
            "sum runs over the rows of the table, and (i, j) may be there without (j, i).",
            listing(both_ways, both_ways),
            listing(pull_pairs=both_ways),
            listing(once, once),
        ),
    )


def _statement(variant: Variant) -> str:
    what = r"\varepsilon / n" if variant["mean"] else r"\varepsilon"
    return (
        f"Write a function that returns the gradient of ${what}$, the loss of 05.2, with respect "
        "to $L$: an array of the shape of `L` whose entry $[a, b]$ is $\\partial / \\partial "
        f"L_{{ab}}$ of ${what}$.\n\nAt the edge of a hinge there is no gradient. The inputs keep "
        "away from that: no triplet has $1 + d_{ij}^2 - d_{il}^2 = 0$."
    )


LMNN_GRADIENT = Exercise(
    number="05.3",
    name="lmnn_gradient",
    title="The gradient of LMNN",
    points=4,
    minutes=30,
    kind=Function(),
    statement=_statement,
    skeleton='''def lmnn_gradient(L, X, y, targets, mu):
    """Return the gradient of the loss of 05.2 with respect to L.

    L: (r, d), X: (n, d), y: (n,), targets: (n, k) indices with -1 for none, mu: between 0 and 1.
    Returns: (r, d), like L.
    """''',
    hints=(
        "Begin with one difference x: what is the gradient of ‖Lx‖² with respect to L? Write the "
        "square as a sum over the rows of L, or try L with a single row first.",
        "A hinge [a]₊ has the slope 1 where a is positive and 0 where it is negative. So decide "
        "for each triplet whether it is active, and then add up what its a consists of.",
        "Everything becomes L times a sum of outer products with weights. Test it with a "
        "difference quotient of your loss, one entry of L at a time: the two agree to about seven "
        "digits. That is enough for a test, and too rough for the answer itself.",
    ),
    variants={"mean": (False, True)},
    groups={"values": 3, "edge": 1},
    cases=drawn,
    reference=_reference,
    mistakes=_mistakes,
    budget=_budget,
)
