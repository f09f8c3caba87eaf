"""Panels without a browser: set a value, look at the picture's numbers, the table and the code line."""

import asyncio
import base64
import csv
import io
import re
from dataclasses import replace
from math import inf
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

import ipywidgets as widgets
import nbformat
from matplotlib.image import imread
from panels import MOVES, bars, items, line, places, run_of, table, texts

import rsexplore as rs
from rsexplore import app
from rsexplore.bound import Status
from rsexplore.explorers import controls
from rsexplore.explorers.one_image import told
from rsexplore.explorers.page import TOPICS, WORDS
from rsexplore.explorers.panel import COPY, Panel
from rsexplore.noises import ExponentialLinf, Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform
from rsexplore.pictures.accuracy import shipped
from rsexplore.pictures.page import TABS
from rsexplore.pictures.picture import Line, Rule

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shared():
    """A panel that tests move about."""
    return rs.explorers.bounds(noise=Gaussian(0.5, dim=3072))


@pytest.fixture
def panel(shared):
    shared.reset.click()
    shared.move(printed=True)
    return shared


def readout(panel) -> tuple[dict[str, str], dict[str, float]]:
    """State and radii, as the page holds them."""
    head = panel.readout.value.split("<tr")[0]
    state = dict(re.findall(r'data-(\w+)="([^"]*)"', head))
    return state, {key: float(row["radius"]) for key, row in table(panel).items()}


def same(one, other) -> bool:
    """Whether two panels show the same."""
    return (one.picture.json(), one.readout.value) == (other.picture.json(), other.readout.value)


def test_sliders_move_the_curves_to_the_radii_of_the_bounds(panel):
    panel.controls["sigma"].slider.value = np.log10(0.8)
    assert panel.controls["sigma"].value == pytest.approx(0.8, rel=1e-3)
    whole = rs.pictures.bounds(Gaussian(panel.values["sigma"], dim=3072), printed=True)
    for (mine, *numbers), (theirs, *expected) in zip(places(panel), places(whole), strict=True):
        assert (mine.name, mine.label, mine.down) == (theirs.name, theirs.label, theirs.down)
        np.testing.assert_allclose(numbers, expected, rtol=1e-12)


@pytest.mark.parametrize("family", rs.noises.ALL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("norm", [1.0, 2.0, inf])
def test_the_table_is_what_the_package_computes(panel, family, norm):
    panel.move(family=family, norm=norm, q_a=0.01, share=0.5)
    state, radii = readout(panel)
    noise = family.from_sigma(float(state["sigma"]), dim=int(state["dim"]))
    assert set(radii) == {b.key for b in rs.bounds.of(noise, norm)}
    for key, radius in radii.items():
        expected = rs.bounds.get(key).radius(noise, q_a=float(state["qa"]), p_b=float(state["pb"]), norm=norm)
        np.testing.assert_allclose(radius, expected, rtol=1e-8, err_msg=key)
    assert panel.message.value == ""


def test_a_new_family_is_listed_by_its_name(monkeypatch):
    class Logistic(Laplace):
        pass

    monkeypatch.setattr(rs.noises, "ALL", (*rs.noises.ALL, Logistic))
    law, _ = controls.law(Logistic(0.5))
    assert law.text == "Logistic" and law.value is Logistic
    assert told(Logistic(0.5))["kind"] == "Logistic"


FIRST = {  # of each family in its own norm: the exact radius, the best that is proved, those that papers compare with
    Gaussian: {"cohen-l2", "li-renyi-l2", "lecuyer-l2", "lipschitz-l2"},
    Laplace: {"laplace-l1", "teng-l1-binary", "teng-l1", "lecuyer-l1", "li-l1"},
    Uniform: {"uniform-l1"},
    ExponentialLinf: {"pure-dp-linf", "dinf-linf"},
    PowerGaussian: {"soap-dual", "cohen-l2", "li-renyi-l2", "lecuyer-l2", "lipschitz-l2"},
}


@pytest.mark.parametrize("family", FIRST, ids=lambda cls: cls.__name__)
def test_a_first_look_is_at_few_bounds_in_the_norm_of_the_noise(panel, family):
    panel.reset.click()
    panel.move(family=family)
    noise = family.from_sigma(0.5, 3072)
    assert panel.values["norm"] == noise.natural_norm and set(table(panel)) == FIRST[family]
    panel.move(every=True)
    proper = {b.key for b in rs.bounds.of(noise, panel.values["norm"]) if b.status is not Status.AS_PRINTED}
    assert set(table(panel)) == proper and "every=True" in panel.code.value
    assert same(eval(panel.code.value, {"rs": rs}), panel)


def test_the_norm_follows_the_noise_until_one_is_chosen(panel):
    panel.reset.click()
    for family, norm in ((Laplace, 1.0), (ExponentialLinf, inf), (Gaussian, 2.0)):
        panel.controls["family"].value = family
        assert panel.values["norm"] == norm
    panel.controls["norm"].field.value = 4.0
    panel.controls["family"].value = Laplace
    assert panel.values["norm"] == 4.0
    panel.reset.click()
    panel.controls["family"].value = Laplace
    assert panel.values["norm"] == 1.0  # after a reset nothing is chosen
    given = rs.explorers.bounds(noise=Gaussian(0.5, dim=3072), norm=2)
    given.controls["family"].value = Laplace
    assert given.values["norm"] == 2.0


def test_a_noise_without_bounds_is_said_plainly():
    noise = GeneralizedGaussian(0.1, shape=0.5, dim=64)  # heavier tails than any bound here is about
    assert not rs.bounds.of(noise, 2)
    panel = rs.explorers.bounds(noise=noise, norm=2)
    assert "No bound for GeneralizedGaussian noise" in panel.readout.value and panel.message.value == ""
    assert items(panel) == [] and bars(panel) == {}
    assert any(words.startswith("no bound for this noise") for words in texts(panel))
    panel.move(shape=2.0)
    assert "No bound" not in panel.readout.value and table(panel) and items(panel)


def test_field_and_slider_go_together(panel):
    control = panel.controls["q_a"]
    places = []
    for value in (0.4, 1e-3, 1e-9):
        control.field.value = f"{value}"
        places.append(control.slider.value)
        assert control.value == value and float(control.field.value) == value  # what was typed stays as typed
    assert places == sorted(places)  # to the right, as in the picture
    control.slider.value = control.slider.max
    assert control.value == pytest.approx(1e-12) and float(control.field.value) == control.value


@pytest.mark.parametrize(
    ("name", "typed", "value", "words"),
    [
        ("sigma", "0.3", 0.3, ""),
        ("sigma", " 3e-1 ", 0.3, ""),
        ("sigma", "1e9", 10, "deviation σ goes from 0.01 to 10 here: 1000000000 was cut to 10"),
        ("sigma", "−1", 0.01, "deviation σ goes from 0.01 to 10 here: -1 was cut to 0.01"),
        ("sigma", "1,5", 0.5, "deviation σ: '1,5' is no number; write one with a point for the comma"),
        ("sigma", "abc", 0.5, "deviation σ: 'abc' is no number; write one, such as 0.25 or 1e-3"),
        ("sigma", "", 0.5, "deviation σ: '' is no number"),
        ("sigma", "inf", 0.5, "deviation σ: 'inf' is no number"),
        ("sigma", "nan", 0.5, "deviation σ: 'nan' is no number"),
        ("q_a", "0.5", 0.4999, "votes against goes from 1e-12 to 0.4999 here: 0.5 was cut to 0.4999"),
        ("dim", "1e5", 100_000, ""),
        ("dim", "10.4", 10, "dimension d is a whole number: 10.4 was taken as 10"),
        ("dim", "1e9", 1_000_000, "dimension d goes from 1 to 1e+06 here: 1000000000 was cut to 1e+06"),
    ],
)
def test_what_is_typed_is_taken_or_told(panel, name, typed, value, words):
    control = panel.controls[name]
    control.field.value = typed
    assert control.value == value == float(control.field.value)  # the field says what is taken
    assert name != "dim" or type(control.value) is int
    assert control.slider.value == pytest.approx(control.place(value), abs=0.51 * control.slider.step)
    said = panel.cut.value.replace("&#x27;", "'")
    assert words in said and bool(said) is bool(words) and ('role="status"' in said) is bool(words)
    assert panel.cut.layout.display == (None if words else "none")
    assert float(readout(panel)[0][name.replace("_", "")]) == value  # and so does what is drawn
    control.field.value = "0.2" if name != "dim" else "2"
    assert panel.cut.value == "" and control.value == float(control.field.value)


def test_what_few_need_stands_behind_more(panel):
    first, more, hidden = (part for part in panel.grid.children if not isinstance(part, widgets.HTML))
    assert isinstance(more, widgets.ToggleButton) and more.description == "more" and hidden.layout.display == "none"
    more.value = True
    assert hidden.layout.display is None
    more.value = False
    assert hidden.layout.display == "none"
    rest = {"dim", "share", "every", "printed", "c", "best", "order"}
    assert list(hidden.children) == [c.row for name, c in panel.controls.items() if name in rest]
    assert list(first.children) == [c.row for name, c in panel.controls.items() if name not in rest]
    panel.controls["share"].field.value = "0.5"  # and works as the others do
    assert "share=0.5" in panel.code.value


def test_the_code_line_says_what_dimension_was_assumed():
    panel = rs.explorers.bounds(noise=Gaussian(0.5))
    assert "dim=3072" in panel.code.value
    assert panel.code.value.endswith("  # dim=3072 is assumed: the noise had none")
    again = eval(panel.code.value, {"rs": rs})
    assert same(again, panel) and "#" not in again.code.value
    panel.move(dim=64)
    assert "#" not in panel.code.value


def test_what_only_one_family_has_moves_its_radii_and_its_code_line(panel):
    panel.move(family=PowerGaussian, sigma=0.5, k=0.25, norm=2.0)
    noise = PowerGaussian.from_sigma(0.5, 3072, k=768)
    expected = rs.bounds.get("soap-dual").radius(noise, q_a=1e-3)
    np.testing.assert_allclose(readout(panel)[1]["soap-dual"], expected, rtol=1e-6)
    assert panel.controls["k"].row.layout.display is None
    again = eval(panel.code.value, {"rs": rs})
    assert same(again, panel) and again.code.value == panel.code.value
    panel.move(powers=(inf, inf), norm=inf, dim=30)
    assert 'tail_norm=float("inf")' in panel.code.value and panel.message.value == ""
    panel.move(family=GeneralizedGaussian, shape=3.0)
    assert "shape=3.0" in panel.code.value and panel.controls["shape"].row.layout.display is None
    assert panel.controls["k"].row.layout.display == "none"


def test_what_is_drawn_does_not_depend_on_the_way_there(panel):
    panel.move(sigma=3.0, norm=inf, q_a=1e-9, share=0.2)
    panel.move(sigma=0.5, norm=2.0, q_a=1e-3, share=1.0)
    assert same(panel, rs.explorers.bounds(noise=Gaussian(0.5, dim=3072), printed=True))


def test_controls_without_effect_are_hidden(panel):
    shown = {name for name, control in panel.controls.items() if control.row.layout.display != "none"}
    assert {"c", "best"} <= shown and "order" not in shown
    panel.move(best=False)
    assert panel.controls["order"].row.layout.display != "none"
    panel.move(family=Laplace, norm=1.0)
    assert all(panel.controls[name].row.layout.display == "none" for name in ("c", "order", "best"))


def test_the_order_moves_the_renyi_curve_and_as_printed_can_be_hidden(panel):
    panel.move(best=False, order=1.0)
    np.testing.assert_allclose(readout(panel)[1]["renyi-l2"], readout(panel)[1]["kl-l2"], rtol=1e-9)
    assert "tv-l2-printed" in readout(panel)[1] and len(line(panel, "total variation, as printed")[0])
    panel.move(printed=False, every=True)
    assert "tv-l2" in readout(panel)[1] and not any(key.endswith("-printed") for key in readout(panel)[1])
    assert not any("as printed" in name for name in (*(curve.name for curve in items(panel)), *bars(panel)))


def test_an_error_is_shown_in_the_panel_and_goes_away(panel, monkeypatch):
    before = panel.picture

    def broken(**values):
        yield from ()
        raise ValueError("sigma must be <positive>")

    with monkeypatch.context() as patch:
        patch.setattr(panel, "draw", broken)
        panel.controls["sigma"].value = 0.6
    assert "ValueError: sigma must be &lt;positive&gt;" in panel.message.value and 'role="alert"' in panel.message.value
    assert panel.message.layout.display is None and panel.picture is panel.chart.picture is before
    panel.controls["sigma"].value = 0.7
    assert panel.message.value == "" and panel.message.layout.display == "none"
    assert panel.picture is panel.chart.picture is not before


@pytest.mark.parametrize("sigma", [0.05, 0.5, 5])
@pytest.mark.parametrize("q_a", [0.49, 1e-12])
def test_the_exact_curve_stays_in_the_axes(panel, sigma, q_a):
    panel.move(sigma=sigma, q_a=q_a)
    top = panel.picture.plots[0].y.domain[1]
    largest = float(rs.exact_radius(Gaussian(sigma), q_a=1e-12))
    assert largest < top < 1.6 * largest


def test_the_numbers_of_a_picture_are_its_items_to_the_last_digit(panel):
    panel.move(sigma=0.7, share=0.3)
    rows = list(csv.DictReader(io.StringIO(panel.picture.csv())))
    plot, shares = panel.picture.plots
    for curve in items(panel):
        found = [(float(row["x"]), float(row["y"])) for row in rows
                 if row["item"] == curve.name and row["plot"] == plot.title]  # fmt: skip
        np.testing.assert_array_equal(found, np.transpose([plot.grid, curve.y]))
    for name, bar in bars(panel).items():
        (row,) = [row for row in rows if row["item"] == name and row["plot"] == shares.title]
        assert float(row["y"]) == bar.value


def tag(panel, name):
    """Attributes of the button, or of the link, beside a panel's picture."""
    return ElementTree.fromstring(f"<p>{panel.copy.value}</p>").find(name).attrib


def test_the_line_is_copied_where_a_page_has_no_clipboard_too(panel):
    panel.move(norm=inf)  # with quotes in its line
    button = tag(panel, "button")
    assert button["data-code"] == panel.code.value and 'float("inf")' in button["data-code"]
    assert button["onclick"] == COPY  # nothing in it ends the attribute
    clipboard, otherwise = COPY.split("navigator.clipboard?")[1].rsplit(":", 1)
    assert clipboard == 'navigator.clipboard.writeText(this.dataset.code).then(()=>say("copied"),old)'
    assert otherwise == "old()"
    old = COPY.split("const old=")[1].split("};")[0]
    assert "area.value=this.dataset.code" in old and 'document.execCommand("copy")' in old and "area.select()" in old
    assert "navigator" not in old and "not copied: select the line below" in old


# ---- the state in a link ----

STATES = {
    "bounds": {"family": Laplace, "sigma": 0.123456788, "q_a": 1e-7, "norm": 1.0, "dim": 784, "share": 0.5,
               "every": True, "printed": True, "best": False, "order": 0.7, "c": 3.0},
    "certified_accuracy": {"log": "locuslab-smoothing, imagenet every100, σ = 0.5, trained at 0.5", "alpha": 0.002,
                           "bound": rs.bounds.get("kl-l2"), "norm": 4.0, "n": 1000, "rounding": True,
                           "beside": ("locuslab-smoothing, imagenet every100, σ = 1, trained at 1",)},
    **MOVES,
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_a_link_and_the_code_line_give_the_same_state_again(name):
    panel, linked = fresh(name), fresh(name)
    assert panel.state == {}
    panel.linked = True
    panel.move(**STATES[name])
    assert panel.state.keys() == STATES[name].keys() and panel.values == panel.values | STATES[name]
    linked.restore(dict(parse_qsl(urlencode(panel.state))))
    assert linked.values == panel.values and linked.state == panel.state
    assert dict(parse_qsl(urlsplit(tag(panel, "a")["href"]).query)) == {"tab": name, **panel.state}
    for again in (linked, eval(panel.code.value, {"rs": rs})):
        assert same(again, panel) and again.code.value == panel.code.value
        assert again.message.value == again.cut.value == panel.message.value == panel.cut.value == ""
    if name in MOVES:  # a picture has the arguments of its explorer
        assert eval(panel.code.value.replace("explorers", "pictures"), {"rs": rs}).json() == panel.picture.json()


def fresh(name):
    """A panel of an explorer in its first state; in a kernel, where what is slow need not be waited for."""

    async def made():
        panel = getattr(rs.explorers, name)()
        panel.pause()
        return panel

    return asyncio.run(made())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"sigma": "abc"}, "deviation σ needs a number, got 'abc'"),
        ({"sigma": "nan"}, "deviation σ needs a number, got 'nan'"),
        ({"norm": "7"}, r"norm needs one of \['1', .*, got '7'"),
        ({"family": "Cauchy"}, r"family needs one of \['Gaussian', .*, got 'Cauchy'"),
        ({"printed": "yes"}, r"printed needs one of \['True', 'False'\], got 'yes'"),
    ],
)
def test_a_bad_link_is_refused_in_words(panel, state, words):
    before = panel.values
    with pytest.raises(ValueError, match=words):
        panel.restore({"share": "0.5", **state})
    assert panel.values == before  # and nothing of it is taken
    shown = rs.explorers.page(urlencode({"tab": "bounds", **state}))
    assert opened(shown).state == {}  # what it opens is at its start
    assert re.search("Nothing of the link is taken: " + words, opened(shown).cut.value.replace("&#x27;", "'"))
    assert opened(shown).cut.layout.display is None


def test_a_link_beyond_a_range_says_what_was_cut(panel):
    panel.restore({"sigma": "1e9", "dim": "0.2", "share": "0.5", "no such control": "1"})
    assert (panel.values["sigma"], panel.values["dim"], panel.values["share"]) == (10, 1, 0.5)
    assert "deviation σ goes from 0.01 to 10 here: 1000000000 was cut to 10. dimension d" in panel.cut.value
    assert "share" not in panel.cut.value


# ---- certified accuracy of logs ----


@pytest.fixture(scope="module")
def accuracy_panel():
    return rs.explorers.certified_accuracy(dataset="imagenet")


def drawn(panel, name, curve):
    """Assert that the line is the curve, which has an end at either side more."""
    x, y = line(panel, name)
    np.testing.assert_array_equal(x[1:-1], curve.radii)
    np.testing.assert_array_equal(y[1:-1], curve.certified)


def test_certified_accuracy_is_rescored(accuracy_panel):
    panel = accuracy_panel
    panel.move(bound=rs.bounds.get("kl-l2"), alpha=0.001, norm=2.0)
    log = shipped("imagenet")[panel.values["log"]]
    drawn(panel, "KL  SOUND, α\u00a0=\u00a00.001", log.rescore(rs.bounds.get("kl-l2"), 0.001, 2.0))
    drawn(panel, "as logged, α\u00a0=\u00a00.01", log)
    assert panel.message.value == ""
    again = eval(panel.code.value, {"rs": rs})
    assert same(again, panel)
    most = []
    for n in (1000, 100_000):
        panel.move(n=n)
        ((rule),) = items(panel, Rule)
        most.append(rule.at)
        tail = -np.expm1(np.log(0.001) / n)  # of n votes out of n
        assert rule.at == pytest.approx(float(rs.bounds.get("kl-l2").radius(log.noise, q_a=tail)), rel=1e-9)
        assert f"the most that {n:,} votes give" in rule.text
    assert most[0] < most[1]
    with pytest.raises(LookupError, match="needs a log of .* got log='x'"):
        rs.explorers.certified_accuracy(dataset="cifar10", log="x")


def test_several_logs_go_in_one_picture(accuracy_panel):
    names = list(accuracy_panel.controls["beside"].field.options)
    one, two = (next(name for name in names if end in name) for end in ("σ = 0.5, trained at 0.5", "σ = 1, trained"))
    panel = rs.explorers.certified_accuracy(dataset="imagenet", beside=[one], alpha=0.002)
    first, logs = panel.values["log"], shipped("imagenet")
    panel.controls["beside"].field.value = (first, one, two)  # the first is there already
    cohen, level = rs.bounds.get("cohen-l2"), ", α\u00a0=\u00a00.002"
    for name, shown in ((first, "Cohen et al.  TIGHT"), (one, one), (two, two)):
        drawn(panel, shown + level, logs[name].rescore(cohen, 0.002, 2.0))
    assert len(items(panel)) == 4  # with that of the log itself, as it was
    assert len({(curve.color, curve.dash) for curve in items(panel)}) == 4
    assert f">{one}</td>" in panel.readout.value and f">{two}</td>" in panel.readout.value
    assert same(eval(panel.code.value, {"rs": rs}), panel)
    with pytest.raises(LookupError, match=r"needs a log of .* beside=\['x'\]"):
        rs.explorers.certified_accuracy(beside=["x"])


def test_a_log_of_another_noise_beside_it_is_said_not_to_be_shown():
    logs = {"a": own_run(Gaussian(0.5, dim=64)), "b<": own_run(), "c": own_run(Gaussian(0.25, dim=64))}
    panel = rs.explorers.certified_accuracy(logs, beside=["b<", "c"])
    assert [curve.label for curve in items(panel)] == ["Cohen et al.", "Cohen et al.  TIGHT", "c"]
    assert "Not shown, as cohen-l2 is not about its noise: b&lt;." in panel.readout.value
    panel.move(beside=("c",))
    assert "Not shown" not in panel.readout.value


def test_a_bound_for_another_noise_is_said_in_words(accuracy_panel):
    accuracy_panel.controls["bound"].field.options = {"Laplace": rs.bounds.get("laplace-l1")}
    assert "needs Laplace noise" in accuracy_panel.message.value


def own_run(noise=None):
    return run_of(Laplace(0.2, dim=64) if noise is None else noise)


def test_a_curve_is_read_by_its_log():
    curve = rs.accuracy.curve(own_run(), "laplace-l1")
    panel = rs.explorers.certified_accuracy(curve, n=500)
    assert "a random 500 of each image's 1,000 votes; dashed: all of them" in texts(panel)
    with pytest.raises(TypeError, match="certified_accuracy needs a curve of a log, got <Curve"):
        rs.explorers.certified_accuracy(replace(curve, records=None))


@pytest.mark.parametrize("records", [own_run(), {"a": own_run(), "b": own_run()}], ids=["one", "two"])
def test_your_own_run_can_be_shown_and_its_code_line_runs(records):
    panel = rs.explorers.certified_accuracy(records)
    assert panel.message.value == "" and panel.values["bound"].key == "laplace-l1"
    (name,) = [curve.name for curve in items(panel) if "TIGHT" in curve.name]
    drawn(panel, name, rs.accuracy.curve(own_run(), rs.bounds.get("laplace-l1")))
    panel.move(alpha=0.01, norm=2.0)
    assert panel.code.value.endswith("  # records: what you gave")
    again = eval(panel.code.value, {"rs": rs, "records": records})
    assert again.code.value == panel.code.value and same(again, panel)


def test_bounds_that_certify_nothing_are_shown_as_such():
    panel = rs.explorers.certified_accuracy(own_run(Gaussian(0.5, dim=64)))
    names = dict(panel.controls["bound"].field.options)
    marked = ["NO CERTIFICATE" in name or "sound, but too small" in name for name in names]
    assert marked == sorted(marked) == [not bound.certifies for bound in names.values()]  # at the end of the list
    small = {bound.key for name, bound in names.items() if "sound, but too small" in name}
    assert small == {"kl-l2-printed"}  # its radius is the right one over the root of 2
    words = {bound.key: name for name, bound in names.items()}
    assert "(tight in l2, Gaussian)" in words["cohen-l2"] and "(tight, Gaussian)" in words["cohen-lp"]
    assert "NO CERTIFICATE" not in panel.readout.value and "no certificate" not in " ".join(texts(panel)).lower()
    panel.move(bound=rs.bounds.get("tv-l2-printed"))
    assert panel.message.value == ""
    assert "tv-l2-printed: NO CERTIFICATE" in panel.readout.value
    before, wrong = items(panel)
    assert wrong.label == "total variation  AS PRINTED: no certificate" and not wrong.down
    assert before.label == "Cohen et al." and before.dash == "dash"  # counts were logged, not radii
    assert "α\u00a0=\u00a00.001" in " ".join(texts(panel))


def test_a_run_in_which_nothing_is_certified_can_be_shown():
    wrong = run_of(Laplace(0.2, dim=64), [rs.records.Row(0, 1, {0: 100}, {0: 1000}, 0.1)])
    panel = rs.explorers.certified_accuracy(wrong)
    assert panel.message.value == "" and all(np.all(curve.y == 0) for curve in items(panel, Line))


def test_a_run_under_noise_without_bounds_is_refused(monkeypatch):
    for name in ("ALL", "KNOWN"):
        monkeypatch.setattr(rs.bounds, name, ())
    with pytest.raises(LookupError, match=r"needs a noise with a bound, got Laplace\(scale=0.2"):
        rs.explorers.certified_accuracy(own_run())


# ---- the page with all explorers: each is made when it is first opened ----


def opened(shown):
    """What stands under the names of the explorers."""
    return shown.children[2].children[-1]


def test_every_explorer_of_theory_and_logs_is_on_the_page():
    elsewhere = {"page", "certify", "one_image"}  # these two run a network, and look at one run
    assert set(TOPICS) == {*rs.explorers.__all__} - elsewhere
    assert TOPICS == {name: getattr(rs.explorers, name) for name in TOPICS}
    tabs = rs.explorers.page().children[1]
    assert [label for label, _ in tabs.options] == [title for title, _ in TABS.values()] and tabs.value == "bounds"


def test_a_tab_is_made_when_it_is_first_opened(monkeypatch):
    made = []
    for name, make in TOPICS.items():
        monkeypatch.setitem(TOPICS, name, lambda name=name, make=make: made.append(name) or make())
    shown = rs.explorers.page("")
    tabs, first = shown.children[1], opened(shown)
    assert made == ["bounds"] and isinstance(first, Panel) and first.name == "bounds"
    tabs.label = "Rényi orders"
    assert made == ["bounds", "renyi"] and opened(shown).name == "renyi"
    assert opened(shown).code.layout.display == "none"
    assert TABS["renyi"][1] in shown.children[2].children[0].value
    tabs.label = "Radii"
    assert opened(shown) is first and made == ["bounds", "renyi"]


def test_a_link_opens_its_tab_in_its_state():
    shown = rs.explorers.page("tab=renyi&sigma=1.25&best=False")
    assert shown.children[1].value == opened(shown).name == "renyi"
    assert opened(shown).state == {"sigma": "1.25", "best": "False"}
    assert tag(opened(shown), "a")["href"] == "?tab=renyi&sigma=1.25&best=False"
    shown.children[1].value = "tradeoff"
    assert opened(shown).state == {}  # the state was of the other


def test_a_tab_that_nobody_looks_at_is_paused(monkeypatch):
    calls = []
    for name in ("pause", "resume"):
        monkeypatch.setattr(Panel, name, lambda panel, name=name: calls.append((panel.name, name)))
    shown = rs.explorers.page("")
    calls.clear()
    shown.children[1].value = "renyi"
    assert calls == [("bounds", "pause"), ("renyi", "resume")]


def test_an_explorer_that_cannot_be_made_says_why(monkeypatch):
    def broken():
        raise ValueError("no <data>")

    monkeypatch.setitem(TOPICS, "bounds", broken)
    shown = opened(rs.explorers.page())
    assert 'role="alert"' in shown.value and "ValueError: no &lt;data&gt;" in shown.value


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_words_mean_what_the_readme_says(status):
    assert f"| {status.value} | {WORDS[status]} |" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert WORDS[status] in rs.explorers.page().children[3].value


def test_the_page_that_is_served_is_one_line_and_stored_without_outputs():
    notebook = nbformat.read(app.NOTEBOOK, as_version=4)
    (cell,) = notebook.cells
    assert cell.source == "import rsexplore as rs\n\nrs.explorers.page()"
    assert cell.outputs == [] and cell.execution_count is None and notebook.metadata.title


# ---- files ----


def test_the_picture_is_there_without_a_kernel(panel):
    bundle = panel._repr_mimebundle_()
    assert imread(io.BytesIO(base64.b64decode(bundle["image/png"])), format="png").ndim == 3
    assert bundle["text/plain"] == panel.code.value
    assert "application/vnd.jupyter.widget-view+json" in bundle
