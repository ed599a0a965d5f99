"""``dmlcourse pack``: what goes into an offline copy, and that a half-made one never looks whole.

Here pip is played by a function that writes the wheels it is asked for. That a copy installs and
runs without a network is proven for real by ``.ci/offline``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dmlcourse import bootstrap, pack
from dmlcourse.errors import UserError

REPOSITORY = Path(bootstrap.__file__).parents[1]
IGNORE = (
    "# what is not the course\n.venv/\n__pycache__/\n*.egg-info/\nwork/\nbuild/\ngradebook.db\n"
)
PROJECT = '[build-system]\nrequires = ["builder>=1"]\n'
COURSE = {
    ".gitignore": IGNORE,
    "pyproject.toml": PROJECT,
    "requirements.txt": "# needed\nalpha>=1  # first\n-e .[lab]\n",
    "README.md": "read me",
    "chapters/02 an été.ipynb": "{}",
    "dmlcourse/deep/er/module.py": "",
}
NOT_COURSE = {
    ".venv/lib/thing.py": "",
    "dmlcourse/__pycache__/module.pyc": "",
    "dmlcourse.egg-info/PKG-INFO": "",
    "work/02_mahalanobis.ipynb": "my answers",
    "build/lib/a.py": "",
    "exercises/build/b.py": "",
    "gradebook.db": "",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def content(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course folder that is no clone, with what a learner leaves in it; we stand in it."""
    folder = write(tmp_path / "course", COURSE | NOT_COURSE)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def clone(course: Path) -> Path:
    if not shutil.which("git"):
        pytest.skip("needs git")
    git(course, "init", "-q")
    git(course, "add", ".")
    git(course, "commit", "-q", "-m", "all")
    return course


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small distributions, as if they were installed: who needs whom is in the text."""
    place = tmp_path / "site"
    add_distribution(place, "dmlcourse", "0.1", "alpha", 'beta; extra == "lab"', 'x; extra == "z"')
    add_distribution(place, "Alpha", "1.5", "beta[fast]>=2", 'absent; python_version < "3"')
    add_distribution(place, "beta", "2.0+cpu", "alpha", 'Gamma_One; extra == "fast"')
    add_distribution(place, "gamma-one", "3.0")
    monkeypatch.syspath_prepend(place)
    # The real dmlcourse is found first otherwise, where it is installed by a .pth file.
    monkeypatch.setattr(sys, "path", [str(place)])


def add_distribution(place: Path, name: str, version: str, *requires: str) -> None:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += ["Provides-Extra: lab", "Provides-Extra: fast", "Provides-Extra: z"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    folder = place / f"{name.replace('-', '_')}-{version}.dist-info"
    write(folder, {"METADATA": "\n".join(lines) + "\n", "RECORD": f"{name}.py,,500000000\n"})


class Pip:
    """Plays pip: ``wheel`` makes empty wheels of what is asked, and every call is noted."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.refuses: Callable[[list[str]], bool] = lambda arguments: False
        self.forgets: set[str] = set()

    def __call__(self, arguments: list[str], **more: object) -> int:
        self.calls.append(arguments)
        if self.refuses(arguments):
            return 1
        if arguments[0] == "wheel":
            for requirement in map(Requirement, self.wanted(arguments)):
                self.make(Path(arguments[2]), requirement)
        return 0

    def wanted(self, arguments: list[str]) -> list[str]:
        rest, skip = [], False
        for each in arguments[1:]:
            if skip:
                skip = False
            elif each in ("--wheel-dir", "--constraint", "--extra-index-url"):
                skip = True
            elif not each.startswith("--"):
                rest.append(each)
        return rest

    def make(self, folder: Path, requirement: Requirement) -> None:
        version = next(iter(requirement.specifier), None)
        number = version.version if version else "1"
        if requirement.name not in self.forgets:
            name = canonicalize_name(requirement.name).replace("-", "_")
            (folder / f"{name}-{number}-py3-none-any.whl").write_bytes(b"0" * 1000)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, environment: None) -> Pip:
    played = Pip()
    monkeypatch.setattr(pack, "pip", played)
    return played


def refuse_git(clone: Path, monkeypatch: pytest.MonkeyPatch, cause: str) -> str:
    """Have git say nothing about a clone; what is said of it."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(clone.parent))
    if cause == "owner":
        # As git tests itself: every clone counts as somebody else's, whatever settings there are.
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        return "fatal: detected dubious ownership in repository"
    if cause == "damage":
        (clone / ".git" / "HEAD").write_text("")
        return "fatal: not a git repository"
    monkeypatch.setenv("PATH", str(clone))
    return "git cannot be run: No such file or directory"


class TestCourseFiles:
    def test_without_git_are_all_but_what_git_would_ignore(self, course: Path) -> None:
        assert {path.as_posix() for path in pack.course_files(course)} == set(COURSE)

    def test_of_a_clone_are_those_that_git_tracks(self, clone: Path) -> None:
        write(clone, {"notes.txt": "mine, and new"})
        (clone / "README.md").unlink()
        there = {path.as_posix() for path in pack.course_files(clone)}
        assert there == set(COURSE) - {"README.md"}

    def test_both_ways_agree(self, clone: Path) -> None:
        tracked = pack.course_files(clone)
        shutil.rmtree(clone / ".git")
        assert sorted(tracked) == pack.course_files(clone)

    def test_inside_another_repository_are_found_without_it(self, course: Path) -> None:
        if not shutil.which("git"):
            pytest.skip("needs git")
        git(course.parent, "init", "-q")
        assert {path.as_posix() for path in pack.course_files(course)} == set(COURSE)

    def test_never_hold_the_learners_work_even_without_a_gitignore(self, course: Path) -> None:
        (course / ".gitignore").unlink()
        firsts = {path.parts[0] for path in pack.course_files(course)}
        assert firsts & {"work", ".venv"} == set()

    def test_the_patterns_of_the_repository_are_of_the_kind_that_is_understood(self) -> None:
        lines = (REPOSITORY / ".gitignore").read_text().split("\n")
        patterns = [line.rstrip("/") for line in lines if line]
        assert [each for each in patterns if "/" in each or each[0] in "!#\\"] == []

    def test_that_differ_from_the_last_commit_are_named(self, clone: Path) -> None:
        assert pack.remarks(clone) == ""
        write(clone, {"chapters/02 an été.ipynb": "answers"})
        (clone / "README.md").unlink()
        assert pack.remarks(clone).endswith("copied as they are:\n  chapters/02 an été.ipynb")

    def test_that_git_does_not_track_are_named(self, clone: Path) -> None:
        write(clone, {"chapters/03_mine.ipynb": "{}", "work/notes.txt": ""})
        assert pack.remarks(clone).endswith("they were left out:\n  chapters/03_mine.ipynb")

    def test_may_have_any_name_that_the_system_allows(self, clone: Path, pip, capsys) -> None:
        names = [b"tracked \xe9t\xe9.txt", b"new \xe9t\xe9.txt", b"\x1b[2J.txt"]
        try:
            for name in names:
                Path(os.fsdecode(os.fsencode(clone / "x")[:-1] + name)).write_text("")
        except OSError:
            pytest.skip("this file system has no such names")
        git(clone, "add", os.fsdecode(names[0]))
        git(clone, "commit", "-q", "-m", "more")
        pack.pack(clone.parent / "copy")
        assert (clone.parent / "copy" / os.fsdecode(names[0])).is_file()
        said = capsys.readouterr().out
        assert "they were left out:\n  \ufffd[2J.txt\n  new \ufffdt\ufffd.txt\n" in said

    @pytest.mark.parametrize("cause", ["owner", "damage", "no git"])
    def test_where_git_says_nothing_are_all_and_that_is_said(
        self, clone: Path, pip: Pip, capsys, monkeypatch, cause: str
    ) -> None:
        write(clone, {"notes.txt": "mine, and new"})
        reason = refuse_git(clone, monkeypatch, cause)
        assert pack.pack(clone.parent / "copy") == 0
        assert (clone.parent / "copy" / "notes.txt").exists()
        said = capsys.readouterr().out
        assert f"git does not say which files belong to the course:\n  {reason}" in said
        assert said.endswith("look\nthrough the copy before you hand it on.\n")

    def test_are_not_remarked_on_without_git(self, course: Path) -> None:
        assert pack.remarks(course) == ""


class TestPackages:
    def test_come_from_requirements(self, course: Path) -> None:
        assert [str(each) for each in pack.roots(course)] == ["alpha>=1", "dmlcourse[lab]"]

    def test_are_all_that_the_requirements_lead_to(self, course: Path, environment: None) -> None:
        found = pack.installed(pack.roots(course))
        assert [pack.pin(each) for each in found] == [
            "Alpha==1.5",
            "beta==2.0+cpu",
            "gamma-one==3.0",
        ]

    def test_one_that_is_not_installed_is_named(self, environment: None) -> None:
        with pytest.raises(UserError, match=r"absent is not installed here.*make setup"):
            pack.installed([Requirement("absent")])

    def test_of_the_real_course_are_closed_and_serve_learners(self) -> None:
        found = pack.installed(pack.roots(REPOSITORY))
        names = {canonicalize_name(each.metadata["Name"]) for each in found}
        needed = {
            canonicalize_name(asked.name) for each in found for asked in pack.asked_by(each, ())
        }
        assert needed <= names
        assert {"torch", "jupyterlab", "ipykernel", "nbval", "pytest", "joblib", "pooch"} <= names
        assert names & {"dmlcourse", "hypothesis", "mypy", "ruff", "playwright", "pip"} == set()

    def test_that_build_the_real_course_are_those_it_names(self) -> None:
        assert pack.build_requirements(REPOSITORY)[0].startswith("hatchling")
        backend = {each.partition(">")[0] for each in pack.build_requirements(REPOSITORY)}
        assert backend == {"hatchling", "editables"}


class TestPlace:
    @pytest.mark.parametrize("empty", [False, True])
    def test_new_or_empty_is_fine(self, course: Path, empty: bool) -> None:
        folder = course.parent / "copy"
        if empty:
            folder.mkdir()
        pack.check_place(folder, course)

    def test_with_something_in_it_is_refused(self, course: Path) -> None:
        taken = write(course.parent / "copy", {"a": ""})
        with pytest.raises(UserError, match="not an empty folder"):
            pack.check_place(taken, course)
        with pytest.raises(UserError, match="not an empty folder"):
            pack.check_place(taken / "a", course)
        assert content(taken) == {"a"}

    def test_inside_the_course_is_refused(self, course: Path) -> None:
        for place in (course, course / "copy", course / "chapters" / "copy"):
            with pytest.raises(UserError, match=r"inside the course.*dmlcourse-offline"):
                pack.check_place(place, course)

    def test_inside_the_course_is_fine_where_git_ignores_it(self, course: Path, pip: Pip) -> None:
        for name in ("build/copy", "build/new/copy"):
            pack.pack(course / name)
            files = {each for each in content(course / name) if not each.startswith("wheels/")}
            assert files == set(COURSE) | {"OFFLINE.txt"}

    def test_whose_parent_is_not_there_is_refused(self, course: Path) -> None:
        with pytest.raises(UserError, match=r"There is no folder .*stick"):
            pack.check_place(course.parent / "stick" / "copy", course)

    def test_that_is_a_whole_disk_is_refused(self, course: Path) -> None:
        with pytest.raises(UserError, match="is a whole disk"):
            pack.check_place(Path(course.anchor), course)

    def test_on_a_short_disk_is_refused(self, course: Path, environment: None, monkeypatch) -> None:
        usage = shutil._ntuple_diskusage(10**12, 10**12 - 12 * 10**8, 12 * 10**8)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        packages = pack.installed([Requirement("alpha")])
        pack.check_disk(course.parent / "copy", packages[:2])  # 1.0 GB
        with pytest.raises(UserError, match=r"has 1\.2 GB free; the copy can need 1\.5 GB"):
            pack.check_disk(course.parent / "copy", packages)

    def test_of_an_offline_copy_is_not_packed_again(self, course: Path) -> None:
        (course / "wheels").mkdir()
        with pytest.raises(UserError, match="is an offline copy itself"):
            pack.pack(course.parent / "copy")

    def test_without_a_list_of_packages_is_no_clone(self, course: Path) -> None:
        (course / "requirements.txt").unlink()
        with pytest.raises(UserError, match=r"has no requirements\.txt"):
            pack.pack(course.parent / "copy")


class TestCopy:
    def test_holds_the_course_its_packages_and_a_note(self, course: Path, pip: Pip) -> None:
        folder = course.parent / "copy"
        assert pack.pack(folder) == 0
        wheels = {"alpha-1.5", "beta-2.0+cpu", "gamma_one-3.0", "builder-1", "editables-1"}
        expected = {f"wheels/{each}-py3-none-any.whl" for each in wheels}
        assert content(folder) == set(COURSE) | {"OFFLINE.txt"} | expected
        assert all((folder / name).read_text("utf-8") == text for name, text in COURSE.items())
        assert content(course) == set(COURSE | NOT_COURSE)

    def test_takes_the_versions_that_are_installed(self, course: Path, pip: Pip) -> None:
        pack.pack(course.parent / "copy")
        assert pip.calls[0][-2:] == ["--no-deps", "beta==2.0+cpu"]
        assert pip.calls[1][-3:] == ["--no-deps", "Alpha==1.5", "gamma-one==3.0"]
        assert pip.calls[2][-2:] == ["builder>=1", "editables"]
        assert pip.calls[3][:2] == ["install", "--dry-run"]

    def test_says_what_an_instructor_needs(self, course: Path, pip: Pip, capsys) -> None:
        pack.pack(course.parent / "copy")
        said = capsys.readouterr().out.splitlines()
        ready, *steps = said[said.index("") + 1 :]
        assert ready == f"Ready: {course.parent / 'copy'}, 0 MB, 5 wheels."
        assert [line.strip()[:2] for line in steps] == ["1.", "2.", "3."]
        assert "make lab" in steps[1]
        assert pack.made_for() in steps[2]

    def test_names_files_that_may_hold_answers(self, clone: Path, pip: Pip, capsys) -> None:
        write(clone, {"chapters/02 an été.ipynb": "answers"})
        pack.pack(clone.parent / "copy")
        assert capsys.readouterr().out.endswith("as they are:\n  chapters/02 an été.ipynb\n")

    def test_takes_the_place_of_an_empty_folder(self, course: Path, pip: Pip) -> None:
        folder = course.parent / "copy"
        folder.mkdir()
        pack.pack(folder)
        assert (folder / "wheels").is_dir()

    def test_takes_a_special_build_from_its_publisher_alone(self, course, pip, capsys) -> None:
        pip.refuses = lambda arguments: (
            "beta==2.0+cpu" in arguments and "--extra-index-url" not in arguments
        )
        pack.pack(course.parent / "copy")
        asked = [call for call in pip.calls if "--extra-index-url" in call]
        (only,) = asked
        assert only[-1] == "https://download.pytorch.org/whl/cpu"
        assert pip.wanted(only) == ["beta==2.0+cpu"]
        assert "trying https://download.pytorch.org/whl/cpu" in capsys.readouterr().out


class TestInterrupted:
    """Whatever stops it, no folder is left that looks complete."""

    @pytest.mark.parametrize(
        ("step", "said"),
        [("Alpha==1.5", "could not collect"), ("install", "do not suffice to install")],
    )
    def test_by_pip(self, course: Path, pip: Pip, step: str, said: str) -> None:
        pip.refuses = lambda arguments: step in arguments
        with pytest.raises(UserError, match=said):
            pack.pack(course.parent / "copy")
        assert list(course.parent.glob("copy*")) == []

    def test_by_a_wheel_that_was_not_made(self, course: Path, pip: Pip) -> None:
        pip.forgets = {"gamma-one"}
        with pytest.raises(UserError, match=r"no wheel of gamma-one 3\.0\."):
            pack.pack(course.parent / "copy")
        assert list(course.parent.glob("copy*")) == []

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
    def test_by_a_person(self, course: Path, pip: Pip, stop: type) -> None:
        def refuses(arguments: list[str]) -> bool:
            assert (course.parent / "copy.part" / pack.UNFINISHED).exists()
            raise stop

        pip.refuses = refuses
        with pytest.raises(stop):
            pack.pack(course.parent / "copy")
        assert list(course.parent.glob("copy*")) == []

    def test_by_a_full_disk(self, course: Path, pip: Pip, monkeypatch) -> None:
        def full(source: Path, target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copy2", full)
        with pytest.raises(UserError, match=r"cannot be written: .*No space left"):
            pack.pack(course.parent / "copy")
        assert list(course.parent.glob("copy*")) == []

    def test_by_a_kill_is_made_anew(self, course: Path, pip: Pip, capsys) -> None:
        part = course.parent / "copy.part"
        write(part, {pack.UNFINISHED: "", "wheels/stray.whl": ""})
        pack.pack(course.parent / "copy")
        assert "copy.part is made anew" in capsys.readouterr().out
        assert "wheels/stray.whl" not in content(course.parent / "copy")
        assert not part.exists()

    def test_by_nothing_while_another_run_waits_its_turn(self, course: Path, pip: Pip) -> None:
        def refuses(arguments: list[str]) -> bool:
            if len(pip.calls) == 1:
                with pytest.raises(UserError, match=r"Another run is making .*copy\.part now"):
                    pack.pack(course.parent / "copy")
            return False

        pip.refuses = refuses
        assert pack.pack(course.parent / "copy") == 0
        assert set(COURSE) < content(course.parent / "copy")
        assert [path.name for path in course.parent.glob("copy*")] == ["copy"]

    def test_by_a_kill_makes_way_at_once(self, course: Path, pip: Pip, capsys) -> None:
        part = course.parent / "copy.part"
        script = (
            "import os, sys; from pathlib import Path; from dmlcourse.pack import claim\n"
            "mark = claim(Path(sys.argv[1])); os._exit(9)"
        )
        ran = subprocess.run([sys.executable, "-c", script, str(part)], cwd=REPOSITORY)
        assert ran.returncode == 9
        assert content(part) == {pack.UNFINISHED}
        assert pack.pack(course.parent / "copy") == 0
        assert "copy.part is made anew" in capsys.readouterr().out

    def test_by_nothing_leaves_the_next_run_alone(self, course: Path, pip, monkeypatch) -> None:
        part, finish = course.parent / "copy.part", pack.finish

        def and_the_next_begins(*arguments: Path) -> None:
            finish(*arguments)
            write(part, {pack.UNFINISHED: "", "README.md": ""})

        monkeypatch.setattr(pack, "finish", and_the_next_begins)
        pack.pack(course.parent / "copy")
        assert content(part) == {pack.UNFINISHED, "README.md"}

    def test_by_a_run_that_was_faster(self, course: Path, pip: Pip) -> None:
        def refuses(arguments: list[str]) -> bool:
            write(course.parent / "copy", {"theirs": ""})
            return False

        pip.refuses = refuses
        with pytest.raises(UserError, match="cannot be written"):
            pack.pack(course.parent / "copy")
        assert content(course.parent / "copy") == {"theirs"}
        assert not (course.parent / "copy.part").exists()

    def test_leaves_what_somebody_else_put_there(self, course: Path, pip: Pip) -> None:
        part = write(course.parent / "copy.part", {"thesis.txt": "precious"})
        with pytest.raises(UserError, match="is in the way"):
            pack.pack(course.parent / "copy")
        assert content(part) == {"thesis.txt"}
        assert pip.calls == []


class TestAgreement:
    """``bootstrap.py`` may import nothing of ours, so that both say the same is proven here."""

    def test_on_the_name_of_this_machine(self) -> None:
        assert pack.made_for() == bootstrap.this_machine()

    def test_on_the_note(self, tmp_path: Path) -> None:
        (tmp_path / "OFFLINE.txt").write_text(pack.note(), encoding="utf-8")
        assert bootstrap.OfflineCopy(tmp_path).made_for() == pack.made_for()

    def test_on_the_settings_of_pip(self, tmp_path: Path, monkeypatch) -> None:
        given = []
        monkeypatch.setattr(pack, "pip", lambda plan, cwd, env: given.append(env) or 0)
        (tmp_path / "wheels").mkdir()
        pack.prove(tmp_path)
        assert bootstrap.OfflineCopy(tmp_path).variables().items() <= given[0].items()


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
class TestProof:
    """``.ci/offline`` proves nothing where it cannot, and says so."""

    SCRIPT = REPOSITORY / ".ci" / "offline"

    def run(self, *arguments: str, path: str) -> subprocess.CompletedProcess:
        command = [shutil.which("bash"), str(self.SCRIPT), *arguments]
        environment = os.environ | {"PATH": path}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def test_is_skipped_with_a_reason_where_there_is_no_namespace(self, tmp_path: Path) -> None:
        refuses = tmp_path / "unshare"
        refuses.write_text("#!/bin/sh\nexit 1\n")
        refuses.chmod(0o755)
        done = self.run(path=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert done.returncode == 0
        assert done.stdout.startswith("skipped: ")
        assert "namespace" in done.stdout

    def test_stops_where_a_network_is_left(self) -> None:
        interfaces = Path("/proc/net/dev")
        if not interfaces.exists() or len(interfaces.read_text().splitlines()) < 4:
            pytest.skip("this machine has no network interface to find")
        done = self.run("inside", "no-python", path=os.environ["PATH"])
        assert done.returncode == 1
        assert done.stdout.startswith("There is a network here")


def test_pip_refuses_a_copy_that_lacks_what_builds_the_course(tmp_path: Path, capfd) -> None:
    """With the real pip."""
    write(tmp_path, {"requirements.txt": "-e .\n", "pyproject.toml": PROJECT})
    (tmp_path / "wheels").mkdir()
    with pytest.raises(UserError, match="do not suffice"):
        pack.prove(tmp_path)
    assert "builder" in capfd.readouterr().err


def test_every_package_here_has_a_name_and_a_version_as_pip_needs_them() -> None:
    for one in pack.installed(pack.roots(REPOSITORY)):
        assert Requirement(pack.pin(one)).specifier.contains(distribution(one.name).version)
