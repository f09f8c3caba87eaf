"""Every bound is a SymPy expression: it evaluates to the radius, is solved for the vote, and prints as papers do.

The oracle is tested too: high-precision quantiles, and the pieces whose floats the battery cannot single out. In SymPy
quantiles evaluate, cancel, invert, differentiate and compile; SciPy and mpmath's distribution function judge.
"""

import copy
import io
import pickle
import re
from contextlib import redirect_stdout
from itertools import product
from math import inf
from operator import attrgetter
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import rsexplore as rs
from rsexplore import bounds, noises
from rsexplore.formula import number
from rsexplore.notation import LATEX, SYMBOLS, Phi, PhiInv, PhiInvGap, Psi, PsiInv
from rsexplore.solve import Solved

R = sp.Rational
names = "a b d k lambda p p_A p_B q_A r s sigma"
a, b, d, k, lamda, p, p_A, p_B, q_A, r, s, sigma = (SYMBOLS[name] for name in names.split())
HALF, NEAR = R(1, 2), R(1, 10**30)
PAGE = (Path(__file__).parents[1] / "docs" / "symbolic.md").read_text(encoding="utf-8")
SOLVED = [bound for bound in bounds.ALL if isinstance(bound.expr, Solved)]
CLOSED = [bound for bound in bounds.ALL if bound not in SOLVED]
TINY = R(1, 10**300)


def mp(value, dps=60):
    """A SymPy number in mpmath, with digits to spare."""
    with mpmath.workdps(dps):
        return mpmath.mpf(value.evalf(dps))


def test_every_bound_is_an_expression():
    assert (len(CLOSED), len(SOLVED)) == (25, 8)
    for bound in bounds.ALL:
        assert isinstance(bound.expr, sp.Expr) and bound.expr == bound.expr and bound.expr.has(p_A)
        assert sp.latex(bound.expr, symbol_names=LATEX) == bound.latex
        assert {x.name for x in bound.expr.free_symbols} <= set(SYMBOLS)
        assert all(SYMBOLS[x.name] == x for x in bound.expr.free_symbols)
        assert pickle.loads(pickle.dumps(bound.expr)) == copy.deepcopy(bound.expr) == bound.expr
    assert rs.notation.SYMBOLS is SYMBOLS and "notation" in dir(rs)


def at(bound, noise, top, runner, norm=None, **params):
    """The bound's expression with numbers in it."""
    values = {SYMBOLS[name]: R(noise.symbol(name)) for name in noise.symbols if noise.symbol(name) < inf}
    values |= {SYMBOLS[name]: sp.oo for name in noise.symbols if noise.symbol(name) == inf}
    values |= {SYMBOLS[name]: R(value) for name, value in params.items()}
    return bound.expr.subs({**values, p_A: top, p_B: runner, d: noise.dim, p: 2 if norm is None else norm})


VOTES = [(R(99, 100), R(1, 100)), (R(2, 3), R(1, 7)), (R(501, 1000), R(499, 1000)), (1 - R(1, 10**20), R(1, 10**25))]


def noise_of(bound):
    if bound.noise is noises.PowerGaussian:
        return noises.PowerGaussian(0.5, 2.5, 5, *([inf, inf] if bound.norm == inf else [2, 2]))
    return noises.GeneralizedGaussian(0.5, 3, 50) if "gg" in bound.key else bound.noise.from_sigma(0.5, 50)


@pytest.mark.parametrize("bound", bounds.ALL, ids=attrgetter("key"))
def test_expressions_evaluate_to_the_radius(bound):
    noise, dual = noise_of(bound), "soap" in bound.key
    digits, votes = (15, VOTES[:1]) if dual else (30, [*VOTES, (1 - TINY, TINY)] if bound in CLOSED else VOTES)
    params = {name: value or 1.5 for name, value in bound.params.items()}
    norms = (None,) if bound.norm is not None else (1, R(7, 2), sp.oo) if bound in CLOSED else (R(7, 2),)
    for (top, runner), norm in product(votes, norms):
        vote = {"norm": None if norm is None else float(norm), **params}
        radius = bound.radius_mp(noise, q_a=str(1 - top), p_b=str(runner), dps=65, **vote)
        found = at(bound, noise, top, runner, norm, **params)
        assert found.evalf(30)._prec == pytest.approx(digits * 3.32, abs=4)  # no digit is made up
        with mpmath.workdps(60):
            assert abs(mp(found.evalf(30)) / radius - 1) < mpmath.mpf(10) ** (1 - digits)
            assert abs(mp((2 * found + 1).evalf(digits)) - 2 * radius - 1) < mpmath.mpf(10) ** (3 - digits)
        assert float(found) == pytest.approx(bound.radius(noise, q_a=float(1 - top), p_b=float(runner), **vote))


def test_a_scale_that_no_float_holds_keeps_its_digits():
    expr = bounds.get("li-renyi-l2").expr.subs({p_A: R(9, 10), p_B: R(1, 10)})
    third, one = (mp(expr.subs(sigma, value).evalf(40)) for value in (R(1, 3), 1))
    with mpmath.workdps(50):
        assert abs(3 * third / one - 1) < 1e-38
    assert bounds.get("li-renyi-l2").expr.subs(p_A, R(1, 9)).free_symbols == {p_B, sigma}


def test_what_an_evaluation_lacks_is_said_in_its_own_words():
    dual, mixed = bounds.get("soap-dual").expr, bounds.get("soap-dual-linf").expr
    family = {lamda: 1, d: 300, k: 10, p_A: R(9, 10), p_B: R(1, 100)}
    for expr in (dual, 2 * dual + r, 2 * dual + 1):
        with pytest.raises(NotImplementedError, match="two classes"):
            expr.subs({**family, a: 2, b: 2}).evalf(30)
    with pytest.raises(NotImplementedError, match="no reference for eq. .9."):
        mixed.subs({**family, p_B: R(1, 10), a: sp.oo, b: 2}).evalf()
    with pytest.raises(bounds.UnsupportedNoiseError, match="whole shape"):
        bounds.get("gg-kl-lp").expr.subs({p_A: R(9, 10), p_B: R(1, 10), d: 2, lamda: 1, p: 2, s: R(5, 2)}).evalf()


@pytest.mark.parametrize(
    ("changed", "words"),
    [({d: R(5, 2)}, "dim"), ({lamda: 0}, "positive"), ({s: R(7, 3)}, "a float holds"), ({p: HALF}, "at least 1")],
)
def test_numbers_that_no_noise_has_are_refused(changed, words):
    good = {p_A: R(9, 10), p_B: R(1, 10), d: 50, lamda: R(1, 3), p: R(7, 2), s: 3}
    expr = bounds.get("gg-kl-exact-lp").expr
    assert expr.subs(good).evalf() == pytest.approx(0.0836128427091241, rel=1e-13)
    with pytest.raises(ValueError, match=words):
        expr.subs(good | changed).evalf()


def test_edges_of_radii_without_closed_form():
    expr = bounds.get("lecuyer-l2").expr.subs(sigma, 1)
    assert expr.subs({p_A: R(1, 20), p_B: R(1, 10)}).evalf() == 0
    assert expr.subs({p_A: 2, p_B: R(1, 10)}).evalf() is sp.nan
    limit = expr.subs({p_A: R(9, 10), p_B: 0}).evalf(30)  # known in double precision
    assert limit._prec <= 53 and expr.evalf(30, subs={p_A: R(9, 10), p_B: R(1, 10)})._prec > 99
    assert expr.subs({p_A: 0.9, p_B: 0.1}).evalf() == pytest.approx(0.390267154442557)


def test_what_cannot_be_solved_or_compiled_is_not_answered():
    expr = bounds.get("lecuyer-l2").expr
    with pytest.raises(NotImplementedError):
        sp.solve(expr - r, p_A)
    assert sp.solve(2 * expr - r, r) == [2 * expr]
    with pytest.raises(TypeError, match=r"lecuyer-l2 has no closed form to compile.*radius"):
        sp.lambdify((p_A, p_B, sigma), expr)
    assert expr.diff(p_A) == sp.Derivative(expr, p_A) and expr.diff(r) == 0
    latex = sp.latex(expr**2 + 2 * expr.subs(sigma, HALF))
    assert r"\right]^{2}" in latex and r"\right|_{\sigma = \frac{1}{2}}" in latex


@pytest.mark.parametrize("runner", [1 - p_A, p_B], ids=["two classes", "p_B"])
@pytest.mark.parametrize("key", ["cohen-l2", "laplace-l1", "teng-l1-binary", "lecuyer-l1", "tv-l2", "uniform-l1"])
def test_the_vote_that_a_radius_needs(key, runner):
    bound = bounds.get(key)
    (solution,) = sp.solve(bound.expr.subs(p_B, runner) - r, p_A)
    assert not solution.has(p_A)
    wanted, noise = R(3, 10), bound.noise.from_sigma(0.5, 50)
    scale = next(iter(noise.symbols))
    vote = solution.subs({r: wanted, p_B: R(1, 10), SYMBOLS[scale]: R(noise.symbol(scale))})
    with mpmath.workdps(50):
        other = None if runner != p_B or key == "teng-l1-binary" else R(1, 10)
        radius = bound.radius_mp(noise, mp(vote), p_b=None if other is None else "1/10", dps=40)
        assert abs(radius - mpmath.mpf(3) / 10) < 1e-30


def test_the_page_shows_what_is_printed():
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == PAGE.count("```python") == 5
    names: dict[str, object] = {}
    for code, text in blocks:
        with redirect_stdout(io.StringIO()) as stream:
            exec(code, names)
        assert stream.getvalue() == text


each_pair = pytest.mark.parametrize(("quantile", "law"), [(PhiInv, Phi), (Psi, PsiInv)], ids=["normal", "Laplace"])


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


def test_numbers_are_taken_exactly():
    assert number("1e-300") == sp.Rational(1, 10**300)
    assert number(0.1) == sp.Rational(*(0.1).as_integer_ratio()) != sp.Rational(1, 10)
    assert number(mpmath.mpf("0.25")) == sp.Rational(1, 4)
    assert number(np.float64(0.5)) == sp.Rational(1, 2)
    assert number(float("inf")) is sp.oo and number("inf") is sp.oo and number(3) == 3


@pytest.mark.parametrize("prob", [
    R(99, 100), R(1, 100), R(1, 3), TINY, 1 - TINY, R(1, 10**1000), HALF + NEAR, HALF - NEAR, sp.exp(-700),
    1 - sp.exp(-700),
])  # fmt: skip
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
    assert (quantile.exact(0), quantile.exact(1)) == (-mpmath.inf, mpmath.inf) and abs(quantile.exact(0.5)) < 1e-15
    assert quantile(2) is quantile(R(-1, 9)) is quantile(1.5) is quantile(-sp.sqrt(2)) is sp.nan
    x = sp.Symbol("x")
    assert quantile(x).evalf() == quantile(x) and law(x + r).evalf() == law(x + r)


@each_pair
@pytest.mark.parametrize("prob", [
    p_A, p_B, q_A, sp.Symbol("x"), (p_A - p_B) / 4 + HALF, p_A * p_B, p_A * (1 - p_B), (p_A + p_B) / 2, sp.exp(-r),
])  # fmt: skip
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


def test_latex_of_functions():
    assert sp.latex(Phi(r) + PsiInv(sp.Symbol("x"))) == r"\Phi\left(r\right) + \psi^{-1}\left(x\right)"
    assert sp.latex(Phi(r) ** 2) == r"\left(\Phi\left(r\right)\right)^{2}"
    assert sp.latex(PhiInv(1 - p_A)) == r"- \Phi^{-1}\left(p_{A}\right)"
