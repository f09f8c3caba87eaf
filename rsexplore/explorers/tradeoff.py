"""Radii in two norms at once: the certified regions, as printed and as they are."""

from math import inf, nan
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import number, pick
from rsexplore.explorers.panel import Panel, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.noises import GeneralizedGaussian
from rsexplore.plots.style import norm_label
from rsexplore.plots.tradeoff import TradeoffRegions
from rsexplore.table import rounded_down
from rsexplore.tradeoff import Certifies, budget

PAIRS = {"1 and 3": (1.0, 3.0), "1 and 4": (1.0, 4.0), "1 and ∞": (1.0, inf), "2 and 4": (2.0, 4.0),
         "2 and ∞": (2.0, inf)}  # fmt: skip
SHAPES = {"2 (Gaussian)": 2.0, "3": 3.0, "4": 4.0, "6": 6.0, "8": 8.0}
DEFAULTS = {"norms": (1.0, 3.0), "weight": 0.5}


class TradeoffView(View):
    """The axes of `tradeoff`."""

    def __init__(self) -> None:
        super().__init__(460, (76, 54, 664, 370), beside=[56])
        self.regions = TradeoffRegions(*self.axes)

    def update(self, **values: Any) -> None:
        self.values = values
        noise = GeneralizedGaussian.from_sigma(values["sigma"], values["dim"], shape=values["shape"])
        norms = values["norms"]
        self.regions.show(noise, values["q_a"], norms, values["weight"])
        across, up = (f"radius of the {norm_label(norm)} ball  (input units)" for norm in norms)
        self.regions.ax.set(xlabel=across, ylabel=up)
        self.noise = noise
        self.titles[0].set_text(f"Two balls at once, {noise.label}, 1 − p_A = {values['q_a']:g}")

    def code(self) -> str:
        v = self.values
        given = {"noise": self.noise, "q_a": v["q_a"], "norms": v["norms"], "weight": v["weight"]}
        return controls.call("tradeoff", given, DEFAULTS)

    def readout(self) -> str:
        r, (a, b) = self.regions, (f"l{norm:g}" for norm in self.values["norms"])
        pairs: dict[str, tuple[tuple[float, float], str]] = {}
        pairs["each ball on its own"] = (
            (r.balls.radii[r.norms[0]], r.balls.radii[r.norms[1]]),
            Certifies.EACH_BALL.value,
        )
        if r.frontier is not None:
            pairs["the pair of that weight"] = r.pair, Certifies.INTERSECTION.value
        if r.paper is not None:
            pairs["the same of the printed condition"] = r.paper_pair, Certifies.INTERSECTION.value
            pairs[f"{r.as_read:.4g} read as an {b} ball"] = (nan, r.as_read), "nothing: it is no certificate"
        cells = (
            f"<td>{what}</td>{CELL}{_text(x)}</td>{CELL}{_text(y)}</td><td>{say}</td>"
            for what, ((x, y), say) in pairs.items()
        )
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        head = f"<tr><th></th><th>{a} radius</th><th>{b} radius</th><th>what it certifies</th></tr>"
        most = f"<br>The KL budget of a class change is {budget(q_a=self.values['q_a']):.6g} nats."
        return framed(f"<table>{head}{body}</table>{most}", sigma=self.noise.sigma, first=r.pair[0], second=r.pair[1])


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
    start = GeneralizedGaussian(1.0, 3.0, dim=controls.DIM) if noise is None else noise
    if not isinstance(start, GeneralizedGaussian) or start.dim is None:
        raise ValueError(f"tradeoff needs GeneralizedGaussian noise with dim, got {start!r}")
    if not 0 < q_a < 0.5 or not 0 <= weight <= 1 or not 1 <= norms[0] < norms[1]:
        got = f"q_a={q_a}, weight={weight}, norms={norms}"
        raise ValueError(f"tradeoff needs q_a in (0, 1/2), weight in [0, 1] and norms 1 <= a < b, got {got}")
    chosen = [
        pick("shape", "shape s", "of the noise", SHAPES, start.shape),
        pick("norms", "norms", "of the balls", PAIRS, (float(norms[0]), float(norms[1]))),
        controls.sigma(start.sigma),
        controls.votes(q_a),
        controls.dim(start.dim, least=2),
        number("weight", "weight", "of log radius a", weight, 0, 1, scale="linear"),
    ]
    return Panel(TradeoffView(), chosen, "tradeoff")
