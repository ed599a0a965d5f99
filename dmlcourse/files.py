"""Files that are written whole or not at all, by however many programs at once."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import UserError


def write_whole(
    path: Path,
    content: bytes | Callable[[Path], Any],
    *,
    new: bool = False,
    mode: int = 0o666,
    check: Callable[[], Any] | None = None,
) -> None:
    """Make a file beside ``path``, then put it there in one step.

    Whoever reads ``path`` finds the old file or the new one, never a part. A function ``content``
    writes the file that it is given. ``check`` is called last; what it raises keeps the old file.
    A file that is replaced hands its permissions on; a new one has ``mode``, less the umask.

    Nothing is left behind where this raises. A process that is killed may leave
    ``.dmlcourse-….part``, which no command reads: it is hidden and ends like nothing of ours.

    Raises:
        FileExistsError: with ``new``, something has that name already; it stays as it is.
        OSError: it cannot be written there.
    """
    if new and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = path.with_name(f".dmlcourse-{secrets.token_hex(8)}.part")
    try:
        # What only its owner may read is not open to others while it is written either.
        part.touch(0o600 if path.exists() else mode, exist_ok=False)
        _fill(part, content)
        _hand_on_mode(path, part)
        if check:
            check()
        (_take_name if new else os.replace)(part, path)
    finally:
        with suppress(OSError):
            part.unlink()


def unwritable(path: Path, error: OSError) -> UserError:
    """What to say to the person whose file could not be written."""
    if path.is_dir():
        return UserError(f'"{path}" is a folder. Name a file in it.')
    if isinstance(error, FileExistsError):
        return UserError(
            f'"{path}" exists already and stays as it is. Choose another name, or delete it first.'
        )
    if not path.parent.is_dir():
        return UserError(
            f'there is no folder "{path.parent}". Make it first, or choose another place.'
        )
    return UserError(f'cannot write "{path}": {error.strerror or error}. Choose another place.')


def _fill(part: Path, content: bytes | Callable[[Path], Any]) -> None:
    if callable(content):
        content(part)
    else:
        part.write_bytes(content)
    # It gets its name when it is on the disk: a power failure leaves no empty file of that name.
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _hand_on_mode(path: Path, part: Path) -> None:
    # Elsewhere a mode says "read-only" at most, and such a file could be neither moved nor deleted.
    # There may be no old file, and some file systems keep no modes.
    if os.name == "posix":
        with suppress(OSError):
            shutil.copymode(path, part)


def _take_name(part: Path, path: Path) -> None:
    """Name a file as no other is named; raises ``FileExistsError`` where one is."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without second names, as on memory sticks: an empty file holds the name.
        path.open("xb").close()
        try:
            os.replace(part, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
