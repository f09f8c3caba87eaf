"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.explorers.controls import NORMS, Number, call, pick
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.patience import Task
from rsexplore.pictures.bounds import ball, claims
from rsexplore.pictures.votes import one_image as picture
from rsexplore.records import Records, can_thin, least_level, thinned

PARAMS: Mapping[str, Any] = {"c": None, "order": None}
Images = Mapping[int, NDArray] | ArrayLike
Names = Mapping[int, str] | Sequence[str]


class ImageView(View):
    """The picture of `one_image` and the table of its radii."""

    def __init__(self, records: Records, images: Images, names: Names | None) -> None:
        self._records, self._images, self._names = records, images, names
        self._thinned = (records.header.n, records)
        self.places = {int(index): place for place, index in enumerate(records.index)}

    def update(self, **values: Any) -> Steps:
        self.values, number = values, values["image"]
        if number not in self.places:
            raise LookupError(f"image must be one of the run's, which go from {min(self.places)} to "
                              f"{max(self.places)}, got image={number}")  # fmt: skip
        place, part = self.places[number], self._part(values["n"])
        self.noise, self.row = part.noise, part.rows[place]
        self.q_a = float(part.q_a(values["alpha"])[place])
        words = f"radii of {self.noise.family} noise"
        self.found = yield Task(words, partial(claims, self.noise, [self.q_a], norm=values["norm"], printed=False))
        image = np.asarray(self._images[number])  # type: ignore[index]
        rng = np.random.default_rng((values["copy"], number))
        copy = self.noise.apply(image[None], rng)[0]
        self.picture = picture(
            self.row, image, copy, self.found, norm=values["norm"], abstains=self.abstains, names=self._names,
            draws=self._records.header.n,
        )  # fmt: skip

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
        named = [str(key) if self._names is None else self._names[key] for key in (row.predict, row.label)]
        own = "right" if row.predict == row.label else f"wrong, the label is {named[1]}"
        words = f"Class {named[0]} ({own}): {row.count:,} of {row.draws:,} votes"
        words += f" (of at most {all_of:,}; {row.end})" if self._records.header.stop else ""
        words += f", so 1 − p_A ≤ {self.q_a:.6g} but for a chance of α = {v['alpha']:g}."
        if row.draws < all_of and can_thin(self._records, 1):
            words += f" These are a random {row.draws:,} of the run's {all_of:,} votes (seed 0)."
        if self.abstains and self._records.header.stop:
            words += " Nothing is certified."
        elif self.abstains:
            words += " That is no majority for sure: the smoothed classifier abstains."
        table = radius_table(self.found, self.noise, self.q_a, self.q_a, v["norm"], PARAMS)
        note = "The noisy copy is not one of the run's own; pixels are cut off at 0 and 1 for display."
        state = {"image": v["image"], "predict": row.predict, "count": row.count, "draws": row.draws}
        return framed(f"{escape(words)}{table}{note}", **state)


def one_image(
    records: Records,
    images: Images,
    *,
    image: int | None = None,
    copy: int = 0,
    norm: float | None = None,
    alpha: float | None = None,
    n: int | None = None,
    names: Names | None = None,
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
    names : mapping or sequence of str, optional
        Of the classes, by their numbers.

    Raises
    ------
    ValueError
        The records hold no votes.
    LookupError
        No image has that number.
    """
    if not records.rows:
        raise ValueError(f"one_image needs a run of ours with an image at least, got {records!r}")
    if records.header.exact:
        raise ValueError(f"one_image shows votes of a sample at a level, got exact ones, {records!r}")
    header, numbers = records.header, sorted(records.index.tolist())
    view = ImageView(records, images, names)
    first = numbers[0] if image is None else image
    if first not in view.places:
        raise LookupError(f"one_image needs an image of the run, from {numbers[0]} to {numbers[-1]}, got image={first}")
    chosen = [
        pick("image", "image", f"of {len(numbers):,}", {str(index): index for index in numbers}, first),
        Number("copy", "noisy copy", "of many", copy, 0, 99, scale="linear", whole=True),
        pick("norm", "norm of the ball", "p", NORMS, float(ball(records.noise, norm))),
        Number("alpha", "failure rate α", "of a radius", alpha or header.alpha, least_level(records), 0.2),
        Number("n", "votes n", "a random part", n or header.n, min(10, header.n), header.n, whole=True),
    ]
    return Panel(view, chosen, "one_image")
