"""The kinds of answer an exercise can ask for, and how each is observed.

A kind runs an answer on one case and names what came back. It knows no reference and no
expected value, and imports nothing of this library, so that the same code runs in the notebook
and in the grader's jail. Its settings are plain values, so that it travels as text.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
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
        value = _one_tensor(answer(*arguments.values()))
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
        output = _one_tensor(module(*arguments.values()))
        if getattr(output, "requires_grad", False):
            output.sum().backward()
        gradients = {f"gradient by {k}": p.grad for k, p in module.named_parameters()}
        return {"output": output, **gradients}


@dataclass(frozen=True)
class Around(Kind):
    """A class derived from ``torch.nn.Module`` that is built around an encoder of the judge's.

    ``case.given`` describes the encoder: its ``layers`` in order, each the name of a class of
    ``torch.nn`` and its sizes; the weights it has ``before`` the answer is built around it, and
    those it has ``since``, as if it had been trained in the meantime, both by parameter name; and
    whether the answer is to ``train``. Observed: the output; the gradient of its sum by each weight
    of the encoder, zero where none arrives; how many numbers the answer would train; whether the
    answer left the weights alone while it was built; and each buffer of the encoder afterwards.
    """

    backend: str = "torch"

    def values(self, answer: Any, arguments: dict[str, Any], case: Case) -> dict[str, Any]:
        first = next(iter(arguments.values()))
        with _fixed_seed():
            encoder = _encoder(case.given["layers"], first)
            weights = dict(encoder.named_parameters())
            before, since = (_like(weights, case.given[when]) for when in ("before", "since"))
            _set(weights, before)
            module = _built(answer, encoder).to(first)
            kept = all(bool((weights[k] == w).all()) for k, w in before.items())
            _set(weights, since)
            module.train(case.given["train"])
            output = _one_tensor(module(*arguments.values()))
        if getattr(output, "requires_grad", False):
            output.sum().backward()
        trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
        return {
            "output": output,
            **{f"gradient by {k}": _gradient(w) for k, w in weights.items()},
            "numbers to train": trained,
            "weights kept while building": kept,
            **{f"{k} afterwards": b for k, b in encoder.named_buffers()},
        }


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


def _one_tensor(value: Any) -> Any:
    """The value, unless it is several: to print those would hide what is wrong."""
    if isinstance(value, tuple | list):
        raise WrongCount(f"Your answer returned {_what_came(value)} Asked is one tensor.")
    return value


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


# ---------------------------------------------------------------- encoders


@contextlib.contextmanager
def _fixed_seed() -> Iterator[None]:
    """What an answer draws for new weights is the same every time, and costs nobody a number."""
    import torch

    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _encoder(layers: Iterable[Any], like: Any) -> Any:
    """The layers in a row, with the dtype and on the device of a tensor."""
    from torch import nn

    return nn.Sequential(*(getattr(nn, name)(*sizes) for name, *sizes in layers)).to(like)


def _like(weights: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arrays as tensors of the dtype and on the device of the weights they are for."""
    return {k: _tensor(arrays[k], w.device).to(w.dtype) for k, w in weights.items()}


def _set(weights: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for name, weight in weights.items():
        weight.data.copy_(values[name])


def _built(answer: Any, encoder: Any) -> Any:
    from torch import nn

    module = answer(encoder)
    if not isinstance(module, nn.Module):
        kind = type(module).__name__
        raise TypeError(f"your answer built a {kind}; expected a class derived from nn.Module")
    return module


def _gradient(parameter: Any) -> Any:
    return parameter.new_zeros(parameter.shape) if parameter.grad is None else parameter.grad
