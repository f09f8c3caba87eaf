"""Bars: the share of the exact radius that each bound reaches at one vote."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.curves import Claim, claims, merged
from rsexplore.plots.style import wrapped
from rsexplore.table import rounded_down

FULL = 2.2  # shares up to this are to scale
OF_EXACT, OF_LARGEST = "share of the exact radius", "share of the largest certified radius"


class ShareBars:
    """Artists of `share_bars`, which `show` moves to other claims."""

    def __init__(self, ax: Axes, width: int = 21) -> None:
        self.ax, self._width = ax, width
        self.bars: dict[str, Rectangle] = {}
        self.names: dict[str, Text] = {}
        self.values: dict[str, Text] = {}
        ax.set(xlim=(0, FULL), ylim=(0, 1), yticks=[])
        self.beyond = ax.axvspan(1, FULL, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        self.edge = ax.axvline(1, color="black", linewidth=1.6, zorder=3)
        self.note = ax.text(0.985, 0.015, "", transform=ax.transAxes, ha="right", va="bottom", size=8, style="italic")
        self.note.set_color(style.BEYOND)
        self.head = ax.text(1.02, 1.0, "radius", transform=ax.transAxes, size=8, color="#555555", va="bottom")

    def show(self, groups: Sequence[Claim]) -> None:
        """Draw claims about one vote, merged, largest on top."""
        exact = next((float(claim.radii[0]) for claim in groups if claim.exact), None)
        certified = [float(claim.radii[0]) for claim in groups if claim.status.certifies]
        known, reference = exact is not None, max(certified, default=0.0) if exact is None else exact
        self.beyond.set_visible(known)
        self.edge.set_visible(bool(groups))
        self.head.set_visible(bool(groups))
        self.ax.set_xlabel(OF_EXACT if known else OF_LARGEST)
        for artist in (*self.bars.values(), *self.names.values(), *self.values.values()):
            artist.set_visible(False)
        # nan, which `max` passes over where it comes second, is last
        rows = sorted(groups, key=lambda claim: -max(-1.0, float(claim.radii[0])))
        above = False
        for place, claim in enumerate(rows):
            radius = float(claim.radii[0])
            share = radius / reference if reference > 0 else 0.0
            beyond = known and share > 1 + 1e-9
            above |= beyond
            self._bar(claim, 1 - (place + 0.5) / len(rows), min(0.66 / len(rows), 0.1), share, beyond)
            self.values[claim.bound.key].set_text(radius_text(claim, radius))
        words = "hatched: above the exact radius" if above else "above the exact radius"
        self.note.set_text(wrapped(words, 17) if known else "")

    def _bar(self, claim: Claim, y: float, thick: float, share: float, beyond: bool) -> None:
        """Move one bar and its texts, and give them the look of a claim."""
        key, look, hollow = claim.bound.key, claim.look, not claim.status.certifies
        if key not in self.bars:
            self.bars[key] = Rectangle((0, 0), 0, 0, zorder=2)
            self.ax.add_patch(self.bars[key])
            common: dict[str, Any] = {"transform": self.ax.transAxes, "size": 8, "va": "center", "linespacing": 0.95}
            self.names[key] = self.ax.text(-0.03, 0, "", ha="right", **common)
            self.values[key] = self.ax.text(1.02, 0, "", ha="left", **common)
        bar, name, value = self.bars[key], self.names[key], self.values[key]
        bar.set_bounds(0, y - thick / 2, max(0.0, min(share, 2 * FULL)), thick)
        bar.set(facecolor="white" if hollow else look.color, edgecolor=look.color, linestyle=look.linestyle)
        bar.set(linewidth=1.4 if hollow else 0, hatch="////" if beyond else None, visible=True)
        name.set(text=wrapped(claim.name, self._width), y=y, visible=True)
        value.set(weight="bold" if beyond else "normal", color=style.RED if beyond else "black", y=y, visible=True)


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
    drawn.show(merged(claims(noise, [q_a], norm=norm, **question)))
    ax.set_title(f"at $1 - p_A$ = {q_a:g}")
    return drawn


def radius_text(claim: Claim, radius: float) -> str:
    """Return a radius as text: towards 0 if it certifies, so that no text certifies more than the number does."""
    return rounded_down(radius) if claim.status.certifies else f"{radius:.4g}"
