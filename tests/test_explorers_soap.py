"""The soap bubbles' explorer: its radii and votes, and what waits until the sliders rest."""

import asyncio
from math import inf

import numpy as np
import pytest
from scipy import special

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from panels import table

import rsexplore as rs
from rsexplore.plots.soap_bubbles import SHIFTS


@pytest.fixture(scope="module")
def shared():
    """A panel that tests move about."""
    return rs.explorers.soap_bubbles()


@pytest.fixture
def panel(shared):
    shared.reset.click()
    return shared


def test_soap_bubble_radii_are_those_of_the_package(panel):
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
def test_votes_cross_one_half_at_the_radius(panel, powers):
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


def test_few_coordinates_are_drawn_and_k_next_to_d_is_said_not_to_be(panel):
    panel.move(norm=inf, dim=2)
    noise = rs.noises.PowerGaussian.from_sigma(0.5, 2, k=0.6, power_norm=inf, tail_norm=2)
    radius = float(rs.exact_radius(noise, q_a=0.01, norm=inf))
    assert float(table(panel)["eq. (9)"]["radius"]) == pytest.approx(radius, rel=1e-8)
    assert panel.view.curves.curves[inf, 2.0].get_visible() and not panel.view.curves.refused
    panel.move(k=0.9)
    assert "eq. (9)" not in table(panel) and not panel.view.curves.curves[inf, 2.0].get_visible()
    assert any("eq. (9): no radius here for k above d" in text for text in panel.view.curves.labels.texts)


def test_what_takes_long_waits_until_the_sliders_rest(panel):
    panel.move(norm=inf)

    async def drag():
        for k in (0.31, 0.32, 0.33):
            panel.move(k=k)
            visible = [line.get_visible() for line in panel.view.curves.curves.values()]
            assert visible == [True, False, False]  # eq. (8) alone, at once
            assert any("when the sliders rest" in text for text in panel.view.curves.labels.texts)
        picture = panel.picture
        for _ in range(600):
            await asyncio.sleep(0.02)
            if len(table(panel)) == 4 and "k = 1013.76" in panel.readout.value:
                break
        return picture

    assert asyncio.run(drag()) != panel.picture
    assert set(table(panel)) == {"Gaussian", "eq. (8)", "eq. (9)", "eq. (10)"}
