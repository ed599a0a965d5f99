"""``check("02.1", mahalanobis)``: the verdict in the cell below the answer."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from typing import Any

from .. import journal
from ..errors import UserError
from ..exercises import Exercise, find
from ..observing import Observation, observe
from ..session import is_interactive
from . import render
from .judging import NOT_ATTEMPTED, PASSED, Key, Verdict, judge

# Real attempts after which a look at the solution is offered.
ATTEMPTS = 3
# Hints taken while the record could not be written.
_unrecorded: Counter[str] = Counter()
AGAIN = "Change the answer, run its cell, then run this check again."


class NotYet(Exception):
    """Raised by ``check`` on anything but a pass. Its text is the whole verdict."""

    def __init__(self, verdict: Verdict, shown: bool) -> None:
        super().__init__(render.plain(verdict))
        self.verdict = verdict
        self.shown = shown

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the verdict, unless it is on the page."""
        return [AGAIN] if self.shown else str(self).splitlines()


def check(number: str, *answer: Any) -> None:
    """Say whether ``answer`` solves exercise ``number``, and if not, what it does instead.

    Raises:
        NotYet: for anything but a pass. The exception: an exercise that is not attempted yet
            displays a calm line and returns when a person runs the cell, so that Run All goes
            on; when a program runs it (nbval, nbclient), it raises.
        UserError: an unknown number, or not exactly one answer.
    """
    exercise = _exercise(number, answer)
    verdict = judge(_key(exercise.number), _observe_all(exercise, answer[0]))
    interactive = is_interactive()
    if interactive:
        _record(verdict)
    elif verdict.outcome == PASSED:
        # A program compares this output with the stored one: notes on style stay out of it.
        verdict = Verdict(exercise, PASSED, verdict.earned)
    shown = interactive or verdict.outcome == PASSED
    if shown:
        _show(verdict)
    if verdict.outcome != PASSED and not (interactive and verdict.outcome == NOT_ATTEMPTED):
        raise NotYet(verdict, shown and _in_notebook())


def try_out(number: str, *answer: Any) -> None:
    """Show the verdict on an answer and go on: nothing is raised, and nothing is recorded.

    For an answer that is wrong on purpose, in a chapter that shows what a check says of it.

    Raises:
        UserError: an unknown number, or not exactly one answer.
    """
    exercise = _exercise(number, answer)
    _show(judge(_key(exercise.number), _observe_all(exercise, answer[0])), aloud=True)


def hint(number: str) -> None:
    """Show the next hint of an exercise; after the last one, say where the solution is."""
    exercise = find(number)
    taken = sum(e.get("number") == exercise.number for e in journal.entries("hint"))
    taken += _unrecorded[exercise.number]
    if taken < len(exercise.hints):
        if not journal.record("hint", number=exercise.number):
            _unrecorded[exercise.number] += 1
        print(f"Hint {taken + 1} of {len(exercise.hints)}: {exercise.hints[taken]}")
        return
    print(f"These are all the hints of {exercise.number}:")
    for i, text in enumerate(exercise.hints, start=1):
        print(f"{i}. {text}")
    if _attempts(exercise.number) >= ATTEMPTS:
        print(f"A worked answer is in the folder solutions, in the notebook {number[:2]}.")


def _exercise(number: Any, answer: tuple) -> Exercise:
    if not isinstance(number, str):
        raise UserError(
            f"the exercise number comes first, in quotation marks; got a {type(number).__name__}. "
            'Write, for instance, check("02.1", mahalanobis).'
        )
    exercise = find(number)
    if len(answer) != 1:
        raise UserError(
            f"check takes the number and one answer, got {len(answer)} answers. "
            f'Write check("{exercise.number}", {exercise.name}).'
        )
    if str(getattr(answer[0], "__module__", "")).startswith("dmlcourse."):
        raise UserError(
            f"this is the library's own {getattr(answer[0], '__name__', exercise.name)}. "
            f"{exercise.number} asks for yours."
        )
    return exercise


@functools.lru_cache(maxsize=64)
def _key(number: str) -> Key:
    return Key(find(number))


def _observe_all(exercise: Exercise, answer: Any) -> list[Observation]:
    """Up to the first case that runs into the limit: the later ones are larger."""
    seen: list[Observation] = []
    for case in _key(exercise.number).cases:
        seen.append(observe(exercise.kind, answer, case))
        if seen[-1].stopped or seen[-1].empty:
            break
    return seen


def _record(verdict: Verdict) -> None:
    if verdict.outcome != NOT_ATTEMPTED:
        name = verdict.mistake.name if verdict.mistake else None
        number = verdict.exercise.number
        journal.record("attempt", number=number, outcome=verdict.outcome, mistake=name)


def _attempts(number: str) -> int:
    return sum(e.get("number") == number for e in journal.entries("attempt"))


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return bool(shell and hasattr(shell, "kernel"))


def _show(verdict: Verdict, aloud: bool = False) -> None:
    if not _in_notebook():
        # A failing verdict is the text of the exception that follows; it is not said twice.
        if aloud or verdict.outcome in (PASSED, NOT_ATTEMPTED):
            print(render.plain(verdict))
        return
    from IPython.display import display

    words = {"text/html": render.html(verdict), "text/plain": render.plain(verdict)}
    display(words, raw=True)
