"""Run an answer on one case and write down what happened."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
import sysconfig
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from .case import Case, Fault, Observation, Seen
from .kinds import Kind
from .limit import TimeUp, time_limit
from .wire import MAX_BYTES

SECONDS = 5.0


def observe(
    kind: Kind, answer: Any, case: Case, device: str = "cpu", seconds: float = SECONDS
) -> Observation:
    """What ``answer`` returns for ``case``, or how it failed; never raises for an answer's fault.

    ``seconds`` is the limit on the wall time of the case.
    """
    if does_nothing(kind, answer):
        return Observation(empty=True)
    complaint = _cannot_call(kind, answer, case)
    if complaint:
        return Observation(fault=complaint)
    arguments = kind.arguments(case, device)
    before = time.perf_counter()
    try:
        with _quietly(), _weighing(case.weigh) as scales, time_limit(seconds):
            values = kind.values(answer, dict(arguments), case)
            found = {name: seen(value) for name, value in values.items()}
    except TimeUp:
        return Observation(stopped=True, seconds=time.perf_counter() - before)
    except (Exception, SystemExit) as error:
        return Observation(fault=fault_of(error), seconds=time.perf_counter() - before)
    modified = tuple(n for n, value in arguments.items() if not _same(value, case.inputs[n]))
    took = time.perf_counter() - before
    return Observation(found, modified=modified, seconds=took, peak=scales.get("peak", 0))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _weighing(weigh: bool) -> Iterator[dict[str, int]]:
    scales: dict[str, int] = {}
    if not weigh or tracemalloc.is_tracing():
        yield scales
        return
    tracemalloc.start()
    try:
        yield scales
        scales["peak"] = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def seen(value: Any) -> Seen:
    """A returned value as plain numbers or text, with the name of its type."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _seen_tensor(torch, value)
    if isinstance(value, str):
        return Seen("str", text=value[:2000])
    kind = type(value).__name__
    if isinstance(value, np.ndarray | np.generic | bool | int | float | complex | list | tuple):
        try:
            array = np.array(value, copy=True, subok=False)
        except (ValueError, TypeError, OverflowError):
            return Seen(kind, text=_short(value))
        if array.dtype.kind in "biufc" and array.nbytes < MAX_BYTES // 2:
            return Seen(kind, _plain(array))
        kind = f"{kind} of {array.dtype}s"
    return Seen(kind, text="" if value is None else _short(value))


def _seen_tensor(torch: Any, value: Any) -> Seen:
    kind = "tensor" if value.device.type == "cpu" else f"tensor on {value.device}"
    if value.dtype is torch.bfloat16:
        kind, value = f"bfloat16 {kind}", value.float()
    return Seen(kind, _plain(value.detach().cpu().resolve_conj().numpy().copy()))


def _plain(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return array


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<a value whose repr raises {type(error).__name__}>"
    return text[:200]


def does_nothing(kind: Kind, answer: Any) -> bool:
    """True for the stub of an exercise: nothing has been written yet."""
    if not kind.calls:
        return answer is None or answer is Ellipsis
    if isinstance(answer, FunctionType):
        return _hollow(answer)
    if inspect.isclass(answer):
        methods = [f for f in vars(answer).values() if isinstance(f, FunctionType)]
        return bool(methods) and all(map(_hollow, methods))
    return answer is None or answer is Ellipsis


def _bare() -> None: ...


def _documented() -> None:
    """A docstring shifts the constants by one."""


_HOLLOW = frozenset(f.__code__.co_code for f in (_bare, _documented))


def _hollow(function: FunctionType) -> bool:
    code = function.__code__
    constants = [c for c in code.co_consts if c is not None and c != function.__doc__]
    return code.co_code in _HOLLOW and not constants


def _cannot_call(kind: Kind, answer: Any, case: Case) -> Fault | None:
    if not kind.calls:
        return None
    if not callable(answer):
        got = type(answer).__name__
        return Fault("NotCallable", f"the answer is a {got}, and {_short(answer)} cannot be called")
    if not isinstance(answer, FunctionType):
        return None
    try:
        inspect.signature(answer).bind(*case.inputs)
    except TypeError:
        takes = ", ".join(inspect.signature(answer).parameters) or "nothing"
        wanted = ", ".join(case.inputs)
        return Fault("WrongArguments", f"it takes ({takes}) and is called with ({wanted})")
    return None


def fault_of(error: BaseException) -> Fault:
    """The exception as text, with the last line of it that the learner wrote."""
    name = type(error).__name__.lstrip("_")
    line, number = "", 0
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_learners(frame.filename):
            line, number = frame.line or "", frame.lineno or 0
            break
    return Fault(name, _message(error), line.strip()[:400], number)


def _message(error: BaseException) -> str:
    try:
        return str(error).strip()[:2000]
    except Exception:
        return ""


def _is_learners(filename: str) -> bool:
    """Whether a line of this file was written by the learner, and not in an installed library."""
    if filename.startswith("<"):
        return not filename.startswith("<frozen") and bool(linecache.getline(filename, 1))
    places = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    ours = str(Path(__file__).parents[1])
    installed = {"site-packages", "dist-packages"} & set(Path(filename).parts)
    return not installed and not filename.startswith((*places, ours))


def _same(value: Any, original: Any) -> bool:
    if not isinstance(original, np.ndarray):
        return True
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return np.array_equal(array, original, equal_nan=original.dtype.kind in "fc")
