"""A model whose answer for an image depends on the others of its batch is refused before the run, others are not."""

from itertools import cycle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import HalfSpace, certified, votes  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore import data  # noqa: E402
from rsexplore.montecarlo import CifarResNet, DigitsNet, ModelOutputError, WideResNet, accuracies, attack, predict  # noqa: E402
from rsexplore.montecarlo.logits import check_independence  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(0)
IMAGES = torch.as_tensor(data.digits().test.images[:6])
DIGITS = DigitsNet().eval()
RAMP = torch.arange(64.0).reshape(8, 8) / 128
UNTRACKED = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10, track_running_stats=False)).eval()


class Sequence(nn.Module):
    """Attention over the rows of a picture, or by a slip over the pictures of a batch."""

    def __init__(self, batch_first):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
        self.last = nn.Linear(8, 10)

    def forward(self, batch):
        return self.last(self.layer(batch.flatten(1).unflatten(1, (8, 8))).mean(1))


class Signs(nn.Module):
    """Binary activations, at which rounding decides."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(1, 32, 3), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 32, 3)])
        self.last = nn.Linear(32, 10)

    def forward(self, batch):
        for layer in self.layers:
            batch = layer(batch).sign()
        return self.last(batch.mean((2, 3)))


PLACES = torch.randn(1000, 1, generator=torch.Generator().manual_seed(3)) * torch.linspace(-1, 1, 10)


def flat(batch):
    return batch.flatten(1)[:, :10]


LAYERS = {
    "untracked": (UNTRACKED, r"part '2' \(BatchNorm1d\) takes mean and deviation from the images of its batch"),
    "untracked deep": (nn.Sequential(DIGITS, nn.Sequential(nn.SyncBatchNorm(10, track_running_stats=False))),
                       r"part '1.0' \(SyncBatchNorm\)"),
    "softmax": (nn.Sequential(DIGITS, nn.Softmax(0)), r"part '1' \(Softmax\) normalises over the images of its batch"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_that_looks_at_the_batch_is_named(kind, tmp_path):
    model, words = LAYERS[kind]
    with pytest.raises(ValueError, match=words + ".*its votes certify nothing"):
        certified(model.eval(), IMAGES, log=tmp_path / "log.tsv")
    assert not (tmp_path / "log.tsv").exists()
    with pytest.raises(ValueError, match=words):
        predict(model.eval(), IMAGES, Gaussian(0.1), n=10)
    with pytest.raises(ValueError, match=words):
        attack(model.eval(), IMAGES, Gaussian(0.1))


FIRST = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), DIGITS).eval()
BOUND = {
    "hidden in a function": lambda batch: FIRST(batch),
    "attention over the batch": Sequence(batch_first=False).eval(),
    "less the mean": lambda batch: flat(batch) - flat(batch).mean(0),
    "a little": lambda batch: flat(batch) + flat(batch).mean(0) / 100,
    "less the first": lambda batch: flat(batch) - flat(batch)[:1],
    "less the last": lambda batch: flat(batch) - flat(batch)[-1:],
    "by the neighbour": lambda batch: flat(batch) + flat(batch).roll(1, 0),
    "by the batch's largest": lambda batch: (flat(batch) / batch.abs().amax() * 127).round(),
    "by its size": lambda batch: flat(batch) / len(batch),
    "masked": lambda batch: torch.cat([FIRST(batch), torch.full((len(batch), 1), -1e9)], 1),
    "ruled out": lambda batch: torch.cat([FIRST(batch), torch.full((len(batch), 1), -torch.inf)], 1),
    "less the least pixel": lambda batch: flat(batch - batch.amin()),
    "by the place": lambda batch: flat(batch) + PLACES[: len(batch)],
    "beside a large number": lambda batch: flat(batch) - flat(batch).mean(0) + 1e4,
    "noisy besides": lambda batch: FIRST(batch + torch.randn_like(batch) / 10),
}


@pytest.mark.parametrize("count, batch_size", [(1, None), (2, 2), (6, 3), (6, 500)])
@pytest.mark.parametrize("kind", BOUND)
def test_what_no_layer_tells_is_seen_in_the_logits(kind, count, batch_size, tmp_path):
    def model(batch):
        assert torch.is_inference_mode_enabled()
        return BOUND[kind](batch)

    images, words = IMAGES[:count] / 2 + RAMP, "logits of an image depend on the other images of its batch"
    with pytest.raises(ModelOutputError, match=words):
        certified(model, images, log=tmp_path / "log.tsv", batch_size=batch_size)
    assert not (tmp_path / "log.tsv").exists()
    with pytest.raises(ModelOutputError, match=words):
        accuracies(BOUND[kind], images, np.zeros(count, dtype=int), Gaussian(0.1), n=10)


OFTEN = cycle([False, False, True, False, True])


def drop(batch):
    return nn.functional.dropout(flat(batch), 0.5)


def other_random(batch):
    return flat(batch) + torch.from_numpy(np.random.default_rng().normal(size=(len(batch), 10))).float()


def autocast(batch):
    with torch.autocast("cpu", torch.bfloat16):
        return Sequence.own(batch).float()


Sequence.own = Sequence(batch_first=True).eval()
HONEST = {
    "digits": DIGITS,
    "narrow": DigitsNet().eval().bfloat16(),
    "autocast": autocast,
    "attention": Sequence.own,
    "tracked": nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10)).eval(),
    "each image by itself": nn.Sequential(nn.InstanceNorm2d(1), DIGITS).eval(),
    "binary": Signs().eval(),
    "hard labels": lambda batch: nn.functional.one_hot(DIGITS(batch).argmax(1), 10).float(),
    "masked": lambda batch: torch.cat([DIGITS(batch), torch.full((len(batch), 1), -1e9)], 1),
    "ruled out": lambda batch: torch.cat([DIGITS(batch), torch.full((len(batch), 1), -torch.inf)], 1),
    "sure": lambda batch: (1000 * DIGITS(batch)).log_softmax(1),
    "small": lambda batch: 1e-30 * DIGITS(batch),
    "constant": lambda batch: torch.zeros(len(batch), 10),
    # another answer each time, but for each image by itself
    "noisy": lambda batch: DIGITS(batch + torch.randn_like(batch) / 10),
    "dropout": drop,
    "random otherwise": other_random,
    "random now and then": lambda batch: DIGITS(batch.flip(-1) if next(OFTEN) else batch),
    "large numbers": lambda batch: DIGITS(batch) + 1e4,
    "near ties, narrow": lambda batch: (DIGITS(batch) / 100 + 5).bfloat16(),
}


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("kind", HONEST)
def test_what_takes_each_image_by_itself_is_certified(kind, count):
    found = certified(HONEST[kind], IMAGES[:count], n=50)
    assert [sum(row.counts.values()) for row in found.rows] == [50] * count


@pytest.mark.parametrize("net", [CifarResNet(20), WideResNet(10, 2)])
@pytest.mark.parametrize("image", [IMAGES[:1, :, :1, 4:5], torch.zeros(2, 3, 1, 1), torch.eye(32).expand(3, 3, 32, 32)])
def test_networks_and_plain_images_pass(net, image):
    certified(net.eval(), image.expand(-1, 3, 32, 32), n=10, n0=10)


def summed(batch):
    """Honest, and rounded otherwise for each size of batch, as a kernel may that splits its sums."""
    values = batch.flatten(1).double() @ torch.linspace(-1, 1, 64 * 10).double().reshape(64, 10)
    return (values * (1 + 1e-5 * len(batch))).float()


def near(batch):
    """Honest but for rounding by the other images, as where a kernel is chosen by them."""
    return flat(batch) * (1 + 1e-6 * flat(batch).mean())


@pytest.mark.parametrize("model", [summed, near])
def test_rounding_by_size_or_company_of_a_batch_is_no_dependence(model):
    certified(model, IMAGES, n=50)


def test_looking_changes_neither_votes_nor_anyone_s_random_numbers():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    for model in (DIGITS, drop):
        check_independence(model, IMAGES)
    assert torch.equal(before, torch.random.get_rng_state())


def test_no_more_images_pass_at_once_than_in_the_run():
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return DIGITS(batch)

    for batch_size in (1, 2):
        certified(model, IMAGES, n=10, batch_size=batch_size)
        assert max(sizes) == batch_size


def test_looking_passes_few_images():
    class Counted(HalfSpace):
        seen = 0

        def forward(self, batch):
            self.seen += len(batch)
            return super().forward(batch)

    model, images = Counted(), torch.linspace(0, 1, 500 * 16).reshape(500, 16)
    found = certified(model, images, n=10, n0=5, batch_size=25)
    assert model.seen <= 500 + 500 * 15 + 16
    assert votes(found) == votes(certified(HalfSpace(), images, n=10, n0=5, batch_size=25))
