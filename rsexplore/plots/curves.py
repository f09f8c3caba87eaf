"""Certified radius against the vote: the exact radius on top, every bound under it, and what is out of reach."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from time import thread_time
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore import bounds as all_bounds
from rsexplore.bound import Bound, MissingDimensionError, Status
from rsexplore.bounds import named
from rsexplore.check import floats, norm_order
from rsexplore.comparison import exact_bound
from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.style import EndLabels, Look, look, round_above, tick

PRINTED = ", as printed"
FEW, SLOW = 13, 1.0  # votes that a curve is drawn through where these take more than so many seconds
NO_BOUND = "no bound for this noise\nwith these parameters\nin this norm"
MARKS = 9  # about so many marks on a curve that has them


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


def vote_grid(least: float = 1e-12, points: int = 120) -> NDArray[np.float64]:
    """Values of 1 - p_A from 1/2 down to `least`, for a logarithmic axis; shape (points,)."""
    return np.geomspace(0.5, least, points)


class RadiusCurves:
    """Artists of `radius_curves`, which `show` moves to other claims on the same grid of votes."""

    def __init__(self, ax: Axes, q_a: ArrayLike) -> None:
        self.ax = ax
        self.q_a = np.asarray(q_a, dtype=float)
        self.lines: dict[str, Line2D] = {}
        self.labels = EndLabels(ax)
        self.shade = Polygon(np.zeros((3, 2)), closed=True, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        ax.add_patch(self.shade)
        self.note = ax.text(0.02, 0.965, "", transform=ax.transAxes, va="top", size=9, style="italic", zorder=4)
        self.note.set_color(style.BEYOND)
        self.cursor = ax.axvline(1e-3, color="#777777", linestyle=":", linewidth=1.2, zorder=1, visible=False)
        self.dot = ax.plot([], [], color="black", marker="o", markersize=6, linestyle="none", zorder=5)[0]
        ax.yaxis.set_major_formatter(tick)
        ax.set(xscale="log", xlim=(self.q_a[0], self.q_a[-1]), xlabel="$1 - p_A$  (share of votes against the class)")
        ax.xaxis.set_major_locator(LogLocator(numticks=8 if self.q_a[0] / self.q_a[-1] > 1e10 else 12))
        ax.xaxis.set_minor_formatter(NullFormatter())

    def show(self, found: Sequence[Claim], norm: float, at: tuple[float, float] | None = None) -> dict[str, str]:
        """Draw claims whose radii are on the grid; return the titles of what is drawn, by the key of the bound.

        `at` is a vote (1 - p_A) to mark, and the exact radius there.
        """
        together = merged(found)
        top = axis_top(together)
        self.ax.set(ylim=(0, top), ylabel=f"certified {style.norm_label(norm)} radius  (input units)")
        for line in self.lines.values():
            line.set_visible(False)
        for claim in together:
            self._line(claim)
        exact = next((claim for claim in found if claim.exact), None)
        self.shade.set_visible(exact is not None)
        words = "no certificate\ncan be here" if exact else "exact radius not known here" if found else NO_BOUND
        self.note.set_text(words)
        if exact is not None:
            y = np.nan_to_num(exact.radii, posinf=2 * top)
            corners = [(self.q_a[-1], 2 * top), (self.q_a[0], 2 * top)]
            self.shade.set_xy(np.concatenate([np.column_stack([self.q_a, y]), corners]))
        self.cursor.set_visible(at is not None)
        if at is not None:
            self.dot.set_data([at[0]], [at[1]])
            # down from the exact radius: above it are only words
            self.cursor.set_data([at[0]] * 2, [0, at[1] / top if np.isfinite(at[1]) else 1.0])
        entries = [(claim.label, self.lines[claim.bound.key]) for claim in together]
        self.labels.show(entries, [claim.look.linestyle for claim in together])
        return {claim.bound.key: claim.title for claim in together}

    def _line(self, claim: Claim) -> None:
        if claim.bound.key not in self.lines:
            self.lines[claim.bound.key] = self.ax.plot([], [])[0]
        line = self.lines[claim.bound.key]
        line.set_data(self.q_a, claim.radii)
        # the marks of two curves that lie close must not cover one another; and a thin curve that coincides with the
        # thick exact one is seen on top of it
        step = max(len(self.q_a) // MARKS, 1)
        line.set(label=claim.label, markevery=(step // 2, step), markersize=4, **claim.look._asdict())
        line.set(zorder=2 if claim.exact else 3, visible=True)


def radius_curves(
    ax: Axes, noise: Noise, q_a: float | None = None, *, norm: float | str | None = None, **question: Any
) -> RadiusCurves:
    """Draw the radius of every bound against the vote.

    Parameters
    ----------
    ax : Axes
        Labels go right of it, so leave room there.
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out.
    q_a : float, optional
        A value of 1 - p_A to mark.
    norm : float >= 1 or "inf", optional
        Norm of the ball; if absent the one in which most is known of the family.
    **question
        `share`, `bounds` (keys will do), `printed` and parameters of bounds, as for `claims`.

    Returns
    -------
    RadiusCurves
        Its `lines` are by the key of the bound.
    """
    drawn = RadiusCurves(ax, vote_grid())
    marked = None
    if q_a is not None:
        exact = next((c for c in claims(noise, [q_a], norm=norm, **question) if c.exact), None)
        marked = (q_a, np.nan if exact is None else float(exact.radii[0]))
    drawn.show(claims(noise, drawn.q_a, norm=norm, **question), ball(noise, norm), marked)
    ax.set_title(f"Every certificate, {noise.label}")
    return drawn


def axis_top(found: Sequence[Claim]) -> float:
    """Top of the radius axis: a round number somewhat above the exact radius, or else above the largest certificate."""
    ranks = [[c for c in found if c.exact], [c for c in found if c.bound.certifies], found]
    for group in ranks:
        values = np.concatenate([claim.radii for claim in group]) if group else np.empty(0)
        most = float(values[np.isfinite(values)].max(initial=0.0))
        if most > 0:
            return round_above(1.12 * most)
    return 1.0


def on_grid(noise: Noise, grid: NDArray[np.float64], **question: Any) -> tuple[list[Claim], bool]:
    """Claims at the votes of a grid, where these take long interpolated between few, and whether they are.

    A radius over the normal score of its vote changes little from vote to vote.
    """
    score = -special.ndtri(grid)
    at = np.linspace(score[1], score[-1], FEW)
    start = thread_time()
    few = claims(noise, special.ndtr(-at), **question)
    if thread_time() - start < SLOW:
        return claims(noise, grid, **question), False
    return [replace(c, radii=score * np.interp(score, at, c.radii / at)) for c in few], True
