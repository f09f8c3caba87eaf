"""Certified radii against the dimension, one curve for each family, with the slope that is fitted to it."""

from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from rsexplore import bounds, scaling
from rsexplore.bound import Bound, UnsupportedNoiseError
from rsexplore.comparison import exact_bound
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.plots import style
from rsexplore.plots.decades import above, below
from rsexplore.plots.labels import EndLabels
from rsexplore.scaling import DIMS, Law, Slope

WORDS = {
    "Gaussian": "Gaussian",
    "Laplace": "Laplace",
    "Uniform": "uniform",
    "ExponentialLinf": "exponential l∞",
    "GeneralizedGaussian": "generalized Gaussian",
    "eq8": "soap bubble, eq. (8)",
    "eq10": "soap bubble, eq. (10)",
}
COLORS = {**style.FAMILY, "eq8": style.SKY, "eq10": style.GREY}
MARKS = {"Gaussian": "o", "Laplace": "s", "Uniform": "D", "GeneralizedGaussian": "^", "ExponentialLinf": "v",
         "eq8": "P", "eq10": "X"}  # fmt: skip
QUICK = ("Gaussian", "Laplace", "Uniform", "GeneralizedGaussian", "ExponentialLinf")
SLOW = ("eq8", "eq10")  # a radius takes 1 to 50 ms


class Question(NamedTuple):
    """What the radii depend on, the size of the noise apart."""

    q_a: float
    norm: float
    shape: float
    k: float  # as a share of d


class Growth(NamedTuple):
    """Radii of one family at `DIMS`, where the package can tell."""

    bound: Bound
    radii: NDArray
    slope: Slope
    law: Law | None


def member(name: str, dim: int, question: Question) -> Noise:
    """Noise of deviation 1."""
    if name == "GeneralizedGaussian":
        return GeneralizedGaussian.from_sigma(1.0, dim, shape=question.shape)
    if name in SLOW:
        own = 2.0 if name == "eq8" else inf
        k = float(f"{question.k * dim:.12g}")
        return PowerGaussian.from_sigma(1.0, dim, k=k, power_norm=own, tail_norm=own)
    return next(f for f in (Gaussian, Laplace, Uniform, ExponentialLinf) if f.__name__ == name).from_sigma(1.0, dim)


@lru_cache(maxsize=512)
def chosen(name: str, question: Question) -> Bound | None:
    """Exact bound of the family in that norm, or the one that certifies most at 3,072 coordinates."""
    noise = member(name, 3072, question)
    if best := exact_bound(noise, question.norm):
        return best
    able = [b for b in bounds.of(noise, question.norm) if b.certifies]
    radii = [float(b.radius(noise, q_a=question.q_a, norm=question.norm)) for b in able]
    return able[int(np.argmax(radii))] if able and max(radii) > 0 else None


@lru_cache(maxsize=4096)
def radius(name: str, question: Question, dim: int, fixed: str) -> float:
    """Radius of the chosen bound at deviation 1, or where E ||z||_inf is 1; nan if there is no bound."""
    bound, noise = chosen(name, question), member(name, dim, question)
    if bound is None:
        return np.nan
    found = float(bound.radius(noise, q_a=question.q_a, norm=question.norm))
    return found if fixed == "sigma" else found / mean(noise)


@lru_cache(maxsize=1024)
def mean(noise: Noise) -> float:
    """E ||z||_inf, kept."""
    return noise.mean_norm(inf)


def growth(name: str, question: Question, fixed: str) -> Growth | None:
    """Radii at deviation 1 (or E ||z||_inf = 1), their slope, and the law where it is known."""
    bound = chosen(name, question)
    if bound is None:
        return None
    radii = np.array([radius(name, question, dim, fixed) for dim in DIMS])
    at = dict(zip(DIMS, radii, strict=True))
    slope = scaling.exponent(lambda noise: at[noise.dim or 0], lambda dim: member(name, dim, question), dims=DIMS)
    try:
        law = scaling.law(bound, member(name, DIMS[0], question), question.norm, fixed)
    except UnsupportedNoiseError:
        law = None
    return Growth(bound, radii, slope, law)


class ScalingCurves:
    """Artists over the dimension, which `show` moves; `fill` adds the families that take longer."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        ax.set(xscale="log", yscale="log", xlim=(DIMS[0] / 1.3, DIMS[-1] * 1.3))
        ax.set_xlabel("d  (coordinates)")
        ax.yaxis.set_minor_formatter(NullFormatter())
        self.lines = {name: self._line(name) for name in WORDS}
        self.cursor = ax.axvline(DIMS[4], color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        self.labels = EndLabels(ax, width=44)
        self.found: dict[str, Growth] = {}

    def _line(self, name: str) -> Line2D:
        look: dict[str, Any] = {"color": COLORS[name], "marker": MARKS[name], "markersize": 5, "linewidth": 1.6}
        if name in SLOW:  # they come close to others, which are to be seen through them
            look |= {"markersize": 9, "markerfacecolor": "none", "linestyle": (0, (4, 4)), "zorder": 4}
        return self.ax.plot([], [], **{"zorder": 3, **look})[0]

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        return [self.cursor, *self.lines.values(), *self.labels.artists]

    def show(self, question: Question, size: float, fixed: str, dim: int) -> None:
        """Draw the families whose radii take no time; `size` is the deviation, or E ||z||_inf if that is fixed."""
        self.question, self.size, self.fixed = question, size, fixed
        grown = {name: growth(name, question, fixed) for name in QUICK}
        self.found = {name: one for name, one in grown.items() if one is not None}
        self.cursor.set_xdata([dim, dim])
        self._draw()

    def fill(self) -> Iterator[None]:
        """Add the other families, a radius a step."""
        for name in SLOW:
            if chosen(name, self.question) is None:
                continue
            for dim in DIMS:
                radius(name, self.question, dim, self.fixed)
                yield
            if (one := growth(name, self.question, self.fixed)) is not None:
                self.found[name] = one
                self._draw()
            yield

    def _draw(self) -> None:
        values = np.concatenate([one.radii for one in self.found.values()]) * self.size
        self.ax.set_ylim(below(0.9 * values.min()), above(1.1 * values.max()))
        for name, line in self.lines.items():
            line.set_visible(name in self.found)
            if name in self.found:
                line.set_data(DIMS, self.found[name].radii * self.size)
        up = self.ax.transScale + self.ax.transLimits
        entries = []
        for name, one in self.found.items():
            end = float(up.transform((1.0, one.radii[-1] * self.size))[1])
            status = one.bound.status_at(self.question.norm, two_class=True).value.upper()
            slope = f"{round(one.slope.value, 2) + 0:.2f}".replace("-", "−")
            look = {"color": COLORS[name], "linestyle": "-", "linewidth": 1.2}
            entries.append((f"{WORDS[name]}: slope {slope}  {status}", end, look))
        self.labels.show(entries)
