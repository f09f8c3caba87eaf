"""Certified accuracy of a log, re-scored under any bound and confidence level, over the curve that was logged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from html import escape
from itertools import cycle
from typing import Any

import numpy as np

from rsexplore import accuracy, bounds
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound, Status
from rsexplore.comparison import exact_bound
from rsexplore.explorers import controls
from rsexplore.explorers.controls import Number, call, choice, plain, several, toggle
from rsexplore.explorers.panel import Panel, Words
from rsexplore.explorers.readout import framed, table
from rsexplore.patience import Steps, computed
from rsexplore.pictures import style
from rsexplore.pictures.accuracy import ceiling, shipped
from rsexplore.pictures.accuracy import certified_accuracy as picture
from rsexplore.pictures.bounds import PRINTED, ball
from rsexplore.records import Records, can_thin, least_level, thinned

AT = 9  # radii in the table


def _certified_accuracy(
    logs: Mapping[str, Records],
    published: Mapping[str, Curve],
    dataset: str | None,
    own: tuple[str, ...],
    part_of: Callable[[str, int], Records],
    **v: Any,
) -> Steps:
    """Draw the curve as logged, as re-scored, and those of other logs beside it."""
    name, bound, norm, alpha, n = v["log"], v["bound"], v["norm"], v["alpha"], v["n"]
    log, words = logs[name], f"radii of all images by {bound.key}"
    score = partial(accuracy.curve, bound=bound, norm=norm, alpha=alpha, uncertified=True)

    def scored() -> tuple[Curve, Curve | None, list[Curve]]:
        """The curve, that which was logged, and those between which rounding leaves it."""
        part = part_of(name, n)
        before = published[name] if name in published else _as_logged(log)
        if before is not None and before.norm != norm:  # radii in two norms do not go on one axis
            before = None
        return score(part), before, [score(part, rounding=way) for way in ("lower", "upper") if v["rounding"]]

    curve, before, interval = yield from computed(words, scored)
    # the others under the same bound and level, as far as it is about their noise
    beside = {other: logs[other] for other in v["beside"] if other != name}
    able = {other: run for other, run in beside.items() if bound.supports(run.noise) and alpha >= least_level(run)}
    others = yield from computed(words, lambda: {other: score(run) for other, run in able.items()})
    most = yield from computed(words, partial(ceiling, replace(curve, n=n), alpha, bound, norm))
    look = style.look(bound, bound.status_at(norm))
    # of what does not certify the picture says it
    status = f"  {bound.status_at(norm).value.upper()}" if bound.certifies else ""
    shown = [(curve, f"{_title(bound)}{status}", look | {"width": 2.2, "mark": ""})]
    if before is not None:
        shown.insert(0, (before, _origin(before), {"color": style.GREY, "dash": "dash"}))
    shown += [(each, "", look | {"width": 0.8, "mark": ""}) for each in interval]
    shown += [(each, other, {"color": color}) for (other, each), color in zip(others.items(), cycle(style.CYCLE))]
    curves, labels, looks = zip(*shown, strict=True)
    title, note, stop = name, None, log.header.stop
    if stop:
        aim = f"radius {stop['radius']:g}" if "radius" in stop else f"precision {stop['precision']:g}"
        title += f": wanted {aim} by {stop['bound']} in l{stop['norm']:g}; {log.spent}"
    if curve.n < log.header.n:
        note = f"a random {curve.n:,} of each image's {log.header.n:,} votes; dashed: all of them"
    elif v["rounding"]:
        note = "thin: between what rounding of the log leaves open"
    limit = None if stop else (most, n, alpha)
    drawn = picture(curves, title, labels=labels, looks=looks, note=note, most=False, limit=limit)
    yield drawn
    given = {"dataset": dataset, "log": name, "bound": bound.key, "norm": plain(norm), "alpha": alpha}
    given |= {"n": n if n != log.header.n else None, "rounding": v["rounding"], "beside": list(v["beside"]) or ()}
    assert drawn.plots[0].x is not None
    radii = [float(f"{r:.3g}") for r in np.linspace(0, drawn.plots[0].x.domain[1], AT)[:-1]]
    rows = {} if before is None else {_origin(before): before}
    rows |= {bound.key + _warning(bound): curve, **others}
    head = {f"l{norm:g} radius": "left"} | {f"{r:g}": "right" for r in radii}
    numbers = table(head, [({}, (of, *(f"{x:.3f}" for x in each.at(radii)))) for of, each in rows.items()])
    for other, run in beside.items():
        if other not in able:
            about = bound.supports(run.noise)
            why = "its run decided at a larger α" if about else f"{bound.key} is not about its noise"
            numbers += escape(f" Not shown, as {why}: {other}.")
    code = call(certified_accuracy, given, *own, always=()) + "  # records: what you gave" * bool(own)
    yield Words(code, framed(numbers))


def records_of(log: Curve | Records) -> Records:
    """The log, of which a curve is a view."""
    found = log.records if isinstance(log, Curve) else log
    if found is None:
        raise TypeError(f"certified_accuracy needs a curve of a log, got {log!r}")
    return found


def _origin(before: Curve) -> str:
    """What the curve that is compared with is; a log of counts has no radii of its own."""
    return "as logged" if before.bound is None else _title(before.bound)


def _title(bound: Bound) -> str:
    return bound.title.removesuffix(PRINTED)  # the status says it


def _words(bound: Bound) -> str:
    """Title and status, with the norm of the theorem where a radius in another norm would not be tight."""
    own = f" in l{bound.norm:g}" if bound.status is Status.TIGHT and bound.norm is not None else ""
    return f"{_title(bound)}  ({bound.status.value}{own}{_warning(bound)}, {bound.noise.__name__})"


def _warning(bound: Bound) -> str:
    """Words for a bound that is not proved, or wrong in print."""
    return "" if bound.certifies else ": sound, but too small" if bound.too_small else ": NO CERTIFICATE"


def _as_logged(log: Records) -> Curve | None:
    if log.radius is not None:
        return accuracy.curve(log)
    exact = exact_bound(log.noise, ball(log.noise))
    return None if exact is None else accuracy.curve(log, exact)


def certified_accuracy(
    records: Records | Curve | Mapping[str, Records | Curve] | None = None,
    *,
    dataset: str | None = None,
    log: str | None = None,
    bound: str | None = None,
    norm: float | None = None,
    alpha: float | None = None,
    n: int | None = None,
    rounding: bool = False,
    beside: Sequence[str] = (),
) -> Panel:
    """Certified accuracy of logs under any bound, norm and confidence level.

    Bounds that are no certificate can be shown, and are marked so.

    Parameters
    ----------
    records : Records, Curve, or mapping of names to them, optional
        Your own run, or published curves; the published ones that are shipped if absent. The code line calls it
        `records`, as it cannot know your name for it.
    dataset : str, optional
        Of the shipped curves, only those of this data set, e.g. "imagenet".
    log : str, optional
        Name of the log to start with.
    bound : str, optional
        Key of the bound to start with; the exact one of the log's noise if absent.
    norm : float >= 1, optional
        Norm of the ball; that in which most is known of the noise if absent.
    alpha : float in (0, 1), optional
        Failure probability of one image's radius; that of the log if absent.
    n : int, optional
        Number of votes whose largest radius is marked; that of the log if absent. Where the log holds more votes, the
        curve is of so many of them, chosen at random (`records.thinned`), and says so; else it keeps the log's.
    rounding : bool
        Whether to show what the rounding of printed radii leaves open.
    beside : sequence of str
        Names of other logs to show in the same picture.

    Raises
    ------
    LookupError
        There is no such log, or none of the data set, or no bound for its noise.
    TypeError
        A curve is of no log.
    ValueError
        Votes are exact, which have no level to move.
    """
    given = shipped(dataset) if records is None else records
    named: Mapping[str, Records | Curve] = given if isinstance(given, Mapping) else {"this run": given}
    if not named or log not in (None, *named) or not set(beside) <= set(named):
        raise LookupError(
            f"certified_accuracy needs a log of {list(named)}, got log={log!r} dataset={dataset!r} beside={beside!r}"
        )
    headers = {name: item if isinstance(item, Curve) else item.header for name, item in named.items()}
    if any(header.alpha == 0 for header in headers.values()):
        raise ValueError(
            "certified_accuracy moves the level of votes, got exact ones; pictures.certified_accuracy draws them"
        )
    logs = {name: records_of(item) for name, item in named.items()}
    first = log or next(iter(named))
    noise, logged = named[first].noise, headers[first]
    # certificates first, each group in the order of the package
    able = [b for b in bounds.ALL if any(b.supports(item.noise) for item in named.values())]
    able.sort(key=lambda b: not b.certifies)
    start = bounds.get(bound) if bound else exact_bound(noise, ball(noise))
    start = start or next((b for b in able if b.supports(noise)), None)
    if start is None:
        raise LookupError(f"certified_accuracy needs a noise with a bound, got {noise!r}")
    chosen = [
        choice("log", "log", {name: name for name in named}, first),
        choice("bound", "bound", {_words(b): b for b in able}, start),
        Number("alpha", "failure rate α", "of a radius", logged.alpha if alpha is None else alpha, 1e-6, 0.2),
        controls.norm(ball(noise, norm)),
        Number("n", "votes n", "dotted: their most", n or logged.n, 100, 10_000_000, whole=True),
    ]
    more = [
        several("beside", "logs beside it", list(named), beside),
        toggle("rounding", "show what rounding of the log leaves open", rounding),
    ]

    @lru_cache(1)
    def part_of(name: str, n: int) -> Records:
        log = logs[name]
        return thinned(log, n) if can_thin(log, n) and n != log.header.n else log

    published = {name: item for name, item in named.items() if isinstance(item, Curve)}
    own = () if records is None else ("records",)
    draw = partial(_certified_accuracy, logs, published, dataset, own, part_of)
    return Panel("certified_accuracy", draw, chosen, more)
