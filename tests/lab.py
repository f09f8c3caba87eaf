"""A real JupyterLab on loopback and a headless Chromium in front of it, driven as a person would."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import chromium

from notebooks import stripped

SECOND = 1000  # Playwright counts in milliseconds
ERRORS = '[data-mime-type="application/vnd.jupyter.error"]'
QUIET = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
SETTINGS: dict[str, dict[str, Any]] = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every output is in the page, also what is out of sight
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass(frozen=True)
class Server:
    """Where a running JupyterLab listens, and the token that it asks for."""

    url: str
    token: str

    def address(self, notebook: str) -> str:
        """Return the address that opens one notebook in a fresh workspace."""
        return f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(port: int, root: Path) -> list[str]:
    """Return the command line of a JupyterLab that keeps its token and asks nothing of the network."""
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={root}", "--LabApp.news_url=None"),
        *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly"),
    ]


def surroundings(home: Path, token: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server that leaves nothing in, and takes nothing from, the user's own folders."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
             "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")  # fmt: skip
    for name, values in SETTINGS.items():
        file = home / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    paths = {name: str(home / name) for name in names}
    # one thread for every kernel: a second one that waits for a busy neighbour costs more than it gives
    return {**os.environ, "OMP_NUM_THREADS": "1", **paths, "JUPYTER_TOKEN": token, **extra}


def answers(url: str) -> bool:
    """Whether something answers at an address."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def running(command: list[str], url: str, home: Path, cwd: Path, around: Mapping[str, str]) -> Iterator[None]:
    """Run a server until the block ends; RuntimeError with the end of its log if nothing answers at `url`."""
    log, deadline = home / "server.log", time.monotonic() + 60
    streams: dict[str, Any] = {"stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    with log.open("wb") as out, subprocess.Popen(command, env=around, cwd=cwd, stdout=out, **streams) as process:
        try:
            while not answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not come up: {log.read_text(encoding='utf-8')[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()  # which ends its kernels
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def jupyterlab(notebooks: Path, **environment: str) -> Iterator[Server]:
    """Serve a temporary copy of a folder of notebooks; extra keywords are environment variables of the kernels."""
    with TemporaryDirectory(prefix="rsexplore-lab-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        root = Path(shutil.copytree(notebooks, home / "notebooks", ignore=shutil.ignore_patterns(".*")))
        for path in root.glob("*.ipynb"):  # else a cell that did not run yet looks as if it had
            path.write_text(stripped(path.read_text(encoding="utf-8")), encoding="utf-8")
        port, token = free_port(), secrets.token_hex(16)
        server = Server(f"http://127.0.0.1:{port}", token)
        status = f"{server.url}/api/status?token={token}"
        with running(command(port, root), status, home, root, surroundings(home, token, environment)):
            yield server


@contextmanager
def pages() -> Iterator[Callable[..., Any]]:
    """Yield what opens a page of a headless Chromium, of a width and height; RuntimeError if there is none."""
    from playwright.sync_api import sync_playwright

    if not (path := chromium.find()):
        raise RuntimeError("no Chromium found: `make test` says how to get one")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # root has no sandbox
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*root, *QUIET.split(), "--disable-sync"])

        def opened(width: int = 1400, height: int = 1000) -> Any:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(30 * SECOND)
            return page

        yield opened
        browser.close()


class Notebook:
    """One notebook that is open in JupyterLab: run it, then use its widgets by keyboard and mouse."""

    def __init__(self, page: Any, server: Server, name: str):
        self.page, self.place = page, 0  # which of the pictures is meant, and which panel: the box that it is in
        page.goto(server.address(name))
        self.wait_idle()

    def wait_idle(self, seconds: float = 60) -> None:
        """Wait for "| Idle" at the foot of the window: the toolbar's dot says idle before a kernel is there."""
        foot = self.page.locator("#jp-main-statusbar").get_by_text("| Idle")
        foot.wait_for(timeout=seconds * SECOND)

    def run_all(self, seconds: float = 180) -> None:
        """Run all cells through the menu; AssertionError with the cell's own words if one fails."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
        self.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        done = """errors => document.querySelector(errors) || [...document.querySelectorAll('.jp-CodeCell')].every(
            cell => /^\\[\\d+\\]:$/.test(cell.querySelector('.jp-InputPrompt').textContent.trim())
                || !cell.querySelector('.cm-content').textContent.trim())"""
        self.page.wait_for_function(done, arg=ERRORS, timeout=seconds * SECOND)
        self.wait_idle()
        assert not self.errors(), "\n".join(self.errors())

    def errors(self) -> list[str]:
        """Return the text of every error that a cell shows."""
        return self.page.locator(ERRORS).all_inner_texts()

    def row(self, label: str) -> Any:
        """Return the innermost row of the panel that holds this label and a slider."""
        picture = self.page.locator(".rsx").nth(self.place)
        panel = picture.locator("xpath=ancestor::*[contains(@class, 'rsx-panel')][1]")
        rows = panel.locator(".widget-hbox", has=self.page.locator(".noUi-handle"))
        return rows.filter(has=self.page.get_by_text(label, exact=True)).last

    def handle(self, label: str) -> Any:
        """Return the thumb of the slider in the row with this label, brought into view."""
        handle = self.row(label).locator(".noUi-handle").first
        handle.scroll_into_view_if_needed()
        return handle

    def value(self, label: str) -> float:
        """Return the number beside a slider: its own readout, or the field that is paired with it."""
        shown = self.row(label).locator(".widget-readout:visible")
        if shown.count():
            return float(shown.first.inner_text())
        return float(self.row(label).locator("input[type=text]").first.input_value())

    def press(self, label: str, key: str, times: int = 1) -> None:
        """Press a key on a slider, e.g. ArrowRight."""
        self.handle(label).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def enter(self, label: str, text: str) -> None:
        """Type a number into the field of a slider's row."""
        field = self.row(label).locator("input[type=text]").first
        field.fill(text)
        field.press("Enter")

    def drag(self, label: str, pixels: float) -> None:
        """Drag a slider's thumb sideways with the mouse."""
        box = self.handle(label).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=8)
        self.page.mouse.up()

    def picture(self) -> str:
        """Return what the panel's picture is drawn of."""
        return self.page.locator(".rsx svg").nth(self.place).evaluate("svg => svg.outerHTML")

    def settle(self, seconds: float = 20, rest: float = 0.8) -> str:
        """Wait until picture and numbers have been at rest for a while; return the picture."""
        deadline = time.monotonic() + seconds
        last, since = None, 0.0
        while (now := time.monotonic()) < deadline:
            state = (self.picture(), self.readout())
            if state != last:
                last, since = state, now
            elif now - since > rest:
                return state[0]
            self.page.wait_for_timeout(100)
        raise AssertionError(f"picture and numbers did not come to rest within {seconds} s")

    def wait_picture(self, before: str, seconds: float = 20) -> str:
        """Wait until the picture differs from `before`, then until it is at rest; return it."""
        deadline = time.monotonic() + seconds
        while self.picture() == before:
            assert time.monotonic() < deadline, f"the picture did not change within {seconds} s"
            self.page.wait_for_timeout(50)
        return self.settle(seconds)

    def readout(self) -> tuple[dict[str, str], dict[str, float]]:
        """Return the explorer's state (its data- attributes) and the radius shown for each bound."""
        code = """place => {
            const panel = document.querySelectorAll('.rsx')[place].closest('.rsx-panel');
            const parts = [...panel.querySelectorAll('.rsx-readout, .rsx-readout *')];
            const [bounds, others] = [p => 'key' in p.dataset, p => !('key' in p.dataset)];
            return [Object.assign({}, ...parts.filter(others).map(p => ({...p.dataset}))),
                    Object.fromEntries(parts.filter(bounds).map(p => [p.dataset.key, p.dataset.radius]))];
        }"""
        state, radii = self.page.evaluate(code, self.place)
        return state, {key: float(radius) for key, radius in radii.items()}

    def redraw_times(self, label: str, keys: list[str]) -> list[float]:
        """Press each key on a slider and return the milliseconds from key press to changed, painted picture."""
        arm = """place => { window.rsxRedraw = new Promise(done => {
            let start = null;
            document.addEventListener('keydown', e => { start = e.timeStamp; }, {capture: true, once: true});
            const changed = new MutationObserver(() => {
                if (start === null) return;
                changed.disconnect();
                // a message posted from a frame's callback is delivered once that frame is painted
                const painted = new MessageChannel();
                painted.port1.onmessage = () => done(performance.now() - start);
                requestAnimationFrame(() => painted.port2.postMessage(0));
            });
            const shown = document.querySelectorAll('.rsx svg, .rsx.bare')[place]; // bare: a label to compare with
            changed.observe(shown, {subtree: true, attributes: true, childList: true, characterData: true});
        }); }"""
        self.handle(label).focus()
        times = []
        for key in keys:
            self.page.evaluate(arm, self.place)
            self.page.keyboard.press(key)
            times.append(self.page.evaluate("window.rsxRedraw"))
            self.page.wait_for_timeout(50)
        return times
