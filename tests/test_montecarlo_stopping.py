"""An image may end as soon as a wanted radius is decided, at the same level and the same votes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, certified, votes  # noqa: E402
from scipy import stats  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore.confidence import stopped_tail  # noqa: E402
from rsexplore.montecarlo.runner import stop_at  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)
COHEN = rs.bounds.get("cohen-l2")


def stopping(**change):
    images = torch.linspace(-0.6, 0.6, 12 * DIM).reshape(12, DIM)
    wanted = {"radius": 0.3, "bound": COHEN, "n": 20_000, "n0": 50, "images": images, "labels": [0] * 12}
    return certified(**wanted | change)


def test_images_end_as_soon_as_the_wanted_radius_is_decided():
    found, whole = stopping(), stopping(radius=None, bound=None)
    assert sorted(found.index) == list(range(12))  # an image is logged when it ends
    radius = COHEN.radius(found.noise, q_a=np.minimum(found.q_a(), 0.5))[np.argsort(found.index)]
    full = COHEN.radius(whole.noise, q_a=np.minimum(whole.q_a(), 0.5))
    early = found.draws[np.argsort(found.index)] < 20_000
    assert early.sum() >= 10 and (radius[early & (full >= 0.3)] >= 0.3).all()
    assert ((radius >= 0.3) == (full >= 0.3))[early].all()
    assert np.median(found.draws) < 1000
    assert found.header.stop["radius"] == 0.3 and found.header.stop["bound"] == "cohen-l2"


@pytest.mark.parametrize("batch_size", [1, 7, 400])
def test_where_an_image_ends_does_not_depend_on_batches_or_neighbours(batch_size):
    assert votes(stopping(batch_size=batch_size)) == votes(stopping())
    alone = stopping(images=torch.full((1, DIM), 0.1), labels=[0], indices=[5], batch_size=batch_size)
    beside = stopping(images=torch.full((9, DIM), 0.1), labels=[0] * 9, batch_size=100)
    assert votes(alone)[5] == votes(beside)[5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bound": None}, "a wanted radius needs a proved bound, .* got bound=None"),
        ({"bound": rs.bounds.get("kl-l2-printed")}, "a wanted radius needs a proved bound, .* got bound=kl-l2-printed"),
        ({"radius": 0.0}, "the wanted radius must be positive and finite, got radius=0.0"),
        ({"radius": "far"}, "the wanted radius must be positive and finite, got radius='far'"),
        (
            {"radius": 3.0},
            "20000 votes out of n=20000 certify a radius of 1.6.* less than the wanted radius=3; raise n",
        ),
        ({"radius": 1e9}, ".*less than the wanted radius=1e.09"),
        ({"radius": None}, "bound and norm are for a wanted radius"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_before_the_run(change, words):
    with pytest.raises(ValueError, match=f"certify: {words}"):
        stopping(**change)


def test_half_the_certified_radius_takes_a_fifth_of_the_votes_and_less():
    curve = rs.accuracy.published("locuslab-smoothing", "cifar10", 0.5, 0.5)
    images = np.rint(curve.certified * curve.provenance["rows"]).astype(int)
    radii = np.repeat(curve.radii, images - np.append(images[1:], 0))  # one for each certified image
    rng, draws, certified_ones = np.random.default_rng(0), [], 0
    for radius in rng.choice(radii, 100):
        p = stats.norm.cdf(radius / 0.5)
        stop = stop_at(radius / 2, COHEN, None, Gaussian(0.5), 100_000, 0.001)
        count = before = 0
        for size in stop.looks().sizes:
            count, before = count + rng.binomial(size - before, p), size
            if stop.enough(np.array([[0, 100], [size - count, count]])):
                break
        draws.append(before)
        certified_ones += stopped_tail(count, before, 100_000, 0.001) <= stop.q_a
    assert certified_ones >= 97  # where p_A is hardly above 1/2 even 100,000 votes do not tell
    assert np.median(draws) <= 100_000 / 5
