"""Certification: right by classifiers whose radius is known, whatever a caller has, and clear about bad input.

What a caller has, arrays, models and devices of every kind, is certified as it is, or refused before the run.
"""

import time
import warnings
from math import isnan

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, Slow, certified, votes  # noqa: E402
from scipy import stats  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import bounds, records  # noqa: E402
from rsexplore.montecarlo import CifarResNet, DigitsNet, ModelOutputError, devices, load_model  # noqa: E402
from rsexplore.noises import Gaussian, Laplace  # noqa: E402

torch.set_num_threads(1)
AXIS = torch.eye(DIM)[3]
PIXELS = np.linspace(0, 1, 5 * DIM, dtype=np.float32).reshape(5, DIM)


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
    assert (found.predict == 1).mean() > 0.9  # at 0.2 a few selections of 50 go wrong
    q_a = found.q_a()
    radius = rs.bounds.get(key).radius(noise, q_a=np.minimum(q_a, 0.5))
    right = found.predict == 1
    failures = int((radius > distance)[right].sum())
    assert stats.binomtest(failures, int(right.sum()), 0.05, alternative="greater").pvalue > 1e-3
    assert failures > 0  # 20 are expected: a level far below alpha would be a wrong interval, too
    assert np.median(radius[right] / distance[right]) > 0.85


def test_the_selection_sample_is_not_the_estimation_sample():
    found = certified(n0=300, n=300)
    assert any(dict(row.counts0) != dict(row.counts) for row in found.rows)


def test_the_prediction_comes_from_the_selection_sample():
    images = torch.zeros(40, DIM)  # on the boundary: both classes are as likely
    for row in certified(images=images, n0=5, n=5).rows:
        assert row.predict == max((0, 1), key=lambda label: row.counts0.get(label, 0))
        assert row.count == row.counts.get(row.predict, 0)


# ---- arguments ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(0, DIM), "labels": []}, r"images must have shape \(images, ...\) with one at least"),
        ({"images": torch.zeros(5)}, r"images must have shape \(images, ...\).*got \(5,\)"),
        ({"images": torch.zeros(5, DIM, dtype=torch.uint8)}, "images must be floating, in the units of the noise"),
        ({"images": torch.full((5, DIM), float("nan"))}, "images must be finite"),
        ({"labels": [0, 1]}, r"labels must have shape \(5,\), one for each image, got \(2,\)"),
        ({"labels": [0.5] * 5}, "labels must be whole numbers, got float64"),
        ({"labels": [0, 0, 0, 0, -1]}, "labels must be at least 0, got -1"),
        ({"labels": [0, 0, 0, 0, 2]}, "the model knows 2 classes, but labels go up to 2"),
        ({"indices": [0, 1, 2, 3, 3]}, "indices must all differ"),
        ({"n": 0}, "n must be a whole number of at least 1, got n=0"),
        ({"n": 1e5}, "n must be a whole number of at least 1, got n=100000.0"),
        ({"n0": 0}, "n0 must be a whole number"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"threads": 0}, "threads must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"alpha": 0}, "alpha must lie between 0 and 1, got alpha=0"),
        ({"alpha": "a"}, "alpha must lie between 0 and 1, got alpha='a'"),
        ({"alpha": float("nan")}, "alpha must lie between 0 and 1"),
        ({"noise": Gaussian(0.5, dim=3)}, r"the noise has dim=3, but an image of shape \(16,\) has 16 coordinates"),
        ({"model": HalfSpace().train()}, "the model must be in evaluation mode"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_told(change, message, tmp_path):
    log = tmp_path / "log.tsv"
    with pytest.raises(ValueError, match=f"certify: {message}"):
        certified(log=log, **change)
    assert not log.exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda batch: batch.sum(1), r"logits of shape \(5, classes\), got \(5,\)"),
        (lambda batch: batch[:2], r"logits of shape \(5, classes\), got \(2, 16\)"),
        (lambda batch: batch.sum(1, keepdim=True), r"logits of shape \(5, classes\), got \(5, 1\)"),
        (lambda batch: batch / 0, "finite, got nan or inf for a clean image"),
        (lambda batch: (batch + 0.3).log(), r"finite, got nan or inf for \d+ of 20 noisy copies"),
    ],
)
def test_a_model_without_readable_logits_is_told(model, message):
    with pytest.raises(ModelOutputError, match=message):
        certified(model)


def test_any_callable_and_any_array_will_do():
    def halves(batch):
        return HalfSpace()(batch)

    images = np.linspace(0, 1, 5 * DIM).reshape(5, DIM)
    found = certified(halves, images, torch.arange(5) % 2)
    assert votes(found) == votes(certified())
    model = dict(found.header.model)
    answers = model.pop("clean")
    assert model == {"name": "halves", "digest": None}
    sums = images.sum(1) / DIM**0.5  # the logits are 0 and this
    assert [label for label, _ in answers] == [1] * 5
    assert [lead for _, lead in answers] == pytest.approx(sums, rel=1e-3)


# ---- models ----


def test_a_part_in_training_mode_is_refused():
    net = torch.nn.Sequential(HalfSpace(), torch.nn.Dropout()).eval()
    certified(net, n=20)
    net[1].train()
    with pytest.raises(ValueError, match="certify: the model's part '1' must be in evaluation mode"):
        certified(net)


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


def masked(batch):
    """A half-space and a class that is ruled out."""
    return torch.cat([HalfSpace()(batch), torch.full((len(batch), 1), -torch.inf)], dim=1)


def test_classes_may_be_ruled_out_by_minus_infinity():
    assert votes(certified(masked)) == votes(certified())


@pytest.mark.parametrize("spoil", [torch.nan, torch.inf])
def test_but_nan_and_infinity_are_refused_and_so_is_no_class_at_all(spoil):
    def broken(batch):
        return masked(batch).nan_to_num(neginf=spoil)

    for model in (broken, lambda batch: masked(batch) - torch.inf):
        with pytest.raises(ModelOutputError, match="finite, got nan or inf for a clean image .-inf is allowed beside"):
            certified(model)


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


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([["a"]], "images must be floating, .*got <U1"),
        ([[1, 2]], "images must be floating, .*got int64"),
        ([[True]], "images must be floating, .*got bool"),
        ([[0.5, 1], [0.5]], "images must be an array of one shape"),
        (0.5, r"images must have shape \(images, ...\) with one at least, got \(\)"),
        (torch.ones(2, DIM, dtype=torch.complex64), "images must be floating, .*got torch.complex64"),
    ],
)
def test_what_is_no_image_is_told(images, words):
    with pytest.raises(ValueError, match=f"certify: {words}"):
        certified(images=images, labels=[0])


def test_images_far_from_the_unit_are_warned_of_once():
    with pytest.warns(
        UserWarning, match="certify: the images go from 0 to 255, and the noise is in the same unit"
    ) as told:
        certified(images=PIXELS * 255)
    assert len(told) == 1 and told[0].filename.endswith("halfspace.py")  # the line that calls certify
    with pytest.warns(UserWarning, match="go from -20 to -19"):
        certified(images=PIXELS - 20)
    with warnings.catch_warnings(action="error"):
        certified(images=PIXELS * 6 - 3)  # no pictures: nothing is known of their unit


PICTURES = PIXELS.reshape(5, 1, 4, 4)


@pytest.mark.parametrize(
    "pictures", [PICTURES * 2 - 1, PICTURES - 0.01, (PICTURES - 0.45) / 0.25, PICTURES[:, 0] * 1.1]
)
def test_pictures_outside_of_their_unit_are_warned_of(pictures):
    words = "certify: the images go from .*, so radii are not in pixels of .0, 1.; .* normalise them within the model"
    with pytest.warns(UserWarning, match=words) as told:
        certified(images=pictures)
    assert len(told) == 1 and told[0].filename.endswith("halfspace.py")


@pytest.mark.parametrize("pictures", [PICTURES, PICTURES[:, 0], PICTURES * 0.5, PICTURES * (1 + 1e-5) - 1e-5])
def test_pictures_in_their_unit_are_not(pictures):
    with warnings.catch_warnings(action="error"):
        certified(images=pictures)


def test_pictures_with_their_channels_last_are_told():
    torch.manual_seed(0)
    net = CifarResNet(8).eval()
    for images in (np.zeros((2, 32, 32, 3), np.float32), torch.zeros(2, 32, 32, 3)):
        words = (
            r"the model fails on the images .*\(32, 32, 3\), which looks like \(height, width, channels\).*transpose"
        )
        with pytest.raises(ValueError, match=f"certify: {words}"):
            certified(net, images)
    with pytest.raises(RuntimeError, match="expected input.*channels") as caught:
        certified(net, torch.zeros(2, 1, 32, 32))  # not that mistake, so torch's own words
    assert "looks like" not in str(caught.value)
    # a network that takes them so is left alone
    certified(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2)).eval(), torch.zeros(2, 32, 32, 3), n=10)


class Output:
    """What networks of other libraries return."""

    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            lambda batch: Output(HalfSpace()(batch)),
            r"got Output with a tensor at .logits; certify .*self.net\(batch\).logits",
        ),
        (
            lambda batch: (HalfSpace()(batch), batch),
            r"got tuple with a tensor at \[0\]; certify .*self.net\(batch\)\[0\]",
        ),
        (lambda batch: {"loss": 0.5, "out": HalfSpace()(batch)}, r"got dict with a tensor at \['out'\]; certify"),
        (lambda batch: None, r"a tensor of logits \(5, classes\), got NoneType$"),
    ],
)
def test_logits_within_something_else_are_pointed_out(model, words):
    with pytest.raises(ModelOutputError, match=words):
        certified(model)


def test_a_default_device_without_numbers_is_told():
    model = HalfSpace()
    torch.set_default_device("meta")
    try:
        with pytest.raises(
            ValueError, match=r"certify: the default device must keep numbers, got the device meta.*'cpu'"
        ):
            certified(model, PIXELS, [0] * 5)
    finally:
        torch.set_default_device("cpu")
    with pytest.raises(ValueError, match="certify: images must hold numbers, got a tensor on the device meta"):
        certified(model, torch.zeros(5, DIM, device="meta"), [0] * 5)


# ---- noise, device, log ----


def test_a_noise_of_no_known_family_is_refused_before_the_run(tmp_path):
    with pytest.raises(TypeError, match="certify: noise must be a Noise, got float"):
        certified(noise=0.5)

    class Home(Gaussian):
        pass

    def model(batch):
        raise AssertionError("the run has begun")

    with pytest.raises((TypeError, ValueError), match="Home"):
        certified(model, noise=Home(0.5), log=tmp_path / "log.tsv")
    assert not (tmp_path / "log.tsv").exists()


@pytest.mark.parametrize("device", ["foo", "cuda:99", 3.5, "meta"])
def test_a_device_that_is_not_there_is_told(device):
    with pytest.raises(ValueError, match="certify: device must be one that .* got "):
        certified(device=device)
    with pytest.raises(ValueError, match="load_model: device must be one that .* got "):
        load_model("digits-gaussian-0.25", device=device)


def test_a_model_without_numbers_is_told():
    with pytest.raises(ValueError, match="certify: device must be one that keeps numbers, got the device meta"):
        certified(DigitsNet().eval().to("meta"), torch.zeros(1, 1, 8, 8), [0])


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("none/log.tsv", "the folder of the log must exist, got log='.*none/log.tsv'"),
        ("", "log must be a file, got the folder"),
        ("log.tsv.gz", "a log is written as plain text, got the compressed log="),
    ],
)
def test_a_log_that_cannot_be_written_is_told_before_the_run(log, words, tmp_path):
    def model(batch):
        raise AssertionError("the run has begun")

    with pytest.raises(ValueError, match=f"certify: {words}"):
        certified(model, log=tmp_path / log)


# ---- progress, threads ----


def test_the_bar_tells_rate_and_accuracies(capsys):
    certified(progress=True)
    told = capsys.readouterr().err
    assert "5/5" in told and "image" in told and "clean" in told and "under noise" in told


def test_the_bar_is_there_before_the_model_is_looked_at(capsys):
    class Silent(HalfSpace):
        def forward(self, batch):
            told.append(capsys.readouterr().err)
            time.sleep(0.15 * (len(told) < 5))  # a bar is drawn ten times a second
            return super().forward(batch)

    told = []
    certified(Silent(), torch.zeros(50, DIM), progress=True, batch_size=10, n0=1, n=1)
    assert "votes" in told[0] and "clean images, 10 of 50" in told[1] and "clean images, 30 of 50" in told[3]


def test_a_run_that_does_not_begin_leaves_no_bar(capsys):
    with pytest.raises(ValueError, match="labels go up to 7"):
        certified(labels=[7] * 5, progress=True)
    told = capsys.readouterr().err
    assert told.endswith("\r") and "\n" not in told


class Enough(KeyboardInterrupt):
    """Raised by a caller."""


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
            raise Enough

    with pytest.raises(Enough):
        certified(progress=tell, log=tmp_path / "log.tsv")
    assert len(records.read(tmp_path / "log.tsv")) == 3
    told = []
    found = certified(progress=told.append, log=tmp_path / "log.tsv")
    told = [p for p in told if not p.doing]
    assert told[0].images == 3 and told[-1].images == 5 and told[-1].total == 2 * 320
    assert votes(found) == votes(certified())


def test_images_that_end_early_leave_less_to_count():
    told = []
    wish = {"radius": 0.2, "bound": bounds.get("cohen-l2")}
    found = certified(noise=Gaussian(0.1), n=2000, progress=told.append, **wish)
    assert told[-1].total == 5 * 20 + found.draws.sum() < 5 * 2020


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
    for name in devices():
        assert torch.ones(2, device=name).sum() == 2


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
