"""KEEL's folds: what they hold, every damage seen, and the published numbers they lead to."""

from __future__ import annotations

import importlib.util
import os
import warnings
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import FunctionTransformer
from small_sets import archive

from dmlcourse.data import Fold, data_folder, keel, keel_folds, keel_names
from dmlcourse.data.download import Damaged
from dmlcourse.errors import UserError

HEADER = """\
@relation  toys
@attribute Height real[0.0,9.0]
@attribute Colour {red, green,blue}
@attribute Weight integer[-3,7]
@attribute Kind{cat,dog}
@inputs Height,Colour,Weight
@outputs Kind
@data
"""
# Ten samples; fold i judges by sample i. They are listed with the dog's first.
SAMPLES = [f"{i}.5, {('red', 'blue')[i % 2]}, {i - 3}, {('dog', 'cat')[i % 2]}" for i in range(10)]


def toy_files() -> dict[str, bytes]:
    """The twenty members of an archive of a set that is called toys."""
    members = {"toys/": b""}
    for i in range(10):
        parts = {"tra": SAMPLES[:i] + SAMPLES[i + 1 :], "tst": [SAMPLES[i]]}
        for part, lines in parts.items():
            text = HEADER + "\n".join([*lines, ""])
            members[f"toys/toys-10dobscv-{i + 1}{part}.dat"] = text.encode()
    return members


MEMBERS = toy_files()
FIRST, SECOND = "toys/toys-10dobscv-1tra.dat", "toys/toys-10dobscv-2tra.dat"
PACKED = archive(MEMBERS)


def read(text: str) -> keel.Table:
    return keel.table(text, "toys.dat")


RIGHT = [read(content.decode()) for name, content in MEMBERS.items() if name != "toys/"]


@pytest.fixture
def toys(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the archive of the set toys belongs; it is there and right."""
    monkeypatch.setitem(keel.SETS, "toys", keel.digest(RIGHT))
    path = data_home / "keel" / "toys-10fold.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(PACKED)
    return path


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/keel.py, which holds the recipe and the published numbers."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "keel.py"
    spec = importlib.util.spec_from_file_location("benchmark_keel", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestFolds:
    def test_are_ten_in_order(self, toys) -> None:
        folds = keel_folds("toys")
        assert [fold.test.X[0, 0] for fold in folds] == [i + 0.5 for i in range(10)]
        assert [len(fold.train) for fold in folds] == [9] * 10
        assert all(isinstance(fold, Fold) for fold in folds)

    def test_hold_numbers_and_the_places_of_nominal_values(self, toys) -> None:
        train, test = keel_folds("toys")[9]
        assert train.X.dtype == np.float64
        assert train.X[:3].tolist() == [[0.5, 0, -3], [1.5, 2, -2], [2.5, 0, -1]]
        assert test.X.tolist() == [[9.5, 2, 6]]
        assert train.feature_names == test.feature_names == ("Height", "Colour", "Weight")

    def test_number_classes_as_the_training_part_first_shows_them(self, toys) -> None:
        folds = keel_folds("toys")
        assert folds[0].train.class_names == folds[0].test.class_names == ("cat", "dog")
        assert folds[1].train.class_names == ("dog", "cat")
        assert folds[0].train.y.tolist() == [0, 1] * 4 + [0]
        assert [fold.test.y.tolist() for fold in folds[:3]] == [[1], [1], [0]]
        assert folds[0].test.y.dtype == np.int64

    def test_say_what_they_are(self, toys) -> None:
        train, test = keel_folds("toys")[2]
        assert repr(train) == "<KEEL toys, fold 3, training: 9 samples of 3 features, 2 classes>"
        assert repr(test) == "<KEEL toys, fold 3, test: 1 samples of 3 features, 2 classes>"
        assert "Alcalá-Fdez" in train.source

    @pytest.mark.parametrize(
        "again",
        [
            archive(MEMBERS, zipfile.ZIP_STORED),
            archive(MEMBERS, zipfile.ZIP_LZMA),
            archive({name.rpartition("/")[2] or "x": text for name, text in MEMBERS.items()}),
            archive(dict(reversed(MEMBERS.items()))),
            archive({name: text.replace(b"\n", b"\r\n") for name, text in MEMBERS.items()}),
            archive({name: text.replace(b", ", b",") for name, text in MEMBERS.items()}),
            archive({**MEMBERS, "__MACOSX/toys/._toys-10dobscv-1tra.dat": b"", "README": b"x"}),
        ],
        ids=["stored", "lzma", "no folder", "other order", "windows lines", "no spaces", "more"],
    )
    def test_may_be_packed_in_another_way(self, toys, again) -> None:
        toys.write_bytes(again)
        assert keel_folds("toys")[4].test.X.tolist() == [[4.5, 0, 1]]

    def test_are_found_under_the_name_that_keel_gives(self, toys) -> None:
        toys.rename(toys.with_name("toys-10-dobscv.zip"))
        assert len(keel_folds("toys")) == 10


class TestNames:
    def test_are_ten(self) -> None:
        assert len(keel_names()) == 10
        assert {"iris", "sonar", "wine"} < set(keel_names())

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("irs", "No set 'irs' of KEEL here. Did you mean 'iris'?"),
            ("../iris", "No set '../iris'"),
            ("", "No set ''"),
            (3, "No set 3"),
            (["iris"], r"No set \['iris'\]"),
        ],
    )
    def test_others_are_refused_with_the_list(self, data_home, name, said) -> None:
        with pytest.raises(UserError, match=said) as caught:
            keel_folds(name)
        assert "appendicitis, hepatitis" in str(caught.value)


class TestAbsence:
    def test_says_what_to_get_and_where_to_put_it(self, data_home) -> None:
        with pytest.raises(UserError) as caught:
            keel_folds("iris")
        said = str(caught.value)
        assert f"{data_home / 'keel'} holds neither iris-10fold.zip nor iris-10-dobscv.zip" in said
        assert "https://sci2s.ugr.es/keel" in said
        assert "10-fold DOB-SCV" in said
        assert "Nothing here downloads it" in said

    def test_is_not_hidden_by_a_folder_of_that_name(self, data_home) -> None:
        (data_home / "keel" / "iris-10fold.zip").mkdir(parents=True)
        with pytest.raises(UserError, match="holds neither"):
            keel_folds("iris")

    def test_of_leave_to_read_is_said(self, toys, monkeypatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(keel, "ZipFile", refuse)
        with pytest.raises(UserError, match=r"toys-10fold\.zip cannot be read: Permission denied"):
            keel_folds("toys")


LONG = 10_000 * "x"


def heights_or_message() -> tuple[list[float], str]:
    try:
        return [fold.test.X[0, 0] for fold in keel_folds("toys")], ""
    except UserError as error:
        return [], str(error)


def changed(old: bytes, new: bytes) -> bytes:
    """The archive with one text of the first member replaced."""
    assert MEMBERS[FIRST].count(old) == 1
    return archive({**MEMBERS, FIRST: MEMBERS[FIRST].replace(old, new)})


DAMAGED = {
    "empty": (b"", "cannot be unpacked"),
    "not a zip": (b"<html>" * 100, "cannot be unpacked"),
    "broken off": (PACKED[: len(PACKED) // 2], "cannot be unpacked"),
    "nothing in it": (
        archive({}),
        r"it lacks 20 of 20 files, first toys-10dobscv-1tra\.dat",
    ),
    "another partition": (
        archive({name.replace("dobscv", ""): text for name, text in MEMBERS.items()}),
        "it lacks 20 of 20 files",
    ),
    "one is missing": (
        archive({name: text for name, text in MEMBERS.items() if name != SECOND}),
        r"it lacks 1 of 20 files, first toys-10dobscv-2tra\.dat",
    ),
    "one is a flood": (
        archive({**MEMBERS, FIRST: bytes(2_000_000)}),
        "1tra.dat has 2,000,000 bytes, expected at most 1,000,000",
    ),
    "one is no text": (archive({**MEMBERS, FIRST: b"\xff\xfe"}), "cannot be unpacked"),
    "two are swapped": (
        archive({**MEMBERS, FIRST: MEMBERS[SECOND], SECOND: MEMBERS[FIRST]}),
        "some of its values differ",
    ),
    "another number": (changed(b"3.5", b"3.25"), "some of its values differ"),
    "another class": (changed(b"1.5, blue, -2, cat", b"1.5, blue, -2, dog"), "values differ"),
    "another column": (changed(b"@attribute Height", b"@attribute Length"), "values differ"),
    "a value is missing": (
        changed(b"3.5", b"?"),
        r"1tra\.dat, line 11: the value of Height is missing \(\?\)",
    ),
    "other method": (
        PACKED.replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x63\x00"),
        "cannot be unpacked",
    ),
}


class TestDamage:
    @pytest.mark.parametrize(("content", "found"), DAMAGED.values(), ids=DAMAGED)
    def test_is_named_with_a_remedy(self, toys, content, found) -> None:
        toys.write_bytes(content)
        with pytest.raises(UserError, match=found) as caught:
            keel_folds("toys")
        assert f"{toys} is damaged" in str(caught.value)
        assert "Delete it. Get toys from https://sci2s.ugr.es/keel" in str(caught.value)

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
        max_examples=60,
    )
    @given(data=st.data(), packed=st.sampled_from([PACKED, archive(MEMBERS, zipfile.ZIP_STORED)]))
    def test_of_any_byte_is_seen_or_harmless(self, toys, data, packed) -> None:
        wrong = bytearray(packed)
        wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
        toys.write_bytes(wrong)
        heights, said = heights_or_message()
        assert "is damaged" in said or heights == [i + 0.5 for i in range(10)]

    @pytest.mark.parametrize(
        "text",
        [
            HEADER + f"{LONG}, red, 1, cat",
            HEADER + f"1.5, {LONG}, 1, cat",
            HEADER.replace("Height", LONG) + "tall, red, 1, cat",
            HEADER.replace("Height", f"'{LONG}'") + "tall, red, 1, cat",
            HEADER.replace("green", LONG).replace("blue", LONG),
        ],
        ids=["number", "value", "name", "name in quotes", "list"],
    )
    def test_does_not_print_what_is_long(self, text) -> None:
        with pytest.raises(Damaged) as caught:
            read(text)
        assert len(str(caught.value)) < 200


BAD = {
    "no header": ("1, red, 1, cat", "no line @outputs that names an attribute with classes"),
    "nothing": ("", "no line @outputs"),
    "no output": (HEADER.replace("@outputs Kind\n", ""), "no line @outputs"),
    "output is unknown": (HEADER.replace("@outputs Kind", "@outputs Sort"), "no line @outputs"),
    "output is a number": (HEADER.replace("@outputs Kind", "@outputs Height"), "with classes"),
    "two outputs": (HEADER.replace("@outputs Kind", "@outputs Colour,Kind"), "no line @outputs"),
    "no data line": (HEADER.replace("@data\n", "1.5, red, 1, cat"), "no line @data"),
    "no samples": (HEADER, "no line @data with samples after it"),
    "two of one name": (HEADER.replace("Colour", "Height"), "two attributes of one name"),
    "an unknown kind": (
        HEADER.replace("real[0.0,9.0]", "text"),
        "line 2: '@attribute Height text' is no attribute",
    ),
    "a list without end": (HEADER.replace("blue}", "blue"), "line 3: .* is no attribute"),
    "a value twice in a list": (HEADER.replace("green", "red"), "line 3: .* lists a value twice"),
    "a cell too few": (HEADER + "1.5, red, cat", "line 9 has 3 values, expected 4"),
    "a cell too many": (HEADER + "1.5, red, 1, cat, dog", "line 9 has 5 values, expected 4"),
    "missing": (HEADER + "\n1.5, red, <null>, cat", r"line 10: the value of Weight is missing"),
    "missing class": (HEADER + "1.5, red, 1, ?", r"line 9: the value of Kind is missing \(\?\)"),
    "no number": (HEADER + "tall, red, 1, cat", "line 9: Height is 'tall', expected a number"),
    "empty": (HEADER + ", red, 1, cat", "line 9: Height is '', expected a number"),
    "not finite": (HEADER + "inf, red, 1, cat", "Height is 'inf', expected a number"),
    "not a number": (HEADER + "nan, red, 1, cat", "Height is 'nan', expected a number"),
    "too large": (HEADER + "1e999, red, 1, cat", "Height is '1e999', expected a number"),
    "unlisted value": (HEADER + "1.5, pink, 1, cat", "Colour is 'pink', which is not in its list"),
    "unlisted class": (HEADER + "1.5, red, 1, cow", "Kind is 'cow', which is not in its list"),
    "unlisted case": (HEADER + "1.5, Red, 1, cat", "Colour is 'Red', which is not in its list"),
}


class TestFormat:
    def test_is_read(self) -> None:
        names, numbers, classes = read(HEADER + "1.5, green, -1, dog\n\n2, blue,7 ,cat\n")
        assert names == ("Height", "Colour", "Weight")
        assert numbers.tolist() == [[1.5, 1, -1], [2, 2, 7]]
        assert classes == ("dog", "cat")

    def test_keywords_may_be_in_capitals(self) -> None:
        capitals = HEADER.replace("@attribute", "@ATTRIBUTE").replace("real", "REAL")
        text = capitals.replace("@data", "@Data ").replace("@outputs", "@OUTPUTS")
        assert read(text + "1, red, 0, cat").numbers.tolist() == [[1, 0, 0]]

    def test_the_class_may_stand_in_any_column(self) -> None:
        table = read(HEADER.replace("@outputs Kind", "@outputs Colour") + "1, green, 0, dog")
        assert table.names == ("Height", "Weight", "Kind")
        assert table.numbers.tolist() == [[1, 0, 1]]
        assert table.classes == ("green",)

    def test_names_may_hold_a_slash_or_spaces_in_quotes(self) -> None:
        text = HEADER.replace("Height", "OD280/OD315").replace("Weight", "'of a kind'")
        assert read(text + "1, red, 0, cat").names == ("OD280/OD315", "Colour", "'of a kind'")

    @pytest.mark.parametrize(("text", "found"), BAD.values(), ids=BAD)
    def test_anything_else_is_named(self, text, found) -> None:
        with pytest.raises(Damaged, match=found) as caught:
            read(text)
        assert "toys.dat" in str(caught.value)

    @given(st.text(alphabet="@{},?\n \t'\"[]atribuelonpsd1.e-", max_size=200))
    @settings(deadline=None)
    def test_no_text_ends_in_another_error(self, text) -> None:
        with pytest.raises(Damaged):
            read(text)
        with pytest.raises(Damaged):
            read(HEADER + "1.5, red, 1, cat, " + text)


class TestDigest:
    @pytest.mark.parametrize(
        "other",
        [
            (("b",), [[1.0], [2.0]], ("x", "y")),
            (("a",), [[1.0], [2.5]], ("x", "y")),
            (("a",), [[2.0], [1.0]], ("x", "y")),
            (("a",), [[1.0], [2.0]], ("y", "x")),
            (("a",), [[1.0]], ("x",)),
        ],
    )
    def test_changes_with_anything_that_is_read(self, other) -> None:
        names, numbers, classes = other
        tables = [keel.Table(names, np.array(numbers), classes)]
        assert keel.digest(tables) != keel.digest([TWO])

    def test_does_not_depend_on_the_layout_in_memory(self) -> None:
        numbers = np.arange(6.0).reshape(2, 3)
        plain, turned = (
            keel.Table(("a", "b", "c"), array, ("x", "y"))
            for array in (numbers, np.asfortranarray(numbers))
        )
        assert keel.digest([plain]) == keel.digest([turned])


class Constant:
    """A learner of one column of zeros: the first three training samples are the neighbours."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Constant:
        assert X.min() == 0
        assert X.max() == 1
        warnings.warn("it stopped early", ConvergenceWarning, stacklevel=2)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return np.zeros((len(X), 1))


class TestBenchmark:
    """benchmarks/keel.py on made-up folds."""

    def test_gives_every_set_a_published_number_for_every_learner(self, benchmark) -> None:
        for learner in benchmark.LEARNERS:
            numbers = benchmark.published()[learner.partition(",")[0]]
            assert set(numbers) == set(keel_names())
            assert all(0.5 < number < 1 for number in numbers.values())

    def test_scales_learns_and_counts(self, toys, benchmark) -> None:
        found = benchmark.measure(Constant, keel_folds("toys"))
        # Two dogs and a cat come first, but for folds 1 and 3, which lack one of these dogs.
        truth = [("dog", "cat")[i % 2] for i in range(10)]
        said = ["cat" if i in (0, 2) else "dog" for i in range(10)]
        assert found.accuracies.tolist() == [a == b for a, b in zip(truth, said, strict=True)]
        assert found.at_limit == 10

    def test_interval_is_that_of_student(self, benchmark) -> None:
        # t(0.975, 9) = 2.262157; the standard deviation of five zeros and ones is √(10/36).
        values = np.array([0.0, 1.0] * 5)
        assert benchmark.half_width(values) == pytest.approx(2.262157 / 6, abs=1e-6)

    def test_names_a_number_that_is_not_as_published(self, toys, benchmark, monkeypatch) -> None:
        monkeypatch.setitem(benchmark.LEARNERS, "LDA", Constant)
        wrong: list[str] = []
        lines = list(benchmark.table(["LDA"], {"iris": keel_folds("toys")}, wrong))
        assert lines[2].startswith("| LDA | iris | 0.3000 | 0.3456 | 0.9533 | -0.6533 | 0.")
        assert lines[2].endswith(" | 10 |")
        assert lines[3] == "| LDA | mean of 1 | 0.3000 | | 0.9533 | -0.6533 | | |"
        assert len(wrong) == 1
        assert wrong[0].startswith("LDA on iris: 0.3")

    def test_without_files_says_what_to_do(self, data_home, benchmark, capsys) -> None:
        assert benchmark.main(["--sets", "wine"]) == 2
        assert "holds neither wine-10fold.zip" in capsys.readouterr().err

    @pytest.mark.parametrize("k", [1, 3])
    def test_objective_is_the_sum_over_all_triplets(self, benchmark, k) -> None:
        M, X, y = made_up()
        targets = benchmark.target_neighbours(X, y, k)
        expected, _ = all_triplets(M, X, y, targets)
        assert benchmark.lmnn_error(M, X, y, targets)[0] == pytest.approx(expected)

    def test_direction_is_the_gradient_for_one_target(self, benchmark) -> None:
        M, X, y = made_up()
        targets = benchmark.target_neighbours(X, y, 1)
        _, expected = all_triplets(M, X, y, targets)
        assert np.allclose(benchmark.lmnn_error(M, X, y, targets)[1], expected)

    def test_direction_takes_too_many_triplets_for_several_targets(self, benchmark) -> None:
        M, X, y = made_up()
        targets = benchmark.target_neighbours(X, y, 3)
        _, gradient = all_triplets(M, X, y, targets)
        _, direction = benchmark.lmnn_error(M, X, y, targets)
        assert not np.allclose(direction, gradient, rtol=0.1)

    def test_targets_are_the_nearest_of_the_class(self, benchmark) -> None:
        X = np.array([[0.0], [1.0], [3.0], [3.5], [9.0], [9.5]])
        y = np.array([0, 1, 0, 1, 0, 1])
        expected = [[2, 4], [3, 5], [0, 4], [1, 5], [2, 0], [3, 1]]
        assert benchmark.target_neighbours(X, y, 2).tolist() == expected


def made_up() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A metric, points and labels."""
    rng = np.random.default_rng(0)
    L = rng.normal(size=(3, 3))
    return L.T @ L, rng.normal(size=(20, 3)), rng.integers(2, size=20)


def all_triplets(
    M: np.ndarray, X: np.ndarray, y: np.ndarray, targets: np.ndarray
) -> tuple[float, np.ndarray]:
    """LMNN's objective at μ = 0.5 and its gradient by M, one triplet at a time."""
    error, gradient = 0.0, np.zeros_like(M)
    for i, row in enumerate(targets):
        for j in row:
            near = X[i] - X[j]
            error += 0.5 * near @ M @ near
            gradient += 0.5 * np.outer(near, near)
            for far in X[i] - X[y != y[i]]:
                hinge = 1 + near @ M @ near - far @ M @ far
                error += 0.5 * max(hinge, 0)
                gradient += 0.5 * (hinge > 0) * (np.outer(near, near) - np.outer(far, far))
    return error, gradient


TWO = keel.Table(("a",), np.array([[1.0], [2.0]]), ("x", "y"))

HERE = [
    name
    for name in keel_names()
    if os.environ.get("DMLCOURSE_DATA")
    and (data_folder() / "keel" / f"{name}-10fold.zip").is_file()
]
real = pytest.mark.skipif(not HERE, reason="DMLCOURSE_DATA names no folder with keel/")
SIZES = {
    "appendicitis": (106, 7, 2),
    "hepatitis": (80, 19, 2),
    "ionosphere": (351, 33, 2),
    "iris": (150, 4, 3),
    "newthyroid": (215, 5, 3),
    "sonar": (208, 60, 2),
    "vehicle": (846, 18, 4),
    "vowel": (990, 13, 11),
    "wdbc": (569, 30, 2),
    "wine": (178, 13, 3),
}


def rows(X: np.ndarray) -> list[list[float]]:
    return sorted(X.tolist())


@real
@pytest.mark.parametrize("name", HERE)
class TestTheRealOnes:
    def test_have_the_known_sizes(self, name) -> None:
        n, d, classes = SIZES[name]
        for train, test in keel_folds(name):
            assert len(train) + len(test) == n
            assert train.X.shape[1] == test.X.shape[1] == d
            assert np.bincount(train.y).min() > 0
            assert len(train.class_names) == classes

    def test_test_parts_are_the_whole_set(self, name) -> None:
        folds = keel_folds(name)
        everything = rows(np.concatenate([fold.test.X for fold in folds]))
        assert len(everything) == SIZES[name][0]
        for train, test in folds:
            assert rows(np.concatenate([train.X, test.X])) == everything

    @pytest.mark.parametrize(
        ("learner", "make"),
        [("Euclidean", FunctionTransformer), ("LDA", LinearDiscriminantAnalysis)],
    )
    def test_lead_to_the_published_number(self, name, learner, make, benchmark) -> None:
        found = benchmark.measure(make, keel_folds(name))
        assert found.mean == pytest.approx(benchmark.published()[learner][name], abs=1e-9)


@real
@pytest.mark.parametrize("name", sorted({"hepatitis", "iris", "wine"} & set(HERE)))
def test_a_hundred_steps_of_lmnn_lead_to_the_published_number(name, benchmark) -> None:
    found = benchmark.measure(benchmark.PydmlSteps, keel_folds(name))
    assert found.mean == pytest.approx(benchmark.published()["LMNN"][name], abs=1e-9)
