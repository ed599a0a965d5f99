"""01.2b to 01.4b, divergences between histograms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, root, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Measure = Callable[[np.ndarray, np.ndarray], Any]

# What people add to a bin so that no logarithm meets a zero.
SMALL = (*(10.0**-k for k in (3, 5, 6, 7, 8, 9, 10, 12, 15, 16)), 2.0**-52)
_OTHER_LOGS = (np.log2, np.log10)

_NATS = (
    "Your logarithm has another base than e: the result is a constant factor away from nats, "
    "which are asked."
)
_NOT_NORMALISED = (
    "You compare the counts themselves. Two histograms of one distribution, one made from twice "
    "as many samples, then lie apart."
)
_OTHER_SCALE = (
    "You scaled the counts, and after your scaling a histogram does not sum to 1. Only shares of "
    "the whole are probabilities."
)


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum()


def _kl_terms(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p·log(p/q) bin by bin: 0 where p is 0, infinite where only q is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(p / q), 0.0)


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _kl_terms(p, q).sum()


def _kl_of(logarithm: Callable) -> Measure:
    """The divergence with another logarithm in place of the natural one."""
    return lambda p, q: _kl(p, q) * logarithm(np.e)


def _log_sizes(p: np.ndarray) -> np.ndarray:
    return 1 + np.abs(np.log(np.where(p > 0, p, 1.0)))


def _kl_budget(case: Case, expected: Arrays) -> Arrays:
    """p·log(p/q) and p·log p − p·log q are both allowed: this is the size of their terms."""
    p, q = (_shares(np.asarray(a, np.float64)) for a in case.inputs.values())
    sizes = np.sum((p + q) * (_log_sizes(p) + _log_sizes(q)))
    return {"result": rounding(case, len(p) + 8, sizes)}


def _counts(rng: Rng, bins: int) -> np.ndarray:
    return rng.integers(1, 20, bins).astype(np.float64)


def _histogram_pairs(rng: Rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Counts without an empty bin, by the name of their case."""
    return {
        "two bins": (np.array([1.0, 3.0]), np.array([3.0, 2.0])),
        "three bins": (np.array([2.0, 3.0, 5.0]), np.array([6.0, 1.0, 1.0])),
        "the same histogram twice": (np.array([1.0, 1.0]), np.array([1.0, 1.0])),
        "eight bins": (_counts(rng, 8), _counts(rng, 8)),
        # Shares that are exact, so that no rounding decides between 0 and the root of -2e-16.
        "a histogram and three times the same": (
            np.array([2.0, 1.0, 4.0, 1.0]),
            np.array([6.0, 3.0, 12.0, 3.0]),
        ),
        "fifty bins": (_counts(rng, 50), _counts(rng, 50)),
    }


def _empty_bin_pairs(rng: Rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Counts with empty bins, by the name of their case."""
    p, q = _counts(rng, 9), _counts(rng, 9)
    p[[1, 4]] = q[[1, 4]] = 0
    return {
        "a bin that is empty in both": (np.array([1.0, 0.0, 3.0]), np.array([3.0, 0.0, 2.0])),
        "a bin that is empty in p": (np.array([0.0, 2.0, 3.0]), np.array([2.0, 1.0, 1.0])),
        "a bin that is empty in q": (np.array([2.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])),
        "no bin in common": (np.array([2.0, 0.0]), np.array([0.0, 3.0])),
        "nine bins, two empty in both": (p, q),
    }


def _histogram_cases(rng: Rng, scaled: Callable = lambda counts: counts) -> list[Case]:
    def case(name: str, p: np.ndarray, q: np.ndarray, **more: str) -> Case:
        return named(name, scaled(p), scaled(q), **more)

    named = cases_of("p", "q")
    single = [_counts(rng, 5) for _ in range(2)]
    return [
        *(case(name, *pair) for name, pair in _histogram_pairs(rng).items()),
        *(case(name, *pair, group="edge") for name, pair in _empty_bin_pairs(rng).items()),
        case("float32", *(a.astype(np.float32) for a in single), group="edge"),
        case("every second entry of a larger array", *single, group="edge", layout="strided"),
    ]


def _drawn_histograms(rng: Rng, variant: Variant) -> list[Case]:
    return _histogram_cases(rng)


def _otherwise_scaled(measure: Measure) -> tuple[Measure, ...]:
    """The measure of counts that somebody divided by something else than their sum."""

    def by(size: Callable) -> Measure:
        return lambda p, q: measure(p / size(p), q / size(q))

    def together(p, q):
        return measure(p / (p.sum() + q.sum()), q / (p.sum() + q.sum()))

    def both_by_p(p, q):
        return measure(p / p.sum(), q / p.sum())

    return by(np.max), by(np.linalg.norm), by(len), together, both_by_p


def _one_scaled(measure: Measure) -> list[Mistake]:
    """The measure of one histogram in shares and the other in counts."""
    return ways(
        "only one histogram scaled",
        "You scaled one of the two histograms and left the other in counts. Both have to sum to 1 "
        "before they can be compared.",
        lambda p, q: measure(_shares(p), q),
        lambda p, q: measure(p, _shares(q)),
    )


def _not_summed(*terms: Measure) -> list[Mistake]:
    """A number for each bin: the terms of a sum that was not taken."""
    return ways(
        "not summed",
        "Your result has one number for each bin: the terms, and not their sum. Asked is one "
        "number for the two histograms.",
        *terms,
    )


def _lifted(measure: Measure) -> list[Measure]:
    """The measure with a small number added to each bin, or put where a bin is smaller."""

    def after(amount: float) -> Measure:
        return lambda p, q: measure(p + amount, q + amount)

    def at_least(amount: float) -> Measure:
        return lambda p, q: measure(np.maximum(p, amount), np.maximum(q, amount))

    return [lift(amount) for amount in SMALL for lift in (after, at_least)]


def _on_shares(measure: Measure) -> Measure:
    return lambda p, q: measure(_shares(p), _shares(q))


# ---------------------------------------------------------------- 01.2b kl_discrete


def _kl_discrete_cases(rng: Rng, variant: Variant) -> list[Case]:
    return _histogram_cases(rng, scaled=_shares)


def _kl_discrete_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def ratio_of_logs(p, q):
        return np.sum(p * np.log(p) / np.log(q))

    def plain(p, q):
        return np.sum(p * np.log(p / q))

    def plain_loop(p, q):
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))

    def infinite_for_any_zero(p, q):
        return np.inf if (q == 0).any() else _kl(p, q)

    def infinite_for_any_at_all(p, q):
        return np.inf if (p == 0).any() or (q == 0).any() else _kl(p, q)

    def infinite_or_plain(p, q):
        return np.inf if (q == 0).any() else plain(p, q)

    def bins_of_q(p, q):
        return np.sum(np.where(q > 0, p * np.log(p / q), 0))

    def common_bins(p, q):
        kept = (p > 0) & (q > 0)
        return np.sum(p[kept] * np.log(p[kept] / q[kept]))

    def large_number(p, q):
        return np.sum(np.nan_to_num(p * np.log(p / q)))

    def zero_for_infinite(p, q):
        terms = p * np.log(p / q)
        return np.sum(np.where(np.isfinite(terms), terms, 0))

    def swapped(p, q):
        return _kl(q, p)

    def negative(p, q):
        return -_kl(p, q)

    def absolute(p, q):
        return np.abs(_kl_terms(p, q)).sum()

    def unweighted(p, q):
        return np.sum(np.log(p / q))

    def weighted_by_q(p, q):
        return np.sum(q * np.log(p / q))

    def average(p, q):
        return _kl(p, q) / len(p)

    def cross_entropy(p, q):
        return -np.sum(np.where(p > 0, p * np.log(q), 0))

    def both(p, q):
        return _kl(p, q) + _kl(q, p)

    def inside(amount: float) -> Measure:
        return lambda p, q: np.sum(p * np.log((p + amount) / (q + amount)))

    def after_the_ratio(amount: float) -> Measure:
        return lambda p, q: np.sum(p * np.log(p / q + amount))

    def below(amount: float) -> Measure:
        return lambda p, q: _kl(p, q + amount)

    def q_at_least(amount: float) -> Measure:
        return lambda p, q: _kl(p, np.maximum(q, amount))

    zeros = (
        "A bin with p = 0 spoils the sum. In floating point, zero times the logarithm of zero is "
        "NaN, and `math.log` stops there; by convention it is 0."
    )
    too_soon = (
        "Your result is infinite as soon as one bin of q is empty. If p is zero in that bin too, q "
        "calls nothing impossible that happens under p."
    )
    finite = (
        "One bin has q = 0 and p > 0, and your result stays finite: you leave such bins out. What "
        "q calls impossible happens under p, and the divergence says so."
    )
    small = (
        "You add a small number to the bins, or put it where one is empty. Your result is then "
        "finite where q calls something impossible that p does, and depends on that number."
    )
    lifts = [
        *_lifted(_kl),
        *_lifted(_on_shares(_kl)),
        *(
            lift(amount)
            for amount in SMALL
            for lift in (inside, after_the_ratio, below, q_at_least)
        ),
    ]
    return (
        Mistake(
            "ratio of logs",
            ratio_of_logs,
            "You divide the logarithm of p by that of q. This form stands in print, and it gives 1 "
            "where p and q are the same; a divergence gives 0 there.",
        ),
        *ways("zero bins give NaN", zeros, plain, plain_loop),
        *ways("infinite for any zero", too_soon, infinite_for_any_zero, infinite_or_plain),
        Mistake(
            "infinite for a zero in p",
            infinite_for_any_at_all,
            "Your result is infinite as soon as one bin is empty, in p or in q. A bin that p does "
            "not use adds nothing.",
        ),
        *_not_summed(_kl_terms),
        *ways("bins with q = 0 left out", finite, common_bins, bins_of_q, zero_for_infinite),
        Mistake(
            "a large number for infinity",
            large_number,
            "`nan_to_num` replaces NaN by 0, and infinity by the largest float too. Where q calls "
            "something impossible that p does, the divergence is infinite.",
        ),
        *ways("another base", _NATS, *(_kl_of(log) for log in _OTHER_LOGS)),
        Mistake(
            "arguments swapped",
            swapped,
            "You computed KL(q‖p). The two directions differ: the weights are those of the "
            "distribution that is named first.",
        ),
        Mistake(
            "weighted by q",
            weighted_by_q,
            "Your sum weighs each bin with q. The mean is taken under p.",
        ),
        Mistake(
            "no weights",
            unweighted,
            "Your sum gives each bin the same weight, a rare one as much as a frequent one. The "
            "mean is taken under p.",
        ),
        Mistake(
            "the sign",
            negative,
            "Your result has the other sign: it is never above zero, and a divergence is never "
            "below.",
        ),
        Mistake(
            "absolute values",
            absolute,
            "You took absolute values bin by bin. Single terms may be negative; the sum of them "
            "all never is, and needs no help.",
        ),
        Mistake(
            "the mean over bins",
            average,
            "You divide by the number of bins. The weights of the mean are the p, and they are in "
            "the sum already.",
        ),
        Mistake(
            "the cross-entropy",
            cross_entropy,
            "Your result is the cross-entropy −Σ p log q. For p = q it is the entropy of p, where "
            "a divergence is 0.",
        ),
        Mistake(
            "both directions added",
            both,
            "You added both directions. That is Jeffreys' divergence; asked is the one from p "
            "to q.",
        ),
        *ways("a small number added", small, *lifts),
    )


KL_DISCRETE = Exercise(
    number="01.2b",
    name="kl_discrete",
    title="Kullback–Leibler between histograms",
    points=2,
    minutes=12,
    kind=Function(),
    statement=(
        "Write a function that returns the Kullback–Leibler divergence of two histograms that sum "
        "to 1, in nats:\n\n$$\\mathrm{KL}(p \\Vert q) = \\sum_b p_b \\log \\frac{p_b}{q_b}$$\n\n"
        "A bin with $p_b = 0$ adds 0, whatever $q_b$ is. If a bin has $p_b > 0$ and $q_b = 0$, the "
        "result is infinite (`np.inf`)."
    ),
    skeleton='''def kl_discrete(p, q):
    """Return KL(p ‖ q) in nats for two histograms that sum to 1.

    p, q: (bins,), not negative. Returns: a number, infinite where p > 0 meets q = 0.
    """''',
    hints=(
        "What should the divergence of a histogram from itself be? Try your function on it first.",
        "Compute the terms for p = (0, 1) and q = (0.5, 0.5) by hand, then let NumPy do it. Which "
        "product is not what the convention says?",
        "One kind of empty bin adds nothing, the other makes the sum infinite. Decide for which "
        "of them your function does not need to compute a logarithm at all.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_kl_discrete_cases,
    reference=lambda variant: _kl,
    mistakes=_kl_discrete_mistakes,
    budget=_kl_budget,
)


# ---------------------------------------------------------------- 01.3 jeffrey


def _jeffrey_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _kl(p, q) + _kl(q, p)


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2


def _jeffrey_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def plain_terms(p, q):
        return np.sum((p - q) * np.log(p / q))

    def plain_sums(p, q):
        return np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p))

    def plain_loop(p, q):
        return sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))

    def common_bins(p, q):
        kept = (p > 0) & (q > 0)
        return plain_terms(p[kept], q[kept])

    def bins_of_p(p, q):
        return plain_terms(p[p > 0], q[p > 0])

    def bins_of_q(p, q):
        return plain_terms(p[q > 0], q[q > 0])

    def both_sums_over_p(p, q):
        return plain_sums(p[p > 0], q[p > 0])

    def bins_left_out_first(p, q):
        kept = (p > 0) & (q > 0)
        return _on_shares(plain_terms)(p[kept], q[kept])

    def large_number(p, q):
        return np.sum(np.nan_to_num((p - q) * np.log(p / q)))

    def large_numbers(p, q):
        terms = np.nan_to_num(p * np.log(p / q)) + np.nan_to_num(q * np.log(q / p))
        return np.sum(terms)

    def logarithm(log: Callable) -> Measure:
        return lambda p, q: _jeffrey_of_shares(p, q) * log(np.e)

    def before(amount: float) -> Measure:
        return lambda p, q: _on_shares(_jeffrey_of_shares)(p + amount, q + amount)

    one_way = (
        "Your result has one direction only. It changes when p and q change places, and Jeffreys' "
        "divergence does not."
    )
    zeros = (
        "An empty bin spoils the sum. In floating point, zero times the logarithm of zero is NaN, "
        "and `math.log` stops there."
    )
    shannon = (
        "You compare p and q with their average: that is Jensen–Shannon (or its root). It stays "
        "finite where Jeffreys' divergence is infinite."
    )
    finite = (
        "A bin is empty in one histogram and not in the other, and your result stays finite: you "
        "leave such bins out. One of the two directions is infinite there."
    )
    large = (
        "`nan_to_num` replaces NaN by 0, and infinity by the largest float too. A bin that is "
        "empty in one histogram only makes the divergence infinite."
    )
    small = (
        "You add a small number to the bins, or put it where one is empty. Your result is then "
        "finite where one histogram alone has an empty bin, and depends on that number."
    )
    lifts = [of(lift) for lift in _lifted(_jeffrey_of_shares)]
    lifts += [before(amount) for amount in (1.0, 0.5, *SMALL)]
    scales = _otherwise_scaled(_jeffrey_of_shares)
    return (
        Mistake("not normalised", _jeffrey_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        *_one_scaled(_jeffrey_of_shares),
        *_not_summed(of(lambda p, q: (p - q) * np.log(p / q))),
        *ways("one direction only", one_way, of(_kl), of(lambda p, q: _kl(q, p))),
        Mistake(
            "half of it",
            of(lambda p, q: _jeffrey_of_shares(p, q) / 2),
            "Your result is half of what is asked: the mean of the two directions. Jeffreys' "
            "divergence is their sum.",
        ),
        Mistake("Jensen–Shannon in its place", of(_jensen_shannon), shannon),
        Mistake(
            "Jensen–Shannon in its place",
            of(lambda p, q: np.sqrt(np.maximum(_jensen_shannon(p, q), 0))),
            shannon,
        ),
        *ways("another base", _NATS, *(of(logarithm(log)) for log in _OTHER_LOGS)),
        *ways("zero bins give NaN", zeros, of(plain_terms), of(plain_sums), of(plain_loop)),
        Mistake("bins with one zero left out", of(common_bins), finite),
        *ways(
            "bins of one histogram",
            "You leave out every bin that is empty in one of the two histograms, whatever the "
            "other has there. One of the two directions then misses a bin where it is infinite.",
            of(bins_of_p),
            of(bins_of_q),
            of(both_sums_over_p),
        ),
        Mistake(
            "bins left out before scaling",
            bins_left_out_first,
            "You leave out bins before you scale: the bins that stay are then shares of less than "
            "the whole. And your result stays finite where one histogram alone has an empty bin.",
        ),
        *ways("a large number for infinity", large, of(large_number), of(large_numbers)),
        Mistake(
            "the sign",
            of(lambda p, q: -_jeffrey_of_shares(p, q)),
            "Your result has the other sign: it is never above zero, and a divergence is never "
            "below.",
        ),
        Mistake(
            "one direction subtracted",
            of(lambda p, q: _kl(p, q) - _kl(q, p)),
            "You subtract one direction from the other. The result changes its sign when p and q "
            "change places.",
        ),
        *ways("a small number added", small, *lifts),
    )


JEFFREY = Exercise(
    number="01.3",
    name="jeffrey",
    title="Jeffreys' divergence",
    points=2,
    minutes=12,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$J(\\hat p, \\hat q) = \\mathrm{KL}(\\hat p \\Vert \\hat q) + "
        "\\mathrm{KL}(\\hat q \\Vert \\hat p)$$\n\n"
        "in nats. A bin that is empty in both adds 0. If a bin is empty in one of them only, the "
        "result is infinite (`np.inf`)."
    ),
    skeleton='''def jeffrey(p, q):
    """Return Jeffreys' divergence in nats between two histograms of counts.

    p, q: (bins,), not negative, of any total.
    Returns: a number, infinite where exactly one of a pair of bins is zero.
    """''',
    hints=(
        "Two histograms of the same die, from 100 and from 300 throws, should be at zero. What "
        "has to happen to the counts before they can be compared?",
        "Write both divergences bin by bin and take out the common factor log(p/q). Which factor "
        "stands in front of it?",
        "There are four kinds of bins: p and q each zero or not. Write down what each adds, then "
        "ask NumPy for all four. One of them does not come out as it should.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_drawn_histograms,
    reference=lambda variant: _on_shares(_jeffrey_of_shares),
    mistakes=_jeffrey_mistakes,
    budget=_kl_budget,
)


# ---------------------------------------------------------------- 01.4 bhattacharyya


def _coefficient(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(p * q).sum()


def _minus_log(value: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return -np.log(value)


def _bhattacharyya_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return _minus_log(_coefficient(p, q))


def _bhattacharyya_budget(case: Case, expected: Arrays) -> Arrays:
    """All terms are positive, so the coefficient is good to a few roundoffs of itself."""
    p, q = (_shares(np.asarray(a, np.float64)) for a in case.inputs.values())
    coefficient = _coefficient(p, q)
    size = 1 + abs(np.log(coefficient)) if coefficient > 0 else 1.0
    return {"result": rounding(case, len(p) + 8, size)}


def _bhattacharyya_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def root_over_the_sum(p, q):
        return _minus_log(np.sqrt(np.sum(p * q)))

    def roots_apart(p, q):
        return _minus_log(np.sqrt(p).sum() * np.sqrt(q).sum())

    def logs_inside(p, q):
        return np.sum(_minus_log(np.sqrt(p * q)))

    def hellinger(p, q):
        return np.sqrt(np.maximum(1 - _coefficient(p, q), 0))

    def average(p, q):
        return _minus_log(np.mean(np.sqrt(p * q)))

    def by_both_totals(p, q):
        return _minus_log(_coefficient(p, q) / (p.sum() * q.sum()))

    def logarithm(log: Callable) -> Measure:
        return lambda p, q: _bhattacharyya_of_shares(p, q) * log(np.e)

    def raised(amount: float) -> Measure:
        return lambda p, q: -np.log(_coefficient(p, q) + amount)

    def at_least(amount: float) -> Measure:
        return lambda p, q: -np.log(np.maximum(_coefficient(p, q), amount))

    def zero_for_infinite(p, q):
        value = _bhattacharyya_of_shares(p, q)
        return value if np.isfinite(value) else np.zeros_like(value)

    def large_number(p, q):
        return np.nan_to_num(_bhattacharyya_of_shares(p, q))

    finite = (
        "Where the histograms have no bin in common, your result is finite: it depends on what you "
        "put in place of a logarithm of zero. Nothing lies farther apart than these two."
    )
    over = (
        "Your root covers the whole sum. The geometric mean √(pq) is taken in each bin, before the "
        "sum."
    )
    lifts = [lift(amount) for amount in SMALL for lift in (raised, at_least)]
    lifts += [*_lifted(_bhattacharyya_of_shares), zero_for_infinite, large_number]
    scales = _otherwise_scaled(_bhattacharyya_of_shares)
    return (
        Mistake(
            "root forgotten",
            of(lambda p, q: _minus_log(np.sum(p * q))),
            "You sum the products p·q without their root. A histogram then does not lie at zero "
            "from itself.",
        ),
        Mistake(
            "the coefficient itself",
            of(_coefficient),
            "You return the coefficient: 1 for equal histograms, 0 for those with no bin in "
            "common. It measures likeness; asked is the distance that is made of it.",
        ),
        Mistake(
            "one minus the coefficient",
            of(lambda p, q: 1 - _coefficient(p, q)),
            "You subtract the coefficient from 1, so that no result is above 1. It is the square "
            "of the Hellinger distance; Bhattacharyya's has no such bound.",
        ),
        Mistake(
            "Hellinger in its place",
            of(hellinger),
            "Your result is the Hellinger distance. It is made of the same coefficient, in another "
            "way, and is never above 1.",
        ),
        Mistake("not normalised", _bhattacharyya_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        *_one_scaled(_bhattacharyya_of_shares),
        Mistake(
            "divided by both totals",
            by_both_totals,
            "You divide the sum of the roots by the product of the two totals. The counts stand "
            "under a root there, and the totals do not: equal histograms do not lie at zero.",
        ),
        *_not_summed(of(lambda p, q: _minus_log(np.sqrt(p * q)))),
        *ways("another base", _NATS, *(of(logarithm(log)) for log in _OTHER_LOGS)),
        Mistake("root over the sum", of(root_over_the_sum), over),
        Mistake(
            "sums of roots multiplied",
            of(roots_apart),
            "You multiply two sums of roots. The product is taken bin by bin; otherwise every bin "
            "of p meets every bin of q.",
        ),
        Mistake(
            "logarithm inside the sum",
            of(logs_inside),
            "You take a logarithm in each bin and sum those. There is one logarithm, of the whole "
            "sum.",
        ),
        Mistake(
            "the sign",
            of(lambda p, q: -_bhattacharyya_of_shares(p, q)),
            "Your result has the other sign: the coefficient is never above 1, so its logarithm is "
            "never above zero.",
        ),
        Mistake(
            "the mean over bins",
            of(average),
            "You take the mean over the bins. The p and q are shares already, and their sum over "
            "the bins is 1.",
        ),
        Mistake(
            "the angle in its place",
            of(lambda p, q: np.arccos(np.clip(_coefficient(p, q), -1, 1))),
            "You return the angle whose cosine is the coefficient. It is never above π/2; "
            "Bhattacharyya's distance has no such bound.",
        ),
        Mistake(
            "math.log of zero",
            of(lambda p, q: -math.log(_coefficient(p, q))),
            "Where the histograms have no bin in common, `math.log` stops with an error. Its "
            "argument is 0 there, and asked is an infinite distance.",
        ),
        *ways("finite where nothing is shared", finite, *map(of, lifts)),
    )


BHATTACHARYYA = Exercise(
    number="01.4",
    name="bhattacharyya",
    title="The Bhattacharyya distance",
    points=2,
    minutes=10,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$B(\\hat p, \\hat q) = -\\log \\sum_b \\sqrt{\\hat p_b \\, \\hat q_b}$$\n\n"
        "in nats. For histograms with no bin in common the sum is 0 and the result is infinite "
        "(`np.inf`)."
    ),
    skeleton='''def bhattacharyya(p, q):
    """Return the Bhattacharyya distance in nats between two histograms of counts.

    p, q: (bins,), not negative, of any total. Returns: a number, infinite if they share nothing.
    """''',
    hints=(
        "The geometric mean of p and p is p. So which value does the sum have for equal "
        "histograms, and which the distance?",
        "Work from the inside out, one step a line: shares, products, roots, sum, logarithm.",
        "NumPy's logarithm of 0 is minus infinity, with a warning. That is the value you want; "
        "ask whether your function needs to treat this case at all.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_drawn_histograms,
    reference=lambda variant: _on_shares(_bhattacharyya_of_shares),
    mistakes=_bhattacharyya_mistakes,
    budget=_bhattacharyya_budget,
)


# ---------------------------------------------------------------- 01.4b matusita


# The shares of these counts sum to 1 + 2e-16 when they are added one after the other, as NumPy does
# below eight terms; so do the squares of their roots. There √(2 − 2·Σ√(pq)) is NaN on every machine
# unless something keeps it from it. With a sum that is exact (`math.fsum`, or Python's own `sum` of
# floats from 3.12 on) nothing is left under the root, and the answer is right.
_ABOVE_ONE = np.array([2.0, 7.0, 7.0, 7.0, 2.0])


def _matusita_cases(rng: Rng, variant: Variant) -> list[Case]:
    case = cases_of("p", "q")
    above = case("five bins and three times the same", _ABOVE_ONE, 3 * _ABOVE_ONE, group="edge")
    return [*_drawn_histograms(rng, variant), above]


def _matusita_of_shares(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2))


def _matusita_budget(case: Case, expected: Arrays) -> Arrays:
    """The form √(2 − 2·Σ√(pq)) is allowed: its terms have the size 2, whatever is left of them."""
    squared = rounding(case, len(case.inputs["p"]) + 8, 4.0)
    return {name: root(squared, value) for name, value in expected.items()}


def _matusita_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def of(measure: Measure) -> Measure:
        return _on_shares(measure)

    def root_of_what_is_left(root: Callable, coefficient: Measure) -> Measure:
        return of(lambda p, q: root(2 - 2 * coefficient(p, q)))

    def of_roots(p, q):
        return np.sum(np.sqrt(p) * np.sqrt(q))

    def roots_scaled(p, q):
        return np.linalg.norm(_shares(np.sqrt(p)) - _shares(np.sqrt(q)))

    def no_factor(p, q):
        return np.sqrt(2 - np.sum(np.sqrt(p * q)))

    scales = _otherwise_scaled(_matusita_of_shares)
    return (
        Mistake(
            "root forgotten",
            of(lambda p, q: np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)),
            "Your result is the square of what is asked. The square of a distance need not obey "
            "the triangle inequality.",
        ),
        Mistake(
            "Hellinger's factor",
            of(lambda p, q: _matusita_of_shares(p, q) / np.sqrt(2)),
            "Your result is the Hellinger distance, which is smaller by the factor √2 so that its "
            "largest value is 1. Matusita's largest value is √2.",
        ),
        Mistake(
            "inner roots forgotten",
            of(lambda p, q: np.linalg.norm(p - q)),
            "You measure the Euclidean distance of p and q themselves. It hardly sees a "
            "difference between rare bins, however large the ratio.",
        ),
        Mistake("not normalised", _matusita_of_shares, _NOT_NORMALISED),
        *ways("normalised to something else", _OTHER_SCALE, *scales),
        *_one_scaled(_matusita_of_shares),
        *_not_summed(
            of(lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2),
            of(lambda p, q: np.abs(np.sqrt(p) - np.sqrt(q))),
            of(lambda p, q: np.sqrt(p) - np.sqrt(q)),
        ),
        Mistake(
            "half of the square",
            of(lambda p, q: np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2),
            "Your result is half of the square of what is asked. Python reads `a ** 1/2` as `(a ** "
            "1) / 2`: the power comes first, the division after it.",
        ),
        Mistake(
            "roots scaled in place of the counts",
            roots_scaled,
            "You take the roots first and scale them to a sum of 1. It is the counts that are "
            "shares of a whole; the squares of the roots have to sum to 1.",
        ),
        Mistake(
            "sum of absolute values",
            of(lambda p, q: np.sum(np.abs(np.sqrt(p) - np.sqrt(q)))),
            "You sum the absolute differences of the roots. That is the city-block distance "
            "between them, and asked is the straight one.",
        ),
        *ways(
            "root of the differences",
            "You take the root of the differences of p and q. Asked are the differences of the "
            "roots.",
            of(lambda p, q: np.sqrt(np.sum(np.abs(p - q)))),
            of(lambda p, q: np.linalg.norm(np.sqrt(p - q))),
        ),
        Mistake(
            "the mean over bins",
            of(lambda p, q: np.sqrt(np.mean((np.sqrt(p) - np.sqrt(q)) ** 2))),
            "You take the mean over the bins under the root. The same two dice, in a histogram "
            "with an extra empty bin, then lie closer together.",
        ),
        Mistake(
            "half of the cross term",
            of(no_factor),
            "You expanded the square and lost a factor: √p·√q appears in it twice. A histogram "
            "does not lie at zero from itself.",
        ),
        *ways(
            "NaN from cancellation",
            "For equal histograms 2 − 2·Σ√p√q comes out as −4e-16 now and then: rounding. The "
            "square root of that is NaN, and `math.sqrt` stops there.",
            root_of_what_is_left(np.sqrt, of_roots),
            root_of_what_is_left(np.sqrt, _coefficient),
            root_of_what_is_left(math.sqrt, of_roots),
            root_of_what_is_left(math.sqrt, _coefficient),
        ),
    )


MATUSITA = Exercise(
    number="01.4b",
    name="matusita",
    title="Matusita's distance",
    points=2,
    minutes=10,
    kind=Function(),
    statement=(
        "`p` and `q` are counts in the same bins; their totals may differ. Write a function that "
        "scales each to a sum of 1, $\\hat p$ and $\\hat q$, and returns\n\n"
        "$$d(\\hat p, \\hat q) = \\sqrt{\\sum_b \\left(\\sqrt{\\hat p_b} - "
        "\\sqrt{\\hat q_b}\\right)^2}$$"
    ),
    skeleton='''def matusita(p, q):
    """Return Matusita's distance between two histograms of counts.

    p, q: (bins,), not negative, of any total. Returns: a number between 0 and the root of 2.
    """''',
    hints=(
        "Work from the inside out, one step a line: shares, roots, differences, squares, sum, "
        "root.",
        "Call u and v the vectors of the roots. You know a name for the distance that is asked "
        "between u and v.",
        "Two values to check: 0 for a histogram and three times the same, and √2 for two "
        "histograms with no bin in common.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_matusita_cases,
    reference=lambda variant: _on_shares(_matusita_of_shares),
    mistakes=_matusita_mistakes,
    budget=_matusita_budget,
)
