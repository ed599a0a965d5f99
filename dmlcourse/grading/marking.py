"""From one submission to its marks: read, lay against the release, run in the jail, judge."""

from __future__ import annotations

import ast
import functools
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..checks import render
from ..checks.judging import ERROR, NOT_ATTEMPTED, Key, Verdict, judge
from ..exercises import Exercise, find
from ..observing import Observation
from .jail import Jail, Limits
from .notebook import Cell, Unreadable, read_cells
from .plan import plan
from .release import Release, held
from .running import Running
from .submission import Submission, visible

LONGEST, MOST_TEXTS = 600, 60


@dataclass(frozen=True)
class Config:
    """All that a grade depends on, besides the submission: plain data that can be pickled."""

    releases: tuple[Release, ...]
    seed: int
    limits: Limits = field(default_factory=Limits)
    caged: bool = True

    @property
    def exercises(self) -> list[Exercise]:
        return [find(number) for release in self.releases for number in release.numbers]

    @property
    def max_score(self) -> int:
        return sum(exercise.points for exercise in self.exercises)


@dataclass(frozen=True)
class Mark:
    """What one exercise earned, and the sentences of its verdict."""

    exercise: str
    points: int
    max_points: int
    outcome: str
    mistake: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Graded:
    """One student's marks. ``failure`` says why grading itself failed: then there are none."""

    student: str
    marks: tuple[Mark, ...] = ()
    remarks: tuple[str, ...] = ()
    failure: str = ""

    @property
    def score(self) -> int:
        return sum(mark.points for mark in self.marks)

    def as_tree(self) -> dict[str, Any]:
        return {**asdict(self), "score": self.score}


def grade_one(submission: Submission, config: Config) -> Graded:
    """The marks of one submission: depends on nothing but its arguments, and does not raise."""
    remarks = list(submission.remarks)
    marks: list[Mark] = []
    failure = ""
    try:
        notebooks = _pick(submission, config, remarks)
        for release in config.releases:
            marks += _grade_notebook(release, notebooks.get(release.name), config, remarks)
    except Exception as error:
        # One submission must not end the grading of the others.
        marks, failure = [], f"Grading failed. {type(error).__name__}: {error}"
    return Graded(submission.student, tuple(marks), _clean(remarks), "".join(_clean([failure])))


def _pick(
    submission: Submission, config: Config, remarks: list[str]
) -> dict[str, tuple[Cell, ...]]:
    """The notebook to grade for each release, by the release's name."""
    found: dict[str, tuple[Cell, ...]] = {}
    chosen: dict[str, str] = {}
    strangers: list[str] = []
    # The file that bears the release's own name goes before others.
    names = {release.name for release in config.releases}
    for path in sorted(submission.notebooks, key=lambda path: path.name not in names):
        try:
            cells = read_cells(path)
        except Unreadable as problem:
            remarks.append(f"{path.name}: {problem}")
            continue
        release = held(cells, config.releases)
        if release is None:
            wanted = " or ".join(sorted(names))
            strangers.append(f"{path.name}: it holds no answer cell of {wanted}. Wrong notebook?")
        elif release.name in found:
            remarks.append(f"{path.name} was left out: {chosen[release.name]} was graded.")
        else:
            found[release.name], chosen[release.name] = cells, path.name
    if not found:
        # Beside the right notebook others are no mistake: whoever hands in work/ hands in them all.
        remarks += strangers
    return found


def _grade_notebook(
    release: Release, cells: tuple[Cell, ...] | None, config: Config, remarks: list[str]
) -> list[Mark]:
    keys = {number: key_of(number, config.seed) for number in release.numbers}
    if cells is None:
        remarks.append(f"Nothing to grade for {release.name}.")
        return [_mark(Verdict(key.exercise, NOT_ATTEMPTED)) for key in keys.values()]
    planned = plan(release, cells)
    jail = _jail(modules_of(config.releases), config)
    running = Running(planned, keys, jail, config.seed)
    remarks += [*planned.remarks, *running.remarks]
    verdicts = [_judge(key, running.observations.get(n, [])) for n, key in keys.items()]
    return [_mark(verdict) for verdict in _mind_needs(verdicts)]


@functools.lru_cache(maxsize=256)
def key_of(number: str, seed: int) -> Key:
    """The hidden cases of an exercise and what is right, worked out once in a process.

    Memory is weighed on the way, which other threads would disturb: call it before they start.
    """
    key = Key(find(number), seed=seed)
    _ = key.telling, key.peaks
    return key


def _judge(key: Key, observations: list[Observation]) -> Verdict:
    try:
        return judge(key, observations)
    except Exception as error:
        # What came back is hostile: whatever it does to the judge, it earns nothing.
        note = f"What your answer returned cannot be judged ({type(error).__name__})."
        return Verdict(key.exercise, ERROR, notes=(note,))


def _mind_needs(verdicts: list[Verdict]) -> list[Verdict]:
    """Say of failing answers which failing answer they call."""
    failing = {v.exercise.number for v in verdicts if v.earned < v.exercise.points}
    return [_mind_need(verdict, failing) for verdict in verdicts]


def _mind_need(verdict: Verdict, failing: set[str]) -> Verdict:
    first = sorted(failing & set(verdict.exercise.needs))
    if not first or verdict.exercise.number not in failing:
        return verdict
    note = f"It calls your answer to {' and '.join(first)}: first mend that."
    return replace(verdict, notes=(*verdict.notes, note))


def _mark(verdict: Verdict) -> Mark:
    exercise = verdict.exercise
    sentences = render.lines(verdict)
    if verdict.outcome == NOT_ATTEMPTED:
        # What follows tells a learner how to go on.
        sentences = sentences[:1]
    mistake = verdict.mistake.name if verdict.mistake else ""
    points = exercise.number, verdict.earned, exercise.points
    return Mark(*points, verdict.outcome, mistake, _clean(sentences))


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts that every file and screen takes: on one line, not long, not many."""
    return tuple(visible(" ".join(text[:LONGEST].split())) for text in list(texts)[:MOST_TEXTS])


def modules_of(releases: Iterable[Release]) -> tuple[str, ...]:
    """What to load before the first submission: what given cells import, torch if it is needed."""
    found: set[str] = set()
    for release in releases:
        if any(find(number).kind.backend == "torch" for number in release.numbers):
            found.add("torch")
        for cell in release.cells:
            if cell.role == "given" and cell.is_code:
                found |= _imports(cell.source)
    return tuple(sorted(name for name in found if name.split(".")[0] != "dmlcourse"))


def _imports(source: str) -> set[str]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    found: set[str] = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


_thread = threading.local()


def _jail(modules: tuple[str, ...], config: Config) -> Jail:
    """This thread's jail; it ends with the thread."""
    wanted = modules, config.limits, config.caged
    if getattr(_thread, "wanted", None) != wanted:
        _thread.jail = Jail(*wanted)
        _thread.wanted = wanted
    return _thread.jail
