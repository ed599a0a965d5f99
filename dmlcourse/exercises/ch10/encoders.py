"""Small encoders as plain data, and how far rounding may move what is computed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..budget import Arrays
from ..making import Rng

Layers = Sequence[Sequence[Any]]
# BatchNorm as torch makes it: ε, and the share of a batch in the running statistics.
EPSILON, MOMENTUM = 1e-5, 0.1


def drawn_weights(rng: Rng, layers: Layers) -> Arrays:
    """Weights by parameter name; a BatchNorm turns no feature off."""
    found: Arrays = {}
    for i, (kind, *sizes) in enumerate(layers):
        if kind == "Linear":
            found[f"{i}.weight"] = rng.normal(size=(sizes[1], sizes[0]))
            found[f"{i}.bias"] = rng.normal(size=(sizes[1],))
        elif kind == "BatchNorm1d":
            found[f"{i}.weight"] = rng.uniform(0.5, 2, (sizes[0],))
            found[f"{i}.bias"] = rng.normal(size=(sizes[0],))
    return found


@dataclass
class _Error:
    """On the way through an encoder: the values, the error of each, and a relative error.

    ``error`` is in roundoffs; ``relative`` is the share by which the slopes of the layers so far
    are off, in roundoffs too.
    """

    value: np.ndarray
    error: np.ndarray
    relative: float = 0.0


# From bounds on the slope by a layer's output: by its weights, and by its input.
Backward = Callable[[np.ndarray], tuple[Arrays, np.ndarray]]


def error_sizes(
    layers: Layers, weights: Arrays, x1: Any, x2: Any, train: bool, root: bool
) -> Arrays:
    """How far the outputs of a Siamese network may be off, in roundoffs, for each of them.

    Forwards every layer adds the error of its sums, their length times the sizes in them, to what
    it passes on. Backwards the same layers with all signs positive bound each gradient; it is off
    by the share that the slopes are off. Near distance zero the direction of a pair is uncertain:
    that share grows with the error of the embeddings over their distance.
    """
    h = _Error(np.concatenate([x1, x2]).astype(float), np.zeros((2 * len(x1), x1.shape[1])))
    steps: list[Backward] = []
    found: Arrays = {}
    for i, (kind, *_) in enumerate(layers):
        own = {name: weights.get(f"{i}.{name}") for name in ("weight", "bias")}
        if kind == "Linear":
            h, step = _linear(h, own)
        elif kind == "BatchNorm1d":
            h, step, buffers = _batch_norm(h, own, train)
            found |= {f"{i}.{name} afterwards": size for name, size in buffers.items()}
        else:
            h, step = _relu(h)
        steps.append(step)
    output, slope, relative = _distances(h, len(x1), root)
    for i in reversed(range(len(layers))):
        grads, slope = steps[i](slope)
        found |= {f"gradient by {i}.{name}": relative * size for name, size in grads.items()}
    return found | {"output": output}


def _linear(h: _Error, own: dict[str, Any]) -> tuple[_Error, Backward]:
    W, length = np.abs(own["weight"]), own["weight"].shape[1] + 2
    sizes = np.abs(h.value) @ W.T + np.abs(own["bias"])
    value = h.value @ own["weight"].T + own["bias"]

    longest = h.relative + len(h.value) + max(own["weight"].shape)

    def backward(slope: np.ndarray) -> tuple[Arrays, np.ndarray]:
        # The relative error multiplies this; the error of the input is an absolute one.
        seen = np.abs(h.value) + h.error / longest
        return {"weight": slope.T @ seen, "bias": slope.sum(axis=0)}, slope @ W

    return _Error(value, h.error @ W.T + length * sizes, longest), backward


def _relu(h: _Error) -> tuple[_Error, Backward]:
    is_open = h.value > 0
    return (
        _Error(h.value * is_open, h.error, h.relative),
        lambda slope: ({}, slope * is_open),
    )


def _batch_norm(h: _Error, own: dict[str, Any], train: bool) -> tuple[_Error, Backward, Arrays]:
    n = len(h.value)
    mean = h.value.mean(axis=0) if train else np.zeros(h.value.shape[1])
    variance = h.value.var(axis=0) if train else np.ones(h.value.shape[1])
    of_mean = (h.error.mean(axis=0) + n * np.abs(h.value).mean(axis=0)) * train
    centred = h.value - mean
    of_centred = h.error + of_mean + np.abs(centred)
    # The variance is of centred values: its relative error is twice theirs, in the mean.
    of_variance = (2 * (np.abs(centred) * of_centred).mean(axis=0) + (n + 4) * variance) * train
    total = variance + EPSILON
    share = of_variance / total / 2 + 4
    standard = np.abs(centred) / np.sqrt(total)
    of_standard = of_centred / np.sqrt(total) + standard * share
    gain = own["weight"] / np.sqrt(total)

    def backward(slope: np.ndarray) -> tuple[Arrays, np.ndarray]:
        wide = standard + 1
        grads = {"weight": (slope * wide).sum(axis=0), "bias": slope.sum(axis=0)}
        shared = slope.mean(axis=0) + wide * (slope * wide).mean(axis=0)
        return grads, gain * (slope + shared * train)

    value = own["weight"] * centred / np.sqrt(total) + own["bias"]
    error = own["weight"] * of_standard + 2 * np.abs(value) + np.abs(own["bias"])
    relative = h.relative + 4 * n + float(max(share.max(), of_standard.max()))
    buffers = {
        "running_mean": MOMENTUM * of_mean + 2 * np.abs(mean) * train,
        "running_var": 2 * MOMENTUM * of_variance + 4 * (1 + variance) * train,
        "num_batches_tracked": np.zeros(()),
    }
    return _Error(value, error, relative), backward, buffers


def _distances(h: _Error, n: int, root: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """The errors of the distances, their slopes by the embeddings, and the share these are off."""
    difference = np.abs(h.value[:n] - h.value[n:])
    errors = h.error[:n] + h.error[n:] + difference
    d, of_d = (np.linalg.norm(rows, axis=1) for rows in (difference, errors))
    length = difference.shape[1] + 4
    relative = h.relative + 2 * length
    if root:
        apart = d > 0
        relative += float(np.max(of_d[apart] / d[apart], initial=0.0))
        return of_d + length * d, np.ones_like(h.value), relative
    slope = 2 * np.concatenate([difference + errors / relative] * 2)
    return 2 * d * of_d + length * d**2, slope, relative
