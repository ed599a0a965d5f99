"""The learner's own record: attempts, hints, predictions. One line of JSON each.

The file belongs to the learner and stays on the machine. Nothing is written when a program runs
the notebook. ``DMLCOURSE_HOME`` moves it; without that it lies in the user's data folder.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs


def folder() -> Path:
    """The folder of the learner's record."""
    home = os.environ.get("DMLCOURSE_HOME")
    return Path(home) if home else Path(platformdirs.user_data_dir("dmlcourse", appauthor=False))


def path() -> Path:
    """The file of the learner's record."""
    return folder() / "journal.jsonl"


def record(kind: str, **fields: Any) -> None:
    """Add a line. A record that cannot be written (a full disk) never stops the lesson."""
    line = {"kind": kind, "at": datetime.now(UTC).isoformat(timespec="seconds"), **fields}
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with path().open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError:
        pass


def entries(kind: str | None = None) -> list[dict[str, Any]]:
    """The lines of one kind, or all, oldest first. A damaged line is left out."""
    try:
        lines = path().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = [entry for entry in map(_parsed, lines) if entry]
    return [entry for entry in found if kind in (None, entry.get("kind"))]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
