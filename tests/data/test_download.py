"""Files from the network: whole and verified, or not there with a sentence that says why."""

from __future__ import annotations

import gzip
import os
import socket
import stat
import threading
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import platformdirs
import pytest
from small_sets import Answer

from dmlcourse.data import data_folder, download, is_here, load
from dmlcourse.data.download import absent, bring, place, store
from dmlcourse.errors import UserError


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def images(small):
    """The first file of the small MNIST."""
    return small["mnist"].files[0]


class TestDataFolder:
    def test_is_the_users_cache_folder(self, monkeypatch) -> None:
        monkeypatch.delenv("DMLCOURSE_DATA", raising=False)
        assert data_folder() == Path(platformdirs.user_cache_dir("dmlcourse"))

    def test_is_the_one_that_the_environment_names(self, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("DMLCOURSE_DATA", str(tmp_path))
        assert data_folder() == tmp_path

    def test_may_start_with_the_home_folder(self, monkeypatch) -> None:
        monkeypatch.setenv("DMLCOURSE_DATA", "~/data")
        assert data_folder() == Path.home() / "data"

    def test_an_empty_name_counts_as_none(self, monkeypatch) -> None:
        monkeypatch.setenv("DMLCOURSE_DATA", "")
        assert data_folder() == Path(platformdirs.user_cache_dir("dmlcourse"))


class TestBring:
    def test_puts_the_file_in_its_place(self, small, server, images, data_home) -> None:
        bring(small["mnist"], [images])
        assert place(images) == data_home / images.path
        name = "train-images-idx3-ubyte.gz"
        assert place(images).read_bytes() == server.answers[f"/{name}"].body
        assert files_in(data_home) == [name]

    def test_says_what_comes_from_where_and_the_licence(self, small, images, capsys) -> None:
        bring(small["mnist"], [images])
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("MNIST: 1 file, 0.0 MB, from 127.0.0.1:")
        assert str(data_folder()) in first
        assert second == "Somebody, 1998. CC BY-SA 3.0."

    def test_a_file_that_is_there_is_not_fetched_again(self, small, server, images, capsys) -> None:
        bring(small["mnist"], [images])
        capsys.readouterr()
        bring(small["mnist"], [images])
        assert len(server.asked) == 1
        assert capsys.readouterr().out == ""

    def test_without_download_nothing_is_asked(self, small, server, images, data_home) -> None:
        with pytest.raises(UserError) as caught:
            bring(small["mnist"], [images], download=False)
        said = str(caught.value)
        assert f"{data_home / 'mnist'} lacks train-images-idx3-ubyte.gz" in said
        assert "run: dmlcourse data mnist" in said
        assert "copy these files into that folder" in said
        assert server.asked == []

    def test_a_file_is_kept_as_the_server_has_it_stored(self, small, server, images) -> None:
        path = f"/{Path(images.path).name}"
        label = {"Content-Encoding": "gzip"}
        server.answers[path] = replace(server.answers[path], headers=label)
        bring(small["mnist"], [images])
        assert place(images).read_bytes() == server.answers[path].body

    def test_other_people_may_read_the_file(self, small, images, data_home) -> None:
        if os.name != "posix":
            pytest.skip("no permission bits on this system")
        plain = data_home.parent / "plain"
        plain.touch()
        bring(small["mnist"], [images])
        assert stat.S_IMODE(place(images).stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)

    def test_two_at_once_both_have_the_whole_file(self, small, server, images, data_home) -> None:
        path = f"/{Path(images.path).name}"
        both_asked = threading.Barrier(2)
        server.answers[path] = replace(server.answers[path], meeting=both_asked)
        failed = []

        def fetch() -> None:
            try:
                bring(small["mnist"], [images])
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=fetch) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(server.asked) == 2
        assert place(images).read_bytes() == server.answers[path].body
        assert len(files_in(data_home)) == 1


WRONG = {
    "not found": (Answer(b"no", 404), "404 Client Error"),
    "server error": (Answer(b"sorry", 500), "500 Server Error"),
    "nothing": (Answer(b""), "0 bytes with MD5 d41d8cd98f00b204e9800998ecf8427e, expected MD5"),
    "a page": (Answer(b"<html>Log in to this network</html>"), "35 bytes with MD5"),
    "breaks off": (Answer(b"x" * 7_000, sent=5_000), "broke off"),
    "breaks off at once": (Answer(b"x" * 100, sent=0), "broke off"),
}


class TestFailure:
    @pytest.mark.parametrize(("answer", "said"), WRONG.values(), ids=WRONG)
    def test_leaves_nothing_and_says_why(
        self, small, server, images, data_home, answer, said
    ) -> None:
        server.answers[f"/{Path(images.path).name}"] = answer
        with pytest.raises(UserError) as caught:
            bring(small["mnist"], [images])
        message = str(caught.value)
        assert said in message
        assert images.address in message
        assert "Nothing of it was kept." in message
        assert "dmlcourse data mnist" in message
        assert files_in(data_home) == []

    def test_without_network(self, small, data_home, monkeypatch) -> None:
        monkeypatch.setenv("NO_PROXY", "*")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}/file.gz"
            files = [replace(file, address=address) for file in small["mnist"].files]
            with pytest.raises(UserError) as caught:
                bring(small["mnist"], files)
        said = str(caught.value)
        assert f"{address} cannot be reached" in said
        assert all(Path(file.path).name in said for file in files), "all that is to be copied"
        assert files_in(data_home) == []

    def test_what_came_before_it_stays(self, small, server, data_home) -> None:
        files = small["mnist"].files[:2]
        server.answers["/train-labels-idx1-ubyte.gz"] = Answer(b"no", 404)
        with pytest.raises(UserError, match=r"lacks train-labels-idx1-ubyte\.gz\."):
            bring(small["mnist"], files)
        assert files_in(data_home) == ["train-images-idx3-ubyte.gz"]

    def test_where_no_md5_is_published_the_content_decides(self, small, server, data_home) -> None:
        runs = small["omniglot"].files[2]
        assert runs.md5 is None
        server.answers["/all_runs.zip"] = Answer(b"PK, but not a zip file")
        with pytest.raises(UserError, match="gave something else: 22 bytes, and it cannot be unp"):
            bring(small["omniglot"], [runs])
        assert files_in(data_home) == []

    def test_of_the_content_under_the_right_md5(self, small, images, data_home) -> None:
        with pytest.raises(UserError, match="gave something else: some of its values differ"):
            bring(small["mnist"], [replace(images, content="0" * 64)])
        assert files_in(data_home) == []

    def test_to_write(self, small, images, tmp_path, monkeypatch) -> None:
        (tmp_path / "file").write_text("not a folder")
        monkeypatch.setenv("DMLCOURSE_DATA", str(tmp_path / "file"))
        with pytest.raises(UserError, match=r"Cannot write in .* set DMLCOURSE_DATA to a folder"):
            bring(small["mnist"], [images])

    def test_to_write_in_a_folder_that_is_marked(self, small, images, data_home) -> None:
        if os.name != "posix":
            pytest.skip("no permission bits on this system")
        (data_home / "mnist").mkdir(parents=True)
        (data_home / "mnist").chmod(0o555)
        with pytest.raises(UserError, match="Cannot write in"):
            bring(small["mnist"], [images])
        assert files_in(data_home) == []


def test_store_makes_the_folders_above(tmp_path) -> None:
    store(tmp_path / "a" / "b", lambda part: part.write_text("new"))
    assert (tmp_path / "a" / "b").read_text() == "new"


def test_load_fetches_what_it_needs_and_no_more(small, server) -> None:
    load("mnist", part="test")
    assert server.asked == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]
    assert not is_here("mnist")
    assert absent(small["mnist"].files) == list(small["mnist"].files[:2])


def test_load_says_what_is_missing_all_at_once(small, data_home) -> None:
    with pytest.raises(UserError, match=r"lacks train-images-idx3-ubyte\.gz, train-labels-idx1"):
        load("mnist", download=False)


def test_a_file_copied_by_hand_needs_no_network(small, server, data_home) -> None:
    (data_home / "mnist").mkdir(parents=True)
    for file in small["mnist"].files:
        raw = gzip.decompress(server.answers[f"/{Path(file.path).name}"].body)
        place(file).write_bytes(gzip.compress(raw, compresslevel=1))
    assert is_here("mnist")
    assert len(load("mnist", download=False)) == 5
    assert server.asked == []


class TestServer:
    def test_one_that_sends_without_end_is_left(self, small, server, images, data_home) -> None:
        path = f"/{Path(images.path).name}"
        # It promises nothing about the length, and would send a thousand times what is expected.
        server.answers[path] = Answer(bytes(1000 * images.size), says_length=False)
        with pytest.raises(UserError, match="gave something else: more than 7,918 bytes, expected"):
            bring(small["mnist"], [images])
        assert files_in(data_home) == []

    def test_one_that_drips_is_left_after_a_while(
        self, small, server, images, data_home, monkeypatch
    ) -> None:
        path = f"/{Path(images.path).name}"
        go_on = threading.Event()
        server.answers[path] = replace(server.answers[path], sent=1, go_on=go_on)
        # On this clock every look is half an hour after the last.
        clock = SimpleNamespace(monotonic=count(step=1800).__next__, time=time.time)
        monkeypatch.setattr(download, "time", clock)
        try:
            with pytest.raises(UserError) as caught:
                bring(small["mnist"], [images])
        finally:
            go_on.set()
        said = f"{images.address} is too slow: 1 of 3,959 bytes in 30 minutes. Nothing of it was"
        assert said in str(caught.value)
        assert files_in(data_home) == []

    def test_one_that_drips_in_time_is_waited_for(self, small, server, images) -> None:
        path = f"/{Path(images.path).name}"
        go_on = threading.Event()
        go_on.set()
        server.answers[path] = replace(server.answers[path], sent=1, go_on=go_on)
        bring(small["mnist"], [images])
        assert place(images).read_bytes() == server.answers[path].body

    def test_a_slow_line_may_take_longer_for_a_larger_file(self) -> None:
        # Ten megabytes at 50 kilobits a second.
        assert download.GRACE + 10**7 / download.SLOWEST > 8 * 10**7 / 50_000


class TestLeftOvers:
    def test_of_a_killed_download_go_after_a_day(self, small, images) -> None:
        folder = place(images).parent
        folder.mkdir(parents=True)
        old, young = (folder / f".dmlcourse-{name}.part" for name in ("old", "young"))
        for part in (old, young):
            part.write_bytes(b"half")
        os.utime(old, (0, 0))
        bring(small["mnist"], [images])
        assert not old.exists()
        assert young.exists()
