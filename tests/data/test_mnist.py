"""MNIST: the idx format, and every way in which a file of it can be damaged."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_sets import digits, idx

from dmlcourse.data import is_here, load
from dmlcourse.data.download import place
from dmlcourse.errors import UserError


class TestLoad:
    @pytest.mark.parametrize(("part", "count"), [("train", 5), ("test", 3)])
    def test_gives_the_digits_as_they_were_written(self, small, part, count) -> None:
        data, (images, labels) = load("mnist", part), digits(count, count)
        assert np.array_equal(data.images, images)
        assert np.array_equal(data.y, labels)
        assert (data.images.dtype, data.y.dtype) == (np.uint8, np.int64)

    def test_rows_are_the_pixels_in_numbers_that_can_be_negative(self, small) -> None:
        data = load("mnist")
        assert data.X.dtype == np.float32
        assert np.array_equal(data.X, data.images.reshape(5, 784))
        assert (data.X[0] - data.X[1]).min() < 0

    def test_takes_the_training_part_first(self, small) -> None:
        assert load("mnist").part == "train"
        assert repr(load("mnist")) == "<mnist, train: 5 samples of 28×28 pixels, 10 classes>"

    def test_can_be_changed_in_place(self, small) -> None:
        load("mnist").images[:] = 0


IMAGES = digits(5, 5)[0]
CHANGED = IMAGES.copy()
CHANGED[4, 27, 27] ^= 1
DAMAGED = {
    "empty": (b"", "it starts with nothing, expected 00000803"),
    "not gz": (b"<html>", "cannot be unpacked"),
    "gz broken off": (gzip.compress(idx(IMAGES))[:2000], "cannot be unpacked"),
    "gz without its end": (gzip.compress(idx(IMAGES))[:-8], "cannot be unpacked"),
    "labels in place of images": (
        gzip.compress(idx(np.zeros(5, np.uint8))),
        "it starts with 00000801, expected 00000803",
    ),
    "other magic number": (gzip.compress(idx(IMAGES, 0x0D03)), "it starts with 00000d03"),
    "fewer images": (gzip.compress(idx(IMAGES[:4])), r"does not say that it holds \(5, 28, 28\)"),
    "too short": (gzip.compress(idx(IMAGES)[:-1]), "it has 3,935 of 3,936 bytes"),
    "too long": (gzip.compress(idx(IMAGES) + b"x"), "it has more than 3,936 of 3,936 bytes"),
    "head only": (gzip.compress(idx(IMAGES)[:16]), "it has 16 of 3,936 bytes"),
    "head broken off": (gzip.compress(idx(IMAGES)[:9]), "does not say that it holds"),
    "one bit changed": (gzip.compress(idx(CHANGED)), "some of its values differ"),
}


def labels_or_message() -> tuple[np.ndarray | None, str]:
    try:
        return load("mnist").y, ""
    except UserError as error:
        return None, str(error)


class TestDamage:
    @pytest.mark.parametrize(("content", "found"), DAMAGED.values(), ids=DAMAGED)
    def test_is_named_with_a_remedy(self, small, content, found) -> None:
        load("mnist")
        path = place(small["mnist"].files[0])
        path.write_bytes(content)
        with pytest.raises(UserError, match=found) as caught:
            load("mnist")
        assert str(path) in str(caught.value)
        assert "Delete it and run: dmlcourse data mnist" in str(caught.value)

    def test_the_remedy_works(self, small) -> None:
        load("mnist")
        path = place(small["mnist"].files[0])
        path.write_bytes(b"")
        path.unlink()
        assert len(load("mnist")) == 5

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data())
    def test_of_any_byte_is_seen_or_harmless(self, small, data) -> None:
        load("mnist")
        path = place(small["mnist"].files[1])
        right = path.read_bytes()
        wrong = bytearray(right)
        wrong[data.draw(st.integers(0, len(right) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(wrong)
        y, said = labels_or_message()
        path.write_bytes(right)
        assert "is damaged" in said or np.array_equal(y, digits(5, 5)[1])

    def test_a_file_that_unpacks_without_end_is_not_unpacked(self, small) -> None:
        load("mnist")
        path = place(small["mnist"].files[1])
        path.write_bytes(gzip.compress(idx(digits(5, 5)[1]) + bytes(50_000_000), 1))
        with pytest.raises(UserError, match="more than 13 of 13 bytes"):
            load("mnist")


HERE = bool(os.environ.get("DMLCOURSE_DATA")) and is_here("mnist")


@pytest.mark.skipif(not HERE, reason="DMLCOURSE_DATA names no folder with mnist/")
class TestTheRealOne:
    @pytest.mark.parametrize(
        ("part", "count", "first", "sevens"),
        [
            ("train", 60_000, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], 6_265),
            ("test", 10_000, [7, 2, 1, 0, 4, 1, 4, 9, 5, 9], 1_028),
        ],
    )
    def test_has_the_known_counts_and_labels(self, part, count, first, sevens) -> None:
        data = load("mnist", part, download=False)
        assert data.images.shape == (count, 28, 28)
        assert data.y[:10].tolist() == first
        assert np.count_nonzero(data.y == 7) == sevens

    def test_paper_is_zero_and_ink_is_255(self) -> None:
        images = load("mnist", "test", download=False).images
        assert np.median(images) == 0
        assert images.max() == 255
        assert not images[:, 0, 0].any()


def test_no_file_is_read_by_a_path_outside_the_data_folder(small, data_home) -> None:
    assert all(data_home in Path(place(file)).parents for file in small["mnist"].files)
