"""Checkpoints in the formats of others load to the bit; what is broken or hostile is refused in words, and not run."""

import os
import sys
import types

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore.montecarlo import (  # noqa: E402
    CheckpointError,
    CifarResNet,
    Normalize,
    WideResNet,
    digest,
    load_model,
)
from rsexplore.montecarlo.networks import CIFAR10, IMAGENET  # noqa: E402

torch.set_num_threads(1)
IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def lively(net):
    """A net in evaluation mode with batch statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(2)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.copy_(torch.randn(part.running_mean.shape, generator=generator) / 10)
            part.running_var.copy_(torch.rand(part.running_var.shape, generator=generator) + 0.5)
    return net.eval()


class TheirNormalize(nn.Module):
    """Keeps nothing in a state_dict, as the layer of Cohen et al. and of Salman et al."""

    def __init__(self, mean, std):
        super().__init__()
        self.stats = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def forward(self, batch):
        return (batch - self.stats[0]) / self.stats[1]


class TheirMu(nn.Module):
    """Keeps mean and logarithm of the deviation, as the layer of Yang et al."""

    def __init__(self, mean, std):
        super().__init__()
        self.mu = nn.Parameter(torch.tensor(mean).reshape(3, 1, 1), requires_grad=False)
        self.log_sig = nn.Parameter(torch.tensor(std).log().reshape(3, 1, 1), requires_grad=False)

    def forward(self, batch):
        return (batch - self.mu) / torch.exp(self.log_sig)


class Forecaster(nn.Module):
    """A net and its norm by name, both under DataParallel."""

    def __init__(self, net):
        super().__init__()
        self.norm, self.model = nn.DataParallel(TheirMu(*CIFAR10)), nn.DataParallel(net)

    def forward(self, batch):
        return self.model(self.norm(batch))


torch.manual_seed(0)
SMALL, WIDE = lively(CifarResNet(20)), lively(WideResNet())
STD1 = (1.0, 1.0, 1.0)
# name -> (saved module, arch in the file, options of load_model)
SAVED = {
    "locuslab cifar": (nn.Sequential(TheirNormalize(*CIFAR10), SMALL), "cifar_resnet20", {}),
    "locuslab DataParallel": (nn.Sequential(TheirNormalize(*CIFAR10), nn.DataParallel(SMALL)), "cifar_resnet20", {}),
    "salman": (nn.DataParallel(nn.Sequential(TheirNormalize(*CIFAR10), SMALL)), "cifar_resnet20", {}),
    "salman centred": (nn.Sequential(TheirNormalize(CIFAR10[0], STD1), SMALL), "cifar_resnet20",
                       {"normalize": "cifar10-centred"}),
    "rs4a wide": (Forecaster(WIDE), None, {}),
    "rs4a resnet": (Forecaster(SMALL), None, {}),
    "ours": (nn.Sequential(Normalize(*IMAGENET), SMALL), None, {}),
    "plain": (SMALL, None, {"normalize": "none"}),
    "plain wide": (WIDE, "wide_resnet40_2", {"normalize": "none"}),
    "own module behind a layer": (nn.Sequential(TheirNormalize(*IMAGENET), SMALL), "theirs",
                                  {"arch": CifarResNet(20), "normalize": "imagenet"}),
    "own module": (nn.Sequential(nn.Flatten(), nn.Linear(3072, 4)), None,
                   {"arch": nn.Sequential(nn.Flatten(), nn.Linear(3072, 4)), "normalize": "none"}),
    "a hundred classes": (nn.Sequential(TheirNormalize(*CIFAR10), lively(CifarResNet(20, 100))), "cifar_resnet20",
                          {"num_classes": 100}),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".pth.tar", ".pt", ".safetensors"])
@pytest.mark.parametrize("kind", SAVED)
def test_each_format_gives_the_same_logits_to_the_bit(kind, suffix, tmp_path):
    saved, arch, options = SAVED[kind]
    path, state = tmp_path / f"model{suffix}", saved.state_dict()
    if suffix == ".safetensors":
        save_file(state, path, metadata=arch and {"arch": arch})
    else:
        held = {"epoch": 90, "arch": arch, "state_dict": state, "optimizer": {"param_groups": [{"lr": 0.1}]}}
        torch.save(held if arch else state, path)
    with torch.no_grad():
        loaded, wanted = load_model(path, **options)(IMAGES), saved.eval()(IMAGES)
    assert torch.equal(loaded, wanted)


def test_the_names_of_their_parameters_are_as_published():
    assert "1.conv1.weight" in SAVED["locuslab cifar"][0].state_dict()
    assert "1.module.layer2.0.downsample.0.weight" in SAVED["locuslab DataParallel"][0].state_dict()
    theirs = SAVED["rs4a wide"][0].state_dict()
    assert {"norm.module.mu", "norm.module.log_sig", "model.module.block2.layer.0.convShortcut.weight"} <= set(theirs)
    assert len(CifarResNet(110).layer1) == 18


def test_the_normalisation_is_part_of_the_digest(tmp_path):
    torch.save(SAVED["locuslab cifar"][0].state_dict(), tmp_path / "a.pth")
    one, two = (load_model(tmp_path / "a.pth", normalize=key) for key in ("cifar10", "cifar10-centred"))
    assert digest(one) == one.digest != two.digest


class Evil:
    """Pickles to a command."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


STATE = SMALL.state_dict()
BEHIND = SAVED["locuslab cifar"][0].state_dict()
NORMED = SAVED["rs4a resnet"][0].state_dict()


def changed(state, **changes):
    """A state with some values replaced, or left out where None; `__` stands for a dot."""
    mixed = dict(state) | {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in mixed.items() if value is not None}


# what is wrong -> (object to save, options of load_model, words of the refusal)
BAD = {
    "unknown architecture": ({"arch": "resnet9000", "state_dict": BEHIND}, {}, "'resnet9000'; known are .*cifar_res"),
    "wrong depth": ({"arch": "cifar_resnet110", "state_dict": BEHIND}, {}, "does not fit CifarResNet: .* differ"),
    "wrong architecture": ({"arch": "wide_resnet40_2", "state_dict": BEHIND}, {}, "does not fit WideResNet"),
    "other classes": (
        {"arch": "cifar_resnet20", "state_dict": SAVED["a hundred classes"][0].state_dict()},
        {},
        r"fc.weight: needed \(10, 64\), got \(100, 64\).*if it has 100 classes, say num_classes=",
    ),
    "classes asked wrongly": (
        {"arch": "cifar_resnet20", "state_dict": BEHIND},
        {"num_classes": 7},
        r"needed \(7, 64\), got \(10, 64\)",
    ),
    "no choice of classes": ({"w": torch.ones(1)}, {"arch": "digits_net", "num_classes": 3}, "num_classes"),
    "wrong shape": (changed(BEHIND, **{"1__conv1__weight": torch.zeros(16, 3, 5, 5)}), {"arch": "cifar_resnet20"},
                    r"conv1.weight: needed \(16, 3, 3, 3\), got \(16, 3, 5, 5\)"),
    "missing key": (changed(BEHIND, **{"1__fc__bias": None}), {"arch": "cifar_resnet20"}, "fc.bias: needed .*got None"),
    "extra key": (changed(BEHIND, **{"1__more": torch.ones(1)}), {"arch": "cifar_resnet20"}, "more: needed None"),
    "nan weight": (changed(BEHIND, **{"1__fc__bias": torch.full((10,), torch.nan)}), {}, "nan or inf in fc.bias"),
    "inf variance": (changed(BEHIND, **{"1__bn1__running_var": torch.full((16,), torch.inf)}), {}, "inf in bn1"),
    "alone without normalisation": (STATE, {}, "holds a network alone and does not say .*normalize=cifar10"),
    "behind an unknown layer": (BEHIND, {"arch": CifarResNet(20)}, "behind a layer and does not say .*give normalize="),
    "unknown normalisation": (BEHIND, {"normalize": "mnist"}, "must be one of cifar10, .*normalize='mnist'"),
    "two normalisations": (NORMED, {"normalize": "cifar10"}, "holds its own normalisation; leave normalize='cifar10'"),
    "nan mean": (changed(NORMED, norm__module__mu=torch.full((3, 1, 1), torch.nan)), {}, "normalisation that is none"),
    "infinite std": (changed(NORMED, norm__module__log_sig=torch.full((3, 1, 1), 1e4)), {}, "std must be positive"),
    "channels": (changed(NORMED, norm__module__mu=torch.zeros(1), norm__module__log_sig=torch.zeros(1)), {},
                 "takes images of 3 channels, but is normalised for 1"),
    "half a norm": (changed(NORMED, norm__module__mu=None), {}, "needs norm.mu and norm.log_sig"),
    "complex mean": (changed(NORMED, norm__module__mu=torch.zeros(3, dtype=torch.complex64)), {}, "in norm.mu"),
    "meta norm": (changed(NORMED, norm__module__mu=torch.zeros(3, device="meta")), {}, "in norm.mu"),
    "no such torchvision net": (STATE, {"arch": "torchvision:nothing"}, "torchvision|nothing"),
    "no such timm net": (STATE, {"arch": "timm:nothing"}, "timm|nothing"),
    "unnamed": ({"w": torch.ones(2)}, {}, "fit none of digits_net.*give arch="),
    "an optimizer alone": ({"state": {}, "param_groups": [{"lr": 1}]}, {}, "must hold a state_dict"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_broken_checkpoint_is_told_in_words(kind, tmp_path):
    held, options, words = BAD[kind]
    torch.save(held, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=words) as caught:
        load_model(tmp_path / "bad.pth", **options)
    assert "safe_globals" not in str(caught.value)


@pytest.mark.parametrize("place", ["arch", "state_dict", "optimizer", "weight", "whole"])
@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_any_part_of_their_format_is_refused_and_not_run(place, legacy, tmp_path):
    evil = Evil(tmp_path / "was_run")
    held = {"arch": "cifar_resnet20", "state_dict": dict(BEHIND), "optimizer": {}}
    if place == "weight":
        held["state_dict"]["1.fc.bias"] = evil
    else:
        held[place] = evil
    path = tmp_path / "bad.pth.tar"
    torch.save(evil if place == "whole" else held, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r"refused, and nothing in it was run: .*posix.system.*Ask its author"):
        load_model(path)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_told(share, suffix, tmp_path):
    path = tmp_path / f"whole{suffix}"
    torch.save(BEHIND, path) if suffix == ".pth" else save_file(BEHIND, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CheckpointError, match="is empty|cut short|no whole safetensors"):
        load_model(path)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_library_that_is_not_here_is_named(library, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, library, None)
    torch.save(STATE, tmp_path / "a.pth")
    for source, options in ((f"{library}:resnet18", {}), (tmp_path / "a.pth", {"arch": f"{library}:resnet18"})):
        with pytest.raises(CheckpointError, match=f"pip install {library}|{library} is installed and cannot"):
            load_model(source, **options)


@pytest.mark.parametrize("given", [{"arch": "resnet18"}, {"num_classes": 10}])
def test_a_library_s_weights_take_neither_an_architecture_nor_classes(given):
    with pytest.raises(CheckpointError, match=f"timm:resnet18 .*leave out .*{next(iter(given))}="):
        load_model("timm:resnet18", **given)


def test_a_net_of_torchvision_gets_its_weights_without_pickled_code(monkeypatch):
    asked = {}

    class Weights:
        meta = {"categories": ["cat", "dog"]}  # noqa: RUF012

        def get_state_dict(self, **options):
            asked.update(options)
            return CifarResNet(8, 2).state_dict()

        def transforms(self):
            return types.SimpleNamespace(mean=IMAGENET[0], std=IMAGENET[1])

    models = types.SimpleNamespace(
        get_model_weights=lambda name: types.SimpleNamespace(DEFAULT=Weights()),
        get_model=lambda name, weights, num_classes: CifarResNet(8, num_classes),
    )
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(models=models))
    model = load_model("torchvision:resnet8")
    assert asked["weights_only"] is True
    assert model(IMAGES).shape == (3, 2)
    torch.testing.assert_close(model[0].mean.flatten(), torch.tensor(IMAGENET[0]))


def test_a_checkpoint_of_resnet50_loads_where_torchvision_is(tmp_path):
    models = pytest.importorskip("torchvision.models", exc_type=Exception)
    net = lively(models.resnet50(weights=None))
    saved = nn.Sequential(TheirNormalize(*IMAGENET), nn.DataParallel(net)).eval()
    torch.save({"arch": "resnet50", "state_dict": saved.state_dict()}, tmp_path / "a.pth.tar")
    assert torch.equal(load_model(tmp_path / "a.pth.tar")(IMAGES), saved(IMAGES))
