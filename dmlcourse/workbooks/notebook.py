"""A notebook as data: read leniently, written strictly, its cells known by digest."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

Tree = dict[str, Any]
CELL_TYPES = ("code", "markdown", "raw")
# The metadata that the course writes into its cells. All other metadata belong to the editor.
OURS = ("dmlcourse", "nbgrader")


class Unusable(Exception):
    """Why a file cannot be taken for a notebook, as the end of a sentence."""


def read_notebook(path: Path) -> Tree:
    """The notebook of a file, as ``parsed`` gives it; raises ``Unusable`` where there is none."""
    return parsed(content_of(path))


def content_of(path: Path) -> bytes:
    """What is in a file; raises ``Unusable`` where it is none or cannot be read."""
    try:
        # A named pipe would be waited for without end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unusable("is not a file")
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"cannot be read ({error.strerror})") from None


def parsed(content: bytes) -> Tree:
    """The notebook that a file holds, every source as one text and every cell with metadata.

    Raises:
        Unusable: the content is broken, or is no notebook of format 4.
    """
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"is broken ({_reason(error)}), perhaps saved half-way") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        raise Unusable("is not a notebook")
    if tree.get("nbformat") != 4:
        raise Unusable(f"is a notebook of format {tree.get('nbformat')}, not of format 4")
    cells = [_cell(cell, place) for place, cell in enumerate(tree["cells"], start=1)]
    return {**tree, "metadata": _dict(tree.get("metadata")), "cells": cells}


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    # What is left of ValueError is Python's limit on the digits of an integer.
    return "too deeply nested" if isinstance(error, RecursionError) else "a number is too long"


def _cell(tree: Any, place: int) -> Tree:
    source = tree.get("source") if isinstance(tree, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or tree.get("cell_type") not in CELL_TYPES:
        raise Unusable(f"has a cell (number {place}) without a text or a type")
    cell = {**tree, "source": source, "metadata": _dict(tree.get("metadata"))}
    if not isinstance(cell.get("id"), str):
        cell.pop("id", None)
    if cell["cell_type"] == "code":
        cell = {"outputs": [], "execution_count": None} | cell
    return cell


def _dict(value: Any) -> Tree:
    return value if isinstance(value, dict) else {}


def ours(cell: Tree) -> Tree:
    """What the course says about a cell, or about a notebook."""
    return _dict(cell["metadata"].get("dmlcourse"))


def grade_id(cell: Tree) -> Any:
    """nbgrader's name for a cell, which survives editors that give fresh ids."""
    return _dict(cell["metadata"].get("nbgrader")).get("grade_id")


def digest(cell: Tree) -> str:
    """A short hash of a cell's source. Space at its ends and the kind of line end do not count."""
    return _hash(cell["source"].replace("\r\n", "\n").replace("\r", "\n").strip())


def digests(release: Tree) -> dict[str, str]:
    """The digest of each released cell by its id."""
    return {cell["id"]: digest(cell) for cell in release["cells"]}


def fingerprint(release: Tree) -> str:
    """One hash of all that a copy takes from a release: order, types, texts, our metadata."""
    parts = [
        (cell["id"], cell["cell_type"], digest(cell), [cell["metadata"].get(key) for key in OURS])
        for cell in release["cells"]
    ]
    return _hash(json.dumps(parts, sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def record(release: Tree) -> Tree:
    """What a copy remembers of its release, as the notebook metadata ``dmlcourse``."""
    return ours(release) | {"started": digests(release), "release": fingerprint(release)}


def started(copy: Tree) -> dict[str, str] | None:
    """The digests of the cells as they were released; None in a copy made by hand."""
    found = ours(copy).get("started")
    if not isinstance(found, dict):
        return None
    return {name: text for name, text in found.items() if isinstance(text, str)}


def written(notebook: Tree) -> bytes:
    """The notebook as a file holds it.

    Raises:
        Unusable: what is in it makes no valid notebook.
    """
    import nbformat

    minor = notebook.get("nbformat_minor")
    # Ids of cells are part of the format from 4.5 on.
    newest = {"nbformat_minor": max(5, minor if isinstance(minor, int) else 0)}
    try:
        node = nbformat.from_dict(notebook | newest)
        nbformat.validate(node)
        return (nbformat.writes(node).rstrip("\n") + "\n").encode()
    except nbformat.ValidationError as error:
        raise Unusable(f"is not a valid notebook ({error.message.splitlines()[0][:120]})") from None
    except RecursionError:
        raise Unusable("cannot be written (too deeply nested)") from None
    except ValueError as error:
        raise Unusable(f"cannot be written ({error})") from None
