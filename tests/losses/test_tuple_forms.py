"""The losses of rows: worked by hand, and what is refused."""

import math

import pytest
import torch
from torch import tensor

from dmlcourse.losses import contrastive_loss, margin_loss, triplet_loss

ORIGIN = torch.zeros(1, 2)
FIVE = tensor([[3.0, 4.0]])
HALF = tensor([[0.3, 0.4]])


def test_contrastive_by_hand():
    def value(other, same, margin):
        return contrastive_loss(ORIGIN, other, tensor([same]), margin).item()

    assert value(FIVE, True, 1.0) == pytest.approx(12.5)
    assert value(FIVE, False, 1.0) == 0
    assert value(FIVE, False, 6.0) == pytest.approx(0.5)  # ½(6 − 5)², not ½(6 − 25)²
    assert value(HALF, False, 1.0) == pytest.approx(0.125)  # ½(1 − 0.5)², not ½(1 − 0.25)²


def test_the_push_is_as_strong_as_the_margin_near_distance_0():
    x = tensor([[1e-4, 0.0]], requires_grad=True)
    contrastive_loss(x, ORIGIN, tensor([False]), 2.0).backward()
    assert x.grad.tolist() == [[pytest.approx(-2.0, rel=1e-3), 0]]


def test_triplet_by_hand():
    p, n = tensor([[1.0, 0.0]]), tensor([[0.0, 2.0]])
    assert triplet_loss(ORIGIN, p, n, 0.5).item() == 0
    assert triplet_loss(ORIGIN, n, p, 0.5).item() == pytest.approx(3.5)
    assert triplet_loss(ORIGIN, n, p, 0.5, squared=False).item() == pytest.approx(1.5)
    soft = triplet_loss(ORIGIN, n, p, 0.5, soft=True).item()
    assert soft == pytest.approx(math.log1p(math.exp(3.5)))


def test_margin_by_hand():
    def value(other, same):
        return margin_loss(ORIGIN, other, tensor([same]), 0.2, 1.0).item()

    assert value(FIVE, True) == pytest.approx(4.2)
    assert value(FIVE, False) == 0
    assert value(HALF, True) == 0
    assert value(HALF, False) == pytest.approx(0.7)


def test_a_boundary_for_each_pair():
    beta = tensor([1.0, 6.0], requires_grad=True)
    x, y = torch.zeros(2, 2), torch.cat([FIVE, FIVE])
    margin_loss(x, y, tensor([True, False]), 0.2, beta, "sum").backward()
    assert beta.grad.tolist() == [-1, 1]


FORMS = {
    "contrastive": lambda x, y: contrastive_loss(x, y, torch.zeros(len(x), dtype=torch.bool)),
    "triplet": lambda x, y: triplet_loss(x, x, y),
    "triplet, d": lambda x, y: triplet_loss(x, x, y, squared=False),
    "margin": lambda x, y: margin_loss(x, y, torch.zeros(len(x), dtype=torch.bool)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_at_distance_zero_everything_is_finite(form, rows):
    x = torch.ones(rows, 2, requires_grad=True)
    value = form(x, torch.ones(rows, 2))
    value.backward()
    assert torch.isfinite(value)
    assert torch.equal(x.grad, torch.zeros(rows, 2))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32(form, dtype):
    assert (
        form(torch.ones(2, 2, dtype=dtype), torch.zeros(2, 2, dtype=dtype)).dtype == torch.float32
    )


REFUSED = {
    "NumPy": (lambda: contrastive_loss([[1.0]], ORIGIN, [True]), TypeError, "x1 is a list"),
    "shapes": (
        lambda: triplet_loss(ORIGIN, ORIGIN, torch.zeros(2, 2)),
        ValueError,
        r"anchor \(1, 2\) and positive \(1, 2\) and negative \(2, 2\)",
    ),
    "a convention in numbers": (
        lambda: contrastive_loss(ORIGIN, FIVE, tensor([1])),
        ValueError,
        "contradict each other",
    ),
    "same of another length": (
        lambda: margin_loss(ORIGIN, FIVE, tensor([True, False])),
        ValueError,
        r"shape \(2,\): expected booleans \(1,\)",
    ),
    "reduction": (
        lambda: triplet_loss(ORIGIN, FIVE, HALF, reduction="average"),
        ValueError,
        "reduction is 'average'",
    ),
    "margin": (lambda: triplet_loss(ORIGIN, FIVE, HALF, -0.1), ValueError, "margin is -0.1"),
}


@pytest.mark.parametrize(("call", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_named(call, error, said):
    with pytest.raises(error, match=said):
        call()
