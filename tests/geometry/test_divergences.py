"""Divergences of histograms, Gaussians and matrices: formulas, identities, and what is refused."""

from decimal import Decimal, localcontext
from math import inf, log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import rel_entr
from scipy.stats import multivariate_normal, norm

from dmlcourse.geometry import (
    bhattacharyya,
    bhattacharyya_coefficient,
    bhattacharyya_gaussian,
    find_triangle_violation,
    jeffrey,
    jeffrey_gaussian,
    kl_discrete,
    kl_gaussian,
    logdet_divergence,
    matusita,
    matusita_gaussian,
)

HISTOGRAMS = [kl_discrete, jeffrey, bhattacharyya_coefficient, bhattacharyya, matusita]
DIVERGENCES = [kl_discrete, jeffrey, bhattacharyya, matusita]
GAUSSIANS = [kl_gaussian, jeffrey_gaussian, bhattacharyya_gaussian, matusita_gaussian]

quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 8)


def histograms(seed, *shapes, empty=0.0):
    """Weights of which a share is zero, none of the histograms without weight."""
    generator = np.random.default_rng(seed)
    drawn = []
    for shape in shapes:
        weights = generator.exponential(size=shape) * (generator.random(shape) >= empty)
        weights[..., 0] += 0.1
        drawn.append(weights)
    return drawn


def gaussian(generator, d):
    A = generator.normal(size=(d, d))
    return generator.normal(size=d), A @ A.T / d + np.eye(d) / 10


def two_gaussians(seed, d):
    generator = np.random.default_rng(seed)
    return *gaussian(generator, d), *gaussian(generator, d)


def psd(seed, d):
    return gaussian(np.random.default_rng(seed), d)[1]


# ---------------------------------------------------------------- histograms: values


@quick
@given(seed=seeds, b=sizes, empty=st.sampled_from([0.0, 0.3]))
def test_histograms_obey_the_definitions(seed, b, empty):
    p, q = histograms(seed, (b,), (b,), empty=empty)
    P, Q = p / p.sum(), q / q.sum()
    coefficient = np.sqrt(P * Q).sum()
    both_ways = rel_entr(P, Q).sum() + rel_entr(Q, P).sum()
    assert kl_discrete(p, q) == pytest.approx(rel_entr(P, Q).sum(), rel=1e-12, abs=1e-15)
    assert jeffrey(p, q) == pytest.approx(both_ways, rel=1e-12, abs=1e-15)
    assert bhattacharyya_coefficient(p, q) == pytest.approx(coefficient, rel=1e-14)
    assert bhattacharyya(p, q) == pytest.approx(-np.log(coefficient), rel=1e-12, abs=1e-14)
    assert matusita(p, q) == pytest.approx(np.linalg.norm(np.sqrt(P) - np.sqrt(Q)), rel=1e-12)


def test_two_bins_by_hand():
    p, q = [0.5, 0.5], [0.9, 0.1]
    assert kl_discrete(p, q) == pytest.approx(log(5 / 3))
    assert kl_discrete(q, p) == pytest.approx(0.9 * log(1.8) + 0.1 * log(0.2))
    assert jeffrey(p, q) == pytest.approx(0.4 * log(9))
    assert bhattacharyya_coefficient(p, q) == pytest.approx(sqrt(0.8))
    assert bhattacharyya(p, q) == pytest.approx(-log(0.8) / 2)
    assert matusita(p, q) == pytest.approx(sqrt(2 - 2 * sqrt(0.8)))


def test_a_fair_coin_and_one_that_always_falls_the_same_way():
    fair, sure = [1, 1], [1, 0]
    assert kl_discrete(sure, fair) == pytest.approx(log(2))
    assert kl_discrete(fair, sure) == inf
    assert jeffrey(fair, sure) == jeffrey(sure, fair) == inf
    assert bhattacharyya(fair, sure) == pytest.approx(log(2) / 2)
    assert matusita(fair, sure) == pytest.approx(sqrt(2 - sqrt(2)))


@pytest.mark.parametrize("p", [[1, 0], [0.1, 0.2, 0.7, 0, 0, 0], [1e-300, 0]])
def test_histograms_without_a_bin_in_common(p):
    q = p[::-1]
    assert kl_discrete(p, q) == jeffrey(p, q) == bhattacharyya(p, q) == inf
    assert bhattacharyya_coefficient(p, q) == 0
    assert matusita(p, q) == pytest.approx(sqrt(2))


@pytest.mark.parametrize("p", [[3], [1, 2, 3], [0, 5, 0, 1], [1e-300, 1e-310], [1e300, 1]])
def test_equal_histograms_are_at_distance_zero_exactly(p):
    assert [divergence(p, p) for divergence in DIVERGENCES] == [0, 0, 0, 0]
    assert bhattacharyya_coefficient(p, p) == 1


@pytest.mark.parametrize("function", HISTOGRAMS)
@quick
@given(seed=seeds, scale=st.floats(1e-100, 1e100))
def test_only_the_shares_of_the_weights_count(function, seed, scale):
    p, q = histograms(seed, (5,), (5,))
    assert function(scale * p, q) == pytest.approx(function(p, q), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("function", HISTOGRAMS)
@quick
@given(seed=seeds)
def test_the_order_of_the_bins_does_not_matter_nor_do_bins_that_both_leave_empty(function, seed):
    p, q = histograms(seed, (6,), (6,))
    order = np.random.default_rng(seed).permutation(8)
    longer = [np.append(weights, [0, 0])[order] for weights in (p, q)]
    assert function(*longer) == pytest.approx(function(p, q), rel=1e-13)


@pytest.mark.parametrize("function", [jeffrey, bhattacharyya_coefficient, bhattacharyya, matusita])
@quick
@given(seed=seeds)
def test_all_but_kullback_and_leibler_are_symmetric_to_the_last_bit(function, seed):
    p, q = histograms(seed, (5,), (5,), empty=0.2)
    assert function(p, q) == function(q, p)


@quick
@given(seed=seeds, empty=st.sampled_from([0.0, 0.3]))
def test_identities_between_them(seed, empty):
    p, q = histograms(seed, (5,), (5,), empty=empty)
    coefficient = bhattacharyya_coefficient(p, q)
    assert jeffrey(p, q) == kl_discrete(p, q) + kl_discrete(q, p)
    assert matusita(p, q) ** 2 == pytest.approx(2 - 2 * coefficient, abs=1e-15)
    assert bhattacharyya(p, q) == pytest.approx(-log(coefficient), abs=1e-15)


@quick
@given(seed=seeds)
def test_the_inequalities_between_them(seed):
    """d² ≤ 2·(Bhattacharyya) ≤ KL: −log x ≥ 1 − x, and Jensen's inequality."""
    p, q = histograms(seed, (5,), (5,))
    assert matusita(p, q) ** 2 <= 2 * bhattacharyya(p, q) <= kl_discrete(p, q)


def exact(p, q):
    """All four from their definitions, with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        p, q = ([Decimal(value) for value in weights] for weights in (p, q))
        p, q = [value / sum(p) for value in p], [value / sum(q) for value in q]
        pairs = list(zip(p, q, strict=True))
        kl = sum(a * (a / b).ln() for a, b in pairs)
        back = sum(b * (b / a).ln() for a, b in pairs)
        coefficient = sum((a * b).sqrt() for a, b in pairs)
        return kl, kl + back, -coefficient.ln(), (2 - 2 * coefficient).sqrt()


# Sums of 1 without rounding, so that dividing by them changes nothing.
@pytest.mark.parametrize("step", [2.0**-k for k in (2, 3, 4, 5, 8, 13, 20, 30, 40, 52)])
def test_nearly_equal_histograms_keep_their_digits(step):
    p, q = [0.5, 0.5], [0.5 + step, 0.5 - step]
    for function, expected in zip(DIVERGENCES, exact(p, q), strict=True):
        if expected.is_finite():
            assert function(p, q) == pytest.approx(float(expected), rel=4e-15, abs=0)


@pytest.mark.parametrize("tiny", [1e-5, 1e-100, 1e-308, 5e-324])
def test_bins_of_very_different_weight_keep_their_digits(tiny):
    p, q = [1.0, tiny], [tiny, 1.0]
    for function, expected in zip(DIVERGENCES, exact(p, q), strict=True):
        assert function(p, q) == pytest.approx(float(expected), rel=1e-14, abs=0)
    assert bhattacharyya_coefficient(p, q) == pytest.approx(2 * sqrt(tiny), rel=1e-4, abs=0)


# ---------------------------------------------------------------- histograms: the triangle

LINE = [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]


def table(function, points):
    points = np.asarray(points)
    return function(points[:, None], points)


@pytest.mark.parametrize(
    ("function", "direct", "steps"),
    [
        (kl_discrete, 0.8 * log(9), 0.9 * log(1.8) + 0.1 * log(0.2) + log(5 / 3)),
        (jeffrey, 1.6 * log(9), 0.8 * log(9)),
        (bhattacharyya, -log(0.6), -log(0.8)),
    ],
)
def test_a_detour_may_be_shorter(function, direct, steps):
    D = table(function, LINE)
    assert D[0, 2] == pytest.approx(direct)
    assert D[0, 1] + D[1, 2] == pytest.approx(steps)
    assert D[0, 2] > D[0, 1] + D[1, 2]
    assert find_triangle_violation(D) == (0, 1, 2)


@pytest.mark.parametrize("bins", [2, 3, 20])
def test_a_search_finds_no_detour_that_is_shorter_for_matusita(bins):
    for seed in range(10):
        for empty in (0.0, 0.5):
            (points,) = histograms(seed, (60, bins), empty=empty)
            assert find_triangle_violation(table(matusita, points)) == ()
            assert find_triangle_violation(table(bhattacharyya, points)) != ()


# ---------------------------------------------------------------- histograms: what goes in and out


@pytest.mark.parametrize("function", HISTOGRAMS)
def test_the_axes_before_the_last_broadcast(function):
    p, q = histograms(0, (4, 1, 5), (3, 5), empty=0.2)
    D = function(p, q)
    assert D.shape == (4, 3)
    loop = [[function(a[0], b) for b in q] for a in p]
    assert np.allclose(D, loop, rtol=1e-15)
    assert function(p[:0], q).shape == (0, 3)


@pytest.mark.parametrize("function", HISTOGRAMS)
def test_two_vectors_give_one_number(function):
    p, q = histograms(1, (5,), (5,))
    for pair in ((p, q), (p.tolist(), q.tolist()), (p.astype(int) + 1, q.astype(int) + 1)):
        assert isinstance(function(*pair), float)
    assert isinstance(function(p.astype(np.float32), q.astype(np.float32)), np.float32)
    tensor = function(torch.tensor(p), torch.tensor(q))
    assert tensor.shape == ()


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, bool])
def test_counts_are_whole_numbers_of_any_kind(dtype):
    p, q = np.array([1, 1, 0], dtype=dtype), np.array([1, 1, 1], dtype=dtype)
    assert kl_discrete(p, q) == pytest.approx(log(1.5))
    assert kl_discrete(torch.from_numpy(p), torch.from_numpy(q)).dtype == torch.float64


def test_many_counts_in_a_small_dtype_do_not_overflow():
    p = np.full(300, 255, dtype=np.uint8)
    assert matusita(p, np.ones(300)) == 0
    assert kl_discrete(torch.full((300,), 6e4).half(), torch.ones(300).half()) == 0


ARGUMENTS = {function: histograms(2, (5,), (5,)) for function in HISTOGRAMS}
ARGUMENTS |= {function: two_gaussians(3, 3) for function in GAUSSIANS}
ARGUMENTS |= {logdet_divergence: [psd(4, 3), psd(5, 3)]}
TORCH_DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(params=ARGUMENTS, ids=lambda function: function.__name__)
def function(request):
    return request.param


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_tensor_in_tensor_out_on_the_same_device_and_dtype(function, dtype, device):
    given = [torch.tensor(a, dtype=dtype, device=device) for a in ARGUMENTS[function]]
    result = function(*given)
    assert (result.shape, result.dtype, result.device.type) == ((), dtype, device)
    same_numbers = function(*(a.cpu().double() for a in given))
    assert result.item() == pytest.approx(same_numbers.item(), rel=torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numpy_in_numpy_out_in_the_same_dtype(function, dtype):
    result = function(*(a.astype(dtype) for a in ARGUMENTS[function]))
    assert isinstance(result, np.generic)
    assert result.dtype == dtype


def test_inputs_are_never_modified(function):
    given = [a.copy() for a in ARGUMENTS[function]]
    function(*given)
    function(*(torch.from_numpy(a) for a in given))
    for before, after in zip(ARGUMENTS[function], given, strict=True):
        assert np.array_equal(before, after)


def test_numpy_and_torch_together_are_refused(function):
    first, *rest = ARGUMENTS[function]
    with pytest.raises(TypeError, match=r"is a torch tensor and \w+ is not"):
        function(torch.tensor(first), *rest)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_a_value_that_is_not_finite_is_named_with_its_place(function, position, bad):
    given = [a.copy() for a in ARGUMENTS[function]]
    given[position].flat[1] = bad
    with pytest.raises(ValueError, match=rf"\w+\[(0, )?1\] is {bad}: every value must be finite"):
        function(*given)


def test_a_negative_weight_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"p\[1\] is -0.5: the weights of a histogram are never"):
        kl_discrete([1.5, -0.5], [1, 1])
    with pytest.raises(ValueError, match=r"q\[0, 1\] is -1"):
        matusita([1, 1], [[1, -1]])


def test_a_histogram_without_weight_is_refused():
    with pytest.raises(ValueError, match="p sums to 0: a histogram needs a positive, finite sum"):
        jeffrey([0, 0], [1, 1])
    with pytest.raises(ValueError, match=r"q\[1\] sums to 0"):
        bhattacharyya([1, 1], [[1, 1], [0, 0]])
    with pytest.raises(ValueError, match="q sums to inf"):
        matusita([1, 1], [1e308, 1e308])


def test_histograms_that_do_not_match_are_refused():
    with pytest.raises(
        ValueError, match=r"p has shape \(1,\) and q has shape \(3,\): expected the"
    ):
        kl_discrete([1], [1, 2, 3])
    with pytest.raises(ValueError, match="the axes before the last do not broadcast"):
        kl_discrete(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"p has shape \(\): expected a histogram"):
        kl_discrete(1.0, 1.0)
    with pytest.raises(ValueError, match=r"q has shape \(0,\): expected a histogram"):
        matusita([1.0], [])


# ---------------------------------------------------------------- histograms: gradients


@pytest.mark.parametrize("function", HISTOGRAMS)
def test_gradients_of_histograms(function):
    p, q = (torch.tensor(a, requires_grad=True) for a in histograms(6, (2, 5), (5,)))
    near = (q.detach() * torch.linspace(0.99, 1.01, 5)).requires_grad_()
    for other in (q, near):
        assert torch.autograd.gradcheck(function, (p, other))
        assert torch.autograd.gradgradcheck(function, (p, other))


@pytest.mark.parametrize("function", HISTOGRAMS)
@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.0, 1, 2], [1.0, 1, 1]),
        ([1.0, 1], [0.0, 1]),
        ([0.0, 1, 3], [0.0, 1, 1]),
        ([0, 1.0], [1.0, 0]),
    ],
)
def test_gradients_at_empty_bins_are_finite(function, p, q):
    p, q = torch.tensor(p, requires_grad=True), torch.tensor(q, requires_grad=True)
    function(p, q).backward()
    assert p.grad.isfinite().all()
    assert q.grad.isfinite().all()


@pytest.mark.parametrize("function", HISTOGRAMS)
def test_a_bin_that_stays_empty_leaves_the_gradient_of_the_others_alone(function):
    p, q = (torch.tensor(a, requires_grad=True) for a in histograms(7, (4,), (4,)))
    nothing = torch.zeros(1, dtype=torch.float64)
    expected = torch.autograd.grad(function(p, q), (p, q))
    padded = function(torch.cat([p, nothing]), torch.cat([q, nothing]))
    for found, same in zip(torch.autograd.grad(padded, (p, q)), expected, strict=True):
        assert torch.allclose(found, same, rtol=1e-12)


@pytest.mark.parametrize("function", [f for f in HISTOGRAMS if f is not jeffrey])
def test_where_only_p_has_an_empty_bin_the_derivative_in_q_is_right(function):
    p = torch.tensor([0.0, 1, 1], dtype=torch.float64)
    q = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q: function(p, q), q)


@pytest.mark.parametrize("function", DIVERGENCES)
def test_equal_histograms_have_a_zero_gradient(function):
    p, q = (torch.tensor([1.0, 2, 3], requires_grad=True) for _ in range(2))
    function(p, q).backward()
    assert not p.grad.any()
    assert not q.grad.any()


# ---------------------------------------------------------------- Gaussians: values


def logdet(A):
    return np.linalg.slogdet(A)[1]


def direct_kl(mean0, cov0, mean1, cov1):
    inverse, gap = np.linalg.inv(cov1), mean1 - mean0
    trace = np.trace(inverse @ cov0)
    return (trace - len(gap) + logdet(cov1) - logdet(cov0) + gap @ inverse @ gap) / 2


def direct_bhattacharyya(mean0, cov0, mean1, cov1):
    cov, gap = (cov0 + cov1) / 2, mean1 - mean0
    volume = logdet(cov) - (logdet(cov0) + logdet(cov1)) / 2
    return gap @ np.linalg.solve(cov, gap) / 8 + volume / 2


@quick
@given(seed=seeds, d=sizes)
def test_gaussians_obey_the_definitions(seed, d):
    a = two_gaussians(seed, d)
    b = (*a[2:], *a[:2])
    distance = direct_bhattacharyya(*a)
    assert kl_gaussian(*a) == pytest.approx(direct_kl(*a), rel=1e-9)
    assert jeffrey_gaussian(*a) == pytest.approx(direct_kl(*a) + direct_kl(*b), rel=1e-9)
    assert bhattacharyya_gaussian(*a) == pytest.approx(distance, rel=1e-9)
    assert matusita_gaussian(*a) == pytest.approx(sqrt(2 - 2 * np.exp(-distance)), rel=1e-9)


def line(mean, deviation):
    return [mean], [[deviation**2]]


def test_on_a_line_in_closed_form():
    a = (*line(1.0, 2.0), *line(-2.0, 3.0))
    assert kl_gaussian(*a) == pytest.approx(log(3 / 2) + (4 + 9) / 18 - 1 / 2)
    assert jeffrey_gaussian(*a) == pytest.approx((4 / 9 + 9 / 4 - 2 + 9 / 4 + 9 / 9) / 2)
    assert bhattacharyya_gaussian(*a) == pytest.approx(9 / (4 * 13) + log(13 / 12) / 2)
    coefficient = sqrt(12 / 13) * np.exp(-9 / 52)
    assert matusita_gaussian(*a) == pytest.approx(sqrt(2 - 2 * coefficient))


def test_of_equal_covariance_only_the_mahalanobis_distance_counts():
    a, cov, b, _ = two_gaussians(8, 4)
    squared = (a - b) @ np.linalg.solve(cov, a - b)
    assert kl_gaussian(a, cov, b, cov) == pytest.approx(squared / 2)
    assert jeffrey_gaussian(a, cov, b, cov) == pytest.approx(squared)
    assert bhattacharyya_gaussian(a, cov, b, cov) == pytest.approx(squared / 8)


def test_integrals_on_a_line():
    def roots(x):
        return np.sqrt(norm.pdf(x, 1, 2)), np.sqrt(norm.pdf(x, -2, 3))

    def squared_gap(x):
        a, b = roots(x)
        return (a - b) ** 2

    a = (*line(1.0, 2.0), *line(-2.0, 3.0))
    squares, error = quad(squared_gap, -60, 60, limit=200)
    assert error < 1e-8
    assert matusita_gaussian(*a) ** 2 == pytest.approx(squares, abs=1e-8)
    assert bhattacharyya_gaussian(*a) == pytest.approx(-log(1 - squares / 2), abs=1e-7)


def monte_carlo(values):
    """A mean, and five of its standard errors."""
    return values.mean(), 5 * values.std() / sqrt(len(values))


def test_averages_over_samples():
    """A right formula is five standard errors off once in two million seeds; this one is fixed."""
    generator = np.random.default_rng(0)
    p, q = (multivariate_normal(*gaussian(generator, 3)) for _ in range(2))
    a = (p.mean, p.cov, q.mean, q.cov)
    x, y = (density.rvs(200_000, random_state=generator) for density in (p, q))
    there, back = p.logpdf(x) - q.logpdf(x), q.logpdf(y) - p.logpdf(y)
    for value, samples in (
        (kl_gaussian(*a), there),
        (jeffrey_gaussian(*a), there + back),
        (np.exp(-bhattacharyya_gaussian(*a)), np.exp(-there / 2)),
        (2 - matusita_gaussian(*a) ** 2, 2 * np.exp(-back / 2)),
    ):
        mean, error = monte_carlo(samples)
        assert error < 0.1 * value
        assert value == pytest.approx(mean, abs=error)


@quick
@given(seed=seeds, d=sizes)
def test_an_affine_map_of_both_changes_nothing(seed, d):
    a, generator = two_gaussians(seed, d), np.random.default_rng(seed)
    A = np.linalg.qr(generator.normal(size=(d, d)))[0] * generator.uniform(0.1, 10, d)
    shift = generator.normal(size=d)
    means = [A @ mean + shift for mean in a[::2]]
    covs = [A @ cov @ A.T for cov in a[1::2]]
    for function in GAUSSIANS:
        moved = function(means[0], covs[0], means[1], covs[1])
        assert moved == pytest.approx(function(*a), rel=1e-8)


def test_features_of_very_different_scale_keep_their_digits():
    a, unit = two_gaussians(9, 4), 10.0 ** np.array([-12, 0, 5, 9])
    moved = (a[0] * unit, a[1] * unit * unit[:, None], a[2] * unit, a[3] * unit * unit[:, None])
    for function in GAUSSIANS:
        assert function(*moved) == pytest.approx(function(*a), rel=1e-12)


@quick
@given(seed=seeds, d=sizes)
def test_symmetry_and_identities_of_gaussians(seed, d):
    a = two_gaussians(seed, d)
    b = (*a[2:], *a[:2])
    assert jeffrey_gaussian(*a) == kl_gaussian(*a) + kl_gaussian(*b) == jeffrey_gaussian(*b)
    assert bhattacharyya_gaussian(*a) == pytest.approx(bhattacharyya_gaussian(*b), rel=1e-13)
    coefficient = np.exp(-bhattacharyya_gaussian(*a))
    assert matusita_gaussian(*a) ** 2 == pytest.approx(2 - 2 * coefficient)


def test_two_hundred_dimensions_where_a_determinant_overflows():
    a = two_gaussians(10, 200)
    a = (a[0], 1e3 * a[1], a[2], 1e3 * a[3])
    with np.errstate(over="ignore"):
        assert np.linalg.det(a[1]) == inf
    assert kl_gaussian(*a) == pytest.approx(direct_kl(*a), rel=1e-8)
    assert bhattacharyya_gaussian(*a) == pytest.approx(direct_bhattacharyya(*a), rel=1e-8)
    zero, one = np.zeros(200), np.eye(200)
    value = kl_gaussian(zero, 1e-3 * one, zero, 1e3 * one)
    assert value == pytest.approx(100 * (1e-6 - 1 + log(1e6)), rel=1e-13)


@pytest.mark.parametrize("variance", [1e-300, 1e-20, 0.3, 0.77, 0.78, 1.28, 1.29, 5.0, 1e20])
@pytest.mark.parametrize("step", [0.0, 0.03, 1e-4, 1e-7, 1e-12, 2.0**-52])
def test_nearly_equal_variances_keep_their_digits(variance, step):
    """KL(N(0, v)‖N(0, w)) = (v/w − 1 − log(v/w))/2, against 60 digits."""
    w = variance if step else 1.0
    v = variance * (1 + step)
    with localcontext() as context:
        context.prec = 60
        ratio = Decimal(v) / Decimal(w)
        expected = float((ratio - 1 - ratio.ln()) / 2)
    # The square root of a variance is rounded, which moves the ratio by a few eps.
    moved = abs(float(ratio - 1)) * 4 * 2.0**-52 + 2.0**-102
    assert kl_gaussian([0.0], [[v]], [0.0], [[w]]) == pytest.approx(expected, rel=1e-14, abs=moved)


@quick
@given(seed=seeds, d=sizes)
def test_a_gaussian_is_at_distance_zero_from_itself(seed, d):
    mean, cov = gaussian(np.random.default_rng(seed), d)
    values = [function(mean, cov, mean, cov) for function in GAUSSIANS]
    assert all(0 <= value <= 1e-13 for value in values)


def test_a_detour_may_be_shorter_for_gaussians_too():
    def distances(function):
        points = [line(mean, 1.0) for mean in (0.0, 1.0, 2.0)]
        return [[function(*a, *b) for b in points] for a in points]

    assert distances(kl_gaussian)[0] == pytest.approx([0, 1 / 2, 2])
    assert distances(jeffrey_gaussian)[0] == pytest.approx([0, 1, 4])
    assert distances(bhattacharyya_gaussian)[0] == pytest.approx([0, 1 / 8, 1 / 2])
    for function in (kl_gaussian, jeffrey_gaussian, bhattacharyya_gaussian):
        assert find_triangle_violation(distances(function)) == (0, 1, 2)
    assert find_triangle_violation(distances(matusita_gaussian)) == ()


def test_a_search_finds_no_such_detour_for_matusita_between_gaussians():
    generator = np.random.default_rng(11)
    points = [gaussian(generator, 2) for _ in range(16)]
    D = [[matusita_gaussian(*a, *b) for b in points] for a in points]
    assert find_triangle_violation(D, tol=1e-12) == ()


# ---------------------------------------------------------------- Gaussians: gradients and errors


@pytest.mark.parametrize("function", GAUSSIANS)
def test_gradients_of_gaussians(function):
    arguments = [torch.tensor(a, requires_grad=True) for a in two_gaussians(12, 3)]

    def symmetric(mean0, cov0, mean1, cov1):
        return function(mean0, (cov0 + cov0.T) / 2, mean1, (cov1 + cov1.T) / 2)

    assert torch.autograd.gradcheck(symmetric, arguments)
    assert torch.autograd.gradgradcheck(symmetric, arguments)


def test_the_gradient_of_kl_in_the_mean_is_a_mahalanobis_step():
    mean0, cov0, mean1, cov1 = two_gaussians(13, 3)
    mean = torch.tensor(mean1, requires_grad=True)
    kl_gaussian(*map(torch.tensor, (mean0, cov0)), mean, torch.tensor(cov1)).backward()
    assert mean.grad.numpy() == pytest.approx(np.linalg.solve(cov1, mean1 - mean0), rel=1e-10)


@pytest.mark.parametrize("function", GAUSSIANS)
def test_a_covariance_that_is_not_positive_definite_is_refused(function):
    good = ([0.0, 0.0], np.eye(2))
    with pytest.raises(ValueError, match=r"cov1 is not positive definite .* eigenvalue is -0\.5\."):
        function(*good, [0.0, 0.0], np.diag([1.0, -0.5]))
    with pytest.raises(
        ValueError, match=r"cov0 .* eigenvalue is 0\. A Gaussian has a density only"
    ):
        function([0.0, 0.0], np.diag([1.0, 0.0]), *good)
    with pytest.raises(
        ValueError, match=r"cov0 is not symmetric: cov0\[0, 1\] = 0.5 but cov0\[1, 0\]"
    ):
        function([0.0, 0.0], np.array([[1.0, 0.5], [0.0, 1.0]]), *good)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_covariance_that_is_singular_up_to_rounding_is_refused(dtype):
    for seed in range(30):
        X = np.random.default_rng(seed).normal(size=(10, 4)).astype(dtype)
        X[:, 3] = X[:, 0] + X[:, 1]
        cov = np.cov(X.T, dtype=dtype)
        with pytest.raises(ValueError, match="cov0 is not positive definite beyond rounding"):
            kl_gaussian(np.zeros(4, dtype), cov, np.zeros(4, dtype), np.eye(4, dtype=dtype))


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e20, 1e200])
def test_what_is_singular_does_not_depend_on_units(scale):
    correlated = np.array([[1.0, 0.999999], [0.999999, 1.0]])
    unit = np.diag([1.0, sqrt(scale)])
    cov, means = unit @ correlated @ unit, np.zeros(2)
    assert kl_gaussian(means, cov, means, cov) == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="not positive definite"):
        kl_gaussian(means, unit @ np.ones((2, 2)) @ unit, means, cov)


def test_gaussians_whose_shapes_disagree_are_refused():
    mean, cov = np.zeros(2), np.eye(2)
    with pytest.raises(ValueError, match=r"mean0 has shape \(1, 2\): expected a vector \(d,\)"):
        kl_gaussian(mean[None], cov, mean, cov)
    with pytest.raises(ValueError, match=r"mean0 has shape \(\): expected a vector"):
        kl_gaussian(0.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"mean0 has shape \(0,\): expected a vector"):
        kl_gaussian(mean[:0], cov[:0, :0], mean[:0], cov[:0, :0])
    with pytest.raises(
        ValueError,
        match=r"cov1 has shape \(3, 3\) and mean0 has shape \(2,\): expected cov1 of shape \(2, 2",
    ):
        jeffrey_gaussian(mean, cov, mean, np.eye(3))
    with pytest.raises(ValueError, match=r"mean1 has shape \(3,\)"):
        matusita_gaussian(mean, cov, np.zeros(3), cov)
    with pytest.raises(ValueError, match=r"cov0 has shape \(2,\)"):
        bhattacharyya_gaussian(mean, np.ones(2), mean, cov)


# ---------------------------------------------------------------- LogDet


@quick
@given(seed=seeds, d=sizes)
def test_logdet_obeys_its_definition(seed, d):
    M, M0 = psd(seed, d), psd(seed + 1, d)
    product = M @ np.linalg.inv(M0)
    expected = np.trace(product) - np.log(np.linalg.det(product)) - d
    assert logdet_divergence(M, M0) == pytest.approx(expected, rel=1e-8)


def test_logdet_by_hand():
    assert logdet_divergence([[2.0]], [[1.0]]) == pytest.approx(1 - log(2))
    assert logdet_divergence([[1.0]], [[2.0]]) == pytest.approx(log(2) - 1 / 2)
    assert logdet_divergence(np.diag([2.0, 1.0]), np.diag([1.0, 4.0])) == pytest.approx(
        (1 - log(2)) + (1 / 4 - 1 + log(4))
    )
    assert logdet_divergence(np.eye(3), np.eye(3)) == 0


@quick
@given(seed=seeds, d=sizes)
def test_half_of_logdet_is_the_kl_of_gaussians_with_these_inverse_covariances(seed, d):
    """KL(p(x; M₀)‖p(x; M)) = ½ D(M, M₀): the arguments change places."""
    M, M0, mean = psd(seed, d), psd(seed + 1, d), np.zeros(d)
    inverse, inverse0 = (np.linalg.inv(A) for A in (M, M0))
    half = logdet_divergence(M, M0) / 2
    assert direct_kl(mean, inverse0, mean, inverse) == pytest.approx(half, rel=1e-8)
    cov, cov0 = ((A + A.T) / 2 for A in (inverse, inverse0))
    assert kl_gaussian(mean, cov0, mean, cov) == pytest.approx(half, rel=1e-8)
    assert kl_gaussian(mean, M, mean, M0) == pytest.approx(half, rel=1e-8)


def test_the_other_orientation_gives_another_number():
    M, M0, mean = [[4.0]], [[1.0]], [0.0]
    half = logdet_divergence(M, M0) / 2
    assert half == pytest.approx((3 - log(4)) / 2)
    assert kl_gaussian(mean, [[1.0]], mean, [[1 / 4]]) == pytest.approx(half)
    assert kl_gaussian(mean, [[1 / 4]], mean, [[1.0]]) == pytest.approx((log(4) - 3 / 4) / 2)


@quick
@given(seed=seeds, d=sizes)
def test_logdet_is_unchanged_by_a_congruence_and_turned_round_by_the_inverse(seed, d):
    M, M0, generator = psd(seed, d), psd(seed + 1, d), np.random.default_rng(seed)
    A = np.linalg.qr(generator.normal(size=(d, d)))[0] * generator.uniform(0.1, 10, d)
    expected = logdet_divergence(M, M0)
    assert logdet_divergence(A @ M @ A.T, A @ M0 @ A.T) == pytest.approx(expected, rel=1e-8)
    inverse, inverse0 = (np.linalg.inv(B) for B in (M, M0))
    assert logdet_divergence(inverse0, inverse) == pytest.approx(expected, rel=1e-8)


def test_logdet_is_the_bregman_divergence_of_minus_log_det():
    M, M0 = torch.tensor(psd(14, 4)), torch.tensor(psd(15, 4), requires_grad=True)
    value0 = -torch.logdet(M0)
    (slope,) = torch.autograd.grad(value0, M0)
    bregman = -torch.logdet(M) - value0 - (slope * (M - M0)).sum()
    assert logdet_divergence(M, M0).item() == pytest.approx(bregman.item(), rel=1e-12)


def test_the_gradient_of_logdet_is_a_difference_of_inverses():
    M, M0 = (torch.tensor(psd(seed, 4), requires_grad=True) for seed in (16, 17))
    (slope,) = torch.autograd.grad(logdet_divergence(M, M0), M)
    assert torch.allclose(slope, torch.linalg.inv(M0) - torch.linalg.inv(M), rtol=1e-9)

    def symmetric(M, M0):
        return logdet_divergence((M + M.T) / 2, (M0 + M0.T) / 2)

    assert torch.autograd.gradcheck(symmetric, (M, M0))


def test_matrices_without_a_logdet_divergence_are_refused():
    with pytest.raises(ValueError, match=r"M is not positive definite .* is 0\. The LogDet diverg"):
        logdet_divergence(np.diag([1.0, 0.0]), np.eye(2))
    with pytest.raises(ValueError, match=r"M0 is not positive definite .* is -1\."):
        logdet_divergence(np.eye(2), np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"M0 is not symmetric: M0\[0, 1\] = 1 but"):
        logdet_divergence(np.eye(2), np.array([[1.0, 1.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match=r"M0 has shape \(3, 3\) and M has shape \(2, 2\)"):
        logdet_divergence(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match=r"M has shape \(2, 3\): expected a square matrix"):
        logdet_divergence(np.ones((2, 3)), np.eye(3))
    with pytest.raises(ValueError, match=r"M has shape \(0, 0\): expected a square matrix"):
        logdet_divergence(np.eye(0), np.eye(0))
