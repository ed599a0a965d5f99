"""Small encoders, and what makes a network Siamese (chapters 10 and 11).

An encoder maps a batch of inputs to embeddings (B, dim). ``MLPEncoder`` reads rows of numbers,
``ConvEncoder`` small images, ``SigNet`` signatures. ``SiameseNetwork`` puts two branches around one
encoder, ``MahalanobisHead`` a linear metric on top. A triplet network needs no class of its own:
its three branches are one encoder too, and one batch.

Weights are drawn from torch's global generator, so ``torch.manual_seed`` before fixes them; with
``random_state=0`` they are the same whatever happened before, and the generator stays as it was.
Every network is float32 on the CPU at first; ``.to(...)`` changes both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from .geometry.pairwise import root

SMALLEST_SIGNATURE = 25  # pixels: three poolings of SigNet leave one value


class MLPEncoder(nn.Module):
    """Linear layers with ReLU between them: (B, …) → (B, dim).

    inputs: how many numbers one sample has; an image (B, 1, 8, 8) has 64. hidden: the widths of the
    hidden layers; () gives one linear map, the L of chapter 02 with an offset. The last layer is
    linear, so an embedding may lie anywhere. It has Σ (a + 1)·b parameters over neighbouring widths
    a, b.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int] = (128,),
        dim: int = 32,
        *,
        random_state: int | None = None,
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden, dim]
        for name, width in zip(["inputs", *["hidden"] * len(hidden), "dim"], widths, strict=True):
            _expect_count(name, width)
        with _seeded(random_state):
            layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        between = [part for layer in layers[:-1] for part in (layer, nn.ReLU())]
        self.layers = nn.Sequential(*between, layers[-1])
        self.inputs = inputs

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings (B, dim) of samples (B, …) that have ``inputs`` numbers each."""
        rows = x.flatten(1) if x.ndim > 1 else x
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: expected (B, {self.inputs}), or more dimensions "
                f"with {self.inputs} numbers a sample."
            )
        return self.layers(rows)


class ConvEncoder(nn.Module):
    """Blocks of convolution, batch normalisation, ReLU and pooling: (B, c, h, w) → (B, dim).

    A block is a 3 × 3 convolution with ``channels`` outputs, BatchNorm, ReLU and 2 × 2 max pooling,
    so it halves height and width. A linear layer on all that is left makes the embedding. Four
    blocks with 64 channels are the network of Vinyals et al. (2016) and Snell et al. (2017) for
    Omniglot: images of 28 × 28 end there as one place of 64 values, which they take as they are;
    with the linear layer an embedding can have any ``dim``, and values of both signs.

    size: (height, width) of the images, each at least 2^blocks; p = (height // 2^blocks)·(width //
    2^blocks) places are left of them. What is left of images of another size is averaged to the
    same grid; on CUDA that has no deterministic algorithm, and ``train(..., deterministic=True)``
    raises unless the size was announced. With k channels, b blocks and c = in_channels there are
    (9c + 3)·k + (b − 1)(9k + 3)·k + (p·k + 1)·dim parameters.
    """

    def __init__(
        self,
        dim: int = 64,
        channels: int = 64,
        blocks: int = 4,
        in_channels: int = 1,
        *,
        size: tuple[int, int] = (28, 28),
        random_state: int | None = None,
    ) -> None:
        super().__init__()
        counts = {"dim": dim, "channels": channels, "blocks": blocks, "in_channels": in_channels}
        for name, count in counts.items():
            _expect_count(name, count)
        self.in_channels, self.smallest = in_channels, 2**blocks
        height, width = _image_size(size, self.smallest, f"{blocks} blocks")
        self.grid = (height // self.smallest, width // self.smallest)
        widths = [in_channels, *[channels] * blocks]
        with _seeded(random_state):
            self.blocks = nn.Sequential(*(_block(a, b) for a, b in pairwise(widths)))
            self.last = nn.Linear(channels * self.grid[0] * self.grid[1], dim)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings (B, dim) of images (B, in_channels, h, w)."""
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            add = " For images (B, h, w) write x[:, None]." if x.ndim == 3 else ""
            raise ValueError(
                f"x has shape {tuple(x.shape)}: expected images (B, {self.in_channels}, h, w).{add}"
            )
        _image_size(x.shape[2:], self.smallest, f"{len(self.blocks)} blocks")
        places = self.blocks(x)
        if places.shape[2:] != self.grid:
            places = nn.functional.adaptive_avg_pool2d(places, self.grid)
        return self.last(places.flatten(1))


class SigNet(nn.Module):
    """The network of Dey et al. (2017) for signatures: (B, 1, h, w) → (B, dim), values ≥ 0.

    11 × 11 convolution to 96 channels; 5 × 5 to 256; 3 × 3 to 384; 3 × 3 to 256; then 1,024 and
    ``dim`` values, ReLU after each. Local response normalisation (5 channels, α = 1e-4, β = 0.75,
    k = 2) and 3 × 3 pooling with stride 2 after the first two, pooling after the fourth, dropout of
    0.3, 0.3 and 0.5. α is as torch and Caffe have it: of the mean of the squares, not of their sum
    as in Krizhevsky et al. (2012). The first convolution has stride 1, as in the paper's table; the
    authors' published code has stride 4, and BatchNorm in place of the response normalisation.
    Weights start as Glorot and Bengio propose (uniform), biases at 0.

    size: (height, width) of the images, (155, 220) in the paper, from (25, 25) on. width: scales
    the channels and the 1,024. The full network has 114 million parameters, nearly all in the first
    linear layer; for images of 32 × 64 and ``width=0.25`` it has 270 thousand. On CUDA its response
    normalisation has no deterministic algorithm: ``train(..., deterministic=True)`` raises there.

    Source: S. Dey et al. (2017), SigNet, arXiv 1707.02131, table 1. Chapter 10.
    """

    def __init__(
        self,
        dim: int = 128,
        size: tuple[int, int] = (155, 220),
        width: float = 1.0,
        *,
        random_state: int | None = None,
    ) -> None:
        super().__init__()
        _expect_count("dim", dim)
        self.size = _image_size(size, SMALLEST_SIGNATURE, "the poolings")
        a, b, c, hidden = (_scaled(count, width) for count in (96, 256, 384, 1024))
        with _seeded(random_state):
            self.features = nn.Sequential(
                *_response(nn.Conv2d(1, a, 11)),
                nn.MaxPool2d(3, 2),
                *_response(nn.Conv2d(a, b, 5, padding=2)),
                nn.MaxPool2d(3, 2),
                nn.Dropout(0.3),
                *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
                *(nn.Conv2d(c, b, 3, padding=1), nn.ReLU()),
                nn.MaxPool2d(3, 2),
                nn.Dropout(0.3),
            )
            places = _pooled(self.size[0]) * _pooled(self.size[1])
            self.dense = nn.Sequential(
                *(nn.Linear(b * places, hidden), nn.ReLU(), nn.Dropout(0.5)),
                *(nn.Linear(hidden, dim), nn.ReLU()),
            )
            self.apply(_glorot)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings (B, dim) of images (B, 1, h, w) of the size that was announced."""
        if x.ndim != 4 or x.shape[1:] != (1, *self.size):
            raise ValueError(
                f"x has shape {tuple(x.shape)}: expected (B, 1, {self.size[0]}, {self.size[1]}). "
                f"Build the network with size=(height, width) of your images."
            )
        return self.dense(self.features(x).flatten(1))


class MahalanobisHead(nn.Module):
    """A linear map without offset on top of an encoder: z ↦ Lz, (B, dim) → (B, rank).

    ‖Lz₁ − Lz₂‖ is the Mahalanobis distance of the embeddings under M = LᵀL (chapter 02). L starts
    as the first ``rank`` rows of the identity (all of them by default).

    bound: C, to keep ‖L‖_F ≤ C; then no distance grows by more than the factor C, because
    ‖Lz‖ ≤ ‖L‖_F ‖z‖. ``project_()`` maps L onto the nearest matrix in that ball: ``train`` calls it
    after each step, which makes a step one of the projected gradient method (chapter 03). A loop of
    your own has to call it too.
    """

    def __init__(self, dim: int, rank: int | None = None, bound: float | None = None) -> None:
        super().__init__()
        rank = dim if rank is None else rank
        for name, count in (("dim", dim), ("rank", rank)):
            _expect_count(name, count)
        if rank > dim:
            raise ValueError(f"rank is {rank} and dim {dim}: expected a rank of at most dim.")
        if bound is not None and not 0 < float(bound) < float("inf"):
            raise ValueError(f"bound is {bound}: expected None or a finite number above 0.")
        self.weight = nn.Parameter(torch.eye(rank, dim))
        self.bound = None if bound is None else float(bound)
        self.project_()

    def forward(self, z: Tensor) -> Tensor:
        """Lz for each row of z."""
        if z.ndim != 2 or z.shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"z has shape {tuple(z.shape)}: expected embeddings (B, {self.weight.shape[1]})."
            )
        return nn.functional.linear(z, self.weight)

    @torch.no_grad()
    def project_(self) -> None:
        """Bring L back into the ball ‖L‖_F ≤ bound, in place: L ← L·min(1, bound/‖L‖_F)."""
        if self.bound is not None:
            # In half precision the sum of squares overflows for lengths from 256 on.
            wide = torch.promote_types(self.weight.dtype, torch.float32)
            length = torch.linalg.vector_norm(self.weight, dtype=wide)
            self.weight.mul_(torch.where(length > self.bound, self.bound / length, 1))

    def get_mahalanobis_matrix(self) -> Tensor:
        """M = LᵀL, (dim, dim), in the dtype and on the device of L, without gradient."""
        L = self.weight.detach()
        return L.T @ L


class SiameseNetwork(nn.Module):
    """Two branches with one set of weights: (x₁, x₂) ↦ (f(x₁), f(x₂)).

    There are no two encoders to keep alike: both inputs go through the same one, and each weight
    collects its gradient from both. They go through **in one pass**, stacked to one batch. In two
    passes BatchNorm would in training measure each input against a batch of its own: the same
    weights, but different statistics, and d(x, x) would not be 0.

    encoder: any module (B, …) → (B, d); head: a module on top of it, such as ``MahalanobisHead``.
    It keeps them, no copies. Source: Bromley et al. (1993), NeurIPS 6. Chapter 10.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Identity() if head is None else head

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings of both inputs, row i of one paired with row i of the other."""
        if x1.shape != x2.shape:
            raise ValueError(
                f"x1 has shape {tuple(x1.shape)} and x2 {tuple(x2.shape)}: expected pairs, "
                f"the same shape twice."
            )
        z1, z2 = self.encode(torch.cat([x1, x2])).tensor_split(2)
        return z1, z2

    def encode(self, x: Tensor) -> Tensor:
        """The embeddings of one input, head included: what is kept of a gallery."""
        return self.head(self.encoder(x))

    def distance(self, x1: Tensor, x2: Tensor) -> Tensor:
        """d(x₁, x₂) = ‖f(x₁) − f(x₂)‖ for each pair, (B,); its derivative at 0 is 0."""
        z1, z2 = self(x1, x2)
        return root((z1 - z2).square().sum(1))


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def _response(layer: nn.Module) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.ReLU(), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _pooled(length: int) -> int:
    """What is left of a height or width: an 11 × 11 convolution, then three poolings."""
    length -= 10
    for _ in range(3):
        length = (length - 3) // 2 + 1
    return length


@contextmanager
def _seeded(random_state: int | None) -> Iterator[None]:
    """Draw from a seed of one's own; None draws from the generator of the caller."""
    if random_state is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(random_state)
        yield


def _scaled(count: int, width: float) -> int:
    if not 0 < width < float("inf"):
        raise ValueError(f"width is {width}: expected a finite number above 0.")
    return max(1, round(count * width))


def _image_size(size: Any, least: int, after: str) -> tuple[int, int]:
    """(height, width) as whole numbers; raises ``ValueError`` where nothing would be left."""
    sides = tuple(size)
    if len(sides) != 2 or min(sides) < least:
        raise ValueError(
            f"The size of an image is {sides}: expected (height, width), each at least {least}, or "
            f"nothing is left of it after {after}."
        )
    return int(sides[0]), int(sides[1])


def _expect_count(name: str, count: Any) -> None:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} is {count!r}: expected a whole number, at least 1.")
