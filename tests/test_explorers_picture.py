"""How panels are quick: radii that are kept, text that is copied, pixels that are packed."""

import importlib
import io
from math import inf

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

import rsexplore as rs
from rsexplore.divergences import best_order
from rsexplore.explorers import canvas
from rsexplore.explorers.canvas import Packer, Sprites
from rsexplore.explorers.canvas import labels as labels_of
from rsexplore.plots import renyi
from rsexplore.plots.curves import KeptClaims, claims, merged

GRID, AHEAD = np.geomspace(0.5, 1e-9, 40), (0.3, 0.01, 1e-4)


@pytest.mark.parametrize("library", ["zlib", canvas.deflate.__name__])
def test_png_is_lossless(library, monkeypatch):
    monkeypatch.setattr(canvas, "deflate", importlib.import_module(library))
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    packer = Packer(7, 5)
    packer.png(255 - image)  # of which nothing may be left
    read = imread(io.BytesIO(packer.png(image)), format="png")
    np.testing.assert_array_equal(np.rint(255 * read).astype(np.uint8), image[..., :3])


def test_the_picture_is_the_one_that_matplotlib_draws():
    panel = rs.explorers.bounds()
    canvas, fast = panel.canvas, imread(io.BytesIO(panel.picture), format="png")
    for artist in panel.view.moving:
        artist.set_animated(False)
    canvas._agg.draw()
    slow = np.asarray(canvas._agg.buffer_rgba())[..., :3] / 255
    # anti-aliasing may differ by the fraction of a pixel that a text is moved by; words in other places would not
    assert np.mean(np.abs(fast[..., :3] - slow)) < 0.012


@pytest.mark.parametrize("name", ["bounds", "noise", "renyi", "scaling", "soap_bubbles", "tradeoff"])
def test_what_is_copied_is_what_would_be_drawn(name):
    panel = getattr(rs.explorers, name)()
    for control in panel.controls.values():
        third = len(control.stops) // 3
        for value in control.stops[third : third + 3]:  # what rests for two moves is copied in the third
            control.value = value
            afresh = canvas.Canvas(panel.view.figure).png(panel.view.moving)
            assert panel.picture == afresh, (control.name, value)


def inked(pixels):
    """Box of the pixels that are not white: left, upper, right, lower; and how much ink there is."""
    ink = 255.0 - pixels[..., :3].mean(-1)
    down, right = np.nonzero(ink > 25)
    return (right.min(), down.min(), right.max(), down.max()), ink.sum()


@pytest.mark.parametrize("name", ["bounds", "noise", "renyi", "scaling", "soap_bubbles", "tradeoff"])
def test_every_text_is_written_where_matplotlib_would(name):
    panel = getattr(rs.explorers, name)()
    figure = panel.view.figure
    labels = [text for ax in figure.axes if ax.axison for text in labels_of(ax)]
    moving = [artist for artist in panel.view.moving if isinstance(artist, Text) and artist.get_bbox_patch() is None]
    texts = [text for text in labels + moving if text.get_text() and text.get_visible()]
    assert len(labels) > 5 and len(moving) > 1
    canvas, sprites = FigureCanvasAgg(figure), Sprites(figure)
    renderer = canvas.get_renderer()
    pixels = np.asarray(canvas.buffer_rgba())
    for text in texts:
        text.set_color("black")
        pixels[:] = 255
        text.draw(renderer)
        wanted = inked(pixels)
        pixels[:] = 255
        sprites.draw(pixels.view(np.uint32)[..., 0], [text])
        found = inked(pixels)
        np.testing.assert_allclose(found[0], wanted[0], atol=2, err_msg=text.get_text())
        assert found[1] == pytest.approx(wanted[1], rel=0.05), text.get_text()


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
    panel = getattr(rs.explorers, name.split(",")[0])(**EXTREMES[name])
    figure = panel.view.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            label = axis.label.get_window_extent(renderer)
            numbers = [text for text in labels_of(ax) if text in axis.get_majorticklabels() and text.get_text()]
            if axis.label.get_text():
                assert 0 <= label.x0 and 0 <= label.y0 and label.x1 <= figure.bbox.x1
                assert not any(label.overlaps(text.get_window_extent(renderer)) for text in numbers), name


@pytest.mark.parametrize("place", [(-9, 20), (45, 20), (20, -4), (20, 36), (90, 90)])
def test_text_is_cut_off_at_the_edges(place):
    figure = Figure((0.5, 0.4), dpi=100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    before = pixels.copy()
    words = figure.text(place[0] / 50, place[1] / 40, "N = 1.5", size=8)
    Sprites(figure).draw(pixels.view(np.uint32)[..., 0], [words])
    inked = (pixels != before).any(axis=(0, 1, 2))
    canvas.draw()
    assert inked == (np.asarray(canvas.buffer_rgba()) != before).any()


@pytest.mark.parametrize("family", rs.noises.ALL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_radii_of_deviation_1_grow_to_those_of_the_noise(family, share):
    kept, unit, noise = KeptClaims(GRID, AHEAD), family.from_sigma(1.0, 64), family.from_sigma(0.37, 64)
    for norm in (1.0, 2.0, inf):
        question = {"norm": norm, "share": share, "c": 2.0, "order": None, "printed": True}
        for ahead in (False, True):
            on_grid, found = kept.show(unit, 0.37, 0.01, **question)
            truth, at = claims(noise, GRID, **question), claims(noise, [0.01], **question)
            for got, wanted in ((on_grid, truth), (found, at)):
                assert [c.bound for c in got] == [c.bound for c in wanted]
                for one, other in zip(got, wanted, strict=True):
                    np.testing.assert_allclose(one.radii, other.radii, rtol=1e-8, err_msg=one.bound.key)
                    assert (one.status, one.exact, one.label) == (other.status, other.exact, other.label)
            if not ahead:
                assert [c.title for c in kept.together(on_grid)] == [c.title for c in merged(truth)]
                kept.look_ahead()


def test_a_vote_that_was_looked_up_ahead_evaluates_no_formula(monkeypatch):
    kept, unit = KeptClaims(GRID, AHEAD), rs.noises.Gaussian(1.0, 64)
    question = {"norm": 2.0, "share": 1.0}
    kept.show(unit, 0.5, 0.2, **question)
    kept._answer(unit, question).seconds = 0.0  # whatever else the machine does
    kept.look_ahead()
    monkeypatch.setattr("rsexplore.plots.curves.claims", None)
    for q_a in AHEAD:
        _, found = kept.show(unit, 3.0, q_a, **question)
        exact = next(claim for claim in found if claim.exact)
        assert float(exact.radii[0]) == pytest.approx(float(rs.exact_radius(rs.noises.Gaussian(3.0), q_a=q_a)))


def test_best_orders_found_together_are_those_found_alone():
    votes = [(q_a, p_b) for q_a in (0.31, 0.0123, 3e-7) for p_b in (None, 0.4 * q_a)]
    renyi.look_ahead(votes)
    for q_a, p_b in votes:
        alone = best_order(q_a=q_a, p_b=p_b)
        assert renyi.best(q_a, p_b) == pytest.approx((float(alone.order), float(alone.value)), rel=1e-9)


def test_the_stops_of_a_slider_are_what_it_gives():
    panel = rs.explorers.renyi()
    control = panel.controls["q_a"]
    stops = control.stops
    assert len(stops) == 201 and stops == sorted(stops, reverse=True)
    for place in (0, 17, 100, 200):
        control.slider.value = control.slider.min + place * control.slider.step
        assert control.value == stops[place]
