"""03.2 and 03.3, points that several half-spaces share: some such point, and the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays, rounding
from ..making import Rng, cases_of, ways
from ..spec import Exercise, Mistake, Variant

Answer = Callable[..., Any]
# The points at the ends of the rounds, the start first, without an end.
Method = Callable[..., Iterator]

# Moves below which people take a point for one that stands still.
_STILL = tuple(10.0**-k for k in range(2, 10))
# By how much people let a point be outside and still count it as inside.
_SLACK = (0.0, 1e-12, 1e-9, 1e-6)
# More rounds than any case of the first group needs until nothing moves any more.
_MANY = 150

_case = cases_of("x", "A", "b", "rounds")


def _onto(z: Any, a: Any, b: Any) -> Any:
    return z - max(0, a @ z - b) / (a @ a) * a


def _onto_plane(z: Any, a: Any, b: Any) -> Any:
    return z - (a @ z - b) / (a @ a) * a


# ---------------------------------------------------------------- the cases of both exercises

# Two planes that meet at zero, in a sharp angle and in a wide one.
_WEDGE = np.array([[0.0, 1.0], [3.0, -4.0]])
_CORNER = np.array([[1.0, 0.0], [1.0, 1.0]])
# The nearest point lies on the second plane alone: the correction of the first shrinks to zero.
_IDLE = np.array([4.0, 4.0]), np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([-1.0, -2.0])
_TRIANGLE = np.array([[2.0, 0.0], [-1.0, 2.0], [1.0, 1.0]])


def _drawn(rng: Rng, d: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A point outside, and m half-spaces of different scales with a point in common."""
    normals, _ = np.linalg.qr(rng.normal(size=(d, d)))
    rows = normals[np.arange(m) % d] + 0.35 * rng.uniform(-1, 1, size=(m, d))
    A = rows * rng.uniform(0.5, 3, size=(m, 1))
    shared = rng.normal(size=d)
    lengths = np.linalg.norm(A, axis=1)
    outside = rng.uniform(1, 3, size=m) @ (A / lengths[:, None])
    return shared + outside, A, A @ shared + rng.uniform(0, 0.3, size=m) * lengths


def _plane_cases() -> list[Case]:
    """On paper: a line, two half-planes, three half-planes."""
    zeros = np.zeros(2)
    return [
        _case("a point on a line", np.array([3.0]), np.array([[2.0]]), np.array([2.0]), 1),
        _case("two at a right angle", np.array([3.0, 2.0]), np.eye(2), np.ones(2), 1),
        _case("two that are not, one round", np.array([4.0, 1.0]), _WEDGE, zeros, 1),
        _case("the same, three rounds", np.array([4.0, 1.0]), _WEDGE, zeros, 3),
        _case("another two, one round", np.array([3.0, 1.0]), _CORNER, zeros, 1),
        _case("another two, five rounds", np.array([3.0, 1.0]), _CORNER, zeros, 5),
        _case("one that excludes x and is not needed", *_IDLE, 4),
        _case("only the second excludes x", np.array([2.0, -1.0]), _WEDGE, zeros, 3),
        _case("three half-planes", np.array([3.0, 3.0]), _TRIANGLE, np.array([1.0, -2.0, -1.0]), 4),
        _case("a point of all three", np.array([-1.0, -3.0]), _TRIANGLE, np.array([1.0, 0, -1]), 5),
    ]


def _further_cases(rng: Rng) -> list[Case]:
    x, A, b = _drawn(rng, 4, 3)
    single = [array.astype(np.float32) for array in (x, A, b)]
    edge = {"group": "edge"}
    return [
        _case("three half-spaces in four dimensions", *_drawn(rng, 4, 3), 6),
        _case("five in three dimensions", *_drawn(rng, 3, 5), 4),
        _case("two in five dimensions", *_drawn(rng, 5, 2), 3),
        _case("no round at all", x, A, b, 0, **edge),
        _case("float32", *single, 3, **edge),
        _case("Fortran order", x, A, b, 3, layout="F", **edge),
        _case("every second row of a larger array", x, A, b, 3, layout="strided", **edge),
    ]


def _rounds_budget(case: Case, expected: Arrays) -> Arrays:
    """Projections carry an error on and do not enlarge it: one rounding for each, added up."""
    x, A, b, rounds = (np.asarray(value, np.float64) for value in case.inputs.values())
    size = np.linalg.norm(x) + np.sum(np.abs(b) / np.linalg.norm(A, axis=1))
    count = max(int(rounds), 1) * len(A)
    return {"result": rounding(case, count * (len(x) + 6), float(size))}


# ---------------------------------------------------------------- what both can get wrong


def _after(method: Method) -> Answer:
    """The answer that returns the point after ``rounds`` rounds of a method."""
    return lambda x, A, b, rounds: next(islice(method(x, A, b), rounds, None))


def _each_round(change: Callable) -> Answer:
    """The answer whose round is ``change(z, x, A, b)``, of the point z and the start x."""

    def points(x, A, b):
        z = x
        while True:
            yield z
            z = change(z, x, A, b)

    return _after(points)


def _counted(method: Method) -> list[Mistake]:
    """The mistakes in the number of rounds, of whichever method."""
    answer = _after(method)

    def with_rounds(change: Callable[[int], int]) -> Answer:
        return lambda x, A, b, rounds: answer(x, A, b, change(rounds))

    def stopping(small: float) -> Answer:
        def until_still(x, A, b, rounds):
            for old, new in islice(pairwise(method(x, A, b)), rounds):
                x = new
                if np.linalg.norm(new - old) < small:
                    break
            return x

        return until_still

    def until_equal(returned: Callable) -> Answer:
        def answer(x, A, b, rounds):
            for old, new in islice(pairwise(method(x, A, b)), rounds):
                x = new
                if np.allclose(new, old):
                    return returned(old, new)
            return x

        return answer

    return [
        Mistake(
            "a single round",
            with_rounds(lambda rounds: 1),
            "Your result is that of one round, whatever `rounds` says. Is the loop over the rounds "
            "the outer one, and does it run to its end?",
        ),
        *ways(
            "one round more or less",
            "You make one round more or one less than `rounds` says.",
            with_rounds(lambda rounds: rounds + 1),
            with_rounds(lambda rounds: max(rounds - 1, 0)),
        ),
        Mistake(
            "rounds without end",
            with_rounds(lambda rounds: _MANY),
            "You go on until the point stands still, and `rounds` has no influence. Asked is where "
            "the point is after that many rounds.",
        ),
        *ways(
            "stops where the point stands still",
            "You end when a round moves the point by little. `rounds` says how many there are: a "
            "point that stands still for a while need not have arrived.",
            *map(stopping, _STILL),
            until_equal(lambda old, new: new),
            until_equal(lambda old, new: old),
        ),
    ]


def _first_projections(run: Callable[[Callable], Answer], other: list[Answer]) -> list[Mistake]:
    """The mistakes of 03.1, carried into the rounds."""

    def by_length(z, a, b):
        return z - max(0, a @ z - b) / np.sqrt(a @ a) * a

    def undivided(z, a, b):
        return z - max(0, a @ z - b) * a

    return [
        *ways(
            "onto the planes",
            "You project onto the planes that bound the half-spaces. A point that lies inside one "
            "of them is moved too, when its turn comes.",
            run(_onto_plane),
            *other,
        ),
        *ways(
            "the single projection",
            "The first projection already is not the nearest point of the first half-space. Look "
            "at the length of the step: what is the excess divided by?",
            run(by_length),
            run(undivided),
        ),
    ]


# ---------------------------------------------------------------- 03.2 alternating_projections


def _alternating(x: Any, A: Any, b: Any, project: Callable = _onto) -> Iterator:
    while True:
        yield x
        for a, bound in zip(A, b, strict=True):
            x = project(x, a, bound)


def _in_turn(project: Callable = _onto) -> Answer:
    return _after(lambda x, A, b: _alternating(x, A, b, project))


def _all_onto(z: np.ndarray, A: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([_onto(z, a, bound) for a, bound in zip(A, b, strict=True)])


def _alternating_cases(rng: Rng, variant: Variant) -> list[Case]:
    slow = _case("a thin wedge, fifty rounds", np.array([4.0, 1.0]), _WEDGE, np.zeros(2), 50)
    return [*_plane_cases(), *_further_cases(rng), _in_edge(slow)]


def _in_edge(case: Case) -> Case:
    return Case(case.name, case.inputs, group="edge")


def _alternating_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    plain = _in_turn()

    def first_only(x, A, b, rounds):
        return _onto(x, A[0], b[0])

    def after_the_first_move(x, A, b, rounds):
        for a, bound in zip(A, b, strict=True):
            if a @ x > bound:
                return _onto(x, a, bound)
        return x

    def from_the_start(z, x, A, b):
        return _onto(x, A[-1], b[-1])

    def added(z, x, A, b):
        return z + (_all_onto(z, A, b) - z).sum(axis=0)

    def violated_at_the_start(x, A, b, rounds):
        kept = A @ x > b
        return plain(x, A[kept], b[kept], rounds)

    def violated_at_the_round(z, x, A, b):
        kept = A @ z > b
        return plain(z, A[kept], b[kept], 1)

    def first_violated(z, x, A, b):
        return after_the_first_move(z, A, b, 1)

    def most_violated(z, x, A, b):
        worst = np.argmax((A @ z - b) / np.linalg.norm(A, axis=1))
        return _onto(z, A[worst], b[worst])

    def always_the_worst(z, x, A, b):
        for _ in b:
            z = most_violated(z, x, A, b)
        return z

    def turn_by_turn(x, A, b, rounds):
        for number in range(rounds):
            x = _onto(x, A[number % len(A)], b[number % len(A)])
        return x

    def columns(x, A, b, rounds):
        return plain(x, A.T, b, rounds)

    def trail(start: bool, single: bool) -> Answer:
        def answer(x, A, b, rounds):
            points = [x] if start else []
            for _ in range(rounds):
                for a, bound in zip(A, b, strict=True):
                    x = _onto(x, a, bound)
                    points += [x] if single else []
                points += [] if single else [x]
            return np.array(points)

        return answer

    def mean_of_rounds(x, A, b, rounds):
        return trail(False, False)(x, A, b, max(rounds, 1)).mean(axis=0)

    def there_and_back(z, x, A, b):
        return plain(plain(z, A, b, 1), A[:-1][::-1], b[:-1][::-1], 1)

    return (
        *ways(
            "stops on the first set",
            "Your result lies on one half-space, and no other has had a turn. Does a return stand "
            "inside the loop, or does a step use the first row alone?",
            first_only,
            after_the_first_move,
        ),
        *_counted(_alternating),
        Mistake(
            "averages the projections",
            _each_round(lambda z, x, A, b: _all_onto(z, A, b).mean(axis=0)),
            "You project one point onto every half-space and take the mean. That is Cimmino's "
            "method: here each projection starts where the one before has ended.",
        ),
        Mistake(
            "adds the moves",
            _each_round(added),
            "You add up the moves of all half-spaces from one point. Each move is right for that "
            "point alone: after the first of them the point is another.",
        ),
        *ways(
            "projects x again and again",
            "Every one of your projections starts at x itself. The result is that of the last "
            "half-space, and the others are forgotten.",
            _each_round(from_the_start),
            lambda x, A, b, rounds: from_the_start(x, x, A, b),
        ),
        Mistake(
            "order reversed",
            lambda x, A, b, rounds: plain(x, A[::-1], b[::-1], rounds),
            "Your rounds begin with the last half-space. The order decides where a round ends.",
        ),
        Mistake(
            "there and back",
            _each_round(there_and_back),
            "Your rounds go through the half-spaces and back again. Asked is the same order in "
            "every round.",
        ),
        Mistake(
            "only what excludes x",
            violated_at_the_start,
            "You project onto the half-spaces that exclude the start, and onto no other. A step "
            "towards one half-space may lead out of another.",
        ),
        Mistake(
            "only what excludes the point at the start of a round",
            _each_round(violated_at_the_round),
            "You decide at the start of a round which half-spaces get a turn. A projection of this "
            "round may lead out of one that you have left out.",
        ),
        *ways(
            "one projection a round",
            "Your rounds hold a single projection. A round gives every half-space a turn.",
            _each_round(first_violated),
            _each_round(most_violated),
        ),
        Mistake(
            "single projections counted as rounds",
            turn_by_turn,
            "Your answer makes as many projections as there are rounds. A round holds one "
            "projection onto every half-space.",
        ),
        Mistake(
            "the worst first",
            _each_round(always_the_worst),
            "You always project onto the half-space that is farthest away. That finds a common "
            "point as well; asked is the order of the rows.",
        ),
        Mistake(
            "corrections",
            _dykstra,
            "Your projections carry corrections from round to round. That is the method of the "
            "next exercise, which ends at another point.",
        ),
        *_first_projections(_in_turn, []),
        Mistake(
            "columns for rows",
            columns,
            "You take the columns of A for the half-spaces. Row i of A belongs to b[i].",
        ),
        *ways(
            "returns every point",
            "You returned the points of the whole way. Asked is the last one.",
            *(trail(start, single) for start in (True, False) for single in (True, False)),
        ),
        Mistake(
            "mean of the rounds",
            mean_of_rounds,
            "You returned the mean of the points at the ends of the rounds. Asked is the last one.",
        ),
    )


ALTERNATING_PROJECTIONS = Exercise(
    number="03.2",
    name="alternating_projections",
    title="A point that all half-spaces share",
    points=2,
    minutes=15,
    kind=Function(),
    statement=(
        "Half-space $i$ holds all $z$ with $\\langle a_i, z \\rangle \\le b_i$, where $a_i$ is row "
        "$i$ of `A`. Start at $x$. One round projects the point onto half-space 0, the result onto "
        "half-space 1, and so on to the last. Write a function that returns the point after "
        "exactly `rounds` rounds, also where it hardly moves any more.\n\n"
        "You may call your `project_halfspace`."
    ),
    skeleton='''def alternating_projections(x, A, b, rounds):
    """Return x after `rounds` rounds of projections onto half-space 0, 1, …, m − 1, in this order.

    x: (d,). A: (m, d), no row is zero. b: (m,). rounds: a whole number, maybe 0. Returns: (d,).
    """''',
    hints=(
        "Two loops are needed. Which is the outer one: over the rounds, or over the half-spaces?",
        "There is one point at any time. What is projected next is the result of the projection "
        "before.",
        "Check by hand: x = (3, 1), and the half-planes z₀ ≤ 0 and z₀ + z₁ ≤ 0. The first "
        "projection gives (0, 1), the second (−½, ½), and after that nothing moves.",
    ),
    groups={"values": 1, "edge": 1},
    cases=_alternating_cases,
    reference=lambda variant: _in_turn(),
    mistakes=_alternating_mistakes,
    budget=_rounds_budget,
    needs=("03.1",),
)


# ---------------------------------------------------------------- 03.3 dykstra


def _in_turns(turn: Callable) -> Method:
    """The method with corrections p, whose turn of set i is ``turn(z, p, i, x, A, b)``."""

    def points(x, A, b):
        z, p = x, np.zeros_like(A)
        while True:
            yield z
            for i in range(len(A)):
                z = turn(z, p, i, x, A, b)

    return points


def _remembering(turn: Callable) -> Answer:
    return _after(_in_turns(turn))


def _turn(z: Any, p: Any, i: int, x: Any, A: Any, b: Any, project: Callable = _onto) -> Any:
    reach = z + p[i]
    z = project(reach, A[i], b[i])
    p[i] = reach - z
    return z


def _dykstra(x: Any, A: Any, b: Any, rounds: int) -> Any:
    return _remembering(_turn)(x, A, b, rounds)


def _until_shared(slack: float, single: bool) -> Answer:
    """The answer that ends in a point of all sets: after a round, or after any turn."""

    def answer(x, A, b, rounds):
        z, p = x, np.zeros_like(A)
        for _ in range(rounds):
            for i in range(len(A)):
                z = _turn(z, p, i, x, A, b)
                if (single or i == len(A) - 1) and np.all(A @ z <= b + slack):
                    return z
        return z

    return answer


def _dykstra_cases(rng: Rng, variant: Variant) -> list[Case]:
    # The point stands still for nine rounds, until the second correction is used up.
    rows = np.array([[0.0, -1.0], [-1.0, 0.0], [1.0, -1.0]])
    start, bounds = np.array([-4.0, -4.0]), np.array([0.0, -1.0, 0.0])
    halting = _case("a point that stands still for a while", start, rows, bounds, 20)
    return [*_plane_cases(), *_further_cases(rng), _in_edge(halting)]


def _wrong_corrections() -> list[Mistake]:
    """The mistakes in what a set remembers."""

    def shared(z, p, i, x, A, b):
        return _turn(z, p[:1], 0, x, A[i : i + 1], b[i : i + 1])

    def sign(z, p, i, x, A, b):
        reach = z + p[i]
        z = _onto(reach, A[i], b[i])
        p[i] = z - reach
        return z

    def piled_up(z, p, i, x, A, b):
        reach = z + p[i]
        z = _onto(reach, A[i], b[i])
        p[i] = p[i] + reach - z
        return z

    def last_move(z, p, i, x, A, b):
        new = _onto(z + p[i], A[i], b[i])
        p[i] = z - new
        return new

    def added_after(z, p, i, x, A, b):
        new = _onto(z, A[i], b[i])
        old, p[i] = p[i].copy(), z - new
        return new + old

    def forgetful(x, A, b, rounds):
        for _ in range(rounds):
            x = _dykstra(x, A, b, 1)
        return x

    def from_x(z, p, i, x, A, b):
        return _turn(x, p, i, x, A, b)

    def parallel(x, A, b, rounds):
        z, p = x, np.zeros_like(A)
        for _ in range(rounds):
            z = np.mean([_turn(z, p, i, x, A, b) for i in range(len(A))], axis=0)
        return z

    return [
        *ways(
            "no corrections",
            "Your result is that of the projections alone. The corrections have no part in it: are "
            "they set back to zero in every round, or computed from a point that is replaced "
            "already?",
            _in_turn(),
            forgetful,
        ),
        *ways(
            "one correction for all",
            "Every turn of yours projects x itself: point and correction together are x again. "
            "One correction that all half-spaces share does this, and so does a turn that starts "
            "at x.",
            _remembering(shared),
            _remembering(from_x),
        ),
        Mistake(
            "sign of the correction",
            _remembering(sign),
            "Your corrections have the wrong sign. What a projection has taken away is given back "
            "before the next turn, and yours is taken away once more.",
        ),
        Mistake(
            "corrections pile up",
            _remembering(piled_up),
            "Your corrections count the old correction twice. It was added to the point before the "
            "projection, so what the projection takes away contains it already.",
        ),
        Mistake(
            "only the last move",
            _remembering(last_move),
            "Your correction is the point before the turn minus the point after it. What went into "
            "the projection was the point and the old correction together.",
        ),
        Mistake(
            "added after the projection",
            _remembering(added_after),
            "You add the correction after the projection, and what you return can lie outside the "
            "half-space whose turn it was.",
        ),
        Mistake(
            "all sets at once",
            parallel,
            "You give all half-spaces their turn from one point and take the mean. That is the "
            "parallel form of the method; here the turns come one after another.",
        ),
    ]


def _other_results() -> list[Mistake]:
    """The mistakes in what is returned."""

    def before_the_last(x, A, b, rounds):
        z, p, before = x, np.zeros_like(A), x
        for _ in range(rounds):
            for i in range(len(A)):
                before, z = z, _turn(z, p, i, x, A, b)
        return before

    def last_reach(x, A, b, rounds):
        z, p, reach = x, np.zeros_like(A), x
        for _ in range(rounds):
            for i in range(len(A)):
                reach = z + p[i]
                z = _turn(z, p, i, x, A, b)
        return reach

    def corrections(x, A, b, rounds):
        z, p = x, np.zeros_like(A)
        for _ in range(rounds):
            for i in range(len(A)):
                z = _turn(z, p, i, x, A, b)
        return p

    def trail(start: bool) -> Answer:
        def answer(x, A, b, rounds):
            return np.array(list(islice(_in_turns(_turn)(x, A, b), 1 - start, rounds + 1)))

        return answer

    return [
        *ways(
            "the last projection left out",
            "You returned a point from before the last projection. It need not lie in the last "
            "half-space, and the result of the last projection does.",
            before_the_last,
            last_reach,
        ),
        *ways(
            "returns the corrections",
            "You returned the corrections. Asked is the point.",
            corrections,
            lambda x, A, b, rounds: corrections(x, A, b, rounds).sum(axis=0),
        ),
        *ways(
            "returns every point",
            "You returned the points of the whole way. Asked is the last one.",
            trail(True),
            trail(False),
        ),
    ]


def _dykstra_mistakes(variant: Variant) -> tuple[Mistake, ...]:
    def onto_planes(z, p, i, x, A, b):
        return _turn(z, p, i, x, A, b, _onto_plane)

    def with_projection(project: Callable) -> Answer:
        return _remembering(lambda z, p, i, x, A, b: _turn(z, p, i, x, A, b, project))

    return (
        *_wrong_corrections(),
        *_counted(_in_turns(_turn)),
        *ways(
            "stops in a point of all sets",
            "You end as soon as the point lies in all half-spaces. Such a point need not be the "
            "nearest: the corrections may still move it.",
            *(_until_shared(slack, single) for slack in _SLACK for single in (False, True)),
        ),
        Mistake(
            "order reversed",
            lambda x, A, b, rounds: _dykstra(x, A[::-1], b[::-1], rounds),
            "Your rounds begin with the last half-space. Which half-space the result lies in "
            "exactly depends on the order.",
        ),
        *_first_projections(with_projection, [_remembering(onto_planes)]),
        *_other_results(),
    )


DYKSTRA = Exercise(
    number="03.3",
    name="dykstra",
    title="The nearest point that all half-spaces share",
    points=3,
    minutes=20,
    kind=Function(),
    statement=(
        "Dykstra's method goes through the half-spaces as `alternating_projections` does, and each "
        "half-space $i$ keeps a correction $p_i$: a vector, zero at first. A turn of half-space "
        "$i$ has three steps.\n\n"
        "1. Give back: add $p_i$ to the point.\n"
        "2. Project that sum onto half-space $i$. The result is the new point.\n"
        "3. Remember: the new $p_i$ is what the projection took away from the sum.\n\n"
        "Write a function that returns the point after exactly `rounds` rounds. With more and more "
        "rounds it comes to the nearest point of $x$ that lies in all half-spaces. You may call "
        "your `project_halfspace`."
    ),
    skeleton='''def dykstra(x, A, b, rounds):
    """Return x after `rounds` rounds of Dykstra's method over half-space 0, 1, …, m − 1.

    x: (d,). A: (m, d), no row is zero. b: (m,). rounds: a whole number, maybe 0. Returns: (d,).
    """''',
    hints=(
        "How many corrections are there, and of which shape? Where does the array that holds them "
        "have to be made, so that it lasts from round to round?",
        "Write down three names in every turn: what goes into the projection, what comes out of "
        "it, and the difference. The next turn of the same half-space needs the difference.",
        "Check by hand: x = (3, 1), and the half-planes z₀ ≤ 0 and z₀ + z₁ ≤ 0. The rounds end at "
        "(−½, ½), (−¼, ¼), (−⅛, ⅛), and come to (0, 0).",
    ),
    groups={"values": 2, "edge": 1},
    cases=_dykstra_cases,
    reference=lambda variant: _dykstra,
    mistakes=_dykstra_mistakes,
    budget=_rounds_budget,
    needs=("03.1",),
)
