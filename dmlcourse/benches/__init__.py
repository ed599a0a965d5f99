"""Interactive benches with a still twin, and questions to answer before the picture appears."""

from .ellipse import ellipse_bench
from .gaussians import gaussians_bench
from .minkowski import minkowski_bench
from .panel import progress_panel
from .predictions import calibration, predict
from .units import units_bench

__all__ = [
    "calibration",
    "ellipse_bench",
    "gaussians_bench",
    "minkowski_bench",
    "predict",
    "progress_panel",
    "units_bench",
]
