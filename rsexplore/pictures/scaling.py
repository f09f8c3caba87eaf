"""Certified radii against the dimension, one curve for each family, with the slope that is fitted to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.bound import Bound, UnsupportedNoiseError
from rsexplore.comparison import exact_bound
from rsexplore.mechanisms import GrowthLaw
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.patience import Steps, at_once, computed
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Item, Line, Mark, Note, Picture, Plot, Rule
from rsexplore.scaling import DIMS, Slope, exponent, law
from rsexplore.table import rounded_down

# words, colour, mark; those in the middle lie next to others, and are drawn broad and behind them
FAMILIES: dict[str, tuple[str, str, Mark]] = {
    "Gaussian": ("Gaussian", style.BLUE, "circle"),
    "Laplace": ("Laplace", style.ORANGE, "square"),
    "Uniform": ("uniform", style.GREEN, "diamond"),
    "ExponentialLinf": ("exponential in ℓ_∞", style.RED, "down"),
    "GeneralizedGaussian": ("generalized Gaussian", style.PINK, "triangle"),
    "eq8": ("soap bubble, eq. (8)", style.SKY, ""),
    "eq10": ("soap bubble, eq. (10)", style.GREY, ""),
}
SLOW = ("eq8", "eq10")  # a radius takes 1 to 200 ms
FIXED = {"sigma": "σ", "mean": "E ‖z‖_∞"}


@dataclass(frozen=True)
class Question:
    """What the radii depend on, the size of the noise apart; see `scaling`."""

    q_a: float = 0.01
    norm: float = 2.0
    shape: float = 3.0
    k: float = 0.3  # as a share of d
    fixed: str = "sigma"  # what stays the same as d grows: "sigma" or "mean"

    def __post_init__(self) -> None:
        if not 0 < self.q_a < 0.5 or not self.norm >= 1 or self.fixed not in FIXED:
            got = f"q_a={self.q_a}, norm={self.norm}, fixed={self.fixed!r}"
            raise ValueError(f"scaling needs q_a in (0, 1/2), norm >= 1, fixed='sigma' or 'mean', got {got}")
        if not 0 <= self.k < 1 or not self.shape >= 1:
            raise ValueError(f"scaling needs k in [0, 1) and shape >= 1, got k={self.k}, shape={self.shape}")


class Growth(NamedTuple):
    """Radii of one family at `DIMS`, where what is fixed is 1."""

    bound: Bound
    radii: NDArray
    slope: Slope
    law: GrowthLaw | None


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is computed of a question; None for a family of which the package cannot tell."""

    question: Question
    found: Mapping[str, Growth | None]


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


@lru_cache(maxsize=4096)
def radius(bound: Bound, name: str, question: Question, dim: int) -> float:
    """Radius of a bound for a family where what is fixed is 1, kept."""
    noise = member(name, dim, question)
    found = float(bound.radius(noise, q_a=question.q_a, norm=question.norm))
    return found if question.fixed == "sigma" else found / mean(noise)


def own(name: str, question: Question) -> Question:
    """The question without what the family does not depend on, for what is kept."""
    shape = question.shape if name == "GeneralizedGaussian" else 1.0
    return replace(question, shape=shape, k=question.k if name in SLOW else 0.0)


def growth(name: str, question: Question, dim: int | None = None) -> Growth | None:
    """Radii, their slope, and the law if known; None if there is no bound. Kept, and so is the radius at `dim`."""
    question = own(name, question)
    found = _growth(name, question)
    if found is not None and dim is not None:
        radius(found.bound, name, question, dim)
    return found


@lru_cache(maxsize=256)
def _growth(name: str, question: Question) -> Growth | None:
    if (bound := chosen(name, question)) is None:
        return None
    at = {dim: radius(bound, name, question, dim) for dim in DIMS}
    slope = exponent(lambda noise: at[noise.dim or 0], lambda dim: member(name, dim, question), dims=DIMS)
    try:
        known = law(bound, member(name, DIMS[0], question), question.norm, question.fixed)
    except UnsupportedNoiseError:
        known = None
    return Growth(bound, np.array([*at.values()]), slope, known)


def growing(question: Question, dim: int | None = None) -> Steps:
    """Numbers of the families that take no time, then of more and more.

    The tasks leave the radii at `dim` at hand for a table.
    """
    found = {name: growth(name, question) for name in FAMILIES if name not in SLOW}
    yield Numbers(question, found)
    for name in SLOW:
        own = yield from computed(f"radii of {FAMILIES[name][0]}", partial(growth, name, question, dim))
        found = found | {name: own}
        yield Numbers(question, found)


def scaling_picture(numbers: Numbers, size: float = 0.5, dim: int = 3072) -> Picture:
    """Picture of what is computed; `size` is the deviation, or E ||z||_inf if that is fixed, in input units."""
    if not size > 0 or not dim >= 2:
        raise ValueError(f"scaling needs size > 0 and dim >= 2, got size={size}, dim={dim}")
    question, found = numbers.question, {name: one for name, one in numbers.found.items() if one}
    items: list[Item] = [Rule(at=dim, text=f"d = {dim:,}")]
    says, least, most = [], inf, 0.0
    for name in sorted(found, key=lambda name: name not in SLOW):
        one, (words, color, mark), wide = found[name], FAMILIES[name], 5.0 if name in SLOW else 1.6
        radii, status = size * one.radii, one.bound.status_at(question.norm, two_class=True).value.upper()
        slope = f"slope {round(one.slope.value, 2) + 0:.2f}".replace("-", "−")
        label = f"{words}: {slope}  {status}"
        items.append(Line(y=radii, name=words, label=label, color=color, mark=mark, width=wide, down=True))
        law = "" if one.law is None else f", law {one.law}"
        says.append(f"{words} {rounded_down(radii[0])} to {rounded_down(radii[-1])}, {slope}{law}, {status}")
        least, most = min(least, float(radii.min())), max(most, float(radii.max()))
    if late := [FAMILIES[name][0] for name in FAMILIES if name not in numbers.found]:
        items.append(Note(text=f"{' and '.join(late)}: drawn when the sliders rest", at="bottom left"))
    ball = style.norm_label(question.norm)
    title = f"Radius and dimension at {FIXED[question.fixed]} = {size:g}, 1 − p_A = {question.q_a:g}"
    x = Axis(domain=(DIMS[0] / 1.3, DIMS[-1] * 1.3), label="d (coordinates)", name="d", scale="log")
    y = style.length_axis(f"certified {ball} radius (input units)", 1.1 * most, 0.9 * least)
    desc = f"{ball} radii from d = {DIMS[0]} to {DIMS[-1]:,}: {'; '.join(says)}."
    plot = Plot(title=title, x=x, y=y, grid=DIMS, items=tuple(items))
    return Picture(title=title, desc=desc, plots=(plot,), height=440)


def scaling(
    norm: float = 2.0,
    q_a: float = 0.01,
    *,
    size: float = 0.5,
    fixed: str = "sigma",
    shape: float = 3.0,
    k: float = 0.3,
    dim: int = 3072,
) -> Picture:
    """Every family's radius against the dimension, with fitted slopes; takes seconds. Two classes.

    For each family the exact radius in that norm, or that of the bound that certifies most.

    Parameters
    ----------
    norm : float >= 1
        Of the ball.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    size : float
        What stays the same as d grows, in input units.
    fixed : "sigma" or "mean"
        Whether that is the deviation of a coordinate or E ||z||_inf.
    shape : float >= 1
        Of generalized Gaussian noise.
    k : float in [0, 1)
        Of the soap bubbles, as a share of d.
    dim : int
        Dimension that is marked.

    Raises
    ------
    ValueError
        An argument is out of its range.
    """
    return scaling_picture(at_once(growing(Question(q_a, norm, shape, k, fixed))), size, dim)
