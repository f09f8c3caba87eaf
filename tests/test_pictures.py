"""Pictures as data: they hold `Bound.radius`, say it in words, and on paper nothing is cut or covers anything."""

import json
import subprocess
import sys
from itertools import combinations
from math import inf, nan

import numpy as np
import pytest
from sample_pictures import CLASSES, GAUSSIAN, IMAGE, OF_VOTES, ROW, logs, sample

import rsexplore as rs
from rsexplore import pictures
from rsexplore.bound import Status
from rsexplore.pictures import accuracy, style
from rsexplore.pictures import bounds as bounds_function
from rsexplore.pictures.bounds import NO_BOUND, answers, ball, bounds_picture, claims, merged, shares, vote_grid
from rsexplore.pictures.picture import INK, Bars, Image, Line, Note, Picture, Plot, Points, Region, Rule
from rsexplore.pictures.votes import OTHERS, RIGHT, WRONG, pixels

# r, g, b of a screen (linear) as a person without one kind of cone sees them: Viénot, Brettel and Mollon 1999
LMS = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
MISSING = {
    "deuteranopia": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    "protanopia": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
}


def of(picture: Picture, kind, plot: int = 0) -> list:
    return [item for item in picture.plots[plot].items if isinstance(item, kind)]


def says(items, claim):
    """The only one of the lines or bars that is of a claim, by its name."""
    printed = claim.status is Status.AS_PRINTED
    same = [item for item in items if item.name.endswith(", as printed") == printed]
    (found,) = (item for item in same if claim.title in item.name.removesuffix(", as printed").split(" = "))
    return found


def own_curve(bound: str, right: int = 10, **options):
    """Curve of ten images, the first `right` of them classified right."""
    header = rs.records.Header({"family": "Gaussian", "sigma": 0.5, "dim": 64}, n0=100, n=1000, alpha=0.001)
    rows = [rs.records.Row(i, int(i >= right), {0: 100}, {0: 1000 - 20 * i, 1: 20 * i}, 0.1) for i in range(10)]
    return rs.accuracy.curve(rs.records.from_rows(header, rows), rs.bounds.get(bound), **options)


def test_lines_are_the_radii_of_the_bounds_under_the_region_and_say_their_status():
    picture = pictures.bounds(GAUSSIAN, printed=True)
    plot, (region,) = picture.plots[0], of(picture, Region)
    lines = of(picture, Line)
    for claim in claims(GAUSSIAN, plot.grid, printed=True):
        radii = claim.bound.radius(GAUSSIAN, q_a=plot.grid, norm=2)
        line = says(lines, claim)
        np.testing.assert_allclose(line.y, radii, rtol=0, atol=1e-6 * radii.max())
        assert line.down == claim.bound.certifies and claim.status.value.upper().replace(" ", "\u00a0") in line.label
    exact = rs.exact_radius(GAUSSIAN, q_a=plot.grid)
    np.testing.assert_array_equal(region.y[: len(exact)], exact)
    np.testing.assert_array_equal(region.x[: len(exact)], plot.grid)
    assert min(region.y[len(exact) :]) > plot.y.domain[1] >= max(exact)
    assert any("KL = χ²" in line.name for line in lines)  # curves that coincide share a label
    assert plot.y.label == "certified ℓ_2 radius  (input units)"


def test_the_vote_and_the_most_that_votes_can_show_are_marked():
    picture = pictures.bounds(GAUSSIAN, 0.01, n=1000, alpha=0.05)
    at, most = of(picture, Rule)
    (dot,) = of(picture, Points)
    exact = rs.exact_radius(GAUSSIAN, q_a=0.01)
    assert (at.at, at.to, at.dash) == (0.01, exact, "dot") and (dot.x, dot.y, dot.down) == ([0.01], [exact], True)
    assert (1 - most.at) ** 1000 == pytest.approx(0.05) and most.text == "most that 1,000 votes can show"
    assert len(of(pictures.bounds(GAUSSIAN, n=None), Rule)) == 1


def test_bars_are_shares_in_order_what_is_beyond_is_marked_and_the_words_hold_the_numbers():
    picture = pictures.bounds(GAUSSIAN, 1e-3, printed=True)
    rows = of(picture, Bars, 1)[0].rows
    exact = rs.exact_radius(GAUSSIAN, q_a=1e-3)
    assert [row.value for row in rows] == sorted((row.value for row in rows), reverse=True)
    for claim in claims(GAUSSIAN, [1e-3], printed=True):
        radius = claim.bound.radius(GAUSSIAN, q_a=1e-3)
        row = says(rows, claim)
        assert row.value == pytest.approx(radius / exact, rel=1e-6)
        assert (row.fill == "hatched") == row.strong == (radius > exact)
        assert row.fill == ("solid" if claim.bound.certifies else row.fill)
        if claim.bound.certifies:
            assert radius * (1 - 1e-3) < float(row.text) <= radius
    assert all(f"{row.name} (".replace("\u00a0", " ") in picture.desc and row.text in picture.desc for row in rows)
    assert "1 − p_A = 0.001" in picture.desc and of(picture, Region, 1)
    assert not of(pictures.bounds(GAUSSIAN), Region, 1)  # where nothing is beyond


def test_claims_that_are_known_make_the_same_picture():
    question = {"norm": 2.0, "printed": False}
    grid = vote_grid()
    unit = rs.noises.Gaussian(0.5, dim=3072)
    at_vote, curves, _ = answers(unit, grid, 1e-3, **question)
    known = bounds_picture(unit, curves, at_vote, grid, 1e-3, norm=2.0)
    assert known.json() == pictures.bounds(unit).json()


def test_without_an_exact_radius_there_is_no_region_and_without_a_bound_words():
    picture = pictures.bounds(rs.noises.ExponentialLinf.from_sigma(0.5, dim=3072))
    assert not of(picture, Region) and not of(picture, Points) and "not known" in of(picture, Note)[0].text
    assert picture.plots[1].x.label == "share of the largest certified radius"
    empty = pictures.bounds(rs.noises.GeneralizedGaussian(0.5, 0.5, dim=64))  # no norm below shape 1
    assert of(empty, Note)[0].text == NO_BOUND and not of(empty, (Line, Rule)) and NO_BOUND in empty.desc


def test_questions_are_refused_or_answered_as_asked():
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got share=0"):
        pictures.bounds(GAUSSIAN, share=0)
    with pytest.raises(KeyError, match="did you mean"):
        pictures.bounds(GAUSSIAN, bounds=("cohen",))
    with pytest.raises(rs.bounds.MissingDimensionError, match="needs the dimension"):
        pictures.bounds(rs.noises.Gaussian(0.5), norm="inf")
    (line,) = of(pictures.bounds(rs.noises.Gaussian(0.5), bounds=("cohen-l2", "lipschitz-dimension-l2")), Line)
    assert line.name == "Cohen et\u00a0al."  # the other one needs dim
    assert bounds_function is pictures.bounds


def test_an_infinite_radius_is_the_whole_share():
    rows = shares(claims(GAUSSIAN, [0.0], bounds=("cohen-l2", "tv-l2"))).items[0].rows
    assert [row.value for row in rows] == [1, 0] and rows[0].text == "inf"


def test_accuracy_is_the_staircase_with_the_most_that_votes_give():
    curves = logs(0.5, 1.0)
    picture = pictures.certified_accuracy(curves, "ImageNet")
    for line, curve in zip(of(picture, Line), curves, strict=True):
        np.testing.assert_array_equal(line.x[1:-1], curve.radii)
        np.testing.assert_array_equal(line.y[1:-1], curve.certified)
        assert line.step and line.down and (line.x[0], line.y[-1]) == (0, 0)
        assert f"{line.name}: {curve.at(0.0):.3f} at 0" in picture.desc
    rules = of(picture, Rule)
    for rule, curve in zip(rules, curves, strict=True):
        assert rule.at == pytest.approx(rs.exact_radius(curve.noise, q_a=1 - 0.01 ** (1 / curve.n)), rel=1e-9)
    assert [rule.text for rule in rules] == ["", "dotted: the most that the votes give"]
    (one,) = of(pictures.certified_accuracy(curves[:1]), Rule)
    assert one.text == "1.955: the most that 100,000 votes give at α\u00a0=\u00a00.01" and float("1.955") <= one.at
    right = picture.plots[0].x.domain[1]
    assert rules[-1].at < right < 1.5 * rules[-1].at
    assert picture.plots[0].names == "key"


def test_every_curve_differs_and_one_without_a_certified_image_is_a_line_at_zero():
    many = list(rs.accuracy.shipped().values())
    lines = of(pictures.certified_accuracy(many), Line)
    assert len({(line.color, line.dash) for line in lines}) == len(many) > len(style.CYCLE)
    assert {line.dash for line in lines[:7]} == {"solid"}
    empty, full = of(pictures.certified_accuracy([own_curve("cohen-l2", right=0), own_curve("cohen-l2")]), Line)
    assert empty.x.tolist() == empty.y.tolist() == [0, 0] and full.y[0] == 1


def test_the_key_says_only_what_is_known_and_what_differs():
    def key(*args, **options):
        picture = pictures.certified_accuracy(*args, **options)
        return [note.text for note in of(picture, Note)], [line.label for line in of(picture, Line)]

    same, other = (rs.accuracy.published("locuslab-smoothing", "imagenet", s, 0.5) for s in (0.5, 0.25))
    (part,) = logs(0.25)
    level, own = "α\u00a0=\u00a00.01", "α\u00a0=\u00a00.001"
    assert key([same]) == ([f"trained and certified at σ, {level}"], ["σ = 0.50"])
    assert key([part, same])[1] == ["σ = 0.25, 427 images", "σ = 0.50, 500 images"]
    names = [f"σ = 0.50, trained at {t}, 500 images, {level}" for t in ("0.50", "0.25")]
    three = key([same, other, own_curve("cohen-l2")])
    assert three == (["certified at σ"], [*names, f"σ = 0.50, 10 images, {own}"])
    found = [own_curve(bound) for bound in ("cohen-l2", "kl-l2")]
    assert key(found, labels=["a", "b"]) == ([own], ["a", "b"])
    assert key(found, labels=["a", ""], note="by bound")[0] == ["by bound"]
    shown = [own_curve(b, uncertified=True) for b in ("kl-l2", "kl-l2-printed", "dmr-l2", "tv-l2-printed")]
    words = ["printed  AS PRINTED: sound, but too small", "D_MR  HEURISTIC: no certificate"]
    assert key(shown, labels=["KL", "printed", "D_MR", "TV"])[1] == ["KL", *words, "TV  AS PRINTED: no certificate"]
    three, limit = [shown[3], shown[2], shown[3]], (1, 9, 0.1)
    assert key(three, labels=["a", "b", ""], note="n", limit=limit)[0] == ["n"]
    many = pictures.certified_accuracy(three, labels=["a", "b", "c"], limit=limit)
    assert [note.text for note in of(many, Note)] == ["*\u00a0AS PRINTED: no certificate"]  # once
    assert [line.label for line in of(many, Line)] == ["a\u00a0*", words[1].replace("D_MR", "b"), "c\u00a0*"]
    assert of(many, Line)[0].name == "a  AS PRINTED: no certificate" and "α\u00a0=\u00a00.1" in many.desc
    looks = [{"color": "#888888", "dash": "dash"}, {"width": 3.0}]
    dashed, wide = of(pictures.certified_accuracy(found, labels=["a", "b"], looks=looks), Line)
    assert (dashed.color, dashed.dash, wide.width) == ("#888888", "dash", 3.0)


def test_accuracy_refuses_two_norms_and_labels_that_do_not_fit():
    with pytest.raises(ValueError, match=r"needs curves in one norm, got norms \[2.0, inf\]"):
        pictures.certified_accuracy([own_curve("cohen-l2"), own_curve("cohen-l2", norm=inf)])
    with pytest.raises(ValueError, match="needs one label a curve, got 1 for 2 curves"):
        pictures.certified_accuracy([own_curve("cohen-l2")] * 2, labels=["a"])
    curve = own_curve("cohen-l2")
    assert accuracy.ceiling(curve, 0.001) == pytest.approx(rs.exact_radius(curve.noise, q_a=1 - 0.001 ** (1 / 1000)))


def test_votes_are_bars_in_the_colour_of_the_verdict_with_the_label_in_bold():
    picture = pictures.votes(ROW, names=CLASSES)
    rows = of(picture, Bars)[0].rows
    assert [row.name for row in rows] == CLASSES and [row.name for row in rows if row.strong] == ["cat"]
    assert [row.color for row in rows if row.name == "cat"] == [RIGHT]
    assert [row.text for row in rows] == ["", "", "7", "99.2k", "", "600", "", "", "150", "30"]
    assert picture.plots[0].title == "99,213 of 100,000 votes for cat  (bold: the label)"
    assert "cat: 99,213" in picture.desc
    wrong = of(pictures.votes(rs.records.Row(1, 500, {3: 9}, {3: 60, 40: 40}, 0.1)), Bars)[0].rows
    assert [(row.name, row.color, row.strong) for row in wrong] == [
        ("3", WRONG, False), ("40", OTHERS, False), ("500", OTHERS, True)
    ]  # fmt: skip


def test_bars_of_many_classes_lie_where_they_have_names_and_no_label_is_no_verdict():
    row = rs.records.Row(1, -1, {285: 9}, {285: 60, 282: 30, 7: 10}, 0.1)
    picture = pictures.votes(row, names={285: "Egyptian cat", 282: "tiger cat"})
    (drawn,) = of(picture, Bars)
    shown = [(bar.name, bar.color, bar.strong) for bar in drawn.rows]
    assert shown == [("Egyptian cat", RIGHT, False), ("tiger cat", OTHERS, False), ("7", OTHERS, False)]
    assert not drawn.upright and picture.plots[0].x.scale == "log" and picture.plots[0].y is None
    assert picture.plots[0].title == "60 of 100 votes for Egyptian cat" and "label" not in picture.desc
    assert of(pictures.votes(row), Bars)[0].upright
    one = pictures.one_image(row, IMAGE, IMAGE, claims(GAUSSIAN, [0.01]), norm=2)
    assert one.plots[0].title == "Image 1"


def test_one_image_shows_the_image_its_copy_and_the_radii_but_none_where_it_abstains():
    found = claims(GAUSSIAN, [0.01])
    picture = pictures.one_image(ROW, IMAGE, IMAGE + 1, found, norm=2, names=CLASSES)
    np.testing.assert_array_equal(of(picture, Image)[0].pixels, np.moveaxis(IMAGE, 0, -1))
    assert np.all(of(picture, Image, 1)[0].pixels == 1)  # cut off
    assert len(of(picture, Bars, 3)[0].rows) == len(merged(found)) and "Cohen et al. (tight) 1.163" in picture.desc
    assert pictures.votes(ROW, names=CLASSES).plots[0].title == picture.plots[2].title
    assert pixels(IMAGE[0]).shape == pixels(IMAGE[:1]).shape == pixels(IMAGE[:2]).shape == (32, 32)
    none = pictures.one_image(ROW, IMAGE, IMAGE, found, norm=2, abstains=True)
    assert not of(none, Bars, 3) and none.plots[3].title == "ℓ_2 radii: none, abstains" and "1.163" not in none.desc


@pytest.mark.parametrize("name", OF_VOTES)
def test_json_holds_every_number_and_no_nan(name):
    def refuse(constant):
        raise AssertionError(constant)

    picture = sample(name)
    read = json.loads(picture.json(), parse_constant=refuse)
    assert read["schema"] == 1 and read["desc"] == picture.desc
    for plot, own in zip(read["plots"], picture.plots, strict=True):
        assert [item["kind"] for item in plot["items"]] == [item.kind for item in own.items]
        for item, line in zip(plot["items"], own.items, strict=True):
            if isinstance(line, Line):
                assert [nan if y is None else float(y) for y in item["y"]] == pytest.approx(line.y, nan_ok=True, rel=0)


def test_colours_tell_as_printed_from_right_and_are_the_bounds_own():
    for bound in rs.bounds.ALL:
        if bound.corrected_by:
            printed, right = style.look(bound), style.look(rs.bounds.get(bound.corrected_by))
            assert printed["color"] == right["color"] and printed["dash"] != right["dash"]


def seen(color: str, kind: str) -> np.ndarray:
    """Linear r, g, b of a colour for a person without one kind of cone."""
    code = "000000" if color == INK else color[1:]
    linear = (np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255) ** 2.2
    return np.linalg.inv(LMS) @ MISSING[kind] @ LMS @ linear


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize(
    "noise", [cls.from_sigma(0.5, dim=64) for cls in rs.noises.ALL], ids=lambda noise: noise.family
)
def test_curves_are_told_apart_without_full_colour_vision(noise, kind):
    looks = [style.look(bound) for bound in rs.bounds.of(noise, ball(noise))]
    for a, b in combinations(looks, 2):
        same_line = (a["dash"], a["mark"]) == (b["dash"], b["mark"])
        # two colours in the same kind of line must differ to that eye; black and white differ by 1.7
        if same_line and np.linalg.norm(seen(a["color"], kind) - seen(b["color"], kind)) < 0.12:
            pytest.fail(f"{a} and {b}")


@pytest.mark.parametrize("norm", [1.0, 2.0, 4.0, inf])
def test_only_radii_that_some_classifier_attains_are_labelled_tight(norm):
    # exact in every norm: Gaussian noise, and eq. (8), whose law is round; in l_1 alone: Laplace, uniform
    attained = {"cohen-lp", "soap-dual-lp"} | ({"laplace-l1", "uniform-l1", "teng-l1-binary"} if norm == 1 else set())
    others = {"gg-kl-exact-lp", "pure-dp-linf", "laplace-l1", "uniform-l1", "teng-l1-binary", "lecuyer-l1"} - attained
    words = {key: rs.bounds.get(key).status_at(norm).value for key in attained | others}
    assert words == dict.fromkeys(attained, "tight") | dict.fromkeys(others, "sound")


@pytest.mark.parametrize(("value", "top"), [(0.9, 1), (1, 1), (1.01, 2), (3.6, 4), (0.0041, 0.007), (99, 100)])
def test_tops_of_axes_are_round(value, top):
    assert style.round_above(value) == pytest.approx(top)


def test_a_picture_is_built_without_matplotlib_and_widgets():
    # to import one loads the modules of all
    code = "import sys, rsexplore as rs; rs.pictures.bounds(rs.noises.Gaussian(0.5)).json();"
    code += "rs.pictures.certified_accuracy(list(rs.accuracy.shipped().values())[:2]);"
    code += "print(*{name.partition('.')[0] for name in sys.modules} & {'matplotlib', 'ipywidgets'})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


# -- on paper ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper():
    pytest.importorskip("matplotlib")
    from rsexplore.pictures import paper

    return paper


def texts(figure):
    """Every text that is painted."""
    for ax in figure.axes:
        found = [*ax.texts, ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
        found += ax.get_legend().get_texts() if ax.get_legend() else []
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            found += [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
        yield from (text for text in found if text.get_text())


def troubles(figure):
    """Texts that are cut, cover one another, or differ in size from the first."""
    figure.canvas.draw()
    found = [(text.get_text(), text.get_window_extent().padded(-0.7), text.get_size()) for text in texts(figure)]
    assert found
    cut = [text for text, box, _ in found if (box.p0 < 0.7).any() or (box.p1 > figure.bbox.size - 0.7).any()]
    over = [(one[0], two[0]) for one, two in combinations(found, 2) if one[1].overlaps(two[1])]
    return cut + over + [text for text, _, size in found if size != found[0][2]]


@pytest.mark.parametrize("width", [3.4, 6.8])
@pytest.mark.parametrize("name", OF_VOTES)
def test_no_text_is_cut_or_covers_another_and_all_have_one_size(paper, name, width):
    figure = sample(name).draw(width=width)
    assert figure.get_size_inches()[0] == width and {text.get_size() for text in texts(figure)} == {8.0}
    assert troubles(figure) == []


def test_the_check_of_texts_can_fail(paper):
    figure = sample("votes").draw()
    figure.axes[0].texts[0].set(size=9, position=(-99, 0))
    figure.axes[0].texts[2].xyann = figure.axes[0].texts[2].xyann[0], 30
    assert len(troubles(figure)) > 1


def test_paper_shows_the_numbers(paper):
    picture = pictures.bounds(GAUSSIAN, printed=True)
    curves, bars = picture.draw().axes
    drawn = [line.get_ydata() for line in curves.lines]
    top = curves.get_ylim()[1]
    for line in of(picture, Line):
        assert any(len(y) == len(line.y) and np.allclose(y, np.minimum(line.y, 10 * top)) for y in drawn)
    assert {text.get_text()[-1] for text in curves.texts if "RINTED" in text.get_text()} == {"↑", "D"}  # out of sight
    assert curves.get_xlim() == picture.plots[0].x.domain and curves.get_xscale() == "log"
    widths = [patch.get_width() for patch in bars.patches if hasattr(patch, "get_width")]
    assert widths == pytest.approx([row.value for row in of(picture, Bars, 1)[0].rows])
    step = pictures.certified_accuracy(logs(0.5)).draw().axes[0].lines[0]
    assert step.get_drawstyle() == "steps-pre"


def test_on_axes_a_plot_keeps_to_its_cell(paper):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((9, 4.2))
    FigureCanvasAgg(figure)
    picture = sample("Gaussian")
    assert picture.draw(figure.subplots(1, 2)) is figure
    assert troubles(figure) == []
    left, right = (ax.get_tightbbox() for ax in figure.axes)
    assert left.x0 >= 0 and left.x1 <= 450 <= right.x0 and right.x1 <= 900
    with pytest.raises(ValueError, match="draw needs one axes a plot, got 1 for 2 plots"):
        picture.draw(figure.axes[0])
    for layout in (None, "constrained"):  # the second is that of `style.NOTEBOOK`, which knows no places of texts
        other = Figure((3.4, 5), layout=layout)
        FigureCanvasAgg(other)
        assert sample("three logs").draw(other) is other and troubles(other) == []


def test_files_are_vectors_or_pixels_and_the_same_every_time(paper, tmp_path):
    picture = sample("three logs")
    for kind, start in (("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")):
        picture.save(tmp_path / f"a.{kind}", width=3.4)
        picture.save(tmp_path / f"b.{kind}", width=3.4)
        one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in "ab")
        assert one.startswith(start) and one == two
    assert "σ = 0.50, 500 images: 0.572 at 0" in (tmp_path / "a.svg").read_text("utf-8")
    with pytest.raises(ValueError, match=r"needs a name that ends in .pdf, .svg or .png, got 'x.jpg'"):
        picture.save("x.jpg")
    data, size = picture._repr_png_()
    assert data.startswith(b"\x89PNG") and size["width"] == 680


@pytest.mark.parametrize(("text", "set_as"), [
    ("1 − p_A = 0.1", r"1 − $\mathrm{p}_{\mathrm{A}}$ = 0.1"),
    ("ℓ_∞ radius", r"$\mathrm{ℓ}_{\mathrm{∞}}$ radius"),
    ("ℓ_1.5", r"$\mathrm{ℓ}_{\mathrm{1.5}}$"),
    ("‖z‖_2", r"‖z$\mathrm{‖}_{\mathrm{2}}$"),
    ("D_MR, every20_0.12_0.50.tsv", "D_MR, every20_0.12_0.50.tsv"),
])  # fmt: skip
def test_subscripts(paper, text, set_as):
    assert paper.math(text) == set_as


def test_apart_keeps_order_and_distance(paper):
    placed = paper.apart([0.5, 0.5, 0.5, 0.1], [0.1] * 4, 0, 1)
    np.testing.assert_allclose(placed, [0.4, 0.5, 0.6, 0.1])
    crowded = paper.apart([1.0, 0.9, 0.99], [0.2, 0.2, 0.2], 0, 1)
    assert np.all(np.diff(np.sort(crowded)) >= 0.2 - 1e-12) and crowded.max() <= 0.9 + 1e-12
    assert paper.apart([], [], 0, 1).shape == (0,)


def test_items_that_no_topic_needs_yet_are_drawn(paper):
    rows = tuple(pictures.picture.Bar(name=f"class {i}", value=i, text=f"{i}") for i in range(3))
    x = pictures.picture.Axis(domain=(0, 4), label="x", ticks=False)
    items = (
        Rule(at=0.5, axis="y", text="half"),
        Rule(at=1, axis="y", to=2),
        Bars(rows=rows),
        Line(x=[0, 4], y=[nan, inf]),
    )
    figure = Picture(title="t", desc="d", plots=(Plot(items=items, x=x),)).draw()
    assert troubles(figure) == [] and figure.axes[0].get_xticks().size == 0


def test_words_keep_clear_of_rules_that_are_near(paper):
    x = pictures.picture.Axis(domain=(0, 1), label="x")
    items = (
        *(Rule(at=at, text="the most that the votes give" * (at > 0.9)) for at in (0.7, 0.95)),
        Note(text="α", at="top right"),
    )
    (ax,) = Picture(title="t", desc="d", plots=(Plot(items=items, x=x),)).draw().axes
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    crossed = [box for box in boxes for line in ax.lines if box.x0 < line.get_window_extent().x0 < box.x1]
    assert len(boxes) == len(ax.lines) == 2 and crossed == []


def test_a_bound_looks_the_same_in_a_cell(paper):
    printed, exact = (rs.bounds.get(key) for key in ("kl-l2-printed", "cohen-l2"))
    assert paper.look(**style.look(printed)) == {
        "color": style.SKY, "linestyle": paper.DASHES["dashdot"], "linewidth": 1.6, "marker": ""
    }  # fmt: skip
    (line,) = paper.Figure().subplots().plot([0, 1], [0, 1], **paper.look(**style.look(exact, exact=True)))
    assert (line.get_color(), line.get_linestyle(), line.get_linewidth(), line.get_marker()) == ("black", "-", 3.0, "")
