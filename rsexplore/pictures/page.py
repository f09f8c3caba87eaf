"""The explorers of theory and published logs as one file for a browser: no server, no network, no kernel.

The file holds pictures of the topics at deviation 1, for every value of every list, and `page.js`, which takes that of
a state, multiplies its lengths by the deviation and draws it with `chart.js`. Every number in it is made here.
"""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from html import escape
from itertools import product
from math import inf
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from rsexplore import __version__, noises
from rsexplore import bounds as all_bounds
from rsexplore.bound import Bound, Status
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.patience import at_once
from rsexplore.pictures import style
from rsexplore.pictures.accuracy import ceiling, certified_accuracy, shipped
from rsexplore.pictures.bounds import ball, bounds_picture, claims, usual
from rsexplore.pictures.picture import Line, Picture, Plot, Points, renderer
from rsexplore.pictures.renyi import renyi
from rsexplore.pictures.scaling import FAMILIES, FIXED, SLOW, Numbers, Question, growth, scaling_picture
from rsexplore.pictures.shifted import vote_curves
from rsexplore.pictures.soap_bubbles import BUBBLES, EQ9, POWERS, Bubble, pulled, soap_picture
from rsexplore.pictures.tradeoff import PAIRS, SHAPES, tradeoff
from rsexplore.shifted import AXES
from rsexplore.table import rounded_down

VOTES = (
    0.49, 0.47, 0.45, 0.42, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.015,
    *(float(f"{digit}e-{power}") for power in range(3, 13) for digit in (10, 5, 2)), 1e-12,
)  # fmt: skip
GRID = (0.5, *VOTES)
FEWER = (0.4, 0.2, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-9, 1e-12)
FEW = (0.1, 0.01, 1e-3)  # for what takes long
NORMS = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0, "∞": inf}
DIMS = {str(dim): dim for dim in (64, 784, 3072, 150528)}
STEPS = 96  # of a curve of certified accuracy
POINTS = 33  # of a frontier
SLOWER = "in the notebooks alone, as it takes seconds"


TABS = {  # title, and what it is for; the notebooks' panels have the same
    "bounds": ("Radii", "How far may an input move before the vote can change? Every bound under the exact radius."),
    "certified_accuracy": (
        "Accuracy",
        "Which share of images keeps its class within a radius? Published logs, under any bound and confidence level.",
    ),
    "renyi": ("Rényi orders", "Which Rényi order certifies most, and how much is lost to the exact radius?"),
    "vote_curves": ("Votes", "How few votes can a class keep after a shift, and how many can another get?"),
    "tradeoff": (
        "Two norms", "Which pairs of radii does generalized Gaussian noise certify in two norms at once?"
    ),
    "scaling": ("Dimension", "How does each family's radius change with the number of pixels? Slopes beside laws."),
    "soap_bubbles": ("Soap bubbles", "Does noise whose norm has another law than the Gaussian's certify more?"),
    "noise": ("Noise", "What does a noise look like: in the plane, in its norms, on an image?"),
}  # fmt: skip
WORDS = {name: words for name, words in style.NOISES.items() if name != "PowerGaussian"}  # which has a tab of its own
SHAPED = {"family": (WORDS["GeneralizedGaussian"],)}
FLAG = {"False": False, "True": True}


def listed(*values: float) -> dict[str, float]:
    """The values by their texts."""
    return {f"{value:g}": value for value in values}


@dataclass(frozen=True)
class Control:
    """A row: a list of values by their texts, or the number that lengths are multiplied by, which has none."""

    name: str
    label: str
    unit: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    along: bool = False  # whether it is a place on the curves, which are the same for all of its values
    when: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what others must say for it to mean anything

    def text(self, held: Mapping[str, str]) -> str:
        """Its text among those of all, "" where it means nothing."""
        return held[self.name] if all(held[name] in texts for name, texts in self.when.items()) else ""


class Topic:
    """One tab: its picture at deviation 1 is that of `make`, of the values of the lists."""

    def __init__(self, name: str, make: Callable[..., Picture], *controls: Control, digits: int = 6, note: str = ""):
        self.name, self.make, self.controls = name, make, controls
        self.digits, self.note = digits, note  # of the deviation in a title; what the notebooks' panel has besides

    def states(self) -> dict[str, dict[str, Any]]:
        """By the texts of the lists that tell its pictures apart, "" where one means nothing, what `make` is given."""
        lists = {control.name: control for control in self.controls if control.options and not control.along}
        found = {}
        for texts in product(*(control.options for control in lists.values())):
            held = dict(zip(lists, texts, strict=True))
            said = {name: control.text(held) for name, control in lists.items()}
            found["|".join(said.values())] = {name: lists[name].options.get(text) for name, text in said.items()}
        return found


def votes(stops: Sequence[float], start: float, along: bool = False) -> Control:
    """List of votes, falling."""
    return Control("q_a", "votes against", "1 − p_A", listed(*stops), f"{start:g}", along)


def sigma(name: str = "sigma", label: str = "deviation σ") -> Control:
    """The number that lengths are multiplied by."""
    return Control(name, label, "input units", start="0.5")


@lru_cache(maxsize=2)
def _radii(noise: Noise, norm: float) -> tuple[Any, ...]:
    return tuple(claims(noise, GRID, norm=norm))


def _bounds(
    family: type[Noise], norm: float, shape: float | None, dim: int, every: bool | None, printed: bool
) -> Picture:
    noise = family.from_sigma(1.0, dim, **({} if shape is None else {"shape": shape}))
    at, vote = GRID.index(1e-3), 1e-3
    found = [claim for claim in _radii(noise, norm) if printed or claim.status is not Status.AS_PRINTED]
    there = [replace(claim, radii=claim.radii[at : at + 1]) for claim in found]
    keys = usual(there, bool(every or printed))
    found, there = ([claim for claim in some if claim.bound.key in keys] for some in (found, there))
    return bounds_picture(noise, found, there, np.array(GRID), vote, norm=norm)


def _tradeoff(shape: float, norms: tuple[float, float], q_a: float, dim: int, weight: float) -> Picture:
    found = tradeoff(GeneralizedGaussian.from_sigma(1.0, dim, shape=shape), q_a, norms=norms, weight=weight)
    (plot,) = found.plots
    return replace(found, plots=(_thinned(plot, POINTS),))


def _thinned(plot: Plot, most: int) -> Plot:
    """Plot of which each line goes through few of its points; a staircase is then nowhere above the whole one."""

    def thin(line: Line) -> Line:
        x, y = np.asarray(line.x), np.asarray(line.y)
        keep = np.unique([0, *np.linspace(1, len(y) - 2, most).round().astype(int), len(y) - 1])
        return line if len(y) <= most else replace(line, x=x[keep], y=y[keep])

    return replace(plot, items=tuple(thin(item) if isinstance(item, Line) else item for item in plot.items))


def _scaling(norm: float, fixed: str, q_a: float, shape: float) -> Picture:
    question = Question(q_a, norm, shape, 0.0, fixed)
    found = {name: None if name in SLOW else growth(name, question) for name in FAMILIES}
    return scaling_picture(Numbers(question, found), 1.0)


def _soap(k: float, dim: int, q_a: float, norm: float | None, powers: tuple[float, float]) -> Picture:
    bubble = Bubble(k, dim, q_a, inf if norm is None else norm, powers)
    found = at_once(pulled(bubble), without=BUBBLES[EQ9][0])
    curves = {family: radii for family, radii in found.curves.items() if family != EQ9}  # also where it is known by now
    return soap_picture(replace(found, curves=curves, missing=dict.fromkeys(found.missing, SLOWER)), 1.0)


logs = cache(shipped)  # of published curves, by a short name


def _accuracy(log: str, bound: Bound, alpha: float) -> Picture:
    before = logs()[log]
    curve = before.rescore(bound, alpha)
    look = style.look(bound) | {"width": 2.2, "mark": ""}
    words = f"{bound.title}  {bound.status.value.upper()}"
    looks = [{"color": style.GREY, "dash": "dash"}, look]
    limit = ceiling(curve, alpha, bound), curve.n, alpha
    found = certified_accuracy([before, curve], log, labels=["as logged", words], looks=looks, most=False, limit=limit)
    return replace(found, plots=(_thinned(found.plots[0], STEPS),))


@cache
def topics() -> tuple[Topic, ...]:
    """The tabs."""
    named, bounds = logs(), map(all_bounds.get, ("cohen-l2", "renyi-l2", "kl-l2", "lecuyer-l2"))
    scored = {f"{bound.title}  ({bound.status.value})": bound for bound in bounds}
    families = {words: getattr(noises, name) for name, words in WORDS.items()}
    orders, bubbles = {"best": None} | listed(0.5, 1, 2, 3), {w: p for w, p in POWERS.items() if p != EQ9}
    shapes, round_one = listed(1, 1.5, 3, 4, 8), next(iter(bubbles))
    norm = Control("norm", "norm of the ball", "p", NORMS, "2")
    dim = Control("dim", "dimension d", "pixels × channels", DIMS, "3072")
    more = "Soap bubbles have a tab of their own; more than two classes and free parameters are in the notebooks."
    return (
        Topic(
            "bounds",
            _bounds,
            Control("family", "noise", "", families, "Gaussian"),
            sigma(),
            votes(VOTES, 1e-3, along=True),
            norm,
            Control("shape", "shape s", "1 Laplace, 2 Gauss", shapes, "3", when=SHAPED),
            dim,
            Control("every", "show every bound", "", FLAG, "False", when={"printed": ("False",)}),
            Control("printed", "show formulas as printed, where they are wrong", "", FLAG, "False"),
            digits=4,
            note=more,
        ),
        Topic(
            "certified_accuracy",
            _accuracy,
            Control("log", "log", "", {name: name for name in named}, next(iter(named))),
            Control("bound", "bound", "", scored, next(iter(scored))),
            Control("alpha", "failure rate α", "of a radius", listed(1e-4, 1e-3, 0.01, 0.05), "0.001"),
            note=f"A curve goes through at most {STEPS} of its steps here, and is nowhere above the whole one.",
        ),
        Topic(
            "renyi",
            lambda q_a, order: renyi(1.0, q_a, order=order),
            sigma(),
            votes([q for q in VOTES if f"{q:e}"[0] != "5"], 1e-3),
            Control("order", "order α", "1 KL, 2 χ²", orders, "best"),
        ),
        Topic(
            "vote_curves",
            lambda family, r, q_a: vote_curves(family.from_sigma(1.0, 3072), r, q_a),
            Control("family", "noise", "", {style.NOISES[one.__name__]: one for one in AXES}, "Gaussian"),
            sigma(),
            Control("r", "shift r", "of σ", listed(0.25, 0.5, 1, 1.5, 2, 3), "1"),
            votes(FEWER, 0.01),
            digits=4,
            note="Norms are those in which most is known; others, soap bubbles and more classes are in the notebooks.",
        ),
        Topic(
            "tradeoff",
            _tradeoff,
            Control("shape", "shape s", "of the noise", SHAPES, "3"),
            Control("norms", "norms of both", "balls", PAIRS, "1 and 3"),
            sigma(),
            votes((0.1, 0.01, 1e-3, 1e-6), 0.01),
            replace(dim, options={text: DIMS[text] for text in ("3072", "150528")}),
            Control("weight", "weight", "of the first radius", listed(0.25, 0.5, 0.75), "0.5"),
            digits=3,
        ),
        Topic(
            "scaling",
            _scaling,
            norm,
            Control("fixed", "fixed", "as d grows", {words: name for name, words in FIXED.items()}, "σ"),
            sigma("size", "size"),
            votes(FEWER, 0.01),
            Control("shape", "shape s", "1 Laplace, 2 Gaussian", shapes, "3"),
            note="The soap bubbles' curves are in the notebooks alone, as they take seconds.",
        ),
        Topic(
            "soap_bubbles",
            _soap,
            sigma(),
            Control("k", "pull k", "of d", listed(0.1, 0.3, 0.75), "0.3"),
            replace(dim, options=listed(64, 3072)),
            votes(FEW, 0.01),
            Control("powers", "soap bubble", "its norm", bubbles, round_one),
            replace(norm, options={"2": 2.0, "∞": inf}, when={"powers": (round_one,)}),
            note="Families are compared at equal σ; at equal modes, other k and d, and eq. (9), in the notebooks.",
        ),
    )


class Arrays:
    """Numbers that pictures share, each array once: "~8,4" stands for four from the eighth on."""

    def __init__(self) -> None:
        self.held: dict[bytes, str] = {}
        self.count = 0

    def __call__(self, values: Any) -> str:
        held = np.asarray(values, dtype="<f8").ravel().tobytes()
        if held not in self.held:
            self.held[held] = f"~{self.count},{len(held) // 8}"
            self.count += len(held) // 8
        return self.held[held]


def stored(topic: Topic, picture: Picture, arrays: Arrays) -> dict[str, Any]:
    """Picture as data, in whose titles "{σ4}" is for the deviation, to 4 digits, and "{=1.5}" for a length."""
    data = picture.data(arrays)
    if not all(control.options for control in topic.controls):
        del data["desc"]  # has lengths; the page writes its own
        data["title"] = _open(data["title"], topic)
    for drawn, plot in zip(data["plots"], picture.plots, strict=True):
        title = _open(drawn.get("title", ""), topic)
        for item in plot.items:
            if isinstance(item, Points) and item.down and plot.y is not None and plot.y.lengths:
                y = float(np.asarray(item.y)[0])
                title = re.sub(rf"(gives|best) {re.escape(rounded_down(y))}", rf"\1 {{={y!r}}}", title)
        drawn["title"] = title
        if topic.name == "bounds":
            for line, item in zip(drawn["items"], plot.items, strict=True):
                if isinstance(item, Line) and item.width == style.EXACT:
                    line["exact"] = True
    return data


def _open(title: str, topic: Topic) -> str:
    return re.sub(r"(σ|_∞) = 1(?=,|$)", rf"\1 = {{σ{topic.digits}}}", title).replace("1 − p_A = 0.001", "1 − p_A = {q}")


def tab(topic: Topic) -> dict[str, Any]:
    """Words and controls of a topic, as data."""
    controls = [vars(control) | {"options": [*control.options] or None} for control in topic.controls]
    title, line = TABS[topic.name]
    return {"name": topic.name, "title": title, "line": line, "note": topic.note, "controls": controls}


def html() -> str:
    """Text of the page; takes a minute."""
    arrays, tabs = Arrays(), []
    for topic in topics():
        states = {texts: stored(topic, topic.make(**given), arrays) for texts, given in topic.states().items()}
        tabs.append(tab(topic) | {"states": states})
    return shell(_packed(_json({"topics": tabs, "natural": natural()})), _packed(b"".join(arrays.held)))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def shell(tables: str, floats: str) -> str:
    """The page around its tables and the numbers in them, both packed."""
    words = "".join(f"<dt>{status.value}</dt><dd>{escape(text)}</dd>" for status, text in style.WORDS.items())
    here = Path(__file__).parent
    given = {
        "WORDS": words,
        "VERSION": __version__,
        "TABLES": tables,
        "FLOATS": floats,
        "SCRIPT": f"{renderer()}\n{(here / 'page.js').read_text(encoding='utf-8')}",
    }
    text = (here / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: given[found[1]], text)


def _packed(data: bytes) -> str:
    return b64encode(zlib.compress(data, 9)).decode()


def natural() -> dict[str, str]:
    """By the noise's name, the norm in which most is known of it."""
    texts = {value: text for text, value in NORMS.items()}
    return {words: texts[ball(getattr(noises, name).from_sigma(1.0, 2))] for name, words in WORDS.items()}


def page(path: str | PathLike[str]) -> None:
    """Write the explorers as one HTML file that needs no server and no network; takes a minute or two.

    Parameters
    ----------
    path : str or path
        Of the file, e.g. "explorer.html"; what is there is replaced.
    """
    Path(path).write_text(html(), encoding="utf-8")
