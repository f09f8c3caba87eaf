"""Radii of every bound against the vote, under the exact radius; and their shares of it at one vote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter
from numpy.typing import NDArray

from rsexplore import bounds
from rsexplore.bound import Bound, Status, rounded_down
from rsexplore.comparison import exact_bound
from rsexplore.noises import Noise
from rsexplore.plots.style import BEYOND, FORBIDDEN, look

GRID = np.concatenate([np.linspace(0.5, 0.3, 15)[:-1], np.geomspace(0.3, 1e-10, 120)])  # of 1 - p_A
NATIVE_NORM = {"Gaussian": 2.0, "Laplace": 1.0, "Uniform": 1.0, "GeneralizedGaussian": 2.0, "ExponentialLinf": inf}


@dataclass(frozen=True)
class View:
    """What is drawn: a noise, a norm, the runner-up's share of 1 - p_A (1 for two classes), parameters of bounds."""

    noise: Noise
    norm: float | None = None
    share: float = 1.0
    printed: bool = True
    params: tuple[tuple[str, float], ...] = ()

    @property
    def ball(self) -> float:
        """Norm of the radii."""
        return NATIVE_NORM[self.noise.family] if self.norm is None else self.norm

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What applies."""
        found = bounds.of(self.noise, self.ball)
        return tuple(b for b in found if self.printed or b.status is not Status.AS_PRINTED)

    @property
    def exact(self) -> Bound | None:
        """The exact bound, if it is known."""
        return exact_bound(self.noise, self.ball)

    def radius(self, bound: Bound, q_a: Any) -> NDArray:
        """Radius of one bound at 1 - p_A."""
        own = {name: value for name, value in self.params if name in bound.params}
        runner = None if self.share >= 1 else self.share * np.asarray(q_a)
        return bound.radius(self.noise, q_a=q_a, p_b=runner, norm=self.ball, **own)

    def status(self, bound: Bound) -> Status:
        """Status of one bound here."""
        return Status.SOUND if bound.two_class and self.share < 1 else bound.status_at(self.ball)


class RadiusCurves:
    """Radius of each bound against 1 - p_A on one Axes; `update` moves the artists to another view."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self.lines = {b.key: ax.plot([], [], **look(b))[0] for b in bounds.ALL}
        self.labels = {b.key: ax.text(0, 0, "", fontsize=8.5, color=look(b)["color"]) for b in bounds.ALL}
        self.shade = ax.fill_between(GRID, GRID, 1, color=FORBIDDEN, zorder=0, linewidth=0)
        self.note = ax.text(0.03, 0.95, "", transform=ax.transAxes, style="italic", color=BEYOND, va="top")
        self.mark = ax.axvline(0.5, color="0.5", linestyle=":", linewidth=1.2)
        ax.set(xscale="log", xlim=(GRID[0], GRID[-1]), xlabel="$1 - p_A$   (vote against, log scale)")
        ax.xaxis.set_major_locator(FixedLocator([10.0**-k for k in range(1, 11)]))
        ax.xaxis.set_minor_formatter(NullFormatter())

    @property
    def artists(self) -> list[Artist]:
        """Everything that `update` moves."""
        return [self.shade, self.note, self.mark, *self.lines.values(), *self.labels.values()]

    def update(self, view: View, q_a: float | None = None) -> bool:
        """Move everything to a view; return whether the axes changed, so that they must be drawn again."""
        radii = {b.key: view.radius(b, GRID) for b in view.bounds}
        exact = view.exact
        for key, line in self.lines.items():
            line.set_visible(key in radii)
            self.labels[key].set_visible(False)
            if key in radii:
                line.set_data(GRID, radii[key])
        reference = radii[exact.key] if exact and exact.key in radii else None
        changed = self._set_limits(view, reference if reference is not None else _highest(radii.values()))
        self._shade(reference)
        self.mark.set_visible(q_a is not None)
        if q_a is not None:
            self.mark.set_xdata([q_a, q_a])
        if not radii:
            self.note.set_text(f"no bound for {view.noise.family} noise yet")
        self._place_labels(view, radii)
        return changed

    def _set_limits(self, view: View, reference: NDArray | None) -> bool:
        top = nice_above(1.06 * float(reference[-1])) if reference is not None else 1.0
        name = "\\infty" if view.ball == inf else f"{view.ball:g}"
        label = f"certified $\\ell_{{{name}}}$ radius   (input units)"
        changed = self.ax.get_ylim() != (0.0, top) or self.ax.get_ylabel() != label
        if changed:
            self.ax.set(ylim=(0.0, top), ylabel=label)
        return changed

    def _shade(self, exact: NDArray | None) -> None:
        self.shade.set_visible(exact is not None)
        top = self.ax.get_ylim()[1]
        self.note.set_text("" if exact is None else "no certificate can be here")
        if exact is not None:
            corners = [*zip(GRID, np.minimum(exact, top), strict=True), (GRID[-1], top), (GRID[0], top)]
            self.shade.set_verts([corners])

    def _place_labels(self, view: View, radii: dict[str, NDArray]) -> None:
        top = self.ax.get_ylim()[1]
        groups = merged(view, radii)
        ends = sorted((float(np.clip(radii[g[0].key][-1], 0, top)), i) for i, g in enumerate(groups))
        inside = [(y, i) for y, i in ends if radii[groups[i][0].key][-1] <= top]
        for (_, i), y in zip(inside, spread([y for y, _ in inside], 0.047 * top, 1.02 * top), strict=True):
            text = self.labels[groups[i][0].key]
            text.set(visible=True, text=_label(view, groups[i]), x=GRID[-1] * 0.78, y=y, ha="left", va="center")
        leaving = [i for y, i in ends if (y, i) not in inside]
        for rank, i in enumerate(sorted(leaving, key=lambda i: -_exit(radii[groups[i][0].key], top))):
            text = self.labels[groups[i][0].key]
            x = _exit(radii[groups[i][0].key], top) / 1.3
            at = top * (0.88 - 0.065 * rank)
            text.set(visible=True, text=_label(view, groups[i]), x=x, y=at, ha="left", va="center")


def radius_curves(ax: Axes, noise: Noise, q_a: float | None = None, **view: Any) -> RadiusCurves:
    """Radius of every bound that applies against 1 - p_A, labelled at the line's end with its status.

    Parameters
    ----------
    ax : Axes
    noise : Noise
        With `dim` if the norm is of a larger order than a theorem's.
    q_a : float, optional
        Where to draw a mark.
    **view
        Fields of `View`: norm, share, printed, params.
    """
    curves = RadiusCurves(ax)
    curves.update(View(noise, **view), q_a)
    ax.set_title(f"Every certificate, {noise.label}")
    return curves


class ShareBars:
    """Share of the exact radius that each bound reaches, as bars, at one vote."""

    def __init__(self, ax: Axes, rows: int = 17) -> None:
        self.ax = ax
        self.bars = ax.barh(np.arange(rows), np.zeros(rows), height=0.68, zorder=2)
        self.names = [ax.text(-0.02, i, "", ha="right", va="center", fontsize=8.5) for i in range(rows)]
        self.values = [ax.text(0.02, i, "", va="center", fontsize=8, zorder=5) for i in range(rows)]
        self.beyond = ax.axvspan(1, 2.2, color=FORBIDDEN, zorder=0)
        self.one = ax.axvline(1, color="black", linewidth=1.6, zorder=3)
        ax.set(xlim=(0, 2.2), ylim=(rows - 0.4, -0.6), xlabel="share of the exact radius")
        ax.set_yticks([])

    @property
    def artists(self) -> list[Artist]:
        """Everything that `update` moves."""
        return [self.beyond, *self.bars, self.one, *self.names, *self.values]

    def update(self, view: View, q_a: float) -> None:
        """Move the bars to a view and a vote."""
        radii = {b.key: np.atleast_1d(view.radius(b, q_a)) for b in view.bounds}
        groups = sorted(merged(view, radii), key=lambda g: -radii[g[0].key][0])
        exact = float(view.radius(view.exact, q_a)) if view.exact else float(_highest(radii.values())[0] if radii else 1)
        for artist in (self.beyond, self.one):
            artist.set_visible(view.exact is not None)
        for i, (bar, name, value) in enumerate(zip(self.bars, self.names, self.values, strict=True)):
            used = i < len(groups)
            for artist in (bar, name, value):
                artist.set_visible(used)
            if used:
                radius = float(radii[groups[i][0].key][0])
                share = radius / exact if exact > 0 else 0.0
                style = look(groups[i][0])
                bar.set(width=float(np.clip(share, 0, 2.2)), facecolor=style["color"], alpha=0.9)
                bar.set(hatch="//" if share > 1 + 1e-9 else None, edgecolor="white")
                name.set_text(_names(groups[i]))
                value.set(text=rounded_down(radius), color="white" if share > 0.25 else "black")
                value.set_x(0.02 if share > 0.25 else max(share, 0) + 0.02)


def share_bars(ax: Axes, noise: Noise, q_a: float, **view: Any) -> ShareBars:
    """Bars of each bound's share of the exact radius at 1 - p_A = `q_a`; radii of certificates are rounded down."""
    chosen = View(noise, **view)
    bars = ShareBars(ax, rows=max(len(chosen.bounds), 1))
    bars.update(chosen, q_a)
    ax.set_title(f"at $1 - p_A$ = {q_a:g}")
    ax.margins(x=0)
    return bars


def merged(view: View, radii: dict[str, NDArray]) -> list[list[Bound]]:
    """Bounds of a view, those with the same radii and status in one group."""
    groups: list[list[Bound]] = []
    for bound in view.bounds:
        for group in groups:
            same = np.allclose(radii[bound.key], radii[group[0].key], rtol=2e-3, atol=0)
            if same and view.status(bound).certifies == view.status(group[0]).certifies:
                group.append(bound)
                break
        else:
            groups.append([bound])
    return groups


def spread(wanted: Sequence[float], gap: float, top: float) -> list[float]:
    """Positions near the wanted ones (ascending), at least `gap` apart and none above `top`."""
    placed: list[float] = []
    for y in wanted:
        placed.append(max(y, placed[-1] + gap) if placed else max(y, 0.3 * gap))
    for i in range(len(placed) - 1, -1, -1):
        limit = top if i == len(placed) - 1 else placed[i + 1] - gap
        placed[i] = min(placed[i], limit)
    return placed


def nice_above(value: float) -> float:
    """Smallest of 1, 1.5, 2, 3, 5, 7 times a power of ten that is not below `value`; 1 for 0 and infinity."""
    if not 0 < value < inf:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 1.5, 2, 3, 5, 7, 10, 15) if step * power >= value))


def _highest(radii: Iterable[NDArray]) -> NDArray | None:
    stacked = list(radii)
    return np.max(stacked, axis=0) if stacked else None


def _exit(radii: NDArray, top: float) -> float:
    """Where a curve leaves the axes at the top."""
    return float(GRID[int(np.argmax(radii > top))])


def _names(group: list[Bound]) -> str:
    return " = ".join(dict.fromkeys(bound.title for bound in group))


def _label(view: View, group: list[Bound]) -> str:
    best = min((view.status(b) for b in group), key=list(Status).index)
    name = _names(group)
    printed = best is Status.AS_PRINTED
    return name.replace("as printed", "AS PRINTED") if printed and "as printed" in name else f"{name}  {best.name}"
