"""What to run of a submission, in which order: its answers and own cells, our given cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .notebook import Cell
from .release import ROLES, Release


@dataclass(frozen=True)
class Run:
    """Run a cell. ``name`` says which in a sentence, ``exercise`` whose answer it is, if any."""

    cell: str
    source: str
    name: str
    exercise: str = ""


@dataclass(frozen=True)
class Observe:
    """Observe the answer to an exercise."""

    exercise: str


Step = Run | Observe


@dataclass(frozen=True)
class Plan:
    """The steps, the exercises whose answer cell is missing, and what to tell the student."""

    steps: tuple[Step, ...]
    missing: frozenset[str]
    remarks: tuple[str, ...]


def plan(release: Release, cells: Iterable[Cell]) -> Plan:
    """Lay a submission's cells against the release.

    In the release's order: its own *given* cells, the submission's answer cells by id, an
    observation in place of each check cell; and the code cells that the learner added, behind the
    cell that they follow. Text, demonstrations and check cells never run.
    """
    found, added = _sort(release, tuple(cells))
    steps: list[Step] = [*added[""]]
    missing: set[str] = set()
    remarks: list[str] = []
    for cell in release.cells:
        mine = found[cell.id]
        if cell.role == "given" and cell.is_code:
            steps.append(Run(cell.id, cell.source, f"the given cell {cell.id}"))
            if any(_differs(copy, cell) for copy in mine):
                remarks.append(
                    f"The given cell {cell.id} was changed; the original was run in its place."
                )
        elif cell.role == "answer":
            steps += [
                Run(cell.id, copy.source, f"the answer cell of {cell.exercise}", cell.exercise)
                for copy in mine
                if copy.is_code
            ]
            remarks += _about_answer(cell, mine)
            if not any(copy.is_code for copy in mine):
                missing.add(cell.exercise)
        elif cell.role == "check":
            steps.append(Observe(cell.exercise))
        steps += added[cell.id]
    return Plan(tuple(steps), frozenset(missing), tuple(remarks))


def _sort(
    release: Release, cells: tuple[Cell, ...]
) -> tuple[dict[str, list[Cell]], dict[str, list[Run]]]:
    """The submission's cells by the release's id, and the learner's own by what they follow."""
    found: dict[str, list[Cell]] = defaultdict(list)
    added: dict[str, list[Run]] = defaultdict(list)
    kept = {cell.id for cell in cells} & release.ids
    last = ""
    for place, cell in enumerate(cells, start=1):
        # Colab and others drop ids; nbgrader's name for the cell stays in its metadata.
        name = cell.id if cell.grade_id in kept or cell.id in kept else cell.grade_id
        if name in release.ids:
            found[name].append(cell)
            last = name
        elif cell.is_code and (kept or cell.role not in ROLES):
            added[last].append(Run(f"cell {place}", cell.source, f"the added cell {place}"))
    return found, added


def _differs(copy: Cell, original: Cell) -> bool:
    return copy.source.split() != original.source.split()


def _about_answer(cell: Cell, mine: list[Cell]) -> list[str]:
    if not mine:
        return [f"The answer cell of {cell.exercise} ({cell.id}) is not in the notebook."]
    if not all(copy.is_code for copy in mine):
        return [f"The answer cell of {cell.exercise} is not a code cell any more."]
    if len(mine) > 1:
        return [f"The notebook has {len(mine)} answer cells of {cell.exercise}; all were run."]
    return []
