"""KEEL: ten small sets, each cut into the ten folds of a published comparison of learners.

Who measures on the same folds can compare with published numbers to the last digit. KEEL's pages
hand the files out; nothing here downloads them. In an archive ``NAME-10-dobscv.zip``, or renamed
``NAME-10fold.zip``, each fold has a training file and a test file, in KEEL's own text format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import sha256
from math import isfinite, nan
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np

from ..errors import UserError
from .dataset import Dataset
from .download import BROKEN, Damaged, data_folder

PAGE = "https://sci2s.ugr.es/keel"
SOURCE = (
    "J. Alcalá-Fdez et al., KEEL data-mining software tool: data set repository, integration of "
    "algorithms and experimental analysis framework, Journal of Multiple-Valued Logic and Soft "
    f"Computing 17, 2011. For the origin and licence of each set see {PAGE}"
)
FOLDS = 10
PARTS = ("tra", "tst")
LARGEST = 1_000_000  # bytes of one member; the longest real one has 110 thousand
MISSING = ("?", "<null>")
ATTRIBUTE = re.compile(
    r"@attribute\s+(?P<name>'[^']{,100}'|[^\s{]{1,100})\s*(\{(?P<values>.*)\}|(real|integer)\b.*)",
    re.IGNORECASE,
)

# For each set the SHA-256 of what its twenty files hold (see ``digest``).
SETS = {
    "appendicitis": "0ed9fd0fc33f34fd3e9e0bd832cd542dd6abb4ed7af33ccdfae97c301d487133",
    "hepatitis": "25ab89b0e5ea09985f6ca32dcfe38e57326d2d42b219e89c0b119f9a96789dd8",
    "ionosphere": "6fb980af97b33854e23e1bb619460e4ba4d1923d34bdb677a7c0d6f18e0ec5b7",
    "iris": "a3e3857a8fb40119c620ada34f35477e6427f1a00de2a4b4d0395e3d3f844c96",
    "newthyroid": "0c12f3969730c6b1cae25881d8c42714775accdec3a49fa0fcd5fb73cf8e44aa",
    "sonar": "5bfda2bad8511fee5dd07d555fe1d7546c2ef517adffc39ba8b6220ff2515212",
    "vehicle": "5c429767414de77281c8b3023ad887dc528670fb16f234656146c2b47b6f9afe",
    "vowel": "cf64ee0c43c863815a7d93437cf2d27eb63b213b1a3a4733cc894a888582bfca",
    "wdbc": "7e9cc2a7072b706cc5ec5d0abc9dd3040c6102d7d769b26e14cbdfb3d5b3d268",
    "wine": "21547070bac7cc5b0efd1aeebd7022d61d0fcaafec7d8afed3c6ab5370529e8c",
}


class Fold(NamedTuple):
    """One of ten ways to part a set: nine tenths to learn from, one tenth to judge by."""

    train: Dataset
    test: Dataset


class Attribute(NamedTuple):
    """A column; ``places`` numbers the values of a nominal one, and is None for numbers."""

    name: str
    places: dict[str, int] | None


class Table(NamedTuple):
    """What one file holds: names (d) and numbers (n, d) float64 of the features, classes (n)."""

    names: tuple[str, ...]
    numbers: np.ndarray
    classes: tuple[str, ...]


def keel_names() -> tuple[str, ...]:
    """The names that ``keel_folds`` knows."""
    return tuple(SETS)


def keel_folds(name: str) -> list[Fold]:
    """The ten folds of a set, in KEEL's order, each with its ``train`` and ``test`` part.

    The ten test parts share no sample, and together they are the whole set. ``X`` (n, d) float64
    is in the units of the file; a nominal column holds the place of each value in the list that
    the header gives. ``y`` (n,) int64 numbers the classes as they first appear in the training
    part, so that class 0 of one fold may be class 1 of another: ``class_names`` says which is
    which. The published results were measured so, and the numbers decide where votes are equal.

    Raises:
        UserError: no set of that name; its file is not in the folder ``keel`` of the data folder;
            or it is damaged. A missing value counts as damage: none of the ten sets has one.
    """
    path = _place(_known(name))
    try:
        return _read(path, name)
    except PermissionError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (Damaged, *BROKEN) as error:
        found = str(error) or type(error).__name__
        said = found if isinstance(error, Damaged) else f"it cannot be unpacked ({found})"
        raise UserError(f"{path} is damaged: {said}.\nDelete it. {_remedy(name)}") from error


def table(text: str, file: str) -> Table:
    """What a text in KEEL's format holds: a header, a line ``@data``, and a line for each sample.

    Raises:
        Damaged: it does not follow the format, or a value is missing; names ``file`` and the line.
    """
    lines = [line.strip() for line in text.splitlines()]
    start = next((i for i, line in enumerate(lines) if line.lower() == "@data"), len(lines))
    attributes, output = _header(lines[:start], file)
    rows = [
        _row(line, attributes, f"{file}, line {number}")
        for number, line in enumerate(lines[start + 1 :], start=start + 2)
        if line
    ]
    if not rows:
        raise Damaged(f"{file} has no line @data with samples after it")
    inputs = [i for i in range(len(attributes)) if i != output]
    values = np.array(rows, np.float64)
    classes = list(attributes[output].places or ())
    return Table(
        tuple(attributes[i].name for i in inputs),
        values[:, inputs],
        tuple(classes[int(place)] for place in values[:, output]),
    )


def digest(tables: Sequence[Table]) -> str:
    """The SHA-256 of names, classes and numbers: the same however they are written and packed."""
    content = sha256()
    for one in tables:
        content.update("\n".join([*one.names, *one.classes, ""]).encode())
        content.update(one.numbers.astype("<f8").tobytes())
    return content.hexdigest()


def _known(name: str) -> str:
    if isinstance(name, str) and name in SETS:
        return name
    nearest = get_close_matches(str(name), list(SETS), n=1)
    meant = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise UserError(f"No set {name!r} of KEEL here.{meant} The sets: {', '.join(SETS)}.")


def _place(name: str) -> Path:
    """Where the archive of a set lies, under either name."""
    folder = data_folder() / "keel"
    archives = f"{name}-10fold.zip", f"{name}-10-dobscv.zip"
    for archive in archives:
        if (folder / archive).is_file():
            return folder / archive
    raise UserError(f"{folder} holds neither {' nor '.join(archives)}.\n{_remedy(name)}")


def _remedy(name: str) -> str:
    return (
        f"Get {name} from {PAGE}, in the partition 10-fold DOB-SCV (an archive of {2 * FOLDS} "
        f"files {name}-10dobscv-1tra.dat, {name}-10dobscv-1tst.dat and so on), and put it into "
        f"that folder as {name}-10fold.zip. Nothing here downloads it."
    )


def _read(path: Path, name: str) -> list[Fold]:
    files = [f"{name}-10dobscv-{i}{part}.dat" for i in range(1, FOLDS + 1) for part in PARTS]
    with ZipFile(path) as archive:
        members = {member.rpartition("/")[2]: member for member in archive.namelist()}
        if lacking := [file for file in files if file not in members]:
            raise Damaged(f"it lacks {len(lacking)} of {len(files)} files, first {lacking[0]}")
        tables = [table(_text(archive, members[file]), file) for file in files]
    if digest(tables) != SETS[name]:
        raise Damaged("some of its values differ from those of the published folds")
    pairs = zip(tables[::2], tables[1::2], strict=True)
    return [_fold(name, number, *pair) for number, pair in enumerate(pairs, start=1)]


def _text(archive: ZipFile, member: str) -> str:
    """One member, unless it says that it is long. More than it says is never unpacked."""
    size = archive.getinfo(member).file_size
    if size > LARGEST:
        raise Damaged(f"{member} has {size:,} bytes, expected at most {LARGEST:,}")
    return archive.read(member).decode()


def _header(lines: list[str], file: str) -> tuple[list[Attribute], int]:
    """The columns, and the place of the one that holds the class."""
    attributes, output = [], ""
    for number, line in enumerate(lines, start=1):
        word = line.split(maxsplit=1)[0].lower() if line else ""
        if word == "@attribute":
            attributes.append(_attribute(line, f"{file}, line {number}"))
        elif word == "@outputs":
            output = line[len(word) :].strip()
    names = [attribute.name for attribute in attributes]
    if len(set(names)) < len(names):
        raise Damaged(f"{file} has two attributes of one name")
    if output not in names or attributes[names.index(output)].places is None:
        raise Damaged(f"{file} has no line @outputs that names an attribute with classes")
    return attributes, names.index(output)


def _attribute(line: str, where: str) -> Attribute:
    match = ATTRIBUTE.fullmatch(line)
    if not match:
        raise Damaged(f"{where}: {_short(line)} is no attribute with numbers or a list of values")
    if match["values"] is None:
        return Attribute(match["name"], None)
    values = [value.strip() for value in match["values"].split(",")]
    places = {value: place for place, value in enumerate(values)}
    if len(places) < len(values):
        raise Damaged(f"{where}: {_short(line)} lists a value twice")
    return Attribute(match["name"], places)


def _row(line: str, attributes: list[Attribute], where: str) -> list[float]:
    """The numbers of one sample; for a nominal value, its place in the list."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(attributes):
        raise Damaged(f"{where} has {len(cells)} values, expected {len(attributes)}")
    return [_value(*pair, where) for pair in zip(cells, attributes, strict=True)]


def _value(cell: str, attribute: Attribute, where: str) -> float:
    if cell in MISSING:
        raise Damaged(f"{where}: the value of {attribute.name} is missing ({cell})")
    if attribute.places is not None:
        if cell not in attribute.places:
            raise Damaged(f"{where}: {attribute.name} is {_short(cell)}, which is not in its list")
        return attribute.places[cell]
    number = _number(cell)
    if not isfinite(number):
        raise Damaged(f"{where}: {attribute.name} is {_short(cell)}, expected a number")
    return number


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return nan


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _fold(name: str, number: int, train: Table, test: Table) -> Fold:
    labels = tuple(dict.fromkeys(train.classes))
    parts = zip((train, test), ("training", "test"), strict=True)
    return Fold(*(_dataset(name, labels, part, f"fold {number}, {role}") for part, role in parts))


def _dataset(name: str, labels: tuple[str, ...], part: Table, role: str) -> Dataset:
    return Dataset(
        name=f"KEEL {name}",
        y=np.array([labels.index(label) for label in part.classes], np.int64),
        class_names=labels,
        source=SOURCE,
        features=part.numbers,
        feature_names=part.names,
        part=role,
    )
