"""The record's file: whole lines whoever writes, and a bad line costs only itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dmlcourse import journal


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path / "record"))


def test_a_line_is_read_as_it_was_recorded():
    journal.record("hint", number="02.1")
    journal.record("attempt", number="02.1", outcome="passed", mistake=None)
    (hint,) = journal.entries("hint")
    assert hint["number"] == "02.1"
    assert [entry["kind"] for entry in journal.entries()] == ["hint", "attempt"]


def test_lines_are_told_apart_by_their_time():
    for _ in range(3):
        journal.record("hint", number="02.1")
    assert all("." in entry["at"] for entry in journal.entries())


def test_a_line_that_was_cut_off_costs_only_itself():
    journal.record("hint", number="02.1")
    with journal.path().open("ab") as file:
        file.write(b'{"kind": "hint", "numb')
    journal.record("hint", number="02.2")
    assert [entry["number"] for entry in journal.entries()] == ["02.1", "02.2"]


@pytest.mark.parametrize(
    "line",
    [b"{", b"\xff\xfe", b"[1]", b"7", b"[" * 100_000, b"9" * 5000, b'"text"'],
    ids=["torn", "not UTF-8", "a list", "a number", "deep", "a long number", "text"],
)
def test_a_damaged_line_is_left_out(line):
    journal.record("hint", number="02.1")
    with journal.path().open("ab") as file:
        file.write(line + b"\n")
    journal.record("hint", number="02.2")
    assert [entry["number"] for entry in journal.entries()] == ["02.1", "02.2"]
    assert len(journal.lines()) == 3


@pytest.mark.parametrize("text", ["a\u2028b", "a\nb", "a\x85b", "ü ✓", "\ud800"])
def test_any_text_stays_on_its_line(text):
    journal.record("prediction", choice=text)
    journal.record("hint", number="02.1")
    first, second = journal.entries()
    assert first["choice"] == text.replace("\ud800", "?")
    assert second["number"] == "02.1"


WRITER = """
from dmlcourse import journal
import sys
for i in range(300):
    journal.record("hint", number="02.1", who=sys.argv[1], i=i, filling="x" * 3000)
"""


def test_two_notebooks_at_once_tear_no_line():
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, who]) for who in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    entries = journal.entries()
    assert len(journal.lines()) == len(entries) == 600
    assert [e["i"] for e in entries if e["who"] == "a"] == list(range(300))


def test_a_record_that_cannot_be_written_does_not_stop_the_lesson(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path / "file"))
    journal.record("hint", number="02.1")
    assert journal.entries() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_file_is_its_owners():
    journal.record("hint", number="02.1")
    assert journal.path().stat().st_mode & 0o077 == 0


def test_deleting_says_whether_there_was_a_file():
    journal.record("hint", number="02.1")
    assert journal.delete()
    assert not journal.path().exists()
    assert not journal.delete()


def test_each_line_is_json():
    journal.record("hint", number="02.1")
    assert json.loads(journal.path().read_text(encoding="utf-8"))["kind"] == "hint"


def test_a_folder_may_start_with_the_home_folder(monkeypatch):
    monkeypatch.setenv("DMLCOURSE_HOME", "~/record")
    assert journal.folder() == Path.home() / "record"


def test_the_home_folder_of_nobody_stops_nothing(monkeypatch):
    monkeypatch.setenv("DMLCOURSE_HOME", "~nobody-of-this-name/record")
    assert journal.entries() == []


def test_recording_says_whether_the_whole_line_was_written(monkeypatch):
    assert journal.record("hint", number="02.1") is True
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
    assert journal.record("hint", number="02.2") is False


def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path):
    journal.path().mkdir(parents=True)
    assert journal.record("hint", number="02.1") is False
    assert journal.entries() == []
    refused = PermissionError if os.name == "nt" else IsADirectoryError
    with pytest.raises(refused):
        journal.lines()


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_to_delete_a_link_deletes_what_it_leads_to(tmp_path):
    target = tmp_path / "elsewhere.jsonl"
    target.write_text("{}")
    journal.folder().mkdir()
    journal.path().symlink_to(target)
    assert journal.delete() is True
    assert not target.exists()
    assert not os.path.lexists(journal.path())
    assert journal.delete() is False


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_a_link_stays_where_what_it_leads_to_cannot_be_deleted(tmp_path):
    journal.folder().mkdir()
    journal.path().symlink_to(tmp_path)
    # Each system says in its own way that it deletes no folder.
    with pytest.raises((IsADirectoryError, PermissionError)):
        journal.delete()
    assert journal.path().is_symlink()
