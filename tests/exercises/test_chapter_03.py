"""Chapter 03: right answers in other words pass, and wrong ones keep their names."""

import functools

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from dmlcourse import exercises
from dmlcourse.checks.judging import ERROR, FAILED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)


@functools.cache
def key_of(number, seed):
    """One key for all tests: its known mistakes are worked out once."""
    return Key(exercises.find(number), seed=seed)


def verdicts(number, answer, seeds=SEEDS):
    for seed in seeds:
        key = key_of(number, seed)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer):
    for found in verdicts(number, answer):
        assert (found.outcome, found.notes) == (PASSED, ()), found.finding


def assert_named(number, answer, mistake, earned=0):
    for found in verdicts(number, answer):
        assert found.mistake is not None, found.finding
        assert (found.outcome, found.mistake.name, found.earned) == (FAILED, mistake, earned)


def reference(number):
    exercise = exercises.find(number)
    return exercise.reference(exercise.variant())


def inputs_of(number, seeds=range(8)):
    """The inputs of every case in float64, for several seeds."""
    for seed in seeds:
        for case in exercises.find(number).draw(seed):
            wide = [np.asarray(v, float) if isinstance(v, np.ndarray) else v for v in values(case)]
            yield case.name, wide


def values(case):
    return case.inputs.values()


def onto(z, a, b):
    return z - max(a @ z - b, 0) / (a @ a) * a


# ---------------------------------------------------------------- right in other words


def by_unit_normal(x, a, b):
    length = np.linalg.norm(a)
    return x - max(0, (a / length) @ x - b / length) * (a / length)


def by_branch(x, a, b):
    if a @ x <= b:
        return x
    return x + (b - a @ x) / np.linalg.norm(a) ** 2 * a


def by_trace(M, A):
    t = (np.trace(A.T @ M) - 1) / np.trace(A.T @ A)
    return M - t * A if t > 0 else M.copy()


def by_reshaping(M, A):
    return onto(M.ravel(), A.ravel(), 1).reshape(M.shape)


def by_indices(x, A, b, rounds):
    z = np.array(x)
    for step in range(rounds * len(A)):
        z = onto(z, A[step % len(A)], b[step % len(b)])
    return z


def by_increments(x, A, b, rounds):
    """Corrections that grow by each move, which is the same."""
    p = [0 * x for _ in b]
    for _ in range(rounds):
        for i, a in enumerate(A):
            new = onto(x + p[i], a, b[i])
            p[i] = p[i] + x - new
            x = new
    return x


def by_multipliers(x, A, b, rounds):
    """Hildreth's form: a correction is a multiple of its row."""
    weights = np.zeros(len(b), x.dtype)
    for _ in range(rounds):
        for i, a in enumerate(A):
            new = max(weights[i] + (a @ x - b[i]) / (a @ a), 0)
            x = x + (weights[i] - new) * a
            weights[i] = new
    return x


def by_where(Q, c, x, step, rounds):
    for _ in range(rounds):
        x = x - step * (x @ Q - c)
        x = np.where(x < 0, 0, x)
    return x


def by_cone(Q, c, x, step, rounds):
    """The same as matrices: eigenvalues of a diagonal matrix are its entries."""
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(np.diag(x - step * (Q @ x - c)))
        x = np.diag((vectors * np.maximum(values, 0)) @ vectors.T)
    return x


def turned(A, k):
    """Any rotation of the rows is right."""
    L = reference("03.5")(A, k)
    return np.linalg.qr(np.arange(1.0, k * k + 1).reshape(k, k) ** 2 + np.eye(k))[0] @ L


def shifted(A, k):
    """Singular vectors of a matrix that a multiple of the identity has made positive."""
    return np.linalg.svd(A + np.linalg.norm(A) * np.eye(len(A), dtype=A.dtype))[0][:, :k].T


def scatters(X, y):
    """S_w and S_b as loops over classes and points."""
    d, names, m = X.shape[1], np.unique(y), X.mean(axis=0)
    within, between = np.zeros((2, d, d))
    for name in names:
        members = X[y == name]
        for x in members:
            within += np.outer(x - members.mean(axis=0), x - members.mean(axis=0))
        between += len(members) * np.outer(members.mean(axis=0) - m, members.mean(axis=0) - m)
    return within / len(X), between / len(X)


def by_eig(X, y, k):
    within, between = scatters(X, y)
    values, vectors = np.linalg.eig(np.linalg.inv(within) @ between)
    L = vectors.real[:, np.argsort(-values.real)[:k]].T
    return L / np.sqrt(np.diag(L @ within @ L.T))[:, None]


def by_total(X, y, k):
    """S_t − S_w in place of S_b, and the symmetric root in place of Cholesky's factor."""
    within, _ = scatters(X, y)
    total = (X - X.mean(0)).T @ (X - X.mean(0)) / len(X)
    values, vectors = np.linalg.eigh(within)
    white = (vectors / np.sqrt(values)) @ vectors.T
    return np.linalg.eigh(white @ (total - within) @ white)[1][:, ::-1][:, :k].T @ white


def by_eigenvalues(M, N):
    factor = np.linalg.inv(np.linalg.cholesky(N))
    values = np.linalg.eigvalsh(factor @ M @ factor.T)
    return np.sum(values - np.log(values) - 1)


def by_slogdet_of_the_product(M, N):
    P = M @ np.linalg.inv(N)
    return np.trace(P) - np.linalg.slogdet(P)[1] - len(P)


def by_cholesky(M, N):
    def logdet(S):
        return 2 * np.log(np.diag(np.linalg.cholesky(S))).sum()

    return np.sum(M * np.linalg.inv(N)) - logdet(M) + logdet(N) - len(M)


RIGHT = [
    ("03.1", by_unit_normal),
    ("03.1", by_branch),
    ("03.1b", by_trace),
    ("03.1b", by_reshaping),
    ("03.2", by_indices),
    ("03.3", by_increments),
    ("03.3", by_multipliers),
    ("03.4", by_where),
    ("03.4", by_cone),
    ("03.5", turned),
    ("03.5", shifted),
    ("03.5b", by_eig),
    ("03.5b", by_total),
    ("03.6", by_eigenvalues),
    ("03.6", by_slogdet_of_the_product),
    ("03.6", by_cholesky),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_right_in_other_words(number, answer):
    assert_passes(number, answer)


# ---------------------------------------------------------------- known mistakes in other words


def clipped_solution(Q, c, x, step, rounds):
    return np.where(np.linalg.inv(Q) @ c > 0, np.linalg.inv(Q) @ c, 0)


def swapped_loops(x, A, b, rounds):
    for a, bound in zip(A, b, strict=True):
        for _ in range(rounds):
            x = onto(x, a, bound)
    return x


def return_in_the_loop(x, A, b, rounds):
    for _ in range(rounds):
        for a, bound in zip(A, b, strict=True):
            x = onto(x, a, bound)
            return x
    return x


def overwritten_too_early(x, A, b, rounds):
    p = np.zeros_like(A)
    for _ in range(rounds):
        for i in range(len(A)):
            x = onto(x + p[i], A[i], b[i])
            p[i] = x + p[i] - x
    return x


def one_vector_of_corrections(x, A, b, rounds):
    p = np.zeros_like(x)
    for _ in range(rounds):
        for i in range(len(A)):
            reach = x + p
            x = onto(reach, A[i], b[i])
            p = reach - x
    return x


def rounds_of_one(x, A, b, rounds):
    z = np.array(x)
    for k in range(rounds):
        a, bound = A[k % len(A)], b[k % len(b)]
        z = z - max(a @ z - bound, 0) / (a @ a) * a
    return z


def until_close(method):
    """One round of a method after the other, as long as they change something."""

    def answer(x, A, b, rounds):
        for k in range(rounds):
            before, after = (method(x, A, b, number) for number in (k, k + 1))
            if np.allclose(after, before):
                return after
        return method(x, A, b, rounds)

    return answer


def until_inside(slack):
    def answer(x, A, b, rounds):
        for k in range(1, rounds):
            z = reference("03.3")(x, A, b, k)
            if (A @ z - b).max() <= slack:
                return z
        return reference("03.3")(x, A, b, rounds)

    return answer


def log_of_the_diagonal(M, N):
    P = M @ np.linalg.inv(N)
    return np.trace(P) - np.log(P.diagonal()).sum() - len(P)


def mean_of_the_eigenvalues(M, N):
    return by_eigenvalues(M, N) / len(M)


def between_alone(X, y, k):
    return np.linalg.eigh(scatters(X, y)[1])[1][:, -k:].T


def raw_eig(X, y, k):
    within, between = scatters(X, y)
    values, vectors = np.linalg.eig(np.linalg.inv(within) @ between)
    return vectors[:, np.argsort(values.real)[::-1][:k]].T.real


def kl(M, N):
    return reference("03.6")(M, N) * 0.5


NAMED = [
    ("03.1", lambda x, a, b: x - (a @ x - b) / (a @ a) * a, "moves what is inside"),
    ("03.1", lambda x, a, b: x + min(0, b - a @ x) / np.linalg.norm(a) * a, "divides by ‖a‖"),
    ("03.1", lambda x, a, b: x + min(0, b - a @ x) / (x @ x) * a, "divides by ‖x‖²"),
    ("03.1b", lambda M, A: M / max(1, np.sum(A * M)), "scales M"),
    ("03.1b", lambda M, A: M - max(np.sum(A * M) - 1, 0) / np.sum(M * M) * A, "divides by ‖M‖²"),
    ("03.1b", lambda M, A: M if np.sum(A * M) <= 1 else M / np.sum(A * M), "scales M"),
    ("03.2", swapped_loops, "a single round"),
    ("03.2", reference("03.3"), "corrections"),
    ("03.2", rounds_of_one, "single projections counted as rounds"),
    ("03.3", overwritten_too_early, "no corrections"),
    ("03.3", until_inside(0), "stops in a point of all sets"),
    ("03.3", until_inside(1e-8), "stops in a point of all sets"),
    ("03.3", one_vector_of_corrections, "one correction for all"),
    ("03.4", clipped_solution, "the free minimum, projected"),
    ("03.5", lambda A, k: np.linalg.eigh(A)[1].T[:k], "the smallest eigenvalues"),
    ("03.5", lambda A, k: np.linalg.eigh(A)[1][:, -k:], "columns for rows"),
    ("03.5b", between_alone, "the within-class scatter ignored"),
    ("03.5b", raw_eig, "not scaled"),
    ("03.6", kl, "half of it"),
    ("03.6", mean_of_the_eigenvalues, "divided by d"),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), NAMED)
def test_a_mistake_in_other_words_keeps_its_name(number, answer, mistake):
    assert_named(number, answer, mistake)


def test_a_return_inside_the_loop_is_named():
    # Without any round it returns x, as asked.
    assert_named("03.2", return_in_the_loop, "stops on the first set")


@pytest.mark.parametrize(("number", "earned"), [("03.2", 1), ("03.3", 2)])
def test_an_answer_that_ends_when_nothing_changes_earns_the_cases_that_end_before(number, earned):
    answer = until_close(reference(number))
    assert_named(number, answer, "stops where the point stands still", earned)


@pytest.mark.parametrize("small", [1e-5, 1e-8, 1e-11])
def test_a_small_number_beside_the_squared_length_is_never_right(small):
    for found in verdicts("03.1", lambda x, a, b: x - max(a @ x - b, 0) / (a @ a + small) * a):
        assert found.outcome == FAILED


def test_a_transposed_trace_earns_the_symmetric_cases():
    def transposed(M, A):
        return M - max(np.trace(A @ M) - 1, 0) / np.sum(A * A) * A

    assert_named("03.1b", transposed, "tr(A·M) for tr(Aᵀ·M)", earned=1)


def test_a_determinant_earns_the_small_matrices():
    def by_det(M, N):
        P = M @ np.linalg.inv(N)
        return np.trace(P) - np.log(np.linalg.det(P)) - len(P)

    assert_named("03.6", by_det, "det for slogdet", earned=2)


@pytest.mark.parametrize(
    ("number", "answer", "mistake"),
    [
        ("03.2", rounds_of_one, "single projections counted as rounds"),
        ("03.3", overwritten_too_early, "no corrections"),
        ("03.6", log_of_the_diagonal, "logarithms of the diagonal"),
    ],
)
def test_the_case_beside_a_mistake_can_be_recomputed_by_hand(number, answer, mistake):
    for found in verdicts(number, answer):
        assert (found.mistake.name, found.outcome) == (mistake, FAILED)
        assert printable(found.finding.case), found.finding.case.name


# ---------------------------------------------------------------- wrong, and not foreseen


def steps(step):
    def answer(Q, c, x, s, rounds):
        for _ in range(rounds):
            x = step(x, Q @ x - c, s)
        return x

    return answer


def rounds_of(turn):
    def answer(x, A, b, rounds):
        p = np.zeros_like(A)
        for _ in range(rounds):
            for i in range(len(A)):
                x = turn(x, p, i, A, b)
        return x

    return answer


def damped(x, p, i, A, b):
    reach = x + p[i]
    new = onto(reach, A[i], b[i])
    p[i] = (reach - new) / 2
    return new


def early(x, p, i, A, b):
    """The correction is written before the projection."""
    p[i] = x - onto(x, A[i], b[i])
    return onto(x + p[i], A[i], b[i]) - p[i]


WRONG = [
    ("03.1", lambda x, a, b: x - max(a @ x - b, 0) / (a @ a) * np.abs(a)),
    ("03.1", lambda x, a, b: x - max(a @ x - b, 0) / (a @ a) * np.sign(a)),
    ("03.1", lambda x, a, b: x - max(a @ x - b, 0) * np.linalg.pinv(a[None])[:, 0] ** 2),
    ("03.1", lambda x, a, b: np.clip(x, None, b)),
    ("03.1b", lambda M, A: M - max(np.sum(A * M) - 1, 0) * np.linalg.pinv(A)),
    ("03.1b", lambda M, A: np.minimum(M, 1)),
    ("03.1b", lambda M, A: M - max(np.sum(A * M) - 1, 0) / np.sum(A * A) * np.diag(np.diag(A))),
    ("03.1b", lambda M, A: M / np.linalg.norm(M)),
    ("03.2", rounds_of(lambda x, p, i, A, b: (x + onto(x, A[i], b[i])) / 2)),
    ("03.2", rounds_of(lambda x, p, i, A, b: 2 * onto(x, A[i], b[i]) - x)),
    ("03.2", rounds_of(lambda x, p, i, A, b: x - max(A[i] @ x, 0) / (A[i] @ A[i]) * A[i])),
    ("03.2", lambda x, A, b, rounds: np.linalg.lstsq(A, b, rcond=None)[0]),
    ("03.3", rounds_of(damped)),
    ("03.3", rounds_of(early)),
    ("03.3", rounds_of(lambda x, p, i, A, b: onto(x, A[i], b[i]) + p[i - 1])),
    ("03.4", steps(lambda x, g, s: np.maximum(x - s * g, 1e-3))),
    ("03.4", steps(lambda x, g, s: np.maximum(x - s * np.sign(g), 0))),
    ("03.4", steps(lambda x, g, s: np.maximum(x - g, 0))),
    ("03.4", steps(lambda x, g, s: x * np.exp(-s * g))),
    ("03.5", lambda A, k: np.linalg.qr(A)[0][:k]),
    ("03.5", lambda A, k: A[:k] / np.linalg.norm(A[:k], axis=1, keepdims=True)),
    ("03.5", lambda A, k: np.repeat(np.linalg.eigh(A)[1][:, -1:].T, k, axis=0)),
    ("03.5b", lambda X, y, k: np.linalg.pinv(X)[:, :k].T),
    ("03.5b", lambda X, y, k: np.linalg.inv(np.linalg.cholesky(scatters(X, y)[0]))[:k]),
    ("03.5b", lambda X, y, k: 2 * reference("03.5b")(X, y, k)),
    ("03.5b", lambda X, y, k: LinearDiscriminantAnalysis().fit(X, y).coef_[:k]),
    ("03.6", lambda M, N: np.linalg.norm(M - N) ** 2),
    ("03.6", lambda M, N: abs(np.linalg.slogdet(M)[1] - np.linalg.slogdet(N)[1])),
    ("03.6", lambda M, N: np.trace(np.linalg.solve(N, M)) / len(M) - 1),
]


@pytest.mark.parametrize(("number", "answer"), WRONG)
def test_a_wrong_answer_that_nobody_foresaw_earns_nothing(number, answer):
    for found in verdicts(number, answer, seeds=[1]):
        assert found.outcome in (FAILED, ERROR)
        assert found.earned == 0


# ---------------------------------------------------------------- what the cases promise


@pytest.mark.parametrize("seed", range(4))
def test_many_rounds_of_dykstra_end_at_the_nearest_point(seed):
    """x minus the nearest point is a sum of outward normals of the planes that it lies on."""
    for _, (x, A, b, _) in inputs_of("03.3", [seed]):
        nearest = reference("03.3")(x, A, b, 400)
        assert np.all(A @ nearest <= b + 1e-9)
        touched = A[A @ nearest > b - 1e-7]
        if len(touched):
            assert nnls(touched.T, x - nearest)[1] < 1e-6
        else:
            assert np.array_equal(nearest, x)


def test_one_case_of_the_budget_tells_the_transposed_product_and_fits_on_a_line():
    (case,) = [c for c in exercises.find("03.1b").draw(0) if c.name == "neither M nor A symmetric"]
    M, A = values(case)
    assert printable(case)
    assert reference("03.1b")(M, A).tolist() == [[1, -1], [2, 2]]
    assert min(np.trace(A @ M), np.trace(A.T @ M)) > 1
    assert np.trace(A @ M) != np.trace(A.T @ M)


def test_the_halting_case_stands_still_for_nine_rounds_and_then_moves():
    (case,) = [c for c in exercises.find("03.3").draw(0) if "stands still" in c.name]
    x, A, b, rounds = values(case)
    ends = [reference("03.3")(x, A, b, k).tolist() for k in range(1, rounds + 1)]
    assert ends[:9] == [[0.5, 0.5]] * 9
    assert ends[9] == [0.75, 0.75]
    assert ends[-1] == pytest.approx([1, 1], abs=1e-3)


def test_the_rounds_of_alternating_projections_end_at_another_point():
    (case,) = [c for c in exercises.find("03.2").draw(0) if c.name == "another two, five rounds"]
    x, A, b, _ = values(case)
    assert reference("03.2")(x, A, b, 400).tolist() == [-0.5, 0.5]
    assert reference("03.3")(x, A, b, 400) == pytest.approx([0, 0], abs=1e-12)


def test_the_drawn_minima_of_03_4_have_entries_at_zero_and_above():
    for name, (Q, c, x, step, _) in inputs_of("03.4", range(4)):
        end = reference("03.4")(Q, c, x, step, 400)
        gradient = Q @ end - c
        assert np.all(x >= 0)
        assert step * np.linalg.eigvalsh(Q)[-1] < 2
        assert np.all(gradient > -1e-9), name
        assert gradient @ end == pytest.approx(0, abs=1e-8)
        if name.endswith("numbers"):
            assert (end == 0).any()
            assert (end > 0.5).any()


@pytest.mark.filterwarnings("ignore:Only one sample available")
def test_the_discriminants_are_those_of_scikit_learn():
    for _, (X, y, k) in inputs_of("03.5b", range(3)):
        theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :k].T
        assert reference("03.5b")(X, y, k) ** 2 == pytest.approx(theirs**2, rel=1e-5, abs=1e-7)


def test_no_orthonormal_rows_reach_a_larger_trace():
    rng = np.random.default_rng(0)
    for name, (A, k) in inputs_of("03.5", range(3)):
        best = np.trace(reference("03.5")(A, k) @ A @ reference("03.5")(A, k).T)
        for _ in range(20):
            L = np.linalg.qr(rng.normal(size=A.shape))[0][:k]
            assert np.trace(L @ A @ L.T) <= best + 1e-12 * np.linalg.norm(A), name


def test_lda_needs_scatters_that_tell_the_mistakes_apart():
    """In every drawn case S_w is far from singular, and the eigenvalues lie apart."""
    for name, (X, y, k) in inputs_of("03.5b", range(20)):
        within, between = scatters(X, y)
        values = np.sort(np.linalg.eigvals(np.linalg.solve(within, between)).real)[::-1]
        assert np.linalg.eigvalsh(within)[0] > 0.05, name
        if k < len(values):
            assert values[k] < 0.95 * values[k - 1], name
