"""Small notebooks for the tests: a course's release, and a learner's copy of it."""

from __future__ import annotations

import copy
from pathlib import Path

from dmlcourse.workbooks.merge import Merged, merge
from dmlcourse.workbooks.notebook import record, written


def cell(name: str, source: str, kind: str = "", exercise: str = "") -> dict:
    """A released cell as the builder makes it; its role is the first word of its name."""
    role = name.partition("-")[0]
    ours = {"role": role} | ({"exercise": exercise} if exercise else {})
    metadata: dict = {"dmlcourse": ours}
    if role in ("given", "answer", "check"):
        metadata["nbgrader"] = {"grade_id": name, "schema_version": 3}
    return bare(source, kind or ("markdown" if role == "text" else "code"), name) | {
        "metadata": metadata
    }


def bare(source: str, kind: str = "code", name: str | None = None) -> dict:
    """A cell of the learner's own."""
    made = {"cell_type": kind, "metadata": {}, "source": source}
    made |= {"outputs": [], "execution_count": None} if kind == "code" else {}
    return made | ({"id": name} if name else {})


def exercise(number: str, statement: str, skeleton: str) -> list[dict]:
    place = number.replace(".", "-")
    return [
        cell(f"text-{place}", statement, exercise=number),
        cell(f"answer-{place}", skeleton, exercise=number),
        cell(f"check-{place}", f'check("{number}", f)', exercise=number),
    ]


def release(*cells: dict, lesson: str = "05_toy") -> dict:
    metadata = {"dmlcourse": {"lesson": lesson, "source": "0" * 16}}
    tree = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return copy.deepcopy(tree)


def first() -> dict:
    """The first release of a lesson."""
    return release(
        cell("text-title", "# Toy"),
        cell("given-imports", "import numpy as np"),
        *exercise("05.1", "Add.", "def f(x):\n    ..."),
        *exercise("05.2", "Multiply.", "def g(x):\n    ..."),
    )


def begun(released: dict, by_hand: bool = False) -> dict:
    """The learner's copy of a release, before anything is written in it."""
    made = copy.deepcopy(released)
    if not by_hand:
        made["metadata"]["dmlcourse"] = record(released)
    return made


def at(notebook: dict, name: str) -> dict:
    return next(each for each in notebook["cells"] if each.get("id") == name)


def place(notebook: dict, name: str) -> int:
    return notebook["cells"].index(at(notebook, name))


def sources(notebook: dict) -> list[str]:
    return [each["source"] for each in notebook["cells"]]


def ids(notebook: dict) -> list[str]:
    return [each["id"] for each in notebook["cells"]]


def carried(mine: dict, new: dict) -> Merged:
    """The merge, which must be valid, leave its inputs alone, and have nothing left to do."""
    before = copy.deepcopy((mine, new))
    merged = merge(mine, new)
    assert (mine, new) == before
    if merged.notebook is not mine:
        written(merged.notebook)
        assert len(set(ids(merged.notebook))) == len(merged.notebook["cells"])
    assert merge(merged.notebook, new).notebook is merged.notebook
    return merged


def files(course: Path) -> dict[str, bytes]:
    """All files of the learner."""
    found = sorted((course / "work").rglob("*"))
    return {p.relative_to(course / "work").as_posix(): p.read_bytes() for p in found if p.is_file()}
