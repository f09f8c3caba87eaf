"""A fast copy of a network: what is folded, that it answers alike, and that it is another network to a log."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from halfspace import HalfSpace, certified, digits, votes
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from rsexplore.montecarlo import CifarResNet, WideResNet, load_model
from rsexplore.montecarlo.models import digest
from rsexplore.montecarlo.networks import fast
from rsexplore.noises import Gaussian
from rsexplore.records import LogHeaderError


class Counted(TorchDispatchMode):
    """Counts the operations that torch is asked for."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.found[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def lived_in(net):
    """The network as if it was trained, with batch norms that do something."""
    torch.manual_seed(0)
    for part in net.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            for values in (part.running_mean, *([part.weight.data, part.bias.data] if part.affine else [])):
                values.normal_(0.5, 0.3)
            part.running_var.uniform_(0.5, 2)
    return net.eval()


class Rest(nn.Module):
    """Two convolutions and a batch norm, that are called as a test wants it."""

    def __init__(self, forward, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv, self.other, self.norm = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3), norm(3)
        self.way = forward

    def forward(self, images):
        return self.way(self, images).flatten(1)


class WithRelu(nn.BatchNorm2d):
    def forward(self, images):
        return super().forward(images).relu()


def hooked():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    net[0].register_forward_hook(lambda _module, _inputs, output: output.abs())
    return net


# network, batch norms that are folded, and all
FOLDED = {
    "resnet": (CifarResNet(8), 9, 9),
    "norms before convolutions": (WideResNet(10, 2), 4, 7),
    "1d": (nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 5), nn.BatchNorm1d(4, affine=False), nn.Flatten()), 1, 1),
    "grouped, strided, reflected": (
        nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, groups=3, padding_mode="reflect"), nn.BatchNorm2d(6), nn.Flatten()), 1, 1
    ),
    "the output is used twice": (Rest(lambda net, x: net.norm(y := net.conv(x)) + y), 0, 1),
    "the convolution is used twice": (Rest(lambda net, x: net.norm(net.conv(x)) + net.conv(x)), 0, 1),
    "the norm is used twice": (Rest(lambda net, x: net.norm(net.conv(x)) + net.norm(net.other(x))), 0, 1),
    "a relu between": (Rest(lambda net, x: net.norm(net.conv(x).relu())), 0, 1),
    "a relu within": (Rest(lambda net, x: net.norm(net.conv(x)), WithRelu), 0, 1),
    "torch.fx cannot follow": (Rest(lambda net, x: net.norm(net.conv(x)) if x.sum() > 0 else x), 0, 1),
    "one of two": (
        nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), WithRelu(3), nn.Flatten()), 1, 2
    ),
    "a hook": (hooked(), 0, 1),
    "weights made anew": (
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4), nn.Flatten()), 0, 1
    ),
    "no batch norms": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDED)
def test_what_can_be_folded_is_and_what_cannot_is_told_and_nothing_else_changes(case):
    net, folded, norms = FOLDED[case]
    images, before = torch.rand(4, 3, 32, 32), digest(lived_in(net))
    with torch.inference_mode(), Counted() as own:
        needed = net(images.clone())
    if folded < max(norms, 1):
        with pytest.warns(UserWarning, match=f"fast: {folded} of {norms} batch norms folded") as told:
            copy, words = fast(net, torch.float32)
        assert ("torch.fx cannot follow" in str(told[0].message)) == (case == "torch.fx cannot follow")
    else:
        copy, words = fast(net, torch.float32)
    with torch.inference_mode(), Counted() as less:
        got = copy(images.clone())
    assert words == f"{folded} of {norms} batch norms folded, float32"
    torch.testing.assert_close(got, needed, rtol=1e-4, atol=1e-4 * needed.abs().max().item())
    assert own.found - less.found == Counter({"batch_norm": folded} if folded else {}) and not less.found - own.found
    assert digest(net) == before and (digest(copy) != before) == bool(folded)


def test_a_resnet110_takes_277_operations_in_bfloat16_where_autocast_takes_501():
    net, images = CifarResNet(110).eval(), torch.rand(1, 3, 32, 32)
    copy, words = fast(net, torch.bfloat16)
    with torch.inference_mode(), Counted() as few:
        copy(images.to(torch.bfloat16))  # the cast is one of them
    with torch.inference_mode(), Counted() as many, torch.autocast("cpu", torch.bfloat16):
        net(images)
    assert words == "111 of 111 batch norms folded, bfloat16"
    assert (few.found.total(), many.found.total()) == (277, 501)


def normalised():
    """A digits net of certain answers, with a batch norm that undoes what it does."""
    net = load_model("digits-gaussian-0.5")
    norm = nn.BatchNorm2d(16).eval()
    norm.running_mean.fill_(0.5)
    norm.running_var.fill_(4.0)
    nn.init.constant_(norm.weight, 2.0), nn.init.constant_(norm.bias, 0.5)
    net.layers.insert(1, norm)
    return net


@pytest.mark.parametrize("precision", [None, "bfloat16"])
def test_a_fast_run_counts_nearly_the_same_and_is_another_to_a_log(tmp_path, precision):
    plain, *some = *digits(5), Gaussian(0.25), 20, 2000
    net, paths = normalised(), [tmp_path / name for name in ("slow.tsv", "fast.tsv")]
    before, slow = digest(net), certified(net, *some, log=paths[0])
    with ThreadPoolExecutor(2) as pool:
        quick = certified(net, *some, log=paths[1], fast=True, autocast=precision, executor=pool)
    assert np.abs(quick.count - slow.count).max() < 20 and np.abs(slow.count - certified(plain, *some).count).max() < 3
    assert digest(net) == before == slow.header.model["digest"] != quick.header.model["digest"]
    told = {"fast": f"1 of 1 batch norms folded, {precision or 'float32'}", "channels_last": True}
    assert {key: quick.header.model.get(key) for key in (*told, "autocast")} == told | {"autocast": None}
    assert quick.header.model["name"] == slow.header.model["name"] and not {*told} & {*slow.header.model}
    texts = [path.read_bytes() for path in paths]
    for path, option in zip(paths, ({"fast": True, "autocast": precision}, {}), strict=True):
        with pytest.raises(LogHeaderError, match="model"):
            certified(net, *some, log=path, **option)
    assert [path.read_bytes() for path in paths] == texts
    assert votes(certified(net, *some, log=paths[1], fast=True, autocast=precision)) == votes(quick)


seen = []


class Watched(HalfSpace):
    """Keeps what it is given, in this module."""

    def forward(self, batch):
        seen.append(batch.clone())
        return super().forward(batch)


@pytest.mark.filterwarnings("ignore:certify. fast. 0 of 0 batch norms")
def test_noise_is_drawn_and_added_in_float32_and_the_sum_is_cast():
    def batches(**options):
        seen.clear()
        found = certified(Watched(), batch_size=50, **options)
        return found, torch.cat(seen[-30:])

    (_, wide), (found, narrow) = batches(), batches(fast=True, autocast="bfloat16")
    assert (wide.dtype, narrow.dtype) == (torch.float32, torch.bfloat16) and torch.equal(wide.bfloat16(), narrow)
    assert found.header.model["fast"] == "0 of 0 batch norms folded, bfloat16"
    double = Watched(torch.ones(16, dtype=torch.float64) / 4)
    assert votes(certified(double, fast=True)) == votes(certified(Watched(), fast=True))


class Cancels(HalfSpace):
    def forward(self, batch):
        return super().forward(batch + 1000.0) - super().forward(torch.full_like(batch, 1000.0))


class Needs32(HalfSpace):
    def forward(self, batch):
        return super().forward(batch.float())


@pytest.mark.filterwarnings("ignore:certify. fast. 0 of 0 batch norms")
@pytest.mark.parametrize(
    ("model", "error"),
    [
        (Cancels(), "certify: fast=True moves clean logits by .* > 0.05 of what decides; leave it out"),
        (Needs32(), "certify: the model fails in the precision of fast=True .*; leave it out"),
        (lambda batch: batch, "fast=True needs an nn.Module as the model, got function"),
    ],
)
def test_a_network_that_answers_otherwise_when_fast_is_refused(model, error):
    with pytest.raises(ValueError, match=error):
        certified(model, fast=True, autocast="bfloat16")
