"""Omniglot: 1,623 characters of 50 alphabets, each drawn once by 20 writers.

Three ways to use it are published, and their results must not be compared with each other:
30 alphabets for learning and 20 for judging (background, evaluation); 20 runs of one-shot
classification within one alphabet (``omniglot_runs``); and a split of all characters, in which
every quarter turn of a character counts as a class of its own (vinyals-train, vinyals-val,
vinyals-test, with ``with_rotations``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np

from .dataset import Dataset
from .download import Collection, Damaged, RemoteFile, bring, place, read, store

ADDRESS = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
LICENCE = "MIT"
SOURCE = (
    "B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Human-level concept learning through "
    f"probabilistic program induction, Science 350, 2015. {LICENCE} licence."
)
SIDE = 105
LARGEST = 100_000  # bytes of one member; a drawing has some hundred
DRAWING = re.compile(
    r"images_[a-z]+/(?P<character>[^/]+/character\d\d)/\d{4}_(?P<writer>\d\d)\.png"
)
RUN_MEMBER = re.compile(r"run\d\d/(test/item\d\d\.png|training/class\d\d\.png|class_labels\.txt)")
ROTATIONS = (0, 90, 180, 270)

# O. Vinyals et al., Matching networks for one shot learning, NeurIPS 2016. The published lists name
# every character; they are whole alphabets, but for Gurmukhi, where characters 1 to 41 are "train".
VINYALS_VAL = ("Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)")
VINYALS_TEST = (
    "Kannada",
    "Keble",
    "Malayalam",
    "Manipuri",
    "Mongolian",
    "Old_Church_Slavonic_(Cyrillic)",
    "Oriya",
    "Sylheti",
    "Syriac_(Serto)",
    "Tengwar",
    "Tibetan",
    "ULOG",
)


class Packed(NamedTuple):
    """Drawings by the names of their files, in order; ``bits`` (n, 105, 14) uint8, ink is 1."""

    names: tuple[str, ...]
    bits: np.ndarray


class Run(NamedTuple):
    """One run: pictures (20, size, size) float32, and which of ``support`` each query shows."""

    support: np.ndarray
    queries: np.ndarray
    labels: np.ndarray


def unpack(path: Path, file: RemoteFile) -> Packed:
    """All drawings of an archive, verified."""
    with ZipFile(path) as archive:
        names = sorted({name for name in archive.namelist() if DRAWING.fullmatch(name)})
        _expect_count(names, file)
        packed = Packed(tuple(names), _bits(archive, names))
    _expect_digest(packed, file)
    return packed


def unpack_runs(path: Path, file: RemoteFile) -> tuple[Packed, dict[str, str]]:
    """The pictures of all runs, and for each test picture the training picture of its class."""
    with ZipFile(path) as archive:
        members = sorted({name for name in archive.namelist() if RUN_MEMBER.fullmatch(name)})
        names = [name for name in members if name.endswith(".png")]
        _expect_count(names, file)
        packed = Packed(tuple(names), _bits(archive, names))
        texts = [_member(archive, name).decode() for name in members if name.endswith(".txt")]
    answers = dict(line.split() for text in texts for line in text.splitlines())
    _expect_digest(packed, file, answers)
    return packed, answers


def digest(packed: Packed, answers: dict[str, str] | None = None) -> str:
    """The SHA-256 of names, pixels and answers: the same however they are packed."""
    pairs = [f"{test} {training}" for test, training in sorted((answers or {}).items())]
    text = "\n".join([*packed.names, *pairs, ""])
    return sha256(text.encode() + packed.bits.tobytes()).hexdigest()


def _bits(archive: ZipFile, names: list[str]) -> np.ndarray:
    bits = np.zeros((len(names), SIDE, (SIDE + 7) // 8), np.uint8)
    for row, name in zip(bits, names, strict=True):
        row[:] = _ink(_member(archive, name), name)
    return bits


def _member(archive: ZipFile, name: str) -> bytes:
    """One member, unless it says that it is long. More than it says is never unpacked."""
    size = archive.getinfo(name).file_size
    if size > LARGEST:
        raise Damaged(f"{name} has {size:,} bytes, expected at most {LARGEST:,}")
    return archive.read(name)


def _ink(png: bytes, name: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as picture:
            if picture.size != (SIDE, SIDE):
                raise Damaged(f"{name} has {picture.size} pixels, expected {(SIDE, SIDE)}")
            return np.packbits(np.asarray(picture.convert("L")) < 128, axis=1)
    except Image.DecompressionBombError as error:
        expected = f"{SIDE}×{SIDE}"
        raise Damaged(f"{name} says that it has millions of pixels, not {expected}") from error


def _expect_count(names: list[str], file: RemoteFile) -> None:
    if len(names) != file.shape[0]:
        raise Damaged(f"it holds {len(names):,} drawings, expected {file.shape[0]:,}")


def _expect_digest(packed: Packed, file: RemoteFile, answers: dict[str, str] | None = None) -> None:
    if digest(packed, answers) != file.content:
        raise Damaged("some of its drawings differ from the published ones")


OMNIGLOT = Collection(
    "omniglot",
    "Omniglot",
    SOURCE,
    (
        RemoteFile(
            "omniglot/images_background.zip",
            ADDRESS + "images_background.zip",
            9_464_212,
            (19_280, SIDE, SIDE),
            "f6ffe7c10e9819042ebb97b2f9c3ad7d32c2fe45eeee9b80f115f07fcacfc0ba",
            unpack,
            "68d2efa1b9178cc56df9314c21c6e718",
        ),
        RemoteFile(
            "omniglot/images_evaluation.zip",
            ADDRESS + "images_evaluation.zip",
            6_462_886,
            (13_180, SIDE, SIDE),
            "8a08514d1da4dc0f8a4aeaad29dd87e5dfa16e283d6045e9607d5f1ebbc565d9",
            unpack,
            "6b91aef0f799c5bb55b94e3f2daec811",
        ),
        RemoteFile(
            "omniglot/all_runs.zip",
            ADDRESS + "one-shot-classification/all_runs.zip",
            352_787,
            (800, SIDE, SIDE),
            "e1aa63544fc32ba525091f7f66a71f9e3bdf385ffff4f14f6dea1dab12546016",
            unpack_runs,
        ),
    ),
)
PARTS = ("background", "evaluation", "vinyals-train", "vinyals-val", "vinyals-test")


def load_omniglot(part: str = "background", size: int = 28, download: bool = True) -> Dataset:
    """One part of Omniglot: images (n, size, size) float32 from 0 (paper) to 1 (ink), y (n,) int64.

    "background" has 964 characters in 19,280 drawings, "evaluation" 659 in 13,180; "vinyals-train",
    "vinyals-val" and "vinyals-test" have 1,028, 172 and 423 characters of both. A smaller ``size``
    than 105 averages the ink over areas. ``groups`` holds "writer" (int64, 1 to 20; the 20 writers
    of one alphabet are not those of another), "alphabet" and "character" (text).

    Memory: 60 MB for "background" at size 28, 850 MB at size 105.
    """
    packed = _drawings(part, download)
    found = [match for name in packed.names if (match := DRAWING.fullmatch(name))]
    characters = np.array([match["character"] for match in found])
    keep = np.array([_in_part(name, part) for name in characters])
    class_names, y = np.unique(characters[keep], return_inverse=True)
    return Dataset(
        name="omniglot",
        y=y.astype(np.int64),
        class_names=tuple(map(str, class_names)),
        source=SOURCE,
        images=pictures(packed.bits[keep], size),
        groups={
            "writer": np.array([int(match["writer"]) for match in found])[keep],
            "alphabet": np.array([name.split("/")[0] for name in characters])[keep],
            "character": characters[keep],
        },
        part=part,
    )


def omniglot_runs(size: int = 28, download: bool = True) -> Iterator[Run]:
    """Lake's 20 runs of 20-way one-shot classification, each within one alphabet.

    A run has one support picture for each of 20 characters, by one writer, and 20 queries by
    another; ``labels`` (20,) int64 are indices into ``support``. The source reports each method's
    mean error over the 20 runs.
    """
    packed, answers = read(OMNIGLOT, OMNIGLOT.files[2], download)
    images = pictures(packed.bits, size)
    index = {name: i for i, name in enumerate(packed.names)}
    for run in sorted({name.split("/")[0] for name in packed.names}):
        support = [name for name in packed.names if name.startswith(f"{run}/training/")]
        queries = [name for name in packed.names if name.startswith(f"{run}/test/")]
        labels = [support.index(answers[name]) for name in queries]
        yield Run(
            images[[index[name] for name in support]],
            images[[index[name] for name in queries]],
            np.array(labels, np.int64),
        )


def with_rotations(data: Dataset) -> Dataset:
    """Four times the classes: each character as it is, and turned by 90, 180 and 270 degrees.

    Counter-clockwise. Class c turned by k quarter turns is class c + k·(number of classes), so the
    first quarter of the samples is ``data`` itself.
    """
    assert data.images is not None
    turns = range(len(ROTATIONS))
    classes = len(data.class_names)
    return replace(
        data,
        y=np.concatenate([data.y + turn * classes for turn in turns]),
        class_names=tuple(f"{name}/rot{d:03}" for d in ROTATIONS for name in data.class_names),
        images=np.concatenate([np.rot90(data.images, turn, axes=(1, 2)) for turn in turns]),
        groups={name: np.tile(labels, len(turns)) for name, labels in data.groups.items()},
    )


def pictures(bits: np.ndarray, size: int) -> np.ndarray:
    """Packed drawings (n, 105, 14) as pictures (n, size, size) float32, ink = 1.

    Each pixel is the share of ink in the area that it covers. The mean ink stays as it is.
    """
    weights = _shares(SIDE, size)
    images = np.empty((len(bits), size, size), np.float32)
    # 64 at a time, so that what is unpacked stays in the processor's cache.
    for first in range(0, len(bits), 64):
        ink = np.unpackbits(bits[first : first + 64], axis=2, count=SIDE).astype(np.float32)
        images[first : first + 64] = ink if size == SIDE else weights @ ink @ weights.T
    return images


def _shares(old: int, new: int) -> np.ndarray:
    """Row i, column j: which share of new pixel i lies in old pixel j. (new, old) float32."""
    edges = np.arange(new + 1)[:, None] * old / new
    ends = np.minimum(edges[1:], np.arange(1, old + 1))
    starts = np.maximum(edges[:-1], np.arange(old))
    return (np.maximum(ends - starts, 0) * new / old).astype(np.float32)


def _drawings(part: str, download: bool) -> Packed:
    """The drawings of the archives that hold a part."""
    files = [file for file in OMNIGLOT.files[:2] if part in file.path or part.startswith("vinyals")]
    bring(OMNIGLOT, files, download)
    packs = [_quick(file, download) for file in files]
    names = tuple(name for pack in packs for name in pack.names)
    return Packed(names, np.concatenate([pack.bits for pack in packs]))


def _quick(file: RemoteFile, download: bool) -> Packed:
    """The drawings of one archive, from an unpacked copy beside it where there is a right one.

    Thousands of small PNG files take seconds to decode, the copy a tenth of that. It counts only
    if it has the digest of the archive, and is made again otherwise.
    """
    copy = place(file).with_suffix(".npz")
    try:
        with np.load(copy, allow_pickle=False) as stored:
            packed = Packed(tuple(stored["names"].tolist()), stored["bits"])
        _expect_digest(packed, file)
    # Whatever is wrong with it: where lengths are, a copy can hold any number.
    except Exception:
        packed = read(OMNIGLOT, file, download)
        _keep(packed, copy)
    return packed


def _keep(packed: Packed, copy: Path) -> None:
    def write(part: Path) -> None:
        with part.open("wb") as opened:
            np.savez_compressed(opened, names=np.array(packed.names), bits=packed.bits)

    # Where the folder cannot be written in, the archive is decoded again next time.
    with suppress(OSError):
        store(copy, write)


def _in_part(character: str, part: str) -> bool:
    """Whether a character ("Alphabet/characterNN") of the archives read belongs to a part."""
    alphabet, number = character.split("/character")
    if alphabet == "Gurmukhi":
        vinyals = "vinyals-test" if int(number) > 41 else "vinyals-train"
    elif alphabet in VINYALS_VAL:
        vinyals = "vinyals-val"
    else:
        vinyals = "vinyals-test" if alphabet in VINYALS_TEST else "vinyals-train"
    return part in ("background", "evaluation", vinyals)
