"""The Renyi curve and its best order, and Proposition 1 of Hayes: printed, right, and where it changes."""

import mpmath
import numpy as np
import pytest
import sympy as sp

from reproduce import proposition1
from rsexplore import bounds
from rsexplore.divergences import LeastRenyi, best_order, least_mr, least_over_order
from rsexplore.formula import Formula
from rsexplore.noises import Gaussian
from rsexplore.notation import order as symbol
from rsexplore.notation import p_A, p_B


def exact_best(p_a, p_b):
    """Best order by 30 digits and the derivative of the formula as papers write it."""
    curve = Formula(LeastRenyi(symbol, p_A, p_B)).plain / symbol

    slope = sp.lambdify((symbol, p_A, p_B), sp.diff(curve, symbol), "mpmath")
    with mpmath.workdps(40):
        found = mpmath.findroot(lambda o: slope(o, mpmath.mpf(p_a), mpmath.mpf(p_b)), (0.76, 1.51), solver="anderson")
        return float(found)


@pytest.mark.parametrize("p_a, p_b", [(0.99, 0.01), (0.6, 0.4), (0.5, 0.2), (0.3, 0.1), (0.05, 1e-4), (0.9, 1e-9)])
def test_best_order_is_where_the_derivative_is_zero(p_a, p_b):
    p_b = 1 - p_a if p_a + p_b == 1 else p_b
    assert float(best_order(p_a, p_b=p_b).order) == pytest.approx(exact_best(p_a, p_b), abs=1e-9)


def test_best_order_of_the_witness_and_its_limits():
    found = best_order(0.99)
    assert float(found.order) == pytest.approx(1.404102477, abs=1e-9)
    assert np.sqrt(2 * found.value) == pytest.approx(1.908009047, abs=1e-9)
    for p_a in (0.05, 0.2, 0.3, 0.5):  # towards a tie
        assert float(best_order(p_a, p_b=p_a * (1 - 1e-6)).order) == pytest.approx(0.75 * (1 + 2 * p_a), abs=1e-6)
    binary = best_order(q_a=np.geomspace(1e-300, 0.4999, 500)).order
    assert ((binary > 1) & (binary < 1.5)).all() and (np.diff(binary) > 0).all()
    rare = best_order(1e-9, p_b=0.0)
    assert float(rare.order) == pytest.approx(0.78804107, abs=1e-8)
    at_kl = least_over_order(1.0, 1e-9, p_b=0.0)
    assert np.sqrt(rare.value / at_kl) == pytest.approx(1.08283437, abs=1e-8)


def test_best_order_beats_every_other_and_is_the_renyi_bound():
    rng = np.random.default_rng(0)
    p_a = rng.uniform(0.01, 0.999, 300)
    p_b = rng.uniform(0, 1, 300) * np.minimum(p_a, 1 - p_a)
    best = best_order(p_a, p_b=p_b)
    assert ((best.order > 0.75) & (best.order < 1.5)).all()
    for order in (-3.0, -0.5, 0.0, 0.3, 0.75, 1.0, 1.2, 1.5, 2.0, 10.0, np.inf):
        assert (least_over_order(order, p_a, p_b=p_b) <= best.value * (1 + 1e-13)).all()
    radius = bounds.get("renyi-l2").radius(Gaussian(1.0), p_a, p_b=p_b)
    assert np.sqrt(2 * best.value) == pytest.approx(radius, rel=1e-9)


def test_the_order_is_at_least_one_where_the_derivative_at_one_says():
    p_a, p_b = (x.ravel() for x in np.meshgrid(np.linspace(0.02, 0.98, 40), np.linspace(0.01, 0.49, 40)))
    keep = (p_b < p_a) & (p_a + p_b <= 1)
    p_a, p_b = p_a[keep], p_b[keep]
    rest = 1 - p_a - p_b + 2 * np.sqrt(p_a * p_b)
    rule = np.sqrt(p_a * p_b) * np.log(p_a / p_b) ** 2 + 4 * rest * np.log(rest)
    clear = np.abs(rule) > 1e-9
    assert ((best_order(p_a, p_b=p_b).order >= 1) == (rule >= 0))[clear].all()


def test_the_curve_passes_through_the_named_divergences_and_through_zero():
    assert float(least_over_order(1e-7, 0.6, p_b=0.3)) == pytest.approx(
        float(least_over_order(0, 0.6, p_b=0.3)), rel=1e-6
    )
    assert float(least_over_order(-1e-7, 0.6, p_b=0.3)) == pytest.approx(
        float(least_over_order(0, 0.6, p_b=0.3)), rel=1e-6
    )
    for key, order in (("kl-l2", 1), ("chi2-l2", 2), ("hellinger-l2", 0.5), ("bhattacharyya-l2", 0.5)):
        radius = float(bounds.get(key).radius(Gaussian(1.0), 0.6, p_b=0.3))
        assert np.sqrt(2 * least_over_order(order, 0.6, p_b=0.3)) == pytest.approx(radius, rel=1e-12)


def test_edges_of_the_curve():
    for found in (least_over_order(1.0, [0.4, 1.2, np.nan], p_b=0.4), least_mr([0.4, 1.2, np.nan], p_b=0.4)):
        assert found[0] == 0 and np.isnan(found[1:]).all()
    best = best_order([0.4, 1.2], p_b=0.4)
    assert np.isnan(best.order).all() and best.value[0] == 0 and np.isnan(best.value[1])
    with pytest.raises(TypeError, match="give exactly one of p_a and q_a"):
        best_order()


def test_least_mr_is_the_maximum_of_the_curve_for_two_classes_and_above_it_for_more():
    q_a = np.array([0.4999, 0.3, 0.1, 1e-5, 1e-100])
    assert least_mr(q_a=q_a) == pytest.approx(best_order(q_a=q_a).value, rel=1e-9)
    p_a, p_b = np.array([0.6, 0.5, 0.4, 0.1]), np.array([0.3, 0.1, 1e-4, 0.01])
    above_one = np.max([least_over_order(o, p_a, p_b=p_b) for o in np.geomspace(1, 8, 400)], axis=0)
    found = least_mr(p_a, p_b=p_b)
    assert (found >= above_one * (1 - 1e-9)).all() and found[-1] > 1.04 * above_one[-1]
    assert float(least_mr(0.4, p_b=0.0)) == pytest.approx(-np.log(0.6))
    assert (np.sqrt(2 * found) < bounds.get("cohen-l2").radius(Gaussian(1.0), p_a, p_b=p_b)).all()


ROWS = proposition1.rows()


def test_items_as_printed_and_as_they_are():
    assert [row.number for row in ROWS] == [1, 2, 3, 4, 5, 6]
    assert [row.printed_holds for row in ROWS] == [True] * 6
    assert [row.corrected_holds for row in ROWS] == [True, False, True, True, False, True]
    assert [row.printed.relation for row in ROWS] == [">", ">", ">", "=", "> then <", ">"]
    assert [row.corrected.relation for row in ROWS] == [">", "=", ">", "=", "<", ">"]
    fails = [row.number for row in ROWS if row.counterexample]
    assert fails == [2, 3, 5, 6]
    for row in ROWS:
        assert str(row.source) == f"Hayes 2020, Proposition 1, item {row.number}"


def test_the_crossing_of_item_5_is_a_power_of_the_tribonacci_constant():
    with mpmath.workdps(30):
        w = mpmath.findroot(lambda w: w**3 + w**2 + w - 1, 0.54)
        crossing = float((1 + mpmath.sqrt(1 - w**8)) / 2)
    assert ROWS[4].printed.crossing == pytest.approx(crossing, abs=1e-13)
    assert crossing == pytest.approx(0.998087612945746, abs=1e-15)
    assert all(row.printed.crossing is None for row in ROWS if row.number != 5)


def test_ratios_of_the_items():
    assert ROWS[1].printed.ratios == pytest.approx((np.sqrt(2), np.sqrt(2)), rel=1e-11)
    assert ROWS[5].printed.ratios[0] == pytest.approx(1.79940402, abs=1e-6)
    assert ROWS[5].corrected.ratios[0] == pytest.approx(2.54474156, abs=1e-5)


def test_counterexamples_with_a_third_class_are_some():
    for row, (left, right) in zip(ROWS, [item[1:3] for item in proposition1.ITEMS], strict=True):
        if row.counterexample:
            p_a, p_b = row.counterexample
            radii = [float(bounds.get(key).radius(Gaussian(1.0), p_a, p_b=p_b)) for key in (left, right)]
            assert radii[0] < radii[1] and p_a + p_b <= 1
    chi2, hellinger = (float(bounds.get(k).radius(Gaussian(1.0), 0.3, p_b=0.1)) for k in ("chi2-l2", "hellinger-l2"))
    assert (chi2, hellinger) == pytest.approx((0.324593, 0.329609), abs=1e-6)


def test_the_table_shows_it():
    text = str(proposition1.table())
    assert "> then < at 0.9980876129" in text and "no counterexample" in text
    assert "hellinger-l2 > kl-l2 on (1/2, 0.998)" in text


def test_the_curve_takes_many_orders_at_once():
    """Against itself one order at a time, and against 40 digits of the formula as papers write it."""
    orders = np.array([-3.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.4, 2.0, 30.0, np.inf])
    p_a, p_b = np.array([0.6, 0.99, 0.3]), np.array([0.3, 0.01, 0.3])
    found = least_over_order(orders[:, None], p_a, p_b=p_b)
    assert found.shape == (10, 3) and (found[:, 2] == 0).all()
    assert (found == np.array([least_over_order(float(o), p_a, p_b=p_b) for o in orders])).all()
    curve = sp.lambdify((symbol, p_A, p_B), Formula(LeastRenyi(symbol, p_A, p_B)).plain / symbol, "mpmath")
    for o, row in zip(orders, found, strict=True):
        if o in (0, 1) or np.isinf(o):
            continue  # limits of the formula, held elsewhere
        with mpmath.workdps(40):
            expected = [
                float(curve(mpmath.mpf(o), mpmath.mpf(a), mpmath.mpf(b))) for a, b in ((0.6, 0.3), (0.99, 0.01))
            ]
        assert row[:2] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(least_over_order([np.nan, 1.0], 0.6, p_b=0.3)).tolist() == [True, False]
