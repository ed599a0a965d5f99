"""Opens JupyterLab on the course: the right folder, chapter, port and browser, and no network."""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from .errors import UserError
from .places import course_folder
from .workbooks import begin, copies_of, is_asked, is_older, shown

DEFAULT_PORT = 8888
PORTS_TRIED = 100

# The announcements ask the network for news, and the default extension manager asks it for a list
# of packages. Nothing leaves this machine by itself.
QUIET_PAGE = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
QUIET_SERVER = [
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--log-level=WARN",
]


def open_lab(chapter: str | None = None, port: int | None = None, browser: bool = True) -> int:
    """Open the learner's copy of ``chapter`` (default: the first) in JupyterLab until Ctrl-C.

    The copy is made where there is none yet, so that reading changes no file of the course.
    ``port`` None means 8888 or the next free one. With ``browser`` False, and on a machine without
    a screen, only the address to open is printed. Returns the exit status. Raises ``UserError``
    where the course folder, the chapter, JupyterLab or the port is not to be had.
    """
    course = course_folder()
    page = find_chapter(course, chapter)
    start = jupyterlab_start(course)
    port = choose_port(port)
    page = page and learners_copy(course, page)
    options = lab_options(course, page, port, browser and has_screen(os.environ))
    print(f"Opening {course} at http://localhost:{port}. Ctrl-C stops it.", flush=True)
    with tempfile.TemporaryDirectory(prefix="dmlcourse-") as folder:
        os.environ.update(lay_out(Path(folder)))
        try:
            return start(options) or 0
        finally:
            end_idle_threads()


def find_chapter(course: Path, chapter: str | None) -> Path | None:
    """The notebook of ``chapter`` ("02", "2" or "02_mahalanobis"); None where there is none yet.

    A chapter in several notebooks (17a, 17b) opens at its first.
    """
    notebooks = sorted((course / "chapters").glob("[0-9]*.ipynb"))
    if chapter is None:
        return next(iter(notebooks), None)
    for notebook in notebooks:
        if is_asked(notebook.stem, chapter):
            return notebook
    there = ", ".join(notebook.stem for notebook in notebooks) or "none yet"
    raise UserError(f"There is no chapter {chapter!r}. The chapters: {there}.")


def learners_copy(course: Path, page: Path) -> Path:
    """The learner's copy of a chapter, made with that of its exercises where there is none.

    Where the course's folder cannot be written, the chapter itself.
    """
    pairs = copies_of(course, page.stem)
    try:
        for template, copy in pairs:
            if begin(template, copy):
                print(f"{shown(copy)} is your copy of {shown(template)}.", flush=True)
    except UserError as error:
        print(error, flush=True)
    mine = dict(pairs)[page]
    if not mine.exists():
        print(f"Opening {shown(page)}, the course's own file: save yours elsewhere.", flush=True)
        return page
    older = [shown(copy) for template, copy in pairs if is_older(copy, template)]
    if older:
        print(f"Older than the course: {', '.join(older)}. Run `dmlcourse update`.", flush=True)
    return mine


def jupyterlab_start(course: Path) -> Callable[[list[str]], int | None]:
    try:
        from jupyterlab.labapp import main
    except ImportError as error:
        raise UserError(
            f'JupyterLab is not installed ({error}). Run "make setup" in {course}, '
            'or "python -m pip install -r requirements.txt".'
        ) from error
    return main


def end_idle_threads() -> None:
    """End the worker threads that JupyterLab leaves waiting, or Ctrl-C would not end the program.

    anyio ends them by a callback of the event loop, and JupyterLab may stop the loop before that.
    """
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread" and hasattr(thread, "stop"):
            thread.stop()


def choose_port(asked: int | None) -> int:
    """``asked`` if it is free, else an error; without a wish, the first free port from 8888 on."""
    if asked is not None:
        if is_free(asked):
            return asked
        raise UserError(
            f"Port {asked} is in use or not allowed. "
            "Name another one, or leave --port out to get one that is free."
        )
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        if is_free(port):
            if port != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; taking {port}.", flush=True)
            return port
    raise UserError(f"The ports {DEFAULT_PORT} to {port} are all in use. Name one with --port.")


def is_free(port: int) -> bool:
    """Whether JupyterLab can listen on ``port``, tried as JupyterLab will do it."""
    from tornado.netutil import bind_sockets

    if not 0 < port < 2**16:
        return False
    try:
        sockets = bind_sockets(port, "localhost")
    except OSError:
        return False
    for each in sockets:
        each.close()
    return True


def has_screen(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser opened on this machine would be seen by the person who asked for it."""
    if "BROWSER" in environ:
        return True
    if "CI" in environ or "SSH_CONNECTION" in environ:
        return False
    return platform in ("win32", "darwin") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(environ))


def lab_options(course: Path, page: Path | None, port: int, browser: bool) -> list[str]:
    tree = f"/tree/{quote(page.relative_to(course).as_posix())}" if page else ""
    options = [
        *QUIET_SERVER,
        f"--ServerApp.root_dir={course}",
        f"--LabApp.default_url=/lab{tree}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.answer_yes=True",
    ]
    if not browser:
        options += ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options += ["--allow-root"]
    return options


def lay_out(folder: Path) -> dict[str, str]:
    """Write what JupyterLab is to read beside the person's own settings; the variables to set.

    Nothing is written into the environment or the home folder: a course that is removed leaves
    JupyterLab as it was.
    """
    (folder / "labconfig").mkdir(parents=True)
    (folder / "labconfig" / "page_config.json").write_text(json.dumps(QUIET_PAGE))
    return {"JUPYTER_CONFIG_PATH": put_first(folder, "JUPYTER_CONFIG_PATH")}


def put_first(folder: Path, variable: str) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))
