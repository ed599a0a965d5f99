"""10.5, a threshold from the training writers, and its errors on writers never seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]
# A threshold from distances and from which of them belong to pairs of one writer.
Choice = Callable[[np.ndarray, np.ndarray], Any]
# Two rates from distances, from which are of one writer, and one threshold or an array of them.
Rates = Callable[[np.ndarray, np.ndarray, Any], tuple[Any, Any]]
# Which of several thresholds is meant, from the rates at each of them, in ascending order.
Pick = Callable[[np.ndarray, np.ndarray], Any]

# So many false accepts a verifier may have that is set up by them.
FEW = 0.05


def _rates(d: np.ndarray, same: np.ndarray, t: Any) -> tuple[Any, Any]:
    """The share of forgeries that are accepted, and that of genuine pairs that are rejected."""
    accepted = d <= np.asarray(t)[..., None]
    return accepted[..., ~same].mean(axis=-1), (~accepted)[..., same].mean(axis=-1)


def _first(where: np.ndarray) -> Any:
    """The first place of several, or the last of all where there is none."""
    return where.argmax() if where.any() else len(where) - 1


def _last(where: np.ndarray) -> Any:
    """The last place of several, or the first of all where there is none."""
    return len(where) - 1 - where[::-1].argmax() if where.any() else 0


PICKS: dict[str, Pick] = {
    "equal rates": lambda far, frr: _first(far >= frr),
    "few false accepts": lambda far, frr: _last(far <= FEW),
}


def _among(
    pick: Pick,
    candidates: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda d, same: np.unique(d),
    rates: Rates = _rates,
) -> Choice:
    """The threshold that ``pick`` takes of the candidates: of all distances, if nothing is said."""

    def choose(d, same):
        thresholds = candidates(d, same)
        return thresholds[pick(*rates(d, same, thresholds))]

    return choose


def _answer(
    choose: Choice,
    rates: Rates = _rates,
    fitted: Callable[..., tuple] = lambda *four: four[:2],
    judged: Callable[..., tuple] = lambda *four: four[2:],
) -> Answer:
    """A threshold chosen on the pairs that are ``fitted``, and its rates on those ``judged``."""

    def threshold_and_rates(train_distances, train_same, test_distances, test_same):
        four = train_distances, train_same, test_distances, test_same
        t = choose(*fitted(*four))
        d, same = judged(*four)
        return t, *rates(d, same, t)

    return threshold_and_rates


def _reference(variant: Variant) -> Answer:
    return _answer(_among(PICKS[variant["rule"]]))


# ---------------------------------------------------------------- the cases

Fold = tuple[np.ndarray, np.ndarray]


def _fold(rng: Rng, genuine: int, forged: int, shift: float = 0.0) -> Fold:
    """Distances of pairs of one writer and of two, which overlap, in random order."""
    near, far = rng.gamma(9, 0.1, genuine), rng.gamma(16, 0.1, forged)
    d, same = np.concatenate([near, far]) + shift, np.arange(genuine + forged) < genuine
    mixed = rng.permutation(len(d))
    return d[mixed], same[mixed]


def _training(rng: Rng, genuine: int, forged: int, *, before: bool, at_genuine: bool) -> Fold:
    """A fold on which those thresholds differ that people take, or mix up.

    ``before`` says whether the rates differ least one step before they cross; ``at_genuine``,
    whether the right thresholds are distances of genuine pairs. The smallest distance is one, so
    that some threshold accepts no forgery.
    """
    while True:
        d, same = _fold(rng, genuine, forged)
        far, frr = _rates(d, same, np.sort(d))
        few, crossing = (PICKS[rule](far, frr) for rule in ("few false accepts", "equal rates"))
        sorted_same = same[d.argsort()]
        kinds = sorted_same[[few, crossing]] == at_genuine
        earlier = np.abs(far - frr).argmin() < crossing
        ends = (far == 0).sum() <= few and few < crossing and frr[-2] == 0
        if sorted_same[0] and kinds.all() and earlier == before and ends:
            return d, same


def _short(fold: Fold) -> Fold:
    return fold[0].astype(np.float32), fold[1]


def _pairs(*distances: float, same: str) -> Fold:
    """A few distances, with "1" for one writer and "0" for two."""
    return np.array(distances, float), np.array([letter == "1" for letter in same])


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    named = cases_of("train_distances", "train_same", "test_distances", "test_same")

    def case(name: str, train: Fold, test: Fold, **more: str) -> Case:
        return named(name, *train, *test, **more)

    edge = {"group": "edge"}
    before = _training(rng, 23, 44, before=True, at_genuine=False)
    at = _training(rng, 29, 46, before=False, at_genuine=True)
    few_forgeries = _training(rng, 61, 22, before=False, at_genuine=False)
    few_genuine = _training(rng, 14, 97, before=False, at_genuine=True)
    found = [
        case("four pairs", _pairs(3, 1, 4, 2, same="1100"), _pairs(2, 1, same="01")),
        case(
            "five pairs",
            _pairs(2, 5, 3, 1, 4, same="10110"),
            _pairs(1, 3, 4, 6, same="1010"),
        ),
        case(
            "five pairs, the nearest of them of one writer",
            _pairs(6, 2, 3, 7, 4, same="01001"),
            _pairs(5, 1, 3, 2, same="1100"),
        ),
        case("other writers", before, _fold(rng, 17, 31, shift=0.1)),
        case("other writers, farther apart", at, _fold(rng, 19, 26, shift=0.3)),
        case("few forgeries", few_forgeries, _fold(rng, 44, 9)),
        case("few genuine pairs", few_genuine, _fold(rng, 7, 60)),
        case("both kinds apart", _pairs(1, 5, 2, 4, same="1010"), _pairs(3, 2, same="01"), **edge),
        case(
            "the same distance often",
            _pairs(1, 2, 2, 2, 3, 3, 3, 4, same="11011000"),
            _pairs(2, 3, 3, 2, 4, 3, same="111000"),
            **edge,
        ),
        case("one pair of each kind", _pairs(2, 7, same="10"), _pairs(7, 1, same="10"), **edge),
        case(
            "float32, every second entry of a larger array",
            _short(before),
            _short(_fold(rng, 9, 14)),
            layout="strided",
            **edge,
        ),
    ]
    if variant["rule"] == "equal rates":
        found.append(
            case(
                "one distance for all",
                _pairs(2, 2, 2, same="101"),
                _pairs(1, 2, 3, 2, same="1010"),
                **edge,
            )
        )
        found.append(
            case(
                "the wrong way round",
                _pairs(3, 4, 1, 2, same="1100"),
                _pairs(1, 4, 2, 3, same="0101"),
                **edge,
            )
        )
    return found


def _budget(case: Case, expected: Arrays) -> Arrays:
    """The threshold is one of the distances; a rate is a sum of shares, or 1 minus such a sum."""
    n = len(case.inputs["test_same"])
    largest = float(np.abs(case.inputs["train_distances"]).max())
    sizes = {"threshold": rounding(case, 1, largest)}
    return {
        name: np.broadcast_to(sizes.get(name, rounding(case, n + 2, 1.0)), value.shape)
        for name, value in expected.items()
    }


# ---------------------------------------------------------------- the mistakes


def _wrong_folds(right: Choice) -> list[Mistake]:
    """The mistakes in which pairs are used for what."""

    def together(*four):
        return np.concatenate(four[::2]), np.concatenate(four[1::2])

    def test(*four):
        return four[2:]

    def train(*four):
        return four[:2]

    return [
        *ways(
            "the threshold chosen on the test pairs",
            "Your threshold was chosen on the test pairs. Their error is then no measure of what "
            "happens with writers nobody has seen: the answer was known when it was set.",
            _answer(right, fitted=test),
        ),
        *ways(
            "the threshold chosen on all pairs",
            "The test pairs had a say in your threshold: it was chosen on all pairs together. "
            "Their error then tends to be too low.",
            _answer(right, fitted=together),
            _answer(right, fitted=together, judged=together),
        ),
        *ways(
            "errors on the training pairs",
            "Your rates are those of the training pairs, on which the threshold was chosen. Asked "
            "are those of the test pairs.",
            _answer(right, judged=train),
            _answer(right, judged=together),
        ),
        *ways(
            "folds exchanged",
            "Your threshold comes from the test pairs, and your rates from the training pairs.",
            _answer(right, fitted=test, judged=train),
        ),
    ]


def _wrong_rates(right: Choice, pick: Pick) -> list[Mistake]:
    """The mistakes in what is counted, and by what it is divided."""

    def rating(*rates: Rates) -> list[Answer]:
        """The rates of the test only."""
        return [_answer(right, one) for one in rates]

    def helping(*rates: Rates) -> list[Answer]:
        """One helper for the rates of the test and for those that the threshold is chosen by."""
        return [_answer(_among(pick, rates=one), one) for one in rates]

    def both(*rates: Rates) -> list[Answer]:
        return [*rating(*rates), *helping(*rates)]

    def counts(d, same, t):
        accepted = d <= np.asarray(t)[..., None]
        return (accepted & ~same).sum(axis=-1), (~accepted & same).sum(axis=-1)

    def over(size: Callable[[np.ndarray, np.ndarray, Any], tuple]) -> Rates:
        def rates(d, same, t):
            false_accepts, false_rejects = counts(d, same, t)
            of_accepts, of_rejects = size(d, same, np.asarray(t)[..., None])
            return false_accepts / np.float64(of_accepts), false_rejects / np.float64(of_rejects)

        return rates

    def over_all(compare: Callable) -> Rates:
        """Twice the share of all decisions that are wrong, or right."""
        return lambda d, same, t: (compare(d <= np.asarray(t)[..., None], same).mean(axis=-1),) * 2

    def decided(d, same, t):
        return (d <= t).sum(axis=-1), (d > t).sum(axis=-1)

    def finished(finish: Callable[[Any, Any], tuple]) -> Rates:
        return lambda d, same, t: finish(*_rates(d, same, t))

    def inverted(train_distances, train_same, test_distances, test_same):
        return _answer(right)(train_distances, ~train_same, test_distances, ~test_same)

    def strictly(d, same, t):
        t = np.asarray(t)[..., None]
        return (d[~same] < t).mean(axis=-1), (d[same] > t).mean(axis=-1)

    return [
        *ways(
            "rates exchanged",
            "Your two rates are exchanged. False accepts come first: pairs of two writers that are "
            "accepted.",
            *both(finished(lambda far, frr: (frr, far))),
        ),
        *ways(
            "divided by all pairs",
            "You divide both numbers of errors by the number of all test pairs. Each has its own: "
            "only a forgery can be accepted falsely, and only a genuine pair rejected falsely.",
            *both(over(lambda d, same, t: (len(d), len(d)))),
        ),
        *ways(
            "divided by what was decided",
            "You divide by the number of accepted and of rejected pairs. Such a share depends on "
            "how many forgeries there are in the test.",
            *both(over(decided)),
        ),
        *ways(
            "divided by the other kind",
            "You divide the false accepts by the number of genuine pairs, and the false rejects by "
            "that of the forgeries.",
            *both(over(lambda d, same, t: (same.sum(), (~same).sum()))),
        ),
        *ways(
            "numbers for rates",
            "You return how many errors there are, or percentages. A rate is a share between 0 and "
            "1.",
            *both(counts, finished(lambda far, frr: (100 * far, 100 * frr))),
        ),
        *ways(
            "right decisions for errors",
            "You count pairs that are decided rightly: one of your rates is 1 minus what was "
            "asked. A ROC curve is drawn with accepted genuine pairs; asked are errors.",
            *both(
                finished(lambda far, frr: (far, 1 - frr)),
                finished(lambda far, frr: (1 - far, frr)),
                finished(lambda far, frr: (1 - frr, far)),
            ),
        ),
        *ways(
            "both rates turned round",
            "Both of your rates are 1 minus what was asked. You count right decisions, or you "
            "accept the pairs that are far apart.",
            *rating(
                finished(lambda far, frr: (1 - far, 1 - frr)),
                _accepting(np.greater),
                _accepting(np.greater_equal),
            ),
        ),
        *ways(
            "one rate twice",
            "You return one error for both kinds: their mean, or the share of all wrong decisions. "
            "Asked are two numbers, one for each kind of pair.",
            *both(
                finished(lambda far, frr: ((far + frr) / 2, (far + frr) / 2)),
                over_all(np.not_equal),
            ),
            *rating(over_all(np.equal)),
        ),
        *ways(
            "far pairs accepted",
            "You accept the pairs that are far apart, or count right decisions for wrong ones. A "
            "distance is small where two signatures are of one writer.",
            *helping(_accepting(np.greater_equal), _accepting(np.greater)),
        ),
        *ways(
            "one writer and two exchanged",
            "You read `same` the wrong way round: True stands for two signatures of one writer.",
            inverted,
        ),
        *ways(
            "the threshold itself rejected",
            "You reject a pair whose distance is the threshold itself, or do so where the "
            "threshold is chosen. A pair is accepted at d ≤ t.",
            *both(_accepting(np.less)),
        ),
        *ways(
            "the threshold itself left out",
            "A pair at the threshold is neither accepted nor rejected in your counts. It is "
            "accepted: d ≤ t.",
            *both(strictly),
        ),
    ]


def _accepting(accepts: Callable) -> Rates:
    """The two rates where a pair is accepted by another comparison than d ≤ t."""

    def rates(d, same, t):
        accepted = accepts(d, np.asarray(t)[..., None])
        return accepted[..., ~same].mean(axis=-1), 1 - accepted[..., same].mean(axis=-1)

    return rates


def _grid(start: Callable[[np.ndarray], float], n: int) -> Callable:
    return lambda d, same: np.linspace(start(d), d.max(), n)


def _of_kind(genuine: bool) -> Callable:
    return lambda d, same: np.unique(d[same == genuine])


def _between(d: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Halfway between distances that follow each other, and the largest."""
    values = np.unique(d)
    return np.append((values[1:] + values[:-1]) / 2, values[-1])


def _in_given_order(passes: Callable[[Any, Any], bool]) -> Choice:
    def choose(d, same):
        return next((t for t in d if passes(*_rates(d, same, t))), d[-1])

    return choose


def _wrong_numbers(right: Choice) -> list[Mistake]:
    """The mistakes that return something else in the place of the threshold."""

    def index(train_distances, train_same, *test):
        _, *rates = _answer(right)(train_distances, train_same, *test)
        return np.searchsorted(
            np.unique(train_distances), right(train_distances, train_same)
        ), *rates

    def rate(summary: Callable[[Any, Any], Any]) -> Answer:
        def answer(train_distances, train_same, *test):
            t, *rates = _answer(right)(train_distances, train_same, *test)
            return summary(*_rates(train_distances, train_same, t)), *rates

        return answer

    return ways(
        "no threshold",
        "Your first number is the place of the threshold in a list, or an error rate. Asked is the "
        "distance up to which a pair is accepted.",
        index,
        rate(lambda far, frr: far),
        rate(lambda far, frr: frr),
        rate(lambda far, frr: (far + frr) / 2),
    )


def _wrong_thresholds(variant: Variant, pick: Pick) -> list[Mistake]:
    """The mistakes in which threshold is taken; both rules share these."""

    def middle(d, same):
        return (d[same].mean() + d[~same].mean()) / 2

    def medians(d, same):
        return (np.median(d[same]) + np.median(d[~same])) / 2

    def accuracy(d, same):
        thresholds = np.unique(d)
        return thresholds[((d <= thresholds[:, None]) == same).mean(axis=1).argmax()]

    balanced = _among(lambda far, frr: (far + frr).argmin())
    return [
        *ways(
            "the middle of the distances",
            "Your threshold is a mean or a median of distances. Nothing says that the errors "
            "balance there, or are few: the two kinds of pairs are not spread alike.",
            *map(_answer, (middle, medians)),
            _answer(lambda d, same: d.mean()),
            _answer(lambda d, same: np.median(d)),
        ),
        *ways(
            "fewest errors",
            "Your threshold is the one with the fewest wrong decisions, or with the smallest sum "
            "of both rates. That is another question than the one asked.",
            *map(_answer, (accuracy, balanced)),
        ),
        *ways(
            "a grid of thresholds",
            "You try thresholds on a grid. Only at a distance that occurs does a decision change; "
            "the threshold is one of the training distances.",
            _answer(_among(pick, _grid(np.min, 100))),
            _answer(_among(pick, _grid(np.min, 1000))),
            _answer(_among(pick, _grid(lambda d: 0.0, 100))),
            _answer(_among(pick, _grid(lambda d: 0.0, 1000))),
            _answer(_among(pick, lambda d, same: np.arange(0, d.max() + 0.01, 0.01))),
        ),
        *ways(
            "between two distances",
            "Your threshold lies between two training distances. The decisions are the same there, "
            "and the number is another: asked is one of the distances.",
            _answer(_among(pick, _between)),
            _answer(_halfway_down(pick)),
        ),
        *ways(
            "distances of one kind",
            "You try the distances of one kind of pairs as thresholds. Those of both kinds are to "
            "be tried.",
            _answer(_among(pick, _of_kind(True))),
            _answer(_among(pick, _of_kind(False))),
        ),
        *(_not_equal() if variant["rule"] == "equal rates" else _not_few()),
    ]


def _halfway_down(pick: Pick) -> Choice:
    """Halfway between the right threshold and the distance below it."""

    def choose(d, same):
        values = np.unique(d)
        at = pick(*_rates(d, same, values))
        return (values[at] + values[max(at - 1, 0)]) / 2

    return choose


def _not_equal() -> list[Mistake]:
    """The mistakes at the crossing of the two rates."""

    def picking(*picks: Pick) -> list[Answer]:
        return [_answer(_among(pick)) for pick in picks]

    return [
        *ways(
            "where the rates differ least",
            "Your threshold is where the two rates differ least. That may be the step before they "
            "cross, where false accepts are still the smaller of the two.",
            *picking(lambda far, frr: np.abs(far - frr).argmin()),
        ),
        *ways(
            "the step before",
            "Your threshold is the last one before the rates cross. False accepts are still fewer "
            "than false rejects there.",
            *picking(
                lambda far, frr: _last(far <= frr),
                lambda far, frr: _last(far < frr),
                lambda far, frr: max(_first(far >= frr) - 1, 0),
            ),
        ),
        *ways(
            "one step too far",
            "Your threshold is too large, or is so where both rates are equal: there the search is "
            "over. A pair at the threshold is accepted, in the training, too.",
            *picking(lambda far, frr: _first(far > frr)),
            _answer(_among(PICKS["equal rates"], rates=_accepting(np.less))),
        ),
        *ways(
            "the largest threshold",
            "Your threshold is the largest at which false accepts are not the smaller rate. That "
            "is so at the largest distance of all, where everybody is accepted.",
            *picking(lambda far, frr: _last(far >= frr)),
        ),
        *ways(
            "the smallest threshold",
            "Your threshold is the smallest distance: you ask for false accepts that are not "
            "above false rejects, and that is so from the start.",
            *picking(lambda far, frr: _first(far <= frr)),
        ),
        *ways(
            "the first in the given order",
            "You take the first threshold that passes, in the order in which the distances come. "
            "They are not sorted.",
            _answer(_in_given_order(lambda far, frr: far >= frr)),
        ),
        *ways(
            "few false accepts",
            "Your threshold keeps the false accepts below a fixed share. Asked is where the two "
            "rates cross.",
            *picking(lambda far, frr: _last(far <= 0.05), lambda far, frr: _last(far <= 0.01)),
        ),
    ]


def _not_few() -> list[Mistake]:
    """The mistakes at the largest threshold with few false accepts."""

    def picking(*picks: Pick) -> list[Answer]:
        return [_answer(_among(pick)) for pick in picks]

    def quantile(d, same):
        return np.quantile(d[~same], FEW)

    def of_all(d, same):
        return np.quantile(d, FEW)

    def share_of_all(d, same):
        thresholds = np.unique(d)
        wrong = ((d <= thresholds[:, None]) & ~same).mean(axis=1)
        return thresholds[_last(wrong <= FEW)]

    def one_by_one(d, same):
        order = d.argsort(kind="stable")
        false_accepts = (~same)[order].cumsum() / (~same).sum()
        return d[order][_last(false_accepts <= FEW)]

    def share_of_accepted(d, same):
        thresholds = np.unique(d)
        accepted = d <= thresholds[:, None]
        return thresholds[_last((accepted & ~same).sum(axis=1) / accepted.sum(axis=1) <= FEW)]

    return [
        *ways(
            "equal rates",
            "Your threshold is where the two rates cross. Asked is the largest one with so few "
            "false accepts.",
            *picking(
                lambda far, frr: _first(far >= frr), lambda far, frr: np.abs(far - frr).argmin()
            ),
        ),
        *ways(
            "a quantile",
            "Your threshold is interpolated between two distances, or a quantile of the distances "
            "of all pairs. Asked is one of the training distances.",
            *map(_answer, (quantile, of_all)),
        ),
        *ways(
            "share of another number",
            "In your choice the false accepts are divided by the number of all pairs, or of the "
            "accepted ones. The rate is a share of the pairs of two writers.",
            *map(_answer, (share_of_all, share_of_accepted)),
        ),
        *ways(
            "false rejects limited",
            "Your threshold keeps the false rejects at 5 %. Asked is a limit on false accepts.",
            *picking(lambda far, frr: _first(frr <= FEW)),
        ),
        *ways(
            "the smallest threshold",
            "Your threshold is the smallest distance. It has few false accepts, and rejects nearly "
            "everybody: asked is the largest.",
            *picking(lambda far, frr: _first(far <= FEW)),
        ),
        *ways(
            "one step too far",
            "At your threshold the limit is broken already: it is the first one with too many "
            "false accepts.",
            *picking(lambda far, frr: _first(far > FEW)),
            _answer(_among(PICKS["few false accepts"], rates=_accepting(np.less))),
        ),
        *ways(
            "ties cut through",
            "Pairs at the same distance stand or fall together: your count stops among them.",
            _answer(one_by_one),
        ),
        *ways(
            "no false accept at all",
            "Your threshold accepts no forgery at all in training. A few are allowed.",
            *picking(lambda far, frr: _last(far == 0), lambda far, frr: _last(far <= 0.01)),
        ),
        *ways(
            "another limit",
            "Your limit is not 5 %, which is a share of 0.05.",
            *picking(
                lambda far, frr: _last(far <= 0.5),
                lambda far, frr: _last(far <= 0.1),
            ),
        ),
        *ways(
            "the largest distance",
            "Your threshold is the largest distance, and everybody is accepted there. The limit is "
            "on false accepts, and 5 % is a share of 0.05.",
            *picking(lambda far, frr: _last(far <= 5), lambda far, frr: _last(frr <= FEW)),
        ),
        *ways(
            "the first in the given order",
            "You take the first threshold that passes, in the order in which the distances come. "
            "They are not sorted.",
            _answer(_in_given_order(lambda far, frr: far <= FEW)),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    pick = PICKS[variant["rule"]]
    right = _among(pick)
    return (
        *_wrong_folds(right),
        *_wrong_rates(right, pick),
        *_wrong_numbers(right),
        *_wrong_thresholds(variant, pick),
    )


# ---------------------------------------------------------------- the texts

RULES = {
    "equal rates": (
        "The threshold is set where the two rates cross, and they do so in steps. So that there is "
        "one right answer: $t$ is the **smallest of the training distances at which the rate of "
        "false accepts is at least that of false rejects**. Around this point both rates are about "
        "equal, and their value is called the *equal error rate*."
    ),
    "few false accepts": (
        "A bank would rather ask twice than pay a forger. So that there is one right answer: $t$ "
        "is the **largest of the training distances at which the rate of false accepts is at most "
        "5 %**. There is always such a distance in the data given."
    ),
}


def _statement(variant: Variant) -> str:
    return (
        "Two signatures are accepted as those of one writer if their distance is at most a "
        "threshold, $d \\le t$. Two things go wrong: *false accepts* are pairs of two writers (or "
        "a forgery) that are accepted, *false rejects* are pairs of one writer that are rejected. "
        "The rate of false accepts is their share **of the pairs of two writers**; that of false "
        "rejects, their share **of the pairs of one writer**.\n\n"
        f"{RULES[variant['rule']]}\n\n"
        "Write a function that chooses $t$ on the pairs of the **training** writers, and returns "
        "it with both rates on the pairs of the **test** writers, whom nobody has seen before: "
        "the threshold, the rate of false accepts, the rate of false rejects. `same` is True for "
        "two signatures of one writer. The distances come in any order; there are pairs of both "
        "kinds in each of the two sets."
    )


def _skeleton(variant: Variant) -> str:
    how = {"equal rates": "where both rates cross", "few false accepts": "with 5 % false accepts"}
    return f'''def verify(train_distances, train_same, test_distances, test_same):
    """Return the threshold {how[variant["rule"]]} in training, and its two rates in the test.

    Distances: (n,) and (m,), not sorted; same: booleans of the same shapes, True for one writer.
    Returns: threshold, rate of false accepts, rate of false rejects.
    """'''


_HINTS = {
    "equal rates": (
        "Sort the training distances first. As the threshold grows, which of the two rates grows, "
        "and which one falls?"
    ),
    "few false accepts": (
        "Sort the training distances first. As the threshold grows, which of the two rates grows, "
        "and can it fall again?"
    ),
}

VERIFY = Exercise(
    number="10.5",
    name="verify",
    title="A threshold for writers never seen",
    points=3,
    minutes=25,
    kind=Function(returns=("threshold", "false accepts", "false rejects")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Which pairs can be accepted falsely? Count them before you divide. Then ask the same of "
        "the false rejects.",
        "Write a helper that returns both rates for any distances, `same` and threshold. You need "
        "it in two places: for every training distance as a threshold, and once on the test.",
        "As the threshold grows, false accepts can only become more, and false rejects fewer. Go "
        "through the sorted training distances: the rule of the statement holds on one side of "
        "some step and not on the other. Nothing of the test pairs belongs in that loop.",
    ),
    variants={"rule": ("equal rates", "few false accepts")},
    groups={"values": 2, "edge": 1},
    cases=_cases,
    reference=_reference,
    mistakes=_mistakes,
    budget=_budget,
)
