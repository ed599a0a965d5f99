"""Invented signatures, genuine and forged: as many writers as wanted, without a download.

A writer signs with a name of one or two words: a capital, letters from an inventory of the writer's
own, maybe a tail, an underline, a dot. The hand has habits, and each signature varies: errors add
up along the pen's way. A forger has seen the signature and copies the line, not the movement:
proportions are misjudged in the forger's own way, the forger's slant and aspect show, and the line
is slow and trembles. ``skill`` says how little of that there is: at 0 somebody writes the name who
hardly knows what it looks like, at 1 forgeries come from the very distribution of the genuine ones,
and nothing can tell them apart. ``signing.py`` has the model.

What they are not: evidence about forgery. The forger's skill is ours: an error rate at one skill
says what we put in. Sweep it and report a curve. Nobody has practised these signatures; ink,
pressure and paper, disguise, age and mood are missing; all forgers make mistakes of the same kinds.
Generated data: this tests a method against our generator, not the field.

``python benchmarks/signatures.py`` measures, at 32 × 64 pixels, the equal error rate of the
Euclidean distance of two pictures, as they are and after a blur of 1.5 pixels: pairs of genuine
ones of one writer against pairs with another writer's (random forgeries) or with a skilled forgery.
400 writers, standard errors below 1 %:

                    pixels    blurred
    random            29 %       17 %
    skill 0           36 %       24 %
    skill 0.25        38 %       29 %
    skill 0.5         42 %       35 %
    skill 0.75        46 %       44 %
    skill 1           50 %       50 %

Of all genuine ones of 100 writers, blurred, the nearest is by the same writer in 87 % of cases. The
generator was tuned by hand on these numbers and by eye, for a task that pixels do not solve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .alphabets import generator
from .rendering import on_device, render_polylines
from .signing import (
    FORGERS,
    FORGERY,
    GENUINE,
    PAPER,
    STEPS,
    Plan,
    forged_plan,
    own_plan,
    written,
)

SMALLEST = (16, 32)


@dataclass(frozen=True)
class Signatures:
    """Pictures of signatures and whose they are: tensors on one device.

    images: (n, height, width) float32 in [0, 1], ink 1 and paper 0. writers: (n,) int64, whose
    signature it is or pretends to be. genuine: (n,) bool. forgers: (n,) int64, who held the pen:
    the writer, or, below 0, one of the people who forge this writer and nobody else.

    ``data[rows]`` has some of them: row numbers, a mask (n,) or a slice; ``len(data)`` is n.
    """

    images: Tensor
    writers: Tensor
    genuine: Tensor
    forgers: Tensor

    def __len__(self) -> int:
        return len(self.writers)

    def __getitem__(self, rows: Any) -> Signatures:
        if not isinstance(rows, slice):
            rows = _rows(rows, self.writers.device)
        return Signatures(*(getattr(self, field.name)[rows] for field in fields(self)))


def _rows(rows: Any, place: torch.device) -> Tensor:
    rows = torch.as_tensor(rows, device=place)
    if rows.ndim != 1 or (rows.is_floating_point() and len(rows)):
        raise TypeError(f"rows is {rows}: expected row numbers or a mask; for one write [[row]].")
    # A tensor of bytes would be read as a mask.
    return rows if rows.dtype == torch.bool else rows.long()


def signatures(
    writers: int = 20,
    genuine: int = 24,
    forgeries: int = 24,
    *,
    skill: float = 0.5,
    first_writer: int = 0,
    size: tuple[int, int] = PAPER,
    random_state: int = 0,
    device: str | torch.device = "auto",
    max_bytes: int = 2**26,
) -> Signatures:
    """Grey images of signatures: of each writer ``genuine`` ones, then ``forgeries`` of them.

    writers: how many, numbered from ``first_writer`` on. skill: of the forgers, from 0 to 1 (see
    above); each writer has four, who take turns. size: (height, width) in pixels, at least
    (16, 32); a signature is as large as fits and has the same shape in all sizes.

    The same ``random_state`` gives the same writer w, and the same t-th genuine signature and t-th
    forgery, whatever else is asked for; another skill changes the forgeries alone, by the same
    people with the same noise. Writers share nothing but the generator, and forgers neither, so
    ``first_writer=100`` gives people never seen. A split by writers does as well:

        data = signatures(60)
        train, test = group_disjoint_split(data.writers.cpu(), random_state=0)
        known, new = data[train], data[test]

    All random numbers are NumPy's; the renderer alone runs on ``device`` ("auto": CUDA if there is
    one), with the same result up to its rounding and about ``max_bytes`` of working memory.

    Raises ``ValueError`` for no writer or no genuine signature, a negative number, a skill outside
    0 to 1, a size below (16, 32) or a device that is not there, ``TypeError`` where a count is not
    a whole number, or the size not two. Chapters 10 and 17.
    """
    place = on_device(device)
    _expect_whole("writers", writers, 1)
    _expect_whole("genuine", genuine, 1)
    _expect_whole("forgeries", forgeries, 0)
    _expect_whole("first_writer", first_writer, 0)
    _expect_whole("random_state", random_state, 0)
    _expect_skill(skill)
    _expect_size(size)
    numbers = range(first_writer, first_writer + writers)
    drawn = [_all_of(random_state, writer, genuine, forgeries, skill) for writer in numbers]
    images = _rendered(drawn, size, place, max_bytes)
    owners = np.repeat(numbers, genuine + forgeries)
    is_genuine = np.tile(np.arange(genuine + forgeries) < genuine, writers)
    turns = np.tile(np.arange(genuine + forgeries) - genuine, writers) % FORGERS
    forgers = np.where(is_genuine, owners, -1 - (FORGERS * owners + turns))
    return Signatures(
        images, *(torch.from_numpy(a).to(place) for a in (owners, is_genuine, forgers))
    )


def _all_of(
    random_state: int, writer: int, genuine: int, forgeries: int, skill: float
) -> tuple[np.ndarray, list[float]]:
    """The pen's ways (genuine + forgeries, p, 2) with a writer's name, and the pens' widths."""
    own = own_plan(random_state, writer)
    plans = [forged_plan(random_state, writer, k, skill) for k in range(min(FORGERS, forgeries))]
    paths = np.empty((genuine + forgeries, STEPS * len(own.chords) + 1, 2), np.float32)
    paths[:genuine] = written(own, _noise(random_state, GENUINE, writer, range(genuine), own))
    for k, plan in enumerate(plans):
        turns = range(k, forgeries, FORGERS)
        noise = _noise(random_state, FORGERY, writer, turns, own)
        paths[genuine + k :: FORGERS] = written(plan, noise)
    pens = [own.pen for _ in range(genuine)]
    pens += [plans[turn % FORGERS].pen for turn in range(forgeries)]
    return paths, pens


def _noise(random_state: int, kind: int, writer: int, turns: range, plan: Plan) -> np.ndarray:
    """The random numbers of each drawing, which depend on nothing but its own number."""
    seeds = (generator(random_state, kind, writer, turn) for turn in turns)
    return np.stack([seed.normal(size=plan.noise_count) for seed in seeds])


def _rendered(
    drawn: list[tuple[np.ndarray, list[float]]],
    size: tuple[int, int],
    place: torch.device,
    max_bytes: int,
) -> Tensor:
    """Images (n, height, width): the paper as large as it fits, in the middle."""
    scale = min(size[0] / PAPER[0], size[1] / PAPER[1])
    corner = (np.array(size[::-1]) - scale * np.array(PAPER[::-1])) / 2
    points = torch.from_numpy(_filled([paths for paths, _ in drawn]) * scale + corner)
    pens = torch.tensor([pen for _, widths in drawn for pen in widths]) * scale
    return render_polylines(
        points.float().to(place), (int(size[0]), int(size[1])), pens.to(place), max_bytes
    )


def _filled(drawn: list[np.ndarray]) -> np.ndarray:
    """One array of all drawings, filled up with NaN."""
    longest = max(paths.shape[1] for paths in drawn)
    points = np.full((sum(map(len, drawn)), longest, 2), np.nan, np.float32)
    first = 0
    for paths in drawn:
        points[first : first + len(paths), : paths.shape[1]] = paths
        first += len(paths)
    return points


def signature_pairs(
    data: Signatures,
    *,
    genuine: int | None = None,
    skilled: int | None = None,
    random: int | None = 0,
    random_state: Any = 0,
) -> tuple[Tensor, Tensor]:
    """Pairs (p, 2) of rows of ``data``, and whether both are genuine and of one writer, (p,) bool.

    Three kinds follow one another, each a number or None for all there are:

        genuine    two genuine ones of one writer: the same; so many of each writer
        skilled    a genuine one and a forgery of it: different; so many of each writer
        random     genuine ones of two writers: different; so many times the number of writers,
                   drawn among all such pairs

    By default all pairs of the first two kinds. ``genuine=0, skilled=0, random=None`` gives the
    third alone. No pair comes twice; a skilled one begins with the genuine signature, the others
    with the smaller row. A sample is uniform, and another number of one kind leaves the other two
    as they are. ``random_state`` is a seed, a ``numpy.random.Generator``, or None for other pairs
    each time. Two int64 and bool tensors on the device of ``data``; the work is done on the CPU.

    Raises ``ValueError`` for a negative number, or one above the number of pairs there are.
    """
    for name, count in (("genuine", genuine), ("skilled", skilled), ("random", random)):
        if count is not None:
            _expect_whole(name, count, 0, ", or None for all pairs")
    people = _people(data)
    streams = np.random.default_rng(random_state).spawn(3)
    kinds = (
        _of_each(people, _two_genuine, "genuine", genuine, streams[0]),
        _of_each(people, _genuine_and_forged, "skilled", skilled, streams[1]),
        [_of_two_people(people, random, streams[2])],
    )
    pairs = np.concatenate([some for kind in kinds for some in kind])
    same = np.arange(len(pairs)) < sum(map(len, kinds[0]))
    place = data.writers.device
    return torch.from_numpy(pairs).to(place), torch.from_numpy(same).to(place)


class _Person(NamedTuple):
    """A writer, and the rows of the signatures and of the forgeries."""

    writer: int
    genuine: np.ndarray
    forged: np.ndarray


def _people(data: Signatures) -> list[_Person]:
    writers, genuine = data.writers.cpu().numpy(), data.genuine.cpu().numpy()
    parts = ((writer, writers == writer) for writer in np.unique(writers).tolist())
    return [
        _Person(writer, np.flatnonzero(own & genuine), np.flatnonzero(own & ~genuine))
        for writer, own in parts
    ]


def _of_each(
    people: list[_Person],
    pairs_of: Callable[[_Person], np.ndarray],
    name: str,
    count: int | None,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """For each writer all the pairs, or so many of them."""
    return [_some(pairs_of(one), count, name, f"writer {one.writer} has", rng) for one in people]


def _two_genuine(person: _Person) -> np.ndarray:
    return _two_of(person.genuine)


def _genuine_and_forged(person: _Person) -> np.ndarray:
    pairs = np.meshgrid(person.genuine, person.forged, indexing="ij")
    return np.stack(pairs, -1).reshape(-1, 2)


def _two_of(rows: np.ndarray) -> np.ndarray:
    """All pairs (p, 2) of two different rows, the earlier first."""
    return rows[np.stack(np.triu_indices(len(rows), 1), 1)]


def _some(
    pairs: np.ndarray, count: int | None, name: str, whose: str, rng: np.random.Generator
) -> np.ndarray:
    """All the pairs, or so many of them in random order."""
    if count is None:
        return pairs
    if count > len(pairs):
        raise ValueError(
            f"{name} asks for {count} pairs: {whose} {len(pairs)}. Ask for fewer, or with None for "
            f"all."
        )
    return pairs[rng.permutation(len(pairs))[:count]]


def _of_two_people(
    people: list[_Person], times: int | None, rng: np.random.Generator
) -> np.ndarray:
    """All pairs of genuine ones of two writers, or ``times`` as many as there are writers."""
    rows = np.concatenate([np.empty(0, np.int64), *(one.genuine for one in people)])
    owner = np.repeat(np.arange(len(people)), [len(one.genuine) for one in people])
    there = (len(rows) ** 2 - np.square(np.bincount(owner)).sum()) // 2
    count = None if times is None else times * len(people)
    if count is not None and 2 * count < there:
        return np.sort(rows[_drawn(owner, count, rng)])
    places = _two_of(np.arange(len(rows)))
    pairs = np.sort(rows[places[owner[places[:, 0]] != owner[places[:, 1]]]])
    return _some(pairs, count, "random", f"{len(people)} writers have", rng)


def _drawn(owner: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs (count, 2) of places of two owners: the first different ones of independent draws."""
    pairs = np.empty((0, 2), np.int64)
    while len(pairs) < count:
        more = np.sort(rng.integers(len(owner), size=(2 * count, 2)))
        pairs = np.concatenate([pairs, more[owner[more[:, 0]] != owner[more[:, 1]]]])
        first = np.unique(pairs @ [len(owner), 1], return_index=True)[1]
        pairs = pairs[np.sort(first)]
    return pairs[:count]


def _expect_whole(name: str, value: object, least: int, more: str = "") -> None:
    expected = f"expected a whole number from {least} on{more}."
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}: {expected}")
    if value < least:
        raise ValueError(f"{name} is {value}: {expected}")


def _expect_skill(skill: object) -> None:
    if not isinstance(skill, Real) or isinstance(skill, bool):
        raise TypeError(f"skill is {skill!r}: expected a number from 0 to 1.")
    if not 0 <= float(skill) <= 1:
        raise ValueError(f"skill is {skill}: expected a number from 0 (own hand) to 1 (perfect).")


def _expect_size(size: object) -> None:
    expected = f"expected (height, width) in pixels, at least {SMALLEST}."
    if not isinstance(size, tuple | list) or not all(isinstance(side, Integral) for side in size):
        raise TypeError(f"size is {size!r}: {expected}")
    if len(size) != 2 or size[0] < SMALLEST[0] or size[1] < SMALLEST[1]:
        raise ValueError(f"size is {size}: {expected}")
