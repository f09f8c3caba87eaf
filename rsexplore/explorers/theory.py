"""Explorers of theory: radii, Renyi orders, two norms, dimension, soap bubbles, votes after a shift, noise."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache, partial
from html import escape
from math import inf, nan, sqrt
from typing import Any

from rsexplore import noises, pictures
from rsexplore.divergences import least_mr
from rsexplore.explorers import controls
from rsexplore.explorers.controls import DIM, NORMS, Number, member, more, pick, plain, toggle, unused
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, radius_table, table
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.patience import Task
from rsexplore.pictures.bounds import FEW, answers, ball, bounds_picture, claims, usual, vote_grid
from rsexplore.pictures.noise import SIDES, at_unit, expected, sample
from rsexplore.pictures.renyi import MOST, curves
from rsexplore.pictures.scaling import FAMILIES, FIXED, SLOW, Question, growing, own, radius, scaling_picture
from rsexplore.pictures.shifted import START as NOISE_OF_VOTES
from rsexplore.pictures.soap_bubbles import BUBBLES, LEAST, POWERS, Bubble, pulled, soap_picture
from rsexplore.pictures.tradeoff import PAIRS, SHAPES, START, regions, weighted
from rsexplore.scaling import DIMS
from rsexplore.table import rounded_down
from rsexplore.tradeoff import Certifies, budget

# ---- all radii under the exact one ----


class BoundsView(View):
    """The picture of `bounds` and the table of its numbers."""

    def __init__(self, assumed: bool, least: float) -> None:
        self._assumed = assumed  # whether the start had no dimension
        self.grid = vote_grid(least)
        # what was asked last, and the answer at deviation 1: a move of the deviation evaluates no formula
        self._at: tuple[Any, Any] = (None, None)
        self._curve: tuple[Any, Any] = (None, None)

    def update(self, **values: Any) -> Steps:
        self.noise, unit, sigma, q_a = member(values), member(values, sigma=1.0), values["sigma"], values["q_a"]
        self.question = {name: values[name] for name in ("norm", "share", "c", "order", "printed")}
        if values["best"]:
            self.question["order"] = None
        self.given = {"noise": self.noise, "q_a": q_a} | self.question | {"norm": plain(values["norm"])}
        self.given |= {"every": values["every"], "printed": self.given.pop("printed")}  # as in the call
        asked = (unit, *self.question.values())
        # what the time depends on, in words
        size = ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
        words = f"radii of {unit.family} noise, {size}"
        if self._curve[0] != asked:
            at, *curve = yield Task(words, partial(answers, unit, self.grid, q_a, **self.question))
            self._at, self._curve = ((q_a, asked), at), (asked, curve)
        if self._at[0] != (q_a, asked):
            self._at = (q_a, asked), (yield Task(words, partial(claims, unit, [q_a], **self.question)))
        curves, self.few = self._curve[1]
        keys = usual(self._at[1], values["every"] or values["printed"])  # who asks for printed ones asks for all
        self.found, curves = (
            [replace(c, radii=sigma * c.radii) for c in found if c.bound.key in keys] for found in (self._at[1], curves)
        )
        look = {name: values[name] for name in ("norm", "share")}
        self.picture = bounds_picture(self.noise, curves, self.found, self.grid, q_a, **look)

    def idle(self) -> Iterable[str]:
        yield from unused(self.noise)
        shown = {name for claim in self.found for name in claim.bound.params}
        if "c" not in shown:
            yield "c"
        if "order" not in shown:
            yield "best"
        if "order" not in shown or self.question["order"] is None:
            yield "order"

    def code(self) -> str:
        assumed = self._assumed and self.noise.dim == DIM
        return super().code() + f"  # dim={DIM} is assumed: the noise had none" * assumed

    def readout(self) -> str:
        q_a, v = self.given["q_a"], self.question
        table = radius_table(self.found, self.noise, q_a, v["share"] * q_a, v["norm"], v["c"], v["order"])
        note = f"The curve goes through {FEW} votes, as each takes long; between them it is interpolated."
        return table + note * bool(self.found and self.few)


def bounds(
    noise: Noise | None = None,
    q_a: float = 1e-3,
    *,
    norm: float | None = None,
    share: float = 1.0,
    c: float = 1.0,
    order: float | None = None,
    every: bool = False,
    printed: bool = False,
) -> Panel:
    """Sliders over every radius: family and deviation of the noise, votes, norm, dimension, free parameters.

    Parameters
    ----------
    noise : Noise, optional
        Where to start; Gaussian(0.5, dim=3072) if absent. A noise without `dim` is given dim=3072, and the code line
        says so. Families are compared at equal deviation of a coordinate.
    q_a : float in (0, 1/2)
        1 - p_A, the share of votes against the class.
    norm : float >= 1, optional
        Norm of the ball; if absent the one in which most is known of the family.
    share : float in (0, 1]
        p_B as a share of 1 - p_A; 1 is the case of two classes.
    c, order : float
        Parameters of the D_MR and Rényi bounds; the best order if absent.
    every : bool
        Whether to show every bound, or at first the exact one, the best proved one, and the classic ones.
    printed : bool
        Whether to show formulas as printed too, and with them every bound.
    """
    start = noises.Gaussian(0.5, dim=DIM) if noise is None else noise
    chosen = [
        *controls.law(start),
        controls.votes(q_a),
        pick("norm", "norm of the ball", "p", NORMS, float(ball(start, norm))),
        *controls.own(start),
        *more(
            controls.dim(start.dim or DIM),
            controls.share(share),
            toggle("every", "show every bound", every),
            toggle("printed", "show formulas as printed, where they are wrong", printed),
            Number("c", "c of D_MR", "of ℓ_∞ noise", c, 0.1, 10),
            toggle("best", "best Rényi order", order is None),
            Number("order", "Rényi order", "1 KL, 2 χ²", order or 2.0, 0.05, 20),
        ),
    ]
    own_norm = controls.norm_of if norm is None else None
    return Panel(BoundsView(start.dim is None, min(controls.LEAST, q_a)), chosen, bounds, own_norm)


# ---- Renyi orders ----

SHOWN = ("cohen-l2", "renyi-l2", "kl-l2", "chi2-l2", "hellinger-l2", "bhattacharyya-l2")


@lru_cache(maxsize=64)
def largest(q_a: float, p_b: float | None) -> float:
    """Least D_MR of a class change, kept, as it takes 0.2 s; for two classes it is the best order's."""
    return curves(q_a).slope if p_b is None else float(least_mr(q_a=q_a, p_b=p_b))


class RenyiView(View):
    """The picture of `renyi` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        if values.pop("best"):
            values["order"] = None
        self.given = values
        self.picture = pictures.renyi(**values)

    def idle(self) -> Iterable[str]:
        return ["order"] if self.given["order"] is None else []

    def readout(self) -> str:
        v, noise = self.given, noises.Gaussian(self.given["sigma"])
        found = claims(noise, [v["q_a"]], share=v["share"], bounds=SHOWN, order=v["order"])
        p_b = None if v["share"] == 1 else v["share"] * v["q_a"]
        mr, votes = largest(v["q_a"], p_b), curves(v["q_a"], p_b)
        most = rounded_down(v["sigma"] * (2 * votes.slope) ** 0.5)
        words = (
            f"The best order is {votes.best:.6g}, which gives {most}; the least D_MR of a class change, one law of "
            f"votes for all orders above 1, is {mr:.6g} nats and gives {rounded_down(v['sigma'] * (2 * mr) ** 0.5)}."
        )
        shown = radius_table(found, noise, v["q_a"], v["share"] * v["q_a"], 2, order=v["order"])
        return framed(shown + words, best=votes.best, mr=mr)


def renyi(sigma: float = 0.5, q_a: float = 1e-3, *, share: float = 1.0, order: float | None = None) -> Panel:
    """Sliders over the certificate of Gaussian noise from the Renyi divergence of every order.

    Parameters and errors are those of `pictures.renyi`: where the sliders start.
    """
    pictures.renyi(sigma, q_a, share=share, order=order)  # refuses what it cannot draw
    chosen = [
        controls.sigma(sigma),
        controls.votes(q_a),
        controls.share(share),
        Number("order", "order α", "1 KL, 2 χ²", order or 2.0, 0.02, MOST, scale="linear"),
        toggle("best", "best order", order is None),
    ]
    return Panel(RenyiView(), chosen, renyi)


# ---- two norms ----


class TradeoffView(View):
    """The picture of `tradeoff` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        sigma, dim, shape = (values.pop(name) for name in ("sigma", "dim", "shape"))
        noise = GeneralizedGaussian.from_sigma(sigma, dim, shape=shape)
        self.given = {"noise": noise} | {name: values[name] for name in ("q_a", "norms", "weight")}
        self.picture = pictures.tradeoff(**self.given)

    def readout(self) -> str:
        v, noise = self.given, self.given["noise"]
        found, (a, b) = regions(noise.shape, noise.dim, v["q_a"], v["norms"]), (f"l{norm:g}" for norm in v["norms"])
        each, both = Certifies.EACH_BALL.value, Certifies.INTERSECTION.value
        rows: list[tuple[str, tuple[float, float], str]] = [("each ball on its own", found.balls, each)]
        pair = (nan, nan)
        if found.front is not None:
            pair = weighted(found.front, v["weight"])
            rows.append(("the pair of that weight", pair, both))
        if found.printed is not None:
            claim = float(found.printed[1][0])
            rows.append(("the same of the printed condition", weighted(found.printed, v["weight"]), both))
            words = f"{noise.scale * claim:.4g} read as an {b} ball"
            rows.append((words, (nan, claim), "nothing: it is no certificate"))
        texts = (["" if unit != unit else rounded_down(noise.scale * unit) for unit in units] for _, units, _ in rows)
        lines = ((dict[str, Any](), (what, *text, say)) for (what, _, say), text in zip(rows, texts, strict=True))
        head = {"": "left", f"{a} radius": "right", f"{b} radius": "right", "what it certifies": "left"}
        most = f"The KL budget of a class change is {budget(q_a=v['q_a']):.6g} nats."
        first, second = (noise.scale * unit for unit in pair)
        return framed(table(head, lines) + most, sigma=noise.sigma, first=first, second=second)


def tradeoff(
    noise: GeneralizedGaussian | None = None,
    q_a: float = 0.01,
    *,
    norms: tuple[float, float] = (1.0, 3.0),
    weight: float = 0.5,
) -> Panel:
    """Sliders over the pairs of radii that generalized Gaussian noise certifies in two norms at once.

    Parameters and errors are those of `pictures.tradeoff`: where the sliders start.
    """
    pictures.tradeoff(noise, q_a, norms=norms, weight=weight)  # refuses what it cannot draw
    start = START if noise is None else noise
    assert start.dim is not None
    chosen = [
        pick("shape", "shape s", "of the noise", SHAPES, start.shape),
        pick("norms", "norms of both", "balls", PAIRS, (float(norms[0]), float(norms[1]))),
        controls.sigma(start.sigma),
        controls.votes(q_a),
        controls.dim(start.dim, least=2),
        Number("weight", "weight", "of the first radius", weight, 0, 1, scale="linear"),
    ]
    return Panel(TradeoffView(), chosen, tradeoff)


# ---- dimension ----


class ScalingView(View):
    """The picture of `scaling` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.given = values
        self.question = Question(values["q_a"], values["norm"], values["shape"], values["k"], values["fixed"])
        self.later = growing(self.question, values["dim"])
        self.take(next(self.later))

    def take(self, found: Any) -> None:
        self.found = {name: one for name, one in found.found.items() if one}
        self.picture = scaling_picture(found, self.given["size"], self.given["dim"])

    def idle(self) -> Iterable[str]:
        return [] if set(SLOW) & set(self.found) else ["k"]

    def readout(self) -> str:
        v, rows = self.given, []
        for name, one in self.found.items():
            at = v["size"] * radius(one.bound, name, own(name, self.question), v["dim"])
            fitted = f"{one.slope.value:.4f} ± {one.slope.error:.4f}"
            law = ("not known here", "") if one.law is None else (str(one.law), f"{one.law.fitted(DIMS):.4f}")
            exact = {"key": name, "radius": at, "slope": float(one.slope.value)}
            rows.append((exact, (FAMILIES[name][0], one.bound.key, rounded_down(at), fitted, law[1], law[0])))
        numbers = (f"radius at d = {v['dim']:,}", "fitted slope", "that of the law")
        head = {"noise": "left", "bound": "left", **dict.fromkeys(numbers, "right"), "law": "left"}
        return framed(table(head, rows))


def scaling(
    norm: float = 2.0,
    q_a: float = 0.01,
    *,
    size: float = 0.5,
    fixed: str = "sigma",
    shape: float = 3.0,
    k: float = 0.3,
    dim: int = DIM,
) -> Panel:
    """Sliders over every family's radius against the dimension, with fitted slopes beside the laws. Two classes.

    Parameters and errors are those of `pictures.scaling`: where the sliders start. The soap bubbles' radii take longer
    and are drawn when the sliders rest.
    """
    scaling_picture(next(growing(Question(q_a, norm, shape, k, fixed))), size, dim)  # refuses what it cannot draw
    chosen = [
        pick("norm", "norm of the ball", "p", NORMS, inf if norm == inf else float(norm)),
        pick("fixed", "fixed", "as d grows", {words: name for name, words in FIXED.items()}, fixed),
        Number("size", "size", "input units", size, 0.01, 10, help="of what is fixed"),
        controls.votes(q_a),
        Number("shape", "shape s", "1 Laplace, 2 Gaussian", shape, 1, 8),
        Number("k", "k", "of d", k, 0, 0.95, scale="linear"),
        controls.dim(dim, DIMS[-1], 2),
    ]
    return Panel(ScalingView(), chosen, scaling)


# ---- soap bubbles ----


class SoapView(View):
    """The picture of `soap_bubbles` and the table of its numbers."""

    always = ("sigma", "k")

    def update(self, **values: Any) -> None:
        self.given = values
        self.bubble = Bubble(**{name: value for name, value in values.items() if name != "sigma"})
        self.later = pulled(self.bubble)
        self.take(next(self.later))

    def take(self, found: Any) -> None:
        self.found = found
        self.picture = soap_picture(found, self.given["sigma"])

    def readout(self) -> str:
        v, norm, rows = self.given, self.bubble.norm, []
        gaussian = self.found.at[None]
        for powers, unit in self.found.at.items():
            name, radius = "Gaussian" if powers is None else BUBBLES[powers][0], v["sigma"] * unit
            share = f"{unit / gaussian:.5f}" if gaussian and powers else ""
            rows.append(({"key": name, "radius": radius}, (name, rounded_down(radius, 6), share)))
        head = {"": "left", f"exact l{norm:g} radius": "right", "over the Gaussian's": "right"}
        k, equal = self.bubble.k * self.bubble.dim, "σ" if self.bubble.match == "sigma" else "mode of the norm"
        words = (
            f"k = {k:.6g} of d = {self.bubble.dim:,}. Votes after a shift: the least share that a class of p_A keeps, "
            "which is 1/2 at the radius, and the share that noise and shifted noise have in common. Families are "
            f"compared at equal {equal}."
        )
        return framed(table(head, rows) + words)


def soap_bubbles(
    sigma: float = 0.5,
    k: float = 0.3,
    *,
    dim: int = DIM,
    q_a: float = 0.01,
    norm: float = 2.0,
    powers: tuple[float, float] = (2.0, 2.0),
    match: str = "sigma",
) -> Panel:
    """Sliders over the noises of Soap bubbles 2020: law of the norm, exact radii beside the Gaussian's, shifted votes.

    Parameters and errors are those of `pictures.soap_bubbles`: where the sliders start. What takes long is drawn when
    the sliders rest: eq. (9), seconds for a curve.
    """
    own = (float(powers[0]), float(powers[1]))
    Bubble(k, dim, q_a, norm, own, match)  # refuses what it cannot draw
    if not sigma > 0:
        raise ValueError(f"soap_bubbles needs sigma > 0, got sigma={sigma}")
    chosen = [
        pick("powers", "soap bubble", "its norm", POWERS, own),
        pick("norm", "norm of the ball", "p, eq. (8)", {"2": 2.0, "∞": inf}, float(norm)),
        controls.sigma(sigma),
        controls.votes(q_a, min(LEAST, q_a)),
        controls.dim(dim, 150_528, 2),
        Number("k", "pull k", "of d", k, 0, 0.99, scale="linear"),
        pick("match", "equal", "to Gaussian noise", {"σ": "sigma", "mode of ‖z‖": "mode"}, match),
    ]
    return Panel(SoapView(), chosen, soap_bubbles)


# ---- votes after a shift ----


class VotesView(View):
    """The picture of `vote_curves` and its numbers in words."""

    def update(self, **values: Any) -> Steps:
        noise = member(values)
        self.given = {"noise": noise} | {name: values[name] for name in ("r", "q_a", "norm", "share")}
        words = f"votes under {noise.family} noise after shifts"
        self.picture = yield Task(words, partial(pictures.vote_curves, **self.given))

    def idle(self) -> Iterable[str]:
        return unused(self.given["noise"])

    def readout(self) -> str:
        noise = self.given["noise"]
        state = {**self.given, "noise": noise.family, "sigma": noise.sigma}
        return framed(escape(self.picture.desc), **state)


def vote_curves(
    noise: Noise | None = None, r: float = 0.5, q_a: float = 0.01, *, norm: float | None = None, share: float = 1.0
) -> Panel:
    """Sliders over the least vote after a shift: votes of two classes, length of the shift, noise, norm.

    Parameters and errors are those of `pictures.vote_curves`: where the sliders start. A noise without `dim` is given
    dim=3072.
    """
    pictures.vote_curves(NOISE_OF_VOTES, r, q_a, share=share)  # refuses what it cannot draw
    start = NOISE_OF_VOTES if noise is None else noise
    chosen = [
        *controls.law(start),
        Number("r", "shift r", "input units", r, 0.001, 100),
        controls.votes(q_a),
        controls.share(share),
        pick("norm", "norm of the shift", "p", NORMS, float(ball(start, norm))),
        *controls.own(start),
        *more(controls.dim(start.dim or DIM)),
    ]
    return Panel(VotesView(), chosen, vote_curves, controls.norm_of if norm is None else None)


# ---- noise ----


class NoiseView(View):
    """The picture of `noise` and the table of its norms."""

    def update(self, **values: Any) -> None:
        self.sigma, self.noise = values["sigma"], member(values, dim=values["side"] ** 2)
        self.given = {"noise": self.noise}
        self.picture = pictures.noise(self.noise)

    def idle(self) -> Iterable[str]:
        return unused(self.noise)

    def readout(self) -> str:
        rows, sigma, full = [], self.sigma, at_unit(self.noise, self.noise.dim or 1)
        for norm, values in sample(full)[1].items():
            size = sigma * (sqrt(self.noise.dim or 1) if norm == 2 else 1)
            mean, spread = size * float(values.mean()), size * values.std()
            drawn = f"{mean:.5g} ± {spread / sqrt(len(values)):.1g}"
            cells = (f"l{norm:g}", drawn, expected(full, norm, size), f"{spread:.3g}")
            rows.append(({"norm": f"{norm:g}", "mean": mean}, cells))
        head = {"norm": "left", "mean of the draws": "right", "expected": "right", "their deviation": "right"}
        note = f"{self.noise.label}, d = {self.noise.dim:,}; pixels are cut off at 0 and 1 for display."
        return framed(table(head, rows) + note)


def noise(noise: Noise | None = None) -> Panel:
    """Sliders over what a noise looks like: density in the plane, draws, laws of its norms, a noisy image.

    The parameter and its errors are those of `pictures.noise`: where the sliders start.
    """
    pictures.noise(noise)  # refuses what it cannot draw
    return _noise(noises.Gaussian(0.25) if noise is None else noise)


def _noise(start: Noise) -> Panel:
    side = round(sqrt(start.dim or 1024))
    chosen = [
        *controls.law(start),
        pick("side", "image", "pixels", {f"{n} × {n}": n for n in SIDES}, side),
        *controls.own(start),
    ]
    return Panel(NoiseView(), chosen, noise)
