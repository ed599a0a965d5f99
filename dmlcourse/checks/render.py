"""A verdict in words and as HTML: the same words, in the notebook and on a grade report."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import numpy as np

from ..observing import Case
from .judging import ERROR, FAILED, NOT_ATTEMPTED, PASSED, STOPPED, Verdict, printable

# A word and a sign beside every colour: nothing is said by colour alone.
SIGNS = {PASSED: "✓", FAILED: "✗", ERROR: "✗", NOT_ATTEMPTED: "…", STOPPED: "■"}
COLOURS = {
    PASSED: "#117733",
    FAILED: "#b3541e",
    ERROR: "#b3541e",
    NOT_ATTEMPTED: "#6b7280",
    STOPPED: "#b3541e",
}
# What a sentence may begin with and keep: x, tr(A) and "step:" are names, and k is not K.
_WORD = re.compile(r"[a-z]{2,}(?![\w(:])")


def lines(verdict: Verdict) -> list[str]:
    """The verdict's words: the headline, the smallest failing case, the mistake, the notes."""
    said = [verdict.headline]
    if verdict.finding:
        name = verdict.finding.case.name
        said.append(f"{name[0].upper()}{name[1:]}: {inputs(verdict.finding.case)}")
        said.append(_capital(verdict.finding.sentence))
    if verdict.mistake:
        said.append(verdict.mistake.sentence)
    if verdict.outcome == NOT_ATTEMPTED:
        points = "1 point" if verdict.exercise.points == 1 else f"{verdict.exercise.points} points"
        said.append(
            f"Write your answer in the cell above. It is worth {points} "
            f"and takes about {verdict.exercise.minutes} minutes. "
            f'hint("{verdict.exercise.number}") gives a hint.'
        )
    said += [f"Note: {note}" for note in verdict.notes]
    return said


def plain(verdict: Verdict) -> str:
    """The words as text, one sentence group a line."""
    first, *rest = lines(verdict)
    return "\n".join([first, *(f"  {line}" for line in rest)])


def html(verdict: Verdict) -> str:
    """The same words as an HTML fragment that needs no style sheet."""
    first, *rest = lines(verdict)
    colour, sign = COLOURS[verdict.outcome], SIGNS[verdict.outcome]
    head = (
        f'<div style="font-weight:600"><span aria-hidden="true" style="color:{colour}">{sign}'
        f"</span> {escape(first)}</div>"
    )
    body = "".join(f'<div style="margin-top:.3em">{escape(line)}</div>' for line in rest)
    return (
        f'<div role="status" style="border-left:4px solid {colour};padding:.3em .8em;'
        f'max-width:46em;line-height:1.45">{head}{body}</div>'
    )


def inputs(case: Case) -> str:
    """The inputs of a case: their numbers while they are few, else their shapes."""
    in_full = printable(case)
    return ", ".join(f"{name} = {_value(v, in_full)}" for name, v in case.inputs.items()) + "."


def _value(value: Any, in_full: bool) -> str:
    if not isinstance(value, np.ndarray):
        return repr(value)
    if in_full:
        return _nested(value)
    kind = "" if value.dtype == np.float64 else f" of {value.dtype}"
    return f"{'×'.join(map(str, value.shape))} numbers{kind}"


def _nested(array: np.ndarray) -> str:
    if array.ndim:
        return "[" + ", ".join(map(_nested, array)) + "]"
    return _written(float(array) + 0) if array.dtype.kind == "f" else str(array.item())


def _written(number: float) -> str:
    """Whole numbers in full, as long as they are short; others to three digits."""
    return f"{number:.0f}" if abs(number) < 1e7 and number.is_integer() else f"{number:.3g}"


def _capital(sentence: str) -> str:
    """The sentence with a capital, where it begins with a word and not with a symbol or a name."""
    return sentence[:1].upper() + sentence[1:] if _WORD.match(sentence) else sentence
