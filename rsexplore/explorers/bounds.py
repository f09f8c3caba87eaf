"""Every certified radius against the vote, under the exact one, and each one's share of it at one vote."""

from collections.abc import Iterable, Sequence
from math import inf, nan
from typing import Any

import matplotlib
from matplotlib.artist import Artist

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.canvas import BESIDE, Steps, View, frames
from rsexplore.explorers.controls import DIM, LEAST, NORMS, member, noise_code, number, pick, toggle, unused
from rsexplore.explorers.panel import Panel
from rsexplore.explorers.readout import radius_table
from rsexplore.noises import Noise
from rsexplore.plots import style
from rsexplore.plots.curves import FEW, KeptClaims, RadiusCurves, ball, vote_grid
from rsexplore.plots.shares import ShareBars

# pixels that text needs: left of the curves, between the two axes (labels, names), right of the bars; above and below
LEFT, BETWEEN, RIGHT, TOP, BOTTOM = 80, 312, 74, 34, 50


class BoundsView(View):
    """The two axes of `bounds` and the table of their numbers."""

    def __init__(self, assumed: bool, least: float, size: tuple[int, int], ahead: Sequence[float] = ()) -> None:
        self._assumed = assumed  # whether the start had no dimension
        width, height = size
        room, tall = width - LEFT - BETWEEN - RIGHT, height - TOP - BOTTOM
        boxes = [(LEFT, BOTTOM, 0.64 * room, tall), (LEFT + 0.64 * room + BETWEEN, BOTTOM, 0.36 * room, tall)]
        self.figure, (left, right), (self.title, words) = frames(size, *boxes, beside=(64, BESIDE))
        with matplotlib.rc_context(style.PAPER):
            self.curves, self.bars = RadiusCurves(left, vote_grid(least)), ShareBars(right)
        self._kept = KeptClaims(self.curves.q_a, ahead)
        words.set_text("at $1 - p_A$ =")
        end = words.get_transform().inverted().transform((words.get_window_extent().x1 + 5, 0))[0]
        place: dict[str, Any] = {"transform": words.get_transform(), "weight": "bold", "size": words.get_fontsize()}
        self.vote = right.text(end, words.get_position()[1], "", **place)

    @property
    def moving(self) -> list[Artist]:
        artists = [*self.curves.artists, *self.bars.artists, *self.spines, self.title, self.vote]
        return sorted(artists, key=lambda artist: artist.get_zorder())

    def update(self, **values: Any) -> Steps:
        self.values = values
        best = values.pop("best")
        names = ("family", "sigma", "dim", "k", "powers", "shape")
        family, sigma, *others = (values.pop(name) for name in names)
        self.noise, self.sigma = member(family, sigma, *others), sigma
        self.q_a, self.norm, self.share = values["q_a"], values["norm"], values["share"]
        question = {name: values[name] for name in ("norm", "share", "c", "printed")}
        question["order"] = None if best else values["order"]
        self.question = question
        self.unit = member(family, 1.0, *others)
        yield from self._kept.ask(self.unit, self.q_a, self._show, **question)
        self._show()

    def _show(self) -> None:
        """Draw what is known."""
        on_grid, self.found = self._kept.show(self.unit, self.sigma, self.q_a, **self.question)
        exact = next((float(c.radii[0]) for c in self.found if c.exact), nan)
        self.curves.show(on_grid, self.norm, (self.q_a, exact), self._kept.together(on_grid))
        self.bars.show(self.found, 0, self._kept.together(self.found))
        classes = "two classes" if self.share == 1 else f"runner-up {self.share:g} of the rest"
        self.title.set_text(f"{self.noise.label}, {classes}")
        self.vote.set_text(f"{self.q_a:g}")

    def slow(self) -> Steps:
        self._kept.look_ahead()
        yield from ()

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
        return table + note * bool(self.found and self._kept.few)


def bounds(
    noise: Noise | None = None,
    q_a: float = 1e-3,
    *,
    norm: float | None = None,
    share: float = 1.0,
    c: float = 1.0,
    order: float | None = None,
    printed: bool = True,
    least: float = LEAST,
    width: int = 1000,
    height: int = 430,
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
    least : float
        Smallest 1 - p_A of the picture.
    width, height : int
        Of the picture, in pixels.
    """
    start = noises.Gaussian(0.5, dim=DIM) if noise is None else noise
    chosen = [
        controls.family(start),
        pick("norm", "norm p", "of the ball", NORMS, float(ball(start, norm))),
        controls.sigma(start.sigma),
        controls.votes(q_a, least),
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
    votes = next(control.stops for control in chosen if control.name == "q_a")
    return Panel(BoundsView(start.dim is None, min(least, q_a), (width, height), votes), chosen, "bounds")
