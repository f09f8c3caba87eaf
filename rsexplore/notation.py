"""Symbols, and the named special functions in which every formula is written.

A `Piece` is a part of a formula that loses digits when it is evaluated as written, so it has a name of its own.
`plain` is the expression as papers write it: LaTeX and high precision derive from it. `floats` is the same value in
double precision without the cancellation. In `floats` every probability comes with its complement (p, 1 - p), each
exact, so that neither tail is ever formed by a subtraction from 1.

All symbols are positive; `sympy.Symbol("p_A")`, without that assumption, is another symbol.
"""

from typing import Any

import numpy as np
import sympy as sp
from scipy import special

from rsexplore.quantiles import Phi as Phi
from rsexplore.quantiles import PhiInv, Psi, either
from rsexplore.quantiles import PsiInv as PsiInv

p_A, p_B = sp.symbols("p_A p_B", positive=True)  # bounds on the probability of the top class and of the runner-up
q_A, q_B = sp.symbols("q_A q_B", positive=True)  # 1 - p_A, 1 - p_B
sigma, lamda = sp.symbols("sigma lambda", positive=True)  # deviation of Gaussian noise; scale of any other family
d = sp.Symbol("d", positive=True, integer=True)  # dimension of the input
p = sp.Symbol("p", positive=True)  # order of the norm
order = sp.Symbol("order", positive=True)  # order of a Renyi divergence, which papers write alpha
c = sp.Symbol("c", positive=True)  # slack of the D_MR certificate
beta = sp.Symbol("beta", positive=True)  # privacy loss over which a certificate is optimised
s = sp.Symbol("s", positive=True)  # shape of generalized Gaussian noise
k, a, b = sp.symbols("k a b", positive=True)  # of power-Gaussian noise: the power, and the norms of power and tail
r = sp.Symbol("r", positive=True)  # a radius, for equations

LATEX = {order: r"\alpha"}
COMPLEMENT = {p_A: q_A, q_A: p_A, p_B: q_B, q_B: p_B}
SYMBOLS = {symbol.name: symbol for symbol in (p_A, p_B, q_A, q_B, sigma, lamda, d, p, order, c, beta, s, k, a, b, r)}


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
        # where the quantiles are nearer than they are right, their gap may even be negative
        near = (upper < 0) & (pa > pb) & (gap < 1 / (1 + np.abs(lower)))
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
