"""What MMC and ITML share, on both: drawn pairs and given ones, kinds of data, what they refuse."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from dmlcourse.learners import ITML, MMC
from dmlcourse.learners.pairs import Step
from dmlcourse.tuples import count_tuples


def draw(seed=0, n=30, d=3, classes=3):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(size=(n, d)) + 0.8 * y[:, None], y


X, Y = draw()
LEARNERS = {
    "MMC": MMC(random_state=0),
    "MMC diagonal": MMC(diagonal=True, random_state=0),
    "ITML": ITML(random_state=0),
    "ITML cyclic": ITML(solver="cyclic", gamma=0.1, n_pairs=12, tol=1e-3, random_state=0),
}


@pytest.fixture(params=list(LEARNERS))
def learner(request):
    return clone(LEARNERS[request.param])


def given_pairs(seed=1, m=40, d=3):
    rng = np.random.default_rng(seed)
    same = np.arange(m) % 3 > 0
    pairs = rng.normal(size=(m, 2, d))
    pairs[:, 1, 0] += 2.0 * ~same
    return pairs, same


PAIRS, SAME = given_pairs()


def squares(model, pairs):
    return np.asarray(model.pair_distance(pairs)) ** 2


# ---------------------------------------------------------------- the draw


def test_the_drawn_pairs_are_told_and_right(learner):
    model = learner.set_params(n_pairs=25).fit(X, Y)
    index, same = model.pairs_, model.same_
    assert index.shape == (50, 2)
    assert index.dtype.kind == "i"
    assert same.dtype == bool
    assert same.sum() == 25
    assert (index[:, 0] < index[:, 1]).all()
    assert len(np.unique(index, axis=0)) == 50
    assert np.array_equal(Y[index[:, 0]] == Y[index[:, 1]], same)


def test_fit_is_fit_pairs_of_the_drawn_pairs(learner):
    """With the bounds of all points: ``fit_pairs`` would take its own points for them."""
    if isinstance(learner, ITML):
        learner.set_params(bounds=(1.0, 6.0))
    model = learner.fit(X, Y)
    again = clone(learner).fit_pairs(X[model.pairs_], model.same_)
    assert again.components_ == pytest.approx(model.components_, rel=1e-9, abs=1e-12)
    assert again.objective_ == pytest.approx(model.objective_, rel=1e-12)


def test_where_there_are_fewer_pairs_all_are_taken(learner):
    model = learner.set_params(n_pairs=10**6).fit(X, Y)
    there = count_tuples(Y)
    assert (model.same_.sum(), (~model.same_).sum()) == (there.similar, there.dissimilar)


@pytest.mark.parametrize(("learner_type", "classes", "expected"), [(ITML, 2, 80), (ITML, 3, 180)])
def test_itml_draws_20_times_the_square_of_the_classes(learner_type, classes, expected):
    points, labels = draw(n=60, classes=classes)
    model = learner_type(random_state=0).fit(points, labels)
    assert (model.same_.sum(), (~model.same_).sum()) == (expected, expected)


def test_mmc_draws_10_000_of_each_kind():
    points, labels = draw(n=300, classes=2)
    model = MMC(random_state=0).fit(points, labels)
    assert (model.same_.sum(), (~model.same_).sum()) == (10_000, 10_000)


def test_a_seed_is_one_draw(learner):
    learner.set_params(n_pairs=20)
    one, two = clone(learner).fit(X, Y), clone(learner).fit(X, Y)
    other = clone(learner).set_params(random_state=1).fit(X, Y)
    assert np.array_equal(one.components_, two.components_)
    assert (one.objective_, one.gap_) == (two.objective_, two.gap_)
    assert np.array_equal(one.pairs_, two.pairs_)
    assert not np.array_equal(one.pairs_, other.pairs_)
    generator = clone(learner).set_params(random_state=np.random.default_rng(0)).fit(X, Y)
    assert np.array_equal(one.pairs_, generator.pairs_)


def test_the_names_of_the_labels_do_not_matter(learner):
    plain = clone(learner).fit(X, Y)
    for names in (["a", "b", "c"], [-5, 0, 7], [1.0, 2.0, 3.0]):
        model = clone(learner).fit(X, np.array(names)[Y])
        assert model.classes_.tolist() == names
        assert np.array_equal(model.components_, plain.components_)


# ---------------------------------------------------------------- what does not matter


def test_the_order_and_the_direction_of_pairs_do_not_matter(learner):
    plain = clone(learner).fit_pairs(PAIRS, SAME)
    order = np.random.default_rng(0).permutation(len(SAME))
    expected = squares(plain, PAIRS)
    rel = 2e-2 if learner.solver == "cyclic" else 1e-3  # of results that are proved to tol
    for pairs, same in ((PAIRS[order], SAME[order]), (PAIRS[:, ::-1], SAME), (PAIRS + 50, SAME)):
        model = clone(learner).fit_pairs(pairs, same)
        assert squares(model, PAIRS) == pytest.approx(expected, rel=rel, abs=rel * expected.max())
        assert model.objective_ == pytest.approx(plain.objective_, rel=2 * learner.tol)


# ---------------------------------------------------------------- kinds, dtypes, devices


def test_tensors_in_tensors_out(learner, device):
    x, y = torch.tensor(X, device=device), torch.tensor(Y, device=device)
    model, arrays = clone(learner).fit(x, y), clone(learner).fit(X, Y)
    for kept in (model.components_, model.pairs_, model.same_):
        assert kept.device.type == device
    assert model.same_.dtype == torch.bool
    assert model.pairs_.cpu().tolist() == arrays.pairs_.tolist()
    assert model.components_.cpu().numpy() == pytest.approx(
        arrays.components_, rel=1e-3, abs=1e-3 * np.abs(arrays.components_).max()
    )
    assert model.objective_ == pytest.approx(arrays.objective_, rel=1e-6)
    given = clone(learner).fit_pairs(torch.tensor(PAIRS, device=device), SAME)
    assert given.components_.device.type == device
    same = torch.tensor(SAME, device=device)
    again = clone(learner).fit_pairs(torch.tensor(PAIRS, device=device), same)
    assert torch.equal(given.components_, again.components_)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_arrays_are_solved_on_the_gpu_where_there_is_one(learner):
    auto, named = clone(learner).fit(X, Y), clone(learner).set_params(device="cpu").fit(X, Y)
    assert isinstance(auto.components_, np.ndarray)
    assert auto.objective_ == pytest.approx(named.objective_, rel=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["array", "tensor"])
def test_the_result_has_the_dtype_that_is_asked_for(learner, kind):
    wide = clone(learner).fit(X, Y)
    for dtype, points in (("float32", X), ("auto", X.astype(np.float32))):
        model = clone(learner).set_params(dtype=dtype).fit(kind(points), kind(Y))
        assert str(model.components_.dtype).endswith("float32")
        found = np.asarray(model.components_)
        assert found == pytest.approx(
            wide.components_, rel=1e-2, abs=1e-2 * np.abs(wide.components_).max()
        )
    pairs = PAIRS.astype(np.float32)
    model = clone(learner).set_params(dtype="float64").fit_pairs(kind(pairs), SAME)
    assert str(model.components_.dtype).endswith("float64")


def test_differences_are_taken_before_anything_is_rounded(learner):
    """At 10⁶ a float32 has no digit below 1/16."""
    model = clone(learner).set_params(dtype="float32").fit(X + 1e6, Y)
    assert model.objective_ == pytest.approx(clone(learner).fit(X, Y).objective_, rel=1e-4)


def test_half_precision_whole_numbers_and_lists(learner):
    whole = np.round(10 * PAIRS).astype(int)
    expected = clone(learner).fit_pairs(whole.astype(float), SAME).components_
    bfloat16 = torch.tensor(whole).bfloat16()  # exact below 256
    for pairs in (whole, whole.tolist(), np.asfortranarray(whole), torch.tensor(whole), bfloat16):
        found = clone(learner).fit_pairs(pairs, SAME.tolist()).components_
        assert np.asarray(found) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_nothing_is_written_and_no_gradient_hangs_on(learner):
    pairs = PAIRS.copy()
    pairs.flags.writeable = False
    clone(learner).fit_pairs(pairs, SAME)
    leaf = torch.tensor(PAIRS, requires_grad=True)
    assert not clone(learner).fit_pairs(leaf, SAME).components_.requires_grad


# ---------------------------------------------------------------- what it tells


def test_attributes(learner):
    model = learner.fit(X, Y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.n_features_in_ == 3
    assert model.components_.shape == (3, 3)
    assert 0 <= model.gap_ <= learner.tol
    L = model.components_
    gram = L @ L.T
    assert gram == pytest.approx(np.diag(np.diag(gram)), abs=1e-9 * gram.max())
    assert (np.diff(np.diag(gram)) <= 0).all()
    name = type(learner).__name__.lower()
    assert model.get_feature_names_out().tolist() == [f"{name}{i}" for i in range(3)]


def test_history_counts_up_and_ends_at_the_result(learner):
    model = learner.fit(X, Y)
    steps = model.history_
    assert all(isinstance(step, Step) for step in steps)
    assert (steps[0].iteration, steps[-1].iteration) == (0, model.n_iter_)
    assert (steps[-1].objective, steps[-1].gap) == (model.objective_, model.gap_)
    for name in ("iteration", "seconds"):
        told = [getattr(step, name) for step in steps]
        assert told == sorted(told)
    assert all(step.gap >= 0 for step in steps)


def test_verbose_prints_a_line_for_each_entry_of_the_history(learner, capsys):
    clone(learner).fit(X, Y)
    assert capsys.readouterr().out == ""
    model = learner.set_params(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    last = model.history_[-1]
    assert len(lines) == len(model.history_)
    assert lines[-1] == (
        f"[{type(learner).__name__}] step {last.iteration}: objective {last.objective:.6g}, "
        f"gap {last.gap:.6g}"
    )


def test_stopped_early_it_warns_in_the_callers_file(learner):
    told = (
        rf"{type(learner).__name__} stopped after 1 steps \(max_iter=1\) before tol=.*objective "
        r".*no metric is better by more than .*% of it. Raise max_iter or tol"
    )
    learner.set_params(max_iter=1, tol=1e-9)
    points, labels = draw(3, n=60, d=6)
    with pytest.warns(ConvergenceWarning, match=told) as caught:
        model = learner.fit(points, labels)
    assert model.n_iter_ == 1
    assert model.gap_ > 1e-9
    assert [str(w.filename) for w in caught] == [__file__]
    with pytest.warns(ConvergenceWarning, match=told) as caught:
        learner.fit_pairs(*given_pairs(3, m=90, d=6))
    assert [str(w.filename) for w in caught] == [__file__]


def test_come_to_rest_it_does_not_warn(learner):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.fit(X, Y)
        learner.fit_pairs(PAIRS, SAME)


def test_contradictions_are_counted_in_both_directions_of_a_pair(learner):
    """Pairs 1 and 2 once more with the other answer, one of them turned; a repeat is no new one."""
    pairs = np.concatenate([PAIRS, PAIRS[1:2], PAIRS[2:3, ::-1], PAIRS[1:2]])
    same = np.concatenate([SAME, ~SAME[1:3], ~SAME[1:2]])
    told = "2 pairs of points are given as similar and as dissimilar too: no metric can meet both"
    for given in (pairs, torch.tensor(pairs)):
        with pytest.warns(UserWarning, match=told) as caught:
            model = clone(learner).fit_pairs(given, same)
        assert np.isfinite(np.asarray(model.components_)).all()
        assert str(caught[0].filename) == __file__


def test_repeats_that_agree_are_no_contradiction(learner):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.fit_pairs(np.concatenate([PAIRS, PAIRS[::-1]]), np.concatenate([SAME, SAME[::-1]]))


def test_fitted_on_pairs_it_forgets_what_was_drawn_before(learner):
    model = learner.fit(X, Y).fit_pairs(PAIRS, SAME)
    assert not any(hasattr(model, name) for name in ("pairs_", "same_", "classes_"))
    assert model.fit(X, Y).classes_.tolist() == [0, 1, 2]


# ---------------------------------------------------------------- beside scikit-learn


def test_pickled_it_maps_the_same(learner):
    model = learner.fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.transform(X), model.transform(X))
    assert again.history_ == model.history_


def test_cloned_it_is_unfitted_with_the_same_parameters(learner):
    copy = clone(learner.fit(X, Y))
    assert not hasattr(copy, "components_")
    assert copy.get_params() == learner.get_params()


def test_in_a_pipeline_and_a_search_over_its_parameter():
    for learner, grid in (
        (ITML(random_state=0), {"gamma": [0.1, 10.0]}),
        (MMC(), {"diagonal": [True, False]}),
    ):
        steps = make_pipeline(StandardScaler(), learner, KNeighborsClassifier(3))
        name = type(learner).__name__.lower()
        search = GridSearchCV(steps, {f"{name}__{key}": v for key, v in grid.items()}, cv=3)
        points, labels = draw(5, n=60)
        assert search.fit(points, labels).best_score_ > 0.5


@parametrize_with_checks([MMC(), MMC(diagonal=True), ITML(), ITML(solver="cyclic", max_iter=20)])
def test_each_is_a_scikit_learn_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_pairs": 0}, "n_pairs is 0: expected None or a whole number, 1 or more"),
        ({"n_pairs": -3}, "n_pairs is -3"),
        ({"n_pairs": 2.5}, "n_pairs is 2.5"),
        ({"n_pairs": "all"}, "n_pairs is 'all'"),
        ({"solver": "sgd"}, "solver is 'sgd': expected"),
        ({"tol": 0}, "tol is 0: expected a number above 0"),
        ({"tol": float("nan")}, "tol is nan"),
        ({"max_iter": 0}, "max_iter is 0: expected a whole number"),
        ({"max_iter": 1.5}, "max_iter is 1.5"),
        ({"dtype": "float16"}, "dtype is 'float16': expected"),
        ({"device": "nowhere"}, "nowhere"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(learner, parameters, said):
    with pytest.raises(ValueError, match=said):
        clone(learner).set_params(**parameters).fit(X, Y)
    with pytest.raises(ValueError, match=said):
        clone(learner).set_params(**parameters).fit_pairs(PAIRS, SAME)


KIND = pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["array", "tensor"])


@KIND
@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 3, 3), (4, 2), (4, 2, 3, 1), (4, 2, 0)])
def test_pairs_of_another_shape(learner, kind, shape):
    with pytest.raises(ValueError, match=r"pairs has shape .*: expected \(n, 2, d\)"):
        learner.fit_pairs(kind(np.zeros(shape)), np.ones(shape[0], bool))


@KIND
def test_pairs_that_are_not_finite(learner, kind):
    for bad in (np.nan, np.inf):
        pairs = PAIRS.copy()
        pairs[2, 1, 0] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity|pairs\[5, 0\] is (nan|inf)"):
            learner.fit_pairs(kind(pairs), SAME)


@KIND
def test_answers_that_are_not_one_boolean_a_pair(learner, kind):
    for wrong in (SAME[:-1], SAME[:, None], SAME[0]):
        with pytest.raises(ValueError, match=r"same has shape .*: expected \(40,\), one answer"):
            learner.fit_pairs(kind(PAIRS), kind(wrong))
    for numbers in (np.where(SAME, 1, -1), SAME.astype(float)):
        with pytest.raises(ValueError, match=r"same has dtype .*: expected booleans.*same > 0"):
            learner.fit_pairs(kind(PAIRS), kind(numbers))


def test_answers_that_are_text(learner):
    with pytest.raises(ValueError, match=r"same has dtype .*: expected booleans"):
        learner.fit_pairs(PAIRS, ["yes"] * 40)


@KIND
def test_points_that_cannot_be_used(learner, kind):
    with pytest.raises(ValueError, match="y has 1 class"):
        learner.fit(kind(X), kind(np.zeros(30, int)))
    with pytest.raises(ValueError, match=r"no rows|0 sample"):
        learner.fit(kind(X[:0]), kind(Y[:0]))
    with pytest.raises(ValueError, match="continuous"):
        learner.fit(kind(X), kind(X[:, 0]))
