"""Symbols, and the named special functions in which every formula is written.

A `Piece` is a part of a formula that loses digits when it is evaluated as written, so it has a name of its own.
`plain` is the expression as papers write it: LaTeX and high precision derive from it. `floats` is the same value in
double precision without the cancellation. In `floats` every probability comes with its complement (p, 1 - p), each
exact, so that neither tail is ever formed by a subtraction from 1.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy import special

p_A, p_B = sp.symbols("p_A p_B", positive=True)  # bounds on the probability of the top class and of the runner-up
q_A, q_B = sp.symbols("q_A q_B", positive=True)  # 1 - p_A, 1 - p_B
sigma, lamda = sp.symbols("sigma lambda", positive=True)  # deviation of Gaussian noise; scale of any other family
d = sp.Symbol("d", positive=True, integer=True)  # dimension of the input
p = sp.Symbol("p", positive=True)  # order of the norm
order = sp.Symbol("order", positive=True)  # order of a Renyi divergence, which papers write alpha
c = sp.Symbol("c", positive=True)  # slack of the D_MR certificate
beta = sp.Symbol("beta", positive=True)  # privacy loss over which a certificate is optimised

LATEX = {order: r"\alpha"}
COMPLEMENT = {p_A: q_A, q_A: p_A, p_B: q_B, q_B: p_B}


def either(condition: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """`then` where the condition holds, else `otherwise`; what is needed nowhere is not evaluated."""
    if np.all(condition):
        return then()
    return np.where(condition, then(), otherwise()) if np.any(condition) else otherwise()


def log_rest(share: Any, rest: Any) -> Any:
    """log(1 - share), from `share` and from `rest` = 1 - share, each without cancellation."""
    share, rest = np.asarray(share), np.asarray(rest)
    near = share < 0.5
    if near.all():
        return np.log1p(-share)
    out = np.asarray(np.log(rest))
    # only where it is needed: log1p is the slower of the two
    np.log1p(-share, out=out, where=near)
    return out


class Piece(sp.Function):
    """A named part of a formula; see the module's docstring."""

    def plain(self) -> sp.Expr:
        """Return the expression as papers write it."""
        raise NotImplementedError

    @staticmethod
    def floats(*values: Any) -> Any:
        """Return the value in double precision; every probability is followed by its complement."""
        raise NotImplementedError


def _powered(latex: str, exponent: str | None) -> str:
    return latex if exponent is None else rf"\left({latex}\right)^{{{exponent}}}"


class PhiInv(sp.Function):
    """Quantile function of the standard normal law."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _powered(rf"\Phi^{{-1}}\left({printer._print(self.args[0])}\right)", exp)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.sqrt(2 * sp.pi) * sp.exp(PhiInv(self.args[0]) ** 2 / 2)

    @staticmethod
    def floats(prob: Any, comp: Any) -> Any:
        lower = special.ndtri(np.minimum(prob, comp))
        return either(prob < comp, lambda: lower, lambda: -lower)

    @staticmethod
    def exact(prob: Any) -> mpmath.mpf:
        """Return the quantile at mpmath's working precision."""
        prob = mpmath.mpf(prob)
        if prob in (0, 1):
            return mpmath.inf if prob == 1 else -mpmath.inf
        if prob > 0.5:
            return -PhiInv.exact(1 - prob)
        x = mpmath.mpf(special.ndtri_exp(float(mpmath.log(prob))))
        # Newton on log Phi, which is concave: it converges from any start, and doubles its digits near the root
        for _ in range(60):
            tail = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
            step = mpmath.log(tail / prob) * tail / mpmath.npdf(x)
            x -= step
            if abs(step) <= abs(x) * mpmath.eps * 16 or abs(step) < mpmath.mpf(10) ** (-2 * mpmath.mp.dps):
                return x
        raise ArithmeticError(f"PhiInv did not converge at {mpmath.nstr(prob)}")


class Psi(sp.Function):
    """Quantile function of the standard Laplace law: log 2p up to 1/2, then -log 2(1 - p)."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _powered(rf"\psi\left({printer._print(self.args[0])}\right)", exp)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / sp.Min(self.args[0], 1 - self.args[0])

    @staticmethod
    def floats(prob: Any, comp: Any) -> Any:
        lower = np.log(2 * np.minimum(prob, comp))  # twice a float is exact, so nothing is lost near 1/2
        return either(prob < comp, lambda: lower, lambda: -lower)

    @staticmethod
    def exact(prob: Any) -> mpmath.mpf:
        """Return the quantile at mpmath's working precision."""
        prob = mpmath.mpf(prob)
        if prob in (0, 1):
            return mpmath.inf if prob == 1 else -mpmath.inf
        return mpmath.log(2 * prob) if prob <= 0.5 else -mpmath.log(2 * (1 - prob))


class Gap(Piece):
    """p_A - p_B."""

    def plain(self) -> sp.Expr:
        return self.args[0] - self.args[1]

    @staticmethod
    def floats(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        # each subtraction is exact where the result is small (Sterbenz)
        return either(qa < 0.5, lambda: (0.5 - qa) + (0.5 - pb), lambda: pa - pb)


class LogRatio(Piece):
    """log(p_A / p_B)."""

    def plain(self) -> sp.Expr:
        return sp.log(self.args[0] / self.args[1])

    @staticmethod
    def floats(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        excess = np.divide(Gap.floats(pa, qa, pb, qb), pb)
        # the quotient overflows at p_B = 0 and beside it
        return either(excess < 1e300, lambda: np.log1p(excess), lambda: np.log(pa) - np.log(pb))


class PhiInvGap(Piece):
    """PhiInv(p_A) - PhiInv(p_B)."""

    def plain(self) -> sp.Expr:
        return PhiInv(self.args[0]) - PhiInv(self.args[1])

    @staticmethod
    def floats(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        upper = PhiInv.floats(pa, qa)
        if pb is qa:
            return 2 * upper
        lower = PhiInv.floats(pb, qb)
        gap = np.asarray(upper - lower)
        if not np.any(upper < 0):
            return gap
        near = (upper < 0) & (gap >= 0) & (gap < 1 / (1 + np.abs(lower)))
        if near.any():
            pa, qa, pb, qb, lower = (x[near] for x in np.broadcast_arrays(pa, qa, pb, qb, lower))
            gap[near] = _quantile_gap(lower, Gap.floats(pa, qa, pb, qb) / pb)
        return gap


def _quantile_gap(lower: Any, mass: Any) -> Any:
    """Length x for which N(0, 1) has `mass` times Phi(lower) in [lower, lower + x]; no difference of quantiles."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    # in units of the density at `lower`, which may be as small as 1e-308; erfcx is Phi over the density
    x = target = mass * np.sqrt(np.pi / 2) * special.erfcx(-lower / np.sqrt(2))
    for _ in range(6):
        steps = x[..., None] * (nodes + 1) / 2
        inside = x / 2 * (np.exp(-steps * (lower[..., None] + steps / 2)) @ weights)
        x = x - (inside - target) * np.exp(x * (lower + x / 2))
    return x


class PsiGap(Piece):
    """Psi(p_A) - Psi(p_B)."""

    def plain(self) -> sp.Expr:
        return Psi(self.args[0]) - Psi(self.args[1])

    @staticmethod
    def floats(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        if pb is qa:
            return 2 * Psi.floats(pa, qa)
        return either(
            pa <= 0.5,
            lambda: LogRatio.floats(pa, qa, pb, qb),
            lambda: Psi.floats(pa, qa) - Psi.floats(pb, qb),
        )


class LogTwiceComplement(Piece):
    """log(2 (1 - p_A))."""

    def plain(self) -> sp.Expr:
        return sp.log(2 * (1 - self.args[0]))

    @staticmethod
    def floats(pa: Any, qa: Any) -> Any:
        return np.log(2 * qa)  # twice a float is exact, so nothing is lost near 1/2


class LogComplementGap(Piece):
    """log(1 - p_A + p_B)."""

    def plain(self) -> sp.Expr:
        return sp.log(1 - self.args[0] + self.args[1])

    @staticmethod
    def floats(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        if pb is qa:
            return np.log(2 * qa)
        gap = Gap.floats(pa, qa, pb, qb)
        return log_rest(gap, qa + pb)


class PhiInvShare(Piece):
    """PhiInv(1/2 + share (p_A - p_B)), for a share in (0, 1/2]."""

    def plain(self) -> sp.Expr:
        return PhiInv(sp.Rational(1, 2) + self.args[0] * (self.args[1] - self.args[2]))

    @staticmethod
    def floats(share: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
        excess = share * Gap.floats(pa, qa, pb, qb)
        tail = (0.5 - share) + share * (qa + pb)
        return either(excess < 0.25, lambda: np.sqrt(2) * special.erfinv(2 * excess), lambda: -special.ndtri(tail))
