"""A classifier whose robust radius is known, and a small certification of it."""

import time

import numpy as np
import torch

from rsexplore import data
from rsexplore.montecarlo import certify, load_model
from rsexplore.noises import Gaussian

torch.set_num_threads(1)
NOISE = Gaussian(0.5)
DIM = 16


def certified(model=None, images=None, labels=None, noise=NOISE, n0=None, n=300, **options):
    """A small certification without a bar; of 20 selecting draws, but for a wanted radius or precision."""
    n0 = 20 if (n0, options.get("radius"), options.get("precision")) == (None, None, None) else n0
    images = torch.linspace(0, 1, 5 * DIM).reshape(5, DIM) if images is None else images
    labels = np.arange(len(images)) % 2 if labels is None else labels
    return certify(model or HalfSpace(), images, labels, noise, n0, n, **{"progress": False} | options)


class HalfSpace(torch.nn.Module):
    """Class 1 where direction . x > 0; the distance to the other class is |direction . x| for a unit direction.

    It remembers the sizes of its batches.
    """

    def __init__(self, direction=None):
        super().__init__()
        direction = torch.ones(DIM) / DIM**0.5 if direction is None else direction
        self.register_buffer("direction", direction)
        self.sizes = []
        self.eval()

    def forward(self, batch):
        self.sizes.append(len(batch))
        side = batch.flatten(1) @ self.direction
        return torch.stack([torch.zeros_like(side), side], dim=1)


class Slow(HalfSpace):
    """Takes some seconds for every batch."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def forward(self, batch):
        time.sleep(self.seconds)
        return super().forward(batch)


def digits(count, name="digits-gaussian-0.5"):
    """A shipped network, and the first of the test digits with their labels."""
    test = data.digits().test
    return load_model(name), test.images[:count], test.labels[:count]


def decided(found):
    """All that a run says of its images, but for the time."""
    return {row.index: (row.label, dict(row.counts0), dict(row.counts), row.predict, row.end) for row in found.rows}


def votes(found):
    return {row.index: (dict(row.counts0), dict(row.counts)) for row in found.rows}
