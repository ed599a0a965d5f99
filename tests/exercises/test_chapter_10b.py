"""What 10.3 to 10.5 promise: every right form passes, and rounding decides no case."""

import ast
import functools
import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import roc_curve
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from dmlcourse.checks.judging import FAILED, PASSED, Key, judge, printable
from dmlcourse.exercises.ch10.curve import MEAN_DISTANCES
from dmlcourse.exercises.ch10.one_shot import ONE_SHOT
from dmlcourse.exercises.ch10.threshold import VERIFY
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "10_siamese" / "exercises.py"
EXERCISES = (MEAN_DISTANCES, ONE_SHOT, VERIFY)
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.number)


@functools.cache
def _key(number, seed, variant):
    exercise = next(e for e in EXERCISES if e.number == number)
    return Key(exercise, dict(variant), seed)


def key_of(exercise, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    return _key(exercise.number, seed, tuple(exercise.variant(**variant).items()))


def verdicts(exercise, answer, **variant):
    """Two seeds of the published variant; one of another, whose known mistakes take as long."""
    published = exercise.variant(**variant) == exercise.variant()
    for seed in SEEDS if published else SEEDS[:1]:
        key = key_of(exercise, seed, **variant)
        yield judge(key, [observe(exercise.kind, answer, case) for case in key.cases])


def assert_passes(exercise, answer, **variant):
    for found in verdicts(exercise, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert not found.notes


def assert_fails(exercise, answer, mistake=None, **variant):
    for found in verdicts(exercise, answer, **variant):
        assert found.outcome != PASSED
        assert found.earned < exercise.points
        assert (found.mistake and found.mistake.name) == mistake, found.finding


@functools.cache
def lesson():
    """The functions of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {"np": np}
    exec(compile(ast.Module(functions, []), str(LESSON), "exec"), space)
    return space


@each_exercise
def test_the_worked_answer_passes(exercise):
    assert_passes(exercise, lesson()[exercise.name])


@pytest.mark.parametrize(
    ("exercise", "variant", "mistake"),
    [
        (MEAN_DISTANCES, {"distance": "squared"}, "root distances"),
        (MEAN_DISTANCES, {"distance": "cosine"}, "no cosine"),
        (ONE_SHOT, {"metric": "cosine"}, "distances for cosines"),
        (ONE_SHOT, {"nearest": "mean"}, "the nearest example"),
        (VERIFY, {"rule": "few false accepts"}, "equal rates"),
    ],
)
def test_the_published_answer_fails_another_variant(exercise, variant, mistake):
    assert_fails(exercise, lesson()[exercise.name], mistake, **variant)


@each_exercise
def test_most_mistakes_are_shown_on_a_case_that_can_be_printed(exercise):
    key = key_of(exercise, 0)
    shown = [
        judge(key, [observe(exercise.kind, mistake.answer, case) for case in key.cases]).finding
        for mistake in exercise.mistakes(exercise.variant())
    ]
    assert sum(printable(finding.case) for finding in shown) > 0.9 * len(shown)


# ---------------------------------------------------------------- 10.3


def by_loops(distance):
    def answer(Z, y):
        sums, counts = Counter(), Counter()
        for a, b in itertools.combinations(range(len(Z)), 2):
            kind = bool(y[a] == y[b])
            sums[kind] += distance(Z[a], Z[b])
            counts[kind] += 1
        return [sums[k] / counts[k] if counts[k] else math.nan for k in (True, False)]

    return answer


def by_whole_table(metric):
    """Both orders of each pair: the same mean."""

    def answer(Z, y):
        D = cdist(Z, Z, metric)
        same = y[:, None] == y
        itself = np.eye(len(Z), dtype=bool)
        return D[same & ~itself].mean(), D[~same].mean()

    return answer


def by_a_product(power):
    def answer(Z, y):
        norms = (Z**2).sum(axis=1)
        D = np.maximum(norms[:, None] + norms - 2 * Z @ Z.T, 0) ** (power / 2)
        lower = np.tri(len(Z), k=-1, dtype=bool)
        same = np.equal.outer(y, y)
        return [D[lower & same].mean(), D[lower & ~same].mean()]

    return answer


def by_weights(Z, y):
    """Class means, each weighed by its number of pairs."""
    within = {c: pdist(Z[y == c]) for c in np.unique(y)}
    total, inside = pdist(Z), np.concatenate(list(within.values()))
    outside = len(total) - len(inside)
    similar = inside.mean() if len(inside) else np.nan
    return similar, (total.sum() - inside.sum()) / outside if outside else np.nan


def cosine_of(a, b):
    return 1 - (a @ b) / math.sqrt((a @ a) * (b @ b))


RIGHT_MEANS = [
    ("euclidean", by_loops(math.dist)),
    ("euclidean", by_whole_table("euclidean")),
    ("euclidean", by_a_product(1)),
    ("euclidean", by_weights),
    ("squared", by_loops(lambda a, b: float(((a - b) ** 2).sum()))),
    ("squared", by_whole_table("sqeuclidean")),
    ("squared", by_a_product(2)),
    ("cosine", by_loops(cosine_of)),
    ("cosine", by_whole_table("cosine")),
]


@pytest.mark.parametrize(("distance", "answer"), RIGHT_MEANS)
def test_every_form_of_the_means_is_right(distance, answer):
    assert_passes(MEAN_DISTANCES, answer, distance=distance)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [("euclidean", (3, 4.5)), ("squared", (9, 20.5)), ("cosine", (0.2, 0.7))],
)
def test_the_means_of_the_statement(distance, expected):
    key = key_of(MEAN_DISTANCES, 0, distance=distance)
    found = key.expected[0]
    assert [float(found[name]) for name in ("similar", "dissimilar")] == pytest.approx(expected)
    said = MEAN_DISTANCES.text("statement", key.variant)
    assert f"{expected[0]} and {expected[1]}" in said


def test_a_mean_is_nan_exactly_where_there_is_no_pair():
    for case, expected in zip(*_cases_and_expected(MEAN_DISTANCES), strict=True):
        y = case.inputs["y"].tolist()
        pairs = [a == b for a, b in itertools.combinations(y, 2)]
        for name, there in (("similar", any(pairs)), ("dissimilar", not all(pairs))):
            flag = expected.get(f"{name} is NaN", np.array(False))
            assert bool(flag) != there, case.name


def _cases_and_expected(exercise, **variant):
    key = key_of(exercise, 0, **variant)
    return key.cases, key.expected


def test_what_is_wrong_with_a_number_where_there_is_no_pair():
    for found in verdicts(MEAN_DISTANCES, lambda Z, y: list(np.nan_to_num(by_weights(Z, y)))):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "zero for a mean of nothing"
        assert found.finding.sentence == "similar is NaN: expected True, got False."


def without_the_last(Z, y):
    return by_loops(math.dist)(Z[:-1], y[:-1])


UNLISTED_MEANS = {
    "exchanged": (lambda Z, y: by_weights(Z, y)[::-1], "exchanged"),
    "with itself": (
        lambda Z, y: (cdist(Z, Z)[y[:, None] == y].mean(), by_weights(Z, y)[1]),
        "the diagonal among the similar pairs",
    ),
    "squared": (by_whole_table("sqeuclidean"), "squared distances"),
    "cityblock": (by_whole_table("cityblock"), "another distance"),
    "chebyshev": (by_whole_table("chebyshev"), "another distance"),
    "cosine": (by_whole_table("cosine"), "cosine for distance"),
    "masked by product": (
        lambda Z, y: ((cdist(Z, Z) * (y[:, None] == y)).mean(), by_weights(Z, y)[1]),
        None,
    ),
    "both masked": (
        lambda Z, y: tuple((cdist(Z, Z) * k).mean() for k in (y[:, None] == y, y[:, None] != y)),
        "divided by all pairs",
    ),
    "the last row missed": (without_the_last, None),
    "without zeros": (
        lambda Z, y: tuple(
            D[D > 0].mean() if (D > 0).any() else np.nan
            for k in (y[:, None] == y, y[:, None] != y)
            for D in [cdist(Z, Z) * k]
        ),
        "distance zero left out",
    ),
    "similar without zeros": (
        lambda Z, y: (
            (D := cdist(Z, Z))[np.equal.outer(y, y) & (D != 0)].mean(),
            by_weights(Z, y)[1],
        ),
        "distance zero left out",
    ),
    "one array": (lambda Z, y: np.array(by_weights(Z, y)), None),
    "rounded": (lambda Z, y: list(np.round(by_weights(Z, y), 3)), None),
    "their ratio": (lambda Z, y: (np.divide(*by_weights(Z, y)),) * 2, None),
    "one thing": (lambda Z, y: by_weights(Z, y)[0], None),
    "three things": (lambda Z, y: (*by_weights(Z, y), len(Z)), None),
    "a word": (lambda Z, y: ("near", "far"), None),
}


@pytest.mark.parametrize("form", UNLISTED_MEANS)
def test_no_near_miss_of_the_means_passes(form):
    answer, mistake = UNLISTED_MEANS[form]
    assert_fails(MEAN_DISTANCES, answer, mistake)


# ---------------------------------------------------------------- 10.4


def by_sklearn(metric):
    def answer(Z_support, y_support, Z_query):
        model = KNeighborsClassifier(1, metric=metric, algorithm="brute")
        return model.fit(Z_support, y_support).predict(Z_query)

    return answer


def one_by_one(distance):
    """Two loops, and a strict comparison: the first of equals stays."""

    def answer(Z_support, y_support, Z_query):
        found = []
        for query in Z_query:
            best, label = math.inf, None
            for z, name in zip(Z_support, y_support, strict=True):
                if distance(query, z) < best:
                    best, label = distance(query, z), int(name)
            found.append(label)
        return found

    return answer


def by_cdist(metric):
    return lambda Z, y, queries: y[cdist(queries, Z, metric).argmin(axis=1)]


def by_expansion(Z, y, queries):
    return y[((Z**2).sum(axis=1) - 2 * queries @ Z.T).argmin(axis=1)]


def by_largest_cosine(Z, y, queries):
    # The length of a query changes no order.
    return y[(queries @ Z.T / np.linalg.norm(Z, axis=1)).argmax(axis=1)]


def means_of(Z, y):
    return np.array([Z[y == label].mean(axis=0) for label in np.unique(y)])


def by_means(metric):
    return lambda Z, y, queries: np.unique(y)[cdist(queries, means_of(Z, y), metric).argmin(axis=1)]


def by_one_hot(Z, y, queries):
    labels = np.unique(y)
    belongs = (y == labels[:, None]).astype(Z.dtype)
    means = belongs @ Z / belongs.sum(axis=1, keepdims=True)
    return labels[np.square(queries[:, None] - means).sum(axis=2).argmin(axis=1)]


def by_nearest_centroid(Z, y, queries):
    if len(np.unique(y)) == 1:
        return np.full(len(queries), y[0])
    return NearestCentroid().fit(Z, y).predict(queries)


RIGHT_LABELS = [
    ("euclidean", "example", by_sklearn("euclidean")),
    ("euclidean", "example", one_by_one(math.dist)),
    ("euclidean", "example", by_cdist("euclidean")),
    ("euclidean", "example", by_expansion),
    ("cosine", "example", one_by_one(cosine_of)),
    ("cosine", "example", by_largest_cosine),
    ("euclidean", "mean", by_means("euclidean")),
    ("euclidean", "mean", by_one_hot),
    ("euclidean", "mean", by_nearest_centroid),
    ("cosine", "mean", by_means("cosine")),
]


@pytest.mark.parametrize(("metric", "nearest", "answer"), RIGHT_LABELS)
def test_every_form_of_the_classifier_is_right(metric, nearest, answer):
    assert_passes(ONE_SHOT, answer, metric=metric, nearest=nearest)


def test_the_first_labels_by_hand():
    for metric, nearest in itertools.product(*ONE_SHOT.variants.values()):
        expected = key_of(ONE_SHOT, 0, metric=metric, nearest=nearest).expected[0]["result"]
        assert expected.tolist() == [4, 7]


def test_equally_near_examples_by_hand():
    # Each variant on the three queries between two places, where classes 6, 4 and 9 are.
    for nearest, expected in (("example", [6, 6, 6]), ("mean", [4, 4, 6])):
        for metric in ONE_SHOT.variants["metric"]:
            key = key_of(ONE_SHOT, 0, metric=metric, nearest=nearest)
            number = [case.name for case in key.cases].index("equally near to two")
            assert key.expected[number]["result"].tolist() == expected


@pytest.mark.parametrize("metric", ONE_SHOT.variants["metric"])
@pytest.mark.parametrize("nearest", ONE_SHOT.variants["nearest"])
def test_no_label_hangs_on_the_last_bit_but_for_intended_ties(metric, nearest):
    """The nearest of another class is farther by one part in a thousand, or exactly as near."""
    for seed in range(4):
        for case in ONE_SHOT.draw(seed, ONE_SHOT.variant(metric=metric, nearest=nearest)):
            Z, y, queries = case.inputs.values()
            rows, labels = (Z, y) if nearest == "example" else (means_of(Z, y), np.unique(y))
            D = cdist(queries, rows, metric)
            best = np.sort([D[:, labels == c].min(axis=1) for c in np.unique(y)], axis=0)
            if len(best) > 1:
                gaps = (best[1] - best[0]) / best[1]
                meant = case.name in ("equally near to two", "two classes at one place")
                assert np.all((gaps > 1e-3) | (meant & (gaps < 1e-12))), case.name


def labels_of(change):
    """The right answer with its inputs changed."""
    right = by_cdist("euclidean")
    return lambda Z, y, queries: right(*change(Z, y, queries))


UNLISTED_LABELS = {
    "index": (lambda Z, y, q: cdist(q, Z).argmin(axis=1), "index for label"),
    "sorted": (
        lambda Z, y, q: np.sort(y)[cdist(q, Z).argmin(axis=1)],
        "labels in another order",
    ),
    "argmax": (lambda Z, y, q: y[cdist(q, Z).argmax(axis=1)], "the farthest"),
    "axis 0": (lambda Z, y, q: y[cdist(q, Z).argmin(axis=0)], "minimum over the queries"),
    "strings": (lambda Z, y, q: [str(v) for v in y[cdist(q, Z).argmin(axis=1)]], None),
    "a column": (lambda Z, y, q: y[cdist(q, Z).argmin(axis=1)][:, None], None),
    "cosine": (by_cdist("cosine"), "scaled first"),
    "cityblock": (by_cdist("cityblock"), "another distance"),
    "means": (by_means("euclidean"), "means of the classes"),
    "three votes": (
        lambda Z, y, q: (
            KNeighborsClassifier(min(3, len(Z)), algorithm="brute").fit(Z, y).predict(q)
        ),
        "a vote",
    ),
    "first loop": (
        lambda Z, y, q: [
            y[min(range(len(Z)), key=lambda i, a=a: (math.dist(a, Z[i]), -i))] for a in q
        ],
        "another one of equals",
    ),
    "one query": (
        lambda Z, y, q: y[np.linalg.norm(Z - q[0], axis=1).argmin()],
        "written for one query",
    ),
    "standardised": (
        labels_of(lambda Z, y, q: ((Z - Z.mean(0)) / (Z.std(0) + 1e-9), y, (q - Z.mean(0)))),
        None,
    ),
    "centred by the queries": (labels_of(lambda Z, y, q: (Z, y, q - q.mean(axis=0))), None),
    "labels from one to k": (lambda Z, y, q: by_cdist("euclidean")(Z, y, q) % 5, None),
}


@pytest.mark.parametrize("form", UNLISTED_LABELS)
def test_no_near_miss_of_the_classifier_passes(form):
    answer, mistake = UNLISTED_LABELS[form]
    assert_fails(ONE_SHOT, answer, mistake)


# ---------------------------------------------------------------- 10.5


def rates_of(d, same, t):
    """Counted one by one."""
    accepted = [bool(value <= t) for value in d]
    forged = [a for a, s in zip(accepted, same, strict=True) if not s]
    genuine = [a for a, s in zip(accepted, same, strict=True) if s]
    return sum(forged) / len(forged), genuine.count(False) / len(genuine)


def by_counting(d, same, test_d, test_same):
    t = next(t for t in sorted(d) if (r := rates_of(d, same, t))[0] >= r[1])
    return t, *rates_of(test_d, test_same, t)


def by_bisection(d, same, test_d, test_same):
    """The crossing is passed once, so that it can be looked for from both sides."""
    values = np.sort(d)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        far, frr = rates_of(d, same, values[middle])
        low, high = (low, middle) if far >= frr else (middle + 1, high)
    return [values[low], *rates_of(test_d, test_same, values[low])]


def by_cumulated_counts(d, same, test_d, test_same):
    values, place = np.unique(d, return_inverse=True)
    forged = np.bincount(place, ~same).cumsum() / (~same).sum()
    genuine = np.bincount(place, same).cumsum() / same.sum()
    t = values[np.argmax(forged >= 1 - genuine)]
    return t, 1 - np.mean(test_d[~test_same] > t), 1 - np.mean(test_d[test_same] <= t)


def by_roc_curve(d, same, test_d, test_same):
    false_accepts, accepts, scores = roc_curve(same, -d, drop_intermediate=False)
    t = -scores[np.argmax(false_accepts >= 1 - accepts)]
    return t, *rates_of(test_d, test_same, t)


def with_few(d, same, test_d, test_same):
    t = max(t for t in d if rates_of(d, same, t)[0] <= 0.05)
    return t, *rates_of(test_d, test_same, t)


def by_a_count_of_forgeries(d, same, test_d, test_same):
    """Below the first forgery that is one too many."""
    forged = np.sort(d[~same])
    limit = forged[int(0.05 * len(forged))]
    t = d[d < limit].max()
    return t, *rates_of(test_d, test_same, t)


@pytest.mark.parametrize("answer", [by_counting, by_bisection, by_cumulated_counts, by_roc_curve])
def test_every_form_of_the_threshold_is_right(answer):
    assert_passes(VERIFY, answer)


@pytest.mark.parametrize("answer", [with_few, by_a_count_of_forgeries])
def test_every_form_of_the_threshold_with_few_false_accepts_is_right(answer):
    assert_passes(VERIFY, answer, rule="few false accepts")


@pytest.mark.parametrize(
    ("rule", "expected"),
    # Genuine pairs at 1 and 3, others at 2 and 4; in the test one at 1 and another at 2.
    [("equal rates", [2, 1, 0]), ("few false accepts", [1, 0, 0])],
)
def test_the_first_threshold_by_hand(rule, expected):
    found = key_of(VERIFY, 0, rule=rule).expected[0]
    assert [float(value) for value in found.values()] == expected


def test_no_threshold_hangs_on_how_a_rate_is_rounded():
    """Where the rates are compared, they are exactly equal in every form, or clearly apart."""
    for seed, rule in itertools.product(range(4), VERIFY.variants["rule"]):
        for case in VERIFY.draw(seed, VERIFY.variant(rule=rule)):
            d, same = list(case.inputs.values())[:2]
            for t in d:
                far, frr = rates_of(d, same, t)
                other_far, other_frr = 1 - (d[~same] > t).mean(), 1 - (d[same] <= t).mean()
                if rule == "equal rates":
                    assert (far == frr == other_far == other_frr) or abs(far - frr) > 1e-6
                else:
                    assert abs(far - 0.05) > 1e-3


def test_some_threshold_has_few_false_accepts():
    for seed in range(4):
        for case in VERIFY.draw(seed, VERIFY.variant(rule="few false accepts")):
            d, same = list(case.inputs.values())[:2]
            assert rates_of(d, same, d.min())[0] <= 0.05, case.name


def verifying(choose, rates=rates_of):
    def answer(d, same, test_d, test_same):
        t = choose(d, same)
        return t, *rates(test_d, test_same, t)

    return answer


def crossing(d, same):
    return by_counting(d, same, d, same)[0]


def of_roc_curve(d, same):
    """The usual lines: the threshold where the two rates of the curve differ least."""
    false_accepts, accepts, scores = roc_curve(same, -d, drop_intermediate=False)
    return -scores[np.nanargmin(np.abs(1 - accepts - false_accepts))]


UNLISTED_THRESHOLDS = {
    "usual lines": (verifying(of_roc_curve), "where the rates differ least"),
    "on the test": (
        lambda d, same, test_d, test_same: by_counting(test_d, test_same, test_d, test_same),
        "the threshold chosen on the test pairs",
    ),
    "on the training": (
        lambda d, same, *test: by_counting(d, same, d, same),
        "errors on the training pairs",
    ),
    "exchanged": (
        verifying(crossing, lambda *a: rates_of(*a)[::-1]),
        "rates exchanged",
    ),
    "points of a curve": (
        verifying(crossing, lambda *a: (rates_of(*a)[0], 1 - rates_of(*a)[1])),
        "right decisions for errors",
    ),
    "shares of all": (
        verifying(
            crossing,
            lambda d, s, t: (((d <= t) & ~s).sum() / len(d), ((d > t) & s).sum() / len(d)),
        ),
        "divided by all pairs",
    ),
    "accuracy": (
        verifying(crossing, lambda d, s, t: (np.mean((d <= t) == s),) * 2),
        "one rate twice",
    ),
    "strict": (
        verifying(crossing, lambda d, s, t: rates_of(d, s, np.nextafter(t, t * 0))),
        "the threshold itself rejected",
    ),
    "half": (verifying(lambda d, same: 0.5), None),
    "mean": (verifying(lambda d, same: d.mean()), "the middle of the distances"),
    "unsorted": (
        verifying(
            lambda d, same: next(t for t in d if (r := rates_of(d, same, t))[0] >= r[1]),
        ),
        "the first in the given order",
    ),
    "largest genuine": (verifying(lambda d, same: d[same].max()), None),
    "smallest forged": (verifying(lambda d, same: d[~same].min()), None),
    "rounded": (verifying(lambda d, same: round(float(crossing(d, same)), 2)), None),
    "no rates": (lambda d, same, *test: crossing(d, same), None),
    "mean rate": (verifying(crossing, lambda *a: (float(np.mean(rates_of(*a))),)), None),
}


@pytest.mark.parametrize("form", UNLISTED_THRESHOLDS)
def test_no_near_miss_of_the_threshold_passes(form):
    answer, mistake = UNLISTED_THRESHOLDS[form]
    assert_fails(VERIFY, answer, mistake)


def helped(rates, passes=lambda far, frr: far >= frr):
    """One helper for the rates of the test and of each training threshold, as the hints advise."""

    def answer(d, same, test_d, test_same):
        found = [(t, *rates(d, same, t)) for t in sorted(d)]
        t = next((t for t, *both in found if passes(*both)), max(d))
        return t, *rates(test_d, test_same, t)

    return answer


def errors_of(d, same, t):
    return sum((d <= t) & ~same), sum((d > t) & same)


def divided(by_accepts, by_rejects):
    """The numbers of errors, divided by other numbers than those of their kinds."""

    def rates(d, same, t):
        with np.errstate(invalid="ignore"):
            accepts, rejects = errors_of(d, same, t)
            return accepts / by_accepts(d, same, t), rejects / by_rejects(d, same, t)

    return rates


HELPED = {
    "exchanged": (lambda *a: rates_of(*a)[::-1], "rates exchanged"),
    "by all": (divided(lambda d, *_: len(d), lambda d, *_: len(d)), "divided by all pairs"),
    "by decisions": (
        divided(lambda d, s, t: np.sum(d <= t), lambda d, s, t: np.sum(d > t)),
        "divided by what was decided",
    ),
    "by the other kind": (
        divided(lambda d, s, t: np.sum(s), lambda d, s, t: np.sum(~s)),
        "divided by the other kind",
    ),
    "numbers": (errors_of, "numbers for rates"),
    "accuracy": (lambda d, s, t: (np.mean((d <= t) != s),) * 2, "one rate twice"),
    "a ROC curve": (
        lambda *a: (rates_of(*a)[0], 1 - rates_of(*a)[1]),
        "right decisions for errors",
    ),
    "neither": (
        lambda d, s, t: (np.mean(d[~s] < t), np.mean(d[s] > t)),
        "the threshold itself left out",
    ),
}


@pytest.mark.parametrize("form", HELPED)
def test_a_slip_in_the_helper_for_both_places_has_the_name_of_the_slip(form):
    rates, mistake = HELPED[form]
    assert_fails(VERIFY, helped(rates), mistake)


def test_pairs_at_one_distance_are_accepted_together():
    """A running count stops between two pairs that no threshold tells apart."""

    def answer(d, same, test_d, test_same):
        order = np.argsort(d)
        far = np.cumsum(~same[order]) / np.sum(~same)
        t = d[order][far <= 0.05][-1]
        return t, *rates_of(test_d, test_same, t)

    for found in verdicts(VERIFY, answer, rule="few false accepts"):
        assert (found.earned, found.mistake.name) == (2, "ties cut through")
        assert found.finding.case.name == "the same distance often"


def test_the_leak_makes_the_test_look_better():
    """What the first mistake costs: the mean of both rates is smaller where the test chose."""
    gains = []
    for seed in range(12):
        for case in VERIFY.draw(seed):
            if case.name == "other writers, farther apart":
                honest = by_counting(*case.inputs.values())
                test = list(case.inputs.values())[2:]
                leaked = by_counting(*test, *test)
                gains.append(max(honest[1:]) - max(leaked[1:]))
    assert np.mean(gains) > 0.05
