"""What ``dmlcourse progress`` prints, writes and deletes."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from dmlcourse import journal
from dmlcourse.cli import main

pytestmark = pytest.mark.usefixtures("chapter_02")


def attempt(number: str, outcome: str, mistake: str | None = None) -> None:
    journal.record("attempt", number=number, outcome=outcome, mistake=mistake)


@pytest.fixture
def some() -> None:
    """A record with something of everything."""
    attempt("02.1", "failed", "root forgotten")
    journal.record("hint", number="02.1")
    attempt("02.1", "passed")
    for _ in range(3):
        attempt("02.2", "failed", "transposed factor")
    journal.record("prediction", key="02.rank", choice="2", confidence="sure", correct=False)


def append(text: str) -> None:
    """Add to the record what the journal would not write."""
    with journal.path().open("a") as file:
        file.write(text)


def printed(capsys, *arguments: str) -> str:
    assert main(["progress", *arguments]) == 0
    return capsys.readouterr().out


class Terminal(io.StringIO):
    """Somebody who types ``answer``."""

    def isatty(self) -> bool:
        return True


def answers(monkeypatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))


class TestShow:
    def test_without_a_record_says_what_to_do(self, capsys):
        shown = printed(capsys)
        assert shown.startswith("Nothing is recorded yet.")
        assert "dmlcourse lab" in shown

    @pytest.mark.usefixtures("some")
    def test_says_what_is_done_and_what_next(self, capsys):
        shown = printed(capsys)
        assert "Chapter 02: 1 of 5 exercises done, 3 of 14 points" in shown
        rows = [line.split() for line in shown.splitlines() if line.startswith("  02.")]
        assert rows[0][-6:] == ["✓", "done", "2", "2", "1", "-"]
        assert rows[1][-6:] == ["…", "tried", "3", "-", "-", "-"]
        assert "Next: 02.2 A factor of the metric" in shown
        assert "In 02.2 the same mistake came 3 times:" in shown
        assert "dmlcourse hint 02.2" in shown
        assert "Sure, and wrong: rank (chapter 02)." in shown
        assert str(journal.path()) in shown

    @pytest.mark.usefixtures("some")
    def test_keeps_to_80_columns(self, capsys):
        lines = printed(capsys).splitlines()
        own = [line for line in lines if str(journal.path()) not in line]
        assert max(map(len, own)) <= 80

    @pytest.mark.usefixtures("some")
    def test_needs_no_more_than_the_terminals_characters(self, monkeypatch):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        assert main(["progress"]) == 0
        sys.stdout.flush()
        shown = raw.getvalue().decode("ascii")
        assert "  done  " in shown
        assert "  tried  " in shown
        assert "? done" not in shown

    def test_passes_over_what_is_damaged(self, capsys, some):
        with journal.path().open("ab") as file:
            file.write(b'{"kind": "attempt", "number": 7}\n{{{\n')
        assert "2 lines that are damaged, repeated or not of this course" in printed(capsys)

    def test_a_mistake_with_escape_codes_does_not_reach_the_terminal(self, capsys):
        attempt("02.1", "failed", "\x1b[2J\u202egone")
        shown = printed(capsys)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "gone" in shown


class TestExport:
    @pytest.mark.usefixtures("some")
    def test_says_what_the_file_holds(self, capsys, tmp_path):
        shown = printed(capsys, "--export", str(tmp_path / "me.json"))
        assert "5 attempts, 1 hint, 1 prediction." in shown
        text = (tmp_path / "me.json").read_text(encoding="utf-8")
        assert len(json.loads(text)["entries"]) == 7
        assert str(journal.folder()) not in text

    def test_says_what_it_leaves_out(self, capsys, tmp_path):
        append("{\n")
        shown = printed(capsys, "--export", str(tmp_path / "me.json"))
        assert "no entries." in shown
        assert "1 line that is damaged, repeated or not of this course is left out." in shown

    @pytest.mark.parametrize(
        ("name", "better"), [("", "me"), (".", "me"), ("..", "me"), ("a.txt", "a.txt")]
    )
    def test_advises_a_name_that_serves(self, capsys, name, better):
        assert main(["progress", "--export", name]) == 2
        assert f'--export "{better}.json"' in capsys.readouterr().err

    def test_of_nothing_says_so(self, capsys, tmp_path):
        assert "nothing is recorded yet" in printed(capsys, "--export", str(tmp_path / "me.json"))

    def test_an_existing_file_is_an_error(self, capsys, tmp_path):
        (tmp_path / "me.json").write_text("mine")
        assert main(["progress", "--export", str(tmp_path / "me.json")]) == 2
        assert "stays as it is" in capsys.readouterr().err


@pytest.mark.usefixtures("some")
class TestDelete:
    def test_asks_and_says_what_goes(self, capsys, monkeypatch):
        answers(monkeypatch, "yes\n")
        shown = printed(capsys, "--delete")
        assert "attempts, hints and predictions: 7 lines" in " ".join(shown.split())
        assert str(journal.path()) in shown
        assert not journal.path().exists()

    @pytest.mark.parametrize("typed", ["no\n", "\n", "", "perhaps\n"])
    def test_anything_but_yes_keeps_it(self, capsys, monkeypatch, typed):
        answers(monkeypatch, typed)
        assert main(["progress", "--delete"]) == 1
        assert "Nothing is deleted." in capsys.readouterr().out
        assert len(journal.entries()) == 7

    def test_refuses_when_nobody_can_answer(self, capsys, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
        assert main(["progress", "--delete"]) == 2
        assert "--yes" in capsys.readouterr().err
        assert journal.path().exists()

    def test_does_not_ask_with_yes(self, capsys):
        assert "Deleted" in printed(capsys, "--delete", "--yes")
        assert not journal.path().exists()

    def test_again_there_is_nothing(self, capsys):
        journal.delete()
        assert "There is no record to delete" in printed(capsys, "--delete")

    def test_after_an_export_that_worked(self, capsys, tmp_path):
        path = tmp_path / "me.json"
        printed(capsys, "--export", str(path), "--delete", "--yes")
        assert len(json.loads(path.read_text(encoding="utf-8"))["entries"]) == 7
        assert not journal.path().exists()

    def test_not_after_an_export_that_failed(self, tmp_path):
        assert main(["progress", "--export", str(tmp_path), "--delete", "--yes"]) == 2
        assert journal.path().exists()

    def test_not_after_an_export_that_leaves_lines_out(self, capsys, monkeypatch, tmp_path):
        append("{\n")
        answers(monkeypatch, "yes\n")
        assert main(["progress", "--export", str(tmp_path / "me.json"), "--delete"]) == 1
        shown = " ".join(capsys.readouterr().out.split())
        assert "1 line that is damaged, repeated or not of this course is left out." in shown
        assert "Nothing is deleted: the exported file does not hold the whole record." in shown
        assert len(journal.lines()) == 8

    def test_after_such_an_export_where_it_is_not_to_ask(self, capsys, tmp_path):
        append("{\n")
        shown = printed(capsys, "--export", str(tmp_path / "me.json"), "--delete", "--yes")
        assert "1 line that is damaged, repeated or not of this course is left out." in shown
        assert not journal.path().exists()

    @pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
    def test_of_a_link_says_what_it_leads_to(self, capsys, monkeypatch, tmp_path):
        journal.path().rename(tmp_path / "synced.jsonl")
        journal.path().symlink_to(tmp_path / "synced.jsonl")
        place = f"{journal.path()} (a link to {tmp_path / 'synced.jsonl'})"
        answers(monkeypatch, "yes\n")
        shown = printed(capsys, "--delete")
        assert f"The file is {place}." in shown
        assert f"Deleted {place} (7 lines)." in shown
        assert not (tmp_path / "synced.jsonl").exists()

    def test_yes_alone_is_an_error(self, capsys):
        assert main(["progress", "--yes"]) == 2
        assert "--yes goes with --delete" in capsys.readouterr().err


class TestUnreadable:
    """A record that cannot be read is not taken for an empty one, least of all to be deleted."""

    COMMANDS: ClassVar = [
        [],
        ["--delete", "--yes"],
        ["--export", "me.json"],
        ["--export", "me.json", "--delete", "--yes"],
    ]

    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_is_said_and_nothing_is_changed(self, capsys, tmp_path, monkeypatch, arguments):
        monkeypatch.chdir(tmp_path)
        journal.path().mkdir(parents=True)
        assert main(["progress", *arguments]) == 2
        assert "cannot read your record" in capsys.readouterr().err
        assert journal.path().is_dir()
        assert not (tmp_path / "me.json").exists()

    @pytest.mark.usefixtures("some")
    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_stays_where_only_its_folder_may_be_written(
        self, capsys, tmp_path, monkeypatch, arguments
    ):
        monkeypatch.chdir(tmp_path)
        before = journal.path().read_bytes()
        with monkeypatch.context() as patch:
            # Whoever runs the tests as administrator may read a file of any mode.
            patch.setattr(Path, "read_bytes", refuses)
            assert main(["progress", *arguments]) == 2
        assert "Permission denied" in capsys.readouterr().err
        assert journal.path().read_bytes() == before
        assert list(tmp_path.iterdir()) == []

    def test_where_a_file_is_in_the_way_of_its_folder(self, capsys, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path / "file"))
        assert main(["progress"]) == 2
        assert "cannot read your record" in capsys.readouterr().err


def refuses(path: Path) -> bytes:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
