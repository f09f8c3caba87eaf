"""Least votes after a shift against what does not use their formulas: a line in cells, samples, 40 digits, radii."""

from math import inf, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy import special, stats

import rsexplore as rs
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.comparison import exact_bound
from rsexplore.divergences.between import Ball, renyi, tv
from rsexplore.dual import reference
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform
from rsexplore.shifted import CURVES, least_vote

DIVERGENCES = [by for by in CURVES if by != "exact"]
P = np.concatenate([[1e-6], np.linspace(0.01, 0.99, 25), [1 - 1e-6]])
SPIKE = PowerGaussian(0.7, k=0.5, dim=1)  # of infinite density at 0


class Spike:
    """The law of `SPIKE`, whose square over 2 scale^2 is Gamma(1/4)."""

    @staticmethod
    def cdf(x):
        return (1 + np.sign(x) * special.gammainc(0.25, x**2 / (2 * 0.7**2))) / 2


LINES = [
    (Gaussian(0.7), stats.norm(scale=0.7), 6.0),
    (Laplace(0.7), stats.laplace(scale=0.7), 20.0),
    (Uniform(0.7), stats.uniform(-0.7, 1.4), 2.0),
    (SPIKE, Spike, 6.0),
]
EXACT = [  # noise, norm
    (Gaussian(0.5, 3072), 2.0),
    (Gaussian(0.5, 3072), inf),
    (Laplace(0.3), 1.0),
    (Uniform(0.8), 1.0),
    (PowerGaussian(1.0, 900.0, 3072), 2.0),
    (PowerGaussian(1.0, 20.0, 50), 4.0),
    (PowerGaussian(1.0, 20.0, 50, inf, inf), inf),
]
NAMES = [f"{noise.family}{noise.dim}-l{norm:g}" for noise, norm in EXACT]


def each_divergence(noise, r, **vote):
    """Least votes by every divergence that is known between the noise and its shift."""
    for by in DIVERGENCES:
        try:
            yield by, least_vote(noise, r, by=by, **vote)
        except UnsupportedNoiseError:
            assert not isinstance(noise, Gaussian)


@pytest.mark.parametrize(("noise", "law", "reach"), LINES, ids=[noise.family for noise, *_ in LINES])
@pytest.mark.parametrize("r", [0.05, 0.5, 1.3])
def test_the_least_vote_is_that_of_brute_force_on_a_line(noise, law, reach, r):
    """Cells are classes of tests, so that the least over them is above, by less the finer they are."""
    edges = np.arange(-reach, reach + r, r / round(r / 1e-3))
    mass = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))
    moved = np.diff(np.concatenate([[0.0], law.cdf(edges - r), [1.0]]))
    ratio = np.divide(moved, mass, out=np.full(len(mass), np.inf), where=mass > 0)
    order = np.argsort(ratio)
    before, after = (np.concatenate([[0.0], np.cumsum(x[order])]) for x in (mass, moved))
    least = np.interp(P, before, after)
    found = least_vote(noise, r, P).p_a
    assert np.all(found <= least + 1e-11)
    assert np.max(least - found) < (0.01 if noise is SPIKE else 1e-5)
    for by, votes in each_divergence(noise, r, p_a=P):
        assert np.all(votes.p_a <= found + 1e-11), by


@pytest.mark.parametrize(
    ("noise", "length"),
    [
        (Gaussian(1.0, 15), 1.5),
        (PowerGaussian(1.0, 6.0, 15), 1.5),
        (PowerGaussian(1.0, 6.0, 15, inf, inf), 0.1),
        (Laplace(1.0, 6), 1.2),
    ],
    ids=lambda x: f"{x.family}-{getattr(x, 'tail_norm', '')}" if not isinstance(x, float) else "",
)
def test_the_likelihood_ratio_set_of_samples_keeps_the_least_vote(noise, length):
    """The set {L <= level} with p before, at the worst shift; the error of its level is in the bar too."""
    cube = getattr(noise, "tail_norm", 2) == inf
    shift = np.full(noise.dim, length) if cube else np.eye(noise.dim)[0] * length
    rng, n = np.random.default_rng(5), 100_000
    draws, others = noise.draw(rng, (n, noise.dim)), noise.draw(rng, (n, noise.dim)) + shift
    before, after = (noise.log_density(z - shift) - noise.log_density(z) for z in (draws, others))
    if isinstance(noise, Laplace):  # its ratio has atoms: the extreme half-line instead
        before, after = draws[:, 0], others[:, 0]
    p = np.array([0.1, 0.5, 0.9, 0.99])
    seen = np.mean(after[:, None] <= np.quantile(before, p), axis=0)
    least, beside = least_vote(noise, length, [p, 1.001 * p]).p_a
    bar = np.sqrt((least * (1 - least) + ((beside - least) / 0.001) ** 2 * (1 - p) / p) / n)
    assert np.all(np.abs(seen - least) < 4.5 * bar) and np.all(bar < 0.006)


@pytest.mark.parametrize(
    ("noise", "norm", "q_a", "p_b"),
    [
        (noise, norm, q_a, p_b)
        for noise, norm in EXACT
        for q_a, p_b in [(0.3, 0.3), (0.01, 0.001), (1e-9, 1e-9), (0.6, 0.1)]
        if q_a == p_b or norm in (1.0, 2.0)  # of soap bubbles a radius of more classes takes seconds
    ],
)
def test_the_least_of_one_class_meets_the_most_of_the_other_at_the_exact_radius(noise, norm, q_a, p_b):
    around = rs.exact_radius(noise, q_a=q_a, p_b=p_b, norm=norm) * np.array([1 - 1e-9, 1 + 1e-9])
    least, most = (least_vote(noise, around, q_a=q, norm=norm) for q in (q_a, p_b))
    assert least.p_a[0] > most.q_a[0] and least.p_a[1] < most.q_a[1]


@pytest.mark.parametrize(("noise", "norm"), EXACT, ids=NAMES)
def test_the_vote_that_a_radius_needs_has_one_half_after_it(noise, norm):
    r = rs.exact_radius(noise, 0.9, norm=norm)
    assert least_vote(noise, r, 0.9, norm=norm).p_a == pytest.approx(0.5, abs=1e-9)
    if not isinstance(noise, PowerGaussian):  # of which a vote takes seconds
        for length in (0.3 * r, r, 1.2 * r):
            needed = exact_bound(noise, norm).vote(noise, length, norm=norm)
            assert least_vote(noise, length, q_a=needed.q_a, norm=norm).p_a == pytest.approx(0.5, abs=1e-9)
            # V(p) = 1/2 at p = 1 - V(1/2), for the curve is its own inverse turned about
            assert least_vote(noise, length, 0.5, norm=norm).p_a == pytest.approx(needed.q_a, abs=1e-9)


@pytest.mark.parametrize(("noise", "norm"), EXACT, ids=NAMES)
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_the_curve_is_convex_falls_with_the_shift_and_turns_into_itself(noise, norm, share):
    r = share * rs.exact_radius(noise, 0.99, norm=norm)
    p = np.linspace(0.02, 0.98, 25)
    found = least_vote(noise, r, p, norm=norm)
    assert np.all(np.diff(found.p_a, 2) > -1e-10) and np.all(np.diff(found.p_a) >= 0)
    assert np.all(found.p_a <= p) and np.all(np.abs(found.p_a + found.q_a - 1) < 1e-10)
    assert np.all(least_vote(noise, 1.2 * r, p, norm=norm).p_a <= found.p_a)
    some = found.p_a > 0
    back = least_vote(noise, r, q_a=found.p_a[some], norm=norm)
    np.testing.assert_allclose(back.p_a, 1 - p[some], rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(r=st.floats(1e-3, 6), tail=st.floats(-40, -0.31), low=st.booleans())
def test_no_divergence_knows_more_than_the_exact_curve(r, tail, low):
    vote = {"p_a" if low else "q_a": 10**tail}
    for noise in (Gaussian(1.0, 9), Laplace(1.0), Uniform(4.0)):
        exact = least_vote(noise, r, **vote)
        orders = {}
        for by, votes in each_divergence(noise, r, **vote):
            assert votes.p_a <= exact.p_a * (1 + 1e-9) and votes.q_a >= exact.q_a * (1 - 1e-9)
            orders[by] = votes.p_a
        if isinstance(noise, Gaussian):
            assert orders["renyi"] >= max(orders[by] for by in ("kl", "chi2", "hellinger")) * (1 - 1e-7) - 1e-12


@pytest.mark.parametrize("r", [0.1, 1.0])
@pytest.mark.parametrize("by", DIVERGENCES)
def test_a_divergences_curve_is_convex_and_turns_into_itself_where_it_is_symmetric(by, r):
    noise, p = Laplace(1.0) if by == "infinite" else Gaussian(1.0), np.linspace(0.02, 0.98, 49)
    found = least_vote(noise, r, p, by=by).p_a
    assert np.all(np.diff(found, 2) > -1e-9) and np.all(np.diff(found) >= 0)
    some = found > 1e-6
    back = least_vote(noise, r, q_a=found[some], by=by).p_a
    assert np.allclose(back, 1 - p[some], rtol=1e-7) == (by in ("hellinger", "tv"))


@pytest.mark.parametrize("q_a", [0.4, 0.01, 1e-6, 1e-100])
@pytest.mark.parametrize(("by", "key", "noise"), [
    *((by, f"{by}-l2", Gaussian(0.5)) for by in ("kl", "chi2", "hellinger", "tv", "renyi")),
    ("infinite", "li-l1", Laplace(0.5)), ("kl", "gg-kl-exact-lp", GeneralizedGaussian(0.5, 3.0, 100)),
])  # fmt: skip
def test_a_divergences_curve_crosses_one_half_at_its_own_radius(by, key, noise, q_a):
    r = rs.bounds.get(key).radius(noise, q_a=q_a, norm=noise.natural_norm)
    assert least_vote(noise, r, q_a=q_a, by=by).p_a == pytest.approx(0.5, abs=2e-8)


def exactly(noise, r, p, q):
    """The least vote at 60 digits, of laws of one coordinate moved by r."""
    r = mpf(r)
    if isinstance(noise, Gaussian):

        def score(tail):  # Newton's method for Phi(-x) = tail
            x = -mpmath.mpf(special.ndtri(float(tail)))
            for _ in range(8):
                x += (mpmath.ncdf(-x) - tail) / mpmath.npdf(x)
            return x

        x = score(q) if q < p else -score(p)
        at = x - r / mpf(noise.sigma)
        return mpmath.ncdf(at), mpmath.ncdf(-at)
    x = (-mpmath.log(2 * q) if q < p else mpmath.log(2 * p)) - r / mpf(noise.scale)
    small = mpmath.exp(-abs(x)) / 2
    return (small, 1 - small) if x < 0 else (1 - small, small)


@pytest.mark.parametrize("noise", [Gaussian(0.5), Laplace(0.5)], ids=str)
@pytest.mark.parametrize("r", [1e-9, 0.3, 4.0, 15.0])
def test_exact_least_votes_are_below_the_truth_and_right_in_both_tails(noise, r):
    with mpmath.workdps(60):
        for name in ("q_a", "p_a"):
            for given_ in (0.5, 0.3, 1e-3, 1e-17, 1e-100, 1e-300):
                found = least_vote(noise, r, **{name: given_})
                small = mpf(given_)
                p, q = (1 - small, small) if name == "q_a" else (small, 1 - small)
                least, lost = exactly(noise, r, p, q)
                assert least * (1 - mpf("1e-9")) - mpf("1e-307") <= found.p_a <= least
                assert lost <= found.q_a <= lost * (1 + mpf("1e-9"))


@pytest.mark.parametrize("by", ["kl", "chi2", "hellinger", "tv"])
@pytest.mark.parametrize("r", [1e-3, 0.3, 2.0])
def test_divergences_least_votes_spend_all_and_no_less(by, r):
    """At 60 digits the votes found are as far as the noise and its shift, or a little further: never nearer."""
    noise = Gaussian(1.0)
    with mpmath.workdps(60):
        budget = mpf(r) ** 2 / 2
        spent = {"kl": budget, "chi2": mpmath.expm1(2 * budget), "hellinger": 1 - mpmath.exp(-budget / 4),
                 "tv": mpmath.erf(mpf(r) / mpmath.sqrt(8))}[by]  # fmt: skip
        for q_a in (0.9, 0.5, 0.03, 1e-9, 1e-150):
            found = least_vote(noise, r, q_a=q_a, by=by)
            v, w = (1 - mpf(found.q_a), mpf(found.q_a)) if found.q_a < 0.5 else (mpf(found.p_a), 1 - mpf(found.p_a))
            q, p = mpf(q_a), 1 - mpf(q_a)
            if v == 0:
                v, w = mpf(10) ** -50, 1 - mpf(10) ** -50
            far = {
                "kl": v * mpmath.log(v / p) + w * mpmath.log(w / q),
                "chi2": (v - p) ** 2 / p + (w - q) ** 2 / q,
                "hellinger": 1 - mpmath.sqrt(v * p) - mpmath.sqrt(w * q),
                "tv": p - v,
            }[by]
            if found.p_a > 0:
                assert spent <= far <= spent * (1 + mpf("1e-8")) + mpf("1e-11"), q_a
            else:
                assert far <= spent * (1 + mpf("1e-10")) + mpf("1e-11"), q_a  # even no vote is near enough


def test_soap_bubbles_least_votes_are_those_of_the_reference():
    noise, r, level = PowerGaussian(1.0, 12.0, 40, inf, inf), 0.05, 0.1
    with mpmath.workdps(22):
        at = (mpf(level), mpf(-level))
        q, least = (reference.upper(x, mpf(r), noise.dim, mpf(noise.k), True, -40.0) for x in at)
        vote = {"q_a": float(q)} if q < 0.5 else {"p_a": float(1 - q)}
        found = least_vote(noise, r, **vote)
        assert least * (1 - mpf("1e-9")) <= found.p_a <= least


def test_the_shift_of_a_ball_is_its_worst_and_lengths_are_in_the_inputs_units():
    noise, votes = PowerGaussian(2.0, 10.0, 25), np.array([0.2, 0.9])
    vertex = least_vote(noise, 0.3, votes, norm=inf).p_a
    np.testing.assert_allclose(vertex, least_vote(noise, 0.3 * 5, votes).p_a, rtol=1e-12)
    half = PowerGaussian(1.0, 10.0, 25)
    np.testing.assert_allclose(least_vote(half, 0.15 * 5, votes).p_a, vertex, rtol=1e-12)
    for shape, other in ((2.0, Gaussian(sqrt(0.5))), (1.0, Laplace(1.0))):
        same = least_vote(GeneralizedGaussian(1.0, shape), 0.7, 0.8).p_a
        assert same == pytest.approx(least_vote(other, 0.7, 0.8).p_a, rel=1e-11)
    uniform = Uniform(1.0, 4)
    assert least_vote(uniform, 0.3, 0.9, by="tv").p_a == pytest.approx(0.9 - 0.15, rel=1e-10)
    spread = least_vote(uniform, 0.3, 0.9, by="tv", norm=inf).p_a  # all coordinates at once
    assert spread == pytest.approx(0.9 - (1 - 0.85**4), rel=1e-10)
    assert least_vote(uniform, 0.3, 0.9, by="tv", norm=inf).p_a == pytest.approx(0.9 - tv(uniform, Ball(0.3, inf)))
    assert renyi(uniform, Ball(0.3, 1.0), 1.0) == inf and least_vote(uniform, 0.3, q_a=0.0, by="kl").p_a == 0


@pytest.mark.parametrize("noise", [Gaussian(1.0, 9), Laplace(1.0), Uniform(1.0), PowerGaussian(1.0, 3.0, 9)], ids=str)
def test_edges(noise):
    certain = least_vote(noise, 0.5, q_a=0.0)
    assert certain.p_a == pytest.approx(0.75 if isinstance(noise, Uniform) else 1.0, rel=1e-11)
    assert least_vote(noise, 0.5, p_a=0.0) == rs.bound.Vote(1.0, 0.0)
    assert least_vote(noise, 0.0, 0.8).p_a == pytest.approx(0.8, rel=1e-11) and least_vote(noise, 0.0, 0.8).p_a <= 0.8
    assert least_vote(noise, inf, 0.8).p_a == 0 and least_vote(noise, 1e300, 0.8).p_a == 0
    for r, bad in ((-1.0, {"p_a": 0.8}), (np.nan, {"p_a": 0.8}), (1.0, {"p_a": 1.2}), (1.0, {"q_a": -0.1})):
        found = least_vote(noise, r, **bad)
        assert np.isnan(found.p_a) and np.isnan(found.q_a)
    found = least_vote(noise, np.array([[0.1], [0.2]]), q_a=[0.1, 0.2, 0.3])
    assert found.p_a.shape == found.q_a.shape == (2, 3) and isinstance(least_vote(noise, 0.1, 0.8).p_a, float)
    for by, votes in each_divergence(noise, [0.0, inf], p_a=0.8):
        assert votes.p_a[0] == pytest.approx(0.8, abs=1e-6) and votes.p_a[0] <= 0.8 and votes.p_a[1] == 0, by


@pytest.mark.parametrize(("noise", "more", "error", "words"), [
    (Gaussian(1.0), {"by": "js"}, ValueError, "by must be one of exact, renyi, .* got 'js'"),
    (Laplace(1.0), {"norm": 2}, UnsupportedNoiseError, "exact curve of Laplace .* l2 norm"),
    (ExponentialLinf(1.0, 9), {}, UnsupportedNoiseError, "exact curve of ExponentialLinf"),
    (PowerGaussian(1.0, 3.0, 9, inf, 2.0), {}, UnsupportedNoiseError, r"eq. \(9\) is left out, as each .* seconds"),
    (PowerGaussian(1.0, 8.9, 9, inf, 2.0), {}, UnsupportedNoiseError, "is not known here"),
    (Gaussian(1.0), {"norm": inf}, MissingDimensionError, "needs the dimension"),
    (Laplace(1.0), {"by": "renyi"}, UnsupportedNoiseError, "for Gaussian noise, got Laplace"),
    (Gaussian(1.0), {"p_a": None}, TypeError, "exactly one of p_a and q_a"),
    (Gaussian(1.0), {"norm": 0.5}, ValueError, "norm must be a number of at least 1"),
])  # fmt: skip
def test_what_is_not_known_is_refused_in_words(noise, more, error, words):
    with pytest.raises(error, match=words):
        least_vote(noise, 1.0, **({"p_a": 0.9} | more))
