"""The test that ends images at a wanted radius: its level, exactly and by simulation, and each claim of its proof.

g(p) is the probability that votes of probability p are ever certified, if nobody gives up. The letters are those of the
proof in docs/certification.md.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
from scipy import stats

import rsexplore as rs
from rsexplore import noises
from rsexplore.confidence import anytime_tail, log_evidence
from rsexplore.log import Header, Row
from rsexplore.records import from_rows
from rsexplore.sequential import plan

ALPHAS, VOTES, DRAWS = (0.05, 0.01, 0.001, 1e-4), (0.501, 0.6, 0.9, 0.98, 0.9999), (100, 1000, 100_000)
GRID = [(p, n, alpha) for p in VOTES for n in DRAWS for alpha in ALPHAS]


@lru_cache
def crossing(test, p):
    """g(p), by adding up binomial sums: another recursion than the module's, over votes for the class."""
    mass, first, before, found = np.ones(1), 0, 0, 0.0
    for n, few in zip(test.sizes, test.few, strict=True):
        m = n - before
        low, high = (0, m) if m < 40 else (int(stats.binom.ppf(1e-20, m, p)), int(stats.binom.isf(1e-20, m, p)))
        mass = np.convolve(mass, stats.binom.pmf(np.arange(low, high + 1), m, p))
        first, before = first + low, n
        out = first + np.arange(len(mass)) >= n - few
        found, mass = found + mass[out].sum(), np.where(out | (mass < 1e-24), 0, mass)
        if not mass.any():
            break
        start, *_, end = np.flatnonzero(mass).repeat(2)
        mass, first = mass[start : end + 1], first + start
    return found


def walks(p, sizes, runs, seed=0):
    """Votes of every class, shape (looks, runs, classes), of simulated images."""
    rng, steps = np.random.default_rng(seed), np.diff(sizes, prepend=0)
    return np.cumsum([rng.multinomial(step, p, size=runs) for step in steps], axis=0)


def passed(test, votes):
    """Whether each class is ever certified, shape (runs, classes)."""
    up = np.array(test.sizes) - np.array(test.few)
    return (votes >= up[:, None, None]).any(0)


# ---- the level ----


@pytest.mark.parametrize(("p", "n", "alpha"), GRID)
def test_the_level_is_kept_and_used(p, n, alpha):
    if p**n > alpha:
        words = f"plan: {n} votes out of n={n} show no vote above .* at alpha=.*; raise n"
        with pytest.raises(ValueError, match=words):
            plan(1 - p, n, alpha)
        return
    test = plan(1 - p, n, alpha)
    level = crossing(test, p) + crossing(test, 1 - p)
    assert level <= alpha
    if n >= 10_000 and p <= 0.98:
        assert level >= 0.9 * alpha
    assert test.sizes[-1] == n and test.sizes == tuple(sorted(set(test.sizes)))


@pytest.mark.parametrize("p", VOTES[:-1])
def test_a_class_that_was_fixed_has_the_level_for_itself(p):
    level = crossing(plan(1 - p, 10_000, 0.001, both=False), p)
    assert 0.9 * 0.001 <= level <= 0.001


EVERY_PATH = (0.375, 60, 0.05), (0.46875, 45, 0.01), (0.25, 33, 0.01), (0.5, 60, 0.3)


@pytest.mark.parametrize(("q", "n", "alpha"), EVERY_PATH)
def test_no_path_of_three_classes_is_forgotten(q, n, alpha):
    # all of them, in whole numbers: p is a class's probability in units of 1 / 64, and so are all paths' in 64^-n
    test, edge = plan(q, n, alpha), 64 - int(64 * q)
    few = dict(zip(test.sizes, test.few, strict=True))

    def wrong(p):
        """P(a class whose probability is at most p* is ever certified)."""
        paths, found = {(0, 0): 1}, Fraction(0)
        for draws in range(1, n + 1):
            after = {}
            for (a, b), ways in paths.items():
                for votes, weight in (((a + 1, b), p[0]), ((a, b + 1), p[1]), ((a, b), p[2])):
                    if weight:
                        after[votes] = after.get(votes, 0) + ways * weight
            paths = {}
            for (a, b), ways in after.items():
                counts = zip((a, b, draws - a - b), p, strict=True)
                if any(draws - k <= few.get(draws, -1) for k, weight in counts if weight <= edge):
                    found += Fraction(ways, 64**draws)
                else:
                    paths[a, b] = ways
        return found

    def sum_of(p):
        return sum(crossing(test, weight / 64) for weight in p if weight <= edge)

    two, three = (edge, 64 - edge, 0), (edge, 32 - edge // 2, 32 - (edge + 1) // 2)
    for p in (two, three, (22, 21, 21), (edge + 1, 63 - edge, 0), (edge - 1, 2, 63 - edge)):
        assert wrong(p) <= Fraction(alpha)
        assert float(wrong(p)) <= sum_of(p) * (1 + 1e-9) and sum_of(p) <= sum_of(two) * (1 + 1e-9)
    alone = wrong((edge, 0, 64 - edge)) if 64 - edge > edge else None
    assert alone is None or float(alone) == pytest.approx(crossing(test, edge / 64), rel=1e-9)
    assert sum_of(two) <= alpha


@pytest.mark.parametrize(("p", "n", "alpha"), [(0.501, 1000, 0.01), (0.75, 1000, 0.001), (0.98, 1000, 0.05)])
def test_the_level_by_simulation(p, n, alpha):
    test, runs = plan(1 - p, n, alpha), 400_000
    rng, others, out = np.random.default_rng(1), np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=bool)
    for size, step, few in zip(test.sizes, np.diff(test.sizes, prepend=0), test.few, strict=True):
        others += rng.binomial(step, 1 - p, size=runs)
        out |= (others <= few) | (others >= size - few)
    assert out.mean() <= alpha + 3 * (alpha / runs) ** 0.5
    expected = crossing(test, p) + crossing(test, 1 - p)
    assert stats.binomtest(int(out.sum()), runs, expected).pvalue > 1e-3


MANY = (0.1,) * 10, (0.59,) + (0.041,) * 10
FEW = (0.6, 0.4), (0.601, 0.399), (0.3, 0.3, 0.4), (0.6, 0.1, 0.3)


@pytest.mark.parametrize("classes", [*MANY, *FEW], ids=str)
def test_classes_of_every_kind_keep_the_level_whoever_looks_and_ends(classes):
    # an adversary sees every vote, ends when he likes, goes on past every end: what is ever certified is all he gets
    test, runs = plan(1 - 0.6, 300, 0.05), 20_000
    wrong = passed(test, walks(classes, test.sizes, runs))[:, np.array(classes) <= 0.6].any(1)
    assert stats.binomtest(int(wrong.sum()), runs, 0.05, alternative="greater").pvalue > 1e-3
    if classes[0] == 0.6:
        assert wrong.mean() > 0.03  # and no level far below it


# ---- the proof, claim by claim ----

SOME = [(0.5, 1000, 0.001), (0.499, 100_000, 0.001), (0.4, 1000, 0.2), (0.1, 100, 0.01), (0.02, 100_000, 1e-4),
        (0.45, 500, 0.5), (0.3, 50, 0.9)]  # fmt: skip
some = pytest.mark.parametrize(("q", "n", "alpha"), SOME)


@some
def test_no_two_classes_pass_at_one_look_and_none_that_is_given_up(q, n, alpha):
    test = plan(q, n, alpha)
    sizes, few, many = (np.array(x) for x in test)
    assert (few < sizes * q).all() and (2 * few < sizes).all()
    assert (many > few).all() and many[-1] > n
    assert [test.verdict(k, n) for k in (few[-1], few[-1] + 1, n)] == [1, 0, 0]


@some
def test_g_grows_and_is_convex_from_0_to_the_edge(q, n, alpha):
    test, p = plan(q, n, alpha), np.linspace(0, 1 - q, 13)
    g = np.array([crossing(test, x) for x in p])
    assert g[0] == 0 and (np.diff(g) >= -1e-18).all()
    assert (np.diff(g, 2) >= -1e-15).all()
    assert crossing(test, (1 - q + 1) / 2) > g[-1]


@some
def test_every_path_to_a_boundary_has_a_convex_chance(q, n, alpha):
    # (p^s (1 - p)^f)'' >= 0 if and only if (s - n p)^2 >= s (1 - p)^2 + f p^2: at p* for the least s, so for all others
    test = plan(q, n, alpha)
    p = np.linspace(1e-3, 1 - q, 50)[:, None]
    for size, few in zip(test.sizes, test.few, strict=True):
        f = np.unique(np.linspace(0, few, 50).astype(int)) if few >= 0 else np.zeros(0)
        s = size - f
        assert ((s - size * p) ** 2 * (1 + 1e-9) >= s * (1 - p) ** 2 + f * p**2).all()


def test_a_boundary_at_which_it_would_not_be_convex_is_moved():
    # one deviation above n p* or more, whatever alpha
    test = plan(0.4, 1000, 0.9)
    assert test.few[-1] < 1000 * 0.4 - (1000 * 0.24) ** 0.5 + 1


@pytest.mark.parametrize(("q", "n", "alpha"), [case for case in SOME if case[1] <= 1000])
def test_the_sum_over_classes_is_largest_for_two_of_them(q, n, alpha):
    test, rng = plan(q, n, alpha), np.random.default_rng(0)
    two = crossing(test, 1 - q) + crossing(test, q)
    for shares in rng.dirichlet(np.full(4, 0.5), size=100):
        classes = rng.multinomial(40, shares) / 40
        assert sum(crossing(test, p) for p in classes if p <= 1 - q) <= two * (1 + 1e-9)


def test_giving_up_and_any_other_end_only_lower_what_is_certified():
    test = plan(0.4, 1000, 0.05)
    for q in (0.5, 0.4, 0.35):
        assert test.law(q)[:, 0].sum() <= crossing(test, 1 - q) * (1 + 1e-9)


@pytest.mark.parametrize(("q", "n"), [(0.4, 10_000), (0.1, 100_000), (0.02, 100_000)])
def test_a_tenth_of_hopeful_images_is_given_up(q, n):
    test = plan(q, n, 0.001)
    fixed = int(stats.binom.ppf(0.001, n, q)) - 1  # votes for others that n fixed draws certify
    hopeful = stats.beta.isf(0.9, fixed + 1, n - fixed)
    assert stats.binom.cdf(fixed, n, hopeful) == pytest.approx(0.9, abs=1e-6)
    assert test.law(hopeful)[:, 1].sum() == pytest.approx(0.1, abs=1e-3)
    law = test.law(q / 2)  # far above the edge
    assert law[:, 0].sum() > 0.999 and (law.sum(1) * test.sizes).sum() < n / 20


def test_the_law_is_that_of_simulated_images():
    test = plan(0.4, 1000, 0.05)
    votes = walks((0.63, 0.37), test.sizes, 20_000)[:, :, 1]
    few, many = (np.array(x)[:, None] for x in test[1:])
    kind = np.where(votes <= few, 1, np.where(votes >= many, -1, 0))
    first = (kind != 0).argmax(0)
    ended = kind[first, np.arange(votes.shape[1])]
    law = test.law(0.37)
    for value, column in ((1, 0), (-1, 1)):
        count = int((ended == value).sum())
        assert stats.binomtest(count, votes.shape[1], law[:, column].sum()).pvalue > 1e-3


# ---- how such a log is read ----

NOISE = noises.Gaussian(0.5, 64)
COHEN = rs.bounds.get("cohen-l2")
Q_A = float(COHEN.vote(NOISE, 0.25).q_a)
STOP = {"rule": "group-sequential 1", "radius": 0.25, "norm": 2.0, "bound": "cohen-l2", "q_a": Q_A}
HEADER = Header(noises.to_dict(NOISE), n0=0, n=1000, alpha=0.01, stop=STOP, select="votes")


def test_a_row_certifies_the_wanted_radius_or_nothing():
    rows = [Row(0, 1, {}, {1: 60, 0: 3}, 0.0, "certified"), Row(1, 1, {}, {1: 960, 0: 40}, 0.0, "certified"),
            Row(2, 1, {}, {1: 10, 0: 10}, 0.0, "given up"), Row(3, 1, {}, {1: 700, 0: 300}, 0.0, "at n")]  # fmt: skip
    found = from_rows(HEADER, rows)
    for alpha in (None, 0.01, 0.3):
        assert found.q_a(alpha).tolist() == [Q_A, Q_A, 1, 1]
    assert rs.accuracy.certified(found, COHEN, [0, 0.25, 0.25 * (1 + 1e-8)]).tolist() == [0.5, 0.5, 0]
    kl = rs.bounds.get("kl-l2").radius(NOISE, q_a=Q_A)  # of another bound, at the vote that was decided on
    assert rs.accuracy.certified(found, "kl-l2", [kl, np.nextafter(kl, 1)]).tolist() == [0.5, 0]
    words = "q_a: this run decided at alpha=0.01, which tells nothing at a smaller one, got alpha=0.001; read=.anytime."
    with pytest.raises(ValueError, match=words):
        found.q_a(0.001)
    with pytest.raises(ValueError, match="read must be 'run', or 'anytime' for a log of counts, got read='both'"):
        found.q_a(read="both")
    with pytest.raises(ValueError, match="top_two needs .* fixed number of draws, but this run stopped at what it saw"):
        found.top_two()
    any_time = found.q_a(0.001, read="anytime")
    assert any_time[:2].tolist() == [anytime_tail(60, 63, 0.0005), anytime_tail(960, 1000, 0.0005)]
    assert any_time[2] == 1  # not above 1/2, where another class may be as well
    assert rs.accuracy.certified(found, COHEN, 0.0, alpha=0.001, read="anytime") == 0.75


@pytest.mark.parametrize("classes", [(0.5, 0.5), (0.4, 0.35, 0.25), (0.7, 0.3), (0.95, 0.05)], ids=str)
@pytest.mark.parametrize("end", ["rule", "gone on", "killed", "greedy"])
def test_the_anytime_reading_covers_however_images_end(classes, end):
    test, runs, alpha = plan(Q_A, 1000, 0.01), 4000, 0.05
    votes = walks(classes, test.sizes, runs, seed=3)
    draws, top = np.array(test.sizes)[:, None], votes.max(2)
    few, many = (np.array(x)[:, None] for x in test[1:])
    ends = (draws - top <= few) | (draws - top >= many) | (draws == 1000)
    at = ends.argmax(0)
    if end == "gone on":  # past that end, to the last draw or to some look
        at = np.maximum(at, np.random.default_rng(0).integers(0, len(test.sizes), runs))
    elif end == "killed":  # wherever it was
        at = np.minimum(at, np.random.default_rng(0).integers(0, len(test.sizes), runs))
    elif end == "greedy":  # by who knows what is true, and waits for what speaks most against it
        at = log_evidence(top, draws, max(classes)).argmax(0)
    counts = votes[at, np.arange(runs)].tolist()
    rows = [Row(i, 0, {}, dict(enumerate(one)), 0.0, "given up") for i, one in enumerate(counts)]
    found = from_rows(HEADER, rows)
    wrong = 1 - found.q_a(alpha, read="anytime") > np.array(classes)[found.predict]
    assert stats.binomtest(int(wrong.sum()), runs, alpha, alternative="greater").pvalue > 1e-3
    if end == "greedy" and classes == (0.5, 0.5):
        assert wrong.any()
