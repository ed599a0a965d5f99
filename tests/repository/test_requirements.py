"""The lists of packages agree with each other, and with what is installed here."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from dmlcourse import bootstrap, doctor

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = [
    line
    for line in (ROOT / "requirements.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
REQUIRED = [Requirement(line) for line in LINES[:-1]]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())


class TestRequirements:
    def test_end_with_the_course_itself(self) -> None:
        assert LINES[-1] == "-e .[lab,grade]"

    def test_name_no_index_and_no_build_of_torch(self) -> None:
        assert not any(line.startswith("--") or "+" in line for line in LINES)

    def test_pin_torch(self) -> None:
        (torch,) = (each for each in REQUIRED if each.name == "torch")
        assert str(torch.specifier).startswith("==")

    @pytest.mark.parametrize("required", REQUIRED, ids=str)
    def test_are_installed_here(self, required) -> None:
        assert required.specifier.contains(version(required.name))

    @pytest.mark.parametrize("required", REQUIRED, ids=str)
    def test_lie_within_the_bounds_of_the_package(self, required) -> None:
        named = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"]
        (bounds,) = (each for each in map(Requirement, named) if each.name == required.name)
        lowest = [each.version for each in required.specifier if each.operator in (">=", "==")]
        assert bounds.specifier.contains(lowest[0])


class TestPython:
    def test_oldest_is_the_same_everywhere(self) -> None:
        oldest = f">={bootstrap.dotted(bootstrap.OLDEST)}"
        assert PROJECT["requires-python"] == oldest
        assert doctor.PYTHON == bootstrap.OLDEST
        assert f"python{oldest},<3.14" in CONDA["dependencies"]

    def test_newest_is_the_same_everywhere(self) -> None:
        major, minor = bootstrap.NEWEST
        assert any(f"<{major}.{minor + 1}" in str(each) for each in CONDA["dependencies"])
        assert f"{major}.{minor}" in (ROOT / "README.md").read_text(encoding="utf-8")


class TestCondaEnvironment:
    def test_has_what_conda_asks_for(self) -> None:
        assert set(CONDA) == {"name", "channels", "dependencies"}
        assert CONDA["name"] == "dmlcourse"
        assert CONDA["channels"] == ["conda-forge"]

    def test_installs_requirements_with_pip(self) -> None:
        assert CONDA["dependencies"][1:] == ["pip", {"pip": ["-r requirements.txt"]}]
