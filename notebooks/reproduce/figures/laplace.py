"""Figures of the Laplace paper: overlaps of l1 balls, the mixed law of T(x), who wins where, and ROPS."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy import special

from reproduce import laplace_law, rops
from rsexplore import bounds
from rsexplore.noises import Gaussian, Laplace, Noise
from rsexplore.plots import style

FAMILIES: dict[str, type[Noise]] = {"Laplace": Laplace, "Gaussian": Gaussian}


def ball_overlaps(axes: Sequence[Axes], length: float = 1.0) -> list[float]:
    """Figure 1: an l1 ball of radius 1 and its shift by two vectors of one l1 length; areas that they share."""
    cells, areas = 801, []
    grid = (np.arange(cells) + 0.5) / cells * 4 - 1.6
    x, y = np.meshgrid(grid, grid)
    for ax, delta in zip(axes, ((length, 0.0), (length / 2, length / 2)), strict=True):
        both = (np.abs(x) + np.abs(y) <= 1) & (np.abs(x - delta[0]) + np.abs(y - delta[1]) <= 1)
        ax.contourf(grid, grid, both, levels=[0.5, 1.5], colors=[style.FORBIDDEN])
        for centre, colour in (((0, 0), style.BLUE), (delta, style.RED)):
            corners = np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 0)]) + centre
            ax.plot(*corners.T, color=colour)
            ax.plot(*centre, "o", color=colour, markersize=4)
        # turned by 45 degrees the balls are squares of side sqrt(2)
        area = float(np.prod(np.maximum(0, 2 - np.abs([delta[0] + delta[1], delta[0] - delta[1]])))) / 2
        ax.set(aspect="equal", xlim=(-1.6, 2.4), ylim=(-1.6, 2.0), xlabel="$x_1$", ylabel="$x_2$")
        ax.set_title(f"δ = ({delta[0]:g}, {delta[1]:g}): shared area {area:.2f}")
        areas.append(area)
    return areas


def mixed_law(ax: Axes, scale: float = 1.0, shift: float = 1.0, level: float = 0.85) -> list[Line2D]:
    """Figure 3: distribution function of T(x) in one dimension; a level inside an atom's jump has no inverse."""
    law = laplace_law.LikelihoodLaw(scale, (shift,))
    t = np.linspace(-1.4 * shift, 1.4 * shift, 2001)
    lines = ax.plot(t, law.cdf(t), color=style.BLUE, label="P(T ≤ t)")
    found = law.quantile(level)
    lines += ax.plot(t, np.full_like(t, level), ":", color=style.RED, label=f"level {level:g}")
    word = "exists" if found.exists else "does not exist: inside the jump"
    ax.plot(found.value, level, "o", color=style.RED, label=f"its inverse {word}")
    for place, probability in law.atoms.items():
        ax.annotate(f"atom {probability:.3f}", (place, float(law.cdf(place))), (6, -14), textcoords="offset points")
    ax.set(xlabel="t  (input units)", ylabel="probability", ylim=(0, 1.05))
    ax.set_title(f"Figure 3: T(x) = |x − δ| − |x|, λ = {scale:g}, δ = {shift:.3g}")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.62))
    return lines


def region(ax: Axes, cells: int = 401) -> float:
    """Figure 4: where in (p_A, p_B) the new term of Theorem 1 beats the old one; share of the triangle."""
    grid = (np.arange(cells) + 0.5) / cells
    p_a, p_b = np.meshgrid(grid, grid)
    with np.errstate(all="ignore"):
        better = laplace_law.figure_4_region(p_a, p_b)
    ax.contourf(grid, grid, better, levels=[-1.5, 0, 1.5], colors=["#CFE3F5", "#F6D9C4"])
    ends = np.linspace(0.5, 1, 200)
    ax.plot(ends, (1 - ends) ** 2 / ends, color="black", label="$p_B = (1 - p_A)^2 / p_A$  (Remark 2)")
    ax.text(0.66, 0.17, "new bound\nis larger", color="#7A3A12")
    ax.text(0.52, 0.06, "old bound\nis larger", color=style.BLUE)
    ax.set(xlabel="$p_A$", ylabel="$p_B$", xlim=(0.3, 1), ylim=(0, 0.5), title="Figure 4: who wins in Theorem 1")
    ax.legend(loc="upper right")
    defined = np.isfinite(better)
    return float((better[defined] > 0).mean())


def sets(
    axes: Sequence[Axes], scale: float = 1.0, shifts: Sequence[float] = (0.5, 1.8), q_a: float = 0.15
) -> list[Any]:
    """Figure 5: in one dimension, the half-line of Theorem 3 under the noise (X) and under its shift (Y)."""
    x, artists = np.linspace(-5, 6, 1201), []
    line = laplace_law.HalfLine.of(Laplace(scale), q_a)
    for ax, shift in zip(axes, shifts, strict=True):
        for centre, colour, name in ((0.0, style.RED, "X"), (shift, style.BLUE, "Y")):
            density = np.exp(-np.abs(x - centre) / scale) / (2 * scale)
            artists += ax.plot(x, density, color=colour, label=f"density of {name}")
            ax.fill_between(x, density, where=x > line.threshold, color=colour, alpha=0.25)
        ax.axvline(line.threshold, color="0.4", linestyle=":")
        other = float(line.other(shift))
        ax.set(xlabel="x  (input units)", xlim=(-5, 6), ylim=(0, 0.62 / scale))
        ax.set_title(f"|δ| = {shift:g}: P(X ∈ B) = {q_a:g}, P(Y ∈ B) = {other:.3f}")
        ax.legend(loc="upper left")
    axes[0].set_ylabel("density  (1 / input unit)")
    return artists


def radii(ax: Axes, sigma: float = 1.0) -> list[Line2D]:
    """Figure 6 (first): l1 radius of the three methods against p_A at one deviation, two classes."""
    p_a, lines = 1 - np.geomspace(0.5, 1e-4, 400), []
    for key, label, colour in (("teng-l1-binary", "ours: Theorem 2", style.BLACK),
                               ("lecuyer-l1", "Lecuyer et al.", style.RED),
                               ("cohen-lp", "Cohen et al., Gaussian noise", style.BLUE)):  # fmt: skip
        bound = bounds.get(key)
        noise = Laplace.from_sigma(sigma, 3072) if bound.noise is Laplace else Gaussian(sigma, 3072)
        name = f"{label}: {bound.status_at(1.0).value}"
        lines += ax.plot(p_a, bound.radius(noise, p_a, norm=1.0), color=colour, label=name)
    ax.set(xlabel="$p_A$", ylabel="certified $\\ell_1$ radius  (input units)", xlim=(0.5, 1), ylim=(0, None))
    ax.set_title(f"Figure 6 (first): σ = {sigma:g}, λ = σ/√2")
    ax.legend(loc="upper left")
    return lines


def witness(ax: Axes, scale: float = 1.0, votes: Sequence[float] = (0.6, 0.8, 0.9, 0.99)) -> list[Line2D]:
    """Theorem 3: the half-line's other class against the shift reaches 1/2 at the radius of Theorem 2."""
    lines, exact = [], bounds.get("teng-l1-binary")
    for p_a, colour in zip(votes, style.CYCLE, strict=False):
        line = laplace_law.HalfLine.of(Laplace(scale), 1 - p_a)
        radius = float(exact.radius(Laplace(scale), p_a))
        shifts = np.linspace(0, 5 * scale, 300)
        lines += ax.plot(shifts, [line.other(float(s)) for s in shifts], color=colour, label=f"$p_A$ = {p_a:g}")
        ax.plot(radius, float(line.other(radius)), "o", color=colour)
    ax.axhline(0.5, color="0.4", linestyle=":")
    ax.set(xlabel="$\\ell_1$ shift of the input  (λ)", ylabel="vote of the other class", ylim=(0, 1))
    ax.set_title("Theorem 3: at the radius (dots) the vote ties")
    ax.legend(loc="lower right")
    return lines


def rops_against_x(ax: Axes) -> list[Line2D]:
    """Figure 10: largest deviation at which f = 1[|x| <= 1] keeps its class, against x."""
    x = np.linspace(0, 0.995, 120)
    lines = [*(ax.plot(x, rops.against_x(family, x), label=f"{name} (deviation {'√2 λ' if name == 'Laplace' else 'σ'})",
                       color=style.FAMILY[name])[0] for name, family in FAMILIES.items())]  # fmt: skip
    printed = [np.sqrt(2) / np.log(2), 1 / special.ndtri(0.75)]
    ax.plot([0, 0], printed, "ko", fillstyle="none", markersize=8, clip_on=False,
            label="printed: √2 / log 2 and 1 / Φ⁻¹(3/4)")  # fmt: skip
    ax.set(xlabel="x  (input units)", ylabel="ROPS: largest deviation", title="Figure 10", xlim=(0, 1), ylim=(0, None))
    ax.legend(loc="lower left")
    return lines


def rops_against_radius(ax: Axes, x: float = 0.3) -> list[Line2D]:
    """Figure 11: largest deviation at which a radius is certified at x."""
    radius = np.linspace(0, 0.72, 120)
    lines = []
    for name, family in FAMILIES.items():
        lines += ax.plot(radius, rops.against_radius(family, radius, x), color=style.FAMILY[name], label=name)
    ax.set(xlabel="wanted certified radius  (input units)", ylabel="ROPS: largest deviation", ylim=(0, None))
    ax.set_title(f"Figure 11: x = {x:g}")
    ax.legend()
    return lines
