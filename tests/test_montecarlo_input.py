"""What a caller has, arrays, models and devices of every kind, is certified as it is, or refused before the run."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, certified, votes  # noqa: E402

from rsexplore.montecarlo import CifarResNet, DigitsNet, ModelOutputError, load_model  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)
PIXELS = np.linspace(0, 1, 5 * DIM, dtype=np.float32).reshape(5, DIM)


# ---- models ----


class InPlace(HalfSpace):
    """The same classifier, which spoils what it is given."""

    def forward(self, batch):
        logits = super().forward(batch)
        batch.fill_(-7)
        return logits


@pytest.mark.parametrize("wrap", [lambda array: array, torch.as_tensor], ids=["array", "tensor"])
@pytest.mark.parametrize("batch_size", [2, 100])
def test_a_model_that_works_in_place_changes_neither_images_nor_counts(wrap, batch_size):
    pixels = PIXELS.copy()
    found = certified(InPlace(), wrap(pixels), batch_size=batch_size)
    assert np.array_equal(pixels, PIXELS)
    assert votes(found) == votes(certified(HalfSpace(), PIXELS))


class OneTensor(HalfSpace):
    """The same classifier, which returns its logits in the same memory each time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("logits", torch.zeros(100, 2))

    def forward(self, batch):
        return self.logits[: len(batch)].copy_(super().forward(batch))


@pytest.mark.parametrize("batch_size", [2, 100])
def test_a_model_may_return_its_logits_in_the_same_memory_each_time(batch_size):
    options = {"images": PIXELS, "n": 3000, "batch_size": batch_size}
    assert votes(certified(OneTensor(), **options)) == votes(certified(HalfSpace(), **options))


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


def test_least_and_largest_pixel_are_in_the_header():
    found = certified(images=PIXELS - 0.5)
    assert (found.header.data["min"], found.header.data["max"]) == (-0.5, 0.5)


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
