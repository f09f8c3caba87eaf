"""Noise pulled towards the centre: the law of its norm, its exact radius beside the Gaussian's, a shifted vote."""

from collections.abc import Generator
from functools import lru_cache, partial
from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rsexplore.comparison import exact_bound
from rsexplore.dual import law_of, resolved, total_variation, worst_case
from rsexplore.noises import PowerGaussian
from rsexplore.patience import Task, TookLong
from rsexplore.plots import style
from rsexplore.plots.curves import round_above
from rsexplore.plots.labels import EndLabels, tick

FAMILIES = {(2.0, 2.0): "eq. (8)", (inf, inf): "eq. (10)", (inf, 2.0): "eq. (9)"}
COLORS = {(2.0, 2.0): style.BLUE, (inf, inf): style.ORANGE, (inf, 2.0): style.GREEN}
MARKS = {(2.0, 2.0): "", (inf, inf): "D", (inf, 2.0): "^"}
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
    """Exact radii, kept."""
    bound = exact_bound(noise, norm)
    assert bound is not None
    return bound.radius(noise, q_a=np.array(q_a), norm=norm)


@lru_cache(maxsize=1024)
def after(noise: PowerGaussian, norm: float, q_a: float, shifts: tuple[float, ...]) -> NDArray:
    """Least probability of the class after shifts of these lengths."""
    return worst_case(_law(noise), q_a, _lengths(noise, norm, shifts))


@lru_cache(maxsize=1024)
def overlap(noise: PowerGaussian, norm: float, shifts: tuple[float, ...]) -> NDArray:
    """Share that the noise has in common with itself after shifts of these lengths."""
    return 1 - total_variation(_law(noise), _lengths(noise, norm, shifts))


def _law(noise: PowerGaussian) -> Any:
    assert noise.dim is not None
    return law_of(noise.dim, float(noise.k), noise.power_norm, noise.tail_norm)


def _lengths(noise: PowerGaussian, norm: float, shifts: tuple[float, ...]) -> NDArray:
    """In the units of the law: Euclidean for eq. (8), whose worst shift of an l_inf ball is a vertex."""
    assert noise.dim is not None
    vertex = sqrt(noise.dim) if norm == inf and noise.power_norm == 2 else 1.0
    return np.array(shifts) * vertex / noise.scale


def refusal(noise: PowerGaussian) -> str:
    """Why no radius of a noise can be drawn, as far as can be told at once; empty if it can."""
    assert noise.dim is not None
    if resolved(noise.dim, noise.k, noise.power_norm, noise.tail_norm):
        return ""
    return "no radius here for k above d − 0.5"


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
        self.curves = {powers: _line(reach, COLORS[powers], 1.8, MARKS[powers]) for powers in FAMILIES}
        self.gaussian = _line(reach, style.BLACK, 3.0)
        self.cursor = reach.axvline(1e-3, color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        self.dots = {powers: _line(reach, COLORS[powers], 0, "o", 7) for powers in FAMILIES}
        self.half = vote.axhline(0.5, color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        # the coloured lines are thinner, so that they are seen where they lie on the black ones
        self.votes = [_line(vote, color, width) for color, width in ((style.BLACK, 3.4), (style.BLUE, 1.6))]
        self.overlaps = [_line(vote, color, width) for color, width in ((style.BLACK, 2.4), (style.BLUE, 1.2))]
        for line in self.overlaps:
            line.set_linestyle((0, (4, 2)))
        self.labels = EndLabels(reach, width=19)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        reach = [self.cursor, self.gaussian, *self.curves.values(), *self.dots.values()]
        return [self.start, self.pulled, *reach, self.half, *self.overlaps, *self.votes, *self.labels.artists]

    def show(self, bubble: Bubble, sigma: float, q_a: float) -> None:
        """Draw what takes no time, and hide what else belongs to another state."""
        self.bubble, self.sigma, self.q_a = bubble, sigma, q_a
        shown = [p for p in FAMILIES if bubble.norm == inf or p == (2.0, 2.0)]
        self.noises = {powers: bubble.noise(powers) for powers in shown}
        self.chosen = self.noises[bubble.powers]
        self.base = bubble.noise((2.0, 2.0), 0.0)  # Gaussian
        self.found: dict[Powers, float] = {}
        self.refused = {powers: words for powers, noise in self.noises.items() if (words := refusal(noise))}
        for artist in (*self.curves.values(), *self.dots.values(), self.votes[1], self.overlaps[1]):
            artist.set_visible(False)
        self.gaussian_radius = sigma * float(radii(self.base, bubble.norm, (q_a,))[0])
        self.vote_ax.set_xlim(0, round_above(SHIFTS[-1] * self.gaussian_radius))
        self._law()
        self._reach()
        self._vote(0, self.base, self.gaussian_radius)
        late = [powers for powers in shown if not quick(self.noises[powers]) and powers not in self.refused]
        for powers in shown:
            if quick(self.noises[powers]):
                self._family(powers, GRID)
        if quick(self.chosen):
            self._vote(1, self.chosen, self.found[bubble.powers])
        self._late(late)

    def fill(self) -> Generator[Task | None, Any, None]:
        """Add what takes longer, by tasks; None where something is drawn."""
        left = [p for p, noise in self.noises.items() if not quick(noise) and p not in self.refused]
        while left:
            powers = left.pop(0)
            try:
                yield from self._ask(powers)
            except TookLong:
                self.refused[powers] = "not drawn, a radius takes more than a minute here"
            else:
                self._family(powers, FEW)
            self._late(left)
            yield None
        # each point of eq. (9) takes long
        if not quick(self.chosen) and self.bubble.powers in self.found and self.bubble.powers != (inf, 2):
            found = self.found[self.bubble.powers]
            words = f"votes of {FAMILIES[self.bubble.powers]} after a shift"
            yield Task(words, partial(self._votes, self.chosen, found))
            self._vote(1, self.chosen, found)
            yield None

    def _ask(self, powers: Powers) -> Generator[Task, Any, None]:
        """Tasks after which `_family` takes no time."""
        noise, norm = self.noises[powers], self.bubble.norm
        words = f"{FAMILIES[powers]}, k = {noise.k:g} of d = {noise.dim:,}"
        votes = [(self.q_a,), *((q,) for q in FEW)] if powers == (inf, 2) else [(self.q_a,), FEW]
        for count, q_a in enumerate(votes, 1):
            yield Task(f"{words}: radius {count} of {len(votes)}", partial(radii, noise, norm, q_a))

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

    def _reach(self) -> None:
        values = self.sigma * radii(self.base, self.bubble.norm, GRID)
        self.gaussian.set_data(GRID, values)
        top = round_above(1.3 * float(values[-1]))
        self.reach_ax.set_ylim(0, top)
        self.cursor.set_xdata([self.q_a, self.q_a])

    def _family(self, powers: Powers, grid: tuple[float, ...]) -> None:
        noise, line, dot = self.noises[powers], self.curves[powers], self.dots[powers]
        if powers == (inf, 2):
            values, at = (
                np.concatenate([radii(noise, self.bubble.norm, (q,)) for q in qs]) for qs in (grid, (self.q_a,))
            )
        else:
            values, at = radii(noise, self.bubble.norm, grid), radii(noise, self.bubble.norm, (self.q_a,))
        line.set_data(grid, self.sigma * values)
        self.found[powers] = self.sigma * float(at[0])
        dot.set_data([self.q_a], [self.found[powers]])
        line.set_visible(True)
        dot.set_visible(True)

    def _votes(self, noise: PowerGaussian, radius: float) -> tuple[NDArray, NDArray, NDArray]:
        """Lengths of shifts, the vote after each, and the overlap."""
        norm = self.bubble.norm
        shifts = tuple(float(x) for x in SHIFTS * (radius / self.sigma))
        lengths = np.array([0.0, *shifts]) * self.sigma
        return lengths, after(noise, norm, self.q_a, shifts), overlap(noise, norm, shifts)

    def _vote(self, place: int, noise: PowerGaussian, radius: float) -> None:
        lengths, *values = self._votes(noise, radius)
        for line, y, first in zip((self.votes[place], self.overlaps[place]), values, (1 - self.q_a, 1.0), strict=True):
            line.set_data(lengths, [first, *y])
            line.set_visible(True)
            if place:
                line.set_color(COLORS[self.bubble.powers])

    def _late(self, late: list[Powers]) -> None:
        """Say what is not drawn, and label what is."""
        left = dict.fromkeys(late, "drawn when the sliders rest") | self.refused
        lines = {"Gaussian  TIGHT": self.gaussian}
        lines |= {f"{FAMILIES[powers]}  TIGHT": self.curves[powers] for powers in self.found}
        top = self.reach_ax.get_ylim()[1]
        entries = [(words, _end(line) / top, line.get_color()) for words, line in lines.items()]
        entries += [(f"{FAMILIES[powers]}: {words}", -0.2, COLORS[powers]) for powers, words in left.items()]
        looks = {"linestyle": "-", "linewidth": 1.2}
        self.labels.show(
            [(words + "\u00a0↑" * bool(end > 1), end, {"color": color, **looks}) for words, end, color in entries]
        )


def _end(line: Line2D) -> float:
    return float(np.asarray(line.get_ydata())[-1])


def _line(ax: Axes, color: str, width: float, mark: str = "", size: float = 5) -> Line2D:
    look = "-" if width else "none"
    return ax.plot([], [], color=color, linewidth=width, marker=mark, markersize=size, linestyle=look, zorder=3)[0]
