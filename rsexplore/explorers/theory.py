"""The explorers of theory: Renyi orders, two norms, dimension, soap bubbles, votes after a shift, looks of a noise."""

from collections.abc import Iterable
from functools import lru_cache, partial
from html import escape
from math import inf, nan, sqrt
from typing import Any

from rsexplore import bounds, noises, pictures
from rsexplore.divergences import least_mr
from rsexplore.explorers import controls
from rsexplore.explorers.controls import DIM, NORMS, Number, call, member, more, pick, toggle, unused
from rsexplore.explorers.panel import Panel, Steps, View
from rsexplore.explorers.readout import framed, radius_table, table
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.patience import Task
from rsexplore.pictures.bounds import ball, claims
from rsexplore.pictures.noise import SIDES, at_unit, expected, sample
from rsexplore.pictures.renyi import MOST, curves
from rsexplore.pictures.scaling import FAMILIES, FIXED, SLOW, Question, own, radius
from rsexplore.pictures.scaling import numbers as growing
from rsexplore.pictures.scaling import picture as scaling_picture
from rsexplore.pictures.shifted import START as NOISE_OF_VOTES
from rsexplore.pictures.soap_bubbles import FAMILIES as BUBBLES
from rsexplore.pictures.soap_bubbles import LEAST, POWERS, Bubble
from rsexplore.pictures.soap_bubbles import numbers as pulled
from rsexplore.pictures.soap_bubbles import picture as soap_picture
from rsexplore.pictures.tradeoff import PAIRS, SHAPES, START, regions, weighted
from rsexplore.scaling import DIMS
from rsexplore.table import rounded_down
from rsexplore.tradeoff import Certifies, budget

# ---- Renyi orders ----

SHOWN = ("cohen-l2", "renyi-l2", "kl-l2", "chi2-l2", "hellinger-l2", "bhattacharyya-l2")


@lru_cache(maxsize=64)
def largest(q_a: float, p_b: float | None) -> float:
    """Least D_MR of a class change, kept, as it takes 0.2 s; for two classes it is the best order's."""
    return curves(q_a).slope if p_b is None else float(least_mr(q_a=q_a, p_b=p_b))


class RenyiView(View):
    """The picture of `renyi` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.p_b = None if values["share"] == 1 else values["share"] * values["q_a"]
        self.order: float | None = None if values["best"] else values["order"]
        self.picture = pictures.renyi(values["sigma"], values["q_a"], share=values["share"], order=self.order)

    def idle(self) -> Iterable[str]:
        return ["order"] if self.values["best"] else []

    def code(self) -> str:
        given = {name: self.values[name] for name in ("sigma", "q_a", "share")} | {"order": self.order}
        return call("renyi", given, {"share": 1.0, "order": None})

    def readout(self) -> str:
        v, noise = self.values, noises.Gaussian(self.values["sigma"])
        found = claims(noise, [v["q_a"]], share=v["share"], bounds=map(bounds.get, SHOWN), order=self.order)
        mr, votes = largest(v["q_a"], self.p_b), curves(v["q_a"], self.p_b)
        most = rounded_down(v["sigma"] * (2 * votes.slope) ** 0.5)
        words = (
            f"The best order is {votes.best:.6g}, which gives {most}; the least D_MR of a class change, one law of "
            f"votes for all orders above 1, is {mr:.6g} nats and gives {rounded_down(v['sigma'] * (2 * mr) ** 0.5)}."
        )
        shown = radius_table(found, noise, v["q_a"], v["share"] * v["q_a"], 2, {"order": self.order, "c": ""})
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
    return Panel(RenyiView(), chosen, "renyi")


# ---- two norms ----


class TradeoffView(View):
    """The picture of `tradeoff` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.noise = GeneralizedGaussian.from_sigma(values["sigma"], values["dim"], shape=values["shape"])
        self.picture = pictures.tradeoff(self.noise, values["q_a"], norms=values["norms"], weight=values["weight"])

    def code(self) -> str:
        given = {"noise": self.noise} | {name: self.values[name] for name in ("q_a", "norms", "weight")}
        return call("tradeoff", given, {"norms": (1.0, 3.0), "weight": 0.5})

    def readout(self) -> str:
        v, noise = self.values, self.noise
        assert noise.dim is not None
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
    return Panel(TradeoffView(), chosen, "tradeoff")


# ---- dimension ----


class ScalingView(View):
    """The picture of `scaling` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.question = Question(values["q_a"], values["norm"], values["shape"], values["k"], values["fixed"])
        self._steps = growing(self.question, values["dim"])
        self.take(next(self._steps))

    def take(self, found: Any) -> None:
        self.found = {name: one for name, one in found.found.items() if one}
        self.picture = scaling_picture(found, self.values["size"], self.values["dim"])

    def slow(self) -> Steps:
        return self._steps

    def idle(self) -> Iterable[str]:
        return [] if set(SLOW) & set(self.found) else ["k"]

    def code(self) -> str:
        return call("scaling", self.values, {"norm": 2.0, "fixed": "sigma", "shape": 3.0, "k": 0.3, "dim": DIM})

    def readout(self) -> str:
        v, rows = self.values, []
        for name, one in self.found.items():
            at = v["size"] * radius(one.bound, name, own(name, self.question), v["dim"])
            fitted = f"{one.slope.value:.4f} ± {one.slope.error:.4f}"
            law = ("not known here", "") if one.law is None else (str(one.law), f"{one.law.fitted(DIMS):.4f}")
            exact = {"key": name, "radius": at, "slope": float(one.slope.value)}
            rows.append((exact, (FAMILIES[name][0], one.bound.key, rounded_down(at), fitted, law[1], law[0])))
        numbers = (f"radius at d = {v['dim']:,}", "fitted slope", "that of the law")
        head = {"noise": "left", "bound": "left", **dict.fromkeys(numbers, "right"), "law": "left"}
        state = {"size": v["size"], "qa": v["q_a"], "norm": f"{v['norm']:g}", "dim": v["dim"], "fixed": v["fixed"]}
        return framed(table(head, rows), **state)


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
    Question(q_a, norm, shape, k, fixed)  # refuses what it cannot draw
    if not size > 0 or not dim >= 2:
        raise ValueError(f"scaling needs size > 0 and dim >= 2, got size={size}, dim={dim}")
    chosen = [
        pick("norm", "norm of the ball", "p", NORMS, inf if norm == inf else float(norm)),
        pick("fixed", "fixed", "as d grows", {words: name for name, words in FIXED.items()}, fixed),
        Number("size", "size", "input units", size, 0.01, 10, help="of what is fixed"),
        controls.votes(q_a),
        Number("shape", "shape s", "1 Laplace, 2 Gaussian", shape, 1, 8),
        Number("k", "k", "of d", k, 0, 0.95, scale="linear"),
        controls.dim(dim, DIMS[-1], 2),
    ]
    return Panel(ScalingView(), chosen, "scaling")


# ---- soap bubbles ----


class SoapView(View):
    """The picture of `soap_bubbles` and the table of its numbers."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.bubble = Bubble(**{name: value for name, value in values.items() if name != "sigma"})
        self._steps = pulled(self.bubble)
        self.take(next(self._steps))

    def take(self, found: Any) -> None:
        self.found = found
        self.picture = soap_picture(found, self.values["sigma"])

    def slow(self) -> Steps:
        return self._steps

    def code(self) -> str:
        usual = {"dim": DIM, "q_a": 0.01, "norm": 2.0, "powers": (2.0, 2.0), "match": "sigma"}
        return call("soap_bubbles", self.values, usual)

    def readout(self) -> str:
        v, norm, rows = self.values, self.bubble.norm, []
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
        state = {"sigma": v["sigma"], "k": v["k"], "dim": v["dim"], "qa": v["q_a"], "norm": f"{norm:g}"}
        return framed(table(head, rows) + words, **state, match=v["match"])


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
    return Panel(SoapView(), chosen, "soap_bubbles")


# ---- votes after a shift ----


class VotesView(View):
    """The picture of `vote_curves` and its numbers in words."""

    def update(self, **values: Any) -> Steps:
        self.noise = member(values)
        self.given = {name: values[name] for name in ("r", "q_a", "norm", "share")}
        work = partial(pictures.vote_curves, self.noise, **self.given)
        self.picture = yield Task(f"votes under {self.noise.family} noise after shifts", work)

    def idle(self) -> Iterable[str]:
        return unused(self.noise)

    def code(self) -> str:
        return call("vote_curves", {"noise": self.noise} | self.given, {"share": 1.0})

    def readout(self) -> str:
        return framed(escape(self.picture.desc), noise=self.noise.family, sigma=self.noise.sigma, **self.given)


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
        controls.family(start),
        controls.sigma(start.sigma),
        Number("r", "shift r", "input units", r, 0.001, 100),
        controls.votes(q_a),
        controls.share(share),
        pick("norm", "norm of the shift", "p", NORMS, float(ball(start, norm))),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
        *more(controls.dim(start.dim or DIM)),
    ]
    follow = {"norm": lambda values: controls.own_norm(member(values))} if norm is None else {}
    return Panel(VotesView(), chosen, "vote_curves", follow)


# ---- noise ----


class NoiseView(View):
    """The picture of `noise` and the table of its norms."""

    def update(self, **values: Any) -> None:
        self.values = values
        self.noise = member(values, dim=values["side"] ** 2)
        self.picture = pictures.noise(self.noise)

    def idle(self) -> Iterable[str]:
        return unused(self.noise)

    def code(self) -> str:
        return call("noise", {"noise": self.noise}, {})

    def readout(self) -> str:
        rows, sigma, full = [], self.values["sigma"], at_unit(self.noise, self.noise.dim or 1)
        for norm, values in sample(full)[1].items():
            size = sigma * (sqrt(self.noise.dim or 1) if norm == 2 else 1)
            mean, spread = size * float(values.mean()), size * values.std()
            drawn = f"{mean:.5g} ± {spread / sqrt(len(values)):.1g}"
            cells = (f"l{norm:g}", drawn, expected(full, norm, size), f"{spread:.3g}")
            rows.append(({"norm": f"{norm:g}", "mean": mean}, cells))
        head = {"norm": "left", "mean of the draws": "right", "expected": "right", "their deviation": "right"}
        note = f"{self.noise.label}, d = {self.noise.dim:,}; pixels are cut off at 0 and 1 for display."
        return framed(table(head, rows) + note, noise=self.noise.family, sigma=sigma, dim=self.noise.dim)


def noise(noise: Noise | None = None) -> Panel:
    """Sliders over what a noise looks like: density in the plane, draws, laws of its norms, a noisy image.

    The parameter and its errors are those of `pictures.noise`: where the sliders start.
    """
    pictures.noise(noise)  # refuses what it cannot draw
    start = noises.Gaussian(0.25) if noise is None else noise
    side = round(sqrt(start.dim or 1024))
    chosen = [
        controls.family(start),
        controls.sigma(start.sigma),
        pick("side", "image", "pixels", {f"{n} × {n}": n for n in SIDES}, side),
        controls.powers(start),
        controls.power(start),
        controls.shape(start),
    ]
    return Panel(NoiseView(), chosen, "noise")
