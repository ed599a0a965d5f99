"""The triplet loss and its mean over a batch: right answers pass, near misses hear their name."""

import ast
import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dmlcourse import exercises
from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "11_triplets" / "exercises.py"
NUMBERS = ("11.1", "11.2")


@functools.cache
def key_of(number, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    exercise = exercises.find(number)
    return Key(exercise, exercise.variant(**variant), seed)


def verdicts(number, answer, **variant):
    # Two seeds for the published variant, one for each of the others.
    for seed in SEEDS[:1] if variant else SEEDS:
        key = key_of(number, seed, **variant)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer, note=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert [text for text in found.notes if note is None or note not in text] == []
        assert len(found.notes) == (note is not None)


def assert_fails(number, answer, mistake=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome not in (PASSED, NOT_ATTEMPTED)
        assert found.earned < found.exercise.points
        assert (found.mistake and found.mistake.name) == mistake, found.finding


@functools.cache
def lesson():
    """The functions of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {"np": np, "torch": torch}
    exec(compile(ast.Module(functions, []), str(LESSON), "exec"), space)
    return space


@pytest.mark.parametrize("number", NUMBERS)
def test_the_worked_answer_passes(number):
    assert_passes(number, lesson()[exercises.find(number).name])


@pytest.mark.parametrize(
    ("number", "variant", "mistake"),
    [
        ("11.1", {"form": "distances"}, "squared distances"),
        ("11.1", {"form": "sum of squares"}, "mean for sum"),
        ("11.1", {"form": "softplus"}, None),
        ("11.2", {"active": True}, "mean over all"),
    ],
)
def test_the_published_answer_fails_another_variant(number, variant, mistake):
    assert_fails(number, lesson()[exercises.find(number).name], mistake, **variant)


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_said_of_an_answer_that_is_not_there(number):
    key, space = key_of(number, 0), {}
    exec(exercises.find(number).text("skeleton") + "\n    ...\n", space)
    seen = [observe(key.exercise.kind, space[key.exercise.name], c) for c in key.cases]
    assert judge(key, seen).outcome == NOT_ATTEMPTED


@pytest.mark.parametrize("number", NUMBERS)
def test_no_triplet_is_near_the_edge_of_its_hinge(number):
    """At the edge the slope is a matter of taste: torch's own hinges do not agree there."""
    exercise = exercises.find(number)
    for variant in exercise.all_variants():
        for case in exercise.draw(11, variant):
            excess = excesses(number, case, squared=variant.get("form", "squares") == "squares")
            assert np.abs(excess).min(initial=1) > 1e-3, case.name


def excesses(number, case, squared):
    *tables, margin = case.inputs.values()
    if number == "11.1":
        a, p, n = (np.asarray(table, float) for table in tables)
    else:
        Z, index = np.asarray(tables[0], float), listed(tables[1].tolist())
        a, p, n = (Z[list(i)] for i in zip(*index, strict=True)) if index else [Z[:0]] * 3
    near, far = np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)
    return margin + (near**2 - far**2 if squared else near - far)


def listed(y):
    """Every triplet of a batch, by trying all."""
    return [
        (a, p, n)
        for a, p, n in itertools.product(range(len(y)), repeat=3)
        if a != p and y[a] == y[p] and y[a] != y[n]
    ]


# ---------------------------------------------------------------- 11.1


def row_squares(x, y):
    return ((x - y) ** 2).sum(dim=1)


def norms(x, y):
    return torch.linalg.vector_norm(x - y, dim=1)


def by_loops(a, p, n, margin):
    total = 0
    for i in range(len(a)):
        near = sum((a[i, j] - p[i, j]) ** 2 for j in range(a.shape[1]))
        far = sum((a[i, j] - n[i, j]) ** 2 for j in range(a.shape[1]))
        total = total + torch.relu(margin + near - far)
    return total / len(a)


def by_maxima(a, p, n, margin):
    losses = [max(margin + x, 0) for x in row_squares(a, p) - row_squares(a, n)]
    return sum(losses) / len(a)


def by_a_library(a, p, n, margin):
    return F.triplet_margin_with_distance_loss(
        a, p, n, distance_function=row_squares, margin=margin
    )


def by_products(a, p, n, margin):
    """‖p‖² − ‖n‖² − 2aᵀ(p − n): the anchor's own square cancels."""
    excess = margin + (p * p - n * n - 2 * a * (p - n)).sum(-1)
    return torch.where(excess > 0, excess, torch.zeros_like(excess)).mean()


def by_einsum(a, p, n, margin):
    near, far = (torch.einsum("ij,ij->i", a - x, a - x) for x in (p, n))
    return torch.maximum(margin + near - far, near.new_zeros(len(a))).sum() / len(a)


def by_norms_squared(a, p, n, margin):
    return torch.relu(margin + norms(a, p) ** 2 - norms(a, n).square()).mean()


def stacked(a, p, n, margin):
    triplets = zip(a, p, n, strict=True)
    losses = [F.relu(margin + (x - y).dot(x - y) - (x - z).dot(x - z)) for x, y, z in triplets]
    return torch.stack(losses).mean()


@pytest.mark.parametrize(
    "answer",
    [by_loops, by_a_library, by_products, by_einsum, by_norms_squared, stacked],
)
def test_every_form_of_the_triplet_loss_is_right(answer):
    assert_passes("11.1", answer)


def of_norms(a, p, n, margin):
    return torch.clamp(margin + norms(a, p) - norms(a, n), min=0).mean()


def with_a_mask_under_the_root(a, p, n, margin):
    def distance(x, y):
        squared = row_squares(x, y)
        there = squared > 0
        return torch.where(there, torch.where(there, squared, 1.0).sqrt(), 0.0)

    return torch.relu(margin + distance(a, p) - distance(a, n)).mean()


def by_cdist(a, p, n, margin):
    return torch.relu(margin + torch.cdist(a, p).diagonal() - torch.cdist(a, n).diagonal()).mean()


@pytest.mark.parametrize("answer", [of_norms, with_a_mask_under_the_root, by_cdist])
def test_every_form_without_squares_is_right(answer):
    assert_passes("11.1", answer, form="distances")


@pytest.mark.parametrize(
    "soft",
    [F.softplus, lambda z: -F.logsigmoid(-z), lambda z: z.clamp(min=0) + (-z.abs()).exp().log1p()],
    ids=["softplus", "logsigmoid", "by hand"],
)
def test_every_softplus_is_right(soft):
    assert_passes(
        "11.1",
        lambda a, p, n, margin: soft(margin + norms(a, p) - norms(a, n)).mean(),
        form="softplus",
    )


@pytest.mark.parametrize("eps", [1e-6, 1e-8, 1e-12])
def test_a_small_number_under_the_root_deserves_a_word(eps):
    def answer(a, p, n, margin):
        near, far = (torch.sqrt(row_squares(a, x) + eps) for x in (p, n))
        return torch.relu(margin + near - far).mean()

    assert_passes("11.1", answer, note="small number", form="distances")


def test_pairwise_distance_deserves_a_word():
    def answer(a, p, n, margin):
        near, far = F.pairwise_distance(a, p), F.pairwise_distance(a, n)
        return torch.relu(margin + near**2 - far**2).mean()

    assert_passes("11.1", answer, note="pairwise_distance")
    assert_passes("11.1", F.triplet_margin_loss, note="pairwise_distance", form="distances")


def test_the_smallest_triplet_by_hand():
    key = key_of("11.1", 0)
    # 1/2 + 2² − 1² on a line; each point is moved by twice a difference.
    right = {"value": 3.5, "anchor": -2.0, "positive": 4.0, "negative": -2.0}
    found = {name.split()[-1]: float(v.sum()) for name, v in key.expected[0].items()}
    assert found == pytest.approx(right)
    assert printable(key.cases[0])


def test_the_forces_on_a_triplet_cancel():
    for variant in exercises.find("11.1").all_variants():
        for expected in key_of("11.1", 0, **variant).expected:
            forces = sum(v for name, v in expected.items() if name != "value")
            assert np.abs(forces).max() < 1e-12


def changed(near=row_squares, far=row_squares, clip=torch.relu, reduce=torch.mean):
    """The right answer with one of its parts exchanged."""
    return lambda a, p, n, margin: reduce(clip(margin + near(a, p) - far(a, n)))


def without_gradient(a, p, n, margin):
    with torch.no_grad():
        return by_einsum(a, p, n, margin)


def cosine_distance(x, y):
    return 1 - F.cosine_similarity(x, y)


def normalised(x, y):
    return row_squares(F.normalize(x), F.normalize(y))


def manhattan(x, y):
    return (x - y).abs().sum(1)


def bare(x, y):
    return torch.sqrt(row_squares(x, y))


UNLISTED_LOSSES = {
    "signs": (lambda a, p, n, m: by_einsum(a, n, p, m), "signs exchanged"),
    "margin subtracted": (lambda a, p, n, m: by_einsum(a, p, n, -m), "margin subtracted"),
    "no margin": (lambda a, p, n, m: by_einsum(a, p, n, 0), "margin missing"),
    "margin outside": (lambda a, p, n, m: by_einsum(a, p, n, 0) + m, "margin outside the hinge"),
    "margin squared": (lambda a, p, n, m: by_einsum(a, p, n, m * m), "margin squared"),
    "margin of 1": (lambda a, p, n, m: by_einsum(a, p, n, 1.0), "margin ignored"),
    "anchor and positive exchanged": (
        lambda a, p, n, m: by_einsum(p, a, n, m),
        "another anchor",
    ),
    "swap": (
        lambda a, p, n, m: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=row_squares, margin=m, swap=True
        ),
        "the nearer of anchor and positive",
    ),
    "torch's own": (lambda a, p, n, m: F.triplet_margin_loss(a, p, n, m), "root distances"),
    "norms": (changed(norms, norms), "root distances"),
    "bare roots": (changed(bare, bare), "root distances"),
    "bare roots, squared": (
        changed(lambda x, y: bare(x, y) ** 2, lambda x, y: bare(x, y) ** 2),
        "root at zero",
    ),
    "one root": (changed(norms), None),
    "no hinge": (changed(clip=lambda z: z), "no hinge"),
    "softplus": (changed(clip=F.softplus), "softplus for hinge"),
    "squared": (changed(clip=lambda z: torch.relu(z) ** 2), "hinge squared"),
    "clipped above": (changed(clip=lambda z: z.clamp(max=0)), "hinge the wrong way round"),
    "leaky": (changed(clip=F.leaky_relu), None),
    "a count": (changed(clip=lambda z: (z > 0).to(z)), "no gradient by the anchor"),
    "one hinge": (changed(clip=lambda z: torch.relu(z.mean())), "one hinge for the batch"),
    "mean squared error": (
        lambda a, p, n, m: torch.relu(m + F.mse_loss(a, p) - F.mse_loss(a, n)),
        "one distance for the batch",
    ),
    "mean over coordinates": (
        changed(*[lambda x, y: ((x - y) ** 2).mean(1)] * 2),
        "mean over the coordinates",
    ),
    "sum over rows": (
        changed(*[lambda x, y: ((x - y) ** 2).sum(0)] * 2),
        "added along the batch",
    ),
    "no sum": (changed(*[lambda x, y: (x - y) ** 2] * 2), "a hinge for each coordinate"),
    "sum": (changed(reduce=torch.sum), "sum for mean"),
    "active": (
        changed(reduce=lambda z: z.sum() / max(1, int((z > 0).sum()))),
        "mean over the active triplets",
    ),
    "active, bare": (changed(reduce=lambda z: z[z > 0].mean()), "mean over the active triplets"),
    "the largest": (changed(reduce=torch.max), "only the largest"),
    "the median": (changed(reduce=torch.median), None),
    "not reduced": (changed(reduce=lambda z: z), "one number for each triplet"),
    "a list of one": (changed(reduce=lambda z: z.mean().reshape(1)), None),
    "a dimension too many": (
        changed(lambda x, y: ((x - y) ** 2).sum(1, keepdim=True)),
        "rows against all rows",
    ),
    "all against all": (
        changed(*[lambda x, y: torch.cdist(x, y) ** 2] * 2),
        "rows against all rows",
    ),
    "cosines": (changed(*[F.cosine_similarity] * 2), "a similarity"),
    "cosine distance": (changed(*[cosine_distance] * 2), "a similarity"),
    "dot products": (changed(*[lambda x, y: (x * y).sum(1)] * 2), "a similarity"),
    "unit vectors": (changed(normalised, normalised), "scaled to length 1"),
    "absolute differences": (changed(manhattan, manhattan), "absolute differences"),
    "a contrastive loss": (
        lambda a, p, n, m: (row_squares(a, p) + torch.relu(m - row_squares(a, n))).mean(),
        "each distance on its own",
    ),
    "negative detached": (
        lambda a, p, n, m: by_einsum(a, p, n.detach(), m),
        "no gradient by the negative",
    ),
    "positive detached": (
        lambda a, p, n, m: by_einsum(a, p.detach(), n, m),
        "no gradient by the positive",
    ),
    "only the negative's": (
        lambda a, p, n, m: by_einsum(a.detach(), p.detach(), n, m),
        "no gradient by the anchor",
    ),
    "no_grad": (without_gradient, "no gradient by the anchor"),
    "a number": (lambda *inputs: by_einsum(*inputs).item(), "no gradient by the anchor"),
    "the ratio of Hoffer and Ailon": (
        lambda a, p, n, m: F.softmax(torch.stack([norms(a, p), norms(a, n)]), 0)[0].square().mean(),
        None,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_LOSSES)
def test_no_near_miss_of_the_triplet_loss_passes(form):
    answer, mistake = UNLISTED_LOSSES[form]
    assert_fails("11.1", answer, mistake)


def test_a_bare_root_keeps_the_points_of_the_ordinary_cases():
    for found in verdicts("11.1", changed(bare, bare), form="distances"):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "root at zero"
        assert printable(found.finding.case)


def test_a_zero_without_a_gradient_keeps_the_points_of_the_ordinary_cases():
    for found in verdicts("11.1", by_maxima):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "a constant where nothing is to be learnt"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_forgotten_return_is_told_so(number):
    def answer(*inputs):
        lesson()[exercises.find(number).name](*inputs)

    for found in verdicts(number, answer):
        assert found.finding.sentence.startswith("Your answer returned None.")


def test_an_exponential_that_overflows_keeps_the_points_of_the_ordinary_cases():
    def answer(a, p, n, margin):
        return torch.log(1 + torch.exp(margin + norms(a, p) - norms(a, n))).mean()

    for found in verdicts("11.1", answer, form="softplus"):
        assert (found.outcome, found.earned) == (FAILED, 2)
        assert found.mistake.name == "overflow"
        assert found.finding.case.name == "a positive 1,000 away"


# ---------------------------------------------------------------- 11.2


def all_squares(Z):
    return ((Z[:, None] - Z) ** 2).sum(dim=2)


def hinges_of(D, index, margin):
    return [torch.relu(margin + D[a, p] - D[a, n]) for a, p, n in index]


def batch_by_loops(Z, y, margin):
    hinges = hinges_of(all_squares(Z), listed(y.tolist()), margin)
    return sum(hinges, 0 * Z.sum()) / max(len(hinges), 1)


def batch_by_lists(Z, y, margin):
    index = torch.tensor(listed(y.tolist()), dtype=torch.long).reshape(-1, 3)
    a, p, n = (Z[i] for i in index.T)
    hinges = F.relu(margin + row_squares(a, p) - row_squares(a, n))
    return hinges.mean() if len(hinges) else Z.sum() * 0


def batch_by_anchors(Z, y, margin):
    D, total, count = all_squares(Z), Z.new_zeros(()) + 0 * Z.sum(), 0
    for i in range(len(y)):
        mates = (y == y[i]) & (torch.arange(len(y)) != i)
        hinges = torch.relu(margin + D[i, mates][:, None] - D[i, y != y[i]])
        total, count = total + hinges.sum(), count + hinges.numel()
    return total / count if count else total


def batch_by_a_mask(Z, y, margin, over=torch.ones_like):
    """As widely copied: a float mask, and a divisor that is at least 1e-16."""
    products = Z @ Z.T
    D = (products.diagonal()[:, None] - 2 * products + products.diagonal()).clamp(min=0)
    same, eye = y[:, None] == y[None], torch.eye(len(y), dtype=torch.bool)
    mask = ((same & ~eye)[:, :, None] & ~same[:, None]).to(Z.dtype)
    hinges = torch.relu(mask * (margin + D[:, :, None] - D[:, None, :]))
    return hinges.sum() / ((mask * over(hinges)).sum() + 1e-16)


def batch_by_cdist(Z, y, margin):
    D = torch.cdist(Z, Z).pow(2)
    one = F.one_hot(y.unique(return_inverse=True)[1]).to(Z)
    same = (one @ one.T).bool()
    index = torch.nonzero((same.fill_diagonal_(False))[:, :, None] & (one @ one.T == 0)[:, None])
    a, p, n = index.T
    return torch.relu(margin + D[a, p] - D[a, n]).sum() / max(len(index), 1)


@pytest.mark.parametrize(
    "answer",
    [batch_by_loops, batch_by_lists, batch_by_anchors, batch_by_a_mask, batch_by_cdist],
)
def test_every_form_of_batch_all_is_right(answer):
    assert_passes("11.2", answer)


def active_by_loops(Z, y, margin):
    hinges = hinges_of(all_squares(Z), listed(y.tolist()), margin)
    return sum(hinges, 0 * Z.sum()) / max(sum(h > 0 for h in hinges), 1)


def active_by_a_mask(Z, y, margin):
    return batch_by_a_mask(Z, y, margin, over=lambda hinges: (hinges > 1e-16).to(hinges))


@pytest.mark.parametrize("answer", [active_by_loops, active_by_a_mask])
def test_every_form_over_active_triplets_is_right(answer):
    assert_passes("11.2", answer, active=True)


def test_three_points_by_hand():
    key = key_of("11.2", 0)
    # Triplets (0, 1, 2), satisfied, and (1, 0, 2): 1/2 + 3² − 2². Half of it is the mean.
    assert key.expected[0]["value"] == pytest.approx(2.75)
    assert key.expected[0]["gradient by Z"].ravel().tolist() == pytest.approx([-3, 5, -2])
    assert key_of("11.2", 0, active=True).expected[0]["value"] == pytest.approx(5.5)
    assert printable(key.cases[0])


@pytest.mark.parametrize("active", [False, True])
def test_what_is_expected_of_a_batch_without_a_lesson(active):
    key = key_of("11.2", 0, active=active)
    right = {case.name: e for case, e in zip(key.cases, key.expected, strict=True)}
    for name in ("one class", "every class once", "one point", "every triplet satisfied"):
        assert not any(np.any(v) for v in right[name].values()), name
    collapsed = right["all points at one place"]
    assert (float(collapsed["value"]), np.abs(collapsed["gradient by Z"]).max()) == (0.75, 0)


def over(valid, D=all_squares, clip=torch.relu, divisor=lambda valid, hinges: valid.sum()):
    """The right answer with other triplets, distances, hinges or another divisor."""

    def answer(Z, y, margin):
        table = D(Z)
        same, eye = y[:, None] == y, torch.eye(len(y), dtype=torch.bool)
        chosen = valid(same, eye, table.detach())
        hinges = clip((margin + table[:, :, None] - table[:, None])[chosen])
        return hinges.sum() / max(int(divisor(chosen, hinges)), 1)

    return answer


def triplets(same, eye, D):
    return (same & ~eye)[:, :, None] & ~same[:, None]


def batch_hard(Z, y, margin):
    D, same = all_squares(Z), y[:, None] == y
    near = D.masked_fill(~same, 0).amax(1)
    far = D.masked_fill(same, torch.inf).amin(1)
    there = (same.sum(1) > 1) & ~same.all(1)
    hinges = torch.relu(margin + near - far)[there]
    return hinges.sum() / max(len(hinges), 1)


def one_random_negative(Z, y, margin):
    torch.manual_seed(0)
    hinges = hinges_of(all_squares(Z), [t for t in listed(y.tolist()) if torch.rand(()) < 0.5], 1.0)
    return sum(hinges, 0 * Z.sum()) / max(len(hinges), 1)


def per_anchor(Z, y, margin):
    D, means = all_squares(Z), []
    for i in range(len(y)):
        hinges = hinges_of(D, [t for t in listed(y.tolist()) if t[0] == i], margin)
        means += [sum(hinges) / len(hinges)] if hinges else []
    return sum(means, 0 * Z.sum()) / max(len(means), 1)


def masked_first(Z, y, margin, divisor):
    D, same = all_squares(Z), y[:, None] == y
    valid = triplets(same, torch.eye(len(y), dtype=torch.bool), D)
    difference = torch.where(valid, D[:, :, None] - D[:, None], 0)
    return F.relu(margin + difference).sum() / max(int(divisor(valid)), 1)


def in_numpy(Z, y, margin):
    return torch.tensor(batch_by_loops(Z, y, margin).item())


UNLISTED_BATCHES = {
    "diagonal": (
        over(lambda same, eye, D: same[:, :, None] & ~same[:, None]),
        "itself as a positive",
    ),
    "any negative": (
        over(lambda same, eye, D: (same & ~eye)[:, :, None] & ~eye[:, None]),
        "negatives of the same class",
    ),
    "anything but a and p": (
        over(lambda same, eye, D: (same & ~eye)[:, :, None] & ~eye[:, None] & ~eye),
        "negatives of the same class",
    ),
    "a triangle": (
        over(lambda same, eye, D: same.triu(1)[:, :, None] & ~same[:, None]),
        "each pair once",
    ),
    "positives and negatives exchanged": (
        over(lambda same, eye, D: ~same[:, :, None] & (same & ~eye)[:, None]),
        "signs exchanged",
    ),
    "twins": (
        over(lambda same, eye, D: (same & (D > 0))[:, :, None] & ~same[:, None]),
        "points at one place left out",
    ),
    "semi-hard": (
        over(lambda same, eye, D: triplets(same, eye, D) & (D[:, None] > D[:, :, None])),
        "only semi-hard triplets",
    ),
    "hard": (
        over(lambda same, eye, D: triplets(same, eye, D) & (D[:, None] < D[:, :, None])),
        None,
    ),
    "batch-hard": (batch_hard, "only the hardest triplet of each anchor"),
    "a sample": (one_random_negative, None),
    "active": (
        over(triplets, divisor=lambda valid, hinges: (hinges > 0).sum()),
        "mean over the active",
    ),
    "cube": (
        over(triplets, divisor=lambda valid, hinges: valid.numel()),
        "divided by another number",
    ),
    "pairs": (
        over(triplets, divisor=lambda valid, hinges: valid.any(2).sum()),
        "divided by another number",
    ),
    "anchors": (
        over(triplets, divisor=lambda valid, hinges: len(valid)),
        "divided by another number",
    ),
    "sum": (over(triplets, divisor=lambda valid, hinges: 1), "sum for mean"),
    "mean of means": (per_anchor, "mean of means"),
    "no hinge": (over(triplets, clip=lambda z: z), "no hinge"),
    "softplus": (over(triplets, clip=F.softplus), "softplus for hinge"),
    "hinge squared": (over(triplets, clip=lambda z: torch.relu(z) ** 2), "hinge squared"),
    "no margin": (lambda Z, y, margin: over(triplets)(Z, y, 0), "margin missing"),
    "margin subtracted": (lambda Z, y, margin: over(triplets)(Z, y, -margin), "margin subtracted"),
    "roots": (over(triplets, lambda Z: torch.cdist(Z, Z)), "root distances"),
    "bare roots": (over(triplets, lambda Z: all_squares(Z).sqrt()), "root distances"),
    "bare roots, squared": (over(triplets, lambda Z: all_squares(Z).sqrt() ** 2), "root at zero"),
    "products": (over(triplets, lambda Z: Z @ Z.T), "a similarity"),
    "cosine distance": (
        over(triplets, lambda Z: 1 - F.normalize(Z) @ F.normalize(Z).T),
        "a similarity",
    ),
    "unit vectors": (over(triplets, lambda Z: all_squares(F.normalize(Z))), "scaled to length 1"),
    "mean over coordinates": (
        over(triplets, lambda Z: all_squares(Z) / Z.shape[1]),
        "mean over the coordinates",
    ),
    "mask before the margin": (
        lambda Z, y, m: masked_first(Z, y, m, lambda valid: valid.sum()),
        "mask before the margin",
    ),
    "mask before the margin, and a mean": (
        lambda Z, y, m: masked_first(Z, y, m, lambda valid: valid.numel()),
        "mask before the margin",
    ),
    "half": (lambda *inputs: batch_by_lists(*inputs) / 2, None),
    "detached": (lambda Z, y, m: batch_by_lists(Z, y, m).detach(), "no gradient"),
    "a new tensor": (in_numpy, "no gradient"),
    "half detached": (
        over(triplets, lambda Z: ((Z[:, None] - Z.detach()) ** 2).sum(2)),
        "part of the gradient cut off",
    ),
}


@pytest.mark.parametrize("form", UNLISTED_BATCHES)
def test_no_near_miss_of_batch_all_passes(form):
    answer, mistake = UNLISTED_BATCHES[form]
    assert_fails("11.2", answer, mistake)


def bare_mean(Z, y, margin):
    D, same = all_squares(Z), y[:, None] == y
    valid = triplets(same, torch.eye(len(y), dtype=torch.bool), D)
    return torch.relu(margin + D[:, :, None] - D[:, None])[valid].mean()


def an_early_return(Z, y, margin):
    return batch_by_lists(Z, y, margin) if listed(y.tolist()) else torch.tensor(0.0)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (bare_mean, "nothing divided by nothing"),
        (an_early_return, "a constant where nothing is to be learnt"),
    ],
)
def test_what_fails_without_triplets_only_keeps_most_of_the_points(answer, mistake):
    for found in verdicts("11.2", answer):
        assert (found.outcome, found.earned) == (FAILED, 3)
        assert found.mistake.name == mistake
        assert printable(found.finding.case)


def test_a_small_number_in_the_divisor_deserves_a_word():
    def answer(Z, y, margin):
        index = torch.tensor(listed(y.tolist()), dtype=torch.long).reshape(-1, 3)
        a, p, n = (Z[i] for i in index.T)
        hinges = F.relu(margin + row_squares(a, p) - row_squares(a, n))
        return hinges.sum() / (len(hinges) + 1e-8)

    assert_passes("11.2", answer, note="divisor")
