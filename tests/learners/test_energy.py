"""Classification by energy: the equation term by term, and accuracy beside a vote."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from dmlcourse.learners import LMNN, EnergyClassifier, energy

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def square(a, b):
    return float(((a - b) ** 2).sum())


def nearest(x, points, k):
    """The indices (into ``points``) of the k nearest to x, nearest first."""
    return np.argsort([square(x, p) for p in points], kind="stable")[:k]


def energy_of(x, label, X, y, k, mu):
    """E(x, label) as the equation says it, one term after the other."""
    total = 0.0
    own, other = np.flatnonzero(y == label), np.flatnonzero(y != label)
    for j in own[nearest(x, X[own], k)]:
        total += (1 - mu) * square(x, X[j])
        total += sum(mu * max(0, 1 + square(x, X[j]) - square(x, X[l])) for l in other)
    for i in other:
        class_of_i = np.array([j for j in np.flatnonzero(y == y[i]) if j != i], dtype=int)
        for j in class_of_i[nearest(X[i], X[class_of_i], k)]:
            total += mu * max(0, 1 + square(X[i], X[j]) - square(X[i], x))
    return total


def problem(seed, n=15, classes=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), np.arange(n) % classes, rng.normal(size=(4, 2))


@quick
@given(seed=seeds, k=st.integers(1, 6), mu=st.sampled_from([0.1, 0.5, 0.9]))
def test_the_energy_is_the_equation(seed, k, mu):
    """k up to 6 where classes have 5 members: then all the others are targets."""
    X, y, new = problem(seed)
    model = EnergyClassifier(k, mu=mu).fit(X, y)
    expected = [[energy_of(x, c, X, y, k, mu) for c in range(3)] for x in new]
    assert model.energy(new) == pytest.approx(np.array(expected), rel=1e-10)
    assert model.predict(new).tolist() == np.argmin(expected, axis=1).tolist()


def test_by_hand():
    """Points 0, 1 of a and 3 of b, all on a line; a new point at 2."""
    model = EnergyClassifier(n_neighbors=1).fit([[0.0], [1.0], [3.0]], ["a", "a", "b"])
    # as a: pull 1, impostor 3 at 1: hinge 1; 3 has no target. As b: pull 1; impostor 1 at 1: hinge
    # 1, 0 at 4: none; the targets 0-1 have limit 2: 2 − 4 < 0 from 0, 2 − 1 from 1.
    assert model.energy([[2.0]]).tolist() == [[0.5 + 0.5, 0.5 + 0.5 * (1 + 1)]]
    assert model.predict([[2.0]]).tolist() == ["a"]


def test_a_class_of_one_point_can_win():
    model = EnergyClassifier(n_neighbors=2).fit([[0.0], [0.5], [9.0]], [0, 0, 1])
    assert model.predict([[8.5], [0.2]]).tolist() == [1, 0]


def test_the_order_of_the_training_points_does_not_matter():
    X, y, new = problem(1)
    order = np.random.default_rng(0).permutation(len(X))
    one, two = EnergyClassifier().fit(X, y), EnergyClassifier().fit(X[order], y[order])
    assert one.energy(new) == pytest.approx(two.energy(new), rel=1e-12)


def test_rotations_and_translations_change_nothing():
    X, y, new = problem(2)
    Q = np.array([[0.6, -0.8], [0.8, 0.6]])
    one, two = EnergyClassifier().fit(X, y), EnergyClassifier().fit(X @ Q.T + 1e3, y)
    assert one.energy(new) == pytest.approx(two.energy(new @ Q.T + 1e3), rel=1e-8)


@pytest.mark.parametrize("rows", [1, 3])
def test_new_points_may_come_in_parts(monkeypatch, rows):
    X, y, _ = problem(3)
    model = EnergyClassifier().fit(X, y)
    whole = model.energy(X)
    monkeypatch.setattr(energy, "default_bytes", lambda device: rows * 64 * len(X))
    assert model.energy(X) == pytest.approx(whole, rel=1e-13)


def test_pickled_it_predicts_the_same():
    X, y, new = problem(4)
    model = EnergyClassifier(mu=0.2).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.energy(new), model.energy(new))


def test_a_k_that_cannot_be_used():
    X, y, _ = problem(5)
    with pytest.raises(ValueError, match="n_neighbors is 0"):
        EnergyClassifier(0).fit(X, y)


@pytest.mark.parametrize(
    ("load", "most"), [(load_wine, None), (load_digits, 900)], ids=["wine", "digits"]
)
def test_after_lmnn_it_is_about_as_right_as_a_vote_of_three(load, most):
    """By at most two points of a hundred worse than the vote, and clearly better than guessing."""
    X, y = (a[:most] for a in load(return_X_y=True))
    X, new, y, truth = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler().fit(X)
    lmnn = LMNN(max_iter=200, tol=1e-2).fit(scaler.transform(X), y)
    X, new = (lmnn.transform(scaler.transform(a)) for a in (X, new))
    vote = KNeighborsClassifier(3).fit(X, y).score(new, truth)
    assert EnergyClassifier().fit(X, y).score(new, truth) >= max(0.9, vote - 0.02)


@parametrize_with_checks([EnergyClassifier()])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)
