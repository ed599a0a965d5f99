"""The command line: what each sub-command calls, how it fails, and that it starts light."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from dmlcourse import __version__
from dmlcourse.cli import main
from dmlcourse.errors import UserError

COMMANDS = (
    *("lab", "start", "update", "check", "hint", "progress", "class", "data", "pack"),
    *("grade", "build", "doctor"),
)


def spy(monkeypatch, place: str, name: str, result: object = 0):
    """Replace a function by a recorder that accepts the same arguments and no others."""
    module = import_module(place)
    recorder = create_autospec(getattr(module, name), return_value=result)
    monkeypatch.setattr(module, name, recorder)
    return recorder


def test_help_names_every_command(capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"    {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize("code", ["import dmlcourse", "from dmlcourse.cli import main; main()"])
def test_starts_without_the_heavy_libraries(code) -> None:
    heavy = ["IPython", "jupyterlab", "matplotlib", "numpy", "scipy", "sklearn", "torch"]
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', sorted(set({heavy}) & set(sys.modules))))\n"
        f"{code}"
    )
    shown = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True)
    assert shown.stdout.decode().strip().endswith("loaded []")


def test_version(capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"dmlcourse {__version__}\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("lap", "lab"), ("checks", "check"), ("garde", "grade"), ("bild", "build")]
)
def test_an_unknown_command_names_the_nearest(typed, meant, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([typed])
    assert f'unknown command "{typed}". Did you mean "{meant}"?' in capsys.readouterr().err


def test_an_unknown_command_like_no_other_lists_them_all(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["zzz"])
    error = capsys.readouterr().err
    assert "Did you mean" not in error
    assert ", ".join(COMMANDS) in error


@pytest.mark.parametrize("arguments", [[], ["check"], ["hint"], ["grade", "in"], ["grade"]])
def test_a_missing_argument_is_named(arguments, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "the following arguments are required" in capsys.readouterr().err


class TestEndings:
    def test_a_user_error_is_one_message_without_a_traceback(self, monkeypatch, capsys) -> None:
        spy(monkeypatch, "dmlcourse.doctor", "report").side_effect = UserError("Mend this.")
        assert main(["doctor"]) == 2
        assert capsys.readouterr().err == "dmlcourse: Mend this.\n"

    def test_ctrl_c_is_no_traceback(self, monkeypatch, capsys) -> None:
        spy(monkeypatch, "dmlcourse.doctor", "report").side_effect = KeyboardInterrupt
        assert main(["doctor"]) == 130
        assert capsys.readouterr().err == "\ndmlcourse: stopped.\n"

    def test_a_pipe_that_is_closed_is_no_traceback(self, monkeypatch) -> None:
        spy(monkeypatch, "dmlcourse.doctor", "report").side_effect = BrokenPipeError
        with monkeypatch.context() as patch:
            patch.setattr("os.dup2", lambda *_: None)
            assert main(["doctor"]) == 0

    def test_a_place_that_cannot_be_used_is_one_line(self, monkeypatch, capsys) -> None:
        refused = PermissionError(13, "Permission denied", "there")
        spy(monkeypatch, "dmlcourse.doctor", "report").side_effect = refused
        assert main(["doctor"]) == 2
        assert capsys.readouterr().err == "dmlcourse: Permission denied (there).\n"

    def test_a_defect_of_ours_keeps_its_traceback(self, monkeypatch) -> None:
        spy(monkeypatch, "dmlcourse.doctor", "report").side_effect = ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            main(["doctor"])


class TestCalls:
    @pytest.mark.parametrize(
        ("typed", "passed"),
        [
            ([], (None, None, True)),
            (["02"], ("02", None, True)),
            (["02", "--port", "9000", "--no-browser"], ("02", 9000, False)),
        ],
    )
    def test_lab(self, monkeypatch, typed, passed) -> None:
        open_lab = spy(monkeypatch, "dmlcourse.lab", "open_lab")
        assert main(["lab", *typed]) == 0
        open_lab.assert_called_once_with(*passed)

    @pytest.mark.parametrize(("codes", "code"), [([0, 0], 0), ([0, 1], 1), ([1, 0], 1)])
    def test_check_fails_when_one_notebook_does(self, monkeypatch, codes, code) -> None:
        check = spy(monkeypatch, "dmlcourse.checks.notebook", "check_notebook")
        check.side_effect = codes
        assert main(["check", "a.ipynb", "b.ipynb"]) == code
        assert [call.args for call in check.call_args_list] == [
            (Path("a.ipynb"),),
            (Path("b.ipynb"),),
        ]

    def test_hint(self, monkeypatch) -> None:
        hint = spy(monkeypatch, "dmlcourse.checks", "hint")
        assert main(["hint", "02.1"]) == 0
        hint.assert_called_once_with("02.1")

    def test_start_and_update(self, monkeypatch) -> None:
        start = spy(monkeypatch, "dmlcourse.workbooks", "start")
        update = spy(monkeypatch, "dmlcourse.workbooks", "update", result=1)
        assert main(["start", "02", "05"]) == 0
        assert main(["update"]) == 1
        start.assert_called_once_with(["02", "05"])
        update.assert_called_once_with()

    @pytest.mark.parametrize(
        ("typed", "passed"),
        [
            ([], (None, False, False)),
            (["--export", "me.json"], (Path("me.json"), False, False)),
            (["--delete", "--yes"], (None, True, True)),
        ],
    )
    def test_progress(self, monkeypatch, typed, passed) -> None:
        progress = spy(monkeypatch, "dmlcourse.progress.command", "progress")
        assert main(["progress", *typed]) == 0
        progress.assert_called_once_with(*passed)

    def test_class(self, monkeypatch) -> None:
        page = spy(monkeypatch, "dmlcourse.progress.classroom", "class_page")
        assert main(["class", "lab1", "--out", "wall.html"]) == 0
        page.assert_called_once_with(Path("lab1"), Path("wall.html"))

    def test_data(self, monkeypatch) -> None:
        data = spy(monkeypatch, "dmlcourse.data.command", "data")
        assert main(["data", "mnist", "omniglot"]) == 0
        data.assert_called_once_with(["mnist", "omniglot"])

    def test_pack(self, monkeypatch) -> None:
        pack = spy(monkeypatch, "dmlcourse.pack", "pack")
        assert main(["pack", "lab-folder"]) == 0
        pack.assert_called_once_with(Path("lab-folder"))

    def test_grade_with_defaults(self, monkeypatch) -> None:
        grade = spy(monkeypatch, "dmlcourse.grading.command", "grade")
        assert main(["grade", "hand-ins", "--out", "grades"]) == 0
        grade.assert_called_once_with(
            Path("hand-ins"), Path("grades"), release=None, seed=None, jobs=None, jail=True
        )

    def test_grade_with_every_option(self, monkeypatch) -> None:
        grade = spy(monkeypatch, "dmlcourse.grading.command", "grade", result=1)
        options = "--out grades --release release --seed 7 --jobs 3 --no-jail"
        assert main(["grade", "hand-ins", *options.split()]) == 1
        grade.assert_called_once_with(
            Path("hand-ins"), Path("grades"), release=Path("release"), seed=7, jobs=3, jail=False
        )

    @pytest.mark.parametrize(
        ("typed", "lessons", "options"),
        [
            ([], [], {"check": False, "force": False}),
            (["--check"], [], {"check": True, "force": False}),
            (["02", "03", "--force"], ["02", "03"], {"check": False, "force": True}),
        ],
    )
    def test_build(self, monkeypatch, typed, lessons, options) -> None:
        build = spy(monkeypatch, "dmlcourse.authoring.command", "build")
        assert main(["build", *typed]) == 0
        build.assert_called_once_with(lessons, **options)

    def test_doctor(self, monkeypatch) -> None:
        spy(monkeypatch, "dmlcourse.doctor", "report", result=1)
        assert main(["doctor"]) == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_sign_that_the_terminal_lacks_is_no_reason_to_stop(encoding, tmp_path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "dmlcourse.cli", "hint", "01.2"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "DMLCOURSE_HOME": str(tmp_path)},
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(b"Hint 1 of 3")
    assert b"?" in ran.stdout
