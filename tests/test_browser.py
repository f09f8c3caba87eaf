"""The first notebook in a real JupyterLab: its sliders move the picture, and its numbers are `b.radius`."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright")

import chromium
from lab import Notebook, browser_page, jupyterlab

import rsexplore as rs

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def notebook():
    """00_start_here, run, in a Chromium in front of a JupyterLab of its own."""
    if not chromium.find():
        say = pytest.fail if os.environ.get("RSEXPLORE_REQUIRE_BROWSER") == "1" else pytest.skip
        say("no Chromium found: `make test` says how to get one")
    with jupyterlab(NOTEBOOKS, RSEXPLORE_QUICK="1") as server, browser_page() as page:
        opened = Notebook(page, server, "00_start_here.ipynb")
        opened.run_all()
        yield opened


def assert_readout_is_true(notebook: Notebook) -> None:
    """Every radius that the page shows is what the package computes, here, for the state that the page shows."""
    state, radii = notebook.readout()
    assert "cohen-l2" in radii and len(radii) > 5
    for key, radius in radii.items():
        np.testing.assert_allclose(radius, radius_at(key, state), rtol=1e-9, err_msg=key)


def radius_at(key: str, state: dict[str, str]) -> float:
    """Return a bound's radius for the state that the explorer shows."""
    bound = rs.bounds.get(key)
    noise = getattr(rs.noises, state["noise"]).from_sigma(float(state["sigma"]), int(state["dim"]))
    own = {name: float(state[name]) for name in bound.params if state.get(name)}  # "" where the best order is taken
    norm = float(state["norm"])
    return float(bound.radius(noise, q_a=float(state["qa"]), p_b=float(state["pb"]), norm=norm, **own))


def test_the_first_numbers_are_true(notebook):
    notebook.settle()
    assert_readout_is_true(notebook)


def test_keys_on_a_slider_change_picture_and_numbers(notebook):
    before, (state, _) = notebook.settle(), notebook.readout()
    notebook.press("σ", "ArrowRight", times=3)
    notebook.wait_picture(before)
    assert float(notebook.readout()[0]["sigma"]) > float(state["sigma"])
    assert_readout_is_true(notebook)


def test_the_mouse_on_a_slider_changes_picture_and_numbers(notebook):
    before, (state, _) = notebook.settle(), notebook.readout()
    notebook.drag("σ", 40)
    notebook.wait_picture(before)
    assert float(notebook.readout()[0]["sigma"]) > float(state["sigma"])
    assert_readout_is_true(notebook)


def test_a_typed_number_is_taken_as_it_is(notebook):
    before = notebook.settle()
    notebook.enter("σ", "0.3717")
    notebook.wait_picture(before)
    assert notebook.value("σ") == float(notebook.readout()[0]["sigma"]) == 0.3717  # not moved to the slider's grid
    assert_readout_is_true(notebook)


def test_the_picture_follows_the_keys(notebook):
    notebook.settle()
    times = notebook.redraw_times("σ", ["ArrowLeft", "ArrowRight"] * 5)
    print("key press to painted picture, ms:", *(f"{t:.0f}" for t in times))
    assert np.median(times) < 1000  # the target is 50 ms on a quiet machine; a shared one only shows that it is alive


def test_no_cell_shows_an_error(notebook):
    assert notebook.errors() == []
