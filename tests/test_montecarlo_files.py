"""Checkpoints by their content: in several files, of another kind, and small ones that ask for much."""

import json
import sys
import warnings
import zipfile

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from resnet8 import ARCH, STATE, load, same, under  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore.montecarlo import ARCHITECTURES, CheckpointError, load_model, networks  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "cifar_resnet8", lambda **options: networks.CifarResNet(8, **options))


# ---- files ----


def test_what_a_file_is_decides_and_not_its_name(tmp_path):
    save_file(STATE, tmp_path / "a.pth", metadata={"arch": "cifar_resnet8"})
    torch.save({"state_dict": STATE}, tmp_path / "b.safetensors")
    assert same(load_model(tmp_path / "a.pth", normalize="none"))
    assert same(load_model(tmp_path / "b.safetensors", **ARCH))


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


OTHER_FILES = {
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n",
        "pointer of Git LFS .*git lfs pull",
    ),
    "page": (b"<!DOCTYPE html><html>Not found</html>", "begins like a web page"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip archive: unpack it"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5 file"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", OTHER_FILES)
def test_a_file_of_another_kind_is_named(kind, suffix, tmp_path):
    content, words = OTHER_FILES[kind]
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        load_model(tmp_path / f"a{suffix}")


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


# ---- what a small file may ask for ----


def test_tensors_that_repeat_a_number_take_no_memory(tmp_path):
    huge = torch.zeros(1).expand(2**36)
    norm = {"norm.mu": huge, "norm.log_sig": huge}
    assert load({"mean": torch.zeros(1).expand(3), **STATE, "std": torch.ones(1).expand(3)}, tmp_path, normalize=None)
    for held in (norm | under("model."), {"state_dict": STATE | {"fc.bias": huge}}, {"w": huge}):
        with pytest.raises(
            CheckpointError, match=r"refused: its tensors would take (274|549),\d+,\d+,\d+ bytes, and the file"
        ):
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


def test_without_safetensors_its_extra_is_named(tmp_path, monkeypatch):
    save_file(STATE, tmp_path / "a.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(CheckpointError, match=r"needs safetensors, .*: pip install -e '.\[gpu\]'"):
        load_model(tmp_path / "a.safetensors", **ARCH)
