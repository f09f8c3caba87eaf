"""What decides single verdicts: the numbers of their witnesses, computed again in another way."""

from math import inf

import mpmath
import numpy as np
import pytest
from scipy import optimize, stats

from reproduce import soap_algorithms as soap
from reproduce import verdicts
from reproduce.verdicts import formulas
from reproduce.verdicts.verdict import Outcome
from rsexplore import bounds, noises


@pytest.fixture(scope="module")
def table():
    return verdicts.table()


def test_corollary_11_at_ordinary_votes_by_fifty_digits(table):
    with mpmath.workdps(50):
        for p_a, p_b, c, wanted in (
            ("0.6", "0.01", 1, 1.122), ("0.4", "0.01", 1, 1.258), ("0.6", "1e-4", 1, 1.549),
            ("0.3", "1e-4", 1, 1.772), ("0.05", "1e-4", 3, 1.059),
        ):  # fmt: skip
            a, b = mpmath.mpf(p_a), mpmath.mpf(p_b)
            quantile = lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)  # noqa: E731
            share = mpmath.sqrt(2) * mpmath.log(a / b) / (2 * (1 + c)) / ((quantile(a) - quantile(b)) / 2)
            assert float(share) == pytest.approx(wanted, abs=5e-4)
            assert f"{wanted} at ({float(a):g}, {float(b):g}), c = {c}" in table["corollary-11"].witness
    assert "1.126 at (0.501, 0.499), 1.034 at (0.55, 0.45), 1.075 at (0.6, 0.05)" in table["dmr-l2"].witness


def test_local_constant_as_a_lipschitz_constant_certifies_what_is_false(table):
    slope, normal = stats.norm.pdf(3.0), stats.norm
    secant = optimize.minimize_scalar(lambda y: -(normal.cdf(y) - normal.cdf(-3)) / (y + 3), bounds=(-2, 3))
    would = 0.98 / (2 * normal.pdf(normal.ppf(0.99)))
    words = table["local-constant"].witness
    assert f"L_x = {slope:.4f}" in words and f"slope {-secant.fun:.4f}" in words and f"certify {would:.3f} σ" in words
    assert (f"{slope:.4f}", f"{-secant.fun:.4f}", f"{would:.3f}") == ("0.0044", "0.2105", "18.385")


def test_lower_bounds_that_a_constant_mechanism_refutes_are_true_for_added_noise(table):
    """E||z||_inf > r ((d - 1) log 2 / eps - 1/2) for noise on all of R^d, here of two families that are exact."""
    for dim in (2, 10, 3072):
        for eps in (0.01, 1.0, 50.0, 1e4):
            # (2 r, D_inf, l_inf, eps / 2)-robust with r = 1: 2 / scale = eps / 2, or 2 d / lambda = eps / 2
            exponential = noises.ExponentialLinf(4 / eps, dim).mean_norm(inf)
            laplace = noises.Laplace(4 * dim / eps, dim).mean_norm(inf)
            assert min(exponential, laplace) > (dim - 1) * np.log(2) / eps - 0.5
    for key in ("theorem-12", "theorem-16", "theorem-17"):
        assert "the middle of the cube" in table[key].witness and "A may ignore x" in table[key].right


def test_rows_on_one_coordinate_say_so_and_hold_by_sampling_in_more(table):
    for key in ("dinf-linf", "pure-dp-linf"):
        assert "in one coordinate; sampled at d = 2, 5 and 20" in table[key].witness
    exact = bounds.get("pure-dp-linf")
    left, error = formulas.sampled(exact)
    assert left > -error
    left, error = formulas.sampled(Longer(exact))  # what is longer than the exact radius would be seen
    assert left < -error


class Longer:
    """A bound whose radii are a fifth longer."""

    def __init__(self, bound):
        self.bound = bound

    def radius(self, *args, **kwargs):
        return 1.2 * self.bound.radius(*args, **kwargs)


def test_figure_4_of_the_soap_bubbles_depends_on_what_is_not_printed(table):
    words = table["figure-4"].witness
    for gap in ("-0.0052 (λ = 4, k = 1, σ = 0.2)", "-0.0046 (λ = 4, k = 3, σ = 0.45)", "-0.0030 (λ = 2, k = 1"):
        assert gap in words
    noise = {norm: noises.PowerGaussian(0.2, 1.0, 5, norm, 2) for norm in (2, inf)}
    sampled = [soap.robustness(noise[norm], 0.1, lam=4.0, n=1_000_000) for norm in (inf, 2)]
    assert sampled[0] - sampled[1] == pytest.approx(-0.0052, abs=0.006)


def test_supremum_over_orders_is_not_that_of_a_grid(table):
    assert "up to 8.28 %" in table["order-above-1"].witness
    with mpmath.workdps(40):
        p = mpmath.mpf("1e-9")  # at p_B = 0: order 1 loses the most to the best one
        least = lambda a: -mpmath.log(1 - p + 2 * (p ** (1 - a) / 2) ** (1 / (1 - a))) / a  # noqa: E731
        best = max(least(mpmath.mpf(k) / 10_000) for k in range(7_500, 8_500))
        at_one = -mpmath.log(1 - p)
    assert float(mpmath.sqrt(best / at_one)) - 1 == pytest.approx(0.0828, abs=5e-5)


def test_times_in_the_logs_are_not_those_in_print(published_log, table):
    published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert "made 150.9, printed 110" in table["lecture-experiments-imagenet-resnet-50-time-per-example"].witness
    assert table["lecture-experiments-cifar-10-resnet-110-time-per-example"].outcome is Outcome.HOLDS


def test_images_above_a_pixel_are_those_of_the_log(table):
    words = table["figure-6"].witness
    assert "21.2 % (c = 1), 0.0 % (c = 3), 27.4 % (exact)" in words and "made 1.16/255, printed below 1/255" in words


def test_quoted_words_are_between_marks_and_say_where(table):
    quoted = "lecuyer-misquoted sphere-of-radius-one hoeffding-sentence dominate-lecuyer lemma-3-1-proof".split()
    for key in (*quoted, "always-the-largest"):
        verdict = table[key]
        assert "“" in verdict.printed and "”" in verdict.printed and verdict.source.where, key
    assert "all choices of distance metrics dominate" in table["dominate-lecuyer"].printed
