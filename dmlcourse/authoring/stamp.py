"""One hash of everything that a built notebook depends on."""

from __future__ import annotations

import ast
import hashlib
import itertools
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def stamp(lesson: Path) -> str:
    """The hash of a lesson's file and of the library's modules that it uses, transitively."""
    parts = [lesson, *sorted(_reached(lesson))]
    digest = hashlib.sha256()
    for path in parts:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def _reached(lesson: Path) -> set[Path]:
    # Exercises are found by number and not by import; the builder decides what a cell looks like.
    number = lesson.parent.name[:2]
    named = {f"dmlcourse.exercises.ch{number}"} if lesson.name == "exercises.py" else set()
    queue = [*_imports(lesson), *map(_module, named), *(PACKAGE / "authoring").glob("*.py")]
    reached: set[Path] = set()
    while queue:
        path = queue.pop()
        if path and path not in reached:
            reached.add(path)
            queue += _imports(path)
    return reached


def _module(name: str) -> Path | None:
    """The file of a module of ours, if there is one of that name."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if len(parts) > 1 and path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """The files of ours that a file imports, in whatever way it spells it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(found for name in names for found in map(_module, _with_parents(name)) if found)


def _with_parents(name: str) -> list[str]:
    """A module's name and those of the packages it lies in: importing it runs them too."""
    return list(itertools.accumulate(name.split("."), "{}.{}".format))


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    parts = list(inside[: len(inside) - node.level])
    return ".".join([*parts, *([node.module] if node.module else [])])
