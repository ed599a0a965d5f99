"""Pen lines as grey pictures: the share of each pixel that a pen of some width has covered.

Only pixels near a line are visited. Each segment is cut into pieces about a pixel long; around each
piece lies a small window of pixels, and a pixel keeps the most ink that any piece gives it. That is
the ink of the nearest point of the line, at a hundredth of the cost of asking all pixels about all
segments, and no piece has to wait for another: the same code runs on a processor and on a GPU.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# The longest piece, in pixels.
PIECE = 1.0

# Working memory of one segment while it is clipped and counted, and of one pixel of a window.
BYTES_PER_SEGMENT = 320
BYTES_PER_PIXEL = 80


def render_polylines(
    points: Tensor,
    size: int | tuple[int, int] = 28,
    width: float | Tensor = 1.1,
    max_bytes: int = 2**26,
) -> Tensor:
    """Images (n, height, width) of n polylines: ink 1 where the pen covers a pixel, 0 on paper.

    With δ the distance from a pixel's centre to the nearest point of the line and h half the pen's
    width, all in pixels, ink = min(δ + ½, h) − max(δ − ½, −h), not below 0: the covered share of a
    unit interval across the line, which is the covered share of the pixel for a line along the
    grid. Crossing lines do not darken each other.

    points: (n, p, 2) floats, x to the right and y downwards in pixels; pixel (r, c) is the square
    from (c, r) to (c + 1, r + 1). A point with NaN lifts the pen, so polylines of different lengths
    are filled up with NaN. A single point between two NaN draws nothing; given twice, it draws a
    dot. Lines may leave the image. ``size``: side or (height, width); ``width``: of the pen, one
    number or (n,). The result has the device and dtype of ``points`` (float32 or float64) and no
    gradient. Working memory beside it is about ``max_bytes``.

    Raises ``TypeError`` where ``points`` is not such a tensor, ``ValueError`` for other shapes,
    an infinite coordinate, a pen not wider than 0 or not finite, an image without pixels or no
    memory.
    """
    _expect_points(points)
    if max_bytes < 1:
        raise ValueError(f"max_bytes is {max_bytes}: expected a number of bytes above 0.")
    rows, columns = _expect_size(size)
    half = _half_width(width, points)
    images = points.new_zeros(len(points), rows, columns)
    if not images.numel() or points.shape[1] < 2:
        return images
    with torch.no_grad():
        canvas = Canvas(images.view(-1), rows, columns, half, 0.5 + half.max().item())
        for segments in _segments(points.detach(), max(1, max_bytes // BYTES_PER_SEGMENT)):
            _draw(canvas, canvas.clip(segments), max_bytes)
    return images


class Segments(NamedTuple):
    """Straight lines from ``start`` (s, 2) by ``step`` (s, 2), each on its ``image`` (s,)."""

    image: Tensor
    start: Tensor
    step: Tensor


class Canvas(NamedTuple):
    """All pixels in one row, with half the pen's width for each image and how far ink reaches."""

    pixels: Tensor
    rows: int
    columns: int
    half: Tensor
    reach: float

    def clip(self, segments: Segments) -> Segments:
        """The parts of segments that can leave ink: within reach of the image (Liang and Barsky).

        The nearest point of a line to a pixel that it inks lies there, so no distance changes.
        """
        image, start, step = segments
        high = start.new_tensor([self.columns, self.rows]) + self.reach
        bounds = torch.stack([-self.reach - start, high - start]) / step
        inside = (start >= -self.reach) & (start <= high)
        # A line that stands still along an axis is inside all the time or never; 0/0 is NaN.
        still = step == 0
        enter = bounds.amin(0).masked_fill(still, 0).amax(1).clamp(min=0)
        leave = bounds.amax(0).masked_fill(still, 1).amin(1).clamp(max=1)
        kept = (enter <= leave) & (inside | ~still).all(1)
        enter, leave = enter[kept, None], leave[kept, None]
        start, step = start[kept], step[kept]
        return Segments(image[kept], start + enter * step, (leave - enter) * step)


def _segments(points: Tensor, count: int) -> Iterator[Segments]:
    """All segments whose two ends are numbers, at most ``count`` at a time."""
    n, p, _ = points.shape
    flat = points.reshape(-1, 2)
    for first in range(0, n * (p - 1), count):
        number = torch.arange(first, min(first + count, n * (p - 1)), device=points.device)
        image = number // (p - 1)
        start = flat[number + image]
        step = flat[number + image + 1] - start
        drawn = ~step.isnan().any(1)
        yield Segments(image[drawn], start[drawn], step[drawn])


def _draw(canvas: Canvas, segments: Segments, max_bytes: int) -> None:
    """Put the ink of clipped segments on the canvas, some pieces at a time."""
    # Whatever the other images hold, a segment is cut at the same points.
    side = int(PIECE + 2 * canvas.reach) + 1
    counts = (segments.step.square().sum(1).sqrt() / PIECE).ceil().long().clamp(min=1)
    ends = counts.cumsum(0)
    count = max(1, max_bytes // (BYTES_PER_PIXEL * side**2))
    for first in range(0, int(ends[-1]) if len(ends) else 0, count):
        piece = torch.arange(first, min(first + count, int(ends[-1])), device=ends.device)
        of = torch.searchsorted(ends, piece, right=True)
        step = segments.step[of] / counts[of, None]
        start = segments.start[of] + (piece - ends[of] + counts[of])[:, None] * step
        _ink(canvas, Segments(segments.image[of], start, step), side)


def _ink(canvas: Canvas, pieces: Segments, side: int) -> None:
    """Put the ink of short pieces on the canvas, each in its window of side × side pixels."""
    image, start, step = pieces
    corner = (torch.minimum(start, start + step) - canvas.reach - 0.5).ceil()
    window = torch.arange(side, device=start.device)
    column = corner[:, 0, None, None].long() + window
    row = corner[:, 1, None, None].long() + window[:, None]
    x, y = column + 0.5 - start[:, 0, None, None], row + 0.5 - start[:, 1, None, None]
    ink = _coverage(_distance(x, y, step), canvas.half[image, None, None])
    place = (image[:, None, None] * canvas.rows + row) * canvas.columns + column
    on = (column >= 0) & (column < canvas.columns) & (row >= 0) & (row < canvas.rows)
    on = on & (ink > 0)
    canvas.pixels.scatter_reduce_(0, place[on], ink[on], "amax")


def _distance(x: Tensor, y: Tensor, step: Tensor) -> Tensor:
    """Distance of (x, y), windows relative to each start, to the pieces from 0 to ``step``."""
    u, v = step[:, 0, None, None], step[:, 1, None, None]
    length = (u.square() + v.square()).clamp(min=torch.finfo(step.dtype).tiny)
    share = ((x * u + y * v) / length).clamp(0, 1)
    # Not hypot, whose last digit depends on where in memory a number lies.
    return ((x - share * u).square() + (y - share * v).square()).sqrt()


def _coverage(distance: Tensor, half: Tensor) -> Tensor:
    """Share of a unit interval ``distance`` off the line's middle that a pen (2·half) covers."""
    end = torch.minimum(distance + 0.5, half)
    return (end - torch.maximum(distance - 0.5, -half)).clamp(min=0)


def _expect_points(points: Tensor) -> None:
    if not isinstance(points, Tensor) or points.dtype not in (torch.float32, torch.float64):
        got = f"dtype {points.dtype}" if isinstance(points, Tensor) else type(points).__name__
        raise TypeError(
            f"points is {got}: expected a torch tensor of float32 or float64; "
            f"torch.as_tensor(points, dtype=torch.float32) makes one."
        )
    if points.ndim != 3 or points.shape[2] != 2:
        raise ValueError(
            f"points has shape {tuple(points.shape)}: expected (n, p, 2), n polylines of p points "
            f"(x, y). For one polyline write points[None]."
        )
    if points.isinf().any():
        raise ValueError("points holds an infinite coordinate: use NaN where the pen is lifted.")


def _expect_size(size: int | tuple[int, int]) -> tuple[int, int]:
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or min(sides) < 1:
        raise ValueError(f"size is {size}: expected a number of pixels or (height, width), ≥ 1.")
    return sides


def _half_width(width: float | Tensor, points: Tensor) -> Tensor:
    half = torch.as_tensor(width, dtype=points.dtype, device=points.device) / 2
    if half.shape not in ((), (len(points),)):
        raise ValueError(
            f"width has shape {tuple(half.shape)}: expected one number or one for each polyline, "
            f"({len(points)},)."
        )
    half = half.expand(len(points)).contiguous() if half.ndim == 0 else half
    if not ((half > 0) & half.isfinite()).all():
        raise ValueError("width must be above 0 and finite for every polyline.")
    return half


def on_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name, after a try; "auto" is CUDA if there is one, else the CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device is {device!r}, and torch cannot use it here: expected 'auto', 'cpu', or "
            f"'cuda' on a machine with a CUDA device."
        ) from error
