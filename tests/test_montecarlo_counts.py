"""Votes are counted right, and depend on nothing but model, image, noise and generator."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from scipy import stats  # noqa: E402

from rsexplore.montecarlo import ModelOutputError, TorchRng, class_counts  # noqa: E402
from rsexplore.montecarlo.lane import BLOCK_COORDINATES  # noqa: E402
from rsexplore.noises import Gaussian, Laplace, Uniform  # noqa: E402

torch.set_num_threads(1)
IMAGE = torch.linspace(0, 1, 16).reshape(1, 4, 4)


def halves(batch):
    """Class 1 where the first coordinate is above 0.25."""
    first = batch.flatten(1)[:, 0]
    return torch.stack([torch.full_like(first, 0.25), first, first - 9], dim=1)


def count(model=halves, image=IMAGE, noise=Gaussian(0.5), n=1000, seed=0, index=0, **options):  # noqa: B008
    options = {"num_classes": 3, "batch_size": 100} | options
    return class_counts(model, image, noise, n, TorchRng(seed, index), **options)


def test_counts_add_up_and_match_the_known_probability():
    counts = count(n=50_000)
    assert counts.shape == (3,) and counts.sum() == 50_000 and counts[2] == 0
    assert stats.binomtest(int(counts[1]), 50_000, stats.norm.sf(0.25 / 0.5)).pvalue > 1e-3


@pytest.mark.parametrize("noise", [Gaussian(0.5), Laplace(0.5), Uniform(0.5)], ids=lambda noise: noise.family)
@pytest.mark.parametrize("batch_size", [1, 7, 999, 1000, 5000])
def test_counts_do_not_depend_on_the_batch_size(noise, batch_size):
    assert (count(noise=noise, batch_size=batch_size) == count(noise=noise)).all()


@pytest.mark.parametrize("batch_size", [3, 11, 40])
def test_nor_where_an_image_fills_a_draw(batch_size):
    large = torch.zeros(BLOCK_COORDINATES["cpu"] // 4)
    expected = count(image=large, n=30, batch_size=1)
    assert (count(image=large, n=30, batch_size=batch_size) == expected).all()


def test_every_copy_has_noise_of_its_own():
    seen = []
    count(model=lambda batch: (seen.append(batch.clone()), halves(batch))[1], n=9000, batch_size=1000)
    copies = torch.cat(seen)
    assert len(copies) == 9000 and len(copies.unique(dim=0)) == 9000


def test_batches_are_no_larger_than_asked():
    sizes = []
    count(model=lambda batch: (sizes.append(len(batch)), halves(batch))[1], n=9050, batch_size=100)
    assert max(sizes) == 100 and sum(sizes) == 9050


def test_no_gradient_is_kept():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    grads = []
    net.register_forward_hook(lambda _module, _inputs, output: grads.append(output.requires_grad))
    count(model=net, n=200)
    assert not any(grads)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda batch: halves(batch).argmax(1), r"shape \(100, 3\), got \(100,\)"),
        (lambda batch: halves(batch)[:, :2], r"shape \(100, 3\), got \(100, 2\)"),
        (lambda batch: halves(batch)[:50], r"shape \(100, 3\), got \(50, 3\)"),
        (lambda batch: halves(batch).long(), r"floating-point logits, got torch.int64"),
        (lambda batch: halves(batch).tolist(), r"tensor of logits \(100, 3\), got list"),
        (lambda batch: halves(batch) / 0, r"finite, got nan or inf for \d+ of 1000 noisy copies"),
        (lambda batch: halves(batch) * float("nan"), r"finite, got nan or inf for 1000 of 1000 noisy copies"),
    ],
)
def test_a_model_without_readable_logits_is_told(model, message):
    with pytest.raises(ModelOutputError, match=message):
        count(model=model)
