"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.data import Names, class_names
from rsexplore.explorers.controls import NORMS, Number, call, choice, own_norm, pick, toggle
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.log import UNLABELLED
from rsexplore.noises import GeneralizedGaussian, Noise, PowerGaussian
from rsexplore.patience import Task
from rsexplore.pictures import style
from rsexplore.pictures.bounds import ball, claims
from rsexplore.pictures.soap_bubbles import POWERS
from rsexplore.pictures.votes import one_image as picture
from rsexplore.records import Records, can_thin, grouped, least_level, thinned

Images = Mapping[int, NDArray] | ArrayLike | None
Groups = Mapping[str, Sequence[int]]
WORDS = {"sigma": ("deviation σ", "of a coordinate"), "k": ("pull k", "of d"), "shape": ("shape s", "2 Gauss")}


def told(noise: Noise) -> dict[str, Any]:
    """What tells the noises of several runs apart, by the names of the controls."""
    kind = style.NOISES.get(noise.family, noise.family)
    found: dict[str, Any] = {"kind": kind, "sigma": float(f"{noise.sigma:.12g}")}
    if isinstance(noise, PowerGaussian):
        powers = next(name for name, own in POWERS.items() if own == (noise.power_norm, noise.tail_norm))
        return {**found, "kind": f"soap bubble, {powers}", "k": noise.k / noise.dim}
    return {**found, "shape": noise.shape} if isinstance(noise, GeneralizedGaussian) else found


class ImageView(View):
    """The picture of `one_image` and the table of its radii."""

    always = ("copy", "together")

    def __init__(self, runs: Sequence[Records], images: Images, names: Names | None, groups: Groups) -> None:
        self._runs, self._images, self._groups = runs, images, groups
        self._alone = class_names(runs[0].header.classes if names is None else names)
        self._together = self._alone | {min(group): name for name, group in groups.items()}
        self._parts = lru_cache(1)(self._part)
        self.places = {int(index): place for place, index in enumerate(runs[0].index)}

    def update(self, **values: Any) -> Steps:
        self.values, number = values, values["image"]
        self._records = self.nearest(values)
        self.names = self._together if values.get("together") else self._alone
        place, part = self.places[number], self._parts(self._records, values["n"], values.get("together", False))
        self.noise, self.row = part.noise, part.rows[place]
        self.q_a = float(part.q_a(values["alpha"])[place])
        words = f"radii of {self.noise.family} noise"
        self.found = yield Task(words, partial(claims, self.noise, [self.q_a], norm=values["norm"], printed=False))
        image = copy = None
        if self._images is not None:
            image = np.asarray(self._images[number])  # type: ignore[index]
            copy = self.noise.apply(image[None], np.random.default_rng((values["copy"], number)))[0]
        self.picture = picture(
            self.row, image, copy, self.found, norm=values["norm"], abstains=self.abstains, names=self.names,
            draws=self._records.header.n,
        )  # fmt: skip

    def nearest(self, values: Mapping[str, Any]) -> Records:
        """The run that the controls mean: of its kind, and then of the nearest numbers, one after the other."""

        def far(run: Records) -> list[float]:
            pairs = [(own, values.get(name, own)) for name, own in told(run.noise).items()]
            return [float(own != wish) if isinstance(own, str) else abs(own - wish) for own, wish in pairs]

        return min(self._runs, key=far)

    @property
    def abstains(self) -> bool:
        """Whether so few votes are for the class that no radius is certified."""
        return not self.q_a < 0.5

    def _part(self, run: Records, n: int, together: bool) -> Records:
        part = thinned(run, n) if can_thin(run, n) else run
        return grouped(part, self._groups.values()) if together else part

    def idle(self) -> Iterable[str]:
        unused = WORDS.keys() - told(self.noise) | ({"n"} if not can_thin(self._records, 1) else set())
        return unused & self.values.keys()

    def code(self) -> str:
        apart = {"kind", *WORDS}
        given = {"noise": self.noise} if apart & self.values.keys() else {}
        given |= {name: value for name, value in self.values.items() if name not in apart}
        return call(self.explorer, given, self.always, "records", "images")

    def readout(self) -> str:
        v, row, all_of = self.values, self.row, self._records.header.n
        named = [self.names.get(key, str(key)) for key in (row.predict, row.label)]
        own = " (right)" if row.predict == row.label else f" (wrong, the label is {named[1]})"
        own = "" if row.label == UNLABELLED else own
        words = f"Class {named[0]}{own}: {row.count:,} of {row.draws:,} votes"
        words += f" (of at most {all_of:,}; {row.end})" if self._records.header.stop else ""
        words += f", so 1 − p_A ≤ {self.q_a:.6g} but for a chance of α = {v['alpha']:g}."
        if row.draws < all_of and can_thin(self._records, 1):
            words += f" These are a random {row.draws:,} of the run's {all_of:,} votes (seed 0)."
        if self.abstains and self._records.header.stop:
            words += " Nothing is certified."
        elif self.abstains:
            words += " That is no majority for sure: the smoothed classifier abstains."
        table = radius_table(self.found, self.noise, self.q_a, self.q_a, v["norm"])
        shown = "The noisy copy is not one of the run's own; pixels are cut off at 0 and 1 for display."
        note = "" if self._images is None else shown
        return framed(f"{escape(words)}{table}{note}")


def one_image(
    records: Records | Sequence[Records],
    images: Images,
    *,
    noise: Noise | None = None,
    image: int | None = None,
    copy: int = 0,
    norm: float | None = None,
    alpha: float | None = None,
    n: int | None = None,
    names: Names | None = None,
    groups: Groups | None = None,
    together: bool = True,
    files: Sequence[str] = (),
) -> Panel:
    """One image of a run, a noisy copy, its votes, and the radius of every bound, over norm, level and draws.

    Parameters
    ----------
    records : Records, or sequence of Records
        A run of ours, or several on the same images under different noises, among which the controls choose.
    noise : Noise, optional
        Of several runs, that of the first one shown.
    images : array_like or mapping, or None
        ``images[i]`` is the image whose number in the log is i, shape (channels, height, width), in [0, 1]; None where
        they are not at hand.
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
    names : optional
        Of the classes, as `data.class_names` takes them; those of the log if absent.
    groups, together
        By their names, groups of classes whose votes can be counted together (see `records.grouped`), and whether they
        are.
    files : sequence of str
        Names of the images, where the list of images is to have them.

    Raises
    ------
    ValueError
        The records hold no votes, or several runs are not on the same images.
    LookupError
        No image has that number.
    """
    runs = [records] if isinstance(records, Records) else list(records)
    if not runs or not runs[0].rows or any(run.index.tolist() != runs[0].index.tolist() for run in runs):
        raise ValueError(f"one_image needs a run of ours with an image at least, or several on the same, got {runs!r}")
    if exact := [run for run in runs if run.header.exact]:
        raise ValueError(f"one_image shows votes of a sample at a level, got exact ones, {exact}")
    start = next((run for run in runs if run.noise == noise), runs[0])
    header, numbers = start.header, sorted(start.index.tolist())
    view = ImageView(runs, images, names, groups or {})
    listed = {" ".join([str(index), *files[index : index + 1]]): index for index in numbers}
    first = numbers[0] if image is None else image
    if first not in view.places:
        raise LookupError(f"one_image needs an image of the run, from {numbers[0]} to {numbers[-1]}, got image={first}")
    chosen = [
        pick("image", "image", f"of {len(numbers):,}", listed, first),
        *([Number("copy", "noisy copy", "of many", copy, 0, 99, scale="linear", whole=True)] * (images is not None)),
        pick("norm", "norm of the ball", "p", NORMS, float(ball(start.noise, norm))),
        Number("alpha", "failure rate α", "of a radius", alpha or header.alpha, least_level(start), 0.2),
        Number("n", "votes n", "a random part", n or header.n, min(10, header.n), header.n, whole=True),
    ]
    for name in ("kind", *WORDS):
        values: set[Any] = {own[name] for own in map(told, (run.noise for run in runs)) if name in own}
        found = {str(value): value for value in sorted(values)}
        if len(found) > 1:
            value = told(start.noise).get(name, min(found.values()))
            words = WORDS.get(name)
            chosen.append(pick(name, *words, found, value) if words else choice(name, "noise", found, value))
    chosen += [toggle("together", "groups of classes are counted together", together)] if groups else []

    def norm_of(values: dict[str, Any]) -> float:
        return own_norm(view.nearest(values).noise)

    return Panel(view, chosen, one_image, norm_of if len(runs) > 1 and norm is None else None)
