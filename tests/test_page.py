"""The page of the explorers, as it is stored: what it holds, prints, shows and can be done without a mouse."""

import json
import re
import zlib
from base64 import b64decode
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import SETTLED, page_and_faint, troubles

from rsexplore.noises import GeneralizedGaussian
from rsexplore.patience import at_once
from rsexplore.pictures.bounds import bounds, claims
from rsexplore.pictures.renyi import renyi
from rsexplore.pictures.scaling import SLOW
from rsexplore.pictures.shifted import vote_curves
from rsexplore.pictures.soap_bubbles import Bubble, pulled, soap_picture
from rsexplore.pictures.tradeoff import tradeoff
from rsexplore.table import rounded_down

page = import_module("rsexplore.pictures.page")
FILE = Path(__file__).parents[1] / "docs" / "explorer.html"
HTML = FILE.read_text(encoding="utf-8")
TOPICS = {topic.name: topic for topic in page.topics()}
WIDTHS = (360, 390, 768, 1000, 1280, 1600)
CHEAP = 6  # states of a topic that are computed anew


def packed(name: str) -> bytes:
    return zlib.decompress(b64decode(re.search(rf'id="{name}">([^<]*)<', HTML)[1]))


TABLES, FLOATS = json.loads(packed("tables")), np.frombuffer(packed("floats"), "<f8")


def whole(value: Any, floats: Any = FLOATS) -> Any:
    """A stored value with its arrays in their places."""
    if isinstance(value, str) and re.match("~[0-9]", value):
        start, count = map(int, value[1:].split(","))
        return floats[start : start + count]
    if isinstance(value, list):
        return [whole(each, floats) for each in value]
    return {key: whole(each, floats) for key, each in value.items()} if isinstance(value, dict) else value


def same(a: Any, b: Any) -> bool:
    """Whether two stored values are the same, numbers to what another machine may change."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | float):
        return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-9, atol=1e-300, equal_nan=True)
    if isinstance(a, str) and "{=" in a:
        return re.sub("{=.*?}", "", a) == re.sub("{=.*?}", "", b)
    return a == b


def test_it_is_one_small_file_that_asks_nobody():
    assert len(HTML.encode()) <= 1_500_000
    assert not re.search(
        r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|url\(|fetch\(|XMLHttp", HTML.partition('id="tables"')[0]
    )
    assert re.findall(r"<(?:script|link|img|iframe)[^>]*\bsrc=", HTML) == []
    stored = (re.search(rf'id="{name}">([^<]*)<', HTML)[1] for name in ("tables", "floats"))
    assert page.shell(*stored) == HTML, "write it anew: rsexplore page docs/explorer.html"
    assert TABLES["natural"] == page.natural()


@pytest.mark.parametrize("name", TOPICS)
def test_it_is_what_a_fresh_build_writes(name):
    topic, (tab,) = TOPICS[name], [tab for tab in TABLES["topics"] if tab["name"] == name]
    states = topic.states()
    assert [*tab["states"]] == [*states]
    assert tab["controls"] == json.loads(json.dumps(page.tab(topic)["controls"]))
    count = 2 if name == "soap_bubbles" else CHEAP
    for texts in np.random.default_rng(len(name)).choice([*states], count, replace=False):
        arrays = page.Arrays()
        fresh = json.loads(json.dumps(page.stored(topic, topic.make(**states[texts]), arrays)))
        fresh = whole(fresh, np.frombuffer(b"".join(arrays.held), "<f8"))
        assert same(whole(tab["states"][texts]), fresh), texts


def test_a_start_is_among_the_states_and_controls_say_what_the_panels_say(monkeypatch):
    pytest.importorskip("ipywidgets")
    import rsexplore.explorers as explorers
    from rsexplore.explorers.panel import Panel

    monkeypatch.setattr(Panel, "changed", lambda *given: None)  # the controls alone
    for name, topic in TOPICS.items():
        panel = getattr(explorers, name)()
        for control in topic.controls:
            assert not control.options or control.start in control.options
            assert panel.controls[control.name].field.description == control.label


# ---- in a browser ----

pytest.importorskip("playwright")


def in_a_browser(test):
    return pytest.mark.browser(pytest.mark.slow(test))


@pytest.fixture(scope="module")
def opened(fresh):
    """The stored page; what it complains of, or asks of a network, fails the tests."""
    shown, said = fresh(1280, 900), []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda problem: said.append(str(problem)))
    shown.on("request", lambda request: said.extend([request.url] * request.url.startswith("http")))
    shown.goto(FILE.as_uri())
    shown.wait_for_function("() => window.rsexplore && document.querySelector('.rsx .plots > g')")
    yield shown
    assert said == []


def go(shown: Any, link: str) -> None:
    """Open a state by its link."""
    shown.evaluate("link => { location.hash = link }", link)
    shown.wait_for_function(
        "link => document.querySelector('#tabs [aria-pressed=true]') && location.hash.includes(link)",
        arg=link.partition("&")[0],
    )
    shown.evaluate(SETTLED)


PICTURE = """([name, state]) => { const topic = rsexplore.topics.find(one => one.name === name);
    const picture = rsexplore.pictureOf(topic, state);
    return JSON.parse(JSON.stringify({ picture, rows: rsexplore.numbersOf(picture) }, (key, value) =>
      value instanceof Float64Array ? Array.from(value, String) : value)); }"""


def picture_of(shown: Any, name: str, **state: str) -> dict[str, Any]:
    start = {control.name: control.start for control in TOPICS[name].controls}
    return shown.evaluate(PICTURE, [name, start | state])


def links(name: str, count: int) -> list[str]:
    """Links to a topic's start and to some of its states, at some deviations."""
    topic, rng = TOPICS[name], np.random.default_rng(1)
    found = [f"tab={name}"]
    for _ in range(count):
        texts = {
            c.name: str(rng.choice([*c.options])) if c.options else f"{10 ** rng.uniform(-2, 1):.4g}"
            for c in topic.controls
        }
        found.append("&".join([f"tab={name}", *(f"{key}={text}" for key, text in texts.items())]))
    return found


@in_a_browser
@pytest.mark.parametrize("name", TOPICS)
def test_no_text_is_cut_or_over_another_and_all_can_be_read(opened, name):
    for theme in ("light", "dark"):
        opened.emulate_media(color_scheme=theme)
        for link in links(name, 3 if theme == "light" else 1):
            go(opened, link)
            for width in WIDTHS:
                opened.set_viewport_size({"width": width, "height": 900})
                opened.evaluate(SETTLED)
                assert not troubles(opened, width), (link, width)
            assert not page_and_faint(opened)[1]
    opened.emulate_media(color_scheme="light")
    opened.set_viewport_size({"width": 1280, "height": 900})


STATE = "location.hash + document.querySelector('#place desc').textContent"


@in_a_browser
@pytest.mark.parametrize("name", TOPICS)
def test_every_control_can_be_moved_by_keys(opened, name):
    go(opened, f"tab={name}")
    opened.keyboard.press("Tab")
    for field in opened.locator("#controls :is(input, select)").element_handles():
        if not field.is_visible():  # some mean nothing beside others
            continue
        field.focus()
        before, kind = opened.evaluate(STATE), field.get_attribute("type")
        keys = {"range": ("ArrowRight", "ArrowLeft"), "checkbox": ("Space",)}.get(kind, ("ArrowDown", "ArrowUp"))
        if field.get_attribute("inputmode"):
            field.fill("0.3")
            keys = ("Enter",)
        for key in keys:  # the second where the first is at the end of its way
            if opened.evaluate(STATE) == before:
                opened.keyboard.press(key)
                opened.wait_for_timeout(250)
        assert opened.evaluate(STATE) != before, (name, kind)
        assert field.evaluate("node => node === document.activeElement")  # who presses on goes on
    tools = opened.locator("#tools button")
    tools.first.focus()
    opened.keyboard.press("Enter")
    opened.wait_for_timeout(250)
    assert opened.evaluate("location.hash") == f"#tab={name}"


BARS = """states => states.map(state => { const plot = rsexplore.pictureOf(rsexplore.topics[0], state).plots[1];
    return plot?.items.find(item => item.kind === 'bars').rows.map(row => [row.name, row.text, row.fill]) ?? []; })"""


@in_a_browser
def test_ten_thousand_printed_radii_are_what_the_package_prints(opened):
    topic, rng, count = TOPICS["bounds"], np.random.default_rng(3), 0
    votes = {f"{q:g}": q for q in page.VOTES}
    options = {control.name: control.options for control in topic.controls if control.options}
    for turn in range(1000):
        state = {name: str(rng.choice([*texts])) for name, texts in options.items()} | {
            "sigma": f"{10 ** rng.uniform(-2, 1):.4g}"
        }
        state["family"] = [*options["family"]][turn % 5] if turn % 2 else "Gaussian"
        kind = options["family"][state["family"]]
        own = {"shape": options["shape"][state["shape"]]} if kind is GeneralizedGaussian else {}
        noise, norm = kind.from_sigma(float(state["sigma"]), int(state["dim"]), **own), options["norm"][state["norm"]]
        printed = {
            claim.title: claim.radii for claim in claims(noise, [*votes.values()], norm=norm) if claim.status.certifies
        }
        shown = opened.evaluate(BARS, [state | {"q_a": text} for text in votes])
        for i, rows in enumerate(shown):
            for name, text, fill in rows:
                if fill != "hollow" and name.partition(" = ")[0] in printed and "as printed" not in name:
                    assert text == rounded_down(float(printed[name.partition(" = ")[0]][i])), (state, i, name)
                    count += 1
        if count >= 10_000:
            return
    raise AssertionError(f"only {count} radii were compared")


def drawn(picture: dict[str, Any]) -> list[Any]:
    """Titles, domains and numbers of a picture, to compare."""

    def numbers(plot: dict[str, Any]) -> list[Any]:
        named = [item for item in plot["items"] if item.get("name") and item["kind"] in ("line", "points")]
        return [(item["name"], [float(v) for v in item["y"]]) for item in named]

    axes = ([plot[axis]["domain"] for axis in "xy" if plot.get(axis)] for plot in picture["plots"])
    return [(plot.get("title", ""), ends, numbers(plot)) for plot, ends in zip(picture["plots"], axes, strict=True)]


def compared(shown: Any, theirs: Any, name: str, **state: str) -> list[Any]:
    """Assert that the page draws that picture, and return the rows of its numbers."""
    found = picture_of(shown, name, **state)
    ours, theirs = drawn(found["picture"]), drawn(theirs.data())
    assert [plot[0] for plot in ours] == [plot[0] for plot in theirs]
    for (_, a, mine), (_, b, other) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
        assert [name for name, _ in mine] == [name for name, _ in other]
        for (name, x), (_, y) in zip(mine, other, strict=True):
            assert len(x) < len(y) or np.allclose(x, y, rtol=1e-9, equal_nan=True), name
    return found["rows"]


@in_a_browser
def test_a_picture_is_that_of_the_package_at_its_deviation(opened):
    rng = np.random.default_rng(4)
    for sigma in ("0.01", "0.037", "0.5", "1", "2.345", "10", *(f"{s:.5g}" for s in 10 ** rng.uniform(-2, 1, 6))):
        size = float(sigma)
        for order, value in (("best", None), ("2", 2.0)):
            compared(opened, renyi(size, 1e-3, order=value), "renyi", sigma=sigma, order=order)
        for shift in (0.5, 3.0):
            theirs = vote_curves(page.noises.Laplace.from_sigma(size), shift * size)
            rows = compared(opened, theirs, "vote_curves", sigma=sigma, r=f"{shift:g}", family="Laplace")
            assert [row[0] for row in rows] == ["exact", "KL", "D_∞", "exact radius"]
        noise = GeneralizedGaussian.from_sigma(size, 3072, shape=3.0)
        compared(opened, tradeoff(noise, 0.01), "tradeoff", sigma=sigma)
        question = page.Question(0.01, 2.0, 3.0, 0.0, "sigma")
        found = {name: None if name in SLOW else page.growth(name, question) for name in page.FAMILIES}
        compared(opened, page.scaling_picture(page.Numbers(question, found), size), "scaling", size=sigma)
        for every, printed in (("False", "False"), ("True", "False"), ("False", "True")):
            gaussian = page.noises.Gaussian(size, 3072)
            shown = picture_of(opened, "bounds", sigma=sigma, every=every, printed=printed)["picture"]
            theirs = bounds(gaussian, 1e-3, printed=printed == "True").data()
            assert shown["title"] == theirs["title"] and shown["plots"][1]["title"] == theirs["plots"][1]["title"]
            (bars,), (whole_bars,) = (
                [i for i in p["plots"][1]["items"] if i["kind"] == "bars"] for p in (shown, theirs)
            )
            own = {row["name"]: row for row in whole_bars["rows"]}
            rows = [row for row in bars["rows"] if row["name"] in own]
            assert len(rows) > 2 and (every == printed == "False" or [*own] == [row["name"] for row in bars["rows"]])
            for row in rows:
                wanted = own[row["name"]]
                assert row["value"] == pytest.approx(wanted["value"], rel=1e-12)
                assert row["fill"] == wanted.get("fill", "solid") and row["strong"] == wanted.get("strong", False)
                assert row["fill"] == "hollow" or "printed" in row["name"] or row["text"] == wanted["text"]
            assert shown["plots"][0]["y"]["domain"] == pytest.approx(theirs["plots"][0]["y"]["domain"])


@in_a_browser
def test_soap_bubbles_are_those_of_the_package(opened):
    found = at_once(pulled(Bubble(0.3, 3072, 0.01)))
    for sigma in ("0.02", "0.5", "3.3"):
        compared(opened, soap_picture(found, float(sigma)), "soap_bubbles", sigma=sigma)


@in_a_browser
@pytest.mark.parametrize("name", ["bounds", "renyi", "scaling", "soap_bubbles", "tradeoff", "vote_curves"])
def test_the_pointer_is_never_told_more_than_was_computed(opened, name):
    for link in links(name, 2):
        go(opened, link)
        state = opened.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
        state.pop("tab", None)
        plots = picture_of(opened, name, **state)["picture"]["plots"]
        known: dict[str, set[str]] = {}
        pairs: dict[str, set[str]] = {}
        for item in (item for plot in plots for item in plot["items"] if item.get("name") and item.get("down")):
            known.setdefault(item["name"], set()).update(rounded_down(float(y)) for y in item["y"])
            pairs.setdefault(item["name"], set()).update(rounded_down(float(x)) for x in item.get("x", ()))
        box, rng = opened.locator("#place svg").bounding_box(), np.random.default_rng(2)
        for across, up in rng.uniform(0.02, 0.98, (40, 2)):
            opened.mouse.move(box["x"] + across * box["width"], box["y"] + up * box["height"])
            tip = opened.evaluate("[...document.querySelectorAll('.rsx .tip text')].map(node => node.textContent)")
            line, _, text = tip[0].rpartition(": ") if tip else ("", "", "")
            assert line not in known or text in known[line], (link, tip)
            if name == "tradeoff" and line in pairs:
                assert tip[1].rpartition("= ")[2] in pairs[line], (link, tip)


@in_a_browser
def test_a_link_opens_its_state_and_what_it_cannot_open_is_said(opened):
    go(opened, "tab=tradeoff&sigma=0.25&shape=4&norms=2 and 4")
    assert (
        opened.locator("#control-shape").input_value() == "4"
        and "2 and 4" == opened.locator("#control-norms").input_value()
    )
    assert "σ = 0.25, shape 4" in opened.locator("#place svg").get_attribute("aria-label")
    go(opened, "tab=bounds&sigma=7000&family=Cauchy")
    said = opened.locator("#said").inner_text()
    assert "family = Cauchy" in said
    opened.locator("#control-sigma").fill("0,4x")
    opened.locator("#control-sigma").press("Enter")
    assert "is no number" in opened.locator("#said").inner_text()
    opened.locator("#control-sigma").fill("20")
    opened.locator("#control-sigma").press("Enter")
    assert "was cut" in opened.locator("#said").inner_text() and opened.locator("#control-sigma").input_value() == "10"
    opened.locator("#control-family").select_option("Laplace")
    assert opened.locator("#control-norm").input_value() == "1"  # the norm in which most is known of it


@in_a_browser
@pytest.mark.parametrize("kind", ["svg", "png", "csv"])
def test_it_gives_files(opened, kind, tmp_path):
    go(opened, "tab=renyi")
    with opened.expect_download() as waiting:
        opened.locator("#tools button", has_text=f"({kind})").click()
    assert waiting.value.suggested_filename == f"renyi.{kind}"
    waiting.value.save_as(tmp_path / "file")
    held = (tmp_path / "file").read_bytes()
    if kind == "svg":
        text = held.decode()
        assert text.startswith("<svg") and "font-family" not in text.partition(">")[0] and "ℓ" in text
    elif kind == "png":
        assert held.startswith(b"\x89PNG") and len(held) > 20_000
    else:
        lines = held.decode().splitlines()
        theirs = renyi(0.5, 1e-3).csv().splitlines()
        assert lines[0] == "plot,item,x,y" and len(lines) == len(theirs)
