"""Theorems 8 to 10 of the unified framework against sums and integrals over explicit laws."""

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from rsexplore import noises, privacy


def coin_renyi(pure, order):
    p = np.exp(pure) / (1 + np.exp(pure))
    return np.log(p**order * (1 - p) ** (1 - order) + (1 - p) ** order * p ** (1 - order)) / (order - 1)


@pytest.mark.parametrize("pure", [1e-3, 0.1, 0.5, 1.0, 3.0, 20.0])
def test_theorem_8_and_its_tight_form(pure):
    orders = 1 + np.geomspace(1e-3, 1e3, 200)
    found = privacy.renyi_of_pure(pure, orders)
    feasible = orders * (pure + 1) < 600  # the plain sum overflows beyond
    assert found[feasible] == pytest.approx(coin_renyi(pure, orders[feasible]), rel=1e-9, abs=1e-12)
    # D_MR <= pure^2 / 2, and every order is at most pure
    assert (found / orders <= privacy.mr_of_pure(pure) * (1 + 1e-12)).all()
    assert (found <= pure * (1 + 1e-12)).all()
    assert (found >= 0).all()


def test_theorem_8_covers_laplace_noise():
    """D_order of Laplace noise at shift r, by quadrature, is at most order pure^2 / 2 with pure = r / scale."""
    for r in (0.2, 1.0, 3.0):
        for order in (1.5, 2.0, 6.0):
            f = lambda x, order=order, r=r: np.exp(-order * abs(x) + (order - 1) * abs(x - r)) / 2  # noqa: E731
            total = sum(integrate.quad(f, a, b)[0] for a, b in ((-60, 0), (0, r), (r, 60 + r)))
            divergence = np.log(total) / (order - 1)
            assert divergence <= min(privacy.renyi_of_pure(r, order), order * privacy.mr_of_pure(r)) + 1e-9


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


def test_gaussian_delta_in_the_tail():
    with mpmath.workdps(60):
        rho, eps = mpmath.mpf("0.125"), mpmath.mpf(15)
        spread = mpmath.sqrt(2 * rho)
        upper = mpmath.erfc((eps - rho) / spread / mpmath.sqrt(2)) / 2
        exact = upper - mpmath.exp(eps) * mpmath.erfc((eps + rho) / spread / mpmath.sqrt(2)) / 2
    assert float(privacy.delta_of_gaussian(0.125, 15.0)) == pytest.approx(float(exact), rel=1e-9)


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
def test_renyi_of_pure_equals_fifty_digits_next_to_order_one(pure, order):
    with mpmath.workdps(50):
        e, a = mpmath.mpf(pure), mpmath.mpf(order)
        exact = mpmath.log((mpmath.sinh(a * e) - mpmath.sinh((a - 1) * e)) / mpmath.sinh(e)) / (a - 1)
        assert abs(privacy.renyi_of_pure(pure, order) / exact - 1) < 1e-14
