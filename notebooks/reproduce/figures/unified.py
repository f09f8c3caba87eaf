"""Figures of the unified framework: its theorems on divergences, and where its bounds stand beside the exact radius."""

from collections.abc import Sequence
from math import inf

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reproduce import remake
from rsexplore import bounds, mechanisms, privacy
from rsexplore.comparison import exact_radius
from rsexplore.noises import ExponentialLinf, Gaussian, Noise
from rsexplore.plots import accuracy, style

DIMS = tuple(np.unique(np.geomspace(2, 150_528, 25).astype(int)).tolist())


def pure_to_mr(ax: Axes) -> list[Line2D]:
    """Theorem 8: D_inf <= eps implies D_MR <= eps^2 / 2; the coin of odds e^eps against that."""
    pure, lines = np.geomspace(0.01, 20, 200), []
    lines += ax.plot(pure, privacy.mr_of_pure(pure), color="black", label="$\\epsilon^2 / 2$  (Theorem 8)")
    for order, colour in zip((1.001, 2, 10, 100), style.CYCLE, strict=False):
        most = privacy.renyi_of_pure(pure, order) / order
        lines += ax.plot(pure, most, color=colour, linestyle="--", label=f"most that order {order:.3g} allows")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="$\\epsilon$: bound on $D_\\infty$  (nats)",
        ylabel="$D_\\alpha / \\alpha$  (nats)",
    )
    ax.set_title("Theorem 8 holds with room")
    ax.legend()
    return lines


def mr_to_delta(ax: Axes, rho: float = 0.1) -> list[Line2D]:
    """Lemma 25: (eps, delta)-privacy implied by D_MR, beside the exact one of Gaussian noise with that D_MR."""
    eps, lines = np.linspace(0.0, 3, 300), []
    lines += ax.plot(
        eps, privacy.delta_of_gaussian(rho, eps), color="black", linewidth=3, label="Gaussian noise, exact"
    )
    lines += ax.plot(eps, privacy.delta_of_mr(rho, eps), color=style.BLUE, label="Lemma 25")
    ax.set(
        yscale="log",
        xlabel="privacy loss ε  (nats)",
        ylabel="δ",
        ylim=(1e-8, 1.5),
        title=f"Lemma 25: from $D_{{MR}}$ = {rho:g} to (ε, δ)",
    )
    ax.legend()
    return lines


def equation_5(ax: Axes, slack: Sequence[float] = (0.5, 2.0, 5.0)) -> list[Line2D]:
    """Theorem 10: exact probability over the stated bound, for the printed threshold and for that of the proof."""
    rho, lines = np.geomspace(0.05, 20, 300), []
    for lam, colour in zip(slack, style.CYCLE, strict=False):
        allowed = privacy.loss_tail_bound(rho, lam)
        for threshold, look, word in ((privacy.loss_threshold_printed, (0, (6, 2, 1.2, 2)), "λ + √ε, as printed"),
                                      (privacy.loss_threshold, "-", "λ + ε, as proved")):  # fmt: skip
            share = privacy.loss_tail(rho, threshold(rho, lam)) / allowed
            lines += ax.plot(rho, share, color=colour, linestyle=look, label=f"λ = {lam:g}: {word}")
    ax.axhspan(1, 1e3, color=style.FORBIDDEN, zorder=0)
    ax.axvline(1, color="0.4", linestyle=":")
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(0.02, 3),
        xlabel="ε = $D_{MR}$ = $r^2 / 2σ^2$  (nats)",
        ylabel="exact probability / bound",
    )
    ax.set_title("Eq. (5): the printed form can fail beyond ε = 1")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return lines


def corollary_11(ax: Axes, constants: Sequence[float] = (1.0, 2.0, 3.0)) -> list[Line2D]:
    """Two-class radius of Corollary 11 as printed over the exact one, against 1 - p_A; circles where it crosses 1."""
    q_a, lines, noise = np.geomspace(0.45, 1e-60, 500), [], Gaussian(1.0)
    exact, printed = exact_radius(noise, q_a=q_a), bounds.get("dmr-l2-printed")
    look = style.look(printed)
    for c, colour in zip(constants, style.CYCLE, strict=False):
        share = printed.radius(noise, q_a=q_a, c=c) / exact
        chance = 1 - np.exp(-(c**2) / 4)
        lines += ax.plot(
            q_a, share, color=colour, linestyle=look.linestyle, label=f"c = {c:g}: holds with probability {chance:.2f}"
        )
        crossing = mechanisms.corollary_11_crossing(c)
        if crossing >= q_a[-1]:
            ax.plot(crossing, 1, "o", color=colour, fillstyle="none", markersize=8)
    ax.axhspan(1, 2, color=style.FORBIDDEN, zorder=0)
    ax.axvline(7e-5, color="0.4", linestyle=":")
    ax.annotate("most that 100,000\nvotes can show", (7e-5, 0.06), (6, 0), textcoords="offset points", fontsize=8)
    ax.set(
        xscale="log", xlim=(q_a[0], q_a[-1]), ylim=(0, 1.6), xlabel="$1 - p_A$", ylabel="printed radius / exact radius"
    )
    ax.set_title("Corollary 11, as printed: two classes")
    ax.legend(loc="lower right")
    return lines


def corollary_11_rivals(ax: Axes, rivals: Sequence[float] = (0.1, 0.01, 1e-4)) -> list[Line2D]:
    """Radius of Corollary 11 as printed over the exact one, against p_A, where the runner-up has a vote of p_B."""
    lines, noise, printed = [], Gaussian(1.0), bounds.get("dmr-l2-printed")
    for c, look in ((1.0, style.look(printed).linestyle), (3.0, ":")):
        for p_b, colour in zip(rivals, style.CYCLE, strict=False):
            p_a = np.linspace(p_b, 1 - p_b, 602)[1:-1]
            share = printed.radius(noise, p_a, p_b=p_b, c=c) / exact_radius(noise, p_a, p_b=p_b)
            lines += ax.plot(p_a, share, color=colour, linestyle=look, label=f"c = {c:g}, $p_B$ = {p_b:g}")
    ax.axhspan(1, 2, color=style.FORBIDDEN, zorder=0)
    ax.set(xlim=(0, 1), ylim=(0, 2), xlabel="$p_A$", ylabel="printed radius / exact radius")
    ax.set_title("Corollary 11, as printed: more classes")
    ax.legend(fontsize=8, loc="lower left", ncols=2)
    return lines


def growth(ax: Axes, norm: float, divergence: str = "D_MR", eps: float = 1.0) -> list[Line2D]:
    """Table 1: radius at equal E||z||_inf = 1 against the dimension, and the limit for every mechanism."""
    lines = []
    for family in (Gaussian, ExponentialLinf):
        noises: list[Noise] = [mechanisms.with_mean(family, 1.0, dim) for dim in DIMS]
        radius = np.array([mechanisms.radius(noise, eps, divergence, norm) for noise in noises])
        if (radius > 0).any():
            name = family.__name__
            lines += ax.plot(
                DIMS,
                radius,
                color=style.FAMILY[name],
                label="Gaussian" if family is Gaussian else "exponential mechanism",
            )
    limit = [mechanisms.limit(1.0, eps, dim, divergence, norm) for dim in DIMS]
    lines += ax.plot(DIMS, limit, color="black", linestyle=":", label="upper limit, constant 1")
    name = "D_\\infty" if divergence == "D_inf" else "D_{MR}"
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="dimension d",
        ylabel=f"{style.norm_label(norm)} radius  (E‖z‖$_\\infty$ = 1)",
    )
    ax.set_title(f"${name}$ ≤ {eps:g}, {style.norm_label(norm)}")
    ax.legend(fontsize=8)
    return lines


def envelope(
    ax: Axes, dim: int, n: int = 100_000, alpha: float = 0.001, sigmas: Sequence[float] = (0.25, 0.5, 1.0)
) -> list[Line2D]:
    """Figures 3 and 6, both mechanisms: the largest l_inf radius that n votes can give, against the deviation."""
    lines, q_a = [], 1 - alpha ** (1 / n)
    sigma = np.linspace(0.05, max(sigmas), 50)
    for key, family, label in (("dmr-linf-printed", Gaussian, "Gaussian, Theorem 18 (c = 1)"),
                               ("dinf-linf", ExponentialLinf, "exponential mechanism, Theorem 13")):  # fmt: skip
        bound = bounds.get(key)
        extra = {"c": 1.0} if family is Gaussian else {}
        radius = [255 * float(bound.radius(_at(family, s, dim), q_a=q_a, norm=inf, **extra)) for s in sigma]
        look = style.look(bound)
        lines += ax.plot(
            sigma,
            radius,
            color=style.FAMILY[family.__name__],
            linestyle=look.linestyle,
            label=f"{label}: {bound.status_at(inf).value}",
        )
    ax.set(
        xlabel="deviation σ of the Gaussian, at equal E‖z‖$_\\infty$", ylabel="largest $\\ell_\\infty$ radius  (1/255)"
    )
    ax.set(yscale="log", title=f"What {n:,} votes can reach, d = {dim:,}")
    ax.legend(fontsize=8)
    return lines


def _at(family: type[Noise], sigma: float, dim: int) -> Noise:
    """Return Gaussian noise of a deviation, or the exponential mechanism with the same E||z||_inf."""
    gaussian = Gaussian(float(sigma), dim)
    return gaussian if family is Gaussian else mechanisms.with_mean(family, float(gaussian.mean_norm(inf)), dim)


def certified(ax: Axes, dataset: str, c: float, norm: float = 2.0, alpha: float = 0.001) -> list[Line2D]:
    """Figures 1 and 4 (l2), 3 and 6 right (l_inf): published votes at sigma = 0.5 under the printed radius.

    All votes are read at the one level `alpha`; the logs were made at two.
    """
    curves = remake.framework_curves(dataset, c, norm, alpha=alpha)
    labels = [f"trained at {sigma:.2f}" for sigma in remake.SIGMAS[dataset]]
    lines = accuracy.certified_accuracy(ax, curves, labels=labels)
    for line, curve, label in zip(lines, curves, labels, strict=True):
        assert curve.bound is not None
        line.set(linestyle=style.LINE[curve.bound.status], label=label)
    exact = remake.curve(remake.LOCUSLAB, dataset, 0.5, 0.5).rescore(bounds.get("cohen-lp"), alpha, norm)
    lines += ax.step(
        *accuracy.steps(exact), where="pre", color="black", linestyle=":", label="exact radius, trained at 0.50"
    )
    name = {"cifar10": "CIFAR-10", "imagenet": "ImageNet"}[dataset]
    ax.set(title=f"{name}, c = {c:g}, σ = 0.5, as printed", ylim=(0, 1.01))
    ax.legend(title=f"as printed: no certificate; α = {alpha:g}", fontsize=8)
    return lines
