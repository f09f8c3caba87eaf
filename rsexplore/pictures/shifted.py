"""Votes before a shift against the least after it, and where the least of a class meets the most of another."""

from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from rsexplore.bound import UnsupportedNoiseError, Vote
from rsexplore.comparison import exact_radius
from rsexplore.noises import Gaussian, Noise
from rsexplore.pictures import style
from rsexplore.pictures.bounds import ball
from rsexplore.pictures.noise import at_unit
from rsexplore.pictures.picture import Axis, Item, Line, Note, Picture, Plot, Points, Rule
from rsexplore.shifted import CURVES, least_vote
from rsexplore.table import rounded_down, rounded_up

AGAINST = tuple((0.5 - np.sin(np.linspace(-np.pi / 2, np.pi / 2, 41)) / 2).tolist())  # from 1 to 0, the middle one 1/2
SHARES = np.linspace(0, 1.5, 46)  # of the radius, on the axis of shifts; 1 at place 30
START = Gaussian(0.5, dim=3072)


@lru_cache(maxsize=256)
def _by(noise: Noise, norm: float, by: str, shifts: tuple[float, ...], votes: tuple[float, ...]) -> Any:
    """Least votes of shape (shifts, votes against), a `Vote`; or a text, why they are not known."""
    try:
        return least_vote(noise, np.array(shifts)[:, None], q_a=votes, norm=norm, by=by)
    except UnsupportedNoiseError as error:
        return str(error).removeprefix("least_vote: ")


def vote_curves(
    noise: Noise | None = None, r: float = 0.5, q_a: float = 0.01, *, norm: float | None = None, share: float = 1.0
) -> Picture:
    """The least vote after a shift: of every vote before it, and of one vote as the shift grows.

    Exact (Neyman-Pearson), and as each divergence between noise and shifted noise knows it. Beside it stands the most
    that another class can have, which is 1 less the least of all but that class. The radius is where the least of the
    one class meets the most of the other: with two classes, where the curve crosses 1/2.

    Parameters
    ----------
    noise : Noise, optional
        Gaussian(0.5, dim=3072) if absent.
    r : float
        Length of the shift, in input units.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    norm : float >= 1 or "inf", optional
        Of the shift; if absent the one in which most is known of the family.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.

    Raises
    ------
    ValueError
        An argument is out of its range.
    MissingDimensionError
        A curve depends on `noise.dim`, which is not set.
    """
    noise, p_b = START if noise is None else noise, share * q_a
    if not 0 < r < inf or not 0 < q_a < 0.5 or not 0 < share <= 1:
        got = f"r={r}, q_a={q_a}, share={share}"
        raise ValueError(f"vote_curves needs r above 0, q_a in (0, 1/2) and share in (0, 1], got {got}")
    norm, sigma, unit = ball(noise, norm), noise.sigma, at_unit(noise, noise.dim)
    here = (r / sigma,), (*AGAINST, q_a, p_b)
    exact: Any = _by(unit, norm, "exact", *here)
    known = isinstance(exact, Vote)
    radius = float(exact_radius(unit, q_a=q_a, p_b=p_b, norm=norm)) if known else 2 * r / sigma
    further = tuple((SHARES * radius).tolist()), (q_a, p_b)
    left: list[Item] = [Rule(at=0.5, axis="y"), Line(x=[0, 1], y=[0, 1], label="before", color=style.GREY, dash="dot")]
    right: list[Item] = [Rule(at=0.5, axis="y"), Rule(at=r, text="this shift")]
    title, meet, says = f"After a shift of {r / sigma:.4g} σ", f"1 − p_A = {q_a:g}", []
    if known:
        after, most = _by(unit, norm, "exact", *further), float(exact.q_a[0, -1])
        look: dict[str, Any] = {"label": "exact  TIGHT: most of another class", "color": style.RED, "width": 2.4}
        left += [Line(y=exact.q_a[0, -3::-1], **look), Points(x=[p_b], y=[most], color=style.RED)]
        right += [Line(y=after.q_a[:, 1], **look)]
        right += [Points(x=[sigma * radius], y=[after.p_a[30, 0]], name="exact radius", down=True)]
        title += f": p_A ≥ {rounded_down(float(exact.p_a[0, -2]))}, p_B ≤ {rounded_up(most)}"
        meet += f", p_B = {p_b:g}: they meet at {rounded_down(radius)} σ"
    else:
        left.append(Note(text=exact))
    for by, (words, key, _) in CURVES.items():
        votes = _by(unit, norm, by, *here)
        if isinstance(votes, str) or not votes.p_a.any():
            continue  # what is not known, or knows nothing
        (color, mark), at, tight = style.METHODS[key], float(votes.p_a[0, -2]), by == "exact"
        look = {"name": words, "color": color, "down": True}
        line = look | {"label": f"{words}  {'TIGHT' if tight else 'SOUND'}", "mark": mark}
        line["width"] = style.EXACT if tight else 1.6
        left += [Line(y=votes.p_a[0, :-2], **line), Points(x=[1 - q_a], y=[at], **look)]
        right += [Line(y=_by(unit, norm, by, *further).p_a[:, 0], **line)]
        says.append(f"{line['label'].replace('  ', ' ')} {rounded_down(at)}")
    reach, name = sigma * float(further[0][-1]), style.norm_label(norm)
    before, kept = (
        Axis(domain=(0, 1), label=f"vote {when} the shift", name=f"vote {when}") for when in ("before", "after")
    )
    length = style.length_axis(f"{name} length of the shift (input units)", reach, name="shift")
    plots = (
        Plot(title=title, x=before, y=kept, grid=1 - np.array(AGAINST), items=tuple(left), names="key"),
        Plot(title=meet, x=length, y=kept, grid=sigma * np.array(further[0]), items=tuple(right), names="key"),
    )
    # V(p) = 1/2 where p = 1 - V(1/2), for the curve is its own inverse turned about
    half = known and f"two classes have this radius up to 1 − p_A = {rounded_down(float(exact.p_a[0, 20]))}"
    desc = f"{title}. {meet}. Least vote of the class after this shift: {'; '.join(says)}. Exact: {half or exact}."
    return Picture(title=f"Votes after a shift, {noise.label}", desc=desc, plots=plots)
