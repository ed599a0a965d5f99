"""A notebook as data. Nothing of it runs here, and every way to be broken has its sentence."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 32 * 2**20
MOST_CELLS = 1000


class Unreadable(Exception):
    """Why a file cannot be taken for a notebook, as a sentence for whoever handed it in."""


@dataclass(frozen=True)
class Cell:
    """What the grader reads of a cell."""

    id: str
    type: str
    source: str
    grade_id: str = ""
    role: str = ""
    exercise: str = ""

    @property
    def is_code(self) -> bool:
        return self.type == "code"


def read_cells(path: Path) -> tuple[Cell, ...]:
    """The cells of a notebook file.

    Read leniently: what Colab, VS Code or a script adds or leaves out does not matter, as long as
    there are cells with a type and a source.

    Raises:
        Unreadable: not a file, a link, too large, broken JSON, or not a notebook.
    """
    try:
        tree = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"it is broken ({_reason(error)}). It was perhaps saved half-way: open it, save it "
            "again, and hand in the new file."
        ) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        raise Unreadable(
            "it is not a notebook of format 4. Open it in JupyterLab and save it again."
        )
    if len(tree["cells"]) > MOST_CELLS:
        raise Unreadable(f"it has {len(tree['cells'])} cells; at most {MOST_CELLS} are taken.")
    return tuple(_cell(cell, place) for place, cell in enumerate(tree["cells"], start=1))


def _bytes(path: Path) -> bytes:
    # Not blocking, so that a named pipe cannot hold up the grader; not following a link, which
    # may lead to somebody else's work.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("it is not a file.")
            found = file.read(MOST_BYTES + 1)
    except OSError as error:
        if path.is_symlink():
            raise Unreadable("it is a link to another place. Hand in the file itself.") from None
        raise Unreadable(f"it cannot be read ({error.strerror}).") from None
    if len(found) > MOST_BYTES:
        raise Unreadable(
            f"it is larger than {MOST_BYTES >> 20} MB. Clear its outputs, save it, and hand it in "
            "again."
        )
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}"
    return "too deeply nested" if isinstance(error, RecursionError) else "not UTF-8 text"


def _cell(tree: Any, place: int) -> Cell:
    source = tree.get("source") if isinstance(tree, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise Unreadable(f"its cell {place} has no text. Open it in JupyterLab and save it again.")
    metadata = _dict(tree.get("metadata"))
    ours, nbgrader = _dict(metadata.get("dmlcourse")), _dict(metadata.get("nbgrader"))
    return Cell(
        id=_text(tree.get("id")),
        type=_text(tree.get("cell_type")),
        source=source.replace("\r\n", "\n").replace("\r", "\n"),
        grade_id=_text(nbgrader.get("grade_id")),
        role=_text(ours.get("role")),
        exercise=_text(ours.get("exercise")),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
