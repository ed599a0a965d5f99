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
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from .alphabets import CHARACTER, alphabet_style, character, generator
from .handwriting import SIDE, drawings_of, hand_of
from .rendering import on_device, render_polylines

SMALLEST = 12
# Writers, where nothing else is asked for.
HANDS = 20


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
    pens = np.array([hand_of(random_state, int(writer)).pen for writer in hands], np.float32)
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
    style = alphabet_style(random_state, number // classes_per_alphabet)
    strokes = character(generator(random_state, CHARACTER, number), style)
    return drawings_of(strokes, random_state, number, turns)


def _filled(drawn: list[np.ndarray]) -> np.ndarray:
    """One array of all drawings, filled up with NaN."""
    n, longest = sum(map(len, drawn)), max(paths.shape[1] for paths in drawn)
    points = np.full((n, longest, 2), np.nan, np.float32)
    first = 0
    for paths in drawn:
        points[first : first + len(paths), : paths.shape[1]] = paths
        first += len(paths)
    return points
