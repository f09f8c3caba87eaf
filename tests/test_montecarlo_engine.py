"""Batches are full, small or halved, images are packed, and none of it shows in the counts.

A model whose answer for an image depends on the others of its batch is refused before the run, others are not.
"""

import re
from itertools import combinations, cycle, product
from pathlib import Path

import numpy as np
import pytest
import torch
from halfspace import DIM, HalfSpace, certified, digits, votes
from scipy import special, stats
from torch import nn

import rsexplore as rs
from rsexplore import data, noises
from rsexplore import montecarlo as mc
from rsexplore.confidence import ABSTAINED
from rsexplore.montecarlo.engine import Engine, Work
from rsexplore.montecarlo.logits import check_independence
from rsexplore.noises import Gaussian, Noise, PowerGaussian

COHEN = rs.bounds.get("cohen-l2")


def works(count=3, samples=(100, 2000)):
    """Images of which each has some noise of its own."""
    return [Work(i, torch.full((DIM,), 0.1 * i), mc.TorchRng(4, i), samples) for i in range(count)]


def class_counts(model, image, noise, n, rng, num_classes=2, batch_size=100):
    """Counts of one image by a bare engine."""
    ((_, counts),) = Engine(model, noise, num_classes, batch_size).run([Work(None, image, rng, (n,))])
    return counts[0]


def looking(*sizes, enough=lambda counts: False):
    """The second sample, after a first of 100, is looked at there, and may end at all but the last."""

    def until(work, counts):
        copies = int(counts.sum())
        done = copies == 100 + sizes[-1] or (copies > 100 and enough(counts))
        return copies if done else next(100 + size for size in sizes if 100 + size > copies)

    return until


def counted(model=None, noise=Gaussian(0.5), size=64, until=None, **options):  # noqa: B008
    """Counts of `works` by a bare engine."""
    engine = Engine(model or HalfSpace(), noise, 2, size, **options)
    return {work.key: found.tolist() for work, found in engine.run(works(), until)}


LOOKS = [None, looking(20, 333, 2000, enough=lambda counts: counts[1].sum() >= 333)]


# ---- packing ----


def test_batches_are_full_across_the_borders_of_images():
    model = HalfSpace()
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


@pytest.mark.parametrize("batch_size", [25, 200, 400, None])
def test_a_real_network_counts_the_same_in_every_batch_size(batch_size):
    some = *digits(4), Gaussian(0.5), 100, 4000
    assert votes(certified(*some, batch_size=batch_size)) == votes(certified(*some, batch_size=100))


FAMILIES = [
    *(family.from_sigma(0.5, dim=DIM) for family in noises.ALL),
    *(
        PowerGaussian.from_sigma(0.5, DIM, k=4.0, power_norm=a, tail_norm=b)
        for a, b in ((2, 2), (np.inf, 2), (np.inf,) * 2)
    ),
]


@pytest.mark.parametrize("noise", FAMILIES, ids=str)
def test_every_noise_is_packed_alike_with_and_without_looks(noise):
    for until in LOOKS:
        expected = counted(noise=noise, size=100, until=until)
        assert counted(noise=noise, size=17, until=until) == counted(noise=noise, size=900, until=until) == expected


def test_an_image_that_fills_a_draw_counts_the_same_in_every_batch_size():
    image = torch.zeros(2**17)  # four of them are a block
    found = [
        class_counts(lambda batch: batch[:, :2], image, Gaussian(1), 30, mc.TorchRng(0), batch_size=size)
        for size in (1, 3, 11, 40)
    ]
    assert all((one == found[0]).all() for one in found)


class Counting:
    """A sampler that remembers what it was asked for, and fails at some call."""

    def __init__(self, failing=0):
        self.asked, self.failing = [], failing

    apply = Noise.apply

    def draw(self, rng, shape):
        self.asked.append(shape[0])
        noise = Gaussian(0.5).draw(rng, shape)
        if len(self.asked) == self.failing:
            raise MemoryError
        return noise


def test_nothing_is_drawn_beyond_the_next_look():
    noise, until = Counting(), looking(333, 10**6, enough=lambda counts: True)
    run = Engine(HalfSpace(), noise, 2, 64).run(works(1, (100, 10**6)), until)
    assert next(run)[1][1].sum() == 333
    assert noise.asked == [100, 100, 100, 200]


def test_a_stopped_image_has_the_first_votes_of_a_whole_one():
    seen = {}
    for enough in (lambda counts: counts[1].sum() >= 500, lambda counts: False):
        ((_, counts),) = Engine(HalfSpace(), Gaussian(0.5), 2, 64).run(works(1), looking(100, 500, 2000, enough=enough))
        seen[int(counts[1].sum())] = counts
    assert set(seen) == {500, 2000} and (seen[500][0] == seen[2000][0]).all() and (seen[500][1] <= seen[2000][1]).all()


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_an_image_that_cannot_be_had_is_an_error_and_not_left_out(error):
    def broken():
        yield from works(1)
        raise error("no such image")

    with pytest.raises(error, match="no such image"):
        list(Engine(HalfSpace(), Gaussian(0.5), 2, 64).run(broken()))


# ---- short memory ----


class Narrow(HalfSpace):
    """A half-space on a device that holds so many copies, and fails as torch does on a CPU."""

    def __init__(self, room=30, from_call=0):
        super().__init__()
        self.room, self.from_call = room, from_call

    def forward(self, batch):
        logits = super().forward(batch)
        if len(batch) > self.room and len(self.sizes) > self.from_call:
            batch.fill_(7)  # what had been drawn is spoiled
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return logits


@pytest.mark.parametrize("batch_size", [200, None])
@pytest.mark.parametrize("images", [1, 5, 50])
def test_where_memory_is_short_the_batch_is_halved_and_the_counts_are_the_same(batch_size, images):
    pixels = torch.linspace(0, 1, images * DIM).reshape(images, DIM)
    model = Narrow()
    found = certified(model, pixels, batch_size=batch_size)
    assert votes(found) == votes(certified(images=pixels))
    assert max(model.sizes) > model.room >= model.sizes[-1]  # it was found out, and kept to
    assert sum(size > model.room for size in model.sizes) <= 6


@pytest.mark.parametrize("until", LOOKS)
def test_memory_that_runs_out_in_the_middle_loses_and_doubles_nothing(until):
    wanted = counted(until=until)
    assert counted(Narrow(from_call=3), size=100, until=until) == wanted
    for failing in (1, 2, 5, 9, 14):  # or where noise is drawn
        assert counted(noise=Counting(failing), size=300, until=until) == wanted


def test_where_not_even_one_copy_fits_or_the_error_is_another_torch_speaks():
    model = Narrow(room=0)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        certified(model)
    assert model.sizes[-1] == 1
    with pytest.raises(RuntimeError, match="cannot be multip"):
        certified(lambda batch: batch @ batch)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc to reset a peak of memory")
def test_peak_memory_does_not_grow_with_the_votes():
    def resident(name):
        return int(re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))[1]) / 1024

    def growth(n):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is that of now
        before = resident("VmRSS")
        certified(images=torch.zeros(1, DIM), labels=[0], batch_size=400, n=n)
        return resident("VmHWM") - before

    growth(1000)  # pays for what is set up once
    # what else the process does meanwhile may add to one try, and never takes away
    assert min(growth(600_000) for _ in range(3)) < 8  # MiB; 600,000 copies alone are 37


# ---- what models do with their batches ----


class Spoiling(HalfSpace):
    """The same classifier, which spoils what it is given, and returns its logits in the same memory each time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("logits", torch.zeros(100, 2))

    def forward(self, batch):
        logits = self.logits[: len(batch)].copy_(super().forward(batch))
        batch.fill_(-7)
        return logits


@pytest.mark.parametrize("wrap", [np.asarray, torch.as_tensor], ids=["array", "tensor"])
@pytest.mark.parametrize("batch_size", [7, 100])
def test_a_model_may_spoil_its_batch_and_return_the_same_memory_each_time(wrap, batch_size):
    pixels = np.linspace(0, 1, 5 * DIM, dtype=np.float32).reshape(5, DIM)
    before = pixels.copy()
    found = certified(Spoiling(), wrap(pixels), batch_size=batch_size, n=1000)
    assert np.array_equal(pixels, before)
    assert votes(found) == votes(certified(HalfSpace(), pixels, n=1000))


def test_no_gradient_is_kept():
    net, grads = torch.nn.Linear(DIM, 2), []
    net.register_forward_hook(lambda _module, _inputs, output: grads.append(output.requires_grad))
    counted(net)
    assert not any(grads)


def halves(batch):
    """Class 1 where the first coordinate is above 0.25."""
    first = batch.flatten(1)[:, 0]
    return torch.stack([torch.full_like(first, 0.25), first, first - 9], dim=1)


def test_class_counts_add_up_and_match_the_known_probability():
    image, noise = torch.linspace(0, 1, 16).reshape(1, 4, 4), Gaussian(0.5)
    counts = class_counts(halves, image, noise, 50_000, mc.TorchRng(0, 0), 3)
    assert counts.shape == (3,) and counts.sum() == 50_000 and counts[2] == 0
    assert stats.binomtest(int(counts[1]), 50_000, stats.norm.sf(0.25 / 0.5)).pvalue > 1e-3


UNREADABLE = [
    (lambda batch: halves(batch)[:, :2], r"shape \(100, 3\), got \(100, 2\)"),
    (lambda batch: halves(batch)[:50], r"shape \(100, 3\), got \(50, 3\)"),
    (lambda batch: halves(batch).long(), r"floating-point logits, got torch.int64"),
    (lambda batch: halves(batch) / 0, r"finite, got nan or inf for \d+ of 1000 noisy copies"),
    (lambda batch: halves(batch) * float("nan"), r"finite, got nan or inf for 1000 of 1000 noisy copies"),
]


@pytest.mark.parametrize(("model", "words"), UNREADABLE)
def test_a_model_without_readable_logits_is_told(model, words):
    with pytest.raises(mc.ModelOutputError, match=words):
        class_counts(model, torch.zeros(16), Gaussian(0.5), 1000, mc.TorchRng(0), 3)


# ---- noise as it is put into batches ----


def copies(noise, shape, n, batch_size=100):
    """Noise as the engine puts it into batches, shape (n, coordinates), around an image of zeros."""
    seen = []

    def model(batch):
        seen.append(batch.flatten(1).clone())
        return batch.flatten(1)[:, :2]

    class_counts(model, torch.zeros(shape), noise, n, mc.TorchRng(3), batch_size=batch_size)
    return torch.cat(seen)[:n].double().numpy()


LAWS = [
    (Gaussian(0.7), stats.norm(scale=0.7)),
    (noises.Laplace(0.7), stats.laplace(scale=0.7)),
    (noises.Uniform(0.7), stats.uniform(-0.7, 1.4)),
    (noises.GeneralizedGaussian(0.7, 0.5), stats.gennorm(0.5, scale=0.7)),
    (noises.GeneralizedGaussian(0.7, 4.0), stats.gennorm(4, scale=0.7)),
]


@pytest.mark.parametrize(("noise", "law"), LAWS, ids=[str(noise) for noise, _ in LAWS])
def test_independent_coordinates_follow_their_law_in_the_batches(noise, law):
    found = copies(noise, (1, 4, 4), 2530)
    assert found.shape == (2530, 16) and len(np.unique(found, axis=0)) == 2530
    assert stats.kstest(found.ravel(), law.cdf).pvalue > 1e-3


# ||z||_tail = scale sqrt(2 G), G of the law Gamma((dim - k) / 2): the chi law of dim - k degrees of freedom
CHI = stats.chi(11, scale=0.7)


NORMS = [
    (noises.ExponentialLinf(0.7, 16), np.inf, stats.gamma(16, scale=0.7)),
    *((PowerGaussian(0.7, 5.0, 16, a, b), b, CHI) for a, b in ((2, 2), (np.inf, 2), (np.inf, np.inf))),
]


@pytest.mark.parametrize(("noise", "norm", "law"), NORMS, ids=[str(noise) for noise, *_ in NORMS])
def test_dependent_coordinates_follow_the_law_of_their_norm_and_are_symmetric(noise, norm, law):
    found = copies(noise, (1, 4, 4), 5000)
    assert stats.kstest(np.linalg.norm(found, norm, axis=1), law.cdf).pvalue > 1e-3
    assert stats.binomtest(int((found > 0).sum()), found.size).pvalue > 1e-3
    largest = np.abs(found).argmax(axis=1)  # each coordinate is the largest as often
    assert stats.chisquare(np.bincount(largest, minlength=16)).pvalue > 1e-3
    assert found.std() == pytest.approx(noise.sigma, rel=0.05)


@pytest.mark.parametrize("dim, k, n", [(3, 1.5, 4000), (768, 400.0, 1500)])
def test_eq_9_of_a_device_is_that_of_the_processor_and_of_the_closed_law(dim, k, n):
    noise = PowerGaussian(1.0, k, dim, np.inf, 2)
    mine = noise.draw(mc.TorchRng(4), (n, dim)).double().numpy()
    theirs = noise.draw(np.random.default_rng(4), (n, dim))
    largest, place = np.abs(mine).max(1), np.abs(mine).argmax(1)
    s = np.linspace(-12, 2.5, 200_001)  # log ||z||_inf, of density a^(1 - k) phi(a) (2 Phi(a) - 1)^(dim - 1)
    logs = (1 - k) * s + stats.norm.logpdf(np.exp(s)) + (dim - 1) * np.log(special.erf(np.exp(s) / np.sqrt(2)))
    share = np.cumsum(np.exp(logs - logs.max()))
    assert stats.kstest(np.log(largest), lambda x: np.interp(x, s, share / share[-1])).pvalue > 1e-3
    assert stats.ks_2samp(largest, np.abs(theirs).max(1)).pvalue > 1e-3
    assert stats.ks_2samp(mine[:, 0], theirs[:, 0]).pvalue > 1e-3
    # the other coordinates are normal between the ends that the largest one sets
    rest = np.arange(dim) != place[:, None]
    even = (special.erf(mine / np.sqrt(2)) / special.erf(largest / np.sqrt(2))[:, None])[rest]
    assert stats.kstest(even[:40_000], stats.uniform(-1, 2).cdf).pvalue > 1e-3


# ---- batch size ----


@pytest.mark.parametrize(
    ("shape", "least", "most"),
    [((1, 8, 8), 400, 400), ((1, 28, 28), 400, 400), ((3, 32, 32), 64, 256), ((3, 64, 64), 16, 64), ((1, 2**18), 8, 8)],
)
def test_on_a_cpu_batches_go_by_the_size_of_an_image_and_nothing_is_tried(shape, least, most):
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return batch.flatten(1)[:, :2]

    n = 1300 if most > 100 else 100
    certified(model, torch.zeros(2, *shape), [0, 0], n0=300, n=n)
    clean, *counted = sizes
    assert clean == 2 and least <= max(counted) <= most
    # each copy has passed once, and a few images were looked at in other company: nothing was measured
    assert sum(counted) <= 2 * (300 + n) + max(counted) + 14


NETWORKS = [
    (1e-3, 1e-6, 2**62, 10**8, 8192, 8192),
    (0, 1e-3, 2**62, 10**8, 64, 512),  # nothing is gained by larger ones
    (0, 0.02, 2**62, 10**8, 64, 64),  # a slow network is not tried for minutes
    (1e-3, 1e-5, 2**62, 10_000, 64, 8192),  # nor for more than a share of the run
    (1e-3, 1e-6, 300, 10**8, 256, 256),
    (1e-3, 1e-6, 20, 10**8, 32, 32),  # the run halves it
]


@pytest.mark.parametrize(("start", "copy", "fits", "run", "least", "most"), NETWORKS)
def test_a_search_finds_the_size_beyond_which_nothing_is_gained(start, copy, fits, run, least, most, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(mc.runner.time, "perf_counter", lambda: clock[0])

    def network(batch):
        if len(batch) > fits:
            raise torch.OutOfMemoryError
        clock[0] += start + copy * len(batch)
        return batch

    assert least <= mc.runner.fastest_batch_size(network, torch.zeros(4), run) <= most
    assert clock[0] < (5 if run > 10_000 else 0.05)


# ---- compilation, precision, formats ----


@pytest.fixture
def graphs(monkeypatch):
    """Sizes of the batches for which torch compiled a graph each; the graphs run as they are."""
    found, real = [], torch.compile

    def backend(graph, inputs):
        place = len(found)
        found.append(None)

        def run(*given):
            logits = graph.forward(*given)
            found[place] = len(logits[0])
            return logits

        return run

    monkeypatch.setattr(torch, "compile", lambda model, **options: real(model, backend=backend, **options))
    return found


class Net(torch.nn.Sequential):
    """Some network; its batches' first coordinate decides."""

    def __init__(self, width):
        super().__init__(torch.nn.Linear(DIM, width), torch.nn.ReLU(), torch.nn.Linear(width, 2))
        self.eval()


COMPILED = [
    {"batch_size": 64},
    {},
    {"autocast": "bfloat16"},
    {"grid": 8, "images": torch.zeros(3, DIM)},
    {"radius": 0.1, "bound": COHEN, "n": 1000},
    {"model": lambda batch: batch[:, :2] * 2},
    {"model": mc.CifarResNet(8).eval(), "images": torch.rand(2, 3, 32, 32), "channels_last": True, "n": 50},
]


@pytest.mark.parametrize(
    "options", COMPILED, ids=["batch", "chosen", "bfloat16", "grid", "stopped", "callable", "channels_last"]
)
def test_a_run_compiles_one_graph_for_batches_of_one_size(graphs, options):
    options = {"model": Net(4), "batch_size": None} | options
    found = certified(**options, compile=True)
    assert len(graphs) == 1 and graphs[0] == (options["batch_size"] or graphs[0])
    assert found.header.model["compile"]
    if options["batch_size"]:
        assert votes(found) == votes(certified(**options))


def test_the_tenth_network_in_one_process_is_compiled_too_and_so_is_another_batch_size(graphs):
    for width in range(1, 11):
        certified(Net(width), compile=True, batch_size=50)
        assert len(graphs) == width
    model = Net(4)
    for batch_size in (20, 30, 40):
        certified(model, compile=True, batch_size=batch_size)
    assert graphs == [50] * 10 + [20, 30, 40]


def test_autocast_is_part_of_the_header_and_hardly_moves_the_counts():
    some = *digits(3), Gaussian(0.5), 100, 4000
    exact, narrow = certified(*some), certified(*some, autocast=torch.bfloat16)
    assert narrow.header.model["autocast"] == "bfloat16" and "autocast" not in exact.header.model
    assert votes(narrow) != votes(exact)  # it was narrow
    assert np.abs(exact.count - narrow.count).max() < 80


def test_channels_last_counts_the_same_up_to_rounding():
    torch.manual_seed(0)
    some = mc.CifarResNet(8).eval(), torch.rand(2, 3, 32, 32), [0, 1], Gaussian(0.25), 20, 200
    exact, last = certified(*some), {"memory_format": torch.channels_last}
    seen = set()
    some[0].conv1.register_forward_pre_hook(lambda _module, inputs: seen.add(inputs[0].is_contiguous(**last)))
    other = certified(*some, channels_last=True, batch_size=50)
    assert other.header.model["channels_last"] and seen >= {True}
    assert np.abs(exact.count - other.count).max() <= 2


@pytest.mark.gpu
def test_a_gpu_draws_the_same_law_and_repeats_itself():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    some = *digits(6), Gaussian(0.5), 100, 50_000
    here, there = certified(*some, device="cpu"), certified(*some, device="cuda")
    # rounding of a GPU's sums may depend on the batch
    assert np.abs(there.count - certified(*some, device="cuda", batch_size=256).count).max() <= 3
    assert (np.abs(here.count - there.count) < 5 * np.sqrt(50_000 / 2)).all()
    half = certified(*some, device="cuda", autocast="bfloat16", channels_last=True)
    assert (np.abs(half.count - there.count) < 1000).all()


# ---- networks, prediction ----


def test_prediction_is_the_majority_or_none():
    images = torch.tensor([[-1.0], [0.0], [1.0]]) * HalfSpace().direction
    assert mc.predict(HalfSpace(), images, Gaussian(0.5), n=300).tolist() == [0, ABSTAINED, 1]
    model, images, labels = digits(50, "digits-gaussian-0.25")
    assert (mc.predict(model, images, Gaussian(0.25), n=100) == labels).mean() > 0.9


def test_neighbouring_seeds_and_indices_are_unrelated():
    # every pair: (0, 1) against (1, 0) too, which have the same sum
    pairs = list(product(range(4), range(4)))
    streams = [mc.TorchRng(*pair).standard_normal((1000,)).numpy() for pair in pairs]
    for a, b in combinations(streams, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.18
    # nor does one begin where another one is later
    assert len(set().union(*(mc.TorchRng(*pair).words((500,)).tolist() for pair in pairs))) == 16 * 500
    runs = [certified(lambda batch: batch.flatten(1), torch.zeros(4, DIM), [0] * 4, seed=seed) for seed in range(4)]
    assert len({str(row.counts) for found in runs for row in found.rows}) == 16


def test_exponentials_are_finite_and_not_negative():
    sample = mc.TorchRng(0).standard_exponential((2_000_000,))
    assert torch.isfinite(sample).all() and (sample >= 0).all()


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1), (0.5, 0), (True, 0)])
def test_a_wrong_seed_is_told(seed, index):
    with pytest.raises(ValueError, match=r"TorchRng: (seed|index) must be a whole number of at least 0"):
        mc.TorchRng(seed, index)


torch.manual_seed(0)
IMAGES = torch.as_tensor(data.digits().test.images[:6])
DIGITS = mc.DigitsNet().eval()
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


CONVOLUTIONS, LAST = [nn.Conv2d(1, 32, 3), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 32, 3)], nn.Linear(32, 10)


def binary(batch):
    """Binary activations, at which rounding decides."""
    for layer in CONVOLUTIONS:
        batch = layer(batch).sign()
    return LAST(batch.mean((2, 3)))


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
        mc.predict(model.eval(), IMAGES, Gaussian(0.1), n=10)
    with pytest.raises(ValueError, match=words):
        mc.attack(model.eval(), IMAGES, Gaussian(0.1))


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


@pytest.mark.parametrize(("count", "batch_size"), [(1, None), (2, 2), (6, 3), (6, 500)])
@pytest.mark.parametrize("kind", BOUND)
def test_what_no_layer_tells_is_seen_in_the_logits(kind, count, batch_size, tmp_path):
    def model(batch):
        assert torch.is_inference_mode_enabled()
        return BOUND[kind](batch)

    images, words = IMAGES[:count] / 2 + RAMP, "logits of an image depend on the other images of its batch"
    with pytest.raises(mc.ModelOutputError, match=words):
        certified(model, images, log=tmp_path / "log.tsv", batch_size=batch_size)
    assert not (tmp_path / "log.tsv").exists()
    with pytest.raises(mc.ModelOutputError, match=words):
        mc.accuracies(BOUND[kind], images, np.zeros(count, dtype=int), Gaussian(0.1), n=10)


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
    "narrow": mc.DigitsNet().eval().bfloat16(),
    "autocast": autocast,
    "attention": Sequence.own,
    "tracked": nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10)).eval(),
    "each image by itself": nn.Sequential(nn.InstanceNorm2d(1), DIGITS).eval(),
    "binary": binary,
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


@pytest.mark.parametrize("net", [mc.CifarResNet(20), mc.WideResNet(10, 2)])
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


def test_nobody_s_random_numbers_are_changed():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    for model in (DIGITS, drop):
        check_independence(model, IMAGES)
    for family in noises.ALL:
        certified(noise=family.from_sigma(0.5, dim=DIM), n=100)
    assert torch.equal(before, torch.random.get_rng_state())


def test_looking_passes_few_images_and_never_more_at_once_than_the_run():
    images = torch.linspace(0, 1, 500 * DIM).reshape(500, DIM)
    model = HalfSpace()
    found = certified(model, images, n=10, n0=5, batch_size=25)
    assert sum(model.sizes) <= 500 + 500 * 15 + 16
    assert votes(found) == votes(certified(images=images, n=10, n0=5, batch_size=5))
    for batch_size in (1, 2):
        model = HalfSpace()
        certified(model, images[:6], n=10, batch_size=batch_size)
        assert max(model.sizes) == batch_size
