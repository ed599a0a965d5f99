"""The library solves the course's exercises: on NumPy arrays, and on tensors of every device."""

from itertools import islice

import numpy as np
import pytest
import torch

from dmlcourse import evaluation, exercises, geometry, learners, losses, networks, tuples
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


class PairDistances(networks.SiameseNetwork):
    """The library's network gives two embeddings, the exercise asks for their distances."""

    def forward(self, x1, x2):
        z1, z2 = super().forward(x1, x2)
        return torch.linalg.vector_norm(z1 - z2, dim=1)


def verified(train_distances, train_same, test_distances, test_same):
    """The smallest training distance at which FAR ≥ FRR, and both rates on the test pairs."""
    ordered = sorted(train_distances)
    rates = evaluation.error_rates(train_distances, train_same, ordered)
    crossed = (rates.false_accepts >= rates.false_rejects).tolist()
    t = ordered[crossed.index(True)]
    test = evaluation.error_rates(test_distances, test_same, [t])
    return float(t), float(test.false_accepts[0]), float(test.false_rejects[0])


def hinges_of_an_anchor(near, far, margin):
    """One row of distances: the positives first, then the negatives."""
    D = torch.cat([torch.as_tensor(near), torch.as_tensor(far)])[None]
    place = torch.arange(D.shape[1], device=D.device)[None]
    found = tuples.hinge_sums(D, place[:, : len(near)], place >= len(near), margin)
    return float(found.values.sum()), int(found.active.sum())


def hinges_of_a_batch(D, y, margin):
    """The mean over all triplets of a batch, and its derivative by the distances."""
    labels = torch.as_tensor(y)
    other = labels != labels[:, None]
    own = ~other & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    found = tuples.hinge_sums(torch.as_tensor(D), tuples.positive_columns(own), other, margin)
    triplets = max(1, int((own.sum(1) * other.sum(1)).sum()))
    W = found.weights / triplets
    return float(found.values.sum() / triplets), W if isinstance(D, torch.Tensor) else W.numpy()


def name_of_a_run(losses, active, triplets, margin, last):
    """The rules of the exercise: the library trains and measures, and names nothing."""

    def added(curve, ago=0):
        return float(curve[len(curve) - (ago + 1) * last : len(curve) - ago * last].sum())

    def over_all(ago):
        return added(losses * active, ago) / added(triplets, ago)

    if added(triplets) == 0:
        return "no triplets"
    if added((active == triplets) & (abs(losses / margin - 1) <= 1e-3)) == last:
        return "collapsed"
    if added(active) < 0.01 * added(triplets):
        return "solved"
    return "learning" if over_all(0) <= 0.95 * over_all(1) else "not learning"


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
    "10.1": losses.contrastive_loss,
    "10.2": PairDistances,
    "10.3": evaluation.mean_distances,
    "10.4": lambda Z, y, queries: y[geometry.nearest(queries, Z)[1][:, 0]],
    "10.5": verified,
    "11.1": losses.triplet_loss,
    "11.2": lambda Z, y, margin: losses.TripletLoss(margin)(Z, y),
    "11.3": hinges_of_an_anchor,
    "11.4": hinges_of_a_batch,
    "11.5": name_of_a_run,
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


def verdict(number, answer, device="cpu"):
    key = Key(exercises.find(number), seed=3)
    return judge(key, [observe(key.exercise.kind, answer, case, device) for case in key.cases])


def test_every_exercise_has_its_place_in_the_library():
    assert list(LIBRARY) == exercises.numbers()


@pytest.mark.parametrize("number", LIBRARY)
def test_on_numpy_arrays(number):
    found = verdict(number, LIBRARY[number])
    assert found.outcome == PASSED, plain(found)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("number", LIBRARY)
def test_on_tensors(number, device):
    if exercises.find(number).kind.backend == "torch":
        found = verdict(number, LIBRARY[number], device)
    else:
        found = verdict(number, on(device, LIBRARY[number]))
    assert found.outcome == PASSED, plain(found)
