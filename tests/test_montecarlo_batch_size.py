"""How many copies pass through a network at once, and that a run compiles it once, for batches of one size."""

from contextlib import nullcontext
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, certified, votes  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore.montecarlo import CifarResNet, memory, tuning  # noqa: E402

torch.set_num_threads(1)
COHEN = rs.bounds.get("cohen-l2")


# ---- batch size ----


class Sizes(torch.nn.Module):
    """Tells two classes apart by the first coordinate, and remembers its batches' sizes."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.eval()

    def forward(self, batch):
        self.seen.append(len(batch))
        return torch.stack([-batch.flatten(1)[:, 0], batch.flatten(1)[:, 0]], 1)


@pytest.mark.parametrize(
    ("shape", "least", "most"),
    [
        ((1, 8, 8), 200, 800),
        ((1, 28, 28), 200, 800),
        ((3, 32, 32), 16, 64),
        ((3, 64, 64), 16, 64),
        ((3, 224, 224), 8, 16),
    ],
)
def test_on_a_cpu_batches_go_by_the_size_of_an_image_and_nothing_is_tried(shape, least, most):
    model = Sizes()
    certified(model, torch.zeros(2, *shape), [0, 0], n0=300, n=1300 if most > 100 else 100)
    clean, *counted = model.seen
    assert clean == 2 and least <= max(counted) <= most
    # each copy has passed once, and a few images were looked at in other company: nothing was measured
    assert sum(counted) <= 2 * (1600 if most > 100 else 400) + max(counted) + 14


@pytest.mark.parametrize("mebibytes", [2000, 400, 100, 0])
def test_no_batch_needs_more_memory_than_is_free(mebibytes, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda device: mebibytes * 2**20)
    model, images = Sizes(), torch.zeros(1, 3, 224, 224)
    certified(model, images, [0], n0=10, n=20)
    assert max(model.seen) == {2000: 8, 400: 2, 100: 1, 0: 1}[mebibytes]  # 147 MiB a copy


def test_what_a_system_says_of_its_memory_is_believed(tmp_path, monkeypatch):
    free = memory.free(torch.device("cpu"))
    assert free == memory.UNKNOWN or 2**20 < free < 2**50
    if not Path("/proc/self/cgroup").exists():
        return
    for name, text in (("memory.max", "300000"), ("memory.current", "250000"), ("memory.stat", "a 1\ninactive_file 7")):
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", tmp_path)
    assert memory._left_to_group() in (50_007, memory.UNKNOWN)  # where there is no second version of the groups
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_to_group() == memory.UNKNOWN


class Paced:
    """A network whose clock is its own: each batch takes a start and its copies' time, and holds memory by its size."""

    def __init__(self, monkeypatch, start, copy, held=0, free=2**40, fits=2**62):
        self.now, self.start, self.copy, self.seen, self.fits = 0.0, start, copy, [], fits
        monkeypatch.setattr(tuning.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(memory, "free", lambda device: free)
        monkeypatch.setattr(memory, "held", lambda device: nullcontext(lambda: held * self.seen[-1]))

    def __call__(self, batch):
        if len(batch) > self.fits:
            raise torch.OutOfMemoryError
        self.seen.append(len(batch))
        self.now += self.start + self.copy * len(batch)
        return batch


IMAGE = torch.zeros(4)


def test_a_search_finds_the_size_beyond_which_nothing_is_gained(monkeypatch):
    quick = Paced(monkeypatch, start=1e-3, copy=1e-6)
    assert tuning.fastest(quick, IMAGE, 10**8) == 8192 and quick.now < 5
    even = Paced(monkeypatch, start=0, copy=1e-3)
    assert tuning.fastest(even, IMAGE, 10**8) <= 512 and even.now < 5
    # a slow network is not tried for minutes, nor for more than a share of the run
    slow = Paced(monkeypatch, start=0, copy=0.02)
    assert tuning.fastest(slow, IMAGE, 10**8) == 64 and slow.now < 5
    short = Paced(monkeypatch, start=1e-3, copy=1e-5)
    tuning.fastest(short, IMAGE, 10_000)
    assert short.now < 0.05


def test_a_search_asks_for_no_size_that_the_free_memory_does_not_hold(monkeypatch):
    model = Paced(monkeypatch, start=1e-3, copy=1e-6, held=1000, free=700_000)
    assert tuning.fastest(model, IMAGE, 10**8) == 512 == max(model.seen)
    model = Paced(monkeypatch, start=1e-3, copy=1e-6, fits=300)
    assert tuning.fastest(model, IMAGE, 10**8) == 256
    model = Paced(monkeypatch, start=1e-3, copy=1e-6, fits=20)
    assert tuning.fastest(model, IMAGE, 10**8) == 32 and not model.seen


# ---- compilation ----


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


def test_a_compiled_model_gets_batches_of_one_shape_alone(monkeypatch):
    sizes = []

    def compiled(model, dynamic):
        assert dynamic is False
        return lambda batch: (sizes.append(len(batch)), model(batch))[1]

    monkeypatch.setattr(torch, "compile", compiled)
    found = certified(compile=True, batch_size=64)
    assert found.header.model["compile"] and votes(found) == votes(certified())
    assert set(sizes) == {64}  # the clean images pass the model itself


class Net(torch.nn.Sequential):
    """Some network; its batches' first coordinate decides."""

    def __init__(self, width):
        super().__init__(torch.nn.Linear(DIM, width), torch.nn.ReLU(), torch.nn.Linear(width, 2))
        self.eval()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 64},
        {},
        {"autocast": "bfloat16"},
        {"grid": 8, "images": torch.zeros(3, DIM)},
        {"radius": 0.1, "bound": COHEN, "n": 1000},
        {"model": lambda batch: batch[:, :2] * 2},
        {"model": CifarResNet(8).eval(), "images": torch.rand(2, 3, 32, 32), "channels_last": True, "n": 50},
    ],
    ids=["batch", "chosen", "bfloat16", "grid", "stopped", "callable", "channels_last"],
)
def test_a_run_compiles_one_graph(graphs, options):
    options = {"model": Net(4), "batch_size": None} | options
    certified(**options, compile=True)
    assert len(graphs) == 1 and graphs[0] == (options["batch_size"] or graphs[0])


def test_the_tenth_network_in_one_process_is_compiled_too_and_so_is_another_batch_size(graphs):
    for width in range(1, 11):
        certified(Net(width), compile=True, batch_size=50)
        assert len(graphs) == width
    model = Net(4)
    for batch_size in (20, 30, 40):
        certified(model, compile=True, batch_size=batch_size)
    assert graphs == [50] * 10 + [20, 30, 40]
