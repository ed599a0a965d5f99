"""Where things lie in the course's folder."""

from __future__ import annotations

from pathlib import Path

CHAPTERS, EXERCISES, SOLUTIONS = FOLDERS = ("chapters", "exercises", "solutions")


def lesson_folders(root: Path) -> list[Path]:
    """The folders of the lessons, in order."""
    return sorted(p for p in (root / "lessons").iterdir() if p.is_dir() and p.name[:2].isdigit())


def built(root: Path, folder: str, lesson: str) -> Path:
    """The path of a built notebook."""
    return root / folder / f"{lesson}.ipynb"
