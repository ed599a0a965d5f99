"""The library behind the hands-on course in metric learning.

Rooms, lowest floor first: ``geometry`` (the mathematics of chapters 01 and 02), ``data`` (bundled,
generated and downloaded sets), ``observing`` (runs an answer and records what it returned),
``figures``, ``exercises`` (one specification per exercise), ``progress`` (what a learner or a class
has done), ``checks`` and ``benches`` (what a notebook calls), ``authoring`` (lessons to notebooks),
``grading`` (submissions to grades). Importing ``dmlcourse`` imports none of them.
"""

__version__ = "0.1.0"
