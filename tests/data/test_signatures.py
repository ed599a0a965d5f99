"""Invented signatures: the same for a seed whatever else is asked for, forged as well as told."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from sklearn.metrics import roc_auc_score

from dmlcourse.data import group_disjoint_split
from dmlcourse.data.autographs import Signatures, signature_pairs, signatures
from dmlcourse.data.signing import (
    PAPER,
    STEPS,
    _seen,
    _visible,
    forged_plan,
    own_plan,
    trace,
    written,
)

WRITERS, EACH = 32, 8


@cache
def many(skill: float = 0.5) -> Signatures:
    return signatures(WRITERS, EACH, EACH, skill=skill, device="cpu")


def by_writer(data: Signatures) -> torch.Tensor:
    """Images (writers, signatures, pixels)."""
    return data.images.reshape(len(data.writers.unique()), -1, data.images[0].numel())


class TestWhatComesBack:
    def test_shapes_dtypes_and_ranges(self) -> None:
        data = signatures(3, 4, 5, first_writer=7, device="cpu")
        assert len(data) == 27
        assert data.images.shape == (27, 32, 64)
        assert data.images.dtype == torch.float32
        assert data.images.min() >= 0
        assert data.images.max() <= 1
        for numbers, dtype in (
            (data.writers, torch.int64),
            (data.genuine, torch.bool),
            (data.forgers, torch.int64),
        ):
            assert numbers.shape == (27,)
            assert numbers.dtype == dtype

    def test_a_writers_genuine_ones_come_before_the_forgeries(self) -> None:
        data = signatures(2, 3, 6, first_writer=7, device="cpu")
        assert data.writers.tolist() == [7] * 9 + [8] * 9
        assert data.genuine.tolist() == 2 * ([True] * 3 + [False] * 6)

    def test_the_writer_held_the_pen_or_one_of_four_who_forge_nobody_else(self) -> None:
        data = many()
        assert torch.equal(data.forgers[data.genuine], data.writers[data.genuine])
        forged = data[~data.genuine]
        assert forged.forgers.max() < 0
        assert len(forged.forgers.unique()) == 4 * WRITERS
        turns = forged.forgers.reshape(WRITERS, EACH)
        assert torch.equal(turns[:, :4], turns[:, 4:])
        assert signatures(1, 1, 5, device="cpu").forgers.tolist() == [0, -1, -2, -3, -4, -1]

    def test_no_forgeries_are_no_forgeries(self) -> None:
        data = signatures(2, 3, 0, device="cpu")
        assert len(data) == 6
        assert data.genuine.all()

    def test_every_signature_has_ink_and_stays_on_the_paper(self) -> None:
        for skill in (0.0, 0.5):
            images = many(skill).images
            assert images.sum((1, 2)).min() > 40
            assert images.mean((1, 2)).max() < 0.3
            border = torch.cat([images[:, 0], images[:, -1], images[..., 0], images[..., -1]], 1)
            assert border.max() < 0.6

    def test_signatures_are_wider_than_high(self) -> None:
        inked = many().images[many().genuine] > 0.25
        assert inked.any(1).sum(1).float().mean() > 1.5 * inked.any(2).sum(1).float().mean()

    def test_a_larger_picture_is_the_same_picture(self) -> None:
        small = signatures(6, 2, 2, device="cpu").images
        large = signatures(6, 2, 2, size=(64, 128), device="cpu").images
        halved = torch.nn.functional.avg_pool2d(large[:, None], 2)[:, 0]
        assert (halved - small).abs().mean() < 0.01

    def test_more_paper_is_more_white_on_both_sides(self) -> None:
        plain = signatures(2, 2, 2, device="cpu").images
        wide = signatures(2, 2, 2, size=(32, 80), device="cpu").images
        high = signatures(2, 2, 2, size=[48, 64], device="cpu").images
        torch.testing.assert_close(wide[..., 8:-8], plain, rtol=0, atol=1e-4)
        torch.testing.assert_close(high[:, 8:-8], plain, rtol=0, atol=1e-4)
        assert wide[..., :8].sum() == wide[..., -8:].sum() == high[:, :8].sum() == 0


FINGERPRINT = """
import hashlib
import numpy as np
from dmlcourse.data.signing import forged_plan, own_plan, written
def fingerprint():
    noise = np.random.default_rng(0).normal(size=(2, own_plan(5, 3).noise_count))
    plans = own_plan(5, 3), forged_plan(5, 3, 1, 0.5)
    paths = np.concatenate([written(plan, noise) for plan in plans])
    return hashlib.sha256(paths.astype(np.float32).tobytes()).hexdigest()
"""


class TestSameSeed:
    def test_a_seed_gives_the_same_and_another_seed_other_people(self) -> None:
        assert torch.equal(signatures(3, EACH, EACH, device="cpu").images, many().images[:48])
        other = signatures(3, EACH, EACH, random_state=1, device="cpu").images
        assert (other - many().images[:48]).abs().amax((1, 2)).min() > 0.5

    def test_another_process_draws_the_same(self) -> None:
        """Also where hashes of text begin from another number; without torch, which takes long."""
        environment = {**os.environ, "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", FINGERPRINT + "print(fingerprint())"]
        there = subprocess.check_output(command, env=environment, text=True)
        space: dict[str, Any] = {}
        exec(FINGERPRINT, space)
        assert there.strip() == space["fingerprint"]()

    @pytest.mark.parametrize(("genuine", "forgeries"), [(1, 1), (3, 2), (9, 5)])
    def test_the_t_th_signature_does_not_depend_on_how_many_there_are(
        self, genuine, forgeries
    ) -> None:
        data = signatures(1, genuine, forgeries, first_writer=11, device="cpu")
        same = many()[many().writers == 11]
        assert data.writers.unique().tolist() == [11]
        for some, expected in (
            (data[data.genuine], same[same.genuine]),
            (data[~data.genuine], same[~same.genuine]),
        ):
            count = min(len(some), EACH)
            assert torch.equal(some.images[:count], expected.images[:count])
            assert torch.equal(some.forgers[:count], expected.forgers[:count])

    def test_the_skill_changes_the_forgeries_alone(self) -> None:
        one, other = many(0.5), many(0.75)
        assert torch.equal(one[one.genuine].images, other[other.genuine].images)
        assert torch.equal(one.forgers, other.forgers)
        changed = (one[~one.genuine].images - other[~other.genuine].images).abs().amax((1, 2))
        assert (changed > 0.2).float().mean() > 0.99

    def test_the_first_writer_begins_another_set(self) -> None:
        first = signatures(3, 2, 2, device="cpu")
        second = signatures(3, 2, 2, first_writer=3, device="cpu")
        together = signatures(6, 2, 2, device="cpu")
        assert torch.equal(torch.cat([first.images, second.images]), together.images)
        assert not set(first.forgers.tolist()) & set(second.forgers.tolist())

    def test_numpy_numbers_are_numbers(self) -> None:
        plain = signatures(2, 2, 3, skill=0.25, random_state=3, first_writer=1, device="cpu")
        numpy = signatures(
            np.int64(2),
            np.int32(2),
            np.uint8(3),
            skill=np.float64(0.25),
            random_state=np.uint8(3),
            first_writer=np.int64(1),
            size=(np.int64(32), np.int64(64)),
            device="cpu",
        )
        assert torch.equal(plain.images, numpy.images)
        assert torch.equal(plain.forgers, numpy.forgers)

    def test_little_memory_gives_the_same(self) -> None:
        little = signatures(2, 2, 2, max_bytes=2**12, device="cpu")
        assert torch.equal(little.images, signatures(2, 2, 2, device="cpu").images)

    @pytest.mark.parametrize("name", ["auto", pytest.param("cuda", marks=pytest.mark.gpu)])
    def test_a_device_changes_nothing_but_rounding(self, name) -> None:
        if name == "cuda" and not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        data = signatures(3, EACH, EACH, device=name)
        expected = "cuda" if torch.cuda.is_available() else "cpu"
        for tensor in (data.images, data.writers, data.genuine, data.forgers):
            assert tensor.device.type == expected
        torch.testing.assert_close(data.images.cpu(), many().images[:48], rtol=0, atol=1e-4)


class TestRows:
    def test_numbers_a_mask_and_a_slice_choose_rows(self, device) -> None:
        data = signatures(2, 3, 1, device=device)
        mask = np.array([False, True, False, True, False, False, False, False])
        expected = data.images[[1, 3]]
        for rows in ([1, 3], np.array([1, 3]), torch.tensor([1, 3]), mask, slice(1, 4, 2)):
            some = data[rows]
            assert torch.equal(some.images, expected)
            assert some.genuine.tolist() == [True, False]
            assert some.forgers.tolist() == [0, -1]
            assert len(some) == 2

    def test_bytes_are_numbers_too_and_none_are_none(self) -> None:
        data = signatures(2, 2, 0, device="cpu")
        for rows in (np.array([0, 1, 1, 3], np.uint8), torch.tensor([0, 1, 1, 3]).byte()):
            assert torch.equal(data[rows].images, data.images[[0, 1, 1, 3]])
        assert len(data[[]]) == 0

    @pytest.mark.parametrize("rows", [3, [[0, 1]], [0.5]])
    def test_what_chooses_no_rows_is_refused(self, rows) -> None:
        with pytest.raises(TypeError, match="expected row numbers or a mask"):
            many()[rows]

    def test_the_split_by_writers_takes_them(self, device) -> None:
        data = signatures(10, 2, 2, device=device)
        train, test = group_disjoint_split(data.writers.cpu(), 0.3, random_state=0)
        known, new = data[train], data[test]
        assert len(new.writers.unique()) == 3
        assert not set(known.writers.tolist()) & set(new.writers.tolist())
        assert not set(known.forgers.tolist()) & set(new.forgers.tolist())
        pairs, same = signature_pairs(new)
        assert pairs.device == same.device == data.images.device
        assert len(pairs) == 3 * (1 + 4)


class TestPlan:
    def test_without_overlap_the_pen_comes_to_each_target_and_bows_half_way(self) -> None:
        chords, bows = np.array([2 + 1j, -1j, 3 + 0j]), np.array([0.5j, 0, 1 - 1j])
        line = trace(chords, bows, overlap=0.0)
        ends = np.concatenate([[0], chords.cumsum()])
        np.testing.assert_allclose(line[::STEPS], ends, atol=1e-12)
        np.testing.assert_allclose(line[STEPS // 2 :: STEPS], ends[:-1] + chords / 2 + bows)

    def test_overlap_makes_the_line_pass_by_the_corners(self) -> None:
        chords = np.array([4.0, 4.0j, 4.0])
        line = trace(chords, np.zeros(3), overlap=0.4)
        nearest = np.abs(line[:, None] - chords.cumsum()[:2]).min(0)
        assert (nearest > 0.3).all()

    def test_a_forger_sees_the_line_and_not_the_plan(self) -> None:
        """What is seen gives the line again without overlap, and the targets are other ones."""
        for writer in range(10):
            plan = own_plan(0, writer)
            line = trace(plan.chords, plan.bows, plan.habits.overlap)
            copy = line[0] + trace(*_seen(plan), overlap=0.0)
            size = np.ptp(line.real)
            assert np.abs(copy[:: STEPS // 2] - line[:: STEPS // 2]).max() < 1e-9 * size
            assert np.abs(copy[:, None] - line).min(1).max() < 0.06 * size
            assert np.abs(_seen(plan)[0] - plan.chords).max() > 0.02 * size

    def test_the_pen_is_lifted_inside_the_lifted_moves_alone(self) -> None:
        plans = [own_plan(0, writer) for writer in range(30)]
        assert any(plan.lifted.any() for plan in plans)
        for plan in plans:
            up = np.isnan(_visible(plan))
            assert up.sum() == (STEPS - 1) * plan.lifted.sum()
            assert not up[::STEPS].any()

    def test_no_noise_gives_the_plan_itself_in_the_middle_of_the_paper(self) -> None:
        plan = own_plan(0, 3)
        plan = plan._replace(habits=plan.habits._replace(size=0, aspect=0, slant=0, turn=0))
        path = written(plan, np.zeros((1, plan.noise_count)))[0]
        line = _visible(plan)
        np.testing.assert_allclose(np.diff(path @ [1, 1j]), np.diff(line), atol=1e-9)
        middle = (np.nanmin(path, 0) + np.nanmax(path, 0)) / 2
        np.testing.assert_allclose(middle, [PAPER[1] / 2, PAPER[0] / 2])

    def test_errors_add_up_along_the_way(self) -> None:
        plan = own_plan(0, 1)
        noise = np.random.default_rng(0).normal(size=(400, plan.noise_count))
        noise[:, :7] = 0
        paths = written(plan, noise)
        spread = np.linalg.norm(paths - paths[:, :1] - (paths - paths[:, :1]).mean(0), axis=2).mean(
            0
        )
        early, late = spread[STEPS], np.nanmean(spread[-4 * STEPS :])
        assert late > 1.5 * early


def blurred(data: Signatures) -> tuple[np.ndarray, np.ndarray]:
    """Genuine ones and forgeries after a blur, (writers, signatures, pixels) each."""
    images = ndimage.gaussian_filter(data.images.numpy(), (0, 1.5, 1.5))
    images = images.reshape(WRITERS, 2 * EACH, -1)
    return images[:, :EACH], images[:, EACH:]


def told_apart(near: np.ndarray, far: np.ndarray) -> float:
    """How often a distance of the second kind is larger than one of the first."""
    return float(roc_auc_score(np.repeat([0, 1], [near.size, far.size]), [*near.flat, *far.flat]))


@cache
def verified(skill: float | None) -> float:
    """``told_apart`` for pixels: forgeries of that skill, or other writers for None."""
    genuine, forged = map(torch.from_numpy, blurred(many(0.5 if skill is None else skill)))
    upper = np.triu_indices(EACH, 1)
    near = torch.cdist(genuine, genuine).numpy()[:, *upper]
    if skill is None:
        others = torch.roll(genuine, 1, 0)
        return told_apart(near, torch.cdist(genuine, others).numpy())
    return told_apart(near, torch.cdist(genuine, forged).numpy())


def traits(images: torch.Tensor) -> dict[str, np.ndarray]:
    """Ink, centre, size, slant (regression of x on y) and roughness of each picture."""
    row, column = (torch.arange(side) + 0.5 for side in images.shape[1:])
    ink = images.sum((1, 2))
    x, y = images.sum(1) @ column / ink, images.sum(2) @ row / ink
    dx, dy = column - x[:, None], row - y[:, None]
    xx, yy = (images.sum(1) * dx**2).sum(1) / ink, (images.sum(2) * dy**2).sum(1) / ink
    xy = torch.einsum("nyx,ny,nx->n", images, dy, dx) / ink
    rough = (images[:, 1:] - images[:, :-1]).abs().sum((1, 2)) / ink
    values = {"ink": ink, "x": x, "y": y, "wide": xx, "high": yy, "slant": xy / yy, "rough": rough}
    return {name: value.numpy() for name, value in values.items()}


class TestSkill:
    def test_with_skill_1_a_forger_means_to_write_the_very_same(self) -> None:
        for writer in range(20):
            own, forged = own_plan(4, writer), forged_plan(4, writer, writer % 4, 1.0)
            for one, other in zip(own, forged, strict=True):
                np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("trait", ["ink", "x", "y", "wide", "high", "slant", "rough"])
    def test_with_skill_1_forgeries_are_distributed_like_genuine_ones(self, trait) -> None:
        """Their noise is their own: the pictures differ, their statistics do not."""
        data = many(1.0)
        values = traits(data.images)[trait].reshape(WRITERS, 2, EACH)
        values = (values - values.mean((1, 2), keepdims=True)) / values.std((1, 2), keepdims=True)
        assert stats.ks_2samp(values[:, 0].ravel(), values[:, 1].ravel()).pvalue > 0.01
        assert not torch.equal(data[data.genuine].images, data[~data.genuine].images)

    def test_with_skill_1_the_nearest_signature_does_not_tell(self) -> None:
        assert verified(1.0) == pytest.approx(0.5, abs=0.03)

    def test_the_more_skill_the_harder_for_pixels(self) -> None:
        rates = [verified(skill) for skill in (0.0, 0.5, 0.75, 1.0)]
        assert rates == sorted(rates, reverse=True)
        assert rates[0] > 0.75

    def test_half_skilled_forgeries_fool_pixels_more_than_other_people_do(self) -> None:
        """The rates themselves are in benchmarks/signatures.py."""
        assert verified(None) > 0.88
        assert 0.6 < verified(0.5) < 0.78

    def test_the_plan_comes_nearer_with_skill(self) -> None:
        own = own_plan(0, 2)
        gaps = [
            np.abs(forged_plan(0, 2, 1, skill).chords - own.chords).sum()
            for skill in (0, 0.25, 0.5, 0.75, 1)
        ]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[-1] == 0 < gaps[-2]

    def test_forgers_misjudge_in_their_own_way_and_the_same_way_each_time(self) -> None:
        """Forgeries by one forger are nearer to each other than those by two."""
        _, forged = blurred(many())
        gaps = torch.cdist(*2 * [torch.from_numpy(forged)]).numpy()
        turn = np.arange(EACH) % 4
        one = (turn[:, None] == turn) & ~np.eye(EACH, dtype=bool)
        two = turn[:, None] != turn
        assert told_apart(gaps[:, one], gaps[:, two]) > 0.65

    def test_forgers_hesitate(self) -> None:
        """A copying hand trembles, and its moves hardly overlap."""
        for writer in range(10):
            own, forged = own_plan(0, writer).habits, forged_plan(0, writer, 0, 0.5).habits
            assert forged.tremor > 1.5 * own.tremor
            assert forged.overlap < own.overlap


def test_genuine_ones_resemble_each_other() -> None:
    """For nearly each, the nearest of all others is by the same writer; chance is 3 %."""
    genuine, _ = blurred(many())
    flat = genuine.reshape(WRITERS * EACH, -1)
    gaps = torch.cdist(*2 * [torch.from_numpy(flat)]).fill_diagonal_(np.inf).numpy()
    assert np.mean(gaps.argmin(1) // EACH == np.arange(len(flat)) // EACH) > 0.8


def listed(pairs: torch.Tensor) -> list[tuple[int, ...]]:
    return [tuple(pair) for pair in pairs.tolist()]


def kind_of(data: Signatures, pair: tuple[int, ...]) -> str:
    """What a pair of rows is, in plain Python."""
    i, j = pair
    if data.writers[i] != data.writers[j]:
        return "random" if data.genuine[i] and data.genuine[j] else "none"
    if data.genuine[i] and data.genuine[j]:
        return "genuine"
    return "skilled" if data.genuine[i] != data.genuine[j] else "none"


@pytest.fixture
def few() -> Signatures:
    """Four writers, 3 genuine and 2 forged of each, none of the last; in another order."""
    data = signatures(4, 3, 2, device="cpu")
    kept = np.array([row for row in range(20) if row not in (18, 19)])
    return data[np.random.default_rng(0).permutation(kept)]


class TestPairs:
    @pytest.mark.parametrize("kind", ["genuine", "skilled", "random"])
    def test_all_pairs_of_a_kind_are_those_of_two_loops(self, few, kind) -> None:
        counts = {"genuine": 0, "skilled": 0, "random": 0, kind: None}
        pairs, same = signature_pairs(few, **counts)
        every = [(i, j) for j in range(len(few)) for i in range(j) if kind_of(few, (i, j)) == kind]
        assert sorted(tuple(sorted(pair)) for pair in listed(pairs)) == sorted(every)
        assert same.tolist() == len(every) * [kind == "genuine"]

    def test_shapes_and_dtypes(self, few) -> None:
        pairs, same = signature_pairs(few)
        assert pairs.shape == (4 * 3 + 3 * 6, 2)
        assert pairs.dtype == torch.int64
        assert same.shape == (30,)
        assert same.dtype == torch.bool
        assert same.sum() == 12

    def test_a_number_is_for_each_writer_and_random_ones_are_so_many_in_all(self) -> None:
        data = many()
        pairs, same = signature_pairs(data, genuine=3, skilled=5, random=4)
        kinds = np.array([kind_of(data, pair) for pair in listed(pairs)])
        assert kinds.tolist() == 3 * WRITERS * ["genuine"] + 5 * WRITERS * ["skilled"] + (
            4 * WRITERS * ["random"]
        )
        assert same.tolist() == (kinds == "genuine").tolist()
        owners = data.writers[pairs[:, 0]].numpy()
        for kind, count in (("genuine", 3), ("skilled", 5)):
            assert set(np.bincount(owners[kinds == kind])) == {count}

    @pytest.mark.parametrize("seed", range(5))
    def test_no_pair_comes_twice(self, few, seed) -> None:
        most = {"genuine": None, "skilled": 0, "random": 13}
        for counts in (most, {**most, "random": 6}, {"genuine": 2, "random": 10}):
            pairs, _ = signature_pairs(few, random_state=seed, **{"skilled": 0, **counts})
            unordered = [frozenset(pair) for pair in listed(pairs)]
            assert len(set(unordered)) == len(unordered)

    def test_the_genuine_one_comes_first_and_else_the_smaller_row(self, few) -> None:
        pairs, _ = signature_pairs(few, random=None)
        for i, j in listed(pairs):
            assert few.genuine[i]
            assert i < j or not few.genuine[j]

    def test_a_sample_is_uniform(self, few) -> None:
        """Each of the 54 random pairs, and each of the three genuine of a writer, as often."""
        drawn = [
            signature_pairs(few, genuine=1, skilled=0, random=3, random_state=seed)[0]
            for seed in range(600)
        ]
        for part, among in ((slice(4), 12), (slice(4, None), 54)):
            counts = torch.unique(torch.cat([p[part] for p in drawn]), dim=0, return_counts=True)[1]
            assert len(counts) == among
            assert stats.chisquare(counts).pvalue > 0.001

    def test_another_number_of_one_kind_leaves_the_others(self) -> None:
        data = many()
        one, _ = signature_pairs(data, genuine=2, skilled=3, random=1)
        other, _ = signature_pairs(data, genuine=4, skilled=3, random=2)
        skilled = one[2 * WRITERS : 5 * WRITERS]
        assert torch.equal(skilled, other[4 * WRITERS : 7 * WRITERS])

    def test_a_seed_gives_the_same_pairs_and_a_generator_others_each_time(self) -> None:
        data, rng = many(), np.random.default_rng(0)
        counts = {"genuine": 2, "skilled": 3, "random": 1}
        one, other = (signature_pairs(data, **counts, random_state=7)[0] for _ in range(2))
        assert torch.equal(one, other)
        one, other = (signature_pairs(data, **counts, random_state=rng)[0] for _ in range(2))
        assert not torch.equal(one, other)

    def test_nothing_asked_for_gives_no_pair(self, few) -> None:
        pairs, same = signature_pairs(few, genuine=0, skilled=0)
        assert pairs.shape == (0, 2)
        assert same.shape == (0,)
        assert signature_pairs(few[[]])[0].shape == (0, 2)

    @pytest.mark.parametrize(
        ("counts", "error", "said"),
        [
            ({"genuine": 4}, ValueError, "genuine asks for 4 pairs: writer 0 has 3. Ask for fewer"),
            ({"skilled": 7}, ValueError, "skilled asks for 7 pairs: writer 0 has 6"),
            ({"skilled": 1}, ValueError, "skilled asks for 1 pairs: writer 3 has 0"),
            ({"random": 14}, ValueError, "random asks for 56 pairs: 4 writers have 54"),
            (
                {"random": -1},
                ValueError,
                "random is -1: expected a whole number from 0 on, or None",
            ),
            ({"genuine": "all"}, TypeError, "genuine is 'all': .* or None for all pairs"),
            ({"skilled": 0.5}, TypeError, "skilled is 0.5: expected a whole number"),
        ],
    )
    def test_wrong_numbers_are_named(self, few, counts, error, said) -> None:
        with pytest.raises(error, match=said):
            signature_pairs(few, **counts)


WRONG = {
    "no writers": ({"writers": 0}, ValueError, "writers is 0: expected a whole number from 1"),
    "no genuine ones": ({"genuine": 0}, ValueError, "genuine is 0"),
    "a negative number": ({"forgeries": -1}, ValueError, "forgeries is -1"),
    "half a writer": ({"writers": 2.5}, TypeError, "writers is 2.5"),
    "yes": ({"genuine": True}, TypeError, "genuine is True"),
    "a negative writer": ({"first_writer": -1}, ValueError, "first_writer is -1"),
    "no seed": ({"random_state": None}, TypeError, "random_state is None"),
    "too much skill": ({"skill": 1.1}, ValueError, "skill is 1.1: expected a number from 0"),
    "no skill": ({"skill": float("nan")}, ValueError, "skill is nan"),
    "skill, text": ({"skill": "good"}, TypeError, "skill is 'good'"),
    "one side": ({"size": 32}, TypeError, r"size is 32: expected \(height, width\)"),
    "half a pixel": ({"size": (32.5, 64)}, TypeError, "size is"),
    "three sides": ({"size": (32, 64, 1)}, ValueError, "size is"),
    "small": ({"size": (32, 31)}, ValueError, r"at least \(16, 32\)"),
    "device": ({"device": "toaster"}, ValueError, "device is 'toaster'"),
    "memory": ({"max_bytes": 0}, ValueError, "max_bytes is 0"),
}


@pytest.mark.parametrize(("arguments", "error", "said"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_named(arguments, error, said) -> None:
    with pytest.raises(error, match=said):
        signatures(**arguments)
