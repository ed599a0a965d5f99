"""Distances under a linear metric and the cone of matrices that define them (chapter 02).

Read in this order: ``mahalanobis.py`` (a distance from M or L), ``factors.py`` (between M and L),
``cone.py`` (which matrices are allowed), ``pairwise.py`` (all pairs in bounded memory),
``neighbours.py`` (the nearest of them) and ``arrays.py`` (what may come in).
"""

from .cone import is_psd, project_psd
from .factors import aligning_isometry, factor
from .mahalanobis import mahalanobis
from .neighbours import nearest
from .pairwise import pairwise_distances

__all__ = [
    "aligning_isometry",
    "factor",
    "is_psd",
    "mahalanobis",
    "nearest",
    "pairwise_distances",
    "project_psd",
]
