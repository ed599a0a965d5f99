"""Data behind one interface: bundled, downloaded when asked for, and generated.

Read in this order: ``dataset.py`` (what a set looks like), ``catalogue.py`` (``load`` by name),
``bundled.py``, ``mnist.py`` and ``omniglot.py`` (the sets), ``keel.py`` (ten more, in the folds of
a published comparison), ``splits.py`` (parts that share no class) and ``download.py`` (how files
are kept and verified). ``strokes.py`` generates characters: ``alphabets.py`` plans them,
``handwriting.py`` draws them and ``rendering.py`` makes pictures. ``autographs.py`` generates
signatures and forgeries, whose model is in ``signing.py``.
"""

from importlib import import_module
from typing import Any

from .catalogue import is_here, load, names
from .dataset import Dataset, standardise
from .download import data_folder
from .keel import Fold, keel_folds, keel_names
from .omniglot import omniglot_runs, with_rotations
from .splits import class_disjoint_split, group_disjoint_split

# They need torch, which takes a second to import: only for those who ask.
GENERATED = {
    "Characters": "strokes",
    "Signatures": "autographs",
    "pen_paths": "strokes",
    "signature_pairs": "autographs",
    "signatures": "autographs",
    "stroke_characters": "strokes",
}

__all__ = [
    "Characters",
    "Dataset",
    "Fold",
    "Signatures",
    "class_disjoint_split",
    "data_folder",
    "group_disjoint_split",
    "is_here",
    "keel_folds",
    "keel_names",
    "load",
    "names",
    "omniglot_runs",
    "pen_paths",
    "signature_pairs",
    "signatures",
    "standardise",
    "stroke_characters",
    "with_rotations",
]


def __getattr__(name: str) -> Any:
    if name in GENERATED:
        return getattr(import_module(f".{GENERATED[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
