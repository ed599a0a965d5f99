"""Search without gradients: budgets, repeatability, known minima, and the error of a neighbour."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from dmlcourse.geometry import (
    evolution_strategy,
    one_nn_error,
    particle_swarm,
    pca,
    simulated_annealing,
)

SEARCHES = [simulated_annealing, particle_swarm, evolution_strategy]
every_search = pytest.mark.parametrize("search", SEARCHES)


def sphere(x):
    return float(np.square(x).sum())


def rastrigin(x):
    """A minimum near every pair of whole numbers; the lowest, 0, is at the origin."""
    return float((x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum())


TURN, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
CURVATURES = np.geomspace(1, 1e4, 4)


def turned_valley(x):
    """A quadratic whose axes are turned, and differ by a factor of ten thousand in curvature."""
    return float(CURVATURES @ np.square(TURN @ x))


class Recorder:
    """A function that remembers where it was asked."""

    def __init__(self, value):
        self.value, self.points = value, []

    def __call__(self, x):
        self.points.append(np.array(x))
        return self.value(x)


# ---------------------------------------------------------------- known minima


@every_search
@pytest.mark.parametrize("seed", range(3))
def test_a_sphere_leads_to_its_centre(search, seed):
    found = search(sphere, np.ones(5), evaluations=1000, random_state=seed)
    assert found.value < 1e-2


@pytest.mark.parametrize("seed", range(3))
def test_a_turned_valley_is_for_the_strategy_that_learns_its_shape(seed):
    start, budget = np.ones(4), {"evaluations": 2000, "random_state": seed}
    assert turned_valley(start) > 1e4
    assert evolution_strategy(turned_valley, start, **budget).value < 1e-6
    assert particle_swarm(turned_valley, start, **budget).value < 20
    assert simulated_annealing(turned_valley, start, **budget).value < 2000


@every_search
def test_of_many_minima_a_low_one_is_found(search):
    """The start is in the valley of (2, −3), whose floor is near 13; half of the runs reach 5."""
    start = np.array([2.2, -3.1])
    lows = [search(rastrigin, start, 2.0, 1500, random_state=seed).value for seed in range(5)]
    assert np.median(lows) < 5


def test_annealing_at_once_goes_downhill_only():
    """At a temperature near zero no step goes uphill, so the walk cannot leave its valley."""
    start = np.array([2.0, -3.0])
    cold = simulated_annealing(rastrigin, start, 0.1, 500, temperature=1e-9, random_state=0)
    assert cold.value > 12
    assert np.round(cold.x).tolist() == [2, -3]


@pytest.mark.parametrize(
    ("chance", "low", "high"), [(0.01, 0, 5), (0.5, 75, 125), (0.99, 195, 200)]
)
def test_annealing_accepts_a_step_uphill_as_often_as_metropolis_says(chance, low, high):
    """The second point is 1 higher than the first, at T·10^(−4/3), the temperature of its turn.

    Where it is accepted the third is drawn around it, else around the first. In 50 dimensions the
    two are far apart beside the third step.
    """
    accepted = 0
    for seed in range(200):
        walk = Recorder(lambda x: float(x.any()))
        hot = 10 ** (4 / 3) / -np.log(chance)
        simulated_annealing(walk, np.zeros(50), 1.0, 3, temperature=hot, random_state=seed)
        first, second, third = walk.points
        accepted += np.linalg.norm(third - second) < np.linalg.norm(third - first)
    assert low <= accepted <= high


# ---------------------------------------------------------------- what is promised


@every_search
@pytest.mark.parametrize("evaluations", [1, 2, 7, 12, 100, 401])
def test_the_budget_is_kept(search, evaluations):
    counted = Recorder(rastrigin)
    found = search(counted, np.ones(3), evaluations=evaluations, random_state=0)
    assert len(counted.points) == found.evaluations == len(found.history) == evaluations


@every_search
def test_the_start_is_the_first_point_asked_and_the_best_point_is_returned(search):
    counted = Recorder(rastrigin)
    found = search(counted, np.full(3, 2.2), evaluations=150, random_state=0)
    heights = [rastrigin(x) for x in counted.points]
    assert counted.points[0].tolist() == [2.2, 2.2, 2.2]
    assert found.value == min(heights) == rastrigin(found.x)
    assert found.history == tuple(np.minimum.accumulate(heights))


@every_search
def test_a_start_that_is_the_minimum_is_returned(search):
    found = search(sphere, np.zeros(4), evaluations=50, random_state=0)
    assert (found.value, found.x.tolist()) == (0, [0, 0, 0, 0])


@every_search
def test_a_seed_repeats_a_search_and_another_does_not(search):
    first, again, other = (
        search(rastrigin, np.full(3, 2.2), evaluations=200, random_state=s) for s in (1, 1, 2)
    )
    assert first.history == again.history
    assert np.array_equal(first.x, again.x)
    assert first.history != other.history


@every_search
def test_global_random_numbers_are_neither_used_nor_moved(search):
    histories = []
    for seed in (0, 1):
        np.random.seed(seed)
        before = np.random.get_state()[1].copy()
        found = search(rastrigin, np.full(3, 2.2), evaluations=100, random_state=5)
        assert np.array_equal(before, np.random.get_state()[1])
        histories.append(found.history)
    assert histories[0] == histories[1]


@every_search
def test_nan_counts_as_infinite(search):
    def value(x):
        return np.nan if x[0] > 0.95 else sphere(x)

    found = search(value, np.ones(2), evaluations=300, random_state=0)
    assert found.history[0] == np.inf
    assert found.value < 0.1
    assert not np.isnan(found.history).any()


@every_search
@pytest.mark.parametrize("height", [np.nan, np.inf, -np.inf, 0.0, -3.0])
def test_a_flat_function_returns_the_start(search, height):
    found = search(lambda x: height, np.ones(2), evaluations=60, random_state=0)
    assert found.x.tolist() == [1, 1]
    assert found.value == (np.inf if np.isnan(height) else height)
    assert found.evaluations <= 60


@every_search
def test_nothing_is_printed_or_written(search, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cma_signals.in").write_text("{'timeout': 0}", encoding="utf-8")
    found = search(rastrigin, np.ones(3), evaluations=200, random_state=0)
    assert found.evaluations == 200
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["cma_signals.in"]


def test_a_package_that_one_search_needs_is_not_imported_for_the_others():
    script = (
        "import sys, dmlcourse.geometry; print(*sorted({'cma', 'matplotlib'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.split()) == (0, [])


# ---------------------------------------------------------------- shapes, kinds, refusals


@every_search
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
def test_points_keep_the_shape_of_the_start(search, shape):
    shapes = set()
    found = search(lambda x: shapes.add(np.shape(x)) or sphere(x), np.ones(shape), evaluations=60)
    assert shapes == {shape} == {np.shape(found.x)}
    assert found.value < sphere(np.ones(shape))


@every_search
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_go_through_tensors(device, dtype, search):
    x = torch.ones(3, dtype=dtype, device=device)
    seen = set()

    def value(z):
        seen.add((z.dtype, z.device))
        return z.square().sum()

    found = search(value, x, evaluations=100, random_state=0)
    assert seen == {(torch.float64, x.device)}
    assert (found.x.dtype, found.x.device) == (dtype, x.device)
    assert isinstance(found.value, float)
    assert found.history == search(sphere, np.ones(3), evaluations=100, random_state=0).history


@every_search
def test_a_function_that_writes_to_its_point_does_no_harm(search):
    def spoiling(x):
        height = sphere(x)
        x[:] = 99
        return height

    start = np.ones(3)
    rough = search(spoiling, start, evaluations=100, random_state=0)
    clean = search(sphere, start, evaluations=100, random_state=0)
    assert rough.history == clean.history
    assert np.array_equal(rough.x, clean.x)
    assert start.tolist() == [1, 1, 1]


@every_search
def test_what_is_refused(search):
    with pytest.raises(ValueError, match="evaluations is 0: expected a positive"):
        search(sphere, np.ones(2), evaluations=0)
    with pytest.raises(TypeError):
        search(sphere, np.ones(2), evaluations=1.5)
    with pytest.raises(ValueError, match="sigma is -1"):
        search(sphere, np.ones(2), sigma=-1)
    with pytest.raises(ValueError, match=r"x\[1\] is nan"):
        search(sphere, np.array([0, np.nan]))
    with pytest.raises(ValueError, match="at least one number"):
        search(sphere, np.ones(0))


def test_what_one_search_refuses():
    with pytest.raises(ValueError, match="temperature is 0: expected a positive"):
        simulated_annealing(sphere, np.ones(2), temperature=0)
    with pytest.raises(ValueError, match="particles is 0: expected a positive"):
        particle_swarm(sphere, np.ones(2), particles=0)


# ---------------------------------------------------------------- the 1-NN error


def test_the_error_is_that_of_leaving_one_out():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    X = X + 1e-4 * rng.normal(size=X.shape)  # no ties, which are nobody's convention
    for L in (np.eye(4), pca(X, 2), rng.normal(size=(1, 4))):
        misses = 0
        for i in range(len(X)):
            gaps = np.linalg.norm((X - X[i]) @ L.T, axis=1)
            gaps[i] = np.inf
            misses += y[gaps.argmin()] != y[i]
        assert one_nn_error(L, X, y) == misses / len(X)


def test_four_points_on_a_line():
    X = np.array([[0.0, 0], [1, 5], [5, 0], [6, 5]])
    y = ["a", "b", "a", "b"]
    assert one_nn_error(np.array([[1.0, 0.0]]), X, y) == 1
    assert one_nn_error(np.array([[0.0, 1.0]]), X, y) == 0
    assert one_nn_error(np.eye(2), X, y) == 0.0


def test_the_error_ignores_scale_and_rotation_of_the_map():
    X, y = load_iris(return_X_y=True)
    L, turn = pca(X, 2), np.array([[0.6, -0.8], [0.8, 0.6]])
    X = X + 1e-4 * np.random.default_rng(0).normal(size=X.shape)
    assert one_nn_error(L, X, y) == one_nn_error(100 * L, X, y) == one_nn_error(turn @ L, X, y)


def test_the_error_of_tensors(device):
    X = torch.tensor([[0.0], [1], [5], [6]], device=device)
    y = torch.tensor([0, 0, 1, 0], device=device)
    error = one_nn_error(torch.ones(1, 1, device=device), X, y)
    assert error == 0.5
    assert isinstance(error, float)


def test_what_the_error_refuses():
    with pytest.raises(ValueError, match=r"y has shape .3,. and X has 4 rows"):
        one_nn_error(np.ones((1, 1)), np.ones((4, 1)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"L has shape .1, 2."):
        one_nn_error(np.ones((1, 2)), np.ones((4, 1)), [0, 1, 2, 0])


@every_search
def test_in_two_dimensions_a_search_beats_pca_on_iris(search):
    """On the points it was shown: nothing is said about others."""
    X, y = load_iris(return_X_y=True)
    start = pca(X, 2)
    found = search(lambda L: one_nn_error(L, X, y), start, 0.3, 200, random_state=0)
    assert found.value == one_nn_error(found.x, X, y) < one_nn_error(start, X, y)
