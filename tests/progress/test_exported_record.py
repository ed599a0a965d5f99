"""What leaves the machine in an exported file, and what is taken from a file of anybody."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlcourse import __version__
from dmlcourse.errors import UserError
from dmlcourse.exercises import find
from dmlcourse.progress import record as records
from dmlcourse.progress.record import NotARecord, export, imported, known
from dmlcourse.progress.standing import standing

AT = "2025-03-01T10:00:00.123456+00:00"
HINT = {"kind": "hint", "at": AT, "number": "02.1"}
ATTEMPT = {"kind": "attempt", "at": AT, "number": "02.1", "outcome": "failed", "mistake": "x"}
PREDICTION = {
    "kind": "prediction",
    "at": AT,
    "key": "02.rank",
    "choice": "C",
    "confidence": "sure",
    "correct": False,
}


class TestKnown:
    @pytest.mark.parametrize("entry", [HINT, ATTEMPT, PREDICTION, {**ATTEMPT, "mistake": None}])
    def test_ours_stay_as_they_are(self, entry):
        assert known([entry]) == [entry]

    def test_other_fields_are_left_out(self):
        assert known([{**HINT, "user": "ada", "path": "/somewhere"}]) == [HINT]

    @pytest.mark.parametrize("at", [None, "", "soon", 7, ["x"], "9" * 50])
    def test_a_time_that_cannot_be_read_is_none(self, at):
        assert known([{**HINT, "at": at}]) == [{**HINT, "at": None}]

    @pytest.mark.parametrize(
        "entry",
        [
            None,
            [],
            "hint",
            {},
            {**HINT, "kind": "visit"},
            {**HINT, "kind": ["hint"]},
            {**HINT, "number": 2.1},
            {**HINT, "number": "02.1<b>"},
            {**HINT, "number": "०२.1"},
            {"kind": "hint", "at": AT},
            {**ATTEMPT, "outcome": "not attempted"},
            {**ATTEMPT, "mistake": "x" * 201},
            {**PREDICTION, "confidence": "very"},
            {**PREDICTION, "correct": 1},
            {**PREDICTION, "key": "02.<script>"},
            {**PREDICTION, "key": "rank"},
            {**PREDICTION, "choice": "x" * 501},
        ],
    )
    def test_what_is_not_ours_is_left_out(self, entry):
        assert known([entry, HINT]) == [HINT]


class TestExport:
    def test_holds_the_entries_and_nothing_about_the_person(self, tmp_path):
        path = tmp_path / "me.json"
        private = {**HINT, "user": "ada", "path": str(tmp_path)}
        assert export([private, {"kind": "visit", "page": "x"}], path) == [HINT]
        tree = json.loads(path.read_text(encoding="utf-8"))
        assert set(tree) == {"format", "version", "course", "created", "entries"}
        assert (tree["format"], tree["version"]) == ("dmlcourse-record", 1)
        assert tree["course"] == __version__
        assert tree["entries"] == [HINT]

    def test_is_read_back(self, tmp_path):
        path = tmp_path / "me.json"
        export([HINT, ATTEMPT, {**PREDICTION, "choice": 'ü "✓"\n'}], path)
        assert imported(path) == [HINT, ATTEMPT, {**PREDICTION, "choice": 'ü "✓"\n'}]

    def test_of_nothing_is_a_record_too(self, tmp_path):
        export([], tmp_path / "me.json")
        assert imported(tmp_path / "me.json") == []

    def test_leaves_what_is_there(self, tmp_path):
        path = tmp_path / "me.json"
        path.write_text("mine")
        with pytest.raises(UserError, match="exists already and stays as it is"):
            export([HINT], path)
        assert path.read_text() == "mine"

    def test_leaves_nothing_beside_it(self, tmp_path):
        export([HINT], tmp_path / "me.json")
        assert [p.name for p in tmp_path.iterdir()] == ["me.json"]

    def test_that_fails_leaves_nothing(self, tmp_path, monkeypatch):
        def full(file):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="No space left on device"):
            export([HINT], tmp_path / "me.json")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("me.txt", r"ends in \.json"),
            ("me", r'--export ".*me\.json"'),
            ("no/me.json", "Make it"),
        ],
    )
    def test_says_what_to_do_about_a_name(self, tmp_path, name, said):
        with pytest.raises(UserError, match=said):
            export([HINT], tmp_path / name)

    def test_says_that_a_folder_is_one(self, tmp_path):
        (tmp_path / "me.json").mkdir()
        with pytest.raises(UserError, match=r"me\.json"):
            export([HINT], tmp_path / "me.json")


def file(tmp_path, data: bytes):
    path = tmp_path / "x.json"
    path.write_bytes(data)
    return path


HEAD = b'{"format": "dmlcourse-record", "version": 1, "entries": '


class TestImported:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "it is empty"),
            (b"{", "it is not JSON"),
            (b"\xff\xff\xff\xff\xff", "it is not JSON"),
            (b"[" * 100_000, "nested too deeply"),
            (HEAD + b"[" * 100_000, "nested too deeply"),
            (b"[]", 'no "format"'),
            (b'"text"', 'no "format"'),
            (b'{"cells": [], "nbformat": 4}', 'no "format"'),
            (HEAD.replace(b"1", b"2") + b"[]}", "version 1"),
            (HEAD + b"{}}", "no list of entries"),
            (HEAD + b"null}", "no list of entries"),
            (HEAD + b"9" * 5000 + b"}", "not JSON"),
        ],
    )
    def test_says_what_is_wrong_with_a_file(self, tmp_path, data, said):
        with pytest.raises(NotARecord, match=said):
            imported(file(tmp_path, data))

    def test_refuses_what_is_too_large_without_reading_on(self, tmp_path, monkeypatch):
        monkeypatch.setattr(records, "LARGEST", 1000)
        with pytest.raises(NotARecord, match="larger"):
            imported(file(tmp_path, HEAD + b" " * 1000 + b"[]}"))

    def test_refuses_a_million_entries(self, tmp_path):
        with pytest.raises(NotARecord, match="1,000,000 entries"):
            imported(file(tmp_path, HEAD + b"[" + b"7," * 999_999 + b"7]}"))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
    def test_does_not_wait_at_a_pipe(self, tmp_path):
        os.mkfifo(tmp_path / "x.json")
        with pytest.raises(NotARecord, match="not a file"):
            imported(tmp_path / "x.json")

    def test_a_file_that_is_gone(self, tmp_path):
        with pytest.raises(NotARecord, match="cannot be read"):
            imported(tmp_path / "x.json")

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_reads_what_an_editor_made_of_it(self, tmp_path, encoding):
        text = records.exported([HINT], "2025-03-01")
        assert imported(file(tmp_path, text.encode(encoding))) == [HINT]

    def test_takes_from_a_hostile_list_what_is_ours(self, tmp_path):
        entries = [7, None, [], {"kind": {}}, {**HINT, "number": "../.."}, {**HINT, "evil": "x"}]
        tree = {"format": "dmlcourse-record", "version": 1, "entries": entries}
        assert imported(file(tmp_path, json.dumps(tree).encode())) == [HINT]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
near = st.sampled_from([HINT, ATTEMPT, PREDICTION]).flatmap(
    lambda entry: st.tuples(st.sampled_from(sorted(entry)), anything).map(
        lambda change: {**entry, change[0]: change[1]}
    )
)


@settings(deadline=None, max_examples=80)
@given(entries=st.lists(near | anything, max_size=6))
def test_whatever_a_file_lists_is_cleaned_and_counted(entries):
    clean = known(entries)
    assert known(clean) == clean
    assert all(set(entry) == {"kind", "at", *records.FIELDS[entry["kind"]]} for entry in clean)
    found = standing(clean, [find("02.1")])
    assert found.entries == len(clean)
    assert found.standings[0].attempts + found.standings[0].hints <= len(clean)


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=200) | anything.map(lambda tree: json.dumps(tree).encode()))
def test_whatever_a_file_holds_it_is_a_record_or_said_not_to_be(scratch, data):
    scratch.write_bytes(data)
    with pytest.raises(NotARecord):
        imported(scratch)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch") / "x.json"
