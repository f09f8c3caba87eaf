"""Pairs of radii in two norms at once: what is certified, what is printed, and the balls on their own."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from rsexplore import tradeoff
from rsexplore.bound import Status, UnsupportedNoiseError
from rsexplore.noises import GeneralizedGaussian
from rsexplore.plots import style
from rsexplore.plots.decades import above, below
from rsexplore.plots.labels import TEXT, EndLabels, tick
from rsexplore.tradeoff import Balls, Frontier

POINTS = 129
NO_FRONTIER = "the frontier of these norms is not known for this shape"
Found = TypeVar("Found")


def known(make: Callable[[], Found]) -> Found | None:
    """Return what `make` gives, or None where the package knows no answer for that noise."""
    try:
        return make()
    except UnsupportedNoiseError:
        return None


def weighted_point(frontier: Frontier, weight: float) -> tuple[float, float]:
    """Pair of a frontier with the largest weight log eps_a + (1 - weight) log eps_b, among its points."""
    with np.errstate(divide="ignore"):
        score = weight * np.log(frontier.first) + (1 - weight) * np.log(frontier.second)
    best = int(np.argmax(score))
    return float(frontier.first[best]), float(frontier.second[best])


@lru_cache(maxsize=1024)
def at_scale_1(
    shape: float, dim: int, q_a: float, norms: tuple[float, float]
) -> tuple[Balls, Frontier | None, Frontier | None]:
    """Balls, frontier and printed frontier of noise of scale 1, each None where none is known for these norms."""
    noise = GeneralizedGaussian(1.0, shape, dim)
    front = known(lambda: tradeoff.frontier(noise, q_a=q_a, norms=norms, points=POINTS))
    paper = known(lambda: tradeoff.printed_frontier(noise, q_a=q_a, points=POINTS))
    own = paper if paper is not None and paper.norms == norms else None
    return tradeoff.balls(noise, q_a=q_a, norms=norms), front, own


def _scaled(frontier: Frontier, noise: GeneralizedGaussian) -> Frontier:
    """The frontier of a noise, from that of scale 1."""
    size = noise.scale

    def partner(radius: float) -> float:
        return size * frontier.partner(radius / size)

    return replace(frontier, noise=noise, first=size * frontier.first, second=size * frontier.second, partner=partner)


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
        self.true = ax.plot([], [], color=style.BLUE, linewidth=3, zorder=3)[0]
        self.printed = ax.plot([], [], color=style.ORANGE, linewidth=1.8, zorder=4)[0]
        self.claim = ax.plot([], [], color=style.RED, linewidth=1.6, zorder=3)[0]
        for line in (self.printed, self.claim):
            line.set_linestyle(style.LINE[Status.AS_PRINTED])
        self.ball = ax.plot([], [], color=style.GREEN, linewidth=1.6, zorder=3)[0]
        self.equal = ax.plot([], [], color="#999999", linestyle=":", linewidth=1.2, zorder=2)[0]
        self.chosen = ax.plot([], [], color=style.BLUE, marker="o", markersize=8, linestyle="none", zorder=6)[0]
        self.at_print = ax.plot([], [], color=style.ORANGE, marker="s", markersize=6, linestyle="none", zorder=6)[0]
        self.note = ax.text(0.5, 0.5, "", transform=ax.transAxes, ha="center", size=9, style="italic", zorder=6)
        self.labels = EndLabels(ax, width=38)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        lines = [self.equal, self.ball, self.claim, self.true, self.printed, self.chosen, self.at_print]
        return [self.safe, self.union, *lines, self.legend, self.note, *self.labels.artists]

    def show(self, noise: GeneralizedGaussian, q_a: float, norms: tuple[float, float], weight: float) -> None:
        """Draw the regions of a noise with `dim` and one vote, two classes; `norms` is (a, b), a < b."""
        assert noise.dim is not None
        self.noise, self.norms = noise, norms
        balls, front, paper = at_scale_1(noise.shape, noise.dim, q_a, norms)
        # radii grow with the scale of the noise
        self.balls = Balls(noise, noise.dim, {norm: noise.scale * radius for norm, radius in balls.radii.items()})
        self.frontier, self.paper = (None if one is None else _scaled(one, noise) for one in (front, paper))
        # the printed frontier starts where both radii are the same
        self.as_read = float(self.paper.second[0]) if self.paper is not None else float("nan")
        self.pair = weighted_point(self.frontier, weight) if self.frontier is not None else (np.nan, np.nan)
        self.paper_pair = weighted_point(self.paper, weight) if self.paper is not None else (np.nan, np.nan)
        low, high = self._limits(noise.dim)
        self._draw(low, high)
        self._words(high)

    def _limits(self, dim: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Corners of the picture: decades, so that it is drawn anew seldom."""
        a, b = (self.balls.radii[norm] for norm in self.norms)
        stretch = dim ** (1 / self.norms[0] - (0 if np.isinf(self.norms[1]) else 1 / self.norms[1]))
        ends = [[a / 2, a * stretch], [b / 2, max(2 * a, b)]]
        if self.frontier is not None:
            ends[0] += [float(self.frontier.first[0]), float(self.frontier.first[-1])]
            ends[1] += [float(self.frontier.second[0]), float(self.frontier.second[-1])]
        low = tuple(below(min(values)) for values in ends)
        high = tuple(above(1.3 * max(values)) for values in ends)
        self.ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        return low, high  # type: ignore[return-value]

    def _draw(self, low: tuple[float, float], high: tuple[float, float]) -> None:
        a, b = (self.balls.radii[norm] for norm in self.norms)
        corners = [(low[0], low[1]), (high[0], low[1]), (high[0], b), (a, b), (a, high[1]), (low[0], high[1])]
        self.union.set_xy(corners)
        front = self.frontier
        for artist in (self.safe, self.true, self.chosen):
            artist.set_visible(front is not None)
        self.note.set_text("" if front is not None else NO_FRONTIER)
        if front is not None:
            x, y = _through(front, high)
            self.safe.set_xy([(low[0], low[1]), (low[0], high[1]), *zip(x, y, strict=True), (high[0], low[1])])
            self.true.set_data(x, y)
            self.chosen.set_data(*([value] for value in self.pair))
        for artist in (self.printed, self.claim, self.at_print):
            artist.set_visible(self.paper is not None)
        if self.paper is not None:
            self.printed.set_data(self.paper.first, self.paper.second)
            self.claim.set_data([low[0], high[0]], [self.as_read] * 2)
            self.at_print.set_data(*([value] for value in self.paper_pair))
        self.ball.set_data([low[0], high[0]], [b, b])
        self.equal.set_data(*([max(low), min(high)],) * 2)

    def _words(self, high: tuple[float, float]) -> None:
        b, up = _name(self.norms[1]), self.ax.transScale + self.ax.transLimits
        entries: list[tuple[str, float, dict[str, Any]]] = []

        def say(words: str, line: Any, y: float) -> None:
            look = {"color": line.get_color(), "linestyle": line.get_linestyle(), "linewidth": 1.2}
            entries.append((words, float(up.transform((high[0], y))[1]), look))

        if self.frontier is not None:
            say("frontier, exact in the KL budget  SOUND", self.true, float(self.frontier.second[-1]))
        if self.paper is not None:
            say("printed frontier, for the intersection  AS PRINTED", self.printed, float(self.paper.second[-1]))
            say(f"read as an {b} ball on its own: NO CERTIFICATE", self.claim, self.as_read)
        say(f"the {b} ball on its own  SOUND", self.ball, self.balls.radii[self.norms[1]])
        self.labels.show(entries)


def _name(norm: float) -> str:
    return "l∞" if np.isinf(norm) else f"l{norm:g}"


def _through(frontier: Frontier, high: tuple[float, float]) -> tuple[NDArray, NDArray]:
    """The frontier, with its two ends, from where one ball alone decides."""
    x = np.concatenate([frontier.first[:1], frontier.first, [high[0]]])
    return x, np.concatenate([[high[1]], frontier.second, frontier.second[-1:]])
