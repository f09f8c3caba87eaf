"""Pictures of the lecture: what smoothing does, the three Lipschitz certificates, and the price of other norms.

Each draws once on the Axes that it is given and returns the artists.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from scipy import special

from rsexplore import bounds, papers
from rsexplore.bound import Bound, Status
from rsexplore.noises import Gaussian
from rsexplore.plots import style
from rsexplore.table import rounded_down

REGIONS = ((-0.3, 0.1), (1.7, 1.1), (0.7, -1.5))  # centres of a made-up classifier of the plane: nearest one wins
REGION_COLOURS = ("#0072B2", "#E69F00", "#009E73")


def background(axes: Sequence[Axes]) -> list[Any]:
    """What the slides recall: the normal density and distribution function, a Lipschitz cone, Jensen's inequality."""
    normal, cone, jensen = axes
    x = np.linspace(-3, 3, 301)
    artists: list[Any] = normal.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), label="density φ")
    artists += normal.plot(x, special.ndtr(x), label="distribution function Φ")
    normal.set(xlabel="x", title="The standard normal law", ylim=(0, 1.05))
    normal.legend(loc="upper left")
    at, slope = 0.6, 1 / np.sqrt(2 * np.pi)
    cone.fill_between(
        x, special.ndtr(at) - slope * np.abs(x - at), special.ndtr(at) + slope * np.abs(x - at), alpha=0.2
    )
    artists += cone.plot(x, special.ndtr(x), color="black", label="smoothed score, σ = 1")
    cone.plot(at, special.ndtr(at), "ko")
    cone.set(xlabel="input x", ylim=(-0.2, 1.3), title="An L-Lipschitz score stays in its cone")
    cone.legend(loc="upper left")
    two = np.array([-0.5, 2.0])
    artists += jensen.plot(x, x**2, label="$x^2$, convex")
    artists += jensen.plot(two, two**2, "o--", label="two values of x")
    mean = two.mean()
    artists += jensen.plot([mean, mean], [mean**2, (two**2).mean()], "k^-", label="$E[x]^2 \\leq E[x^2]$")
    jensen.set(xlabel="x", xlim=(-1.5, 2.5), ylim=(0, 6), title="Jensen: so E‖z‖ ≤ √d")
    jensen.legend(loc="upper left")
    return artists


def smoothed_step(ax: Axes, sigmas: Sequence[float]) -> list[Line2D]:
    """A score that jumps, and the same score averaged over Gaussian noise of each deviation."""
    x = np.linspace(-2, 2, 401)
    lines = ax.plot(x, (x > 0).astype(float), color="0.55", drawstyle="steps-mid", label="base score f")
    for sigma in sigmas:
        lines += ax.plot(x, special.ndtr(x / sigma), label=f"smoothed, σ = {sigma:g}")
    ax.set(xlabel="input x", ylabel="score", title="Averaging over noise bounds the slope")
    ax.legend(loc="upper left")
    return lines


def local_constant(ax: Axes, sigmas: Sequence[float]) -> list[Line2D]:
    """Local Lipschitz constant exp(-PhiInv(p)^2 / 2) / (sigma sqrt(2 pi)) against p, and the global one."""
    p = np.linspace(1e-6, 1 - 1e-6, 801)
    lines = []
    for sigma in sigmas:
        top = 1 / (sigma * np.sqrt(2 * np.pi))
        (line,) = ax.plot(p, top * np.exp(-(special.ndtri(p) ** 2) / 2), label=f"σ = {sigma:g}")
        ax.axhline(top, color=line.get_color(), linestyle=":", linewidth=1)
        lines.append(line)
    ax.set(xlabel="smoothed score p", ylabel="Lipschitz constant  (1 / input unit)")
    ax.set_title("Largest slope at p (dotted: for every p)")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower center", ncols=len(sigmas))
    return lines


def decision_regions(left: Axes, right: Axes, sigma: float, seed: int = 0, n: int = 20_000) -> list[Any]:
    """Three decision regions in the plane seen through noise at the origin, and the votes for each."""
    centres = np.array(REGIONS)

    def classify(points: np.ndarray) -> np.ndarray:
        return np.argmin(((points[..., None, :] - centres) ** 2).sum(-1), axis=-1)

    axis = np.linspace(-2, 2, 300)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    artists: list[Any] = [
        left.contourf(axis, axis, classify(grid), levels=[-0.5, 0.5, 1.5, 2.5], colors=REGION_COLOURS, alpha=0.35)
    ]
    angle = np.linspace(0, 2 * np.pi, 200)
    for k in (1, 2):
        artists += left.plot(k * sigma * np.cos(angle), k * sigma * np.sin(angle), "--", color="0.25", linewidth=1)
    draws = Gaussian(sigma).draw(np.random.default_rng(seed), (n, 2))
    left.plot(*draws[:120].T, ".", color="0.2", markersize=2)
    left.plot(0, 0, "k+", markersize=10)
    left.set(aspect="equal", xlim=(-2, 2), ylim=(-2, 2), title=f"Noise σ = {sigma:g} (rings: σ, 2σ)")
    left.set(xlabel="$x_1$", ylabel="$x_2$")
    votes = np.bincount(classify(draws), minlength=3) / n
    bars = right.bar(["A", "B", "C"], votes, color=REGION_COLOURS)
    right.bar_label(bars, fmt="%.2f")
    radius = float(bounds.get("cohen-l2").radius(Gaussian(sigma), p_a=votes[0], p_b=np.sort(votes)[-2]))
    left.add_patch(Circle((0, 0), radius, fill=False, color="black", linewidth=1.8))
    right.set(ylabel="share of votes", ylim=(0, 1), xlabel="class")
    right.set_title(f"The vote: A, certified within r = {rounded_down(radius, 2)}")
    return [*artists, bars]


def three_certificates(ax: Axes, noise: Gaussian, certificates: Sequence[Bound]) -> list[Line2D]:
    """Radius of each certificate against the vote, in units of sigma, for two classes."""
    p_a = 1 - np.geomspace(0.5, 2e-4, 400)
    lines = []
    for bound in certificates:
        status = bound.status_at(2.0)
        look = style.look(bound, status, exact=status is Status.TIGHT)._asdict()
        name = bound.title + ", ours" * (bound.source.paper is papers.ours)
        label = f"{name}  {status.name}"
        lines += ax.plot(p_a, bound.radius(noise, p_a) / noise.sigma, **look, markevery=80, label=label)
    ax.set(xlabel="vote $p_A$", ylabel="certified $\\ell_2$ radius / σ", xlim=(0.5, 1), ylim=(0, None))
    ax.set_title(f"Three certificates, d = {noise.dim}")
    ax.legend(loc="upper left")
    return lines


def radius_against_dimension(ax: Axes, sigma: float, p_a: float, norms: Sequence[float]) -> list[Line2D]:
    """Exact radius of Gaussian noise in each l_p norm against the dimension, labelled at the line's end."""
    dims = np.unique(np.geomspace(1, 150_528, 60).astype(int))
    exact = bounds.get("cohen-lp")
    lines = []
    for norm in (x for x in norms if x >= 2):
        radii = [float(exact.radius(Gaussian(sigma, int(dim)), p_a, norm=norm)) for dim in dims]
        (line,) = ax.loglog(dims, radii)
        name = "$p \\leq 2$" if norm == 2 else "$p = \\infty$" if norm == inf else f"$p = {norm:g}$"
        ax.annotate(
            name, (dims[-1], radii[-1]), xytext=(5, 0), textcoords="offset points", va="center", color=line.get_color()
        )
        lines.append(line)
    for dim, name in ((3072, "CIFAR-10"), (150_528, "ImageNet")):
        ax.axvline(dim, color="0.75", linewidth=1, linestyle=":")
        at: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        ax.annotate(name, (dim, 0), (-3, 4), ha="right", color="0.4", fontsize=8, **at)
    ax.set(xlabel="dimension d of the input", ylabel="exact $\\ell_p$ radius  (input units)")
    ax.set_title(f"Gaussian noise, σ = {sigma:g}, vote {p_a:g}: TIGHT for every p")
    ax.set_xlim(1, 6 * dims[-1])
    return lines
