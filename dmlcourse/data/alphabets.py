"""What an invented character is: strokes, each a short programme of moves of the pen.

``alphabet_style`` draws what the characters of an alphabet share, ``character`` one character:
strokes, planned and put together so that they look written, in pixels around (0, 0).
"""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, SeedSequence

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


def generator(random_state: int, *place: int) -> Generator:
    """Random numbers of one thing: its kind and its number give its place."""
    return np.random.default_rng(SeedSequence((int(random_state), *place)))


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
def alphabet_style(random_state: int, alphabet: int) -> Style:
    rng = generator(random_state, ALPHABET, alphabet)
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


def character(rng: Generator, style: Style) -> list[Stroke]:
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
