"""What the tests of the course read: its files, its lessons, its built notebooks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from dmlcourse.authoring.layout import FOLDERS, lesson_folders
from dmlcourse.authoring.lesson import Source, read_lesson

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.ipynb"))
LESSONS = sorted(path for folder in lesson_folders(ROOT) for path in folder.glob("*.py"))
CHAPTERS = [path for path in LESSONS if path.name == "chapter.py"]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


@cache
def lesson(path: Path) -> tuple[Source, ...]:
    return tuple(read_lesson(path))


def at(source: Source, line: int = 0) -> str:
    """Where a cell of a lesson, or a line of it, stands."""
    name = f"{source.role} {source.name}".strip()
    return f"{relative(source.path)}, line {source.line + line}, cell {name!r}"


def in_cell(path: Path, cell: NotebookNode, line: int | None = None) -> str:
    """Where a cell of a notebook, or a line of it, stands."""
    place = f"{relative(path)}, cell {cell.get('id', '?')}"
    return place if line is None else f"{place}, line {line}"


@cache
def repository_files() -> tuple[Path, ...]:
    """The files of the repository: tracked ones, and new ones that git would not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(p for name in names.split("\0") if name and (p := ROOT / name).is_file())


def none_of(faults: Iterable[str]) -> None:
    """Fail with every fault on a line of its own."""
    found = list(faults)
    assert not found, "\n" + "\n".join(found)
