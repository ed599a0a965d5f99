"""What the cases of chapter 05 promise: no kink and no tie decides, and honest forms pass."""

import ast
import functools
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "05_lmnn" / "exercises.py"
NUMBERS = ("05.1", "05.2", "05.3", "05.4", "05.5")


@functools.cache
def key_of(number, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    exercise = exercises.find(number)
    return Key(exercise, exercise.variant(**variant), seed)


def verdicts(number, answer, **variant):
    for seed in SEEDS:
        key = key_of(number, seed, **variant)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer, notes=False, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert bool(found.notes) == notes, found.notes


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


@pytest.mark.parametrize("seed", SEEDS)
def test_the_given_functions_are_the_loss_and_its_gradient_in_m(seed):
    for case in key_of("05.2", seed).cases:
        L, *rest = (np.asarray(v, float) if n in "LX" else v for n, v in case.inputs.items())
        M = L.T @ L
        loss, gradient = reference("05.2")(L, *rest), reference("05.3")(L, *rest)
        assert lesson()["lmnn_objective"](M, *rest) == pytest.approx(loss, rel=1e-9)
        G = lesson()["lmnn_gradient_M"](M, *rest)
        assert np.array_equal(G, G.T) or np.allclose(G, G.T, rtol=1e-12, atol=1e-12)
        assert np.allclose(2 * L @ G, gradient, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------- 05.1


def by_sorting_all(X, y, k):
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    table = [[j for j in np.argsort(row) if y[j] == y[i] and j != i][:k] for i, row in enumerate(D)]
    return np.array([row + [-1] * (k - len(row)) for row in table])


def by_masking(X, y, k):
    D = np.linalg.norm(X[:, None] - X, axis=2)
    D[(y[:, None] != y) | np.eye(len(y), dtype=bool)] = np.inf
    order = np.argsort(D, axis=1)[:, :k]
    order = np.where(np.isinf(np.take_along_axis(D, order, axis=1)), -1, order)
    return np.pad(order, ((0, 0), (0, k - order.shape[1])), constant_values=-1)


def by_partition(X, y, k):
    targets = by_masking(X, y, k)
    return targets.tolist()


def by_floats(X, y, k):
    return by_masking(X, y, k).astype(float)


@pytest.mark.parametrize("answer", [by_sorting_all, by_masking, by_partition, by_floats])
def test_every_form_of_the_search_is_right(answer):
    assert_passes("05.1", answer)


def test_the_targets_do_not_depend_on_the_order_of_equal_distances():
    for _, case in cases_of("05.1"):
        X, y, _ = case.inputs.values()
        D = ((X[:, None] - X) ** 2).sum(axis=2)
        for i in range(len(X)):
            own = D[i, (y == y[i]) & (np.arange(len(X)) != i)]
            assert len(np.unique(own)) == len(own), case.name


def minus_one_forgotten(X, y, k):
    """Zeros where nothing was written."""
    targets = np.zeros((len(X), k), int)
    for i, row in enumerate(by_sorting_all(X, y, k)):
        found = row[row >= 0]
        targets[i, : len(found)] = found
    return targets


def infinity_on_the_diagonal_only(X, y, k):
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    np.fill_diagonal(D, np.inf)
    return np.argsort(D, axis=1)[:, :k]


def large_number_for_strangers(X, y, k):
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    D[y[:, None] != y] = 1e12
    np.fill_diagonal(D, 1e12)
    return np.argsort(D, axis=1, kind="stable")[:, :k]


def class_by_class(X, y, k):
    targets = np.full((len(X), k), -1)
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        D = ((X[own][:, None] - X[own]) ** 2).sum(axis=2)
        order = np.argsort(D, axis=1, kind="stable")[:, 1 : k + 1]
        targets[own, : order.shape[1]] = order
    return targets


def class_by_class_in_x(X, y, k):
    targets = np.full((len(X), k), -1)
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        D = ((X[own][:, None] - X[own]) ** 2).sum(axis=2)
        order = np.argsort(D, axis=1, kind="stable")[:, 1 : k + 1]
        targets[own, : order.shape[1]] = own[order]
    return targets


def zero_distances_masked(X, y, k):
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    D[(y[:, None] != y) | (D == 0)] = np.inf
    order = np.argsort(D, axis=1, kind="stable")
    order[np.isinf(np.take_along_axis(D, order, axis=1))] = -1
    return np.pad(order, ((0, 0), (0, max(k - len(X), 0))), constant_values=-1)[:, :k]


def k_of_the_smallest_class(X, y, k):
    least = min(np.sum(y == label) for label in y) - 1
    return by_masking(X, y, min(k, least))


UNLISTED_TARGETS = {
    zero_distances_masked: "distance zero taken for itself",
    k_of_the_smallest_class: "k cut for everybody",
    minus_one_forgotten: "another sign for none",
    infinity_on_the_diagonal_only: "any class",
    large_number_for_strangers: "filled with strangers",
    class_by_class: "places within the class",
    class_by_class_in_x: "the first of each row dropped",
}


@pytest.mark.parametrize("answer", UNLISTED_TARGETS, ids=lambda f: f.__name__)
def test_a_slip_of_the_search_is_named_in_another_form_too(answer):
    assert_fails("05.1", answer, UNLISTED_TARGETS[answer])


def test_two_points_at_one_place_fit_on_a_line():
    (case,) = [c for c in key_of("05.1", 0).cases if c.name == "two points at one place"]
    X, y, k = case.inputs.values()
    found = reference("05.1")(X, y, k)
    twins = [i for i in range(len(X)) if np.all(X[i] == X, axis=1).sum() == 2]
    assert printable(case)
    assert [found[i].tolist() for i in twins] == [[j] for j in reversed(twins)]


# ---------------------------------------------------------------- 05.2


def three_loops(L, X, y, targets, mu, clip=lambda a: max(a, 0), step=1.0, counts=None):
    def squared(i, j):
        return float(np.sum((L @ (X[i] - X[j])) ** 2))

    pull = push = 0.0
    for i in range(len(X)):
        for j in targets[i]:
            if j < 0:
                continue
            pull += squared(i, j)
            for k in range(len(X)):
                if y[k] != y[i] and (counts is None or counts(squared(i, j), squared(i, k))):
                    push += clip(step + squared(i, j) - squared(i, k))
    return (1 - mu) * pull + mu * push


def expanded(L, X, y, targets, mu):
    G = X @ L.T @ L @ X.T
    D = np.diag(G)[:, None] + np.diag(G) - 2 * G
    i, place = np.nonzero(targets >= 0)
    near = D[i, targets[i, place]]
    hinges = np.maximum(0, 1 + near[:, None] - D[i])[y[i][:, None] != y]
    return (1 - mu) * near.sum() + mu * hinges.sum()


def in_single_steps(L, X, y, targets, mu):
    """A sum kept in the precision of the inputs, one term after the other."""
    total = X.dtype.type(0)
    for i in range(len(X)):
        for j in targets[i][targets[i] >= 0]:
            near = np.square(L @ (X[i] - X[j])).sum(dtype=X.dtype)
            total += X.dtype.type(1 - mu) * near
            for k in np.flatnonzero(y != y[i]):
                far = np.square(L @ (X[i] - X[k])).sum(dtype=X.dtype)
                total += X.dtype.type(mu) * max(X.dtype.type(0), 1 + near - far)
    return total


@pytest.mark.parametrize("answer", [three_loops, expanded, in_single_steps])
def test_every_form_of_the_loss_is_right(answer):
    assert_passes("05.2", answer)


def test_the_mean_is_the_sum_over_n():
    assert_passes("05.2", lambda L, X, *rest: three_loops(L, X, *rest) / len(X), mean=True)
    assert_fails("05.2", three_loops, "sum for mean", mean=True)


UNLISTED_LOSSES = {
    "absolute values for the hinge": (lambda *a: three_loops(*a, clip=abs), None),
    "a margin of 2": (lambda *a: three_loops(*a, step=2.0), None),
    "a margin of 0": (lambda *a: three_loops(*a, step=0.0), "margin missing"),
    "a soft hinge": (lambda *a: three_loops(*a, clip=lambda e: np.logaddexp(0, e)), None),
    "no clip": (lambda *a: three_loops(*a, clip=lambda e: e), "no hinge"),
    "counted": (lambda *a: three_loops(*a, clip=lambda e: e > 0), "counts for distances"),
    "transposed map": (lambda L, *rest: three_loops(L.T, *rest), "L on the wrong side"),
    "other weights": (lambda *a: three_loops(*a[:-1], 1 - a[-1]), "weights exchanged"),
    "twice": (lambda *a: 2 * three_loops(*a), None),
    "inside the circle": (
        lambda *a: three_loops(*a, counts=lambda near, far: far < near),
        "only points nearer than the target",
    ),
    "means of targets": (
        lambda *a: three_loops(*a) / a[3].shape[1],
        "averaged over targets",
    ),
    "one mean of targets": (
        lambda L, X, y, t, mu: (
            three_loops(L, X, y, t, 0) * (1 - mu) / t.shape[1] + mu * three_loops(L, X, y, t, 1)
        ),
        "averaged over targets",
    ),
    "half of the points": (
        lambda L, X, y, t, mu: three_loops(
            L, X, y, np.where(np.arange(len(X))[:, None] % 2, t, -1), mu
        ),
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_LOSSES)
def test_no_near_miss_of_the_loss_passes(form):
    answer, mistake = UNLISTED_LOSSES[form]
    assert_fails("05.2", answer, mistake)


def test_the_small_cases_of_the_loss_tell_both_sides_of_the_map_and_two_targets():
    cases = {case.name: case.inputs for case in key_of("05.2", 0).cases}
    L, X, *rest = cases["three points in the plane, L not symmetric"].values()
    assert three_loops(L, X, *rest) == 0.75 * 10 + 0.25 * 5
    assert three_loops(L.T, X, *rest) == 0.75 * 2
    L, X, y, targets, mu = cases["four points on a line, two targets"].values()
    # Pulls 1, 9, 1, 4, 4, 9; the fourth point intrudes by 6 on 0, by 1 and 4 on 1, by 4 and 9 on 3.
    assert three_loops(L, X, y, targets, mu) == 0.75 * 28 + 0.25 * 24
    assert three_loops(L, X, y, targets[:, :1], mu) == 0.75 * 6 + 0.25 * 5


@pytest.mark.parametrize("number", ["05.2", "05.3"])
@pytest.mark.parametrize("places", [1, 2])
def test_some_case_with_so_many_targets_fits_on_a_line(number, places):
    cases = [c for c in key_of(number, 0).cases if c.group == "values" and printable(c)]
    assert any((c.inputs["targets"] >= 0).sum(axis=1).max() == places for c in cases)


# ---------------------------------------------------------------- 05.3


def difference_quotient(L, X, y, targets, mu, h=1e-6, **variant):
    loss, found = reference("05.2", **variant), np.zeros(L.shape)
    for at in np.ndindex(L.shape):
        up, down = (np.array(L, float) for _ in range(2))
        up[at] += h
        down[at] -= h
        sides = (loss(A, X.astype(float), y, targets, mu) for A in (up, down))
        found[at] = np.subtract(*sides) / (2 * h)
    return found


@pytest.mark.parametrize("mean", [False, True])
def test_the_gradient_is_that_of_the_loss(mean):
    for _, case in cases_of("05.3", mean=mean):
        inputs = [np.asarray(v, float) if n in "LX" else v for n, v in case.inputs.items()]
        found = reference("05.3", mean=mean)(*inputs)
        assert np.allclose(found, difference_quotient(*inputs, mean=mean), atol=1e-5), case.name


def test_no_triplet_stands_near_the_edge_of_its_hinge():
    for _, case in cases_of("05.3"):
        L, X, y, targets, _ = case.inputs.values()
        Z = X @ L.T
        D = ((Z[:, None] - Z) ** 2).sum(axis=2)
        i, place = np.nonzero(targets >= 0)
        excess = (1 + D[i, targets[i, place]][:, None] - D[i])[y[i][:, None] != y]
        assert np.abs(excess).min(initial=1) > 0.01, case.name


def outer_products(L, X, y, targets, mu, active=lambda e: e > 0, turned=False):
    """The gradient by loops; ``active`` of the excess of a triplet."""
    gradient = np.zeros_like(L)
    for i in range(len(X)):
        for j in targets[i][targets[i] >= 0]:
            a = X[i] - X[j]
            gradient += 2 * (1 - mu) * np.outer(L @ a, a)
            for k in np.flatnonzero(y != y[i]):
                b = X[i] - X[k]
                if active(1 + np.sum((L @ a) ** 2) - np.sum((L @ b) ** 2)):
                    sign = -1 if turned else 1
                    gradient += 2 * mu * (np.outer(L @ a, a) - sign * np.outer(L @ b, b))
    return gradient


def test_outer_products_in_loops_are_right():
    assert_passes("05.3", outer_products)


def weights(L, X, y, targets, mu, added=np.add.at):
    """The table of weights; ``added(W, indices, values)`` writes into it."""
    Z, (i, place) = X @ L.T, np.nonzero(targets >= 0)
    D, j = ((Z[:, None] - Z) ** 2).sum(axis=2), targets[i, place]
    t, k = np.nonzero((1 + D[i, j][:, None] > D[i]) & (y[i][:, None] != y))
    W = np.zeros((len(X), len(X)))
    added(W, (i, j), 1 - mu)
    added(W, (i[t], j[t]), mu)
    added(W, (i[t], k), -mu)
    return W


def from_weights(L, X, *rest, symmetric=True, **how):
    W = weights(L, X, *rest, **how)
    W = W + W.T if symmetric else W
    return 2 * L @ X.T @ (np.diag(W.sum(axis=1)) - W) @ X


def added_once(W, indices, values):
    W[indices] += values


def written_over(W, indices, values):
    W[indices] = values


def moving_the_anchor(L, X, *rest):
    W, Z = weights(L, X, *rest), X @ L.T
    moves = [
        2 * sum(w * (z - other) for w, other in zip(row, Z, strict=True))
        for row, z in zip(W, Z, strict=True)
    ]
    return np.array(moves).T @ X


def around_the_target(L, X, y, targets, mu):
    gradient = np.zeros_like(L)
    for i, place in zip(*np.nonzero(targets >= 0), strict=True):
        j = targets[i, place]
        a, others = X[i] - X[j], X[j] - X[y != y[i]]
        b = others[1 + np.sum((L @ a) ** 2) > np.sum((others @ L.T) ** 2, axis=1)]
        gradient += 2 * L @ ((1 - mu + mu * len(b)) * np.outer(a, a) - mu * b.T @ b)
    return gradient


def test_a_table_of_weights_is_right():
    assert_passes("05.3", from_weights)


UNLISTED_GRADIENTS = {
    "half a table": (partial(from_weights, symmetric=False), "weights in one place only"),
    "added once": (partial(from_weights, added=added_once), "a weight replaced and not added to"),
    "written over": (
        partial(from_weights, added=written_over),
        "a weight replaced and not added to",
    ),
    "moves the anchor": (moving_the_anchor, "by the anchor alone"),
    "around the target": (around_the_target, "measured from the target"),
    "all triplets": (
        lambda *a: outer_products(*a, active=lambda e: True),
        "inactive triplets counted",
    ),
    "margin 0": (
        lambda *a: outer_products(*a, active=lambda e: e > 1),
        "active without the margin",
    ),
    "other sign": (lambda *a: outer_products(*a, turned=True), "sign of the impostor"),
    "half": (lambda *a: outer_products(*a) / 2, "factor 2 missing"),
    "downhill": (lambda *a: -outer_products(*a), "the direction of descent"),
    "transposed": (lambda *a: outer_products(*a).T, "transposed"),
    "coarse difference": (lambda *a: difference_quotient(*a, h=1e-3), None),
    "fine difference": (difference_quotient, None),
    "unit length": (lambda *a: (g := outer_products(*a)) / np.linalg.norm(g), None),
    "four times": (lambda *a: 4 * outer_products(*a), None),
}


@pytest.mark.parametrize("form", UNLISTED_GRADIENTS)
def test_no_near_miss_of_the_gradient_passes(form):
    answer, mistake = UNLISTED_GRADIENTS[form]
    assert_fails("05.3", answer, mistake)


# ---------------------------------------------------------------- 05.4


def step_with(project=None, shrink=2, tries=31, at_the_end=0.0):
    space = lesson()

    def positive_part(A):
        values, vectors = np.linalg.eigh(A)
        return (vectors * np.maximum(values, 0)) @ vectors.T

    def lmnn_step(M, X, y, targets, mu, step):
        objective, gradient = space["lmnn_objective"], space["lmnn_gradient_M"]
        G = gradient(M, X, y, targets, mu)
        for number in range(tries):
            found = (project or positive_part)(M - step / shrink**number * G)
            if objective(found, X, y, targets, mu) <= objective(M, X, y, targets, mu):
                return found, step / shrink**number
        return M, at_the_end

    return lmnn_step


def by_svd(A):
    """The positive part from a symmetric matrix and its absolute value."""
    _, sizes, right = np.linalg.svd((A + A.T) / 2)
    return ((A + A.T) / 2 + (right.T * sizes) @ right) / 2


def test_every_form_of_the_step_is_right():
    assert_passes("05.4", step_with())
    assert_passes("05.4", step_with(project=by_svd))
    assert_passes("05.4", step_with(tries=29))
    assert_passes("05.4", step_with(tries=41))
    assert_passes("05.4", step_with(shrink=4), shrink=4.0)


STEPS = {
    "entries": ({"project": lambda A: np.maximum(A, 0)}, "clips entries"),
    "nothing projected": ({"project": lambda A: A}, "not projected after the step"),
    "fifths": ({"shrink": 5}, None),
    "quarters": ({"shrink": 4}, "another factor"),
    "ten tries": ({"tries": 11}, "stops too early"),
    "no limit": ({"tries": 1000}, "shrinks without end"),
    "minus one at the end": ({"at_the_end": -1.0}, None),
    "diagonal": ({"project": lambda A: np.diag(np.maximum(np.diag(A), 0))}, None),
    "eigenvalues at least 0.1": (
        {"project": lambda A: by_svd(A - 0.1 * np.eye(len(A))) + 0.1 * np.eye(len(A))},
        None,
    ),
}


@pytest.mark.parametrize("form", STEPS)
def test_no_near_miss_of_the_step_passes(form):
    parts, mistake = STEPS[form]
    assert_fails("05.4", step_with(**parts), mistake)


WRONG_COUNTS = {
    "one array": (lambda found, taken: found, "Your answer returned one array."),
    "one number": (lambda found, taken: taken, "Your answer returned one number."),
    "three": (lambda found, taken: (found, taken, 0), "Your answer returned three things."),
}


@pytest.mark.parametrize("form", WRONG_COUNTS)
def test_a_step_that_returns_another_number_of_things_is_told_so(form):
    pick, said = WRONG_COUNTS[form]
    for found in verdicts("05.4", lambda *inputs: pick(*step_with()(*inputs))):
        assert (found.outcome, found.mistake, found.earned) == (FAILED, None, 0)
        expected = f"{said} Asked are two things, in this order: M, step."
        assert found.finding.sentence == expected


def test_a_step_before_its_matrix_is_named():
    assert_fails("05.4", lambda *inputs: step_with()(*inputs)[::-1], "step and matrix exchanged")


@pytest.mark.parametrize("shrink", [2.0, 4.0])
def test_every_try_is_clearly_above_the_old_objective_or_below(shrink):
    objective = lesson()["lmnn_objective"]
    for _, case in cases_of("05.4", shrink=shrink):
        M, *rest, step = case.inputs.values()
        if case.name.startswith("a minimum"):
            continue
        old, G = objective(M, *rest), lesson()["lmnn_gradient_M"](M, *rest)
        tries = [objective(by_svd(M - step / shrink**i * G), *rest) for i in range(31)]
        accepted = next((i for i, value in enumerate(tries) if value <= old), 30)
        assert all(abs(v - old) > 1e-4 * old for v in tries[: accepted + 1]), case.name


def test_the_accepted_step_lowers_the_objective_and_stays_in_the_cone():
    for _, case in cases_of("05.4"):
        M, *rest, step = case.inputs.values()
        found, taken = reference("05.4")(M, *rest, step)
        assert lesson()["lmnn_objective"](found, *rest) <= lesson()["lmnn_objective"](M, *rest)
        assert np.linalg.eigvalsh(found)[0] >= -1e-6
        assert taken == 0 or np.log2(step / taken) in range(31)


# ---------------------------------------------------------------- 05.5


def comparing_rows(Z, y, targets):
    counts = np.zeros(targets.shape, int)
    for i, place in zip(*np.nonzero(targets >= 0), strict=True):
        D = ((Z - Z[i]) ** 2).sum(axis=1)
        counts[i, place] = np.sum((D[targets[i, place]] + 1 > D) & (y != y[i]))
    return counts


def from_roots(Z, y, targets):
    D = np.linalg.norm(Z[:, None] - Z, axis=2)
    counts = np.zeros(targets.shape, int)
    for place, j in enumerate(targets.T):
        reach = np.sqrt(D[np.arange(len(Z)), j] ** 2 + 1)
        counts[:, place] = ((reach[:, None] > D) & (y[:, None] != y)).sum(axis=1) * (j >= 0)
    return counts


def from_a_product(Z, y, targets):
    norms = (Z**2).sum(axis=1)
    D = norms[:, None] + norms - 2 * Z @ Z.T
    counts = np.zeros(targets.shape, int)
    for i in range(len(Z)):
        far = np.sort(D[i, y != y[i]])
        counts[i] = np.searchsorted(far, D[i, targets[i]] + 1) * (targets[i] >= 0)
    return counts


@pytest.mark.parametrize("answer", [comparing_rows, from_roots, from_a_product])
def test_every_form_that_lists_no_triplets_is_right(answer):
    assert_passes("05.5", answer)


def one_array_of_hinges(Z, y, targets):
    D = ((Z[:, None] - Z) ** 2).sum(axis=2)
    near = np.take_along_axis(D, np.maximum(targets, 0), axis=1)
    hinges = 1 + near[:, :, None] - D[:, None, :]
    return np.where(targets >= 0, ((hinges > 0) & (y[:, None] != y)[:, None]).sum(axis=2), 0)


def list_of_triplets(Z, y, targets):
    D = ((Z[:, None] - Z) ** 2).sum(axis=2)
    other = (y[:, None, None] != y) & (targets >= 0)[:, :, None]
    i, place, k = np.nonzero(other)
    counts = np.zeros(targets.shape, int)
    np.add.at(counts, (i, place), D[i, targets[i, place]] + 1 > D[i, k])
    return counts


@pytest.mark.parametrize("answer", [one_array_of_hinges, list_of_triplets])
def test_a_list_of_triplets_is_right_and_gets_a_note(answer):
    for found in verdicts("05.5", answer):
        assert found.outcome == PASSED, found.finding
        assert any("every triplet" in note for note in found.notes), found.notes


def test_the_counts_are_the_active_triplets_of_the_gradient():
    for _, case in cases_of("05.3"):
        L, X, y, targets, mu = case.inputs.values()
        seen = []
        outer_products(L, X, y, targets, mu, active=lambda e, seen=seen: seen.append(e > 0))
        assert reference("05.5")(X @ L.T, y, targets).sum() == sum(seen), case.name


UNLISTED_COUNTS = {
    "of nearest": (lambda Z, y, t: from_a_product(Z, y, t[:, :1]), None),
    "off by one": (lambda Z, y, t: from_a_product(Z, y, t) + (t >= 0), None),
    "shares": (lambda Z, y, t: from_a_product(Z, y, t) / len(y), None),
    "in all": (lambda Z, y, t: from_a_product(Z, y, t).sum(), "sums over targets or points"),
    "margin 2": (lambda Z, y, t: from_a_product(Z / 2**0.5, y, t), None),
    "sorted": (lambda Z, y, t: np.sort(from_a_product(Z, y, t), axis=1), None),
    "no labels": (lambda Z, y, t: from_a_product(Z, np.arange(len(y)), t), "counts the same class"),
}


@pytest.mark.parametrize("form", UNLISTED_COUNTS)
def test_no_near_miss_of_the_counts_passes(form):
    answer, mistake = UNLISTED_COUNTS[form]
    assert_fails("05.5", answer, mistake)


# ---------------------------------------------------------------- what a learner reads


def test_the_first_case_of_the_loss_by_hand():
    case = key_of("05.2", 0).cases[0]
    # Pull 9 from each side; only the second point has an impostor, by 1 + 9 − 4.
    assert float(key_of("05.2", 0).expected[0]["result"]) == 0.75 * 18 + 0.25 * 6
    assert case.name == "three points on a line"


def test_nothing_is_said_of_an_answer_that_is_not_there():
    for number in NUMBERS:
        key = key_of(number, 0)
        stub = exercises.find(number).text("skeleton") + "\n    ...\n"
        space = {}
        exec(stub, space)
        seen = [observe(key.exercise.kind, space[key.exercise.name], c) for c in key.cases]
        assert judge(key, seen).outcome == NOT_ATTEMPTED


def test_the_planted_mistake_of_the_margin_is_shown_on_a_small_case():
    key = key_of("05.2", 0)
    answer = UNLISTED_LOSSES["a margin of 0"][0]
    found = judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])
    assert (found.outcome, found.finding.case) == (FAILED, key.cases[0])
