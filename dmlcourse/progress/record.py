"""Which lines of a record count, and the file in which a learner hands it to somebody.

Both directions go through ``known``: only the kinds and fields listed here leave the machine, and
nothing else is taken from a file that somebody else made.
"""

from __future__ import annotations

import functools
import json
import re
import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UserError
from ..files import unwritable, write_whole

Entry = dict[str, Any]

FORMAT, VERSION = "dmlcourse-record", 1
# Far above what a course leaves: a long one has some thousand entries of about 130 bytes.
LARGEST, MOST = 16_000_000, 100_000
PASSED = "passed"
OUTCOMES = (PASSED, "failed", "error", "stopped")
CONFIDENCE = ("guess", "fairly sure", "sure")


def _text(value: Any, longest: int = 500) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _like(pattern: str) -> Callable[[Any], bool]:
    # A record names the same few numbers and keys again and again.
    found = functools.lru_cache(maxsize=1000)(re.compile(pattern).fullmatch)
    return lambda value: _text(value, 100) and bool(found(value))


def _among(words: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


_NUMBER = _like(r"[0-9]{2}[a-z]?\.[0-9]{1,2}[a-z]?")
FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "attempt": {
        "number": _NUMBER,
        "outcome": _among(OUTCOMES),
        "mistake": lambda value: value is None or _text(value, 200),
    },
    "hint": {"number": _NUMBER},
    "prediction": {
        "key": _like(r"[0-9]{2}[a-z]?\.[\w-][\w .-]{0,60}"),
        "choice": _text,
        "confidence": _among(CONFIDENCE),
        "correct": lambda value: isinstance(value, bool),
    },
}


def known(entries: Iterable[Any]) -> list[Entry]:
    """The entries of ours, with our fields alone, each once, in the order in which they came.

    The same line twice, with the same time, was written once and copied. An entry whose time
    cannot be read stays; its ``at`` is None.
    """
    found: dict[Any, Entry] = {}
    for i, given in enumerate(entries):
        entry = _ours(given)
        if entry:
            found.setdefault(tuple(entry.values()) if entry["at"] else i, entry)
    return list(found.values())


def _ours(entry: Any) -> Entry | None:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        return None
    ours = {"kind": kind, "at": entry.get("at") if moment(entry.get("at")) is not None else None}
    for name, fits in fields.items():
        ours[name] = entry.get(name)
        if not fits(ours[name]):
            return None
    return ours


def moment(at: Any) -> float | None:
    """The seconds since 1970 of a time as the journal writes it; None for anything else."""
    if not _text(at, 40):
        return None
    try:
        time = datetime.fromisoformat(at)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def export(entries: Iterable[Any], path: Path) -> list[Entry]:
    """Write a record to a new file, whole or not at all, and return the entries in it.

    Raises:
        UserError: the name does not end in .json, the file exists, or it cannot be written.
    """
    if path.suffix.lower() != ".json":
        better = f"{path}.json" if path.name.strip(".") else "me.json"
        raise UserError(
            f'the file of an exported record ends in .json; got "{path.name}". '
            f'Write, for instance, --export "{better}".'
        )
    chosen = known(entries)
    text = exported(chosen, datetime.now(UTC).date().isoformat())
    try:
        write_whole(path, text.encode("utf-8", "replace"), new=True)
    except OSError as error:
        raise unwritable(path, error) from None
    return chosen


def exported(entries: list[Entry], created: str) -> str:
    """The text of an exported record: JSON, one entry a line, so that its owner can read it."""
    head = {"format": FORMAT, "version": VERSION, "course": __version__, "created": created}
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f'{json.dumps(head)[:-1]}, "entries": [\n{lines}\n]}}\n'


class NotARecord(ValueError):
    """Said of a file that is no exported record; the text says what it is instead."""


def imported(path: Path) -> list[Entry]:
    """The entries of an exported file, which may hold anything.

    Raises:
        NotARecord: it holds something else, or too much.
    """
    tree = _tree(_bytes(path))
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise NotARecord(f'it has no "format": "{FORMAT}"')
    if tree.get("version") != VERSION:
        raise NotARecord(f"this course reads version {VERSION} of the format; get the newer course")
    entries = tree.get("entries")
    if not isinstance(entries, list):
        raise NotARecord("it has no list of entries")
    if len(entries) > MOST:
        raise NotARecord(f"it has {len(entries):,} entries; at most {MOST:,} are read")
    return known(entries)


def _bytes(path: Path) -> bytes:
    try:
        # A pipe or a device can keep a reader waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotARecord("it is not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NotARecord(f"it cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise NotARecord(f"it is larger than {LARGEST // 1_000_000} MB")
    return data


def _tree(data: bytes) -> Any:
    try:
        return json.loads(data)
    except RecursionError:
        raise NotARecord("it is nested too deeply") from None
    except ValueError:
        raise NotARecord("it is not JSON" if data.strip() else "it is empty") from None
