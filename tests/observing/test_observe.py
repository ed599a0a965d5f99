"""What is written down when an answer misbehaves."""

import contextlib
import time

import numpy as np
import pytest

from dmlcourse.observing import Case, Function, TimeUp, observe, seen, time_limit

CASE = Case("toy", {"a": np.array([1.0, 2.0])})


def stub(a):
    """Return something."""
    # your code here
    ...


def stub_without_docstring(a): ...


def returns_none(a):
    return print(end="")


def returns_a_constant(a):
    """Return something."""
    return "abc"


@pytest.mark.parametrize(
    ("answer", "empty"),
    [
        (stub, True),
        (stub_without_docstring, True),
        (None, True),
        (returns_none, False),
        (returns_a_constant, False),
        (lambda a: 5, False),
        (np.sum, False),
    ],
)
def test_only_a_function_that_does_nothing_is_empty(answer, empty):
    assert observe(Function(), answer, CASE).empty is empty


def test_an_exception_keeps_its_type_message_and_line():
    def answer(a):
        b = a + 1
        return b[5]

    fault = observe(Function(), answer, CASE).fault
    assert (fault.type, fault.line) == ("IndexError", "return b[5]")
    assert "out of bounds" in fault.message


@pytest.mark.parametrize("answer", [lambda: 0, lambda a, b: 0])
def test_a_wrong_number_of_parameters_is_told_by_name(answer):
    fault = observe(Function(), answer, CASE).fault
    assert fault.type == "WrongArguments"
    assert "is called with (a)" in fault.message


def test_a_value_that_cannot_be_called_is_named():
    assert "42 cannot be called" in observe(Function(), 42, CASE).fault.message


def test_an_endless_loop_is_stopped():
    def answer(a):
        while True:
            a = a + 1

    before = time.perf_counter()
    assert observe(Function(), answer, CASE, seconds=0.2).stopped
    assert time.perf_counter() - before < 2


def test_a_loop_that_swallows_exceptions_is_stopped_too():
    def answer(a):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    assert observe(Function(), answer, CASE, seconds=0.2).stopped


def test_the_limit_is_lifted_after_the_body():
    with time_limit(0.1):
        pass
    time.sleep(0.2)
    with pytest.raises(TimeUp), time_limit(0.05):
        time.sleep(1)


def test_an_input_changed_in_place_is_noticed_and_the_case_stays_as_it_was():
    def answer(a):
        a += 1
        return a

    assert observe(Function(), answer, CASE).modified == ("a",)
    assert CASE.inputs["a"].tolist() == [1, 2]


@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_layouts_hold_the_same_numbers(layout):
    matrix = np.arange(6.0).reshape(3, 2)
    laid = Case("toy", {"a": matrix}, layout=layout).laid_out()["a"]
    assert np.array_equal(laid, matrix)
    assert laid.flags.c_contiguous == (layout == "C")


def test_a_case_with_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="expected one of C, F, strided"):
        Case("toy", {}, layout="sparse")


def test_a_case_that_weighs_measures_memory():
    case = Case("toy", {"n": 1_000_000}, weigh=True)
    assert 8e6 < observe(Function(), lambda n: np.ones(n).sum(), case).peak < 9e6


def test_values_that_lie_about_themselves_become_plain():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return np.ones(self.shape, bool)

    value = seen(np.zeros(3).view(Liar))
    assert type(value.array) is np.ndarray
    assert value.type == "Liar"


@pytest.mark.parametrize(
    ("value", "kind", "has_numbers"),
    [
        (None, "NoneType", False),
        ("text", "str", False),
        ([1, 2], "list", True),
        ([[1], [2, 3]], "list", False),
        ({"a": 1}, "dict", False),
        (True, "bool", True),
        (np.float32(2), "float32", True),
    ],
)
def test_every_value_has_a_type_and_numbers_where_it_has_some(value, kind, has_numbers):
    found = seen(value)
    assert found.type == kind
    assert (found.array is not None) is has_numbers


def test_bfloat16_is_widened_and_named():
    import torch

    found = seen(torch.ones(2, dtype=torch.bfloat16))
    assert (found.type, found.array.dtype) == ("bfloat16 tensor", np.float32)
