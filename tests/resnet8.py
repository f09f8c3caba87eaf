"""A small network, its parameters as files hold them, and pickles that run something."""

import os

import pytest
import torch
from torch import nn

from rsexplore.montecarlo import ARCHITECTURES, load_model, networks

torch.set_num_threads(1)
IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def lively(net):
    """A net in evaluation mode with batch statistics that are not 0 and 1."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.1, 0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return net.eval()


torch.manual_seed(0)
NET, OTHER = lively(networks.CifarResNet(8)), lively(networks.CifarResNet(8))
STATE = NET.state_dict()
ARCH = {"arch": "cifar_resnet8", "normalize": "none"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Register the network by name."""
    monkeypatch.setitem(ARCHITECTURES, "cifar_resnet8", lambda **options: networks.CifarResNet(8, **options))


def under(prefix, state=STATE):
    """A state with something before every name."""
    return {prefix + key: value for key, value in state.items()}


def changed(state, **changes):
    """A state with some values replaced, or left out where None; `__` stands for a dot."""
    mixed = dict(state) | {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in mixed.items() if value is not None}


def load(held, tmp_path, **options):
    """Save and load; by default as an architecture that the fixture `small` registers, not normalised."""
    torch.save(held, tmp_path / "model.pth")
    return load_model(tmp_path / "model.pth", **ARCH | options)


def same(model, wanted=NET):
    """Whether the logits are the same to the bit."""
    with torch.no_grad():
        return torch.equal(model(IMAGES), wanted(IMAGES))


class Evil:
    """Pickles to a command that leaves a mark."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class Expression(Evil):
    """Pickles to a call of eval."""

    def __reduce__(self):
        return eval, (f"__import__('os').mkdir({str(self.marker)!r})",)
