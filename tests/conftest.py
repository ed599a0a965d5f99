"""What several rooms test with: toy exercises, the devices there are, torch on one thread.

There is a toy exercise for each kind of answer, with its right answer and one wrong in a known way.
Answers are source text, as a learner writes them, so that the notebook's way and the grader's jail
can both be tried on the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dmlcourse.exercises.spec import Exercise, Mistake
from dmlcourse.observing import (
    Around,
    Artefact,
    Case,
    Choice,
    Estimator,
    Function,
    Gradient,
    Kind,
    Module,
    Sampler,
)


@dataclass(frozen=True)
class Toy:
    """A kind, the cases it is tried on, and two answers as source that defines ``answer``."""

    kind: Kind
    cases: Callable[[np.random.Generator], list[Case]]
    right: str
    wrong: str

    def answer(self, source: str) -> Any:
        """The answer that the source defines."""
        space: dict[str, Any] = {}
        exec(source, space)
        return space["answer"]

    @property
    def exercise(self) -> Exercise:
        """The toy as an entry like any other."""
        return Exercise(
            number="99.9",
            name="answer",
            title="Toy",
            points=1,
            minutes=10,
            kind=self.kind,
            statement="Answer.",
            skeleton="def answer(x):\n    ...",
            hints=("One.", "Two."),
            cases=lambda rng, variant: self.cases(rng),
            reference=lambda variant: self.answer(self.right),
            mistakes=lambda variant: (Mistake("known", self.answer(self.wrong), "Known."),),
        )


def _vectors(rng: np.random.Generator) -> list[Case]:
    return [Case(f"{n} numbers", {"x": rng.normal(size=n)}) for n in (1, 3)]


def _module(rng: np.random.Generator) -> list[Case]:
    def case(n: int) -> Case:
        weights = {"scale": rng.normal(size=2)}
        return Case(f"{n} rows", {"x": rng.normal(size=(n, 2))}, given={"weights": weights})

    return [case(1), case(3)]


def _encoded(rng: np.random.Generator) -> list[Case]:
    def weights() -> dict[str, np.ndarray]:
        shapes = {"0.weight": (2, 3), "0.bias": 2, "1.weight": 2, "1.bias": 2}
        return {name: rng.normal(size=shape) for name, shape in shapes.items()}

    def case(n: int, train: bool) -> Case:
        layers = [["Linear", 3, 2], ["BatchNorm1d", 2]]
        given = {"layers": layers, "before": weights(), "since": weights(), "train": train}
        return Case(f"{n} rows", {"x": rng.normal(size=(n, 3))}, given=given)

    return [case(1, train=False), case(4, train=True)]


def _labelled(rng: np.random.Generator) -> list[Case]:
    def case(n: int) -> Case:
        given = {"arguments": {"factor": 2.0}, "new": rng.normal(size=(2, 2))}
        inputs = {"X": rng.normal(size=(n, 2)), "y": np.arange(n) % 2}
        return Case(f"{n} points", inputs, given=given)

    return [case(2), case(4)]


def _one(rng: np.random.Generator) -> list[Case]:
    return [Case("the question", {})]


SCALE = """
import torch
class answer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    def forward(self, x):
        return (x * self.scale){end}
"""
AROUND = """
import copy
import torch
class answer(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = {kept}
    def forward(self, x):
        return self.encoder(x).abs()
"""
CENTRE = """
class answer:
    def __init__(self, factor):
        self.factor = factor
    def fit(self, X, y):
        self.components_ = self.factor * X.T @ X{end}
        return self
    def transform(self, X):
        return X @ self.components_.T
"""
TOYS = {
    "function": Toy(
        Function(),
        _vectors,
        "def answer(x): return 2 * x",
        "def answer(x): return x ** 2",
    ),
    "gradient": Toy(
        Gradient(wrt=("x",)),
        _vectors,
        "def answer(x): return (x ** 2).sum()",
        "def answer(x): return (x * x.detach()).sum()",
    ),
    "module": Toy(Module(), _module, SCALE.format(end=""), SCALE.format(end=".abs()")),
    "around": Toy(
        Around(),
        _encoded,
        AROUND.format(kept="encoder"),
        AROUND.format(kept="copy.deepcopy(encoder)"),
    ),
    "sampler": Toy(
        Sampler(),
        lambda rng: [Case("four of two", {"n": 4, "size": 2})],
        "def answer(n, size): return [[0, 1], [2, 3]]",
        "def answer(n, size): return [[0, 1, 2, 3]]",
    ),
    "estimator": Toy(Estimator(), _labelled, CENTRE.format(end=""), CENTRE.format(end=" / len(X)")),
    "choice": Toy(Choice(options=("A", "B")), _one, "answer = 'B'", "answer = 'A'"),
    "artefact": Toy(
        Artefact(),
        _one,
        "import numpy as np\nanswer = {'predictions': np.arange(3)}",
        "import numpy as np\nanswer = {'predictions': np.arange(3)[::-1]}",
    ),
}


@pytest.fixture(params=list(TOYS))
def toy(request: pytest.FixtureRequest) -> Toy:
    """Each kind of answer in turn."""
    return TOYS[request.param]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Each device there is; the GPU cases are skipped, with a reason, on a machine without one."""
    import torch  # here: most tests do without it

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return request.param


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch on one thread: on small arrays several only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
