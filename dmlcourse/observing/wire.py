"""Cases and observations to bytes and back, without pickle.

A message is ``header length (8 bytes) | header (JSON) | array bytes``. The header is the message
as JSON in which each array stands as ``{"\\u0000array": [dtype, shape, offset]}``. Unpacking
believes nothing: lengths, dtypes, shapes and offsets are checked before memory is touched, and
what is not plain numbers and text has no way to be written down.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from .case import Case, Fault, Observation, Seen

MARK = "\0array"
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = frozenset(("bool", *WHOLE, "float16", "float32", "float64", "complex64", "complex128"))
MAX_HEADER = 4 * 2**20
MAX_BYTES = 256 * 2**20


class WireError(ValueError):
    """The bytes are not a message."""


def pack(tree: Any) -> bytes:
    """Bytes of a tree of dicts, lists, text, numbers, booleans, None and plain arrays."""
    chunks: list[bytes] = []
    header = json.dumps(_strip(tree, chunks)).encode()
    return len(header).to_bytes(8, "big") + header + b"".join(chunks)


def unpack(message: bytes | memoryview) -> Any:
    """The tree that ``pack`` wrote; ``WireError`` for anything else."""
    view = memoryview(message)
    if not 8 <= len(view) <= MAX_BYTES:
        raise WireError(f"a message of {len(view)} bytes; expected 8 to {MAX_BYTES}")
    size = int.from_bytes(view[:8], "big")
    if size > min(MAX_HEADER, len(view) - 8):
        raise WireError(f"a header of {size} bytes in a message of {len(view)}")
    try:
        header = json.loads(bytes(view[8 : 8 + size]))
        return _fill(header, view[8 + size :])
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"not a message: {error}") from None


def _strip(tree: Any, chunks: list[bytes]) -> Any:
    if isinstance(tree, np.generic):
        tree = tree.item()
    if isinstance(tree, np.ndarray):
        if tree.dtype.name not in DTYPES:
            raise WireError(f"an array of dtype {tree.dtype}; expected numbers or booleans")
        offset = sum(map(len, chunks))
        chunks.append(np.ascontiguousarray(tree).tobytes())
        return {MARK: [tree.dtype.name, list(tree.shape), offset]}
    if isinstance(tree, dict):
        return {str(key): _strip(value, chunks) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_strip(value, chunks) for value in tree]
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise WireError(f"a value of type {type(tree).__name__}; expected numbers, text or arrays")


def _fill(tree: Any, body: memoryview) -> Any:
    if isinstance(tree, dict):
        if MARK in tree:
            return _array(tree[MARK], body)
        return {key: _fill(value, body) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_fill(value, body) for value in tree]
    return tree


def _array(entry: Any, body: memoryview) -> np.ndarray:
    dtype, shape, offset = entry
    sizes = [*shape, offset]
    if dtype not in DTYPES or not all(type(n) is int and n >= 0 for n in sizes):
        raise WireError(f"an array entry {str(entry)[:80]}")
    count = math.prod(shape)
    end = offset + count * np.dtype(dtype).itemsize
    if end > len(body) or len(shape) > 32:
        raise WireError(f"an array of shape {shape} reaches past the end of the message")
    return np.frombuffer(body[offset:end], dtype=dtype).reshape(shape).copy()


def case_tree(case: Case) -> dict:
    # Not asdict: it would copy every array on the way.
    return {
        "name": case.name,
        "inputs": case.inputs,
        "order": list(case.inputs),
        "group": case.group,
        "layout": case.layout,
        "weigh": case.weigh,
        "given": case.given,
    }


def case_from(tree: dict) -> Case:
    inputs = {name: tree["inputs"][name] for name in tree["order"]}
    rest = {key: tree[key] for key in ("name", "group", "layout", "weigh", "given")}
    return Case(inputs=inputs, **rest)


def observation_tree(seen: Observation) -> dict:
    values = [[name, v.type, v.array, v.text] for name, v in seen.values.items()]
    return {
        "values": values,
        "fault": asdict(seen.fault) if seen.fault else None,
        "empty": seen.empty,
        "stopped": seen.stopped,
        "modified": list(seen.modified),
        "seconds": seen.seconds,
        "peak": seen.peak,
    }


def observation_from(tree: Any) -> Observation:
    """An observation read from a hostile tree: every field is checked."""
    try:
        values = {_text(n, 80): _seen(t, a, x) for n, t, a, x in tree["values"][:64]}
        fault = tree["fault"] and Fault(
            _text(tree["fault"]["type"], 80),
            _text(tree["fault"]["message"], 2000),
            _text(tree["fault"]["line"], 400),
            _whole(tree["fault"]["line_number"]),
        )
        modified = tuple(_text(name, 80) for name in tree["modified"][:64])
        flags = tree["empty"] is True, tree["stopped"] is True
        seconds, peak = _seconds(tree["seconds"]), _whole(tree["peak"], 2**60)
        return Observation(values, fault or None, *flags, modified, seconds, peak)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"not an observation: {error!r}") from None


def _seen(kind: Any, array: Any, text: Any) -> Seen:
    if array is not None and not isinstance(array, np.ndarray):
        raise WireError(f"a value that is neither an array nor text: {type(array).__name__}")
    return Seen(_text(kind, 80), array, _text(text, 2000))


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise WireError(f"expected text, got {type(value).__name__}")
    return value[:longest]


def _whole(value: Any, end: int = 10**6) -> int:
    return value if type(value) is int and 0 <= value < end else 0


def _seconds(value: Any) -> float:
    return float(value) if type(value) in (int, float) and 0 <= value < 1e6 else 0.0
