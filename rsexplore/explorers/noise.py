"""What a noise looks like, and how long it is."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf, sqrt
from typing import Any

import numpy as np
from matplotlib.artist import Artist

from rsexplore import noises
from rsexplore.explorers import controls
from rsexplore.explorers.canvas import View, frames
from rsexplore.explorers.controls import pick, unused
from rsexplore.explorers.panel import Panel
from rsexplore.explorers.readout import CELL, framed
from rsexplore.noises import Noise
from rsexplore.plots.images import NORMS, NoisePictures
from rsexplore.plots.style import Keys

SIDES = {"8 × 8": 8, "16 × 16": 16, "32 × 32": 32, "64 × 64": 64}
DEFAULTS: dict[str, Any] = {}


class NoiseView(View):
    """The four axes of `noise`."""

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        gap, left = 62, 62
        room = min((width - left - 3 * gap - 10) / 4, height - 90)  # squares
        boxes = [(left + i * (room + gap) - (24 if i == 3 else 0), 54, room, room) for i in range(4)]
        self.figure, axes, self.titles = frames(size, *boxes, beside=[42] * 4)
        self.pictures = NoisePictures(*axes)
        self.keys = [Keys(axes[0], 0.02, 0.995, 2, size=8), Keys(axes[2], 0.02, 0.995, 2, size=8)]
        # short, as the density of some noises has a spike in the middle
        self.keys[0].show([(name.split()[-1], str(line.get_color())) for name, line in self.pictures.slices.items()])
        self.keys[1].show([(NORMS[norm], str(line.get_color())) for norm, line in self.pictures.steps.items()])

    @property
    def moving(self) -> list[Artist]:
        keys = [artist for keys in self.keys for artist in keys.artists]
        return [*self.pictures.artists, *self.spines, *keys, *self.titles]

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


def noise(noise: Noise | None = None, *, width: int = 1000, height: int = 280) -> Panel:
    """Sliders over what a noise looks like: density in the plane, draws, laws of its norms, a noisy image.

    Parameters
    ----------
    noise : Noise, optional
        Where to start; Gaussian(0.25, dim=1024) if absent. Its `dim` must be a number of pixels: 64, 256, 1024 or 4096.
    width, height : int
        Of the picture, in pixels.

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
    return Panel(NoiseView((width, height)), chosen, "noise")
