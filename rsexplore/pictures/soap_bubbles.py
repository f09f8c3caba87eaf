"""Noise pulled towards the centre: the law of its norm, its exact radius beside the Gaussian's, a shifted vote."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.comparison import exact_bound
from rsexplore.dual import law_of, resolved, total_variation, worst_case
from rsexplore.noises import PowerGaussian
from rsexplore.patience import Steps, TookLong, at_once, computed
from rsexplore.pictures import style
from rsexplore.pictures.picture import INK, Axis, Item, Line, Mark, Note, Picture, Plot, Points, Rule
from rsexplore.table import rounded_down

Powers = tuple[float, float]
EQ8, EQ9, EQ10 = (2.0, 2.0), (inf, 2.0), (inf, inf)  # norm that is pulled, norm of the tail
BUBBLES: dict[Powers, tuple[str, str, Mark]] = {
    EQ8: ("eq. (8)", style.BLUE, ""),
    EQ10: ("eq. (10)", style.ORANGE, "diamond"),
    EQ9: ("eq. (9)", style.GREEN, "triangle"),
}
POWERS = {"‖z‖₂, eq. (8)": EQ8, "‖z‖∞, eq. (10)": EQ10, "mixed, eq. (9)": EQ9}
LEAST = 1e-9  # of 1 - p_A on the axis
# even in the Gaussian's radius
GRID = tuple(float(q) for q in special.ndtr(np.linspace(special.ndtri(0.45), special.ndtri(LEAST), 33)))
FEW = GRID[::4]  # for what takes long
SHIFTS = np.linspace(0.05, 1.7, 21)  # over the radius
LATE = "drawn when the sliders rest"


def grid_of(powers: Powers) -> tuple[float, ...]:
    """Votes at which the radii of a family are computed."""
    return GRID if powers == EQ8 else FEW


@dataclass(frozen=True)
class Bubble:
    """What the numbers depend on, the size of the noise apart; see `soap_bubbles`."""

    k: float = 0.3  # as a share of `dim`
    dim: int = 3072
    q_a: float = 0.01
    norm: float = 2.0
    powers: Powers = EQ8
    match: str = "sigma"

    def __post_init__(self) -> None:
        if not 0 <= self.k < 1 or not 0 < self.q_a < 0.5 or not self.dim >= 2:
            got = f"k={self.k}, q_a={self.q_a}, dim={self.dim}"
            raise ValueError(f"soap_bubbles needs k in [0, 1), q_a in (0, 1/2) and dim >= 2, got {got}")
        if self.norm not in (2, inf) or self.powers not in BUBBLES or self.match not in ("sigma", "mode"):
            got = f"norm={self.norm}, powers={self.powers}, match={self.match!r}"
            needed = f"norm 2 or inf, powers {tuple(BUBBLES)}, match 'sigma' or 'mode'"
            raise ValueError(f"soap_bubbles needs {needed}, got {got}")
        if self.powers != EQ8:  # the others are about cubes
            object.__setattr__(self, "norm", inf)

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


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is computed of a bubble, at sigma = 1; None stands for the Gaussian."""

    bubble: Bubble
    at: Mapping[Powers | None, float]  # exact radii at q_a
    curves: Mapping[Powers | None, NDArray]  # and over `grid_of`
    votes: Mapping[Powers | None, tuple[NDArray, NDArray]]  # see `moved`
    missing: Mapping[Powers, str]  # why a family is not drawn


@lru_cache(maxsize=4096)
def radii(noise: PowerGaussian, norm: float, q_a: tuple[float, ...]) -> NDArray:
    """Exact radii, kept."""
    bound: Any = exact_bound(noise, norm)
    return bound.radius(noise, q_a=np.array(q_a), norm=norm)


@lru_cache(maxsize=4096)
def drawn(noise: PowerGaussian, norm: float) -> list[NDArray]:
    """Place for the exact radii over `grid_of`: empty until they are drawn."""
    return []


@lru_cache(maxsize=1024)
def moved(noise: PowerGaussian, norm: float, q_a: float, radius: float) -> tuple[NDArray, NDArray]:
    """Least probability of the class, and the share that noise and shifted noise have in common, after `SHIFTS`."""
    law = law_of(noise.dim, noise.k, noise.power_norm, noise.tail_norm)
    # in the units of the law: Euclidean for eq. (8), whose worst shift of an l_inf ball is a vertex
    vertex = sqrt(noise.dim) if norm == inf and noise.power_norm == 2 else 1.0
    lengths = SHIFTS * radius * vertex / noise.scale
    return worst_case(law, q_a, lengths), 1 - total_variation(law, lengths)


def pulled(bubble: Bubble) -> Steps:
    """Numbers of the Gaussian and what is kept, then more and more."""
    q_a, norm, own = bubble.q_a, bubble.norm, bubble.powers
    noises = {powers: bubble.noise(powers) for powers in BUBBLES if norm == inf or powers == EQ8}
    base = bubble.noise(EQ8, 0.0)
    at: dict[Powers | None, float] = {None: float(radii(base, norm, (q_a,))[0])}
    curves: dict[Powers | None, NDArray] = {None: radii(base, norm, GRID)}
    votes: dict[Powers | None, tuple[NDArray, NDArray]] = {None: moved(base, norm, q_a, at[None])}
    missing = {
        powers: LATE if resolved(bubble.dim, noise.k, *powers) else "no radius here for k above d − 0.5"
        for powers, noise in noises.items()
    }
    late = sorted((powers for powers, words in missing.items() if words == LATE), key=lambda powers: powers != own)
    for powers in late:
        if before := drawn(noises[powers], norm):
            curves[powers] = before[0]

    def so_far() -> Numbers:
        return Numbers(bubble, dict(at), dict(curves), dict(votes), dict(missing))

    yield so_far()
    for powers in late:
        noise, grid = noises[powers], grid_of(powers)
        words = f"{BUBBLES[powers][0]}, k = {noise.k:g} of d = {noise.dim:,}"
        parts = [(q_a,), *((q,) for q in grid)] if powers == EQ9 else [(q_a,), grid]  # whose points take long each
        found: list[NDArray] = []
        try:
            for count, part in enumerate(parts, 1):
                told = f"{words}: radius {count} of {len(parts)}"
                found.append((yield from computed(told, partial(radii, noise, norm, part))))
        except TookLong:
            missing[powers] = "not drawn, a radius takes more than a minute here"
        else:
            at[powers], curves[powers] = float(found[0][0]), np.concatenate(found[1:])
            drawn(noise, norm)[:] = [curves[powers]]
            del missing[powers]
        yield so_far()
        if powers == own != EQ9 and own in at:  # a vote of eq. (9) takes as long as its radius
            words = f"votes of {BUBBLES[own][0]} after a shift"
            votes[own] = yield from computed(words, partial(moved, noise, norm, q_a, at[own]))
            yield so_far()


@lru_cache(maxsize=64)
def law_of_norm(bubble: Bubble) -> tuple[NDArray, list[NDArray]]:
    """Places, in the unit of the axis, and densities there without and with the pull, over the larger of their tops."""
    start, chosen = bubble.noise(bubble.powers, 0.0), bubble.noise(bubble.powers)
    unit = sqrt(bubble.dim) if bubble.powers[1] == 2 else 1.0
    middle = start.mode_norm / unit
    reach = style.round_above(4 * max(start.scale, chosen.scale) / unit / sqrt(2))
    x = np.linspace(max(0.0, round(middle - reach, 2), 1e-9), round(middle + reach, 2), 160)
    heights = [noise.norm_density(x * unit) for noise in (start, chosen)]
    top = max(float(h[np.isfinite(h)].max()) for h in heights)
    return x, [np.minimum(h / top, 2) for h in heights]


def soap_picture(numbers: Numbers, sigma: float = 0.5) -> Picture:
    """Picture of what is computed at the Gaussian's deviation `sigma`, in input units."""
    if not sigma > 0:
        raise ValueError(f"soap_bubbles needs sigma > 0, got sigma={sigma}")
    bubble, at = numbers.bubble, {powers: sigma * radius for powers, radius in numbers.at.items()}
    own, color, _ = BUBBLES[bubble.powers]
    ball, flat = style.norm_label(bubble.norm), bubble.powers[1] == inf
    pulled, base = f"k = {bubble.k * bubble.dim:.6g}", sigma * numbers.curves[None]
    curves: list[Item] = [Rule(at=bubble.q_a)]
    curves.append(Line(y=base, name="Gaussian", label="Gaussian  TIGHT", width=4.0, down=True))
    dots = [Points(x=[bubble.q_a], y=[at[None]], name="Gaussian", down=True)]
    says = [f"Gaussian {rounded_down(at[None], 6)}"]
    for powers, (words, hue, mark) in BUBBLES.items():
        if powers in numbers.curves:
            noise = bubble.noise(powers)
            bound: Any = exact_bound(noise, bubble.norm)
            label = f"{words}  " + ", ".join(filter(None, (bound.status.value.upper(), bound.caveat(noise))))
            x, y = grid_of(powers), sigma * numbers.curves[powers]
            curves.append(Line(x=x, y=y, name=words, label=label, color=hue, width=1.8, mark=mark, down=True))
        if powers in at:
            dots.append(Points(x=[bubble.q_a], y=[at[powers]], name=words, color=hue, down=True))
            says.append(f"{words} {rounded_down(at[powers], 6)}, {at[powers] / at[None]:.5f} of the Gaussian's")
    why = numbers.missing
    missing = [
        f"{', '.join(BUBBLES[powers][0] for powers in why if why[powers] == words)}: {words}"
        for words in dict.fromkeys(why.values())
    ]
    notes = [Note(text="; ".join(missing))] if missing else []
    votes: list[Item] = [Rule(at=0.5, axis="y")]
    for which, (least, common) in numbers.votes.items():
        words, hue, wide = ("Gaussian", INK, 3.4) if which is None else (own, color, 1.6)
        kept, overlap = f"{words}, votes kept", f"{words}, in common"
        look: dict[str, Any] = {"x": [0.0, *(SHIFTS * at[which])], "color": hue}
        votes.append(Line(y=[1 - bubble.q_a, *least], name=kept, label=kept, width=wide, **look))
        votes.append(Line(y=[1.0, *common], name=overlap, label=overlap, dash="dash", width=0.7 * wide, **look))
    if bubble.powers not in numbers.votes:
        late = why.get(bubble.powers, LATE)
        late = "not drawn, a point takes as long as a radius" if bubble.powers == EQ9 else late
        votes.append(Note(text=f"{own}: {late}", at="top right"))
    places, heights = law_of_norm(bubble)
    laws = (
        Line(y=heights[0], label="not pulled, k = 0", width=2.2),
        Line(y=heights[1], label=f"{own}, {pulled}", color=color, width=2.2),
    )
    vote = Axis(domain=(0.5, LEAST), label="1 − p_A (share of votes against)", name="1 − p_A", scale="log")
    radius = style.length_axis(f"certified {ball} radius (input units)", 1.3 * float(base[-1]))
    norm = Axis(domain=(places[0], places[-1]), label="‖z‖_∞ / σ" if flat else "‖z‖_2 / (σ √d)")
    density = Axis(domain=(0, 1.12), label="density (relative)", ticks=False)
    length = style.length_axis(f"{ball} length (input units)", float(SHIFTS[-1]) * at[None])
    share = Axis(domain=(0, 1), label="share of votes, of noise in common")
    title, items = f"Exact radius, σ = {sigma:g}, k = {bubble.k:g} d", (*curves, *dots, *notes)
    small: dict[str, Any] = {"share": 0.9, "names": "key"}
    plots = (
        Plot(title=title, x=vote, y=radius, grid=GRID, items=items, share=1.7),
        Plot(title="Law of the norm", x=norm, y=density, grid=places, items=laws, **small),
        Plot(title="Votes after a shift", x=length, y=share, items=tuple(votes), **small),
    )
    equal = "σ" if bubble.match == "sigma" else "mode of the norm"
    desc = (
        f"Exact {ball} radii at 1 − p_A = {bubble.q_a:g}, d = {bubble.dim:,}, at equal {equal}: "
        f"{'. '.join(['; '.join(says), *missing])}. Last, the least share of votes that a class of p_A keeps after a "
        "shift, which is 1/2 at the radius, and what noise and shifted noise have in common."
    )
    title = f"Soap bubbles, {own}, σ = {sigma:g}, {pulled} of d = {bubble.dim:,}"
    return Picture(title=title, desc=desc, plots=plots, height=400)


def soap_bubbles(
    sigma: float = 0.5,
    k: float = 0.3,
    *,
    dim: int = 3072,
    q_a: float = 0.01,
    norm: float = 2.0,
    powers: tuple[float, float] = EQ8,
    match: str = "sigma",
) -> Picture:
    """Noises of Soap bubbles 2020: law of the norm, exact radii beside the Gaussian's, shifted votes.

    In l_inf all three families are drawn, which takes seconds for eq. (9).

    Parameters
    ----------
    sigma : float
        Deviation of the Gaussian that the families are compared with, in input units.
    k : float in [0, 1)
        Power of the norm, as a share of `dim`.
    dim : int
        Number of coordinates.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    norm : 2 or inf
        Of the ball; eqs. (9) and (10) are about l_inf alone.
    powers : tuple of two floats
        (2, 2) for eq. (8), (inf, inf) for eq. (10), (inf, 2) for eq. (9).
    match : "sigma" or "mode"
        What agrees with the Gaussian: deviation of a coordinate, or mode of the norm, as in the paper.

    Raises
    ------
    ValueError
        An argument is out of its range.
    """
    return soap_picture(at_once(pulled(Bubble(k, dim, q_a, norm, powers, match))), sigma)
