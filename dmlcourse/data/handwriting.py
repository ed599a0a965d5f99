"""How a character is drawn: a writer's habits, the same everywhere, and the noise of one drawing.

``hand_of`` draws the habits of a writer, ``drawings_of`` all drawings of one character.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .alphabets import DRAWING, HAND, STEPS, Stroke, generator, walk

# Lengths are pixels of an image of this side; other sizes are scaled from it.
SIDE = 28
MARGIN = 1.2
# The pen's mean width, and where characters are centred.
PEN = 1.42
MIDDLE = (13.6, 13.3)

# A drawing's own random numbers come first, then those of each stroke and of each of its moves.
PER_DRAWING, PER_STROKE, PER_MOVE = 7, 5, 3 + STEPS


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
def hand_of(random_state: int, writer: int) -> Hand:
    z = generator(random_state, HAND, writer).normal(size=10)
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


def drawings_of(
    strokes: list[Stroke], random_state: int, number: int, turns: list[tuple[int, int]]
) -> np.ndarray:
    """Drawings (n, p, 2) of the character of that number, one for each (writer, time)."""
    count = PER_DRAWING + sum(PER_STROKE + PER_MOVE * len(s.moves) for s in strokes)
    seeds = (generator(random_state, DRAWING, number, *turn) for turn in turns)
    noise = np.stack([seed.normal(size=count) for seed in seeds])
    hands = [hand_of(random_state, writer) for writer, _ in turns]
    hand = Hand(*(np.array(values)[:, None] for values in zip(*hands, strict=True)))
    return _written(strokes, noise, hand)


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
