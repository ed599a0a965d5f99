"""Which cell of a learner's notebook is which cell of the course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .notebook import Tree, digest, grade_id, ours


def identify(cells: list[Tree], release: list[Tree], base: dict[str, str]) -> list[str]:
    """The released id of each cell; "" for the learner's own.

    By its id, else by nbgrader's name (Colab and others drop ids), else by role and exercise. Where
    all ids are lost, a cell with a released text is taken for the released one. A pasted copy is
    the learner's own, as long as the original is there.
    """
    texts = _names_by_text(release, base)
    free = set().union(*texts.values())
    names = [""] * len(cells)
    ways: list[Callable[[Tree], list[Any]]] = [
        lambda cell: [cell.get("id")],
        lambda cell: [grade_id(cell)],
        lambda cell: [_place(cell)],
    ]
    if not any(cell.get("id") in free for cell in cells):
        ways.append(lambda cell: texts[digest(cell)] if cell["source"].strip() else [])
    for way in ways:
        for place, cell in enumerate(cells):
            fits = [name for name in way(cell) if isinstance(name, str) and name in free]
            if fits and not names[place]:
                names[place] = fits[0]
                free.remove(fits[0])
    return names


def _names_by_text(release: list[Tree], base: dict[str, str]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for name, text in [*((cell["id"], digest(cell)) for cell in release), *base.items()]:
        texts[text].append(name)
    return texts


def _place(cell: Tree) -> str | None:
    """The id that the builder gives to the cell of this role and exercise."""
    role, exercise = ours(cell).get("role"), ours(cell).get("exercise")
    return f"{role}-{exercise}".replace(".", "-") if exercise else None
