"""Least divergences of a class change against direct minimisation over the simplex, by BFGS and linear programs."""

import mpmath
import numpy as np
import pytest
from scipy import optimize

from rsexplore import divergences
from rsexplore.divergences import least_mr, least_over_order
from rsexplore.formula import Formula
from rsexplore.notation import p_A, p_B


def kl(q, p):
    return np.sum(q * np.log(q / p))


def renyi(order):
    return lambda q, p: np.log(np.sum(q**order * p ** (1 - order))) / (order - 1)


def bhattacharyya(q, p):
    return -np.log(np.sum(np.sqrt(q * p)))


SMOOTH = {
    "KL": (kl, divergences.LeastKL.floats),
    "reverse KL": (lambda q, p: kl(p, q), divergences.LeastReverseKL.floats),
    "H2": (bhattacharyya, divergences.LeastHellinger.floats),
    "chi2": (lambda q, p: np.log(np.sum(q**2 / p)), divergences.LeastChi2.floats),
    "B": (bhattacharyya, divergences.LeastBhattacharyya.floats),
    **{f"Renyi {o}": (renyi(o), lambda *a, o=o: divergences.LeastRenyi.floats(o, *a)) for o in (0.25, 0.5, 1.4, 2, 5)},
    # the curve divides by the order; below 0 it is the reverse divergence of order 1 - o over 1 - o
    **{
        f"curve {o}": (
            lambda q, p, o=o: renyi(1 - o)(p, q) / (1 - o),
            lambda a, qa, b, qb, o=o: least_over_order(o, a, p_b=b),
        )
        for o in (-0.5, -3.0)
    },
}
LINEAR = {
    "TV": (0.0, False, divergences.LeastTV.floats),
    **{f"stick {e}": (e, False, lambda *a, e=e: divergences.LeastHockeyStick.floats(e, *a)) for e in (0.0, 0.1, 0.5)},
    **{
        f"reverse stick {e}": (e, True, lambda *a, e=e: divergences.LeastReverseHockeyStick.floats(e, *a))
        for e in (0.0, 0.1, 0.4)
    },
}


def votes_of(classes, seed):
    rng = np.random.default_rng(seed)
    return [np.sort(rng.dirichlet(np.ones(classes) * 2))[::-1] for _ in range(4)]


def closed_at(closed, p):
    # p_B = 1 - p_A to the last digit for two classes, as everywhere else
    pa, pb = p[0], 1 - p[0] if len(p) == 2 else p[1]
    with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
        return float(closed(pa, 1 - pa, pb, 1 - pb))


def least(divergence, p):
    """Minimum over votes in which the first class ties with any other."""
    if len(p) == 2:
        return divergence(np.array([0.5, 0.5]), p)

    def votes(free, other):
        tie = 1 / (1 + np.exp(-free[0]))  # share of the two classes together
        rest = np.exp(free[1:] - free[1:].max())
        return np.insert((1 - tie) * rest / rest.sum(), [0, other - 1], tie / 2)

    def best(other):
        start = np.concatenate([[0.5], np.log(np.delete(p, [0, other]))])
        options = {"gtol": 1e-9, "maxiter": 5000}
        return optimize.minimize(lambda x: divergence(votes(x, other), p), start, method="BFGS", options=options).fun

    return min(best(other) for other in {1, 2, len(p) - 1})


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_value_is_the_minimum_over_the_simplex(name, classes):
    divergence, closed = SMOOTH[name]
    for p in votes_of(classes, classes):
        assert closed_at(closed, p) == pytest.approx(least(divergence, p), rel=0, abs=1e-10)


def least_excess(p, eps, reverse):
    """Minimum of sum (q - exp(eps) p)_+, or of sum (p - exp(eps) q)_+, over votes with q_1 <= q_j: linear programs."""
    k, growth = len(p), np.exp(eps)
    found = []
    for other in range(1, k):
        tie = np.zeros(2 * k)
        tie[0], tie[other] = 1, -1
        excess = np.hstack([(-growth if reverse else 1) * np.eye(k), -np.eye(k)])
        limits = np.concatenate([[0], -p if reverse else growth * p])
        total = np.concatenate([np.ones(k), np.zeros(k)])[None]
        cost = np.concatenate([np.zeros(k), np.ones(k)])
        found.append(optimize.linprog(cost, np.vstack([tie, excess]), limits, total, [1]).fun)
    return min(found)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_hockey_stick_is_the_minimum_over_the_simplex(name, classes):
    eps, reverse, closed = LINEAR[name]
    for p in votes_of(classes, classes):
        assert closed_at(closed, p) == pytest.approx(least_excess(p, eps, reverse), rel=0, abs=1e-10)


def feasible(p, eps, forward, backward):
    """Whether votes with q_1 <= q_2 have log-ratios of at most eps (q over p), at least -eps, or both.

    Without the condition on their sum they are a convex set, over which the sum takes every value between its ends.
    """
    least, most = p * np.exp(-eps) if backward else 0 * p, p * np.exp(eps) if forward else 1 + 0 * p
    if least[0] > most[1]:
        return False
    least[1], most[0] = max(least[:2]), min(most[:2])
    return least.sum() <= 1 <= most.sum()


@pytest.mark.parametrize(
    ("piece", "forward", "backward"),
    [
        (divergences.LeastInfinite, True, False),
        (divergences.LeastReverseInfinite, False, True),
        (divergences.LeastPure, True, True),
    ],
)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_infinite_divergence_is_where_votes_begin_to_exist(piece, forward, backward, classes):
    for p in votes_of(classes, classes):
        eps = closed_at(piece.floats, p)
        assert feasible(p, eps + 1e-12, forward, backward) and not feasible(p, eps - 1e-12, forward, backward)


def largest_over_orders(q, p):
    """D_MR(Q, P) by brute force, for q and p of shape (classes,)."""
    a = 1 + np.geomspace(1e-7, 60, 3000)[:, None]
    return max(kl(q, p), np.max(np.log(np.sum(q**a * p ** (1 - a), axis=1)) / (a[:, 0] - 1) / a[:, 0]))


@pytest.mark.parametrize("p", [(0.6, 0.3, 0.1), (0.5, 0.1, 0.4), (0.4, 1e-4, 0.5999), (0.1, 0.01, 0.89)], ids=str)
def test_least_mr_is_the_minimum_over_the_simplex(p):
    p = np.array(p)
    low, high = 1e-6, 0.4999
    for _ in range(4):  # the minimum may be a kink
        ties = np.linspace(low, high, 200)
        scanned = [largest_over_orders(np.array([t, t, 1 - 2 * t]), p) for t in ties]
        best = int(np.argmin(scanned))
        low, high = ties[max(best - 1, 0)], ties[min(best + 1, 199)]
    assert float(least_mr(p[0], p_b=p[1])) == pytest.approx(scanned[best], rel=2e-6)
    # with more classes the share of the rest may be split in any way: in proportion is best
    split = np.array([p[0], p[1], 0.3 * p[2], 0.7 * p[2]])
    other = np.array([low, low, 0.4 * (1 - 2 * low), 0.6 * (1 - 2 * low)])
    assert largest_over_orders(other, split) > scanned[best]


def test_special_orders_of_the_renyi_curve():
    pa, pb = 0.7, 0.2
    point = (pa, 1 - pa, pb, 1 - pb)

    def order(o, at=point):
        with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
            return float(divergences.LeastRenyi.floats(o, *at))

    assert order(1) == pytest.approx(float(divergences.LeastKL.floats(*point)), rel=1e-14)
    assert order(2) == pytest.approx(float(divergences.LeastChi2.floats(*point)), rel=1e-14)
    assert order(0.5) == pytest.approx(2 * float(divergences.LeastHellinger.floats(*point)), rel=1e-14)
    assert order(1e6) == pytest.approx(-np.log(1 - pa + pb), rel=1e-5)  # infinity: Li et al.'s l1 formula
    for o in (0.5, 1.0, 1.5):  # p_B = 0 is the limit
        assert order(o, (0.7, 0.3, 0.0, 1.0)) == pytest.approx(order(o, (0.7, 0.3, 1e-300, 1.0)), rel=1e-9)


PIECES = [
    (divergences.LeastTV, ()),
    (divergences.LeastReverseKL, ()),
    (divergences.LeastInfinite, ()),
    (divergences.LeastReverseInfinite, ()),
    (divergences.LeastPure, ()),
    (divergences.LeastHockeyStick, (0.25,)),
    (divergences.LeastReverseHockeyStick, (0.25,)),
]


@pytest.mark.parametrize(("piece", "first"), PIECES, ids=lambda x: getattr(x, "__name__", ""))
def test_floats_equal_fifty_digits_in_tails_and_near_ties(piece, first):
    formula = Formula(piece(*first, p_A, p_B))
    for q_a in (0.4999999, 0.4, 0.1, 1e-9, 1e-100, 1e-300):
        for share in (1.0, 1 / 3, 1e-6):
            q, b = mpmath.mpf(q_a), mpmath.mpf(q_a * share)
            with mpmath.workdps(700):
                exact = formula.exact(1 - q, b)
            with np.errstate(all="ignore"):
                found = piece.floats(*first, *(np.array(float(x)) for x in (1 - q, q, b, 1 - b)))
            assert float(found) == pytest.approx(float(exact), rel=2e-14, abs=1e-300), (q_a, share)
