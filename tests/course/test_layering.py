"""Who may import whom: only rooms on floors below, or the own room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from course_files import ROOT, none_of

PACKAGE = ROOT / "dmlcourse"

# The commands on the top floor are one room: they are what a terminal calls.
COMMANDS = "the commands"
ROOM = dict.fromkeys(("cli", "doctor", "lab", "pack", "workbooks"), COMMANDS)
HOUSE = {
    0: ("errors",),
    1: ("files", "places"),
    2: ("geometry", "tuples", "scores", "data"),
    3: ("learners", "losses", "selection", "networks"),
    4: ("evaluation", "training"),
    5: ("figures", "journal", "observing", "session"),
    6: ("exercises", "claims"),
    7: ("progress",),
    8: ("checks", "benches"),
    9: ("authoring",),
    10: ("grading",),
    11: (COMMANDS,),
}
FLOOR = {room: floor for floor, rooms in HOUSE.items() for room in rooms}
# Importing the package imports none of its rooms; bootstrap runs before anything is installed;
# observing is carried into the jail as it is.
ALONE = ("__init__", "bootstrap", "observing")


class Arrow(NamedTuple):
    """One import: the line it stands on, and the module of ours that it reaches."""

    path: Path
    line: int
    target: tuple[str, ...]


def arrows(package: Path) -> Iterator[Arrow]:
    """Every import of a module of the package by a module of the package, wherever it stands."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in imported(package, path, node):
                parts = tuple(name.split("."))
                if parts[0] == package.name:
                    yield Arrow(path, node.lineno, parts[1:] or ("__init__",))


def imported(package: Path, path: Path, node: ast.AST) -> list[str]:
    """The full names that one node of the syntax tree imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    inside = path.relative_to(package.parent).with_suffix("").parts
    above = list(inside[: len(inside) - node.level]) if node.level else []
    base = ".".join(above + ([node.module] if node.module else []))
    # `from dmlcourse import journal` reaches a room; `from .spec import Exercise` a name in one.
    return [f"{base}.{alias.name}" for alias in node.names]


def room(parts: tuple[str, ...]) -> str:
    return ROOM.get(parts[0], parts[0])


def wrong_arrows(package: Path) -> list[str]:
    """What is wrong with the imports of a package, one sentence for each arrow."""
    return [fault for arrow in arrows(package) if (fault := _fault(package, arrow))]


def _fault(package: Path, arrow: Arrow) -> str | None:
    own = arrow.path.relative_to(package).with_suffix("").parts
    place = f"{package.name}/{arrow.path.relative_to(package).as_posix()}, line {arrow.line}"
    target = ".".join(arrow.target)
    if own[0] in ALONE and own[0] != arrow.target[0]:
        return f"{place}: {own[0]} imports nothing of ours, and here it imports {target}."
    if own[0] in ALONE or not _is_room(package, arrow.target[0]):
        return None
    here, there = room(own), room(arrow.target)
    unknown = [name for name in (here, there) if name not in FLOOR]
    if unknown:
        return f"{place}: {unknown[0]} stands on no floor; give it one in {Path(__file__).name}."
    if here == there or FLOOR[there] < FLOOR[here]:
        return None
    way = "sideways" if FLOOR[there] == FLOOR[here] else "up"
    floors = f"floor {FLOOR[here]} to floor {FLOOR[there]}"
    return f"{place}: {here} → {there} goes {way} ({floors}), by importing {target}."


def _is_room(package: Path, name: str) -> bool:
    # What the package itself holds, such as `__version__`, belongs to no floor.
    is_there = (package / name).is_dir() or (package / f"{name}.py").is_file()
    return is_there and name != "__init__"


def test_every_import_goes_down() -> None:
    none_of(wrong_arrows(PACKAGE))


def test_every_room_has_a_floor() -> None:
    there = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    homeless = {room((name,)) for name in there} - set(FLOOR) - set(ALONE)
    assert homeless == set(), f"{sorted(homeless)} stand on no floor of {Path(__file__).name}"


def test_the_arrows_are_found() -> None:
    found = {(a.path.name, ".".join(a.target)) for a in arrows(PACKAGE)}
    assert ("cli.py", "grading.command.grade") in found, "an import inside a function"
    assert ("ch02.py", "observing.Case") in found, "a relative import of another room"
    assert ("runner.py", "journal") in found, "a room imported by name from the package"


def house(folder: Path, path: str, text: str) -> Path:
    """A small package in which one module has some text, and every other is empty."""
    package = folder / "dmlcourse"
    for name in ("geometry/cone.py", "losses/triplet.py", "selection/miners.py", "figures/draw.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("", encoding="utf-8")
    for name in ("__init__", "errors", "places", "cli", "lab", "bootstrap", "session"):
        (package / f"{name}.py").write_text("", encoding="utf-8")
    (package / "observing").mkdir()
    (package / path).write_text(text, encoding="utf-8")
    return package


WRONG = {
    "up": ("geometry/cone.py", "import dmlcourse.figures.draw", "geometry → figures goes up"),
    "up, relative": ("geometry/cone.py", "from ..losses import triplet", "geometry → losses"),
    "up, the room by name": ("geometry/cone.py", "from .. import figures", "geometry → figures"),
    "up, inside a function": (
        "geometry/cone.py",
        "def f():\n    from dmlcourse.figures import draw",
        "cone.py, line 2: geometry → figures",
    ),
    "sideways": (
        "losses/triplet.py",
        "from dmlcourse.selection.miners import hard",
        "losses → selection goes sideways",
    ),
    "sideways, a single file": ("figures/draw.py", "from ..session import is_interactive", "ways"),
    "down from nowhere": ("strange.py", "from dmlcourse import errors", "strange stands on no"),
    "bootstrap": ("bootstrap.py", "from dmlcourse import errors", "bootstrap imports nothing"),
    "bootstrap, the version": ("bootstrap.py", "from . import __version__", "imports nothing"),
    "the package": ("__init__.py", "from .geometry import cone", "__init__ imports nothing"),
    "observing": ("observing/case.py", "from ..errors import UserError", "observing imports"),
}


@pytest.mark.parametrize(("path", "text", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_arrow_is_named(tmp_path, path, text, said) -> None:
    (fault,) = wrong_arrows(house(tmp_path, path, text))
    assert said in fault


RIGHT = {
    "down": ("losses/triplet.py", "from ..geometry.cone import project_psd"),
    "down, absolute": ("figures/draw.py", "import dmlcourse.geometry.cone"),
    "the own room": ("geometry/cone.py", "from . import arrays\nfrom .arrays import take"),
    "between commands": ("cli.py", "from dmlcourse.lab import open_lab"),
    "the version": ("figures/draw.py", "from .. import __version__"),
    "the package itself": ("figures/draw.py", "import dmlcourse"),
    "others": ("geometry/cone.py", "import numpy as np\nfrom torch import Tensor"),
    "observing, its own": ("observing/case.py", "from .kinds import Kind"),
}


@pytest.mark.parametrize(("path", "text"), RIGHT.values(), ids=RIGHT)
def test_a_right_arrow_is_left_alone(tmp_path, path, text) -> None:
    assert wrong_arrows(house(tmp_path, path, text)) == []


HEAVY = {
    "dmlcourse": ("matplotlib", "numpy", "torch"),
    "dmlcourse.cli": ("matplotlib", "numpy", "torch"),
    "dmlcourse.checks": ("matplotlib", "torch"),
    "dmlcourse.exercises": ("matplotlib", "torch"),
}


@pytest.mark.parametrize("module", HEAVY)
def test_importing_stays_light(module) -> None:
    script = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY[module]})))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [], f"`import {module}` imports {ran.stdout}"
