"""A file is written whole or not at all, whoever else writes, reads or is killed meanwhile."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dmlcourse.files import unwritable, write_whole

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="no permission bits on this system")

# What a system says of a place where no file can be written.
REFUSALS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def all_at_once(*jobs) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The place of a file, in a folder of its own."""
    return tmp_path / "file"


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


class TestContent:
    def test_is_bytes(self, file) -> None:
        write_whole(file, b"a\r\n\xff")
        assert file.read_bytes() == b"a\r\n\xff"

    def test_or_what_a_function_writes(self, file) -> None:
        write_whole(file, lambda part: part.write_text("new"))
        assert file.read_text() == "new"

    @pytest.mark.parametrize("content", [b"new", lambda part: part.write_bytes(b"new")])
    def test_replaces_the_old_and_leaves_nothing_beside(self, file, content) -> None:
        file.write_text("an old and longer text")
        write_whole(file, content)
        assert file.read_bytes() == b"new"
        assert names(file.parent) == ["file"]

    def test_may_be_nothing(self, file) -> None:
        file.write_text("old")
        write_whole(file, b"")
        assert file.read_bytes() == b""

    def test_goes_to_the_longest_name_there_is(self, tmp_path) -> None:
        write_whole(tmp_path / ("x" * 255), b"new")
        assert (tmp_path / ("x" * 255)).read_bytes() == b"new"

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
    def test_replaces_a_link_and_not_what_it_leads_to(self, file, tmp_path) -> None:
        (tmp_path / "elsewhere").write_text("old")
        file.symlink_to(tmp_path / "elsewhere")
        write_whole(file, b"new")
        assert (tmp_path / "elsewhere").read_text() == "old"
        assert (file.is_symlink(), file.read_bytes()) == (False, b"new")

    @pytest.mark.parametrize("new", [False, True])
    def test_is_on_the_disk_before_it_gets_its_name(self, file, monkeypatch, new) -> None:
        done, sync = [], os.fsync

        def synced(number: int) -> None:
            done.append((os.fstat(number).st_size, file.exists()))
            sync(number)

        monkeypatch.setattr(os, "fsync", synced)
        write_whole(file, b"new", new=new)
        assert done == [(3, False)]


class Stopped(Exception):
    """What stops a write in these tests."""


def stops(*_: object, **__: object) -> None:
    raise Stopped


def half(part: Path) -> None:
    part.write_text("ne")
    raise Stopped


class TestFailure:
    @pytest.mark.parametrize("new", [False, True])
    @pytest.mark.parametrize("at", ["content", "fsync", "check", "last step"])
    def test_leaves_all_as_it_was(self, tmp_path, monkeypatch, at, new) -> None:
        file = tmp_path / "file"
        if not new:
            file.write_text("old")
        if at == "fsync":
            monkeypatch.setattr(os, "fsync", stops)
        if at == "last step":
            monkeypatch.setattr(os, "link" if new else "replace", stops)
        content, check = half if at == "content" else b"new", stops if at == "check" else None
        with pytest.raises(Stopped):
            write_whole(file, content, new=new, check=check)
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
            {} if new else {"file": "old"}
        )

    @pytest.mark.parametrize("wrong", ["no/file", "text/file", "folder"])
    def test_to_write_there_is_an_error_of_the_system(self, tmp_path, wrong) -> None:
        (tmp_path / "text").write_text("a file")
        (tmp_path / "folder").mkdir()
        with pytest.raises(REFUSALS):
            write_whole(tmp_path / wrong, b"new")
        assert names(tmp_path) == ["folder", "text"]
        assert names(tmp_path / "folder") == []

    def test_that_is_a_kill_leaves_what_nobody_takes_for_theirs(self, tmp_path) -> None:
        file = tmp_path / "02.ipynb"
        file.write_text("old")
        script = (
            "import os, pathlib, sys; from dmlcourse.files import write_whole\n"
            "write_whole(pathlib.Path(sys.argv[1]), b'half', check=lambda: os._exit(7))"
        )
        root = Path(__file__).resolve().parents[1]
        ran = subprocess.run([sys.executable, "-c", script, str(file)], cwd=root)
        assert (ran.returncode, file.read_text()) == (7, "old")
        (left,) = set(names(tmp_path)) - {"02.ipynb"}
        assert left.startswith(".dmlcourse-")
        assert left.endswith(".part")
        write_whole(file, b"new")
        assert (file.read_text(), len(names(tmp_path))) == ("new", 2)


class TestAtOnce:
    def test_nobody_sees_a_part(self, file) -> None:
        seen = []

        def slow(part: Path) -> None:
            part.write_text("first, ")
            write_whole(file, b"second")
            seen.append(file.read_text())
            part.write_text("first, whole")

        write_whole(file, slow)
        assert (seen, file.read_text()) == (["second"], "first, whole")
        assert names(file.parent) == ["file"]

    @pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced there")
    def test_who_reads_the_old_file_reads_it_to_its_end(self, file) -> None:
        file.write_text("old")
        with file.open() as reader:
            write_whole(file, b"new")
            assert reader.read() == "old"

    @pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced there")
    def test_many_writers_leave_one_whole_file_at_every_moment(self, file) -> None:
        texts = [letter * 20_000 for letter in (b"a", b"b", b"c")]
        write_whole(file, texts[0])
        seen = set()

        def writes(text: bytes) -> None:
            for _ in range(20):
                write_whole(file, text)
                seen.add(file.read_bytes())

        all_at_once(*(lambda text=text: writes(text) for text in texts))
        assert seen <= set(texts)
        assert seen
        assert names(file.parent) == ["file"]


@pytest.fixture(params=["with second names", "without"])
def system(request, monkeypatch) -> str:
    """File systems that know hard links, and those that do not."""

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "without":
        monkeypatch.setattr(os, "link", refused)
    return request.param


@pytest.mark.usefixtures("system")
class TestNew:
    def test_is_written_where_nothing_is(self, file) -> None:
        write_whole(file, b"new", new=True)
        assert file.read_bytes() == b"new"
        assert names(file.parent) == ["file"]

    def test_leaves_what_is_there_and_asks_for_no_content(self, file) -> None:
        file.write_text("mine")
        with pytest.raises(FileExistsError):
            write_whole(file, stops, new=True)
        assert file.read_text() == "mine"
        assert names(file.parent) == ["file"]

    def test_leaves_a_folder(self, file) -> None:
        file.mkdir()
        with pytest.raises(FileExistsError):
            write_whole(file, b"new", new=True)

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
    def test_leaves_a_link_that_leads_nowhere(self, file) -> None:
        file.symlink_to("nowhere")
        with pytest.raises(FileExistsError):
            write_whole(file, stops, new=True)
        assert names(file.parent) == ["file"]

    def test_leaves_what_came_meanwhile(self, file) -> None:
        with pytest.raises(FileExistsError):
            write_whole(file, b"new", new=True, check=lambda: file.write_text("mine"))
        assert file.read_text() == "mine"
        assert names(file.parent) == ["file"]

    def test_of_many_at_once_one_is_first(self, file) -> None:
        ready, won, refused = threading.Barrier(4), [], []

        def takes(text: bytes) -> None:
            try:
                write_whole(file, text, new=True, check=ready.wait)
                won.append(text)
            except FileExistsError:
                refused.append(text)

        all_at_once(*(lambda text=text: takes(text) for text in (b"a", b"bb", b"ccc", b"dddd")))
        assert [file.read_bytes()] == won
        assert len(refused) == 3
        assert names(file.parent) == ["file"]

    def test_leaves_no_empty_file_where_the_last_step_fails(self, file, system, monkeypatch):
        monkeypatch.setattr(os, "replace", stops)
        if system == "without":
            with pytest.raises(Stopped):
                write_whole(file, b"new", new=True)
            assert names(file.parent) == []
        else:
            write_whole(file, b"new", new=True)
            assert file.read_bytes() == b"new"


@ON_POSIX
@pytest.mark.usefixtures("umask")
class TestMode:
    @pytest.mark.parametrize("new", [False, True])
    def test_of_a_new_file_is_what_every_program_gives(self, file, new) -> None:
        write_whole(file, b"new", new=new)
        assert mode(file) == 0o640

    def test_of_a_new_file_can_be_narrower(self, file) -> None:
        write_whole(file, b"new", mode=0o600)
        assert mode(file) == 0o600

    @pytest.mark.parametrize("old", [0o600, 0o666, 0o640, 0o444, 0o755])
    def test_of_the_old_file_is_handed_on(self, file, old) -> None:
        file.write_text("old")
        file.chmod(old)
        write_whole(file, b"new", mode=0o600)
        assert (mode(file), file.read_bytes()) == (old, b"new")

    def test_of_a_private_file_holds_while_it_is_written(self, file) -> None:
        file.write_text("old")
        file.chmod(0o600)
        seen = []
        write_whole(file, lambda part: seen.append((mode(part), part.write_bytes(b"new"))))
        assert seen == [(0o600, 3)]

    def test_is_no_matter_where_there_are_none(self, file, monkeypatch) -> None:
        def refused(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        file.write_text("old")
        monkeypatch.setattr(os, "chmod", refused)
        write_whole(file, b"new")
        assert file.read_bytes() == b"new"


class TestWords:
    def said(self, path: Path) -> str:
        with pytest.raises(REFUSALS) as caught:
            write_whole(path, b"new", new=True)
        return str(unwritable(path, caught.value))

    def test_for_a_name_that_is_taken(self, file) -> None:
        file.write_text("mine")
        assert self.said(file) == (
            f'"{file}" exists already and stays as it is. Choose another name, or delete it first.'
        )

    def test_for_a_folder(self, file) -> None:
        file.mkdir()
        assert self.said(file) == f'"{file}" is a folder. Name a file in it.'

    def test_for_a_folder_that_is_missing(self, file) -> None:
        assert self.said(file / "x") == (
            f'there is no folder "{file}". Make it first, or choose another place.'
        )

    def test_for_all_else_in_the_words_of_the_system(self, file) -> None:
        error = OSError(errno.ENOSPC, "No space left on device")
        assert str(unwritable(file, error)) == (
            f'cannot write "{file}": No space left on device. Choose another place.'
        )
        assert "the disk is gone" in str(unwritable(file, OSError("the disk is gone")))
