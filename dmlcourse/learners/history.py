"""What a solver leaves behind: its solution, and a log of what each round reached, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

from torch import Tensor


class Solution(NamedTuple):
    """A map L (k, d), the objective there, the proved gap, and whether the solver came to its end.

    The gap is how far the objective is from a bound that no metric passes, as a share of it.
    """

    L: Tensor
    objective: float
    gap: float
    done: bool


@dataclass
class Log:
    """Counts steps, keeps the history, and prints a line a round where asked.

    most: the limit of steps. record: the named tuple of one line of the history, whose first fields
    are iteration and seconds. say: what to do with the line in words, or None.
    """

    most: int
    record: Callable[..., Any]
    say: Callable[[str], None] | None = None
    steps: int = 0
    history: list[Any] = field(default_factory=list)
    start: float = field(default_factory=perf_counter)

    @property
    def spent(self) -> bool:
        """Whether the limit of steps is reached."""
        return self.steps >= self.most

    def add(self, *values: float) -> None:
        """Add a line: these values after as many steps as were counted."""
        line = self.record(self.steps, perf_counter() - self.start, *values)
        self.history.append(line)
        if self.say:
            told = zip(line._fields[2:], values, strict=True)
            self.say(f"step {self.steps}: {', '.join(f'{name} {v:.6g}' for name, v in told)}")
