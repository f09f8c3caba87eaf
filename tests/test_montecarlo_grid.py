"""Images and noise on a grid: the law of the rounded noise, what is refused, and a classifier that reads rounding."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
from halfspace import certified, digits, votes
from scipy import stats

import rsexplore as rs
from rsexplore import noises, records
from rsexplore.montecarlo import TorchRng
from rsexplore.montecarlo.grid import UNITS, WORDS, AliasTable, GridNoise, on_grid, steps
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Uniform

CASES = {
    "Gaussian 0.25 on 255": (GridNoise(Gaussian(0.25), 255), stats.norm(scale=0.25)),
    "Gaussian 1 on 16": (GridNoise(Gaussian(1.0), 16), stats.norm()),
    "Gaussian 0.1 on 1": (GridNoise(Gaussian(0.1), 1), stats.norm(scale=0.1)),
    "Laplace 0.2 on 255": (GridNoise(Laplace(0.2), 255), stats.laplace(scale=0.2)),
    "Uniform 0.3 on 16": (GridNoise(Uniform(0.3), 16), stats.uniform(-0.3, 0.6)),
    "GeneralizedGaussian 4 on 50": (GridNoise(GeneralizedGaussian(0.3, 4.0), 50), stats.gennorm(4, scale=0.3)),
}
every_case = pytest.mark.parametrize("name", CASES)


# ---- the law of a coordinate ----


def density(noise, x):
    """Density of one coordinate at `x`, written down by hand."""
    if isinstance(noise, Gaussian):
        s = mpmath.mpf(noise.sigma)
        return mpmath.exp(-((x / s) ** 2) / 2) / (s * mpmath.sqrt(2 * mpmath.pi))
    scale = mpmath.mpf(noise.scale)
    if isinstance(noise, Uniform):
        return 1 / (2 * scale)
    shape = mpmath.mpf(noise.shape if isinstance(noise, GeneralizedGaussian) else 1)
    return mpmath.exp(-((abs(x) / scale) ** shape)) / (2 * scale * mpmath.gamma(1 + 1 / shape))


def exact(grid, j):
    """P(round(levels z) = j) at 50 digits, by quadrature of the density; j >= 0."""
    half = mpmath.mpf(1) / 2
    low, high = (j - half) / grid.levels, (j + half) / grid.levels
    if isinstance(grid.noise, Uniform):
        low, high = (min(max(x, -mpmath.mpf(grid.noise.scale)), mpmath.mpf(grid.noise.scale)) for x in (low, high))
    parts = [low, 0, high] if low < 0 else [low, high]  # the densities have an edge at 0
    return mpmath.quad(lambda x: density(grid.noise, x), parts)


@every_case
def test_probabilities_are_those_of_50_digits_rounded_down_by_a_hair(name):
    grid, _ = CASES[name]
    with mpmath.workdps(50):
        last = len(grid.units) - 1
        for j in {0, 1, 2, 3, last // 3, last // 2, last - 1, last, last + 1}:
            given = grid.units[j] if 0 <= j <= last else 0
            short = exact(grid, j) * UNITS - given if j >= 0 else 0
            assert 0 <= short <= 1.001, (j, short)


@every_case
def test_no_integer_is_drawn_with_more_than_its_probability_and_hardly_any_is_lost(name):
    grid, _ = CASES[name]
    first, second = grid.weights
    open_words = WORDS - sum(first.values())
    drawn = {j: first.get(j, 0) * WORDS + open_words * second.get(j, 0) for j in {*first, *second}}
    assert all(value <= grid.units[abs(j)] for j, value in drawn.items())
    assert Fraction(sum(drawn.values()), UNITS) + grid.lost == 1
    assert 0 <= grid.lost < Fraction(1, 10**30)


@every_case
def test_a_table_gives_every_integer_its_number_of_words(name):
    for weights in CASES[name][0].weights:
        found = AliasTable(weights, torch.device("cpu"), torch.float64)
        capacity, cells = 1 << found.shift, len(found.last)
        assert cells * capacity == WORDS
        # a cell gives one value from its first word to `last`, and another one from there to its last word
        starts = torch.arange(cells) * capacity
        counts = torch.stack([found.last + 1 - starts, starts + capacity - 1 - found.last], dim=1)
        assert (counts >= 0).all()
        words = {}
        for column, ends in enumerate(((starts, found.last), (found.last + 1, starts + capacity - 1))):
            given = counts[:, column] > 0
            values = [found.look_up(end[given]).tolist() for end in ends]
            np.testing.assert_array_equal(*values)
            for value, count in zip(values[0], counts[given, column].tolist(), strict=True):
                words[value] = words.get(value, 0) + count
        assert {int(value): count for value, count in words.items() if value == value} == weights


@every_case
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_samples_follow_the_law(name, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    grid, law = CASES[name]
    sample = grid.draw(TorchRng(5, 1, device=device), (20_000, 10)).cpu()
    assert sample.shape == (20_000, 10) and sample.dtype == torch.float32
    assert torch.equal(sample, sample.round())
    j = np.arange(1 - len(grid.units), len(grid.units))
    p = law.cdf((j + 0.5) / grid.levels) - law.cdf((j - 0.5) / grid.levels)
    seen = np.bincount((sample.numpy().astype(int) - j[0]).ravel(), minlength=len(j))
    often = p * sample.numel() >= 10
    if len(j) > 1 and not often.all():
        p, seen = (np.append(x[often], x[~often].sum()) for x in (p, seen))
    assert stats.chisquare(seen, p * sample.numel() / p.sum()).pvalue > 1e-3


def test_words_have_63_fair_bits():
    words = TorchRng(3).words((20_000,)).numpy()
    assert words.min() >= 0
    ones = [(words >> bit & 1).sum() for bit in range(63)]
    assert stats.chisquare(ones, np.full(63, np.mean(ones))).pvalue > 1e-3
    assert stats.kstest(words / 2.0**63, "uniform").pvalue > 1e-3


class Words:
    """A source that gives chosen words."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, *words):
        self.left = list(words)

    def words(self, shape):
        return torch.full(shape, self.left.pop(0), dtype=torch.int64)


def opening(weights):
    """Return a word that leaves a draw open."""
    found = AliasTable(weights, torch.device("cpu"), torch.float32)
    (place, *_) = found.values.isnan().nonzero().flatten().tolist()
    cell, is_second = divmod(place, 2)
    return int(found.last[cell]) + is_second


def test_a_word_that_leaves_a_draw_open_is_followed_by_another_and_two_of_them_end_the_run():
    grid = GridNoise(Gaussian(0.25), 255)
    first, second = (opening(weights) for weights in grid.weights)
    tail = grid.draw(Words(first, 0), (3, 2))
    assert tail.isfinite().all() and int(tail[0, 0]) in grid.weights[1]
    with pytest.raises(RuntimeError):
        grid.draw(Words(first, second), (3, 2))


# ---- what is no grid ----


WRONG = "levels must be a whole number from 1 to 1048576"
DEPENDENT = r"the noise must have independent coordinates \(Gaussian, Laplace"


NO_GRID = [
    *((Gaussian(1.0), levels, WRONG) for levels in (0, -1, 2.5, True, "255", 2**21)),
    (noises.ExponentialLinf(0.5, 16), 255, DEPENDENT),
    (noises.PowerGaussian(0.5, 4.0, 16), 255, DEPENDENT),
    (Laplace(10.0), 255, "the noise must end within 65536 steps.*a coarser grid or less noise"),
]


@pytest.mark.parametrize(("noise", "levels", "words"), NO_GRID)
def test_wrong_levels_and_noise_are_told(noise, levels, words):
    for call in (
        lambda: GridNoise(noise, levels),
        lambda: certified(noise=noise, grid=levels, images=torch.zeros(2, 16)),
    ):
        with pytest.raises(ValueError, match=f"grid: {words}"):
            call()


OFF = [
    (0.1, r"images must hold whole multiples of 1/255, but the pixel at \(1, 0\) is 0.1.*, which is 25.5"),
    (1 / 255 + 1e-6, r"images must hold .* the pixel at \(1, 0\) is 0.0039225.*, which is 1.000255 steps"),
    (float("nan"), r"images must hold .* the pixel at \(1, 0\) is nan"),
    (5000.0, r"images must lie within 1048576 steps of 0, got 1.275e\+06"),
]


@pytest.mark.parametrize(("value", "words"), OFF)
def test_pixels_off_the_grid_are_told(value, words):
    image = torch.zeros(2, 2, dtype=torch.float64)
    image[1, 0] = value
    with pytest.raises(ValueError, match=f"grid: {words}"):
        steps(image, 255)


def test_images_that_are_off_the_grid_are_refused_before_the_run(tmp_path):
    with pytest.raises(ValueError, match=r"grid: images\[1\] must hold whole multiples of 1/255"):
        certified(images=torch.tensor([[0.0] * 16, [0.3] * 15 + [0.1]]), labels=[0, 0], grid=255, log=tmp_path / "log")
    assert not (tmp_path / "log").exists()
    with pytest.raises(ValueError, match="grid: images must be of float32 or float64, got torch.float16"):
        steps(torch.zeros(2, dtype=torch.float16), 255)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_8_bit_pixel_is_on_the_grid_however_it_was_scaled(dtype):
    bytes_ = torch.arange(256)
    for pixels in (bytes_.to(dtype) / 255, bytes_.to(dtype) * (1 / torch.tensor(255, dtype=dtype))):
        assert torch.equal(steps(pixels, 255), bytes_.to(dtype))
    back = []
    on_grid(lambda batch: back.append(batch) or batch, 255)(bytes_.to(dtype))
    assert torch.equal(back[0], bytes_.to(dtype) / 255)


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
    radii = rs.bounds.get("cohen-l2").radius(NOISE, q_a=naive.q_a())
    assert naive.predict.tolist() == [1, 0]  # two images of different classes, each within the other's certified ball
    assert (radii > 1.9 * DISTANCE).all()
    sound = certified(Reader().eval(), PAIR, [1, 1], NOISE, n0=100, n=2000, grid=255)
    radii = rs.bounds.get("cohen-l2").radius(NOISE, q_a=sound.q_a())
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


def test_a_grid_run_is_logged_and_gone_on_with_on_the_same_grid(tmp_path):
    some, log = (*digits(4), NOISE, 50, 500), tmp_path / "log.tsv"
    found, plain = certified(*some, log=log, grid=16), certified(*some)
    assert records.read(log).header == found.header and found.header.grid == 16
    assert votes(certified(*some, grid=16, batch_size=33)) == votes(found)
    assert plain.header.grid is None and votes(plain) != votes(found)
    assert np.abs(plain.count - found.count).max() < 100  # the rounding hardly matters to the network
    for other in (None, 32):
        with pytest.raises(records.LogHeaderError, match="grid"):
            certified(*some, log=log, grid=other)


def test_a_grid_run_may_end_early_and_in_other_hands():
    some, wish = digits(4), {"radius": 0.2, "bound": "cohen-l2", "grid": 16, "noise": NOISE, "n": 5000}
    here = certified(*some, **wish)
    assert here.draws.min() < 1000
    with ThreadPoolExecutor(2) as executor:
        there = certified(*some, **wish, executor=executor)
    assert votes(here) == votes(there)
