"""Every loss over a batch is the sum over the list of its pairs or triplets, gradient included."""

import pytest
import torch
from listed_losses import gradient, listed_contrastive, listed_margin, listed_triplets

from dmlcourse.losses import (
    ContrastiveLoss,
    MarginLoss,
    TripletLoss,
    contrastive_loss,
    margin_loss,
    triplet_loss,
)
from dmlcourse.losses.batch import unit_rows

AVERAGES = ["all", "active"]


def assert_is(found, listed, z):
    """The same sums, numbers and gradient."""
    assert (found.terms.item(), found.active.item()) == (listed.terms, listed.active)
    assert found.total.item() == pytest.approx(listed.total.item(), rel=1e-12, abs=1e-12)
    torch.testing.assert_close(
        gradient(found.total, z), gradient(listed.total, z), rtol=1e-9, atol=1e-9
    )


def assert_averages(loss, listed, z, y):
    for average in AVERAGES:
        loss.average = average
        assert loss(z, torch.tensor(y)).item() == pytest.approx(listed.mean(average).item())


@pytest.mark.parametrize("margin", [0.0, 1.0, 3.0])
def test_contrastive(embeddings, labels, margin):
    loss = ContrastiveLoss(margin)
    listed = listed_contrastive(embeddings, labels, margin)
    assert_is(loss.sums(embeddings, torch.tensor(labels)), listed, embeddings)
    assert_averages(loss, listed, embeddings, labels)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("squared", [True, False])
def test_triplet(embeddings, labels, squared, soft):
    loss = TripletLoss(0.5, squared=squared, soft=soft)
    listed = listed_triplets(embeddings, labels, 0.5, squared, soft)
    assert_is(loss.sums(embeddings, torch.tensor(labels)), listed, embeddings)
    assert_averages(loss, listed, embeddings, labels)


@pytest.mark.parametrize("classes", [None, 8])
def test_margin(embeddings, labels, classes):
    loss = MarginLoss(0.3, 1.5, classes=classes).double()
    if classes:
        loss.beta.data = torch.linspace(1, 2, classes, dtype=torch.float64)
    betas = loss.beta.expand(8)[torch.tensor(labels, dtype=torch.long)]
    listed = listed_margin(embeddings, labels, 0.3, betas)
    found = loss.sums(embeddings, torch.tensor(labels))
    assert_is(found, listed, embeddings)
    assert_averages(loss, listed, embeddings, labels)
    if listed.terms:
        torch.testing.assert_close(
            gradient(found.total, loss.beta), gradient(listed.total, loss.beta)
        )


def test_the_boundary_settles_where_as_many_pairs_are_too_far_as_too_near():
    z = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    y, loss = torch.arange(40) // 8, MarginLoss(0.2, 1.0, average="all")
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        loss(z, y).backward()
        optimizer.step()
    same = y[:, None] == y
    same.fill_diagonal_(False)
    d, beta = torch.cdist(z, z), loss.beta.item()
    too_far = int((same & (d > beta - 0.2)).sum())
    too_near = int(((y[:, None] != y) & (d < beta + 0.2)).sum())
    assert abs(too_far - too_near) <= 0.05 * (too_far + too_near)


# ---------------------------------------------------------------- tuples

A, P, N = [0, 0, 1, 5], [1, 2, 0, 6], [3, 4, 5, 0]


@pytest.fixture
def z():
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(2)).double().requires_grad_()


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("squared", [True, False])
def test_listed_triplets_are_the_papers_equation(z, squared, soft):
    loss = TripletLoss(0.5, squared=squared, soft=soft)
    triplets = tuple(map(torch.tensor, (A, P, N)))
    settings = {"margin": 0.5, "squared": squared, "soft": soft}
    by_rows = triplet_loss(z[A], z[P], z[N], **settings)
    assert loss(z, torch.arange(8), triplets).item() == pytest.approx(by_rows.item())
    each = [
        triplet_loss(z[[a]], z[[p]], z[[n]], **settings) for a, p, n in zip(A, P, N, strict=True)
    ]
    assert by_rows.item() == pytest.approx(sum(each).item() / 4)


@pytest.mark.parametrize("loss", [ContrastiveLoss(2.0), MarginLoss(0.3, 2.0, average="all")])
def test_pairs_from_triplets_and_from_four_parts_are_the_same(loss, z):
    a, p, n = map(torch.tensor, (A, P, N))
    assert loss(z, torch.arange(8), (a, p, n)).item() == loss(z, torch.arange(8), (a, p, a, n))
    x1, x2, same = z[A + A], z[P + N], torch.arange(8) < 4
    form = contrastive_loss if isinstance(loss, ContrastiveLoss) else margin_loss
    boundary = {} if form is contrastive_loss else {"beta": 2.0}
    by_rows = form(x1, x2, same, loss.margin, **boundary)
    assert loss(z, torch.arange(8), (a, p, n)).item() == pytest.approx(by_rows.item())


def test_all_pairs_as_a_list_are_the_batch(z):
    y = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    i, j = torch.triu_indices(8, 8, 1)
    same = y[i] == y[j]
    listed = contrastive_loss(z[i], z[j], same, 1.5)
    assert ContrastiveLoss(1.5)(z, y).item() == pytest.approx(listed.item())


def test_reductions_agree(z):
    rows = (z[A], z[P], z[N])
    each = triplet_loss(*rows, reduction="none")
    assert each.shape == (4,)
    assert triplet_loss(*rows, reduction="sum").item() == pytest.approx(each.sum().item())
    assert triplet_loss(*rows).item() == pytest.approx(each.mean().item())


def test_normalised_means_on_unit_vectors(z):
    y = torch.arange(8) // 2
    for make in (ContrastiveLoss, TripletLoss, MarginLoss):
        plain, scaled = make(0.5)(unit_rows(z), y), make(0.5, normalize=True)(z, y)
        assert scaled.item() == pytest.approx(plain.item())
        torch.testing.assert_close(gradient(scaled, z), gradient(plain, z))


# ---------------------------------------------------------------- by finite differences


LOSSES = {
    "contrastive": ContrastiveLoss(1.5),
    "triplet": TripletLoss(0.5),
    "triplet, d": TripletLoss(0.5, squared=False),
    "triplet, soft": TripletLoss(0.5, soft=True, average="active"),
    "triplet, soft d": TripletLoss(0.5, squared=False, soft=True),
    "triplet, unit": TripletLoss(0.5, normalize=True),
    "margin": MarginLoss(0.3, 1.5).double(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradcheck(loss, z):
    assert torch.autograd.gradcheck(lambda x: loss(x, torch.arange(8) // 3), (z,))


def test_gradcheck_of_the_boundary(z):
    def value(beta):
        loss = MarginLoss(0.3, 1.5, average="all")
        loss.beta = torch.nn.Parameter(beta)
        return torch.func.functional_call(loss, {"beta": beta}, (z.detach(), torch.arange(8) // 3))

    assert torch.autograd.gradcheck(
        value, (torch.tensor(1.7, dtype=torch.float64).requires_grad_(),)
    )
