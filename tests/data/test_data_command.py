"""``dmlcourse data``: the table of sets, and the fetching of those that are named."""

from __future__ import annotations

import pytest
from small_sets import Answer

from dmlcourse.cli import main
from dmlcourse.data import is_here, names
from dmlcourse.data.command import data
from dmlcourse.data.download import bring, place
from dmlcourse.errors import UserError


def line_of(name: str, text: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return " ".join(found.split())


class TestTable:
    def test_has_a_line_for_each_set(self, small, capsys) -> None:
        assert data([]) == 0
        shown = capsys.readouterr().out
        assert line_of("wine", shown) == "wine 3 178 13 bundled CC BY 4.0"
        assert line_of("digits", shown) == "digits 10 1,797 8×8 bundled CC BY 4.0"
        assert all(line_of(name, shown) for name in (*names(), "stroke_characters"))

    def test_says_where_downloads_are_kept(self, small, data_home, capsys) -> None:
        data([])
        assert f"Downloads are kept in {data_home}" in capsys.readouterr().out

    def test_follows_what_is_there(self, small, server, capsys) -> None:
        data([])
        assert "not here, 0.0 MB to fetch" in line_of("mnist", capsys.readouterr().out)
        bring(small["mnist"], small["mnist"].files[:1])
        capsys.readouterr()
        data([])
        assert "28×28 in part, 0.0 MB to fetch" in line_of("mnist", capsys.readouterr().out)
        bring(small["mnist"], small["mnist"].files)
        capsys.readouterr()
        data([])
        assert "28×28 here, 0.0 MB CC" in line_of("mnist", capsys.readouterr().out)

    def test_fetches_nothing(self, small, server) -> None:
        data([])
        assert server.asked == []

    def test_has_the_sizes_of_the_real_ones(self, data_home, capsys) -> None:
        data([])
        shown = capsys.readouterr().out
        assert line_of("mnist", shown) == (
            "mnist 10 70,000 28×28 not here, 11.6 MB to fetch CC BY-SA 3.0"
        )
        assert line_of("omniglot", shown) == (
            "omniglot 1,623 32,460 105×105 not here, 16.3 MB to fetch MIT"
        )

    def test_keeps_its_columns_in_line(self, data_home, capsys) -> None:
        data([])
        head, *rows = capsys.readouterr().out.split("\n\n")[0].splitlines()
        start = head.index("where")
        assert {row[start - 2 : start] for row in rows} == {"  "}


class TestFetch:
    @pytest.mark.parametrize("name", ["mnist", "omniglot"])
    def test_brings_every_file(self, small, server, capsys, name) -> None:
        assert data([name]) == 0
        assert is_here(name)
        assert len(server.asked) == len(small[name].files)
        assert f"{name} is complete and verified" in capsys.readouterr().out

    def test_is_done_once(self, small, server) -> None:
        data(["mnist", "mnist"])
        data(["mnist"])
        assert len(server.asked) == 4

    def test_of_a_bundled_set(self, small, server, capsys) -> None:
        assert data(["wine"]) == 0
        assert capsys.readouterr().out == "wine is bundled: nothing to fetch.\n"
        assert server.asked == []

    def test_of_an_unknown_set_fetches_none_of_the_others(self, small, server) -> None:
        with pytest.raises(UserError, match=r"Did you mean 'omniglot'\?"):
            data(["mnist", "omniglto"])
        assert server.asked == []

    def test_verifies_what_is_there(self, small) -> None:
        data(["mnist"])
        place(small["mnist"].files[3]).write_bytes(b"")
        with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
            data(["mnist"])

    def test_goes_on_where_it_stopped(self, small, server) -> None:
        right = server.answers["/all_runs.zip"]
        server.answers["/all_runs.zip"] = Answer(b"", 503)
        with pytest.raises(UserError, match="503"):
            data(["omniglot"])
        server.answers["/all_runs.zip"] = right
        assert data(["omniglot"]) == 0
        assert server.asked.count("/images_background.zip") == 1


class TestCommandLine:
    def test_prints_the_table(self, small, capsys) -> None:
        assert main(["data"]) == 0
        assert capsys.readouterr().out.startswith("name ")

    def test_a_failure_is_a_sentence_and_status_2(self, small, server, capsys) -> None:
        server.answers.clear()
        assert main(["data", "mnist"]) == 2
        shown = capsys.readouterr().err
        assert "dmlcourse: 404 Client Error" in shown
        assert "Traceback" not in shown
