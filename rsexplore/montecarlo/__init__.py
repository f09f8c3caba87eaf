"""Certification by sampling: the only part that needs torch."""

from rsexplore.montecarlo.certify import certify
from rsexplore.montecarlo.counts import class_counts
from rsexplore.montecarlo.logfile import LogInUseError
from rsexplore.montecarlo.logits import ModelOutputError
from rsexplore.montecarlo.models import CheckpointError, card, digest, load_model, names
from rsexplore.montecarlo.networks import ARCHITECTURES, CifarResNet, DigitsNet
from rsexplore.montecarlo.predict import predict
from rsexplore.montecarlo.quality import Accuracies, accuracies
from rsexplore.montecarlo.rng import TorchRng

__all__ = [
    "ARCHITECTURES",
    "Accuracies",
    "CheckpointError",
    "CifarResNet",
    "DigitsNet",
    "LogInUseError",
    "ModelOutputError",
    "TorchRng",
    "accuracies",
    "card",
    "certify",
    "class_counts",
    "digest",
    "load_model",
    "names",
    "predict",
]
