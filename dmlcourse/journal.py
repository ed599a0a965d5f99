"""The learner's own record: attempts, hints, predictions. One line of JSON each.

The file belongs to the learner and stays on the machine. Nothing is written when a program runs
the notebook. ``DMLCOURSE_HOME`` moves it; without that it lies in the user's data folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

# Reading is needed to see how the last line ends; without O_BINARY Windows would change line ends.
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


def folder() -> Path:
    """The folder of the learner's record."""
    if home := os.environ.get("DMLCOURSE_HOME"):
        # Unlike Path.expanduser, it raises nothing where "~name" is nobody's.
        return Path(os.path.expanduser(home))
    return Path(platformdirs.user_data_dir("dmlcourse", appauthor=False))


def path() -> Path:
    """The file of the learner's record."""
    return folder() / "journal.jsonl"


def record(kind: str, **fields: Any) -> bool:
    """Add a line; whether it was written. A full disk never stops the lesson.

    The line goes to the end of the file in one piece, so that two notebooks can write at once. To
    the microsecond its time tells two lines from one that was copied.
    """
    line = {"kind": kind, "at": datetime.now(UTC).isoformat(timespec="microseconds"), **fields}
    # Half characters cannot be written as UTF-8; they become question marks.
    data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        folder().mkdir(parents=True, exist_ok=True)
        file = os.open(path(), _APPEND, 0o600)
        try:
            data = data if _ends_whole(file) else b"\n" + data
            return os.write(file, data) == len(data)
        finally:
            os.close(file)
    except OSError:
        return False


def entries(kind: str | None = None) -> list[dict[str, Any]]:
    """The lines of one kind, or all, oldest first; none where the file cannot be read.

    A damaged line is left out.
    """
    try:
        found = parsed(lines())
    except OSError:
        return []
    return [entry for entry in found if kind in (None, entry.get("kind"))]


def lines() -> list[bytes]:
    """The lines of the file as they are, without empty ones; none where there is no file.

    Raises:
        OSError: there is one, and it cannot be read.
    """
    try:
        return [line for line in path().read_bytes().split(b"\n") if line.strip()]
    except FileNotFoundError:
        return []


def parsed(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """What lines of the file say. A damaged one is left out."""
    return [entry for entry in map(_parsed, lines) if entry]


def target() -> Path:
    """The file that holds the record: another one than ``path()`` where that is a link."""
    return Path(os.path.realpath(path()))


def delete() -> bool:
    """Delete the file, and where it is a link also what it leads to; whether there was one.

    Raises:
        OSError: it cannot be deleted.
    """
    there = os.path.lexists(path())
    # The link goes last: as long as the record is there, the way to it is.
    target().unlink(missing_ok=True)
    path().unlink(missing_ok=True)
    return there


def _ends_whole(file: int) -> bool:
    """Whether the last line has its end. One that was cut off must not spoil the next."""
    if os.fstat(file).st_size == 0:
        return True
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1) == b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        # Decoded first: left to itself, json looks for five encodings in every line.
        entry = json.loads(line.decode())
    # The second: a line that nests a thousand lists.
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
