"""05.4, one step of projected subgradient descent on the metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .shared import NONE, dealt, find_targets, hinge, pairs_of, triplets_of

Answer = Callable[..., tuple[np.ndarray, float]]
MOST = 30
# An objective that differs from the old one by a larger share than this is told from it.
CLEAR_SHARE = 1e-3


class Pieces(NamedTuple):
    """The objective as what it is in M: a linear part, and a hinge of a linear one per triplet.

    f(M) = ⟨pull, M⟩ + μ Σ [1 + ⟨push, M⟩]₊
    """

    pull: np.ndarray
    push: np.ndarray
    mu: float


def _outer(X: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    difference = X[i] - X[j]
    return difference[:, :, None] * difference[:, None, :]


def _pieces(X: np.ndarray, y: np.ndarray, targets: np.ndarray, mu: float) -> Pieces:
    pairs = pairs_of(targets)
    i, j, k = triplets_of(y, *pairs)
    return Pieces((1 - mu) * _outer(X, *pairs).sum(axis=0), _outer(X, i, j) - _outer(X, i, k), mu)


def _excess(f: Pieces, M: np.ndarray) -> np.ndarray:
    return 1 + np.einsum("tab,ab->t", f.push, M)


def _value(f: Pieces, M: np.ndarray) -> float:
    return float(np.sum(f.pull * M) + f.mu * hinge(_excess(f, M)).sum())


def _subgradient(f: Pieces, M: np.ndarray) -> np.ndarray:
    return f.pull + f.mu * f.push[_excess(f, M) > 0].sum(axis=0)


def _eigen(A: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    values, vectors = np.linalg.eigh((A + A.T) / 2)
    return (vectors * change(values)) @ vectors.T


def _project(A: np.ndarray) -> np.ndarray:
    return _eigen(A, lambda values: np.maximum(values, 0))


def _tries(step: float, shrink: float, most: int = MOST) -> list[float]:
    return [step / shrink**number for number in range(most + 1)]


# ---------------------------------------------------------------- cases


class Start(NamedTuple):
    """What the answer gets: a metric, labelled points, their targets, μ and a step."""

    M: np.ndarray
    X: np.ndarray
    y: np.ndarray
    targets: np.ndarray
    mu: float
    step: float


def _accepted(f: Pieces, M: np.ndarray, step: float, shrink: float) -> int | None:
    """Which try is accepted; None if one of them is too near to the old objective to tell."""
    old, G = _value(f, M), _subgradient(f, M)
    for number, tried in enumerate(_tries(step, shrink)):
        change = _value(f, _project(M - tried * G)) - old
        if abs(change) < CLEAR_SHARE * abs(old):
            return None
        if change < 0:
            return number
    return None


def _drawn(rng: Rng, variant: Variant, d: int, rank: int, tries: tuple[int, int]) -> Start:
    """A start from which the step shrinks between so many times, and then leaves the cone."""
    shrink = variant["shrink"]
    y = dealt(rng, 5, 4)
    while True:
        X = rng.normal(size=(len(y), d))
        half = rng.uniform(-1, 1, size=(rank, d))
        start = Start(
            half.T @ half, X, y, find_targets(X, y, 2), 0.5, 2.0 ** int(rng.integers(-6, 2))
        )
        if _is_telling(start, shrink, tries):
            return start


def _is_telling(start: Start, shrink: float, tries: tuple[int, int]) -> bool:
    """Whether the cone matters to this start, before and after the objective is asked."""
    M, f = start.M, _pieces(*start[1:5])
    excess = _excess(f, M)
    number = _accepted(f, M, start.step, shrink)
    if np.abs(excess).min() < CLEAR_SHARE or number is None:
        return False
    if not tries[0] <= number <= tries[1]:
        return False
    moved = M - _tries(start.step, shrink)[number] * _subgradient(f, M)
    return bool(np.linalg.eigvalsh(moved)[0] < -0.02)


def _single(start: Start) -> Start:
    return start._replace(M=start.M.astype(np.float32), X=start.X.astype(np.float32))


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(name: str, start: Start, **more: str) -> Case:
        sizes = _sizes(_pieces(*start[1:5]))
        return Case(name, start._asdict(), given={"sizes": sizes}, **more)  # type: ignore[arg-type]

    far = variant["shrink"]
    # So long that half of it and a quarter of it would end lower: each rule takes another one.
    line = Start(
        np.array([[0.0]]),
        np.array([[0.0], [1.0], [3.0]]),
        np.array([0, 0, 1]),
        np.array([[1], [0], [NONE]]),
        0.5,
        0.175,
    )
    # Two classes of two points at one place each, far apart: nothing to pull, nobody too near.
    settled = Start(
        np.diag([1.0, 2.0]),
        np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0], [5.0, 0.0]]),
        np.array([0, 0, 1, 1]),
        np.array([[1], [0], [3], [2]]),
        0.5,
        1.0,
    )
    plane = _drawn(rng, variant, 2, 1, (1, 3))
    return [
        case("three points on a line", line),
        case("three points on a line, a step too long", line._replace(step=1.0)),
        case("a step beyond zero", line._replace(M=np.array([[2.0]]), step=3.0)),
        case(
            "nine points in the plane, the first step is fine", _drawn(rng, variant, 2, 1, (0, 0))
        ),
        case("nine points in the plane, a step too long", plane),
        case("three dimensions", _drawn(rng, variant, 3, 2, (1, 4))),
        case("three dimensions, M of rank one", _drawn(rng, variant, 3, 1, (2, 5))),
        case("float32", _single(_drawn(rng, variant, 3, 3, (1, 4)))),
        case("Fortran order", plane, layout="F"),
        case("a minimum, where the gradient is zero", settled, group="limits"),
        case("a step that shrinks 28 times", line._replace(step=0.125 * far**28), group="limits"),
        case("a step far too long", line._replace(step=0.125 * far**45), group="limits"),
    ]


# ---------------------------------------------------------------- the answers


def _searching(
    variant: Variant,
    *,
    project: Callable = _project,
    start: Callable = lambda M: M,
    direction: Callable = lambda G: G,
    path: Callable | None = None,
    tested: Callable | None = None,
    accepts: Callable = lambda new, old, length: new <= old,
    gives: Callable = lambda found, tried: (found, tried),
    gives_up: Callable = lambda M, last, tried: (M, 0.0),
    shrink: float | None = None,
    most: int = MOST,
) -> Answer:
    """The step with one of its parts exchanged; with none, the reference.

    project, start, direction   onto the cone; M and its gradient before the step.
    path, tested                the candidate of a step; what of it the objective is asked of.
    accepts                     of the new and the old objective and the ‖·‖² of the step.
    gives, gives_up             what is returned after an acceptance, and after the last try.
    """

    def candidate(M: np.ndarray, G: np.ndarray, tried: float) -> np.ndarray:
        return path(M, G, tried) if path else project(start(M) - tried * direction(G))

    def lmnn_step(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        old, G = _value(f, M), _subgradient(f, M)
        found, tried = M, step
        for tried in _tries(step, shrink or variant["shrink"], most):
            found = candidate(M, G, tried)
            asked = tested(M, G, tried) if tested else found
            if accepts(_value(f, asked), old, tried * np.sum(G * G)):
                return gives(found, tried)
        return gives_up(M, found, tried)

    return lmnn_step


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    own = variant["shrink"]

    def search(**parts: Any) -> Answer:
        return _searching(variant, **parts)

    def never_shrinks(M, X, y, targets, mu, step):
        return _project(M - step * _subgradient(_pieces(X, y, targets, mu), M)), step

    def never_shrinks_or_moves(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        found = _project(M - step * _subgradient(f, M))
        return (found, step) if _value(f, found) <= _value(f, M) else (M, step)

    def shrinks_once(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        G = _subgradient(f, M)
        found = _project(M - step * G)
        if _value(f, found) <= _value(f, M):
            return found, step
        return _project(M - step / own * G), step / own

    def stale(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        G, tries = _subgradient(f, M), _tries(step, own)
        right, tried = search()(M, X, y, targets, mu, step)
        number = tries.index(tried) if tried in tries else 0
        return (_project(M - tries[max(number - 1, 0)] * G), tried) if tried else (right, tried)

    def keeps_stepping(again: bool) -> Answer:
        def answer(M, X, y, targets, mu, step):
            f = _pieces(X, y, targets, mu)
            found, old, G = M, _value(f, M), _subgradient(f, M)
            for tried in _tries(step, own):
                found = _project(found - tried * (_subgradient(f, found) if again else G))
                if _value(f, found) <= old:
                    return found, tried
            return M, 0.0

        return answer

    def last_one(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        old, G = _value(f, M), _subgradient(f, M)
        for tried in _tries(step, own):
            found = _project(M - tried * G)
            new = _value(f, found)
            if new <= old:
                return found, tried
            old = new
        return M, 0.0

    def lowest(M, X, y, targets, mu, step):
        f = _pieces(X, y, targets, mu)
        G = _subgradient(f, M)
        tries = [(_value(f, _project(M - t * G)), -t) for t in _tries(step, own)]
        value, negative = min(tries)
        return (_project(M + negative * G), -negative) if value <= _value(f, M) else (M, 0.0)

    def segment(M, G, tried, step):
        return M + tried / step * (_project(M - step * G) - M)

    def on_the_segment(M, X, y, targets, mu, step):
        path = lambda M, G, tried: segment(M, G, tried, step)  # noqa: E731
        return search(path=path)(M, X, y, targets, mu, step)

    def bare(M, G, tried):
        return M - tried * G

    def rows_for_columns(A):
        values, vectors = np.linalg.eigh((A + A.T) / 2)
        return (vectors.T * np.maximum(values, 0)) @ vectors

    def above(floor: float) -> Answer:
        return search(project=lambda A: _eigen(A, lambda values: np.maximum(values, floor)))

    def shifted(values):
        return values - min(values.min(), 0)

    others = tuple(factor for factor in (2.0, 4.0, 10.0, 3.0, 1 / 0.9) if factor != own)
    name = {2.0: "half", 4.0: "a quarter"}[own]
    return (
        *ways(
            "not projected after the step",
            "The step comes last in your answer, and leaves the cone. M was in the cone before it, "
            "so that a projection there changes nothing.",
            search(path=bare),
            search(path=lambda M, G, tried: _project(M) - tried * G),
        ),
        *ways(
            "objective asked before the projection",
            "You asked for the objective before the projection. What is returned is another "
            "matrix, and its objective is another one.",
            search(tested=bare),
        ),
        *ways(
            "the step never shrinks",
            "Your step is the first one in every case. Where the objective rises, it is to shrink.",
            never_shrinks,
            never_shrinks_or_moves,
        ),
        *ways(
            "the step shrinks once",
            "Your step shrinks once and is then taken, although the objective is still above that "
            "at M. It is that objective with which every try is compared, not the one of the try "
            "before.",
            shrinks_once,
            last_one,
        ),
        *ways(
            "another factor",
            f"Your step shrinks by another factor. Each try has {name} of the step before.",
            *(search(shrink=factor) for factor in others),
        ),
        *ways(
            "projects the gradient",
            "You projected the gradient onto the cone. That drops every direction in which M "
            "should grow; what belongs into the cone is the result of the step.",
            search(direction=_project),
            search(path=lambda M, G, tried: M - tried * _project(G)),
        ),
        *ways(
            "uphill",
            "Your step goes along the gradient: uphill. It is subtracted.",
            search(direction=lambda G: -G),
        ),
        *ways(
            "the gradient scaled",
            "Your step is taken along the gradient scaled to length 1. Step times gradient is "
            "asked, as they are.",
            search(direction=lambda G: G / max(np.linalg.norm(G), 1e-300)),
            search(direction=lambda G: G / max(np.linalg.norm(G, 2), 1e-300)),
        ),
        *ways(
            "clips entries",
            "You clipped the entries of the matrix. Being positive semidefinite is about "
            "eigenvalues.",
            search(project=lambda A: np.maximum(A, 0)),
        ),
        *ways(
            "absolute values",
            "You took absolute values of the eigenvalues. The nearest matrix of the cone has a "
            "zero where an eigenvalue is negative.",
            search(project=lambda A: _eigen(A, np.abs)),
        ),
        *ways(
            "shifts every eigenvalue",
            "You moved all eigenvalues up until the smallest one was zero. The nearest matrix of "
            "the cone keeps those that are positive.",
            search(project=lambda A: _eigen(A, shifted)),
        ),
        *ways(
            "clips to a positive number",
            "Your eigenvalues stop at a small positive number and not at zero.",
            *(above(floor) for floor in (1e-3, 1e-6, 1e-8)),
        ),
        *ways(
            "eigenvectors read as rows",
            "The eigenvectors that NumPy returns are columns. You used the rows of that matrix.",
            search(project=rows_for_columns),
        ),
        *ways(
            "returns the candidate that rose",
            "Your matrix and your step do not belong together: the matrix was made with the step "
            "before, whose objective rose.",
            stale,
        ),
        *ways(
            "returns the first step",
            "Your matrix is right, and your step is the first one: not the one that was accepted.",
            lambda M, X, y, targets, mu, step: (search()(M, X, y, targets, mu, step)[0], step),
        ),
        *ways(
            "the accepted step changed",
            "Your matrix is right, and your step is not the one that made it: it was changed once "
            "more after it had been accepted.",
            search(gives=lambda found, tried: (found, tried / own)),
            search(gives=lambda found, tried: (found, tried * own)),
            search(gives=lambda found, tried: (found, tried * 1.1)),
            search(gives=lambda found, tried: (found, tried * 1.01)),
        ),
        *ways(
            "step and matrix exchanged",
            "You returned the step first and the matrix second. The order is: M, step.",
            search(gives=lambda found, tried: (tried, found), gives_up=lambda M, *_: (0.0, M)),
        ),
        *ways(
            "goes on from a rejected candidate",
            "After a try that failed you went on from its matrix. Each try starts at M again.",
            keeps_stepping(again=False),
            keeps_stepping(again=True),
        ),
        *ways(
            "the lowest of all tries",
            "You make all tries and return the lowest. Asked is the first that does not rise: it "
            "is the longest one, and cheaper to find.",
            lowest,
        ),
        *ways(
            "the comparison turned round",
            "You accept a try whose objective rises, and shrink the step where it falls.",
            search(accepts=lambda new, old, length: new > old),
            search(accepts=lambda new, old, length: new >= old),
        ),
        *ways(
            "asks for more",
            "You reject tries that do not raise the objective, because it falls by too little for "
            "you. Not to rise is all that is asked here.",
            search(accepts=lambda new, old, length: new <= old - 0.75 * length),
        ),
        *ways(
            "shortens the way to the projected point",
            "You projected once and then shortened the way to that point. Each try makes its own "
            "step and its own projection.",
            on_the_segment,
        ),
        *ways(
            "an equal objective rejected",
            "You reject a try that leaves the objective as it was. At a minimum nothing rises, "
            "and the first try is accepted.",
            search(accepts=lambda new, old, length: new < old),
        ),
        *ways(
            "shrinks without end",
            "Your step goes on shrinking long after 30 times. There M is to be returned as it was, "
            "with a step of 0.",
            search(most=60),
        ),
        *ways(
            "stops too early",
            "You give up long before the step has shrunk 30 times.",
            search(most=10),
            search(most=20),
            search(most=5),
        ),
        *ways(
            "a step after the last try",
            "After the last try nothing was accepted, and you return something else than M with a "
            "step of 0. The 0 says that nothing moved.",
            search(gives_up=lambda M, last, tried: (last, tried)),
            search(gives_up=lambda M, last, tried: (last, tried / own)),
            search(gives_up=lambda M, last, tried: (M, tried)),
            search(gives_up=lambda M, last, tried: (M, tried / own)),
            search(gives_up=lambda M, last, tried: (last, 0.0)),
        ),
    )


def _sizes(f: Pieces) -> float:
    """The sizes of all outer products, added up."""
    return float(np.linalg.norm(f.pull) + np.sqrt(np.square(f.push).sum(axis=(1, 2))).sum())


def _budget(case: Case, expected: Arrays) -> Arrays:
    """A sum of outer products, times the step, and an eigendecomposition of what it gives."""
    M, targets = (np.asarray(case.inputs[name]) for name in ("M", "targets"))
    step = float(np.max(np.abs(expected["step"]), initial=0.0))
    # At most this many triplets are added up, one after the other.
    length = 4 * len(M) + targets.size * len(targets)
    scale = float(np.linalg.norm(M)) + step * case.given["sizes"]
    size = {"M": rounding(case, length, scale), "step": rounding(case, MOST, step)}
    return {name: np.broadcast_to(size[name], value.shape) for name, value in expected.items()}


def _statement(variant: Variant) -> str:
    name = {2.0: "half", 4.0: "a quarter of"}[variant["shrink"]]
    return (
        "In $M = L^\\top L$ the loss of 05.2 is convex, and $M$ has to stay in the cone. Write "
        "one step of projected subgradient descent. Let $G$ be the subgradient at $M$ and $\\Pi$ "
        "the projection onto the cone of positive semidefinite matrices. The candidate of a step "
        "$t$ is\n\n$$\\Pi(M - t\\, G).$$\n\n"
        "Try $t$ = `step` first. If the objective of the candidate is **larger** than that of "
        f"$M$, try again from the same $M$ with {name} the step, and so on, about 30 times. Return "
        "the first candidate that is accepted, and the step that made it. If none is, return $M$ "
        "as it is and a step of 0.\n\n"
        "The cell above holds two finished functions: `lmnn_objective(M, X, y, targets, mu)`, the "
        "loss as a function of $M$, and `lmnn_gradient_M(M, X, y, targets, mu)`, its subgradient "
        "$G$. Call them."
    )


def _skeleton(variant: Variant) -> str:
    name = {2.0: "half", 4.0: "a quarter of"}[variant["shrink"]]
    return f'''def lmnn_step(M, X, y, targets, mu, step):
    """Return the metric after one projected step that does not raise the objective, and the step.

    M: (d, d), positive semidefinite, X: (n, d), y: (n,), targets: (n, k), mu and step: numbers.
    While the objective rises: {name} the step, about 30 times; then M and 0.0.
    Returns: the new M, (d, d), and the step that made it.
    """'''


LMNN_STEP = Exercise(
    number="05.4",
    name="lmnn_step",
    title="A step that stays in the cone",
    points=3,
    minutes=20,
    kind=Function(returns=("M", "step")),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Two things are computed once, before any try: which? And what has to be computed anew in "
        "each of them?",
        "The projection is that of 02.3: clip the eigenvalues. Ask yourself whose objective "
        "decides, that of the matrix before the projection or after it.",
        "A loop over about 30 tries with a return inside is enough. What stands after the loop, "
        "and which of step and candidate changes first when a try fails?",
    ),
    variants={"shrink": (2.0, 4.0)},
    groups={"values": 2, "limits": 1},
    cases=_cases,
    reference=lambda variant: _searching(variant),
    mistakes=_mistakes,
    budget=_budget,
)
