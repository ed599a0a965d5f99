"""The losses by the book: every pair and triplet of a batch in a Python loop, in float64."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def distance(x: Tensor, y: Tensor) -> Tensor:
    """‖x − y‖ with the derivative 0 at 0."""
    squares = (x - y).square().sum()
    return squares.sqrt() if squares > 0 else 0 * squares


class Listed:
    """What a list of losses adds up to: the total, how many there are, how many are positive."""

    def __init__(self, losses: list[Tensor], embeddings: Tensor) -> None:
        self.total = sum(losses, start=0 * embeddings.sum())
        self.terms = len(losses)
        self.active = sum(bool(loss > 0) for loss in losses)

    def mean(self, average: str) -> Tensor:
        return self.total / max(1, self.active if average == "active" else self.terms)


def listed_contrastive(z: Tensor, y: list, margin: float) -> Listed:
    losses = []
    for i in range(len(y)):
        for j in range(i + 1, len(y)):
            d = distance(z[i], z[j])
            losses.append((d if y[i] == y[j] else (margin - d).clamp(min=0)) ** 2 / 2)
    return Listed(losses, z)


def listed_triplets(z: Tensor, y: list, margin: float, squared: bool, soft: bool) -> Listed:
    losses = []
    for a, p, n in permutations(range(len(y)), 3):
        if y[a] == y[p] != y[n]:
            near, far = distance(z[a], z[p]), distance(z[a], z[n])
            excess = margin + (near**2 - far**2 if squared else near - far)
            losses.append(softplus(excess) if soft else excess.clamp(min=0))
    return Listed(losses, z)


def listed_margin(z: Tensor, y: list, margin: float, betas: Tensor) -> Listed:
    losses = []
    for i, j in permutations(range(len(y)), 2):
        sign = 1 if y[i] == y[j] else -1
        losses.append((margin + sign * (distance(z[i], z[j]) - betas[i])).clamp(min=0))
    return Listed(losses, z)


def gradient(value: Tensor, z: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(value, z, retain_graph=True)
    return found
