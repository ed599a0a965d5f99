"""Every kind of answer on a toy: what is observed of a right one, a wrong one and an empty one."""

import numpy as np
import pytest
import torch

from dmlcourse.observing import (
    KINDS,
    Artefact,
    Case,
    Choice,
    Estimator,
    Function,
    Gradient,
    Module,
    Sampler,
    kind_from,
    observe,
)

X = np.array([[1.0, 2.0], [3.0, 4.0]])


def values(kind, answer, case):
    seen = observe(kind, answer, case)
    assert seen.fault is None, seen.fault
    return {name: value.array for name, value in seen.values.items()}


def test_a_function_is_called_with_the_inputs_in_order():
    found = values(Function(), lambda a, b: a - b, Case("toy", {"a": X, "b": np.ones((2, 2))}))
    assert np.array_equal(found["result"], X - 1)


def test_a_function_of_several_results_names_them():
    kind = Function(returns=("low", "high"))
    found = values(kind, lambda a: (a.min(), a.max()), Case("toy", {"a": X}))
    assert (found["low"], found["high"]) == (1, 4)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (X, "one array."),
        (X.min(), "one number."),
        (3.0, "one number."),
        (True, "one number."),
        ({"low": 1}, "one dict."),
        (torch.ones(2), "one Tensor."),
        ((), "no things."),
        ((1,), "one thing."),
        ((1, 2, 3), "three things."),
        ([0] * 12, "12 things."),
        (None, "None. Does it end with a return statement?"),
    ],
)
def test_a_function_of_several_results_is_told_how_many_came_and_which_are_asked(returned, said):
    kind = Function(returns=("low", "high"))
    fault = observe(kind, lambda a: returned, Case("toy", {"a": X})).fault
    asked = "Asked are two things, in this order: low, high."
    assert (fault.type, fault.line) == ("WrongCount", "")
    assert fault.message == f"Your answer returned {said} {asked}"


@pytest.mark.parametrize("several", [tuple, list])
def test_several_results_come_as_a_tuple_or_a_list(several):
    kind = Function(returns=("low", "high"))
    found = values(kind, lambda a: several([a.min(), a.max()]), Case("toy", {"a": X}))
    assert (found["low"], found["high"]) == (1, 4)


def test_a_torch_function_gets_tensors():
    found = observe(Function(backend="torch"), lambda a: torch.exp(a), Case("toy", {"a": X}))
    assert found.values["result"].type == "tensor"
    assert np.allclose(found.values["result"].array, np.exp(X))


def test_a_gradient_is_autograds():
    case = Case("toy", {"a": X, "b": np.ones((2, 2))})
    found = values(Gradient(wrt=("a",)), lambda a, b: (a**2 * b).sum(), case)
    assert found["value"] == 30
    assert np.array_equal(found["gradient by a"], 2 * X)


def test_a_detached_result_has_no_gradient():
    seen = observe(Gradient(wrt=("a",)), lambda a: a.detach().sum(), Case("toy", {"a": X}))
    assert seen.values["gradient by a"].type == "NoneType"


class Halves(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = torch.nn.Linear(width, 1, bias=False)

    def forward(self, x):
        return self.linear(x) / 2


MODULE_CASE = Case(
    "toy",
    {"x": X},
    given={"arguments": {"width": 2}, "weights": {"linear.weight": np.array([[1.0, -1.0]])}},
)


def test_a_module_runs_with_the_judges_weights():
    found = values(Module(), Halves, MODULE_CASE)
    assert np.array_equal(found["output"], [[-0.5], [-0.5]])
    assert np.array_equal(found["gradient by linear.weight"], [[2.0, 3.0]])


def test_a_module_with_other_parameters_fails_with_their_names():
    class Renamed(Halves):
        def __init__(self, width):
            super().__init__(width)
            self.layer = self.linear
            del self.linear

    assert "layer.weight" in observe(Module(), Renamed, MODULE_CASE).fault.message


def test_a_sampler_is_read_up_to_its_limit():
    def forever(n):
        while True:
            yield list(range(n))

    found = values(Sampler(most=3), forever, Case("toy", {"n": 2}))
    assert found["lengths"].tolist() == [2, 2, 2, 2]
    assert found["indices"].tolist() == [0, 1] * 4


class Centre:
    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y):
        self.components_ = self.scale * np.eye(X.shape[1])
        return self

    def transform(self, X):
        return X @ self.components_.T


def test_an_estimator_is_fitted_and_transforms():
    given = {"arguments": {"scale": 2.0}, "new": X}
    case = Case("toy", {"X": X, "y": np.array([0, 1])}, given=given)
    found = values(Estimator(), Centre, case)
    assert np.array_equal(found["components_"], 2 * np.eye(2))
    assert np.array_equal(found["transform"], 2 * X)
    assert found["fit returns the estimator"]


def test_a_choice_is_a_value():
    assert observe(Choice(options=("A", "B")), " B ", Case("toy", {})).values["answer"].text == "B"
    assert observe(Choice(), 3, Case("toy", {})).values["answer"].array == 3


def test_an_artefact_is_a_dict_or_an_npz_without_pickles(tmp_path):
    np.savez(tmp_path / "right.npz", predictions=X)
    np.savez(tmp_path / "pickled.npz", predictions=np.array([{}], dtype=object))
    case = Case("toy", {})
    assert np.array_equal(values(Artefact(), {"predictions": X}, case)["predictions"], X)
    assert np.array_equal(values(Artefact(), tmp_path / "right.npz", case)["predictions"], X)
    assert "pickle" in observe(Artefact(), tmp_path / "pickled.npz", case).fault.message
    assert "predictions" in observe(Artefact(), {"wrong": X}, case).fault.message


@pytest.mark.parametrize("kind", [k() for k in KINDS.values()], ids=lambda k: type(k).__name__)
def test_every_kind_travels_as_plain_values(kind):
    assert kind_from(kind.describe()) == kind


def test_a_class_whose_methods_are_all_empty_is_not_attempted():
    class Stub(torch.nn.Module):
        def forward(self, x):
            """Return the embedding."""
            ...

    assert observe(Module(), Stub, MODULE_CASE).empty
    assert not observe(Module(), Halves, MODULE_CASE).empty


@pytest.mark.parametrize("answer", [None, ...])
def test_an_empty_choice_is_not_attempted(answer):
    assert observe(Choice(), answer, Case("toy", {})).empty
