"""Chapter 10, Siamese networks: one module an exercise."""

from .contrastive import CONTRASTIVE_LOSS
from .curve import MEAN_DISTANCES
from .one_shot import ONE_SHOT
from .siamese import SIAMESE_NETWORK
from .threshold import VERIFY

EXERCISES = (CONTRASTIVE_LOSS, SIAMESE_NETWORK, MEAN_DISTANCES, ONE_SHOT, VERIFY)
