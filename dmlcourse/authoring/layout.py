"""Where things lie in the course's folder."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError

CHAPTERS, EXERCISES, SOLUTIONS = FOLDERS = ("chapters", "exercises", "solutions")


def course_root(start: Path | None = None) -> Path:
    """The folder of the course: the nearest one with ``lessons/`` at or above ``start``.

    Without one there, the folder that this package lies in, when it is a clone of the course.
    """
    here = (start or Path.cwd()).resolve()
    for folder in [here, *here.parents, Path(__file__).resolve().parents[2]]:
        if (folder / "lessons").is_dir():
            return folder
    raise UserError(
        f"There is no folder lessons at or above {here}. Building needs a clone of the course: "
        "change into it first."
    )


def lesson_folders(root: Path) -> list[Path]:
    """The folders of the lessons, in order."""
    return sorted(p for p in (root / "lessons").iterdir() if p.is_dir() and p.name[:2].isdigit())


def built(root: Path, folder: str, lesson: str) -> Path:
    """The path of a built notebook."""
    return root / folder / f"{lesson}.ipynb"
