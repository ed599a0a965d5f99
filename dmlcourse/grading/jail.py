"""The grader's end of the jail: starts it, hands it steps, takes replies, and ends it.

``Jail`` is a warm process (``inside.zygote``) that forks; ``Session`` is one forked worker, in
which one submission runs. Nothing that comes back is believed: frames are bounded, every wait has
an end, and what is read is checked by ``observing.wire``.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import math
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..observing import Case, Function, Kind, Observation
from ..observing.wire import WireError, case_tree, observation_from, pack, unpack
from . import jailed
from .inside import link
from .inside.link import SCRATCH

# Everything that the zygote needs at its start, as the modules that a notebook may import.
LIBRARIES = ("numpy", "scipy", "sklearn", "matplotlib", "torch", "IPython", "traitlets")
# What is shown of the system, of Python's prefix and of the environment's. Not all of /usr: a
# course, its solutions and the submissions may well lie in /usr/src or /usr/local.
PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "share")
ETC = ("ld.so.cache", "alternatives", "localtime")
# torch asks here which instructions the processor has, and computes slowly when it hears nothing.
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu")
START = """
import sys
sys.prefix = sys.exec_prefix = {prefix!r}
sys.path[:] = [{package!r}, *sys.path, *{homes!r}]
from dmlcourse.inside.zygote import main
main({settings!r})
"""
START_SECONDS = 60.0
OUT_OF_TIME = "the time for the whole notebook was used up"
MB = 2**20

REMEDY = (
    "a container needs --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined; an ordinary user needs user namespaces "
    "(sysctl user.max_user_namespaces above 0, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0); Linux 5.12 or newer on x86_64 or aarch64"
)
REMEDY_ELSEWHERE = "grade on a Linux machine, in a virtual machine, or in WSL 2"


@dataclass(frozen=True)
class Limits:
    """What one submission may take. Times in seconds of the wall clock, sizes in bytes.

    ``grace`` is how much later than the limit inside the jail the one outside ends it; an exercise
    is given up after ``stops`` cases that ran into their limit.
    """

    cell: float = 10.0
    case: float = 5.0
    submission: float = 120.0
    grace: float = 2.0
    memory: int = 2048 * MB
    scratch: int = 64 * MB
    returned: int = 64 * MB
    restarts: int = 8
    stops: int = 2


@dataclass
class Allowance:
    """What is left for one submission, over all its workers: time and bytes to return."""

    deadline: float
    bytes: int

    @classmethod
    def of(cls, limits: Limits) -> Allowance:
        return cls(time.monotonic() + limits.submission, limits.returned)

    @property
    def is_used_up(self) -> bool:
        return time.monotonic() >= self.deadline or self.bytes <= 0


class JailError(Exception):
    """The jail itself failed; it says nothing about the submission."""


class Ended(Exception):
    """The worker ended, was stopped at a limit, or sent what is no message; the text says which."""


class Jail:
    """A process that has ``modules`` loaded and forks a worker for each session.

    ``caged`` False runs the same without any protection.
    """

    def __init__(
        self, modules: Iterable[str] = (), limits: Limits | None = None, caged: bool = True
    ) -> None:
        self.modules = tuple(modules)
        self.limits = limits or Limits()
        self.caged = caged
        self._start()

    def _start(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="dmlcourse-")
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                _command(Path(folder.name), self),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(),
                cwd="/",
                # Ctrl-C is for the grader, which ends the others in order.
                start_new_session=True,
            )
            self.close = weakref.finalize(self, _shut, ours, process, folder)
            theirs.close()
            reply = _reply(ours)
            if reply != "ready":
                errors.seek(0)
                self.close()
                last = errors.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:]
                raise JailError(reply or "".join(last) or "it did not start")
        self._control = ours

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, allowance: Allowance | None = None) -> Session:
        """A fresh worker; JailError where there is none to be had, even from a new start."""
        allowance = allowance or Allowance.of(self.limits)
        try:
            return Session(self._control, self.limits, allowance)
        except (OSError, JailError):
            self.close()
            self._start()
            return Session(self._control, self.limits, allowance)


def _command(folder: Path, jail: Jail) -> list[str]:
    package, stage = folder / "course", folder / "root"
    package.mkdir()
    stage.mkdir()
    jailed.write(package)
    homes = _homes()
    seen = shown(homes)
    settings = {
        "caged": jail.caged,
        "stage": str(stage),
        "package": str(package),
        "shown": seen,
        "hidden": [str(jailed.ROOMS)] if _is_within(jailed.ROOMS, seen) else [],
        "modules": jail.modules,
        "memory": jail.limits.memory,
        "scratch": jail.limits.scratch,
        "seconds": math.ceil(jail.limits.submission),
        "processor": _next_processor(),
    }
    start = START.format(
        package=str(package), homes=homes, prefix=sys.prefix, settings=json.dumps(settings)
    )
    return [sys.executable, "-I", "-S", "-c", start]


def _environment() -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "USER": "learner",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": SCRATCH,
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(threads, "1"),
    }


def _homes() -> list[str]:
    """The folders of installed packages that a notebook's imports need."""
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            found.append(str(Path(spec.origin).parent.parent))
    return list(dict.fromkeys(found))


def shown(homes: Iterable[str]) -> list[str]:
    """What is to be seen in the jail: the system's libraries and Python's, nothing of anybody's."""
    prefixes = ["/", "/usr", "/usr/local", sys.base_prefix, sys.prefix]
    wanted = [os.path.join(prefix, part) for prefix in prefixes for part in PARTS]
    wanted += [*homes, *PROCESSOR, *(f"/etc/{name}" for name in ETC)]
    kept: list[str] = []
    for path in (path for one in wanted for path in (one, os.path.realpath(one))):
        if os.path.lexists(path) and not _is_within(path, kept):
            kept.append(path)
    return kept


def _is_within(path: str | Path, places: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(place) for place in places)


_turns = itertools.count()


def _next_processor() -> int:
    """One processor a jail, in turn: what a submission does with its own slows no other."""
    if not hasattr(os, "sched_getaffinity"):
        return 0
    processors = sorted(os.sched_getaffinity(0))
    return processors[next(_turns) % len(processors)]


def _reply(control: socket.socket) -> str:
    control.settimeout(START_SECONDS)
    try:
        return control.recv(2000).decode(errors="replace")
    except TimeoutError:
        return f"it did not start within {START_SECONDS:.0f} seconds"
    finally:
        control.settimeout(None)


def _shut(
    control: socket.socket, process: subprocess.Popen, folder: tempfile.TemporaryDirectory
) -> None:
    control.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    folder.cleanup()


class Session:
    """One worker, in which one submission runs.

    Every method raises ``Ended`` when the worker does not do its part.
    """

    def __init__(self, control: socket.socket, limits: Limits, allowance: Allowance) -> None:
        self.limits = limits
        self._allowance = allowance
        self._job, theirs = socket.socketpair()
        self._leash, held = socket.socketpair()
        with theirs, held:
            socket.send_fds(control, [b"!"], [theirs.fileno(), held.fileno()])
        try:
            answer = unpack(self._receive(START_SECONDS))
        except (Ended, WireError) as error:
            self.close()
            raise JailError(str(error)) from None
        if "ready" not in answer:
            self.close()
            raise JailError(str(answer.get("broken")))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and all that it started."""
        self._job.close()
        self._leash.close()

    def run(self, cell: str, source: str) -> Observation:
        """Run one cell: its fault, or that it was stopped at the limit."""
        self._ask({"cell": cell, "source": source, "seconds": self.limits.cell})
        return self._observation(self.limits.cell)

    def observe(self, name: str, kind: Kind, cases: Iterable[Case]) -> Iterator[Observation]:
        """What the variable ``name`` does on each case, as far as the limits let it."""
        trees = [case_tree(case) for case in cases]
        stops = self.limits.stops
        step = {"name": name, "kind": kind.describe(), "seconds": self.limits.case, "stops": stops}
        self._ask({**step, "cases": trees})
        for _ in trees:
            seen = self._observation(self.limits.case)
            yield seen
            stops -= seen.stopped
            if seen.empty or is_missing(seen) or not stops:
                return

    def _ask(self, step: dict[str, Any]) -> None:
        self._job.settimeout(self.limits.grace)
        try:
            link.send(self._job, pack(step))
        except OSError:
            raise Ended(self._ending()) from None

    def _observation(self, seconds: float) -> Observation:
        try:
            return observation_from(unpack(self._receive(seconds + self.limits.grace)))
        except WireError as error:
            raise Ended(f"it sent the grader something else than an answer ({error})") from None

    def _receive(self, seconds: float) -> bytes:
        allowance = self._allowance
        deadline = min(time.monotonic() + seconds, allowance.deadline)
        most = min(link.MOST_REPLIED, allowance.bytes)
        try:
            message = link.receive(self._job, most, deadline)
        except TimeoutError:
            late = f"it did not end within {seconds:.0f} seconds"
            raise Ended(OUT_OF_TIME if allowance.is_used_up else late) from None
        except link.TooLong as error:
            raise Ended(f"it sent too much ({error})") from None
        except (link.Closed, OSError):
            raise Ended(self._ending()) from None
        allowance.bytes -= len(message)
        return message

    def _ending(self) -> str:
        """How the worker ended, as the process that watched over it says."""
        self._leash.settimeout(self.limits.grace)
        try:
            how = self._leash.recv(2000).decode(errors="replace")
        except OSError:
            how = "lost"
        kind, _, detail = how.partition(" ")
        return {
            "exit": f"it ended its process (exit status {detail})",
            "signal": f"its process was ended by signal {detail}",
            "limit": OUT_OF_TIME,
            "broken": detail,
        }.get(kind, "its process is gone")


def is_missing(seen: Observation) -> bool:
    """Whether the notebook never defined the variable that was to be observed."""
    return seen.fault is not None and seen.fault.type == "NotDefined"


PROBE = """
import os, socket

def probe(course):
    attempts = {
        "starts processes": lambda: os.fork() or os._exit(0),
        "opens network sockets": lambda: socket.socket(socket.AF_INET),
        "reads the course": lambda: open(course),
        "reads the system's files": lambda: open("/etc/passwd"),
        "sees processes": lambda: os.listdir("/proc/1"),
        "writes outside its scratch folder": lambda: open("/usr/probe", "w"),
    }
    found = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        found.append(what)
    return ", ".join(found)
"""


@functools.lru_cache(maxsize=1)
def available() -> tuple[bool, str]:
    """Whether a jail holds on this machine, tried for real; what it is, or why not and a remedy."""
    if sys.platform != "linux":
        return False, f"a jail needs Linux, and this is {sys.platform}; {REMEDY_ELSEWHERE}"
    try:
        with Jail() as jail, jail.session() as session:
            session.run("probe", PROBE)
            case = Case("probe", {"course": str(jailed.ROOMS / "exercises" / "spec.py")})
            (seen,) = session.observe("probe", Function(), [case])
    except (JailError, Ended, OSError) as error:
        return False, f"it does not hold ({error}); {REMEDY}"
    leaks = seen.fault.message if seen.fault else seen.values["result"].text
    if leaks:
        return False, f"it does not hold: inside, a program {leaks}; {REMEDY}"
    return True, "own processes, files and network (none), no rights, a system-call filter"
