"""What a learner has done and what next, for the learner; where a class is stuck, for a teacher.

``record`` says which lines count and what an exported file holds, ``standing`` works out how one
learner stands, ``classes`` how many stand where. These two are pure. ``words`` and ``page`` put
it into a terminal and on a wall; ``command`` and ``classroom`` are ``dmlcourse progress`` and
``dmlcourse class``.
"""

from .record import known
from .standing import Progress, standing

__all__ = ["Progress", "known", "standing"]
