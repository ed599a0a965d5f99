"""The margins of LMNN at one L: target pairs, the impostors that can matter, hinges, gradient.

Of the n²·k triplets few are ever active. ``Margins`` keeps a list of pairs (point, impostor) that
contains every active one, up to rounding, made anew by ``look_around`` when the caller has moved
far. Between two looks value and gradient cost a multiple of the length of that list, not of n².
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..geometry.pairwise import default_bytes

SMALL = 1e-3  # of a margin for each target pair: a change of ε below that counts for nothing


class Squares(NamedTuple):
    """Squared distances: of the target pairs, and of the pairs (point, impostor). Linear in M."""

    pull: Tensor
    push: Tensor


class Measure(NamedTuple):
    """The objective, its smoothed form, and how much each hinge counts.

    exact, smooth: the objective with hinges, and with hinges rounded off; shares: (q, k) between 0
    and 1, the derivative of each hinge of a pair; pulls: (n, k), the shares each target has caused.
    """

    exact: float
    smooth: float
    shares: Tensor
    pulls: Tensor


class Margins:
    """Points X (n, d), labels y (n,), targets (n, k) with −1 for none, and the weight μ."""

    def __init__(self, X: Tensor, y: Tensor, targets: Tensor, mu: float) -> None:
        self.X, self.y, self.targets, self.mu = X, y, targets, mu
        self.anchor, self.slot = (targets >= 0).nonzero(as_tuple=True)
        self.target = targets[self.anchor, self.slot]
        self.point = self.impostor = self.anchor[:0]
        self.small = SMALL * len(self.anchor)

    def thinned(self, most: int) -> "Margins":
        """The same points, of which about ``most`` keep their targets: evenly many of each class.

        The objective of these margins is about the whole one times the share of points kept.
        """
        order = self.y.argsort(stable=True)
        kept = order[:: -(-len(order) // most)]
        targets = torch.full_like(self.targets, -1)
        targets[kept] = self.targets[kept]
        return Margins(self.X, self.y, targets, self.mu)

    def look_around(self, L: Tensor, slack: float = 0.0) -> None:
        """List the pairs (i, l) of two classes with ‖L(xᵢ − xₗ)‖² < 1 + ‖L(xᵢ − xⱼ)‖² + slack for
        some target j of i."""
        Z = self.X @ L.T
        reach = self.thresholds(self._between(Z, self.anchor, self.target)).amax(1) + slack
        norms = (Z * Z).sum(1)
        points, impostors = [], []
        step = max(1, default_bytes(Z.device) // (4 * Z.element_size() * len(Z)))
        for i in self.anchor.unique().split(step):
            over = torch.addmm(norms, Z[i], Z.T, alpha=-2)
            over = over.add_((norms[i] - reach[i])[:, None]) < 0
            over &= self.y[i, None] != self.y
            row, column = over.nonzero(as_tuple=True)
            points.append(i[row])
            impostors.append(column)
        self.point, self.impostor = torch.cat(points), torch.cat(impostors)

    @property
    def pairs(self) -> Tensor:
        """The list as one number i·n + l for each pair."""
        return self.point * len(self.X) + self.impostor

    def add(self, pairs: Tensor) -> None:
        """Put on the list the pairs, numbers as above, that are not on it."""
        both = torch.cat([self.pairs, pairs]).unique()
        self.point, self.impostor = both // len(self.X), both % len(self.X)

    def squares(self, Z: Tensor) -> Squares:
        """The squared distances of the images Z (n, r)."""
        return Squares(
            self._between(Z, self.anchor, self.target),
            self._between(Z, self.point, self.impostor),
        )

    def thresholds(self, pull: Tensor) -> Tensor:
        """1 + d²(i, j) for each target j of i, (n, k); −∞ where there is no target."""
        limits = pull.new_full(self.targets.shape, -torch.inf)
        limits[self.anchor, self.slot] = 1 + pull
        return limits

    def measure(self, squares: Squares, width: float) -> Measure:
        """The objective at these distances, its hinges rounded off on [−width, width]."""
        z = self.thresholds(squares.pull).index_select(0, self.point) - squares.push[:, None]
        hinge, shares = soft_hinge(z, width)
        pull = (1 - self.mu) * squares.pull.sum(dtype=torch.float64)
        exact = pull + self.mu * z.clamp(min=0).sum(dtype=torch.float64)
        smooth = pull + self.mu * hinge.sum(dtype=torch.float64)
        pulls = torch.zeros_like(self.targets, dtype=z.dtype).index_add_(0, self.point, shares)
        return Measure(float(exact), float(smooth), shares, pulls)

    def value_and_gradient(self, L: Tensor, width: float) -> tuple[Measure, Tensor]:
        """The measure at L, and the gradient of its smooth part: 2 (graph Laplacian · Z)ᵀ X."""
        Z = self.X @ L.T
        measure = self.measure(self.squares(Z), width)
        return measure, 2 * self.laplacian(Z, measure, 1 - self.mu).T @ self.X

    def laplacian(self, Z: Tensor, measure: Measure, pull: float = 0.0) -> Tensor:
        """Rows Σⱼ wᵢⱼ (zᵢ − zⱼ), where w is the derivative of the objective by each square.

        ``pull`` is the weight that every target pair has beside its hinges: 1 − μ for the whole
        objective, 0 for the push term alone.
        """
        out = torch.zeros_like(Z)
        there = measure.pulls[self.anchor, self.slot]
        self._spread(out, Z, self.anchor, self.target, pull + self.mu * there)
        weight = -self.mu * measure.shares.sum(1)
        on = weight.nonzero().squeeze(1)
        self._spread(out, Z, self.point[on], self.impostor[on], weight[on])
        return out

    def _between(self, Z: Tensor, i: Tensor, j: Tensor) -> Tensor:
        parts = [
            (Z.index_select(0, a) - Z.index_select(0, b)).square_().sum(1)
            for a, b in zip(*self._parts(Z, i, j), strict=True)
        ]
        return torch.cat(parts)

    def _spread(self, out: Tensor, Z: Tensor, i: Tensor, j: Tensor, weight: Tensor) -> None:
        for a, b, w in zip(*self._parts(Z, i, j, weight), strict=True):
            gap = (Z.index_select(0, a) - Z.index_select(0, b)).mul_(w[:, None])
            out.index_add_(0, a, gap)
            out.index_add_(0, b, gap, alpha=-1)

    def _parts(self, Z: Tensor, *lists: Tensor) -> list[tuple[Tensor, ...]]:
        """The lists in pieces whose differences stay within the working memory."""
        row = 4 * Z.element_size() * max(1, Z.shape[1])
        return [part.split(max(1, default_bytes(Z.device) // row)) for part in lists]


def soft_hinge(z: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """[z]₊ with its kink rounded off on [−w, w] by the parabola (z + w)²/4w, and its derivative."""
    share = ((z + width) / (2 * width)).clamp(0, 1)
    return torch.where(z > width, z, width * share * share), share
