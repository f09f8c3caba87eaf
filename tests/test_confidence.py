"""Bounds on a probability: against exact sums and integrals, at the ends, and in how often they fail when one looks.

Every procedure is tried on classifiers whose probabilities are known: it is wrong with a probability of at most alpha.
A classifier is a vector of class probabilities at one image and the true distance to where the smoothed class changes;
both come from the geometry. Votes are then drawn as counts, 20,000 certifications for each procedure.
"""

from dataclasses import dataclass, replace

import mpmath
import numpy as np
import pytest
from logs import STOP
from scipy import integrate, optimize, special, stats

import rsexplore as rs
from rsexplore import records
from rsexplore.confidence import (
    ABSTAINED,
    anytime_lower,
    anytime_tail,
    anytime_upper,
    clopper_pearson_lower,
    clopper_pearson_tail,
    clopper_pearson_upper,
    hoeffding_lower,
    log_evidence,
    prediction,
    top_two,
)
from rsexplore.log import Header, Row

FIXED = clopper_pearson_lower, clopper_pearson_tail, clopper_pearson_upper
ANYTIME = anytime_lower, anytime_tail, anytime_upper
families = pytest.mark.parametrize("family", [FIXED, ANYTIME], ids=["fixed", "anytime"])
CASES = [(1, 1), (1, 2), (1, 100), (7, 10), (50, 100), (99, 100), (990, 1000), (60_000, 100_000), (99_999, 100_000),
         (100_000, 100_000), (999_988, 1_000_000)]  # fmt: skip


def probability_of_at_least(count, n, p):
    """P(X >= count) for X ~ Binomial(n, p), p an mpf, by summing until the terms no longer matter."""
    term = mpmath.binomial(n, count) * p**count * (1 - p) ** (n - count)
    total = mpmath.mpf(0)
    for k in range(count, n + 1):
        total += term
        if k > n * p and term < total * mpmath.mpf(10) ** -40:
            break
        term *= p / (1 - p) * (n - k) / (k + 1)
    return total


@pytest.mark.parametrize("alpha", [1e-200, 1e-9, 0.001, 0.05, 0.3])
@pytest.mark.parametrize(("count", "n"), CASES)
def test_bounds_hold_in_exact_sums_and_are_not_loose(count, n, alpha):
    lower, tail = clopper_pearson_lower(count, n, alpha), clopper_pearson_tail(count, n, alpha)
    assert clopper_pearson_upper(n - count, n, alpha) == tail  # of the complement
    with mpmath.workdps(50):
        lower, tail, hair = mpmath.mpf(lower), mpmath.mpf(tail), mpmath.mpf("3e-9")
        # the exact bound p solves P(X >= count; p) = alpha, which grows with p: at ours it must not be above alpha
        for p, looser in ((lower, lower * (1 + hair)), (1 - tail, 1 - tail * (1 - hair))):
            assert probability_of_at_least(count, n, p) <= alpha < probability_of_at_least(count, n, looser) or p == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 99_999, 10**7, 10**9])
@pytest.mark.parametrize("alpha", [1e-200, 1e-100, 3e-51, 1e-16, 1e-12, 0.001, 0.3, 0.5, 1 - 1e-10])
def test_all_successes_have_the_closed_form_on_its_safe_side(n, alpha):
    with mpmath.workdps(260):
        exact = mpmath.mpf(alpha) ** (mpmath.mpf(1) / n)
        tail, lower = (mpmath.mpf(bound(n, n, alpha)) for bound in (clopper_pearson_tail, clopper_pearson_lower))
        room = mpmath.mpf("1e-14" if alpha > 1e-15 else "2e-13")
        assert exact * (1 - room) <= lower <= exact
        assert 1 - exact <= tail <= min((1 - exact) * (1 + room), 1)


@families
def test_ends_shapes_and_types(family):
    counts = np.array([[0, 50, 100]], dtype=np.float32)
    lower, tail, upper = (bound(counts, 100, [[0.001], [0.01]]) for bound in family)
    assert lower.shape == tail.shape == upper.shape == (2, 3) and lower.dtype == np.float64
    assert (lower[:, 0] == 0).all() and (tail[:, 0] == 1).all() and (upper[:, 2] == 1).all()
    assert np.allclose(lower + tail, 1, rtol=0, atol=1e-8)
    assert np.isnan([bound(*bad) for bound in family for bad in ((np.nan, 100, 0.001), (5, 100, np.nan))]).all()


@families
def test_bounds_are_ordered_and_grow_with_the_count(family):
    counts = np.arange(1001)
    lower, tail, upper = (bound(counts, 1000, 0.01) for bound in family)
    assert (np.diff(lower) >= 0).all() and (np.diff(upper) >= 0).all() and (np.diff(tail) <= 0).all()
    assert (lower <= counts / 1000).all() and (counts / 1000 <= upper).all()
    for looser in (anytime_lower, hoeffding_lower):
        assert (0 <= looser(counts, 1000, 0.01)).all()
        assert (looser(counts, 1000, 0.01) <= clopper_pearson_lower(counts, 1000, 0.01)).all()


OUT_OF_RANGE = [
    ((101, 100, 0.001), "count must be a whole number from 0 to n, got count=101"),
    ((-1, 100, 0.001), "count must be a whole number from 0 to n, got count=-1"),
    ((0, 0, 0.001), "n must be a whole number of at least 1, got n=0"),
    ((np.inf, np.inf, 0.001), "n must be a whole number of at least 1, got n=inf"),
    ((-np.inf, 5, 0.001), "count must be a whole number from 0 to n, got count=-inf"),
    ((1, 2, [0.5, 1.0]), "alpha must be between 0 and 1, both excluded, got alpha=1"),
    ((1, 2, 1e-201), "alpha must be at least 1e-200, got alpha=1e-201"),
]


@pytest.mark.parametrize("bound", [*FIXED, *ANYTIME, hoeffding_lower], ids=lambda bound: bound.__name__)
@pytest.mark.parametrize(("arguments", "words"), OUT_OF_RANGE)
def test_arguments_out_of_range_are_named(bound, arguments, words):
    with pytest.raises(ValueError, match=f"{bound.__name__}: {words}"):
        bound(*arguments)


# ---- Hoeffding, two classes, prediction ----


@pytest.mark.parametrize(("count", "n", "alpha"), [(900, 1000, 0.01), (5, 10, 0.3), (99_999, 100_000, 1e-12)])
def test_hoeffding_is_the_root_of_its_own_inequality(count, n, alpha):
    with mpmath.workdps(40):
        gap = mpmath.mpf(count) / n - mpmath.mpf(float(hoeffding_lower(count, n, alpha)))
        assert mpmath.exp(-2 * n * gap**2) <= alpha
        assert mpmath.exp(-2 * n * (gap * (1 - mpmath.mpf("1e-9"))) ** 2) > alpha * (1 - mpmath.mpf("1e-6"))


@pytest.mark.parametrize(("split", "share"), [({}, 0.9), ({"share": 0.5}, 0.5), ({"share": 0.25}, 0.25)])
def test_the_two_top_bounds_are_clopper_pearsons_at_their_parts_of_the_level(split, share):
    q_a, p_b = top_two([[3, 90, 7], [50, 50, 0], [0, 0, 100]], [1, 1, 0], 0.01, **split)
    assert np.array_equal(q_a, clopper_pearson_tail([90, 50, 0], 100, share * 0.01))
    assert p_b[0] == pytest.approx(clopper_pearson_upper(7, 100, (1 - share) * 0.01), rel=1e-12)
    assert p_b[1] == min(q_a[1], clopper_pearson_upper(50, 100, (1 - share) * 0.01))
    assert p_b[2] == q_a[2] == 1
    assert isinstance(top_two([10, 90], 1, 0.01)[0], float)


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_a_prediction_is_that_of_the_two_sided_binomial_test(alpha):
    counts = np.array([(a, b, c) for a in range(0, 41, 5) for b in range(0, 41, 4) for c in (0, 5) if a + b + c])
    for votes, found in zip(counts, prediction(counts, alpha), strict=True):
        second, first = np.sort(votes)[-2:]
        sure = stats.binomtest(int(first), int(first + second), 0.5).pvalue <= alpha
        assert found == (votes.argmax() if sure else ABSTAINED)


WRONG_VOTES = [
    (lambda: top_two([5], 0, 0.1), r"top_two: counts must have shape \(..., classes\) with two classes at least"),
    (lambda: top_two([60, 100, -60], 1, 0.1), "top_two: counts must be at least 0, got -60"),
    (lambda: top_two([5, 5], 0.0, 0.1), "top_two: predicted must be classes from 0 to 1, got 0.0"),
    (lambda: prediction(5, 0.1), r"prediction: counts must have shape \(..., classes\)"),
    (lambda: prediction([0, 0], 0.1), "prediction: n must be a whole number of at least 1, got n=0"),
    (lambda: prediction([1, 2], 0.0), "prediction: alpha must be between 0 and 1"),
    (lambda: top_two([5, 5], 0, 0.1, 1), "top_two: share, a part of alpha, must be between 0 and 1, got share=1"),
]


@pytest.mark.parametrize(("call", "words"), WRONG_VOTES)
def test_wrong_votes_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- every number of draws at once ----


def evidence(count, n, p):
    """log M by integrating the likelihood ratio over the arcsine weight, at 30 digits: p = sin(t)^2, t uniform."""
    with mpmath.workdps(30):
        p = mpmath.mpf(p)

        def ratio(t):
            q = mpmath.sin(t) ** 2
            return (q / p) ** count * ((1 - q) / (1 - p)) ** (n - count)

        peak, width, end = mpmath.asin(mpmath.sqrt(mpmath.mpf(count) / n)), 3 / mpmath.sqrt(n), mpmath.pi / 2
        ends = {mpmath.mpf(0), max(peak - width, 0), peak, min(peak + width, end), end}
        return mpmath.log(mpmath.quad(ratio, sorted(ends)) * 2 / mpmath.pi)


@pytest.mark.parametrize(("count", "n", "p"), [(0, 1, 0.3), (3, 5, 0.5), (40, 50, 0.7), (99, 100, 0.9), (7, 400, 0.01)])
def test_the_evidence_is_the_averaged_likelihood_ratio(count, n, p):
    assert float(log_evidence(count, n, p)) == pytest.approx(float(evidence(count, n, p)), abs=1e-10)
    assert log_evidence(1, 2, 0.0) == np.inf and np.isfinite(log_evidence(0, 2, 0.0))


def closed(count, n, p):
    """log M at 60 digits."""
    half = mpmath.mpf(1) / 2
    beta = mpmath.loggamma(count + half) + mpmath.loggamma(n - count + half) - mpmath.loggamma(n + 1)
    likelihood = (count * mpmath.log(p) if count else 0) + ((n - count) * mpmath.log1p(-p) if n > count else 0)
    return beta - mpmath.log(mpmath.pi) - likelihood


@pytest.mark.parametrize("alpha", [1e-200, 0.001, 0.05, 0.5])
@pytest.mark.parametrize(("count", "n"), [*CASES, (0, 5), (10**9 - 3, 10**9)])
def test_bounds_lie_outside_the_interval_and_hardly_so(count, n, alpha):
    with mpmath.workdps(60):
        needed = -mpmath.log(mpmath.mpf(alpha))
        lower, tail, upper = (mpmath.mpf(bound(count, n, alpha)) for bound in ANYTIME)
        for p, end in ((lower, 0), (upper, 1), (1 - tail, 0)):
            assert p == end or closed(count, n, p) >= needed
            # a hair towards the middle the evidence falls short; in units of the deviation at p
            inner = p + (mpmath.mpf(count) / n - p) * mpmath.mpf("1e-4")
            assert p == end or closed(count, n, inner) < needed + mpmath.mpf("1e-3")


@pytest.mark.parametrize("truth", [0.03, 0.5, 0.99])
def test_the_truth_is_ever_left_out_with_a_probability_of_at_most_alpha(truth):
    successes = np.cumsum(np.random.default_rng(0).random((RUNS, STEPS)) < truth, axis=1)
    out = (log_evidence(successes, np.arange(1, STEPS + 1), truth) >= -np.log(ALPHA)).any(axis=1)
    assert seldom(out) and out.any()  # a level far below alpha would be a wrong bound, too


def test_the_price_of_looking_and_of_the_last_draw_is_small():
    q_fixed, q_any = clopper_pearson_tail(99_000, 100_000, 0.001), anytime_tail(99_000, 100_000, 0.001)
    assert q_fixed < q_any < 1.1 * q_fixed  # a bound on 1 - p_A that is 6 % larger


OLD = Header(rs.noises.to_dict(rs.noises.Gaussian(0.5)), n0=100, n=1000, alpha=0.01, stop=STOP)
RUNS, N0, N, ALPHA, SIGMA, STEPS = 20_000, 100, 1000, 0.05, 0.5, 300
NOISE = rs.noises.Gaussian(SIGMA)
COHEN = rs.bounds.get("cohen-l2")


@dataclass(frozen=True)
class Known:
    """Class probabilities under noise at an image, and the l2 distance to the nearest image of another class."""

    name: str
    p: tuple[float, ...]
    distance: float


def half_space(distance):
    p = stats.norm.cdf(distance / SIGMA)
    return Known("half-space", (1 - p, p), distance)


def slab(width, place):
    """Class 1 where |x_1| < width, at x_1 = place; the slab is followed until it has half of the votes."""

    def p(x):
        return stats.norm.cdf((width - x) / SIGMA) - stats.norm.cdf((-width - x) / SIGMA)

    edge = optimize.brentq(lambda x: p(x) - 0.5, 0, 10)
    return Known("slab", (1 - p(place), p(place)), edge - place)


def ball(radius, dim, place):
    """Class 1 inside of a ball, at a distance `place` of its centre."""

    def p(x):
        return stats.ncx2.cdf((radius / SIGMA) ** 2, dim, (x / SIGMA) ** 2)

    edge = optimize.brentq(lambda x: p(x) - 0.5, 1e-6, 10)
    return Known("ball", (1 - p(place), p(place)), edge - place)


def linear(place):
    """Class k where x . w_k is the largest of three, w_k at angles of 120 degrees; on the axis of class 0."""

    def density(t):
        return stats.norm.pdf(t, place, SIGMA) * special.erf(np.sqrt(1.5) * t / SIGMA)

    first = integrate.quad(density, 0, place + 9)[0]  # the wedge of 60 degrees on either side of the axis
    # the plane between two classes is also that of the smoothed classifier, by symmetry
    return Known("three linear classes", (first, (1 - first) / 2, (1 - first) / 2), place * np.sin(np.pi / 3))


CLASSIFIERS = [half_space(0.3), half_space(1.0), slab(1.0, 0.1), ball(2.0, 9, 0.2), linear(0.5)]
known = pytest.mark.parametrize("known", CLASSIFIERS, ids=lambda k: f"{k.name} {max(k.p):.3f}")


def votes(known, n, seed=0, runs=RUNS):
    return np.random.default_rng(seed).multinomial(n, known.p, size=runs)


def seldom(wrong):
    """Whether so many failures are no sign against alpha."""
    return stats.binomtest(int(wrong.sum()), len(wrong), ALPHA, alternative="greater").pvalue > 1e-3


def selected(known, seed=1):
    return votes(known, N0, seed).argmax(axis=1)


@known
@pytest.mark.parametrize("tail", ["clopper-pearson", "hoeffding"])
def test_a_bound_on_the_selected_class(known, tail):
    chosen = selected(known)
    count = np.take_along_axis(votes(known, N), chosen[:, None], axis=1)[:, 0]
    q_a = exact = clopper_pearson_tail(count, N, ALPHA)
    if tail == "hoeffding":
        q_a = 1 - hoeffding_lower(count, N, ALPHA)
        assert (q_a >= exact).all()
    p_a = np.array(known.p)[chosen]
    wrong = q_a < 1 - p_a
    assert seldom(wrong)
    # a radius that passes the distance is one of a wrong bound
    radius = COHEN.radius(NOISE, q_a=np.minimum(q_a, 0.5))
    right = chosen == np.argmax(known.p)
    assert not (radius > known.distance)[right & ~wrong].any()


@known
def test_bilateral_bounds_hold_together(known):
    chosen = selected(known)
    q_a, p_b = top_two(votes(known, N), chosen, ALPHA)
    p = np.array(known.p)
    others = np.where(np.arange(len(p)) == chosen[:, None], 0, p).max(axis=1)
    wrong = (q_a < 1 - p[chosen]) | (p_b < others)
    assert seldom(wrong)
    right = (chosen == np.argmax(p)) & ~wrong & (1 - q_a > p_b)
    radius = COHEN.radius(NOISE, q_a=q_a[right], p_b=p_b[right])
    assert len(radius) and (radius <= known.distance).all()


def stopped(known, q, n, seed=2):
    """Counts of the likeliest class, and draws, when the evidence against q first decides or n is reached."""
    rng, p = np.random.default_rng(seed), max(known.p)
    count, draws = np.zeros(RUNS, dtype=int), np.zeros(RUNS, dtype=int)
    size = 20.0
    while (open_ := (draws < n) & (log_evidence(draws - count, draws, q) < np.log(2 / ALPHA))).any():
        step = min(int(size), n) - draws[open_]
        count[open_] += rng.binomial(step, p)
        draws[open_] += step
        size = size * 1.15 + 1
    return count, draws


@known
@pytest.mark.parametrize("share", [0.5, 0.95, 1.05], ids="wanted {} of what is true".format)
def test_an_image_that_ends_early_keeps_the_level(known, share):
    true_radius = SIGMA * stats.norm.ppf(max(known.p))
    q = stats.norm.sf(share * true_radius / SIGMA)
    count, draws = stopped(known, q, 5000)
    assert draws.min() < 5000
    seen = enumerate(zip(count.tolist(), draws.tolist(), strict=True))
    rows = [Row(i, 1, {1: N0}, {1: c, 0: d - c}, 0.0, None) for i, (c, d) in seen]
    q_a = records.from_rows(replace(OLD, n=5000, alpha=ALPHA), rows).q_a()
    wrong = q_a < 1 - max(known.p)
    assert seldom(wrong)
    assert not (COHEN.radius(NOISE, q_a=np.minimum(q_a, 0.5)) > known.distance)[~wrong].any()
    if share > 1:  # q is below what is true
        assert seldom(q_a <= q)


@known
def test_prediction_is_seldom_wrong_and_abstains_where_it_must(known):
    found = prediction(votes(known, 200), ALPHA)
    assert seldom((found != np.argmax(known.p)) & (found != ABSTAINED))


def test_prediction_between_two_equal_classes_errs_at_alpha():
    # no class is the right one here, so every answer is an error
    answered = prediction(votes(Known("tie", (0.45, 0.45, 0.1), 0.0), 400), ALPHA) != ABSTAINED
    assert seldom(answered) and answered.mean() > ALPHA / 2
