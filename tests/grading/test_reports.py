"""The reports: the same bytes for the same marks, and no student's text that does anything."""

from __future__ import annotations

import csv
import io
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from notebooks import FULL

from dmlcourse.grading.marking import Config, Graded, Mark
from dmlcourse.grading.reports import page_names, table, write_all

EVIL = '"><script>alert(1)</script>'


def graded(student: str = "ada", *sentences: str) -> Graded:
    passed = Mark("02.1", 3, 3, "passed", "", ("02.1 Mahalanobis distance: passed (3 points).",))
    failed = Mark("02.2", 1, 3, "failed", "transposed factor", ("02.2: not yet.", *sentences))
    return Graded(student, (passed, failed), ("A remark.",))


def written(config: Config, folder: Path, *all_graded: Graded) -> dict[str, str]:
    write_all(folder, all_graded, config, {"seed": 7})
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


class Page(HTMLParser):
    """The elements of a page, and the text outside of its style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class TestTable:
    def test_has_the_grade_books_columns(self, config: Config) -> None:
        (row,) = csv.DictReader(table([graded()], config).splitlines())
        assert row == {
            "student_id": "ada",
            "score": "4",
            "max_score": str(FULL),
            "02.1": "3",
            "02.2": "1",
            "02.3": "",
            "02.4": "",
            "02.5": "",
            "remarks": "A remark.",
        }

    def test_has_no_score_where_grading_failed(self, config: Config) -> None:
        (row,) = csv.DictReader(table([Graded("ada", failure="No jail.")], config).splitlines())
        assert (row["score"], row["remarks"]) == ("", "No jail.")

    @pytest.mark.parametrize("student", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"])
    def test_holds_no_formula(self, student: str, config: Config) -> None:
        (_, row) = csv.reader(io.StringIO(table([graded(student)], config), newline=""))
        assert row[0] == f"'{student}"

    @pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\u2028", "\x85"])
    def test_holds_no_row_of_a_students_making(self, end: str, config: Config) -> None:
        (_, row) = table([graded(f"ada,14{end}=1")], config).splitlines()
        assert row.startswith('"ada,14\ufffd')

    def test_keeps_a_name_with_a_comma_in_its_column(self, config: Config) -> None:
        (_, row) = csv.reader(table([graded('Doe, "Ada"')], config).splitlines())
        assert row[0] == 'Doe, "Ada"'


class TestPages:
    def test_show_every_sentence(self, config: Config, tmp_path: Path) -> None:
        page = written(config, tmp_path, graded("ada", "Your factor is transposed."))
        for sentence in ("4 of 14 points.", "A remark.", "Your factor is transposed.", "not yet."):
            assert sentence in page["students/ada.html"]

    def test_can_be_read_by_a_screen_reader(self, config: Config, tmp_path: Path) -> None:
        for name, text in written(config, tmp_path, graded()).items():
            if name.endswith(".html"):
                page = Page(text)
                assert page.all("html") == [{"lang": "en"}]
                assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
                assert {cell.get("scope") for cell in page.all("th")} == {"row", "col"}
                assert len(page.all("caption")) == len(page.all("table")) == 1

    def test_hold_no_markup_of_a_student(self, config: Config, tmp_path: Path) -> None:
        one = Graded(EVIL, graded(EVIL, EVIL).marks, (EVIL,), EVIL)
        for name, text in written(config, tmp_path, one).items():
            if name.endswith(".html"):
                assert "<script" not in text
                assert not Page(text).all("script")
                assert "default-src 'none'" in text

    def test_load_nothing(self, config: Config, tmp_path: Path) -> None:
        for text in written(config, tmp_path, graded()).values():
            assert "http:" not in text
            assert "https:" not in text
            assert "src=" not in text

    def test_are_linked_from_one_table(self, config: Config, tmp_path: Path) -> None:
        files = written(
            config, tmp_path, graded("ada"), graded("a b/../c"), Graded("bo", failure="x")
        )
        links = [link["href"] for link in Page(files["index.html"]).all("a")]
        assert len(links) == 3
        assert set(links) <= set(files)
        assert "not graded" in files["index.html"]


class TestNames:
    def test_of_pages_stay_in_their_folder(self) -> None:
        names = page_names(["../../x", "/etc/passwd", "..", "", "a\0b", "ä", "x" * 300, "\udc80"])
        assert len(set(names.values())) == len(names)
        for name in names.values():
            assert name.isascii()
            assert "/" not in name
            assert not name.startswith(".")
            assert len(name) < 120

    def test_differ_where_upper_case_does_not_count(self) -> None:
        names = page_names(["ada", "Ada", "a-a", "a a"])
        assert len({name.lower() for name in names.values()}) == 4


class TestFiles:
    def test_are_the_same_for_the_same_marks(self, config: Config, tmp_path: Path) -> None:
        one = written(config, tmp_path / "one", graded(), graded("bo"))
        assert one == written(config, tmp_path / "other", graded(), graded("bo"))

    def test_are_replaced_whole(self, config: Config, tmp_path: Path) -> None:
        before = set(written(config, tmp_path, graded()))
        after = written(config, tmp_path, graded("ada", "New."))
        assert set(after) == before
        assert "New." in after["students/ada.html"]

    def test_stay_as_they_were_when_writing_fails(self, config, tmp_path, monkeypatch) -> None:
        before = written(config, tmp_path, graded())

        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="disk is full"):
            write_all(tmp_path, [graded("ada", "New.")], config, {})
        monkeypatch.undo()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {str(path.relative_to(tmp_path)) for path in files} == set(before)

    def test_are_open_to_their_owner_alone(self, config: Config, tmp_path: Path) -> None:
        if os.name != "posix":
            pytest.skip("no permission bits on this system")
        names = written(config, tmp_path, graded())
        assert [name for name in names if (tmp_path / name).stat().st_mode & 0o077] == []

    def test_take_names_that_are_not_text(self, config: Config, tmp_path: Path) -> None:
        files = written(config, tmp_path, graded("\udc80"))
        assert json.loads(files["results.json"])["students"][0]["student"] == "?"

    def test_record_what_was_said_and_how(self, config: Config, tmp_path: Path) -> None:
        record = json.loads(written(config, tmp_path, graded())["results.json"])
        assert (record["seed"], record["max_score"]) == (7, FULL)
        (student,) = record["students"]
        assert (student["student"], student["score"]) == ("ada", 4)
        assert student["marks"][1]["mistake"] == "transposed factor"
