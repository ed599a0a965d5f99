"""How a signature is planned, written and forged: the pen's way before it becomes a picture.

Points are complex numbers, x to the right and y downwards. A plan is a chain of moves. A move has a
chord from one target to the next, and half-way along it the pen is off the chord by a bow. A fluent
hand begins a move before the last one has ended, and the two add: the line is smooth, and passes by
the targets. That is the idea of the kinematic theory of handwriting (Plamondon 1995, Biological
Cybernetics 72, 295-307), with a plainer law of speed.

``own_plan`` is what a person means to write, ``forged_plan`` what somebody else makes of it, and
``written`` turns either into drawings. Nothing else tells the two apart.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .alphabets import generator

# Lengths are pixels of an image of this height and width; other sizes are scaled from it.
PAPER = (32, 64)
MARGIN = 1.5
# The pen's mean width.
PEN = 1.3
# Points on each move of the pen.
STEPS = 8
# So many people forge each signature, in turns. They sign nothing and forge nobody else.
FORGERS = 4

# Each kind of thing draws from random numbers of its own, beside the kinds of ``alphabets.py``.
NAME, SIZE, SIGNER, GENUINE, FORGER, FORGERY = range(4, 10)

# A drawing's own random numbers come first, then those of each move and of each point.
PER_DRAWING, PER_MOVE, PER_POINT = 7, 4, 2
# After each move the eye takes back this share of the error that has added up.
CORRECTED = 0.15

# The targets of each letter: how far to the right, at which height, and bow over chord. Small
# letters stand on 0 and reach −1. A bow above 0 turns to the left, as in an o; below 0, as in an n.
LETTERS = (
    ((0.75, -1.0, 0.15), (-0.25, 0.0, 0.25)),  # a small loop
    ((0.95, -2.2, 0.12), (-0.45, 0.0, 0.12)),  # a tall loop
    ((0.45, -1.0, 0.15), (0.1, 0.0, 0.15)),  # a garland
    ((0.2, -1.0, -0.1), (0.5, 0.0, -0.3)),  # an arch
    ((0.2, -1.0, -0.1), (0.4, 0.0, -0.3), (0.1, -0.9, -0.1), (0.45, 0.0, -0.3)),  # two arches
    ((0.75, -0.9, 0.1), (-0.5, -0.3, 0.4), (0.55, -0.6, 0.5), (0.15, 0.0, 0.1)),  # an oval
    ((0.45, -1.0, 0.15), (-0.1, 1.5, -0.05), (0.4, 0.0, -0.2)),  # a loop below the line
    ((0.45, -1.9, 0.05), (0.1, 0.0, 0.1)),  # a tall stem
    ((0.6, -1.1, 0.05), (-0.05, 0.0, -0.45)),  # a hook
    ((1.5, -0.15, 0.06), (0.1, 0.0, 0.1)),  # a streak that nobody can read
)


class Habits(NamedTuple):
    """What a person's hand does whatever it writes; plain numbers, so that two hands can be mixed.

    size, aspect, curved and pen are logarithms of factors, slant and turn tangents and radians,
    tremor is in pixels. overlap: how early a move begins and how late it ends, in moves. mess: how
    much one drawing differs from another.
    """

    size: float
    aspect: float
    slant: float
    turn: float
    curved: float
    pen: float
    overlap: float
    mess: float
    tremor: float

    def towards(self, other: Habits, share: float) -> Habits:
        """Habits that lie a share of the way from these to the others."""
        return Habits(*(a + share * (b - a) for a, b in zip(self, other, strict=True)))

    @property
    def copying(self) -> Habits:
        """The hand when it copies: it draws move by move, hesitates, and trembles."""
        return self._replace(
            overlap=0.1 * self.overlap, mess=1.4 * self.mess, tremor=7 * self.tremor
        )


class Plan(NamedTuple):
    """What a person means to write: chords and bows (m,) complex; lifted (m,) bool: in the air."""

    chords: np.ndarray
    bows: np.ndarray
    lifted: np.ndarray
    habits: Habits

    @property
    def noise_count(self) -> int:
        """How many random numbers a drawing takes."""
        moves = len(self.chords)
        return PER_DRAWING + PER_MOVE * moves + PER_POINT * (STEPS * moves + 1)

    @property
    def pen(self) -> float:
        """The pen's width."""
        return PEN * float(np.exp(self.habits.pen))


class Target(NamedTuple):
    """A point that the pen makes for, the bow over the chord on the way, and whether in the air."""

    x: float
    y: float
    bow: float = 0.0
    lifted: bool = False


def habits_of(rng: Generator) -> Habits:
    z = rng.normal(size=9)
    return Habits(
        size=0.07 * z[0],
        aspect=0.08 * z[1],
        slant=0.2 + 0.2 * z[2],
        turn=-0.04 + 0.04 * z[3],
        curved=0.25 * z[4],
        pen=0.05 * z[5],
        overlap=0.4 * np.exp(0.15 * z[6]),
        mess=np.exp(0.2 * z[7]),
        tremor=0.08 * np.exp(0.3 * z[8]),
    )


@lru_cache(4096)
def own_plan(random_state: int, writer: int) -> Plan:
    """The signature of a writer as meant."""
    targets = _name(generator(random_state, NAME, writer))
    x, y, bow, lifted = map(np.array, zip(*targets, strict=True))
    habits = habits_of(generator(random_state, SIGNER, writer))
    chords = np.diff(x + 1j * y)
    bows = 1j * bow[1:] * chords * np.exp(habits.curved)
    plan = Plan(chords, bows, lifted[1:].astype(bool), habits)
    scale = _scale(plan, generator(random_state, SIZE, writer))
    return plan._replace(chords=scale * chords, bows=scale * bows)


def _scale(plan: Plan, rng: Generator) -> float:
    """Pixels for a unit, so that a signature nearly fills the paper in one of its directions."""
    line = _laid(_visible(plan)[None], plan.habits, np.zeros((1, PER_DRAWING)))
    height, width = PAPER * rng.normal([0.82, 0.8], 0.05)
    return float(min(height / _extent(line.imag)[1], width / _extent(line.real)[1]))


def _name(rng: Generator) -> list[Target]:
    """One or two words, each a capital and some of the writer's letters, and an ending."""
    width = rng.uniform(0.9, 1.6)
    letters, words = rng.choice(len(LETTERS), 5, replace=False), rng.integers(1, 3)
    targets = [Target(0.0, -2.0)]
    for word in range(words):
        if word:
            x = targets[-1].x + rng.uniform(0.2, 0.8)
            targets.append(Target(x, rng.uniform(-2.2, -1.2), lifted=True))
        targets += _capital(rng, targets[-1].x)
        for letter in rng.choice(letters, rng.integers(4, 7) - words):
            targets += _letter(rng, targets[-1].x, LETTERS[letter], width)
    return targets + _ending(rng, targets)


def _letter(
    rng: Generator, x: float, letter: tuple[tuple[float, float, float], ...], width: float
) -> list[Target]:
    targets = []
    for right, height, bow in letter:
        x += width * right + rng.normal(0, 0.05)
        targets.append(Target(x, height * np.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.06), bow))
    return targets


def _capital(rng: Generator, x: float) -> list[Target]:
    """One to five large moves, down and up in turns, that end near the line."""
    left, targets = x - 0.6, []
    for move in range(rng.choice([1, 3, 3, 5])):
        y = rng.uniform(-2.5, -1.5) if move % 2 else rng.uniform(-0.2, 0.5)
        bow = rng.choice([-1, 1]) * rng.uniform(0.05, 0.45)
        x = max(left, x + rng.uniform(-0.6, 1.2))
        targets.append(Target(x, y, bow))
    return targets


def _ending(rng: Generator, name: list[Target]) -> list[Target]:
    """A tail, a line under the name, a dot or bar above it: each of them or not."""
    width, x = max(target.x for target in name), name[-1].x
    targets = []
    if rng.random() < 0.5:
        tail = x + rng.uniform(0.5, 2.0), rng.uniform(-1.2, 0.8), rng.uniform(-0.3, 0.3)
        targets.append(Target(*tail))
    if rng.random() < 0.5:
        targets += _underline(rng, width)
    if rng.random() < 0.4:
        x, y = rng.uniform(0.3, 0.8) * width, rng.uniform(-2.6, -1.7)
        end = x + rng.choice([0.15, 1.2]), y + rng.normal(0, 0.1), rng.normal(0, 0.1)
        targets += [Target(x, y, lifted=True), Target(*end)]
    return targets


def _underline(rng: Generator, width: float) -> list[Target]:
    """A line from left to right, after a lift or back from where the name ends; maybe a third."""
    left, right = rng.uniform(-0.1, 0.4) * width, rng.uniform(0.7, 1.1) * width
    y, lifted = rng.uniform(0.9, 1.7), bool(rng.random() < 0.5)
    targets = [
        Target(left, y, 0.0 if lifted else rng.uniform(-0.25, 0.1), lifted),
        Target(right, y + rng.normal(-0.3, 0.2), rng.normal(0, 0.08)),
    ]
    if rng.random() < 0.35:
        middle = (left + right) / 2, y + rng.uniform(0.3, 0.7), rng.uniform(-0.2, 0.2)
        targets.append(Target(*middle))
    return targets


def forged_plan(random_state: int, writer: int, forger: int, skill: float) -> Plan:
    """What one of a writer's forgers means to write; with skill 1 the writer's own plan.

    A forger knows the line on the paper, not how it came there: moves lead from point to point of
    the visible line, one after another. Lengths and directions are misjudged, in the same way each
    time, and the forger's own habits show. With skill s all of this counts for 1 − s.
    """
    own, lack = own_plan(random_state, writer), 1 - skill
    rng = generator(random_state, FORGER, writer, forger)
    hand = own.habits.towards(habits_of(rng).copying, lack)
    misjudged = np.exp(lack * _misjudgement(rng, len(own.chords)))
    chords, bows = _seen(own)
    return Plan(
        misjudged * (own.chords + lack * (chords - own.chords)),
        misjudged * (own.bows + lack * (bows - own.bows)) * np.exp(hand.curved - own.habits.curved),
        own.lifted,
        hand,
    )


def _misjudgement(rng: Generator, moves: int) -> np.ndarray:
    """Errors (m,) of logarithms of chords, length + i·direction: of single moves and of parts."""
    place = (np.arange(moves) + 0.5) / moves
    parts = rng.normal(size=(2, 3)) @ np.cos(pi * np.arange(1, 4)[:, None] * place)
    single = rng.normal(size=(2, moves))
    return 0.22 * single[0] + 0.18 * parts[0] + 1j * (0.13 * single[1] + 0.1 * parts[1])


def _seen(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Chords and bows (m,) that give about the visible line of the plan without any overlap."""
    line = trace(plan.chords, plan.bows, plan.habits.overlap)
    ends, middles = line[::STEPS], line[STEPS // 2 :: STEPS]
    return np.diff(ends), middles - (ends[1:] + ends[:-1]) / 2


def trace(chords: np.ndarray, bows: np.ndarray, overlap: float) -> np.ndarray:
    """Points (…, STEPS·m + 1) of pens that begin at 0 and make the moves (…, m).

    With s the share of a move that is done, a move has brought the pen s·chord + 4s(1 − s)·bow on.
    """
    done = _done(chords.shape[-1], overlap)
    return _one_after_another(chords, done) + _one_after_another(bows, 4 * done * (1 - done))


def _one_after_another(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The product, each row for itself: its last digit does not depend on how many there are."""
    return (rows[..., None, :] @ matrix)[..., 0, :]


def _done(moves: int, overlap: float) -> np.ndarray:
    """The share of each move that is done at each moment, (m, STEPS·m + 1); smooth at both ends."""
    time = np.arange(STEPS * moves + 1) / STEPS
    u = np.clip((time - np.arange(moves)[:, None] + overlap) / (1 + 2 * overlap), 0, 1)
    return u**3 * (10 - 15 * u + 6 * u**2)


def written(plan: Plan, noise: np.ndarray) -> np.ndarray:
    """Drawings (n, p, 2) of a plan, NaN in the air; noise: (n, noise_count) normal numbers."""
    moves = PER_DRAWING + PER_MOVE * len(plan.chords)
    mess = plan.habits.mess * np.exp(0.25 * noise[:, 6:7])
    line = trace(*_varied(plan, noise[:, PER_DRAWING:moves], mess), plan.habits.overlap)
    line += plan.habits.tremor * _smooth(_complex(noise[:, moves:]))
    visible = _visible(plan)
    middle = complex(_extent(visible.real)[0], _extent(visible.imag)[0])
    line = _laid(line - middle, plan.habits, noise[:, :PER_DRAWING])
    line[:, np.isnan(visible)] = np.nan
    return _inside(np.stack([line.real + PAPER[1] / 2, line.imag + PAPER[0] / 2], -1))


def _varied(plan: Plan, noise: np.ndarray, mess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chords and bows of drawings (n, m): errors of the moves add up along the pen's way."""
    error, bent = np.split(_complex(noise), 2, axis=1)
    error = mess * plan.chords * (0.08 * error.real + 0.06j * error.imag)
    later = np.arange(len(plan.chords)) - np.arange(len(plan.chords))[:, None]
    left = np.where(later >= 0, (1 - CORRECTED) ** np.maximum(later, 0), 0.0)
    chords = plan.chords + np.diff(_one_after_another(error, left), prepend=0)
    bows = plan.bows * (1 + 0.15 * mess * bent.real) + 0.05j * mess * bent.imag * plan.chords
    return chords, bows


def _complex(noise: np.ndarray) -> np.ndarray:
    """Every two numbers of a row (n, 2k) as one, (n, k)."""
    return noise[:, ::2] + 1j * noise[:, 1::2]


def _smooth(noise: np.ndarray) -> np.ndarray:
    """Noise (n, p), each point with its two neighbours: a hand trembles over some distance."""
    return (np.roll(noise, 1, 1) + noise + np.roll(noise, -1, 1)) / np.sqrt(3)


def _laid(line: np.ndarray, habits: Habits, noise: np.ndarray) -> np.ndarray:
    """Lines (n, p) in the person's size, aspect, slant and direction, which vary a little."""
    z = noise.T[..., None]
    size, aspect = habits.size + 0.04 * z[0], habits.aspect + 0.03 * z[1]
    slant, turn = habits.slant + 0.04 * z[2], habits.turn + 0.025 * z[3]
    y = line.imag * np.exp(size + aspect)
    x = line.real * np.exp(size - aspect) - slant * y
    return (x + 1j * y) * np.exp(1j * turn) + z[4] + 0.8j * z[5]


def _visible(plan: Plan) -> np.ndarray:
    """The line (p,) of the plan as it is, NaN in the air; the ends of a move are on the paper."""
    line = trace(plan.chords, plan.bows, plan.habits.overlap)
    within = np.arange(STEPS * len(plan.lifted)) % STEPS > 0
    line[:-1][within & np.repeat(plan.lifted, STEPS)] = np.nan
    return line


def _extent(values: np.ndarray) -> tuple[float, float]:
    """Middle and width of what is not NaN."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low + high) / 2, high - low


def _inside(path: np.ndarray) -> np.ndarray:
    """Paths (n, p, 2) moved inside the margins, and shrunk first where they are too large."""
    sides = np.array(PAPER[::-1])
    low, high = np.nanmin(path, 1), np.nanmax(path, 1)
    middle, half = (low + high) / 2, (high - low) / 2
    scale = np.minimum(1, ((sides / 2 - MARGIN) / half).min(1))[:, None]
    half = scale * half + MARGIN
    return (path - middle[:, None]) * scale[:, None] + np.clip(middle, half, sides - half)[:, None]
