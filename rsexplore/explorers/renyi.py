"""The Renyi divergence of every order: what a class change needs, and the radius that it gives."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from matplotlib.artist import Artist

from rsexplore import bounds, noises
from rsexplore.divergences import least_mr
from rsexplore.explorers import controls
from rsexplore.explorers.canvas import BESIDE, Steps, View, frames
from rsexplore.explorers.controls import number, toggle
from rsexplore.explorers.panel import Panel
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.plots.curves import claims
from rsexplore.plots.renyi import MOST, RenyiCurves, best, look_ahead
from rsexplore.table import rounded_down

SHOWN = ("cohen-l2", "renyi-l2", "kl-l2", "chi2-l2", "hellinger-l2", "bhattacharyya-l2")
DEFAULTS = {"share": 1.0, "order": None}


@lru_cache(maxsize=64)
def largest(q_a: float, p_b: float | None) -> float:
    """Least D_MR of a class change, kept, as it takes 0.2 s; for two classes it is the best order's."""
    return float(best(q_a, None).value) if p_b is None else float(least_mr(q_a=q_a, p_b=p_b))


class RenyiView(View):
    """The two axes of `renyi`."""

    def __init__(self, size: tuple[int, int], stops: Mapping[str, Sequence[float]]) -> None:
        width, height = size
        self._stops = stops  # of the sliders of q_a and share
        room, tall = (width - 66 - 230 - 166) / 2, height - 84
        boxes = [(66, 50, room, tall), (66 + room + 230, 50, room, tall)]
        self.figure, (left, right), self.titles = frames(size, *boxes, beside=(BESIDE, 60))
        self.curves = RenyiCurves(left, right)
        right.set_ylabel("certified $\\ell_2$ radius  (input units)")

    @property
    def moving(self) -> list[Artist]:
        return [*self.curves.artists, *self.spines, *self.titles]

    def update(self, **values: Any) -> None:
        self.values = values
        self.p_b = _runner_up(values["q_a"], values["share"])
        at = float(best(values["q_a"], self.p_b).order)
        self.order = at if values["best"] else values["order"]
        self.curves.show(values["sigma"], values["q_a"], self.p_b, self.order)
        self.titles[0].set_text(f"Divergences, 1 − p_A = {values['q_a']:g}")
        found, most = rounded_down(self.curves.radius), rounded_down(self.curves.largest)
        words = f"The best order, {at:.4g}, gives {most}"
        self.titles[1].set_text(words if values["best"] else f"Order {self.order:g} gives {found}, the best {most}")

    def slow(self) -> Steps:
        q_a, share = self.values["q_a"], self.values["share"]
        votes = [(q, _runner_up(q, share)) for q in self._stops["q_a"]]
        look_ahead(votes + [(q_a, _runner_up(q_a, s)) for s in self._stops["share"]])
        yield from ()

    def idle(self) -> Iterable[str]:
        return ["order"] if self.values["best"] else []

    def code(self) -> str:
        v = self.values
        given = {"sigma": v["sigma"], "q_a": v["q_a"], "share": v["share"], "order": None if v["best"] else v["order"]}
        return controls.call("renyi", given, DEFAULTS)

    def readout(self) -> str:
        v, noise = self.values, noises.Gaussian(self.values["sigma"])
        order: float | None = None if v["best"] else v["order"]
        found = claims(noise, [v["q_a"]], share=v["share"], bounds=map(bounds.get, SHOWN), order=order)
        mr = largest(v["q_a"], self.p_b)
        words = (
            f"The best order is {self.curves.best_at:.6g}, which gives {rounded_down(self.curves.largest)}; the least "
            f"D_MR of a class change, one law of votes for all orders above 1, is {mr:.6g} nats and gives "
            f"{rounded_down(v['sigma'] * (2 * mr) ** 0.5)}."
        )
        table = radius_table(found, noise, v["q_a"], v["share"] * v["q_a"], 2, {"order": order, "c": ""})
        return framed(table + words, best=self.curves.best_at, mr=mr)


def _runner_up(q_a: float, share: float) -> float | None:
    return None if share == 1 else share * q_a


def renyi(
    sigma: float = 0.5,
    q_a: float = 1e-3,
    *,
    share: float = 1.0,
    order: float | None = None,
    width: int = 1000,
    height: int = 400,
) -> Panel:
    """Sliders over the certificate of Gaussian noise from the Renyi divergence of every order.

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
    width, height : int
        Of the picture, in pixels.

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
    chosen = [
        controls.sigma(sigma),
        controls.votes(q_a),
        controls.share(share),
        number("order", "order α", "1 KL, 2 χ²", order or 2.0, 0.02, MOST, scale="linear"),
        toggle("best", "best order", order is None),
    ]
    stops = {control.name: control.stops for control in chosen if control.name in ("q_a", "share")}
    return Panel(RenyiView((width, height), stops), chosen, "renyi")
