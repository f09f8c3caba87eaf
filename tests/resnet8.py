"""A small network, and its parameters as files hold them."""

import torch
from torch import nn

from rsexplore.montecarlo import load_model, networks

torch.set_num_threads(1)
IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def lively(net):
    """Give a net batch statistics that are not 0 and 1."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.1, 0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return net.eval()


torch.manual_seed(0)
NET, OTHER = lively(networks.CifarResNet(8)), lively(networks.CifarResNet(8))
STATE = NET.state_dict()
ARCH = {"arch": "cifar_resnet8", "normalize": "none"}


def under(prefix, state=STATE):
    """A state with something before every name."""
    return {prefix + key: value for key, value in state.items()}


def load(held, tmp_path, **options):
    """Save and load; by default as an architecture that the fixture `small` registers, not normalised."""
    torch.save(held, tmp_path / "model.pth")
    return load_model(tmp_path / "model.pth", **ARCH | options)


def same(model, wanted=NET):
    """Whether the logits are the same to the bit."""
    with torch.no_grad():
        return torch.equal(model(IMAGES), wanted(IMAGES))
