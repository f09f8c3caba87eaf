"""Certified radius against the vote: the exact radius on top, every bound under it, and what is out of reach."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore import bounds as all_bounds
from rsexplore.bound import Bound, MissingDimensionError, Status
from rsexplore.bounds import named
from rsexplore.check import floats, norm_order
from rsexplore.comparison import exact_bound
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.noises import Noise
from rsexplore.pictures import style
from rsexplore.pictures.picture import INK, Axis, Bar, Bars, Item, Line, Note, Picture, Plot, Points, Region, Rule
from rsexplore.table import rounded_down

PRINTED = ", as printed"
FEW, SLOW = 13, 1.0  # votes that a curve is drawn through where these take more than so many seconds
NO_BOUND = "no bound for this noise with these parameters in this norm"
FULL = 2.2  # shares up to this are to scale
HATCHED = "; hatched: above it"
CLASSIC = {  # what most papers compare with
    "lecuyer-l2", "lecuyer-l1", "li-renyi-l2", "li-l1", "lipschitz-l2", "teng-l1", "dinf-linf", "gg-kl-exact-lp",
}  # fmt: skip


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
    def look(self) -> dict[str, Any]:
        """Colour, dash, width and mark, as fields of a `Line`."""
        return style.look(self.bound, self.status, self.exact)


def bounds(
    noise: Noise,
    q_a: float = 1e-3,
    *,
    norm: float | str | None = None,
    share: float = 1.0,
    bounds: Iterable[Bound | str] | Bound | str | None = None,
    printed: bool = False,
    n: int | None = 100_000,
    alpha: float = 1e-3,
    **params: float | None,
) -> Picture:
    """Radius of every bound over the vote, and each one's share of the exact radius at one vote.

    Parameters
    ----------
    noise, norm, share, bounds, printed, **params
        As for `claims`.
    q_a : float in (0, 1/2)
        1 - p_A of the vote whose radii are compared.
    n : int, optional
        A rule marks the most that so many votes can show, at failure probability `alpha`; None for no rule.

    Raises
    ------
    ValueError, KeyError, MissingDimensionError
        As for `claims`.
    """
    question: dict[str, Any] = {"norm": norm, "share": share, "bounds": bounds, "printed": printed, **params}
    grid = vote_grid(min(1e-12, q_a))
    at_vote, curves, _ = answers(noise, grid, q_a, **question)
    return bounds_picture(noise, curves, at_vote, grid, q_a, norm=ball(noise, norm), share=share, n=n, alpha=alpha)


def bounds_picture(
    noise: Noise,
    curves: Sequence[Claim],
    at_vote: Sequence[Claim],
    grid: NDArray[np.float64],
    q_a: float,
    *,
    norm: float,
    share: float = 1.0,
    n: int | None = 100_000,
    alpha: float = 1e-3,
) -> Picture:
    """Return the picture of claims that are known already, by `answers`: on a grid of votes, and at one vote."""
    together = merged(curves)
    reach = 1.12 * highest(together)
    y_axis = style.length_axis(f"certified {style.norm_label(norm)} radius  (input units)", reach)
    top = y_axis.domain[1]
    exact = next((claim for claim in curves if claim.exact), None)
    at = next((float(claim.radii[0]) for claim in at_vote if claim.exact), nan)
    items: list[Item] = []
    if exact is not None:
        x, y = [*grid, grid[-1], grid[0]], [*np.nan_to_num(exact.radii, posinf=2 * top), 2 * top, 2 * top]
        items.append(Region(x=x, y=y, color=style.FORBIDDEN))
    for claim in together:
        items.append(Line(y=claim.radii, name=claim.name, label=claim.label, down=claim.status.certifies, **claim.look))
    words = "no certificate can be here" if exact else "exact radius not known here" if together else NO_BOUND
    items.append(Note(text=words, color=style.BEYOND))
    if together:
        items.append(Rule(at=q_a, to=at if isfinite(at) else None))
    if isfinite(at):
        items.append(Points(x=[q_a], y=[at], name="exact", down=True))
    if together and n is not None and (most := float(clopper_pearson_tail(n, n, alpha))) > grid[-1]:
        items.append(Rule(at=most, dash="dash", text=f"most that {n:,} votes can show"))
    classes = "two classes" if share == 1 else f"runner-up {share:g} of the rest"
    name = style.norm_label(norm)
    ends, words = (float(grid[0]), float(grid[-1])), "1 − p_A  (share of votes against the class)"
    x_axis = Axis(label=words, name="1 − p_A", scale="log", domain=ends)
    plot = Plot(title=f"{noise.label}, {classes}", share=0.6, grid=grid, x=x_axis, y=y_axis, items=tuple(items))
    titles = {claim.bound.key: claim.title for claim in together}
    shown = [replace(claim, title=titles[claim.bound.key]) for claim in at_vote if claim.bound.key in titles]
    return Picture(
        title=f"Certified {name} radii, {noise.label}, {classes}",
        desc=f"At 1 − p_A = {q_a:g}: {said(shown) or NO_BOUND}.",
        plots=(plot, *([shares(shown, f"at 1 − p_A = {q_a:g}: radius", share=0.4)] if shown else [])),
    )


def shares(at_vote: Sequence[Claim], title: str = "", share: float = 1.0) -> Plot:
    """Bars of claims about one vote, merged, largest on top: each one's share of the exact radius, and its radius."""
    if not at_vote:
        return Plot(title=title, share=share, items=())
    exact = next((float(claim.radii[0]) for claim in at_vote if claim.exact), None)
    most = max((float(claim.radii[0]) for claim in at_vote if claim.status.certifies), default=0.0)
    reference = most if exact is None else exact
    rows = []
    for claim in ranked(at_vote):
        radius = float(claim.radii[0])
        part = 1.0 if radius == reference else radius / reference if reference > 0 else 0.0
        beyond = exact is not None and part > 1 + 1e-9
        fill = "hatched" if beyond else "solid" if claim.status.certifies else "hollow"
        looks = {"color": claim.look["color"], "dash": claim.look["dash"], "fill": fill, "strong": beyond}
        rows.append(Bar(name=claim.name, value=part, text=radius_text(claim), **looks))
    items: tuple[Item, ...] = (Bars(rows=tuple(rows)), Rule(at=1.0, color=INK, dash="solid", width=1.6))
    above = any(bar.strong for bar in rows)
    end = FULL if above else 1.15
    if above:
        region = Region(x=[1.0, end, end, 1.0], y=[0.0, 0.0, 1.0, 1.0], color=style.FORBIDDEN)
        items = (region, *items)
    words = f"share of the {'largest certified' if exact is None else 'exact'} radius" + HATCHED * above
    return Plot(title=title, share=share, x=Axis(label=words, domain=(0.0, end)), items=items)


def ranked(at_vote: Iterable[Claim]) -> list[Claim]:
    """Claims about one vote, largest radius first; nan, which `max` passes over where it comes second, is last."""
    return sorted(at_vote, key=lambda claim: -max(-1.0, float(claim.radii[0])))


def said(at_vote: Iterable[Claim]) -> str:
    """Claims about one vote as words, largest radius first."""
    words = (f"{claim.name} ({claim.status.value}) {radius_text(claim)}" for claim in ranked(at_vote))
    return "; ".join(words).replace("\u00a0", " ")


def radius_text(claim: Claim) -> str:
    """Radius of a claim about one vote: towards 0 if it certifies, so that no text certifies more than the number."""
    radius = float(claim.radii[0])
    return rounded_down(radius) if claim.status.certifies else f"{radius:.4g}"


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


def usual(found: Sequence[Claim], every: bool = False) -> set[str]:
    """Keys for a first look: the exact one, the best proved one beside it, those that papers compare with; or all."""
    proved = [claim for claim in found if claim.status.certifies and not claim.exact]
    best = max(proved, key=lambda claim: float(np.nan_to_num(claim.radii[0])), default=None)
    first = (claim.exact or claim is best or claim.bound.key in CLASSIC for claim in found)
    return {claim.bound.key for claim, seen in zip(found, first, strict=True) if seen or every}


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
            radii = group[0].radii
            near = 1e-6 * np.max(np.abs(radii[np.isfinite(radii)]), initial=0)
            if group[0].status is claim.status and np.allclose(radii, claim.radii, rtol=0, atol=near, equal_nan=True):
                group.append(claim)
                break
        else:
            groups.append([claim])
    return [replace(group[0], title=" = ".join(dict.fromkeys(c.title for c in group))) for group in groups]


def vote_grid(least: float = 1e-12, points: int = 120) -> NDArray[np.float64]:
    """Values of 1 - p_A from 1/2 down to `least`, for a logarithmic axis; shape (points,)."""
    return np.geomspace(0.5, least, points)


def highest(found: Sequence[Claim]) -> float:
    """Largest finite radius: the exact one, or else of certificates, or else of all; 0 if there is none."""
    ranks = [[c for c in found if c.exact], [c for c in found if c.bound.certifies], found]
    for group in ranks:
        values = np.concatenate([claim.radii for claim in group]) if group else np.empty(0)
        most = float(values[np.isfinite(values)].max(initial=0.0))
        if most > 0:
            return most
    return 0.0


def answers(
    noise: Noise, grid: NDArray[np.float64], q_a: float, **question: Any
) -> tuple[list[Claim], list[Claim], bool]:
    """Claims at one vote, those at the votes of a grid, and whether these are interpolated.

    Where they take long they are, between few: a radius over the normal score of its vote changes little from vote to
    vote.
    """
    start = thread_time()
    at_vote = claims(noise, [q_a], **question)
    if FEW * (thread_time() - start) < SLOW:
        return at_vote, claims(noise, grid, **question), False
    score = -special.ndtri(grid)
    at = np.linspace(score[1], score[-1], FEW)
    start = thread_time()
    few = claims(noise, special.ndtr(-at), **question)
    if thread_time() - start < SLOW:
        return at_vote, claims(noise, grid, **question), False
    return at_vote, [replace(c, radii=score * np.interp(score, at, c.radii / at)) for c in few], True
