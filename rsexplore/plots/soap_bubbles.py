"""Noise pulled towards the centre: the law of its norm, its exact radius beside the Gaussian's, a shifted vote."""

from collections.abc import Generator
from functools import lru_cache, partial
from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rsexplore.comparison import exact_bound
from rsexplore.dual import law_of, resolved, total_variation, worst_case
from rsexplore.noises import PowerGaussian
from rsexplore.patience import Task, TookLong
from rsexplore.plots import style
from rsexplore.plots.style import EndLabels, round_above, tick

FAMILIES = {(2.0, 2.0): "eq. (8)", (inf, inf): "eq. (10)", (inf, 2.0): "eq. (9)"}
COLORS = dict(zip(FAMILIES, (style.BLUE, style.ORANGE, style.GREEN), strict=True))
LEAST = 1e-9  # of 1 - p_A on the axis
GRID = tuple(float(q) for q in np.geomspace(0.45, LEAST, 33))
FEW = GRID[::4]
SHIFTS = np.linspace(0.05, 1.7, 21)  # over the radius
QUICK_FROM = 500  # coordinates from which all of eq. (8) takes a few ms
Powers = tuple[float, float]


class Bubble(NamedTuple):
    """What a picture is of; sizes are over the deviation `sigma`."""

    dim: int
    k: float  # as a share of `dim`
    match: str  # "sigma" or "mode": what is that of the Gaussian
    norm: float
    powers: Powers

    def noise(self, powers: Powers, k: float | None = None) -> PowerGaussian:
        """Member at sigma = 1."""
        own = float(f"{(self.k if k is None else k) * self.dim:.12g}")
        norms = {"power_norm": powers[0], "tail_norm": powers[1]}
        if self.match == "sigma":
            return PowerGaussian.from_sigma(1.0, self.dim, k=own, **norms)
        if own >= self.dim - 1:
            needed = f"modes of the norm can be equal for k below d − 1 = {self.dim - 1} alone, got k = {own:g}"
            raise ValueError(f"{needed}: take a smaller k, or equal σ")
        return PowerGaussian.matched(1.0, own, self.dim, **norms)


@lru_cache(maxsize=512)
def radii(noise: PowerGaussian, norm: float, q_a: tuple[float, ...]) -> NDArray:
    """Exact radii, kept; of eq. (9) each on its own, as it takes long."""
    if (noise.power_norm, noise.tail_norm) == (inf, 2) and len(q_a) > 1:
        return np.concatenate([radii(noise, norm, (q,)) for q in q_a])
    bound = exact_bound(noise, norm)
    assert bound is not None
    return bound.radius(noise, q_a=np.array(q_a), norm=norm)


@lru_cache(maxsize=1024)
def moved(noise: PowerGaussian, norm: float, q_a: float, radius: float) -> tuple[NDArray, NDArray]:
    """Least probability of the class, and the share that noise and shifted noise have in common, after `SHIFTS`."""
    assert noise.dim is not None
    law = law_of(noise.dim, float(noise.k), noise.power_norm, noise.tail_norm)
    # in the units of the law: Euclidean for eq. (8), whose worst shift of an l_inf ball is a vertex
    vertex = sqrt(noise.dim) if norm == inf and noise.power_norm == 2 else 1.0
    lengths = SHIFTS * radius * vertex / noise.scale
    return worst_case(law, q_a, lengths), 1 - total_variation(law, lengths)


def quick(noise: PowerGaussian) -> bool:
    """Whether all curves of it take a few milliseconds."""
    return noise.power_norm == 2 and (noise.dim or 0) >= QUICK_FROM


class SoapCurves:
    """Artists of three axes, which `show` moves; `fill` adds what takes longer."""

    def __init__(self, law: Axes, reach: Axes, vote: Axes) -> None:
        self.law_ax, self.reach_ax, self.vote_ax = law, reach, vote
        law.set(yticks=[], ylabel="density", ylim=(0, 1.12))
        reach.set(xscale="log", xlim=(0.5, LEAST), xlabel="$1 - p_A$  (share of votes against)")
        vote.set(ylim=(0, 1), ylabel="share of votes, overlap")
        for ax in (reach, vote):
            (ax.yaxis if ax is reach else ax.xaxis).set_major_formatter(tick)
        self.start, self.pulled = (_line(law, color, 2.2) for color in (style.BLACK, style.BLUE))
        self.gaussian = _line(reach, style.BLACK, 3.0)
        self.curves = {p: _line(reach, COLORS[p], 1.8, mark) for p, mark in zip(FAMILIES, ("", "D", "^"), strict=True)}
        self.cursor = reach.axvline(1e-3, color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        self.dots = {powers: _line(reach, COLORS[powers], 0, "o", 7) for powers in FAMILIES}
        self.half = vote.axhline(0.5, color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        # the coloured lines are thinner, so that they are seen where they lie on the black ones
        self.votes = [_line(vote, color, width) for color, width in ((style.BLACK, 3.4), (style.BLUE, 1.6))]
        self.overlaps = [_line(vote, color, width) for color, width in ((style.BLACK, 2.4), (style.BLUE, 1.2))]
        for line in self.overlaps:
            line.set_linestyle((0, (4, 2)))
        self.labels = EndLabels(reach, width=19)

    def show(self, bubble: Bubble, sigma: float, q_a: float) -> None:
        """Draw what takes no time, and hide what else belongs to another state."""
        self.bubble, self.sigma, self.q_a = bubble, sigma, q_a
        shown = [p for p in FAMILIES if bubble.norm == inf or p == (2.0, 2.0)]
        self.noises = {powers: bubble.noise(powers) for powers in shown}
        self.chosen = self.noises[bubble.powers]
        self.base = bubble.noise((2.0, 2.0), 0.0)  # Gaussian
        self.found: dict[Powers, float] = {}
        self.refused = {
            powers: "no radius here for k above d − 0.5"
            for powers, noise in self.noises.items()
            if not resolved(bubble.dim, noise.k, *powers)
        }
        for artist in (*self.curves.values(), *self.dots.values(), self.votes[1], self.overlaps[1]):
            artist.set_visible(False)
        self.gaussian_radius = sigma * float(radii(self.base, bubble.norm, (q_a,))[0])
        self.vote_ax.set_xlim(0, round_above(SHIFTS[-1] * self.gaussian_radius))
        self._law()
        values = sigma * radii(self.base, bubble.norm, GRID)
        self.gaussian.set_data(GRID, values)
        self.reach_ax.set_ylim(0, round_above(1.3 * float(values[-1])))
        self.cursor.set_xdata([q_a, q_a])
        self._vote(0, self.base, self.gaussian_radius)
        for powers in shown:
            if quick(self.noises[powers]):
                self._family(powers, GRID)
        if quick(self.chosen):
            self._vote(1, self.chosen, self.found[bubble.powers])
        self._words(self._left())

    def _left(self) -> list[Powers]:
        """Families that take longer."""
        return [powers for powers, noise in self.noises.items() if not quick(noise) and powers not in self.refused]

    def fill(self) -> Generator[Task | None, Any, None]:
        """Add what takes longer, by tasks; None where something is drawn."""
        left = self._left()
        while left:
            powers = left.pop(0)
            noise, norm = self.noises[powers], self.bubble.norm
            words = f"{FAMILIES[powers]}, k = {noise.k:g} of d = {noise.dim:,}"
            votes = [(self.q_a,), *((q,) for q in FEW)] if powers == (inf, 2) else [(self.q_a,), FEW]
            try:
                for count, q_a in enumerate(votes, 1):
                    yield Task(f"{words}: radius {count} of {len(votes)}", partial(radii, noise, norm, q_a))
            except TookLong:
                self.refused[powers] = "not drawn, a radius takes more than a minute here"
            else:
                self._family(powers, FEW)
            self._words(left)
            yield None
        # each point of eq. (9) takes long
        if not quick(self.chosen) and self.bubble.powers in self.found and self.bubble.powers != (inf, 2):
            radius = self.found[self.bubble.powers]
            words = f"votes of {FAMILIES[self.bubble.powers]} after a shift"
            yield Task(words, partial(moved, self.chosen, self.bubble.norm, self.q_a, radius / self.sigma))
            self._vote(1, self.chosen, radius)
            yield None

    def _law(self) -> None:
        tail = self.bubble.powers[1]
        unit = sqrt(self.bubble.dim) if tail == 2 else 1.0
        start = self.bubble.noise(self.bubble.powers, 0.0)
        middle = start.mode_norm / unit
        reach = round_above(4 * max(start.scale, self.chosen.scale) / unit / sqrt(2))
        low, high = max(0.0, round(middle - reach, 2)), round(middle + reach, 2)
        x = np.linspace(max(low, 1e-9), high, 160)
        self.law_ax.set_xlim(low, high)
        self.law_ax.set_xlabel("$‖z‖_2 / σ\\sqrt{d}$" if tail == 2 else "$‖z‖_∞ / σ$")
        heights = [noise.norm_density(x * unit) for noise in (start, self.chosen)]
        finite = [h[np.isfinite(h)] for h in heights]
        top = max(float(h.max()) for h in finite)
        for line, h in zip((self.start, self.pulled), heights, strict=True):
            line.set_data(x, np.minimum(h / top, 2))
        self.pulled.set_color(COLORS[self.bubble.powers])

    def _family(self, powers: Powers, grid: tuple[float, ...]) -> None:
        noise, line, dot = self.noises[powers], self.curves[powers], self.dots[powers]
        self.found[powers] = self.sigma * float(radii(noise, self.bubble.norm, (self.q_a,))[0])
        line.set_data(grid, self.sigma * radii(noise, self.bubble.norm, grid))
        dot.set_data([self.q_a], [self.found[powers]])
        line.set_visible(True)
        dot.set_visible(True)

    def _vote(self, place: int, noise: PowerGaussian, radius: float) -> None:
        values = moved(noise, self.bubble.norm, self.q_a, radius / self.sigma)
        for line, y, first in zip((self.votes[place], self.overlaps[place]), values, (1 - self.q_a, 1.0), strict=True):
            line.set_data([0.0, *(SHIFTS * radius)], [first, *y])
            line.set(visible=True, color=COLORS[self.bubble.powers] if place else style.BLACK)

    def _words(self, late: list[Powers]) -> None:
        """Say what is not drawn, and label what is."""
        words = dict.fromkeys(self.found, "  TIGHT") | dict.fromkeys(late, ": drawn when the sliders rest")
        words |= {powers: f": {why}" for powers, why in self.refused.items()}
        families = [(FAMILIES[powers] + text, self.curves[powers]) for powers, text in words.items()]
        self.labels.show([("Gaussian  TIGHT", self.gaussian), *families])


def _line(ax: Axes, color: str, width: float, mark: str = "", size: float = 5) -> Line2D:
    look = "-" if width else "none"
    return ax.plot([], [], color=color, linewidth=width, marker=mark, markersize=size, linestyle=look, zorder=3)[0]
