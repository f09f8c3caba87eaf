"""Pairs of radii in two norms at once: what is certified, what is printed, and the balls on their own."""

from collections.abc import Callable
from functools import lru_cache
from math import isinf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore.bound import UnsupportedNoiseError
from rsexplore.noises import GeneralizedGaussian
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Item, Line, Note, Picture, Plot, Points, Region
from rsexplore.table import rounded_down
from rsexplore.tradeoff import Frontier, balls, budget, frontier, printed_frontier

POINTS = 129
START = GeneralizedGaussian(1.0, 3.0, dim=3072)  # the example of Hayes 2020


class Regions(NamedTuple):
    """Radii at scale 1, each a pair for the two norms; the second and third are frontiers, None where not known."""

    balls: tuple[float, float]
    front: tuple[NDArray, NDArray] | None
    printed: tuple[NDArray, NDArray] | None


@lru_cache(maxsize=64)
def regions(shape: float, dim: int, q_a: float, norms: tuple[float, float]) -> Regions:
    """Regions of noise of scale 1, kept."""
    noise = GeneralizedGaussian(1.0, shape, dim)
    own = balls(noise, q_a=q_a, norms=norms).radii

    def known(make: Callable[[], Frontier]) -> tuple[NDArray, NDArray] | None:
        try:
            found = make()
        except UnsupportedNoiseError:
            return None
        return (found.first, found.second) if found.norms == norms else None

    return Regions(
        (own[norms[0]], own[norms[1]]),
        known(lambda: frontier(noise, q_a=q_a, norms=norms, points=POINTS)),
        known(lambda: printed_frontier(noise, q_a=q_a, points=POINTS)),
    )


def weighted(front: tuple[NDArray, NDArray], weight: float) -> tuple[float, float]:
    """Pair of a frontier with the largest weight log eps_a + (1 - weight) log eps_b, among its points."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = weight * np.log(front[0]) + (1 - weight) * np.log(front[1])
    best = int(np.nanargmax(score))
    return float(front[0][best]), float(front[1][best])


def tradeoff(
    noise: GeneralizedGaussian | None = None,
    q_a: float = 0.01,
    *,
    norms: tuple[float, float] = (1.0, 3.0),
    weight: float = 0.5,
) -> Picture:
    """Pairs of radii that generalized Gaussian noise certifies in two norms at once.

    A pair certifies the shifts that lie in both balls. Under the frontier every pair is certified; the printed
    condition is drawn where there is one (shape 3 with norms 1 and 3, shape 4 with norms 2 and 4). Two classes.

    Parameters
    ----------
    noise : GeneralizedGaussian, optional
        Scale 1, shape 3, dim 3072 if absent: the example of Hayes 2020.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    norms : tuple of two floats
        Norms of the balls, the smaller first.
    weight : float in [0, 1]
        Of the first radius's logarithm, for the pair that is marked: the one with the largest weighted sum.

    Raises
    ------
    ValueError
        An argument is out of its range, or the noise has no dimension.
    """
    noise = START if noise is None else noise
    if not isinstance(noise, GeneralizedGaussian) or noise.dim is None:
        raise ValueError(f"tradeoff needs GeneralizedGaussian noise with dim, got {noise!r}")
    if not 0 < q_a < 0.5 or not 0 <= weight <= 1 or not 1 <= norms[0] < norms[1]:
        got = f"q_a={q_a}, weight={weight}, norms={norms}"
        raise ValueError(f"tradeoff needs q_a in (0, 1/2), weight in [0, 1] and norms 1 <= a < b, got {got}")
    found = regions(noise.shape, noise.dim, q_a, (float(norms[0]), float(norms[1])))
    scale, (one, other) = noise.scale, (style.norm_label(norm) for norm in norms)
    a, b = (scale * radius for radius in found.balls)
    front, printed = (pair and (scale * pair[0], scale * pair[1]) for pair in (found.front, found.printed))
    # radii of the second norm are at most those of the first, which are at most this many times as long
    stretch = noise.dim ** (1 / norms[0] - (0 if isinf(norms[1]) else 1 / norms[1]))
    spans = [[a / 2, a * stretch], [b / 2, max(2 * a, b)]]
    for span, radii in zip(spans, front or (), strict=False):
        span += [float(radii[0]), float(radii[-1])]
    (left, right), (low, high) = ((style.below(min(span)), style.above(1.3 * max(span))) for span in spans)
    says = [f"each ball on its own: {one} {rounded_down(a)}, {other} {rounded_down(b)}"]
    shade = 0.2 if front else 0.32
    union = Region(x=(left, right, right, a, a, left), y=(low, low, b, b, high, high), color=style.BLUE, opacity=shade)
    own, middle = f"the {other} ball on its own (strong shade)", (max(left, low), min(right, high))
    items: list[Item] = [union, Line(x=(left, right), y=(b, b), label=f"{own}  SOUND", color=style.GREEN)]
    if front is None:
        items.append(Note(text="the frontier of these norms is not known for this shape", at="top right"))
    else:
        # with its two ends, from where one ball alone decides
        x, y = [front[0][0], *front[0], right], [high, *front[1], front[1][-1]]
        pair = weighted(front, weight)
        says.append(f"both at once, weight {weight:g}: {one} {rounded_down(pair[0])}, {other} {rounded_down(pair[1])}")
        label = "frontier of both balls at once (faint shade), exact in the KL budget  SOUND"
        items[:0] = [Region(x=[left, left, *x, right], y=[low, high, *y, low], color=style.BLUE)]
        items += [
            Line(x=middle, y=middle, label="equal radii", color=style.GREY, dash="dot", width=1.2),
            Line(x=x, y=y, name=f"{other} radius", label=label, color=style.BLUE, width=3.0, down=True),
            Points(x=[pair[0]], y=[pair[1]], name="the pair of that weight", color=style.BLUE, size=64, down=True),
        ]
    if printed is not None:
        claim, pair = float(printed[1][0]), weighted(printed, weight)  # it starts where both radii are the same
        says.append(f"the same as printed: {one} {pair[0]:.4g}, {other} {pair[1]:.4g}")
        says.append(f"{claim:.4g} read as an {other} ball on its own is no certificate")
        name, words = f"{other} radius as printed", "printed frontier of both balls at once  AS PRINTED"
        color, false = style.ORANGE, f"read as an {other} ball on its own: NO CERTIFICATE"
        items += [
            Line(x=(left, right), y=(claim, claim), label=false, color=style.RED, dash="dashdot"),
            Line(x=printed[0], y=printed[1], name=name, label=words, color=color, dash="dashdot", width=1.8),
            Points(x=[pair[0]], y=[pair[1]], name="the same as printed", color=color, mark="square"),
        ]
    kind = f"generalized Gaussian, σ = {noise.sigma:.3g}, shape {noise.shape:g}"
    title = f"Two balls at once, {kind}, 1 − p_A = {q_a:g}"
    across, up = (
        Axis(domain=ends, label=f"radius of the {ball} ball (input units)", name=f"{ball} radius", scale="log")
        for ends, ball in (((left, right), one), ((low, high), other))
    )
    desc = f"d = {noise.dim:,}. {'; '.join(says)}. The KL budget of a class change is {budget(q_a=q_a):.6g} nats."
    return Picture(
        title=title, desc=desc, plots=(Plot(title=title, x=across, y=up, items=tuple(items), names="key"),), height=460
    )
