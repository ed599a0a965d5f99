"""What the chapters share when they write down their exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..observing import Case
from .spec import Mistake

Rng = np.random.Generator


def cases_of(*names: str) -> Callable[..., Case]:
    """A maker of cases whose inputs have these names.

    ``case = cases_of("X", "Y")``, then ``case("far apart", X, Y, group="edge")``.
    """

    def case(name: str, *values: Any, **more: Any) -> Case:
        return Case(name, dict(zip(names, values, strict=True)), **more)

    return case


def ways(name: str, sentence: str, *answers: Any) -> list[Mistake]:
    """One mistake in the several ways in which people write it."""
    return [Mistake(name, answer, sentence) for answer in answers]
