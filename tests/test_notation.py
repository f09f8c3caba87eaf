"""The oracle is tested too: high-precision quantiles, and the pieces whose floats the battery cannot single out."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rsexplore.formula import Formula, number
from rsexplore.notation import Gap, PhiInv, PhiInvGap, Psi, p_A, p_B, q_A, sigma


@pytest.mark.parametrize("q", ["0.4999999", "0.4", "0.1", "1e-9", "1e-17", "1e-100", "1e-200", "1e-300", "1e-1000"])
def test_exact_normal_quantile_inverts_the_distribution_function(q):
    with mpmath.workdps(60):
        x = PhiInv.exact(mpmath.mpf(q))
        back = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
        assert abs(back / mpmath.mpf(q) - 1) < mpmath.mpf(10) ** -40
    with mpmath.workdps(60 + int(-np.log10(float(q) if float(q) else 1e-308)) * 2 + 1500):
        assert mpmath.almosteq(PhiInv.exact(1 - mpmath.mpf(q)), -x, mpmath.mpf(10) ** -40)


def test_quantiles_at_the_ends_and_the_middle():
    assert PhiInv.exact(0) == -mpmath.inf and PhiInv.exact(1) == mpmath.inf
    assert Psi.exact(0) == -mpmath.inf and Psi.exact(1) == mpmath.inf
    assert abs(PhiInv.exact(0.5)) < 1e-15 and Psi.exact(0.5) == 0
    assert float(PhiInv.floats(0.975, 0.025)) == pytest.approx(1.959963984540054, rel=1e-15)


@given(st.floats(1e-300, 1.0, exclude_max=True))
@settings(max_examples=200, deadline=None)
def test_float_quantiles_equal_the_exact_ones(q):
    for atom in (PhiInv, Psi):
        with mpmath.workdps(400):
            exact = atom.exact(mpmath.mpf(q))
        with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
            found = float(atom.floats(q, 1 - q))
        assert found == pytest.approx(float(exact), rel=4e-15, abs=3e-16)


@given(st.floats(0.001, 0.5), st.floats(1e-16, 0.5))
@settings(max_examples=200, deadline=None)
def test_near_quantiles_differ_without_cancellation(pa, share):
    pb = pa * (1 - share)
    with mpmath.workdps(60):
        exact = PhiInv.exact(mpmath.mpf(pa)) - PhiInv.exact(mpmath.mpf(pb))
    found = float(PhiInvGap.floats(np.float64(pa), np.float64(1 - pa), np.float64(pb), np.float64(1 - pb)))
    assert found == pytest.approx(float(exact), rel=1e-13)


def test_formula_derives_everything_from_one_expression():
    formula = Formula(sigma / 2 * PhiInvGap(p_A, p_B))
    assert formula.latex == r"\frac{\sigma \left(\Phi^{-1}\left(p_{A}\right) - \Phi^{-1}\left(p_{B}\right)\right)}{2}"
    assert formula.parameters == {"sigma"}
    assert formula.binary == sigma / 2 * (PhiInv(p_A) - PhiInv(1 - p_A))
    assert formula.tail == sigma / 2 * (PhiInv(1 - q_A) - PhiInv(p_B))
    assert Formula(Gap(p_A, p_B)).plain == p_A - p_B


def test_derivatives_are_those_of_quantile_functions():
    slope = sp.diff(PhiInv(p_A), p_A)
    assert slope == sp.sqrt(2 * sp.pi) * sp.exp(PhiInv(p_A) ** 2 / 2)
    assert sp.latex(slope).count(r"\Phi^{-1}") == 1 and r"\psi" in sp.latex(Psi(p_A) ** 2)
    assert sp.diff(Psi(p_A), p_A).subs(p_A, sp.Rational(1, 4)) == 4


def test_numbers_are_taken_exactly():
    assert number("1e-300") == sp.Rational(1, 10**300)
    assert number(0.1) == sp.Rational(*(0.1).as_integer_ratio()) != sp.Rational(1, 10)
    assert number(mpmath.mpf("0.25")) == sp.Rational(1, 4)
    assert number(np.float64(0.5)) == sp.Rational(1, 2)
    assert number(float("inf")) is sp.oo and number("inf") is sp.oo and number(3) == 3
