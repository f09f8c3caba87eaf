"""Certified radii against the dimension."""

from collections.abc import Iterable
from math import inf
from typing import Any

from rsexplore.explorers import controls
from rsexplore.explorers.controls import NORMS, number, pick
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.plots.scaling import WORDS, Question, ScalingCurves, radius
from rsexplore.plots.style import norm_label
from rsexplore.scaling import DIMS
from rsexplore.table import rounded_down

FIXED = {"σ": "sigma", "E ‖z‖∞": "mean"}
DEFAULTS = {"norm": 2.0, "fixed": "sigma", "shape": 3.0, "k": 0.3, "dim": controls.DIM}


class ScalingView(View):
    """The axes of `scaling`."""

    def __init__(self) -> None:
        super().__init__(440, (76, 54, 614, 350), beside=[56])
        self.curves = ScalingCurves(*self.axes)

    def update(self, **values: Any) -> None:
        self.values = values
        question = Question(values["q_a"], values["norm"], values["shape"], values["k"])
        self.curves.ax.set_ylabel(f"certified {norm_label(values['norm'])} radius  (input units)")
        self.curves.show(question, values["size"], values["fixed"], values["dim"])
        what = "σ" if values["fixed"] == "sigma" else "E ‖z‖∞"
        self.titles[0].set_text(f"Radius and dimension at {what} = {values['size']:g}, 1 − p_A = {values['q_a']:g}")

    def slow(self) -> Steps:
        return self.curves.fill()

    def idle(self) -> Iterable[str]:
        return [] if {"eq8", "eq10"} & set(self.curves.found) else ["k"]

    def code(self) -> str:
        return controls.call("scaling", self.values, DEFAULTS)

    def readout(self) -> str:
        v, curves = self.values, self.curves
        rows = []
        for name, one in curves.found.items():
            at = v["size"] * radius(one.bound, name, curves.question, v["dim"], v["fixed"])
            fitted = f"{one.slope.value:.4f} ± {one.slope.error:.4f}"
            law = ("not known here", "") if one.law is None else (str(one.law), f"{one.law.fitted(DIMS):.4f}")
            cells = "".join(f"{CELL}{text}</td>" for text in (rounded_down(at), fitted, law[1]))
            data = f'data-key="{name}" data-radius="{at!r}" data-slope="{one.slope.value!r}"'
            rows.append(f"<tr {data}><td>{WORDS[name]}</td><td>{one.bound.key}</td>{cells}<td>{law[0]}</td></tr>")
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
    if not size > 0 or not 0 < q_a < 0.5 or not norm >= 1 or fixed not in FIXED.values():
        got = f"size={size}, q_a={q_a}, norm={norm}, fixed={fixed!r}"
        raise ValueError(f"scaling needs size > 0, q_a in (0, 1/2), norm >= 1, fixed='sigma' or 'mean', got {got}")
    if not 0 <= k < 1 or not shape >= 1 or not dim >= 2:
        raise ValueError(f"scaling needs k in [0, 1), shape >= 1, dim >= 2, got k={k}, shape={shape}, dim={dim}")
    chosen = [
        pick("norm", "norm p", "of the ball", NORMS, inf if norm == inf else float(norm)),
        pick("fixed", "fixed", "as d grows", FIXED, fixed),
        number("size", "size", "input units", size, 0.01, 10, help="of what is fixed"),
        controls.votes(q_a),
        number("shape", "shape s", "1 Laplace, 2 Gaussian", shape, 1, 8),
        number("k", "k", "of d", k, 0, 0.95, scale="linear"),
        controls.dim(dim, DIMS[-1], 2),
    ]
    return Panel(ScalingView(), chosen, "scaling")
