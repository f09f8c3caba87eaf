"""The Renyi divergence of every order: what a class change needs, and the radius that it gives."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rsexplore import bounds, noises
from rsexplore.divergences import least_mr
from rsexplore.explorers import controls
from rsexplore.explorers.controls import number, toggle
from rsexplore.explorers.panel import Panel, View
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.pictures.bounds import claims
from rsexplore.pictures.renyi import MOST, curves
from rsexplore.pictures.renyi import renyi as picture
from rsexplore.table import rounded_down

SHOWN = ("cohen-l2", "renyi-l2", "kl-l2", "chi2-l2", "hellinger-l2", "bhattacharyya-l2")
DEFAULTS = {"share": 1.0, "order": None}


@lru_cache(maxsize=64)
def largest(q_a: float, p_b: float | None) -> float:
    """Least D_MR of a class change, kept, as it takes 0.2 s; for two classes it is the best order's."""
    return curves(q_a).slope if p_b is None else float(least_mr(q_a=q_a, p_b=p_b))


class RenyiView(View):
    """The picture of `renyi` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.p_b = None if values["share"] == 1 else values["share"] * values["q_a"]
        self.order: float | None = None if values["best"] else values["order"]
        self.picture = picture(values["sigma"], values["q_a"], share=values["share"], order=self.order)

    def idle(self) -> Iterable[str]:
        return ["order"] if self.values["best"] else []

    def code(self) -> str:
        v = self.values
        given = {"sigma": v["sigma"], "q_a": v["q_a"], "share": v["share"], "order": self.order}
        return controls.call("renyi", given, DEFAULTS)

    def readout(self) -> str:
        v, noise = self.values, noises.Gaussian(self.values["sigma"])
        found = claims(noise, [v["q_a"]], share=v["share"], bounds=map(bounds.get, SHOWN), order=self.order)
        mr, votes = largest(v["q_a"], self.p_b), curves(v["q_a"], self.p_b)
        words = (
            f"The best order is {votes.best:.6g}, which gives {rounded_down(v['sigma'] * (2 * votes.slope) ** 0.5)}; "
            f"the least D_MR of a class change, one law of votes for all orders above 1, is {mr:.6g} nats and gives "
            f"{rounded_down(v['sigma'] * (2 * mr) ** 0.5)}."
        )
        table = radius_table(found, noise, v["q_a"], v["share"] * v["q_a"], 2, {"order": self.order, "c": ""})
        return framed(table + words, best=votes.best, mr=mr)


def renyi(
    sigma: float = 0.5,
    q_a: float = 1e-3,
    *,
    share: float = 1.0,
    order: float | None = None,
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

    Raises
    ------
    ValueError
        An argument is out of its range.
    """
    picture(sigma, q_a, share=share, order=order)  # refuses what it cannot draw
    chosen = [
        controls.sigma(sigma),
        controls.votes(q_a),
        controls.share(share),
        number("order", "order α", "1 KL, 2 χ²", order or 2.0, 0.02, MOST, scale="linear"),
        toggle("best", "best order", order is None),
    ]
    return Panel(RenyiView(), chosen, "renyi")
