"""Figures, by the data of their artists: they show `Bound.radius`, and nothing covers anything."""

from itertools import combinations
from math import inf

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import rsexplore as rs
from rsexplore.bound import Status
from rsexplore.plots import accuracy, curves, shares, style

GAUSSIAN = rs.noises.Gaussian(0.5, dim=3072)
# r, g, b of a screen (linear) as a person without one kind of cone sees them: Viénot, Brettel and Mollon 1999
LMS = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
MISSING = {
    "deuteranopia": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    "protanopia": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
}


@pytest.fixture
def axes():
    """Two axes with the room that labels and names need."""
    with matplotlib.rc_context(style.PAPER):
        figure = Figure((10, 4.3), dpi=100)
        figure.set_layout_engine("none")
        FigureCanvasAgg(figure)
        yield figure.add_axes((0.08, 0.12, 0.34, 0.8)), figure.add_axes((0.73, 0.12, 0.19, 0.8))


def seen(color: str, kind: str) -> np.ndarray:
    """Linear r, g, b of a colour for a person without one kind of cone."""
    linear = np.array(to_rgb(color)) ** 2.2
    return np.linalg.inv(LMS) @ MISSING[kind] @ LMS @ linear


def test_lines_are_the_radii_of_the_bounds_each_labelled_with_its_status_under_the_shade(axes):
    drawn = curves.radius_curves(axes[0], GAUSSIAN, q_a=1e-3)
    for key, line in drawn.lines.items():
        np.testing.assert_array_equal(line.get_ydata(), rs.bounds.get(key).radius(GAUSSIAN, q_a=drawn.q_a, norm=2))
    texts = [text.replace("\u00a0", " ") for text in drawn.labels.texts]
    assert len(texts) == len(drawn.lines)
    assert all(any(status.value.upper() in text for text in texts) for status in Status)
    assert all(any(status.value.upper() in text for status in Status) for text in texts)
    assert any("exact" in text and "TIGHT" in text for text in texts)
    assert any("KL = χ²" in text for text in texts)  # curves that coincide share a label
    edge = drawn.shade.get_xy()[: len(drawn.q_a)]
    np.testing.assert_array_equal(edge[:, 1], rs.exact_radius(GAUSSIAN, q_a=drawn.q_a))
    assert drawn.note.get_text() == "no certificate\ncan be here"


def test_no_exact_radius_no_shade(axes):
    noise = rs.noises.ExponentialLinf.from_sigma(0.5, dim=3072)
    drawn = curves.radius_curves(axes[0], noise)
    bars = shares.share_bars(axes[1], noise, 1e-3)
    assert not drawn.shade.get_visible() and "not known" in drawn.note.get_text()
    assert axes[1].get_xlabel() == shares.OF_LARGEST and not bars.beyond.get_visible()


def test_a_family_without_bounds_says_so(axes):
    noise = rs.noises.GeneralizedGaussian(0.5, 0.5, dim=64)  # no norm below shape 1
    drawn = curves.radius_curves(axes[0], noise)
    shares.share_bars(axes[1], noise, 1e-3)
    assert "no bound" in drawn.note.get_text() and not drawn.lines


def test_bars_are_shares_in_order_and_what_is_beyond_the_exact_radius_is_marked(axes):
    drawn = shares.share_bars(axes[1], GAUSSIAN, 1e-3)
    exact = float(rs.exact_radius(GAUSSIAN, q_a=1e-3))
    for key, bar in drawn.bars.items():
        radius = float(rs.bounds.get(key).radius(GAUSSIAN, q_a=1e-3))
        assert bar.get_width() == pytest.approx(radius / exact)
        assert bool(bar.get_hatch()) == (radius > exact)
        if rs.bounds.get(key).certifies:
            assert float(drawn.values[key].get_text()) <= radius
    widths = [bar.get_width() for bar in sorted(drawn.bars.values(), key=lambda bar: -bar.get_y())]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize("norm", [2, inf])
@pytest.mark.parametrize("sigma", [0.05, 0.5, 5])
def test_no_label_covers_another_or_leaves_the_figure(axes, sigma, norm, share):
    noise = rs.noises.Gaussian(sigma, dim=3072)
    drawn = curves.radius_curves(axes[0], noise, 1e-3, norm=norm, share=share)
    bars = shares.share_bars(axes[1], noise, 1e-3, norm=norm, share=share)
    figure = axes[0].figure
    figure.canvas.draw()
    texts = [a for a in drawn.labels.artists if hasattr(a, "get_text") and a.get_visible()]
    names = [text for text in bars.names.values() if text.get_visible()]
    boxes = [text.get_window_extent() for text in [*texts, *names, *bars.values.values()]]
    overlaps = [(a, b) for a, b in combinations(boxes, 2) if a.padded(-1.5).overlaps(b.padded(-1.5))]
    assert overlaps == []
    assert all(0 <= box.x0 and box.x1 <= 1000 and 0 <= box.y0 and box.y1 <= 431 for box in boxes)


def test_apart_keeps_order_and_distance():
    placed = style.apart([0.5, 0.5, 0.5, 0.1], [0.1] * 4, 0, 1)
    np.testing.assert_allclose(placed, [0.4, 0.5, 0.6, 0.1])
    crowded = style.apart([1.0, 0.9, 0.99], [0.2, 0.2, 0.2], 0, 1)
    assert np.all(np.diff(np.sort(crowded)) >= 0.2 - 1e-12) and crowded.max() <= 0.9 + 1e-12
    assert style.apart([], [], 0, 1).shape == (0,)


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize(
    "noise", [cls.from_sigma(0.5, dim=64) for cls in rs.noises.ALL], ids=lambda noise: noise.family
)
def test_curves_are_told_apart_without_full_colour_vision(noise, kind):
    looks = [style.look(b) for b in rs.bounds.of(noise, curves.ball(noise))]
    for a, b in combinations(looks, 2):
        same_line = (a.linestyle, a.marker) == (b.linestyle, b.marker)
        # two colours in the same kind of line must differ to that eye; black and white differ by 1.7
        if same_line and np.linalg.norm(seen(a.color, kind) - seen(b.color, kind)) < 0.12:
            pytest.fail(f"{a} and {b}")


def test_as_printed_has_the_colour_of_what_corrects_it():
    for bound in rs.bounds.ALL:
        if bound.corrected_by:
            right = style.look(rs.bounds.get(bound.corrected_by))
            assert style.look(bound).color == right.color and style.look(bound).linestyle != right.linestyle


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got share=0"):
        curves.claims(GAUSSIAN, [0.1], share=0)


@pytest.mark.parametrize(("value", "top"), [(0.9, 1), (1, 1), (1.01, 2), (3.6, 4), (0.0041, 0.007), (99, 100)])
def test_tops_of_axes_are_round(value, top):
    assert style.round_above(value) == pytest.approx(top)


def own_curve(bound: str, right: int = 10, **options):
    """Curve of ten images, the first `right` of them classified right."""
    header = rs.records.Header({"family": "Gaussian", "sigma": 0.5, "dim": 64}, n0=100, n=1000, alpha=0.001)
    rows = [rs.records.Row(i, int(i >= right), {0: 100}, {0: 1000 - 20 * i, 1: 20 * i}, 0.1) for i in range(10)]
    return rs.accuracy.curve(rs.records.from_rows(header, rows), rs.bounds.get(bound), **options)


def legend_of(ax) -> tuple[str, list[str]]:
    legend = ax.get_legend()
    return legend.get_title().get_text(), [text.get_text() for text in legend.get_texts()]


def test_a_curve_without_a_certified_image_is_a_line_at_zero(axes):
    empty = own_curve("cohen-l2", right=0)
    assert len(empty.radii) == 0
    lines = accuracy.certified_accuracy(axes[0], [empty, own_curve("cohen-l2")])
    assert lines[0].get_xydata().tolist() == [[0, 0], [0, 0]] and lines[1].get_ydata()[0] == 1
    assert accuracy.certified_accuracy(axes[1], []) == []
    axes[0].figure.canvas.draw()


def test_every_curve_is_drawn_and_all_differ(axes):
    curves_shown = list(rs.accuracy.shipped().values())
    lines = accuracy.certified_accuracy(axes[0], curves_shown)
    assert len(lines) == len(curves_shown) > len(style.CYCLE)
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines)
    assert {line.get_linestyle() for line in lines[:7]} == {"-"}
    for line, curve in zip(lines, curves_shown, strict=True):
        np.testing.assert_array_equal(line.get_xdata()[1:-1], curve.radii)


def test_one_log_under_several_bounds_is_told_apart_by_labels(axes):
    keys = ("cohen-l2", "kl-l2")
    found = [own_curve(key) for key in keys]
    accuracy.certified_accuracy(axes[0], found, labels=keys)
    assert legend_of(axes[0]) == ("α = 0.001", list(keys))
    accuracy.certified_accuracy(axes[1], found, labels=keys, legend_title="this run, by bound")
    assert legend_of(axes[1]) == ("this run, by bound", list(keys))
    with pytest.raises(ValueError, match="needs one label a curve, got 1 for 2 curves"):
        accuracy.certified_accuracy(axes[0], found, labels=["cohen-l2"])


def test_the_legend_says_only_what_is_known_of_the_training(axes):
    same, other = (rs.accuracy.published("locuslab-smoothing", "imagenet", s, 0.5) for s in (0.5, 0.25))
    accuracy.certified_accuracy(axes[0], [same])
    assert legend_of(axes[0]) == ("trained and certified at (α = 0.01)", ["σ = 0.50"])
    accuracy.certified_accuracy(axes[1], [same, other, own_curve("cohen-l2")])
    names = ["σ = 0.50, trained at 0.50, 500 images, α = 0.01", "σ = 0.50, trained at 0.25, 500 images, α = 0.01"]
    assert legend_of(axes[1]) == ("certified at", [*names, "σ = 0.50, 10 images, α = 0.001"])


def test_levels_and_numbers_of_images_that_differ_are_in_the_legend(axes):
    part, whole = (rs.accuracy.published("locuslab-smoothing", "imagenet", s, s) for s in (0.25, 0.5))
    accuracy.certified_accuracy(axes[0], [part, whole])
    title, names = legend_of(axes[0])
    assert title == "trained and certified at (α = 0.01)"
    assert names == ["σ = 0.25, 427 images", "σ = 0.50, 500 images"]
    cohen = rs.bounds.get("cohen-l2")
    accuracy.certified_accuracy(axes[1], [whole, whole.rescore(cohen, 0.001)], labels=["as logged", "again"])
    assert legend_of(axes[1]) == ("", ["as logged, α = 0.01", "again, α = 0.001"])


def test_a_curve_that_is_no_certificate_or_merely_too_small_says_so(axes):
    keys = ("kl-l2", "kl-l2-printed", "dmr-l2", "tv-l2-printed")
    shown = [own_curve(key, uncertified=True) for key in keys]
    assert (shown[1].radii < shown[0].radii).all()
    accuracy.certified_accuracy(axes[0], shown, labels=["KL", "printed", "D_MR", "TV"])
    names = ["printed  AS PRINTED: sound, but too small", "D_MR  HEURISTIC: no certificate"]
    assert legend_of(axes[0])[1] == ["KL", *names, "TV  AS PRINTED: no certificate"]


def test_curves_in_two_norms_do_not_share_an_axis(axes):
    with pytest.raises(ValueError, match=r"needs curves in one norm, got norms \[2.0, inf\]"):
        accuracy.certified_accuracy(axes[0], [own_curve("cohen-l2"), own_curve("cohen-l2", norm=inf)])


def test_curves_are_asked_for_by_key_and_without_a_dimension(axes):
    drawn = curves.radius_curves(axes[0], rs.noises.Gaussian(0.5), 1e-3, bounds=("cohen-l2", "lipschitz-dimension-l2"))
    assert list(drawn.lines) == ["cohen-l2"]  # the other one needs dim
    every = curves.radius_curves(axes[1], rs.noises.Gaussian(0.5))
    assert "kl-l2" in every.lines and "lipschitz-dimension-l2" not in every.lines
    assert [c.bound.key for c in curves.claims(GAUSSIAN, [0.1], bounds="kl-l2", norm="inf")] == ["kl-l2"]
    with pytest.raises(KeyError, match="did you mean"):
        curves.radius_curves(axes[0], GAUSSIAN, bounds=("cohen",))
    with pytest.raises(rs.bounds.MissingDimensionError, match="needs the dimension"):
        curves.radius_curves(axes[0], rs.noises.Gaussian(0.5), norm="inf")


@pytest.mark.parametrize("norm", [1.0, 2.0, 4.0, inf])
def test_only_radii_that_some_classifier_attains_are_labelled_tight(norm):
    # exact in every norm: Gaussian noise, and eq. (8), whose law is round; in l_1 alone: Laplace, uniform
    attained = {"cohen-lp", "soap-dual-lp"} | ({"laplace-l1", "uniform-l1", "teng-l1-binary"} if norm == 1 else set())
    others = {"gg-kl-exact-lp", "pure-dp-linf", "laplace-l1", "uniform-l1", "teng-l1-binary", "lecuyer-l1"} - attained
    words = {key: rs.bounds.get(key).status_at(norm).value for key in attained | others}
    assert words == dict.fromkeys(attained, "tight") | dict.fromkeys(others, "sound")
