"""Invented characters drawn with a pen: as many classes as wanted, without a download.

They stand in for Omniglot where it is not there. A character is one to five strokes; a stroke is a
short programme of moves (turn by a corner, run some length, bend on the way). An alphabet shares
motifs, a taste for curves, and a size. A writer has habits that are the same in all characters
(size, aspect, slant, place, roundness, tremor, carelessness). Each drawing has noise of its own: in
the programme, so that errors add up along a stroke as they do in handwriting, and in the whole.

What they are not: writing. Nobody reads them, no writer has learned them, strokes have no usual
order, a writer never forgets a stroke or draws another form of the letter, and no alphabet consists
of dots. Generated data: they test a method against our generator, not against the field. A ranking
of losses found on them need not hold on real characters, and a new seed is no new source of data:
to see whether a method generalises, hold out a family of generators, or use real drawings.

``python benchmarks/characters.py`` measures both, at 28 × 28 pixels with ink 1: the 964 characters
of Omniglot's background set → 960 of these. The generator was tuned by hand on these very numbers,
so where they agree, that is no evidence of anything else.

- Mean ink 0.078 → 0.076, height 16.8 → 16.7, standard deviation of the centre within a character
  1.4 → 1.4 to 1.5, connected pieces 1.27 → 1.23. A character has 2.4 strokes on average.
- Nearest neighbour on pixels, 20-way, one shot: 20 % → 25 % within one alphabet, 25 % → 24 % across
  all. After a blur 35 % → 42 % and 47 % → 45 %: alphabets differ less than real ones do, and the
  characters of one alphabet differ more.
- Distance within a character over that between characters of one alphabet: 0.90 → 0.93.
- Characters are wider (15.1 → 16.4) and enclose more areas (0.47 → 0.62), and writers differ more
  in slant (8 % → 15 % of the variance within a character).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi
from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator, SeedSequence
from torch import Tensor

from .rendering import on_device, render_polylines

# Lengths are pixels of an image of this side; other sizes are scaled from it.
SIDE = 28
MARGIN = 1.2
SMALLEST = 12
# The pen's mean width, and where characters are centred.
PEN = 1.42
MIDDLE = (13.6, 13.3)

# Writers, where nothing else is asked for.
HANDS = 20

# Points on each move of the pen.
STEPS = 8

# Share of characters with 1, 2, … strokes, before an alphabet tilts it.
STROKES = (0.26, 0.3, 0.24, 0.13, 0.07)
# Share of strokes with 1, 2, … moves: of a lone stroke, of the first of several, of a later one.
LONE = (0.0, 0.2, 0.3, 0.27, 0.23)
FIRST = (0.33, 0.4, 0.19, 0.08)
LATER = (0.6, 0.28, 0.1, 0.02)
# Share of strokes that are closed, that are dots, and that are motifs of the alphabet.
CLOSED = 0.04
DOT = 0.07
REUSED = 0.7
# How often the pen may cross its own way, at most.
CROSSINGS = 4.5

# Each kind of thing draws from random numbers of its own, so none depends on how many there are.
ALPHABET, CHARACTER, HAND, DRAWING = range(4)

# A drawing's own random numbers come first, then those of each stroke and of each of its moves.
PER_DRAWING, PER_STROKE, PER_MOVE = 7, 5, 3 + STEPS


@dataclass(frozen=True)
class Characters:
    """Drawings of characters and who is who: tensors on one device, n = classes × drawings.

    images: (n, size, size) float32 in [0, 1], ink 1 and paper 0. labels, writers, alphabets: (n,)
    int64, numbers among all there are: two calls with one seed use one number for one character.
    The drawings of a class lie one after another.
    """

    images: Tensor
    labels: Tensor
    writers: Tensor
    alphabets: Tensor


@dataclass(frozen=True)
class PenPaths:
    """The pen's ways before they become pictures: NumPy arrays, n = classes × drawings.

    points: (n, p, 2) float32, x to the right and y downwards in pixels of a 28 × 28 image; NaN
    lifts the pen and fills up. pens: (n,) float32, the pen's width. labels, writers, alphabets as
    in ``Characters``.
    """

    points: np.ndarray
    pens: np.ndarray
    labels: np.ndarray
    writers: np.ndarray
    alphabets: np.ndarray


def stroke_characters(
    classes: int = 20,
    drawings: int = 20,
    *,
    writers: int | Sequence[int] | None = None,
    first_class: int = 0,
    size: int = SIDE,
    classes_per_alphabet: int = 20,
    random_state: int = 0,
    device: str | torch.device = "auto",
    max_bytes: int = 2**26,
) -> Characters:
    """Grey images of invented characters, each drawn by several writers.

    classes: how many characters, numbered from ``first_class`` on; character c lies in alphabet
    c // classes_per_alphabet. drawings: of each character. writers: how many take turns (drawing j
    is by writer j mod writers), or the numbers of those who do; None means 20, so that by default
    each of 20 writers draws each character once, as in Omniglot. size: side in pixels, at least 12.

    The same ``random_state`` and ``classes_per_alphabet`` give the same character c, and the same
    t-th drawing of it by writer w, whatever else is asked for. So classes 0-99 for training and
    ``first_class=100``, where an alphabet begins, for the test share nothing but the writers;
    ``writers=range(20, 40)`` are hands never seen. All random numbers are NumPy's; the renderer
    alone runs on ``device`` ("auto": CUDA if there is one), with the same result up to its rounding
    and about ``max_bytes`` of working memory.

    Raises ``ValueError`` for a count below 1, a negative number, a size below 12 or a device that
    is not there, ``TypeError`` where a count is not a whole number.
    """
    place = on_device(device)
    _expect_whole("size", size, SMALLEST)
    paths = pen_paths(
        classes,
        drawings,
        writers=writers,
        first_class=first_class,
        classes_per_alphabet=classes_per_alphabet,
        random_state=random_state,
    )
    points, pens = (
        torch.from_numpy(a).to(place) * (size / SIDE) for a in (paths.points, paths.pens)
    )
    images = render_polylines(points, size, pens, max_bytes)
    numbers = (paths.labels, paths.writers, paths.alphabets)
    return Characters(images, *(torch.from_numpy(a).to(place) for a in numbers))


def pen_paths(
    classes: int = 20,
    drawings: int = 20,
    *,
    writers: int | Sequence[int] | None = None,
    first_class: int = 0,
    classes_per_alphabet: int = 20,
    random_state: int = 0,
) -> PenPaths:
    """The lines that ``stroke_characters`` renders, as points; the arguments are the same."""
    _expect_whole("classes", classes, 1)
    _expect_whole("drawings", drawings, 1)
    _expect_whole("first_class", first_class, 0)
    _expect_whole("classes_per_alphabet", classes_per_alphabet, 1)
    _expect_whole("random_state", random_state, 0)
    turns = _turns(writers, drawings)
    numbers = np.arange(first_class, first_class + classes)
    drawn = [_drawings(random_state, int(c), classes_per_alphabet, turns) for c in numbers]
    hands = np.tile([writer for writer, _ in turns], classes)
    pens = np.array([_hand(random_state, int(writer)).pen for writer in hands], np.float32)
    labels = np.repeat(numbers, drawings)
    return PenPaths(_filled(drawn), pens, labels, hands, labels // classes_per_alphabet)


def _turns(writers: int | Sequence[int] | None, drawings: int) -> list[tuple[int, int]]:
    """Who makes each drawing of a character, and for which time."""
    if writers is None or isinstance(writers, Integral):
        writers = HANDS if writers is None else writers
        _expect_whole("writers", writers, 1)
        numbers = list(range(writers))
    elif isinstance(writers, Iterable):
        numbers = list(writers)
    else:
        raise TypeError(f"writers is {writers!r}: expected how many write, or their numbers.")
    for number in numbers:
        _expect_whole("a writer's number", number, 0)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"writers is {numbers}: expected at least one number, each only once.")
    return [(int(numbers[j % len(numbers)]), j // len(numbers)) for j in range(drawings)]


def _expect_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}: expected a whole number from {least} on.")
    if value < least:
        raise ValueError(f"{name} is {value}: expected a whole number from {least} on.")


def _drawings(
    random_state: int, number: int, classes_per_alphabet: int, turns: list[tuple[int, int]]
) -> np.ndarray:
    """All drawings (drawings, p, 2) of one character."""
    style = _style(random_state, number // classes_per_alphabet)
    strokes = _character(_generator(random_state, CHARACTER, number), style)
    count = PER_DRAWING + sum(PER_STROKE + PER_MOVE * len(s.moves) for s in strokes)
    seeds = (_generator(random_state, DRAWING, number, *turn) for turn in turns)
    noise = np.stack([seed.normal(size=count) for seed in seeds])
    hands = [_hand(random_state, writer) for writer, _ in turns]
    hand = Hand(*(np.array(values)[:, None] for values in zip(*hands, strict=True)))
    return _written(strokes, noise, hand)


def _generator(random_state: int, *place: int) -> Generator:
    return np.random.default_rng(SeedSequence((int(random_state), *place)))


def _filled(drawn: list[np.ndarray]) -> np.ndarray:
    """One array of all drawings, filled up with NaN."""
    n, longest = sum(map(len, drawn)), max(paths.shape[1] for paths in drawn)
    points = np.full((n, longest, 2), np.nan, np.float32)
    first = 0
    for paths in drawn:
        points[first : first + len(paths), : paths.shape[1]] = paths
        first += len(paths)
    return points


# What a character is: strokes, each a short programme of moves.


class Stroke(NamedTuple):
    """A stroke: where it starts (2,), its heading, its moves (m, 3) and so its path (p, 2).

    In a move the pen turns by a corner, then runs some length while its heading bends by an angle.
    """

    start: np.ndarray
    heading: float
    moves: np.ndarray
    path: np.ndarray

    @property
    def length(self) -> float:
        """How far the pen runs."""
        return float(self.moves[:, 1].sum())

    def at(self, start: np.ndarray, scale: float = 1.0) -> Stroke:
        """The same stroke from another start, in another size."""
        path = start + scale * (self.path - self.start)
        return Stroke(start, self.heading, self.moves * [1, scale, 1], path)

    def sized(self, side: float) -> Stroke:
        """The same stroke with ``side`` as the longer side of its box."""
        return self.at(self.start, side / np.ptp(self.path, axis=0).max())


def planned(heading: float, moves: np.ndarray) -> Stroke:
    """A stroke from (0, 0)."""
    start = np.zeros(2)
    return Stroke(start, heading, moves, walk(start, np.asarray(heading), moves))


class Style(NamedTuple):
    """What the characters of an alphabet share."""

    motifs: list[Stroke]
    curved: float
    slanted: float
    strokes: np.ndarray
    side: float
    middle: np.ndarray


def walk(
    start: np.ndarray,
    heading: np.ndarray,
    moves: np.ndarray,
    rounding: np.ndarray | float = 0.0,
    tremor: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Points (…, STEPS·m + 1, 2) of pens that start at (…, 2) and make the moves (…, m, 3).

    ``rounding`` (…, 1) from 0 to 1 cuts corners; ``tremor`` (…, STEPS·m) is added to the heading.
    """
    corner, length, bend = np.moveaxis(moves, -1, 0)
    within = (np.arange(STEPS) + 0.5) / STEPS
    first = heading[..., None] + corner.cumsum(-1) + bend.cumsum(-1) - bend
    angle = (first[..., None] + bend[..., None] * within).reshape(*length.shape[:-1], -1)
    angle = _rounded(angle, rounding) + tremor
    step = np.repeat(length / STEPS, STEPS, axis=-1)[..., None]
    moved = (step * np.stack([np.cos(angle), np.sin(angle)], -1)).cumsum(-2)
    return start[..., None, :] + np.concatenate([np.zeros_like(moved[..., :1, :]), moved], -2)


def _rounded(angle: np.ndarray, rounding: np.ndarray | float) -> np.ndarray:
    """Headings, each pulled towards the mean of itself and its two neighbours."""
    soft = angle.copy()
    soft[..., 1:-1] = (angle[..., :-2] + angle[..., 1:-1] + angle[..., 2:]) / 3
    return angle + rounding * (soft - angle)


@lru_cache(256)
def _style(random_state: int, alphabet: int) -> Style:
    rng = _generator(random_state, ALPHABET, alphabet)
    curved, slanted = rng.beta(1.5, 1.5), rng.choice([0.0, 0.25, 0.5])
    tilt = np.exp(rng.normal(0, 0.35) * np.arange(len(STROKES)))
    counts = rng.choice(4, size=4, p=FIRST) + 1
    return Style(
        motifs=[_shape(rng, curved, slanted, count) for count in counts],
        curved=curved,
        slanted=slanted,
        strokes=STROKES * tilt / (STROKES * tilt).sum(),
        side=rng.normal(0, 2.3),
        middle=rng.normal(0, [0.5, 0.8]),
    )


def _shape(rng: Generator, curved: float, slanted: float, count: int) -> Stroke:
    """A new stroke of ``count`` moves, or a closed one; the longer side of its box is 1."""
    moves = _loop(rng, curved) if rng.random() < CLOSED else _moves(rng, curved, count)
    diagonal = pi / 4 * (rng.random() < slanted)
    heading = pi / 2 * rng.integers(4) + diagonal + rng.normal(0, 0.06)
    return planned(heading, moves).sized(1.0)


def _moves(rng: Generator, curved: float, count: int) -> np.ndarray:
    """Straight and bent moves (count, 3), mostly with a corner before a straight one."""
    turn = rng.choice([-1.0, 1.0])
    bent = rng.random(count) < curved
    bend = (
        pi * rng.uniform(0.3, 1.15, count) ** 1.5 * np.where(rng.random(count) < 0.45, -turn, turn)
    )
    bend = np.where(bent, bend, rng.normal(0, 0.05, count))
    corner = pi * rng.choice([0.5, 0.6, 0.75], count, p=[0.65, 0.15, 0.2])
    corner *= np.where(rng.random(count) < 0.45, -turn, turn)
    smooth = bent & (rng.random(count) < 0.6)
    smooth[1:] |= bent[:-1] & (rng.random(count - 1) < 0.4)
    corner[smooth] = corner[0] = 0
    length = np.exp(rng.normal(0, 0.4, count)) * (1 + np.abs(bend) / 3)
    return np.stack([corner, length, bend], 1)


def _loop(rng: Generator, curved: float) -> np.ndarray:
    """The moves of a ring, with or without a tail, or of a triangle or a rectangle."""
    turn = rng.choice([-1.0, 1.0])
    if rng.random() < 0.3 + 0.7 * curved:
        tail = [turn * rng.choice([-pi / 2, 0, pi / 2]), rng.uniform(0.4, 1.2), 0]
        return np.array([[0, 2.2, 2 * turn * pi], tail][: rng.integers(1, 3)], float)
    if rng.random() < 0.3:
        return np.array([[0, 1, 0]] + 2 * [[turn * pi * 2 / 3, 1, 0]])
    side = rng.uniform(0.6, 1.5)
    return np.array([[turn * pi / 2 * (k > 0), (1, side)[k % 2], 0] for k in range(4)])


def _character(rng: Generator, style: Style) -> list[Stroke]:
    """The first of a few attempts without a fault, or else the one whose faults weigh least."""
    limits = rng.random(3)
    best, least = [], np.inf
    for _ in range(8):
        strokes = _composed(rng, style)
        faults = _faults(strokes, limits)
        if faults < least:
            best, least = strokes, faults
        if not least:
            break
    return _fitted(rng, best, style)


def _composed(rng: Generator, style: Style) -> list[Stroke]:
    count = rng.choice(len(STROKES), p=style.strokes) + 1
    strokes: list[Stroke] = []
    for number in range(count):
        stroke = _picked(rng, style, number, count)
        strokes.append(_placed(rng, stroke, strokes) if strokes else stroke)
    return strokes


def _picked(rng: Generator, style: Style, number: int, count: int) -> Stroke:
    """A dot, a motif of the alphabet (turned, mirrored), or a new stroke; later ones smaller."""
    if number and rng.random() < DOT:
        return planned(rng.uniform(0, 2 * pi), np.array([[0, 0.06, 2.0]]))
    if rng.random() < REUSED * (1 if count > 1 else 0.5):
        motif = style.motifs[rng.integers(len(style.motifs))]
        mirror = np.array([-1, 1, -1]) if rng.random() < 0.3 else 1
        turned = motif.heading + pi / 2 * rng.choice([0, 1, 2, 3], p=[0.55, 0.15, 0.15, 0.15])
        stroke = planned(turned, motif.moves * mirror)
    else:
        shares = LONE if count == 1 else LATER if number else FIRST
        stroke = _shape(rng, style.curved, style.slanted, rng.choice(len(shares), p=shares) + 1)
    return stroke.sized(rng.uniform(0.5, 1.1) if number else 1.0)


def _placed(rng: Generator, stroke: Stroke, before: list[Stroke]) -> Stroke:
    """The stroke beside the others, or the most compact of four ways to fix it to one of them."""
    path, drawn = stroke.path, [other.path for other in before]
    together = np.concatenate(drawn)
    if stroke.length < 0.1 or rng.random() < 0.15:
        return stroke.at(_beside(rng, path, together))
    starts = [_fixed(rng, path, drawn) for _ in range(4)]
    return stroke.at(min(starts, key=lambda start: _sprawl(path + start, together)))


def _beside(rng: Generator, path: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """A start that puts the path beside, above or below what is drawn."""
    low, high = drawn.min(0), drawn.max(0)
    half = (high - low + np.ptp(path, axis=0)) / 2
    axis = rng.choice(2, p=[0.4, 0.6])
    shift = half * rng.uniform(-0.4, 0.4, 2)
    shift[axis] = (half[axis] + rng.uniform(0.15, 0.3)) * rng.choice([-1, 1])
    return (low + high) / 2 + shift - (path.min(0) + path.max(0)) / 2


def _fixed(rng: Generator, path: np.ndarray, drawn: list[np.ndarray]) -> np.ndarray:
    """A start that puts an end or the middle of the path on a point of an earlier stroke."""
    other = drawn[rng.integers(len(drawn))]
    there = rng.choice([0, 0.5, 1, rng.random()])
    here = rng.choice([0, 0.5, 1], p=[0.65, 0.1, 0.25])
    return other[round(there * (len(other) - 1))] - path[round(here * (len(path) - 1))]


def _sprawl(path: np.ndarray, drawn: np.ndarray) -> float:
    """How large the common box is, and how much of the path lies on what is drawn."""
    sides = np.ptp(np.concatenate([path, drawn]), axis=0)
    on = np.abs(path[:, None] - drawn).max(2).min(1) < 0.12
    return sides.max() + 0.4 * sides.min() + 5 * on.mean()


def _faults(strokes: list[Stroke], limits: np.ndarray) -> float:
    """Weight of what makes a character unlike handwriting; 0 where there is nothing.

    It may not be a tangle (few of its cells are its own), too short or too long for its box, nor,
    for most ``limits``, a lone diagonal or a flat line.
    """
    path = np.concatenate([stroke.path for stroke in strokes])
    sides = np.ptp(path, axis=0)
    cell, length = sides.max() / 10, sum(stroke.length for stroke in strokes)
    cells = len(np.unique(np.floor(path / cell) @ [1, 1000]))
    x, y = (path - path.mean(0)).T
    diagonal = abs(x @ y) / np.sqrt((x @ x) * (y @ y) + 1e-12)
    reach = length / sides.max()
    faults = (
        0.8 - cells * cell / length,
        1.75 - reach,
        reach - 5.5,
        diagonal - 0.15 - 0.5 * limits[0] ** 1.5,
        0.75 * np.sqrt(limits[1]) - sides.min() / sides.max(),
        0.3 * (_crossings(strokes) - CROSSINGS * limits[2] ** 2),
    )
    return sum(max(0.0, fault) for fault in faults)


def _crossings(strokes: list[Stroke]) -> int:
    """How often the pen crosses its own way."""
    paths = [stroke.path for stroke in strokes]
    a = np.concatenate([path[:-1] for path in paths])
    b = np.concatenate([path[1:] for path in paths])
    apart = _side(a, b, a) * _side(a, b, b) < 0
    return int((apart & apart.T).sum()) // 2


def _side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """On which side (s, t) of the lines from a to b (s, 2) the points c (t, 2) lie: a sign."""
    along = b - a
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    return normal @ c.T - (normal * a).sum(1)[:, None]


def _fitted(rng: Generator, strokes: list[Stroke], style: Style) -> list[Stroke]:
    """The character in pixels around (0, 0); the more ink it needs, the larger it is."""
    path = np.concatenate([stroke.path for stroke in strokes])
    low, high = path.min(0), path.max(0)
    longer = (high - low).max()
    ink = sum(stroke.length for stroke in strokes) / longer
    scale = np.clip(rng.normal(13.3 + 1.3 * ink + style.side, 1.8), 9.5, 21) / longer
    start = style.middle + rng.normal(0, [0.3, 0.4]) - scale * ((low + high) / 4 + path.mean(0) / 2)
    return [stroke.at(start + scale * stroke.start, scale) for stroke in strokes]


# How it is drawn: a writer's habits, the same in all characters, and the noise of one drawing.


class Hand(NamedTuple):
    """A writer's habits: numbers, or columns (n, 1) for the writers of n drawings."""

    size: np.ndarray
    aspect: np.ndarray
    slant: np.ndarray
    turn: np.ndarray
    right: np.ndarray
    down: np.ndarray
    pen: np.ndarray
    rounding: np.ndarray
    tremor: np.ndarray
    mess: np.ndarray


@lru_cache(4096)
def _hand(random_state: int, writer: int) -> Hand:
    z = _generator(random_state, HAND, writer).normal(size=10)
    return Hand(
        size=0.07 * z[0],
        aspect=0.05 * z[1],
        slant=0.07 * z[2],
        turn=0.025 * z[3],
        right=0.7 * z[4],
        down=0.75 * z[5],
        pen=PEN * np.exp(0.03 * z[6]),
        rounding=1 / (1 + np.exp(-1.5 * z[7])),
        tremor=0.1 * np.exp(0.35 * z[8]),
        mess=np.exp(0.25 * z[9]),
    )


def _written(strokes: list[Stroke], noise: np.ndarray, hand: Hand) -> np.ndarray:
    """The drawings (n, p, 2) of a character in pixels; noise (n, …), a hand's habits (n, 1)."""
    up = np.full((len(noise), 1, 2), np.nan)
    hand = hand._replace(mess=hand.mess * np.exp(0.3 * noise[:, 6:7]))
    parts, first = [], PER_DRAWING
    for stroke in strokes:
        last = first + PER_STROKE + PER_MOVE * len(stroke.moves)
        parts += [_drawn(stroke, noise[:, first:last], hand), up]
        first = last
    return _on_paper(np.concatenate(parts[:-1], 1), noise[:, :PER_DRAWING], hand)


def _drawn(stroke: Stroke, noise: np.ndarray, hand: Hand) -> np.ndarray:
    """One stroke as drawn: its programme with noise, its end pulled towards where it should be."""
    n, m = len(noise), len(stroke.moves)
    mess, plan = hand.mess, stroke.path
    start = plan[0] + mess * noise[:, :2]
    heading = stroke.heading + 0.1 * mess[:, 0] * noise[:, 4]
    z = noise[:, PER_STROKE : PER_STROKE + 3 * m].reshape(n, m, 3) * mess[..., None]
    corner, length, bend = np.broadcast_to(stroke.moves, (n, m, 3)).transpose(2, 0, 1)
    bend = bend + (0.05 + 0.06 * np.abs(bend)) * z[..., 2]
    moves = np.stack([corner + 0.14 * z[..., 0], length * np.exp(0.18 * z[..., 1]), bend], -1)
    tremor = hand.tremor * noise[:, PER_STROKE + 3 * m :]
    path = walk(start, heading, moves, hand.rounding, tremor)
    miss = plan[-1] + mess * noise[:, 2:4] - path[:, -1]
    share = np.linspace(0, 0.65 if stroke.length > 3 else 0, path.shape[1])
    return path + share[:, None] * miss[:, None]


def _on_paper(path: np.ndarray, noise: np.ndarray, hand: Hand) -> np.ndarray:
    """Whole characters sized, slanted, turned and put on the paper; what would leave it, moved."""
    z = noise.T[..., None]
    size, aspect = hand.size + 0.045 * z[0], hand.aspect + 0.04 * z[1]
    slant, turn = hand.slant + 0.04 * z[2], hand.turn + 0.035 * z[3]
    y = path[..., 1] * np.exp(size + aspect)
    x = path[..., 0] * np.exp(size - aspect) - slant * y
    right, down = hand.right + 0.9 * z[4], hand.down + 0.85 * z[5]
    x, y = (
        np.cos(turn) * x - np.sin(turn) * y + right + MIDDLE[0],
        np.sin(turn) * x + np.cos(turn) * y + down + MIDDLE[1],
    )
    return _inside(np.stack([x, y], -1))


def _inside(path: np.ndarray) -> np.ndarray:
    """Paths (n, p, 2) moved inside the margins, and shrunk first where they are too large."""
    low, high = np.nanmin(path, 1), np.nanmax(path, 1)
    middle, half = (low + high) / 2, (high - low) / 2
    scale = np.minimum(1, (SIDE / 2 - MARGIN) / half.max(1))[:, None]
    half = scale * half + MARGIN
    return (path - middle[:, None]) * scale[:, None] + np.clip(middle, half, SIDE - half)[:, None]
