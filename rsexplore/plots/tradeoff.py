"""Pairs of radii in two norms at once: what is certified, what is printed, and the balls on their own."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from rsexplore import tradeoff
from rsexplore.bound import Status, UnsupportedNoiseError
from rsexplore.noises import GeneralizedGaussian
from rsexplore.plots import style
from rsexplore.plots.style import TEXT, EndLabels, above, below, tick
from rsexplore.tradeoff import Frontier

POINTS = 129
NO_FRONTIER = "the frontier of these norms is not known for this shape"


def known(make: Callable[[], Frontier]) -> Frontier | None:
    """Return what `make` gives, or None where the package knows no answer for that noise."""
    try:
        return make()
    except UnsupportedNoiseError:
        return None


def weighted_point(frontier: Frontier | None, weight: float) -> tuple[float, float]:
    """Pair of a frontier with the largest weight log eps_a + (1 - weight) log eps_b, among its points."""
    if frontier is None:
        return np.nan, np.nan
    with np.errstate(divide="ignore"):
        score = weight * np.log(frontier.first) + (1 - weight) * np.log(frontier.second)
    best = int(np.argmax(score))
    return float(frontier.first[best]), float(frontier.second[best])


class TradeoffRegions:
    """Artists in the plane of two radii, which `show` moves."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
            axis.set_major_formatter(tick)
            axis.set_minor_formatter(NullFormatter())
        common: dict[str, Any] = {"size": 8, "style": "italic", "color": "#1B4965"}
        words = "dark: one of the balls alone is certified\nlight: both together; dotted: equal radii"
        # above the labels, as curves go through every corner of the axes
        inches = ax.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]
        corner = ax.transAxes + ScaledTranslation(TEXT / 72, 15 / 72, inches)
        self.legend = ax.text(1, 1, words, va="center", linespacing=1.05, transform=corner, **common)
        self.safe = Polygon(np.ones((3, 2)), closed=True, color="#DCEBF5", linewidth=0, zorder=0.4)
        self.union = Polygon(np.ones((3, 2)), closed=True, color="#B9D8EC", linewidth=0, zorder=0.5)
        for patch in (self.safe, self.union):
            ax.add_patch(patch)
        dashes = style.LINE[Status.AS_PRINTED]
        (self.true,) = ax.plot([], [], color=style.BLUE, linewidth=3, zorder=3)
        (self.printed,) = ax.plot([], [], color=style.ORANGE, linewidth=1.8, linestyle=dashes, zorder=4)
        (self.claim,) = ax.plot([], [], color=style.RED, linewidth=1.6, linestyle=dashes, zorder=3)
        (self.ball,) = ax.plot([], [], color=style.GREEN, linewidth=1.6, zorder=2.5)
        (self.equal,) = ax.plot([], [], color="#999999", linestyle=":", linewidth=1.2, zorder=2)
        (self.chosen,) = ax.plot([], [], color=style.BLUE, marker="o", markersize=8, linestyle="none", zorder=6)
        (self.at_print,) = ax.plot([], [], color=style.ORANGE, marker="s", markersize=6, linestyle="none", zorder=6)
        self.note = ax.text(0.5, 0.5, "", transform=ax.transAxes, ha="center", size=9, style="italic", zorder=6)
        self.labels = EndLabels(ax, width=38)

    def show(self, noise: GeneralizedGaussian, q_a: float, norms: tuple[float, float], weight: float) -> None:
        """Draw the regions of a noise with `dim` and one vote, two classes; `norms` is (a, b), a < b."""
        assert noise.dim is not None
        self.noise, self.norms = noise, norms
        self.balls = tradeoff.balls(noise, q_a=q_a, norms=norms)
        self.frontier = known(lambda: tradeoff.frontier(noise, q_a=q_a, norms=norms, points=POINTS))
        paper = known(lambda: tradeoff.printed_frontier(noise, q_a=q_a, points=POINTS))
        self.paper = paper if paper is not None and paper.norms == norms else None
        # the printed frontier starts where both radii are the same
        self.as_read = float(self.paper.second[0]) if self.paper is not None else np.nan
        self.pair, self.paper_pair = (weighted_point(front, weight) for front in (self.frontier, self.paper))
        a, b = (self.balls.radii[norm] for norm in norms)
        stretch = noise.dim ** (1 / norms[0] - (0 if np.isinf(norms[1]) else 1 / norms[1]))
        ends = [[a / 2, a * stretch], [b / 2, max(2 * a, b)]]
        if self.frontier is not None:
            for end, radii in zip(ends, (self.frontier.first, self.frontier.second), strict=True):
                end += [float(radii[0]), float(radii[-1])]
        # half decades, so that the picture is drawn anew seldom
        low, high = [below(min(values)) for values in ends], [above(1.3 * max(values)) for values in ends]
        self.ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        corners = [(low[0], low[1]), (high[0], low[1]), (high[0], b), (a, b), (a, high[1]), (low[0], high[1])]
        self.union.set_xy(corners)
        front = self.frontier
        for artist in (self.safe, self.true, self.chosen):
            artist.set_visible(front is not None)
        self.note.set_text("" if front is not None else NO_FRONTIER)
        if front is not None:
            # with its two ends, from where one ball alone decides
            x = [front.first[0], *front.first, high[0]]
            y = [high[1], *front.second, front.second[-1]]
            self.safe.set_xy([(low[0], low[1]), (low[0], high[1]), *zip(x, y, strict=True), (high[0], low[1])])
            self.true.set_data(x, y)
            self.chosen.set_data([self.pair[0]], [self.pair[1]])
        for artist in (self.printed, self.claim, self.at_print):
            artist.set_visible(self.paper is not None)
        if self.paper is not None:
            self.printed.set_data(self.paper.first, self.paper.second)
            self.claim.set_data([low[0], high[0]], [self.as_read] * 2)
            self.at_print.set_data([self.paper_pair[0]], [self.paper_pair[1]])
        self.ball.set_data([low[0], high[0]], [b, b])
        self.equal.set_data([max(low), min(high)], [max(low), min(high)])
        name = "l∞" if np.isinf(norms[1]) else f"l{norms[1]:g}"
        lines = {
            "frontier, exact in the KL budget  SOUND": self.true,
            "printed frontier, for the intersection  AS PRINTED": self.printed,
            f"read as an {name} ball on its own: NO CERTIFICATE": self.claim,
            f"the {name} ball on its own  SOUND": self.ball,
        }
        self.labels.show([(words, line) for words, line in lines.items() if line.get_visible()])
