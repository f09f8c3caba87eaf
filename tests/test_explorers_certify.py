"""The certification panel without a browser: run, stop, go on, look at the pictures; and one image of a run."""

import asyncio
import re
import threading
import time
import warnings
from math import inf
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")
torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from panels import bars, items, line, run_of, table, texts  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import montecarlo  # noqa: E402
from rsexplore.bound import Status  # noqa: E402
from rsexplore.pictures.picture import Image  # noqa: E402
from rsexplore.pictures.votes import shown  # noqa: E402
from rsexplore.records import thinned  # noqa: E402

DIGITS = rs.data.digits().test


class Slow(torch.nn.Module):
    """Takes a while, and calls every image a 1."""

    def __init__(self):
        super().__init__()
        self.register_buffer("logits", torch.eye(10)[1])
        self.eval()

    def forward(self, batch):
        time.sleep(0.004)
        return self.logits.expand(len(batch), 10)


def done(panel, seconds=60):
    panel.wait(seconds)
    assert panel.stop.disabled and not panel.run.disabled
    return panel


def ran(panel):
    """The panel after a press of Run, and the end of the run."""
    panel.run.click()
    return done(panel)


@pytest.fixture(scope="module")
def panel():
    return ran(rs.explorers.certify(images=4, n=300))


def votes(found):
    return [(row.index, dict(row.counts0), dict(row.counts)) for row in found.rows]


def test_run_counts_what_the_library_counts(panel):
    noise, model = rs.noises.Gaussian(0.25, 64), montecarlo.load_model("digits-gaussian-0.25")
    expected = montecarlo.certify(model, DIGITS.images[:4], DIGITS.labels[:4], noise, n=300, data="digits",
                                  progress=False)  # fmt: skip
    assert votes(panel.records) == votes(expected) and panel.records.header == expected.header
    assert panel.status.value.startswith("4 images are counted.") and panel.bar.value == 1
    assert panel.message.value == ""


def test_the_results_are_views_of_the_votes(panel):
    curve, image = panel.views.values()
    found = rs.accuracy.curve(panel.records, rs.bounds.get("cohen-l2"))
    np.testing.assert_array_equal(line(curve, "Cohen et al.  TIGHT")[0][1:-1], found.radii)
    row = panel.records.rows[0]
    assert bars(image)[str(row.predict)].value == row.counts[row.predict] > 0
    # published curves of the same noise are there to choose
    assert any("cifar10" in name and "σ = 0.25" in name for name in curve.controls["log"].field.options)
    panel.move(norm=inf)
    assert "l∞" in curve.picture.plots[0].x.label.replace("ℓ_", "l") and "∞" in image.picture.plots[3].title
    assert curve.values["norm"] == image.values["norm"] == inf and curve.message.value == image.message.value == ""
    panel.move(norm=2.0)


def test_a_run_for_a_wanted_radius_is_a_step_and_says_what_it_spent():
    panel = ran(rs.explorers.certify(images=30, every=10, n=5000, radius=0.3))
    found = panel.records
    ends = [row.end for row in found.rows]
    assert {"certified", "given up"} <= set(ends) and found.draws.max() <= 5000 and found.header.n0 == 0
    assert f"{found.draws.sum():,} votes, {found.draws.mean():,.0f} an image" in panel.status.value
    assert f"{ends.count('certified')} certified" in panel.status.value
    curve, image = panel.views.values()
    x, y = line(curve, "Cohen et al.  TIGHT")
    right = np.mean([row.end == "certified" and row.predict == row.label for row in found.rows])
    assert x[-1] == pytest.approx(0.3, rel=1e-8) and set(y) == {right, 0.0}  # one step, down at the radius
    assert "wanted radius 0.3 by cohen-l2 in l2; " + found.spent in curve.picture.plots[0].title
    assert not any("the most that" in text for text in texts(curve))
    for end in ("certified", "given up"):
        row = found.rows[ends.index(end)]
        image.move(image=row.index)
        assert f"{row.count:,} of {row.draws:,} votes (of at most 5,000; {end})" in image.readout.value
        assert ("Nothing is certified." in image.readout.value) == (end == "given up")
    image.move(alpha=0.01)
    assert image.message.value == "" and image.controls["alpha"].low == 0.001
    curve.move(alpha=1e-4)
    assert "tells nothing at a smaller one" in curve.message.value


def test_what_a_run_warns_of_is_shown(monkeypatch):
    certify = montecarlo.certify

    def warns(*args, **kwargs):
        warnings.warn("certify: <mind this>", UserWarning, stacklevel=2)
        return certify(*args, **kwargs)

    monkeypatch.setattr(montecarlo, "certify", warns)
    panel = ran(rs.explorers.certify(images=2, n=100))
    assert "certify: &lt;mind this&gt;" in panel.cut.value and len(panel.records) == 2


def test_a_wanted_radius_needs_a_norm_whose_exact_radius_is_known():
    panel = ran(rs.explorers.certify(noise=rs.noises.Laplace.from_sigma(0.25), images=2, radius=0.1, norm=3.0))
    assert "a wanted radius needs a norm in which the exact one is known: Laplace noise has l1, got l3" in (
        panel.message.value
    )


def test_stop_keeps_what_is_counted_and_run_goes_on(tmp_path):
    panel = rs.explorers.certify(Slow(), images=12, n=10_000, log=tmp_path / "log.tsv")
    panel.run.click()
    assert panel.run.disabled and not panel.stop.disabled
    panel.run.click()  # a second press does nothing
    for _ in range(600):
        panel.wait(0.05)
        if panel.bar.value > 0.2:
            break
    assert re.match(r"\d+ of 12 images, [\d,]+ votes/s, \d+ s left; right: clean", panel.status.value)
    panel.stop.click()
    assert panel.status.value.endswith(", stopping")
    some = len(done(panel).records)
    assert 1 <= some < 12 and f"stopped: {some} of 12 images" in panel.status.value
    assert f"Votes are in {tmp_path / 'log.tsv'}" in panel.status.value
    assert list(panel.views) == ["All images", "One image"]
    assert len(ran(panel).records) == 12 and panel.message.value == ""
    again = rs.explorers.certify(Slow(), images=12, n=10_000, log=tmp_path / "log.tsv")  # another kernel
    assert votes(ran(again).records) == votes(panel.records)


def test_a_stopped_run_goes_on_without_a_path_too():
    panel = rs.explorers.certify(Slow(), images=6, n=2000)
    panel.start()
    panel.stop.click()
    done(panel)
    assert panel.status.value.startswith("stopped: 0 of 6 images") and panel.records is None
    assert len(ran(panel).records) == 6
    assert "kept as long as this panel" in panel.status.value


def test_the_panel_says_what_is_done_before_the_first_vote():
    held = threading.Event()

    class Waiting(Slow):
        def forward(self, batch):
            return held.wait(20) and super().forward(batch)

    panel = rs.explorers.certify(Waiting(), images=6, n=1000)
    panel.start()
    panel.wait(0.5), held.set()
    assert panel.status.value == "0 of 6 images; clean images, 0 of 6"
    assert len(done(panel).records) == 6


def test_in_a_kernel_the_panel_looks_by_itself():
    async def kernel():
        panel = rs.explorers.certify(images=3, n=50_000)
        panel.run.click()
        longest, seen = 0.0, set()
        while panel.run.disabled:
            before, counting = time.monotonic(), panel._run.is_alive() and panel._job.progress is not None
            await asyncio.sleep(0.01)
            if counting and panel._run is not None:  # its end draws pictures
                longest = max(longest, time.monotonic() - before)
            seen.add(panel.status.value)
        return panel, longest, seen

    panel, longest, seen = asyncio.run(kernel())
    assert len(panel.records) == 3 and any("of 3 images, " in status for status in seen)
    assert longest < 0.5  # seconds that a slider waits while votes are counted


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "a file"}, "needs the path of a checkpoint"),
        ({"model": "a file", "file": "/nowhere/net.pth"}, "no file &#x27;/nowhere/net.pth&#x27; and no shipped model"),
        ({"model": "a file", "file": "x", "normalize": "1:x"}, "normalize must be a name or MEAN,..:STD,.."),
        ({"data": "nowhere.npz"}, "data must be &#x27;digits&#x27;"),
        ({"data": "cifar10:nowhere"}, "cifar10: there is no folder"),
        ({"log": "no/such/folder.tsv"}, "the folder of the log must exist"),
        ({"log": "~nobody-of-that-name/log.tsv"}, "the folder of the log must exist"),
    ],
)
def test_what_cannot_be_run_is_said_in_words(values, words, monkeypatch):
    panel = rs.explorers.certify(images=2, n=100)
    panel.move(**values)
    ran(panel)
    assert words in panel.message.value and 'role="alert"' in panel.message.value
    assert "Traceback" not in panel.message.value and panel.message.layout.display is None
    panel.move(model="digits-gaussian-0.25", data="digits", log="")
    assert len(ran(panel).records) == 2 and panel.message.value == ""


def test_the_log_of_another_run_is_refused_and_left(tmp_path):
    panel = ran(rs.explorers.certify(images=2, n=100, log=tmp_path / "log.tsv"))
    before = (tmp_path / "log.tsv").read_bytes()
    panel.move(sigma=0.5)
    assert "belongs to another run, and is left as it is" in ran(panel).message.value
    assert (tmp_path / "log.tsv").read_bytes() == before


def test_every_tenth_image_can_be_taken():
    panel = ran(rs.explorers.certify(images=3, every=10, n=100))
    found = panel.records
    assert found.index.tolist() == [0, 10, 20] and found.label.tolist() == DIGITS.labels[:30:10].tolist()
    np.testing.assert_array_equal(items(panel.views["One image"], Image)[0].pixels, DIGITS.images[0][0])


@pytest.mark.parametrize("wrong", [{"n": 0}, {"images": 0}, {"every": -1}, {"device": "cuda:99"}])
def test_what_no_control_can_hold_is_refused(wrong):
    with pytest.raises(ValueError, match="certify needs images, every and n of at least 1, and a device of"):
        rs.explorers.certify(**wrong)


def test_noise_without_a_bound_shows_one_image_and_says_so(monkeypatch):
    panel = rs.explorers.certify(images=2, n=100)
    for name in ("ALL", "KNOWN"):
        monkeypatch.setattr(rs.bounds, name, ())
    ran(panel)
    assert "needs a noise with a bound" in panel.message.value and list(panel.views) == ["One image"]


def test_soap_bubbles_have_their_controls_and_run():
    panel = rs.explorers.certify(images=2, n=100)
    hidden = {name for name in panel.controls if panel.controls[name].row.layout.display == "none"}
    assert hidden == {"file", "arch", "normalize", "k", "powers", "shape"}
    panel.move(family=rs.noises.PowerGaussian, k=0.25)
    assert panel.controls["k"].row.layout.display is None
    found = ran(panel).records
    assert (found.noise.k, found.noise.dim) == (16, 64) and found.noise.sigma == pytest.approx(0.25)
    assert panel.message.value == ""


def test_a_checkpoint_is_run_from_its_path(tmp_path):
    model = montecarlo.load_model("digits-laplace-0.25")
    torch.save(model.state_dict(), tmp_path / "net.pth")
    panel = rs.explorers.certify(tmp_path / "net.pth", rs.noises.Laplace(0.2), images=3, n=200)
    assert panel.values["file"] == str(tmp_path / "net.pth") and panel.values["norm"] == 1
    assert ran(panel).records.header.model["digest"] == model.digest


def test_the_code_line_gives_the_same_panel(panel):
    again = eval(panel.code.value, {"rs": rs})
    assert again.values == panel.values and again.code.value == panel.code.value
    own = Slow()
    given = rs.explorers.certify(own, log="x.tsv", seed=3, n0=20)
    assert "n0=20, seed=3" in given.code.value
    assert given.code.value.endswith("  # model: what you gave")
    assert eval(given.code.value, {"rs": rs, "model": own}).values == given.values


def test_the_norm_of_a_run_follows_its_noise_until_one_is_chosen():
    panel = rs.explorers.certify(images=2, n=100)
    panel.controls["family"].value = rs.noises.Laplace
    assert panel.values["norm"] == 1 and "norm=1" in panel.code.value
    panel.controls["norm"].value = 4.0
    panel.controls["family"].value = rs.noises.Gaussian
    assert panel.values["norm"] == 4
    given = rs.explorers.certify(images=2, n=100, norm=2)
    given.controls["family"].value = rs.noises.Laplace
    assert given.values["norm"] == 2


def test_a_run_has_few_controls_at_first_and_says_what_it_takes():
    panel = rs.explorers.certify(images=2, n=100)
    hidden = panel.grid.children[-1].children
    assert hidden == tuple(panel.controls[name].row for name in ("every", "radius", "device", "log"))
    panel.controls["n"].field.value = "1e9"
    assert panel.values["n"] == 1_000_000 and "votes n goes from 100 to 1e+06 here" in panel.cut.value
    assert "n=1000000" in panel.code.value and panel.cut in panel.children
    panel.controls["n"].field.value = "1e2"
    assert panel.values["n"] == 100 and panel.cut.value == ""


@pytest.fixture
def single(panel):
    return rs.explorers.one_image(panel.records, DIGITS.images, image=2)


def test_one_image_shows_its_votes_and_every_radius(single, panel):
    row = panel.records.rows[2]
    q_a = panel.records.q_a()[2]
    image, copy = (item.pixels for item in items(single, Image))
    np.testing.assert_array_equal(image, DIGITS.images[2][0])
    drawn = DIGITS.images[2] + panel.records.noise.draw(np.random.default_rng((0, 2)), (1, 1, 8, 8))[0]
    np.testing.assert_array_equal(copy, np.clip(drawn[0], 0, 1))
    (ballot, radii) = (plot.items[0].rows for plot in single.picture.plots[2:])
    assert [bar.name for bar in ballot] == [str(label) for label in range(10)]
    assert {int(bar.name): int(bar.text) for bar in ballot if bar.text} == {k: n for k, n in row.counts.items() if n}
    assert all(bar.value == max(row.counts.get(int(bar.name), 0), 0.6) for bar in ballot)
    assert [int(bar.name) for bar in ballot if bar.strong] == [row.label]
    assert len({bar.color for bar in ballot}) == 2  # the selected class, and the others
    rows = table(single)
    proper = [b for b in rs.bounds.of(panel.records.noise, 2.0) if b.status is not Status.AS_PRINTED]
    assert set(rows) == {bound.key for bound in proper}
    exact = float(rows["cohen-l2"]["radius"])
    shares = {float(shown_row["radius"]) / exact for shown_row in rows.values()}
    assert all(min(abs(bar.value - share) for share in shares) < 1e-6 for bar in radii) and radii[0].value == 1
    for key, shown_row in rows.items():
        expected = float(rs.bounds.get(key).radius(panel.records.noise, q_a=q_a))
        assert float(shown_row["radius"]) == pytest.approx(expected, rel=1e-9)
    assert "heuristic" in single.readout.value and "tight" in single.readout.value  # the status in words
    assert single.controls["copy"].slider.step == 1  # a key press on the copy is a copy


def test_one_image_has_the_names_of_the_classes(panel):
    names = ["none", "one", "two", "three", "four", "five", "six", "se<ven", "eight", "nine"]
    single = rs.explorers.one_image(panel.records, DIGITS.images, image=2, names=names)
    row = panel.records.rows[2]
    image, _, ballot, _ = single.picture.plots
    assert image.title == f"Image 2, label {names[row.label]}"
    assert ballot.title.startswith(f"{row.count} of 300 votes for {names[row.predict]}")
    assert [bar.name for bar in ballot.items[0].rows] == names
    assert f"{names[row.predict]}: {row.count}" in single.picture.desc
    assert f"Class {names[row.predict]} (right)" in single.readout.value and "se<ven" not in single.readout.value
    given = rs.explorers.one_image(panel.records, DIGITS.images, image=2, names=dict(enumerate(names)))
    assert given.picture.json() == single.picture.json()


def test_several_runs_and_groups_of_classes_stand_under_one_panel():
    noises = [
        rs.noises.Gaussian(0.1, 48), rs.noises.Gaussian(0.2, 48), rs.noises.Laplace.from_sigma(0.2, 48),
        *(rs.noises.PowerGaussian.from_sigma(0.2, 48, k=k, power_norm=inf) for k in (12, 24)),
    ]  # fmt: skip
    pictures, model = np.full((2, 3, 4, 4), 0.5, np.float32), lambda batch: batch.flatten(1)[:, :5]
    runs = [montecarlo.certify(model, pictures, None, one, 20, 100, progress=False) for one in noises]
    panel = rs.explorers.one_image(
        runs, pictures, names={4: "dog"}, groups={"cat": (0, 1, 2, 3)}, files=("a.png", "b.png")
    )
    assert list(panel.controls["image"].field.options) == ["0 a.png", "1 b.png"]
    assert "Class cat: " in panel.readout.value
    assert "(right)" not in panel.readout.value and "(wrong" not in panel.readout.value
    assert panel.controls["k"].row.layout.display == "none"
    assert list(panel.controls["k"].field.options) == ["0.25", "0.5"]

    def counts():
        return {name: int(bar.text) for name, bar in bars(panel).items() if bar.text.isdecimal()}

    def of_run(number):
        return {"dog" if k == 4 else str(k): n for k, n in runs[number].rows[0].counts.items() if n}

    whole = counts()
    panel.move(together=False)
    assert "Class cat: " not in panel.readout.value and counts() == of_run(0)
    assert sum(n for name, n in counts().items() if name != "dog") == whole["cat"]
    panel.move(sigma=0.2, kind=next(name for name in panel.controls["kind"].field.options if "(9)" in name), k=0.5)
    assert counts() == of_run(4) and repr(runs[4].noise.k) in panel.code.value and panel.values["norm"] == inf
    assert panel.controls["k"].row.layout.display is None
    again = eval(panel.code.value, {"rs": rs, "records": runs, "images": pictures})
    assert again.picture.plots[3].title == panel.picture.plots[3].title and again.readout.value == panel.readout.value
    unseen = rs.explorers.one_image(runs, None)
    assert len(unseen.picture.plots) == 2 and "copy" not in unseen.controls and len(panel.picture.plots) == 4
    with pytest.raises(ValueError, match="or several on the same"):
        rs.explorers.one_image([runs[0], rs.records.from_rows(runs[1].header, runs[1].rows[:1])], pictures)


def test_pictures_without_labels_are_certified_in_the_panel(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 12), dtype=np.uint8)
        image.fromarray(pixels).save(tmp_path / f"{number}.png")
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(5)).eval()
    net(torch.zeros(1, 3, 224, 224))
    panel = ran(
        rs.explorers.certify(net, data=str(tmp_path), images=2, n=100, names=["cat", "dog", "cow", "hen", "pig"])
    )
    assert list(panel.views) == ["One image"] and "class right" not in panel.status.value
    assert panel.records.header.classes[1] == "dog" and "Class " in panel.views["One image"].readout.value
    assert any(f"Class {name}: " in panel.views["One image"].readout.value for name in panel.records.header.classes)


def test_one_image_takes_fewer_votes_and_says_so(single, panel):
    single.move(n=60, alpha=0.01)
    part = thinned(panel.records, 60)
    row = part.rows[2]
    assert f"{row.count} of {row.draws} votes" in single.readout.value
    assert f"1 − p_A ≤ {part.q_a(0.01)[2]:.6g} but" in single.readout.value
    assert "These are a random 60 of the run's 300 votes" in single.readout.value.replace("&#x27;", "'")
    again = eval(single.code.value, {"rs": rs, "records": panel.records, "images": DIGITS.images})
    assert again.readout.value == single.readout.value and again.picture.json() == single.picture.json()


def test_the_state_of_one_image_goes_through_a_link(single, panel):
    moved = {"image": 3, "copy": 7, "norm": 4.0, "alpha": 0.02, "n": 120}
    single.move(**moved)
    again = rs.explorers.one_image(panel.records, DIGITS.images, image=2)
    again.restore(dict(parse_qsl(urlencode(single.state))))
    assert single.state.keys() == moved.keys() and again.values == single.values == moved
    assert again.picture.json() == single.picture.json() and again.code.value == single.code.value
    with pytest.raises(ValueError, match=r"image needs one of \['0', .*, got '99'"):
        again.restore({"image": "99"})


def test_an_image_without_a_majority_abstains():
    found = run_of(rs.noises.Gaussian(0.5, dim=64), [rs.records.Row(3, 1, {0: 10}, {0: 50, 1: 50}, 0.1)])
    single = rs.explorers.one_image(found, {3: np.zeros((3, 4, 4))})
    assert single.message.value == "" and "abstains" in single.readout.value
    *_, ballot, radii = single.picture.plots
    assert ballot.title.startswith("50 of 100 votes for 0") and radii.items == () and "none, abstains" in radii.title
    with pytest.raises(LookupError, match="needs an image of the run, from 3 to 3, got image=4"):
        rs.explorers.one_image(found, DIGITS.images, image=4)


def test_the_accuracy_of_fewer_votes_is_marked(panel):
    shown_curve = rs.explorers.certified_accuracy(panel.records, n=50)
    expected = rs.accuracy.curve(thinned(panel.records, 50), rs.bounds.get("cohen-l2"))
    np.testing.assert_array_equal(line(shown_curve, "Cohen et al.  TIGHT")[0][1:-1], expected.radii)
    assert any(text.startswith("a random 50 of each image's 300 votes") for text in texts(shown_curve))
    assert "n=50" in shown_curve.code.value
    shown_curve.move(n=300)
    assert not any("random" in text for text in texts(shown_curve)) and "n=" not in shown_curve.code.value
    shown_curve.move(n=10_000)  # more than there are: only the limit moves
    assert not any("random" in text for text in texts(shown_curve)) and shown_curve.message.value == ""


def test_of_many_classes_those_with_most_votes_are_shown():
    counts = {label: 10 + label for label in range(500, 530)} | {7: 4000}
    found = shown(counts, predict=7, label=3)
    assert len(found) == 10 and found[0] == 7 and 3 in found and 529 in found and 500 not in found
