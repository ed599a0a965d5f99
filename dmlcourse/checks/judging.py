"""From what was observed to a verdict: is it right, and if not, which mistake is it?

``Key`` holds what is right for one exercise, variant and seed; ``judge`` compares. Neither runs a
line of an answer, so the notebook and the grader use the same code.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..exercises import Complaint, Exercise, Mistake, Variant
from ..exercises.budget import Arrays, default_budget
from ..observing import Case, Observation, Seen, observe
from ..observing.kinds import WrongCount

PASSED, FAILED, ERROR = "passed", "failed", "error"
NOT_ATTEMPTED, STOPPED = "not attempted", "stopped"

# Where rounding is a larger share than this of the right value, it says nothing of another value.
_LARGEST_SHARE = 1e-3
_SMALLEST = float(np.finfo(float).tiny)
# The inputs of a case are shown in full up to so many numbers.
MOST_SHOWN = 18

# What an answer does on one case, in a form in which two answers can be compared.
Outcome = Arrays | str


@dataclass(frozen=True)
class Finding:
    """One case that an answer gets wrong: what was expected, what came, in one sentence each."""

    case: Case
    reason: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What is said about one answer, and the points it earns."""

    exercise: Exercise
    outcome: str
    earned: int = 0
    finding: Finding | None = None
    mistake: Mistake | None = None
    notes: tuple[str, ...] = ()
    groups: dict[str, bool] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """One line; for a pass it is the same on every machine, device and variant."""
        about = f"{self.exercise.number} {self.exercise.title}"
        points = "1 point" if self.exercise.points == 1 else f"{self.exercise.points} points"
        return {
            PASSED: f"{about}: passed ({points}).",
            FAILED: f"{about}: not yet.",
            ERROR: f"{about}: your answer stopped with an error.",
            NOT_ATTEMPTED: f"{about}: not attempted yet.",
            STOPPED: f"{about}: stopped before the end.",
        }[self.outcome]


# This very object stands for a case on which nothing came back, whatever the reason.
GONE = Observation(stopped=True)


@dataclass(frozen=True)
class Known:
    """A known mistake: what was seen of it on every case, and how far rounding may move that."""

    mistake: Mistake
    seen: list[Observation]
    does: list[Outcome]
    slack: list[Arrays]

    def agrees(self, number: int, outcome: Outcome) -> bool:
        """Whether another answer did the same on case ``number``, up to rounding on both sides."""
        does = self.does[number]
        if isinstance(does, str) or isinstance(outcome, str):
            return isinstance(does, str) and isinstance(outcome, str) and does == outcome
        slack = self.slack[number]
        return does.keys() == outcome.keys() and all(
            _close(does[name], outcome[name], 2 * slack[name]) for name in does
        )


class Key:
    """What is right for an exercise, a variant and a seed, worked out once."""

    def __init__(self, exercise: Exercise, variant: Variant | None = None, seed: int = 0) -> None:
        self.exercise = exercise
        self.variant = exercise.variant() if variant is None else variant
        self.cases = exercise.draw(seed, self.variant)
        self.expected = [exercise.expected(case, self.variant) for case in self.cases]

    @cached_property
    def mistakes(self) -> list[Known]:
        """Each known mistake with what it does on every case."""
        return [self._known(mistake) for mistake in self.exercise.mistakes(self.variant)]

    def _known(self, mistake: Mistake) -> Known:
        # Weighing slows Python down, so only what is recognised by its weight is weighed.
        cases = [replace(case, weigh=case.weigh and mistake.weighs) for case in self.cases]
        seen = [observe(self.exercise.kind, mistake.answer, case) for case in cases]
        does = self.outcomes(seen)
        slack = [{} if isinstance(d, str) else self._slack(i, d) for i, d in enumerate(does)]
        return Known(mistake, seen, does, slack)

    def _slack(self, number: int, does: Arrays) -> Arrays:
        """How far rounding may move what a mistake gives on a case.

        Its own budget, read as if it were right; or as large a share of it as rounding is of the
        right value: an answer without its root has the error of a square, not of a root.
        """
        case, expected = self.cases[number], self.expected[number]
        slack, budgets = self._budgets(case, does), self._budgets(case, expected)
        for name, value in does.items():
            right = expected.get(name, np.array(""))
            if right.shape == value.shape and right.dtype.kind == value.dtype.kind == "f":
                with np.errstate(all="ignore"):
                    share = budgets[name] / np.maximum(np.abs(right), _SMALLEST)
                    share = np.where(share < _LARGEST_SHARE, share, 0)
                    scaled = np.nan_to_num(share * np.abs(value), nan=0, posinf=0)
                slack[name] = np.maximum(slack[name], scaled)
        return slack

    @cached_property
    def telling(self) -> list[list[int]]:
        """For each mistake the cases that tell it from the reference and every other mistake.

        Where no case tells it from all others at once, those on which it differs from the
        reference.
        """
        return [self._telling(known) for known in self.mistakes]

    def _telling(self, known: Known) -> list[int]:
        differs = [i for i, does in enumerate(known.does) if not self.right(i, does)]
        name = known.mistake.name
        others = [k for k in self.mistakes if k.mistake.name != name and not k.mistake.weighs]
        alone = [i for i in differs if not any(known.agrees(i, k.does[i]) for k in others)]
        return self.foremost(alone or differs)

    def foremost(self, numbers: list[int]) -> list[int]:
        """Of these cases those of the first group, if there are any.

        In the other groups part of an answer is often free (a low rank, a tie), so that two
        answers with one mistake may differ there.
        """
        first = next(iter(self.exercise.groups))
        return [i for i in numbers if self.cases[i].group == first] or numbers

    @cached_property
    def peaks(self) -> list[int]:
        """The memory that the reference takes on each case that weighs, in bytes."""
        reference = self.exercise.reference(self.variant)
        kind = self.exercise.kind
        return [observe(kind, reference, c).peak if c.weigh else 0 for c in self.cases]

    def outcomes(self, observations: list[Observation]) -> list[Outcome]:
        """The comparable form of what an answer did."""
        pairs = zip(self.cases, observations, strict=True)
        return [_outcome(self.exercise, case, seen) for case, seen in pairs]

    def right(self, number: int, outcome: Outcome) -> bool:
        """Whether an outcome is right on case ``number``."""
        if isinstance(outcome, str):
            return False
        return self.complaint(number, outcome) is None

    def complaint(self, number: int, digest: Arrays) -> tuple[str, str] | None:
        """What is wrong with a digest on case ``number``: (reason, sentence), or None."""
        case, expected = self.cases[number], self.expected[number]
        if self.exercise.judge is not None:
            try:
                self.exercise.judge(case, digest, expected)
            except Complaint as complaint:
                return "value", str(complaint)
            return None
        missing = [name for name in expected if name not in digest]
        if missing:
            return "type", f"{missing[0]} is missing from what your answer returned."
        budgets = self._budgets(case, expected)
        for name, right in expected.items():
            found = _compare(name, digest[name], right, budgets[name])
            if found:
                return found
        return None

    def _budgets(self, case: Case, digest: Arrays) -> Arrays:
        try:
            budgets = self.exercise.budget(case, digest)
            return {name: np.broadcast_to(budgets[name], a.shape) for name, a in digest.items()}
        except ValueError:
            # A wrong shape: the exercise's own budget speaks of the right one.
            return default_budget(case, digest)


def judge(key: Key, observations: list[Observation]) -> Verdict:
    """The verdict on an answer from what was observed on the key's cases, in their order.

    Fewer observations than cases means that nothing more came back: the answer was stopped there
    for good, or ended its own process.
    """
    exercise = key.exercise
    seen = [*observations, *[GONE] * (len(key.cases) - len(observations))]
    if any(o.empty or (o.fault and o.fault.not_written) for o in seen):
        return Verdict(exercise, NOT_ATTEMPTED)
    outcomes = key.outcomes(seen)
    findings = [_finding(key, i, seen[i], outcomes[i]) for i in range(len(seen))]
    first = next((f for f in findings if f), None)
    mistake = _diagnose(key, seen, outcomes, findings) if first else None
    if first is None or (mistake and mistake.severity == "note"):
        said = (mistake.sentence,) if mistake else ()
        notes = (*said, *_memory_notes(key, seen), *_notes(key, seen))
        groups = dict.fromkeys(exercise.groups, True)
        return Verdict(exercise, PASSED, exercise.points, notes=notes, groups=groups)
    notes = _notes(key, seen)
    groups = {g: _group_passes(key.cases, findings, g) for g in exercise.groups}
    outcome = FAILED if mistake else {"fault": ERROR, "stopped": STOPPED}.get(first.reason, FAILED)
    if mistake:
        first = _shown(key, outcomes, findings, mistake)
    return Verdict(exercise, outcome, _earned(exercise, groups), first, mistake, notes, groups)


def _group_passes(cases: list[Case], findings: list[Finding | None], group: str) -> bool:
    return all(f is None for c, f in zip(cases, findings, strict=True) if c.group == group)


def _earned(exercise: Exercise, groups: dict[str, bool]) -> int:
    """The points of the groups that pass; without the first group the others count nothing."""
    if not groups[next(iter(groups))]:
        return 0
    return sum(points for group, points in exercise.groups.items() if groups[group])


# ---------------------------------------------------------------- one case


def _outcome(exercise: Exercise, case: Case, seen: Observation) -> Outcome:
    if seen.stopped:
        return "stopped"
    if seen.fault:
        return f"fault: {seen.fault.type}"
    wrong_type = _type_complaint(seen.values)
    if wrong_type:
        return wrong_type
    try:
        with np.errstate(all="ignore"):
            return exercise.digest(case, {name: _plain(v) for name, v in seen.values.items()})
    except Complaint as complaint:
        return str(complaint)
    except (ValueError, TypeError, IndexError, KeyError, np.linalg.LinAlgError):
        shapes = ", ".join(f"{name} has shape {v.shape}" for name, v in seen.values.items())
        return f"The shapes do not fit: {shapes}."


def _type_complaint(values: dict[str, Seen]) -> str | None:
    missing = [name for name, value in values.items() if value.type == "NoneType"]
    # A loss that is None has no gradient by anything either.
    if missing and len(missing) == len(values):
        return "Your answer returned None. Does it end with a return statement?"
    for name, value in values.items():
        if name in missing:
            return f"{name} is None."
        if " on " in value.type:
            device = value.type.rpartition(" on ")[2]
            return f"{name} lies on {device}; the inputs lie on the CPU. Keep to their device."
        if value.array is None and value.type != "str":
            return f"Your answer returned a {value.type}; expected numbers. It was: {value.text}"
    return None


def _plain(value: Seen) -> np.ndarray:
    """The numbers in float64 where they are real, and text as an array of text."""
    if value.array is None:
        return np.array(value.text)
    return value.array.astype(np.float64) if value.array.dtype.kind == "f" else value.array


def _finding(key: Key, number: int, seen: Observation, outcome: Outcome) -> Finding | None:
    case = key.cases[number]
    if seen is GONE:
        gone = "No result came back: the answer ended its own process, or was stopped at a limit."
        return Finding(case, "stopped", gone)
    if seen.stopped:
        return Finding(case, "stopped", "It ran into the time limit and was stopped there.")
    if seen.fault and seen.fault.type == WrongCount.__name__:
        # Nothing stopped: too much or too little came back.
        return Finding(case, "type", seen.fault.message)
    if seen.fault:
        where = f" in the line `{seen.fault.line}`" if seen.fault.line else ""
        text = f"{seen.fault.type}: {seen.fault.message}{where}"
        return Finding(case, "fault", text)
    if isinstance(outcome, str):
        return Finding(case, "type", outcome)
    complaint = key.complaint(number, outcome)
    if complaint is None:
        return None
    reason, sentence = complaint
    real = any(right.dtype.kind == "f" for right in key.expected[number].values())
    has_precision = real and key.exercise.judge is None
    return Finding(case, reason, sentence + (_dtype_remark(case, seen) if has_precision else ""))


def _dtype_remark(case: Case, seen: Observation) -> str:
    """A word on a result of less precision than the inputs; for answers that are real numbers.

    Of several results only arrays count: a number among them may well be whole.
    """
    given = {v.dtype for v in case.inputs.values() if isinstance(v, np.ndarray)}
    floats = {d for d in given if d.kind == "f"}
    for value in seen.values.values():
        array = value.array
        if array is None or (len(seen.values) > 1 and not array.ndim):
            continue
        if len(floats) == 1 and array.dtype.kind in "fiu":
            (wanted,) = floats
            if array.dtype.kind != "f" or array.dtype.itemsize < wanted.itemsize:
                return f" Your result is {array.dtype}; the inputs are {wanted}."
    return ""


def _compare(
    name: str, got: np.ndarray, right: np.ndarray, budget: np.ndarray
) -> tuple[str, str] | None:
    """What is wrong with one array: (reason, sentence), or None within the budget."""
    label = "" if name in ("result", "answer") else f"{name}: "
    if (got.dtype.kind == "U") != (right.dtype.kind == "U"):
        wanted = {"U": "text", "b": "True or False"}.get(right.dtype.kind, "numbers")
        given = _number(got.flat[0]) if got.size else "nothing"
        return "type", f"{label}got {given}; expected {wanted}."
    if got.shape != right.shape:
        return "shape", f"{label}the shape is {_shape(got)}; expected {_shape(right)}."
    if got.dtype.kind == "c":
        return "type", f"{label}the numbers are complex; expected real ones."
    if right.dtype.kind == "b" and got.dtype.kind != "b":
        return "type", f"{label}got {_number(got.flat[0])}; expected True or False."
    if _within(got, right, budget):
        return None
    return ("value", label + _difference(got, right, budget))


def _within(got: np.ndarray, right: np.ndarray, budget: np.ndarray) -> bool:
    if right.dtype.kind not in "f":
        return bool(np.array_equal(got, right))
    return bool(np.all(_near(got, right, budget)))


def _near(one: np.ndarray, other: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """Entry by entry, whether two arrays agree: numbers up to ``budget``, infinities exactly.

    Infinity minus infinity is NaN, and the rounding error of an infinite number is infinite: a
    comparison by difference would refuse the same infinity, or let any number pass for it.
    """
    finite = np.isfinite(one) & np.isfinite(other)
    with np.errstate(all="ignore"):
        return np.where(finite, np.abs(one - other) <= budget, one == other)


def _difference(got: np.ndarray, right: np.ndarray, budget: np.ndarray) -> str:
    numbers = right.dtype.kind == "f" and got.dtype.kind in "fiub"
    with np.errstate(all="ignore"):
        excess = np.abs(got - right) / budget if numbers else np.ones(right.shape)
    excess = np.where(np.isnan(excess), np.inf, excess)
    excess = np.where(got == right, 0.0, excess)
    at = np.unravel_index(int(np.argmax(excess)), right.shape) if right.size else ()
    place = f"entry {[int(i) for i in at]}: " if right.size > 1 else ""
    a, b = right[at], got[at]
    text = f"{place}expected {_number(a)}, got {_number(b, other=a)}."
    if numbers and math.isfinite(b) and 0 < abs(a - b) < 1e-2 * abs(a) + 1e-2:
        allowed = np.broadcast_to(budget, right.shape)[at]
        text += f" Off by {abs(a - b):.1g}; rounding explains at most {allowed:.1g}."
    return text


def _number(value: Any, other: Any = None) -> str:
    if isinstance(value, float | np.floating) and math.isnan(value):
        return "NaN"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, str | np.str_):
        return f"{str(value)!r}"
    text = f"{float(value):.6g}"
    return f"{float(value):.17g}" if other is not None and text == f"{float(other):.6g}" else text


def _shape(array: np.ndarray) -> str:
    return "that of a single number" if array.shape == () else str(array.shape)


def _close(one: np.ndarray, other: np.ndarray, budget: np.ndarray) -> bool:
    if one.shape != other.shape or (one.dtype.kind == "U") != (other.dtype.kind == "U"):
        return False
    if one.dtype.kind not in "fc" and other.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    if one.size and _apart(one.item(0), other.item(0), budget.item(0)):
        return False
    return bool(np.all(_near(one, other, budget) | (np.isnan(one) & np.isnan(other))))


def _apart(one: complex, other: complex, budget: float) -> bool:
    """Whether two finite numbers differ: most pairs of mistakes do so in their first entry."""
    return cmath.isfinite(one) and cmath.isfinite(other) and abs(one - other) > budget


# ---------------------------------------------------------------- which mistake


def _diagnose(
    key: Key, seen: list[Observation], outcomes: list[Outcome], findings: list[Finding | None]
) -> Mistake | None:
    """The known mistake that the answer behaves like, if there is one.

    An answer is taken for a mistake when it does the same on every case that tells this mistake
    from the reference and from all other mistakes, and on most of the cases it gets wrong.
    """
    wrong = key.foremost([i for i, f in enumerate(findings) if f])
    best: tuple[int, Mistake] | None = None
    for known, telling in zip(key.mistakes, key.telling, strict=True):
        mistake = known.mistake
        # The telling cases first: most mistakes are ruled out by one of them.
        if mistake.weighs or not telling or not _all_agree(known, telling, outcomes):
            continue
        if not _same_fault(known, telling, seen):
            continue
        agreed = [i for i, outcome in enumerate(outcomes) if known.agrees(i, outcome)]
        shared = sum(i in agreed for i in wrong)
        # A note gives the points, so there the likeness has to be complete.
        least = len(wrong) if mistake.severity == "note" else 0.8 * len(wrong)
        if shared >= least and (best is None or len(agreed) > best[0]):
            best = len(agreed), mistake
    return best[1] if best else None


def _same_fault(known: Known, numbers: list[int], seen: list[Observation]) -> bool:
    """Where nothing but errors speaks for a mistake, they have to be the same error."""
    faults = [(known.seen[i].fault, seen[i].fault) for i in numbers]
    messages = [(a.message, b.message) for a, b in faults if a and b]
    return len(messages) < len(faults) or any(a == b for a, b in messages)


def _all_agree(known: Known, numbers: list[int], outcomes: list[Outcome]) -> bool:
    return all(known.agrees(i, outcomes[i]) for i in numbers)


def _shown(
    key: Key, outcomes: list[Outcome], findings: list[Finding | None], mistake: Mistake
) -> Finding | None:
    """The failing case to be shown beside a mistake: the smallest that shows it and no other.

    Where its numbers are too many to print, the smallest printable one on which the mistake does
    the same: whoever reads a verdict wants to recompute it.
    """
    number = next(i for i, known in enumerate(key.mistakes) if known.mistake is mistake)
    wrong = [i for i, f in enumerate(findings) if f]
    alike = [i for i in wrong if key.mistakes[number].agrees(i, outcomes[i])]
    telling = [i for i in key.telling[number] if findings[i]]
    small = [i for i in (*telling, *alike) if printable(key.cases[i])]
    return findings[(key.foremost(small) or telling or wrong)[0]]


def printable(case: Case) -> bool:
    """Whether the inputs of a case are few enough numbers to be printed one by one."""
    arrays = [v for v in case.inputs.values() if isinstance(v, np.ndarray)]
    return sum(array.size for array in arrays) <= MOST_SHOWN


# ---------------------------------------------------------------- right, and yet worth a word


def _memory_notes(key: Key, seen: list[Observation]) -> list[str]:
    """The notes on memory that an answer deserves; only a right answer is weighed."""
    weighing = [known for known in key.mistakes if known.mistake.weighs]
    return [k.mistake.sentence for k in weighing if _weighs_like(key, seen, k.seen)]


def _notes(key: Key, seen: list[Observation]) -> tuple[str, ...]:
    notes = []
    modified = sorted({name for o in seen for name in o.modified})
    if modified:
        names = " and ".join(modified)
        notes.append(f"Your answer changes {names} in place. Whoever called it may need it again.")
    if any(_other_container(key, o) for o in seen):
        notes.append("Your answer returns a tensor where the inputs are NumPy arrays.")
    return tuple(notes)


def _other_container(key: Key, seen: Observation) -> bool:
    numpy_in = key.exercise.kind.backend == "numpy"
    return numpy_in and any("tensor" in value.type for value in seen.values.values())


def _weighs_like(key: Key, seen: list[Observation], does: list[Observation]) -> bool:
    """Whether the memory taken is nearer, as a ratio, to the mistake's than to the reference's."""
    weighed = [i for i, o in enumerate(seen) if o.peak and does[i].peak and key.peaks[i]]
    return bool(weighed) and all(seen[i].peak ** 2 > does[i].peak * key.peaks[i] for i in weighed)
