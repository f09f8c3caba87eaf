"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.data import Names, class_names
from rsexplore.log import UNLABELLED, Row
from rsexplore.pictures.bounds import Claim, merged, said, shares
from rsexplore.pictures.picture import Axis, Bar, Bars, Image, Picture, Plot
from rsexplore.pictures.style import BLUE, RED, norm_label

SHOWN, LETTERS = 10, 3  # classes: of more, those with the most votes; and letters of their names under a bar
FLOOR, ROOM = 0.6, 20.0  # where bars of the logarithmic axis start, and how far it goes beyond all votes, for numbers
OTHERS, RIGHT, WRONG = "#9A9A9A", BLUE, RED


def votes(row: Row, *, names: Names | None = None, draws: int | None = None) -> Picture:
    """Estimation votes of one image: the selected class in red if it is known to be wrong, else blue; the label bold.

    Parameters
    ----------
    row : Row
        Of a log.
    names : optional
        Of the classes, as `data.class_names` takes them; their numbers where they have none. Of many classes with
        longer names the bars lie.
    draws : int, optional
        Votes that the axis has room for; those of the row if absent.
    """
    known, named = row.label != UNLABELLED, class_names(names)
    title = f"{row.count:,} of {row.draws:,} votes for {named.get(row.predict, row.predict)}"
    title += "  (bold: the label)" if known else ""
    classes = {key: named.get(key, str(key)) for key in shown(row.counts, row.predict, row.label)}
    lying = max(classes) >= SHOWN and max(map(len, classes.values())) > LETTERS
    rows = []
    for key, name in classes.items():
        count = row.counts.get(key, 0)
        color = (RIGHT if row.predict == row.label or not known else WRONG) if key == row.predict else OTHERS
        rows.append(Bar(name=name, value=max(count, FLOOR), text=_short(count), color=color, strong=key == row.label))
    axis = Axis(label="votes", scale="log", domain=(FLOOR, ROOM * (draws or row.draws)))
    x, y = (axis, None) if lying else (None, axis)
    plot = Plot(title=title, x=x, y=y, items=(Bars(rows=tuple(rows), upright=not lying),))
    says = "; ".join(f"{name}: {row.counts.get(key, 0):,}" for key, name in classes.items())
    label = f"The label is {named.get(row.label, row.label)}. " if known else ""
    return Picture(title=f"Votes, {title}", desc=f"{label}Votes by class: {says}.", plots=(plot,), height=300.0)


def one_image(
    row: Row,
    image: ArrayLike | None,
    copy: ArrayLike | None,
    found: Sequence[Claim],
    *,
    norm: float,
    abstains: bool = False,
    names: Names | None = None,
    draws: int | None = None,
) -> Picture:
    """An image, a noisy copy, its votes, and the radius of every bound.

    Parameters
    ----------
    row, names, draws
        As for `votes`.
    image, copy : array_like, shape (channels, height, width), or None
        In [0, 1]; what is beyond is cut off. None is not shown.
    found : sequence of Claim
        Of the vote, as `bounds.claims` returns them.
    norm : float
        Of their radii.
    abstains : bool
        Whether so few votes are for the class that no radius is certified, and none is shown.
    """
    label = f", label {class_names(names).get(row.label, row.label)}" if row.label != UNLABELLED else ""
    titles = f"Image {row.index}{label}", "Noisy copy"
    seen = [Plot(title=title, square=True, share=0.18, items=(Image(pixels=pixels(each)),))
            for title, each in zip(titles, (image, copy), strict=True) if each is not None]  # fmt: skip
    voted = votes(row, names=names, draws=draws)
    (ballot,) = voted.plots
    claims = [] if abstains else merged(found)
    radii = shares(claims, f"{norm_label(norm)} radii" + (": none, abstains" if abstains else ""), share=0.38)
    return Picture(
        title=f"{titles[0]}: {ballot.title}",
        desc=f"{voted.desc} {radii.title}{': ' + said(claims) if claims else ''}.",
        plots=(*seen, replace(ballot, share=0.26), radii),
    )


def shown(counts: Mapping[int, int], predict: int, label: int) -> list[int]:
    """Classes that have a bar: all of them where their numbers are below `SHOWN`, else those with the most votes."""
    if max((*counts, predict, label)) < SHOWN:
        return list(range(SHOWN))
    first = {predict, label} - {UNLABELLED}
    rest = sorted(set(counts) - first, key=lambda key: (-counts[key], key))
    return sorted([*first, *rest][:SHOWN], key=lambda key: (-counts.get(key, 0), key))


def pixels(image: ArrayLike) -> NDArray[np.float64]:
    """Return an image of shape (channels, height, width), or of fewer axes, as `Image` has it; its mean if odd."""
    planes = np.asarray(image, dtype=float)
    planes = planes.reshape((1,) * (3 - planes.ndim) + planes.shape)
    return np.clip(np.moveaxis(planes, 0, -1) if len(planes) == 3 else planes.mean(axis=0), 0, 1)


def _short(count: int) -> str:
    """Return a count in at most five letters, so that neighbours do not touch; 0 as nothing."""
    if count == 0:
        return ""
    return str(count) if count < 10_000 else f"{count / 1000:.3g}k" if count < 1_000_000 else f"{count / 1e6:.3g}M"
