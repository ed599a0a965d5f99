"""The command ``dmlcourse class``: what a class has done, from the records it handed in.

Ids of learners go to the terminal alone. The page is made to be shown to everybody: it names
nobody.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..files import unwritable, write_whole
from .classes import Classroom, Row, classroom, headline, topic_line
from .page import MARK, page
from .record import Entry, NotARecord, imported
from .standing import ANY_KIND, SAME_MISTAKE
from .words import count, course, say, sentence_of, wrapped

HOW_TO_EXPORT = (
    "Each learner writes a record with the command `dmlcourse progress --export NAME.json`; "
    "collect these files in one folder, or in one folder a learner inside it."
)
NEVER_OURS = "__MACOSX"


@dataclass
class Handed:
    """What a folder holds: the records by learner's id, and remarks on files and names."""

    records: dict[str, list[Entry]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def class_page(folder: Path, out: Path | None) -> int:
    """Print what a class has done and who is stuck, and write the page that names nobody."""
    handed = read(folder)
    if not handed.records:
        said = " ".join(handed.remarks[:5])
        raise UserError(f'no exported record in "{folder}". {said} {HOW_TO_EXPORT}')
    target = _target(folder, out)
    found = classroom(handed.records, course())
    try:
        write_whole(target, page(found).encode("utf-8", "replace"))
    except OSError as error:
        raise unwritable(target, error) from None
    say(report(found))
    say(line for remark in handed.remarks for line in wrapped(remark))
    say([f"The page for the wall, which names nobody: {target}"])
    return 0


def read(folder: Path) -> Handed:
    """The records in a folder and in the folders inside it, whatever else lies there.

    Raises:
        UserError: it is no folder, or cannot be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(f'"{folder}" {what}; name a folder of exported records. {HOW_TO_EXPORT}')
    handed, found = Handed(), {}
    for path in _files(folder):
        try:
            found[path.relative_to(folder)] = imported(path)
        except NotARecord as fault:
            name = path.relative_to(folder).as_posix()
            handed.remarks.append(f"{name}: not an exported record ({fault}).")
    return _named(_without_earlier(found, handed), handed)


def _files(folder: Path) -> list[Path]:
    """The files that may be records, in order. Hidden ones are a system's, not a learner's."""
    try:
        inside = sorted(p for p in folder.iterdir() if not _is_hidden(p))
        own = [p for p in inside if p.suffix.lower() == ".json"]
        deeper = [q for p in inside if p.is_dir() for q in _json_in(p)]
    except OSError as error:
        raise UserError(f'cannot read "{folder}": {error.strerror or error}.') from None
    return _once([p for p in own if not p.is_dir()] + deeper)


def _once(paths: list[Path]) -> list[Path]:
    """The paths without those that lead to the file of another one; a link counts last."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.is_symlink() or path.parent.is_symlink()):
        found.setdefault(os.path.realpath(path), path)
    kept = set(found.values())
    return [path for path in paths if path in kept]


def _json_in(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for path in inside:
        if path.suffix.lower() == ".json" and not _is_hidden(path) and not path.is_dir():
            yield path


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == NEVER_OURS


def _without_earlier(found: Mapping[Path, list[Entry]], handed: Handed) -> dict[Path, list[Entry]]:
    """The records without those that another one goes on from: one learner exported twice."""
    kept: dict[Path, list[Entry]] = {}
    by_start: defaultdict[tuple, list[Path]] = defaultdict(list)
    # "s01 copy.json" is what a system calls the copy of s01.json: the shorter name stays.
    for path in sorted(found, key=lambda path: (-len(found[path]), len(str(path)), path)):
        entries = found[path]
        start = tuple(entries[0].values()) if _is_certain(entries) else ()
        longer = [p for p in by_start[start] if start and kept[p][: len(entries)] == entries]
        if longer:
            handed.remarks.append(
                f"{path.as_posix()}: the same record as {longer[0].as_posix()}, or an earlier "
                "state of it; counted once."
            )
            continue
        kept[path] = entries
        by_start[start].append(path)
    return {path: kept[path] for path in found if path in kept}


def _is_certain(entries: list[Entry]) -> bool:
    """Whether no two learners can have the record by chance: its times are to the microsecond."""
    return bool(entries) and "." in str(entries[0]["at"])


def _named(found: Mapping[Path, list[Entry]], handed: Handed) -> Handed:
    """Name each record by its file, or by folder and file where several have that name."""
    same: defaultdict[str, list[Path]] = defaultdict(list)
    for path in found:
        same[path.stem].append(path)
    for path, entries in found.items():
        only = len(same[path.stem]) == 1
        handed.records[path.stem if only else path.with_suffix("").as_posix()] = entries
    for stem, paths in same.items():
        if len(paths) > 1:
            handed.remarks.append(
                f"{stem}.json: {len(paths)} files have this name; each counts as one learner."
            )
    return handed


def _target(folder: Path, out: Path | None) -> Path:
    """Where the page goes. Only a page of ours is replaced."""
    target = out or folder / "class.html"
    if target.is_dir():
        raise UserError(f'"{target}" is a folder; name a file in it, such as "class.html".')
    if target.exists() and not _is_ours(target):
        raise UserError(
            f'"{target}" exists already and is no page of this command. '
            "It stays as it is; choose another name with --out."
        )
    return target


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(1000)
    except OSError:
        return False


def report(found: Classroom) -> list[str]:
    """The lines for the terminal, with the ids of those who are stuck."""
    if not found.rows:
        return [f"{count(found.learners, 'learner')}; nobody has begun an exercise.", ""]
    said = [
        f"{count(found.learners, 'learner')}. Where most are stuck comes first: not through after",
        f"{SAME_MISTAKE} attempts with the same mistake, or after {ANY_KIND} attempts of any kind.",
        "",
    ]
    for row in found.rows:
        said += [*_row(row), ""]
    if found.untouched:
        said += [f"Nobody has begun the other {count(found.untouched, 'exercise')}.", ""]
    if found.topics:
        said += ["Predictions on which most were sure and wrong:"]
        said += [f"  {topic_line(topic)}" for topic in found.topics] + [""]
    return said


def _row(row: Row) -> list[str]:
    said = wrapped(f"{headline(row)}.")
    said.append(f"  {row.passed} passed, {row.tried} tried, {row.not_begun} not begun")
    for name, _ in row.mistakes:
        said += wrapped(f'{name}: "{sentence_of(row.exercise, name)}"', "    ")
    if row.stuck:
        said += wrapped(f"stuck ({len(row.stuck)}): {_listed(row.stuck)}", "  ")
    return said


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
