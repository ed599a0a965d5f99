"""The command ``dmlcourse data``: which sets there are, and fetch those that need a download."""

from __future__ import annotations

from collections.abc import Sequence

from .catalogue import Entry, entries, entry
from .download import absent, bring, data_folder, megabytes, read

HEAD = ("name", "classes", "samples", "shape", "where", "licence")
GENERATED = (
    ("stroke_characters", "any", "any", "any", "generated", ""),
    ("signatures", "any", "any", "any", "generated", ""),
)


def data(names: Sequence[str]) -> int:
    """Fetch and verify the named sets; without names print a table of all. The exit status, 0.

    Raises:
        UserError: an unknown name (before anything is fetched), or a set that cannot be fetched or
            is damaged.
    """
    if not names:
        print(table())
        return 0
    for name, found in {name: entry(name) for name in names}.items():
        _fetch(name, found)
    return 0


def table() -> str:
    """One line for each set, and where downloads are kept."""
    rows = [HEAD, *(_row(name, found) for name, found in entries().items()), *GENERATED]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([*lines, "", f"Downloads are kept in {data_folder()}", _how()])


def _fetch(name: str, found: Entry) -> None:
    if found.collection is None:
        print(f"{name} is bundled: nothing to fetch.")
        return
    files = found.collection.files
    bring(found.collection, files)
    for file in files:
        read(found.collection, file)
    print(f"{name} is complete and verified: {data_folder() / name}")


def _row(name: str, found: Entry) -> tuple[str, ...]:
    shape = "×".join(map(str, found.shape))
    return (name, f"{found.classes:,}", f"{found.samples:,}", shape, _where(found), found.licence)


def _where(found: Entry) -> str:
    if found.collection is None:
        return "bundled"
    missing = absent(found.collection.files)
    if not missing:
        return f"here, {megabytes(found.collection.files)}"
    state = "not here" if len(missing) == len(found.collection.files) else "in part"
    return f"{state}, {megabytes(missing)} to fetch"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (1, 2)
    cells = [
        cell.rjust(width) if i in numbers else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _how() -> str:
    needed = [name for name, found in entries().items() if found.collection]
    return f"To fetch one: dmlcourse data {needed[-1]}"
