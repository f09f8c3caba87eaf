"""Clopper-Pearson bounds: against exact binomial sums, at the ends, and in how often they fail."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from rsexplore.confidence import (
    ABSTAINED,
    clopper_pearson_lower,
    clopper_pearson_tail,
    clopper_pearson_upper,
    hoeffding_lower,
    prediction,
    top_two,
)


def probability_of_at_least(count, n, p):
    """P(X >= count) for X ~ Binomial(n, p), p an mpf, by summing until the terms no longer matter."""
    term = mpmath.binomial(n, count) * p**count * (1 - p) ** (n - count)
    total = mpmath.mpf(0)
    for k in range(count, n + 1):
        total += term
        if k > n * p and term < total * mpmath.mpf(10) ** -40:
            break
        term *= p / (1 - p) * (n - k) / (k + 1)
    return total


CASES = [(1, 1), (1, 2), (1, 100), (7, 10), (50, 100), (99, 100), (990, 1000), (60_000, 100_000), (99_999, 100_000),
         (100_000, 100_000), (999_988, 1_000_000)]  # fmt: skip


@pytest.mark.parametrize("alpha", [1e-200, 1e-9, 0.001, 0.05, 0.3])
@pytest.mark.parametrize(("count", "n"), CASES)
def test_bounds_hold_in_exact_sums_and_are_not_loose(count, n, alpha):
    lower, tail = clopper_pearson_lower(count, n, alpha), clopper_pearson_tail(count, n, alpha)
    with mpmath.workdps(50):
        # the exact bound p solves P(X >= count; p) = alpha, which grows with p: at ours it must not be above alpha
        for p, looser in (
            (mpmath.mpf(float(lower)), mpmath.mpf(float(lower)) * (1 + mpmath.mpf("3e-9"))),
            (1 - mpmath.mpf(float(tail)), 1 - mpmath.mpf(float(tail)) * (1 - mpmath.mpf("3e-9"))),
        ):
            assert probability_of_at_least(count, n, p) <= alpha < probability_of_at_least(count, n, looser) or p == 0


def test_upper_bound_is_the_lower_bound_of_the_complement():
    with mpmath.workdps(50):
        upper = mpmath.mpf(float(clopper_pearson_upper(3, 100, 0.001)))
        assert probability_of_at_least(97, 100, 1 - upper) <= 0.001
        assert probability_of_at_least(97, 100, 1 - upper * (1 - mpmath.mpf("3e-9"))) > 0.001


@pytest.mark.parametrize("n", [1, 100, 100_000, 10**9])
@pytest.mark.parametrize("alpha", [1e-12, 0.001, 0.5])
def test_all_successes_have_the_closed_form(n, alpha):
    with mpmath.workdps(40):
        exact = 1 - mpmath.mpf(alpha) ** (mpmath.mpf(1) / n)
        tail, lower = (mpmath.mpf(float(f(n, n, alpha))) for f in (clopper_pearson_tail, clopper_pearson_lower))
        assert exact <= tail <= exact * (1 + mpmath.mpf("1e-14"))
        assert (1 - exact) * (1 - mpmath.mpf("1e-14")) <= lower <= 1 - exact
    assert clopper_pearson_upper(0, n, alpha) == clopper_pearson_tail(n, n, alpha)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 99_999, 10**7])
@pytest.mark.parametrize("alpha", [1e-200, 1e-100, 3e-51, 1e-16, 0.3, 1 - 1e-10])
def test_all_successes_stay_on_the_safe_side_at_tiny_levels(n, alpha):
    with mpmath.workdps(260):
        lower = mpmath.mpf(float(clopper_pearson_lower(n, n, alpha)))
        exact = mpmath.mpf(alpha) ** (mpmath.mpf(1) / n)
        assert exact * (1 - mpmath.mpf("2e-13")) <= lower <= exact
        assert min(1 - exact, mpmath.mpf(1)) <= mpmath.mpf(float(clopper_pearson_tail(n, n, alpha))) <= 1
        assert 0 < clopper_pearson_upper(0, n, alpha) <= 1


def test_ends_shapes_and_types():
    counts = np.array([[0, 50, 100]], dtype=np.float32)
    alphas = np.array([[0.001], [0.01]], dtype=np.float64)
    lower, tail, upper = (
        f(counts, 100, alphas) for f in (clopper_pearson_lower, clopper_pearson_tail, clopper_pearson_upper)
    )
    assert lower.shape == tail.shape == upper.shape == (2, 3)
    assert lower.dtype == np.float64
    assert (lower[:, 0] == 0).all() and (tail[:, 0] == 1).all() and (upper[:, 2] == 1).all()
    assert np.allclose(lower + tail, 1, rtol=0, atol=1e-8)
    assert np.isnan(clopper_pearson_tail(np.nan, 100, 0.001))
    assert np.isnan(clopper_pearson_lower(5, 100, np.nan))


def test_bounds_are_ordered_and_grow_with_the_count():
    counts = np.arange(1001)
    lower, upper = clopper_pearson_lower(counts, 1000, 0.01), clopper_pearson_upper(counts, 1000, 0.01)
    assert (np.diff(lower) > 0).all() and (np.diff(upper) > 0).all()
    assert (lower <= counts / 1000).all() and (counts / 1000 <= upper).all()
    assert (np.diff(clopper_pearson_tail(counts, 1000, 0.01)) < 0).all()


@pytest.mark.parametrize("truth", [0.02, 0.5, 0.8, 0.999])
def test_bounds_fail_no_more_often_than_alpha(truth):
    runs, alpha = 40_000, 0.05
    counts = np.random.default_rng(0).binomial(200, truth, size=runs)
    allowed = alpha + 4 * np.sqrt(alpha / runs)
    assert np.mean(clopper_pearson_lower(counts, 200, alpha) > truth) <= allowed
    assert np.mean(clopper_pearson_tail(counts, 200, alpha) < 1 - truth) <= allowed
    assert np.mean(clopper_pearson_upper(counts, 200, alpha) < truth) <= allowed


@pytest.mark.parametrize("bound", [clopper_pearson_lower, clopper_pearson_tail, clopper_pearson_upper])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((101, 100, 0.001), "count must be a whole number from 0 to n, got count=101"),
        ((-1, 100, 0.001), "count must be a whole number from 0 to n, got count=-1"),
        ((0.5, 100, 0.001), "count must be a whole number"),
        ((0, 0, 0.001), "n must be a whole number of at least 1, got n=0"),
        ((1, 2.5, 0.001), "n must be a whole number"),
        ((1, np.inf, 0.001), "n must be a whole number of at least 1, got n=inf"),
        ((np.inf, np.inf, 0.001), "n must be a whole number of at least 1, got n=inf"),
        ((-np.inf, 5, 0.001), "count must be a whole number from 0 to n, got count=-inf"),
        ((1, 2, 0.0), "alpha must be between 0 and 1, both excluded, got alpha=0"),
        ((1, 2, [0.5, 1.0]), "alpha must be between 0 and 1, both excluded, got alpha=1"),
        ((1, 2, 1e-201), "alpha must be at least 1e-200, got alpha=1e-201"),
    ],
)
def test_arguments_out_of_range_are_named(bound, arguments, words):
    with pytest.raises(ValueError, match=f"{bound.__name__}: {words}"):
        bound(*arguments)


# ---- Hoeffding, two classes, prediction ----


@pytest.mark.parametrize(("count", "n", "alpha"), [(900, 1000, 0.01), (5, 10, 0.3), (99_999, 100_000, 1e-12)])
def test_hoeffding_is_the_root_of_its_own_inequality(count, n, alpha):
    with mpmath.workdps(40):
        gap = mpmath.mpf(count) / n - mpmath.mpf(float(hoeffding_lower(count, n, alpha)))
        assert mpmath.exp(-2 * n * gap**2) <= alpha
        assert mpmath.exp(-2 * n * (gap * (1 - mpmath.mpf("1e-9"))) ** 2) > alpha * (1 - mpmath.mpf("1e-6"))


def test_hoeffding_is_never_below_zero_nor_above_clopper_pearson():
    counts = np.arange(101)
    found = hoeffding_lower(counts, 100, 0.001)
    assert found.min() == 0 and (found <= clopper_pearson_lower(counts, 100, 0.001)).all()


def test_the_two_top_bounds_are_clopper_pearsons_at_half_the_level():
    q_a, p_b = top_two([[3, 90, 7], [50, 50, 0], [0, 0, 100]], [1, 1, 0], 0.01)
    assert np.array_equal(q_a, clopper_pearson_tail([90, 50, 0], 100, 0.005))
    assert p_b[0] == clopper_pearson_upper(7, 100, 0.005)
    assert p_b[1] == min(q_a[1], clopper_pearson_upper(50, 100, 0.005))
    assert p_b[2] == q_a[2] == 1
    assert isinstance(top_two([10, 90], 1, 0.01)[0], float)


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_a_prediction_is_that_of_the_two_sided_binomial_test(alpha):
    counts = np.array([(a, b, c) for a in range(0, 41, 4) for b in range(0, 41, 3) for c in (0, 5) if a + b + c])
    for votes, found in zip(counts, prediction(counts, alpha), strict=True):
        second, first = np.sort(votes)[-2:]
        sure = stats.binomtest(int(first), int(first + second), 0.5).pvalue <= alpha
        assert found == (votes.argmax() if sure else ABSTAINED)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: top_two([5], 0, 0.1), r"top_two: counts must have shape \(..., classes\) with two classes at least"),
        (lambda: top_two([60, 100, -60], 1, 0.1), "top_two: counts must be at least 0, got -60"),
        (lambda: prediction([10, 12, -5], 0.9), "prediction: counts must be at least 0, got -5"),
        (lambda: top_two([5, 5], 2, 0.1), "top_two: predicted must be classes from 0 to 1, got 2"),
        (lambda: top_two([5, 5], 0.0, 0.1), "top_two: predicted must be classes from 0 to 1, got 0.0"),
        (lambda: top_two([5, 5], 0, 2.0), "alpha must be between 0 and 1"),
        (lambda: prediction(5, 0.1), r"prediction: counts must have shape \(..., classes\)"),
        (lambda: prediction([0, 0], 0.1), "prediction: n must be a whole number of at least 1, got n=0"),
        (lambda: prediction([1, 2], 0.0), "prediction: alpha must be between 0 and 1"),
    ],
)
def test_wrong_votes_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
