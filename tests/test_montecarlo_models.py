"""Checkpoints load as what they are, and a bad one is refused in words, with nothing of it run."""

import os
import pickle
import re
from argparse import Namespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402

from rsexplore.montecarlo import CheckpointError, DigitsNet, card, digest, load_model, names  # noqa: E402
from rsexplore.montecarlo.recipe import SHIPPED  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def net():
    torch.manual_seed(3)
    return DigitsNet().eval()


def save_plain(state, path):
    torch.save(state, path)


def save_with_arch(state, path):
    torch.save({"arch": "digits_net", "state_dict": state, "epoch": 90}, path)


def save_legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_safe(state, path):
    save_file(state, path, metadata={"arch": "digits_net"})


def save_safe_without_arch(state, path):
    save_file(state, path)


FORMATS = {
    "plain.pth": save_plain,
    "arch.pth.tar": save_with_arch,
    "legacy.pt": save_legacy,
    "safe.safetensors": save_safe,
    "nameless.safetensors": save_safe_without_arch,
}


@pytest.mark.parametrize("file", FORMATS)
def test_each_format_gives_the_same_logits_to_the_bit(file, net, tmp_path):
    FORMATS[file](net.state_dict(), tmp_path / file)
    loaded = load_model(tmp_path / file)
    images = torch.rand(5, 1, 8, 8)
    assert torch.equal(loaded(images), net(images))
    assert not loaded.training
    assert loaded.digest == digest(net)
    assert loaded.name == file.rpartition(".")[0]


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("file", FORMATS)
def test_the_names_that_a_wrapper_gave_are_understood(file, prefix, net, tmp_path):
    FORMATS[file]({prefix + key: value for key, value in net.state_dict().items()}, tmp_path / file)
    assert load_model(tmp_path / file).digest == digest(net)


def test_a_prefix_of_some_names_is_none(net, tmp_path):
    save_plain(net.state_dict() | {"module.x": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="fit none of digits_net"):
        load_model(tmp_path / "a.pth")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floating_types_are_converted(dtype, net, tmp_path):
    save_plain(net.to(dtype).state_dict(), tmp_path / "a.pth")
    assert load_model(tmp_path / "a.pth").digest == digest(net.float())


def test_the_digest_sees_one_flipped_bit_and_a_renamed_parameter(net):
    before = digest(net)
    other = DigitsNet()
    other.load_state_dict(net.state_dict())
    assert digest(other) == before
    with torch.no_grad():
        other.layers[0].weight[0, 0, 0, 0].nextafter_(torch.tensor(9.0))
    assert digest(other) != before


class Command:
    """Pickles to a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Expression(Command):
    """Pickles to a call of eval."""

    def __reduce__(self):
        return eval, (f"__import__('os').system({self.command!r})",)


@pytest.mark.parametrize("kind", [Command, Expression])
@pytest.mark.parametrize("wrap", ["alone", "beside", "legacy", "bare pickle"])
def test_a_malicious_pickle_is_refused_and_not_run(kind, wrap, net, tmp_path):
    witness, path = tmp_path / "was_run", tmp_path / "model.pth"
    evil = kind(f"touch {witness}")
    if wrap == "bare pickle":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    elif wrap == "beside":
        torch.save({"arch": "digits_net", "state_dict": net.state_dict(), "extra": evil}, path)
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=wrap != "legacy")
    with pytest.raises(CheckpointError, match=r"refused, and nothing in it was run: .*(posix\.system|eval)") as caught:
        load_model(path)
    assert not witness.exists()
    assert not re.search("safe_globals|allowlist|weights_only=False", str(caught.value))
    assert caught.value.__suppress_context__  # torch's advice to allow-list does not follow in the traceback either


def test_the_malicious_pickle_would_have_run(tmp_path):
    pickle.loads(pickle.dumps(Command(f"touch {tmp_path / 'was_run'}")))
    assert (tmp_path / "was_run").exists()


def cut(data):
    return data[: len(data) // 2]


def state(**changes):
    """A state_dict of the digits net, with some parameters replaced, or left out where None."""
    changed = DigitsNet().state_dict() | {key.replace("_", "."): value for key, value in changes.items()}
    return {key: value for key, value in changed.items() if value is not None}


# file -> (what makes it: bytes, or an object for torch.save; what the message must say)
BAD = {
    "empty.pth": (lambda whole, safe: b"", "is empty"),
    "empty.safetensors": (lambda whole, safe: b"", "is empty"),
    "cut.pth": (lambda whole, safe: cut(whole), "cut short"),
    "cut.safetensors": (lambda whole, safe: cut(safe), "no whole safetensors file"),
    "page.pth": (lambda whole, safe: b"<html>404</html>", "cut short, damaged"),
    "page.safetensors": (lambda whole, safe: b"<html>404 not found</html>", "no whole safetensors file"),
    "bytes.pth": (lambda whole, safe: bytes(range(256)) * 4, "cut short, damaged"),
    "module.pth": (lambda whole, safe: DigitsNet(), "asks for rsexplore.montecarlo.networks.DigitsNet"),
    "arguments.pth": (
        lambda whole, safe: {"args": Namespace(a=1), "state_dict": state()},
        "asks for argparse.Namespace",
    ),
    "number.pth": (lambda whole, safe: 3.0, "must hold a state_dict of tensors.*got float"),
    "nothing.pth": (lambda whole, safe: {}, "must hold a state_dict"),
    "text.pth": (lambda whole, safe: {"state_dict": {"a": "b"}}, r"got a dict with \['a'\]"),
    "numbered.pth": (lambda whole, safe: {1: torch.zeros(1)}, "must hold a state_dict"),
    "sparse.pth": (lambda whole, safe: {"a": torch.eye(2).to_sparse()}, "must hold a state_dict"),
    "arch.pth": (
        lambda whole, safe: {"arch": "resnet9000", "state_dict": state()},
        "'resnet9000'; known are .*digits_net",
    ),
    "list.pth": (lambda whole, safe: {"arch": ["a"], "state_dict": state()}, r"\['a'\]; known are"),
    "lacking.pth": (
        lambda whole, safe: {"arch": "digits_net", "state_dict": state(layers_0_bias=None)},
        r"layers.0.bias: needed \(16,\), got None",
    ),
    "classes.pth": (
        lambda whole, safe: {"arch": "digits_net", "state_dict": state(layers_5_weight=torch.zeros(3, 512))},
        r"layers.5.weight: needed \(10, 512\), got \(3, 512\)",
    ),
    "other.pth": (lambda whole, safe: {"fc.weight": torch.zeros(2, 2)}, "its parameters fit none of digits_net"),
    "nan.pth": (
        lambda whole, safe: state(layers_0_bias=torch.full((16,), float("nan"))),
        "nan or inf in layers.0.bias",
    ),
}

BAD |= {
    f"{name}.pth": (lambda whole, safe, bias=bias: state(layers_0_bias=bias), message)
    for name, bias, message in (
        (
            "complex",
            torch.zeros(16, dtype=torch.complex64),
            "needs layers.0.bias to be like .*float32, got .*complex64",
        ),
        (
            "meta",
            torch.zeros(16, device="meta"),
            "holds no numbers in layers.0.bias: it was saved from the device meta",
        ),
        ("float8", torch.zeros(16).to(torch.float8_e4m3fn), "layers.0.bias to be like .*float32, got .*float8_e4m3fn"),
        ("whole", torch.zeros(16, dtype=torch.int64), "needs layers.0.bias to be like torch.float32, got torch.int64"),
        ("bool", torch.zeros(16, dtype=torch.bool), "needs layers.0.bias to be like torch.float32, got torch.bool"),
        ("large", torch.full((16,), 1e300, dtype=torch.float64), "nan or inf in layers.0.bias, as torch.float32"),
    )
}


@pytest.mark.parametrize("file", BAD)
def test_a_broken_checkpoint_is_told_in_words(file, net, tmp_path):
    save_plain(net.state_dict(), tmp_path / "whole.pth")
    save_safe(net.state_dict(), tmp_path / "whole.safetensors")
    make, message = BAD[file]
    content = make((tmp_path / "whole.pth").read_bytes(), (tmp_path / "whole.safetensors").read_bytes())
    path = tmp_path / file
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_names_the_shipped_models(tmp_path):
    with pytest.raises(CheckpointError, match="no file .*nowhere.pth.* shipped: .*digits-gaussian-0.25"):
        load_model(tmp_path / "nowhere.pth")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no file"):
        load_model(tmp_path)


def test_an_asked_architecture_is_compared(tmp_path):
    save_plain({"fc.weight": torch.zeros(2, 2)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="does not fit DigitsNet: 7 parameters differ"):
        load_model(tmp_path / "a.pth", arch="digits_net")


def test_the_model_of_every_recipe_is_shipped():
    assert list(names()) == sorted(recipe.name for recipe in SHIPPED)


@pytest.mark.parametrize("name", names())
def test_a_shipped_model_is_the_one_of_its_card(name):
    model = load_model(name)
    assert model.name == name
    assert f"| digest | `{model.digest}` |" in card(name)


def test_a_card_of_no_model_is_told():
    with pytest.raises(CheckpointError, match="no shipped model is called 'x'; there are digits-"):
        card("x")
