"""The package that a submission finds: no reference ships with it, and what is missing says why."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dmlcourse import exercises
from dmlcourse.grading import jailed

ALLOWED = {"numpy", "torch", "IPython", "dmlcourse"}
# What the data sets are read with.
READERS = {"PIL", "platformdirs", "pooch", "requests", "sklearn", "tqdm", "urllib3"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jailed.write(tmp_path_factory.mktemp("jailed"))


def python(package: Path, code: str) -> subprocess.CompletedProcess:
    start = f"import sys; sys.path.insert(0, {str(package)!r}); {code}"
    return subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module)
    return found


def test_imports_nothing_of_ours_but_itself(package: Path) -> None:
    there = {path.stem for path in (package / "dmlcourse").iterdir()} - set(jailed.absent())
    for path in package.rglob("*.py"):
        for name in imported(path):
            first, _, rest = name.partition(".")
            allowed = ALLOWED | (READERS if path.parent.name == "data" else set())
            assert first in allowed | sys.stdlib_module_names, f"{path.name} imports {name}"
            assert first != "dmlcourse" or rest.split(".")[0] in there, f"{path.name}: {name}"


def test_holds_no_reference_and_no_mistake(package: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    for number in exercises.numbers():
        exercise = exercises.find(number)
        assert number not in text
        assert f"def {exercise.name}(" not in text
        for variant in exercise.all_variants():
            reference = exercise.reference(variant).__name__
            assert reference == "<lambda>" or reference not in text
            assert not [m.name for m in exercise.mistakes(variant) if m.sentence in text]


def test_holds_the_real_observer(package: Path) -> None:
    ours = jailed.ROOMS / "observing"
    for path in ours.glob("*.py"):
        copy = package / "dmlcourse" / "observing" / path.name
        assert copy.read_bytes() == path.read_bytes()


def test_checks_figures_and_benches_take_every_call(package: Path) -> None:
    calls = (
        "from dmlcourse.checks import check, hint",
        "from dmlcourse import benches, figures",
        "check('02.1', None)",
        "figures.show(1, alt='x')",
        "benches.ellipse.bench(1)",
    )
    assert python(package, "; ".join(calls)).returncode == 0


def test_a_bundled_set_can_be_loaded(package: Path) -> None:
    ran = python(package, "from dmlcourse.data import load; print(load('wine').X.shape)")
    assert ran.stdout == "(178, 13)\n", ran.stderr


@pytest.mark.parametrize("name", ["geometry", "exercises", "checks.judging", "grading", "cli"])
def test_the_rest_cannot_be_imported(name: str, package: Path) -> None:
    assert python(package, f"import dmlcourse.{name}").returncode == 1


def test_the_librarys_own_answers_say_why_they_are_missing(package: Path) -> None:
    failed = python(package, "from dmlcourse.geometry import mahalanobis")
    assert "ImportError: dmlcourse.geometry is not available when graded" in failed.stderr
