"""`make app` in a real browser: every explorer on one page, moved by keyboard, without code and without errors."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("voila")

import chromium
from lab import Notebook, browser_page, free_port, stop, surroundings

from rsexplore.explorers.page import TOPICS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[1]
ALERTS = '[role="alert"], .jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"], .voila-error'
SLIDERS = {"Accuracy": "α", "Two norms": "1 − p_A", "Dimension": "1 − p_A", "Soap bubbles": "k"}  # else σ
SIZES = ((1280, 800), (1920, 1080))


def planned(port: int) -> list[str]:
    """Return the command with which `make app` serves the page, for this interpreter."""
    shown = subprocess.run(
        ["make", "-n", "app", f"PORT={port}", "HOST=127.0.0.1"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (line,) = re.findall(r"exec \S+python (-m voila .*)", shown.replace("\\\n", " "))
    return [sys.executable, *line.replace("$flags", "--no-browser").split()]


@contextmanager
def served() -> Iterator[str]:
    """Serve the page; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with TemporaryDirectory(prefix="rsexplore-app-", ignore_cleanup_errors=True) as name:
        log = Path(name) / "server.log"
        around = surroundings(Path(name), "", {})
        with (
            log.open("wb") as stream,
            subprocess.Popen(planned(port), cwd=ROOT, env=around, stdout=stream, stderr=subprocess.STDOUT) as process,
        ):
            try:
                deadline = time.monotonic() + 60
                while not answers(f"{url}voila/static/voila.js"):
                    alive = process.poll() is None and time.monotonic() < deadline
                    assert alive, f"Voila did not come up: {log.read_text(encoding='utf-8')[-2000:]}"
                    time.sleep(0.1)
                yield url
            finally:
                stop(process)


def answers(url: str) -> bool:
    """Whether something answers at an address."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


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
        self.page.locator("img.widget-image:visible").first.wait_for(timeout=90_000)
        drawn = "[...document.querySelectorAll('img.widget-image')].every(i => i.naturalWidth || !i.offsetParent)"
        self.page.wait_for_function(drawn)

    def open(self, title: str) -> None:
        """Open a tab."""
        self.page.get_by_role("tab", name=title, exact=True).click()
        self.wait_for_picture()

    def row(self, label: str) -> Any:
        """Return the row of the open tab that holds this label and a slider."""
        rows = self.page.locator(".widget-hbox:visible", has=self.page.locator(".noUi-handle"))
        return rows.filter(has=self.page.get_by_text(label, exact=True)).last

    def picture(self) -> str:
        """Return where the browser holds the visible picture, which is another place for each picture."""
        return self.page.locator("img.widget-image:visible").first.get_attribute("src")

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
            const all = [...document.querySelectorAll('.jupyter-widgets, img.widget-image')];
            const shown = all.filter(e => e.offsetParent);
            const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
            const image = shown.find(e => e.matches('img'));
            const grid = shown.filter(e => e.matches('.widget-gridbox > *'));
            const cell = document.querySelector('#rendered_cells');
            return {over: cell.scrollWidth - cell.clientWidth, width: innerWidth, image: box(image),
                    ratio: image.clientWidth / image.naturalWidth, controls: grid.map(box),
                    cut: shown.filter(e => e.matches('.widget-label, .jupyter-button') && e.offsetWidth
                        && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent),
                    unnamed: [...document.querySelectorAll('input:not([type=checkbox]), select, textarea')].filter(
                        e => e.offsetParent && !(e.labels && e.labels.length) && !e.getAttribute('aria-label')).length};
        }"""
        return self.page.evaluate(code)


@pytest.fixture(scope="module")
def app():
    """The page that `make app` serves, in a Chromium."""
    if not chromium.find():
        say = pytest.fail if os.environ.get("RSEXPLORE_REQUIRE_BROWSER") == "1" else pytest.skip
        say("no Chromium found: `make test` says how to get one")
    with served() as url, browser_page(*SIZES[0]) as page:
        yield App(page, url)


def overlap(one: list[float], other: list[float]) -> bool:
    """Whether two boxes of (left, top, right, bottom) share more than an edge."""
    return min(one[2], other[2]) - max(one[0], other[0]) > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 1


def test_the_page_says_what_it_is(app):
    assert "certified radii" in app.page.title()
    assert [tab.strip() for tab in app.page.get_by_role("tab").all_inner_texts()] == [topic.title for topic in TOPICS]


@pytest.mark.parametrize("title", [topic.title for topic in TOPICS])
def test_keys_on_a_slider_change_the_picture_and_the_numbers(app, title):
    app.open(title)
    before, words = app.settle(), app.readout()
    assert next(topic.line for topic in TOPICS if topic.title == title) in words
    label = SLIDERS.get(title, "σ")
    value = app.value(label)
    app.press(label, "ArrowRight", times=3)
    app.wait_picture(before)
    app.wait_words(words)
    assert app.value(label) != value
    assert app.page.locator(ALERTS).all_inner_texts() == []


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("title", [topic.title for topic in TOPICS])
def test_nothing_is_cut_off_or_lies_over_another(app, title, size):
    app.page.set_viewport_size({"width": size[0], "height": size[1]})
    app.open(title)
    app.settle()
    found = app.spread()
    assert found["over"] <= 0 and found["cut"] == [] and found["unnamed"] == 0
    assert found["ratio"] == pytest.approx(1, abs=0.01) and 0 <= found["image"][0] < found["image"][2] <= size[0]
    boxes = [*found["controls"], found["image"]]
    assert [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)] == []
    assert found["image"][3] <= size[1]  # controls and picture on one screen


def test_no_code_is_shown_and_none_is_sent(app):
    assert app.page.locator(".jp-InputArea, .cm-editor, .jp-CodeMirrorEditor, textarea:visible").count() == 0
    assert "import rsexplore" not in app.page.content()
