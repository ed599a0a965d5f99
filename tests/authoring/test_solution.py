"""A skeleton with the worked solution in it, and with nothing in it yet."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from dmlcourse import exercises
from dmlcourse.authoring.lesson import Source
from dmlcourse.authoring.solution import stub, worked
from dmlcourse.errors import UserError
from dmlcourse.observing import Choice, Function, Module

FUNCTION = '''\
def total(X, axis=0):
    """Return the sum over an axis.

    X: (n, d).
    """'''

CLASS = '''\
class Scale(nn.Module):
    """Multiplies by a learned number."""

    def __init__(self, start):
        """start: a number."""

    def forward(self, X):
        """X: (n, d). Returns: (n, d)."""'''

CHOICE = """\
# One of "metric", "pseudo-metric" or "neither".
kind = None"""


def exercise(skeleton, kind):
    return replace(exercises.find("02.1"), skeleton=skeleton, kind=kind)


def source(text, line=7):
    path = Path("02_lesson/exercises.py")
    return Source("02_lesson", path, line, "exercise", "02.1", textwrap.dedent(text).strip(), True)


def test_a_function():
    total = exercise(FUNCTION, Function())
    assert stub(total) == FUNCTION + "\n    # your code here\n    ..."
    assert worked(total, source("def total(X, axis=0):\n    return X.sum(axis)")) == (
        FUNCTION + "\n    ### BEGIN SOLUTION\n    return X.sum(axis)\n    ### END SOLUTION"
    )


def test_a_class_with_two_methods():
    scale = exercise(CLASS, Module())
    answer = """
        class Scale(nn.Module):
            def __init__(self, start):
                super().__init__()
                self.factor = nn.Parameter(start)
            # The factor is broadcast.
            def forward(self, X):
                return self.factor * X
        """
    first, second = CLASS.split("\n\n    def forward")
    forward = f"\n\n    def forward{second}\n"
    empty = "\n        # your code here\n        ..."
    assert stub(scale) == first + empty + forward + empty[1:]
    begin, end = "        ### BEGIN SOLUTION\n", "        ### END SOLUTION"
    assert worked(scale, source(answer)) == (
        f"{first}\n{begin}        super().__init__()\n"
        f"        self.factor = nn.Parameter(start)\n{end}"
        f"{forward}{begin}        return self.factor * X\n{end}"
    )


def test_a_choice():
    kind = exercise(CHOICE, Choice(options=("metric", "pseudo-metric", "neither")))
    assert stub(kind) == f"{CHOICE}\n# your code here\n..."
    assert worked(kind, source('kind = "metric"')) == (
        f'{CHOICE}\n### BEGIN SOLUTION\nkind = "metric"\n### END SOLUTION'
    )


def test_comments_and_blank_lines_are_kept():
    body = """\
    # First the squares.

    # They are not negative.
    squares = X**2  # (n, d)

    # Then their sum.
    return squares.sum(axis)

    # Nothing is divided."""
    shown = worked(exercise(FUNCTION, Function()), source(f"def total(X, axis=0):\n{body}"))
    assert f"### BEGIN SOLUTION\n{body}\n    ### END SOLUTION" in shown


def test_a_text_over_several_lines_is_kept():
    body = '    said = """one\ntwo"""\n    return said'
    shown = worked(exercise(FUNCTION, Function()), source(f"def total(X, axis=0):\n{body}"))
    assert f"### BEGIN SOLUTION\n{body}\n    ### END SOLUTION" in shown


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("class Scale:\n    pass", "`pass` stands outside"),
        ("class Scale(nn.Module):\n    size = 2", "`size = 2` stands outside"),
        ("class Scale(Module):\n    def __init__(self, start):\n        pass", "asks for Scale, "),
        (
            "class Scale(Module):\n    def __init__(self, start):\n        pass\n"
            "    def forward(self, X):\n        return X",
            r"has `class Scale\(Module\)`; 02\.1 asks for `class Scale\(nn\.Module\)`",
        ),
    ],
)
def test_a_class_that_does_not_fit_is_refused(statement, said):
    with pytest.raises(UserError, match=said):
        worked(exercise(CLASS, Module()), source(statement))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            "def total(X):\n    return X",
            r"has `def total\(X\)`; 02\.1 asks for `def total\(X, axis=0\)`",
        ),
        ("def total(X, axis=1):\n    return X", r"has `def total\(X, axis=1\)`"),
        ("def total(X, axis=0) -> int:\n    return X", r"has `def total\(X, axis=0\) -> int`"),
        ("@cache\ndef total(X, axis=0):\n    return X", "has `@cache\ndef total"),
        ("def sum_up(X):\n    return X", r"defines sum_up; 02\.1 asks for total"),
        ("def total(X, axis=0):\n  return X\ndef b(X):\n  return X", "defines total, b; "),
        ("total = sum", "`total = sum` stands outside of the answer's functions"),
        ("import math\ndef total(X, axis=0):\n    return X", "`import math` stands outside"),
        ("def total(X, axis=0): return X", "give the body on its own lines"),
        ('def total(X, axis=0):\n    """Sum."""\n    return X', "without a docstring"),
        ("def total(X, axis=0):\n  return X", "indent the body by 4 spaces"),
        ("def total(X, axis=0)\n    return X", "the solution is not Python"),
    ],
)
def test_a_solution_that_does_not_fit_is_refused_with_file_and_line(answer, said):
    with pytest.raises(UserError, match=rf"^02_lesson/exercises\.py, line 7: .*{said}"):
        worked(exercise(FUNCTION, Function()), source(answer))
