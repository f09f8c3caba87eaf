"""The torch adapter draws the laws that its names promise, and repeats them."""

from itertools import combinations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from scipy import stats  # noqa: E402

from rsexplore.montecarlo import TorchRng  # noqa: E402

torch.set_num_threads(1)

DRAWS = 20_000
LAWS = {
    "standard_normal": ((), stats.norm()),
    "random": ((), stats.uniform()),
    "standard_exponential": ((), stats.expon()),
    "standard_gamma": ((0.25,), stats.gamma(0.25)),
    "standard_gamma, large": ((65.0,), stats.gamma(65.0)),
}


def draw(rng, name, size):
    return getattr(rng, name.split(",")[0])(*LAWS[name][0], size)


@pytest.mark.parametrize("name", LAWS)
def test_each_sampler_follows_its_law(name):
    sample = draw(TorchRng(7, 3), name, (DRAWS // 20, 20))
    assert sample.shape == (DRAWS // 20, 20)
    assert sample.dtype == torch.float32
    assert stats.kstest(sample.numpy().astype(float).ravel(), LAWS[name][1].cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_a_ks_test_of_this_size_tells_a_scale_off_by_a_twentieth(name):
    sample = 1.05 * draw(TorchRng(7, 3), name, (4 * DRAWS,)).numpy().astype(float)
    assert stats.kstest(sample, LAWS[name][1].cdf).pvalue < 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_the_same_seed_and_index_draw_the_same(name):
    assert torch.equal(draw(TorchRng(5, 2), name, (64,)), draw(TorchRng(5, 2), name, (64,)))
    assert not torch.equal(draw(TorchRng(5, 2), name, (64,)), draw(TorchRng(5, 3), name, (64,)))


def test_neighbouring_seeds_and_indices_are_unrelated():
    # every pair: (0, 1) against (1, 0) too, which have the same sum
    streams = [TorchRng(seed, index).standard_normal((1000,)).numpy() for seed in range(4) for index in range(4)]
    for a, b in combinations(streams, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.18
    # nor does one begin where another one is later
    words = [set(TorchRng(seed, index).words((500,)).tolist()) for seed in range(4) for index in range(4)]
    assert len(set().union(*words)) == 16 * 500


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    TorchRng(1).standard_gamma(2.0, (10,))
    TorchRng(1).standard_exponential((10,))
    assert torch.equal(torch.rand(3), expected)


def test_exponentials_are_finite_and_not_negative():
    sample = TorchRng(0).standard_exponential((2_000_000,))
    assert torch.isfinite(sample).all() and (sample >= 0).all()


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1), (0.5, 0), (True, 0)])
def test_a_wrong_seed_is_told(seed, index):
    with pytest.raises(ValueError, match=r"TorchRng: (seed|index) must be a whole number of at least 0"):
        TorchRng(seed, index)
