"""Explorers of the theory without a browser: move each control, look at the artists, the table and the pixels."""

import asyncio
import io
import re
from math import gamma, inf

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

import ipywidgets as widgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from matplotlib.text import Text
from panels import table
from PIL import Image
from scipy import special

import rsexplore as rs
from reproduce.printed_tradeoffs import weighted
from rsexplore.explorers.panel import write
from rsexplore.pictures.soap_bubbles import SHIFTS

# for each explorer a value of every control that is not the one it starts at
MOVES = {
    "renyi": {"sigma": 1.3, "q_a": 1e-6, "share": 0.3, "order": 0.7, "best": False},
    "tradeoff": {"shape": 4.0, "norms": (2.0, 4.0), "sigma": 0.9, "q_a": 1e-4, "dim": 784, "weight": 0.9},
    "scaling": {"norm": inf, "fixed": "mean", "size": 1.2, "q_a": 1e-4, "shape": 4.0, "k": 0.6, "dim": 500},
    "soap_bubbles": {"norm": inf, "powers": (inf, inf), "sigma": 1.2, "q_a": 1e-4, "dim": 1500, "k": 0.4,
                     "match": "mode"},
    "noise": {"family": rs.noises.PowerGaussian, "sigma": 0.7, "side": 16, "powers": (inf, 2.0), "k": 0.2,
              "shape": 3.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def panels():
    """One panel of each explorer, which tests move about."""
    return {name: getattr(rs.explorers, name)() for name in MOVES}


@pytest.fixture
def panel_of(panels):
    def fresh(name):
        panels[name].reset.click()
        return panels[name]

    return fresh


def number(panel, name: str) -> float:
    return float(re.search(f'data-{name}="([^"]*)"', panel.readout.value)[1])


@pytest.mark.parametrize("name", MOVES)
def test_every_control_moves_the_same_figure(panel_of, name):
    panel = panel_of(name)
    figure, picture = panel.view.figure, panel.picture
    panel.move(
        **({"family": rs.noises.PowerGaussian} if name == "noise" else {"best": False} if name == "renyi" else {})
    )
    assert set(MOVES[name]) == set(panel.controls)
    for control, value in MOVES[name].items():
        if control == "shape" and name == "noise":
            panel.move(family=rs.noises.GeneralizedGaussian)
        code = panel.code.value
        changed = panel.controls[control].value != value
        panel.controls[control].value = value
        assert panel.message.value == "", control
        if changed:
            assert panel.code.value != code, control
    assert panel.view.figure is figure
    assert panel.picture != picture


@pytest.mark.parametrize("name", MOVES)
def test_the_code_line_gives_the_same_state_again(panel_of, name):
    panel = panel_of(name)
    panel.move(**{key: value for key, value in MOVES[name].items() if key != "family"})
    again = eval(panel.code.value, {"rs": rs})
    assert again.code.value == panel.code.value and again.readout.value == panel.readout.value
    if name != "noise":  # whose panel has other ranges
        np.testing.assert_array_equal(*(imread(io.BytesIO(p.picture), format="png") for p in (again, panel)))


@pytest.mark.parametrize("name", ["bounds", *MOVES])
def test_controls_have_names_units_and_a_slider_each(name):
    for control in getattr(rs.explorers, name)().controls.values():
        assert control.field.description and isinstance(control.field, widgets.ValueWidget)
        if isinstance(control.slider, widgets.FloatSlider):
            assert isinstance(control.row.children[1], widgets.Label) and control.row.children[1].value
            place = (control.slider.min + control.slider.max) / 2
            control.slider.value = place
            assert control.slider.value == pytest.approx(place, abs=control.slider.step)


@pytest.mark.parametrize("name", MOVES)
def test_reset_and_files(panel_of, name):
    panel = panel_of(name)
    first = panel.code.value
    panel.move(sigma=0.77) if "sigma" in panel.controls else panel.move(size=0.77)
    assert panel.code.value != first and panel.code.value.replace('"', "&quot;") in panel.copy.value
    panel.save.click()
    assert re.findall('download="([^"]*)"', panel.saved.value) == [f"{name}.{kind}" for kind in ("pdf", "svg", "png")]
    assert panel.view.saved("pdf").startswith(b"%PDF") and b"<svg" in panel.view.saved("svg")
    picture = panel.picture
    panel.reset.click()
    assert panel.code.value == first and panel.saved.value == "" and panel.picture != picture


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("renyi", {"sigma": -1}, "renyi needs sigma > 0"),
        ("renyi", {"order": 7}, "an order in"),
        ("tradeoff", {"noise": rs.noises.Laplace(1.0)}, "tradeoff needs GeneralizedGaussian noise with dim"),
        ("tradeoff", {"norms": (3, 1)}, "norms 1 <= a < b"),
        ("scaling", {"fixed": "scale"}, "fixed='sigma' or 'mean'"),
        ("scaling", {"k": 1}, r"k in \[0, 1\)"),
        ("soap_bubbles", {"k": -0.1}, r"k in \[0, 1\)"),
        ("soap_bubbles", {"norm": 1}, "norm 2 or inf"),
        ("noise", {"noise": rs.noises.Gaussian(1.0, dim=100)}, "noise needs dim=64, 256, 1024, 4096"),
    ],
)
def test_bad_arguments_are_refused(name, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(rs.explorers, name)(**given)


@pytest.mark.parametrize("p_b", [1.0, 0.2])
def test_renyi_curve_is_the_bound_at_every_order(panel_of, p_b):
    panel = panel_of("renyi")
    panel.move(sigma=0.8, q_a=1e-4, share=p_b)
    curves, renyi, noise = panel.view.curves, rs.bounds.get("renyi-l2"), rs.noises.Gaussian(0.8)
    for order, radius in list(zip(curves.orders, curves.reach.get_ydata(), strict=True))[::24]:
        np.testing.assert_allclose(radius, renyi.radius(noise, q_a=1e-4, p_b=p_b * 1e-4, order=order), rtol=1e-9)
    best = float(renyi.radius(noise, q_a=1e-4, p_b=p_b * 1e-4))
    np.testing.assert_allclose(curves.top[1].get_ydata()[0], best, rtol=1e-7)
    exact = float(rs.exact_radius(noise, q_a=1e-4, p_b=p_b * 1e-4))
    assert curves.exact.get_ydata()[0] == pytest.approx(exact) and exact > best
    # the steepest ray touches the need and never passes above it elsewhere
    slack = curves.need.get_ydata() - curves.orders * curves.steepest.get_ydata()[-1] / curves.orders[-1]
    assert slack.max() < 1e-6 and slack.max() > -2e-3
    assert number(panel, "mr") >= best**2 / (2 * 0.8**2) * (1 - 1e-9)


def test_the_order_moves_the_ray(panel_of):
    panel = panel_of("renyi")
    panel.move(best=False, order=2.0)
    chi2 = float(rs.bounds.get("chi2-l2").radius(rs.noises.Gaussian(0.5), q_a=1e-3))
    assert panel.view.curves.dots[1].get_ydata()[0] == pytest.approx(chi2, rel=1e-9)
    x, y = (np.asarray(d) for d in panel.view.curves.spent.get_data())
    np.testing.assert_allclose(y[-1], x[-1] * chi2**2 / (2 * 0.5**2), rtol=1e-9)
    assert panel.controls["order"].row.layout.display is None
    panel.move(best=True)
    assert panel.controls["order"].row.layout.display == "none"


def test_tradeoff_regions_are_those_of_the_package(panel_of):
    panel = panel_of("tradeoff")
    regions, noise = panel.view.regions, rs.noises.GeneralizedGaussian(1.0, 3.0, dim=3072)
    most = rs.tradeoff.budget(q_a=0.01)
    for first, second in list(zip(*regions.true.get_data(), strict=True))[1:-1:16]:
        spent = rs.tradeoff.largest_divergence(noise, {1: first, 3: second})
        np.testing.assert_allclose(spent, most, rtol=1e-8)
    for first, second in list(zip(*regions.printed.get_data(), strict=True))[::16]:
        np.testing.assert_allclose(3 / gamma(1 / 3) * first + second**3, most, rtol=1e-8)  # eq. (26)
    assert regions.claim.get_ydata()[0] == pytest.approx(0.8646, abs=1e-4)  # Hayes 2020 prints 0.86
    assert regions.ball.get_ydata()[0] == pytest.approx(rs.tradeoff.balls(noise, q_a=0.01).radii[3])


def test_the_weighted_pair_is_near_the_optimum_of_the_package(panel_of):
    panel = panel_of("tradeoff")
    panel.move(weight=0.6)
    found = weighted(rs.noises.GeneralizedGaussian(1.0, 3.0, dim=3072), {1: 0.6, 3: 0.4}, q_a=0.01)
    np.testing.assert_allclose(panel.view.regions.paper_pair, [found[1], found[3]], rtol=0.03)  # among 129 points


def test_a_pair_of_norms_without_a_known_frontier_is_said(panel_of):
    panel = panel_of("tradeoff")
    panel.move(shape=4.0)  # norms 1 and 3, and b < shape
    assert panel.message.value == "" and "not known for this shape" in panel.view.regions.note.get_text()
    assert not panel.view.regions.true.get_visible() and not panel.view.regions.printed.get_visible()


@pytest.mark.parametrize("norm", [1.0, 2.0, inf])
def test_scaling_curves_are_radii_and_slopes_of_the_package(panel_of, norm):
    panel = panel_of("scaling")
    panel.move(norm=norm, size=0.7, k=0.5)
    noises = {
        "Gaussian": lambda d: rs.noises.Gaussian(0.7, d),
        "ExponentialLinf": lambda d: rs.noises.ExponentialLinf.from_sigma(0.7, d),
        "eq8": lambda d: rs.noises.PowerGaussian.from_sigma(0.7, d, k=d / 2),
    }
    shown = table(panel)
    for name, of_dim in noises.items():
        if name not in shown:
            continue
        one = panel.view.curves.found[name]
        radii = [float(one.bound.radius(of_dim(d), q_a=0.01, norm=norm)) for d in rs.scaling.DIMS]
        np.testing.assert_allclose(panel.view.curves.lines[name].get_ydata(), radii, rtol=1e-8)
        slope = rs.scaling.exponent(one.bound, of_dim, q_a=0.01, norm=norm)
        assert float(shown[name]["slope"]) == pytest.approx(slope.value, abs=1e-6)
        at = float(one.bound.radius(of_dim(3072), q_a=0.01, norm=norm))
        assert float(shown[name]["radius"]) == pytest.approx(at, rel=1e-8)
    assert "Gaussian" in shown and ("eq8" in shown) == bool(rs.bounds.of(noises["eq8"](64), norm))


@pytest.mark.parametrize("family", rs.noises.ALL, ids=lambda cls: cls.__name__)
def test_norms_of_the_draws_agree_with_the_means_that_are_stated(panel_of, family):
    panel = panel_of("noise")
    panel.move(family=family, sigma=0.4, side=16, k=0.3)
    noise, drawn = panel.view.noise, dict(re.findall(r'data-norm="(\w+)" data-mean="([^"]*)"', panel.readout.value))
    assert noise.sigma == pytest.approx(0.4) and noise.dim == 256
    for norm in (2, inf):
        values = np.asarray(panel.view.pictures.norms[norm == inf]) * 0.4 * (16 if norm == 2 else 1)
        error = values.std() / np.sqrt(len(values))
        assert float(drawn[f"{norm:g}"]) == pytest.approx(values.mean())
        assert abs(values.mean() - noise.mean_norm(norm)) < 4.5 * error
    assert all(line.get_ydata().sum() == pytest.approx(1) for line in panel.view.pictures.steps.values())


def test_the_density_is_along_an_axis_and_the_diagonal(panel_of):
    panel = panel_of("noise")
    panel.move(family=rs.noises.Laplace)
    t, axis = panel.view.pictures.slices["along an axis"].get_data()
    np.testing.assert_allclose(axis, np.exp(-np.sqrt(2) * np.abs(t)), rtol=1e-9)
    np.testing.assert_allclose(panel.view.pictures.slices["along the diagonal"].get_ydata(), np.exp(-2 * np.abs(t)),
                               rtol=1e-9)  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_axes_are_drawn_anew_only_when_they_change(panel_of, name):
    panel = panel_of(name)
    key, values = ("size", (0.51, 0.52, 0.53)) if name == "scaling" else ("sigma", (0.611, 0.612, 0.613))
    panel.move(**{key: values[0]})
    draws = panel.view.full_draws
    for value in values[1:]:
        panel.move(**{key: value})
    assert panel.view.full_draws == draws


@pytest.mark.parametrize("name", ["bounds", *MOVES])
def test_the_picture_is_the_one_that_matplotlib_draws(name):
    view = getattr(rs.explorers, name)().view
    fast = imread(io.BytesIO(view.png()), format="png")
    for artist in (artist for ax in view.axes for artist in ax.get_children()):
        artist.set_animated(False)
    canvas = FigureCanvasAgg(view.figure)
    canvas.draw()
    slow = np.asarray(canvas.buffer_rgba())[..., :3] / 255
    assert np.mean(np.abs(fast - slow)) < 0.02  # words in other places would be more


def inked(pixels) -> tuple[int, int, int, int]:
    """Box of the pixels that are not white: left, upper, right, lower."""
    down, right = np.nonzero(pixels[..., :3].mean(-1) < 200)
    return right.min(), down.min(), right.max(), down.max()


@pytest.mark.parametrize("name", ["bounds", *MOVES])
def test_every_text_is_written_where_matplotlib_would(name):
    view = getattr(rs.explorers, name)().view
    texts = [text for ax in view.axes for text in ax.get_children() if isinstance(text, Text) and text.get_visible()]
    texts = [text for text in texts if text.get_text() and "$" not in text.get_text()]
    assert len(texts) > 1
    canvas = FigureCanvasAgg(view.figure)
    renderer = canvas.get_renderer()
    pixels = np.asarray(canvas.buffer_rgba())
    for text in texts:
        text.set_color("black")
        pixels[:] = 255
        text.draw(renderer)
        image = Image.new("RGB", canvas.get_width_height(), "white")
        write(image, text)
        found, wanted = (np.array(inked(of)) for of in (np.asarray(image), pixels))
        assert np.abs(found - wanted)[[1, 3]].max() <= 4, text.get_text()
        assert np.abs(found - wanted).max() <= 3 + 0.03 * (wanted[2] - wanted[0]), text.get_text()


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
def test_labels_of_axes_stand_clear_of_their_numbers(name):
    figure = getattr(rs.explorers, name.split(",")[0])(**EXTREMES[name]).view.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        label = axis.label.get_window_extent(renderer)
        numbers = [text for text in axis.get_majorticklabels() if text.get_text()]
        if axis.label.get_text():
            assert 0 <= label.x0 and 0 <= label.y0 and label.x1 <= figure.bbox.x1
            assert not any(label.overlaps(text.get_window_extent(renderer)) for text in numbers), name


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
        assert panel.view.curves.dots[powers].get_ydata()[0] == pytest.approx(radius, rel=1e-8)


@pytest.mark.parametrize("powers", [(2.0, 2.0), (inf, inf)])
def test_votes_cross_one_half_at_the_radius(panel_of, powers):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf, powers=powers, dim=700, q_a=1e-3)
    curves = panel.view.curves
    for line, radius in zip(curves.votes, (curves.gaussian_radius, curves.found[powers]), strict=True):
        x, y = (np.asarray(d) for d in line.get_data())
        assert y[0] == 1 - 1e-3 and np.all(np.diff(y) < 0)
        assert np.interp(-0.5, -y, x) == pytest.approx(radius, rel=0.01)
    x, y = (np.asarray(d) for d in curves.votes[0].get_data())
    np.testing.assert_allclose(y[1:], special.ndtr(-special.ndtri(1e-3) * (1 - SHIFTS)), rtol=1e-5)  # Gaussian
    np.testing.assert_allclose(curves.overlaps[0].get_ydata()[1:], 2 * special.ndtr(special.ndtri(1e-3) * SHIFTS / 2),
                               rtol=1e-5)  # fmt: skip


def test_few_coordinates_are_drawn_and_k_next_to_d_is_said_not_to_be(panel_of):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf, dim=2)
    noise = rs.noises.PowerGaussian.from_sigma(0.5, 2, k=0.6, power_norm=inf, tail_norm=2)
    radius = float(rs.exact_radius(noise, q_a=0.01, norm=inf))
    assert float(table(panel)["eq. (9)"]["radius"]) == pytest.approx(radius, rel=1e-8)
    assert panel.view.curves.curves[inf, 2.0].get_visible() and not panel.view.curves.refused
    panel.move(k=0.9)
    assert "eq. (9)" not in table(panel) and not panel.view.curves.curves[inf, 2.0].get_visible()
    assert any("eq. (9): no radius here for k above d" in text for text in panel.view.curves.labels.texts)


def test_what_takes_long_waits_until_the_sliders_rest(panel_of):
    panel = panel_of("soap_bubbles")
    panel.move(norm=inf)

    async def drag():
        for k in (0.31, 0.32, 0.33):
            panel.move(k=k)
            visible = [line.get_visible() for line in panel.view.curves.curves.values()]
            assert visible == [True, False, False]  # eq. (8) alone, at once
            assert any("when the sliders rest" in text for text in panel.view.curves.labels.texts)
        picture = panel.picture
        for _ in range(4000):
            await asyncio.sleep(0.02)
            if len(table(panel)) == 4 and "k = 1013.76" in panel.readout.value:
                break
        return picture

    assert asyncio.run(drag()) != panel.picture
    assert set(table(panel)) == {"Gaussian", "eq. (8)", "eq. (9)", "eq. (10)"}
