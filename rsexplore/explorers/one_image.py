"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.data import Names, class_names
from rsexplore.explorers import controls
from rsexplore.explorers.controls import Number, call, choice, pick, toggle
from rsexplore.explorers.panel import Panel, Words
from rsexplore.explorers.readout import framed, radius_table
from rsexplore.log import UNLABELLED
from rsexplore.noises import GeneralizedGaussian, Noise, PowerGaussian
from rsexplore.patience import Steps, computed
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


def nearest(runs: Sequence[Records], values: Mapping[str, Any]) -> Records:
    """The run that the controls mean: of its kind, and then of the nearest numbers, one after the other."""

    def far(run: Records) -> list[float]:
        pairs = [(own, values.get(name, own)) for name, own in told(run.noise).items()]
        return [float(own != wish) if isinstance(own, str) else abs(own - wish) for own, wish in pairs]

    return min(runs, key=far)


def _one_image(
    runs: Sequence[Records],
    images: Images,
    named: Mapping[bool, Mapping[int, str]],
    part_of: Callable[..., Records],
    **v: Any,
) -> Steps:
    """Draw an image; `named` are the classes, whether groups of them are counted together or not."""
    run, number, norm, together = nearest(runs, v), v["image"], v["norm"], v.get("together", False)
    part, header = part_of(run, v["n"], together), run.header
    noise, place, names = part.noise, part.index.tolist().index(number), named[together]
    row, q_a = part.rows[place], float(part.q_a(v["alpha"])[place])
    abstains = not q_a < 0.5  # so few votes are for the class that no radius is certified
    found = yield from computed(
        f"radii of {noise.family} noise", partial(claims, noise, [q_a], norm=norm, printed=False)
    )
    image = copy = None
    if images is not None:
        image = np.asarray(images[number])  # type: ignore[index]
        copy = noise.apply(image[None], np.random.default_rng((v["copy"], number)))[0]
    yield picture(row, image, copy, found, norm=norm, abstains=abstains, names=names, draws=header.n)
    mine, label = (names.get(key, str(key)) for key in (row.predict, row.label))
    right = " (right)" if row.predict == row.label else f" (wrong, the label is {label})"
    words = f"Class {mine}{right * (row.label != UNLABELLED)}: {row.count:,} of {row.draws:,} votes"
    words += f" (of at most {header.n:,}; {row.end})" if header.stop else ""
    words += f", so 1 − p_A ≤ {q_a:.6g} but for a chance of α = {v['alpha']:g}."
    if row.draws < header.n and can_thin(run, 1):
        words += f" These are a random {row.draws:,} of the run's {header.n:,} votes (seed 0)."
    if abstains:
        no_majority = " That is no majority for sure: the smoothed classifier abstains."
        words += " Nothing is certified." if header.stop else no_majority
    table = radius_table(found, noise, q_a, q_a, norm)
    shown = "The noisy copy is not one of the run's own; pixels are cut off at 0 and 1 for display."
    apart = {"kind", *WORDS} & v.keys()  # controls that choose among the runs
    given = {"noise": noise} if apart else {}
    given |= {name: value for name, value in v.items() if name not in apart}
    code = call(one_image, given, "records", "images", always=("copy", "together"))
    idle = WORDS.keys() - told(noise) | (set() if can_thin(run, 1) else {"n"})
    yield Words(code, framed(escape(words) + table + shown * (images is not None)), idle)


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
    first = numbers[0] if image is None else image
    if first not in numbers:
        raise LookupError(f"one_image needs an image of the run, from {numbers[0]} to {numbers[-1]}, got image={first}")
    listed = {" ".join([str(index), *files[index : index + 1]]): index for index in numbers}
    chosen = [
        pick("image", "image", f"of {len(numbers):,}", listed, first),
        *([Number("copy", "noisy copy", "of many", copy, 0, 99, scale="linear", whole=True)] * (images is not None)),
        controls.norm(ball(start.noise, norm)),
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
    alone, groups = class_names(runs[0].header.classes if names is None else names), groups or {}
    named = {False: alone, True: alone | {min(group): name for name, group in groups.items()}}

    @lru_cache(1)
    def part_of(run: Records, n: int, together: bool) -> Records:
        part = thinned(run, n) if can_thin(run, n) else run
        return grouped(part, groups.values()) if together else part

    def norm_of(values: dict[str, Any]) -> float:
        return controls.own_norm(nearest(runs, values).noise)

    draw = partial(_one_image, runs, images, named, part_of)
    return Panel("one_image", draw, chosen, own_norm=norm_of if len(runs) > 1 and norm is None else None)
