"""Put a worked solution, or the stub for it, into the skeleton of an exercise."""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Callable, Iterator

from ..exercises import Exercise
from .lesson import Source

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# your code here\n..."

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def worked(exercise: Exercise, source: Source) -> str:
    """The skeleton with the bodies of the lesson's functions between the solution markers."""
    skeleton = exercise.text("skeleton")
    if not exercise.kind.calls:
        return f"{skeleton}\n{BEGIN}\n{source.text.strip()}\n{END}"
    bodies = _bodies(source, exercise)
    # A body stays as it is written: to indent it anew would change its multi-line strings.
    return _filled(skeleton, lambda name, by: f"{by}{BEGIN}\n{bodies[name]}\n{by}{END}")


def stub(exercise: Exercise) -> str:
    """The skeleton with nothing in it yet."""
    skeleton = exercise.text("skeleton")
    if not exercise.kind.calls:
        return f"{skeleton}\n{STUB}"
    return _filled(skeleton, lambda name, by: textwrap.indent(STUB, by))


def _filled(skeleton: str, body: Callable[[str, str], str]) -> str:
    """The skeleton with ``body(name, indent)`` below the docstring of each of its functions."""
    lines = skeleton.splitlines()
    defined = _definitions(ast.parse(f"{skeleton}\n"))
    functions = [(name, node) for name, node in defined.items() if isinstance(node, Function)]
    for name, function in sorted(functions, key=lambda item: -_end(item[1])):
        indent = " " * function.body[0].col_offset
        lines[_end(function) : _end(function)] = body(name, indent).splitlines()
    return "\n".join(lines)


def _end(function: Function) -> int:
    return function.body[-1].end_lineno or 0


def _definitions(tree: ast.Module | ast.ClassDef, inside: str = "") -> dict[str, Definition]:
    """The classes and functions, by name; a method as "Scale.forward"."""
    found: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            found[inside + node.name] = node
        if isinstance(node, ast.ClassDef):
            found |= _definitions(node, f"{inside}{node.name}.")
    return found


def _loose(tree: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    """What stands outside of every function."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _loose(node)
        elif not isinstance(node, Function):
            yield node


def _bodies(source: Source, exercise: Exercise) -> dict[str, str]:
    """The body of each function that the lesson's cell defines; it must fit the skeleton."""
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        raise source.fault(f"the solution is not Python: {error}") from None
    for node in _loose(tree):
        raise source.fault(f"`{ast.unparse(node)}` stands outside of the answer's functions")
    given = _definitions(tree)
    wanted = _definitions(ast.parse(exercise.text("skeleton") + "\n"))
    if given.keys() != wanted.keys():
        raise source.fault(
            f"the solution defines {', '.join(given) or 'nothing'}; "
            f"{exercise.number} asks for {', '.join(wanted)}"
        )
    for name in wanted:
        if _signature(given[name]) != _signature(wanted[name]):
            raise source.fault(
                f"the solution has `{_signature(given[name])}`; "
                f"{exercise.number} asks for `{_signature(wanted[name])}`"
            )
    functions = [(name, node) for name, node in given.items() if isinstance(node, Function)]
    depth = {name: node.body[0].col_offset for name, node in wanted.items()}
    return {name: _body(source, name, node, depth[name]) for name, node in functions}


def _signature(definition: Definition) -> str:
    """For instance ``def total(X, axis=0)`` or ``class Scale(nn.Module)``, with decorators."""
    bare = copy.copy(definition)
    bare.body = [ast.Pass()]
    return ast.unparse(bare).removesuffix(":\n    pass")


def _body(source: Source, name: str, function: Function, depth: int) -> str:
    """The lines below the signature, comments above the first and below the last one included."""
    first, last = function.body[0].lineno, _end(function)
    if first <= function.lineno or ast.get_docstring(function) is not None:
        raise source.fault(f"{name}: give the body on its own lines, without a docstring")
    if function.body[0].col_offset != depth:
        raise source.fault(f"{name}: indent the body by {depth} spaces, as the skeleton does")
    lines = source.text.splitlines()
    while first > function.lineno + 1 and _is_remark(lines[first - 2], depth):
        first -= 1
    while last < len(lines) and _is_remark(lines[last], depth):
        last += 1
    return "\n".join(lines[first - 1 : last]).strip("\n")


def _is_remark(line: str, depth: int) -> bool:
    return not line.strip() or line.startswith(" " * depth + "#")
