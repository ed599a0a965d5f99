"""The library solves the course's exercises: on NumPy arrays, and on tensors of every device."""

from itertools import islice

import numpy as np
import pytest
import torch

from dmlcourse import exercises, geometry, learners, tuples
from dmlcourse.checks.judging import PASSED, Key, judge
from dmlcourse.checks.render import plain
from dmlcourse.observing import observe

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def neighbours_vote(X, y, k):
    """The most frequent label of the k nearest other points; the smallest of several."""
    _, index = geometry.nearest(X, k=k)
    labels = y[index]
    classes = torch.unique(y) if isinstance(y, torch.Tensor) else np.unique(y)
    return classes[(labels[:, :, None] == classes).sum(1).argmax(1)]


def chords(X, Y):
    """Euclidean distances between rows scaled to length 1."""
    X, Y = (Z / ((Z**2).sum(1) ** 0.5)[:, None] for Z in (X, Y))
    return geometry.pairwise_distances(X, Y)


def half_spaces(A, b):
    """The projections onto the half-spaces of the rows of A, in order."""
    return [
        lambda z, a=a, bound=bound: geometry.project_halfspace(z, a, float(bound))
        for a, bound in zip(A, b, strict=True)
    ]


def after(steps):
    """The point after some rounds of a generator of single projections."""

    def answer(x, A, b, rounds):
        return [x, *islice(steps(x, half_spaces(A, b)), rounds * len(A))][-1]

    return answer


def diagonal_steps(Q, c, x, step, rounds):
    """Projected gradient steps on the cone's diagonal matrices; the library's choose their step."""
    diag = torch.diag if isinstance(x, torch.Tensor) else np.diag
    for _ in range(rounds):
        x = diag(geometry.project_psd(diag(x - step * (Q @ x - c))))
    return x


def balanced_pairs(y, n, rng):
    """n pairs of each kind, or all where there are fewer."""
    there = tuples.count_tuples(y)
    similar, dissimilar = min(n, there.similar), min(n, there.dissimilar)
    pairs, same = tuples.pairs_from_labels(y, similar, dissimilar, rng)
    return pairs[same], pairs[~same]


def rank_one(S, D):
    """The metric that spends the whole budget on the direction of most scatter of D per S."""
    L = geometry.trace_maximiser(D.T @ D, 1, S.T @ S)
    return L.T @ L


LIBRARY = {
    "00.0": lambda x, y: geometry.pairwise_distances(x[None], y[None])[0, 0],
    "00.1": lambda X, Y: geometry.pairwise_distances(X, Y, squared=True),
    "00.2": neighbours_vote,
    "01.1": geometry.find_triangle_violation,
    "01.2": geometry.kl_gaussian,
    "01.2b": geometry.kl_discrete,
    "01.3": geometry.jeffrey,
    "01.4": geometry.bhattacharyya,
    "01.4b": geometry.matusita,
    "01.5": chords,
    "02.1": lambda X, Y, M: geometry.mahalanobis(X, Y, M=M),
    "02.2": geometry.factor,
    "02.3": geometry.project_psd,
    "02.4": geometry.is_psd,
    "02.5": geometry.aligning_isometry,
    "03.1": geometry.project_halfspace,
    "03.1b": geometry.project_budget,
    "03.2": after(geometry.alternating_steps),
    "03.3": after(geometry.dykstra_steps),
    "03.4": diagonal_steps,
    "03.5": geometry.trace_maximiser,
    "03.5b": geometry.lda,
    "03.6": geometry.logdet_divergence,
    "04.1": balanced_pairs,
    "04.2": learners.mmc_diagonal_objective,
    "04.2b": learners.mmc_newton_step,
    "04.3": learners.mmc_step,
    "04.4": rank_one,
    "05.1": learners.target_neighbours,
    "05.2": learners.lmnn_loss,
    "05.3": learners.lmnn_gradient,
    "05.4": learners.lmnn_step,
    "05.5": learners.impostor_counts,
    "06.1": lambda M0, M: geometry.logdet_divergence(M, M0) / 2,
    "06.2": learners.itml_bounds,
    "06.3": learners.itml_update,
    "06.4": learners.itml_sweep,
    "06.5": learners.itml_dual,
}


def on(device, solve):
    """The same answer, with its inputs and its result carried to the device and back."""

    def carried(value):
        if not isinstance(value, np.ndarray):
            return value
        return torch.from_numpy(np.ascontiguousarray(value)).to(device)

    def answer(*inputs):
        tensors = [carried(value) for value in inputs]
        found = solve(*tensors)
        if isinstance(found, tuple):
            return tuple(v.cpu().numpy() if isinstance(v, torch.Tensor) else v for v in found)
        if isinstance(found, torch.Tensor):
            assert found.device.type == device
            assert found.dtype in results_of(inputs)
            return found.cpu().numpy()
        return found

    return answer


def results_of(inputs):
    """The dtypes that a result may have: those of the inputs, and float64 if all are whole."""
    given = {torch.from_numpy(np.empty(0, v.dtype)).dtype for v in inputs if hasattr(v, "dtype")}
    return given | (set() if any(d.is_floating_point for d in given) else {torch.float64})


def verdict(number, answer):
    key = Key(exercises.find(number), seed=3)
    return judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def test_every_exercise_has_its_place_in_the_library():
    assert list(LIBRARY) == exercises.numbers()


@pytest.mark.parametrize("number", LIBRARY)
def test_on_numpy_arrays(number):
    found = verdict(number, LIBRARY[number])
    assert found.outcome == PASSED, plain(found)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("number", LIBRARY)
def test_on_tensors(number, device):
    found = verdict(number, on(device, LIBRARY[number]))
    assert found.outcome == PASSED, plain(found)
