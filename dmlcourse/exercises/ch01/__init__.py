"""Chapter 01, distances, divergences and the axioms: one module for each kind of question."""

from .cosine import COSINE
from .gaussians import KL_GAUSSIAN
from .histograms import BHATTACHARYYA, JEFFREY, KL_DISCRETE, MATUSITA
from .triangle import TRIANGLE

EXERCISES = (TRIANGLE, KL_GAUSSIAN, KL_DISCRETE, JEFFREY, BHATTACHARYYA, MATUSITA, COSINE)
