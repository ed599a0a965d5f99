"""Read a lesson: text in the py:percent format, one named cell after another.

``# %% given NAME``       code in exercises and solutions that the grader runs too
``# %% demo NAME``        code that the grader never runs
``# %% exercise 02.1``    the worked solution; statement and signature come from the specification
``# %% [markdown] remark 02.1``   the closing remark, for the solutions only
``# %% NAME`` and ``# %% [markdown] NAME``   everything else; the name may be left out
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext

from ..errors import UserError

ROLES = ("given", "demo", "exercise", "remark")


@dataclass(frozen=True)
class Source:
    """One cell of a lesson. ``name`` is empty where the author gave none."""

    lesson: str
    path: Path
    line: int
    role: str
    name: str
    text: str
    is_code: bool
    metadata: dict[str, Any] = field(default_factory=dict)

    def fault(self, message: str) -> UserError:
        """An error that says where in the lesson it is."""
        return UserError(f"{self.path.parent.name}/{self.path.name}, line {self.line}: {message}")


def read_lesson(path: Path) -> list[Source]:
    """The cells of a lesson's file; ``UserError`` for two cells of one name."""
    text = path.read_text(encoding="utf-8")
    lines = [i for i, line in enumerate(text.splitlines(), 1) if re.match(r"# %%( |$)", line)]
    cells = jupytext.reads(text, fmt="py:percent").cells
    if not lines or len(cells) != len(lines):
        raise UserError(f"{path}: every cell begins with a line `# %%`, the first line too.")
    sources = [_source(path, n, cell) for n, cell in zip(lines, cells, strict=True)]
    seen: set[tuple[str, str]] = set()
    for source in sources:
        # Two names that differ by a sign or a capital would give one id.
        mark = source.role, _slug(source.name)
        if source.name and mark in seen:
            raise source.fault(f"the name {source.role} {source.name} is used twice")
        seen.add(mark)
    return sources


def _source(path: Path, line: int, cell: Any) -> Source:
    metadata = dict(cell.metadata)
    metadata.pop("lines_to_next_cell", None)
    title = str(metadata.pop("title", "")).strip()
    is_code = cell.cell_type == "code"
    first, _, rest = title.partition(" ")
    role, name = (first, rest.strip()) if first in ROLES else ("", title)
    if role and not name:
        raise UserError(f"{path.parent.name}/{path.name}, line {line}: `{role}` needs a name")
    role = role or ("demo" if is_code else "text")
    return Source(path.parent.name, path, line, role, name, cell.source, is_code, metadata)


def cell_ids(sources: list[Source]) -> list[str]:
    """An id for each cell: from its name, or from its content where it has none.

    A cell that is inserted, moved or rewritten changes no id but its own.
    """
    ids: list[str] = []
    copies: Counter[str] = Counter()
    for source in sources:
        base = f"{source.role}-{_slug(source.name or _digest(source))}"
        ids.append(f"{base}_{copies[base]}" if copies[base] else base)
        copies[base] += 1
    return ids


def _digest(source: Source) -> str:
    return hashlib.sha256(f"{source.lesson}\0{source.text}".encode()).hexdigest()[:10]


def _slug(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-").lower()[:48]
