"""Omniglot: what the arrays hold, the published parts, and every damage seen."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_sets import ANSWERS, BACKGROUND, SIDE, archive, drawing, drawings, png, runs

from dmlcourse.data import (
    Dataset,
    data_folder,
    is_here,
    load,
    omniglot,
    omniglot_runs,
    with_rotations,
)
from dmlcourse.data.download import place
from dmlcourse.errors import UserError


class TestLoad:
    def test_gives_the_drawings_with_ink_as_one(self, small) -> None:
        data = load("omniglot", size=SIDE)
        assert np.array_equal(data.images, RIGHT)
        assert data.images.dtype == np.float32

    def test_labels_count_the_characters(self, small) -> None:
        data = load("omniglot")
        assert data.y.tolist() == [0, 0, 1, 1, 2, 2]
        assert data.y.dtype == np.int64
        assert data.class_names == BACKGROUND

    def test_groups_say_who_drew_what(self, small) -> None:
        groups = load("omniglot").groups
        assert groups["writer"].tolist() == [1, 2, 1, 2, 1, 2]
        assert groups["alphabet"].tolist() == ["Greek"] * 4 + ["Hebrew"] * 2
        assert groups["character"].tolist() == [name for name in BACKGROUND for _ in (1, 2)]

    def test_takes_pictures_of_28_pixels(self, small) -> None:
        data = load("omniglot")
        assert data.images.shape == (6, 28, 28)
        assert data.X.shape == (6, 784)

    def test_fetches_only_the_archive_of_its_part(self, small, server) -> None:
        load("omniglot", "evaluation")
        assert server.asked == ["/images_evaluation.zip"]

    @pytest.mark.parametrize(
        ("part", "names"),
        [
            ("evaluation", ["Gurmukhi/character41", "Gurmukhi/character42", "Tibetan/character01"]),
            ("vinyals-train", ["Greek/character01", "Greek/character02", "Gurmukhi/character41"]),
            ("vinyals-val", ["Hebrew/character01"]),
            ("vinyals-test", ["Gurmukhi/character42", "Tibetan/character01"]),
        ],
    )
    def test_a_part_holds_its_characters(self, small, part, names) -> None:
        data = load("omniglot", part, size=SIDE)
        assert list(data.class_names) == names
        assert data.groups["character"].tolist() == [name for name in names for _ in (1, 2)]
        number = {"Greek/character01": 1, "Gurmukhi/character42": 5, "Hebrew/character01": 3}
        for name in set(names) & set(number):
            first = data.images[data.groups["character"] == name][0]
            assert np.array_equal(first, drawing(number[name], 1)), name


class TestPictures:
    @given(seed=st.integers(0, 99), size=st.integers(1, SIDE))
    @settings(max_examples=25, deadline=None)
    def test_each_pixel_is_the_ink_in_its_area(self, seed, size) -> None:
        ink = np.random.default_rng(seed).random((2, SIDE, SIDE)) < 0.2
        fine = ink.astype(float).repeat(size, axis=1)  # rows of 1/size, which both grids share
        rows = fine.reshape(2, size, SIDE, SIDE).mean(axis=2)
        expected = rows.repeat(size, axis=2).reshape(2, size, size, SIDE).mean(axis=3)
        images = omniglot.pictures(np.packbits(ink, axis=2), size)
        assert np.allclose(images, expected, atol=1e-5)

    def test_full_size_is_exact(self) -> None:
        ink = np.random.default_rng(0).random((130, SIDE, SIDE)) < 0.5
        assert np.array_equal(omniglot.pictures(np.packbits(ink, axis=2), SIDE), ink)

    def test_of_nothing(self) -> None:
        assert omniglot.pictures(np.zeros((0, SIDE, 14), np.uint8), 28).shape == (0, 28, 28)


class TestRotations:
    def test_make_four_classes_of_one(self, small) -> None:
        data = load("omniglot")
        turned = with_rotations(data)
        assert len(turned) == 4 * len(data)
        assert np.bincount(turned.y).tolist() == [2] * 12
        assert turned.class_names[:3] == tuple(f"{name}/rot000" for name in BACKGROUND)
        assert turned.class_names[-1] == "Hebrew/character01/rot270"

    def test_turn_each_drawing(self, small) -> None:
        data = load("omniglot")
        turned = with_rotations(data).images.reshape(4, *data.images.shape)
        for quarter in range(4):
            for before, after in zip(data.images, turned[quarter], strict=True):
                assert np.array_equal(np.rot90(before, quarter), after)

    def test_keep_who_drew_it(self, small) -> None:
        turned = with_rotations(load("omniglot"))
        names = [turned.class_names[label].rsplit("/", 1)[0] for label in turned.y]
        assert turned.groups["character"].tolist() == names


class TestRuns:
    def test_labels_say_which_support_each_query_shows(self, small) -> None:
        both = list(omniglot_runs(size=SIDE))
        assert len(both) == 2
        for support, queries, labels in both:
            assert labels.tolist() == [answer - 1 for answer in ANSWERS]
            for query, label in zip(queries, labels, strict=True):
                number = int(label) + 1
                assert np.array_equal(query, drawing(number, 2))
                assert np.array_equal(support[label], drawing(number, 1))

    def test_need_one_file(self, small, server) -> None:
        support, queries, labels = next(omniglot_runs())
        assert support.shape == queries.shape == (3, 28, 28)
        assert labels.dtype == np.int64
        assert server.asked == ["/all_runs.zip"]

    def test_with_other_answers_are_refused(self, small, data_home) -> None:
        list(omniglot_runs())
        members = runs()
        text = members["run01/class_labels.txt"].decode().replace("class03", "class01")
        members["run01/class_labels.txt"] = text.encode()
        place(small["omniglot"].files[2]).write_bytes(archive(members))
        with pytest.raises(UserError, match="some of its drawings differ"):
            list(omniglot_runs())


MEMBERS = drawings("images_background", BACKGROUND, 1)
FIRST, SECOND = list(MEMBERS)[:2]
PACKED, LZMA = archive(MEMBERS), archive(MEMBERS, zipfile.ZIP_LZMA)
# A drawing whose head says that it has 20,000 × 20,000 pixels.
HEAD = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
HUGE = MEMBERS[FIRST][:12] + HEAD + struct.pack(">I", zlib.crc32(HEAD)) + MEMBERS[FIRST][33:]
DAMAGED = {
    "empty": (b"", "cannot be unpacked"),
    "not a zip": (b"<html>" * 100, "cannot be unpacked"),
    "broken off": (PACKED[: len(PACKED) // 2], "cannot be unpacked"),
    "no drawings": (archive({"README": b""}), "it holds 0 drawings, expected 6"),
    "one is missing": (archive(dict(list(MEMBERS.items())[1:])), "holds 5 drawings, expected 6"),
    "one more": (
        archive({**MEMBERS, FIRST.replace("_01.png", "_03.png"): MEMBERS[FIRST]}),
        "it holds 7 drawings, expected 6",
    ),
    "one is no picture": (archive({**MEMBERS, FIRST: b"GIF89a"}), "cannot be unpacked"),
    "one is empty": (archive({**MEMBERS, FIRST: b""}), "cannot be unpacked"),
    "one breaks off": (archive({**MEMBERS, FIRST: MEMBERS[FIRST][:60]}), "cannot be unpacked"),
    "one has another size": (
        archive({**MEMBERS, FIRST: png(np.zeros((28, 28)))}),
        r"0001_01.png has \(28, 28\) pixels, expected \(105, 105\)",
    ),
    "two are swapped": (
        archive({**MEMBERS, FIRST: MEMBERS[SECOND], SECOND: MEMBERS[FIRST]}),
        "some of its drawings differ",
    ),
    "one is white on black": (
        archive({**MEMBERS, FIRST: png(~drawing(1, 1))}),
        "some of its drawings differ",
    ),
    "one is a flood": (
        archive({**MEMBERS, FIRST: bytes(200_000)}),
        "0001_01.png has 200,000 bytes, expected at most 100,000",
    ),
    "one would be huge": (
        archive({**MEMBERS, FIRST: HUGE}),
        "0001_01.png says that it has millions of pixels, not 105×105",
    ),
    # Behind the settings of an LZMA stream comes a zero.
    "LZMA with a wrong start": (
        LZMA.replace(b"]\x00\x00\x80\x00\x00", b"]\x00\x00\x80\x00\xff"),
        r"cannot be unpacked \(Corrupt input data\)",
    ),
    "other method": (
        PACKED.replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x63\x00"),
        "cannot be unpacked",
    ),
}


def put(small, content: bytes) -> Path:
    path = place(small["omniglot"].files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


RIGHT = np.array([drawing(number, writer) for number in (1, 2, 3) for writer in (1, 2)])


def images_or_message() -> tuple[np.ndarray | None, str]:
    try:
        return load("omniglot", size=SIDE).images, ""
    except UserError as error:
        return None, str(error)


class TestDamage:
    @pytest.mark.parametrize(("content", "found"), DAMAGED.values(), ids=DAMAGED)
    def test_is_named_with_a_remedy(self, small, content, found) -> None:
        path = put(small, content)
        with pytest.raises(UserError, match=found) as caught:
            load("omniglot")
        assert str(path) in str(caught.value)
        assert "Delete it and run: dmlcourse data omniglot" in str(caught.value)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data(), packed=st.sampled_from([PACKED, LZMA]))
    def test_of_any_byte_is_seen_or_harmless(self, small, data, packed) -> None:
        wrong = bytearray(packed)
        wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
        path = put(small, wrong)
        path.with_suffix(".npz").unlink(missing_ok=True)
        images, said = images_or_message()
        assert "is damaged" in said or np.array_equal(images, RIGHT)

    def test_of_long_answers_is_seen_before_they_are_unpacked(self, small) -> None:
        list(omniglot_runs())
        flood = {**runs(), "run01/class_labels.txt": bytes(10**6)}
        place(small["omniglot"].files[2]).write_bytes(archive(flood))
        with pytest.raises(UserError, match=r"labels\.txt has 1,000,000 bytes, expected at most"):
            list(omniglot_runs())

    @pytest.mark.parametrize("packed", [archive(MEMBERS, zipfile.ZIP_STORED), LZMA])
    def test_packing_again_is_none(self, small, server, packed) -> None:
        put(small, packed)
        assert len(load("omniglot")) == 6
        assert server.asked == []

    def test_files_that_a_system_adds_are_none(self, small) -> None:
        extra = {"__MACOSX/images_background/Greek/character01/._0001_01.png": b"", "x/": b""}
        put(small, archive({**extra, **MEMBERS, "images_background/.DS_Store": b"x"}))
        assert len(load("omniglot")) == 6

    def test_grey_pictures_with_the_same_ink_are_none(self, small) -> None:
        out = BytesIO()
        Image.open(BytesIO(MEMBERS[FIRST])).convert("L").save(out, "PNG")
        put(small, archive({**MEMBERS, FIRST: out.getvalue()}))
        assert len(load("omniglot")) == 6


class TestUnpackedCopy:
    @pytest.fixture
    def decoded(self, small, monkeypatch) -> list[Path]:
        """The archives that were decoded, one entry each time."""
        seen: list[Path] = []
        plain = omniglot.read

        def read(collection, file, download):
            seen.append(place(file))
            return plain(collection, file, download)

        monkeypatch.setattr(omniglot, "read", read)
        return seen

    @pytest.fixture
    def copy(self, small) -> Path:
        return place(small["omniglot"].files[0]).with_suffix(".npz")

    def test_spares_the_second_decoding(self, decoded, copy) -> None:
        first, second = load("omniglot"), load("omniglot")
        assert len(decoded) == 1
        assert copy.is_file()
        assert np.array_equal(first.images, second.images)
        assert first.class_names == second.class_names

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x93NUMPY"])
    def test_is_made_again_where_it_is_damaged(self, decoded, copy, content) -> None:
        load("omniglot")
        copy.write_bytes(content)
        load("omniglot")
        load("omniglot")
        assert len(decoded) == 2

    @pytest.mark.parametrize("length", [2**62, 2**70, -1])
    def test_is_made_again_where_it_says_a_length_that_nothing_has(
        self, decoded, copy, length
    ) -> None:
        load("omniglot")
        head = BytesIO()
        about = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(head, about)
        copy.write_bytes(archive({"names.npy": head.getvalue(), "bits.npy": head.getvalue()}))
        load("omniglot")
        assert len(decoded) == 2

    @pytest.mark.parametrize("change", ["names", "bits", "lacks"])
    def test_is_made_again_where_it_holds_something_else(self, decoded, copy, change) -> None:
        load("omniglot")
        with np.load(copy) as stored:
            arrays = dict(stored)
        if change == "lacks":
            del arrays["bits"]
        else:
            arrays[change] = arrays[change][::-1]
        np.savez(copy, **arrays)
        assert load("omniglot").y.tolist() == [0, 0, 1, 1, 2, 2]
        assert len(decoded) == 2

    def test_does_not_stand_in_for_an_archive_that_is_missing(self, small, copy) -> None:
        load("omniglot")
        place(small["omniglot"].files[0]).unlink()
        with pytest.raises(UserError, match="lacks images_background"):
            load("omniglot", download=False)

    def test_is_not_made_where_the_folder_is_marked_as_read_only(self, decoded, copy) -> None:
        if os.name != "posix":
            pytest.skip("no permission bits on this system")
        load("omniglot")
        copy.unlink()
        copy.parent.chmod(0o555)
        try:
            assert len(load("omniglot")) == 6
            assert not copy.exists()
        finally:
            copy.parent.chmod(0o755)


HERE = bool(os.environ.get("DMLCOURSE_DATA")) and is_here("omniglot")
VINYALS = data_folder() / "omniglot" / "splits_vinyals"


@pytest.fixture(scope="module")
def parts() -> dict[str, Dataset]:
    """Every part of the real Omniglot, each archive decoded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(omniglot, "_quick", cache(omniglot._quick))
        return {part: load("omniglot", part, download=False) for part in omniglot.PARTS}


@pytest.mark.skipif(not HERE, reason="DMLCOURSE_DATA names no folder with omniglot/")
class TestTheRealOne:
    @pytest.mark.parametrize(
        ("part", "characters", "alphabets"),
        [
            ("background", 964, 30),
            ("evaluation", 659, 20),
            ("vinyals-train", 1_028, 33),
            ("vinyals-val", 172, 5),
            ("vinyals-test", 423, 13),
        ],
    )
    def test_has_the_known_counts(self, parts, part, characters, alphabets) -> None:
        data = parts[part]
        assert np.bincount(data.y).tolist() == [20] * characters
        assert len(set(data.groups["alphabet"])) == alphabets
        assert set(zip(data.y, data.groups["writer"], strict=True)) == {
            (y, writer) for y in range(characters) for writer in range(1, 21)
        }

    def test_ink_is_the_small_share(self, parts) -> None:
        assert 0.07 < parts["background"].images.mean() < 0.09

    def test_runs_are_twenty_of_twenty(self) -> None:
        found = list(omniglot_runs(download=False))
        assert len(found) == 20
        for support, queries, labels in found:
            assert support.shape == queries.shape == (20, 28, 28)
            assert sorted(labels.tolist()) == list(range(20))

    def test_pictures_of_the_runs_are_those_of_one_alphabet_each(self, parts) -> None:
        data = parts["evaluation"]
        where = {image.tobytes(): i for i, image in enumerate(data.images)}
        for support, queries, labels in omniglot_runs(download=False):
            shown = [where[image.tobytes()] for image in support]
            asked = [where[image.tobytes()] for image in queries]
            assert len(set(data.groups["alphabet"][shown + asked])) == 1
            assert np.array_equal(data.y[shown][labels], data.y[asked])

    @pytest.mark.skipif(not VINYALS.is_dir(), reason="no published lists of the split here")
    @pytest.mark.parametrize("part", ["train", "val", "test"])
    def test_the_split_is_that_of_the_published_lists(self, parts, part) -> None:
        lines = (VINYALS / f"{part}.txt").read_text().split()
        names = parts[f"vinyals-{part}"].class_names
        assert sorted(lines) == sorted(f"{n}/rot{d:03}" for n in names for d in (0, 90, 180, 270))
