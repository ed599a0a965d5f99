"""The package ``dmlcourse`` as a submission finds it: another one, without any answers.

``observing`` and ``data`` are the real ones; there is no network to download from. ``checks``,
``figures`` and ``benches`` take every call and do nothing. Whatever else this library has says,
when imported, why it is not there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .. import __version__

ROOMS = Path(__file__).parent.parent
CARRIED = {
    "observing": ROOMS / "observing",
    "inside": Path(__file__).parent / "inside",
    "data": ROOMS / "data",
    "errors": ROOMS / "errors.py",
    "files": ROOMS / "files.py",
}

SILENT = '''"""Takes every call and does nothing: what a grade rests on is observed, not shown."""


class _Nothing:
    def __call__(self, *_, **__):
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Nothing()
'''
STUBS = ("checks", "figures", "benches")

ABSENT = (
    "dmlcourse.{room} is not available when graded: the library's own answers stay outside. "
    "Write the answer with NumPy or torch, or keep it out of the answer's cell."
)


def write(folder: Path) -> Path:
    """Write the package into ``folder``; the folder to put on ``sys.path``."""
    package = folder / "dmlcourse"
    package.mkdir()
    (package / "__init__.py").write_text(f'__version__ = "{__version__}"\n', encoding="utf-8")
    for source in CARRIED.values():
        _carry(source, package / source.name)
    for name in STUBS:
        (package / f"{name}.py").write_text(SILENT, encoding="utf-8")
    for name in absent():
        text = f"raise ImportError({ABSENT.format(room=name)!r})\n"
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def _carry(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def absent() -> list[str]:
    """The rooms and modules of this library that no submission gets."""
    there = {path.stem for path in ROOMS.glob("[a-z]*") if path.is_dir() or path.suffix == ".py"}
    return sorted(there - set(CARRIED) - set(STUBS))
