"""From observations to a verdict, on toys: outcomes, words, points, budgets."""

from html import escape

import numpy as np
import pytest

from dmlcourse.checks import render
from dmlcourse.checks.judging import (
    ERROR,
    FAILED,
    NOT_ATTEMPTED,
    PASSED,
    STOPPED,
    Key,
    judge,
)
from dmlcourse.exercises.spec import Complaint, Exercise, Mistake
from dmlcourse.observing import Artefact, Case, Choice, Function, Module, Observation, observe


def double(a):
    return 2 * a


def cases(rng, variant):
    yield Case("one number", {"a": np.array([3.0])})
    yield Case("three numbers", {"a": rng.normal(size=3)})
    yield Case("float32", {"a": rng.normal(size=3).astype(np.float32)}, group="edge")


def toy(**changes):
    parts = {
        "number": "99.1",
        "name": "double",
        "title": "Twice",
        "points": 3,
        "minutes": 10,
        "kind": Function(),
        "statement": "Double it.",
        "skeleton": 'def double(a):\n    """Return twice a."""',
        "hints": ("Add a to something.", "Which number plus a is twice a?"),
        "groups": {"values": 2, "edge": 1},
        "cases": cases,
        "reference": lambda variant: double,
        "mistakes": lambda variant: (
            Mistake("squared", lambda a: a**2, "You squared it."),
            Mistake("halved", lambda a: a / 2, "You halved it."),
        ),
    }
    return Exercise(**(parts | changes))


def verdict(answer, exercise=None):
    key = Key(exercise or toy())
    return judge(key, [observe(key.exercise.kind, answer, case, seconds=0.3) for case in key.cases])


def loop(a):
    while True:
        pass


def not_written(a):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (double, PASSED),
        (lambda a: a + a, PASSED),
        (lambda a: 3 * a, FAILED),
        (lambda a: a.no_such_thing, ERROR),
        (lambda a: print(end=""), FAILED),
        (lambda a: None, NOT_ATTEMPTED),
        (not_written, NOT_ATTEMPTED),
        (lambda: 3, ERROR),
        (42, ERROR),
        (loop, STOPPED),
    ],
)
def test_each_outcome(answer, outcome):
    assert verdict(answer).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda a: print(end=""), "returned None"),
        (lambda a: "six", "got 'six'; expected numbers"),
        (lambda a: {"a": 1}, "returned a dict"),
        (lambda a: a[None], "the shape is (1, 1); expected (1,)"),
        (lambda a: 2 * a + 0j, "complex"),
        (lambda a: np.full_like(a, np.nan), "expected 6, got NaN"),
        (lambda a: a * np.inf, "got inf"),
        (lambda a: np.array(["x"]), "array"),
        (lambda a: (2 * a).astype(int), "Your result is int64; the inputs are float64."),
        (lambda a: (2 * a).astype(np.float16) * 1.001, "float16"),
        (lambda a: a.no_such_thing, "in the line `(lambda a: a.no_such_thing"),
        (lambda: 3, "it takes (nothing) and is called with (a)"),
        (42, "42 cannot be called"),
    ],
)
def test_what_is_wrong_is_said(answer, said):
    assert said.lower() in render.plain(verdict(answer)).lower()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "Your answer returned None. Does it end with a return statement?"),
        ((None, None), "Your answer returned None. Does it end with a return statement?"),
        ((None, 2.0), "similar is None."),
        ((2.0, None), "dissimilar is None."),
    ],
)
def test_where_nothing_is_returned_it_is_the_return_that_is_missing(found, said):
    """One None of several has a name; a loss without a value has no gradients either."""
    names = ("similar", "dissimilar")
    exercise = toy(
        kind=Function(returns=names),
        reference=lambda variant: lambda a: (1.0, 2.0),
        mistakes=lambda variant: (),
    )
    assert verdict(lambda a: found, exercise).finding.sentence.startswith(said)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("entry [0]: expected 1, got 2.", "Entry [0]: expected 1, got 2."),
        ("got 'six'; expected numbers.", "Got 'six'; expected numbers."),
        ("the shape is (1,).", "The shape is (1,)."),
        ("eigenvalues of L·Lᵀ: got 2.", "Eigenvalues of L·Lᵀ: got 2."),
        ("k is 1 and points have 2 coordinates.", "k is 1 and points have 2 coordinates."),
        ("a is a name, too.", "a is a name, too."),
        ("tr(L·A·Lᵀ): expected 5, got 4.", "tr(L·A·Lᵀ): expected 5, got 4."),
        ("step: expected 1, got 2.", "step: expected 1, got 2."),
        ("components_: the shape is (2,).", "components_: the shape is (2,)."),
        ("xᵀLx is no distance.", "xᵀLx is no distance."),
        ("d² is squared.", "d² is squared."),
        ("L has too many rows.", "L has too many rows."),
        ("1 is too much.", "1 is too much."),
    ],
)
def test_words_begin_with_a_capital_and_symbols_stay(sentence, shown):
    def complain(case, seen, expected):
        raise Complaint(sentence)

    words = render.lines(verdict(double, toy(judge=complain)))
    assert words[2] == shown


def least_and_largest(a):
    return a.min(), a.max()


@pytest.fixture
def pair():
    """An exercise with two results."""
    swapped = Mistake("swapped", lambda a: least_and_largest(a)[::-1], "You exchanged the two.")
    return toy(
        kind=Function(returns=("low", "high")),
        cases=lambda rng, variant: [Case("two numbers", {"a": np.array([1.0, 2.0])})],
        groups={},
        reference=lambda variant: least_and_largest,
        mistakes=lambda variant: (swapped,),
    )


class TestSeveralResults:
    def test_the_right_ones_pass(self, pair):
        assert verdict(least_and_largest, pair).outcome == PASSED

    @pytest.mark.parametrize("answer", [np.min, lambda a: (a.min(),), lambda a: print(end="")])
    def test_another_number_of_them_is_wrong_and_no_error(self, pair, answer):
        found = verdict(answer, pair)
        assert (found.outcome, found.earned) == (FAILED, 0)
        first, _, said = render.lines(found)
        assert first == "99.1 Twice: not yet."
        assert said.startswith("Your answer returned ")
        assert said.endswith("Asked are two things, in this order: low, high.")

    def test_an_error_of_the_answer_stays_one(self, pair):
        def unpacks(a):
            low, high = a.min()
            return low, high

        found = verdict(unpacks, pair)
        assert found.outcome == ERROR
        assert "TypeError" in found.finding.sentence

    def test_another_order_can_be_a_mistake(self, pair):
        assert verdict(lambda a: (a.max(), a.min()), pair).mistake.name == "swapped"


# ---------------------------------------------------------------- which case is shown


TRIPLED = Mistake("tripled", lambda a: 3 * a, "You took three times a.")
# The same as long as there is one number.
AT_FIRST = Mistake("at first", lambda a: np.where(a < 2.5, 3 * a, 2 * a), "Only the first.")


def shown_with(answer, *sizes, edge=()):
    """The mistake that an answer is taken for and the case beside it, where each has a size."""
    drawn = [
        Case(f"size {n}", {"a": np.arange(2.0, n + 2)}, group=group)
        for group, numbers in (("values", sizes), ("edge", edge))
        for n in numbers
    ]
    exercise = toy(cases=lambda rng, variant: drawn, mistakes=lambda variant: (TRIPLED, AT_FIRST))
    found = verdict(answer, exercise)
    return found.mistake.name, found.finding.case.name


def test_the_case_shown_is_the_smallest_that_tells_the_mistake():
    assert shown_with(lambda a: 3 * a, 1, 2, 18) == ("tripled", "size 2")
    assert shown_with(lambda a: 3 * a, 1, 18) == ("tripled", "size 18")


def test_where_that_is_too_large_to_print_the_smallest_that_fails_is_shown():
    assert shown_with(lambda a: 3 * a, 1, 19) == ("tripled", "size 1")
    assert shown_with(lambda a: 3 * a, 1, 19, 2) == ("tripled", "size 2")
    assert shown_with(lambda a: 3 * a, 20, 19) == ("tripled", "size 20")


def test_one_that_earns_the_first_points_is_shown_before_one_of_another_group():
    assert shown_with(lambda a: 3 * a, 1, edge=[2]) == ("tripled", "size 1")
    assert shown_with(lambda a: 3 * a, 1, 19, edge=[2]) == ("tripled", "size 1")


def test_a_small_case_on_which_the_mistake_does_something_else_is_not_shown():
    def answer(a):
        return 5 * a if len(a) == 1 else 3 * a

    assert shown_with(answer, 1, 19, 20, 21, 22, 23) == ("tripled", "size 19")


def test_a_known_mistake_gets_its_sentence_and_the_smallest_case_that_shows_it():
    found = verdict(lambda a: a * a)
    assert found.mistake.name == "squared"
    assert render.plain(found).splitlines() == [
        "99.1 Twice: not yet.",
        "  One number: a = [3].",
        "  Expected 6, got 9.",
        "  You squared it.",
    ]


def test_an_unknown_wrong_answer_gets_no_invented_diagnosis():
    assert verdict(lambda a: 2 * a + 1).mistake is None


def test_an_answer_that_is_half_a_mistake_is_not_taken_for_it():
    assert verdict(lambda a: a**2 if a.size == 1 else a - 7).mistake is None


@pytest.mark.parametrize(
    ("answer", "name"),
    [(lambda a: a ^ a, "a caret"), (lambda a: a(1), None), (lambda a: a & 0.5, None)],
)
def test_where_only_errors_speak_for_a_mistake_they_have_to_be_the_same(answer, name):
    caret = Mistake("a caret", lambda a: a ^ a, "A caret is no power.")
    found = verdict(answer, toy(mistakes=lambda variant: (caret,)))
    assert (found.mistake.name if found.mistake else None) == name
    assert found.outcome == (FAILED if name else ERROR)


def test_a_small_error_is_compared_with_what_rounding_explains():
    words = render.plain(verdict(lambda a: 2 * a + 1e-9))
    assert "Off by 1e-09; rounding explains at most" in words


def test_rounding_passes_and_what_rounding_cannot_explain_fails():
    def rounded(a):
        return (2 * a) * (1 + 2.0**-52)

    assert verdict(rounded).outcome == PASSED
    assert verdict(lambda a: 2 * a * (1 + 1e-12)).outcome == FAILED


@pytest.mark.parametrize(
    ("answer", "earned"),
    [
        (double, 3),
        (lambda a: 2 * a if a.dtype == np.float64 else a, 2),
        (lambda a: 2 * a if a.dtype == np.float32 else a, 0),
        (lambda a: a, 0),
    ],
)
def test_the_first_group_gates_the_others(answer, earned):
    assert verdict(answer).earned == earned


def test_a_note_passes_and_is_said():
    note = Mistake("by addition", lambda a: a / 2, "Fine, and unusual.", severity="note")
    found = verdict(lambda a: a * 0.5, toy(mistakes=lambda variant: (note,)))
    assert (found.outcome, found.earned, found.notes) == (PASSED, 3, ("Fine, and unusual.",))


def test_an_input_changed_in_place_is_a_note():
    def in_place(a):
        a *= 2
        return a

    found = verdict(in_place)
    assert found.outcome == PASSED
    assert "changes a in place" in found.notes[0]


def test_missing_observations_count_as_stopped():
    key = Key(toy())
    first = observe(key.exercise.kind, double, key.cases[0])
    assert judge(key, [first]).outcome == STOPPED
    assert judge(key, []).earned == 0


def test_a_pass_is_one_line_that_names_points():
    assert render.plain(verdict(double)) == "99.1 Twice: passed (3 points)."


def test_html_says_the_same_words_and_escapes_them():
    found = verdict(lambda a: a["<b>"])
    assert "<b>" in render.plain(found)
    assert "<b>" not in render.html(found)
    for line in render.lines(found):
        assert escape(line) in render.html(found)


def test_a_predicate_judges_answers_that_have_many_right_values():
    def even(case, seen, expected):
        if seen["result"] % 2:
            raise Complaint("Your number is odd; expected an even one.")

    any_even = toy(
        cases=lambda rng, variant: [Case("any", {"a": np.array(1.0)}, group="values")],
        judge=even,
        groups={},
        mistakes=lambda variant: (Mistake("odd", lambda a: 7, "Seven is odd."),),
    )
    assert verdict(lambda a: 4, any_even).outcome == PASSED
    assert verdict(lambda a: 5, any_even).finding.sentence.startswith("Your number is odd")


def test_a_choice_is_judged_and_its_mistake_named():
    choice = toy(
        kind=Choice(options=("A", "B", "C")),
        cases=lambda rng, variant: [Case("the question", {})],
        groups={},
        reference=lambda variant: "B",
        mistakes=lambda variant: (Mistake("first", "A", "A is the ruler's answer."),),
    )
    assert verdict("B", choice).outcome == PASSED
    assert verdict("A", choice).mistake.name == "first"
    assert verdict("C", choice).mistake is None
    assert verdict(None, choice).outcome == NOT_ATTEMPTED


def test_an_artefact_is_judged_by_an_interval():
    labels = np.arange(10) % 2

    def accurate(case, seen, expected):
        share = (seen["predictions"] == labels).mean()
        if share < 0.8:
            raise Complaint(f"{share:.0%} of the predictions are right; expected at least 80%.")

    artefact = toy(
        kind=Artefact(),
        cases=lambda rng, variant: [Case("hidden labels", {})],
        groups={},
        reference=lambda variant: {"predictions": labels},
        mistakes=lambda variant: (),
        judge=accurate,
    )
    assert verdict({"predictions": labels}, artefact).outcome == PASSED
    words = render.plain(verdict({"predictions": 1 - labels}, artefact))
    assert "0% of the predictions are right" in words


def test_a_module_is_judged_with_a_mistake_that_overrides_one_method():
    import torch

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))

        def forward(self, x):
            return x @ self.weight

    class Absolute(Linear):
        def forward(self, x):
            return super().forward(x).abs()

    def module_cases(rng, variant):
        for n in (1, 4):
            weights = {"weight": rng.normal(size=2)}
            yield Case(f"{n} rows", {"x": rng.normal(size=(n, 2))}, given={"weights": weights})

    module = toy(
        kind=Module(),
        cases=module_cases,
        groups={},
        reference=lambda variant: Linear,
        mistakes=lambda variant: (Mistake("absolute", Absolute, "Your output has no sign."),),
    )
    assert verdict(Linear, module).outcome == PASSED
    assert verdict(Absolute, module).mistake.name == "absolute"


def outward(a):
    """Infinite for what is not positive."""
    return np.where(a > 0, a, np.inf)


def toy_with_infinities(**changes):
    parts = {
        "cases": lambda rng, variant: [Case("three numbers", {"a": np.array([-1.0, 2.0, 3.0])})],
        "groups": {},
        "reference": lambda variant: outward,
        "mistakes": lambda variant: (
            Mistake("wrong sign", lambda a: -outward(a), "Your result has the other sign."),
            Mistake("doubled", lambda a: 2 * outward(a), "Your numbers are doubled."),
        ),
        # An error in proportion to the value: infinite where the value is.
        "budget": lambda case, expected: {k: 1e-15 * np.abs(v) for k, v in expected.items()},
    }
    return toy(**(parts | changes))


@pytest.mark.parametrize("changes", [{}, {"budget": toy().budget}], ids=["relative", "default"])
class TestInfinity:
    def test_where_infinity_is_expected_it_passes(self, changes):
        assert verdict(lambda a: outward(a) + 0.0, toy_with_infinities(**changes)).outcome == PASSED

    @pytest.mark.parametrize(
        ("value", "said"), [(7.0, "got 7."), (-np.inf, "got -inf."), (np.nan, "got NaN.")]
    )
    def test_nothing_else_passes_for_it(self, value, said, changes):
        exercise = toy_with_infinities(**changes)
        found = verdict(lambda a: np.where(a > 0, a, value), exercise)
        assert found.outcome == FAILED
        assert found.finding.sentence == f"entry [0]: expected inf, {said}"

    def test_it_does_not_pass_for_a_number(self, changes):
        found = verdict(lambda a: np.full_like(a, np.inf), toy_with_infinities(**changes))
        assert found.finding.sentence == "entry [1]: expected 2, got inf."

    def test_an_equal_one_is_not_what_is_shown(self, changes):
        def off(a):
            return outward(a) * np.array([1, 1, 1.001])

        sentence = verdict(off, toy_with_infinities(**changes)).finding.sentence
        assert sentence.startswith("entry [2]: expected 3, got 3.003. Off by 0.003")

    @pytest.mark.parametrize(("factor", "name"), [(-1, "wrong sign"), (2, "doubled")])
    def test_a_mistake_with_infinities_is_recognised(self, factor, name, changes):
        exercise = toy_with_infinities(**changes)
        assert verdict(lambda a: factor * outward(a), exercise).mistake.name == name

    def test_the_same_infinity_alone_makes_no_likeness(self, changes):
        exercise = toy_with_infinities(**changes)
        assert verdict(lambda a: outward(a) + np.array([0, 5, 5]), exercise).mistake is None


def test_nothing_in_place_of_a_text_is_said():
    found = verdict(lambda a: (), toy(reference=lambda variant: lambda a: "six"))
    assert found.finding.sentence == "got nothing; expected text."


def test_text_is_never_like_a_number():
    mean = Mistake("mean", np.mean, "You took the mean.")
    exercise = toy(reference=lambda variant: np.sum, mistakes=lambda variant: (mean,))
    found = verdict(lambda a: "six", exercise)
    assert found.mistake is None
    assert found.finding.sentence == "got 'six'; expected numbers."


def test_whole_numbers_are_no_loss_of_precision_where_labels_are_asked():
    def labels(a):
        return (a > 0).astype(int)

    exercise = toy(reference=lambda variant: labels, mistakes=lambda variant: ())
    sentence = verdict(lambda a: 7 + labels(a), exercise).finding.sentence
    assert sentence == "expected 1, got 8."


def test_points_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="the groups give 2 points, the exercise 3"):
        toy(groups={"values": 2})


def test_cases_in_an_unknown_group_are_refused():
    with pytest.raises(ValueError, match=r"unknown groups \['edge'\]"):
        toy(groups={"values": 3}).draw(0)


def test_an_unlisted_variant_is_refused():
    with pytest.raises(ValueError, match="no variant squared=True"):
        toy().variant(squared=True)


def test_an_answer_that_ends_its_process_is_not_said_to_have_taken_too_long(toy):
    key = Key(toy.exercise, seed=0)
    ended, slow = judge(key, []), judge(key, [Observation(stopped=True)])
    assert ended.outcome == slow.outcome == STOPPED
    assert "ended its own process" in ended.finding.sentence
    assert "time limit" in slow.finding.sentence
