"""`chart.js` in a real browser, on a page that is a file: texts, numbers under the pointer, keys, themes."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import MISSING, fields
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright")

from drawn import BOXES, SETTLED, luminance, page_and_faint, troubles
from sample_pictures import HOSTILE, sample

from rsexplore.pictures import picture as kinds
from rsexplore.pictures.picture import Axis, Line, Picture, Plot, Points, renderer
from rsexplore.table import rounded_down

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (360, 390, 768, 1000, 1280, 1600)
PICTURES = ("as printed", "l_inf", "three logs", "votes", "one image", "renyi", "tradeoff", "scaling", "soap_bubbles",
            "vote_curves", "noise", *HOSTILE)  # fmt: skip
UP = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@pytest.fixture(scope="module")
def page(fresh):
    return fresh(1280, 900)


@pytest.fixture
def opened(page, tmp_path) -> Callable[..., Any]:
    """What opens an HTML text, at a width, in a theme; whatever the page complains of fails the test."""
    said: list[str] = []
    page.on("console", note := lambda message: said.append(message.text))
    page.on("pageerror", error := lambda problem: said.append(str(problem)))
    page.on("request", ask := lambda request: said.extend([request.url] * request.url.startswith("http")))

    def open_page(html: str, width: int = 1280, theme: str = "light") -> Any:
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        page.mouse.move(0, 0)
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield open_page
    for name, listener in (("console", note), ("pageerror", error), ("request", ask)):
        page.remove_listener(name, listener)
    assert said == []


DRAWN = "() => document.querySelector('.rsx svg .plots > g') && !document.querySelector('[data-waiting]')"


def wait(page: Any) -> None:
    page.wait_for_function(DRAWN)
    page.evaluate(SETTLED)


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_is_cut_or_over_another(opened, name):
    page = opened(sample(name).html())
    for width in (*WIDTHS, *WIDTHS[:2]):  # and back: a page that becomes narrow again
        page.set_viewport_size({"width": width, "height": 900})
        wait(page)
        assert not troubles(page, width), width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_texts_can_be_read_in_both_themes(opened, name, theme):
    page = opened(sample(name).html(), theme=theme)
    wait(page)
    paper, faint = page_and_faint(page)
    assert (luminance(paper) < 0.1) == (theme == "dark")
    assert not faint


def value_of(text: str) -> float:
    """The number that a tick says."""
    factor, ten, power = text.replace("−", "-").replace(",", "").rpartition("10")
    if re.fullmatch("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", power):
        return float(f"{factor.rstrip('·') or '1'}e{power.translate(UP)}")
    return float(factor + ten + power)


@pytest.mark.parametrize("name", ["scales", "as printed", "tradeoff", "scaling", "soap_bubbles"])
@pytest.mark.parametrize("width", [390, 1280])
def test_ticks_say_where_they_are(opened, name, width):
    page = opened(sample(name).html(), width)
    wait(page)
    axes = page.evaluate("""[...document.querySelectorAll('.rsx .bottom > g, .rsx .left > g')].map(
        axis => [...axis.querySelectorAll('.tick')].map(
            tick => [tick.__data__, tick.textContent]).filter(([, text]) => text))""")
    for ticks in axes:
        assert name == "soap_bubbles" or len(ticks) > 1  # one has none
        for at, text in ticks:
            assert value_of(text) == pytest.approx(at, rel=1e-9), text


def test_names_of_lines_tell_those_that_end_beyond_the_axes(opened):
    page = opened(sample("lost").html())
    wait(page)
    texts = [text for text, *_ in page.evaluate(BOXES)]
    assert "infinite\u00a0↑" in texts and "below the axes\u00a0↓" in texts
    assert {"with gaps", "single", "empty (no number)", "nothing at all (no number)"} <= set(texts)


# ---- numbers ----


def module(script: str) -> str:
    """A page that runs lines beside the renderer's own text."""
    script = f"{renderer()}\n{script}"
    return f'<!doctype html><meta charset="utf-8"><div id="a"></div><script type="module">{script}</script>'


def test_a_number_that_is_cut_is_what_the_package_prints_and_never_above_it(opened):
    rng = np.random.default_rng(1)
    short, powers = np.round(rng.uniform(0, 10, 2000), 3), 10.0 ** np.arange(-300, 300)
    near = [5e-324, 1.7e308, 0.1, 0.7, 9.9995, 0.99999, 1 - 2**-53, 2000.0, 12345.6, 1e-5]
    spread = rng.uniform(0, 4, 3000), 10 ** rng.uniform(-12, 9, 3000)
    values = np.concatenate([*spread, short, np.nextafter(short, 0), powers, near])
    assert len(values) > 10_000
    page = opened(module("window.cut = values => values.map(roundedDown);"))
    texts = page.evaluate("values => cut(values)", values.tolist())
    for value, text in zip(values.tolist(), texts, strict=True):
        exact = Decimal(value)
        assert Decimal(text) <= exact < Decimal(text) + Decimal(1).scaleb(exact.adjusted() - 3), value
        assert text == rounded_down(value)
    assert page.evaluate("values => cut(values)", [0, -1.23456]) == ["0", "-1.234"]


def seen(page: Any) -> tuple[str, float, str]:
    """Name, number and its text under the pointer, from the texts of the tip."""
    tip = page.evaluate("[...document.querySelectorAll('.rsx .tip text')].map(node => node.textContent)")
    name, _, number = tip[0].rpartition(": ")
    return name, value_of(number.replace("e+", "e")) if number != "∞" else inf, number


def computed(shown: Picture) -> dict[str, set[str]]:
    """What the package prints of each name of lines and marks that are all rounded down."""
    items = [item for plot in shown.plots for item in plot.items if isinstance(item, Line | Points)]
    found: dict[str, set[str]] = {item.name: set() for item in items}
    for item in items:
        found[item.name] |= {rounded_down(y) for y in np.asarray(item.y).tolist()}
    return {name: texts for name, texts in found.items() if all(one.down for one in items if one.name == name)}


@pytest.mark.parametrize("name", ["as printed", "three logs", "soap_bubbles"])
def test_the_pointer_shows_computed_points_alone(opened, name):
    shown = sample(name)
    page, known = opened(shown.html()), computed(shown)
    wait(page)
    box = page.locator(".rsx .bottom path").first.bounding_box()
    rng, found = np.random.default_rng(2), set()
    for across, up in rng.uniform(0.02, 0.98, (40, 2)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] - 300 * up)
        line, _, text = seen(page)
        found.add(line)
        assert line not in known or text in known[line]
    assert len(found & set(known)) > (name == "as printed")
    page.mouse.move(0, 0)
    assert page.locator(".rsx .tip text").count() == 0


def test_keys_go_from_point_to_point_and_from_curve_to_curve(opened):
    x = np.linspace(0, 1, 9)
    root = Line(x=x, y=np.sqrt(x) / 3, name="root", down=True)
    coarse = Line(x=x[::2], y=0.1 + x[::2] / 3, name="coarse", down=True)
    first = Plot(items=(root, coarse), x=Axis(domain=(0, 1), name="r_2"), y=Axis(domain=(0, 1)))
    second = Plot(items=(Line(x=[0], y=[inf], name="far"),))
    page = opened(Picture(title="Keys", desc="", plots=(first, second)).html())
    wait(page)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    live = page.locator(".rsx .live")
    assert live.inner_text() == f"root: {rounded_down(np.sqrt(0.5) / 3)}, r 2 = 0.5"  # the middle one first
    for i in (5, 6, 7, 8, 8):
        page.keyboard.press("ArrowRight")
        assert seen(page)[2] == rounded_down(np.sqrt(x[i]) / 3)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert seen(page)[0] == "coarse" and seen(page)[2] in {rounded_down(0.1 + v / 3) for v in (0.75, 1)}
    page.keyboard.press("ArrowDown")
    assert live.inner_text() == "far: ∞, x = 0"
    page.keyboard.press("ArrowUp")
    assert seen(page)[0] == "coarse"


# ---- the whole ----


def test_a_page_says_what_it_shows_and_survives_its_texts(opened):
    shown = sample("wordy")
    page = opened(shown.html())
    wait(page)
    svg = page.locator(".rsx svg")
    assert page.title() == svg.get_attribute("aria-label") == shown.title
    assert svg.get_attribute("role") == "img" and svg.get_attribute("tabindex") == "0"
    place = svg.get_attribute("aria-describedby")
    assert page.evaluate("id => document.getElementById(id).textContent", place) == shown.desc


def test_fragments_stand_side_by_side(opened):
    both = sample("three logs").html(fragment=True) + sample("as printed").html(fragment=True)
    page = opened(f"<!doctype html><meta charset='utf-8'><body style='width: 700px'>{both}")
    page.wait_for_function("() => document.querySelectorAll('.rsx .plots > g').length === 3")
    assert page.locator(".rsx svg").all()[1].get_attribute("aria-label") == sample("as printed").title
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))


SHOWN = """
window.first = {first}; window.second = {second}; window.element = document.getElementById("a"); window.start = chart;
window.drawn = chart(element, first);
window.bytes = (value, key) => ["x", "y", "grid"].includes(key) && Array.isArray(value)
  ? new DataView(Float64Array.from(value, v => v === null ? NaN : +v).buffer)
  : Array.isArray(value) ? value.map(v => bytes(v)) : value && typeof value === "object"
  ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bytes(v, k)])) : value;
window.count = () => {
  const own = requestAnimationFrame;
  window.frames = 0;
  window.requestAnimationFrame = paint => (frames++, own(paint));
};
window.text = () => element.querySelector("svg").outerHTML.replace(/rsx-[a-z0-9]+/g, "id");
"""


def shown_in_turn(first: str, second: str) -> str:
    return module(SHOWN.replace("{first}", first).replace("{second}", second))


@pytest.mark.parametrize("names", [("Gaussian", "Laplace"), ("three logs", "lost"), ("noise", "one image")])
def test_another_picture_is_drawn_as_if_it_were_the_first(opened, names):
    page = opened(shown_in_turn(*(sample(name).json() for name in names)))
    wait(page)
    before = page.evaluate("text()")
    page.evaluate("count()")
    page.evaluate("document.querySelectorAll('svg path, svg text').forEach(node => node.kept = true)")
    page.evaluate("for (const p of [second, first, second, first]) drawn.show(p)")
    page.evaluate(SETTLED)
    assert page.evaluate("frames") - 3 == 1  # three are of the wait
    assert page.evaluate("text()") == before
    drawn = "document.querySelectorAll('.rsx .curve path, .rsx .lines text')"
    assert page.evaluate(f"[...{drawn}].every(node => node.kept)")
    page.evaluate("drawn.show(second)")
    page.evaluate(SETTLED)
    there = page.evaluate("text()")
    page.evaluate("drawn.stop(); drawn = start(element, bytes(second))")  # as a widget sends it
    page.evaluate(SETTLED)
    page.evaluate(SETTLED)
    assert page.evaluate("text()") == there != before
    page.evaluate("drawn.stop()")
    assert page.locator("#a").inner_html() == ""


def test_a_picture_of_a_later_schema_is_refused_in_words(opened):
    page = opened(shown_in_turn(sample("three logs").json(), "{...first, schema: 99}"))
    wait(page)
    told = page.evaluate("try { drawn.show(second) } catch (error) { error.message }")
    assert told.endswith("schema 1, got 99: take a newer one")


def test_what_the_renderer_assumes_is_what_pictures_leave_out(opened):
    page = opened(module("window.assumed = DEFAULTS;"))
    for kind, assumed in page.evaluate("assumed").items():
        (value,) = (v for v in vars(kinds).values() if getattr(v, "kind", None) == kind)
        own = {f.name: f.default for f in fields(value) if f.default is not MISSING}
        assert {name: own[name] for name in assumed} == assumed
        assert {name for name, value in own.items() if value not in ("", None, False, "ink", "solid")} == set(assumed)


# ---- texts of the package ----


def test_numbers_that_are_not_there_are_json():
    plot = Plot(items=(Line(x=[0, 1, 2], y=[nan, inf, -inf]),))
    read = json.loads(Picture(title="", desc="", plots=(plot,)).json())
    assert read["plots"][0]["items"][0]["y"] == [None, "Infinity", "-Infinity"]


def test_a_widget_sends_float64_and_the_same_renderer():
    pytest.importorskip("anywidget")
    from rsexplore.explorers.panel import Chart

    widget = Chart(sample("as printed"))
    sent = widget.get_state()["picture"]
    line = sample("as printed").plots[0].items[1]
    got = next(item for item in sent["plots"][0]["items"] if item.get("name") == line.name)
    np.testing.assert_array_equal(np.frombuffer(got["y"], "<f8"), line.y)
    assert widget._esm.startswith(renderer())
    widget.picture = sample("three logs")
    assert widget.get_state()["picture"]["title"] == sample("three logs").title


def test_node_reads_the_renderer(tmp_path):
    if not (node := shutil.which("node")):
        pytest.skip("no Node to check the renderer with")
    (tmp_path / "chart.mjs").write_text(renderer(), encoding="utf-8")
    done = subprocess.run([node, "--check", tmp_path / "chart.mjs"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_vendored_keeps_its_licence_and_names_no_host():
    vendor = Path(kinds.__file__).parent / "vendor"
    licence = (vendor / "LICENSE").read_text(encoding="utf-8")
    assert licence in (vendor / "d3.min.js").read_text(encoding="utf-8") and "Permission to use, copy" in licence
    lock = json.loads((vendor / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((vendor / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in package for package in lock["packages"].values())
