"""Nearest points of convex sets, of their intersections, and nearest in a Bregman divergence."""

import warnings
from itertools import combinations, islice
from math import log

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from sklearn.exceptions import ConvergenceWarning

from dmlcourse.geometry import (
    alternating_projections,
    alternating_steps,
    bregman_divergence,
    dykstra,
    dykstra_steps,
    is_psd,
    logdet_divergence,
    project_budget,
    project_halfspace,
    project_logdet,
    project_psd,
)

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


def positive_definite(seed, d):
    (A,) = draw(seed, (d, d))
    return A @ A.T / d + np.eye(d) / 10


def halfspace(a, b):
    return lambda x: project_halfspace(x, np.asarray(a, float), b)


def box(x):
    return np.clip(x, 0, 1)


# ---------------------------------------------------------------- one half-space


def test_a_half_plane_by_hand():
    x = project_halfspace(np.array([3.0, 5.0]), np.array([0.0, 2.0]), 4.0)
    assert np.array_equal(x, [3.0, 2.0])
    x = project_halfspace(np.array([2.0, 2.0]), np.array([1.0, 1.0]), 2.0)
    assert np.array_equal(x, [1.0, 1.0])


@quick
@given(seed=seeds, shape=st.sampled_from([(1,), (5,), (3, 3), (2, 4), (2, 3, 2)]))
def test_the_projection_theorem_characterises_it(seed, shape):
    """P lies in the set, and ⟨x − P, z − P⟩ ≤ 0 for every z of the set."""
    x, a, *others = draw(seed, *[shape] * 12)
    P = project_halfspace(x, a, 0.3)
    assert (a * P).sum() <= 0.3 + 1e-12
    for z in others:
        z = z - max(0, (a * z).sum() - 0.3) / (a * a).sum() * a
        assert ((x - P) * (z - P)).sum() <= 1e-11


@quick
@given(seed=seeds, shape=st.sampled_from([(4,), (3, 3)]))
def test_a_point_inside_comes_back_bit_for_bit_and_one_outside_lands_on_the_border(seed, shape):
    x, a = draw(seed, shape, shape)
    height = (a * x).sum()
    assert np.array_equal(project_halfspace(x, a, height + 1e-9), x)
    assert (a * project_halfspace(x, a, height - 1)).sum() == pytest.approx(height - 1, abs=1e-12)


def test_the_border_belongs_to_the_half_space():
    x = np.array([1.0, 1.0])
    assert np.array_equal(project_halfspace(x, np.array([1.0, 1.0]), 2.0), x)


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 3.0, 1e20, 1e200])
def test_the_half_space_does_not_depend_on_the_length_of_its_normal(scale):
    x, a = draw(0, 4, 4)
    expected = project_halfspace(x, a, -1.0)
    assert project_halfspace(x, scale * a, -scale) == pytest.approx(expected, rel=1e-12)


def test_a_normal_of_zero_gives_everything_or_nothing():
    x = np.array([1.0, -2.0])
    assert np.array_equal(project_halfspace(x, 0 * x, 0.0), x)
    with pytest.raises(ValueError, match=r"a is zero and b is -1.*empty.*b ≥ 0"):
        project_halfspace(x, 0 * x, -1.0)


def test_an_infinite_bound_gives_everything_or_nothing():
    x = np.array([1.0, -2.0])
    assert np.array_equal(project_halfspace(x, x, np.inf), x)
    with pytest.raises(ValueError, match="empty"):
        project_halfspace(x, x, -np.inf)
    with pytest.raises(ValueError, match="b is nan"):
        project_halfspace(x, x, np.nan)


def test_a_symmetric_normal_keeps_a_symmetric_matrix_exactly_symmetric():
    M, A = positive_definite(0, 5), positive_definite(1, 5)
    M, A = (M + M.T) / 2, (A + A.T) / 2
    P = project_halfspace(M, A, 0.0)
    assert np.array_equal(P, P.T)


def test_the_result_shares_no_memory_with_what_was_given():
    x = np.array([1.0, -2.0])
    project_halfspace(x, x, 100.0)[:] = 7
    project_halfspace(x, 0 * x, 0.0)[:] = 7
    assert np.array_equal(x, [1.0, -2.0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_half_space_keeps_kind_dtype_and_device(device, dtype):
    x = torch.tensor([3.0, 5.0], dtype=dtype, device=device)
    P = project_halfspace(x, torch.tensor([0.0, 1.0], dtype=dtype, device=device), 2.0)
    assert (P.dtype, P.device) == (dtype, x.device)
    assert P.tolist() == [3.0, 2.0]


def test_whole_numbers_give_float64_and_float32_is_computed_in_float64():
    assert project_halfspace([3, 5], [0, 1], 2).dtype == np.float64
    x, a = (array.astype(np.float32) for array in draw(0, 1000, 1000))
    fine = project_halfspace(x.astype(float), a.astype(float), -1.0)
    assert np.array_equal(project_halfspace(x, a, -1.0), fine.astype(np.float32))


@pytest.mark.parametrize(
    ("x", "a", "said"),
    [
        (np.ones(2), np.ones(3), "x has shape .2,. and a has shape .3,."),
        (np.ones((2, 2)), np.ones(2), "one shape for both"),
        (np.array([np.nan, 1]), np.ones(2), r"x\[0\] is nan"),
        (np.ones(2), np.array([1, np.inf]), r"a\[1\] is inf"),
    ],
)
def test_what_a_half_space_refuses(x, a, said):
    with pytest.raises(ValueError, match=said):
        project_halfspace(x, a, 1.0)


def test_a_budget_is_the_half_space_with_bound_one():
    M, A = positive_definite(0, 4), positive_definite(1, 4)
    P = project_budget(M, 5 * A)
    assert np.array_equal(P, project_halfspace(M, 5 * A, 1.0))
    assert (5 * A * P).sum() == pytest.approx(1)
    within = M / (2 * (A * M).sum())
    assert np.array_equal(project_budget(within, A), within)
    assert np.array_equal(project_budget(M, 0 * A), M)


def test_what_a_budget_refuses():
    with pytest.raises(ValueError, match=r"M has shape .2, 3.: expected a square"):
        project_budget(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"M has shape .2, 2. and A has shape .3, 3."):
        project_budget(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="two dimensions"):
        project_budget(np.ones(2), np.ones(2))


# ---------------------------------------------------------------- several sets


def nearest_in_polyhedron(x, A, b):
    """Brute force: of all projections onto intersections of borders, the nearest that is inside."""
    found = [x]
    for size in range(1, len(x) + 1):
        for rows in map(list, combinations(range(len(A)), size)):
            found.append(x - np.linalg.pinv(A[rows]) @ (A[rows] @ x - b[rows]))
    inside = [z for z in found if (A @ z <= b + 1e-9).all()]
    return min(inside, key=lambda z: np.linalg.norm(z - x))


@quick
@given(seed=seeds, d=st.integers(1, 3), count=st.integers(1, 4))
def test_dykstra_finds_the_nearest_point_of_a_polyhedron(seed, d, count):
    x, A = draw(seed, d, (count, d))
    A /= np.linalg.norm(A, axis=1)[:, None]
    # Borders that are nearly parallel make the rounds slow.
    assume(all(1 - abs(u @ v) > 0.01 for u, v in combinations(A, 2)) or d == 1)
    b = np.full(count, 0.1)  # the origin is inside, so the sets have a point in common
    sets = [halfspace(row, 0.1) for row in A]
    found = dykstra(3 * x, sets, max_iter=20_000, tol=1e-11)
    assert found == pytest.approx(nearest_in_polyhedron(3 * x, A, b), abs=1e-6)


CORNER = [halfspace([0, 1], 0), halfspace([1, 1], 0)]


def test_alternating_projections_find_a_common_point_and_dykstra_the_nearest():
    x = np.array([2.0, 1.0])
    common, nearest = alternating_projections(x, CORNER), dykstra(x, CORNER)
    assert common == pytest.approx([1, -1])
    assert nearest == pytest.approx([0.5, -0.5])
    assert np.linalg.norm(nearest - x) < np.linalg.norm(common - x)


@quick
@given(seed=seeds)
def test_for_two_planes_through_zero_both_find_the_nearest_point(seed):
    x, a, b = draw(seed, 3, 3, 3)
    planes = [lambda z, n=n: z - (n @ z) / (n @ n) * n for n in (a, b)]
    line = np.cross(a, b)
    assume(np.linalg.norm(line) > 0.3 * np.linalg.norm(a) * np.linalg.norm(b))
    for method in (alternating_projections, dykstra):
        assert method(x, planes) == pytest.approx((line @ x) / (line @ line) * line, abs=1e-7)


@pytest.mark.parametrize("method", [alternating_projections, dykstra])
def test_one_set_takes_one_projection(method):
    A = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert method(A, [project_psd]) == pytest.approx(project_psd(A), abs=1e-15)


@pytest.mark.parametrize("method", [alternating_projections, dykstra])
def test_a_common_point_comes_back_bit_for_bit(method):
    x = np.array([0.1, 0.3])
    assert np.array_equal(method(x, [box, halfspace([1, 2], 1)], max_iter=1), x)


HIGHAM = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])


def unit_diagonal(A):
    A = A.copy()
    np.fill_diagonal(A, 1)
    return A


def test_the_nearest_correlation_matrix_of_higham():
    """Higham (2002), IMA Journal of Numerical Analysis 22, 329-343: distance 0.5278."""
    C = dykstra(HIGHAM, [project_psd, unit_diagonal])
    expected = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    assert pytest.approx(np.array(expected), abs=5e-5) == C
    assert np.linalg.norm(C - HIGHAM) == pytest.approx(0.5278, abs=5e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_nearest_correlation_matrix_meets_the_conditions_of_its_optimum(seed):
    """A − C = D + S with a diagonal D, and S ≤ 0 with SC = 0."""
    (A,) = draw(seed, (4, 4))
    A = unit_diagonal((A + A.T) / 2)
    C = dykstra(A, [project_psd, unit_diagonal], max_iter=20_000, tol=1e-12)
    # The diagonal D is what makes (A − C − D)C = 0, row by row.
    rest = A - C
    rest = rest - np.diag(np.einsum("ij,ij->i", rest @ C, C) / np.einsum("ij,ij->i", C, C))
    assert rest @ C == pytest.approx(np.zeros((4, 4)), abs=1e-6)
    assert is_psd(-rest, tol=1e-6)


def test_the_result_is_in_the_last_set_and_near_the_others():
    for sets in ([project_psd, unit_diagonal], [unit_diagonal, project_psd]):
        for method in (alternating_projections, dykstra):
            C = method(HIGHAM, sets, tol=1e-6)
            assert np.linalg.norm(sets[1](C) - C) < 1e-14
            assert np.linalg.norm(sets[0](C) - C) <= 2 * 1e-6 * 3


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_stopping_rule_does_not_depend_on_units(scale):
    sets = [project_psd, lambda A: scale * unit_diagonal(A / scale)]
    C = dykstra(scale * HIGHAM, sets) / scale
    assert pytest.approx(dykstra(HIGHAM, [project_psd, unit_diagonal]), abs=1e-8) == C


# ---------------------------------------------------------------- the stall


STALLING = [halfspace([1, 2], 1), box]


def rounds(x, count):
    """The point at the end of each round."""
    return np.array(list(islice(dykstra_steps(np.array(x), STALLING), 2 * count)))[1::2]


def test_the_ends_of_rounds_may_stand_still_far_from_the_solution():
    """For many rounds the box gives its corner (0, 1), which is not even in the half-plane."""
    ends = rounds([5.0, 200.0], 600)
    stall = next(k for k, end in enumerate(ends) if not np.array_equal(end, ends[0]))
    assert ends[0].tolist() == [0.0, 1.0]
    assert stall > 50
    assert ends[-1] == pytest.approx([0, 0.5])


def test_dykstra_is_not_taken_in_by_a_stall():
    """(5, 199.5) = 99.75·(1, 2) + 94.75·(−1, 0): the normals at (0, ½) add up to x − (0, ½)."""
    assert dykstra(np.array([5.0, 200.0]), STALLING) == pytest.approx([0, 0.5], abs=1e-6)


def test_a_stall_longer_than_the_limit_warns():
    with pytest.warns(ConvergenceWarning, match=r"dykstra ended after 20 rounds.*0\.447.*max_iter"):
        x = dykstra(np.array([5.0, 200.0]), STALLING, max_iter=20)
    assert x.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("method", [alternating_projections, dykstra])
def test_sets_without_a_common_point_warn(method):
    sets = [halfspace([1, 0], 0), halfspace([-1, 0], -1)]
    with pytest.warns(ConvergenceWarning, match=r"moved the point by 1,.*no point in common"):
        assert method(np.array([3.0, 4.0]), sets, max_iter=50).tolist() == [1.0, 4.0]


def test_the_warning_points_at_the_line_that_called():
    with pytest.warns(ConvergenceWarning) as caught:
        dykstra(np.array([5.0, 200.0]), STALLING, max_iter=1)
    assert caught[0].filename == __file__


@quick
@given(seed=seeds)
def test_the_moves_of_a_round_are_the_changes_of_the_corrections(seed):
    """The rule watches moves; here the corrections are kept beside, by their definition."""
    x, p, moves = draw(seed, 2)[0] * 5, [np.zeros(2), np.zeros(2)], []
    for k, y in enumerate(islice(dykstra_steps(x, STALLING), 12)):
        old = p[k % 2]
        p[k % 2] = x + old - y
        assert p[k % 2] - old == pytest.approx(x - y, abs=1e-12)
        moves, x = [*moves, x - y], y
    assert sum(p) == pytest.approx(sum(moves), abs=1e-12)


# ---------------------------------------------------------------- step by step


def test_steps_give_the_result_of_every_projection():
    x = np.array([2.0, 1.0])
    assert np.array_equal(list(islice(alternating_steps(x, CORNER), 3)), [[2, 0], [1, -1], [1, -1]])
    first, second, third = islice(dykstra_steps(x, CORNER), 3)
    assert first.tolist() == [2, 0]
    assert second.tolist() == [1, -1]
    assert third.tolist() == [1, 0]  # (1, −1) plus the correction (0, 1) of the first set


@pytest.mark.parametrize(
    ("method", "steps"), [(alternating_projections, alternating_steps), (dykstra, dykstra_steps)]
)
def test_the_result_is_one_of_the_steps(method, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ends = [method(HIGHAM, [project_psd, unit_diagonal], max_iter=k, tol=0) for k in (1, 2, 5)]
    walked = list(islice(steps(HIGHAM, [project_psd, unit_diagonal]), 10))
    assert np.array_equal(ends, [walked[1], walked[3], walked[9]])


@pytest.mark.parametrize("steps", [alternating_steps, dykstra_steps])
def test_writing_to_a_step_changes_no_later_one(steps):
    x = np.array([2.0, 1.0])
    expected, found = list(islice(steps(x, CORNER), 8)), []
    for step in islice(steps(x, CORNER), 8):
        found.append(step.copy())
        step[:] = 99
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("method", [alternating_projections, dykstra])
def test_a_projection_that_works_in_place_does_no_harm(method):
    kept = np.array([3.0, 5.0])
    sets = [lambda z: np.clip(z, 0, 1, out=z), CORNER[1]]
    assert method(kept, sets) == pytest.approx(method(kept, [box, CORNER[1]]))
    assert kept.tolist() == [3.0, 5.0]


# ---------------------------------------------------------------- kinds, and what is refused


@pytest.mark.parametrize("method", [alternating_projections, dykstra])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_go_through_tensors(device, dtype, method):
    x = torch.tensor([2.0, 1.0], dtype=dtype, device=device, requires_grad=True)
    normals = torch.tensor([[0.0, 1.0], [1.0, 1.0]], dtype=dtype, device=device)
    found = method(x, [lambda z, a=a: project_halfspace(z, a, 0) for a in normals])
    expected = method(np.array([2.0, 1.0]), CORNER)
    assert (found.dtype, found.device, found.requires_grad) == (dtype, x.device, False)
    assert found.cpu().numpy() == pytest.approx(expected, abs=1e-6)


def test_projections_get_float64_whatever_the_point_has():
    seen = []
    dykstra(np.ones(2, np.float32), [lambda z: seen.append(z.dtype) or z])
    assert seen == [np.float64]


@pytest.mark.parametrize("method", [alternating_projections, dykstra, alternating_steps])
@pytest.mark.parametrize("projections", [project_psd, []])
def test_no_sequence_of_projections(method, projections):
    with pytest.raises(TypeError, match="expected a sequence of functions"):
        method(np.eye(2), projections)


RETURNS = {
    "nothing": (lambda z: None, TypeError, "returned None"),
    "another shape": (lambda z: z[:1], ValueError, "a NumPy array of shape .1,.: expected"),
    "another kind": (torch.from_numpy, ValueError, "a tensor on cpu of shape .2,.: expected a Num"),
    "NaN": (lambda z: z * np.nan, ValueError, "NaN or infinity"),
}


@pytest.mark.parametrize("name", RETURNS)
@pytest.mark.parametrize("method", [alternating_projections, dykstra])
def test_a_projection_that_returns(method, name):
    bad, error, said = RETURNS[name]
    with pytest.raises(error, match=rf"projections\[1\] returned .*{said}|{said}"):
        method(np.ones(2), [box, bad])


def test_what_the_rounds_refuse():
    with pytest.raises(ValueError, match=r"x\[1\] is nan"):
        dykstra(np.array([1, np.nan]), [box])
    with pytest.raises(ValueError, match="max_iter is 0"):
        dykstra(np.ones(2), [box], max_iter=0)
    with pytest.raises(ValueError, match="tol is -1"):
        alternating_projections(np.ones(2), [box], tol=-1)


# ---------------------------------------------------------------- LogDet


@quick
@given(seed=seeds, d=sizes, b=st.floats(0.01, 100))
def test_a_logdet_projection_meets_its_constraint_and_stays_positive_definite(seed, d, b):
    M, (v,) = positive_definite(seed, d), draw(seed + 1, d)
    X = project_logdet(M, v, b)
    assert v @ X @ v == pytest.approx(b, rel=1e-9)
    assert np.array_equal(X, X.T)
    assert np.linalg.eigvalsh(X)[0] > 0


@quick
@given(seed=seeds, d=st.integers(2, 6), b=st.floats(0.1, 10))
def test_the_inverse_changes_by_a_multiple_of_the_constraint(seed, d, b):
    """The condition of an optimum: ∇φ(X) − ∇φ(M) = M⁻¹ − X⁻¹ = t·vvᵀ, with t = 1/p − 1/b."""
    M, (v,) = positive_definite(seed, d), draw(seed + 1, d)
    change = np.linalg.inv(M) - np.linalg.inv(project_logdet(M, v, b))
    t = 1 / (v @ M @ v) - 1 / b
    assert change == pytest.approx(t * np.outer(v, v), abs=1e-7 * np.linalg.norm(np.linalg.inv(M)))


@quick
@given(seed=seeds, d=st.integers(2, 5))
def test_no_other_matrix_of_the_constraint_is_nearer(seed, d):
    M, (v, *others) = positive_definite(seed, d), draw(seed + 1, d, *[(d, d)] * 5)
    X = project_logdet(M, v, 2.0)
    for A in others:
        step = (A + A.T) / 2
        step = step - (v @ step @ v) / (v @ v) ** 2 * np.outer(v, v)  # now vᵀ(step)v = 0
        step *= 0.1 * np.linalg.eigvalsh(X)[0] / np.linalg.norm(step)
        assert logdet_divergence(X, M) <= logdet_divergence(X + step, M) + 1e-12


def test_pythagoras_holds_for_a_logdet_projection():
    """D(Z, M) = D(Z, X) + D(X, M) for every Z of the constraint: it is affine."""
    M, (v,) = positive_definite(0, 4), draw(1, 4)
    X, Z = project_logdet(M, v, 2.0), project_logdet(positive_definite(5, 4), v, 2.0)
    both = logdet_divergence(Z, X) + logdet_divergence(X, M)
    assert logdet_divergence(Z, M) == pytest.approx(both, rel=1e-10)


def test_a_logdet_projection_by_hand():
    X = project_logdet(np.eye(2), np.array([2.0, 0.0]), 8.0)
    assert X.tolist() == [[2.0, 0.0], [0.0, 1.0]]
    assert np.array_equal(project_logdet(np.eye(2), np.array([0.0, 1.0]), 1.0), np.eye(2))


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_the_units_of_v_do_not_matter(scale):
    X = project_logdet(np.eye(2), np.array([scale, 0.0]), 2 * scale**2)
    assert pytest.approx(np.diag([2.0, 1.0])) == X


def test_a_logdet_projection_keeps_kind_and_dtype(device):
    M = torch.eye(2, device=device, dtype=torch.float32, requires_grad=True)
    X = project_logdet(M, torch.tensor([1.0, 0.0], device=device), 3.0)
    assert (X.dtype, X.device, X.requires_grad) == (torch.float32, M.device, False)
    assert X.tolist() == [[3.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("M", "v", "b", "said"),
    [
        (np.eye(2), np.zeros(2), 1, "vᵀMv is 0: expected a positive number. Either v is zero"),
        (np.diag([1.0, -1.0]), np.array([0.0, 1.0]), 1, "vᵀMv is -1"),
        (np.eye(2), np.ones(2), 0, "b is 0: expected a positive"),
        (np.eye(2), np.ones(2), -1, "b is -1"),
        (np.eye(2), np.ones(2), np.inf, "b is inf"),
        (np.eye(2), np.ones(3), 1, "v has shape .3,. and M has shape .2, 2.: expected v of shape"),
        (np.eye(2), np.array([1, np.nan]), 1, r"v\[1\] is nan"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), np.ones(2), 1, "M is not symmetric"),
        (np.ones((2, 3)), np.ones(2), 1, "square"),
    ],
)
def test_what_a_logdet_projection_refuses(M, v, b, said):
    with pytest.raises(ValueError, match=said):
        project_logdet(M, v, b)


# ---------------------------------------------------------------- Bregman


def half_square(x):
    return x.square().sum() / 2


def negative_entropy(x):
    return (torch.special.xlogy(x, x) - x).sum()


def negative_logdet(x):
    return -torch.logdet(x)


@quick
@given(seed=seeds, shape=st.sampled_from([(1,), (5,), (3, 2)]))
def test_half_the_square_gives_half_the_squared_distance(seed, shape):
    x, y = draw(seed, shape, shape)
    expected = np.square(x - y).sum() / 2
    assert bregman_divergence(half_square, x, y) == pytest.approx(expected, abs=1e-13)


@quick
@given(seed=seeds, d=sizes)
def test_the_entropy_gives_the_generalised_kullback_leibler_divergence(seed, d):
    x, y = np.exp(draw(seed, d, d))
    expected = (rel_entr(x, y) - x + y).sum()
    assert bregman_divergence(negative_entropy, x, y) == pytest.approx(expected, abs=1e-11)


def test_the_entropy_allows_an_empty_bin_on_the_left_only():
    empty, full = np.array([0.0, 1.0]), np.array([0.5, 0.5])
    assert bregman_divergence(negative_entropy, empty, full) == pytest.approx(log(2))
    with pytest.raises(ValueError, match=r"not a number.*domain of the potential"):
        bregman_divergence(negative_entropy, full, np.array([-1.0, 0.5]))


@quick
@given(seed=seeds, d=sizes)
def test_the_logarithm_of_the_determinant_gives_the_logdet_divergence(seed, d):
    X, Y = positive_definite(seed, d), positive_definite(seed + 1, d)
    expected = logdet_divergence(X, Y)
    assert bregman_divergence(negative_logdet, X, Y) == pytest.approx(expected, rel=1e-9, abs=1e-11)


@quick
@given(seed=seeds)
def test_a_linear_part_of_the_potential_changes_nothing(seed):
    x, y, a = draw(seed, 3, 3, 3)
    a = torch.from_numpy(a)
    more = bregman_divergence(lambda z: half_square(z) + (a * z).sum() + 7, x, y)
    assert more == pytest.approx(bregman_divergence(half_square, x, y), abs=1e-12)
    assert bregman_divergence(lambda z: (a * z).sum(), x, y) == pytest.approx(0, abs=1e-13)
    assert bregman_divergence(lambda z: torch.tensor(3.0), x, y) == 0


def test_gradients_flow_to_both_arguments():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([2.0, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u, v: bregman_divergence(negative_entropy, u, v), (x, y))


def test_a_bregman_divergence_keeps_kind_and_dtype(device):
    x = torch.ones(2, device=device)
    found = bregman_divergence(half_square, x, 3 * x)
    assert (found.dtype, found.device, found.requires_grad) == (torch.float32, x.device, False)
    assert found == 4
    with torch.no_grad():
        assert bregman_divergence(half_square, x.requires_grad_(), 3 * x) == 4
    assert isinstance(bregman_divergence(half_square, np.ones(2), np.zeros(2)), np.float64)


def test_what_a_bregman_divergence_refuses():
    with pytest.raises(ValueError, match=r"X has shape .2,. and Y has shape .3,."):
        bregman_divergence(half_square, np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match=r"returned shape .2,.: expected a tensor of one number"):
        bregman_divergence(lambda x: x, np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match=r"float.*: expected a tensor of one number"):
        bregman_divergence(lambda x: 1.0, np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match=r"Y\[0\] is inf"):
        bregman_divergence(half_square, np.ones(1), np.array([np.inf]))


def test_the_two_directions_by_hand():
    x, y = np.array([1.0]), np.array([4.0])
    there, back = (bregman_divergence(negative_entropy, *pair) for pair in ((x, y), (y, x)))
    assert there == pytest.approx(3 - 2 * log(2))
    assert back == pytest.approx(8 * log(2) - 3)
    assert bregman_divergence(lambda z: -z.log().sum(), x, y) == pytest.approx(2 * log(2) - 0.75)
