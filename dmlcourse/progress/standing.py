"""How a learner stands, worked out from the record alone.

Time at work is the sum of the gaps between one line of the record and the next, each counted up to
ten minutes and credited to what the later line is about. It is an estimate: reading that ends in
no check, hint or prediction leaves no line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from ..exercises import Exercise
from .record import CONFIDENCE, PASSED, Entry, moment

DONE, TRIED, NOT_BEGUN = "done", "tried", "not begun"
LONGEST_GAP = 600
# Failed attempts after which somebody is stuck: with one and the same mistake, or of any kind.
SAME_MISTAKE, ANY_KIND = 3, 5


@dataclass
class Standing:
    """How a learner stands in one exercise.

    attempts     all real ones, those after the first pass too.
    to_pass      the number of the attempt that was the first to pass; 0 as long as none did.
    hints        how many were taken; seconds, the time at work.
    mistake      the last mistake named before the first pass, or None.
    failures     how often each named mistake was made before the first pass; None counts those
                 without a name.
    """

    exercise: Exercise
    attempts: int = 0
    to_pass: int = 0
    hints: int = 0
    seconds: float = 0.0
    mistake: str | None = None
    failures: Counter[str | None] = field(default_factory=Counter)

    @property
    def state(self) -> str:
        """Done, tried (an attempt or a hint), or not begun."""
        if self.to_pass:
            return DONE
        return TRIED if self.attempts or self.hints else NOT_BEGUN

    @property
    def repeated(self) -> int:
        """How often the last mistake named was made."""
        return self.failures[self.mistake] if self.mistake else 0

    @property
    def is_stuck(self) -> bool:
        """Whether it is not done after many attempts, or after several with one mistake."""
        many = self.repeated >= SAME_MISTAKE or self.failures.total() >= ANY_KIND
        return many and not self.to_pass

    def add(self, entry: Entry) -> None:
        """Count one attempt or hint."""
        if entry["kind"] == "hint":
            self.hints += 1
            return
        self.attempts += 1
        if self.to_pass:
            return
        if entry["outcome"] == PASSED:
            self.to_pass = self.attempts
        else:
            self.failures[entry["mistake"]] += 1
            self.mistake = entry["mistake"] or self.mistake


@dataclass(frozen=True)
class Chapter:
    """The exercises of a chapter, and the time at work in it, predictions included."""

    number: str
    standings: tuple[Standing, ...]
    seconds: float

    @property
    def done(self) -> int:
        """How many exercises are done."""
        return sum(s.state == DONE for s in self.standings)

    @property
    def earned(self) -> int:
        """The points of the exercises that are done."""
        return sum(s.exercise.points for s in self.standings if s.state == DONE)

    @property
    def points(self) -> int:
        """The points of all exercises."""
        return sum(s.exercise.points for s in self.standings)


@dataclass(frozen=True)
class Calibration:
    """For each level of confidence that occurs how many predictions were right, of how many.

    ``surprises`` are the keys ("02.rank") of those that were sure and wrong.
    """

    levels: tuple[tuple[str, int, int], ...] = ()
    surprises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How a learner stands in the whole course."""

    chapters: tuple[Chapter, ...]
    seconds: float
    calibration: Calibration
    entries: int

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Those of all exercises, in the order of the course."""
        return tuple(s for chapter in self.chapters for s in chapter.standings)

    @property
    def next(self) -> Standing | None:
        """The first exercise of the course that is not done."""
        return next((s for s in self.standings if s.state != DONE), None)

    @property
    def stuck(self) -> tuple[Standing, ...]:
        """The exercises in which the learner is stuck; whoever skips ahead is stuck ahead."""
        return tuple(s for s in self.standings if s.is_stuck)


def standing(entries: Iterable[Entry], exercises: Sequence[Exercise]) -> Progress:
    """How the learner of a record stands in these exercises.

    ``entries`` are those that ``record.known`` returns, ``exercises`` in the order of the course.
    Entries about an exercise that is not there count as time only.
    """
    entries = list(entries)
    standings = {exercise.number: Standing(exercise) for exercise in exercises}
    in_chapter: defaultdict[str, float] = defaultdict(float)
    for entry, seconds in zip(entries, gaps(entries), strict=True):
        in_chapter[chapter_of(entry)] += seconds
        if one := standings.get(entry.get("number", "")):
            one.seconds += seconds
            one.add(entry)
    return Progress(
        _chapters(standings.values(), in_chapter),
        sum(in_chapter.values()),
        calibration(entries),
        len(entries),
    )


def gaps(entries: Iterable[Entry]) -> list[float]:
    """The seconds at work before each entry: since the one before, between 0 and ten minutes.

    The first has none, nor one whose time is unknown, nor one that is set before its forerunner.
    """
    found: list[float] = []
    before: float | None = None
    for entry in entries:
        now = moment(entry["at"])
        if now is None or before is None:
            found.append(0.0)
        else:
            found.append(min(max(now - before, 0.0), LONGEST_GAP))
        before = before if now is None else now
    return found


def chapter_of(entry: Entry) -> str:
    """The chapter that an entry is about."""
    return str(entry.get("number") or entry.get("key")).partition(".")[0]


def calibration(entries: Iterable[Entry]) -> Calibration:
    """How well the feeling of being sure served. Each question counts as first answered."""
    made = first_answers(entries)
    levels = []
    for level in CONFIDENCE:
        right = [entry["correct"] for entry in made if entry["confidence"] == level]
        levels += [(level, sum(right), len(right))] if right else []
    return Calibration(tuple(levels), tuple(e["key"] for e in made if is_surprise(e)))


def first_answers(entries: Iterable[Entry]) -> list[Entry]:
    """The predictions, one for each question: the one that was made first."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry["kind"] == "prediction":
            first.setdefault(entry["key"], entry)
    return list(first.values())


def is_surprise(prediction: Entry) -> bool:
    """Whether a prediction was sure and wrong."""
    return prediction["confidence"] == CONFIDENCE[-1] and not prediction["correct"]


def _chapters(standings: Iterable[Standing], seconds: Mapping[str, float]) -> tuple[Chapter, ...]:
    parts = groupby(standings, key=lambda s: s.exercise.number.partition(".")[0])
    return tuple(Chapter(number, tuple(part), seconds.get(number, 0.0)) for number, part in parts)
