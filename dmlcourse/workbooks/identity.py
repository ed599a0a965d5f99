"""Which cell of a learner's notebook is which cell of the course."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .notebook import Tree, digest, grade_id, ours

# At the left margin: a function, a class, or (in the second group) a variable.
DEFINED = re.compile(
    r"^(?:(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|(\w+)[ \t]*(?::[^=\n]+)?=(?!=))", re.MULTILINE
)


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


def recover(
    cells: list[Tree], names: list[str], release: list[Tree], base: dict[str, str]
) -> list[str]:
    """The names, and those of answers that stand in their place but have lost what names them.

    Some editors strip ids and metadata, and whoever deletes an answer cell may answer in a new one.
    So a code cell that defines what an absent answer should define is that answer, if it follows
    the cell of the course that the answer would follow. An exercise that the copy never had is new,
    whatever the learner's cells define.
    """
    absent = _absent_answers(names, release, base)
    known, found, last = {cell["id"] for cell in release}, list(names), ""
    for place, cell in enumerate(cells):
        if names[place] in known:
            last = names[place]
        elif not names[place] and cell["cell_type"] == "code":
            fits = [stub for stub in absent[last] if _answers(cell, stub)]
            for answer in fits[:1]:
                found[place] = answer["id"]
                absent[last].remove(answer)
    return found


def _absent_answers(
    names: list[str], release: list[Tree], base: dict[str, str]
) -> dict[str, list[Tree]]:
    """The answer cells that a copy had and has not, by the cell that each would follow."""
    absent: dict[str, list[Tree]] = defaultdict(list)
    there, last = set(names), ""
    for cell in release:
        if cell["id"] in there:
            last = cell["id"]
        elif ours(cell).get("role") == "answer" and (not base or cell["id"] in base):
            absent[last].append(cell)
    return absent


def definitions(cell: Tree) -> dict[str, bool]:
    """What a code cell defines by name: whether it is a function or class, or else a variable."""
    found = DEFINED.findall(cell["source"]) if cell["cell_type"] == "code" else []
    return {function or variable: bool(function) for function, variable in found}


def asked(stub: Tree) -> str:
    """What an answer cell has to define: its first function, class or else variable, if any."""
    there = definitions(stub)
    return next((name for name in there if there[name]), next(iter(there), ""))


def _answers(cell: Tree, stub: Tree) -> bool:
    name = asked(stub)
    return name in definitions(cell) and definitions(cell)[name] == definitions(stub)[name]


def _names_by_text(release: list[Tree], base: dict[str, str]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for name, text in [*((cell["id"], digest(cell)) for cell in release), *base.items()]:
        texts[text].append(name)
    return texts


def _place(cell: Tree) -> str | None:
    """The id that the builder gives to the cell of this role and exercise."""
    role, exercise = ours(cell).get("role"), ours(cell).get("exercise")
    return f"{role}-{exercise}".replace(".", "-") if exercise else None
