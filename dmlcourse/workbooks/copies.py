"""Which notebook of the learner's is a copy of which notebook of the course."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UserError
from ..files import write_whole
from .identity import identify
from .merge import merge
from .notebook import Tree, Unusable, grade_id, ours, read_notebook, record, started, written

WORK = "work"
# A folder of templates, and the folder of their copies.
PLACES = {"exercises": WORK, "chapters": f"{WORK}/reading"}


def is_asked(lesson: str, asked: str) -> bool:
    """Whether ``asked`` ("2", "02", "17", "17a", "02_mahalanobis") means this lesson."""
    number = lesson.partition("_")[0]
    return bool(asked) and asked.zfill(2) in (lesson, number, number[:2])


def copies_of(course: Path, lesson: str) -> list[tuple[Path, Path]]:
    """The notebooks of a lesson that there are: each template with the place of its copy."""
    name = f"{lesson}.ipynb"
    pairs = [(course / folder / name, course / place / name) for folder, place in PLACES.items()]
    return [(template, copy) for template, copy in pairs if template.is_file()]


def begin(template: Path, copy: Path) -> bool:
    """Make the learner's copy; False where there is one, which stays as it is.

    Raises:
        UserError: the template is broken, or the copy cannot be written.
    """
    if os.path.lexists(copy):
        return False
    try:
        release = read_release(template)
        metadata = {**release["metadata"], "dmlcourse": record(release)}
        content = written({**release, "metadata": metadata})
    except Unusable as fault:
        raise UserError(f"{shown(copy)} {fault}. Get it again with git.") from None
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_whole(copy, content, new=True)
    except OSError as error:
        # Another `dmlcourse start` may have been quicker.
        if os.path.lexists(copy):
            return False
        raise UserError(f"{shown(copy)} cannot be written ({error.strerror}).") from None
    return True


def is_older(copy: Path, template: Path) -> bool:
    """Whether ``dmlcourse update`` would change this copy."""
    try:
        mine, release = read_notebook(copy), read_release(template)
    except Unusable:
        return False
    return merge(mine, release).notebook is not mine


def release_of(course: Path, path: Path, mine: Tree) -> tuple[Path, Tree]:
    """The notebook of the course that a learner's notebook is a copy of, and what is in it.

    The lesson that it names decides, else its file name, else the exercises in it. A lesson has up
    to two notebooks: the one whose cells the copy remembers, or where it remembers none, the one
    that shares more cells with it, then the one of its folder.

    Raises:
        Unusable: it belongs to no lesson, or the course has that lesson no more.
    """
    templates = _templates(course, path, mine)
    releases = [(template, read_release(template)) for template in templates]
    if not templates:
        releases = [(t, read_release(t)) for t in sorted((course / "exercises").glob("*.ipynb"))]
    ranked = [
        (_shared(mine, release, answers=not templates), _is_home(path, template), template, release)
        for template, release in releases
    ]
    shared, _, template, release = max(ranked, key=lambda item: item[:2], default=NOTHING)
    if not shared and not (templates and started(mine)):
        raise Unusable("belongs to no lesson of the course: it shares no cell with any")
    return template, release


def _templates(course: Path, path: Path, mine: Tree) -> list[Path]:
    """The notebooks of its lesson that a copy can come from; none where it names no lesson.

    Raises:
        Unusable: the course has that lesson, or the notebook that was copied, no more.
    """
    named = ours(mine).get("lesson")
    lesson = named if isinstance(named, str) else path.stem
    there = [template for template, _ in copies_of(course, lesson)]
    fitting = _fitting(there, mine)
    if not fitting and isinstance(named, str):
        others = [folder for folder in PLACES for t in there if folder != t.parent.name]
        gone = f"{others[0]}/{named}.ipynb" if others else named
        raise Unusable(f"is a copy of {gone}, which the course has no more")
    return fitting


def _fitting(templates: list[Path], mine: Tree) -> list[Path]:
    """The notebooks of a lesson that a copy can come from: exercises never become a chapter."""
    base = started(mine)
    names = base or [name for cell in mine["cells"] for name in (cell.get("id"), grade_id(cell))]
    holds_answers = any(str(name).startswith("answer-") for name in names)
    folder = "exercises" if holds_answers else "chapters"
    fitting = [template for template in templates if template.parent.name == folder]
    # In a copy made by hand, an answer may have been pasted into the chapter.
    return fitting if base or (holds_answers and not fitting) else templates


NOTHING: tuple[int, bool, Path, Tree] = (0, False, Path(), {})


def read_release(template: Path) -> Tree:
    """A notebook of the course; raises ``Unusable`` where it is broken."""
    try:
        release = read_notebook(template)
        names = [cell.get("id") for cell in release["cells"]]
        if None in names or len(set(names)) < len(names):
            raise Unusable("has cells without an id of their own")
    except Unusable as fault:
        raise Unusable(f"waits: the course's {shown(template)} {fault}") from None
    return release


def _shared(mine: Tree, release: Tree, answers: bool) -> int:
    """How many released cells a notebook holds; with ``answers``, only those of exercises."""
    released = {cell["id"] for cell in release["cells"]}
    names = released.intersection(identify(mine["cells"], release["cells"], started(mine) or {}))
    return sum(name.startswith("answer-") or not answers for name in names)


def _is_home(path: Path, template: Path) -> bool:
    return (path.parent.name == "reading") == (template.parent.name == "chapters")


def shown(path: Path) -> str:
    """A path as the person sees it from the current folder."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
