"""A run tells how far it is to whoever asks, and what is raised there ends it as Ctrl-C does."""

from math import isnan

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import HalfSpace, Slow, certified, votes  # noqa: E402

from rsexplore import bounds, records  # noqa: E402
from rsexplore.montecarlo import devices  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)


class Enough(KeyboardInterrupt):
    """Raised by a caller."""


def test_progress_goes_from_nothing_to_all():
    told = []
    found = certified(Slow(0.03), progress=told.append, batch_size=40)
    assert len(told) > 5 * 320 / 40
    assert [p.votes for p in told] == sorted(p.votes for p in told)
    last = told[-1]
    assert (last.images, last.of, last.votes, last.total) == (5, 5, 5 * 320, 5 * 320) and last.left == 0
    assert last.rate == pytest.approx(last.votes / last.seconds)
    right = sum(row.counts.get(row.label, 0) for row in found.rows) / (5 * 300)
    assert last.noisy == pytest.approx(right) and isnan(told[0].noisy)
    assert votes(found) == votes(certified(batch_size=40))


def test_what_the_callable_raises_ends_the_run_and_the_same_call_goes_on(tmp_path):
    def tell(progress):
        if progress.images == 3:
            raise Enough

    with pytest.raises(Enough):
        certified(progress=tell, log=tmp_path / "log.tsv")
    assert len(records.read(tmp_path / "log.tsv")) == 3
    told = []
    found = certified(progress=told.append, log=tmp_path / "log.tsv")
    told = [p for p in told if not p.doing]
    assert told[0].images == 3 and told[-1].images == 5 and told[-1].total == 2 * 320
    assert votes(found) == votes(certified())


def test_images_that_end_early_leave_less_to_count():
    told = []
    wish = {"radius": 0.2, "bound": bounds.get("cohen-l2")}
    found = certified(noise=Gaussian(0.1), n=2000, progress=told.append, **wish)
    assert told[-1].total == 5 * 20 + found.draws.sum() < 5 * 2020


def test_what_is_slow_before_the_first_vote_is_told_from_the_start():
    model, told, slept = HalfSpace(), [], []
    model.register_forward_hook(lambda *_: slept.append(1))
    images = torch.zeros(100, 16)
    certified(model, images, n0=1, n=1, progress=lambda p: told.append((len(slept), p)), batch_size=25)
    before = [(done, p) for done, p in told if p.doing]
    assert [done for done, _ in before] == [0, 1, 2, 3, 4]  # of the network's batches of clean images
    assert [p.doing for _, p in before][::4] == ["clean images, 0 of 100", "clean images, 100 of 100"]
    assert all((p.votes, p.images, p.of) == (0, 0, 100) and isnan(p.clean) and isnan(p.left) for _, p in before)
    assert not any(p.doing for _, p in told[5:]) and told[5][1].votes > 0


def test_the_processor_is_a_device():
    assert devices()[0] == "cpu"
    for name in devices():
        assert torch.ones(2, device=name).sum() == 2
