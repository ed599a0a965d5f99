"""The exercise notebooks as they were handed out: what a submission is laid against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import UserError
from ..exercises import find
from ..places import course_folder
from .notebook import Cell, Unreadable, read_cells

ROLES = ("text", "given", "demo", "answer", "check", "remark")


@dataclass(frozen=True)
class Release:
    """One notebook that was handed out."""

    name: str
    cells: tuple[Cell, ...]

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(cell.id for cell in self.cells)

    @cached_property
    def answers(self) -> frozenset[str]:
        return frozenset(cell.id for cell in self.cells if cell.role == "answer")

    @property
    def numbers(self) -> tuple[str, ...]:
        """The exercises it checks, in order."""
        return tuple(cell.exercise for cell in self.cells if cell.role == "check")


def read_releases(place: Path | None = None) -> tuple[Release, ...]:
    """The release of a folder or of one notebook; of the course itself where none is named.

    Raises:
        UserError: nothing there, a notebook that is no exercise notebook, or an exercise that
            this version of the course does not have.
    """
    place = course_folder("exercises") / "exercises" if place is None else place
    if not place.exists():
        raise UserError(f"There is no {place}. --release takes a folder of exercise notebooks.")
    notebooks = sorted(place.glob("*.ipynb")) if place.is_dir() else [place]
    releases = tuple(filter(lambda r: r.numbers, map(_read, notebooks)))
    if not releases:
        raise UserError(
            f"{place} holds no exercise notebook of this course. --release takes the notebooks "
            'as they were handed out, or the folder that holds them, for instance "exercises".'
        )
    return releases


def _read(path: Path) -> Release:
    try:
        cells = read_cells(path)
    except Unreadable as problem:
        raise UserError(f"The released notebook {path}: {problem}") from None
    for cell in cells:
        if cell.role == "check":
            find(cell.exercise)
    return Release(path.name, cells)


def held(cells: Iterable[Cell], releases: Iterable[Release]) -> Release | None:
    """The release that a submitted notebook belongs to: the one whose answer cells it holds."""
    names = {name for cell in cells for name in (cell.id, cell.grade_id)}
    best = max(releases, key=lambda release: len(release.answers & names))
    return best if best.answers & names else None
