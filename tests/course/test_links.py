"""What the documents and the lessons point to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_files import LESSONS, ROOT, lesson, none_of, relative, repository_files

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [*DOCUMENTS, *LESSONS]

# Round brackets may stand inside an address in pairs, as in many a DOI.
LINK = re.compile(r"\]\(((?:[^()\s]|\([^()\s]*\))+)\)")
DOI = re.compile(r"10\.\d{4,9}/[^\s<>\"]+[^\s<>\".,;]")
ARXIV = re.compile(r"\d\d(?:0[1-9]|1[0-2])\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?:\.(?:py|ipynb|md|toml|txt|yml|yaml|png)|/)|Makefile")

each_page = pytest.mark.parametrize("path", PAGES, ids=relative)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The prose of a page with the number of the line before it."""
    if path.suffix == ".md":
        yield 0, path.read_text(encoding="utf-8")
    else:
        yield from ((source.line, source.text) for source in lesson(path) if not source.is_code)


def found(path: Path, pattern: re.Pattern) -> Iterator[tuple[str, str]]:
    """Each match of a pattern in the prose of a page, with its place."""
    for before, text in texts(path):
        for match in pattern.finditer(text):
            line = before + text.count("\n", 0, match.start()) + 1
            yield f"{relative(path)}, line {line}", match[1] if pattern.groups else match[0]


def links(path: Path) -> Iterator[tuple[str, str]]:
    yield from found(path, LINK)


def home(path: Path) -> Path:
    """The folder that a relative link starts from: that of the notebook which readers open."""
    return (
        path.parent
        if path.suffix == ".md"
        else ROOT / {"chapter.py": "chapters"}.get(path.name, "exercises")
    )


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and Jupyter make them."""
    headings = re.findall(r"^#+ (.+)$", "\n".join(text for _, text in texts(path)), re.MULTILINE)
    github = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return github | {heading.strip().replace(" ", "-") for heading in headings}


def broken(path: Path) -> Iterator[str]:
    """The links of a page that lead nowhere in the repository."""
    for place, link in links(path):
        name, _, anchor = link.partition("#")
        target = (home(path) / name).resolve() if name else path
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists():
            yield f"{place}: {link} is not there"
        elif (
            anchor and (target.suffix == ".md" or target == path) and anchor not in anchors(target)
        ):
            yield f"{place}: {link} names a heading that is not there"


@each_page
def test_relative_links_lead_somewhere(path) -> None:
    none_of(broken(path))


@each_page
def test_named_files_exist(path) -> None:
    none_of(
        f"{place}: the file {name} is not there"
        for place, code in found(path, re.compile(r"`([^`\n]+)`"))
        for name in code.split()
        if FILE.fullmatch(name) and not exists(name)
    )


def exists(name: str) -> bool:
    """Whether the repository has a file or folder of a name, or of a pattern with NN and name."""
    if name.strip("/") in IGNORED:
        return True
    # A learner's copy is there once it has been started; what it is a copy of has to be.
    name = re.sub("^work/reading/(?=.)", "chapters/", name)
    name = re.sub("^work/(?=.)", "exercises/", name)
    pattern = re.escape(name.strip("/")).replace("NN", r"\d\d[a-z]?").replace("_name", r"_\w+")
    end = r"(?:/.*)?" if name.endswith("/") else ""
    # A name without a folder may stand anywhere.
    start = "" if "/" in name.strip("/") else r"(?:.*/)?"
    names = (relative(file) for file in repository_files())
    return any(re.fullmatch(start + pattern + end, n) for n in names)


IGNORED = {
    line.strip().strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
}


@each_page
def test_every_doi_is_one_and_is_shown(path) -> None:
    none_of(malformed(path, "https://doi.org/", DOI))


@each_page
def test_every_arxiv_number_is_one_and_is_shown(path) -> None:
    none_of(malformed(path, "https://arxiv.org/abs/", ARXIV))


def malformed(path: Path, address: str, wanted: re.Pattern) -> Iterator[str]:
    """Links to a register whose number is not of its form, or is not what the reader sees."""
    shown = " ".join(text for _, text in texts(path))
    for place, link in links(path):
        number = link.removeprefix(address)
        if number == link:
            continue
        if not wanted.fullmatch(number):
            yield f"{place}: {number!r} is not of the right form"
        elif f":{number}](" not in shown:
            yield f"{place}: the reader of a printed page does not see {number}"


@each_page
def test_dois_and_arxiv_numbers_are_links(path) -> None:
    bare = re.compile(r"(?<!\[)\b(?:doi|arXiv):\s?\S+")
    none_of(f"{place}: {text} is no link" for place, text in found(path, bare))


@each_page
def test_registers_are_reached_at_their_own_address(path) -> None:
    others = ("dx.doi.org", "http://doi.org", "http://arxiv.org", "arxiv.org/pdf")
    none_of(f"{place}: {link}" for place, link in links(path) if any(o in link for o in others))


class TestTheseTests:
    """They find what they look for, and nothing else."""

    @pytest.fixture
    def page(self, tmp_path, monkeypatch) -> Path:
        monkeypatch.setattr("test_links.relative", lambda path: path.name)
        (tmp_path / "there.md").write_text("# A heading, long\n", encoding="utf-8")
        return tmp_path / "page.md"

    @pytest.mark.parametrize(
        "link",
        ["there.md", "there.md#a-heading-long", "#own", "https://example.org/x", "mailto:a@b"],
    )
    def test_a_good_link(self, page, link) -> None:
        page.write_text(f"# own\n[a]({link})\n", encoding="utf-8")
        assert list(broken(page)) == []

    @pytest.mark.parametrize("link", ["gone.md", "there.md#elsewhere", "#elsewhere"])
    def test_a_broken_link(self, page, link) -> None:
        page.write_text(f"# own\n[a]({link})\n", encoding="utf-8")
        (fault,) = broken(page)
        assert fault.startswith(f"page.md, line 2: {link} ")

    @pytest.mark.parametrize("doi", ["10.1016/0024-3795(88)90223-6", "10.1007/BF02289451"])
    def test_a_doi(self, page, doi) -> None:
        page.write_text(f"[doi:{doi}](https://doi.org/{doi})", encoding="utf-8")
        assert list(malformed(page, "https://doi.org/", DOI)) == []

    @pytest.mark.parametrize("doi", ["11.1016/5", "10.1/x", "10.1007", "10.1007/BF."])
    def test_no_doi(self, page, doi) -> None:
        page.write_text(f"[doi:{doi}](https://doi.org/{doi})", encoding="utf-8")
        assert len(list(malformed(page, "https://doi.org/", DOI))) == 1

    @pytest.mark.parametrize(
        "number", ["1306.6709", "2003.08505v3", "math/0309136", "cs.LG/0101001"]
    )
    def test_an_arxiv_number(self, number) -> None:
        assert ARXIV.fullmatch(number)

    @pytest.mark.parametrize("number", ["1313.6709", "130.6709", "1306.67", "13066709"])
    def test_no_arxiv_number(self, number) -> None:
        assert not ARXIV.fullmatch(number)
