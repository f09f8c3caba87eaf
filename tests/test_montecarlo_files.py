"""Checkpoints by their content, in several files too; what is broken, hostile or asks for much is refused in words."""

import itertools
import json
import pickle
import re
import warnings
import zipfile
from argparse import Namespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from resnet8 import ARCH, STATE, Evil, Expression, changed, load, same, small, under  # noqa: E402, F401
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore.montecarlo import ARCHITECTURES, CheckpointError, DigitsNet, digest, load_model  # noqa: E402


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

    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"scale": 2}

    with pytest.raises(ValueError, match="digest: _extra_state must be a plain tensor, got dict .* plain callable"):
        digest(Extra(2, 2))


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


# ---- what is broken ----

PLAIN = DigitsNet().state_dict()


def bias(value):
    return changed(PLAIN, layers__0__bias=value)


# what is saved -> words of the refusal; bytes are written as they are
BAD = {
    "nothing at all": (b"", "is empty"),
    "noise": (bytes(range(256)) * 4, "cut short, damaged"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "Git LFS .*git lfs pull"),
    "a page": (b"<!DOCTYPE html><html>Not found</html>", "cut short, damaged.*begins like a web page"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip archive: unpack it"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5 file"),
    "a module": (DigitsNet(), "asks for rsexplore.montecarlo.networks.DigitsNet"),
    "arguments": ({"args": Namespace(a=1), "state_dict": PLAIN}, "asks for argparse.Namespace"),
    "a number": (3.0, "must hold a state_dict of tensors.*got float"),
    "an empty dict": ({}, "must hold a state_dict"),
    "text": ({"state_dict": {"a": "b"}}, r"got a dict with \['a'\]"),
    "numbered": ({1: torch.zeros(1)}, "must hold a state_dict"),
    "sparse": ({"a": torch.eye(2).to_sparse()}, "must hold a state_dict"),
    "an optimizer alone": ({"state": {}, "param_groups": [{"lr": 1}]}, "must hold a state_dict"),
    "a list for a name": ({"arch": ["a"], "state_dict": PLAIN}, r"\['a'\]; known are"),
    "unnamed": ({"fc.weight": torch.zeros(2, 2)}, "its parameters fit none of digits_net.*give arch="),
    "a prefix of some": (PLAIN | {"module.x": torch.zeros(1)}, "fit none of digits_net"),
    "nan": (bias(torch.full((16,), torch.nan)), "nan or inf in layers.0.bias"),
    "too large": (bias(torch.full((16,), 1e300, dtype=torch.float64)), "nan or inf in layers.0.bias, as torch.float32"),
    "complex": (bias(torch.zeros(16, dtype=torch.complex64)), "layers.0.bias to be like .*float32, got .*complex64"),
    "float8": (
        bias(torch.zeros(16).to(torch.float8_e4m3fn)),
        "layers.0.bias to be like .*float32, got .*float8_e4m3fn",
    ),
    "whole": (bias(torch.zeros(16, dtype=torch.int64)), "layers.0.bias to be like torch.float32, got torch.int64"),
    "bool": (bias(torch.zeros(16, dtype=torch.bool)), "layers.0.bias to be like torch.float32, got torch.bool"),
    "meta": (bias(torch.zeros(16, device="meta")), "no numbers in layers.0.bias: it was saved from the device meta"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_broken_file_is_told_in_words(kind, tmp_path):
    held, words = BAD[kind]
    for path in (tmp_path / "a.pth", tmp_path / "a.safetensors"):
        path.write_bytes(held) if isinstance(held, bytes) else torch.save(held, path)
        with pytest.raises(CheckpointError, match=words) as caught:
            load_model(path)
        assert str(path) in str(caught.value) and "safe_globals" not in str(caught.value)


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
    torch.save(STATE, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.pth", "a.pth")
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
        zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(CheckpointError, match="refused: it would unpack to .* bytes, and the file has"):
        load_model(tmp_path / "b.pth", **ARCH)
