"""What the cases of chapter 04 promise: honest forms pass, near misses are named, and no luck."""

import ast
import functools
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "04_supervision" / "exercises.py"
NUMBERS = ("04.1", "04.2", "04.2b", "04.3", "04.4")


@functools.cache
def key_of(number, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    exercise = exercises.find(number)
    return Key(exercise, exercise.variant(**variant), seed)


def verdicts(number, answer, **variant):
    # One seed is enough where a setting differs: test_proven.py takes every variant.
    for seed in SEEDS[:1] if variant else SEEDS:
        key = key_of(number, seed, **variant)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert not found.notes, found.notes


def assert_fails(number, answer, mistake=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome not in (PASSED, NOT_ATTEMPTED)
        assert found.earned < found.exercise.points
        assert (found.mistake and found.mistake.name) == mistake, found.finding


def reference(number, **variant):
    exercise = exercises.find(number)
    return exercise.reference(exercise.variant(**variant))


def cases_of(number, **variant):
    return [(seed, case) for seed in SEEDS for case in key_of(number, seed, **variant).cases]


def doubles(case):
    return [np.asarray(v, float) if isinstance(v, np.ndarray) else v for v in case.inputs.values()]


# ---------------------------------------------------------------- the worked answers


@functools.cache
def lesson():
    """The functions of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {"np": np}
    exec(compile(ast.Module(functions, []), str(LESSON), "exec"), space)
    return space


@pytest.mark.parametrize("number", NUMBERS)
def test_the_worked_answer_passes_without_a_note(number):
    assert_passes(number, lesson()[exercises.find(number).name])


def test_the_given_function_is_the_objective():
    for _, case in cases_of("04.2"):
        value, gradient = lesson()["value_and_gradient"](*doubles(case))
        right, slope = reference("04.2")(*doubles(case))
        assert value == pytest.approx(right, rel=1e-12)
        assert np.allclose(gradient, slope, rtol=1e-12)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_case_can_be_printed(number):
    assert printable(key_of(number, 0).cases[0])


# ---------------------------------------------------------------- 04.1


def by_combinations(y, n, seed):
    rng = np.random.default_rng(seed)
    tables = []
    for same in (True, False):
        pairs = [(i, j) for i, j in combinations(range(len(y)), 2) if (y[i] == y[j]) == same]
        chosen = rng.choice(len(pairs), size=min(n, len(pairs)), replace=False) if pairs else []
        tables.append([pairs[k] for k in chosen])
    return tuple(tables)


def by_rejection(y, n, seed):
    rng = np.random.default_rng(seed)
    labels = y.tolist()
    equal = sum(a == b for a, b in combinations(labels, 2))
    there = {True: equal, False: len(y) * (len(y) - 1) // 2 - equal}
    found = {True: set(), False: set()}
    while any(len(found[kind]) < min(n, there[kind]) for kind in found):
        i, j = sorted(rng.integers(len(labels), size=2).tolist())
        kind = labels[i] == labels[j]
        if i != j and len(found[kind]) < min(n, there[kind]):
            found[kind].add((i, j))
    return [np.array(sorted(found[kind]), int).reshape(-1, 2) for kind in (True, False)]


def by_masks(y, n, seed):
    rng = np.random.default_rng(seed)
    upper, same = np.triu(np.ones((len(y), len(y)), bool), 1), y[:, None] == y
    lists = [np.argwhere(upper & same), np.argwhere(upper & ~same)]
    for pairs in lists:
        rng.shuffle(pairs)
    return tuple(pairs[:n].astype(float) for pairs in lists)


def by_keys(y, n, seed):
    rng = np.random.RandomState(seed)
    i, j = np.triu_indices(len(y), 1)
    keys = rng.random_sample(len(i))
    same, order = y[i] == y[j], np.argsort(keys)
    pairs = np.column_stack([i, j])[order]
    return pairs[same[order]][:n], pairs[~same[order]][:n]


@pytest.mark.parametrize("answer", [by_combinations, by_rejection, by_masks, by_keys])
def test_every_form_of_the_draw_is_right(answer):
    assert_passes("04.1", answer)


def drawn(number_of, lists=None):
    """A draw by permutation, of other numbers or from other lists."""

    def answer(y, n, seed):
        rng = np.random.default_rng(seed)
        i, j = np.triu_indices(len(y), 1)
        pairs, same = np.stack([i, j], axis=1), y[i] == y[j]
        both = lists(y) if lists else (pairs[same], pairs[~same])
        return tuple(
            rng.permutation(p)[:count] for p, count in zip(both, number_of(n), strict=True)
        )

    return answer


def test_twice_as_many_dissimilar_pairs_are_right_where_they_are_asked():
    assert_passes("04.1", drawn(lambda n: (n, 2 * n)), ratio=2)
    assert_fails("04.1", by_masks, "another number of dissimilar pairs", ratio=2)


def full_table(y):
    i, j = np.indices((len(y), len(y))).reshape(2, -1)
    pairs = np.stack([i, j], axis=1)
    return pairs[(y[i] == y[j]) & (i != j)], pairs[y[i] != y[j]]


def with_the_diagonal(y):
    i, j = np.triu_indices(len(y))
    pairs = np.stack([i, j], axis=1)
    return pairs[y[i] == y[j]], pairs[y[i] != y[j]]


def loop_over_classes(y, n, seed):
    """A class, then two of its members; for dissimilar pairs two classes, then a member of each."""
    rng = np.random.default_rng(seed)
    names, there = np.unique(y), [len(t) for t in with_the_diagonal(y)]
    there[0] -= len(y)
    found = [set(), set()]
    for kind in (0, 1):
        while len(found[kind]) < min(n, there[kind]):
            a, b = rng.choice(names, 2)
            i, j = rng.choice(np.flatnonzero(y == a)), rng.choice(np.flatnonzero(y == b))
            if kind == 0:
                j = rng.choice(np.flatnonzero(y == a))
            if i != j and (y[i] == y[j]) == (kind == 0):
                found[kind].add((min(i, j), max(i, j)))
    return tuple(np.array(sorted(f), int).reshape(-1, 2) for f in found)


def independent_points(y, n, seed):
    """Two points at random, kept whatever they are."""
    rng = np.random.default_rng(seed)
    i, j = np.sort(rng.integers(len(y), size=(2, 2 * n)), axis=0)
    pairs = np.stack([i, j], axis=1)[i != j]
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    return pairs[same], pairs[~same]


def taken_with_repeats(y, n, seed):
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(len(y), 1)
    pairs, same = np.stack([i, j], axis=1), y[i] == y[j]
    lists = pairs[same], pairs[~same]
    return tuple(p[np.floor(rng.random(n) * len(p)).astype(int)] if len(p) else p for p in lists)


def shuffled_points(y, n, seed):
    """The pairs of a shuffled y: their indices are those of the shuffled points."""
    order = np.random.default_rng(seed).permutation(len(y))
    return drawn(lambda n: (n, n))(y[order], n, seed)


def first_of_shuffled(ordered):
    """The first pairs of a list of shuffled points, in some order."""

    def answer(y, n, seed):
        points, found = np.random.default_rng(seed).permutation(len(y)), ([], [])
        for a, b in ordered(*np.triu_indices(len(y), 1)):
            pair = sorted((points[a], points[b]))
            found[int(y[pair[0]] != y[pair[1]])].append(pair)
        return tuple(np.array(table[:n], int).reshape(-1, 2) for table in found)

    return answer


def sorted_and_cut(y, n, seed):
    return tuple(
        np.array(sorted(map(tuple, p.tolist())))[:n]
        for p in drawn(lambda n: (None,) * 2)(y, n, seed)
    )


def legacy_choice(y, n, seed):
    rng = np.random.RandomState(seed)
    lists = drawn(lambda n: (None, None))(y, n, seed)
    return tuple(p[rng.choice(len(p), n, replace=False)] for p in lists)


PAIRS = {
    "the full table": (drawn(lambda n: (n, n), full_table), "both orders"),
    "the diagonal too": (drawn(lambda n: (n, n), with_the_diagonal), "a point with itself"),
    "a loop over classes": (loop_over_classes, "the class drawn first"),
    "independent points": (independent_points, None),
    "repeats": (taken_with_repeats, "drawn with replacement"),
    "shuffled points": (shuffled_points, None),
    "first pairs of shuffled points": (first_of_shuffled(zip), "always the first pairs"),
    "all pairs of a few shuffled points": (
        first_of_shuffled(lambda i, j: sorted(zip(i, j, strict=True), key=lambda p: p[::-1])),
        "always the first pairs",
    ),
    "sorted and cut": (sorted_and_cut, "always the first pairs"),
    "legacy choice": (legacy_choice, "stops where there are fewer"),
    "n - 1": (drawn(lambda n: (n - 1, n - 1)), None),
    "n + 1": (drawn(lambda n: (n + 1, n + 1)), None),
    "2n": (drawn(lambda n: (n, 2 * n)), "another number of dissimilar pairs"),
    "half": (drawn(lambda n: (n // 2, n // 2)), "n pairs in all"),
    "everything": (drawn(lambda n: (None, None)), "all pairs"),
    "turned": (
        lambda *a: tuple(np.flip(p, axis=1) for p in by_masks(*a)),
        "i above j",
    ),
    "transposed": (lambda *a: tuple(p.T for p in by_masks(*a)), "rows and columns exchanged"),
    "exchanged": (lambda *a: by_masks(*a)[::-1], "kinds exchanged"),
    "one seed": (lambda y, n, seed: drawn(lambda n: (n, n))(y, n, 42), "a seed of its own"),
    "similar twice": (lambda *a: (by_masks(*a)[0],) * 2, None),
    "nothing": (lambda *a: (np.zeros((0, 2), int),) * 2, None),
    "halves": (lambda *a: tuple(p + 0.5 for p in by_masks(*a)), None),
}


@pytest.mark.parametrize("form", PAIRS)
def test_no_near_miss_of_the_draw_passes(form):
    answer, mistake = PAIRS[form]
    assert_fails("04.1", answer, mistake)


@pytest.mark.parametrize("ratio", [1, 2])
def test_honest_draws_stay_far_from_what_counts_as_unlikely(ratio):
    case = {c.name: c for _, c in cases_of("04.1", ratio=ratio)}["one class of 40 and 60 of two"]
    y, n, _ = case.inputs.values()
    names, sizes = np.unique(y, return_counts=True)
    for seed in range(40):
        similar, dissimilar = reference("04.1", ratio=ratio)(y, n, seed)
        large = y == names[sizes.argmax()]
        assert (~large[similar].any(axis=1)).sum() < 28
        assert large[dissimilar].any(axis=1).mean() > 0.2


def used_most(pairs, count=4):
    """What share of the pairs the points that are used most touch."""
    hubs = np.argsort(-np.bincount(pairs.ravel()))[:count]
    return np.isin(pairs, hubs).any(axis=1).mean()


@pytest.mark.parametrize("form", ["first pairs of shuffled points", "all pairs of a few"])
def test_shuffled_points_are_told_from_shuffled_pairs_by_any_draw(form):
    answer = next(answer for name, (answer, _) in PAIRS.items() if name.startswith(form))
    case = {c.name: c for c in key_of("04.1", 0).cases}["two classes of 40"]
    y, n, _ = case.inputs.values()
    for seed in range(20):
        for table in answer(y, n, seed):
            assert used_most(table) == 1 or len(np.unique(table)) < 20
        for table in reference("04.1")(y, n, seed):
            assert used_most(table) < 0.4
            assert len(np.unique(table)) > 45


def test_the_first_case_has_one_right_answer():
    for ratio in (1, 2):
        y, n, _ = key_of("04.1", 0, ratio=ratio).cases[0].inputs.values()
        same = [y[i] == y[j] for i, j in combinations(range(len(y)), 2)]
        assert (sum(same), len(same) - sum(same)) == (n, ratio * n)


# ---------------------------------------------------------------- 04.2


def in_loops(w, S, D, mean=False, log=np.log, root=np.sqrt, half=0.5):
    value = total = 0.0
    gradient, slope = np.zeros(len(w)), np.zeros(len(w))
    for s in S:
        for j in range(len(w)):
            value += w[j] * s[j] ** 2
            gradient[j] += s[j] ** 2
    for d in D:
        distance = root(sum(w[j] * d[j] ** 2 for j in range(len(w))))
        total += distance
        slope += half * d**2 / distance
    if mean:
        value, gradient = value / len(S), gradient / len(S)
        total, slope = total / len(D), slope / len(D)
    return value - log(total), gradient - slope / total


def by_einsum(w, S, D):
    r = np.einsum("j,ij,ij->i", w, D, D) ** 0.5
    value = np.einsum("j,ij,ij->", w, S, S) - np.log(r.sum())
    return value, np.einsum("ij,ij->j", S, S) - np.einsum("ij,i->j", D**2, 1 / r) / (2 * r.sum())


def by_matrices(w, S, D):
    M = np.diag(w)
    r = np.sqrt(np.diag(D @ M @ D.T))
    gradient = np.diag(S.T @ S) - np.diag(D.T @ np.diag(0.5 / r) @ D) / r.sum()
    return np.trace(S @ M @ S.T) - np.log(r.sum()), gradient


def by_norms(w, S, D):
    r = np.linalg.norm(D * np.sqrt(w), axis=1)
    value = np.linalg.norm(S * np.sqrt(w)) ** 2 - np.log(np.sum(r))
    return value, np.sum(S * S, axis=0) - np.sum(D * D / r[:, None], axis=0) / np.sum(r) / 2


@pytest.mark.parametrize("answer", [in_loops, by_einsum, by_matrices, by_norms])
def test_every_form_of_the_objective_is_right(answer):
    assert_passes("04.2", answer)


def test_means_are_right_where_they_are_asked():
    assert_passes("04.2", lambda *a: in_loops(*a, mean=True), mean=True)
    assert_fails("04.2", in_loops, "sum for mean", mean=True)
    assert_fails("04.2", lambda *a: in_loops(*a, mean=True), "mean for sum")


def quotient(f, x, h=1e-6):
    steps = h * np.eye(len(x))
    return np.array([(f(x + e) - f(x - e)) / (2 * h) for e in steps])


@pytest.mark.parametrize("mean", [False, True])
def test_the_gradient_is_that_of_the_value(mean):
    f = reference("04.2", mean=mean)
    for _, case in cases_of("04.2", mean=mean):
        w, S, D = doubles(case)
        slope = quotient(lambda x, S=S, D=D: f(x, S, D)[0], w)
        assert np.allclose(f(w, S, D)[1], slope, rtol=1e-5, atol=1e-5), case.name


def changed(value=lambda v: v, gradient=lambda g: g):
    def answer(*inputs):
        v, g = by_einsum(*inputs)
        return value(v), gradient(g)

    return answer


OBJECTIVES = {
    "base 10": (lambda *a: in_loops(*a, log=np.log10), "another logarithm"),
    "no log": (lambda *a: in_loops(*a, log=lambda t: t), "no logarithm"),
    "no half": (lambda *a: in_loops(*a, half=1), "½ missing from the gradient"),
    "a quarter": (lambda *a: in_loops(*a, half=0.25), None),
    "cube root": (lambda *a: in_loops(*a, root=np.cbrt), None),
    "squares": (
        lambda *a: in_loops(*a, root=lambda q: q, half=a[0][0] * 0 + 1),
        None,
    ),
    "negated": (changed(gradient=lambda g: -g), "the direction of descent"),
    "value negated": (changed(value=lambda v: -v), None),
    "twice": (changed(gradient=lambda g: 2 * g), None),
    "summed gradient": (changed(gradient=np.sum), None),
    "a column": (changed(gradient=lambda g: g[:, None]), None),
    "matrix": (changed(gradient=np.diag), None),
    "of length one": (changed(gradient=lambda g: g / np.linalg.norm(g)), None),
    "exchanged": (lambda *a: by_einsum(*a)[::-1], "gradient first"),
    "pairs exchanged": (lambda w, S, D: by_einsum(w, D, S), "S and D exchanged"),
    "of log w": (lambda w, S, D: changed(gradient=lambda g: w * g)(w, S, D), None),
    "coarse difference": (
        lambda w, S, D: (by_einsum(w, S, D)[0], quotient(lambda x: by_einsum(x, S, D)[0], w, 1e-3)),
        None,
    ),
    "the root of w": (lambda w, S, D: by_einsum(np.sqrt(w), S, D), None),
    "w squared": (lambda w, S, D: by_einsum(w**2, S, D), "weights squared"),
}


@pytest.mark.parametrize("form", OBJECTIVES)
def test_no_near_miss_of_the_objective_passes(form):
    answer, mistake = OBJECTIVES[form]
    assert_fails("04.2", answer, mistake)


def test_a_small_case_by_hand():
    case = key_of("04.2", 0).cases[1]
    value, gradient = reference("04.2")(*doubles(case))
    # S costs 4·(1 + 4); the distances are 2 and 6, and their slopes 1/4 and 9/12.
    assert value == pytest.approx(20 - np.log(8))
    assert gradient == pytest.approx([5 - 1 / 8])


# ---------------------------------------------------------------- 04.2b


def newton_with(
    hessian=None, shrink=2, tries=31, inside=lambda x: x > 0, falls=lambda a, b: a < b, up=False
):
    """The step by loops, with a Hessian from pairs."""

    def of_pairs(w, S, D):
        s, slope, bend = 0.0, 0.0, 0.0
        for d in D:
            q = np.sum(w * d**2)
            s, slope = s + q**0.5, slope + d**2 / (2 * q**0.5)
            bend = bend - np.outer(d**2, d**2) / (4 * q**1.5)
        return np.outer(slope / s, slope / s) - bend / s

    def answer(w, S, D):
        value, gradient = by_einsum(w, S, D)
        p = np.linalg.inv((hessian or of_pairs)(w, S, D)) @ gradient
        p, t = (p if up else -p), 1.0
        for _ in range(tries):
            new = w + t * p
            if np.all(inside(new)) and falls(by_einsum(new, S, D)[0], value):
                return new
            t /= shrink
        return w

    return answer


def numerical_hessian(w, S, D, h=1e-5):
    return np.array(quotient(lambda x: by_einsum(x, S, D)[1], w, h))


def by_least_squares(w, S, D):
    space = lesson()
    value, gradient = space["value_and_gradient"](w, S, D)
    R = np.sqrt(D**2 @ w)
    Q = D**2 / R[:, None]
    H = Q.T @ np.diag(1 / (4 * R)) @ Q / R.sum()
    H = H + np.outer(Q.sum(0), Q.sum(0)) / (2 * R.sum()) ** 2
    p = np.linalg.lstsq(H, -gradient, rcond=None)[0]
    lengths = [0.5**k for k in range(31)]
    fine = (
        w + t * p
        for t in lengths
        if np.min(w + t * p) > 0 and space["value_and_gradient"](w + t * p, S, D)[0] < value
    )
    return next(fine, w)


def in_its_own_precision(w, S, D):
    return newton_with()(w, S, D).astype(w.dtype)


@pytest.mark.parametrize("answer", [newton_with(), by_least_squares, in_its_own_precision])
def test_every_form_of_newtons_step_is_right(answer):
    assert_passes("04.2b", answer)


def test_a_quarter_of_the_step_is_right_where_it_is_asked():
    assert_passes("04.2b", newton_with(shrink=4), shrink=4.0)
    assert_fails("04.2b", newton_with(), "another factor", shrink=4.0)


@pytest.mark.parametrize(("shrink", "says"), [(2.0, "30 halvings"), (4.0, "30 divisions by 4")])
def test_statement_and_skeleton_say_how_often_the_step_shrinks(shrink, says):
    exercise = exercises.find("04.2b")
    variant = exercise.variant(shrink=shrink)
    assert f"at most {says}" in exercise.text("statement", variant)
    assert f"at most {says}" in exercise.text("skeleton", variant)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_line_of_a_skeleton_is_too_long(number):
    exercise = exercises.find(number)
    for variant in exercise.all_variants():
        assert max(map(len, exercise.text("skeleton", variant).splitlines())) <= 100


def test_the_hessian_is_that_of_the_objective():
    for _, case in cases_of("04.2b"):
        w, S, D = doubles(case)
        if case.group == "limits":
            continue
        found = newton_with(hessian=numerical_hessian)(w, S, D)
        assert np.allclose(found, reference("04.2b")(w, S, D), rtol=1e-4, atol=1e-5), case.name


def part(square=1.0, curved=1.0):
    def hessian(w, S, D):
        r = np.sqrt(D**2 @ w)
        slope, Q = (D**2 / (2 * r[:, None])).sum(0), D**2
        bend = np.einsum("ij,ik,i->jk", Q, Q, -0.25 / r**3)
        return square * np.outer(slope, slope) / r.sum() ** 2 - curved * bend / r.sum()

    return hessian


def clipped_at_zero(w, S, D):
    _, gradient = by_einsum(w, S, D)
    p = -np.linalg.solve(part()(w, S, D), gradient)
    return np.maximum(w + p, 0)


def mirrored(w, S, D):
    value, gradient = by_einsum(w, S, D)
    p, t = -np.linalg.solve(part()(w, S, D), gradient), 1.0
    for _ in range(31):
        new = np.abs(w + t * p)
        if by_einsum(new, S, D)[0] < value:
            return new
        t /= 2
    return w


NEWTON = {
    "fifths": (newton_with(shrink=5), None),
    "tenths": (newton_with(shrink=10), "another factor"),
    "six tries": (newton_with(tries=6), "stops too early"),
    "uphill": (newton_with(up=True), "uphill"),
    "negative Hessian": (newton_with(hessian=part(-1, -1)), "uphill"),
    "only the roots": (newton_with(hessian=part(0, 1)), "one part of the Hessian"),
    "sign of a part": (newton_with(hessian=part(1, -1)), "sign inside the Hessian"),
    "half a part": (newton_with(hessian=part(1, 0.5)), "a factor in the Hessian"),
    "three times a part": (newton_with(hessian=part(3, 1)), None),
    "the diagonal": (
        newton_with(hessian=lambda *a: np.diag(np.diag(part()(*a)))),
        "only the diagonal of the Hessian",
    ),
    "the diagonal of the bend": (
        newton_with(hessian=lambda *a: part(1, 0)(*a) + np.diag(np.diag(part(0, 1)(*a)))),
        "only the diagonal of a part",
    ),
    "the squares of the slopes": (
        newton_with(hessian=lambda *a: np.diag(np.diag(part(1, 0)(*a))) + part(0, 1)(*a)),
        "only the diagonal of a part",
    ),
    "the identity": (
        newton_with(hessian=lambda w, S, D: np.eye(len(w))),
        "a gradient step",
    ),
    "a damped Hessian": (
        newton_with(hessian=lambda w, S, D: part()(w, S, D) + 0.1 * np.eye(len(w))),
        None,
    ),
    "coarse Hessian": (newton_with(hessian=lambda *a: numerical_hessian(*a, h=1e-2)), None),
    "anything inside": (
        newton_with(falls=lambda a, b: True),
        "accepts a step that raises f",
    ),
    "negative weights": (newton_with(inside=lambda x: x == x), "accepts negative weights"),
    "both accepted": (
        newton_with(inside=lambda x: x == x, falls=lambda a, b: True),
        "the step never shrinks",
    ),
    "clipped": (clipped_at_zero, "clips negative weights"),
    "mirrored": (mirrored, "absolute values of weights"),
    "twice": (lambda w, S, D: newton_with()(newton_with()(w, S, D), S, D), "two steps"),
    "the step": (lambda w, S, D: newton_with()(w, S, D) - w, "the step alone"),
}


@pytest.mark.parametrize("form", NEWTON)
def test_no_near_miss_of_newtons_step_passes(form):
    answer, mistake = NEWTON[form]
    assert_fails("04.2b", answer, mistake)


@pytest.mark.parametrize("shrink", [2.0, 4.0])
def test_every_try_is_clearly_allowed_or_not(shrink):
    for _, case in cases_of("04.2b", shrink=shrink):
        w, S, D = doubles(case)
        if case.name.startswith("a minimum"):
            continue
        value, gradient = by_einsum(w, S, D)
        p = -np.linalg.solve(part()(w, S, D), gradient)
        for k in range(31):
            new = w + p / shrink**k
            assert np.abs(new / w).min() > 5e-3 or case.name.startswith("a step"), case.name
            if np.all(new > 0):
                fall = value - by_einsum(new, S, D)[0]
                assert abs(fall) > 5e-3, case.name
                if fall > 0:
                    break


def test_the_outcome_of_a_wrong_count_is_a_failure():
    for found in verdicts("04.2", lambda *inputs: by_einsum(*inputs)[0]):
        assert (found.outcome, found.earned) == (FAILED, 0)
        assert found.finding.sentence.startswith("Your answer returned one number.")
