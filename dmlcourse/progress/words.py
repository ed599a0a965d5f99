"""How a learner stands, in words: the sentences that the terminal and the notebook share."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable

from .. import exercises, journal
from ..exercises import Exercise
from .record import known
from .standing import (
    DONE,
    LONGEST_GAP,
    NOT_BEGUN,
    SAME_MISTAKE,
    TRIED,
    Calibration,
    Chapter,
    Progress,
    Standing,
    standing,
)

WIDTH = 80
# A sign beside the word, never in its place.
SIGNS = {DONE: "✓", TRIED: "…", NOT_BEGUN: " "}
EMPTY = (
    "Nothing is recorded yet. Each check that you run in a notebook, each hint and each prediction "
    "is counted here, on this machine only."
)
ABOUT_TIME = (
    "Time at work is an estimate: from one check, hint or prediction to the next, at most "
    f"{LONGEST_GAP // 60} minutes each time."
)
TITLE = 28
FRAME = "  {:<5}  {:<28}  {:<11}  {:>5}  {:>7}  {:>5}  {:>3}"
HEADS = ("", "exercise", "state", "tries", "to pass", "hints", "min")


def course() -> list[Exercise]:
    """All exercises, in the order of the course."""
    return [exercise for number in exercises.chapters() for exercise in exercises.chapter(number)]


def own_progress() -> Progress:
    """How the learner at this machine stands."""
    return standing(known(journal.entries()), course())


def duration(seconds: float) -> str:
    """A time in words, as exact as the estimate deserves."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {round(minutes / 60, 1):g} hours"


def count(number: int, noun: str, many: str = "") -> str:
    """A number with its noun: "1 hint", "2 hints"."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def summary(progress: Progress) -> str:
    """The whole course in one sentence."""
    done = sum(chapter.done for chapter in progress.chapters)
    points = sum(chapter.points for chapter in progress.chapters)
    earned = sum(chapter.earned for chapter in progress.chapters)
    return (
        f"{done} of {count(len(progress.standings), 'exercise')} done, "
        f"{earned} of {count(points, 'point')}, {duration(progress.seconds)} at work."
    )


def chapter_line(chapter: Chapter) -> str:
    """A chapter in one sentence."""
    said = (
        f"Chapter {chapter.number}: {chapter.done} of "
        f"{count(len(chapter.standings), 'exercise')} done, "
        f"{chapter.earned} of {count(chapter.points, 'point')}"
    )
    return said + (f", {duration(chapter.seconds)} at work" if chapter.seconds else "")


def what_next(progress: Progress) -> list[str]:
    """What to do next, and where somebody is stuck what has been seen and what may help."""
    now = progress.next
    if now is None:
        return ["Every exercise is done."] if progress.standings else []
    it = now.exercise
    points = count(it.points, "point")
    said = [f"Next: {it.number} {it.title} ({points}, about {it.minutes} minutes)."]
    return said + [line for one in progress.stuck[:1] for line in _when_stuck(one)]


def _when_stuck(one: Standing) -> list[str]:
    number, hints = one.exercise.number, len(one.exercise.hints)
    if one.repeated >= SAME_MISTAKE:
        sentence = sentence_of(one.exercise, one.mistake)
        what = f'"{sentence}"' if sentence else str(one.mistake)
        said = f"In {number} the same mistake came {one.repeated} times: {what}"
    else:
        said = f"{number} has been tried {count(one.attempts, 'time')}."
    if one.hints < hints:
        return [said, f"The command `dmlcourse hint {number}` gives the next of {hints} hints."]
    return [said, f"The command `dmlcourse hint {number}` shows all its hints once more."]


def sentence_of(exercise: Exercise, mistake: str | None) -> str | None:
    """The sentence with which a check names a mistake; None where the course knows it no more."""
    mistakes = exercise.mistakes(exercise.variant()) if mistake else ()
    return next((m.sentence for m in mistakes if m.name == mistake), None)


def surprises(calibration: Calibration) -> str:
    """What somebody was sure of and wrong about, or nothing."""
    parts = [key.partition(".") for key in calibration.surprises]
    topics = ", ".join(f"{topic} (chapter {chapter})" for chapter, _, topic in parts)
    return f"Sure, and wrong: {topics}. These are worth a second look." if topics else ""


def table(progress: Progress) -> list[str]:
    """The exercises chapter by chapter, for a terminal of 80 columns.

    A chapter that nobody has begun is one line: the whole course would fill several screens.
    """
    said: list[str] = []
    for chapter in progress.chapters:
        said += [*wrapped(chapter_line(chapter))]
        if any(s.state != NOT_BEGUN for s in chapter.standings):
            said.append(FRAME.format(*HEADS))
            said += [line for s in chapter.standings for line in _row(s)]
            said.append("")
    return said


def _row(standing: Standing) -> list[str]:
    title = standing.exercise.title
    title = title if len(title) <= TITLE else f"{title[: TITLE - 3]}..."
    state = f"{_sign(standing.state)}{standing.state}"
    minutes = round(standing.seconds / 60)
    cells = (standing.attempts, standing.to_pass, standing.hints, minutes)
    line = FRAME.format(standing.exercise.number, title, state, *(cell or "-" for cell in cells))
    sentence = sentence_of(standing.exercise, standing.mistake) or standing.mistake
    return [line, *wrapped(sentence, " " * 9)] if standing.state == TRIED and sentence else [line]


def _sign(state: str) -> str:
    shown = printable(SIGNS[DONE]) == SIGNS[DONE]
    return f"{SIGNS[state]} " if shown else ""


def calibration_lines(calibration: Calibration) -> list[str]:
    """The predictions by confidence, for a terminal."""
    if not calibration.levels:
        return []
    rows = [f"  {level:<13}{right} of {of}" for level, right, of in calibration.levels]
    return [
        "Predictions: how sure you were, and how many were right",
        *rows,
        *wrapped(surprises(calibration), "  "),
        "",
    ]


def wrapped(text: str, indent: str = "") -> list[str]:
    """A text in lines of at most 80 columns."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """The text as the terminal can show it: no control characters, "?" for what it lacks."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return clean.encode(encoding, "replace").decode(encoding)


def say(lines: Iterable[str]) -> None:
    """Print lines so that no terminal stumbles over a character."""
    for line in lines:
        print(printable(line).rstrip())
