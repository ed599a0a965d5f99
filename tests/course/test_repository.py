"""The repository holds what the course needs, and speaks of itself alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_files import ROOT, none_of, relative, repository_files

FILES = (
    "README.md",
    "LICENSE",
    "LICENSE-TEXT",
    "CONTRIBUTING.md",
    "pyproject.toml",
    "requirements.txt",
    "environment.yml",
    "Makefile",
    ".gitignore",
    ".ci/run",
)
FOLDERS = (
    "lessons",
    "chapters",
    "exercises",
    "solutions",
    "dmlcourse",
    "tests",
    "benchmarks",
    "docs",
)

# Tests of the whole stand beside those of a room.
NOT_ROOMS = {"browser", "course", "repository"}

LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"(?<![\w/.:~*-])/(?:root|work|home/\w+|Users/\w+)(?![\w-])")
REGISTRY = re.compile(
    r"https?://\S*(?:/simple|/pypi|artifactory|pypi\.|conda\.ana)\S*"
    r"|https?://(?!127\.0\.0\.1)\d+\.\d+\.\d+\.\d+\S*"
    r"|(?:extra-)?index-url[= ]\S+"
)
# Where a project publishes its own packages is an address for readers.
PUBLIC = ("https://download.pytorch.org/whl", "https://pypi.org/project/")
# These show on purpose what is looked for: to a jail that must hold, and to a test that must find.
EXAMPLES = ("tests/grading/", "tests/course/test_notebooks.py", "tests/course/test_repository.py")


def readable() -> Iterator[tuple[Path, str]]:
    """The text files of the repository."""
    for path in repository_files():
        if path.suffix not in (".png", ".npz", ".gif", ".svg"):
            yield path, path.read_text(encoding="utf-8")


def found(text: str, pattern: re.Pattern) -> Iterator[tuple[int, str]]:
    """Each match of a pattern with its line, but not public addresses."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(line):
            if not match.group().startswith(PUBLIC):
                yield number, match.group()


def faults(pattern: re.Pattern) -> Iterator[str]:
    """Where a pattern is found in the repository."""
    for path, text in readable():
        if not relative(path).startswith(EXAMPLES):
            for number, match in found(text, pattern):
                yield f"{relative(path)}, line {number}: {match!r}"


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_there(name) -> None:
    assert ROOT / name in repository_files(), f"the repository has no file {name}"


@pytest.mark.parametrize("name", FOLDERS)
def test_the_folder_is_there(name) -> None:
    inside = any(ROOT / name in path.parents for path in repository_files())
    assert inside, f"the repository has nothing in {name}/"


def test_names_no_place_of_a_machine() -> None:
    none_of(faults(MACHINE))


def test_names_no_package_registry() -> None:
    none_of(faults(REGISTRY))


def test_has_no_leftover_word() -> None:
    none_of(faults(LEFTOVER))


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.parent.name for path in (ROOT / "dmlcourse").glob("*/__init__.py")}
    folders = {p.parent.name for p in repository_files() if p.match("tests/*/test_*.py")}
    assert folders - rooms - NOT_ROOMS == set(), "tests/ has a folder for no room"
    assert rooms - folders == set(), "a room has no folder in tests/"


@pytest.mark.parametrize("suffix", [".py", ".md", ".toml", ".yml"])
def test_lines_end_as_on_unix_and_files_with_a_line_end(suffix) -> None:
    none_of(
        f"{relative(path)}: its lines do not end as they should"
        for path in repository_files()
        if path.suffix == suffix and (data := path.read_bytes())
        if b"\r" in data or not data.endswith(b"\n")
    )


class TestTheseTests:
    """They find what they look for, and nothing else."""

    @pytest.mark.parametrize("text", ["see /root/x", "'/work'", "(/home/ada/x)", "/Users/ada"])
    def test_a_place_of_a_machine(self, text) -> None:
        assert [number for number, _ in found(f"\n{text}", MACHINE)] == [2]

    @pytest.mark.parametrize(
        "text", ["work/", "the root/leaf", "solve/work/x", "a/home/x", "/homely"]
    )
    def test_no_place_of_a_machine(self, text) -> None:
        assert list(found(text, MACHINE)) == []

    @pytest.mark.parametrize(
        "text", ["https://a.example/simple", "http://10.0.0.7:8080/x", "--index-url=http://a"]
    )
    def test_a_registry(self, text) -> None:
        assert list(found(text, REGISTRY))

    @pytest.mark.parametrize(
        "text", ["https://download.pytorch.org/whl/cpu", "http://127.0.0.1:80"]
    )
    def test_no_registry(self, text) -> None:
        assert list(found(text, REGISTRY)) == []

    @pytest.mark.parametrize("text", ["# TODO: more", "FIXME"])
    def test_a_leftover_word(self, text) -> None:
        assert list(found(text, LEFTOVER))
