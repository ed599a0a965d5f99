"""Is the embedding still alive? Numbers that fall to nothing when points or directions collapse.

    alignment        mean ‖z − z⁺‖² over the pairs of one class         0: classes are points
    uniformity       log mean exp(−t‖z − z'‖²) over all pairs           0: everything is one point
    mean distances   mean ‖z − z'‖ of similar, of dissimilar pairs      two curves of training
    effective rank   how many directions the points use                 1: all on a line

A small alignment is good in itself, and so is a uniformity far below 0; an alignment of 0 with
a uniformity of 0 is collapse. Both are meant for rows of length 1, where distances end at 2. Here
they are computed from the embeddings as they are: scale the rows first to compare with the paper.

Sources: Wang and Isola (2020), Understanding contrastive representation learning through alignment
and uniformity on the hypersphere, ICML, section 4; Roy and Vetterli (2007), The effective rank,
EUSIPCO. Chapters 10 and 11.
"""

from dataclasses import dataclass
from math import exp, log, nan, sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..geometry.arrays import take
from ..geometry.pairwise import row_blocks
from ..tuples import class_codes

# Below this share of their length rows differ too little to be told apart by a network's rounding.
COLLAPSED = 1e-3


class MeanDistances(NamedTuple):
    """The mean distance of the pairs of one class and of two classes; NaN where there is none."""

    similar: float
    dissimilar: float


@dataclass(frozen=True)
class CollapseReport:
    """Whether points or directions have collapsed, in numbers.

    alignment, uniformity, effective_rank: as the functions say; alignment is NaN where no class has
    two samples. spread: √(mean ‖z − z̄‖² / mean ‖z‖²), from 0 for one point to 1 for rows around the
    origin. collapsed: whether the spread is below 0.001. dimensions: the length of a row.

    ``collapsed`` is a statement about all points together. Classes that have become one while
    others stand apart show in ``mean_distances`` and in retrieval.
    """

    alignment: float
    uniformity: float
    effective_rank: float
    spread: float
    dimensions: int

    @property
    def collapsed(self) -> bool:
        return self.spread < COLLAPSED

    def __str__(self) -> str:
        verdict = "collapsed to one point" if self.collapsed else "not collapsed"
        used = f"{self.effective_rank:.1f} of {self.dimensions} directions"
        numbers = f"alignment {self.alignment:.3g}, uniformity {self.uniformity:.3g}"
        return f"{verdict}: spread {self.spread:.3g}, {used}; {numbers}"


def alignment(Z: Any, labels: Any) -> float:
    """Mean ‖z − z⁺‖² over all pairs of one class; every pair counts the same.

    Z: (n, d), NumPy or tensor, nothing is scaled; labels: (n,) of any kind. Computed class by class
    from Σ_{i<j} ‖zᵢ − zⱼ‖² = s Σᵢ ‖zᵢ − z̄‖² for s samples: no pair is formed. Exactly 0 where each
    class is one point. Raises ``ValueError`` where no class has two samples, and for shapes that do
    not fit, NaN or infinity.
    """
    value = _alignment(*_taken(Z, labels))
    if value != value:
        raise ValueError("Every class has one sample: there is no pair of one class to measure.")
    return value


def uniformity(Z: Any, t: float = 2.0, max_bytes: int | None = None) -> float:
    """log mean exp(−t‖z − z'‖²) over all pairs of different samples; at most 0.

    Z: (n, d), NumPy or tensor, nothing is scaled. The mean is taken relative to its largest term,
    so far points give no −∞. Exactly 0 where all points are one. Working memory is max_bytes (64
    MiB on the CPU, 1 GiB on a GPU) beside float64 copies of the points. Raises ``ValueError`` for
    fewer than two samples, t ≤ 0, NaN or infinity.
    """
    z = _points(Z)
    if not 0 < t < float("inf"):
        raise ValueError(f"t is {t}: expected a positive number; the paper uses 2.")
    if len(z) < 2:
        raise ValueError(f"Z has {len(z)} rows: expected two or more, there is no pair otherwise.")
    parts = [_exponentials(block, rows, t) for rows, block in row_blocks(z, max_bytes)]
    tops, sums = (torch.cat(part) for part in zip(*parts, strict=True))
    total = ((tops - tops.max()).exp() * sums).sum()
    return float(tops.max() + (total / (len(z) * (len(z) - 1))).log())


def mean_distances(Z: Any, labels: Any, max_bytes: int | None = None) -> MeanDistances:
    """The mean distance ‖z − z'‖ of all pairs of one class, and that of all pairs of two.

    Z: (n, d), NumPy or tensor; labels: (n,) of any kind. Every pair counts the same. NaN for a kind
    that has no pair. Working memory as for ``uniformity``. Raises ``ValueError`` for shapes that do
    not fit, NaN or infinity. Source: figure 2 of Kaya and Bilge (2019), Deep metric learning: a
    survey, Symmetry 11, 1066.
    """
    z, codes = _taken(Z, labels)
    within, every = (torch.zeros((), dtype=torch.float64, device=z.device) for _ in range(2))
    for rows, block in row_blocks(z, max_bytes):
        distances = block.sqrt_()
        every += distances.sum()
        within += distances.mul_(codes[rows, None] == codes).sum()
    pairs = int(codes.bincount().square().sum()) - len(z)  # ordered, of one class
    others = len(z) * (len(z) - 1) - pairs
    return MeanDistances(
        float(within) / pairs if pairs else nan,
        float(every - within) / others if others else nan,
    )


def effective_rank(Z: Any) -> float:
    """exp(entropy) of the centred embeddings' singular values, as shares of their sum.

    Z: (n, d), NumPy or tensor. d for points spread equally in all directions, 1 for points on
    a line, 0 where all points are one. Raises ``ValueError`` for NaN or infinity.
    """
    return _effective_rank(_centred(_points(Z)))


def collapse_report(Z: Any, labels: Any) -> CollapseReport:
    """All of it at once: see ``CollapseReport``. Z: (n, d), two rows or more; labels: (n,)."""
    z, codes = _taken(Z, labels)
    centred = _centred(z)
    length, spread = float(z.square().sum()), float(centred.square().sum())
    return CollapseReport(
        alignment=_alignment(z, codes),
        uniformity=uniformity(z),
        effective_rank=_effective_rank(centred),
        spread=sqrt(spread / length) if length else 0.0,
        dimensions=z.shape[1],
    )


def _alignment(z: Tensor, codes: Tensor) -> float:
    sizes = codes.bincount()
    order = codes.argsort(stable=True)
    first = order[sizes.cumsum(0) - sizes]
    moved = z - z[first][codes]  # exactly 0 where a class is one point
    means = torch.zeros_like(z[: len(sizes)]).index_add_(0, codes, moved) / sizes[:, None]
    squares = (moved - means[codes]).square().sum(1)
    pairs = float((sizes * (sizes - 1)).sum()) / 2
    return float((sizes[codes] * squares).sum()) / pairs if pairs else nan


def _exponentials(squares: Tensor, rows: slice, t: float) -> tuple[Tensor, Tensor]:
    """The largest exponent of each row, and the sum of the exponentials relative to it."""
    exponents = squares.mul_(-t)
    exponents.diagonal(rows.start).fill_(-torch.inf)
    tops = exponents.amax(1)
    return tops, exponents.sub_(tops[:, None]).exp_().sum(1)


def _effective_rank(centred: Tensor) -> float:
    values = torch.linalg.svdvals(centred)
    total = float(values.sum())
    if not total:
        return 0.0
    shares = [share for share in (values / total).tolist() if share > 0]
    return exp(-sum(share * log(share) for share in shares))


def _centred(z: Tensor) -> Tensor:
    """Rows minus their mean, exactly 0 where all rows are one."""
    moved = z - z[:1]
    return moved - moved.mean(0)


def _points(Z: Any) -> Tensor:
    (z,), _ = take(Z=Z)
    if not len(z):
        raise ValueError("Z has no rows: expected an embedding in each.")
    return z.detach().double()


def _taken(Z: Any, labels: Any) -> tuple[Tensor, Tensor]:
    z = _points(Z)
    codes = class_codes(labels)
    if len(codes) != len(z):
        raise ValueError(
            f"labels has {len(codes)} entries and Z {len(z)} rows: expected one label for each."
        )
    return z, torch.from_numpy(codes).to(z.device)
