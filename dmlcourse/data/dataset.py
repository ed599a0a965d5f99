"""What a data set looks like, whatever it comes from, and features brought to one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples with class labels, and where they come from.

    ``y`` (n,) int64 holds indices into ``class_names``. A table has ``features`` (n, d) float64
    with ``feature_names``; pictures have ``images`` (n, height, width), and 0 is paper. ``X`` is
    there for both. ``groups`` holds further labels (n,) by name, for instance the writer of each
    drawing. ``source`` says whom to cite, and the licence.
    """

    name: str
    y: np.ndarray
    class_names: tuple[str, ...]
    source: str
    features: np.ndarray | None = None
    feature_names: tuple[str, ...] = ()
    images: np.ndarray | None = None
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    part: str = ""

    @cached_property
    def X(self) -> np.ndarray:
        """One row for each sample, (n, d): ``features`` where there are some, else the pixels.

        Pixels come row by row, as float32 in the units of ``images``: whole numbers of 8 bits
        would wrap around in a difference. They are made when first asked for.
        """
        if self.features is not None:
            return self.features
        assert self.images is not None
        return self.images.reshape(len(self.images), -1).astype(np.float32)

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        name = f"{self.name}, {self.part}" if self.part else self.name
        return f"<{name}: {len(self):,} samples of {self._kind}, {len(self.class_names):,} classes>"

    @property
    def _kind(self) -> str:
        if self.images is not None:
            return "×".join(map(str, self.images.shape[1:])) + " pixels"
        return f"{self.X.shape[1]} features"


def standardise(train: Any, *others: Any) -> Any:
    """Each column minus its mean, divided by its standard deviation, both taken from ``train``.

    Pass the training part first and every other part after it: statistics that have seen test
    samples would make the test too kind. Arrays (n, d) come in, new arrays of the same shapes come
    back: one for one, a tuple for several. float32 stays float32, integers become float64. The
    standard deviation is that of the samples themselves (divided by n). A column that is constant
    in ``train`` is only centred, so it stays a column. NaN is left out of the statistics and stays.

    Raises:
        ValueError: infinity, not two dimensions, no rows, or another number of columns.
    """
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    scaled = tuple(scaler.transform(part) for part in (train, *others))
    return scaled if others else scaled[0]
