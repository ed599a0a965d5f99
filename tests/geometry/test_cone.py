"""The PSD cone: what belongs to it, and the projection onto it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse.geometry import is_psd, project_psd

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 8)


def draw(seed, *shapes):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


@quick
@given(seed=seeds, d=sizes, k=sizes)
def test_every_gram_matrix_is_psd(seed, d, k):
    (L,) = draw(seed, (k, d))
    assert is_psd(L.T @ L)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("d", [2, 10, 100])
def test_rounding_a_psd_matrix_to_a_dtype_does_not_take_it_out(d, dtype):
    for seed in range(4):
        (L,) = draw(seed, (max(1, d // 2), d))
        assert is_psd((L.T @ L).astype(dtype))


NOT_PSD = {
    "a determinant of one": np.diag([-1.0, -1.0]),
    "non-negative leading minors": np.diag([0.0, -1.0]),
    "positive entries": np.array([[1.0, 2.0], [2.0, 1.0]]),
    "positive diagonal": np.array([[1.0, -3.0], [-3.0, 2.0]]),
    "small and clearly negative": np.diag([1.0, -1e-6]),
    "eigenvalues of a triangular matrix": np.array([[1.0, 1.0], [0.0, 1.0]]),
    "a skew matrix": np.array([[0.0, 1.0], [-1.0, 0.0]]),
}


@pytest.mark.parametrize("name", NOT_PSD)
def test_what_does_not_make_a_matrix_psd(name):
    assert not is_psd(NOT_PSD[name])


def test_the_border_of_the_cone_belongs_to_it():
    assert is_psd(np.zeros((3, 3)))
    assert is_psd(np.diag([1.0, 0.0]))
    assert is_psd(np.ones((4, 4)))


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1.0, 1e6, 1e150])
def test_the_tolerance_scales_with_the_matrix(scale):
    assert is_psd(scale * np.diag([1.0, -1e-17]))
    assert not is_psd(scale * np.diag([1.0, -1e-6]))


def test_the_tolerance_can_be_set():
    nearly = np.diag([1.0, -1e-6])
    assert is_psd(nearly, tol=1e-5)
    assert not is_psd(np.diag([1.0, -1e-17]), tol=0)
    assert is_psd(np.array([[1.0, 1e-3], [0.0, 1.0]]), tol=1e-2)


def test_the_answer_is_a_plain_bool(device):
    assert is_psd(torch.eye(2, device=device)) is True
    assert is_psd(-np.eye(2)) is False


def test_projecting_a_diagonal_matrix_cuts_its_negative_entries():
    assert project_psd(np.diag([2.0, -3.0, 0.0])) == pytest.approx(np.diag([2.0, 0.0, 0.0]))


def test_projecting_a_matrix_worked_out_by_hand():
    # Eigenvalues 3 and −1; the eigenvector of 3 is (1, 1)/√2.
    assert project_psd(np.array([[1.0, 2.0], [2.0, 1.0]])) == pytest.approx(np.full((2, 2), 1.5))


def test_a_skew_matrix_projects_to_zero():
    assert not project_psd(np.array([[0.0, 1.0], [-1.0, 0.0]])).any()


@quick
@given(seed=seeds, d=sizes)
def test_the_projection_is_in_the_cone_exactly_symmetric_and_idempotent(seed, d):
    (A,) = draw(seed, (d, d))
    P = project_psd(A)
    assert is_psd(P)
    assert np.array_equal(P, P.T)
    assert project_psd(P) == pytest.approx(P, abs=1e-13 * np.abs(A).max())


def test_a_matrix_inside_the_cone_comes_back_as_it_is():
    A = np.array([[2.0, 0.1], [0.1, 1.0]])
    assert np.array_equal(project_psd(A), A)


@quick
@given(seed=seeds, d=sizes)
def test_the_projection_is_nearest_by_the_variational_inequality(seed, d):
    """P is the projection of A onto a convex set iff ⟨A − P, Z − P⟩ ≤ 0 for every Z in the set."""
    A, L = draw(seed, (d, d), (d, d))
    P = project_psd(A)
    for Z in (L.T @ L, 0 * P, 2 * P, np.outer(L[0], L[0])):
        assert ((A - P) * (Z - P)).sum() <= 1e-11


@quick
@given(seed=seeds, d=sizes)
def test_the_projection_brings_no_two_matrices_further_apart(seed, d):
    A, B = draw(seed, (d, d), (d, d))
    moved = np.linalg.norm(project_psd(A) - project_psd(B))
    assert moved <= np.linalg.norm(A - B) + 1e-12


@quick
@given(seed=seeds, d=sizes)
def test_the_two_parts_of_a_symmetric_matrix_are_orthogonal(seed, d):
    """Moreau: S = P₊(S) − P₊(−S), and the two parts have inner product zero."""
    (A,) = draw(seed, (d, d))
    S = A + A.T
    up, down = project_psd(S), project_psd(-S)
    assert up - down == pytest.approx(S, abs=1e-12)
    assert (up * down).sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_projection_in_low_precision_is_still_in_the_cone(dtype):
    for seed in range(10):
        (A,) = draw(seed, (30, 30))
        P = project_psd(A.astype(dtype))
        assert np.array_equal(P, P.T)
        assert is_psd(P)
