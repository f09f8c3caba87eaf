"""In a real browser: sliders of notebooks in JupyterLab, whose numbers are `b.radius`, and the page of `make app`.

Screenshots of the notebooks go to the folder that RSEXPLORE_SCREENSHOTS names, or to pytest's own.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

pytest.importorskip("playwright")

from drawn import BOXES, outside, over
from lab import Notebook, free_port, jupyterlab, running, surroundings

import rsexplore as rs
from rsexplore.pictures.page import TABS
from rsexplore.table import rounded_down

LINES = dict(TABS.values())  # what each tab is for, by its title
pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
SIGMA, K, P, ALPHA = "deviation σ", "pull k", "norm of the ball", "failure rate α"


@pytest.fixture(scope="module")
def server():
    """A JupyterLab over the notebooks."""
    with jupyterlab(NOTEBOOKS, RSEXPLORE_QUICK="1") as found:
        yield found


# ---- the first notebook ----


@pytest.fixture(scope="module")
def notebook(fresh, server):
    """00_start_here, run."""
    opened = Notebook(fresh(), server, "00_start_here.ipynb")
    opened.run_all()
    return opened


def assert_readout_is_true(notebook: Notebook) -> None:
    """Every radius that the page shows is what the package computes, here, for the state that the page shows."""
    state, radii = notebook.readout()
    assert "cohen-l2" in radii and len(radii) > 3
    for key, radius in radii.items():
        np.testing.assert_allclose(radius, radius_at(key, state), rtol=1e-9, err_msg=key)


def radius_at(key: str, state: dict[str, str]) -> float:
    """Return a bound's radius for the state that the explorer shows."""
    bound = rs.bounds.get(key)
    noise = getattr(rs.noises, state["noise"]).from_sigma(float(state["sigma"]), int(state["dim"]))
    own = {name: float(state[name]) for name in bound.params if state.get(name)}  # "" where the best order is taken
    norm = float(state["norm"])
    return float(bound.radius(noise, q_a=float(state["qa"]), p_b=float(state["pb"]), norm=norm, **own))


@pytest.mark.parametrize("way", ["keys", "mouse"])
def test_keys_and_mouse_on_a_slider_change_picture_and_numbers(notebook, way):
    before, (state, _) = notebook.settle(), notebook.readout()
    assert_readout_is_true(notebook)
    notebook.press("deviation σ", "ArrowRight", times=3) if way == "keys" else notebook.drag("deviation σ", 40)
    notebook.wait_picture(before)
    assert float(notebook.readout()[0]["sigma"]) > float(state["sigma"])
    assert_readout_is_true(notebook)


def test_a_typed_number_is_taken_as_it_is(notebook):
    before = notebook.settle()
    notebook.enter("deviation σ", "0.3717")
    notebook.wait_picture(before)
    assert (
        notebook.value("deviation σ") == float(notebook.readout()[0]["sigma"]) == 0.3717
    )  # not moved to the slider's grid
    assert_readout_is_true(notebook)


def test_the_picture_follows_the_keys(notebook):
    notebook.settle()
    times = notebook.redraw_times("deviation σ", ["ArrowLeft", "ArrowRight"] * 5)
    print("key press to painted picture, ms:", *(f"{t:.0f}" for t in times))
    assert np.median(times) < 1000  # the target is 50 ms on a quiet machine; a shared one only shows that it is alive


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_narrow_window_no_text_is_cut_or_over_another(notebook, width):
    page = notebook.page
    page.keyboard.press("Control+b")  # without the list of files, which leaves a phone nothing
    page.set_viewport_size({"width": width, "height": 1000})
    notebook.handle(SIGMA)  # brought into view
    notebook.settle()
    for place in range(page.locator(".rsx").count()):
        boxes = page.evaluate(BOXES.replace("document", f"document.querySelectorAll('.rsx')[{place}]"))
        assert len(boxes) > 10 and not outside(boxes) and not over(boxes), place
    cut = "[...document.querySelectorAll('.rsx-panel')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.keyboard.press("Control+b")


def test_every_control_is_reached_and_worked_by_keys(notebook):
    """Tab goes through every control of the panel, "more" opens by Enter, and what is behind it is reached too."""
    page, panel = notebook.page, notebook.page.locator(".rsx-panel").first
    wanted = """panel => [...panel.querySelectorAll(
        'input, select, textarea, button, a[href], .noUi-handle, .rsx svg')].filter(
        e => e.getClientRects().length && !e.disabled && getComputedStyle(e).visibility != 'hidden')"""
    tab = f"panel => {{ const all = ({wanted})(panel); return all.indexOf(document.activeElement); }}"

    def reached() -> set[int]:
        panel.evaluate(f"panel => ({wanted})(panel)[0].focus()")
        found = set()
        while (place := panel.evaluate(tab)) >= 0:
            found.add(place)
            page.keyboard.press("Tab")
        return found

    first = panel.evaluate(f"panel => ({wanted})(panel).length")
    assert reached() == set(range(first))
    panel.get_by_role("button", name="more", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert (every := panel.evaluate(f"panel => ({wanted})(panel).length")) > first
    assert reached() == set(range(every))


@pytest.mark.parametrize("label", ["shift r", "votes against", "runner-up's share", "norm of the shift", SIGMA])
def test_votes_after_a_shift_follow_their_sliders(notebook, label):
    notebook.place = 1  # its second panel
    try:
        move(notebook, label)
        state, _ = notebook.readout()
        noise, norm = rs.noises.Gaussian(float(state["sigma"]), 3072), float(state["norm"])
        least = rs.least_vote(noise, float(state["r"]), q_a=float(state["q_a"]), norm=norm).p_a
        words = notebook.page.locator(".rsx-readout").nth(1).inner_text()
        assert f"exact TIGHT {rounded_down(least)};" in words
    finally:
        notebook.place = 0


def test_no_cell_shows_an_error(notebook):
    assert notebook.errors() == []


def test_a_kernel_that_does_not_answer_is_said_to_be_gone(notebook, server):
    import psutil

    sessions = json.load(urlopen(f"{server.url}/api/sessions?token={server.token}"))
    (session,) = [one["kernel"]["id"] for one in sessions if one["path"] == "00_start_here.ipynb"]
    (kernel,) = [
        p for p in psutil.process_iter(["cmdline"]) if any(session in word for word in p.info["cmdline"] or ())
    ]
    said = notebook.page.get_by_text("The kernel has not answered for 10 s")
    notebook.settle()
    kernel.suspend()
    try:
        notebook.press(SIGMA, "ArrowLeft")
        said.first.wait_for(timeout=30_000)
    finally:
        kernel.resume()
    said.first.wait_for(state="detached", timeout=30_000)
    notebook.settle()
    assert_readout_is_true(notebook)


# ---- notebooks with panels ----


SLIDERS_OF = {  # of each panel of a notebook those to move
    "04_soap_bubbles": ((SIGMA, K, P),),
    "05_hayes": (("shape s", SIGMA, "norms of both"), (SIGMA, "runner-up's share")),
    # its sigma is of the next run, and moves no picture before that; sliders of the panels are over votes
    "07_certify": ((P, ALPHA), ("image", P), (P, ALPHA), (P, ALPHA)),
}


@pytest.fixture
def folder(tmp_path):
    """Where screenshots are kept."""
    path = Path(os.environ.get("RSEXPLORE_SCREENSHOTS") or tmp_path)
    path.mkdir(parents=True, exist_ok=True)
    return path


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


@pytest.mark.parametrize("name", SLIDERS_OF)
def test_sliders_move_the_pictures_of_the_notebook(fresh, server, folder, name):
    page = fresh()
    opened = Notebook(page, server, f"{name}.ipynb")
    opened.run_all()
    for opened.place, sliders in enumerate(SLIDERS_OF[name]):
        page.locator(".rsx svg").nth(opened.place).wait_for()
        for label in sliders:
            move(opened, label)
            assert not page.locator("[role=alert]:visible").all_inner_texts(), label
        page.screenshot(path=str(folder / f"{name}_{opened.place}.png"))
    assert opened.errors() == []
    page.close()


# ---- the page of `make app` ----

ALERTS = '[role="alert"], .jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"], .voila-error'
VOTES = "votes against"
SLIDERS = {"Accuracy": ALPHA, "Two norms": VOTES, "Dimension": VOTES, "Soap bubbles": K}  # else sigma
SIZES = ((390, 844), (1280, 800), (1920, 1080))


def planned(port: int) -> list[str]:
    """Return the command with which `make app` serves the page, for this interpreter."""
    shown = subprocess.run(
        ["make", "-n", "app", f"PORT={port}", "HOST=127.0.0.1"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (line,) = re.findall(r"exec \S+python (-m rsexplore app .*)", shown)
    return [sys.executable, *line.split(), "--no-browser"]


@contextmanager
def served() -> Iterator[str]:
    """Serve the page; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with TemporaryDirectory(prefix="rsexplore-app-", ignore_cleanup_errors=True) as name:
        around = surroundings(Path(name), "", {})
        with running(planned(port), f"{url}voila/static/voila.js", Path(name), ROOT, around):
            yield url


class App(Notebook):
    """The page: the controls of the tab that is open, and its picture."""

    def __init__(self, page: Any, url: str):
        self.page = page
        # Voila's frame asks a distant host for icons, of which the page has none
        page.route(lambda asked: not asked.startswith(url), lambda route: route.abort())
        page.goto(url)
        self.wait_for_picture()

    def wait_for_picture(self) -> None:
        """Wait until the tab that is open shows a picture and numbers."""
        self.page.locator(".rsx svg:visible").first.wait_for(timeout=90_000)

    def open(self, title: str) -> None:
        """Open a tab."""
        self.page.bring_to_front()
        self.page.get_by_role("button", name=title, exact=True).click()
        self.page.get_by_text(LINES[title]).wait_for()
        self.wait_for_picture()

    def row(self, label: str) -> Any:
        """Return the row of the open tab that holds this label and a slider."""
        rows = self.page.locator(".widget-hbox:visible", has=self.page.locator(".noUi-handle"))
        return rows.filter(has=self.page.get_by_text(label, exact=True)).last

    def picture(self) -> str:
        """Return what the visible picture is drawn of."""
        return self.page.locator(".rsx svg:visible").first.evaluate("svg => svg.outerHTML")

    def readout(self) -> Any:
        """Return the words around the visible picture, and last the line that its button copies."""
        words = self.page.locator(".widget-html-content:visible").all_inner_texts()
        return [*words, self.page.locator("[data-code]:visible").first.get_attribute("data-code")]

    def wait_words(self, before: list[str], seconds: float = 30) -> None:
        """Wait until the words differ from `before`: they are written once the slider rests."""
        deadline = time.monotonic() + seconds
        while self.readout() == before:
            assert time.monotonic() < deadline, f"the words did not change within {seconds} s"
            self.page.wait_for_timeout(100)

    def spread(self) -> dict[str, Any]:
        """Return how the page fills the window: its overflow in pixels, and boxes of controls, picture and words."""
        code = """() => {
            const all = [...document.querySelectorAll('.jupyter-widgets, .rsx svg')];
            const shown = all.filter(e => e.getClientRects().length);
            const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
            const image = shown.find(e => e.matches('svg'));
            const grid = shown.filter(e => e.matches('.widget-gridbox > *'));
            const cell = document.querySelector('#rendered_cells');
            return {over: cell.scrollWidth - cell.clientWidth, width: innerWidth, image: box(image),
                    controls: grid.map(box),
                    cut: shown.filter(e => e.matches('.widget-label, .jupyter-button') && e.offsetWidth
                        && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent),
                    unnamed: [...document.querySelectorAll('input:not([type=checkbox]), select, textarea')].filter(
                        e => e.offsetParent && !(e.labels && e.labels.length) && !e.getAttribute('aria-label')).length};
        }"""
        return self.page.evaluate(code)


@pytest.fixture(scope="module")
def app(fresh):
    """The page that `make app` serves, in a Chromium."""
    pytest.importorskip("voila")
    with served() as url:
        yield App(fresh(*SIZES[0]), url)


def overlap(one: list[float], other: list[float]) -> bool:
    """Whether two boxes of (left, top, right, bottom) share more than an edge."""
    return min(one[2], other[2]) - max(one[0], other[0]) > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 1


def test_the_page_says_what_it_is(app):
    assert "certified radii" in app.page.title()
    tabs = app.page.locator(".widget-toggle-buttons button").all_inner_texts()
    assert [tab.strip() for tab in tabs] == [*LINES]


@pytest.mark.parametrize("title", LINES)
def test_keys_on_a_slider_change_the_picture_and_the_numbers(app, title):
    app.open(title)
    before, words = app.settle(), app.readout()
    assert LINES[title] in words
    label = SLIDERS.get(title, SIGMA)
    value = app.value(label)
    app.press(label, "ArrowRight", times=3)
    app.wait_picture(before)
    app.wait_words(words)
    assert app.value(label) != value
    assert app.page.locator(ALERTS).all_inner_texts() == []


@pytest.mark.parametrize("title", LINES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_cut_off_or_lies_over_another(app, title, size):
    app.page.set_viewport_size({"width": size[0], "height": size[1]})
    app.open(title)
    app.settle()
    found = app.spread()
    assert found["over"] <= 0 and found["cut"] == [] and found["unnamed"] == 0
    assert 0 <= found["image"][0] < found["image"][2] <= size[0]
    boxes = [*found["controls"], found["image"]]
    assert [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)] == []
    if size[0] > 390:
        assert found["image"][3] <= size[1] + 60  # controls and picture on one screen


def test_no_code_is_shown_and_none_is_sent(app):
    assert app.page.locator(".jp-InputArea, .cm-editor, .jp-CodeMirrorEditor, textarea:visible").count() == 0
    assert "import rsexplore" not in app.page.content()
