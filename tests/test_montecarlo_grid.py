"""Images and noise on a grid: the law of the rounded noise against 50 digits and on samples, and what is refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import certified  # noqa: E402
from scipy import stats  # noqa: E402

from rsexplore import noises  # noqa: E402
from rsexplore.montecarlo import TorchRng  # noqa: E402
from rsexplore.montecarlo.grid import UNITS, WORDS, GridNoise, on_grid, steps, table  # noqa: E402
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, Uniform  # noqa: E402

torch.set_num_threads(1)
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
        for j in {0, 1, 2, 3, grid.reach // 3, grid.reach // 2, grid.reach - 1, grid.reach, grid.reach + 1}:
            given = grid.units[j] if 0 <= j <= grid.reach else 0
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
        found = table(weights, torch.device("cpu"), torch.float32)
        capacity = 1 << found.shift
        assert len(found.last) * capacity == WORDS
        words, values = dict.fromkeys(weights, 0), found.values.tolist()
        for cell, last in enumerate(found.last.tolist()):
            mine = last + 1 - cell * capacity
            assert 0 <= mine <= capacity
            for value, count in zip(values[2 * cell : 2 * cell + 2], (mine, capacity - mine), strict=True):
                if value == value:
                    words[int(value)] += count
                else:
                    assert count <= WORDS - sum(weights.values())
        assert words == weights


@every_case
def test_the_first_and_last_word_of_a_cell_are_looked_up_right(name):
    found = table(CASES[name][0].weights[0], torch.device("cpu"), torch.float64)
    capacity, cells = 1 << found.shift, len(found.last)
    starts = torch.arange(cells) * capacity
    for words in (starts, starts + (capacity - 1)):
        is_second = words > found.last
        expected = found.values.view(cells, 2)[torch.arange(cells), is_second.long()]
        assert torch.equal(found.look_up(words).nan_to_num(1e9), expected.nan_to_num(1e9))


@every_case
def test_samples_follow_the_law(name):
    grid, law = CASES[name]
    sample = grid.draw(TorchRng(5, 1), (20_000, 10))
    assert sample.shape == (20_000, 10) and sample.dtype == torch.float32
    assert torch.equal(sample, sample.round())
    j = np.arange(-grid.reach, grid.reach + 1)
    p = law.cdf((j + 0.5) / grid.levels) - law.cdf((j - 0.5) / grid.levels)
    seen = np.bincount((sample.numpy().astype(int) + grid.reach).ravel(), minlength=len(j))
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
    found = table(weights, torch.device("cpu"), torch.float32)
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


@pytest.mark.gpu
def test_a_gpu_draws_the_same_law():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    grid, law = CASES["Gaussian 1 on 16"]
    sample = grid.draw(TorchRng(5, 1, device="cuda"), (20_000, 10)).cpu().numpy().ravel()
    j = np.arange(-48, 49)
    p = law.cdf((j + 0.5) / 16) - law.cdf((j - 0.5) / 16)
    seen = np.bincount(sample[np.abs(sample) <= 48].astype(int) + 48, minlength=len(j))
    assert stats.chisquare(seen, p * seen.sum() / p.sum()).pvalue > 1e-3


# ---- what is no grid ----


@pytest.mark.parametrize("levels", [0, -1, 2.5, True, "255", 2**21])
def test_wrong_levels_are_told(levels):
    for call in (lambda: GridNoise(Gaussian(1.0), levels), lambda: steps(torch.zeros(2), levels)):
        with pytest.raises(ValueError, match="grid: levels must be a whole number from 1 to 1048576"):
            call()
    with pytest.raises(ValueError, match="grid: levels must be a whole number"):
        certified(grid=levels)


@pytest.mark.parametrize("noise", [noises.ExponentialLinf(0.5, 16), noises.PowerGaussian(0.5, 4.0, 16)], ids=str)
def test_noise_whose_coordinates_depend_on_each_other_is_refused(noise):
    with pytest.raises(ValueError, match=r"grid: the noise must have independent coordinates \(Gaussian, Laplace"):
        certified(images=torch.zeros(2, 16), labels=[0, 0], noise=noise, grid=255)


def test_noise_that_reaches_too_far_is_refused():
    with pytest.raises(ValueError, match="grid: the noise must end within 65536 steps.*a coarser grid or less noise"):
        GridNoise(Laplace(10.0), 255)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1, r"images must hold whole multiples of 1/255, but the pixel at \(1, 0\) is 0.1.*, which is 25.5"),
        (1 / 255 + 1e-6, r"images must hold .* the pixel at \(1, 0\) is 0.0039225.*, which is 1.000255 steps"),
        (float("nan"), r"images must hold .* the pixel at \(1, 0\) is nan"),
        (5000.0, r"images must lie within 1048576 steps of 0, got 1.275e\+06"),
    ],
)
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
