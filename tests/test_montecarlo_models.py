"""Checkpoints in the formats of others load to the bit, whatever their files are called; the rest is refused in words.

Pixels are normalised as file, library or caller say. What is broken, hostile or asks for much runs nothing."""

import copy
import itertools
import json
import pickle
import random
import re
import sys
import types
import warnings
import zipfile
from argparse import Namespace

import numpy as np
import pytest
import torch
from resnet8 import ARCH, IMAGES, NET, OTHER, STATE, Evil, Expression, changed, lively, load, same, small, under  # noqa: F401
from safetensors.torch import save_file
from torch import nn

from rsexplore.montecarlo import ARCHITECTURES, CheckpointError, Normalize, digest, load_model
from rsexplore.montecarlo.networks import CIFAR10, IMAGENET, CifarResNet, DigitsNet, WideResNet

SMALL, WIDE, MANY = lively(CifarResNet(20)), lively(WideResNet()), lively(CifarResNet(20, 100))
S, W = SMALL.state_dict(), WIDE.state_dict()
OWN = nn.Sequential(nn.Flatten(), nn.Linear(3072, 4))


def behind(pair, net):
    return nn.Sequential(Normalize(*pair), net)


# the layer of Cohen et al. and of Salman et al. keeps nothing in a state_dict, so that theirs has a second part only;
# that of Yang et al. keeps mean and logarithm of the deviation, and it and the network are under DataParallel
MU, LOG = (torch.tensor(values).reshape(3, 1, 1) for values in (CIFAR10[0], np.log(CIFAR10[1]).tolist()))
NORM = {"norm.module.mu": MU, "norm.module.log_sig": LOG}
THEIRS = MU.flatten().tolist(), LOG.exp().flatten().tolist()
CIFAR, R20 = behind(CIFAR10, SMALL), {"arch": "cifar_resnet20"}
# name -> (saved state, the network, arch in the file, options of load_model)
SAVED = {
    "locuslab cifar": (under("1.", S), CIFAR, "cifar_resnet20", {}),
    "locuslab DataParallel": (under("1.module.", S), CIFAR, "cifar_resnet20", {}),
    "salman": (under("module.1.", S), CIFAR, "cifar_resnet20", {}),
    "salman centred": (under("1.", S), behind((CIFAR10[0], [1.0] * 3), SMALL), "cifar_resnet20",
                       {"normalize": "cifar10-centred"}),
    "rs4a wide": (NORM | under("model.module.", W), behind(THEIRS, WIDE), None, {}),
    "rs4a resnet": (NORM | under("model.module.", S), behind(THEIRS, SMALL), None, {}),
    "ours": (behind(IMAGENET, SMALL).state_dict(), behind(IMAGENET, SMALL), None, {}),
    "plain": (S, SMALL, None, {"normalize": "none"}),
    "plain wide": (W, WIDE, "wide_resnet40_2", {"normalize": "none"}),
    "own module behind a layer": (under("1.", S), behind(IMAGENET, SMALL), "theirs",
                                  {"arch": CifarResNet(20), "normalize": "imagenet"}),
    "own module, 1 beside a layer 0": (
        OWN.state_dict() | {"0.mu": MU, "0.log_sig": LOG}, behind(THEIRS, OWN), None, {"arch": copy.deepcopy(OWN)}
    ),
    "own module": (OWN.state_dict(), OWN, None, {"arch": copy.deepcopy(OWN), "normalize": "none"}),
    "a hundred classes": (under("1.", MANY.state_dict()), behind(CIFAR10, MANY), R20["arch"], {"num_classes": 100}),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".pth.tar", ".safetensors"])
@pytest.mark.parametrize("kind", SAVED)
def test_each_format_gives_the_same_logits_to_the_bit(kind, suffix, tmp_path):
    state, wanted, arch, options = SAVED[kind]
    path = tmp_path / f"model{suffix}"
    if suffix == ".safetensors":
        save_file(state, path, metadata=arch and {"arch": arch})
    else:
        held = {"epoch": 90, "arch": arch, "state_dict": state, "optimizer": {"param_groups": [{"lr": 0.1}]}}
        torch.save(held if arch else state, path)
    assert same(load_model(path, **options), wanted.eval())


# He et al. 2016, Table 6: 0.27M and 1.7M with shortcuts without parameters; ours have weights and normalisation there
SHORTCUTS = 512 + 2048 + 2 * (32 + 64)


def test_networks_have_the_published_number_of_parameters():
    published = {
        "cifar_resnet20": 269_722 + SHORTCUTS,
        "cifar_resnet110": 1_727_962 + SHORTCUTS,
        "wrn28_10": 36_479_194,
    }
    for arch, parameters in published.items():
        with torch.device("meta"):
            net = ARCHITECTURES[arch.replace("wrn", "wide_resnet")]()
        assert sum(value.numel() for value in net.parameters()) == parameters


def test_names_and_normalisation_are_as_published():
    assert {"conv1.weight", "layer2.0.downsample.0.weight", "layer3.2.bn2.running_var", "fc.bias"} <= set(S)
    assert "block2.layer.0.convShortcut.weight" in W
    mean, std = (torch.tensor(values)[:, None, None] for values in CIFAR10)
    assert torch.equal(Normalize(*CIFAR10)(IMAGES), (IMAGES - mean) / std)
    with pytest.raises(ValueError, match="CifarResNet: depth must be 6n . 2, such as 20, got depth=18"):
        CifarResNet(18)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floating_types_are_converted(dtype, tmp_path):
    narrow = DigitsNet().to(dtype)
    loaded = load(narrow.state_dict(), tmp_path, arch=None, normalize=None)
    assert all(torch.equal(value, narrow.float().state_dict()[key]) for key, value in loaded.state_dict().items())


def test_the_normalisation_is_part_of_the_digest(tmp_path):
    state = SAVED["locuslab cifar"][0]
    one, two = (load(state, tmp_path, arch=None, normalize=key) for key in ("cifar10", "cifar10-centred"))
    assert one.digest != two.digest


# ---- names ----


def wrapped(state, rng):
    """A state as wrappers leave it that were put around some modules, several around one another, and around all."""
    modules = {""} | {key.rpartition(".")[0] for key in state}
    modules |= {".".join(name.split(".")[:count]) for name in modules for count in range(1, 5)} & modules | {"layer1"}
    around = {
        name: [rng.choice(["module", "_orig_mod", "_fsdp_wrapped_module"]) for _ in range(rng.choice([0, 0, 1, 2]))]
        for name in sorted(modules)
    }
    around[""] += [rng.choice(["model", "net", "module", "backbone"]) for _ in range(rng.choice([0, 1, 2, 3]))]
    rng.shuffle(around[""])
    found = {}
    for key, value in state.items():
        parts, names = key.split("."), list(around[""])
        for place, name in enumerate(parts):
            names += [name, *around.get(".".join(parts[: place + 1]), [])]
        found[".".join(names)] = value
    return found


@pytest.mark.parametrize("seed", range(20))
def test_names_of_wrappers_may_stand_anywhere_in_any_order_and_number(seed, tmp_path):
    names = wrapped(STATE, random.Random(seed))
    assert same(load(names, tmp_path))
    assert same(load(names, tmp_path, arch=CifarResNet(8)))


def test_the_second_part_of_a_sequential_is_found_in_any_chain(tmp_path):
    normalised = nn.Sequential(Normalize(*CIFAR10), NET)
    for chain in itertools.permutations(["module", "_orig_mod", "1", "model"]):
        state = under(".".join(chain) + ".")
        # cifar_resnet8 is not among those whose data is known; what comes before it has to be said
        with pytest.raises(
            CheckpointError, match="holds a network behind a layer and does not say how pixels are norm"
        ):
            load(state, tmp_path, normalize=None)
        assert same(load(state, tmp_path, normalize="cifar10"), normalised)


class Outer(nn.Module):
    """Calls its only part by the name that DataParallel uses."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(3072, 4)

    def forward(self, batch):
        return self.module(batch.flatten(1))


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "module.module."])
def test_a_network_may_itself_use_the_name_of_a_wrapper(prefix, tmp_path):
    outer = Outer()
    assert same(load(under(prefix, outer.state_dict()), tmp_path, arch=Outer()), outer)


def test_of_a_wrapper_s_name_beside_another_part_nothing_is_dropped(tmp_path):
    both = nn.ModuleDict({"module": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    with pytest.raises(CheckpointError, match="does not fit ModuleDict: 2 parameters differ .module.weight: needed"):
        load(changed(both.state_dict(), module__weight=None) | {"weight": torch.ones(2, 2)}, tmp_path, arch=both)


def test_averaged_weights_and_counts_of_a_profiler_are_no_obstacle(tmp_path):
    averaged = torch.optim.swa_utils.AveragedModel(NET)
    assert "n_averaged" in averaged.state_dict()
    counted = STATE | {"total_ops": torch.zeros(1), "layer1.0.conv1.total_params": torch.zeros(1)}
    assert same(load(averaged.state_dict(), tmp_path)) and same(load(counted, tmp_path))


def test_counters_of_batches_may_lack_but_nothing_that_evaluation_reads(tmp_path):
    old = {key: value for key, value in STATE.items() if not key.endswith("num_batches_tracked")}
    assert same(load(old, tmp_path))
    assert same(load(under("module.", changed(STATE, layer2__0__bn1__num_batches_tracked=None)), tmp_path))
    with pytest.raises(CheckpointError, match=r"1 parameters differ \(bn1.running_mean: needed \(16,\), got None"):
        load(changed(old, bn1__running_mean=None), tmp_path)


def test_a_module_with_another_inside_is_no_wrapper(tmp_path):
    # conv1 after something that keeps nothing, such as padding or rounding: another network
    names = {key.replace("conv1.", "conv1.1.", 1) if key.startswith("conv1.") else key: v for key, v in STATE.items()}
    with pytest.raises(CheckpointError, match=r"conv1\.1\.weight: needed None"):
        load(names, tmp_path)


@pytest.mark.parametrize("around", ["", "module.", "nets."])
def test_of_two_networks_in_one_file_it_must_be_said_which(around, tmp_path):
    both = under(around, under("student.") | under("teacher.module.", OTHER.state_dict()))
    with pytest.raises(CheckpointError, match=f"under '{around}student' or '{around}teacher' does fit: say entry="):
        load(both, tmp_path)
    assert same(load(both, tmp_path, entry=f"{around}student"))
    assert same(load(both, tmp_path, entry=f"{around}teacher"), OTHER)
    with pytest.raises(CheckpointError, match="under 'model' does fit, beside loss: say entry="):
        load(under("model.") | {"loss.weight": torch.ones(10)}, tmp_path)
    with pytest.raises(CheckpointError, match="has no entry 'assistant'; its entries that hold tensors: ''"):
        load(both, tmp_path, entry="assistant")


def test_many_layers_that_look_alike_take_no_time(tmp_path):
    alike = {f"norm{number}.{name}": torch.ones(3) for number in range(60) for name in ("mean", "std")}
    deep = {".".join(["module"] * 5000) + "." + key: value for key, value in STATE.items()}
    with pytest.raises(CheckpointError, match="does not fit CifarResNet"):
        load(alike | under("model."), tmp_path)
    with pytest.raises(CheckpointError, match="does not fit Linear: 4001 parameters differ"):
        load({f"{number}.bias": torch.ones(1) for number in range(4000)}, tmp_path, arch=nn.Linear(2, 2))
    assert same(load(deep, tmp_path))


# ---- entries ----

ENTRIES = {
    "MACER": {"net": STATE, "epoch": 440},
    "torch's own examples": {"model": STATE, "optimizer": torch.optim.Adam(NET.parameters()).state_dict(), "loss": 0.3},
    "Lightning": {"state_dict": under("model."), "epoch": 3, "hyper_parameters": {"lr": 0.1}, "loops": {"a": {}}},
    "within another": {"checkpoint": {"state_dict": under("module."), "epoch": 1}},
    "an own name": {"weights of today": STATE, "accuracy": [0.5, 0.6]},
    "an optimizer by names": {
        "model_state_dict": STATE,
        "optimizer": {"state": {"conv1.weight": {"exp_avg": torch.ones(2), "step": torch.ones(1)}}},
    },
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_the_only_dict_of_tensors_is_loaded(kind, tmp_path):
    assert same(load(ENTRIES[kind], tmp_path))


@pytest.mark.parametrize("usual", ["state_dict", "model", "net"])
def test_beside_averages_the_weights_themselves_are_taken_and_it_is_said(usual, tmp_path):
    held = {"ema": OTHER.state_dict(), usual: STATE, "epoch": 3}
    words = f"of .*model.pth '{usual}' is taken; entry= takes another one of 'ema'"
    with pytest.warns(UserWarning, match=words) as told:
        assert same(load(held, tmp_path))
    assert told[0].filename.endswith("resnet8.py")  # the line that calls load_model
    assert same(load(held, tmp_path, entry="ema"), OTHER)  # and nothing is said


def test_of_several_dicts_none_is_guessed(tmp_path):
    with pytest.raises(CheckpointError, match="several dicts of tensors: say entry= one of 'generator', 'critic'"):
        load({"generator": STATE, "critic": STATE}, tmp_path)


# ---- what does not fit ----

BEHIND, HUNDRED, NORMED = (SAVED[kind][0] for kind in ("locuslab cifar", "a hundred classes", "rs4a resnet"))
MEAN, STD = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.1])
MODEL = under("model.", S)
PLAIN = DigitsNet().state_dict()


def bias(value):
    return changed(PLAIN, layers__0__bias=value)


# what is saved -> words of the refusal; bytes are written as they are
BROKEN = {
    "nothing at all": (b"", "is empty"),
    "noise": (bytes(range(256)) * 4, "cut short, damaged"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "Git LFS .*git lfs pull"),
    "a page": (b"<!DOCTYPE html><html>Not found</html>", "cut short, damaged.*begins like a web page"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip archive: unpack it"),
    "a module": (DigitsNet(), "asks for rsexplore.montecarlo.networks.DigitsNet"),
    "arguments": ({"args": Namespace(a=1), "state_dict": PLAIN}, "asks for argparse.Namespace"),
    "a number": (3.0, "must hold a state_dict of tensors.*got float"),
    "an empty dict": ({}, "must hold a state_dict"),
    "sparse": ({"a": torch.eye(2).to_sparse()}, "must hold a state_dict"),
    "an optimizer alone": ({"state": {}, "param_groups": [{"lr": 1}]}, "must hold a state_dict"),
    "a list for a name": ({"arch": ["a"], "state_dict": PLAIN}, r"\['a'\]; known are"),
    "unnamed": ({"fc.weight": torch.zeros(2, 2)}, "its parameters fit none of digits_net.*give arch="),
    "nan": (bias(torch.full((16,), torch.nan)), "nan or inf in layers.0.bias"),
    "too large": (bias(torch.full((16,), 1e300, dtype=torch.float64)), "nan or inf in layers.0.bias, as torch.float32"),
    "complex": (bias(torch.zeros(16, dtype=torch.complex64)), "layers.0.bias to be like .*float32, got .*complex64"),
    "float8": (
        bias(torch.zeros(16).to(torch.float8_e4m3fn)),
        "layers.0.bias to be like .*float32, got .*float8_e4m3fn",
    ),
    "bool": (bias(torch.zeros(16, dtype=torch.bool)), "layers.0.bias to be like torch.float32, got torch.bool"),
    "meta": (bias(torch.zeros(16, device="meta")), "no numbers in layers.0.bias: it was saved from the device meta"),
}
# what is wrong -> (object to save, options of load_model, words of the refusal)
BAD = {
    "unknown architecture": ({"arch": "resnet9000", "state_dict": BEHIND}, {}, "'resnet9000'; known are .*cifar_res"),
    "unknown depth": ({"arch": "wrn-29-10", "state_dict": BEHIND}, {}, "the architecture 'wrn-29-10'; known are"),
    "wrong depth": ({"arch": "cifar_resnet110", "state_dict": BEHIND}, {}, "does not fit CifarResNet: .* differ"),
    "wrong architecture": (BEHIND, {"arch": "digits_net"}, "does not fit DigitsNet: .* parameters differ"),
    "other classes": (HUNDRED, R20, r"needed \(10, 64\), got \(100, 64\).*if it has 100 classes, say num_classes="),
    "other classes behind a norm": (NORM | under("model.", MANY.state_dict()), R20,
                                    "if it has 100 classes, say num_classes="),
    "no choice of classes": ({"w": torch.ones(1)}, {"arch": "digits_net", "num_classes": 3}, "num_classes"),
    "wrong shape": (changed(BEHIND, **{"1__conv1__weight": torch.zeros(16, 3, 5, 5)}), R20,
                    r"conv1.weight: needed \(16, 3, 3, 3\), got \(16, 3, 5, 5\)"),
    "missing key": (changed(BEHIND, **{"1__fc__bias": None}), R20, "fc.bias: needed .*got None"),
    "extra key": (changed(BEHIND, **{"1__more": torch.ones(1)}), R20, "more: needed None"),
    "inf variance": (changed(BEHIND, **{"1__bn1__running_var": torch.full((16,), torch.inf)}), {}, "inf in bn1"),
    "alone": (S, {}, "holds a network alone and does not say .*normalize=cifar10"),
    "own, alone": (S, {"arch": CifarResNet(20)}, "network alone .*none is right where the network"),
    "own, behind a layer": (BEHIND, {"arch": CifarResNet(20)}, "behind a layer and does not say .*give normalize="),
    "unknown normalisation": (BEHIND, {"normalize": "mnist"}, "must be one of cifar10, .*normalize='mnist'"),
    "two normalisations": (NORMED, {"normalize": "cifar10"}, "holds its own normalisation; leave normalize='cifar10'"),
    "nan mean": (changed(NORMED, norm__module__mu=torch.full((3, 1, 1), torch.nan)), {}, "a normalisation that is no"),
    "infinite std": (changed(NORMED, norm__module__log_sig=torch.full((3, 1, 1), 1e4)), {}, "std must be positive"),
    "channels": (changed(NORMED, norm__module__mu=torch.zeros(1), norm__module__log_sig=torch.zeros(1)), {},
                 "takes images of 3 channels, but is normalised for 1"),
    "whole norm": (changed(NORMED, norm__module__mu=torch.ones(3, dtype=torch.int64)), {}, "it needs floating numbers"),
    "half a norm": (changed(NORMED, norm__module__mu=None), {}, "needs norm.mu and norm.log_sig"),
    "many channels": ({"norm.mean": torch.zeros(5000), "norm.std": torch.ones(5000)} | MODEL, {},
                      "takes images of 3 channels, but is normalised for 5000"),
    "a variance": ({"norm.mean": MEAN, "norm.var": STD} | MODEL, {},
                   "needs .*norm.mean and norm.std.* beside its network, got norm.mean, norm.var"),
    "no norm": ({"denormalize.mean": MEAN, "denormalize.std": STD} | MODEL, R20, "beside denormalize"),
    "a head": ({"head.mean": MEAN, "head.std": STD} | MODEL, R20, "under 'model' does fit, beside head"),
    "no such torchvision net": (S, {"arch": "torchvision:nothing"}, "torchvision|nothing"),
    "no such timm net": (S, {"arch": "timm:nothing"}, "timm|nothing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*BROKEN, *BAD])
def test_what_is_broken_or_does_not_fit_is_told_in_words(kind, tmp_path):
    held, options, words = BAD[kind] if kind in BAD else (BROKEN[kind][0], {}, BROKEN[kind][1])
    for path in (tmp_path / "a.pth", tmp_path / "a.safetensors"):
        path.write_bytes(held) if isinstance(held, bytes) else torch.save(held, path)
        with pytest.raises(CheckpointError, match=words) as caught:
            load_model(path, **options)
        assert str(path) in str(caught.value) or kind == "unknown normalisation"  # no matter of a file
        assert "safe_globals" not in str(caught.value)


# ---- normalisation ----

PAIRS = {
    "normalize": ({"normalize.mean": MEAN, "normalize.std": STD}, "model."),
    "mu and sigma": ({"mu": MEAN, "sigma": STD}, ""),
    "shaped": ({"mu": MEAN.reshape(1, 3, 1, 1), "sigma": STD.reshape(1, 3, 1, 1)}, "model."),
    "robustness": ({"module.normalizer.new_mean": MEAN, "module.normalizer.new_std": STD}, "module.model."),
    "wrapped": ({"module.0.module.mean": MEAN, "module.0.module.std": STD}, "module.1._orig_mod."),
    "logarithm": ({"norm.mu": MEAN, "norm.log_sig": STD.log()}, "model."),
    "root": ({"mean": MEAN, "std": STD}, "module."),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_file_s_own_normalisation_is_taken(kind, tmp_path):
    pair, prefix = PAIRS[kind]
    normalised = nn.Sequential(Normalize(MEAN, STD), NET)
    with torch.no_grad():
        found = load(pair | under(prefix), tmp_path, normalize=None)(IMAGES)
        torch.testing.assert_close(found, normalised(IMAGES), rtol=1e-5, atol=1e-5)
    # a network that normalises by itself, as who loads it says, or one whose pixels he normalises
    assert same(load(pair | under(prefix), tmp_path, normalize="none"))
    for asked in ((MEAN.tolist(), STD.tolist()), np.array([MEAN.tolist(), STD.tolist()])):
        assert same(load(STATE, tmp_path, normalize=asked), normalised)


def test_a_mean_beyond_one_is_of_other_pixels(tmp_path):
    words = "normalised by a mean of 102, .*images, noise and radii must be in that unit"
    with pytest.warns(UserWarning, match=words) as told:
        load({"norm.mean": 255 * MEAN - 51, "norm.std": 255 * STD} | under("model."), tmp_path, normalize=None)
    assert told[0].filename.endswith("resnet8.py")
    with pytest.warns(UserWarning, match="normalised by a mean of 125"):
        load(STATE, tmp_path, normalize=((125, 120, 110), (60, 60, 60)))


def test_a_network_of_one_s_own_may_normalise(tmp_path):
    own, told = (nn.Sequential(Normalize(MEAN, STD), net) for net in (CifarResNet(8), NET))
    assert same(load(told.state_dict(), tmp_path, arch=own, normalize=None), told)


def test_mean_and_deviation_in_a_layer_of_the_network_are_of_another_one(tmp_path):
    own = nn.Sequential()
    own.norm, own.fc = nn.BatchNorm2d(3), nn.Linear(3, 2)
    with pytest.raises(CheckpointError, match="2 parameters differ .norm.mean: needed None"):
        load(own.state_dict() | {"norm.mean": MEAN, "norm.std": STD}, tmp_path, arch=own, normalize=None)


@pytest.mark.parametrize("name", ["WideResNet-28-10", "wrn-28-10", "WRN28_10", "wide_resnet28_10"])
def test_a_wide_network_has_its_usual_names(name, tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "wide_resnet28_10", lambda: WideResNet(10, 1))
    net = WideResNet(10, 1).eval()
    found = load({"arch": name, "state_dict": under("1.", net.state_dict())}, tmp_path, arch=None, normalize=None)
    assert same(found, nn.Sequential(Normalize(*CIFAR10), net))


def test_the_default_device_does_not_matter(tmp_path):
    torch.save(STATE, tmp_path / "a.pth")
    with torch.device("meta"):
        model = load_model(tmp_path / "a.pth", **ARCH)
        with pytest.raises(CheckpointError, match="cannot fill arch=, which keeps no numbers, on the device meta"):
            load_model(tmp_path / "a.pth", arch=CifarResNet(8))
    assert same(model)
    with pytest.raises(ValueError, match="load_model: device must be one that .* got device='cuda:99'"):
        load_model(tmp_path / "a.pth", **ARCH, device="cuda:99")


# ---- libraries ----


class Way(types.SimpleNamespace):
    """Published weights of torchvision, as far as they are looked at."""

    def transforms(self):
        return types.SimpleNamespace(mean=self.mean, std=self.std)

    def get_state_dict(self, **options):
        assert options["weights_only"] is True
        return CifarResNet(8, 2).state_dict()


class Ways(dict):
    """An enumeration of them."""

    def __init__(self, **ways):
        super().__init__(ways)
        self.__members__, self.DEFAULT = ways, list(ways.values())[-1]

    def __iter__(self):
        return iter(self.values())


def way(name, mean=IMAGENET[0]):
    return Way(name=name, mean=list(mean), std=list(IMAGENET[1]), meta={"categories": ["a", "b"]})


@pytest.fixture
def torchvision(monkeypatch):
    known = {
        "resnet8": Ways(V1=way("V1"), V2=way("V2")),
        "two_ways": Ways(V1=way("V1"), V2=way("V2", (0.5, 0.5, 0.5))),
        "turned": Ways(V1=way("V1")),
    }
    asked = []

    def get_model(name, weights, num_classes=2):
        assert weights is None
        asked.append(name)
        net = CifarResNet(8, num_classes)
        if name == "turned":
            net.transform_input = False
        return net

    models = types.SimpleNamespace(
        get_model=get_model, get_model_weights=known.__getitem__, list_models=lambda module: list(known), asked=asked
    )
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(models=models))
    return models


@pytest.fixture
def timm(monkeypatch):
    built = []

    def create_model(name, pretrained=False, num_classes=10):
        built.append(name)
        net = CifarResNet(8, num_classes)
        net.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "tag": "in1k"}
        return net

    library = types.SimpleNamespace(create_model=create_model, is_model=lambda name: "unknown" not in name, built=built)
    monkeypatch.setitem(sys.modules, "timm", library)
    return library


def test_behind_a_layer_a_library_s_network_has_its_own_normalisation(timm, torchvision, tmp_path):
    held = {"arch": "timm:vit_tiny_patch16_224", "state_dict": under("1.")}
    half = nn.Sequential(Normalize([0.5] * 3, [0.5] * 3), NET)
    assert same(load(held, tmp_path, arch=None, normalize=None), half)
    held["state_dict"] = under("1.", CifarResNet(8, 2).state_dict())
    found = load(held, tmp_path, arch="torchvision:resnet8", normalize=None)
    torch.testing.assert_close(found[0].mean.flatten(), torch.tensor(IMAGENET[0]))
    # weights that differ in it, or a network that turns its pixels itself
    for name in ("two_ways", "turned"):
        with pytest.raises(CheckpointError, match="behind a layer and does not say how pixels are normalised"):
            load(held, tmp_path, arch=f"torchvision:{name}", normalize=None)
    with pytest.raises(CheckpointError, match="holds a network alone and does not say"):
        load(STATE, tmp_path, arch="timm:vit_tiny_patch16_224", normalize=None)


ELSEWHERE = ("timm:hf_hub:them/it", "timm:hf-hub:them/it", "timm:local-dir:/tmp", "timm:theirs/vit", "timm:unknown")


@pytest.mark.parametrize("name", [*ELSEWHERE, "torchvision:detector"])
def test_a_file_cannot_choose_what_is_fetched_or_built_from_elsewhere(name, timm, torchvision, tmp_path):
    with pytest.raises(CheckpointError, match="none of the library's own; if you trust it, say arch="):
        load({"arch": name, "state_dict": STATE}, tmp_path, arch=None)
    assert timm.built == torchvision.asked == []
    if name.startswith("timm"):  # whoever calls may
        assert same(load({"arch": name, "state_dict": STATE}, tmp_path, arch=name))


def test_published_weights_are_chosen_and_named(torchvision, timm):
    found = load_model("torchvision:resnet8")
    assert found.name == "torchvision:resnet8.V2" and found(IMAGES).shape == (3, 2)
    torch.testing.assert_close(found[0].mean.flatten(), torch.tensor(IMAGENET[0]))
    assert load_model("torchvision:resnet8.V1").name == "torchvision:resnet8.V1"
    assert load_model("timm:vit_tiny").name == "timm:vit_tiny.in1k"
    assert load_model("timm:vit_tiny.other").name == "timm:vit_tiny.other" and timm.built[-1] == "vit_tiny.other"
    with pytest.raises(CheckpointError, match="torchvision:resnet8.V3 cannot be had: resnet8 has the weights V1, V2"):
        load_model("torchvision:resnet8.V3")
    assert load_model("torchvision:turned")[1].transform_input is True


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_library_that_is_not_here_is_named(library, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, library, None)
    words = f"pip install {library}"
    with pytest.raises(CheckpointError, match=words):
        load_model(f"{library}:resnet18")
    for held, options in ((STATE, {"arch": f"{library}:a"}), ({"arch": f"{library}:a", "state_dict": STATE}, {})):
        with pytest.raises(CheckpointError, match=words):
            load(held, tmp_path, **{"arch": None} | options)


@pytest.mark.parametrize("given", [{"arch": "resnet18"}, {"num_classes": 10}, {"entry": "net"}])
def test_a_library_s_weights_take_neither_an_architecture_nor_classes(given):
    with pytest.raises(CheckpointError, match=f"timm:resnet18 .*leave out .*{next(iter(given))}="):
        load_model("timm:resnet18", **given)


def test_a_checkpoint_of_resnet50_loads_where_torchvision_is(tmp_path):
    net = lively(pytest.importorskip("torchvision.models", exc_type=Exception).resnet50(weights=None))
    held = {"arch": "resnet50", "state_dict": under("1.module.", net.state_dict())}
    assert same(load(held, tmp_path, arch=None, normalize=None), behind(IMAGENET, net))


def legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


FORMATS = {
    "plain.pth": torch.save,
    "arch.pth.tar": lambda state, path: torch.save({"arch": "digits_net", "state_dict": state, "epoch": 90}, path),
    "legacy.pt": legacy,
    "safe.pth": lambda state, path: save_file(state, path, metadata={"arch": "digits_net"}),
    "nameless.safetensors": save_file,
    "torch.safetensors": torch.save,
}


@pytest.mark.parametrize("file", FORMATS)
def test_what_a_file_is_decides_and_not_its_name(file, tmp_path):
    net = DigitsNet().eval()
    FORMATS[file](net.state_dict(), tmp_path / file)
    loaded, images = load_model(tmp_path / file), torch.rand(5, 1, 8, 8)
    assert torch.equal(loaded(images), net(images)) and not loaded.training
    assert loaded.digest == digest(net) and loaded.name == file.rpartition(".")[0]


def test_the_digest_sees_one_flipped_bit_and_refuses_what_is_no_tensor():
    net, other = DigitsNet(), DigitsNet()
    other.load_state_dict(net.state_dict())
    assert digest(other) == digest(net)
    with torch.no_grad():
        other.layers[0].weight[0, 0, 0, 0].nextafter_(torch.tensor(9.0))
    assert digest(other) != digest(net)
    extra = type("Extra", (nn.Linear,), {"get_extra_state": lambda self: {"scale": 2}})(2, 2)
    with pytest.raises(ValueError, match="digest: _extra_state must be a plain tensor, got dict .* plain callable"):
        digest(extra)


# ---- several files ----


def shards(folder, suffix):
    """A checkpoint in three files, and its index, as transformers writes them."""
    names, places = sorted(STATE), {}
    for number in range(3):
        name = f"model-{number + 1:05}-of-00003{suffix}"
        part = {key: STATE[key] for key in names[number::3]}
        save_file(part, folder / name) if suffix == ".safetensors" else torch.save(part, folder / name)
        places |= dict.fromkeys(part, name)
    index = folder / f"model{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_an_index_loads_all_its_files(suffix, tmp_path):
    index = shards(tmp_path, suffix)
    assert same(load_model(index, **ARCH))
    with pytest.raises(CheckpointError, match=f"is one of 3 files of a checkpoint; give .*model{suffix}.index.json"):
        load_model(tmp_path / f"model-00002-of-00003{suffix}", **ARCH)
    (tmp_path / f"model-00003-of-00003{suffix}").unlink()
    with pytest.raises(CheckpointError, match="names 3 files, and model-00003-of-00003.* is not beside it"):
        load_model(index, **ARCH)


def test_an_index_leads_nowhere_else_and_its_files_hold_what_it_says(tmp_path):
    index = shards(tmp_path, ".safetensors")
    whole = json.loads(index.read_text())
    for name in ("../a.pth", "/etc/passwd", "", 3, ".."):
        index.write_text(json.dumps({"weight_map": whole["weight_map"] | {"fc.bias": name}}))
        with pytest.raises(CheckpointError, match="no index of a checkpoint in several files|is not beside it"):
            load_model(index, **ARCH)
    index.write_text(json.dumps({"weight_map": whole["weight_map"] | {"more": "model-00001-of-00003.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"must hold the \d+ tensors that model.safetensors.index.json names"):
        load_model(index, **ARCH)
    for text in ("{}", '{"architectures": ["ViT"]}', "[" * 10_000, '{"weight_map": []}', "{"):
        index.write_text(text)
        with pytest.raises(CheckpointError, match="no index of a checkpoint in several files|damaged"):
            load_model(index, **ARCH)


# ---- what is cut or missing ----


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("save", [torch.save, save_file])
def test_a_truncated_file_is_told(share, save, tmp_path):
    path = tmp_path / "whole"
    save(STATE, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CheckpointError, match="is empty|cut short"):
        load_model(path)


def test_a_missing_file_or_a_folder_names_the_shipped_models(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.pth"):
        with pytest.raises(CheckpointError, match="no file .* shipped: .*digits-gaussian-0.25"):
            load_model(path)


def test_archives_of_other_kinds_are_named(tmp_path):
    with warnings.catch_warnings(action="ignore"):  # newer versions of torch would rather not
        torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="TorchScript archive, which is a program: save model.state_dict"):
        load_model(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.pt", "a.pt")
    with pytest.raises(CheckpointError, match="is a zip archive: of other files"):
        load_model(tmp_path / "a.zip")


# ---- what is hostile ----


def bare(held, path):
    path.write_bytes(pickle.dumps(held, protocol=2))


PLACES = ["arch", "state_dict", "optimizer", "weight", "whole", "before", "after", "within"]


@pytest.mark.parametrize("kind", [Evil, Expression])
@pytest.mark.parametrize(("place", "save"), [*itertools.product(PLACES, (torch.save, legacy)), ("whole", bare)])
def test_code_in_any_part_of_a_file_is_refused_and_not_run(kind, place, save, tmp_path):
    evil, number = kind(tmp_path / "was_run"), np.float64(1)
    held = {"arch": "cifar_resnet8", "state_dict": dict(STATE), "optimizer": {}}
    beside = {"before": {"a": evil, "b": number}, "after": {"a": number, "b": evil},
              "within": {"a": np.array([evil, number], dtype=object)}}  # fmt: skip
    if place == "weight":
        held["state_dict"]["fc.bias"] = evil
    else:
        held |= beside.get(place, {place: evil})
    save(evil if place == "whole" else held, tmp_path / "bad.pth.tar")
    words = r"refused, and nothing in it was run: .*(posix\.system|eval).*Ask its author"
    with pytest.raises(CheckpointError, match=words) as caught:
        load_model(tmp_path / "bad.pth.tar")
    assert not (tmp_path / "was_run").exists()
    assert not re.search("safe_globals|allowlist|weights_only=False", str(caught.value))
    assert caught.value.__suppress_context__  # torch's advice to allow-list does not follow in the traceback either


@pytest.mark.parametrize("kind", [Evil, Expression])
def test_these_pickles_would_have_run(kind, tmp_path):
    pickle.loads(pickle.dumps(kind(tmp_path / "was_run")))
    assert (tmp_path / "was_run").exists()


@pytest.mark.parametrize("save", [torch.save, legacy])
@pytest.mark.parametrize("beside", [np.float64(93.2), np.int64(3), np.arange(3), np.float32(1), [np.float64(1)]])
def test_numbers_of_numpy_beside_the_tensors_are_left_out(beside, save, tmp_path):
    save({"state_dict": STATE, "best_acc": beside}, tmp_path / "a.pth")
    before = set(torch.serialization.get_safe_globals())
    assert same(load_model(tmp_path / "a.pth", **ARCH))
    assert set(torch.serialization.get_safe_globals()) == before


def test_tensors_that_repeat_a_number_take_no_memory(tmp_path):
    huge = torch.zeros(1).expand(2**36)
    norm = {"norm.mu": huge, "norm.log_sig": huge}
    assert load({"mean": torch.zeros(1).expand(3), **STATE, "std": torch.ones(1).expand(3)}, tmp_path, normalize=None)
    for held in (norm | under("model."), {"state_dict": STATE | {"fc.bias": huge}}, {"w": huge}):
        words = r"refused: its tensors would take (274|549),\d+,\d+,\d+ bytes, and the file"
        with pytest.raises(CheckpointError, match=words):
            load(held, tmp_path, normalize=None)


def test_nor_does_a_network_that_a_small_file_names(tmp_path, monkeypatch):
    built = []
    monkeypatch.setitem(ARCHITECTURES, "large", lambda: built.append(1) or nn.Linear(2**18, 2**18))
    with pytest.raises(CheckpointError, match="does not fit Linear"):
        load({"arch": "large", "state_dict": {"weight": torch.ones(2, 2)}}, tmp_path, arch=None)
    assert built  # on no device


def test_a_packed_archive_is_not_unpacked(tmp_path):
    torch.save(STATE | {"more": torch.zeros(2**22)}, tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as whole,
        zipfile.ZipFile(tmp_path / "b.pth", "w", 8) as packed,
    ):  # deflated
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(CheckpointError, match="refused: it would unpack to .* bytes, and the file has"):
        load_model(tmp_path / "b.pth", **ARCH)
