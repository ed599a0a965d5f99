"""Described still figures in one house style: `show`, the canvas, and drawing helpers."""

from .draw import (
    axes_equal,
    classes,
    ellipse,
    labelled_points,
    level_set,
    metric_balls,
    neighbours,
)
from .pictures import inline, show
from .style import CLASSES, ROLES, canvas, house, png

__all__ = [
    "CLASSES",
    "ROLES",
    "axes_equal",
    "canvas",
    "classes",
    "ellipse",
    "house",
    "inline",
    "labelled_points",
    "level_set",
    "metric_balls",
    "neighbours",
    "png",
    "show",
]
