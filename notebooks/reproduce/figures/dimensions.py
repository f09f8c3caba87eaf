"""How radii move with the dimension: laws, exact radii, and networks on up-sampled digits."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rsexplore import bounds, mechanisms
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, Noise, PowerGaussian, Uniform
from rsexplore.plots import style

DIMS = (12, 48, 192, 768, 3072, 12_288, 50_000, 150_528)
FAMILIES: tuple[tuple[str, Callable[[float, int], Noise], str, str], ...] = (
    ("cohen-lp", lambda s, d: Gaussian(s, d), "Gaussian", style.BLUE),
    ("laplace-l1", lambda s, d: Laplace.from_sigma(s, d), "Laplace", style.ORANGE),
    ("uniform-l1", lambda s, d: Uniform.from_sigma(s, d), "uniform", style.GREEN),
    ("gg-kl-exact-lp", lambda s, d: GeneralizedGaussian.from_sigma(s, d, shape=4.0), "shape 4", style.PINK),
    ("soap-dual-lp", lambda s, d: PowerGaussian.from_sigma(s, d, k=d / 6), "eq. (8), k = d/6", style.SKY),
    ("pure-dp-linf", lambda s, d: ExponentialLinf.from_sigma(s, d), "exponential mechanism", style.RED),
)


def radii(
    ax: Axes, norm: float = inf, p_a: float = 0.99, sigma: float = 1.0, dims: Sequence[int] = DIMS
) -> list[Line2D]:
    """Certified radius of every family at one deviation against the dimension, with the fitted slope in the legend."""
    lines = []
    for key, make, name, colour in FAMILIES:
        bound = bounds.get(key)
        radius = [float(bound.radius(make(sigma, dim), p_a, norm=norm)) for dim in dims]
        slope = np.polyfit(np.log(dims), np.log(radius), 1)[0]
        status = bound.status_at(norm)  # a radius that is carried over from another norm is not tight
        label = f"{name}: {status.value}, slope {0.0 if abs(slope) < 5e-4 else slope:.3f}"
        width = 4.0 if name == "Gaussian" else 1.6  # eq. (8) lies on top of it
        look = style.LINE[status]
        lines += ax.plot(dims, radius, marker=".", color=colour, linestyle=look, linewidth=width, label=label)
    at: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    for dim, text in ((3072, "CIFAR-10"), (150_528, "ImageNet")):
        ax.axvline(dim, color="0.8", linewidth=1, linestyle=":", zorder=0)
        ax.annotate(text, (dim, 0.0), (-3, 4), ha="right", fontsize=8, color="0.4", **at)
    ax.set(xscale="log", yscale="log", xlabel="dimension d")
    ax.set_ylabel(f"certified {style.norm_label(norm)} radius  (input units)")
    ax.set_title(f"{style.norm_label(norm)}, deviation {sigma:g} a coordinate, $p_A$ = {p_a:g}")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return lines


def at_equal_maximum(
    ax: Axes, dims: Sequence[int] = (48, 192, 768, 3072, 12_288, 150_528), p_a: float = 0.99
) -> list[Line2D]:
    """Gaussian l_inf radius times sqrt(d), at fixed deviation and at fixed E||z||_inf, beside 1 / sqrt(log d)."""
    exact = bounds.get("cohen-lp")
    fixed_sigma = np.array([float(exact.radius(Gaussian(1.0, d), p_a, norm=inf)) for d in dims])
    fixed_mean = np.array([float(exact.radius(mechanisms.with_mean(Gaussian, 1.0, d), p_a, norm=inf)) for d in dims])
    lines = ax.plot(dims, fixed_sigma * np.sqrt(dims), "o-", color=style.BLUE, label="fixed σ = 1")
    lines += ax.plot(dims, fixed_mean * np.sqrt(dims), "s--", color=style.RED, label="fixed E‖z‖$_\\infty$ = 1")
    law = fixed_mean[-1] * np.sqrt(dims[-1]) * np.sqrt(np.log(dims[-1]) / np.log(dims))
    lines += ax.plot(dims, law, ":", color="black", label="law 1/√(log d)")
    ax.set(xscale="log", xlabel="dimension d", ylabel="$\\ell_\\infty$ radius × √d  (input units)", ylim=(0, None))
    ax.set_title("O(1/√d) or O(1/√(d log d))?")
    ax.legend()
    return lines


def contests(ax: Axes, found: Sequence[Any]) -> list[Line2D]:
    """Even-spread radius of independent noise over the Gaussian's against the dimension, and the limit (dotted)."""
    lines = []
    names = list(dict.fromkeys(_short(contest.noise) for contest in found))
    for name, colour in zip(names, style.CYCLE, strict=False):
        own = [contest for contest in found if _short(contest.noise) == name]
        dims, share = [contest.dim for contest in own], [contest.share.value for contest in own]
        lines += ax.plot(dims, share, "o-", color=colour, label=name)
        if own[0].limit > 0:
            ax.axhline(own[0].limit, color=colour, linestyle=":", linewidth=1)
    ax.axhline(1, color="black", linewidth=1)
    ax.set(xscale="log", xlabel="dimension d", ylabel="radius / Gaussian's  (even shift)", ylim=(0, None))
    ax.set_title("Dotted: limit of many dimensions")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return lines


def _short(noise: Noise) -> str:
    shape = getattr(noise, "shape", None)
    return noise.family if shape is None else f"shape {shape:g}"


def upsampled(axes: Sequence[Axes], measured: Mapping[int, np.ndarray], sigma: float) -> list[Line2D]:
    """Median certified radius of a network on digits of several sizes at one deviation, in l2 and l_inf, and two laws.

    `measured` has the l2 radii of the images by dimension.
    """
    dims = np.array(sorted(measured))
    medians = np.array([np.median(measured[d]) for d in dims])
    names = (("same votes: O(1)", "vote on the mean: O(√d)"), ("same votes: O(1/√d)", "vote on the mean: O(1)"))
    lines = []
    for ax, power, norm, (same, averaged) in zip(axes, (0.0, 0.5), (2.0, inf), names, strict=True):
        lines += ax.plot(dims, medians / dims**power, "o-", color=style.BLUE, label="median of digits (stand-in)")
        lines += ax.plot(dims, medians[0] / dims**power, ":", color="black", label=same)
        best = medians[0] * np.sqrt(dims / dims[0]) / dims**power
        lines += ax.plot(dims, best, "--", color=style.GREY, label=averaged)
        ax.set(xscale="log", yscale="log", xlabel="dimension d")
        ax.set_ylabel(f"certified {style.norm_label(norm)} radius  (input units)")
        ax.set_title(f"Digits up-sampled, σ = {sigma:g}: {style.norm_label(norm)}")
        ax.legend(fontsize=8)
    return lines
