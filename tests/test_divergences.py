"""Least divergences of a class change against direct minimisation over the simplex."""

import numpy as np
import pytest
from scipy import optimize

from rsexplore import divergences


def kl(q, p):
    return np.sum(q * np.log(q / p))


def renyi(order):
    return lambda q, p: np.log(np.sum(q**order * p ** (1 - order))) / (order - 1)


CASES = {
    "KL": (kl, lambda *a: divergences.LeastKL.floats(*a)),
    "H2": (
        lambda q, p: -np.log(np.sum(np.sqrt(q * p))),
        lambda *a: divergences.LeastHellinger.floats(*a),
    ),
    "chi2": (lambda q, p: np.log(np.sum(q**2 / p)), lambda *a: divergences.LeastChi2.floats(*a)),
    "B": (
        lambda q, p: -np.log(np.sum(np.sqrt(q * p))),
        lambda *a: divergences.LeastBhattacharyya.floats(*a),
    ),
    **{f"Renyi {o}": (renyi(o), lambda *a, o=o: divergences.LeastRenyi.floats(o, *a)) for o in (0.25, 0.5, 1.4, 2, 5)},
}


def least(divergence, p):
    """Minimum over votes whose first two classes tie and are no less than any other."""
    if len(p) == 2:
        return divergence(np.array([0.5, 0.5]), p)

    def votes(free):
        tie = 1 / (1 + np.exp(-free[0]))  # share of the two classes together
        rest = np.exp(free[1:] - free[1:].max())
        return np.concatenate([[tie / 2, tie / 2], (1 - tie) * rest / rest.sum()])

    start = np.concatenate([[0.5], np.log(p[2:])])
    found = optimize.minimize(
        lambda x: divergence(votes(x), p), start, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000}
    )
    return found.fun


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_least_value_is_the_minimum_over_the_simplex(name, classes):
    divergence, closed = CASES[name]
    rng = np.random.default_rng(classes)
    for _ in range(4):
        p = np.sort(rng.dirichlet(np.ones(classes) * 2))[::-1]
        pa, pb = p[0], p[1]
        with np.errstate(all="ignore"):  # as in Bound.radius: branches that are not taken may overflow
            found = closed(pa, 1 - pa, pb, 1 - pb)
        assert found == pytest.approx(least(divergence, p), rel=1e-9, abs=1e-10)


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
