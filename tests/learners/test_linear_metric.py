"""What every learner of a linear metric shares, tried on one that learns nothing: L is given.

And scikit-learn's own checks of LMNN; those of the learners from pairs are in ``test_pairs.py``.
"""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from dmlcourse.learners import LMNN, LinearMetric

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3))
Y = np.array([0, 0, 0, 1, 1, 1])
L = np.array([[1.0, -2.0, 0.5], [0.0, 0.25, -3.0]]) / 3


class Given(LinearMetric):
    """A metric that is told its L, in the dtype of its parameters."""

    def __init__(self, device="cpu", dtype="auto"):
        self.device = device
        self.dtype = dtype

    def fit(self, X, y):
        self.points, self.codes = self.labelled(X, y)
        self.keep(torch.from_numpy(L).to(self.points.device, self.precision(self.points)), X)
        return self


@pytest.fixture
def fitted():
    return Given().fit(X, Y)


# ---------------------------------------------------------------- the map and its faces


def test_transform_is_the_map(fitted):
    expected = X @ fitted.components_.T
    assert fitted.transform(X) == pytest.approx(expected, rel=1e-14)
    assert fitted.fit_transform(X, Y) == pytest.approx(expected, rel=1e-14)


def test_the_signs_are_those_that_make_the_largest_entry_of_each_row_positive(fitted):
    assert np.array_equal(fitted.components_, -L)


def test_the_matrix_measures_what_the_map_measures(fitted):
    M = fitted.get_mahalanobis_matrix()
    assert pytest.approx(L.T @ L, rel=1e-14) == M
    pairs = np.stack([X[:3], X[3:]], axis=1)
    gaps = X[:3] - X[3:]
    expected = np.sqrt(np.einsum("nd,de,ne->n", gaps, M, gaps))
    found = fitted.pair_distance(pairs)
    assert found.shape == (3,)
    assert found == pytest.approx(expected, rel=1e-12)
    images = fitted.transform(X)
    assert found == pytest.approx(np.linalg.norm(images[:3] - images[3:], axis=1), rel=1e-12)


def test_pair_distance_is_a_pseudometric(fitted):
    pairs = np.stack([X, X[::-1]], axis=1)
    assert not fitted.pair_distance(np.stack([X, X], axis=1)).any()
    assert np.array_equal(fitted.pair_distance(pairs), fitted.pair_distance(pairs[:, ::-1]))
    across = np.array([[[0.0, 0, 0], np.linalg.svd(L)[2][2]]])  # along the kernel of L
    assert fitted.pair_distance(across) == pytest.approx(0, abs=1e-12)


def test_far_from_the_origin_the_distance_keeps_its_digits(fitted):
    pairs = np.round(np.stack([X[:3], X[3:]], axis=1) * 64) / 64
    assert fitted.pair_distance(pairs + 2.0**30) == pytest.approx(
        fitted.pair_distance(pairs), rel=1e-14
    )


def test_the_columns_have_names(fitted):
    assert fitted.get_feature_names_out().tolist() == ["given0", "given1"]


# ---------------------------------------------------------------- kinds, dtypes, devices


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_dtype_of_what_is_mapped(fitted, dtype):
    assert fitted.transform(X.astype(dtype)).dtype == dtype
    assert fitted.pair_distance(np.stack([X, X], 1).astype(dtype)).dtype == dtype


def test_whole_numbers_are_read_as_float64(fitted):
    whole = np.arange(12).reshape(4, 3)
    expected = whole @ fitted.components_.T
    for given in (whole, whole.tolist(), torch.from_numpy(whole)):
        found = fitted.transform(given)
        assert np.asarray(found).dtype == np.float64
        assert np.asarray(found) == pytest.approx(expected)
    pairs = np.stack([whole, whole[::-1]], axis=1)
    assert fitted.pair_distance(torch.from_numpy(pairs)).numpy() == pytest.approx(
        fitted.pair_distance(pairs)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_in_tensors_out(device, dtype):
    x = torch.tensor(X, dtype=dtype, device=device)
    metric = Given(device="auto").fit(x, torch.tensor(Y, device=device))
    found = [
        metric.components_,
        metric.transform(x),
        metric.get_mahalanobis_matrix(),
        metric.pair_distance(torch.stack([x, x.flip(0)], 1)),
    ]
    assert {(t.device.type, t.dtype) for t in found} == {(device, dtype)}
    expected = Given().fit(X, Y).transform(X)
    assert metric.transform(x).cpu().numpy() == pytest.approx(expected, abs=1e-5)
    assert metric.transform(X) == pytest.approx(expected, abs=1e-5)  # arrays too, after tensors


def test_fitted_on_arrays_it_maps_tensors(fitted, device):
    found = fitted.transform(torch.tensor(X, device=device))
    assert found.device.type == device
    assert found.cpu().numpy() == pytest.approx(fitted.transform(X))


def test_gradients_flow_through_the_map_to_the_points(fitted):
    x = torch.tensor(X, requires_grad=True)
    fitted.transform(x).sum().backward()
    assert x.grad.numpy() == pytest.approx(np.tile(fitted.components_.sum(0), (6, 1)))


@pytest.mark.parametrize(
    ("dtype", "data", "expected"),
    [
        ("auto", np.float32, np.float32),
        ("auto", np.float64, np.float64),
        ("auto", np.int64, np.float64),
        ("float32", np.float64, np.float32),
        ("float64", np.float32, np.float64),
    ],
)
def test_the_precision(dtype, data, expected):
    assert Given(dtype=dtype).fit((10 * X).astype(data), Y).components_.dtype == expected


def test_unknown_devices_and_dtypes():
    with pytest.raises(ValueError, match="dtype is 'float16': expected \"auto\""):
        Given(dtype="float16").fit(X, Y)
    with pytest.raises(ValueError, match="nowhere"):
        Given(device="nowhere").fit(X, Y)


def test_clone_and_pickle(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.transform(X), fitted.transform(X))
    bare = clone(Given(dtype="float32").fit(X, Y))
    assert bare.get_params() == {"device": "cpu", "dtype": "float32"}
    assert not hasattr(bare, "components_")


# ---------------------------------------------------------------- what comes in


@dataclass
class Labels:
    given: list
    classes: list
    codes: list


KINDS = {
    "whole": Labels([3, 3, 3, -1, -1, -1], [-1, 3], [1, 1, 1, 0, 0, 0]),
    "text": Labels(list("bbbaac"), ["a", "b", "c"], [1, 1, 1, 0, 0, 2]),
    "bool": Labels([True, True, False, False, True, True], [False, True], [1, 1, 0, 0, 1, 1]),
    "whole floats": Labels([1.0, 1, 1, 2, 2, 2], [1.0, 2.0], [0, 0, 0, 1, 1, 1]),
}


@pytest.mark.parametrize("labels", KINDS.values(), ids=list(KINDS))
def test_labels_of_any_kind_become_codes(labels):
    for points in (X, torch.from_numpy(X)):
        metric = Given().fit(points, np.array(labels.given))
        assert metric.classes_.tolist() == labels.classes
        assert metric.codes.tolist() == labels.codes
        assert metric.n_features_in_ == 3


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["array", "tensor"])
class TestRefuses:
    def test_one_class(self, kind):
        with pytest.raises(ValueError, match="y has 1 class, 7: expected two or more"):
            Given().fit(kind(X), np.full(6, 7))

    def test_no_points(self, kind):
        with pytest.raises(ValueError, match=r"no rows|0 sample"):
            Given().fit(kind(X[:0]), Y[:0])

    def test_nan_and_infinity(self, kind):
        for bad in (np.nan, np.inf):
            points = X.copy()
            points[2, 1] = bad
            with pytest.raises(ValueError, match=r"NaN|infinity|X\[2, 1\] is (nan|inf)"):
                Given().fit(kind(points), Y)
            with pytest.raises(ValueError, match=r"NaN|infinity|X\[2, 1\] is (nan|inf)"):
                Given().fit(X, Y).transform(kind(points))

    def test_labels_of_another_length(self, kind):
        with pytest.raises(ValueError, match=r"\[6, 5\]|\(5,\) and X has 6 rows"):
            Given().fit(kind(X), Y[:-1])

    def test_labels_that_are_measurements(self, kind):
        with pytest.raises(ValueError, match="continuous"):
            Given().fit(kind(X), Y + 0.5 * X[:, 0])

    def test_points_of_another_shape(self, kind):
        with pytest.raises(ValueError, match=r"2D array|two dimensions"):
            Given().fit(kind(X[:, 0]), Y)
        metric = Given().fit(X, Y)
        with pytest.raises(ValueError, match="X has 2 features, but Given"):
            metric.transform(kind(X[:, :2]))

    @pytest.mark.parametrize("shape", [(6, 3), (2, 3, 3), (2, 2, 3, 1), (3,)])
    def test_pairs_of_another_shape(self, kind, shape):
        with pytest.raises(ValueError, match=r"pairs has shape .*: expected \(n, 2, 3\)"):
            Given().fit(X, Y).pair_distance(kind(np.zeros(shape)))

    def test_pairs_of_other_points(self, kind):
        with pytest.raises(ValueError, match="X has 4 features"):
            Given().fit(X, Y).pair_distance(kind(np.zeros((5, 2, 4))))


def test_nothing_works_before_fit():
    for use in (
        lambda m: m.transform(X),
        lambda m: m.pair_distance(np.zeros((1, 2, 3))),
        lambda m: m.get_mahalanobis_matrix(),
        lambda m: m.get_feature_names_out(),
    ):
        with pytest.raises(NotFittedError):
            use(Given())


@parametrize_with_checks([LMNN()])
def test_each_learner_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)
