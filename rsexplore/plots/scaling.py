"""Certified radii against the dimension, one curve for each family, with the slope that is fitted to it."""

from collections.abc import Generator
from functools import lru_cache, partial
from math import inf
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from rsexplore import bounds, scaling
from rsexplore.bound import Bound, UnsupportedNoiseError
from rsexplore.comparison import exact_bound
from rsexplore.mechanisms import GrowthLaw
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.patience import Task
from rsexplore.plots import style
from rsexplore.plots.style import EndLabels, above, below
from rsexplore.scaling import DIMS, Slope

WORDS = {
    "Gaussian": "Gaussian", "Laplace": "Laplace", "Uniform": "uniform", "ExponentialLinf": "exponential l∞",
    "GeneralizedGaussian": "generalized Gaussian", "eq8": "soap bubble, eq. (8)", "eq10": "soap bubble, eq. (10)",
}  # fmt: skip
COLORS = {**style.FAMILY, "eq8": style.SKY, "eq10": style.GREY}
MARKS = dict(zip(WORDS, "osDv^PX", strict=True))
SLOW = ("eq8", "eq10")  # a radius takes 1 to 50 ms
QUICK = tuple(name for name in WORDS if name not in SLOW)


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
    law: GrowthLaw | None


def member(name: str, dim: int, question: Question) -> Noise:
    """Noise of deviation 1."""
    if name == "GeneralizedGaussian":
        return GeneralizedGaussian.from_sigma(1.0, dim, shape=question.shape)
    if name in SLOW:
        own = 2.0 if name == "eq8" else inf
        k = float(f"{question.k * dim:.12g}")
        return PowerGaussian.from_sigma(1.0, dim, k=k, power_norm=own, tail_norm=own)
    return next(f for f in (Gaussian, Laplace, Uniform, ExponentialLinf) if f.__name__ == name).from_sigma(1.0, dim)


def chosen(name: str, question: Question) -> Bound | None:
    """Exact bound of the family in that norm, or the one that certifies most at 3,072 coordinates."""
    noise = member(name, 3072, question)
    if best := exact_bound(noise, question.norm):
        return best
    able = [b for b in bounds.of(noise, question.norm) if b.certifies]
    radii = [float(b.radius(noise, q_a=question.q_a, norm=question.norm)) for b in able]
    return able[int(np.argmax(radii))] if able and max(radii) > 0 else None


@lru_cache(maxsize=1024)
def mean(noise: Noise) -> float:
    """E ||z||_inf, kept."""
    return noise.mean_norm(inf)


def radius(bound: Bound, name: str, question: Question, dim: int, fixed: str) -> float:
    """Radius of a bound for a family at deviation 1, or where E ||z||_inf is 1."""
    noise = member(name, dim, question)
    found = float(bound.radius(noise, q_a=question.q_a, norm=question.norm))
    return found if fixed == "sigma" else found / mean(noise)


@lru_cache(maxsize=64)
def growth(name: str, question: Question, fixed: str) -> Growth | None:
    """Radii at deviation 1 (or E ||z||_inf = 1), their slope, and the law if known; None if there is no bound."""
    if (bound := chosen(name, question)) is None:
        return None
    at = {dim: radius(bound, name, question, dim, fixed) for dim in DIMS}
    slope = scaling.exponent(lambda noise: at[noise.dim or 0], lambda dim: member(name, dim, question), dims=DIMS)
    try:
        law = scaling.law(bound, member(name, DIMS[0], question), question.norm, fixed)
    except UnsupportedNoiseError:
        law = None
    return Growth(bound, np.array([*at.values()]), slope, law)


class ScalingCurves:
    """Artists over the dimension, which `show` moves; `fill` adds the families that take longer."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        ax.set(xscale="log", yscale="log", xlim=(DIMS[0] / 1.3, DIMS[-1] * 1.3))
        ax.set_xlabel("d  (coordinates)")
        ax.yaxis.set_minor_formatter(NullFormatter())
        self.lines: dict[str, Line2D] = {}
        for name in WORDS:
            look: dict[str, Any] = {"color": COLORS[name], "marker": MARKS[name], "markersize": 5, "zorder": 3}
            if name in SLOW:  # they come close to others, which are to be seen through them
                look |= {"markersize": 9, "markerfacecolor": "none", "linestyle": (0, (4, 4)), "zorder": 4}
            self.lines[name] = ax.plot([], [], linewidth=1.6, **look)[0]
        self.cursor = ax.axvline(DIMS[4], color="#777777", linestyle=":", linewidth=1.2, zorder=1)
        self.labels = EndLabels(ax, width=44)
        self.found: dict[str, Growth] = {}

    def show(self, question: Question, size: float, fixed: str, dim: int) -> None:
        """Draw the families whose radii take no time; `size` is the deviation, or E ||z||_inf if that is fixed."""
        self.question, self.size, self.fixed = question, size, fixed
        self.found = {name: found for name in QUICK if (found := growth(name, question, fixed))}
        self.cursor.set_xdata([dim, dim])
        self._draw()

    def fill(self) -> Generator[Task | None, Any, None]:
        """Add the other families, by tasks; None where something is drawn."""
        for name in SLOW:
            found = yield Task(f"radii of {WORDS[name]}", partial(growth, name, self.question, self.fixed))
            if found is not None:
                self.found[name] = found
                self._draw()
                yield None

    def _draw(self) -> None:
        values = np.concatenate([one.radii for one in self.found.values()]) * self.size
        self.ax.set_ylim(below(0.9 * values.min()), above(1.1 * values.max()))
        for name, line in self.lines.items():
            line.set_visible(name in self.found)
            if name in self.found:
                line.set_data(DIMS, self.found[name].radii * self.size)
        entries = []
        for name, one in self.found.items():
            status = one.bound.status_at(self.question.norm, two_class=True).value.upper()
            slope = f"{round(one.slope.value, 2) + 0:.2f}".replace("-", "−")
            entries.append((f"{WORDS[name]}: slope {slope}  {status}", self.lines[name]))
        self.labels.show(entries)
