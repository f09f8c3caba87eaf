"""Every certified radius against the vote, under the exact one, and each one's share of it at one vote."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

import matplotlib

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.controls import DIM, LEAST, NORMS, member, noise_code, number, pick, toggle, unused
from rsexplore.explorers.panel import BESIDE, Panel, Steps, View
from rsexplore.explorers.readout import radius_table
from rsexplore.noises import Noise
from rsexplore.patience import Task
from rsexplore.plots import style
from rsexplore.plots.curves import FEW, RadiusCurves, ball, claims, on_grid, vote_grid
from rsexplore.plots.shares import ShareBars


class BoundsView(View):
    """The two axes of `bounds` and the table of their numbers."""

    def __init__(self, assumed: bool, least: float) -> None:
        self._assumed = assumed  # whether the start had no dimension
        super().__init__(430, (80, 50, 342, 346), (734, 50, 192, 346), beside=(64, BESIDE))
        left, right = self.axes
        words = self.titles[1]
        with matplotlib.rc_context(style.PAPER):
            self.curves, self.bars = RadiusCurves(left, vote_grid(least)), ShareBars(right)
        words.set_text("at $1 - p_A$ =")
        end = words.get_transform().inverted().transform((words.get_window_extent().x1 + 5, 0))[0]
        place: dict[str, Any] = {"transform": words.get_transform(), "weight": "bold", "size": words.get_fontsize()}
        self.vote = right.text(end, words.get_position()[1], "", **place)
        # what was asked last, and the answer at deviation 1: a move of the deviation evaluates no formula
        self._at: tuple[Any, Any] = (None, None)
        self._curve: tuple[Any, Any] = (None, None)

    def update(self, **values: Any) -> Steps:
        best, order = values.pop("best"), values.pop("order")
        family, sigma, *others = (values.pop(name) for name in ("family", "sigma", "dim", "k", "powers", "shape"))
        self.q_a, self.norm, self.share = values.pop("q_a"), values["norm"], values["share"]
        self.question = values | {"order": None if best else order}
        self.noise, unit = (member(family, deviation, *others) for deviation in (sigma, 1.0))
        asked = (unit, *self.question.values())
        # what the time depends on, in words
        size = ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
        words = f"radii of {unit.family} noise, {size}"
        if self._at[0] != (self.q_a, asked):
            self._at = (self.q_a, asked), (yield Task(words, partial(claims, unit, [self.q_a], **self.question)))
        if self._curve[0] != asked:
            self._curve = asked, (yield Task(words, partial(on_grid, unit, self.curves.q_a, **self.question)))
        curves, self.few = self._curve[1]
        curves, self.found = ([replace(c, radii=sigma * c.radii) for c in found] for found in (curves, self._at[1]))
        exact = next((float(c.radii[0]) for c in self.found if c.exact), nan)
        titles = self.curves.show(curves, self.norm, (self.q_a, exact))
        self.bars.show([replace(c, title=t) for c in self.found if (t := titles.get(c.bound.key))])
        classes = "two classes" if self.share == 1 else f"runner-up {self.share:g} of the rest"
        self.titles[0].set_text(f"{self.noise.label}, {classes}")
        self.vote.set_text(f"{self.q_a:g}")

    def idle(self) -> Iterable[str]:
        yield from unused(self.noise)
        shown = {name for claim in self.found for name in claim.bound.params}
        if "c" not in shown:
            yield "c"
        if "order" not in shown:
            yield "best"
        if "order" not in shown or self.question["order"] is None:
            yield "order"

    def code(self) -> str:
        noise = self.noise
        norm = 'float("inf")' if self.norm == inf else f"{self.norm:g}"
        defaults = {"share": 1.0, "c": 1.0, "order": None, "printed": True}
        rest = "".join(f", {k}={self.question[k]!r}" for k, v in defaults.items() if self.question[k] != v)
        remark = f"  # dim={DIM} is assumed: the noise had none" if self._assumed and noise.dim == DIM else ""
        call = f"rs.explorers.bounds(noise={noise_code(noise)}, q_a={self.q_a!r}, norm={norm}{rest})"
        return call + remark

    def readout(self) -> str:
        table = radius_table(self.found, self.noise, self.q_a, self.share * self.q_a, self.norm, self.question)
        note = f"The curve goes through {FEW} votes, as each takes long; between them it is interpolated."
        return table + note * bool(self.found and self.few)


def bounds(
    noise: Noise | None = None,
    q_a: float = 1e-3,
    *,
    norm: float | None = None,
    share: float = 1.0,
    c: float = 1.0,
    order: float | None = None,
    printed: bool = True,
) -> Panel:
    """Sliders over every radius: family and deviation of the noise, votes, norm, dimension, free parameters.

    Parameters
    ----------
    noise : Noise, optional
        Where to start; Gaussian(0.5, dim=3072) if absent. A noise without `dim` is given dim=3072, and the code line
        says so. Families are compared at equal deviation of a coordinate.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    norm : float >= 1, optional
        Norm of the ball; if absent the one in which most is known of the family.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.
    c, order : float
        Parameters of the D_MR and Rényi bounds; the best order if absent.
    printed : bool
        Whether to show formulas as printed.
    """
    start = noises.Gaussian(0.5, dim=DIM) if noise is None else noise
    chosen = [
        controls.family(start),
        pick("norm", "norm p", "of the ball", NORMS, float(ball(start, norm))),
        controls.sigma(start.sigma),
        controls.votes(q_a),
        controls.share(share),
        controls.dim(start.dim or DIM),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
        number("c", "c", "of D_MR", c, 0.1, 10),
        number("order", "order", "of Rényi", order or 2.0, 0.05, 20),
        toggle("best", "best Rényi order", order is None),
        toggle("printed", "show formulas as printed", printed),
    ]
    return Panel(BoundsView(start.dim is None, min(LEAST, q_a)), chosen, "bounds")
