"""Certification by sampling: the only part that needs torch."""

from rsexplore.beyond import safetensors, torch, tqdm  # noqa: F401  says what is missing
from rsexplore.montecarlo.attack import Perturbations, attack
from rsexplore.montecarlo.certify import Progress, certify
from rsexplore.montecarlo.checkpoints import CheckpointError
from rsexplore.montecarlo.engine import class_counts
from rsexplore.montecarlo.images import ImagesUnavailableError, cifar10, imagenet
from rsexplore.montecarlo.logfile import LogInUseError
from rsexplore.montecarlo.logits import ModelOutputError
from rsexplore.montecarlo.models import card, digest, load_model, names, normalization
from rsexplore.montecarlo.networks import ARCHITECTURES, NORMALIZATIONS, CifarResNet, DigitsNet, Normalize, WideResNet
from rsexplore.montecarlo.pixels import devices
from rsexplore.montecarlo.predict import predict
from rsexplore.montecarlo.rng import TorchRng
from rsexplore.montecarlo.runner import Accuracies, accuracies
from rsexplore.montecarlo.sources import data_name, load_images

__all__ = [
    "ARCHITECTURES",
    "NORMALIZATIONS",
    "Accuracies",
    "CheckpointError",
    "CifarResNet",
    "DigitsNet",
    "ImagesUnavailableError",
    "LogInUseError",
    "ModelOutputError",
    "Normalize",
    "Perturbations",
    "Progress",
    "TorchRng",
    "WideResNet",
    "accuracies",
    "attack",
    "card",
    "certify",
    "cifar10",
    "class_counts",
    "data_name",
    "devices",
    "digest",
    "imagenet",
    "load_images",
    "load_model",
    "names",
    "normalization",
    "predict",
]
