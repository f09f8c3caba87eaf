"""Panels without a browser: set a value, look at the artists, the table and the code line."""

import base64
import io
import re
from importlib import import_module
from math import inf
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

import nbformat
from matplotlib.image import imread

import rsexplore as rs
from rsexplore.bound import Status
from rsexplore.explorers.page import TOPICS, WORDS, Topic
from rsexplore.explorers.panel import Panel

FAMILIES = rs.noises.ALL
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shared():
    """A panel that tests move about."""
    return rs.explorers.bounds(noise=rs.noises.Gaussian(0.5, dim=3072))


@pytest.fixture
def panel(shared):
    shared.move(family=rs.noises.Gaussian, sigma=0.5, q_a=1e-3, share=1.0, norm=2.0, dim=3072, printed=True, best=True)
    shared.move(k=0.0, powers=(2.0, 2.0), shape=2.0)
    return shared


def readout(panel) -> tuple[dict[str, str], dict[str, float]]:
    """State and radii, as the page holds them."""
    head, *rows = panel.readout.value.split("<tr")
    state = dict(re.findall(r'data-(\w+)="([^"]*)"', head))
    radii = [re.search(r'data-key="([^"]*)" data-radius="([^"]*)"', row) for row in rows]
    return state, {found[1]: float(found[2]) for found in radii if found}


def pixels(panel) -> np.ndarray:
    return imread(io.BytesIO(panel.picture), format="png")


def test_sliders_move_the_curves_to_the_radii_of_the_bounds(panel):
    panel.controls["sigma"].slider.value = np.log10(0.8)
    assert panel.controls["sigma"].value == pytest.approx(0.8, rel=1e-3)
    noise = rs.noises.Gaussian(panel.values["sigma"], dim=3072)
    curves = panel.view.curves
    for key, line in curves.lines.items():
        if line.get_visible():
            expected = rs.bounds.get(key).radius(noise, q_a=curves.q_a)
            np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda cls: cls.__name__)
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


def test_a_noise_without_bounds_is_said_plainly():
    noise = rs.noises.GeneralizedGaussian(0.1, shape=0.5, dim=64)  # heavier tails than any bound here is about
    assert not rs.bounds.of(noise, 2)
    panel = rs.explorers.bounds(noise=noise, norm=2)
    assert "No bound for GeneralizedGaussian noise" in panel.readout.value and panel.message.value == ""
    assert not any(line.get_visible() for line in panel.view.curves.lines.values())
    assert panel.view.curves.note.get_text().startswith("no bound for this noise")
    panel.move(shape=2.0)
    assert "No bound" not in panel.readout.value and readout(panel)[1]


def test_field_and_slider_go_together(panel):
    control = panel.controls["q_a"]
    places = []
    for value in (0.4, 1e-3, 1e-9):
        control.field.value = value
        places.append(control.slider.value)
        assert control.value == value  # what was typed stays as typed
    assert places == sorted(places)  # to the right, as in the picture
    control.slider.value = control.slider.max
    assert control.value == pytest.approx(1e-12)


def test_the_code_line_gives_the_same_state_again(panel):
    panel.move(family=rs.noises.Laplace, sigma=0.7, q_a=0.02, share=0.3, norm=1.0, printed=False)
    again = eval(panel.code.value, {"rs": rs})
    assert readout(again) == readout(panel)
    assert again.code.value == panel.code.value
    np.testing.assert_array_equal(pixels(again), pixels(panel))


def test_the_code_line_says_what_dimension_was_assumed():
    panel = rs.explorers.bounds(noise=rs.noises.Gaussian(0.5))
    assert "dim=3072" in panel.code.value
    assert panel.code.value.endswith("  # dim=3072 is assumed: the noise had none")
    again = eval(panel.code.value, {"rs": rs})
    assert readout(again) == readout(panel) and "#" not in again.code.value
    panel.move(dim=64)
    assert "#" not in panel.code.value


def test_what_only_one_family_has_moves_its_radii_and_its_code_line(panel):
    panel.move(family=rs.noises.PowerGaussian, sigma=0.5, k=0.25, norm=2.0)
    noise = rs.noises.PowerGaussian.from_sigma(0.5, 3072, k=768)
    expected = rs.bounds.get("soap-dual").radius(noise, q_a=1e-3)
    np.testing.assert_allclose(readout(panel)[1]["soap-dual"], expected, rtol=1e-6)
    assert panel.controls["k"].row.layout.display is None
    again = eval(panel.code.value, {"rs": rs})
    assert readout(again) == readout(panel) and again.code.value == panel.code.value
    panel.move(powers=(inf, inf), norm=inf, dim=30)
    assert 'tail_norm=float("inf")' in panel.code.value and panel.message.value == ""
    panel.move(family=rs.noises.GeneralizedGaussian, shape=3.0)
    assert "shape=3.0" in panel.code.value and panel.controls["shape"].row.layout.display is None
    assert panel.controls["k"].row.layout.display == "none"


def test_what_is_drawn_does_not_depend_on_the_way_there(panel):
    panel.move(sigma=3.0, norm=inf, q_a=1e-9, share=0.2)
    panel.move(sigma=0.5, norm=2.0, q_a=1e-3, share=1.0)
    np.testing.assert_array_equal(pixels(panel), pixels(rs.explorers.bounds(noise=rs.noises.Gaussian(0.5, dim=3072))))


def test_controls_without_effect_are_hidden(panel):
    shown = {name for name, control in panel.controls.items() if control.row.layout.display != "none"}
    assert {"c", "best"} <= shown and "order" not in shown
    panel.move(best=False)
    assert panel.controls["order"].row.layout.display != "none"
    panel.move(family=rs.noises.Laplace, norm=1.0)
    assert all(panel.controls[name].row.layout.display == "none" for name in ("c", "order", "best"))


def test_the_order_moves_the_renyi_curve_and_as_printed_can_be_hidden(panel):
    panel.move(best=False, order=1.0)
    np.testing.assert_allclose(readout(panel)[1]["renyi-l2"], readout(panel)[1]["kl-l2"], rtol=1e-9)
    assert "tv-l2-printed" in readout(panel)[1]
    panel.move(printed=False)
    assert not any(key.endswith("-printed") for key in readout(panel)[1])
    assert not panel.view.curves.lines["tv-l2-printed"].get_visible()


def test_an_error_is_shown_in_the_panel_and_goes_away(panel, monkeypatch):
    before = panel.picture

    def broken(**values):
        raise ValueError("sigma must be <positive>")

    with monkeypatch.context() as patch:
        patch.setattr(panel.view, "update", broken)
        panel.controls["sigma"].value = 0.6
    assert "ValueError: sigma must be &lt;positive&gt;" in panel.message.value and 'role="alert"' in panel.message.value
    assert panel.message.layout.display is None and panel.picture == before
    panel.controls["sigma"].value = 0.7
    assert panel.message.value == "" and panel.message.layout.display == "none"


def test_the_picture_is_there_without_a_kernel(panel):
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == panel.picture
    assert bundle["text/plain"] == panel.code.value
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize("sigma", [0.05, 0.5, 5])
@pytest.mark.parametrize("q_a", [0.49, 1e-12])
def test_the_exact_curve_stays_in_the_axes(panel, sigma, q_a):
    panel.move(sigma=sigma, q_a=q_a)
    top = panel.view.curves.ax.get_ylim()[1]
    largest = float(rs.exact_radius(rs.noises.Gaussian(sigma), q_a=1e-12))
    assert largest < top < 1.6 * largest


@pytest.fixture(scope="module")
def accuracy_panel():
    return rs.explorers.certified_accuracy(dataset="imagenet")


def test_certified_accuracy_is_rescored(accuracy_panel):
    panel = accuracy_panel
    panel.move(bound=rs.bounds.get("kl-l2"), alpha=0.001, norm=2.0)
    curve = panel.view._logs[panel.values["log"]].rescore(rs.bounds.get("kl-l2"), 0.001, 2.0)
    np.testing.assert_array_equal(panel.view.scored.get_xdata()[1:-1], curve.radii)
    np.testing.assert_array_equal(panel.view.scored.get_ydata()[1:-1], curve.certified)
    assert panel.view.logged.get_visible() and panel.message.value == ""
    again = eval(panel.code.value, {"rs": rs})
    assert again.readout.value == panel.readout.value
    panel.move(n=1000)
    less = panel.view.most
    panel.move(n=100_000)
    assert panel.view.most > less
    with pytest.raises(LookupError, match="needs a log of .* got log='x'"):
        rs.explorers.certified_accuracy(dataset="cifar10", log="x")


def test_a_bound_for_another_noise_is_said_in_words(accuracy_panel):
    accuracy_panel.controls["bound"].field.options = {"Laplace": rs.bounds.get("laplace-l1")}
    assert "needs Laplace noise" in accuracy_panel.message.value


def own_run(noise=None) -> rs.records.Records:
    noise = {"family": "Laplace", "scale": 0.2, "dim": 64} if noise is None else rs.noises.to_dict(noise)
    header = rs.records.Header(noise, n0=100, n=1000, alpha=0.001)
    rows = [rs.records.Row(i, i % 2, {0: 100}, {0: 1000 - 10 * i, 1: 10 * i}, 0.1) for i in range(20)]
    return rs.records.from_rows(header, rows)


@pytest.mark.parametrize("records", [own_run(), {"a": own_run(), "b": own_run()}], ids=["one", "two"])
def test_your_own_run_can_be_shown_and_its_code_line_runs(records):
    panel = rs.explorers.certified_accuracy(records)
    assert panel.message.value == "" and panel.values["bound"].key == "laplace-l1"
    expected = rs.accuracy.certified(own_run(), rs.bounds.get("laplace-l1"), [0.0, 0.2])
    np.testing.assert_array_equal(panel.view.curve.at([0.0, 0.2]), expected)
    panel.move(alpha=0.01, norm=2.0)
    assert panel.code.value.endswith("  # records: what you gave")
    again = eval(panel.code.value, {"rs": rs, "records": records})
    assert (again.code.value, again.readout.value) == (panel.code.value, panel.readout.value)


def test_bounds_that_certify_nothing_are_shown_as_such():
    panel = rs.explorers.certified_accuracy(own_run(rs.noises.Gaussian(0.5, dim=64)))
    names = dict(panel.controls["bound"].field.options)
    marked = ["NO CERTIFICATE" in name or "sound, but too small" in name for name in names]
    assert marked == sorted(marked) == [not bound.certifies for bound in names.values()]  # at the end of the list
    small = {bound.key for name, bound in names.items() if "sound, but too small" in name}
    assert small == {"kl-l2-printed"}  # its radius is the right one over the root of 2
    words = {bound.key: name for name, bound in names.items()}
    assert "(tight in l2, Gaussian)" in words["cohen-l2"] and "(tight, Gaussian)" in words["cohen-lp"]
    assert "NO CERTIFICATE" not in panel.readout.value + panel.view.keys[0].get_text()
    panel.move(bound=rs.bounds.get("tv-l2-printed"))
    assert panel.message.value == ""
    assert "tv-l2-printed: NO CERTIFICATE" in panel.readout.value
    assert panel.view.keys[0].get_text() == "total variation  AS PRINTED: NO CERTIFICATE, α = 0.001"
    assert panel.view.keys[1].get_text() == "Cohen et al. (dashed), α = 0.001"  # counts were logged, not radii


def test_a_run_in_which_nothing_is_certified_can_be_shown():
    own = own_run()
    wrong = rs.records.from_rows(own.header, [rs.records.Row(0, 1, {0: 100}, {0: 1000}, 0.1)])
    panel = rs.explorers.certified_accuracy(wrong)
    assert panel.message.value == "" and panel.view.scored.get_ydata().tolist() == [0, 0]


def test_a_run_under_noise_without_bounds_is_refused(monkeypatch):
    monkeypatch.setattr(rs.bounds, "ALL", ())
    with pytest.raises(LookupError, match=r"needs a noise with a bound, got Laplace\(scale=0.2"):
        rs.explorers.certified_accuracy(own_run())


# ---- the page with all explorers: tabs are made when they are opened ----


def panels(shown) -> list[bool]:
    """Whether each tab holds its explorer."""
    return [isinstance(box.children[-1], Panel) for box in shown.children[1].children]


def test_every_explorer_of_theory_and_logs_is_on_the_page():
    elsewhere = {"page", "certify", "one_image"}  # these two run a network, and look at one run
    wanted = [getattr(rs.explorers, name) for name in rs.explorers.__all__ if name not in elsewhere]
    assert sorted(topic.make.__name__ for topic in TOPICS) == sorted(make.__name__ for make in wanted)
    assert rs.explorers.page().children[1].titles == tuple(topic.title for topic in TOPICS)


def test_a_tab_is_made_when_it_is_first_opened():
    shown = rs.explorers.page()
    assert panels(shown) == [True] + [False] * (len(TOPICS) - 1)
    shown.children[1].selected_index = 2
    assert panels(shown) == [True, False, True] + [False] * (len(TOPICS) - 3)
    assert shown.children[1].children[2].children[-1].code.layout.display == "none"
    kept = shown.children[1].children[0].children[-1]
    shown.children[1].selected_index = 0
    assert shown.children[1].children[0].children[-1] is kept


def test_an_explorer_that_cannot_be_made_says_why(monkeypatch):
    def broken():
        raise ValueError("no <data>")

    monkeypatch.setattr(import_module("rsexplore.explorers.page"), "TOPICS", (Topic("Broken", "Why?", broken),))
    (box,) = rs.explorers.page().children[1].children
    assert 'role="alert"' in box.children[-1].value and "ValueError: no &lt;data&gt;" in box.children[-1].value


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_words_mean_what_the_readme_says(status):
    assert f"| {status.value} | {WORDS[status]} |" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert WORDS[status] in rs.explorers.page().children[2].value


def test_the_page_that_is_served_is_one_line_and_stored_without_outputs():
    notebook = nbformat.read(ROOT / "app" / "explorers.ipynb", as_version=4)
    (cell,) = notebook.cells
    assert cell.source == "import rsexplore as rs\n\nrs.explorers.page()"
    assert cell.outputs == [] and cell.execution_count is None and notebook.metadata.title
