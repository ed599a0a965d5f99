"""From a clone to a running course: makes .venv, installs the course in it, runs a command.

    python3 dmlcourse/bootstrap.py lab      set up, then open the course in JupyterLab
    python3 dmlcourse/bootstrap.py test     set up, then run the whole test suite
    python3 dmlcourse/bootstrap.py setup    set up for learners only
    python3 dmlcourse/bootstrap.py dev      set up for contributors only
    python3 dmlcourse/bootstrap.py pack     set up, then make an offline copy in a new folder

What follows the command is passed on: "lab 02 --port 9000", "test -k geometry", "pack ../copy".
An offline copy holds all packages in its folder wheels/, and is installed from there.
"""

# This file runs before anything is installed, under whatever Python 3 the machine has. So it uses
# the standard library alone, in syntax that Python 3.6 reads: an old Python gets a sentence that
# says so, not a SyntaxError.

import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none: there, two set-ups at once are not kept apart
    fcntl = None  # type: ignore[assignment]

SCRIPT = Path(__file__).resolve()
ROOT = SCRIPT.parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
DISK_GB = 3
UNFINISHED = "unfinished"
MADE_FOR = "Made for:"

# A level holds all packages of the levels before it.
LEVELS = ("learner", "contributor")
PACKAGES = {
    "learner": ["-r", "requirements.txt"],
    "contributor": ["-r", "requirements.txt", "-e", ".[dev]"],
}
COMMANDS = {
    "lab": ("learner", ["-m", "dmlcourse.cli", "lab"]),
    "test": ("contributor", ["-m", "pytest", "-n", "auto", "--dist", "loadfile"]),
    "setup": ("learner", []),
    "dev": ("contributor", []),
    "pack": ("learner", ["-m", "dmlcourse.cli", "pack"]),
}


class Stop(Exception):
    """What is wrong and what to do about it."""


def main(arguments: list) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__.strip())
        return 0 if arguments[:1] in ([], ["-h"], ["--help"]) else 2
    try:
        return bring_up(arguments[0], arguments[1:])
    except Stop as stop:
        problem = str(stop)
    except OSError as error:
        problem = f"The course cannot be set up in {ROOT}: {error}"
    except KeyboardInterrupt:
        problem = "Stopped. The same command starts again."
    print("\n" + problem, file=sys.stderr)
    return 1


def bring_up(command: str, arguments: list) -> int:
    """Make sure that everything ``command`` needs is installed, then hand over to it."""
    if sys.version_info < OLDEST:
        return start_again(newer_python(), command, arguments)
    level, module = COMMANDS[command]
    environment = Environment(ROOT)
    if not environment.holds(level):
        other = environment.offline.other_python(level)
        if other:
            return start_again(other, command, arguments)
        with one_at_a_time():
            if not environment.holds(level):
                environment.install(level)
    if not module:
        print(f"The course is ready in {environment.folder}")
        return 0
    if command == "pack":
        # A relative path is meant from where the person is, and the command runs in ROOT.
        arguments = [each if each.startswith("-") else os.path.abspath(each) for each in arguments]
    return hand_over([str(environment.python), *module, *arguments], environment.variables())


def start_again(python: str, command: str, arguments: list) -> int:
    """Run this script from its beginning under another Python."""
    return hand_over([python, str(SCRIPT), command, *arguments], dict(os.environ))


def hand_over(command: list, variables: dict) -> int:
    """Run ``command`` in the course folder.

    On POSIX it takes the place of this process, so that Ctrl-C and kill reach it directly.
    """
    os.chdir(str(ROOT))
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(command[0], command, variables)
    return subprocess.call(command, env=variables)


class Environment:
    """The folder ``.venv``, with a note in it that says what was installed."""

    def __init__(self, root: Path):
        self.root = root
        self.folder = root / ".venv"
        self.programs = self.folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.programs / ("python.exe" if os.name == "nt" else "python")
        self.note = self.folder / "dmlcourse-setup.txt"
        self.offline = OfflineCopy(root)

    def holds(self, level: str) -> bool:
        """Whether all packages of ``level`` are there, as this course folder lists them now."""
        return self.has_level(level) and self.read_note()[1:] == [self.digest()]

    def has_level(self, level: str) -> bool:
        noted = self.read_note()[0]
        return noted in LEVELS and LEVELS.index(noted) >= LEVELS.index(level)

    def read_note(self) -> list:
        return (self.note.read_text().split() if self.note.exists() else []) or [""]

    def digest(self) -> str:
        """Changes with the list of packages, with the Python, and when the folder has moved."""
        sources = [self.root / "requirements.txt", self.root / "pyproject.toml"]
        parts = [path.read_bytes() for path in sources]
        parts += [str(self.root).encode(), self.version().encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def version(self) -> str:
        """Version of the environment's own Python; empty where it does not run."""
        return output_of(self.python, "import sys; print('%d.%d' % sys.version_info[:2])")

    def install(self, level: str) -> None:
        if not self.is_usable():
            self.create()
        before = self.read_note()
        level = before[0] if self.has_level(level) else level
        self.note.write_text(UNFINISHED)
        if self.pip("install", *PACKAGES[level]) == 0:
            self.note.write_text(f"{level} {self.digest()}\n")
            return
        if before[0] in LEVELS:
            self.note.write_text(" ".join(before))
        if not self.has_level(level):
            raise Stop(self.offline.pip_failed() if self.offline else PIP_FAILED)
        print("\nThe update failed. Going on with what was installed before.", file=sys.stderr)

    def is_usable(self) -> bool:
        """False as well for an environment whose installation was killed half-way."""
        has_pip = output_of(self.python, "import pip; print(pip.__version__)") != ""
        if has_pip and tuple(map(int, self.version().split("."))) < OLDEST:
            raise Stop(f"{self.folder} has Python {self.version()}, too old. Delete it, try again.")
        return has_pip and self.read_note()[0] != UNFINISHED

    def create(self) -> None:
        check_machine(self.root)
        if self.folder.exists():
            print("The folder .venv is incomplete; it is made anew.")
        source = " from wheels, without a network" if self.offline else ""
        print(f"Installing the course in .venv{source}: about 2 GB, a few minutes, this time only.")
        sys.stdout.flush()
        if subprocess.call([sys.executable, "-m", "venv", "--clear", str(self.folder)]) != 0:
            raise Stop(f"Python could not make {self.folder}; the lines above say why.")

    def pip(self, *arguments: str) -> int:
        command = [str(self.python), "-m", "pip", *arguments, "--disable-pip-version-check"]
        variables = dict(self.variables(), **self.offline.variables())
        return subprocess.call(command, cwd=str(self.root), env=variables)

    def variables(self) -> dict:
        """As if ``.venv`` were activated, whatever environment is active around us."""
        variables = dict(os.environ, VIRTUAL_ENV=str(self.folder))
        variables["PATH"] = os.pathsep.join([str(self.programs), os.environ.get("PATH", "")])
        variables.pop("PYTHONHOME", None)
        return variables


class OfflineCopy:
    """The folder ``wheels`` that ``dmlcourse pack`` makes; false where there is none."""

    def __init__(self, root: Path):
        self.root = root
        self.wheels = root / "wheels"
        self.note = root / "OFFLINE.txt"

    def __bool__(self) -> bool:
        return self.wheels.is_dir()

    def made_for(self) -> str:
        """System and Python of the machine that made it; empty where its note does not say."""
        lines = self.note.read_text(encoding="utf-8").splitlines() if self.note.exists() else []
        found = [line[len(MADE_FOR) :].strip() for line in lines if line.startswith(MADE_FOR)]
        return (found or [""])[0]

    def other_python(self, level: str) -> str:
        """Path of the Python to install with; empty where this one serves."""
        if not self:
            return ""
        if level != "learner":
            raise Stop(OFFLINE_LEARNERS)
        if self.made_for() in ("", this_machine()):
            return ""
        system, _, version = self.made_for().rpartition(", Python ")
        found = shutil.which("python" + version)
        if system == this_system() and found and version_of(found) == version:
            print(f"This copy is for Python {version}. Using {found}.")
            return found
        raise Stop(OTHER_MACHINE.format(made=self.made_for(), this=this_machine(), wanted=version))

    def variables(self) -> dict:
        """Settings of pip, in a form that also reaches the environments that pip builds in."""
        if not self:
            return {}
        # As an address: pip splits this setting at spaces, and an address has none.
        address = self.wheels.resolve().as_uri()
        return {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": address}

    def pip_failed(self) -> str:
        made = self.made_for() or "unknown, for OFFLINE.txt is not there"
        return OFFLINE_FAILED.format(wheels=self.wheels, made=made, this=this_machine())


def this_system() -> str:
    return f"{platform.system()} {platform.machine()}"


def this_machine() -> str:
    """What wheels depend on, as ``dmlcourse pack`` writes it: "Linux x86_64, Python 3.11"."""
    return f"{this_system()}, Python {dotted(sys.version_info)}"


def version_of(python: str) -> str:
    """Version of a Python that can make environments; empty where it cannot."""
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    return output_of(Path(python), code)


def output_of(python: Path, code: str) -> str:
    """What ``code`` prints under ``python``; empty where that fails."""
    try:
        return subprocess.check_output(
            [str(python), "-c", code], stderr=subprocess.DEVNULL, universal_newlines=True
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


@contextlib.contextmanager
def one_at_a_time():
    """Hold a lock on this file; a second set-up waits for the first instead of undoing it."""
    with SCRIPT.open("rb") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another set-up of this folder is running: waiting for it.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_machine(root: Path) -> None:
    """Stop before minutes of downloading where the machine lacks something."""
    if sys.version_info[:2] > NEWEST:
        print(f"Python {dotted(sys.version_info)} is newer than the course was tested with.")
        print(f"If the installation fails, use Python {dotted(NEWEST)}.")
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise Stop(NO_VENV.format(version=dotted(sys.version_info)))
    free = shutil.disk_usage(str(root)).free / 1e9
    if free < DISK_GB:
        raise Stop(DISK_SHORT.format(root=root, free=free, needed=DISK_GB))


def newer_python() -> str:
    """Path of a Python that is new enough, on a machine whose ``python3`` is not."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and version_of(found):
            print(f"This is Python {dotted(sys.version_info)}. Using {found} instead.")
            return found
    raise Stop(TOO_OLD.format(got=dotted(sys.version_info), oldest=dotted(OLDEST)))


def dotted(version: tuple) -> str:
    return "{}.{}".format(*version[:2])


TOO_OLD = """\
This is Python {got}; the course needs Python {oldest} or newer, and found none.
Install one from https://www.python.org/downloads/ or with your system's package manager.
Then run the same command again.
With conda, "conda env create -f environment.yml" brings its own Python."""

NO_VENV = """\
This Python has no "venv" or no "ensurepip" module, so it cannot make an environment.
On Debian and Ubuntu: sudo apt install python{version}-venv
Then run the same command again."""

DISK_SHORT = """\
The disk of {root} has {free:.1f} GB free; the course needs about {needed} GB.
Free some space, or move the course folder to a larger disk. Then run the same command again."""

PIP_FAILED = """\
pip could not install the course; its lines above say why. The usual causes:
  no network (behind a proxy, set the variable HTTPS_PROXY)
  a full disk (the CUDA build of torch needs several GB more; README says how to get the small one)
  no build of torch for this machine (Intel Mac, Alpine Linux)
Then run the same command again."""

OFFLINE_LEARNERS = """\
This is an offline copy (it has a folder wheels): it serves "lab" and "setup".
Its wheels hold no test tools. For "test" and "dev", take a clone and a machine with a network."""

OTHER_MACHINE = """\
This offline copy was made for {made}. This machine has {this}.
Its packages work only there. You have two ways on:
  on the same system, run the same command with Python {wanted}
    (python{wanted} dmlcourse/bootstrap.py lab, on Windows py -{wanted} dmlcourse\\bootstrap.py lab)
  make another copy with "dmlcourse pack", on a machine like this one that has a network
With a network here, delete the folder wheels: then the packages are downloaded."""

OFFLINE_FAILED = """\
pip could not install the course from the offline copy; its lines above say why.
The packages come from {wheels} and from nowhere else.
They were made for {made}; this machine has {this}. The usual causes:
  a package is missing there: copy the folder again, whole, and compare the number of files
  this system is older than the one that made the copy: make the copy on the oldest machine
  a full disk, or a folder .venv that came along: delete .venv
Then run the same command again. With a network, delete the folder wheels: pip then downloads."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
