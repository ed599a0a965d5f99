"""What 06.3, 06.4 and 06.5 promise: the answers are the projection, the sweep and the dual."""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "06_itml" / "exercises.py"
NUMBERS = ("06.3", "06.4", "06.5")


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
    """Every case, its inputs in float64."""
    for seed in SEEDS:
        for case in key_of(number, seed, **variant).cases:
            real = {name: double(value) for name, value in case.inputs.items()}
            yield case, list(real.values())


def double(value):
    real = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(float) if real else value


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


@pytest.mark.parametrize("number", NUMBERS)
def test_some_case_of_every_group_fits_on_a_few_lines(number):
    cases = key_of(number, 0).cases
    assert {c.group for c in cases if printable(c)} == set(exercises.find(number).groups)


@pytest.mark.parametrize(
    ("number", "change"), [("06.3", "soft"), ("06.4", "back"), ("06.5", "square")]
)
def test_the_answer_to_the_published_text_fails_the_variant_and_the_reverse(number, change):
    other = {change: True}
    for found in verdicts(number, reference(number), **other):
        assert found.outcome == FAILED
        assert found.earned < found.exercise.points
    for found in verdicts(number, reference(number, **other)):
        assert found.outcome == FAILED
        assert found.earned < found.exercise.points


# ---------------------------------------------------------------- 06.3


def step_of(p, delta, xi, gamma):
    return delta * gamma / (gamma + 1) * (1 / p - 1 / xi)


def by_inverses(M, v, delta, xi, lam, gamma):
    alpha = np.minimum(lam, step_of(v @ M @ v, delta, xi, gamma))
    inverse = np.linalg.inv(M) - delta * alpha * np.outer(v, v)
    return np.linalg.inv(inverse), 1 / (1 / xi + delta * alpha / gamma), lam - alpha


def by_einsum(M, v, delta, xi, lam, gamma):
    alpha = step_of(np.einsum("a,ab,b", v, M, v), delta, xi, gamma)
    alpha = lam if alpha > lam else alpha
    beta = 1 / (delta / alpha - v @ M @ v) if alpha else 0.0
    change = beta * np.einsum("ab,b,c,cd->ad", M, v, v, M)
    return M + change, xi / (1 + delta * alpha * xi / gamma), lam - alpha


def by_loops(M, v, delta, xi, lam, gamma):
    d = len(v)
    image = [sum(M[a, b] * v[b] for b in range(d)) for a in range(d)]
    p = sum(v[a] * image[a] for a in range(d))
    alpha = min(lam, step_of(p, delta, xi, gamma))
    t = -delta * alpha / (1 - delta * alpha * p)
    new = [[M[a, b] - t * image[a] * image[b] for b in range(d)] for a in range(d)]
    return [np.array(new), gamma * xi / (gamma + delta * alpha * xi), max(lam - alpha, 0.0)]


def in_the_precision_of_the_inputs(M, v, delta, xi, lam, gamma):
    kind = M.dtype.type
    xi, lam, gamma = kind(xi), kind(lam), kind(gamma)
    image = M.dot(v)
    p = v.dot(image)
    alpha = min(lam, delta * gamma / (gamma + 1) * (1 / p - 1 / xi))
    beta = delta * alpha / (1 - delta * alpha * p)
    return M + beta * image[:, None] * image, gamma * xi / (gamma + delta * alpha * xi), lam - alpha


FORMS = [by_inverses, by_einsum, by_loops, in_the_precision_of_the_inputs]


@pytest.mark.parametrize("answer", FORMS)
def test_every_form_of_the_update_is_right(answer):
    assert_passes("06.3", answer)


def softness(answer):
    """The same answer for c = 1/γ; c = 0 by a price that is as good as infinite."""
    return lambda *inputs: answer(*inputs[:-1], 1 / max(inputs[-1], 1e-300))


def test_the_variant_is_the_update_with_another_unit_of_the_price():
    assert_passes("06.3", softness(by_inverses), soft=True)
    assert_fails("06.3", by_inverses, "price upside down", soft=True)
    assert_fails("06.3", softness(by_inverses), "price upside down")


def test_both_sides_meet_or_everything_is_taken_back():
    met = 0
    for case, (M, v, delta, xi, lam, gamma) in cases_of("06.3"):
        found, bound, dual = reference("06.3")(M, v, delta, xi, lam, gamma)
        assert np.linalg.eigvalsh(found)[0] > 0, case.name
        assert min(dual, bound) >= 0, case.name
        if dual > 0:
            assert v @ found @ v == pytest.approx(bound, rel=1e-9), case.name
            met += 1
        else:
            assert delta * (bound - v @ found @ v) >= 0, case.name
    assert met > 10


def test_the_update_is_the_nearest_metric_for_the_price():
    """With λ = 0: the minimum of the divergences of M and ξ among all that keep the bound."""
    M, v, xi = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, -2.0]), 2.0
    for gamma in (0.3, 1.0, 4.0):
        found, bound, _ = reference("06.3")(M, v, 1, xi, 0.0, gamma)

        def cost(t, gamma=gamma):
            L = np.array([[t[0], 0], [t[1], t[2]]])
            ratio = L @ L.T @ np.linalg.inv(M)
            r = max(v @ L @ L.T @ v, 1e-12) / xi
            return np.trace(ratio) - np.linalg.slogdet(ratio)[1] + gamma * (r - np.log(r))

        least = minimize(cost, [1, 0.5, 1], method="BFGS", options={"gtol": 1e-9}).x
        L = np.array([[least[0], 0], [least[1], least[2]]])
        assert np.allclose(L @ L.T, found, atol=1e-5)
        assert v @ L @ L.T @ v == pytest.approx(bound, abs=1e-5)


@pytest.mark.parametrize("soft", [False, True])
def test_no_bound_is_near_its_distance_and_no_step_near_its_limit(soft):
    for case, (M, v, delta, xi, lam, price) in cases_of("06.3", soft=soft):
        p, c = v @ M @ v, price if soft else 1 / price
        step = delta * (1 / p - 1 / xi) / (1 + c)
        assert abs(p / xi - 1) > 0.15, case.name
        assert abs(step - lam) > 0.05 * abs(step), case.name


def other(step, lam_of=lambda lam, alpha: lam - alpha):
    """The update with another step, or another λ."""

    def answer(M, v, delta, xi, lam, gamma):
        p = v @ M @ v
        alpha = step(p, delta, xi, lam, gamma)
        beta = delta * alpha / (1 - delta * alpha * p)
        M = M + beta * np.outer(M @ v, v @ M)
        return M, gamma * xi / (gamma + delta * alpha * xi), lam_of(lam, alpha)

    return answer


def step_of_pair(p, delta, xi, lam, gamma):
    return step_of(p, delta, xi, gamma)


def moved_twice(M, v, *rest):
    return by_inverses(by_inverses(M, v, *rest)[0], v, *rest)


UNLISTED_UPDATES = {
    "as printed": (
        other(lambda p, s, xi, lam, g: min(lam, s / 2 * (1 / p - g / xi))),
        "the printed step",
    ),
    "unclipped": (other(lambda p, s, xi, lam, g: step_of(p, s, xi, g)), "not limited by λ"),
    "clipped at zero": (
        other(lambda p, s, xi, lam, g: min(0.0, step_of(p, s, xi, g))),
        "nothing taken back",
    ),
    "unclipped, λ at least 0": (
        other(step_of_pair, lambda lam, alpha: max(0, lam - alpha)),
        "not limited by λ",
    ),
    "nothing or the step": (
        other(lambda *a: step_of_pair(*a) if step_of_pair(*a) <= a[3] else 0),
        "nothing where λ limits",
    ),
    "δ outside": (
        other(lambda p, s, xi, lam, g: s * min(lam, g / (g + 1) * (1 / p - 1 / xi))),
        "δ outside of the minimum",
    ),
    "δ inside and outside": (
        other(lambda p, s, xi, lam, g: s * min(lam, step_of(p, s, xi, g))),
        "δ missing in the step",
    ),
    "size of the step": (
        other(lambda p, s, xi, lam, g: min(lam, abs(step_of(p, s, xi, g)))),
        "the size of the step",
    ),
    "size of α in λ": (
        other(
            lambda p, s, xi, lam, g: min(lam, step_of(p, s, xi, g)),
            lambda lam, alpha: lam - abs(alpha),
        ),
        "the size of α taken from λ",
    ),
    "never negative": (other(lambda p, s, xi, lam, g: max(0.0, step_of(p, s, xi, g))), None),
    "half": (
        other(lambda p, s, xi, lam, g: min(lam, step_of(p, s, xi, 1))),
        "half a step at every price",
    ),
    "roots": (other(lambda p, s, xi, lam, g: min(lam, step_of(p**0.5, s, xi, g))), None),
    "dual added": (
        other(
            lambda p, s, xi, lam, g: min(lam, step_of(p, s, xi, g)), lambda lam, alpha: lam + alpha
        ),
        "α added to λ",
    ),
    "dual kept above 1": (
        other(
            lambda p, s, xi, lam, g: min(lam, step_of(p, s, xi, g)),
            lambda lam, alpha: max(lam - alpha, 1.0),
        ),
        None,
    ),
    "unit vector": (lambda M, v, *rest: by_inverses(M, v / np.linalg.norm(v), *rest), None),
    "M squared": (lambda M, v, *rest: by_inverses(M @ M, v, *rest), None),
    "twice": (moved_twice, None),
    "γ − 1": (
        other(lambda p, s, xi, lam, g: min(lam, s * (g - 1) / (g + 1) * (1 / p - 1 / xi))),
        None,
    ),
    "other signs": (
        lambda M, v, s, *rest: by_loops(M, v, -s, *rest),
        "δ turned round",
    ),
    "lower triangle": (
        lambda *a: (lambda M, xi, lam: (np.tril(M), xi, lam))(*by_einsum(*a)),
        None,
    ),
    "diagonal": (
        lambda *a: (lambda M, xi, lam: (np.diag(np.diag(M)), xi, lam))(*by_einsum(*a)),
        None,
    ),
    "ξ is the distance": (
        lambda M, v, *rest: (lambda N, xi, lam: (N, v @ N @ v, lam))(*by_einsum(M, v, *rest)),
        "ξ set to the distance",
    ),
}


@pytest.mark.parametrize("form", UNLISTED_UPDATES)
def test_no_near_miss_of_the_update_passes(form):
    answer, mistake = UNLISTED_UPDATES[form]
    assert_fails("06.3", answer, mistake)


def test_the_printed_step_earns_what_is_right_for_a_price_of_one():
    for found in verdicts("06.3", UNLISTED_UPDATES["as printed"][0]):
        assert found.earned == 3
        assert "printed" in found.mistake.sentence
        assert found.groups == {"values": True, "taken back": True, "price": False}


def test_a_limit_that_takes_nothing_back_is_shown_on_a_line():
    for found in verdicts("06.3", UNLISTED_UPDATES["nothing or the step"][0]):
        assert found.groups == {"values": True, "taken back": False, "price": True}
        assert found.finding.case.inputs["M"].shape == (1, 1)
        assert found.finding.case.inputs["lam"] == 1 / 8


def test_no_number_of_a_case_has_more_than_three_digits():
    for case, (_, _, _, xi, lam, _) in cases_of("06.3"):
        assert all(type(n) is float and float(f"{n:.3g}") == n for n in (xi, lam)), case.name


def test_the_first_case_of_the_update_by_hand():
    first = key_of("06.3", 0).expected[0]
    assert [float(first[name].item()) for name in ("M", "xi", "lam")] == pytest.approx(
        [4 / 3, 4 / 3, 1 / 4]
    )


# ---------------------------------------------------------------- 06.4


def sweep_by_inverses(M, V, delta, xi, lam, gamma):
    bounds, duals = [], []
    for v, *pair in zip(V, delta, xi, lam, strict=True):
        M, bound, dual = by_inverses(M, v, *pair, gamma)
        bounds.append(bound)
        duals.append(dual)
    return M, bounds, np.array(duals)


def sweep_of_inverse(M, V, delta, xi, lam, gamma):
    """The inverse kept from pair to pair, and inverted once at the end."""
    B, new_xi, new_lam = np.linalg.inv(M), np.empty(len(V)), np.empty(len(V))
    for i, v in enumerate(V):
        p = v @ np.linalg.solve(B, v)
        alpha = min(lam[i], step_of(p, delta[i], xi[i], gamma))
        B = B - delta[i] * alpha * np.outer(v, v)
        new_xi[i], new_lam[i] = 1 / (1 / xi[i] + delta[i] * alpha / gamma), lam[i] - alpha
    return np.linalg.inv(B), new_xi, new_lam


def sweep_skipping(M, V, delta, xi, lam, gamma):
    """Pairs that have nothing to do are left out."""
    xi, lam = xi.astype(float), lam.astype(float)
    for i, v in enumerate(V):
        if lam[i] > 0 or delta[i] * (v @ M @ v - xi[i]) > 0:
            M, xi[i], lam[i] = by_loops(M, v, delta[i], xi[i], lam[i], gamma)
    return M, xi, lam


@pytest.mark.parametrize("answer", [sweep_by_inverses, sweep_of_inverse, sweep_skipping])
def test_every_form_of_the_sweep_is_right(answer):
    assert_passes("06.4", answer)


def there_and_back(M, V, delta, xi, lam, gamma):
    M, xi, lam = sweep_of_inverse(M, V, delta, xi, lam, gamma)
    M, xi, lam = sweep_of_inverse(M, V[::-1], delta[::-1], xi[::-1], lam[::-1], gamma)
    return M, xi[::-1], lam[::-1]


def test_the_variant_goes_there_and_back():
    assert_passes("06.4", there_and_back, back=True)
    assert_fails("06.4", sweep_of_inverse, "one way only", back=True)
    assert_fails("06.4", there_and_back, "there and back")


def in_place(M, V, delta, xi, lam, gamma):
    for i, v in enumerate(V):
        M, xi[i], lam[i] = by_einsum(M, v, delta[i], xi[i], lam[i], gamma)
    return M, xi, lam


def all_in_place(M, V, delta, xi, lam, gamma):
    for i, v in enumerate(V):
        M[:], xi[i], lam[i] = by_einsum(M, v, delta[i], xi[i], lam[i], gamma)
    return M, xi, lam


@pytest.mark.parametrize(("answer", "names"), [(in_place, "lam and xi"), (all_in_place, "M and")])
def test_a_sweep_that_changes_its_inputs_is_told_so(answer, names):
    for found in verdicts("06.4", answer):
        assert found.outcome == PASSED, found.finding
        assert any(names in note and "in place" in note for note in found.notes), found.notes


def every_case_takes(kinds):
    """Which of four things the visits of a sweep do, over all cases of a seed."""
    for case in key_of("06.4", 0).cases:
        M, V, delta, xi, lam, gamma = (double(value) for value in case.inputs.values())
        for i, v in enumerate(V):
            alpha = step_of(v @ M @ v, delta[i], xi[i], gamma)
            kinds.append("pushed" if alpha < 0 else "some" if alpha < lam[i] else "all")
            M, *_ = by_inverses(M, v, delta[i], xi[i], lam[i], gamma)
    return kinds


def test_the_sweeps_push_and_take_back_some_and_all():
    kinds = every_case_takes([])
    assert all(kinds.count(kind) >= 3 for kind in ("pushed", "some", "all")), kinds


def test_where_every_bound_holds_nothing_is_pushed():
    for case, inputs in cases_of("06.4"):
        if case.name.startswith("every bound holds"):
            M, xi, lam = reference("06.4")(*inputs)
            assert not lam.any(), case.name
            if not inputs[4].any():
                assert np.allclose(M, inputs[0])
                assert np.allclose(xi, inputs[3])


def test_the_third_sweep_starts_from_what_the_duals_say():
    (case,) = [c for c in key_of("06.4", 0).cases if "third sweep" in c.name]
    assert (case.inputs["lam"] > 0).any()
    assert (case.inputs["lam"] == 0).any()


def sweep_with(change, order=lambda V: range(len(V))):
    """The sweep after something was done to its inputs: ``change(M, xi, lam)``."""

    def answer(M, V, delta, xi, lam, gamma):
        M, xi, lam = change(M, xi.copy(), lam.copy())
        for i in order(V):
            M, xi[i], lam[i] = by_einsum(M, V[i], delta[i], xi[i], lam[i], gamma)
        return M, xi, lam

    return answer


def kept(*given):
    return given


def jacobi(M, V, delta, xi, lam, gamma):
    found = [by_inverses(M, v, *pair, gamma) for v, *pair in zip(V, delta, xi, lam, strict=True)]
    metrics, bounds, duals = zip(*found, strict=True)
    return metrics[-1], np.array(bounds), np.array(duals)


def summed(M, V, delta, xi, lam, gamma):
    """All projections at once, each from the first M, added up in the inverse."""
    _, xi, duals = jacobi(M, V, delta, xi, lam, gamma)
    change = (V.T * (delta * (duals - lam))) @ V
    return np.linalg.inv(np.linalg.inv(M) + change), xi, duals


UNLISTED_SWEEPS = {
    "from the last": (
        sweep_with(kept, lambda V: range(len(V))[::-1]),
        "from the last to the first",
    ),
    "every other": (sweep_with(kept, lambda V: [*range(0, len(V), 2), *range(1, len(V), 2)]), None),
    "last left out": (sweep_with(kept, lambda V: range(len(V) - 1)), "a pair left out"),
    "twice": (sweep_with(kept, lambda V: [*range(len(V))] * 2), "more than one sweep"),
    "seven times": (sweep_with(kept, lambda V: [*range(len(V))] * 7), None),
    "every pair twice": (sweep_with(kept, lambda V: np.repeat(range(len(V)), 2)), None),
    "λ reset": (sweep_with(lambda M, xi, lam: (M, xi, np.zeros_like(lam))), "λ reset"),
    "λ halved": (sweep_with(lambda M, xi, lam: (M, xi, lam / 2)), None),
    "λ one": (sweep_with(lambda M, xi, lam: (M, xi, np.ones_like(lam))), None),
    "identity": (sweep_with(lambda M, xi, lam: (np.eye(len(M)), xi, lam)), "the identity first"),
    "ξ one": (sweep_with(lambda M, xi, lam: (M, np.ones_like(xi), lam)), None),
    "only the last": (jacobi, "only the last result"),
    "summed": (summed, None),
    "unlimited": (
        lambda M, V, delta, xi, lam, gamma: sweep_of_inverse(M, V, delta, xi, lam + 1e6, gamma),
        None,
    ),
    "old λ": (
        lambda *a: (lambda M, xi, lam: (M, xi, a[4]))(*sweep_of_inverse(*a)),
        "λ as it was",
    ),
    "λ first": (
        lambda *a: (lambda M, xi, lam: (M, lam, xi))(*sweep_of_inverse(*a)),
        "λ and ξ exchanged",
    ),
}


@pytest.mark.parametrize("form", UNLISTED_SWEEPS)
def test_no_near_miss_of_the_sweep_passes(form):
    answer, mistake = UNLISTED_SWEEPS[form]
    for found in verdicts("06.4", answer):
        if form != "every pair twice":
            assert found.outcome not in (PASSED, NOT_ATTEMPTED)
            assert (found.mistake and found.mistake.name) == mistake, found.finding


def test_a_pair_visited_twice_at_once_has_nothing_to_do_the_second_time():
    assert_passes("06.4", UNLISTED_SWEEPS["every pair twice"][0])


# ---------------------------------------------------------------- 06.5


def by_cholesky(lam, V, delta, xi0, gamma, M0):
    B = np.linalg.inv(M0)
    for weight, sign, v in zip(lam, delta, V, strict=True):
        B = B + sign * weight * np.outer(v, v)
    slack = 1 - delta * lam * xi0 / gamma
    try:
        root = np.linalg.cholesky(B)
    except np.linalg.LinAlgError:
        return -np.inf
    if min(slack) <= 0:
        return float("-inf")
    logdet = 2 * np.log(np.diag(root)).sum() + np.linalg.slogdet(M0)[1]
    return logdet + gamma * np.log(slack).sum()


def in_the_units_of_the_prior(lam, V, delta, xi0, gamma, M0):
    W = V @ np.linalg.cholesky(M0)
    e = 1 + np.linalg.eigvalsh(np.einsum("i,ia,ib->ab", delta * lam, W, W))
    slack = (gamma - delta * lam * xi0) / gamma
    if (e > 0).all() and (slack > 0).all():
        return np.log(e).sum() + gamma * np.log1p(slack - 1).sum()
    return -np.inf


def by_products(lam, V, delta, xi0, gamma, M0):
    """Eigenvalues of the product that is not symmetric, and nan for what has no logarithm."""
    B = np.linalg.solve(M0, np.eye(len(M0))) + V.T @ np.diag(lam * delta) @ V
    with np.errstate(all="ignore"):
        e = np.linalg.eigvals(B @ M0).real
        value = np.log(e).sum() + gamma * np.log(1 - delta * lam * xi0 / gamma).sum()
    return -np.inf if np.isnan(value) else value


def in_the_precision_given(lam, V, delta, xi0, gamma, M0):
    B = np.linalg.inv(M0) + (V.T * (delta * lam).astype(V.dtype)) @ V
    e, slack = np.linalg.eigvalsh(B), 1 - delta * lam / gamma * xi0
    if e[0] <= 0 or slack.min() <= 0:
        return -np.inf
    prior = np.linalg.slogdet(M0)[1]
    return prior + np.log(e).sum(dtype=V.dtype) + M0.dtype.type(gamma) * np.log(slack).sum()


DUALS = [by_cholesky, in_the_units_of_the_prior, by_products, in_the_precision_given]


@pytest.mark.parametrize("answer", DUALS)
def test_every_form_of_the_dual_is_right(answer):
    assert_passes("06.5", answer)


def lagrangian(M, xi, lam, V, delta, xi0, gamma, M0, square):
    ratio, r = M @ np.linalg.inv(M0), xi / xi0
    price = gamma / 2 * (r - 1) ** 2 if square else gamma * (r - np.log(r) - 1)
    p = np.einsum("ia,ab,ib->i", V, M, V)
    divergence = np.trace(ratio) - np.linalg.slogdet(ratio)[1] - len(M)
    return divergence + price.sum() + (lam * delta * (p - xi)).sum()


def best(lam, V, delta, xi0, gamma, M0, square):
    """The metric and the bounds at which the Lagrangian is least."""
    M = np.linalg.inv(np.linalg.inv(M0) + (V.T * (delta * lam)) @ V)
    share = delta * lam * xi0 / gamma
    return M, xi0 * (1 + share) if square else xi0 / (1 - share)


@pytest.mark.parametrize("square", [False, True])
def test_the_dual_is_the_least_value_of_the_lagrangian(square):
    rng = np.random.default_rng(0)
    for case, inputs in cases_of("06.5", square=square):
        value = reference("06.5", square=square)(*inputs)
        if value == -np.inf:
            continue
        M, xi = best(*inputs, square)
        assert value == pytest.approx(lagrangian(M, xi, *inputs, square), abs=1e-8), case.name
        for _ in range(5):
            A = 0.05 * rng.normal(size=M.shape)
            other_M = M + A @ A.T - 0.001 * np.linalg.eigvalsh(M)[0] * np.eye(len(M))
            other_xi = xi * rng.uniform(0.9, 1.1, size=len(xi))
            assert lagrangian(other_M, other_xi, *inputs, square) > value, case.name


@pytest.mark.parametrize("square", [False, True])
def test_outside_the_domain_the_lagrangian_falls_without_end(square):
    """Along an eigenvector of B whose eigenvalue is negative, or with a bound that grows."""
    seen = 0
    for case, inputs in cases_of("06.5", square=square):
        if reference("06.5", square=square)(*inputs) != -np.inf:
            continue
        lam, V, delta, xi0, gamma, M0 = inputs
        values, vectors = np.linalg.eigh(np.linalg.inv(M0) + (V.T * (delta * lam)) @ V)
        far = [10.0**k for k in (2, 4, 6)]
        if values[0] < 0:
            along = np.outer(vectors[:, 0], vectors[:, 0])
            falls = [lagrangian(np.eye(len(M0)) + t * along, xi0, *inputs, square) for t in far]
        else:
            grows = delta * lam * xi0 > gamma
            falls = [
                lagrangian(np.eye(len(M0)), np.where(grows, t * xi0, xi0), *inputs, square)
                for t in far
            ]
        assert falls[0] > falls[1] > falls[2], case.name
        assert falls[2] < -1e3, case.name
        seen += 1
    assert seen >= 10


@pytest.mark.parametrize("square", [False, True])
def test_every_case_keeps_clear_of_the_border(square):
    for case, (lam, V, delta, xi0, gamma, M0) in cases_of("06.5", square=square):
        W = V @ np.linalg.cholesky(M0)
        e = 1 + np.linalg.eigvalsh((W.T * (delta * lam)) @ W)
        assert np.abs(e).min() > 0.05, case.name
        assert np.abs(1 - delta * lam * xi0 / gamma).min() > 0.05, case.name


def test_two_negative_eigenvalues_are_among_the_cases_outside():
    counts = set()
    for case, (lam, V, delta, _, _, M0) in cases_of("06.5"):
        e = np.linalg.eigvalsh(np.linalg.inv(M0) + (V.T * (delta * lam)) @ V)
        counts.add((case.group, int((e < 0).sum())))
    assert counts == {("values", 0), ("prior", 0), ("outside", 0), ("outside", 1), ("outside", 2)}


def square_dual(lam, V, delta, xi0, gamma, M0):
    B = np.linalg.inv(M0) + (V.T * (delta * lam)) @ V
    if np.linalg.eigvalsh(B)[0] <= 0:
        return -np.inf
    moved = np.sum(delta * lam * xi0) + np.sum((lam * xi0) ** 2) / (2 * gamma)
    return np.linalg.slogdet(B @ M0)[1] - moved


def test_the_variant_has_another_price_and_another_domain():
    assert_passes("06.5", square_dual, square=True)
    assert_fails("06.5", by_cholesky, "the price of a logarithm", square=True)
    assert_fails("06.5", square_dual, "the price of a square")


def unsure(inside=lambda e, slack: True, value=None):
    """The dual with another idea of its domain."""

    def answer(lam, V, delta, xi0, gamma, M0):
        B = np.linalg.inv(M0) + (V.T * (delta * lam)) @ V
        e, slack = np.linalg.eigvalsh(B), 1 - delta * lam * xi0 / gamma
        logdet = np.linalg.slogdet(B @ M0)
        found = logdet[1] + gamma * np.log(np.abs(slack)).sum()
        return found if inside(e, slack) else -np.inf

    return answer


def nan_and_all(lam, V, delta, xi0, gamma, M0):
    B = np.linalg.inv(M0) + (V.T * (delta * lam)) @ V
    slack = np.log(1 - delta * lam * xi0 / gamma).sum()
    return np.log(np.linalg.det(B @ M0)) + gamma * slack


def shifted(change):
    """The dual of other inputs: ``change`` of the names that are given."""

    def answer(**given):
        return by_cholesky(**{**given, **change(**given)})

    names = ("lam", "V", "delta", "xi0", "gamma", "M0")
    return lambda *inputs: answer(**dict(zip(names, inputs, strict=True)))


UNLISTED_DUALS = {
    "nothing tested": (unsure(), "nothing tested"),
    "only B": (unsure(lambda e, slack: e[0] > 0), "slack not tested"),
    "only the slack": (unsure(lambda e, slack: slack.min() > 0), "B not tested"),
    "signs multiplied": (
        unsure(lambda e, slack: np.prod(e) > 0 and slack.min() > 0),
        "determinant for definite",
    ),
    "largest eigenvalue": (
        unsure(lambda e, slack: e[-1] > 0 and slack.min() > 0),
        "trace for definite",
    ),
    "above one": (unsure(lambda e, slack: e[0] > 1 and slack.min() > 0), None),
    "above a half": (unsure(lambda e, slack: e[0] > 0.5 and slack.min() > 0), None),
    "slack above a half": (unsure(lambda e, slack: e[0] > 0 and slack.min() > 0.5), None),
    "nan": (nan_and_all, "nan outside"),
    "no prior": (shifted(lambda M0, **_: {"M0": np.eye(len(M0))}), "the identity for the prior"),
    "inverse prior": (
        shifted(lambda M0, **_: {"M0": np.linalg.inv(M0)}),
        "M0 for its inverse, and log det M0 subtracted",
    ),
    "all similar": (shifted(lambda delta, **_: {"delta": np.abs(delta)}), "δ forgotten"),
    "kinds exchanged": (shifted(lambda delta, **_: {"delta": -delta}), None),
    "price one": (shifted(lambda **_: {"gamma": 1.0}), "γ ignored"),
    "half λ": (shifted(lambda lam, **_: {"lam": lam / 2}), None),
    "bounds one": (shifted(lambda xi0, **_: {"xi0": np.ones_like(xi0)}), "bound forgotten"),
    "unit pairs": (
        shifted(lambda V, **_: {"V": V / np.linalg.norm(V, axis=1, keepdims=True)}),
        None,
    ),
    "whitened twice": (shifted(lambda V, M0, **_: {"V": V @ M0}), None),
    "half": (lambda *a: by_cholesky(*a) / 2, None),
    "minus": (lambda *a: -by_cholesky(*a), "the negative of the value"),
    "at least zero": (lambda *a: max(by_cholesky(*a), 0.0), None),
    "at least −1000": (lambda *a: max(by_cholesky(*a), -1000.0), None),
}


@pytest.mark.parametrize("form", UNLISTED_DUALS)
def test_no_near_miss_of_the_dual_passes(form):
    answer, mistake = UNLISTED_DUALS[form]
    assert_fails("06.5", answer, mistake)


def test_a_dual_without_its_domain_earns_the_values_inside():
    for found in verdicts("06.5", unsure()):
        assert found.groups == {"values": True, "prior": True, "outside": False}


def test_the_first_case_of_the_dual_by_hand():
    # B = 1 + 1/4, and the slack 1 − 2/4.
    assert float(key_of("06.5", 0).expected[0]["result"]) == pytest.approx(np.log(1.25 * 0.5))


# ---------------------------------------------------------------- the three together


def test_sweeps_close_the_gap_between_the_dual_and_the_primal():
    rng = np.random.default_rng(1)
    M0, V = np.eye(2), rng.normal(size=(4, 2))
    delta, xi0, gamma = np.array([1, -1, 1, -1]), np.array([0.5, 3.0, 0.4, 2.0]), 2.0
    M, xi, lam, sweep = M0, xi0, np.zeros(4), reference("06.4")
    values = [0.0]
    for _ in range(500):
        M, xi, lam = sweep(M, V, delta, xi, lam, gamma)
        values.append(reference("06.5")(lam, V, delta, xi0, gamma, M0))
    r = np.einsum("ia,ab,ib->i", V, M, V) / xi0
    broken = np.where(delta * (r - 1) > 0, r - np.log(r) - 1, 0)
    primal = np.trace(M) - np.linalg.slogdet(M)[1] - 2 + gamma * broken.sum()
    assert np.all(np.diff(values) > -1e-12)
    assert values[-1] == pytest.approx(primal, rel=1e-6)
    assert primal > 0.1


def test_nothing_is_said_of_an_answer_that_is_not_there():
    for number in NUMBERS:
        key = key_of(number, 0)
        space = {}
        exec(exercises.find(number).text("skeleton") + "\n    ...\n", space)
        seen = [observe(key.exercise.kind, space[key.exercise.name], c) for c in key.cases]
        assert judge(key, seen).outcome == NOT_ATTEMPTED
