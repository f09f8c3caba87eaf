"""Figures of the soap-bubble paper: where the noise lies, what its shifts share, and what it certifies."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from scipy.optimize import brentq

from reproduce import soap_algorithms as soap
from rsexplore import bounds
from rsexplore.noises import Gaussian, PowerGaussian
from rsexplore.plots import style

FAMILIES = {"eq. (8)": (2, 2), "eq. (9), mixed norm": (inf, 2), "eq. (10)": (inf, inf)}
COLOURS = dict(zip(FAMILIES, (style.BLUE, style.ORANGE, style.GREEN), strict=True))


def moments(ax: Axes, dim: int = 100, sigma: float = 1.0) -> list[Line2D]:
    """Figure 1: mean and variance of ||z||_2 as k grows and as sigma shrinks."""
    powers = np.linspace(0, 0.96 * dim, 25)
    grown = [PowerGaussian(sigma, float(k), dim) for k in powers]
    shrunk = [PowerGaussian(float(s), 0.0, dim) for s in np.linspace(sigma, 0.15 * sigma, 25)]
    lines = []
    for noises, colour, mark, label in (
        (grown, style.GREEN, "o", f"k grows from 0 to {powers[-1]:.0f}, σ = {sigma:g}"),
        (shrunk, style.RED, "s", f"σ shrinks from {sigma:g} to {0.15 * sigma:g}, k = 0"),
    ):
        points = [(noise.mean_norm(2), noise.variance_norm) for noise in noises]
        lines += ax.plot(*np.transpose(points), mark, color=colour, linestyle="-", markersize=4, label=label)
    ax.plot(grown[0].mean_norm(2), grown[0].variance_norm, "ko", markersize=8, zorder=5)
    ax.annotate(f"start: Gaussian, σ = {sigma:g}", (grown[0].mean_norm(2), grown[0].variance_norm), (-8, 10),
                textcoords="offset points", ha="right")  # fmt: skip
    ax.set(xlabel="mean of $\\|z\\|_2$  (input units)", ylabel="variance of $\\|z\\|_2$  (input units²)")
    ax.set(xlim=(0, None), ylim=(0, 1.25 * grown[0].variance_norm), title=f"Figure 1: d = {dim}")
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.72))
    return lines


def boundary(ax: Axes, sigma: float = 1.0, radius: float = 1.2) -> list[Any]:
    """Inset of page 5: the worst shift of Theorem 2 lies on the boundary of the l2 ball."""
    angle = np.linspace(0, 2 * np.pi, 200)
    artists: list[Any] = ax.plot(
        radius * np.cos(angle), radius * np.sin(angle), color=style.BLUE, label="$\\ell_2$ ball"
    )
    grid = np.linspace(-3, 3, 121)
    z = np.stack(np.meshgrid(grid, grid), -1)
    density = np.exp(PowerGaussian(sigma, 0.0, 2).log_density(z))
    artists += [ax.contour(grid, grid, density, levels=5, colors="0.75", linewidths=0.8)]
    artists += ax.plot(0, 0, "k+", markersize=10)
    artists += ax.plot(radius, 0, "o", color=style.RED, label="a worst shift $\\delta^*$")
    ax.set(aspect="equal", xlabel="$\\delta_1$", ylabel="$\\delta_2$", title="Theorem 2: on the boundary")
    ax.legend(loc="lower left")
    return artists


def balls_in_high_dimension(ax: Axes, dims: Sequence[int] = (2, 10, 100, 3072)) -> list[Any]:
    """Figure 2: the l_inf ball of radius 1 seen in the plane of a face's centre and a vertex, beside the l2 ball."""
    artists: list[Any] = []
    for dim, colour in zip(dims, style.CYCLE, strict=False):
        # in direction angle t from the axis e1 to the diagonal of the others, the cube ends where a coordinate is 1
        angle = np.linspace(0, 2 * np.pi, 2001)
        first, rest = np.abs(np.cos(angle)), np.abs(np.sin(angle)) / np.sqrt(dim - 1)
        reach = 1 / np.maximum(first, rest)
        artists += ax.plot(reach * np.cos(angle), reach * np.sin(angle), color=colour, label=f"cube, d = {dim}")
    angle = np.linspace(0, 2 * np.pi, 200)
    artists += ax.plot(np.cos(angle), np.sin(angle), "k--", label="$\\ell_2$ ball inside")
    ax.set(xlabel="along $e_1$", ylabel="along the diagonal of the others", title="Figure 2: vertices reach √d")
    ax.set(xlim=(-3.2, 3.2), ylim=(-12, 12))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return artists


def overlaps(
    axes: Sequence[Axes], k: float = 1.0, shift: float = 0.5, inside: float = 0.6, reach: float = 1.8
) -> list[float]:
    """Figure 3: densities of eqs. (10) and (9) with a shift to a vertex, and the shares that they have in common.

    Scales are such that both put the share `inside` of their draws in the l2 ball of radius 0.65: equal accuracy.
    """
    shares = []
    for ax, name in zip(axes, ("eq. (10)", "eq. (9), mixed norm"), strict=True):
        power, tail = FAMILIES[name]

        def excess(scale: float, power: float = power, tail: float = tail) -> float:
            noise = PowerGaussian(scale, k, 2, power, tail)
            return soap.ball_accuracy(noise, 0.65, np.random.default_rng(0), 50_000) - inside

        noise = PowerGaussian(float(brentq(excess, 0.05, 3.0, xtol=1e-3)), k, 2, power, tail)
        share = soap.overlap_map(noise, (shift, shift), 3 * reach, 801)[2]
        here, there, _ = soap.overlap_map(noise, (shift, shift), reach)
        ends = (-reach, reach, -reach, reach)
        ax.imshow(np.minimum(here, there).T ** 0.5, origin="lower", extent=ends, cmap="Greys")
        grid = np.linspace(-reach, reach, len(here))
        levels = np.quantile(here, (0.8, 0.9, 0.97))
        for density, colour in ((here, style.BLUE), (there, style.RED)):
            ax.contour(grid, grid, density.T, levels=levels, colors=colour, linewidths=1)
        ax.set(xlabel="$z_1$  (input units)", title=f"{name}: common share {share:.3f}")
        shares.append(share)
    axes[0].set_ylabel("$z_2$  (input units)")
    return shares


def pareto_front(
    ax: Axes, r: float, lam: float = 1.0, size: float = 0.65, dim: int = 5, n: int = 10_000
) -> list[PathCollection]:
    """Figure 4: accuracy and the robustness term of each family over a grid of (k, sigma), with the front of each.

    The paper states neither the radius of the attack nor lambda, which are asked for here.
    """
    artists = []
    for (name, (power, tail)), mark in zip(FAMILIES.items(), ("o", "s", "D"), strict=True):
        points = []
        for k in np.linspace(0, 4.5, 7):
            for sigma in np.geomspace(0.12, 1.2, 10):
                noise = PowerGaussian(float(sigma), float(k), dim, power, tail)
                rng = np.random.default_rng(0)
                points.append((soap.ball_accuracy(noise, size, rng, n), soap.robustness(noise, r, lam, rng, n)))
        accuracy, distance = np.transpose(points)
        best = soap.pareto(accuracy, distance)
        ax.plot(accuracy[best], -distance[best], color=COLOURS[name], label=f"{name}: front")
        artists.append(ax.scatter(accuracy, -distance, s=9, marker=mark, color=COLOURS[name], alpha=0.35))
    ax.set(xlabel=f"accuracy  P($\\|z\\|_2$ ≤ {size:g})", ylabel=f"robustness  −D(λ = {lam:g})")
    ax.set(title=f"Figure 4: d = {dim}, $\\ell_\\infty$ shift r = {r:g} (ours)", xlim=(0, 1.02))
    ax.legend(loc="lower left")
    return artists


def shares(ax: Axes, dim: int = 3072, norm: float = 2, powers: Sequence[float] = (100, 200, 500, 1000, 2000),
           points: int = 40) -> list[Line2D]:  # fmt: skip
    """Exact radius over the Gaussian's at equal votes, modes matched as in print: eq. (8) in l2, (9) in l_inf."""
    q_a, lines = np.geomspace(0.45, 1e-5, points), []
    gaussian = bounds.get("cohen-lp").radius(Gaussian(1.0, dim), q_a=q_a, norm=norm)
    exact = bounds.get("soap-dual" if norm == 2 else "soap-dual-linf")
    for k, colour in zip(powers, style.CYCLE, strict=False):
        noise = PowerGaussian.matched(1.0, k, dim, power_norm=norm)
        share = exact.radius(noise, q_a=q_a) / gaussian
        lines += ax.plot(q_a, share if norm != 2 else share - 1, color=colour, label=f"k = {k:g}")
    ax.axhline(1 if norm != 2 else 0, color="black", linestyle=":", label="Gaussian")
    ax.set(xscale="log", xlim=(q_a[0], q_a[-1]), xlabel="$1 - p_A$  (share of votes against the class)")
    ax.set_ylabel(f"{style.norm_label(norm)} radius / Gaussian's" + (" − 1" if norm == 2 else ""))
    if norm == 2:
        ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    ax.set_title(("Eq. (8)" if norm == 2 else "Eq. (9)") + f", equal votes, d = {dim:,}: TIGHT")
    ax.legend(loc="upper left" if norm == 2 else "lower right")
    return lines


def sampling_cost(ax: Axes, sigma: float = 1.0, k: float = 500, dim: int = 3072, alpha: float = 0.001) -> list[Line2D]:
    """Exact l2 radius, and what Hoeffding's penalty of Algorithm 2 leaves of it, against the vote."""
    noise, exact = PowerGaussian.matched(sigma, k, dim), bounds.get("soap-dual")
    q_a = np.geomspace(0.45, 1e-5, 60)
    lines = ax.plot(q_a, exact.radius(noise, q_a=q_a), color="black", linewidth=3, label="exact dual: TIGHT")
    for n, colour in ((10_000, style.ORANGE), (100_000, style.BLUE), (1_000_000, style.GREEN)):
        left = q_a + soap.hoeffding(1.0, n, alpha / 2)
        radius = np.where(left < 0.5, exact.radius(noise, q_a=np.minimum(left, 0.5)), 0)
        lines += ax.plot(q_a, radius, color=colour, label=f"Algorithm 2, {n:,} samples of D")
    ax.set(xscale="log", xlim=(q_a[0], q_a[-1]), xlabel="$1 - p_A$  (share of votes against the class)", ylim=(0, None))
    ax.set(
        ylabel="$\\ell_2$ radius  (input units)",
        title=f"Sampling against the exact value, k = {k:g}, $σ_0$ = {sigma:g}",
    )
    ax.legend(loc="upper left")
    return lines
