"""Explorers of theory: radii, Renyi orders, two norms, dimension, soap bubbles, votes after a shift, noise."""

from dataclasses import replace
from functools import lru_cache, partial
from html import escape
from math import inf, isnan, nan, sqrt
from typing import Any

from rsexplore import noises, pictures
from rsexplore.divergences import least_mr
from rsexplore.explorers import controls
from rsexplore.explorers.controls import DIM, Number, call, member, pick, plain, toggle
from rsexplore.explorers.panel import Panel, Words
from rsexplore.explorers.readout import framed, radius_table, table
from rsexplore.noises import GeneralizedGaussian, Noise
from rsexplore.patience import Steps, Task, computed
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


def _bounds(remark: str, least: float, kept: dict[str, Any], **v: Any) -> Steps:
    """Draw radii; `kept` holds what was asked last and its answer at deviation 1, whose move evaluates no formula."""
    noise, unit, sigma, q_a = member(v), member(v, sigma=1.0), v["sigma"], v["q_a"]
    question = {name: v[name] for name in ("norm", "share", "c", "order", "printed")}
    if v["best"]:
        question["order"] = None
    asked = (unit, *question.values())
    # what the time depends on, in words
    size = ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
    words, grid = f"radii of {unit.family} noise, {size}", vote_grid(least)
    if kept.get("asked") != asked:
        at, *curve = yield from computed(words, partial(answers, unit, grid, q_a, **question))
        kept |= {"asked": asked, "curve": curve, "vote": (q_a, asked), "at": at}
    if kept["vote"] != (q_a, asked):
        at = yield from computed(words, partial(claims, unit, [q_a], **question))
        kept |= {"vote": (q_a, asked), "at": at}
    (curves, few), at = kept["curve"], kept["at"]
    keys = usual(at, v["every"] or v["printed"])  # who asks for printed ones asks for all
    curves, found = ([replace(c, radii=sigma * c.radii) for c in some if c.bound.key in keys] for some in (curves, at))
    yield bounds_picture(noise, curves, found, grid, q_a, norm=v["norm"], share=v["share"])
    given = {"noise": noise, "q_a": q_a, "norm": plain(v["norm"])}
    given |= {name: question.get(name, v[name]) for name in ("share", "c", "order", "every", "printed")}
    numbers = radius_table(found, noise, q_a, v["share"] * q_a, v["norm"], v["c"], question["order"])
    if found and few:
        numbers += f"The curve goes through {FEW} votes, as each takes long; between them it is interpolated."
    free = {name for claim in found for name in claim.bound.params}
    idle = {*controls.unused(noise), *({"c", "order"} - free), *({"best"} if "order" not in free else ())}
    idle |= {"order"} if v["best"] else set()
    yield Words(call(bounds, given) + remark * (noise.dim == DIM), numbers, idle)


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
    chosen = [*controls.law(start), controls.votes(q_a), controls.norm(ball(start, norm)), *controls.own(start)]
    more = [
        controls.dim(start.dim or DIM),
        controls.share(share),
        toggle("every", "show every bound", every),
        toggle("printed", "show formulas as printed, where they are wrong", printed),
        Number("c", "c of D_MR", "of ℓ_∞ noise", c, 0.1, 10),
        toggle("best", "best Rényi order", order is None),
        Number("order", "Rényi order", "1 KL, 2 χ²", order or 2.0, 0.05, 20),
    ]
    remark = f"  # dim={DIM} is assumed: the noise had none" * (start.dim is None)
    draw = partial(_bounds, remark, min(controls.LEAST, q_a), {})
    return Panel("bounds", draw, chosen, more, controls.norm_of if norm is None else None)


# ---- Renyi orders ----

SHOWN = ("cohen-l2", "renyi-l2", "kl-l2", "chi2-l2", "hellinger-l2", "bhattacharyya-l2")


@lru_cache(maxsize=64)
def largest(q_a: float, p_b: float | None) -> float:
    """Least D_MR of a class change, kept, as it takes 0.2 s; for two classes it is the best order's."""
    return curves(q_a).slope if p_b is None else float(least_mr(q_a=q_a, p_b=p_b))


def _renyi(best: bool, **v: Any) -> Steps:
    if best:
        v["order"] = None
    yield pictures.renyi(**v)
    q_a, sigma, order, noise = v["q_a"], v["sigma"], v["order"], noises.Gaussian(v["sigma"])
    found = claims(noise, [q_a], share=v["share"], bounds=SHOWN, order=order)
    p_b = None if v["share"] == 1 else v["share"] * q_a
    mr, votes = largest(q_a, p_b), curves(q_a, p_b)
    words = (
        f"The best order is {votes.best:.6g}, which gives {rounded_down(sigma * (2 * votes.slope) ** 0.5)}; the least "
        f"D_MR of a class change, one law of votes for all orders above 1, is {mr:.6g} nats and gives "
        f"{rounded_down(sigma * (2 * mr) ** 0.5)}."
    )
    numbers = radius_table(found, noise, q_a, v["share"] * q_a, 2, order=order) + words
    yield Words(call(renyi, v), framed(numbers, best=votes.best, mr=mr), ["order"] if best else ())


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
    return Panel("renyi", _renyi, chosen)


# ---- two norms ----


def _tradeoff(sigma: float, dim: int, shape: float, **v: Any) -> Steps:
    noise = GeneralizedGaussian.from_sigma(sigma, dim, shape=shape)
    given = {"noise": noise} | {name: v[name] for name in ("q_a", "norms", "weight")}
    yield pictures.tradeoff(**given)
    found, (a, b) = regions(shape, dim, v["q_a"], v["norms"]), (f"l{norm:g}" for norm in v["norms"])
    each_ball, both = Certifies.EACH_BALL.value, Certifies.INTERSECTION.value
    pair, rows = (nan, nan), [("each ball on its own", found.balls, each_ball)]
    if found.front is not None:
        pair = weighted(found.front, v["weight"])
        rows.append(("the pair of that weight", pair, both))
    if found.printed is not None:
        claim = float(found.printed[1][0])
        rows.append(("the same of the printed condition", weighted(found.printed, v["weight"]), both))
        rows.append((f"{noise.scale * claim:.4g} read as an {b} ball", (nan, claim), "nothing: it is no certificate"))
    lines: list[Any] = []
    for what, units, says in rows:
        texts = ("" if isnan(unit) else rounded_down(noise.scale * unit) for unit in units)
        lines.append(({}, (what, *texts, says)))
    head = {"": "left", f"{a} radius": "right", f"{b} radius": "right", "what it certifies": "left"}
    most = f"The KL budget of a class change is {budget(q_a=v['q_a']):.6g} nats."
    first, second = (noise.scale * unit for unit in pair)
    numbers = table(head, lines) + most
    yield Words(call(tradeoff, given), framed(numbers, sigma=noise.sigma, first=first, second=second))


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
    return Panel("tradeoff", _tradeoff, chosen)


# ---- dimension ----


def _scaling(**v: Any) -> Steps:
    question = Question(v["q_a"], v["norm"], v["shape"], v["k"], v["fixed"])
    for numbers in growing(question, v["dim"]):
        if isinstance(numbers, Task):
            yield numbers
            continue
        yield scaling_picture(numbers, v["size"], v["dim"])
        found, rows = {name: one for name, one in numbers.found.items() if one}, []
        for name, one in found.items():
            at = v["size"] * radius(one.bound, name, own(name, question), v["dim"])
            fitted = f"{one.slope.value:.4f} ± {one.slope.error:.4f}"
            law = ("", "not known here") if one.law is None else (f"{one.law.fitted(DIMS):.4f}", str(one.law))
            exact = {"key": name, "radius": at, "slope": float(one.slope.value)}
            rows.append((exact, (FAMILIES[name][0], one.bound.key, rounded_down(at), fitted, *law)))
        right = (f"radius at d = {v['dim']:,}", "fitted slope", "that of the law")
        head = {"noise": "left", "bound": "left", **dict.fromkeys(right, "right"), "law": "left"}
        yield Words(call(scaling, v), framed(table(head, rows)), () if set(SLOW) & set(found) else ["k"])


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
        controls.norm(norm),
        pick("fixed", "fixed", "as d grows", {words: name for name, words in FIXED.items()}, fixed),
        Number("size", "size", "input units", size, 0.01, 10, help="of what is fixed"),
        controls.votes(q_a),
        Number("shape", "shape s", "1 Laplace, 2 Gaussian", shape, 1, 8),
        Number("k", "k", "of d", k, 0, 0.95, scale="linear"),
        controls.dim(dim, DIMS[-1], 2),
    ]
    return Panel("scaling", _scaling, chosen)


# ---- soap bubbles ----


def _soap_bubbles(**v: Any) -> Steps:
    sigma, bubble = v["sigma"], Bubble(**{name: value for name, value in v.items() if name != "sigma"})
    for found in pulled(bubble):
        if isinstance(found, Task):
            yield found
            continue
        yield soap_picture(found, sigma)
        rows, gaussian = [], found.at[None]
        for powers, unit in found.at.items():
            name, radius = "Gaussian" if powers is None else BUBBLES[powers][0], sigma * unit
            share = f"{unit / gaussian:.5f}" if gaussian and powers else ""
            rows.append(({"key": name, "radius": radius}, (name, rounded_down(radius, 6), share)))
        head = {"": "left", f"exact l{bubble.norm:g} radius": "right", "over the Gaussian's": "right"}
        words = (
            f"k = {bubble.k * bubble.dim:.6g} of d = {bubble.dim:,}. Votes after a shift: the least share that a class "
            "of p_A keeps, which is 1/2 at the radius, and the share that noise and shifted noise have in common. "
            f"Families are compared at equal {'σ' if bubble.match == 'sigma' else 'mode of the norm'}."
        )
        yield Words(call(soap_bubbles, v, always=("sigma", "k")), framed(table(head, rows) + words))


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
        controls.norm(norm, unit="p, eq. (8)", norms={"2": 2.0, "∞": inf}),
        controls.sigma(sigma),
        controls.votes(q_a, min(LEAST, q_a)),
        controls.dim(dim, 150_528, 2),
        Number("k", "pull k", "of d", k, 0, 0.99, scale="linear"),
        pick("match", "equal", "to Gaussian noise", {"σ": "sigma", "mode of ‖z‖": "mode"}, match),
    ]
    return Panel("soap_bubbles", _soap_bubbles, chosen)


# ---- votes after a shift ----


def _vote_curves(**v: Any) -> Steps:
    noise = member(v)
    given = {"noise": noise} | {name: v[name] for name in ("r", "q_a", "norm", "share")}
    picture = yield from computed(
        f"votes under {noise.family} noise after shifts", partial(pictures.vote_curves, **given)
    )
    yield picture
    numbers = framed(escape(picture.desc), **{**given, "noise": noise.family, "sigma": noise.sigma})
    yield Words(call(vote_curves, given), numbers, {*controls.unused(noise)})


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
        controls.norm(ball(start, norm), "norm of the shift"),
        *controls.own(start),
    ]
    own_norm = controls.norm_of if norm is None else None
    return Panel("vote_curves", _vote_curves, chosen, [controls.dim(start.dim or DIM)], own_norm)


# ---- noise ----


def _noise(side: int, **v: Any) -> Steps:
    shown = member(v, dim=side**2)
    yield pictures.noise(shown)
    rows, full = [], at_unit(shown, side**2)
    for norm, values in sample(full)[1].items():
        size = v["sigma"] * (side if norm == 2 else 1)
        mean, spread = size * float(values.mean()), size * values.std()
        drawn = f"{mean:.5g} ± {spread / sqrt(len(values)):.1g}"
        rows.append(
            ({"norm": f"{norm:g}", "mean": mean}, (f"l{norm:g}", drawn, expected(full, norm, size), f"{spread:.3g}"))
        )
    head = {"norm": "left", "mean of the draws": "right", "expected": "right", "their deviation": "right"}
    note = f"{shown.label}, d = {side**2:,}; pixels are cut off at 0 and 1 for display."
    yield Words(call(noise, {"noise": shown}), framed(table(head, rows) + note), {*controls.unused(shown)})


def noise(noise: Noise | None = None) -> Panel:
    """Sliders over what a noise looks like: density in the plane, draws, laws of its norms, a noisy image.

    The parameter and its errors are those of `pictures.noise`: where the sliders start.
    """
    pictures.noise(noise)  # refuses what it cannot draw
    start = noises.Gaussian(0.25) if noise is None else noise
    sides = {f"{n} × {n}": n for n in SIDES}
    image = pick("side", "image", "pixels", sides, round(sqrt(start.dim or 1024)))
    return Panel("noise", _noise, [*controls.law(start), image, *controls.own(start)])
