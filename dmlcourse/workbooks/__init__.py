"""The learner's files: copies of the course's notebooks in ``work/``, and their way to a newer
release. The tracked notebooks are templates that nobody writes in."""

from .command import start, update
from .copies import begin, copies_of, is_asked, is_older, shown

__all__ = ["begin", "copies_of", "is_asked", "is_older", "shown", "start", "update"]
