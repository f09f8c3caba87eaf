"""Renyi divergences of every order: what a class change needs, what a shift spends, and the radius that each gives."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import ArrayLike, NDArray

from rsexplore import bounds
from rsexplore.check import Probabilities
from rsexplore.divergences import Best, LeastInfinite, LeastRenyi, best_order
from rsexplore.noises import Gaussian
from rsexplore.plots import style
from rsexplore.plots.curves import round_above
from rsexplore.plots.labels import EndLabels, tick

MOST = 3.0  # order at the right end
NAMED = {0.5: "hellinger-l2", 1.0: "kl-l2", 2.0: "chi2-l2"}  # orders that have a bound of their own
NAMES = {0.5: "Hellinger", 1.0: "KL", 2.0: "χ²"}
BEST = style.RED
MOST_KEPT = 10_000
_KEPT: dict[tuple[float, float | None], Best] = {}


def needed(order: ArrayLike, q_a: float, p_b: float | None = None) -> NDArray:
    """Least Renyi divergence of a class change at many orders above 0, shape (n,); `LeastRenyi` of the package."""
    points = Probabilities.of(None, np.asarray(q_a), None if p_b is None else np.asarray(p_b))
    with np.errstate(all="ignore"):
        return np.asarray(LeastRenyi.floats(np.asarray(order, dtype=float), *points.cut))


def limit(q_a: float, p_b: float | None = None) -> float:
    """What `needed` tends to as the order grows: the least D_inf."""
    points = Probabilities.of(None, np.asarray(q_a), None if p_b is None else np.asarray(p_b))
    return float(LeastInfinite.floats(*points.cut))


def best(q_a: float, p_b: float | None = None) -> Best:
    """`best_order`, kept: it does not depend on the noise."""
    if (q_a, p_b) not in _KEPT:
        look_ahead([(q_a, p_b)])
    return _KEPT[q_a, p_b]


def look_ahead(votes: Sequence[tuple[float, float | None]]) -> None:
    """Find the best order at many pairs (1 - p_A, p_B) for later: one search takes as long as hundreds together."""
    if len(_KEPT) > MOST_KEPT:
        _KEPT.clear()
    for two in (True, False):
        left = [pair for pair in votes if pair not in _KEPT and (pair[1] is None) == two]
        if left:
            q_a, p_b = zip(*left, strict=True)
            found = best_order(q_a=np.array(q_a), p_b=None if two else np.array(p_b))
            _KEPT.update(zip(left, map(Best, *(x.tolist() for x in found)), strict=True))


def radius_of(sigma: float, value: float) -> float:
    """l2 radius of Gaussian noise whose divergence over the order is `value`."""
    return sigma * sqrt(2 * value)


class RenyiCurves:
    """Two axes over the order: divergences, and radii; `show` moves them."""

    def __init__(self, need: Axes, reach: Axes, points: int = 240) -> None:
        self.need_ax, self.reach_ax = need, reach
        self.orders = np.linspace(0, MOST, points + 1)[1:]
        for ax in (need, reach):
            ax.set(xlim=(0, MOST), xlabel="order α of the Rényi divergence")
            ax.yaxis.set_major_formatter(tick)
            for order in NAMES:
                foot = 0.0 if ax is need else 0.06  # under it is its name
                ax.axvline(order, foot, color="#DDDDDD", linewidth=0.8, zorder=0.6)
        for order, name in NAMES.items():
            reach.text(order, 0.015, name, transform=reach.get_xaxis_transform(), ha="center", va="bottom", size=8)
        need.set_ylabel("divergence $D_α$  (nats)")
        self.need = need.plot([], [], color=style.BLUE, linewidth=2.4, zorder=3)[0]
        self.infinite = need.plot([], [], color=style.GREY, linestyle="--", linewidth=1.2, zorder=2)[0]
        self.spent = need.plot([], [], color=style.ORANGE, linewidth=1.6, zorder=3)[0]
        self.steepest = need.plot([], [], color=BEST, linewidth=1.6, linestyle=(0, (5, 2)), zorder=2.5)[0]
        self.reach = reach.plot([], [], color=style.BLUE, linewidth=2.4, zorder=3)[0]
        self.exact = reach.plot([], [], color=style.BLACK, linewidth=3.0, zorder=2)[0]
        self.shade = Polygon(np.zeros((4, 2)), closed=True, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        reach.add_patch(self.shade)
        self.dots = [_dot(ax, style.ORANGE) for ax in (need, reach)]
        self.top = [_dot(ax, BEST) for ax in (need, reach)]
        self.named = {order: _dot(reach, style.look(bounds.get(key)).color, 5) for order, key in NAMED.items()}
        self.words, self.labels = EndLabels(need, width=22), EndLabels(reach, width=22)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        lines = [self.infinite, self.steepest, self.spent, self.need, self.exact, self.reach]
        return [self.shade, *lines, *self.named.values(), *self.top, *self.dots, *self.words.artists,
                *self.labels.artists]  # fmt: skip

    def show(self, sigma: float, q_a: float, p_b: float | None, order: float) -> None:
        """Draw the curves of one pair of votes, and the shift that `order` certifies."""
        noise, need = Gaussian(sigma), needed(self.orders, q_a, p_b)
        radii = sigma * np.sqrt(2 * need / self.orders)
        at, value = (float(x) for x in best(q_a, p_b))
        own = float(needed([order], q_a, p_b)[0])
        radius, largest = radius_of(sigma, own / order), radius_of(sigma, value)
        exact = float(bounds.get("cohen-l2").radius(noise, q_a=q_a, p_b=p_b))
        self.radius, self.largest, self.best_at, self.exact_radius = radius, largest, at, exact
        infinite = limit(q_a, p_b)
        ends, high = np.array([0, MOST]), 1.12 * exact
        self.need_ax.set_ylim(0, round_above(1.02 * infinite))
        self.need.set_data(self.orders, need)
        self.infinite.set_data(ends, [infinite, infinite])
        self.spent.set_data(ends, ends * own / order)
        self.steepest.set_data(ends, ends * value)
        self.reach_ax.set_ylim(0, round_above(high))
        self.reach.set_data(self.orders, radii)
        self.exact.set_data(ends, [exact, exact])
        roof = 4 * high
        self.shade.set_xy([(0, exact), (MOST, exact), (MOST, roof), (0, roof)])
        for dots, x, heights in ((self.dots, order, (own, radius)), (self.top, at, (at * value, largest))):
            for dot, y in zip(dots, heights, strict=True):
                dot.set_data([x], [y])
        for place, dot in self.named.items():
            dot.set_data([place], [float(bounds.get(NAMED[place]).radius(noise, q_a=q_a, p_b=p_b))])
        self._words(order, at, float(radii[-1]), p_b is None)

    def _words(self, order: float, at: float, end: float, two: bool) -> None:
        roof = self.need_ax.get_ylim()[1]
        rays = [
            ("spent by the shift that this order certifies", self.spent),
            (f"spent at the best order{' (D_MR)' if two else ''}", self.steepest),
            ("D∞, which the need tends to", self.infinite),
            ("needed: least of a class change", self.need),
        ]
        rays = rays[1:] if abs(order - at) < 1e-9 else rays  # one ray then lies on the other
        self.spent.set_visible(len(rays) == 4)
        for dot in self.dots:
            dot.set_visible(len(rays) == 4)
        self.words.show([(words, float(np.asarray(line.get_ydata())[-1]) / roof, _look(line)) for words, line in rays])
        top = self.reach_ax.get_ylim()[1]
        sound, tight = style.look(bounds.get("renyi-l2")), style.look(bounds.get("cohen-l2"), exact=True)
        self.labels.show(
            [
                ("exact, Cohen et al.  TIGHT", self.exact_radius / top, tight._asdict()),
                ("Rényi of each order  SOUND", end / top, sound._asdict()),
            ]
        )


def _look(line: Line2D) -> dict[str, Any]:
    return {"color": line.get_color(), "linestyle": line.get_linestyle(), "linewidth": 1.2}


def _dot(ax: Axes, color: str, size: float = 7) -> Line2D:
    return ax.plot([], [], color=color, marker="o", markersize=size, linestyle="none", zorder=5)[0]
