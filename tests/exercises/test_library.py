"""The library solves the course's exercises: on NumPy arrays, and on tensors of every device."""

import numpy as np
import pytest
import torch

from dmlcourse import exercises, geometry
from dmlcourse.checks.judging import PASSED, Key, judge
from dmlcourse.checks.render import plain
from dmlcourse.observing import observe

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
LIBRARY = {
    "02.1": lambda X, Y, M: geometry.mahalanobis(X, Y, M=M),
    "02.2": geometry.factor,
    "02.3": geometry.project_psd,
    "02.4": geometry.is_psd,
    "02.5": geometry.aligning_isometry,
}


def on(device, solve):
    """The same answer, with its inputs and its result carried to the device and back."""

    def answer(*inputs):
        tensors = [torch.from_numpy(np.ascontiguousarray(value)).to(device) for value in inputs]
        found = solve(*tensors)
        if isinstance(found, torch.Tensor):
            assert found.device.type == device
            assert found.dtype == tensors[0].dtype
            return found.cpu().numpy()
        return found

    return answer


def verdict(number, answer):
    key = Key(exercises.find(number), seed=3)
    return judge(key, [observe(key.exercise.kind, answer, case) for case in key.cases])


def test_every_exercise_has_its_place_in_the_library():
    assert list(LIBRARY) == exercises.numbers()


@pytest.mark.parametrize("number", LIBRARY)
def test_on_numpy_arrays(number):
    found = verdict(number, LIBRARY[number])
    assert found.outcome == PASSED, plain(found)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("number", LIBRARY)
def test_on_tensors(number, device):
    found = verdict(number, on(device, LIBRARY[number]))
    assert found.outcome == PASSED, plain(found)
