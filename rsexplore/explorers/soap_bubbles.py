"""The soap bubbles: what pulling the noise towards the centre changes, and what it does not."""

from math import inf
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import POWERS, number, pick
from rsexplore.explorers.panel import Panel, Steps, View, shown
from rsexplore.explorers.readout import CELL, framed
from rsexplore.pictures.soap_bubbles import FAMILIES, LEAST, Bubble, numbers, picture
from rsexplore.table import rounded_down

MATCH = {"σ": "sigma", "mode of ‖z‖": "mode"}
BALLS = {"2": 2.0, "∞": inf}
DEFAULTS = {"dim": controls.DIM, "q_a": 0.01, "norm": 2.0, "powers": (2.0, 2.0), "match": "sigma"}


class SoapView(View):
    """The picture of `soap_bubbles` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.bubble = Bubble(**{name: value for name, value in values.items() if name != "sigma"})
        self._steps = numbers(self.bubble)
        self._show(next(self._steps))

    def _show(self, found: Any) -> None:
        self.found = found
        self.picture = picture(found, self.values["sigma"])

    def slow(self) -> Steps:
        return shown(self._steps, self._show)

    def code(self) -> str:
        return controls.call("soap_bubbles", self.values, DEFAULTS)

    def readout(self) -> str:
        v, norm, rows = self.values, self.bubble.norm, []
        gaussian = self.found.at[None]
        for powers, unit in self.found.at.items():
            name, radius = "Gaussian" if powers is None else FAMILIES[powers][0], v["sigma"] * unit
            share = f"{unit / gaussian:.5f}" if gaussian and powers else ""
            data = f'data-key="{name}" data-radius="{radius!r}"'
            rows.append(f"<tr {data}><td>{name}</td>{CELL}{rounded_down(radius, 6)}</td>{CELL}{share}</td></tr>")
        head = f"<tr><th></th><th>exact l{norm:g} radius</th><th>over the Gaussian's</th></tr>"
        k, equal = self.bubble.k * self.bubble.dim, "σ" if self.bubble.match == "sigma" else "mode of the norm"
        words = (
            f"k = {k:.6g} of d = {self.bubble.dim:,}. Votes after a shift: the least share that a class of p_A keeps, "
            "which is 1/2 at the radius, and the share that noise and shifted noise have in common. Families are "
            f"compared at equal {equal}."
        )
        state = {"sigma": v["sigma"], "k": v["k"], "dim": v["dim"], "qa": v["q_a"], "norm": f"{norm:g}"}
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
    Bubble(k, dim, q_a, norm, (float(powers[0]), float(powers[1])), match)  # refuses what it cannot draw
    if not sigma > 0:
        raise ValueError(f"soap_bubbles needs sigma > 0, got sigma={sigma}")
    chosen = [
        pick("powers", "soap bubble", "its norm", POWERS, (float(powers[0]), float(powers[1]))),
        pick("norm", "norm of the ball", "p, eq. (8)", BALLS, float(norm)),
        controls.sigma(sigma),
        controls.votes(q_a, min(LEAST, q_a)),
        controls.dim(dim, 150_528, 2),
        number("k", "pull k", "of d", k, 0, 0.99, scale="linear"),
        pick("match", "equal", "to Gaussian noise", MATCH, match),
    ]
    return Panel(SoapView(), chosen, "soap_bubbles")
