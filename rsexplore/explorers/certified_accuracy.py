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
from rsexplore.explorers.controls import NORMS, Number, call, choice, more, pick, plain, several, toggle
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, table
from rsexplore.patience import Task
from rsexplore.pictures import style
from rsexplore.pictures.accuracy import ceiling, shipped
from rsexplore.pictures.accuracy import certified_accuracy as picture
from rsexplore.pictures.bounds import PRINTED, ball
from rsexplore.records import Records, can_thin, least_level, thinned

AT = 9  # radii in the table


class AccuracyView(View):
    """The picture of `certified_accuracy`: the curve as logged, as re-scored, and those of other logs beside it."""

    def __init__(self, logs: Mapping[str, Curve | Records], dataset: str | None, own: tuple[str, ...]) -> None:
        self._logs, self._dataset, self._own = logs, dataset, own
        self._records = {name: records_of(log) for name, log in logs.items()}
        self._thinned = lru_cache(1)(lambda name, n: thinned(self._records[name], n))

    def update(self, **values: Any) -> Steps:
        self.values = v = values
        name, bound, norm, alpha = v["log"], v["bound"], v["norm"], v["alpha"]
        log = self._records[name]
        self.given = {"dataset": self._dataset, "log": name, "bound": bound.key, "norm": plain(norm), "alpha": alpha}
        self.given |= {"n": v["n"] if v["n"] != log.header.n else None, "rounding": v["rounding"]}
        self.given |= {"beside": list(v["beside"]) or ()}
        score = partial(accuracy.curve, bound=bound, norm=norm, alpha=alpha, uncertified=True)
        words = f"radii of all images by {bound.key}"
        self.curve, self.before, interval = yield Task(words, partial(self._found, score, name, v["n"], v["rounding"]))
        # the others under the same bound and level, as far as it is about their noise
        beside = {other: self._records[other] for other in v["beside"] if other != name}
        able = {other: run for other, run in beside.items() if bound.supports(run.noise) and alpha >= least_level(run)}
        self.others = yield Task(words, lambda: {other: score(run) for other, run in able.items()})
        most = yield Task(words, partial(ceiling, replace(self.curve, n=v["n"]), alpha, bound, norm))
        look = style.look(bound, bound.status_at(norm))
        # of what does not certify the picture says it
        status = f"  {bound.status_at(norm).value.upper()}" if bound.certifies else ""
        shown = [(self.curve, f"{_title(bound)}{status}", look | {"width": 2.2, "mark": ""})]
        if self.before is not None:
            shown.insert(0, (self.before, _origin(self.before), {"color": style.GREY, "dash": "dash"}))
        shown += [(curve, "", look | {"width": 0.8, "mark": ""}) for curve in interval]
        for (other, curve), color in zip(self.others.items(), cycle(style.CYCLE), strict=False):
            shown.append((curve, other, {"color": color}))
        curves, labels, looks = zip(*shown, strict=True)
        title, note, stop = name, None, log.header.stop
        if stop:
            aim = f"radius {stop['radius']:g}" if "radius" in stop else f"precision {stop['precision']:g}"
            title += f": wanted {aim} by {stop['bound']} in l{stop['norm']:g}; {log.spent}"
        if self.curve.n < log.header.n:
            note = f"a random {self.curve.n:,} of each image's {log.header.n:,} votes; dashed: all of them"
        elif v["rounding"]:
            note = "thin: between what rounding of the log leaves open"
        limit = None if stop else (most, v["n"], alpha)
        self.picture = picture(curves, title, labels=labels, looks=looks, note=note, most=False, limit=limit)

    def _found(
        self, score: Callable[..., Curve], name: str, n: int, rounding: bool
    ) -> tuple[Curve, Curve | None, list[Curve]]:
        """The curve, that which was logged, and those between which rounding leaves it."""
        logged, log = self._logs[name], self._records[name]
        part = self._thinned(name, n) if can_thin(log, n) and n != log.header.n else log
        curve = score(part)
        before = logged if isinstance(logged, Curve) else _as_logged(log)
        if before is not None and before.norm != curve.norm:  # radii in two norms do not go on one axis
            before = None
        ways = ("lower", "upper") if rounding else ()
        return curve, before, [score(part, rounding=way) for way in ways]

    def code(self) -> str:
        return call(self.explorer, self.given, (), *self._own) + "  # records: what you gave" * bool(self._own)

    def readout(self) -> str:
        v = self.values
        assert self.picture.plots[0].x is not None
        radii = [float(f"{r:.3g}") for r in np.linspace(0, self.picture.plots[0].x.domain[1], AT)[:-1]]
        rows = {}
        if self.before is not None:
            rows[_origin(self.before)] = [f"{x:.3f}" for x in self.before.at(radii)]
        rows[v["bound"].key + _warning(v["bound"])] = [f"{x:.3f}" for x in self.curve.at(radii)]
        for name, curve in self.others.items():
            rows[name] = [f"{x:.3f}" for x in curve.at(radii)]
        head = {f"l{v['norm']:g} radius": "left"} | {f"{r:g}": "right" for r in radii}
        body = table(head, [({}, (name, *line)) for name, line in rows.items()])
        about = ""
        for name in v["beside"]:
            if name not in (v["log"], *self.others):
                apart = not v["bound"].supports(self._records[name].noise)
                why = f"{v['bound'].key} is not about its noise" if apart else "its run decided at a larger α"
                about += f" Not shown, as {why}: {name}."
        return framed(body + escape(about))


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
        pick("norm", "norm of the ball", "p", NORMS, float(ball(noise, norm))),
        Number("n", "votes n", "dotted: their most", n or logged.n, 100, 10_000_000, whole=True),
        *more(
            several("beside", "logs beside it", list(named), beside),
            toggle("rounding", "show what rounding of the log leaves open", rounding),
        ),
    ]
    own = () if records is None else ("records",)
    return Panel(AccuracyView(named, dataset, own), chosen, certified_accuracy)
