"""Put a worked solution, or the stub for it, into the skeleton of an exercise."""

from __future__ import annotations

import ast
import textwrap

from ..exercises import Exercise
from .lesson import Source

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# your code here\n..."

Function = ast.FunctionDef | ast.AsyncFunctionDef


def worked(exercise: Exercise, source: Source) -> str:
    """The skeleton with the bodies of the lesson's functions between the solution markers."""
    skeleton = exercise.text("skeleton")
    if not exercise.kind.calls:
        return f"{skeleton}\n{BEGIN}\n{source.text.strip()}\n{END}"
    bodies = _bodies(source, exercise)
    return _filled(skeleton, lambda name: f"{BEGIN}\n{bodies[name]}\n{END}")


def stub(exercise: Exercise) -> str:
    """The skeleton with nothing in it yet."""
    skeleton = exercise.text("skeleton")
    if not exercise.kind.calls:
        return f"{skeleton}\n{STUB}"
    return _filled(skeleton, lambda name: STUB)


def _filled(skeleton: str, body) -> str:
    """The skeleton with ``body(name)`` below the docstring of each of its functions."""
    lines = skeleton.splitlines()
    functions = _functions(ast.parse(f"{skeleton}\n"))
    for name, function in sorted(functions.items(), key=lambda item: -_end(item[1])):
        indent = " " * function.body[0].col_offset
        lines[_end(function) : _end(function)] = textwrap.indent(body(name), indent).splitlines()
    return "\n".join(lines)


def _end(function: Function) -> int:
    return function.body[-1].end_lineno or 0


def _functions(tree: ast.AST, inside: str = "") -> dict[str, Function]:
    found: dict[str, Function] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            found[inside + node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= _functions(node, f"{inside}{node.name}.")
    return found


def _bodies(source: Source, exercise: Exercise) -> dict[str, str]:
    """The body of each function that the lesson's cell defines; it must fit the skeleton."""
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        raise source.fault(f"the solution is not Python: {error}") from None
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef):
            raise source.fault(f"`{ast.unparse(node)}` stands outside of the answer's functions")
    given = _functions(tree)
    wanted = _functions(ast.parse(exercise.text("skeleton") + "\n"))
    if given.keys() != wanted.keys():
        raise source.fault(
            f"the solution defines {', '.join(given) or 'nothing'}; "
            f"{exercise.number} asks for {', '.join(wanted)}"
        )
    for name in wanted:
        if ast.unparse(given[name].args) != ast.unparse(wanted[name].args):
            raise source.fault(
                f"{name} takes ({ast.unparse(given[name].args)}); "
                f"{exercise.number} asks for ({ast.unparse(wanted[name].args)})"
            )
    return {name: _body(source, name, function) for name, function in given.items()}


def _body(source: Source, name: str, function: Function) -> str:
    """The lines below the signature, comments above the first and below the last one included."""
    lines = source.text.splitlines()
    first, last = function.body[0].lineno, function.body[-1].end_lineno or 0
    while first > function.lineno + 1 and lines[first - 2].strip().startswith("#"):
        first -= 1
    comment = " " * function.body[0].col_offset + "#"
    while last < len(lines) and lines[last].startswith(comment):
        last += 1
    if first <= function.lineno or ast.get_docstring(function):
        raise source.fault(f"{name}: give the body on its own lines, without a docstring")
    return textwrap.dedent("\n".join(lines[first - 1 : last]))
