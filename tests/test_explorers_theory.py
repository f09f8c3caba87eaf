"""Explorers of the theory without a browser: move each control, look at the picture, the table and the code line."""

import asyncio
import re
from base64 import b64decode
from math import gamma, inf, isfinite

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

import ipywidgets as widgets
from panels import MOVES, drawn, notes, table
from sample_pictures import REFUSED
from scipy import special

import rsexplore as rs
from reproduce.printed_tradeoffs import weighted
from rsexplore.explorers.controls import Number, member
from rsexplore.pictures import paper
from rsexplore.pictures.picture import Points
from rsexplore.pictures.scaling import Question, chosen
from rsexplore.pictures.soap_bubbles import SHIFTS


@pytest.fixture(scope="module")
def panels():
    """One panel of each explorer, which tests move about."""
    return {name: in_a_kernel(getattr(rs.explorers, name)) for name in MOVES}


@pytest.fixture
def panel_of(panels):
    def fresh(name):
        in_a_kernel(panels[name].reset.click)
        return panels[name]

    return fresh


def in_a_kernel(work):
    """Do it where a loop runs, so that what waits for the sliders to rest is not done."""

    async def run():
        return work()

    return asyncio.run(run())


def number(panel, name: str) -> float:
    return float(re.search(f'data-{name}="([^"]*)"', panel.readout.value)[1])


@pytest.mark.parametrize("name", MOVES)
def test_every_control_moves_the_picture(panel_of, name):
    panel = panel_of(name)
    assert set(MOVES[name]) == set(panel.controls)
    for control, value in MOVES[name].items():
        if control == "shape" and name in ("noise", "vote_curves"):
            in_a_kernel(lambda: panel.move(family=rs.noises.GeneralizedGaussian))
        if late := control == "k" and name == "scaling":
            panel.finish()  # the soap bubbles, which alone depend on it
        picture, code = panel.picture.json(), panel.code.value
        assert panel.controls[control].value != value, control

        def move(control=control, value=value):
            panel.controls[control].value = value
            panel.finish(0)
            panel.pause()

        in_a_kernel(move)
        if late or name == "vote_curves":
            panel.resume()
        assert panel.message.value == "", control
        assert panel.code.value != code, control
        assert panel.picture.json() != picture and panel.chart.picture is panel.picture, control


@pytest.mark.parametrize("name", ["bounds", *MOVES])
def test_controls_have_names_units_and_a_slider_each(name):
    panel = in_a_kernel(getattr(rs.explorers, name))
    sliders = [control.row.children[-1] for control in panel.controls.values() if isinstance(control, Number)]
    assert sliders and all(isinstance(slider, widgets.FloatSlider) for slider in sliders)
    for control in panel.controls.values():
        assert control.field.description and isinstance(control.field, widgets.ValueWidget)
        if control.slider is not None:
            field, unit, slider = control.row.children
            assert field is control.field and isinstance(unit, widgets.Label) and unit.value
            assert slider.tooltip and field.tooltip
    panel.pause()
    for control in (control for control in panel.controls.values() if isinstance(control, Number)):
        panel._held = True  # the slider moves the number alone
        place = (3 * control.slider.min + control.slider.max) / 4
        control.slider.value = place
        assert control.slider.value == pytest.approx(place, abs=control.slider.step)
        assert float(control.field.value) == control.value and control.low < control.value < control.high


@pytest.mark.parametrize("name", MOVES)
def test_reset_and_files(panel_of, name, monkeypatch):
    panel = panel_of(name)
    panel.finish()
    first, picture = panel.code.value, panel.picture.json()
    panel.move(**({"size": 0.77} if name == "scaling" else {"sigma": 0.77}))
    assert panel.code.value != first and panel.code.value.replace('"', "&quot;") in panel.copy.value
    if name != "noise":  # of the others the names alone, as drawing takes seconds
        monkeypatch.setattr(paper, "file", lambda picture, kind: f"{kind}: {picture.title}".encode())
    panel.save.click()
    files = re.findall('download="([^"]*)" href="data:([^;]*);base64,([^"]*)"', panel.saved.value)
    assert [file[0] for file in files] == [f"{name}.{kind}" for kind in ("pdf", "svg", "png", "csv")]
    assert [file[1] for file in files] == ["application/pdf", "image/svg+xml", "image/png", "text/csv"]
    pdf, svg, png, csv = (b64decode(file[2]) for file in files)
    if name == "noise":
        assert pdf.startswith(b"%PDF") and b"<svg" in svg and png.startswith(b"\x89PNG")
    else:
        assert svg.decode() == f"svg: {panel.picture.title}"
    assert csv.decode() == panel.picture.csv()
    panel.reset.click()
    assert panel.code.value == first and panel.saved.value == "" and panel.picture.json() == picture


@pytest.mark.parametrize(("name", "given", "words"), REFUSED)
def test_bad_arguments_are_refused(name, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(rs.explorers, name)(**given)


@pytest.mark.parametrize("p_b", [1.0, 0.2])
def test_the_table_of_renyi_has_the_best_order_and_the_exact_radius(panel_of, p_b):
    panel = panel_of("renyi")
    panel.move(sigma=0.8, q_a=1e-4, share=p_b)
    noise, shown = rs.noises.Gaussian(0.8), table(panel)
    best = float(rs.bounds.get("renyi-l2").radius(noise, q_a=1e-4, p_b=p_b * 1e-4))
    exact = float(rs.exact_radius(noise, q_a=1e-4, p_b=p_b * 1e-4))
    assert float(shown["renyi-l2"]["radius"]) == pytest.approx(best, rel=1e-7)
    assert float(shown["cohen-l2"]["radius"]) == pytest.approx(exact) and exact > best
    assert number(panel, "best") == drawn(panel, Points)["spent at the best order"][0]
    assert number(panel, "mr") >= best**2 / (2 * 0.8**2) * (1 - 1e-9)


def test_the_order_is_there_where_it_is_not_the_best(panel_of):
    panel = panel_of("renyi")
    for best, display in ((False, None), (True, "none")):
        panel.move(best=best)
        assert panel.controls["order"].row.layout.display == display
        assert ("by the shift that this order certifies" in drawn(panel, Points)) is not best


def test_the_printed_tradeoff_is_that_of_its_condition_and_the_table_has_the_pairs(panel_of):
    panel = panel_of("tradeoff")
    panel.finish()
    noise, most = rs.noises.GeneralizedGaussian(1.0, 3.0, dim=3072), rs.tradeoff.budget(q_a=0.01)
    for first, second in list(zip(*drawn(panel)["ℓ_3 radius as printed"], strict=True))[::16]:
        np.testing.assert_allclose(3 / gamma(1 / 3) * first + second**3, most, rtol=1e-8)  # eq. (26)
    pair = number(panel, "first"), number(panel, "second")
    assert rs.tradeoff.largest_divergence(noise, dict(zip((1, 3), pair, strict=True))) == pytest.approx(most, rel=1e-8)
    assert pair == tuple(float(part[0]) for part in drawn(panel, Points)["the pair of that weight"])
    own = rs.tradeoff.balls(noise, q_a=0.01).radii
    words = re.sub("<[^>]*>", " ", panel.readout.value)
    assert all(rs.table.rounded_down(radius) in words for radius in (*own.values(), *pair))
    assert "0.8646 read as" in words and f"{most:.6g} nats" in words  # Hayes 2020 prints 0.86


def test_the_weighted_pair_is_near_the_optimum_of_the_package(panel_of):
    panel = panel_of("tradeoff")
    panel.move(weight=0.6)
    found = weighted(rs.noises.GeneralizedGaussian(1.0, 3.0, dim=3072), {1: 0.6, 3: 0.4}, q_a=0.01)
    shown = np.concatenate(drawn(panel, Points)["the same as printed"])
    np.testing.assert_allclose(shown, [found[1], found[3]], rtol=0.03)  # among 129 points


def test_a_pair_of_norms_without_a_known_frontier_is_said(panel_of):
    panel = panel_of("tradeoff")
    panel.move(shape=4.0)  # norms 1 and 3, and b < shape
    assert panel.message.value == "" and "not known for this shape" in notes(panel)[0]
    assert "each ball on its own" in panel.readout.value and "of that weight" not in panel.readout.value
    assert np.isnan(number(panel, "first"))


@pytest.mark.parametrize("norm", [1.0, 2.0, inf])
def test_scaling_curves_are_radii_and_slopes_of_the_package(panel_of, norm):
    panel = panel_of("scaling")
    panel.move(norm=norm, size=0.7)
    noises = {
        "Gaussian": ("Gaussian", lambda d: rs.noises.Gaussian(0.7, d)),
        "ExponentialLinf": ("exponential in ℓ_∞", lambda d: rs.noises.ExponentialLinf.from_sigma(0.7, d)),
        "eq8": (
            "soap bubble, eq. (8)",
            lambda d: rs.noises.PowerGaussian.from_sigma(0.7, d, k=float(f"{0.3 * d:.12g}")),
        ),
    }
    shown = table(panel)
    for name, (words, of_dim) in noises.items():
        if name not in shown:
            continue
        bound = chosen(name, Question(0.01, norm, k=0.3))
        radii = {d: float(bound.radius(of_dim(d), q_a=0.01, norm=norm)) for d in rs.scaling.DIMS}
        np.testing.assert_allclose(drawn(panel)[words][1], [*radii.values()], rtol=1e-8)
        slope = rs.scaling.exponent(lambda noise, radii=radii: radii[noise.dim], of_dim)
        assert float(shown[name]["slope"]) == pytest.approx(slope.value, abs=1e-6)
        at = float(bound.radius(of_dim(3072), q_a=0.01, norm=norm))
        assert float(shown[name]["radius"]) == pytest.approx(at, rel=1e-8)
    assert "Gaussian" in shown and ("eq8" in shown) == bool(rs.bounds.of(noises["eq8"][1](64), norm))


@pytest.mark.parametrize("family", rs.noises.ALL, ids=lambda cls: cls.__name__)
def test_norms_of_the_draws_agree_with_the_means_that_are_stated(panel_of, family):
    panel = panel_of("noise")
    panel.move(family=family, sigma=0.4, side=16, k=0.3)
    noise, means = (
        member(panel.values, dim=256),
        dict(re.findall(r'data-norm="(\w+)" data-mean="([^"]*)"', panel.readout.value)),
    )
    assert noise.sigma == pytest.approx(0.4) and noise.dim == 256
    for norm, unit, words in ((2, 0.4 * 16, "Euclidean, ‖z‖_2 / (σ √d)"), (inf, 0.4, "largest, ‖z‖_∞ / σ")):
        edges, shares = drawn(panel)[words]
        middles = (edges[1:] + edges[:-1]) / 2
        mean, wide = shares[1:] @ middles, edges[1] - edges[0]
        error = np.sqrt(shares[1:] @ (middles - mean) ** 2 / 400)
        shown = float(means[f"{norm:g}"]) / unit
        assert shares.sum() == pytest.approx(1) and shown == pytest.approx(mean, abs=wide / 2)
        assert abs(shown - noise.mean_norm(norm) / unit) < 4.5 * error


def test_the_density_is_along_an_axis_and_the_diagonal(panel_of):
    panel = panel_of("noise")
    panel.move(family=rs.noises.Laplace)
    t, axis = drawn(panel)["axis"]
    np.testing.assert_allclose(axis, np.exp(-np.sqrt(2) * np.abs(t)), rtol=1e-9)
    np.testing.assert_allclose(drawn(panel)["diagonal"][1], np.exp(-2 * np.abs(t)), rtol=1e-9)


@pytest.mark.parametrize("name", MOVES)
def test_axes_stay_while_a_slider_moves_a_little(panel_of, name):
    panel = panel_of(name)
    key, values = ("size", (0.51, 0.52, 0.53)) if name == "scaling" else ("sigma", (0.611, 0.612, 0.613))
    seen = set()
    for value in values:
        in_a_kernel(lambda value=value: panel.move(**{key: value}))
        plots = panel.picture.plots
        seen.add(tuple(tuple(axis.domain) for plot in plots for axis in (plot.x, plot.y) if axis is not None))
    assert len(seen) == 1


EXTREMES = {
    "bounds": {"noise": rs.noises.ExponentialLinf.from_sigma(0.01, 3072)},
    "bounds, large": {"noise": rs.noises.Gaussian(10.0, 3072)},
    "renyi": {"sigma": 0.01},
    "renyi, large": {"sigma": 10.0, "q_a": 1e-9},
    "scaling": {"size": 0.01, "norm": inf},
    "soap_bubbles": {"sigma": 0.01},
    "tradeoff": {"noise": rs.noises.GeneralizedGaussian.from_sigma(0.01, 3072, shape=3.0)},
    "tradeoff, large": {"noise": rs.noises.GeneralizedGaussian.from_sigma(10.0, 10**6, shape=8.0)},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_at_the_ends_of_the_sliders_the_axes_hold_what_is_drawn(name):
    panel = in_a_kernel(lambda: getattr(rs.explorers, name.split(",")[0])(**EXTREMES[name]))
    assert panel.message.value == ""
    for plot in panel.picture.plots:
        for axis in filter(None, (plot.x, plot.y)):
            assert all(map(isfinite, axis.domain)) and axis.domain[0] != axis.domain[1]
        for item in (item for item in plot.items if isinstance(item, Points)):
            for axis, values in ((plot.x, item.x), (plot.y, item.y)):
                assert min(axis.domain) <= values[0] <= max(axis.domain), item.name


def test_soap_bubble_radii_are_those_of_the_package(panel_of):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf, k=0.2, sigma=0.6)
    shown = table(panel)
    assert set(shown) == {"Gaussian", "eq. (8)", "eq. (9)", "eq. (10)"}
    expected = 0.6 * special.ndtri(0.99) / np.sqrt(3072)
    assert float(shown["Gaussian"]["radius"]) == pytest.approx(expected, rel=1e-6)
    for name, powers in (("eq. (8)", (2, 2)), ("eq. (9)", (inf, 2)), ("eq. (10)", (inf, inf))):
        own = {"power_norm": powers[0], "tail_norm": powers[1]}
        noise = rs.noises.PowerGaussian.from_sigma(0.6, 3072, k=614.4, **own)
        radius = float(rs.exact_radius(noise, q_a=0.01, norm=inf))
        assert float(shown[name]["radius"]) == pytest.approx(radius, rel=1e-8)
        assert drawn(panel, Points)[name] == (0.01, pytest.approx(radius, rel=1e-8))


@pytest.mark.parametrize(("powers", "name"), [((2.0, 2.0), "eq. (8)"), ((inf, inf), "eq. (10)")])
def test_votes_cross_one_half_at_the_radius(panel_of, powers, name):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf, powers=powers, dim=700, q_a=1e-3)
    lines, shown = drawn(panel), table(panel)
    for words in ("Gaussian", name):
        x, y = lines[f"{words}, votes kept"]
        assert y[0] == 1 - 1e-3 and np.all(np.diff(y) < 0)
        assert np.interp(-0.5, -y, x) == pytest.approx(float(shown[words]["radius"]), rel=0.01)
    kept, common = (lines[f"Gaussian, {words}"][1][1:] for words in ("votes kept", "in common"))
    np.testing.assert_allclose(kept, special.ndtr(-special.ndtri(1e-3) * (1 - SHIFTS)), rtol=1e-5)
    np.testing.assert_allclose(common, 2 * special.ndtr(special.ndtri(1e-3) * SHIFTS / 2), rtol=1e-5)


def test_few_coordinates_are_drawn_and_k_next_to_d_is_said_not_to_be(panel_of):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf, dim=2)
    noise = rs.noises.PowerGaussian.from_sigma(0.5, 2, k=0.6, power_norm=inf, tail_norm=2)
    radius = float(rs.exact_radius(noise, q_a=0.01, norm=inf))
    assert float(table(panel)["eq. (9)"]["radius"]) == pytest.approx(radius, rel=1e-8)
    assert "eq. (9)" in drawn(panel) and notes(panel) == []
    in_a_kernel(lambda: (panel.move(k=0.9), panel.finish(0), panel.pause()))  # what it refuses is said at once
    assert "eq. (9)" not in table(panel) and "eq. (9)" not in drawn(panel)
    assert any("eq. (9): no radius here for k above d" in text for text in notes(panel))


def test_what_takes_long_waits_until_the_sliders_rest(panel_of):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf)
    families = {"Gaussian", "eq. (8)", "eq. (9)", "eq. (10)"}

    async def drag():
        for k in (0.31, 0.32, 0.33):
            panel.move(k=k)
            assert set(drawn(panel)) & families == {"Gaussian"}  # at once
            assert any("when the sliders rest" in text for text in notes(panel))
        picture = panel.picture
        for _ in range(4000):
            await asyncio.sleep(0.02)
            if len(table(panel)) == 4 and "k = 1013.76" in panel.readout.value:
                break
        return picture

    assert asyncio.run(drag()) is not panel.picture
    assert set(table(panel)) == families == set(drawn(panel)) & families
