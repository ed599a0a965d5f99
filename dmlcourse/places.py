"""Where the course lies: looked for at and above the current folder, then around this package."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError


def course_folder(holding: str = "chapters") -> Path:
    """The nearest folder with a folder ``holding`` at or above the current one, else our clone.

    Raises:
        UserError: there is none; says where it looked and what to do.
    """
    here = Path.cwd()
    clone = Path(__file__).resolve().parents[1]
    for folder in (here, *here.parents, clone):
        if (folder / holding).is_dir():
            return folder
    raise UserError(
        f"No course folder (one that holds {holding}/) at {here} or above it. "
        "Get the course with git, as README.md shows, and run the command inside the clone."
    )
