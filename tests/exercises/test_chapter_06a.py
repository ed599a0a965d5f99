"""What the first cases of chapter 06 promise: the right order of two metrics, and honest pairs."""

import ast
import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "06_itml" / "exercises.py"
NUMBERS = ("06.1", "06.2")


@functools.cache
def key_of(number, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    exercise = exercises.find(number)
    return Key(exercise, exercise.variant(**variant), seed)


def verdicts(number, answer, **variant):
    for seed in SEEDS:
        key = key_of(number, seed, **variant)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert not found.notes


def assert_fails(number, answer, mistake=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome not in (PASSED, NOT_ATTEMPTED)
        assert found.earned < found.exercise.points
        assert (found.mistake and found.mistake.name) == mistake, found.finding


def reference(number, **variant):
    exercise = exercises.find(number)
    return exercise.reference(exercise.variant(**variant))


@functools.cache
def lesson():
    """The functions of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {"np": np}
    exec(compile(ast.Module(functions, []), str(LESSON), "exec"), space)
    return space


@pytest.mark.parametrize("number", NUMBERS)
def test_the_worked_answer_passes(number):
    assert_passes(number, lesson()[exercises.find(number).name])


@pytest.mark.parametrize(
    ("number", "variant", "mistake"),
    [
        ("06.1", {"back": True}, "the other direction"),
        ("06.2", {"squared": False}, "squared distances"),
    ],
)
def test_the_published_answer_fails_another_variant(number, variant, mistake):
    assert_fails(number, lesson()[exercises.find(number).name], mistake, **variant)


def test_nothing_is_said_of_an_answer_that_is_not_there():
    for number in NUMBERS:
        key = key_of(number, 0)
        space = {}
        exec(exercises.find(number).text("skeleton") + "\n    ...\n", space)
        seen = [observe(key.exercise.kind, space[key.exercise.name], c) for c in key.cases]
        assert judge(key, seen).outcome == NOT_ATTEMPTED


# ---------------------------------------------------------------- 06.1


def by_covariances(M0, M):
    """The closed form of two Gaussians of one mean, from their covariances."""
    S0, S = np.linalg.inv(M0), np.linalg.inv(M)
    logs = np.linalg.slogdet(S)[1] - np.linalg.slogdet(S0)[1]
    return 0.5 * (np.trace(np.linalg.solve(S, S0)) - len(M) + logs)


def by_the_eigenvalues(M0, M):
    half = np.linalg.inv(np.linalg.cholesky(M0))
    values = np.linalg.eigvalsh(half @ M @ half.T)
    return 0.5 * np.sum(values - np.log(values) - 1)


def by_cholesky(M0, M):
    C0, C = np.linalg.cholesky(M0), np.linalg.cholesky(M)
    trace = np.square(np.linalg.solve(C0, C)).sum()
    return trace / 2 - np.log(np.diag(C) / np.diag(C0)).sum() - len(M) / 2


def by_loops_over_entries(M0, M):
    inverse, d = np.linalg.inv(M0), len(M)
    trace = sum(inverse[i, j] * M[j, i] for i in range(d) for j in range(d))
    logs = np.log(np.linalg.eigvalsh(M)).sum() - np.log(np.linalg.eigvalsh(M0)).sum()
    return float(trace - logs - d) / 2


def by_einsum(M0, M):
    inverse = np.linalg.inv(M0)
    _, logdet = np.linalg.slogdet(M @ inverse)
    return np.einsum("ij,ji->", inverse, M) / 2 - (logdet + len(M)) / 2


RIGHT_DIVERGENCES = [
    by_covariances,
    by_the_eigenvalues,
    by_cholesky,
    by_loops_over_entries,
    by_einsum,
]


@pytest.mark.parametrize("answer", RIGHT_DIVERGENCES)
def test_every_form_of_the_divergence_is_right(answer):
    assert_passes("06.1", answer)
    assert_passes("06.1", lambda M0, M: answer(M, M0), back=True)


@pytest.mark.parametrize(("precision0", "precision"), [(1.0, 4.0), (4.0, 1.0), (0.5, 3.0)])
def test_the_divergence_is_the_mean_of_the_logarithm_of_the_ratio(precision0, precision):
    x, step = np.linspace(-40, 40, 400001, retstep=True)

    def log_density(m):
        return 0.5 * math.log(m / (2 * math.pi)) - 0.5 * m * x**2

    p, q = log_density(precision0), log_density(precision)
    integral = float(np.sum(np.exp(p) * (p - q)) * step)
    matrices = np.array([[precision0]]), np.array([[precision]])
    assert reference("06.1")(*matrices) == pytest.approx(integral, rel=1e-9)
    assert reference("06.1", back=True)(*matrices[::-1]) == pytest.approx(integral, rel=1e-9)


def test_the_first_case_by_hand():
    assert float(key_of("06.1", 0).expected[0]["result"]) == pytest.approx(1.5 - math.log(2))
    back = key_of("06.1", 0, back=True)
    assert float(back.expected[0]["result"]) == pytest.approx(math.log(2) - 0.375)


def test_no_two_orders_agree_but_for_equal_metrics():
    for seed in SEEDS:
        forward, back = key_of("06.1", seed), key_of("06.1", seed, back=True)
        for case, one, other in zip(forward.cases, forward.expected, back.expected, strict=True):
            apart = abs(float(one["result"]) - float(other["result"]))
            assert (apart > 0.01) == (case.name != "the same metric twice"), case.name


def test_every_determinant_of_200_dimensions_leaves_the_range_of_floats():
    large = [case for case in key_of("06.1", 0).cases if case.name.startswith("200")]
    assert len(large) == 3
    for case in large:
        with np.errstate(all="ignore"):
            dets = [np.linalg.det(case.inputs[name]) for name in ("M0", "M")]
        assert all(det == 0 or math.isinf(det) for det in dets), case.name


def kl(A, B):
    """Half of the LogDet divergence of A from B."""
    return by_einsum(B, A)


UNLISTED_DIVERGENCES = {
    "the arguments of a survey": (lambda M0, M: kl(M0, M), "the other direction"),
    "covariances read in": (
        lambda M0, M: by_covariances(np.linalg.inv(M0), np.linalg.inv(M)),
        "the other direction",
    ),
    "03.6 as it is": (lambda M0, M: 2 * kl(M0, M), "the other direction, ½ missing"),
    "negative": (lambda M0, M: -kl(M, M0), None),
    "root": (lambda M0, M: kl(M, M0) ** 0.5, None),
    "squared": (lambda M0, M: kl(M, M0) ** 2, None),
    "quarter": (lambda M0, M: kl(M, M0) / 2, None),
    "the whole": (lambda M0, M: 2 * kl(M, M0), "½ missing"),
    "Jeffreys": (lambda M0, M: kl(M, M0) + kl(M0, M), "both directions"),
    "the middle": (lambda M0, M: kl((M + M0) / 2, M0), None),
    "the larger": (lambda M0, M: max(kl(M, M0), kl(M0, M)), None),
    "bits": (lambda M0, M: kl(M, M0) / math.log(2), "another logarithm"),
    "a list of one": (lambda M0, M: [kl(M, M0)], None),
    "eigenvalues in order": (
        lambda M0, M: kl(np.diag(np.linalg.eigvalsh(M)), np.diag(np.linalg.eigvalsh(M0))),
        None,
    ),
    "diagonals": (
        lambda M0, M: kl(np.diag(np.diag(M)), np.diag(np.diag(M0))),
        "only the diagonals",
    ),
    "the identity": (lambda M0, M: kl(M, np.eye(len(M))), "one metric only"),
    "pseudo-determinant": (
        lambda M0, M: (
            (
                np.trace(np.linalg.solve(M0, M))
                - math.log(np.prod(np.linalg.eigvalsh(M)) / np.prod(np.linalg.eigvalsh(M0)))
                - len(M)
            )
            / 2
        ),
        "det for slogdet",
    ),
    "no logarithm": (
        lambda M0, M: (np.trace(np.linalg.solve(M0, M)) - len(M)) / 2,
        "log-determinant left out",
    ),
    "rounded": (lambda M0, M: round(float(kl(M, M0)), 3), None),
    "half the precision": (
        lambda M0, M: kl(M.astype(np.float16).astype(float), M0.astype(np.float16).astype(float)),
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_DIVERGENCES)
def test_no_near_miss_of_the_divergence_passes(form):
    answer, mistake = UNLISTED_DIVERGENCES[form]
    assert_fails("06.1", answer, mistake)


# ---------------------------------------------------------------- 06.2


def distances(X, squared=True):
    """One number for each pair, in a loop."""
    found = [float(np.sum((a - b) ** 2)) for a, b in itertools.combinations(X, 2)]
    return found if squared else [math.sqrt(value) for value in found]


def percentile_by_hand(values, p):
    values = sorted(values)
    place = p / 100 * (len(values) - 1)
    below, above = math.floor(place), math.ceil(place)
    return values[below] + (place - below) * (values[above] - values[below])


def by_loops(X, low, high):
    return [percentile_by_hand(distances(X), p) for p in (low, high)]


def by_interpolation(X, low, high):
    values = np.sort(distances(X))
    return tuple(np.interp([low, high], np.linspace(0, 100, len(values)), values))


def by_a_product(X, low, high):
    norms = np.einsum("ij,ij->i", X, X)
    D = norms[:, None] + norms - 2 * X @ X.T
    return tuple(np.percentile(D[np.tril_indices(len(X), -1)], [low, high]))


def by_quantiles(X, low, high):
    difference = X[:, None] - X
    D = np.linalg.norm(difference, axis=2) ** 2
    return np.quantile(D[np.triu(np.ones(D.shape, bool), 1)], np.array([low, high]) / 100).tolist()


def as_one_array(X, low, high):
    i, j = np.triu_indices(len(X), 1)
    return np.percentile(((X[i] - X[j]) ** 2).sum(axis=1), [low, high])


def rooted(X, low, high):
    return [percentile_by_hand(distances(X, squared=False), p) for p in (low, high)]


def by_norms(X, low, high):
    i, j = np.triu_indices(len(X), 1)
    return tuple(np.percentile(np.linalg.norm(X[i] - X[j], axis=1), (low, high)))


def roots_of_a_product(X, low, high):
    norms = (X**2).sum(axis=1)
    D = np.maximum(norms[:, None] + norms - 2 * X @ X.T, 0) ** 0.5
    return tuple(np.percentile(D[np.triu_indices(len(X), 1)], (low, high)))


@pytest.mark.parametrize(
    "answer", [by_loops, by_interpolation, by_a_product, by_quantiles, as_one_array]
)
def test_every_form_of_the_bounds_is_right(answer):
    assert_passes("06.2", answer)


@pytest.mark.parametrize("answer", [rooted, by_norms, roots_of_a_product])
def test_every_form_of_the_bounds_without_squares_is_right(answer):
    assert_passes("06.2", answer, squared=False)


def test_the_bounds_of_three_points_by_hand():
    case, expected = key_of("06.2", 0).cases[0], key_of("06.2", 0).expected[0]
    # The squares are 1, 4 and 9: a half of the first step, and four fifths of the second.
    assert [float(expected[name]) for name in ("u", "l")] == pytest.approx([2.5, 8])
    assert case.name == "three points on a line"
    assert printable(case)


def changed(values=distances, low=lambda p: p, high=lambda p: p, finish=lambda v: v):
    """The right answer with one of its parts exchanged."""

    def answer(X, below, above):
        found = values(X)
        ends = percentile_by_hand(found, low(below)), percentile_by_hand(found, high(above))
        return tuple(finish(end) for end in ends)

    return answer


def all_ordered(X):
    return [float(np.sum((a - b) ** 2)) for a in X for b in X]


def without_twins(X):
    return distances(np.unique(X, axis=0))


def standardised(X):
    return distances((X - X.mean(axis=0)) / X.std(axis=0))


def of_a_library(X, low, high):
    """The default bounds of a widely used library."""
    D = np.sqrt(((X[:, None] - X) ** 2).sum(axis=2))
    u, lower = np.percentile(D, (low, high))
    return u, lower


def of_the_authors(X, low, high):
    """The 5th and 95th of a hundred bins."""
    _, edges = np.histogram(distances(X), 100)
    centres = (edges[:-1] + edges[1:]) / 2
    return centres[max(int(low), 1) - 1], centres[max(int(high), 1) - 1]


UNLISTED_BOUNDS = {
    "a library": (of_a_library, "root distances, and with itself"),
    "the authors": (of_the_authors, "shares of the range"),
    "ordered pairs": (changed(all_ordered), "zeros that are no pair"),
    "unsquared": (rooted, "root distances"),
    "squared at the end": (lambda *a: np.square(rooted(*a)), "squared afterwards"),
    "exchanged": (lambda X, low, high: by_loops(X, high, low), "exchanged"),
    "fractions": (
        lambda X, low, high: by_loops(X, low / 100, high / 100),
        "fractions for percentages",
    ),
    "at the top": (changed(high=lambda p: 100 - p), "counted from the top"),
    "a set": (changed(lambda X: set(distances(X))), "equal distances once"),
    "no twins": (changed(without_twins), None),
    "standardised": (changed(standardised), None),
    "half": (changed(finish=lambda v: v / 2), None),
    "fourth powers": (changed(lambda X: [d**2 for d in distances(X)]), None),
    "the first bound only": (changed(high=lambda p: 95), None),
    "one more": (changed(lambda X: [*distances(X), 0.0]), None),
    "one less": (changed(lambda X: sorted(distances(X))[1:] or [0.0]), None),
    "the median": (changed(low=lambda p: 50, high=lambda p: 50), None),
    "mean and spread": (lambda X, *a: (np.mean(distances(X)), np.std(distances(X))), None),
    "one array of rows": (
        lambda X, low, high: np.percentile(
            ((X[:, None] - X) ** 2).sum(axis=2), [low, high], axis=1
        ),
        "row by row",
    ),
    "three things": (lambda *a: (*by_loops(*a), 0.0), None),
    "one thing": (lambda *a: by_loops(*a)[0], None),
    "ranks": (
        lambda X, low, high: [sorted(distances(X))[int(len(X) * p / 101)] for p in (low, high)],
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_BOUNDS)
def test_no_near_miss_of_the_bounds_passes(form):
    answer, mistake = UNLISTED_BOUNDS[form]
    assert_fails("06.2", answer, mistake)


def test_a_share_of_the_points_is_kept_where_only_equal_rows_are_missed():
    for found in verdicts("06.2", changed(lambda X: [d for d in distances(X) if d > 0])):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "distance zero left out"


def test_no_interpolated_bound_depends_on_the_last_bit():
    """The percentile of distances that are all moved by no more than e moves by no more than e."""
    rng = np.random.default_rng(0)
    for case in key_of("06.2", 0).cases:
        X, low, high = case.inputs.values()
        values = np.array(distances(X))
        moved = values + 1e-6 * rng.uniform(-1, 1, len(values))
        for p in (low, high):
            assert abs(percentile_by_hand(moved, p) - percentile_by_hand(values, p)) <= 1.1e-6
