"""Chapter 03, the optimiser's toolbox: one module for each kind of question."""

from .descent import PROJECTED_GRADIENT
from .discriminants import LDA
from .halfspaces import PROJECT_BUDGET, PROJECT_HALFSPACE
from .intersections import ALTERNATING_PROJECTIONS, DYKSTRA
from .logdet import LOGDET_DIVERGENCE
from .traces import TRACE_MAXIMISER

EXERCISES = (
    PROJECT_HALFSPACE,
    PROJECT_BUDGET,
    ALTERNATING_PROJECTIONS,
    DYKSTRA,
    PROJECTED_GRADIENT,
    TRACE_MAXIMISER,
    LDA,
    LOGDET_DIVERGENCE,
)
