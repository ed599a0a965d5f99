"""MNIST: 70,000 handwritten digits of 28×28 pixels, in four idx files packed with gzip."""

from __future__ import annotations

import gzip
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np

from .dataset import Dataset
from .download import Collection, Damaged, RemoteFile, bring, read

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"
LICENCE = "CC BY-SA 3.0"
SOURCE = (
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document "
    f"recognition, Proceedings of the IEEE 86, 1998. {LICENCE}."
)


def unpack(path: Path, file: RemoteFile) -> np.ndarray:
    """The array in an idx file, uint8 of the shape that ``file`` names, verified.

    The format: two zero bytes, 8 for unsigned bytes, the number of dimensions, each dimension as a
    big-endian 32-bit number, then the values.
    """
    start = struct.pack(f">{1 + len(file.shape)}I", 0x0800 + len(file.shape), *file.shape)
    expected = len(start) + int(np.prod(file.shape))
    with gzip.open(path) as packed:
        raw = packed.read(expected + 1)
    if raw[:4] != start[:4]:
        raise Damaged(f"it starts with {raw[:4].hex() or 'nothing'}, expected {start[:4].hex()}")
    if raw[: len(start)] != start:
        raise Damaged(f"it does not say that it holds {file.shape} values")
    if len(raw) != expected:
        more = "more than " if len(raw) > expected else ""
        raise Damaged(f"unpacked it has {more}{min(len(raw), expected):,} of {expected:,} bytes")
    if sha256(raw).hexdigest() != file.content:
        raise Damaged("some of its values differ from the published ones")
    return np.frombuffer(raw, np.uint8, offset=len(start)).reshape(file.shape).copy()


def _file(name: str, size: int, shape: tuple[int, ...], md5: str, content: str) -> RemoteFile:
    return RemoteFile(f"mnist/{name}", ADDRESS + name, size, shape, content, unpack, md5)


MNIST = Collection(
    "mnist",
    "MNIST",
    SOURCE,
    (
        _file(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            (60_000, 28, 28),
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _file(
            "train-labels-idx1-ubyte.gz",
            28_881,
            (60_000,),
            "d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        _file(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            (10_000, 28, 28),
            "9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _file(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            (10_000,),
            "ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)
PARTS = ("train", "test")


def load_mnist(part: str = "train", download: bool = True) -> Dataset:
    """One part of MNIST: images (n, 28, 28) uint8 from 0 (paper) to 255 (ink), y (n,) int64.

    "train" has 60,000 samples and "test" 10,000. ``X`` holds the same whole numbers as float32.
    """
    first = 2 * PARTS.index(part)
    files = MNIST.files[first : first + 2]
    bring(MNIST, files, download)
    images, labels = (read(MNIST, file, download) for file in files)
    return Dataset(
        name="mnist",
        y=labels.astype(np.int64),
        class_names=tuple("0123456789"),
        source=SOURCE,
        images=images,
        part=part,
    )
