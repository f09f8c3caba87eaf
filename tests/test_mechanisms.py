"""Theorems 8 to 18, Table 1 and Corollary 11 of the unified framework.

Theorems 8 to 10 are held against sums and integrals over explicit laws.
"""

from fractions import Fraction
from math import inf

import mpmath
import numpy as np
import pytest
from scipy import stats

from rsexplore import bounds, exact_radius, mechanisms, noises, privacy

HALF = Fraction(1, 2)


def test_table_1_is_that_of_the_paper():
    shown = mechanisms.table_1()
    cells = {(row[0], column): cell for row in shown.rows for column, cell in zip(shown.head, row, strict=True)}
    for norm in ("l2", "linf"):
        assert cells["Gaussian", f"{norm}, D_inf"] == "unable to certify"
    assert cells["Gaussian", "l2, D_MR"] == "near optimal, O(1/sqrt(log d))"
    assert cells["Gaussian", "linf, D_MR"] == "near optimal, O(1/sqrt(d log d))"
    assert cells["ExponentialLinf", "linf, D_inf"] == "optimal, O(1/d)"
    others = ("l2, D_inf", "l2, D_MR", "linf, D_MR")
    assert all(cells["ExponentialLinf", name].startswith("not optimal") for name in others)
    # the paper's O(1) for the Gaussian in l2 is its growth at fixed sigma, its l_inf cell at fixed mean
    assert mechanisms.growth(noises.Gaussian, "D_MR", 2, fixed="sigma") == (0, 0)
    assert mechanisms.growth(noises.Gaussian, "D_MR", inf, fixed="sigma") == (-HALF, 0)


def test_limits_have_the_slopes_of_theorems_12_16_and_17():
    assert mechanisms.limit_growth("D_MR", 2) == (0, 0)
    assert mechanisms.limit_growth("D_inf", inf) == (-1, 0)
    assert mechanisms.limit_growth("D_MR", inf) == (-HALF, 0)
    assert mechanisms.limit(2.0, 0.5, 100, "D_MR", inf) == pytest.approx(2 * np.sqrt(0.5 / 100))
    # Laplace noise is why the exponential mechanism is not optimal for D_inf in l2
    assert mechanisms.growth(noises.Laplace, "D_inf", 2) == (-HALF, -1)


def test_radius_is_where_the_divergence_reaches_eps():
    """Largest log-ratio over random shifts on the ball, and the Gaussian's D_MR from its definition."""
    rng = np.random.default_rng(0)
    for noise in (noises.ExponentialLinf(0.3, 5), noises.Laplace(0.3, 5)):
        for norm in (2, inf):
            r = mechanisms.radius(noise, 0.8, "D_inf", norm)
            shifts = np.concatenate([rng.standard_normal((200, 5)), np.eye(5), np.ones((1, 5))])
            shifts *= r / np.linalg.norm(shifts, norm, axis=1, keepdims=True)
            z = np.concatenate([noise.draw(rng, (500, 5)), np.zeros((1, 5)), 50 * shifts])
            ratio = [np.max(noise.log_density(z) - noise.log_density(z - shift)) for shift in shifts]
            assert max(ratio) <= 0.8 + 1e-9
            assert max(ratio) > 0.8 - 1e-9
    assert mechanisms.radius(noises.Gaussian(0.5, 100), 2.0, "D_MR", 2) == pytest.approx(1.0)
    assert mechanisms.radius(noises.Gaussian(0.5, 100), 2.0, "D_MR", inf) == pytest.approx(0.1)
    assert mechanisms.radius(noises.Gaussian(0.5, 100), 2.0, "D_inf", 2) == 0.0


def test_the_gaussian_is_ten_to_twenty_times_ahead():
    """Section 4: sqrt(d / log d) = 19.6 at d = 3072; exactly, at E ||z||_inf = 1 and eps = 1."""
    assert np.sqrt(3072 / np.log(3072)) == pytest.approx(19.56, abs=0.01)
    gaussian, exponential = (mechanisms.with_mean(f, 1.0, 3072) for f in mechanisms.FAMILIES)
    assert gaussian.mean_norm(inf) == pytest.approx(1) and exponential.mean_norm(inf) == pytest.approx(1)
    ahead = mechanisms.radius(gaussian, 1.0, "D_MR") / mechanisms.radius(exponential, 1.0, "D_inf")
    assert ahead == pytest.approx(np.sqrt(2 * 3072) / 3.7300882273615823, rel=1e-12)  # 21.0


@pytest.mark.parametrize(
    "c, page", [(0.5, 2.7872925e-3), (1.0, 2.4276497e-6), (2.0, 6.1406625e-15), (3.0, 5.24522e-27)]
)
def test_corollary_11_crosses_where_fifty_digits_say(c, page):
    with mpmath.workdps(50):

        def excess(x):
            ratio = mpmath.erfc(-x / mpmath.sqrt(2)) / mpmath.erfc(x / mpmath.sqrt(2))
            return mpmath.log(ratio) - mpmath.sqrt(2) * (1 + c) * x

        root = mpmath.findroot(excess, (0.5, 4 * (1 + c)), solver="anderson", tol=1e-40)
        exact = float(mpmath.erfc(root / mpmath.sqrt(2)) / 2)
    assert mechanisms.corollary_11_crossing(c) == pytest.approx(exact, rel=1e-12)
    assert exact == pytest.approx(page, rel=1e-6)


def test_corollary_11_is_above_the_exact_radius_below_its_crossing_only():
    noise, bound = noises.Gaussian(1.0), bounds.get("dmr-l2-printed")
    q_a = np.geomspace(1e-300, 0.4999, 2000)
    for c in (0.05, 0.128, 0.2, 0.5, 1.0, 3.0):
        above = bound.radius(noise, q_a=q_a, c=c) > exact_radius(noise, q_a=q_a)
        assert (above == (q_a < mechanisms.corollary_11_crossing(c))).all()
    from_proof = bounds.get("dmr-l2").radius(noise, q_a=q_a, c=1.13)
    assert (from_proof < exact_radius(noise, q_a=q_a)).all() and not bound.certifies
    assert mechanisms.corollary_11_crossing(0.0) == 0.5
    assert mechanisms.corollary_11_crossing(20.0) == 0.0


GAUSSIAN = noises.Gaussian(1.0, 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mechanisms.radius(GAUSSIAN, 1.0, "KL"), "divergence must be one of .* got 'KL'"),
        (lambda: mechanisms.limit(1.0, 1.0, 4, "D_MR", 3), "norm must be 2 or inf, got norm=3"),
        (lambda: mechanisms.radius(noises.Gaussian(1.0), 1.0), "radius needs the dimension, got Gaussian"),
        (lambda: mechanisms.radius(noises.Laplace(1.0, 4), 1.0, "D_MR"), "radius knows no D_MR of Laplace"),
        (lambda: mechanisms.growth(noises.Gaussian, "D_MR", 2, fixed="scale"), "fixed='mean' or 'sigma', got fixed='s"),
        (lambda: mechanisms.corollary_11_crossing(-1), "c must be at least 0, got c=-1"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("r, sigma", [(0.3, 1.0), (1.0, 0.5), (2.0, 0.5)])
def test_gaussian_loss_is_normal_and_its_delta_exact(r, sigma):
    rho = r**2 / (2 * sigma**2)
    loss = lambda x: (-(x**2) + (x - r) ** 2) / (2 * sigma**2)  # noqa: E731  of N(0, sigma^2) over N(r, sigma^2)
    draws = loss(noises.Gaussian(sigma).draw(np.random.default_rng(0), (20_000,)))
    assert stats.kstest(draws, stats.norm(rho, np.sqrt(2 * rho)).cdf).pvalue > 1e-3
    for eps in (0.0, 0.5, 2.0, 6.0):
        edge = r / 2 - eps * sigma**2 / r  # the loss exceeds eps to the left of it
        expected = stats.norm.cdf(edge / sigma) - np.exp(eps) * stats.norm.cdf((edge - r) / sigma)
        assert privacy.delta_of_gaussian(rho, eps) == pytest.approx(expected, rel=1e-9, abs=1e-15)
        # what D_MR alone implies is weaker, and any one order of Renyi too
        assert privacy.delta_of_gaussian(rho, eps) <= privacy.delta_of_mr(rho, eps)
        for order in (1.5, 2.0, 8.0):
            assert privacy.delta_of_gaussian(rho, eps) <= privacy.delta_of_renyi(order * rho, order, eps) + 1e-15


def test_eps_and_delta_of_zcdp_are_inverse():
    delta = np.geomspace(1e-300, 1, 50)
    eps = privacy.eps_of_mr(0.7, delta)
    assert privacy.delta_of_mr(0.7, eps) == pytest.approx(delta, rel=1e-11)
    assert float(privacy.delta_of_mr(0.7, 0.1)) == 1.0


def test_theorem_10_holds_as_proved_and_fails_as_printed():
    rho, slack = np.meshgrid(np.geomspace(1e-3, 100, 60), np.geomspace(1e-3, 100, 60))
    bound = privacy.loss_tail_bound(rho, slack)
    proved = privacy.loss_tail(rho, privacy.loss_threshold(rho, slack))
    assert (proved <= bound).all()
    printed = privacy.loss_tail(rho, privacy.loss_threshold_printed(rho, slack))
    assert (printed <= bound)[rho <= 1].all()
    assert (printed > bound)[rho >= 4].any()
    # the witness of the docs: rho = 9 (r = 4.24 sigma), slack = 2 sqrt(rho)
    assert float(privacy.loss_tail(9.0, privacy.loss_threshold_printed(9.0, 6.0))) == pytest.approx(0.5)
    assert float(privacy.loss_tail_bound(9.0, 6.0)) == pytest.approx(np.exp(-1))


def test_edges_are_limits_without_a_warning():
    assert privacy.renyi_of_pure(1.0, 1.0) == pytest.approx(np.tanh(0.5), rel=1e-15)  # Kullback-Leibler of the coin
    assert privacy.renyi_of_pure(1.0, np.inf) == 1.0 and privacy.renyi_of_pure(0.0, 1.0) == 0.0
    assert np.isnan(privacy.renyi_of_pure(1.0, 0.5)) and np.isnan(privacy.delta_of_renyi(0.5, 0.5, 2.0))
    assert privacy.delta_of_renyi(0.5, 1, 2) == 1.0
    assert privacy.delta_of_renyi(0.5, np.inf, 2.0) == 0.0 and privacy.delta_of_renyi(2.5, np.inf, 2.0) == 1.0
    assert privacy.eps_of_mr(0, 0) == 0 and privacy.delta_of_mr(0, 0) == 1 and privacy.delta_of_mr(0, 1) == 0
    assert privacy.loss_tail(0.0, [0.0, 1.0, -1.0]).tolist() == [0, 0, 1]
    assert privacy.loss_tail_bound(0.0, [0.0, 1.0]).tolist() == [1, 0]


@pytest.mark.parametrize("order", [1 + 2.0**-40, 1 + 1e-6, 1.01, 2.0, 1000.0])
@pytest.mark.parametrize("pure", [1e-8, 0.1, 1.0, 30.0])
def test_theorem_8_in_its_tight_form_equals_fifty_digits(pure, order):
    """The Renyi divergence of two coins of odds exp(pure)."""
    found = privacy.renyi_of_pure(pure, order)
    with mpmath.workdps(50):
        a, p = mpmath.mpf(order), 1 / (1 + mpmath.exp(-mpmath.mpf(pure)))
        exact = mpmath.log(p**a * (1 - p) ** (1 - a) + (1 - p) ** a * p ** (1 - a)) / (a - 1)
        assert abs(found / exact - 1) < 1e-14
    # D_MR <= pure^2 / 2, and every order is at most pure
    assert 0 <= found <= min(order * privacy.mr_of_pure(pure), pure) * (1 + 1e-12)
