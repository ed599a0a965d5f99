"""What the exercises of chapter 06 share: metrics with known eigenvalues."""

from __future__ import annotations

import numpy as np

from ..making import Rng


def positive(rng: Rng, d: int, scale: float = 1.0) -> np.ndarray:
    """A symmetric matrix with eigenvalues between a half and four, times ``scale``."""
    vectors, _ = np.linalg.qr(rng.normal(size=(d, d)))
    values = scale * np.linspace(0.5, 4, d + 1)[1:] * rng.uniform(0.9, 1, d)
    M = (vectors * values) @ vectors.T
    return (M + M.T) / 2
