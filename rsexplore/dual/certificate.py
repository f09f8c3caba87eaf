"""The radius of a power-Gaussian noise as a bound's formula: called like `Formula`."""

from dataclasses import dataclass
from typing import Any, ClassVar

import mpmath
import numpy as np
from numpy.typing import NDArray

from rsexplore.dual import reference
from rsexplore.dual.law import law_of
from rsexplore.dual.radius import radius

FLOOR = 1e-250  # probabilities below are counted as this much, in some laws as more: a smaller radius
LOWERED = 5e-10  # share by which radii of eq. (9) are lowered: its error is estimated, not bounded


@dataclass(frozen=True)
class Dual:
    """Radius r with V(p_A, r) + V(1 - p_B, r) = 1 for the worst shift; `euclidean` if the shift is an l2 one.

    In l_p, p >= 2, the worst shift of a spherical noise is a vertex, of Euclidean length d^(1/2 - 1/p) r.
    """

    norm: str = "2"
    digits: ClassVar[int] = 15  # that `exact` has for certain, whatever the working precision

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

    def _stretch(self, d: float, p: float) -> float:
        return float(d ** max(0.0, 0.5 - 1 / p)) if self.norm == "p" else 1.0

    def floats(self, probabilities: tuple[NDArray, ...], **values: Any) -> NDArray:
        """Radius in double precision, from below; of any value where p_A <= p_B. Shape of the probabilities.

        Probabilities below 1e-250 count as 1e-250 (below 1e-40 as that, for eq. (9) where d is small or k near d), and
        radii below 1e-140 as 0 (at scale 1; they occur for d - k < 1: at d = 1, k = 0.999 all of them for p up to
        1 - 1e-9, where log r goes as 1 / (d - k)).
        """
        pa, qa, pb, _ = np.broadcast_arrays(*probabilities)
        law = law_of(int(values["d"]), float(values["k"]), values["a"], values["b"])
        inside = (pa > pb) & (qa >= 0) & (pb >= 0)
        out = np.zeros(pa.shape)
        least = max(FLOOR, law.least)
        out[inside] = radius(law, np.maximum(qa[inside], least), np.maximum(pb[inside], least))
        out[(qa == 0) & (pb == 0)] = np.inf
        kept = 1 - LOWERED if values["a"] != values["b"] and values["d"] > 1 else 1.0
        return kept * values["lambda"] * out / self._stretch(values["d"], values.get("p", 2))

    def exact(self, pa: Any, pb: Any, **values: Any) -> mpmath.mpf:
        """Radius at mpmath's working precision, two classes, by an independent route.

        Raises
        ------
        NotImplementedError
            There are more than two classes, or the family is that of eq. (9).
        """
        found = reference.radius(pa, pb, values["d"], values["k"], values["a"], values["b"])
        return mpmath.mpf(values["lambda"]) * found / self._stretch(values["d"], values.get("p", 2))
