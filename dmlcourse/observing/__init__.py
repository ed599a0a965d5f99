"""Run an answer and record what it returned: the only code that runs beside an answer.

``Case`` (inputs), the kinds of answer, ``observe`` (one answer, one case, one ``Observation``)
and ``wire`` (both as bytes). Nothing here knows what is right: the whole room is copied into the
grader's jail. It imports NumPy, torch where a kind needs it, and nothing else of this library.
"""

from . import wire
from .case import Case, Fault, Observation, Seen
from .kinds import (
    KINDS,
    Around,
    Artefact,
    Choice,
    Estimator,
    Function,
    Gradient,
    Kind,
    Module,
    Sampler,
    kind_from,
)
from .limit import TimeUp, time_limit
from .observe import does_nothing, fault_of, observe, seen

__all__ = [
    "KINDS",
    "Around",
    "Artefact",
    "Case",
    "Choice",
    "Estimator",
    "Fault",
    "Function",
    "Gradient",
    "Kind",
    "Module",
    "Observation",
    "Sampler",
    "Seen",
    "TimeUp",
    "does_nothing",
    "fault_of",
    "kind_from",
    "observe",
    "seen",
    "time_limit",
    "wire",
]
