"""What the papers claim about the bounds, with the numbers that decide it."""

import numpy as np
import pytest

from rsexplore import bounds, exact_radius, noises
from rsexplore.notation import PhiInv

GAUSSIAN = noises.Gaussian(1.0, dim=3072)


def radius(key, p_a=0.99, **more):
    return float(bounds.get(key).radius(GAUSSIAN, p_a, **more))


def test_table_1_of_hayes_at_the_witness():
    """p_A = 0.99, two classes, sigma = 1: printed and right."""
    expected = {
        "kl-l2-printed": 1.270615,
        "kl-l2": 1.796921,
        "chi2-l2": 1.796921,
        "tv-l2-printed": 4.652696,
        "tv-l2": 1.317675,
        "cohen-l2": 2.326348,
        "renyi-l2": 1.908009047,
        "lecuyer-l2": 0.554866735,
    }
    for key, value in expected.items():
        assert radius(key) == pytest.approx(value, abs=6e-7), key
    assert radius("lecuyer-l2", 0.9) == pytest.approx(0.390267154, abs=1e-9)
    assert radius("renyi-l2", order=1.404102477) == pytest.approx(1.908009047, abs=1e-9)
    assert radius("renyi-l2", order=1.0) == pytest.approx(radius("kl-l2"), rel=1e-13)
    assert radius("renyi-l2", order=2.0) == pytest.approx(radius("chi2-l2"), rel=1e-13)
    assert radius("renyi-l2", order=0.5) == pytest.approx(radius("hellinger-l2"), rel=1e-13)
    assert radius("hellinger-l2", 1 - 1e-16) == pytest.approx(2 * np.sqrt(np.log(2)), rel=1e-6)


def test_order_of_the_divergences():
    """Binary: Renyi > chi2 = KL > Hellinger = Bhattacharyya > Lecuyer; with more classes KL is above chi2."""
    for p_a in (0.51, 0.7, 0.9, 0.99, 0.99999):
        values = [radius(k, p_a) for k in ("cohen-l2", "renyi-l2", "kl-l2", "hellinger-l2", "lecuyer-l2")]
        assert values == sorted(values, reverse=True)
        assert radius("chi2-l2", p_a) == pytest.approx(radius("kl-l2", p_a), rel=1e-12)
        assert radius("bhattacharyya-l2", p_a) == pytest.approx(radius("hellinger-l2", p_a), rel=1e-12)
    assert radius("kl-l2", 0.5, p_b=0.2) == pytest.approx(0.373989, abs=1e-6)
    assert radius("chi2-l2", 0.5, p_b=0.2) == pytest.approx(0.370974, abs=1e-6)
    few = {k: radius(k, 0.05, p_b=1e-4) for k in ("kl-l2", "hellinger-l2", "chi2-l2", "lecuyer-l2")}
    assert few == pytest.approx(
        {"kl-l2": 0.305619, "hellinger-l2": 0.303830, "chi2-l2": 0.225784, "lecuyer-l2": 0.331605}, abs=1e-6
    )


def test_the_supremum_over_all_orders_gains_eight_percent():
    gain = radius("renyi-l2", 1e-9, p_b=1e-300) / radius("kl-l2", 1e-9, p_b=1e-300)
    assert 1.08 < gain <= 1.08283438
    assert radius("li-renyi-l2", 1e-9, p_b=1e-300) == pytest.approx(radius("kl-l2", 1e-9, p_b=1e-300), rel=1e-10)


def test_corollary_11_crosses_the_exact_radius_where_the_erratum_says():
    for c, crossing in ((0.5, 2.7873e-3), (1.0, 2.42765e-6), (2.0, 6.1407e-15), (3.0, 5.2452e-27)):
        for q, above in ((crossing * 0.9995, True), (crossing * 1.0005, False)):
            printed = float(bounds.get("dmr-l2-printed").radius(GAUSSIAN, q_a=q, c=c))
            assert (printed > float(exact_radius(GAUSSIAN, q_a=q))) == above, (c, q)
    q_a = np.geomspace(1e-300, 0.4999, 3000)
    from_proof = bounds.get("dmr-l2").radius(GAUSSIAN, q_a=q_a, c=1.13)
    assert (from_proof < exact_radius(GAUSSIAN, q_a=q_a)).all()
    assert not bounds.get("dmr-l2").certifies and not bounds.get("dmr-l2-printed").certifies


def test_lipschitz_certificates_of_the_lecture():
    assert radius("lipschitz-l2", 1.0) == pytest.approx(np.sqrt(np.pi / 2), rel=1e-12)  # never above 1.2534 sigma
    assert radius("lipschitz-dimension-l2", 1.0) == pytest.approx(0.5 / np.sqrt(3072), rel=1e-12)
    # near a tie the global constant is exact
    assert radius("lipschitz-l2", 0.5 + 1e-6) == pytest.approx(radius("cohen-l2", 0.5 + 1e-6), rel=1e-9)


def test_printed_li_radius_is_never_positive():
    noise = noises.Laplace(1.0)
    assert float(bounds.get("li-l1-printed").radius(noise, 0.99)) == pytest.approx(np.log(0.02), rel=1e-12)
    assert float(bounds.get("li-l1").radius(noise, 0.99)) == pytest.approx(-np.log(0.02), rel=1e-12)
    # below Lecuyer's with a third class, so not tight there
    li, lecuyer = (float(bounds.get(k).radius(noise, 0.6, p_b=0.2)) for k in ("li-l1", "lecuyer-l1"))
    assert (li, lecuyer) == pytest.approx((0.51083, 0.54931), abs=1e-5)


def test_laplace_bounds_agree_where_they_should():
    noise = noises.Laplace(0.3)
    q_a = np.geomspace(1e-300, 0.499, 200)
    binary = bounds.get("laplace-l1").radius(noise, q_a=q_a)
    for key in ("teng-l1", "teng-l1-binary", "li-l1"):
        assert bounds.get(key).radius(noise, q_a=q_a) == pytest.approx(binary, rel=1e-12), key
    low = bounds.get("laplace-l1").radius(noise, 0.4, p_b=0.1)
    assert low == pytest.approx(bounds.get("lecuyer-l1").radius(noise, 0.4, p_b=0.1), rel=1e-12)


def test_every_source_is_cited_once():
    bibtex = bounds.cite(bounds.of(GAUSSIAN))
    assert bibtex.count("@misc{cohen2019") == 1 and bibtex.count("@misc{hayes") == 1
    assert str(bounds.get("cohen-l2").source) == "Cohen et al. 2019, Theorem 1"
    assert PhiInv.nargs == {1}


def test_one_bound_or_source_is_cited_too():
    bound = bounds.get("cohen-l2")
    assert bounds.cite(bound) == bounds.cite(bound.source) == bounds.cite([bound, bound]) == bound.source.paper.bibtex
    with pytest.raises(TypeError, match="cite needs bounds or sources, got 3"):
        bounds.cite(3)
    with pytest.raises(KeyError, match="did you mean cohen-lp or cohen-l2"):
        bounds.cite("cohen-l3")
