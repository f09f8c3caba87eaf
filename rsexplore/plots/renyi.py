"""Renyi divergences of every order: what a class change needs, what a shift spends, and the radius that each gives."""

from functools import lru_cache
from math import sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from rsexplore import bounds
from rsexplore.check import Probabilities
from rsexplore.divergences import LeastInfinite, LeastRenyi, best_order
from rsexplore.noises import Gaussian
from rsexplore.plots import style
from rsexplore.plots.style import EndLabels, round_above, tick

MOST = 3.0  # order at the right end
NAMED = {0.5: ("Hellinger", "hellinger-l2"), 1.0: ("KL", "kl-l2"), 2.0: ("χ²", "chi2-l2")}  # with a bound of their own


@lru_cache(maxsize=64)
def best(q_a: float, p_b: float | None = None) -> tuple[float, float]:
    """Best order and the radius's slope there, kept: it does not depend on the noise."""
    order, value = best_order(q_a=q_a, p_b=p_b)
    return float(order), float(value)


class RenyiCurves:
    """Two axes over the order: divergences, and radii; `show` moves them."""

    def __init__(self, need: Axes, reach: Axes) -> None:
        self.need_ax, self.reach_ax = need, reach
        self.orders = np.linspace(0, MOST, 241)[1:]
        for ax, foot in ((need, 0.0), (reach, 0.06)):  # under the second one's lines are names
            ax.set(xlim=(0, MOST), xlabel="order α of the Rényi divergence")
            ax.yaxis.set_major_formatter(tick)
            for order in NAMED:
                ax.axvline(order, foot, color="#DDDDDD", linewidth=0.8, zorder=0.6)
        for order, (name, _) in NAMED.items():
            reach.text(order, 0.015, name, transform=reach.get_xaxis_transform(), ha="center", va="bottom", size=8)
        need.set_ylabel("divergence $D_α$  (nats)")
        reach.set_ylabel("certified $\\ell_2$ radius  (input units)")
        self.need = need.plot([], [], color=style.BLUE, linewidth=2.4, zorder=3)[0]
        self.infinite = need.plot([], [], color=style.GREY, linestyle="--", linewidth=1.2, zorder=2)[0]
        self.spent = need.plot([], [], color=style.ORANGE, linewidth=1.6, zorder=3)[0]
        self.steepest = need.plot([], [], color=style.RED, linewidth=1.6, linestyle=(0, (5, 2)), zorder=2.5)[0]
        self.reach = reach.plot([], [], color=style.BLUE, linewidth=2.4, zorder=3)[0]
        self.exact = reach.plot([], [], color=style.BLACK, linewidth=3.0, zorder=2)[0]
        self.shade = Polygon(np.zeros((4, 2)), closed=True, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        reach.add_patch(self.shade)
        self.dots, self.top = ([_dot(ax, color) for ax in (need, reach)] for color in (style.ORANGE, style.RED))
        self.named = {order: _dot(reach, style.look(bounds.get(key)).color, 5) for order, (_, key) in NAMED.items()}
        self.words, self.labels = EndLabels(need, width=22), EndLabels(reach, width=22)

    def show(self, sigma: float, q_a: float, p_b: float | None, order: float) -> None:
        """Draw the curves of one pair of votes, and the shift that `order` certifies."""
        noise = Gaussian(sigma)
        cut = Probabilities.of(None, np.asarray(q_a), None if p_b is None else np.asarray(p_b)).cut
        infinite = float(LeastInfinite.floats(*cut))  # what the need tends to as the order grows
        with np.errstate(all="ignore"):
            *need, own = np.asarray(LeastRenyi.floats(np.append(self.orders, order), *cut)).tolist()
        at, value = best(q_a, p_b)
        exact = float(bounds.get("cohen-l2").radius(noise, q_a=q_a, p_b=p_b))
        radius, largest = (sigma * sqrt(2 * slope) for slope in (own / order, value))
        self.radius, self.largest, self.best_at, self.exact_radius = radius, largest, at, exact
        ends, high = np.array([0, MOST]), 1.12 * exact
        self.need_ax.set_ylim(0, round_above(1.02 * infinite))
        self.need.set_data(self.orders, need)
        self.infinite.set_data(ends, [infinite, infinite])
        self.spent.set_data(ends, ends * own / order)
        self.steepest.set_data(ends, ends * value)
        self.reach_ax.set_ylim(0, round_above(high))
        self.reach.set_data(self.orders, sigma * np.sqrt(2 * np.array(need) / self.orders))
        self.exact.set_data(ends, [exact, exact])
        self.shade.set_xy([(0, exact), (MOST, exact), (MOST, 4 * high), (0, 4 * high)])
        for dots, x, heights in ((self.dots, order, (own, radius)), (self.top, at, (at * value, largest))):
            for dot, y in zip(dots, heights, strict=True):
                dot.set_data([x], [y])
        for place, dot in self.named.items():
            dot.set_data([place], [float(bounds.get(NAMED[place][1]).radius(noise, q_a=q_a, p_b=p_b))])
        for artist in (self.spent, *self.dots):  # where the order is the best one, one ray lies on the other
            artist.set_visible(abs(order - at) >= 1e-9)
        rays = [
            ("spent by the shift that this order certifies", self.spent),
            (f"spent at the best order{' (D_MR)' if p_b is None else ''}", self.steepest),
            ("D∞, which the need tends to", self.infinite),
            ("needed: least of a class change", self.need),
        ]
        self.words.show([(words, line) for words, line in rays if line.get_visible()])
        self.labels.show([("exact, Cohen et al.  TIGHT", self.exact), ("Rényi of each order  SOUND", self.reach)])


def _dot(ax: Axes, color: str, size: float = 7) -> Line2D:
    return ax.plot([], [], color=color, marker="o", markersize=size, linestyle="none", zorder=5)[0]
