"""A copy of the course that installs without a network: the command ``dmlcourse pack``.

The copy holds the course files and a folder ``wheels`` with every package that the set-up of a
learner installs, in the versions that are installed here. ``bootstrap.py`` installs from it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TextIO

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from . import __version__
from .errors import UserError
from .places import course_folder

UNFINISHED = "UNFINISHED.txt"
NOT_COURSE = (".git", ".venv", "wheels", "work")
# An editable installation asks for it at the last moment; pyproject.toml does not name it.
BUILD_EXTRA = "editables"
# Where torch publishes the builds that its version names, as in 2.13.0+cpu.
TORCH_BUILDS = "https://download.pytorch.org/whl/"


def pack(folder: Path) -> int:
    """Make the offline copy ``folder``, which must be new or empty; the exit status.

    It is built beside its place, in ``FOLDER.part``, and gets its name when it is complete.

    Raises:
        UserError: a bad place, a short disk, packages missing here or not to be had.
    """
    course = course_folder()
    check_course(course)
    folder = folder.resolve()
    check_place(folder, course)
    needed = installed(roots(course))
    check_disk(folder, needed)
    try:
        with begun(folder) as part:
            copy_files(course, course_files(course), part)
            collect(course, needed, part / "wheels")
            (part / "OFFLINE.txt").write_text(note(), encoding="utf-8")
            prove(part)
    except OSError as error:
        raise UserError(f"The copy cannot be written: {error}. Nothing is left behind.") from error
    print(summary(folder) + remarks(course))
    return 0


# ---------------------------------------------------------------- the place


def check_course(course: Path) -> None:
    if (course / "wheels").is_dir():
        raise UserError(
            f"{course} is an offline copy itself (it has a folder wheels). "
            "Copy the folder as it is, without .venv and work."
        )
    for name in ("requirements.txt", "pyproject.toml"):
        if not (course / name).is_file():
            raise UserError(f"{course} has no {name}. Run the command in a clone of the course.")


def check_place(folder: Path, course: Path) -> None:
    """Refuse a place that is taken, that is not there, or that would pack itself."""
    if folder == course or (course in folder.parents and not is_ignored(course, folder)):
        raise UserError(
            f"{folder} lies inside the course. Name a new folder outside, for example "
            f"{course.parent / 'dmlcourse-offline'}, or one in {course / 'build'}."
        )
    if course in folder.parents:
        folder.parent.mkdir(parents=True, exist_ok=True)
    if os.path.ismount(folder):  # Path.is_mount is not for Windows before Python 3.12
        raise UserError(f"{folder} is a whole disk. Name a new folder on it: {folder / 'course'}.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} is there and not an empty folder. Delete it or name another.")
    if not folder.parent.is_dir():
        raise UserError(
            f"There is no folder {folder.parent}. Make it first, or name another place."
        )
    if not os.access(folder.parent, os.W_OK):
        raise UserError(f"You may not write in {folder.parent}. Name a place where you may.")


def check_disk(folder: Path, packages: Iterable[Distribution]) -> None:
    """Wheels are compressed, so the packages as they lie here bound their size."""
    needed = sum(file.size or 0 for each in packages for file in each.files or ()) / 1e9
    free = shutil.disk_usage(folder.parent).free / 1e9
    if free < needed:
        raise UserError(
            f"The disk of {folder.parent} has {free:.1f} GB free; the copy can need "
            f"{needed:.1f} GB. Free some space, or name a folder on a larger disk."
        )


@contextmanager
def begun(folder: Path) -> Iterator[Path]:
    """``FOLDER.part``, for this run alone. In the end it has the name of ``folder``, or is gone."""
    part = folder.with_name(folder.name + ".part")
    with claim(part) as mark:
        try:
            yield part
            let_go(mark)
            finish(part, folder)
        except BaseException:
            let_go(mark)
            shutil.rmtree(part, ignore_errors=True)
            raise


def claim(part: Path) -> TextIO:
    """Make the folder, or empty the one that an interrupted run left; the open file that marks it.

    As long as that file is open, no other run takes the folder. The system closes it for a run that
    is killed.
    """
    was_there = part.exists()
    if was_there and not (part / UNFINISHED).is_file():
        raise UserError(f"{part} is in the way, and not from an earlier run. Move it elsewhere.")
    part.mkdir(exist_ok=True)
    mark = (part / UNFINISHED).open("a", encoding="utf-8")
    if not lock(mark):
        mark.close()
        raise UserError(f"Another run is making {part} now. Wait for it, or name another folder.")
    if was_there:
        print(f"An earlier run was interrupted; {part.name} is made anew.")
        empty(part)
    mark.write("This offline copy is not complete. Do not use it.\n")
    mark.flush()
    return mark


def lock(mark: TextIO) -> bool:
    """Take a file until it is closed; whether no other process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Nobody can read what is locked: a byte far behind the text.
            os.lseek(mark.fileno(), 2**20, os.SEEK_SET)
            msvcrt.locking(mark.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # A file system without locks, as on some shares.
        return True
    return True


def let_go(mark: TextIO) -> None:
    """Windows moves and deletes no open file; elsewhere it stays a mark until all is done."""
    if sys.platform == "win32":
        mark.close()


def empty(part: Path) -> None:
    for path in part.iterdir():
        if path.name == UNFINISHED:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def finish(part: Path, folder: Path) -> None:
    (part / UNFINISHED).unlink()
    if folder.exists():
        folder.rmdir()
    part.rename(folder)


# ---------------------------------------------------------------- the course files


def course_files(course: Path) -> list[Path]:
    """The files to copy, relative to the course: those git tracks, or all but what it ignores."""
    names = git(course, "ls-files", "-z")
    if names is None:
        return sorted(walk(course, course, ignored(course)))
    listed = [Path(name) for name in names.split("\0") if name]
    return [path for path in listed if (course / path).is_file()]


def git(course: Path, *arguments: str) -> str | None:
    """What git says; None where the course is not a clone of its own, or git says nothing."""
    if not (course / ".git").exists():
        return None
    try:
        return ask_git(course, *arguments)
    except (OSError, subprocess.CalledProcessError):
        return None


def ask_git(course: Path, *arguments: str) -> str:
    command = ["git", "-C", str(course), *arguments]
    # A name is bytes to git. Python names a file in the same way.
    done = subprocess.run(
        command, capture_output=True, check=True, encoding="utf-8", errors="surrogateescape"
    )
    return done.stdout


def refusal(course: Path) -> str:
    """Why git says nothing about a clone; empty where it does, or where there is no clone."""
    if not (course / ".git").exists():
        return ""
    try:
        ask_git(course, "ls-files")
    except OSError as error:
        return f"git cannot be run: {error.strerror or error}"
    except subprocess.CalledProcessError as error:
        return error.stderr.strip().partition("\n")[0] or f"git ended with {error.returncode}"
    return ""


def ignored(course: Path) -> list[str]:
    """Patterns of what is not the course. Those of ``.gitignore`` hold for names, at any depth."""
    file = course / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [*NOT_COURSE, *(line.rstrip("/") for line in lines if line and line[0] != "#")]


def is_ignored(course: Path, path: Path) -> bool:
    patterns = ignored(course)
    return any(fnmatch(part, each) for part in path.relative_to(course).parts for each in patterns)


def walk(course: Path, folder: Path, patterns: list[str]) -> Iterator[Path]:
    for path in folder.iterdir():
        if any(fnmatch(path.name, each) for each in patterns):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk(course, path, patterns)
        elif path.is_file():
            yield path.relative_to(course)


def copy_files(course: Path, files: Iterable[Path], part: Path) -> None:
    for path in files:
        target = part / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(course / path, target)


def remarks(course: Path) -> str:
    """In a clone: files that may hold somebody's answers, and new ones that may be missed."""
    if reason := refusal(course):
        return REFUSED.format(reason=printable(reason))
    changed = git(course, "diff", "--name-only", "--relative", "-z", "HEAD") or ""
    new = git(course, "ls-files", "-z", "--others", "--exclude-standard") or ""
    names = [name for name in changed.split("\0") if (course / name).is_file()]
    said = listed("These files are not as in the last commit, and were copied as they are:", names)
    return said + listed("git does not track these files; they were left out:", new.split("\0"))


def listed(title: str, names: Iterable[str]) -> str:
    lines = [f"\n  {printable(name)}" for name in names if name]
    return "\n\n" + title + "".join(lines) if lines else ""


def printable(text: str) -> str:
    """The text with a sign for each character that a terminal cannot show, or would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# ---------------------------------------------------------------- the packages


def roots(course: Path) -> list[Requirement]:
    """What requirements.txt asks for; its ``-e .[lab,grade]`` as ``dmlcourse[lab,grade]``."""
    lines = (course / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line.partition(" #")[0].strip() for line in lines]
    lines = [re.sub(r"^-e \.", "dmlcourse", line) for line in lines if line and line[0] != "#"]
    return [Requirement(line) for line in lines]


def installed(requirements: Iterable[Requirement]) -> list[Distribution]:
    """The distributions, installed here, that ``requirements`` lead to; without the course."""
    found: dict[str, Distribution] = {}
    seen, queue = set(), [(each.name, frozenset(each.extras)) for each in requirements]
    while queue:
        name, extras = queue.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        found[canonicalize_name(name)] = one = distribution_of(name)
        queue += [(each.name, frozenset(each.extras)) for each in asked_by(one, extras)]
    found.pop("dmlcourse", None)
    return [found[name] for name in sorted(found)]


def distribution_of(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise UserError(
            f"{name} is not installed here, and the copy takes the versions that are. "
            'Run "make setup" in the course folder, then the same command again.'
        ) from None


def asked_by(one: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    """What a distribution with ``extras`` needs on this machine."""
    for requirement in map(Requirement, one.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def pin(one: Distribution) -> str:
    return f"{one.metadata['Name']}=={one.version}"


def build_requirements(course: Path) -> list[str]:
    """What pip needs to install the course folder itself."""
    project = tomllib.loads((course / "pyproject.toml").read_text(encoding="utf-8"))
    return [*project["build-system"]["requires"], BUILD_EXTRA]


def collect(course: Path, packages: list[Distribution], wheels: Path) -> None:
    """Fill ``wheels``: the packages as they are here, and what builds the course."""
    wheels.mkdir()
    for one in packages:
        if "+" in one.version:
            collect_build(one, wheels)
    ask(wheels, "--no-deps", *(pin(one) for one in packages if "+" not in one.version))
    constraints = wheels / "constraints.txt"
    constraints.write_text("\n".join(map(pin, packages)), encoding="utf-8")
    ask(wheels, "--constraint", str(constraints), *build_requirements(course))
    constraints.unlink()
    check_wheels(wheels, packages)


def collect_build(one: Distribution, wheels: Path) -> None:
    """A build that PyPI does not hold, as 2.13.0+cpu: from where pip is set to look, or torch's."""
    if make_wheels(wheels, "--no-deps", pin(one)) != 0:
        source = TORCH_BUILDS + one.version.partition("+")[2]
        print(f"{pin(one)} is not where pip looks; trying {source}.")
        ask(wheels, "--no-deps", pin(one), "--extra-index-url", source)


def make_wheels(wheels: Path, *arguments: str) -> int:
    return pip(["wheel", "--wheel-dir", str(wheels), *arguments])


def ask(wheels: Path, *arguments: str) -> None:
    if make_wheels(wheels, *arguments) != 0:
        raise UserError(PIP_FAILED)


def pip(arguments: list[str], **more) -> int:
    sys.stdout.flush()
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"]
    return subprocess.call(command, **more)


def check_wheels(wheels: Path, packages: Iterable[Distribution]) -> None:
    there = {parse_wheel_filename(path.name)[:2] for path in wheels.glob("*.whl")}
    wanted = {(canonicalize_name(one.metadata["Name"]), Version(one.version)) for one in packages}
    lacking = sorted(f"{name} {version}" for name, version in wanted - there)
    if lacking:
        raise UserError(f"pip made no wheel of {', '.join(lacking)}. Run the same command again.")


def prove(part: Path) -> None:
    """Let pip plan the installation from ``wheels`` alone, as a machine without a network will."""
    print("Planning an installation from the copy, to see that nothing is missing.")
    wheels = (part / "wheels").as_uri()
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
    plan = ["install", "--dry-run", "--ignore-installed", "--quiet", "-r", "requirements.txt"]
    if pip(plan, cwd=part, env=os.environ | offline) != 0:
        raise UserError(
            "The collected packages do not suffice to install the course; the lines above say what "
            'is missing. Run "make setup" in the course folder, then the same command again.'
        )


# ---------------------------------------------------------------- what it says


def made_for() -> str:
    """What wheels depend on, as ``bootstrap.py`` compares it: "Linux x86_64, Python 3.11"."""
    version = "{}.{}".format(*sys.version_info[:2])
    return f"{platform.system()} {platform.machine()}, Python {version}"


def note() -> str:
    return NOTE.format(version=__version__, made_for=made_for(), platform=platform.platform())


def summary(folder: Path) -> str:
    wheels = list((folder / "wheels").glob("*.whl"))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    lines = [f"\nReady: {folder}, {size:.0f} MB, {len(wheels)} wheels."]
    lines += [line.format(folder=folder.name, made_for=made_for()) for line in STEPS]
    return "\n".join(lines)


STEPS = (
    "  1. Copy the whole folder {folder} to each machine.",
    "  2. Type there, in the folder: make lab   (without make: python3 dmlcourse/bootstrap.py lab)",
    "  3. Each machine needs the same system and Python as here: {made_for}.",
)

NOTE = """\
This folder is an offline copy of dmlcourse {version}: it installs without a network.

Made for: {made_for}
Made on: {platform}

In this folder, type "make lab". Without make:
  python3 dmlcourse/bootstrap.py lab     (on Windows: py dmlcourse\\bootstrap.py lab)
The packages come from the folder wheels. On another system, or with another Python, they do not
serve: there, delete the folder wheels and use a network, or make another copy.
"""

REFUSED = """

git does not say which files belong to the course:
  {reason}
So all files but those that .gitignore names were copied. Some may hold answers, or be yours: look
through the copy before you hand it on."""

PIP_FAILED = """\
pip could not collect the packages; its lines above say why. The usual causes:
  no network (behind a proxy, set the variable HTTPS_PROXY)
  a full disk (pip also uses the folder for temporary files)
  a package installed here from a file: its version is nowhere to be downloaded
Nothing is left behind. Run the same command again."""
