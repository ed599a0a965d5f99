"""The panel of chapter 00: a reader's own record, and nobody's in a stored output."""

import re
from html.parser import HTMLParser

import ipywidgets as widgets
import pytest

from dmlcourse import exercises, journal
from dmlcourse.benches import panel
from dmlcourse.figures.pictures import Html


@pytest.fixture(autouse=True)
def one_chapter(monkeypatch):
    monkeypatch.setattr("dmlcourse.progress.words.course", lambda: list(exercises.chapter("02")))


@pytest.fixture
def some():
    journal.record("attempt", number="02.1", outcome="passed", mistake=None)
    journal.record("hint", number="02.2")
    journal.record("prediction", key="02.rank", choice="2", confidence="sure", correct=False)


def shown(monkeypatch, interactive: bool):
    """What the notebook gets to display."""
    outputs: list = []
    monkeypatch.setattr(panel, "display", outputs.append)
    monkeypatch.setattr(panel, "is_interactive", lambda: interactive)
    panel.progress_panel()
    (output,) = outputs
    return output


def test_a_program_sees_the_line_for_a_reader_without_a_record(monkeypatch, some, tmp_path):
    still = shown(monkeypatch, interactive=False)
    assert isinstance(still, Html)
    assert still.html.startswith("<p>Nothing is recorded yet.")
    assert str(tmp_path) not in still.html
    assert not re.search(r"\d", still.html)


def test_a_reader_sees_the_own_record(monkeypatch, some):
    live = shown(monkeypatch, interactive=True)
    assert isinstance(live, widgets.VBox)
    _, spoken, rest = live.children
    assert "1 of 5 exercises done, 3 of 14 points" in spoken.value
    assert 'aria-live="polite"' in spoken.value
    for words in ("Next: 02.2", "1 of 5 <span", "3 of 14", "0 of 1", "rank (chapter 02)"):
        assert words in rest.value
    assert str(journal.path()) in rest.value
    assert "<code>dmlcourse progress --delete</code>" in rest.value


def test_refresh_reads_again():
    button, spoken, rest = panel.panel().children
    assert "Nothing is recorded yet." in spoken.value
    assert "<table" not in rest.value
    journal.record("attempt", number="02.1", outcome="passed", mistake=None)
    button.click()
    assert "1 of 5 exercises done" in spoken.value
    assert "<table" in rest.value


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))


def test_it_reads_in_every_theme_and_without_seeing_it(some):
    html = panel.panel().children[2].value
    tags = Tags(html).found
    assert all(a.get("scope") in ("col", "row") for tag, a in tags if tag == "th")
    assert sum(tag == "caption" for tag, _ in tags) == sum(tag == "table" for tag, _ in tags) == 2
    assert not re.search(r"#[0-9a-f]{3,6}\b|\b(?:black|white)\b", html)
    bars = [a for tag, a in tags if a.get("aria-hidden")]
    assert bars == [{"aria-hidden": "true"}]


def test_what_a_record_holds_is_text(some):
    for _ in range(3):
        journal.record("attempt", number="02.2", outcome="failed", mistake="<img src=x>")
    html = panel.panel().children[2].value
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html
