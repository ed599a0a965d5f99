"""Lay a learner's copy against a newer release, so that nothing the learner wrote is lost.

Three texts meet in each cell: as it was released when the copy was made (its digest is in the
copy), as the learner left it, and as it is released now.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from .identity import asked, definitions, identify, recover
from .notebook import OURS, Tree, digest, digests, fingerprint, ours, record, started

VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Merged:
    """The notebook for the learner (the given object where nothing is to do), and what to say."""

    notebook: Tree
    remarks: tuple[str, ...] = ()


def merge(mine: Tree, release: Tree) -> Merged:
    """The learner's copy carried over to a release.

    An answer that is not the old stub stays. Any other cell becomes the release's, unless only the
    learner changed it; where both did, the learner's version stands below the release's. Cells that
    the learner added stay behind the cell that they follow, and those that the learner deleted stay
    away until the course changes them. A deleted answer cell stays away for good: a note shows what
    changed.
    """
    if ours(mine).get("release") == fingerprint(release):
        return Merged(mine)
    laying = Laying(mine, release)
    cells = laying.cells()
    if cells == mine["cells"] and started(mine) in (None, digests(release)):
        return Merged(mine)
    metadata = {**mine["metadata"], "dmlcourse": record(release)}
    return Merged({**mine, "metadata": metadata, "cells": cells}, tuple(laying.said()))


class Laying:
    """One copy being laid against one release."""

    def __init__(self, mine: Tree, release: Tree) -> None:
        self.mine, self.release = mine["cells"], release["cells"]
        self.base = started(mine)
        self.now = digests(release)
        base = self.base or {}
        names = identify(self.mine, self.release, base)
        self.names = recover(self.mine, names, self.release, base)
        self.used = set(self.now) | {cell["id"] for cell in self.mine if "id" in cell}
        self.kept_ids: set[str] = set()
        self.tried: dict[str, int] = defaultdict(int)
        self.fresh_notes: dict[str, str] = {}
        self.remarks: list[str] = []
        self.said_gone: set[str] = set()
        self.quiet = 0
        self.found: dict[str, Tree] = {}
        self.extras: dict[str, list[Tree]] = defaultdict(list)

    def cells(self) -> list[Tree]:
        """The cells in the release's order, each with what the learner put behind it."""
        self._sort()
        laid = list(self.extras[""])
        for new in self.release:
            laid += self._settle(new) + self.extras[new["id"]]
        return [cell for cell in laid if not self._is_stale_note(cell)]

    def said(self) -> Iterator[str]:
        """What the learner is told, a line each."""
        yield from self.remarks
        here = [name for name in self.names if name in self.found]
        if here != [name for name in self.now if name in self.found]:
            yield "Some cells stood in another order; they are in the course's order now."
        if self.quiet:
            cells = "1 other cell" if self.quiet == 1 else f"{self.quiet} other cells"
            yield f"{cells} of the course: brought up to date."

    # ------------------------------------------------------------ the learner's cells

    def _sort(self) -> None:
        """Put the cells that the release has by name, and the others by the cell they follow."""
        last = ""
        for cell, name in zip(self.mine, self.names, strict=True):
            if name in self.now:
                self.found[name] = cell
                last = name
            elif not name:
                self.extras[last].append(self._added(cell))
            else:
                self.extras[last] += self._gone(cell, name)

    def _added(self, cell: Tree) -> Tree:
        name = cell.get("id", "")
        usable = VALID_ID.fullmatch(name) and name not in self.kept_ids and name not in self.now
        if not usable:
            name = self._fresh("added")
        self.kept_ids.add(name)
        return {**cell, "id": name}

    def _gone(self, cell: Tree, name: str) -> list[Tree]:
        """A cell of the old release that the new one has not: kept if the learner wrote in it."""
        is_kept = digest(cell) != (self.base or {})[name]
        if name.startswith("answer-"):
            self._say_answer_gone(_number(name), is_kept)
        elif is_kept:
            self.remarks.append(f"{_quoted(cell)}: the course has it no more. Yours is kept.")
        else:
            self.quiet += 1
        return [self._added(_yours(cell, name)), self._note(name, GONE)] if is_kept else []

    def _say_answer_gone(self, number: str, is_kept: bool) -> None:
        said, kept = "the course has this exercise no more.", " Your answer is kept."
        if number in self._new_numbers():
            said = "the course has a new answer cell for it."
            kept = " Yours is kept: copy your answer into the new one if it still fits."
        self.remarks.append(f"{number}: {said}{kept * is_kept}")
        self.said_gone.add(number)

    def _new_numbers(self) -> set[str]:
        """The exercises whose answer cells the copy has not."""
        return {
            _number(cell["id"])
            for cell in self.release
            if _role(cell) == "answer" and cell["id"] not in self.names
        }

    # ------------------------------------------------------------ one cell of the release

    def _settle(self, new: Tree) -> list[Tree]:
        mine = self.found.get(new["id"])
        if mine is None:
            return self._absent(new)
        if digest(mine) == digest(new):
            same_type = mine["cell_type"] == new["cell_type"]
            return [_renewed(mine, new) if same_type else _attached(mine, new)]
        if self._was(new) == digest(mine):
            self._say_renewed(new)
            return [_attached(mine, new)]
        return self._answer(mine, new) if _role(new) == "answer" else self._other(mine, new)

    def _absent(self, new: Tree) -> list[Tree]:
        """A cell that the copy has not: new in the course, or deleted by the learner."""
        if self._was(new) == digest(new):
            return []
        if _role(new) == "answer":
            return self._absent_answer(new)
        if self._was(new):
            self.remarks.append(f"{_quoted(new)}: you had deleted it; the course changed it.")
        else:
            self.quiet += 1
        return [new]

    def _absent_answer(self, new: Tree) -> list[Tree]:
        """A skeleton, unless it would run after an answer in the learner's own cell, and count."""
        number = _number(new["id"])
        if self._was(new):
            why = "you had deleted its answer cell; the exercise changed, see the note."
        elif not self.base and self._defines(asked(new)):
            why = f"a cell of yours defines `{asked(new)}`, so it has no answer cell; see the note."
        else:
            if number not in self.said_gone:
                self.remarks.append(f"{number}: a new exercise.")
            return [new]
        self.remarks.append(f"{number}: {why}")
        return [self._note(new["id"], _skeleton(NO_CELL, new))]

    def _defines(self, name: str) -> bool:
        """Whether a cell that the learner added defines this."""
        return any(name in definitions(cell) for cells in self.extras.values() for cell in cells)

    def _say_renewed(self, new: Tree) -> None:
        if _role(new) == "answer":
            self.remarks.append(f"{_number(new['id'])}: not begun, so it has the new skeleton.")
        else:
            self.quiet += 1

    def _answer(self, mine: Tree, new: Tree) -> list[Tree]:
        """A written answer stays; a note behind it says whether its exercise changed."""
        kept = _renewed(mine, new)
        if not self._exercise_changed(new):
            return [kept]
        self.remarks.append(
            f"{_number(new['id'])}: the exercise changed. Your answer is kept; the note below it "
            "shows the new skeleton."
        )
        return [kept, self._note(new["id"], _skeleton(CHANGED, new))]

    def _other(self, mine: Tree, new: Tree) -> list[Tree]:
        """A text, given, demo or check cell that the learner changed."""
        if self._was(new) == digest(new):
            return [_renewed(mine, new)]
        self.remarks.append(
            f"{_quoted(new)}: changed by you and by the course. Yours stands below the new one."
        )
        below = _yours(mine, new["id"]) | {"id": self._fresh(f"{new['id'][:50]}-yours")}
        return [_replaced(mine, new), below, self._note(new["id"], BOTH)]

    def _was(self, new: Tree) -> str | None:
        """The digest of a cell when the copy was made, where the copy knows it."""
        return (self.base or {}).get(new["id"])

    def _exercise_changed(self, answer: Tree) -> bool:
        statements = [
            cell
            for cell in self.release
            if _role(cell) == "text" and ours(cell).get("exercise") == ours(answer).get("exercise")
        ]
        if self.base is not None:
            return any(self._was(cell) != digest(cell) for cell in (answer, *statements))
        # A copy made by hand does not know the old skeleton. The old statement is in it.
        pairs = [(cell, self.found.get(cell["id"])) for cell in statements]
        return any(mine is not None and digest(mine) != digest(cell) for cell, mine in pairs)

    # ------------------------------------------------------------ notes and ids

    def _note(self, about: str, text: str) -> Tree:
        name = self._fresh(f"note-{about[:50]}")
        note: Tree = {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}
        role = {"role": "note", "about": about, "digest": digest(note)}
        self.fresh_notes[name] = about
        return {**note, "metadata": {"dmlcourse": role}}

    def _is_stale_note(self, cell: Tree) -> bool:
        """An earlier note about the same cell, in which the learner wrote nothing."""
        note = ours(cell)
        untouched = note.get("role") == "note" and note.get("digest") == digest(cell)
        is_old = cell["id"] not in self.fresh_notes
        return untouched and is_old and note.get("about") in self.fresh_notes.values()

    def _fresh(self, stem: str) -> str:
        name = stem
        while name in self.used:
            self.tried[stem] += 1
            name = f"{stem}-{self.tried[stem] + 1}"
        self.used.add(name)
        return name


# ---------------------------------------------------------------- what cells are called


def _role(cell: Tree) -> str:
    return ours(cell).get("role", "")


def _number(name: str) -> str:
    """The exercise of an answer cell: "02.1" of "answer-02-1"."""
    return name.partition("-")[2].replace("-", ".")


def _quoted(cell: Tree) -> str:
    lines = cell["source"].strip().splitlines() or ["(nothing)"]
    return f"The cell that begins `{lines[0][:60]}`"


# ---------------------------------------------------------------- cells with other metadata


def _renewed(mine: Tree, new: Tree) -> Tree:
    """The learner's cell, outputs and all, under the release's name and metadata."""
    course = {key: new["metadata"][key] for key in OURS if key in new["metadata"]}
    return {**mine, "id": new["id"], "metadata": _editors(mine) | course}


def _replaced(mine: Tree, new: Tree) -> Tree:
    return {**new, "metadata": _editors(mine) | new["metadata"]}


def _attached(mine: Tree, new: Tree) -> Tree:
    """The release's cell with the pictures that the learner put into the old one."""
    pictures = mine.get("attachments")
    if not isinstance(pictures, dict) or new["cell_type"] == "code":
        return _replaced(mine, new)
    return {**_replaced(mine, new), "attachments": pictures | new.get("attachments", {})}


def _yours(cell: Tree, name: str) -> Tree:
    """A cell of the course that is the learner's from now on."""
    return {**cell, "metadata": _editors(cell) | {"dmlcourse": {"role": "yours", "of": name}}}


def _editors(cell: Tree) -> Tree:
    return {key: value for key, value in cell["metadata"].items() if key not in OURS}


# ---------------------------------------------------------------- what the notes say

GONE = (
    "**Kept by the update.** The course has the cell above no more. It stays here because you "
    "wrote in it."
)
BOTH = (
    "**Kept by the update.** The cell above is yours. The course changed the same cell; its new "
    "version stands above yours. Where both are code, yours runs last and so it counts. Take over "
    "what you need, then delete your version and this note."
)
NO_CELL = (
    "**The answer cell of this exercise is not in your notebook.** It does not come back, for it "
    "would run after a cell of your own and count in its place. Read the statement again, and "
    "compare your answer with the new skeleton, or copy the skeleton into a cell to begin:"
)
CHANGED = (
    "**This exercise changed after you had begun it.** Your answer above is as you left it. Read "
    "the statement again, and compare your answer with the new skeleton:"
)


def _skeleton(text: str, answer: Tree) -> str:
    source = answer["source"].strip("\n")
    ticks = max(map(len, re.findall("`+", source)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{text}\n\n{fence}python\n{source}\n{fence}\n\nDelete this note when you are done."
