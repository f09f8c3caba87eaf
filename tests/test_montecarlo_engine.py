"""Batches are full, small or halved, images are packed, and none of it shows in the counts."""

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, certified, votes  # noqa: E402
from scipy import stats  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import noises  # noqa: E402
from rsexplore.confidence import ABSTAINED  # noqa: E402
from rsexplore.montecarlo import CifarResNet, DigitsNet, TorchRng, load_model, predict  # noqa: E402
from rsexplore.montecarlo.engine import Engine  # noqa: E402
from rsexplore.montecarlo.lane import Work  # noqa: E402
from rsexplore.montecarlo.memory import kept_heap  # noqa: E402
from rsexplore.noises import Gaussian, PowerGaussian  # noqa: E402

torch.set_num_threads(1)
COHEN = rs.bounds.get("cohen-l2")


class Seen(HalfSpace):
    """A half-space that remembers the sizes of its batches."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, batch):
        self.sizes.append(len(batch))
        return super().forward(batch)


# ---- packing ----


def test_batches_are_full_across_the_borders_of_images():
    model = Seen()
    certified(model, n0=30, n=47, batch_size=64)
    # 5 clean images; a few of them in other company; then 5 x 77 copies in full batches, the last one filled up to a
    # multiple of 25
    assert model.sizes == [5, 3, 3, 3, 3, 2, 64, 64, 64, 64, 64, 64, 25]


@pytest.mark.parametrize("n", [1, 24, 26, 300])
def test_neighbours_and_batches_do_not_show_in_the_counts(n):
    images = torch.linspace(-0.3, 0.3, 7 * DIM).reshape(7, DIM)
    alone = {}
    for index in range(7):
        alone |= votes(certified(images=images[index : index + 1], indices=[index], labels=[0], n=n))
    for batch_size in (1, 3, 50, 1000, None):
        assert votes(certified(images=images, labels=[0] * 7, n=n, batch_size=batch_size)) == alone


@pytest.mark.parametrize("batch_size", [25, 50, 200, 400, None])
def test_a_real_network_counts_the_same_in_every_batch_size(batch_size):
    digits = rs.data.digits().test
    some = load_model("digits-gaussian-0.5"), digits.images[:4], digits.labels[:4], Gaussian(0.5), 100, 4000
    assert votes(certified(*some, batch_size=batch_size)) == votes(certified(*some, batch_size=100))


FAMILIES = [
    *(family.from_sigma(0.5, dim=DIM) for family in noises.ALL),
    *(
        PowerGaussian.from_sigma(0.5, DIM, k=4.0, power_norm=a, tail_norm=b)
        for a, b in ((2, 2), (np.inf, 2), (np.inf,) * 2)
    ),
]


@pytest.mark.parametrize("noise", FAMILIES, ids=str)
def test_every_noise_is_packed_alike(noise):
    images = torch.linspace(-0.3, 0.3, 3 * DIM).reshape(3, DIM)
    expected = votes(certified(images=images, noise=noise, n=1000, batch_size=100))
    for batch_size in (17, 250):
        assert votes(certified(images=images, noise=noise, n=1000, batch_size=batch_size)) == expected


def test_every_seed_and_index_has_noise_of_its_own():
    def largest(batch):
        return batch.flatten(1)

    runs = [certified(largest, torch.zeros(4, DIM), [0] * 4, seed=seed) for seed in range(4)]
    # every pair: seed 0 and index 1 against seed 1 and index 0 too, which have the same sum
    assert len({str(row.counts) for found in runs for row in found.rows}) == 16


def copies(noise, shape, n, batch_size=100):
    """Noise as the engine puts it into batches, shape (n, coordinates), around an image of zeros."""
    seen = []

    def model(batch):
        seen.append(batch.flatten(1).clone())
        return batch.flatten(1)[:, :2]

    work = Work(None, torch.zeros(shape), TorchRng(3), (n,))
    list(Engine(model, noise, 2, batch_size).run([work]))
    return torch.cat(seen)[:n].double().numpy()


LAWS = {
    "Gaussian": (Gaussian(0.7), stats.norm(scale=0.7)),
    "Laplace": (noises.Laplace(0.7), stats.laplace(scale=0.7)),
    "Uniform": (noises.Uniform(0.7), stats.uniform(-0.7, 1.4)),
    "GeneralizedGaussian 0.5": (noises.GeneralizedGaussian(0.7, 0.5), stats.gennorm(0.5, scale=0.7)),
    "GeneralizedGaussian 4": (noises.GeneralizedGaussian(0.7, 4.0), stats.gennorm(4, scale=0.7)),
}


@pytest.mark.parametrize("name", LAWS)
def test_independent_coordinates_follow_their_law_in_the_batches(name):
    noise, law = LAWS[name]
    found = copies(noise, (1, 4, 4), 2530)
    assert found.shape == (2530, 16) and len(np.unique(found, axis=0)) == 2530
    assert stats.kstest(found.ravel(), law.cdf).pvalue > 1e-3


NORMS = {
    "ExponentialLinf": (noises.ExponentialLinf(0.7, 16), np.inf, stats.gamma(16, scale=0.7)),
    # ||z||_tail = scale sqrt(2 G), G of the law Gamma((dim - k) / 2): the chi law of dim - k degrees of freedom
    "PowerGaussian 2, 2": (PowerGaussian(0.7, 5.0, 16, 2, 2), 2, stats.chi(11, scale=0.7)),
    "PowerGaussian inf, 2": (PowerGaussian(0.7, 5.0, 16, np.inf, 2), 2, stats.chi(11, scale=0.7)),
    "PowerGaussian inf, inf": (PowerGaussian(0.7, 5.0, 16, np.inf, np.inf), np.inf, stats.chi(11, scale=0.7)),
}


@pytest.mark.parametrize("name", NORMS)
def test_dependent_coordinates_follow_the_law_of_their_norm_and_are_symmetric(name):
    noise, norm, law = NORMS[name]
    found = copies(noise, (1, 4, 4), 5000)
    assert stats.kstest(np.linalg.norm(found, norm, axis=1), law.cdf).pvalue > 1e-3
    assert stats.binomtest(int((found > 0).sum()), found.size).pvalue > 1e-3
    largest = np.abs(found).argmax(axis=1)  # each coordinate is the largest as often
    assert stats.chisquare(np.bincount(largest, minlength=16)).pvalue > 1e-3
    assert found.std() == pytest.approx(noise.sigma, rel=0.05)


# ---- precision, formats ----


def test_autocast_is_part_of_the_header_and_hardly_moves_the_counts():
    digits = rs.data.digits().test
    some = load_model("digits-gaussian-0.5"), digits.images[:3], digits.labels[:3], Gaussian(0.5), 100, 4000
    exact, narrow = certified(*some), certified(*some, autocast=torch.bfloat16)
    assert narrow.header.model["autocast"] == "bfloat16" and "autocast" not in exact.header.model
    assert votes(narrow) != votes(exact)  # it was narrow
    for a, b in zip(exact.count, narrow.count, strict=True):
        assert abs(a - b) < 80
    with pytest.raises(
        ValueError, match=r"certify: autocast must be one of \('bfloat16', 'float16'\), got autocast='int8'"
    ):
        certified(*some, autocast="int8")


def test_channels_last_counts_the_same_up_to_rounding():
    torch.manual_seed(0)
    some = CifarResNet(8).eval(), torch.rand(2, 3, 32, 32), [0, 1], Gaussian(0.25), 20, 200
    exact = certified(*some)
    seen = set()
    some[0].conv1.register_forward_pre_hook(
        lambda _module, inputs: seen.add(inputs[0].is_contiguous(memory_format=torch.channels_last))
    )
    other = certified(*some, channels_last=True, batch_size=50)
    assert other.header.model["channels_last"] and seen >= {True}
    assert all(abs(a - b) <= 2 for a, b in zip(exact.count, other.count, strict=True))


@pytest.mark.gpu
def test_a_gpu_draws_the_same_law_and_repeats_itself():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    digits = rs.data.digits().test
    some = load_model("digits-gaussian-0.5"), digits.images[:6], digits.labels[:6], Gaussian(0.5), 100, 50_000
    here, there = certified(*some, device="cpu"), certified(*some, device="cuda")
    assert (
        votes(there) == votes(certified(*some, device="cuda", batch_size=256))
        or np.abs(there.count - certified(*some, device="cuda", batch_size=256).count).max() <= 3
    )  # rounding of a GPU's sums may depend on the batch
    assert (np.abs(here.count - there.count) < 5 * np.sqrt(50_000 / 2)).all()
    half = certified(*some, device="cuda", autocast="bfloat16", channels_last=True)
    assert (np.abs(half.count - there.count) < 1000).all()


# ---- allocator, networks, prediction ----


def test_the_heap_is_kept_for_a_while_and_by_all_who_ask():
    with kept_heap(), kept_heap():
        arrays = [torch.zeros(10**6) for _ in range(3)]
    assert sum(float(a.sum()) for a in arrays) == 0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc to reset a peak of memory")
def test_peak_memory_does_not_grow_with_the_votes():
    def resident(name):
        return int(re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))[1]) / 1024

    run = {"images": torch.zeros(1, DIM), "labels": [0], "batch_size": 400}
    certified(**run, n=1000)
    growth = []
    for n in (1000, 1_000_000):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is that of now
        before = resident("VmRSS")
        certified(**run, n=n)
        growth.append(resident("VmHWM") - before)
    assert max(growth) < 8  # MiB; 1,000,000 copies alone are 61


@pytest.mark.parametrize(("depth", "parameters"), [(20, 269_722), (110, 1_727_962)])
def test_the_residual_network_has_the_published_number_of_parameters(depth, parameters):
    # He et al. 2016, Table 6: 0.27M and 1.7M, with shortcuts without parameters; ours have 512 + 2048 weights and
    # 2 x (32 + 64) for normalisation
    net = CifarResNet(depth).eval()
    assert sum(value.numel() for value in net.parameters()) == parameters + 512 + 2048 + 2 * (32 + 64)
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    assert {"conv1.weight", "layer2.0.downsample.0.weight", "layer3.2.bn2.running_var", "fc.bias"} <= set(
        net.state_dict()
    )
    with pytest.raises(ValueError, match="CifarResNet: depth must be 6n . 2, such as 20 or 110, got depth=18"):
        CifarResNet(18)


def test_a_residual_network_gives_an_image_the_same_logits_in_training_arithmetic():
    torch.manual_seed(0)
    net, images = CifarResNet(8), torch.rand(4, 3, 32, 32)
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None
    net(images)
    assert torch.allclose(net.eval()(images)[:2], net(images[:2]), atol=1e-5)


def test_prediction_is_the_majority_or_none():
    images = torch.tensor([[-1.0], [0.0], [1.0]]) * HalfSpace().direction
    assert predict(HalfSpace(), images, Gaussian(0.5), n=300).tolist() == [0, ABSTAINED, 1]
    digits = rs.data.digits().test
    found = predict(load_model("digits-gaussian-0.25"), digits.images[:50], Gaussian(0.25), n=100)
    assert (found == digits.labels[:50]).mean() > 0.9 and DigitsNet
