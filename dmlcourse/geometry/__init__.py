"""Distances and divergences (chapter 01), and linear metrics with their cone (chapter 02).

Read in this order: ``axioms.py`` (what makes a distance a metric), ``divergences.py`` (between
histograms, Gaussians and matrices), ``mahalanobis.py`` (a distance from M or L), ``factors.py``
(between M and L), ``cone.py`` (which matrices are allowed), ``pairwise.py`` (all pairs in bounded
memory), ``neighbours.py`` (the nearest of them) and ``arrays.py`` (what may come in).
"""

from .axioms import AxiomReport, axiom_report, find_triangle_violation
from .cone import is_psd, project_psd
from .divergences import (
    bhattacharyya,
    bhattacharyya_coefficient,
    bhattacharyya_gaussian,
    jeffrey,
    jeffrey_gaussian,
    kl_discrete,
    kl_gaussian,
    logdet_divergence,
    matusita,
    matusita_gaussian,
)
from .factors import aligning_isometry, factor
from .mahalanobis import mahalanobis
from .neighbours import nearest
from .pairwise import pairwise_distances

__all__ = [
    "AxiomReport",
    "aligning_isometry",
    "axiom_report",
    "bhattacharyya",
    "bhattacharyya_coefficient",
    "bhattacharyya_gaussian",
    "factor",
    "find_triangle_violation",
    "is_psd",
    "jeffrey",
    "jeffrey_gaussian",
    "kl_discrete",
    "kl_gaussian",
    "logdet_divergence",
    "mahalanobis",
    "matusita",
    "matusita_gaussian",
    "nearest",
    "pairwise_distances",
    "project_psd",
]
