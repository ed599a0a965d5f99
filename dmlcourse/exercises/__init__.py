"""The specifications: one module a chapter, one entry an exercise.

``find("02.1")`` gives an exercise, ``chapter("02")`` those of a chapter, ``numbers()`` them all.
A chapter's module is named ``chNN`` and lists its exercises in ``EXERCISES``.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re

from ..errors import UserError
from .spec import Complaint, Exercise, Mistake, Variant

__all__ = [
    "Complaint",
    "Exercise",
    "Mistake",
    "Variant",
    "chapter",
    "chapters",
    "find",
    "numbers",
]


def chapters() -> list[str]:
    """The chapters that have exercises, as two digits."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name[2:] for name in names if re.fullmatch(r"ch\d\d[a-z]?", name))


def chapter(number: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter, in order."""
    if number not in chapters():
        raise UserError(
            f"there is no chapter {number!r} with exercises; there are {', '.join(chapters())}"
        )
    return importlib.import_module(f".ch{number}", __name__).EXERCISES


def numbers() -> list[str]:
    """Every exercise's number."""
    return [exercise.number for number in chapters() for exercise in chapter(number)]


def find(number: str) -> Exercise:
    """The exercise of a number such as "02.1"; the error for an unknown one names the nearest."""
    if not isinstance(number, str):
        raise UserError(f'an exercise number is text such as "02.1"; got {number!r}')
    wanted = number.strip()
    for part in [wanted[:2]] if wanted[:2] in chapters() else []:
        for exercise in chapter(part):
            if exercise.number == wanted:
                return exercise
    nearest = difflib.get_close_matches(wanted, numbers(), n=1, cutoff=0)
    hint = f'did you mean "{nearest[0]}"?' if nearest else "there are no exercises yet"
    raise UserError(f'there is no exercise "{wanted}"; {hint}')
