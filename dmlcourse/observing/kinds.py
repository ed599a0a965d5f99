"""The kinds of answer an exercise can ask for, and how each is observed.

A kind runs an answer on one case and names what came back. It knows no reference and no
expected value, and imports nothing of this library, so that the same code runs in the notebook
and in the grader's jail. Its settings are plain values, so that it travels as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .case import Case

KINDS: dict[str, type[Kind]] = {}
_COUNTS = ("no", "one", "two", "three", "four", "five", "six")


class WrongCount(TypeError):
    """An answer gave back another number of values than was asked; the message is for it."""


@dataclass(frozen=True)
class Kind:
    """What every kind shares. ``backend`` says how arrays reach the answer."""

    backend: str = "numpy"
    calls: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        KINDS[cls.__name__] = cls

    def describe(self) -> dict[str, Any]:
        """The kind as plain values; ``kind_from`` is the way back."""
        return {"kind": type(self).__name__, **asdict(self)}

    def arguments(self, case: Case, device: str = "cpu") -> dict[str, Any]:
        """The case's inputs as the answer gets them."""
        return {name: self.convert(v, device) for name, v in case.laid_out().items()}

    def convert(self, value: Any, device: str) -> Any:
        if self.backend == "torch" and isinstance(value, np.ndarray):
            return _tensor(value, device)
        return value

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        """What the answer gives for these arguments, by name."""
        raise NotImplementedError


def kind_from(description: Mapping[str, Any]) -> Kind:
    """The kind that ``describe`` wrote down."""
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in description.items()
    }
    return KINDS[settings.pop("kind")](**settings)


@dataclass(frozen=True)
class Function(Kind):
    """A function called with the inputs in order; ``returns`` names what it gives back."""

    returns: tuple[str, ...] = ("result",)

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        return _named(answer(*arguments.values()), self.returns)


@dataclass(frozen=True)
class Gradient(Kind):
    """A differentiable function of tensors: its value, and its gradient by autograd.

    ``wrt`` names the inputs to differentiate by. A value that is not a scalar is summed first.
    """

    backend: str = "torch"
    wrt: tuple[str, ...] = ()

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        for name in self.wrt:
            arguments[name] = arguments[name].clone().requires_grad_()
        value = answer(*arguments.values())
        found = {"value": value}
        if getattr(value, "requires_grad", False):
            value.sum().backward()
        for name in self.wrt:
            found[f"gradient by {name}"] = arguments[name].grad
        return found


@dataclass(frozen=True)
class Module(Kind):
    """A class derived from ``torch.nn.Module``.

    ``case.given`` holds the constructor's ``arguments`` and the judge's ``weights`` by parameter
    name, which replace the initial ones. Observed: the output, and each parameter's gradient of
    the output's sum.
    """

    backend: str = "torch"

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        first = next(iter(arguments.values()))
        module = answer(**case.given.get("arguments", {})).to(first)
        weights = {k: _tensor(w, first.device) for k, w in case.given.get("weights", {}).items()}
        module.load_state_dict(weights)
        output = module(*arguments.values())
        if output.requires_grad:
            output.sum().backward()
        gradients = {f"gradient by {k}": p.grad for k, p in module.named_parameters()}
        return {"output": output, **gradients}


@dataclass(frozen=True)
class Sampler(Kind):
    """A class or generator function that yields lists of indices, at most ``most`` of them."""

    most: int = 64

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        lists = list(itertools.islice(iter(answer(*arguments.values())), self.most + 1))
        arrays = [np.atleast_1d(np.asarray(indices)).ravel() for indices in lists]
        lengths = np.array([len(a) for a in arrays], dtype=np.int64)
        indices = np.concatenate(arrays) if arrays else np.zeros(0, np.int64)
        return {"indices": indices, "lengths": lengths}


@dataclass(frozen=True)
class Estimator(Kind):
    """A scikit-learn estimator class: fitted attributes and, where it has one, its transform.

    The inputs are what ``fit`` takes; ``case.given`` holds the constructor's ``arguments`` and
    the array ``new`` to transform.
    """

    attributes: tuple[str, ...] = ("components_",)

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        estimator = answer(**case.given.get("arguments", {}))
        fitted = estimator.fit(*arguments.values())
        found = {name: getattr(estimator, name) for name in self.attributes}
        found["fit returns the estimator"] = fitted is estimator
        if "new" in case.given:
            found["transform"] = estimator.transform(self.convert(case.given["new"], "cpu"))
        return found


@dataclass(frozen=True)
class Choice(Kind):
    """A value and not a function: one of ``options``, or a number where there are none."""

    options: tuple[str, ...] = ()
    calls: ClassVar[bool] = False

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        return {"answer": answer.strip() if isinstance(answer, str) else answer}


@dataclass(frozen=True)
class Artefact(Kind):
    """Arrays made elsewhere: a dict of arrays, or the path of an ``.npz`` file of them."""

    names: tuple[str, ...] = ("predictions",)
    calls: ClassVar[bool] = False

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        if isinstance(answer, str | Path):
            with np.load(answer, allow_pickle=False) as archive:
                answer = {name: archive[name] for name in archive.files}
        if not isinstance(answer, Mapping):
            raise TypeError(
                f"the answer is a {type(answer).__name__}; expected a dict of arrays "
                "or the path of an .npz file"
            )
        missing = [name for name in self.names if name not in answer]
        if missing:
            raise KeyError(f"no array named {missing[0]!r}; there are {sorted(answer)}")
        return {name: answer[name] for name in self.names}


def _named(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: value}
    if not isinstance(value, tuple | list) or len(value) != len(names):
        raise WrongCount(
            f"Your answer returned {_what_came(value)} "
            f"Asked are {_things(len(names))}, in this order: {', '.join(names)}."
        )
    return dict(zip(names, value, strict=True))


def _what_came(value: Any) -> str:
    """One value, or too many or too few of them, in words."""
    if value is None:
        return "None. Does it end with a return statement?"
    if isinstance(value, tuple | list):
        return f"{_things(len(value))}."
    kind = type(value).__name__
    if isinstance(value, bool | int | float | complex | np.number):
        kind = "number"
    return f"one {'array' if kind == 'ndarray' else kind}."


def _things(count: int) -> str:
    number = _COUNTS[count] if count < len(_COUNTS) else str(count)
    return f"{number} thing{'' if count == 1 else 's'}"


def _tensor(array: np.ndarray, device: Any) -> Any:
    import torch

    return torch.from_numpy(array).to(device)
