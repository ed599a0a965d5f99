"""What is written for people: what it shows is true, what it names exists."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from dmlcourse.bootstrap import COMMANDS
from dmlcourse.cli import build_parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/instructors.md", "docs/benchmarks.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str = "") -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text(name), re.MULTILINE | re.DOTALL)
    return [body for marked, body in found if marked == language]


def code(name: str) -> str:
    """All that is set as code in a document, in blocks and in lines, but Python."""
    return "\n".join(blocks(name) + re.findall(r"`([^`\n]+)`", text(name)))


def prose(name: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]+`", "", text(name), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
class TestEveryDocument:
    def test_links_resolve(self, document) -> None:
        links = re.findall(r"\]\(([^)]+)\)", text(document))
        assert links
        inside = [link.partition("#")[0] for link in links if not link.startswith("http")]
        folder = (ROOT / document).parent
        assert [link for link in inside if not (folder / link).exists()] == []

    def test_pictures_are_described(self, document) -> None:
        assert all(len(alt) > 30 for alt in re.findall(r"!\[([^]]*)\]", text(document)))

    def test_make_targets_exist(self, document) -> None:
        targets = re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE)
        assert set(re.findall(r"\bmake ([a-z-]+)", code(document))) <= set(targets)

    def test_commands_of_the_course_parse(self, document) -> None:
        parser, _ = build_parser()
        for line in re.findall(r"^dmlcourse (.*)$", "\n".join(blocks(document)), re.MULTILINE):
            parser.parse_args(shlex.split(line, comments=True))

    def test_commands_of_the_course_exist(self, document) -> None:
        _, commands = build_parser()
        assert set(re.findall(r"\bdmlcourse ([a-z]+)", code(document))) <= set(commands)

    def test_notebooks_exist(self, document) -> None:
        notebooks = re.findall(r"\b(?:[a-z]+/)+\w+\.ipynb", code(document))
        copies = [name.replace("work/reading/", "chapters/") for name in notebooks]
        originals = [name.replace("work/", "exercises/") for name in copies]
        assert [name for name in originals if not (ROOT / name).exists()] == []

    def test_bootstrap_commands_exist(self, document) -> None:
        assert set(re.findall(r"bootstrap\.py (\w+)", code(document))) <= set(COMMANDS)

    def test_tone_is_calm(self, document) -> None:
        words = re.findall(r"\b(?:simply|obviously|just|please)\b|!(?!\[)", prose(document), re.I)
        assert words == []


class TestReadme:
    def test_is_under_500_words(self) -> None:
        assert len(text("README.md").split()) < 500

    def test_example_prints_what_is_shown(self) -> None:
        (example,) = blocks("README.md", "python")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(example, {})
        assert printed.getvalue() in blocks("README.md")

    def test_shows_both_commands_with_make_and_without(self) -> None:
        shown = code("README.md")
        for command in ("lab", "test"):
            assert f"make {command} " in shown
            assert f"py dmlcourse\\bootstrap.py {command}" in shown

    def test_maps_the_chapters_that_exist(self) -> None:
        there = {path.name[:2] for path in (ROOT / "chapters").glob("*.ipynb")}
        assert set(re.findall(r"\| (\d\d) .*\| here \|", text("README.md"))) == there
