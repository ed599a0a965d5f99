"""A process with the libraries loaded, which forks once for every submission.

It knows no submission, no seed and no inputs: with each request come two sockets, one for the
worker (``worker``) and one to the process that watches over it, and it keeps neither.

The socket of the watcher is a leash: when the grader closes its end, or dies, the worker is killed
with all that it started. When the worker ends by itself, the leash says how.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

from . import cage

FIRST_FREE, MOST_OPEN = 3, 1 << 16
# A user that belongs to nobody, and to no other zygote: the limit on threads counts by user.
# systemd lends the users of this range to services for as long as they run.
FIRST_USER, USERS = 61184, 4000
NAP = 0.05
BYTES_PER_PAGE = resource.getpagesize()


def main(text: str) -> None:
    """Prepare as ``text`` (JSON) says, report on standard input's socket, then serve it."""
    settings = json.loads(text)
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    if settings["caged"]:
        os.sched_setaffinity(0, {settings["processor"]})
    settings["user"] = FIRST_USER + os.getpid() % USERS
    try:
        settings["used"] = prepare(settings)
    except Exception as error:
        control.sendall(f"{type(error).__name__}: {error}".encode()[:2000])
        return
    control.sendall(b"ready")
    # Nobody waits for a watcher, so let the kernel bury it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    serve(control, settings)


def prepare(settings: dict[str, Any]) -> int:
    """Move in and load the libraries; the address space that they take, in bytes."""
    _go_first_when_memory_ends()
    with _statistics() as statistics:
        if settings["caged"]:
            cage.move_in(
                settings["stage"], settings["package"], settings["shown"], settings["hidden"]
            )
            _follow()
        importlib.import_module("dmlcourse.inside.worker")
        for name in settings["modules"]:
            # Where one is missing, the cell that imports it says so.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        return int(statistics.read().split()[0]) * BYTES_PER_PAGE if statistics else 0


def _go_first_when_memory_ends() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _follow() -> None:
    """Look for our modules where they lie now."""
    sys.path[0] = "/course"
    for name in ("dmlcourse", "dmlcourse.inside"):
        sys.modules[name].__path__[:] = ["/course/" + name.replace(".", "/")]


def _statistics() -> Any:
    # Opened before the new root hides /proc. Without one (macOS) there is no such limit.
    with contextlib.suppress(OSError):
        return open("/proc/self/statm")
    return contextlib.nullcontext()


def serve(control: socket.socket, settings: dict[str, Any]) -> None:
    """Fork a watcher for every pair of sockets that comes, until the grader closes its end."""
    while True:
        message, sockets, *_ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            job, leash = sockets
            watch(job, leash, settings)
        for number in sockets:
            os.close(number)


def watch(job: int, leash: int, settings: dict[str, Any]) -> None:
    """Start the worker, wait for its end or the leash's, and exit."""
    ending = "lost"
    try:
        ending = _watch(job, leash, settings)
    except Exception as error:
        ending = f"broken {type(error).__name__}: {error}"
    finally:
        with contextlib.suppress(OSError):
            os.write(leash, ending.encode()[:2000])
        os._exit(0)


def _watch(job: int, leash: int, settings: dict[str, Any]) -> str:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Without a session of its own, a signal to "my process group" would reach the grader: process
    # groups span the namespaces.
    os.setsid()
    if settings["caged"]:
        cage.isolate(settings["scratch"])
    worker = os.fork()
    if worker == 0:
        _work(job, settings)
    os.close(job)
    deadline = time.monotonic() + settings["seconds"]
    while True:
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            return _how(status)
        if select.select([leash], [], [], NAP)[0] or time.monotonic() > deadline:
            _kill(worker, settings["caged"])
            os.waitpid(worker, 0)
            return "limit"


def _kill(worker: int, caged: bool) -> None:
    # In a jail the worker is process 1: all others end with it. Elsewhere, ask its group.
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL) if caged else os.killpg(worker, signal.SIGKILL)


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.WEXITSTATUS(status)}"


def _work(job: int, settings: dict[str, Any]) -> None:
    """Shut this process in, then run what is asked until the connection ends."""
    from . import worker

    def shut_in() -> None:
        _limit(settings)
        if settings["caged"]:
            cage.surrender(settings["user"])

    try:
        os.setsid()
        os.dup2(job, FIRST_FREE)
        os.closerange(FIRST_FREE + 1, MOST_OPEN)
        worker.serve(socket.socket(fileno=FIRST_FREE), shut_in)
    finally:
        os._exit(0)


def _limit(settings: dict[str, Any]) -> None:
    limits = {
        "RLIMIT_CPU": settings["seconds"],
        "RLIMIT_FSIZE": settings["scratch"],
        "RLIMIT_NOFILE": 64,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_SIGPENDING": 256,
        "RLIMIT_CORE": 0,
    }
    if settings["used"]:
        limits["RLIMIT_AS"] = settings["used"] + settings["memory"]
    if settings["caged"]:
        # Outside a jail this would count all processes of whoever grades.
        limits["RLIMIT_NPROC"] = 64
    for name, value in limits.items():
        if hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (value, value))
