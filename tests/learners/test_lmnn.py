"""LMNN as an estimator: scikit-learn's contract, what it tells, kinds of data, bad and odd input.

That its numbers are right stands in ``test_lmnn_objective.py`` and ``test_lmnn_solver.py``; that
scikit-learn's own checks pass, in ``test_linear_metric.py``.
"""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from dmlcourse.learners import LMNN, lmnn_loss

WINE, CULTIVAR = load_wine(return_X_y=True)
WINE = scale(WINE)


def draw(seed=0, n=30, d=3, classes=3):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(size=(n, d)) + 0.7 * y[:, None], y


X, Y = draw()


@pytest.fixture(scope="module")
def fitted():
    return LMNN(2).fit(X, Y)


def sound(model, points=X, labels=Y):
    """Every promise about the attributes of a fitted model."""
    L = np.asarray(model.components_, dtype=float)
    assert np.isfinite(L).all()
    assert 0 <= model.gap_ <= 1
    assert model.history_[-1].objective == model.objective_
    again = lmnn_loss(L, np.asarray(points, dtype=float), np.asarray(labels), model.targets_)
    assert again == pytest.approx(model.objective_, rel=1e-4, abs=1e-9)
    return model


# ---------------------------------------------------------------- what it learns


def test_neighbours_vote_better_under_the_learned_metric():
    """The widest features are noise: the ruler listens to them, LMNN does not."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    points = np.column_stack(
        [rng.normal(size=(120, 2)) + 3 * y[:, None], rng.normal(size=(120, 2))]
    )
    points[:, 2:] *= 10
    vote = KNeighborsClassifier(3)
    plain = cross_val_score(vote, points, y).mean()
    learned = cross_val_score(make_pipeline(LMNN(), vote), points, y).mean()
    assert learned > plain + 0.03


def test_the_rows_are_orthogonal_longest_first_and_their_largest_entry_is_positive(fitted):
    L = fitted.components_
    gram = L @ L.T
    assert gram == pytest.approx(np.diag(np.diag(gram)), abs=1e-10)
    assert (np.diff(np.diag(gram)) <= 0).all()
    assert (L[np.arange(3), np.abs(L).argmax(1)] > 0).all()


def test_the_attributes_keep_their_promises(fitted):
    sound(fitted)
    assert fitted.targets_.shape == (30, 2)
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.n_features_in_ == 3
    assert fitted.get_feature_names_out().tolist() == ["lmnn0", "lmnn1", "lmnn2"]


def test_two_fits_are_equal_to_the_last_bit(fitted):
    again = LMNN(2).fit(X, Y)
    assert np.array_equal(again.components_, fitted.components_)
    assert (again.objective_, again.gap_) == (fitted.objective_, fitted.gap_)
    assert [s._replace(seconds=0) for s in again.history_] == [
        s._replace(seconds=0) for s in fitted.history_
    ]


def test_nothing_is_written_to_the_data():
    points, labels = X.copy(), Y.copy()
    points.flags.writeable = labels.flags.writeable = False
    LMNN(2).fit(points, labels)
    assert np.array_equal(points, X)


def test_a_larger_mu_leaves_fewer_impostors_and_a_wider_metric():
    sizes = [
        np.trace(LMNN(2, mu=mu).fit(X, Y).get_mahalanobis_matrix()) for mu in (0.05, 0.5, 0.95)
    ]
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("rank", [1, 2])
def test_a_low_rank_has_so_many_rows(rank):
    model = sound(LMNN(2, n_components=rank).fit(X, Y))
    assert model.components_.shape == (rank, 3)
    assert model.transform(X).shape == (30, rank)


# ---------------------------------------------------------------- what it tells


def test_history_goes_down_and_counts_up():
    model = LMNN().fit(WINE, CULTIVAR)
    steps = model.history_
    assert steps[0].iteration == 0
    assert steps[-1].iteration == model.n_iter_
    for name in ("iteration", "seconds"):
        told = [getattr(step, name) for step in steps]
        assert told == sorted(told)
    values = np.array([step.objective for step in steps])
    assert (np.diff(values) <= 1e-3 * values[-1]).all()  # rounded hinges go down, the sum nearly
    assert values[-1] < 0.6 * values[0]
    assert all(step.impostors > 0 for step in steps)


@pytest.mark.parametrize("solver", ["lbfgs", "convex"])
def test_stopped_early_it_warns_what_to_do(solver):
    told = r"\(max_iter=3\) before tol=0.001.*no metric is better.*Raise max_iter or tol"
    with pytest.warns(ConvergenceWarning, match=told):
        model = LMNN(solver=solver, max_iter=3).fit(WINE, CULTIVAR)
    assert model.n_iter_ == 3
    assert sound(model, WINE, CULTIVAR).gap_ > 1e-3


def test_come_to_rest_it_does_not_warn(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LMNN(2).fit(X, Y).n_iter_ == fitted.n_iter_ < 1000


def test_verbose_prints_a_line_for_each_entry_of_the_history(capsys):
    LMNN(2).fit(X, Y)
    assert capsys.readouterr().out == ""
    model = LMNN(2, verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(model.history_)
    last = model.history_[-1]
    assert lines[-1] == (
        f"[LMNN] step {last.iteration}: objective {last.objective:.6g}, impostors {last.impostors}"
    )


# ---------------------------------------------------------------- starts


@pytest.mark.parametrize("rank", [None, 2])
def test_from_its_own_result_it_gets_no_worse(rank):
    model = LMNN(2, n_components=rank).fit(X, Y)
    again = LMNN(2, n_components=rank, init=model.components_).fit(X, Y)
    assert again.objective_ <= model.objective_ * (1 + 1e-6)
    assert again.history_[0].objective == pytest.approx(model.objective_, rel=1e-9)
    assert again.n_iter_ <= model.n_iter_


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_at_full_rank_the_start_does_not_matter(size, fitted):
    model = LMNN(2, init=size * np.eye(3)).fit(X, Y)
    assert model.objective_ == pytest.approx(fitted.objective_, rel=2e-3)


def test_starts_that_cannot_be_used():
    with pytest.raises(ValueError, match=r"init has shape \(2, 3\): expected \(3, 3\), a map L"):
        LMNN(2, init=np.eye(3)[:2]).fit(X, Y)
    with pytest.raises(ValueError, match=r"init\[0, 0\] is nan"):
        LMNN(2, init=np.full((3, 3), np.nan)).fit(X, Y)
    with pytest.raises(ValueError, match="init is 0 everywhere: from there no direction"):
        LMNN(2, init=np.zeros((3, 3))).fit(X, Y)


# ---------------------------------------------------------------- scikit-learn


def test_clone_pickle_and_parameters(fitted):
    model = LMNN(2, mu=0.3, solver="convex", verbose=0)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(mu=0.6).mu == 0.6
    assert not hasattr(clone(fitted), "components_")
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.transform(X), fitted.transform(X))
    assert again.history_ == fitted.history_


def test_in_a_pipeline_and_a_grid_search():
    pipeline = make_pipeline(StandardScaler(), LMNN(tol=1e-2), KNeighborsClassifier(3))
    search = GridSearchCV(pipeline, {"lmnn__n_neighbors": [1, 3]}, cv=3, error_score="raise")
    search.fit(*load_iris(return_X_y=True))
    assert search.best_score_ > 0.93
    assert search.best_estimator_[1].targets_.shape[1] == search.best_params_["lmnn__n_neighbors"]


# ---------------------------------------------------------------- kinds of data


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_in_tensors_out(device, dtype, fitted):
    x, y = torch.tensor(X, dtype=dtype, device=device), torch.tensor(Y, device=device)
    model = LMNN(2).fit(x, y)
    found = (model.components_, model.transform(x), model.get_mahalanobis_matrix())
    assert {(t.device.type, t.dtype) for t in found} == {(device, dtype)}
    assert (model.targets_.device.type, model.targets_.dtype) == (device, torch.int64)
    assert isinstance(model.classes_, np.ndarray)
    assert model.objective_ == pytest.approx(fitted.objective_, rel=1e-3)
    assert model.targets_.tolist() == fitted.targets_.tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_arrays_are_solved_on_the_gpu_where_there_is_one(fitted):
    auto, named = LMNN(2).fit(X, Y), LMNN(2, device="cpu").fit(X, Y)
    assert isinstance(auto.components_, np.ndarray)
    assert auto.objective_ == pytest.approx(named.objective_, rel=1e-6)


@pytest.mark.parametrize("solver", ["lbfgs", "convex"])
def test_float32_ends_where_float64_ends(solver, fitted):
    for model in (
        LMNN(2, solver=solver, dtype="float32").fit(X, Y),
        LMNN(2, solver=solver).fit(X.astype(np.float32), Y),
    ):
        assert model.components_.dtype == np.float32
        assert sound(model).objective_ == pytest.approx(fitted.objective_, rel=1e-3)
        assert model.gap_ < 0.05


def test_float32_takes_differences_before_it_rounds(fitted):
    """At 10⁶ a float32 has no digit below 1/16: the data would be a grid of few values."""
    far = LMNN(2, dtype="float32").fit(X + 1e6, Y)
    assert far.targets_.tolist() == fitted.targets_.tolist()
    assert far.objective_ == pytest.approx(fitted.objective_, rel=1e-3)


def test_lists_whole_numbers_and_columns_first():
    whole = np.round(10 * X).astype(int)
    expected = LMNN(2).fit(whole.astype(float), Y).components_
    for points, labels in (
        (whole, Y),
        (whole.tolist(), Y.tolist()),
        (np.asfortranarray(whole), Y.astype(np.uint8)),
        (torch.from_numpy(whole), torch.from_numpy(Y)),
    ):
        assert np.asarray(LMNN(2).fit(points, labels).components_) == pytest.approx(expected)


@pytest.mark.parametrize(
    "names", [["b", "a", "c"], [2.0, 1.0, 7.0], [-5, 100, 3]], ids=["text", "floats", "whole"]
)
def test_labels_of_any_kind_give_the_same_metric(names, fitted):
    model = LMNN(2).fit(X, np.array(names)[Y])
    assert model.classes_.tolist() == sorted(names)
    assert np.array_equal(model.components_, fitted.components_)


# ---------------------------------------------------------------- odd data


def test_a_small_class_is_named_and_served():
    points, labels = np.vstack([X, [[9.0] * 3, [9.5] * 3, [-9.0] * 3]]), [*Y, 7, 7, 8]
    told = r"classes with 2 members or fewer: 7 \(2\), 8 \(1\)\. .*n_neighbors=2"
    with pytest.warns(UserWarning, match=told):
        model = LMNN(2).fit(points, labels)
    assert model.targets_[30:].tolist() == [[31, -1], [30, -1], [-1, -1]]
    sound(model, points, labels)


def test_of_many_small_classes_five_are_named():
    points, labels = draw(1, n=16, classes=8)
    told = r"0 \(2\), 1 \(2\), 2 \(2\), 3 \(2\), 4 \(2\) and 3 more"
    with pytest.warns(UserWarning, match=told):
        LMNN().fit(points, labels)


@pytest.mark.filterwarnings("ignore:classes with 3 members or fewer")
def test_four_points_of_two_classes():
    """Targets differ across, classes along: all that is across goes, and along is long enough."""
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    model = sound(LMNN().fit(points, [0, 0, 1, 1]), points, [0, 0, 1, 1])
    M = model.get_mahalanobis_matrix()
    assert M[0, 0] < 1e-3
    assert 1 <= M[1, 1] < np.inf
    assert model.objective_ < 1e-3 * 4


def test_constant_and_repeated_features_change_nothing(fitted):
    for points in (np.column_stack([X, np.full(30, 5.0)]), np.column_stack([X, X[:, 0]])):
        model = LMNN(2).fit(points, Y)
        assert model.components_.shape == (4, 4)
        assert not model.components_[3].any()
        assert sound(model, points).targets_.shape == (30, 2)
    constant = LMNN(2).fit(np.column_stack([X, np.full(30, 5.0)]), Y)
    assert constant.components_[:3, :3] == pytest.approx(fitted.components_, rel=1e-6)
    assert not constant.components_[:, 3].any()


def test_one_feature_is_scaled_to_the_optimum():
    points = X[:, :1]
    model = sound(LMNN(2).fit(points, Y), points)
    sizes = np.linspace(0, 1, 101)
    best = min(lmnn_loss(np.array([[s]]), points, Y, model.targets_) for s in sizes)
    assert model.objective_ <= best * (1 + 2e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "convex"])
def test_where_all_target_neighbours_coincide_the_objective_goes_to_zero(solver):
    places, labels = draw(2, n=6, d=3)
    points, labels = np.repeat(places, 3, axis=0), np.repeat(labels, 3)
    model = LMNN(2, solver=solver).fit(points, labels)
    assert np.isfinite(model.components_).all()
    assert model.objective_ < 1e-3 * 2 * len(points)
    assert model.gap_ in (0, 1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "convex"])
def test_with_fewer_points_than_dimensions_the_objective_goes_to_zero(solver):
    points, labels = draw(3, n=12, d=20, classes=2)
    model = LMNN(2, solver=solver).fit(points, labels)
    assert model.components_.shape == (20, 20)
    assert np.linalg.matrix_rank(model.components_) <= 11
    assert model.objective_ < 1e-3 * 2 * 12


def test_one_place_with_two_labels_costs_its_margin_at_least():
    """Every point has a twin of the other class at distance 0, which no metric can push away."""
    points, labels = np.vstack([X, X]), np.repeat([0, 1], 30)
    model = sound(LMNN(2).fit(points, labels), points, labels)
    assert model.objective_ * (1 - model.gap_) <= model.objective_
    assert model.objective_ >= 0.5 * 60 * 2


@pytest.mark.parametrize("units", [1e-9, 1e9])
def test_the_unit_of_the_data_is_the_metrics(units, fitted):
    model = LMNN(2).fit(units * X, Y)
    assert model.objective_ == pytest.approx(fitted.objective_, rel=1e-6)
    assert units * model.components_ == pytest.approx(fitted.components_, rel=1e-4, abs=1e-4)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_neighbors": 0}, "n_neighbors is 0: expected a whole number, 1 or more"),
        ({"n_neighbors": 2.5}, "n_neighbors is 2.5: expected a whole number"),
        ({"mu": 0}, "mu is 0: expected a number above 0 and below 1"),
        ({"mu": 1.0}, "nothing pulls"),
        ({"mu": float("nan")}, "mu is nan"),
        ({"solver": "sgd"}, 'solver is \'sgd\': expected "lbfgs" or "convex"'),
        ({"mu": None}, "mu is None"),
        ({"n_neighbors": "3"}, "n_neighbors is '3'"),
        ({"tol": 0}, "tol is 0: expected a number above 0"),
        ({"tol": "low"}, "tol is 'low'"),
        ({"max_iter": 2.5}, "max_iter is 2.5: expected a whole number"),
        ({"n_components": 1.5}, "n_components is 1.5: expected a whole number"),
        ({"tol": float("nan")}, "tol is nan"),
        ({"max_iter": 0}, "max_iter is 0"),
        (
            {"n_components": 0},
            "n_components is 0: expected a whole number from 1 to 3",
        ),
        ({"n_components": 4}, "n_components is 4: expected a whole number from 1 to 3"),
        ({"n_components": 2, "solver": "convex"}, 'leave n_components out, or use solver="lbfgs"'),
        ({"dtype": "float16"}, "dtype is 'float16': expected"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(parameters, said):
    with pytest.raises(ValueError, match=said):
        LMNN(**parameters).fit(X, Y)


def test_without_two_points_of_a_class_there_is_no_target():
    with pytest.raises(ValueError, match="no class has two members: there is no target"):
        LMNN().fit(X[:3], [0, 1, 2])


def test_one_class_says_why():
    with pytest.raises(ValueError, match="y has 1 class, 'a': expected two or more"):
        LMNN().fit(X, ["a"] * 30)


def test_points_that_are_all_equal():
    with pytest.raises(ValueError, match="the same values in every row"):
        LMNN(2).fit(np.ones((30, 3)), Y)


def test_nan_infinity_and_measurements_as_labels():
    for bad in (np.nan, np.inf):
        points = X.copy()
        points[4, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            LMNN().fit(points, Y)
        with pytest.raises(ValueError, match=r"X\[4, 1\] is (nan|inf)"):
            LMNN().fit(torch.from_numpy(points), Y)
    with pytest.raises(ValueError, match="continuous"):
        LMNN().fit(X, X[:, 0])


def test_data_too_large_to_square():
    with pytest.raises(ValueError, match="overflow float64: divide the data"):
        LMNN().fit(1e200 * X, Y)


# ---------------------------------------------------------------- data that once misled it


def sheets(noise):
    """Two classes that a thin gap separates, along a direction in which both are long."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 30)
    t = rng.standard_normal(60)
    return scale(np.c_[t, y + noise * rng.standard_normal(60)]), y


@pytest.mark.parametrize("noise", [0.003, 0.05])
def test_classes_with_a_clean_gap_are_not_pressed_into_a_point(noise):
    X, y = sheets(noise)
    lmnn = LMNN().fit(X, y)
    at_zero = lmnn_loss(np.zeros((2, 2)), X, y, lmnn.targets_)
    assert lmnn.objective_ < at_zero / 1000
    assert lmnn.gap_ < 0.05


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1e3, 1e100, 1e200])
def test_the_size_of_init_does_not_matter(size):
    X, y = sheets(0.05)
    assert LMNN(init=size * np.eye(2)).fit(X, y).objective_ == pytest.approx(
        LMNN().fit(X, y).objective_, rel=0.01
    )


def test_the_gap_does_not_depend_on_the_order_of_rows_and_columns():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 4)), np.repeat([0, 1], 20)
    X[y == 1] += 1
    gaps = [LMNN().fit(X[order], y[order]).gap_ for order in map(rng.permutation, [40] * 5)]
    gaps += [LMNN().fit(X[:, ::-1], y).gap_, LMNN().fit(np.asfortranarray(X), y).gap_]
    assert max(gaps) < 0.001


@pytest.mark.parametrize("thin", [1e-4, 1e-7])
def test_a_thin_direction_is_part_of_what_the_gap_speaks_of(thin):
    t, y = np.random.default_rng(0).standard_normal(60), np.repeat([0, 1], 30)
    X = np.c_[t, t + thin * y]
    assert LMNN().fit(X, y).objective_ < 1e-6  # L = [-1, 1] / thin reaches 0


def test_a_refit_that_fails_leaves_the_first_fit_as_it_was():
    X, y = load_wine(return_X_y=True)
    lmnn = LMNN(max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        lmnn.fit(scale(X), y)
    before = lmnn.transform(X)
    with pytest.raises(ValueError, match="mu is 5"):
        lmnn.set_params(mu=5).fit(X[:, :3], y)
    assert np.array_equal(lmnn.transform(X), before)


def test_gradients_of_the_points_do_not_hang_on_the_result():
    X, y = load_iris(return_X_y=True)
    x = torch.tensor(X, requires_grad=True)
    lmnn = LMNN().fit(x, torch.tensor(y))
    assert not lmnn.components_.requires_grad
    assert lmnn.transform(x).requires_grad


def test_labels_of_half_precision():
    X, y = load_iris(return_X_y=True)
    labels = torch.tensor(y, dtype=torch.bfloat16)
    fitted = LMNN().fit(torch.tensor(X), labels)
    assert fitted.objective_ == LMNN().fit(X, y).objective_


def test_a_map_that_its_dtype_cannot_hold_is_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="multiply X by a large number"):
        LMNN(dtype="float32").fit(1e-60 * X, y)


def test_the_objective_of_float32_is_that_of_its_components():
    X, y = load_wine(return_X_y=True)
    X = scale(X).astype(np.float32)
    lmnn = LMNN().fit(X, y)
    assert lmnn.components_.dtype == np.float32
    exact = lmnn_loss(lmnn.components_.astype(float), X.astype(float), y, lmnn.targets_)
    assert lmnn.objective_ == pytest.approx(exact, rel=1e-5)
