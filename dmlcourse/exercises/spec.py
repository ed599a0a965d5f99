"""What an exercise is: one entry of data that drives hint, check, grade and test."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..observing import Case, Kind
from .budget import Arrays, default_budget

Variant = Mapping[str, Any]
Text = str | Callable[[Variant], str]


class Complaint(ValueError):
    """Said by a ``digest`` or a ``judge`` of values that cannot be right, as one sentence."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that runs, and the sentence that whoever wrote it deserves.

    The sentence says what the answer did, never the solution. ``severity`` is "fail", or "note"
    for an answer that is right but deserves a remark. ``weighs`` marks a note that is about
    memory: it is recognised by the peak of the cases that ``weigh``, not by values.
    """

    name: str
    answer: Any
    sentence: str
    severity: str = "fail"
    weighs: bool = False


def as_it_is(case: Case, values: Arrays) -> Arrays:
    """The digest of an exercise that has one right value: the value itself."""
    return values


@dataclass(frozen=True)
class Exercise:
    """One exercise, whole.

    number, name, title   "02.1", the Python name of the answer, the title.
    points, minutes       what it is worth and the time it takes.
    kind                  how an answer is run and observed (``observing``).
    statement, skeleton   Markdown; Python source of signatures and docstrings without bodies.
    hints                 from the gentlest to the most direct; none gives the solution away.
    cases                 ``cases(rng, variant)``: inputs, smallest first.
    reference             ``reference(variant)``: a right answer.
    mistakes              ``mistakes(variant)``: the wrong answers to recognise.
    variants              each setting's values, the published one first; graded work may differ.
    groups                points by group of cases. The first group gates the others.
    digest                what is compared. Two answers are the same answer when their digests
                          are: for a factor L of M that is LᵀL, not L.
    budget                the error that rounding explains, per digest entry.
    judge                 a predicate for exercises whose digest does not decide: returns None
                          when the values are right, or raises ``Complaint``.
    needs                 exercises whose answer this one calls.
    """

    number: str
    name: str
    title: str
    points: int
    minutes: int
    kind: Kind
    statement: Text
    skeleton: Text
    hints: tuple[str, ...]
    cases: Callable[[np.random.Generator, Variant], Iterable[Case]]
    reference: Callable[[Variant], Any]
    mistakes: Callable[[Variant], tuple[Mistake, ...]]
    variants: Mapping[str, tuple] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    digest: Callable[[Case, Arrays], Arrays] = as_it_is
    budget: Callable[[Case, Arrays], Arrays] = default_budget
    judge: Callable[[Case, Arrays, Arrays], None] | None = None
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.groups:
            object.__setattr__(self, "groups", {"values": self.points})
        if sum(self.groups.values()) != self.points:
            raise ValueError(
                f"{self.number}: the groups give {sum(self.groups.values())} points, "
                f"the exercise {self.points}"
            )

    def variant(self, **changes: Any) -> dict[str, Any]:
        """The published variant, with ``changes``; ValueError for a value that is not listed."""
        for setting, value in changes.items():
            if value not in self.variants.get(setting, ()):
                raise ValueError(f"{self.number} has no variant {setting}={value!r}")
        return {name: values[0] for name, values in self.variants.items()} | changes

    def all_variants(self) -> list[dict[str, Any]]:
        """Every combination of the settings."""
        found: list[dict[str, Any]] = [{}]
        for setting, values in self.variants.items():
            found = [old | {setting: value} for old in found for value in values]
        return found

    def draw(self, seed: int, variant: Variant | None = None) -> list[Case]:
        """The cases of a seed, smallest first; the same for the same seed on every machine."""
        rng = np.random.default_rng([seed, zlib.crc32(self.number.encode())])
        cases = list(self.cases(rng, self.variant() if variant is None else variant))
        strangers = {case.group for case in cases} - set(self.groups)
        if strangers:
            raise ValueError(f"{self.number}: cases in unknown groups {sorted(strangers)}")
        return cases

    def text(self, part: str, variant: Variant | None = None) -> str:
        """The ``statement`` or the ``skeleton`` for a variant."""
        text: Text = getattr(self, part)
        return text(self.variant() if variant is None else variant) if callable(text) else text

    def expected(self, case: Case, variant: Variant) -> Arrays:
        """The digest of the reference, computed in float64 on the CPU."""
        exact = replace(case, inputs={name: _double(v) for name, v in case.inputs.items()})
        # Straight from the kind: a reference that fails should fail loudly.
        values = self.kind.values(self.reference(variant), self.kind.arguments(exact), exact)
        arrays = {name: np.asarray(_host(value)) for name, value in values.items()}
        return self.digest(exact, arrays)


def _double(value: Any) -> Any:
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value


def _host(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
