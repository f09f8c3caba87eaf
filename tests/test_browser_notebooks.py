"""Notebooks in a real JupyterLab: all cells run, every slider named here moves the picture, no cell shows an error.

Screenshots go to the folder that RSEXPLORE_SCREENSHOTS names, or to pytest's own.
"""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("playwright")

import chromium
from lab import Notebook, browser_page, jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


class Shown(NamedTuple):
    """A notebook, and for each of its panels the sliders to move; of several names of one the first that is there."""

    notebook: str
    panels: tuple[tuple[tuple[str, ...], ...], ...]


SIGMA, K, P, ALPHA = ("σ", "sigma"), ("k",), ("norm p", "p"), ("alpha", "α", "1 − α")
ALL = (
    Shown("00_start_here", ((SIGMA, P),)),
    Shown("04_soap_bubbles", ((SIGMA, K, ("norm p", "ball", "norm")),)),
    Shown("05_hayes", ((("shape s",), SIGMA, ("norms",)), (SIGMA, ("p_B",)))),
    # its sigma is of the next run, and moves no picture before that; sliders of the panels are over votes
    Shown("07_certify", ((P, ALPHA), (("image",), P), (P, ALPHA), (P, ALPHA))),
)


@pytest.fixture(scope="module")
def server():
    """A JupyterLab over the notebooks."""
    if not chromium.find():
        say = pytest.fail if os.environ.get("RSEXPLORE_REQUIRE_BROWSER") == "1" else pytest.skip
        say("no Chromium found: `make test` says how to get one")
    with jupyterlab(NOTEBOOKS, RSEXPLORE_QUICK="1") as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    """Where screenshots are kept."""
    given = os.environ.get("RSEXPLORE_SCREENSHOTS")
    path = Path(given) if given else tmp_path
    path.mkdir(parents=True, exist_ok=True)
    return path


def label_of(opened: Notebook, names: tuple[str, ...]) -> str:
    """The name under which the panel has this slider; AssertionError if it has it under none."""
    opened.page.locator("img.widget-image").nth(opened.place).wait_for()
    found = [name for name in names if opened.row(name).count() and opened.row(name).is_visible()]
    assert found, f"panel {opened.place} has no slider called {' or '.join(names)}"
    return found[0]


def where(opened: Notebook, label: str) -> str:
    """Where the thumb is; its `aria-valuenow` has one decimal only."""
    return opened.handle(label).locator("..").get_attribute("style")


def push(opened: Notebook, label: str) -> None:
    """Push a slider three steps one way, or the other where it is at its end; it must move."""
    start = where(opened, label)
    opened.press(label, "ArrowRight", times=3)
    opened.page.wait_for_timeout(300)
    if where(opened, label) == start:
        opened.press(label, "ArrowLeft", times=3)
    assert where(opened, label) != start


def move(opened: Notebook, label: str) -> None:
    """Push a slider; the picture must change."""
    before = opened.settle()
    push(opened, label)
    assert opened.wait_picture(before, seconds=40) != before


@pytest.mark.parametrize("shown", ALL, ids=lambda shown: shown.notebook)
def test_sliders_move_the_pictures_of_the_notebook(server, folder, shown):
    if not (NOTEBOOKS / f"{shown.notebook}.ipynb").exists():
        pytest.skip(f"there is no notebook {shown.notebook} yet")
    with browser_page() as page:
        opened = Notebook(page, server, f"{shown.notebook}.ipynb")
        opened.run_all()
        for opened.place, sliders in enumerate(shown.panels):
            for names in sliders:
                label = label_of(opened, names)
                move(opened, label)
                assert not page.locator("[role=alert]:visible").all_inner_texts(), label
            opened.screenshot(folder / f"{shown.notebook}_{opened.place}.png")
        assert opened.errors() == []
