"""Pictures of every topic, and hostile ones, for the tests of what they say and of what draws them."""

from functools import lru_cache
from math import inf, nan

import numpy as np

import rsexplore as rs
from rsexplore import pictures
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian
from rsexplore.pictures.bounds import claims
from rsexplore.pictures.picture import Axis, Bar, Bars, Line, Note, Picture, Plot, Points, Region, Rule
from rsexplore.pictures.scaling import Question, growing, scaling_picture
from rsexplore.pictures.soap_bubbles import EQ9, Bubble, pulled, soap_picture

GAUSSIAN = Gaussian(0.5, dim=3072)
ROW = rs.records.Row(7, 3, {3: 100}, {3: 99213, 5: 600, 8: 150, 9: 30, 2: 7}, 0.1)
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
IMAGE = np.random.default_rng(0).random((3, 32, 32))
BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#666666"
COLORS = (BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY)
BROWN = "#7a3b1d"


def logs(*sigmas):
    return [rs.accuracy.published("locuslab-smoothing", "imagenet", sigma, sigma) for sigma in sigmas]


OF_VOTES = {
    "Gaussian": lambda: pictures.bounds(GAUSSIAN),
    "as printed": lambda: pictures.bounds(GAUSSIAN, printed=True, n=None),
    "l_inf": lambda: pictures.bounds(GAUSSIAN, norm="inf", printed=True, share=0.1),
    "Laplace": lambda: pictures.bounds(Laplace.from_sigma(0.05, dim=3072), 0.3),
    "not known": lambda: pictures.bounds(ExponentialLinf.from_sigma(5, dim=3072), 1e-7),
    "no bound": lambda: pictures.bounds(GeneralizedGaussian(0.5, 0.5, dim=64)),
    "l_1.5": lambda: pictures.bounds(GeneralizedGaussian(0.5, 3.0, dim=64), norm=1.5),
    "three logs": lambda: pictures.certified_accuracy(logs(0.25, 0.5, 1.0), "ImageNet"),
    "ten logs": lambda: pictures.certified_accuracy(list(rs.accuracy.shipped().values())[:10], "All", note="ten logs"),
    "no log": lambda: pictures.certified_accuracy([]),
    "votes": lambda: pictures.votes(ROW),
    "one image": lambda: pictures.one_image(ROW, IMAGE, IMAGE / 2, claims(GAUSSIAN, [0.01]), norm=2, names=CLASSES),
    "abstains": lambda: pictures.one_image(ROW, IMAGE[0], IMAGE[:1], claims(GAUSSIAN, [0.5]), norm=2, abstains=True),
}
OF_THEORY = {
    "renyi": lambda: pictures.renyi(1.3, 1e-6, share=0.3, order=0.7),
    "tradeoff": pictures.tradeoff,
    "tradeoff, not known": lambda: pictures.tradeoff(norms=(2.0, 4.0)),
    "scaling": lambda: scaling_picture(next(growing(Question(norm=inf, fixed="mean"))), 1.2, 500),
    "soap_bubbles": lambda: pictures.soap_bubbles(k=0.4, dim=600, match="mode"),
    "soap_bubbles, first": lambda: soap_picture(next(pulled(Bubble(k=0.123, powers=EQ9)))),
    "vote_curves": lambda: pictures.vote_curves(Laplace(0.4), 0.7, 1e-4, share=0.2),
    "vote_curves, not known": lambda: pictures.vote_curves(GeneralizedGaussian(0.5, 3.0, 100), 0.3),
    "noise": lambda: pictures.noise(PowerGaussian.from_sigma(0.7, 256, k=50, power_norm=inf, tail_norm=2)),
}


REFUSED = (  # topic, arguments, words of the ValueError; of its explorer too
    ("renyi", {"sigma": -1}, "renyi needs sigma > 0, .* got sigma=-1"),
    ("renyi", {"order": 4}, r"an order in \(0, 3\], got order=4"),
    ("tradeoff", {"noise": Laplace(1.0)}, "GeneralizedGaussian noise with dim, got Laplace"),
    ("tradeoff", {"norms": (3, 1)}, r"1 <= a < b, got .*norms=\(3, 1\)"),
    ("scaling", {"fixed": "scale"}, "fixed='sigma' or 'mean', got .*fixed='scale'"),
    ("scaling", {"k": 1.0}, r"k in \[0, 1\) .* got k=1.0"),
    ("scaling", {"size": 0}, "size > 0 .* got size=0"),
    ("scaling", {"dim": 1}, "dim >= 2, got .*dim=1"),
    ("vote_curves", {"r": 0.0}, "r above 0, .* got r=0.0"),
    ("vote_curves", {"q_a": 0.6}, r"q_a in \(0, 1/2\) .* got .*q_a=0.6"),
    ("vote_curves", {"share": 1.5}, r"share in \(0, 1\], got .*share=1.5"),
    ("soap_bubbles", {"q_a": 0.7}, r"q_a in \(0, 1/2\) .* got .*q_a=0.7"),
    ("soap_bubbles", {"norm": 3}, "norm 2 or inf, .* got norm=3"),
    ("soap_bubbles", {"sigma": 0.0}, "sigma > 0, got sigma=0.0"),
    ("noise", {"noise": Gaussian(1.0, dim=100)}, "dim=64, 256, 1024, 4096, got Gaussian"),
)


@lru_cache
def sample(name: str) -> Picture:
    return (OF_VOTES | OF_THEORY | HOSTILE)[name]()


UNIT = Axis(domain=(0, 1))
X, Y = (Axis(domain=(0, 1), label=name) for name in "xy")


def lost() -> Picture:
    """Numbers that are not there: nan, infinite, empty, a single one, beyond the axes."""
    x = np.linspace(0, 1, 11)
    drawn = (  # name, label, x, y, colour
        ("gaps", "with gaps", x, np.where((x > 0.25) & (x < 0.55), nan, x), BLUE),
        ("one of many", "one of many", x, np.where(np.isclose(x, 0.5), 0.5, nan), RED),
        ("nothing", "nothing at all", x, np.full(11, nan), GREY),
        ("empty", "empty", [], [], GREEN),
        ("infinite", "infinite", x, np.full(11, inf), PINK),
        ("below", "below the axes", x, -x, ORANGE),
    )
    lines = (Line(x=x, y=y, name=name, label=label, color=color) for name, label, x, y, color in drawn)
    points = (
        Line(x=[0.7], y=[0.9], name="single", label="single", color=SKY, mark="diamond"),
        Points(x=[nan, 0.1, 0.2], y=[0.5, nan, 0.8], name="points"),
        Rule(at=nan, text="nowhere"),
        Rule(at=5, text="outside"),
        Region(x=[], y=[], color=RED),
    )
    values = (("infinite", inf, "∞"), ("none", nan, "none"), ("negative", -1, "−1"), ("", 0.5, ""))
    rows = [Bar(name=name, value=value, text=text) for name, value, text in values]
    rows.append(Bar(name="zero", value=0, text="0", fill="hatched", color=RED))
    plots = (
        Plot(items=(*lines, *points), x=X, y=Y, title="Lost numbers"),
        Plot(items=(Bars(rows=tuple(rows)),), x=UNIT, share=0.5),
        Plot(items=(), title="Nothing", share=0.5),
    )
    return Picture(title="Lost", desc="", plots=plots)


def wordy() -> Picture:
    """Long texts, in every corner, at every rule; a word without an end; texts of HTML."""
    long = "a long sentence of many words which has to be wrapped into several lines, whatever the room"
    corners = "top left", "top right", "bottom left", "bottom right"
    notes = (Note(text=f"{at}: {long[:26]}", at=at, color=BROWN) for at in corners)
    rules = (
        Rule(at=0.5, text="in the middle of the plot"),
        Rule(at=0.02, to=0.6, text="at the left, up to 0.6"),
        Rule(at=0.5, axis="y", text="level, half way up", color=BLUE),
    )
    edges = (
        Rule(at=0.97, text="at the right end of it"),
        Rule(at=0.99, axis="y", text="level, at the top"),
        Rule(at=0.01, axis="y", text="level, at the bottom"),
    )
    x = np.linspace(0, 1, 50)
    labels = [f"curve {i}: {long[: 10 + 6 * i]}" for i in range(6)]
    lines = (Line(x=x, y=x / 30 * i, name=f"n_{i % 9}", label=labels[i], color=COLORS[i % 7]) for i in range(6))
    words = Axis(label=long, domain=(0, 1))
    names = "Donaudampfschifffahrtsgesellschaft", "x", "y & <z>"
    rows = tuple(Bar(name=f"{name} {long[:30]}", value=0.5, text="0.123456789") for name in names)
    few, named = Axis(label=long[:60], domain=(0, 1)), Axis(label="rows", domain=(0, 1))
    plots = (
        Plot(title=f"</script><b>{long}</b> p_A", items=(*notes, *rules, *lines), x=words, y=words),
        Plot(title=long[:50], items=(Bars(rows=rows),), x=few, y=named),
        Plot(items=edges, x=UNIT, y=UNIT, title="Rules"),
    )
    return Picture(title="</script> & <title>", desc=f"</script><!-- {long}", plots=plots)


def many() -> Picture:
    """Thirty curves, which have no room at their ends."""
    x, powers = np.linspace(0, 1, 20), range(1, 31)
    lines = (Line(y=x**i, name=f"power {i}", label=f"x to the power {i}", color=COLORS[i % 7]) for i in powers)
    return Picture(title="Many", desc="", plots=(Plot(title="Many", grid=x, items=tuple(lines), x=X, y=Y),))


def scales() -> Picture:
    """Axes from narrow to wide, of tiny, large and negative numbers, falling ones too."""
    linear = (0.99999, 1.00001), (0, 3e-9), (-2e7, 2e7), (5, -5)
    log = (1500, 9000), (1, 1000), (1e-300, 1), (2.1, 2.9), (0.5, 1e-12)
    plots = []
    for kind, (low, high) in [*(("linear", ends) for ends in linear), *(("log", ends) for ends in log)]:
        x, y = Axis(domain=(low, high), scale=kind, label="x"), Axis(domain=(high, low), scale=kind, label="y")
        items = (Line(x=[low, high], y=[high, low], name="diagonal"),)
        plots.append(Plot(title=f"{kind} {low:g} to {high:g}", x=x, y=y, items=items))
    return Picture(title="Scales", desc="", height=260, plots=tuple(plots))


def tall_bars() -> Picture:
    """Upright bars with names and numbers of every length."""
    plots, x = [], Axis(domain=(0, 1), label="class")
    for name, count in (("a", 3), ("two words", 5), ("unbreakable", 10)):
        rows = (Bar(name=f"{name} {i}", value=i + 1, text=f"{1000 * i}", strong=i == 2) for i in range(count))
        y, bars = Axis(domain=(0, count), label="votes"), Bars(rows=tuple(rows), upright=True)
        plots.append(Plot(title=f"{count} rows", items=(bars,), x=x, y=y))
    return Picture(title="Bars", desc="", plots=tuple(plots))


HOSTILE = {make.__name__: make for make in (lost, wordy, many, scales, tall_bars)}
