"""Every data set of the course by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral

from ..errors import UserError
from . import bundled, mnist, omniglot
from .dataset import Dataset
from .download import Collection, absent


@dataclass(frozen=True)
class Entry:
    """What is known of a set before it is read; ``collection`` where it must be downloaded."""

    classes: int
    samples: int
    shape: tuple[int, ...]
    licence: str
    parts: tuple[str, ...] = ()
    collection: Collection | None = None


def entries() -> dict[str, Entry]:
    """All sets by name, the bundled ones first."""
    found = {
        name: Entry(about.classes, about.samples, about.shape, about.licence)
        for name, about in bundled.SETS.items()
    }
    found["mnist"] = Entry(10, 70_000, (28, 28), mnist.LICENCE, mnist.PARTS, mnist.MNIST)
    found["omniglot"] = Entry(
        1_623, 32_460, (105, 105), omniglot.LICENCE, omniglot.PARTS, omniglot.OMNIGLOT
    )
    return found


def names() -> tuple[str, ...]:
    """The names that ``load`` knows."""
    return tuple(entries())


def is_here(name: str) -> bool:
    """Whether ``load`` needs no network for any part of a set."""
    collection = entry(name).collection
    return collection is None or not absent(collection.files)


def load(
    name: str, part: str | None = None, *, size: int | None = None, download: bool = True
) -> Dataset:
    """The data set of that name.

    "iris", "wine", "breast_cancer" and "digits" are bundled. "mnist" has the parts "train" and
    "test"; "omniglot" has "background", "evaluation", "vinyals-train", "vinyals-val" and
    "vinyals-test", and pictures of ``size`` 28 (from 1 to 105). Without a ``part`` the first is
    taken. ``load_mnist`` and ``load_omniglot`` say what the arrays hold.

    Asking for "mnist" or "omniglot" by name is what fetches it, once, into the data folder
    (``DMLCOURSE_DATA``, else the user's cache folder), after a line that says what is fetched from
    where. ``download=False`` never uses the network.

    Raises:
        UserError: no set or part of that name, or a size that the set cannot have; files that are
            not there and cannot be fetched, or are damaged. The message says what to do.
    """
    found = entry(name)
    part = _part(name, found, part)
    if size is not None and name != "omniglot":
        raise UserError(f"size={size} is for omniglot: {name} has one size. Leave size out.")
    if name == "mnist":
        return mnist.load_mnist(part, download)
    if name == "omniglot":
        return omniglot.load_omniglot(part, _size(size), download)
    return bundled.read(name)


def entry(name: str) -> Entry:
    """The entry of a set.

    Raises:
        UserError: there is none; names the one that was probably meant.
    """
    known = entries()
    if isinstance(name, str) and name in known:
        return known[name]
    raise UserError(f"No data set {name!r}.{_meant(name, known)} The sets: {', '.join(known)}.")


def _part(name: str, found: Entry, part: str | None) -> str:
    if part is None:
        return found.parts[0] if found.parts else ""
    if part in found.parts:
        return part
    if not found.parts:
        raise UserError(f"{name} has no parts, and {part!r} was asked for: leave part out.")
    parts = ", ".join(found.parts)
    raise UserError(f"{name} has no part {part!r}.{_meant(part, found.parts)} The parts: {parts}.")


def _size(size: int | None) -> int:
    if size is None:
        return 28
    if isinstance(size, Integral) and 1 <= size <= omniglot.SIDE:
        return int(size)
    raise UserError(f"size is {size!r}: expected a whole number from 1 to {omniglot.SIDE}.")


def _meant(name: object, known: Iterable[str]) -> str:
    nearest = get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
