"""A release of chapter 02 as the builder would make it, and notebooks made from it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from textwrap import dedent

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dmlcourse import exercises

NAME = "02_mahalanobis.ipynb"
# One seed in most tests: what is right is worked out once for all of them.
SEED = 11
IMPORTS = "import numpy as np\n\nfrom dmlcourse.checks import check, hint"
RIGHT = {
    "02.1": """
        def mahalanobis(X, Y, M):
            values, vectors = np.linalg.eigh(M)
            L = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
            X, Y = X @ L.T, Y @ L.T
            return np.array([np.sqrt(((x - Y) ** 2).sum(axis=1)) for x in X])
        """,
    "02.2": """
        def factor(M):
            values, vectors = np.linalg.eigh(M)
            return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
        """,
    "02.3": """
        def project_psd(A):
            values, vectors = np.linalg.eigh((A + A.T) / 2)
            return (vectors * np.maximum(values, 0)) @ vectors.T
        """,
    "02.4": """
        def is_psd(A):
            if np.abs(A - A.T).max() > 1e-10 * np.abs(A).max():
                return False
            values = np.linalg.eigvalsh(A)
            return bool(values[0] >= -1e-10 * np.abs(values).max())
        """,
    "02.5": """
        def aligning_isometry(L1, L2):
            left, _, right = np.linalg.svd(L2 @ L1.T)
            return left @ right
        """,
}
FULL = sum(exercise.points for exercise in exercises.chapter("02"))


class Book:
    """A copy of the released notebook, to be filled in, mended or broken."""

    def __init__(self, released: NotebookNode) -> None:
        self.tree = copy.deepcopy(released)

    @property
    def cells(self) -> list[NotebookNode]:
        return self.tree.cells

    def at(self, name: str) -> int:
        return next(place for place, cell in enumerate(self.cells) if cell["id"] == name)

    def __getitem__(self, name: str) -> NotebookNode:
        return self.cells[self.at(name)]

    def answer(self, number: str, source: str) -> Book:
        self[f"answer-{number.replace('.', '-')}"]["source"] = dedent(source).strip()
        return self

    def solve(self, *numbers: str) -> Book:
        for number in numbers or RIGHT:
            self.answer(number, RIGHT[number])
        return self

    def add(self, source: str, behind: str, name: str = "") -> Book:
        """A code cell of the learner's own."""
        cell = new_code_cell(dedent(source).strip())
        if name:
            cell["id"] = name
        self.cells.insert(self.at(behind) + 1, cell)
        return self

    def remove(self, name: str) -> Book:
        del self.cells[self.at(name)]
        return self

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        # nbformat would mend what is broken on purpose.
        path.write_text(json.dumps(self.tree), encoding="utf-8")
        return path


def released_notebook() -> NotebookNode:
    cells = [
        _cell(new_markdown_cell("# Exercises"), "text-title", "text"),
        _cell(new_code_cell(IMPORTS), "given-imports", "given"),
        _cell(new_code_cell("raise RuntimeError('a demonstration ran')"), "demo-one", "demo"),
    ]
    for exercise in exercises.chapter("02"):
        tail = exercise.number.replace(".", "-")
        stub = f"{exercise.text('skeleton')}\n    # your code here\n    ..."
        check = f'check("{exercise.number}", {exercise.name})'
        for cell, role in (
            (new_markdown_cell(exercise.text("statement")), "text"),
            (new_code_cell(stub), "answer"),
            (new_code_cell(check), "check"),
        ):
            cells.append(_cell(cell, f"{role}-{tail}", role, exercise.number))
    return new_notebook(cells=cells)


def _cell(cell: NotebookNode, name: str, role: str, exercise: str = "") -> NotebookNode:
    cell["id"] = name
    cell.metadata["dmlcourse"] = {"role": role} | ({"exercise": exercise} if exercise else {})
    if role in ("answer", "check"):
        cell.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3}
    return cell
