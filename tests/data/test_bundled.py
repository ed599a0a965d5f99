"""Sets by name: what ``load`` gives, what it says to a name it does not know, and one scale."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import datasets

from dmlcourse.data import bundled, catalogue, is_here, load, names, standardise
from dmlcourse.errors import UserError

BUNDLED = ("iris", "wine", "breast_cancer", "digits")


@pytest.mark.parametrize("name", BUNDLED)
class TestBundled:
    def test_holds_what_the_source_holds(self, name) -> None:
        data, source = load(name), getattr(datasets, f"load_{name}")()
        assert np.array_equal(data.X, source.data)
        assert np.array_equal(data.y, source.target)

    def test_has_the_promised_types(self, name) -> None:
        data = load(name)
        assert (data.X.dtype, data.y.dtype) == (np.float64, np.int64)
        assert len(data) == len(data.X) == len(data.y)
        assert len(data.feature_names) == data.X.shape[1]
        assert {type(text) for text in (*data.feature_names, *data.class_names)} == {str}

    def test_labels_are_indices_of_the_class_names(self, name) -> None:
        data = load(name)
        assert np.array_equal(np.unique(data.y), np.arange(len(data.class_names)))

    def test_is_as_the_table_says(self, name) -> None:
        data, about = load(name), bundled.SETS[name]
        samples = data.X if data.images is None else data.images
        assert samples.shape == (about.samples, *about.shape)
        assert len(data.class_names) == about.classes

    def test_names_source_and_licence(self, name) -> None:
        source = load(name).source
        assert "19" in source
        assert source.endswith("CC BY 4.0.")

    def test_two_loads_share_no_memory(self, name) -> None:
        load(name).X[:] = 0
        assert load(name).X.any()

    def test_needs_no_network(self, name) -> None:
        assert is_here(name)


def test_pictures_and_rows_of_digits_are_the_same() -> None:
    data = load("digits")
    assert np.array_equal(data.images.reshape(1797, 64), data.X)


def test_a_set_describes_itself() -> None:
    assert repr(load("wine")) == "<wine: 178 samples of 13 features, 3 classes>"
    assert repr(load("digits")) == "<digits: 1,797 samples of 8×8 pixels, 10 classes>"


def test_names_are_those_that_load_knows() -> None:
    assert names() == (*BUNDLED, "mnist", "omniglot")


class TestUnknown:
    def test_name_near_a_known_one(self) -> None:
        with pytest.raises(UserError, match=r"No data set 'wein'\. Did you mean 'wine'\?"):
            load("wein")

    def test_name_far_from_all(self) -> None:
        with pytest.raises(UserError) as caught:
            load("xyzzy")
        assert "mean" not in str(caught.value)
        assert all(name in str(caught.value) for name in names())

    @pytest.mark.parametrize("name", [["wine"], {}, None, 7, b"wine"])
    def test_name_that_is_no_text(self, name) -> None:
        with pytest.raises(UserError, match=r"No data set .* The sets: iris, wine"):
            load(name)

    def test_part_of_a_set_without_parts(self) -> None:
        with pytest.raises(UserError, match="wine has no parts, and 'train' was asked for"):
            load("wine", part="train")

    def test_part_near_a_known_one(self, data_home) -> None:
        with pytest.raises(UserError, match=r"no part 'backgruond'\. Did you mean 'background'\?"):
            load("omniglot", part="backgruond")

    @pytest.mark.parametrize("size", [0, -1, 106, 28.0, "28"])
    def test_size_that_omniglot_cannot_have(self, data_home, size) -> None:
        with pytest.raises(UserError, match=r"expected a whole number from 1 to 105"):
            load("omniglot", size=size)

    @pytest.mark.parametrize("name", ["wine", "mnist"])
    def test_size_of_a_set_that_has_one(self, data_home, name) -> None:
        with pytest.raises(UserError, match=f"{name} has one size"):
            load(name, size=14)


def test_every_part_is_offered_by_its_entry() -> None:
    assert catalogue.entry("mnist").parts == ("train", "test")
    assert catalogue.entry("omniglot").parts[:2] == ("background", "evaluation")


MATRICES = arrays(
    np.float64, st.tuples(st.integers(2, 6), st.integers(1, 3)), elements=st.integers(-9, 9)
)


class TestStandardise:
    @given(MATRICES)
    def test_gives_mean_zero_and_deviation_one(self, X) -> None:
        Z = standardise(X)
        varies = np.ptp(X, axis=0) > 0
        assert np.allclose(Z.mean(0), 0, atol=1e-12)
        assert np.allclose(Z.std(0), varies.astype(float))

    @given(MATRICES, st.integers(-3, 3), st.sampled_from([0.5, 2.0, 8.0]))
    def test_forgets_units(self, X, shift, factor) -> None:
        assert np.allclose(standardise(X * factor + shift), standardise(X), atol=1e-12)

    def test_statistics_are_those_of_the_first(self) -> None:
        train, test = np.array([[0.0], [2.0]]), np.array([[5.0], [1.0], [1.0]])
        standard_train, standard_test = standardise(train, test)
        assert standard_train.tolist() == [[-1.0], [1.0]]
        assert standard_test.tolist() == [[4.0], [0.0], [0.0]]

    def test_a_constant_column_is_only_centred(self) -> None:
        train, test = standardise(np.array([[7.0, 0.0], [7.0, 2.0]]), np.array([[8.0, 1.0]]))
        assert train[:, 0].tolist() == [0.0, 0.0]
        assert test[0, 0] == 1.0

    def test_leaves_its_input_as_it_is(self) -> None:
        X = np.array([[0, 1], [2, 3]])
        before = X.copy()
        assert standardise(X).dtype == np.float64
        assert np.array_equal(X, before)

    def test_float32_stays_float32(self) -> None:
        assert standardise(np.eye(3, dtype=np.float32)).dtype == np.float32

    def test_nan_stays_and_counts_for_nothing(self) -> None:
        Z = standardise(np.array([[0.0], [2.0], [np.nan]]))
        assert Z[:2].tolist() == [[-1.0], [1.0]]
        assert np.isnan(Z[2, 0])

    @pytest.mark.parametrize(
        ("parts", "said"),
        [
            ((np.array([[np.inf], [1.0]]),), "infinity"),
            ((np.ones(3),), "2D array"),
            ((np.ones((0, 2)),), "0 sample"),
            ((np.ones((2, 2)), np.ones((2, 3))), "3 features"),
        ],
    )
    def test_refuses_what_has_no_scale(self, parts, said) -> None:
        with pytest.raises(ValueError, match=said):
            standardise(*parts)


def test_importing_the_room_imports_neither_torch_nor_a_downloader() -> None:
    heavy = "('torch', 'pooch', 'requests', 'tqdm', 'sklearn', 'PIL', 'matplotlib')"
    script = f"import sys, dmlcourse.data; print(*sorted(set(sys.modules) & set({heavy})))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
