"""Reading a notebook as data: every way to be broken has its sentence, and nothing runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from notebooks import NAME, Book

from dmlcourse.grading import notebook
from dmlcourse.grading.notebook import Unreadable, read_cells


def problem(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read_cells(path)
    return str(caught.value)


class TestReads:
    def test_ids_roles_and_sources(self, book: Book, tmp_path: Path) -> None:
        cells = {cell.id: cell for cell in read_cells(book.solve().save(tmp_path / NAME))}
        answer = cells["answer-02-1"]
        assert (answer.role, answer.exercise, answer.grade_id) == ("answer", "02.1", "answer-02-1")
        assert answer.is_code
        assert answer.source.startswith("def mahalanobis")
        assert not cells["text-title"].is_code

    def test_a_source_in_lines(self, tmp_path: Path) -> None:
        tree = {"cells": [{"cell_type": "code", "source": ["a = 1\n", "b = 2"]}]}
        (tmp_path / NAME).write_text(json.dumps(tree))
        assert read_cells(tmp_path / NAME)[0].source == "a = 1\nb = 2"

    @pytest.mark.parametrize("ending", ["\r\n", "\r"])
    def test_other_line_ends(self, ending: str, book: Book, tmp_path: Path) -> None:
        book.solve()["answer-02-1"]["source"] = f"a = 1{ending}b = 2"
        text = json.dumps(book.tree, indent=1).replace("\n", "\r\n")
        (tmp_path / NAME).write_bytes(text.encode())
        (answer,) = [c for c in read_cells(tmp_path / NAME) if c.id == "answer-02-1"]
        assert answer.source == "a = 1\nb = 2"

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_other_encodings(self, encoding: str, book: Book, tmp_path: Path) -> None:
        (tmp_path / NAME).write_text(json.dumps(book.tree), encoding=encoding)
        assert read_cells(tmp_path / NAME)[0].id == "text-title"

    def test_metadata_of_any_kind(self, tmp_path: Path) -> None:
        strange = {"cell_type": "code", "source": "", "id": 7, "metadata": ["nbgrader"]}
        nested = {"cell_type": "code", "source": "", "metadata": {"nbgrader": 1, "dmlcourse": []}}
        (tmp_path / NAME).write_text(json.dumps({"cells": [strange, nested]}))
        assert [cell.id for cell in read_cells(tmp_path / NAME)] == ["", ""]


class TestRefuses:
    def test_a_notebook_saved_half_way(self, book: Book, tmp_path: Path) -> None:
        path = book.save(tmp_path / NAME)
        path.write_text(path.read_text()[:900])
        assert "saved half-way" in problem(path)

    @pytest.mark.parametrize(
        "content", [b"", b"PK\x03\x04\xff\xfe", b"[" * 100_000, b'{"a": 1e999']
    )
    def test_what_is_not_json(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(content)
        assert "it is broken" in problem(tmp_path / NAME)

    @pytest.mark.parametrize("tree", [[], 7, {}, {"cells": {}}, {"worksheets": [{"cells": []}]}])
    def test_what_is_not_a_notebook(self, tree: object, tmp_path: Path) -> None:
        (tmp_path / NAME).write_text(json.dumps(tree))
        assert "not a notebook of format 4" in problem(tmp_path / NAME)

    @pytest.mark.parametrize("cell", [7, {}, {"source": 1}, {"source": ["a", 1]}, None])
    def test_a_cell_without_text(self, cell: object, tmp_path: Path) -> None:
        (tmp_path / NAME).write_text(json.dumps({"cells": [cell]}))
        assert "its cell 1 has no text" in problem(tmp_path / NAME)

    def test_a_file_without_end(self, tmp_path: Path) -> None:
        with open(tmp_path / NAME, "wb") as file:
            file.truncate(10 * notebook.MOST_BYTES)
        assert "larger than 32 MB" in problem(tmp_path / NAME)

    def test_cells_without_end(self, tmp_path: Path) -> None:
        cells = [{"cell_type": "code", "source": ""}] * (notebook.MOST_CELLS + 1)
        (tmp_path / NAME).write_text(json.dumps({"cells": cells}))
        assert "1001 cells" in problem(tmp_path / NAME)

    def test_a_link(self, book: Book, tmp_path: Path) -> None:
        (tmp_path / NAME).symlink_to(book.save(tmp_path / "elsewhere" / NAME))
        assert "a link" in problem(tmp_path / NAME)

    def test_a_pipe_without_waiting_for_it(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / NAME)
        assert "not a file" in problem(tmp_path / NAME)

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / NAME).mkdir()
        assert problem(tmp_path / NAME).startswith(("it is not a file", "it cannot be read"))

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert "cannot be read" in problem(tmp_path / NAME)
