"""Bytes from a hostile process: what comes back is plain, or an error."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dmlcourse.observing import Case, Fault, Observation, Seen, wire

plain_arrays = arrays.arrays(
    st.sampled_from(["float64", "float32", "int64", "bool", "uint8"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | plain_arrays
trees = st.recursive(
    leaves, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(max_size=5), t, max_size=3)
)


def same(one, other):
    if isinstance(one, np.ndarray):
        exact = one.dtype.kind == "f"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=exact)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and type(one) is type(other)


@given(trees)
def test_a_tree_survives_the_journey(tree):
    assert same(wire.unpack(wire.pack(tree)), tree)


@given(st.binary(max_size=200))
def test_noise_is_an_error_and_nothing_else(noise):
    with contextlib.suppress(wire.WireError):
        wire.unpack(noise)


@given(st.binary(max_size=60))
def test_noise_behind_a_true_length_is_an_error_and_nothing_else(noise):
    with contextlib.suppress(wire.WireError):
        wire.observation_from(wire.unpack(len(noise).to_bytes(8, "big") + noise))


def message(header, body=b""):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "big") + text + body


@pytest.mark.parametrize(
    "entry",
    [
        ["float64", [10**12], 0],
        ["float64", [2], -8],
        ["object", [1], 0],
        ["float64", [-1], 0],
        ["float64", [True], 0],
        ["float64", [1.5], 0],
        ["float64", [1] * 40, 0],
        ["float64"],
        "float64",
        None,
    ],
)
def test_an_array_that_lies_about_its_size_is_refused(entry):
    with pytest.raises(wire.WireError):
        wire.unpack(message({wire.MARK: entry}, bytes(8)))


@pytest.mark.parametrize("size", [0, 7])
def test_a_message_cut_short_is_refused(size):
    with pytest.raises(wire.WireError):
        wire.unpack(bytes(size))


def test_a_header_that_claims_more_than_there_is_is_refused():
    with pytest.raises(wire.WireError, match="header of"):
        wire.unpack((2**62).to_bytes(8, "big") + b"{}")


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["a"]), np.array([None])])
def test_only_plain_values_can_be_packed(value):
    with pytest.raises(wire.WireError):
        wire.pack({"value": value})


def test_a_case_survives_the_journey_with_its_order():
    case = Case("c", {"z": np.eye(2), "a": 1}, "edge", "F", True, {"weights": {"w": np.ones(2)}})
    back = wire.case_from(wire.unpack(wire.pack(wire.case_tree(case))))
    assert list(back.inputs) == ["z", "a"]
    assert (back.name, back.group, back.layout, back.weigh) == ("c", "edge", "F", True)
    assert np.array_equal(back.given["weights"]["w"], [1, 1])


def test_an_observation_survives_the_journey():
    seen = Observation(
        {"result": Seen("ndarray", np.arange(3.0)), "text": Seen("str", text="B")},
        Fault("ValueError", "no", "x = 1", 3),
        modified=("X",),
        seconds=0.25,
        peak=1000,
    )
    back = wire.observation_from(wire.unpack(wire.pack(wire.observation_tree(seen))))
    assert np.array_equal(back.values["result"].array, [0, 1, 2])
    assert (back.fault, back.modified, back.seconds, back.peak) == (
        seen.fault,
        ("X",),
        0.25,
        1000,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"values": 3},
        {"values": [["result", "ndarray", "not an array", ""]]},
        {"values": [[1, 2, None, 3]]},
        {"fault": {"type": 5}},
        {"modified": [[]]},
    ],
)
def test_an_observation_with_the_wrong_parts_is_refused(change):
    tree = wire.observation_tree(Observation()) | change
    with pytest.raises(wire.WireError):
        wire.observation_from(tree)


def test_long_text_is_cut():
    tree = wire.observation_tree(Observation({"a": Seen("str", text="x" * 10**6)}))
    assert len(wire.observation_from(tree).values["a"].text) == 2000
