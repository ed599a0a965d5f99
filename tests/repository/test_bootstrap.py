"""``dmlcourse/bootstrap.py``: from a clone to a running command, on any machine.

Most tests run it as a reader does, on a small course whose requirements are empty, so that they
need no network.
"""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmlcourse import bootstrap

REPOSITORY = Path(bootstrap.__file__).parents[1]
CANNOT_INSTALL = "--no-index\nno-such-package-for-the-course\n"
SHOW = "import sys\nprint('prefix', sys.prefix)\nprint('arguments', sys.argv[1:])\n"


class Course:
    """A small course folder on which ``bootstrap.py`` runs for real."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        self.note = self.venv / "dmlcourse-setup.txt"
        self.requirements = folder / "requirements.txt"
        self.script = folder / "dmlcourse" / "bootstrap.py"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(self.script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder.parent,
            env={**os.environ, **variables},
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        process = self.start(*arguments, **variables)
        output = process.communicate(timeout=120)[0]
        assert "Traceback" not in output
        return process.returncode, output


def make_course(folder: Path) -> Course:
    (folder / "dmlcourse").mkdir(parents=True)
    shutil.copy(bootstrap.__file__, folder / "dmlcourse")
    (folder / "dmlcourse" / "__init__.py").touch()
    (folder / "dmlcourse" / "cli.py").write_text(SHOW)
    (folder / "pyproject.toml").touch()
    (folder / "requirements.txt").touch()
    return Course(folder)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course that nobody has set up."""
    return make_course(tmp_path / "a course")


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, list[tuple[int, str]]]:
    """A course whose set-up was started twice at the same time, and what the two runs gave."""
    course = make_course(tmp_path_factory.mktemp("ready") / "course")
    runs = [course.start("lab", "02", "--port", "9000", VIRTUAL_ENV="/else") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in runs]
    return course, [(run.returncode, output) for run, output in zip(runs, outputs, strict=True)]


@pytest.fixture
def ready(twice: tuple) -> Iterator[Course]:
    """A course that is set up; the test may change its note and its requirements."""
    course, _ = twice
    note = course.note.read_text()
    yield course
    course.requirements.write_text("")
    course.note.write_text(note)


class TestAnyPythonCanReadIt:
    def test_syntax_is_that_of_python_3_6(self) -> None:
        ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))

    def test_imports_the_standard_library_alone(self) -> None:
        tree = ast.parse(Path(bootstrap.__file__).read_text())
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else names(node))
        }
        assert imported <= sys.stdlib_module_names

    def test_no_neighbour_hides_a_module_of_the_standard_library(self) -> None:
        # Python puts the folder of a script first in its path.
        neighbours = {path.stem for path in Path(bootstrap.__file__).parent.iterdir()}
        assert neighbours & sys.stdlib_module_names == set()

    def test_an_old_python_gets_a_sentence(self, course: Course) -> None:
        pythons = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
        old = [each for each in pythons if each and bootstrap.output_of(Path(each), "print(1)")]
        if not old:
            pytest.skip("no Python from 3.6 to 3.10 on this machine")
        command = [old[0], str(course.script), "lab"]
        result = subprocess.run(command, capture_output=True, text=True, env={"PATH": ""})
        assert result.returncode == 1
        assert "the course needs Python 3.11 or newer" in result.stderr
        assert "Traceback" not in result.stderr

    def test_an_old_python_hands_over_to_a_newer_one(self, tmp_path, monkeypatch, capsys) -> None:
        broken, works = tmp_path / "python3.13", tmp_path / "python3.12"
        broken.write_text("#!/bin/sh\nexit 127\n")
        works.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        for each in (broken, works):
            each.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert bootstrap.newer_python() == str(works)
        assert f"Using {works} instead" in capsys.readouterr().out


def names(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


class TestFirstRun:
    def test_makes_the_environment_and_runs_the_command_in_it(self, twice: tuple) -> None:
        course, runs = twice
        for code, output in runs:
            assert code == 0, output
            assert f"prefix {course.venv}" in output
            assert "arguments ['lab', '02', '--port', '9000']" in output

    @pytest.mark.skipif(bootstrap.fcntl is None, reason="no file locks on this system")
    def test_started_twice_installs_once(self, twice: tuple) -> None:
        _, runs = twice
        assert sum("Installing the course" in output for _, output in runs) == 1

    def test_says_why_pip_failed(self, course: Course) -> None:
        course.requirements.write_text(CANNOT_INSTALL)
        code, output = course.run("setup")
        assert code == 1
        assert "pip could not install the course" in output
        assert not bootstrap.Environment(course.folder).is_usable()

    def test_says_so_where_the_folder_cannot_be_made(self, course: Course) -> None:
        course.venv.write_text("a file in the way")
        code, output = course.run("setup")
        assert code == 1
        assert str(course.venv) in output


class TestLaterRuns:
    def test_install_nothing(self, ready: Course) -> None:
        code, output = ready.run("lab")
        assert code == 0
        assert output.startswith("prefix")

    def test_install_again_when_the_list_changed(self, ready: Course) -> None:
        keepsake = ready.venv / "keepsake"
        keepsake.touch()
        ready.requirements.write_text("# one line more\n")
        before = ready.note.read_text()
        assert ready.run("setup")[0] == 0
        assert ready.note.read_text() != before
        assert keepsake.exists()

    def test_leave_a_contributor_a_contributor(self, ready: Course, monkeypatch) -> None:
        installed = []
        monkeypatch.setattr(
            bootstrap.Environment, "pip", lambda _, *packages: installed.append(packages) or 0
        )
        ready.note.write_text("contributor of-an-earlier-list")
        bootstrap.Environment(ready.folder).install("learner")
        assert installed == [("install", *bootstrap.PACKAGES["contributor"])]
        assert ready.note.read_text().startswith("contributor")

    def test_go_on_without_the_network_when_the_list_changed(self, ready: Course) -> None:
        ready.requirements.write_text(CANNOT_INSTALL)
        for _ in range(2):
            code, output = ready.run("lab")
            assert code == 0
            assert "Going on with what was installed before" in output
            assert "prefix" in output

    def test_keep_the_learners_set_up_when_the_contributors_fails(self, ready: Course) -> None:
        ready.requirements.write_text(CANNOT_INSTALL)
        code, output = ready.run("dev")
        assert code == 1
        assert "pip could not install" in output
        assert ready.note.read_text().startswith("learner")

    def test_repair_an_environment_that_was_killed_half_way(self, ready: Course) -> None:
        stray = ready.venv / "stray"
        stray.touch()
        ready.note.write_text(bootstrap.UNFINISHED)
        code, output = ready.run("lab")
        assert code == 0
        assert "incomplete; it is made anew" in output
        assert not stray.exists()


class TestEnvironment:
    @pytest.mark.parametrize(
        ("noted", "wanted", "enough"),
        [
            ("learner", "learner", True),
            ("learner", "contributor", False),
            ("contributor", "learner", True),
            ("contributor", "contributor", True),
            ("unfinished", "learner", False),
            ("", "learner", False),
        ],
    )
    def test_a_contributor_has_what_a_learner_needs(
        self, ready: Course, noted: str, wanted: str, enough: bool
    ) -> None:
        environment = bootstrap.Environment(ready.folder)
        ready.note.write_text(f"{noted} {environment.digest()}")
        assert environment.holds(wanted) is enough

    def test_a_moved_folder_is_installed_again(self, ready: Course, tmp_path: Path) -> None:
        shutil.copy(ready.requirements, tmp_path)
        shutil.copy(ready.folder / "pyproject.toml", tmp_path)
        moved, there = (bootstrap.Environment(place) for place in (tmp_path, ready.folder))
        moved.python = there.python
        assert moved.digest() != there.digest()

    @pytest.mark.skipif(os.name == "nt", reason="Windows copies the interpreter")
    def test_one_whose_python_is_gone_is_not_usable(self, tmp_path: Path) -> None:
        environment = bootstrap.Environment(tmp_path)
        environment.programs.mkdir(parents=True)
        environment.python.symlink_to("/no/such/python")
        assert not environment.is_usable()

    def test_one_made_by_an_old_python_is_refused(self, ready: Course, monkeypatch) -> None:
        monkeypatch.setattr(bootstrap.Environment, "version", lambda self: "3.9")
        with pytest.raises(bootstrap.Stop, match=r"has Python 3\.9, too old\. Delete it"):
            bootstrap.Environment(ready.folder).is_usable()

    def test_its_programs_come_first_in_the_path(self, ready: Course, monkeypatch) -> None:
        monkeypatch.setenv("PYTHONHOME", "/elsewhere")
        environment = bootstrap.Environment(ready.folder)
        variables = environment.variables()
        assert variables["PATH"].split(os.pathsep)[0] == str(environment.programs)
        assert variables["VIRTUAL_ENV"] == str(ready.venv)
        assert "PYTHONHOME" not in variables

    @pytest.mark.parametrize(
        ("system", "python"), [("posix", "bin/python"), ("nt", "Scripts/python.exe")]
    )
    def test_has_the_layout_of_the_system(self, tmp_path, monkeypatch, system, python) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "name", system)
            environment = bootstrap.Environment(tmp_path)
        assert environment.python == tmp_path / ".venv" / python


def add_wheel(course: Course, name: str) -> None:
    """Put a small package into the wheels of a course, which makes an offline copy of it."""
    wheels = course.folder / "wheels"
    wheels.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheels / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def made_for(course: Course, machine: str) -> bootstrap.OfflineCopy:
    (course.folder / "wheels").mkdir()
    (course.folder / "OFFLINE.txt").write_text(f"An offline copy.\n\nMade for: {machine}\n")
    return bootstrap.OfflineCopy(course.folder)


def fake_python(path: Path, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(ready: Course) -> Iterator[Course]:
    """A course with an environment in which nothing counts as installed."""
    ready.note.write_text("")
    yield ready
    shutil.rmtree(ready.folder / "wheels")
    (ready.folder / "OFFLINE.txt").unlink(missing_ok=True)


class TestOfflineCopy:
    def test_installs_from_its_wheels(self, bare: Course) -> None:
        add_wheel(bare, "small_package_for_the_course")
        bare.requirements.write_text("small_package_for_the_course\n")
        # Whatever pip is told elsewhere, the wheels are all it gets.
        code, output = bare.run("setup", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0")
        assert code == 0, output
        (installed,) = bare.venv.rglob("small_package_for_the_course.py")
        assert installed.parent.name == "site-packages"

    def test_that_lacks_a_package_says_where_it_looked(self, bare: Course) -> None:
        add_wheel(bare, "another_package")
        bare.requirements.write_text("no_such_package_for_the_course\n")
        code, output = bare.run("setup")
        assert code == 1
        assert "No matching distribution found for no_such_package_for_the_course" in output
        assert "could not install the course from the offline copy" in output
        assert str(bare.folder / "wheels") in output

    def test_says_before_the_installation_that_it_needs_no_network(
        self, course: Course, monkeypatch, capsys
    ) -> None:
        monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: 0)
        add_wheel(course, "any_package")
        bootstrap.Environment(course.folder).create()
        assert "from wheels, without a network" in capsys.readouterr().out

    def test_serves_no_contributor(self, course: Course) -> None:
        add_wheel(course, "pytest")
        for command in ("test", "dev"):
            code, output = course.run(command)
            assert code == 1
            assert 'it serves "lab" and "setup"' in output
        assert not course.venv.exists()

    def test_is_only_where_wheels_are(self, course: Course) -> None:
        copy = bootstrap.OfflineCopy(course.folder)
        assert not copy
        assert copy.variables() == {}
        assert copy.other_python("contributor") == ""

    @pytest.mark.parametrize("machine", [bootstrap.this_machine(), ""])
    def test_made_for_this_machine_or_for_an_unknown_one_is_tried(self, course, machine) -> None:
        assert made_for(course, machine).other_python("learner") == ""

    @pytest.mark.parametrize("machine", ["Plan9 mips, Python 3.11", "Plan9 mips, Python 3.99", "?"])
    def test_made_for_another_system_is_refused(self, course: Course, machine: str) -> None:
        made_for(course, machine)
        code, output = course.run("lab")
        assert code == 1
        assert f"made for {machine}. This machine has {bootstrap.this_machine()}." in output
        assert "dmlcourse pack" in output
        assert not course.venv.exists()

    def test_made_for_another_python_takes_that_one(self, course, tmp_path, monkeypatch) -> None:
        copy = made_for(course, f"{bootstrap.this_system()}, Python 3.99")
        monkeypatch.setenv("PATH", str(tmp_path))
        fake_python(tmp_path / "python3.99", "3.99")
        assert copy.other_python("learner") == str(tmp_path / "python3.99")

    @pytest.mark.parametrize("says", ["3.98", ""])
    def test_made_for_another_python_takes_no_impostor(
        self, course, tmp_path, monkeypatch, says
    ) -> None:
        copy = made_for(course, f"{bootstrap.this_system()}, Python 3.99")
        monkeypatch.setenv("PATH", str(tmp_path))
        fake_python(tmp_path / "python3.99", says)
        with pytest.raises(bootstrap.Stop, match=r"run the same command with Python 3\.99"):
            copy.other_python("learner")

    def test_names_its_wheels_without_a_space(self, course: Course) -> None:
        # pip splits the setting at spaces, and the folder of this course has one.
        variables = made_for(course, "").variables()
        assert variables["PIP_NO_INDEX"] == "1"
        assert variables["PIP_FIND_LINKS"].endswith("/a%20course/wheels")

    def test_is_not_asked_for_what_is_installed(self, bare: Course) -> None:
        bare.note.write_text(f"learner {bootstrap.Environment(bare.folder).digest()}\n")
        made_for(bare, "Plan9 mips, Python 3.11")
        code, output = bare.run("lab")
        assert code == 0
        assert output.startswith("prefix")


class TestMachine:
    def test_without_venv_names_the_package(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
        wanted = r"sudo apt install python3\.\d+-venv"
        with pytest.raises(bootstrap.Stop, match=wanted):
            bootstrap.check_machine(tmp_path)

    def test_with_a_short_disk_says_how_short(self, tmp_path, monkeypatch) -> None:
        usage = shutil._ntuple_diskusage(10**12, 10**12 - 12 * 10**8, 12 * 10**8)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(bootstrap.Stop, match=r"1\.2 GB free; the course needs about 3 GB"):
            bootstrap.check_machine(tmp_path)

    def test_with_a_newer_python_is_warned_and_goes_on(self, tmp_path, monkeypatch, capsys) -> None:
        monkeypatch.setattr(bootstrap, "NEWEST", (3, 10))
        bootstrap.check_machine(tmp_path)
        assert "newer than the course was tested with" in capsys.readouterr().out

    def test_with_no_python_new_enough_says_where_to_get_one(self, monkeypatch, capsys) -> None:
        monkeypatch.setattr(bootstrap, "OLDEST", (3, 99))
        assert bootstrap.main(["lab"]) == 1
        error = capsys.readouterr().err
        assert "the course needs Python 3.99 or newer" in error
        assert "https://www.python.org/downloads/" in error


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "code"), [([], 0), (["--help"], 0), (["lob"], 2), (["--lab"], 2)]
    )
    def test_shows_the_commands(self, arguments, code, capsys) -> None:
        assert bootstrap.main(arguments) == code
        shown = capsys.readouterr().out
        assert all(f"bootstrap.py {command} " in shown for command in bootstrap.COMMANDS)

    def test_pack_means_a_folder_from_where_the_person_is(self, ready: Course) -> None:
        code, output = ready.run("pack", "copy", "--help")
        assert code == 0
        assert f"arguments ['pack', '{ready.folder.parent / 'copy'}', '--help']" in output

    def test_ctrl_c_ends_with_a_sentence(self, monkeypatch, capsys) -> None:
        def interrupted(command: str, arguments: list) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(bootstrap, "bring_up", interrupted)
        assert bootstrap.main(["lab"]) == 1
        assert "Stopped" in capsys.readouterr().err
