"""Certified accuracy of a log, re-scored under any bound and confidence level, over the curve that was logged."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from math import inf
from typing import Any

import numpy as np

from rsexplore import accuracy, bounds
from rsexplore.accuracy import Curve
from rsexplore.bound import Bound, Status
from rsexplore.comparison import exact_bound
from rsexplore.explorers.controls import NORMS, Number, choice, more, pick, several, toggle
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, table
from rsexplore.noises import Noise
from rsexplore.patience import Task
from rsexplore.pictures import style
from rsexplore.pictures.accuracy import ceiling, shipped
from rsexplore.pictures.accuracy import certified_accuracy as picture
from rsexplore.pictures.bounds import PRINTED, ball
from rsexplore.records import Records, can_thin, least_level, thinned

AT = 9  # radii in the table


class AccuracyView(View):
    """The picture of `certified_accuracy`: the curve as logged, as re-scored, and those of other logs beside it."""

    def __init__(self, logs: Mapping[str, Curve | Records], call: str, remark: str) -> None:
        self._logs, self._call, self._remark = logs, call, remark
        self._thinned: tuple[tuple[str, int], Records] | None = None

    def update(self, **values: Any) -> Steps:
        self.values = values
        bound, norm, alpha = values["bound"], values["norm"], values["alpha"]
        beside = [name for name in values["beside"] if name != values["log"]]
        given = {name: value for name, value in values.items() if name != "beside"}
        words = f"radii of all images by {bound.key}"
        self.curve, self.before, interval, self.most = yield Task(words, partial(self._found, **given))
        others = yield Task(words, partial(self._others, beside, bound, norm, alpha))
        look = style.look(bound, bound.status_at(norm))
        # of what does not certify the picture says it
        status = f"  {bound.status_at(norm).value.upper()}" if bound.certifies else ""
        shown = [(self.curve, f"{_title(bound)}{status}", look | {"width": 2.2, "mark": ""})]
        if self.before is not None:
            as_it_was = {"color": style.GREY, "dash": "dash"}
            shown.insert(0, (self.before, f"{_origin(self.before)}", as_it_was))
        shown += [(curve, "", look | {"width": 0.8, "mark": ""}) for curve in interval if curve is not None]
        for place, (name, curve) in enumerate(others.items()):
            shown.append((curve, name, {"color": style.CYCLE[place % len(style.CYCLE)]}))
        curves, labels, looks = zip(*shown, strict=True)
        notes, title = [], values["log"]
        log, logged = self._logs[values["log"]], _draws(self._logs[values["log"]])
        stop = log.header.stop if isinstance(log, Records) else None
        if isinstance(log, Records) and stop:
            aim = f"radius {stop['radius']:g}" if "radius" in stop else f"precision {stop['precision']:g}"
            title += f": wanted {aim} by {stop['bound']} in l{stop['norm']:g}; {log.spent}"
        if self.curve.n < logged:
            notes.append(f"a random {self.curve.n:,} of each image's {logged:,} votes; dashed: all of them")
        elif values["rounding"]:
            notes.append("thin: between what rounding of the log leaves open")
        self.others = others
        self.picture = picture(
            curves, title, labels=labels, looks=looks, note="; ".join(notes) or None, most=False,
            limit=None if stop else (self.most, values["n"], alpha),
        )  # fmt: skip

    def _others(self, beside: list[str], bound: Bound, norm: float, alpha: float) -> dict[str, Curve]:
        """Other logs under the same bound and level, as far as it is about their noise."""
        able = {name: self._logs[name] for name in beside if bound.supports(self._logs[name].noise)}
        able = {name: log for name, log in able.items() if isinstance(log, Curve) or alpha >= least_level(log)}
        return {name: _scored(log, bound, norm, alpha) for name, log in able.items()}

    def _found(
        self, log: str, bound: Bound, norm: float, alpha: float, n: int, rounding: bool
    ) -> tuple[Curve, Curve | None, list[Curve | None], float]:
        """The curve, that which was logged, those between which rounding leaves it, and the most that n votes give."""
        whole, part = self._logs[log], self._part(log, n)
        curve = _scored(part, bound, norm, alpha)
        before = whole if isinstance(whole, Curve) else _as_logged(whole)
        if before is not None and before.norm != norm:  # radii in two norms do not go on one axis
            before = None
        interval: list[Curve | None] = [None, None]
        if rounding:
            interval = [_scored(part, bound, norm, alpha, way) for way in ("lower", "upper")]
        counted = Curve(curve.radii, curve.certified, curve.noise, n, alpha, norm, {})
        return curve, before, interval, ceiling(counted, alpha, bound, norm)

    def _part(self, name: str, n: int) -> Curve | Records:
        """Votes of `n` draws, where the log has more and can tell."""
        log = self._logs[name]
        if isinstance(log, Curve) or not can_thin(log, n) or n == log.header.n:
            return log
        if self._thinned is None or self._thinned[0] != (name, n):
            self._thinned = (name, n), thinned(log, n)
        return self._thinned[1]

    def code(self) -> str:
        v = self.values
        norm = 'float("inf")' if v["norm"] == inf else f"{v['norm']:g}"
        rest = f", n={v['n']}" if v["n"] != _draws(self._logs[v["log"]]) else ""
        rest += ", rounding=True" if v["rounding"] else ""
        rest += f", beside={list(v['beside'])!r}" if v["beside"] else ""
        return (f"rs.explorers.certified_accuracy({self._call}log={v['log']!r}, bound={v['bound'].key!r}, norm={norm}, "
                f"alpha={v['alpha']!r}{rest})" + self._remark)  # fmt: skip

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
                apart = not v["bound"].supports(self._logs[name].noise)
                why = f"{v['bound'].key} is not about its noise" if apart else "its run decided at a larger α"
                about += f" Not shown, as {why}: {name}."
        return framed(body + escape(about), bound=v["bound"].key, alpha=v["alpha"], ceiling=self.most)


def _draws(log: Curve | Records) -> int:
    return log.n if isinstance(log, Curve) else log.header.n


def _origin(before: Curve) -> str:
    """What the curve that is compared with is; a log of counts has no radii of its own."""
    return "as logged" if before.bound is None else _title(before.bound)


def _title(bound: Bound) -> str:
    return bound.title.removesuffix(PRINTED)  # the status says it


def _standing(bound: Bound) -> str:
    """Status in the norm of the theorem, which is named where a radius in another norm would not be tight."""
    own = bound.status is Status.TIGHT and bound.norm is not None
    return bound.status.value + (f" in l{bound.norm:g}" if own else "")


def _warning(bound: Bound) -> str:
    """Words for a bound that is not proved, or wrong in print."""
    return "" if bound.certifies else ": sound, but too small" if bound.too_small else ": NO CERTIFICATE"


def _scored(log: Curve | Records, bound: Bound, norm: float, alpha: float, rounding: str = "printed") -> Curve:
    if isinstance(log, Curve):
        return log.rescore(bound, alpha, norm, rounding=rounding, uncertified=True)
    return accuracy.curve(log, bound, alpha=alpha, norm=norm, rounding=rounding, uncertified=True)


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
    """
    named = _named(records, dataset)
    if not named or log not in (None, *named) or not set(beside) <= set(named):
        raise LookupError(
            f"certified_accuracy needs a log of {list(named)}, got log={log!r} dataset={dataset!r} beside={beside!r}"
        )
    if any((item.header if isinstance(item, Records) else item).alpha == 0 for item in named.values()):
        raise ValueError(
            "certified_accuracy moves the level of votes, got exact ones; pictures.certified_accuracy draws them"
        )
    first = log or next(iter(named))
    start = named[first]
    logged = start if isinstance(start, Curve) else start.header
    # certificates first, each group in the order of the package
    able = [b for b in bounds.ALL if any(b.supports(item.noise) for item in named.values())]
    able.sort(key=lambda b: not b.certifies)
    names = {f"{_title(b)}  ({_standing(b)}{_warning(b)}, {b.noise.__name__})": b for b in able}
    chosen = [
        choice("log", "log", {name: name for name in named}, first),
        choice("bound", "bound", names, bounds.get(bound) if bound else _first_bound(start.noise, able)),
        Number("alpha", "failure rate α", "of a radius", logged.alpha if alpha is None else alpha, 1e-6, 0.2),
        pick("norm", "norm of the ball", "p", NORMS, float(ball(start.noise, norm))),
        Number("n", "votes n", "dotted: their most", n or logged.n, 100, 10_000_000, whole=True),
        *more(
            several("beside", "logs beside it", list(named), beside),
            toggle("rounding", "show what rounding of the log leaves open", rounding),
        ),
    ]
    call = "" if records is None else "records, "
    call += f"dataset={dataset!r}, " if dataset else ""
    remark = "" if records is None else "  # records: what you gave"
    return Panel(AccuracyView(named, call, remark), chosen, "certified_accuracy")


def _named(records: Any, dataset: str | None) -> dict[str, Records | Curve]:
    if records is None:
        return dict(shipped(dataset))
    return dict(records) if isinstance(records, Mapping) else {"this run": records}


def _first_bound(noise: Noise, able: list[Bound]) -> Bound:
    best = exact_bound(noise, ball(noise)) or next((b for b in able if b.supports(noise)), None)
    if best is None:
        raise LookupError(f"certified_accuracy needs a noise with a bound, got {noise!r}")
    return best
