"""Checkpoints as people save them: wrapped in any way, in entries, with numbers beside."""

import itertools
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from resnet8 import ARCH, NET, OTHER, STATE, load, same, under  # noqa: E402
from torch import nn  # noqa: E402

from rsexplore.montecarlo import ARCHITECTURES, CheckpointError, Normalize, load_model, networks  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "cifar_resnet8", lambda **options: networks.CifarResNet(8, **options))


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
    assert same(load(names, tmp_path, arch=networks.CifarResNet(8)))


@pytest.mark.parametrize("chain", list(itertools.permutations(["module", "_orig_mod", "1", "model"])))
def test_the_second_part_of_a_sequential_is_found_in_any_chain(chain, tmp_path):
    normalised = nn.Sequential(Normalize(*networks.CIFAR10), NET)
    # cifar_resnet8 is not among those whose data is known; what comes before it has to be said
    with pytest.raises(CheckpointError, match="holds a network behind a layer and does not say how pixels are norm"):
        load(under(".".join(chain) + "."), tmp_path, normalize=None)
    assert same(load(under(".".join(chain) + "."), tmp_path, normalize="cifar10"), normalised)


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


def test_averaged_weights_and_counts_of_a_profiler_are_no_obstacle(tmp_path):
    averaged = torch.optim.swa_utils.AveragedModel(NET)
    assert "n_averaged" in averaged.state_dict()
    counted = STATE | {"total_ops": torch.zeros(1), "layer1.0.conv1.total_params": torch.zeros(1)}
    assert same(load(averaged.state_dict(), tmp_path)) and same(load(counted, tmp_path))


def test_counters_of_batches_may_lack_but_nothing_that_evaluation_reads(tmp_path):
    old = {key: value for key, value in STATE.items() if not key.endswith("num_batches_tracked")}
    assert same(load(old, tmp_path))
    some = {key: value for key, value in STATE.items() if key != "layer2.0.bn1.num_batches_tracked"}
    assert same(load(under("module.", some), tmp_path))
    with pytest.raises(CheckpointError, match=r"1 parameters differ \(bn1.running_mean: needed \(16,\), got None"):
        load({key: value for key, value in old.items() if key != "bn1.running_mean"}, tmp_path)


def test_a_module_with_another_inside_is_no_wrapper(tmp_path):
    # conv1 after something that keeps nothing, such as padding or rounding: another network
    names = {key.replace("conv1.", "conv1.1.", 1) if key.startswith("conv1.") else key: v for key, v in STATE.items()}
    with pytest.raises(CheckpointError, match=r"conv1\.1\.weight: needed None"):
        load(names, tmp_path)


def test_of_two_networks_in_one_file_it_must_be_said_which(tmp_path):
    both = under("student.", STATE) | under("teacher.module.", OTHER.state_dict())
    with pytest.raises(CheckpointError, match="what is under 'student' or 'teacher' does fit: say entry="):
        load(both, tmp_path)
    assert same(load(both, tmp_path, entry="student")) and same(load(both, tmp_path, entry="teacher"), OTHER)
    with pytest.raises(CheckpointError, match="under 'model' does fit, beside loss: say entry="):
        load(under("model.") | {"loss.weight": torch.ones(10)}, tmp_path)
    with pytest.raises(CheckpointError, match="has no entry 'assistant'; its entries that hold tensors: ''"):
        load(both, tmp_path, entry="assistant")


def test_many_layers_that_look_alike_take_no_time(tmp_path):
    alike = {f"norm{number}.{name}": torch.ones(3) for number in range(60) for name in ("mean", "std")}
    deep = {".".join(["module"] * 5000) + "." + key: value for key, value in STATE.items()}
    for held in (alike | under("model."), deep):
        with pytest.raises(CheckpointError, match="does not fit CifarResNet"):
            load(held, tmp_path)


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
    step = sum(value.sum() for value in NET.parameters())
    step.backward()
    assert same(load(ENTRIES[kind], tmp_path))


@pytest.mark.parametrize("usual", ["state_dict", "model", "net"])
def test_beside_averages_the_weights_themselves_are_taken_and_it_is_said(usual, tmp_path):
    held = {"ema": OTHER.state_dict(), usual: STATE, "epoch": 3}
    with pytest.warns(
        UserWarning, match=f"of .*model.pth '{usual}' is taken; entry= takes another one of 'ema'"
    ) as told:
        assert same(load(held, tmp_path))
    assert told[0].filename.endswith("resnet8.py")
    assert same(load(held, tmp_path, entry="ema"), OTHER)  # and nothing is said


def test_of_several_dicts_none_is_guessed(tmp_path):
    with pytest.raises(
        CheckpointError, match="holds several dicts of tensors: say entry= one of 'generator', 'critic'"
    ):
        load({"generator": STATE, "critic": STATE}, tmp_path)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("beside", [np.float64(93.2), np.int64(3), np.arange(3), np.float32(1), [np.float64(1)]])
def test_numbers_of_numpy_beside_the_tensors_are_left_out(beside, legacy, tmp_path):
    torch.save({"state_dict": STATE, "best_acc": beside}, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    before = set(torch.serialization.get_safe_globals())
    assert same(load_model(tmp_path / "a.pth", **ARCH))
    assert set(torch.serialization.get_safe_globals()) == before


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("place", ["first", "last", "within"])
def test_code_beside_a_number_of_numpy_is_refused_and_not_run(place, tmp_path):
    evil, number = Evil(tmp_path / "was_run"), np.float64(1)
    held = {"first": {"a": evil, "b": number}, "last": {"a": number, "b": evil}}.get(place)
    held = held or {"a": np.array([evil, number], dtype=object)}
    with pytest.raises(CheckpointError, match="refused, and nothing in it was run: .*posix.system"):
        load({"state_dict": STATE} | held, tmp_path)
    assert not (tmp_path / "was_run").exists()
