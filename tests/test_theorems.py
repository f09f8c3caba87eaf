"""What only the notebooks need of single papers.

Teng et al.: Theorem 1's two terms, Remark 2, Theorem 3's witness, the mixed law of T, ROPS. The lecture: every step of
the derivation, the three constants against integrals. Hayes: Proposition 1 as printed, right, and where it changes.
"""

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special, stats

from reproduce import laplace_law, lipschitz, proposition1, rops
from reproduce.laplace_law import HalfLine, LikelihoodLaw
from rsexplore import bounds, noises

NOISE = noises.Laplace(0.8)
STEPS = lipschitz.derivation()
ROWS = proposition1.rows()


def test_theorem_1_is_the_larger_of_its_terms():
    q_a = np.geomspace(1e-12, 0.6, 60)[:, None]
    p_b = q_a * np.geomspace(1e-6, 1, 30)
    terms = laplace_law.theorem_1_terms(NOISE, 1 - q_a, p_b)
    assert np.maximum(*terms) == pytest.approx(bounds.get("teng-l1").radius(NOISE, 1 - q_a, p_b=p_b), rel=1e-12)


def test_remark_2_is_the_interval_of_the_printed_roots():
    p_a = np.linspace(0.5, 0.999, 300)
    low, high = laplace_law.remark_2_interval(p_a)
    root = np.sqrt(1 - 4 * p_a * (1 - p_a) + 1e-300)
    printed = [(1 - 2 * p_a * (1 - p_a) + sign * root) / (2 * p_a) for sign in (-1, 1)]
    assert low == pytest.approx(printed[0], abs=1e-12) and high == pytest.approx(printed[1], abs=1e-12)


def test_figure_4_region_is_remark_2():
    p_a, p_b = np.meshgrid(np.linspace(0.02, 0.99, 120), np.linspace(0.011, 0.49, 110))
    region = laplace_law.figure_4_region(p_a, p_b)
    low, high = laplace_law.remark_2_interval(p_a)
    inside = (p_b > low * (1 + 1e-9)) & (p_b < high)
    known = ~np.isnan(region)
    assert known.any() and (np.isnan(region) == ((p_b > p_a) | (p_b > 1 - p_a))).all()
    assert (region[known & inside] == 1).all()
    assert (region[known & (p_b < low * (1 - 1e-9)) & (p_b < p_a)] == -1).all()
    # for p_A < 1/2 nothing feasible is inside
    assert not (region[known & (p_a < 0.5)] == 1).any()


@pytest.mark.parametrize("q_a", [0.5, 0.3, 0.01, 1e-9])
def test_theorem_3_witness_flips_just_beyond_the_radius(q_a):
    witness, law = HalfLine.of(NOISE, q_a), stats.laplace(scale=0.8)
    radius = float(bounds.get("teng-l1-binary").radius(NOISE, q_a=q_a))
    assert witness.threshold == pytest.approx(radius, rel=1e-12)
    assert witness.other(0) == pytest.approx(q_a, rel=1e-12)
    for shift in (0.0, 0.5 * radius, radius, 1.7 * radius + 0.1):
        assert witness.other(shift) == pytest.approx(law.sf(witness.threshold - shift), rel=1e-12)
    assert witness.other(radius) <= 0.5 < witness.other(radius * (1 + 1e-9) + 1e-9)


def test_law_on_an_axis():
    law = LikelihoodLaw(0.8, (0.0, -1.5))  # signs and zeros do not matter
    assert list(law.atoms) == pytest.approx([-1.5, 1.5])
    assert list(law.atoms.values()) == pytest.approx([np.exp(-1.5 / 0.8) / 2, 0.5])
    t = np.linspace(-1.5, 1.49, 50)
    assert law.cdf(t) == pytest.approx(np.exp(-(1.5 - t) / 1.6) / 2, rel=1e-12)
    assert law.cdf([-1.51, 1.5, 9.0]) == pytest.approx([0, 1, 1])
    # Figure 3: the inverse of 0.85 does not exist
    assert law.quantile(0.85) == (1.5, False)
    for level in (0.01, 0.1, 0.3, 0.49, 0.7):
        # the inverse of the function above, from the lower atom's weight up to the jump at 1/2
        closed = max(-1.5, min(1.5, 1.5 + 1.6 * np.log(2 * level)))
        assert law.quantile(level) == (pytest.approx(closed, abs=1e-12), np.exp(-1.5 / 0.8) / 2 <= level <= 0.5)


SHIFTS = [(1.0,), (0.5, 1.2), (0.3, 0.3, 0.9), (0.2, 0.2, 0.2, 1.0), (0.5,) * 5, (10.0, 20.0)]


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_law_against_samples_and_the_likelihood_identity(shift):
    law = LikelihoodLaw(0.8, shift)
    assert law.cdf(sum(shift)) == 1 and sum(law.atoms.values()) < 1
    t = np.linspace(-1.01 * sum(shift), 1.01 * sum(shift), 151)
    found = law.cdf(t)
    assert (np.diff(found) >= -1e-13).all()
    x = noises.Laplace(0.8).draw(np.random.default_rng(0), (100_000, len(shift)))
    draws = np.sort(np.abs(x - shift).sum(1) - np.abs(x).sum(1))
    sampled = np.searchsorted(draws, t + 1e-9, side="right") / len(draws)
    assert np.abs(found - sampled).max() < 1.95 / np.sqrt(len(draws))  # Kolmogorov, 0.1 %
    for at, weight in law.atoms.items():
        assert np.mean(np.abs(draws - at) < 1e-9) == pytest.approx(weight, abs=4 * np.sqrt(weight / len(draws)) + 1e-9)
    # under the shifted noise T has the mirrored law: P(T = t | shifted) = exp(-t / scale) P(T = t) = P(T = -t)
    for at, weight in law.atoms.items():
        mirrored = next(w for other, w in law.atoms.items() if abs(other + at) < 1e-9)
        assert np.exp(-at / 0.8) * weight == pytest.approx(mirrored, rel=1e-9)


@pytest.mark.parametrize("shift", SHIFTS[1:3], ids=str)
def test_quantiles_off_axis_say_where_there_is_none(shift):
    law = LikelihoodLaw(0.8, shift)
    for level in np.linspace(0.02, 0.98, 25):
        value, exists = law.quantile(float(level))
        assert law.cdf(value) >= level - 1e-12
        assert law.cdf(value - 1e-7) < level + 1e-12
        assert exists == (abs(float(law.cdf(value)) - level) < 1e-9)


@pytest.mark.parametrize("family", [noises.Gaussian, noises.Laplace])
def test_rops_sets_are_intervals_and_end_where_the_radius_is_met(family):
    law = stats.norm() if family is noises.Gaussian else stats.laplace(scale=np.sqrt(0.5))
    for x in (0.0, 0.1, 0.3, 0.7, 0.95, -0.3):
        for radius in (0.0, 0.01, 0.25, 0.5, 0.9, 0.97):
            found = rops.feasible(family, x, radius)
            if radius >= 1 - abs(x):
                assert found.intervals == () and found.largest == 0
                continue
            assert found.is_interval_from_zero
            sigma = found.largest
            against = law.sf((1 - x) / sigma) + law.sf((1 + x) / sigma)
            assert sigma * law.isf(against) == pytest.approx(radius, abs=1e-9)


@pytest.mark.parametrize("family", [noises.Gaussian, noises.Laplace])
def test_outside_the_interval_the_smoothed_classifier_says_what_the_base_one_does(family):
    law = stats.norm() if family is noises.Gaussian else stats.laplace(scale=np.sqrt(0.5))
    for x in (1.0000001, 1.5, -1.5, 30.0):
        for sigma in (1e-3, 0.2, 1.0, 7.0, 1e3):
            inside = law.cdf((1 - x) / sigma) - law.cdf((-1 - x) / sigma)
            assert inside < 0.5 and rops.probability_against(family, x, sigma) == pytest.approx(inside, abs=1e-12)
        found = rops.feasible(family, x)
        assert found.is_interval_from_zero and found.largest == np.inf
    assert rops.feasible(family, 1.0).intervals == ()  # it says A there, and half of the noise falls outside
    assert rops.feasible(family, 0.999).largest < 1
    # a radius beyond the boundary takes noise enough, as that moves the boundary inwards
    (low, high), *more = rops.feasible(family, 1.5, 0.6).intervals
    assert more == [] and high == 1e3 and rops.certified(family, 1.5, low) == pytest.approx(0.6, abs=1e-9)
    assert rops.feasible(family, 1.5, 0.4).is_interval_from_zero


def test_rops_cross_where_the_documents_say():
    found = [rops.feasible(family).largest for family in (noises.Laplace, noises.Gaussian)]
    assert found == pytest.approx([np.sqrt(2) / np.log(2), 1 / stats.norm.ppf(0.75)], rel=1e-12)
    gap = lambda x: rops.feasible(noises.Laplace, x).largest - rops.feasible(noises.Gaussian, x).largest  # noqa: E731
    assert gap(0.970) > 0 > gap(0.975) and gap(0.974626) > 0 > gap(0.974628)
    radius, x = [0.1, 0.49003, 0.49004], [0.1, 0.9, 0.99]
    for against, wanted in ((rops.against_radius, radius), (rops.against_x, x)):
        laplace, gaussian = (against(family, wanted) for family in (noises.Laplace, noises.Gaussian))
        assert (np.diff(laplace) < 0).all() and (laplace > gaussian).tolist() == [True, True, False]


@pytest.mark.parametrize("call, words", [
    (lambda: HalfLine.of(NOISE, 0.6), r"q_a must be in \(0, 1/2\], got q_a=0.6"),
    (lambda: LikelihoodLaw(1.0, (1.0,) * 7), "shift must have 1 to 6 coordinates that are not 0, got 7"),
    (lambda: LikelihoodLaw(-1.0, (1.0,)), "scale must be positive"),
    (lambda: LikelihoodLaw(1.0, (1.0,)).quantile(1.0), "level must be in .* got level=1"),
    (lambda: rops.feasible(noises.Uniform), "knows Gaussian and Laplace noise, got Uniform"),
])  # fmt: skip
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# the lecture


@pytest.mark.parametrize("title", STEPS)
def test_every_step_is_an_identity(title):
    left, right = (side.doit() for side in STEPS[title].args)
    assert sp.simplify(left - right) == 0
    # and in numbers, where PhiInv is SciPy's
    values = {"sigma": 0.7, "x": 0.3, "a": -0.2, "w": 1.1, "p": 0.8, "p_A": 0.9, "p_B": 0.04, "L": 2.0, "d": 7}
    symbols = sorted(STEPS[title].free_symbols, key=str)
    both = sp.lambdify(symbols, [left, right], modules=[{"PhiInv": special.ndtri}, "scipy"])
    one, other = both(*(values[s.name] for s in symbols))
    assert one == pytest.approx(other, rel=1e-12)


def test_steps_lead_from_theorem_0_to_the_bounds():
    first, *_, last = STEPS
    assert first.startswith("Theorem 0") and last.startswith("Theorem 1")
    assert sp.simplify(STEPS[last].rhs - bounds.get("cohen-l2").formula.plain) == 0
    for key, constant in (("lipschitz-dimension-l2", lipschitz.DIMENSION), ("lipschitz-l2", lipschitz.GLOBAL)):
        assert sp.simplify(lipschitz.RADIUS.subs(lipschitz.L, constant) - bounds.get(key).formula.plain) == 0


@pytest.mark.parametrize("score", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_local_constant_is_the_largest_slope_of_any_score(score):
    """Half-lines attain it; other sets of the same probability (two-sided, bands) stay below."""
    deviation = 0.7
    dimension, top, local = lipschitz.constants(deviation, 3072, score)
    assert local <= top <= dimension and (local == pytest.approx(top, rel=1e-12)) == (score == 0.5)
    assert dimension == pytest.approx(np.sqrt(3072) / deviation) and top == pytest.approx(stats.norm.pdf(0) / deviation)
    edge = stats.norm.ppf(1 - score)
    slope = integrate.quad(lambda z: z / deviation * stats.norm.pdf(z), edge, np.inf)[0]
    assert local == pytest.approx(slope, rel=1e-9)
    for share in (0.1, 0.5):  # z < a or z > b with the same probability
        low, high = stats.norm.ppf(share * score), stats.norm.isf((1 - share) * score)
        assert (stats.norm.pdf(high) - stats.norm.pdf(low)) / deviation < local


def test_integral_of_the_inverse_local_constant_is_theorem_1():
    """Walking from p_B to p_A at the largest slope allowed takes 2 R; no antiderivative is used."""
    local = lambda s: lipschitz.constants(0.5, 1, s)[2]  # noqa: E731
    length = integrate.quad(lambda s: 1 / local(s), 0.2, 0.9, epsabs=1e-9)[0]
    assert length == pytest.approx(0.5 * (stats.norm.ppf(0.9) - stats.norm.ppf(0.2)), rel=1e-8)


# Proposition 1 of Hayes


def test_items_as_printed_and_as_they_are():
    assert [row.number for row in ROWS] == [1, 2, 3, 4, 5, 6]
    assert [row.printed_holds for row in ROWS] == [True] * 6
    assert [row.corrected_holds for row in ROWS] == [True, False, True, True, False, True]
    assert [row.printed.relation for row in ROWS] == [">", ">", ">", "=", "> then <", ">"]
    assert [row.corrected.relation for row in ROWS] == [">", "=", ">", "=", "<", ">"]
    fails = [row.number for row in ROWS if row.counterexample]
    assert fails == [2, 3, 5, 6]
    assert ROWS[1].printed.ratios == pytest.approx((np.sqrt(2), np.sqrt(2)), rel=1e-11)
    assert ROWS[5].printed.ratios[0] == pytest.approx(1.79940402, abs=1e-6)
    assert ROWS[5].corrected.ratios[0] == pytest.approx(2.54474156, abs=1e-5)
    text = str(proposition1.table())
    assert "> then < at 0.9980876129" in text and "no counterexample" in text
    assert "hellinger-l2 > kl-l2 on (1/2, 0.998)" in text


def test_the_crossing_of_item_5_is_a_power_of_the_tribonacci_constant():
    with mpmath.workdps(30):
        w = mpmath.findroot(lambda w: w**3 + w**2 + w - 1, 0.54)
        crossing = float((1 + mpmath.sqrt(1 - w**8)) / 2)
    assert ROWS[4].printed.crossing == pytest.approx(crossing, abs=1e-13)
    assert crossing == pytest.approx(0.998087612945746, abs=1e-15)
    assert all(row.printed.crossing is None for row in ROWS if row.number != 5)


def test_counterexamples_with_a_third_class_are_some():
    for row, (left, right) in zip(ROWS, [item[:2] for item in proposition1.ITEMS], strict=True):
        if row.counterexample:
            p_a, p_b = row.counterexample
            radii = [float(bounds.get(key).radius(noises.Gaussian(1.0), p_a, p_b=p_b)) for key in (left, right)]
            assert radii[0] < radii[1] and p_a + p_b <= 1
    chi2, hellinger = (
        float(bounds.get(k).radius(noises.Gaussian(1.0), 0.3, p_b=0.1)) for k in ("chi2-l2", "hellinger-l2")
    )
    assert (chi2, hellinger) == pytest.approx((0.324593, 0.329609), abs=1e-6)
