"""What 10.1 and 10.2 promise: any right form passes, and whoever goes wrong is told how."""

import ast
import copy
import functools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.exercises.ch10.encoders import error_sizes
from dmlcourse.observing import Around, Case, Gradient, observe

SEEDS = (3,)
LESSON = Path(__file__).parents[2] / "lessons" / "10_siamese" / "exercises.py"
NUMBERS = ("10.1", "10.2")

pytestmark = pytest.mark.usefixtures("one_thread")


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


def assert_noted(number, answer, mistake, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        known = found.exercise.mistakes(found.exercise.variant(**variant))
        sentences = {m.sentence for m in known if m.name == mistake}
        assert set(found.notes) == sentences


@functools.cache
def lesson():
    """The functions and classes of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    space = {"np": np, "torch": torch, "nn": nn}
    exec(compile(ast.Module(nodes, []), str(LESSON), "exec"), space)
    return space


def reference(number, **variant):
    exercise = exercises.find(number)
    return exercise.reference(exercise.variant(**variant))


@pytest.mark.parametrize("number", NUMBERS)
def test_the_worked_answer_passes_without_a_note(number):
    assert_passes(number, lesson()[exercises.find(number).name])


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_said_of_an_answer_that_is_not_there(number):
    exercise = exercises.find(number)
    for variant in exercise.all_variants():
        space = {"nn": nn}
        exec(exercise.text("skeleton", variant) + "\n    ...\n", space)
        for found in verdicts(number, space[exercise.name], **variant):
            assert found.outcome == NOT_ATTEMPTED


@pytest.mark.parametrize("number", NUMBERS)
def test_some_case_of_every_group_fits_on_a_few_lines(number):
    cases = key_of(number, 3).cases
    assert {c.group for c in cases if printable(c)} == set(exercises.find(number).groups)


@pytest.mark.parametrize(
    ("number", "variant", "mistake"),
    [
        ("10.1", {"mean": False}, "mean for sum"),
        ("10.1", {"different": True}, "labels turned round"),
        ("10.1", {"mean": False, "different": True}, None),
        ("10.2", {"squared": True}, "not squared"),
    ],
)
def test_the_published_answer_fails_another_variant(number, variant, mistake):
    assert_fails(number, reference(number), mistake, **variant)


# ---------------------------------------------------------------- 10.1


def by_loops(x1, x2, same, margin):
    total = 0
    for a, b, alike in zip(x1, x2, same, strict=True):
        d = torch.linalg.vector_norm(a - b)
        total = total + (d**2 if alike else torch.clamp(margin - d, min=0) ** 2) / 2
    return total / len(x1)


def by_numbers(x1, x2, same, margin):
    """Labels as numbers, and a norm whose gradient at zero torch sets to zero."""
    y = same.to(x1.dtype)
    d = F.pairwise_distance(x1, x2, eps=0)
    return torch.mean(0.5 * y * d.pow(2) + 0.5 * (1 - y) * F.relu(margin - d).pow(2))


def by_two_wheres(x1, x2, same, margin):
    """Nothing goes under the root that is zero."""
    s = ((x1 - x2) ** 2).sum(-1)
    d = torch.where(s > 0, torch.where(s > 0, s, 1).sqrt(), 0)
    return torch.where(same, s, torch.clamp(margin - d, 0) ** 2).mean() / 2


def by_two_groups(x1, x2, same, margin):
    pull = (x1[same] - x2[same]).square().sum()
    push = torch.relu(margin - (x1[~same] - x2[~same]).norm(dim=1)).square().sum()
    return (pull + push) / (2 * len(same))


def by_a_diagonal(x1, x2, same, margin):
    d = torch.cdist(x1, x2, compute_mode="donot_use_mm_for_euclid_dist").diagonal()
    zero = torch.zeros_like(d)
    return ((same * d**2).sum() + (~same * torch.maximum(zero, margin - d) ** 2).sum()) / 2 / len(d)


@pytest.mark.parametrize(
    "answer", [by_loops, by_numbers, by_two_wheres, by_two_groups, by_a_diagonal]
)
def test_every_form_of_the_loss_is_right(answer):
    assert_passes("10.1", answer)
    assert_passes("10.1", lambda x1, x2, same, m: len(x1) * answer(x1, x2, same, m), mean=False)
    assert_passes("10.1", lambda x1, x2, y, m: answer(x1, x2, ~y, m), different=True)


def costs_and_slopes(x1, x2, same, margin):
    """Pair by pair in floats: ½d² with the slope d, or ½[m − d]₊² with the slope −[m − d]₊."""
    costs, slopes = [], []
    for a, b, alike in zip(x1, x2, same, strict=True):
        d = math.dist(a, b)
        slope = d if alike else -max(margin - d, 0.0)
        costs.append(slope**2 / 2)
        slopes.append([slope * (p - q) / d if d else 0.0 for p, q in zip(a, b, strict=True)])
    return sum(costs) / len(costs), np.array(slopes) / len(costs)


def test_the_loss_and_its_gradient_by_their_definition():
    for seed in SEEDS:
        key = key_of("10.1", seed)
        for case, expected in zip(key.cases, key.expected, strict=True):
            x1, x2, *rest = case.inputs.values()
            value, slopes = costs_and_slopes(x1.astype(float), x2.astype(float), *rest)
            assert expected["value"] == pytest.approx(value, rel=1e-12, abs=0), case.name
            for name, sign in (("gradient by x1", 1), ("gradient by x2", -1)):
                assert np.allclose(expected[name], sign * slopes, rtol=1e-9, atol=1e-12), case.name


def test_the_first_cases_by_hand():
    values = [float(expected["value"]) for expected in key_of("10.1", 3).expected[:3]]
    # ½·2²; the mean of ½·(2 − ½)² and 0, beyond the margin; that of ½·5² and ½·(2 − ½)².
    assert values == pytest.approx([2, 1.125 / 2, (12.5 + 1.125) / 2])


def test_no_pair_is_near_the_margin_by_chance():
    for seed in SEEDS:
        for case in key_of("10.1", seed).cases:
            x1, x2, same, margin = case.inputs.values()
            ratio = np.linalg.norm(x1 - x2, axis=1)[~same] / margin
            assert np.all(np.abs(ratio - 1) > 0.09), case.name


def loss_of(d, same, margin):
    """The right loss from distances of whatever kind."""
    return torch.where(same, d**2, F.relu(margin - d) ** 2).mean() / 2


def with_distances(measure):
    return lambda x1, x2, same, margin: loss_of(measure(x1, x2), same, margin)


def by_cosine_embedding(x1, x2, same, margin):
    """Another loss of torch's, with labels of 1 and −1."""
    return F.cosine_embedding_loss(x1, x2, same.to(x1.dtype) * 2 - 1, margin=margin)


def by_hinge_embedding(x1, x2, same, margin):
    """Torch's hinge: distances as they are, without squares."""
    d = (x1 - x2).norm(dim=1)
    return F.hinge_embedding_loss(d, same.to(x1.dtype) * 2 - 1, margin=margin)


def soft(x1, x2, same, margin):
    d = (x1 - x2).norm(dim=1)
    return torch.where(same, d**2, F.softplus(margin - d) ** 2).mean() / 2


def legacy(x1, x2, same, margin):
    """As a widely used program had it at first."""
    s = ((x1 - x2) ** 2).sum(1)
    y = same.to(x1.dtype)
    return (y * s + (1 - y) * (margin - s).clamp(min=0)).sum() / (2 * len(y))


def of_a_library(x1, x2, same, margin):
    """Nothing squared, and zeros left out, for each kind of pairs."""
    d = (x1 - x2).norm(dim=1)
    pull, push = d[same], F.relu(margin - d[~same])
    means = [t[t > 0].mean() if (t > 0).any() else 0 * d.sum() for t in (pull, push)]
    return means[0] + means[1]


def masked_afterwards(x1, x2, same, margin):
    """Zeros put in after the root do not help: infinity times zero."""
    s = ((x1 - x2) ** 2).sum(1)
    return loss_of(torch.where(s == 0, 0, s.sqrt()), same, margin)


def columns(x1, x2, same, margin):
    return loss_of((x1 - x2).norm(dim=0), same, margin)


UNLISTED_LOSSES = {
    "turned round": (lambda a, b, same, m: by_loops(a, b, ~same, m), "labels turned round"),
    "numbers turned round": (
        lambda a, b, same, m: by_numbers(a, b, (1 - same.float()) > 0, m),
        "labels turned round",
    ),
    "legacy": (legacy, "square in the hinge"),
    "torch's hinge": (by_hinge_embedding, "nothing squared"),
    "torch's cosine": (by_cosine_embedding, None),
    "a library": (of_a_library, None),
    "softplus": (soft, None),
    "doubled": (lambda *batch: 2 * by_loops(*batch), "½ missing"),
    "summed": (lambda a, b, *rest: len(a) * by_loops(a, b, *rest), "sum for mean"),
    "absolute hinge": (
        lambda a, b, same, m: (
            torch.where(same, (a - b).norm(dim=1), (m - (a - b).norm(dim=1)).abs()).square().mean()
            / 2
        ),
        "no hinge",
    ),
    "a bare root": (
        with_distances(lambda a, b: ((a - b) ** 2).sum(1) ** 0.5),
        "NaN at distance zero",
    ),
    "masked afterwards": (masked_afterwards, "NaN at distance zero"),
    "a mean square": (
        with_distances(lambda a, b: ((a - b) ** 2).mean(1).clamp(min=0).add(0).sqrt()),
        "mean over the coordinates",
    ),
    "torch's own distance": (with_distances(lambda a, b: (a - b).abs().sum(1)), "another distance"),
    "columns": (columns, "added along the batch"),
    "columns, by numbers": (
        lambda a, b, same, m: (
            (
                same * ((a - b) ** 2).sum(0)
                + ~same * (m - ((a - b) ** 2).sum(0).sqrt()).clamp(min=0) ** 2
            ).mean()
            / 2
        ),
        "added along the batch",
    ),
    "keepdim": (
        with_distances(lambda a, b: F.pairwise_distance(a, b, eps=0, keepdim=True)),
        "a table of pairs and labels",
    ),
    "a table": (
        with_distances(lambda a, b: torch.cdist(a, b)),
        "all against all",
    ),
    "a number": (lambda *batch: by_loops(*batch).item(), "no gradient"),
    "a new tensor": (
        lambda *batch: torch.tensor(by_loops(*batch).item(), requires_grad=True),
        "no gradient",
    ),
    "second detached": (lambda a, b, *rest: by_loops(a, b.detach(), *rest), "no gradient"),
    "value right, slope halved": (
        lambda *batch: (by_loops(*batch) + by_loops(*batch).detach()) / 2,
        None,
    ),
    "half the precision": (lambda a, b, *rest: by_loops(a.half(), b.half(), *rest).double(), None),
    "rounded": (lambda *batch: by_loops(*batch).round(decimals=4), None),
    "a large eps": (with_distances(lambda a, b: (((a - b) ** 2).sum(1) + 1e-2).sqrt()), None),
    "margin doubled": (lambda a, b, same, m: by_loops(a, b, same, 2 * m), None),
    "similar only at the end": (lambda a, b, same, m: by_loops(a, b, same | True, m), None),
    "one pair": (lambda a, b, same, m: by_loops(a[:1], b[:1], same[:1], m), None),
}


@pytest.mark.parametrize("form", UNLISTED_LOSSES)
def test_no_near_miss_of_the_loss_passes(form):
    answer, mistake = UNLISTED_LOSSES[form]
    assert_fails("10.1", answer, mistake)


@pytest.mark.parametrize("eps", [1e-6, 1e-8, 1e-12, float(np.finfo(float).eps)])
def test_a_small_number_in_the_root_is_worth_a_remark(eps):
    """The last one is not listed, and differs at distance zero alone: it is a fail by a digit."""
    answer = with_distances(lambda a, b: (((a - b) ** 2).sum(1) + eps).sqrt())
    if eps < 1e-15:
        assert_fails("10.1", answer)
    else:
        assert_noted("10.1", answer, "a small number in the root")


@pytest.mark.parametrize("eps", [1e-8, 1e-12])
@pytest.mark.parametrize("mean", [True, False])
def test_so_is_a_small_number_in_the_root_of_the_push_alone(eps, mean):
    """The pull has no root: its squares are exact."""

    def answer(x1, x2, same, margin):
        s = ((x1 - x2) ** 2).sum(1)
        costs = torch.where(same, s, F.relu(margin - torch.sqrt(torch.clamp(s, min=eps))) ** 2) / 2
        return costs.mean() if mean else costs.sum()

    assert_noted("10.1", answer, "a small number in the root", mean=mean)


def test_torchs_pairwise_distance_is_worth_a_remark_of_its_own():
    assert_noted("10.1", with_distances(F.pairwise_distance), "a small number in the difference")
    answer = of_embeddings(F.pairwise_distance)
    assert_noted("10.2", answer, "a small number in the difference")


def test_a_nan_costs_the_edge_cases_only():
    answer = with_distances(lambda a, b: ((a - b) ** 2).sum(1).sqrt())
    for found in verdicts("10.1", answer):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert "got NaN" in found.finding.sentence


def by_a_condition(x1, x2, same, margin):
    """Nothing is added for a pair beyond the margin, not even a zero with a gradient."""
    total = 0
    for a, b, alike in zip(x1, x2, same, strict=True):
        d = torch.linalg.vector_norm(a - b)
        if alike:
            total += d**2 / 2
        elif d < margin:
            total += (margin - d) ** 2 / 2
    return total / len(x1)


def by_pythons_max(x1, x2, same, margin):
    """The larger of a tensor and a number; where that is the number, no tensor is left."""
    pairs = zip((x1 - x2).norm(dim=1), same, strict=True)
    return sum(d**2 if alike else max(margin - d, 0) ** 2 for d, alike in pairs) / 2 / len(x1)


@pytest.mark.parametrize("answer", [by_a_condition, by_pythons_max])
def test_a_zero_without_a_gradient_costs_the_edge_cases_only(answer):
    for found in verdicts("10.1", answer):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "a constant where nothing is to be learnt"
        assert found.finding.case.name == "a dissimilar pair beyond the margin"


def test_of_two_slips_at_the_edges_the_root_is_named_first():
    def answer(x1, x2, same, margin):
        total = 0
        for a, b, alike in zip(x1, x2, same, strict=True):
            d = ((a - b) ** 2).sum() ** 0.5
            total = total + (d**2 if alike else max(margin - d, 0) ** 2) / 2
        return total / len(x1)

    assert_fails("10.1", answer, "NaN at distance zero")


def test_a_forgotten_return_is_told_so():
    def answer(x1, x2, same, margin):
        by_loops(x1, x2, same, margin)

    for found in verdicts("10.1", answer):
        assert found.finding.sentence.startswith("Your answer returned None.")


def test_two_losses_are_not_added_for_the_learner():
    for found in verdicts("10.1", lambda *batch: (by_loops(*batch), by_loops(*batch))):
        assert found.outcome == FAILED
        assert found.finding.sentence == "Your answer returned two things. Asked is one tensor."


# ---------------------------------------------------------------- 10.2


def norms(z1, z2):
    return torch.linalg.vector_norm(z1 - z2, dim=1)


def network(forward, build=None):
    """A class from its forward, and from what it makes of the encoder."""

    class Answer(nn.Module):
        def __init__(self, encoder):
            super().__init__()
            (build or keep)(self, encoder)

    Answer.forward = forward
    return Answer


def keep(net, encoder):
    net.encoder = encoder


def one_pass(net, x1, x2):
    return net.encoder(torch.cat([x1, x2])).chunk(2)


def of_embeddings(measure):
    return network(lambda net, x1, x2: measure(*one_pass(net, x1, x2)))


def by_slices(net, x1, x2):
    z = net.branch(torch.concatenate((x1, x2), dim=0))
    return (z[: len(x1)] - z[-len(x2) :]).norm(dim=-1)


def by_interleaving(net, x1, x2):
    z = net.encoder(torch.stack([x1, x2], dim=1).flatten(0, 1))
    return F.pairwise_distance(z[0::2], z[1::2], eps=0)


def second_first(net, x1, x2):
    z2, z1 = net.encoder(torch.vstack([x2, x1])).split(len(x1))
    return norms(z2, z1)


def by_einsum(net, x1, x2):
    z = net.encoder(torch.cat([x1, x2])).unflatten(0, (2, -1)).diff(dim=0).squeeze(0)
    s = torch.einsum("ij,ij->i", z, z)
    return torch.where(s > 0, torch.where(s > 0, s, 1).sqrt(), 0)


RIGHT_NETWORKS = {
    "slices": network(by_slices, lambda net, encoder: setattr(net, "branch", encoder)),
    "interleaved": network(by_interleaving),
    "the second first": network(second_first),
    "einsum": network(by_einsum),
    "in a module list": network(
        lambda net, x1, x2: norms(*net.both[1](torch.cat([x1, x2])).chunk(2)),
        lambda net, encoder: setattr(net, "both", nn.ModuleList([encoder, encoder])),
    ),
    "in a sequence": network(
        lambda net, x1, x2: norms(*net.whole(torch.cat([x1, x2])).chunk(2)),
        lambda net, encoder: setattr(net, "whole", nn.Sequential(encoder)),
    ),
}


@pytest.mark.parametrize("form", RIGHT_NETWORKS)
def test_every_form_of_the_network_is_right(form):
    assert_passes("10.2", RIGHT_NETWORKS[form])


def test_the_variant_asks_for_squares():
    assert_passes("10.2", of_embeddings(lambda a, b: ((a - b) ** 2).sum(1)), squared=True)
    assert_passes("10.2", of_embeddings(lambda a, b: norms(a, b) ** 2), squared=True)
    assert_fails("10.2", of_embeddings(norms), "not squared", squared=True)
    assert_fails("10.2", reference("10.2", squared=True), "squared distances")


def encoded(case, x):
    """The embeddings by NumPy, with the weights of the case."""
    weights, h = case.given["since"], x.astype(float)
    for i, (kind, *_) in enumerate(case.given["layers"]):
        if kind == "Linear":
            h = h @ weights[f"{i}.weight"].T + weights[f"{i}.bias"]
        elif kind == "BatchNorm1d":
            mean, var = (h.mean(0), h.var(0)) if case.given["train"] else (0, 1)
            h = (h - mean) / np.sqrt(var + 1e-5) * weights[f"{i}.weight"] + weights[f"{i}.bias"]
        else:
            h = np.maximum(h, 0)
    return h


def total_distance(case):
    x1, x2 = case.inputs.values()
    z = encoded(case, np.concatenate([x1, x2]))
    return np.linalg.norm(z[: len(x1)] - z[len(x1) :], axis=1)


def slope(case, name, at, step=1e-6):
    """The central difference of the sum of the distances by one weight."""
    ends = []
    for sign in (1, -1):
        moved = copy.deepcopy(case)
        moved.given["since"][name][at] += sign * step
        ends.append(total_distance(moved).sum())
    return (ends[0] - ends[1]) / (2 * step)


def test_distances_and_gradients_by_numpy_and_by_differences():
    key = key_of("10.2", 3)
    for case, expected in zip(key.cases, key.expected, strict=True):
        assert np.allclose(expected["output"], total_distance(case), rtol=1e-9), case.name
        if "at one place" in case.name:
            continue  # a distance of zero has no slope
        for name, weight in case.given["since"].items():
            at = tuple(0 for _ in weight.shape)
            assert expected[f"gradient by {name}"][at] == pytest.approx(
                slope(case, name, at), rel=1e-4, abs=1e-6
            ), (case.name, name)


def test_the_first_network_by_hand():
    first, *_ = key_of("10.2", 3).expected
    assert first["output"] == pytest.approx([6])
    # |2·4 + 1 − (2·1 + 1)| grows by 3 with the factor, and not at all with the constant.
    assert first["gradient by 0.weight"] == pytest.approx(np.array([[3.0]]))
    assert first["gradient by 0.bias"] == pytest.approx([0])
    assert first["numbers to train"] == 2


def test_a_pass_for_each_input_takes_away_what_the_second_ones_have_in_common():
    (case,) = [c for c in key_of("10.2", 3).cases if c.name.startswith("BatchNorm alone")]
    twice = network(lambda net, x1, x2: norms(net.encoder(x1), net.encoder(x2)))
    seen = observe(Around(), twice, case).values
    assert np.allclose(seen["output"].array, 0)
    assert seen["0.num_batches_tracked afterwards"].array == 2
    # 4 apart in numbers whose variance is 5, at a scale of 2.
    (right,) = [total_distance(case)]
    assert right == pytest.approx(2 * 4 / math.sqrt(5), rel=1e-5)


def test_equal_rows_are_equal_after_the_encoder_in_any_order_of_summation():
    """Whole numbers, so that no machine can make a distance of 1e-16 out of zero."""
    for seed in SEEDS:
        for case in key_of("10.2", seed).cases:
            if "at one place" in case.name:
                arrays = [*case.inputs.values(), *case.given["since"].values()]
                assert all(np.array_equal(a, np.round(a)) for a in arrays)
                assert np.count_nonzero(total_distance(case) == 0) >= 1


def deep_copies(net, encoder):
    net.left, net.right = copy.deepcopy(encoder), copy.deepcopy(encoder)


def by_cloned_weights(net, encoder):
    net.encoder = encoder
    net.twin = copy.deepcopy(encoder)
    net.twin.load_state_dict(encoder.state_dict())


def tied_weights_only(net, encoder):
    """The matrices are shared; what is added to them is not."""
    net.encoder, net.twin = encoder, copy.deepcopy(encoder)
    for ours, theirs in zip(encoder, net.twin, strict=True):
        if isinstance(ours, nn.Linear):
            theirs.weight = ours.weight


def xavier(net, encoder):
    net.encoder = encoder
    for layer in encoder:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)


def in_a_tuple(net, encoder):
    net.parts = (encoder,)


def trained_apart(net, x1, x2):
    with torch.no_grad():
        z2 = net.encoder(x2)
    return norms(net.encoder(x1), z2)


def without_gradient(net, x1, x2):
    with torch.no_grad():
        return norms(*one_pass(net, x1, x2))


def in_eval_mode(net, x1, x2):
    net.encoder.eval()
    return norms(net.encoder(x1), net.encoder(x2))


def both_branches(first, second):
    return lambda net, x1, x2: norms(getattr(net, first)(x1), getattr(net, second)(x2))


def joined(net, x1, x2):
    z1, z2 = net.encoder(torch.cat([x1, x2], 1)).chunk(2, 1)
    return norms(z1, z2)


EACH = "one number for each coordinate"
UNLISTED_NETWORKS = {
    "two passes": (
        network(both_branches("encoder", "encoder")),
        "same weights, different statistics",
    ),
    "two copies": (network(both_branches("left", "right"), deep_copies), "two encoders"),
    "weights copied": (
        network(both_branches("encoder", "twin"), by_cloned_weights),
        "two encoders",
    ),
    "matrices tied": (network(both_branches("encoder", "twin"), tied_weights_only), None),
    "xavier": (
        network(by_norms := lambda n, a, b: norms(*one_pass(n, a, b)), xavier),
        "weights drawn anew",
    ),
    "in a tuple": (
        network(lambda n, a, b: norms(*n.parts[0](torch.cat([a, b])).chunk(2)), in_a_tuple),
        "encoder hidden in a list",
    ),
    "momentum": (network(trained_apart), "one branch without gradient"),
    "no_grad": (network(without_gradient), "no gradient"),
    "eval": (network(in_eval_mode), "switched to eval mode"),
    "torch's similarity": (of_embeddings(F.cosine_similarity), "a similarity"),
    "exponential": (of_embeddings(lambda a, b: torch.exp(-norms(a, b))), "a similarity"),
    "absolute": (of_embeddings(lambda a, b: F.l1_loss(a, b, reduction="none")), EACH),
    "L1": (of_embeddings(lambda a, b: (a - b).abs().sum(1)), "another distance"),
    "a loss": (of_embeddings(F.mse_loss), None),
    "mean square root": (of_embeddings(lambda a, b: norms(a, b) / 2), None),
    "side by side": (network(joined), "joined side by side"),
    "stacked": (
        network(lambda n, a, b: norms(*n.encoder(torch.stack((a, b)))), keep),
        "stacked to three axes",
    ),
    "of the inputs": (network(lambda n, a, b: norms(a, b)), "encoder not used"),
    "the difference": (
        network(lambda n, a, b: n.encoder(a - b).norm(dim=1)),
        "the difference encoded",
    ),
    "the first file twice": (network(lambda n, a, b: by_norms(n, a, a)), "one input twice"),
    "a column": (of_embeddings(lambda a, b: norms(a, b)[:, None]), None),
    "a table": (of_embeddings(torch.cdist), "a distance table"),
    "one more layer": (
        network(
            lambda n, a, b: norms(*map(n.head, one_pass(n, a, b))),
            lambda n, encoder: (keep(n, encoder), setattr(n, "head", nn.LazyLinear(2))),
        ),
        None,
    ),
    "an unused layer": (
        network(by_norms, lambda n, e: (keep(n, e), setattr(n, "head", nn.Linear(2, 2)))),
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_NETWORKS)
def test_no_near_miss_of_the_network_passes(form):
    answer, mistake = UNLISTED_NETWORKS[form]
    assert_fails("10.2", answer, mistake)


@pytest.mark.parametrize(
    ("answer", "earned"),
    [
        (network(both_branches("encoder", "encoder")), 2),
        (of_embeddings(lambda a, b: ((a - b) ** 2).sum(1).sqrt()), 2),
        (network(both_branches("encoder", "twin"), by_cloned_weights), 0),
    ],
    ids=["two passes", "NaN", "two encoders"],
)
def test_what_is_right_of_a_network_is_worth_its_points(answer, earned):
    assert [found.earned for found in verdicts("10.2", answer)] == [earned] * len(SEEDS)


def test_both_embeddings_are_not_a_distance():
    for found in verdicts("10.2", network(one_pass)):
        assert found.outcome == FAILED
        assert found.finding.sentence == "Your answer returned two things. Asked is one tensor."


# ---------------------------------------------------------------- a module around an encoder

GIVEN = {
    "layers": [["Linear", 1, 1]],
    "before": {"0.weight": np.array([[1.0]]), "0.bias": np.array([0.0])},
    "since": {"0.weight": np.array([[3.0]]), "0.bias": np.array([1.0])},
    "train": True,
}
TOY = Case("toy", {"x": np.array([[2.0]])}, given=GIVEN)


def values(answer, case=TOY):
    seen = observe(Around(), answer, case)
    assert seen.fault is None, seen.fault
    return {name: value.array for name, value in seen.values.items()}


def test_the_weights_change_after_the_answer_is_built():
    weights_at_first = []

    def build(net, encoder):
        weights_at_first.append(encoder[0].weight.item())
        net.encoder = encoder

    found = values(network(lambda net, x: net.encoder(x), build))
    assert weights_at_first == [1]
    assert found == {
        "output": 7,
        "gradient by 0.weight": 2,
        "gradient by 0.bias": 1,
        "numbers to train": 2,
        "weights kept while building": True,
    }


def test_what_is_not_reached_has_a_gradient_of_zero():
    found = values(network(lambda net, x: x.sum(1)))
    assert (found["output"], found["gradient by 0.weight"]) == (2, 0)


def test_statistics_are_seen_afterwards():
    norm = {"0.weight": np.ones(1), "0.bias": np.zeros(1)}
    given = GIVEN | {"layers": [["BatchNorm1d", 1]], "before": norm, "since": norm}
    case = Case("toy", {"x": np.array([[2.0], [4.0]])}, given=given)
    found = values(network(lambda net, x: net.encoder(x)), case)
    assert found["0.running_mean afterwards"] == pytest.approx([0.3])
    assert found["0.num_batches_tracked afterwards"] == 1
    still = Case("toy", case.inputs, given=given | {"train": False})
    assert values(network(lambda net, x: net.encoder(x)), still)["0.running_mean afterwards"] == 0


def test_new_weights_are_drawn_alike_and_nobodys_random_numbers_are_taken():
    def build(net, encoder):
        net.own = nn.Linear(1, 1)

    answer = network(lambda net, x: net.own(x), build)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = values(answer), values(answer)
    assert torch.equal(torch.rand(3), expected)
    assert one["output"] == other["output"]
    assert one["output"].dtype == np.float64


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda encoder: 3.0, "your answer built a float; expected a class derived from nn.Module"),
        (network(lambda net, x: (x, x)), "Your answer returned two things. Asked is one tensor."),
    ],
)
def test_what_is_no_module_and_what_is_no_tensor_is_named(answer, said):
    assert observe(Around(), answer, TOY).fault.message == said


def test_a_gradient_is_asked_of_one_tensor():
    case = Case("toy", {"x": np.ones(2)})
    fault = observe(Gradient(wrt=("x",)), lambda x: [x, x, x], case).fault
    assert fault.message == "Your answer returned three things. Asked is one tensor."


@pytest.mark.parametrize("number", NUMBERS)
def test_the_reference_gives_the_same_on_every_device(number, device):
    key = key_of(number, 3)
    for case, expected in zip(key.cases, key.expected, strict=True):
        seen = observe(key.exercise.kind, reference(number), case, device)
        assert seen.fault is None, seen.fault
        budget = key.exercise.budget(case, expected)
        for name, right in expected.items():
            assert np.all(np.abs(1.0 * seen.values[name].array - right) <= budget[name]), case.name


# ---------------------------------------------------------------- the budgets


def errors_and_budgets(number, answer, seed, **variant):
    key = key_of(number, seed, **variant)
    for case, expected in zip(key.cases, key.expected, strict=True):
        seen = observe(key.exercise.kind, answer, case).values
        budget = key.exercise.budget(case, expected)
        for name, right in expected.items():
            if right.dtype.kind == "f":
                yield case, name, np.abs(seen[name].array - right), budget[name], right


@pytest.mark.parametrize(
    ("number", "answer"), [("10.1", by_two_wheres), ("10.2", RIGHT_NETWORKS["interleaved"])]
)
def test_another_order_of_summation_stays_far_within_the_budget(number, answer):
    for case, name, error, budget, _ in errors_and_budgets(number, answer, 3):
        assert np.all(error <= budget / 4), (case.name, name)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_budget_hides_a_digit_that_counts(number):
    for case, name, _, budget, right in errors_and_budgets(number, reference(number), 3):
        limit = 1e-2 if case.name == "float32" else 1e-9
        assert np.max(budget) <= limit * max(1.0, np.abs(right).max()), (case.name, name)


def test_the_error_of_a_long_way_is_that_of_its_steps():
    """Two layers one after the other are off by more than each, and by no more than in a row."""
    rng = np.random.default_rng(0)
    x1, x2 = rng.normal(size=(2, 3, 2))
    layer = {"weight": rng.normal(size=(2, 2)), "bias": np.zeros(2)}
    one = {f"0.{k}": v for k, v in layer.items()}
    two = one | {f"1.{k}": v for k, v in layer.items()}
    short = error_sizes([["Linear", 2, 2]], one, x1, x2, True, True)["output"]
    long = error_sizes([["Linear", 2, 2]] * 2, two, x1, x2, True, True)["output"]
    assert np.all(long > short.min())
    size = np.abs(layer["weight"]).sum()
    assert np.all(long < 3 * (1 + size) * (short.max() + 8 * size**2 * np.abs([x1, x2]).max()))
