"""Certified radius against the vote: the exact radius on top, every bound under it, and what is out of reach."""

from collections.abc import Sequence
from math import floor, isnan, log10
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.claims import Claim, ball, claims, merged
from rsexplore.plots.labels import EndLabels, tick
from rsexplore.plots.shares import ShareBars, share_bars, within

__all__ = ["RadiusCurves", "ShareBars", "axis_top", "radius_curves", "round_above", "share_bars", "vote_grid"]

STEPS = (1, 2, 4, 7, 10)
NO_BOUND = "no bound for this noise\nwith these parameters\nin this norm"
MARKS = 9  # about so many marks on a curve that has them


def vote_grid(least: float = 1e-12, points: int = 120) -> NDArray[np.float64]:
    """Values of 1 - p_A from 1/2 down to `least`, for a logarithmic axis; shape (points,)."""
    return np.geomspace(0.5, least, points)


class RadiusCurves:
    """Artists of `radius_curves`, which `show` moves to other claims on the same grid of votes."""

    def __init__(self, ax: Axes, q_a: ArrayLike, *, log: bool = True, labels: bool = True) -> None:
        self.ax, self.log = ax, log
        self.q_a = np.asarray(q_a, dtype=float)
        self.lines: dict[str, Line2D] = {}
        self._drawn: dict[str, style.Look] = {}  # looks that the lines have: setting them again would take time
        self.labels = EndLabels(ax)
        self._with_labels = labels
        self.shade = Polygon(np.zeros((3, 2)), closed=True, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        ax.add_patch(self.shade)
        self.note = ax.text(0.02, 0.965, "", transform=ax.transAxes, va="top", size=9, style="italic", zorder=4)
        self.note.set_color(style.BEYOND)
        self.cursor = ax.axvline(self._x(1e-3), color="#777777", linestyle=":", linewidth=1.2, zorder=1, visible=False)
        self.dot = Line2D([], [], color="black", marker="o", markersize=6, linestyle="none", zorder=5)
        ax.add_line(self.dot)
        _votes_axis(ax, self.q_a, log)
        ax.yaxis.set_major_formatter(tick)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        return [self.shade, self.cursor, *self.lines.values(), self.note, self.dot, *self.labels.artists]

    def show(
        self,
        found: Sequence[Claim],
        norm: float,
        at: tuple[float, float] | None = None,
        together: Sequence[Claim] | None = None,
    ) -> None:
        """Draw claims whose radii are on the grid, which are `together` if merged.

        `at` is a vote (1 - p_A) to mark, and the exact radius there.
        """
        together = merged(found) if together is None else together
        top = axis_top(together)
        self.ax.set_ylim(0, top)
        self.ax.set_ylabel(f"certified {style.norm_label(norm)} radius  (input units)")
        shown = {claim.bound.key: claim for claim in together}
        for key in {**shown, **self.lines}:
            self._line(key, shown.get(key))
        self._shade(next((claim for claim in found if claim.exact), None), top, bool(found))
        self._mark(at, top)
        if self._with_labels:
            self.labels.show([self._label(claim, top) for claim in together])

    def _x(self, q_a: Any) -> Any:
        return q_a if self.log else 1 - q_a

    def _line(self, key: str, claim: Claim | None) -> None:
        if key not in self.lines:
            self.lines[key] = self.ax.plot([], [], markevery=0.11)[0]
        line = self.lines[key]
        line.set_visible(claim is not None)
        if claim is None:
            return
        line.set_data(self._x(self.q_a), claim.radii)
        if self._drawn.get(key) != claim.look or line.get_label() != claim.label:
            # the marks of two curves that lie close must not cover one another; and a thin curve that coincides with
            # the thick exact one is seen on top of it
            step = max(len(self.q_a) // MARKS, 1)
            line.set(label=claim.label, markevery=(step // 2, step), markersize=4, **claim.look._asdict())
            line.set_zorder(2 if claim.exact else 3)
            self._drawn[key] = claim.look

    def _shade(self, exact: Claim | None, top: float, any_bound: bool) -> None:
        self.shade.set_visible(exact is not None)
        words = "no certificate\ncan be here" if exact else "exact radius not known here" if any_bound else NO_BOUND
        self.note.set_text(words)
        if exact is not None:
            x, y = self._x(self.q_a), np.nan_to_num(exact.radii, posinf=2 * top)
            corners = [(x[-1], 2 * top), (x[0], 2 * top)]
            self.shade.set_xy(np.concatenate([np.column_stack([x, y]), corners]))

    def _mark(self, at: tuple[float, float] | None, top: float) -> None:
        self.cursor.set_visible(at is not None)
        self.dot.set_data(*(([], []) if at is None else ([self._x(at[0])], [at[1]])))
        if at is not None:
            # down from the exact radius: above it are only words
            end = at[1] / top if np.isfinite(at[1]) else 1.0
            self.cursor.set_data([self._x(at[0])] * 2, [0, end])

    def _label(self, claim: Claim, top: float) -> tuple[str, float, dict[str, Any]]:
        radius = float(claim.radii[-1])
        end = 0.0 if isnan(radius) else within(radius, -2 * top, 2 * top) / top
        out = "\u00a0↑" if end > 1 else "\u00a0↓" if end < 0 else ""
        return claim.label + out, end, claim.look._asdict()


def radius_curves(
    ax: Axes,
    noise: Noise,
    q_a: float | None = None,
    *,
    norm: float | str | None = None,
    grid: ArrayLike | None = None,
    log: bool = True,
    labels: bool = True,
    **question: Any,
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
    grid : array_like, shape (n,), descending, optional
        Values of 1 - p_A.
    log : bool
        Whether the axis is 1 - p_A, logarithmic; else it is p_A, linear.
    labels : bool
        Whether to label the ends of the curves; the lines have their labels for a legend in any case.
    **question
        `share`, `bounds` (keys will do), `printed` and parameters of bounds, as for `claims.claims`.

    Returns
    -------
    RadiusCurves
        Its `lines` are by the key of the bound.
    """
    if grid is None:
        grid = vote_grid() if log else np.linspace(0.5, 1e-3, 250)
    drawn = RadiusCurves(ax, grid, log=log, labels=labels)
    marked = None
    if q_a is not None:
        exact = next((c for c in claims(noise, [q_a], norm=norm, **question) if c.exact), None)
        marked = (q_a, np.nan if exact is None else float(exact.radii[0]))
    drawn.show(claims(noise, grid, norm=norm, **question), ball(noise, norm), marked)
    ax.set_title(f"Every certificate, {noise.label}")
    return drawn


def axis_top(found: Sequence[Claim]) -> float:
    """Top of the radius axis: a round number somewhat above the exact radius, or else above the largest certificate."""
    ranks = [[c for c in found if c.exact], [c for c in found if c.bound.certifies], list(found)]
    for group in ranks:
        values = np.concatenate([claim.radii for claim in group]) if group else np.empty(0)
        values = values[np.isfinite(values)]
        if len(values) and values.max() > 0:
            return round_above(1.12 * float(values.max()))
    return 1.0


def round_above(value: float) -> float:
    """Return a round number that is not below a positive one: so axes change seldom while a slider moves."""
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in STEPS if step * unit >= value * (1 - 1e-12))


def _votes_axis(ax: Axes, q_a: NDArray, log: bool) -> None:
    if log:
        ax.set_xscale("log")
        ax.set_xlim(q_a[0], q_a[-1])
        decades = log10(q_a[0] / q_a[-1])
        ax.xaxis.set_major_locator(LogLocator(numticks=8 if decades > 10 else 12))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("$1 - p_A$  (share of votes against the class)")
    else:
        ax.set_xlim(1 - q_a[0], 1)
        ax.set_xlabel("$p_A$  (share of votes for the class)")
