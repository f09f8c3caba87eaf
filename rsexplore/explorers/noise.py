"""What a noise looks like, and how long it is."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf, sqrt
from typing import Any

import numpy as np

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.controls import pick, unused
from rsexplore.explorers.panel import Panel, View
from rsexplore.explorers.readout import CELL, framed
from rsexplore.noises import Noise
from rsexplore.plots.images import NORMS, NoisePictures
from rsexplore.plots.style import dark

SIDES = {"8 × 8": 8, "16 × 16": 16, "32 × 32": 32, "64 × 64": 64}
DEFAULTS: dict[str, Any] = {}


class NoiseView(View):
    """The four axes of `noise`."""

    def __init__(self) -> None:
        super().__init__(280, *((left, 54, 185, 185) for left in (62, 310, 557, 780)), beside=[42] * 4)
        self.pictures = NoisePictures(*self.axes)
        # short, as the density of some noises has a spike in the middle
        slices = {name.split()[-1]: line for name, line in self.pictures.slices.items()}
        steps = {NORMS[norm]: line for norm, line in self.pictures.steps.items()}
        for ax, lines in ((self.axes[0], slices), (self.axes[2], steps)):
            for place, (words, line) in enumerate(lines.items()):
                look: dict[str, Any] = {"color": dark(str(line.get_color())), "size": 8, "va": "top"}
                ax.text(0.02, 0.995 - 0.08 * place, words, transform=ax.transAxes, **look)

    def update(self, **values: Any) -> None:
        self.values = values
        dim = values["side"] ** 2
        rest = {name: values[name] for name in ("family", "k", "powers", "shape")}
        # deviation 1, so that what is drawn is kept while sigma moves
        self.noise = controls.member(sigma=values["sigma"], dim=dim, **rest)
        flat, full = (controls.member(sigma=1.0, dim=n, **rest) for n in (2, dim))
        self.pictures.show(flat, full, values["sigma"])
        self.titles[0].set_text("Density, d = 2")
        self.titles[1].set_text("Draws, d = 2")
        self.titles[2].set_text(f"Norms, d = {dim:,}")
        self.titles[3].set_text(f"On an image, σ = {values['sigma']:g}")

    def idle(self) -> Iterable[str]:
        return unused(self.noise)

    def code(self) -> str:
        return controls.call("noise", {"noise": self.noise}, DEFAULTS)

    def readout(self) -> str:
        rows = []
        unit = {2.0: self.values["sigma"] * sqrt(self.noise.dim or 1), inf: self.values["sigma"]}
        for norm, values in zip(NORMS, self.pictures.norms, strict=True):
            drawn = unit[norm] * np.asarray(values)
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
    start = noises.Gaussian(0.25, dim=1024) if noise is None else noise
    if start.dim is None:
        start = replace(start, dim=1024)  # type: ignore[type-var]
    side = round(sqrt(start.dim or 0))
    if side not in SIDES.values() or side**2 != start.dim:
        raise ValueError(f"noise needs dim={', '.join(str(n * n) for n in SIDES.values())}, got {start!r}")
    chosen = [
        controls.family(start),
        controls.sigma(start.sigma),
        pick("side", "image", "pixels, d in all", SIDES, side),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
    ]
    return Panel(NoiseView(), chosen, "noise")
