"""Which axioms of a metric a matrix of distances obeys, and where it breaks one (chapter 01).

A finite check: by one counterexample it shows that a formula is no metric. It cannot show that a
formula is one, because other points might break what these obey.

Distances are rounded numbers, so an axiom counts as broken from tol times the largest finite entry
upwards. The default tol is 32 eps of D's dtype: points on a line, whose distances add up exactly,
break nothing. Distances whose error is larger than that (an arc cosine near angle zero, say) need a
larger tol.
"""

from dataclasses import dataclass, fields
from math import inf

import torch
from torch import Tensor

from .arrays import Array, first, take_any


def find_triangle_violation(D: Array, tol: float | None = None) -> tuple[int, ...]:
    """Three different points i, j, k for which D[i, k] > D[i, j] + D[j, k], or ().

    Of all such triples, the first by which the inequality fails most. D: (n, n), symmetric or not,
    D[i, j] the distance from i to j; infinity is allowed. With fewer than three points there is
    nothing to find. It takes n³ additions on D's device, and the memory of a few matrices like D.
    Raises ``ValueError`` where D is not square, or holds NaN or minus infinity; ``TypeError`` as
    ``arrays.take`` does.
    """
    return _worst_triple(*_distances(D, tol))


@dataclass(frozen=True)
class Finding:
    """Whether an axiom holds; where it does not, indices that show it, and their numbers."""

    witness: tuple[int, ...] = ()
    evidence: str = ""

    @property
    def holds(self) -> bool:
        return not self.witness

    def __str__(self) -> str:
        return "holds" if self.holds else f"fails: {self.evidence}"


@dataclass(frozen=True)
class AxiomReport:
    """A finding for each axiom of a metric, on the points at hand."""

    never_negative: Finding
    zero_diagonal: Finding
    zero_only_there: Finding
    symmetric: Finding
    triangle_inequality: Finding

    @property
    def is_metric(self) -> bool:
        """Whether every axiom holds."""
        return self.is_pseudo_metric and self.zero_only_there.holds

    @property
    def is_pseudo_metric(self) -> bool:
        """Whether every axiom holds but one: different points may be at distance zero."""
        kept = (self.never_negative, self.zero_diagonal, self.symmetric, self.triangle_inequality)
        return all(finding.holds for finding in kept)

    def __str__(self) -> str:
        lines = [f"{f.name.replace('_', ' '):21}{getattr(self, f.name)}" for f in fields(self)]
        kind = "a pseudo-metric" if self.is_pseudo_metric else "no metric"
        return "\n".join([*lines, f"On these points: {'a metric' if self.is_metric else kind}."])


def axiom_report(D: Array, tol: float | None = None) -> AxiomReport:
    """Which axioms of a metric hold for a matrix of distances, with a witness where one fails.

    Never negative: D[i, j] ≥ 0. Zero diagonal: D[i, i] = 0. Zero only there (the identity of
    indiscernibles): D[i, j] = 0 for no i ≠ j. Symmetric: D[i, j] = D[j, i]. Triangle inequality:
    D[i, k] ≤ D[i, j] + D[j, k], of three different points. Each witness is where the axiom fails
    most. Arguments and errors as for ``find_triangle_violation``.
    """
    A, allowed = _distances(D, tol)
    return AxiomReport(
        _never_negative(A, allowed),
        _zero_diagonal(A, allowed),
        _zero_only_there(A, allowed),
        _symmetric(A, allowed),
        _triangle_inequality(A, allowed),
    )


def _never_negative(A: Tensor, allowed: float) -> Finding:
    i, j = _largest(-A)
    return _finding(A[i, j] < -allowed, (i, j), f"D[{i}, {j}] = {A[i, j]:.4g}")


def _zero_diagonal(A: Tensor, allowed: float) -> Finding:
    i = int(A.diagonal().abs().argmax())
    return _finding(A[i, i].abs() > allowed, (i, i), f"D[{i}, {i}] = {A[i, i]:.4g}")


def _zero_only_there(A: Tensor, allowed: float) -> Finding:
    size = A.abs().fill_diagonal_(inf)
    i, j = _largest(-size)
    counts = ", which is rounding beside the largest" if A[i, j] else ""
    return _finding(size[i, j] <= allowed, (i, j), f"D[{i}, {j}] = {A[i, j]:.4g}{counts}")


def _symmetric(A: Tensor, allowed: float) -> Finding:
    # Infinity in both directions is symmetric, though its difference is NaN.
    skew = (A - A.T).nan_to_num(0, inf, -inf)
    i, j = _largest(skew)
    numbers = f"D[{i}, {j}] = {A[i, j]:.4g}, but D[{j}, {i}] = {A[j, i]:.4g}"
    return _finding(skew[i, j] > allowed, (i, j), numbers)


def _triangle_inequality(A: Tensor, allowed: float) -> Finding:
    triple = _worst_triple(A, allowed)
    if not triple:
        return Finding()
    i, j, k = triple
    direct = f"D[{i}, {k}] = {A[i, k]:.4g}"
    detour = f"D[{i}, {j}] + D[{j}, {k}] = {A[i, j]:.4g} + {A[j, k]:.4g}"
    return Finding(triple, f"{direct}, but {detour}")


def _finding(fails: Tensor, witness: tuple[int, int], evidence: str) -> Finding:
    return Finding(witness, evidence) if fails else Finding()


def _worst_triple(A: Tensor, allowed: float) -> tuple[int, ...]:
    """Compares each D[i, k] with the shortest way over a third point, found one j at a time."""
    # What the diagonal holds belongs to other axioms: as a step it is too long to be of use.
    step = A.clone().fill_diagonal_(inf)
    shortest, way = torch.full_like(A, inf), torch.empty_like(A)
    for j in range(len(A)):
        torch.add(step[:, j, None], step[j], out=way)
        torch.minimum(shortest, way, out=shortest)
    excess = (A - shortest).nan_to_num(-inf, inf, -inf).fill_diagonal_(-inf)
    i, k = _largest(excess)
    if excess[i, k] <= allowed:
        return ()
    return i, _place_of_largest(-(step[i] + step[:, k])), k


def _largest(A: Tensor) -> tuple[int, int]:
    row, column = divmod(_place_of_largest(A.flatten()), len(A))
    return row, column


def _place_of_largest(values: Tensor) -> int:
    """The first place of all that are largest up to a billionth, so that no rounding decides."""
    return int(values.isclose(values.max(), rtol=1e-9, atol=0).nonzero()[0])


def _distances(D: Array, tol: float | None) -> tuple[Tensor, float]:
    """D in float64, checked, and by how much an axiom may fail through rounding."""
    (A,), _ = take_any(D=D)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not len(A):
        raise ValueError(
            f"D has shape {tuple(A.shape)}: expected a square matrix (n, n), one distance for each "
            f"pair of points."
        )
    bad = A.isnan() | A.isneginf()
    if bad.any():
        where, value = first("D", A, bad)
        raise ValueError(f"{where} is {value}: expected a number, or inf for points without a way.")
    tol = 32 * torch.finfo(A.dtype).eps if tol is None else tol
    A = A.detach().double()
    return A, tol * float(torch.where(A.isfinite(), A.abs(), 0).max())
