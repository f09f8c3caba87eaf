"""Batches that another thread makes while the network is at work: the same counts, in any trouble."""

import threading
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, Slow  # noqa: E402

from rsexplore import noises  # noqa: E402
from rsexplore.montecarlo import TorchRng, ahead  # noqa: E402
from rsexplore.montecarlo.engine import Engine  # noqa: E402
from rsexplore.montecarlo.lane import Looks, Work, block_sizes  # noqa: E402
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


@pytest.mark.parametrize("failing", [1, 2, 5, 9, 14])
def test_memory_that_runs_out_where_noise_is_drawn_changes_nothing(failing):
    class Tight:
        calls = 0

        def draw(self, rng, shape):
            self.calls += 1
            noise = Gaussian(0.5).draw(rng, shape)
            if self.calls == failing:
                raise MemoryError
            return noise

    def counts(noise, ahead):
        works = [Work(i, torch.zeros(DIM), TorchRng(4, i), (100, 2000)) for i in range(3)]
        engine = Engine(HalfSpace(), noise, 2, 300, ahead=ahead)
        return {work.key: found.tolist() for work, found in engine.run(works)}, engine.batch_size

    wanted = counts(Gaussian(0.5), False)[0]
    assert counts(Tight(), True) == counts(Tight(), False) == (wanted, 150)


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_an_image_that_cannot_be_had_is_an_error_and_not_left_out(error):
    def works():
        yield Work(0, torch.zeros(DIM), TorchRng(0), (100, 2000))
        raise error("no such image")

    for ahead_ in (True, False):
        with pytest.raises(error, match="no such image"):
            list(Engine(HalfSpace(), Gaussian(0.5), 2, 64, ahead=ahead_).run(works()))


@pytest.mark.parametrize("seconds, together", [(0, True), (0.055, False)])
def test_small_batches_are_put_together_unless_the_network_is_slow(seconds, together):
    def logits_of(batch):
        sizes.append(len(batch))
        return slow(batch)

    slow = Slow(seconds)
    for ahead_ in (True, False):
        sizes, told = [], []
        work = Work(0, torch.zeros(DIM), TorchRng(0), (100, 900))
        list(Engine(logits_of, Gaussian(0.5), 2, 100, ahead=ahead_).run([work], tick=told.append))
        assert set(sizes) == {100} and sum(told) == 1000
        assert (max(told) > 100) == together


def test_sizes_depend_on_the_samples_alone_and_no_block_reaches_over_their_ends():
    assert list(block_sizes((100, 2000), 400)) == [100, 100, 100, 200, 400, 400, 400, 400]
    assert list(block_sizes((70, 333), 50)) == [50, 20, *[50] * 6, 33]


def test_nothing_is_drawn_beyond_the_next_look():
    asked = []

    class Counting:
        def draw(self, rng, shape):
            asked.append(shape[0])
            return torch.zeros(shape)

    looks = Looks((333, 10**6), lambda counts: True)
    work = Work(0, torch.zeros(DIM), TorchRng(0), (100, 10**6))
    run = Engine(HalfSpace(), Counting(), 2, 64, ahead=True).run([work], looks)
    assert next(run)[1][1].sum() == 333
    assert asked == [100, 100, 100, 200]


@pytest.mark.parametrize("faster, pairs", [(True, ahead.WON), (False, ahead.LOST)])
def test_both_ways_are_tried_in_turns_and_the_faster_one_stays(faster, pairs):
    seen, turns = [], ahead.Turns()
    coordinates = ahead.FIRST_CHUNK // 2
    tried = 2 * pairs * ahead.TURN
    for _ in range(2 * tried):
        seen.append(turns.on)
        turns.take(2, coordinates, 1.0 if turns.on == faster else 1.1)
    assert sum(seen[:tried]) == tried / 2
    assert set(seen[tried:]) == {faster}


def test_what_the_listener_takes_is_not_counted_into_the_trial(monkeypatch):
    work, taken = Work(0, torch.zeros(DIM), TorchRng(0), (100, 900)), []
    monkeypatch.setattr(ahead.Turns, "take", lambda self, copies, coordinates, seconds: taken.append(seconds))
    list(Engine(Slow(0.01), Gaussian(0.5), 2, 100, ahead=True).run([work], tick=lambda copies: time.sleep(0.3)))
    assert 0.01 <= min(taken) and sum(taken) < 0.3 * len(taken)


@pytest.mark.parametrize("slow_pairs, stays", [(ahead.LOST - 1, True), (ahead.LOST, False)])
def test_a_neighbour_who_slows_some_turns_with_the_thread_does_not_end_it(slow_pairs, stays):
    turns, done = ahead.Turns(), 0
    for _ in range(2 * (ahead.WON + ahead.LOST) * ahead.TURN):
        slowed = turns.on and done < slow_pairs * 2 * ahead.TURN
        turns.take(2, ahead.FIRST_CHUNK // 2, 3.0 if slowed else 1.0 if turns.on else 1.1)
        done += 1
    assert turns.on == stays


def test_switching_between_the_ways_leaves_the_noise_as_it_is(monkeypatch):
    monkeypatch.setattr(ahead, "FIRST_CHUNK", 50 * DIM)  # turns end often
    monkeypatch.setattr(ahead, "CHUNK", 200 * DIM)

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
