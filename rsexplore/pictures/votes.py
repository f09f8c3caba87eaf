"""One image of a run: what the classifier saw, how it voted, and how far each bound certifies."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore.log import Row
from rsexplore.pictures.bounds import Claim, merged, said, shares
from rsexplore.pictures.picture import Axis, Bar, Bars, Image, Picture, Plot
from rsexplore.pictures.style import BLUE, RED, norm_label

SHOWN = 10  # classes; of more, those with the most votes
FLOOR, ROOM = 0.6, 20.0  # where bars of the logarithmic axis start, and how far it goes beyond all votes, for numbers
OTHERS, RIGHT, WRONG = "#9A9A9A", BLUE, RED


def votes(row: Row, *, names: Mapping[int, str] | Sequence[str] | None = None, draws: int | None = None) -> Picture:
    """Estimation votes of one image: the selected class in blue if right and red if not, the label in bold.

    Parameters
    ----------
    row : Row
        Of a log.
    names : mapping or sequence of str, optional
        Of the classes, by their numbers; the numbers if absent.
    draws : int, optional
        Votes that the axis has room for; those of the row if absent.
    """
    title = f"{row.count:,} of {row.draws:,} votes for {_name(row.predict, names)}  (bold: the label)"
    classes = {key: _name(key, names) for key in shown(row.counts, row.predict, row.label)}
    rows = []
    for key, name in classes.items():
        count = row.counts.get(key, 0)
        color = (RIGHT if row.predict == row.label else WRONG) if key == row.predict else OTHERS
        rows.append(Bar(name=name, value=max(count, FLOOR), text=_short(count), color=color, strong=key == row.label))
    y = Axis(label="votes", scale="log", domain=(FLOOR, ROOM * (draws or row.draws)))
    plot = Plot(title=title, y=y, items=(Bars(rows=tuple(rows), upright=True),))
    says = "; ".join(f"{name}: {row.counts.get(key, 0):,}" for key, name in classes.items())
    label = f"The label is {_name(row.label, names)}. "
    return Picture(title=f"Votes, {title}", desc=f"{label}Votes by class: {says}.", plots=(plot,), height=300.0)


def one_image(
    row: Row,
    image: ArrayLike,
    copy: ArrayLike,
    found: Sequence[Claim],
    *,
    norm: float,
    abstains: bool = False,
    names: Mapping[int, str] | Sequence[str] | None = None,
    draws: int | None = None,
) -> Picture:
    """An image, a noisy copy, its votes, and the radius of every bound.

    Parameters
    ----------
    row, names, draws
        As for `votes`.
    image, copy : array_like, shape (channels, height, width)
        In [0, 1]; what is beyond is cut off.
    found : sequence of Claim
        Of the vote, as `bounds.claims` returns them.
    norm : float
        Of their radii.
    abstains : bool
        Whether so few votes are for the class that no radius is certified, and none is shown.
    """
    titles = f"Image {row.index}, label {_name(row.label, names)}", "Noisy copy"
    seen = [Plot(title=title, square=True, share=0.18, items=(Image(pixels=pixels(each)),))
            for title, each in zip(titles, (image, copy), strict=True)]  # fmt: skip
    voted = votes(row, names=names, draws=draws)
    (ballot,) = voted.plots
    claims = [] if abstains else merged(found)
    radii = shares(claims, f"{norm_label(norm)} radii" + (": none, abstains" if abstains else ""), share=0.38)
    return Picture(
        title=f"{titles[0]}: {ballot.title}",
        desc=f"{voted.desc} {radii.title}{': ' + said(claims) if claims else ''}.",
        plots=(*seen, Plot(title=ballot.title, y=ballot.y, items=ballot.items, share=0.26), radii),
    )


def shown(counts: Mapping[int, int], predict: int, label: int) -> list[int]:
    """Classes that have a bar: all of them where their numbers are below `SHOWN`, else those with the most votes."""
    if max((*counts, predict, label)) < SHOWN:
        return list(range(SHOWN))
    rest = sorted(set(counts) - {predict, label}, key=lambda key: (-counts[key], key))
    return sorted([*{predict, label}, *rest][:SHOWN], key=lambda key: (-counts.get(key, 0), key))


def pixels(image: ArrayLike) -> NDArray[np.float64]:
    """Return an image of shape (channels, height, width), or of fewer axes, as `Image` has it; its mean if odd."""
    planes = np.asarray(image, dtype=float)
    planes = planes.reshape((1,) * (3 - planes.ndim) + planes.shape)
    return np.clip(np.moveaxis(planes, 0, -1) if len(planes) == 3 else planes.mean(axis=0), 0, 1)


def _name(key: int, names: Mapping[int, str] | Sequence[str] | None) -> str:
    return str(key) if names is None else names[key]


def _short(count: int) -> str:
    """Return a count in at most five letters, so that neighbours do not touch; 0 as nothing."""
    if count == 0:
        return ""
    return str(count) if count < 10_000 else f"{count / 1000:.3g}k" if count < 1_000_000 else f"{count / 1e6:.3g}M"
