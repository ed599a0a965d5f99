"""``dmlcourse grade``: the main job, from a folder of submissions to a folder of grades."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from notebooks import FULL, NAME, SEED, Book

from dmlcourse.errors import UserError
from dmlcourse.grading import command, jail
from dmlcourse.grading.command import grade

CHECKER = """
import sys
import dmlcourse.checks
dmlcourse.checks.check = check = lambda *_: print("passed (3 points)")
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith("dmlcourse"):
        for name in ("judge", "observe", "equal"):
            setattr(module, name, lambda *_, **__: True)
"""


@pytest.fixture(scope="module")
def handed_in(released: NotebookNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handed_in")

    def book() -> Book:
        return Book(released)

    book().solve().save(folder / "perfect" / NAME)
    book().solve("02.1", "02.2").save(folder / "half" / NAME)
    helped = book().solve().add("def root(x):\n    return np.sqrt(x)", behind="text-02-1")
    helped.answer(
        "02.1",
        """
        def mahalanobis(X, Y, M):
            D = X[:, None] - Y[None]
            return root(np.maximum(((D @ M) * D).sum(axis=-1), 0))
        """,
    ).save(folder / "helper.ipynb")
    broken = book().solve().save(folder / "broken" / NAME)
    broken.write_text(broken.read_text()[:3000])
    loop = book().solve().answer("02.2", "def factor(M):\n    while True: pass")
    loop.save(folder / "loop" / NAME)
    book().add(CHECKER, behind="given-imports").save(folder / "patched" / NAME)
    (folder / "list.csv").write_text("ada")
    return folder


@pytest.fixture(scope="module")
def graded(
    handed_in: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory, jailed: None
) -> Path:
    out = tmp_path_factory.mktemp("out") / "grades"
    assert grade(handed_in, out, release=release_folder, seed=SEED) == 0
    return out


@pytest.fixture
def run(release_folder: Path, tmp_path: Path) -> Callable[..., int]:
    def run(submissions: Path, **options: object) -> int:
        return grade(
            submissions, tmp_path / "out", **{"release": release_folder, "seed": SEED, **options}
        )

    return run


@pytest.mark.jail
class TestGrades:
    def test_are_right_for_all(self, graded: Path) -> None:
        with open(graded / "grades.csv", newline="", encoding="utf-8") as file:
            rows = {row["student_id"]: row for row in csv.DictReader(file)}
        assert {name: int(row["score"]) for name, row in rows.items()} == {
            "perfect": FULL,
            "half": 6,
            "helper": FULL,
            "broken": 0,
            "loop": FULL - 3,
            "patched": 0,
        }
        assert {row["max_score"] for row in rows.values()} == {str(FULL)}
        assert "saved half-way" in rows["broken"]["remarks"]

    def test_come_with_a_page_for_each_and_one_for_all(self, graded: Path) -> None:
        pages = {path.stem for path in (graded / "students").iterdir()}
        assert pages == {"perfect", "half", "helper", "broken", "loop", "patched"}
        assert (graded / "index.html").exists()

    def test_can_be_traced(self, graded: Path) -> None:
        record = json.loads((graded / "results.json").read_text(encoding="utf-8"))
        assert record["seed"] == SEED
        assert record["releases"] == [NAME]
        assert record["limits"]["case"] == 5
        assert "system-call filter" in record["jail"]

    def test_are_the_same_for_the_same_seed(
        self, released: NotebookNode, run: Callable[..., int], tmp_path: Path
    ) -> None:
        Book(released).solve("02.1").save(tmp_path / "in" / "ada" / NAME)
        run(tmp_path / "in", jobs=1)
        first = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
        run(tmp_path / "in")
        assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == first

    def test_are_summed_up(
        self, run: Callable[..., int], handed_in: Path, tmp_path, capsys
    ) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "half").symlink_to(handed_in / "half")
        (tmp_path / "in" / "list.csv").touch()
        run(tmp_path / "in")
        shown = capsys.readouterr().out
        assert "1 submission, 14 points, seed 11" in shown
        assert "02.1 Mahalanobis distance: 1 not attempted" in shown
        assert "Left out: list.csv" in shown

    def test_draw_a_seed_of_their_own(self, run, tmp_path: Path, monkeypatch) -> None:
        (tmp_path / "in" / "ada").mkdir(parents=True)
        monkeypatch.setattr(command, "key_of", lambda *_: None)
        monkeypatch.setattr(command, "grade_one", lambda *_: command.Graded("ada"))
        seeds = set()
        for _ in range(2):
            run(tmp_path / "in", seed=None)
            seeds.add(json.loads((tmp_path / "out" / "results.json").read_text())["seed"])
        assert len(seeds) == 2

    def test_that_failed_show_in_the_status(self, run, tmp_path, monkeypatch, capsys) -> None:
        (tmp_path / "in" / "ada").mkdir(parents=True)
        failed = command.Graded("ada", failure="The jail failed.")
        monkeypatch.setattr(command, "grade_one", lambda *_: failed)
        assert run(tmp_path / "in") == 1
        assert "NOT GRADED: ada: The jail failed." in capsys.readouterr().out


@pytest.mark.jail
def test_the_courses_own_solutions_earn_everything_and_its_exercises_nothing(
    jailed: None, tmp_path: Path
) -> None:
    course = Path(__file__).parents[2]
    for release in sorted((course / "exercises").glob("*.ipynb")):
        for folder in ("exercises", "solutions"):
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
            copy = (course / folder / release.name).read_bytes()
            (tmp_path / "in" / folder / release.name).write_bytes(copy)
    assert grade(tmp_path / "in", tmp_path / "out", release=course / "exercises", seed=SEED) == 0
    with open(tmp_path / "out" / "grades.csv", newline="", encoding="utf-8") as file:
        untouched, solved = csv.DictReader(file)
    assert (untouched["score"], untouched["remarks"]) == ("0", "")
    assert (solved["score"], solved["remarks"]) == (solved["max_score"], "")


class TestChapters:
    """Without a release named, one submission must not decide what all are graded on."""

    @pytest.fixture
    def course(self, released: NotebookNode, tmp_path: Path, monkeypatch) -> Path:
        Book(released).save(tmp_path / "exercises" / NAME)
        other = Book(released)
        other.cells[:] = [cell for cell in other.cells if cell["id"].endswith("02-1")]
        for cell in other.cells:
            cell["id"] = f"other-{cell['id']}"
        other.save(tmp_path / "exercises" / "01_other.ipynb")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.jail
    def test_the_one_that_most_hand_in_is_graded(self, course: Path, jailed: None) -> None:
        for student, name in (("ada", NAME), ("bo", NAME), ("cy", "01_other.ipynb")):
            path = course / "in" / student / name
            path.parent.mkdir(parents=True)
            path.write_bytes((course / "exercises" / name).read_bytes())
        assert grade(course / "in", course / "out", seed=SEED) == 0
        record = json.loads((course / "out" / "results.json").read_text())
        assert record["releases"] == [NAME]


class TestRefuses:
    def test_without_a_jail(self, run, handed_in: Path, monkeypatch) -> None:
        monkeypatch.setattr(jail, "available", lambda: (False, "no namespaces"))
        with pytest.raises(UserError, match=r"nothing was run: no namespaces.*--no-jail"):
            run(handed_in)

    def test_but_obeys_and_says_so(self, run, released, tmp_path, monkeypatch, capsys) -> None:
        monkeypatch.setattr(jail, "available", lambda: (False, "no namespaces"))
        Book(released).solve().save(tmp_path / "in" / "ada.ipynb")
        assert run(tmp_path / "in", jail=False) == 0
        assert "Jail: none: submissions ran without protection" in capsys.readouterr().out
        record = json.loads((tmp_path / "out" / "results.json").read_text())
        assert record["jail"].startswith("none")
        assert record["students"][0]["score"] == FULL

    def test_reports_among_the_submissions(self, handed_in: Path, release_folder: Path) -> None:
        with pytest.raises(UserError, match="would be taken for one"):
            grade(handed_in, handed_in / "grades", release=release_folder)

    def test_reports_in_place_of_a_file(self, handed_in: Path, release_folder: Path) -> None:
        with pytest.raises(UserError, match="is a file"):
            grade(handed_in, release_folder / NAME, release=release_folder)

    @pytest.mark.parametrize("option", ["seed", "jobs"])
    def test_numbers_below_what_makes_sense(self, option: str, run, handed_in: Path) -> None:
        with pytest.raises(UserError, match=f"--{option} is -1"):
            run(handed_in, **{option: -1})

    def test_an_empty_folder_before_anything_else(self, run, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        with pytest.raises(UserError, match="holds no submission"):
            run(tmp_path / "in")
        assert not (tmp_path / "out").exists()
