"""The lecture: every step of the derivation, the three constants against integrals, l_p for every p >= 1."""

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special, stats

from reproduce import lipschitz
from rsexplore import bounds

STEPS = lipschitz.derivation()


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
    assert local <= top <= dimension
    assert dimension == pytest.approx(np.sqrt(3072) / deviation) and top == pytest.approx(stats.norm.pdf(0) / deviation)
    edge = stats.norm.ppf(1 - score)
    slope = integrate.quad(lambda z: z / deviation * stats.norm.pdf(z), edge, np.inf)[0]
    assert local == pytest.approx(slope, rel=1e-9)
    for share in (0.1, 0.5):  # z < a or z > b with the same probability
        low, high = stats.norm.ppf(share * score), stats.norm.isf((1 - share) * score)
        assert (stats.norm.pdf(high) - stats.norm.pdf(low)) / deviation < local


def test_local_constant_is_largest_at_one_half():
    local = [lipschitz.constants(1.0, 1, s)[2] for s in np.linspace(0.01, 0.99, 99)]
    assert np.argmax(local) == 49
    assert local[49] == pytest.approx(lipschitz.constants(1.0, 1, 0.5)[1], rel=1e-12)


def test_integral_of_the_inverse_local_constant_is_theorem_1():
    """Walking from p_B to p_A at the largest slope allowed takes 2 R; no antiderivative is used."""
    local = lambda s: lipschitz.constants(0.5, 1, s)[2]  # noqa: E731
    length = integrate.quad(lambda s: 1 / local(s), 0.2, 0.9, epsabs=1e-9)[0]
    assert length == pytest.approx(0.5 * (stats.norm.ppf(0.9) - stats.norm.ppf(0.2)), rel=1e-8)
