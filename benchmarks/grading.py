"""How many submissions ``dmlcourse grade`` grades in a second.

    python benchmarks/grading.py [SUBMISSIONS]

Half of the submissions are the worked solutions, half the untouched exercises, of every chapter
that has both. Printed: one submission alone with a warm jail, all of them with one process at a
time and with one per core, and the largest process that took part.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from joblib import cpu_count

from dmlcourse.grading.command import grade
from dmlcourse.grading.jail import available
from dmlcourse.grading.marking import Config, grade_one, key_of
from dmlcourse.grading.release import course_exercises, read_releases
from dmlcourse.grading.submission import find_submissions

SUBMISSIONS = 60
WARM = 20


def main(submissions: int) -> None:
    there, detail = available()
    print(f"jail: {detail}")
    if not there:
        return
    exercises = course_exercises()
    for release in sorted(exercises.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            hand_in(release, Path(folder) / "in", submissions)
            print(f"{release.name}, {submissions} submissions")
            measure(release, Path(folder))
    for whose, name in ((resource.RUSAGE_SELF, "grader"), (resource.RUSAGE_CHILDREN, "jail")):
        megabytes = resource.getrusage(whose).ru_maxrss / 1024
        print(f"largest process of the {name}: {megabytes:.0f} MB")


def hand_in(release: Path, folder: Path, submissions: int) -> None:
    solution = release.parents[1] / "solutions" / release.name
    for number in range(submissions):
        target = folder / f"student-{number:03}" / release.name
        target.parent.mkdir(parents=True)
        target.write_bytes((release if number % 2 else solution).read_bytes())


def measure(release: Path, folder: Path) -> None:
    handed_in, _ = find_submissions(folder / "in")
    config = Config(read_releases(release), seed=1)
    with stopwatch("  what is right, worked out", 1):
        for exercise in config.exercises:
            key_of(exercise.number, config.seed)
    with stopwatch("  the first submission, from cold", 1):
        grade_one(handed_in[0], config)
    with stopwatch("  a perfect submission, warm", WARM):
        for _ in range(WARM):
            grade_one(handed_in[0], config)
    for jobs in sorted({1, cpu_count()}):
        quiet = contextlib.redirect_stdout(io.StringIO())
        with stopwatch(f"  all, {jobs} at a time", len(handed_in)), quiet:
            grade(folder / "in", folder / "out", release=release, seed=1, jobs=jobs)


@contextlib.contextmanager
def stopwatch(what: str, times: int) -> Iterator[None]:
    before = time.perf_counter()
    yield
    took = time.perf_counter() - before
    print(f"{what}: {took:.2f} s, {1000 * took / times:.0f} ms each, {times / took:.1f} a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SUBMISSIONS)
