"""Polylines as pictures: beside a twin that asks every pixel about every segment."""

from __future__ import annotations

from itertools import pairwise, product
from math import hypot, isnan, nan

import pytest
import torch

from dmlcourse.data import rendering
from dmlcourse.data.rendering import on_device, render_polylines


def twin(line: list[list[float]], rows: int, columns: int, width: float) -> torch.Tensor:
    """One image by the definition, pixel by pixel and segment by segment."""
    image = torch.zeros(rows, columns, dtype=torch.float64)
    for r, c in product(range(rows), range(columns)):
        gaps = [gap(c + 0.5, r + 0.5, *a, *b) for a, b in pairwise(line)]
        nearest = min((g for g in gaps if not isnan(g)), default=float("inf"))
        if nearest < 1e6:
            low, high = max(nearest - 0.5, -width / 2), min(nearest + 0.5, width / 2)
            image[r, c] = max(0.0, high - low)
    return image


def gap(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    u, v = bx - ax, by - ay
    if isnan(u + v):
        return nan
    share = ((x - ax) * u + (y - ay) * v) / (u * u + v * v) if u or v else 0.0
    share = min(1.0, max(0.0, share))
    return hypot(x - ax - share * u, y - ay - share * v)


def scribbles(n: int = 8, p: int = 7, seed: int = 0) -> torch.Tensor:
    """Lines in and around a 12 × 9 image, with lifted pens, dots, grid lines and long ones."""
    generator = torch.Generator().manual_seed(seed)
    points = 22 * torch.rand(n, p, 2, generator=generator, dtype=torch.float64) - 5
    points[1, 3] = nan
    points[2, 4] = points[2, 5]
    points[3, :, 0] = 3.25
    points[4, :, 1] = 6.0
    points[5] *= 40
    points[6] += 100
    points[7, 2:] = nan
    return points


@pytest.mark.parametrize("width", [0.2, 1.1, 5.0])
def test_same_as_the_twin(width, device) -> None:
    points = scribbles()
    drawn = render_polylines(points.to(device), (9, 12), width).cpu()
    for image, line in zip(drawn, points.tolist(), strict=True):
        torch.testing.assert_close(image, twin(line, 9, 12, width), rtol=0, atol=1e-12)


def test_float32_is_the_same_to_its_rounding(device) -> None:
    points = scribbles()
    exact = render_polylines(points, (9, 12), 1.1)
    drawn = render_polylines(points.float().to(device), (9, 12), 1.1)
    assert drawn.dtype == torch.float32
    assert drawn.device.type == device
    torch.testing.assert_close(drawn.cpu().double(), exact, rtol=0, atol=1e-4)


def test_a_width_for_each_line() -> None:
    points, widths = scribbles(), torch.linspace(0.3, 3.0, 8)
    together = render_polylines(points, 12, widths)
    for k, width in enumerate(widths.tolist()):
        alone = render_polylines(points[k : k + 1], 12, width)[0]
        torch.testing.assert_close(together[k], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("max_bytes", [1, 5_000, 100_000])
def test_tiles_change_nothing(max_bytes) -> None:
    points = scribbles()
    whole = render_polylines(points, 12, 1.3)
    torch.testing.assert_close(render_polylines(points, 12, 1.3, max_bytes), whole, rtol=0, atol=0)


def test_no_tile_is_larger_than_allowed(monkeypatch) -> None:
    """Seen where the arrays are made; each of them is a small share of ``max_bytes``."""
    max_bytes, largest = 200_000, {"segments": 0, "pixels": 0}
    clip, cover = rendering.Canvas.clip, rendering._coverage

    def clipped(canvas, segments):
        largest["segments"] = max(largest["segments"], segments.start.nbytes)
        return clip(canvas, segments)

    def covered(distance, half):
        largest["pixels"] = max(largest["pixels"], distance.nbytes)
        return cover(distance, half)

    monkeypatch.setattr(rendering.Canvas, "clip", clipped)
    monkeypatch.setattr(rendering, "_coverage", covered)
    points = 28 * torch.rand(300, 40, 2, generator=torch.Generator().manual_seed(1))
    render_polylines(points, 28, 1.1, max_bytes)
    assert 0 < largest["segments"] <= max_bytes / 16
    assert max_bytes / 32 < largest["pixels"] <= max_bytes / 8


def test_a_line_along_the_grid_covers_what_it_covers() -> None:
    """A pen 1.5 wide along y = 3: three quarters of each row beside it."""
    line = torch.tensor([[[-5.0, 3.0], [20.0, 3.0]]])
    expected = torch.zeros(6, 6)
    expected[2:4] = 0.75
    torch.testing.assert_close(render_polylines(line, 6, 1.5)[0], expected)


def test_a_turn_of_the_line_turns_the_picture() -> None:
    points = scribbles()
    turned = torch.stack([12 - points[..., 1], points[..., 0]], -1)
    torch.testing.assert_close(
        render_polylines(turned, 12), render_polylines(points, 12).rot90(-1, (1, 2))
    )


def test_the_direction_of_the_pen_does_not_matter() -> None:
    points = scribbles()
    torch.testing.assert_close(render_polylines(points.flip(1), 12), render_polylines(points, 12))


def test_a_point_on_a_line_changes_nothing() -> None:
    points = scribbles()
    middle = (points[:, :-1] + points[:, 1:]) / 2
    finer = torch.stack([points[:, :-1], middle], 2).flatten(1, 2)
    finer = torch.cat([finer, points[:, -1:]], 1)
    torch.testing.assert_close(
        render_polylines(finer, 12), render_polylines(points, 12), rtol=0, atol=1e-9
    )


def test_single_points_draw_only_when_given_twice() -> None:
    dot, lift = [4.5, 4.5], [nan, nan]
    once, twice = torch.tensor([[dot, lift, lift]]), torch.tensor([[dot, dot, lift]])
    assert render_polylines(once, 9).sum() == 0
    drawn = render_polylines(twice, 9, 1.0)[0]
    assert drawn[4, 4] == 1
    assert drawn.sum() == 1


@pytest.mark.parametrize("shape", [(0, 5, 2), (3, 0, 2), (3, 1, 2)])
def test_nothing_to_draw(shape) -> None:
    images = render_polylines(torch.zeros(shape), 7)
    assert images.shape == (shape[0], 7, 7)
    assert images.sum() == 0


def test_points_far_away_cost_nothing_and_draw_nothing() -> None:
    far = torch.tensor([[[1e7, 1e7], [2e7, 1e7]], [[-1e30, 5.0], [-1e29, 5.0]]])
    assert render_polylines(far, 10).sum() == 0


def test_points_and_gradient_stay_out_of_it() -> None:
    points = scribbles().requires_grad_()
    before = points.detach().clone()
    images = render_polylines(points, 12)
    assert not images.requires_grad
    assert torch.equal(points.detach().nan_to_num(), before.nan_to_num())


WRONG = {
    "list": (([[[0.0, 0.0]]],), TypeError, "points is list"),
    "whole numbers": ((torch.zeros(1, 2, 2, dtype=torch.int64),), TypeError, "int64"),
    "one line": ((torch.zeros(4, 2),), ValueError, r"points\[None\]"),
    "three coordinates": ((torch.zeros(1, 4, 3),), ValueError, r"\(1, 4, 3\)"),
    "infinite": ((torch.full((1, 2, 2), torch.inf),), ValueError, "use NaN"),
    "no pixels": ((torch.zeros(1, 2, 2), 0), ValueError, "size is 0"),
    "three sides": ((torch.zeros(1, 2, 2), (3, 4, 5)), ValueError, "size is"),
    "no pen": ((torch.zeros(1, 2, 2), 9, 0.0), ValueError, "above 0"),
    "NaN pen": ((torch.zeros(1, 2, 2), 9, nan), ValueError, "finite"),
    "pens": ((torch.zeros(2, 2, 2), 9, torch.ones(3)), ValueError, r"\(2,\)"),
    "no memory": ((torch.zeros(1, 2, 2), 9, 1.0, 0), ValueError, "max_bytes is 0"),
}


@pytest.mark.parametrize(("arguments", "error", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(arguments, error, said) -> None:
    with pytest.raises(error, match=said):
        render_polylines(*arguments)


def test_auto_is_cuda_where_there_is_one() -> None:
    assert on_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert on_device(torch.device("cpu")).type == "cpu"


@pytest.mark.parametrize("name", ["toaster", "cpu:x", "cuda:99", "", None, 3.5])
def test_a_device_that_is_not_there_is_named(name) -> None:
    with pytest.raises(ValueError, match="expected 'auto', 'cpu'"):
        on_device(name)
