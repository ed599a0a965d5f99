"""Interactive benches with a still twin, and questions to answer before the picture appears."""

from .contrastive import contrastive_bench
from .ellipse import ellipse_bench
from .gaussians import gaussians_bench
from .itml import itml_bench
from .lmnn import lmnn_bench
from .minkowski import minkowski_bench
from .pairs import pairs_bench
from .panel import progress_panel
from .predictions import calibration, predict
from .projections import projections_bench
from .triplet import triplet_bench
from .units import units_bench

__all__ = [
    "calibration",
    "contrastive_bench",
    "ellipse_bench",
    "gaussians_bench",
    "itml_bench",
    "lmnn_bench",
    "minkowski_bench",
    "pairs_bench",
    "predict",
    "progress_panel",
    "projections_bench",
    "triplet_bench",
    "units_bench",
]
