"""Exact radii by the law of the log-likelihood ratio, for noise whose radius has no closed form."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, ClassVar

import mpmath
import numpy as np
from numpy.typing import NDArray

from rsexplore.dual import reference
from rsexplore.dual.cube import Cube
from rsexplore.dual.law import Law, distance, kept, radius, total_variation, worst_case
from rsexplore.dual.mixed import Mixed
from rsexplore.dual.radial import Spherical
from rsexplore.formula import AnyFormula

__all__ = ["Dual", "Law", "distance", "kept", "law_of", "resolved", "total_variation", "worst_case"]

FLOOR = 1e-250  # probabilities below are counted as this much: a smaller radius
LOWERED = 5e-10  # share by which radii of eq. (9) are lowered: its error is estimated, not bounded


def resolved(dim: int, k: float, power_norm: float, tail_norm: float) -> bool:
    """Whether double precision tells the levels of L apart: not for family (9) with k next to dim.

    There ||z||_inf is spread over too many decades.
    """
    return dim == 1 or power_norm == tail_norm or dim - k >= 0.5


@lru_cache(maxsize=64)
def law_of(dim: int, k: float, power_norm: float, tail_norm: float) -> Law:
    """Return the law of L for a member of `PowerGaussian`; the shift is Euclidean for (8), l_inf for (9) and (10).

    Raises
    ------
    NotImplementedError
        The member is not `resolved`.
    """
    if not resolved(dim, k, power_norm, tail_norm):
        raise NotImplementedError(f"soap-dual-linf: eq. (9) is not resolved for k this near dim, got k={k}, dim={dim}")
    if (dim == 1 and k > 0) or (dim > 1 and tail_norm == power_norm == inf):
        return Cube(dim, k)
    return Spherical(dim, k) if dim == 1 or power_norm == tail_norm else Mixed(dim, k)


@dataclass(frozen=True)
class Dual(AnyFormula):
    """Radius r with V(p_A, r) + V(1 - p_B, r) = 1 for the worst shift.

    `norm` is that of the shift; in l_p, p >= 2, the worst shift of a spherical noise is a vertex, of Euclidean length
    d^(1/2 - 1/p) r.
    """

    norm: str = "2"
    digits: ClassVar[int] = 15

    @property
    def latex(self) -> str:
        """LaTeX of the radius."""
        shift = {"2": r"\lVert\delta\rVert_2 \leq r", "p": r"\lVert\delta\rVert_p \leq r"}
        ball = shift.get(self.norm, r"\lVert\delta\rVert_\infty \leq r")
        worst = r"\max_\lambda \left[\lambda p_A - D(\lambda, \delta)\right]"
        best = r"\min_\lambda \left[\lambda p_B + D(\lambda, \delta)\right]"
        return rf"\sup\left\{{r : \min_{{{ball}}} {worst} \geq \max_{{{ball}}} {best}\right\}}"

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the noise's symbols, and p for a bound in every norm."""
        return frozenset({"lambda", "k", "d", "a", "b"} | ({"p"} if self.norm == "p" else set()))

    def stretch(self, d: float, p: float) -> float:
        """Length of the worst shift of l_p length 1, in the units of the law."""
        return float(d ** max(0.0, 0.5 - 1 / p)) if self.norm == "p" else 1.0

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Radius in double precision, from below; of any value where p_A <= p_B. Shape of the probabilities.

        Probabilities below 1e-250 count as 1e-250, and radii below 1e-140 as 0 (at scale 1; they occur for d - k < 1:
        at d = 1, k = 0.999 all of them for p up to 1 - 1e-9, where log r goes as 1 / (d - k)).
        """
        pa, qa, pb, _ = np.broadcast_arrays(*probabilities)
        law = law_of(int(values["d"]), float(values["k"]), values["a"], values["b"])
        inside = (pa > pb) & (qa >= 0) & (pb >= 0)
        out = np.zeros(pa.shape)
        out[inside] = radius(law, np.maximum(qa[inside], FLOOR), np.maximum(pb[inside], FLOOR))
        out[(qa == 0) & (pb == 0)] = np.inf
        kept = 1 - LOWERED if isinstance(law, Mixed) else 1.0
        return kept * values["lambda"] * out / self.stretch(values["d"], values.get("p", 2))

    def vote(self, r: NDArray, **values: Any) -> NDArray:
        law, out = law_of(int(values["d"]), float(values["k"]), values["a"], values["b"]), np.full(r.shape, 0.5)
        inside = (r > 0) & np.isfinite(r)
        shift = r[inside] * self.stretch(values["d"], values.get("p", 2)) / values["lambda"]
        half = np.full(shift.shape, 0.5)
        out[inside] = kept(law, half, half, shift)[0]  # V(p, r) = 1/2 where p = 1 - V(1/2, r)
        return out

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Radius at mpmath's working precision, two classes, by an independent route.

        Raises
        ------
        NotImplementedError
            There are more than two classes, or the family is that of eq. (9).
        """
        law = law_of(int(values["d"]), float(values["k"]), values["a"], values["b"])
        found = reference.radius(pa, pb, law, values["k"])
        return mpmath.mpf(values["lambda"]) * found / self.stretch(values["d"], values.get("p", 2))
