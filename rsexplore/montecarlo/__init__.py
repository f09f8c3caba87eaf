"""Certification by sampling: the only part that needs torch."""

from rsexplore.montecarlo.attack import Perturbations, attack
from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.checkpoints import CheckpointError
from rsexplore.montecarlo.counts import class_counts
from rsexplore.montecarlo.images import ImagesUnavailableError, cifar10, imagenet
from rsexplore.montecarlo.logfile import LogInUseError
from rsexplore.montecarlo.logits import ModelOutputError
from rsexplore.montecarlo.models import card, digest, load_model, names
from rsexplore.montecarlo.networks import ARCHITECTURES, NORMALIZATIONS, CifarResNet, DigitsNet, Normalize, WideResNet
from rsexplore.montecarlo.predict import predict
from rsexplore.montecarlo.quality import Accuracies, accuracies
from rsexplore.montecarlo.rng import TorchRng

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
    "TorchRng",
    "WideResNet",
    "accuracies",
    "attack",
    "card",
    "certify",
    "cifar10",
    "class_counts",
    "digest",
    "imagenet",
    "load_model",
    "names",
    "predict",
]
