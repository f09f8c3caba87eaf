"""Pictures of the theory: items hold what the package and closed forms say, and nothing slow comes first."""

import json
from math import inf

import numpy as np
import pytest
from panels import items, line, notes, places
from sample_pictures import OF_THEORY, REFUSED, sample
from scipy.special import ndtr, ndtri

import rsexplore as rs
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, PowerGaussian
from rsexplore.patience import Task
from rsexplore.pictures.noise import noise
from rsexplore.pictures.picture import Image, Line, Points
from rsexplore.pictures.renyi import ORDERS, renyi
from rsexplore.pictures.scaling import Question, growing, scaling_picture
from rsexplore.pictures.shifted import vote_curves
from rsexplore.pictures.soap_bubbles import EQ8, EQ9, EQ10, Bubble, pulled, soap_bubbles, soap_picture
from rsexplore.pictures.tradeoff import tradeoff
from rsexplore.scaling import DIMS
from rsexplore.table import rounded_down
from rsexplore.tradeoff import budget, largest_divergence


@pytest.mark.parametrize("name", OF_THEORY)
def test_a_picture_is_whole(name):
    picture = sample(name)
    stored = json.loads(picture.json())
    assert stored == json.loads(OF_THEORY[name]().json())  # the same values, the same picture
    assert len(picture.desc) > 80 and "nan" not in picture.desc
    for plot in picture.plots:
        assert plot.title and all(axis.label for axis in (plot.x, plot.y) if axis)
    for item, x, y in places(picture):
        assert x.shape == y.shape
        # what has a name and is sound or tight says so to the pointer as well, and rounds down
        assert not item.label.endswith(("SOUND", "TIGHT")) or item.down or not item.name, item.label


@pytest.mark.parametrize(("q_a", "share"), [(1e-3, 1.0), (0.2, 0.4), (1e-9, 1.0)])
def test_renyi_radii_are_those_of_the_bounds(q_a, share):
    p_b = None if share == 1 else share * q_a
    picture, law = renyi(0.7, q_a, share=share, order=1.7), Gaussian(0.7)
    x, y = line(picture, "radius")
    for key, order in (("hellinger-l2", 0.5), ("kl-l2", 1.0), ("chi2-l2", 2.0)):
        radius = rs.bounds.get(key).radius(law, q_a=q_a, p_b=p_b)
        assert y[np.flatnonzero(np.isclose(x, order))] == pytest.approx(radius, rel=1e-9)
        assert rounded_down(radius) in picture.desc
    best = rs.bounds.get("renyi-l2").radius(law, q_a=q_a, p_b=p_b)
    assert line(picture, "at the best order", Points)[1] == pytest.approx(best, rel=1e-8)
    assert y.max() <= best * (1 + 1e-8)
    chosen = line(picture, "by the shift that this order certifies", Points)[1]
    assert chosen == pytest.approx(np.interp(1.7, x, y), rel=1e-4)
    exact = 0.35 * (-ndtri(q_a) - ndtri(q_a if p_b is None else p_b))
    assert line(picture, "exact")[1] == pytest.approx(exact, rel=1e-12) and rounded_down(exact) in picture.desc
    # the steepest ray touches the need and never passes above it elsewhere; that of an order meets it at that order
    (order,), (spent,) = line(picture, "spent at the best order", Points)
    slack = line(picture, "needed")[1] - ORDERS * spent / order
    assert slack.max() < 1e-6 and slack.max() > -1e-3 * spent
    at, need = line(picture, "spent by the shift that this order certifies", Points)
    assert need == pytest.approx(np.interp(at, *line(picture, "needed")), rel=1e-3)


@pytest.mark.parametrize(
    ("law", "norms"), [(GeneralizedGaussian(1.0, 3.0, 3072), (1, 3)), (GeneralizedGaussian(0.3, 4.0, 784), (2, 4))]
)
def test_tradeoff_holds_what_the_divergence_allows(law, norms):
    picture = tradeoff(law, 0.01, norms=norms, weight=0.7)
    first, second = line(picture, f"ℓ_{norms[1]} radius")
    most = budget(q_a=0.01)
    for pair in list(zip(first, second, strict=True))[1:-1:16]:
        assert largest_divergence(law, dict(zip(norms, pair, strict=True))) == pytest.approx(most, rel=1e-6)
    own = rs.tradeoff.balls(law, q_a=0.01, norms=norms).radii
    assert all(rounded_down(radius) in picture.desc for radius in own.values())
    x, y = line(picture, "the pair of that weight", Points)
    score = 0.7 * np.log(first[1:-1]) + 0.3 * np.log(second[1:-1])
    assert 0.7 * np.log(x) + 0.3 * np.log(y) == pytest.approx(score.max())
    assert f"{rounded_down(x[0])}, ℓ_{norms[1]} {rounded_down(y[0])}" in picture.desc
    printed, low = line(picture, f"ℓ_{norms[1]} radius as printed")
    if norms == (1, 3):
        assert f"{printed.max():.2f}" == "1.44" and f"{low.max():.2f}" == "0.86"  # as the paper prints them
    assert f"{low.max():.4g} read as" in picture.desc


def test_tradeoff_says_where_no_frontier_is_known():
    assert notes(tradeoff(norms=(2.0, 4.0))) == ["the frontier of these norms is not known for this shape"]


def test_scaling_curves_are_radii_and_labels_their_slopes():
    first = next(growing(Question(q_a=1e-4, norm=1.0)))
    picture = scaling_picture(first, 0.8, 784)
    dims, radii = line(picture, "Laplace")
    assert tuple(dims) == DIMS
    assert radii == pytest.approx([rs.exact_radius(Laplace.from_sigma(0.8, dim), q_a=1e-4, norm=1) for dim in DIMS])
    assert line(picture, "Gaussian")[1] == pytest.approx(-0.8 * ndtri(1e-4))
    mean = scaling_picture(next(growing(Question(fixed="mean"))))
    for item, x, y in places(mean):
        slope = np.polyfit(np.log(x), np.log(y), 1)[0]
        assert f"slope {round(slope, 2) + 0:.2f}".replace("-", "−") in item.label, item.name
        assert rounded_down(y[-1]) in mean.desc


def test_scaling_leaves_the_soap_bubbles_to_tasks():
    steps = growing(Question(k=0.2))
    first = next(steps)
    assert not {"eq8", "eq10"} & set(first.found)
    (note,) = notes(scaling_picture(first))
    assert note == "soap bubble, eq. (8) and soap bubble, eq. (10): drawn when the sliders rest"
    next(steps).set_result(first.found["Gaussian"])  # in place of seconds of work
    held, task = next(steps), next(steps)
    assert task.words == "radii of soap bubble, eq. (10)"
    task.set_result(None)  # as where the package knows no bound
    last = next(steps)
    assert (line(scaling_picture(held), "soap bubble, eq. (8)")[1] == line(scaling_picture(held), "Gaussian")[1]).all()
    assert not notes(scaling_picture(last))


def test_without_pull_a_soap_bubble_is_the_gaussian():
    picture = soap_bubbles(0.6, k=0.0, dim=900, q_a=0.02)
    exact = -0.6 * ndtri(0.02)
    for name in ("Gaussian", "eq. (8)"):
        q_a, radii = line(picture, name)
        assert radii == pytest.approx(-0.6 * ndtri(q_a), rel=1e-9)
        shift, kept = line(picture, f"{name}, votes kept")
        assert kept == pytest.approx(ndtr((exact - shift) / 0.6), abs=1e-9)
        assert line(picture, f"{name}, in common")[1] == pytest.approx(2 * ndtr(-shift / 1.2), abs=1e-9)
    assert line(picture, "eq. (8)", Points)[1] == pytest.approx(exact, rel=1e-9)
    assert picture.desc.count(rounded_down(exact, 5)) == 2


def test_soap_bubbles_come_by_tasks_what_is_chosen_first():
    bubble = Bubble(k=0.25, dim=40, q_a=0.1, powers=EQ10)
    steps = pulled(bubble)
    first = next(steps)
    assert bubble.norm == inf and set(first.at) == {None} == set(first.curves)
    late = ": drawn when the sliders rest"
    assert notes(soap_picture(first)) == ["eq. (8), eq. (10), eq. (9)" + late, "eq. (10)" + late]
    seen = []
    for step in steps:
        if "eq. (9)" in getattr(step, "words", ""):
            break
        seen.append(step)
        if isinstance(step, Task):
            step.run()
    assert [task.words.split(",")[0] for task in seen if isinstance(task, Task)] == [
        "eq. (10)", "eq. (10)", "votes of eq. (10) after a shift", "eq. (8)", "eq. (8)"
    ]  # fmt: skip
    picture = soap_picture(seen[-1], 0.3)
    law = bubble.noise(EQ10)
    radius = 0.3 * rs.bounds.get("soap-dual-linf").radius(law, q_a=0.1)
    assert line(picture, "eq. (10)", Points)[1] == pytest.approx(radius) and rounded_down(radius, 6) in picture.desc
    shift, kept = line(picture, "eq. (10), votes kept")
    assert np.interp(radius, shift, kept) == pytest.approx(0.5, abs=2e-3)
    # another vote: the curve is at hand, its own radius is not
    again = next(pulled(Bubble(k=0.25, dim=40, q_a=0.2, powers=EQ10)))
    assert set(again.curves) == {None, EQ8, EQ10} and set(again.at) == {None} and set(again.missing) == {EQ8, EQ9, EQ10}


def test_what_the_dual_does_not_resolve_is_said():
    first = next(pulled(Bubble(k=0.99, dim=20, powers=EQ9)))
    assert first.missing[EQ9] == "no radius here for k above d − 0.5" and first.missing[EQ8] != first.missing[EQ9]
    assert "eq. (9): no radius here for k above d − 0.5" in soap_picture(first).desc


def test_noise_is_what_its_law_says():
    picture = noise(Gaussian(1e-9, dim=1024))
    for name in ("axis", "diagonal"):
        t, density = line(picture, name)
        assert density == pytest.approx(np.exp(-(t**2) / 2))
    ((_, x, y),) = places(picture, Points)
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(0, abs=0.1) and x.std() == pytest.approx(1, rel=0.1)
    largest = Gaussian(1.0, dim=1024).mean_norm(inf)
    for name, mean in (("Euclidean, ‖z‖_2 / (σ √d)", 1), ("largest, ‖z‖_∞ / σ", largest)):
        edges, share = line(picture, name)
        assert share.sum() == pytest.approx(1)
        assert share[1:] @ (edges[1:] + edges[:-1]) / 2 == pytest.approx(mean, rel=0.05)
    (image,) = items(picture, Image)
    assert np.asarray(image.pixels) == pytest.approx(rs.data.digits(32).images[0, 0], abs=1e-8)


@pytest.mark.parametrize(("name", "given", "words"), REFUSED)
def test_bad_values_are_named(name, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(rs.pictures, name)(**given)


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_vote_curves_are_least_votes_and_meet_at_the_radius(share):
    law, q_a, p_b = Gaussian(0.7), 0.02, 0.02 * share
    picture, radius = vote_curves(law, 0.4, q_a, share=share), rs.exact_radius(law, q_a=q_a, p_b=p_b)
    left, right = picture.plots
    (before, lengths), near = (plot.grid for plot in picture.plots), {"rtol": 1e-10, "atol": 1e-12}
    before_shift, over_shifts = ({item.label: item.y for item in plot.items if isinstance(item, Line)}
                                 for plot in picture.plots)  # fmt: skip
    exact, most = "exact  TIGHT", "exact  TIGHT: most of another class"
    np.testing.assert_allclose(before_shift[exact], ndtr(ndtri(before) - 0.4 / 0.7), **near)
    np.testing.assert_allclose(before_shift[most], ndtr(ndtri(before) + 0.4 / 0.7), **near)
    np.testing.assert_allclose(over_shifts[exact], ndtr(-ndtri(q_a) - lengths / 0.7), **near)
    np.testing.assert_allclose(over_shifts[most], ndtr(ndtri(p_b) + lengths / 0.7), **near)
    (x,), (y,) = line(picture, "exact radius", Points)
    assert x == pytest.approx(radius, rel=1e-12) and y == pytest.approx(ndtr(-ndtri(q_a) - radius / 0.7), rel=1e-10)
    assert f"they meet at {rounded_down(rs.exact_radius(Gaussian(1.0), q_a=q_a, p_b=p_b))} σ" in right.title
    assert f"p_A ≥ {rounded_down(rs.least_vote(law, 0.4, q_a=q_a).p_a)}, p_B ≤" in left.title
    # of which each says its status; a divergence that is infinite is left out
    labels = {*before_shift, *over_shifts} - {"before"}
    assert len(labels) == 7 and all("TIGHT" in label or label.endswith("  SOUND") for label in labels)
    assert "TIGHT" in picture.desc and f"up to 1 − p_A = {rounded_down(ndtr(-0.4 / 0.7))}" in picture.desc
    assert f'"{left.title}",KL,0.0,0.0\n' in picture.csv()


def test_vote_curves_say_what_is_left_out():
    mixed = vote_curves(PowerGaussian(1.0, 20.0, 100, inf, 2.0), 0.1)
    assert notes(mixed) == ["the exact curve of eq. (9) is left out, as each point takes seconds"]
    shaped = vote_curves(GeneralizedGaussian(0.5, 3.0, 100), 0.3)
    labels = [item.label for item in items(shaped)]
    assert labels == ["before", "KL  SOUND", "KL  SOUND"]
    assert "GeneralizedGaussian noise in the l3 norm is not" in shaped.desc
