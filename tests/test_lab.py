"""``dmlcourse lab``: the folder, the chapter, the port, the screen, and a real JupyterLab."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from dmlcourse import lab
from dmlcourse.errors import UserError

NOTEBOOKS = ("02_mahalanobis", "17a_sampling", "17b_mining")

ALT = "A grey square, the only picture of this course."
PICTURE = {
    "cells": [
        {
            "cell_type": "code",
            "id": "demo-1",
            "execution_count": 1,
            "metadata": {},
            "source": "",
            "outputs": [
                {
                    "output_type": "display_data",
                    "data": {"image/png": "iVBORw0KGgo="},
                    "metadata": {"image/png": {"alt": ALT}},
                }
            ],
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    for name in NOTEBOOKS:
        (chapters / f"{name}.ipynb").write_text('{"cells":[],"metadata":{},"nbformat":4}')
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("localhost", 0)) as server:
        yield server.getsockname()[1]


class TestChapter:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (None, "02_mahalanobis"),
            ("02", "02_mahalanobis"),
            ("2", "02_mahalanobis"),
            ("02_mahalanobis", "02_mahalanobis"),
            ("17b", "17b_mining"),
            ("17", "17a_sampling"),
        ],
    )
    def test_is_found_by_number_or_name(self, course, asked, found) -> None:
        assert lab.find_chapter(course, asked) == course / "chapters" / f"{found}.ipynb"

    @pytest.mark.parametrize("asked", ["1", "99", "mahalanobis", ""])
    def test_unknown_lists_those_there_are(self, course, asked) -> None:
        with pytest.raises(UserError, match=f"{asked}.*02_mahalanobis, 17a_sampling"):
            lab.find_chapter(course, asked)

    def test_none_yet_opens_the_folder(self, tmp_path) -> None:
        (tmp_path / "chapters").mkdir()
        assert lab.find_chapter(tmp_path, None) is None
        assert "--LabApp.default_url=/lab" in lab.lab_options(tmp_path, None, 8888, True)


class TestLearnersCopy:
    """What is opened is the learner's, so that reading changes no file that git tracks."""

    @pytest.fixture
    def page(self, course, monkeypatch) -> Path:
        (course / "exercises").mkdir()
        text = (course / "chapters" / "02_mahalanobis.ipynb").read_text()
        (course / "exercises" / "02_mahalanobis.ipynb").write_text(text)
        monkeypatch.chdir(course)
        return course / "chapters" / "02_mahalanobis.ipynb"

    def test_is_made_with_that_of_the_exercises(self, course, page, capsys) -> None:
        mine = course / "work" / "reading" / page.name
        assert lab.learners_copy(course, page) == mine
        assert mine.exists()
        assert (course / "work" / page.name).exists()
        assert capsys.readouterr().out.splitlines() == [
            "work/02_mahalanobis.ipynb is your copy of exercises/02_mahalanobis.ipynb.",
            "work/reading/02_mahalanobis.ipynb is your copy of chapters/02_mahalanobis.ipynb.",
        ]

    def test_that_is_there_opens_as_it_is(self, course, page, capsys) -> None:
        mine = lab.learners_copy(course, page)
        mine.write_text("the learner's, perhaps half saved")
        capsys.readouterr()
        assert lab.learners_copy(course, page) == mine
        assert mine.read_text() == "the learner's, perhaps half saved"
        assert capsys.readouterr().out == ""

    def test_that_is_older_is_named_in_one_line(self, course, page, capsys) -> None:
        before = lab.learners_copy(course, page).read_bytes()
        page.write_text(json.dumps(PICTURE))
        capsys.readouterr()
        assert lab.learners_copy(course, page).read_bytes() == before
        assert capsys.readouterr().out == (
            "Older than the course: work/reading/02_mahalanobis.ipynb. Run `dmlcourse update`.\n"
        )

    def test_that_cannot_be_written_leaves_the_chapter_to_open(self, course, page, capsys) -> None:
        (course / "work").write_text("a file in the way")
        assert lab.learners_copy(course, page) == page
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith("work/02_mahalanobis.ipynb cannot be written (")
        assert said[1].startswith("Opening chapters/02_mahalanobis.ipynb, the course's own file")

    def test_that_is_there_opens_though_another_cannot_be_written(self, course, page) -> None:
        mine = lab.learners_copy(course, page)
        (course / "work" / page.name).unlink()
        (course / "exercises" / page.name).write_text("<<<<<<< HEAD")
        assert lab.learners_copy(course, page) == mine

    def test_is_what_jupyterlab_is_told_to_open(self, course, page, monkeypatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(lab, "jupyterlab_start", lambda course: told.extend)
        monkeypatch.setattr(os, "environ", dict(os.environ))
        before = {path: path.read_bytes() for path in course.rglob("*.ipynb")}
        assert lab.open_lab("17", browser=False) == 0
        assert "--LabApp.default_url=/lab/tree/work/reading/17a_sampling.ipynb" in told
        assert f"--ServerApp.root_dir={course}" in told
        assert {path: path.read_bytes() for path in before} == before


class TestPort:
    def test_without_a_wish_the_next_free_one_is_named(self, taken, monkeypatch, capsys) -> None:
        monkeypatch.setattr(lab, "DEFAULT_PORT", taken)
        port = lab.choose_port(None)
        assert port > taken
        assert capsys.readouterr().out == f"Port {taken} is in use; taking {port}.\n"

    def test_asked_for_and_taken_is_an_error(self, taken) -> None:
        with pytest.raises(UserError, match=f"Port {taken} is in use"):
            lab.choose_port(taken)

    @pytest.mark.parametrize("port", [-1, 0, 70000])
    def test_that_cannot_be_is_an_error(self, port) -> None:
        with pytest.raises(UserError, match=f"Port {port} is in use or not allowed"):
            lab.choose_port(port)

    def test_none_free_is_an_error(self, taken, monkeypatch) -> None:
        monkeypatch.setattr(lab, "DEFAULT_PORT", taken)
        monkeypatch.setattr(lab, "PORTS_TRIED", 1)
        with pytest.raises(UserError, match="Name one with --port"):
            lab.choose_port(None)


@pytest.mark.parametrize(
    ("environ", "platform", "seen"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "host"}, "linux", False),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({"SSH_CONNECTION": "host", "BROWSER": "opens-at-home"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"SSH_CONNECTION": "host"}, "darwin", False),
    ],
)
def test_a_browser_opens_where_somebody_sees_it(environ, platform, seen) -> None:
    assert lab.has_screen(environ, platform) is seen


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no root")
@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_to_root(course, monkeypatch, user, allowed) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in lab.lab_options(course, None, 8888, True)) is allowed


def test_without_jupyterlab_says_how_to_install_it(course, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    with pytest.raises(UserError, match="make setup"):
        lab.jupyterlab_start(course)


def test_no_waiting_thread_keeps_the_program_alive() -> None:
    before = set(threading.enumerate())

    async def stopped_in_mid_work() -> None:
        await anyio.to_thread.run_sync(int)
        loop.stop()
        await asyncio.sleep(60)

    loop = asyncio.new_event_loop()
    task = loop.create_task(stopped_in_mid_work())
    loop.run_forever()
    (waiting,) = set(threading.enumerate()) - before
    assert waiting.is_alive()
    lab.end_idle_threads()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[subprocess.Popen, str]]:
    """JupyterLab itself on a small course, without a screen, and the address that it prints."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "chapters").mkdir()
    (folder / "chapters" / "02_mahalanobis.ipynb").write_text(json.dumps(PICTURE))
    unseen = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
    environ = {name: value for name, value in os.environ.items() if name not in unseen}
    with socket.create_server(("localhost", 0)) as probe:
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "dmlcourse.cli", "lab", "--port", port]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background inherits "ignore Ctrl-C" from its shell.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process, read_address(process)
    finally:
        process.kill()


def read_address(process: subprocess.Popen) -> str:
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"http://localhost\S+token=\S+", line):
            return found[0]
    raise AssertionError("JupyterLab printed no address:\n" + "".join(lines))


def read(address: str) -> str:
    """JupyterLab prints its address a moment before it listens there."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address) as response:
                return response.read().decode()
        except urllib.error.URLError as error:
            refused = error
            time.sleep(0.1)
    raise refused


def page_config(address: str) -> dict:
    script = r'id="jupyter-config-data"[^>]*>(.*?)</script'
    return json.loads(re.search(script, read(address), re.DOTALL)[1])


@pytest.mark.skipif(os.name == "nt", reason="ends JupyterLab with a POSIX signal")
class TestJupyterLab:
    def test_prints_the_address_of_the_learners_first_chapter(self, server) -> None:
        _, address = server
        assert "/lab/tree/work/reading/02_mahalanobis.ipynb?token=" in address
        assert "<title>JupyterLab</title>" in read(address)

    def test_asks_the_network_for_nothing(self, server) -> None:
        config = page_config(server[1])
        assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
        assert config["extensionManager"]["name"] == "read-only"

    def test_describes_pictures_on_the_page_and_in_the_export(self, server) -> None:
        _, address = server
        loaded = [each["name"] for each in page_config(address)["federated_extensions"]]
        assert "dmlcourse-alt" in loaded
        assert f'alt="{ALT}"' in read(address.replace("/lab/tree/", "/nbconvert/html/"))

    def test_ctrl_c_ends_it_cleanly(self, server) -> None:
        process, _ = server
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
