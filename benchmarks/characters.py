"""Procedural stroke characters beside Omniglot: the same measurements on both, and a contact sheet.

Run ``python benchmarks/characters.py [--picture sheet.png]`` (under a minute). It needs Omniglot's
background set in the data folder: the folder that the environment variable DMLCOURSE_DATA names, or
else the user's cache folder. ``dmlcourse data omniglot`` brings it there.

Real drawings are reduced from 105 × 105 to 28 × 28 by area averaging, ink 1 on paper 0. Lengths are
pixels of that size; "sd within" is the standard deviation around a character's own mean, and
"by writer" the share of that variance which the mean of a writer in an alphabet explains. One-shot:
20 characters, one drawing of each by one writer as support, one by another writer as query, nearest
neighbour by Euclidean distance; "blurred" after a Gaussian blur of 1.5 pixels.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from time import process_time
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import torch
from PIL import Image
from platformdirs import user_cache_dir
from scipy import ndimage

from dmlcourse.data.strokes import stroke_characters

SIDE, FULL = 28, 105
CHARACTERS, SEEDS, WRITERS, WAYS = 960, 12, 20, 20
EPISODES, PAIRS, SEED = 4000, 20_000, 0
INK = 0.25
ROW = "{:<46}{:>20}{:>20}"

MISSING = """\
Omniglot is not here: {path} does not exist. Bring it with the command

    dmlcourse data omniglot

or copy images_background.zip to that place, or set DMLCOURSE_DATA to the folder that holds
omniglot/images_background.zip."""


class Drawings(NamedTuple):
    """Images (n, 28, 28) and whole numbers (n,) for character, writer and alphabet."""

    images: np.ndarray
    labels: np.ndarray
    writers: np.ndarray
    alphabets: np.ndarray


def archive() -> Path:
    folder = os.environ.get("DMLCOURSE_DATA") or user_cache_dir("dmlcourse")
    return Path(folder) / "omniglot" / "images_background.zip"


def real(path: Path) -> Drawings:
    """Omniglot's background set."""
    with ZipFile(path) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".png"))
        images = np.stack([reduced(opened.read(name)) for name in names])
    parts = [Path(name).parts for name in names]
    return Drawings(
        images.astype(np.float32),
        np.unique(["/".join(part[1:3]) for part in parts], return_inverse=True)[1],
        np.array([int(part[3][-6:-4]) - 1 for part in parts]),
        np.unique([part[1] for part in parts], return_inverse=True)[1],
    )


def reduced(png: bytes) -> np.ndarray:
    """A 105 × 105 drawing, black on white, as 28 × 28 means of the area below each pixel."""
    ink = 1.0 - np.asarray(Image.open(io.BytesIO(png)), dtype=float)
    return AVERAGE @ ink @ AVERAGE.T


def averaging() -> np.ndarray:
    """Each row (28, 105) averages the part of a line of pixels that one larger pixel covers."""
    edges = np.linspace(0, FULL, SIDE + 1)
    low, high = edges[:-1, None], edges[1:, None]
    start = np.arange(FULL)
    covered = np.minimum(high, start + 1) - np.maximum(low, start)
    return np.maximum(covered, 0) / (high - low)


AVERAGE = averaging()


def generated() -> tuple[Drawings, float]:
    """As many procedural drawings, and how many come in a second of one core.

    In Omniglot other people wrote each alphabet. Here several seeds stand for several groups.
    """
    stroke_characters(1, device="cpu")
    start = process_time()
    groups = [group(seed) for seed in range(SEEDS)]
    speed = CHARACTERS * WRITERS / (process_time() - start)
    return Drawings(*(np.concatenate(arrays) for arrays in zip(*groups, strict=True))), speed


def group(seed: int) -> Drawings:
    """The characters of one seed, numbered after those of the seeds before."""
    count = CHARACTERS // SEEDS
    drawn = stroke_characters(count, WRITERS, random_state=seed, device="cpu")
    labels = drawn.labels.numpy() + seed * count
    alphabets = drawn.alphabets.numpy() + seed * count
    return Drawings(drawn.images.numpy(), labels, drawn.writers.numpy(), alphabets)


def means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """For each value the mean of its group."""
    _, group = np.unique(groups, return_inverse=True)
    return (np.bincount(group, values) / np.bincount(group))[group]


def ink(drawings: Drawings) -> dict[str, str]:
    images = drawings.images
    mean = images.mean((1, 2))
    between = means(mean, drawings.labels).std()
    inked = images[images > 0.1]
    return {
        "mean ink": f"{mean.mean():.3f}",
        "  sd between characters": f"{between:.3f}",
        "share of pixels above 0.1 / above 0.5": f"{(images > 0.1).mean():.3f} / "
        f"{(images > 0.5).mean():.3f}",
        "ink of pixels above 0.1: mean": f"{inked.mean():.2f}",
    }


def geometry(images: np.ndarray) -> dict[str, np.ndarray]:
    """Height, width, centre and slant (correlation of x and y) of each drawing."""
    inked = images > INK
    rows, columns = inked.any(2), inked.any(1)
    place = np.arange(SIDE) + 0.5
    total = images.sum((1, 2))
    x, y = images.sum(1) @ place / total, images.sum(2) @ place / total
    xx = images.sum(1) @ place**2 / total - x**2
    yy = images.sum(2) @ place**2 / total - y**2
    xy = np.einsum("nyx,y,x->n", images, place, place) / total - x * y
    return {
        "height": (SIDE - rows[:, ::-1].argmax(1) - rows.argmax(1)).astype(float),
        "width": (SIDE - columns[:, ::-1].argmax(1) - columns.argmax(1)).astype(float),
        "centre x": x,
        "centre y": y,
        "correlation of x and y": xy / np.sqrt(xx * yy),
    }


def shape(drawings: Drawings) -> dict[str, str]:
    rows = {}
    writer = drawings.alphabets * 1000 + drawings.writers
    for name, values in geometry(drawings.images).items():
        residual = values - means(values, drawings.labels)
        by_writer = means(residual, writer).var() / residual.var()
        rows[f"{name}: mean, sd"] = f"{values.mean():.2f}, {values.std():.2f}"
        rows[f"  {name}: sd within, by writer"] = f"{residual.std():.2f}, {by_writer:.0%}"
    return rows


def topology(drawings: Drawings) -> dict[str, str]:
    inked = drawings.images[::5] > INK
    pieces = np.array([ndimage.label(one, np.ones((3, 3)))[1] for one in inked])
    holes = np.array([ndimage.label(~one)[1] - 1 for one in inked])
    return {
        "connected pieces: mean": f"{pieces.mean():.2f}",
        "  1 / 2 / more": shares(pieces, 1, 2),
        "enclosed areas: mean": f"{holes.mean():.2f}",
        "  0 / 1 / more": shares(holes, 0, 1),
    }


def shares(counts: np.ndarray, *values: int) -> str:
    parts = [np.mean(counts == value) for value in values] + [np.mean(counts > max(values))]
    return " / ".join(f"{part:.2f}" for part in parts)


def distances(drawings: Drawings) -> dict[str, str]:
    """Mean pixel distance within a character, between those of an alphabet, between all."""
    rng = np.random.default_rng(SEED)
    flat = drawings.images.reshape(len(drawings.images), -1)
    i, j = rng.integers(len(flat), size=(2, 40 * PAIRS))
    same = (drawings.labels[i] == drawings.labels[j]) & (i != j)
    near = (drawings.alphabets[i] == drawings.alphabets[j]) & (
        drawings.labels[i] != drawings.labels[j]
    )
    far = drawings.alphabets[i] != drawings.alphabets[j]
    within, alphabet, all_others = (
        np.linalg.norm(flat[i[kind][:PAIRS]] - flat[j[kind][:PAIRS]], axis=1).mean()
        for kind in (same, near, far)
    )
    return {
        "distance within a character": f"{within:.2f}",
        "  over that between ones of an alphabet": f"{within / alphabet:.3f}",
        "  over that between alphabets": f"{within / all_others:.3f}",
    }


def one_shot(drawings: Drawings) -> dict[str, str]:
    """Accuracy of the nearest neighbour on random 20-way episodes; the interval is 2 se wide."""
    views = {
        "pixels": drawings.images,
        "blurred": ndimage.gaussian_filter(drawings.images, (0, 1.5, 1.5)),
    }
    rows = {}
    for scope in ("one alphabet", "all alphabets"):
        support, query = episodes(drawings, scope == "one alphabet")
        for name, images in views.items():
            right = nearest_is_right(images.reshape(len(images), -1), support, query)
            error = right.std() / np.sqrt(EPISODES)
            rows[f"20-way one-shot, {scope}, {name}"] = f"{right.mean():.3f} ± {2 * error:.3f}"
    return rows


def episodes(drawings: Drawings, one_alphabet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows of support and query drawings (EPISODES, 20)."""
    rng = np.random.default_rng(SEED)
    table = np.full((drawings.labels.max() + 1, WRITERS), -1)
    table[drawings.labels, drawings.writers] = np.arange(len(drawings.labels))
    home = drawings.alphabets[table[:, 0]]
    large = np.flatnonzero(np.bincount(home) >= WAYS)
    support, query = np.empty((2, EPISODES, WAYS), int)
    for k in range(EPISODES):
        pool = np.flatnonzero(home == rng.choice(large)) if one_alphabet else np.arange(len(home))
        chosen = rng.choice(pool, WAYS, replace=False)
        first, second = rng.choice(WRITERS, 2, replace=False)
        support[k], query[k] = table[chosen, first], table[chosen, second]
    return support, query


def nearest_is_right(flat: np.ndarray, support: np.ndarray, query: np.ndarray) -> np.ndarray:
    squares = (flat**2).sum(1)
    right = np.empty(len(query))
    for k, (s, q) in enumerate(zip(support, query, strict=True)):
        gaps = squares[s] - 2 * flat[q] @ flat[s].T
        right[k] = (gaps.argmin(1) == np.arange(WAYS)).mean()
    return right


def contact_sheet(pair: tuple[Drawings, Drawings], path: Path) -> None:
    """Rows are characters, columns drawings; real ones left, procedural ones right."""
    rng = np.random.default_rng(SEED)
    halves = []
    for drawings in pair:
        chosen = rng.choice(drawings.labels.max() + 1, 24, replace=False)
        rows = [drawings.images[drawings.labels == label][:12] for label in chosen]
        framed = np.pad(np.stack(rows), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.3)
        halves.append(framed.transpose(0, 2, 1, 3).reshape(24 * (SIDE + 2), -1))
    sheet = np.concatenate([halves[0], np.zeros((len(halves[0]), 12)), halves[1]], 1)
    picture = Image.fromarray((255 * (1 - sheet)).astype(np.uint8))
    picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS).save(path)


def main() -> int:
    parser = argparse.ArgumentParser(description="Procedural characters beside Omniglot.")
    parser.add_argument("--picture", type=Path, help="where to write the contact sheet (PNG)")
    options = parser.parse_args()
    if not archive().is_file():
        print(MISSING.format(path=archive()), file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    drawn, speed = generated()
    pair = (real(archive()), drawn)
    print(ROW.format("", "Omniglot", "procedural"))
    print(
        ROW.format(
            "characters, drawings", *(f"{d.labels.max() + 1}, {len(d.labels)}" for d in pair)
        )
    )
    for measure in (ink, shape, topology, distances, one_shot):
        left, right = (measure(drawings) for drawings in pair)
        for name, value in left.items():
            print(ROW.format(name, value, right[name]))
    print(f"\n{speed:,.0f} drawings in a second of one core.")
    if options.picture:
        contact_sheet(pair, options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
