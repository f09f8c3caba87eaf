"""Certified radius against the vote: the exact radius on top, every bound under it, and what is out of reach.

Radii grow with the deviation of the noise, so those at deviation 1 are kept (`KeptClaims`): a move of the deviation
evaluates no formula, and one of the vote evaluates each at one vote, or none where the votes were looked up ahead.
"""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import thread_time
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rsexplore import bounds as all_bounds
from rsexplore.bound import Bound, MissingDimensionError, Status
from rsexplore.bounds import named
from rsexplore.check import floats, norm_order
from rsexplore.comparison import exact_bound
from rsexplore.noises import Noise
from rsexplore.patience import Task
from rsexplore.plots import style
from rsexplore.plots.style import EndLabels, Look, look, round_above, tick

PRINTED = ", as printed"
QUICK = 0.03  # seconds: looking ahead at every vote of a slider takes about twice as long as the grid does
SLOW = 0.1  # seconds that one vote takes: where it is more, a curve is drawn through few
FEW = 13
MOST = 24  # questions kept
NO_BOUND = "no bound for this noise\nwith these parameters\nin this norm"
MARKS = 9  # about so many marks on a curve that has them


def ball(noise: Noise, norm: float | str | None = None) -> float:
    """Return the norm, or that in which most is known of the family of the noise."""
    return noise.natural_norm if norm is None else norm_order("claims", norm)


@dataclass(frozen=True, eq=False)
class Claim:
    """What one bound says, or several that say the same."""

    bound: Bound
    status: Status
    exact: bool  # proved to be the largest radius that any certificate can give
    radii: NDArray[np.float64]
    title: str
    caveat: str = ""  # what the status does not say of the floats

    @property
    def label(self) -> str:
        """Name and status."""
        prefix = "exact, " if self.exact and "exact" not in self.title else ""
        status = self.status.value.upper().replace(" ", "\u00a0")
        return f"{prefix}{self.title}  {status}" + (", error\u00a0estimated" if self.caveat else "")

    @property
    def name(self) -> str:
        """Name, marked where it is of a formula as printed."""
        return self.title + PRINTED * (self.status is Status.AS_PRINTED)

    @property
    def look(self) -> Look:
        """Colour, line style, width and mark."""
        return look(self.bound, self.status, self.exact)


def claims(
    noise: Noise,
    q_a: ArrayLike,
    *,
    norm: float | str | None = None,
    share: float = 1.0,
    bounds: Iterable[Bound | str] | Bound | str | None = None,
    printed: bool = True,
    **params: float | None,
) -> list[Claim]:
    """Radii of the bounds that apply, the exact one first.

    Parameters
    ----------
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out.
    q_a : array_like, shape (n,), in [0, 1]
        1 - p_A.
    norm : float >= 1 or "inf", optional
        Norm of the ball; if absent the one in which most is known of the family.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.
    bounds : Bound, key, or iterable of them, optional
        Those to show; all that apply if absent.
    printed : bool
        Whether to include formulas as printed.
    **params : float or None
        Parameters of bounds, e.g. ``c=3`` or ``order=2``; each goes to the bounds that have it.

    Raises
    ------
    ValueError
        `share` is out of range.
    KeyError
        No bound has such a key.
    MissingDimensionError
        Every bound depends on `noise.dim` here, which is not set.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got share={share}")
    q = floats("claims", "q_a", q_a, "above")
    p_b = None if share == 1 else share * q
    norm = ball(noise, norm)
    best = exact_bound(noise, norm)
    bounds = (bounds,) if isinstance(bounds, str | Bound) else bounds
    asked = [named(b) for b in (all_bounds.of(noise, norm) if bounds is None else bounds)]
    asked = [bound for bound in asked if printed or bound.status is not Status.AS_PRINTED]
    found: list[Claim] = []
    for bound in asked:
        own = {name: value for name, value in params.items() if name in bound.params}
        try:
            radii = bound.radius(noise, q_a=q, p_b=p_b, norm=norm, **own)
        except MissingDimensionError:
            if not found and bound is asked[-1]:
                raise
            continue
        status = bound.status_at(norm, two_class=p_b is None)
        found.append(Claim(bound, status, bound is best, radii, _title(bound, norm, own), bound.caveat(noise)))
    return sorted(found, key=lambda claim: not claim.exact)


def needed(noise: Noise) -> list[str]:
    """Which noises of the family the bounds are about that are not about this one, in words."""
    others = [b for b in all_bounds.ALL if type(noise) is b.noise and not b.supports(noise)]
    return list(dict.fromkeys(b.member_text for b in others if b.member_text))


def _title(bound: Bound, norm: float, own: dict[str, float | None]) -> str:
    title = bound.title.removesuffix(PRINTED)
    if bound.norm not in (norm, None) and "exact" in title:
        title += f", in l{bound.norm:g}"
    for name, value in own.items():
        if value is not None and value != bound.params[name]:
            title = f"{title.removesuffix(f', best {name}')}, {name}\u00a0=\u00a0{value:g}"
    # these stay on one line
    return re.sub(r"(et|Theorem|Corollary) (?=\w)", "\\1\u00a0", title)


def merged(found: Sequence[Claim]) -> list[Claim]:
    """Claims with those put together that have the same status and the same radii, to a millionth of the largest."""
    groups: list[list[Claim]] = []
    for claim in found:
        for group in groups:
            if group[0].status is claim.status and _same(group[0].radii, claim.radii):
                group.append(claim)
                break
        else:
            groups.append([claim])
    return [replace(group[0], title=" = ".join(dict.fromkeys(c.title for c in group))) for group in groups]


def _same(a: NDArray, b: NDArray) -> bool:
    finite = np.isfinite(a)
    if np.any(finite != np.isfinite(b)):
        return False
    return bool(np.all(np.abs(a[finite] - b[finite]) <= 1e-6 * np.max(np.abs(a[finite]), initial=0)))


def vote_grid(least: float = 1e-12, points: int = 120) -> NDArray[np.float64]:
    """Values of 1 - p_A from 1/2 down to `least`, for a logarithmic axis; shape (points,)."""
    return np.geomspace(0.5, least, points)


class RadiusCurves:
    """Artists of `radius_curves`, which `show` moves to other claims on the same grid of votes."""

    def __init__(self, ax: Axes, q_a: ArrayLike, *, log: bool = True, labels: bool = True) -> None:
        self.ax, self.log = ax, log
        self.q_a = np.asarray(q_a, dtype=float)
        self.lines: dict[str, Line2D] = {}
        self.labels = EndLabels(ax)
        self._with_labels = labels
        self.shade = Polygon(np.zeros((3, 2)), closed=True, color=style.FORBIDDEN, linewidth=0, zorder=0.5)
        ax.add_patch(self.shade)
        self.note = ax.text(0.02, 0.965, "", transform=ax.transAxes, va="top", size=9, style="italic", zorder=4)
        self.note.set_color(style.BEYOND)
        self.cursor = ax.axvline(self._x(1e-3), color="#777777", linestyle=":", linewidth=1.2, zorder=1, visible=False)
        self.dot = Line2D([], [], color="black", marker="o", markersize=6, linestyle="none", zorder=5)
        ax.add_line(self.dot)
        ax.yaxis.set_major_formatter(tick)
        if log:
            ax.set(xscale="log", xlim=(self.q_a[0], self.q_a[-1]))
            ax.xaxis.set_major_locator(LogLocator(numticks=8 if self.q_a[0] / self.q_a[-1] > 1e10 else 12))
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.set_xlabel("$1 - p_A$  (share of votes against the class)")
        else:
            ax.set(xlim=(1 - self.q_a[0], 1), xlabel="$p_A$  (share of votes for the class)")

    @property
    def artists(self) -> list[Artist]:
        """Everything that `show` moves."""
        return [self.shade, self.cursor, *self.lines.values(), self.note, self.dot, *self.labels.artists]

    def show(
        self,
        found: Sequence[Claim],
        norm: float,
        at: tuple[float, float] | None = None,
        together: Sequence[Claim] | None = None,
    ) -> None:
        """Draw claims whose radii are on the grid, which are `together` if merged.

        `at` is a vote (1 - p_A) to mark, and the exact radius there.
        """
        together = merged(found) if together is None else together
        top = axis_top(together)
        self.ax.set_ylim(0, top)
        self.ax.set_ylabel(f"certified {style.norm_label(norm)} radius  (input units)")
        for line in self.lines.values():
            line.set_visible(False)
        for claim in together:
            self._line(claim)
        self._shade(next((claim for claim in found if claim.exact), None), top, bool(found))
        self.cursor.set_visible(at is not None)
        self.dot.set_data(*(([], []) if at is None else ([self._x(at[0])], [at[1]])))
        if at is not None:
            # down from the exact radius: above it are only words
            end = at[1] / top if np.isfinite(at[1]) else 1.0
            self.cursor.set_data([self._x(at[0])] * 2, [0, end])
        if self._with_labels:
            entries = [(claim.label, self.lines[claim.bound.key]) for claim in together]
            self.labels.show(entries, [claim.look.linestyle for claim in together])

    def _x(self, q_a: Any) -> Any:
        return q_a if self.log else 1 - q_a

    def _line(self, claim: Claim) -> None:
        if claim.bound.key not in self.lines:
            self.lines[claim.bound.key] = self.ax.plot([], [])[0]
        line = self.lines[claim.bound.key]
        line.set_data(self._x(self.q_a), claim.radii)
        # the marks of two curves that lie close must not cover one another; and a thin curve that coincides with the
        # thick exact one is seen on top of it
        step = max(len(self.q_a) // MARKS, 1)
        line.set(label=claim.label, markevery=(step // 2, step), markersize=4, **claim.look._asdict())
        line.set(zorder=2 if claim.exact else 3, visible=True)

    def _shade(self, exact: Claim | None, top: float, any_bound: bool) -> None:
        self.shade.set_visible(exact is not None)
        words = "no certificate\ncan be here" if exact else "exact radius not known here" if any_bound else NO_BOUND
        self.note.set_text(words)
        if exact is not None:
            x, y = self._x(self.q_a), np.nan_to_num(exact.radii, posinf=2 * top)
            corners = [(x[-1], 2 * top), (x[0], 2 * top)]
            self.shade.set_xy(np.concatenate([np.column_stack([x, y]), corners]))


def radius_curves(
    ax: Axes,
    noise: Noise,
    q_a: float | None = None,
    *,
    norm: float | str | None = None,
    grid: ArrayLike | None = None,
    log: bool = True,
    labels: bool = True,
    **question: Any,
) -> RadiusCurves:
    """Draw the radius of every bound against the vote.

    Parameters
    ----------
    ax : Axes
        Labels go right of it, so leave room there.
    noise : Noise
        Smoothing noise. Without `dim`, the bounds that depend on it are left out.
    q_a : float, optional
        A value of 1 - p_A to mark.
    norm : float >= 1 or "inf", optional
        Norm of the ball; if absent the one in which most is known of the family.
    grid : array_like, shape (n,), descending, optional
        Values of 1 - p_A.
    log : bool
        Whether the axis is 1 - p_A, logarithmic; else it is p_A, linear.
    labels : bool
        Whether to label the ends of the curves; the lines have their labels for a legend in any case.
    **question
        `share`, `bounds` (keys will do), `printed` and parameters of bounds, as for `claims`.

    Returns
    -------
    RadiusCurves
        Its `lines` are by the key of the bound.
    """
    if grid is None:
        grid = vote_grid() if log else np.linspace(0.5, 1e-3, 250)
    drawn = RadiusCurves(ax, grid, log=log, labels=labels)
    marked = None
    if q_a is not None:
        exact = next((c for c in claims(noise, [q_a], norm=norm, **question) if c.exact), None)
        marked = (q_a, np.nan if exact is None else float(exact.radii[0]))
    drawn.show(claims(noise, grid, norm=norm, **question), ball(noise, norm), marked)
    ax.set_title(f"Every certificate, {noise.label}")
    return drawn


def axis_top(found: Sequence[Claim]) -> float:
    """Top of the radius axis: a round number somewhat above the exact radius, or else above the largest certificate."""
    ranks = [[c for c in found if c.exact], [c for c in found if c.bound.certifies], found]
    for group in ranks:
        values = np.concatenate([claim.radii for claim in group]) if group else np.empty(0)
        most = float(values[np.isfinite(values)].max(initial=0.0))
        if most > 0:
            return round_above(1.12 * most)
    return 1.0


@dataclass
class Answer:
    """Claims about a noise of deviation 1."""

    on_grid: list[Claim]
    seconds: float  # that its first evaluation took
    whole: bool = True  # whether the curves are all that they will be
    votes: dict[float, list[float]] = field(default_factory=dict)  # 1 - p_A -> the radius of each claim


class KeptClaims:
    """`claims` on a grid of votes and at one vote, for one noise and question after another.

    Parameters
    ----------
    grid : ndarray, shape (n,)
        Values of 1 - p_A that curves are drawn at.
    ahead : sequence of float
        Values of 1 - p_A that are likely to be asked about.
    """

    def __init__(self, grid: NDArray[np.float64], ahead: Sequence[float] = ()) -> None:
        self._grid, self._ahead = grid, np.asarray(ahead, dtype=float)
        self._answers: dict[Any, Answer] = {}
        self._last: tuple[Noise, dict[str, Any]] | None = None

    def show(self, unit: Noise, sigma: float, q_a: float, **question: Any) -> tuple[list[Claim], list[Claim]]:
        """Claims on the grid and at `q_a`, for `sigma` times a noise of deviation 1; `question` as for `claims`."""
        self._last, answer = (unit, question), self._answer(unit, question)
        if q_a not in answer.votes:
            self._look(answer, unit, question, [q_a])
        at = answer.votes[q_a]
        found = [replace(c, radii=np.array([sigma * radius])) for c, radius in zip(answer.on_grid, at, strict=True)]
        return [replace(claim, radii=sigma * claim.radii) for claim in answer.on_grid], found

    def ask(
        self, unit: Noise, q_a: float, drawn: Callable[[], None], **question: Any
    ) -> Generator[Task | None, Any, None]:
        """Tasks after which `show` knows its answer at once; None after `drawn` was called for a part of it."""
        key = (unit, *sorted(question.items()))
        answer = self._answers.get(key)
        if answer is not None and answer.whole and (q_a in answer.votes or answer.seconds < SLOW):
            return  # known, or quick
        # what the time depends on, in words
        size = ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
        words, at = f"radii of {unit.family} noise, {size}", partial(_timed, unit, **question)
        if answer is None or q_a not in answer.votes:
            found, seconds = yield Task(words, partial(at, [q_a]))
            if answer is None and seconds < SLOW:
                answer = Answer(*(yield Task(words, partial(at, self._grid))))
            elif answer is None:
                answer = Answer(found, seconds, whole=False)
            self._keep(key, answer)
            answer.votes[q_a] = [float(claim.radii[0]) for claim in found]
        if not answer.whole:
            yield from self._by_votes(answer, at, drawn, words)

    def _by_votes(
        self, answer: Answer, at: Callable[..., Any], drawn: Callable[[], None], words: str
    ) -> Generator[Task | None, Any, None]:
        """Curves through more and more votes; each next one is as far as can be from those before."""
        score = -special.ndtri(self._grid)  # evenly over the scores, of the grid's own votes
        places = [int(np.argmin(np.abs(score - at))) for at in np.linspace(score[1], score[-1], FEW)]
        order = dict.fromkeys([0, FEW - 1, *(i for step in (6, 3, 2, 1) for i in range(0, FEW, step))])
        votes = [float(self._grid[places[i]]) for i in order]
        for q_a in [None, *votes]:
            if q_a in answer.votes:
                continue
            if q_a is not None:
                count = sum(q in answer.votes for q in votes)
                found, _ = yield Task(f"{words}: vote {count + 1} of {FEW}", partial(at, [q_a]))
                answer.votes[q_a] = [float(claim.radii[0]) for claim in found]
            if all(q in answer.votes for q in votes[:2]):
                answer.on_grid = self._between(answer, score)
                drawn()
                yield None
        answer.whole = True

    def _between(self, answer: Answer, score: NDArray[np.float64]) -> list[Claim]:
        """Curves through known votes: a radius over the normal score of its vote changes little from vote to vote."""
        votes = np.array(sorted((q_a for q_a in answer.votes if q_a < 0.5), reverse=True))
        at = -special.ndtri(votes)
        radii = np.array([answer.votes[float(q_a)] for q_a in votes]).T
        return [
            replace(c, radii=score * np.interp(score, at, r / at)) for c, r in zip(answer.on_grid, radii, strict=True)
        ]

    def together(self, found: Iterable[Claim]) -> list[Claim]:
        """What `show` gave last, with claims put together that say the same on the grid."""
        assert self._last is not None
        titles = {claim.bound.key: claim.title for claim in merged(self._answer(*self._last).on_grid)}
        return [replace(claim, title=titles[claim.bound.key]) for claim in found if claim.bound.key in titles]

    @property
    def few(self) -> bool:
        """Whether the curves that `show` gave last go through few votes."""
        assert self._last is not None
        return self._answer(*self._last).seconds >= SLOW

    def look_ahead(self) -> None:
        """Evaluate the last question at all votes that are likely to follow, where that is a matter of milliseconds."""
        if self._last is None:
            return
        answer = self._answer(*self._last)
        left = [float(q_a) for q_a in self._ahead if q_a not in answer.votes]
        if left and answer.seconds < QUICK:
            self._look(answer, *self._last, left)

    def _look(self, answer: Answer, unit: Noise, question: dict[str, Any], votes: list[float]) -> None:
        columns = np.array([claim.radii for claim in claims(unit, votes, **question)]).reshape(-1, len(votes))
        answer.votes |= {q_a: columns[:, i].tolist() for i, q_a in enumerate(votes)}

    def _answer(self, unit: Noise, question: dict[str, Any]) -> Answer:
        key = (unit, *sorted(question.items()))
        if key not in self._answers:
            self._keep(key, Answer(*_timed(unit, self._grid, **question)))
        return self._answers[key]

    def _keep(self, key: Any, answer: Answer) -> None:
        if key not in self._answers and len(self._answers) >= MOST:
            self._answers.pop(next(iter(self._answers)))
        self._answers[key] = answer


def _timed(unit: Noise, votes: Any, **question: Any) -> tuple[list[Claim], float]:
    start = thread_time()
    return claims(unit, votes, **question), thread_time() - start
