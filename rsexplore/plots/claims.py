"""Radii of every bound that applies, as the figures draw them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import bounds as all_bounds
from rsexplore.bound import Bound, MissingDimensionError, Status
from rsexplore.bounds import named
from rsexplore.check import floats, norm_order
from rsexplore.comparison import exact_bound
from rsexplore.noises import Noise
from rsexplore.plots.style import Look, look

PRINTED = ", as printed"


def ball(noise: Noise, norm: float | str | None = None) -> float:
    """Return the norm, or that in which most is known of the family of the noise."""
    return noise.natural_norm if norm is None else norm_order("claims", norm)


@dataclass(frozen=True, eq=False)
class Claim:
    """What one bound says, or several that say the same."""

    bound: Bound
    status: Status
    exact: bool  # proved to be the largest radius that any certificate can give
    radii: NDArray[np.float64]
    title: str
    caveat: str = ""  # what the status does not say of the floats

    @property
    def label(self) -> str:
        """Name and status."""
        prefix = "exact, " if self.exact and "exact" not in self.title else ""
        status = self.status.value.upper().replace(" ", "\u00a0")
        return f"{prefix}{self.title}  {status}" + (", error\u00a0estimated" if self.caveat else "")

    @property
    def name(self) -> str:
        """Name, marked where it is of a formula as printed."""
        return self.title + PRINTED * (self.status is Status.AS_PRINTED)

    @property
    def look(self) -> Look:
        """Colour, line style, width and mark."""
        return look(self.bound, self.status, self.exact)


def claims(
    noise: Noise,
    q_a: ArrayLike,
    *,
    norm: float | str | None = None,
    share: float = 1.0,
    bounds: Iterable[Bound | str] | Bound | str | None = None,
    printed: bool = True,
    **params: float | None,
) -> list[Claim]:
    """Radii of the bounds that apply, the exact one first.

    Parameters
    ----------
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out.
    q_a : array_like, shape (n,), in [0, 1]
        1 - p_A.
    norm : float >= 1 or "inf", optional
        Norm of the ball; if absent the one in which most is known of the family.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.
    bounds : Bound, key, or iterable of them, optional
        Those to show; all that apply if absent.
    printed : bool
        Whether to include formulas as printed.
    **params : float or None
        Parameters of bounds, e.g. ``c=3`` or ``order=2``; each goes to the bounds that have it.

    Raises
    ------
    ValueError
        `share` is out of range.
    KeyError
        No bound has such a key.
    MissingDimensionError
        Every bound depends on `noise.dim` here, which is not set.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got share={share}")
    q = floats("claims", "q_a", q_a, "above")
    p_b = None if share == 1 else share * q
    norm = ball(noise, norm)
    best = exact_bound(noise, norm)
    bounds = (bounds,) if isinstance(bounds, str | Bound) else bounds
    asked = [named(b) for b in (all_bounds.of(noise, norm) if bounds is None else bounds)]
    asked = [bound for bound in asked if printed or bound.status is not Status.AS_PRINTED]
    found: list[Claim] = []
    for bound in asked:
        own = {name: value for name, value in params.items() if name in bound.params}
        try:
            radii = bound.radius(noise, q_a=q, p_b=p_b, norm=norm, **own)
        except MissingDimensionError:
            if not found and bound is asked[-1]:
                raise
            continue
        status = bound.status_at(norm, two_class=p_b is None)
        found.append(Claim(bound, status, bound is best, radii, _title(bound, norm, own), bound.caveat(noise)))
    return sorted(found, key=lambda claim: not claim.exact)


def needed(noise: Noise) -> list[str]:
    """Which noises of the family the bounds are about that are not about this one, in words."""
    others = [b for b in all_bounds.ALL if type(noise) is b.noise and not b.supports(noise)]
    return list(dict.fromkeys(b.member_text for b in others if b.member_text))


def _title(bound: Bound, norm: float, own: dict[str, float | None]) -> str:
    title = bound.title.removesuffix(PRINTED)
    if bound.norm not in (norm, None) and "exact" in title:
        title += f", in l{bound.norm:g}"
    for name, value in own.items():
        if value is not None and value != bound.params[name]:
            title = f"{title.removesuffix(f', best {name}')}, {name}\u00a0=\u00a0{value:g}"
    # these stay on one line
    return re.sub(r"(et|Theorem|Corollary) (?=\w)", "\\1\u00a0", title)


def merged(found: Sequence[Claim]) -> list[Claim]:
    """Claims with those put together that have the same status and the same radii, to a millionth of the largest."""
    groups: list[list[Claim]] = []
    for claim in found:
        for group in groups:
            if group[0].status is claim.status and _same(group[0].radii, claim.radii):
                group.append(claim)
                break
        else:
            groups.append([claim])
    return [replace(group[0], title=" = ".join(dict.fromkeys(c.title for c in group))) for group in groups]


def _same(a: NDArray, b: NDArray) -> bool:
    finite = np.isfinite(a)
    if np.any(finite != np.isfinite(b)):
        return False
    return bool(np.all(np.abs(a[finite] - b[finite]) <= 1e-6 * np.max(np.abs(a[finite]), initial=0)))
