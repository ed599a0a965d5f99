"""What a notebook calls: ``check`` gives a verdict on an answer, ``hint`` the next hint.

``from dmlcourse.checks import check, hint``, then ``check("02.1", mahalanobis)`` in the cell below
the answer. ``try_out`` shows what a check would say, and goes on. ``judging`` turns observations
into a verdict and ``render`` a verdict into words; the grader uses both. ``notebook`` is
``dmlcourse check``.
"""

from .runner import NotYet, check, hint, try_out

__all__ = ["NotYet", "check", "hint", "try_out"]
