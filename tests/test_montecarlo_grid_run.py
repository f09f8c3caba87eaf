"""A classifier that reads the rounding of a sum: the naive certificate breaks, that of the grid does not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import certified, votes  # noqa: E402
from scipy import stats  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import records  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)
COHEN = rs.bounds.get("cohen-l2")

# ---- a classifier that reads rounding ----


class Reader(torch.nn.Module):
    """Class 1 if some pixel near 0 has bits below 2^-29, which a float32 sum with a pixel of 8 / 255 never has.

    For such a sum to end below 1 / 64 the noise must be beyond 1 / 64, where it is a multiple of 2^-29, as 8 / 255 is.
    At an image of zeros the sum is the noise itself, which has finer bits where it is small.
    """

    def forward(self, batch):
        batch = batch.flatten(1)
        fine = torch.remainder(batch.double() * 2.0**29, 1) != 0
        found = (fine & (batch.abs() < 1 / 64)).sum(1).float()
        return torch.stack([torch.full_like(found, 0.5), found], dim=1)


NOISE = Gaussian(0.5)
PAIR = torch.stack([torch.zeros(1, 16, 16), torch.full((1, 16, 16), 8 / 255)])
DISTANCE = 16 * 8 / 255


def test_rounding_breaks_the_naive_certificate_and_not_that_of_the_grid():
    naive = certified(Reader().eval(), PAIR, [1, 1], NOISE, n0=100, n=2000)
    radii = COHEN.radius(NOISE, q_a=naive.q_a())
    assert naive.predict.tolist() == [1, 0]  # two images of different classes, each within the other's certified ball
    assert (radii > 1.9 * DISTANCE).all()
    sound = certified(Reader().eval(), PAIR, [1, 1], NOISE, n0=100, n=2000, grid=255)
    radii = COHEN.radius(NOISE, q_a=sound.q_a())
    assert sound.predict.tolist() == [1, 1] and (radii > 1.9 * DISTANCE).all()
    # what the votes of one image certify about the other holds for the other's votes
    q_far = stats.norm.sf((radii - DISTANCE) / NOISE.sigma)
    assert (1 - rs.confidence.clopper_pearson_upper(sound.count[::-1], 2000, 0.001) <= q_far).all()


def test_the_network_gets_the_same_bits_for_the_same_sum():
    """Whatever k and j are: the batch holds float(m) / float(levels) of the integer m = k + j, and nothing else."""
    seen = []

    class Keeper(Reader):
        def forward(self, batch):
            seen.append(batch.clone())
            return super().forward(batch)

    certified(Keeper().eval(), PAIR, [1, 1], NOISE, n0=50, n=200, grid=255)
    noisy = torch.cat(seen)[-2 * 250 :].flatten()  # before them come clean images
    whole = torch.round(noisy.double() * 255)
    divided = (whole.numpy().astype(np.float32) / np.float32(255)).view(np.int32)
    assert np.array_equal(noisy.numpy().view(np.int32), divided)
    assert not ((noisy == 0) & noisy.signbit()).any()  # a zero with a sign would tell the two images apart


class Reached(torch.nn.Module):
    """Class 1 where the first coordinate is at least 1 / 2."""

    def forward(self, batch):
        first = batch.flatten(1)[:, 0] - 0.5
        return torch.stack([torch.zeros_like(first) - 1e-6, first], dim=1)


def test_votes_are_those_of_the_rounding_classifier_under_real_noise():
    image = torch.tensor([[[0.25, 0.0]]])
    found = certified(Reached().eval(), image, [1], Gaussian(0.25), n=100_000, grid=4)
    # x + z, rounded to quarters, is at least 1/2 where z >= 1/8
    assert stats.binomtest(found.rows[0].counts.get(1, 0), 100_000, stats.norm.sf(0.5)).pvalue > 1e-3
    naive = certified(Reached().eval(), image, [1], Gaussian(0.25), n=100_000)
    assert stats.binomtest(naive.rows[0].counts.get(1, 0), 100_000, stats.norm.sf(1)).pvalue > 1e-3


# ---- a run ----


def digits(count=4):
    test = rs.data.digits().test
    return test.images[:count], test.labels[:count]


def test_a_grid_run_is_logged_read_and_gone_on_with(tmp_path):
    model, (images, labels), log = rs.montecarlo.load_model("digits-gaussian-0.5"), digits(), tmp_path / "log.tsv"
    found = certified(model, images, labels, NOISE, 50, 500, log=log, grid=16)
    assert records.read(log).header == found.header and found.header.grid == 16
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.warns(UserWarning, match="log.tsv: line .*, the last, was cut off, and is left out"):
        again = certified(model, images, labels, NOISE, 50, 500, log=log, grid=16, batch_size=33)
    assert votes(again) == votes(found)
    plain = certified(model, images, labels, NOISE, 50, 500)
    assert plain.header.grid is None and votes(plain) != votes(found)
    assert np.abs(plain.count - found.count).max() < 100  # the rounding hardly matters to the network
    for other in (None, 32):
        with pytest.raises(records.LogHeaderError, match="grid"):
            certified(model, images, labels, NOISE, 50, 500, log=log, grid=other)


def test_a_grid_run_may_end_early_and_in_other_hands():
    from concurrent.futures import ThreadPoolExecutor

    model, (images, labels) = rs.montecarlo.load_model("digits-gaussian-0.5"), digits()
    wish = {"radius": 0.2, "bound": COHEN, "grid": 16}
    here = certified(model, images, labels, NOISE, 50, 5000, **wish)
    assert here.draws.min() < 1000
    with ThreadPoolExecutor(2) as executor:
        there = certified(model, images, labels, NOISE, 50, 5000, executor=executor, **wish)
    assert votes(here) == votes(there)
