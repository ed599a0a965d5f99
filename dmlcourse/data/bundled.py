"""The labelled sets that come with scikit-learn: they need no download."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dataset import Dataset


@dataclass(frozen=True)
class Bundled:
    """What the table of data sets says about a set before it is read."""

    classes: int
    samples: int
    shape: tuple[int, ...]
    source: str
    licence: str = "CC BY 4.0"


SETS = {
    "iris": Bundled(
        3,
        150,
        (4,),
        "R. A. Fisher, The use of multiple measurements in taxonomic problems, "
        "Annals of Eugenics 7, 1936; UCI Machine Learning Repository.",
    ),
    "wine": Bundled(
        3, 178, (13,), "S. Aeberhard, M. Forina, Wine, UCI Machine Learning Repository, 1992."
    ),
    "breast_cancer": Bundled(
        2,
        569,
        (30,),
        "W. N. Street, W. H. Wolberg, O. L. Mangasarian, Nuclear feature extraction for breast "
        "tumor diagnosis, SPIE 1905, 1993; UCI Machine Learning Repository.",
    ),
    "digits": Bundled(
        10,
        1797,
        (8, 8),
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (test part), "
        "UCI Machine Learning Repository, 1998.",
    ),
}


def read(name: str) -> Dataset:
    """The set of that name from ``SETS``: features (n, d) float64 in the units of the source.

    ``digits`` has images (1797, 8, 8) float64 as well, from 0 (paper) to 16 (ink).
    """
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    about = SETS[name]
    return Dataset(
        name=name,
        y=bunch.target.astype(np.int64),
        class_names=tuple(map(str, bunch.target_names)),
        source=f"{about.source} {about.licence}.",
        features=bunch.data.astype(np.float64),
        feature_names=tuple(map(str, bunch.feature_names)),
        images=bunch.get("images"),
    )
