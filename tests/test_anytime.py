"""Bounds for every number of draws at once: against mpmath, and in how often they fail when one looks all the time."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from rsexplore.anytime import anytime_lower, anytime_tail, anytime_upper, decision, log_evidence, stopped_tail
from rsexplore.confidence import clopper_pearson_lower, clopper_pearson_tail

CASES = [(1, 1), (0, 5), (1, 100), (50, 100), (99, 100), (990, 1000), (60_000, 100_000), (99_999, 100_000),
         (100_000, 100_000), (999_988, 1_000_000), (10**9 - 3, 10**9)]  # fmt: skip


def evidence(count, n, p):
    """log M by integrating the likelihood ratio over the arcsine weight, at 30 digits: p = sin(t)^2, t uniform."""
    with mpmath.workdps(30):
        p = mpmath.mpf(p)

        def ratio(t):
            q = mpmath.sin(t) ** 2
            return (q / p) ** count * ((1 - q) / (1 - p)) ** (n - count)

        peak = mpmath.asin(mpmath.sqrt(mpmath.mpf(count) / n))
        ends = [
            0,
            max(peak - 3 / mpmath.sqrt(n), 0),
            peak,
            min(peak + 3 / mpmath.sqrt(n), mpmath.pi / 2),
            mpmath.pi / 2,
        ]
        return mpmath.log(mpmath.quad(ratio, sorted(set(ends))) * 2 / mpmath.pi)


@pytest.mark.parametrize(("count", "n", "p"), [(0, 1, 0.3), (3, 5, 0.5), (40, 50, 0.7), (99, 100, 0.9), (7, 400, 0.01)])
def test_the_evidence_is_the_averaged_likelihood_ratio(count, n, p):
    assert float(log_evidence(count, n, p)) == pytest.approx(float(evidence(count, n, p)), abs=1e-10)


def closed(count, n, p):
    """log M at 60 digits."""
    half = mpmath.mpf(1) / 2
    beta = mpmath.loggamma(count + half) + mpmath.loggamma(n - count + half) - mpmath.loggamma(n + 1)
    likelihood = (count * mpmath.log(p) if count else 0) + ((n - count) * mpmath.log1p(-p) if n > count else 0)
    return beta - mpmath.log(mpmath.pi) - likelihood


@pytest.mark.parametrize("alpha", [1e-200, 0.001, 0.05, 0.5])
@pytest.mark.parametrize(("count", "n"), CASES)
def test_bounds_lie_outside_the_interval_and_hardly_so(count, n, alpha):
    with mpmath.workdps(60):
        needed = -mpmath.log(mpmath.mpf(alpha))
        lower, upper, tail = (
            mpmath.mpf(float(f(count, n, alpha))) for f in (anytime_lower, anytime_upper, anytime_tail)
        )
        for p, end in ((lower, 0), (upper, 1), (1 - tail, 0)):
            assert p == end or closed(count, n, p) >= needed
            # a hair towards the middle the evidence falls short; in units of the deviation at p
            inner = p + (mpmath.mpf(count) / n - p) * mpmath.mpf("1e-4")
            assert p == end or closed(count, n, inner) < needed + mpmath.mpf("1e-3")


def test_evidence_has_mean_one_under_the_truth():
    n, p = 60, mpmath.mpf("0.83")
    total = sum(mpmath.binomial(n, k) * p**k * (1 - p) ** (n - k) * mpmath.exp(closed(k, n, p)) for k in range(n + 1))
    assert float(total) == pytest.approx(1, abs=1e-12)


def walks(p, runs, steps, seed=0):
    """Successes after 1, 2, ... draws, shape (runs, steps)."""
    return np.cumsum(np.random.default_rng(seed).random((runs, steps)) < p, axis=1)


RUNS, STEPS, ALPHA = 20_000, 300, 0.05


@pytest.mark.parametrize("truth", [0.03, 0.5, 0.8, 0.99])
def test_the_truth_is_ever_left_out_with_a_probability_of_at_most_alpha(truth):
    n = np.arange(1, STEPS + 1)
    out = (log_evidence(walks(truth, RUNS, STEPS), n, truth) >= -np.log(ALPHA)).any(axis=1)
    assert stats.binomtest(int(out.sum()), RUNS, ALPHA, alternative="greater").pvalue > 1e-3
    assert out.any()  # a level far below alpha would be a wrong bound, too


def test_a_bound_for_a_fixed_number_of_draws_does_not_survive_looking_all_the_time():
    n = np.arange(1, STEPS + 1)
    out = (clopper_pearson_lower(walks(0.8, 2000, STEPS), n, ALPHA) > 0.8).any(axis=1)
    assert out.mean() > 4 * ALPHA


def test_the_price_of_looking_is_small():
    q_fixed, q_any = clopper_pearson_tail(99_000, 100_000, 0.001), anytime_tail(99_000, 100_000, 0.001)
    assert q_fixed < q_any < 1.1 * q_fixed  # a bound on 1 - p_A that is 6 % larger


@pytest.mark.parametrize(("truth", "wanted"), [(0.55, 0.56), (0.8, 0.805), (0.95, 0.945)])
def test_a_run_that_may_end_anywhere_up_to_n_keeps_its_level(truth, wanted):
    seen = walks(truth, RUNS, STEPS, seed=1)
    n = np.arange(1, STEPS + 1)
    # as greedy as can be: ends as soon as the bound certifies what is wanted, or at the last draw
    ends = np.where((hit := decision(seen, n, 1 - wanted, ALPHA / 2) == 1).any(axis=1), hit.argmax(axis=1), STEPS - 1)
    q = stopped_tail(seen[np.arange(RUNS), ends], ends + 1, STEPS, ALPHA)
    wrong = int((q < 1 - truth).sum())
    assert stats.binomtest(wrong, RUNS, ALPHA, alternative="greater").pvalue > 1e-3
    assert wrong > 0


def test_who_comes_to_the_last_draw_loses_little():
    assert stopped_tail(510, 1000, 1000, 0.01) == clopper_pearson_tail(510, 1000, 0.005)
    assert stopped_tail(510, 999, 1000, 0.01) == anytime_tail(510, 999, 0.005)
    with pytest.raises(ValueError, match="stopped_tail: draws must be at most n=1000, got draws=1001"):
        stopped_tail(510, 1001, 1000, 0.01)


def test_ends_shapes_and_nan():
    counts = np.array([[0, 50, 100]], dtype=np.float32)
    lower, tail, upper = (f(counts, 100, [[0.001], [0.01]]) for f in (anytime_lower, anytime_tail, anytime_upper))
    assert lower.shape == tail.shape == upper.shape == (2, 3) and lower.dtype == np.float64
    assert (lower[:, 0] == 0).all() and (tail[:, 0] == 1).all() and (upper[:, 2] == 1).all()
    assert np.allclose(lower + tail, 1, rtol=0, atol=1e-12)
    assert np.isnan(anytime_tail(np.nan, 100, 0.001)) and np.isnan(anytime_lower(1, 10, np.nan))
    assert log_evidence(1, 2, 0.0) == np.inf and np.isfinite(log_evidence(0, 2, 0.0))


def test_bounds_are_ordered_and_grow_with_the_count():
    counts = np.arange(1001)
    lower, upper = anytime_lower(counts, 1000, 0.01), anytime_upper(counts, 1000, 0.01)
    assert (np.diff(lower) >= 0).all() and (np.diff(upper) >= 0).all()
    assert (lower <= counts / 1000).all() and (counts / 1000 <= upper).all()
    assert (lower <= clopper_pearson_lower(counts, 1000, 0.01)).all()


def test_a_decision_is_what_the_bounds_say():
    counts, n, q = np.arange(0, 2001), 2000, 0.1
    found = decision(counts, n, q, 0.01)
    assert np.array_equal(found == 1, anytime_tail(counts, n, 0.01) <= q)
    assert np.array_equal(found == -1, 1 - anytime_upper(counts, n, 0.01) >= q)
    assert set(found) == {-1, 0, 1}


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match="anytime_tail: count must be a whole number from 0 to n, got count=101"):
        anytime_tail(101, 100, 0.001)
    with pytest.raises(ValueError, match="decision: alpha must be between 0 and 1"):
        decision(1, 2, 0.1, 1.0)
    with pytest.raises(ValueError, match=r"log_evidence: p must lie in \[0, 1\], got p=1.5"):
        log_evidence(1, 2, 1.5)
