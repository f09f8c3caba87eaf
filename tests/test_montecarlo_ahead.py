"""Noise that another thread draws while the network is at work: the same counts, in any trouble."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace  # noqa: E402

from rsexplore import noises  # noqa: E402
from rsexplore.montecarlo import TorchRng, ahead  # noqa: E402
from rsexplore.montecarlo.ahead import Blocks  # noqa: E402
from rsexplore.montecarlo.engine import Engine  # noqa: E402
from rsexplore.montecarlo.lane import Looks, Work  # noqa: E402
from rsexplore.noises import Gaussian, PowerGaussian  # noqa: E402

torch.set_num_threads(1)
FAMILIES = [
    *(family.from_sigma(0.5, dim=DIM) for family in noises.ALL),
    *(
        PowerGaussian.from_sigma(0.5, DIM, k=4.0, power_norm=a, tail_norm=b)
        for a, b in ((2, 2), (np.inf, 2), (np.inf,) * 2)
    ),
]


@pytest.mark.parametrize("noise", FAMILIES, ids=str)
def test_noise_that_is_drawn_ahead_is_the_same(noise):
    def counts(ahead, batch_size, looks=None):
        works = [Work(i, torch.full((DIM,), 0.1 * i), TorchRng(4, i), (100, 1234)) for i in range(3)]
        engine = Engine(HalfSpace(), noise, 2, batch_size, ahead=ahead)
        return {work.key: found.tolist() for work, found in engine.run(works, looks)}

    for looks in (None, Looks((20, 333, 1234), lambda counts: counts[1].sum() >= 333)):
        assert counts(True, 64, looks) == counts(False, 100, looks) == counts(True, 900, looks)


def test_memory_that_runs_out_while_noise_is_drawn_ahead_changes_nothing():
    class Tight(HalfSpace):
        def forward(self, batch):
            if len(batch) > 100 and seen:
                raise MemoryError
            seen.append(len(batch))
            return super().forward(batch)

    def counts(model, size, ahead):
        works = [Work(i, torch.zeros(DIM), TorchRng(4, i), (100, 2000)) for i in range(3)]
        return {
            work.key: found.tolist() for work, found in Engine(model, Gaussian(0.5), 2, size, ahead=ahead).run(works)
        }

    seen = []
    assert counts(Tight(), 800, True) == counts(HalfSpace(), 100, False)
    assert seen[0] == 800 and seen[1] == 100


def test_sizes_depend_on_the_samples_alone_and_no_block_reaches_over_their_ends():
    asked = []
    blocks = Blocks(lambda size: asked.append(size) or torch.zeros(size), (100, 2000), 400, 1, None)
    for _ in range(8):
        blocks.next(0)
    assert asked == [100, 100, 100, 200, 400, 400, 400, 400]


def test_nothing_is_drawn_far_beyond_what_may_be_asked_for():
    asked = []
    with ThreadPoolExecutor(1) as pool:
        blocks = Blocks(lambda size: asked.append(size) or torch.zeros(size), (100, 10**6), 50, 200, pool)
        found = [len(blocks.next(333)) for _ in range(7)]
    assert found == [50] * 7 == asked


@pytest.mark.parametrize("faster", [True, False])
def test_both_ways_are_tried_in_turns_and_the_faster_one_stays(faster, monkeypatch):
    now, seen, turns = [0.0], [], ahead.Turns()
    monkeypatch.setattr(ahead.time, "perf_counter", lambda: now[0])
    coordinates = ahead.CHUNK // 2
    for _ in range(3 * ahead.TURNS * ahead.TURN):
        seen.append(turns.on)
        now[0] += 1.0 if turns.on == faster else 1.1
        turns.tick(2, coordinates)
    tried = 2 * ahead.TURNS * ahead.TURN
    assert sum(seen[:tried]) == tried / 2
    assert set(seen[tried:]) == {faster}


def test_switching_between_the_ways_leaves_the_noise_as_it_is(monkeypatch):
    monkeypatch.setattr(ahead, "CHUNK", 50 * DIM)  # turns end often

    def counts(way):
        works = [Work(i, torch.full((DIM,), 0.1 * i), TorchRng(4, i), (100, 12_340)) for i in range(3)]
        return {
            work.key: found.tolist() for work, found in Engine(HalfSpace(), Gaussian(1), 2, 64, ahead=way).run(works)
        }

    assert counts(True) == counts(False)


class Broken:
    """A sampler that fails."""

    def draw(self, rng, shape):
        raise ValueError("no noise today")


def test_what_goes_wrong_while_drawing_ahead_is_told_and_leaves_no_thread():
    before = threading.active_count()
    work = Work(0, torch.zeros(DIM), TorchRng(0), (100,))
    with pytest.raises(ValueError, match="no noise today"):
        list(Engine(HalfSpace(), Broken(), 2, 50, ahead=True).run([work]))
    run = Engine(HalfSpace(), Gaussian(0.5), 2, 50, ahead=True).run([work] * 3)
    next(run)
    run.close()  # as an interrupt does
    assert threading.active_count() == before
