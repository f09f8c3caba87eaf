"""The oracle is tested too: high-precision quantiles, and the pieces whose floats the battery cannot single out.

In SymPy quantiles evaluate, cancel, invert, differentiate and compile; SciPy and mpmath's distribution function judge.
"""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rsexplore.formula import Formula, number
from rsexplore.notation import Gap, Phi, PhiInv, PhiInvGap, Psi, PsiInv, p_A, p_B, q_A, r, sigma

R = sp.Rational
HALF, TINY, NEAR = R(1, 2), R(1, 10**300), R(1, 10**30)

each_pair = pytest.mark.parametrize(("quantile", "law"), [(PhiInv, Phi), (Psi, PsiInv)], ids=["normal", "Laplace"])


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


@pytest.mark.parametrize(
    "prob", [R(99, 100), R(1, 100), R(1, 3), TINY, 1 - TINY, HALF + NEAR, HALF - NEAR, sp.exp(-700), 1 - sp.exp(-700)]
)
def test_the_normal_quantile_evaluates_to_the_digits_asked(prob):
    found = sp.N(PhiInv(prob), 45)
    assert found.is_Float and found._prec >= 45 * 3.3
    with mpmath.workdps(800):
        x, lower = mpmath.mpf(found), mpmath.mpf(sp.N(min(prob, 1 - prob), 760, maxn=1600))
        if abs(prob - HALF) > R(1, 10):  # an error of x counts about x^2 times in the tail
            assert abs(mpmath.ncdf(-abs(x)) / lower - 1) < mpmath.mpf(10) ** -40
        else:
            above = mpmath.mpf(sp.N(prob - HALF, 760))
            assert abs(mpmath.erf(x / mpmath.sqrt(2)) / 2 / above - 1) < mpmath.mpf(10) ** -40
        assert mpmath.sign(x) == (1 if prob > HALF else -1)


def test_numbers_of_every_kind_evaluate():
    assert str(sp.N(PhiInv(R(99, 100)))) == str(PhiInv(0.99)) == "2.32634787404084"
    assert float(PhiInv(1e-20)) == pytest.approx(stats.norm.ppf(1e-20), rel=1e-15)  # 1 - 1e-20 is 1 in floats
    assert float(Psi(1e-20)) == pytest.approx(np.log(2e-20), rel=1e-15)
    assert float(Psi(sp.sqrt(2) / 2)) == pytest.approx(stats.laplace.ppf(0.5**0.5), rel=1e-14)
    assert float(Psi(sp.pi / 10)) == pytest.approx(stats.laplace.ppf(np.pi / 10), rel=1e-14)
    nothing = 1 - sp.cos(1) ** 2 - sp.sin(1) ** 2  # 0, which no number of digits shows
    for law, at in ((PhiInv, nothing), (PhiInv, 1 - nothing), (Psi, nothing), (Psi, 1 - nothing)):
        assert not law(at).evalf().is_number or not law(at).evalf().is_Float
        assert not law(at).evalf(30).is_Float
    assert PhiInv(0.5) == 0 and PhiInv(1.0) is sp.oo and PhiInv(0.0) == -sp.oo
    for x in (-40, R(-1, 3), 2, 9.5):
        assert float(Phi(x)) == pytest.approx(stats.norm.cdf(float(x)), rel=1e-14)
        assert float(PsiInv(x)) == pytest.approx(stats.laplace.cdf(float(x)), rel=1e-14)
    with mpmath.workdps(60):
        far = mpmath.mpf(Phi(-10_000 * sp.sqrt(2)).evalf(40))
        assert abs(2 * far / mpmath.erfc(10_000) - 1) < 1e-38


@each_pair
def test_special_values_and_what_is_no_probability(quantile, law):
    assert (quantile(0), quantile(HALF), quantile(1)) == (-sp.oo, 0, sp.oo)
    assert (law(-sp.oo), law(0), law(sp.oo)) == (0, HALF, 1)
    assert quantile(2) is quantile(R(-1, 9)) is quantile(1.5) is quantile(-sp.sqrt(2)) is sp.nan
    x = sp.Symbol("x")
    assert quantile(x).evalf() == quantile(x) and law(x + r).evalf() == law(x + r)


@each_pair
@pytest.mark.parametrize(
    "prob",
    [p_A, p_B, q_A, sp.Symbol("x"), (p_A - p_B) / 4 + HALF, p_A * p_B, p_A * (1 - p_B), (p_A + p_B) / 2, sp.exp(-r)],
)
def test_complements_cancel(quantile, law, prob):
    assert quantile(1 - prob) + quantile(prob) == 0
    assert (quantile(prob) - quantile(1 - prob)) / 2 == quantile(prob)
    assert quantile(1 - prob).subs(prob, R(1, 5)) == quantile(R(4, 5))


@each_pair
def test_inverses_cancel(quantile, law):
    x = sp.Symbol("x", real=True)
    assert quantile(law(x)) == law(quantile(x)) == x
    assert quantile(1 - law(x)) == -x and law(-quantile(p_A)) == 1 - p_A
    assert sp.solve(quantile(p_A) - x, p_A) == [law(x)] and sp.solve(law(x) - p_A, x) == [quantile(p_A)]


def test_the_laplace_quantile_is_elementary_where_the_side_is_known():
    assert Psi(R(99, 100)) == sp.log(50) and Psi(R(1, 100)) == -sp.log(50)
    assert PsiInv(r) == 1 - sp.exp(-r) / 2 and PsiInv(-r) == sp.exp(-r) / 2 and Psi(1 - sp.exp(-r) / 2) == r
    assert Psi(p_A).rewrite(sp.Piecewise).subs(p_A, R(1, 4)) == -sp.log(2)


@each_pair
def test_derivatives_are_the_slopes(quantile, law):
    exact = {PhiInv: stats.norm, Psi: stats.laplace}[quantile]
    x = sp.Symbol("x", real=True)
    for prob in (0.1, 0.7, 0.999):
        at = exact.ppf(prob)
        assert float(quantile(p_A).diff(p_A).subs(p_A, prob)) == pytest.approx(1 / exact.pdf(at), rel=1e-12)
        assert float(law(x).diff(x).subs(x, at)) == pytest.approx(exact.pdf(at), rel=1e-12)


@each_pair
@pytest.mark.parametrize("modules", [None, "numpy", "scipy", "mpmath", "sympy"])
@pytest.mark.filterwarnings("error")
def test_functions_compile(quantile, law, modules):
    exact = {PhiInv: stats.norm, Psi: stats.laplace}[quantile]
    x = sp.Symbol("x")
    inverse, forward = (sp.lambdify(x, f(x), *([modules] if modules else [])) for f in (quantile, law))
    for prob in (1e-9, 0.3, 0.99):
        assert float(inverse(prob)) == pytest.approx(exact.ppf(prob), rel=1e-13)
    for at in (-800.0, -2.0, 0.3, 800.0):
        assert float(forward(at)) == pytest.approx(exact.cdf(at), rel=1e-13, abs=1e-300)
    if modules not in ("mpmath", "sympy"):
        several = np.array([[0.2, 0.5], [0.7, 0.9]])
        assert inverse(several) == pytest.approx(exact.ppf(several), rel=1e-13)
        assert forward(-several) == pytest.approx(exact.cdf(-several), rel=1e-13)


def test_compiled_complements_keep_the_tail():
    assert sp.lambdify(q_A, PhiInv(1 - q_A))(1e-300) == pytest.approx(-stats.norm.ppf(1e-300), rel=1e-14)
    with mpmath.workdps(50):
        assert (
            abs(mpmath.ncdf(sp.lambdify(p_A, PhiInv(p_A), "mpmath")(mpmath.mpf(1) / 100)) - mpmath.mpf(1) / 100) < 1e-45
        )


def test_latex_of_functions():
    assert sp.latex(Phi(r) + PsiInv(sp.Symbol("x"))) == r"\Phi\left(r\right) + \psi^{-1}\left(x\right)"
    assert sp.latex(Phi(r) ** 2) == r"\left(\Phi\left(r\right)\right)^{2}"
    assert sp.latex(PhiInv(1 - p_A)) == r"- \Phi^{-1}\left(p_{A}\right)"
