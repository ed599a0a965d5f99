"""The plain things that travel between an answer and its judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

LAYOUTS = ("C", "F", "strided")


@dataclass(frozen=True)
class Case:
    """One set of inputs for an answer.

    ``inputs`` maps each argument's name to its value, in calling order: NumPy arrays, numbers,
    booleans, strings or None. ``layout`` is how the arrays lie in memory: "C", "F" (Fortran
    order) or "strided" (every second row of a larger array). ``group`` names the part of the
    points that the case belongs to; ``weigh`` asks for the peak of memory too; ``given`` holds
    what only the kind reads, for instance the weights to load into a module.
    """

    name: str
    inputs: dict[str, Any]
    group: str = "values"
    layout: str = "C"
    weigh: bool = False
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout is {self.layout!r}; expected one of {', '.join(LAYOUTS)}")

    def laid_out(self) -> dict[str, Any]:
        """Fresh copies of the inputs, in the case's memory layout."""
        return {name: _lay_out(value, self.layout) for name, value in self.inputs.items()}


def _lay_out(value: Any, layout: str) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    if layout == "strided" and value.ndim:
        wide = np.zeros((2 * len(value), *value.shape[1:]), value.dtype)
        wide[::2] = value
        return wide[::2]
    return np.array(value, order="F" if layout == "F" else "C", copy=True)


@dataclass(frozen=True)
class Seen:
    """One value that an answer returned: its type, and its numbers or its text."""

    type: str
    array: np.ndarray | None = None
    text: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.array is None else self.array.shape


@dataclass(frozen=True)
class Fault:
    """An exception that the answer raised, with the learner's own line where there is one."""

    type: str
    message: str
    line: str = ""
    line_number: int = 0

    @property
    def not_written(self) -> bool:
        return self.type == "NotImplementedError"


@dataclass(frozen=True)
class Observation:
    """What one case made of an answer.

    ``values`` is what came back; ``fault`` the exception, if any; ``empty`` says that the answer
    still does nothing; ``stopped`` that it ran into the time limit; ``modified`` names the inputs
    that the answer changed in place; ``peak`` is the memory in bytes that NumPy and Python took on
    top of what was in use (0 unless the case asks to ``weigh``).
    """

    values: dict[str, Seen] = field(default_factory=dict)
    fault: Fault | None = None
    empty: bool = False
    stopped: bool = False
    modified: tuple[str, ...] = ()
    seconds: float = 0.0
    peak: int = 0
