"""The questions that the chapters ask before they show the answer, by key."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..errors import UserError
from ..places import course_folder


@cache
def questions() -> dict[str, str]:
    """The text of each question by its key ("02.nearest"); none where the course is not here."""
    try:
        chapters = sorted((course_folder() / "chapters").glob("[0-9]*.ipynb"))
    except UserError:
        return {}
    return dict(pair for path in chapters for pair in _asked(path.read_text(encoding="utf-8")))


def _asked(notebook: str) -> Iterator[tuple[str, str]]:
    try:
        cells = json.loads(notebook)["cells"]
    except (ValueError, KeyError, TypeError):
        return
    for cell in cells:
        source = "".join(cell.get("source", ""))
        if "predict(" in source:
            yield from _in_code(source)


def _in_code(source: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            key, text, *_ = [*map(_text, node.args), "", ""]
            if node.func.id == "predict" and key and text:
                yield key, text


def _text(node: Any) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else ""
