"""Nearest points of convex sets, and of an intersection of several (chapter 03).

A closed convex set has exactly one point P(x) nearest to x, and P(x) is the point of the set with
⟨x − P(x), z − P(x)⟩ ≤ 0 for every z in it (the projection theorem). For one half-space it is a
formula that costs O(d²) for a (d, d) matrix; for the PSD cone it takes an eigendecomposition, O(d³)
(``cone.project_psd``). For an intersection there is no formula, only rounds over its sets:

    alternating projections   x ← Pᵢ(x)                               some common point
    Dykstra                   x ← Pᵢ(x + pᵢ), pᵢ ← pᵢ + the x before − x   the nearest common point

Half-spaces fill the second part of this file with another measure: the LogDet divergence in place
of the Euclidean distance, as the method of chapter 06 needs it.

NumPy in, NumPy out; tensor in, tensor out, same device and dtype (integers give float64), computed
in float64. Only ``bregman_divergence`` is differentiated.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from .arrays import Array, GiveBack, expect_finite, expect_matrix, expect_square, take_any
from .cone import asymmetry, symmetric_part, tolerance

# ---------------------------------------------------------------- one set


def project_halfspace(x: Array, a: Array, b: float) -> Array:
    """The point nearest to x of the half-space {z : ⟨a, z⟩ ≤ b}: x − max(0, ⟨a, x⟩ − b)/‖a‖² · a.

    A point inside comes back bit for bit. x and a have one shape: vectors, or matrices with the
    Frobenius inner product ⟨a, x⟩ = Σ aᵢⱼxᵢⱼ; a symmetric a keeps a symmetric x symmetric. With
    a = 0 the set is everything (b ≥ 0) or nothing (b < 0). b = ∞ gives everything.

    Raises ``ValueError`` where the shapes differ, for NaN or infinity in x or a, a b that is NaN,
    and where the set is empty; ``TypeError`` as ``arrays.take`` does. Chapter 03.
    """
    (point, normal), give_back = take_any(x=x, a=a)
    return give_back(_halfspace("x", point, "a", normal, _bound(b)))


def project_budget(M: Array, A: Array) -> Array:
    """The matrix nearest to M of the half-space {M : ⟨A, M⟩ ≤ 1}, in Frobenius norm.

    With A = Σ (xᵢ − xⱼ)(xᵢ − xⱼ)ᵀ over similar pairs, ⟨A, M⟩ is the sum of their squared distances
    under M: the constraint of MMC. M, A: (d, d). Errors as for ``project_halfspace``. Source: Xing
    et al. (2002), NIPS 15, section 2.2. Chapters 03 and 04.
    """
    (matrix, normal), give_back = take_any(M=M, A=A)
    expect_matrix("M", matrix)
    expect_square("M", matrix)
    return give_back(_halfspace("M", matrix, "A", normal, 1.0))


def _halfspace(x_name: str, x: Tensor, a_name: str, a: Tensor, b: float) -> Tensor:
    _expect_alike(x_name, x, a_name, a)
    x, a = x.detach().double(), a.detach().double()
    flat = not a.any()
    if b == -torch.inf or (flat and b < 0):
        raise ValueError(
            f"{a_name} is {'zero' if flat else 'not zero'} and b is {b:g}: no point z has "
            f"⟨{a_name}, z⟩ ≤ b, the half-space is empty. Expected a finite b, and b ≥ 0 where "
            f"{a_name} is zero."
        )
    if flat:
        return x.clone()
    # A power of two takes the size out of a, so that no square overflows and no digit changes.
    size = a.abs().max().log2().floor().exp2()
    a, b = a / size, b / float(size)
    excess = (a * x).sum() - b
    return x.clone() if excess <= 0 else x - excess / a.square().sum() * a


# ---------------------------------------------------------------- several sets


def alternating_projections(
    x: Array, projections: Sequence[Callable], max_iter: int = 1000, tol: float = 1e-9
) -> Array:
    """A point that all sets have in common: each set's projection in turn, until none moves it.

    One of their common points, in general not the one nearest to x; for that see ``dykstra``. (For
    two affine sets it is the nearest.) The rounds end when no projection of a whole round moves the
    point by more than tol times its size, the largest norm met so far. So the result lies in the
    last set, and within len(projections)·tol·size of every other.

    x: an array of any shape. projections: callables, each of which takes a point in float64, of x's
    kind and shape, and returns the nearest point of its set. After max_iter rounds a
    ``ConvergenceWarning`` says how far the last one moved. Raises ``ValueError`` or ``TypeError``
    where x is not finite, and where a projection returns something else than a finite array of x's
    shape. Sources: von Neumann (1950), Functional Operators II; Bregman (1965), Doklady 162,
    487-490. Chapter 03.
    """
    start, give_back = _point(x)
    steps = _alternating(start, _applied(projections, give_back))
    count = len(projections)
    return give_back(_settled("alternating_projections", steps, start, count, max_iter, tol))


def dykstra(
    x: Array, projections: Sequence[Callable], max_iter: int = 1000, tol: float = 1e-9
) -> Array:
    """The point nearest to x that all sets have in common: projections with a memory of each set.

    Set i keeps a correction pᵢ, zero at first, and its turn is y = Pᵢ(x + pᵢ), pᵢ ← x + pᵢ − y,
    x ← y. The corrections of a round change by the moves of that round: pᵢ becomes pᵢ + (x − y). So
    one rule watches both: the rounds end when no single move of a round exceeds tol times the size,
    the largest norm met so far. Comparing the ends of two rounds would not do, because a round may
    go round in a circle, and stand still for as long as its corrections need to be used up.

    The result lies in the last set, as exactly as its projection computes, and within
    len(projections)·tol·size of every other: put the set that has to hold last. How near it is to
    the nearest point depends on the angles between the sets as well. Arguments, warning and errors
    as for ``alternating_projections``. Sources: Boyle and Dykstra (1986), Lecture Notes in
    Statistics 37, 28-47; the stopping rule is that of Birgin and Raydan (2005), SIAM Journal on
    Scientific Computing 26, 1405-1414. Chapter 03.
    """
    start, give_back = _point(x)
    steps = _dykstra(start, _applied(projections, give_back))
    return give_back(_settled("dykstra", steps, start, len(projections), max_iter, tol))


def alternating_steps(x: Array, projections: Sequence[Callable]) -> Iterator[Array]:
    """The point after every single projection of ``alternating_projections``, without an end."""
    start, give_back = _point(x)
    steps = _alternating(start, _applied(projections, give_back))
    return (give_back(step.clone()) for step in steps)


def dykstra_steps(x: Array, projections: Sequence[Callable]) -> Iterator[Array]:
    """The point after every single projection of ``dykstra``, without an end."""
    start, give_back = _point(x)
    steps = _dykstra(start, _applied(projections, give_back))
    return (give_back(step.clone()) for step in steps)


def _alternating(x: Tensor, projections: list[Callable[[Tensor], Tensor]]) -> Iterator[Tensor]:
    while True:
        for project in projections:
            x = project(x)
            yield x


def _dykstra(x: Tensor, projections: list[Callable[[Tensor], Tensor]]) -> Iterator[Tensor]:
    corrections = [torch.zeros_like(x) for _ in projections]
    while True:
        for i, project in enumerate(projections):
            reach = x + corrections[i]
            x = project(reach)
            corrections[i] = reach - x
            yield x


def _settled(
    name: str, steps: Iterator[Tensor], x: Tensor, count: int, max_iter: int, tol: float
) -> Tensor:
    """The point after the first round in which no single step is longer than tol·size."""
    _expect_limits(max_iter, tol)
    size = farthest = float(x.norm())
    for _ in range(max_iter):
        farthest = 0.0
        for y in islice(steps, count):
            farthest = max(farthest, float((y - x).norm()))
            size, x = max(size, float(y.norm())), y
        if farthest <= tol * size:
            return x
    warn_not_converged(
        f"{name} ended after {max_iter} rounds: a projection of the last round still moved the "
        f"point by {farthest:.3g}, and tol·size is {tol * size:.3g}. Raise max_iter or tol. Where "
        f"the sets have no point in common, no number of rounds is enough."
    )
    return x


# ---------------------------------------------------------------- Bregman


def project_logdet(M: Array, v: Array, b: float) -> Array:
    """The matrix nearest to M in LogDet divergence with vᵀMv = b: M + (b − p)/p² · M v vᵀ M.

    p = vᵀMv, the value before. The result minimises D(X, M) = tr(XM⁻¹) − log det(XM⁻¹) − d over
    {X : vᵀXv = b}; its inverse is M⁻¹ plus a multiple of vvᵀ, so it stays positive definite and
    needs no projection onto the cone: O(d²), no eigenvalue. With v = xᵢ − xⱼ, b is a squared
    distance.

    M: (d, d), symmetric positive definite (of which only p > 0 is tested), v: (d,), b > 0. The
    result is exactly symmetric. Raises ``ValueError`` where M is not symmetric, shapes disagree, a
    value is not finite, p ≤ 0 or b ≤ 0. Source: Davis et al. (2007), ICML, Information-theoretic
    metric learning, Algorithm 1. Chapters 03 and 06.
    """
    (matrix, direction), give_back = take_any(M=M, v=v)
    _expect_form(matrix, direction)
    b = _bound(b)
    if not 0 < b < torch.inf:
        raise ValueError(f"b is {b:g}: expected a positive, finite number, as vᵀMv is positive.")
    matrix, direction = symmetric_part(matrix), direction.detach().double()
    image = matrix @ direction
    p = direction @ image
    if not p > 0:
        raise ValueError(
            f"vᵀMv is {p:.6g}: expected a positive number. Either v is zero, or M is not positive "
            f"definite; a LogDet divergence is finite only where it is."
        )
    image = image / p
    return give_back(matrix + (b - p) * torch.outer(image, image))


def bregman_divergence(potential: Callable[[Tensor], Tensor], X: Array, Y: Array) -> Array:
    """Bregman divergence of a convex φ: D(X, Y) = φ(X) − φ(Y) − ⟨∇φ(Y), X − Y⟩.

    How far φ at X lies above its tangent at Y: never negative, zero at X = Y. ½‖·‖² gives half the
    squared Euclidean distance, Σ x log x − x the generalised Kullback-Leibler divergence, and
    −log det the LogDet divergence. It is a small difference of large terms where X is near Y;
    ``logdet_divergence`` and ``kl_discrete`` keep digits that this loses.

    potential: takes a float64 tensor of X's shape, returns a tensor of one number; torch finds its
    gradient. X, Y: arrays of one shape, also NumPy arrays; the result is one number. Gradients flow
    to both. Raises ``ValueError`` where the shapes differ, where X or Y is not finite and where the
    result is NaN (outside the domain of φ); ``TypeError`` where φ returns no tensor of one number.
    Source: Bregman (1967), USSR Computational Mathematics and Mathematical Physics 7, 200-217.
    """
    (x, y), give_back = take_any(X=X, Y=Y)
    _expect_alike("X", x, "Y", y)
    graph = torch.is_grad_enabled() and (x.requires_grad or y.requires_grad)
    with torch.enable_grad():
        x, y = x.double(), y.double()
        y = y if y.requires_grad else y.detach().requires_grad_()
        height, base = _potential(potential, x), _potential(potential, y)
        gradient = _gradient(base, y, graph)
        divergence = height - base - (gradient * (x - y)).sum()
    if divergence.isnan():
        raise ValueError(
            f"potential is {height:.6g} at X and {base:.6g} at Y, and the divergence is not a "
            f"number: expected X and Y in the domain of the potential, and a gradient at Y."
        )
    return give_back(divergence if graph else divergence.detach())


def _potential(potential: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    value: Any = potential(x)
    if not isinstance(value, Tensor) or value.numel() != 1:
        what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{type(value)}"
        raise TypeError(
            f"potential returned {what}: expected a tensor of one number, computed by torch's "
            f"functions, so that its gradient is known."
        )
    return value.reshape(())


def _gradient(value: Tensor, y: Tensor, graph: bool) -> Tensor:
    """∂value/∂y, zero where value does not depend on y."""
    if not value.requires_grad:
        return torch.zeros_like(y)
    (gradient,) = torch.autograd.grad(value, y, create_graph=graph, allow_unused=True)
    return torch.zeros_like(y) if gradient is None else gradient


# ---------------------------------------------------------------- functions of the caller


def handed(function: Callable, name: str, give_back: GiveBack) -> Callable[[Tensor], Tensor]:
    """The caller's function as one of float64 tensors: it gets a copy, and its result is checked.

    What the function returns must be a finite array of its argument's shape.
    """
    hand = GiveBack(give_back.numpy, torch.float64)

    def call(x: Tensor) -> Tensor:
        result: Any = function(hand(x.clone()))
        if result is None:
            raise TypeError(f"{name} returned None: expected an array of shape {tuple(x.shape)}.")
        (y,), kind = take_any(**{name: result})
        if kind.numpy != give_back.numpy or y.device != x.device or y.shape != x.shape:
            raise ValueError(
                f"{name} returned {_described(y, kind)}: expected {_described(x, give_back)}, as "
                f"it was given."
            )
        if not y.isfinite().all():
            raise ValueError(f"{name} returned NaN or infinity: expected finite numbers.")
        return y.detach().double().clone()

    return call


def _described(x: Tensor, kind: GiveBack) -> str:
    what = "a NumPy array" if kind.numpy else f"a tensor on {x.device}"
    return f"{what} of shape {tuple(x.shape)}"


def _applied(projections: Sequence[Callable], give_back: GiveBack) -> list[Callable]:
    if callable(projections) or not len(projections):
        raise TypeError(
            f"projections is {projections!r}: expected a sequence of functions, one for each set, "
            f"such as [project_psd]."
        )
    return [handed(f, f"projections[{i}]", give_back) for i, f in enumerate(projections)]


def _point(x: Array) -> tuple[Tensor, GiveBack]:
    """x in float64, finite, and the way back."""
    (point,), give_back = take_any(x=x)
    expect_finite("x", point)
    return point.detach().double(), give_back


def warn_not_converged(message: str) -> None:
    """Warn with scikit-learn's ``ConvergenceWarning``, in the name of the caller's line."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.warn(message, ConvergenceWarning, stacklevel=4)


# ---------------------------------------------------------------- what may come in


def _expect_alike(x_name: str, x: Tensor, a_name: str, a: Tensor) -> None:
    if x.shape != a.shape:
        raise ValueError(
            f"{x_name} has shape {tuple(x.shape)} and {a_name} has shape {tuple(a.shape)}: "
            f"expected one shape for both."
        )
    expect_finite(x_name, x)
    expect_finite(a_name, a)


def _expect_form(M: Tensor, v: Tensor) -> None:
    """Raise ``ValueError`` unless vᵀMv can be formed, of finite values and a symmetric M."""
    expect_matrix("M", M)
    expect_square("M", M)
    if v.shape != M.shape[:1]:
        raise ValueError(
            f"v has shape {tuple(v.shape)} and M has shape {tuple(M.shape)}: expected v of shape "
            f"({len(M)},)."
        )
    expect_finite("M", M)
    expect_finite("v", v)
    lopsided = asymmetry("M", M, tolerance(M) * symmetric_part(M).abs().max())
    if lopsided:
        raise ValueError(lopsided)


def _bound(b: float) -> float:
    bound = float(b)
    if bound != bound:
        raise ValueError("b is nan: expected a number.")
    return bound


def _expect_limits(max_iter: int, tol: float) -> None:
    if max_iter < 1 or not tol >= 0:
        raise ValueError(
            f"max_iter is {max_iter} and tol is {tol}: expected max_iter ≥ 1 and tol ≥ 0."
        )
