"""A small course, and records made by hand: one entry a call, a minute apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dmlcourse.exercises import Exercise, Mistake, chapter
from dmlcourse.observing import Function

START = datetime(2025, 3, 1, 10, tzinfo=UTC)
SENTENCES = {"mirror": "A cone is <no> mirror.", "clipped": "You clipped the entries."}


def exercise(number: str, points: int = 3) -> Exercise:
    return Exercise(
        number=number,
        name="answer",
        title=f"Title & {number}",
        points=points,
        minutes=12,
        kind=Function(),
        statement="",
        skeleton="",
        hints=("one", "two"),
        cases=lambda rng, variant: [],
        reference=lambda variant: None,
        mistakes=lambda variant: tuple(Mistake(n, None, s) for n, s in SENTENCES.items()),
    )


class Record:
    """A record in the making. ``minutes`` is the time since the line before."""

    def __init__(self) -> None:
        self.now = START
        self.entries: list[dict[str, Any]] = []

    def add(self, kind: str, minutes: float = 1, **fields: Any) -> Record:
        self.now += timedelta(minutes=minutes)
        self.entries.append({"kind": kind, "at": self.now.isoformat(), **fields})
        return self

    def fails(self, number: str, mistake: str | None = None, minutes: float = 1) -> Record:
        return self.add("attempt", minutes, number=number, outcome="failed", mistake=mistake)

    def passes(self, number: str, minutes: float = 1) -> Record:
        return self.add("attempt", minutes, number=number, outcome="passed", mistake=None)

    def hint(self, number: str, minutes: float = 1) -> Record:
        return self.add("hint", minutes, number=number)

    def predicts(self, key: str, confidence: str, correct: bool, minutes: float = 1) -> Record:
        fields = {"key": key, "choice": "C", "confidence": confidence, "correct": correct}
        return self.add("prediction", minutes, **fields)


@pytest.fixture
def toy_course() -> list[Exercise]:
    return [exercise("01.1"), exercise("01.2", 2), exercise("02.1", 5)]


@pytest.fixture
def record() -> Callable[[], Record]:
    return Record


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path_factory):
    """Keep the record of the person who runs the tests out of it."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DMLCOURSE_HOME", str(folder))
    return folder


@pytest.fixture
def chapter_02(monkeypatch) -> tuple[Exercise, ...]:
    """A course of one real chapter, so that a new one changes no test."""
    listed = chapter("02")
    for module in ("command", "classroom", "words"):
        monkeypatch.setattr(f"dmlcourse.progress.{module}.course", lambda: list(listed))
    return listed


@pytest.fixture
def asked(monkeypatch) -> None:
    """Chapters that ask a question of each letter, and one about the rank."""
    texts = {f"02.{letter}": f"Why {letter}?" for letter in "uvwxyz"} | {"02.rank": "Which rank?"}
    monkeypatch.setattr("dmlcourse.progress.classes.questions", lambda: texts)
