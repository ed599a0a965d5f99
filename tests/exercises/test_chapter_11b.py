"""What the cases of 11.3 to 11.5 promise: exact counts at ties, true gradients, one name a run."""

import ast
import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from dmlcourse.checks.judging import FAILED, NOT_ATTEMPTED, PASSED, Key, judge, printable
from dmlcourse.checks.render import plain
from dmlcourse.exercises.ch11.one_anchor import ANCHOR_SUM
from dmlcourse.exercises.ch11.runs import NAME_THE_RUN, NAMES
from dmlcourse.exercises.ch11.sorted_sums import BATCH_ALL_SORTED
from dmlcourse.observing import observe

SEEDS = range(2)
LESSON = Path(__file__).parents[2] / "lessons" / "11_triplets" / "exercises.py"
ENTRIES = {entry.number: entry for entry in (ANCHOR_SUM, BATCH_ALL_SORTED, NAME_THE_RUN)}
OTHER = {"11.3": {"power": 2}, "11.4": {"over": "active"}, "11.5": {"average": "all"}}


@functools.cache
def key_of(number, seed, **variant):
    """One key for all tests: its known mistakes are worked out once."""
    return Key(ENTRIES[number], ENTRIES[number].variant(**variant), seed)


def verdicts(number, answer, **variant):
    for seed in SEEDS:
        key = key_of(number, seed, **variant)
        yield judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def assert_passes(number, answer, notes=False, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome == PASSED, found.finding
        assert bool(found.notes) == notes, found.notes


def assert_fails(number, answer, mistake=None, earned=None, **variant):
    for found in verdicts(number, answer, **variant):
        assert found.outcome not in (PASSED, NOT_ATTEMPTED)
        assert found.earned < found.exercise.points
        assert earned in (None, found.earned)
        assert (found.mistake and found.mistake.name) == mistake, found.finding


@functools.cache
def lesson():
    """The functions of the lesson, without its imports of the course."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {"np": np}
    exec(compile(ast.Module(functions, []), str(LESSON), "exec"), space)
    return space


@pytest.mark.parametrize("number", ENTRIES)
def test_the_worked_answer_passes_its_own_variant_only(number):
    answer = lesson()[ENTRIES[number].name]
    assert_passes(number, answer)
    key = key_of(number, 0, **OTHER[number])
    outcomes = key.outcomes([observe(key.exercise.kind, answer, case) for case in key.cases])
    wrong = [key.cases[i].group for i, o in enumerate(outcomes) if not key.right(i, o)]
    assert next(iter(key.exercise.groups)) in wrong


@pytest.mark.parametrize("number", ENTRIES)
def test_nothing_is_said_of_an_answer_that_is_not_there(number):
    space = {}
    exec(ENTRIES[number].text("skeleton") + "\n    ...\n", space)
    for found in verdicts(number, space[ENTRIES[number].name]):
        assert found.outcome == NOT_ATTEMPTED


@pytest.mark.parametrize("number", ENTRIES)
def test_every_variant_has_a_text_of_its_own(number):
    entry = ENTRIES[number]
    one, other = entry.variant(), entry.variant(**OTHER[number])
    assert entry.text("statement", one) != entry.text("statement", other)
    assert entry.text("skeleton", one) != entry.text("skeleton", other)


# ---------------------------------------------------------------- 11.3


def by_loops(power=1):
    def answer(near, far, margin):
        total, active = 0.0, 0
        for p, n in itertools.product(near, far):
            hinge = max(0.0, float(margin + p - n))
            total, active = total + hinge**power, active + (hinge > 0)
        return total, active

    return answer


def by_sorted_negatives(near, far, margin):
    """The same search turned round: for each positive the negatives under its threshold."""
    far, thresholds = np.sort(far), margin + near
    under = np.searchsorted(far, thresholds)
    return float((under * thresholds - np.append(0, far.cumsum())[under]).sum()), int(under.sum())


def by_merging(near, far, margin):
    """One walk over all marks from the largest down, without a search."""
    # At a tie the negative is met before the threshold: it does not pay for that one.
    marks = sorted([(margin + p, 0) for p in near] + [(n, 1) for n in far], reverse=True)
    above, weight, total, active = 0, 0.0, 0.0, 0
    for place, negative in marks:
        if negative:
            total, active = total + weight - above * place, active + above
        else:
            above, weight = above + 1, weight + place
    return total, active


def by_rows(near, far, margin):
    total, active = 0.0, 0
    for p in near:
        hinges = np.maximum(margin + p - far, 0)
        total, active = total + hinges.sum(), active + np.count_nonzero(hinges)
    return total, active


def in_a_table(near, far, margin):
    excess = np.subtract.outer(margin + near, far)
    return excess[excess > 0].sum(), (excess > 0).sum()


@pytest.mark.parametrize("answer", [by_sorted_negatives, by_merging, by_rows])
def test_every_form_of_the_sum_without_a_table_passes(answer):
    assert_passes("11.3", answer)


def test_a_table_of_all_pairs_is_right_and_gets_a_word():
    assert_passes("11.3", in_a_table, notes=True)


@pytest.mark.parametrize("power", [1, 2])
def test_the_sums_of_an_anchor_are_those_of_loops(power):
    key = key_of("11.3", 0, power=power)
    for case, expected in zip(key.cases, key.expected, strict=True):
        inputs = (np.asarray(value, float) for value in case.inputs.values())
        total, active = by_loops(power)(*inputs)
        assert float(expected["sum"]) == pytest.approx(total, rel=1e-12, abs=1e-12), case.name
        assert int(expected["active"]) == active, case.name


def test_the_first_case_of_an_anchor_by_hand():
    key = key_of("11.3", 0)
    # 1 + 2 − 2.5; then 0.5 + 3 − 2, where the other positive has kept its distance.
    assert [float(e["sum"]) for e in key.expected[:2]] == [0.5, 1.5]
    assert [int(e["active"]) for e in key.expected[:2]] == [1, 1]
    assert all(printable(case) for case in key.cases[:4])


def test_ties_are_exact_and_nothing_else_is_near_one():
    for seed, power in itertools.product(SEEDS, (1, 2)):
        for case in key_of("11.3", seed, power=power).cases:
            near, far, margin = case.inputs.values()
            excess = np.abs(np.subtract.outer(margin + near, far))
            if case.name == "on the threshold":
                assert (excess == 0).sum() == 2
            else:
                assert excess.min(initial=1.0) > 1e-7, case.name


def sorted_form(
    side="right", order=np.sort, start=(0,), finish=lambda total, active: (total, active)
):
    """The worked answer with one of its parts exchanged."""

    def answer(near, far, margin):
        thresholds = order(margin + near)
        below = np.searchsorted(thresholds, far, side=side)
        sums = np.concatenate([start, np.cumsum(thresholds)])
        above = len(near) - below
        return finish((sums[-1] - sums[below] - above * far).sum(), above.sum())

    return answer


def falling_form(sums):
    """Thresholds from the largest down, as the first of them are those above a negative."""

    def answer(near, far, margin):
        thresholds = np.sort(margin + near)[::-1]
        above = np.searchsorted(thresholds, far)
        if sums:
            total = [thresholds[:k].sum() - k * n for k, n in zip(above, far, strict=True)]
            return sum(total), above.sum()
        tail = np.append(thresholds[::-1].cumsum()[::-1], 0)
        count = len(near) - above
        return (tail[above] - count * far).sum(), count.sum()

    return answer


def by_loops_over(pairs, margin):
    hinges = [max(0.0, float(margin + p - n)) for p, n in pairs]
    return sum(hinges), sum(hinge > 0 for hinge in hinges)


UNLISTED_SUMS = {
    "the default side": (sorted_form(side="left"), "the threshold counts", 2),
    "no sort": (sorted_form(order=lambda t: t), "a search without an order", 0),
    "sorted the other way": (falling_form(sums=True), "a search without an order", 0),
    "sorted the other way, and counted from there": (
        falling_form(sums=False),
        "a search without an order",
        0,
    ),
    "both sorted and matched": (
        lambda near, far, m: by_loops_over(zip(np.sort(near), np.sort(far), strict=False), m),
        "one positive to one negative",
        0,
    ),
    "a set": (sorted_form(order=np.unique), None, 2),
    "no leading zero": (sorted_form(start=()), "one threshold too many", 0),
    "the mean": (
        lambda near, far, m: (
            np.mean(np.maximum(m + near[:, None] - far, 0)),
            by_rows(near, far, m)[1],
        ),
        "a mean",
        0,
    ),
    "half": (sorted_form(finish=lambda total, active: (total / 2, active)), None, 0),
    "margin twice": (lambda near, far, m: by_rows(near, far, 2 * m), None, 0),
    "without an active one": (
        sorted_form(finish=lambda total, active: (total, max(1, active))),
        None,
        2,
    ),
    "a tolerance": (
        lambda near, far, m: (by_rows(near, far, m)[0], by_rows(near, far, m - 0.01)[1]),
        None,
        None,
    ),
    "only the sum": (lambda *inputs: by_rows(*inputs)[0], None, 0),
}


@pytest.mark.parametrize("form", UNLISTED_SUMS)
def test_no_near_miss_of_the_sum_passes(form):
    answer, mistake, earned = UNLISTED_SUMS[form]
    assert_fails("11.3", answer, mistake, earned)


# ---------------------------------------------------------------- 11.4


def triplets_of(y):
    indices = range(len(y))
    return [
        (a, p, n)
        for a, p, n in itertools.product(indices, repeat=3)
        if a != p and y[a] == y[p] and y[a] != y[n]
    ]


def listed(over="all"):
    """The loss and its derivative from a list of triplets."""

    def answer(D, y, margin):
        W, total, active = np.zeros(D.shape), 0.0, 0
        triplets = triplets_of(y)
        for a, p, n in triplets:
            hinge = margin + D[a, p] - D[a, n]
            if hinge > 0:
                total, active = total + hinge, active + 1
                W[a, p] += 1
                W[a, n] -= 1
        number = max(1, active if over == "active" else len(triplets))
        return total / number, W / number

    return answer


def anchor_tables(D, y, margin):
    """A table of positives by negatives for each anchor, and one of them at a time."""
    W, total, number = np.zeros(D.shape), 0.0, 0
    for a in range(len(y)):
        own = np.flatnonzero((y == y[a]) & (np.arange(len(y)) != a))
        other = np.flatnonzero(y != y[a])
        hinges = np.maximum(margin + D[a, own][:, None] - D[a, other], 0)
        W[a, own], W[a, other] = (hinges > 0).sum(1), -(hinges > 0).sum(0)
        total, number = total + hinges.sum(), number + hinges.size
    return (total / number, W / number) if number else (0.0, W)


def one_search(D, y, margin):
    """The counts at the negatives from those at the positives, one rank after the other."""
    W, number = np.zeros_like(D), 0
    for a in range(len(y)):
        own = np.flatnonzero((y == y[a]) & (np.arange(len(y)) != a))
        other = np.flatnonzero(y != y[a])
        order = other[np.argsort(D[a, other], kind="stable")]
        counts = np.searchsorted(D[a, order], D.dtype.type(margin) + D[a, own])
        W[a, own] = counts
        W[a, order] = [-(counts > rank).sum() for rank in range(len(order))]
        number += own.size * other.size
    loss = (W * D).sum() + margin * W.clip(0).sum()
    return loss / max(number, 1), W / max(number, 1)


def cube(D, y, margin):
    same, i = y == y[:, None], np.arange(len(y))
    formed = (same & (i != i[:, None]))[:, :, None] & ~same[:, None]
    hinges = np.where(formed, np.maximum(margin + D[:, :, None] - D[:, None], 0), 0)
    number = max(1, formed.sum())
    return hinges.sum() / number, ((hinges > 0).sum(2) - (hinges > 0).sum(1)) / number


@pytest.mark.parametrize("answer", [anchor_tables, one_search])
def test_every_form_of_the_batch_passes(answer):
    assert_passes("11.4", answer)


@pytest.mark.parametrize("answer", [cube, listed()])
def test_all_triplets_at_once_are_right_and_get_a_word(answer):
    assert_passes("11.4", answer, notes=True)


@pytest.mark.parametrize("over", ["all", "active"])
def test_the_batch_is_that_of_a_list_of_triplets(over):
    key = key_of("11.4", 0, over=over)
    for case, expected in zip(key.cases, key.expected, strict=True):
        D, y, margin = case.inputs.values()
        loss, W = listed(over)(np.asarray(D, float), y, margin)
        assert float(expected["loss"]) == pytest.approx(loss, rel=1e-12, abs=1e-12), case.name
        np.testing.assert_allclose(expected["W"], W, rtol=1e-12, atol=0, err_msg=case.name)


def test_w_is_the_derivative_by_finite_differences():
    answer, step = BATCH_ALL_SORTED.reference(BATCH_ALL_SORTED.variant()), 1e-5
    for case in key_of("11.4", 0).cases[4:7]:
        D, y, margin = case.inputs.values()
        _, W = answer(D, y, margin)
        for a, j in itertools.product(range(len(y)), repeat=2):
            ahead, behind = D.copy(), D.copy()
            ahead[a, j], behind[a, j] = D[a, j] + step, D[a, j] - step
            slope = (answer(ahead, y, margin)[0] - answer(behind, y, margin)[0]) / (2 * step)
            assert slope == pytest.approx(W[a, j], abs=1e-8), (case.name, a, j)


def test_three_points_of_the_batch_by_hand():
    case, expected = key_of("11.4", 0).cases[1], key_of("11.4", 0).expected[1]
    # Squares 1, 9 and 4, margin 5: from the first point 5 + 1 − 9 < 0, from the second 5 + 1 − 4.
    assert case.name == "three points on a line"
    assert printable(case)
    assert float(expected["loss"]) == 1
    assert expected["W"].tolist() == [[0, 0, 0], [0.5, 0, -0.5], [0, 0, 0]]


def test_no_triplet_of_the_batch_is_near_its_threshold_unless_it_is_on_it():
    for seed, over in itertools.product(SEEDS, ("all", "active")):
        for case in key_of("11.4", seed, over=over).cases:
            D, y, margin = case.inputs.values()
            a, p, n = np.array(triplets_of(y), int).reshape(-1, 3).T
            excess = np.abs(margin + D[a, p] - D[a, n])
            if case.name == "on the threshold":
                assert (excess == 0).any()
            else:
                assert excess.min(initial=1.0) > 1e-7, case.name


def worked(side="right", own=None, divide=lambda n: max(1, n), last=lambda loss, W: (loss, W)):
    """The worked answer with one of its parts exchanged."""

    def answer(D, y, margin):
        W, triplets = np.zeros(D.shape), 0
        for a, row in enumerate(D):
            mine = (y == y[a]) & (np.arange(len(y)) != a) if own is None else own(y, a)
            other = y != y[a]
            limits = margin + row[mine]
            W[a, mine] = np.searchsorted(np.sort(row[other]), limits)
            W[a, other] = np.searchsorted(np.sort(limits), row[other], side=side) - mine.sum()
            triplets += mine.sum() * other.sum()
        number = divide(triplets)
        total = (W * D).sum() + margin * W[W > 0].sum()
        return last(total / number, W / number)

    return answer


UNLISTED_BATCHES = {
    "the default side": (worked(side="left"), "the threshold counts", 3),
    "the anchor too": (worked(own=lambda y, a: y == y[a]), "the anchor as its own positive", 0),
    "NaN": (worked(divide=lambda n: n), "0 divided by 0", 3),
    "columns": (worked(last=lambda loss, W: (loss, W.T)), "transposed", 0),
    "minus": (worked(last=lambda loss, W: (loss, -W)), "signs of the weights", 0),
    "a sum": (worked(divide=lambda n: 1), "not divided", 0),
    "whole numbers": (worked(last=lambda loss, W: (loss, np.sign(W))), None, 0),
    "half a gradient": (worked(last=lambda loss, W: (loss, W / 2)), None, 0),
    "one flat array": (worked(last=lambda loss, W: (loss, W.ravel())), None, 0),
    "over the active": (listed("active"), "mean over the active", 0),
    "float32": (worked(last=lambda loss, W: (np.float32(loss), W.astype(np.float32))), None, 0),
    "only the loss": (worked(last=lambda loss, W: loss), None, 0),
    "later points as positives": (
        worked(own=lambda y, a: (y == y[a]) & (np.arange(len(y)) > a)),
        "each pair once",
        0,
    ),
}


@pytest.mark.parametrize("form", UNLISTED_BATCHES)
def test_no_near_miss_of_the_batch_passes(form):
    answer, mistake, earned = UNLISTED_BATCHES[form]
    assert_fails("11.4", answer, mistake, earned)


# ---------------------------------------------------------------- 11.5

RUNS = {
    "every triplet active at last": "collapsed",
    "half as many active": "learning",
    "no triplet at last": "no triplets",
    "no active triplet at last": "solved",
    "two in five active": "not learning",
    "two in five active, each open by the margin": "not learning",
    "half active, each open by two margins": "not learning",
    "all active, the loss falls": "learning",
    "all active, a little above the margin": "not learning",
    "all active, a little below the margin": "not learning",
    "all active, far above the margin": "not learning",
    "all active, a small margin": "not learning",
    "nearly all active, at the margin": "not learning",
    "few active at last, and these wide open": "solved",
    "many active, hardly open": "not learning",
    "fewer active, and wider open": "learning",
    "fewer active, and open twice as wide": "not learning",
    "as many active, and wider open": "not learning",
    "a fall of three percent": "not learning",
    "one in twenty active": "learning",
    "learned at first, at rest since": "not learning",
    "few active since long": "solved",
    "a good start, then the margin": "collapsed",
    "at the margin, then away": "learning",
    "at the margin in the last epoch": "not learning",
    "at the margin but for the last epoch": "not learning",
    "no triplet any more": "no triplets",
    "twenty epochs, fewer and fewer active": "learning",
    "from above to the margin": "collapsed",
    "just now at the margin": "collapsed",
    "at a large margin": "collapsed",
    "twelve epochs, the last six": "learning",
    "thirty epochs, the last three": "learning",
    "collapsed for three epochs": "collapsed",
    "began without triplets": "learning",
    "at rest, one empty epoch": "not learning",
    "one empty epoch": "learning",
    "one empty epoch, few active": "solved",
}


@pytest.mark.parametrize("average", ["active", "all"])
def test_every_run_has_the_name_of_its_story(average):
    for seed in range(20):
        variant = NAME_THE_RUN.variant(average=average)
        found = {
            case.name: str(NAME_THE_RUN.expected(case, variant)["result"])
            for case in NAME_THE_RUN.draw(seed, variant)
        }
        assert found == RUNS
    assert set(RUNS.values()) == set(NAMES)


@pytest.mark.parametrize("average", ["active", "all"])
def test_the_curves_of_a_run_are_possible(average):
    for case in key_of("11.5", 0, average=average).cases:
        losses, active, triplets, margin, last = case.inputs.values()
        assert ((active >= 0) & (active <= triplets)).all()
        assert ((losses > 0) == (active > 0)).all()
        assert len(losses) >= 2 * last
        assert margin > 0


def epoch_by_epoch(losses, active, triplets, margin, last):
    """The same rules in loops over the epochs, without arrays."""
    epochs = list(zip(losses.tolist(), active.tolist(), triplets.tolist(), strict=True))
    end, before = epochs[-last:], epochs[-2 * last : -last]
    if all(number == 0 for _, _, number in end):
        return "no triplets"
    if all(a == t and math.isclose(loss, margin, rel_tol=1e-3) for loss, a, t in end):
        return "collapsed"
    if 100 * sum(a for _, a, _ in end) < sum(t for _, _, t in end):
        return "solved"
    late, early = (sum(x * a for x, a, _ in p) / sum(t for *_, t in p) for p in (end, before))
    return "learning" if 1 - late / early >= 0.05 else "not learning"


def means_of_epochs(losses, active, triplets, margin, last):
    """Each epoch weighs the same, where it has triplets: close enough for every case."""
    there = triplets > 0
    shares = np.where(there, active / np.maximum(triplets, 1), 0)
    end, before = slice(-last, None), slice(-2 * last, -last)
    if not there[end].any():
        return "no triplets"
    if (shares[end] == 1).all() and np.allclose(losses[end], margin, rtol=1e-3, atol=0):
        return "collapsed"
    if shares[end][there[end]].mean() < 0.01:
        return np.str_("solved")
    level = [(losses * shares)[part][there[part]].mean() for part in (end, before)]
    return " learning " if level[0] < 0.95 * level[1] else "not learning\n"


def with_empty_epochs(average):
    """The mean of the epochs' own means: an epoch without triplets has a mean of 0."""

    def answer(losses, active, triplets, margin, last):
        name = NAME_THE_RUN.reference(NAME_THE_RUN.variant(average=average))(
            losses, active, triplets, margin, last
        )
        if name not in ("learning", "not learning"):
            return name
        shares = np.divide(active, triplets, where=triplets > 0, out=np.zeros(len(losses)))
        means = losses if average == "all" else losses * shares
        fell = means[-last:].mean() <= 0.95 * means[-2 * last : -last].mean()
        return "learning" if fell else "not learning"

    return answer


@pytest.mark.parametrize("average", ["active", "all"])
def test_an_empty_epoch_does_not_halve_the_mean(average):
    assert_fails("11.5", with_empty_epochs(average), "epochs averaged", earned=2, average=average)


@pytest.mark.parametrize("answer", [epoch_by_epoch, means_of_epochs])
def test_every_form_of_the_rules_passes(answer):
    assert_passes("11.5", answer)


def renamed(change):
    return lambda *inputs: change(epoch_by_epoch(*inputs))


def by_loss_alone(losses, active, triplets, margin, last):
    """What many would read off the loss."""
    if losses[-1] == 0:
        return "solved"
    if np.ptp(losses[-last:]) < 0.01 * losses[-1]:
        return "collapsed"
    return "learning" if losses[-1] < losses[0] else "not learning"


@pytest.mark.parametrize("name", NAMES)
def test_one_name_for_all_earns_nothing(name):
    assert_fails("11.5", lambda *inputs: name, "one name for all", earned=0)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (by_loss_alone, "a plateau taken for a collapse"),
        (renamed(lambda name: {"solved": "learning"}.get(name, name)), None),
        (renamed(lambda name: {"not learning": "learning"}.get(name, name)), None),
        (renamed(NAMES.index), None),
        (renamed(lambda name: name == "collapsed"), None),
        (renamed(lambda name: (name,)), None),
        (renamed(str.upper), None),
    ],
)
def test_no_near_miss_of_the_names_passes(answer, mistake):
    assert_fails("11.5", answer, mistake, earned=0)


def test_a_text_that_is_no_name_is_told_the_names():
    found = next(verdicts("11.5", renamed(lambda name: "collapse")))
    assert 'Your answer returned "collapse"; asked is one of "no triplets", ' in plain(found)


@pytest.mark.parametrize("value", [3, True, (), 0.5, ["learning"], np.array(["learning"])])
def test_whatever_is_no_text_is_told_so(value):
    found = next(verdicts("11.5", lambda *inputs: value))
    assert (found.outcome, found.earned) == (FAILED, 0)
    assert found.mistake is None
