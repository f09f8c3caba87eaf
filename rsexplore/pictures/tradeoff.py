"""Pairs of radii in two norms at once: what is certified, what is printed, and the balls on their own."""

from functools import lru_cache
from math import inf, isinf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore.bound import UnsupportedNoiseError
from rsexplore.noises import GeneralizedGaussian
from rsexplore.pictures import style
from rsexplore.pictures.picture import Item, Line, Note, Picture, Plot, Points, Region
from rsexplore.table import rounded_down
from rsexplore.tradeoff import balls, budget, frontier, printed_frontier

POINTS = 129
PAIRS = {"1 and 3": (1.0, 3.0), "1 and 4": (1.0, 4.0), "1 and ∞": (1.0, inf), "2 and 4": (2.0, 4.0),
         "2 and ∞": (2.0, inf)}  # fmt: skip
SHAPES = {"2 (Gaussian)": 2.0, "3": 3.0, "4": 4.0, "6": 6.0, "8": 8.0}
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

    def known(make: Any) -> tuple[NDArray, NDArray] | None:
        try:
            found = make()
        except UnsupportedNoiseError:
            return None
        return (found.first, found.second) if found.norms == norms else None

    front = known(lambda: frontier(noise, q_a=q_a, norms=norms, points=POINTS))
    printed = known(lambda: printed_frontier(noise, q_a=q_a, points=POINTS))
    return Regions((own[norms[0]], own[norms[1]]), front, printed)


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
    across, up = (
        style.length_axis(f"radius of the {ball} ball (input units)", 1.3 * max(span), min(span), f"{ball} radius")
        for ball, span in zip((one, other), spans, strict=True)
    )
    (left, right), (low, high) = across.domain, up.domain

    def text(pair: tuple[float, float]) -> str:
        return f"{one} {rounded_down(pair[0])}, {other} {rounded_down(pair[1])}"

    says = [f"each ball on its own: {text((a, b))}"]
    x, y, shade = (left, right, right, a, a, left), (low, low, b, b, high, high), 0.2 if front else 0.32
    items: list[Item] = [Region(x=x, y=y, color=style.BLUE, opacity=shade)]
    words = f"the {other} ball on its own (strong shade)  SOUND"
    items.append(Line(x=(left, right), y=(b, b), label=words, color=style.GREEN))
    if front is None:
        items.append(Note(text="the frontier of these norms is not known for this shape", at="top right"))
    else:
        pair = weighted(front, weight)
        # with its two ends, from where one ball alone decides
        x, y = (front[0][0], *front[0], right), (high, *front[1], front[1][-1])
        name, words = f"{other} radius", "frontier of both balls at once (faint shade), exact in the KL budget  SOUND"
        says.append(f"both at once, weight {weight:g}: {text(pair)}")
        items.insert(0, Region(x=(left, left, *x, right), y=(low, high, *y, low), color=style.BLUE))
        x_y = (max(left, low), min(right, high))
        items.append(Line(x=x_y, y=x_y, label="equal radii", color=style.GREY, dash="dot", width=1.2))
        items.append(Line(x=x, y=y, name=name, label=words, color=style.BLUE, width=3.0, down=True))
        name = "the pair of that weight"
        items.append(Points(x=pair[:1], y=pair[1:], name=name, color=style.BLUE, size=64, down=True))
    if printed is not None:
        pair, claim = weighted(printed, weight), float(printed[1][0])  # it starts where both radii are the same
        says += [f"the same as printed: {text(pair)}", f"{claim:.4g} read as an {other} ball is no certificate"]
        look: dict[str, Any] = {"dash": "dashdot", "width": 1.8}
        words = f"read as an {other} ball on its own: NO CERTIFICATE"
        items.append(Line(x=(left, right), y=(claim, claim), label=words, color=style.RED, **look))
        name, words = f"{other} radius as printed", "printed frontier of both balls at once  AS PRINTED"
        items.append(Line(x=printed[0], y=printed[1], name=name, label=words, color=style.ORANGE, **look))
        items.append(Points(x=pair[:1], y=pair[1:], name="the same as printed", color=style.ORANGE, mark="square"))
    kind = f"generalized Gaussian, σ = {noise.sigma:.3g}, shape {noise.shape:g}"
    title = f"Two balls at once, {kind}, 1 − p_A = {q_a:g}"
    desc = f"d = {noise.dim:,}. {'; '.join(says)}. The KL budget of a class change is {budget(q_a=q_a):.6g} nats."
    plot = Plot(title=title, x=across, y=up, items=tuple(items), names="key")
    return Picture(title=title, desc=desc, plots=(plot,), height=460)
