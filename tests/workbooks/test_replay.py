"""A release in mid-course, with real git: pull, update, check, hand in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from toy_notebooks import (
    at,
    bare,
    exercise,
    files,
    ids,
    place,
    sources,
)

from dmlcourse.checks.notebook import check_notebook
from dmlcourse.grading.notebook import read_cells
from dmlcourse.grading.plan import Run, plan
from dmlcourse.grading.release import held, read_releases
from dmlcourse.grading.submission import find_submissions
from dmlcourse.workbooks import start, update
from dmlcourse.workbooks.notebook import read_notebook, written

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "02_mahalanobis.ipynb"


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Course", "-c", "user.email=course@example.org"]
    quiet = ["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(
        ["git", *who, *quiet, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


HELPER = "def my_helper(x):\n    return x"
KEPT = {
    "given-imports": "import numpy as np\nimport scipy\n\nfrom dmlcourse.checks import check, hint",
    "text-02-2": "My note: a factor is not unique.",
}
SOLVED = ("answer-02-1", "answer-02-2", "answer-02-5")


@pytest.fixture(scope="class")
def replay(tmp_path_factory):
    """A learner half-way, a new release, a pull and an update; then what there is."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    upstream, clone = (tmp_path_factory.mktemp(name) for name in ("upstream", "clone"))
    for folder in ("exercises", "chapters", "solutions"):
        (upstream / folder).mkdir()
        shutil.copy(REPOSITORY / folder / NAME, upstream / folder / NAME)
    shutil.copy(REPOSITORY / ".gitignore", upstream)
    git(upstream, "init", "--quiet")
    commit(upstream, "First release")
    git(clone, "clone", "--quiet", str(upstream), ".")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(clone)
        assert start(["02"]) == 0
        learn(clone)
        status = git(clone, "status", "--porcelain")
        release_again(upstream)
        git(clone, "pull", "--quiet", "--ff-only")
        before = read_notebook(clone / "work" / NAME)
        assert update() == 0
        yield clone, status, before


def learn(clone: Path) -> None:
    """Half of the answers, a helper, a changed given cell, notes in the text."""
    path = clone / "work" / NAME
    mine, right = read_notebook(path), read_notebook(REPOSITORY / "solutions" / NAME)
    for name in SOLVED:
        at(mine, name)["source"] = at(right, name)["source"]
    for name, source in KEPT.items():
        at(mine, name)["source"] = source
    mine["cells"].insert(place(mine, "answer-02-1"), bare(HELPER, name="0a1b2c3d"))
    path.write_bytes(written(mine))
    path = clone / "work" / "reading" / NAME
    mine = read_notebook(path)
    at(mine, "text-summary")["source"] += "\n\nMy own summary."
    path.write_bytes(written(mine))


def release_again(upstream: Path) -> None:
    """One exercise changed, one removed, one added, texts edited."""
    path = upstream / "exercises" / NAME
    new = read_notebook(path)
    at(new, "text-title")["source"] += "\n\nSecond edition."
    at(new, "given-imports")["source"] += "\n\nSECOND = 2"
    at(new, "text-02-1")["source"] += "\n\nMind the root."
    at(new, "answer-02-1")["source"] += "\n    # and the root"
    at(new, "answer-02-3")["source"] += "\n    # symmetrise first"
    new["cells"] = [c for c in new["cells"] if not c["id"].endswith("-02-5")]
    behind = place(new, "check-02-2") + 1
    new["cells"][behind:behind] = exercise("02.6", "A new one.", "def sixth(x):\n    ...")
    path.write_bytes(written(new))
    path = upstream / "chapters" / NAME
    new = read_notebook(path)
    at(new, "text-title")["source"] += "\n\nSecond edition."
    path.write_bytes(written(new))
    commit(upstream, "Second release")


class TestReleaseInMidCourse:
    def test_git_sees_nothing_of_the_learners_work(self, replay) -> None:
        clone, status, _ = replay
        assert status == ""
        assert git(clone, "status", "--porcelain") == ""
        assert git(clone, "log", "-1", "--format=%s") == "Second release\n"

    def test_every_character_of_the_learner_is_there(self, replay) -> None:
        clone, _, before = replay
        after = read_notebook(clone / "work" / NAME)
        for name in SOLVED:
            assert at(after, name)["source"] == at(before, name)["source"]
        assert {HELPER, *KEPT.values()} <= set(sources(after))
        read = read_notebook(clone / "work" / "reading" / NAME)
        assert at(read, "text-summary")["source"].endswith("\n\nMy own summary.")

    def test_the_new_release_is_there_in_its_order(self, replay) -> None:
        clone, _, _ = replay
        new, after = (read_notebook(clone / f / NAME) for f in ("exercises", "work"))
        assert [name for name in ids(after) if name in ids(new)] == ids(new)
        for name in ("text-title", "given-imports", "text-02-1", "answer-02-3", "answer-02-6"):
            assert at(after, name)["source"] == at(new, name)["source"]
        nbformat.validate(nbformat.read(clone / "work" / NAME, as_version=4))

    def test_what_belongs_together_stands_together(self, replay) -> None:
        after = read_notebook(replay[0] / "work" / NAME)
        where = place(after, "answer-02-1")
        assert sources(after)[where - 1] == HELPER
        assert "# and the root" in sources(after)[where + 1]
        assert sources(after)[place(after, "given-imports") + 1] == KEPT["given-imports"]
        assert place(after, "answer-02-5") == place(after, "check-02-4") + 1

    def test_a_second_update_does_nothing(self, replay) -> None:
        before = files(replay[0])
        assert update() == 0
        assert files(replay[0]) == before

    def test_the_check_works_on_the_learners_file(self, replay, capsys) -> None:
        assert check_notebook(replay[0] / "work" / NAME) == 1
        said = capsys.readouterr().out
        assert said.count(": passed (") == 3
        assert said.endswith("\n3 of 5 exercises passed.\n")

    def test_the_grader_runs_the_learners_file(self, replay) -> None:
        """The first release, before exercise 02.6, which only this test's course has."""
        (first_release,) = read_releases(REPOSITORY / "exercises" / NAME)
        (submission,), _ = find_submissions(handed_in(replay[0]))
        found = [read_cells(path) for path in submission.notebooks]
        assert [held(cells, [first_release]) for cells in found] == [first_release, None]
        steps = plan(first_release, found[0])
        ran = {step.cell for step in steps.steps if isinstance(step, Run)}
        assert steps.missing == frozenset()
        assert set(SOLVED) <= ran
        assert HELPER in {step.source for step in steps.steps if isinstance(step, Run)}


def handed_in(clone: Path) -> Path:
    """The folder work/ as one student's submission."""
    folder = clone.parent / "hand-ins"
    shutil.copytree(clone / "work", folder / "student", dirs_exist_ok=True)
    return folder
