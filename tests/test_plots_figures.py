"""What the figures of the notebooks draw."""

import ast
from math import inf
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

from reproduce import figures
from rsexplore.noises import Gaussian

ROOT = Path(__file__).parents[1]


def axes():
    return Figure().subplots()


def test_moments_follow_the_gamma_law():
    grown, shrunk = figures.soap.moments(axes(), dim=100)
    draws = np.linalg.norm(Gaussian(1.0).draw(np.random.default_rng(0), (200_000, 100)), axis=1)
    start = grown.get_xydata()[0]
    assert start == pytest.approx([draws.mean(), draws.var()], rel=0.01)
    assert np.allclose(shrunk.get_ydata() / shrunk.get_xdata() ** 2, start[1] / start[0] ** 2)


def test_eq_8_certifies_the_gaussians_radius_at_equal_votes():
    lines = figures.soap.shares(axes(), dim=3072, powers=(500,), points=5)
    assert np.abs(lines[0].get_ydata()).max() < 1e-3


def test_overlap_of_l1_balls_by_hand():
    # along an axis the overlap of two unit diamonds 1 apart is a diamond of half the size; along a side it is half
    assert figures.laplace.ball_overlaps(Figure().subplots(1, 2)) == pytest.approx([0.5, 1.0], abs=0.02)


def test_lines_of_figure_6_cross_where_the_radii_do():
    ours, _, cohen = figures.laplace.radii(axes())
    ahead = ours.get_xdata()[np.flatnonzero(ours.get_ydata() > cohen.get_ydata() + 1e-12)]
    assert ahead.min() == pytest.approx(0.9536, abs=1e-3)


def test_trade_off_goes_through_the_printed_points():
    printed = figures.hayes.trade_off(axes(), 3, scales=(1.0,))[0]
    x, y = printed.get_data()
    assert (round(float(x[-1]), 2), round(float(y[-1]), 2), round(float(x[0]), 2)) == (0.86, 0.86, 1.44)


def test_envelope_of_the_exponential_mechanism_is_its_own_formula():
    line = figures.unified.envelope(axes(), 3072, sigmas=(1.0,))[1]
    scale = Gaussian(1.0, 3072).mean_norm(inf) / 3072
    most = 0.001 ** (1 / 100_000)
    assert line.get_ydata()[-1] == pytest.approx(255 * scale * np.log(most / (1 - most)) / 2, rel=1e-6)


def test_radii_against_the_dimension_have_the_slopes_of_the_laws():
    lines = figures.dimensions.radii(axes(), norm=inf, dims=(192, 3072, 50_000))
    slopes = [np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0] for line in lines]
    assert slopes == pytest.approx([-0.5, -1, -1, -0.5, -0.5, -1], abs=0.01)


@pytest.mark.parametrize("norm", [1.0, 2.0, 4.0, inf])
def test_only_radii_that_some_classifier_attains_are_labelled_tight(norm):
    # exact in every norm: Gaussian noise, and eq. (8), whose law is round; in l_1 alone: Laplace, uniform
    attained = {"Gaussian", "eq. (8), k = d/6"} | ({"Laplace", "uniform"} if norm == 1 else set())
    lines = figures.dimensions.radii(axes(), norm=norm, dims=(12, 192))
    words = {name: rest.split(", slope")[0] for name, rest in (line.get_label().rsplit(": ", 1) for line in lines)}
    assert {name for name, word in words.items() if word == "tight"} == attained and set(words.values()) > {"sound"}


def test_labels_of_the_laplace_papers_figure_are_true_in_l1():
    labels = [line.get_label() for line in figures.laplace.radii(axes())]
    assert [label.rsplit(": ", 1)[1] for label in labels] == ["tight", "sound", "tight"]


@pytest.mark.parametrize(
    ("c", "p_a", "p_b", "share"),
    [(1, 0.6, 0.01, 1.122), (1, 0.4, 0.01, 1.258), (1, 0.6, 1e-4, 1.549), (1, 0.3, 1e-4, 1.772),
     (3, 0.05, 1e-4, 1.059)],
)  # fmt: skip
def test_corollary_11_exceeds_the_exact_radius_with_more_classes(c, p_a, p_b, share):
    from mpmath import mp, mpf

    normal = lambda p: mp.sqrt(2) * mp.erfinv(2 * mpf(str(p)) - 1)  # noqa: E731
    right = mp.log(mpf(str(p_a)) / mpf(str(p_b))) / (1 + c) / mp.sqrt(2) / ((normal(p_a) - normal(p_b)) / 2)
    lines = figures.unified.corollary_11_rivals(axes(), rivals=(0.1, 0.01, 1e-4))
    (line,) = (one for one in lines if one.get_label() == f"c = {c}, $p_B$ = {p_b:g}")
    assert float(right) == pytest.approx(share, abs=5e-4)
    assert np.interp(p_a, *line.get_data()) == pytest.approx(float(right), rel=1e-3)


def test_the_figure_of_false_certificates_begins_at_a_tie():
    for log in (True, False):
        (heuristic,) = figures.errata.shares_of_exact(axes(), ["dmr-l2"], log=log)
        p_a = 1 - heuristic.get_xdata() if log else heuristic.get_xdata()
        share = heuristic.get_ydata()
        assert p_a.min() < 0.50001 and share.max() == pytest.approx(2 / np.sqrt(np.pi), abs=1e-4)
        assert np.interp([0.501, 0.55], p_a, share) == pytest.approx([1.126, 1.034], abs=5e-4)
        above = p_a[share > 1]
        assert above.max() == pytest.approx(0.573, abs=2e-3) and (share[p_a < 0.572] > 1).all()


def test_figures_of_published_votes_are_read_at_one_level():
    lines = figures.unified.certified(axes(), "cifar10", 1.0)
    ends = {line.get_label(): line.get_xdata().max() for line in lines}
    # c = 1: as printed, the most that 100,000 votes give at 0.001 is 1.694, at 0.01 it would be 1.765
    assert max(x for name, x in ends.items() if name.startswith("trained")) == pytest.approx(1.694, abs=1e-3)
    assert "α = 0.001" in lines[0].axes.get_legend().get_title().get_text()


def test_modules_of_figures_stay_free_of_pyplot():
    for name in ("soap", "hayes", "laplace", "unified", "dimensions"):
        tree = ast.parse((ROOT / "rsexplore" / "plots" / f"{name}.py").read_text(encoding="utf-8"))
        assert "pyplot" not in ast.dump(tree)
