"""Every certified radius against the vote, under the exact one, and each one's share of it at one vote."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.controls import DIM, LEAST, NORMS, Number, member, more, noise_code, pick, toggle, unused
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import radius_table
from rsexplore.noises import Noise
from rsexplore.patience import Task
from rsexplore.pictures.bounds import FEW, answers, ball, bounds_picture, claims, usual, vote_grid

NOISE = ("family", "sigma", "dim", "k", "powers", "shape")  # controls that say the noise


class BoundsView(View):
    """The picture of `bounds` and the table of its numbers."""

    def __init__(self, assumed: bool, least: float) -> None:
        self._assumed = assumed  # whether the start had no dimension
        self.grid = vote_grid(least)
        # what was asked last, and the answer at deviation 1: a move of the deviation evaluates no formula
        self._at: tuple[Any, Any] = (None, None)
        self._curve: tuple[Any, Any] = (None, None)

    def update(self, **values: Any) -> Steps:
        best, order, every = (values.pop(name) for name in ("best", "order", "every"))
        self.noise, unit, sigma = member(values), member(values, sigma=1.0), values["sigma"]
        for name in NOISE:
            del values[name]
        self.q_a, self.norm, self.share, self.every = values.pop("q_a"), values["norm"], values["share"], every
        self.question = values | {"order": None if best else order}
        asked = (unit, *self.question.values())
        # what the time depends on, in words
        size = ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
        words = f"radii of {unit.family} noise, {size}"
        if self._curve[0] != asked:
            at, *curve = yield Task(words, partial(answers, unit, self.grid, self.q_a, **self.question))
            self._at, self._curve = ((self.q_a, asked), at), (asked, curve)
        if self._at[0] != (self.q_a, asked):
            self._at = (self.q_a, asked), (yield Task(words, partial(claims, unit, [self.q_a], **self.question)))
        curves, self.few = self._curve[1]
        # a printed formula is asked for by name
        at = self._at[1] if every or values["printed"] else usual(self._at[1])
        keys = {claim.bound.key for claim in at}
        self.found, curves = (
            [replace(c, radii=sigma * c.radii) for c in found if c.bound.key in keys] for found in (at, curves)
        )
        self.picture = bounds_picture(
            self.noise, curves, self.found, self.grid, self.q_a, norm=self.norm, share=self.share
        )

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
        defaults = {"share": 1.0, "c": 1.0, "order": None, "every": False, "printed": False}
        given = self.question | {"every": self.every}
        rest = "".join(f", {k}={given[k]!r}" for k, v in defaults.items() if given[k] != v)
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
    every: bool = False,
    printed: bool = False,
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
    every : bool
        Whether to show every bound, or at first the exact one, the best proved one, and the classic ones.
    printed : bool
        Whether to show formulas as printed too, and with them every bound.
    """
    start = noises.Gaussian(0.5, dim=DIM) if noise is None else noise
    chosen = [
        controls.family(start),
        controls.sigma(start.sigma),
        controls.votes(q_a),
        pick("norm", "norm of the ball", "p", NORMS, float(ball(start, norm))),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
        *more(
            controls.dim(start.dim or DIM),
            controls.share(share),
            toggle("every", "show every bound", every),
            toggle("printed", "show formulas as printed, where they are wrong", printed),
            Number("c", "c of D_MR", "of ℓ_∞ noise", c, 0.1, 10),
            toggle("best", "best Rényi order", order is None),
            Number("order", "Rényi order", "1 KL, 2 χ²", order or 2.0, 0.05, 20),
        ),
    ]
    # the norm in which most is known of the noise, until the reader takes another
    follow = {"norm": lambda values: controls.own_norm(member(values))} if norm is None else {}
    return Panel(BoundsView(start.dim is None, min(LEAST, q_a)), chosen, "bounds", follow)
