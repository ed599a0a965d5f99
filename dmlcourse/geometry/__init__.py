"""Distances and divergences (chapter 01), linear metrics and their cone (02), optimisation (03).

Read in this order: ``axioms.py`` (what makes a distance a metric), ``divergences.py`` (between
histograms, Gaussians and matrices), ``mahalanobis.py`` (a distance from M or L), ``factors.py``
(between M and L), ``cone.py`` (which matrices are allowed), ``pairwise.py`` (all pairs in bounded
memory), ``neighbours.py`` (the nearest of them) and ``arrays.py`` (what may come in). Then the
optimiser's toolbox: ``projections.py`` (onto one convex set and onto several), ``descent.py``
(downhill over a convex set), ``quasi_newton.py`` (downhill with a memory), ``traces.py`` (PCA, LDA
and their eigenproblem) and ``search.py`` (without a gradient).
"""

from .axioms import AxiomReport, axiom_report, find_triangle_violation
from .cone import is_psd, project_psd
from .descent import Descent, projected_gradient, subgradient_method
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
from .projections import (
    alternating_projections,
    alternating_steps,
    bregman_divergence,
    dykstra,
    dykstra_steps,
    project_budget,
    project_halfspace,
    project_logdet,
)
from .quasi_newton import LBFGS
from .search import (
    Search,
    evolution_strategy,
    one_nn_error,
    particle_swarm,
    simulated_annealing,
)
from .traces import lda, pca, trace_maximiser

__all__ = [
    "LBFGS",
    "AxiomReport",
    "Descent",
    "Search",
    "aligning_isometry",
    "alternating_projections",
    "alternating_steps",
    "axiom_report",
    "bhattacharyya",
    "bhattacharyya_coefficient",
    "bhattacharyya_gaussian",
    "bregman_divergence",
    "dykstra",
    "dykstra_steps",
    "evolution_strategy",
    "factor",
    "find_triangle_violation",
    "is_psd",
    "jeffrey",
    "jeffrey_gaussian",
    "kl_discrete",
    "kl_gaussian",
    "lda",
    "logdet_divergence",
    "mahalanobis",
    "matusita",
    "matusita_gaussian",
    "nearest",
    "one_nn_error",
    "pairwise_distances",
    "particle_swarm",
    "pca",
    "project_budget",
    "project_halfspace",
    "project_logdet",
    "project_psd",
    "projected_gradient",
    "simulated_annealing",
    "subgradient_method",
    "trace_maximiser",
]
