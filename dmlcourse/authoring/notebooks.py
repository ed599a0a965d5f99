"""From a lesson's cells to notebooks that have not run yet."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..errors import UserError
from ..exercises import Exercise, chapter, find
from .lesson import Source, cell_ids, read_lesson
from .solution import stub, worked

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}


def chapter_notebook(sources: list[Source]) -> NotebookNode:
    """The notebook of a chapter, without outputs."""
    for source in sources:
        if source.role in ("exercise", "remark"):
            raise source.fault("exercises stand in exercises.py, not in a chapter")
    pairs = zip(sources, cell_ids(sources), strict=True)
    return _notebook(sources, [_plain(source, name) for source, name in pairs])


def exercise_notebooks(sources: list[Source]) -> tuple[NotebookNode, NotebookNode]:
    """The notebook of the exercises and that of the solutions, without outputs."""
    placed = [find(source.name) for source in sources if source.role == "exercise"]
    _require_all(sources, placed)
    stubs: list[NotebookNode] = []
    solutions: list[NotebookNode] = []
    for source, name in zip(sources, cell_ids(sources), strict=True):
        if source.role == "exercise":
            exercise = find(source.name)
            stubs += _exercise_cells(exercise, stub(exercise))
            solutions += _exercise_cells(exercise, worked(exercise, source))
        else:
            cell = _plain(source, name)
            solutions.append(cell)
            if source.role != "remark":
                stubs.append(cell)
    return _notebook(sources, stubs), _notebook(sources, solutions)


def _require_all(sources: list[Source], placed: list[Exercise]) -> None:
    number = sources[0].lesson[:2]
    for exercise in placed:
        if not exercise.number.startswith(f"{number}."):
            raise UserError(f"{sources[0].lesson}: {exercise.number} belongs to another chapter")
    there = {e.number for e in placed} | _placed_elsewhere(sources[0], number)
    missing = [e.number for e in chapter(number) if e.number not in there]
    if missing:
        raise UserError(f"{sources[0].lesson}: no cell places exercise {', '.join(missing)}")


def _placed_elsewhere(source: Source, number: str) -> set[str]:
    """What the other notebooks of a long chapter (17a, 17b) place."""
    lessons = source.path.parent.parent.glob(f"{number}*/exercises.py")
    others = [read_lesson(path) for path in lessons if path.parent != source.path.parent]
    return {cell.name for cells in others for cell in cells if cell.role == "exercise"}


def _notebook(sources: list[Source], cells: list[NotebookNode]) -> NotebookNode:
    metadata = {
        "kernelspec": KERNEL,
        "language_info": LANGUAGE,
        "dmlcourse": {"lesson": sources[0].lesson},
    }
    twice = [name for name, count in Counter(cell.id for cell in cells).items() if count > 1]
    if twice:
        raise UserError(f"{sources[0].lesson}: two cells would have the id {twice[0]}; rename one")
    return new_notebook(cells=cells, metadata=metadata)


def _plain(source: Source, name: str) -> NotebookNode:
    number = source.name if source.role == "remark" and source.name[0].isdigit() else None
    metadata = source.metadata | _ours(source.role, number)
    if source.role == "given":
        metadata["nbgrader"] = _nbgrader(name, locked=True)
    make = new_code_cell if source.is_code else new_markdown_cell
    return make(source.text, id=name, metadata=metadata)


def _exercise_cells(exercise: Exercise, answer: str) -> list[NotebookNode]:
    place = exercise.number.replace(".", "-")
    text, code, test = (f"{role}-{place}" for role in ("text", "answer", "check"))
    solution = {"nbgrader": _nbgrader(code, solution=True)}
    graded = {"nbgrader": _nbgrader(test, locked=True, points=exercise.points)}
    call = f'check("{exercise.number}", {exercise.name})'
    ours = {role: _ours(role, exercise.number) for role in ("text", "answer", "check")}
    return [
        new_markdown_cell(_statement(exercise), id=text, metadata=ours["text"]),
        new_code_cell(answer, id=code, metadata=ours["answer"] | solution),
        new_code_cell(call, id=test, metadata=ours["check"] | graded),
    ]


def _statement(exercise: Exercise) -> str:
    points = "1 point" if exercise.points == 1 else f"{exercise.points} points"
    return (
        f"## {exercise.number} {exercise.title}\n\n"
        f"*{points} · about {exercise.minutes} minutes · "
        f'`hint("{exercise.number}")` gives a hint*\n\n{exercise.text("statement")}'
    )


def _ours(role: str, number: str | None = None) -> dict[str, Any]:
    return {"dmlcourse": {"role": role} | ({"exercise": number} if number else {})}


def _nbgrader(
    name: str, solution: bool = False, locked: bool = False, points: int | None = None
) -> dict[str, Any]:
    """nbgrader's own metadata, schema 3, so that its tools take these notebooks as they are."""
    kind: dict[str, Any] = {"grade_id": name, "schema_version": 3, "task": False}
    kind |= {"solution": solution, "locked": locked, "grade": points is not None}
    return kind | ({} if points is None else {"points": points})
