"""Who handed in what: a folder of submissions, one folder a student or one notebook each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError

DEEPEST = 4
MOST_NOTEBOOKS = 50


@dataclass
class Submission:
    """What one student handed in: the notebooks found, and what is wrong with the rest."""

    student: str
    notebooks: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def visible(text: str) -> str:
    """The text with a sign in place of what cannot be seen: controls, half characters, marks that
    turn the direction of writing."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def find_submissions(folder: Path) -> tuple[list[Submission], list[str]]:
    """The submissions of a folder by student, and the names of the entries that are none.

    The student's id is the name of the folder, or that of the notebook without its ending.

    Raises:
        UserError: the folder does not exist, is a file, cannot be read, or holds no submission.
    """
    found: dict[str, Submission] = {}
    others: list[str] = []
    for path, is_folder in _entries(folder):
        if not (is_folder or path.is_symlink() or path.suffix == ".ipynb"):
            others.append(path.name)
            continue
        student = path.stem if path.suffix == ".ipynb" else path.name
        known = found.setdefault(student, Submission(student))
        if known.notebooks or known.remarks:
            known.remarks.append(f"Handed in twice: {path.name} is a second submission.")
        _add(known, path)
    if not found:
        raise UserError(
            f"{folder} holds no submission. Expected one folder a student with a notebook in it, "
            "or one notebook (.ipynb) a student."
        )
    return list(found.values()), others


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    expected = "Expected a folder with one folder or one notebook a student."
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return [(path, path.is_dir()) for path in found]
    except FileNotFoundError:
        raise UserError(f"There is no {folder}. {expected}") from None
    except NotADirectoryError:
        raise UserError(f"{folder} is a file. {expected}") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}). {expected}") from None


def _add(submission: Submission, path: Path) -> None:
    if path.is_symlink():
        submission.remarks.append(f"{path.name} is a link to another place; links are not read.")
        return
    try:
        notebooks = list(_notebooks(path, DEEPEST)) if path.is_dir() else [path]
    except OSError as error:
        submission.remarks.append(f"{path.name} cannot be read ({error.strerror}).")
        return
    if not notebooks:
        submission.remarks.append("No notebook (.ipynb) was found.")
    if len(notebooks) > MOST_NOTEBOOKS:
        submission.remarks.append(
            f"{len(notebooks)} notebooks were found; the first {MOST_NOTEBOOKS} were read."
        )
    submission.notebooks += notebooks[:MOST_NOTEBOOKS]


def _notebooks(folder: Path, depth: int) -> Iterator[Path]:
    """The notebooks below a folder. Links to folders and hidden folders are left alone."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _notebooks(Path(entry.path), depth - 1) if depth else ()
        elif entry.name.endswith(".ipynb"):
            yield Path(entry.path)
