"""The library behind the hands-on course in metric learning.

Rooms, lowest floor first: ``geometry`` (the mathematics of chapter 02), ``observing`` (runs an
answer and records what it returned), ``figures``, ``exercises`` (one specification per exercise),
``checks`` and ``benches`` (what a notebook calls), ``authoring`` (lessons to notebooks),
``grading`` (submissions to grades). Importing ``dmlcourse`` imports none of them.
"""

__version__ = "0.1.0"
