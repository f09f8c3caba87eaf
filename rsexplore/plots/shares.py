"""Bars: the share of the exact radius that each bound reaches at one vote."""

from collections.abc import Sequence
from math import inf, isnan
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.claims import Claim, claims, merged
from rsexplore.plots.labels import wrapped
from rsexplore.table import rounded_down

FULL = 2.2  # shares up to this are to scale
STRIPE = 5.0  # points from stripe to stripe, across
OF_EXACT, OF_LARGEST = "share of the exact radius", "share of the largest certified radius"


class ShareBars:
    """Artists of `share_bars`, which `show` moves to other claims."""

    def __init__(self, ax: Axes, width: int = 21) -> None:
        self.ax, self._width = ax, width
        self.bars: dict[str, Rectangle] = {}
        self.names: dict[str, Text] = {}
        self._drawn: dict[str, tuple[Any, ...]] = {}
        self.values: dict[str, Text] = {}
        self.stripes: dict[str, Line2D] = {}
        ax.set_xlim(0, FULL)
        ax.set_ylim(0, 1)
        ax.set_yticks([])
        self.beyond = ax.axvspan(1, FULL, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        self.edge = ax.axvline(1, color="black", linewidth=1.6, zorder=3)
        self.note = ax.text(0.985, 0.015, "", transform=ax.transAxes, ha="right", va="bottom", size=8, style="italic")
        self.note.set_color(style.BEYOND)
        self.head = ax.text(1.02, 1.0, "radius", transform=ax.transAxes, size=8, color="#555555", va="bottom")

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        texts = [*self.names.values(), *self.values.values()]
        return [self.beyond, *self.bars.values(), *self.stripes.values(), self.edge, self.note, self.head, *texts]

    def show(self, found: Sequence[Claim], column: int = 0, together: Sequence[Claim] | None = None) -> None:
        """Draw claims at one column of their radii, largest on top; `together` are those claims, merged."""
        groups = merged(found) if together is None else together
        reference, known = _reference(found, column)
        show_if(self.beyond, known)
        show_if(self.edge, bool(groups))
        self.ax.set_xlabel(OF_EXACT if known else OF_LARGEST)
        self.head.set_visible(bool(groups))
        rows = sorted(groups, key=lambda claim: -within(float(claim.radii[column]), -1.0, inf))
        shown = {claim.bound.key: (place, claim) for place, claim in enumerate(rows)}
        above = 0
        for key in {**shown, **self.bars}:
            if key not in shown:
                self._hide(key)
                continue
            place, claim = shown[key]
            above += self._bar(claim, column, 1 - (place + 0.5) / len(rows), 1 / len(rows), reference, known)
        words = "hatched: above the exact radius" if above else "above the exact radius"
        self.note.set_text(wrapped(words, 17) if known else "")

    def _bar(self, claim: Claim, column: int, y: float, room: float, reference: float, known: bool) -> bool:
        """Move one bar and say whether it is beyond the exact radius."""
        key = claim.bound.key
        if key not in self.bars:
            self._make(key)
        bar, name, value = self.bars[key], self.names[key], self.values[key]
        radius = float(claim.radii[column])
        share = radius / reference if reference > 0 else 0.0
        beyond = known and share > 1 + 1e-9
        value.set_text(radius_text(claim, radius))
        # what is as before is left alone, for setting it and drawing it anew take time
        thick, length = min(0.66 * room, 0.1), within(share, 0, 2 * FULL)
        place = (y, thick, round(length, 9))  # as sigma moves, shares change in their last digits only
        look = (claim.look, claim.status.certifies, beyond, claim.name)
        before_place, before_look = self._drawn.get(key, (None, None))
        if before_look != look:
            self._dress(key, claim, beyond)
        if before_place != place:
            bar.set_bounds(0, y - thick / 2, length, thick)
            name.set_y(y)
            value.set_y(y)
        if (before_place, before_look) != (place, look):
            self._hatch(key, bar if beyond else None)
            self._drawn[key] = (place, look)
        return beyond

    def _dress(self, key: str, claim: Claim, beyond: bool) -> None:
        """Give a bar and its texts the look of a claim."""
        bar, name, value, look = self.bars[key], self.names[key], self.values[key], claim.look
        hollow = not claim.status.certifies
        bar.set(facecolor="white" if hollow else look.color, edgecolor=look.color, linestyle=look.linestyle)
        bar.set(linewidth=1.4 if hollow else 0)
        name.set_text(wrapped(claim.name, self._width))
        value.set(weight="bold" if beyond else "normal", color=style.RED if beyond else "black")
        for artist in (bar, name, value):
            artist.set_visible(True)

    def _make(self, key: str) -> None:
        self.bars[key] = Rectangle((0, 0), 0, 0, zorder=2)
        self.ax.add_patch(self.bars[key])
        self.stripes[key] = Line2D([], [], linewidth=1.0, zorder=2.1)
        self.ax.add_line(self.stripes[key])
        common: dict[str, Any] = {"transform": self.ax.transAxes, "size": 8, "va": "center", "linespacing": 0.95}
        self.names[key] = self.ax.text(-0.03, 0, "", ha="right", **common)
        self.values[key] = self.ax.text(1.02, 0, "", ha="left", **common)

    def _hide(self, key: str) -> None:
        self._drawn.pop(key, None)
        for artist in (self.bars[key], self.names[key], self.values[key], self.stripes[key]):
            show_if(artist, False)

    def _hatch(self, key: str, bar: Rectangle | None) -> None:
        """Draw stripes over a bar, as one line: Matplotlib's own hatching takes longer than ten bars."""
        stripes = self.stripes[key]
        show_if(stripes, bar is not None)
        if bar is None:
            return
        box = self.ax.bbox
        wide, tall = box.width * min(bar.get_width(), FULL) / FULL, box.height * bar.get_height()
        foot = np.arange(-tall, wide, STRIPE * self.ax.figure.dpi / 72)
        low, high = np.maximum(-foot, 0), np.minimum(wide - foot, tall)  # heights at which each enters and leaves
        gaps = np.full_like(foot, np.nan)
        x = np.column_stack([foot + low, foot + high, gaps]) * FULL / box.width
        y = np.column_stack([low, high, gaps]) / box.height + bar.get_y()
        stripes.set_data(x.ravel(), y.ravel())
        stripes.set_color(bar.get_edgecolor())


def share_bars(ax: Axes, noise: Noise, q_a: float, *, norm: float | None = None, **question: Any) -> ShareBars:
    """Draw each bound's share of the exact radius at one vote, with its radius at the right.

    Parameters
    ----------
    ax : Axes
        Names go left of it and radii right of it, so leave room there.
    noise : Noise
        With `dim` if a bound needs it.
    q_a : float in [0, 1]
        1 - p_A.
    norm : float >= 1, optional
        Norm of the ball; if absent the one in which most is known of the family.
    **question
        As for `curves.radius_curves`.
    """
    drawn = ShareBars(ax)
    drawn.show(claims(noise, [q_a], norm=norm, **question))
    ax.set_title(f"at $1 - p_A$ = {q_a:g}")
    return drawn


def show_if(artist: Artist, shown: bool) -> None:
    """Show an artist or hide it; one that is so already is not marked as changed."""
    if artist.get_visible() != shown:
        artist.set_visible(shown)


def within(value: float, low: float, high: float) -> float:
    """Return a number moved between two others; `low` for nan."""
    return low if isnan(value) else min(max(value, low), high)


def radius_text(claim: Claim, radius: float) -> str:
    """Return a radius as text: towards 0 if it certifies, so that no text certifies more than the number does."""
    return rounded_down(radius) if claim.status.certifies else f"{radius:.4g}"


def _reference(found: Sequence[Claim], column: int) -> tuple[float, bool]:
    """Return the radius that the shares are of, and whether it is the exact one."""
    exact = next((claim for claim in found if claim.exact), None)
    if exact is not None:
        return float(exact.radii[column]), True
    certified = [float(claim.radii[column]) for claim in found if claim.status.certifies]
    return max(certified, default=0.0), False
