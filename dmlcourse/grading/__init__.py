"""Submissions to grades: read as data, run in a jail, judged outside, reported.

``command.grade`` is ``dmlcourse grade``; ``marking.grade_one`` is the unit that it repeats. The
way of one submission: ``submission`` and ``notebook`` read it, ``plan`` lays it against the
``release``, ``running`` runs it in the ``jail``, ``checks.judging`` judges what was observed, and
``reports`` writes it down. ``inside`` is what runs in the jail, with the package of ``jailed``.

Everything that a submission holds is hostile. Points come only from values that its answers
returned for inputs drawn by the judge, and no process that knows a reference runs a line of it.
"""
