"""``dmlcourse build``: build what has changed, or check that nothing has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..errors import UserError
from ..files import write_whole
from ..places import course_folder
from .execute import CellFailed, execute
from .layout import CHAPTERS, EXERCISES, FOLDERS, SOLUTIONS, built, lesson_folders
from .lesson import Source, cell_ids, read_lesson
from .notebooks import chapter_notebook, exercise_notebooks
from .stamp import stamp


def build(lessons: Sequence[str] = (), check: bool = False, force: bool = False) -> int:
    """Build the notebooks of some lessons, or of all; with ``check`` only compare them.

    Returns 0, or 1 when ``check`` finds a notebook that is not what its lesson gives. A lesson is
    rebuilt when its text, or a module of the library that it uses, has changed, or by ``force``.
    """
    root = course_folder("lessons")
    chosen = _chosen(lesson_folders(root), lessons)
    planned = [item for folder in chosen for item in plan(root, folder)]
    strays = [] if lessons else _strays(root, [path for path, _ in planned])
    if check:
        faults = [fault for item in planned if (fault := difference(*item))] + strays
        print("\n".join(faults) or f"{len(planned)} notebooks are what their lessons give.")
        return 1 if faults else 0
    if strays:
        raise UserError("\n".join(strays))
    for path, notebook in planned:
        if force or difference(path, notebook):
            _make(root, path, notebook)
            print(f"built     {path.relative_to(root)}")
        else:
            print(f"unchanged {path.relative_to(root)}")
    return 0


def plan(root: Path, folder: Path) -> list[tuple[Path, NotebookNode]]:
    """The notebooks that a lesson gives, not yet run, each with its place."""
    made: list[tuple[Path, NotebookNode]] = []
    chapter, exercises = folder / "chapter.py", folder / "exercises.py"
    if chapter.exists():
        notebook = chapter_notebook(read_lesson(chapter))
        made.append((built(root, CHAPTERS, folder.name), _stamped(notebook, chapter)))
    if exercises.exists():
        stubs, solutions = exercise_notebooks(read_lesson(exercises))
        made.append((built(root, EXERCISES, folder.name), _stamped(stubs, exercises)))
        made.append((built(root, SOLUTIONS, folder.name), _stamped(solutions, exercises)))
    return made


def difference(path: Path, wanted: NotebookNode) -> str | None:
    """How a built notebook differs from what its lesson gives, or None. Outputs do not count."""
    name = f"{path.parent.name}/{path.name}"
    if not path.exists():
        return f"{name} is not built yet; run `dmlcourse build`."
    try:
        stored = nbformat.read(path, as_version=4)
    except Exception as error:
        return f"{name} cannot be read ({type(error).__name__}); run `dmlcourse build --force`."
    for one, other in zip(stored.cells, wanted.cells, strict=False):
        if _core(one) != _core(other):
            return f"{name}: the cell {other.id} is not what the lesson gives."
    if len(stored.cells) != len(wanted.cells):
        return f"{name} has {len(stored.cells)} cells; the lesson gives {len(wanted.cells)}."
    if stored.metadata != wanted.metadata:
        return f"{name} was built from another state of the lesson or the library."
    return None


def _core(cell: NotebookNode) -> tuple:
    return cell.cell_type, cell.id, cell.source, cell.metadata


def _stamped(notebook: NotebookNode, lesson: Path) -> NotebookNode:
    notebook.metadata["dmlcourse"]["source"] = stamp(lesson)
    return notebook


def _make(root: Path, path: Path, notebook: NotebookNode) -> None:
    if path.parent.name != EXERCISES:
        try:
            execute(notebook, root)
        except CellFailed as failed:
            label = f"the cell {failed.name} of {path.relative_to(root).as_posix()}"
            raise _origin(root, path, failed.name).fault(f"{label} fails\n{failed}") from None
    nbformat.validate(notebook)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, (nbformat.writes(notebook).rstrip("\n") + "\n").encode())


def _origin(root: Path, path: Path, name: str) -> Source:
    """Where in its lesson a cell of a notebook comes from."""
    file = "chapter.py" if path.parent.name == CHAPTERS else "exercises.py"
    sources = read_lesson(root / "lessons" / path.stem / file)
    wanted = re.sub("^(answer|check)-", "exercise-", name)
    return next(s for s, i in zip(sources, cell_ids(sources), strict=True) if i == wanted)


def _chosen(folders: list[Path], names: Sequence[str]) -> list[Path]:
    chosen = []
    for name in names:
        matches = [f for f in folders if f.name == name or f.name.startswith(f"{name}_")]
        if not matches:
            there = ", ".join(folder.name for folder in folders)
            raise UserError(f"There is no lesson {name!r}; there are {there}.")
        chosen += matches
    return chosen or folders


def _strays(root: Path, planned: list[Path]) -> list[str]:
    """Files in the built folders that no lesson gives; hidden ones are a system's or editor's."""
    found = [p for f in FOLDERS if (root / f).is_dir() for p in sorted((root / f).iterdir())]
    strays = [p for p in found if p not in planned and not p.name.startswith(".")]
    return [f"{p.parent.name}/{p.name} belongs to no lesson; remove it." for p in strays]
