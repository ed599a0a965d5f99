"""No submission earns a point that it did not earn, and none costs another anything."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib import Parallel, delayed
from nbformat import NotebookNode
from notebooks import FULL, NAME, RIGHT, Book
from tamper_corpus import CORPUS, ESCAPES, Attack, escape

from dmlcourse.grading import jailed
from dmlcourse.grading.marking import Config, Graded, grade_one, key_of
from dmlcourse.grading.submission import Submission

pytestmark = pytest.mark.jail
OUTSIDE = [attack for attack in ESCAPES if attack.outside]
EVERY = 8


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory, release_folder: Path, released: NotebookNode
) -> Iterator[dict[str, object]]:
    """What the attacks are after: files, a port and a socket that are really there."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "home").write_text("private")
    name = f"dmlcourse-{os.getpid()}"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(f"\0{name}")
        unix.listen()
        yield {
            "@port@": tcp.getsockname()[1],
            "@socket@": name,
            "@home@": str(folder / "home"),
            "@release@": str(release_folder / NAME),
            "@submission@": str(Book(released).solve().save(folder / "other" / NAME)),
            "@course@": str(jailed.ROOMS / "exercises" / "ch02.py"),
        }


class Workshop:
    """Makes a submission of an attack and grades it."""

    def __init__(self, released: NotebookNode, places: dict[str, object], folder: Path) -> None:
        self.released, self.places, self.folder = released, places, folder

    def submission(self, attack: Attack, name: str) -> Submission:
        book = Book(self.released)
        attack.make(book)
        for cell in book.cells:
            for word, place in self.places.items():
                cell["source"] = cell["source"].replace(word, repr(place))
        return Submission(name, [book.save(self.folder / name / NAME)])


@pytest.fixture(scope="module")
def workshop(
    released: NotebookNode, places: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Workshop:
    return Workshop(released, places, tmp_path_factory.mktemp("tamper"))


@pytest.fixture(scope="module")
def graded(workshop: Workshop, config: Config, jailed: None) -> dict[str, Graded]:
    """The whole corpus, graded in two threads, an honest submission after every eighth."""
    os.environ["DMLCOURSE_TAMPER_SECRET"] = "seed"
    for exercise in config.exercises:
        key_of(exercise.number, config.seed)
    honest = Attack("honest", FULL, lambda book: book.solve())
    attacks: list[Submission] = []
    for place, attack in enumerate(CORPUS):
        attacks.append(workshop.submission(attack, attack.name.replace("/", "_")))
        if place % EVERY == EVERY - 1:
            attacks.append(workshop.submission(honest, f"honest {place}"))
    done = Parallel(n_jobs=2, prefer="threads")(delayed(grade_one)(a, config) for a in attacks)
    return {one.student: one for one in done}


@pytest.mark.parametrize("attack", CORPUS, ids=str)
def test_score_is_what_was_earned(attack: Attack, graded: dict[str, Graded]) -> None:
    one = graded[attack.name.replace("/", "_")]
    assert not one.failure
    assert one.score == attack.deserves, one


def test_honest_submissions_between_them_lose_nothing(graded: dict[str, Graded]) -> None:
    honest = [one for name, one in graded.items() if name.startswith("honest")]
    assert len(honest) == len(CORPUS) // EVERY
    assert [one.score for one in honest] == [FULL] * len(honest)


def test_an_escape_that_succeeds_would_show(
    workshop: Workshop, config: Config, jailed: None
) -> None:
    attack = escape("no obstacle", "pass")
    assert grade_one(workshop.submission(attack, attack.name), config).score == FULL


@pytest.mark.parametrize("attack", OUTSIDE, ids=str)
def test_without_a_jail_it_succeeds(attack: Attack, workshop: Workshop, config: Config) -> None:
    """Proof that the corpus holds real attempts, and that the jail is what stops them."""
    outside = Config(config.releases, config.seed, config.limits, caged=False)
    submission = workshop.submission(attack, f"{attack.name} outside")
    assert grade_one(submission, outside).score == FULL


def test_the_corpus_is_large() -> None:
    names = [attack.name for attack in CORPUS]
    assert len(set(names)) == len(names) >= 25 * 2
    assert set(RIGHT)
