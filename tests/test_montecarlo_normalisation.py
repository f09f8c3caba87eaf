"""How pixels are normalised is said by the file, by the library or by the caller, and never guessed."""

import sys
import types

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from resnet8 import ARCH, IMAGES, NET, STATE, load, same, under  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore.montecarlo import ARCHITECTURES, CheckpointError, Normalize, load_model, networks  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "cifar_resnet8", lambda **options: networks.CifarResNet(8, **options))


MEAN, STD = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.1])


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
    model = load(pair | under(prefix), tmp_path, normalize=None)
    wanted = nn.Sequential(Normalize(MEAN, STD), NET)
    with torch.no_grad():
        torch.testing.assert_close(model(IMAGES), wanted(IMAGES), rtol=1e-5, atol=1e-5)
    with pytest.raises(CheckpointError, match="holds its own normalisation; leave normalize='cifar10' out"):
        load(pair | under(prefix), tmp_path, normalize="cifar10")
    with torch.no_grad():  # a network that normalises by itself, as who loads it says
        torch.testing.assert_close(load(pair | under(prefix), tmp_path, normalize="none")(IMAGES), NET(IMAGES))


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (
            {"norm.mean": MEAN, "norm.var": STD},
            "needs .*norm.mean and norm.std.* beside its network, got norm.mean, norm.var",
        ),
        ({"output_norm.mean": MEAN, "output_norm.std": STD}, "beside output_norm"),
        ({"denormalize.mean": MEAN, "denormalize.std": STD}, "beside denormalize"),
        ({"normalize.mean": MEAN}, "needs .* beside its network, got normalize.mean"),
        ({"head.mean": MEAN, "head.std": STD}, "under 'model' does fit, beside head"),
        (
            {"norm.mean": torch.zeros(5000), "norm.std": torch.ones(5000)},
            r"a number for each channel in norm.mean, .*5000",
        ),
    ],
)
def test_what_may_be_no_normalisation_is_refused(pair, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        load(pair | under("model."), tmp_path, normalize=None)


def test_a_mean_beyond_one_is_of_other_pixels(tmp_path):
    with pytest.warns(
        UserWarning, match="normalised by a mean of 102, .*images, noise and radii must be in that unit"
    ) as t:
        load({"norm.mean": 255 * MEAN - 51, "norm.std": 255 * STD} | under("model."), tmp_path, normalize=None)
    assert t[0].filename.endswith("resnet8.py")  # the line that calls load_model
    with pytest.warns(UserWarning, match="normalised by a mean of 125"):
        load(STATE, tmp_path, normalize=((125, 120, 110), (60, 60, 60)))


def test_a_network_of_one_s_own_is_asked_for_too(tmp_path):
    with pytest.raises(
        CheckpointError, match="holds a network alone and does not say .*none is right where the network"
    ):
        load(STATE, tmp_path, arch=networks.CifarResNet(8), normalize=None)
    own = nn.Sequential(Normalize(MEAN, STD), networks.CifarResNet(8))
    told = nn.Sequential(Normalize(MEAN, STD), NET)
    assert same(load(told.state_dict(), tmp_path, arch=own, normalize=None), told)


@pytest.mark.parametrize("name", ["WideResNet-28-10", "wrn-28-10", "WRN28_10", "wide_resnet28_10"])
def test_a_wide_network_has_its_usual_names(name, tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "wide_resnet28_10", lambda: networks.WideResNet(10, 1))
    net = networks.WideResNet(10, 1).eval()
    wanted = nn.Sequential(Normalize(*networks.CIFAR10), net)
    assert same(
        load({"arch": name, "state_dict": under("1.", net.state_dict())}, tmp_path, arch=None, normalize=None), wanted
    )


def test_the_wide_network_of_28_layers_is_as_published():
    with torch.device("meta"):
        assert sum(value.numel() for value in ARCHITECTURES["wide_resnet28_10"]().parameters()) == 36_479_194


def test_an_unknown_depth_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="needs the architecture 'wrn-29-10'; known are"):
        load({"arch": "wrn-29-10", "state_dict": STATE}, tmp_path, arch=None)


def test_the_default_device_does_not_matter(tmp_path):
    torch.save(STATE, tmp_path / "a.pth")
    torch.set_default_device("meta")
    try:
        model = load_model(tmp_path / "a.pth", **ARCH)
        with pytest.raises(CheckpointError, match="cannot fill arch=, which keeps no numbers, on the device meta"):
            load_model(tmp_path / "a.pth", arch=networks.CifarResNet(8))
    finally:
        torch.set_default_device("cpu")
    assert same(model)


# ---- libraries ----


class Way(types.SimpleNamespace):
    """Published weights of torchvision, as far as they are looked at."""

    def transforms(self):
        return types.SimpleNamespace(mean=self.mean, std=self.std)

    def get_state_dict(self, **options):
        assert options["weights_only"] is True
        return networks.CifarResNet(8, 2).state_dict()


class Ways(dict):
    """An enumeration of them."""

    def __init__(self, **ways):
        super().__init__(ways)
        self.__members__, self.DEFAULT = ways, list(ways.values())[-1]

    def __iter__(self):
        return iter(self.values())


def way(name, mean=networks.IMAGENET[0]):
    return Way(name=name, mean=list(mean), std=list(networks.IMAGENET[1]), meta={"categories": ["a", "b"]})


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
        if name not in known and name != "detector":
            raise ValueError(f"Unknown model {name}")
        net = networks.CifarResNet(8, num_classes)
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
        net = networks.CifarResNet(8, num_classes)
        net.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "tag": "in1k"}
        return net

    library = types.SimpleNamespace(create_model=create_model, is_model=lambda name: "unknown" not in name, built=built)
    monkeypatch.setitem(sys.modules, "timm", library)
    return library


def stats(model):
    return model[0].mean.flatten().tolist(), model[0].std.flatten().tolist()


def test_behind_a_layer_a_library_s_network_has_its_own_normalisation(timm, torchvision, tmp_path):
    held = {"arch": "timm:vit_tiny_patch16_224", "state_dict": under("1.")}
    assert stats(load(held, tmp_path, arch=None, normalize=None)) == ([0.5] * 3, [0.5] * 3)
    held["state_dict"] = under("1.", networks.CifarResNet(8, 2).state_dict())
    found = load(held, tmp_path, arch="torchvision:resnet8", normalize=None)
    torch.testing.assert_close(found[0].mean.flatten(), torch.tensor(networks.IMAGENET[0]))
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
    assert load_model("torchvision:resnet8").name == "torchvision:resnet8.V2"
    assert load_model("torchvision:resnet8.V1").name == "torchvision:resnet8.V1"
    assert load_model("timm:vit_tiny").name == "timm:vit_tiny.in1k"
    assert load_model("timm:vit_tiny.other").name == "timm:vit_tiny.other" and timm.built[-1] == "vit_tiny.other"
    with pytest.raises(CheckpointError, match="torchvision:resnet8.V3 cannot be had: resnet8 has the weights V1, V2"):
        load_model("torchvision:resnet8.V3")
    assert load_model("torchvision:turned")[1].transform_input is True
