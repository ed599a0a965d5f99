"""``dmlcourse grade``: a folder of submissions in, a folder of grades out."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UserError
from . import jail as jails
from .marking import Config, Graded, grade_one, key_of
from .notebook import Unreadable, read_cells
from .release import Release, held, read_releases
from .reports import write_all
from .submission import Submission, find_submissions, visible


def grade(
    submissions: Path,
    out: Path,
    release: Path | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    jail: bool = True,
) -> int:
    """Grade a folder of submissions and write the reports to ``out``; the exit status.

    ``release`` is the folder or the notebook that was handed out; without it the course's own
    exercises, and of those the one chapter that most submissions hold. ``seed`` fixes the hidden
    inputs, which are fresh otherwise. Status 1 says that some submission could not be graded.

    Raises:
        UserError: no submissions, no release, no jail (unless ``jail`` is False), a bad place or
            number among the arguments.
    """
    handed_in, others = find_submissions(submissions)
    _check_arguments(submissions, out, seed, jobs)
    how = _protection(jail)
    seed = secrets.randbits(63) if seed is None else seed
    config = Config(_releases(release, handed_in), seed, caged=jail)
    for exercise in config.exercises:
        key_of(exercise.number, seed)
    graded = _grade_all(handed_in, config, jobs)
    write_all(out, graded, config, _audit(config, how))
    _summarise(graded, config, how, others, out)
    return 1 if any(one.failure for one in graded) else 0


def _check_arguments(submissions: Path, out: Path, seed: int | None, jobs: int | None) -> None:
    if seed is not None and seed < 0:
        raise UserError(f"--seed is {seed}; expected a whole number of 0 or more.")
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs is {jobs}; expected 1 or more.")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file. --out takes a folder; it is made if it is not there.")
    if out.resolve().is_relative_to(submissions.resolve()):
        raise UserError(
            f"{out} lies in the folder of submissions, where it would be taken for one. "
            "Choose another place for --out."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made ({error.strerror}). Choose another --out.") from None
    if not os.access(out, os.W_OK):
        raise UserError(f"{out} cannot be written to. Choose another --out.")


def _protection(jail: bool) -> str:
    if jail:
        there, detail = jails.available()
        if there:
            return detail
        raise UserError(
            f"No jail, so nothing was run: {detail}. Submissions are programs, and without a jail "
            "they can read and change all that you can; --no-jail runs them all the same."
        )
    if not hasattr(os, "fork"):
        raise UserError(f"Grading needs Linux or macOS; {jails.REMEDY_ELSEWHERE}.")
    return "none: submissions ran without protection (--no-jail)"


def _releases(place: Path | None, handed_in: Sequence[Submission]) -> tuple[Release, ...]:
    """What to grade. One submission must not decide for all, so a chapter is chosen by most."""
    releases = read_releases(place)
    if place is not None or len(releases) == 1:
        return releases
    held_by = Counter(r.name for one in handed_in for r in set(_held(one, releases)))
    if not held_by:
        return releases
    most = max(held_by.values())
    chosen = next(r for r in releases if held_by[r.name] == most)
    print(f"Grading {chosen.name}, which {held_by[chosen.name]} of {len(handed_in)} handed in.")
    others = sorted(set(held_by) - {chosen.name})
    if others:
        print(
            f"Handed in too: {', '.join(others)}. Grade each in a run of its own, with --release."
        )
    return (chosen,)


def _held(submission: Submission, releases: tuple[Release, ...]) -> Iterator[Release]:
    for path in submission.notebooks:
        try:
            release = held(read_cells(path), releases)
        except Unreadable:
            continue
        if release:
            yield release


def _grade_all(handed_in: Sequence[Submission], config: Config, jobs: int | None) -> list[Graded]:
    try:
        from joblib import Parallel, cpu_count, delayed
        from tqdm import tqdm
    except ImportError as error:
        raise UserError(
            f'Grading needs {error.name}. Run: python -m pip install "dmlcourse[grade]"'
        ) from None
    # Threads: the work is done in the jails, and a thread's jail ends with it.
    pool = Parallel(n_jobs=jobs or cpu_count(), prefer="threads", return_as="generator")
    graded = pool(delayed(grade_one)(one, config) for one in handed_in)
    bar = tqdm(graded, total=len(handed_in), desc="grading", unit="", file=sys.stderr, disable=None)
    return list(bar)


def _audit(config: Config, how: str) -> dict[str, Any]:
    return {
        "dmlcourse": __version__,
        "python": platform.python_version(),
        "seed": config.seed,
        "releases": [release.name for release in config.releases],
        "jail": how,
        "limits": asdict(config.limits),
    }


def _summarise(
    graded: Sequence[Graded], config: Config, how: str, others: Iterable[str], out: Path
) -> None:
    count = "1 submission" if len(graded) == 1 else f"{len(graded)} submissions"
    print(f"{count}, {config.max_score} points, seed {config.seed}")
    print(f"Jail: {how}")
    for exercise in config.exercises:
        marks = [m for one in graded for m in one.marks if m.exercise == exercise.number]
        outcomes = Counter(mark.outcome for mark in marks)
        told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        print(f"  {exercise.number} {exercise.title}: {told or 'nothing graded'}")
    for name in others:
        print(f"Left out: {visible(name)} (neither a folder nor a notebook)")
    for one in graded:
        if one.failure:
            print(f"NOT GRADED: {visible(one.student)}: {one.failure}")
    print(f"Written: {out / 'grades.csv'}, results.json, index.html, students/")
