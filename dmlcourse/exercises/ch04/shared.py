"""What the exercises of chapter 04 share: answers made of parts, and differences of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..making import Rng

Answer = Callable[..., Any]
# Computes one part of an answer from the inputs and the parts before it.
Part = Callable[[Any], Any]


def computing(inputs: tuple[str, ...], parts: Mapping[str, Part], **changes: Part) -> Answer:
    """The answer that works out these parts in order and returns the last, some of them changed."""
    unknown = set(changes) - set(parts)
    if unknown:
        raise ValueError(f"no part is named {sorted(unknown)[0]}; there are {', '.join(parts)}")
    order = {**parts, **changes}

    def in_parts(*values: Any) -> Any:
        k = SimpleNamespace(**dict(zip(inputs, values, strict=True)))
        found = None
        for name, part in order.items():
            found = part(k)
            setattr(k, name, found)
        return found

    return in_parts


def single(*arrays: np.ndarray) -> list[np.ndarray]:
    """The same arrays in float32."""
    return [array.astype(np.float32) for array in arrays]


def differences(rng: Rng, m: int, d: int, longest: float = 2.0) -> np.ndarray:
    """Differences of m pairs, longer in some oblique directions than in others."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return rng.normal(size=(m, d)) @ (vectors * np.linspace(0.6, longest, d)) @ vectors.T


def table(*rows: tuple[float, ...] | list[float]) -> np.ndarray:
    """A small array of real numbers, row by row."""
    return np.array(rows, float)
