"""Lessons to notebooks: the text in ``lessons/`` becomes chapters, exercises and solutions.

``lesson`` reads the text, ``notebooks`` makes unexecuted notebooks from it and from the exercise
specifications, ``execute`` runs them under one fixed profile, ``stamp`` tells what has changed,
and ``command`` is ``dmlcourse build``.
"""
