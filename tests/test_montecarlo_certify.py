"""Certification: right by classifiers whose radius is known, and clear about bad input."""

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, certified, votes  # noqa: E402
from scipy import stats  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore.montecarlo import DigitsNet, ModelOutputError  # noqa: E402
from rsexplore.noises import ExponentialLinf, Gaussian, Laplace  # noqa: E402

torch.set_num_threads(1)
AXIS = torch.eye(DIM)[3]


# ---- statistics ----


@pytest.mark.parametrize(
    ("key", "noise", "direction"),
    [("cohen-l2", Gaussian(0.5), None), ("laplace-l1", Laplace(0.5), AXIS)],
    ids=["Gaussian", "Laplace"],
)
def test_the_radius_reaches_the_true_distance_and_seldom_passes_it(key, noise, direction):
    model = HalfSpace(direction)
    distance = np.linspace(0.2, 0.9, 400)
    images = torch.tensor(distance, dtype=torch.float32)[:, None] * model.direction
    found = certified(model, images, np.ones(400, dtype=int), noise, n0=50, n=2000, alpha=0.05)
    assert (found.predict == 1).mean() > 0.9  # at 0.2 a few selections of 50 go wrong
    q_a = found.q_a()
    radius = rs.bounds.get(key).radius(noise, q_a=np.minimum(q_a, 0.5))
    right = found.predict == 1
    failures = int((radius > distance)[right].sum())
    assert stats.binomtest(failures, int(right.sum()), 0.05, alternative="greater").pvalue > 1e-3
    assert failures > 0  # 20 are expected: a level far below alpha would be a wrong interval, too
    assert np.median(radius[right] / distance[right]) > 0.85


def test_the_selection_sample_is_not_the_estimation_sample():
    found = certified(n0=300, n=300)
    assert any(dict(row.counts0) != dict(row.counts) for row in found.rows)


def test_the_prediction_comes_from_the_selection_sample():
    images = torch.zeros(40, DIM)  # on the boundary: both classes are as likely
    for row in certified(images=images, n0=5, n=5).rows:
        assert row.predict == max((0, 1), key=lambda label: row.counts0.get(label, 0))
        assert row.count == row.counts.get(row.predict, 0)


# ---- input ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(0, DIM), "labels": []}, r"images must have shape \(images, ...\) with one at least"),
        ({"images": torch.zeros(5)}, r"images must have shape \(images, ...\).*got \(5,\)"),
        ({"images": torch.zeros(5, DIM, dtype=torch.uint8)}, "images must be floating, in the units of the noise"),
        ({"images": torch.full((5, DIM), float("nan"))}, "images must be finite"),
        ({"labels": [0, 1]}, r"labels must have shape \(5,\), one for each image, got \(2,\)"),
        ({"labels": [0.5] * 5}, "labels must be whole numbers, got float64"),
        ({"labels": [0, 0, 0, 0, -1]}, "labels must be at least 0, got -1"),
        ({"labels": [0, 0, 0, 0, 2]}, "the model knows 2 classes, but labels go up to 2"),
        ({"indices": [0, 1, 2, 3, 3]}, "indices must all differ"),
        ({"indices": [0]}, r"indices must have shape \(5,\)"),
        ({"n": 0}, "n must be a whole number of at least 1, got n=0"),
        ({"n": 1e5}, "n must be a whole number of at least 1, got n=100000.0"),
        ({"n0": 0}, "n0 must be a whole number"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"threads": 0}, "threads must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"alpha": 0}, "alpha must lie between 0 and 1, got alpha=0"),
        ({"alpha": "a"}, "alpha must lie between 0 and 1, got alpha='a'"),
        ({"alpha": None}, "alpha must lie between 0 and 1, got alpha=None"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1"),
        ({"alpha": float("nan")}, "alpha must lie between 0 and 1"),
        ({"noise": Gaussian(0.5, dim=3)}, r"the noise has dim=3, but an image of shape \(16,\) has 16 coordinates"),
        ({"noise": ExponentialLinf(0.5, dim=3072)}, "the noise has dim=3072"),
        ({"model": HalfSpace().train()}, "the model must be in evaluation mode"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_told(change, message, tmp_path):
    log = tmp_path / "log.tsv"
    with pytest.raises(ValueError, match=f"certify: {message}"):
        certified(log=log, **change)
    assert not log.exists()


def test_a_noise_that_is_none_is_told():
    with pytest.raises(TypeError, match="certify: noise must be a Noise, got float"):
        certified(noise=0.5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda batch: batch.sum(1), r"logits of shape \(5, classes\), got \(5,\)"),
        (lambda batch: batch[:2], r"logits of shape \(5, classes\), got \(2, 16\)"),
        (lambda batch: batch.sum(1, keepdim=True), r"logits of shape \(5, classes\), got \(5, 1\)"),
        (lambda batch: batch / 0, "finite, got nan or inf for a clean image"),
        (lambda batch: batch.log() * 0, "finite, got nan or inf for a clean image"),
        (lambda batch: (batch + 0.3).log(), r"finite, got nan or inf for \d+ of 20 noisy copies"),
    ],
)
def test_a_model_without_readable_logits_is_told(model, message):
    with pytest.raises(ModelOutputError, match=message):
        certified(model)


def test_any_callable_and_any_array_will_do():
    def halves(batch):
        return HalfSpace()(batch)

    images = np.linspace(0, 1, 5 * DIM).reshape(5, DIM)
    found = certified(halves, images, torch.arange(5) % 2)
    assert votes(found) == votes(certified())
    model = dict(found.header.model)
    answers = model.pop("clean")
    assert model == {"name": "halves", "digest": None}
    sums = images.sum(1) / DIM**0.5  # the logits are 0 and this
    assert [label for label, _ in answers] == [1] * 5
    assert [lead for _, lead in answers] == pytest.approx(sums, rel=1e-3)


def test_the_bar_tells_rate_and_accuracies(capsys):
    certified(progress=True)
    told = capsys.readouterr().err
    assert "5/5" in told and "image" in told and "clean" in told and "under noise" in told


def test_the_bar_is_there_before_the_model_is_looked_at(capsys):
    class Silent(HalfSpace):
        def forward(self, batch):
            told.append(capsys.readouterr().err)
            time.sleep(0.15 * (len(told) < 5))  # a bar is drawn ten times a second
            return super().forward(batch)

    told = []
    certified(Silent(), torch.zeros(50, DIM), progress=True, batch_size=10, n0=1, n=1)
    assert "votes" in told[0] and "clean images, 10 of 50" in told[1] and "clean images, 30 of 50" in told[3]


def test_a_run_that_does_not_begin_leaves_no_bar(capsys):
    with pytest.raises(ValueError, match="labels go up to 7"):
        certified(labels=[7] * 5, progress=True)
    told = capsys.readouterr().err
    assert told.endswith("\r") and "\n" not in told


@pytest.mark.parametrize(("side", "threads", "used"), [(8, None, 1), (32, None, 2), (8, 2, 2), (32, 1, 1)])
def test_small_images_run_on_one_thread_and_the_setting_is_put_back(side, threads, used):
    seen = set()

    def model(batch):
        seen.add(torch.get_num_threads())
        return batch.flatten(1)[:, :2]

    torch.set_num_threads(2)
    try:
        certified(model, torch.zeros(1, side, side), [0], threads=threads)
        with pytest.raises(ZeroDivisionError):
            certified(lambda batch: 1 / 0, torch.zeros(1, side, side), [0], threads=threads)
        assert seen == {used} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_digits_net_is_certified_with_dimension_given():
    torch.manual_seed(0)
    found = certified(DigitsNet().eval(), torch.rand(2, 1, 8, 8), [3, 4], Gaussian(0.25, dim=64))
    assert len(found) == 2 and found.header.noise["dim"] == 64
