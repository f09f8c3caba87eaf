"""Eqs. (22) to (31) of Hayes 2020 as printed, the weighted optimum, and the witness against the printed reading."""

from itertools import pairwise, product
from math import exp, gamma, inf, log

import numpy as np
import pytest
from scipy import optimize

from reproduce.printed import printed
from rsexplore import noises, tradeoff
from rsexplore.bound import Status, UnsupportedNoiseError
from rsexplore.divergences.generalized_gaussian import kappa_mp
from rsexplore.tradeoff import Certifies

GG = noises.GeneralizedGaussian
THREE, FOUR = GG(1.0, 3.0, 3072), GG(1.0, 4.0, 3072)


def test_the_printed_trade_offs_come_back():
    """0.86 and 1.44 of Section 3.2, and their counterparts of eq. (27)."""
    assert tradeoff.printed_equal(THREE, 0.99) == pytest.approx(0.8645781725, abs=1e-10)
    assert tradeoff.printed_frontier(THREE, 0.99).at(0.0) == pytest.approx(1.4416824529, abs=1e-10)
    assert tradeoff.budget(0.99) * gamma(1 / 3) / 3 == pytest.approx(1.4416824529, abs=1e-10)
    assert tradeoff.printed_equal(FOUR, 0.99) == pytest.approx(0.7820729065, abs=1e-10)
    assert tradeoff.printed_frontier(FOUR, 0.99).at(0.0) == pytest.approx(0.8922510621, abs=1e-10)
    texts = {cell.value for cell in printed("hayes")}
    assert {"0.86", "1.44"} <= texts


def test_the_printed_chain_ends_at_eq_21():
    for noise, ends in ((THREE, (1.44168217, 0.00682216)), (FOUR, (0.89219406, 0.11984061))):
        curve = tradeoff.printed_frontier(noise, 0.99)
        assert (curve.first[-1], curve.second[-1]) == pytest.approx(ends, abs=1e-8)
        assert curve.first[0] == pytest.approx(curve.second[0], rel=1e-9)
        low, high = curve.norms
        assert curve.first[-1] == pytest.approx(3072 ** (1 / low - 1 / high) * curve.second[-1], rel=1e-9)
        assert curve.status is Status.AS_PRINTED and curve.certifies is Certifies.INTERSECTION
        for first, second in zip(curve.first, curve.second, strict=True):
            radii = {int(low): first, int(high): second}
            assert tradeoff.printed_divergence(noise, radii) == pytest.approx(tradeoff.budget(0.99), rel=1e-9)


# ---------------------------------------------------------------- the weighted optimum


def tied(norms, costs, weights, most, offsets, groups):
    """Radii in logarithms at which groups move as one: weight over cost slope is the same for every group."""
    parts = [[i for i in range(len(norms)) if groups[i] == g] for g in range(groups[-1] + 1)]

    def cost(i, base, slope=False):
        return costs[i] * exp(norms[i] * (base + offsets[i])) * (norms[i] if slope else 1)

    def at(multiplier):
        bases = []
        for part in parts:
            wanted = sum(weights[norms[i]] for i in part) / multiplier

            def gap(y, part=part, wanted=wanted):
                return log(sum(cost(i, y, slope=True) for i in part) / wanted)

            bases.append(optimize.brentq(gap, -40, 40, xtol=1e-14))
        return bases

    def spent(m):
        return log(sum(cost(i, y) for y, part in zip(at(exp(m)), parts, strict=True) for i in part) / most)

    bases = at(exp(optimize.brentq(spent, -20, 20, xtol=1e-13)))
    return np.array([bases[groups[i]] + offsets[i] for i in range(len(norms))])


def enumerated(noise, weights, most, dim):
    """Best value over all active sets: each neighbouring pair free, tied at the lower end, or at the upper one."""
    norms = tradeoff.printed_norms(noise.shape)
    costs = [tradeoff.printed_divergence(noise, {j: float(j == k) for j in norms}) for k in norms]
    steps = np.array([(1 / a - 1 / b) * log(dim) for a, b in pairwise(norms)])
    best = -inf
    for ties in product(("free", "low", "high"), repeat=len(steps)):
        offsets, groups = [0.0], [0]
        for tie, step in zip(ties, steps, strict=True):
            groups.append(groups[-1] + (tie == "free"))
            offsets.append(0.0 if tie == "free" else offsets[-1] - (step if tie == "high" else 0.0))
        if any(sum(w for w, h in zip(weights.values(), groups, strict=True) if h == g) == 0 for g in set(groups)):
            continue  # nothing holds such a group up
        x = tied(norms, costs, weights, most, offsets, groups)
        gaps = x[:-1] - x[1:]
        if (gaps >= -1e-9).all() and (gaps <= steps + 1e-9).all():
            best = max(best, float(np.array(list(weights.values())) @ x))
    return best


@pytest.mark.parametrize("shape, dim, weights", [
    (6.0, 3072, {2: 1, 4: 1, 6: 1}), (6.0, 3072, {2: 1, 4: 0, 6: 0}), (6.0, 10, {2: 5, 4: 0.1, 6: 0.2}),
    (8.0, 3072, {2: 3, 4: 0.2, 6: 0.01, 8: 0.001}), (5.0, 3072, {1: 1, 3: 0.01, 5: 0.001}), (4.0, 3072, {2: 9, 4: 1}),
])  # fmt: skip
def test_the_weighted_optimum_is_that_of_all_active_sets(shape, dim, weights):
    noise = GG(1.0, shape, dim)
    found = tradeoff.weighted(noise, weights, 0.99)
    best = enumerated(noise, weights, tradeoff.budget(0.99), dim)
    value = sum(weights[k] * log(eps) for k, eps in found.items())
    assert value <= best + 1e-9 and value == pytest.approx(best, abs=1e-7)
    assert tradeoff.printed_divergence(noise, found) <= tradeoff.budget(0.99)
    for a, b in pairwise(sorted(found)):
        assert found[b] <= found[a] * (1 + 1e-12)
        assert found[a] <= dim ** (1 / a - 1 / b) * found[b] * (1 + 1e-12)


def test_without_the_chain_the_optimum_is_closed_form():
    noise = GG(0.25, 6.0, 3072)
    weights = {2: 1.0, 4: 2.0, 6: 3.0}
    found = tradeoff.weighted(noise, weights, 0.99, chain=False)
    most = tradeoff.budget(0.99)
    total = sum(w / k for k, w in weights.items())
    for k, w in weights.items():
        one = tradeoff.printed_divergence(GG(1.0, 6.0), {j: float(j == k) for j in weights})
        assert (found[k] / 0.25) ** k == pytest.approx(w * most / (k * one * total), rel=1e-9)

    def negative(x):
        return -sum(w * y for w, y in zip(weights.values(), x, strict=True))

    def left(x):
        return most - tradeoff.printed_divergence(noise, dict(zip(weights, np.exp(x), strict=True)))

    other = optimize.minimize(negative, [-2.0] * 3, constraints={"type": "ineq", "fun": left}, options={"ftol": 1e-12})
    assert -negative(np.log(list(found.values()))) == pytest.approx(-other.fun, abs=1e-6)


def test_for_two_norms_the_weights_trace_the_printed_frontier():
    curve = tradeoff.printed_frontier(FOUR, 0.99)
    for weight in (0.05, 0.3, 1.0):
        found = tradeoff.weighted(FOUR, {2: 1.0, 4: weight}, 0.99)
        assert curve.at(found[4]) == pytest.approx(found[2], rel=1e-8)


# ---------------------------------------------------------------- the witness


def test_no_l3_radius_of_0_86_is_certified():
    """GN_3, d = 3072: an even shift of l3 length 0.8646 leaves 3.2e-4 of a vote of 0.99."""
    found = tradeoff.witness(draws=8000, seed=1)
    assert found.radius == pytest.approx(0.8645781725, abs=1e-9)
    assert found.divergence == pytest.approx(16.488, abs=1e-3) and found.budget == pytest.approx(1.6144631, abs=1e-6)
    assert found.divergence == pytest.approx(float(3072 * kappa_mp(found.radius / 3072 ** (1 / 3), 3)), rel=1e-10)
    assert found.vote.low <= found.vote.high < 3.3e-4 and found.vote.low > 3.1e-4
    assert abs(found.sampled.value - found.vote.value) < 4 * found.sampled.error
    assert found.sampled.value + 10 * found.sampled.error < 0.5


def test_the_same_shift_is_safe_within_the_true_ball():
    ball = tradeoff.balls(THREE, 0.99, norms=(3,)).radii[3]
    found = tradeoff.witness(radius=ball, draws=8000)
    assert found.vote.low > 0.69 and found.divergence == pytest.approx(found.budget, rel=1e-9)
    assert abs(found.sampled.value - found.vote.value) < 4 * found.sampled.error < 0.1
    half = tradeoff.witness(radius=0.352, draws=1000)
    assert half.vote.value == pytest.approx(0.5, abs=0.01)


def test_bad_arguments_are_named():
    with pytest.raises(UnsupportedNoiseError, match="shapes 3 and 4, got shape 5"):
        tradeoff.printed_frontier(GG(1.0, 5.0, 4), 0.99)
    with pytest.raises(UnsupportedNoiseError, match="whole shape of at least 1, got shape=2.5"):
        tradeoff.printed_norms(2.5)
    with pytest.raises(ValueError, match=r"a radius for each of \(1, 3\), got \[3\]"):
        tradeoff.printed_divergence(THREE, {3: 1.0})
    with pytest.raises(ValueError, match=r"weights of at least 0 for the norms \[1, 3\]"):
        tradeoff.weighted(THREE, {1: 1.0}, 0.99)
    with pytest.raises(ValueError, match="without the chain needs weights above 0"):
        tradeoff.weighted(THREE, {1: 1.0, 3: 0.0}, 0.99, chain=False)
    with pytest.raises(ValueError, match="at least 10 / q_a draws, got draws=100"):
        tradeoff.sampled_vote(THREE, 0.1, 0.01, draws=100)
