"""The soap bubbles: what pulling the noise towards the centre changes, and what it does not."""

from math import inf
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import POWERS, number, pick
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.plots.soap_bubbles import FAMILIES, LEAST, Bubble, SoapCurves
from rsexplore.plots.style import norm_label
from rsexplore.table import rounded_down

MATCH = {"σ": "sigma", "mode of ‖z‖": "mode"}
BALLS = {"2": 2.0, "∞": inf}
DEFAULTS = {"dim": controls.DIM, "q_a": 0.01, "norm": 2.0, "powers": (2.0, 2.0), "match": "sigma"}


class SoapView(View):
    """The three axes of `soap_bubbles`."""

    def __init__(self) -> None:
        super().__init__(400, (40, 54, 176, 310), (292, 54, 280, 310), (780, 54, 196, 310), beside=(20, 58, 38))
        self.curves = SoapCurves(*self.axes)

    def update(self, **values: Any) -> None:
        self.values = values
        self.norm = values["norm"] if values["powers"] == (2.0, 2.0) else inf  # the others are about cubes
        bubble = Bubble(values["dim"], values["k"], values["match"], self.norm, values["powers"])
        self.curves.show(bubble, values["sigma"], values["q_a"])
        ball = norm_label(self.norm)
        self.curves.reach_ax.set_ylabel(f"certified {ball} radius  (input units)")
        self.curves.vote_ax.set_xlabel(f"{ball} length of the shift")
        self.titles[0].set_text("Norm (black: k = 0)")
        self.titles[1].set_text(f"Exact radius, σ = {values['sigma']:g}, k = {values['k']:g} d")
        alone = values["powers"] == (inf, 2.0)  # a vote of eq. (9) after a shift takes as long as its radius
        self.titles[2].set_text("Gaussian's votes alone" if alone else "Votes, overlap (dashed)")

    def slow(self) -> Steps:
        return self.curves.fill()

    def code(self) -> str:
        return controls.call("soap_bubbles", self.values, DEFAULTS)

    def readout(self) -> str:
        c, rows = self.curves, []
        found = {"Gaussian": c.gaussian_radius} | {FAMILIES[powers]: radius for powers, radius in c.found.items()}
        for name, radius in found.items():
            share = f"{radius / c.gaussian_radius:.5f}" if c.gaussian_radius else ""
            data = f'data-key="{name}" data-radius="{radius!r}"'
            rows.append(f"<tr {data}><td>{name}</td>{CELL}{rounded_down(radius, 6)}</td>{CELL}{share}</td></tr>")
        head = f"<tr><th></th><th>exact l{self.norm:g} radius</th><th>over the Gaussian's</th></tr>"
        noise = c.chosen
        equal = "σ" if c.bubble.match == "sigma" else "mode of the norm"
        words = (
            f"Left: black, k = 0; colour, k = {noise.k:g} of d = {noise.dim:,}. Right: the least share of votes that a "
            "class of p_A keeps after a shift, which is 1/2 at the radius; and the share that noise and shifted noise "
            f"have in common. Families are compared at equal {equal}."
        )
        v = self.values
        state = {"sigma": v["sigma"], "k": v["k"], "dim": v["dim"], "qa": v["q_a"], "norm": f"{self.norm:g}"}
        return framed(f"<table>{head}{''.join(rows)}</table>{words}", **state, match=v["match"])


def soap_bubbles(
    sigma: float = 0.5,
    k: float = 0.3,
    *,
    dim: int = controls.DIM,
    q_a: float = 0.01,
    norm: float = 2.0,
    powers: tuple[float, float] = (2.0, 2.0),
    match: str = "sigma",
) -> Panel:
    """Sliders over the noises of Soap bubbles 2020: law of the norm, exact radii beside the Gaussian's, shifted votes.

    What takes long is drawn when the sliders rest: eq. (9), seconds for a curve.

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
    if not sigma > 0 or not 0 <= k < 1 or not 0 < q_a < 0.5 or not dim >= 2:
        got = f"sigma={sigma}, k={k}, q_a={q_a}, dim={dim}"
        raise ValueError(f"soap_bubbles needs sigma > 0, k in [0, 1), q_a in (0, 1/2) and dim >= 2, got {got}")
    if norm not in (2, inf) or tuple(powers) not in FAMILIES or match not in MATCH.values():
        got = f"norm={norm}, powers={powers}, match={match!r}"
        raise ValueError(
            f"soap_bubbles needs norm 2 or inf, powers {tuple(FAMILIES)}, match 'sigma' or 'mode', got {got}"
        )
    chosen = [
        pick("powers", "family", "which norm pulls", POWERS, (float(powers[0]), float(powers[1]))),
        pick("norm", "norm p", "of the ball, eq. (8)", BALLS, float(norm)),
        controls.sigma(sigma),
        controls.votes(q_a, min(LEAST, q_a)),
        controls.dim(dim, 150_528, 2),
        number("k", "k", "of d", k, 0, 0.99, scale="linear"),
        pick("match", "equal", "to the Gaussian's", MATCH, match),
    ]
    return Panel(SoapView(), chosen, "soap_bubbles")
