"""``dmlcourse start`` and ``dmlcourse update``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from ..errors import UserError
from ..files import write_whole
from ..places import course_folder
from .copies import PLACES, WORK, begin, copies_of, is_asked, is_older, release_of, shown
from .merge import Merged, merge
from .notebook import Unusable, content_of, parsed, written

RELOAD = (
    "Is one of them open in JupyterLab? Choose File → Reload Notebook from Disk there before you "
    "write on."
)


def start(chapters: Sequence[str]) -> int:
    """Copy the exercises of some chapters to ``work/`` and the chapters to ``work/reading/``; 0.

    A copy that exists is never touched. "17" starts all notebooks of a long chapter (17a, 17b).

    Raises:
        UserError: a chapter that there is not (nothing is copied then), or no place to write.
    """
    course = course_folder("chapters")
    lessons = [lesson for asked in chapters for lesson in lessons_asked(course, asked)]
    for lesson in dict.fromkeys(lessons):
        for template, copy in copies_of(course, lesson):
            print(_begun(template, copy))
    return 0


def lessons_asked(course: Path, asked: str) -> list[str]:
    """The lessons that a chapter's name means, in order."""
    there = sorted({p.stem for folder in PLACES for p in (course / folder).glob("[0-9]*.ipynb")})
    found = [lesson for lesson in there if is_asked(lesson, asked)]
    if not found:
        known = ", ".join(there) or "none yet"
        raise UserError(f"There is no chapter {asked!r}. The chapters: {known}.")
    return found


def _begun(template: Path, copy: Path) -> str:
    if begin(template, copy):
        return f"{shown(copy)} is your copy of {shown(template)}."
    kept = f"{shown(copy)} was there before and stays as it is."
    if is_older(copy, template):
        kept += " The course has a newer release of it: run `dmlcourse update`."
    return kept


def update() -> int:
    """Carry what the learner wrote over to the course's newer notebooks; 1 if one could not be.

    Each notebook of ``work/`` and ``work/reading/`` is laid against its release. Before a file
    changes, it is kept as it was in ``work/.before-update/``.
    """
    course = course_folder("chapters")
    files = [path for place in PLACES.values() for path in sorted((course / place).glob("*.ipynb"))]
    mine = [path for path in files if not path.name.startswith(".")]
    if not mine:
        print(f"There is no notebook in {shown(course / WORK)}: `dmlcourse start` makes copies.")
    fates = [_updated(course, path) for path in mine]
    if "updated" in fates:
        print(RELOAD)
    return 1 if "left" in fates else 0


def _updated(course: Path, path: Path) -> str:
    """Update one notebook and say what was done."""
    try:
        before = content_of(path)
        mine = parsed(before)
        _, release = release_of(course, path, mine)
        merged = merge(mine, release)
        if merged.notebook is mine:
            print(f"{shown(path)} is up to date.")
            return "same"
        _replace(course, path, before, merged)
    except Unusable as fault:
        print(f"{shown(path)} {fault}. It is left as it is.")
        return "left"
    except OSError as error:
        print(f"{shown(path)} cannot be updated ({error.strerror}). It is left as it is.")
        return "left"
    return "updated"


def _replace(course: Path, path: Path, before: bytes, merged: Merged) -> None:
    content = written(merged.notebook)
    kept = _keep(course, path, before)
    try:
        # A link stays a link: what it leads to is written.
        write_whole(path.resolve(), content, check=lambda: _expect(path, before))
    except (OSError, Unusable):
        kept.unlink()
        raise
    print(f"{shown(path)} is updated. As it was before: {shown(kept)}.")
    for remark in merged.remarks:
        print(f"  {remark}")


def _expect(path: Path, before: bytes) -> None:
    # There is no lock. Two updates at once find the same text to write, and each keeps what it
    # replaces; no lock of ours would hold JupyterLab back, and a killed update would leave it.
    if content_of(path) != before:
        raise Unusable("was saved by another program at this moment; run the update again")


def _keep(course: Path, path: Path, content: bytes) -> Path:
    """Keep a file as it is under the next free number; where."""
    work = course / WORK
    folder = work / ".before-update" / path.parent.relative_to(work)
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        kept = folder / f"{path.stem}.{number}.ipynb"
        try:
            write_whole(kept, content, new=True)
        except FileExistsError:
            continue
        break
    return kept
