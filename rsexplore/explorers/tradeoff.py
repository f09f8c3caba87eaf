"""Radii in two norms at once: the certified regions, as printed and as they are."""

from math import inf, nan
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import number, pick
from rsexplore.explorers.panel import Panel, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.noises import GeneralizedGaussian
from rsexplore.pictures.tradeoff import START, regions, weighted
from rsexplore.pictures.tradeoff import tradeoff as picture
from rsexplore.table import rounded_down
from rsexplore.tradeoff import Certifies, budget

PAIRS = {"1 and 3": (1.0, 3.0), "1 and 4": (1.0, 4.0), "1 and ∞": (1.0, inf), "2 and 4": (2.0, 4.0),
         "2 and ∞": (2.0, inf)}  # fmt: skip
SHAPES = {"2 (Gaussian)": 2.0, "3": 3.0, "4": 4.0, "6": 6.0, "8": 8.0}
DEFAULTS = {"norms": (1.0, 3.0), "weight": 0.5}


class TradeoffView(View):
    """The picture of `tradeoff` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.noise = GeneralizedGaussian.from_sigma(values["sigma"], values["dim"], shape=values["shape"])
        self.picture = picture(self.noise, values["q_a"], norms=values["norms"], weight=values["weight"])

    def code(self) -> str:
        v = self.values
        given = {"noise": self.noise, "q_a": v["q_a"], "norms": v["norms"], "weight": v["weight"]}
        return controls.call("tradeoff", given, DEFAULTS)

    def readout(self) -> str:
        v, noise = self.values, self.noise
        assert noise.dim is not None
        found, (a, b) = regions(noise.shape, noise.dim, v["q_a"], v["norms"]), (f"l{norm:g}" for norm in v["norms"])
        each, both = Certifies.EACH_BALL.value, Certifies.INTERSECTION.value
        own = (noise.scale * found.balls[0], noise.scale * found.balls[1])
        pairs: dict[str, tuple[tuple[float, float], str]] = {"each ball on its own": (own, each)}
        pair = (nan, nan)
        if found.front is not None:
            x, y = weighted(found.front, v["weight"])
            pair = (noise.scale * x, noise.scale * y)
            pairs["the pair of that weight"] = pair, both
        if found.printed is not None:
            x, y = weighted(found.printed, v["weight"])
            claim = noise.scale * float(found.printed[1][0])
            pairs["the same of the printed condition"] = (noise.scale * x, noise.scale * y), both
            pairs[f"{claim:.4g} read as an {b} ball"] = (nan, claim), "nothing: it is no certificate"
        cells = (
            f"<td>{what}</td>{CELL}{_text(x)}</td>{CELL}{_text(y)}</td><td>{say}</td>"
            for what, ((x, y), say) in pairs.items()
        )
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        head = f"<tr><th></th><th>{a} radius</th><th>{b} radius</th><th>what it certifies</th></tr>"
        most = f"<br>The KL budget of a class change is {budget(q_a=v['q_a']):.6g} nats."
        return framed(f"<table>{head}{body}</table>{most}", sigma=noise.sigma, first=pair[0], second=pair[1])


def _text(radius: float) -> str:
    return "" if radius != radius else rounded_down(radius)


def tradeoff(
    noise: GeneralizedGaussian | None = None,
    q_a: float = 0.01,
    *,
    norms: tuple[float, float] = (1.0, 3.0),
    weight: float = 0.5,
) -> Panel:
    """Sliders over the pairs of radii that generalized Gaussian noise certifies in two norms at once.

    A pair certifies the shifts that lie in both balls. Under the frontier every pair is certified; the printed
    condition is drawn where there is one (shape 3 with norms 1 and 3, shape 4 with norms 2 and 4). Two classes.

    Parameters
    ----------
    noise : GeneralizedGaussian, optional
        Where to start; scale 1, shape 3, dim 3072 if absent: the example of Hayes 2020.
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
    picture(noise, q_a, norms=norms, weight=weight)  # refuses what it cannot draw
    start = START if noise is None else noise
    assert start.dim is not None
    chosen = [
        pick("shape", "shape s", "of the noise", SHAPES, start.shape),
        pick("norms", "norms of both", "balls", PAIRS, (float(norms[0]), float(norms[1]))),
        controls.sigma(start.sigma),
        controls.votes(q_a),
        controls.dim(start.dim, least=2),
        number("weight", "weight", "of the first radius", weight, 0, 1, scale="linear"),
    ]
    return Panel(TradeoffView(), chosen, "tradeoff")
