"""Every bound is a SymPy expression: it evaluates to the radius, is solved for the vote, and prints as papers do."""

import copy
import io
import pickle
import re
from contextlib import redirect_stdout
from math import inf
from operator import attrgetter
from pathlib import Path

import mpmath
import pytest
import sympy as sp

import rsexplore as rs
from rsexplore import bounds, noises
from rsexplore.notation import (
    LATEX,
    SYMBOLS,
    a,
    b,
    d,
    k,
    lamda,
    p,
    p_A,
    p_B,
    r,
    s,
    sigma,
)
from rsexplore.solve import Solved

R = sp.Rational
HALF = R(1, 2)
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


@pytest.mark.parametrize("bound", CLOSED, ids=attrgetter("key"))
def test_closed_forms_evaluate_to_the_radius(bound):
    noise = bound.noise.from_sigma(0.5, 50)
    params = {name: value or 1.5 for name, value in bound.params.items()}
    for norm in (1, 2, R(7, 2), sp.oo) if bound.norm is None else (None,):
        for top, runner in [*VOTES, (1 - TINY, TINY)]:
            fixed = None if norm is None else float(norm)
            radius = bound.radius_mp(noise, q_a=str(1 - top), p_b=str(runner), norm=fixed, **params)
            found = at(bound, noise, top, runner, norm, **params).evalf(30)
            with mpmath.workdps(50):
                assert abs(mp(found) / radius - 1) < 1e-25


SMALL = {
    "lecuyer-l2": noises.Gaussian(0.5, 50),
    "li-renyi-l2": noises.Gaussian(0.5, 50),
    "gg-kl-exact-lp": noises.GeneralizedGaussian(0.5, 3, 50),
    "gg-kl-lp": noises.GeneralizedGaussian(0.5, 3, 50),
    "gg-kl-lp-printed": noises.GeneralizedGaussian(0.5, 3, 50),
    "soap-dual": noises.PowerGaussian(0.5, 2.5, 5),
    "soap-dual-lp": noises.PowerGaussian(0.5, 2.5, 5),
    "soap-dual-linf": noises.PowerGaussian(0.5, 2.5, 5, inf, inf),
}


@pytest.mark.parametrize("bound", SOLVED, ids=attrgetter("key"))
def test_the_others_evaluate_by_radius_mp(bound):
    noise, norm = SMALL[bound.key], R(7, 2) if bound.norm is None else None
    digits = 15 if "soap" in bound.key else 30
    for top, runner in VOTES[:1] if "soap" in bound.key else VOTES:
        fixed = None if norm is None else float(norm)
        radius = bound.radius_mp(noise, q_a=str(1 - top), p_b=str(runner), norm=fixed, dps=65)
        found = at(bound, noise, top, runner, norm)
        assert found.is_number and found.evalf(30)._prec == pytest.approx(digits * 3.32, abs=4)  # no digit is made up
        with mpmath.workdps(60):
            assert abs(mp(found.evalf(30)) / radius - 1) < mpmath.mpf(10) ** (1 - digits)
            assert abs(mp((2 * found + 1).evalf(digits)) - 2 * radius - 1) < mpmath.mpf(10) ** (1 - digits)
        assert float(found) == pytest.approx(bound.radius(noise, q_a=float(1 - top), p_b=float(runner), norm=fixed))


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
    with pytest.raises(NotImplementedError, match="two classes"):
        float(dual.subs({**family, a: 2, b: 2}))
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
