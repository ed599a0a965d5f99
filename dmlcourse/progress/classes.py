"""Where a class stands, worked out from the records that its learners handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..exercises import Exercise
from .questions import questions
from .record import Entry
from .standing import DONE, NOT_BEGUN, Progress, Standing, first_answers, is_surprise, standing
from .words import sentence_of

# A question shows from this many learners on, and only if a chapter asks it.
FEWEST = 2
MOST_TOPICS = 5


@dataclass(frozen=True)
class Row:
    """One exercise: how many of the class are through, and what the others do instead.

    ``mistakes`` counts the latest named mistake of those who tried and are not through, the most
    frequent first; only mistakes that the course knows. ``stuck`` are the learners' ids.
    """

    exercise: Exercise
    passed: int
    tried: int
    not_begun: int
    mistakes: tuple[tuple[str, int], ...]
    stuck: tuple[str, ...]

    @property
    def learners(self) -> int:
        """The size of the class."""
        return self.passed + self.tried + self.not_begun

    @property
    def others(self) -> int:
        """How many are not through."""
        return self.tried + self.not_begun

    @property
    def unnamed(self) -> int:
        """How many tried, are not through, and made no mistake that has a name."""
        return self.tried - sum(number for _, number in self.mistakes)


@dataclass(frozen=True)
class Topic:
    """One question: how many were sure and wrong, of how many who answered it."""

    key: str
    text: str
    wrong: int
    answered: int


@dataclass(frozen=True)
class Classroom:
    """The class: the exercises that somebody has begun, where most are stuck first.

    ``untouched`` is the number of the other exercises.
    """

    learners: int
    rows: tuple[Row, ...]
    untouched: int
    topics: tuple[Topic, ...]


def classroom(records: Mapping[str, Sequence[Entry]], exercises: Sequence[Exercise]) -> Classroom:
    """Where the class stands: a record for each learner's id, exercises in the course's order."""
    found = {name: standing(entries, exercises) for name, entries in records.items()}
    rows = [_row(i, exercise, found) for i, exercise in enumerate(exercises)]
    begun = [row for row in rows if row.not_begun < row.learners]
    # Sorting is stable: where as many are stuck, the course's order stays.
    begun.sort(key=lambda row: (-len(row.stuck), -row.tried))
    return Classroom(len(found), tuple(begun), len(rows) - len(begun), topics(records))


def _row(i: int, exercise: Exercise, found: Mapping[str, Progress]) -> Row:
    standings = {name: progress.standings[i] for name, progress in found.items()}
    states = Counter(one.state for one in standings.values())
    passed, not_begun = states[DONE], states[NOT_BEGUN]
    return Row(
        exercise,
        passed,
        len(standings) - passed - not_begun,
        not_begun,
        _mistakes(exercise, [s for s in standings.values() if s.state != DONE]),
        tuple(name for name, one in standings.items() if one.is_stuck),
    )


def _mistakes(exercise: Exercise, standings: Sequence[Standing]) -> tuple[tuple[str, int], ...]:
    latest = Counter(one.mistake for one in standings if one.mistake).most_common()
    return tuple((name, number) for name, number in latest if sentence_of(exercise, name))


def topics(records: Mapping[str, Sequence[Entry]]) -> tuple[Topic, ...]:
    """The questions on which most were sure and wrong; each learner's first answer counts."""
    answered: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for entries in records.values():
        made = first_answers(entries)
        answered.update(entry["key"] for entry in made)
        wrong.update(entry["key"] for entry in made if is_surprise(entry))
    ranked = sorted(wrong, key=lambda key: (-wrong[key], key))
    asked = questions()
    shown = [key for key in ranked if wrong[key] >= FEWEST and key in asked][:MOST_TOPICS]
    return tuple(Topic(key, asked[key], wrong[key], answered[key]) for key in shown)


def headline(row: Row) -> str:
    """One exercise in a sentence: "02.3: 41 of 60 passed; of the 19 others 11: absolute values"."""
    said = f"{row.exercise.number}: {row.passed} of {row.learners} passed"
    parts = [f"{number}: {name}" for name, number in row.mistakes]
    parts += [f"{row.unnamed}: no mistake with a name"] if row.unnamed else []
    parts += [f"{row.not_begun} not begun"] if row.not_begun else []
    others = "the other" if row.others == 1 else f"the {row.others} others"
    return f"{said}; of {others} {', '.join(parts)}" if parts else said


def topic_line(topic: Topic) -> str:
    """One question in a sentence."""
    chapter = topic.key.partition(".")[0]
    return f"Chapter {chapter}: {topic.wrong} of {topic.answered} sure and wrong: {topic.text}"
