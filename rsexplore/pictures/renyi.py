"""Renyi divergences of every order: what a class change needs, what a shift spends, and the radius that each gives."""

from functools import lru_cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.check import Probabilities
from rsexplore.divergences import LeastInfinite, LeastRenyi, best_order
from rsexplore.noises import Gaussian
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Item, Line, Picture, Plot, Points, Region
from rsexplore.table import rounded_down

MOST = 3.0  # order at the right end
ORDERS = np.linspace(0, MOST, 121)[1:]
NAMED = {  # key of a bound: order, words
    "hellinger-l2": (0.5, "Hellinger, order 1/2"),
    "kl-l2": (1.0, "KL, order 1"),
    "chi2-l2": (2.0, "χ², order 2"),
}
EXACT = "cohen-l2"


class Curves(NamedTuple):
    """What one pair of votes gives, in nats; radii at deviation 1."""

    cut: tuple[NDArray, ...]  # the probabilities
    need: NDArray  # least divergence of a class change, over `ORDERS`
    infinite: float  # what it tends to as the order grows
    radii: dict[str, float]  # key of a bound -> radius
    best: float  # order
    slope: float  # largest need / order, which is there


@lru_cache(maxsize=64)
def curves(q_a: float, p_b: float | None = None) -> Curves:
    """Curves of one pair of votes, kept."""
    cut = Probabilities.of(None, np.asarray(q_a), None if p_b is None else np.asarray(p_b)).cut
    with np.errstate(all="ignore"):
        need, infinite = np.asarray(LeastRenyi.floats(ORDERS, *cut)), float(LeastInfinite.floats(*cut))
    radii = {key: float(bounds.get(key).radius(Gaussian(1.0), q_a=q_a, p_b=p_b)) for key in (EXACT, *NAMED)}
    return Curves(cut, need, infinite, radii, *map(float, best_order(q_a=q_a, p_b=p_b)))


def renyi(sigma: float = 0.5, q_a: float = 1e-3, *, share: float = 1.0, order: float | None = None) -> Picture:
    """The certificate of Gaussian noise from the Renyi divergence of every order.

    Left, the least divergence that a class change needs, and what a shift spends, which is a ray: a shift is safe if
    its ray passes under the curve anywhere. The best order is where the steepest such ray touches. Right, the radius
    that each order gives, under the exact one.

    Parameters
    ----------
    sigma : float
        Deviation of the noise, in input units.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.
    order : float in (0, 3], optional
        Order to look at; the best one if absent.

    Raises
    ------
    ValueError
        An argument is out of its range.
    """
    if not sigma > 0 or not 0 < q_a < 0.5 or not 0 < share <= 1:
        got = f"sigma={sigma}, q_a={q_a}, share={share}"
        raise ValueError(f"renyi needs sigma > 0, q_a in (0, 1/2) and share in (0, 1], got {got}")
    if order is not None and not 0 < order <= MOST:
        raise ValueError(f"renyi needs an order in (0, {MOST:g}], got order={order}")
    p_b = None if share == 1 else share * q_a
    found = curves(q_a, p_b)
    exact, infinite = sigma * found.radii[EXACT], found.infinite
    rays = {"at the best order": (style.RED, found.best, found.slope)}  # words: colour, order, slope
    with np.errstate(all="ignore"):
        curve = sigma * np.sqrt(2 * found.need / ORDERS)
        if order is not None:
            slope = float(LeastRenyi.floats(order, *found.cut)) / order
            rays["by the shift that this order certifies"] = (style.ORANGE, order, slope)
    ends, radius = (0.0, MOST), style.length_axis("certified ℓ_2 radius (input units)", 1.12 * exact)
    high = radius.domain[1]
    tight, sound = (bounds.get(key).status_at(2.0, two_class=p_b is None).value.upper() for key in (EXACT, "renyi-l2"))
    left: list[Item] = [
        Line(x=ends, y=(infinite, infinite), label="D_∞, which the need tends to", color=style.GREY, dash="dash"),
        Line(y=found.need, name="needed", label="needed: least of a class change", color=style.BLUE, width=2.4),
    ]
    right: list[Item] = [
        Region(x=(*ends, *ends[::-1]), y=(exact, exact, high, high), color=style.FORBIDDEN),
        Line(y=[exact] * len(ORDERS), name="exact", label=f"exact, Cohen et al.  {tight}", width=3.0, down=True),
        Line(y=curve, name="radius", label=f"Rényi of each order  {sound}", color=style.BLUE, width=2.4, down=True),
    ]
    says = []
    for key, (place, words) in NAMED.items():
        y, (color, mark) = sigma * found.radii[key], style.METHODS[key]
        right.append(Line(x=[place], y=[y], name=words, label=words, color=color, mark=mark or "circle", down=True))
        says.append(f"{words} gives {rounded_down(y)}")
    gives = []
    for words, (color, place, slope) in rays.items():
        left.append(Line(x=ends, y=(0.0, MOST * slope), label=f"spent {words}", color=color))
        left.append(Points(x=[place], y=[place * slope], name=f"spent {words}", color=color))
        right.append(Points(x=[place], y=[sigma * sqrt(2 * slope)], name=words, color=color, down=True))
        gives.append(rounded_down(sigma * sqrt(2 * slope)))
    title = f"The best order, {found.best:.4g}, gives {gives[0]}"
    title = title if order is None else f"Order {order:g} gives {gives[1]}, the best {gives[0]}"
    vote = f"1 − p_A = {q_a:g}" + ("" if p_b is None else f", p_B = {p_b:g}")
    x = Axis(domain=ends, label="order α of the Rényi divergence", name="order")
    need = Axis(domain=(0, style.round_above(1.02 * infinite)), label="divergence D_α (nats)")
    plots = (
        Plot(title=f"Divergences, {vote}", x=x, y=need, grid=ORDERS, items=tuple(left)),
        Plot(title=title, x=x, y=radius, grid=ORDERS, items=tuple(right), names="key"),
    )
    desc = f"ℓ_2 radii. {title}. The best order is {found.best:.6g}; {'; '.join(says)}; exact is {rounded_down(exact)}."
    desc += f" As the order grows a class change needs {infinite:.4g} nats."
    return Picture(title=f"Rényi divergences, σ = {sigma:g}, {vote}", desc=desc, plots=plots, height=400)
