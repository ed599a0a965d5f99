"""The Makefile and ``.ci/run``: every target works on paper, every stage is timed and reported."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dmlcourse.bootstrap import COMMANDS

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
CI = ROOT / ".ci" / "run"

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "git", "make"))), reason="needs bash, git and make"
)


def make(*arguments: str) -> str:
    # The suite itself runs under make, which tells the one below of it by these variables.
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    done = subprocess.run(["make", *arguments], cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestMakefile:
    def test_lists_every_target_when_called_alone(self) -> None:
        listed = re.findall(r"^make ([a-z-]+) +\S", make(), re.MULTILINE)
        assert listed == TARGETS

    def test_makes_no_files(self) -> None:
        assert re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split() == TARGETS

    @pytest.mark.parametrize("command", COMMANDS)
    def test_sets_up_through_bootstrap(self, command) -> None:
        target = {"pack": "offline-copy"}.get(command, command)
        called = make("-n", target, "PYTHON3=some-python")
        assert f"some-python dmlcourse/bootstrap.py {command}" in called

    def test_finds_a_python(self) -> None:
        python = make("-n", "lab").split()[0]
        assert shutil.which(python)

    def test_deep_raises_the_number_of_seeds(self) -> None:
        assert "DMLCOURSE_SEEDS=100" in make("-n", "deep")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with ``.ci/run`` and a ``make`` that only pretends, as $FAKE_MAKE says."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(CI, tmp_path / ".ci")
    (tmp_path / ".ci" / "offline").symlink_to("/bin/true")
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "make"
    fake.write_text(
        "#!/bin/bash\n"
        '[[ $1 == test ]] && echo "===== 3 passed in 0.01s ====="\n'
        '[[ $1 == "$DIRTY" ]] && touch stray\n'
        '[[ $1 != "$BREAK" ]]\n'
    )
    fake.chmod(0o755)
    (tmp_path / "bin" / "chromium").symlink_to("/bin/true")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def run_ci(clone: Path, **variables: str) -> tuple[int, str]:
    path = os.pathsep.join([str(clone / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        [str(clone / ".ci" / "run")],
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


class TestCi:
    def test_budgets_stay_under_twenty_minutes(self) -> None:
        budgets = re.findall(r"\[([a-z-]+)\]=(\d+)", CI.read_text())
        assert sum(int(seconds) for _, seconds in budgets) <= 1200
        assert [name for name, _ in budgets] == re.findall(r"^stage (\S+)", CI.read_text(), re.M)

    def test_reports_every_stage_and_ends_with_the_line_of_pytest(self, clone) -> None:
        code, output = run_ci(clone)
        assert code == 0
        stages = re.findall(r"^(\S+) +\d+ +\d+  passed$", output, re.MULTILINE)
        assert stages == [
            *("system", "set-up", "lint", "tests", "notebooks", "offline", "clean-tree")
        ]
        assert output.endswith("===== 3 passed in 0.01s =====\n")

    @pytest.mark.parametrize(
        ("target", "stage"),
        [("dev", "set-up"), ("lint", "lint"), ("test", "tests"), ("check-build", "notebooks")],
    )
    def test_fails_with_any_stage_and_runs_the_others(self, clone, target, stage) -> None:
        code, output = run_ci(clone, BREAK=target)
        assert code == 1
        assert re.search(rf"^{stage} .* FAILED$", output, re.MULTILINE)
        assert output.count("  passed\n") == 6

    def test_fails_when_the_tree_is_changed(self, clone) -> None:
        code, output = run_ci(clone, DIRTY="test")
        assert code == 1
        assert "?? stray" in output
