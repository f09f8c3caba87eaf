"""What a noise looks like, and how long it is."""

from collections.abc import Iterable
from math import inf, sqrt
from typing import Any

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.controls import pick, unused
from rsexplore.explorers.panel import Panel, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.noises import Noise
from rsexplore.pictures.noise import SIDES, at_unit, sample
from rsexplore.pictures.noise import noise as picture

DEFAULTS: dict[str, Any] = {}


class NoiseView(View):
    """The picture of `noise` and the table of its norms."""

    def update(self, **values: Any) -> None:
        self.values = values
        rest = {name: values[name] for name in ("family", "sigma", "k", "powers", "shape")}
        self.noise = controls.member(dim=values["side"] ** 2, **rest)
        self.picture = picture(self.noise)

    def idle(self) -> Iterable[str]:
        return unused(self.noise)

    def code(self) -> str:
        return controls.call("noise", {"noise": self.noise}, DEFAULTS)

    def readout(self) -> str:
        rows = []
        unit = {2.0: self.values["sigma"] * sqrt(self.noise.dim or 1), inf: self.values["sigma"]}
        for norm, values in sample(at_unit(self.noise, self.noise.dim or 1))[1].items():
            drawn = unit[norm] * values
            error = drawn.std() / sqrt(len(drawn))
            cells = (f"{drawn.mean():.5g} ± {error:.1g}", _mean(self.noise, norm), f"{drawn.std():.3g}")
            data = f'data-norm="{norm:g}" data-mean="{float(drawn.mean())!r}"'
            rows.append(f"<tr {data}><td>l{norm:g}</td>{''.join(f'{CELL}{cell}</td>' for cell in cells)}</tr>")
        head = "<tr><th>norm</th><th>mean of the draws</th><th>expected</th><th>their deviation</th></tr>"
        note = f"{self.noise.label}, d = {self.noise.dim:,}; pixels are cut off at 0 and 1 for display."
        state = {"noise": self.noise.family, "sigma": self.values["sigma"], "dim": self.noise.dim}
        return framed(f"<table>{head}{''.join(rows)}</table>{note}", **state)


def _mean(noise: Noise, norm: float) -> str:
    try:
        return f"{noise.mean_norm(norm):.5g}"
    except NotImplementedError:
        return "not coded"


def noise(noise: Noise | None = None) -> Panel:
    """Sliders over what a noise looks like: density in the plane, draws, laws of its norms, a noisy image.

    Parameters
    ----------
    noise : Noise, optional
        Where to start; Gaussian(0.25, dim=1024) if absent. Its `dim` must be a number of pixels: 64, 256, 1024 or 4096.

    Raises
    ------
    ValueError
        The noise has another dimension.
    """
    picture(noise)  # refuses what it cannot draw
    start = noises.Gaussian(0.25) if noise is None else noise
    side = round(sqrt(start.dim or 1024))
    chosen = [
        controls.family(start),
        controls.sigma(start.sigma),
        pick("side", "image", "pixels", {f"{n} × {n}": n for n in SIDES}, side),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
    ]
    return Panel(NoiseView(), chosen, "noise")
