"""Radius within which the divergence of generalized Gaussian noise and its shift is below what a class change needs."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import mpmath
import numpy as np
from numpy.typing import NDArray

from rsexplore.divergences import generalized_gaussian as one
from rsexplore.divergences.least import LeastKL
from rsexplore.formula import Formula
from rsexplore.notation import p_A, p_B

KEPT = 1 - 4e-13  # share of a radius that is left, to cover the errors of kappa and of the solver
DIGITS = 100  # most digits to which a radius is solved

Cost = Callable[[Any, float], Any]
PRINTED = r"\sum_{k \leq s,\; 2 | s - k} c_k u^k"
LEAST = rf"\min\left(u^s + \sum_{{2 \leq j < s,\; 2 | j}} c_j u^j, {PRINTED}\right)"
COSTS: dict[str, tuple[Callable[[NDArray, float], NDArray], Cost, str]] = {
    "exact": (one.inverse_kappa, one.kappa_mp, r"\operatorname{E}\left[|z + u|^s - |z|^s\right]"),
    "polynomial": (one.inverse_polynomial, one.least_polynomial_mp, LEAST),
    "printed": (one.inverse_printed, one.kappa_printed_mp, PRINTED),
}


@dataclass(frozen=True)
class KLRadius:
    """Largest r for which every shift of l_p length r costs at most the budget B = LeastKL; called like `Formula`.

    A shift costs the sum of kappa(|shift_i| / scale). kappa(t^(1/s)) is concave in t for s >= 2 and convex for s <= 2,
    kappa(sqrt(t)) the reverse (docs/generalized_gaussian.md). So the worst shift of an l_p ball has equal coordinates
    for p >= max(s, 2), and one coordinate for p <= min(s, 2): the radius is exact. Between, the largest of three balls
    is taken: those that lie inside these two and, for whole s, the one in which kappa's polynomial bound is largest
    term by term. `cost` names kappa ("exact"), or one of its polynomial bounds.
    """

    cost: str = "exact"
    digits: ClassVar[int] = DIGITS - 20  # that `exact` has for certain, whatever the working precision

    @property
    def latex(self) -> str:
        """LaTeX of the radius."""
        budget = Formula(LeastKL(p_A, p_B)).latex
        even = r"d^{1/\max(p, s, 2)} \kappa^{-1}(B / d)"
        if self.cost == "printed":
            shifted = r"\lambda d^{1/\max(p, s)} \kappa^{-1}(B / d)"
        else:
            single = r"d^{-\max(0, 1/\min(s, 2) - 1/p)} \kappa^{-1}(B)"
            between = r"\sup\{r : \sum_j c_j \max(1, d^{1 - j/p}) r^j \leq B\}"
            shifted = rf"\lambda \max\left({single}, {even}, {between}\right)"
        return rf"{shifted},\quad \kappa(u) = {COSTS[self.cost][2]},\quad B = {budget}"

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the noise's symbols, and p."""
        return frozenset({"lambda", "s", "d", "p"})

    def depends_on_dimension(self, values: dict[str, Any]) -> bool:
        """Whether the radius is another in another dimension."""
        return self.cost == "printed" or values["p"] > min(values["s"], 2)

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Radius in double precision, from below; shape of the broadcast probabilities."""
        budget = np.asarray(LeastKL.floats(*probabilities), dtype=float)
        inverse, s = COSTS[self.cost][0], values["s"]
        kept = 1.0 if self.cost == "printed" else KEPT
        found = self._reach(lambda x: inverse(x, s), one.inverse_powers, np.maximum, budget, **values)
        return values["lambda"] * (kept * found)

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Radius at mpmath's working precision, of the same worst shift but with kappa by other formulas."""
        budget, s = Formula(LeastKL(p_A, p_B)).exact(pa, pb), values["s"]
        inverse, cost, _ = COSTS[self.cost]

        def own(x: Any) -> Any:
            return _root(lambda u: cost(u, s), x, inverse(np.array(float(x)), s))

        def powers(x: Any, terms: dict[int, Any]) -> Any:
            start = one.inverse_powers(float(x), {j: float(factor) for j, factor in terms.items()})
            return _root(lambda u: mpmath.fsum(factor * u**j for j, factor in terms.items()), x, start)

        with mpmath.workdps(min(mpmath.mp.dps, DIGITS)):
            return mpmath.mpf(values["lambda"]) * self._reach(own, powers, max, budget, **values)

    def _reach(
        self,
        inverse: Callable[[Any], Any],
        inverse_powers: Callable[[Any, dict[int, Any]], Any],
        larger: Callable[[Any, Any], Any],
        budget: Any,
        **at: Any,
    ) -> Any:
        """Radius in units of the scale."""
        s, p, d = at["s"], at["p"], at["d"]
        mp = isinstance(budget, mpmath.mpf)
        number: Callable[[Any], Any] = mpmath.mpf if mp else float
        d, low, high = number(d), min(s, 2.0), s if self.cost == "printed" else max(s, 2.0)
        even = 1 / number(max(p, high)) if max(p, high) < inf else number(0)
        if p >= high or self.cost == "printed":
            return d**even * inverse(budget / d)
        if p <= low:
            return inverse(budget)
        found = larger(d ** (1 / number(p) - 1 / number(low)) * inverse(budget), d**even * inverse(budget / d))
        if s != int(s):
            return found
        # ||x||_j <= max(1, d^(1/j - 1/p)) ||x||_p
        orders = one.polynomial_orders(s)
        factor: Callable[[int, float], Any] = one.coefficient_mp if mp else one.coefficient_of
        terms = {j: factor(j, s) * max(number(1), d ** (1 - number(j) / number(p))) for j in orders}
        return larger(found, inverse_powers(budget, terms))


def _root(cost: Callable[[Any], Any], budget: Any, near: Any) -> Any:
    """Argument at which an increasing function is `budget`, by secants on logarithms from the floats' answer."""
    start, target = mpmath.log(mpmath.mpf(float(near))), mpmath.log(budget)
    points = (start, start + mpmath.mpf(10) ** -9)
    return mpmath.exp(mpmath.findroot(lambda x: mpmath.log(cost(mpmath.exp(x))) - target, points, tol=None))
