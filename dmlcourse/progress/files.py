"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..errors import UserError


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        UserError: there is one, or a folder, of that name; or it cannot be written.
    """
    try:
        # Takes the name before anything is written: whoever comes second is refused.
        path.open("xb").close()
    except FileExistsError:
        raise UserError(_taken(path)) from None
    except OSError as error:
        raise UserError(_unwritable(path, error)) from None
    try:
        write_whole(path, text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a file, or replace it at once by the new one.

    Raises:
        UserError: it cannot be written there.
    """
    beside = path.with_name(f".dmlcourse-{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(text.encode("utf-8", "replace"))
        os.replace(beside, path)
    except OSError as error:
        raise UserError(_unwritable(path, error)) from None
    finally:
        beside.unlink(missing_ok=True)


def _taken(path: Path) -> str:
    if path.is_dir():
        return f'"{path}" is a folder. Name a file in it.'
    return f'"{path}" exists already and stays as it is. Choose another name, or delete it first.'


def _unwritable(path: Path, error: OSError) -> str:
    if not path.parent.is_dir():
        return f'there is no folder "{path.parent}". Make it first, or choose another place.'
    return f'cannot write "{path}": {error.strerror or error}. Choose another place.'
