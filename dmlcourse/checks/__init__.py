"""What a notebook calls: ``check`` gives a verdict on an answer, ``hint`` the next hint.

``from dmlcourse.checks import check, hint``, then ``check("02.1", mahalanobis)`` in the cell below
the answer. ``judging`` turns observations into a verdict and ``render`` a verdict into words; the
grader uses both. ``notebook`` is ``dmlcourse check``.
"""

from .runner import NotYet, check, hint

__all__ = ["NotYet", "check", "hint"]
