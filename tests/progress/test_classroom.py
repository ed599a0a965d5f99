"""The command ``dmlcourse class``: every file of a folder is read or named, nothing stops it."""

from __future__ import annotations

import json
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dmlcourse.cli import main
from dmlcourse.progress.classroom import read
from dmlcourse.progress.record import exported, known

pytestmark = pytest.mark.usefixtures("chapter_02", "asked")


def hand_in(path: Path, record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(exported(known(record.entries), "2025-03-01"), encoding="utf-8")


@pytest.fixture
def lab(tmp_path, record) -> Path:
    """Sixty records: 41 are through 02.3, 11 of the others took absolute values."""
    for i in range(60):
        made = record().predicts("02.rank", "sure", i % 2 == 0)
        for _ in range(3):
            made.fails("02.3", "absolute values" if i < 52 else "clips entries")
        hand_in(tmp_path / "lab" / f"s{i:02}.json", made.passes("02.3") if i < 41 else made)
    return tmp_path / "lab"


def printed(capsys, folder: Path, *more: str) -> str:
    assert main(["class", str(folder), *more]) == 0
    return " ".join(capsys.readouterr().out.split())


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.words += data


class TestTerminal:
    def test_says_who_is_where_with_the_sentence_that_they_saw(self, capsys, lab):
        shown = printed(capsys, lab)
        assert "02.3: 41 of 60 passed; of the 19 others 11: absolute values, 8: clips" in shown
        assert "You took absolute values. A cone is not a mirror" in shown
        assert "stuck (19): s41, s42," in shown
        assert "Chapter 02: 30 of 60 sure and wrong: Which rank?" in shown
        assert "Nobody has begun the other 4 exercises." in shown
        assert str(lab / "class.html") in shown

    def test_a_bad_file_is_a_line_and_the_others_count(self, capsys, lab):
        (lab / "x.json").write_text("{")
        (lab / "y.json").write_text("[]")
        shown = printed(capsys, lab)
        assert "x.json: not an exported record (it is not JSON)." in shown
        assert 'y.json: not an exported record (it has no "format": "dmlcourse-record").' in shown
        assert "41 of 60 passed" in shown

    def test_a_name_with_escape_codes_does_not_reach_the_terminal(self, capsys, lab, record):
        made = record()
        for _ in range(3):
            made.fails("02.1", "root forgotten")
        try:
            hand_in(lab / "\x1b[2Jeve.json", made)
        except OSError:
            pytest.skip("this file system has no such names")
        main(["class", str(lab)])
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert "[2Jeve" in shown

    def test_learners_who_did_nothing_are_learners(self, capsys, tmp_path, record):
        hand_in(tmp_path / "ada.json", record())
        assert "1 learner; nobody has begun an exercise." in printed(capsys, tmp_path)


class TestPage:
    def test_names_nobody(self, capsys, lab):
        shown = printed(capsys, lab)
        page = Page(lab / "class.html")
        assert "s41" in shown
        assert not [i for i in range(60) if f"s{i:02}" in page.text]
        assert str(lab) not in page.text

    def test_says_what_the_terminal_says(self, capsys, lab):
        printed(capsys, lab)
        words = Page(lab / "class.html").words
        assert words.count("Now: 02.3 Projection onto the cone. 11 of 60: absolute values") == 1
        assert "41 of 60 passed, 19 tried (19 of them stuck), 0 not begun." in words
        assert "Of the 19 who tried:" in words
        assert "11: absolute values" in words
        assert "30 of 60: “Which rank?” (chapter 02)" in words

    def test_asks_nothing_of_another_machine_and_runs_no_script(self, capsys, lab):
        printed(capsys, lab)
        page = Page(lab / "class.html")
        tags = {tag for tag, _ in page.tags}
        assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
        assert not [a for _, a in page.tags if {"src", "href", "xlink:href"} & set(a)]
        assert "http" not in page.text.replace("http-equiv", "")
        assert "default-src 'none'" in page.text

    def test_is_readable_without_seeing_it(self, capsys, lab):
        printed(capsys, lab)
        page = Page(lab / "class.html")
        assert ("html", {"lang": "en"}) in page.tags
        assert [tag for tag, _ in page.tags if tag in ("h1", "main")] == ["main", "h1"]
        bars = [a for tag, a in page.tags if tag == "svg"]
        assert bars
        assert all(a.get("aria-hidden") == "true" for a in bars)

    def test_a_bar_is_as_long_as_its_numbers(self, capsys, lab):
        printed(capsys, lab)
        wide = [a["width"] for tag, a in Page(lab / "class.html").tags if tag == "rect"]
        assert f"{100 * 41 / 60:.2f}%" in wide
        assert f"{100 * 19 / 60:.2f}%" in wide

    def test_holds_no_markup_from_a_record(self, capsys, tmp_path, record):
        evil = "<script>alert(1)</script>"
        for name in ("<b>mallory", "trudy"):
            made = record().fails("02.1", evil).predicts("02.rank", "sure", False)
            tree = {"format": "dmlcourse-record", "version": 1, "entries": made.entries}
            made.entries[-1]["choice"] = evil
            made.entries.append({**made.entries[-1], "key": f"02.{evil}"})
            (tmp_path / f"{name}.json").write_text(json.dumps(tree))
        printed(capsys, tmp_path)
        text = (tmp_path / "class.html").read_text(encoding="utf-8")
        assert "alert" not in text
        assert "mallory" not in text

    def test_the_same_records_give_the_same_bytes(self, capsys, lab, tmp_path):
        printed(capsys, lab)
        printed(capsys, lab, "--out", str(tmp_path / "other.html"))
        assert (lab / "class.html").read_bytes() == (tmp_path / "other.html").read_bytes()

    def test_is_replaced_by_a_newer_one(self, capsys, lab):
        printed(capsys, lab)
        (lab / "s59.json").unlink()
        printed(capsys, lab)
        assert "41 of 59 passed" in Page(lab / "class.html").words

    @pytest.mark.parametrize("name", ["notes.html", "folder", "no/page.html"])
    def test_does_not_go_where_it_should_not(self, capsys, lab, tmp_path, name):
        (tmp_path / "notes.html").write_text("mine")
        (tmp_path / "folder").mkdir()
        assert main(["class", str(lab), "--out", str(tmp_path / name)]) == 2
        assert str(tmp_path / name.partition("/")[0]) in capsys.readouterr().err
        assert (tmp_path / "notes.html").read_text() == "mine"


class TestFolder:
    def test_one_folder_a_learner(self, tmp_path, record):
        hand_in(tmp_path / "ada" / "record.json", record().passes("02.1"))
        hand_in(tmp_path / "bob" / "record.json", record().fails("02.1"))
        hand_in(tmp_path / "bob" / "deeper" / "record.json", record())
        handed = read(tmp_path)
        assert set(handed.records) == {"ada/record", "bob/record"}
        assert handed.remarks == [
            "record.json: 2 files have this name; each counts as one learner."
        ]

    def test_what_a_system_leaves_is_passed_over(self, tmp_path, record):
        hand_in(tmp_path / "ada.json", record())
        for name in ("._ada.json", ".hidden/x.json", "__MACOSX/._ada.json", "notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("?")
        (tmp_path / "folder.json").mkdir()
        handed = read(tmp_path)
        assert (set(handed.records), handed.remarks) == ({"ada"}, [])

    @pytest.fixture
    def exact(self, record):
        """A record whose times are to the microsecond, as the journal writes them."""
        made = record().hint("02.1", minutes=0.123456789)
        return made.passes("02.1")

    def test_a_copy_counts_once(self, tmp_path, exact):
        hand_in(tmp_path / "ada.json", exact)
        shutil.copy(tmp_path / "ada.json", tmp_path / "bob.json")
        handed = read(tmp_path)
        assert set(handed.records) == {"ada"}
        assert handed.remarks[0].startswith("bob.json: the same record as ada.json")

    def test_of_two_states_of_one_record_the_later_counts(self, tmp_path, exact):
        hand_in(tmp_path / "ada.json", exact)
        hand_in(tmp_path / "later.json", exact.passes("02.2"))
        handed = read(tmp_path)
        assert set(handed.records) == {"later"}
        assert handed.remarks[0].startswith("ada.json: the same record as later.json")

    @pytest.mark.parametrize("copy", ["ada copy.json", "ada (1).json", "Copy of ada.json"])
    def test_the_name_of_a_copy_is_not_the_learners(self, tmp_path, exact, copy):
        hand_in(tmp_path / "ada.json", exact)
        shutil.copy(tmp_path / "ada.json", tmp_path / copy)
        handed = read(tmp_path)
        assert set(handed.records) == {"ada"}
        assert handed.remarks[0].startswith(f"{copy}: the same record as ada.json")

    @pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
    def test_what_links_lead_to_counts_once(self, tmp_path, record):
        hand_in(tmp_path / "room" / "zoe.json", record())
        hand_in(tmp_path / "ada.json", record())
        for name, target in (("self", "."), ("a room", "room"), ("0.json", "ada.json")):
            (tmp_path / name).symlink_to(target)
        (tmp_path / "circle.json").symlink_to("circle.json")
        handed = read(tmp_path)
        assert set(handed.records) == {"ada", "zoe"}
        assert [remark.partition(":")[0] for remark in handed.remarks] == ["circle.json"]

    @pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
    def test_a_link_to_a_folder_elsewhere_is_read(self, tmp_path, record):
        hand_in(tmp_path / "elsewhere" / "zoe.json", record())
        (tmp_path / "lab").mkdir()
        (tmp_path / "lab" / "room").symlink_to(tmp_path / "elsewhere")
        assert set(read(tmp_path / "lab").records) == {"zoe"}

    def test_two_who_began_alike_are_two(self, tmp_path, exact):
        hand_in(tmp_path / "ada.json", exact)
        exact.entries.pop()
        hand_in(tmp_path / "bob.json", exact.fails("02.1"))
        assert len(read(tmp_path).records) == 2

    def test_two_without_an_entry_are_two(self, tmp_path, record):
        hand_in(tmp_path / "ada.json", record())
        hand_in(tmp_path / "bob.json", record())
        assert len(read(tmp_path).records) == 2

    @pytest.mark.parametrize("what", ["empty", "missing", "a file", "foreign"])
    def test_without_a_record_it_says_what_to_do(self, capsys, tmp_path, what):
        folder = tmp_path / "lab"
        if what != "missing":
            folder.mkdir() if what != "a file" else folder.write_text("")
        if what == "foreign":
            (folder / "x.json").write_text("{}")
        assert main(["class", str(folder)]) == 2
        said = capsys.readouterr().err
        assert "dmlcourse progress --export NAME.json" in said
        assert ("x.json: not an exported record" in said) == (what == "foreign")
        assert not (folder / "class.html").exists()
