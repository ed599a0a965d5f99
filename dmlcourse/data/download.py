"""Files from the network: where they are kept, and how they get there whole or not at all.

A file is verified twice. What a server sends is compared with the published MD5, where there is
one. What a file holds (names and pixels, however it was packed) is compared with a SHA-256 each
time it is read, so a file that was copied by hand, or packed again, is as good as a downloaded one.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import BadZipFile

from ..errors import UserError
from ..files import write_whole

try:
    from lzma import LZMAError
except ImportError:
    # Such a Python reads nothing that is packed so, and never raises it.
    class LZMAError(Exception):  # type: ignore[no-redef]
        """Stands in for the error of a module that this Python was built without."""


TIMEOUT = 20  # seconds without a byte
# A download may take GRACE seconds, and more as the file is larger: SLOWEST is in bytes a second.
GRACE, SLOWEST = 60, 5_000
PIECE = 2**16
UNPACKED = {"Accept-Encoding": "identity"}
# What the readers of gz, zip, PNG and npz files raise where the bytes are not what they should be.
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    SyntaxError,
    RuntimeError,
    struct.error,
    zlib.error,
    BadZipFile,
    LZMAError,
)


class Damaged(Exception):
    """A file does not hold what it should; the message says what was found."""


class TooSlow(Exception):
    """A server takes too long; the message says what came in which time."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set: its path below the data folder, its address, and what it must hold.

    ``size`` is in bytes, as the address gives it; ``shape`` is that of the array inside;
    ``content`` is the SHA-256 that ``reader`` verifies; ``md5`` is that of the packed file, where
    it is published. ``reader(path, file)`` gives what is inside, or raises ``Damaged`` or one of
    ``BROKEN``.
    """

    path: str
    address: str
    size: int
    shape: tuple[int, ...]
    content: str
    reader: Callable[[Path, RemoteFile], Any]
    md5: str | None = None


@dataclass(frozen=True)
class Collection:
    """The files of one data set. ``name`` is also their folder below the data folder."""

    name: str
    title: str
    source: str
    files: tuple[RemoteFile, ...]


def data_folder() -> Path:
    """Where downloads are kept: ``DMLCOURSE_DATA``, else the user's cache folder."""
    if folder := os.environ.get("DMLCOURSE_DATA"):
        return Path(folder).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("dmlcourse"))


def place(file: RemoteFile) -> Path:
    """Where a file lies, or will lie."""
    return data_folder() / file.path


def absent(files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Those of ``files`` that are not in the data folder."""
    return [file for file in files if not place(file).is_file()]


def read(collection: Collection, file: RemoteFile, download: bool = True) -> Any:
    """What a file of a collection holds, verified; fetched first where it is not there.

    Raises:
        UserError: it is not there and cannot be fetched (or ``download`` is false), or is damaged.
    """
    bring(collection, [file], download)
    path = place(file)
    try:
        return file.reader(path, file)
    except PermissionError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (Damaged, *BROKEN) as error:
        raise UserError(
            f"{path} is damaged: {_found(error)}. "
            f"Delete it and run: dmlcourse data {collection.name}"
        ) from error


def bring(collection: Collection, files: Sequence[RemoteFile], download: bool = True) -> None:
    """Fetch those of ``files`` that are not there, after a line that says what and from where.

    Raises:
        UserError: a file is not there and ``download`` is false, or it cannot be fetched.
    """
    missing = absent(files)
    if not missing:
        return
    if not download:
        raise UserError(_remedy(collection, missing))
    host = urlsplit(missing[0].address).netloc
    count = f"{len(missing)} file{'s' if len(missing) > 1 else ''}"
    print(f"{collection.title}: {count}, {megabytes(missing)}, from {host} to {data_folder()}")
    print(collection.source)
    for file in missing:
        if reason := _fetch(file):
            still = _remedy(collection, absent(files))
            raise UserError(f"{reason}. Nothing of it was kept.\n{still}")


def megabytes(files: Sequence[RemoteFile]) -> str:
    """The size of files as a person reads it."""
    return f"{sum(file.size for file in files) / 1e6:.1f} MB"


def store(path: Path, write: Callable[[Path], Any]) -> None:
    """Have ``write`` make a file of the data folder, whole or not at all, and its folder first.

    Raises:
        OSError: the folder cannot be written in, or is marked as read-only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _respect_read_only(path.parent)
    _remove_left_overs(path.parent)
    write_whole(path, write)


def _remove_left_overs(folder: Path) -> None:
    """Remove what a killed download left behind more than a day ago."""
    for part in folder.glob(".dmlcourse-*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > 86_400:
                part.unlink()


def _respect_read_only(folder: Path) -> None:
    # The system would let an administrator write here all the same.
    if os.name == "posix" and not folder.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "the folder is marked as read-only", str(folder))


def _fetch(file: RemoteFile) -> str | None:
    """Download and verify one file; why it failed, or None."""
    from requests import exceptions
    from urllib3.exceptions import HTTPError as BrokenOff

    def write(part: Path) -> None:
        _download(file, part)
        _verify(file, part)

    try:
        store(place(file), write)
    except exceptions.HTTPError as error:
        return str(error)
    except (exceptions.ConnectionError, exceptions.Timeout):
        return f"{file.address} cannot be reached"
    except (exceptions.RequestException, BrokenOff) as error:
        return f"{file.address} broke off ({type(error).__name__})"
    except TooSlow as error:
        return f"{file.address} is too slow: {error}"
    except Damaged as error:
        return f"{file.address} gave something else: {error}"
    except OSError as error:
        folder = place(file).parent
        raise UserError(
            f"Cannot write in {folder}: {error.strerror or error}. Make room there, or set "
            f"DMLCOURSE_DATA to a folder that you can write in."
        ) from error
    return None


def _download(file: RemoteFile, part: Path) -> None:
    import requests
    from tqdm.auto import tqdm

    with (
        tqdm(total=file.size, desc=Path(file.path).name, unit="B", unit_scale=True) as bar,
        requests.get(file.address, headers=UNPACKED, stream=True, timeout=TIMEOUT) as answer,
        part.open("wb") as out,
    ):
        answer.raise_for_status()
        for piece in _pieces(answer.raw, file):
            out.write(piece)
            bar.update(len(piece))


def _pieces(raw: Any, file: RemoteFile) -> Iterator[bytes]:
    """What a server sends, as it comes. One that sends too much or is too slow is left."""
    start, taken = time.monotonic(), 0
    # A urllib3 of old has no read1; its read waits for a whole piece.
    receive = getattr(raw, "read1", raw.read)
    # As it is stored: a server may call a .gz file gzip-encoded text.
    while piece := receive(PIECE, decode_content=False):
        taken += len(piece)
        if taken > 2 * file.size:
            raise Damaged(f"more than {2 * file.size:,} bytes, expected {file.size:,}")
        seconds = time.monotonic() - start
        if seconds > GRACE + file.size / SLOWEST:
            raise TooSlow(f"{taken:,} of {file.size:,} bytes in {seconds / 60:.0f} minutes")
        yield piece


def _verify(file: RemoteFile, part: Path) -> None:
    from pooch import file_hash

    size = part.stat().st_size
    md5 = file_hash(str(part), alg="md5")
    if file.md5 not in (None, md5):
        raise Damaged(f"{size:,} bytes with MD5 {md5}, expected MD5 {file.md5}")
    try:
        file.reader(part, file)
    except BROKEN as error:
        raise Damaged(f"{size:,} bytes, and {_found(error)}") from error


def _remedy(collection: Collection, missing: Sequence[RemoteFile]) -> str:
    names = ", ".join(Path(file.path).name for file in missing)
    folder = data_folder() / collection.name
    return (
        f"{collection.title} is not on this machine: {folder} lacks {names}. "
        f"With a network, run: dmlcourse data {collection.name}\n"
        f"Without one, copy these files into that folder from a machine that has them."
    )


def _found(error: Exception) -> str:
    if isinstance(error, Damaged):
        return str(error)
    return f"it cannot be unpacked ({str(error) or type(error).__name__})"
