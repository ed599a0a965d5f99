"""Batches of every shape a loss can meet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

BATCHES = {
    "uneven classes": [0, 0, 0, 1, 1, 2, 2, 2, 3],
    "one class": [4, 4, 4, 4],
    "all different": [3, 1, 0, 2, 5],
    "one sample": [7],
    "no sample": [],
    "a pair and a stranger": [0, 0, 1],
    "in no order": [2, 0, 1, 0, 2, 1, 1, 0],
}


@pytest.fixture(params=BATCHES)
def labels(request: pytest.FixtureRequest) -> list[int]:
    """The labels of a batch."""
    return BATCHES[request.param]


@pytest.fixture
def embeddings(labels: list[int]) -> Tensor:
    """Random embeddings for them, float64, the last two at one place."""
    z = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(1)).double()
    if len(z) > 2:
        z[-1] = z[-2]
    return z.requires_grad_()
