"""Renyi divergences of every order: what a class change needs, what a shift spends, and the radius that each gives."""

from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.check import Probabilities
from rsexplore.divergences import LeastInfinite, LeastRenyi, best_order
from rsexplore.noises import Gaussian
from rsexplore.pictures import style
from rsexplore.pictures.picture import Axis, Item, Line, Mark, Picture, Plot, Points, Region
from rsexplore.table import rounded_down

MOST = 3.0  # order at the right end
ORDERS = np.linspace(0, MOST, 121)[1:]
# keys of bounds: order, words, colour, mark
NAMED: dict[str, tuple[float, str, str, Mark]] = {
    "hellinger-l2": (0.5, "Hellinger, order 1/2", style.GREEN, "diamond"),
    "kl-l2": (1.0, "KL, order 1", style.SKY, "square"),
    "chi2-l2": (2.0, "χ², order 2", style.SKY, "triangle"),
}
EXACT = "cohen-l2"


class Curves(NamedTuple):
    """What one pair of votes gives; radii at deviation 1."""

    need: NDArray  # least divergence of a class change, over `ORDERS`, in nats
    infinite: float  # what it tends to as the order grows
    radii: dict[str, float]  # key of a bound -> radius


@lru_cache(maxsize=64)
def best(q_a: float, p_b: float | None = None) -> tuple[float, float]:
    """Best order and the largest need / order, which is there; kept, as all that is here is."""
    order, slope = best_order(q_a=q_a, p_b=p_b)
    return float(order), float(slope)


@lru_cache(maxsize=64)
def curves(q_a: float, p_b: float | None = None) -> Curves:
    """Curves of one pair of votes."""
    cut = _cut(q_a, p_b)
    with np.errstate(all="ignore"):
        need = np.asarray(LeastRenyi.floats(ORDERS, *cut))
    radii = {key: float(bounds.get(key).radius(Gaussian(1.0), q_a=q_a, p_b=p_b)) for key in (EXACT, *NAMED)}
    return Curves(need, float(LeastInfinite.floats(*cut)), radii)


@lru_cache(maxsize=256)
def needed(order: float, q_a: float, p_b: float | None = None) -> float:
    """Least divergence of one order that a class change needs, in nats."""
    with np.errstate(all="ignore"):
        return float(LeastRenyi.floats(order, *_cut(q_a, p_b)))


def _cut(q_a: float, p_b: float | None) -> tuple[NDArray, ...]:
    return Probabilities.of(None, np.asarray(q_a), None if p_b is None else np.asarray(p_b)).cut


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
    (at, steepest), (need, infinite, radii) = best(q_a, p_b), curves(q_a, p_b)
    rays = {"at the best order": (style.RED, at, steepest)}  # words: colour, order, slope
    if order is not None:
        rays["by the shift that this order certifies"] = (style.ORANGE, order, needed(order, q_a, p_b) / order)
    reach = {words: sigma * sqrt(2 * slope) for words, (_, _, slope) in rays.items()}
    exact = sigma * radii[EXACT]
    ends, high = (0.0, MOST), style.round_above(1.12 * exact)
    left: list[Item] = [
        Line(x=ends, y=(infinite, infinite), label="D_∞, which the need tends to", color=style.GREY, dash="dash"),
        Line(y=need, name="needed", label="needed: least of a class change", color=style.BLUE, width=2.4),
    ]
    with np.errstate(all="ignore"):
        curve = sigma * np.sqrt(2 * need / ORDERS)
    tight, sound = (bounds.get(key).status_at(2.0, two_class=p_b is None).value.upper() for key in (EXACT, "renyi-l2"))
    right: list[Item] = [
        Region(x=(*ends, *ends[::-1]), y=(exact, exact, high, high), color=style.RED),
        Line(y=[exact] * len(ORDERS), name="exact", label=f"exact, Cohen et al.  {tight}", width=3.0, down=True),
        Line(y=curve, name="radius", label=f"Rényi of each order  {sound}", color=style.BLUE, width=2.4, down=True),
    ]
    for key, (place, words, color, mark) in NAMED.items():
        look: dict[str, Any] = {"name": words, "label": words, "color": color, "mark": mark, "down": True}
        right.append(Line(x=[place], y=[sigma * radii[key]], **look))
    for words, (color, place, slope) in rays.items():
        left += [
            Line(x=ends, y=(0.0, MOST * slope), label=f"spent {words}", color=color),
            Points(x=[place], y=[place * slope], name=f"spent {words}", color=color),
        ]
        right.append(Points(x=[place], y=[reach[words]], name=words, color=color, down=True))
    most = rounded_down(reach["at the best order"])
    found = f"The best order, {at:.4g}, gives {most}"
    if order is not None:
        found = (
            f"Order {order:g} gives {rounded_down(sigma * sqrt(2 * needed(order, q_a, p_b) / order))}, the best {most}"
        )
    others = "; ".join(f"{words} gives {rounded_down(sigma * radii[key])}" for key, (_, words, *_) in NAMED.items())
    vote = f"1 − p_A = {q_a:g}" + ("" if p_b is None else f", p_B = {p_b:g}")
    ticks = Axis(domain=ends, label="order α of the Rényi divergence", name="order")
    return Picture(
        title=f"Rényi divergences of every order, σ = {sigma:g}, {vote}",
        desc=f"ℓ_2 radii: the best order is {at:.6g}; {found[0].lower()}{found[1:]}; {others}; the exact one is "
        f"{rounded_down(exact)}. "
        f"As the order grows a class change needs {infinite:.4g} nats.",
        plots=(
            Plot(
                title=f"Divergences, {vote}",
                x=ticks,
                y=Axis(domain=(0, style.round_above(1.02 * infinite)), label="divergence D_α (nats)"),
                grid=ORDERS,
                items=tuple(left),
            ),
            Plot(
                title=found,
                x=ticks,
                y=Axis(domain=(0, high), label="certified ℓ_2 radius (input units)"),
                grid=ORDERS,
                items=tuple(right),
                names="key",
            ),
        ),
        height=400,
    )
