"""The command ``dmlcourse progress``: show, export or delete the learner's own record."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

from .. import journal
from ..errors import UserError
from .record import Entry, export, known
from .standing import Progress, standing
from .words import (
    ABOUT_TIME,
    EMPTY,
    calibration_lines,
    count,
    course,
    say,
    summary,
    table,
    what_next,
    wrapped,
)


def progress(export: Path | None, delete: bool, yes: bool) -> int:
    """Run the command: show the record, or write it to ``export``, then delete it if asked to.

    Returns 0; 1 where the person was asked and did not say yes.
    """
    if yes and not delete:
        raise UserError("--yes goes with --delete: it deletes your record without asking.")
    left_out = write(export) if export is not None else 0
    if delete:
        return remove(yes) if yes or not left_out else keep()
    return 0 if export is not None else show()


def show() -> int:
    """Print how the learner stands, and what next."""
    lines = readable()
    entries = known(journal.parsed(lines))
    say(report(standing(entries, course())) if entries else _nothing())
    say(_left_out(len(lines) - len(entries)))
    if lines:
        say(_whose(len(lines)))
    return 0


def readable() -> list[bytes]:
    """The lines of the record. What cannot be read is not taken for nothing, least to delete it."""
    try:
        return journal.lines()
    except OSError as error:
        raise UserError(
            f"cannot read your record {_place()}: {error.strerror or error}. "
            "See who may read it and its folder. Nothing was changed."
        ) from None


def report(found: Progress) -> list[str]:
    """The lines of the report."""
    said = [*table(found)]
    said += [""] if said and said[-1] else []
    said += calibration_lines(found.calibration)
    said += [line for text in what_next(found) for line in wrapped(text)]
    return [*said, "", *wrapped(f"{summary(found)} {ABOUT_TIME}"), ""]


def write(path: Path) -> int:
    """Export the record, and say what the file holds; the number of lines that it leaves out."""
    lines = readable()
    entries = export(journal.parsed(lines), path)
    nothing = "no entries" if lines else "no entries, for nothing is recorded yet"
    say([f"Wrote {path}: {_contents(entries) or nothing}."])
    say(wrapped("It holds times, numbers, outcomes and predictions; no name, no code, no path."))
    left_out = len(lines) - len(entries)
    say(_left_out(left_out))
    return left_out


def keep() -> int:
    """Say why the record is not deleted after an export that leaves lines of it out."""
    said = "Nothing is deleted: the exported file does not hold the whole record. To delete it:"
    say([*wrapped(said), "  dmlcourse progress --delete"])
    return 1


def remove(yes: bool) -> int:
    """Delete the record, after asking."""
    number, place = len(readable()), _place()
    if not journal.path().is_file():
        say([f"There is no record to delete at {place}."])
        return 0
    if not yes and not _agreed(number, place):
        say(["Nothing is deleted."])
        return 1
    try:
        journal.delete()
    except OSError as error:
        raise UserError(
            f"cannot delete {place}: {error.strerror or error}. Close what has it open, "
            "or see who may write in its folder."
        ) from None
    say([f"Deleted {place} ({count(number, 'line')}). What you wrote in notebooks is untouched."])
    return 0


def _place() -> str:
    """Where the record lies, and where it is a link, what that leads to."""
    path = journal.path()
    # Unlike Path.is_symlink, it raises nothing where the folder cannot be entered.
    return f"{path} (a link to {journal.target()})" if os.path.islink(path) else str(path)


def _agreed(number: int, place: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(
            "deleting asks first, and nobody can answer here. Add --yes to delete without asking."
        )
    say(wrapped(f"This deletes your attempts, hints and predictions: {count(number, 'line')}."))
    say([f"The file is {place}.", "It cannot be undone."])
    try:
        return input("Delete it? Type yes or no: ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _contents(entries: list[Entry]) -> str:
    kinds = Counter(entry["kind"] for entry in entries)
    parts = [count(kinds[kind], kind) for kind in ("attempt", "hint", "prediction") if kinds[kind]]
    return ", ".join(parts)


def _nothing() -> list[str]:
    return [*wrapped(EMPTY), "To begin, run: dmlcourse lab"]


def _left_out(number: int) -> list[str]:
    if not number:
        return []
    what = "line that is damaged, repeated or not of this course is"
    many = "lines that are damaged, repeated or not of this course are"
    return wrapped(f"{number:,} {what if number == 1 else many} left out.")


def _whose(number: int) -> list[str]:
    return [
        f"Your record, {count(number, 'line')}, yours alone and only on this machine:",
        f"  {journal.path()}",
        "To hand it on: dmlcourse progress --export me.json",
        "To delete it:  dmlcourse progress --delete",
    ]
