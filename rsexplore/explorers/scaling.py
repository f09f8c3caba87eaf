"""Certified radii against the dimension."""

from collections.abc import Iterable
from math import inf
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import NORMS, number, pick
from rsexplore.explorers.panel import Panel, Steps, View, shown
from rsexplore.explorers.readout import CELL, framed
from rsexplore.pictures.scaling import FAMILIES, FIXED, SLOW, Question, numbers, own, picture, radius
from rsexplore.scaling import DIMS
from rsexplore.table import rounded_down

DEFAULTS = {"norm": 2.0, "fixed": "sigma", "shape": 3.0, "k": 0.3, "dim": controls.DIM}


class ScalingView(View):
    """The picture of `scaling` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.question = Question(values["q_a"], values["norm"], values["shape"], values["k"], values["fixed"])
        self._steps = numbers(self.question, values["dim"])
        self._show(next(self._steps))

    def _show(self, found: Any) -> None:
        self.found = {name: one for name, one in found.found.items() if one}
        self.picture = picture(found, self.values["size"], self.values["dim"])

    def slow(self) -> Steps:
        return shown(self._steps, self._show)

    def idle(self) -> Iterable[str]:
        return [] if set(SLOW) & set(self.found) else ["k"]

    def code(self) -> str:
        return controls.call("scaling", self.values, DEFAULTS)

    def readout(self) -> str:
        v = self.values
        rows = []
        for name, one in self.found.items():
            at = v["size"] * radius(one.bound, name, own(name, self.question), v["dim"])
            fitted = f"{one.slope.value:.4f} ± {one.slope.error:.4f}"
            law = ("not known here", "") if one.law is None else (str(one.law), f"{one.law.fitted(DIMS):.4f}")
            cells = "".join(f"{CELL}{text}</td>" for text in (rounded_down(at), fitted, law[1]))
            data = f'data-key="{name}" data-radius="{at!r}" data-slope="{one.slope.value!r}"'
            rows.append(f"<tr {data}><td>{FAMILIES[name][0]}</td><td>{one.bound.key}</td>{cells}<td>{law[0]}</td></tr>")
        names = ("noise", "bound", f"radius at d = {v['dim']:,}", "fitted slope", "that of the law", "law")
        head = "".join(f"<th>{name}</th>" for name in names)
        state = {"size": v["size"], "qa": v["q_a"], "norm": f"{v['norm']:g}", "dim": v["dim"], "fixed": v["fixed"]}
        return framed(f"<table><tr>{head}</tr>{''.join(rows)}</table>", **state)


def scaling(
    norm: float = 2.0,
    q_a: float = 0.01,
    *,
    size: float = 0.5,
    fixed: str = "sigma",
    shape: float = 3.0,
    k: float = 0.3,
    dim: int = controls.DIM,
) -> Panel:
    """Sliders over every family's radius against the dimension, with fitted slopes beside the laws. Two classes.

    For each family the exact radius in that norm, or that of the bound that certifies most. The soap bubbles' radii
    take longer and are drawn when the sliders rest.

    Parameters
    ----------
    norm : float >= 1
        Of the ball.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    size : float
        What stays the same as d grows, in input units.
    fixed : "sigma" or "mean"
        Whether that is the deviation of a coordinate or E ||z||_inf.
    shape : float >= 1
        Of generalized Gaussian noise.
    k : float in [0, 1)
        Of the soap bubbles, as a share of d.
    dim : int
        Dimension at which the table gives radii.

    Raises
    ------
    ValueError
        An argument is out of its range.
    """
    Question(q_a, norm, shape, k, fixed)  # refuses what it cannot draw
    if not size > 0 or not dim >= 2:
        raise ValueError(f"scaling needs size > 0 and dim >= 2, got size={size}, dim={dim}")
    chosen = [
        pick("norm", "norm of the ball", "p", NORMS, inf if norm == inf else float(norm)),
        pick("fixed", "fixed", "as d grows", {words: name for name, words in FIXED.items()}, fixed),
        number("size", "size", "input units", size, 0.01, 10, help="of what is fixed"),
        controls.votes(q_a),
        number("shape", "shape s", "1 Laplace, 2 Gaussian", shape, 1, 8),
        number("k", "k", "of d", k, 0, 0.95, scale="linear"),
        controls.dim(dim, DIMS[-1], 2),
    ]
    return Panel(ScalingView(), chosen, "scaling")
