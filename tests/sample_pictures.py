"""Pictures like those of the explorers, and hostile ones, for the tests of what draws them."""

from collections.abc import Callable
from math import inf, nan

import numpy as np

from rsexplore.pictures.picture import Axis, Bar, Bars, Image, Line, Note, Picture, Plot, Points, Region, Rule

BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#666666"
COLORS = (BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY)
BROWN = "#7a3b1d"
RNG = np.random.default_rng(0)


def bound_lines(grid: np.ndarray) -> tuple[Line, ...]:
    """Twelve curves of which two leave the axes at the top and several end close together."""
    depth = np.sqrt(-np.log(grid) - np.log(2) + 1e-9)
    names = (
        ("total variation", "AS PRINTED", PINK, "dashdot", 2.3), ("Corollary 11", "AS PRINTED", ORANGE, "dashdot", 1.4),
        ("exact, Cohen et al.", "TIGHT", "ink", "solid", 0.7), ("Li et al., order > 1 = Rényi, best order", "SOUND", BLUE, "solid", 0.62),
        ("KL = χ²", "SOUND", SKY, "solid", 0.5), ("D_MR", "HEURISTIC", ORANGE, "dash", 0.45), ("KL", "AS PRINTED", SKY, "dashdot", 0.36),
        ("Hellinger = Bhattacharyya", "SOUND", GREEN, "solid", 0.165), ("total variation", "SOUND", PINK, "solid", 0.135),
        ("Lipschitz, global", "SOUND", GREY, "solid", 0.125), ("Lecuyer et al.", "SOUND", RED, "solid", 0.06), ("Lipschitz, √d/σ", "SOUND", GREY, "solid", 0.001),
    )  # fmt: skip
    marks = {3: "triangle", 11: "circle"}
    return tuple(
        Line(y=share * depth, name=name, label=f"{name}  {status}", color=color, dash=dash, width=2.6 if share == 0.7 else 1.6,
             mark=marks.get(n, ""), down=status in ("TIGHT", "SOUND"))
        for n, (name, status, color, dash, share) in enumerate(names)
    )  # fmt: skip


def bar_rows(count: int) -> tuple[Bar, ...]:
    """Rows of a bar chart; the first is beyond what is exact."""
    names = ("total variation, as printed", "Cohen et al.", "Li et al., order > 1 = Rényi, best order", "Corollary 11, as printed", "KL = χ²",
             "D_MR", "KL, as printed", "Hellinger = Bhattacharyya", "total variation", "Lipschitz, global", "Lecuyer et al.",
             "Lipschitz, √d/σ", "ℓ_2 of the ℓ_∞ ball", "Type-2, ε = 0.25", "Teng et al., Theorem 2")  # fmt: skip
    fills = ("hatched", "solid", "solid", "hollow", "solid", "hollow", "hollow", *["solid"] * 8)
    values = np.concatenate([[2.0, 1.0], np.linspace(0.85, 0.003, 13)])
    return tuple(
        Bar(name=names[i], value=values[i], text=f"{1.545 * values[i]:.4g}", color=(PINK, "ink", *COLORS, *COLORS)[i], fill=fills[i],
            dash="dash" if fills[i] == "hollow" else "solid", strong=i == 0)
        for i in range(count)
    )  # fmt: skip


def bounds(rows: int = 12) -> Picture:
    grid = np.geomspace(0.499, 1e-12, 240)
    lines = bound_lines(grid)
    top = 4.0
    exact = np.asarray(lines[2].y)
    sky = Region(x=[*grid, grid[-1], grid[0]], y=[*exact, 2 * top, 2 * top], color=RED)
    left = Plot(
        title="Gaussian σ = 0.5, two classes", share=0.62, grid=grid,
        x=Axis(label="1 − p_A  (share of votes against the class)", scale="log", domain=(grid[0], grid[-1]), name="1 − p_A"),
        y=Axis(label="certified ℓ_2 radius  (input units)", domain=(0, top)),
        items=(
            sky, *lines, Note(text="no certificate can be here", color=BROWN), Rule(at=1e-3, to=1.545), Points(x=[1e-3], y=[1.545]),
            Rule(at=6.9e-5, dash="dash", text="most that 100,000 votes can show"),
        ),
    )  # fmt: skip
    right = Plot(
        title="at 1 − p_A = 0.001: radius", share=0.38, x=Axis(label="share of the exact radius", domain=(0, 2.2)),
        items=(
            Region(x=[1, 2.2, 2.2, 1], y=[0, 0, 1, 1], color=RED), Bars(rows=bar_rows(rows)), Rule(at=1, width=1.6, dash="solid", color="ink"),
            Note(text="hatched: above the exact radius", at="bottom right", color=BROWN),
        ),
    )  # fmt: skip
    says = "; ".join(f"{row.name} {row.text}" for row in bar_rows(rows))
    return Picture(title="Certified radii, Gaussian σ = 0.5", desc=f"At 1 − p_A = 0.001: {says}", plots=(left, right))


def accuracy() -> Picture:
    x = np.linspace(0, 1.9552, 300)
    y = np.round(0.65 * (1 - x / 2) ** 1.5, 3)
    lines = (
        Line(x=x, y=0.97 * y, name="as logged", label="as logged, α = 0.01", color="#888888", dash="dash", step=True),
        Line(x=x, y=y, name="Cohen et al.", label="Cohen et al.  TIGHT, α = 0.01", width=2.2, step=True, down=True),
    )
    most = Rule(at=1.9552, text="1.955: the most that 100,000 votes give at α = 0.01", color="ink")
    plot = Plot(
        title="locuslab-smoothing, cifar10 every20, σ = 0.5, trained at 0.5", names="key", items=(*lines, most),
        x=Axis(label="ℓ_2 radius  (input units)", domain=(0, 4), name="radius"),
        y=Axis(label="certified accuracy  (share of all images)", domain=(0, 1)),
    )  # fmt: skip
    return Picture(title="Certified accuracy", desc="0.65 at 0, 0 from 1.955 on", height=400, plots=(plot,))


def one_image() -> Picture:
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    votes = (0, 3, 0, 120, 0, 99_512, 1, 0, 14, 350)
    rows = tuple(
        Bar(name=name, value=count, text=f"{count:,}" * bool(count), color=BLUE if count > 999 else "#999999", strong=count > 999)
        for name, count in zip(classes, votes, strict=True)
    )
    plots = (
        Plot(title="Image 5, label dog", items=(Image(pixels=RNG.random((8, 8))),), square=True, share=0.16),
        Plot(title="Noisy copy 0", items=(Image(pixels=RNG.random((32, 32, 3))),), square=True, share=0.16),
        Plot(
            title="99,512 of 100,000 votes for dog", items=(Bars(rows=rows, upright=True),), share=0.32,
            y=Axis(domain=(0.5, 2e5), scale="log", label="votes"),
        ),
        Plot(title="ℓ_2 radii", items=bounds().plots[1].items, x=Axis(label="share of the exact radius", domain=(0, 2.2)), share=0.36),
    )  # fmt: skip
    return Picture(title="One image", desc="99,512 of 100,000 votes for dog", plots=plots)


def noise() -> Picture:
    z = np.linspace(-3.5, 3.5, 200)
    bell = np.exp(-z * z / 2)
    cloud = RNG.standard_normal((2, 400))
    plots = (
        Plot(
            title="Density, d = 2", names="key", x=Axis(label="z / σ", domain=(-3.5, 3.5)), y=Axis(label="density  (relative)", domain=(0, 1.4)),
            items=(Line(x=z, y=bell, name="axis", label="axis", color=BLUE), Line(x=z, y=bell**1.1, name="diagonal", label="diagonal", color=ORANGE, dash="dash")),
        ),
        Plot(
            title="Draws, d = 2", square=True, x=Axis(label="z_1 / σ", domain=(-3.5, 3.5)), y=Axis(label="z_2 / σ", domain=(-3.5, 3.5)),
            items=(Points(x=cloud[0], y=cloud[1], color=BLUE, size=6, opacity=0.6),),
        ),
        Plot(
            title="Norms, d = 1,024", names="key", x=Axis(label="norm, in the unit named", domain=(0, 7.5)), y=Axis(label="share of 400 draws", domain=(0, 1)),
            items=(
                Line(x=[0, 0.94, 1, 1.06, 7.5], y=[0, 0, 0.62, 0, 0], name="ℓ_2", label="‖z‖_2 / (σ √d)", color=BLUE, step=True),
                Line(x=[0, 2.6, 3.3, 5, 7.5], y=[0, 0.01, 0.1, 0.02, 0], name="ℓ_∞", label="‖z‖_∞ / σ", color=RED, step=True),
            ),
        ),
        Plot(title="On an image, σ = 0.25", square=True, items=(Image(pixels=RNG.random((28, 28))),)),
    )  # fmt: skip
    return Picture(title="Noise", desc="Gaussian noise", height=300, plots=plots)


def soap_bubbles() -> Picture:
    z = np.linspace(0.93, 1.07, 200)
    q = np.geomspace(0.5, 1e-9, 150)
    shift = np.linspace(0, 2, 100)
    radius = 0.5 * np.sqrt(-2 * np.log(2 * q) + 1e-9) * 0.95
    plots = (
        Plot(
            title="Norm (black: k = 0)", share=0.9, x=Axis(label="‖z‖_2 / (σ √d)", domain=(0.93, 1.07)), y=Axis(label="density", domain=(0, 1.1), ticks=False),
            items=(Line(x=z, y=np.exp(-(((z - 1) / 0.012) ** 2) / 2), name="k = 0"), Line(x=z, y=0.8 * np.exp(-(((z - 1) / 0.015) ** 2) / 2), color=BLUE, name="k = 0.3 d")),
        ),
        Plot(
            title="Exact radius, σ = 0.5, k = 0.3 d", share=1.4, x=Axis(label="1 − p_A  (share of votes against)", domain=(0.5, 1e-9), scale="log", name="1 − p_A"),
            y=Axis(label="certified ℓ_2 radius  (input units)", domain=(0, 4)), grid=q,
            items=(Line(y=radius, name="eq. (8)", label="eq. (8)  TIGHT", color=BLUE, down=True), Line(y=radius * 0.999, name="Gaussian", label="Gaussian  TIGHT", down=True),
                   Rule(at=1e-3), Points(x=[1e-3], y=[1.2], color=BLUE)),
        ),
        Plot(
            title="Votes, overlap (dashed)", share=0.9, x=Axis(label="ℓ_2 length of the shift", domain=(0, 2)), y=Axis(label="share of votes, overlap", domain=(0, 1)),
            items=(Line(x=shift, y=np.exp(-(shift**2)), width=2.2, name="votes"), Line(x=shift, y=np.exp(-1.6 * shift), dash="dash", color=BLUE, name="overlap"),
                   Rule(at=0.5, axis="y", text="tie"), Rule(at=1.2, text="radius")),
        ),
    )  # fmt: skip
    return Picture(title="Soap bubbles", desc="radius 1.2", plots=plots)


def scaling() -> Picture:
    d = np.geomspace(16, 150_528, 11)
    table = (("soap bubble, eq. (8): slope 0.00", 1.2, 0.0, SKY, "circle"), ("Gaussian: slope 0.00", 1.199, 0.0, BLUE, "circle"),
             ("generalized Gaussian: slope 0.00", 0.8, 0.0, PINK, "triangle"), ("Laplace: slope −0.50", 1.4, -0.5, ORANGE, "square"),
             ("uniform: slope −0.50", 0.9, -0.5, GREEN, "diamond"), ("exponential ℓ_∞: slope −0.99", 3.2, -0.99, RED, "plus"),
             ("soap bubble, eq. (10): slope −0.99", 3.19, -0.99, GREY, "down"))  # fmt: skip
    lines = tuple(Line(y=c * d**s, name=n, label=n, color=color, mark=mark, down=True) for n, c, s, color, mark in table)
    plot = Plot(
        title="Radius and dimension at σ = 0.5, 1 − p_A = 0.01", grid=d, items=(*lines, Rule(at=3072, text="CIFAR-10")),
        x=Axis(label="d  (coordinates)", scale="log", domain=(12, 200_000), name="d"), y=Axis(label="certified ℓ_2 radius  (input units)", scale="log", domain=(1e-5, 3)),
    )  # fmt: skip
    return Picture(title="Scaling", desc="slopes", plots=(plot,))


def tradeoff() -> Picture:
    x = np.geomspace(0.98, 57, 80)
    frontier = 1.0 * (x / 0.98) ** -0.32
    plot = Plot(
        title="Two balls at once, GeneralizedGaussian σ = 0.611, shape 3, 1 − p_A = 0.01",
        items=(
            Region(x=[0.3, 0.98, 0.98, 0.3], y=[0.1, 0.1, 3.5, 3.5], color=BLUE, opacity=0.25),
            Region(x=[*x, 57, 0.98], y=[*frontier, 0.1, 0.1], color=BLUE, opacity=0.12),
            Line(x=[0.98, *x], y=[inf, *frontier], name="frontier", label="frontier, exact in the KL budget  SOUND", color=BLUE, width=2.4, down=True),
            Line(x=[0.3, 330], y=[0.27, 0.27], name="ℓ_3 ball", label="the ℓ_3 ball on its own  SOUND", color=GREEN, down=True),
            Line(x=[0.3, 330], y=[0.86, 0.86], name="ℓ_3 ball, as printed", label="read as an ℓ_3 ball on its own: NO CERTIFICATE", color=RED, dash="dashdot"),
            Line(x=[0.9, 1.3, 1.6, 1.62], y=[0.86, 0.7, 0.2, 0.02], name="printed", label="printed frontier, for the intersection  AS PRINTED", color=ORANGE, dash="dashdot"),
            Note(text="dark: one of the balls alone is certified; light: both together"),
            Rule(at=2.0, axis="y", text="equal radii at this level of the vote", color=BROWN), Points(x=[57], y=[0.27], color=BLUE, mark="square"),
        ),
        x=Axis(label="radius of the ℓ_1 ball  (input units)", scale="log", domain=(0.3, 330), name="ℓ_1 radius"),
        y=Axis(label="radius of the ℓ_3 ball  (input units)", scale="log", domain=(0.1, 3.5)),
    )  # fmt: skip
    return Picture(title="Trade-off", desc="two balls", plots=(plot,))


def lost() -> Picture:
    """Numbers that are not there: nan, infinite, empty, a single one, beyond the axes."""
    x = np.linspace(0, 1, 11)
    gaps = np.where((x > 0.25) & (x < 0.55), nan, x)
    alone = np.where(np.isclose(x, 0.5), 0.5, nan)
    lines = (
        Line(x=x, y=gaps, name="gaps", label="with gaps", color=BLUE), Line(x=x, y=alone, name="one of many", label="one of many", color=RED),
        Line(x=x, y=np.full(11, nan), name="nothing", label="nothing at all", color=GREY), Line(x=[], y=[], name="empty", label="empty", color=GREEN),
        Line(x=x, y=np.full(11, inf), name="infinite", label="infinite", color=PINK), Line(x=x, y=-x, name="below", label="below the axes", color=ORANGE),
        Line(x=[0.7], y=[0.9], name="single", label="single", color=SKY, mark="diamond"),
    )  # fmt: skip
    points = (Points(x=[nan, 0.1, 0.2], y=[0.5, nan, 0.8], name="points"), Rule(at=nan, text="nowhere"), Rule(at=5, text="outside"), Region(x=[], y=[], color=RED))
    rows = (Bar(name="infinite", value=inf, text="∞"), Bar(name="none", value=nan, text="none"), Bar(name="negative", value=-1, text="−1"),
            Bar(name="", value=0.5, text=""), Bar(name="zero", value=0, text="0", fill="hatched", color=RED))  # fmt: skip
    plots = (
        Plot(items=(*lines, *points), x=Axis(label="x", domain=(0, 1)), y=Axis(label="y", domain=(0, 1)), title="Lost numbers"),
        Plot(items=(Bars(rows=rows),), x=Axis(domain=(0, 1)), share=0.5), Plot(items=(), title="Nothing", share=0.5),
    )  # fmt: skip
    return Picture(title="Lost", desc="", plots=plots)


def wordy() -> Picture:
    """Long texts, in every corner, at every rule; a word without an end; texts of HTML."""
    long = "a long sentence of many words which has to be wrapped into several lines, whatever the room"
    corners = tuple(Note(text=f"{at}: {long[:26]}", at=at, color=BROWN) for at in ("top left", "top right", "bottom left", "bottom right"))
    rules = (Rule(at=0.5, text="in the middle of the plot"), Rule(at=0.02, to=0.6, text="at the left, up to 0.6"),
             Rule(at=0.5, axis="y", text="level, half way up", color=BLUE))  # fmt: skip
    edges = (Rule(at=0.97, text="at the right end of it"), Rule(at=0.99, axis="y", text="level, at the top"), Rule(at=0.01, axis="y", text="level, at the bottom"))
    third = Plot(items=edges, x=Axis(domain=(0, 1)), y=Axis(domain=(0, 1)), title="Rules")
    x = np.linspace(0, 1, 50)
    lines = tuple(Line(x=x, y=x / 30 * i, name=f"n_{i % 9}", label=f"curve {i}: {long[: 10 + 6 * i]}", color=COLORS[i % 7]) for i in range(6))
    left = Plot(
        title=f"</script><b>{long}</b> p_A", items=(*corners, *rules, *lines), x=Axis(label=long, domain=(0, 1)), y=Axis(label=long, domain=(0, 1)),
    )  # fmt: skip
    rows = tuple(Bar(name=f"{name} {long[:30]}", value=0.5, text="0.123456789") for name in ("Donaudampfschifffahrtsgesellschaft", "x", "y & <z>"))
    right = Plot(title=long[:50], items=(Bars(rows=rows),), x=Axis(label=long[:60], domain=(0, 1)), y=Axis(label="rows", domain=(0, 1)))
    return Picture(title="</script> & <title>", desc=f"</script><!-- {long}", plots=(left, right, third))


def many() -> Picture:
    """Thirty curves, which have no room at their ends."""
    x = np.linspace(0, 1, 20)
    lines = tuple(Line(y=x**i, name=f"power {i}", label=f"x to the power {i}", color=COLORS[i % 7]) for i in range(1, 31))
    return Picture(title="Many", desc="", plots=(Plot(title="Many", grid=x, items=lines, x=Axis(domain=(0, 1), label="x"), y=Axis(domain=(0, 1), label="y")),))


def scales() -> Picture:
    """Axes from narrow to wide, of tiny, large and negative numbers, falling ones too."""
    domains = (
        ("linear", (0.99999, 1.00001)), ("linear", (0, 3e-9)), ("linear", (-2e7, 2e7)), ("linear", (5, -5)), ("log", (1500, 9000)),
        ("log", (1, 1000)), ("log", (1e-300, 1)), ("log", (2.1, 2.9)), ("log", (0.5, 1e-12)),
    )  # fmt: skip
    plots = tuple(
        Plot(title=f"{kind} {low:g} to {high:g}", x=Axis(domain=(low, high), scale=kind, label="x"), y=Axis(domain=(high, low), scale=kind, label="y"),
             items=(Line(x=[low, high], y=[high, low], name="diagonal"),))
        for kind, (low, high) in domains
    )  # fmt: skip
    return Picture(title="Scales", desc="", height=260, plots=plots)


def tall_bars() -> Picture:
    """Upright bars with names and numbers of every length."""
    plots = tuple(
        Plot(items=(Bars(rows=tuple(Bar(name=f"{name} {i}", value=i + 1, text=f"{1000 * i}", strong=i == 2) for i in range(count)), upright=True),),
             title=f"{count} rows", y=Axis(domain=(0, count), label="votes"), x=Axis(domain=(0, 1), label="class"))
        for name, count in (("a", 3), ("two words", 5), ("unbreakable", 10))
    )  # fmt: skip
    return Picture(title="Bars", desc="", plots=plots)


LIKE_EXPLORERS: tuple[Callable[[], Picture], ...] = (bounds, accuracy, one_image, noise, soap_bubbles, scaling, tradeoff)
HOSTILE: tuple[Callable[[], Picture], ...] = (lost, wordy, many, scales, tall_bars)
