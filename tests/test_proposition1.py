"""Proposition 1 of Hayes: printed, right, and where it changes."""

import mpmath
import numpy as np
import pytest

from reproduce import proposition1
from rsexplore import bounds
from rsexplore.noises import Gaussian

ROWS = proposition1.rows()


def test_items_as_printed_and_as_they_are():
    assert [row.number for row in ROWS] == [1, 2, 3, 4, 5, 6]
    assert [row.printed_holds for row in ROWS] == [True] * 6
    assert [row.corrected_holds for row in ROWS] == [True, False, True, True, False, True]
    assert [row.printed.relation for row in ROWS] == [">", ">", ">", "=", "> then <", ">"]
    assert [row.corrected.relation for row in ROWS] == [">", "=", ">", "=", "<", ">"]
    fails = [row.number for row in ROWS if row.counterexample]
    assert fails == [2, 3, 5, 6]


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
    for row, (left, right) in zip(ROWS, [item[:2] for item in proposition1.ITEMS], strict=True):
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
