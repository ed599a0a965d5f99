"""One loss, measured: ``python loss_step.py WHO LOSS B DEVICE SECONDS RESULT.npz``.

Forward and backward over a batch of B random embeddings with 128 dimensions, 8 of each class. It
runs in the environment of the library that it measures and needs that library, torch and NumPy
only. RESULT gets the value, the gradient, the seconds of each repetition (as many as fit into
SECONDS, one at least, after one that is not counted) and the memory that they added, in MB.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from time import perf_counter

import numpy as np
import torch
from fit import memory_before, memory_most
from torch import Tensor

DIMENSIONS, PER_CLASS = 128, 8
MARGIN, BOUNDARY = 0.2, 1.2


def ours(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    from dmlcourse.losses import ContrastiveLoss, MarginLoss, TripletLoss

    known = {
        "triplet, d": TripletLoss(MARGIN, squared=False),
        "triplet, d²": TripletLoss(MARGIN),
        "triplet, d², active": TripletLoss(MARGIN, average="active"),
        "triplet, softplus": TripletLoss(MARGIN, squared=False, soft=True),
        "margin-based": MarginLoss(MARGIN, BOUNDARY),
        "contrastive": ContrastiveLoss(1.0),
    }
    return known[name]


def pml(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """pytorch-metric-learning, told not to normalise, and to average as we do where it can."""
    from pytorch_metric_learning import distances, losses, reducers

    plain = distances.LpDistance(normalize_embeddings=False)
    squared = distances.LpDistance(normalize_embeddings=False, power=2)
    mean = reducers.MeanReducer()
    triplet = losses.TripletMarginLoss
    known = {
        "triplet, d": lambda: triplet(MARGIN, distance=plain, reducer=mean),
        "triplet, d²": lambda: triplet(MARGIN, distance=squared, reducer=mean),
        "triplet, d², active": lambda: triplet(MARGIN, distance=squared),
        "triplet, softplus": lambda: triplet(
            MARGIN, distance=plain, reducer=mean, smooth_loss=True
        ),
        "margin-based": lambda: losses.MarginLoss(MARGIN, beta=BOUNDARY, distance=plain),
        "contrastive": lambda: losses.ContrastiveLoss(0, 1, distance=plain),
    }
    return known[name]()


PEOPLE = {"ours": (ours, "dmlcourse"), "pytorch-metric-learning": (pml, "pytorch-metric-learning")}


def batch(size: int, device: str) -> tuple[Tensor, Tensor]:
    """The same embeddings and labels for everyone."""
    embeddings = np.random.default_rng(0).normal(size=(size, DIMENSIONS)).astype(np.float32)
    labels = torch.arange(size, device=device) // PER_CLASS
    return torch.from_numpy(embeddings).to(device).requires_grad_(), labels


def step(loss: Callable, embeddings: Tensor, labels: Tensor) -> tuple[float, float]:
    """Value and seconds of one forward and backward pass."""
    embeddings.grad = None
    start = perf_counter()
    value = loss(embeddings, labels)
    value.backward()
    return value.item(), perf_counter() - start


def main(who: str, name: str, size: str, device: str, limit: str, result: str) -> None:
    make, package = PEOPLE[who]
    loss = make(name)
    small = batch(64, device)
    step(loss, *small)  # what is loaded or built at the first call is not counted
    embeddings, labels = batch(int(size), device)
    print("ready", flush=True)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    before, seconds = memory_before(), []
    while not seconds or sum(seconds) < float(limit):
        value, took = step(loss, embeddings, labels)
        seconds.append(took)
    added = memory_most() - before
    if device != "cpu":
        added = torch.cuda.max_memory_allocated() / 2**20
    np.savez(
        result,
        value=value,
        gradient=embeddings.grad.cpu().numpy(),
        seconds=seconds,
        memory=added,
        versions=f"{package} {version(package)}, torch {torch.__version__}",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
