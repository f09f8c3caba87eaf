"""Certification: right by classifiers whose radius is known, whatever a caller has, and clear about bad input.

What a caller has, arrays, models and devices of every kind, is certified as it is, or refused before the run; an image
may end as soon as a wanted radius is decided, at the same level and the same votes.
"""

import time
from math import isnan
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from halfspace import DIM, HalfSpace, Slow, certified, decided, votes
from scipy import stats

import rsexplore as rs
from rsexplore import records
from rsexplore.confidence import anytime_tail, clopper_pearson_tail, top_two
from rsexplore.montecarlo import CifarResNet, DigitsNet, devices
from rsexplore.montecarlo.engine import Engine, Work
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.runner import stop_for
from rsexplore.noises import Gaussian, Laplace

AXIS = torch.eye(DIM)[3]
PIXELS = np.linspace(0, 1, 5 * DIM, dtype=np.float32).reshape(5, DIM)
COHEN = rs.bounds.get("cohen-l2")


# ---- statistics ----


@pytest.mark.parametrize(
    ("key", "noise", "direction"),
    [("cohen-l2", Gaussian(0.5), None), ("laplace-l1", Laplace(0.5), AXIS)],
    ids=["Gaussian", "Laplace"],
)
def test_the_radius_reaches_the_true_distance_and_seldom_passes_it(key, noise, direction):
    model = HalfSpace(direction)
    distance = np.linspace(0.2, 0.9, 400)
    images = torch.tensor(distance, dtype=torch.float32)[:, None] * model.direction
    found = certified(model, images, np.ones(400, dtype=int), noise, n0=50, n=2000, alpha=0.05)
    right = found.predict == 1
    assert right.mean() > 0.9  # at 0.2 a few selections of 50 go wrong
    radius = rs.bounds.get(key).radius(noise, q_a=np.minimum(found.q_a(), 0.5))
    failures = int((radius > distance)[right].sum())
    assert stats.binomtest(failures, int(right.sum()), 0.05, alternative="greater").pvalue > 1e-3
    assert failures > 0  # 20 are expected: a level far below alpha would be a wrong interval, too
    assert np.median(radius[right] / distance[right]) > 0.85


def test_the_prediction_comes_from_a_selection_sample_of_its_own():
    rows = certified(images=torch.zeros(40, DIM), n0=5, n=5).rows  # on the boundary: both classes are as likely
    for row in rows:
        assert row.predict == max((0, 1), key=lambda label: row.counts0.get(label, 0))
        assert row.count == row.counts.get(row.predict, 0)
    assert any(dict(row.counts0) != dict(row.counts) for row in rows)


# ---- what is refused before the run ----


class Home(Gaussian):
    """A family that nobody registered."""


def masked(batch):
    """A half-space and a class that is ruled out."""
    return torch.cat([HalfSpace()(batch), torch.full((len(batch), 1), -torch.inf)], dim=1)


PARTLY = torch.nn.Sequential(HalfSpace(), torch.nn.Dropout()).eval()
PARTLY[1].train()
NO_CLEAN = "finite, got nan or inf for a clean image .-inf is allowed beside"
REFUSED = [
    ({"images": torch.zeros(0, DIM), "labels": []}, r"images must have shape \(images, ...\) with one at least"),
    ({"images": torch.zeros(5)}, r"images must have shape \(images, ...\).*got \(5,\)"),
    ({"images": 0.5, "labels": [0]}, r"images must have shape \(images, ...\) with one at least, got \(\)"),
    ({"images": torch.zeros(5, DIM, dtype=torch.uint8)}, "images must be floating, in the units of the noise"),
    ({"images": torch.ones(2, DIM, dtype=torch.complex64)}, "images must be floating, .*got torch.complex64"),
    ({"images": [["a"]]}, "images must be floating, .*got <U1"),
    ({"images": [[0.5, 1], [0.5]]}, "images must be an array of one shape"),
    ({"images": torch.full((5, DIM), float("nan"))}, "images must be finite"),
    ({"images": torch.zeros(5, DIM, device="meta")}, "images must hold numbers, got a tensor on the device meta"),
    ({"labels": [0, 1]}, r"labels must have shape \(5,\), one for each image, got \(2,\)"),
    ({"labels": [0.5] * 5}, "labels must be whole numbers, got float64"),
    ({"labels": [0, 0, 0, 0, -1]}, "labels must be at least 0, got -1"),
    ({"labels": [-1] * 5, "select": "label", "radius": 0.1, "bound": "cohen-l2"}, "needs the images' labels"),
    ({"labels": [0, 0, 0, 0, 2]}, "the model knows 2 classes, but labels go up to 2"),
    ({"indices": [0, 1, 2, 3, 3]}, "indices must all differ"),
    ({"n": 0}, "n must be a whole number of at least 1, got n=0"),
    ({"n": 1e5}, "n must be a whole number of at least 1, got n=100000.0"),
    ({"n0": 0}, "n0 must be a whole number"),
    ({"batch_size": 0}, "batch_size must be a whole number"),
    ({"seed": -1}, "seed must be a whole number of at least 0"),
    ({"alpha": "a"}, "alpha must lie between 0 and 1, got alpha='a'"),
    ({"alpha": float("nan")}, "alpha must lie between 0 and 1"),
    ({"autocast": "int8"}, r"autocast must be one of \('bfloat16', 'float16'\), got autocast='int8'"),
    ({"executor": 3}, "executor must be a concurrent.futures executor or a dask.* got int"),
    (
        {"noise": Gaussian(0.5, dim=3)},
        r"certify: the noise has dim=3, but an image of shape \(16,\) has 16 coordinates",
    ),
    ({"model": HalfSpace().train()}, "certify: the model must be in evaluation mode"),
    ({"model": PARTLY}, "certify: the model's part '1' must be in evaluation mode"),
    *(({"device": device}, "device must be one that .* got ") for device in ("foo", "cuda:99", 3.5, "meta")),
    (
        {"model": DigitsNet().eval().to("meta"), "images": torch.zeros(1, 1, 8, 8)},
        "certify: device must be one that keeps numbers, got the device meta",
    ),
    ({"bound": None}, "a wanted radius needs a proved bound, .* got bound=None"),
    ({"bound": "kl-l2-printed"}, "a wanted radius needs a proved bound, .* got bound=kl-l2-printed"),
    ({"radius": 0.0}, "the wanted radius must be positive and finite, got radius=0.0"),
    ({"radius": 3.0, "n": 20_000}, "20000 votes out of n=20000 certify a radius of 1.6.*wanted radius=3; raise n"),
    ({"radius": 1e9}, ".*less than the wanted radius=1e.09"),
    ({"radius": None, "bound": COHEN}, "bound and norm are for a wanted radius or precision"),
    ({"radius": 0.3, "n0": 100}, "a wanted radius takes neither n0 nor precision, got n0=100, precision=None"),
    ({"radius": 0.3, "precision": 0.1}, "a wanted radius takes neither n0 nor precision, got n0=None, precision=0.1"),
    ({"radius": 0.3, "select": "class"}, r"select must be one of \('votes', 'label'\).* got select='class'"),
    ({"select": "label"}, r"select must be one of .*, for a wanted radius, got select='label'"),
    ({"radius": None, "precision": 1}, "precision must be between 0 and 1, got precision=1"),
    ({"radius": None, "precision": 0.1, "bound": None}, "a wanted precision needs a proved bound, .* got bound=None"),
    ({"model": lambda batch: batch.sum(1)}, r"logits of shape \(5, classes\), got \(5,\)"),
    ({"model": lambda batch: batch[:2]}, r"logits of shape \(5, classes\), got \(2, 16\)"),
    ({"model": lambda batch: batch.sum(1, keepdim=True)}, r"logits of shape \(5, classes\), got \(5, 1\)"),
    ({"model": lambda batch: masked(batch).nan_to_num(neginf=torch.nan)}, NO_CLEAN),
    ({"model": lambda batch: masked(batch).nan_to_num(neginf=torch.inf)}, NO_CLEAN),
    ({"model": lambda batch: masked(batch) - torch.inf}, NO_CLEAN),
    (
        {"model": lambda batch: (HalfSpace()(batch), batch)},
        "got tuple; certify a torch.nn.Module whose forward returns",
    ),
    ({"model": lambda batch: None}, r"a tensor of logits \(5, classes\), got NoneType"),
    ({"noise": 0.5}, "certify: noise must be a Noise, got float"),
    ({"noise": Home(0.5)}, "Home"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_run_is_told_before_the_run(change, words, tmp_path):
    if {"radius", "bound"} & set(change):
        change = {"radius": 0.3, "bound": COHEN} | change
    with pytest.raises((ValueError, TypeError), match=words) as told:
        certified(log=tmp_path / "log.tsv", **change)
    assert str(told.value).startswith("certify: ") or {"model", "noise"} & set(change)
    assert not (tmp_path / "log.tsv").exists()


# ---- models ----


def test_any_callable_and_any_array_will_do():
    def halves(batch):
        return HalfSpace()(batch)

    images = np.linspace(0, 1, 5 * DIM).reshape(5, DIM)
    found = certified(halves, images, torch.arange(5) % 2)
    assert votes(found) == votes(certified()) == votes(certified(masked))  # a class may be ruled out by minus infinity
    model = dict(found.header.model)
    answers = model.pop("clean")
    assert model == {"name": "halves", "digest": None}
    sums = images.sum(1) / DIM**0.5  # the logits are 0 and this
    assert [label for label, _ in answers] == [1] * 5
    assert [lead for _, lead in answers] == pytest.approx(sums, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("given", [torch.float32, torch.float64, torch.float16])
def test_a_network_gets_images_of_its_own_type(dtype, given):
    seen = set()
    torch.manual_seed(0)
    net = DigitsNet().eval().to(dtype)
    net.register_forward_pre_hook(lambda _module, inputs: seen.add(inputs[0].dtype))
    images = torch.linspace(0, 1, 128).reshape(2, 1, 8, 8).to(given)
    found = certified(net, images, [0, 1], n=100)
    assert seen == {dtype} and [sum(row.counts.values()) for row in found.rows] == [100, 100]


def test_noise_is_added_before_an_image_is_rounded_for_a_narrow_network():
    class Exact(HalfSpace):
        def forward(self, batch):
            assert batch.dtype == torch.bfloat16
            return super().forward(batch)

    # bfloat16 has 8 bits, and would move these images by a share of 1/300
    images = torch.full((3, DIM), 1 + 1 / 300)
    narrow = Exact(torch.eye(DIM)[0]).bfloat16()
    rounded = {row.index: dict(row.counts) for row in certified(narrow, images - 1 - 1 / 300, n=2000).rows}
    exact = {row.index: dict(row.counts) for row in certified(HalfSpace(torch.eye(DIM)[0]), images * 0, n=2000).rows}
    assert rounded == exact  # of noise alone, rounding keeps every sign
    assert certified(narrow, images).header.data == certified(HalfSpace(), images).header.data


# ---- images ----

KINDS = {
    "list": lambda: PIXELS.tolist(),
    "big-endian": lambda: PIXELS.astype(">f4"),
    "big-endian double": lambda: PIXELS.astype(">f8"),
    "mirrored": lambda: np.ascontiguousarray(PIXELS[..., ::-1])[..., ::-1],
    "every second": lambda: np.repeat(PIXELS, 2, axis=1)[:, ::2],
    "longdouble": lambda: PIXELS.astype(np.longdouble),
    "read-only": lambda: np.frombuffer(PIXELS.tobytes(), dtype=np.float32).reshape(PIXELS.shape),
    "with gradient": lambda: torch.tensor(PIXELS, requires_grad=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_any_make_give_the_same_counts(kind):
    found = certified(images=KINDS[kind]())
    assert votes(found) == votes(certified(images=PIXELS))
    assert found.header.data == certified(images=PIXELS).header.data
    assert (found.header.data["min"], found.header.data["max"]) == (0, 1)


PICTURES = PIXELS.reshape(5, 1, 4, 4)
UNIT = "so radii are not in pixels of .0, 1.; .* normalise them within the model"


OUTSIDE = [
    (PIXELS * 255, "go from 0 to 255, and the noise is in the same unit"),
    (PIXELS - 20, "go from -20 to -19"),
    *((one, UNIT) for one in (PICTURES * 2 - 1, PICTURES - 0.01, (PICTURES - 0.45) / 0.25, PICTURES[:, 0] * 1.1)),
]


@pytest.mark.parametrize(("images", "words"), OUTSIDE)
def test_images_outside_of_their_unit_are_warned_of_once(images, words):
    with pytest.warns(UserWarning, match=f"certify: the images .*{words}") as told:
        certified(images=images)
    assert len(told) == 1 and told[0].filename.endswith("halfspace.py")  # the line that calls certify


@pytest.mark.parametrize(
    "images", [PICTURES, PICTURES[:, 0], PICTURES / 2, PICTURES * (1 + 1e-5) - 1e-5, PIXELS * 6 - 3]
)
def test_pictures_in_their_unit_are_not_nor_what_is_no_picture(images):
    certified(images=images)  # a warning would be an error


def test_pictures_with_their_channels_last_are_told():
    net, words = CifarResNet(8).eval(), r"\(32, 32, 3\), which looks like \(height, width, channels\).*transpose"
    with pytest.raises(ValueError, match=f"certify: the model fails on the images .*{words}"):
        certified(net, np.zeros((2, 32, 32, 3), np.float32))
    with pytest.raises(RuntimeError, match="expected input.*channels") as caught:
        certified(net, torch.zeros(2, 1, 32, 32))  # not that mistake, so torch's own words
    assert "looks like" not in str(caught.value)
    # a network that takes them so is left alone
    certified(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2)).eval(), torch.zeros(2, 32, 32, 3), n=10)


def test_a_default_device_without_numbers_is_told():
    words = "certify: images must hold numbers, got a tensor on the device meta, which keeps none"
    with torch.device("meta"), pytest.raises(ValueError, match=words):
        certified(PARTLY[0], PIXELS, [0] * 5)


# ---- progress, threads ----


def test_the_bar_is_there_before_the_model_is_looked_at_and_tells_rate_and_accuracies(capsys):
    class Silent(HalfSpace):
        def forward(self, batch):
            told.append(capsys.readouterr().err)
            time.sleep(0.15 * (len(told) < 5))  # a bar is drawn ten times a second
            return super().forward(batch)

    told = []
    certified(Silent(), torch.zeros(50, DIM), progress=True, batch_size=10, n0=1, n=1)
    assert "votes" in told[0] and "clean images, 10 of 50" in told[1] and "clean images, 30 of 50" in told[3]
    last = capsys.readouterr().err
    assert "50/50" in last and "image" in last and "clean" in last and "under noise" in last


def test_a_run_that_does_not_begin_leaves_no_bar(capsys):
    with pytest.raises(ValueError, match="labels go up to 7"):
        certified(labels=[7] * 5, progress=True)
    told = capsys.readouterr().err
    assert told.endswith("\r") and "\n" not in told


def test_progress_goes_from_nothing_to_all():
    told = []
    found = certified(Slow(0.03), progress=told.append, batch_size=40)
    assert len(told) > 5 * 320 / 40
    assert [p.votes for p in told] == sorted(p.votes for p in told)
    last = told[-1]
    assert (last.images, last.of, last.votes, last.total) == (5, 5, 5 * 320, 5 * 320) and last.left == 0
    assert last.rate == pytest.approx(last.votes / last.seconds)
    right = sum(row.counts.get(row.label, 0) for row in found.rows) / (5 * 300)
    assert last.noisy == pytest.approx(right) and isnan(told[0].noisy)
    assert votes(found) == votes(certified(batch_size=40))


def test_what_the_callable_raises_ends_the_run_and_the_same_call_goes_on(tmp_path):
    def tell(progress):
        if progress.images == 3:
            raise KeyboardInterrupt("enough")

    with pytest.raises(KeyboardInterrupt, match="enough"):
        certified(progress=tell, log=tmp_path / "log.tsv")
    assert len(records.read(tmp_path / "log.tsv")) == 3
    told = []
    found = certified(progress=told.append, log=tmp_path / "log.tsv")
    told = [p for p in told if not p.doing]
    assert told[0].images == 3 and told[-1].images == 5 and told[-1].total == 2 * 320
    assert votes(found) == votes(certified())


def test_what_is_slow_before_the_first_vote_is_told_from_the_start():
    model, told, slept = HalfSpace(), [], []
    model.register_forward_hook(lambda *_: slept.append(1))
    images = torch.zeros(100, 16)
    certified(model, images, n0=1, n=1, progress=lambda p: told.append((len(slept), p)), batch_size=25)
    before = [(done, p) for done, p in told if p.doing]
    assert [done for done, _ in before] == [0, 1, 2, 3, 4]  # of the network's batches of clean images
    assert [p.doing for _, p in before][::4] == ["clean images, 0 of 100", "clean images, 100 of 100"]
    assert all((p.votes, p.images, p.of) == (0, 0, 100) and isnan(p.clean) and isnan(p.left) for _, p in before)
    assert not any(p.doing for _, p in told[5:]) and told[5][1].votes > 0


def test_the_processor_is_a_device():
    assert devices()[0] == "cpu"
    assert all(torch.ones(2, device=name).sum() == 2 for name in devices())


@pytest.mark.parametrize(("side", "threads", "used"), [(8, None, 1), (32, None, 2), (8, 2, 2), (32, 1, 1)])
def test_small_images_run_on_one_thread_and_the_setting_is_put_back(side, threads, used):
    seen = set()

    def model(batch):
        seen.add(torch.get_num_threads())
        return batch.flatten(1)[:, :2]

    torch.set_num_threads(2)
    try:
        certified(model, torch.zeros(1, side, side), [0], threads=threads)
        with pytest.raises(ZeroDivisionError):
            certified(lambda batch: 1 / 0, torch.zeros(1, side, side), [0], threads=threads)
        assert seen == {used} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


# ---- a wanted radius ----


def stopping(**change):
    images = torch.linspace(-0.6, 0.6, 12 * DIM).reshape(12, DIM)
    wanted = {"radius": 0.3, "bound": COHEN, "n": 20_000, "images": images, "labels": [0] * 12}
    return certified(**wanted | change)


def test_images_end_as_soon_as_the_wanted_radius_is_decided():
    told = []
    found, whole = stopping(progress=told.append), stopping(radius=None, bound=None, n0=50)
    order = np.argsort(found.index)  # an image is logged when it ends
    assert found.index[order].tolist() == list(range(12))
    radius, full = (COHEN.radius(run.noise, q_a=np.minimum(run.q_a(), 0.5)) for run in (found, whole))
    early = found.draws[order] < 20_000
    assert early.sum() >= 10 and (radius[order][early & (full >= 0.3)] >= 0.3).all()
    assert ((radius[order] >= 0.3) == (full >= 0.3))[early].all()
    assert np.median(found.draws) < 1000
    assert found.header.stop["radius"] == 0.3 and found.header.stop["bound"] == "cohen-l2"
    assert told[-1].total == found.draws.sum()  # less is left to count


PRECISION = {"radius": None, "precision": 0.2}
SHORT = PRECISION | {"n0": 200, "n": 1000}
wishes = pytest.mark.parametrize("wish", [{}, {"select": "label"}, SHORT], ids=["votes", "label", "precision"])


@wishes
@pytest.mark.parametrize("batch_size", [1, 7, 400])
def test_what_is_decided_does_not_depend_on_batches_nor_on_a_new_start(wish, batch_size, tmp_path):
    whole, log = stopping(**wish), tmp_path / "log.tsv"
    assert decided(stopping(**wish, batch_size=batch_size, log=log)) == decided(whole)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:5]) + lines[5][:9])
    with pytest.warns(UserWarning, match="was cut off"):
        again = stopping(**wish, batch_size=batch_size, log=log)
    assert decided(again) == decided(whole) == decided(records.read(log)) and again.header == whole.header


@pytest.mark.parametrize("batch_size", [7, 400])
def test_no_image_goes_on_after_its_end_and_none_is_given_out_before(batch_size):
    stop, seen = stop_for(TASK, 0.3, None, COHEN, None, "votes"), {}

    def until(work, counts):
        copies = stop.until(counts, 0)
        seen.setdefault(work.key, []).append((int(counts.sum()), copies, counts.max(1)[1]))
        return copies

    works = [Work(i, torch.full((DIM,), 0.02 * i), TorchRng(4, i), (0, 1000)) for i in range(12)]
    ends = {work.key: counts for work, counts in Engine(HalfSpace(), TASK.noise, 2, batch_size).run(works, until)}
    for key, looks in seen.items():
        draws, until, top = zip(*looks, strict=True)
        assert draws == (0, *stop.plan.sizes[: len(draws) - 1]) and until == (*draws[1:], draws[-1])
        verdicts = [stop.plan.verdict(n - k, n) for n, k in zip(draws[1:], top[1:], strict=True)]
        assert not any(verdicts[:-1]) and (verdicts[-1] or draws[-1] == 1000)
        assert ends[key].sum() == draws[-1] and ends[key].max() == top[-1]
    assert len({len(looks) for looks in seen.values()}) > 3


def test_the_class_may_be_the_label():
    right, wrong = stopping(labels=[1] * 12, select="label"), stopping(select="label")
    assert (right.predict == 1).all() and (wrong.predict == 0).all() and right.header.select == "label"
    certifies = np.array([row.end == "certified" for row in (*right.rows, *wrong.rows)]).reshape(2, -1)
    distance = np.linspace(-0.6, 0.6, 12 * DIM).reshape(12, DIM).sum(1) / DIM**0.5
    assert np.array_equal(certifies, [distance > 0.3, -distance > 0.3])
    assert {row.end for row in right.rows} == {"certified", "given up"}
    assert right.q_a()[certifies[0]].tolist() == [right.header.stop["q_a"]] * certifies[0].sum() and right.q_a()[0] == 1
    assert right.q_a(0.01, read="anytime")[-1] == anytime_tail(right.count[-1], right.draws[-1], 0.01)


def three(batch):
    """Class k where x . w_k is the largest, w_k at angles of 120 degrees."""
    x, y = batch[:, 0], batch[:, 1]
    return torch.stack([x, -x / 2 + y * 3**0.5 / 2, -x / 2 - y * 3**0.5 / 2], 1)


def test_a_run_says_where_two_bounds_might_do():
    # p_A = .51, p_B = .24: the radius is 0.5 / 2 (0.03 + 0.7)
    image = torch.zeros(1, DIM)
    image[0, 0] = 0.25
    words = (
        r"certify: 1 of 1 images that miss the wanted radius may have it by bounds on p_A and p_B, .*Records.top_two"
    )
    with pytest.warns(UserWarning, match=words):
        found = certified(three, image, [0], n=2000, radius=0.12, bound=COHEN)
    assert found.rows[0].end == "given up"
    q_a, p_b = certified(three, image, [0], n=20_000).top_two()
    assert COHEN.radius(found.noise, q_a=q_a, p_b=p_b)[0] > 0.12
    certified(three, image, [0], n=2000, radius=0.4, bound=COHEN)  # and says nothing where they would not


# ---- a wanted precision ----

TASK = SimpleNamespace(n=1000, n0=0, alpha=0.01, noise=Gaussian(0.5))  # what `stop_for` asks of a job


def test_a_pilot_sets_the_draws_and_only_the_others_are_read():
    found = stopping(**PRECISION)
    head = found.header
    assert (head.n0, head.select) == (1000, None)
    assert head.stop == {"rule": "pilot 1", "precision": 0.2, "norm": 2.0, "bound": "cohen-l2"}
    wanted = stop_for(SimpleNamespace(**vars(TASK) | {"n": 20_000, "n0": 1000, "alpha": 0.001}), None, 0.2, COHEN, None,
                      "votes").wanted  # fmt: skip
    assert [row.draws for row in found.rows] == [wanted[max(row.counts0.values())] for row in found.rows]
    assert {row.end for row in found.rows} == {"precise"} and found.draws.max() < 20_000
    for alpha in (None, 0.01):
        assert np.array_equal(found.q_a(alpha), clopper_pearson_tail(found.count, found.draws, alpha or 0.001))
    dense = [[row.counts.get(k, 0) for k in range(2)] for row in found.rows]
    assert np.array_equal(found.top_two(0.01), top_two(dense, found.predict, 0.01))
    assert not records.can_thin(found, 10)


def test_a_pilot_without_a_majority_abstains():
    image = torch.zeros(1, DIM)
    found = certified(three, image, [0], n=2000, precision=0.1, bound=COHEN)
    (row,) = found.rows
    assert (row.end, row.draws, found.q_a().tolist(), row.counts) == ("given up", 0, [1.0], {})
    assert np.array_equal(found.top_two(), [[1.0], [1.0]])
    assert rs.accuracy.certified(found, COHEN) == 0


@pytest.mark.parametrize("sigma", [0.12, 0.25, 0.5, 1.0])
def test_a_precision_is_kept_on_published_images(published_log, sigma):
    log = published_log("locuslab-smoothing", "cifar10", sigma, sigma)
    rng, noise, p = np.random.default_rng(0), Gaussian(sigma), 1 - np.minimum(log.q_a(), 0.5)
    task, x = SimpleNamespace(n=100_000, n0=1000, alpha=0.001, noise=noise), 0.05
    wanted = np.array(stop_for(task, None, x, COHEN, None, "votes").wanted)

    def radius(draws, alpha=0.001):
        q_a = clopper_pearson_tail(rng.binomial(draws, p) * (draws > 0), np.maximum(draws, 1), alpha)
        return COHEN.radius(noise, q_a=q_a), q_a

    whole = np.mean([radius(np.full(len(p), 100_000))[0] for _ in range(10)], axis=0)
    kept = np.array([radius(wanted[rng.binomial(1000, p)])[0] for _ in range(10)])
    assert kept.mean() >= (1 - x) * whole.mean()
    assert (kept >= (1 - 2 * x) * whole).mean() >= 0.9
    draws = np.array([wanted[rng.binomial(1000, p)] for _ in range(20)])
    wrong = np.array([radius(n, 0.01)[1] < 1 - p for n in draws])
    assert 1000 + draws.mean() < 36_000
    assert stats.binomtest(int(wrong.sum()), wrong.size, 0.01, alternative="greater").pvalue > 1e-3


@wishes
def test_where_an_image_ends_does_not_depend_on_neighbours(wish):
    alone = stopping(**wish, images=torch.full((1, DIM), 0.1), labels=[0], indices=[5], batch_size=7)
    beside = stopping(**wish, images=torch.full((9, DIM), 0.1), labels=[0] * 9, batch_size=100)
    assert votes(alone)[5] == votes(beside)[5]
