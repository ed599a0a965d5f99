"""Invented characters: the same for a seed however many are asked for, and like themselves."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage

from dmlcourse.data.strokes import Characters, pen_paths, stroke_characters


@cache
def many(random_state: int = 0, classes: int = 120) -> Characters:
    return stroke_characters(classes, random_state=random_state, device="cpu")


def rows(drawn: Characters, **wanted: int) -> torch.Tensor:
    """Images whose numbers are the wanted ones: label=3, writer=2, …"""
    numbers = {"label": drawn.labels, "writer": drawn.writers, "alphabet": drawn.alphabets}
    chosen = torch.ones(len(drawn.images), dtype=torch.bool)
    for name, value in wanted.items():
        chosen &= numbers[name] == value
    return drawn.images[chosen]


def test_shapes_dtypes_and_ranges() -> None:
    drawn = stroke_characters(3, 5, size=20, device="cpu")
    assert drawn.images.shape == (15, 20, 20)
    assert drawn.images.dtype == torch.float32
    for numbers in (drawn.labels, drawn.writers, drawn.alphabets):
        assert numbers.shape == (15,)
        assert numbers.dtype == torch.int64
    assert drawn.images.min() >= 0
    assert drawn.images.max() <= 1
    assert drawn.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert drawn.writers.tolist() == list(range(5)) * 3


def test_by_default_each_of_twenty_writers_draws_each_character_once() -> None:
    drawn = many()
    pairs = set(zip(drawn.labels.tolist(), drawn.writers.tolist(), strict=True))
    assert pairs == {(label, writer) for label in range(120) for writer in range(20)}
    assert torch.equal(drawn.alphabets, drawn.labels // 20)


def test_a_seed_gives_the_same_drawings_and_another_seed_others() -> None:
    again = stroke_characters(30, device="cpu")
    assert torch.equal(again.images, many().images[:600])
    other = stroke_characters(5, random_state=1, device="cpu")
    assert (other.images - many().images[:100]).abs().amax((1, 2)).min() > 0.3


def test_another_process_draws_the_same() -> None:
    """Also where hashes of text begin from another number."""
    script = (
        "import hashlib; from dmlcourse.data.strokes import pen_paths;"
        "print(hashlib.sha256(pen_paths(2, 3, random_state=5).points.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
    there = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)
    here = hashlib.sha256(pen_paths(2, 3, random_state=5).points.tobytes()).hexdigest()
    assert there.strip() == here


def test_a_character_does_not_depend_on_how_many_there_are() -> None:
    alone = stroke_characters(1, 4, first_class=17, device="cpu")
    assert torch.equal(alone.images, rows(many(), label=17)[:4])
    assert alone.labels.tolist() == [17] * 4


def test_a_drawing_does_not_depend_on_how_many_write() -> None:
    few = stroke_characters(3, 7, writers=3, device="cpu")
    assert few.writers.tolist() == [0, 1, 2, 0, 1, 2, 0] * 3
    chosen = stroke_characters(3, 2, writers=[2, 0], device="cpu")
    for label in range(3):
        of_few, of_chosen = rows(few, label=label), rows(chosen, label=label)
        assert torch.equal(of_few[:3], rows(many(), label=label)[:3])
        assert torch.equal(of_chosen, of_few[[2, 0]])
        # The second time, the same writer draws it a little differently.
        assert not torch.equal(of_few[0], of_few[3])


def test_numpy_numbers_and_ranges_are_numbers() -> None:
    plain = stroke_characters(1, 2, writers=[20, 21], random_state=3, device="cpu")
    numpy = stroke_characters(
        np.int64(1), np.int32(2), writers=range(20, 22), random_state=np.uint8(3), device="cpu"
    )
    assert torch.equal(plain.images, numpy.images)
    of_array = stroke_characters(1, 2, writers=np.array([20, 21]), random_state=3, device="cpu")
    assert torch.equal(plain.images, of_array.images)


def test_classes_asked_for_apart_are_disjoint() -> None:
    train = stroke_characters(10, device="cpu")
    test = stroke_characters(10, first_class=10, device="cpu")
    assert not set(train.labels.tolist()) & set(test.labels.tolist())
    gaps = torch.cdist(train.images.flatten(1), test.images.flatten(1))
    assert gaps.min() > 0.5
    assert torch.equal(torch.cat([train.images, test.images]), many().images[:400])


def test_alphabets_are_as_large_as_asked() -> None:
    drawn = stroke_characters(7, 1, first_class=2, classes_per_alphabet=3, device="cpu")
    assert drawn.alphabets.tolist() == [0, 1, 1, 1, 2, 2, 2]


def test_every_drawing_has_ink_and_stays_on_the_paper() -> None:
    images = many().images
    ink = images.sum((1, 2))
    assert ink.min() > 8
    assert ink.max() < 0.35 * 28 * 28
    border = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    assert border.max() < 0.6


def test_no_drawing_is_only_a_dot_or_a_blot() -> None:
    inked = many().images.numpy() > 0.25
    sides = np.maximum(inked.any(1).sum(1), inked.any(2).sum(1))
    assert sides.min() >= 5
    # What survives a 4 × 4 square of ink around it is a blot.
    blot = ndimage.binary_erosion(inked, np.ones((1, 4, 4))).sum((1, 2))
    assert np.mean(blot > 3) < 0.01


def test_points_are_where_the_ink_is() -> None:
    paths = pen_paths(5, 4)
    drawn = stroke_characters(5, 4, size=56, device="cpu")
    assert paths.points.dtype == np.float32
    for points, image in zip(paths.points, drawn.images, strict=True):
        x, y = (2 * points[~np.isnan(points[:, 0])].T).astype(int)
        assert image[y, x].min() > 0.5


def test_a_larger_picture_is_the_same_picture() -> None:
    small = stroke_characters(6, device="cpu").images
    large = stroke_characters(6, size=56, device="cpu").images
    halved = torch.nn.functional.avg_pool2d(large[:, None], 2)[:, 0]
    assert (halved - small).abs().mean() < 0.01


def test_characters_resemble_themselves() -> None:
    """Drawings of a class are nearer than others of the alphabet; for nearly each class, too.

    Class by class the images have length 1: else a class with much ink is far from itself.
    """
    drawn = many()
    flat = drawn.images.flatten(1)
    gaps = torch.cdist(flat, flat)
    same = drawn.labels[:, None] == drawn.labels
    same_alphabet = drawn.alphabets[:, None] == drawn.alphabets
    off_diagonal = ~torch.eye(len(flat), dtype=torch.bool)
    within, between = gaps[same & off_diagonal].mean(), gaps[~same & same_alphabet].mean()
    assert within < 0.97 * between
    unit = torch.nn.functional.normalize(flat)
    alike = (unit @ unit.T).reshape(120, 20, 120, 20).sum((1, 3))
    own = (alike.diagonal() - 20) / (20 * 19)
    others = (alike.sum(1) - alike.diagonal()) / (119 * 400)
    assert (own > others).float().mean() > 0.97


def test_one_shot_is_neither_hopeless_nor_solved_by_pixels() -> None:
    """Chance is 5 %; the measured value is about 25 % (benchmarks/characters.py)."""
    drawn = many()
    right = []
    for alphabet in range(6):
        images = rows(drawn, alphabet=alphabet).reshape(20, 20, -1)
        for writer in range(20):
            gaps = torch.cdist(images[:, writer], images[:, (writer + 1) % 20])
            right.append((gaps.argmin(1) == torch.arange(20)).float().mean())
    assert 0.15 < torch.stack(right).mean() < 0.4


def moments(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Centre, size and slant (regression of x on y) of each drawing."""
    place = torch.arange(images.shape[-1]) + 0.5
    ink = images.sum((1, 2))
    x, y = images.sum(1) @ place / ink, images.sum(2) @ place / ink
    dx, dy = place - x[:, None], place - y[:, None]
    xx, yy = (images.sum(1) * dx**2).sum(1) / ink, (images.sum(2) * dy**2).sum(1) / ink
    xy = torch.einsum("nyx,ny,nx->n", images, dy, dx) / ink
    return {"x": x, "y": y, "size": (xx + yy).log(), "slant": xy / yy}


@pytest.mark.parametrize("trait", ["x", "y", "size", "slant"])
def test_a_writer_is_the_same_in_all_characters(trait) -> None:
    """A writer's mean over the first 60 characters tells that over 60 others, classes removed."""
    values = moments(many().images)[trait].reshape(120, 20)
    values = values - values.mean(1, keepdim=True)
    first, second = values[:60].mean(0), values[60:].mean(0)
    assert np.corrcoef(first, second)[0, 1] > 0.5


def test_strokes_are_one_to_five() -> None:
    points = pen_paths(200, 1).points[..., 0]
    lifted = np.isnan(points)
    strokes = (~lifted[:, :-1] & lifted[:, 1:]).sum(1) + ~lifted[:, -1]
    assert set(strokes) == {1, 2, 3, 4, 5}
    assert 2 < strokes.mean() < 3


@pytest.mark.parametrize("name", ["auto", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_device_changes_nothing_but_rounding(name) -> None:
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    drawn = stroke_characters(4, device=name)
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    for tensor in (drawn.images, drawn.labels, drawn.writers, drawn.alphabets):
        assert tensor.device.type == expected
    torch.testing.assert_close(drawn.images.cpu(), many().images[:80], rtol=0, atol=1e-4)


WRONG = {
    "no classes": ({"classes": 0}, ValueError, "classes is 0: expected a whole number from 1"),
    "no drawings": ({"drawings": -1}, ValueError, "drawings is -1"),
    "half a class": ({"classes": 2.5}, TypeError, "classes is 2.5"),
    "yes": ({"classes": True}, TypeError, "classes is True"),
    "text": ({"drawings": "20"}, TypeError, "drawings is '20'"),
    "negative class": ({"first_class": -1}, ValueError, "first_class is -1"),
    "empty alphabets": ({"classes_per_alphabet": 0}, ValueError, "classes_per_alphabet is 0"),
    "no seed": ({"random_state": None}, TypeError, "random_state is None"),
    "negative seed": ({"random_state": -3}, ValueError, "random_state is -3"),
    "small": ({"size": 11}, ValueError, "size is 11: expected a whole number from 12 on"),
    "no writers": ({"writers": 0}, ValueError, "writers is 0"),
    "an empty list": ({"writers": []}, ValueError, "at least one number"),
    "twice": ({"writers": [1, 1]}, ValueError, "each only once"),
    "negative writer": ({"writers": [-1]}, ValueError, "a writer's number is -1"),
    "writers, text": ({"writers": "ab"}, TypeError, "a writer's number is 'a'"),
    "writers, a half": ({"writers": 1.5}, TypeError, "writers is 1.5"),
    "device": ({"device": "toaster"}, ValueError, "device is 'toaster'"),
    "memory": ({"max_bytes": 0}, ValueError, "max_bytes is 0"),
}


@pytest.mark.parametrize(("arguments", "error", "said"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_named(arguments, error, said) -> None:
    with pytest.raises(error, match=said):
        stroke_characters(**arguments)
