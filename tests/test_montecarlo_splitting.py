"""Exact votes under splitting noise: every offset once, whatever the batches, and a log that says so."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from halfspace import votes
from test_uniform import by_the_paper

import rsexplore as rs
from rsexplore.montecarlo import TorchRng, accuracies, attack, certify, predict, recipe, train
from rsexplore.montecarlo.train import Run
from rsexplore.noises import Splitting

NOISE = Splitting(0.625, 8, 4, seed=3)
IMAGES = torch.randint(9, (7, 1, 2, 2), generator=torch.Generator().manual_seed(0)) / 8


class Bands(torch.nn.Module):
    """Class 0, 1 or 2 by bands of a weighted sum that are narrower than a step of the noise."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weights", torch.tensor([1.0, 2.5, 4.25, 7.125]))
        self.eval()

    def forward(self, batch):
        place = (batch.flatten(1) @ self.weights.to(batch.dtype) * 1.3) % 3
        return torch.nn.functional.one_hot(place.long().clamp(max=2), 3).to(batch.dtype)


def run(images=IMAGES, **options):
    return certify(Bands(), images, np.zeros(len(images), dtype=int), NOISE, **{"progress": False} | options)


@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"batch_size": 64}])
def test_the_vote_is_that_of_every_offset_by_the_paper_s_formula(options):
    found = run(**options)
    for row, image in zip(found.rows, IMAGES, strict=True):
        every = torch.tensor([*by_the_paper(NOISE, image.flatten().tolist())], dtype=torch.float32)
        assert dict(row.counts) == Counter(Bands()(every).argmax(1).tolist())
        assert row.draws == NOISE.outcomes == 10 and not row.counts0 and row.end == "at n"
    assert len({tuple(row.counts.items()) for row in found.rows}) > 4


def test_the_log_says_that_votes_are_exact_and_is_gone_on_with(tmp_path):
    log = tmp_path / "run.tsv"
    found = run(log=log)
    head = json.loads(log.read_text().partition("\n")[0])
    assert (head["alpha"], head["n0"], head["n"], head["seed"], head["select"]) == (0.0, 0, 10, None, "votes")
    whole = log.read_bytes()
    log.write_bytes(b"\n".join(whole.split(b"\n")[:5]) + b"\n")  # three images
    assert votes(run(log=log)) == votes(found) == votes(rs.records.read(log))
    with pytest.raises(rs.records.LogHeaderError, match="noise="):
        certify(Bands(), IMAGES, [0] * 7, Splitting(0.625, 8, 4), progress=False, log=log)
    with pytest.raises(ValueError, match="votes of a sample at a level, got exact ones"):
        rs.explorers.one_image(found, IMAGES)
    with pytest.raises(ValueError, match="moves the level of votes, got exact ones"):
        rs.explorers.certified_accuracy(found)
    picture = rs.pictures.certified_accuracy([rs.accuracy.curve(found, "splitting-l1")], labels=["ours"])
    assert "0.6249: the most that 10 votes give, exact" in picture.desc


@pytest.mark.parametrize(
    "wish", [{"alpha": 0.01}, {"n": 10}, {"n0": 100}, {"radius": 0.1}, {"precision": 0.1}, {"grid": 8}]
)
def test_what_a_sample_needs_is_refused(wish):
    with pytest.raises(ValueError, match=rf"10 outcomes of Splitting.* are exact; leave out {next(iter(wish))}="):
        run(**wish)


def test_images_off_the_grid_and_what_would_sample_are_refused():
    for wrong in (IMAGES * 0.9, IMAGES - 1 / 8, IMAGES + 1 / 8):
        with pytest.raises(ValueError, match=r"Splitting: pixels must be whole multiples of 1/8 from 0 to 1, got"):
            run(wrong)
    for sampling in (predict, attack, lambda *run: accuracies(run[0], run[1], np.zeros(7, dtype=int), run[2])):
        with pytest.raises(ValueError, match="are exact, not drawn; only certify takes it"):
            sampling(Bands(), IMAGES, NOISE)


def test_a_network_is_trained_on_its_copies_and_its_file_says_so(tmp_path):
    noise = Splitting(1.0, 16, 64)
    asked = recipe("digits", noise=noise, epochs=1, images=64)
    path = train(asked, tmp_path / "net.safetensors", progress=False)
    assert rs.noises.from_dict(rs.montecarlo.load_model(path).trained["noise"]) == noise
    images = torch.from_numpy(rs.data.digits().train.images[:3])
    seen = Run(asked, 1, torch.device("cpu"))._noisy(images, TorchRng(0))
    for image, copy in zip(images, seen, strict=True):
        every = np.array([*by_the_paper(noise, image.flatten().tolist())])
        assert (abs(every - copy.flatten().numpy()) < 1e-6).all(1).sum() == 1
