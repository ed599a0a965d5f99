"""What the last cases of chapter 04 promise: a step that ends in both sets, and the collapse."""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest

from dmlcourse import exercises
from dmlcourse.checks.judging import NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "04_supervision" / "exercises.py"
NUMBERS = ("04.3", "04.4")


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


def assert_fails(number, answer, mistake=None, earns=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome not in (PASSED, NOT_ATTEMPTED)
        assert found.earned < found.exercise.points
        assert earns is None or found.earned == earns
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
def test_the_published_answer_fails_the_variant_of_means(number):
    assert_fails(number, lesson()[exercises.find(number).name], "sum for mean", mean=True)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_answer_of_the_variant_fails_the_published_exercise(number):
    assert_fails(number, reference(number, mean=True), "mean for sum")


@pytest.mark.parametrize("number", NUMBERS)
def test_statement_and_skeleton_say_which_variant_it_is(number):
    exercise = exercises.find(number)
    for mean, word in ((False, "sum"), (True, "mean")):
        variant = exercise.variant(mean=mean)
        assert f"{word} of" in exercise.text("skeleton", variant)
        assert ("frac{1}{m_S}" in exercise.text("statement", variant)) == mean


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_said_of_an_answer_that_is_not_there(number):
    key = key_of(number, 0)
    space = {}
    exec(exercises.find(number).text("skeleton") + "\n    ...\n", space)
    seen = [observe(key.exercise.kind, space[key.exercise.name], c) for c in key.cases]
    assert judge(key, seen).outcome == NOT_ATTEMPTED


# ---------------------------------------------------------------- 04.3


def onto_budget(M, A):
    excess = np.vdot(A, M) - 1
    return M if excess <= 0 else M - excess / np.vdot(A, A) * A


def onto_cone(M):
    values, vectors = np.linalg.eigh(M)
    kept = vectors[:, values > 0]
    return kept @ np.diag(values[values > 0]) @ kept.T


def scatter(S):
    return np.einsum("ia,ib->ab", S, S)


def slope(M, D):
    return sum(np.outer(d, d) / (2 * np.sqrt(d @ M @ d)) for d in D)


def across(G, A):
    unit = A / np.linalg.norm(A)
    return G - np.vdot(unit, G) * unit


def alternating(M, A, rounds=1000, slack=1e-9):
    for _ in range(rounds):
        M = onto_cone(onto_budget(M, A))
        if np.vdot(A, M) <= 1 + slack:
            break
    return M


def stepping(of=scatter, gradient=slope, follow=across, back=alternating, start=None):
    """The step of an independent twin, with a part exchanged."""

    def answer(M, S, D, rate):
        A = of(S)
        M = M if start is None else start(M, A)
        return back(M + rate * follow(gradient(M, D), A), A)

    return answer


def by_loops(M, S, D, rate):
    d = len(M)
    A, G = np.zeros((d, d)), np.zeros((d, d))
    for s in S.astype(float):
        A += np.outer(s, s)
    for row in D.astype(float):
        length = sum(row[a] * M[a, b] * row[b] for a in range(d) for b in range(d)) ** 0.5
        G += np.outer(row, row) / length / 2
    share = sum(G[a, b] * A[a, b] for a in range(d) for b in range(d)) / (A**2).sum()
    M = M + rate * (G - share * A)
    for _ in range(1000):
        M = onto_cone(onto_budget(M, A))
        if (A * M).sum() <= 1 + 1e-9:
            return M
    return M


def by_flat_vectors(M, S, D, rate):
    """Matrices as long vectors, the orthogonal part from a least-squares problem."""
    A = scatter(S).ravel()
    outer = (D[:, :, None] * D[:, None]).reshape(len(D), -1)
    G = (outer / np.sqrt(outer @ M.ravel())[:, None]).sum(axis=0) / 2
    share, *_ = np.linalg.lstsq(A[:, None], G, rcond=None)
    M = (M.ravel() + rate * (G - A * share[0])).reshape(M.shape)
    return alternating(M, A.reshape(M.shape))


def by_the_factor(M, S, D, rate):
    """Distances in the coordinates of a factor of M; the cone by the polar decomposition."""
    values, vectors = np.linalg.eigh(M)
    images = D @ (vectors * np.sqrt(np.maximum(values, 0)))
    lengths = np.linalg.norm(images, axis=1)
    A = S.T @ S
    M = M + rate * across(0.5 * np.einsum("i,ia,ib->ab", 1 / lengths, D, D), A)
    while True:
        M = onto_budget(M, A)
        _, sizes, rows = np.linalg.svd(M)
        M = (M + (rows.T * sizes) @ rows) / 2
        if np.sum(A * M) <= 1 + 1e-9:
            return M


RIGHT_STEPS = {
    "twin": stepping(),
    "loops": by_loops,
    "flat vectors": by_flat_vectors,
    "a factor and a polar decomposition": by_the_factor,
    "all thousand rounds": stepping(back=lambda M, A: alternating(M, A, slack=-1)),
    "no slack to speak of": stepping(back=lambda M, A: alternating(M, A, slack=1e-13)),
    "einsum": stepping(
        gradient=lambda M, D: np.einsum(
            "ia,ib,i->ab", D, D, 0.5 / np.einsum("ia,ab,ib->i", D, M, D) ** 0.5
        )
    ),
    "in double precision": lambda *inputs: stepping()(*(np.asarray(v, float) for v in inputs)),
}


@pytest.mark.parametrize("form", RIGHT_STEPS)
def test_every_form_of_the_step_is_right(form):
    assert_passes("04.3", RIGHT_STEPS[form])


def test_the_twin_with_a_mean_is_right_for_the_variant():
    assert_passes("04.3", stepping(of=lambda S: scatter(S) / len(S)), mean=True)


def test_the_first_steps_by_hand():
    key = key_of("04.3", 0)
    # G is diag(4, 0) and its part across the identity diag(2, −2), a sixteenth of which is added.
    assert key.expected[0]["result"] == pytest.approx(np.diag([3 / 8, 1 / 8]))
    assert printable(key.cases[0])
    named = {c.name: e["result"] for c, e in zip(key.cases, key.expected, strict=True)}
    # G is diag(3, 2); across the identity it is diag(½, −½).
    assert named["two features, a short step"] == pytest.approx(np.diag([3 / 8, 1 / 8]))
    # A step of 1 gives diag(¾, −¼): the budget holds, and the cone takes −¼ away.
    out = named["two features, out of the cone and back at once"]
    assert out == pytest.approx(np.diag([3 / 4, 0]))


@pytest.mark.parametrize("mean", [False, True])
def test_every_step_ends_in_both_sets(mean):
    for seed in SEEDS:
        key = key_of("04.3", seed, mean=mean)
        for case, expected in zip(key.cases, key.expected, strict=True):
            S, M = case.inputs["S"].astype(float), expected["result"]
            A = scatter(S) / (len(S) if mean else 1)
            assert np.sum(A * M) <= 1 + 2e-9
            assert np.linalg.eigvalsh(M)[0] >= -1e-12 * np.linalg.norm(M)


def test_a_step_inside_both_sets_follows_the_gradient_that_differences_give():
    rng = np.random.default_rng(5)
    S, D = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    A = scatter(S)
    M = np.linalg.inv(A) / 6

    def g(N):
        return np.sqrt(np.einsum("ia,ab,ib->i", D, N, D)).sum()

    followed = (reference("04.3")(M, S, D, 1e-3) - M) / 1e-3
    for _ in range(5):
        H = rng.normal(size=(3, 3))
        H = across(H + H.T, A)
        slope_along_H = (g(M + 1e-5 * H) - g(M - 1e-5 * H)) / 2e-5
        assert np.sum(followed * H) == pytest.approx(slope_along_H, rel=1e-6, abs=1e-8)
    assert np.sum(followed * A) == pytest.approx(0, abs=1e-9)
    assert g(reference("04.3")(M, S, D, 1e-3)) > g(M)


def test_the_step_turns_with_the_features_and_forgets_order_and_sign_of_pairs():
    rng = np.random.default_rng(3)
    step = reference("04.3")
    for case in key_of("04.3", 0).cases:
        M, S, D, rate = (np.asarray(v, float) for v in case.inputs.values())
        Q, _ = np.linalg.qr(rng.normal(size=M.shape))
        wanted = step(M, S, D, rate)
        slack = 1e-8 * max(1, np.abs(wanted).max()) / min(1, np.linalg.norm(scatter(S)))
        turned = step(Q @ M @ Q.T, S @ Q.T, D @ Q.T, rate)
        assert np.abs(Q.T @ turned @ Q - wanted).max() <= 10 * slack, case.name
        signs = rng.choice([-1, 1], size=(len(D), 1))
        mixed = step(M, -S[::-1], (signs * D)[rng.permutation(len(D))], rate)
        assert np.abs(mixed - wanted).max() <= 10 * slack, case.name


def test_the_cases_end_where_a_further_round_changes_nothing():
    """Otherwise two right answers would differ by how they ask whether both sets hold."""
    for seed in SEEDS:
        key = key_of("04.3", seed)
        for case, expected in zip(key.cases, key.expected, strict=True):
            A, M = scatter(case.inputs["S"].astype(float)), expected["result"]
            allowed = key.exercise.budget(case, expected)["result"].max()
            assert np.abs(alternating(M, A, 200, -1) - M).max() < allowed / 4, case.name


@pytest.mark.parametrize("mean", [False, True])
def test_no_case_takes_more_rounds_than_the_statement_says(mean):
    exercise = exercises.find("04.3")
    assert "more than 30 rounds" in exercise.text("statement", exercise.variant(mean=mean))
    short = stepping(
        of=lambda S: scatter(S) / (len(S) if mean else 1),
        back=lambda M, A: alternating(M, A, rounds=30),
    )
    assert_passes("04.3", short, mean=mean)


def test_a_rate_is_a_plain_number_of_few_digits():
    for seed in SEEDS:
        for case in key_of("04.3", seed).cases:
            rate = case.inputs["rate"]
            assert type(rate) is float
            assert len(f"{rate:g}") <= 8
            assert float(f"{rate:.3g}") == rate


def checked_before(M, A):
    """The question asked before the first round."""
    while np.sum(A * M) > 1 + 1e-9:
        M = onto_cone(onto_budget(M, A))
    return M


def entries_clipped(M, A):
    for _ in range(1000):
        M = np.maximum(onto_budget(M, A), 0)
        if np.sum(A * M) <= 1 + 1e-9:
            break
    return M


def absolute(M, A):
    for _ in range(1000):
        values, vectors = np.linalg.eigh(onto_budget(M, A))
        M = (vectors * np.abs(values)) @ vectors.T
        if np.sum(A * M) <= 1 + 1e-9:
            break
    return M


def onto_the_edge(M, A):
    """The budget as an equation."""
    for _ in range(1000):
        M = onto_cone(M - (np.sum(A * M) - 1) / np.sum(A * A) * A)
        if abs(np.sum(A * M) - 1) <= 1e-9:
            break
    return M


def before_and_after(M, S, D, rate):
    return stepping(start=lambda M, A: alternating(M, A))(M, S, D, rate)


def squared_in_the_end(G, A):
    return G - np.vdot(G, A) / np.vdot(A, A) ** 2 * A


UNLISTED_STEPS = {
    "a round too few": (stepping(back=lambda M, A: alternating(M, A, 1)), "one pass only"),
    "five rounds": (stepping(back=lambda M, A: alternating(M, A, 5)), "stops too early"),
    "seven rounds": (stepping(back=lambda M, A: alternating(M, A, 7)), None),
    "a slack of a hundredth": (
        stepping(back=lambda M, A: alternating(M, A, slack=0.01)),
        "stops too early",
    ),
    "asked before the first round": (
        stepping(back=checked_before),
        "no round where the budget holds",
    ),
    "entries clipped": (stepping(back=entries_clipped), None),
    "absolute eigenvalues": (stepping(back=absolute), None),
    "the budget as an equation": (stepping(back=onto_the_edge), None),
    "into both sets before the step": (before_and_after, "projected before the step, too"),
    "G itself": (stepping(follow=lambda G, A: G), "gradient not made orthogonal"),
    "G less A": (stepping(follow=lambda G, A: G - A), None),
    "fourth power": (stepping(follow=squared_in_the_end), None),
    "G plus its part": (
        stepping(follow=lambda G, A: G + np.vdot(G, A) / np.vdot(A, A) * A),
        None,
    ),
    "downhill": (stepping(follow=lambda G, A: -across(G, A)), "downhill"),
    "squares": (stepping(gradient=lambda M, D: D.T @ D), "gradient of squared distances"),
    "half of the squares": (stepping(gradient=lambda M, D: D.T @ D / 2), None),
    "no half": (stepping(gradient=lambda M, D: 2 * slope(M, D)), "½ missing from the gradient"),
    "half twice": (stepping(gradient=lambda M, D: slope(M, D) / 2), None),
    "the first pair only": (stepping(gradient=lambda M, D: slope(M, D[:1])), None),
    "a diagonal gradient": (
        stepping(gradient=lambda M, D: np.diag(np.diag(slope(M, D)))),
        None,
    ),
    "the logarithm": (
        stepping(
            gradient=lambda M, D: slope(M, D) / np.sqrt(np.einsum("ia,ab,ib->i", D, M, D)).sum()
        ),
        "a mean over D",
    ),
    "A left as the identity": (
        stepping(of=lambda S: np.eye(S.shape[1])),
        "the identity for A",
    ),
    "A of the covariance": (stepping(of=lambda S: np.cov(S.T)), "a centred A"),
    "no step": (lambda M, S, D, rate: alternating(M, scatter(S)), None),
    "rate squared": (lambda M, S, D, rate: stepping()(M, S, D, rate**2), None),
    "M and A": (lambda *inputs: (stepping()(*inputs), scatter(inputs[1])), None),
    "its factor": (
        lambda *inputs: np.linalg.cholesky(stepping()(*inputs) + 1e-9 * np.eye(len(inputs[0]))),
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_STEPS)
def test_no_near_miss_of_the_step_passes(form):
    answer, mistake = UNLISTED_STEPS[form]
    assert_fails("04.3", answer, mistake)


def test_a_right_step_that_returns_too_early_keeps_half_of_the_points():
    assert_fails("04.3", stepping(back=lambda M, A: alternating(M, A, 1)), "one pass only", earns=2)
    nothing = stepping(back=lambda M, A: onto_budget(M, A))
    assert_fails("04.3", nothing, "one set only", earns=2)


# ---------------------------------------------------------------- 04.4


def from_eig(S, D):
    values, vectors = np.linalg.eig(np.linalg.solve(S.T @ S, D.T @ D))
    z = np.real(vectors[:, np.argmax(np.real(values))])
    return np.outer(z, z) / np.sum((S @ z) ** 2)


def from_qr(S, D):
    R = np.linalg.qr(S)[1]
    rows = np.linalg.svd(np.linalg.solve(R.T, D.T).T, full_matrices=False)[2]
    z = np.linalg.solve(R, rows[0])
    return z[:, None] * z[None, :]


def from_whitened(S, D):
    values, vectors = np.linalg.eigh(S.T @ S)
    white = vectors / values**0.5
    u = np.linalg.eigh((D @ white).T @ (D @ white))[1][:, -1]
    return white @ np.outer(u, u) @ white.T


def from_powers(S, D):
    """Power iteration, by loops, in double precision."""
    S, D = S.astype(float), D.astype(float)
    A, B = sum(np.outer(s, s) for s in S), sum(np.outer(d, d) for d in D)
    z = np.linspace(1, 2, len(A))
    for _ in range(2000):
        z = np.linalg.solve(A, B @ z)
        z = z / np.sqrt(z @ A @ z)
    return np.outer(z, z)


@pytest.mark.parametrize("answer", [from_eig, from_qr, from_whitened, from_powers])
def test_every_form_of_the_collapse_is_right(answer):
    assert_passes("04.4", answer)
    assert_passes("04.4", lambda S, D: answer(S / np.sqrt(S.dtype.type(len(S))), D), mean=True)


def test_the_first_maxima_by_hand():
    first, second, third = (e["result"] for e in key_of("04.4", 0).expected[:3])
    assert first == pytest.approx(np.array([[0.25]]))
    # A gain of 4 for a price of 1, against 9 for 4.
    assert second == pytest.approx(np.diag([1.0, 0.0]), abs=1e-12)
    # One dissimilar pair d: z is along A⁻¹d = (1, 1), and its price is 1 + 4.
    assert third == pytest.approx(np.full((2, 2), 0.2))
    assert all(printable(case) for case in key_of("04.4", 0).cases[:4])


def test_the_maximum_in_the_plane_is_that_of_all_angles():
    angles = np.linspace(0, np.pi, 20001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    case, expected = key_of("04.4", 0).cases[3], key_of("04.4", 0).expected[3]
    S, D = case.inputs["S"], case.inputs["D"]
    ratio = np.sum((D @ directions) ** 2, axis=0) / np.sum((S @ directions) ** 2, axis=0)
    z = directions[:, np.argmax(ratio)]
    M = np.outer(z, z) / np.sum((S @ z) ** 2)
    assert expected["result"] == pytest.approx(M, abs=2e-3)
    assert np.sum((D.T @ D) * expected["result"]) == pytest.approx(ratio.max(), rel=1e-6)


def test_the_collapse_moves_with_the_features():
    rng = np.random.default_rng(2)
    right = reference("04.4")
    S, D, B = rng.normal(size=(6, 3)), rng.normal(size=(5, 3)), rng.normal(size=(3, 3))
    back = np.linalg.inv(B)
    assert right(S @ B, D @ B) == pytest.approx(back @ right(S, D) @ back.T)
    assert right(S, 7 * D) == pytest.approx(right(S, D))
    assert right(2 * S, D) == pytest.approx(right(S, D) / 4)
    assert right(-S[::-1], D[::-1]) == pytest.approx(right(S, D))
    assert right(np.vstack([S, S]), D) == pytest.approx(right(S, D) / 2)
    mean = reference("04.4", mean=True)
    assert mean(np.vstack([S, S]), D) == pytest.approx(mean(S, D))


@pytest.mark.parametrize("mean", [False, True])
def test_the_largest_ratio_is_clearly_alone(mean):
    for seed in SEEDS:
        for case, expected in zip(
            key_of("04.4", seed, mean=mean).cases,
            key_of("04.4", seed, mean=mean).expected,
            strict=True,
        ):
            A, B = (scatter(case.inputs[name].astype(float)) for name in ("S", "D"))
            ratios = np.sort(np.linalg.eigvals(np.linalg.solve(A, B)).real)
            assert len(ratios) == 1 or ratios[-2] < 0.9 * ratios[-1], case.name
            values = np.linalg.eigvalsh(expected["result"])
            assert np.abs(values[:-1]).max(initial=0) <= 1e-9 * values[-1], case.name


def test_no_metric_within_the_budget_gives_the_dissimilar_pairs_more():
    rng = np.random.default_rng(0)
    key = key_of("04.4", 0)
    for case, expected in zip(key.cases, key.expected, strict=True):
        A, B = (scatter(case.inputs[name].astype(float)) for name in ("S", "D"))
        assert np.sum(A * expected["result"]) == pytest.approx(1)
        most = np.sum(B * expected["result"])
        for _ in range(20):
            half = rng.normal(size=A.shape)
            N = half.T @ half
            assert np.sum(B * N) / np.sum(A * N) <= most * (1 + 1e-9), case.name


def by_column_of_eig(pick, scale):
    """A column of eig as it comes, of length 1 or 1 under A."""

    def answer(S, D):
        A = S.T @ S
        z = np.linalg.eig(np.linalg.inv(A) @ (D.T @ D))[1][:, pick].real
        return np.outer(z, z) / (z @ A @ z if scale else 1)

    return answer


def ratio_of(A, B, pick=-1):
    """z of length 1 under A, from two matrices."""
    inverse = np.linalg.inv(np.linalg.cholesky(A))
    return inverse.T @ np.linalg.eigh(inverse @ B @ inverse.T)[1][:, pick]


def outer(z):
    return np.outer(z, z)


def of_scatters(change):
    return lambda S, D: change(S.T @ S, D.T @ D)


UNLISTED_COLLAPSES = {
    "the smallest ratio": (
        of_scatters(lambda A, B: outer(ratio_of(A, B, 0))),
        "the smallest eigenvalue",
    ),
    "first column of eig": (by_column_of_eig(0, False), "eig does not sort"),
    "first column of eig, scaled": (by_column_of_eig(0, True), "eig does not sort"),
    "last column of eig, scaled": (by_column_of_eig(-1, True), "eig does not sort"),
    "the scatter of D": (of_scatters(lambda A, B: B), "the scatter of D"),
    "the scatter of D, spent": (
        of_scatters(lambda A, B: B / np.sum(A * B)),
        "the scatter of D",
    ),
    "largest of D": (
        of_scatters(lambda A, B: outer(np.linalg.eigh(B)[1][:, -1])),
        "never looked at the similar pairs",
    ),
    "smallest of S": (of_scatters(lambda A, B: outer(np.linalg.eigh(A)[1][:, 0])), None),
    "smallest of S, scaled": (
        of_scatters(lambda A, B: outer(v := np.linalg.eigh(A)[1][:, 0]) / (v @ A @ v)),
        None,
    ),
    "inverse of A": (
        of_scatters(lambda A, B: np.linalg.inv(A)),
        "never looked at the dissimilar pairs",
    ),
    "inverse covariance": (
        lambda S, D: np.linalg.inv(np.cov(np.vstack([S, D]).T).reshape(2 * S.shape[1:])),
        "the inverse covariance",
    ),
    "eigh of the ratio": (
        of_scatters(
            lambda A, B: outer(v := np.linalg.eigh(np.linalg.inv(A) @ B)[1][:, -1]) / (v @ A @ v)
        ),
        "eigh of a matrix that is not symmetric",
    ),
    "the ratio itself": (of_scatters(np.linalg.solve), None),
    "the ratio from both sides": (
        of_scatters(lambda A, B: np.linalg.solve(A, np.linalg.solve(A, B).T)),
        "every eigenvector",
    ),
    "difference": (of_scatters(lambda A, B: B - A), None),
    "difference in the cone": (of_scatters(lambda A, B: onto_cone(B - A)), None),
    "the whole scatter below": (
        of_scatters(lambda A, B: outer(ratio_of(A + B, B))),
        None,
    ),
    "the two best": (
        of_scatters(
            lambda A, B: sum(outer(ratio_of(A, B, -k)) for k in range(1, min(3, 1 + len(A))))
        ),
        None,
    ),
    "twice": (of_scatters(lambda A, B: 2 * outer(ratio_of(A, B))), None),
    "length 1": (
        of_scatters(lambda A, B: outer(v := ratio_of(A, B)) / (v @ v)),
        "a vector of length 1",
    ),
    "trace 1 under B": (
        of_scatters(lambda A, B: outer(v := ratio_of(A, B)) / (v @ B @ v)),
        "S and D exchanged",
    ),
    "exchanged": (of_scatters(lambda A, B: outer(ratio_of(B + 1e-9 * A, A))), None),
    "the longest pair of D": (
        lambda S, D: outer(D[np.argmax((D**2).sum(axis=1))]),
        None,
    ),
    "the sum of D": (lambda S, D: outer(np.linalg.solve(S.T @ S, D.sum(axis=0))), None),
    "diagonal of the right one": (
        of_scatters(lambda A, B: np.diag(np.diag(outer(ratio_of(A, B))))),
        None,
    ),
    "z": (of_scatters(ratio_of), "the vector alone"),
    "a column": (of_scatters(lambda A, B: ratio_of(A, B)[:, None]), "the vector alone"),
    "a number": (of_scatters(lambda A, B: ratio_of(A, B) @ ratio_of(A, B)), "the inner product"),
    "rounded": (of_scatters(lambda A, B: np.round(outer(ratio_of(A, B)), 4)), None),
    "a little of the identity": (
        of_scatters(lambda A, B: outer(ratio_of(A + 1e-3 * np.eye(len(A)), B))),
        None,
    ),
    "the pair M, z": (of_scatters(lambda A, B: (outer(ratio_of(A, B)), ratio_of(A, B))), None),
}


@pytest.mark.parametrize("form", UNLISTED_COLLAPSES)
def test_no_near_miss_of_the_collapse_passes(form):
    answer, mistake = UNLISTED_COLLAPSES[form]
    assert_fails("04.4", answer, mistake)


def test_an_answer_that_wants_many_dissimilar_pairs_keeps_two_points():
    def refuses(S, D):
        if 2 < S.shape[1] > len(D):
            raise ValueError("too few pairs")
        return from_eig(S, D)

    assert [found.earned for found in verdicts("04.4", refuses)] == [2, 2]
