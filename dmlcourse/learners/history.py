"""What a solver leaves behind: its solution, and a log of what each round reached, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite
from time import perf_counter
from typing import Any, NamedTuple

from torch import Tensor


class Solution(NamedTuple):
    """A map L (k, d), the objective there, its proved gap, and whether the solver was done."""

    L: Tensor
    objective: float
    gap: float
    done: bool


def relative_gap(objective: float, bound: float) -> float:
    """How far the objective is from a bound that no metric passes, as a share of it.

    ∞ where either is not finite: then nothing is proved.
    """
    if not isfinite(objective) or not isfinite(bound):
        return inf
    return abs(objective - bound) / objective if objective else 0.0


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


def until_proved(
    step: Callable[[], bool],
    look: Callable[[], tuple[float, float]],
    tighter: Callable[[float, float], float],
    tol: float,
    log: Log,
    every: int = 1,
) -> tuple[float, float]:
    """Step until the gap is at most tol, the log is spent or no step is left: (objective, gap).

    step moves once, and is False where it cannot. look gives the objective and a bound that no
    metric passes; of all bounds the tightest counts, tighter is min or max. One look in ``every``
    steps, and one at the end.
    """
    best, moved = None, True
    while True:
        if log.steps % every == 0 or log.spent or not moved:
            objective, bound = look()
            best = bound if best is None else tighter(best, bound)
            passed = tighter(best, objective) == best  # by rounding: then the gap is closed
            gap = 0.0 if passed and isfinite(objective) else relative_gap(objective, best)
            log.add(objective, gap)
            if gap <= tol or log.spent or not moved:
                return objective, gap
        moved = step()
        log.steps += moved
