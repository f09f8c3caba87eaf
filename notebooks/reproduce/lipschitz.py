"""From Lipschitz constants to the exact Gaussian radius: the lecture's Theorems 0 and 1, step by step in SymPy."""

import sympy as sp

from rsexplore.bounds import cohen2019
from rsexplore.formula import Formula
from rsexplore.notation import PhiInv, d, p_A, p_B, sigma

p = sp.Symbol("p", positive=True)  # value of the smoothed score, in (0, 1); the lecture's p_x
L = sp.Symbol("L", positive=True)  # a Lipschitz constant
x, a, w, z = sp.symbols("x a w z", real=True)  # input, edge of a half-line, two variables of integration

DIMENSION = sp.sqrt(d) / sigma  # from Jensen's inequality: E ||z||_2 <= sqrt(d)
GLOBAL = 1 / (sigma * sp.sqrt(2 * sp.pi))  # for every direction and score: E |z_1| / 2
LOCAL = sp.exp(-(PhiInv(p) ** 2) / 2) / (sigma * sp.sqrt(2 * sp.pi))  # where the smoothed score is p
PSI = PhiInv(p)  # makes the smoothed score Lipschitz with 1 / sigma everywhere
RADIUS = (p_A - p_B) / (2 * L)  # Theorem 0
assert isinstance(cohen2019.l2.formula, Formula)
EXACT = cohen2019.l2.formula.plain  # Theorem 1


def density(at: sp.Expr, deviation: sp.Expr | int = 1) -> sp.Expr:
    """Density of N(0, deviation^2) on the line."""
    return sp.exp(-(at**2) / (2 * deviation**2)) / (deviation * sp.sqrt(2 * sp.pi))


def slope(edge: sp.Expr) -> sp.Integral:
    """E[f(z) z / sigma] for the score of a half-line, f = 1 where z >= edge."""
    return sp.Integral(z / sigma * density(z), (z, edge, sp.oo))


def derivation() -> dict[str, sp.Equality]:
    """Steps from smoothing to Theorem 1, by what they say: equations that hold identically in their free symbols.

    `doit` evaluates both sides.
    """
    kernel, half_line = density(x - w, sigma), (1 + sp.erf((x - a) / (sigma * sp.sqrt(2)))) / 2
    length = sp.sqrt(d * sp.Integral(z**2 * density(z), (z, -sp.oo, sp.oo)))
    moved = RADIUS.subs({p_A: PhiInv(p_A), p_B: PhiInv(p_B)}, simultaneous=True)
    sides = {
        # p_A falls and p_B rises by at most L r; they meet at this r
        "Theorem 0: (p_A - p_B) / (2 L) for a score of constant L": (p_A - L * RADIUS, p_B + L * RADIUS),
        # the smoothed score is f * g, and its gradient f convolved with the gradient of the Gaussian kernel g
        "Only the kernel depends on x": (sp.Derivative(kernel, x), -(x - w) / sigma**2 * kernel),
        # shown for the score of a half-line, f = 1 where x >= a, whose smoothed score is Phi((x - a) / sigma)
        "The gradient is E[f(x + sigma z) z / sigma]": (sp.Derivative(half_line, x), slope((a - x) / sigma)),
        # |E f z| <= E ||z|| <= sqrt(E ||z||^2) for f in [0, 1]; the slide's |E[f z]| <= |E z| = 0 is a slip
        "First constant: sqrt(d) / sigma": (length / sigma, DIMENSION),
        # along a unit direction u only u.z counts, and the best score is 1 where u.z > 0: no dimension is left
        "Second constant: 1 / (sigma sqrt(2 pi))": (slope(sp.Integer(0)), GLOBAL),
        # among scores with E f = p the half-line z >= -PhiInv(p) has the largest E[f z] (Neyman and Pearson)
        "Local constant: the score is p": (slope(-PhiInv(p)), LOCAL),
        "It is largest at p = 1/2, where it is the second constant": (LOCAL.subs(PhiInv(p), 0), GLOBAL),
        # the derivative of PhiInv at p is 1 / phi(PhiInv(p)), so that psi = PhiInv up to a constant
        "psi' is the inverse of the local constant, over sigma": (sp.Derivative(PSI, p), 1 / (sigma * LOCAL)),
        # chain rule: the slope of psi(score) is at most the local constant times psi'
        "psi of the smoothed score is 1/sigma-Lipschitz": (LOCAL * sp.Derivative(PSI, p), 1 / sigma),
        # psi increases, so that it keeps the order of the classes
        "Theorem 1: Theorem 0 for psi of the scores, with L = 1/sigma": (moved.subs(L, 1 / sigma), EXACT),
    }
    return {title: sp.Eq(*pair, evaluate=False) for title, pair in sides.items()}


def constants(deviation: float, dim: int, score: float) -> tuple[float, float, float]:
    """The three Lipschitz constants at a smoothed score in (0, 1), per unit of input: dimension, global, local."""
    local = float(LOCAL.subs({sigma: deviation, PhiInv(p): float(PhiInv.floats(score, 1 - score))}))
    return float(DIMENSION.subs({sigma: deviation, d: dim})), float(GLOBAL.subs(sigma, deviation)), local
