"""What a batch loss keeps, whatever comes: invariances, memory, dtypes, degenerate batches."""

import pytest
import torch

from dmlcourse.losses import ContrastiveLoss, MarginLoss, TripletLoss, batch

LOSSES = {
    "contrastive": lambda: ContrastiveLoss(1.0),
    "triplet": lambda: TripletLoss(0.2),
    "triplet, d": lambda: TripletLoss(0.2, squared=False),
    "triplet, soft": lambda: TripletLoss(0.2, soft=True),
    "triplet, active, unit": lambda: TripletLoss(0.2, average="active", normalize=True),
    "margin": lambda: MarginLoss(0.2, 1.2),
    "margin, a boundary a class": lambda: MarginLoss(0.2, 1.2, classes=20),
}


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]()


def points(n=24, d=5, seed=0, dtype=torch.float32, scale=0.5):
    z = scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return z.to(dtype).requires_grad_()


def value_and_gradient(loss, z, y):
    z.grad = None
    value = loss(z, y)
    value.backward()
    return value.item(), z.grad.clone()


Y = torch.arange(24) // 4


# ---------------------------------------------------------------- invariances


def test_the_order_of_the_batch_does_not_matter(loss):
    z, order = points(), torch.randperm(24, generator=torch.Generator().manual_seed(1))
    value, gradient = value_and_gradient(loss, z, Y)
    other = z.detach()[order].requires_grad_()
    again, moved = value_and_gradient(loss, other, Y[order])
    assert again == pytest.approx(value, rel=1e-5)
    torch.testing.assert_close(moved, gradient[order], rtol=1e-4, atol=1e-7)


def test_names_of_classes_do_not_matter(loss):
    if getattr(loss, "beta", torch.tensor(0.0)).ndim:
        pytest.skip("a boundary of each class goes by its number")
    z = points()
    assert loss(z, Y).item() == loss(z, 1000 - 7 * Y).item()


def test_rotation_and_shift(loss):
    z = points(dtype=torch.float64).detach()
    turn = torch.linalg.qr(drawn(5, 5).double()).Q
    value = loss(z, Y).item()
    assert loss(z @ turn, Y).item() == pytest.approx(value)
    if not loss.normalize:
        assert loss(z + 3.0, Y).item() == pytest.approx(value)


def test_only_unit_vectors_forget_their_length():
    z = points(dtype=torch.float64).detach()
    for make in (ContrastiveLoss, TripletLoss):
        assert make(0.2, normalize=True)(9 * z, Y) == pytest.approx(
            make(0.2, normalize=True)(z, Y).item()
        )
    # Squared distances and the margin scale together.
    assert TripletLoss(4 * 0.2)(2 * z, Y).item() == pytest.approx(4 * TripletLoss(0.2)(z, Y).item())


def test_forces_cancel(loss):
    if loss.normalize:
        pytest.skip("unit vectors are pulled back onto the sphere")
    _, gradient = value_and_gradient(loss, points(dtype=torch.float64), Y)
    assert gradient.sum(0).abs().max() < 1e-12


def test_the_working_memory_changes_nothing(loss, monkeypatch):
    z = points(dtype=torch.float64)
    value, gradient = value_and_gradient(loss, z, Y)
    blocks = batch.row_blocks
    monkeypatch.setattr(batch, "row_blocks", lambda x, _: blocks(x, 8_000))
    assert len(list(batch.row_blocks(z.detach(), None))) > 5
    again, other = value_and_gradient(loss, z, Y)
    assert again == pytest.approx(value)
    torch.testing.assert_close(other, gradient)


# ---------------------------------------------------------------- dtypes and devices


LABELS = [torch.uint8, torch.uint16, torch.int32, torch.uint64, torch.float16, torch.float64]


@pytest.mark.parametrize("dtype", LABELS)
def test_labels_of_every_dtype(loss, dtype):
    z = points()
    assert loss(z, Y.to(dtype)).item() == loss(z, Y).item()


def test_labels_of_two_classes_as_booleans():
    z, y = points(), Y % 2
    assert TripletLoss()(z, y.bool()).item() == TripletLoss()(z, y).item()


def test_many_samples_with_labels_that_others_cannot_take():
    z = points(n=1400, d=2)
    for dtype in (torch.uint8, torch.float32):
        y = (torch.arange(1400) % 200).to(dtype)
        assert torch.isfinite(TripletLoss(0.2)(z, y))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(loss, dtype, device):
    z, loss = points(dtype=dtype).detach().to(device).requires_grad_(), loss.to(device)
    value, gradient = value_and_gradient(loss, z, Y.to(device))
    wide = z.detach().float().requires_grad_()
    exact, expected = value_and_gradient(loss, wide, Y.to(device))
    assert value == exact
    assert gradient.dtype == dtype
    torch.testing.assert_close(gradient.float(), expected, rtol=1e-2, atol=1e-3)
    assert loss(z, Y.to(device)).dtype == torch.float32


def test_under_autocast(loss, device):
    layer, loss = torch.nn.Linear(6, 5).to(device), loss.to(device)
    x = torch.randn(24, 6, generator=torch.Generator().manual_seed(3)).to(device)
    with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
        z = layer(x)
        value = loss(z, Y.to(device))
    assert z.dtype == torch.bfloat16
    assert value.item() == loss(z.detach().float(), Y.to(device)).item()
    value.backward()
    assert torch.isfinite(layer.weight.grad).all()


def test_a_batch_that_is_not_contiguous(loss):
    wide = torch.randn(24, 10, generator=torch.Generator().manual_seed(4))
    assert loss(wide[:, ::2], Y).item() == loss(wide[:, ::2].contiguous(), Y).item()


def test_nothing_is_changed_and_a_second_call_is_the_same(loss):
    z = points()
    before, labels = z.detach().clone(), Y.clone()
    first = value_and_gradient(loss, z, Y)
    second = value_and_gradient(loss, z, Y)
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])
    assert torch.equal(z.detach(), before)
    assert torch.equal(Y, labels)


# ---------------------------------------------------------------- degenerate batches


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


DEGENERATE = {
    "nobody": (torch.zeros(0, 3), []),
    "one sample": (torch.ones(1, 3), [0]),
    "one class": (drawn(5, 3), [0] * 5),
    "no positives": (drawn(5, 3), range(5)),
    "all at one point": (torch.ones(6, 3), [0, 0, 1, 1, 2, 2]),
    "all at the origin": (torch.zeros(6, 3), [0, 0, 1, 1, 2, 2]),
    "strangers at one point": (torch.tensor([[0.0], [0.0], [1.0], [1.0]]), [0, 1, 0, 1]),
    "nearly at one point": (1 + 1e-7 * drawn(6, 3), [0, 0, 1, 1, 2, 2]),
    "far from the origin": (1e4 + drawn(6, 3), [0, 0, 1, 1, 2, 2]),
}


@pytest.mark.parametrize(("z", "y"), DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_value_and_gradient_are_finite(loss, z, y, dtype):
    z = z.detach().to(dtype).clone().requires_grad_()
    value, gradient = value_and_gradient(loss, z, torch.tensor(list(y)))
    assert abs(value) < float("inf")
    assert torch.isfinite(gradient).all()


def test_a_batch_without_tuples_gives_0_and_says_so():
    z = points(5)
    alone = TripletLoss().sums(z, torch.arange(5))
    assert (alone.total.item(), alone.terms.item(), alone.active.item()) == (0, 0, 0)
    assert value_and_gradient(TripletLoss(), z, torch.arange(5))[1].abs().max() == 0


@pytest.mark.parametrize("squared", [True, False])
def test_a_collapsed_batch_costs_exactly_the_margin(squared):
    z = torch.full((12, 3), 0.3, requires_grad=True)
    value, gradient = value_and_gradient(
        TripletLoss(0.2, squared=squared), z, torch.arange(12) // 3
    )
    assert value == pytest.approx(0.2, rel=1e-6)
    assert gradient.abs().max() == 0


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_what_is_not_finite_makes_the_loss_nan(loss, broken):
    z = points().detach()
    z[3, 1] = broken
    assert torch.isnan(loss(z.requires_grad_(), Y))


# ---------------------------------------------------------------- what is refused


WRONG = {
    "a list": ([[1.0]], [0], TypeError, "embeddings is a list"),
    "whole numbers": (torch.ones(2, 2, dtype=torch.int64), [0, 1], TypeError, "tensor of floats"),
    "one dimension": (torch.ones(3), [0, 1, 2], ValueError, r"shape \(3,\)"),
    "labels of another length": (torch.ones(3, 2), [0, 1], ValueError, r"labels has shape \(2,\)"),
    "labels as a column": (torch.ones(2, 2), [[0], [1]], ValueError, "one label for each"),
    "labels that are nan": (torch.ones(2, 2), [0.0, float("nan")], ValueError, "NaN"),
}


@pytest.mark.parametrize(("z", "y", "error", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_is_named(z, y, error, said):
    with pytest.raises(error, match=said):
        TripletLoss()(z, torch.tensor(y))


SETTINGS = [
    (TripletLoss, {"margin": -1}, "margin is -1"),
    (TripletLoss, {"average": "mean"}, "average is 'mean': expected one of 'all', 'active'"),
    (ContrastiveLoss, {"margin": float("nan")}, "margin is nan"),
    (MarginLoss, {"beta": float("inf")}, "beta is inf"),
]


@pytest.mark.parametrize(("make", "settings", "said"), SETTINGS)
def test_settings_are_tested_at_once(make, settings, said):
    with pytest.raises(ValueError, match=said):
        make(**settings)


INDICES = {
    "two parts": (([0], [1]), "holds 2 parts: expected 3"),
    "out of the batch": (([0], [1], [24]), "reaches from 24 to 24: the batch has 24"),
    "negative": (([0], [-1], [2]), "reaches from -1"),
    "floats": (([0.0], [1.0], [2.0]), "whole numbers"),
    "two lengths": (([0, 1], [1, 0], [4]), r"lengths \[2, 2, 1\]"),
}


@pytest.mark.parametrize(("parts", "said"), INDICES.values(), ids=INDICES)
def test_wrong_indices_are_named(parts, said):
    with pytest.raises(ValueError, match=said):
        TripletLoss()(points(), Y, tuple(map(torch.tensor, parts)))


def test_a_boundary_for_every_label():
    with pytest.raises(ValueError, match="labels reach from 0 to 5: with classes=3"):
        MarginLoss(classes=3)(points(), Y)


def test_a_boundary_is_of_a_class_and_classes_are_whole():
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 9"):
        MarginLoss(classes=10)(points(), Y + 0.2)
    with pytest.raises(ValueError, match="classes is 0"):
        MarginLoss(classes=0)


@pytest.mark.parametrize("make", [ContrastiveLoss, MarginLoss])
def test_pairs_of_two_lengths_are_refused(make):
    parts = ([0, 1, 2], [1, 0], [0, 1], [4, 5])
    with pytest.raises(ValueError, match=r"lengths \[3, 2, 2, 2\]"):
        make()(points(), Y, tuple(map(torch.tensor, parts)))


def test_no_triplets_in_a_list_either():
    nothing = TripletLoss().sums(points(), Y, ([], [], []))
    assert (nothing.total.item(), nothing.terms.item()) == (0, 0)


def test_labels_as_a_list_and_of_numpy():
    z = points()
    assert TripletLoss()(z, Y.tolist()).item() == TripletLoss()(z, Y.numpy()).item()


def test_distances_that_overflow_are_no_success():
    z = 1e20 * points().detach()
    assert torch.isnan(TripletLoss()(z.requires_grad_(), Y))


@pytest.mark.parametrize("scale", [1e-30, 1e-23, 1e20, 1e37])
def test_unit_vectors_of_any_scale(scale):
    z = points().detach()
    loss = TripletLoss(0.2, normalize=True)
    assert loss(scale * z, Y).item() == pytest.approx(loss(z, Y).item(), rel=1e-4)


def test_one_class_costs_no_time_and_no_memory():
    z = points(20_000, 2)
    assert value_and_gradient(TripletLoss(), z, torch.zeros(20_000))[0] == 0


def test_one_derivative_and_no_second():
    z, triplet = points(dtype=torch.float64), tuple(map(torch.tensor, ([0], [1], [4])))
    with pytest.raises(RuntimeError, match="List the tuples"):
        torch.autograd.grad(TripletLoss()(z, Y), z, create_graph=True)
    (first,) = torch.autograd.grad(TripletLoss(9.0)(z, Y, triplet), z, create_graph=True)
    (second,) = torch.autograd.grad(first[0].sum(), z)
    assert second[4].tolist() == [pytest.approx(2)] * 5
