"""Runs the cells of one submission and observes its answers: the inside of the jail.

The grader asks, one step at a time, and this process replies with observations: one for a cell
(``source``), one after the other for ``cases``. It knows no reference.
"""

from __future__ import annotations

import builtins
import linecache
import socket
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import IPython
from IPython.core.inputtransformer2 import TransformerManager

from dmlcourse.observing import Fault, Observation, TimeUp, fault_of, kind_from, observe, time_limit
from dmlcourse.observing.wire import case_from, observation_tree, pack, unpack

from . import link

TRANSPARENT = ("time", "timeit", "capture", "prun")


def serve(connection: socket.socket, shut_in: Callable[[], None]) -> None:
    """Call ``shut_in``, say whether it worked, then do what is asked until the grader hangs up."""
    try:
        shut_in()
    except Exception as error:
        link.send(connection, pack({"broken": f"{type(error).__name__}: {error}"}))
        return
    link.send(connection, pack({"ready": True}))
    space = notebook_space()
    while True:
        try:
            step = unpack(link.receive(connection, link.MOST_ASKED))
        except link.Closed:
            return
        if "source" in step:
            link.send(connection, pack(observation_tree(run_cell(space, **step))))
        else:
            observe_answer(connection, space, **step)


def notebook_space() -> dict[str, Any]:
    """The namespace of a fresh notebook."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    shell = Shell(module.__dict__)
    for place in (IPython, IPython.core.getipython, builtins):
        vars(place)["get_ipython"] = lambda: shell
    vars(builtins)["display"] = lambda *_, **__: None
    return module.__dict__


def run_cell(space: dict[str, Any], source: str, cell: str, seconds: float) -> Observation:
    """Run a cell as a notebook does; its error, if any, and whether it was stopped at the limit."""
    filename = f"<{cell}>"
    try:
        with time_limit(seconds):
            source = TransformerManager().transform_cell(source)
            linecache.cache[filename] = len(source), None, source.splitlines(True), filename
            exec(compile(source, filename, "exec", dont_inherit=True), space)
    except TimeUp:
        return Observation(stopped=True)
    except SyntaxError as error:
        line, number = (error.text or "").strip()[:400], error.lineno or 0
        return Observation(fault=replace(fault_of(error), line=line, line_number=number))
    except BaseException as error:
        return Observation(fault=fault_of(error))
    return Observation()


def observe_answer(
    connection: socket.socket,
    space: dict[str, Any],
    name: str,
    kind: dict[str, Any],
    cases: list[dict[str, Any]],
    seconds: float,
    stops: int,
) -> None:
    """Send what the variable ``name`` does on each case, until ``stops`` cases were stopped."""
    if name not in space:
        fault = Fault("NotDefined", f"the notebook defines no `{name}`")
        link.send(connection, pack(observation_tree(Observation(fault=fault))))
        return
    for case in map(case_from, cases):
        seen = observe(kind_from(kind), space[name], case, seconds=seconds)
        link.send(connection, _message(seen))
        stops -= seen.stopped
        if seen.empty or not stops:
            return


def _message(seen: Observation) -> bytes:
    message = pack(observation_tree(seen))
    if len(message) <= link.MOST_REPLIED:
        return message
    most = link.MOST_REPLIED >> 20
    fault = Fault("TooLarge", f"it returned {len(message) >> 20} MB; at most {most} MB are taken")
    return pack(observation_tree(Observation(fault=fault)))


class Nothing:
    """Takes any call, attribute or item, and does nothing."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> None:
        return None


class Shell(Nothing):
    """What ``get_ipython()`` gives. Magics do nothing; ``TRANSPARENT`` ones run their code."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.user_ns = space

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        self.run_cell_magic(name, "", line)

    def run_cell_magic(self, name: str, _line: str, cell: str) -> None:
        if name in TRANSPARENT:
            exec(TransformerManager().transform_cell(cell), self.user_ns)
