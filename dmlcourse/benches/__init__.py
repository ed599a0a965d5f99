"""Interactive benches with a still twin, and questions to answer before the picture appears."""

from .ellipse import ellipse_bench
from .predictions import calibration, predict

__all__ = ["calibration", "ellipse_bench", "predict"]
