"""Every procedure, on classifiers whose probabilities are known: it is wrong with a probability of at most alpha.

A classifier is a vector of class probabilities at one image and the true distance to where the smoothed class changes;
both come from the geometry. Votes are then drawn as counts, 20,000 certifications for each procedure.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

import rsexplore as rs
from rsexplore import confidence
from rsexplore.confidence import decision, stopped_tail

RUNS, N0, N, ALPHA, SIGMA = 20_000, 100, 1000, 0.05, 0.5
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
    if tail == "clopper-pearson":
        q_a = confidence.clopper_pearson_tail(count, N, ALPHA)
    else:
        q_a = 1 - confidence.hoeffding_lower(count, N, ALPHA)
        assert (q_a >= confidence.clopper_pearson_tail(count, N, ALPHA)).all()
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
    q_a, p_b = confidence.top_two(votes(known, N), chosen, ALPHA)
    p = np.array(known.p)
    others = np.where(np.arange(len(p)) == chosen[:, None], 0, p).max(axis=1)
    wrong = (q_a < 1 - p[chosen]) | (p_b < others)
    assert seldom(wrong)
    right = (chosen == np.argmax(p)) & ~wrong & (1 - q_a > p_b)
    radius = COHEN.radius(NOISE, q_a=q_a[right], p_b=p_b[right])
    assert len(radius) and (radius <= known.distance).all()


def stopped(known, q, n, seed=2):
    """Counts of the likeliest class, and draws, when `decision` first decides or n is reached."""
    rng, p = np.random.default_rng(seed), max(known.p)
    count, draws = np.zeros(RUNS, dtype=int), np.zeros(RUNS, dtype=int)
    size = 20.0
    while (open_ := (draws < n) & ((draws == 0) | (decision(count, np.maximum(draws, 1), q, ALPHA / 2) == 0))).any():
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
    q_a = stopped_tail(count, draws, 5000, ALPHA)
    wrong = q_a < 1 - max(known.p)
    assert seldom(wrong)
    assert not (COHEN.radius(NOISE, q_a=np.minimum(q_a, 0.5)) > known.distance)[~wrong].any()
    found = decision(count, draws, q, ALPHA)
    assert seldom(found == (-1 if share < 1 else 1))
    if share == 0.5 and max(known.p) > 0.9:
        assert (found == 1).mean() > 1 - ALPHA and np.median(draws) < 500


@known
def test_prediction_is_seldom_wrong_and_abstains_where_it_must(known):
    found = confidence.prediction(votes(known, 200), ALPHA)
    assert seldom((found != np.argmax(known.p)) & (found != confidence.ABSTAINED))


def test_prediction_between_two_equal_classes_errs_at_alpha():
    tie = Known("tie", (0.45, 0.45, 0.1), 0.0)
    found = confidence.prediction(votes(tie, 400), ALPHA)
    # no class is the right one here, so every answer is an error
    assert seldom(found != confidence.ABSTAINED)
    assert (found != confidence.ABSTAINED).mean() > ALPHA / 2


def test_a_rival_taken_from_the_selection_sample_would_break_the_bilateral_bound():
    """Why the rival's bound is that of the largest other count."""
    p = (0.49, 0.06, *[0.05] * 9)
    estimation = votes(Known("close rivals", p, 0.0), N)
    rival = 1 + votes(Known("close rivals", p, 0.0), N0, 1)[:, 1:].argmax(axis=1)
    count = np.take_along_axis(estimation, rival[:, None], axis=1)[:, 0]
    naive = confidence.clopper_pearson_upper(count, N, ALPHA / 2)
    ours = confidence.top_two(estimation, np.zeros(RUNS, dtype=int), ALPHA)[1]
    assert (naive < p[1]).mean() > 2 * ALPHA
    assert seldom(ours < p[1])
