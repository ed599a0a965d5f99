"""Interactive benches with a still twin, and questions to answer before the picture appears."""

from dmlcourse.benches.ellipse import ellipse_bench
from dmlcourse.benches.predictions import calibration, predict

__all__ = ["calibration", "ellipse_bench", "predict"]
