"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Iterable, Mapping
from functools import partial
from html import escape
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.explorers.controls import NORMS, call, number, pick
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.patience import Task
from rsexplore.plots import style
from rsexplore.plots.curves import ball, claims, merged
from rsexplore.plots.shares import ShareBars
from rsexplore.plots.style import norm_label
from rsexplore.plots.votes import VoteBars
from rsexplore.records import Records, can_thin, thinned

PARAMS: Mapping[str, Any] = {"c": None, "order": None}
Images = Mapping[int, NDArray] | ArrayLike


class ImageView(View):
    """The image, a noisy copy, the votes, and the radii of every bound."""

    def __init__(self, records: Records, images: Images) -> None:
        super().__init__(400, (20, 214, 150, 150), (20, 30, 150, 150), (266, 56, 244, 308), (732, 56, 192, 308))
        self._records, self._images, self._thinned = records, images, (records.header.n, records)
        self.places = {int(index): place for place, index in enumerate(records.index)}
        axes = self.axes
        with matplotlib.rc_context(style.PAPER):
            self.votes, self.radii = VoteBars(axes[2]), ShareBars(axes[3], 32)
        for ax in axes[:2]:
            ax.set_axis_off()
        first = _pixels(self._image(next(iter(self.places))))
        self.pictures = [ax.imshow(first, cmap="gray", vmin=0, vmax=1) for ax in axes[:2]]

    def _image(self, number: int) -> NDArray:
        return np.asarray(self._images[number])  # type: ignore[index]

    def update(self, **values: Any) -> Steps:
        self.values, number = values, values["image"]
        if number not in self.places:
            raise LookupError(f"image must be one of the run's, which go from {min(self.places)} to "
                              f"{max(self.places)}, got image={number}")  # fmt: skip
        place, part = self.places[number], self._part(values["n"])
        self.noise, self.row = part.noise, part.rows[place]
        self.q_a = float(part.q_a(values["alpha"])[place])
        # everything that can fail comes before the first artist moves
        words = f"radii of {self.noise.family} noise"
        self.found = yield Task(words, partial(claims, self.noise, [self.q_a], norm=values["norm"]))
        image = self._image(number)
        rng = np.random.default_rng((values["copy"], number))
        copy = image + self.noise.draw(rng, (1, *image.shape))[0]
        for picture, pixels in zip(self.pictures, (image, copy), strict=True):
            picture.set_data(_pixels(pixels))
        self.votes.show(self.row.counts, self.row.predict, self.row.label, self._records.header.n)
        self.radii.show([] if self.abstains else merged(self.found))
        self.titles[0].set_text(f"Image {number}, label {self.row.label}")
        self.titles[1].set_text(f"Noisy copy {values['copy']}")
        self.titles[2].set_text(f"{self.row.count:,} of {self.row.draws:,} votes for {self.row.predict}")
        self.titles[3].set_text(f"{norm_label(values['norm'])} radii" + (": none, abstains" if self.abstains else ""))

    @property
    def abstains(self) -> bool:
        """Whether so few votes are for the class that no radius is certified."""
        return not self.q_a < 0.5

    def _part(self, n: int) -> Records:
        n = n if can_thin(self._records, n) else self._records.header.n
        if self._thinned[0] != n:
            self._thinned = n, thinned(self._records, n)
        return self._thinned[1]

    def idle(self) -> Iterable[str]:
        return () if can_thin(self._records, 1) else ("n",)

    def code(self) -> str:
        return call("one_image", {"records": ..., **self.values}, {}).replace("records=Ellipsis", "records, images")

    def readout(self) -> str:
        v, row, all_of = self.values, self.row, self._records.header.n
        own = "right" if row.predict == row.label else f"wrong, the label is {row.label}"
        words = f"Class {row.predict} ({own}): {row.count:,} of {row.draws:,} votes, so 1 − p_A ≤ {self.q_a:.6g}"
        words += f" but for a chance of α = {v['alpha']:g}."
        if row.draws < all_of and can_thin(self._records, 1):
            words += f" These are a random {row.draws:,} of the run's {all_of:,} votes (seed 0)."
        if self.abstains:
            words += " That is no majority for sure: the smoothed classifier abstains."
        table = radius_table(self.found, self.noise, self.q_a, self.q_a, v["norm"], PARAMS)
        note = "The noisy copy is not one of the run's own; pixels are cut off at 0 and 1 for display."
        state = {"image": v["image"], "predict": row.predict, "count": row.count, "draws": row.draws}
        return framed(f"{escape(words)}{table}{note}", **state)


def _pixels(image: NDArray) -> NDArray:
    """Return an image (channels, height, width), or of fewer axes, as matplotlib shows it."""
    planes = image.reshape((1,) * (3 - image.ndim) + image.shape)
    if len(planes) != 3:
        planes = planes.mean(axis=0, keepdims=True)
    shown = np.clip(np.moveaxis(planes, 0, -1), 0, 1)
    return shown if len(planes) == 3 else shown[..., 0]


def one_image(
    records: Records,
    images: Images,
    *,
    image: int | None = None,
    copy: int = 0,
    norm: float | None = None,
    alpha: float | None = None,
    n: int | None = None,
) -> Panel:
    """One image of a run, a noisy copy, its votes, and the radius of every bound, over norm, level and draws.

    Parameters
    ----------
    records : Records
        A run of ours.
    images : array_like or mapping
        ``images[i]`` is the image whose number in the log is i, shape (channels, height, width), in [0, 1].
    image : int, optional
        Number of the image to start with; the first of the log if absent.
    copy : int
        Which noisy copy is shown.
    norm : float >= 1, optional
        Norm of the ball; that in which most is known of the noise if absent.
    alpha : float in (0, 1), optional
        Failure probability; that of the log if absent.
    n : int, optional
        Votes that count, of those of the log; all if absent. Fewer are chosen at random: see `records.thinned`.

    Raises
    ------
    ValueError
        The records hold no votes.
    LookupError
        No image has that number.
    """
    if not records.rows:
        raise ValueError(f"one_image needs a run of ours with an image at least, got {records!r}")
    header, numbers = records.header, sorted(records.index.tolist())
    view = ImageView(records, images)
    first = numbers[0] if image is None else image
    if first not in view.places:
        raise LookupError(f"one_image needs an image of the run, from {numbers[0]} to {numbers[-1]}, got image={first}")
    chosen = [
        pick("image", "image", f"of {len(numbers):,}", {str(index): index for index in numbers}, first),
        number("copy", "copy", "of the noise", copy, 0, 99, scale="linear", whole=True),
        pick("norm", "norm p", "of the ball", NORMS, float(ball(records.noise, norm))),
        number("alpha", "α", "failure rate of a radius", alpha or header.alpha, 1e-6, 0.2),
        number("n", "n", "votes, a random part", n or header.n, min(10, header.n), header.n, whole=True),
    ]
    return Panel(view, chosen, "one_image")
