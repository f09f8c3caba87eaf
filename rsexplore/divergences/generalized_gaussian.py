"""Generalized Gaussian noise: the Kullback-Leibler divergence from its shift, and the radius that it certifies.

For Z with density s exp(-|z|^s) / (2 Gamma(1 / s)) one coordinate shifted by u costs kappa(u) = E|Z + u|^s - E|Z|^s, in
either direction since the noise is symmetric. Coordinates are independent, so that a shift costs the sum of
kappa(|shift_i| / scale). Hayes 2020, eq. (14), prints a polynomial; it is kappa for even s, and above it by up to 1 / s
for odd s. `KLRadius` is the largest ball whose shifts all cost less than a change of class needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb, gamma, inf, log, sqrt
from typing import Any, ClassVar

import mpmath
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore.bound import UnsupportedNoiseError
from rsexplore.check import as_given, floats
from rsexplore.divergences.least import LeastKL
from rsexplore.formula import AnyFormula, Formula
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Noise
from rsexplore.notation import p_A, p_B
from rsexplore.quadrature import half_line, interval

LARGEST = 1000.0  # shapes: beyond, binomial coefficients leave the floats
STEP = 0.15  # of the trapezoid rules, times s + 1; half of it changes nothing above 1e-13
CHUNK = 2**10  # shifts that a quadrature takes at once
KEPT = 1 - 4e-13  # share of a radius that is left, to cover the errors of kappa and of the solver
DIGITS = 100  # most digits to which a radius is solved


def unit(owner: str, noise: Noise, others: str = "") -> tuple[float, float]:
    """Scale and shape with which a noise is generalized Gaussian: density exp(-|x / scale|^shape) up to a constant.

    Raises
    ------
    UnsupportedNoiseError
        The noise is of another family, or its shape is not between 1 (below, the likelihood ratio is not monotone) and
        1000; `owner` and the `others` that it knows are for the message.
    """
    found = noise.canonical
    if isinstance(found, Gaussian):
        return sqrt(2) * found.sigma, 2.0
    if isinstance(found, Laplace):
        return found.scale, 1.0
    if isinstance(found, GeneralizedGaussian) and 1 <= found.shape <= LARGEST:
        return found.scale, found.shape
    needed = f"Gaussian, Laplace or GeneralizedGaussian noise of shape 1 to {LARGEST:g}{others}"
    raise UnsupportedNoiseError(f"{owner} needs {needed}, got {noise!r}")


def kappa(u: ArrayLike, s: float) -> Any:
    """Exact divergence of one coordinate that is shifted by `u` scales, for real s from 1 to 1000.

    Parameters
    ----------
    u : array_like, shape (...)
        Shift over scale; its sign does not matter.
    s : float
        Shape of the noise.

    Returns
    -------
    float or ndarray, shape (...)
        A float for a scalar.
        In nats; every term is positive, so that the relative error is some 1e-14 at every u. For even s the polynomial
        (14), else half the symmetrised divergence, the integral of (p - q) log(p / q) / 2.
    """
    size, s = np.abs(floats("kappa", "u", u)), _shape("kappa", s)
    if s % 2 == 0:
        return as_given(polynomial(size, terms(s)), u)
    parts = np.array_split(size.reshape(-1, 1), size.size // CHUNK + 1)
    with np.errstate(all="ignore"):
        return as_given(np.concatenate([_symmetrised(part, s) for part in parts]).reshape(size.shape), u)


def kappa_mp(u: Any, s: float) -> mpmath.mpf:
    """Kappa at mpmath's working precision, by other formulas: incomplete gamma functions, quadrature for other s."""
    _shape("kappa_mp", s)
    u = abs(mpmath.mpf(u))
    if u == 0:
        return mpmath.mpf(0)
    if s != int(s):
        lost = max(0, int(-2 * mpmath.log10(u)))  # digits, in differences of |z + u|^s and |z|^s
        with mpmath.extradps(lost + 10):
            s = mpmath.mpf(s)

            def difference(t: Any) -> Any:
                return s / mpmath.gamma(1 / s) * mpmath.exp(-(t**s)) * ((abs(t - u) ** s + (t + u) ** s) / 2 - t**s)

            total = mpmath.quad(difference, [0, u / 4, u / 2, u, u + 1, u + 2, mpmath.inf])
        return +total
    s = int(s)
    with mpmath.extradps(s + 10):
        total = mpmath.mpf(0)
        for j in range(2, s + 1, 2):
            total += comb(s, j) * mpmath.gamma(mpmath.mpf(s - j + 1) / s) * u**j
        for k in range(s + 1) if s % 2 else ():  # E(u - |Z|)_+^s
            total += comb(s, k) * (-1) ** k * u ** (s - k) * mpmath.gammainc(mpmath.mpf(k + 1) / s, 0, u**s)
        total /= mpmath.gamma(mpmath.mpf(1) / s)
    return +total


def inverse_kappa(value: ArrayLike, s: float) -> Any:
    """Shift u in scales at which kappa(u) = value, to some 1e-14 of itself; shape of `value`, 0 at 0, inf at inf."""
    _shape("inverse_kappa", s)
    return inverse(value, {2: curvature(s), s: 1.0}, lambda u: kappa(u, s))


def curvature(s: float) -> float:
    """Limit of kappa(u) / u^2 at 0: half the Fisher information, s^2 Gamma(2 - 1 / s) / (2 Gamma(1 / s))."""
    return s * s * gamma(2 - 1 / s) / gamma(1 / s) / 2


def coefficient(k: float, s: float, mp: bool = False) -> Any:
    """c_k = C(s, k) E|Z|^(s - k) for whole s, the factor of u^k in eq. (14). Hayes 2020, section 3.3.

    A float, or at mpmath's working precision. c_s = 1, so that "c_k > 1" in eqs. (29) and (31) should read "at least
    1". For a fixed k it is about C(s + 1, k) / (s + 1) for large s: c_2 grows as s / 2.
    """
    if _shape("coefficient", s) != int(s):
        raise ValueError(f"coefficient: the shape must be a whole number, got s={s}")
    if not (k == int(k) and 0 <= k <= s):
        raise ValueError(f"coefficient: k must be a whole number from 0 to s={s}, got k={k}")
    g, number = (mpmath.gamma, mpmath.mpf) if mp else (gamma, float)
    return comb(int(s), int(k)) * (g(number(s - k + 1) / s) / g(number(1) / s))


def terms(s: float, cost: str = "printed", mp: bool = False) -> dict[int, Any]:
    """Powers and factors of a polynomial in u that is kappa for even s and above it for odd s; s is whole.

    "printed" is eq. (14), linear near 0 for odd s; "quadratic" has u^s and the even powers below, as kappa has.
    """
    top = int(s)
    orders = range(2 - top % 2, top + 1, 2) if cost == "printed" else [*range(2, top, 2), top]
    return {j: coefficient(j, s, mp) for j in orders}


def polynomial(u: Any, terms: Mapping[Any, Any]) -> Any:
    """Sum of factor u^power over {power: factor}, for an array or a number of mpmath."""
    with np.errstate(over="ignore", under="ignore"):
        return sum(factor * u**power for power, factor in terms.items())


def inverse(value: ArrayLike, terms: Mapping[Any, float], cost: Callable[[NDArray], Any] | None = None) -> Any:
    """Argument u at which an increasing function is `value`: a polynomial of `terms`, or a `cost` that is about one.

    Secant steps on log cost against log u, whose slope lies between the least and the largest power.
    """
    budget = floats("inverse", "value", value, "below")
    flat = budget.reshape(-1)
    found = np.where(flat > 0, np.inf, np.where(flat == 0, 0.0, np.nan))
    inside = np.flatnonzero((flat > 0) & (flat < np.inf))

    def miss(x: NDArray) -> NDArray:
        return np.log(cost(np.exp(x)) if cost else polynomial(np.exp(x), terms)) - target

    with np.errstate(all="ignore"):
        target = np.log(flat[inside])
        each = np.array([(target - log(factor)) / power for power, factor in terms.items()])
        low, high = min(terms), max(terms)
        # a cost above each of its terms has its root below theirs; kappa of a shape below 2 is below its terms
        x = each.max(axis=0) if next(iter(terms)) > low else each.min(axis=0)
        slope, error = np.full(x.shape, 2.0), miss(x)
        for _ in range(60):
            step = -error / slope
            new = miss(x + step)
            slope = np.where(np.abs(step) > 1e-6, np.clip((new - error) / step, low, high), slope)
            x, error = x + step, new
            if not (np.abs(step) > 1e-14 * (1 + np.abs(x))).any():
                break
        found[inside] = np.exp(x)
    return as_given(found.reshape(budget.shape), value)


def inside(x: Any, s: float) -> Any:
    """P(|Z| < x) for x >= 0 in scales."""
    power = x**s
    # the density is flat where x^s is nothing, which may underflow
    return np.where(power > 1e-17, special.gammainc(1 / s, power), x / gamma(1 + 1 / s))


def upper(x: Any, s: float) -> Any:
    """P(Z > x)."""
    size = np.abs(x)
    within, power = inside(size, s), size**s
    return np.where(x < 0, (1 + within) / 2, np.where(power > 1e-17, special.gammaincc(1 / s, power), 1 - within) / 2)


def power_gap(far: Any, step: Any, s: float) -> NDArray:
    """far^s - (far - step)^s for 0 <= step <= far, without cancellation."""
    with np.errstate(all="ignore"):
        return np.asarray(-np.power(far, s) * np.expm1(s * np.log1p(-step / far)))


def loss(x: Any, u: Any, s: float) -> NDArray:
    """Log-ratio |x|^s - |x - u|^s of the densities around 0 and u, for x >= u / 2."""
    return power_gap(x, np.minimum(u, 2 * x - u), s)


def edge(ratio: NDArray, u: Any, s: float) -> NDArray:
    """Points z >= u / 2 at which `loss`, which rises from 0 there, has the values `ratio`.

    Where that is further out than any probability goes, a point there.
    """
    if s == 1:
        return (u + ratio) / 2
    if s == 2:
        return u / 2 + ratio / (2 * u)
    from scipy.optimize import elementwise  # a tenth of a second, which a radius should not wait for

    top = np.minimum(2 * u + 2 * 750 ** (1 / s), 1e300 ** (1 / s))  # there the ratio is still a float
    find_root: Any = elementwise.find_root  # its stubs know no args
    wanted = np.minimum(ratio, loss(top, u, s))
    found = find_root(lambda z, y, u: loss(z, u, s) - y, (u / 2, top), args=(wanted, u)).x
    return np.where(top > u / 2, found, u / 2)  # where powers overflow, it leaps there


def _shape(owner: str, s: float) -> float:
    if not 1 <= s <= LARGEST:
        raise ValueError(f"{owner}: the shape must lie between 1 and {LARGEST:g}, got s={s}")
    return float(s)


def _symmetrised(u: NDArray, s: float) -> NDArray:
    """Integral over x > 0 of (p - q) log(p / q), p around u / 2 and q around -u / 2, split at p's kink."""
    half = u / 2
    y, weights = half_line(np.log(120) / s + 0.6, STEP / (s + 1))
    total = _jeffreys(y, half + y, half, s) @ weights
    reach = np.minimum(half, 60 ** (1 / s))  # below x = half - reach, p is below exp(-60)
    share, _, weights = interval(STEP / (s + 1))
    y = reach * share
    return total + reach[:, 0] * (_jeffreys(y, half - y, half, s) @ weights)


def _jeffreys(y: NDArray, x: NDArray, half: NDArray, s: float) -> NDArray:
    """(p - q) log(p / q) at x, y = |x - half|."""
    far = np.maximum(x + half, 1e-300)
    # far - y is twice the smaller of x and half; nothing times inf would be nan
    loss = np.minimum(power_gap(far, 2 * np.minimum(x, half), s), 1e300)
    return s / (2 * gamma(1 / s)) * np.exp(-(y**s)) * -np.expm1(-loss) * loss


PRINTED = r"\sum_{k \leq s,\; 2 | s - k} c_k u^k"
COSTS = {  # cost -> its LaTeX, and the polynomials whose lesser one stands for kappa
    "exact": (r"\operatorname{E}\left[|z + u|^s - |z|^s\right]", ()),
    "polynomial": (
        rf"\min\left(u^s + \sum_{{2 \leq j < s,\; 2 | j}} c_j u^j, {PRINTED}\right)",
        ("printed", "quadratic"),
    ),
    "printed": (PRINTED, ("printed",)),
}


@dataclass(frozen=True)
class KLRadius(AnyFormula):
    """Largest r for which every shift of l_p length r costs at most the budget B = LeastKL.

    A shift costs the sum of kappa(|shift_i| / scale). kappa(t^(1/s)) is concave in t for s >= 2 and convex for s <= 2,
    kappa(sqrt(t)) the reverse (docs/generalized_gaussian.md). So the worst shift of an l_p ball has equal coordinates
    for p >= max(s, 2), and one coordinate for p <= min(s, 2): the radius is exact. Between, the largest of three balls
    is taken: those that lie inside these two and, for whole s, the one in which kappa's polynomial bound is largest
    term by term. `cost` names kappa ("exact"), or one of its polynomial bounds.
    """

    cost: str = "exact"
    digits: ClassVar[int] = DIGITS - 20

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
        return rf"{shifted},\quad \kappa(u) = {COSTS[self.cost][0]},\quad B = {budget}"

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the noise's symbols, and p."""
        return frozenset({"lambda", "s", "d", "p"})

    def depends_on_dimension(self, values: Mapping[str, Any]) -> bool:
        return self.cost == "printed" or values["p"] > min(values["s"], 2)

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Radius in double precision, from below; shape of the broadcast probabilities."""
        budget, s = np.asarray(LeastKL.floats(*probabilities), dtype=float), values["s"]
        kept = 1.0 if self.cost == "printed" else KEPT
        found = self._reach(lambda x: self._inverse(x, s), inverse, budget, **values)
        return values["lambda"] * (kept * found)

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Radius at mpmath's working precision, of the same worst shift but with kappa by other formulas."""
        budget, s = Formula(LeastKL(p_A, p_B)).exact(pa, pb), values["s"]
        costs = COSTS[self.cost][1]

        def own(x: Any) -> Any:
            def cost(u: Any) -> Any:
                return min(polynomial(u, terms(s, one, mp=True)) for one in costs) if costs else kappa_mp(u, s)

            return _root(cost, x, self._inverse(np.array(float(x)), s))

        def powers(x: Any, terms: dict[int, Any]) -> Any:
            start = inverse(float(x), {j: float(factor) for j, factor in terms.items()})
            return _root(lambda u: polynomial(u, terms), x, start)

        with mpmath.workdps(min(mpmath.mp.dps, DIGITS)):
            return mpmath.mpf(values["lambda"]) * self._reach(own, powers, budget, **values)

    def _inverse(self, value: NDArray, s: float) -> NDArray:
        """Shift of one coordinate that costs `value`."""
        costs = COSTS[self.cost][1]
        return np.max([inverse(value, terms(s, one)) for one in costs], axis=0) if costs else inverse_kappa(value, s)

    def _reach(
        self, own: Callable[[Any], Any], powers: Callable[[Any, dict[int, Any]], Any], budget: Any, **at: Any
    ) -> Any:
        """Radius in units of the scale, from the inverses of the cost and of polynomials."""
        s, p, mp = at["s"], at["p"], isinstance(budget, mpmath.mpf)
        number: Callable[[Any], Any] = mpmath.mpf if mp else float
        d, low, high = number(at["d"]), min(s, 2.0), s if self.cost == "printed" else max(s, 2.0)
        even = 1 / number(max(p, high)) if max(p, high) < inf else number(0)
        if p >= high or self.cost == "printed":
            return d**even * own(budget / d)
        if p <= low:
            return own(budget)
        found = np.maximum(d ** (1 / number(p) - 1 / number(low)) * own(budget), d**even * own(budget / d))
        if s != int(s):
            return found
        # ||x||_j <= max(1, d^(1/j - 1/p)) ||x||_p
        stretched = {
            j: factor * max(number(1), d ** (1 - number(j) / number(p)))
            for j, factor in terms(s, "quadratic", mp).items()
        }
        return np.maximum(found, powers(budget, stretched))


def _root(cost: Callable[[Any], Any], budget: Any, near: Any) -> Any:
    """Argument at which an increasing function is `budget`, by secants on logarithms from the floats' answer."""
    start, target = mpmath.log(mpmath.mpf(float(near))), mpmath.log(budget)
    points = (start, start + mpmath.mpf(10) ** -9)
    return mpmath.exp(mpmath.findroot(lambda x: mpmath.log(cost(mpmath.exp(x))) - target, points, tol=None))
