"""Symbols, and the named special functions in which every formula is written.

`PhiInv` and `Psi`, the quantile functions of the normal and the Laplace law, and `Phi` and `PsiInv`, the laws, are
functions that SymPy knows: they evaluate, know their symmetry, special values and inverses, differentiate, and print to
NumPy, mpmath and LaTeX.

A `Piece` is a part of a formula that loses digits when it is evaluated as written, so it has a name of its own.
`plain` is the expression as papers write it: LaTeX and high precision derive from it. `floats` is the same value in
double precision without the cancellation; `piece` makes a `Piece` of the two. In `floats` every probability comes with
its complement (p, 1 - p), each exact, so that neither tail is ever formed by a subtraction from 1.

All symbols are positive; `sympy.Symbol("p_A")`, without that assumption, is another symbol.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy as sp
from mpmath.libmp import prec_to_dps
from scipy import special

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


class Named(sp.Function):
    """A function of one number that SymPy lacks; `partner` is its inverse, `exact` its value in mpmath."""

    nargs = 1
    partner: ClassVar[Any]
    tex: ClassVar[str]

    def inverse(self, argindex: int = 1) -> Any:
        """Return the inverse function, by which `sympy.solve` goes on."""
        return self.partner

    def _eval_is_extended_real(self) -> bool | None:
        return self.args[0].is_extended_real

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        latex = rf"{self.tex}\left({printer._print(self.args[0])}\right)"
        return latex if exp is None else rf"\left({latex}\right)^{{{exp}}}"

    def _mpmathcode(self, printer: Any) -> str:
        name = printer._module_format(f"{__name__}.{type(self).__name__}")
        return f"{name}.exact({printer._print(self.args[0])})"


class Quantile(Named):
    """Quantile function of a law that is symmetric about 0; nan outside [0, 1]. `lower` has those up to 1/2, in mpmath.

    f(1 - x) becomes -f(x), or f(x) becomes -f(1 - x), so that sums vanish and no tail is formed by a subtraction.
    """

    @classmethod
    def eval(cls, prob: Any) -> Any:
        """Return what is known without digits: special values, inverses, the sign."""
        if isinstance(prob, cls.partner):
            return prob.args[0]
        for value, at in ((-sp.oo, 0), (sp.S.Zero, sp.S.Half), (sp.oo, 1)):
            if prob == at:
                return value
        comp = 1 - prob
        if prob is sp.nan or prob.is_extended_negative or comp.is_extended_negative:
            return sp.nan
        centre, other = prob - sp.S.Half, comp - sp.S.Half
        # the complement of a float would be rounded
        turned = not prob.has(sp.Float) and centre.could_extract_minus_sign() and not other.could_extract_minus_sign()
        return -cls(comp) if turned else None

    @classmethod
    def exact(cls, prob: Any) -> mpmath.mpf:
        """Return the quantile at mpmath's working precision."""
        prob = mpmath.mpf(prob)
        if prob in (0, 1):
            return mpmath.inf if prob == 1 else -mpmath.inf
        return cls.lower(prob) if prob <= 0.5 else -cls.lower(1 - prob)

    def _eval_evalf(self, prec: int) -> Any:
        prob = sp.Rational(self.args[0]) if self.args[0].is_Float else self.args[0]
        if not prob.is_comparable:
            return None
        centre = (prob - sp.S.Half).evalf(5)
        tail = prob if centre < 0 else 1 - prob
        # near 1/2 the digits that count are those of the distance from it
        dps = prec_to_dps(prec) + 10 + max(0, -int(mpmath.log10(abs(centre) or 1)))
        found = tail.evalf(dps, maxn=2 * dps + 100)
        if not tail.is_Rational and not (found.is_Float and found > 0 and found._prec >= prec):
            return None  # nothing is left of it but rounding, as of 1 - cos(1)**2 - sin(1)**2
        with mpmath.workdps(dps):
            value = type(self).exact(mpmath.mpf(found))
            return sp.Float(value if centre < 0 else -value, precision=prec)  # a minus sign rounds


class Distribution(Named):
    """Distribution function of a law that is symmetric about 0."""

    @classmethod
    def eval(cls, at: Any) -> Any:
        """Return what is known without digits: special values and inverses."""
        if isinstance(at, cls.partner):
            return at.args[0]
        if isinstance(-at, cls.partner):
            return 1 - (-at).args[0]
        return {-sp.oo: sp.S.Zero, sp.S.Zero: sp.S.Half, sp.oo: sp.S.One}.get(at)

    def _eval_is_positive(self) -> bool | None:
        return self.args[0].is_real or None

    def _eval_evalf(self, prec: int) -> Any:
        at = self.args[0]
        if not at.is_comparable:
            return None
        # far out an error of the argument counts by the size of the argument, squared
        dps = prec_to_dps(prec) + 10 + 2 * max(0, int(mpmath.log10(abs(at.evalf(5)) or 1)))
        with mpmath.workdps(dps):
            return sp.Float(type(self).exact(mpmath.mpf(at.evalf(dps))), precision=prec)


class Phi(Distribution):
    """Distribution function of the standard normal law."""

    tex = r"\Phi"
    exact = staticmethod(mpmath.ncdf)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    def _numpycode(self, printer: Any) -> str:
        return f"{printer._module_format('scipy.special.ndtr')}({printer._print(self.args[0])})"


class PhiInv(Quantile):
    """Quantile function of the standard normal law."""

    tex = r"\Phi^{-1}"
    partner = Phi

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.sqrt(2 * sp.pi) * sp.exp(PhiInv(self.args[0]) ** 2 / 2)

    def _numpycode(self, printer: Any) -> str:
        return f"{printer._module_format('scipy.special.ndtri')}({printer._print(self.args[0])})"

    @staticmethod
    def floats(prob: Any, comp: Any) -> Any:
        lower = special.ndtri(np.minimum(prob, comp))
        return np.where(prob < comp, lower, -lower)

    @staticmethod
    def lower(prob: mpmath.mpf) -> mpmath.mpf:
        x = mpmath.mpf(special.ndtri_exp(float(mpmath.log(prob))))
        # Newton on log Phi, which is concave: it converges from any start, and doubles its digits near the root
        for _ in range(60):
            tail = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
            step = mpmath.log(tail / prob) * tail / mpmath.npdf(x)
            x -= step
            if abs(step) <= abs(x) * mpmath.eps * 16 or abs(step) < mpmath.mpf(10) ** (-2 * mpmath.mp.dps):
                return x
        raise ArithmeticError(f"PhiInv did not converge at {mpmath.nstr(prob)}")


class PsiInv(Distribution):
    """Distribution function of the standard Laplace law: exp(x) / 2 up to 0, then 1 - exp(-x) / 2."""

    tex = r"\psi^{-1}"

    @classmethod
    def eval(cls, at: Any) -> Any:
        """Return what is known without digits; the elementary function where the sign is known."""
        if at.is_nonnegative:
            return 1 - sp.exp(-at) / 2
        return sp.exp(at) / 2 if at.is_nonpositive else super().eval(at)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.exp(-sp.Abs(self.args[0])) / 2

    def _numpycode(self, printer: Any) -> str:
        # the branch that is not taken is evaluated too, and must not overflow
        below = sp.exp(-sp.Abs(self.args[0])) / 2
        return printer._print(sp.Piecewise((below, self.args[0] <= 0), (1 - below, True)))

    @staticmethod
    def exact(at: Any) -> mpmath.mpf:
        """Return the probability at mpmath's working precision."""
        below = mpmath.exp(-abs(mpmath.mpf(at))) / 2
        return below if at <= 0 else 1 - below


class Psi(Quantile):
    """Quantile function of the standard Laplace law: log 2p up to 1/2, then -log 2(1 - p)."""

    tex = r"\psi"
    partner = PsiInv

    @classmethod
    def eval(cls, prob: Any) -> Any:
        """Return what is known without digits; a logarithm for a rational number, and for exp(-x) / 2."""
        if (found := super().eval(prob)) is not None:
            return found
        if prob.is_Rational:
            return -sp.log(2 * (1 - prob))  # those below 1/2 are turned
        tail = 2 * (1 - prob)
        return -tail.args[0] if isinstance(tail, sp.exp) and tail.args[0].is_nonpositive else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / sp.Min(self.args[0], 1 - self.args[0])

    def _eval_rewrite_as_Piecewise(self, prob: Any, **kwargs: Any) -> sp.Expr:
        half = prob <= sp.S.Half
        return sp.Piecewise((sp.log(2 * prob), half), (-sp.log(2 * (1 - prob)), True))

    def _numpycode(self, printer: Any) -> str:
        return printer._print(self.rewrite(sp.Piecewise))

    @staticmethod
    def floats(prob: Any, comp: Any) -> Any:
        lower = np.log(2 * np.minimum(prob, comp))  # twice a float is exact, so nothing is lost near 1/2
        return np.where(prob < comp, lower, -lower)

    @staticmethod
    def lower(prob: mpmath.mpf) -> mpmath.mpf:
        return mpmath.log(2 * prob)


Phi.partner, PsiInv.partner = PhiInv, Psi


def either(condition: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """`then` where the condition holds, else `otherwise`; what is needed nowhere is not evaluated."""
    if np.all(condition):
        return then()
    return np.where(condition, then(), otherwise()) if np.any(condition) else otherwise()


def log_rest(share: Any, rest: Any) -> Any:
    """log(1 - share), from `share` and from `rest` = 1 - share, each without cancellation."""
    return np.where(share < 0.5, np.log1p(-share), np.log(rest))


class Piece(sp.Function):
    """A named part of a formula; see the module's docstring.

    Each has `plain()`, the expression as papers write it, and a static `floats`, the value in double precision, whose
    arguments are those of the piece, each probability followed by its complement.
    """


def piece(plain: Callable[..., sp.Expr]) -> Callable[[Callable[..., Any]], type[Piece]]:
    """Make the function below it the `floats` of a `Piece` of its name; `plain` takes the arguments of the piece."""

    def made(floats: Callable[..., Any]) -> type[Piece]:
        own = {"plain": lambda self: plain(*self.args), "floats": staticmethod(floats)}
        known = {"__doc__": floats.__doc__, "__module__": floats.__module__}  # for help, and for pickle
        return type(floats.__name__, (Piece,), own | known)

    return made


@piece(lambda a, b: a - b)
def Gap(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """p_A - p_B."""
    # each subtraction is exact where the result is small (Sterbenz)
    return either(qa < 0.5, lambda: (0.5 - qa) + (0.5 - pb), lambda: pa - pb)


@piece(lambda a, b: sp.log(a / b))
def LogRatio(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """log(p_A / p_B)."""
    excess = np.divide(Gap.floats(pa, qa, pb, qb), pb)
    # the quotient overflows at p_B = 0 and beside it
    return either(excess < 1e300, lambda: np.log1p(excess), lambda: np.log(pa) - np.log(pb))


@piece(lambda a, b: PhiInv(a) - PhiInv(b))
def PhiInvGap(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """PhiInv(p_A) - PhiInv(p_B)."""
    upper, lower = PhiInv.floats(pa, qa), PhiInv.floats(pb, qb)
    gap = np.asarray(upper - lower)
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


@piece(lambda a, b: Psi(a) - Psi(b))
def PsiGap(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """Psi(p_A) - Psi(p_B)."""
    return either(
        pa <= 0.5,
        lambda: LogRatio.floats(pa, qa, pb, qb),
        lambda: Psi.floats(pa, qa) - Psi.floats(pb, qb),
    )


@piece(lambda a: sp.log(2 * (1 - a)))
def LogTwiceComplement(pa: Any, qa: Any) -> Any:
    """log(2 (1 - p_A))."""
    return np.log(2 * qa)  # twice a float is exact, so nothing is lost near 1/2


@piece(lambda a, b: sp.log(1 - a + b))
def LogComplementGap(pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """log(1 - p_A + p_B)."""
    return log_rest(Gap.floats(pa, qa, pb, qb), qa + pb)


@piece(lambda share, a, b: PhiInv(sp.Rational(1, 2) + share * (a - b)))
def PhiInvShare(share: Any, pa: Any, qa: Any, pb: Any, qb: Any) -> Any:
    """PhiInv(1/2 + share (p_A - p_B)), for a share in (0, 1/2]."""
    excess = share * Gap.floats(pa, qa, pb, qb)
    tail = (0.5 - share) + share * (qa + pb)
    return either(excess < 0.25, lambda: np.sqrt(2) * special.erfinv(2 * excess), lambda: -special.ndtri(tail))
